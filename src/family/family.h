/* SPDX-License-Identifier: MIT */
/* family.h - the kinds of models as tables: names and config in, names out
 *
 * A family says how a model is recognised, which of its tensors become rows under which
 * names, and what metadata.json says about it. It sees no tensor bytes and no files. All
 * logic is in family.c and detect.c; a family's own file holds a comment, arrays and the
 * struct. If a family seems to need code, the table lacks a column.
 */
#ifndef FLETCH_FAMILY_FAMILY_H
#define FLETCH_FAMILY_FAMILY_H

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

/* { "*embed_positions.weight", "*position_embedding" }: a leading star stands for the same
 * text on both sides; only the first rename that matches is applied, once. */
struct fletch_rename {
    const char *from, *to;
};

/* Names that do not become rows, and the reason that `left_out` gives. */
struct fletch_drop {
    const char *glob;
    const char *reason;     /* "belongs to the text tower" */
    const char *when_false; /* only if config.json has false at this path; NULL: always */
    bool head;              /* from a head on the model: becomes a row when heads are
                               kept */
    bool unowned;           /* only if the model itself has no such tensor */
    const char *kept_by;    /* for a head: part of the names of classes that always keep it;
                               NULL: none */
};

enum fletch_field_kind {
    FLETCH_FIELD_COUNT, /* an integer from 1 to INT32_MAX */
    FLETCH_FIELD_REAL   /* a number that is not negative */
};

/* One key of model_info (text) or config (towers) in metadata.json. */
struct fletch_field {
    const char *key;      /* "n_mels" */
    const char *paths[3]; /* in config.json, dotted, tried in order; unused ones are NULL */
    enum fletch_field_kind kind;
    bool top;      /* looked up at the top of config.json, whatever the class's roots */
    bool required; /* a missing one is an error; otherwise it is null */
    double default_value; /* used when neither config.json nor the class supplies a value;
                             0: none */
};

/* The value that the model library's config class uses for a key of `fields` that
 * config.json omits: newer config files omit defaults. */
struct fletch_default {
    const char *key;
    double value;
};

enum fletch_condition_kind {
    FLETCH_WHEN_TRUE,     /* a boolean */
    FLETCH_WHEN_FALSE,    /* a boolean */
    FLETCH_WHEN_POSITIVE, /* a number */
    FLETCH_WHEN_ZERO,     /* a number or missing */
    FLETCH_WHEN_NAMED,    /* a text that contains `word`, or a list with such a text */
    FLETCH_WHEN_DIFFERS   /* a number other than that of the field `word` */
};

/* An expected name that only some configurations of the class have. All conditions with the
 * same glob must hold. */
struct fletch_condition {
    const char *glob; /* as in `expected` */
    const char *path; /* in config.json */
    enum fletch_condition_kind kind;
    const char *word;
    double default_value; /* used when the path has no value */
};

/* What loaders do without, as an own name, and why. */
struct fletch_optional {
    const char *glob, *reason;
};

/* The names of one way in which a layer may be made, each as the part after its number. */
struct fletch_layer_set {
    const char *names[4]; /* ends with NULL */
};

/* One kind of checkpoint of a family: a config.json model_type. */
struct fletch_model_class {
    const char *model_type;  /* "xlm-roberta"; NULL for the entry that accepts any */
    const char *class_name;  /* of the base model, for people: "XLMRobertaModel" */
    const char *prefixes[3]; /* "roberta": the base model's attribute in head models */
    const char *add; /* put in front of names that lack it ("vision_model."); NULL: none */
    /* Names of tensors, for fletch_own_match: a star is a layer's number, at the end a
     * module's weight or bias. */
    const char *const
        *patterns; /* what the base model has; NULL: every name becomes a row unchanged */
    const char *const
        *required; /* what identifies the model: each must match a row, or it is not this
                      family */
    const char *const
        *expected; /* what else the class has; if a name in neither of the next two is
                      missing, the model is not whole; NULL: none */
    const struct fletch_optional *optional; /* of the wanted: what loaders do without; ends
                                               with a NULL glob; NULL: none */
    const struct fletch_condition *conditions; /* of the expected: names that depend on
                                                  config.json; ends with a NULL glob; NULL:
                                                  none */
    const char *const
        *unpooled;           /* suffixes of the names of head classes that have no pooler;
                                NULL: none */
    const char *layers;      /* own names in layer i start with this and i; NULL: none */
    const char *layers_key;  /* the field with the number of layers */
    const char *layers_path; /* or its path in config.json, 1 without a value; NULL: none */
    const char *inner_path;  /* the same for the second star of expected names; NULL:
                                none */
    const char *const *later; /* the part after the number: absent in layer 0; NULL: none */
    const char *const
        *optional_per_layer; /* the same: present in some layers only; NULL: none */
    const struct fletch_layer_set
        *layer_sets;                       /* each layer has one of these sets; ends with
                                                  an empty one; NULL: none */
    const struct fletch_field *fields;     /* ends with a NULL key */
    const struct fletch_default *defaults; /* ends with a NULL key; NULL: none */
    const char *const *roots; /* objects of config.json; the first that exists holds the
                                 fields' paths; NULL: its top level */
    bool positions_after_pad; /* the first position is pad_token_id + 1 */
    bool on_request; /* its names are too common to be recognised: it must be requested */
};

