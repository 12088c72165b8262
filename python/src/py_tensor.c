/* SPDX-License-Identifier: MIT */
/* py_tensor.c - tensors that hold memory of their own: attributes, buffers, indices
 *
 * What they hold outlives the file that it was read from. py_dlpack.c hands them to array
 * libraries.
 */
#include "py_tensor.h"

#include <stdlib.h>
#include <string.h>

/* ---- Element types ---- */

static const struct fletch_py_dtype DTYPES[] = {
    { "float32", 4, "f", kDLFloat, 'f' },
    { "float16", 2, "e", kDLFloat, 'f' },
    { "bfloat16", 2, NULL, kDLBfloat, 'f' },
    { "float64", 8, "d", kDLFloat, 'f' },
    { "int64", 8, "q", kDLInt, 'i' },
    { "int32", 4, "i", kDLInt, 'i' },
    { "int16", 2, "h", kDLInt, 'i' },
    { "int8", 1, "b", kDLInt, 'i' },
    { "uint8", 1, "B", kDLUInt, 'u' },
    { "uint16", 2, "H", kDLUInt, 'u' },
    { "uint32", 4, "I", kDLUInt, 'u' },
    { "uint64", 8, "Q", kDLUInt, 'u' },
    { "bool", 1, "?", kDLBool, 'b' },
    { "complex64", 8, "Zf", kDLComplex, 'c' },
    { "float8_e4m3fn", 1, NULL, kDLFloat8_e4m3fn, 'f' },
    { "float8_e5m2", 1, NULL, kDLFloat8_e5m2, 'f' },
    { "float8_e8m0fnu", 1, NULL, kDLFloat8_e8m0fnu, 'f' },
    { "float8_e4m3fnuz", 1, NULL, kDLFloat8_e4m3fnuz, 'f' },
    { "float8_e5m2fnuz", 1, NULL, kDLFloat8_e5m2fnuz, 'f' },
};
#define DTYPES_COUNT (sizeof(DTYPES) / sizeof(DTYPES[0]))

const struct fletch_py_dtype *fletch_py_dtype_find(const char *name)
{
    static const char torch[] = "torch.";

    if (!strncmp(name, torch, sizeof(torch) - 1))
        name += sizeof(torch) - 1;
    for (size_t i = 0; i < DTYPES_COUNT; i++)
        if (!strcmp(DTYPES[i].name, name))
            return &DTYPES[i];
    return NULL;
}

const struct fletch_py_dtype *fletch_py_dtype_of(const char *label, uint64_t count,
                                                 uint64_t size)
{
    const struct fletch_py_dtype *dtype = fletch_py_dtype_find(label);

    if (!dtype || !count || size / count == dtype->size)
        return dtype;
    /* the first of each kind and width is the usual one */
    for (size_t i = 0; i < DTYPES_COUNT; i++)
        if (DTYPES[i].kind == dtype->kind && DTYPES[i].size == size / count)
            return &DTYPES[i];
    return NULL;
}

/* ---- Making them ---- */

static struct fletch_py_tensor *make(PyTypeObject *type, struct fletch_py_memory *memory,
                                     unsigned rank)
{
    struct fletch_py_tensor *tensor = PyObject_New(struct fletch_py_tensor, type);

    if (!tensor)
        return NULL;
    tensor->memory = NULL;
    tensor->rank = rank;
    tensor->shape = PyMem_Calloc(2 * rank + 1, sizeof(*tensor->shape));
    if (!tensor->shape) {
        Py_DECREF(tensor);
        PyErr_NoMemory();
        return NULL;
    }
    tensor->strides = tensor->shape + rank;
    fletch_py_memory_hold(memory);
    tensor->memory = memory;
    tensor->read_only = memory->file != NULL;
    return tensor;
}

