/* SPDX-License-Identifier: MIT */
/* reader.c - opens a file: footer, schema, and the place of every page of `data`
 *
 * The file's end is read at once and kept while opening: in small files it holds everything
 * but the values, in large ones the footer and offset indexes.
 */
#include "parquet/reader_internal.h"

#include "base/bytes.h"
#include "tensor/dtype.h"

#include <inttypes.h>
#include <string.h>

#define TAIL_SIZE ((size_t)64 << 10)
/* No checkpoint comes near this; a few bytes of a hostile file may claim any number. */
#define ROWS_MAX ((int64_t)1 << 20)
/* Offset indexes read at once. */
#define INDEXES_SIZE_MAX ((uint64_t)4 << 20)
#define MAGIC_SIZE 4
/* Footer length and magic. */
#define TRAILER_SIZE 8
#define FILE_SIZE_MIN (MAGIC_SIZE + TRAILER_SIZE)

enum fletch_status fletch_reader_error_context(enum fletch_status status,
                                               const struct fletch_file *file,
                                               struct fletch_error *err)
{
    if (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED)
        fletch_error_prefix(err, "%s", file->path);
    return status;
}

static enum fletch_status check_magic(const uint8_t *bytes, uint64_t offset,
                                      struct fletch_error *err)
{
    if (!memcmp(bytes, FLETCH_PARQUET_MAGIC, MAGIC_SIZE))
        return FLETCH_OK;
    if (!memcmp(bytes, "PARE", MAGIC_SIZE))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "an encrypted Parquet file");
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "not Parquet: %02x %02x %02x %02x at byte %" PRIu64
                       ", expected 50 41 52 31 (PAR1)",
                       bytes[0], bytes[1], bytes[2], bytes[3], offset);
}

static enum fletch_status read_tail(struct fletch_reader_file *file, size_t size,
                                    struct fletch_error *err)
{
    uint8_t *tail = fletch_resize(file->tail, size, 1);

    if (!tail)
        return fletch_fail_memory(err, size, "footer");
    file->tail = tail;
    file->tail_size = size;
    file->tail_at = file->file->size - size;
    return fletch_file_read(file->file, file->tail_at, tail, size, err);
}

static enum fletch_status read_footer(struct fletch_reader *reader,
                                      struct fletch_error *err)
{
    struct fletch_reader_file *file = reader->file;
    uint64_t size = file->file->size;
    uint8_t head[MAGIC_SIZE];
    const uint8_t *trailer;
    size_t length;

    if (size < FILE_SIZE_MIN)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "not Parquet: %" PRIu64 " bytes, expected at least %d", size,
                           FILE_SIZE_MIN);
    TRY(read_tail(file, size < TAIL_SIZE ? (size_t)size : TAIL_SIZE, err));
    TRY(fletch_file_read(file->file, 0, head, sizeof(head), err));
    TRY(check_magic(head, 0, err));
    trailer = file->tail + file->tail_size - TRAILER_SIZE;
    TRY(check_magic(trailer + 4, size - MAGIC_SIZE, err));
    length = fletch_load_u32(trailer);
    if (length > size - FILE_SIZE_MIN)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a footer of %zu bytes at byte %" PRIu64
                           ", but the file has %" PRIu64 " in front of it",
                           length, size - TRAILER_SIZE, size - FILE_SIZE_MIN);
    if (length > FLETCH_FOOTER_SIZE_MAX)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "a footer of %zu bytes, the limit is %zu (FLETCH_FOOTER_SIZE_MAX)", length,
            FLETCH_FOOTER_SIZE_MAX);
    file->footer_at = size - TRAILER_SIZE - length;
    if (length + TRAILER_SIZE > file->tail_size)
        TRY(read_tail(file, length + TRAILER_SIZE, err));
    return fletch_footer_parse(&file->footer, &reader->arena,
                               file->tail + (file->footer_at - file->tail_at), length,
                               file->footer_at, err);
}

/* The groups' row counts must add up to the file's. */
static enum fletch_status count_rows(struct fletch_reader *reader, struct fletch_error *err)
{
    struct fletch_reader_file *file = reader->file;
    const struct fletch_footer *footer = &file->footer;
    int64_t total = 0;

