/* SPDX-License-Identifier: MIT */
/* levels.h - Parquet's hybrid of runs and packed bits: levels and dictionary indices
 *
 * A run begins with a varint. Even: (length << 1), then the value in whole bytes. Odd:
 * (groups << 1 | 1), then groups of 8 values, bit_width bits each, lowest bit first;
 * surplus values of the last group mean nothing.
 */
#ifndef FLETCH_PARQUET_LEVELS_H
#define FLETCH_PARQUET_LEVELS_H

#include "base/buf.h"

/* Appends `count` values of bit_width bits (1 to 8). */
void fletch_levels_put(struct fletch_buf *buf, const uint8_t *values, size_t count,
                       unsigned bit_width);

/* Reads values one by one. To start, zero it and set bytes, size and bit_width (0 to 32). A
 * width of 0 gives zeros without end. */
struct fletch_levels {
    const uint8_t *bytes; /* [size] */
    size_t size;
    size_t pos;
    unsigned bit_width;
    uint64_t run_left;  /* values */
    bool packed;        /* the run is bit-packed */
    uint32_t run_value; /* of a run that is not packed */
    uint64_t bit_pos;   /* in the packed run, from bytes */
};

/* False when the bytes end early or are invalid. */
bool fletch_levels_next(struct fletch_levels *levels, uint32_t *value);
/* Reads a varint that fits 32 bits; false when it does not, or when the bytes end. */
bool fletch_get_varint32(const uint8_t *bytes, size_t size, size_t *pos, uint32_t *value);

#endif
