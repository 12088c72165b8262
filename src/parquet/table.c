/* SPDX-License-Identifier: MIT */
/* table.c - the public table: a written file's rows by index and by name */
#include "output/files.h"
#include "parquet/decode.h"
#include "parquet/parquet.h"

#include "base/bytes.h"
#include "base/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fletch_table {
    struct fletch_arena arena;
    struct fletch_file file;
    struct fletch_reader *reader;
    struct fletch_cursor *cursor; /* opened by the first read */
    const uint8_t *map;           /* [file.size], or NULL */
    size_t *by_name;              /* [rows_count], indices in the order of names */
    bool borrows;                 /* all of the above but the cursor belong to another
                                     table */
};

/* ---- What is at a path ---- */

static enum fletch_status look_into_file(enum fletch_path_kind *out, const char *path,
                                         struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    char head[sizeof(FLETCH_PARQUET_MAGIC) - 1] = { 0 };
    enum fletch_status status = fletch_file_open(&file, path, err);

    if (!status && file.size >= sizeof(head))
        status = fletch_file_read(&file, 0, head, sizeof(head), err);
    fletch_file_close(&file);
    if (!status)
        *out = memcmp(head, FLETCH_PARQUET_MAGIC, sizeof(head))
                   ? FLETCH_PATH_CHECKPOINT_FILE
                   : FLETCH_PATH_PARQUET;
    return status;
}

enum fletch_status fletch_path_look(enum fletch_path_kind *out, const char *path,
                                    struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct stat info;
    char *weights;

    if (stat(path, &info)) {
        if (errno != ENOENT && errno != ENOTDIR)
            return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", path,
                               fletch_errno_text(errno));
        *out = FLETCH_PATH_NONE;
        return FLETCH_OK;
    }
    if (S_ISREG(info.st_mode))
        return look_into_file(out, path, err);
    if (!S_ISDIR(info.st_mode)) {
        *out = FLETCH_PATH_CHECKPOINT_FILE; /* its reader reports that it is not a file */
        return FLETCH_OK;
    }
    weights = fletch_path_join(&arena, path, FLETCH_WEIGHTS_FILE);
    if (!weights)
        return fletch_fail_memory(err, strlen(path), "a path");
    *out = fletch_file_kind(weights) == FLETCH_FILE_NONE ? FLETCH_PATH_CHECKPOINT_FOLDER
                                                         : FLETCH_PATH_CONVERTED;
    fletch_arena_release(&arena);
    return FLETCH_OK;
}

/* ---- Tables ---- */

static int compare_names(const void *a, const void *b, void *user)
{
    const struct fletch_reader_row *rows = user;
    const size_t *x = a, *y = b;

    return strcmp(rows[*x].name, rows[*y].name);
}

static enum fletch_status sort_names(struct fletch_table *table, struct fletch_error *err)
{
    size_t count = table->reader->rows_count;

    table->by_name =
        fletch_arena_alloc_array(&table->arena, count, sizeof(*table->by_name));
    if (!table->by_name)
        return fletch_fail_memory(err, count * sizeof(*table->by_name), "the rows' names");
    for (size_t i = 0; i < count; i++)
        table->by_name[i] = i;
    fletch_os_sort(table->by_name, count, sizeof(*table->by_name), compare_names,
                   table->reader->rows);
    return FLETCH_OK;
}

enum fletch_status fletch_table_open(struct fletch_table **out, const char *path,
                                     struct fletch_error *err)
{
    struct fletch_table *table = fletch_alloc(sizeof(*table));
    enum fletch_status status;

    if (!table)
        return fletch_fail_memory(err, sizeof(*table), "a table");
    table->file = FLETCH_FILE_CLOSED;
    status = fletch_output_open_file(&table->file, &table->arena, path, FLETCH_WEIGHTS_FILE,
                                     err);
    if (!status)
        status = fletch_reader_open(&table->reader, &table->file, err);
    if (!status)
        status = sort_names(table, err);
    if (status) {
        fletch_table_close(table);
        return status;
    }
    *out = table;
    return FLETCH_OK;
}

void fletch_table_close(struct fletch_table *table)
{
    if (!table)
        return;
    fletch_cursor_close(table->cursor);
    if (!table->borrows) {
        fletch_reader_close(table->reader);
        fletch_file_unmap(&table->file, table->map);
        fletch_file_close(&table->file);
        fletch_arena_release(&table->arena);
    }
    fletch_free(table);
}

enum fletch_status fletch_table_share(struct fletch_table **out,
                                      const struct fletch_table *table,
                                      struct fletch_error *err)
{
    struct fletch_table *other = fletch_alloc(sizeof(*other));
    enum fletch_status status;

