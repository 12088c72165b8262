/* SPDX-License-Identifier: MIT */
/* torch_tensor.c - a tensor as torch pickles it: a function that would rebuild it
 *
 *     _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
 *
 * Offset, size and stride are in elements. Only the arguments are looked at.
 */
#include "torch/torch_internal.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <string.h>

/* How many layers of Parameter, subclass and so on may wrap a tensor. */
#define WRAPS_MAX 8

/* ---- Tables ---- */

struct storage_type {
    const char *name;
    enum fletch_dtype dtype; /* NONE: known, but no dtype of a row */
    unsigned width;
};

static const struct storage_type storage_types[] = {
    { "FloatStorage", FLETCH_F32, 4 },
    { "HalfStorage", FLETCH_F16, 2 },
    { "BFloat16Storage", FLETCH_BF16, 2 },
    { "DoubleStorage", FLETCH_F64, 8 },
    { "LongStorage", FLETCH_I64, 8 },
    { "IntStorage", FLETCH_I32, 4 },
    { "ShortStorage", FLETCH_I16, 2 },
    { "CharStorage", FLETCH_I8, 1 },
    { "ByteStorage", FLETCH_U8, 1 },
    { "BoolStorage", FLETCH_BOOL, 1 },
    { "ComplexFloatStorage", FLETCH_C64, 8 },
    { "ComplexDoubleStorage", FLETCH_DTYPE_NONE, 16 },
    { "QInt8Storage", FLETCH_DTYPE_NONE, 1 },
    { "QUInt8Storage", FLETCH_DTYPE_NONE, 1 },
    { "QInt32Storage", FLETCH_DTYPE_NONE, 4 },
    { "QUInt4x2Storage", FLETCH_DTYPE_NONE, 1 },
    { "QUInt2x4Storage", FLETCH_DTYPE_NONE, 1 },
    { "UntypedStorage", FLETCH_DTYPE_NONE, 1 },
};

enum form {
    FORM_VIEW,     /* arguments from the storage on; `dtype_at` */
    FORM_INNER,    /* the first argument is a tensor */
    FORM_SUBCLASS, /* (function, class, its arguments, state) */
    FORM_REFUSED
};

struct maker {
    const char *module, *name;
    enum form form;
    unsigned args_min;
    unsigned dtype_at;    /* index of the dtype; 0: the storage says */
    unsigned metadata_at; /* index of the conj and neg bits; 0: there are none */
    const char *refusal;
};

static const struct maker makers[] = {
    { "torch._utils", "_rebuild_tensor_v2", FORM_VIEW, 4, 0, 6, NULL },
    { "torch._utils", "_rebuild_tensor_v3", FORM_VIEW, 7, 6, 7, NULL },
    { "torch._utils", "_rebuild_tensor", FORM_VIEW, 4, 0, 0, NULL },
    { "torch._utils", "_rebuild_parameter", FORM_INNER, 1, 0, 0, NULL },
    { "torch._utils", "_rebuild_parameter_with_state", FORM_INNER, 1, 0, 0, NULL },
    { "torch.nn.parameter", "Parameter", FORM_INNER, 1, 0, 0, NULL },
    { "torch.nn.parameter", "Buffer", FORM_INNER, 1, 0, 0, NULL },
    { "torch.autograd.variable", "Variable", FORM_INNER, 1, 0, 0, NULL },
    { "torch._tensor", "_rebuild_from_type_v2", FORM_SUBCLASS, 3, 0, 0, NULL },
    { "torch._utils", "_rebuild_qtensor", FORM_REFUSED, 0, 0, 0, "is quantized" },
    { "torch._utils", "_rebuild_sparse_tensor", FORM_REFUSED, 0, 0, 0, "is sparse" },
    { "torch._utils", "_rebuild_sparse_csr_tensor", FORM_REFUSED, 0, 0, 0, "is sparse" },
    { "torch._utils", "_rebuild_nested_tensor", FORM_REFUSED, 0, 0, 0, "is nested" },
    { "torch._utils", "_rebuild_meta_tensor_no_storage", FORM_REFUSED, 0, 0, 0,
      "is a meta tensor without values" },
    { "torch._utils", "_rebuild_wrapper_subclass", FORM_REFUSED, 0, 0, 0,
      "is of a class of its own without a storage" },
    { "torch._utils", "_rebuild_device_tensor_from_numpy", FORM_REFUSED, 0, 0, 0,
      "is a device's tensor saved through numpy" },
    { "torch._utils", "_rebuild_device_tensor_from_cpu_tensor", FORM_REFUSED, 0, 0, 0,
      "is a device's tensor saved through another" },
    { "torch._utils", "_rebuild_xla_tensor", FORM_REFUSED, 0, 0, 0,
      "is an XLA tensor saved through numpy" },
    { "torch._utils", "_rebuild_mlc_tensor", FORM_REFUSED, 0, 0, 0,
      "is a device's tensor saved through numpy" },
};

