/* SPDX-License-Identifier: MIT */
/* classes.h - the kinds of tokenizers that can be built, and what passes from step to step
 *
 * A kind is a row of constants: its files, defaults and parts. Building one takes three
 * steps: read (files into the vocab), tokens (special and added ones), compose (text).
 */
#ifndef FLETCH_TOKENIZER_CLASSES_H
#define FLETCH_TOKENIZER_CLASSES_H

#include "base/mem.h"
#include "tokenizer/vocab.h"
#include "base/json_writer.h"
#include "tokenizer/tokenizer.h"

enum fletch_special {
    FLETCH_SPECIAL_BOS,
    FLETCH_SPECIAL_EOS,
    FLETCH_SPECIAL_UNK,
    FLETCH_SPECIAL_SEP,
    FLETCH_SPECIAL_PAD,
    FLETCH_SPECIAL_CLS,
    FLETCH_SPECIAL_MASK,
    FLETCH_SPECIAL_COUNT
};

/* What a token becomes when a file gives only its text. */
enum fletch_token_flags {
    FLETCH_TOKEN_NONE,       /* added only when nothing else adds it; not normalized */
    FLETCH_TOKEN_PLAIN,      /* these properties win over any other source's */
    FLETCH_TOKEN_NORMALIZED, /* matched in the text after normalization */
    FLETCH_TOKEN_LSTRIP,     /* matched together with the spaces before it */
    FLETCH_TOKEN_LSTRIP_NORMALIZED,
};

/* A token outside the vocabulary: special or added. */
struct fletch_added_token {
    const char *text; /* NULL: none */
    size_t len;
    bool single_word, lstrip, rstrip, normalized, special;
    bool bare;  /* only its text was given */
    bool named; /* given by a file, not by default */
    uint32_t id;
};

struct fletch_added_tokens {
    struct fletch_added_token *list; /* [count] */
    size_t count, cap;
    size_t above; /* the highest of their ids, plus 1 */
    struct fletch_added_token specials[FLETCH_SPECIAL_COUNT];
};

struct fletch_merge {
    const char *left, *right; /* borrowed */
    size_t left_len, right_len;
};

struct fletch_tokenizer_builder;

struct fletch_sentencepiece_head {
    const char *text;
    double score;
};

struct fletch_tokenizer_class {
    const char *const *classes;     /* tokenizer_class, without "Fast" */
    const char *const *model_types; /* used when no class is named */
    const char *const *files;       /* of the vocabulary; the first that exists */
    const char *merges;             /* the file beside it, or NULL */
    enum fletch_status (*read)(struct fletch_tokenizer_builder *builder,
                               struct fletch_error *err);

    const char *specials[FLETCH_SPECIAL_COUNT]; /* their texts by default, or NULL */
    enum fletch_token_flags flags[FLETCH_SPECIAL_COUNT];
    const char *const *additional; /* further special tokens by default, or NULL */
    bool lower_case;               /* do_lower_case by default */
    bool basic_chinese;            /* do_basic_tokenize: false disables
                                      tokenize_chinese_chars */

    /* For sentencepiece kinds: how ids differ from those of the file. */
    const struct fletch_sentencepiece_head *head; /* [head_count] in front */
    size_t head_count, head_skip;                 /* and how many of the file's pieces they
                                                     replace */
    const char *tail;                             /* appended after the pieces, or NULL */
    bool head_unk; /* the unknown token is head[unk], not the file's */
    uint32_t unk;
    bool comma_penalty; /* pieces of a digit and a comma must not be used */

    void (*put_normalizer)(const struct fletch_tokenizer_builder *builder,
                           struct fletch_json_writer *json);
    void (*put_pre_tokenizer)(const struct fletch_tokenizer_builder *builder,
                              struct fletch_json_writer *json);
    void (*put_processor)(const struct fletch_tokenizer_builder *builder,
                          struct fletch_json_writer *json);
    void (*put_decoder)(const struct fletch_tokenizer_builder *builder,
                        struct fletch_json_writer *json);
    void (*put_model)(const struct fletch_tokenizer_builder *builder,
                      struct fletch_json_writer *json);

    /* The template: the tokens at the ends, if not cls_token and sep_token; whether two
     * separate two texts; whether the second text has type 1. */
    const char *first, *last;
    bool doubled, typed;
};

