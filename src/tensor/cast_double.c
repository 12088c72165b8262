/* SPDX-License-Identifier: MIT */
/* cast_double.c - the plain casts from float64, element by element, in integers */
#include "tensor/cast_plain.h"

#define DOUBLE_ABS UINT64_C(0x7fffffffffffffff)
#define DOUBLE_INF UINT64_C(0x7ff0000000000000)
#define DOUBLE_ONE UINT64_C(0x0010000000000000) /* the implicit bit */
#define DOUBLE_MANTISSA (DOUBLE_ONE - 1)
#define DOUBLE_GONE                                                                        \
    54 /* shifted this far, a mantissa is less than half of the last place */

/* The bits of `x` (a float64 without its sign) in a format with that many mantissa and
 * exponent bits, rounded once. */
static uint32_t narrow_double(uint64_t mag, unsigned mantissa, unsigned exponent)
{
    const uint32_t infinity = ((UINT32_C(1) << exponent) - 1) << mantissa;
    const int bias = (1 << (exponent - 1)) - 1;
    const int stored = (int)(mag >> 52), power = (stored ? stored : 1) - 1023;
    const uint64_t significand = (mag & DOUBLE_MANTISSA) | (stored ? DOUBLE_ONE : 0);
    /* Below the least normal value the last place is fixed. */
    const int below = power < 1 - bias ? 1 - bias - power : 0;
    const int wanted = 52 - (int)mantissa + below;
    const int shift = wanted < DOUBLE_GONE ? wanted : DOUBLE_GONE;

    if (mag > DOUBLE_INF)
        return infinity | UINT32_C(1) << (mantissa - 1) |
               (uint32_t)((mag & DOUBLE_MANTISSA) >> (52 - mantissa));
    uint64_t half = UINT64_C(1) << (shift - 1);
    uint64_t rest = significand & (2 * half - 1);
    uint64_t kept = significand >> shift;

    kept += rest > half || (rest == half && (kept & 1));
    /* A mantissa that overflows by rounding carries into the exponent, as it should. */
    if (!below)
        kept += (uint64_t)(power + bias - 1) << mantissa;
    return kept < infinity ? (uint32_t)kept : infinity;
}

/* `stored` is what was written, `least` the least normal value of its format. */
static void report_double(struct fletch_cast_report *report, uint64_t mag, float stored,
                          float least)
{
    double value, error;

    memcpy(&value, &mag, sizeof(value));
    if (mag > DOUBLE_INF) {
        report->nan++;
        return;
    }
    if (bits_of(stored) == SINGLE_INF) {
        report->overflowed += mag < DOUBLE_INF;
        return;
    }
    error = stored > value ? stored - value : value - stored;
    report->rounded += error > 0;
    report->flushed += error > 0 && stored <= 0;
    report->subnormal += stored > 0 && stored < least;
    report->absolute_error = larger(report->absolute_error, error);
    if (error > 0)
        report->relative_error = larger(report->relative_error, error / value);
}

static void f64_to_f16(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits = load_u64(from + 8 * i), mag = bits & DOUBLE_ABS;
        uint32_t half = narrow_double(mag, 10, 5);

        store_u16(to + 2 * i, (uint16_t)(half | (bits >> 48 & 0x8000)));
        report_double(report, mag, value_of(single_of_half(half)), 0x1p-14F);
    }
}

static void f64_to_f32(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits = load_u64(from + 8 * i), mag = bits & DOUBLE_ABS;
        uint32_t single = narrow_double(mag, 23, 8);

        store_u32(to + 4 * i, single | (uint32_t)(bits >> 32 & ~SINGLE_ABS));
        report_double(report, mag, value_of(single), 0x1p-126F);
    }
}

fletch_cast_fn fletch_cast_find_double(enum fletch_dtype from, enum fletch_dtype to)
{
    if (from != FLETCH_F64)
        return NULL;
    return to == FLETCH_F16 ? f64_to_f16 : to == FLETCH_F32 ? f64_to_f32 : NULL;
}
