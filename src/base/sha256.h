/* SPDX-License-Identifier: MIT */
/* sha256.h - the ways in which SHA-256 is computed, behind hash.h
 *
 * A way takes whole blocks into a state. All of them give the same digests; which ones
 * there are depends on the processor and on the build.
 */
#ifndef FLETCH_BASE_SHA256_H
#define FLETCH_BASE_SHA256_H

#include "base/hash.h"

/* Of FIPS 180-4: what is added in each round. */
extern const uint32_t fletch_sha256_constants[64];

/* The i-th way that this machine has, the fastest first, and its name (NULL: not asked).
 * NULL behind the last, which is plain C and always there. Asks the processor each time. */
fletch_sha256_blocks_fn *fletch_sha256_way(size_t i, const char **name);

/* With the instructions for it of x86 and of 64-bit ARM; NULL where the processor or the
 * build has none. */
fletch_sha256_blocks_fn *fletch_sha256_find_x86(void);
fletch_sha256_blocks_fn *fletch_sha256_find_arm(void);

#endif
