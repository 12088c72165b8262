/* SPDX-License-Identifier: MIT */
/* model.c - see model.h
 *
 * Opening follows the order of evidence: modules.json tells where the encoder is, the
 * config.json beside the encoder what it is; the checkpoint's names come last.
 */
#include "model/model.h"

#include "base/glob.h"
#include "model/modules.h"
#include "model/config_overrides.h"
#include "model/translate.h"

#include <stdio.h>
#include <string.h>

/* ---- Where the files are ---- */

static enum fletch_status join(const char **out, struct fletch_arena *arena,
                               const char *folder, const char *name,
                               struct fletch_error *err)
{
    *out = *name ? fletch_path_join(arena, folder, name) : folder;
    return *out ? FLETCH_OK : fletch_fail_memory(err, strlen(name), "a path");
}

/* True when a missing path may be meant as the name of a model on the hub: NAME, or
 * OWNER/NAME if there is no folder OWNER. */
static bool is_hub_name(struct fletch_model *model, const char *path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    static const char *const files[] = { "*.safetensors", "*.bin",  "*.pt",  "*.pth",
                                         "*.ckpt",        "*.json", "*.np?", NULL };
    size_t len = strspn(path, letters);
    const char *owner = NULL;

    if (len && path[len] == '/') {
        owner = fletch_arena_text(&model->arena, path, len);
        len += 1 + strspn(path + len + 1, letters);
    }
    return len && !path[len] && path[len - 1] != '/' && path[0] != '.' &&
           !fletch_glob_any(files, path) &&
           (!owner || fletch_file_kind(owner) == FLETCH_FILE_NONE);
}

/* Sets model->folder; *single is set when the path is one weights file. */
static enum fletch_status find_folder(struct fletch_model *model, bool *single,
                                      const char *path, struct fletch_error *err)
{
    enum fletch_file_kind kind = fletch_file_kind(path);
    size_t len = (size_t)(fletch_path_base(path) - path);

    if (kind == FLETCH_FILE_NONE && is_hub_name(model, path))
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: no such file or folder, expected a model's folder or its "
                           "weights file; a model of that name on the hub must be fetched "
                           "first: hf download %s --local-dir DIR",
                           path, path);
    if (kind == FLETCH_FILE_NONE)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: no such file or folder, expected a model's folder or its "
                           "weights file",
                           path);
    *single = kind != FLETCH_FILE_FOLDER;
    if (!*single)
        len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    model->folder = fletch_arena_text(&model->arena, path, len);
    return model->folder ? FLETCH_OK : fletch_fail_memory(err, len, "a path");
}

/* The encoder is the first module, or the folder itself. A weights file given by name is
 * the encoder only if the pipeline's is in the same folder. */
static enum fletch_status find_encoder(struct fletch_model *model, bool single,
                                       struct fletch_error *err)
{
    if (single && model->modules_count && *model->modules[model->encoder].folder)
        model->modules_count = 0;
    TRY(join(&model->encoder_folder, &model->arena, model->folder,
             model->modules_count ? model->modules[model->encoder].folder : "", err));
    return join(&model->config_path, &model->arena, model->encoder_folder, "config.json",
                err);
}

/* ---- config.json ---- */

static enum fletch_status read_model_type(struct fletch_model *model,
                                          struct fletch_error *err)
{
    const json_t *type = json_object_get(model->config, "model_type");

    model->model_type = "";
    if (!type || json_is_null(type))
        return FLETCH_OK;
    if (!json_is_string(type))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: model_type is %s, expected a string", model->config_path,
                           fletch_json_kind(type));
    model->model_type = json_string_value(type);
    return FLETCH_OK;
}

/* An adapter is the difference to a model stored elsewhere, but a model's own file may lie
 * beside it: if a file is given, its name decides. */
static enum fletch_status refuse_adapter(const struct fletch_model *model, const char *path,
                                         bool single, struct fletch_arena *arena,
                                         struct fletch_error *err)
{
    if (single && !fletch_glob_match("adapter_model*", fletch_path_base(path)))
        return FLETCH_OK;
    if (!single)
        TRY(join(&path, arena, model->encoder_folder, "adapter_config.json", err));
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "%s: a PEFT adapter, whose base model is elsewhere; merge the two "
                       "first",
                       path);
}

/* Before config.json had a model_type, the class of a pipeline's first module told it. */
static enum fletch_status ask_old_module(struct fletch_model *model,
                                         struct fletch_error *err)
{
    static const char *const classes[][2] = {
        { "BERT", "bert" },
        { "RoBERTa", "roberta" },
        { "DistilBERT", "distilbert" },
        { "CamemBERT", "camembert" },
        { "XLMRoBERTa", "xlm-roberta" },
        { "ALBERT", "albert" },
    };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (!model->modules_count ||
            strcmp(model->modules[model->encoder].kind, classes[i][0]) != 0)
            continue;
        model->model_type = classes[i][1];
        if (json_object_set_new(model->config, "model_type", json_string(classes[i][1])))
            return fletch_fail_memory(err, strlen(classes[i][1]), "a config value");
    }
    return FLETCH_OK;
}

