/* SPDX-License-Identifier: MIT */
/* meta_write.c - the writing half of meta.h */
#include "parquet/meta.h"

#include <string.h>

#define FOOTER_VERSION 1
/* RowGroup.ordinal is an i16; it is omitted beyond that. */
#define ORDINAL_MAX INT16_MAX

/* ConvertedType and LogicalType state the same twice: DuckDB and hyparquet know only the
 * first. */
static void put_logical(struct fletch_thrift_writer *out, int logical)
{
    int converted = logical == FLETCH_LOGICAL_LIST ? 3 : 0; /* LIST, UTF8 */

    if (!logical)
        return;
    fletch_thrift_put_i32(out, 6, converted);
    fletch_thrift_begin_struct(out, 10);
    fletch_thrift_begin_struct(out, logical);
    fletch_thrift_end_struct(out);
    fletch_thrift_end_struct(out);
}

static void put_schema(struct fletch_thrift_writer *out, const struct fletch_footer *footer)
{
    fletch_thrift_put_list(out, 2, FLETCH_THRIFT_STRUCT, footer->schema_count);
    for (size_t i = 0; i < footer->schema_count; i++) {
        const struct fletch_schema_element *element = &footer->schema[i];

        fletch_thrift_begin_item(out);
        if (element->type >= 0)
            fletch_thrift_put_i32(out, 1, element->type);
        fletch_thrift_put_i32(out, 3, element->repetition);
        fletch_thrift_put_text(out, 4, element->name);
        if (element->children)
            fletch_thrift_put_i32(out, 5, (int32_t)element->children);
        put_logical(out, element->logical);
        fletch_thrift_end_struct(out);
    }
}

static void put_statistics(struct fletch_thrift_writer *out,
                           const struct fletch_statistics *statistics)
{
    fletch_thrift_begin_struct(out, 12);
    fletch_thrift_put_i64(out, 3, statistics->null_count);
    if (statistics->min) {
        fletch_thrift_put_bytes(out, 5, statistics->max, statistics->max_size);
        fletch_thrift_put_bytes(out, 6, statistics->min, statistics->min_size);
    }
    fletch_thrift_end_struct(out);
}

static void put_column_meta(struct fletch_thrift_writer *out,
                            const struct fletch_column_chunk *column)
{
    size_t path_count = 0;

    while (path_count < 3 && column->path[path_count])
        path_count++;
    fletch_thrift_put_i32(out, 1, column->type);
    fletch_thrift_put_list(out, 2, FLETCH_THRIFT_I32, column->encodings_count);
    for (size_t i = 0; i < column->encodings_count; i++)
        fletch_thrift_item_int(out, column->encodings[i]);
    fletch_thrift_put_list(out, 3, FLETCH_THRIFT_BINARY, path_count);
    for (size_t i = 0; i < path_count; i++)
        fletch_thrift_item_bytes(out, column->path[i], strlen(column->path[i]));
    fletch_thrift_put_i32(out, 4, column->codec);
    fletch_thrift_put_i64(out, 5, column->num_values);
    fletch_thrift_put_i64(out, 6, column->uncompressed_size);
    fletch_thrift_put_i64(out, 7, column->compressed_size);
    fletch_thrift_put_i64(out, 9, column->data_page_offset);
    if (column->dictionary_page_offset)
        fletch_thrift_put_i64(out, 11, column->dictionary_page_offset);
    put_statistics(out, &column->statistics);
}

static void put_column_chunk(struct fletch_thrift_writer *out,
                             const struct fletch_column_chunk *column)
{
    fletch_thrift_begin_item(out);
    fletch_thrift_put_i64(out, 2, 0); /* file_offset: deprecated, required */
    fletch_thrift_begin_struct(out, 3);
    put_column_meta(out, column);
    fletch_thrift_end_struct(out);
    if (column->offset_index_length) {
        fletch_thrift_put_i64(out, 4, column->offset_index_offset);
        fletch_thrift_put_i32(out, 5, column->offset_index_length);
    }
    fletch_thrift_end_struct(out);
}

static void put_group(struct fletch_thrift_writer *out,
                      const struct fletch_group_meta *group, size_t ordinal)
{
    fletch_thrift_begin_item(out);
    fletch_thrift_put_list(out, 1, FLETCH_THRIFT_STRUCT, group->columns_count);
    for (size_t i = 0; i < group->columns_count; i++)
        put_column_chunk(out, &group->columns[i]);
    fletch_thrift_put_i64(out, 2, group->uncompressed_size);
    fletch_thrift_put_i64(out, 3, group->num_rows);
    fletch_thrift_put_i64(out, 5, group->file_offset);
    fletch_thrift_put_i64(out, 6, group->compressed_size);
    if (ordinal <= ORDINAL_MAX)
        fletch_thrift_put_int(out, 7, FLETCH_THRIFT_I16, (int64_t)ordinal);
    fletch_thrift_end_struct(out);
}