/* Harmless globals: nothing is missed when they are not called. */
static const char *const inert[][2] = {
    { "torch", "Size" },
    { "torch", "device" },
    { "torch", "Tensor" },
    { "torch.serialization", "_get_layout" },
    { "_codecs", "encode" },
    { "builtins", "bytearray" },
    { "builtins", "set" },
    { "builtins", "complex" },
    { "__builtin__", "bytearray" },
    { "__builtin__", "set" },
    { "__builtin__", "complex" },
    { "numpy", "dtype" },
    { "numpy", "ndarray" },
    { "numpy.core.multiarray", "scalar" },
    { "numpy.core.multiarray", "_reconstruct" },
    { "numpy._core.multiarray", "scalar" },
    { "numpy._core.multiarray", "_reconstruct" },
    { "numpy.core.numeric", "_frombuffer" },
    { "numpy._core.numeric", "_frombuffer" },
    { "torch.jit._pickle", "build_intlist" },
    { "torch.jit._pickle", "build_doublelist" },
    { "torch.jit._pickle", "build_boollist" },
    { "torch.jit._pickle", "build_tensorlist" },
    { "torch.jit._pickle", "build_tensor_from_id" },
    { "torch.jit._pickle", "restore_type_tag" },
    /* classes whose objects every reader treats as dicts, and what a defaultdict is built
     * from */
    { "collections", "OrderedDict" },
    { "collections", "defaultdict" },
    { "collections", "Counter" },
    { "builtins", "dict" },
    { "__builtin__", "dict" },
    { "builtins", "list" },
    { "__builtin__", "list" },
    { "builtins", "int" },
    { "__builtin__", "int" },
    { "builtins", "float" },
    { "__builtin__", "float" },
};

static const struct maker *maker_of(const struct fletch_pickle_value *global)
{
    if (global->kind != FLETCH_PICKLE_GLOBAL)
        return NULL;
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
        if (fletch_pickle_is_global(global, makers[i].module, makers[i].name))
            return &makers[i];
    return NULL;
}

/* From torch or, before storages had the same names on every device, torch.cuda. */
static const struct storage_type *storage_type_of(const struct fletch_pickle_value *global)
{
    if (global->kind != FLETCH_PICKLE_GLOBAL ||
        (strcmp(global->module, "torch") != 0 &&
         strcmp(global->module, "torch.cuda") != 0 &&
         strcmp(global->module, "torch.storage") != 0))
        return NULL;
    for (size_t i = 0; i < sizeof(storage_types) / sizeof(storage_types[0]); i++)
        if (!strcmp(global->name, storage_types[i].name))
            return &storage_types[i];
    return NULL;
}

bool fletch_torch_knows(const struct fletch_pickle_value *global)
{
    if (maker_of(global) || storage_type_of(global))
        return true;
    for (size_t i = 0; i < sizeof(inert) / sizeof(inert[0]); i++)
        if (fletch_pickle_is_global(global, inert[i][0], inert[i][1]))
            return true;
    return false;
}

enum fletch_torch_make fletch_torch_what(const struct fletch_torch *torch, uint32_t index)
{
    const struct fletch_pickle_value *value = fletch_torch_value(torch, index), *args;
    struct fletch_torch_rebuild rebuild;

