/* SPDX-License-Identifier: MIT */
/* heads.c - whether the head on an encoder is the purpose of the model
 *
 * A reranker scores with its classifier, a SPLADE with its language modelling head: without
 * it the model is of no use. In other models the head is left over from training.
 */
#include "model/model.h"

#include <string.h>

/* What config_sentence_transformers.json calls models whose head matters. */
static const char *const kinds[] = { "CrossEncoder", "SparseEncoder", NULL };

/* Classes of config.json whose head matters, if the other conditions hold. */
static const struct {
    const char *part; /* of the class's name */
    const char *with; /* continues the sentence */
    bool one_label;   /* config.json has a single label */
    bool splade;      /* a SpladePooling is among the modules */
} classes[] = {
    { "ForSequenceClassification", " with one label, as rerankers have", true, false },
    { "ForMaskedLM", " in front of a SpladePooling", false, true },
};

/* The library assumes two labels when none are given. */
static bool has_one_label(const json_t *config)
{
    const json_t *labels = json_object_get(config, "id2label");

    if (json_is_object(labels))
        return json_object_size(labels) == 1;
    return json_integer_value(json_object_get(config, "num_labels")) == 1;
}

static bool has_splade(const struct fletch_model *model)
{
    for (size_t i = 0; i < model->modules_count; i++)
        if (!strcmp(model->modules[i].kind, "SpladePooling"))
            return true;
    return false;
}

const char *fletch_model_kind(const struct fletch_model *model)
{
    const char *kind = json_string_value(json_object_get(model->prompts, "model_type"));

    /* up to 5.x they had no modules.json, and kept their own settings here */
    if (!kind && !model->modules_count &&
        json_is_object(fletch_json_at(model->config, "sentence_transformers")))
        kind = "CrossEncoder";
    return kind;
}

enum fletch_status fletch_model_head_matters(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err)
{
    const char *kind = fletch_model_kind(model);
    const char *name = json_string_value(
        json_array_get(json_object_get(model->config, "architectures"), 0));

    *out = NULL;
    for (size_t i = 0; kind && kinds[i]; i++) {
        if (strcmp(kind, kinds[i]) != 0)
            continue;
        *out = fletch_arena_format(arena, "the model is a %s", kind);
        return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "warnings");
    }
    for (size_t i = 0; name && i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (!strstr(name, classes[i].part) ||
            (classes[i].one_label && !has_one_label(model->config)) ||
            (classes[i].splade && !has_splade(model)))
            continue;
        *out = fletch_arena_format(arena, "the model is a %.80s%s", name, classes[i].with);
        return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "warnings");
    }
    return FLETCH_OK;
}
