/* SPDX-License-Identifier: MIT */
/* zstd_huffman_encode.c - the codes of a block's literals, one behind the other
 *
 *     u16 size of the first three streams
 *     four streams, each a quarter of the content
 *
 * A stream begins with the code of its last byte, in the lowest bits, and ends with a one
 * behind that of its first byte. Three ways to write the same bits: in C, the same compiled
 * for BMI2, whose shifts by a variable are most of it, and 64 bytes at a time with tables
 * in the registers of AVX-512 (VBMI).
 */
#ifdef FLETCH_WITH_ZSTD
#include "base/bytes.h"
#include "codec/zstd_internal.h"

#include <string.h>

#define JUMPS ((size_t)6)
#define STREAMS 4

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* That of base/bytes.h goes byte by byte, which not every compiler sees through. */
INLINE void store(uint8_t *to, uint64_t value)
{
    value = fletch_little_u64(value);
    memcpy(to, &value, sizeof(value));
}

/* ---- Byte by byte ---- */

/* Codes on their way to a stream are held at the upper end of a word, the last one highest:
 * each shifts those in front of it down. The lengths that come along in the lower end must
 * be gone before they meet what is to be written. */
struct holder {
    uint8_t *to;
    uint64_t held;
    unsigned bits;
};

/* Writes whole bytes, and too much behind them; at most 7 bits are left. */
INLINE void flush(struct holder *h)
{
    store(h->to, h->held >> ((64 - h->bits) & 63));
    h->to += h->bits >> 3;
    h->bits &= 7;
}

INLINE void hold_one(struct holder *h, uint64_t code)
{
    h->held = h->held >> (code & 63) | (code & ~UINT64_C(15));
    h->bits += (unsigned)code & 63;
}

/* The codes of the five bytes in front of `end`, the last one first: at most 55 bits. */
INLINE void hold_five(struct holder *h, const uint8_t *end, const uint64_t *code)
{
    const uint64_t a = code[end[-1]], b = code[end[-2]], c = code[end[-3]];
    const uint64_t d = code[end[-4]], e = code[end[-5]], sum = (a + b) + (c + d) + e;
    uint64_t five = a >> (b & 63) | b;

    five = five >> (c & 63) | c;
    five = five >> (d & 63) | d;
    five = five >> (e & 63) | e;
    h->held = h->held >> (sum & 63) | (five & ~UINT64_C(15));
    h->bits = (h->bits + (unsigned)sum) & 63;
}

INLINE uint8_t *put_stream(uint8_t *to, const uint8_t *content, size_t size,
                           const struct fletch_zstd_code *code)
{
    struct holder h = { .to = to };

    for (; size % 5; size--) {
        hold_one(&h, code->of[content[size - 1]]);
        flush(&h);
    }
    for (const uint8_t *end = content + size; end != content; end -= 5) {
        hold_five(&h, end, code->of);
        flush(&h);
    }
    h.held = h.held >> 1 | UINT64_C(1) << 63;
    h.bits++;
    flush(&h);
    return h.to + (h.bits ? 1 : 0);
}

static uint8_t *put_stream_c(uint8_t *to, const uint8_t *content, size_t size,
                             const struct fletch_zstd_code *code)
{
    return put_stream(to, content, size, code);
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

__attribute__((target("bmi2"))) static uint8_t *
put_stream_bmi2(uint8_t *to, const uint8_t *content, size_t size,
                const struct fletch_zstd_code *code)
{
    return put_stream(to, content, size, code);
}

/* ---- 64 bytes at a time ---- */

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi2")))
#define VBMI_INLINE VBMI INLINE

/* Bits on their way: `used` bits of `carry` are not written yet, less than 8. */
struct pen {
    uint8_t *to;
    uint64_t carry;
    uint64_t used;
};

/* Writes `count` more bits, at most 56, and too much behind them. */
VBMI_INLINE void put_bits(struct pen *pen, uint64_t bits, uint64_t count)
{
    const uint64_t word = pen->carry | bits << pen->used;

    store(pen->to, word);
    pen->used += count;
    pen->to += pen->used >> 3;
    pen->carry = word >> (pen->used & 56);
    pen->used &= 7;
}

/* A table of 256 bytes. */
struct table {
    __m512i parts[4];
};

VBMI_INLINE struct table load_table(const uint8_t bytes[FLETCH_ZSTD_BYTES])
{
    struct table table;

    for (size_t i = 0; i < 4; i++)
        table.parts[i] = _mm512_loadu_si512(bytes + 64 * i);
    return table;
}

VBMI_INLINE __m512i look_up(const struct table *table, __m512i bytes)
{
    const __m512i *parts = table->parts;
    const __m512i lower = _mm512_permutex2var_epi8(parts[0], bytes, parts[1]);
    const __m512i upper = _mm512_permutex2var_epi8(parts[2], bytes, parts[3]);

    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), lower, upper);
}

/* Bytes that are joined before they are written: through memory, since taking lanes out of
 * registers one by one is slower. */
#define BATCH ((size_t)1024)

/* The codes of fours of bytes, of which the last byte's is lowest. */
struct fours {
    uint64_t even[BATCH / 8], odd[BATCH / 8]; /* bits of fours 0, 2, ... and 1, 3, ... */
    uint32_t counts[BATCH / 4];
};

