/* SPDX-License-Identifier: MIT */
/* classes.h - the kinds of tokenizers that can be made, and what goes from step to step
 *
 * A kind is a row of constants: which files, which defaults, which parts. Building one goes
 * through read (files into the vocab), tokens (special and added ones), compose (text).
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

/* What a token's text becomes where nothing but the text is said. */
enum fletch_token_flags {
    FLETCH_TOKEN_NONE,       /* added only where nothing else adds it; not normalized */
    FLETCH_TOKEN_PLAIN,      /* as it is said here, whatever else adds it */
    FLETCH_TOKEN_NORMALIZED, /* found in the text after it was normalized */
    FLETCH_TOKEN_LSTRIP,     /* with the spaces in front of it */
    FLETCH_TOKEN_LSTRIP_NORMALIZED,
};

/* A token beside the vocabulary's: special, or added. */
struct fletch_added_token {
    const char *text; /* NULL: there is none */
    size_t len;
    bool single_word, lstrip, rstrip, normalized, special;
    bool bare;  /* only its text was given */
    bool named; /* by a file, not by default */
    uint32_t id;
};

struct fletch_added_tokens {
    struct fletch_added_token *list; /* [count] */
    size_t count, cap;
    size_t above; /* the highest of their ids and 1 */
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
    const char *const *model_types; /* where no class is named */
    const char *const *files;       /* the vocabulary's; the first that exists */
    const char *merges;             /* the file beside it, or NULL */
    enum fletch_status (*read)(struct fletch_tokenizer_builder *builder,
                               struct fletch_error *err);

    const char *specials[FLETCH_SPECIAL_COUNT]; /* their texts by default, or NULL */
    enum fletch_token_flags flags[FLETCH_SPECIAL_COUNT];
    const char *const *additional; /* special tokens more by default, or NULL */
    bool lower_case;               /* do_lower_case by default */
    bool basic_chinese;            /* no do_basic_tokenize, no tokenize_chinese_chars */

    /* Of kinds made of pieces: how ids differ from the file's. */
    const struct fletch_sentencepiece_head *head; /* [head_count] in front */
    size_t head_count, head_skip;                 /* and what they stand for in the file */
    const char *tail;                             /* behind, or NULL */
    bool head_unk; /* the unknown is head[unk], not the file's */
    uint32_t unk;
    bool comma_penalty; /* pieces of a digit and a comma are not to be used */

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

    /* Of the template: the tokens at the ends, where they are not cls_token and sep_token;
     * whether two stand between two texts; whether the second text's type is 1. */
    const char *first, *last;
    bool doubled, typed;
};

/* Everything of one run. Texts are borrowed from the buffers and trees held here. */
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
    bool unigram;          /* of pieces */
    uint32_t unk_id;       /* unigram */
    const char *unk_piece; /* BPE of pieces; [unk_piece_len] */
    size_t unk_piece_len;
    const uint8_t *charsmap; /* [charsmap_size] */
    size_t charsmap_size;
    struct fletch_added_tokens added_tokens;
    uint32_t first_id, last_id; /* of the template's tokens */
};

extern const struct fletch_tokenizer_class
    fletch_tokenizer_classes[]; /* ends with one without classes */

/* The kind of a model's tokenizer. UNSUPPORTED, with what it said it was. */
enum fletch_status fletch_tokenizer_class_find(const struct fletch_tokenizer_class **out,
                                               const struct fletch_tokenizer_source *source,
                                               struct fletch_error *err);

/* Readers: a list of lines; a table of ids with a list of pairs; pieces. FORMAT, the file
 * in front. */
enum fletch_status fletch_read_vocab_txt(struct fletch_tokenizer_builder *builder,
                                         struct fletch_error *err);
enum fletch_status fletch_read_vocab_merges(struct fletch_tokenizer_builder *builder,
                                            struct fletch_error *err);
enum fletch_status fletch_read_sentencepiece(struct fletch_tokenizer_builder *builder,
                                             struct fletch_error *err);

/* A flag of tokenizer_config.json. */
bool fletch_builder_flag(const struct fletch_tokenizer_builder *builder, const char *key,
                         bool default_value);

/* The tokens beside the vocabulary, with their ids. FORMAT where the files are not what
 * they should be. */
enum fletch_status fletch_added_tokens_collect(struct fletch_tokenizer_builder *builder,
                                               struct fletch_error *err);
/* One more, from the vocabulary itself; before the others are collected. */
enum fletch_status fletch_added_tokens_add(struct fletch_tokenizer_builder *builder,
                                           const struct fletch_added_token *added_token,
                                           struct fletch_error *err);
/* The id of a token, the vocabulary's or another. */
bool fletch_builder_find(uint32_t *id, const struct fletch_tokenizer_builder *builder,
                         const char *text, size_t len);

/* The texts at the ends of the template. */
const char *fletch_builder_first(const struct fletch_tokenizer_builder *builder);
const char *fletch_builder_last(const struct fletch_tokenizer_builder *builder);

void fletch_put_tokenizer(struct fletch_buf *out,
                          const struct fletch_tokenizer_builder *builder);

/* What kinds have for parts. */
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
