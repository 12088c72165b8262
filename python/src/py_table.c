/* SPDX-License-Identifier: MIT */
/* py_table.c - the rows of a written file: the table object, and what is fetched from it */
#include "py_reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct table {
    PyObject_HEAD /* */
        pthread_mutex_t lock;
    struct fletch_py_file *file; /* held; under the lock; NULL: closed */
    PyObject *path;              /* as the caller gave it */
};

struct fetch {
    PyObject_HEAD /* */
        struct fletch_py_fetch *fetch;
    struct fletch_py_file *file; /* held */
    PyObject *path;
    Py_ssize_t count;
    struct fletch_py_span *spans; /* [count] */
};

/* ---- Parts ---- */

/* Of a row's shape: elements of all, and of one along the first dimension. False when they
 * are more than memory has. */
static bool count_elements(const struct fletch_row *row, uint64_t *all, uint64_t *each)
{
    uint64_t limit = PY_SSIZE_T_MAX / 8; /* of the widest type; also with zeros left out */

    if (row->rank > FLETCH_PY_RANK_MAX)
        return false;
    *all = *each = 1;
    for (unsigned i = row->rank; i-- > 0;) {
        if (row->shape[i] > limit)
            return false;
        if (row->shape[i])
            limit /= row->shape[i];
        *each = *all;
        *all *= row->shape[i];
    }
    return true;
}

static PyObject *fail_row(PyObject *path, const struct fletch_row *row, uint64_t size)
{
    return fletch_py_fail(
        FLETCH_ERR_FORMAT, path,
        "row '%.200s': a value of %llu bytes, which its type %.60s and its "
        "shape do not go with",
        row->name, (unsigned long long)size, row->dtype);
}

/* Rows `begin` to `end` along the first dimension as bytes; begin < 0: all of it. */
static bool find_span(struct fletch_py_span *out, const struct fletch_row *row,
                      Py_ssize_t begin, Py_ssize_t end, PyObject *path)
{
    const struct fletch_py_dtype *dtype;
    uint64_t all, each;

    out->begin = 0;
    out->size = UINT64_MAX;
    if (begin < 0)
        return true;
    if (!count_elements(row, &all, &each)) {
        fail_row(path, row, row->size);
        return false;
    }
    dtype = fletch_py_dtype_of(row->dtype, all, row->size);
    if (!dtype || !row->rank || end < begin || (uint64_t)end > row->shape[0]) {
        PyErr_Format(PyExc_ValueError, "rows %zd to %zd of '%s'", begin, end, row->name);
        return false;
    }
    out->length = (uint64_t)(end - begin);
    out->begin = (uint64_t)begin * each * dtype->size;
    out->size = (uint64_t)(end - begin) * each * dtype->size;
    return true;
}

/* The value as a tensor; what it holds is handed over, also on failure. */
static PyObject *make_tensor(PyObject *self, struct fletch_py_file *file,
                             const struct fletch_py_span *span,
                             struct fletch_py_value *value, PyObject *path)
{
    struct fletch_py_state *state = PyType_GetModuleState(Py_TYPE(self));
    uint64_t shape[FLETCH_PY_RANK_MAX], all = 0, each = 0;
    const struct fletch_py_dtype *dtype = NULL;
    PyObject *tensor = NULL;
    struct fletch_row row;

    if (fletch_table_at(&row, file->table, span->row) &&
        count_elements(&row, &all, &each)) {
        memcpy(shape, row.shape, row.rank * sizeof(shape[0]));
        if (span->size != UINT64_MAX) {
            dtype = fletch_py_dtype_of(row.dtype, all, row.size);
            shape[0] = span->length;
            all = span->length * each;
        } else {
            dtype = fletch_py_dtype_of(row.dtype, all, value->size);
        }
    }
    if (!state)
        tensor = NULL;
    else if (!fletch_py_dtype_find(row.dtype))
        fletch_py_fail(FLETCH_ERR_UNSUPPORTED, path, "row '%.200s': of unknown type %.60s",
                       row.name, row.dtype);
    else if (!dtype || all * dtype->size != value->size)
        fail_row(path, &row, value->size);
    else
        tensor =
            fletch_py_tensor(state, value->memory, value->data, dtype, shape, row.rank);
    fletch_py_memory_drop(value->memory);
    return tensor;
}

