/* SPDX-License-Identifier: MIT */
/* py_values.c - from C to Python and back: errors, texts, paths */
#include "fletch_py.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Errors ---- */

PyObject *fletch_py_raise(const struct fletch_error *err, PyObject *path)
{
    PyObject *errors = PyImport_ImportModule("fletch._errors"), *message, *error = NULL;

    /* names in a message are a checkpoint's: it may have been cut within a character */
    message =
        PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    if (errors && message)
        error = PyObject_CallMethod(errors, "make", "sOO", fletch_status_name(err->status),
                                    message, path ? path : Py_None);
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(errors);
    Py_XDECREF(message);
    Py_XDECREF(error);
    return NULL;
}

PyObject *fletch_py_fail(enum fletch_status status, PyObject *path, const char *format, ...)
{
    struct fletch_error err = { .status = status };
    va_list values;

    va_start(values, format);
    vsnprintf(err.message, sizeof(err.message), format, values);
    va_end(values);
    return fletch_py_raise(&err, path);
}

/* ---- Arguments ---- */

static char *copy_of(const char *text, size_t size)
{
    char *copy = malloc(size + 1);

    if (!copy) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

char *fletch_py_path(PyObject *path)
{
    PyObject *bytes;
    char *copy = NULL;

    /* it also sees to it that there is no NUL within */
    if (!PyUnicode_FSConverter(path, &bytes))
        return NULL;
    copy = copy_of(PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
    Py_DECREF(bytes);
    return copy;
}

char *fletch_py_text(PyObject *text, const char *what)
{
    const char *utf8;
    Py_ssize_t size;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what, Py_TYPE(text));
        return NULL;
    }
    utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8)
        return NULL;
    if (memchr(utf8, 0, (size_t)size)) {
        PyErr_Format(PyExc_ValueError, "%s has a null character in it", what);
        return NULL;
    }
    return copy_of(utf8, (size_t)size);
}

/* ---- Values ---- */

/* Whatever bytes a name has, they come out again by os.fsencode. */
PyObject *fletch_py_str(const char *text)
{
    if (!text)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

PyObject *fletch_py_shape(const uint64_t *shape, unsigned rank)
{
    PyObject *all = PyTuple_New((Py_ssize_t)rank);

    for (unsigned i = 0; all && i < rank; i++) {
        PyObject *extent = PyLong_FromUnsignedLongLong(shape[i]);

        if (!extent || PyTuple_SetItem(all, (Py_ssize_t)i, extent))
            Py_CLEAR(all);
    }
    return all;
}

PyObject *fletch_py_dtype(const char *dtype)
{
    static const char torch[] = "torch.";
    const size_t len = sizeof(torch) - 1;

    if (dtype && !strncmp(dtype, torch, len))
        dtype += len;
    return fletch_py_str(dtype);
}

bool fletch_py_put(PyObject *dict, const char *key, PyObject *value)
{
    bool done = value && !PyDict_SetItemString(dict, key, value);

    Py_XDECREF(value);
    return done;
}
