/* SPDX-License-Identifier: MIT */
/* modules.c - sentence-transformers pipelines: modules.json and its folders
 *
 *   modules.json   [{"idx": 0, "name": "0", "path": "", "type": "...models.Transformer"},
 *                   {"idx": 1, "name": "1", "path": "1_Pooling", "type": "...Pooling"},
 *                   ...]
 *
 * The array's order is the pipeline's. The folder of a module without a config or weights
 * (Normalize) may be missing.
 */
#include "model/modules.h"

#include <inttypes.h>
#include <string.h>

static enum fletch_status load_if_there(json_t **out, struct fletch_arena *arena,
                                        const char *folder, const char *name,
                                        struct fletch_error *err)
{
    char *path = fletch_path_join(arena, folder, name);

    if (!path)
        return fletch_fail_memory(err, strlen(name), "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    return fletch_json_load(out, path, false, err);
}

/* ---- modules.json ---- */

static const char *last_part(const char *type)
{
    const char *dot = strrchr(type, '.');

    return dot ? dot + 1 : type;
}

/* Sets *out to the folder of an entry: below the model's, without a trailing slash. */
static enum fletch_status folder_of(const char **out, const json_t *entry, size_t i,
                                    struct fletch_arena *arena, struct fletch_error *err)
{
    const json_t *path = json_object_get(entry, "path");
    const char *text;
    size_t len;
    char *folder;

    if (!json_is_string(path))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "entry %zu: path is %s, expected a "
                           "string",
                           i, fletch_json_kind(path));
    text = json_string_value(path);
    len = json_string_length(path);
    if (len && text[len - 1] == '/')
        len--;
    if (len == 1 && *text == '.') /* as model2vec writes the model's own folder */
        len = 0;
    folder = fletch_arena_text(arena, text, len);
    if (!folder)
        return fletch_fail_memory(err, len, "a path");
    if (len && !fletch_path_is_below(folder))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "entry %zu: path is '%.160s', expected a folder below the "
                           "model's",
                           i, folder);
    *out = folder;
    return FLETCH_OK;
}

static enum fletch_status read_entry(struct fletch_module *out, const json_t *entry,
                                     size_t i, struct fletch_arena *arena,
                                     struct fletch_error *err)
{
    const json_t *type = json_object_get(entry, "type");

    if (!json_is_object(entry))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "entry %zu is %s, expected an object", i,
                           fletch_json_kind(entry));
    if (!json_is_string(type) || !json_string_length(type))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "entry %zu: type is %s, expected the name of a class", i,
                           json_is_string(type) ? "empty" : fletch_json_kind(type));
    out->type = fletch_arena_strdup(arena, json_string_value(type));
    if (!out->type)
        return fletch_fail_memory(err, json_string_length(type), "modules");
    out->kind = last_part(out->type);
    return folder_of(&out->folder, entry, i, arena, err);
}

enum fletch_status fletch_modules_read(struct fletch_model *model, const json_t *array,
                                       struct fletch_error *err)
{
    size_t count = json_array_size(array);

    if (!count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "no modules, expected at least one");
    if (count > FLETCH_MODULES_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%zu modules, the limit is %d (FLETCH_MODULES_MAX)", count,
                           FLETCH_MODULES_MAX);
    model->modules = fletch_arena_alloc_array(&model->arena, FLETCH_MODULES_MAX,
                                              sizeof(*model->modules));
    if (!model->modules)
        return fletch_fail_memory(err, FLETCH_MODULES_MAX * sizeof(*model->modules),
                                  "modules");
    for (size_t i = 0; i < count; i++)
        TRY(read_entry(&model->modules[i], json_array_get(array, i), i, &model->arena,
                       err));
    model->modules_count = count;
    return FLETCH_OK;
}

enum fletch_status fletch_modules_load(struct fletch_model *model, struct fletch_error *err)
{
    char *path = fletch_path_join(&model->arena, model->folder, "modules.json");
    json_t *array = NULL;
    enum fletch_status status;

    if (!path)
        return fletch_fail_memory(err, 0, "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    TRY(load_if_there(&model->prompts, &model->arena, model->folder,
                      "config_sentence_transformers.json", err));
    TRY(fletch_json_load(&array, path, true, err));
    status = fletch_modules_read(model, array, err);
    if (status)
        fletch_error_prefix(err, "%s", path);
    json_decref(array);
    return status ? status : fletch_routers_expand(model, err);
}

/* ---- The modules' configs ---- */

/* The library's flags up to 5.3, its words since then, and ours, in the order in which the
 * results of flags that are on are concatenated. */
static const struct {
    const char *flag, *word, *name;
} poolings[] = {
    { "pooling_mode_cls_token", "cls", "cls" },
    { "pooling_mode_max_tokens", "max", "max" },
    { "pooling_mode_mean_tokens", "mean", "mean" },
    { "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", "mean_sqrt_len" },
    { "pooling_mode_weightedmean_tokens", "weightedmean", "weightedmean" },
    { "pooling_mode_lasttoken", "lasttoken", "lasttoken" },
};
#define POOLING_COUNT (sizeof(poolings) / sizeof(poolings[0]))

