/* SPDX-License-Identifier: MIT */
/* family.h - what kinds of models there are, as tables: names and config in, names out
 *
 * A family says how a model is recognised, which of its tensors are rows and under which
 * names, and what metadata.json says about it. It sees no tensor bytes and no files. All
 * logic is in family.c; a family's own file holds a comment, arrays and the struct. If a
 * family seems to need code, the table lacks a column.
 */
#ifndef FLETCH_FAMILY_FAMILY_H
#define FLETCH_FAMILY_FAMILY_H

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

/* { "*embed_positions.weight", "*position_embedding" }: one star on each side stands for
 * the same text; the first rename that matches is applied, once. */
struct fletch_rename {
    const char *from, *to;
};

/* Names that do not become rows, and why, as `left_out` says it. */
struct fletch_drop {
    const char *glob;
    const char *reason; /* "belongs to the text tower" */
};

/* One key of model_info (text) or config (towers) in metadata.json. */
struct fletch_field {
    const char *key; /* "n_mels" */
    const char
        *paths[3]; /* in config.json, dotted, tried in order; NULLs behind the last */
    const char *fallback; /* JSON text, the config class's default; NULL: null where
                             `optional`, else a missing one is an error */
    bool optional;
};

/* One kind of checkpoint of a family: a config.json model_type. */
struct fletch_member {
    const char *model_type; /* "xlm-roberta"; NULL on the entry that takes any */
    const char
        *prefix;     /* "roberta": the base model's attribute in head models; NULL: none */
    const char *add; /* put in front of names that lack it ("vision_model."); NULL: none */
    const char *const *owns; /* globs of names that the base model has; NULL: every name */
    const struct fletch_field *fields; /* ends with a NULL key */
};

/* Which keys metadata.json has, in which order. */
enum fletch_layout { FLETCH_LAYOUT_TEXT, FLETCH_LAYOUT_SENTENCE, FLETCH_LAYOUT_TOWER };

struct fletch_family {
    const char *name;  /* "bert"; also --type's value */
    const char *title; /* one line for people */
    enum fletch_layout layout;
    const char *model_type_text;   /* metadata.json's model_type: "Whisper Audio Encoder" */
    const char *architecture;      /* "Whisper"; NULL: architectures[0] of config.json */
    const char *converter_version; /* as loaders know it: "0.1.0" or "0.2.0" */
    bool tokenizer;                /* text: the tokenizer goes with the weights */
    const char *const *name_hints; /* lower-case parts of model names, after config.json */
    const char *const *tensor_hints; /* globs of tensor names that only this family has: the
                                        last resort, said so */
    const char *const *need; /* globs; each must match some row, or it is not this family */
    const struct fletch_rename
        *renames; /* applied to the checkpoint's name first; NULL: none */
    const struct fletch_drop *drops; /* after the prefix is gone; first match; NULL: none */
    const char *const
        *keep; /* after drops: globs of the rows' names before `output`; NULL: all */
    const char *keep_reason; /* of what `keep` leaves out: "belongs to the decoder" */
    const struct fletch_rename *output;  /* names of rows; NULL: as they are */
    const struct fletch_member *members; /* ends with an entry whose owns, prefix,
                                            model_type and fields are all NULL */
};

/* The i-th family in the order of detection, or NULL. */
const struct fletch_family *fletch_family_get(size_t i);
/* By name; FLETCH_ERR_FAMILY with the sentence of the old tools and the list of names. */
enum fletch_status fletch_family_find(const struct fletch_family **out, const char *name,
                                      struct fletch_error *err);
/* The member for a model_type (NULL or "" when the config has none): exact, else the
 * family's take-any entry, else NULL. */
const struct fletch_member *fletch_family_member(const struct fletch_family *family,
                                                 const char *model_type);

/* What is known about a model when its family is asked for. */
struct fletch_clues {
    const char *model;          /* the name or path that the user gave */
    const char *model_type;     /* of config.json; NULL when there is none */
    bool has_config;            /* a config.json was there */
    bool has_modules;           /* a sentence-transformers modules.json was there */
    const char *const *tensors; /* [tensors_count] names */
    size_t tensors_count;
};

/* config.json decides, then modules.json beside it, then the model's name, then its
 * tensors. `evidence` gets the deciding fact in words. FLETCH_ERR_FAMILY names the
 * model_type and says what to do. */
enum fletch_status fletch_family_detect(const struct fletch_family **out, char *evidence,
                                        size_t evidence_size,
                                        const struct fletch_clues *clues,
                                        struct fletch_error *err);

/* What becomes of one tensor. */
struct fletch_mapping {
    const char *row;    /* its row's name; NULL: left out */
    const char *reason; /* why it was left out; NULL for rows */
};

/* Maps all names at once, since prefixes and duplicates are facts about the whole list.
 * `names` is in natural order; out[count]; strings live in the arena or are static. Fails
 * with FLETCH_ERR_FAMILY when two names would be one row (naming both), or when a needed
 * row is missing. */
enum fletch_status fletch_family_map(struct fletch_mapping *out, const char *const *names,
                                     size_t count, const struct fletch_family *family,
                                     const struct fletch_member *member,
                                     struct fletch_arena *arena, struct fletch_error *err);

/* The value of a field as new JSON, config defaults applied. FORMAT when it is of the wrong
 * type (a number where the fallback is a number, and so on) or missing and required. */
enum fletch_status fletch_family_field(json_t **out, const struct fletch_field *field,
                                       const json_t *config, struct fletch_error *err);

#endif
