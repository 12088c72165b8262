/* SPDX-License-Identifier: MIT */
/* check_modules.c - whether a pipeline's modules can be what their configs say
 *
 * Each module's config is held against its own tensors, and what it takes against what the
 * modules in front of it give: the library builds the one from the config and loads the
 * other into it.
 */
#include "model/modules.h"

#include <inttypes.h>
#include <string.h>

/* A value of a config, by its key or the one of older releases, and the tensor whose
 * dimension it is. */
static const struct {
    const char *kind, *keys[2], *tensor;
    unsigned rank, dim;
} shapes[] = {
    { "Dense", { "out_features" }, "linear.weight", 2, 0 },
    { "Dense", { "in_features" }, "linear.weight", 2, 1 },
    { "LayerNorm", { "dimension" }, "norm.weight", 1, 0 },
    { "CNN", { "out_channels" }, "convs.0.weight", 3, 0 },
    { "CNN",
      { "in_embedding_dimension", "in_word_embedding_dimension" },
      "convs.0.weight",
      3,
      1 },
    { "LSTM", { "hidden_dim" }, "encoder.weight_hh_l0", 2, 1 },
    { "LSTM",
      { "embedding_dimension", "word_embedding_dimension" },
      "encoder.weight_ih_l0",
      2,
      1 },
};

/* What a module takes, by its config. Where it is no weight's dimension, the library only
 * tells it on, and so do we. */
static const struct {
    const char *kind, *keys[2];
    bool warn_only;
} inputs[] = {
    { "Pooling", { "embedding_dimension", "word_embedding_dimension" }, true },
    { "Dense", { "in_features" }, false },
    { "LayerNorm", { "dimension" }, false },
    { "CNN", { "in_embedding_dimension", "in_word_embedding_dimension" }, false },
    { "LSTM", { "embedding_dimension", "word_embedding_dimension" }, false },
};

/* Modules that give what they take. */
static const char *const passing[] = { "Normalize", "Dropout", "WordWeights",
                                       "MultiVectorMask", "WeightedLayerPooling" };

/* The first of the keys that the config has, and its value. */
static const char *key_of(int64_t *value, const json_t *config, const char *const keys[2])
{
    for (size_t i = 0; i < 2 && keys[i]; i++) {
        const json_t *found = json_object_get(config, keys[i]);

        if (!json_is_integer(found))
            continue;
        *value = (int64_t)json_integer_value(found);
        return keys[i];
    }
    return NULL;
}

/* ---- Its own tensors ---- */

static const struct fletch_tensor *find_tensor(const struct fletch_model *model,
                                               const struct fletch_module *module,
                                               const char *name, bool *opened)
{
    *opened = false;
    for (size_t i = 1; i < model->components_count; i++) {
        const struct fletch_checkpoint *checkpoint = model->components[i].checkpoint;

        if (model->components[i].folder != module->folder)
            continue;
        *opened = true;
        for (size_t at = 0; at < checkpoint->tensors_count; at++)
            if (!strcmp(checkpoint->tensors[at].name, name))
                return &checkpoint->tensors[at];
    }
    return NULL;
}

static enum fletch_status check_own(const struct fletch_model *model,
                                    const struct fletch_module *module, size_t at,
                                    struct fletch_error *err)
{
    const struct fletch_tensor *tensor;
    const char *key;
    int64_t said = 0;
    bool opened;

    tensor = find_tensor(model, module, shapes[at].tensor, &opened);
    if (!opened)
        return FLETCH_OK;
    if (!tensor)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "%s: the checkpoint has no '%s', which a %s has: start from the "
                           "whole pipeline",
                           module->folder, shapes[at].tensor, module->kind);
    if (tensor->rank != shapes[at].rank)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "%s: tensor '%s' has %u dimensions, expected %u: no weight of a "
                           "%s",
                           module->folder, tensor->name, tensor->rank, shapes[at].rank,
                           module->kind);
    key = key_of(&said, module->config, shapes[at].keys);
    if (!key || (uint64_t)said == tensor->shape[shapes[at].dim])
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "%s/%s says %s %" PRId64 ", but dimension %u of its tensor '%s' is "
                       "%" PRIu64 ": no loader takes the two together",
                       module->folder, module->config_name, key, said, shapes[at].dim,
                       tensor->name, tensor->shape[shapes[at].dim]);
}

/* ---- What comes in ---- */

static bool is_passing(const char *kind)
{
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (!strcmp(kind, passing[i]))
            return true;
    return false;
}

/* A Dense may take what a module further in front gave. */
static bool takes_last(const struct fletch_module *module)
{
    const char *name =
        json_string_value(json_object_get(module->config, "module_input_name"));

    return !name || !strcmp(name, "sentence_embedding");
}

static enum fletch_status check_input(const char **warning,
                                      const struct fletch_module *module, int64_t given,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        int64_t said = 0;
        const char *key;

        if (strcmp(module->kind, inputs[i].kind) != 0)
            continue;
        key = key_of(&said, module->config, inputs[i].keys);
        if (!key || said == given || !takes_last(module))
            continue;
        if (!inputs[i].warn_only)
            return fletch_fail(err, FLETCH_ERR_FAMILY,
                               "%s/%s says %s %" PRId64 ", but what comes in front of it "
                               "gives %" PRId64 ": the modules are not of one pipeline",
                               module->folder, module->config_name, key, said, given);
        *warning =
            fletch_arena_format(arena,
                                "%s/%s says %s %" PRId64 ", but what comes in front "
                                "of it gives %" PRId64,
                                module->folder, module->config_name, key, said, given);
        return *warning ? FLETCH_OK : fletch_fail_memory(err, 0, "warnings");
    }
    return FLETCH_OK;
}

enum fletch_status fletch_model_check_modules(const char **warning,
                                              const struct fletch_model *model,
                                              struct fletch_arena *arena,
                                              struct fletch_error *err)
{
    int64_t given = fletch_module_dimension(model, model->encoder);

    *warning = NULL;
    if (model->family->metadata_kind != FLETCH_METADATA_SENTENCE)
        return FLETCH_OK;
    for (size_t i = 0; i < model->modules_count; i++) {
        const struct fletch_module *module = &model->modules[i];

        for (size_t at = 0; i != model->encoder && at < sizeof(shapes) / sizeof(shapes[0]);
             at++)
            if (!strcmp(module->kind, shapes[at].kind))
                TRY(check_own(model, module, at, err));
        if (i <= model->encoder || module->off_route || fletch_module_is_router(module) ||
            is_passing(module->kind))
            continue;
        if (given >= 0)
            TRY(check_input(warning, module, given, arena, err));
        given = fletch_module_dimension(model, i);
    }
    return FLETCH_OK;
}
