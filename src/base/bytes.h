/* SPDX-License-Identifier: MIT */
/* bytes.h - little-endian loads and stores, checked sums and products
 *
 * Numbers are read from file bytes only through these, never through a pointer cast.
 */
#ifndef FLETCH_BASE_BYTES_H
#define FLETCH_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Converts between machine order and little-endian, both ways. Compilers vectorise memcpy
 * with these. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define fletch_little_u16(value) __builtin_bswap16(value)
#define fletch_little_u32(value) __builtin_bswap32(value)
#define fletch_little_u64(value) __builtin_bswap64(value)
#else
#define fletch_little_u16(value) ((uint16_t)(value))
#define fletch_little_u32(value) ((uint32_t)(value))
#define fletch_little_u64(value) ((uint64_t)(value))
#endif

/* Finds the first `sought` (at least one byte) in the bytes; NULL when there is none. */
static inline const char *fletch_find(const void *bytes, size_t size, const void *sought,
                                      size_t sought_size)
{
    const char *at = bytes, *end = at + size, *first = sought;

    while ((size_t)(end - at) >= sought_size &&
           (at = memchr(at, *first, (size_t)(end - at) - sought_size + 1))) {
        if (!memcmp(at, sought, sought_size))
            return at;
        at++;
    }
    return NULL;
}

static inline uint16_t fletch_load_u16(const void *from)
{
    const uint8_t *p = from;

    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t fletch_load_u32(const void *from)
{
    const uint8_t *p = from;

    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t fletch_load_u64(const void *from)
{
    const uint8_t *p = from;

    return fletch_load_u32(p) | (uint64_t)fletch_load_u32(p + 4) << 32;
}

static inline void fletch_store_u16(void *to, uint16_t value)
{
    uint8_t *p = to;

    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void fletch_store_u32(void *to, uint32_t value)
{
    uint8_t *p = to;

    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static inline void fletch_store_u64(void *to, uint64_t value)
{
    uint8_t *p = to;

    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* False, and *out untouched, when the true result does not fit. */
static inline bool fletch_add(uint64_t *out, uint64_t a, uint64_t b)
{
    if (a > UINT64_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static inline bool fletch_mul(uint64_t *out, uint64_t a, uint64_t b)
{
    if (b && a > UINT64_MAX / b)
        return false;
    *out = a * b;
    return true;
}

#endif
