/* SPDX-License-Identifier: MIT */
/* config_overrides.c - see config_overrides.h */
#include "model/config_overrides.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* How much of the user's input a message shows, in bytes. */
#define SHOWN 80

/* Keys that are not fields of metadata.json, or of another form. Text models only. */
struct extra {
    const char *key, *alias;
    const char *path; /* in config.json */
    bool word;        /* otherwise a count, 0 included */
};

static const struct extra extras[] = {
    { "architecture", "architectures", "architectures", true },
    { "max_seq_length", "max_seq_len", "max_seq_len", false },
    { "pad_token_id", "pad_token_id", "pad_token_id", false },
};

#define EXTRAS_COUNT (sizeof(extras) / sizeof(extras[0]))

/* ---- Reading ---- */

/* A number, true, false or null as in JSON; anything else is a word. */
static json_t *value_of(const char *text, struct fletch_arena *arena)
{
    const char *array = fletch_arena_format(arena, "[%s]", text);
    json_t *list = NULL, *value = NULL;

    if (array && !fletch_json_parse(&list, array, strlen(array), true, NULL) &&
        json_array_size(list) == 1 && !json_is_object(json_array_get(list, 0)) &&
        !json_is_array(json_array_get(list, 0)))
        value = json_incref(json_array_get(list, 0));
    json_decref(list);
    return value ? value : json_string(text);
}

static enum fletch_status read_one(struct fletch_model *model, const char *setting,
                                   struct fletch_error *err)
{
    size_t len = strcspn(setting, "=");
    json_t *value;

    if (!len || !setting[len])
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "--set %.*s: expected KEY=VALUE, as in num_attention_heads=12",
                           SHOWN, setting);
    if (fletch_utf8_span(setting, strlen(setting)) != strlen(setting))
        return fletch_fail(err, FLETCH_ERR_ARGUMENT, "--set: a key or value is not UTF-8");
    value = value_of(setting + len + 1, &model->arena);
    if (!value || json_object_setn_new(model->set, setting, len, value))
        return fletch_fail_memory(err, strlen(setting), "a setting");
    return FLETCH_OK;
}

enum fletch_status fletch_overrides_read(struct fletch_model *model,
                                         const struct fletch_options *options,
                                         struct fletch_error *err)
{
    const json_t *type;

    if (!options->set || !options->set[0])
        return FLETCH_OK;
    model->set = json_object();
    if (!model->set)
        return fletch_fail_memory(err, sizeof(json_int_t), "settings");
    for (const char *const *setting = options->set; *setting; setting++)
        TRY(read_one(model, *setting, err));
    type = json_object_get(model->set, "model_type");
    if (type && !json_is_string(type))
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "--set model_type: is %s, expected a string",
                           fletch_json_kind(type));
    if (type)
        model->model_type = json_string_value(type);
    return FLETCH_OK;
}

/* ---- Applying ---- */

static bool is_text(const struct fletch_model *model)
{
    return model->family->metadata_kind != FLETCH_METADATA_TOWER;
}

static enum fletch_status fail_unknown(const struct fletch_model *model, const char *key,
                                       struct fletch_error *err)
{
    const struct fletch_field *field;
    char known[320];
    size_t len = 0;

    known[0] = 0;
    for (size_t i = 0; (field = fletch_family_settable(model->model_class, i)); i++)
        if (len < sizeof(known))
            len += (size_t)snprintf(known + len, sizeof(known) - len, "%s, ", field->key);
    for (size_t i = 0; i < EXTRAS_COUNT && is_text(model); i++)
        if (len < sizeof(known))
            len +=
                (size_t)snprintf(known + len, sizeof(known) - len, "%s, ", extras[i].key);
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "--set %.*s: no key that counts for a %s model, expected one of "
                       "%smodel_type",
                       SHOWN, key, model->family->name, known);
}

