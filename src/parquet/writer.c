/* SPDX-License-Identifier: MIT */
/* writer.c - see parquet.h; columns_write.c has the small columns
 *
 * Bytes go through a buffer, so that files of many small rows do not cost a system call per
 * page. A page header is written before its sizes are known, with room for any, and patched
 * later in the buffer or in the file; it never straddles the two. The page of a small value
 * is kept until its end, so that its header is as short as possible.
 */
#include "parquet/writer_internal.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "tensor/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define PENDING_SIZE ((size_t)256 << 10)
/* No header that fletch writes is longer, padding included. */
#define HEADER_SIZE_MAX ((size_t)256)
/* Names in a checkpoint are unbounded, but one must fit a page of its own and a message.
 */
#define NAME_SIZE_MAX ((size_t)65535)

static const char magic[4] = { 'P', 'A', 'R', '1' };

static const struct fletch_schema_element schema[] = {
    { .name = "schema", .type = -1, .repetition = FLETCH_REQUIRED, .children = 5 },
    { .name = "layer_name",
      .type = FLETCH_PARQUET_BYTE_ARRAY,
      .repetition = FLETCH_OPTIONAL,
      .logical = FLETCH_LOGICAL_STRING },
    { .name = "shape",
      .type = -1,
      .repetition = FLETCH_OPTIONAL,
      .children = 1,
      .logical = FLETCH_LOGICAL_LIST },
    { .name = "list", .type = -1, .repetition = FLETCH_REPEATED, .children = 1 },
    { .name = "element", .type = FLETCH_PARQUET_INT32, .repetition = FLETCH_OPTIONAL },
    { .name = "dtype",
      .type = FLETCH_PARQUET_BYTE_ARRAY,
      .repetition = FLETCH_OPTIONAL,
      .logical = FLETCH_LOGICAL_STRING },
    { .name = "data", .type = FLETCH_PARQUET_BYTE_ARRAY, .repetition = FLETCH_OPTIONAL },
    { .name = "num_params", .type = FLETCH_PARQUET_INT64, .repetition = FLETCH_OPTIONAL },
};

void fletch_page_prefix(uint8_t *out, uint64_t size)
{
    assert(size <= FLETCH_VALUE_SIZE_MAX);
    fletch_store_u32(out, 2);                  /* bytes of definition levels: */
    out[4] = 1 << 1;                           /* a run of one */
    out[5] = 1;                                /* level 1: not null */
    fletch_store_u32(out + 6, (uint32_t)size); /* PLAIN: the value's length */
}

static enum fletch_status flush(struct fletch_writer *writer, struct fletch_error *err)
{
    uint64_t at = writer->offset - writer->pending_size;

    TRY(fletch_file_write(writer->file, at, writer->pending, writer->pending_size, err));
    writer->pending_size = 0;
    if (writer->file_end < writer->offset)
        writer->file_end = writer->offset;
    return FLETCH_OK;
}

enum fletch_status fletch_writer_emit(struct fletch_writer *writer, const void *bytes,
                                      size_t size, struct fletch_error *err)
{
    if (size > PENDING_SIZE - writer->pending_size)
        TRY(flush(writer, err));
    if (size >= PENDING_SIZE) {
        TRY(fletch_file_write(writer->file, writer->offset, bytes, size, err));
        writer->offset += size;
        if (writer->file_end < writer->offset)
            writer->file_end = writer->offset;
        return FLETCH_OK;
    }
    if (size)
        memcpy(writer->pending + writer->pending_size, bytes, size);
    writer->pending_size += size;
    writer->offset += size;
    return FLETCH_OK;
}

static enum fletch_status copy_pairs(struct fletch_writer *writer,
                                     const char *const (*pairs)[2],
                                     struct fletch_error *err)
{
    size_t count = 0;

    while (pairs && pairs[count][0])
        count++;
    writer->pairs = fletch_arena_alloc_array(&writer->arena, count, sizeof(*writer->pairs));
    if (!writer->pairs)
        return fletch_fail_memory(err, count * sizeof(*writer->pairs), "footer pairs");
    for (size_t i = 0; i < count; i++) {
        writer->pairs[i].key = fletch_arena_strdup(&writer->arena, pairs[i][0]);
        writer->pairs[i].value = fletch_arena_strdup(&writer->arena, pairs[i][1]);
        if (!writer->pairs[i].key || !writer->pairs[i].value)
            return fletch_fail_memory(err, strlen(pairs[i][1]), "footer pairs");
    }
    writer->pairs_count = count;
    return FLETCH_OK;
}

