/* SPDX-License-Identifier: MIT */
/* transformers.c - text encoders with names of their own, and any with --type transformers
 *
 * Rows have the names of the library's base class. A model_type that is not listed is
 * accepted only when this family is requested by name: then every tensor is a row under its
 * own name, since nothing is known about heads and prefixes. The same goes for model_types
 * of other families: requesting this one instead says that the model is not one of theirs.
 */
#include "family/families.h"

/* ---- MPNet ---- */

static const char *const mpnet_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.LayerNorm.*",
    "encoder.layer.*.attention.attn.q.*",
    "encoder.layer.*.attention.attn.k.*",
    "encoder.layer.*.attention.attn.v.*",
    "encoder.layer.*.attention.attn.o.*",
    "encoder.layer.*.attention.LayerNorm.*",
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    "encoder.relative_attention_bias.weight",
    "pooler.dense.*",
    NULL,
};

static const char *const mpnet_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.attn.q.weight",
    NULL,
};

static const char *const mpnet_expected[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "encoder.relative_attention_bias.weight",
    "pooler.dense.weight",
    "pooler.dense.bias",
    "encoder.layer.*.attention.attn.q.bias",
    "encoder.layer.*.attention.attn.k.weight",
    "encoder.layer.*.attention.attn.k.bias",
    "encoder.layer.*.attention.attn.v.weight",
    "encoder.layer.*.attention.attn.v.bias",
    "encoder.layer.*.attention.attn.o.weight",
    "encoder.layer.*.attention.attn.o.bias",
    "encoder.layer.*.attention.LayerNorm.weight",
    "encoder.layer.*.attention.LayerNorm.bias",
    "encoder.layer.*.intermediate.dense.weight",
    "encoder.layer.*.intermediate.dense.bias",
    "encoder.layer.*.output.dense.weight",
    "encoder.layer.*.output.dense.bias",
    "encoder.layer.*.output.LayerNorm.weight",
    "encoder.layer.*.output.LayerNorm.bias",
    NULL,
};

static const struct fletch_default mpnet_defaults[] = {
    { "hidden_size", 768 },        { "num_attention_heads", 12 },
    { "intermediate_size", 3072 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30527 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },   { NULL, 0 },
};

/* ---- Albert ---- */

static const char *const albert_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "encoder.embedding_hidden_mapping_in.*",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.query.*",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.key.*",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.value.*",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.dense.*",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.LayerNorm.*",
    "encoder.albert_layer_groups.*.albert_layers.*.full_layer_layer_norm.*",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn.*",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn_output.*",
    "pooler.*",
    NULL,
};

static const char *const albert_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.query.weight",
    NULL,
};

static const char *const albert_expected[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "encoder.embedding_hidden_mapping_in.weight",
    "encoder.embedding_hidden_mapping_in.bias",
    "pooler.weight",
    "pooler.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.query.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.key.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.key.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.value.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.value.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.dense.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.dense.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.LayerNorm.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.LayerNorm.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.full_layer_layer_norm.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.full_layer_layer_norm.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn.bias",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn_output.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.ffn_output.bias",
    NULL,
};

static const char *const albert_unpooled[] = {
    "ForMaskedLM",
    "ForTokenClassification",
    "ForQuestionAnswering",
    NULL,
};

static const struct fletch_default albert_defaults[] = {
    { "hidden_size", 4096 },        { "num_attention_heads", 64 },
    { "intermediate_size", 16384 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30000 },        { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },    { NULL, 0 },
};

/* ---- ELECTRA (no pooler) ---- */

static const char *const electra_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings_project.*",
    "encoder.layer.*.attention.self.query.*",
    "encoder.layer.*.attention.self.key.*",
    "encoder.layer.*.attention.self.value.*",
    "encoder.layer.*.attention.self.distance_embedding.weight",
    FLETCH_CROSS_PATTERNS,
    "encoder.layer.*.attention.output.dense.*",
    "encoder.layer.*.attention.output.LayerNorm.*",
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    NULL,
};

static const char *const electra_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.query.weight",
    NULL,
};

static const char *const electra_expected[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "embeddings_project.weight",
    "embeddings_project.bias",
    FLETCH_SELF_EXPECTED,
    FLETCH_BLOCK_EXPECTED,
    NULL,
};

static const struct fletch_condition electra_conditions[] = {
    { .glob = "embeddings_project.weight", FLETCH_WHEN_NARROW, .default_value = 128 },
    { .glob = "embeddings_project.bias", FLETCH_WHEN_NARROW, .default_value = 128 },
    { .glob = NULL },
};

static const struct fletch_default electra_defaults[] = {
    { "hidden_size", 256 },        { "num_attention_heads", 4 },
    { "intermediate_size", 1024 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30522 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },   { NULL, 0 },
};

/* ---- ModernBERT ---- */

static const char *const modernbert_patterns[] = {
    "embeddings.tok_embeddings.weight",
    "embeddings.norm.*",
    "layers.*.attn.Wqkv.*",
    "layers.*.attn.Wo.*",
    "layers.*.attn_norm.*",
    "layers.*.mlp_norm.*",
    "layers.*.mlp.Wi.*",
    "layers.*.mlp.Wo.*",
    "final_norm.*",
    NULL,
};

