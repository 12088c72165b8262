/* SPDX-License-Identifier: MIT */
/* lanes_neon.h - the vector operations of cast_fast.c with NEON, which every AArch64 has
 *
 * lanes_avx2.h describes them. 256 bits take two registers here. float16 is converted by
 * the format's definition, provided that FPCR has its default setting: nearest, NaN kept,
 * no alternative format.
 */
#ifndef FLETCH_TENSOR_LANES_NEON_H
#define FLETCH_TENSOR_LANES_NEON_H

#if defined(__aarch64__) && defined(__GNUC__) && defined(__AARCH64EL__)

#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES_NAME "neon"
#define TARGET
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    int32x4_t low, high;
} lanes;
typedef int16x8_t halves;
typedef struct {
    int16x8_t low, high;
} shorts;
typedef struct {
    float64x2_t low, high;
} doubles;
typedef struct {
    int64x2_t low, high;
} longs;
typedef float32x4_t singles;

/* ---- 8 numbers ---- */

INLINE int32x4_t signed_of(uint32x4_t x)
{
    return vreinterpretq_s32_u32(x);
}

INLINE int32x4_t load_four(const void *from)
{
    return vreinterpretq_s32_u8(vld1q_u8(from));
}

INLINE void store_four(void *to, int32x4_t x)
{
    vst1q_u8(to, vreinterpretq_u8_s32(x));
}

INLINE lanes splat(int32_t value)
{
    return (lanes){ vdupq_n_s32(value), vdupq_n_s32(value) };
}

INLINE lanes load(const void *from)
{
    return (lanes){ load_four(from), load_four((const uint8_t *)from + 16) };
}

INLINE void store(void *to, lanes x)
{
    store_four(to, x.low);
    store_four((uint8_t *)to + 16, x.high);
}

INLINE lanes widen_words(uint16x8_t x)
{
    return (lanes){ signed_of(vmovl_u16(vget_low_u16(x))), signed_of(vmovl_high_u16(x)) };
}

INLINE lanes load_bytes(const void *from)
{
    return widen_words(vmovl_u8(vld1_u8(from)));
}

INLINE lanes load_words(const void *from)
{
    return widen_words(vreinterpretq_u16_u8(vld1q_u8(from)));
}

INLINE lanes both(lanes a, lanes b)
{
    return (lanes){ vandq_s32(a.low, b.low), vandq_s32(a.high, b.high) };
}

INLINE lanes either(lanes a, lanes b)
{
    return (lanes){ vorrq_s32(a.low, b.low), vorrq_s32(a.high, b.high) };
}

INLINE lanes without(lanes a, lanes b)
{
    return (lanes){ vbicq_s32(a.low, b.low), vbicq_s32(a.high, b.high) };
}

INLINE int32x4_t choose_four(int32x4_t condition, int32x4_t yes, int32x4_t no)
{
    return vbslq_s32(vreinterpretq_u32_s32(condition), yes, no);
}

INLINE lanes choose(lanes condition, lanes yes, lanes no)
{
    return (lanes){ choose_four(condition.low, yes.low, no.low),
                    choose_four(condition.high, yes.high, no.high) };
}

INLINE lanes plus(lanes a, lanes b)
{
    return (lanes){ vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high) };
}

INLINE lanes equal(lanes a, lanes b)
{
    return (lanes){ signed_of(vceqq_s32(a.low, b.low)),
                    signed_of(vceqq_s32(a.high, b.high)) };
}

INLINE lanes greater(lanes a, lanes b)
{
    return (lanes){ signed_of(vcgtq_s32(a.low, b.low)),
                    signed_of(vcgtq_s32(a.high, b.high)) };
}

INLINE lanes larger(lanes a, lanes b)
{
    return (lanes){ vmaxq_s32(a.low, b.low), vmaxq_s32(a.high, b.high) };
}

INLINE lanes shifted(lanes x, int bits)
{
    return (lanes){ vshlq_s32(x.low, vdupq_n_s32(bits)),
                    vshlq_s32(x.high, vdupq_n_s32(bits)) };
}

INLINE lanes negative(lanes x)
{
    return (lanes){ vshrq_n_s32(x.low, 31), vshrq_n_s32(x.high, 31) };
}

INLINE bool any(lanes x)
{
    return vmaxvq_u32(vreinterpretq_u32_s32(vorrq_s32(x.low, x.high))) != 0;
}

/* ---- The same as float32 ---- */

