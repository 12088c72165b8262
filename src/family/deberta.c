/* SPDX-License-Identifier: MIT */
/* deberta.c - DeBERTa's tensors: what attention knows of positions is up to config.json
 *
 * The members are transformers.c's.
 */
#include "family/families.h"

/* ---- DeBERTa (no pooler: heads have one of their own) ---- */

const char *const fletch_deberta_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings.embed_proj.weight",
    "encoder.layer.*.attention.self.in_proj.weight",
    "encoder.layer.*.attention.self.q_bias",
    "encoder.layer.*.attention.self.v_bias",
    "encoder.layer.*.attention.self.pos_proj.weight",
    "encoder.layer.*.attention.self.pos_q_proj.*",
    "encoder.layer.*.attention.self.head_logits_proj.*",
    "encoder.layer.*.attention.self.head_weights_proj.*",
    "encoder.layer.*.attention.output.dense.*",
    "encoder.layer.*.attention.output.LayerNorm.*",
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    "encoder.rel_embeddings.weight",
    NULL,
};

const char *const fletch_deberta_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.in_proj.weight",
    NULL,
};

#define POSITIONS "embeddings.position_embeddings.weight"
#define TOKEN_TYPES "embeddings.token_type_embeddings.weight"
#define EMBED_PROJECTION "embeddings.embed_proj.weight"
#define RELATIVE "encoder.rel_embeddings.weight"
#define POS_PROJ "encoder.layer.*.attention.self.pos_proj.weight"

const char *const fletch_deberta_expected[] = {
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    POSITIONS,
    TOKEN_TYPES,
    EMBED_PROJECTION,
    RELATIVE,
    POS_PROJ,
    "encoder.layer.*.attention.self.pos_q_proj.weight",
    "encoder.layer.*.attention.self.pos_q_proj.bias",
    "encoder.layer.*.attention.self.q_bias",
    "encoder.layer.*.attention.self.v_bias",
    FLETCH_BLOCK_EXPECTED,
    NULL,
};

#define WHEN_BIASED                                                                        \
    .path = "position_biased_input", .kind = FLETCH_WHEN_TRUE, .default_value = 1
#define WHEN_TYPED .path = "type_vocab_size", .kind = FLETCH_WHEN_POSITIVE
#define WHEN_RELATIVE .path = "relative_attention", .kind = FLETCH_WHEN_TRUE
#define WHEN_POSITIONED(name)                                                              \
    .path = "pos_att_type", .kind = FLETCH_WHEN_NAMED, .word = (name)

/* Both versions: what attention knows of positions is a matter of the configuration. */
#define DEBERTA_CONDITIONS                                                                 \
    { .glob = POSITIONS, WHEN_BIASED }, { .glob = TOKEN_TYPES, WHEN_TYPED },               \
        { .glob = EMBED_PROJECTION, FLETCH_WHEN_NARROW },                                  \
    {                                                                                      \
        .glob = RELATIVE, WHEN_RELATIVE                                                    \
    }

const struct fletch_condition fletch_deberta_conditions[] = {
    DEBERTA_CONDITIONS,
    { .glob = POS_PROJ, WHEN_RELATIVE },
    { .glob = POS_PROJ, WHEN_POSITIONED("c2p") },
    { .glob = "encoder.layer.*.attention.self.pos_q_proj.weight", WHEN_RELATIVE },
    { .glob = "encoder.layer.*.attention.self.pos_q_proj.weight", WHEN_POSITIONED("p2c") },
    { .glob = "encoder.layer.*.attention.self.pos_q_proj.bias", WHEN_RELATIVE },
    { .glob = "encoder.layer.*.attention.self.pos_q_proj.bias", WHEN_POSITIONED("p2c") },
    { .glob = NULL },
};

const struct fletch_default fletch_deberta_defaults[] = {
    { "hidden_size", 768 },        { "num_attention_heads", 12 },
    { "intermediate_size", 3072 }, { "num_hidden_layers", 12 },
    { "vocab_size", 50265 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-7 },    { NULL, 0 },
};

/* ---- DeBERTa v2 and v3 ---- */

