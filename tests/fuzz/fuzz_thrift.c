/* SPDX-License-Identifier: MIT */
/* fuzz_thrift - everything that is parsed out of bytes in memory: thrift of any shape, page
 * headers, offset indexes, levels, deltas */
#include "parquet/levels.h"
#include "parquet/meta.h"
#include "parquet/decode.h"

/* Runs make any number of values out of few bytes. */
#define VALUES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void any_struct(const uint8_t *data, size_t size)
{
    struct fletch_thrift_reader in = { .bytes = data, .size = size };

    fletch_thrift_skip(&in, FLETCH_THRIFT_STRUCT);
    if (in.pos > size)
        __builtin_trap();
}

static void metadata(const uint8_t *data, size_t size)
{
    struct fletch_page_header header;
    struct fletch_page_location *pages;
    struct fletch_arena arena = { 0 };
    size_t used, count;
    bool more;

    if (!fletch_page_header_parse(&header, &used, &more, data, size, 0, NULL) &&
        (used > size || header.uncompressed_size < 0 || header.compressed_size < 0))
        __builtin_trap();
    if (!fletch_offset_index_parse(&pages, &count, &arena, data, size, 0, NULL) &&
        count > size)
        __builtin_trap();
    fletch_arena_release(&arena);
}

static void sequences(const uint8_t *data, size_t size)
{
    struct fletch_levels levels = { .bytes = data + 1,
                                    .size = size - 1,
                                    .bit_width = data[0] % 33u };
    struct fletch_delta delta;
    uint32_t level;
    int64_t value;
    int count = 0;

    while (count++ < VALUES_MAX && fletch_levels_next(&levels, &level))
        if (levels.bit_width < 32 && level >> levels.bit_width && levels.packed)
            __builtin_trap();
    if (!fletch_delta_begin(&delta, data, size))
        return;
    count = 0;
    while (count++ < VALUES_MAX && fletch_delta_next(&delta, &value))
        continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    any_struct(data, size);
    metadata(data, size);
    if (size)
        sequences(data, size);
    return 0;
}
