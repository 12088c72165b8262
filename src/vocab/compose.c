/* SPDX-License-Identifier: MIT */
/* compose.c - the parts of a tokenizer.json, each as the library writes it */
#include "vocab/kinds.h"

#include <stdlib.h>
#include <string.h>

/* What pieces have for a space: U+2581. */
#define SPACE_MARK "\xe2\x96\x81"

/* Longer words are unknown. */
#define WORD_CHARACTERS_MAX 100

void fletch_put_null(const struct fletch_building *building, struct fletch_pretty *pretty)
{
    (void)building;
    fletch_pretty_null(pretty);
}

/* ---- Normalizers ---- */

void fletch_put_bert_normalizer(const struct fletch_building *building,
                                struct fletch_pretty *pretty)
{
    const json_t *strip =
        json_object_get(building->source->tokenizer_config, "strip_accents");
    bool chinese = fletch_building_flag(building, "tokenize_chinese_chars", true) &&
                   (!building->kind->basic_chinese ||
                    fletch_building_flag(building, "do_basic_tokenize", true));

    fletch_pretty_type(pretty, "BertNormalizer");
    fletch_pretty_flag(pretty, "clean_text", true);
    fletch_pretty_flag(pretty, "handle_chinese_chars", chinese);
    fletch_pretty_key(pretty, "strip_accents");
    if (json_is_boolean(strip))
        fletch_pretty_bool(pretty, json_is_true(strip));
    else
        fletch_pretty_null(pretty);
    fletch_pretty_flag(
        pretty, "lowercase",
        fletch_building_flag(building, "do_lower_case", building->kind->lower_case));
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

static void put_charsmap(const struct fletch_building *building,
                         struct fletch_pretty *pretty)
{
    if (!building->charsmap_size)
        return;
    fletch_pretty_type(pretty, "Precompiled");
    fletch_pretty_key(pretty, "precompiled_charsmap");
    fletch_pretty_base64(pretty, building->charsmap, building->charsmap_size);
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

void fletch_put_spaces_normalizer(const struct fletch_building *building,
                                  struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    put_charsmap(building, pretty);
    put_strip(pretty, false);
    put_replace(pretty, "Regex", " {2,}", SPACE_MARK);
    close_sequence(pretty);
}

void fletch_put_accents_normalizer(const struct fletch_building *building,
                                   struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    put_replace(pretty, "String", "``", "\"");
    put_replace(pretty, "String", "''", "\"");
    if (!fletch_building_flag(building, "keep_accents", false)) {
        put_simple(pretty, "NFKD");
        put_simple(pretty, "StripAccents");
    }
    if (fletch_building_flag(building, "do_lower_case", building->kind->lower_case))
        put_simple(pretty, "Lowercase");
    put_charsmap(building, pretty);
    put_replace(pretty, "Regex", " {2,}", " ");
    close_sequence(pretty);
}

void fletch_put_strip_normalizer(const struct fletch_building *building,
                                 struct fletch_pretty *pretty)
{
    open_sequence(pretty, "normalizers");
    if (fletch_building_flag(building, "do_lower_case", building->kind->lower_case))
        put_simple(pretty, "Lowercase");
    put_strip(pretty, true);
    put_charsmap(building, pretty);
    put_replace(pretty, "Regex", " {2,}", " ");
    close_sequence(pretty);
}

/* ---- Splitters ---- */

void fletch_put_bert_splitter(const struct fletch_building *building,
                              struct fletch_pretty *pretty)
{
    (void)building;
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

static bool prefixes_space(const struct fletch_building *building)
{
    return fletch_building_flag(building, "add_prefix_space", false);
}

void fletch_put_byte_splitter(const struct fletch_building *building,
                              struct fletch_pretty *pretty)
{
    put_byte_level(pretty, prefixes_space(building), true);
}

void fletch_put_metaspace(const struct fletch_building *building,
                          struct fletch_pretty *pretty)
{
    (void)building;
    fletch_pretty_type(pretty, "Metaspace");
    fletch_pretty_pair(pretty, "replacement", SPACE_MARK);
    fletch_pretty_pair(pretty, "prepend_scheme", "always");
    fletch_pretty_flag(pretty, "split", true);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_metaspace_sequence(const struct fletch_building *building,
                                   struct fletch_pretty *pretty)
{
    open_sequence(pretty, "pretokenizers");
    if (fletch_building_flag(building, "split_by_punct", false)) {
        fletch_pretty_type(pretty, "Punctuation");
        fletch_pretty_pair(pretty, "behavior", "Isolated");
        fletch_pretty_close(pretty, '}');
    }
    fletch_put_metaspace(building, pretty);
    close_sequence(pretty);
}

/* ---- Processors ---- */

static const char *end_of(const struct fletch_building *building, const char *fixed,
                          enum fletch_special special)
{
    return fixed ? fixed : building->extras.specials[special].text;
}

const char *fletch_building_first(const struct fletch_building *building)
{
    return end_of(building, building->kind->first, FLETCH_SPECIAL_CLS);
}

const char *fletch_building_last(const struct fletch_building *building)
{
    return end_of(building, building->kind->last, FLETCH_SPECIAL_SEP);
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
static void put_template_tokens(const struct fletch_building *building,
                                struct fletch_pretty *pretty, const char *first,
                                const char *last)
{
    int order = last ? strcmp(first, last) : -1;

    fletch_pretty_key(pretty, "special_tokens");
    fletch_pretty_open(pretty, '{');
    if (order <= 0)
        put_token_entry(pretty, first, building->first_id);
    if (last && order)
        put_token_entry(pretty, last, building->last_id);
    if (order > 0)
        put_token_entry(pretty, first, building->first_id);
    fletch_pretty_close(pretty, '}');
}

/* FIRST A LAST, and FIRST A LAST B LAST; without a last token FIRST A, FIRST A B. */
static void put_template(const struct fletch_building *building,
                         struct fletch_pretty *pretty, const char *first, const char *last)
{
    uint64_t type = building->kind->typed;

    fletch_pretty_type(pretty, "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        fletch_pretty_key(pretty, pair ? "pair" : "single");
        fletch_pretty_open(pretty, '[');
        put_part(pretty, "SpecialToken", first, 0);
        put_part(pretty, "Sequence", "A", 0);
        if (last)
            put_part(pretty, "SpecialToken", last, 0);
        if (pair && building->kind->doubled)
            put_part(pretty, "SpecialToken", last, 0);
        if (pair)
            put_part(pretty, "Sequence", "B", type);
        if (pair && last)
            put_part(pretty, "SpecialToken", last, type);
        fletch_pretty_close(pretty, ']');
    }
    put_template_tokens(building, pretty, first, last);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_template(const struct fletch_building *building,
                         struct fletch_pretty *pretty)
{
    put_template(building, pretty, fletch_building_first(building),
                 fletch_building_last(building));
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

void fletch_put_roberta_processor(const struct fletch_building *building,
                                  struct fletch_pretty *pretty)
{
    fletch_pretty_type(pretty, "RobertaProcessing");
    put_end(pretty, "sep", fletch_building_last(building), building->last_id);
    put_end(pretty, "cls", fletch_building_first(building), building->first_id);
    fletch_pretty_flag(pretty, "trim_offsets",
                       fletch_building_flag(building, "trim_offsets", true));
    fletch_pretty_flag(pretty, "add_prefix_space", prefixes_space(building));
    fletch_pretty_close(pretty, '}');
}

void fletch_put_byte_processor(const struct fletch_building *building,
                               struct fletch_pretty *pretty)
{
    const struct fletch_extra *bos = &building->extras.specials[FLETCH_SPECIAL_BOS];

    if (fletch_building_flag(building, "add_bos_token", false) && bos->text)
        put_template(building, pretty, bos->text, NULL);
    else
        put_byte_level(pretty, true, false);
}

/* ---- Decoders ---- */

void fletch_put_word_decoder(const struct fletch_building *building,
                             struct fletch_pretty *pretty)
{
    (void)building;
    fletch_pretty_type(pretty, "WordPiece");
    fletch_pretty_pair(pretty, "prefix", "##");
    fletch_pretty_flag(pretty, "cleanup", true);
    fletch_pretty_close(pretty, '}');
}

void fletch_put_byte_decoder(const struct fletch_building *building,
                             struct fletch_pretty *pretty)
{
    (void)building;
    put_byte_level(pretty, true, true);
}

/* ---- Models ---- */

static void put_ids(const struct fletch_lexicon *lexicon, struct fletch_pretty *pretty)
{
    fletch_pretty_key(pretty, "vocab");
    fletch_pretty_open(pretty, '{');
    for (size_t i = 0; i < lexicon->count; i++) {
        const struct fletch_lexeme *token = &lexicon->tokens[i];

        if (!token->text)
            continue;
        fletch_pretty_key_of(pretty, token->text, token->len);
        fletch_pretty_count(pretty, i);
    }
    fletch_pretty_close(pretty, '}');
}

void fletch_put_words_model(const struct fletch_building *building,
                            struct fletch_pretty *pretty)
{
    const struct fletch_extra *unk = &building->extras.specials[FLETCH_SPECIAL_UNK];

    fletch_pretty_type(pretty, "WordPiece");
    fletch_pretty_key(pretty, "unk_token");
    fletch_pretty_text(pretty, unk->text, unk->len);
    fletch_pretty_pair(pretty, "continuing_subword_prefix", "##");
    fletch_pretty_key(pretty, "max_input_chars_per_word");
    fletch_pretty_count(pretty, WORD_CHARACTERS_MAX);
    put_ids(&building->lexicon, pretty);
    fletch_pretty_close(pretty, '}');
}

/* `affix` stands in front of parts and behind words. */
static void put_merging(const struct fletch_building *building,
                        struct fletch_pretty *pretty, const char *affix)
{
    fletch_pretty_type(pretty, "BPE");
    fletch_pretty_pair(pretty, "dropout", NULL);
    fletch_pretty_key(pretty, "unk_token");
    if (building->unk_piece)
        fletch_pretty_text(pretty, building->unk_piece, building->unk_piece_len);
    else
        fletch_pretty_null(pretty);
    fletch_pretty_pair(pretty, "continuing_subword_prefix", affix);
    fletch_pretty_pair(pretty, "end_of_word_suffix", affix);
    fletch_pretty_flag(pretty, "fuse_unk", building->unk_piece);
    fletch_pretty_flag(pretty, "byte_fallback", false);
    fletch_pretty_flag(pretty, "ignore_merges", false);
    put_ids(&building->lexicon, pretty);
    fletch_pretty_key(pretty, "merges");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < building->merges_count; i++) {
        const struct fletch_merge *merge = &building->merges[i];

        fletch_pretty_open(pretty, '[');
        fletch_pretty_text(pretty, merge->left, merge->left_len);
        fletch_pretty_text(pretty, merge->right, merge->right_len);
        fletch_pretty_close(pretty, ']');
    }
    fletch_pretty_close(pretty, ']');
    fletch_pretty_close(pretty, '}');
}

void fletch_put_pairs_model(const struct fletch_building *building,
                            struct fletch_pretty *pretty)
{
    put_merging(building, pretty, "");
}

void fletch_put_pieces_model(const struct fletch_building *building,
                             struct fletch_pretty *pretty)
{
    const struct fletch_lexicon *lexicon = &building->lexicon;

    if (!building->unigram) {
        put_merging(building, pretty, NULL);
        return;
    }
    fletch_pretty_type(pretty, "Unigram");
    fletch_pretty_key(pretty, "unk_id");
    fletch_pretty_count(pretty, building->unk_id);
    fletch_pretty_key(pretty, "vocab");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < lexicon->count; i++) {
        fletch_pretty_open(pretty, '[');
        fletch_pretty_text(pretty, lexicon->tokens[i].text, lexicon->tokens[i].len);
        fletch_pretty_real(pretty, lexicon->tokens[i].score);
        fletch_pretty_close(pretty, ']');
    }
    fletch_pretty_close(pretty, ']');
    fletch_pretty_flag(pretty, "byte_fallback", false);
    fletch_pretty_close(pretty, '}');
}

/* ---- The whole ---- */

static void put_extra(struct fletch_pretty *pretty, const struct fletch_extra *extra)
{
    fletch_pretty_open(pretty, '{');
    fletch_pretty_key(pretty, "id");
    fletch_pretty_count(pretty, extra->id);
    fletch_pretty_key(pretty, "content");
    fletch_pretty_text(pretty, extra->text, extra->len);
    fletch_pretty_flag(pretty, "single_word", extra->single_word);
    fletch_pretty_flag(pretty, "lstrip", extra->lstrip);
    fletch_pretty_flag(pretty, "rstrip", extra->rstrip);
    fletch_pretty_flag(pretty, "normalized", extra->normalized);
    fletch_pretty_flag(pretty, "special", extra->special);
    fletch_pretty_close(pretty, '}');
}

void fletch_compose(struct fletch_buf *out, const struct fletch_building *building)
{
    const struct fletch_kind *kind = building->kind;
    struct fletch_pretty whole = { .buf = out }, *pretty = &whole;

    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, "version", "1.0");
    fletch_pretty_pair(pretty, "truncation", NULL);
    fletch_pretty_pair(pretty, "padding", NULL);
    fletch_pretty_key(pretty, "added_tokens");
    fletch_pretty_open(pretty, '[');
    for (size_t i = 0; i < building->extras.count; i++)
        put_extra(pretty, &building->extras.list[i]);
    fletch_pretty_close(pretty, ']');
    fletch_pretty_key(pretty, "normalizer");
    kind->put_normalizer(building, pretty);
    fletch_pretty_key(pretty, "pre_tokenizer");
    kind->put_splitter(building, pretty);
    fletch_pretty_key(pretty, "post_processor");
    kind->put_processor(building, pretty);
    fletch_pretty_key(pretty, "decoder");
    kind->put_decoder(building, pretty);
    fletch_pretty_key(pretty, "model");
    kind->put_model(building, pretty);
    fletch_pretty_close(pretty, '}');
}
