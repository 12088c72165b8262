/* SPDX-License-Identifier: MIT */
/* cast_x86.c - casts with AVX2, FMA and F16C, picked at run time
 *
 * The processor converts; what costs is the account. To float16 the elements go in blocks,
 * and in most of them no value overflows, none is NaN and no relative error is a new
 * record. That is found without dividing: in record * value - error no rounding can hide
 * one, the record being lowered a little. Such a block is counted in 16-bit lanes; any
 * other is accounted for value by value.
 *
 * An error is stored - value in the wider type of the two, where it is exact.
 */
#include "tensor/cast_fast.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define VECTORS 8 /* of a block */
#define BLOCK (8 * VECTORS)
/* Elements between two sums, so that the 16-bit counts hold. */
#define SPAN ((size_t)1 << 19)

#define SINGLE_ABS 0x7fffffff
#define SINGLE_INF 0x7f800000
#define SINGLE_QUIET 0x00400000
#define SINGLE_LEAST 0x00800000      /* 2^-126, the least normal float32 */
#define SINGLE_LEAST_HALF 0x38800000 /* 2^-14, the least normal float16 */
#define HALF_ABS 0x7fff
#define HALF_INF 0x7c00
#define HALF_LEAST 0x0400

/* What became of a span. Counts are sums of true comparisons, which are -1. */
struct account {
    /* value by value, int32 lanes */
    __m256i rounded, flushed, subnormal, overflowed, nan;
    /* whole blocks, int16 lanes: unchanged values, subnormal results, zero results */
    __m256i same16, subnormal16, zero16;
    uint64_t counted; /* elements in those blocks */
    uint64_t zeros;   /* of them that were zero before */
    __m256i absolute; /* errors, as float32's bits without sign */
    __m256i relative;
    __m256 record; /* all lanes: just under the largest of `relative` */
};

INLINE __m256i splat(int value)
{
    return _mm256_set1_epi32(value);
}

INLINE __m256i splat16(short value)
{
    return _mm256_set1_epi16(value);
}

INLINE __m256i magnitude(__m256i x)
{
    return _mm256_and_si256(x, splat(SINGLE_ABS));
}

INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256(from);
}

INLINE __m128i load_half(const void *from)
{
    return _mm_loadu_si128(from);
}

INLINE __m128i narrow(__m256i x)
{
    return _mm256_cvtps_ph(_mm256_castsi256_ps(x), _MM_FROUND_TO_NEAREST_INT);
}

INLINE __m256i widen(__m128i half)
{
    return _mm256_castps_si256(_mm256_cvtph_ps(half));
}

INLINE __m256i error_of(__m256i stored, __m256i x)
{
    return magnitude(_mm256_castps_si256(
        _mm256_sub_ps(_mm256_castsi256_ps(stored), _mm256_castsi256_ps(x))));
}

/* Adds one where `yes`, as long as the lanes are read as negative. */
INLINE void count(__m256i *lanes, __m256i yes)
{
    *lanes = _mm256_add_epi32(*lanes, yes);
}

INLINE void count16(__m256i *lanes, __m256i yes)
{
    *lanes = _mm256_add_epi16(*lanes, yes);
}

/* Eight values of a type whose least normal value is `least`, and what became of them. */
INLINE void account_for(struct account *sum, __m256i x, __m128i half, int least)
{
    const __m256i value = magnitude(x), stored = magnitude(widen(half));
    const __m256i zero = _mm256_setzero_si256();
    const __m256i same = _mm256_cmpeq_epi32(stored, value);
    const __m256i finite = _mm256_cmpgt_epi32(splat(SINGLE_INF), stored);
    const __m256i rounded = _mm256_andnot_si256(same, finite);
    const __m256i is_nan = _mm256_cmpgt_epi32(value, splat(SINGLE_INF));
    const __m256i subnormal =
        _mm256_and_si256(_mm256_cmpgt_epi32(splat(SINGLE_LEAST_HALF), stored),
                         _mm256_cmpgt_epi32(value, splat(least - 1)));
    const __m256i error = _mm256_and_si256(error_of(stored, value), rounded);
    /* Zero is never rounded: it gets another divisor, and the ratio 0. */
    const __m256 divisor = _mm256_blendv_ps(_mm256_set1_ps(1), _mm256_castsi256_ps(value),
                                            _mm256_castsi256_ps(rounded));
    const __m256i ratio =
        _mm256_castps_si256(_mm256_div_ps(_mm256_castsi256_ps(error), divisor));

    count(&sum->rounded, rounded);
    count(&sum->flushed, _mm256_andnot_si256(same, _mm256_cmpeq_epi32(stored, zero)));
    count(&sum->subnormal, _mm256_and_si256(subnormal, _mm256_cmpgt_epi32(stored, zero)));
    count(&sum->overflowed,
          _mm256_andnot_si256(_mm256_or_si256(same, is_nan),
                              _mm256_cmpeq_epi32(stored, splat(SINGLE_INF))));
    count(&sum->nan, is_nan);
    sum->absolute = _mm256_max_epi32(sum->absolute, error);
    sum->relative = _mm256_max_epi32(sum->relative, ratio);
}

