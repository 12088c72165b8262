/* SPDX-License-Identifier: MIT */
/* columns_read.c - reads the small columns of a file into rows
 *
 * Values that a file stores once, in a dictionary, are stored once here too. Everything
 * else is bounded by the file's size or by the limits below, whatever the file claims.
 */
#include "parquet/reader_internal.h"

#include "base/bytes.h"
#include "tensor/tensor.h"

#include <inttypes.h>
#include <string.h>

/* For a page of a small column, decompressed. */
#define SMALL_PAGE_MAX ((int32_t)256 << 20)
/* Runs of levels can make many dimensions out of few bytes. */
#define DIMS_MAX ((size_t)1 << 23)
#define NAME_LEN_MAX ((size_t)65535)
#define NAMES_SIZE_MAX ((size_t)256 << 20)
#define DTYPE_LEN_MAX ((size_t)64)

/* A column while its row groups are read. */
struct scan {
    struct fletch_reader *reader;
    const struct fletch_leaf *leaf;
    enum fletch_reader_column column;
    struct fletch_page_loader *loader; /* shared by the columns, which are neighbours */
    struct fletch_buf page_memory, dictionary_memory, joined;
    struct fletch_slice page, dictionary_page;
    struct fletch_dictionary dictionary;
    bool has_dictionary;
    const char **texts; /* [dictionary.count] copies in the reader's arena, or NULL */
    struct fletch_values values;
    size_t row, end_row; /* in the file: the next row, and the group's end */

    uint64_t dims[FLETCH_RANK_MAX]; /* of the current row */
    unsigned rank;
    bool in_row;
    size_t dims_total, names_size;
};

static enum fletch_status fail_null(const struct scan *scan, struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FORMAT, "row %zu is null", scan->row);
}

/* What a text column may contain, and the prefix added when it is missing. */
struct text_kind {
    size_t len_max;
    const char *len_limit, *prefix;
};

static enum fletch_status check_text(const struct scan *scan, const struct text_kind *kind,
                                     const struct fletch_slice *text,
                                     struct fletch_error *err)
{
    if (text->size > kind->len_max)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "row %zu has %zu bytes, the limit is %zu (%s)", scan->row,
                           text->size, kind->len_max, kind->len_limit);
    if (text->size > NAMES_SIZE_MAX - scan->names_size)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "up to row %zu more than %zu bytes, the limit (NAMES_SIZE_MAX)",
                           scan->row, NAMES_SIZE_MAX);
    if (text->size && memchr(text->bytes, 0, text->size))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "row %zu has a NUL inside", scan->row);
    return FLETCH_OK;
}

/* A copy of a value as text; for a dictionary entry always the same copy. */
static enum fletch_status keep_text(struct scan *scan, const char **out,
                                    const struct text_kind *kind, struct fletch_error *err)
{
    const char *prefix = kind->prefix;
    struct fletch_slice slice;
    const char **shared = NULL;
    char *text;

    TRY(fletch_values_bytes(&scan->values, &slice, err));
    if (fletch_encoding_has_dictionary(scan->values.encoding))
        shared = &scan->texts[scan->values.index];
    if (shared && *shared) {
        *out = *shared;
        return FLETCH_OK;
    }
    TRY(check_text(scan, kind, &slice, err));
    scan->names_size += slice.size;
    if (slice.size >= strlen(prefix) && !memcmp(slice.bytes, prefix, strlen(prefix)))
        prefix = "";
    text = fletch_arena_alloc(&scan->reader->arena, strlen(prefix) + slice.size + 1);
    if (!text)
        return fletch_fail_memory(err, slice.size, "text");
    memcpy(text, prefix, strlen(prefix));
    if (slice.size)
        memcpy(text + strlen(prefix), slice.bytes, slice.size);
    if (shared)
        *shared = text;
    *out = text;
    return FLETCH_OK;
}

static enum fletch_status take_name(struct scan *scan, struct fletch_error *err)
{
    static const struct text_kind kind = { NAME_LEN_MAX, "NAME_LEN_MAX", "" };

    return keep_text(scan, &scan->reader->rows[scan->row].name, &kind, err);
}

static enum fletch_status take_dtype(struct scan *scan, struct fletch_error *err)
{
    static const struct text_kind kind = { DTYPE_LEN_MAX, "DTYPE_LEN_MAX", "torch." };

    return keep_text(scan, &scan->reader->rows[scan->row].dtype, &kind, err);
}

