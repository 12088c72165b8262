/* SPDX-License-Identifier: MIT */
/* translate.c - see translate.h
 *
 * A part of a tensor is a tensor that begins later, a transposed one has its strides
 * exchanged: no byte moves, and every reader of tensors handles both.
 */
#include "model/translate.h"

#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct translation {
    struct fletch_model *model;
    struct fletch_checkpoint *checkpoint;
    const struct fletch_dialect *dialect;
    const char *prefix;
    struct fletch_tensor *tensors; /* [count] */
    size_t count;
    struct fletch_error *err;
};

/* ---- Tensors ---- */

/* The bytes from the first element to the one `rows` further along the first dimension. The
 * whole tensor fits 64 bits, so a part of it does. */
static uint64_t rows_size(const struct fletch_tensor *tensor, uint64_t rows)
{
    uint64_t width = fletch_dtype_size(tensor->dtype);

    if (tensor->strides)
        return rows * tensor->strides[0] * width;
    return tensor->shape[0] ? tensor->size / tensor->shape[0] * rows : 0;
}

static enum fletch_status cut(struct fletch_tensor *out, const struct fletch_tensor *tensor,
                              unsigned split, unsigned splits,
                              const struct translation *translation)
{
    struct fletch_arena *arena = &translation->checkpoint->arena;
    uint64_t *shape = fletch_arena_alloc_array(arena, tensor->rank, sizeof(*shape));
    uint64_t rows = tensor->shape[0] / splits;

    if (shape)
        out->taken =
            fletch_arena_format(arena, "rows %" PRIu64 " to %" PRIu64 " of %" PRIu64,
                                split * rows, (split + 1) * rows, tensor->shape[0]);
    if (!shape || !out->taken)
        return fletch_fail_memory(translation->err, sizeof(*shape), "a shape");
    if (!fletch_dtype_size(tensor->dtype))
        return fletch_fail(translation->err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': %s in %u parts, expected whole bytes",
                           FLETCH_SHOWN, tensor->name, fletch_dtype_text(tensor->dtype),
                           splits);
    memcpy(shape, tensor->shape, tensor->rank * sizeof(*shape));
    shape[0] = rows;
    out->shape = shape;
    out->count = tensor->count / splits;
    out->size = tensor->size / splits;
    if (tensor->count)
        out->offset += rows_size(tensor, split * rows);
    return FLETCH_OK;
}

static enum fletch_status turn(struct fletch_tensor *out,
                               const struct translation *translation)
{
    uint64_t *both =
        fletch_arena_alloc_array(&translation->checkpoint->arena, 4, sizeof(*both));

    if (!both)
        return fletch_fail_memory(translation->err, 4 * sizeof(*both), "a shape");
    if (!fletch_dtype_size(out->dtype))
        return fletch_fail(translation->err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': %s to be transposed, expected whole bytes",
                           FLETCH_SHOWN, out->name, fletch_dtype_text(out->dtype));
    both[0] = out->shape[1];
    both[1] = out->shape[0];
    both[2] = out->strides ? out->strides[1] : 1;
    both[3] = out->strides ? out->strides[0] : out->shape[1];
    out->shape = both;
    out->strides = both + 2;
    out->taken = "transposed";
    return FLETCH_OK;
}

static enum fletch_status fail_slices(const struct fletch_tensor *tensor,
                                      struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "tensor '%.*s': lies in %zu slices and is to be turned or cut: "
                       "join the files first, with torch.distributed.checkpoint",
                       FLETCH_SHOWN, tensor->name, tensor->slices_count);
}

static const char *origin_of(const struct fletch_tensor *tensor)
{
    return tensor->origin ? tensor->origin : tensor->name;
}

/* Turns a copy of a tensor into its i-th part. */
static enum fletch_status reshape(struct fletch_tensor *out,
                                  const struct fletch_dialect_mapping *mapping, unsigned i,
                                  const struct translation *translation)
{
    struct fletch_tensor whole = *out;

    if (!mapping->transpose && mapping->count < 2)
        return FLETCH_OK;
    if (whole.slices)
        return fail_slices(&whole, translation->err);
    out->crc = 0; /* it covers the whole tensor, in its stored order */
    if (mapping->transpose)
        TRY(turn(out, translation));
    return mapping->count > 1 ? cut(out, &whole, i, mapping->count, translation)
                              : FLETCH_OK;
}

/* Whatever happens to a pruned weight must happen to its mask. */
static enum fletch_status reshape_mask(struct fletch_tensor *out,
                                       const struct fletch_dialect_mapping *mapping,
                                       unsigned i, const struct translation *translation)
{
    struct fletch_arena *arena = &translation->checkpoint->arena;
    struct fletch_tensor *mask = fletch_arena_alloc(arena, sizeof(*mask));

    if (!mask)
        return fletch_fail_memory(translation->err, sizeof(*mask), "a mask");
    *mask = *out->mask;
    mask->origin = origin_of(mask);
    mask->name = fletch_arena_strdup(arena, mask->name); /* each part needs a name of its
                                                            own */
    if (!mask->name)
        return fletch_fail_memory(translation->err, strlen(mask->origin), "a name");
    out->mask = mask;
    return reshape(mask, mapping, i, translation);
}