    file->first_rows = fletch_arena_alloc_array(&reader->arena, footer->groups_count + 1,
                                                sizeof(*file->first_rows));
    if (!file->first_rows)
        return fletch_fail_memory(err, footer->groups_count, "row groups");
    for (size_t i = 0; i < footer->groups_count; i++) {
        if (footer->groups[i].num_rows > ROWS_MAX - total)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "footer: more than %" PRId64 " rows, the limit (ROWS_MAX)",
                               ROWS_MAX);
        total += footer->groups[i].num_rows;
        file->first_rows[i + 1] = (size_t)total;
        if (footer->groups[i].columns_count != file->leaves_count)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "footer: row group %zu has %zu columns, but the schema %zu",
                               i, footer->groups[i].columns_count, file->leaves_count);
    }
    if (total != footer->num_rows)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "footer: %" PRId64 " rows, but its row groups have %" PRId64,
                           footer->num_rows, total);
    reader->rows_count = (size_t)total;
    reader->rows =
        fletch_arena_alloc_array(&reader->arena, reader->rows_count, sizeof(*reader->rows));
    if (!reader->rows)
        return fletch_fail_memory(err, reader->rows_count * sizeof(*reader->rows), "rows");
    return FLETCH_OK;
}

enum fletch_status fletch_reader_chunk(struct fletch_chunk *out,
                                       const struct fletch_reader_file *file, size_t group,
                                       enum fletch_reader_column column,
                                       struct fletch_error *err)
{
    const struct fletch_leaf *leaf = &file->leaves[column];
    const struct fletch_column_chunk *meta =
        &file->footer.groups[group].columns[leaf->index];
    uint64_t start = (uint64_t)meta->data_page_offset;
    uint64_t dictionary = (uint64_t)meta->dictionary_page_offset;
    uint64_t size = (uint64_t)meta->compressed_size;

    if (meta->foreign)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "column '%s': its values are in another file", leaf->name);
    if (meta->encrypted)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "column '%s': is encrypted",
                           leaf->name);
    if (meta->type != leaf->type)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column '%s': type %d in row group %zu, but %d in the schema",
                           leaf->name, meta->type, group, leaf->type);
    /* some writers use an offset of 0 for none */
    if (dictionary && dictionary < start)
        start = dictionary;
    if (start < MAGIC_SIZE || start > file->footer_at || size > file->footer_at - start)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column '%s': %" PRIu64 " bytes at byte %" PRIu64
                           " in row group %zu, expected to lie within %d to %" PRIu64,
                           leaf->name, size, start, group, MAGIC_SIZE, file->footer_at);
    *out = (struct fletch_chunk){ .file = file->file,
                                  .tail = file->tail,
                                  .tail_at = file->tail_at,
                                  .tail_size = file->tail ? file->tail_size : 0,
                                  .column = leaf->name,
                                  .start = start,
                                  .end = start + size,
                                  .codec = meta->codec };
    return FLETCH_OK;
}