/* Selects the keys of metadata.json and their order. */
enum fletch_metadata_kind {
    FLETCH_METADATA_TEXT,
    FLETCH_METADATA_SENTENCE,
    FLETCH_METADATA_TOWER
};

struct fletch_family {
    const char *name;        /* "bert"; also --type's value */
    const char *title;       /* one line for people */
    const char *refusal;     /* why the family is known but not converted; NULL for a real
                                family */
    const char *refusal_way; /* for such a family: the type that converts its models
                                unchanged */
    enum fletch_metadata_kind metadata_kind;
    const char *model_type_text;   /* metadata.json's model_type: "Whisper Audio Encoder" */
    const char *architecture;      /* "Whisper"; NULL: architectures[0] of config.json */
    const char *converter_version; /* as loaders know it: "0.1.0" or "0.2.0" */
    bool carries_config;           /* config.json is copied unchanged, none of its keys is
                                      needed, and it may be missing */
    bool tokenizer;                /* text: a tokenizer is written beside the weights */
    const char *const *name_hints; /* lower-case parts of model names, after config.json */
    const char *const *class_ends; /* for a refused family: suffixes of its class names,
                                      used when model_type is unknown; NULL: not used */
    const struct fletch_rename
        *renames; /* applied first, to the checkpoint's names; NULL: none */
    const struct fletch_drop *drops;    /* also applied after the prefix is removed; first
                                           match; NULL: none */
    const struct fletch_rename *output; /* names of rows; NULL: unchanged */
    const struct fletch_model_class *classes; /* ends with an entry without fields */
    const struct fletch_family *const
        *includes; /* families whose classes also belong to this one when it is requested;
                      NULL: none */
};

/* The i-th family, or NULL. */
const struct fletch_family *fletch_family_get(size_t i);
/* By name; FLETCH_ERR_FAMILY with the old tools' sentence and the list of names. */
enum fletch_status fletch_family_find(const struct fletch_family **out, const char *name,
                                      struct fletch_error *err);
/* The class for a model_type (NULL or "" when the config has none): exact, else the
 * family's entry that accepts any, else NULL. */
const struct fletch_model_class *
fletch_family_model_class(const struct fletch_family *family, const char *model_type);
/* The same; among several of that type, the first whose required names all occur, or else
 * the one with most of the names. */
const struct fletch_model_class *fletch_family_fitting(const struct fletch_family *family,
                                                       const char *model_type,
                                                       const char *const *names,
                                                       size_t count);
/* True when a module of that kind, first in a pipeline, is a complete model that
 * transformers does not know: StaticEmbedding. Its kind is then its model_type. */
bool fletch_family_is_input(const char *kind);
/* The first class whose required names all occur in the list, for checkpoints without a
 * model_type. NULL when none fits. */
const struct fletch_model_class *fletch_family_guess(const struct fletch_family *family,
                                                     const char *const *names,
                                                     size_t count);

/* What is known about a model whose family is to be found. */
struct fletch_detect_input {
    const char *model;          /* the name or path that the user gave */
    const char *model_type;     /* of config.json; NULL when there is none */
    const char *architecture;   /* architectures[0] of config.json; NULL: none */
    const char *type_says;      /* the source of model_type: "config.json says"; NULL
                                   without one */
    bool has_config;            /* a config.json exists */
    bool has_modules;           /* a sentence-transformers modules.json exists */
    bool no_text;               /* fletch_family_is_no_text says so */
    const char *const *tensors; /* [tensors_count] names */
    size_t tensors_count;
};

