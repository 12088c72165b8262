/* SPDX-License-Identifier: MIT */
/* lexicon.h - tokens by id, and their ids by text
 *
 * Filled first, then sealed, then asked. Texts are borrowed and may hold NULs. Looked up
 * by binary search: no file can make that slow, as it could a hash table.
 */
#ifndef FLETCH_VOCAB_LEXICON_H
#define FLETCH_VOCAB_LEXICON_H

#include "base/error.h"

struct fletch_lexeme {
    const char *text; /* NULL: no token has this id */
    size_t len;
    double score; /* unigram and BPE from pieces; else 0 */
};

/* Zeroed is empty and ready. */
struct fletch_lexicon {
    struct fletch_lexeme *tokens; /* [count], by id */
    size_t count, cap;
    uint32_t *sorted; /* [known]: ids by text, the last of equal texts; once sealed */
    size_t known;
};

/* UNSUPPORTED beyond FLETCH_VOCAB_TOKENS_MAX, MEMORY. FORMAT where `id` is taken. */
enum fletch_status fletch_lexicon_put(struct fletch_lexicon *lexicon, uint64_t id,
                                      const struct fletch_lexeme *token,
                                      struct fletch_error *err);
/* Under the next id. */
enum fletch_status fletch_lexicon_add(struct fletch_lexicon *lexicon, const char *text,
                                      size_t len, double score, struct fletch_error *err);
enum fletch_status fletch_lexicon_seal(struct fletch_lexicon *lexicon,
                                       struct fletch_error *err);
/* Takes away what an equal text with a higher id hides. */
void fletch_lexicon_drop_hidden(struct fletch_lexicon *lexicon);
bool fletch_lexicon_find(uint32_t *id, const struct fletch_lexicon *lexicon,
                         const char *text, size_t len);
void fletch_lexicon_release(struct fletch_lexicon *lexicon);

#endif