static enum fletch_status translate_one(struct translation *translation,
                                        const struct fletch_tensor *tensor,
                                        const struct fletch_shape *shape)
{
    struct fletch_dialect_mapping mapping;

    TRY(fletch_dialect_map(&mapping, translation->dialect, translation->prefix, shape,
                           &translation->checkpoint->arena, translation->err));
    if (!mapping.count) {
        translation->tensors[translation->count++] = *tensor;
        return FLETCH_OK;
    }
    for (unsigned i = 0; i < mapping.count; i++) {
        struct fletch_tensor *out = &translation->tensors[translation->count++];

        *out = *tensor;
        TRY(reshape(out, &mapping, i, translation));
        if (tensor->mask)
            TRY(reshape_mask(out, &mapping, i, translation));
        out->origin = origin_of(tensor);
        out->name = mapping.names[i];
    }
    return FLETCH_OK;
}

static int compare_tensors(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;
    int order = fletch_natural_compare(x->name, y->name);

    return order ? order : strcmp(origin_of(x), origin_of(y));
}

/* Replaces the checkpoint's list by the translated one. */
static enum fletch_status replace_tensors(struct translation *translation)
{
    struct fletch_tensor *tensors = translation->tensors;

    qsort(tensors, translation->count, sizeof(*tensors), compare_tensors);
    for (size_t i = 1; i < translation->count; i++)
        if (!strcmp(tensors[i - 1].name, tensors[i].name))
            return fletch_fail(translation->err, FLETCH_ERR_FORMAT,
                               "tensors '%.*s' and '%.*s' would both be '%.120s'", 120,
                               origin_of(&tensors[i - 1]), 120, origin_of(&tensors[i]),
                               tensors[i].name);
    TRY(fletch_checkpoint_replace(translation->checkpoint, tensors, translation->count,
                                  translation->err));
    translation->tensors = NULL;
    return FLETCH_OK;
}

static enum fletch_status translate_all(struct translation *translation,
                                        const struct fletch_dialect_input *input)
{
    enum fletch_status status = FLETCH_OK;
    /* that many tensors are in memory, so this product cannot wrap */
    size_t cap = input->count * FLETCH_DIALECT_SPLITS_MAX;

    translation->tensors = fletch_alloc_array(cap, sizeof(*translation->tensors));
    if (!translation->tensors)
        return fletch_fail_memory(translation->err, cap, "tensors");
    for (size_t i = 0; i < input->count && !status; i++)
        status = translate_one(translation, &translation->checkpoint->tensors[i],
                               &input->tensors[i]);
    if (!status)
        status = replace_tensors(translation);
    fletch_free(translation->tensors);
    translation->tensors = NULL;
    return status;
}

/* ---- Which dialect ---- */

static enum fletch_status list_shapes(struct fletch_dialect_input *out,
                                      const struct fletch_checkpoint *checkpoint,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    size_t count = checkpoint->tensors_count;
    struct fletch_shape *shapes = fletch_arena_alloc_array(arena, count, sizeof(*shapes));

    if (!shapes)
        return fletch_fail_memory(err, count * sizeof(*shapes), "shapes");
    for (size_t i = 0; i < count; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];

        shapes[i] = (struct fletch_shape){ .dims = tensor->shape, .rank = tensor->rank };
        TRY(fletch_unwrap(&shapes[i].name, tensor->name, true, arena, err));
    }
    *out = (struct fletch_dialect_input){ .tensors = shapes,
                                          .count = count,
                                          .facts = checkpoint->facts };
    return FLETCH_OK;
}

/* True when the requested family (NULL or "auto": any) allows the dialect's. */
static bool is_allowed(const struct fletch_dialect *dialect, const char *family)
{
    return !family || !strcmp(family, "auto") || !strcmp(family, dialect->family->name);
}

/* Another project's dialect is tried only if neither config.json nor the user says that the
 * model is something else; transformers' own only without a config.json; tables of word
 * vectors only if something says that the model is one. */
static bool may_be(const struct fletch_dialect *dialect, const struct fletch_model *model,
                   const char *family)
{
    if (!dialect->name && !dialect->family)
        return !model->config;
    if (!is_allowed(dialect, family))
        return false;
    return (dialect->name && !*model->model_type) ||
           !strcmp(model->model_type, dialect->model_type);
}

