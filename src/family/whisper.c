/* SPDX-License-Identifier: MIT */
/* whisper.c - Whisper's audio encoder
 *
 *   [model.]encoder.*                      rows; encoder.embed_positions.weight becomes
 *                                          encoder.position_embedding, as loaders have it
 *   [model.]decoder.*, proj_out.weight     the text side
 *
 * WhisperEncoder saved alone lacks "encoder."; rows have it.
 *
 * The config class's defaults changed between releases of the library, and every real
 * checkpoint states its values: a missing one is an error.
 */
#include "family/families.h"

static const char *const patterns[] = {
    "encoder.conv1.*",
    "encoder.conv2.*",
    "encoder.embed_positions.weight",
    "encoder.layers.*.self_attn.k_proj.weight",
    "encoder.layers.*.self_attn.v_proj.*",
    "encoder.layers.*.self_attn.q_proj.*",
    "encoder.layers.*.self_attn.out_proj.*",
    "encoder.layers.*.self_attn_layer_norm.*",
    "encoder.layers.*.fc1.*",
    "encoder.layers.*.fc2.*",
    "encoder.layers.*.final_layer_norm.*",
    "encoder.layer_norm.*",
    NULL,
};

static const char *const required[] = {
    "encoder.conv1.weight",
    "encoder.layers.*.self_attn.q_proj.weight",
    NULL,
};

static const char *const expected[] = {
    "encoder.embed_positions.weight",
    "encoder.conv1.bias",
    "encoder.conv2.weight",
    "encoder.conv2.bias",
    "encoder.layer_norm.weight",
    "encoder.layer_norm.bias",
    "encoder.layers.*.self_attn.k_proj.weight",
    "encoder.layers.*.self_attn.v_proj.weight",
    "encoder.layers.*.self_attn.v_proj.bias",
    "encoder.layers.*.self_attn.q_proj.bias",
    "encoder.layers.*.self_attn.out_proj.weight",
    "encoder.layers.*.self_attn.out_proj.bias",
    "encoder.layers.*.self_attn_layer_norm.weight",
    "encoder.layers.*.self_attn_layer_norm.bias",
    "encoder.layers.*.fc1.weight",
    "encoder.layers.*.fc1.bias",
    "encoder.layers.*.fc2.weight",
    "encoder.layers.*.fc2.bias",
    "encoder.layers.*.final_layer_norm.weight",
    "encoder.layers.*.final_layer_norm.bias",
    NULL,
};

static const struct fletch_drop drops[] = {
    { "decoder.*", "belongs to the decoder", NULL, false, false, NULL },
    { "proj_out.*", "belongs to the decoder", NULL, false, false, NULL },
    { NULL, NULL, NULL, false, false, NULL },
};

static const struct fletch_rename output[] = {
    { "*embed_positions.weight", "*position_embedding" },
    { NULL, NULL },
};

static const struct fletch_field fields[] = {
    { .key = "n_mels", .paths = { "num_mel_bins" }, .required = true },
    { .key = "hidden_size", .paths = { "d_model" }, .required = true },
    { .key = "num_layers", .paths = { "encoder_layers" }, .required = true },
    { .key = "num_attention_heads",
      .paths = { "encoder_attention_heads" },
      .required = true },
    { .key = "intermediate_size", .paths = { "encoder_ffn_dim" }, .required = true },
    /* a constant of the architecture, in no config.json */
    { .key = "layer_norm_eps", .kind = FLETCH_FIELD_REAL, .default_value = 1e-5 },
    { .key = "max_positions", .paths = { "max_source_positions" }, .required = true },
    { .key = NULL },
};

static const struct fletch_model_class classes[] = {
    { .model_type = "whisper",
      .class_name = "WhisperModel's encoder",
      .prefixes = { "model" },
      .add = "encoder.",
      .patterns = patterns,
      .required = required,
      .expected = expected,
      .layers = "encoder.layers.",
      .layers_key = "num_layers",
      .fields = fields },
    { .fields = NULL },
};

static const char *const name_hints[] = { "whisper", NULL };

const struct fletch_family fletch_family_whisper = {
    .name = "whisper",
    .title = "Whisper audio encoders",
    .metadata_kind = FLETCH_METADATA_TOWER,
    .model_type_text = "Whisper Audio Encoder",
    .architecture = "Whisper",
    .converter_version = "0.2.0",
    .name_hints = name_hints,
    .drops = drops,
    .output = output,
    .classes = classes,
};