PyObject *fletch_py_tensor(struct fletch_py_state *state, struct fletch_py_memory *memory,
                           const void *data, const struct fletch_py_dtype *dtype,
                           const uint64_t *shape, unsigned rank)
{
    struct fletch_py_tensor *tensor = make(state->tensor_type, memory, rank);
    Py_ssize_t stride = (Py_ssize_t)dtype->size;

    if (!tensor)
        return NULL;
    tensor->data = (uint8_t *)(uintptr_t)data;
    tensor->dtype = dtype;
    for (unsigned i = rank; i-- > 0;) {
        tensor->shape[i] = (Py_ssize_t)shape[i];
        tensor->strides[i] = stride;
        stride *= shape[i] ? (Py_ssize_t)shape[i] : 1;
    }
    return (PyObject *)tensor;
}

static void tensor_dealloc(PyObject *self)
{
    struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyMem_Free(tensor->shape);
    fletch_py_memory_drop(tensor->memory);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---- What they are ---- */

Py_ssize_t fletch_py_tensor_count(const struct fletch_py_tensor *tensor)
{
    Py_ssize_t count = 1;

    for (unsigned i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    return count;
}

bool fletch_py_tensor_in_order(const struct fletch_py_tensor *tensor)
{
    Py_ssize_t stride = (Py_ssize_t)tensor->dtype->size;

    if (!fletch_py_tensor_count(tensor))
        return true;
    for (unsigned i = tensor->rank; i-- > 0;) {
        if (tensor->shape[i] != 1 && tensor->strides[i] != stride)
            return false;
        stride *= tensor->shape[i];
    }
    return true;
}

static PyObject *tuple_of(const Py_ssize_t *numbers, unsigned count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);

    for (unsigned i = 0; tuple && i < count; i++) {
        PyObject *number = PyLong_FromSsize_t(numbers[i]);

        if (!number || PyTuple_SetItem(tuple, (Py_ssize_t)i, number))
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *get_dtype(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((struct fletch_py_tensor *)self)->dtype->name);
}

static PyObject *get_shape(PyObject *self, void *unused)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;

    (void)unused;
    return tuple_of(tensor->shape, tensor->rank);
}

static PyObject *get_strides(PyObject *self, void *unused)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;

    (void)unused;
    return tuple_of(tensor->strides, tensor->rank);
}

static PyObject *get_ndim(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((struct fletch_py_tensor *)self)->rank);
}

static PyObject *get_itemsize(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((struct fletch_py_tensor *)self)->dtype->size);
}

static PyObject *get_size(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(fletch_py_tensor_count((struct fletch_py_tensor *)self));
}

static PyObject *get_nbytes(PyObject *self, void *unused)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;

    (void)unused;
    return PyLong_FromSsize_t(fletch_py_tensor_count(tensor) *
                              (Py_ssize_t)tensor->dtype->size);
}

static PyObject *get_read_only(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((struct fletch_py_tensor *)self)->read_only);
}

