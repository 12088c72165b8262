/* SPDX-License-Identifier: MIT */
/* bytes.h - little-endian loads and stores, checked sums and products
 *
 * The only way numbers get out of file bytes: never through a pointer cast.
 */
#ifndef FLETCH_BASE_BYTES_H
#define FLETCH_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
