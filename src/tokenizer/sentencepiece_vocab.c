/* SPDX-License-Identifier: MIT */
/* sentencepiece_vocab.c - the vocabulary of a sentencepiece model, and the merges that its
 * scores imply
 *
 * A BPE model of pieces has no list of merges. Every split of a piece into two others is
 * one, ranked by the piece's score, then the longer left part, then the longer right one.
 */
#include "tokenizer/classes.h"

#include "base/file.h"
#include "base/utf8.h"
#include "tokenizer/sentencepiece.h"

#include <stdlib.h>
#include <string.h>

/* Keeps a piece from being used: no best segmentation of a text can contain it. */
#define PENALTY 100.0

/* Unicode's ranges of digits, first and last. */
static const uint32_t digits[][2] = {
    { 0x0030, 0x0039 },   { 0x00b2, 0x00b3 },   { 0x00b9, 0x00b9 },   { 0x0660, 0x0669 },
    { 0x06f0, 0x06f9 },   { 0x07c0, 0x07c9 },   { 0x0966, 0x096f },   { 0x09e6, 0x09ef },
    { 0x0a66, 0x0a6f },   { 0x0ae6, 0x0aef },   { 0x0b66, 0x0b6f },   { 0x0be6, 0x0bef },
    { 0x0c66, 0x0c6f },   { 0x0ce6, 0x0cef },   { 0x0d66, 0x0d6f },   { 0x0de6, 0x0def },
    { 0x0e50, 0x0e59 },   { 0x0ed0, 0x0ed9 },   { 0x0f20, 0x0f29 },   { 0x1040, 0x1049 },
    { 0x1090, 0x1099 },   { 0x1369, 0x1371 },   { 0x17e0, 0x17e9 },   { 0x1810, 0x1819 },
    { 0x1946, 0x194f },   { 0x19d0, 0x19da },   { 0x1a80, 0x1a89 },   { 0x1a90, 0x1a99 },
    { 0x1b50, 0x1b59 },   { 0x1bb0, 0x1bb9 },   { 0x1c40, 0x1c49 },   { 0x1c50, 0x1c59 },
    { 0x2070, 0x2070 },   { 0x2074, 0x2079 },   { 0x2080, 0x2089 },   { 0x2460, 0x2468 },
    { 0x2474, 0x247c },   { 0x2488, 0x2490 },   { 0x24ea, 0x24ea },   { 0x24f5, 0x24fd },
    { 0x24ff, 0x24ff },   { 0x2776, 0x277e },   { 0x2780, 0x2788 },   { 0x278a, 0x2792 },
    { 0xa620, 0xa629 },   { 0xa8d0, 0xa8d9 },   { 0xa900, 0xa909 },   { 0xa9d0, 0xa9d9 },
    { 0xa9f0, 0xa9f9 },   { 0xaa50, 0xaa59 },   { 0xabf0, 0xabf9 },   { 0xff10, 0xff19 },
    { 0x104a0, 0x104a9 }, { 0x10a40, 0x10a43 }, { 0x10d30, 0x10d39 }, { 0x10e60, 0x10e68 },
    { 0x11052, 0x1105a }, { 0x11066, 0x1106f }, { 0x110f0, 0x110f9 }, { 0x11136, 0x1113f },
    { 0x111d0, 0x111d9 }, { 0x112f0, 0x112f9 }, { 0x11450, 0x11459 }, { 0x114d0, 0x114d9 },
    { 0x11650, 0x11659 }, { 0x116c0, 0x116c9 }, { 0x11730, 0x11739 }, { 0x118e0, 0x118e9 },
    { 0x11950, 0x11959 }, { 0x11c50, 0x11c59 }, { 0x11d50, 0x11d59 }, { 0x11da0, 0x11da9 },
    { 0x16a60, 0x16a69 }, { 0x16ac0, 0x16ac9 }, { 0x16b50, 0x16b59 }, { 0x1d7ce, 0x1d7ff },
    { 0x1e140, 0x1e149 }, { 0x1e2f0, 0x1e2f9 }, { 0x1e950, 0x1e959 }, { 0x1f100, 0x1f10a },
    { 0x1fbf0, 0x1fbf9 }
};

static bool is_digit(uint32_t point)
{
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++)
        if (point >= digits[i][0] && point <= digits[i][1])
            return true;
    return false;
}

