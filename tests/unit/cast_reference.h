/* SPDX-License-Identifier: MIT */
/* cast_reference.h - casts once more: slow, in real numbers, from each format's parameters
 *
 * An element is decoded to the double it stands for; a stored value is the multiple of the
 * last place that lies nearest, found by division; its bits are put together from there.
 */
#ifndef FLETCH_TESTS_CAST_REFERENCE_H
#define FLETCH_TESTS_CAST_REFERENCE_H

#include "support.h"

#include "tensor/cast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct format {
    int exponent, mantissa, bias; /* bits, bits, and what is taken off */
    enum { IEEE, FINITE, FNUZ, POWERS } flavour;
};

static struct format format_of(enum fletch_dtype dtype)
{
    switch (dtype) {
    case FLETCH_F16:
        return (struct format){ 5, 10, 15, IEEE };
    case FLETCH_BF16:
        return (struct format){ 8, 7, 127, IEEE };
    case FLETCH_F32:
        return (struct format){ 8, 23, 127, IEEE };
    case FLETCH_F64:
        return (struct format){ 11, 52, 1023, IEEE };
    case FLETCH_F8_E4M3:
        return (struct format){ 4, 3, 7, FINITE };
    case FLETCH_F8_E5M2:
        return (struct format){ 5, 2, 15, IEEE };
    case FLETCH_F8_E4M3FNUZ:
        return (struct format){ 4, 3, 8, FNUZ };
    case FLETCH_F8_E5M2FNUZ:
        return (struct format){ 5, 2, 16, FNUZ };
    default:
        return (struct format){ 8, 0, 127, POWERS };
    }
}

/* What one element is. */
struct element {
    bool negative, nan, infinite, subnormal;
    uint64_t payload; /* of NaN: the mantissa, moved to the top of 64 bits */
    double size;      /* without sign */
};

static struct element decode(enum fletch_dtype dtype, uint64_t bits)
{
    const struct format f = format_of(dtype);
    const uint64_t mantissa = bits & ((UINT64_C(1) << f.mantissa) - 1);
    const int exponent = (int)(bits >> f.mantissa & ((UINT64_C(1) << f.exponent) - 1));
    const int top = (1 << f.exponent) - 1;
    struct element e = { 0 };

    if (f.flavour == POWERS) {
        e.nan = exponent == top;
        e.size = ldexp(1, exponent - f.bias);
        return e;
    }
    e.negative = bits >> (f.mantissa + f.exponent) & 1;
    if (f.flavour == FNUZ && e.negative && exponent == 0 && mantissa == 0) {
        e.negative = false;
        e.nan = true;
        return e;
    }
    if (f.flavour == FINITE)
        e.nan = exponent == top && mantissa == (UINT64_C(1) << f.mantissa) - 1;
    if (f.flavour == IEEE && exponent == top) {
        e.nan = mantissa != 0;
        e.infinite = mantissa == 0;
    }
    if (e.nan)
        e.payload = mantissa << (64 - f.mantissa);
    e.subnormal = exponent == 0;
    e.size = exponent ? ldexp((double)(mantissa | UINT64_C(1) << f.mantissa),
                              exponent - f.bias - f.mantissa)
                      : ldexp((double)mantissa, 1 - f.bias - f.mantissa);
    return e;
}

/* The bits of an IEEE format for a value of it. */
static uint64_t encode(const struct format *f, double value)
{
    int exponent;

    if (value <= 0)
        return 0;
    (void)frexp(value, &exponent);
    if (exponent - 1 < 1 - f->bias) /* subnormal: so many last places */
        return (uint64_t)ldexp(value, f->bias - 1 + f->mantissa);
    return ((uint64_t)(exponent - 1 + f->bias) << f->mantissa) +
           (uint64_t)ldexp(value, f->mantissa - (exponent - 1)) -
           (UINT64_C(1) << f->mantissa);
}

/* The value of `f` nearest to `size`, ties to an even multiple of the last place. */
static double nearest(const struct format *f, double size)
{
    int exponent, place;
    double places, whole;

    if (size <= 0)
        return 0;
    (void)frexp(size, &exponent);
    place = exponent - 1 - f->mantissa;
    if (place < 1 - f->bias - f->mantissa)
        place = 1 - f->bias - f->mantissa;
    if (place > f->bias - f->mantissa)
        return HUGE_VAL;
    places = ldexp(size, -place);
    whole = (double)(uint64_t)places;
    if (places - whole > 0.5 || (!(places - whole < 0.5) && (uint64_t)places % 2))
        whole += 1;
    whole = ldexp(whole, place);
    return whole < ldexp(1, f->bias + 1) ? whole : HUGE_VAL;
}

