/* SPDX-License-Identifier: MIT */
/* dialect_plain.c - transformers' own words without a config.json: what shapes tell of it
 *
 * The number of heads is in no shape, and neither is what is added to a variance. The
 * latter is the same in nearly all models of a kind: it is written, with a warning.
 */
#include "family/dialects.h"

#define SHAPE(name, dimension)                                                             \
    {                                                                                      \
        {                                                                                  \
            .kind = FLETCH_SOURCE_SHAPE, .at = (name), .dim = (dimension)                  \
        }                                                                                  \
    }
#define LAYERS(name)                                                                       \
    {                                                                                      \
        {                                                                                  \
            .kind = FLETCH_SOURCE_LAYERS, .at = (name)                                     \
        }                                                                                  \
    }
#define NUMBER(value)                                                                      \
    {                                                                                      \
        {                                                                                  \
            .kind = FLETCH_SOURCE_NUMBER, .number = (value)                                \
        }                                                                                  \
    }

#define WORDS "*embeddings.word_embeddings.weight"
#define POSITIONS "*embeddings.position_embeddings.weight"

/* ---- BERT and what has its names: RoBERTa, MPNet, ELECTRA, DeBERTa ---- */

/* Words may have fewer dimensions than what layers feed on. */
#define FEED "*encoder.layer.*.intermediate.dense.weight"

static const char *const bert_need[] = {
    WORDS,
    FEED,
    NULL,
};

static const struct fletch_dialect_field bert_fields[] = {
    { "hidden_size", SHAPE(FEED, 1), false },
    { "intermediate_size", SHAPE(FEED, 0), false },
    { "num_hidden_layers", LAYERS(FEED), false },
    { "vocab_size", SHAPE(WORDS, 0), false },
    { "max_position_embeddings", SHAPE(POSITIONS, 0), false },
    { "layer_norm_eps", NUMBER(1e-12), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_bert = {
    .title = "BERT without a config.json",
    .need = bert_need,
    .fields = bert_fields,
};

/* ---- DistilBERT ---- */

static const char *const distilbert_need[] = {
    WORDS,
    "*transformer.layer.*.attention.q_lin.weight",
    NULL,
};

static const struct fletch_dialect_field distilbert_fields[] = {
    { "dim", SHAPE(WORDS, 1), false },
    { "hidden_dim", SHAPE("*transformer.layer.*.ffn.lin1.weight", 0), false },
    { "n_layers", LAYERS("*transformer.layer.*.attention.q_lin.weight"), false },
    { "vocab_size", SHAPE(WORDS, 0), false },
    { "max_position_embeddings", SHAPE(POSITIONS, 0), false },
    { "layer_norm_eps", NUMBER(1e-12), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_distilbert = {
    .title = "DistilBERT without a config.json",
    .need = distilbert_need,
    .fields = distilbert_fields,
};

/* ---- CLIP ---- */

static const char *const clip_need[] = {
    "*vision_model.embeddings.patch_embedding.weight",
    "*vision_model.encoder.layers.*.self_attn.q_proj.weight",
    "*vision_model.embeddings.class_embedding",
    NULL,
};

#define PATCHES "*vision_model.embeddings.patch_embedding.weight"
#define PATCH "vision_config.patch_size"

static const struct fletch_dialect_field clip_fields[] = {
    { "vision_config.hidden_size", SHAPE(PATCHES, 0), false },
    { PATCH, SHAPE(PATCHES, -1), false },
    { "vision_config.image_size",
      { { .kind = FLETCH_SOURCE_GRID,
          .at = "*vision_model.embeddings.position_embedding.weight",
          .times = PATCH } },
      false },
    { "vision_config.num_hidden_layers",
      LAYERS("*vision_model.encoder.layers.*.self_attn.q_proj.weight"), false },
    { "vision_config.intermediate_size",
      SHAPE("*vision_model.encoder.layers.*.mlp.fc1.weight", 0), false },
    { "vision_config.layer_norm_eps", NUMBER(1e-5), false },
    { "projection_dim", SHAPE("*visual_projection.weight", 0), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_clip = {
    .title = "CLIP without a config.json",
    .need = clip_need,
    .fields = clip_fields,
};

/* ---- Whisper ---- */

static const char *const whisper_need[] = {
    "*encoder.conv1.weight",
    "*encoder.layers.*.self_attn.q_proj.weight",
    NULL,
};

static const struct fletch_dialect_field whisper_fields[] = {
    { "num_mel_bins", SHAPE("*encoder.conv1.weight", 1), false },
    { "d_model", SHAPE("*encoder.conv1.weight", 0), false },
    { "encoder_layers", LAYERS("*encoder.layers.*.self_attn.q_proj.weight"), false },
    { "encoder_ffn_dim", SHAPE("*encoder.layers.*.fc1.weight", 0), false },
    { "max_source_positions", SHAPE("*encoder.embed_positions.weight", 0), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_whisper = {
    .title = "Whisper without a config.json",
    .need = whisper_need,
    .fields = whisper_fields,
};
