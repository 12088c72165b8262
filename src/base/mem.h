/* SPDX-License-Identifier: MIT */
/* mem.h - the only file that calls malloc; an arena for memory that is freed together
 *
 * An arena hands out memory that is freed all at once. Plans, headers and listings live in
 * one arena per object, so their parts are never freed one by one.
 */
#ifndef FLETCH_BASE_MEM_H
#define FLETCH_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory, or NULL. A size of 0 gives a pointer that may be freed. */
void *fletch_alloc(size_t size);
/* `count` items of `size` bytes, zeroed; NULL also when the product overflows. */
void *fletch_alloc_array(size_t count, size_t size);
/* As realloc, with the product checked; the new part is not zeroed. NULL leaves `old` as it
 * was. */
void *fletch_resize(void *old, size_t count, size_t size);
/* Room for `need` things, at least one, of `size` bytes: `old` itself where *cap is enough,
 * else an array of at least twice as many, and *cap says how many; the new part is not
 * zeroed. NULL leaves both as they were. */
void *fletch_grow(void *old, size_t *cap, size_t need, size_t size);
/* A copy of a string, to be freed with fletch_free. */
char *fletch_strdup(const char *text);
void fletch_free(void *memory);
/* A hint that all of it will be written soon: for a few MB and more the system then hands
 * out large pages, at a fraction of the cost of 4 KiB pages. */
void fletch_expect_use(void *memory, size_t size);

struct fletch_arena_block;

/* Zeroed is empty and ready. */
struct fletch_arena {
    struct fletch_arena_block *blocks; /* newest first */
    size_t used;                       /* of the newest block, bytes */
};

/* Zeroed memory aligned for anything, or NULL. Lives until the release. */
void *fletch_arena_alloc(struct fletch_arena *arena, size_t size);
void *fletch_arena_alloc_array(struct fletch_arena *arena, size_t count, size_t size);
/* As fletch_grow; the old array stays where it is until the release. */
void *fletch_arena_grow(struct fletch_arena *arena, void *old, size_t *cap, size_t need,
                        size_t size);
/* A copy of `len` bytes of text, with a NUL added. */
char *fletch_arena_text(struct fletch_arena *arena, const char *text, size_t len);
char *fletch_arena_strdup(struct fletch_arena *arena, const char *text);
/* printf into the arena; NULL when out of memory. */
char *fletch_arena_format(struct fletch_arena *arena, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
void fletch_arena_release(struct fletch_arena *arena);

#endif
