/* SPDX-License-Identifier: MIT */
/* vocab.c - see vocab.h */
#include "tokenizer/vocab.h"

#include "base/mem.h"
#include "base/os.h"
#include "tokenizer/tokenizer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum fletch_status reserve(struct fletch_vocab *vocab, size_t count,
                                  struct fletch_error *err)
{
    size_t before = vocab->cap;
    struct fletch_vocab_token *tokens =
        fletch_grow(vocab->tokens, &vocab->cap, count, sizeof(*tokens));

    if (!tokens)
        return fletch_fail_memory(err, count * sizeof(*tokens), "the vocabulary");
    if (vocab->cap > before)
        memset(tokens + before, 0, (vocab->cap - before) * sizeof(*tokens));
    vocab->tokens = tokens;
    return FLETCH_OK;
}

enum fletch_status fletch_vocab_put(struct fletch_vocab *vocab, uint64_t id,
                                    const struct fletch_vocab_token *token,
                                    struct fletch_error *err)
{
    if (id >= FLETCH_TOKENIZER_TOKENS_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "a token with the id %" PRIu64 ", the limit is %zu "
                           "(FLETCH_TOKENIZER_TOKENS_MAX)",
                           id, FLETCH_TOKENIZER_TOKENS_MAX);
    TRY(reserve(vocab, (size_t)id + 1, err));
    if (vocab->tokens[id].text)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "'%.*s' and '%.*s' have the same id, %" PRIu64,
                           (int)vocab->tokens[id].len, vocab->tokens[id].text,
                           (int)token->len, token->text, id);
    vocab->tokens[id] = *token;
    if (id >= vocab->count)
        vocab->count = (size_t)id + 1;
    return FLETCH_OK;
}

enum fletch_status fletch_vocab_add(struct fletch_vocab *vocab, const char *text,
                                    size_t len, double score, struct fletch_error *err)
{
    struct fletch_vocab_token token = { .text = text, .len = len, .score = score };

    return fletch_vocab_put(vocab, vocab->count, &token, err);
}

static int compare_texts(const struct fletch_vocab_token *a, const char *text, size_t len)
{
    int order = memcmp(a->text, text, a->len < len ? a->len : len);

    if (order)
        return order;
    return a->len < len ? -1 : a->len > len;
}

static int compare_ids(const void *left, const void *right, void *user)
{
    const struct fletch_vocab *vocab = user;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct fletch_vocab_token *token = &vocab->tokens[b];
    int order = compare_texts(&vocab->tokens[a], token->text, token->len);

    return order ? order : (a > b) - (a < b);
}

enum fletch_status fletch_vocab_seal(struct fletch_vocab *vocab, struct fletch_error *err)
{
    uint32_t *sorted = fletch_alloc_array(vocab->count + 1, sizeof(*sorted));
    size_t count = 0, known = 0;

    if (!sorted)
        return fletch_fail_memory(err, vocab->count * sizeof(*sorted), "the vocabulary");
    for (size_t i = 0; i < vocab->count; i++)
        if (vocab->tokens[i].text)
            sorted[count++] = (uint32_t)i;
    fletch_os_sort(sorted, count, sizeof(*sorted), compare_ids, vocab);
    for (size_t i = 0; i < count; i++) {
        const struct fletch_vocab_token *token = &vocab->tokens[sorted[i]];

        if (known &&
            !compare_texts(&vocab->tokens[sorted[known - 1]], token->text, token->len))
            known--;
        sorted[known++] = sorted[i];
    }
    vocab->sorted = sorted;
    vocab->known = known;
    return FLETCH_OK;
}

void fletch_vocab_drop_hidden(struct fletch_vocab *vocab)
{
    for (size_t i = 0; i < vocab->count; i++) {
        struct fletch_vocab_token *token = &vocab->tokens[i];
        uint32_t id;

        if (token->text && fletch_vocab_find(&id, vocab, token->text, token->len) &&
            id != i)
            token->text = NULL;
    }
}

bool fletch_vocab_find(uint32_t *id, const struct fletch_vocab *vocab, const char *text,
                       size_t len)
{
    size_t low = 0, high = vocab->known;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t found = vocab->sorted[middle];
        int order = compare_texts(&vocab->tokens[found], text, len);

        if (!order) {
            *id = found;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void fletch_vocab_release(struct fletch_vocab *vocab)
{
    fletch_free(vocab->tokens);
    fletch_free(vocab->sorted);
    *vocab = (struct fletch_vocab){ 0 };
}
