/* SPDX-License-Identifier: MIT */
/* components.c - the parts of a tokenizer.json, each as the library writes it */
#include "tokenizer/classes.h"

#include <stdlib.h>
#include <string.h>

/* U+2581, which pieces contain instead of a space. */
#define SPACE_MARK "\xe2\x96\x81"

/* Longer words are unknown. */
#define WORD_CHARACTERS_MAX 100

/* Opens an object with its "type" as the first entry. */
static void open_type(struct fletch_json_writer *json, const char *type)
{
    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "type", type);
}

void fletch_put_null(const struct fletch_tokenizer_builder *builder,
                     struct fletch_json_writer *json)
{
    (void)builder;
    fletch_json_write_null(json);
}

/* ---- Normalizers ---- */

void fletch_put_bert_normalizer(const struct fletch_tokenizer_builder *builder,
                                struct fletch_json_writer *json)
{
    const json_t *strip =
        json_object_get(builder->source->tokenizer_config, "strip_accents");
    bool chinese = fletch_builder_flag(builder, "tokenize_chinese_chars", true) &&
                   (!builder->tokenizer_class->basic_chinese ||
                    fletch_builder_flag(builder, "do_basic_tokenize", true));

    open_type(json, "BertNormalizer");
    fletch_json_write_flag(json, "clean_text", true);
    fletch_json_write_flag(json, "handle_chinese_chars", chinese);
    fletch_json_write_key(json, "strip_accents");
    if (json_is_boolean(strip))
        fletch_json_write_bool(json, json_is_true(strip));
    else
        fletch_json_write_null(json);
    fletch_json_write_flag(json, "lowercase",
                           fletch_builder_flag(builder, "do_lower_case",
                                               builder->tokenizer_class->lower_case));
    fletch_json_write_close(json, '}');
}

static void put_simple(struct fletch_json_writer *json, const char *type)
{
    open_type(json, type);
    fletch_json_write_close(json, '}');
}

/* `kind` is "Regex" or "String". */
static void put_replace(struct fletch_json_writer *json, const char *kind,
                        const char *pattern, const char *content)
{
    open_type(json, "Replace");
    fletch_json_write_key(json, "pattern");
    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, kind, pattern);
    fletch_json_write_close(json, '}');
    fletch_json_write_pair(json, "content", content);
    fletch_json_write_close(json, '}');
}

static void put_strip(struct fletch_json_writer *json, bool left)
{
    open_type(json, "Strip");
    fletch_json_write_flag(json, "strip_left", left);
    fletch_json_write_flag(json, "strip_right", true);
    fletch_json_write_close(json, '}');
}

/* Writes bytes as a base64 string. */
static void put_base64(struct fletch_json_writer *json, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/";
    struct fletch_buf text = { 0 };

    for (size_t i = 0; i < size; i += 3) {
        size_t rest = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 |
                         (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (rest > 2 ? bytes[i + 2] : 0);
        char four[4] = { digits[three >> 18], digits[three >> 12 & 63],
                         rest > 1 ? digits[three >> 6 & 63] : '=',
                         rest > 2 ? digits[three & 63] : '=' };

        fletch_buf_put(&text, four, sizeof(four));
    }
    if (text.failed)
        json->buf->failed = true;
    else
        fletch_json_write_text_of(json, (const char *)text.bytes, text.size);
    fletch_buf_release(&text);
}

static void put_charsmap(const struct fletch_tokenizer_builder *builder,
                         struct fletch_json_writer *json)
{
    if (!builder->charsmap_size)
        return;
    open_type(json, "Precompiled");
    fletch_json_write_key(json, "precompiled_charsmap");
    put_base64(json, builder->charsmap, builder->charsmap_size);
    fletch_json_write_close(json, '}');
}

static void open_sequence(struct fletch_json_writer *json, const char *key)
{
    open_type(json, "Sequence");
    fletch_json_write_key(json, key);
    fletch_json_write_open(json, '[');
}

static void close_sequence(struct fletch_json_writer *json)
{
    fletch_json_write_close(json, ']');
    fletch_json_write_close(json, '}');
}

void fletch_put_spaces_normalizer(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_json_writer *json)
{
    open_sequence(json, "normalizers");
    put_charsmap(builder, json);
    put_strip(json, false);
    put_replace(json, "Regex", " {2,}", SPACE_MARK);
    close_sequence(json);
}

void fletch_put_accents_normalizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json)
{
    open_sequence(json, "normalizers");
    put_replace(json, "String", "``", "\"");
    put_replace(json, "String", "''", "\"");
    if (!fletch_builder_flag(builder, "keep_accents", false)) {
        put_simple(json, "NFKD");
        put_simple(json, "StripAccents");
    }
    if (fletch_builder_flag(builder, "do_lower_case", builder->tokenizer_class->lower_case))
        put_simple(json, "Lowercase");
    put_charsmap(builder, json);
    put_replace(json, "Regex", " {2,}", " ");
    close_sequence(json);
}