    if (value->kind == FLETCH_PICKLE_PERSISTENT && torch->tensor)
        return torch->tensor(&rebuild, torch, index) ? FLETCH_TORCH_TENSOR
                                                     : FLETCH_TORCH_NO_TENSOR;
    if (value->kind != FLETCH_PICKLE_CALL)
        return FLETCH_TORCH_NO_TENSOR;
    if (maker_of(fletch_torch_value(torch, value->callee)))
        return FLETCH_TORCH_TENSOR;
    args = fletch_torch_value(torch, value->args);
    for (uint32_t i = 0; i < args->count; i++) {
        const struct fletch_pickle_value *arg = fletch_torch_value(torch, args->items[i]);

        if (arg->kind == FLETCH_PICKLE_PERSISTENT ||
            (arg->kind == FLETCH_PICKLE_CALL &&
             maker_of(fletch_torch_value(torch, arg->callee))))
            return FLETCH_TORCH_UNSUPPORTED;
    }
    return FLETCH_TORCH_NO_TENSOR;
}

/* ---- Numbers ---- */

static enum fletch_status whole(uint64_t *out, const struct fletch_pickle_value *value,
                                const char *what, struct fletch_error *err)
{
    if (value->kind == FLETCH_PICKLE_INT && value->whole < 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %s %" PRId64 ", expected 0 or more",
                           value->at, what, value->whole);
    if (value->kind != FLETCH_PICKLE_INT)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %s is %s, expected an int of 64 bits",
                           value->at, what, fletch_pickle_kind_text(value->kind));
    *out = (uint64_t)value->whole;
    return FLETCH_OK;
}

/* A tuple of whole numbers, also as torch.Size. */
static enum fletch_status wholes(uint64_t out[FLETCH_RANK_MAX], unsigned *count,
                                 const struct fletch_torch *torch, uint32_t index,
                                 const char *what, struct fletch_error *err)
{
    const struct fletch_pickle_value *value = fletch_torch_value(torch, index), *args;

    if (value->kind == FLETCH_PICKLE_CALL &&
        fletch_pickle_is_global(fletch_torch_value(torch, value->callee), "torch",
                                "Size")) {
        args = fletch_torch_value(torch, value->args);
        if (args->count)
            value = fletch_torch_value(torch, args->items[0]);
    }
    if (value->kind != FLETCH_PICKLE_TUPLE && value->kind != FLETCH_PICKLE_LIST)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": its %s is %s, expected a tuple", value->at,
                           what, fletch_pickle_kind_text(value->kind));
    if (value->count > FLETCH_RANK_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64
                           ": %u dimensions, the limit is %d (FLETCH_RANK_MAX)",
                           value->at, value->count, FLETCH_RANK_MAX);
    *count = value->count;
    for (unsigned i = 0; i < *count; i++)
        TRY(whole(&out[i], fletch_torch_value(torch, value->items[i]), what, err));
    return FLETCH_OK;
}

/* ---- Storages ---- */

/* (key, offset, size) of a storage that is part of another one. */
static enum fletch_status read_view(struct fletch_torch_storage *out,
                                    const struct fletch_torch *torch,
                                    const struct fletch_pickle_value *view,
                                    struct fletch_error *err)
{
    if (view->kind == FLETCH_PICKLE_NONE)
        return FLETCH_OK;
    if (view->kind != FLETCH_PICKLE_TUPLE || view->count != 3)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64
                           ": a storage's view is %s, expected three values",
                           view->at, fletch_pickle_kind_text(view->kind));
    TRY(whole(&out->view_begin, fletch_torch_value(torch, view->items[1]),
              "a view's offset", err));
    TRY(whole(&out->view_count, fletch_torch_value(torch, view->items[2]), "a view's size",
              err));
    if (out->view_begin > out->count || out->view_count > out->count - out->view_begin)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %" PRIu64 " elements from %" PRIu64
                           " on of storage '%.*s', which has %" PRIu64,
                           view->at, out->view_count, out->view_begin, FLETCH_SHOWN,
                           out->key, out->count);
    return FLETCH_OK;
}

static enum fletch_status read_key(struct fletch_torch_storage *out,
                                   const struct fletch_torch *torch,
                                   const struct fletch_pickle_value *key,
                                   struct fletch_error *err)
{
    if ((key->kind != FLETCH_PICKLE_TEXT && key->kind != FLETCH_PICKLE_BYTES) ||
        memchr(key->text, 0, key->len))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64
                           ": the key of a storage is %s, expected a string",
                           key->at, fletch_pickle_kind_text(key->kind));
    out->key = fletch_arena_text(torch->list->arena, key->text, key->len);
    return out->key ? FLETCH_OK : fletch_fail_memory(err, key->len, "a storage");
}

