/* SPDX-License-Identifier: MIT */
/* dialect_whisper.c - Whisper as OpenAI's project saves it: {dims, model_state_dict}
 *
 * All sizes but the number of heads follow from the shapes too, so that files of others
 * with these names and without dims are read.
 */
#include "family/dialects.h"

#define RULE(from, to)                                                                     \
    {                                                                                      \
        from, { to }, false                                                                \
    }
#define ATTENTION(from, to)                                                                \
    RULE(from ".query.*", to ".q_proj.*"), RULE(from ".key.*", to ".k_proj.*"),            \
        RULE(from ".value.*", to ".v_proj.*"), RULE(from ".out.*", to ".out_proj.*")

#define BLOCKS(from, to)                                                                   \
    ATTENTION(from ".attn", to ".self_attn"),                                              \
        RULE(from ".attn_ln.*", to ".self_attn_layer_norm.*"),                             \
        RULE(from ".mlp.0.*", to ".fc1.*"), RULE(from ".mlp.2.*", to ".fc2.*"),            \
        RULE(from ".mlp_ln.*", to ".final_layer_norm.*")

static const struct fletch_dialect_rule rules[] = {
    RULE("encoder.conv1.*", "encoder.conv1.*"),
    RULE("encoder.conv2.*", "encoder.conv2.*"),
    RULE("encoder.positional_embedding", "encoder.embed_positions.weight"),
    BLOCKS("encoder.blocks.*", "encoder.layers.*"),
    RULE("encoder.ln_post.*", "encoder.layer_norm.*"),
    RULE("decoder.token_embedding.weight", "decoder.embed_tokens.weight"),
    RULE("decoder.positional_embedding", "decoder.embed_positions.weight"),
    BLOCKS("decoder.blocks.*", "decoder.layers.*"),
    ATTENTION("decoder.blocks.*.cross_attn", "decoder.layers.*.encoder_attn"),
    RULE("decoder.blocks.*.cross_attn_ln.*", "decoder.layers.*.encoder_attn_layer_norm.*"),
    RULE("decoder.ln.*", "decoder.layer_norm.*"),
    { NULL, { NULL }, false },
};

static const char *const required[] = {
    "encoder.conv1.weight",
    "encoder.blocks.*.attn.query.weight",
    NULL,
};

static const struct fletch_dialect_refusal refusals[] = {
    { "*encoder.blocks.*.mlp1.weight", NULL, NULL,
      "MLX's Whisper: its convolutions have their channels last, and it has no positions "
      "of the encoder; start from the model of OpenAI or of transformers that it was made "
      "from" },
    { NULL, NULL, NULL, NULL },
};

static const char *const prefixes[] = { "module.", "model.", NULL };

static const char *const whole[] = { "encoder.*", NULL };

#define DIM(name)                                                                          \
    {                                                                                      \
        .kind = FLETCH_SOURCE_FACT, .at = "dims." name                                     \
    }
#define SHAPE(name, dimension)                                                             \
    {                                                                                      \
        .kind = FLETCH_SOURCE_SHAPE, .at = (name), .dim = (dimension)                      \
    }

static const struct fletch_dialect_field fields[] = {
    { "num_mel_bins", { DIM("n_mels"), SHAPE("encoder.conv1.weight", 1) }, false },
    { "d_model", { DIM("n_audio_state"), SHAPE("encoder.conv1.weight", 0) }, false },
    { "encoder_layers",
      { DIM("n_audio_layer"),
        { .kind = FLETCH_SOURCE_LAYERS, .at = "encoder.blocks.*.attn.query.weight" } },
      false },
    { "encoder_attention_heads", { DIM("n_audio_head") }, false },
    { "encoder_ffn_dim", { SHAPE("encoder.blocks.*.mlp.0.weight", 0) }, false },
    { "max_source_positions",
      { DIM("n_audio_ctx"), SHAPE("encoder.positional_embedding", 0) },
      false },
    { NULL, { { .kind = FLETCH_SOURCE_NONE } }, false },
};

const struct fletch_dialect fletch_dialect_openai_whisper = {
    .name = "openai-whisper",
    .title = "Whisper as OpenAI's project saves it",
    .family = &fletch_family_whisper,
    .model_type = "whisper",
    .required = required,
    .prefixes = prefixes,
    .rules = rules,
    .refusals = refusals,
    .whole = whole,
    .fields = fields,
    .config_from = "config from its dims and shapes",
};
