/* SPDX-License-Identifier: MIT */
/* bits.h - numbers of a few bits each, packed without gaps, lowest bit first */
#ifndef FLETCH_PARQUET_BITS_H
#define FLETCH_PARQUET_BITS_H

#include <stdint.h>

/* Takes the `width` (0 to 64) bits at *pos and advances it. The caller has checked that
 * they are there. */
static inline uint64_t fletch_take_bits(const uint8_t *bytes, uint64_t *pos, unsigned width)
{
    uint64_t value = 0;

    for (unsigned have = 0; have < width;) {
        unsigned shift = *pos % 8;
        unsigned take = width - have < 8 - shift ? width - have : 8 - shift;
        uint64_t part = (uint64_t)bytes[*pos / 8] >> shift;

        value |= (part & ((1u << take) - 1)) << have;
        have += take;
        *pos += take;
    }
    return value;
}

#endif
