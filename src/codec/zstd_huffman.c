/* SPDX-License-Identifier: MIT */
/* zstd_huffman.c - literals with one code for a whole piece, made from a sample of it
 *
 * The library counts the bytes of every block before it codes them, which takes longer than
 * coding. The bytes of weights are spread alike from the first block of a piece to its
 * last: a thirtieth of them says how. The library compresses such a sample, in which every
 * byte occurs; from its block we take the description of the code, as it is, and read it.
 * The piece's first block brings that description, the others refer to it. A block:
 *
 *     u2 type of literals (2: a description follows, 3: as before), u2 3: four streams,
 *     u18 bytes of content, u18 bytes of all that follows but the last
 *     description, in the first block
 *     streams of codes, see zstd_huffman_encode.c
 *     u8 0: no sequences
 */
#ifdef FLETCH_WITH_ZSTD
#include "base/bytes.h"
#include "codec/zstd_internal.h"

#include <string.h>

#define LITERALS_HEADER ((size_t)5)
/* Blocks that are shorter are not worth a thought. */
#define CODED_MIN ((size_t)1024)

/* The longest code of the format, and the largest weight in a description. */
#define CODE_BITS_MAX 11
#define WEIGHTS_LOG_MAX 6 /* of the table that decodes weights */

/* ---- The sample ---- */

/* Fixed point, 16 bits behind the point, within 0.003. */
static uint64_t log2_of(uint32_t x)
{
    const unsigned whole = 31 - (unsigned)__builtin_clz(x);
    const uint64_t rest = ((uint64_t)x << 16 >> whole) - (1 << 16);

    return ((uint64_t)whole << 16) + rest + (rest * ((1 << 16) - rest) >> 16) * 22 / 64;
}

/* Bits, at best, of `size` bytes that are counted in counts[256]. */
static uint64_t entropy_of(const uint32_t *counts, uint32_t size)
{
    uint64_t bits = size * log2_of(size);

    for (size_t i = 0; i < FLETCH_ZSTD_BYTES; i++)
        if (counts[i])
            bits -= counts[i] * log2_of(counts[i]);
    return bits >> 16;
}

void fletch_zstd_sample_take(struct fletch_zstd_sample *sample, const uint8_t *content,
                             size_t size)
{
    const size_t strips = FLETCH_ZSTD_SAMPLE / FLETCH_ZSTD_STRIP, step = size / strips;
    uint32_t scatter = 1;

    for (size_t i = 0; i < strips; i++) {
        /* Not at regular distances: rows of a matrix are. */
        const size_t at = i * step + (scatter >> 8) % (step - FLETCH_ZSTD_STRIP + 1);

        memcpy(sample->bytes + i * FLETCH_ZSTD_STRIP, content + at, FLETCH_ZSTD_STRIP);
        scatter = scatter * UINT32_C(1664525) + UINT32_C(1013904223);
    }
    for (size_t i = 0; i < FLETCH_ZSTD_BYTES; i++)
        sample->bytes[FLETCH_ZSTD_SAMPLE + i] = (uint8_t)i;
}

bool fletch_zstd_sample_is_even(const struct fletch_zstd_sample *sample,
                                const struct fletch_zstd_code *code, size_t parts)
{
    const uint32_t part = (uint32_t)(FLETCH_ZSTD_SAMPLE / parts);

    for (size_t i = 0; i < parts; i++) {
        uint32_t counts[FLETCH_ZSTD_BYTES] = { 0 };
        uint64_t bits = 0, best;

        for (size_t j = 0; j < part; j++)
            counts[sample->bytes[i * part + j]]++;
        for (size_t j = 0; j < FLETCH_ZSTD_BYTES; j++)
            bits += counts[j] * (code->of[j] & 63);
        best = entropy_of(counts, part);
        /* Of that, 1 % is due to so small a sample seeming simpler than it is. */
        if (bits > best + best / 64)
            return false;
    }
    return true;
}

/* ---- Reading a description ---- */

struct state {
    uint8_t weight;
    uint8_t bits;
    uint8_t base;
};

struct bits {
    const uint8_t *bytes;
    size_t size;
};

/* Bits from the lowest of the first byte upwards; behind the end there are zeros. */
static uint32_t get_bits(const struct bits *in, size_t at, unsigned count)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < count; i++, at++)
        if (at / 8 < in->size)
            value |= (uint32_t)(in->bytes[at / 8] >> at % 8 & 1) << i;
    return value;
}

