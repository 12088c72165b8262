/* SPDX-License-Identifier: MIT */
/* model.h - a model on disk: its config, its checkpoints, its modules, its family
 *
 * A plain transformers folder has one checkpoint. A sentence-transformers folder
 * (modules.json) is a pipeline of modules, some of which have weights. The first module's
 * checkpoint is the encoder, whose rows have no prefix; rows of the others are named after
 * the module's folder (2_Dense.linear.weight).
 */
#ifndef FLETCH_MODEL_MODEL_H
#define FLETCH_MODEL_MODEL_H

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "family/family.h"

struct fletch_component {
    const char
        *folder; /* "" for the encoder, else "2_Dense": the prefix of its rows' names */
    struct fletch_checkpoint *checkpoint;
    const char *file; /* the file of a head beside the encoder, "sparse_linear.pt": the
                         prefix of its tensors' names, instead of the folder; else NULL */
};

/* One entry of modules.json. */
struct fletch_module {
    const char *kind;        /* last part of its type: "Transformer", "Pooling", "Dense" */
    const char *type;        /* as written in modules.json */
    const char *folder;      /* relative; "" is the model's own */
    json_t *config;          /* from the module's folder; NULL if it has none, and for the
                                encoder, whose config is the model's */
    const char *config_name; /* that file's name: "config.json", "lstm_config.json"; NULL */
    bool off_route;          /* inside a Router, and not on its default route */
};

/* No published pipeline has more than five. */
#define FLETCH_MODULES_MAX 64
/* Head files beside the encoder's checkpoint: sparse_linear.pt, colbert_linear.pt. */
#define FLETCH_BESIDE_MAX 2

struct fletch_model {
    struct fletch_arena arena;
    const char *name;           /* as the user gave it */
    const char *folder;         /* the folder with the files; for a single file, its
                                   folder */
    const char *encoder_folder; /* holds config.json and tokenizer.json: `folder`, or its
                                   first module's */
    const char *config_path;
    json_t *config;         /* config.json, or its substitute; NULL when there is neither
                           (single files only) */
    bool config_stated;     /* it is from config.json: keys left out have the class's
                           defaults */
    const char *model_type; /* of config.json, or "" */
    const struct fletch_dialect *dialect; /* the dialect that its names were translated
                                             from; NULL */
    json_t *set;                          /* values of --set by key, as given; NULL: none */
    const struct fletch_family *family;
    const struct fletch_model_class *model_class;
    char evidence[256];                  /* why this family was chosen */
    bool allow_missing;                  /* from the options: the model need not be whole */
    bool keep_heads;                     /* from the options: heads become rows */
    struct fletch_component *components; /* [components_count]; the encoder is the first */
    size_t components_count;
    /* [modules_count]; 0 without a usable modules.json */
    struct fletch_module *modules;
    size_t modules_count;
    size_t encoder;          /* which of the modules is the encoder */
    json_t *sentence_config; /* sentence_bert_config.json or a sibling; may be NULL */
    const char *sentence_config_name; /* the name of that file */
    json_t *prompts;                  /* config_sentence_transformers.json; may be NULL */
    json_t *tokenizer_config;         /* tokenizer_config.json; may be NULL */
};

/* Opens the model at `path`. Uses these options, which may be NULL: family, prefix and set;
 * cancel and user are kept for reading tensors. NOT_FOUND, IO, FORMAT, UNSUPPORTED, FAMILY,
 * MEMORY, with the file in front of the message. */
enum fletch_status fletch_model_open(struct fletch_model **out, const char *path,
                                     const struct fletch_options *options,
                                     struct fletch_error *err);
/* The formats of checkpoints, in order of preference within a folder; ends with NULL. */
extern const struct fletch_checkpoint_format *const fletch_formats[];
/* Opens a checkpoint, in open_checkpoint.c. The names are judged by the families in
 * question: config.json's model_type if it is known, or the options' family. */
enum fletch_status fletch_model_checkpoint(struct fletch_checkpoint **out, const char *path,
                                           const struct fletch_options *options,
                                           const char *model_type,
                                           struct fletch_error *err);
void fletch_model_close(struct fletch_model *model);
/* NOT_FOUND when there is no config.json and nothing else supplies all its values: names
 * the keys to set. */
enum fletch_status fletch_model_check_said(const struct fletch_model *model,
                                           struct fletch_error *err);