void fletch_put_strip_normalizer(const struct fletch_tokenizer_builder *builder,
                                 struct fletch_json_writer *json)
{
    open_sequence(json, "normalizers");
    if (fletch_builder_flag(builder, "do_lower_case", builder->tokenizer_class->lower_case))
        put_simple(json, "Lowercase");
    put_strip(json, true);
    put_charsmap(builder, json);
    put_replace(json, "Regex", " {2,}", " ");
    close_sequence(json);
}

/* ---- Splitters ---- */

void fletch_put_bert_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json)
{
    (void)builder;
    put_simple(json, "BertPreTokenizer");
}

static void put_byte_level(struct fletch_json_writer *json, bool prefix, bool trim)
{
    open_type(json, "ByteLevel");
    fletch_json_write_flag(json, "add_prefix_space", prefix);
    fletch_json_write_flag(json, "trim_offsets", trim);
    fletch_json_write_flag(json, "use_regex", true);
    fletch_json_write_close(json, '}');
}

static bool prefixes_space(const struct fletch_tokenizer_builder *builder)
{
    return fletch_builder_flag(builder, "add_prefix_space", false);
}

void fletch_put_byte_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json)
{
    put_byte_level(json, prefixes_space(builder), true);
}

void fletch_put_metaspace(const struct fletch_tokenizer_builder *builder,
                          struct fletch_json_writer *json)
{
    (void)builder;
    open_type(json, "Metaspace");
    fletch_json_write_pair(json, "replacement", SPACE_MARK);
    fletch_json_write_pair(json, "prepend_scheme", "always");
    fletch_json_write_flag(json, "split", true);
    fletch_json_write_close(json, '}');
}

void fletch_put_metaspace_sequence(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json)
{
    open_sequence(json, "pretokenizers");
    if (fletch_builder_flag(builder, "split_by_punct", false)) {
        open_type(json, "Punctuation");
        fletch_json_write_pair(json, "behavior", "Isolated");
        fletch_json_write_close(json, '}');
    }
    fletch_put_metaspace(builder, json);
    close_sequence(json);
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

static void put_part(struct fletch_json_writer *json, const char *kind, const char *id,
                     uint64_t type)
{
    fletch_json_write_open(json, '{');
    fletch_json_write_key(json, kind);
    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "id", id);
    fletch_json_write_key(json, "type_id");
    fletch_json_write_count(json, type);
    fletch_json_write_close(json, '}');
    fletch_json_write_close(json, '}');
}

static void put_token_entry(struct fletch_json_writer *json, const char *text, uint32_t id)
{
    fletch_json_write_key(json, text);
    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "id", text);
    fletch_json_write_key(json, "ids");
    fletch_json_write_open(json, '[');
    fletch_json_write_count(json, id);
    fletch_json_write_close(json, ']');
    fletch_json_write_key(json, "tokens");
    fletch_json_write_open(json, '[');
    fletch_json_write_text_of(json, text, strlen(text));
    fletch_json_write_close(json, ']');
    fletch_json_write_close(json, '}');
}

/* In the order of their texts, as the library sorts them. */
static void put_template_tokens(const struct fletch_tokenizer_builder *builder,
                                struct fletch_json_writer *json, const char *first,
                                const char *last)
{
    int order = last ? strcmp(first, last) : -1;

    fletch_json_write_key(json, "special_tokens");
    fletch_json_write_open(json, '{');
    if (order <= 0)
        put_token_entry(json, first, builder->first_id);
    if (last && order)
        put_token_entry(json, last, builder->last_id);
    if (order > 0)
        put_token_entry(json, first, builder->first_id);
    fletch_json_write_close(json, '}');
}