/* Adds what became of one finite element. */
static void reference_report(struct fletch_cast_report *report, enum fletch_dtype from,
                             const struct element *e, const struct format *f, double stored)
{
    const double error = fabs(stored - e->size);
    double ratio = 0;

    if (error > 0 && from == FLETCH_F64)
        ratio = error / e->size;
    else if (error > 0)
        ratio = (double)((float)error / (float)e->size);
    report->rounded += error > 0;
    report->flushed += e->size > 0 && !(stored > 0);
    report->subnormal += !e->subnormal && stored > 0 && stored < ldexp(1, 1 - f->bias);
    if (error > report->absolute_error)
        report->absolute_error = error;
    if (ratio > report->relative_error)
        report->relative_error = ratio;
}

/* One floating element to float16 or float32 (or copied). */
static uint64_t reference_cast(enum fletch_dtype from, enum fletch_dtype to, uint64_t bits,
                               struct fletch_cast_report *report)
{
    const struct format f = format_of(to);
    const struct element e = decode(from, bits);
    const uint64_t infinity = ((UINT64_C(1) << f.exponent) - 1) << f.mantissa;
    const uint64_t sign = (uint64_t)e.negative << (f.exponent + f.mantissa);
    double stored;

    report->nan += e.nan;
    if (from == to)
        return bits;
    if (from == FLETCH_BF16 && to == FLETCH_F32)
        return bits << 16;
    if (e.nan)
        return sign | infinity | UINT64_C(1) << (f.mantissa - 1) |
               e.payload >> (64 - f.mantissa);
    if (e.infinite)
        return sign | infinity;
    stored = nearest(&f, e.size);
    if (stored > ldexp(1, f.bias + 1)) {
        report->overflowed++;
        return sign | infinity;
    }
    reference_report(report, from, &e, &f, stored);
    return sign | encode(&f, stored);
}

/* ---- For comparing with it ---- */

/* xorshift64*: the same numbers every time. */
static uint64_t random_bits(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

static uint64_t element_at(const uint8_t *bytes, size_t size, size_t i)
{
    uint64_t bits = 0;

    for (size_t byte = 0; byte < size; byte++)
        bits |= (uint64_t)bytes[i * size + byte] << 8 * byte;
    return bits;
}

static void put_element(uint8_t *bytes, size_t size, size_t i, uint64_t bits)
{
    for (size_t byte = 0; byte < size; byte++)
        bytes[i * size + byte] = (uint8_t)(bits >> 8 * byte);
}

static void assert_same_report(const struct fletch_cast_report *a,
                               const struct fletch_cast_report *b)
{
    assert_int_equal(a->rounded, b->rounded);
    assert_int_equal(a->flushed, b->flushed);
    assert_int_equal(a->subnormal, b->subnormal);
    assert_int_equal(a->overflowed, b->overflowed);
    assert_int_equal(a->nan, b->nan);
    /* bit for bit: no tolerance, and no NaN */
    assert_memory_equal(&a->absolute_error, &b->absolute_error, sizeof(double));
    assert_memory_equal(&a->relative_error, &b->relative_error, sizeof(double));
}

#define CANARY 0xa5

/* Casts `count` elements, which lie `shift` bytes off alignment; what is behind the output
 * must stay. The caller frees. */
static inline uint8_t *run(fletch_cast_fn cast, enum fletch_dtype from,
                           enum fletch_dtype to, const uint8_t *in, size_t count,
                           size_t shift, struct fletch_cast_report *report)
{
    const size_t in_size = count * fletch_dtype_size(from);
    const size_t out_size = count * fletch_dtype_size(to);
    uint8_t *from_bytes = malloc(in_size + shift + 1);
    uint8_t *to_bytes = malloc(out_size + shift + 64);
    uint8_t *result = malloc(out_size + 1);

    assert_true(from_bytes && to_bytes && result);
    memcpy(from_bytes + shift, in, in_size);
    memset(to_bytes, CANARY, out_size + shift + 64);
    cast(to_bytes + shift, from_bytes + shift, count, report);
    assert_memory_equal(from_bytes + shift, in, in_size);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(to_bytes[i < shift ? i : out_size + i], CANARY);
    memcpy(result, to_bytes + shift, out_size);
    free(from_bytes);
    free(to_bytes);
    return result;
}

#endif
