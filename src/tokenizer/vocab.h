/* SPDX-License-Identifier: MIT */
/* vocab.h - tokens by id, and ids by text
 *
 * Fill it, then seal it, then look things up. Texts are borrowed and may hold NULs. Lookup
 * is a binary search, which no file can make slow, as it could a hash table.
 */
#ifndef FLETCH_TOKENIZER_VOCAB_H
#define FLETCH_TOKENIZER_VOCAB_H

#include "base/error.h"

struct fletch_vocab_token {
    const char *text; /* NULL: no token has this id */
    size_t len;
    double score; /* for unigram and BPE from pieces; else 0 */
};

/* Zeroed is empty and ready. */
struct fletch_vocab {
    struct fletch_vocab_token *tokens; /* [count], by id */
    size_t count, cap;
    uint32_t *sorted; /* [known]: ids sorted by text, the last of equal texts; set by
                         sealing */
    size_t known;
};

/* UNSUPPORTED beyond FLETCH_TOKENIZER_TOKENS_MAX, MEMORY. FORMAT when `id` is taken. */
enum fletch_status fletch_vocab_put(struct fletch_vocab *vocab, uint64_t id,
                                    const struct fletch_vocab_token *token,
                                    struct fletch_error *err);
/* Puts the token under the next id. */
enum fletch_status fletch_vocab_add(struct fletch_vocab *vocab, const char *text,
                                    size_t len, double score, struct fletch_error *err);
enum fletch_status fletch_vocab_seal(struct fletch_vocab *vocab, struct fletch_error *err);
/* Removes tokens hidden by one of equal text with a higher id. */
void fletch_vocab_drop_hidden(struct fletch_vocab *vocab);
bool fletch_vocab_find(uint32_t *id, const struct fletch_vocab *vocab, const char *text,
                       size_t len);
void fletch_vocab_release(struct fletch_vocab *vocab);

#endif