/* FIRST A LAST, and FIRST A LAST B LAST; without a last token FIRST A, FIRST A B. */
static void put_template(const struct fletch_tokenizer_builder *builder,
                         struct fletch_json_writer *json, const char *first,
                         const char *last)
{
    uint64_t type = builder->tokenizer_class->typed;

    open_type(json, "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        fletch_json_write_key(json, pair ? "pair" : "single");
        fletch_json_write_open(json, '[');
        put_part(json, "SpecialToken", first, 0);
        put_part(json, "Sequence", "A", 0);
        if (last)
            put_part(json, "SpecialToken", last, 0);
        if (pair && builder->tokenizer_class->doubled)
            put_part(json, "SpecialToken", last, 0);
        if (pair)
            put_part(json, "Sequence", "B", type);
        if (pair && last)
            put_part(json, "SpecialToken", last, type);
        fletch_json_write_close(json, ']');
    }
    put_template_tokens(builder, json, first, last);
    fletch_json_write_close(json, '}');
}

void fletch_put_template(const struct fletch_tokenizer_builder *builder,
                         struct fletch_json_writer *json)
{
    put_template(builder, json, fletch_builder_first(builder),
                 fletch_builder_last(builder));
}

static void put_end(struct fletch_json_writer *json, const char *key, const char *text,
                    uint32_t id)
{
    fletch_json_write_key(json, key);
    fletch_json_write_open(json, '[');
    fletch_json_write_text_of(json, text, strlen(text));
    fletch_json_write_count(json, id);
    fletch_json_write_close(json, ']');
}

void fletch_put_roberta_processor(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_json_writer *json)
{
    open_type(json, "RobertaProcessing");
    put_end(json, "sep", fletch_builder_last(builder), builder->last_id);
    put_end(json, "cls", fletch_builder_first(builder), builder->first_id);
    fletch_json_write_flag(json, "trim_offsets",
                           fletch_builder_flag(builder, "trim_offsets", true));
    fletch_json_write_flag(json, "add_prefix_space", prefixes_space(builder));
    fletch_json_write_close(json, '}');
}

void fletch_put_byte_processor(const struct fletch_tokenizer_builder *builder,
                               struct fletch_json_writer *json)
{
    const struct fletch_added_token *bos =
        &builder->added_tokens.specials[FLETCH_SPECIAL_BOS];

    if (fletch_builder_flag(builder, "add_bos_token", false) && bos->text)
        put_template(builder, json, bos->text, NULL);
    else
        put_byte_level(json, true, false);
}

/* ---- Decoders ---- */

void fletch_put_word_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_json_writer *json)
{
    (void)builder;
    open_type(json, "WordPiece");
    fletch_json_write_pair(json, "prefix", "##");
    fletch_json_write_flag(json, "cleanup", true);
    fletch_json_write_close(json, '}');
}

void fletch_put_byte_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_json_writer *json)
{
    (void)builder;
    put_byte_level(json, true, true);
}

/* ---- Models ---- */

static void put_ids(const struct fletch_vocab *vocab, struct fletch_json_writer *json)
{
    fletch_json_write_key(json, "vocab");
    fletch_json_write_open(json, '{');
    for (size_t i = 0; i < vocab->count; i++) {
        const struct fletch_vocab_token *token = &vocab->tokens[i];

        if (!token->text)
            continue;
        fletch_json_write_key_of(json, token->text, token->len);
        fletch_json_write_count(json, i);
    }
    fletch_json_write_close(json, '}');
}

void fletch_put_wordpiece_model(const struct fletch_tokenizer_builder *builder,
                                struct fletch_json_writer *json)
{
    const struct fletch_added_token *unk =
        &builder->added_tokens.specials[FLETCH_SPECIAL_UNK];

    open_type(json, "WordPiece");
    fletch_json_write_key(json, "unk_token");
    fletch_json_write_text_of(json, unk->text, unk->len);
    fletch_json_write_pair(json, "continuing_subword_prefix", "##");
    fletch_json_write_key(json, "max_input_chars_per_word");
    fletch_json_write_count(json, WORD_CHARACTERS_MAX);
    put_ids(&builder->vocab, json);
    fletch_json_write_close(json, '}');
}

