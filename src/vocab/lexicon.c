/* SPDX-License-Identifier: MIT */
/* lexicon.c - see lexicon.h */
#include "vocab/lexicon.h"

#include "base/mem.h"
#include "base/os.h"
#include "vocab/vocab.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum fletch_status reserve(struct fletch_lexicon *lexicon, size_t count,
                                  struct fletch_error *err)
{
    size_t cap = lexicon->cap ? lexicon->cap : 1024;
    struct fletch_lexeme *tokens;

    while (cap < count)
        cap *= 2;
    if (cap == lexicon->cap)
        return FLETCH_OK;
    tokens = fletch_resize(lexicon->tokens, cap, sizeof(*tokens));
    if (!tokens)
        return fletch_fail_memory(err, cap * sizeof(*tokens), "the vocabulary");
    memset(tokens + lexicon->cap, 0, (cap - lexicon->cap) * sizeof(*tokens));
    lexicon->tokens = tokens;
    lexicon->cap = cap;
    return FLETCH_OK;
}

enum fletch_status fletch_lexicon_put(struct fletch_lexicon *lexicon, uint64_t id,
                                      const struct fletch_lexeme *token,
                                      struct fletch_error *err)
{
    if (id >= FLETCH_VOCAB_TOKENS_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "a token with the id %" PRIu64 ", the limit is %zu "
                           "(FLETCH_VOCAB_TOKENS_MAX)",
                           id, FLETCH_VOCAB_TOKENS_MAX);
    TRY(reserve(lexicon, (size_t)id + 1, err));
    if (lexicon->tokens[id].text)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "'%.*s' and '%.*s' have the same id, %" PRIu64,
                           (int)lexicon->tokens[id].len, lexicon->tokens[id].text,
                           (int)token->len, token->text, id);
    lexicon->tokens[id] = *token;
    if (id >= lexicon->count)
        lexicon->count = (size_t)id + 1;
    return FLETCH_OK;
}

enum fletch_status fletch_lexicon_add(struct fletch_lexicon *lexicon, const char *text,
                                      size_t len, double score, struct fletch_error *err)
{
    struct fletch_lexeme token = { .text = text, .len = len, .score = score };

    return fletch_lexicon_put(lexicon, lexicon->count, &token, err);
}

static int compare_texts(const struct fletch_lexeme *a, const char *text, size_t len)
{
    int order = memcmp(a->text, text, a->len < len ? a->len : len);

    if (order)
        return order;
    return a->len < len ? -1 : a->len > len;
}

static int compare_ids(const void *left, const void *right, void *user)
{
    const struct fletch_lexicon *lexicon = user;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct fletch_lexeme *token = &lexicon->tokens[b];
    int order = compare_texts(&lexicon->tokens[a], token->text, token->len);

    return order ? order : (a > b) - (a < b);
}

enum fletch_status fletch_lexicon_seal(struct fletch_lexicon *lexicon,
                                       struct fletch_error *err)
{
    uint32_t *sorted = fletch_alloc_array(lexicon->count + 1, sizeof(*sorted));
    size_t count = 0, known = 0;

    if (!sorted)
        return fletch_fail_memory(err, lexicon->count * sizeof(*sorted), "the vocabulary");
    for (size_t i = 0; i < lexicon->count; i++)
        if (lexicon->tokens[i].text)
            sorted[count++] = (uint32_t)i;
    fletch_os_sort(sorted, count, sizeof(*sorted), compare_ids, lexicon);
    for (size_t i = 0; i < count; i++) {
        const struct fletch_lexeme *token = &lexicon->tokens[sorted[i]];

        if (known &&
            !compare_texts(&lexicon->tokens[sorted[known - 1]], token->text, token->len))
            known--;
        sorted[known++] = sorted[i];
    }
    lexicon->sorted = sorted;
    lexicon->known = known;
    return FLETCH_OK;
}

void fletch_lexicon_drop_hidden(struct fletch_lexicon *lexicon)
{
    for (size_t i = 0; i < lexicon->count; i++) {
        struct fletch_lexeme *token = &lexicon->tokens[i];
        uint32_t id;

        if (token->text && fletch_lexicon_find(&id, lexicon, token->text, token->len) &&
            id != i)
            token->text = NULL;
    }
}

bool fletch_lexicon_find(uint32_t *id, const struct fletch_lexicon *lexicon,
                         const char *text, size_t len)
{
    size_t low = 0, high = lexicon->known;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t found = lexicon->sorted[middle];
        int order = compare_texts(&lexicon->tokens[found], text, len);

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

void fletch_lexicon_release(struct fletch_lexicon *lexicon)
{
    fletch_free(lexicon->tokens);
    fletch_free(lexicon->sorted);
    *lexicon = (struct fletch_lexicon){ 0 };
}
