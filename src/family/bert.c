/* SPDX-License-Identifier: MIT */
/* bert.c - BERT and the models with its tensors' names, and DistilBERT
 *
 *   [bert.]embeddings.{word,position,token_type}_embeddings.weight, embeddings.LayerNorm.*
 *   [bert.]encoder.layer.N.attention.self.{query,key,value}.*, ...
 *   [bert.]pooler.dense.*
 *   cls.* lm_head.* classifier.* qa_outputs.*      heads: no loader of encoders has them
 *
 * Files of before 2019 say LayerNorm.gamma and LayerNorm.beta; files of before 2023 hold
 * the buffer position_ids. The names without prefix and heads are what today's loaders ask
 * for.
 */
#include "family/families.h"

/* ---- Shared by all text families ---- */

const struct fletch_rename fletch_text_renames[] = {
    { "*LayerNorm.gamma", "*LayerNorm.weight" },
    { "*LayerNorm.beta", "*LayerNorm.bias" },
    { NULL, NULL },
};

#define BUFFER "a buffer that the model makes by itself"
#define LANGUAGE_HEAD "belongs to the language modelling head"
#define TASK_HEAD "belongs to a task's head"

const struct fletch_drop fletch_text_drops[] = {
    { "embeddings.position_ids", BUFFER, NULL, false, false, NULL },
    { "embeddings.token_type_ids", BUFFER, NULL, false, false, NULL },
    { "*.inv_freq", BUFFER, NULL, false, false, NULL },
    { "cls.seq_relationship.*", "belongs to the next sentence head", NULL, true, false,
      NULL },
    { "cls.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "lm_head.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "lm_predictions.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "mask_predictions.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "vocab_transform.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "vocab_layer_norm.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "vocab_projector.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "generator_predictions.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "generator_lm_head.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "discriminator_predictions.*", "belongs to the discriminator's head", NULL, true,
      false, NULL },
    { "predictions.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "head.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "decoder.*", LANGUAGE_HEAD, NULL, true, false, NULL },
    { "sop_classifier.*", "belongs to the sentence order head", NULL, true, false, NULL },
    { "pre_classifier.*", TASK_HEAD, NULL, true, false, NULL },
    { "classifier.*", TASK_HEAD, NULL, true, false, NULL },
    { "qa_outputs.*", TASK_HEAD, NULL, true, false, NULL },
    { "pooler.dense.*", TASK_HEAD, NULL, true, true, NULL },
    { "linear.*", "belongs to ColBERT's projection", NULL, true, true, "ColBERT" },
    { "embeddings.position_embeddings.*", "config.json: position_biased_input is false",
      "position_biased_input", false, false, NULL },
    { NULL, NULL, NULL, false, false, NULL },
};

/* A model_info without layer_norm_eps breaks loaders, so there is always one. */
#define EPS_OTHERWISE 1e-12

const struct fletch_field fletch_text_fields[] = {
    { .key = "hidden_size", .paths = { "hidden_size" } },
    { .key = "num_attention_heads", .paths = { "num_attention_heads" } },
    { .key = "intermediate_size", .paths = { "intermediate_size" } },
    { .key = "num_hidden_layers", .paths = { "num_hidden_layers" } },
    { .key = "vocab_size", .paths = { "vocab_size" } },
    { .key = "max_position_embeddings", .paths = { "max_position_embeddings" } },
    { .key = "layer_norm_eps",
      .paths = { "layer_norm_eps" },
      .kind = FLETCH_FIELD_REAL,
      .default_value = EPS_OTHERWISE },
    { .key = NULL },
};

/* ---- BERT ---- */

static const char *const bert_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "encoder.layer.*.attention.self.query.*",
    "encoder.layer.*.attention.self.key.*",
    "encoder.layer.*.attention.self.value.*",
    "encoder.layer.*.attention.self.distance_embedding.weight",
    "encoder.layer.*.attention.output.dense.*",
    "encoder.layer.*.attention.output.LayerNorm.*",
    FLETCH_CROSS_PATTERNS,
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    "pooler.dense.*",
    NULL,
};

static const char *const bert_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.query.weight",
    NULL,
};

static const char *const bert_expected[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "pooler.dense.weight",
    "pooler.dense.bias",
    FLETCH_SELF_EXPECTED,
    FLETCH_BLOCK_EXPECTED,
    NULL,
};

static const char *const bert_unpooled[] = {
    "ForMaskedLM",          "LMHeadModel", "ForCausalLM", "ForTokenClassification",
    "ForQuestionAnswering", NULL,
};

const char *const fletch_roberta_unpooled[] = {
    "ForMaskedLM",
    "ForCausalLM",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForSequenceClassification",
    NULL,
};

static const struct fletch_default bert_defaults[] = {
    { "hidden_size", 768 },        { "num_attention_heads", 12 },
    { "intermediate_size", 3072 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30522 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },   { NULL, 0 },
};

static const struct fletch_default roberta_defaults[] = {
    { "hidden_size", 768 },        { "num_attention_heads", 12 },
    { "intermediate_size", 3072 }, { "num_hidden_layers", 12 },
    { "vocab_size", 50265 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },   { NULL, 0 },
};

