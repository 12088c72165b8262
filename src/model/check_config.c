/* SPDX-License-Identifier: MIT */
/* check_config.c - checks early that config.json has what metadata.json needs */
#include "model/model.h"

#include <string.h>

/* Loaders build a decoder for a name that ends like this. */
static bool names_decoder(const char *name)
{
    static const char ending[] = "CausalLM";
    size_t len = strlen(name);

    return len >= sizeof(ending) - 1 && !strcmp(name + len - (sizeof(ending) - 1), ending);
}

enum fletch_status fletch_model_architecture(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_error *err)
{
    const json_t *list = json_object_get(model->config, "architectures");
    const json_t *first = json_array_get(list, 0);
    /* of pipelines: SentenceTransformer, SparseEncoder, CrossEncoder */
    const json_t *kind = json_object_get(model->prompts, "model_type");

    *out = model->family->architecture;
    if (*out && json_is_string(kind))
        *out = json_string_value(kind);
    if (*out)
        return FLETCH_OK;
    if (list && !json_is_null(list) && !json_is_array(list))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "architectures is %s, expected an array",
                           fletch_json_kind(list));
    if (first && !json_is_string(first))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "architectures[0] is %s, expected a string",
                           fletch_json_kind(first));
    *out = first ? json_string_value(first) : "Unknown";
    if (!first && !model->config_stated && model->model_class->patterns)
        *out = model->model_class->class_name;
    /* the rows are the encoder's, whatever else the checkpoint's class could do */
    if (model->model_class->patterns && names_decoder(*out))
        *out = model->model_class->class_name;
    return FLETCH_OK;
}

static enum fletch_status check_length(const struct fletch_model *model, const char *key,
                                       struct fletch_error *err)
{
    const struct fletch_field field = { .key = key, .paths = { key } };
    static const struct fletch_model_class any = { .class_name = "any" };
    json_t *value = NULL;

    TRY(fletch_family_field(&value, &any, &field, model->config, err));
    json_decref(value);
    return FLETCH_OK;
}

static enum fletch_status check_all(const struct fletch_model *model,
                                    struct fletch_error *err)
{
    const char *architecture;

    TRY(fletch_model_architecture(&architecture, model, err));
    for (const struct fletch_field *field = model->model_class->fields; field->key;
         field++) {
        json_t *value = NULL;

        TRY(fletch_family_field(&value, model->model_class, field, model->config, err));
        json_decref(value);
    }
    if (model->family->metadata_kind == FLETCH_METADATA_TOWER)
        return FLETCH_OK;
    TRY(check_length(model, "max_seq_len", err));
    return check_length(model, "max_sequence_length", err);
}

enum fletch_status fletch_model_check_config(const struct fletch_model *model,
                                             struct fletch_error *err)
{
    enum fletch_status status = fletch_model_check_said(model, err);

    TRY(status);
    status = check_all(model, err);
    if (status == FLETCH_ERR_FORMAT)
        fletch_error_prefix(err, "%s", model->config_path);
    return status;
}
