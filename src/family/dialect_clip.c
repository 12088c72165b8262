/* SPDX-License-Identifier: MIT */
/* dialect_clip.c - CLIP as OpenAI's project and open_clip save it
 *
 *   visual.transformer.resblocks.N.attn.in_proj_*    query, key and value in one
 *   visual.proj, text_projection                     lie on their side
 *   transformer.*, token_embedding.*, ...            the text tower; below "text." in
 *                                                    newer open_clip models
 *
 * OpenAI's code works all sizes out from the shapes; a head is 64 wide, which its towers,
 * none wider than 1024, have in common. open_clip writes open_clip_config.json, where a
 * head is 64 wide unless head_width says otherwise.
 */
#include "family/dialects.h"

/* One transformer's blocks, in both towers. */
#define BLOCKS(from, to)                                                                   \
    { from ".attn.in_proj_weight",                                                         \
      { to ".self_attn.q_proj.weight", to ".self_attn.k_proj.weight",                      \
        to ".self_attn.v_proj.weight" },                                                   \
      false },                                                                             \
        { from ".attn.in_proj_bias",                                                       \
          { to ".self_attn.q_proj.bias", to ".self_attn.k_proj.bias",                      \
            to ".self_attn.v_proj.bias" },                                                 \
          false },                                                                         \
        { from ".attn.out_proj.*", { to ".self_attn.out_proj.*" }, false },                \
        { from ".ln_1.*", { to ".layer_norm1.*" }, false },                                \
        { from ".ln_2.*", { to ".layer_norm2.*" }, false },                                \
        { from ".mlp.c_fc.*", { to ".mlp.fc1.*" }, false },                                \
    {                                                                                      \
        from ".mlp.c_proj.*", { to ".mlp.fc2.*" }, false                                   \
    }

#define TEXT(from)                                                                         \
    BLOCKS(from "transformer.resblocks.*", "text_model.encoder.layers.*"),                 \
        { from "token_embedding.weight",                                                   \
          { "text_model.embeddings.token_embedding.weight" },                              \
          false },                                                                         \
        { from "positional_embedding",                                                     \
          { "text_model.embeddings.position_embedding.weight" },                           \
          false },                                                                         \
        { from "ln_final.*", { "text_model.final_layer_norm.*" }, false },                 \
    {                                                                                      \
        from "text_projection", { "text_projection.weight" }, true                         \
    }

static const struct fletch_dialect_rule rules[] = {
    BLOCKS("visual.transformer.resblocks.*", "vision_model.encoder.layers.*"),
    { "visual.class_embedding", { "vision_model.embeddings.class_embedding" }, false },
    { "visual.positional_embedding",
      { "vision_model.embeddings.position_embedding.weight" },
      false },
    { "visual.conv1.weight", { "vision_model.embeddings.patch_embedding.weight" }, false },
    /* misspelt by transformers */
    { "visual.ln_pre.*", { "vision_model.pre_layrnorm.*" }, false },
    { "visual.ln_post.*", { "vision_model.post_layernorm.*" }, false },
    { "visual.proj", { "visual_projection.weight" }, true },
    TEXT(""),
    TEXT("text."),
    /* a text tower of another library */
    { "text.*", { "text_model.*" }, false },
    { NULL, { NULL }, false },
};

static const char *const required[] = {
    "visual.conv1.weight",
    "visual.transformer.resblocks.*.attn.in_proj_weight",
    NULL,
};

static const char *const prefixes[] = { "module.", "model.", "clip.", NULL };

static const char *const whole[] = { "visual.*", NULL };

#define TIMM                                                                               \
    "the image tower is one of timm's (SigLIP, EVA, ConvNeXt and others), which is no "    \
    "CLIP vision transformer: --type transformers keeps all tensors under their own names"
#define OTHER                                                                              \
    ", which CLIP's vision transformer in transformers has not: --type transformers "      \
    "keeps all tensors under their own names"

static const struct fletch_dialect_refusal refusals[] = {
    { "visual.trunk.*", NULL, NULL, TIMM },
    { "*.visual.trunk.*", NULL, NULL, TIMM },
    { "visual.attnpool.*", NULL, NULL, "the image tower is a ResNet with attention" OTHER },
    { "visual.transformer.resblocks.*.ls_1.gamma", NULL, NULL,
      "the image tower scales its layers" OTHER },
    { NULL, "model_cfg.vision_cfg.timm_model_name", NULL, TIMM },
    { NULL, "model_cfg.vision_cfg.attentional_pool", NULL,
      "the image tower pools with attention" OTHER },
    { NULL, "model_cfg.vision_cfg.no_ln_pre", NULL,
      "the image tower lacks the first LayerNorm" OTHER },
    { NULL, "model_cfg.vision_cfg.pool_type", "tok",
      "the image tower pools otherwise than by its class token" OTHER },
    /* as older releases said it */
    { NULL, "model_cfg.vision_cfg.global_average_pool", NULL,
      "the image tower pools otherwise than by its class token" OTHER },
    { NULL, NULL, NULL, NULL },
};

