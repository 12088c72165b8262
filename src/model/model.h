/* SPDX-License-Identifier: MIT */
/* model.h - a model on disk: its config, its checkpoints, its modules, its family
 *
 * A plain transformers folder has one checkpoint. A sentence-transformers folder
 * (modules.json) is a pipeline of modules, of which some have weights: the first module's
 * checkpoint is the encoder, its rows have no prefix; the others' rows are named after the
 * module's folder (2_Dense.linear.weight).
 */
#ifndef FLETCH_MODEL_MODEL_H
#define FLETCH_MODEL_MODEL_H

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "family/family.h"

struct fletch_component {
    const char
        *folder; /* "" for the encoder, else "2_Dense": in front of its rows' names */
    struct fletch_checkpoint *checkpoint;
    const char *file; /* a head's beside the encoder's, "sparse_linear.pt": in front of its
                         tensors' names, in place of the folder; else NULL */
};

/* One entry of modules.json. */
struct fletch_module {
    const char *kind;        /* last part of its type: "Transformer", "Pooling", "Dense" */
    const char *type;        /* as modules.json has it */
    const char *folder;      /* relative; "" is the model's own */
    json_t *config;          /* of the module's folder; NULL where it has none, and of the
                           encoder: its config is the model's */
    const char *config_name; /* of that file: "config.json", "lstm_config.json"; NULL */
    bool off_route;          /* inside a Router, and not on its default route */
};

/* No published pipeline has more than five. */
#define FLETCH_MODULES_MAX 64
/* Heads in files beside the encoder's checkpoint: sparse_linear.pt, colbert_linear.pt. */
#define FLETCH_BESIDE_MAX 2

struct fletch_model {
    struct fletch_arena arena;
    const char *name;           /* as the user gave it */
    const char *folder;         /* where the files are; of a single file, its folder */
    const char *encoder_folder; /* of config.json and tokenizer.json: folder, or its first
                                   module's */
    const char *config_path;
    json_t *config;     /* config.json, or what stands for it; NULL when there is neither
                           (single files only) */
    bool config_stated; /* it is config.json: what it leaves out is the class's default */
    const char *model_type;               /* of config.json, or "" */
    const struct fletch_dialect *dialect; /* that its words were translated from; NULL */
    json_t *set; /* what was set from outside, by key, as it was given; NULL: nothing */
    const struct fletch_family *family;
    const struct fletch_model_class *model_class;
    char evidence[256];                  /* why this family */
    bool allow_missing;                  /* the options say so: it need not be whole */
    bool keep_heads;                     /* the options say so: heads are rows */
    struct fletch_component *components; /* [components_count]; the encoder is the first */
    size_t components_count;
    /* [modules_count]; 0 without a modules.json that counts */
    struct fletch_module *modules;
    size_t modules_count;
    size_t encoder;          /* which of the modules is the encoder */
    json_t *sentence_config; /* sentence_bert_config.json or a sibling; may be NULL */
    const char *sentence_config_name; /* which of them it is */
    json_t *prompts;                  /* config_sentence_transformers.json; may be NULL */
    json_t *tokenizer_config;         /* tokenizer_config.json; may be NULL */
};

/* Opens the model at `path`. Of the options, which may be NULL, family, prefix and set are
 * used; cancel and user are kept for when its tensors are read. NOT_FOUND, IO, FORMAT,
 * UNSUPPORTED, FAMILY, MEMORY, with the file in front of the message. */
enum fletch_status fletch_model_open(struct fletch_model **out, const char *path,
                                     const struct fletch_options *options,
                                     struct fletch_error *err);
/* The formats of checkpoints, in the order of choice in a folder; ends with NULL. */
extern const struct fletch_checkpoint_format *const fletch_formats[];
/* Opens a checkpoint, its names judged by the families that may be meant: config.json's
 * model_type where it is known, or the options' family. Of open_checkpoint.c. */
enum fletch_status fletch_model_checkpoint(struct fletch_checkpoint **out, const char *path,
                                           const struct fletch_options *options,
                                           const char *model_type,
                                           struct fletch_error *err);
