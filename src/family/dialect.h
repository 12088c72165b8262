/* SPDX-License-Identifier: MIT */
/* dialect.h - other projects' words for the same models, as tables
 *
 * A dialect says how a checkpoint is recognised whose tensors are not named as transformers
 * names them, what each is called there, which are several in one and which lie on their
 * side, and where the values are that config.json would have: in what the checkpoint says
 * besides, in a file of that project, in the tensors' shapes. Everything behind it, the
 * families among it, sees the model as transformers would have saved it. All logic is in
 * dialect.c; a dialect's own file holds a comment, arrays and the struct.
 *
 * A dialect without a name is transformers' own words: it only says what of a missing
 * config.json can be told from shapes. With a family it is asked only where the model_type
 * is its own, and says also what a config.json that is there leaves out.
 */
#ifndef FLETCH_FAMILY_DIALECT_H
#define FLETCH_FAMILY_DIALECT_H

#include "family/family.h"

/* Tensors that one may become. */
#define FLETCH_DIALECT_SPLITS_MAX 3

/* A star of `to` stands for what the star of `from` in the same place stood for; the first
 * rule that matches is applied. */
struct fletch_dialect_rule {
    const char *from;                          /* glob */
    const char *to[FLETCH_DIALECT_SPLITS_MAX]; /* two or three: equal parts along the first
                                                 dimension, in this order */
    bool transpose;                            /* of a matrix: its other side is up */
};

enum fletch_dialect_source_kind {
    FLETCH_SOURCE_NONE = 0,
    FLETCH_SOURCE_FACT,  /* `at`: dotted, in what the checkpoint says besides its tensors */
    FLETCH_SOURCE_FILE,  /* `at`: dotted, in the dialect's config file */
    FLETCH_SOURCE_SHAPE, /* dimension `dim` of the first tensor that `at` matches */
    FLETCH_SOURCE_GRID,  /* the square root of that less one: patches along a side */
    FLETCH_SOURCE_LAYERS, /* one more than the highest number that the last star of `at`
                             stands for */
    FLETCH_SOURCE_FIELD,  /* `at`: the path of a field further up */
    FLETCH_SOURCE_NUMBER  /* `number`: a constant of that project */
};

struct fletch_dialect_source {
    enum fletch_dialect_source_kind kind;
    const char *at;
    int dim; /* from the end when negative */
    double number;
    const char *times; /* the path of a field further up: the value is multiplied by it */
    /* What the value is divided by, without a rest or it is no value: what the config file
     * has at `per`, otherwise `by` where the value is at most `most`. */
    const char *per;
    double by, most;
};

/* A value of config.json, and where it is. */
struct fletch_dialect_field {
    const char *path; /* "vision_config.hidden_size" */
    /* The first that is there; every further one must say the same. */
    struct fletch_dialect_source from[3];
    bool first_only; /* further ones are looked at only when it is missing */
};

/* A tower or a setting that makes it another model. */
struct fletch_dialect_refusal {
    const char *glob; /* of a tensor; or NULL */
    const char *path; /* in the config file: it must not be there, be null or false ... */
    const char *allowed; /* ... or say this; NULL: nothing */
    const char *why;     /* "the vision tower is timm's, ..." */
};

struct fletch_dialect {
    const char *name;  /* "openai-whisper"; NULL: transformers' own words */
    const char *title; /* one line for people */
    const struct fletch_family *family;
    const char *model_type;  /* what transformers' config.json would say; NULL: no guess */
    const char *config_file; /* must be beside it; NULL: none */
    const char *const
        *required; /* globs: it is this dialect when all of them are there ... */
    const char *const *prefixes; /* ... perhaps behind one of these; NULL: none */
    const struct fletch_dialect_rule *rules; /* NULL: none */
    const char *const *whole; /* a tensor of these that no rule knows makes it another model
                               */
    const struct fletch_dialect_refusal *refusals; /* ends with a NULL `why`; NULL: none */
    const struct fletch_dialect_field *fields;     /* ends with a NULL path */
    const char *config_from; /* "config from its dims"; NULL for no name */
};

/* The i-th, in the order in which they are asked; NULL past the last. */
const struct fletch_dialect *fletch_dialect_get(size_t i);

/* A tensor as far as dialects are concerned. */
struct fletch_shape {
    const char *name;
    const uint64_t *dims; /* [rank] */
    unsigned rank;
};

struct fletch_dialect_input {
    const struct fletch_shape *tensors; /* [count] */
    size_t count;
    const json_t *facts; /* what the checkpoint says besides; may be NULL */
    const json_t *file;  /* the dialect's config file; may be NULL */
};

/* Whether all that the dialect needs is there, and behind which prefix: *prefix is ""
 * without one. */
bool fletch_dialect_fits(const char **prefix, const struct fletch_dialect *dialect,
                         const struct fletch_dialect_input *input);
/* UNSUPPORTED when the model is one that the dialect refuses, naming the tensor or the
 * setting. Asked also of dialects that do not fit. */
enum fletch_status fletch_dialect_check(const struct fletch_dialect *dialect,
                                        const struct fletch_dialect_input *input,
                                        struct fletch_error *err);

/* What a tensor is in transformers' words: one or several. */
struct fletch_dialect_mapping {
    const char *names[FLETCH_DIALECT_SPLITS_MAX]; /* [count]; in the arena */
    unsigned count; /* 0: no rule; it keeps its name, and belongs to no model known */
    bool transpose;
};

/* FORMAT when the shape is none that could be split or transposed; UNSUPPORTED for a tensor
 * that the dialect must know and does not. */
enum fletch_status fletch_dialect_map(struct fletch_dialect_mapping *out,
                                      const struct fletch_dialect *dialect,
                                      const char *prefix, const struct fletch_shape *tensor,
                                      struct fletch_arena *arena, struct fletch_error *err);
/* config.json as far as the dialect can tell, new; values that nothing tells are not in it.
 * FORMAT when two sources contradict each other, or one is no number. */
enum fletch_status fletch_dialect_config(json_t **out, const struct fletch_dialect *dialect,
                                         const char *prefix,
                                         const struct fletch_dialect_input *input,
                                         struct fletch_error *err);
/* True when all that the dialect needs is among the names as they are. */
bool fletch_dialect_has_required(const struct fletch_dialect *dialect,
                                 const char *const *names, size_t count);
/* True when a rule of the dialect is about that name. */
bool fletch_dialect_knows(const struct fletch_dialect *dialect, const char *name);

#endif