/* Loads the dialect's config file, if it has one and that exists. */
static enum fletch_status load_file(json_t **out, const struct fletch_dialect *dialect,
                                    const char *folder, struct fletch_arena *arena,
                                    struct fletch_error *err)
{
    const char *path;

    if (!dialect->config_file)
        return FLETCH_OK;
    path = fletch_path_join(arena, folder, dialect->config_file);
    if (!path)
        return fletch_fail_memory(err, strlen(dialect->config_file), "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    return fletch_json_load(out, path, false, err);
}

/* Values of a config.json override derived ones. */
static enum fletch_status complete(struct fletch_model *model, json_t *derived,
                                   struct fletch_error *err)
{
    bool failed = json_object_update_missing(model->config, derived) != 0;

    json_decref(derived);
    return failed ? fletch_fail_memory(err, 0, "config values") : FLETCH_OK;
}

/* The dialect fits: names and config become transformers'. */
static enum fletch_status adopt(struct fletch_model *model,
                                const struct fletch_dialect *dialect, const char *prefix,
                                const struct fletch_dialect_input *input,
                                struct fletch_error *err)
{
    struct translation translation = { .model = model,
                                       .checkpoint = model->components[0].checkpoint,
                                       .dialect = dialect,
                                       .prefix = prefix,
                                       .err = err };
    json_t *config = NULL;

    model->dialect = dialect;
    if (!*model->model_type || !dialect->name) {
        TRY(fletch_dialect_config(&config, dialect, prefix, input, err));
        if (!dialect->name && model->config)
            return complete(model, config, err);
        json_decref(model->config);
        model->config = config;
        model->config_stated = false;
        if (dialect->model_type)
            model->model_type = dialect->model_type;
    }
    return dialect->rules ? translate_all(&translation, input) : FLETCH_OK;
}

static enum fletch_status try_dialect(bool *found, struct fletch_model *model,
                                      const struct fletch_dialect *dialect,
                                      struct fletch_dialect_input *input,
                                      struct fletch_error *err)
{
    const char *prefix;
    json_t *file = NULL;
    enum fletch_status status =
        load_file(&file, dialect, model->encoder_folder, &model->arena, err);

    input->file = file;
    if (!status)
        status = fletch_dialect_check(dialect, input, err);
    *found = !status && fletch_dialect_fits(&prefix, dialect, input);
    if (*found)
        status = adopt(model, dialect, prefix, input, err);
    input->file = NULL;
    json_decref(file);
    if (status && model->components[0].checkpoint->files_count == 1)
        fletch_error_prefix(err, "%s", model->name);
    return status;
}

enum fletch_status fletch_model_translate(struct fletch_model *model, const char *family,
                                          struct fletch_error *err)
{
    const struct fletch_dialect *dialect;
    struct fletch_dialect_input input;
    struct fletch_arena arena = { 0 };
    bool found = false;
    enum fletch_status status =
        list_shapes(&input, model->components[0].checkpoint, &arena, err);

    for (size_t i = 0; !status && !found && (dialect = fletch_dialect_get(i)); i++)
        if (may_be(dialect, model, family))
            status = try_dialect(&found, model, dialect, &input, err);
    fletch_arena_release(&arena);
    return status;
}

/* ---- For a checkpoint alone ---- */

/* A config file that cannot be read is for a conversion to refuse; a listing goes on. */
static enum fletch_status fits_alone(bool *out, const struct fletch_dialect *dialect,
                                     struct fletch_dialect_input *input, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    const char *prefix;
    json_t *file = NULL;
    enum fletch_status status = load_file(&file, dialect, folder, arena, err);

    input->file = file;
    *out = !status && fletch_dialect_fits(&prefix, dialect, input);
    input->file = NULL;
    json_decref(file);
    return status == FLETCH_ERR_MEMORY ? status : FLETCH_OK;
}

enum fletch_status fletch_dialect_recognise(const struct fletch_dialect **out,
                                            const struct fletch_checkpoint *checkpoint,
                                            const char *family, struct fletch_error *err)
{
    const char *path = checkpoint->files_count ? checkpoint->files[0].file.path : "";
    const struct fletch_dialect *dialect;
    struct fletch_dialect_input input;
    struct fletch_arena arena = { 0 };
    const char *folder =
        fletch_arena_text(&arena, path, (size_t)(fletch_path_base(path) - path));
    bool found = false;
    enum fletch_status status = folder ? list_shapes(&input, checkpoint, &arena, err)
                                       : fletch_fail_memory(err, strlen(path), "a path");

    *out = NULL;
    for (size_t i = 0; !status && !found && (dialect = fletch_dialect_get(i)); i++)
        if (dialect->name && is_allowed(dialect, family)) {
            status = fits_alone(&found, dialect, &input, folder, &arena, err);
            *out = found ? dialect : NULL;
        }
    fletch_arena_release(&arena);
    return status;
}
