/* SPDX-License-Identifier: MIT */
/* cast_fast.c - casts of many elements at a time, independent of the instruction set
 *
 * lanes_avx2.h and lanes_neon.h define the vector operations; on other processors these
 * casts do not exist.
 *
 * Converting is one instruction; the report is what costs. For float16 the elements are
 * processed in blocks. In most blocks no value overflows, none is NaN, and no relative
 * error is a new maximum. That is established without dividing: rounding cannot hide one in
 * record * value - error, since the record is lowered a little. Such a block is counted in
 * 16-bit lanes; any other is reported value by value.
 *
 * An error is stored - value in the wider of the two types, where it is exact.
 */
#include "tensor/cast_fast.h"

#include "tensor/lanes_avx2.h"
#include "tensor/lanes_neon.h"

#ifdef LANES_NAME

#include <string.h>

#define LANES 8
#define VECTORS 8 /* of a block */
#define BLOCK (LANES * VECTORS)
/* Elements between two sums, so that the 16-bit counts cannot overflow. */
#define SPAN ((size_t)1 << 19)

#define SINGLE_ABS 0x7fffffff
#define SINGLE_INF 0x7f800000
#define SINGLE_QUIET 0x00400000
#define SINGLE_LEAST 0x00800000      /* 2^-126, the least normal float32 */
#define SINGLE_LEAST_HALF 0x38800000 /* 2^-14, the least normal float16 */
#define HALF_ABS 0x7fff
#define HALF_INF 0x7c00
#define HALF_LEAST 0x0400

/* The counts of a span: sums of true comparisons, which are -1. */
struct account {
    /* value by value */
    lanes rounded, flushed, subnormal, overflowed, nan;
    /* whole blocks: unchanged values, subnormal results, zero results */
    shorts same16, subnormal16, zero16;
    uint64_t counted; /* elements in those blocks */
    uint64_t zeros;   /* those that were zero in the source */
    lanes absolute;   /* errors, as float32 bits without sign */
    lanes relative;
    lanes record; /* all lanes: just under the largest of `relative` */
};

INLINE lanes magnitude(lanes x)
{
    return both(x, splat(SINGLE_ABS));
}

INLINE lanes error_of(lanes stored, lanes x)
{
    return magnitude(minus(stored, x));
}

/* Adds one where `yes`, provided the lanes are read as negative. */
INLINE void count(lanes *sum, lanes yes)
{
    *sum = plus(*sum, yes);
}

INLINE void count16(shorts *sum, shorts yes)
{
    *sum = plus16(*sum, yes);
}

/* Reports on eight values of a type whose least normal value is `least`. */
INLINE void account_for(struct account *sum, lanes x, halves half, int32_t least)
{
    const lanes value = magnitude(x), stored = magnitude(widen(half)), zero = splat(0);
    const lanes same = equal(stored, value);
    const lanes finite = greater(splat(SINGLE_INF), stored);
    const lanes rounded = without(finite, same);
    const lanes is_nan = greater(value, splat(SINGLE_INF));
    const lanes subnormal =
        both(greater(splat(SINGLE_LEAST_HALF), stored), greater(value, splat(least - 1)));
    const lanes error = both(error_of(stored, value), rounded);
    /* Zero is never rounded: give it another divisor, and the ratio is 0. */
    const lanes ratio = over(error, choose(rounded, value, splat_float(1)));

    count(&sum->rounded, rounded);
    count(&sum->flushed, without(equal(stored, zero), same));
    count(&sum->subnormal, both(subnormal, greater(stored, zero)));
    count(&sum->overflowed,
          without(equal(stored, splat(SINGLE_INF)), either(same, is_nan)));
    count(&sum->nan, is_nan);
    sum->absolute = larger(sum->absolute, error);
    sum->relative = larger(sum->relative, ratio);
}

INLINE float largest_of(lanes x)
{
    int32_t lane[LANES], most = 0;
    float value;

    store(lane, x);
    for (int i = 0; i < LANES; i++)
        most = lane[i] > most ? lane[i] : most;
    memcpy(&value, &most, sizeof(value));
    return value;
}

INLINE uint64_t sum_of(lanes x)
{
    int32_t lane[LANES];
    int64_t sum = 0;

    store(lane, x);
    for (int i = 0; i < LANES; i++)
        sum -= lane[i];
    return (uint64_t)sum;
}