static PyGetSetDef getset[] = {
    { "dtype", get_dtype, NULL, "the element type's name: \"float16\"", NULL },
    { "shape", get_shape, NULL, "elements, outermost first", NULL },
    { "strides", get_strides, NULL, "bytes between neighbours, of each dimension", NULL },
    { "ndim", get_ndim, NULL, "the number of dimensions", NULL },
    { "itemsize", get_itemsize, NULL, "bytes of an element", NULL },
    { "size", get_size, NULL, "the number of elements", NULL },
    { "nbytes", get_nbytes, NULL, "bytes of all elements", NULL },
    { "readonly", get_read_only, NULL, "whether it lies in a mapped file", NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyObject *tensor_repr(PyObject *self)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    PyObject *shape = tuple_of(tensor->shape, tensor->rank), *text = NULL;

    if (shape)
        text = PyUnicode_FromFormat("<fletch.Tensor %s %R>", tensor->dtype->name, shape);
    Py_XDECREF(shape);
    return text;
}

/* ---- The buffer protocol ---- */

/* Whether its elements lie one after the other with the first dimension the fastest. */
static bool in_fortran_order(const struct fletch_py_tensor *tensor)
{
    Py_ssize_t stride = (Py_ssize_t)tensor->dtype->size;

    for (unsigned i = 0; fletch_py_tensor_count(tensor) && i < tensor->rank; i++) {
        if (tensor->shape[i] != 1 && tensor->strides[i] != stride)
            return false;
        stride *= tensor->shape[i];
    }
    return true;
}

static bool asks(int flags, int for_what)
{
    return (flags & for_what) == for_what;
}

/* Whether it is in the order that is asked for. */
static bool is_laid_out(const struct fletch_py_tensor *tensor, int flags)
{
    bool in_order = fletch_py_tensor_in_order(tensor), fortran = in_fortran_order(tensor);

    if (!asks(flags, PyBUF_STRIDES) || asks(flags, PyBUF_C_CONTIGUOUS))
        return in_order;
    if (asks(flags, PyBUF_F_CONTIGUOUS))
        return fortran;
    return !asks(flags, PyBUF_ANY_CONTIGUOUS) || in_order || fortran;
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;

    view->obj = NULL;
    if (!tensor->dtype->format) {
        PyErr_Format(PyExc_BufferError,
                     "buffers have no %s: take it by DLPack, or as integers, "
                     "tensor.view('uint%u')",
                     tensor->dtype->name, 8 * tensor->dtype->size);
        return -1;
    }
    if ((flags & PyBUF_WRITABLE) && tensor->read_only) {
        PyErr_SetString(PyExc_BufferError, "the tensor lies in a mapped file: read only");
        return -1;
    }
    if (!is_laid_out(tensor, flags)) {
        PyErr_SetString(PyExc_BufferError, "the tensor's elements do not lie in the order "
                                           "that is asked for: tensor.copy() has them in "
                                           "order, outermost dimension first");
        return -1;
    }
    *view = (Py_buffer){ .buf = tensor->data,
                         .obj = Py_NewRef(self),
                         .len = fletch_py_tensor_count(tensor) *
                                (Py_ssize_t)tensor->dtype->size,
                         .itemsize = (Py_ssize_t)tensor->dtype->size,
                         .readonly = tensor->read_only,
                         .ndim = (int)tensor->rank };
    if (asks(flags, PyBUF_FORMAT))
        view->format = (char *)(uintptr_t)tensor->dtype->format;
    if (asks(flags, PyBUF_ND))
        view->shape = tensor->shape;
    if (asks(flags, PyBUF_STRIDES))
        view->strides = tensor->strides;
    return 0;
}

/* ---- Parts and views: tensors on the same memory ---- */

/* The dimensions that `index` picks, one by one. */
struct pick {
    const struct fletch_py_tensor *from;
    struct fletch_py_tensor *to;
    unsigned at, made; /* dimensions of both that are done */
};

static int pick_slice(struct pick *pick, PyObject *index)
{
    Py_ssize_t start, stop, step, stride = pick->from->strides[pick->at];

    if (PySlice_Unpack(index, &start, &stop, &step))
        return -1;
    pick->to->shape[pick->made] =
        PySlice_AdjustIndices(pick->from->shape[pick->at], &start, &stop, step);
    if (pick->to->shape[pick->made])
        pick->to->data += start * stride;
    /* of one element no step is taken: it may be too long to be counted in bytes */
    pick->to->strides[pick->made] =
        pick->to->shape[pick->made] > 1 ? stride * step : stride;
    pick->made++;
    pick->at++;
    return 0;
}

static int pick_one(struct pick *pick, PyObject *index)
{
    Py_ssize_t length = pick->from->shape[pick->at], i;

    i = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred())
        return -1;
    if (i < -length || i >= length) {
        PyErr_Format(PyExc_IndexError, "index %zd is out of range for dimension %u of %zd",
                     i, pick->at, length);
        return -1;
    }
    pick->to->data += (i < 0 ? i + length : i) * pick->from->strides[pick->at++];
    return 0;
}

