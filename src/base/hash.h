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

/* Zeroed is closed. It owns no memory, so an open one may be dropped. */
struct fletch_sha256 {
    fletch_sha256_blocks_fn *blocks; /* NULL: closed */
    uint64_t size;                   /* bytes put in */
    uint32_t state[8];
    uint8_t held[FLETCH_SHA256_BLOCK]; /* [size % FLETCH_SHA256_BLOCK] */
};

/* Starts a new hash. May be called on an open one, which is cheaper. */
void fletch_sha256_open(struct fletch_sha256 *sha);
void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size);
/* Closes the hash: open it again before adding more bytes. */
void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE]);
void fletch_sha256_hex(char out[FLETCH_SHA256_HEX],
                       const uint8_t digest[FLETCH_SHA256_SIZE]);

/* Uses the zlib polynomial; start with 0 and pass the result on to continue. */
uint32_t fletch_crc32(uint32_t crc, const void *bytes, size_t size);
/* The CRC of two ranges joined: `first` is the first's; `second` is that of the `size`
 * bytes after it. */
uint32_t fletch_crc32_join(uint32_t first, uint32_t second, uint64_t size);

#endif