/* Neighbours are joined in lanes of twice their width: the upper one's bits, and behind
 * them the lower one's, for it comes later in the stream. What is known of 64 bytes goes to
 * place `at` of the batch. */
VBMI_INLINE void join(struct fours *out, size_t at, __m512i low, __m512i rest)
{
    const __m512i one = _mm512_set1_epi16(0x00ff), four = _mm512_set1_epi16(0x000f);
    const __m512i two = _mm512_set1_epi32(0xffff);
    const __m512i upper = _mm512_or_si512(
        _mm512_srli_epi16(low, 8),
        _mm512_and_si512(_mm512_srli_epi16(rest, 4), _mm512_set1_epi16(0x0700)));
    const __m512i lower = _mm512_or_si512(
        _mm512_and_si512(low, one),
        _mm512_slli_epi16(_mm512_and_si512(rest, _mm512_set1_epi16(0x0070)), 4));
    const __m512i upper_count = _mm512_and_si512(_mm512_srli_epi16(rest, 8), four);
    const __m512i count = _mm512_add_epi16(upper_count, _mm512_and_si512(rest, four));
    /* pairs, in lanes of 32 bits */
    const __m512i even =
        _mm512_or_si512(_mm512_and_si512(upper, two),
                        _mm512_sllv_epi32(_mm512_and_si512(lower, two),
                                          _mm512_and_si512(upper_count, two)));
    const __m512i odd =
        _mm512_or_si512(_mm512_srli_epi32(upper, 16),
                        _mm512_sllv_epi32(_mm512_srli_epi32(lower, 16),
                                          _mm512_srli_epi32(upper_count, 16)));
    const __m512i odd_count = _mm512_srli_epi32(count, 16);
    /* fours, in lanes of 64 bits */
    const __m512i half = _mm512_set1_epi64(0xffffffff);

    _mm512_storeu_si512(
        out->even + at / 8,
        _mm512_or_si512(_mm512_and_si512(odd, half),
                        _mm512_sllv_epi64(_mm512_and_si512(even, half),
                                          _mm512_and_si512(odd_count, half))));
    _mm512_storeu_si512(
        out->odd + at / 8,
        _mm512_or_si512(_mm512_srli_epi64(odd, 32),
                        _mm512_sllv_epi64(_mm512_srli_epi64(even, 32),
                                          _mm512_srli_epi64(odd_count, 32))));
    _mm512_storeu_si512(out->counts + at / 4,
                        _mm512_add_epi32(odd_count, _mm512_and_si512(count, two)));
}

VBMI static uint8_t *put_stream_vbmi(uint8_t *to, const uint8_t *content, size_t size,
                                     const struct fletch_zstd_code *code)
{
    const struct table low = load_table(code->low), rest = load_table(code->rest);
    const uint8_t *end = content + size;
    struct pen pen = { .to = to };
    struct fours fours;

    for (; (end - content) % 64; end--) {
        const uint8_t byte = end[-1], more = code->rest[byte];

        put_bits(&pen, code->low[byte] | (uint64_t)(more >> 4) << 8, more & 15);
    }
    while (end != content) {
        const size_t left = (size_t)(end - content), batch = left < BATCH ? left : BATCH;

        end -= batch;
        for (size_t at = 0; at < batch; at += 64) {
            const __m512i bytes = _mm512_loadu_si512(end + at);

            join(&fours, at, look_up(&low, bytes), look_up(&rest, bytes));
        }
        for (size_t i = batch / 8; i--;) {
            put_bits(&pen, fours.odd[i], fours.counts[2 * i + 1]);
            put_bits(&pen, fours.even[i], fours.counts[2 * i]);
        }
    }
    put_bits(&pen, 1, 1);
    return pen.to + (pen.used ? 1 : 0);
}

static fletch_zstd_stream_fn way(size_t i)
{
    const bool bmi2 = __builtin_cpu_supports("bmi2");

    if (i == 1)
        return bmi2 ? put_stream_bmi2 : NULL;
    if (i == 2 && bmi2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi"))
        return put_stream_vbmi;
    return NULL;
}
#else
static fletch_zstd_stream_fn way(size_t i)
{
    (void)i;
    return NULL;
}
#endif

fletch_zstd_stream_fn fletch_zstd_stream_way(size_t i)
{
    return i ? way(i) : put_stream_c;
}

/* ---- Four of them ---- */

uint8_t *fletch_zstd_put_streams(uint8_t *to, const uint8_t *content, size_t size,
                                 const struct fletch_zstd_code *code)
{
    fletch_zstd_stream_fn put = NULL;
    const size_t quarter = (size + STREAMS - 1) / STREAMS;
    uint8_t *jumps = to;

    for (size_t i = 0; fletch_zstd_stream_way(i); i++)
        put = fletch_zstd_stream_way(i);
    to += JUMPS;
    for (size_t i = 0; i < STREAMS; i++) {
        uint8_t *begin = to;

        to = put(to, content + i * quarter, i + 1 < STREAMS ? quarter : size - i * quarter,
                 code);
        if (i + 1 < STREAMS)
            fletch_store_u16(jumps + 2 * i, (uint16_t)(to - begin));
    }
    return to;
}
#else
typedef int fletch_zstd_huffman_encode_is_not_in_this_build;
#endif
