/* SPDX-License-Identifier: MIT */
/* columns_write.c - the small columns of a row group: names, shapes, types, counts
 *
 * Compared with `data` they are negligible, unless a file has very many small tensors. Then
 * names, shapes and counts are much alike, and are compressed if that makes them smaller.
 */
#include "parquet/writer_internal.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "parquet/levels.h"

#include <string.h>

/* Content of a page, in the size that readers expect. */
#define PAGE_CONTENT_SIZE ((size_t)1 << 20)
/* Less content than this is never compressed, so that a file of a few rows can be read by
 * eye. */
#define COMPRESS_MIN ((size_t)4 << 10)
/* Longer values get no statistics: they would swell every reader's footer. */
#define STATISTICS_SIZE_MAX ((size_t)1024)
/* Torch has a few dozen types; the layout stores seven. Levels are at most 8 bits wide. */
#define DTYPES_MAX 128

struct column {
    struct fletch_writer *writer;
    struct fletch_column_chunk *chunk;
    struct fletch_page_location *pages; /* [pages_count] */
    size_t pages_count, pages_cap;
    const char *dtypes[DTYPES_MAX]; /* distinct ones, by first use */
    size_t dtypes_count;
    uint8_t *indices; /* [rows], into dtypes */
};

/* Puts rows `first` to `end` of a column as a page's content into writer->body; returns the
 * number of values, nulls and empty lists included. */
typedef size_t (*body_fn)(struct column *column, size_t first, size_t end);

/* V1 levels of a column that has a value in every row. */
static void put_present(struct fletch_buf *body, size_t count)
{
    size_t at = body->size;

    fletch_buf_put_u32(body, 0);
    fletch_put_varint(body, (uint64_t)count << 1);
    fletch_buf_put_u8(body, 1);
    if (!body->failed)
        fletch_store_u32(body->bytes + at, (uint32_t)(body->size - at - 4));
}

static void put_string(struct fletch_buf *body, const char *text)
{
    size_t len = strlen(text);

    fletch_buf_put_u32(body, (uint32_t)len);
    fletch_buf_put(body, text, len);
}

static size_t put_names(struct column *column, size_t first, size_t end)
{
    struct fletch_buf *body = &column->writer->body;

    put_present(body, end - first);
    for (size_t i = first; i < end; i++)
        put_string(body, column->writer->cells[i].name);
    return end - first;
}

static size_t put_counts(struct column *column, size_t first, size_t end)
{
    struct fletch_buf *body = &column->writer->body;

    put_present(body, end - first);
    for (size_t i = first; i < end; i++) {
        uint8_t bytes[8];

        fletch_store_u64(bytes, column->writer->cells[i].count);
        fletch_buf_put(body, bytes, sizeof(bytes));
    }
    return end - first;
}

static unsigned index_width(const struct column *column)
{
    unsigned width = 1;

    while (column->dtypes_count > (size_t)1 << width)
        width++;
    return width;
}

static size_t put_dtypes(struct column *column, size_t first, size_t end)
{
    struct fletch_buf *body = &column->writer->body;

    put_present(body, end - first);
    fletch_buf_put_u8(body, (uint8_t)index_width(column));
    fletch_levels_put(body, column->indices + first, end - first, index_width(column));
    return end - first;
}

static void put_levels(struct fletch_buf *body, const uint8_t *levels, size_t count,
                       unsigned bit_width)
{
    size_t at = body->size;

    fletch_buf_put_u32(body, 0);
    fletch_levels_put(body, levels, count, bit_width);
    if (!body->failed)
        fletch_store_u32(body->bytes + at, (uint32_t)(body->size - at - 4));
}

