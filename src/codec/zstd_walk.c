/* SPDX-License-Identifier: MIT */
/* zstd_walk.c - streams of codes back into bytes
 *
 * A byte is a look into a table, by the next bits, which says how many of them it took:
 * each waits for the one before. Streams do not wait for each other, so that eight of them,
 * of two blocks, take turns. Quickly means: as far as all have bits and room for a round;
 * the rest of each goes byte by byte.
 *
 * The streams of a block lie 32 KiB apart in the content, where a cache of 32 KiB has one
 * and the same place for all of them. Hence what they give is gathered before it is put
 * there.
 */
#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_literals.h"

#include "base/bytes.h"

#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#define SHIFT (64 - FLETCH_ZSTD_LOOKUP_BITS)
/* Bytes of a round: their codes fit what a word has left, 56 bits, whatever they are. */
#define ROUND 5
/* What they take of the input, at most. */
#define ROUND_IN 7
#define WORD 8
/* Rounds, before what they gave is put into its place. */
#define ROUNDS_MAX ((size_t)12)
#define STAGE 64 /* >= ROUNDS_MAX * ROUND */

/* ---- Byte by byte ---- */

/* The next bits; behind the last one there are zeros. */
static uint32_t look(const struct fletch_zstd_walk *walk)
{
    const size_t bits = FLETCH_ZSTD_LOOKUP_BITS;
    const size_t begin = walk->left < bits ? 0 : walk->left - bits;
    const uint8_t *at = walk->in + begin / 8;
    const size_t bytes = (walk->left + 7) / 8 - begin / 8;
    uint32_t word = 0;

    for (size_t i = 0; i < bytes; i++)
        word |= (uint32_t)at[i] << 8 * i;
    word = word >> begin % 8;
    if (walk->left < bits)
        word <<= bits - walk->left;
    return word & (FLETCH_ZSTD_LOOKUP_SIZE - 1);
}

static bool walk_to_end(struct fletch_zstd_walk *walk,
                        const struct fletch_zstd_lookup *lookup)
{
    while (walk->to < walk->end) {
        const uint16_t found = lookup->of[look(walk)];
        const size_t bits = found & 0xff;

        if (bits > walk->left)
            return false;
        walk->left -= bits;
        *walk->to++ = (uint8_t)(found >> 8);
    }
    return !walk->left;
}

bool fletch_zstd_walk_begin(struct fletch_zstd_walk *walk, const uint8_t *in, size_t size,
                            uint8_t *out, size_t out_size)
{
    if (!size || !in[size - 1])
        return false;
    *walk = (struct fletch_zstd_walk){
        .in = in,
        .left = 8 * size - 1 - ((size_t)__builtin_clz(in[size - 1]) - 24),
        .to = out,
        .end = out + out_size,
    };
    return true;
}

bool fletch_zstd_walk_all(struct fletch_zstd_walk *walks, size_t count,
                          const struct fletch_zstd_lookup *lookup,
                          fletch_zstd_walk_fn *quickly)
{
    if (quickly)
        quickly(walks, count, lookup);
    for (size_t i = 0; i < count; i++)
        if (!walk_to_end(&walks[i], lookup))
            return false;
    return true;
}

/* ---- Several at once ---- */

/* That of base/bytes.h goes byte by byte, which not every compiler sees through. */
INLINE uint64_t load(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof(word));
    return fletch_little_u64(word);
}

/* Rounds that all of them have input and room for. */
static size_t count_rounds(const struct fletch_zstd_walk *walks, size_t count)
{
    size_t most = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        const size_t in =
            walks[i].left / 8 < WORD ? 0 : (walks[i].left / 8 - WORD) / ROUND_IN;
        const size_t out = (size_t)(walks[i].end - walks[i].to) / ROUND;

        most = in < most ? in : most;
        most = out < most ? out : most;
    }
    return most;
}

/* A stream's next bits, from the highest down. The lowest bit that is set is none of them:
 * it says how many are gone. */
struct reader {
    const uint8_t *at; /* of the word that they came from */
    uint64_t bits;
};

INLINE struct reader open_reader(const struct fletch_zstd_walk *walk)
{
    const uint8_t *at = walk->in + (walk->left + 7) / 8 - WORD;

    return (struct reader){ at, (load(at) | 1) << (-walk->left & 7) };
}

INLINE void close_reader(struct fletch_zstd_walk *walk, struct reader r)
{
    walk->left = 8 * (size_t)(r.at - walk->in) + 64 - (size_t)__builtin_ctzll(r.bits);
}

INLINE void refill(struct reader *r)
{
    const unsigned gone = (unsigned)__builtin_ctzll(r->bits);

    r->at -= gone >> 3;
    r->bits = (load(r->at) | 1) << (gone & 7);
}

INLINE uint8_t next_byte(struct reader *r, const uint16_t *lookup)
{
    const uint16_t found = lookup[r->bits >> SHIFT];

    r->bits <<= found & 63;
    return (uint8_t)(found >> 8);
}

/* Streams take turns by name and not by number, so that each has its registers. */
#define FOUR(what) what(0) what(1) what(2) what(3)
#define EIGHT(what) FOUR(what) what(4) what(5) what(6) what(7)

#define OPEN(i) struct reader r##i = open_reader(&walks[i]);
#define REFILL(i) refill(&r##i);
#define CLOSE(i) close_reader(&walks[i], r##i);

