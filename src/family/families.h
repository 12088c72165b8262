/* SPDX-License-Identifier: MIT */
/* families.h - the families' structs, and what text families share
 *
 * To add a family: its file, a line in the list below, a line in src/meson.build,
 * tests/families/NAME.txt. docs/adding-a-family.md explains each step.
 */
#ifndef FLETCH_FAMILY_FAMILIES_H
#define FLETCH_FAMILY_FAMILIES_H

#include "family/family.h"

/* In the order in which names and tensors are tried: clip before whisper before bert. */
#define FAMILIES(X)                                                                        \
    X(clip)                                                                                \
    X(clip_kin)                                                                            \
    X(whisper)                                                                             \
    X(causallm)                                                                            \
    X(bert)                                                                                \
    X(sentence)                                                                            \
    X(transformers)                                                                        \
    X(any)

#define DECLARE_FAMILY(name) extern const struct fletch_family fletch_family_##name;
FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

/* From bert.c: old names of parameters, heads and buffers of text models, and the seven
 * values of model_info that config.json has under their own names. */
/* Classes related to RoBERTa, and of MPNet, that have no pooler. */
extern const char *const fletch_roberta_unpooled[];
extern const struct fletch_rename fletch_text_renames[];
extern const struct fletch_drop fletch_text_drops[];
extern const struct fletch_field fletch_text_fields[];
/* Of optional.c: what text models are saved without; the second for classes that never have
 * a pooler. */
extern const struct fletch_optional fletch_text_optional[];
extern const struct fletch_optional fletch_unpooled_optional[];

/* Items of `expected` that several classes share: the attention of BERT's layers apart from
 * query.weight, and what follows it in BERT and its descendants. */
#define FLETCH_SELF_EXPECTED                                                               \
    "encoder.layer.*.attention.self.query.bias",                                           \
        "encoder.layer.*.attention.self.key.weight",                                       \
        "encoder.layer.*.attention.self.key.bias",                                         \
        "encoder.layer.*.attention.self.value.weight",                                     \
        "encoder.layer.*.attention.self.value.bias"
#define FLETCH_BLOCK_EXPECTED                                                              \
    "encoder.layer.*.attention.output.dense.weight",                                       \
        "encoder.layer.*.attention.output.dense.bias",                                     \
        "encoder.layer.*.attention.output.LayerNorm.weight",                               \
        "encoder.layer.*.attention.output.LayerNorm.bias",                                 \
        "encoder.layer.*.intermediate.dense.weight",                                       \
        "encoder.layer.*.intermediate.dense.bias", "encoder.layer.*.output.dense.weight",  \
        "encoder.layer.*.output.dense.bias", "encoder.layer.*.output.LayerNorm.weight",    \
        "encoder.layer.*.output.LayerNorm.bias"

/* What BERT's layers have in addition when used in a decoder. */
#define FLETCH_CROSS_PATTERNS                                                              \
    "encoder.layer.*.crossattention.self.query.*",                                         \
        "encoder.layer.*.crossattention.self.key.*",                                       \
        "encoder.layer.*.crossattention.self.value.*",                                     \
        "encoder.layer.*.crossattention.self.distance_embedding.weight",                   \
        "encoder.layer.*.crossattention.output.dense.*",                                   \
        "encoder.layer.*.crossattention.output.LayerNorm.*"

/* For classes whose embeddings may be narrower than their layers. */
#define FLETCH_WHEN_NARROW                                                                 \
    .path = "embedding_size", .kind = FLETCH_WHEN_DIFFERS, .word = "hidden_size"

/* From deberta.c: the names of both versions, for the classes in transformers.c. */
#define DECLARE_NAMES(version)                                                             \
    extern const char *const fletch_##version##_patterns[];                                \
    extern const char *const fletch_##version##_required[];                                \
    extern const char *const fletch_##version##_expected[];                                \
    extern const struct fletch_condition fletch_##version##_conditions[];                  \
    extern const struct fletch_default fletch_##version##_defaults[];
DECLARE_NAMES(deberta)
DECLARE_NAMES(deberta_v2)
#undef DECLARE_NAMES

/* In family.c: sets *out to the renamed name, or to `name` itself. MEMORY. */
enum fletch_status fletch_rename_one(const char **out, const char *name,
                                     const struct fletch_rename *renames,
                                     struct fletch_arena *arena, struct fletch_error *err);