size_t fletch_reader_find_page(const struct fletch_reader_file *file, size_t row)
{
    size_t low = 0, high = file->pages_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (file->pages[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t fletch_reader_find_group(const struct fletch_reader_file *file, size_t row)
{
    size_t low = 0, high = file->footer.groups_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (file->first_rows[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- Locating the pages of `data` ---- */

static enum fletch_status add_page(struct fletch_reader_file *file,
                                   const struct fletch_page_ref *page,
                                   struct fletch_error *err)
{
    if (file->pages_count == file->pages_cap) {
        struct fletch_page_ref *pages = fletch_grow(file->pages, &file->pages_cap,
                                                    file->pages_count + 1, sizeof(*pages));

        if (!pages)
            return fletch_fail_memory(err, (file->pages_count + 1) * sizeof(*pages),
                                      "pages");
        file->pages = pages;
    }
    file->pages[file->pages_count++] = *page;
    return FLETCH_OK;
}

/* Checks the entries of an offset index against chunk and row group, and takes them. */
static enum fletch_status add_indexed(struct fletch_reader_file *file, size_t group,
                                      const struct fletch_page_location *pages,
                                      size_t count, struct fletch_error *err)
{
    const struct fletch_chunk *chunk = &file->chunks[group].chunk;
    int64_t rows = file->footer.groups[group].num_rows;

    for (size_t i = 0; i < count; i++) {
        const struct fletch_page_location *page = &pages[i];
        int64_t end_row = i + 1 < count ? pages[i + 1].first_row : rows;
        uint64_t at = (uint64_t)page->offset, size = (uint64_t)page->compressed_size;
        struct fletch_page_ref ref = {
            .offset = at,
            .first_row = file->first_rows[group] + (size_t)page->first_row,
            .rows_count = (size_t)(end_row - page->first_row),
            .size = size,
            .value_size = page->value_size < 0 ? UINT64_MAX : (uint64_t)page->value_size,
        };

        if ((i ? 0 : page->first_row) != 0 || end_row < page->first_row || end_row > rows)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "offset index of 'data', row group %zu: page %zu holds "
                               "rows %" PRId64 " to %" PRId64 " of %" PRId64,
                               group, i, page->first_row, end_row, rows);
        if (at < chunk->start || at > chunk->end || size > chunk->end - at)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "offset index of 'data', row group %zu: page %zu is at "
                               "byte %" PRIu64 ", %" PRIu64
                               " bytes, outside its column chunk",
                               group, i, at, size);
        if (ref.rows_count)
            TRY(add_page(file, &ref, err));
    }
    return FLETCH_OK;
}

static enum fletch_status read_index(struct fletch_reader_file *file, size_t group,
                                     const struct fletch_column_chunk *meta,
                                     struct fletch_buf *scratch, struct fletch_error *err)
{
    const struct fletch_chunk *chunk = &file->chunks[group].chunk;
    uint64_t at = (uint64_t)meta->offset_index_offset;
    size_t size = (size_t)meta->offset_index_length;
    struct fletch_arena arena = { 0 };
    struct fletch_page_location *pages = NULL;
    size_t count = 0;
    enum fletch_status status;

    if (at > file->footer_at || size > file->footer_at - at)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "offset index of 'data', row group %zu: %zu bytes at byte "
                           "%" PRIu64 ", expected to end before %" PRIu64,
                           group, size, at, file->footer_at);
    fletch_buf_clear(scratch);
    if (!fletch_buf_reserve(scratch, size))
        return fletch_fail_memory(err, size, "offset index");
    TRY(fletch_chunk_read(chunk, at, scratch->bytes, size, err));
    status =
        fletch_offset_index_parse(&pages, &count, &arena, scratch->bytes, size, at, err);
    if (!status && !count)
        status = fletch_fail(err, FLETCH_ERR_FORMAT,
                             "offset index of 'data', row group %zu: no pages", group);
    if (!status)
        status = add_indexed(file, group, pages, count, err);
    fletch_arena_release(&arena);
    return status;
}

/* Without an index only the page headers tell. A chunk may be followed by bytes that are
 * not pages, so it ends with its rows. */
static enum fletch_status walk_pages(struct fletch_reader_file *file, size_t group,
                                     struct fletch_page_loader *loader,
                                     struct fletch_error *err)
{
    const struct fletch_chunk *chunk = &file->chunks[group].chunk;
    size_t rows = (size_t)file->footer.groups[group].num_rows;
    uint64_t at = chunk->start;

    for (size_t row = 0; row < rows;) {
        struct fletch_page page;
        struct fletch_page_ref ref = { .first_row = file->first_rows[group] + row,
                                       .value_size = UINT64_MAX };

        TRY(fletch_page_find(&page, loader, chunk, at, err));
        at = fletch_page_end(&page);
        if (page.header.type != FLETCH_PAGE_DATA && page.header.type != FLETCH_PAGE_DATA_V2)
            continue;
        ref.offset = page.offset;
        ref.size = at - page.offset;
        ref.rows_count = (size_t)page.header.num_values;
        if (ref.rows_count > rows - row)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "column 'data', page at byte %" PRIu64
                               ": %zu values, but its row group has %zu left",
                               page.offset, ref.rows_count, rows - row);
        if (ref.rows_count)
            TRY(add_page(file, &ref, err));
        row += ref.rows_count;
    }
    return FLETCH_OK;
}

/* Offset indexes are usually contiguous before the footer: then they are read at once.
 */
static enum fletch_status read_indexes(struct fletch_reader_file *file,
                                       struct fletch_error *err)
{
    uint64_t first = file->tail_at;

    for (size_t i = 0; i < file->footer.groups_count; i++) {
        size_t leaf = file->leaves[FLETCH_READER_DATA].index;
        int64_t at = file->footer.groups[i].columns[leaf].offset_index_offset;

        if (at > 0 && (uint64_t)at < first)
            first = (uint64_t)at;
    }
    if (first == file->tail_at || file->footer_at - first > INDEXES_SIZE_MAX)
        return FLETCH_OK;
    return read_tail(file, (size_t)(file->file->size - first), err);
}

static enum fletch_status find_pages(struct fletch_reader *reader,
                                     struct fletch_page_loader *loader,
                                     struct fletch_error *err)
{
    struct fletch_reader_file *file = reader->file;
    size_t count = file->footer.groups_count;

    file->chunks = fletch_arena_alloc_array(&reader->arena, count, sizeof(*file->chunks));
    if (!file->chunks)
        return fletch_fail_memory(err, count * sizeof(*file->chunks), "row groups");
    TRY(read_indexes(file, err));
    for (size_t i = 0; i < count; i++) {
        const struct fletch_group_meta *group = &file->footer.groups[i];
        const struct fletch_column_chunk *meta =
            &group->columns[file->leaves[FLETCH_READER_DATA].index];

        if (!group->num_rows && !meta->num_values)
            continue; /* its offsets may have any value */
        TRY(fletch_reader_chunk(&file->chunks[i].chunk, file, i, FLETCH_READER_DATA, err));
        file->chunks[i].has_dictionary = meta->dictionary_page_offset > 0;
        if (group->num_rows != meta->num_values)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "column 'data': %" PRId64 " values in row group %zu, "
                               "expected %" PRId64,
                               meta->num_values, i, group->num_rows);
        if (meta->offset_index_offset && meta->offset_index_length)
            TRY(read_index(file, i, meta, &loader->window, err));
        else
            TRY(walk_pages(file, i, loader, err));
    }
    return FLETCH_OK;
}

/* Content and compressed bytes of a page that cannot be streamed. */
static uint64_t whole_size(const struct fletch_chunk *chunk,
                           const struct fletch_page_ref *page)
{
    const struct fletch_codec *codec;

    if (page->value_size == UINT64_MAX ||
        fletch_codec_find_id(&codec, chunk->codec, NULL) || codec->stream_begin ||
        codec->id == FLETCH_CODEC_ID_NONE)
        return 0;
    return page->size + page->value_size;
}

/* Records the place of pages that hold a single row. */
static void tell_rows(struct fletch_reader *reader)
{
    const struct fletch_reader_file *file = reader->file;
    size_t group = 0;

    for (size_t i = 0; i < reader->rows_count; i++)
        reader->rows[i].size = UINT64_MAX;
    for (size_t i = 0; i < file->pages_count; i++) {
        const struct fletch_page_ref *page = &file->pages[i];
        struct fletch_reader_row *row = &reader->rows[page->first_row];

        while (page->first_row >= file->first_rows[group + 1])
            group++;
        if (page->rows_count != 1)
            continue;
        row->size = page->value_size;
        if (file->chunks[group].has_dictionary)
            continue;
        row->page_offset = page->offset;
        row->compressed_size = page->size;
        row->whole_size = whole_size(&file->chunks[group].chunk, page);
    }
}

static enum fletch_status open_file(struct fletch_reader *reader, struct fletch_error *err)
{
    struct fletch_reader_file *file = reader->file;
    struct fletch_page_loader loader = { 0 };
    enum fletch_status status;

    TRY(read_footer(reader, err));
    if (file->footer.encrypted)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "an encrypted Parquet file");
    reader->created_by = file->footer.created_by ? file->footer.created_by : "";
    TRY(fletch_schema_find(file, err));
    TRY(count_rows(reader, err));
    status = find_pages(reader, &loader, err);
    fletch_page_loader_release(&loader);
    if (status)
        return status;
    TRY(fletch_reader_columns(reader, err));
    tell_rows(reader);
    return FLETCH_OK;
}

