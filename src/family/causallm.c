/* SPDX-License-Identifier: MIT */
/* causallm.c - decoders: known, so that they are refused by name and with advice
 *
 * The name patterns are those of the old tools, asked after clip and whisper.
 */
#include "family/families.h"

static const struct fletch_field fields[] = { { .key = NULL } };

static const struct fletch_member members[] = {
    { .model_type = "llama", .fields = fields },
    { .model_type = "qwen2", .fields = fields },
    { .model_type = "qwen3", .fields = fields },
    { .model_type = "gemma", .fields = fields },
    { .model_type = "gemma2", .fields = fields },
    { .model_type = "mistral", .fields = fields },
    { .fields = NULL },
};

static const char *const name_hints[] = {
    "qwen", "llama", "gemma", "mistral", "tinyllama", NULL,
};

const struct fletch_family fletch_family_causallm = {
    .name = "causallm",
    .title = "causal language models",
    .refusal = "causal language models are not converted, only encoders are; --type "
               "transformers keeps all tensors under their own names",
    .layout = FLETCH_LAYOUT_TEXT,
    .name_hints = name_hints,
    .members = members,
};
