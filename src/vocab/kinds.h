/* SPDX-License-Identifier: MIT */
/* kinds.h - the kinds of tokenizers that can be made, and what goes from step to step
 *
 * A kind is a row of constants: which files, which defaults, which parts. Building one goes
 * through read (files into the lexicon), tokens (special and added ones), compose (text).
 */
#ifndef FLETCH_VOCAB_KINDS_H
#define FLETCH_VOCAB_KINDS_H

#include "base/mem.h"
#include "vocab/lexicon.h"
#include "vocab/pretty.h"
#include "vocab/vocab.h"

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
enum fletch_wrap {
    FLETCH_WRAP_NONE,       /* added only where nothing else adds it; not normalized */
    FLETCH_WRAP_PLAIN,      /* as it is said here, whatever else adds it */
    FLETCH_WRAP_NORMALIZED, /* found in the text after it was normalized */
    FLETCH_WRAP_LSTRIP,     /* with the spaces in front of it */
    FLETCH_WRAP_LSTRIP_NORMALIZED,
};

/* A token beside the vocabulary's: special, or added. */
struct fletch_extra {
    const char *text; /* NULL: there is none */
    size_t len;
    bool single_word, lstrip, rstrip, normalized, special;
    bool bare;  /* only its text was given */
    bool named; /* by a file, not by default */
    uint32_t id;
};

struct fletch_extras {
    struct fletch_extra *list; /* [count] */
    size_t count, cap;
    size_t above; /* the highest of their ids and 1 */
    struct fletch_extra specials[FLETCH_SPECIAL_COUNT];
};

struct fletch_merge {
    const char *left, *right; /* borrowed */
    size_t left_len, right_len;
};

struct fletch_building;

struct fletch_pieces_head {
    const char *text;
    double score;
};

struct fletch_kind {
    const char *const *classes;     /* tokenizer_class, without "Fast" */
    const char *const *model_types; /* where no class is named */
    const char *const *files;       /* the vocabulary's; the first that exists */
    const char *merges;             /* the file beside it, or NULL */
    enum fletch_status (*read)(struct fletch_building *building, struct fletch_error *err);

    const char *specials[FLETCH_SPECIAL_COUNT]; /* their texts by default, or NULL */
    enum fletch_wrap wraps[FLETCH_SPECIAL_COUNT];
    const char *const *additional; /* special tokens more by default, or NULL */
    bool lower_case;               /* do_lower_case by default */
    bool basic_chinese;            /* no do_basic_tokenize, no tokenize_chinese_chars */

    /* Of kinds made of pieces: how ids differ from the file's. */
    const struct fletch_pieces_head *head; /* [head_count] in front */
    size_t head_count, head_skip;          /* and what they stand for in the file */
    const char *tail;                      /* behind, or NULL */
    bool head_unk;                         /* the unknown is head[unk], not the file's */
    uint32_t unk;
    bool comma_penalty; /* pieces of a digit and a comma are not to be used */

    void (*put_normalizer)(const struct fletch_building *building,
                           struct fletch_pretty *pretty);
    void (*put_splitter)(const struct fletch_building *building,
                         struct fletch_pretty *pretty);
    void (*put_processor)(const struct fletch_building *building,
                          struct fletch_pretty *pretty);
    void (*put_decoder)(const struct fletch_building *building,
                        struct fletch_pretty *pretty);
    void (*put_model)(const struct fletch_building *building, struct fletch_pretty *pretty);

    /* Of the template: the tokens at the ends, where they are not cls_token and sep_token;
     * whether two stand between two texts; whether the second text's type is 1. */
    const char *first, *last;
    bool doubled, typed;
};

