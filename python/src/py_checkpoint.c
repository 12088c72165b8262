/* SPDX-License-Identifier: MIT */
/* py_checkpoint.c - _fletch.Checkpoint: the tensors of any input format, listed and read
 *
 * The checkpoint itself has holders: the object until it is closed, and each read. It may
 * be closed, or go, while another thread reads.
 */
#include "fletch_py.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Between two looks at whether to go on. */
#define READ_STEP ((size_t)4 << 20)

struct source {
    struct fletch_checkpoint *checkpoint;
    atomic_uint holders;
};

struct checkpoint {
    PyObject_HEAD /* */
        pthread_mutex_t lock;
    struct source *source; /* under the lock; NULL: closed */
    PyObject *path;
};

/* The checkpoint keeps one callback for all reads: whose it is, its thread tells. */
static _Thread_local struct fletch_py_job *at_work;

static bool is_cancelled(void *unused)
{
    (void)unused;
    return at_work && fletch_py_cancelled(at_work);
}

static void source_drop(struct source *source)
{
    if (!source || atomic_fetch_sub(&source->holders, 1) > 1)
        return;
    fletch_checkpoint_close(source->checkpoint);
    free(source);
}

/* ---- Opening ---- */

struct opening {
    char *path;
    struct fletch_py_options options;
    struct source *source;
};

static enum fletch_status run_open(void *user, struct fletch_py_job *job,
                                   struct fletch_error *err)
{
    struct opening *task = user;

    at_work = job;
    task->options.c.cancel = is_cancelled;
    return fletch_checkpoint_open(&task->source->checkpoint, task->path, &task->options.c,
                                  err);
}

static void release_open(void *user)
{
    struct opening *task = user;

    fletch_py_options_release(&task->options);
    source_drop(task->source);
    free(task->path);
    free(task);
}

static void let_be(void *user)
{
    (void)user;
}

static const struct fletch_py_work OPEN = { run_open, release_open, let_be };

static PyObject *opened(PyTypeObject *type, PyObject *path, struct opening *task)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct checkpoint *self = (struct checkpoint *)alloc(type, 0);

    if (!self)
        return NULL;
    pthread_mutex_init(&self->lock, NULL);
    self->source = task->source;
    task->source = NULL;
    self->path = Py_NewRef(path);
    return (PyObject *)self;
}

/* Checkpoint(path, options) */
static PyObject *checkpoint_new(PyTypeObject *type, PyObject *args, PyObject *unused)
{
    PyObject *path, *keywords, *capsule, *self = NULL;
    struct opening *task;

    (void)unused;
    if (!PyArg_ParseTuple(args, "OO!", &path, &PyDict_Type, &keywords))
        return NULL;
    task = calloc(1, sizeof(*task));
    if (task)
        task->source = calloc(1, sizeof(*task->source));
    if (!task || !task->source) {
        free(task);
        return PyErr_NoMemory();
    }
    atomic_init(&task->source->holders, 1);
    task->path = fletch_py_path(path);
    if (!task->path || !fletch_py_options_take(&task->options, keywords)) {
        release_open(task);
        return NULL;
    }
    capsule = fletch_py_do(&OPEN, task, NULL, path);
    if (capsule)
        self = opened(type, path, fletch_py_task(capsule));
    Py_XDECREF(capsule);
    return self;
}

/* ---- The object ---- */

/* One more holder of what it reads from. NULL with ArgumentError once it is closed. */
static struct source *hold(struct checkpoint *self)
{
    struct source *source;

    pthread_mutex_lock(&self->lock);
    source = self->source;
    if (source)
        atomic_fetch_add(&source->holders, 1);
    pthread_mutex_unlock(&self->lock);
    if (!source)
        fletch_py_fail(FLETCH_ERR_ARGUMENT, self->path,
                       "the checkpoint is closed: open it again");
    return source;
}

static PyObject *checkpoint_close(PyObject *object, PyObject *unused)
{
    struct checkpoint *self = (struct checkpoint *)object;
    struct source *source;

    (void)unused;
    pthread_mutex_lock(&self->lock);
    source = self->source;
    self->source = NULL;
    pthread_mutex_unlock(&self->lock);
    source_drop(source);
    Py_RETURN_NONE;
}