enum fletch_status fletch_torch_storage_type(struct fletch_torch_storage *out,
                                             const struct fletch_pickle_value *global,
                                             uint64_t at, struct fletch_error *err)
{
    const struct storage_type *type = storage_type_of(global);

    if (!type && global->kind != FLETCH_PICKLE_GLOBAL)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the class of a storage is %s", at,
                           fletch_pickle_kind_text(global->kind));
    if (!type)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a storage of class %.*s.%.*s, which this "
                           "version does not know",
                           at, FLETCH_SHOWN, global->module, FLETCH_SHOWN, global->name);
    *out = (struct fletch_torch_storage){ .type = type->name,
                                          .dtype = type->dtype,
                                          .width = type->width };
    out->untyped = !strcmp(type->name, "UntypedStorage");
    return FLETCH_OK;
}

enum fletch_status fletch_torch_storage_read(struct fletch_torch_storage *out,
                                             bool *is_storage,
                                             const struct fletch_torch *torch,
                                             uint32_t index, struct fletch_error *err)
{
    const struct fletch_pickle_value *value = fletch_torch_value(torch, index);
    const struct fletch_pickle_value *id = fletch_torch_value(torch, value->id);

    *is_storage = id->kind == FLETCH_PICKLE_TUPLE && id->count &&
                  fletch_pickle_is_text(fletch_torch_value(torch, id->items[0]), "storage");
    if (!*is_storage)
        return FLETCH_OK;
    if (id->count != 5 && id->count != 6)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64
                           ": the id of a storage has %u parts, expected 5 or 6",
                           value->at, id->count);
    TRY(fletch_torch_storage_type(out, fletch_torch_value(torch, id->items[1]), value->at,
                                  err));
    TRY(read_key(out, torch, fletch_torch_value(torch, id->items[2]), err));
    TRY(whole(&out->count, fletch_torch_value(torch, id->items[4]), "the size of a storage",
              err));
    out->view_count = out->count;
    return id->count == 6
               ? read_view(out, torch, fletch_torch_value(torch, id->items[5]), err)
               : FLETCH_OK;
}

/* ---- Tensors ---- */

static enum fletch_status read_dtype(struct fletch_tensor *out,
                                     const struct fletch_torch *torch,
                                     const struct fletch_torch_storage *storage,
                                     const struct fletch_pickle_value *args,
                                     const struct maker *maker, struct fletch_error *err)
{
    const struct fletch_pickle_value *said;

    out->dtype = storage->dtype;
    if (!maker->dtype_at && out->dtype == FLETCH_DTYPE_NONE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "its elements are of a %s, which has no place in the table",
                           storage->type);
    if (!maker->dtype_at)
        return FLETCH_OK;
    said = fletch_torch_value(torch, args->items[maker->dtype_at]);
    if (said->kind != FLETCH_PICKLE_GLOBAL || strcmp(said->module, "torch") != 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": its dtype is %s, expected a name of torch's",
                           said->at, fletch_pickle_kind_text(said->kind));
    out->dtype = fletch_dtype_from_torch(said->name, strlen(said->name));
    if (out->dtype == FLETCH_DTYPE_NONE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "its dtype torch.%.*s is unknown",
                           FLETCH_SHOWN, said->name);
    if (!storage->untyped && storage->width != fletch_dtype_size(out->dtype))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "its dtype is %s, its storage a %s",
                           fletch_dtype_text(out->dtype), storage->type);
    return FLETCH_OK;
}

/* True when the elements follow each other in the order of the shape. */
static bool in_order(const uint64_t *shape, const uint64_t *strides, unsigned rank,
                     uint64_t count)
{
    uint64_t expected = 1;

    for (unsigned i = rank; i-- > 0 && count;) {
        if (shape[i] != 1 && strides[i] != expected)
            return false;
        expected *= shape[i];
    }
    return true;
}

static enum fletch_status keep(const uint64_t **out, const struct fletch_torch *torch,
                               const uint64_t *numbers, unsigned count,
                               struct fletch_error *err)
{
    uint64_t *copy =
        fletch_arena_alloc_array(torch->list->arena, count ? count : 1, sizeof(*copy));

    if (!copy)
        return fletch_fail_memory(err, count * sizeof(*copy), "a shape");
    memcpy(copy, numbers, count * sizeof(*copy));
    *out = copy;
    return FLETCH_OK;
}

