/* SPDX-License-Identifier: MIT */
/* sha256.h - the implementations of SHA-256 behind hash.h
 *
 * Each one processes whole blocks into a state, and all give the same digests. Which ones
 * exist depends on the processor and on the build.
 */
#ifndef FLETCH_BASE_SHA256_H
#define FLETCH_BASE_SHA256_H

#include "base/hash.h"

/* The round constants of FIPS 180-4. */
extern const uint32_t fletch_sha256_constants[64];

/* The i-th implementation that this machine can run, fastest first, and its name (`name`
 * may be NULL). NULL past the last, which is plain C and always there. Queries the
 * processor each time. */
fletch_sha256_blocks_fn *fletch_sha256_way(size_t i, const char **name);

/* The one that uses the SHA instructions of x86, or of 64-bit ARM; NULL where the processor
 * or the build has none. */
fletch_sha256_blocks_fn *fletch_sha256_find_x86(void);
fletch_sha256_blocks_fn *fletch_sha256_find_arm(void);

#endif