enum fletch_status fletch_writer_open(struct fletch_writer **out,
                                      const struct fletch_file *file,
                                      const char *const (*pairs)[2],
                                      struct fletch_error *err)
{
    struct fletch_writer *writer = fletch_alloc(sizeof(*writer));
    enum fletch_status status;

    if (!writer)
        return fletch_fail_memory(err, sizeof(*writer), "writer");
    writer->file = file;
    writer->pending = fletch_alloc(PENDING_SIZE);
    if (!writer->pending) {
        status = fletch_fail_memory(err, PENDING_SIZE, "write buffer");
        goto done;
    }
    status = copy_pairs(writer, pairs, err);
    if (status)
        goto done;
    status = fletch_writer_emit(writer, magic, sizeof(magic), err);
    if (status)
        goto done;
    *out = writer;
    writer = NULL;
done:
    fletch_writer_close(writer);
    return status;
}

void fletch_writer_compress(struct fletch_writer *writer, const struct fletch_codec *codec)
{
    assert(!writer->small_codec);
    writer->small_codec = codec->id == FLETCH_CODEC_ID_NONE ? NULL : codec;
}

uint64_t fletch_writer_footer_at(const struct fletch_writer *writer)
{
    return writer->tail_at;
}

void fletch_writer_close(struct fletch_writer *writer)
{
    if (!writer)
        return;
    fletch_arena_release(&writer->arena);
    fletch_arena_release(&writer->cells_arena);
    if (writer->encoder)
        writer->small_codec->encoder_close(writer->encoder);
    fletch_buf_release(&writer->kept);
    fletch_buf_release(&writer->packed);
    fletch_buf_release(&writer->indexes);
    fletch_buf_release(&writer->body);
    fletch_buf_release(&writer->header);
    fletch_free(writer->groups);
    fletch_free(writer->pending);
    fletch_free(writer);
}

static enum fletch_status grow_groups(struct fletch_writer *writer,
                                      struct fletch_error *err)
{
    size_t count = writer->groups_count + 1;
    struct fletch_group_meta *groups =
        fletch_grow(writer->groups, &writer->groups_cap, count, sizeof(*groups));

    if (!groups)
        return fletch_fail_memory(err, count * sizeof(*groups), "row groups");
    writer->groups = groups;
    return FLETCH_OK;
}

static enum fletch_status check_row(const struct fletch_output_row *row,
                                    struct fletch_error *err)
{
    size_t len = strlen(row->name);

    if (len > NAME_SIZE_MAX)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "row '%.60s...': a name of %zu bytes, the limit is %zu (NAME_SIZE_MAX)",
            row->name, len, NAME_SIZE_MAX);
    if (row->rank > FLETCH_RANK_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "row '%.200s': %u dimensions, the limit is %d (FLETCH_RANK_MAX)",
                           row->name, row->rank, FLETCH_RANK_MAX);
    for (unsigned i = 0; i < row->rank; i++)
        if (row->shape[i] > FLETCH_DIM_MAX)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "row '%.200s': dimension %u is %" PRIu64
                               ", but the layout holds at most %" PRIu64,
                               row->name, i, row->shape[i], FLETCH_DIM_MAX);
    if (row->count > INT64_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "row '%.200s': %" PRIu64
                           " elements, but the layout holds at most %" PRId64,
                           row->name, row->count, INT64_MAX);
    return FLETCH_OK;
}

static enum fletch_status keep_cell(struct fletch_writer *writer,
                                    const struct fletch_output_row *row, size_t i,
                                    struct fletch_error *err)
{
    size_t shape_size = row->rank * sizeof(*row->shape);
    struct fletch_arena *arena = &writer->cells_arena;
    uint64_t *shape = fletch_arena_alloc(arena, shape_size);
    struct fletch_writer_cell cell = {
        .name = fletch_arena_strdup(arena, row->name),
        .shape = shape,
        .rank = row->rank,
        .count = row->count,
    };

    if (!cell.name || !shape)
        return fletch_fail_memory(err, shape_size + strlen(row->name), "row");
    if (shape_size)
        memcpy(shape, row->shape, shape_size);
    writer->cells[i] = cell;
    return FLETCH_OK;
}

/* Keeps what the small columns need of the group's rows, and allocates places for their
 * pages. */
static enum fletch_status keep_cells(struct fletch_writer *writer,
                                     const struct fletch_output_row *rows, size_t count,
                                     struct fletch_error *err)
{
    struct fletch_arena *arena = &writer->cells_arena;

