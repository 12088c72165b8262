/* SPDX-License-Identifier: MIT */
/* config_fields.c - what metadata.json says of a model, out of config.json: values, what is
 * missing, and what is said on the command line in its place */
#include "family/family.h"

#include <inttypes.h>
#include <string.h>

/* ---- Fields ---- */

/* Sets *out to the object where the paths of a field start; NULL when there is none. */
static enum fletch_status find_root(const json_t **out,
                                    const struct fletch_model_class *model_class,
                                    const struct fletch_field *field, const json_t *config,
                                    struct fletch_error *err)
{
    *out = config;
    if (field->top || !model_class->roots)
        return FLETCH_OK;
    *out = NULL;
    for (const char *const *root = model_class->roots; *root && !*out; root++) {
        const json_t *object = fletch_json_at(config, *root);

        if (object && !json_is_null(object) && !json_is_object(object))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %s, expected an object",
                               *root, fletch_json_kind(object));
        if (json_is_object(object))
            *out = object;
    }
    return FLETCH_OK;
}

static enum fletch_status check_value(const json_t *value, const char *path,
                                      enum fletch_field_kind kind, struct fletch_error *err)
{
    if (kind == FLETCH_FIELD_REAL) {
        if (!json_is_number(value))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %s, expected a number", path,
                               fletch_json_kind(value));
        if (json_number_value(value) >= 0)
            return FLETCH_OK;
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %g, expected at least 0", path,
                           json_number_value(value));
    }
    if (!json_is_integer(value))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %s, expected an integer", path,
                           fletch_json_kind(value));
    if (json_integer_value(value) >= 1 && json_integer_value(value) <= INT32_MAX)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "%s is %" JSON_INTEGER_FORMAT ", expected 1 to %" PRId32, path,
                       json_integer_value(value), INT32_MAX);
}

static double default_of(const struct fletch_model_class *model_class,
                         const struct fletch_field *field, const json_t *config)
{
    const struct fletch_default *entry = config ? model_class->defaults : NULL;

    for (; entry && entry->key; entry++)
        if (!strcmp(entry->key, field->key))
            return entry->value;
    return field->default_value;
}

enum fletch_status fletch_family_field(json_t **out,
                                       const struct fletch_model_class *model_class,
                                       const struct fletch_field *field,
                                       const json_t *config, struct fletch_error *err)
{
    const json_t *root = NULL;
    json_t *made;
    double value;

    TRY(find_root(&root, model_class, field, config, err));
    for (size_t i = 0; i < 3 && field->paths[i]; i++) {
        const json_t *found = fletch_json_at(root, field->paths[i]);

        if (!found || json_is_null(found))
            continue;
        TRY(check_value(found, field->paths[i], field->kind, err));
        made = json_copy((json_t *)(uintptr_t)found);
        if (!made)
            return fletch_fail_memory(err, sizeof(json_int_t), "a config value");
        *out = made;
        return FLETCH_OK;
    }
    value = default_of(model_class, field, config);
    if (field->required && value <= 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "no %s, which a model of this kind must state",
                           field->paths[0] ? field->paths[0] : field->key);
    made = value <= 0                         ? json_null()
           : field->kind == FLETCH_FIELD_REAL ? json_real(value)
                                              : json_integer((json_int_t)value);
    if (!made)
        return fletch_fail_memory(err, sizeof(json_int_t), "a config value");
    *out = made;
    return FLETCH_OK;
}

/* A field's value as a count; -1 when there is none, or no valid one. */
static int64_t count_of(const struct fletch_model_class *model_class,
                        const struct fletch_field *field, const json_t *config)
{
    json_t *value = NULL;
    int64_t count = -1;

    if (fletch_family_field(&value, model_class, field, config, NULL))
        return -1;
    if (json_is_integer(value))
        count = json_integer_value(value);
    json_decref(value);
    return count;
}

int64_t fletch_family_count(const struct fletch_model_class *model_class, const char *key,
                            const json_t *config)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++)
        if (!strcmp(field->key, key))
            return count_of(model_class, field, config);
    return -1;
}

