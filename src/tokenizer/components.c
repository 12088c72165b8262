/* SPDX-License-Identifier: MIT */
/* components.c - the parts of a tokenizer.json, each as the library writes it */
#include "tokenizer/classes.h"

#include <stdlib.h>
#include <string.h>

/* What pieces have for a space: U+2581. */
#define SPACE_MARK "\xe2\x96\x81"

/* Longer words are unknown. */
#define WORD_CHARACTERS_MAX 100

void fletch_put_null(const struct fletch_tokenizer_builder *builder,
                     struct fletch_pretty *pretty)
{
    (void)builder;
    fletch_pretty_null(pretty);
}

/* ---- Normalizers ---- */

void fletch_put_bert_normalizer(const struct fletch_tokenizer_builder *builder,
                                struct fletch_pretty *pretty)
{
    const json_t *strip =
        json_object_get(builder->source->tokenizer_config, "strip_accents");
    bool chinese = fletch_builder_flag(builder, "tokenize_chinese_chars", true) &&
                   (!builder->tokenizer_class->basic_chinese ||
                    fletch_builder_flag(builder, "do_basic_tokenize", true));

    fletch_pretty_type(pretty, "BertNormalizer");
    fletch_pretty_flag(pretty, "clean_text", true);
    fletch_pretty_flag(pretty, "handle_chinese_chars", chinese);
    fletch_pretty_key(pretty, "strip_accents");
    if (json_is_boolean(strip))
        fletch_pretty_bool(pretty, json_is_true(strip));
    else
        fletch_pretty_null(pretty);
    fletch_pretty_flag(pretty, "lowercase",
                       fletch_builder_flag(builder, "do_lower_case",
                                           builder->tokenizer_class->lower_case));
    fletch_pretty_close(pretty, '}');
}

static void put_simple(struct fletch_pretty *pretty, const char *type)
{
    fletch_pretty_type(pretty, type);
    fletch_pretty_close(pretty, '}');
}

/* `kind` is "Regex" or "String". */
static void put_replace(struct fletch_pretty *pretty, const char *kind, const char *pattern,
                        const char *content)
{
    fletch_pretty_type(pretty, "Replace");
    fletch_pretty_key(pretty, "pattern");
    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, kind, pattern);
    fletch_pretty_close(pretty, '}');
    fletch_pretty_pair(pretty, "content", content);
    fletch_pretty_close(pretty, '}');
}

static void put_strip(struct fletch_pretty *pretty, bool left)
{
    fletch_pretty_type(pretty, "Strip");
    fletch_pretty_flag(pretty, "strip_left", left);
    fletch_pretty_flag(pretty, "strip_right", true);
    fletch_pretty_close(pretty, '}');
}

static void put_charsmap(const struct fletch_tokenizer_builder *builder,
                         struct fletch_pretty *pretty)
{
    if (!builder->charsmap_size)
        return;
    fletch_pretty_type(pretty, "Precompiled");
    fletch_pretty_key(pretty, "precompiled_charsmap");
    fletch_pretty_base64(pretty, builder->charsmap, builder->charsmap_size);
    fletch_pretty_close(pretty, '}');
}

static void open_sequence(struct fletch_pretty *pretty, const char *key)
{
    fletch_pretty_type(pretty, "Sequence");
    fletch_pretty_key(pretty, key);
    fletch_pretty_open(pretty, '[');
}

static void close_sequence(struct fletch_pretty *pretty)
{
    fletch_pretty_close(pretty, ']');
    fletch_pretty_close(pretty, '}');
}

void fletch_put_spaces_normalizer(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    put_charsmap(builder, pretty);
    put_strip(pretty, false);
    put_replace(pretty, "Regex", " {2,}", SPACE_MARK);
    close_sequence(pretty);
}

void fletch_put_accents_normalizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    put_replace(pretty, "String", "``", "\"");
    put_replace(pretty, "String", "''", "\"");
    if (!fletch_builder_flag(builder, "keep_accents", false)) {
        put_simple(pretty, "NFKD");
        put_simple(pretty, "StripAccents");
    }
    if (fletch_builder_flag(builder, "do_lower_case", builder->tokenizer_class->lower_case))
        put_simple(pretty, "Lowercase");
    put_charsmap(builder, pretty);
    put_replace(pretty, "Regex", " {2,}", " ");
    close_sequence(pretty);
}