/* True when a first module that is not a transformers model tells what the model is. */
static bool is_input(const struct fletch_model *model)
{
    return model->modules_count &&
           fletch_family_is_input(model->modules[model->encoder].kind);
}

static enum fletch_status load_config(struct fletch_model *model, struct fletch_error *err)
{
    model->model_type = "";
    if (fletch_file_kind(model->config_path) != FLETCH_FILE_NONE) {
        TRY(fletch_json_load(&model->config, model->config_path, false, err));
        model->config_stated = true;
        TRY(read_model_type(model, err));
    }
    if (is_input(model))
        model->model_type = model->modules[model->encoder].kind;
    return *model->model_type || !model->config ? FLETCH_OK : ask_old_module(model, err);
}

/* A config.json may be missing only for a single file, for models saved by other projects,
 * and for a type that accepts anything. */
static enum fletch_status need_config(const struct fletch_model *model, bool single,
                                      const char *asked, struct fletch_error *err)
{
    const struct fletch_family *family = NULL;

    if (model->config_stated || single || is_input(model) ||
        (model->dialect && model->dialect->name))
        return FLETCH_OK;
    if (asked && !fletch_family_find(&family, asked, NULL) && family->carries_config)
        return FLETCH_OK;
    if (model->modules_count)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: no such file; the first module of modules.json is a %s, "
                           "expected an encoder with a config.json",
                           model->config_path, model->modules[model->encoder].kind);
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%s: no such file, expected in a model's folder; a weights file "
                       "alone may be given by its own path",
                       model->config_path);
}

/* ---- The encoder's checkpoint ---- */

/* config.json may name the weights file (transformers_weights), which overrides all other
 * rules. */
static enum fletch_status weights_path(const char **out, struct fletch_model *model,
                                       struct fletch_error *err)
{
    const json_t *named = json_object_get(model->config, "transformers_weights");
    const char *name = json_string_value(named);

    *out = model->encoder_folder;
    if (!named || json_is_null(named))
        return FLETCH_OK;
    if (!name || !fletch_path_is_below(name))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: transformers_weights is %s, expected the name of a file in "
                           "the folder",
                           model->config_path, name ? name : fletch_json_kind(named));
    return join(out, &model->arena, model->encoder_folder, name, err);
}

static enum fletch_status open_encoder(struct fletch_model *model, const char *path,
                                       bool single, const struct fletch_options *options,
                                       struct fletch_error *err)
{
    const char *from = path;

    model->components =
        fletch_arena_alloc_array(&model->arena, 1 + FLETCH_MODULES_MAX + FLETCH_BESIDE_MAX,
                                 sizeof(*model->components));
    if (!model->components)
        return fletch_fail_memory(err, sizeof(*model->components), "checkpoints");
    if (!single)
        TRY(weights_path(&from, model, err));
    TRY(fletch_model_checkpoint(&model->components[0].checkpoint, from, options,
                                model->model_type, err));
    model->components[0].folder = "";
    model->components_count = 1;
    return fletch_checkpoint_fold(model->components[0].checkpoint, err);
}

/* ---- The family ---- */

static enum fletch_status list_names(const char *const **out, size_t *count,
                                     struct fletch_model *model, struct fletch_error *err)
{
    const struct fletch_checkpoint *checkpoint = model->components[0].checkpoint;
    const char **names =
        fletch_arena_alloc_array(&model->arena, checkpoint->tensors_count, sizeof(*names));

    if (!names)
        return fletch_fail_memory(err, checkpoint->tensors_count * sizeof(*names), "names");
    for (size_t i = 0; i < checkpoint->tensors_count; i++)
        names[i] = checkpoint->tensors[i].name;
    *out = names;
    *count = checkpoint->tensors_count;
    return FLETCH_OK;
}

/* Without a model_type in the config the tensors choose the class; if they do not tell, the
 * family's first stands for it, and its missing names are reported. */
static void find_member(struct fletch_model *model,
                        const struct fletch_detect_input *detect_input)
{
    model->model_class = NULL;
    if (!*model->model_type)
        model->model_class = fletch_family_guess(model->family, detect_input->tensors,
                                                 detect_input->tensors_count);
    if (!model->model_class)
        model->model_class =
            fletch_family_fitting(model->family, model->model_type, detect_input->tensors,
                                  detect_input->tensors_count);
    if (!model->model_class)
        model->model_class = model->family->classes;
}

