/* SPDX-License-Identifier: MIT */
/* sentence.c - sentence-transformers folders: an encoder and what follows it
 *
 * Known by modules.json. The first module's checkpoint is an encoder of the other text
 * families, saved without heads, or a table of word vectors, whose kind stands for a
 * model_type; modules behind it that have weights (Dense, LayerNorm) are rows of their own,
 * named after their folder. Which modules there are is model/'s affair.
 */
#include "family/families.h"

/* ---- Tables of word vectors ---- */

/* They have no layers, and their sizes are those of the table: dialect_static.c. */
static const struct fletch_field static_fields[] = {
    { .key = "hidden_size", .paths = { "hidden_size" } },
    { .key = "num_attention_heads" },
    { .key = "intermediate_size" },
    { .key = "num_hidden_layers" },
    { .key = "vocab_size", .paths = { "vocab_size" } },
    { .key = "max_position_embeddings" },
    { .key = "layer_norm_eps", .kind = FLETCH_FIELD_REAL },
    { .key = NULL },
};

static const char *const static_names[] = { "embedding.weight", NULL };
static const char *const words_names[] = { "emb_layer.weight", NULL };
static const char *const sparse_names[] = { "weight", NULL };

/* model2vec's: which row is a word's, and what it is multiplied by */
static const char *const model2vec_patterns[] = { "embeddings", "mapping", "weights",
                                                  NULL };
static const char *const model2vec_required[] = { "embeddings", NULL };

#define TABLE(type, class, own, needed)                                                    \
    {                                                                                      \
        .model_type = (type), .class_name = (class), .patterns = (own),                    \
        .required = (needed), .fields = static_fields, .on_request = true                  \
    }

static const struct fletch_model_class classes[] = {
    TABLE("StaticEmbedding", "StaticEmbedding", static_names, static_names),
    TABLE("StaticEmbedding", "StaticEmbedding", model2vec_patterns, model2vec_required),
    TABLE("model2vec", "StaticModel", model2vec_patterns, model2vec_required),
    TABLE("WordEmbeddings", "WordEmbeddings", words_names, words_names),
    TABLE("SparseStaticEmbedding", "SparseStaticEmbedding", sparse_names, sparse_names),
    { .model_type = NULL, .class_name = "the encoder", .fields = fletch_text_fields },
    { .fields = NULL },
};

static const struct fletch_family *const also[] = {
    &fletch_family_bert,
    &fletch_family_transformers,
    NULL,
};

const struct fletch_family fletch_family_sentence = {
    .name = "sentence-transformers",
    .title = "sentence-transformers folders (modules.json), with their Dense modules",
    .metadata_kind = FLETCH_METADATA_SENTENCE,
    .model_type_text = "sentence-transformers",
    .architecture = "SentenceTransformer",
    .converter_version = "0.1.0",
    .tokenizer = true,
    .renames = fletch_text_renames,
    .drops = fletch_text_drops,
    .classes = classes,
    .includes = also,
};
