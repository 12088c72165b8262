/* SPDX-License-Identifier: MIT */
/* families.h - the families' structs, and what text families have in common
 *
 * Adding a family: its file, a line in the list below, a line in src/meson.build,
 * tests/families/NAME.txt; docs/adding-a-family.md does it step by step.
 */
#ifndef FLETCH_FAMILY_FAMILIES_H
#define FLETCH_FAMILY_FAMILIES_H

#include "family/family.h"

/* In the order in which names and tensors are asked: clip before whisper before bert. */
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

/* Of bert.c: old names of parameters, heads and buffers of text models, and the seven
 * values of model_info that config.json has under their own names. */
/* Classes of RoBERTa's kin, and of MPNet, that have no pooler. */
extern const char *const fletch_roberta_unpooled[];
extern const struct fletch_rename fletch_text_renames[];
extern const struct fletch_drop fletch_text_drops[];
extern const struct fletch_field fletch_text_fields[];
/* Of optional.c: what text models are saved without; the second for classes that never have
 * a pooler. */
extern const struct fletch_optional fletch_text_optional[];
extern const struct fletch_optional fletch_unpooled_optional[];

/* Items of `expected` that several classes share: what BERT's layers have in their
 * attention besides query.weight, and what they and their descendants have behind it. */
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

/* What BERT's layers have as a decoder's. */
#define FLETCH_CROSS_PATTERNS                                                              \
    "encoder.layer.*.crossattention.self.query.*",                                         \
        "encoder.layer.*.crossattention.self.key.*",                                       \
        "encoder.layer.*.crossattention.self.value.*",                                     \
        "encoder.layer.*.crossattention.self.distance_embedding.weight",                   \
        "encoder.layer.*.crossattention.output.dense.*",                                   \
        "encoder.layer.*.crossattention.output.LayerNorm.*"

/* Whose embeddings may be narrower than their layers. */
#define FLETCH_WHEN_NARROW                                                                 \
    .path = "embedding_size", .kind = FLETCH_WHEN_DIFFERS, .word = "hidden_size"

/* Of deberta.c: both versions' names, for the members in transformers.c. */
#define DECLARE_NAMES(version)                                                             \
    extern const char *const fletch_##version##_patterns[];                                \
    extern const char *const fletch_##version##_required[];                                \
    extern const char *const fletch_##version##_expected[];                                \
    extern const struct fletch_condition fletch_##version##_conditions[];                  \
    extern const struct fletch_default fletch_##version##_defaults[];
DECLARE_NAMES(deberta)
DECLARE_NAMES(deberta_v2)
#undef DECLARE_NAMES

/* Of family.c: sets *out to the renamed name, or to `name` itself. MEMORY. */
enum fletch_status fletch_rename_one(const char **out, const char *name,
                                     const struct fletch_rename *renames,
                                     struct fletch_arena *arena, struct fletch_error *err);
/* Of family.c: the number behind the member's `layers` in an own name; -1 for names of no
 * layer. */
int64_t fletch_layer_of(const char *own, const struct fletch_model_class *model_class);
/* Of family.c: how many layers the config says that there are; -1 when it does not. */
int64_t fletch_layers_count(const struct fletch_map_input *input);

/* Of own.c: whether a name is what an own name of a table says: a star in the middle is a
 * number as the library writes it, at the end weight or bias. */
bool fletch_own_match(const char *glob, const char *name);
/* True when one of the NULL-terminated list is; false for NULL. */
bool fletch_own_any(const char *const *globs, const char *name);
/* Room for an own name, and fletch_unwrap with all words into it; false for names that are
 * longer. */
#define FLETCH_OWN_CAP 256
bool fletch_unwrap_into(char out[FLETCH_OWN_CAP], const char *name);

/* Of own.c: takes the wrappers' word "module" out of the rows' names of a model of which
 * nothing is known, where it can be no word of its own. MEMORY. */
enum fletch_status fletch_unwrap_modules(struct fletch_mapping *mapped, size_t count,
                                         struct fletch_arena *arena,
                                         struct fletch_error *err);
/* Of family.c: true when some mapped row is what the own name says. */
bool fletch_has_row(const struct fletch_mapping *mapped,
                    const struct fletch_map_input *input, const char *glob);

/* Of need.c: FAMILY when nothing tells that the rows are the member's. */
enum fletch_status fletch_check_required(const struct fletch_mapping *mapped,
                                         const struct fletch_map_input *input,
                                         struct fletch_error *err);
/* Of missing_report.c: which option converts what does not fit the member. */
const char *fletch_way_out(const struct fletch_map_input *input);

/* Of optional.c: why loaders do without an expected name that has no row; NULL: they do
 * not. */
const char *fletch_why_optional(const struct fletch_mapping *mapped,
                                const struct fletch_map_input *input, const char *glob);
/* Of missing_keys.c: fills in what is missing, and warns of what loaders do without. */
enum fletch_status fletch_find_missing_keys(struct fletch_missing_keys *out,
                                            const struct fletch_mapping *mapped,
                                            const struct fletch_map_input *input,
                                            struct fletch_arena *arena,
                                            struct fletch_error *err);
/* Room for a list of names in a message, and how many of a kind it names. */
#define FLETCH_LIST_CAP 360
#define FLETCH_LISTED_MAX 3
/* Of missing_report.c: "'a', 'b', 'c' and 5 more", of `count` names of which `listed` are
 * there. */
const char *fletch_list_names(char out[FLETCH_LIST_CAP], const char *const *names,
                              size_t listed, uint64_t count, size_t shown_max);
/* Adds a warning; NULL is a failed allocation. */
enum fletch_status fletch_missing_keys_warn(struct fletch_missing_keys *missing_keys,
                                            const char *text, struct fletch_error *err);

/* Of unsupported_weights.c: sets *out to a sentence, in the arena, about the first tensor
 * of the model's own weights that no loader can use as it is; NULL when there is none.
 * MEMORY. */
enum fletch_status fletch_find_unsupported_weights(const char **out,
                                                   const struct fletch_map_input *input,
                                                   struct fletch_arena *arena,
                                                   struct fletch_error *err);

/* Of adapters.c: warns of adapters beside the model. MEMORY. */
enum fletch_status fletch_warn_of_adapters(struct fletch_missing_keys *out,
                                           const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err);

/* True when the names that the member cannot do without are all there; detect.c. */
bool fletch_model_class_has_required(const struct fletch_model_class *model_class,
                                     const char *const *names, size_t count);
/* True when the member's model has a tensor that a checkpoint calls `name`; family.c. */
enum fletch_status fletch_model_class_has(bool *out, const struct fletch_family *family,
                                          const struct fletch_model_class *model_class,
                                          const char *name, struct fletch_arena *arena,
                                          struct fletch_error *err);

#endif