/* The i-th flag that is on; the mean if the file has none. */
static const char *pooling_by_flag(const json_t *config, size_t i)
{
    for (size_t at = 0; at < POOLING_COUNT; at++) {
        const json_t *flag = json_object_get(config, poolings[at].flag);
        bool on = flag ? json_is_true(flag) : !strcmp(poolings[at].name, "mean");

        if (on && i-- == 0)
            return poolings[at].name;
    }
    return NULL;
}

static const char *pooling_of_word(const json_t *word)
{
    for (size_t i = 0; json_is_string(word) && i < POOLING_COUNT; i++)
        if (!strcmp(json_string_value(word), poolings[i].word))
            return poolings[i].name;
    return NULL;
}

const char *fletch_module_pooling(const struct fletch_module *module, size_t i)
{
    const json_t *mode = json_object_get(module->config, "pooling_mode");

    if (json_is_array(mode))
        return pooling_of_word(json_array_get(mode, i));
    if (json_is_string(mode))
        return i ? NULL : pooling_of_word(mode);
    return pooling_by_flag(module->config, i);
}

static enum fletch_status check_count(const json_t *config, const char *key,
                                      struct fletch_error *err)
{
    const json_t *value = json_object_get(config, key);

    if (!json_is_integer(value))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %s, expected an integer", key,
                           fletch_json_kind(value));
    if (json_integer_value(value) < 1 || json_integer_value(value) > INT32_MAX)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s is %" JSON_INTEGER_FORMAT ", expected 1 to %" PRId32, key,
                           json_integer_value(value), INT32_MAX);
    return FLETCH_OK;
}

static enum fletch_status check_pooling_word(const json_t *word, struct fletch_error *err)
{
    if (!json_is_string(word))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "pooling_mode is %s, expected a string or an array of strings",
                           fletch_json_kind(word));
    if (!pooling_of_word(word))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "pooling_mode is '%.80s', expected cls, max, mean, "
                           "mean_sqrt_len_tokens, weightedmean or lasttoken",
                           json_string_value(word));
    return FLETCH_OK;
}

static enum fletch_status check_pooling(const json_t *config, struct fletch_error *err)
{
    const json_t *mode = json_object_get(config, "pooling_mode");

    for (size_t i = 0; i < POOLING_COUNT; i++) {
        const json_t *flag = json_object_get(config, poolings[i].flag);

        if (flag && !json_is_boolean(flag))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "%s is %s, expected true or false",
                               poolings[i].flag, fletch_json_kind(flag));
    }
    if (!mode)
        return FLETCH_OK;
    if (!json_is_array(mode))
        return check_pooling_word(mode, err);
    if (!json_array_size(mode))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "pooling_mode is empty, expected one mode at least");
    for (size_t i = 0; i < json_array_size(mode); i++)
        TRY(check_pooling_word(json_array_get(mode, i), err));
    return FLETCH_OK;
}

enum fletch_status fletch_module_check(const struct fletch_module *module,
                                       struct fletch_error *err)
{
    const char *key = fletch_module_dimension_key(module);

    if (!key)
        return FLETCH_OK;
    TRY(check_count(module->config, key, err));
    if (!strcmp(module->kind, "Dense"))
        TRY(check_count(module->config, "in_features", err));
    if (!strcmp(module->kind, "CNN") &&
        !json_array_size(json_object_get(module->config, "kernel_sizes")))
        return fletch_fail(
            err, FLETCH_ERR_FORMAT, "kernel_sizes is %s, expected an array of one at least",
            fletch_json_kind(json_object_get(module->config, "kernel_sizes")));
    return check_pooling(module->config, err);
}

/* ---- The modules' weights ---- */

static bool has_file(struct fletch_arena *arena, const char *folder, const char *name)
{
    char *path = fletch_path_join(arena, folder, name);

    return path && fletch_file_kind(path) != FLETCH_FILE_NONE;
}

static bool has_weights(const struct fletch_module *module, struct fletch_arena *arena,
                        const char *folder)
{
    static const char *const names[] = { "model.safetensors", "pytorch_model.bin",
                                         "model.safetensors.index.json",
                                         "pytorch_model.bin.index.json" };

    /* these need weights: without any, give the message of the checkpoint */
    if (!strcmp(module->kind, "Dense") || !strcmp(module->kind, "LayerNorm"))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (has_file(arena, folder, names[i]))
            return true;
    return false;
}

/* Loads the config.json of a module's folder, which kinds that use one require. */
static enum fletch_status load_module_config(struct fletch_module *module,
                                             const char *folder, struct fletch_arena *arena,
                                             struct fletch_error *err)
{
    enum fletch_status status;