INLINE float largest_of(__m256i lanes)
{
    int32_t lane[8], most = 0;
    float value;

    memcpy(lane, &lanes, sizeof(lane));
    for (int i = 0; i < 8; i++)
        most = lane[i] > most ? lane[i] : most;
    memcpy(&value, &most, sizeof(value));
    return value;
}

/* ---- To float16, in blocks of float32 ---- */

/* A block with something odd in it, already stored. */
TARGET __attribute__((noinline)) static void
account_block(struct account *sum, const uint8_t *out, const uint8_t *in)
{
    for (int i = 0; i < VECTORS; i++)
        account_for(sum, load(in + 32 * i), load_half(out + 16 * i), SINGLE_LEAST);
    sum->record = _mm256_set1_ps(largest_of(sum->relative) * (1 - 0x1p-20F));
}

TARGET __attribute__((noinline)) static uint64_t zeros_of(const uint8_t *in)
{
    const __m256i zero = _mm256_setzero_si256();
    uint64_t zeros = 0;

    for (int i = 0; i < VECTORS; i++) {
        const __m256i is_zero = _mm256_cmpeq_epi32(magnitude(load(in + 32 * i)), zero);

        zeros += (uint64_t)_mm_popcnt_u32(
            (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_zero)));
    }
    return zeros;
}

INLINE void narrow_block(struct account *sum, uint8_t *out, const uint8_t *in)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i same16 = zero, subnormal16 = zero, zero16 = zero, largest = zero,
            absolute = zero;
    __m256 margin = _mm256_setzero_ps();

    for (int i = 0; i < VECTORS; i += 2) {
        const __m256i x0 = load(in + 32 * i), x1 = load(in + 32 * i + 32);
        const __m128i half0 = narrow(x0), half1 = narrow(x1);
        const __m256i error0 = error_of(widen(half0), x0),
                      error1 = error_of(widen(half1), x1);
        const __m256i half =
            _mm256_and_si256(_mm256_set_m128i(half1, half0), splat16(HALF_ABS));

        _mm_storeu_si128((void *)(out + 16 * i), half0);
        _mm_storeu_si128((void *)(out + 16 * i + 16), half1);
        absolute = _mm256_max_epi32(absolute, _mm256_max_epi32(error0, error1));
        margin = _mm256_min_ps(margin, _mm256_fmsub_ps(sum->record,
                                                       _mm256_castsi256_ps(magnitude(x0)),
                                                       _mm256_castsi256_ps(error0)));
        margin = _mm256_min_ps(margin, _mm256_fmsub_ps(sum->record,
                                                       _mm256_castsi256_ps(magnitude(x1)),
                                                       _mm256_castsi256_ps(error1)));
        count16(&same16, _mm256_packs_epi32(_mm256_cmpeq_epi32(error0, zero),
                                            _mm256_cmpeq_epi32(error1, zero)));
        largest = _mm256_max_epi16(largest, half);
        count16(&zero16, _mm256_cmpeq_epi16(half, zero));
        count16(&subnormal16, _mm256_cmpgt_epi16(splat16(HALF_LEAST), half));
    }
    const __m256i odd = _mm256_or_si256(_mm256_cmpgt_epi16(largest, splat16(HALF_INF - 1)),
                                        _mm256_srai_epi32(_mm256_castps_si256(margin), 31));
    if (!_mm256_testz_si256(odd, odd)) {
        account_block(sum, out, in);
        return;
    }
    sum->absolute = _mm256_max_epi32(sum->absolute, absolute);
    count16(&sum->same16, same16);
    count16(&sum->zero16, zero16);
    count16(&sum->subnormal16, subnormal16);
    sum->counted += BLOCK;
    if (!_mm256_testz_si256(zero16, zero16))
        sum->zeros += zeros_of(in);
}

