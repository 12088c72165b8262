/* SPDX-License-Identifier: MIT */
/* zstd_lookup.c - tables to decode literals with, from their descriptions in a frame
 *
 *     u8 size below 128: that many bytes of weights, FSE-coded
 *     u8 127 + count:    weights as they are, two to a byte, the first in the upper half
 *
 * A byte of weight w has a code of longest + 1 - w bits, one of weight 0 none. The weight
 * of the last byte that has one is not said: it fills up the table.
 *
 * Where the format's words leave a choice, what the library takes counts; what it may see
 * otherwise is refused here, and thereby left to it.
 */
#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_literals.h"

#include <string.h>

#define BYTES 256
#define WEIGHT_MAX FLETCH_ZSTD_LOOKUP_BITS
#define WEIGHTS (WEIGHT_MAX + 1)
#define PLAIN_LIST 128 /* and above: the weights as they are */
/* Of the table that decodes weights. */
#define STATES_LOG_MIN 5
#define STATES_LOG_MAX 6
#define STATES_MAX (1 << STATES_LOG_MAX)

static unsigned log2_floor(uint32_t x)
{
    return 31 - (unsigned)__builtin_clz(x);
}

/* ---- Weights, FSE-coded ---- */

/* Bits from the first one of a byte string up. */
struct forward {
    const uint8_t *bytes;
    size_t size, at; /* `at` in bits */
};

static uint32_t look(const struct forward *f)
{
    const size_t byte = f->at / 8;
    uint32_t word = 0;

    for (size_t i = 0; i < 3 && byte + i < f->size; i++)
        word |= (uint32_t)f->bytes[byte + i] << 8 * i;
    return word >> f->at % 8;
}

static uint32_t take(struct forward *f, unsigned count)
{
    const uint32_t value = look(f) & ((UINT32_C(1) << count) - 1);

    f->at += count;
    return value;
}

/* How many of the states stand for each weight; -1: the one state at the table's end. */
struct shares {
    int of[WEIGHTS];
    unsigned log;
};

/* A share in as few bits as what is left of the states allows. */
static int take_share(struct forward *f, int left)
{
    const unsigned bits = log2_floor((uint32_t)left + 1) + 1;
    const uint32_t half = UINT32_C(1) << (bits - 1);
    const uint32_t short_ones = 2 * half - 2 - (uint32_t)left;
    const uint32_t value = look(f) & (2 * half - 1);

    if ((value & (half - 1)) < short_ones) {
        f->at += bits - 1;
        return (int)(value & (half - 1)) - 1;
    }
    f->at += bits;
    return (int)(value < half ? value : value - short_ones) - 1;
}

static bool read_shares(struct shares *shares, struct forward *f)
{
    int left;
    size_t weight = 0;

    memset(shares, 0, sizeof(*shares));
    shares->log = STATES_LOG_MIN + take(f, 4);
    if (shares->log > STATES_LOG_MAX)
        return false;
    left = 1 << shares->log;
    while (left > 0 && weight < WEIGHTS) {
        const int share = take_share(f, left);
        uint32_t skip = 3;

        shares->of[weight++] = share;
        left -= share < 0 ? 1 : share;
        while (!share && skip == 3 && weight < WEIGHTS) {
            skip = take(f, 2);
            weight += skip;
        }
    }
    return !left && weight <= WEIGHTS;
}

struct state {
    uint8_t weight, bits, base;
};

static void spread_states(struct state states[STATES_MAX], const struct shares *shares)
{
    const unsigned size = 1u << shares->log, step = size / 2 + size / 8 + 3;
    unsigned top = size, at = 0, seen[WEIGHTS];

    for (unsigned w = 0; w < WEIGHTS; w++)
        if (shares->of[w] < 0)
            states[--top].weight = (uint8_t)w;
    for (unsigned w = 0; w < WEIGHTS; w++) {
        seen[w] = shares->of[w] < 0 ? 1 : (unsigned)shares->of[w];
        for (int i = 0; i < shares->of[w]; i++) {
            states[at].weight = (uint8_t)w;
            do
                at = (at + step) % size;
            while (at >= top);
        }
    }
    for (unsigned i = 0; i < size; i++) {
        const unsigned nth = seen[states[i].weight]++;

        states[i].bits = (uint8_t)(shares->log - log2_floor(nth));
        states[i].base = (uint8_t)((nth << states[i].bits) - size);
    }
}