    if (fletch_file_kind(folder) == FLETCH_FILE_REGULAR)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: is a file, expected a folder",
                           folder);
    TRY(fletch_module_find_config(&module->config_name, arena, folder, err));
    if (module->config_name)
        TRY(load_if_there(&module->config, arena, folder, module->config_name, err));
    if (!module->config && fletch_module_dimension_key(module))
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s/config.json: no such file; modules.json says that a %s is "
                           "there",
                           folder, module->kind);
    status = fletch_module_check(module, err);
    if (status)
        fletch_error_prefix(err, "%s/%s", folder,
                            module->config_name ? module->config_name : "config.json");
    return status;
}

/* Called after the last component was opened: folds pruned weights if it becomes rows. */
static enum fletch_status count_part(struct fletch_model *model, struct fletch_error *err)
{
    struct fletch_component *component = &model->components[model->components_count++];

    return model->family->metadata_kind == FLETCH_METADATA_SENTENCE
               ? fletch_checkpoint_fold(component->checkpoint, err)
               : FLETCH_OK;
}

static enum fletch_status open_module(struct fletch_model *model,
                                      struct fletch_module *module,
                                      struct fletch_error *err)
{
    char *folder = fletch_path_join(&model->arena, model->folder, module->folder);
    struct fletch_component *component = &model->components[model->components_count];

    if (!folder)
        return fletch_fail_memory(err, 0, "a path");
    if (!*module->folder || fletch_module_is_router(module))
        return FLETCH_OK;
    TRY(load_module_config(module, folder, &model->arena, err));
    if (!has_weights(module, &model->arena, folder))
        return FLETCH_OK;
    TRY(fletch_checkpoint_load(&component->checkpoint, folder, fletch_formats, NULL, err));
    component->folder = module->folder;
    return count_part(model, err);
}

/* Opens heads in files beside the encoder's checkpoint, such as bge-m3's: one file each. */
static enum fletch_status open_beside(struct fletch_model *model, struct fletch_error *err)
{
    static const char *const heads[FLETCH_BESIDE_MAX][2] = {
        { "sparse_linear", "sparse_linear.pt" },
        { "colbert_linear", "colbert_linear.pt" },
    };

    for (size_t i = 0; i < FLETCH_BESIDE_MAX; i++) {
        struct fletch_component *component = &model->components[model->components_count];
        char *path = fletch_path_join(&model->arena, model->encoder_folder, heads[i][1]);

        if (!path)
            return fletch_fail_memory(err, strlen(heads[i][1]), "a path");
        if (fletch_file_kind(path) == FLETCH_FILE_NONE)
            continue;
        TRY(fletch_checkpoint_load(&component->checkpoint, path, fletch_formats, NULL,
                                   err));
        component->folder = heads[i][0];
        component->file = heads[i][1];
        TRY(count_part(model, err));
    }
    return FLETCH_OK;
}

enum fletch_status fletch_modules_open(struct fletch_model *model, struct fletch_error *err)
{
    for (size_t i = 0; i < model->modules_count; i++) {
        struct fletch_module *module = &model->modules[i];

        if (i != model->encoder)
            TRY(open_module(model, module, err));
        else if (fletch_family_is_input(module->kind))
            TRY(load_module_config(module, model->encoder_folder, &model->arena, err));
    }
    return model->modules_count ? open_beside(model, err) : FLETCH_OK;
}

enum fletch_status fletch_modules_check_first(const struct fletch_model *model,
                                              struct fletch_error *err)
{
    const struct fletch_module *first = &model->modules[model->encoder];
    const struct fletch_module *behind = first + 1;

    if (strcmp(first->kind, "BoW") != 0)
        return FLETCH_OK;
    while (behind < model->modules + model->modules_count &&
           strcmp(behind->kind, "Dense") != 0)
        behind++;
    if (behind == model->modules + model->modules_count)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "%s: the first module is a BoW, which counts the words of a list "
            "and has no tensors: there is nothing to convert",
            model->folder);
    return fletch_fail(
        err, FLETCH_ERR_UNSUPPORTED,
        "%s: the first module is a BoW, which counts the words of a list and "
        "has no tensors: give %s/%s with --type any for those of the module "
        "after it",
        model->folder, model->folder, behind->folder);
}

enum fletch_status fletch_sentence_config_load(struct fletch_model *model,
                                               struct fletch_error *err)
{
    /* in the library's order; the first that exists counts */
    static const char *const names[] = {
        "sentence_bert_config.json",       "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const json_t *length;

        TRY(load_if_there(&model->sentence_config, &model->arena, model->encoder_folder,
                          names[i], err));
        if (!json_object_size(model->sentence_config)) {
            json_decref(model->sentence_config);
            model->sentence_config = NULL;
            continue;
        }
        model->sentence_config_name = names[i];
        length = json_object_get(model->sentence_config, "max_seq_length");
        if (!length || json_is_null(length))
            return FLETCH_OK;
        if (!check_count(model->sentence_config, "max_seq_length", err))
            return FLETCH_OK;
        fletch_error_prefix(err, "%s/%s", model->encoder_folder, names[i]);
        return FLETCH_ERR_FORMAT;
    }
    return FLETCH_OK;
}
