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