/* If config.json did not decide, the evidence states what did. */
static void note_words(struct fletch_model *model)
{
    const struct fletch_dialect *dialect = model->dialect;

    if (dialect && dialect->name)
        snprintf(model->evidence, sizeof(model->evidence), "%s, %s", dialect->title,
                 model->config_stated ? "beside a config.json" : dialect->config_from);
    else if (json_object_get(model->set, "model_type"))
        snprintf(model->evidence, sizeof(model->evidence), "set: model_type \"%.100s\"",
                 model->model_type);
}

/* The source of the model_type; NULL without one. */
static const char *type_says(const struct fletch_model *model)
{
    if (json_object_get(model->set, "model_type"))
        return "--set says";
    if (is_input(model))
        return "modules.json says";
    return model->config_stated ? "config.json says" : "its words say";
}

/* timm's own config.json, with none from transformers beside it. */
static enum fletch_status refuse_timm(const struct fletch_model *model,
                                      struct fletch_error *err)
{
    const char *name = json_string_value(json_object_get(model->config, "architecture"));

    if (*model->model_type || !name ||
        !json_is_object(json_object_get(model->config, "pretrained_cfg")))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "config.json is timm's (architecture \"%.100s\"), whose models are "
                       "not converted: --type any keeps all tensors under their own names",
                       name);
}

/* Adds hints when detection fails: that the file is a shard, or what a part of the tensors
 * may be. */
static enum fletch_status detect(struct fletch_model *model,
                                 const struct fletch_detect_input *detect_input,
                                 struct fletch_error *err)
{
    const struct fletch_checkpoint *checkpoint = model->components[0].checkpoint;
    enum fletch_status status = fletch_family_detect(
        &model->family, model->evidence, sizeof(model->evidence), detect_input, err);
    const char *alone;

    /* no prefix changes what config.json states */
    if (status != FLETCH_ERR_FAMILY || *model->model_type)
        return status;
    alone = fletch_model_shard_alone(checkpoint, &model->arena);
    if (alone)
        return fletch_fail(err, status, "%s", alone);
    if (detect_input->tensors_count &&
        fletch_glob_match("base_model.model.*", detect_input->tensors[0]))
        TRY(fletch_refuse_adapters(detect_input->tensors, detect_input->tensors_count,
                                   err)); /* PEFT's */
    fletch_model_hint_prefixes(checkpoint, err);
    return status;
}

static enum fletch_status find_family(struct fletch_model *model, const char *family,
                                      struct fletch_error *err)
{
    struct fletch_detect_input detect_input = {
        .model = model->name,
        .model_type = model->model_type,
        .architecture = json_string_value(
            json_array_get(json_object_get(model->config, "architectures"), 0)),
        .type_says = type_says(model),
        .has_config = model->config_stated,
        .has_modules = model->modules_count > 0,
        .no_text = fletch_family_is_no_text(model->config)
    };

    TRY(list_names(&detect_input.tensors, &detect_input.tensors_count, model, err));
    if (family && strcmp(family, "auto") != 0) {
        TRY(fletch_family_choose(&model->family, family, &detect_input, err));
        snprintf(model->evidence, sizeof(model->evidence), "as asked for%s%.100s%s",
                 !*model->model_type ? ""
                 : is_input(model)   ? "; modules.json: \""
                                     : "; config.json: model_type \"",
                 model->model_type, *model->model_type ? "\"" : "");
    } else {
        TRY(refuse_timm(model, err));
        TRY(detect(model, &detect_input, err));
        if (is_input(model))
            snprintf(model->evidence, sizeof(model->evidence),
                     "modules.json: the first module is a %.100s", model->model_type);
    }
    find_member(model, &detect_input);
    note_words(model);
    if (!model->model_class->patterns) /* all tensors, unchanged */
        fletch_checkpoint_unfold(model->components[0].checkpoint);
    return FLETCH_OK;
}

/* ---- Files beside a text encoder ---- */

static enum fletch_status load_extras(struct fletch_model *model, struct fletch_error *err)
{
    const char *path;

    if (!model->family->tokenizer)
        return FLETCH_OK;
    TRY(join(&path, &model->arena, model->encoder_folder, "tokenizer_config.json", err));
    if (fletch_file_kind(path) != FLETCH_FILE_NONE)
        TRY(fletch_json_load(&model->tokenizer_config, path, false, err));
    if (model->family->metadata_kind != FLETCH_METADATA_SENTENCE)
        return FLETCH_OK;
    return fletch_sentence_config_load(model, err);
}

static enum fletch_status open_all(struct fletch_model *model, const char *path,
                                   const struct fletch_options *options,
                                   struct fletch_error *err)
{
    bool single = false;

