/* SPDX-License-Identifier: MIT */
/* lanes_avx2.h - the vector operations of cast_fast.c with AVX2, FMA and F16C
 *
 * True is -1 in every lane.
 */
#ifndef FLETCH_TENSOR_LANES_AVX2_H
#define FLETCH_TENSOR_LANES_AVX2_H

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES_NAME "avx2"
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef __m256i lanes;   /* 8 numbers of 32 bits, or float32 */
typedef __m128i halves;  /* 8 of 16 bits, or float16 */
typedef __m256i shorts;  /* 16 of 16 bits */
typedef __m256d doubles; /* 4 */
typedef __m256i longs;   /* 4 of 64 bits */
typedef __m128 singles;  /* 4 */

/* ---- 8 numbers ---- */

INLINE lanes splat(int32_t value)
{
    return _mm256_set1_epi32(value);
}

INLINE lanes load(const void *from)
{
    return _mm256_loadu_si256(from);
}

INLINE void store(void *to, lanes x)
{
    _mm256_storeu_si256(to, x);
}

/* Loads 8 bytes, zero-extended to 8 numbers of 16 bits. */
INLINE lanes load_bytes(const void *from)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(from));
}

INLINE lanes load_words(const void *from)
{
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(from));
}

INLINE lanes both(lanes a, lanes b)
{
    return _mm256_and_si256(a, b);
}

INLINE lanes either(lanes a, lanes b)
{
    return _mm256_or_si256(a, b);
}

INLINE lanes without(lanes a, lanes b)
{
    return _mm256_andnot_si256(b, a);
}

INLINE lanes choose(lanes condition, lanes yes, lanes no)
{
    return _mm256_blendv_epi8(no, yes, condition);
}

INLINE lanes plus(lanes a, lanes b)
{
    return _mm256_add_epi32(a, b);
}

INLINE lanes equal(lanes a, lanes b)
{
    return _mm256_cmpeq_epi32(a, b);
}

INLINE lanes greater(lanes a, lanes b)
{
    return _mm256_cmpgt_epi32(a, b);
}

INLINE lanes larger(lanes a, lanes b)
{
    return _mm256_max_epi32(a, b);
}

/* Shifts to the left. */
INLINE lanes shifted(lanes x, int bits)
{
    return _mm256_slli_epi32(x, bits);
}

INLINE lanes negative(lanes x)
{
    return _mm256_srai_epi32(x, 31);
}

INLINE bool any(lanes x)
{
    return !_mm256_testz_si256(x, x);
}

/* ---- The same as float32 ---- */

INLINE __m256 floats(lanes x)
{
    return _mm256_castsi256_ps(x);
}

INLINE lanes bits_of(__m256 x)
{
    return _mm256_castps_si256(x);
}

INLINE lanes splat_float(float value)
{
    return bits_of(_mm256_set1_ps(value));
}

INLINE lanes float_of(lanes integers)
{
    return bits_of(_mm256_cvtepi32_ps(integers));
}

INLINE lanes minus(lanes a, lanes b)
{
    return bits_of(_mm256_sub_ps(floats(a), floats(b)));
}

INLINE lanes times(lanes a, lanes b)
{
    return bits_of(_mm256_mul_ps(floats(a), floats(b)));
}

INLINE lanes over(lanes a, lanes b)
{
    return bits_of(_mm256_div_ps(floats(a), floats(b)));
}

/* If one is NaN, either may be returned. */
INLINE lanes smaller(lanes a, lanes b)
{
    return bits_of(_mm256_min_ps(floats(a), floats(b)));
}

/* a * b - c, rounded once; +0 when they are equal. */
INLINE lanes times_less(lanes a, lanes b, lanes c)
{
    return bits_of(_mm256_fmsub_ps(floats(a), floats(b), floats(c)));
}

/* ---- float16 ---- */

INLINE halves load_half(const void *from)
{
    return _mm_loadu_si128(from);
}

INLINE void store_half(void *to, halves x)
{
    _mm_storeu_si128(to, x);
}

/* Loads 8 bytes as the upper halves of 16-bit numbers. */
INLINE halves load_upper_bytes(const void *from)
{
    return _mm_slli_epi16(_mm_cvtepu8_epi16(_mm_loadl_epi64(from)), 8);
}

INLINE halves narrow(lanes x)
{
    return _mm256_cvtps_ph(floats(x), _MM_FROUND_TO_NEAREST_INT);
}

