/* SPDX-License-Identifier: MIT */
/* hash.h - SHA-256 (libcrypto) and CRC-32 (libdeflate) */
#ifndef FLETCH_BASE_HASH_H
#define FLETCH_BASE_HASH_H

#include "base/error.h"

#define FLETCH_SHA256_SIZE 32
#define FLETCH_SHA256_HEX (2 * FLETCH_SHA256_SIZE + 1)

/* Zeroed is closed. */
struct fletch_sha256 {
    void *context;
};

/* May be called again on an open one: starts a new hash without an allocation. */
enum fletch_status fletch_sha256_open(struct fletch_sha256 *sha, struct fletch_error *err);
/* Feeding and finishing an open hash cannot fail. */
void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size);
void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE]);
void fletch_sha256_close(struct fletch_sha256 *sha);
void fletch_sha256_hex(char out[FLETCH_SHA256_HEX],
                       const uint8_t digest[FLETCH_SHA256_SIZE]);

/* The zlib polynomial; start with 0 and hand the value on to go on. */
uint32_t fletch_crc32(uint32_t crc, const void *bytes, size_t size);
/* Of what has `first` with `size` bytes behind it that have `second`. */
uint32_t fletch_crc32_join(uint32_t first, uint32_t second, uint64_t size);

#endif
