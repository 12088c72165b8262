/* SPDX-License-Identifier: MIT */
/* py_file.c - open files and memory, counted without Python */
#include "py_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of most processors; a value of several is asked for in such pages, which costs a fraction
 * of what 4 KiB at a time do. */
#define LARGE_PAGE ((size_t)2 << 20)
/* What fletch aligns values to. */
#define ALIGN 64

static enum fletch_status fail_memory(struct fletch_error *err)
{
    *err = (struct fletch_error){ FLETCH_ERR_MEMORY, "out of memory" };
    return FLETCH_ERR_MEMORY;
}

/* ---- Files ---- */

enum fletch_status fletch_py_file_open(struct fletch_py_file **out, const char *path,
                                       bool map, struct fletch_error *err)
{
    struct fletch_py_file *file = calloc(1, sizeof(*file));
    enum fletch_status status;

    if (!file)
        return fail_memory(err);
    file->holders = 1;
    file->mapped = map;
    status = fletch_table_open(&file->table, path, err);
    if (!status && map)
        status = fletch_table_map(file->table, err);
    if (status)
        fletch_py_file_drop(file);
    else
        *out = file;
    return status;
}

void fletch_py_file_hold(struct fletch_py_file *file)
{
    atomic_fetch_add(&file->holders, 1);
}

void fletch_py_file_drop(struct fletch_py_file *file)
{
    if (!file || atomic_fetch_sub(&file->holders, 1) > 1)
        return;
    fletch_table_close(atomic_load(&file->idle));
    fletch_table_close(file->table);
    free(file);
}

enum fletch_status fletch_py_file_take(struct fletch_table **out,
                                       struct fletch_py_file *file,
                                       struct fletch_error *err)
{
    *out = atomic_exchange(&file->idle, NULL);
    return *out ? FLETCH_OK : fletch_table_share(out, file->table, err);
}

void fletch_py_file_give(struct fletch_py_file *file, struct fletch_table *table)
{
    struct fletch_table *none = NULL;

    if (!atomic_compare_exchange_strong(&file->idle, &none, table))
        fletch_table_close(table);
}

/* ---- Memory ---- */

void fletch_py_memory_hold(struct fletch_py_memory *memory)
{
    atomic_fetch_add(&memory->holders, 1);
}

void fletch_py_memory_drop(struct fletch_py_memory *memory)
{
    if (!memory || atomic_fetch_sub(&memory->holders, 1) > 1)
        return;
    free(memory->bytes);
    fletch_py_file_drop(memory->file);
    free(memory);
}

void *fletch_py_alloc(size_t size)
{
    size_t whole = (size + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    void *memory = NULL;

    if (size < LARGE_PAGE)
        return posix_memalign(&memory, ALIGN, size) ? NULL : memory;
    /* the last page is made whole where that takes little more */
    if (whole - size > size / 8 || whole < size)
        whole = size;
    if (posix_memalign(&memory, LARGE_PAGE, whole))
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(memory, whole & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
#endif
    return memory;
}

static void *get(size_t size, void *user)
{
    struct fletch_py_memory *memory = user;

    memory->bytes = fletch_py_alloc(size);
    return memory->bytes;
}

/* A part into memory of its own. */
static enum fletch_status read_part(struct fletch_py_value *value,
                                    struct fletch_table *table,
                                    const struct fletch_py_span *span,
                                    struct fletch_error *err)
{
    value->data = get(span->size ? (size_t)span->size : 1, value->memory);
    value->size = span->size;
    if (!value->data)
        return fail_memory(err);
    return fletch_table_read_part(value->data, (size_t)span->size, table, span->row,
                                  span->begin, err);
}

static enum fletch_status read_all(struct fletch_py_value *value,
                                   struct fletch_py_file *file, struct fletch_table *table,
                                   size_t i, struct fletch_error *err)
{
    struct fletch_row row;
    enum fletch_status status =
        fletch_table_read_into(&row, table, i, get, value->memory, err);

    if (status)
        return status;
    value->data = (uint8_t *)(uintptr_t)row.data;
    value->size = row.size;
    if (!row.mapped)
        return FLETCH_OK;
    /* in another writer's file it may lie where no processor wants to read numbers */
    if ((uintptr_t)row.data % sizeof(uint64_t)) {
        value->data = get(row.size ? (size_t)row.size : 1, value->memory);
        if (!value->data)
            return fail_memory(err);
        memcpy(value->data, row.data, (size_t)row.size);
        return FLETCH_OK;
    }
    value->memory->file = file;
    fletch_py_file_hold(file);
    return FLETCH_OK;
}

enum fletch_status fletch_py_read(struct fletch_py_value *out, struct fletch_py_file *file,
                                  struct fletch_table *table,
                                  const struct fletch_py_span *span,
                                  struct fletch_error *err)
{
    struct fletch_py_value value = { .memory = calloc(1, sizeof(*value.memory)) };
    enum fletch_status status;

    if (!value.memory)
        return fail_memory(err);
    value.memory->holders = 1;
    status = span->size == UINT64_MAX ? read_all(&value, file, table, span->row, err)
                                      : read_part(&value, table, span, err);
    if (status)
        fletch_py_memory_drop(value.memory);
    else
        *out = value;
    return status;
}