void fletch_put_strip_normalizer(const struct fletch_tokenizer_builder *builder,
                                 struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    if (fletch_builder_flag(builder, "do_lower_case", builder->tokenizer_class->lower_case))
        put_simple(pretty, "Lowercase");
    put_strip(pretty, true);
    put_charsmap(builder, pretty);
    put_replace(pretty, "Regex", " {2,}", " ");
    close_sequence(pretty);
}

/* ---- Splitters ---- */

void fletch_put_bert_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_pretty *pretty)
{
    (void)builder;
    put_simple(pretty, "BertPreTokenizer");
}

static void put_byte_level(struct fletch_pretty *pretty, bool prefix, bool trim)
{
    fletch_pretty_type(pretty, "ByteLevel");
    fletch_pretty_flag(pretty, "add_prefix_space", prefix);
    fletch_pretty_flag(pretty, "trim_offsets", trim);
    fletch_pretty_flag(pretty, "use_regex", true);
    fletch_pretty_close(pretty, '}');
}

static bool prefixes_space(const struct fletch_tokenizer_builder *builder)
{
    return fletch_builder_flag(builder, "add_prefix_space", false);
}

void fletch_put_byte_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_pretty *pretty)
{
    put_byte_level(pretty, prefixes_space(builder), true);
}

void fletch_put_metaspace(const struct fletch_tokenizer_builder *builder,
                          struct fletch_pretty *pretty)
{
    (void)builder;
    fletch_pretty_type(pretty, "Metaspace");
    fletch_pretty_pair(pretty, "replacement", SPACE_MARK);
    fletch_pretty_pair(pretty, "prepend_scheme", "always");
    fletch_pretty_flag(pretty, "split", true);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_metaspace_sequence(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_pretty *pretty)
{
    open_sequence(pretty, "pretokenizers");
    if (fletch_builder_flag(builder, "split_by_punct", false)) {
        fletch_pretty_type(pretty, "Punctuation");
        fletch_pretty_pair(pretty, "behavior", "Isolated");
        fletch_pretty_close(pretty, '}');
    }
    fletch_put_metaspace(builder, pretty);
    close_sequence(pretty);
}

/* ---- Processors ---- */

static const char *end_of(const struct fletch_tokenizer_builder *builder, const char *fixed,
                          enum fletch_special special)
{
    return fixed ? fixed : builder->added_tokens.specials[special].text;
}

const char *fletch_builder_first(const struct fletch_tokenizer_builder *builder)
{
    return end_of(builder, builder->tokenizer_class->first, FLETCH_SPECIAL_CLS);
}

const char *fletch_builder_last(const struct fletch_tokenizer_builder *builder)
{
    return end_of(builder, builder->tokenizer_class->last, FLETCH_SPECIAL_SEP);
}

static void put_part(struct fletch_pretty *pretty, const char *kind, const char *id,
                     uint64_t type)
{
    fletch_pretty_open(pretty, '{');
    fletch_pretty_key(pretty, kind);
    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, "id", id);
    fletch_pretty_key(pretty, "type_id");
    fletch_pretty_count(pretty, type);
    fletch_pretty_close(pretty, '}');
    fletch_pretty_close(pretty, '}');
}

static void put_token_entry(struct fletch_pretty *pretty, const char *text, uint32_t id)
{
    fletch_pretty_key(pretty, text);
    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, "id", text);
    fletch_pretty_key(pretty, "ids");
    fletch_pretty_open(pretty, '[');
    fletch_pretty_count(pretty, id);
    fletch_pretty_close(pretty, ']');
    fletch_pretty_key(pretty, "tokens");
    fletch_pretty_open(pretty, '[');
    fletch_pretty_text(pretty, text, strlen(text));
    fletch_pretty_close(pretty, ']');
    fletch_pretty_close(pretty, '}');
}

/* By their texts, as the library sorts them. */
static void put_template_tokens(const struct fletch_tokenizer_builder *builder,
                                struct fletch_pretty *pretty, const char *first,
                                const char *last)
{
    int order = last ? strcmp(first, last) : -1;

    fletch_pretty_key(pretty, "special_tokens");
    fletch_pretty_open(pretty, '{');
    if (order <= 0)
        put_token_entry(pretty, first, builder->first_id);
    if (last && order)
        put_token_entry(pretty, last, builder->last_id);
    if (order > 0)
        put_token_entry(pretty, first, builder->first_id);
    fletch_pretty_close(pretty, '}');
}

