/* SPDX-License-Identifier: MIT */
/* py_convert.c - _fletch.convert: a conversion, and what came of it as a dict */
#include "fletch_py.h"

#include <stdlib.h>
#include <stdio.h>

struct conversion {
    char *model, *out;
    struct fletch_py_options options;
    struct fletch_result result;
};

static enum fletch_status run(void *user, struct fletch_py_job *job,
                              struct fletch_error *err)
{
    struct conversion *task = user;

    task->options.c.progress = fletch_py_follow;
    task->options.c.cancel = fletch_py_cancelled;
    task->options.c.user = job;
    return fletch_convert(&task->result, task->model, task->out, &task->options.c, err);
}

static void release(void *user)
{
    struct conversion *task = user;

    fletch_result_release(&task->result);
    fletch_py_options_release(&task->options);
    free(task->model);
    free(task->out);
    free(task);
}

static void abandon(void *user)
{
    const struct conversion *task = user;

    fletch_abandon(task->out);
}

static const struct fletch_py_work WORK = { run, release, abandon };

/* ---- The result ---- */

static PyObject *texts(char *const *all, size_t count)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list && i < count; i++) {
        PyObject *text = fletch_py_str(all[i]);

        if (!text || PyList_Append(list, text))
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

static PyObject *hex(const uint8_t sha256[32])
{
    char text[2 * 32 + 1];

    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", sha256[i]);
    return PyUnicode_FromString(text);
}

static PyObject *cast(const struct fletch_cast *cast)
{
    return Py_BuildValue(
        "{sNsKsKsKsKsKsKsdsd}", "exact", PyBool_FromLong(cast->exact), "rounded",
        (unsigned long long)cast->rounded, "flushed", (unsigned long long)cast->flushed,
        "subnormal", (unsigned long long)cast->subnormal, "overflowed",
        (unsigned long long)cast->overflowed, "nan", (unsigned long long)cast->nan,
        "beyond_float16", (unsigned long long)cast->beyond_float16, "absolute_error",
        cast->absolute_error, "relative_error", cast->relative_error);
}

static PyObject *row(const struct fletch_result_row *row)
{
    PyObject *dict = PyDict_New();

    if (dict && fletch_py_put(dict, "name", fletch_py_str(row->name)) &&
        fletch_py_put(dict, "tensor", fletch_py_str(row->tensor)) &&
        fletch_py_put(dict, "taken", fletch_py_str(row->taken)) &&
        fletch_py_put(dict, "source_dtype", fletch_py_dtype(row->source_dtype)) &&
        fletch_py_put(dict, "dtype", fletch_py_dtype(row->dtype)) &&
        fletch_py_put(dict, "shape", fletch_py_shape(row->shape, row->rank)) &&
        fletch_py_put(dict, "count", PyLong_FromUnsignedLongLong(row->count)) &&
        fletch_py_put(dict, "source_size", PyLong_FromUnsignedLongLong(row->source_size)) &&
        fletch_py_put(dict, "size", PyLong_FromUnsignedLongLong(row->size)) &&
        fletch_py_put(dict, "compressed_size",
                      PyLong_FromUnsignedLongLong(row->compressed_size)) &&
        fletch_py_put(dict, "cast", cast(&row->cast)) &&
        fletch_py_put(dict, "sha256", hex(row->sha256)) &&
        fletch_py_put(dict, "source_sha256",
                      row->certified ? hex(row->source_sha256) : fletch_py_str(NULL)))
        return dict;
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *rows(const struct fletch_result *result)
{
    PyObject *list = PyList_New(0);
    struct fletch_result_row at;

    for (size_t i = 0; list && fletch_result_row_at(&at, result, i); i++) {
        PyObject *dict = row(&at);

        if (!dict || PyList_Append(list, dict))
            Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    return list;
}

static PyObject *path_text(const char *path)
{
    return path ? PyUnicode_DecodeFSDefault(path) : fletch_py_str(NULL);
}

static PyObject *result_dict(const struct fletch_result *result)
{
    PyObject *dict = PyDict_New();

    if (dict && fletch_py_put(dict, "family", fletch_py_str(result->family)) &&
        fletch_py_put(dict, "weights_path", path_text(result->weights_path)) &&
        fletch_py_put(dict, "metadata_path", path_text(result->metadata_path)) &&
        fletch_py_put(dict, "tokenizer_path", path_text(result->tokenizer_path)) &&
        fletch_py_put(dict, "metadata_json", fletch_py_str(result->metadata_json)) &&
        fletch_py_put(dict, "warnings", texts(result->warnings, result->warnings_count)) &&
        fletch_py_put(dict, "notes", texts(result->notes, result->notes_count)) &&
        fletch_py_put(dict, "tensors", PyLong_FromSize_t(result->tensors)) &&
        fletch_py_put(dict, "left_out", PyLong_FromSize_t(result->left_out)) &&
        fletch_py_put(dict, "missing", PyLong_FromSize_t(result->missing)) &&
        fletch_py_put(dict, "parameters",
                      PyLong_FromUnsignedLongLong(result->parameters)) &&
        fletch_py_put(dict, "source_bytes",
                      PyLong_FromUnsignedLongLong(result->source_bytes)) &&
        fletch_py_put(dict, "stored_bytes",
                      PyLong_FromUnsignedLongLong(result->stored_bytes)) &&
        fletch_py_put(dict, "written_bytes",
                      PyLong_FromUnsignedLongLong(result->written_bytes)) &&
        fletch_py_put(dict, "seconds", PyFloat_FromDouble(result->seconds)) &&
        fletch_py_put(dict, "verified", PyBool_FromLong(result->verified)) &&
        fletch_py_put(dict, "passed", PyBool_FromLong(result->passed)) &&
        fletch_py_put(dict, "rows", rows(result)))
        return dict;
    Py_XDECREF(dict);
    return NULL;
}

PyObject *fletch_py_convert(PyObject *module, PyObject *args)
{
    PyObject *model, *out, *keywords, *follow, *capsule, *dict = NULL;
    struct conversion *task;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO!O", &model, &out, &PyDict_Type, &keywords, &follow))
        return NULL;
    task = calloc(1, sizeof(*task));
    if (!task)
        return PyErr_NoMemory();
    task->model = fletch_py_path(model);
    task->out = task->model ? fletch_py_path(out) : NULL;
    if (!task->out || !fletch_py_options_take(&task->options, keywords)) {
        release(task);
        return NULL;
    }
    capsule = fletch_py_do(&WORK, task, follow == Py_None ? NULL : follow, model);
    if (capsule)
        dict = result_dict(&((struct conversion *)fletch_py_task(capsule))->result);
    Py_XDECREF(capsule);
    return dict;
}