static void pick_all(struct pick *pick, unsigned until)
{
    while (pick->at < until) {
        pick->to->shape[pick->made] = pick->from->shape[pick->at];
        pick->to->strides[pick->made++] = pick->from->strides[pick->at++];
    }
}

static int pick_next(struct pick *pick, PyObject *index, unsigned behind)
{
    if (index == Py_Ellipsis) {
        if (behind <= pick->from->rank)
            pick_all(pick, pick->from->rank - behind);
        return 0;
    }
    if (pick->at == pick->from->rank) {
        PyErr_Format(PyExc_IndexError, "too many indices: the tensor has %u dimensions",
                     pick->from->rank);
        return -1;
    }
    if (PySlice_Check(index))
        return pick_slice(pick, index);
    if (PyIndex_Check(index))
        return pick_one(pick, index);
    PyErr_Format(
        PyExc_TypeError,
        "indices are integers, slices and ..., not %R: numpy.asarray(tensor) takes "
        "others",
        (PyObject *)Py_TYPE(index));
    return -1;
}

static PyObject *subscript(PyObject *self, PyObject *index)
{
    struct pick pick = { .from = (struct fletch_py_tensor *)self };
    bool several = PyTuple_Check(index), dots = false;
    Py_ssize_t count = several ? PyTuple_Size(index) : 1;

    pick.to = make(Py_TYPE(self), pick.from->memory, pick.from->rank);
    if (!pick.to)
        return NULL;
    pick.to->data = pick.from->data;
    pick.to->dtype = pick.from->dtype;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = several ? PyTuple_GetItem(index, i) : index;

        if (one == Py_Ellipsis && dots) {
            PyErr_SetString(PyExc_IndexError, "only one ... in an index");
            count = -1;
        } else if (pick_next(&pick, one, (unsigned)(count - i - 1))) {
            count = -1;
        }
        dots |= one == Py_Ellipsis;
    }
    if (count < 0) {
        Py_DECREF(pick.to);
        return NULL;
    }
    pick_all(&pick, pick.from->rank);
    pick.to->rank = pick.made;
    return (PyObject *)pick.to;
}

static Py_ssize_t length(PyObject *self)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;

    if (tensor->rank)
        return tensor->shape[0];
    PyErr_SetString(PyExc_TypeError, "a tensor without dimensions has no length");
    return -1;
}

static PyObject *view(PyObject *self, PyObject *args)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    const struct fletch_py_dtype *dtype;
    struct fletch_py_tensor *other;
    const char *name;

    if (!PyArg_ParseTuple(args, "s:view", &name))
        return NULL;
    dtype = fletch_py_dtype_find(name);
    if (!dtype || dtype->size != tensor->dtype->size)
        return PyErr_Format(PyExc_ValueError, "view: %s is %s, expected a type of %u bytes",
                            name, dtype ? "wider or narrower" : "not known",
                            tensor->dtype->size);
    other = (struct fletch_py_tensor *)subscript(self, Py_Ellipsis);
    if (other)
        other->dtype = dtype;
    return (PyObject *)other;
}

static PyObject *tobytes(PyObject *self, PyObject *unused)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    Py_ssize_t size = fletch_py_tensor_count(tensor) * (Py_ssize_t)tensor->dtype->size;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    char *out = bytes ? PyBytes_AsString(bytes) : NULL;

    (void)unused;
    if (!out)
        return NULL;
    Py_BEGIN_ALLOW_THREADS fletch_py_tensor_copy(out, tensor);
    Py_END_ALLOW_THREADS return bytes;
}

struct fletch_py_memory *fletch_py_tensor_memory(const struct fletch_py_tensor *tensor)
{
    struct fletch_py_memory *memory = calloc(1, sizeof(*memory));
    size_t size = (size_t)fletch_py_tensor_count(tensor) * tensor->dtype->size;

