/* SPDX-License-Identifier: MIT */
/* py_plan.c - _fletch.plan, detect and verify: what is said of a model, as dicts */
#include "fletch_py.h"

#include <stdlib.h>

#define PUT(dict, key, value) fletch_py_put(dict, key, value)
#define COUNT(value) PyLong_FromUnsignedLongLong(value)

/* One model, and what one of the three calls gives of it. */
struct question {
    char *model, *source;
    struct fletch_py_options options;
    struct fletch_plan *plan;
    struct fletch_detection detection;
    struct fletch_verification verification;
};

static void release(void *user)
{
    struct question *task = user;

    fletch_plan_close(task->plan);
    fletch_py_options_release(&task->options);
    free(task->model);
    free(task->source);
    free(task);
}

static enum fletch_status run_plan(void *user, struct fletch_py_job *job,
                                   struct fletch_error *err)
{
    struct question *task = user;

    task->options.c.cancel = fletch_py_cancelled;
    task->options.c.user = job;
    return fletch_plan_open(&task->plan, task->model, &task->options.c, err);
}

static enum fletch_status run_detect(void *user, struct fletch_py_job *job,
                                     struct fletch_error *err)
{
    struct question *task = user;

    (void)job;
    return fletch_detect(&task->detection, task->model, err);
}

static enum fletch_status run_verify(void *user, struct fletch_py_job *job,
                                     struct fletch_error *err)
{
    struct question *task = user;

    task->options.c.progress = fletch_py_follow;
    task->options.c.cancel = fletch_py_cancelled;
    task->options.c.user = job;
    return fletch_verify(&task->verification, task->model, task->source, &task->options.c,
                         err);
}

/* They change nothing, so nothing need be done about those that are left to themselves. */
static void let_be(void *user)
{
    (void)user;
}

static const struct fletch_py_work PLAN = { run_plan, release, let_be };
static const struct fletch_py_work DETECT = { run_detect, release, let_be };
static const struct fletch_py_work VERIFY = { run_verify, release, let_be };

/* `source` and `keywords` may be NULL. A capsule with the question. */
static PyObject *ask(const struct fletch_py_work *work, PyObject *model, PyObject *source,
                     PyObject *keywords, PyObject *follow)
{
    struct question *task = calloc(1, sizeof(*task));
    bool fine;

    if (!task)
        return PyErr_NoMemory();
    fine = (task->model = fletch_py_path(model)) != NULL;
    if (fine && source && source != Py_None)
        fine = (task->source = fletch_py_path(source)) != NULL;
    if (fine && keywords)
        fine = fletch_py_options_take(&task->options, keywords);
    if (!fine) {
        release(task);
        return NULL;
    }
    return fletch_py_do(work, task, follow == Py_None ? NULL : follow, model);
}

/* Appends a new reference, which may be NULL for a failure; consumes it. */
static bool append(PyObject *list, PyObject *value)
{
    bool done = value && !PyList_Append(list, value);

    Py_XDECREF(value);
    return done;
}

/* ---- Plans ---- */