/* FIRST A LAST, and FIRST A LAST B LAST; without a last token FIRST A, FIRST A B. */
static void put_template(const struct fletch_tokenizer_builder *builder,
                         struct fletch_pretty *pretty, const char *first, const char *last)
{
    uint64_t type = builder->tokenizer_class->typed;

    fletch_pretty_type(pretty, "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        fletch_pretty_key(pretty, pair ? "pair" : "single");
        fletch_pretty_open(pretty, '[');
        put_part(pretty, "SpecialToken", first, 0);
        put_part(pretty, "Sequence", "A", 0);
        if (last)
            put_part(pretty, "SpecialToken", last, 0);
        if (pair && builder->tokenizer_class->doubled)
            put_part(pretty, "SpecialToken", last, 0);
        if (pair)
            put_part(pretty, "Sequence", "B", type);
        if (pair && last)
            put_part(pretty, "SpecialToken", last, type);
        fletch_pretty_close(pretty, ']');
    }
    put_template_tokens(builder, pretty, first, last);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_template(const struct fletch_tokenizer_builder *builder,
                         struct fletch_pretty *pretty)
{
    put_template(builder, pretty, fletch_builder_first(builder),
                 fletch_builder_last(builder));
}

static void put_end(struct fletch_pretty *pretty, const char *key, const char *text,
                    uint32_t id)
{
    fletch_pretty_key(pretty, key);
    fletch_pretty_open(pretty, '[');
    fletch_pretty_text(pretty, text, strlen(text));
    fletch_pretty_count(pretty, id);
    fletch_pretty_close(pretty, ']');
}

void fletch_put_roberta_processor(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_pretty *pretty)
{
    fletch_pretty_type(pretty, "RobertaProcessing");
    put_end(pretty, "sep", fletch_builder_last(builder), builder->last_id);
    put_end(pretty, "cls", fletch_builder_first(builder), builder->first_id);
    fletch_pretty_flag(pretty, "trim_offsets",
                       fletch_builder_flag(builder, "trim_offsets", true));
    fletch_pretty_flag(pretty, "add_prefix_space", prefixes_space(builder));
    fletch_pretty_close(pretty, '}');
}

void fletch_put_byte_processor(const struct fletch_tokenizer_builder *builder,
                               struct fletch_pretty *pretty)
{
    const struct fletch_added_token *bos =
        &builder->added_tokens.specials[FLETCH_SPECIAL_BOS];

    if (fletch_builder_flag(builder, "add_bos_token", false) && bos->text)
        put_template(builder, pretty, bos->text, NULL);
    else
        put_byte_level(pretty, true, false);
}

/* ---- Decoders ---- */

void fletch_put_word_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_pretty *pretty)
{
    (void)builder;
    fletch_pretty_type(pretty, "WordPiece");
    fletch_pretty_pair(pretty, "prefix", "##");
    fletch_pretty_flag(pretty, "cleanup", true);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_byte_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_pretty *pretty)
{
    (void)builder;
    put_byte_level(pretty, true, true);
}

/* ---- Models ---- */

static void put_ids(const struct fletch_vocab *vocab, struct fletch_pretty *pretty)
{
    fletch_pretty_key(pretty, "vocab");
    fletch_pretty_open(pretty, '{');
    for (size_t i = 0; i < vocab->count; i++) {
        const struct fletch_vocab_token *token = &vocab->tokens[i];

        if (!token->text)
            continue;
        fletch_pretty_key_of(pretty, token->text, token->len);
        fletch_pretty_count(pretty, i);
    }
    fletch_pretty_close(pretty, '}');
}

void fletch_put_wordpiece_model(const struct fletch_tokenizer_builder *builder,
                                struct fletch_pretty *pretty)
{
    const struct fletch_added_token *unk =
        &builder->added_tokens.specials[FLETCH_SPECIAL_UNK];

    fletch_pretty_type(pretty, "WordPiece");
    fletch_pretty_key(pretty, "unk_token");
    fletch_pretty_text(pretty, unk->text, unk->len);
    fletch_pretty_pair(pretty, "continuing_subword_prefix", "##");
    fletch_pretty_key(pretty, "max_input_chars_per_word");
    fletch_pretty_count(pretty, WORD_CHARACTERS_MAX);
    put_ids(&builder->vocab, pretty);
    fletch_pretty_close(pretty, '}');
}