/* All state of one build. Texts are borrowed from the buffers and trees held here. */
struct fletch_tokenizer_builder {
    const struct fletch_tokenizer_source *source;
    const struct fletch_tokenizer_class *tokenizer_class;
    struct fletch_tokenizer_files *origin;
    struct fletch_arena arena;
    const char *vocabulary_path, *merges_path;
    json_t *vocabulary_json, *tokens_json, *map_json;
    struct fletch_buf vocabulary_text, merges_text;
    struct fletch_vocab vocab;
    struct fletch_merge *merges; /* [merges_count] */
    size_t merges_count;
    bool unigram;          /* pieces of a unigram model */
    uint32_t unk_id;       /* unigram */
    const char *unk_piece; /* for BPE of pieces; [unk_piece_len] */
    size_t unk_piece_len;
    const uint8_t *charsmap; /* [charsmap_size] */
    size_t charsmap_size;
    struct fletch_added_tokens added_tokens;
    uint32_t first_id, last_id; /* of the template's tokens */
};

extern const struct fletch_tokenizer_class
    fletch_tokenizer_classes[]; /* ends with a row without classes */

/* Finds the kind of a model's tokenizer. UNSUPPORTED, naming the class that the files
 * state. */
enum fletch_status fletch_tokenizer_class_find(const struct fletch_tokenizer_class **out,
                                               const struct fletch_tokenizer_source *source,
                                               struct fletch_error *err);

/* Readers for a list of lines, for a table of ids with a list of pairs, and for
 * sentencepiece pieces. FORMAT, with the file's name in front. */
enum fletch_status fletch_read_vocab_txt(struct fletch_tokenizer_builder *builder,
                                         struct fletch_error *err);
enum fletch_status fletch_read_vocab_merges(struct fletch_tokenizer_builder *builder,
                                            struct fletch_error *err);
enum fletch_status fletch_read_sentencepiece(struct fletch_tokenizer_builder *builder,
                                             struct fletch_error *err);

/* A flag of tokenizer_config.json. */
bool fletch_builder_flag(const struct fletch_tokenizer_builder *builder, const char *key,
                         bool default_value);

/* Collects the tokens outside the vocabulary, with their ids. FORMAT when a file is
 * malformed. */
enum fletch_status fletch_added_tokens_collect(struct fletch_tokenizer_builder *builder,
                                               struct fletch_error *err);
/* Adds one more, from the vocabulary itself; call it before the others are collected. */
enum fletch_status fletch_added_tokens_add(struct fletch_tokenizer_builder *builder,
                                           const struct fletch_added_token *added_token,
                                           struct fletch_error *err);
/* The id of a token, from the vocabulary or outside it. */
bool fletch_builder_find(uint32_t *id, const struct fletch_tokenizer_builder *builder,
                         const char *text, size_t len);

/* The texts at the two ends of the template. */
const char *fletch_builder_first(const struct fletch_tokenizer_builder *builder);
const char *fletch_builder_last(const struct fletch_tokenizer_builder *builder);

void fletch_put_tokenizer(struct fletch_buf *out,
                          const struct fletch_tokenizer_builder *builder);

/* The parts that kinds are composed of. */
void fletch_put_null(const struct fletch_tokenizer_builder *builder,
                     struct fletch_json_writer *json);
void fletch_put_bert_normalizer(const struct fletch_tokenizer_builder *builder,
                                struct fletch_json_writer *json);
void fletch_put_spaces_normalizer(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_json_writer *json);
void fletch_put_accents_normalizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json);
void fletch_put_strip_normalizer(const struct fletch_tokenizer_builder *builder,
                                 struct fletch_json_writer *json);
void fletch_put_bert_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json);
void fletch_put_byte_pre_tokenizer(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json);
void fletch_put_metaspace(const struct fletch_tokenizer_builder *builder,
                          struct fletch_json_writer *json);
void fletch_put_metaspace_sequence(const struct fletch_tokenizer_builder *builder,
                                   struct fletch_json_writer *json);
void fletch_put_template(const struct fletch_tokenizer_builder *builder,
                         struct fletch_json_writer *json);
void fletch_put_roberta_processor(const struct fletch_tokenizer_builder *builder,
                                  struct fletch_json_writer *json);
void fletch_put_byte_processor(const struct fletch_tokenizer_builder *builder,
                               struct fletch_json_writer *json);
void fletch_put_word_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_json_writer *json);
void fletch_put_byte_decoder(const struct fletch_tokenizer_builder *builder,
                             struct fletch_json_writer *json);
void fletch_put_wordpiece_model(const struct fletch_tokenizer_builder *builder,
                                struct fletch_json_writer *json);
void fletch_put_bpe_model(const struct fletch_tokenizer_builder *builder,
                          struct fletch_json_writer *json);
void fletch_put_sentencepiece_model(const struct fletch_tokenizer_builder *builder,
                                    struct fletch_json_writer *json);

#endif
