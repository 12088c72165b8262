/* SPDX-License-Identifier: MIT */
/* py_module.c - fletch._fletch: what the Python package is built upon */
#include "py_reader.h"

/* Slots of later headers than the oldest that this is built for; which of them the running
 * interpreter knows is asked at run time, as one file is for all. */
#define SLOT_INTERPRETERS 3 /* Py_mod_multiple_interpreters, since 3.12 */
#define SLOT_GIL 4          /* Py_mod_gil, since 3.13 */
#define EACH_ITS_OWN_GIL ((void *)2)
#define NO_GIL_NEEDED ((void *)1)

struct fletch_py_state *fletch_py_state(PyObject *module)
{
    return PyModule_GetState(module);
}

static PyObject *version(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(fletch_version());
}

static PyObject *model_types(size_t family)
{
    PyObject *types = PyList_New(0);
    const char *type;

    for (size_t i = 0; types && (type = fletch_family_model_type(family, i)) != NULL; i++) {
        PyObject *text = PyUnicode_FromString(type);

        if (!text || PyList_Append(types, text))
            Py_CLEAR(types);
        Py_XDECREF(text);
    }
    return types;
}

/* [(name, title, [model_type, ...]), ...] */
static PyObject *families(PyObject *module, PyObject *unused)
{
    PyObject *all = PyList_New(0);
    const char *name;

    (void)module;
    (void)unused;
    for (size_t i = 0; all && (name = fletch_family_name(i)) != NULL; i++) {
        PyObject *family =
            Py_BuildValue("(ssN)", name, fletch_family_title(i), model_types(i));

        if (!family || PyList_Append(all, family))
            Py_CLEAR(all);
        Py_XDECREF(family);
    }
    return all;
}

/* [(name, built_in, level_min, level_max, level_default), ...] */
static PyObject *codecs(PyObject *module, PyObject *unused)
{
    PyObject *all = PyList_New(0);
    struct fletch_codec_info codec;

    (void)module;
    (void)unused;
    for (size_t i = 0; all && !fletch_codec_at(&codec, i); i++) {
        PyObject *row =
            Py_BuildValue("(sNiii)", codec.name, PyBool_FromLong(codec.built_in),
                          codec.level_min, codec.level_max, codec.level_default);

        if (!row || PyList_Append(all, row))
            Py_CLEAR(all);
        Py_XDECREF(row);
    }
    return all;
}

static PyMethodDef methods[] = {
    { "version", version, METH_NOARGS, "version() -> str" },
    { "families", families, METH_NOARGS, "families() -> list of (name, title, types)" },
    { "codecs", codecs, METH_NOARGS,
      "codecs() -> list of (name, built_in, level_min, level_max, level_default)" },
    { "convert", fletch_py_convert, METH_VARARGS,
      "convert(model, out, options, follow) -> dict" },
    { "plan", fletch_py_plan, METH_VARARGS, "plan(model, options) -> dict" },
    { "verify", fletch_py_verify, METH_VARARGS,
      "verify(path, source, options, follow) -> dict" },
    { "detect", fletch_py_detect, METH_VARARGS,
      "detect(model) -> (family, model_type, evidence)" },
    { "main", fletch_py_main, METH_VARARGS,
      "main(argv) -> exit code; the command, once in a process that ends with it" },
    { "open_table", fletch_py_open_table, METH_VARARGS, "open_table(path, mmap) -> Table" },
    { NULL, NULL, 0, NULL },
};

static int fill(PyObject *module)
{
    struct fletch_py_state *state = fletch_py_state(module);

    *state = (struct fletch_py_state){ 0 };
    if (fletch_py_add_checkpoint(module, state) || fletch_py_add_tensor(module, state))
        return -1;
    return fletch_py_add_table(module, state);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct fletch_py_state *state = fletch_py_state(module);

    Py_VISIT(state->checkpoint_type);
    Py_VISIT(state->table_type);
    Py_VISIT(state->fetch_type);
    Py_VISIT(state->tensor_type);
    return 0;
}

static int clear(PyObject *module)
{
    struct fletch_py_state *state = fletch_py_state(module);

    Py_CLEAR(state->checkpoint_type);
    Py_CLEAR(state->table_type);
    Py_CLEAR(state->fetch_type);
    Py_CLEAR(state->tensor_type);
    return 0;
}

static void release(void *module)
{
    clear(module);
}

/* The longest first: an interpreter is given those slots that it knows. */
static PyModuleDef_Slot slots[] = {
    { SLOT_GIL, NO_GIL_NEEDED },
    { SLOT_INTERPRETERS, EACH_ITS_OWN_GIL },
    { Py_mod_exec, fill },
    { 0, NULL },
};

#define SINCE_GIL 0x030D0000
#define SINCE_INTERPRETERS 0x030C0000

#define MODULE(first)                                                                      \
    {                                                                                      \
        PyModuleDef_HEAD_INIT,                                                             \
            .m_name = "fletch._fletch",                                                    \
            .m_doc = "What the package fletch is built upon; use that.",                   \
            .m_size = sizeof(struct fletch_py_state), .m_methods = methods,                \
            .m_slots = slots + (first), .m_traverse = traverse, .m_clear = clear,          \
            .m_free = release                                                              \
    }

/* Interpreters share them, and change nothing in them but their reference counts, which
 * CPython keeps as they are for definitions of modules. */
static struct PyModuleDef of_3_11 = MODULE(2), of_3_12 = MODULE(1), of_3_13 = MODULE(0);

PyMODINIT_FUNC PyInit__fletch(void);
PyMODINIT_FUNC PyInit__fletch(void)
{
    if (Py_Version >= SINCE_GIL)
        return PyModuleDef_Init(&of_3_13);
    return PyModuleDef_Init(Py_Version >= SINCE_INTERPRETERS ? &of_3_12 : &of_3_11);
}
