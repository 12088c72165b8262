/* SPDX-License-Identifier: MIT */
/* dialect.h - other projects' names for the same models, as tables
 *
 * A dialect describes checkpoints whose tensors have other names than in transformers: how
 * they are recognised, what each tensor is called, which of them hold several tensors or
 * are transposed, and where to find the values that config.json would have: among the
 * checkpoint's other data, in a file of that project, or in the tensors' shapes. All later
 * code, the families included, sees the model as transformers would have saved it. All
 * logic is in dialect.c; a dialect's own file holds a comment, arrays and the struct.
 *
 * A dialect without a name stands for transformers' own names: it only derives values of a
 * missing config.json from shapes. With a family it is used only when the model_type is its
 * own, and it also supplies what an existing config.json omits.
 */
#ifndef FLETCH_FAMILY_DIALECT_H
#define FLETCH_FAMILY_DIALECT_H

#include "family/family.h"

/* How many tensors one tensor may become. */
#define FLETCH_DIALECT_SPLITS_MAX 3

/* A star of `to` stands for the text that the star in the same place of `from` matched; the
 * first rule that matches is applied. */
struct fletch_dialect_rule {
    const char *from;                          /* glob */
    const char *to[FLETCH_DIALECT_SPLITS_MAX]; /* two or three: equal parts along the first
                                                  dimension, in this order */
    bool transpose;                            /* for a matrix: it is stored transposed */
};

enum fletch_dialect_source_kind {
    FLETCH_SOURCE_NONE = 0,
    FLETCH_SOURCE_FACT,  /* `at`: dotted, among the checkpoint's data besides its tensors */
    FLETCH_SOURCE_FILE,  /* `at`: dotted, in the dialect's config file */
    FLETCH_SOURCE_SHAPE, /* dimension `dim` of the first tensor that `at` matches */
    FLETCH_SOURCE_GRID,  /* the square root of that dimension less one: patches along a
                            side */
    FLETCH_SOURCE_LAYERS, /* one more than the highest number that the last star of `at`
                             matches */
    FLETCH_SOURCE_FIELD,  /* `at`: the path of an earlier field */
    FLETCH_SOURCE_NUMBER  /* `number`: a constant of that project */
};

struct fletch_dialect_source {
    enum fletch_dialect_source_kind kind;
    const char *at;
    int dim; /* from the end when negative */
    double number;
    const char *times; /* the path of an earlier field: the value is multiplied by it */
    /* The divisor of the value, which must be exact: the value of the config file at `per`,
     * or else `by` if the value is at most `most`. */
    const char *per;
    double by, most;
};

/* A value of config.json, and where to find it. */
struct fletch_dialect_field {
    const char *path; /* "vision_config.hidden_size" */
    /* The first that exists; every later one must agree with it. */
    struct fletch_dialect_source from[3];
    bool first_only; /* later ones are used only when it is missing */
};

/* A tower or a setting that shows it to be another model. */
struct fletch_dialect_refusal {
    const char *glob;    /* of a tensor; or NULL */
    const char *path;    /* in the config file: must be missing, null or false ... */
    const char *allowed; /* ... or have this value; NULL: no other */
    const char *why;     /* "the vision tower is timm's, ..." */
};

struct fletch_dialect {
    const char *name;  /* "openai-whisper"; NULL: transformers' own names */
    const char *title; /* one line for people */
    const struct fletch_family *family;
    const char *model_type;      /* the model_type that transformers would write; NULL:
                                unknown */
    const char *config_file;     /* must be beside the checkpoint; NULL: none */
    const char *const *required; /* globs: it is this dialect when all of them match ... */
    const char *const *prefixes; /* ... perhaps after one of these; NULL: none */
    const struct fletch_dialect_rule *rules; /* NULL: none */
    const char *const *whole; /* a tensor that matches these but no rule shows it to be
                                 another model */
    const struct fletch_dialect_refusal *refusals; /* ends with a NULL `why`; NULL: none */
    const struct fletch_dialect_field *fields;     /* ends with a NULL path */
    const char *config_from; /* "config from its dims"; NULL for no name */
};

/* The i-th, in the order in which they are tried; NULL past the last. */
const struct fletch_dialect *fletch_dialect_get(size_t i);

/* What dialects need to know about a tensor. */
struct fletch_shape {
    const char *name;
    const uint64_t *dims; /* [rank] */
    unsigned rank;
};

struct fletch_dialect_input {
    const struct fletch_shape *tensors; /* [count] */
    size_t count;
    const json_t *facts; /* the checkpoint's data besides its tensors; may be NULL */
    const json_t *file;  /* the dialect's config file; may be NULL */
};

/* True when everything that the dialect requires is there; *prefix is the prefix before it,
 * "" for none. */
bool fletch_dialect_fits(const char **prefix, const struct fletch_dialect *dialect,
                         const struct fletch_dialect_input *input);
/* UNSUPPORTED when the dialect refuses the model, naming the tensor or the setting. Also
 * called for dialects that do not fit. */
enum fletch_status fletch_dialect_check(const struct fletch_dialect *dialect,
                                        const struct fletch_dialect_input *input,
                                        struct fletch_error *err);

/* One or several names of a tensor in transformers. */
struct fletch_dialect_mapping {
    const char *names[FLETCH_DIALECT_SPLITS_MAX]; /* [count]; in the arena */
    unsigned count; /* 0: no rule; it keeps its name, and belongs to no known model */
    bool transpose;
};

/* FORMAT when the shape cannot be split or transposed; UNSUPPORTED for a tensor that the
 * dialect should know but does not. */
enum fletch_status fletch_dialect_map(struct fletch_dialect_mapping *out,
                                      const struct fletch_dialect *dialect,
                                      const char *prefix, const struct fletch_shape *tensor,
                                      struct fletch_arena *arena, struct fletch_error *err);
/* A new config.json, as far as the dialect can derive it; unknown values are left out.
 * FORMAT when two sources contradict each other, or one is not a number. */
enum fletch_status fletch_dialect_config(json_t **out, const struct fletch_dialect *dialect,
                                         const char *prefix,
                                         const struct fletch_dialect_input *input,
                                         struct fletch_error *err);
/* True when everything that the dialect requires is among the unchanged names. */
bool fletch_dialect_has_required(const struct fletch_dialect *dialect,
                                 const char *const *names, size_t count);
/* True when a rule of the dialect matches the name. */
bool fletch_dialect_knows(const struct fletch_dialect *dialect, const char *name);

#endif