    TRY(find_folder(model, &single, path, err));
    TRY(fletch_modules_load(model, err));
    TRY(find_encoder(model, single, err));
    TRY(refuse_adapter(model, path, single, &model->arena, err));
    TRY(load_config(model, err));
    TRY(fletch_overrides_read(model, options, err));
    if (!single && model->modules_count) {
        TRY(fletch_modules_check_first(model, err));
        TRY(need_config(model, single, options->family, err));
    }
    TRY(open_encoder(model, path, single, options, err));
    TRY(fletch_model_translate(model, options->family, err));
    TRY(need_config(model, single, options->family, err));
    TRY(find_family(model, options->family, err));
    TRY(fletch_modules_open(model, err));
    TRY(load_extras(model, err));
    return fletch_overrides_apply(model, err);
}

enum fletch_status fletch_model_open(struct fletch_model **out, const char *path,
                                     const struct fletch_options *options,
                                     struct fletch_error *err)
{
    static const struct fletch_options defaults = { 0 };
    struct fletch_model *model = fletch_alloc(sizeof(*model));
    enum fletch_status status;

    if (!model)
        return fletch_fail_memory(err, sizeof(*model), "a model");
    model->name = fletch_arena_strdup(&model->arena, path);
    status = model->name ? open_all(model, path, options ? options : &defaults, err)
                         : fletch_fail_memory(err, strlen(path), "a path");
    if (status) {
        fletch_model_close(model);
        return status;
    }
    model->allow_missing = options && options->allow_missing;
    model->keep_heads = options && options->keep_heads;
    for (size_t i = 0; options && i < model->components_count; i++)
        model->components[i].checkpoint->cancel =
            (struct fletch_cancel){ options->cancel, options->user };
    *out = model;
    return FLETCH_OK;
}

void fletch_model_close(struct fletch_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->components_count; i++)
        fletch_checkpoint_close(model->components[i].checkpoint);
    for (size_t i = 0; i < model->modules_count; i++)
        json_decref(model->modules[i].config);
    json_decref(model->config);
    json_decref(model->set);
    json_decref(model->sentence_config);
    json_decref(model->prompts);
    json_decref(model->tokenizer_config);
    fletch_arena_release(&model->arena);
    fletch_free(model);
}

/* ---- Missing values ---- */

enum fletch_status fletch_model_check_said(const struct fletch_model *model,
                                           struct fletch_error *err)
{
    const struct fletch_field *field;
    char keys[160], options[256];
    size_t keys_len = 0, options_len = 0;

    if (model->config_stated || !model->model_class->patterns)
        return FLETCH_OK;
    for (size_t i = 0;
         (field = fletch_family_unsaid(model->model_class, model->config, i)) != NULL;
         i++) {
        if (keys_len < sizeof(keys))
            keys_len += (size_t)snprintf(keys + keys_len, sizeof(keys) - keys_len, "%s%s",
                                         i ? ", " : "", field->key);
        if (options_len < sizeof(options))
            options_len +=
                (size_t)snprintf(options + options_len, sizeof(options) - options_len,
                                 " --set %s=N", field->key);
    }
    if (!keys_len)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%.80s: without a config.json nothing tells %s: add%s", model->name,
                       keys, options);
}

/* ---- The model's statements about itself ---- */

int64_t fletch_model_dimension(const struct fletch_model *model)
{
    int64_t dimension = -1;

    if (model->family->metadata_kind == FLETCH_METADATA_SENTENCE)
        dimension = fletch_modules_dimension(model);
    if (dimension < 0)
        dimension = fletch_family_count(model->model_class, "hidden_size", model->config);
    return dimension;
}

int64_t fletch_model_tokenizer_limit(const struct fletch_model *model)
{
    const json_t *limit = json_object_get(model->tokenizer_config, "model_max_length");
    double value = json_number_value(limit);

    return json_is_number(limit) && value >= 1 && value <= INT32_MAX ? (int64_t)value : -1;
}

static int64_t smaller_known(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

int64_t fletch_model_max_seq_length(const struct fletch_model *model)
{
    static const struct fletch_field fields[] = {
        { .key = "max_seq_length", .paths = { "max_seq_len", "max_sequence_length" } },
        { .key = NULL },
    };
    static const struct fletch_model_class stated = { .fields = fields };
    int64_t positions =
        fletch_family_count(model->model_class, "max_position_embeddings", model->config);
    const json_t *length = json_object_get(model->sentence_config, "max_seq_length");
    int64_t count;

    if (model->family->metadata_kind == FLETCH_METADATA_SENTENCE)
        return json_is_integer(length)
                   ? json_integer_value(length)
                   : smaller_known(positions, fletch_model_tokenizer_limit(model));
    count = fletch_family_count(&stated, "max_seq_length", model->config);
    return count < 0 ? positions : count;
}