    writer->cells = fletch_arena_alloc_array(arena, count, sizeof(*writer->cells));
    writer->pages = fletch_arena_alloc_array(arena, count, sizeof(*writer->pages));
    if (!writer->cells || !writer->pages)
        return fletch_fail_memory(err, count * sizeof(*writer->cells), "rows of a group");
    for (size_t i = 0; i < count; i++) {
        TRY(check_row(&rows[i], err));
        TRY(keep_cell(writer, &rows[i], i, err));
    }
    writer->cells_count = count;
    writer->rows_done = 0;
    return FLETCH_OK;
}

enum fletch_status fletch_writer_begin_group(struct fletch_writer *writer,
                                             enum fletch_codec_id codec,
                                             const struct fletch_output_row *rows,
                                             size_t count, struct fletch_error *err)
{
    assert(!writer->in_group && count);
    TRY(grow_groups(writer, err));
    TRY(keep_cells(writer, rows, count, err));
    writer->columns =
        fletch_arena_alloc_array(&writer->arena, FLETCH_COLUMNS, sizeof(*writer->columns));
    if (!writer->columns)
        return fletch_fail_memory(err, FLETCH_COLUMNS * sizeof(*writer->columns),
                                  "row group");
    TRY(fletch_writer_columns(writer, true, err));
    writer->columns[FLETCH_COLUMN_DATA] = (struct fletch_column_chunk){
        .type = FLETCH_PARQUET_BYTE_ARRAY,
        .codec = (int)codec,
        .path = { "data" },
        .encodings = { FLETCH_ENCODING_PLAIN, FLETCH_ENCODING_RLE },
        .encodings_count = 2,
        .data_page_offset = (int64_t)writer->offset,
    };
    writer->codec = codec;
    writer->in_group = true;
    return FLETCH_OK;
}

/* Pads the header of a page at the file's end to align its value there, with a field that
 * readers skip, which takes FLETCH_PAGE_PAD_SIZE bytes or more. */
static void pad_header(struct fletch_writer *writer, struct fletch_page_header_put *what)
{
    size_t align = writer->small ? FLETCH_SMALL_ALIGN : FLETCH_VALUE_ALIGN;
    uint64_t value_at = writer->offset + writer->header.size + FLETCH_PAGE_PREFIX;
    size_t missing = (size_t)(-value_at % align);

    if (!missing)
        return;
    what->pad = true;
    what->padding =
        (missing < FLETCH_PAGE_PAD_SIZE ? missing + align : missing) - FLETCH_PAGE_PAD_SIZE;
    fletch_buf_clear(&writer->header);
    fletch_page_header_put(&writer->header, what);
}

/* The header of a V1 page: as short as possible for a small value, else with sizes and CRC
 * left open. */
static enum fletch_status make_header(struct fletch_writer *writer,
                                      struct fletch_error *err)
{
    struct fletch_page_header_put what = {
        .header = { .type = FLETCH_PAGE_DATA,
                    .uncompressed_size = (int32_t)(writer->value_size + FLETCH_PAGE_PREFIX),
                    .compressed_size = (int32_t)writer->body_size,
                    .crc = writer->crc,
                    .num_values = 1,
                    .encoding = FLETCH_ENCODING_PLAIN },
        .wide = !writer->small,
    };

    fletch_buf_clear(&writer->header);
    fletch_page_header_put(&writer->header, &what);
    if (writer->codec == FLETCH_CODEC_ID_NONE)
        pad_header(writer, &what);
    if (writer->header.failed)
        return fletch_fail_memory(err, HEADER_SIZE_MAX, "page header");
    assert(writer->header.size <= HEADER_SIZE_MAX);
    writer->header_size = writer->header.size;
    return FLETCH_OK;
}

enum fletch_status fletch_writer_begin_row(struct fletch_writer *writer, const char *dtype,
                                           uint64_t size, struct fletch_error *err)
{
    struct fletch_writer_cell *cell = &writer->cells[writer->rows_done];

    assert(writer->in_group && !writer->in_row && writer->rows_done < writer->cells_count);
    if (size > FLETCH_VALUE_SIZE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "row '%.200s': a value of %" PRIu64
                           " bytes, but the layout holds at most %" PRIu64,
                           cell->name, size, FLETCH_VALUE_SIZE_MAX);
    cell->dtype = fletch_arena_strdup(&writer->cells_arena, dtype);
    if (!cell->dtype)
        return fletch_fail_memory(err, strlen(dtype), "row");
    writer->value_size = size;
    writer->small = size <= FLETCH_SMALL_SIZE;
    writer->row_offset = writer->offset;
    writer->body_size = 0;
    writer->crc = 0;
    fletch_buf_clear(&writer->kept);
    if (!writer->small) {
        TRY(make_header(writer, err));
        if (writer->header_size > PENDING_SIZE - writer->pending_size)
            TRY(flush(writer, err));
        TRY(fletch_writer_emit(writer, writer->header.bytes, writer->header_size, err));
    }
    writer->in_row = true;
    return FLETCH_OK;
}