    if (!memory)
        return NULL;
    memory->holders = 1;
    memory->bytes = fletch_py_alloc(size ? size : 1);
    if (!memory->bytes) {
        fletch_py_memory_drop(memory);
        return NULL;
    }
    fletch_py_tensor_copy(memory->bytes, tensor);
    return memory;
}

static PyObject *copy(PyObject *self, PyObject *unused)
{
    const struct fletch_py_tensor *tensor = (struct fletch_py_tensor *)self;
    Py_ssize_t stride = (Py_ssize_t)tensor->dtype->size;
    struct fletch_py_memory *memory;
    struct fletch_py_tensor *other;

    (void)unused;
    Py_BEGIN_ALLOW_THREADS memory = fletch_py_tensor_memory(tensor);
    Py_END_ALLOW_THREADS if (!memory) return PyErr_NoMemory();
    other = make(Py_TYPE(self), memory, tensor->rank);
    fletch_py_memory_drop(memory);
    if (!other)
        return NULL;
    other->data = memory->bytes;
    other->dtype = tensor->dtype;
    for (unsigned i = tensor->rank; i-- > 0;) {
        other->shape[i] = tensor->shape[i];
        other->strides[i] = stride;
        stride *= tensor->shape[i];
    }
    return (PyObject *)other;
}

static PyObject *contiguous(PyObject *self, PyObject *unused)
{
    if (fletch_py_tensor_in_order((struct fletch_py_tensor *)self))
        return Py_NewRef(self);
    return copy(self, unused);
}

/* Elements of the last dimensions, which lie together, at once; the others one by one. */
void fletch_py_tensor_copy(void *out, const struct fletch_py_tensor *tensor)
{
    Py_ssize_t at[FLETCH_PY_RANK_MAX] = { 0 }, run = (Py_ssize_t)tensor->dtype->size;
    const uint8_t *from = tensor->data;
    unsigned outer = tensor->rank;
    uint8_t *to = out;

    if (!fletch_py_tensor_count(tensor))
        return;
    while (outer && tensor->strides[outer - 1] == run)
        run *= tensor->shape[--outer];
    for (;;) {
        unsigned i = outer;

        memcpy(to, from, (size_t)run);
        to += run;
        while (i && ++at[i - 1] == tensor->shape[i - 1]) {
            i--;
            from -= (tensor->shape[i] - 1) * tensor->strides[i];
            at[i] = 0;
        }
        if (!i)
            return;
        from += tensor->strides[i - 1];
    }
}

#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    { "view", view, METH_VARARGS, "view(dtype): the same bytes as another type as wide" },
    { "copy", copy, METH_NOARGS, "copy(): one in memory of its own" },
    { "contiguous", contiguous, METH_NOARGS,
      "contiguous(): itself, or a copy of a part whose elements do not lie in order" },
    { "tobytes", tobytes, METH_NOARGS, "a copy of the elements, in order" },
    { "__array__", WITH_KEYWORDS(fletch_py_array), METH_VARARGS | METH_KEYWORDS, NULL },
    { "__dlpack__", WITH_KEYWORDS(fletch_py_dlpack), METH_VARARGS | METH_KEYWORDS,
      "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)" },
    { "__dlpack_device__", fletch_py_dlpack_device, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, "A tensor: DLPack, the buffer protocol, indices of numbers and slices.\n\n"
                 "Its memory outlives the file that it was read from." },
    { Py_tp_dealloc, tensor_dealloc },
    { Py_tp_repr, tensor_repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_bf_getbuffer, get_buffer },
    { Py_mp_subscript, subscript },
    { Py_mp_length, length },
    { 0, NULL },
};

static PyType_Spec spec = {
    .name = "fletch.Tensor",
    .basicsize = sizeof(struct fletch_py_tensor),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int fletch_py_add_tensor(PyObject *module, struct fletch_py_state *state)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);

    if (!type)
        return -1;
    state->tensor_type = (PyTypeObject *)type;
    return PyModule_AddObjectRef(module, "Tensor", type);
}