enum fletch_status fletch_reader_open(struct fletch_reader **out,
                                      const struct fletch_file *file,
                                      struct fletch_error *err)
{
    struct fletch_reader *reader = fletch_alloc(sizeof(*reader));
    enum fletch_status status;

    if (!reader)
        return fletch_fail_memory(err, sizeof(*reader), "reader");
    reader->file = fletch_arena_alloc(&reader->arena, sizeof(*reader->file));
    if (!reader->file) {
        status = fletch_fail_memory(err, sizeof(*reader->file), "reader");
        goto done;
    }
    reader->file->file = file;
    status = fletch_reader_error_context(open_file(reader, err), file, err);
    if (status)
        goto done;
    /* everything in it has been parsed; values are read from the file */
    fletch_free(reader->file->tail);
    reader->file->tail = NULL;
    for (size_t i = 0; i < reader->file->footer.groups_count; i++)
        reader->file->chunks[i].chunk.tail_size = 0;
    *out = reader;
    reader = NULL;
done:
    fletch_reader_close(reader);
    return status;
}

void fletch_reader_close(struct fletch_reader *reader)
{
    if (!reader)
        return;
    if (reader->file) {
        fletch_free(reader->file->tail);
        fletch_free(reader->file->pages);
    }
    fletch_arena_release(&reader->arena);
    fletch_free(reader);
}

uint64_t fletch_reader_size(const struct fletch_reader_row *row)
{
    enum fletch_dtype dtype = fletch_dtype_from_torch(row->dtype, strlen(row->dtype));
    uint64_t size = 0;

    if (row->size != UINT64_MAX)
        return row->size;
    return fletch_mul(&size, row->count, fletch_dtype_size(dtype)) ? size : 0;
}
