/* SPDX-License-Identifier: MIT */
/* py_main.c - _fletch.main: the command itself, for `fletch` and `python -m fletch` */
#include "fletch_py.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>

/* As it would be without Python, which only notes an interrupt. */
static void leave_signals(void)
{
    struct sigaction old;

    if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
        signal(SIGINT, SIG_DFL);
}

PyObject *fletch_py_main(PyObject *module, PyObject *args)
{
    PyObject *words;
    Py_ssize_t count;
    char **argv;
    int code = -1;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &words))
        return NULL;
    count = PyList_Size(words);
    argv = count < INT_MAX ? calloc((size_t)count + 1, sizeof(*argv)) : NULL;
    if (!argv)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *word = PyList_GetItem(words, i);

        argv[i] = word ? fletch_py_path(word) : NULL;
        if (!argv[i])
            goto done;
    }
    leave_signals();
    Py_BEGIN_ALLOW_THREADS code = fletch_command_main((int)count, argv);
    Py_END_ALLOW_THREADS done : for (Py_ssize_t i = 0; i < count; i++) free(argv[i]);
    free(argv);
    return code < 0 ? NULL : PyLong_FromLong(code);
}