/* ---- DistilBERT ---- */

static const char *const distilbert_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.LayerNorm.*",
    "transformer.layer.*.attention.q_lin.*",
    "transformer.layer.*.attention.k_lin.*",
    "transformer.layer.*.attention.v_lin.*",
    "transformer.layer.*.attention.out_lin.*",
    "transformer.layer.*.sa_layer_norm.*",
    "transformer.layer.*.ffn.lin1.*",
    "transformer.layer.*.ffn.lin2.*",
    "transformer.layer.*.output_layer_norm.*",
    NULL,
};

static const char *const distilbert_required[] = {
    "embeddings.word_embeddings.weight",
    "transformer.layer.*.attention.q_lin.weight",
    NULL,
};

static const char *const distilbert_expected[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "transformer.layer.*.attention.q_lin.bias",
    "transformer.layer.*.attention.k_lin.weight",
    "transformer.layer.*.attention.k_lin.bias",
    "transformer.layer.*.attention.v_lin.weight",
    "transformer.layer.*.attention.v_lin.bias",
    "transformer.layer.*.attention.out_lin.weight",
    "transformer.layer.*.attention.out_lin.bias",
    "transformer.layer.*.sa_layer_norm.weight",
    "transformer.layer.*.sa_layer_norm.bias",
    "transformer.layer.*.ffn.lin1.weight",
    "transformer.layer.*.ffn.lin1.bias",
    "transformer.layer.*.ffn.lin2.weight",
    "transformer.layer.*.ffn.lin2.bias",
    "transformer.layer.*.output_layer_norm.weight",
    "transformer.layer.*.output_layer_norm.bias",
    NULL,
};

/* hidden_dim is not an alias in the library's config class: intermediate_size stays
 * null. */
static const struct fletch_field distilbert_fields[] = {
    { .key = "hidden_size", .paths = { "dim", "hidden_size" } },
    { .key = "num_attention_heads", .paths = { "n_heads", "num_attention_heads" } },
    { .key = "intermediate_size", .paths = { "intermediate_size" } },
    { .key = "num_hidden_layers", .paths = { "n_layers", "num_hidden_layers" } },
    { .key = "vocab_size", .paths = { "vocab_size" } },
    { .key = "max_position_embeddings", .paths = { "max_position_embeddings" } },
    { .key = "layer_norm_eps",
      .paths = { "layer_norm_eps" },
      .kind = FLETCH_FIELD_REAL,
      .default_value = EPS_OTHERWISE },
    { .key = NULL },
};

static const struct fletch_default distilbert_defaults[] = {
    { "hidden_size", 768 },  { "num_attention_heads", 12 },      { "num_hidden_layers", 6 },
    { "vocab_size", 30522 }, { "max_position_embeddings", 512 }, { NULL, 0 },
};

/* ---- The family ---- */

static const struct fletch_model_class classes[] = {
    { .model_type = "bert",
      .class_name = "BertModel",
      .prefixes = { "bert" },
      .patterns = bert_patterns,
      .required = bert_required,
      .expected = bert_expected,
      .optional = fletch_text_optional,
      .unpooled = bert_unpooled,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = bert_defaults },
    { .model_type = "roberta",
      .class_name = "RobertaModel",
      .prefixes = { "roberta" },
      .patterns = bert_patterns,
      .required = bert_required,
      .expected = bert_expected,
      .optional = fletch_text_optional,
      .unpooled = fletch_roberta_unpooled,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = roberta_defaults,
      .positions_after_pad = true },
    { .model_type = "xlm-roberta",
      .class_name = "XLMRobertaModel",
      .prefixes = { "roberta" },
      .patterns = bert_patterns,
      .required = bert_required,
      .expected = bert_expected,
      .optional = fletch_text_optional,
      .unpooled = fletch_roberta_unpooled,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = bert_defaults,
      .positions_after_pad = true },
    { .model_type = "camembert",
      .class_name = "CamembertModel",
      .prefixes = { "roberta" },
      .patterns = bert_patterns,
      .required = bert_required,
      .expected = bert_expected,
      .optional = fletch_text_optional,
      .unpooled = fletch_roberta_unpooled,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = bert_defaults,
      .positions_after_pad = true },
    { .model_type = "distilbert",
      .class_name = "DistilBertModel",
      .prefixes = { "distilbert" },
      .patterns = distilbert_patterns,
      .required = distilbert_required,
      .expected = distilbert_expected,
      .layers = "transformer.layer.",
      .layers_key = "num_hidden_layers",
      .fields = distilbert_fields,
      .defaults = distilbert_defaults },
    { .fields = NULL },
};

static const char *const name_hints[] = { "bert", "sentence-transformers", NULL };

const struct fletch_family fletch_family_bert = {
    .name = "bert",
    .title = "BERT, RoBERTa, XLM-RoBERTa, CamemBERT and DistilBERT encoders",
    .metadata_kind = FLETCH_METADATA_TEXT,
    .model_type_text = "bert",
    .converter_version = "0.1.0",
    .tokenizer = true,
    .name_hints = name_hints,
    .renames = fletch_text_renames,
    .drops = fletch_text_drops,
    .classes = classes,
};
