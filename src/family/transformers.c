/* SPDX-License-Identifier: MIT */
/* transformers.c - text encoders with names of their own, and with --type transformers any
 *
 * Rows have the names of the library's base class. A model_type that is not listed is taken
 * only when this family is asked for by name: then every tensor is a row under its own
 * name, since nothing is known of heads and prefixes. That goes for those of other families
 * too: who asks for this one in place of theirs says that the model is none of theirs.
 */
#include "family/families.h"

/* ---- MPNet ---- */

static const char *const mpnet_owns[] = {
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

static const char *const mpnet_need[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.attn.q.weight",
    NULL,
};

static const char *const mpnet_wants[] = {
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

static const char *const albert_owns[] = {
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

static const char *const albert_need[] = {
    "embeddings.word_embeddings.weight",
    "encoder.albert_layer_groups.*.albert_layers.*.attention.query.weight",
    NULL,
};

static const char *const albert_wants[] = {
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

static const struct fletch_default albert_defaults[] = {
    { "hidden_size", 4096 },        { "num_attention_heads", 64 },
    { "intermediate_size", 16384 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30000 },        { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },    { NULL, 0 },
};

/* ---- ELECTRA (no pooler) ---- */

static const char *const electra_owns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings_project.*",
    "encoder.layer.*.attention.self.query.*",
    "encoder.layer.*.attention.self.key.*",
    "encoder.layer.*.attention.self.value.*",
    "encoder.layer.*.attention.self.distance_embedding.weight",
    "encoder.layer.*.crossattention.*",
    "encoder.layer.*.attention.output.dense.*",
    "encoder.layer.*.attention.output.LayerNorm.*",
    "encoder.layer.*.intermediate.dense.*",
    "encoder.layer.*.output.dense.*",
    "encoder.layer.*.output.LayerNorm.*",
    NULL,
};

static const char *const electra_need[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.query.weight",
    NULL,
};

static const char *const electra_wants[] = {
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    FLETCH_SELF_WANTS,
    FLETCH_BLOCK_WANTS,
    NULL,
};

static const struct fletch_default electra_defaults[] = {
    { "hidden_size", 256 },        { "num_attention_heads", 4 },
    { "intermediate_size", 1024 }, { "num_hidden_layers", 12 },
    { "vocab_size", 30522 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-12 },   { NULL, 0 },
};

/* ---- DeBERTa (no pooler: heads have one of their own) ---- */

static const char *const deberta_owns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings.embed_proj.weight",
    "encoder.layer.*.attention.self.in_proj.weight",
    "encoder.layer.*.attention.self.q_bias",
    "encoder.layer.*.attention.self.v_bias",
    "encoder.layer.*.attention.self.pos_proj.*",
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

static const char *const deberta_need[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.in_proj.weight",
    NULL,
};

static const char *const deberta_wants[] = {
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "encoder.layer.*.attention.self.q_bias",
    "encoder.layer.*.attention.self.v_bias",
    FLETCH_BLOCK_WANTS,
    NULL,
};

static const struct fletch_default deberta_defaults[] = {
    { "hidden_size", 768 },        { "num_attention_heads", 12 },
    { "intermediate_size", 3072 }, { "num_hidden_layers", 12 },
    { "vocab_size", 50265 },       { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-7 },    { NULL, 0 },
};

/* ---- DeBERTa v2 and v3 ---- */

static const char *const deberta_v2_owns[] = {
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
    "encoder.conv.*",
    NULL,
};

static const char *const deberta_v2_need[] = {
    "embeddings.word_embeddings.weight",
    "encoder.layer.*.attention.self.query_proj.weight",
    NULL,
};

static const char *const deberta_v2_wants[] = {
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "encoder.layer.*.attention.self.query_proj.bias",
    "encoder.layer.*.attention.self.key_proj.weight",
    "encoder.layer.*.attention.self.key_proj.bias",
    "encoder.layer.*.attention.self.value_proj.weight",
    "encoder.layer.*.attention.self.value_proj.bias",
    FLETCH_BLOCK_WANTS,
    NULL,
};

static const struct fletch_default deberta_v2_defaults[] = {
    { "hidden_size", 1536 },       { "num_attention_heads", 24 },
    { "intermediate_size", 6144 }, { "num_hidden_layers", 24 },
    { "vocab_size", 128100 },      { "max_position_embeddings", 512 },
    { "layer_norm_eps", 1e-7 },    { NULL, 0 },
};

/* ---- ModernBERT ---- */

static const char *const modernbert_owns[] = {
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

static const char *const modernbert_need[] = {
    "embeddings.tok_embeddings.weight",
    "layers.*.attn.Wqkv.weight",
    NULL,
};

static const char *const modernbert_wants[] = {
    "embeddings.norm.weight",
    "layers.*.attn.Wo.weight",
    "layers.*.mlp_norm.weight",
    "layers.*.mlp.Wi.weight",
    "layers.*.mlp.Wo.weight",
    "final_norm.weight",
    NULL,
};

/* layer 0 takes what the embeddings have normalised */
static const char *const modernbert_uneven[] = {
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
      .otherwise = 1e-12 },
    { .key = NULL },
};

static const char *const nomic_bert_owns[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.*",
    "embeddings.norm.*",
    "emb_ln.*",
    "encoder.layers.*",
    "layers.*.self_attn.*",
    "layers.*.mlp.*",
    "layers.*.post_attention_layernorm.*",
    "layers.*.post_mlp_layernorm.*",
    NULL,
};

static const char *const nomic_bert_need[] = {
    "embeddings.word_embeddings.weight",
    "*layers.*.mlp.*.weight",
    NULL,
};

/* ---- The family ---- */

static const struct fletch_member members[] = {
    { .model_type = "mpnet",
      .class_name = "MPNetModel",
      .prefixes = { "mpnet" },
      .owns = mpnet_owns,
      .need = mpnet_need,
      .wants = mpnet_wants,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = mpnet_defaults },
    { .model_type = "albert",
      .class_name = "AlbertModel",
      .prefixes = { "albert" },
      .owns = albert_owns,
      .need = albert_need,
      .wants = albert_wants,
      .fields = fletch_text_fields,
      .defaults = albert_defaults },
    { .model_type = "electra",
      .class_name = "ElectraModel",
      .prefixes = { "electra" },
      .owns = electra_owns,
      .need = electra_need,
      .wants = electra_wants,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = electra_defaults },
    { .model_type = "deberta",
      .class_name = "DebertaModel",
      .prefixes = { "deberta" },
      .owns = deberta_owns,
      .need = deberta_need,
      .wants = deberta_wants,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = deberta_defaults },
    { .model_type = "deberta-v2",
      .class_name = "DebertaV2Model",
      .prefixes = { "deberta" },
      .owns = deberta_v2_owns,
      .need = deberta_v2_need,
      .wants = deberta_v2_wants,
      .layers = "encoder.layer.",
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = deberta_v2_defaults },
    { .model_type = "modernbert",
      .class_name = "ModernBertModel",
      .prefixes = { "model" },
      .owns = modernbert_owns,
      .need = modernbert_need,
      .wants = modernbert_wants,
      .layers = "layers.",
      .uneven = modernbert_uneven,
      .layers_key = "num_hidden_layers",
      .fields = fletch_text_fields,
      .defaults = modernbert_defaults },
    { .model_type = "nomic_bert",
      .class_name = "NomicBertModel",
      .prefixes = { "model", "bert" },
      .owns = nomic_bert_owns,
      .need = nomic_bert_need,
      .fields = nomic_bert_fields },
    { .model_type = NULL, .class_name = "the model", .fields = fletch_text_fields },
    { .fields = NULL },
};

const struct fletch_family fletch_family_transformers = {
    .name = "transformers",
    .title =
        "MPNet, ALBERT, ELECTRA, DeBERTa, ModernBERT, Nomic BERT; asked for, any model",
    .layout = FLETCH_LAYOUT_TEXT,
    .model_type_text = "transformers",
    .converter_version = "0.1.0",
    .tokenizer = true,
    .renames = fletch_text_renames,
    .drops = fletch_text_drops,
    .members = members,
};
