/* SPDX-License-Identifier: MIT */
/* levels.c - see levels.h */
#include "parquet/levels.h"

#include "parquet/bits.h"
#include "parquet/thrift.h"

/* Shorter repetitions are packed: a run's header and value cost as much. */
#define RUN_MIN 8

static size_t run_length(const uint8_t *values, size_t count)
{
    size_t len = 1;

    while (len < count && values[len] == values[0])
        len++;
    return len;
}

static void put_packed(struct fletch_buf *buf, const uint8_t *values, size_t count,
                       unsigned bit_width)
{
    size_t groups = (count + 7) / 8;
    unsigned bits = 0, held = 0;

    fletch_put_varint(buf, (uint64_t)groups << 1 | 1);
    for (size_t i = 0; i < 8 * groups; i++) {
        bits |= (i < count ? (unsigned)values[i] : 0u) << held;
        held += bit_width;
        for (; held >= 8; held -= 8, bits >>= 8)
            fletch_buf_put_u8(buf, (uint8_t)bits);
    }
}

void fletch_levels_put(struct fletch_buf *buf, const uint8_t *values, size_t count,
                       unsigned bit_width)
{
    size_t packed = 0; /* values before `at` still to be packed */

    for (size_t at = 0; at < count;) {
        size_t run = run_length(values + at, count - at);

        /* a packed run that another run follows must fill its groups */
        if (packed % 8) {
            size_t fill = 8 - packed % 8;

            run = fill < run ? fill : run;
        } else if (run >= RUN_MIN || (!packed && run == count - at)) {
            if (packed)
                put_packed(buf, values + at - packed, packed, bit_width);
            packed = 0;
            fletch_put_varint(buf, (uint64_t)run << 1);
            fletch_buf_put_u8(buf, values[at]);
            at += run;
            continue;
        }
        packed += run;
        at += run;
    }
    if (packed)
        put_packed(buf, values + count - packed, packed, bit_width);
}

bool fletch_get_varint32(const uint8_t *bytes, size_t size, size_t *pos, uint32_t *value)
{
    uint64_t result;
    bool found = fletch_get_varint(bytes, size, pos, &result);

    *value = (uint32_t)result;
    return found && result <= UINT32_MAX;
}

static bool next_run(struct fletch_levels *levels)
{
    uint32_t header;
    size_t left;

    if (!fletch_get_varint32(levels->bytes, levels->size, &levels->pos, &header) ||
        header < 2)
        return false;
    left = levels->size - levels->pos;
    levels->packed = header & 1;
    if (levels->packed) {
        uint64_t size = (uint64_t)(header >> 1) * levels->bit_width;

        /* some writers cut the last group where its values end */
        size = size < left ? size : left;
        levels->bit_pos = 8 * (uint64_t)levels->pos;
        levels->run_left = 8 * size / levels->bit_width;
        levels->pos += (size_t)size;
    } else {
        size_t size = (levels->bit_width + 7) / 8;

        if (size > left)
            return false;
        levels->run_value = 0;
        for (size_t i = 0; i < size; i++)
            levels->run_value |= (uint32_t)levels->bytes[levels->pos++] << 8 * i;
        levels->run_left = header >> 1;
    }
    return levels->run_left > 0;
}

bool fletch_levels_next(struct fletch_levels *levels, uint32_t *value)
{
    if (!levels->bit_width) {
        *value = 0;
        return true;
    }
    if (!levels->run_left && !next_run(levels))
        return false;
    levels->run_left--;
    if (!levels->packed) {
        *value = levels->run_value;
        return true;
    }
    *value = (uint32_t)fletch_take_bits(levels->bytes, &levels->bit_pos, levels->bit_width);
    return true;
}