#define DIRECT(i) uint8_t *to##i = walks[i].to;
#define PUT_DIRECT(i, k) to##i[at + (k)] = next_byte(&r##i, lookup);
#define DIRECT_0(i) PUT_DIRECT(i, 0)
#define DIRECT_1(i) PUT_DIRECT(i, 1)
#define DIRECT_2(i) PUT_DIRECT(i, 2)
#define DIRECT_3(i) PUT_DIRECT(i, 3)
#define DIRECT_4(i) PUT_DIRECT(i, 4)
#define MOVE_ON(i) walks[i].to += size;

/* The streams of one block, which leave room in the cache. */
INLINE void walk_four(struct fletch_zstd_walk *walks, const uint16_t *lookup)
{
    for (size_t rounds; (rounds = count_rounds(walks, 4));) {
        const size_t size = rounds * ROUND;

        FOUR(OPEN)
        FOUR(DIRECT)
        for (size_t at = 0; at != size; at += ROUND) {
            FOUR(DIRECT_0)
            FOUR(DIRECT_1)
            FOUR(DIRECT_2)
            FOUR(DIRECT_3)
            FOUR(DIRECT_4)
            FOUR(REFILL)
        }
        FOUR(CLOSE)
        FOUR(MOVE_ON)
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
/* The second byte of a word can be stored as such; compilers rather move it first, or, who
 * know that nothing else can lie in the stages, make vectors of many. */
#define PUT(i, k)                                                                          \
    const uint32_t found_##i##_##k = lookup[r##i.bits >> SHIFT];                           \
                                                                                           \
    r##i.bits <<= found_##i##_##k & 63;                                                    \
    __asm__ volatile(                                                                      \
        "movb %h[found], %c[at](%[to])"                                                    \
        :                                                                                  \
        : [found] "Q"(found_##i##_##k), [to] "R"(to), [at] "i"(STAGE * (i) + (k))          \
        : "memory");
#else
#define PUT(i, k) to[STAGE * (i) + (k)] = next_byte(&r##i, lookup);
#endif
#define PUT_0(i) PUT(i, 0)
#define PUT_1(i) PUT(i, 1)
#define PUT_2(i) PUT(i, 2)
#define PUT_3(i) PUT(i, 3)
#define PUT_4(i) PUT(i, 4)

/* What was gathered from eight streams, into its places. */
INLINE void put_stages(struct fletch_zstd_walk *walks, const uint8_t *stages, size_t size)
{
    for (size_t i = 0; i < 8; i++) {
        if (size == ROUNDS_MAX * ROUND)
            memcpy(walks[i].to, stages + STAGE * i, ROUNDS_MAX * ROUND);
        else
            memcpy(walks[i].to, stages + STAGE * i, size);
        walks[i].to += size;
    }
}

/* There are two sets of stages: what was just written, a byte at a time, would have to be
 * waited for. */
INLINE void walk_eight(struct fletch_zstd_walk *walks, const uint16_t *lookup,
                       uint8_t *stages)
{
    for (size_t rounds; (rounds = count_rounds(walks, 8));) {
        size_t held = 0, side = 0;

        EIGHT(OPEN)
        while (rounds) {
            const size_t now = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
            uint8_t *to = stages + side, *end = to + now * ROUND;

            for (; to != end; to += ROUND) {
                EIGHT(PUT_0)
                EIGHT(PUT_1)
                EIGHT(PUT_2)
                EIGHT(PUT_3)
                EIGHT(PUT_4)
                EIGHT(REFILL)
            }
            side ^= 8 * STAGE;
            put_stages(walks, stages + side, held);
            held = now * ROUND;
            rounds -= now;
        }
        put_stages(walks, stages + (side ^ 8 * STAGE), held);
        EIGHT(CLOSE)
    }
}

INLINE void walk_some(struct fletch_zstd_walk *walks, size_t count,
                      const struct fletch_zstd_lookup *lookup)
{
    uint8_t stages[2 * 8 * STAGE];

    for (; count >= 8; count -= 8, walks += 8) {
        walk_eight(walks, lookup->of, stages);
        /* where one block is longer than the other */
        walk_four(walks, lookup->of);
        walk_four(walks + 4, lookup->of);
    }
    if (count >= 4)
        walk_four(walks, lookup->of);
}

static void walk_c(struct fletch_zstd_walk *walks, size_t count,
                   const struct fletch_zstd_lookup *lookup)
{
    walk_some(walks, count, lookup);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("bmi,bmi2"))) static void
walk_bmi2(struct fletch_zstd_walk *walks, size_t count,
          const struct fletch_zstd_lookup *lookup)
{
    walk_some(walks, count, lookup);
}

static bool has_bmi2(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#else
#define walk_bmi2 walk_c

static bool has_bmi2(void)
{
    return false;
}
#endif

/* ---- The choice ---- */

fletch_zstd_walk_fn *fletch_zstd_walk_way(size_t i, const char **name)
{
    const size_t bmi2 = has_bmi2();

    if (i > bmi2)
        return NULL;
    if (name)
        *name = i < bmi2 ? "BMI2" : "C";
    return i < bmi2 ? walk_bmi2 : walk_c;
}
#else
typedef int fletch_zstd_walk_is_not_in_this_build;
#endif
