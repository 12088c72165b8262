/* SPDX-License-Identifier: MIT */
/* family.h - what kinds of models there are, as tables: names and config in, names out
 *
 * A family says how a model is recognised, which of its tensors are rows and under which
 * names, and what metadata.json says about it. It sees no tensor bytes and no files. All
 * logic is in family.c and detect.c; a family's own file holds a comment, arrays and the
 * struct. If a family seems to need code, the table lacks a column.
 */
#ifndef FLETCH_FAMILY_FAMILY_H
#define FLETCH_FAMILY_FAMILY_H

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

/* { "*embed_positions.weight", "*position_embedding" }: a star in front stands for the same
 * text on both sides; the first rename that matches is applied, once. */
struct fletch_rename {
    const char *from, *to;
};

/* Names that do not become rows, and why, as `left_out` says it. */
struct fletch_drop {
    const char *glob;
    const char *reason;     /* "belongs to the text tower" */
    const char *when_false; /* only when config.json has false at this path; NULL: always */
    bool head;              /* of a head on top of the model: a row where heads are kept */
    bool unowned;           /* only where the model has no such tensor itself */
    const char *kept_by;    /* of a head: part of the name of a class that it is a part of,
                            whose models always keep it; NULL: none */
};

enum fletch_field_kind {
    FLETCH_FIELD_COUNT, /* an integer from 1 to INT32_MAX */
    FLETCH_FIELD_REAL   /* a number that is not negative */
};

/* One key of model_info (text) or config (towers) in metadata.json. */
struct fletch_field {
    const char *key; /* "n_mels" */
    const char
        *paths[3]; /* in config.json, dotted, tried in order; NULLs behind the last */
    enum fletch_field_kind kind;
    bool top;      /* looked up at the top of config.json, whatever the member's roots */
    bool required; /* a missing one is an error; otherwise it is null */
    double default_value; /* without a value and without a member's default; 0: none */
};

/* What the model library's config class takes for a key of `fields` that config.json leaves
 * out: newer config files leave out what is default. */
struct fletch_default {
    const char *key;
    double value;
};

enum fletch_condition_kind {
    FLETCH_WHEN_TRUE,     /* a boolean */
    FLETCH_WHEN_FALSE,    /* a boolean */
    FLETCH_WHEN_POSITIVE, /* a number */
    FLETCH_WHEN_ZERO,     /* a number, or none */
    FLETCH_WHEN_NAMED,    /* a text with `word` in it, or a list of texts with it */
    FLETCH_WHEN_DIFFERS   /* a number that is not that of the field `word` */
};

/* A wanted name that only some configurations of the class have; of several with the same
 * glob all must hold. */
struct fletch_condition {
    const char *glob; /* as in `expected` */
    const char *path; /* in config.json */
    enum fletch_condition_kind kind;
    const char *word;
    double default_value; /* for a path without a value */
};

/* What loaders do without, as an own name, and why. */
struct fletch_optional {
    const char *glob, *reason;
};

/* One kind of checkpoint of a family: a config.json model_type. */
struct fletch_model_class {
    const char *model_type;  /* "xlm-roberta"; NULL on the entry that takes any */
    const char *class_name;  /* of the base model, for people: "XLMRobertaModel" */
    const char *prefixes[3]; /* "roberta": the base model's attribute in head models */
    const char *add; /* put in front of names that lack it ("vision_model."); NULL: none */
    /* Names of tensors, for fletch_own_match: a star is a layer's number, at the end a
     * module's weight or bias. */
    const char *const
        *patterns; /* what the base model has; NULL: every name is a row as it is */
    const char *const
        *required; /* what tells the model: without a row for any it is not this
                                family */
    const char *const
        *expected; /* what else the class has; without what is in neither of the
                                 next two the model is not whole; NULL: none */
    const struct fletch_optional *optional; /* of the wanted: what loaders do without; ends
                                               with a NULL glob; NULL: none */
    const struct fletch_condition *conditions; /* of the wanted: what config.json decides;
                                                  ends with a NULL glob; NULL: none */
    const char *const
        *unpooled;           /* ends of the names of classes with another head, which have
                                    no pooler; NULL: none */
    const char *layers;      /* own names of layer i start with this and i; NULL: none */
    const char *layers_key;  /* the field that says how many there are */
    const char *layers_path; /* or the path in config.json, 1 without a value; NULL: none */
    const char *inner_path;  /* the same of the second star of wanted names; NULL: none */
    const char *const *later; /* what is behind the number: not in layer 0; NULL: none */
    const char *const
        *optional_per_layer; /* the same: in some layers and not in others; NULL: none */
    const struct fletch_field *fields;     /* ends with a NULL key */
    const struct fletch_default *defaults; /* ends with a NULL key; NULL: none */
    const char *const *roots; /* objects of config.json, the first that is there holds the
                                 fields' paths; NULL: its top */
    bool positions_after_pad; /* the first position is pad_token_id + 1 */
    bool told; /* its names are anybody's: never guessed from them, somebody must say so */
};