static const char *const modernbert_required[] = {
    "embeddings.tok_embeddings.weight",
    "layers.*.attn.Wqkv.weight",
    NULL,
};

static const char *const modernbert_expected[] = {
    "embeddings.norm.weight",    "layers.*.attn.Wo.weight",
    "layers.*.attn_norm.weight", "layers.*.mlp_norm.weight",
    "layers.*.mlp.Wi.weight",    "layers.*.mlp.Wo.weight",
    "final_norm.weight",         NULL,
};

/* layer 0 takes what the embeddings have normalised */
static const char *const modernbert_later[] = {
    "attn_norm.*",
    NULL,
};

static const struct fletch_default modernbert_defaults[] = {
    { "hidden_size", 768 },
    { "num_attention_heads", 12 },
    { "intermediate_size", 1152 },
    { "num_hidden_layers", 22 },
    { "vocab_size", 50368 },
    { "max_position_embeddings", 8192 },
    { NULL, 0 },
};

/* ---- Nomic's BERT, as its own code and as the library saves it (no pooler) ---- */

/* GPT-2's names for the values; those of the class in the library too. */
static const struct fletch_field nomic_bert_fields[] = {
    { .key = "hidden_size", .paths = { "n_embd", "hidden_size" } },
    { .key = "num_attention_heads", .paths = { "n_head", "num_attention_heads" } },
    { .key = "intermediate_size", .paths = { "n_inner", "intermediate_size" } },
    { .key = "num_hidden_layers", .paths = { "n_layer", "num_hidden_layers" } },
    { .key = "vocab_size", .paths = { "vocab_size" } },
    { .key = "max_position_embeddings",
      .paths = { "n_positions", "max_position_embeddings" } },
    { .key = "layer_norm_eps",
      .paths = { "layer_norm_epsilon", "layer_norm_eps" },
      .kind = FLETCH_FIELD_REAL,
      .default_value = 1e-12 },
    { .key = NULL },
};

static const char *const nomic_bert_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "layers.*.self_attn.q_proj.*",
    "layers.*.self_attn.k_proj.*",
    "layers.*.self_attn.v_proj.*",
    "layers.*.self_attn.o_proj.*",
    "layers.*.mlp.gate_proj.*",
    "layers.*.mlp.up_proj.*",
    "layers.*.mlp.down_proj.*",
    "layers.*.post_attention_layernorm.*",
    "layers.*.post_mlp_layernorm.*",
    NULL,
};

static const char *const nomic_bert_required[] = {
    "embeddings.word_embeddings.weight",
    "layers.*.mlp.down_proj.weight",
    NULL,
};

static const char *const nomic_bert_expected[] = {
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "layers.*.self_attn.q_proj.weight",
    "layers.*.self_attn.k_proj.weight",
    "layers.*.self_attn.v_proj.weight",
    "layers.*.self_attn.o_proj.weight",
    "layers.*.mlp.gate_proj.weight",
    "layers.*.mlp.up_proj.weight",
    "layers.*.post_attention_layernorm.weight",
    "layers.*.post_attention_layernorm.bias",
    "layers.*.post_mlp_layernorm.weight",
    "layers.*.post_mlp_layernorm.bias",
    NULL,
};

/* The same model by its own code; every second layer of the second version has experts. */
static const char *const nomic_code_patterns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "emb_ln.*",
    "encoder.layers.*.attn.Wqkv.*",
    "encoder.layers.*.attn.out_proj.*",
    "encoder.layers.*.norm1.*",
    "encoder.layers.*.norm2.*",
    "encoder.layers.*.mlp.fc1.*",
    "encoder.layers.*.mlp.fc11.*",
    "encoder.layers.*.mlp.fc12.*",
    "encoder.layers.*.mlp.fc2.*",
    "encoder.layers.*.mlp.router.layer.weight",
    "encoder.layers.*.mlp.experts.bias",
    "encoder.layers.*.mlp.experts.mlp.w1",
    "encoder.layers.*.mlp.experts.mlp.w2",
    NULL,
};

static const char *const nomic_code_required[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layers.*.attn.Wqkv.weight",
    NULL,
};

#define NOMIC_FC11 "encoder.layers.*.mlp.fc11.weight"
#define NOMIC_FC12 "encoder.layers.*.mlp.fc12.weight"
#define NOMIC_FC2 "encoder.layers.*.mlp.fc2.weight"

static const char *const nomic_code_expected[] = {
    "embeddings.token_type_embeddings.weight",
    "emb_ln.weight",
    "emb_ln.bias",
    "encoder.layers.*.attn.out_proj.weight",
    "encoder.layers.*.norm1.weight",
    "encoder.layers.*.norm1.bias",
    "encoder.layers.*.norm2.weight",
    "encoder.layers.*.norm2.bias",
    NOMIC_FC11,
    NOMIC_FC12,
    NOMIC_FC2,
    NULL,
};

#define WHEN_NO_EXPERTS .path = "moe_every_n_layers", .kind = FLETCH_WHEN_ZERO
#define WHEN_GATED .path = "activation_function", .kind = FLETCH_WHEN_NAMED, .word = "glu"