/* `affix` stands in front of parts and behind words. */
static void put_merging(const struct fletch_tokenizer_builder *builder,
                        struct fletch_pretty *pretty, const char *affix)
{
    fletch_pretty_type(pretty, "BPE");
    fletch_pretty_pair(pretty, "dropout", NULL);
    fletch_pretty_key(pretty, "unk_token");
    if (builder->unk_piece)
        fletch_pretty_text(pretty, builder->unk_piece, builder->unk_piece_len);
    else
        fletch_pretty_null(pretty);
    fletch_pretty_pair(pretty, "continuing_subword_prefix", affix);
    fletch_pretty_pair(pretty, "end_of_word_suffix", affix);
    fletch_pretty_flag(pretty, "fuse_unk", builder->unk_piece);
    fletch_pretty_flag(pretty, "byte_fallback", false);
    fletch_pretty_flag(pretty, "ignore_merges", false);
    put_ids(&builder->vocab, pretty);
    fletch_pretty_key(pretty, "merges");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < builder->merges_count; i++) {
        const struct fletch_merge *merge = &builder->merges[i];

        fletch_pretty_open(pretty, '[');
        fletch_pretty_text(pretty, merge->left, merge->left_len);
        fletch_pretty_text(pretty, merge->right, merge->right_len);
        fletch_pretty_close(pretty, ']');
    }
    fletch_pretty_close(pretty, ']');
    fletch_pretty_close(pretty, '}');
}

void fletch_put_bpe_model(const struct fletch_tokenizer_builder *builder,
                          struct fletch_pretty *pretty)
{
    put_merging(builder, pretty, "");
}

void fletch_put_sentencepiece_model(const struct fletch_tokenizer_builder *builder,
                                    struct fletch_pretty *pretty)
{
    const struct fletch_vocab *vocab = &builder->vocab;

    if (!builder->unigram) {
        put_merging(builder, pretty, NULL);
        return;
    }
    fletch_pretty_type(pretty, "Unigram");
    fletch_pretty_key(pretty, "unk_id");
    fletch_pretty_count(pretty, builder->unk_id);
    fletch_pretty_key(pretty, "vocab");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < vocab->count; i++) {
        fletch_pretty_open(pretty, '[');
        fletch_pretty_text(pretty, vocab->tokens[i].text, vocab->tokens[i].len);
        fletch_pretty_real(pretty, vocab->tokens[i].score);
        fletch_pretty_close(pretty, ']');
    }
    fletch_pretty_close(pretty, ']');
    fletch_pretty_flag(pretty, "byte_fallback", false);
    fletch_pretty_close(pretty, '}');
}

/* ---- The whole ---- */

static void put_added(struct fletch_pretty *pretty,
                      const struct fletch_added_token *added_token)
{
    fletch_pretty_open(pretty, '{');
    fletch_pretty_key(pretty, "id");
    fletch_pretty_count(pretty, added_token->id);
    fletch_pretty_key(pretty, "content");
    fletch_pretty_text(pretty, added_token->text, added_token->len);
    fletch_pretty_flag(pretty, "single_word", added_token->single_word);
    fletch_pretty_flag(pretty, "lstrip", added_token->lstrip);
    fletch_pretty_flag(pretty, "rstrip", added_token->rstrip);
    fletch_pretty_flag(pretty, "normalized", added_token->normalized);
    fletch_pretty_flag(pretty, "special", added_token->special);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_tokenizer(struct fletch_buf *out,
                          const struct fletch_tokenizer_builder *builder)
{
    const struct fletch_tokenizer_class *kind = builder->tokenizer_class;
    struct fletch_pretty whole = { .buf = out }, *pretty = &whole;

    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, "version", "1.0");
    fletch_pretty_pair(pretty, "truncation", NULL);
    fletch_pretty_pair(pretty, "padding", NULL);
    fletch_pretty_key(pretty, "added_tokens");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < builder->added_tokens.count; i++)
        put_added(pretty, &builder->added_tokens.list[i]);
    fletch_pretty_close(pretty, ']');
    fletch_pretty_key(pretty, "normalizer");
    kind->put_normalizer(builder, pretty);
    fletch_pretty_key(pretty, "pre_tokenizer");
    kind->put_pre_tokenizer(builder, pretty);
    fletch_pretty_key(pretty, "post_processor");
    kind->put_processor(builder, pretty);
    fletch_pretty_key(pretty, "decoder");
    kind->put_decoder(builder, pretty);
    fletch_pretty_key(pretty, "model");
    kind->put_model(builder, pretty);
    fletch_pretty_close(pretty, '}');
}