static PyObject *plan_row(const struct fletch_plan_row *row)
{
    PyObject *dict = PyDict_New();

    if (dict && PUT(dict, "name", fletch_py_str(row->name)) &&
        PUT(dict, "tensor", fletch_py_str(row->tensor)) &&
        PUT(dict, "source_dtype", fletch_py_dtype(row->source_dtype)) &&
        PUT(dict, "dtype", fletch_py_dtype(row->dtype)) &&
        PUT(dict, "shape", fletch_py_shape(row->shape, row->rank)) &&
        PUT(dict, "count", COUNT(row->count)) &&
        PUT(dict, "source_size", COUNT(row->source_size)) &&
        PUT(dict, "size", COUNT(row->size)) && PUT(dict, "mask", fletch_py_str(row->mask)))
        return dict;
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *plan_rows(const struct fletch_plan *plan)
{
    PyObject *list = PyList_New(0);
    struct fletch_plan_row row;

    for (size_t i = 0; list && fletch_plan_row_at(&row, plan, i); i++)
        if (!append(list, plan_row(&row)))
            Py_CLEAR(list);
    return list;
}

static PyObject *plan_left_out(const struct fletch_plan *plan)
{
    PyObject *list = PyList_New(0);
    struct fletch_left_out left;

    for (size_t i = 0; list && fletch_plan_left_out_at(&left, plan, i); i++)
        if (!append(list, Py_BuildValue("(NN)", fletch_py_str(left.tensor),
                                        fletch_py_str(left.reason))))
            Py_CLEAR(list);
    return list;
}

static PyObject *plan_texts(const struct fletch_plan *plan,
                            const char *(*at)(const struct fletch_plan *plan, size_t i))
{
    PyObject *list = PyList_New(0);
    const char *text;

    for (size_t i = 0; list && (text = at(plan, i)) != NULL; i++)
        if (!append(list, fletch_py_str(text)))
            Py_CLEAR(list);
    return list;
}

static PyObject *plan_dict(const struct fletch_plan *plan)
{
    PyObject *dict = PyDict_New();
    struct fletch_plan_summary about;

    fletch_plan_summarise(&about, plan);
    if (dict && PUT(dict, "family", fletch_py_str(about.family)) &&
        PUT(dict, "model_type", fletch_py_str(about.model_type)) &&
        PUT(dict, "evidence", fletch_py_str(about.evidence)) &&
        PUT(dict, "format", fletch_py_str(about.format)) &&
        PUT(dict, "dialect", fletch_py_str(about.dialect)) &&
        PUT(dict, "prefix", fletch_py_str(about.prefix)) &&
        PUT(dict, "files", COUNT(about.files)) &&
        PUT(dict, "missing", COUNT(about.missing)) &&
        PUT(dict, "parameters", COUNT(about.parameters)) &&
        PUT(dict, "source_bytes", COUNT(about.source_bytes)) &&
        PUT(dict, "stored_bytes", COUNT(about.stored_bytes)) &&
        PUT(dict, "predicted_bytes", COUNT(about.predicted_bytes)) &&
        PUT(dict, "rows", plan_rows(plan)) && PUT(dict, "left_out", plan_left_out(plan)) &&
        PUT(dict, "warnings", plan_texts(plan, fletch_plan_warning)) &&
        PUT(dict, "notes", plan_texts(plan, fletch_plan_note)))
        return dict;
    Py_XDECREF(dict);
    return NULL;
}

PyObject *fletch_py_plan(PyObject *module, PyObject *args)
{
    PyObject *model, *keywords, *capsule, *dict = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO!", &model, &PyDict_Type, &keywords))
        return NULL;
    capsule = ask(&PLAN, model, NULL, keywords, Py_None);
    if (capsule)
        dict = plan_dict(((struct question *)fletch_py_task(capsule))->plan);
    Py_XDECREF(capsule);
    return dict;
}

/* ---- The other two ---- */

PyObject *fletch_py_detect(PyObject *module, PyObject *args)
{
    PyObject *model, *capsule, *found = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "O", &model))
        return NULL;
    capsule = ask(&DETECT, model, NULL, NULL, Py_None);
    if (capsule) {
        const struct question *task = fletch_py_task(capsule);

        found = Py_BuildValue("(NNN)", fletch_py_str(task->detection.family),
                              fletch_py_str(task->detection.model_type),
                              fletch_py_str(task->detection.evidence));
    }
    Py_XDECREF(capsule);
    return found;
}

PyObject *fletch_py_verify(PyObject *module, PyObject *args)
{
    PyObject *path, *source, *keywords, *follow, *capsule, *dict = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO!O", &path, &source, &PyDict_Type, &keywords, &follow))
        return NULL;
    capsule = ask(&VERIFY, path, source, keywords, follow);
    if (capsule) {
        const struct fletch_verification *found =
            &((struct question *)fletch_py_task(capsule))->verification;

        dict = Py_BuildValue("{snsKsKsnsnsnsN}", "rows", (Py_ssize_t)found->rows,
                             "parameters", (unsigned long long)found->parameters,
                             "compared_bytes", (unsigned long long)found->compared_bytes,
                             "hashes", (Py_ssize_t)found->hashes, "crcs",
                             (Py_ssize_t)found->crcs, "missing", (Py_ssize_t)found->missing,
                             "compared", PyBool_FromLong(found->compared));
    }
    Py_XDECREF(capsule);
    return dict;
}