/* Computes shape, strides, count and size, with the rank of `out`. */
static enum fletch_status measure(struct fletch_tensor *out,
                                  const struct fletch_torch *torch, const uint64_t *shape,
                                  const uint64_t *strides, struct fletch_error *err)
{
    TRY(fletch_measure(&out->count, &out->size, out->dtype, shape, out->rank, err));
    TRY(keep(&out->shape, torch, shape, out->rank, err));
    return in_order(shape, strides, out->rank, out->count)
               ? FLETCH_OK
               : keep(&out->strides, torch, strides, out->rank, err);
}

static enum fletch_status read_geometry(struct fletch_tensor *out,
                                        const struct fletch_torch *torch,
                                        const struct fletch_pickle_value *args,
                                        struct fletch_error *err)
{
    uint64_t shape[FLETCH_RANK_MAX], strides[FLETCH_RANK_MAX];
    unsigned strides_count;

    TRY(wholes(shape, &out->rank, torch, args->items[2], "size", err));
    TRY(wholes(strides, &strides_count, torch, args->items[3], "stride", err));
    if (strides_count != out->rank)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "has %u dimensions and %u strides",
                           out->rank, strides_count);
    return measure(out, torch, shape, strides, err);
}

/* The last element, in elements from the storage's first: false when it wraps. */
static bool reach(uint64_t *out, const struct fletch_tensor *tensor, uint64_t offset)
{
    *out = offset;
    if (!tensor->strides)
        return fletch_add(out, *out, tensor->count - 1);
    for (unsigned i = 0; i < tensor->rank; i++) {
        uint64_t more;

        if (!fletch_mul(&more, tensor->shape[i] - 1, tensor->strides[i]) ||
            !fletch_add(out, *out, more))
            return false;
    }
    return true;
}

/* Locates the first element; all elements must be in the storage, and the storage in the
 * file. */
static enum fletch_status read_place(struct fletch_tensor *out, struct fletch_torch *torch,
                                     const struct fletch_torch_storage *storage,
                                     uint64_t offset, struct fletch_error *err)
{
    uint64_t width = fletch_dtype_size(out->dtype), bytes, last;
    uint64_t seen = storage->untyped ? storage->view_count / width : storage->view_count;
    struct fletch_torch_place place;

    TRY(torch->find(&place, torch, storage, err));
    if (!fletch_mul(&bytes, storage->count, storage->width) || bytes > place.size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "storage '%.*s' of %" PRIu64 " elements has %" PRIu64
                           " bytes in the file, expected %u each",
                           FLETCH_SHOWN, storage->key, storage->count, place.size,
                           storage->width);
    out->spooled = place.spooled;
    out->big_endian = torch->big_endian && width > 1;
    out->offset = place.offset;
    if (!out->count)
        return FLETCH_OK;
    if (!reach(&last, out, offset) || last >= seen)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "reaches beyond the end of storage '%.*s', which has %" PRIu64
                           " elements",
                           FLETCH_SHOWN, storage->key, seen);
    /* both are below the storage's bytes, which do not wrap */
    out->offset += storage->view_begin * storage->width + offset * width;
    if (!out->strides && !out->big_endian && out->size == place.size)
        out->crc = place.crc;
    return FLETCH_OK;
}

static enum fletch_status read_view_of(struct fletch_tensor *out,
                                       struct fletch_torch *torch,
                                       const struct fletch_pickle_value *args,
                                       const struct maker *maker, struct fletch_error *err)
{
    const struct fletch_pickle_value *first = fletch_torch_value(torch, args->items[0]),
                                     *bits;
    struct fletch_torch_storage storage;
    bool is_storage = false;
    uint64_t offset = 0;

    if (first->kind == FLETCH_PICKLE_PERSISTENT)
        TRY(fletch_torch_storage_read(&storage, &is_storage, torch, args->items[0], err));
    if (!is_storage)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": is made of %s, expected a storage", first->at,
                           fletch_pickle_kind_text(first->kind));
    if (maker->metadata_at && args->count > maker->metadata_at) {
        bits = fletch_torch_value(torch, args->items[maker->metadata_at]);
        if (bits->kind != FLETCH_PICKLE_NONE &&
            !(bits->kind == FLETCH_PICKLE_DICT && !bits->count))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "byte %" PRIu64 ": is stored conjugated or negated",
                               bits->at);
    }
    TRY(read_dtype(out, torch, &storage, args, maker, err));
    TRY(whole(&offset, fletch_torch_value(torch, args->items[1]), "its offset", err));
    TRY(read_geometry(out, torch, args, err));
    return read_place(out, torch, &storage, offset, err);
}

