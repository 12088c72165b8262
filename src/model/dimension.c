/* SPDX-License-Identifier: MIT */
/* dimension.c - how many numbers a pipeline outputs
 *
 * The library asks its modules from the last to the first. Of the kinds that know it, most
 * state it in their config, tables of word vectors by their shape.
 */
#include "model/modules.h"

#include <string.h>

/* For configs: the key of the dimension; the first that exists counts. */
static const struct {
    const char *kind, *keys[2];
} stated[] = {
    { "Pooling", { "embedding_dimension", "word_embedding_dimension" } },
    { "WeightedLayerPooling", { "embedding_dimension", "word_embedding_dimension" } },
    { "Dense", { "out_features", NULL } },
    { "LayerNorm", { "dimension", NULL } },
    { "CNN", { "out_channels", NULL } },
    { "LSTM", { "hidden_dim", NULL } },
    { "SparseAutoEncoder", { "hidden_dim", NULL } },
};

/* For tensors: which dimension of which tensor. */
static const struct {
    const char *kind, *tensor;
    unsigned rank, dim;
} shaped[] = {
    { "StaticEmbedding", "embedding.weight", 2, 1 },
    { "StaticEmbedding", "embeddings", 2, 1 },
    { "WordEmbeddings", "emb_layer.weight", 2, 1 },
    { "SparseStaticEmbedding", "weight", 1, 0 },
};

const char *fletch_module_dimension_key(const struct fletch_module *module)
{
    for (size_t i = 0; i < sizeof(stated) / sizeof(stated[0]); i++) {
        const char *const *keys = stated[i].keys;

        if (strcmp(module->kind, stated[i].kind) != 0)
            continue;
        return keys[1] && !json_object_get(module->config, keys[0]) ? keys[1] : keys[0];
    }
    return NULL;
}

/* How often the configured dimension is repeated: for each pooling mode, each convolution,
 * each direction. */
static int64_t times_of(const struct fletch_module *module)
{
    int64_t modes = 0;

    if (!strcmp(module->kind, "CNN"))
        return (int64_t)json_array_size(json_object_get(module->config, "kernel_sizes"));
    if (!strcmp(module->kind, "LSTM"))
        return json_is_false(json_object_get(module->config, "bidirectional")) ? 1 : 2;
    if (strcmp(module->kind, "Pooling") != 0)
        return 1;
    while (fletch_module_pooling(module, (size_t)modes))
        modes++;
    return modes;
}

/* The dimension of a table's tensor; -1 for other kinds, or when it is missing. */
static int64_t shaped_dimension(const struct fletch_model *model,
                                const struct fletch_module *module)
{
    const struct fletch_checkpoint *checkpoint = NULL;

    for (size_t i = 0; i < model->components_count; i++)
        if (module == &model->modules[model->encoder]
                ? !i
                : model->components[i].folder == module->folder)
            checkpoint = model->components[i].checkpoint;
    for (size_t i = 0; checkpoint && i < checkpoint->tensors_count; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];

        for (size_t at = 0; at < sizeof(shaped) / sizeof(shaped[0]); at++)
            if (!strcmp(module->kind, shaped[at].kind) &&
                !strcmp(tensor->name, shaped[at].tensor) && tensor->rank == shaped[at].rank)
                return (int64_t)tensor->shape[shaped[at].dim];
    }
    return -1;
}

int64_t fletch_module_dimension(const struct fletch_model *model, size_t i)
{
    const struct fletch_module *module = &model->modules[i];
    const char *key;
    int64_t dimension;

    if (i >= model->modules_count)
        return -1;
    /* the language modelling head's: one for each piece */
    if (!strcmp(module->kind, "SpladePooling"))
        return fletch_family_count(model->model_class, "vocab_size", model->config);
    key = fletch_module_dimension_key(module);
    if (key && i != model->encoder)
        return times_of(module) * json_integer_value(json_object_get(module->config, key));
    dimension = shaped_dimension(model, module);
    if (dimension < 0 && i == model->encoder)
        dimension = fletch_family_count(model->model_class, "hidden_size", model->config);
    return dimension;
}

int64_t fletch_modules_dimension(const struct fletch_model *model)
{
    for (size_t i = model->modules_count; i-- > 0;) {
        int64_t dimension =
            model->modules[i].off_route ? -1 : fletch_module_dimension(model, i);

        if (dimension >= 0)
            return dimension;
    }
    return -1;
}
