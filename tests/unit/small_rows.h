/* SPDX-License-Identifier: MIT */
/* small_rows.h - a few rows that have it all: a scalar, NaN payloads, nothing, four dims,
 * the largest value that is small, and the smallest that is not */
#ifndef FLETCH_TESTS_SMALL_ROWS_H
#define FLETCH_TESTS_SMALL_ROWS_H

#include "tables.h"

static const uint8_t nan_bytes[] = { 0x01, 0x00, 0x80, 0x7f, 0xef, 0xbe, 0xff, 0xff };
static uint8_t ramp[3000];

static const struct table_row small_rows[] = {
    { "scalar", { 0 }, 0, "torch.int64", 1, ramp, 8 },
    { "nan", { 2 }, 1, "torch.float32", 2, nan_bytes, 8 },
    { "empty", { 3, 0, 2 }, 3, "torch.float16", 0, ramp, 0 },
    { "b\xc3\xa4r", { 2, 3 }, 2, "torch.uint8", 6, ramp, 6 },
    { "kib", { 256 }, 1, "torch.float32", 256, ramp, 1024 },
    { "kib.more", { 1025 }, 1, "torch.int8", 1025, ramp, 1025 },
    { "long", { 1, 3, 1, 1000 }, 4, "torch.bool", 3000, ramp, 3000 },
};
#define SMALL_ROWS (sizeof(small_rows) / sizeof(small_rows[0]))

static const struct fletch_codec *none(void)
{
    const struct fletch_codec *codec = NULL;

    assert_int_equal(fletch_codec_find(&codec, "none", NULL), FLETCH_OK);
    return codec;
}

static inline uint8_t *load_memory(const struct fletch_file *file)
{
    uint8_t *bytes = malloc(file->size);

    assert_non_null(bytes);
    assert_int_equal(pread(file->fd, bytes, file->size, 0), file->size);
    return bytes;
}

static int make_ramp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ramp); i++)
        ramp[i] = (uint8_t)(i * 7 + (i >> 6));
    return 0;
}

#endif
