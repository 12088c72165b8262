/* SPDX-License-Identifier: MIT */
/* clip.c - CLIP's vision tower, with its projection
 *
 *   vision_model.*, visual_projection.weight                 rows
 *   text_model.*, text_projection.weight, logit_scale        the other tower, and both's
 *
 * A vision tower saved alone, and by transformers 5.6 or newer any CLIPVisionModel, lacks
 * "vision_model."; rows have it. Chinese-CLIP and MetaCLIP 2 have the same tower beside
 * another text tower; relatives whose tower is another are in clip_kin.c. Old config.json
 * files have a vision_config_dict, which replaces vision_config as a whole, class defaults
 * filled in.
 */
#include "family/families.h"

static const char *const patterns[] = {
    "vision_model.embeddings.class_embedding",
    "vision_model.embeddings.patch_embedding.weight",
    "vision_model.embeddings.position_embedding.weight",
    /* misspelt by the library */
    "vision_model.pre_layrnorm.*",
    "vision_model.encoder.layers.*.self_attn.k_proj.*",
    "vision_model.encoder.layers.*.self_attn.v_proj.*",
    "vision_model.encoder.layers.*.self_attn.q_proj.*",
    "vision_model.encoder.layers.*.self_attn.out_proj.*",
    "vision_model.encoder.layers.*.layer_norm1.*",
    "vision_model.encoder.layers.*.mlp.fc1.*",
    "vision_model.encoder.layers.*.mlp.fc2.*",
    "vision_model.encoder.layers.*.layer_norm2.*",
    "vision_model.post_layernorm.*",
    "visual_projection.weight",
    NULL,
};

static const char *const required[] = {
    "vision_model.embeddings.patch_embedding.weight",
    "vision_model.encoder.layers.*.self_attn.q_proj.weight",
    NULL,
};

#define TOWER_WANTS                                                                        \
    "vision_model.embeddings.class_embedding",                                             \
        "vision_model.embeddings.position_embedding.weight",                               \
        "vision_model.pre_layrnorm.weight", "vision_model.pre_layrnorm.bias",              \
        "vision_model.post_layernorm.weight", "vision_model.post_layernorm.bias",          \
        "vision_model.encoder.layers.*.self_attn.k_proj.weight",                           \
        "vision_model.encoder.layers.*.self_attn.k_proj.bias",                             \
        "vision_model.encoder.layers.*.self_attn.v_proj.weight",                           \
        "vision_model.encoder.layers.*.self_attn.v_proj.bias",                             \
        "vision_model.encoder.layers.*.self_attn.q_proj.bias",                             \
        "vision_model.encoder.layers.*.self_attn.out_proj.weight",                         \
        "vision_model.encoder.layers.*.self_attn.out_proj.bias",                           \
        "vision_model.encoder.layers.*.layer_norm1.weight",                                \
        "vision_model.encoder.layers.*.layer_norm1.bias",                                  \
        "vision_model.encoder.layers.*.mlp.fc1.weight",                                    \
        "vision_model.encoder.layers.*.mlp.fc1.bias",                                      \
        "vision_model.encoder.layers.*.mlp.fc2.weight",                                    \
        "vision_model.encoder.layers.*.mlp.fc2.bias",                                      \
        "vision_model.encoder.layers.*.layer_norm2.weight",                                \
        "vision_model.encoder.layers.*.layer_norm2.bias"

static const char *const whole_expected[] = {
    "visual_projection.weight",
    TOWER_WANTS,
    NULL,
};

static const char *const tower_expected[] = {
    TOWER_WANTS,
    NULL,
};

/* A tower without its projection may be the whole of a file without a config.json. */
static const struct fletch_condition whole_conditions[] = {
    { .glob = "visual_projection.weight",
      .path = "projection_dim",
      .kind = FLETCH_WHEN_POSITIVE,
      .default_value = 512 },
    { .glob = NULL },
};

static const struct fletch_drop drops[] = {
    { "*embeddings.position_ids", "a buffer that the model makes by itself", NULL, false,
      false, NULL },
    { "text_model.*", "belongs to the text tower", NULL, false, false, NULL },
    { "text_projection.*", "belongs to the text tower", NULL, false, false, NULL },
    { "logit_scale", "compares the two towers, only one of which is kept", NULL, false,
      false, NULL },
    { "logit_bias", "compares the two towers, only one of which is kept", NULL, false,
      false, NULL },
    /* of the original project's files */
    { "input_resolution", "says a size, is no weight", NULL, false, false, NULL },
    { "context_length", "says a size, is no weight", NULL, false, false, NULL },
    { "vocab_size", "says a size, is no weight", NULL, false, false, NULL },
    { NULL, NULL, NULL, false, false, NULL },
};

static const struct fletch_field fields[] = {
    { .key = "image_size", .paths = { "image_size" } },
    { .key = "patch_size", .paths = { "patch_size" } },
    { .key = "hidden_size", .paths = { "hidden_size" } },
    { .key = "num_layers", .paths = { "num_hidden_layers" } },
    { .key = "num_attention_heads", .paths = { "num_attention_heads" } },
    { .key = "intermediate_size", .paths = { "intermediate_size" } },
    { .key = "layer_norm_eps", .paths = { "layer_norm_eps" }, .kind = FLETCH_FIELD_REAL },
    { .key = "projection_dim", .paths = { "projection_dim" }, .top = true },
    { .key = NULL },
};

static const struct fletch_default defaults[] = {
    { "image_size", 224 },
    { "patch_size", 32 },
    { "hidden_size", 768 },
    { "num_layers", 12 },
    { "num_attention_heads", 12 },
    { "intermediate_size", 3072 },
    { "layer_norm_eps", 1e-5 },
    { "projection_dim", 512 },
    { NULL, 0 },
};

static const char *const roots[] = { "vision_config_dict", "vision_config", NULL };

/* What all members are. */
#define TOWER                                                                              \
    .patterns = patterns, .required = required, .layers = "vision_model.encoder.layers.",  \
    .layers_key = "num_layers", .fields = fields, .defaults = defaults
/* Both towers, the vision tower within them alone, and the class that is nothing else. */
#define KIN(type, name)                                                                    \
    { .model_type = (type),                                                                \
      .class_name = name "Model's vision tower",                                           \
      .prefixes = { (type) },                                                              \
      .expected = whole_expected,                                                          \
      .conditions = whole_conditions,                                                      \
      .roots = roots,                                                                      \
      TOWER },                                                                             \
        { .model_type = (type),                                                            \
          .class_name = name "VisionTransformer",                                          \
          .add = "vision_model.",                                                          \
          .expected = tower_expected,                                                      \
          .roots = roots,                                                                  \
          TOWER },                                                                         \
    {                                                                                      \
        .model_type = type "_vision_model", .class_name = name "VisionModel",              \
        .prefixes = { (type) }, .add = "vision_model.", .expected = tower_expected, TOWER  \
    }

static const struct fletch_model_class classes[] = {
    KIN("clip", "CLIP"),
    KIN("chinese_clip", "ChineseCLIP"),
    KIN("metaclip_2", "MetaClip2"),
    { .fields = NULL },
};

static const char *const name_hints[] = { "clip", NULL };

const struct fletch_family fletch_family_clip = {
    .name = "clip",
    .title = "CLIP vision towers, with their projection",
    .metadata_kind = FLETCH_METADATA_TOWER,
    .model_type_text = "CLIP Vision Transformer",
    .architecture = "ViT",
    .converter_version = "0.2.0",
    .name_hints = name_hints,
    .drops = drops,
    .classes = classes,
};