/* Repetition 0 begins a row. Definition 1: the list is empty; 3: there is an element. */
static size_t put_shapes(struct column *column, size_t first, size_t end)
{
    const struct fletch_writer_cell *cells = column->writer->cells;
    struct fletch_buf *body = &column->writer->body;
    struct fletch_buf repetitions = { 0 }, definitions = { 0 };
    size_t count;

    for (size_t i = first; i < end; i++) {
        fletch_buf_put_u8(&repetitions, 0);
        fletch_buf_put_u8(&definitions, cells[i].rank ? 3 : 1);
        for (unsigned j = 1; j < cells[i].rank; j++) {
            fletch_buf_put_u8(&repetitions, 1);
            fletch_buf_put_u8(&definitions, 3);
        }
        column->chunk->statistics.null_count += !cells[i].rank;
    }
    count = repetitions.size;
    if (repetitions.failed || definitions.failed) {
        body->failed = true;
    } else {
        put_levels(body, repetitions.bytes, count, 1);
        put_levels(body, definitions.bytes, count, 2);
    }
    for (size_t i = first; i < end; i++)
        for (unsigned j = 0; j < cells[i].rank; j++)
            fletch_buf_put_u32(body, (uint32_t)cells[i].shape[j]);
    fletch_buf_release(&repetitions);
    fletch_buf_release(&definitions);
    return count;
}

/* Compresses writer->body into writer->packed, as for pages of `data`. */
static enum fletch_status pack(struct fletch_writer *writer, struct fletch_error *err)
{
    const struct fletch_codec *codec = writer->small_codec;
    const struct fletch_buf *body = &writer->body;
    struct fletch_buf *packed = &writer->packed;
    struct fletch_piece piece = { .page_size = body->size, .effort = FLETCH_EFFORT_MATCH };
    size_t step = codec->concatenable ? FLETCH_PIECE_SIZE : body->size;

    if (!writer->encoder)
        TRY(codec->encoder_open(&writer->encoder, codec->level_min, err));
    fletch_buf_clear(packed);
    for (size_t at = 0; at < body->size; at += piece.size) {
        size_t cap, size;

        piece.bytes = body->bytes + at;
        piece.size = body->size - at < step ? body->size - at : step;
        piece.offset = at;
        cap = codec->bound(piece.size);
        if (!fletch_buf_reserve(packed, cap + FLETCH_TRAILER_MAX))
            return fletch_fail_memory(err, cap, "page");
        TRY(codec->encode(writer->encoder, &piece, packed->bytes + packed->size, cap, &size,
                          err));
        packed->size += size;
    }
    if (codec->trailer)
        packed->size +=
            codec->trailer(packed->bytes + packed->size,
                           fletch_crc32(0, body->bytes, body->size), body->size);
    return FLETCH_OK;
}

/* Decides by the first page whether the column's pages are compressed. */
static enum fletch_status choose_codec(struct column *column, struct fletch_error *err)
{
    struct fletch_writer *writer = column->writer;
    size_t size = writer->body.size;

    if (!writer->small_codec || size < COMPRESS_MIN || writer->body.failed)
        return FLETCH_OK;
    TRY(pack(writer, err));
    if (writer->packed.size <= size - size / FLETCH_SHRINK_MIN)
        column->chunk->codec = (int)writer->small_codec->id;
    return FLETCH_OK;
}

/* Writes the page whose content is in writer->body. */
static enum fletch_status emit_page(struct column *column, struct fletch_page_header header,
                                    size_t first_row, struct fletch_error *err)
{
    struct fletch_writer *writer = column->writer;
    struct fletch_page_header_put what = { .header = header };
    const struct fletch_buf *stored = &writer->body;
    int64_t page_size;

    if (writer->body.failed)
        return fletch_fail_memory(err, PAGE_CONTENT_SIZE, "page");
    if (column->chunk->codec != FLETCH_CODEC_ID_NONE) {
        TRY(pack(writer, err));
        stored = &writer->packed;
    }
    what.header.uncompressed_size = (int32_t)writer->body.size;
    what.header.compressed_size = (int32_t)stored->size;
    what.header.crc = fletch_crc32(0, stored->bytes, stored->size);
    fletch_buf_clear(&writer->header);
    fletch_page_header_put(&writer->header, &what);
    if (writer->header.failed)
        return fletch_fail_memory(err, PAGE_CONTENT_SIZE, "page");
    page_size = (int64_t)(writer->header.size + stored->size);
    if (header.type == FLETCH_PAGE_DATA)
        column->pages[column->pages_count++] = (struct fletch_page_location){
            .offset = (int64_t)writer->offset,
            .compressed_size = (int32_t)page_size,
            .first_row = (int64_t)first_row,
        };
    column->chunk->uncompressed_size += (int64_t)(writer->header.size + writer->body.size);
    column->chunk->compressed_size += page_size;
    TRY(fletch_writer_emit(writer, writer->header.bytes, writer->header.size, err));
    return fletch_writer_emit(writer, stored->bytes, stored->size, err);
}

