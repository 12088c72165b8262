/* SPDX-License-Identifier: MIT */
/* dialect_static.c - tables of word vectors: their shapes tell what no config says
 *
 * transformers' words have no name, nor have these: the tensors keep theirs. A table of
 * model2vec may have fewer rows than there are words, and `mapping` says which is whose.
 */
#include "family/dialects.h"

#define SHAPE(name, dimension)                                                             \
    {                                                                                      \
        .kind = FLETCH_SOURCE_SHAPE, .at = (name), .dim = (dimension)                      \
    }

/* A name for the struct, a model_type, the name of the table; config.json as its shape
 * tells it. */
#define TABLE(struct_name, type, name, sizes)                                              \
    static const char *const struct_name##_required[] = { (name), NULL };                  \
    const struct fletch_dialect fletch_dialect_##struct_name = {                           \
        .title = "word vectors",                                                           \
        .family = &fletch_family_sentence,                                                 \
        .model_type = (type),                                                              \
        .required = struct_name##_required,                                                \
        .fields = (sizes),                                                                 \
    }

static const struct fletch_dialect_field static_sizes[] = {
    { "hidden_size", { SHAPE("embedding.weight", 1) }, false },
    { "vocab_size", { SHAPE("embedding.weight", 0) }, false },
    { .path = NULL },
};

static const struct fletch_dialect_field model2vec_sizes[] = {
    { "hidden_size", { SHAPE("embeddings", 1) }, false },
    { "vocab_size", { SHAPE("mapping", 0), SHAPE("embeddings", 0) }, true },
    { .path = NULL },
};

static const struct fletch_dialect_field words_sizes[] = {
    { "hidden_size", { SHAPE("emb_layer.weight", 1) }, false },
    { "vocab_size", { SHAPE("emb_layer.weight", 0) }, false },
    { .path = NULL },
};

/* a weight a word: the words are the dimensions */
static const struct fletch_dialect_field sparse_sizes[] = {
    { "vocab_size", { SHAPE("weight", 0) }, false },
    { .path = NULL },
};

TABLE(static_embedding, "StaticEmbedding", "embedding.weight", static_sizes);
TABLE(static_folded, "StaticEmbedding", "embeddings", model2vec_sizes);
TABLE(model2vec, "model2vec", "embeddings", model2vec_sizes);
TABLE(word_embeddings, "WordEmbeddings", "emb_layer.weight", words_sizes);
TABLE(sparse_static, "SparseStaticEmbedding", "weight", sparse_sizes);