/* True for a digit followed by a comma, as inside numbers. */
static bool ends_in_number_comma(const struct fletch_sentencepiece_piece *piece)
{
    size_t at = piece->len;
    uint32_t point = 0;

    if (at < 2 || piece->text[--at] != ',')
        return false;
    do
        at--;
    while (at && (piece->text[at] & 0xc0) == 0x80);
    fletch_utf8_get(&point, piece->text + at, piece->len - at);
    return is_digit(point);
}

/* The vocabulary as the kind numbers it. */
static enum fletch_status number_pieces(struct fletch_tokenizer_builder *builder,
                                        const struct fletch_sentencepiece *model,
                                        struct fletch_error *err)
{
    const struct fletch_tokenizer_class *tokenizer_class = builder->tokenizer_class;
    struct fletch_vocab *vocab = &builder->vocab;

    if (model->pieces_count < tokenizer_class->head_skip)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%zu pieces, expected at least %zu",
                           model->pieces_count, tokenizer_class->head_skip);
    for (size_t i = 0; i < tokenizer_class->head_count; i++)
        TRY(fletch_vocab_add(vocab, tokenizer_class->head[i].text,
                             strlen(tokenizer_class->head[i].text),
                             tokenizer_class->head[i].score, err));
    for (size_t i = tokenizer_class->head_skip; i < model->pieces_count; i++) {
        const struct fletch_sentencepiece_piece *piece = &model->pieces[i];
        bool penalty = tokenizer_class->comma_penalty && ends_in_number_comma(piece);

        TRY(fletch_vocab_add(vocab, piece->text, piece->len,
                             (double)piece->score - (penalty ? PENALTY : 0), err));
    }
    if (tokenizer_class->tail)
        TRY(fletch_vocab_add(vocab, tokenizer_class->tail, strlen(tokenizer_class->tail), 0,
                             err));
    return fletch_vocab_seal(vocab, err);
}

/* Adds pieces that stand for themselves in any text. */
static enum fletch_status add_marked(struct fletch_tokenizer_builder *builder,
                                     const struct fletch_sentencepiece *model,
                                     struct fletch_error *err)
{
    for (size_t i = 0; i < model->pieces_count; i++) {
        const struct fletch_sentencepiece_piece *piece = &model->pieces[i];
        struct fletch_added_token added_token = { .text = piece->text,
                                                  .len = piece->len,
                                                  .special = piece->type ==
                                                             FLETCH_SENTENCEPIECE_CONTROL };

        if (added_token.special || piece->type == FLETCH_SENTENCEPIECE_USER_DEFINED)
            TRY(fletch_added_tokens_add(builder, &added_token, err));
    }
    return FLETCH_OK;
}

/* ---- Merges ---- */

struct ranked {
    struct fletch_merge merge;
    double score;
    size_t left_count, right_count; /* in characters */
    size_t order;
};

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    int order = (a->score < b->score) - (a->score > b->score);

    if (!order)
        order = compare_numbers(b->left_count, a->left_count);
    if (!order)
        order = compare_numbers(b->right_count, a->right_count);
    return order ? order : compare_numbers(a->order, b->order);
}

struct ranking {
    struct ranked *list; /* [count] */
    size_t count, cap;
};

static enum fletch_status rank(struct ranking *ranking, const struct ranked *ranked,
                               struct fletch_error *err)
{
    if (ranking->count == ranking->cap) {
        struct ranked *list =
            fletch_grow(ranking->list, &ranking->cap, ranking->count + 1, sizeof(*list));

        if (!list)
            return fletch_fail_memory(err, (ranking->count + 1) * sizeof(*list),
                                      "the merges");
        ranking->list = list;
    }
    ranking->list[ranking->count] = *ranked;
    ranking->list[ranking->count].order = ranking->count;
    ranking->count++;
    return FLETCH_OK;
}