/* `affix` is put before parts and after words. */
static void put_merging(const struct fletch_tokenizer_builder *builder,
                        struct fletch_json_writer *json, const char *affix)
{
    open_type(json, "BPE");
    fletch_json_write_pair(json, "dropout", NULL);
    fletch_json_write_key(json, "unk_token");
    if (builder->unk_piece)
        fletch_json_write_text_of(json, builder->unk_piece, builder->unk_piece_len);
    else
        fletch_json_write_null(json);
    fletch_json_write_pair(json, "continuing_subword_prefix", affix);
    fletch_json_write_pair(json, "end_of_word_suffix", affix);
    fletch_json_write_flag(json, "fuse_unk", builder->unk_piece);
    fletch_json_write_flag(json, "byte_fallback", false);
    fletch_json_write_flag(json, "ignore_merges", false);
    put_ids(&builder->vocab, json);
    fletch_json_write_key(json, "merges");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < builder->merges_count; i++) {
        const struct fletch_merge *merge = &builder->merges[i];

        fletch_json_write_open(json, '[');
        fletch_json_write_text_of(json, merge->left, merge->left_len);
        fletch_json_write_text_of(json, merge->right, merge->right_len);
        fletch_json_write_close(json, ']');
    }
    fletch_json_write_close(json, ']');
    fletch_json_write_close(json, '}');
}

void fletch_put_bpe_model(const struct fletch_tokenizer_builder *builder,
                          struct fletch_json_writer *json)
{
    put_merging(builder, json, "");
}

void fletch_put_sentencepiece_model(const struct fletch_tokenizer_builder *builder,
                                    struct fletch_json_writer *json)
{
    const struct fletch_vocab *vocab = &builder->vocab;

    if (!builder->unigram) {
        put_merging(builder, json, NULL);
        return;
    }
    open_type(json, "Unigram");
    fletch_json_write_key(json, "unk_id");
    fletch_json_write_count(json, builder->unk_id);
    fletch_json_write_key(json, "vocab");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < vocab->count; i++) {
        fletch_json_write_open(json, '[');
        fletch_json_write_text_of(json, vocab->tokens[i].text, vocab->tokens[i].len);
        fletch_json_write_real(json, vocab->tokens[i].score);
        fletch_json_write_close(json, ']');
    }
    fletch_json_write_close(json, ']');
    fletch_json_write_flag(json, "byte_fallback", false);
    fletch_json_write_close(json, '}');
}

/* ---- The whole ---- */

static void put_added(struct fletch_json_writer *json,
                      const struct fletch_added_token *added_token)
{
    fletch_json_write_open(json, '{');
    fletch_json_write_key(json, "id");
    fletch_json_write_count(json, added_token->id);
    fletch_json_write_key(json, "content");
    fletch_json_write_text_of(json, added_token->text, added_token->len);
    fletch_json_write_flag(json, "single_word", added_token->single_word);
    fletch_json_write_flag(json, "lstrip", added_token->lstrip);
    fletch_json_write_flag(json, "rstrip", added_token->rstrip);
    fletch_json_write_flag(json, "normalized", added_token->normalized);
    fletch_json_write_flag(json, "special", added_token->special);
    fletch_json_write_close(json, '}');
}

void fletch_put_tokenizer(struct fletch_buf *out,
                          const struct fletch_tokenizer_builder *builder)
{
    const struct fletch_tokenizer_class *kind = builder->tokenizer_class;
    struct fletch_json_writer whole = { .buf = out, .serde = true }, *json = &whole;

    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "version", "1.0");
    fletch_json_write_pair(json, "truncation", NULL);
    fletch_json_write_pair(json, "padding", NULL);
    fletch_json_write_key(json, "added_tokens");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < builder->added_tokens.count; i++)
        put_added(json, &builder->added_tokens.list[i]);
    fletch_json_write_close(json, ']');
    fletch_json_write_key(json, "normalizer");
    kind->put_normalizer(builder, json);
    fletch_json_write_key(json, "pre_tokenizer");
    kind->put_pre_tokenizer(builder, json);
    fletch_json_write_key(json, "post_processor");
    kind->put_processor(builder, json);
    fletch_json_write_key(json, "decoder");
    kind->put_decoder(builder, json);
    fletch_json_write_key(json, "model");
    kind->put_model(builder, json);
    fletch_json_write_close(json, '}');
}
