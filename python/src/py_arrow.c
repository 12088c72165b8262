/* SPDX-License-Identifier: MIT */
/* py_arrow.c - rows as a stream of Arrow record batches, one row each, nothing copied
 *
 * The five columns of the file's own schema. A value is read when its batch is asked for:
 * whoever goes through the stream holds one at a time. Consumers call from any thread,
 * without the GIL; nothing here calls Python.
 */
#include "arrow_abi.h"
#include "py_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum column { NAME, SHAPE, DTYPE, DATA, PARAMS, COLUMNS };

static const struct {
    const char *name, *format;
} FIELDS[COLUMNS] = { [NAME] = { "layer_name", "u" },
                      [SHAPE] = { "shape", "+l" },
                      [DTYPE] = { "dtype", "u" },
                      [DATA] = { "data", "z" },
                      [PARAMS] = { "num_params", "l" } };

/* ---- The schema ---- */

/* All of it in one piece; the children's releases do nothing but mark them. */
struct schema {
    struct ArrowSchema fields[COLUMNS], element;
    struct ArrowSchema *pointers[COLUMNS], *element_pointer;
    atomic_size_t holders;
};

static void release_schema(struct ArrowSchema *self)
{
    struct schema *all = self->private_data;

    for (int64_t i = 0; i < self->n_children; i++)
        if (self->children[i]->release)
            self->children[i]->release(self->children[i]);
    self->release = NULL;
    if (atomic_fetch_sub(&all->holders, 1) == 1)
        free(all);
}

static void fill_schema(struct ArrowSchema *out, struct schema *all, const char *name,
                        const char *format)
{
    *out = (struct ArrowSchema){ .format = format,
                                 .name = name,
                                 .flags = ARROW_FLAG_NULLABLE,
                                 .release = release_schema,
                                 .private_data = all };
    atomic_fetch_add(&all->holders, 1);
}

static int make_schema(struct ArrowSchema *out)
{
    struct schema *all = calloc(1, sizeof(*all));

    if (!all)
        return ENOMEM;
    fill_schema(out, all, "", "+s");
    out->flags = 0;
    out->n_children = COLUMNS;
    out->children = all->pointers;
    for (int i = 0; i < COLUMNS; i++) {
        fill_schema(&all->fields[i], all, FIELDS[i].name, FIELDS[i].format);
        all->pointers[i] = &all->fields[i];
    }
    fill_schema(&all->element, all, "element", "i");
    all->element_pointer = &all->element;
    all->fields[SHAPE].n_children = 1;
    all->fields[SHAPE].children = &all->element_pointer;
    return 0;
}

/* ---- A batch ---- */

struct batch {
    struct ArrowArray arrays[COLUMNS], element;
    struct ArrowArray *pointers[COLUMNS], *element_pointer;
    const void *buffers[COLUMNS][3], *element_buffers[2], *no_buffers[1];
    int32_t ends[COLUMNS][2]; /* offsets */
    int64_t count;
    atomic_size_t holders;
    struct fletch_py_file *file;     /* held: names lie in it */
    struct fletch_py_memory *memory; /* held */
    int32_t dims[];
};

static void release_array(struct ArrowArray *self)
{
    struct batch *batch = self->private_data;

    for (int64_t i = 0; i < self->n_children; i++)
        if (self->children[i]->release)
            self->children[i]->release(self->children[i]);
    self->release = NULL;
    if (atomic_fetch_sub(&batch->holders, 1) > 1)
        return;
    fletch_py_memory_drop(batch->memory);
    fletch_py_file_drop(batch->file);
    free(batch);
}

static void fill_array(struct ArrowArray *out, struct batch *batch, int64_t length,
                       const void **buffers, int64_t buffers_count)
{
    *out = (struct ArrowArray){ .length = length,
                                .n_buffers = buffers_count,
                                .buffers = buffers,
                                .release = release_array,
                                .private_data = batch };
    atomic_fetch_add(&batch->holders, 1);
}

/* A column of one value of `size` bytes. */
static void fill_bytes(struct batch *batch, enum column column, const void *bytes,
                       uint64_t size)
{
    batch->ends[column][1] = (int32_t)size;
    batch->buffers[column][1] = batch->ends[column];
    batch->buffers[column][2] = bytes;
    fill_array(&batch->arrays[column], batch, 1, batch->buffers[column], 3);
}