static unsigned highest_bit(uint32_t x)
{
    return 31 - (unsigned)__builtin_clz(x);
}

/* How often each weight is a state of the table, -1 for once at its end; the bytes that say
 * so, or 0 when they are not as they must be. */
static size_t read_shares(int8_t shares[CODE_BITS_MAX + 2], unsigned *log,
                          const struct bits *in)
{
    int left;
    unsigned weight = 0;
    size_t at = 4;

    *log = 5 + get_bits(in, 0, 4);
    if (*log > WEIGHTS_LOG_MAX)
        return 0;
    left = 1 << *log;
    memset(shares, 0, CODE_BITS_MAX + 2);
    while (left > 0 && weight < CODE_BITS_MAX + 2) {
        const unsigned size = highest_bit((uint32_t)left + 1) + 1;
        const uint32_t low = (UINT32_C(1) << (size - 1)) - 1;
        const uint32_t short_ones = (UINT32_C(1) << size) - 2 - (uint32_t)left;
        uint32_t value = get_bits(in, at, size);

        at += size;
        if ((value & low) < short_ones) {
            value &= low;
            at--;
        } else if (value > low) {
            value -= short_ones;
        }
        shares[weight] = (int8_t)((int)value - 1);
        left -= value ? (int)value - 1 : 1;
        weight++;
        for (uint32_t more = value == 1 ? 3 : 0; more == 3; at += 2) {
            more = get_bits(in, at, 2);
            weight += more;
        }
    }
    return left ? 0 : (at + 7) / 8;
}

static void make_states(struct state *states, unsigned log,
                        const int8_t shares[CODE_BITS_MAX + 2])
{
    const unsigned size = 1u << log, step = (size >> 1) + (size >> 3) + 3;
    unsigned end = size, at = 0, next[CODE_BITS_MAX + 2];

    for (unsigned i = 0; i < CODE_BITS_MAX + 2; i++) {
        next[i] = shares[i] < 0 ? 1 : (unsigned)shares[i];
        if (shares[i] < 0)
            states[--end].weight = (uint8_t)i;
    }
    for (unsigned i = 0; i < CODE_BITS_MAX + 2; i++)
        for (int j = 0; j < shares[i]; j++) {
            states[at].weight = (uint8_t)i;
            do
                at = (at + step) & (size - 1);
            while (at >= end);
        }
    for (unsigned i = 0; i < size; i++) {
        const unsigned count = next[states[i].weight]++;

        states[i].bits = (uint8_t)(log - highest_bit(count));
        states[i].base = (uint8_t)((count << states[i].bits) - size);
    }
}

/* The weights of all bytes but the last; their number. */
static size_t read_weights(uint8_t weights[FLETCH_ZSTD_BYTES], const struct bits *in)
{
    int8_t shares[CODE_BITS_MAX + 2];
    struct state states[1 << WEIGHTS_LOG_MAX];
    unsigned log, state[2];
    const size_t begin = read_shares(shares, &log, in);
    size_t count = 0, at = in->size * 8;

    if (!begin || begin >= in->size || !in->bytes[in->size - 1])
        return 0;
    make_states(states, log, shares);
    at -= 8 - highest_bit(in->bytes[in->size - 1]);
    for (int i = 0; i < 2; i++) {
        if (at < begin * 8 + log)
            return 0;
        at -= log;
        state[i] = get_bits(in, at, log);
    }
    /* Both take turns; the one that finds too few bits is done, and the other one's weight
     * is the last. */
    for (int i = 0; count < FLETCH_ZSTD_BYTES - 1; i = !i) {
        const struct state *now = &states[state[i]];

        weights[count++] = now->weight;
        if (at < begin * 8 + now->bits) {
            if (count == FLETCH_ZSTD_BYTES - 1)
                return 0;
            weights[count++] = states[state[!i]].weight;
            return count;
        }
        at -= now->bits;
        state[i] = now->base + get_bits(in, at, now->bits);
    }
    return 0;
}

void fletch_zstd_code_set(struct fletch_zstd_code *code, size_t byte, uint32_t bits,
                          unsigned count)
{
    code->of[byte] = (uint64_t)bits << (64 - count) | count;
    code->low[byte] = (uint8_t)bits;
    code->rest[byte] = (uint8_t)(bits >> 8 << 4 | count);
}

/* A byte of weight w has a code of longest + 1 - w bits. Codes are given out from the
 * longest on, in the order of the bytes. */