/* ---- What is missing, and what is set ---- */

const char *fletch_family_path(const struct fletch_model_class *model_class,
                               const struct fletch_field *field, const json_t *config)
{
    const json_t *root = NULL;

    if (find_root(&root, model_class, field, config, NULL))
        return field->paths[0]; /* said wrongly: that is another error's to say */
    for (size_t i = 0; i < 3 && field->paths[i]; i++) {
        const json_t *found = fletch_json_at(root, field->paths[i]);

        if (found && !json_is_null(found))
            return field->paths[i];
    }
    return NULL;
}

static bool has_default(const struct fletch_model_class *model_class,
                        const struct fletch_field *field)
{
    for (const struct fletch_default *entry = model_class->defaults; entry && entry->key;
         entry++)
        if (!strcmp(entry->key, field->key))
            return true;
    return false;
}

const struct fletch_field *
fletch_family_unsaid(const struct fletch_model_class *model_class, const json_t *config,
                     size_t i)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++)
        if (field->paths[0] && (field->required || has_default(model_class, field)) &&
            !fletch_family_path(model_class, field, config) && !i--)
            return field;
    return NULL;
}

bool fletch_family_contradiction(struct fletch_contradiction *out,
                                 const struct fletch_model_class *model_class,
                                 const json_t *config, const json_t *shapes, size_t i)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++) {
        if (field->kind != FLETCH_FIELD_COUNT ||
            !fletch_family_path(model_class, field, shapes))
            continue;
        *out = (struct fletch_contradiction){ field, count_of(model_class, field, config),
                                              count_of(model_class, field, shapes) };
        if (out->said >= 0 && out->shown >= 0 && out->said != out->shown && !i--)
            return true;
    }
    return false;
}

bool fletch_family_is_key(const char *key, const struct fletch_model_class *model_class,
                          const struct fletch_field *field)
{
    if (!strcmp(key, field->key))
        return true;
    for (size_t i = 0; i < 3 && field->paths[i]; i++) {
        if (!strcmp(key, field->paths[i]))
            return true;
        for (const char *const *root = field->top ? NULL : model_class->roots;
             root && *root; root++) {
            size_t len = strlen(*root);

            if (!strncmp(key, *root, len) && key[len] == '.' &&
                !strcmp(key + len + 1, field->paths[i]))
                return true;
        }
    }
    return false;
}

/* The object that a field's paths start in; NULL: the top. */
static const char *root_of(const struct fletch_model_class *model_class,
                           const struct fletch_field *field, const json_t *config)
{
    const char *last = NULL;

    for (const char *const *root = field->top ? NULL : model_class->roots; root && *root;
         root++) {
        last = *root;
        if (json_is_object(fletch_json_at(config, *root)))
            break;
    }
    return last;
}

const struct fletch_field *
fletch_family_settable(const struct fletch_model_class *model_class, size_t i)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++)
        if (field->paths[0] && !i--)
            return field;
    return NULL;
}

enum fletch_status fletch_family_set(bool *known, json_t *config,
                                     const struct fletch_model_class *model_class,
                                     const char *key, const json_t *value,
                                     struct fletch_error *err)
{
    const struct fletch_field *field;
    const char *root;
    json_t *target = config, *copy;

    *known = false;
    for (size_t i = 0; (field = fletch_family_settable(model_class, i)); i++)
        if (fletch_family_is_key(key, model_class, field))
            break;
    if (!field)
        return FLETCH_OK;
    TRY(check_value(value, key, field->kind, err));
    root = root_of(model_class, field, config);
    if (root && !json_is_object(json_object_get(config, root)) &&
        json_object_set_new(config, root, json_object()))
        return fletch_fail_memory(err, strlen(root), "a config value");
    if (root)
        target = json_object_get(config, root);
    copy = json_copy((json_t *)(uintptr_t)value);
    if (!copy || !fletch_json_put_at(target, field->paths[0], copy))
        return fletch_fail_memory(err, sizeof(json_int_t), "a config value");
    *known = true;
    return FLETCH_OK;
}