    if (!other)
        return fletch_fail_memory(err, sizeof(*other), "a table");
    other->borrows = true;
    other->file = table->file;
    other->reader = table->reader;
    other->map = table->map;
    other->by_name = table->by_name;
    status = fletch_cursor_open(&other->cursor, other->reader, err);
    if (!status && other->map)
        status = fletch_cursor_use_map(other->cursor, other->map, err);
    if (status) {
        fletch_table_close(other);
        return status;
    }
    *out = other;
    return FLETCH_OK;
}

size_t fletch_table_count(const struct fletch_table *table)
{
    return table->reader->rows_count;
}

bool fletch_table_at(struct fletch_row *out, const struct fletch_table *table, size_t i)
{
    const struct fletch_reader_row *row;

    if (i >= table->reader->rows_count)
        return false;
    row = &table->reader->rows[i];
    *out = (struct fletch_row){ .name = row->name,
                                .dtype = row->dtype,
                                .shape = row->shape,
                                .rank = row->rank,
                                .count = row->count,
                                .size = fletch_reader_size(row),
                                .estimated = row->size == UINT64_MAX,
                                .compressed_size = row->compressed_size };
    return true;
}

enum fletch_status fletch_table_find(size_t *out, const struct fletch_table *table,
                                     const char *name, struct fletch_error *err)
{
    size_t low = 0, high = table->reader->rows_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->reader->rows[table->by_name[middle]].name, name);

        if (!order) {
            *out = table->by_name[middle];
            return FLETCH_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND, "%s: has no row '%s'", table->file.path,
                       name);
}

static enum fletch_status open_cursor(struct fletch_table *table, struct fletch_error *err)
{
    if (table->cursor)
        return FLETCH_OK;
    return fletch_cursor_open(&table->cursor, table->reader, err);
}

enum fletch_status fletch_table_map(struct fletch_table *table, struct fletch_error *err)
{
    const uint8_t *map;
    enum fletch_status status;

    if (table->map)
        return FLETCH_OK;
    if (table->borrows)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "%s: is shared, the table it came from is to be mapped first",
                           table->file.path);
    TRY(open_cursor(table, err));
    TRY(fletch_file_map(&map, &table->file, err));
    status = fletch_cursor_use_map(table->cursor, map, err);
    if (status)
        fletch_file_unmap(&table->file, map);
    else
        table->map = map;
    return status;
}

static bool is_mapped(const struct fletch_table *table, const void *data)
{
    uintptr_t at = (uintptr_t)data, begin = (uintptr_t)table->map;

    return table->map && at >= begin && at - begin < table->file.size;
}

/* Fills in what is known of the row, and prepares the cursor to read it. */
static enum fletch_status begin_row(struct fletch_row *row, struct fletch_table *table,
                                    size_t i, struct fletch_error *err)
{
    if (!fletch_table_at(row, table, i))
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "%s: has %zu rows, row %zu was asked for", table->file.path,
                           table->reader->rows_count, i);
    return open_cursor(table, err);
}

enum fletch_status fletch_table_read(struct fletch_row *out, struct fletch_table *table,
                                     size_t i, struct fletch_error *err)
{
    struct fletch_row row;
    const void *data;

    TRY(begin_row(&row, table, i, err));
    TRY(fletch_cursor_read(table->cursor, i, &data, &row.size, err));
    row.data = data;
    row.estimated = false;
    row.mapped = is_mapped(table, data);
    *out = row;
    return FLETCH_OK;
}

/* Copies a value with the same alignment as one read into place. */
static enum fletch_status copy_value(const void **data, uint64_t size, fletch_memory_fn get,
                                     void *user, struct fletch_error *err)
{
    size_t room = (size_t)size + FLETCH_VALUE_ALIGN;
    uint8_t *memory = get(room, user);

    if (!memory)
        return fletch_fail_memory(err, room, "a value");
    memory += (size_t)(-(uintptr_t)memory % FLETCH_VALUE_ALIGN);
    if (size)
        memcpy(memory, *data, (size_t)size);
    *data = memory;
    return FLETCH_OK;
}

enum fletch_status fletch_table_read_into(struct fletch_row *out,
                                          struct fletch_table *table, size_t i,
                                          fletch_memory_fn get, void *user,
                                          struct fletch_error *err)
{
    struct fletch_slice value;
    struct fletch_row row;
    const void *data;
    bool own = false;

    TRY(begin_row(&row, table, i, err));
    TRY(fletch_cursor_read_into(table->cursor, i, &value, &own, get, user, err));
    data = value.bytes;
    row.size = value.size;
    row.mapped = !own && is_mapped(table, data);
    if (!own && !row.mapped)
        TRY(copy_value(&data, row.size, get, user, err));
    row.data = data;
    row.estimated = false;
    *out = row;
    return FLETCH_OK;
}

enum fletch_status fletch_table_read_part(void *out, size_t size,
                                          struct fletch_table *table, size_t i,
                                          uint64_t begin, struct fletch_error *err)
{
    struct fletch_row row;

    TRY(begin_row(&row, table, i, err));
    return fletch_cursor_read_part(table->cursor, i, out, size, begin, err);
}