INLINE uint64_t sum_of(__m256i lanes)
{
    int32_t lane[8];
    int64_t sum = 0;

    memcpy(lane, &lanes, sizeof(lane));
    for (int i = 0; i < 8; i++)
        sum -= lane[i];
    return (uint64_t)sum;
}

INLINE uint64_t sum16_of(__m256i lanes)
{
    return sum_of(_mm256_madd_epi16(lanes, splat16(1)));
}

INLINE void report_account(struct fletch_cast_report *report, const struct account *sum)
{
    uint64_t flushed = sum16_of(sum->zero16) - sum->zeros;
    struct fletch_cast_report more = {
        .rounded = sum_of(sum->rounded) + sum->counted - sum16_of(sum->same16),
        .flushed = sum_of(sum->flushed) + flushed,
        .subnormal =
            sum_of(sum->subnormal) + sum16_of(sum->subnormal16) - sum16_of(sum->zero16),
        .overflowed = sum_of(sum->overflowed),
        .nan = sum_of(sum->nan),
        .absolute_error = (double)largest_of(sum->absolute),
        .relative_error = (double)largest_of(sum->relative),
    };

    /* The one kind of record that a product may hide: subnormal values that became zero. */
    if (flushed)
        more.relative_error = 1;
    fletch_cast_report_add(report, &more);
}

/* ---- Any type up to 32 bits, eight elements at a time ---- */

/* See cast_plain.c for the formats. */
INLINE __m256i unpack_f8(__m256i bits, int mantissa, int bias)
{
    const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(bits, splat(0x80)), 24);
    const __m256i mag = _mm256_and_si256(bits, splat(0x7f));
    const __m256i normal =
        _mm256_add_epi32(_mm256_slli_epi32(mag, 23 - mantissa), splat((127 - bias) << 23));
    const __m256i unit = splat((127 + 1 - bias - mantissa) << 23);
    const __m256i tiny = _mm256_castps_si256(
        _mm256_mul_ps(_mm256_cvtepi32_ps(mag), _mm256_castsi256_ps(unit)));
    const __m256i is_tiny = _mm256_cmpgt_epi32(splat(1 << mantissa), mag);

    return _mm256_or_si256(sign, _mm256_blendv_epi8(normal, tiny, is_tiny));
}

INLINE __m256i nan_where(__m256i bits, int pattern, __m256i otherwise)
{
    return _mm256_blendv_epi8(otherwise, splat(SINGLE_INF | SINGLE_QUIET),
                              _mm256_cmpeq_epi32(bits, splat(pattern)));
}

/* The eight elements at `in` as the bits of float32. */
INLINE __m256i unpack(enum fletch_dtype from, const uint8_t *in)
{
    __m256i bits;

    if (from == FLETCH_F32)
        return load(in);
    if (from == FLETCH_F16)
        return widen(load_half(in));
    if (from == FLETCH_BF16)
        return _mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(in)), 16);
    if (from == FLETCH_F8_E5M2)
        return widen(
            _mm_slli_epi16(_mm_cvtepu8_epi16(_mm_loadl_epi64((const void *)in)), 8));
    bits = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)in));
    if (from == FLETCH_F8_E4M3)
        return _mm256_or_si256(
            unpack_f8(bits, 3, 7),
            nan_where(_mm256_or_si256(bits, splat(0x80)), 0xff, _mm256_setzero_si256()));
    if (from == FLETCH_F8_E4M3FNUZ)
        return nan_where(bits, 0x80, unpack_f8(bits, 3, 8));
    if (from == FLETCH_F8_E5M2FNUZ)
        return nan_where(bits, 0x80, unpack_f8(bits, 2, 16));
    /* E8M0: zero stands for 2^-127, half of float32's least normal value */
    return nan_where(
        bits, 0xff, _mm256_max_epi32(_mm256_slli_epi32(bits, 23), splat(SINGLE_LEAST / 2)));
}