/* ---- The table ---- */

/* One more holder of the file, which another thread may close meanwhile. NULL with
 * ArgumentError once it is closed. */
static struct fletch_py_file *hold(struct table *table)
{
    struct fletch_py_file *file;

    pthread_mutex_lock(&table->lock);
    file = table->file;
    if (file)
        fletch_py_file_hold(file);
    pthread_mutex_unlock(&table->lock);
    if (!file)
        fletch_py_fail(FLETCH_ERR_ARGUMENT, table->path,
                       "the file is closed: open it again");
    return file;
}

static void table_dealloc(PyObject *self)
{
    struct table *table = (struct table *)self;
    PyTypeObject *type = Py_TYPE(self);

    fletch_py_file_drop(table->file);
    pthread_mutex_destroy(&table->lock);
    Py_XDECREF(table->path);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *fletch_py_open_table(PyObject *module, PyObject *args)
{
    struct fletch_py_file *file = NULL;
    struct fletch_error err = { FLETCH_OK, "" };
    enum fletch_status status;
    struct table *table;
    PyObject *path;
    char *text;
    int map = 0;

    if (!PyArg_ParseTuple(args, "O|p:open_table", &path, &map))
        return NULL;
    text = fletch_py_path(path);
    if (!text)
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = fletch_py_file_open(&file, text, map, &err);
    Py_END_ALLOW_THREADS free(text);
    if (status)
        return fletch_py_raise(&err, path);
    table = PyObject_New(struct table, fletch_py_state(module)->table_type);
    if (!table) {
        fletch_py_file_drop(file);
        return NULL;
    }
    pthread_mutex_init(&table->lock, NULL);
    table->file = file;
    table->path = Py_NewRef(path);
    return (PyObject *)table;
}

static PyObject *describe(const struct fletch_row *row)
{
    PyObject *name = fletch_py_str(row->name), *shape;

    if (!name)
        return NULL;
    shape = fletch_py_shape(row->shape, row->rank);
    if (!shape) {
        Py_DECREF(name);
        return NULL;
    }
    return Py_BuildValue(
        "(NNNKKN)", name, fletch_py_dtype(row->dtype), shape, (unsigned long long)row->size,
        (unsigned long long)row->compressed_size, PyBool_FromLong(row->estimated));
}

/* [(name, dtype, shape, size, compressed_size, estimated), ...] */
static PyObject *table_rows(PyObject *self, PyObject *unused)
{
    struct fletch_py_file *file = hold((struct table *)self);
    PyObject *rows = file ? PyList_New(0) : NULL;
    struct fletch_row row;

    (void)unused;
    for (size_t i = 0; rows && fletch_table_at(&row, file->table, i); i++) {
        PyObject *one = describe(&row);

        if (!one || PyList_Append(rows, one))
            Py_CLEAR(rows);
        Py_XDECREF(one);
    }
    fletch_py_file_drop(file);
    return rows;
}

/* A span from (row, begin, end). */
static bool parse_span(struct fletch_py_span *out, const struct fletch_py_file *file,
                       PyObject *args, PyObject *path)
{
    Py_ssize_t i, begin, end;
    struct fletch_row row;

    if (!PyTuple_Check(args)) {
        PyErr_SetString(PyExc_TypeError, "a span is a tuple of three integers");
        return false;
    }
    if (!PyArg_ParseTuple(args, "nnn", &i, &begin, &end))
        return false;
    if (i < 0 || !fletch_table_at(&row, file->table, (size_t)i)) {
        PyErr_Format(PyExc_IndexError, "row %zd", i);
        return false;
    }
    out->row = (size_t)i;
    return find_span(out, &row, begin, end, path);
}

static PyObject *read_span(PyObject *self, struct fletch_py_file *file, PyObject *args,
                           PyObject *path)
{
    struct fletch_py_fetch *fetch;
    struct fletch_py_value value;
    struct fletch_py_span span;
    PyObject *tensor = NULL;

    if (!parse_span(&span, file, args, path))
        return NULL;
    fetch = fletch_py_fetch_make(file, &span, 1);
    if (!fetch)
        return PyErr_NoMemory();
    fletch_py_fetch_start_large(fetch);
    if (fletch_py_fetch_take(&value, fetch, 0, path))
        tensor = make_tensor(self, file, &span, &value, path);
    fletch_py_fetch_drop(fetch);
    return tensor;
}

/* read(row, begin, end) -> Tensor */
static PyObject *table_read(PyObject *self, PyObject *args)
{
    struct table *table = (struct table *)self;
    struct fletch_py_file *file = hold(table);
    PyObject *tensor = file ? read_span(self, file, args, table->path) : NULL;

    fletch_py_file_drop(file);
    return tensor;
}

/* Takes the file over. */
static struct fetch *make_fetch(struct fletch_py_state *state, struct fletch_py_file *file,
                                PyObject *list, PyObject *path)
{
    struct fetch *fetch = PyObject_New(struct fetch, state->fetch_type);
    bool fine;

    if (!fetch) {
        fletch_py_file_drop(file);
        return NULL;
    }
    fetch->fetch = NULL;
    fetch->file = file;
    fetch->path = Py_NewRef(path);
    fetch->count = PyList_Size(list);
    fetch->spans = PyMem_Calloc((size_t)fetch->count + 1, sizeof(*fetch->spans));
    fine = fetch->spans != NULL;
    for (Py_ssize_t i = 0; fine && i < fetch->count; i++)
        fine = parse_span(&fetch->spans[i], file, PyList_GetItem(list, i), path);
    if (fine)
        fetch->fetch = fletch_py_fetch_make(file, fetch->spans, (size_t)fetch->count);
    if (fetch->fetch)
        return fetch;
    if (!PyErr_Occurred())
        PyErr_NoMemory();
    Py_DECREF(fetch);
    return NULL;
}

/* fetch([(row, begin, end), ...], threads) -> Fetch */
static PyObject *table_fetch(PyObject *self, PyObject *args)
{
    struct fletch_py_state *state = PyType_GetModuleState(Py_TYPE(self));
    struct table *table = (struct table *)self;
    struct fletch_py_file *file;
    struct fetch *fetch;
    Py_ssize_t threads;
    PyObject *list;

    if (!state || !PyArg_ParseTuple(args, "O!n:fetch", &PyList_Type, &list, &threads))
        return NULL;
    file = hold(table);
    fetch = file ? make_fetch(state, file, list, table->path) : NULL;
    if (fetch && threads > 0)
        fletch_py_fetch_start(fetch->fetch, (size_t)threads);
    return (PyObject *)fetch;
}

static PyObject *stream_rows(struct fletch_py_file *file, PyObject *list)
{
    Py_ssize_t count = PyList_Size(list);
    size_t *rows = calloc((size_t)count + 1, sizeof(*rows));
    PyObject *capsule = NULL;
    struct fletch_row row;
    Py_ssize_t i = 0;

    if (!rows)
        return PyErr_NoMemory();
    for (; i < count; i++) {
        rows[i] = PyLong_AsSize_t(PyList_GetItem(list, i));
        if (PyErr_Occurred() || !fletch_table_at(&row, file->table, rows[i]))
            break;
    }
    if (i == count)
        capsule = fletch_py_arrow_stream(file, rows, (size_t)count);
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_IndexError, "there is no such row");
    free(rows);
    return capsule;
}