/* num_params; shapes were read before, and the two must agree. */
static enum fletch_status take_count(struct scan *scan, struct fletch_error *err)
{
    const struct fletch_reader_row *row = &scan->reader->rows[scan->row];
    int64_t count;

    TRY(fletch_values_int(&scan->values, &count, err));
    if (count < 0 || (uint64_t)count != row->count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "row %zu ('%.200s') has %" PRId64
                           " elements, but by its shape %" PRIu64,
                           scan->row, row->name, count, row->count);
    return FLETCH_OK;
}

static enum fletch_status flat_page(struct scan *scan, uint32_t count,
                                    struct fletch_error *err)
{
    enum fletch_status (*take)(struct scan *, struct fletch_error *) =
        scan->column == FLETCH_READER_NAME    ? take_name
        : scan->column == FLETCH_READER_DTYPE ? take_dtype
                                              : take_count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t repetition, definition;

        TRY(fletch_values_levels(&scan->values, &repetition, &definition, err));
        if (scan->row >= scan->end_row)
            return fletch_fail(err, FLETCH_ERR_FORMAT, "more values than rows");
        if (definition == scan->leaf->max_definition)
            TRY(take(scan, err));
        else if (scan->column != FLETCH_READER_PARAMS)
            return fail_null(scan, err);
        scan->row++;
    }
    return FLETCH_OK;
}

/* Makes the gathered dimensions the shape of the row. */
static enum fletch_status end_shape(struct scan *scan, struct fletch_error *err)
{
    struct fletch_reader_row *row;
    size_t size = scan->rank * sizeof(*scan->dims);
    uint64_t *shape, count = 1;
    bool fits = true;

    if (!scan->in_row)
        return FLETCH_OK;
    row = &scan->reader->rows[scan->row];
    scan->dims_total += scan->rank;
    if (scan->dims_total > DIMS_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "more than %zu dimensions in all, the limit (DIMS_MAX)",
                           DIMS_MAX);
    shape = fletch_arena_alloc(&scan->reader->arena, size);
    if (!shape)
        return fletch_fail_memory(err, size, "shape");
    for (unsigned i = 0; i < scan->rank; i++) {
        shape[i] = scan->dims[i];
        fits = fits && fletch_mul(&count, count, shape[i]);
    }
    if (!fits)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "row %zu has more elements than 64 bits count", scan->row);
    row->shape = shape;
    row->rank = scan->rank;
    row->count = count;
    scan->in_row = false;
    scan->rank = 0;
    scan->row++;
    return FLETCH_OK;
}

static enum fletch_status take_dim(struct scan *scan, struct fletch_error *err)
{
    int64_t dim;

    TRY(fletch_values_int(&scan->values, &dim, err));
    if (dim < 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "row %zu has a dimension of %" PRId64,
                           scan->row, dim);
    if (scan->rank == FLETCH_RANK_MAX)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "row %zu has more than %d dimensions, the limit (FLETCH_RANK_MAX)", scan->row,
            FLETCH_RANK_MAX);
    scan->dims[scan->rank++] = (uint64_t)dim;
    return FLETCH_OK;
}

/* Rows may continue on the next page: in_row outlives the page. */
static enum fletch_status shape_page(struct scan *scan, uint32_t count,
                                     struct fletch_error *err)
{
    const struct fletch_leaf *leaf = scan->leaf;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t repetition, definition;

        TRY(fletch_values_levels(&scan->values, &repetition, &definition, err));
        if (!repetition) {
            TRY(end_shape(scan, err));
            if (scan->row >= scan->end_row)
                return fletch_fail(err, FLETCH_ERR_FORMAT, "more values than rows");
            scan->in_row = true;
        } else if (!scan->in_row || !scan->rank || definition <= leaf->list_definition) {
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "row %zu goes on without having begun", scan->row);
        }
        if (definition == leaf->list_definition)
            continue; /* an empty list: a scalar */
        if (definition < leaf->max_definition)
            return fail_null(scan, err);
        TRY(take_dim(scan, err));
    }
    return FLETCH_OK;
}

static enum fletch_status take_dictionary(struct scan *scan, const struct fletch_page *page,
                                          const struct fletch_chunk *chunk,
                                          struct fletch_error *err)
{
    if (scan->has_dictionary)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "two dictionaries in a column chunk");
    TRY(fletch_page_load(&scan->dictionary_page, &scan->dictionary_memory, scan->loader,
                         chunk, page, err));
    TRY(fletch_dictionary_open(&scan->dictionary, scan->leaf->type, &page->header,
                               &scan->dictionary_page, err));
    fletch_free(scan->texts);
    scan->texts = fletch_alloc_array(scan->dictionary.count, sizeof(*scan->texts));
    if (!scan->texts)
        return fletch_fail_memory(err, scan->dictionary.count * sizeof(*scan->texts),
                                  "a dictionary");
    scan->has_dictionary = true;
    return FLETCH_OK;
}

