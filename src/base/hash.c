/* SPDX-License-Identifier: MIT */
/* hash.c - see hash.h */
#include "base/hash.h"

#include "base/mem.h"

#include <libdeflate.h>
/* The calls of one digest: those of EVP look it up first, and libcrypto 3.0 crashes when
 * memory runs out meanwhile. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

enum fletch_status fletch_sha256_open(struct fletch_sha256 *sha, struct fletch_error *err)
{
    if (!sha->context)
        sha->context = fletch_alloc(sizeof(SHA256_CTX));
    if (!sha->context)
        return fletch_fail_memory(err, sizeof(SHA256_CTX), "a SHA-256");
    SHA256_Init(sha->context);
    return FLETCH_OK;
}

void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size)
{
    if (size)
        SHA256_Update(sha->context, bytes, size);
}

void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE])
{
    SHA256_Final(out, sha->context);
}

void fletch_sha256_close(struct fletch_sha256 *sha)
{
    fletch_free(sha->context);
    sha->context = NULL;
}

void fletch_sha256_hex(char out[FLETCH_SHA256_HEX],
                       const uint8_t digest[FLETCH_SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < FLETCH_SHA256_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[FLETCH_SHA256_HEX - 1] = 0;
}

uint32_t fletch_crc32(uint32_t crc, const void *bytes, size_t size)
{
    return libdeflate_crc32(crc, bytes, size);
}

/* ---- Joining CRCs ----
 *
 * A CRC is a polynomial over bits modulo that of CRC-32, its highest power in bit 0: what
 * follows multiplies it by x^8 for each byte.
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