static int checkpoint_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((struct checkpoint *)object)->path);
    return 0;
}

static int checkpoint_clear(PyObject *object)
{
    Py_CLEAR(((struct checkpoint *)object)->path);
    return 0;
}

static void checkpoint_dealloc(PyObject *object)
{
    struct checkpoint *self = (struct checkpoint *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(object);
    source_drop(self->source);
    pthread_mutex_destroy(&self->lock);
    checkpoint_clear(object);
    release(object);
    Py_DECREF(type);
}

/* ---- Listing ---- */

static PyObject *strides(const struct fletch_tensor_info *info)
{
    return info->strides ? fletch_py_shape(info->strides, info->rank) : fletch_py_str(NULL);
}

/* [(name, dtype, shape, count, size, file, offset, strides, big_endian), ...] */
static PyObject *checkpoint_tensors(PyObject *object, PyObject *unused)
{
    struct source *source = hold((struct checkpoint *)object);
    PyObject *list = source ? PyList_New(0) : NULL;
    struct fletch_tensor_info at;

    (void)unused;
    for (size_t i = 0; list && fletch_checkpoint_at(&at, source->checkpoint, i); i++) {
        PyObject *row = Py_BuildValue(
            "(NNNKKNKNN)", fletch_py_str(at.name), fletch_py_dtype(at.dtype),
            fletch_py_shape(at.shape, at.rank), (unsigned long long)at.count,
            (unsigned long long)at.size, fletch_py_str(at.file),
            (unsigned long long)at.offset, strides(&at), PyBool_FromLong(at.big_endian));

        if (!row || PyList_Append(list, row))
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    source_drop(source);
    return list;
}

static PyObject *texts(const struct source *source,
                       const char *(*at)(const struct fletch_checkpoint *of, size_t i))
{
    PyObject *list = PyList_New(0);
    const char *text;

    for (size_t i = 0; list && (text = at(source->checkpoint, i)) != NULL; i++) {
        PyObject *line = fletch_py_str(text);

        if (!line || PyList_Append(list, line))
            Py_CLEAR(list);
        Py_XDECREF(line);
    }
    return list;
}

/* (format, dialect, prefix, notes, rest) */
static PyObject *checkpoint_about(PyObject *object, PyObject *unused)
{
    struct source *source = hold((struct checkpoint *)object);
    PyObject *about;

    (void)unused;
    if (!source)
        return NULL;
    about = Py_BuildValue(
        "(NNNNN)", fletch_py_str(fletch_checkpoint_format(source->checkpoint)),
        fletch_py_str(fletch_checkpoint_dialect(source->checkpoint)),
        fletch_py_str(fletch_checkpoint_prefix(source->checkpoint)),
        texts(source, fletch_checkpoint_note), texts(source, fletch_checkpoint_skipped));
    source_drop(source);
    return about;
}

/* ---- Reading ---- */

struct reading {
    struct source *source;
    size_t tensor, size;
    uint64_t begin;
    uint8_t *out; /* [size], of the call, which waits for the end */
};

static enum fletch_status run_read(void *user, struct fletch_py_job *job,
                                   struct fletch_error *err)
{
    struct reading *task = user;
    enum fletch_status status = FLETCH_OK;
    size_t done = 0;

    at_work = job;
    do {
        size_t step = task->size - done < READ_STEP ? task->size - done : READ_STEP;

        if (fletch_py_cancelled(job))
            return FLETCH_ERR_CANCELLED;
        status = fletch_checkpoint_read(task->out + done, step, task->source->checkpoint,
                                        task->tensor, task->begin + done, err);
        done += step;
    } while (!status && done < task->size);
    return status;
}

static void release_read(void *user)
{
    struct reading *task = user;

    source_drop(task->source);
    free(task);
}

static const struct fletch_py_work READ = { run_read, release_read, NULL };

static bool read_into(struct checkpoint *self, uint8_t *out, size_t size, Py_ssize_t tensor,
                      unsigned long long begin)
{
    struct source *source = hold(self);
    struct reading *task = source ? calloc(1, sizeof(*task)) : NULL;
    PyObject *capsule;

    if (!task) {
        source_drop(source);
        if (source)
            PyErr_NoMemory();
        return false;
    }
    *task = (struct reading){ source, (size_t)tensor, size, begin, out };
    capsule = fletch_py_do(&READ, task, NULL, self->path);
    Py_XDECREF(capsule);
    return capsule != NULL;
}

/* Whether `size` bytes from `begin` on lie in the tensor; memory is taken only then. */
static bool lies_within(struct checkpoint *self, Py_ssize_t tensor,
                        unsigned long long begin, unsigned long long size)
{
    struct source *source = hold(self);
    struct fletch_tensor_info info;
    bool there, within;

    if (!source)
        return false;
    there = tensor >= 0 && fletch_checkpoint_at(&info, source->checkpoint, (size_t)tensor);
    within = there && begin <= info.size && size <= info.size - begin;
    if (!there)
        PyErr_SetString(PyExc_IndexError, "there is no such tensor");
    else if (!within)
        fletch_py_fail(
            FLETCH_ERR_ARGUMENT, self->path,
            "tensor '%.200s': %llu bytes from byte %llu on were asked for, it has "
            "%llu",
            info.name, size, begin, (unsigned long long)info.size);
    source_drop(source);
    return within;
}

/* False with TypeError, or ValueError for what is no number of bytes. */
static bool take_bytes(unsigned long long *out, PyObject *value)
{
    Py_ssize_t number = PyNumber_AsSsize_t(value, PyExc_ValueError);

    if (number < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "begin and size must not be negative");
    *out = (unsigned long long)number;
    return number >= 0;
}

/* read(tensor, begin, size) -> bytes */
static PyObject *checkpoint_read(PyObject *object, PyObject *args)
{
    struct checkpoint *self = (struct checkpoint *)object;
    PyObject *begins, *sizes, *bytes;
    unsigned long long begin, size;
    Py_ssize_t tensor;

    if (!PyArg_ParseTuple(args, "nOO", &tensor, &begins, &sizes) ||
        !take_bytes(&begin, begins) || !take_bytes(&size, sizes) ||
        !lies_within(self, tensor, begin, size))
        return NULL;
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes &&
        !read_into(self, (uint8_t *)PyBytes_AsString(bytes), (size_t)size, tensor, begin))
        Py_CLEAR(bytes);
    return bytes;
}

/* readinto(tensor, begin, buffer): all of the buffer is filled */
static PyObject *checkpoint_readinto(PyObject *object, PyObject *args)
{
    struct checkpoint *self = (struct checkpoint *)object;
    PyObject *begins, *target;
    unsigned long long begin;
    Py_ssize_t tensor;
    Py_buffer buffer;
    bool done;

    if (!PyArg_ParseTuple(args, "nOO", &tensor, &begins, &target) ||
        !take_bytes(&begin, begins))
        return NULL;
    if (PyObject_GetBuffer(target, &buffer, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS))
        return NULL;
    done = lies_within(self, tensor, begin, (unsigned long long)buffer.len) &&
           read_into(self, buffer.buf, (size_t)buffer.len, tensor, begin);
    PyBuffer_Release(&buffer);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- The type ---- */

static PyMethodDef methods[] = {
    { "tensors", checkpoint_tensors, METH_NOARGS, "one tuple for each tensor" },
    { "about", checkpoint_about, METH_NOARGS, "(format, dialect, prefix, notes, rest)" },
    { "read", checkpoint_read, METH_VARARGS, "read(tensor, begin, size) -> bytes" },
    { "readinto", checkpoint_readinto, METH_VARARGS, "readinto(tensor, begin, buffer)" },
    { "close", checkpoint_close, METH_NOARGS, "close(); may be called twice" },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_new, checkpoint_new },
    { Py_tp_dealloc, checkpoint_dealloc },
    { Py_tp_traverse, checkpoint_traverse },
    { Py_tp_clear, checkpoint_clear },
    { Py_tp_methods, methods },
    { Py_tp_doc, "Checkpoint(path, options): an open checkpoint." },
    { 0, NULL },
};

static PyType_Spec spec = {
    .name = "fletch._fletch.Checkpoint",
    .basicsize = sizeof(struct checkpoint),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int fletch_py_add_checkpoint(PyObject *module, struct fletch_py_state *state)
{
    state->checkpoint_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (!state->checkpoint_type)
        return -1;
    return PyModule_AddType(module, state->checkpoint_type);
}