INLINE size_t size_of(enum fletch_dtype from)
{
    return from == FLETCH_F32 ? 4 : from == FLETCH_F16 || from == FLETCH_BF16 ? 2 : 1;
}

/* The least normal value of an 8-bit type, as float32's bits. */
INLINE int least_of(enum fletch_dtype from)
{
    return from == FLETCH_F8_E5M2       ? (127 - 14) << 23
           : from == FLETCH_F8_E5M2FNUZ ? (127 - 15) << 23
           : from == FLETCH_F8_E4M3     ? (127 - 6) << 23
           : from == FLETCH_F8_E4M3FNUZ ? (127 - 7) << 23
                                        : 1;
}

INLINE void block_to_f16(struct account *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype from)
{
    __m256i singles[VECTORS];

    if (from == FLETCH_F32) {
        narrow_block(sum, out, in);
        return;
    }
    for (int i = 0; i < VECTORS; i++)
        singles[i] = unpack(from, in + (size_t)i * 8 * size_of(from));
    if (from == FLETCH_BF16) {
        narrow_block(sum, out, (const uint8_t *)singles);
        return;
    }
    for (int i = 0; i < VECTORS; i++) {
        const __m128i half = narrow(singles[i]);

        _mm_storeu_si128((void *)(out + 16 * i), half);
        account_for(sum, singles[i], half, least_of(from));
    }
}

/* Widening loses nothing: there is NaN to count, and E8M0's least value, which float32 has
 * as a subnormal only. */
INLINE void block_to_f32(struct account *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype from)
{
    for (int i = 0; i < VECTORS; i++) {
        const __m256i x = unpack(from, in + (size_t)i * 8 * size_of(from));

        _mm256_storeu_si256((void *)(out + 32 * i), x);
        count(&sum->nan, _mm256_cmpgt_epi32(magnitude(x), splat(SINGLE_INF)));
        if (from == FLETCH_F8_E8M0)
            count(&sum->subnormal, _mm256_cmpgt_epi32(splat(SINGLE_LEAST), x));
    }
}

INLINE void one_block(struct account *sum, uint8_t *out, const uint8_t *in,
                      enum fletch_dtype from, enum fletch_dtype to)
{
    if (to == FLETCH_F16)
        block_to_f16(sum, out, in, from);
    else
        block_to_f32(sum, out, in, from);
}

INLINE void cast(uint8_t *out, const uint8_t *in, size_t count,
                 struct fletch_cast_report *report, enum fletch_dtype from,
                 enum fletch_dtype to)
{
    const size_t from_size = size_of(from), to_size = size_of(to);

    while (count) {
        const size_t some = count < SPAN ? count : SPAN, rest = some % BLOCK;
        struct account sum = { .record = _mm256_setzero_ps() };

        for (size_t i = 0; i < some / BLOCK; i++) {
            one_block(&sum, out, in, from, to);
            out += BLOCK * to_size;
            in += BLOCK * from_size;
        }
        if (rest) {
            uint8_t padded[BLOCK * 4], result[BLOCK * 4];

            /* With what adds nothing to the account: zero, or E8M0's one. */
            memset(padded, from == FLETCH_F8_E8M0 ? 127 : 0, sizeof(padded));
            memcpy(padded, in, rest * from_size);
            one_block(&sum, result, padded, from, to);
            memcpy(out, result, rest * to_size);
        }
        report_account(report, &sum);
        count -= some;
    }
}

/* ---- From float64, four elements at a time ---- */

struct account_double {
    __m256i rounded, flushed, subnormal, overflowed, nan; /* int64 lanes, sums of -1 */
    __m256d absolute, relative;
};

INLINE void count_double(__m256i *lanes, __m256d yes)
{
    *lanes = _mm256_add_epi64(*lanes, _mm256_castpd_si256(yes));
}

