/* SPDX-License-Identifier: MIT */
/* fletch_py.h - what the files of the Python module share: state, errors, work in threads
 *
 * The module stands over <fletch/fletch.h> alone. Built against the limited API it is one
 * file for CPython 3.11 and all later ones. It keeps nothing of Python's in globals, so
 * each interpreter has a copy of its own.
 */
#ifndef FLETCH_PY_H
#define FLETCH_PY_H

#include <Python.h>

#include <fletch/fletch.h>

#include <stdbool.h>
#include <stdint.h>

/* Of a module object: what fletch_py_state gives. */
struct fletch_py_state {
    PyTypeObject *checkpoint_type;
    /* The reader's types. */
    PyTypeObject *table_type, *fetch_type, *tensor_type;
};

struct fletch_py_state *fletch_py_state(PyObject *module);

/* ---- Errors ---- */

/* Raises the exception that goes with the failure, of fletch._errors; `path` is what
 * the caller called the thing, or NULL. Always NULL. */
PyObject *fletch_py_raise(const struct fletch_error *err, PyObject *path);
/* The same for a sentence of this module's own. */
PyObject *fletch_py_fail(enum fletch_status status, PyObject *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Arguments ---- */

/* Copies, to be freed by free(). NULL with an exception. */
/* Of a path, from str, bytes or os.PathLike, as the system takes it. */
char *fletch_py_path(PyObject *path);
/* Of a str, as UTF-8. TypeError names `what`; ValueError for one with a NUL in it. */
char *fletch_py_text(PyObject *text, const char *what);

/* The library's options with strings of their own: work may outlive the call. */
struct fletch_py_options {
    struct fletch_options c;
    char *texts[4]; /* [texts_count] */
    size_t texts_count;
    char **set; /* ends with NULL; NULL: none */
};

/* From a dict of Python's keywords; what is None is left as it is. False with TypeError, or
 * the error of a value out of range; to be released either way. */
bool fletch_py_options_take(struct fletch_py_options *out, PyObject *keywords);
void fletch_py_options_release(struct fletch_py_options *options);

/* ---- Values: new references, None for NULL ---- */

PyObject *fletch_py_str(const char *text);
PyObject *fletch_py_shape(const uint64_t *shape, unsigned rank);
/* "torch.float16" as "float16". */
PyObject *fletch_py_dtype(const char *dtype);

/* Puts a new reference, which may be NULL for a failure, into a dict; consumes it. */
bool fletch_py_put(PyObject *dict, const char *key, PyObject *value);

/* ---- Work ----
 *
 * Work that takes long runs in a thread that never calls Python. The Python thread that
 * asked for it waits without the GIL, and looks up every few moments: at signals and at
 * what the work has to tell. So a busy interpreter never slows the work down, and Ctrl-C
 * always gets through.
 */

struct fletch_py_job;

struct fletch_py_work {
    /* Does it; runs without the GIL, in any thread. */
    enum fletch_status (*run)(void *task, struct fletch_py_job *job,
                              struct fletch_error *err);
    /* Frees the task; in any thread, with the GIL or without. */
    void (*release)(void *task);
    /* Of cancelled work that does not end: sees to it that nothing comes of it. The
     * thread is left to itself then. NULL: it is waited for. */
    void (*abandon)(void *task);
};

/* Does the work with `task`, which is the job's from now on. `follow`, unless NULL, is
 * called in this thread as follow(stage, done, total, tensors_done, tensors_total, text).
 *
 * A new reference to a capsule that holds the task until it is destroyed, or NULL: with the
 * work's error raised, or with the exception of a signal handler or of `follow`; then the
 * work was cancelled and has come to its end, or been abandoned. `path`: see
 * fletch_py_raise. */
PyObject *fletch_py_do(const struct fletch_py_work *work, void *task, PyObject *follow,
                       PyObject *path);
/* The task in that capsule. */
void *fletch_py_task(PyObject *capsule);

/* What work hands to the library. */
void fletch_py_follow(const struct fletch_progress *progress, void *job);
bool fletch_py_cancelled(void *job);

/* ---- The command ---- */

/* The command line, which is linked into the module: see cli/args.h. */
int fletch_command_main(int argc, char **argv);

/* ---- What the files add to the module ---- */

/* METH_VARARGS functions of the module. */
PyObject *fletch_py_convert(PyObject *module, PyObject *args);
PyObject *fletch_py_plan(PyObject *module, PyObject *args);
PyObject *fletch_py_verify(PyObject *module, PyObject *args);
PyObject *fletch_py_detect(PyObject *module, PyObject *args);
PyObject *fletch_py_main(PyObject *module, PyObject *args);

/* Adds a file's types to the module and its state; -1 with an exception. */
int fletch_py_add_checkpoint(PyObject *module, struct fletch_py_state *state);

#endif