static bool make_code(struct fletch_zstd_code *code, uint8_t weights[FLETCH_ZSTD_BYTES])
{
    uint32_t sum = 0, rest, next = 0;
    unsigned longest;

    for (size_t i = 0; i < FLETCH_ZSTD_BYTES - 1; i++) {
        if (!weights[i] || weights[i] > CODE_BITS_MAX)
            return false;
        sum += UINT32_C(1) << (weights[i] - 1);
    }
    longest = highest_bit(sum) + 1;
    rest = (UINT32_C(1) << longest) - sum;
    if (longest > CODE_BITS_MAX || (rest & (rest - 1)))
        return false;
    weights[FLETCH_ZSTD_BYTES - 1] = (uint8_t)(highest_bit(rest) + 1);
    for (unsigned weight = 1; weight <= longest; weight++, next >>= 1)
        for (size_t i = 0; i < FLETCH_ZSTD_BYTES; i++)
            if (weights[i] == weight)
                fletch_zstd_code_set(code, i, next++, longest + 1 - weight);
    return true;
}

bool fletch_zstd_code_read(struct fletch_zstd_code *code, const uint8_t *frame, size_t size,
                           size_t begin)
{
    static const size_t headers[] = { 3, 3, 4, 5 };
    uint8_t weights[FLETCH_ZSTD_BYTES];
    size_t at = begin + FLETCH_ZSTD_BLOCK_HEADER;
    struct bits in;

    if (size <= at + LITERALS_HEADER ||
        fletch_zstd_block_at(frame, begin).type != FLETCH_ZSTD_COMPRESSED ||
        (frame[at] & 3) != FLETCH_ZSTD_LITERALS_WITH_TABLE)
        return false;
    at += headers[frame[at] >> 2 & 3];
    /* From 128 on it would be a plain list, which is too short for all bytes. */
    if (frame[at] >= sizeof(code->description) || frame[at] >= size - at)
        return false;
    code->description_size = 1 + (size_t)frame[at];
    memcpy(code->description, frame + at, code->description_size);
    in = (struct bits){ code->description + 1, code->description_size - 1 };
    return read_weights(weights, &in) == FLETCH_ZSTD_BYTES - 1 && make_code(code, weights);
}

/* ---- Coding ---- */

/* A block with the streams of content[size] at `out`; its size. */
static size_t put_block(uint8_t *out, const uint8_t *content, size_t size,
                        const struct fletch_zstd_code *code, bool describe)
{
    uint8_t *header = out + FLETCH_ZSTD_BLOCK_HEADER, *to = header + LITERALS_HEADER;
    uint64_t bits;

    if (describe) {
        memcpy(to, code->description, code->description_size);
        to += code->description_size;
    }
    to = fletch_zstd_put_streams(to, content, size, code);
    bits = describe ? FLETCH_ZSTD_LITERALS_WITH_TABLE : FLETCH_ZSTD_LITERALS_BORROWING;
    bits |= 3 << 2 | (uint64_t)size << 4;
    bits |= (uint64_t)(to - header - (ptrdiff_t)LITERALS_HEADER) << 22;
    fletch_store_u32(header, (uint32_t)bits);
    header[4] = (uint8_t)(bits >> 32);
    *to++ = 0;
    fletch_zstd_put_block_header(out, false, FLETCH_ZSTD_COMPRESSED, (size_t)(to - header));
    return (size_t)(to - out);
}

static size_t put_raw(uint8_t *out, const uint8_t *content, size_t size)
{
    fletch_zstd_put_block_header(out, false, FLETCH_ZSTD_RAW, size);
    memcpy(out + FLETCH_ZSTD_BLOCK_HEADER, content, size);
    return FLETCH_ZSTD_BLOCK_HEADER + size;
}

void fletch_zstd_put_coded(struct fletch_zstd_block_run *run, const uint8_t *content,
                           size_t size, const struct fletch_zstd_code *code)
{
    bool describe = true;

    run->end = run->begin;
    run->count = 0;
    for (size_t at = 0, block; at < size; at += block, run->count++) {
        const size_t room = FLETCH_ZSTD_BLOCK - (at ? 0 : run->lead);
        uint8_t *out = run->out + run->end;
        size_t put = SIZE_MAX;

        block = size - at < room ? size - at : room;
        if (block >= CODED_MIN)
            put = put_block(out, content + at, block, code, describe);
        if (put > block - block / FLETCH_SHRINK_MIN)
            put = put_raw(out, content + at, block);
        else
            describe = false;
        run->end += put;
    }
}
#else
typedef int fletch_zstd_huffman_is_not_in_this_build;
#endif