/* Roughly the bytes that a row takes in any column: decides where to cut pages. */
static size_t row_size(const struct fletch_writer_cell *cell)
{
    return 8 + strlen(cell->name) + 5 * (size_t)cell->rank;
}

static enum fletch_status grow_pages(struct column *column, struct fletch_error *err)
{
    size_t count = column->pages_count + 1;
    struct fletch_page_location *pages =
        fletch_grow(column->pages, &column->pages_cap, count, sizeof(*pages));

    if (!pages)
        return fletch_fail_memory(err, count * sizeof(*pages), "pages of a column");
    column->pages = pages;
    return FLETCH_OK;
}

static enum fletch_status emit_pages(struct column *column, body_fn put_body, int encoding,
                                     struct fletch_error *err)
{
    struct fletch_writer *writer = column->writer;

    column->chunk->data_page_offset = (int64_t)writer->offset;
    column->pages_count = 0;
    for (size_t first = 0, end; first < writer->cells_count; first = end) {
        struct fletch_page_header header = { .type = FLETCH_PAGE_DATA,
                                             .encoding = encoding };
        size_t size = 0;

        for (end = first; end < writer->cells_count && size < PAGE_CONTENT_SIZE; end++)
            size += row_size(&writer->cells[end]);
        TRY(grow_pages(column, err));
        fletch_buf_clear(&writer->body);
        header.num_values = (int32_t)put_body(column, first, end);
        column->chunk->num_values += header.num_values;
        if (!first && !column->chunk->dictionary_page_offset)
            TRY(choose_codec(column, err));
        TRY(emit_page(column, header, first, err));
    }
    return fletch_writer_index(writer, column->chunk, column->pages, column->pages_count,
                               false, err);
}

static const char *name_of(const struct fletch_writer_cell *cell)
{
    return cell->name;
}

static const char *dtype_of(const struct fletch_writer_cell *cell)
{
    return cell->dtype;
}

/* min and max of a text column. */
static enum fletch_status
put_text_range(struct column *column,
               const char *(*text_of)(const struct fletch_writer_cell *),
               struct fletch_error *err)
{
    const struct fletch_writer *writer = column->writer;
    const char *min = text_of(&writer->cells[0]), *max = min;
    struct fletch_statistics *statistics = &column->chunk->statistics;

    /* strcmp compares unsigned bytes, the order that column_orders promises */
    for (size_t i = 1; i < writer->cells_count; i++) {
        const char *text = text_of(&writer->cells[i]);

        min = strcmp(text, min) < 0 ? text : min;
        max = strcmp(text, max) > 0 ? text : max;
    }
    if (strlen(min) > STATISTICS_SIZE_MAX || strlen(max) > STATISTICS_SIZE_MAX)
        return FLETCH_OK;
    statistics->min_size = strlen(min);
    statistics->max_size = strlen(max);
    statistics->min = fletch_arena_strdup(&column->writer->arena, min);
    statistics->max = fletch_arena_strdup(&column->writer->arena, max);
    if (!statistics->min || !statistics->max)
        return fletch_fail_memory(err, strlen(min) + strlen(max), "statistics");
    return FLETCH_OK;
}

static enum fletch_status emit_names(struct column *column, struct fletch_error *err)
{
    TRY(put_text_range(column, name_of, err));
    return emit_pages(column, put_names, FLETCH_ENCODING_PLAIN, err);
}

static enum fletch_status emit_counts(struct column *column, struct fletch_error *err)
{
    const struct fletch_writer *writer = column->writer;
    uint64_t min = writer->cells[0].count, max = min;
    uint8_t *bytes = fletch_arena_alloc(&column->writer->arena, 16);

    if (!bytes)
        return fletch_fail_memory(err, 16, "statistics");
    for (size_t i = 1; i < writer->cells_count; i++) {
        min = writer->cells[i].count < min ? writer->cells[i].count : min;
        max = writer->cells[i].count > max ? writer->cells[i].count : max;
    }
    fletch_store_u64(bytes, min);
    fletch_store_u64(bytes + 8, max);
    column->chunk->statistics =
        (struct fletch_statistics){ .min = bytes, .max = bytes + 8, 8, 8, 0 };
    return emit_pages(column, put_counts, FLETCH_ENCODING_PLAIN, err);
}