/* The `count` bits that end at bit *at, which then is where they began; false when fewer
 * are left behind `begin`. */
static bool take_back(uint32_t *value, const uint8_t *bytes, size_t size, size_t begin,
                      size_t *at, unsigned count)
{
    struct forward f = { bytes, size, 0 };

    if (*at < begin + count)
        return false;
    f.at = *at -= count;
    *value = take(&f, count);
    return true;
}

/* The weights at in[size]: two states take turns, until one has no bits left. */
static size_t read_coded(uint8_t weights[BYTES], const uint8_t *in, size_t size)
{
    struct forward f = { in, size, 0 };
    struct state states[STATES_MAX];
    struct shares shares;
    uint32_t turn[2], more;
    size_t count = 0, begin, at;

    if (!read_shares(&shares, &f))
        return 0;
    begin = (f.at + 7) / 8 * 8;
    if (begin / 8 >= size || !in[size - 1])
        return 0;
    spread_states(states, &shares);
    at = 8 * (size - 1) + log2_floor(in[size - 1]);
    if (!take_back(&turn[0], in, size, begin, &at, shares.log) ||
        !take_back(&turn[1], in, size, begin, &at, shares.log))
        return 0;
    for (size_t i = 0; count + 2 < BYTES; i = !i) {
        const struct state *now = &states[turn[i]];

        weights[count++] = now->weight;
        if (!take_back(&more, in, size, begin, &at, now->bits)) {
            weights[count++] = states[turn[!i]].weight;
            return count;
        }
        turn[i] = now->base + more;
    }
    return 0;
}

/* ---- Tables ---- */

/* Adds the last weight; false unless all of them fill a table. */
static bool complete(uint8_t weights[BYTES], size_t *count, unsigned *log)
{
    uint32_t sum = 0, rest, ones = 0;

    for (size_t i = 0; i < *count; i++) {
        if (weights[i] > WEIGHT_MAX)
            return false;
        sum += UINT32_C(1) << weights[i] >> 1;
    }
    if (!sum)
        return false;
    *log = log2_floor(sum) + 1;
    rest = (UINT32_C(1) << *log) - sum;
    if (*log > FLETCH_ZSTD_LOOKUP_BITS || (rest & (rest - 1)))
        return false;
    weights[(*count)++] = (uint8_t)(log2_floor(rest) + 1);
    for (size_t i = 0; i < *count; i++)
        ones += weights[i] == 1;
    return ones >= 2; /* the longest codes come in pairs */
}

static void fill(struct fletch_zstd_lookup *out, const uint8_t *weights, size_t count,
                 unsigned log)
{
    size_t at = 0;

    for (unsigned w = 1; w <= log; w++) {
        const size_t places = (size_t)1 << (w - 1 + FLETCH_ZSTD_LOOKUP_BITS - log);

        for (size_t i = 0; i < count; i++)
            if (weights[i] == w)
                for (size_t end = at + places; at < end; at++)
                    out->of[at] = (uint16_t)(i << 8 | (log + 1 - w));
    }
}

size_t fletch_zstd_lookup_read(struct fletch_zstd_lookup *out, const uint8_t *in,
                               size_t size)
{
    uint8_t weights[BYTES] = { 0 };
    size_t count, used;
    unsigned log;

    if (!size)
        return 0;
    if (in[0] >= PLAIN_LIST) {
        count = (size_t)in[0] - PLAIN_LIST + 1;
        used = 1 + (count + 1) / 2;
        if (used > size)
            return 0;
        for (size_t i = 0; i < count; i++)
            weights[i] = i % 2 ? in[1 + i / 2] & 15 : in[1 + i / 2] >> 4;
    } else {
        used = 1 + (size_t)in[0];
        if (used > size)
            return 0;
        count = read_coded(weights, in + 1, in[0]);
    }
    if (!count || !complete(weights, &count, &log))
        return 0;
    fill(out, weights, count, log);
    return used;
}
#else
typedef int fletch_zstd_lookup_is_not_in_this_build;
#endif