static const struct fletch_condition nomic_code_conditions[] = {
    { .glob = NOMIC_FC11, WHEN_NO_EXPERTS }, { .glob = NOMIC_FC11, WHEN_GATED },
    { .glob = NOMIC_FC12, WHEN_NO_EXPERTS }, { .glob = NOMIC_FC12, WHEN_GATED },
    { .glob = NOMIC_FC2, WHEN_NO_EXPERTS },  { .glob = NULL },
};

/* Which layers have which, the configuration alone does not tell. */
static const struct fletch_layer_set nomic_code_sets[] = {
    { { "mlp.fc1.weight", "mlp.fc2.weight" } },
    { { "mlp.fc11.weight", "mlp.fc12.weight", "mlp.fc2.weight" } },
    { { "mlp.router.layer.weight", "mlp.experts.mlp.w1", "mlp.experts.mlp.w2" } },
    { { NULL } },
};

static const char *const nomic_code_uneven[] = {
    "mlp.fc1.*",          "mlp.fc11.*",         "mlp.fc12.*",
    "mlp.fc2.*",          "mlp.router.layer.*", "mlp.experts.bias",
    "mlp.experts.mlp.w1", "mlp.experts.mlp.w2", NULL,
};

/* ---- The family ---- */

static const struct fletch_model_class classes[] = {
    { .model_type = "mpnet",
      .class_name = "MPNetModel",
      .prefixes = { "mpnet" },
      .patterns = mpnet_patterns,
      .required = mpnet_required,
      .expected = mpnet_expected,
      .optional = fletch_text_optional,
      .unpooled = fletch_roberta_unpooled,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = mpnet_defaults },
    { .model_type = "albert",
      .class_name = "AlbertModel",
      .prefixes = { "albert" },
      .patterns = albert_patterns,
      .required = albert_required,
      .expected = albert_expected,
      .optional = fletch_text_optional,
      .unpooled = albert_unpooled,
      .layers = "encoder.albert_layer_groups.",
      .layers_path = "num_hidden_groups",
      .inner_path = "inner_group_num",
      .fields = fletch_text_fields,
      .defaults = albert_defaults },
    { .model_type = "electra",
      .class_name = "ElectraModel",
      .prefixes = { "electra" },
      .patterns = electra_patterns,
      .required = electra_required,
      .expected = electra_expected,
      .optional = fletch_unpooled_optional,
      .conditions = electra_conditions,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = electra_defaults },
    { .model_type = "deberta",
      .class_name = "DebertaModel",
      .prefixes = { "deberta" },
      .patterns = fletch_deberta_patterns,
      .required = fletch_deberta_required,
      .expected = fletch_deberta_expected,
      .optional = fletch_unpooled_optional,
      .conditions = fletch_deberta_conditions,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = fletch_deberta_defaults },
    { .model_type = "deberta-v2",
      .class_name = "DebertaV2Model",
      .prefixes = { "deberta" },
      .patterns = fletch_deberta_v2_patterns,
      .required = fletch_deberta_v2_required,
      .expected = fletch_deberta_v2_expected,
      .optional = fletch_unpooled_optional,
      .conditions = fletch_deberta_v2_conditions,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = fletch_deberta_v2_defaults },
    { .model_type = "modernbert",
      .class_name = "ModernBertModel",
      .prefixes = { "model" },
      .patterns = modernbert_patterns,
      .required = modernbert_required,
      .expected = modernbert_expected,
      .layers = "layers.",
      .later = modernbert_later,
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = modernbert_defaults },
    { .model_type = "nomic_bert",
      .class_name = "NomicBertModel",
      .prefixes = { "model", "bert" },
      .patterns = nomic_bert_patterns,
      .required = nomic_bert_required,
      .expected = nomic_bert_expected,
      .optional = fletch_unpooled_optional,
      .layers = "layers.",
      .layers_key = "num_hidden_layers",
      .fields = nomic_bert_fields },
    { .model_type = "nomic_bert",
      .class_name = "NomicBertModel",
      .prefixes = { "model", "bert" },
      .patterns = nomic_code_patterns,
      .required = nomic_code_required,
      .expected = nomic_code_expected,
      .optional = fletch_unpooled_optional,
      .conditions = nomic_code_conditions,
      .layers = "encoder.layers.",
      .layers_key = "num_hidden_layers",
      .optional_per_layer = nomic_code_uneven,
      .layer_sets = nomic_code_sets,
      .fields = nomic_bert_fields },
    { .model_type = NULL, .class_name = "the model", .fields = fletch_text_fields },
    { .fields = NULL },
};

const struct fletch_family fletch_family_transformers = {
    .name = "transformers",
    .title =
        "MPNet, ALBERT, ELECTRA, DeBERTa, ModernBERT, Nomic BERT; asked for, any model",
    .metadata_kind = FLETCH_METADATA_TEXT,
    .model_type_text = "transformers",
    .converter_version = "0.1.0",
    .tokenizer = true,
    .renames = fletch_text_renames,
    .drops = fletch_text_drops,
    .classes = classes,
};