const char *const fletch_deberta_v2_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings.embed_proj.weight",
    "encoder.layer.*.attention.self.query_proj.*",
    "encoder.layer.*.attention.self.key_proj.*",
    "encoder.layer.*.attention.self.value_proj.*",
    "encoder.layer.*.attention.self.pos_key_proj.*",
    "encoder.layer.*.attention.self.pos_query_proj.*",
    "encoder.layer.*.attention.output.dense.*",
    "encoder.layer.*.attention.output.LayerNorm.*",
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    "encoder.rel_embeddings.weight",
    "encoder.LayerNorm.*",
    "encoder.conv.conv.*",
    "encoder.conv.LayerNorm.*",
    NULL,
};

const char *const fletch_deberta_v2_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.query_proj.weight",
    NULL,
};

const char *const fletch_deberta_v2_expected[] = {
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    POSITIONS,
    TOKEN_TYPES,
    EMBED_PROJECTION,
    RELATIVE,
    "encoder.layer.*.attention.self.pos_key_proj.weight",
    "encoder.layer.*.attention.self.pos_key_proj.bias",
    "encoder.layer.*.attention.self.pos_query_proj.weight",
    "encoder.layer.*.attention.self.pos_query_proj.bias",
    "encoder.LayerNorm.weight",
    "encoder.LayerNorm.bias",
    "encoder.conv.conv.weight",
    "encoder.conv.conv.bias",
    "encoder.conv.LayerNorm.weight",
    "encoder.conv.LayerNorm.bias",
    "encoder.layer.*.attention.self.query_proj.bias",
    "encoder.layer.*.attention.self.key_proj.weight",
    "encoder.layer.*.attention.self.key_proj.bias",
    "encoder.layer.*.attention.self.value_proj.weight",
    "encoder.layer.*.attention.self.value_proj.bias",
    FLETCH_BLOCK_EXPECTED,
    NULL,
};

#define WHEN_OWN_KEYS .path = "share_att_key", .kind = FLETCH_WHEN_FALSE
#define WHEN_NORMED .path = "norm_rel_ebd", .kind = FLETCH_WHEN_NAMED, .word = "layer_norm"
#define WHEN_CONVOLVED .path = "conv_kernel_size", .kind = FLETCH_WHEN_POSITIVE
#define POSITIONED(name, type)                                                             \
    { .glob = (name), WHEN_RELATIVE }, { .glob = (name), WHEN_OWN_KEYS },                  \
    {                                                                                      \
        .glob = (name), WHEN_POSITIONED(type)                                              \
    }

const struct fletch_condition fletch_deberta_v2_conditions[] = {
    DEBERTA_CONDITIONS,
    POSITIONED("encoder.layer.*.attention.self.pos_key_proj.weight", "c2p"),
    POSITIONED("encoder.layer.*.attention.self.pos_key_proj.bias", "c2p"),
    POSITIONED("encoder.layer.*.attention.self.pos_query_proj.weight", "p2c"),
    POSITIONED("encoder.layer.*.attention.self.pos_query_proj.bias", "p2c"),
    { .glob = "encoder.LayerNorm.weight", WHEN_RELATIVE },
    { .glob = "encoder.LayerNorm.weight", WHEN_NORMED },
    { .glob = "encoder.LayerNorm.bias", WHEN_RELATIVE },
    { .glob = "encoder.LayerNorm.bias", WHEN_NORMED },
    { .glob = "encoder.conv.conv.weight", WHEN_CONVOLVED },
    { .glob = "encoder.conv.conv.bias", WHEN_CONVOLVED },
    { .glob = "encoder.conv.LayerNorm.weight", WHEN_CONVOLVED },
    { .glob = "encoder.conv.LayerNorm.bias", WHEN_CONVOLVED },
    { .glob = NULL },
};

const struct fletch_default fletch_deberta_v2_defaults[] = {
    { "hidden_size", 1536 },       { "num_attention_heads", 24 },
    { "intermediate_size", 6144 }, { "num_hidden_layers", 24 },
    { "vocab_size", 128100 },      { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-7 },    { NULL, 0 },
};