INLINE uint64_t sum16_of(shorts x)
{
    return sum_of(sum_pairs(x));
}

/* ---- To float16, in blocks of float32 ---- */

/* Reports on a block with unusual values, already stored. */
TARGET __attribute__((noinline)) static void
account_block(struct account *sum, const uint8_t *out, const uint8_t *in)
{
    for (int i = 0; i < VECTORS; i++)
        account_for(sum, load(in + 32 * i), load_half(out + 16 * i), SINGLE_LEAST);
    sum->record = splat_float(largest_of(sum->relative) * (1 - 0x1p-20F));
}

TARGET __attribute__((noinline)) static uint64_t zeros_of(const uint8_t *in)
{
    lanes zeros = splat(0);

    for (int i = 0; i < VECTORS; i++)
        count(&zeros, equal(magnitude(load(in + 32 * i)), splat(0)));
    return sum_of(zeros);
}

INLINE void narrow_block(struct account *sum, uint8_t *out, const uint8_t *in)
{
    const shorts zero = splat16(0);
    shorts same16 = zero, subnormal16 = zero, zero16 = zero, largest = zero;
    lanes absolute = splat(0), margin = splat(0), odd;

    for (int i = 0; i < VECTORS; i += 2) {
        const lanes x0 = load(in + 32 * i), x1 = load(in + 32 * i + 32);
        const halves half0 = narrow(x0), half1 = narrow(x1);
        const lanes error0 = error_of(widen(half0), x0),
                    error1 = error_of(widen(half1), x1);
        const shorts half = both16(join(half0, half1), splat16(HALF_ABS));

        store_half(out + 16 * i, half0);
        store_half(out + 16 * i + 16, half1);
        absolute = larger(absolute, larger(error0, error1));
        margin = smaller(margin, times_less(sum->record, magnitude(x0), error0));
        margin = smaller(margin, times_less(sum->record, magnitude(x1), error1));
        count16(&same16, pack(equal(error0, splat(0)), equal(error1, splat(0))));
        largest = larger16(largest, half);
        count16(&zero16, equal16(half, zero));
        count16(&subnormal16, greater16(splat16(HALF_LEAST), half));
    }
    odd = either(as_lanes(greater16(largest, splat16(HALF_INF - 1))), negative(margin));
    if (any(odd)) {
        account_block(sum, out, in);
        return;
    }
    sum->absolute = larger(sum->absolute, absolute);
    count16(&sum->same16, same16);
    count16(&sum->zero16, zero16);
    count16(&sum->subnormal16, subnormal16);
    sum->counted += BLOCK;
    if (any(as_lanes(zero16)))
        sum->zeros += zeros_of(in);
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
INLINE lanes unpack_f8(lanes bits, int mantissa, int bias)
{
    const lanes sign = shifted(both(bits, splat(0x80)), 24);
    const lanes mag = both(bits, splat(0x7f));
    const lanes normal = plus(shifted(mag, 23 - mantissa), splat((127 - bias) << 23));
    const lanes unit = splat((127 + 1 - bias - mantissa) << 23);
    const lanes tiny = times(float_of(mag), unit);

    return either(sign, choose(greater(splat(1 << mantissa), mag), tiny, normal));
}

INLINE lanes nan_where(lanes bits, int pattern, lanes otherwise)
{
    return choose(equal(bits, splat(pattern)), splat(SINGLE_INF | SINGLE_QUIET), otherwise);
}

/* Makes every NaN quiet. Widening does that, but a compiler may remove the narrowing of a
 * value that was just widened. */
INLINE lanes quieted(lanes x)
{
    return either(x, both(greater(magnitude(x), splat(SINGLE_INF)), splat(SINGLE_QUIET)));
}

/* The eight elements at `in` as the bits of float32. */
INLINE lanes unpack(enum fletch_dtype from, const uint8_t *in)
{
    lanes bits;

    if (from == FLETCH_F32)
        return load(in);
    if (from == FLETCH_F16)
        return widen(load_half(in));
    if (from == FLETCH_BF16)
        return shifted(load_words(in), 16);
    if (from == FLETCH_F8_E5M2)
        return quieted(widen(load_upper_bytes(in)));
    bits = load_bytes(in);
    if (from == FLETCH_F8_E4M3)
        return either(unpack_f8(bits, 3, 7),
                      nan_where(either(bits, splat(0x80)), 0xff, splat(0)));
    if (from == FLETCH_F8_E4M3FNUZ)
        return nan_where(bits, 0x80, unpack_f8(bits, 3, 8));
    if (from == FLETCH_F8_E5M2FNUZ)
        return nan_where(bits, 0x80, unpack_f8(bits, 2, 16));
    /* E8M0: zero stands for 2^-127, half of float32's least normal value */
    return nan_where(bits, 0xff, larger(shifted(bits, 23), splat(SINGLE_LEAST / 2)));
}

INLINE size_t size_of(enum fletch_dtype from)
{
    return from == FLETCH_F32 ? 4 : from == FLETCH_F16 || from == FLETCH_BF16 ? 2 : 1;
}

/* The least normal value of an 8-bit type, as float32's bits. */
INLINE int32_t least_of(enum fletch_dtype from)
{
    return from == FLETCH_F8_E5M2       ? (127 - 14) << 23
           : from == FLETCH_F8_E5M2FNUZ ? (127 - 15) << 23
           : from == FLETCH_F8_E4M3     ? (127 - 6) << 23
           : from == FLETCH_F8_E4M3FNUZ ? (127 - 7) << 23
                                        : 1;
}

/* float16 has every value of these types: there is nothing to round. */
INLINE bool fits_f16(enum fletch_dtype from)
{
    return from == FLETCH_F8_E4M3 || from == FLETCH_F8_E5M2 || from == FLETCH_F8_E4M3FNUZ ||
           from == FLETCH_F8_E5M2FNUZ;
}

/* As account_for, for values that fit. */
INLINE void account_for_fitting(struct account *sum, lanes x, int32_t least)
{
    const lanes value = magnitude(x);

    count(&sum->nan, greater(value, splat(SINGLE_INF)));
    count(&sum->subnormal,
          both(greater(splat(SINGLE_LEAST_HALF), value), greater(value, splat(least - 1))));
}

INLINE void block_to_f16(struct account *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype from)
{
    uint8_t wide[BLOCK * 4];

    if (from == FLETCH_F32) {
        narrow_block(sum, out, in);
        return;
    }
    for (int i = 0; i < VECTORS; i++) {
        const lanes x = unpack(from, in + (size_t)i * LANES * size_of(from));
        const halves half = narrow(x);

        if (from == FLETCH_BF16) {
            store(wide + 32 * i, x);
            continue;
        }
        store_half(out + 16 * i, half);
        if (fits_f16(from))
            account_for_fitting(sum, x, least_of(from));
        else
            account_for(sum, x, half, least_of(from));
    }
    if (from == FLETCH_BF16)
        narrow_block(sum, out, wide);
}

/* Widening loses nothing: count only NaN, and E8M0's least value, which float32 has only as
 * a subnormal. */
INLINE void block_to_f32(struct account *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype from)
{
    for (int i = 0; i < VECTORS; i++) {
        const lanes x = unpack(from, in + (size_t)i * LANES * size_of(from));

        store(out + 32 * i, x);
        count(&sum->nan, greater(magnitude(x), splat(SINGLE_INF)));
        if (from == FLETCH_F8_E8M0)
            count(&sum->subnormal, greater(splat(SINGLE_LEAST), x));
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

INLINE void cast(uint8_t *out, const uint8_t *in, size_t elements,
                 struct fletch_cast_report *report, enum fletch_dtype from,
                 enum fletch_dtype to)
{
    const size_t from_size = size_of(from), to_size = size_of(to);

    while (elements) {
        const size_t some = elements < SPAN ? elements : SPAN, rest = some % BLOCK;
        struct account sum;

        memset(&sum, 0, sizeof(sum));
        for (size_t i = 0; i < some / BLOCK; i++) {
            one_block(&sum, out, in, from, to);
            out += BLOCK * to_size;
            in += BLOCK * from_size;
        }
        if (rest) {
            uint8_t padded[BLOCK * 4], result[BLOCK * 4];

            /* Pad with values that add nothing to the report: zero, or E8M0's one. */
            memset(padded, from == FLETCH_F8_E8M0 ? 127 : 0, sizeof(padded));
            memcpy(padded, in, rest * from_size);
            one_block(&sum, result, padded, from, to);
            memcpy(out, result, rest * to_size);
        }
        report_account(report, &sum);
        elements -= some;
    }
}

/* ---- From float64, four elements at a time ---- */

struct account_double {
    longs rounded, flushed, subnormal, overflowed, nan; /* sums of -1 */
    doubles absolute, relative;
};

INLINE void account_for_double(struct account_double *sum, doubles x, doubles back,
                               double least)
{
    const doubles value = double_magnitude(x), stored = double_magnitude(back);
    const doubles zero = splat_double(0), infinity = splat_double(__builtin_inf());
    const doubles finite = double_greater(infinity, stored);
    const doubles error =
        double_both(finite, double_magnitude(double_minus(stored, value)));
    const doubles rounded = double_greater(error, zero);
    const doubles is_zero = double_equal(stored, zero);
    const doubles is_small = double_greater(splat_double(least), stored);
    const doubles divisor = double_choose(rounded, value, splat_double(1));

    count_double(&sum->rounded, rounded);
    count_double(&sum->flushed, double_both(rounded, is_zero));
    count_double(&sum->subnormal, double_without(is_small, is_zero));
    count_double(&sum->overflowed, double_without(double_greater(infinity, value), finite));
    count_double(&sum->nan, double_nan(value));
    sum->absolute = double_larger(sum->absolute, error);
    sum->relative = double_larger(sum->relative, double_over(error, divisor));
}

INLINE uint64_t sum_double(longs x)
{
    int64_t lane[4];

    store_longs(lane, x);
    return (uint64_t) - (lane[0] + lane[1] + lane[2] + lane[3]);
}

INLINE double largest_double(doubles x)
{
    double lane[4], most = 0;

    store_doubles(lane, x);
    for (int i = 0; i < 4; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
}

/* To float16 through float32, rounded to odd: the bits cut off leave a trace in the last
 * bit, so the second rounding gives the result of a single one. */
INLINE void four_doubles(struct account_double *sum, uint8_t *out, const uint8_t *in,
                         enum fletch_dtype to)
{
    const doubles x = load_doubles(in);
    singles single;

    if (to == FLETCH_F32) {
        single = single_of(x);
        store_singles(out, single);
        account_for_double(sum, x, double_of(single), 0x1p-126);
        return;
    }
    single = store_narrowed(out, single_to_odd(x));
    account_for_double(sum, x, double_of(single), 0x1p-14);
}

INLINE void cast_double(uint8_t *out, const uint8_t *in, size_t elements,
                        struct fletch_cast_report *report, enum fletch_dtype to)
{
    const size_t size = size_of(to);
    struct fletch_cast_report more;
    struct account_double sum;

    memset(&sum, 0, sizeof(sum));
    for (; elements >= 4; elements -= 4, out += 4 * size, in += 4 * 8)
        four_doubles(&sum, out, in, to);
    if (elements) {
        uint8_t padded[4 * 8] = { 0 }, result[4 * 4];

        memcpy(padded, in, elements * 8);
        four_doubles(&sum, result, padded, to);
        memcpy(out, result, elements * size);
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

/* One cast function per pair: C has no way to build functions at run time. */
#define CAST(name, from, to)                                                               \
    TARGET static void name(void *out, const void *in, size_t elements,                    \
                            struct fletch_cast_report *report)                             \
    {                                                                                      \
        cast(out, in, elements, report, from, to);                                         \
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

TARGET static void f64_to_f16(void *out, const void *in, size_t elements,
                              struct fletch_cast_report *report)
{
    cast_double(out, in, elements, report, FLETCH_F16);
}

TARGET static void f64_to_f32(void *out, const void *in, size_t elements,
                              struct fletch_cast_report *report)
{
    cast_double(out, in, elements, report, FLETCH_F32);
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

fletch_cast_fn fletch_cast_find_fast(enum fletch_dtype from, enum fletch_dtype to)
{
    if ((to != FLETCH_F16 && to != FLETCH_F32) || !has_lanes())
        return NULL;
    for (size_t i = 0; i < sizeof(CASTS) / sizeof(CASTS[0]); i++)
        if (CASTS[i].from == from)
            return to == FLETCH_F16 ? CASTS[i].to_f16 : CASTS[i].to_f32;
    return NULL;
}

const char *fletch_cast_fast_name(void)
{
    return has_lanes() ? LANES_NAME : NULL;
}

#else

fletch_cast_fn fletch_cast_find_fast(enum fletch_dtype from, enum fletch_dtype to)
{
    (void)from;
    (void)to;
    return NULL;
}

const char *fletch_cast_fast_name(void)
{
    return NULL;
}

#endif