/* ---- check_config.c ---- */

/* The class that metadata.json names: always a string, since loaders break on null. FORMAT
 * when that of config.json is not one. */
enum fletch_status fletch_model_architecture(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_error *err);
/* Checks, before any byte is converted, that the config has what metadata.json needs. */
enum fletch_status fletch_model_check_config(const struct fletch_model *model,
                                             struct fletch_error *err);

/* What a sentence-transformers pipeline states about itself: the dimension of the last
 * module that defines one, and max_seq_length; -1 when nothing states it. Other models:
 * from the config. */
int64_t fletch_model_dimension(const struct fletch_model *model);
int64_t fletch_model_max_seq_length(const struct fletch_model *model);

/* The i-th pooling mode of a Pooling module ("mean"), in the order in which the results are
 * concatenated; NULL past the last. */
const char *fletch_module_pooling(const struct fletch_module *module, size_t i);
/* The key in the module's config.json for its output dimension (a Pooling's: its input
 * dimension); NULL for kinds without one. */
const char *fletch_module_dimension_key(const struct fletch_module *module);
/* model_max_length of tokenizer_config.json if it is a real limit, else -1: the library
 * writes 1e30 for none. */
int64_t fletch_model_tokenizer_limit(const struct fletch_model *model);

/* ---- When no family knows the tensors (hints.c) ---- */

/* Says that only one shard was given, such as model-00002-of-00005.safetensors, judging by
 * its name alone. NULL if it is not a shard, or when out of memory. */
const char *fletch_model_shard_alone(const struct fletch_checkpoint *checkpoint,
                                     struct fletch_arena *arena);

/* Adds to an error about a checkpoint's names where models of known families lie: ";
 * --prefix NAME takes what is below a name: 'question_model' with 39 tensors (bert)". Adds
 * nothing when there are none. `err` may be NULL. */
void fletch_model_hint_prefixes(const struct fletch_checkpoint *checkpoint,
                                struct fletch_error *err);

/* ---- Heads (heads.c) ---- */

/* The kind of model in sentence-transformers' terms: model_type of
 * config_sentence_transformers.json, or "CrossEncoder" if config.json has keys that only
 * those leave there; NULL when nothing tells. */
const char *fletch_model_kind(const struct fletch_model *model);
/* Why the model is of little use without the head on its encoder, such as "the model is a
 * CrossEncoder"; in `arena`. *out is NULL when it is not so. MEMORY. */
enum fletch_status fletch_model_head_matters(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err);

/* ---- Config values checked against the tensors' shapes (check_shapes.c) ---- */

/* The most conflicts reported: more than any family has fields. */
#define FLETCH_SHAPE_CONFLICTS_MAX 16

/* The source of a field's value and its name there, to put in front of it in a message:
 * "config.json says hidden_size", "--set says n_mels". In the arena; NULL when out of
 * memory.
 */
const char *fletch_model_says(const struct fletch_model *model,
                              const struct fletch_field *field, struct fletch_arena *arena);
/* The same for the number of layers; also NULL for models that do not number them. */
const char *fletch_model_says_layers(const struct fletch_model *model,
                                     struct fletch_arena *arena);
/* The values that the shapes of the model's own tensors contradict, in words: out[*count],
 * in the arena. The number of layers is not checked. MEMORY. */
enum fletch_status fletch_model_check_shapes(const char *out[FLETCH_SHAPE_CONFLICTS_MAX],
                                             size_t *count,
                                             const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err);
/* FAMILY when a module's config contradicts its tensors, or takes another number of values
 * than the modules in front of it give (check_modules.c). *warning, in the arena, says the
 * same where it only is told on; else NULL. MEMORY. */
enum fletch_status fletch_model_check_modules(const char **warning,
                                              const struct fletch_model *model,
                                              struct fletch_arena *arena,
                                              struct fletch_error *err);
/* Tables of embeddings whose rows config.json counts. */
#define FLETCH_SHORT_TABLES_MAX 3

/* FAMILY when a table of embeddings has fewer rows than config.json itself counts: some ids
 * or places of a text have none. One with more is padded. Where the model's options allow
 * what is missing, out[*count] gets it in words, in the arena. MEMORY. */
enum fletch_status fletch_model_check_tables(const char *out[FLETCH_SHORT_TABLES_MAX],
                                             size_t *count,
                                             const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err);

#endif