INLINE lanes widen(halves x)
{
    return bits_of(_mm256_cvtph_ps(x));
}

/* ---- 16 numbers ---- */

INLINE shorts splat16(int16_t value)
{
    return _mm256_set1_epi16(value);
}

INLINE shorts join(halves a, halves b)
{
    return _mm256_set_m128i(b, a);
}

/* The truth values of `a` and `b`, in any order. */
INLINE shorts pack(lanes a, lanes b)
{
    return _mm256_packs_epi32(a, b);
}

INLINE shorts both16(shorts a, shorts b)
{
    return _mm256_and_si256(a, b);
}

INLINE shorts plus16(shorts a, shorts b)
{
    return _mm256_add_epi16(a, b);
}

INLINE shorts equal16(shorts a, shorts b)
{
    return _mm256_cmpeq_epi16(a, b);
}

INLINE shorts greater16(shorts a, shorts b)
{
    return _mm256_cmpgt_epi16(a, b);
}

INLINE shorts larger16(shorts a, shorts b)
{
    return _mm256_max_epi16(a, b);
}

/* Sums of adjacent pairs. */
INLINE lanes sum_pairs(shorts x)
{
    return _mm256_madd_epi16(x, splat16(1));
}

/* Nonzero where either of the two is. */
INLINE lanes as_lanes(shorts x)
{
    return x;
}

/* ---- float64 ---- */

INLINE doubles splat_double(double value)
{
    return _mm256_set1_pd(value);
}

INLINE doubles load_doubles(const void *from)
{
    return _mm256_castsi256_pd(load(from));
}

INLINE void store_doubles(double *to, doubles x)
{
    _mm256_storeu_pd(to, x);
}

INLINE void store_longs(int64_t *to, longs x)
{
    store(to, x);
}

INLINE doubles double_magnitude(doubles x)
{
    return _mm256_andnot_pd(splat_double(-0.0), x);
}

INLINE doubles double_both(doubles a, doubles b)
{
    return _mm256_and_pd(a, b);
}

INLINE doubles double_without(doubles a, doubles b)
{
    return _mm256_andnot_pd(b, a);
}

INLINE doubles double_choose(doubles condition, doubles yes, doubles no)
{
    return _mm256_blendv_pd(no, yes, condition);
}

INLINE doubles double_greater(doubles a, doubles b)
{
    return _mm256_cmp_pd(a, b, _CMP_GT_OQ);
}

INLINE doubles double_equal(doubles a, doubles b)
{
    return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}

INLINE doubles double_nan(doubles x)
{
    return _mm256_cmp_pd(x, x, _CMP_UNORD_Q);
}

INLINE doubles double_minus(doubles a, doubles b)
{
    return _mm256_sub_pd(a, b);
}

INLINE doubles double_over(doubles a, doubles b)
{
    return _mm256_div_pd(a, b);
}

INLINE doubles double_larger(doubles a, doubles b)
{
    return _mm256_max_pd(a, b);
}

INLINE void count_double(longs *sum, doubles yes)
{
    *sum = _mm256_add_epi64(*sum, _mm256_castpd_si256(yes));
}

INLINE doubles double_of(singles x)
{
    return _mm256_cvtps_pd(x);
}

INLINE singles single_of(doubles x)
{
    return _mm256_cvtpd_ps(x);
}

/* Rounds to odd at 24 significant bits, so the conversion itself is exact. */
INLINE singles single_to_odd(doubles x)
{
    const __m256i cut = _mm256_set1_epi64x((1 << 29) - 1), bits = _mm256_castpd_si256(x);
    const __m256i trace = _mm256_add_epi64(_mm256_and_si256(bits, cut), cut);

    return _mm256_cvtpd_ps(
        _mm256_castsi256_pd(_mm256_andnot_si256(cut, _mm256_or_si256(bits, trace))));
}

INLINE void store_singles(void *to, singles x)
{
    _mm_storeu_si128(to, _mm_castps_si128(x));
}

/* Stores four values as float16 and returns what they became. */
INLINE singles store_narrowed(void *to, singles x)
{
    const __m128i half = _mm_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);

    _mm_storel_epi64(to, half);
    return _mm_cvtph_ps(half);
}

/* ---- The processor ---- */

static inline bool has_lanes(void)
{
    unsigned a, b, c, d;

    /* A system that saves AVX registers saves all that F16C uses. Not every compiler knows
     * F16C by name here. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

#endif
#endif
