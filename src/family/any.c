/* SPDX-License-Identifier: MIT */
/* any.c - accepts any model: every tensor becomes a row under its own name
 *
 * Never detected, only requested. Nothing is known about such a model, so nothing is left
 * out, renamed or missed; metadata.json has an unchanged copy of its config.json.
 */
#include "family/families.h"

static const struct fletch_field fields[] = {
    { .key = NULL },
};

static const struct fletch_model_class classes[] = {
    { .model_type = NULL, .class_name = "the model", .fields = fields },
    { .fields = NULL },
};

const struct fletch_family fletch_family_any = {
    .name = "any",
    .title = "asked for: any model, all tensors under their own names, without a tokenizer",
    .metadata_kind = FLETCH_METADATA_TOWER,
    .model_type_text = "any",
    .converter_version = "0.2.0",
    .carries_config = true,
    .classes = classes,
};