/* In family.c: the number after the class's `layers` in an own name; -1 outside layers. */
int64_t fletch_layer_of(const char *own, const struct fletch_model_class *model_class);
/* In family.c: the number of layers in the config; -1 when it states none. */
int64_t fletch_layers_count(const struct fletch_map_input *input);
/* In family.c: how many layers each group of a class with `inner_path` has by the config;
 * -1 for other classes and without a config. */
int64_t fletch_inner_count(const struct fletch_map_input *input);
/* In family.c: either count with its source, for messages: "config.json says
 * inner_group_num 1"; in the arena, NULL when out of memory. */
const char *fletch_layers_said(const struct fletch_map_input *input, bool inner,
                               struct fletch_arena *arena);

/* In own.c: matches a name against an own name of a table, where a star in the middle is a
 * number as the library writes it, at the end weight or bias. */
bool fletch_own_match(const char *glob, const char *name);
/* True when one of the NULL-terminated list matches; false for NULL. */
bool fletch_own_any(const char *const *globs, const char *name);
/* Room for an own name, and fletch_unwrap with `all` into it; false for longer names. */
#define FLETCH_OWN_CAP 256
bool fletch_unwrap_into(char out[FLETCH_OWN_CAP], const char *name);

/* In own.c: removes the wrappers' word "module" from the row names of an unknown model,
 * where it cannot be a word of the model. MEMORY. */
enum fletch_status fletch_unwrap_modules(struct fletch_mapping *mapped, size_t count,
                                         struct fletch_arena *arena,
                                         struct fletch_error *err);
/* In family.c: true when some mapped row matches the own name. */
bool fletch_has_row(const struct fletch_mapping *mapped,
                    const struct fletch_map_input *input, const char *glob);

/* In need.c: FAMILY when nothing shows that the rows belong to the class. */
enum fletch_status fletch_check_required(const struct fletch_mapping *mapped,
                                         const struct fletch_map_input *input,
                                         struct fletch_error *err);
/* In missing_report.c: the option that converts a model which does not fit the class. */
const char *fletch_type_hint(const struct fletch_map_input *input);

/* Of optional.c: why loaders do without an expected name that has no row; NULL: they do
 * not. */
const char *fletch_why_optional(const struct fletch_mapping *mapped,
                                const struct fletch_map_input *input, const char *glob);
/* In missing_keys.c: fills in what is missing, and warns of names that loaders can do
 * without. */
enum fletch_status fletch_find_missing_keys(struct fletch_missing_keys *out,
                                            const struct fletch_mapping *mapped,
                                            const struct fletch_map_input *input,
                                            struct fletch_arena *arena,
                                            struct fletch_error *err);
/* Room for a list of names in a message, and how many of a kind it names. */
#define FLETCH_LIST_CAP 360
#define FLETCH_LISTED_MAX 3
/* In missing_report.c: "'a', 'b', 'c' and 5 more", for `count` names of which `listed` are
 * given. */
const char *fletch_list_names(char out[FLETCH_LIST_CAP], const char *const *names,
                              size_t listed, uint64_t count, size_t shown_max);
/* Adds a warning; NULL means a failed allocation. */
enum fletch_status fletch_missing_keys_warn(struct fletch_missing_keys *missing_keys,
                                            const char *text, struct fletch_error *err);

/* In unsupported_weights.c: sets *out to a sentence, in the arena, about the first of the
 * model's own weights that no loader can use as it is; NULL when every one can be used.
 * MEMORY. */
enum fletch_status fletch_find_unsupported_weights(const char **out,
                                                   const struct fletch_map_input *input,
                                                   struct fletch_arena *arena,
                                                   struct fletch_error *err);

/* In adapters.c: warns of adapters beside the model. MEMORY. */
enum fletch_status fletch_warn_of_adapters(struct fletch_missing_keys *out,
                                           const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err);

/* True when the class's required names are all there; detect.c. */
bool fletch_model_class_has_required(const struct fletch_model_class *model_class,
                                     const char *const *names, size_t count);
/* True when the class's model has a tensor that a checkpoint calls `name`; family.c. */
enum fletch_status fletch_model_class_has(bool *out, const struct fletch_family *family,
                                          const struct fletch_model_class *model_class,
                                          const char *name, struct fletch_arena *arena,
                                          struct fletch_error *err);

#endif
