/* SPDX-License-Identifier: MIT */
/* py_dlpack.c - tensors for array libraries, by DLPack, and by __array__ as numpy has it
 *
 * A capsule holds memory, not the tensor: whoever takes it may let go of it in any thread.
 */
#include "py_tensor.h"

#include <stdlib.h>

static const char PLAIN[] = "dltensor", VERSIONED[] = "dltensor_versioned";

/* What stands behind a capsule, of either kind. */
struct loan {
    union {
        DLManagedTensor plain;
        DLManagedTensorVersioned versioned;
    } managed;
    struct fletch_py_memory *memory; /* held */
    int64_t numbers[];               /* shape, strides */
};

static void release(struct loan *loan)
{
    fletch_py_memory_drop(loan->memory);
    free(loan);
}

static void release_plain(DLManagedTensor *managed)
{
    release(managed->manager_ctx);
}

static void release_versioned(DLManagedTensorVersioned *managed)
{
    release(managed->manager_ctx);
}

/* Of a capsule that nobody took. */
static void capsule_dealloc(PyObject *capsule)
{
    if (PyCapsule_IsValid(capsule, PLAIN))
        release_plain(PyCapsule_GetPointer(capsule, PLAIN));
    else if (PyCapsule_IsValid(capsule, VERSIONED))
        release_versioned(PyCapsule_GetPointer(capsule, VERSIONED));
}

static void fill(DLTensor *out, struct loan *loan, const struct fletch_py_tensor *tensor,
                 bool copied)
{
    int64_t stride = 1;

    *out =
        (DLTensor){ .data = copied ? loan->memory->bytes : tensor->data,
                    .device = { kDLCPU, 0 },
                    .ndim = (int32_t)tensor->rank,
                    .dtype = { tensor->dtype->code, (uint8_t)(8 * tensor->dtype->size), 1 },
                    .shape = loan->numbers,
                    .strides = loan->numbers + tensor->rank };
    for (unsigned i = tensor->rank; i-- > 0;) {
        out->shape[i] = tensor->shape[i];
        out->strides[i] =
            copied ? stride : tensor->strides[i] / (Py_ssize_t)tensor->dtype->size;
        stride *= tensor->shape[i];
    }
}

static PyObject *lend(const struct fletch_py_tensor *tensor, bool versioned, bool copied)
{
    struct loan *loan =
        calloc(1, sizeof(*loan) + 2 * tensor->rank * sizeof(loan->numbers[0]));
    PyObject *capsule;

    if (!loan)
        return PyErr_NoMemory();
    if (copied) {
        Py_BEGIN_ALLOW_THREADS loan->memory = fletch_py_tensor_memory(tensor);
        Py_END_ALLOW_THREADS
    } else {
        loan->memory = tensor->memory;
        fletch_py_memory_hold(loan->memory);
    }
    if (!loan->memory) {
        free(loan);
        return PyErr_NoMemory();
    }
    if (versioned) {
        loan->managed.versioned = (DLManagedTensorVersioned){
            .version = { DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION },
            .manager_ctx = loan,
            .deleter = release_versioned,
            .flags = (tensor->read_only && !copied ? DLPACK_FLAG_BITMASK_READ_ONLY : 0) |
                     (copied ? DLPACK_FLAG_BITMASK_IS_COPIED : 0),
        };
        fill(&loan->managed.versioned.dl_tensor, loan, tensor, copied);
    } else {
        loan->managed.plain =
            (DLManagedTensor){ .manager_ctx = loan, .deleter = release_plain };
        fill(&loan->managed.plain.dl_tensor, loan, tensor, copied);
    }
    capsule = PyCapsule_New(&loan->managed, versioned ? VERSIONED : PLAIN, capsule_dealloc);
    if (!capsule)
        release(loan);
    return capsule;
}

/* A tuple of two integers, or None, which leaves them as they are. */
static bool parse_pair(PyObject *pair, const char *what, long *first, long *second)
{
    if (pair == Py_None)
        return true;
    if (PyTuple_Check(pair) && PyTuple_Size(pair) == 2) {
        *first = PyLong_AsLong(PyTuple_GetItem(pair, 0));
        *second = PyLong_AsLong(PyTuple_GetItem(pair, 1));
        if (!PyErr_Occurred())
            return true;
    }
    PyErr_Format(PyExc_TypeError, "%s must be None or a tuple of two integers", what);
    return false;
}

static bool is_cpu(PyObject *device)
{
    long kind = kDLCPU, number = 0;

    if (!parse_pair(device, "dl_device", &kind, &number))
        return false;
    if (kind == kDLCPU && number == 0)
        return true;
    PyErr_SetString(PyExc_BufferError, "the tensor is in the processor's memory, and goes "
                                       "nowhere else");
    return false;
}

PyObject *fletch_py_dlpack(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = { "stream", "max_version", "dl_device", "copy", NULL };
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    PyObject *stream = Py_None, *version = Py_None, *device = Py_None, *copy = Py_None;
    long major = 0, minor = 0;
    int wants_copy;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OOOO:__dlpack__", names, &stream,
                                     &version, &device, &copy))
        return NULL;
    if (!parse_pair(version, "max_version", &major, &minor))
        return NULL;
    if (stream != Py_None) {
        PyErr_SetString(PyExc_BufferError, "the processor has no streams");
        return NULL;
    }
    if (!is_cpu(device))
        return NULL;
    wants_copy = copy == Py_None ? 0 : PyObject_IsTrue(copy);
    if (wants_copy < 0)
        return NULL;
    if (major < 1 && tensor->read_only && !wants_copy) {
        PyErr_SetString(PyExc_BufferError,
                        "the tensor lies in a mapped file, read only, which can only be "
                        "said to who takes DLPack 1.0 (max_version)");
        return NULL;
    }
    return lend(tensor, major >= 1, wants_copy != 0);
}

PyObject *fletch_py_dlpack_device(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return Py_BuildValue("(ii)", kDLCPU, 0);
}

/* ---- For numpy ---- */

/* An array of numpy's on the buffer. */
static PyObject *array_of(PyObject *self, PyObject *dtype, PyObject *copy)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *make_array =
        numpy ? PyObject_GetAttrString(numpy, copy ? "array" : "asarray") : NULL;
    PyObject *view = make_array ? PyMemoryView_FromObject(self) : NULL;
    PyObject *args = view ? Py_BuildValue("(OO)", view, dtype) : NULL;
    PyObject *keywords = args && copy ? Py_BuildValue("{sO}", "copy", copy) : NULL;
    PyObject *made = NULL;

    if (args && (keywords || !copy))
        made = PyObject_Call(make_array, args, keywords);
    Py_XDECREF(keywords);
    Py_XDECREF(args);
    Py_XDECREF(view);
    Py_XDECREF(make_array);
    Py_XDECREF(numpy);
    return made;
}

/* numpy asks for it where the buffer protocol said no, and would else wrap the object;
 * other libraries ask for nothing else. */
PyObject *fletch_py_array(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = { "dtype", "copy", NULL };
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    PyObject *dtype = Py_None, *copy = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO:__array__", names, &dtype, &copy))
        return NULL;
    if (tensor->dtype->format)
        return array_of(self, dtype, copy == Py_None ? NULL : copy);
    return PyErr_Format(PyExc_TypeError,
                        "numpy has no %s: take it by DLPack, or as integers, "
                        "tensor.view('uint%u')",
                        tensor->dtype->name, 8 * tensor->dtype->size);
}
