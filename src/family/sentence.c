/* SPDX-License-Identifier: MIT */
/* sentence.c - sentence-transformers folders: an encoder and what follows it
 *
 * Known by modules.json. The first module's checkpoint is an encoder of the other text
 * families, saved without heads; modules behind it that have weights (Dense, LayerNorm) are
 * rows of their own, named after their folder. Which modules there are is model/'s affair.
 */
#include "family/families.h"

static const struct fletch_member members[] = {
    { .model_type = NULL, .class_name = "the encoder", .fields = fletch_text_fields },
    { .fields = NULL },
};

static const struct fletch_family *const also[] = {
    &fletch_family_bert,
    &fletch_family_transformers,
    NULL,
};

const struct fletch_family fletch_family_sentence = {
    .name = "sentence-transformers",
    .title = "sentence-transformers folders (modules.json), with their Dense modules",
    .layout = FLETCH_LAYOUT_SENTENCE,
    .model_type_text = "sentence-transformers",
    .architecture = "SentenceTransformer",
    .converter_version = "0.1.0",
    .tokenizer = true,
    .renames = fletch_text_renames,
    .drops = fletch_text_drops,
    .members = members,
    .also = also,
};