/* Which keys metadata.json has, in which order. */
enum fletch_metadata_kind {
    FLETCH_METADATA_TEXT,
    FLETCH_METADATA_SENTENCE,
    FLETCH_METADATA_TOWER
};

struct fletch_family {
    const char *name;        /* "bert"; also --type's value */
    const char *title;       /* one line for people */
    const char *refusal;     /* known, but not converted: why; NULL for a real family */
    const char *refusal_way; /* of such a one: the type that takes its models as they are */
    enum fletch_metadata_kind metadata_kind;
    const char *model_type_text;   /* metadata.json's model_type: "Whisper Audio Encoder" */
    const char *architecture;      /* "Whisper"; NULL: architectures[0] of config.json */
    const char *converter_version; /* as loaders know it: "0.1.0" or "0.2.0" */
    bool carries_config;           /* nothing is asked of config.json, it is there as it is;
                                      it may be missing */
    bool tokenizer;                /* text: the tokenizer goes with the weights */
    const char *const *name_hints; /* lower-case parts of model names, after config.json */
    const char *const *class_ends; /* of a refused family: how its classes' names end, where
                                      model_type is not known; NULL: not asked */
    const struct fletch_rename
        *renames; /* applied to the checkpoint's name first; NULL: none */
    const struct fletch_drop *drops;    /* also after the prefix is gone; first match; NULL:
                                           none */
    const struct fletch_rename *output; /* names of rows; NULL: as they are */
    const struct fletch_model_class *classes; /* ends with an entry without fields */
    const struct fletch_family *const
        *includes; /* families whose members are members of this
                                                one too, when it is asked for; NULL: none */
};

/* The i-th family, or NULL. */
const struct fletch_family *fletch_family_get(size_t i);
/* By name; FLETCH_ERR_FAMILY with the sentence of the old tools and the list of names. */
enum fletch_status fletch_family_find(const struct fletch_family **out, const char *name,
                                      struct fletch_error *err);
/* The member for a model_type (NULL or "" when the config has none): exact, else the
 * family's take-any entry, else NULL. */
const struct fletch_model_class *
fletch_family_model_class(const struct fletch_family *family, const char *model_type);
/* The same; where several are of that type, the first whose needed names all occur, or else
 * the one that has most of the names. */
const struct fletch_model_class *fletch_family_fitting(const struct fletch_family *family,
                                                       const char *model_type,
                                                       const char *const *names,
                                                       size_t count);
/* Whether a module of that kind, first in a pipeline, is a model of its own that is none of
 * transformers': StaticEmbedding. Its kind is then its model_type. */
bool fletch_family_is_input(const char *kind);
/* The first member whose needed names all occur in the list: for checkpoints that come
 * without a model_type. NULL when none fits. */
const struct fletch_model_class *fletch_family_guess(const struct fletch_family *family,
                                                     const char *const *names,
                                                     size_t count);

