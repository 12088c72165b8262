/* SPDX-License-Identifier: MIT */
/* contents.h - content to compress: what weights look like, and what is nasty to cut up */
#ifndef FLETCH_TESTS_CONTENTS_H
#define FLETCH_TESTS_CONTENTS_H

#include <stdint.h>
#include <string.h>

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return next_random(state) % limit;
}

enum content_kind {
    CONTENT_ZEROS,
    CONTENT_PERIOD_1,
    CONTENT_PERIOD_3,
    CONTENT_PERIOD_4,
    CONTENT_PERIOD_8,
    CONTENT_PERIOD_12,
    CONTENT_PERIOD_1000,
    CONTENT_IDS,     /* int64 0, 1, 2, ... */
    CONTENT_TEXT,    /* words */
    CONTENT_WEIGHTS, /* 16 bit: a random low byte, a few high ones */
    CONTENT_RANDOM,
    CONTENT_MIXED, /* runs of all of these, of any length */
    CONTENT_KINDS
};

static inline void fill_period(uint8_t *out, size_t size, size_t period, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        out[i] = i < period ? (uint8_t)next_random(state) : out[i - period];
}

static inline void fill_ids(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)((uint64_t)(i / 8) >> 8 * (i % 8));
}

static inline void fill_text(uint8_t *out, size_t size, uint64_t *state)
{
    static const char *const words[] = { "the ", "weight ", "of ",  "layer ", "query ",
                                         "key ", "bias ",   "0.12", "\n",     "encoder " };
    size_t at = 0;

    while (at < size) {
        const char *word = words[random_below(state, 10)];
        const size_t len = strlen(word) < size - at ? strlen(word) : size - at;

        memcpy(out + at, word, len);
        at += len;
    }
}

/* The high bytes are sums, so that those in the middle are the most frequent. */
static inline void fill_weights(uint8_t *out, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++) {
        const uint64_t random = next_random(state);

        out[i] =
            i & 1 ? (uint8_t)((random & 15) + (random >> 8 & 15) + (random >> 16 & 1) * 128)
                  : (uint8_t)(random >> 24);
    }
}

static inline void fill_random(uint8_t *out, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(next_random(state) >> 32);
}

static inline void fill_content(uint8_t *out, size_t size, enum content_kind kind,
                                uint64_t *state)
{
    static const size_t periods[] = {
        [CONTENT_PERIOD_1] = 1, [CONTENT_PERIOD_3] = 3,   [CONTENT_PERIOD_4] = 4,
        [CONTENT_PERIOD_8] = 8, [CONTENT_PERIOD_12] = 12, [CONTENT_PERIOD_1000] = 1000
    };
    size_t at = 0;

    if (kind == CONTENT_ZEROS)
        memset(out, 0, size);
    else if (kind <= CONTENT_PERIOD_1000)
        fill_period(out, size, periods[kind], state);
    else if (kind == CONTENT_IDS)
        fill_ids(out, size);
    else if (kind == CONTENT_TEXT)
        fill_text(out, size, state);
    else if (kind == CONTENT_WEIGHTS)
        fill_weights(out, size, state);
    else if (kind == CONTENT_RANDOM)
        fill_random(out, size, state);
    while (kind == CONTENT_MIXED && at < size) {
        const size_t most = (size_t)1 << random_below(state, 18);
        const size_t run = 1 + (size_t)random_below(state, most);
        const size_t len = run < size - at ? run : size - at;

        fill_content(out + at, len, (enum content_kind)random_below(state, CONTENT_MIXED),
                     state);
        at += len;
    }
}

#endif