/* Of a model that no family knows: whether config.json says that it takes pictures or sound
 * and no text. */
bool fletch_family_is_no_text(const json_t *config);

/* Decides by config.json, together with modules.json; then by the model's name, unless its
 * tensors belong to another family; then by the tensors. `evidence` receives the deciding
 * fact in words. FLETCH_ERR_FAMILY names the model_type and says what to do. */
enum fletch_status fletch_family_detect(const struct fletch_family **out, char *evidence,
                                        size_t evidence_size,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err);
/* The family that was asked for by name. FLETCH_ERR_FAMILY when the
 * model_type says otherwise, naming both. */
enum fletch_status fletch_family_choose(const struct fletch_family **out, const char *name,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err);

/* Sets *out to the name without the parts that wrappers insert; `all` includes "module",
 * which may be a model's own. MEMORY. */
enum fletch_status fletch_unwrap(const char **out, const char *name, bool all,
                                 struct fletch_arena *arena, struct fletch_error *err);

/* Which models are possible when only names are known. */
struct fletch_scope {
    const struct fletch_family *family; /* the requested one; NULL: any */
    const char *model_type;             /* of config.json; NULL or "": any */
};

/* True when the required names of some model in the scope are all there. */
bool fletch_family_fits(const struct fletch_scope *scope, const char *const *names,
                        size_t count);
/* Sets marks[count] for the names of the model that, among those that fit, has most of
 * them. MEMORY. */
enum fletch_status fletch_family_match(bool *marks, const struct fletch_scope *scope,
                                       const char *const *names, size_t count,
                                       struct fletch_error *err);

/* Where a tensor that the model lacks would belong. */
enum fletch_place {
    FLETCH_PLACE_OUTSIDE, /* a head or another model */
    FLETCH_PLACE_MODEL,   /* below a name that the model has too */
    FLETCH_PLACE_LAYER    /* in one of its layers: this may be another model */
};

/* What becomes of one tensor. */
struct fletch_mapping {
    const char *row;           /* its row's name; NULL: left out */
    const char *own;           /* of a row: its name in the model, before `output`; "" for a
                                  head that is kept */
    const char *reason;        /* why it was left out; NULL for rows */
    bool head;                 /* belongs to a head on the model */
    int64_t beyond;            /* its layer's number, which is more than the config counts;
                                  0 of any other */
    bool inner;                /* that is its number inside a group of layers (ALBERT) */
    enum fletch_place unknown; /* the model has no such tensor, though it would belong
                                  here */
};

struct fletch_map_input {
    const struct fletch_family *family;
    const struct fletch_model_class *model_class;
    const char *const *names; /* [count], in natural order */
    size_t count;
    const json_t *config;    /* config.json; may be NULL */
    const char *layers_said; /* precedes the number of layers in messages: "config.json says
                                num_hidden_layers"; may be NULL without a config */
    bool keep_heads;         /* heads become rows under their own names */
    const char *const *rest; /* [rest_count]: names of tensors that are not the model's */
    size_t rest_count;
};

/* UNSUPPORTED when one of the names belongs to an adapter of any library: names it and says
 * what to do. For names that do not become rows. */
enum fletch_status fletch_refuse_adapters(const char *const *names, size_t count,
                                          struct fletch_error *err);

/* Maps all names at once, since prefixes and duplicates concern the whole list. out[count];
 * strings live in the arena or are static. FLETCH_ERR_FAMILY when two names would be one
 * row (naming both), or when a required row is missing. UNSUPPORTED when the model's own
 * weights are quantized, split, or have adapters beside them; for an unknown model these
 * only become warnings. */
enum fletch_status fletch_family_map(struct fletch_mapping *out,
                                     const struct fletch_map_input *input,
                                     struct fletch_arena *arena, struct fletch_error *err);
/* The most messages about missing names: each kind is cut after a few. */
#define FLETCH_MISSING_WARNINGS_MAX 16
/* The most missing names that are listed: a model has a few thousand. */
#define FLETCH_MISSING_MAX 65536