INLINE void account_for_double(struct account_double *sum, __m256d x, __m256d back,
                               double least)
{
    const __m256d sign = _mm256_set1_pd(-0.0), zero = _mm256_setzero_pd();
    const __m256d infinity = _mm256_set1_pd(__builtin_inf());
    const __m256d value = _mm256_andnot_pd(sign, x), stored = _mm256_andnot_pd(sign, back);
    const __m256d finite = _mm256_cmp_pd(stored, infinity, _CMP_LT_OQ);
    const __m256d error =
        _mm256_and_pd(finite, _mm256_andnot_pd(sign, _mm256_sub_pd(stored, value)));
    const __m256d rounded = _mm256_cmp_pd(error, zero, _CMP_GT_OQ);
    const __m256d is_zero = _mm256_cmp_pd(stored, zero, _CMP_EQ_OQ);
    const __m256d is_small = _mm256_cmp_pd(stored, _mm256_set1_pd(least), _CMP_LT_OQ);
    const __m256d divisor = _mm256_blendv_pd(_mm256_set1_pd(1), value, rounded);

    count_double(&sum->rounded, rounded);
    count_double(&sum->flushed, _mm256_and_pd(rounded, is_zero));
    count_double(&sum->subnormal, _mm256_andnot_pd(is_zero, is_small));
    count_double(&sum->overflowed,
                 _mm256_andnot_pd(finite, _mm256_cmp_pd(value, infinity, _CMP_LT_OQ)));
    count_double(&sum->nan, _mm256_cmp_pd(value, value, _CMP_UNORD_Q));
    sum->absolute = _mm256_max_pd(sum->absolute, error);
    sum->relative = _mm256_max_pd(sum->relative, _mm256_div_pd(error, divisor));
}

INLINE uint64_t sum_double(__m256i lanes)
{
    int64_t lane[4];

    memcpy(lane, &lanes, sizeof(lane));
    return (uint64_t) - (lane[0] + lane[1] + lane[2] + lane[3]);
}