INLINE float32x4_t floats(int32x4_t x)
{
    return vreinterpretq_f32_s32(x);
}

INLINE int32x4_t bits_of(float32x4_t x)
{
    return vreinterpretq_s32_f32(x);
}

INLINE lanes splat_float(float value)
{
    return (lanes){ bits_of(vdupq_n_f32(value)), bits_of(vdupq_n_f32(value)) };
}

INLINE lanes float_of(lanes integers)
{
    return (lanes){ bits_of(vcvtq_f32_s32(integers.low)),
                    bits_of(vcvtq_f32_s32(integers.high)) };
}

INLINE lanes minus(lanes a, lanes b)
{
    return (lanes){ bits_of(vsubq_f32(floats(a.low), floats(b.low))),
                    bits_of(vsubq_f32(floats(a.high), floats(b.high))) };
}

INLINE lanes times(lanes a, lanes b)
{
    return (lanes){ bits_of(vmulq_f32(floats(a.low), floats(b.low))),
                    bits_of(vmulq_f32(floats(a.high), floats(b.high))) };
}

INLINE lanes over(lanes a, lanes b)
{
    return (lanes){ bits_of(vdivq_f32(floats(a.low), floats(b.low))),
                    bits_of(vdivq_f32(floats(a.high), floats(b.high))) };
}

INLINE lanes smaller(lanes a, lanes b)
{
    return (lanes){ bits_of(vminq_f32(floats(a.low), floats(b.low))),
                    bits_of(vminq_f32(floats(a.high), floats(b.high))) };
}

/* -c + a * b: the other way round, equal values would give -0. */
INLINE int32x4_t times_less_four(int32x4_t a, int32x4_t b, int32x4_t c)
{
    return bits_of(vfmaq_f32(vnegq_f32(floats(c)), floats(a), floats(b)));
}

INLINE lanes times_less(lanes a, lanes b, lanes c)
{
    return (lanes){ times_less_four(a.low, b.low, c.low),
                    times_less_four(a.high, b.high, c.high) };
}

/* ---- float16 ---- */

INLINE halves load_half(const void *from)
{
    return vreinterpretq_s16_u8(vld1q_u8(from));
}

INLINE void store_half(void *to, halves x)
{
    vst1q_u8(to, vreinterpretq_u8_s16(x));
}

INLINE halves load_upper_bytes(const void *from)
{
    return vreinterpretq_s16_u16(vshll_n_u8(vld1_u8(from), 8));
}

INLINE halves narrow(lanes x)
{
    return vreinterpretq_s16_f16(
        vcvt_high_f16_f32(vcvt_f16_f32(floats(x.low)), floats(x.high)));
}

INLINE lanes widen(halves x)
{
    const float16x8_t half = vreinterpretq_f16_s16(x);

    return (lanes){ bits_of(vcvt_f32_f16(vget_low_f16(half))),
                    bits_of(vcvt_high_f32_f16(half)) };
}

/* ---- 16 numbers ---- */

INLINE shorts splat16(int16_t value)
{
    return (shorts){ vdupq_n_s16(value), vdupq_n_s16(value) };
}

INLINE shorts join(halves a, halves b)
{
    return (shorts){ a, b };
}

INLINE shorts pack(lanes a, lanes b)
{
    return (shorts){ vmovn_high_s32(vmovn_s32(a.low), a.high),
                     vmovn_high_s32(vmovn_s32(b.low), b.high) };
}

INLINE shorts both16(shorts a, shorts b)
{
    return (shorts){ vandq_s16(a.low, b.low), vandq_s16(a.high, b.high) };
}

INLINE shorts plus16(shorts a, shorts b)
{
    return (shorts){ vaddq_s16(a.low, b.low), vaddq_s16(a.high, b.high) };
}

INLINE shorts equal16(shorts a, shorts b)
{
    return (shorts){ vreinterpretq_s16_u16(vceqq_s16(a.low, b.low)),
                     vreinterpretq_s16_u16(vceqq_s16(a.high, b.high)) };
}

INLINE shorts greater16(shorts a, shorts b)
{
    return (shorts){ vreinterpretq_s16_u16(vcgtq_s16(a.low, b.low)),
                     vreinterpretq_s16_u16(vcgtq_s16(a.high, b.high)) };
}

INLINE shorts larger16(shorts a, shorts b)
{
    return (shorts){ vmaxq_s16(a.low, b.low), vmaxq_s16(a.high, b.high) };
}