void fletch_model_close(struct fletch_model *model);
/* NOT_FOUND when there is no config.json and nothing else tells all that it would have to:
 * names the keys to set. */
enum fletch_status fletch_model_check_said(const struct fletch_model *model,
                                           struct fletch_error *err);

/* ---- check_config.c ---- */

/* The class that metadata.json names: always a string, since loaders break on null. FORMAT
 * when config.json's is none. */
enum fletch_status fletch_model_architecture(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_error *err);
/* That the config has what metadata.json will need, asked before any byte is converted. */
enum fletch_status fletch_model_check_config(const struct fletch_model *model,
                                             struct fletch_error *err);

/* What a sentence-transformers pipeline says about itself: the dimension of the last module
 * that defines one, and max_seq_length; -1 when nothing says so. Other models: from the
 * config. */
int64_t fletch_model_dimension(const struct fletch_model *model);
int64_t fletch_model_max_seq_length(const struct fletch_model *model);

/* The i-th way in which a Pooling module pools ("mean"), in the order in which their
 * results stand one behind the other; NULL past the last. */
const char *fletch_module_pooling(const struct fletch_module *module, size_t i);
/* What the module's config.json calls the dimension of what it gives, a Pooling's of what
 * it takes; NULL for kinds that do not say. */
const char *fletch_module_dimension_key(const struct fletch_module *module);
/* model_max_length of tokenizer_config.json where it is a real limit, else -1: without one
 * the library writes 1e30. */
int64_t fletch_model_tokenizer_limit(const struct fletch_model *model);

/* ---- Where no family knows the tensors (hints.c) ---- */

/* In words: of a checkpoint in shards one was given, such as
 * model-00002-of-00005.safetensors; its name is all that tells. NULL when it is none, or
 * without memory. */
const char *fletch_model_shard_alone(const struct fletch_checkpoint *checkpoint,
                                     struct fletch_arena *arena);

/* Adds to an error about a checkpoint's names where models lie that families know:
 * "; --prefix NAME takes what is below a name: 'question_model' with 39 tensors (bert)".
 * Adds nothing where there are none. `err` may be NULL. */
void fletch_model_hint_prefixes(const struct fletch_checkpoint *checkpoint,
                                struct fletch_error *err);

/* ---- Heads (heads.c) ---- */

/* What sentence-transformers calls the model: config_sentence_transformers.json's
 * model_type, or "CrossEncoder" where config.json has what only those leave there; NULL
 * where nothing says so. */
const char *fletch_model_kind(const struct fletch_model *model);
/* Why the head on top of the encoder is the point of the model, as "the model is a
 * CrossEncoder"; in `arena`, *out is NULL where it is not. MEMORY. */
enum fletch_status fletch_model_head_matters(const char **out,
                                             const struct fletch_model *model,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err);

/* ---- What is said, against the tensors' shapes (check_shapes.c) ---- */

/* No more sentences than this: more than any family has fields. */
#define FLETCH_SHAPE_CONFLICTS_MAX 16

/* Who says a field's value, and under which name, to go in front of it in a sentence:
 * "config.json says hidden_size", "--set says n_mels". In the arena; NULL without memory.
 */
const char *fletch_model_says(const struct fletch_model *model,
                              const struct fletch_field *field, struct fletch_arena *arena);
/* The same of the number of layers; NULL also for models that do not number them. */
const char *fletch_model_says_layers(const struct fletch_model *model,
                                     struct fletch_arena *arena);
/* The values that the shapes of the model's own tensors contradict, in words: out[*count],
 * in the arena. The number of layers is not among them. MEMORY. */
enum fletch_status fletch_model_check_shapes(const char *out[FLETCH_SHAPE_CONFLICTS_MAX],
                                             size_t *count,
                                             const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_arena *arena,
                                             struct fletch_error *err);
/* FAMILY when a table of embeddings has fewer rows than config.json itself counts: some ids
 * or places of a text have none. One with more is padded. MEMORY. */
enum fletch_status fletch_model_check_tables(const struct fletch_model *model,
                                             const struct fletch_dialect_input *tensors,
                                             struct fletch_error *err);

#endif
