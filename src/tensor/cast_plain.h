/* SPDX-License-Identifier: MIT */
/* cast_plain.h - what the files of the plain casts share; for them alone */
#ifndef FLETCH_TENSOR_CAST_PLAIN_H
#define FLETCH_TENSOR_CAST_PLAIN_H

#include "base/bytes.h"
#include "tensor/cast.h"

#include <string.h>

#if defined(__GNUC__)
#define FLETCH_INLINE inline __attribute__((always_inline))
#else
#define FLETCH_INLINE inline
#endif

#define SINGLE_ABS UINT32_C(0x7fffffff)
#define SINGLE_INF UINT32_C(0x7f800000)
#define SINGLE_QUIET UINT32_C(0x00400000)

#define HALF_INF UINT32_C(0x7c00)
#define HALF_QUIET UINT32_C(0x0200)

/* Those of base/bytes.h go byte by byte, which keeps some compilers from vectorising. */
static FLETCH_INLINE uint16_t load_u16(const uint8_t *from)
{
    uint16_t value;

    memcpy(&value, from, sizeof(value));
    return fletch_little_u16(value);
}

static FLETCH_INLINE uint32_t load_u32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return fletch_little_u32(value);
}

static FLETCH_INLINE uint64_t load_u64(const uint8_t *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return fletch_little_u64(value);
}

static FLETCH_INLINE void store_u16(uint8_t *to, uint16_t value)
{
    value = fletch_little_u16(value);
    memcpy(to, &value, sizeof(value));
}

static FLETCH_INLINE void store_u32(uint8_t *to, uint32_t value)
{
    value = fletch_little_u32(value);
    memcpy(to, &value, sizeof(value));
}

static FLETCH_INLINE void store_u64(uint8_t *to, uint64_t value)
{
    value = fletch_little_u64(value);
    memcpy(to, &value, sizeof(value));
}

static FLETCH_INLINE float value_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static FLETCH_INLINE uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* Computes both values and keeps one: a branch would keep the loop from being
 * vectorised. */
static FLETCH_INLINE uint32_t mask_of(bool yes)
{
    return 0 - (uint32_t)yes;
}

static FLETCH_INLINE uint32_t choose(uint32_t mask, uint32_t a, uint32_t b)
{
    return (a & mask) | (b & ~mask);
}

/* binary16: 1 sign, 5 exponent (bias 15), 10 mantissa. */
static FLETCH_INLINE uint32_t single_of_half(uint32_t half)
{
    uint32_t sign = (half & 0x8000) << 16, mag = half & 0x7fff;
    uint32_t normal = (mag << 13) + ((127 - 15) << 23);
    uint32_t tiny = bits_of((float)(int32_t)mag * 0x1p-24F);
    uint32_t special = mag << 13 | SINGLE_INF | (SINGLE_QUIET & mask_of(mag > HALF_INF));
    uint32_t bits = choose(mask_of(mag < 0x0400), tiny, normal);

    return sign | choose(mask_of(mag >= HALF_INF), special, bits);
}

static FLETCH_INLINE double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The casts from float64; NULL for others. */
fletch_cast_fn fletch_cast_find_double(enum fletch_dtype from, enum fletch_dtype to);
/* The casts of integers, and copies, which round nothing; NULL for others. */
fletch_cast_fn fletch_cast_find_whole(enum fletch_dtype from, enum fletch_dtype to);

#endif
