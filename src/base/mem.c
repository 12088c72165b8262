/* SPDX-License-Identifier: MIT */
/* mem.c - see mem.h */
#include "base/mem.h"

#include "base/os.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Large enough that a plan of a few hundred rows fits into a handful of blocks. */
#define ARENA_BLOCK_SIZE ((size_t)16 * 1024)
/* Of most processors. A wrong size only weakens the hint. */
#define LARGE_PAGE ((size_t)2 << 20)

/* Things that a growing array has room for at first. */
#define GROW_LEAST ((size_t)16)

struct fletch_arena_block {
    struct fletch_arena_block *next;
    size_t size;
    max_align_t bytes[];
};

void *fletch_alloc(size_t size)
{
    return calloc(1, size ? size : 1);
}

void *fletch_alloc_array(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return fletch_alloc(count * size);
}

void *fletch_resize(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return realloc(old, count && size ? count * size : 1);
}

/* How many to make room for: twice as many as before, so that each is moved a few times at
 * most. 0 where that is more than can be counted. */
static size_t grown_cap(size_t cap, size_t need)
{
    size_t more = cap ? cap : GROW_LEAST;

    while (more < need) {
        if (more > SIZE_MAX / 2)
            return 0;
        more *= 2;
    }
    return more;
}

void *fletch_grow(void *old, size_t *cap, size_t need, size_t size)
{
    size_t more = grown_cap(*cap, need);
    void *grown;

    if (need <= *cap)
        return old;
    grown = more ? fletch_resize(old, more, size) : NULL;
    if (grown)
        *cap = more;
    return grown;
}

char *fletch_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void fletch_free(void *memory)
{
    free(memory);
}

void fletch_expect_use(void *memory, size_t size)
{
    uintptr_t begin = ((uintptr_t)memory + LARGE_PAGE - 1) & ~(uintptr_t)(LARGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(LARGE_PAGE - 1);

    if (size >= 2 * LARGE_PAGE && begin < end)
        fletch_os_expect_use((char *)memory + (begin - (uintptr_t)memory), end - begin);
}

void *fletch_arena_alloc(struct fletch_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct fletch_arena_block *block = arena->blocks;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    if (!block || size > block->size - arena->used) {
        size_t want = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;

        block = fletch_alloc(sizeof(*block) + want);
        if (!block)
            return NULL;
        block->size = want;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
    }
    arena->used += size;
    return (char *)block->bytes + arena->used - size;
}

void *fletch_arena_alloc_array(struct fletch_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return fletch_arena_alloc(arena, count * size);
}

void *fletch_arena_grow(struct fletch_arena *arena, void *old, size_t *cap, size_t need,
                        size_t size)
{
    size_t more = grown_cap(*cap, need);
    void *grown;

    if (need <= *cap)
        return old;
    grown = more ? fletch_arena_alloc_array(arena, more, size) : NULL;
    if (!grown)
        return NULL;
    if (*cap)
        memcpy(grown, old, *cap * size);
    *cap = more;
    return grown;
}

char *fletch_arena_text(struct fletch_arena *arena, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? fletch_arena_alloc(arena, len + 1) : NULL;

    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *fletch_arena_strdup(struct fletch_arena *arena, const char *text)
{
    return fletch_arena_text(arena, text, strlen(text));
}

char *fletch_arena_format(struct fletch_arena *arena, const char *format, ...)
{
    va_list args, again;
    char *text = NULL;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0)
        text = fletch_arena_alloc(arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void fletch_arena_release(struct fletch_arena *arena)
{
    while (arena->blocks) {
        struct fletch_arena_block *next = arena->blocks->next;

        fletch_free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}
