/* SPDX-License-Identifier: MIT */
/* check_shapes.c - checks what is stated about a model against the shapes of its tensors
 *
 * What shapes tell without a config.json is compared with the config.json if there is one.
 */
#include "model/model.h"

#include <inttypes.h>
#include <string.h>

/* The key with which --set sets a field; NULL when it does not. */
static const char *set_key(const struct fletch_model *model,
                           const struct fletch_field *field)
{
    const char *key;
    json_t *value;

    json_object_foreach(model->set, key, value)
    {
        if (fletch_family_is_key(key, model->model_class, field))
            return key;
    }
    return NULL;
}

const char *fletch_model_says(const struct fletch_model *model,
                              const struct fletch_field *field, struct fletch_arena *arena)
{
    const char *key = set_key(model, field);
    const char *path = fletch_family_path(model->model_class, field, model->config);
    const struct fletch_dialect *dialect = model->dialect;

    if (key)
        return fletch_arena_format(arena, "--set says %s", key);
    if (!model->config_stated && dialect && dialect->config_file)
        return fletch_arena_format(arena, "%s says %s", dialect->config_file, field->key);
    if (!model->config_stated)
        return fletch_arena_format(arena, "the checkpoint says %s", field->key);
    if (!path)
        return fletch_arena_format(arena, "config.json is silent and the default is %s",
                                   field->key);
    return fletch_arena_format(arena, "config.json says %s", path);
}

const char *fletch_model_says_layers(const struct fletch_model *model,
                                     struct fletch_arena *arena)
{
    const struct fletch_model_class *model_class = model->model_class;
    const struct fletch_field *field = model_class->fields;

    if (model_class->layers_path)
        return fletch_arena_format(arena, "config.json says %s", model_class->layers_path);
    while (model_class->layers_key && field->key &&
           strcmp(field->key, model_class->layers_key) != 0)
        field++;
    return model_class->layers_key ? fletch_model_says(model, field, arena) : NULL;
}

/* Sets *out to what shapes tell, in config.json's form; NULL when they tell nothing.
 */
static enum fletch_status ask_shapes(json_t **out,
                                     const struct fletch_dialect_input *tensors,
                                     struct fletch_error *err)
{
    const struct fletch_dialect *dialect;
    const char *prefix;

    *out = NULL;
    for (size_t i = 0; (dialect = fletch_dialect_get(i)); i++)
        if (!dialect->name && fletch_dialect_fits(&prefix, dialect, tensors))
            return fletch_dialect_config(out, dialect, prefix, tensors, err);
    return FLETCH_OK;
}

/* A value that is stated nowhere contradicts nothing: without a config.json it is asked
 * for. */
static bool counts(const struct fletch_model *model, const struct fletch_field *field)
{
    const char *layers = model->model_class->layers_key;

    return (!layers || strcmp(field->key, layers) != 0) &&
           (model->config_stated ||
            fletch_family_path(model->model_class, field, model->config));
}

enum fletch_status fletch_model_check_shapes(const char *out[FLETCH_SHAPE_CONFLICTS_MAX],
                                             size_t *count,
                                             const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err)
{
    struct fletch_contradiction found;
    json_t *shapes;

    *count = 0;
    TRY(ask_shapes(&shapes, tensors, err));
    for (size_t i = 0;
         i < FLETCH_SHAPE_CONFLICTS_MAX &&
         fletch_family_contradiction(&found, model->model_class, model->config, shapes, i);
         i++) {
        const char *says;

        if (!counts(model, found.field))
            continue;
        says = fletch_model_says(model, found.field, arena);
        out[*count] = says ? fletch_arena_format(
                                 arena, "%s %" PRId64 ", the tensors' shapes say %" PRId64,
                                 says, found.said, found.shown)
                           : NULL;
        if (!out[(*count)++])
            break;
    }
    json_decref(shapes);
    return *count && !out[*count - 1] ? fletch_fail_memory(err, 0, "warnings") : FLETCH_OK;
}

/* ---- Tables that are too short ---- */

/* The path at which config.json itself says how many rows a table has; NULL for other
 * values. */
static const char *table_path(const struct fletch_model *model,
                              const struct fletch_field *field)
{
    static const char *const tables[FLETCH_SHORT_TABLES_MAX] = { "vocab_size",
                                                                 "max_position_embeddings",
                                                                 "max_source_positions" };
    const char *path = fletch_family_path(model->model_class, field, model->config);

    if (!path || !model->config_stated || set_key(model, field))
        return NULL;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (!strcmp(path, tables[i]))
            return path;
    return NULL;
}

/* Refuses a table that is too short, or puts it into words where the model need not be
 * whole. */
static enum fletch_status take_short(const char **out, const struct fletch_model *model,
                                     const struct fletch_contradiction *found,
                                     const char *path, struct fletch_arena *arena,
                                     struct fletch_error *err)
{
    if (!model->allow_missing)
        return fletch_fail(
            err, FLETCH_ERR_FAMILY,
            "config.json says %s %" PRId64 ", but the table has %" PRId64
            " rows: no loader takes the two together; --set %s=%" PRId64
            " says that the table is whole, --allow-missing goes on as it is",
            path, found->said, found->shown, path, found->shown);
    *out = fletch_arena_format(arena, "%" PRId64 " of the %" PRId64 " rows of %s",
                               found->said - found->shown, found->said, path);
    return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "what is missing");
}

enum fletch_status fletch_model_check_tables(const char *out[FLETCH_SHORT_TABLES_MAX],
                                             size_t *count,
                                             const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err)
{
    struct fletch_contradiction found;
    enum fletch_status status = FLETCH_OK;
    json_t *shapes;

    *count = 0;
    TRY(ask_shapes(&shapes, tensors, err));
    for (size_t i = 0;
         !status && *count < FLETCH_SHORT_TABLES_MAX &&
         fletch_family_contradiction(&found, model->model_class, model->config, shapes, i);
         i++) {
        const char *path = table_path(model, found.field);

        if (path && found.shown < found.said)
            status = take_short(&out[(*count)++], model, &found, path, arena, err);
    }
    json_decref(shapes);
    return status;
}
