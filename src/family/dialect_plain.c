/* SPDX-License-Identifier: MIT */
/* dialect_plain.c - transformers' own words without a config.json: what shapes tell of it
 *
 * The number of heads is in no shape, and neither is what is added to a variance: BERT's
 * names with another eps are RoBERTa's or DeBERTa's. Both are asked for, where not the
 * words themselves tell them.
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

static const char *const bert_required[] = {
    WORDS,
    FEED,
    NULL,
};

#define BERT_FIELDS                                                                        \
    { "hidden_size", SHAPE(FEED, 1), false },                                              \
        { "intermediate_size", SHAPE(FEED, 0), false },                                    \
        { "num_hidden_layers", LAYERS(FEED), false },                                      \
        { "vocab_size", SHAPE(WORDS, 0), false },                                          \
    {                                                                                      \
        "max_position_embeddings", SHAPE(POSITIONS, 0), false                              \
    }

static const struct fletch_dialect_field bert_fields[] = {
    BERT_FIELDS,
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_bert = {
    .title = "BERT without a config.json",
    .required = bert_required,
    .fields = bert_fields,
};

/* gamma and beta are from Google's code, where eps is a constant */
static const char *const google_bert_required[] = {
    WORDS,
    FEED,
    "*embeddings.LayerNorm.gamma",
    NULL,
};

static const struct fletch_dialect_field google_bert_fields[] = {
    BERT_FIELDS,
    { "layer_norm_eps", NUMBER(1e-12), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_google_bert = {
    .title = "BERT of Google's code without a config.json",
    .required = google_bert_required,
    .fields = google_bert_fields,
};

/* ---- DistilBERT ---- */

static const char *const distilbert_required[] = {
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
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_distilbert = {
    .title = "DistilBERT without a config.json",
    .required = distilbert_required,
    .fields = distilbert_fields,
};

/* ---- ALBERT ---- */

/* All layers are one, so that nothing tells how many there are. */
static const char *const albert_required[] = {
    WORDS,
    "*encoder.albert_layer_groups.*.albert_layers.*.ffn.weight",
    NULL,
};

static const struct fletch_dialect_field albert_fields[] = {
    { "hidden_size", SHAPE("*albert_layers.*.ffn.weight", 1), false },
    { "intermediate_size", SHAPE("*albert_layers.*.ffn.weight", 0), false },
    { "vocab_size", SHAPE(WORDS, 0), false },
    { "max_position_embeddings", SHAPE(POSITIONS, 0), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_albert = {
    .title = "ALBERT without a config.json",
    .required = albert_required,
    .fields = albert_fields,
};

/* ---- ModernBERT ---- */

static const char *const modernbert_required[] = {
    "*embeddings.tok_embeddings.weight",
    "*layers.*.attn.Wqkv.weight",
    NULL,
};

static const struct fletch_dialect_field modernbert_fields[] = {
    { "hidden_size", SHAPE("*embeddings.tok_embeddings.weight", 1), false },
    { "intermediate_size", SHAPE("*layers.*.mlp.Wo.weight", 1), false },
    { "num_hidden_layers", LAYERS("*layers.*.attn.Wqkv.weight"), false },
    { "vocab_size", SHAPE("*embeddings.tok_embeddings.weight", 0), false },
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_modernbert = {
    .title = "ModernBERT without a config.json",
    .required = modernbert_required,
    .fields = modernbert_fields,
};

/* ---- CLIP ---- */

static const char *const clip_required[] = {
    "*vision_model.embeddings.patch_embedding.weight",
    "*vision_model.encoder.layers.*.self_attn.q_proj.weight",
    "*vision_model.embeddings.class_embedding",
    NULL,
};

#define TOWER "vision_config."
#define SAME(key)                                                                          \
    {                                                                                      \
        key, { { .kind = FLETCH_SOURCE_FIELD, .at = TOWER key } }, false                   \
    }
/* The tower's values are in an object of their own, or at the top where it is alone. */
#define CLIP_FIELDS(names)                                                                 \
    { TOWER "hidden_size", SHAPE(names "embeddings.patch_embedding.weight", 0), false },   \
        { TOWER "patch_size", SHAPE(names "embeddings.patch_embedding.weight", -1),        \
          false },                                                                         \
        { TOWER "image_size",                                                              \
          { { .kind = FLETCH_SOURCE_GRID,                                                  \
              .at = names "embeddings.position_embedding.weight",                          \
              .times = TOWER "patch_size" } },                                             \
          false },                                                                         \
        { TOWER "num_hidden_layers",                                                       \
          LAYERS(names "encoder.layers.*.self_attn.q_proj.weight"), false },               \
        { TOWER "intermediate_size", SHAPE(names "encoder.layers.*.mlp.fc1.weight", 0),    \
          false },                                                                         \
        SAME("hidden_size"), SAME("patch_size"), SAME("image_size"),                       \
        SAME("num_hidden_layers"), SAME("intermediate_size"),                              \
    {                                                                                      \
        "projection_dim", SHAPE("*visual_projection.weight", 0), false                     \
    }

static const struct fletch_dialect_field clip_fields[] = {
    CLIP_FIELDS("*vision_model."),
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_clip = {
    .title = "CLIP without a config.json",
    .required = clip_required,
    .fields = clip_fields,
};

/* As newer releases save the vision tower without the text tower. */
static const char *const clip_tower_required[] = {
    "embeddings.patch_embedding.weight",
    "encoder.layers.*.self_attn.q_proj.weight",
    "embeddings.class_embedding",
    NULL,
};

static const struct fletch_dialect_field clip_tower_fields[] = {
    CLIP_FIELDS(""),
    { NULL, NUMBER(0), false },
};

const struct fletch_dialect fletch_dialect_plain_clip_tower = {
    .title = "CLIP's vision tower without a config.json",
    .required = clip_tower_required,
    .fields = clip_tower_fields,
};

/* ---- Whisper ---- */

static const char *const whisper_required[] = {
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
    .required = whisper_required,
    .fields = whisper_fields,
};