/* What is known about a model when its family is asked for. */
struct fletch_detect_input {
    const char *model;          /* the name or path that the user gave */
    const char *model_type;     /* of config.json; NULL when there is none */
    const char *architecture;   /* architectures[0] of config.json; NULL: none */
    const char *type_says;      /* who says it: "config.json says"; NULL without one */
    bool has_config;            /* a config.json was there */
    bool has_modules;           /* a sentence-transformers modules.json was there */
    bool no_text;               /* fletch_family_is_no_text says so */
    const char *const *tensors; /* [tensors_count] names */
    size_t tensors_count;
};

/* Of a model that no family knows: whether config.json says that it takes pictures or sound
 * and no text. */
bool fletch_family_is_no_text(const json_t *config);

/* config.json decides, with modules.json beside it, then the model's name, where its
 * tensors are not another family's, then its tensors. `evidence` gets the deciding fact in
 * words. FLETCH_ERR_FAMILY names the model_type and says what to do. */
enum fletch_status fletch_family_detect(const struct fletch_family **out, char *evidence,
                                        size_t evidence_size,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err);
/* The family that was asked for by name. FLETCH_ERR_FAMILY when the
 * model_type says otherwise, naming both. */
enum fletch_status fletch_family_choose(const struct fletch_family **out, const char *name,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err);

/* Sets *out to the name without the words that wrappers put into names; `all`:
 * with "module" among them, which may be a model's own. MEMORY. */
enum fletch_status fletch_unwrap(const char **out, const char *name, bool all,
                                 struct fletch_arena *arena, struct fletch_error *err);

/* Which models may be meant when names are all there is to go by. */
struct fletch_scope {
    const struct fletch_family *family; /* the one that was asked for; NULL: any */
    const char *model_type;             /* of config.json; NULL or "": any */
};

/* True when the names that some model in the scope cannot do without are there. */
bool fletch_family_fits(const struct fletch_scope *scope, const char *const *names,
                        size_t count);
/* Sets marks[count] for the names that the model has which has most of them, of those that
 * fit. MEMORY. */
enum fletch_status fletch_family_match(bool *marks, const struct fletch_scope *scope,
                                       const char *const *names, size_t count,
                                       struct fletch_error *err);

/* Where a tensor lies that the model does not have. */
enum fletch_place {
    FLETCH_PLACE_OUTSIDE, /* a head, another model */
    FLETCH_PLACE_MODEL,   /* below a name that the model has too */
    FLETCH_PLACE_LAYER    /* in one of its layers: it may be another model */
};

/* What becomes of one tensor. */
struct fletch_mapping {
    const char *row;           /* its row's name; NULL: left out */
    const char *own;           /* of a row: what the model calls it, before `output`; ""
                                  of a head that is kept */
    const char *reason;        /* why it was left out; NULL for rows */
    bool head;                 /* belongs to a head on top of the model */
    int64_t beyond;            /* its layer's number, which is more than the config counts;
                                  0 of any other */
    enum fletch_place unknown; /* the model has no such tensor, though it lies there */
};

struct fletch_map_input {
    const struct fletch_family *family;
    const struct fletch_model_class *model_class;
    const char *const *names; /* [count], in natural order */
    size_t count;
    const json_t *config;    /* config.json; may be NULL */
    const char *layers_said; /* in front of the number of layers in sentences: "config.json
                                says num_hidden_layers"; may be NULL without a config */
    bool keep_heads;         /* heads are rows under their own names */
    const char *const *rest; /* [rest_count]: names of tensors beside the model's */
    size_t rest_count;
};

/* UNSUPPORTED when one of the names is an adapter's, of any library: it is named, and what
 * to do with it. For names of which no row is made. */
enum fletch_status fletch_refuse_adapters(const char *const *names, size_t count,
                                          struct fletch_error *err);

/* Maps all names at once, since prefixes and duplicates are facts about the whole list.
 * out[count]; strings live in the arena or are static. Fails with FLETCH_ERR_FAMILY when
 * two names would be one row (naming both), or when a needed row is missing; UNSUPPORTED
 * when the model's own weights are quantized, in parts, or have adapters beside them: where
 * nothing is known of the model, that is one of its lacks. */
