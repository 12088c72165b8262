/* SPDX-License-Identifier: MIT */
/* hash.c - see hash.h */
#include "base/hash.h"

#include <errno.h>
#include <libdeflate.h>
#include <openssl/evp.h>

enum fletch_status fletch_sha256_open(struct fletch_sha256 *sha, struct fletch_error *err)
{
    /* Without a type it starts anew with the digest that it has: nothing is looked up. */
    if (sha->context && EVP_DigestInit_ex(sha->context, NULL, NULL))
        return FLETCH_OK;
    /* libcrypto says "unsupported" also where its search for the digest ran out of memory
     */
    errno = 0;
    if (!sha->context)
        sha->context = EVP_MD_CTX_new();
    if (sha->context && EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL))
        return FLETCH_OK;
    if (!sha->context || errno == ENOMEM)
        return fletch_fail_memory(err, sizeof(*sha), "a SHA-256");
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "libcrypto offers no SHA-256");
}

void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size)
{
    if (size)
        EVP_DigestUpdate(sha->context, bytes, size);
}

void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE])
{
    EVP_DigestFinal_ex(sha->context, out, NULL);
}

void fletch_sha256_close(struct fletch_sha256 *sha)
{
    EVP_MD_CTX_free(sha->context);
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