enum fletch_status fletch_writer_put(struct fletch_writer *writer, const void *bytes,
                                     size_t size, struct fletch_error *err)
{
    assert(writer->in_row);
    if (size > (uint64_t)INT32_MAX - writer->body_size)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "row '%.200s': a page of %" PRIu64 " bytes, but the format holds at most %d",
            writer->cells[writer->rows_done].name, writer->body_size + size, INT32_MAX);
    writer->crc = fletch_crc32(writer->crc, bytes, size);
    writer->body_size += size;
    if (!writer->small)
        return fletch_writer_emit(writer, bytes, size, err);
    fletch_buf_put(&writer->kept, bytes, size);
    if (writer->kept.failed)
        return fletch_fail_memory(err, size, "page");
    return FLETCH_OK;
}

enum fletch_status fletch_writer_abort_row(struct fletch_writer *writer,
                                           struct fletch_error *err)
{
    uint64_t pending_at = writer->offset - writer->pending_size;

    assert(writer->in_row);
    if (writer->row_offset >= pending_at) {
        writer->pending_size = (size_t)(writer->row_offset - pending_at);
    } else {
        writer->pending_size = 0;
        TRY(fletch_file_truncate(writer->file, writer->row_offset, err));
        writer->file_end = writer->row_offset;
    }
    writer->offset = writer->row_offset;
    writer->in_row = false;
    return FLETCH_OK;
}

/* Puts sizes and CRC into the header, in the buffer or in the file. */
static enum fletch_status patch_header(struct fletch_writer *writer,
                                       struct fletch_error *err)
{
    uint64_t pending_at = writer->offset - writer->pending_size;
    struct fletch_page_header values = {
        .uncompressed_size = (int32_t)(writer->value_size + FLETCH_PAGE_PREFIX),
        .compressed_size = (int32_t)writer->body_size,
        .crc = writer->crc,
    };

    if (writer->row_offset >= pending_at) {
        fletch_page_header_patch(writer->pending + (writer->row_offset - pending_at),
                                 &values);
        return FLETCH_OK;
    }
    /* the scratch buffer still holds the header as begin_row made it */
    fletch_page_header_patch(writer->header.bytes, &values);
    return fletch_file_write(writer->file, writer->row_offset, writer->header.bytes,
                             writer->header_size, err);
}

static enum fletch_status end_page(struct fletch_writer *writer, struct fletch_error *err)
{
    if (!writer->small)
        return patch_header(writer, err);
    TRY(make_header(writer, err));
    TRY(fletch_writer_emit(writer, writer->header.bytes, writer->header_size, err));
    return fletch_writer_emit(writer, writer->kept.bytes, writer->kept.size, err);
}

enum fletch_status fletch_writer_end_row(struct fletch_writer *writer,
                                         struct fletch_written *out,
                                         struct fletch_error *err)
{
    struct fletch_column_chunk *column = &writer->columns[FLETCH_COLUMN_DATA];
    uint64_t page_size;

    assert(writer->in_row);
    TRY(end_page(writer, err));
    page_size = writer->header_size + writer->body_size;
    writer->pages[writer->rows_done] = (struct fletch_page_location){
        .offset = (int64_t)writer->row_offset,
        /* 0 marks a page too long for an offset index: the group then has none */
        .compressed_size = page_size <= INT32_MAX ? (int32_t)page_size : 0,
        .first_row = (int64_t)writer->rows_done,
        .value_size = (int64_t)writer->value_size,
    };
    column->num_values++;
    column->compressed_size += (int64_t)page_size;
    column->uncompressed_size +=
        (int64_t)(writer->header_size + writer->value_size + FLETCH_PAGE_PREFIX);
    writer->rows_done++;
    writer->in_row = false;
    if (out)
        *out = (struct fletch_written){ writer->row_offset, page_size };
    return FLETCH_OK;
}