/* What the model's class has but the mapped names lack. */
struct fletch_missing_keys {
    /* The first names that the class requires, as its own names, in natural order:
     * [missing_listed], at most FLETCH_MISSING_MAX. */
    const char **missing;
    size_t missing_listed;
    uint64_t missing_count; /* total number */
    const char *layers;     /* states that whole layers are missing; NULL */
    const char **unknown;   /* [unknown_count]: tensors in its layers that the class does
                               not have */
    size_t unknown_count;
    const char *
        *inside; /* [inside_count]: these, and unknown tensors elsewhere in the model */
    size_t inside_count;
    /* In words: what loaders do without, layers that are left out, tensors that the model
     * does not have, tensors that are not usable as weights. */
    const char *warnings[FLETCH_MISSING_WARNINGS_MAX];
    size_t warnings_count;
};

/* Fills in *out, in the arena. MEMORY. */
enum fletch_status fletch_family_missing_keys(struct fletch_missing_keys *out,
                                              const struct fletch_mapping *mapped,
                                              const struct fletch_map_input *input,
                                              struct fletch_arena *arena,
                                              struct fletch_error *err);
/* FAMILY when something is missing, unless that is allowed. It fails all the same when the
 * layers have tensors that the model's do not: then it is another model. */
enum fletch_status fletch_family_check_whole(const struct fletch_missing_keys *missing_keys,
                                             const struct fletch_map_input *input,
                                             bool allow_missing, struct fletch_error *err);

/* What is known about a tensor without its bytes. */
struct fletch_facts {
    const uint64_t *dims; /* [rank] */
    unsigned rank;
    bool floating;     /* its elements are floating-point numbers */
    const char *dtype; /* "torch.uint8" */
};

/* Checks that the rows can be the model's own tensors: UNSUPPORTED for placeholders and
 * quantized weights, FAMILY when a shape contradicts the table or the other layers. Names
 * the tensor. facts[input->count]. */
enum fletch_status fletch_family_check_fit(const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           const struct fletch_facts *facts,
                                           struct fletch_error *err);

/* The value of a field as new JSON, config defaults applied; `config` may be NULL. FORMAT
 * when it has the wrong type, is out of range, or is required and missing. */
enum fletch_status fletch_family_field(json_t **out,
                                       const struct fletch_model_class *model_class,
                                       const struct fletch_field *field,
                                       const json_t *config, struct fletch_error *err);
/* The same by key, as a count; -1 when there is no such field, or no valid value. */
int64_t fletch_family_count(const struct fletch_model_class *model_class, const char *key,
                            const json_t *config);

/* The path at which config.json has the field's value; NULL when it has none. */
const char *fletch_family_path(const struct fletch_model_class *model_class,
                               const struct fletch_field *field, const json_t *config);
/* True when the key is the field's, or one of its paths, with or without the object that
 * they start in. */
bool fletch_family_is_key(const char *key, const struct fletch_model_class *model_class,
                          const struct fletch_field *field);

/* A count that config.json, or its default, contradicts. */
struct fletch_contradiction {
    const struct fletch_field *field;
    int64_t said, shown;
};
/* The i-th count that `shapes` has and that differs in `config`, defaults applied; false
 * past the last. Both are in config.json's form. */
bool fletch_family_contradiction(struct fletch_contradiction *out,
                                 const struct fletch_model_class *model_class,
                                 const json_t *config, const json_t *shapes, size_t i);

/* The i-th field that config.json omits although the model library's config class has it;
 * NULL past the last. */
const struct fletch_field *
fletch_family_unsaid(const struct fletch_model_class *model_class, const json_t *config,
                     size_t i);
/* The i-th field that config.json can set; NULL past the last. */
const struct fletch_field *
fletch_family_settable(const struct fletch_model_class *model_class, size_t i);
/* Puts a value into config.json where the field reads it: `key` is the field's or one of
 * its paths. *known is false, and nothing else happens, when it is neither. FORMAT when the
 * value has the wrong type or is out of range. */
enum fletch_status fletch_family_set(bool *known, json_t *config,
                                     const struct fletch_model_class *model_class,
                                     const char *key, const json_t *value,
                                     struct fletch_error *err);

/* Dialects: a part of this folder's public face. */
#include "family/dialect.h"

#endif