enum fletch_status fletch_family_map(struct fletch_mapping *out,
                                     const struct fletch_map_input *input,
                                     struct fletch_arena *arena, struct fletch_error *err);
/* No more sentences than this say what is missing: each kind is cut after a few. */
#define FLETCH_MISSING_WARNINGS_MAX 16
/* No more names than this are listed of what is missing: a model has some thousands. */
#define FLETCH_MISSING_MAX 65536

/* What the model's class has and the mapped names lack. */
struct fletch_missing_keys {
    /* The first of what the class cannot do without, as its own names, in natural order:
     * [missing_listed], at most FLETCH_MISSING_MAX. */
    const char **missing;
    size_t missing_listed;
    uint64_t missing_count; /* all of them */
    const char *layers;     /* says that whole layers are missing; NULL */
    const char **unknown;   /* [unknown_count]: what its layers have that it has not */
    size_t unknown_count;
    const char *
        *inside; /* [inside_count]: the same, and what lies elsewhere among its own */
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
/* FAMILY when something is missing, unless that is allowed; also then when the layers have
 * tensors that the model's do not: it is another model. */
enum fletch_status fletch_family_check_whole(const struct fletch_missing_keys *missing_keys,
                                             const struct fletch_map_input *input,
                                             bool allow_missing, struct fletch_error *err);

/* What is known of a tensor without its bytes. */
struct fletch_facts {
    const uint64_t *dims; /* [rank] */
    unsigned rank;
    bool floating;     /* its elements are floating point numbers */
    const char *dtype; /* "torch.uint8" */
};

/* Whether the rows can be the model's own tensors: UNSUPPORTED for placeholders and
 * quantized weights, FAMILY where a shape contradicts the table or the other layers. Names
 * the tensor. facts[input->count]. */
enum fletch_status fletch_family_check_fit(const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           const struct fletch_facts *facts,
                                           struct fletch_error *err);

/* The value of a field as new JSON, config defaults applied; `config` may be NULL. FORMAT
 * when it is of the wrong type or out of range, or missing and required. */
enum fletch_status fletch_family_field(json_t **out,
                                       const struct fletch_model_class *model_class,
                                       const struct fletch_field *field,
                                       const json_t *config, struct fletch_error *err);
/* The same by key, as a count; -1 when there is no such field, no value or no valid one. */
int64_t fletch_family_count(const struct fletch_model_class *model_class, const char *key,
                            const json_t *config);

/* The path of the field at which config.json has a value, NULL when it has none. */
const char *fletch_family_path(const struct fletch_model_class *model_class,
                               const struct fletch_field *field, const json_t *config);
/* Whether the key is the field's, or one of its paths, with or without the object that they
 * start in. */
bool fletch_family_is_key(const char *key, const struct fletch_model_class *model_class,
                          const struct fletch_field *field);

/* A count of which config.json, or its default, says something else than another one. */
struct fletch_contradiction {
    const struct fletch_field *field;
    int64_t said, told;
};
/* The i-th count that `told` has and that is another in `config`, defaults applied; false
 * past the last. Both are as config.json. */
bool fletch_family_contradiction(struct fletch_contradiction *out,
                                 const struct fletch_model_class *model_class,
                                 const json_t *config, const json_t *told, size_t i);

/* The i-th field for which config.json says nothing, although the model library's config
 * class has it; NULL past the last. */
const struct fletch_field *
fletch_family_unsaid(const struct fletch_model_class *model_class, const json_t *config,
                     size_t i);
/* The i-th field that config.json can say; NULL past the last. */
const struct fletch_field *
fletch_family_settable(const struct fletch_model_class *model_class, size_t i);
/* Puts a value into config.json, so that the field takes it: `key` is the field's or one of
 * its paths. *known is false, and nothing else is done, when it is neither. FORMAT when the
 * value is of the wrong type or out of range. */
enum fletch_status fletch_family_set(bool *known, json_t *config,
                                     const struct fletch_model_class *model_class,
                                     const char *key, const json_t *value,
                                     struct fletch_error *err);

/* Other projects' words for these models: a part of this folder's face. */
#include "family/dialect.h"

#endif