/* Everything of one run. Texts are borrowed from the buffers and trees held here. */
struct fletch_building {
    const struct fletch_vocab_source *source;
    const struct fletch_kind *kind;
    struct fletch_vocab_origin *origin;
    struct fletch_arena arena;
    const char *vocabulary_path, *merges_path;
    json_t *vocabulary_json, *tokens_json, *map_json;
    struct fletch_buf vocabulary_text, merges_text;
    struct fletch_lexicon lexicon;
    struct fletch_merge *merges; /* [merges_count] */
    size_t merges_count;
    bool unigram;          /* of pieces */
    uint32_t unk_id;       /* unigram */
    const char *unk_piece; /* BPE of pieces; [unk_piece_len] */
    size_t unk_piece_len;
    const uint8_t *charsmap; /* [charsmap_size] */
    size_t charsmap_size;
    struct fletch_extras extras;
    uint32_t first_id, last_id; /* of the template's tokens */
};

extern const struct fletch_kind fletch_kinds[]; /* ends with one without classes */

/* The kind of a model's tokenizer. UNSUPPORTED, with what it said it was. */
enum fletch_status fletch_kind_find(const struct fletch_kind **out,
                                    const struct fletch_vocab_source *source,
                                    struct fletch_error *err);

/* Readers: a list of lines; a table of ids with a list of pairs; pieces. FORMAT, the file
 * in front. */
enum fletch_status fletch_read_lines(struct fletch_building *building,
                                     struct fletch_error *err);
enum fletch_status fletch_read_pairs(struct fletch_building *building,
                                     struct fletch_error *err);
enum fletch_status fletch_read_pieces(struct fletch_building *building,
                                      struct fletch_error *err);

/* A flag of tokenizer_config.json. */
bool fletch_building_flag(const struct fletch_building *building, const char *key,
                          bool otherwise);

/* The tokens beside the vocabulary, with their ids. FORMAT where the files are not what
 * they should be. */
enum fletch_status fletch_extras_collect(struct fletch_building *building,
                                         struct fletch_error *err);
/* One more, from the vocabulary itself; before the others are collected. */
enum fletch_status fletch_extras_add(struct fletch_building *building,
                                     const struct fletch_extra *extra,
                                     struct fletch_error *err);
/* The id of a token, the vocabulary's or another. */
bool fletch_building_find(uint32_t *id, const struct fletch_building *building,
                          const char *text, size_t len);

/* The texts at the ends of the template. */
const char *fletch_building_first(const struct fletch_building *building);
const char *fletch_building_last(const struct fletch_building *building);

void fletch_compose(struct fletch_buf *out, const struct fletch_building *building);

/* What kinds have for parts. */
void fletch_put_null(const struct fletch_building *building, struct fletch_pretty *pretty);
void fletch_put_bert_normalizer(const struct fletch_building *building,
                                struct fletch_pretty *pretty);
void fletch_put_spaces_normalizer(const struct fletch_building *building,
                                  struct fletch_pretty *pretty);
void fletch_put_accents_normalizer(const struct fletch_building *building,
                                   struct fletch_pretty *pretty);
void fletch_put_strip_normalizer(const struct fletch_building *building,
                                 struct fletch_pretty *pretty);
void fletch_put_bert_splitter(const struct fletch_building *building,
                              struct fletch_pretty *pretty);
void fletch_put_byte_splitter(const struct fletch_building *building,
                              struct fletch_pretty *pretty);
void fletch_put_metaspace(const struct fletch_building *building,
                          struct fletch_pretty *pretty);
void fletch_put_metaspace_sequence(const struct fletch_building *building,
                                   struct fletch_pretty *pretty);
void fletch_put_template(const struct fletch_building *building,
                         struct fletch_pretty *pretty);
void fletch_put_roberta_processor(const struct fletch_building *building,
                                  struct fletch_pretty *pretty);
void fletch_put_byte_processor(const struct fletch_building *building,
                               struct fletch_pretty *pretty);
void fletch_put_word_decoder(const struct fletch_building *building,
                             struct fletch_pretty *pretty);
void fletch_put_byte_decoder(const struct fletch_building *building,
                             struct fletch_pretty *pretty);
void fletch_put_words_model(const struct fletch_building *building,
                            struct fletch_pretty *pretty);
void fletch_put_pairs_model(const struct fletch_building *building,
                            struct fletch_pretty *pretty);
void fletch_put_pieces_model(const struct fletch_building *building,
                             struct fletch_pretty *pretty);

#endif