/* stream([row, ...]) -> capsule */
static PyObject *table_stream(PyObject *self, PyObject *args)
{
    struct fletch_py_file *file;
    PyObject *list, *capsule;

    if (!PyArg_ParseTuple(args, "O!:stream", &PyList_Type, &list))
        return NULL;
    file = hold((struct table *)self);
    capsule = file ? stream_rows(file, list) : NULL;
    fletch_py_file_drop(file);
    return capsule;
}

static PyObject *table_schema(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return fletch_py_arrow_schema();
}

static PyObject *table_close(PyObject *self, PyObject *unused)
{
    struct table *table = (struct table *)self;
    struct fletch_py_file *file;

    (void)unused;
    pthread_mutex_lock(&table->lock);
    file = table->file;
    table->file = NULL;
    pthread_mutex_unlock(&table->lock);
    fletch_py_file_drop(file);
    Py_RETURN_NONE;
}

/* ---- What was asked for ahead ---- */

static void fetch_dealloc(PyObject *self)
{
    struct fetch *fetch = (struct fetch *)self;
    PyTypeObject *type = Py_TYPE(self);

    fletch_py_fetch_drop(fetch->fetch);
    fletch_py_file_drop(fetch->file);
    PyMem_Free(fetch->spans);
    Py_XDECREF(fetch->path);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* take(i) -> Tensor */
static PyObject *fetch_take(PyObject *self, PyObject *args)
{
    struct fetch *fetch = (struct fetch *)self;
    struct fletch_py_value value;
    Py_ssize_t i;

    if (!PyArg_ParseTuple(args, "n:take", &i))
        return NULL;
    if (i < 0 || i >= fetch->count)
        return PyErr_Format(PyExc_IndexError, "%zd of %zd", i, fetch->count);
    if (!fletch_py_fetch_take(&value, fetch->fetch, (size_t)i, fetch->path))
        return NULL;
    return make_tensor(self, fetch->file, &fetch->spans[i], &value, fetch->path);
}

/* ---- The types ---- */

static PyMethodDef table_methods[] = {
    { "rows", table_rows, METH_NOARGS,
      "rows() -> list of (name, dtype, shape, size, compressed_size, estimated)" },
    { "read", table_read, METH_VARARGS, "read(row, begin, end) -> Tensor" },
    { "fetch", table_fetch, METH_VARARGS,
      "fetch([(row, begin, end), ...], threads) -> Fetch" },
    { "stream", table_stream, METH_VARARGS, "stream([row, ...]) -> Arrow's stream" },
    { "schema", table_schema, METH_NOARGS, "schema() -> Arrow's schema" },
    { "close", table_close, METH_NOARGS, "close()" },
    { NULL, NULL, 0, NULL },
};

static PyMethodDef fetch_methods[] = {
    { "take", fetch_take, METH_VARARGS, "take(i) -> Tensor" },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot table_slots[] = {
    { Py_tp_dealloc, table_dealloc },
    { Py_tp_methods, table_methods },
    { 0, NULL },
};

static PyType_Slot fetch_slots[] = {
    { Py_tp_dealloc, fetch_dealloc },
    { Py_tp_methods, fetch_methods },
    { 0, NULL },
};

#define FLAGS                                                                              \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE)

static PyType_Spec table_spec = { .name = "fletch._fletch.Table",
                                  .basicsize = sizeof(struct table),
                                  .flags = FLAGS,
                                  .slots = table_slots };
static PyType_Spec fetch_spec = { .name = "fletch._fletch.Fetch",
                                  .basicsize = sizeof(struct fetch),
                                  .flags = FLAGS,
                                  .slots = fetch_slots };

int fletch_py_add_table(PyObject *module, struct fletch_py_state *state)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &table_spec, NULL);

    state->table_type = (PyTypeObject *)type;
    if (!type || PyModule_AddObjectRef(module, "Table", type))
        return -1;
    type = PyType_FromModuleAndSpec(module, &fetch_spec, NULL);
    state->fetch_type = (PyTypeObject *)type;
    return type ? PyModule_AddObjectRef(module, "Fetch", type) : -1;
}