enum fletch_status fletch_writer_index(struct fletch_writer *writer,
                                       struct fletch_column_chunk *column,
                                       const struct fletch_page_location *pages,
                                       size_t count, bool sized, struct fletch_error *err)
{
    size_t start = writer->indexes.size;

    for (size_t i = 0; i < count; i++)
        if (!pages[i].compressed_size)
            return FLETCH_OK;
    fletch_offset_index_put(&writer->indexes, pages, count, sized);
    if (writer->indexes.failed)
        return fletch_fail_memory(err, count * sizeof(*pages), "offset index");
    if (writer->indexes.size - start > FLETCH_FOOTER_SIZE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "an offset index of %zu bytes for %zu pages, the limit is %zu "
                           "(FLETCH_FOOTER_SIZE_MAX)",
                           writer->indexes.size - start, count, FLETCH_FOOTER_SIZE_MAX);
    column->offset_index_offset = (int64_t)start;
    column->offset_index_length = (int32_t)(writer->indexes.size - start);
    return FLETCH_OK;
}

enum fletch_status fletch_writer_end_group(struct fletch_writer *writer,
                                           struct fletch_error *err)
{
    struct fletch_group_meta group = { .columns = writer->columns,
                                       .columns_count = FLETCH_COLUMNS,
                                       .num_rows = (int64_t)writer->cells_count };

    assert(writer->in_group && !writer->in_row && writer->rows_done == writer->cells_count);
    writer->in_group = false;
    TRY(fletch_writer_index(writer, &writer->columns[FLETCH_COLUMN_DATA], writer->pages,
                            writer->cells_count, true, err));
    TRY(fletch_writer_columns(writer, false, err));
    for (size_t i = 0; i < FLETCH_COLUMNS; i++) {
        group.uncompressed_size += writer->columns[i].uncompressed_size;
        group.compressed_size += writer->columns[i].compressed_size;
    }
    group.file_offset = writer->columns[FLETCH_COLUMN_NAME].data_page_offset;
    writer->groups[writer->groups_count++] = group;
    writer->rows_total += writer->cells_count;
    writer->cells_count = 0;
    writer->cells = NULL;
    writer->pages = NULL;
    fletch_arena_release(&writer->cells_arena);
    return FLETCH_OK;
}

/* Offset indexes follow the last group: only now is their position known. */
static enum fletch_status emit_indexes(struct fletch_writer *writer,
                                       struct fletch_error *err)
{
    for (size_t i = 0; i < writer->groups_count; i++)
        for (size_t j = 0; j < FLETCH_COLUMNS; j++)
            writer->groups[i].columns[j].offset_index_offset += (int64_t)writer->offset;
    return fletch_writer_emit(writer, writer->indexes.bytes, writer->indexes.size, err);
}

enum fletch_status fletch_writer_finish(struct fletch_writer *writer, uint64_t *size,
                                        struct fletch_error *err)
{
    struct fletch_schema_element elements[sizeof(schema) / sizeof(schema[0])];
    struct fletch_footer footer = {
        .schema = elements,
        .schema_count = sizeof(schema) / sizeof(schema[0]),
        .num_rows = (int64_t)writer->rows_total,
        .groups = writer->groups,
        .groups_count = writer->groups_count,
        .pairs = writer->pairs,
        .pairs_count = writer->pairs_count,
        /* the form that Parquet readers parse: name, "version", number */
        .created_by = "fletch version " FLETCH_VERSION,
        .leaves = FLETCH_COLUMNS,
    };
    struct fletch_buf *body = &writer->body;
    size_t footer_size;

    assert(!writer->in_group);
    memcpy(elements, schema, sizeof(schema));
    writer->tail_at = writer->offset;
    TRY(emit_indexes(writer, err));
    fletch_buf_clear(body);
    fletch_footer_put(body, &footer);
    footer_size = body->size;
    fletch_buf_put_u32(body, (uint32_t)footer_size);
    fletch_buf_put(body, magic, sizeof(magic));
    if (body->failed)
        return fletch_fail_memory(err, footer_size, "footer");
    if (footer_size > FLETCH_FOOTER_SIZE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "a footer of %zu bytes for %zu row groups, but readers take at "
                           "most %zu",
                           footer_size, writer->groups_count, FLETCH_FOOTER_SIZE_MAX);
    TRY(fletch_writer_emit(writer, body->bytes, body->size, err));
    TRY(flush(writer, err));
    *size = writer->offset;
    return FLETCH_OK;
}