/* Numbers the distinct types in the order of their first use. */
static enum fletch_status index_dtypes(struct column *column, struct fletch_error *err)
{
    struct fletch_writer *writer = column->writer;

    column->indices = fletch_arena_alloc(&writer->cells_arena, writer->cells_count);
    if (!column->indices)
        return fletch_fail_memory(err, writer->cells_count, "dictionary indices");
    for (size_t i = 0; i < writer->cells_count; i++) {
        size_t at = 0;

        while (at < column->dtypes_count &&
               strcmp(column->dtypes[at], writer->cells[i].dtype) != 0)
            at++;
        if (at == DTYPES_MAX)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "row '%.200s': more than %d different types in a row group, "
                               "the limit (DTYPES_MAX)",
                               writer->cells[i].name, DTYPES_MAX);
        if (at == column->dtypes_count)
            column->dtypes[column->dtypes_count++] = writer->cells[i].dtype;
        column->indices[i] = (uint8_t)at;
    }
    return FLETCH_OK;
}

static enum fletch_status emit_dtypes(struct column *column, struct fletch_error *err)
{
    struct fletch_writer *writer = column->writer;
    struct fletch_page_header dictionary = { .type = FLETCH_PAGE_DICTIONARY,
                                             .encoding = FLETCH_ENCODING_PLAIN };

    TRY(put_text_range(column, dtype_of, err));
    TRY(index_dtypes(column, err));
    column->chunk->dictionary_page_offset = (int64_t)writer->offset;
    dictionary.num_values = (int32_t)column->dtypes_count;
    fletch_buf_clear(&writer->body);
    for (size_t i = 0; i < column->dtypes_count; i++)
        put_string(&writer->body, column->dtypes[i]);
    TRY(emit_page(column, dictionary, 0, err));
    return emit_pages(column, put_dtypes, FLETCH_ENCODING_RLE_DICTIONARY, err);
}

static enum fletch_status emit_shapes(struct column *column, struct fletch_error *err)
{
    return emit_pages(column, put_shapes, FLETCH_ENCODING_PLAIN, err);
}

enum fletch_status fletch_writer_columns(struct fletch_writer *writer, bool in_front,
                                         struct fletch_error *err)
{
    static const struct {
        struct fletch_column_chunk chunk;
        enum fletch_status (*emit)(struct column *, struct fletch_error *);
        enum fletch_column column;
        bool in_front; /* of `data` */
    } columns[] = {
        { { .type = FLETCH_PARQUET_BYTE_ARRAY,
            .path = { "layer_name" },
            .encodings = { FLETCH_ENCODING_PLAIN, FLETCH_ENCODING_RLE },
            .encodings_count = 2 },
          emit_names,
          FLETCH_COLUMN_NAME,
          true },
        { { .type = FLETCH_PARQUET_INT32,
            .path = { "shape", "list", "element" },
            .encodings = { FLETCH_ENCODING_PLAIN, FLETCH_ENCODING_RLE },
            .encodings_count = 2 },
          emit_shapes,
          FLETCH_COLUMN_SHAPE,
          true },
        { { .type = FLETCH_PARQUET_BYTE_ARRAY,
            .path = { "dtype" },
            .encodings = { FLETCH_ENCODING_PLAIN, FLETCH_ENCODING_RLE,
                           FLETCH_ENCODING_RLE_DICTIONARY },
            .encodings_count = 3 },
          emit_dtypes,
          FLETCH_COLUMN_DTYPE,
          false },
        { { .type = FLETCH_PARQUET_INT64,
            .path = { "num_params" },
            .encodings = { FLETCH_ENCODING_PLAIN, FLETCH_ENCODING_RLE },
            .encodings_count = 2 },
          emit_counts,
          FLETCH_COLUMN_COUNT,
          false },
    };
    struct column column = { .writer = writer };
    enum fletch_status status = FLETCH_OK;

    for (size_t i = 0; !status && i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (columns[i].in_front != in_front)
            continue;
        column.chunk = &writer->columns[columns[i].column];
        *column.chunk = columns[i].chunk;
        status = columns[i].emit(&column, err);
    }
    fletch_free(column.pages);
    return status;
}