static void put_pairs(struct fletch_thrift_writer *out, const struct fletch_footer *footer)
{
    if (!footer->pairs_count)
        return;
    fletch_thrift_put_list(out, 5, FLETCH_THRIFT_STRUCT, footer->pairs_count);
    for (size_t i = 0; i < footer->pairs_count; i++) {
        fletch_thrift_begin_item(out);
        fletch_thrift_put_text(out, 1, footer->pairs[i].key);
        fletch_thrift_put_text(out, 2, footer->pairs[i].value);
        fletch_thrift_end_struct(out);
    }
}

void fletch_footer_put(struct fletch_buf *buf, const struct fletch_footer *footer)
{
    struct fletch_thrift_writer out = { .buf = buf };

    fletch_thrift_put_i32(&out, 1, FOOTER_VERSION);
    put_schema(&out, footer);
    fletch_thrift_put_i64(&out, 3, footer->num_rows);
    fletch_thrift_put_list(&out, 4, FLETCH_THRIFT_STRUCT, footer->groups_count);
    for (size_t i = 0; i < footer->groups_count; i++)
        put_group(&out, &footer->groups[i], i);
    put_pairs(&out, footer);
    if (footer->created_by)
        fletch_thrift_put_text(&out, 6, footer->created_by);
    fletch_thrift_put_list(&out, 7, FLETCH_THRIFT_STRUCT, footer->leaves);
    for (size_t i = 0; i < footer->leaves; i++) { /* ColumnOrder: TYPE_ORDER */
        fletch_thrift_begin_item(&out);
        fletch_thrift_begin_struct(&out, 1);
        fletch_thrift_end_struct(&out);
        fletch_thrift_end_struct(&out);
    }
    fletch_thrift_end_struct(&out);
}

static void put_data_header(struct fletch_thrift_writer *out,
                            const struct fletch_page_header *header)
{
    bool dictionary = header->type == FLETCH_PAGE_DICTIONARY;

    fletch_thrift_begin_struct(out, dictionary ? 7 : 5);
    fletch_thrift_put_i32(out, 1, header->num_values);
    fletch_thrift_put_i32(out, 2, header->encoding);
    if (!dictionary) {
        fletch_thrift_put_i32(out, 3, FLETCH_ENCODING_RLE);
        fletch_thrift_put_i32(out, 4, FLETCH_ENCODING_RLE);
    }
    fletch_thrift_end_struct(out);
}

void fletch_page_header_put(struct fletch_buf *buf,
                            const struct fletch_page_header_put *what)
{
    static const uint8_t zeros[128];
    const struct fletch_page_header *header = &what->header;
    void (*put)(struct fletch_thrift_writer *, int, int32_t) =
        what->wide ? fletch_thrift_put_wide : fletch_thrift_put_i32;
    struct fletch_thrift_writer out = { .buf = buf };

    fletch_thrift_put_i32(&out, 1, (int32_t)header->type);
    put(&out, 2, header->uncompressed_size);
    put(&out, 3, header->compressed_size);
    put(&out, 4, (int32_t)header->crc);
    put_data_header(&out, header);
    if (what->pad)
        fletch_thrift_put_bytes(&out, FLETCH_PAGE_PAD_FIELD, zeros, what->padding);
    fletch_thrift_end_struct(&out);
}

void fletch_page_header_patch(uint8_t *header, const struct fletch_page_header *values)
{
    const size_t stride = 1 + FLETCH_THRIFT_WIDE_SIZE; /* field header, value */
    uint8_t *at = header + 3; /* the type with its field header, a field header */

    fletch_store_wide(at, values->uncompressed_size);
    fletch_store_wide(at + stride, values->compressed_size);
    fletch_store_wide(at + 2 * stride, (int32_t)values->crc);
}

void fletch_offset_index_put(struct fletch_buf *buf,
                             const struct fletch_page_location *pages, size_t count,
                             bool sized)
{
    struct fletch_thrift_writer out = { .buf = buf };

    fletch_thrift_put_list(&out, 1, FLETCH_THRIFT_STRUCT, count);
    for (size_t i = 0; i < count; i++) {
        fletch_thrift_begin_item(&out);
        fletch_thrift_put_i64(&out, 1, pages[i].offset);
        fletch_thrift_put_i32(&out, 2, pages[i].compressed_size);
        fletch_thrift_put_i64(&out, 3, pages[i].first_row);
        fletch_thrift_end_struct(&out);
    }
    if (sized) {
        fletch_thrift_put_list(&out, 2, FLETCH_THRIFT_I64, count);
        for (size_t i = 0; i < count; i++)
            fletch_thrift_item_int(&out, pages[i].value_size);
    }
    fletch_thrift_end_struct(&out);
}