static enum fletch_status put_extra(struct fletch_model *model, const struct extra *extra,
                                    const json_t *value, struct fletch_error *err)
{
    bool sentence = model->family->metadata_kind == FLETCH_METADATA_SENTENCE &&
                    !strcmp(extra->path, "max_seq_len");
    json_t *put, *target = model->config;
    const char *path = extra->path;

    if (extra->word && !json_is_string(value))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "is %s, expected a string",
                           fletch_json_kind(value));
    if (!extra->word && (!json_is_integer(value) || json_integer_value(value) < 0 ||
                         json_integer_value(value) > INT32_MAX))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "expected an integer from 0 to %d",
                           INT32_MAX);
    if (sentence) {
        if (!model->sentence_config)
            model->sentence_config = json_object();
        target = model->sentence_config;
        path = "max_seq_length";
    }
    put = extra->word ? json_pack("[s]", json_string_value(value))
                      : json_integer(json_integer_value(value));
    if (!put || !target || !fletch_json_put_at(target, path, put))
        return fletch_fail_memory(err, sizeof(json_int_t), "a setting");
    return FLETCH_OK;
}

static enum fletch_status apply_one(struct fletch_model *model, const char *key,
                                    const json_t *value, struct fletch_error *err)
{
    bool known = false;
    enum fletch_status status;

    status = fletch_family_set(&known, model->config, model->model_class, key, value, err);
    for (size_t i = 0; i < EXTRAS_COUNT && !known && !status && is_text(model); i++) {
        if (strcmp(key, extras[i].key) != 0 && strcmp(key, extras[i].alias) != 0)
            continue;
        status = put_extra(model, &extras[i], value, err);
        known = true;
    }
    if (status == FLETCH_ERR_FORMAT) {
        fletch_error_prefix(err, "--set %.*s", SHOWN, key);
        if (err)
            err->status = FLETCH_ERR_ARGUMENT;
        return FLETCH_ERR_ARGUMENT;
    }
    return status || known ? status : fail_unknown(model, key, err);
}

/* True when a file or a setting states it: contradicting a default is not an error.
 */
static bool is_said(const struct fletch_model *model, const char *key)
{
    const struct fletch_field *field = model->model_class->fields;

    while (field->key && strcmp(field->key, key) != 0)
        field++;
    return field->key && fletch_family_path(model->model_class, field, model->config);
}

/* Heads share the hidden size evenly, unless a config states their width. */
static enum fletch_status check_heads(const struct fletch_model *model,
                                      struct fletch_error *err)
{
    static const char *const widths[] = { "head_dim", "attention_head_size" };
    int64_t heads =
        fletch_family_count(model->model_class, "num_attention_heads", model->config);
    int64_t hidden = fletch_family_count(model->model_class, "hidden_size", model->config);

    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
        if (json_object_get(model->config, widths[i]))
            return FLETCH_OK;
    if (heads <= 0 || hidden <= 0 || hidden % heads == 0)
        return FLETCH_OK;
    if (model->set)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "--set: a hidden_size of %lld is not divisible by %lld "
                           "num_attention_heads, expected a divisor",
                           (long long)hidden, (long long)heads);
    /* rows of unknown classes stay as they are, whatever it states */
    if (!model->model_class->patterns || !is_said(model, "hidden_size") ||
        !is_said(model, "num_attention_heads"))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "%s: a hidden_size of %lld is not divisible by %lld "
                       "num_attention_heads: no such model can be built; --set "
                       "num_attention_heads=N says what is right",
                       model->config_path, (long long)hidden, (long long)heads);
}

enum fletch_status fletch_overrides_apply(struct fletch_model *model,
                                          struct fletch_error *err)
{
    const char *key;
    json_t *value;

    if (!model->set)
        return check_heads(model, err);
    if (!model->config)
        model->config = json_object();
    if (!model->config)
        return fletch_fail_memory(err, sizeof(json_int_t), "a config");
    json_object_foreach(model->set, key, value)
    {
        if (strcmp(key, "model_type") != 0)
            TRY(apply_one(model, key, value, err));
        else if (json_object_set(model->config, key, value))
            return fletch_fail_memory(err, sizeof(json_int_t), "a setting");
    }
    return check_heads(model, err);
}