INLINE double largest_double(__m256d lanes)
{
    double lane[4], most = 0;

    memcpy(lane, &lanes, sizeof(lane));
    for (int i = 0; i < 4; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
}

/* Rounds to odd at 24 significant bits: what was cut off leaves its trace in the last one,
 * so that the next rounding, to 11 bits, comes out as if it were the only one. */
INLINE __m256d round_to_odd(__m256d x)
{
    const __m256i cut = _mm256_set1_epi64x((1 << 29) - 1), bits = _mm256_castpd_si256(x);
    const __m256i trace = _mm256_add_epi64(_mm256_and_si256(bits, cut), cut);

    return _mm256_castsi256_pd(_mm256_andnot_si256(cut, _mm256_or_si256(bits, trace)));
}

INLINE void four_doubles(struct account_double *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype to)
{
    const __m256d x = _mm256_castsi256_pd(load(in));
    __m128 single;

    if (to == FLETCH_F32) {
        single = _mm256_cvtpd_ps(x);
        _mm_storeu_si128((void *)out, _mm_castps_si128(single));
        account_for_double(sum, x, _mm256_cvtps_pd(single), 0x1p-126);
        return;
    }
    single = _mm256_cvtpd_ps(round_to_odd(x));
    const __m128i half = _mm_cvtps_ph(single, _MM_FROUND_TO_NEAREST_INT);

    _mm_storel_epi64((void *)out, half);
    account_for_double(sum, x, _mm256_cvtps_pd(_mm_cvtph_ps(half)), 0x1p-14);
}

INLINE void cast_double(uint8_t *out, const uint8_t *in, size_t count,
                        struct fletch_cast_report *report, enum fletch_dtype to)
{
    const size_t size = size_of(to);
    struct account_double sum = { .absolute = _mm256_setzero_pd() };
    struct fletch_cast_report more;

    for (; count >= 4; count -= 4, out += 4 * size, in += 4 * 8)
        four_doubles(&sum, out, in, to);
    if (count) {
        uint8_t padded[4 * 8] = { 0 }, result[4 * 4];

        memcpy(padded, in, count * 8);
        four_doubles(&sum, result, padded, to);
        memcpy(out, result, count * size);
    }
    more = (struct fletch_cast_report){
        .rounded = sum_double(sum.rounded),
        .flushed = sum_double(sum.flushed),
        .subnormal = sum_double(sum.subnormal),
        .overflowed = sum_double(sum.overflowed),
        .nan = sum_double(sum.nan),
        .absolute_error = largest_double(sum.absolute),
        .relative_error = largest_double(sum.relative),
    };
    fletch_cast_report_add(report, &more);
}

/* ---- All pairs ---- */

/* A cast function knows its pair: no function can make functions. */
#define CAST(name, from, to)                                                               \
    TARGET static void name(void *out, const void *in, size_t count,                       \
                            struct fletch_cast_report *report)                             \
    {                                                                                      \
        cast(out, in, count, report, from, to);                                            \
    }

CAST(f32_to_f16, FLETCH_F32, FLETCH_F16)
CAST(bf16_to_f16, FLETCH_BF16, FLETCH_F16)
CAST(e4m3_to_f16, FLETCH_F8_E4M3, FLETCH_F16)
CAST(e5m2_to_f16, FLETCH_F8_E5M2, FLETCH_F16)
CAST(e8m0_to_f16, FLETCH_F8_E8M0, FLETCH_F16)
CAST(e4m3fnuz_to_f16, FLETCH_F8_E4M3FNUZ, FLETCH_F16)
CAST(e5m2fnuz_to_f16, FLETCH_F8_E5M2FNUZ, FLETCH_F16)
CAST(f16_to_f32, FLETCH_F16, FLETCH_F32)
CAST(bf16_to_f32, FLETCH_BF16, FLETCH_F32)
CAST(e4m3_to_f32, FLETCH_F8_E4M3, FLETCH_F32)
CAST(e5m2_to_f32, FLETCH_F8_E5M2, FLETCH_F32)
CAST(e8m0_to_f32, FLETCH_F8_E8M0, FLETCH_F32)
CAST(e4m3fnuz_to_f32, FLETCH_F8_E4M3FNUZ, FLETCH_F32)
CAST(e5m2fnuz_to_f32, FLETCH_F8_E5M2FNUZ, FLETCH_F32)

TARGET static void f64_to_f16(void *out, const void *in, size_t count,
                              struct fletch_cast_report *report)
{
    cast_double(out, in, count, report, FLETCH_F16);
}

TARGET static void f64_to_f32(void *out, const void *in, size_t count,
                              struct fletch_cast_report *report)
{
    cast_double(out, in, count, report, FLETCH_F32);
}

static const struct {
    enum fletch_dtype from;
    fletch_cast_fn to_f16, to_f32;
} CASTS[] = {
    { FLETCH_F16, NULL, f16_to_f32 },
    { FLETCH_F32, f32_to_f16, NULL },
    { FLETCH_BF16, bf16_to_f16, bf16_to_f32 },
    { FLETCH_F64, f64_to_f16, f64_to_f32 },
    { FLETCH_F8_E4M3, e4m3_to_f16, e4m3_to_f32 },
    { FLETCH_F8_E5M2, e5m2_to_f16, e5m2_to_f32 },
    { FLETCH_F8_E8M0, e8m0_to_f16, e8m0_to_f32 },
    { FLETCH_F8_E4M3FNUZ, e4m3fnuz_to_f16, e4m3fnuz_to_f32 },
    { FLETCH_F8_E5M2FNUZ, e5m2fnuz_to_f16, e5m2fnuz_to_f32 },
};

static bool supported(void)
{
    unsigned a, b, c, d;

    /* Where the system saves AVX registers, it saves all that F16C uses. Not every compiler
     * knows F16C by name here. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

fletch_cast_fn fletch_cast_find_x86(enum fletch_dtype from, enum fletch_dtype to)
{
    if ((to != FLETCH_F16 && to != FLETCH_F32) || !supported())
        return NULL;
    for (size_t i = 0; i < sizeof(CASTS) / sizeof(CASTS[0]); i++)
        if (CASTS[i].from == from)
            return to == FLETCH_F16 ? CASTS[i].to_f16 : CASTS[i].to_f32;
    return NULL;
}

#else

fletch_cast_fn fletch_cast_find_x86(enum fletch_dtype from, enum fletch_dtype to)
{
    (void)from;
    (void)to;
    return NULL;
}

#endif
