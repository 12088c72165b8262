/* SPDX-License-Identifier: MIT */
/* zstd_literals.h - what the files of our own zstd decoder share
 *
 * It decodes frames that hold literals and nothing else, which is what weights become:
 * zstd_literals.c walks over blocks, zstd_lookup.c makes tables of their descriptions,
 * zstd_walk.c turns streams into bytes. Nothing here is shared with
 * the coder (zstd_huffman.c), or the proof would repeat its mistakes. Whatever is not as
 * expected is left to the library, with damaged frames: what to say of them is its.
 */
#ifndef FLETCH_CODEC_ZSTD_LITERALS_H
#define FLETCH_CODEC_ZSTD_LITERALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Tables ---- */

/* The longest code of the format. */
#define FLETCH_ZSTD_LOOKUP_BITS 11
#define FLETCH_ZSTD_LOOKUP_SIZE ((size_t)1 << FLETCH_ZSTD_LOOKUP_BITS)

/* By the next 11 bits of a stream: the byte, and below it how many of them it took. Codes
 * of one length lie together, the longest first. */
struct fletch_zstd_lookup {
    uint16_t of[FLETCH_ZSTD_LOOKUP_SIZE];
};

/* Of the description at in[size]; the bytes that it takes, 0 when it is none that we know
 * (then *out is undefined). */
size_t fletch_zstd_lookup_read(struct fletch_zstd_lookup *out, const uint8_t *in,
                               size_t size);

/* ---- Streams ---- */

/* A stream of codes on its way: it is read from its last bit down to its first. */
struct fletch_zstd_walk {
    const uint8_t *in;
    size_t left;       /* bits that are not read yet, from the first of in[] on */
    uint8_t *to, *end; /* what it gives */
};

/* Takes the streams part of the way, as long as nothing need be looked at twice. Streams of
 * about one length go best. */
typedef void fletch_zstd_walk_fn(struct fletch_zstd_walk *walks, size_t count,
                                 const struct fletch_zstd_lookup *lookup);
/* Of which so many go side by side. */
#define FLETCH_ZSTD_WALKS ((size_t)8)
/* The i-th way to do so that this processor has, the fastest first, and its name (NULL: not
 * asked); NULL behind the last. */
fletch_zstd_walk_fn *fletch_zstd_walk_way(size_t i, const char **name);

/* False when the last byte holds no end mark. */
bool fletch_zstd_walk_begin(struct fletch_zstd_walk *walk, const uint8_t *in, size_t size,
                            uint8_t *out, size_t out_size);
/* Takes them to their ends, `quickly` first (NULL: not at all); false unless each has
 * exactly as many bits as its bytes take. */
bool fletch_zstd_walk_all(struct fletch_zstd_walk *walks, size_t count,
                          const struct fletch_zstd_lookup *lookup,
                          fletch_zstd_walk_fn *quickly);

/* ---- Frames ---- */

struct fletch_zstd_literals;

/* What became of a step. */
enum fletch_zstd_step {
    FLETCH_ZSTD_STEP_MORE,    /* it did what it could */
    FLETCH_ZSTD_STEP_ENDED,   /* the frame has ended, all its content is out */
    FLETCH_ZSTD_STEP_UNTAKEN, /* it is none of ours, and nothing was given: the step took
                                 nothing, and what those before it took is kept */
    FLETCH_ZSTD_STEP_LOST     /* it is none of ours, and something may have been given */
};

/* NULL: no memory. */
struct fletch_zstd_literals *fletch_zstd_literals_open(void);
void fletch_zstd_literals_close(struct fletch_zstd_literals *literals);
/* The next byte will be the first of a frame. in_left bytes are all that can come of it and
 * what is behind it, and out_left all that may be given. */
void fletch_zstd_literals_begin(struct fletch_zstd_literals *literals, uint64_t in_left,
                                uint64_t out_left);
/* As stream_step in codec.h, up to the end of the frame: sets both sizes to what it took
 * and gave. Takes all of its input while the frame has not ended, unless there is no room
 * for what it gives. */
enum fletch_zstd_step fletch_zstd_literals_step(struct fletch_zstd_literals *literals,
                                                const uint8_t *in, size_t *in_size,
                                                uint8_t *out, size_t *out_size);
/* The bytes of an untaken frame that steps before the last one took; *size of them. */
const uint8_t *fletch_zstd_literals_untaken(const struct fletch_zstd_literals *literals,
                                            size_t *size);

#endif
