/* SPDX-License-Identifier: MIT */
/* hash.c - CRC-32, see hash.h; sha256.c has the other half */
#include "base/hash.h"

#include <libdeflate.h>

uint32_t fletch_crc32(uint32_t crc, const void *bytes, size_t size)
{
    return libdeflate_crc32(crc, bytes, size);
}

/* ---- Joining CRCs ----
 *
 * A CRC is a polynomial over bits modulo that of CRC-32, its highest power in bit 0; each
 * byte that follows multiplies it by x^8.
 */

#define CRC_POLYNOMIAL UINT32_C(0xedb88320)
#define CRC_ONE UINT32_C(0x80000000)
#define CRC_X_TO_8 UINT32_C(0x00800000)

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = CRC_ONE; bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b >> 1 ^ (b & 1 ? CRC_POLYNOMIAL : 0);
    }
    return product;
}

uint32_t fletch_crc32_join(uint32_t first, uint32_t second, uint64_t size)
{
    uint32_t shift = CRC_ONE;

    for (uint32_t square = CRC_X_TO_8; size; size >>= 1) {
        if (size & 1)
            shift = multiply(shift, square);
        square = multiply(square, square);
    }
    return multiply(shift, first) ^ second;
}
