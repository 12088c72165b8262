/* SPDX-License-Identifier: MIT */
/* dialects.h - the dialects' structs, in the order in which they are tried
 *
 * To add one: a table in a file of its own, a line in the list below, a line in
 * src/meson.build, a case in tests/unit/test_dialect.c. docs/adding-a-dialect.md explains
 * each step.
 */
#ifndef FLETCH_FAMILY_DIALECTS_H
#define FLETCH_FAMILY_DIALECTS_H

#include "family/dialect.h"
#include "family/families.h"

/* open_clip uses OpenAI's names, and has a file of its own beside them. */
#define DIALECTS(X)                                                                        \
    X(open_clip)                                                                           \
    X(openai_clip)                                                                         \
    X(openai_whisper)                                                                      \
    X(plain_clip)                                                                          \
    X(plain_clip_tower)                                                                    \
    X(plain_whisper)                                                                       \
    X(plain_distilbert)                                                                    \
    X(plain_albert)                                                                        \
    X(plain_modernbert)                                                                    \
    X(plain_google_bert)                                                                   \
    X(plain_bert)                                                                          \
    X(static_embedding)                                                                    \
    X(static_folded)                                                                       \
    X(model2vec)                                                                           \
    X(word_embeddings)                                                                     \
    X(sparse_static)

#define DECLARE_DIALECT(name) extern const struct fletch_dialect fletch_dialect_##name;
DIALECTS(DECLARE_DIALECT)
#undef DECLARE_DIALECT

#endif