#define WIDTH "vision_config.hidden_size"
#define PATCH "vision_config.patch_size"
#define SHAPE(name, dimension)                                                             \
    {                                                                                      \
        .kind = FLETCH_SOURCE_SHAPE, .at = (name), .dim = (dimension)                      \
    }
#define IN_FILE(path)                                                                      \
    {                                                                                      \
        .kind = FLETCH_SOURCE_FILE, .at = "model_cfg." path                                \
    }
#define LAYERS                                                                             \
    {                                                                                      \
        .kind = FLETCH_SOURCE_LAYERS,                                                      \
        .at = "visual.transformer.resblocks.*.attn.in_proj_weight"                         \
    }
#define GRID                                                                               \
    {                                                                                      \
        .kind = FLETCH_SOURCE_GRID, .at = "visual.positional_embedding", .times = PATCH    \
    }
#define EPS 1e-5 /* torch's */

static const struct fletch_dialect_field openai_fields[] = {
    { WIDTH, { SHAPE("visual.conv1.weight", 0) }, false },
    { PATCH,
      { SHAPE("visual.conv1.weight", -1), SHAPE("visual.conv1.weight", -2) },
      false },
    { "vision_config.image_size",
      { { .kind = FLETCH_SOURCE_FACT, .at = "input_resolution" }, GRID },
      false },
    { "vision_config.num_hidden_layers", { LAYERS }, false },
    { "vision_config.num_attention_heads",
      { { .kind = FLETCH_SOURCE_FIELD, .at = WIDTH, .by = 64, .most = 1024 } },
      false },
    { "vision_config.intermediate_size",
      { SHAPE("visual.transformer.resblocks.*.mlp.c_fc.weight", 0) },
      false },
    { "vision_config.layer_norm_eps",
      { { .kind = FLETCH_SOURCE_NUMBER, .number = EPS } },
      false },
    { "projection_dim", { SHAPE("visual.proj", 1) }, false },
    { NULL, { { .kind = FLETCH_SOURCE_NONE } }, false },
};

static const struct fletch_dialect_field open_clip_fields[] = {
    { WIDTH, { IN_FILE("vision_cfg.width"), SHAPE("visual.conv1.weight", 0) }, false },
    { PATCH,
      { IN_FILE("vision_cfg.patch_size"), SHAPE("visual.conv1.weight", -1),
        SHAPE("visual.conv1.weight", -2) },
      false },
    /* what the patches leave over at the border is in the file alone */
    { "vision_config.image_size", { IN_FILE("vision_cfg.image_size"), GRID }, true },
    { "vision_config.num_hidden_layers", { IN_FILE("vision_cfg.layers"), LAYERS }, false },
    { "vision_config.num_attention_heads",
      { { .kind = FLETCH_SOURCE_FIELD,
          .at = WIDTH,
          .per = "model_cfg.vision_cfg.head_width",
          .by = 64,
          .most = INT32_MAX } },
      false },
    { "vision_config.intermediate_size",
      { SHAPE("visual.transformer.resblocks.*.mlp.c_fc.weight", 0) },
      false },
    { "vision_config.layer_norm_eps",
      { IN_FILE("vision_cfg.norm_kwargs.eps"),
        { .kind = FLETCH_SOURCE_NUMBER, .number = EPS } },
      true },
    { "projection_dim", { IN_FILE("embed_dim"), SHAPE("visual.proj", 1) }, false },
    { NULL, { { .kind = FLETCH_SOURCE_NONE } }, false },
};

const struct fletch_dialect fletch_dialect_open_clip = {
    .name = "open-clip",
    .title = "CLIP as open_clip saves it",
    .family = &fletch_family_clip,
    .model_type = "clip",
    .config_file = "open_clip_config.json",
    .required = required,
    .prefixes = prefixes,
    .rules = rules,
    .whole = whole,
    .refusals = refusals,
    .fields = open_clip_fields,
    .config_from = "config from open_clip_config.json",
};

const struct fletch_dialect fletch_dialect_openai_clip = {
    .name = "openai-clip",
    .title = "CLIP as OpenAI's project saves it",
    .family = &fletch_family_clip,
    .model_type = "clip",
    .required = required,
    .prefixes = prefixes,
    .rules = rules,
    .whole = whole,
    .refusals = refusals,
    .fields = openai_fields,
    .config_from = "config from the shapes",
};