/* Reads one page of any kind; *count becomes the number of its values. */
static enum fletch_status scan_page(struct scan *scan, const struct fletch_page *page,
                                    const struct fletch_chunk *chunk, int64_t *count,
                                    struct fletch_error *err)
{
    const struct fletch_page_header *header = &page->header;

    if (header->type == FLETCH_PAGE_INDEX)
        return FLETCH_OK;
    if (header->uncompressed_size > SMALL_PAGE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%d bytes, the limit is %d (SMALL_PAGE_MAX)",
                           header->uncompressed_size, SMALL_PAGE_MAX);
    if (header->type == FLETCH_PAGE_DICTIONARY)
        return take_dictionary(scan, page, chunk, err);
    if (header->num_values > *count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%d values, but its column chunk has %" PRId64 " left",
                           header->num_values, *count);
    TRY(fletch_page_load(&scan->page, &scan->page_memory, scan->loader, chunk, page, err));
    TRY(fletch_values_begin(&scan->values, scan->leaf, header, &scan->page,
                            scan->has_dictionary ? &scan->dictionary : NULL, &scan->joined,
                            err));
    *count -= header->num_values;
    if (scan->column == FLETCH_READER_SHAPE)
        return shape_page(scan, (uint32_t)header->num_values, err);
    return flat_page(scan, (uint32_t)header->num_values, err);
}

static enum fletch_status scan_group(struct scan *scan, size_t group,
                                     struct fletch_error *err)
{
    const struct fletch_reader_file *file = scan->reader->file;
    int64_t left = file->footer.groups[group].columns[scan->leaf->index].num_values;
    struct fletch_chunk chunk;
    uint64_t at;

    scan->end_row = file->first_rows[group + 1];
    scan->has_dictionary = false;
    if (scan->row == scan->end_row)
        return FLETCH_OK;
    TRY(fletch_reader_chunk(&chunk, file, group, scan->column, err));
    if (left > (int64_t)DIMS_MAX + file->footer.num_rows)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "column '%s': %" PRId64
                           " values in row group %zu, the limit is %zu (DIMS_MAX)",
                           chunk.column, left, group, DIMS_MAX);
    for (at = chunk.start; left > 0;) {
        struct fletch_page page;
        enum fletch_status status;

        TRY(fletch_page_find(&page, scan->loader, &chunk, at, err));
        status = scan_page(scan, &page, &chunk, &left, err);
        if (status)
            return fletch_page_error_context(status, &chunk, at, err);
        at = fletch_page_end(&page);
    }
    TRY(end_shape(scan, err));
    if (scan->row != scan->end_row)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column '%s': %zu rows up to row group %zu, expected %zu",
                           chunk.column, scan->row, group, scan->end_row);
    return FLETCH_OK;
}

static void release_scan(struct scan *scan)
{
    fletch_dictionary_release(&scan->dictionary);
    fletch_buf_release(&scan->page_memory);
    fletch_buf_release(&scan->dictionary_memory);
    fletch_buf_release(&scan->joined);
    fletch_free(scan->texts);
}

enum fletch_status fletch_reader_columns(struct fletch_reader *reader,
                                         struct fletch_error *err)
{
    /* names first, for messages; shapes before counts, which are checked against them */
    static const enum fletch_reader_column order[] = {
        FLETCH_READER_NAME, FLETCH_READER_DTYPE, FLETCH_READER_SHAPE, FLETCH_READER_PARAMS
    };
    struct scan scans[4] = { { 0 } };
    struct fletch_page_loader loader = { 0 };
    enum fletch_status status = FLETCH_OK;

    for (size_t i = 0; i < 4; i++) {
        scans[i].reader = reader;
        scans[i].column = order[i];
        scans[i].leaf = &reader->file->leaves[order[i]];
        scans[i].loader = &loader;
    }
    for (size_t group = 0; group < reader->file->footer.groups_count; group++)
        for (size_t i = 0; !status && i < 4; i++)
            if (scans[i].leaf->found)
                status = scan_group(&scans[i], group, err);
    fletch_page_loader_release(&loader);
    for (size_t i = 0; i < 4; i++)
        release_scan(&scans[i]);
    return status;
}