INLINE lanes sum_pairs(shorts x)
{
    return (lanes){ vpaddlq_s16(x.low), vpaddlq_s16(x.high) };
}

INLINE lanes as_lanes(shorts x)
{
    return (lanes){ vreinterpretq_s32_s16(x.low), vreinterpretq_s32_s16(x.high) };
}

/* ---- float64 ---- */

INLINE float64x2_t true_double(uint64x2_t x)
{
    return vreinterpretq_f64_u64(x);
}

INLINE uint64x2_t double_bits(float64x2_t x)
{
    return vreinterpretq_u64_f64(x);
}

INLINE doubles splat_double(double value)
{
    return (doubles){ vdupq_n_f64(value), vdupq_n_f64(value) };
}

INLINE doubles load_doubles(const void *from)
{
    return (doubles){ vreinterpretq_f64_u8(vld1q_u8(from)),
                      vreinterpretq_f64_u8(vld1q_u8((const uint8_t *)from + 16)) };
}

INLINE void store_doubles(double *to, doubles x)
{
    vst1q_f64(to, x.low);
    vst1q_f64(to + 2, x.high);
}

INLINE void store_longs(int64_t *to, longs x)
{
    vst1q_s64(to, x.low);
    vst1q_s64(to + 2, x.high);
}

INLINE doubles double_magnitude(doubles x)
{
    return (doubles){ vabsq_f64(x.low), vabsq_f64(x.high) };
}

INLINE doubles double_both(doubles a, doubles b)
{
    return (doubles){ true_double(vandq_u64(double_bits(a.low), double_bits(b.low))),
                      true_double(vandq_u64(double_bits(a.high), double_bits(b.high))) };
}

INLINE doubles double_without(doubles a, doubles b)
{
    return (doubles){ true_double(vbicq_u64(double_bits(a.low), double_bits(b.low))),
                      true_double(vbicq_u64(double_bits(a.high), double_bits(b.high))) };
}

INLINE doubles double_choose(doubles condition, doubles yes, doubles no)
{
    return (doubles){ vbslq_f64(double_bits(condition.low), yes.low, no.low),
                      vbslq_f64(double_bits(condition.high), yes.high, no.high) };
}

INLINE doubles double_greater(doubles a, doubles b)
{
    return (doubles){ true_double(vcgtq_f64(a.low, b.low)),
                      true_double(vcgtq_f64(a.high, b.high)) };
}

INLINE doubles double_equal(doubles a, doubles b)
{
    return (doubles){ true_double(vceqq_f64(a.low, b.low)),
                      true_double(vceqq_f64(a.high, b.high)) };
}

INLINE doubles double_nan(doubles x)
{
    const doubles number = double_equal(x, x);

    return double_without((doubles){ true_double(vdupq_n_u64(UINT64_MAX)),
                                     true_double(vdupq_n_u64(UINT64_MAX)) },
                          number);
}

INLINE doubles double_minus(doubles a, doubles b)
{
    return (doubles){ vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high) };
}

INLINE doubles double_over(doubles a, doubles b)
{
    return (doubles){ vdivq_f64(a.low, b.low), vdivq_f64(a.high, b.high) };
}

INLINE doubles double_larger(doubles a, doubles b)
{
    return (doubles){ vmaxq_f64(a.low, b.low), vmaxq_f64(a.high, b.high) };
}

INLINE void count_double(longs *sum, doubles yes)
{
    sum->low = vaddq_s64(sum->low, vreinterpretq_s64_f64(yes.low));
    sum->high = vaddq_s64(sum->high, vreinterpretq_s64_f64(yes.high));
}

INLINE doubles double_of(singles x)
{
    return (doubles){ vcvt_f64_f32(vget_low_f32(x)), vcvt_high_f64_f32(x) };
}

INLINE singles single_of(doubles x)
{
    return vcvt_high_f32_f64(vcvt_f32_f64(x.low), x.high);
}

INLINE singles single_to_odd(doubles x)
{
    return vcvtx_high_f32_f64(vcvtx_f32_f64(x.low), x.high);
}

INLINE void store_singles(void *to, singles x)
{
    vst1q_u8(to, vreinterpretq_u8_f32(x));
}

INLINE singles store_narrowed(void *to, singles x)
{
    const float16x4_t half = vcvt_f16_f32(x);

    vst1_u8(to, vreinterpret_u8_f16(half));
    return vcvt_f32_f16(half);
}

/* ---- The processor ---- */

static inline bool has_lanes(void)
{
    return true;
}

#endif
#endif