static size_t count_characters(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

/* Lists every way to build the token from two pieces of the file. */
static enum fletch_status rank_splits(struct ranking *ranking,
                                      const struct fletch_vocab_token *token,
                                      const struct fletch_vocab *pieces,
                                      struct fletch_error *err)
{
    size_t characters = count_characters(token->text, token->len), left = 0;

    if (token->len > FLETCH_TOKENIZER_PIECE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "a piece of %zu bytes, the limit is %zu "
                           "(FLETCH_TOKENIZER_PIECE_MAX)",
                           token->len, FLETCH_TOKENIZER_PIECE_MAX);
    for (size_t at = 1; at < token->len; at++) {
        uint32_t id;
        struct ranked ranked = { .merge = { .left = token->text,
                                            .left_len = at,
                                            .right = token->text + at,
                                            .right_len = token->len - at },
                                 .score = token->score };

        if ((token->text[at] & 0xc0) == 0x80)
            continue;
        left++;
        if (!fletch_vocab_find(&id, pieces, token->text, at) ||
            !fletch_vocab_find(&id, pieces, token->text + at, token->len - at))
            continue;
        ranked.left_count = left;
        ranked.right_count = characters - left;
        TRY(rank(ranking, &ranked, err));
    }
    return FLETCH_OK;
}

/* Drops merges of parts that the kind's numbering left out. */
static enum fletch_status keep_merges(struct fletch_tokenizer_builder *builder,
                                      const struct ranking *ranking,
                                      struct fletch_error *err)
{
    builder->merges = fletch_alloc_array(ranking->count + 1, sizeof(*builder->merges));
    if (!builder->merges)
        return fletch_fail_memory(err, ranking->count * sizeof(*builder->merges),
                                  "the merges");
    for (size_t i = 0; i < ranking->count; i++) {
        const struct fletch_merge *merge = &ranking->list[i].merge;
        const struct fletch_vocab *vocab = &builder->vocab;
        uint32_t id;

        if (fletch_vocab_find(&id, vocab, merge->left, merge->left_len) &&
            fletch_vocab_find(&id, vocab, merge->right, merge->right_len))
            builder->merges[builder->merges_count++] = *merge;
    }
    return FLETCH_OK;
}

static enum fletch_status make_merges(struct fletch_tokenizer_builder *builder,
                                      const struct fletch_sentencepiece *model,
                                      struct fletch_error *err)
{
    const struct fletch_vocab *vocab = &builder->vocab;
    struct fletch_vocab pieces = { 0 };
    struct ranking ranking = { 0 };
    enum fletch_status status = FLETCH_OK;

    for (size_t i = 0; i < model->pieces_count && !status; i++)
        status =
            fletch_vocab_add(&pieces, model->pieces[i].text, model->pieces[i].len, 0, err);
    if (!status)
        status = fletch_vocab_seal(&pieces, err);
    for (size_t i = 0; i < vocab->count && !status; i++)
        if (vocab->tokens[i].text)
            status = rank_splits(&ranking, &vocab->tokens[i], &pieces, err);
    if (!status && ranking.count)
        qsort(ranking.list, ranking.count, sizeof(*ranking.list), compare_ranked);
    if (!status)
        status = keep_merges(builder, &ranking, err);
    fletch_free(ranking.list);
    fletch_vocab_release(&pieces);
    return status;
}

/* ---- The file ---- */

static enum fletch_status take_pieces(struct fletch_tokenizer_builder *builder,
                                      const struct fletch_sentencepiece *model,
                                      struct fletch_error *err)
{
    const struct fletch_tokenizer_class *tokenizer_class = builder->tokenizer_class;

    builder->unigram = model->model == FLETCH_SENTENCEPIECE_MODEL_UNIGRAM;
    builder->unk_id = tokenizer_class->head_unk ? tokenizer_class->unk : model->unk_id;
    builder->charsmap = model->charsmap;
    builder->charsmap_size = model->charsmap_size;
    builder->origin->byte_fallback = model->byte_fallback;
    TRY(number_pieces(builder, model, err));
    if (!builder->unigram) {
        builder->unk_piece = model->unk_piece;
        builder->unk_piece_len = model->unk_piece_len;
        fletch_vocab_drop_hidden(&builder->vocab);
        TRY(make_merges(builder, model, err));
    }
    return add_marked(builder, model, err);
}

enum fletch_status fletch_read_sentencepiece(struct fletch_tokenizer_builder *builder,
                                             struct fletch_error *err)
{
    struct fletch_sentencepiece model = { 0 };
    enum fletch_status status;

    TRY(fletch_file_load(&builder->vocabulary_text, builder->vocabulary_path,
                         FLETCH_TOKENIZER_SIZE_MAX, "FLETCH_TOKENIZER_SIZE_MAX", err));
    status = fletch_sentencepiece_read(&model, builder->vocabulary_text.bytes,
                                       builder->vocabulary_text.size, err);
    if (!status)
        status = take_pieces(builder, &model, err);
    if (status)
        fletch_error_prefix(err, "%s", builder->vocabulary_path);
    fletch_sentencepiece_release(&model);
    return status;
}