static int make_batch(struct ArrowArray *out, const struct fletch_row *row,
                      const struct fletch_py_value *value, struct fletch_py_file *file)
{
    struct batch *batch = calloc(1, sizeof(*batch) + (row->rank + 1) * sizeof(int32_t));

    if (!batch)
        return ENOMEM;
    fletch_py_file_hold(file);
    batch->file = file;
    batch->memory = value->memory;
    batch->count = (int64_t)row->count;
    for (unsigned i = 0; i < row->rank; i++)
        batch->dims[i] = (int32_t)row->shape[i];
    fill_bytes(batch, NAME, row->name, strlen(row->name));
    fill_bytes(batch, DTYPE, row->dtype, strlen(row->dtype));
    fill_bytes(batch, DATA, value->data, value->size);
    batch->ends[SHAPE][1] = (int32_t)row->rank;
    batch->buffers[SHAPE][1] = batch->ends[SHAPE];
    fill_array(&batch->arrays[SHAPE], batch, 1, batch->buffers[SHAPE], 2);
    batch->element_buffers[1] = batch->dims;
    fill_array(&batch->element, batch, (int64_t)row->rank, batch->element_buffers, 2);
    batch->element_pointer = &batch->element;
    batch->arrays[SHAPE].n_children = 1;
    batch->arrays[SHAPE].children = &batch->element_pointer;
    batch->buffers[PARAMS][1] = &batch->count;
    fill_array(&batch->arrays[PARAMS], batch, 1, batch->buffers[PARAMS], 2);
    for (int i = 0; i < COLUMNS; i++)
        batch->pointers[i] = &batch->arrays[i];
    fill_array(out, batch, 1, batch->no_buffers, 1);
    out->n_children = COLUMNS;
    out->children = batch->pointers;
    return 0;
}

/* ---- The stream ---- */

struct stream {
    struct fletch_py_file *file; /* held */
    struct fletch_table *table;  /* NULL before the first batch */
    size_t next, count;
    struct fletch_error err;
    size_t rows[]; /* [count] */
};

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    (void)self;
    return make_schema(out);
}

static int fail(struct stream *stream, enum fletch_status status)
{
    if (status == FLETCH_ERR_MEMORY)
        return ENOMEM;
    return status == FLETCH_ERR_IO || !stream->err.status ? EIO : EINVAL;
}

/* Arrow's columns hold no wider numbers than the file's own. */
static bool fits(const struct fletch_row *row)
{
    for (unsigned i = 0; i < row->rank; i++)
        if (row->shape[i] > INT32_MAX)
            return false;
    return strlen(row->name) <= INT32_MAX && row->count <= INT64_MAX;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct stream *stream = self->private_data;
    struct fletch_py_span span = { .size = UINT64_MAX };
    struct fletch_py_value value;
    struct fletch_row row;
    enum fletch_status status = FLETCH_OK;
    int failed;

    *out = (struct ArrowArray){ 0 };
    if (stream->next == stream->count)
        return 0;
    span.row = stream->rows[stream->next];
    if (!stream->table)
        status = fletch_py_file_take(&stream->table, stream->file, &stream->err);
    if (!status)
        status = fletch_py_read(&value, stream->file, stream->table, &span, &stream->err);
    if (status)
        return fail(stream, status);
    failed = !fletch_table_at(&row, stream->file->table, span.row) || !fits(&row) ||
                     value.size > INT32_MAX
                 ? EOVERFLOW
                 : make_batch(out, &row, &value, stream->file);
    if (failed)
        fletch_py_memory_drop(value.memory);
    else
        stream->next++;
    return failed;
}

static const char *get_last_error(struct ArrowArrayStream *self)
{
    struct stream *stream = self->private_data;

    return stream->err.message[0] ? stream->err.message : NULL;
}

static void release_stream(struct ArrowArrayStream *self)
{
    struct stream *stream = self->private_data;

    if (stream->table)
        fletch_py_file_give(stream->file, stream->table);
    fletch_py_file_drop(stream->file);
    free(stream);
    self->release = NULL;
}

/* ---- Capsules ---- */

static const char STREAM[] = "arrow_array_stream", SCHEMA[] = "arrow_schema";

static void drop_stream(PyObject *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, STREAM);

    if (stream->release)
        stream->release(stream);
    free(stream);
}

static void drop_schema(PyObject *capsule)
{
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, SCHEMA);

    if (schema->release)
        schema->release(schema);
    free(schema);
}

PyObject *fletch_py_arrow_schema(void)
{
    struct ArrowSchema *schema = calloc(1, sizeof(*schema));
    PyObject *capsule;

    if (!schema || make_schema(schema)) {
        free(schema);
        return PyErr_NoMemory();
    }
    capsule = PyCapsule_New(schema, SCHEMA, drop_schema);
    if (!capsule) {
        schema->release(schema);
        free(schema);
    }
    return capsule;
}

PyObject *fletch_py_arrow_stream(struct fletch_py_file *file, const size_t *rows,
                                 size_t count)
{
    struct ArrowArrayStream *out = calloc(1, sizeof(*out));
    struct stream *stream = calloc(1, sizeof(*stream) + count * sizeof(*rows));
    PyObject *capsule;

    if (!out || !stream) {
        free(out);
        free(stream);
        return PyErr_NoMemory();
    }
    fletch_py_file_hold(file);
    stream->file = file;
    stream->count = count;
    if (count)
        memcpy(stream->rows, rows, count * sizeof(*rows));
    *out = (struct ArrowArrayStream){ .get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = get_last_error,
                                      .release = release_stream,
                                      .private_data = stream };
    capsule = PyCapsule_New(out, STREAM, drop_stream);
    if (!capsule) {
        out->release(out);
        free(out);
    }
    return capsule;
}
