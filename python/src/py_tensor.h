/* SPDX-License-Identifier: MIT */
/* py_tensor.h - the tensor object, for the two files that know what is in it */
#ifndef FLETCH_PY_TENSOR_H
#define FLETCH_PY_TENSOR_H

#include "dlpack.h"
#include "py_reader.h"

struct fletch_py_tensor {
    PyObject_HEAD                        /* */
        struct fletch_py_memory *memory; /* held */
    uint8_t *data;
    const struct fletch_py_dtype *dtype;
    unsigned rank;
    Py_ssize_t *shape;   /* [rank] */
    Py_ssize_t *strides; /* [rank], bytes */
    bool read_only;
};

Py_ssize_t fletch_py_tensor_count(const struct fletch_py_tensor *tensor);
/* Whether its elements lie one after the other. */
bool fletch_py_tensor_in_order(const struct fletch_py_tensor *tensor);
/* All elements, in order, into memory of their size. */
void fletch_py_tensor_copy(void *out, const struct fletch_py_tensor *tensor);

/* A copy of all elements in order, as memory of its own, held once. NULL: there is none. */
struct fletch_py_memory *fletch_py_tensor_memory(const struct fletch_py_tensor *tensor);

/* Methods of the tensor. */
PyObject *fletch_py_dlpack(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *fletch_py_dlpack_device(PyObject *self, PyObject *unused);
PyObject *fletch_py_array(PyObject *self, PyObject *args, PyObject *keywords);

#endif
