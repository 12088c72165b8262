/* SPDX-License-Identifier: MIT */
/* hash.h - SHA-256 (sha256.c) and CRC-32 (libdeflate) */
#ifndef FLETCH_BASE_HASH_H
#define FLETCH_BASE_HASH_H

#include "base/error.h"

#define FLETCH_SHA256_SIZE 32
#define FLETCH_SHA256_BLOCK 64
#define FLETCH_SHA256_HEX (2 * FLETCH_SHA256_SIZE + 1)

/* Hashes blocks[count * FLETCH_SHA256_BLOCK] into the state. */
typedef void fletch_sha256_blocks_fn(uint32_t state[8], const uint8_t *blocks,
                                     size_t count);

/* Zeroed is closed. No memory of its own: an open one may be forgotten. */
struct fletch_sha256 {
    fletch_sha256_blocks_fn *blocks; /* NULL: closed */
    uint64_t size;                   /* bytes put in */
    uint32_t state[8];
    uint8_t held[FLETCH_SHA256_BLOCK]; /* [size % FLETCH_SHA256_BLOCK] */
};

/* May be called again on an open one, which costs less: starts a new hash. */
void fletch_sha256_open(struct fletch_sha256 *sha);
void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size);
/* Open it again before the next bytes. */
void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE]);
void fletch_sha256_hex(char out[FLETCH_SHA256_HEX],
                       const uint8_t digest[FLETCH_SHA256_SIZE]);

/* The zlib polynomial; start with 0 and hand the value on to go on. */
uint32_t fletch_crc32(uint32_t crc, const void *bytes, size_t size);
/* Of what has `first` with `size` bytes behind it that have `second`. */
uint32_t fletch_crc32_join(uint32_t first, uint32_t second, uint64_t size);

#endif