enum fletch_status fletch_torch_rebuild_read(struct fletch_tensor *out,
                                             struct fletch_torch *torch,
                                             const struct fletch_torch_rebuild *rebuild,
                                             struct fletch_error *err)
{
    const struct maker plain = { 0 };

    TRY(read_dtype(out, torch, &rebuild->storage, NULL, &plain, err));
    out->rank = rebuild->rank;
    TRY(measure(out, torch, rebuild->shape, rebuild->strides, err));
    return read_place(out, torch, &rebuild->storage, rebuild->offset, err);
}

static enum fletch_status refuse_quantized(const struct fletch_pickle_value *global,
                                           struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "is quantized (%.*s.%.*s): dequantize the model and save it first, "
                       "or start from the model before it was quantized",
                       FLETCH_SHOWN, global->module, FLETCH_SHOWN, global->name);
}

/* The function that builds the value, and its arguments; `args` has as many as it needs. */
static enum fletch_status
unwrap(const struct maker **maker, const struct fletch_pickle_value **args,
       const struct fletch_torch *torch, const struct fletch_pickle_value *callee,
       const struct fletch_pickle_value *given, struct fletch_error *err)
{
    *maker = maker_of(callee);
    *args = given;
    if (fletch_torch_quantizes(callee))
        return refuse_quantized(callee, err);
    if (!*maker && callee->kind == FLETCH_PICKLE_GLOBAL)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": is made by %.*s.%.*s, which is not called",
                           callee->at, FLETCH_SHOWN, callee->module, FLETCH_SHOWN,
                           callee->name);
    if (!*maker)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": is made by %s, expected a function",
                           callee->at, fletch_pickle_kind_text(callee->kind));
    if ((*maker)->form == FORM_REFUSED)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "%s, which is not read",
                           (*maker)->refusal);
    if (given->kind != FLETCH_PICKLE_TUPLE || given->count < (*maker)->args_min)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %s has %u arguments, expected %u at least",
                           given->at, (*maker)->name,
                           given->kind == FLETCH_PICKLE_TUPLE ? given->count : 0,
                           (*maker)->args_min);
    if ((*maker)->form != FORM_SUBCLASS)
        return FLETCH_OK;
    /* (function, class, its arguments, state): nested only once */
    callee = fletch_torch_value(torch, given->items[0]);
    if (fletch_torch_quantizes(fletch_torch_value(torch, given->items[1])))
        return refuse_quantized(fletch_torch_value(torch, given->items[1]), err);
    given = fletch_torch_value(torch, given->items[2]);
    if (maker_of(callee) && maker_of(callee)->form == FORM_SUBCLASS)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": is a class within a class", callee->at);
    return unwrap(maker, args, torch, callee, given, err);
}

enum fletch_status fletch_torch_tensor_read(struct fletch_tensor *out,
                                            struct fletch_torch *torch, uint32_t index,
                                            struct fletch_error *err)
{
    const struct fletch_pickle_value *args;
    struct fletch_torch_rebuild rebuild;
    const struct maker *maker;

    for (int i = 0; i < WRAPS_MAX; i++) {
        const struct fletch_pickle_value *value = fletch_torch_value(torch, index);

        if (value->kind == FLETCH_PICKLE_PERSISTENT && torch->tensor &&
            torch->tensor(&rebuild, torch, index))
            return fletch_torch_rebuild_read(out, torch, &rebuild, err);
        if (value->kind != FLETCH_PICKLE_CALL)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": found %s, expected a tensor", value->at,
                               fletch_pickle_kind_text(value->kind));
        TRY(unwrap(&maker, &args, torch, fletch_torch_value(torch, value->callee),
                   fletch_torch_value(torch, value->args), err));
        if (maker->form == FORM_VIEW)
            return read_view_of(out, torch, args, maker, err);
        index = args->items[0];
    }
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "byte %" PRIu64
                       ": wrapped more often than the limit, %d (WRAPS_MAX)",
                       fletch_torch_value(torch, index)->at, WRAPS_MAX);
}
