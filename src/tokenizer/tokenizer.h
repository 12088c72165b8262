/* SPDX-License-Identifier: MIT */
/* tokenizer.h - builds a tokenizer.json from the older vocabulary files
 *
 * The result is what transformers 4.57 makes of the same files when asked for a fast
 * tokenizer, written as the tokenizers library writes it; the files' own syntax is read as
 * transformers 5 does. tokenizer/classes.c has the table of what can be built from what. */
#ifndef FLETCH_TOKENIZER_TOKENIZER_H
#define FLETCH_TOKENIZER_TOKENIZER_H

#include "base/json.h"

/* The largest published vocabularies have a million entries. */
#define FLETCH_TOKENIZER_TOKENS_MAX ((size_t)1 << 22)
/* No published file is over 20 MB. */
#define FLETCH_TOKENIZER_SIZE_MAX ((uint64_t)64 << 20)
/* Special and added tokens; published models have up to a few thousand. */
#define FLETCH_TOKENIZER_ADDED_MAX ((size_t)1 << 14)
/* Longest piece, in bytes, whose splits are looked up; trainers stop at 16 characters. */
#define FLETCH_TOKENIZER_PIECE_MAX ((size_t)512)

/* Where the vocabulary is, and the configs that describe it. */
struct fletch_tokenizer_source {
    const char *folder;
    const json_t *config;           /* config.json; may be NULL */
    const json_t *tokenizer_config; /* tokenizer_config.json; may be NULL */
};

/* Added tokens that get another id than a file states. */
#define FLETCH_TOKENIZER_MOVES_SHOWN 3
struct fletch_tokenizer_moves {
    struct {
        char text[40]; /* the beginning of its text */
        uint64_t said, is;
    } shown[FLETCH_TOKENIZER_MOVES_SHOWN];
    size_t count;
};

void fletch_tokenizer_move(struct fletch_tokenizer_moves *moves, const char *text,
                           size_t len, uint64_t said, uint64_t is);

/* Files used for one tokenizer: vocabulary, merges, three of tokens. */
#define FLETCH_TOKENIZER_FILES_MAX 5

struct fletch_tokenizer_files {
    const char *files[FLETCH_TOKENIZER_FILES_MAX]; /* names in the folder; static text */
    size_t files_count;
    struct fletch_tokenizer_moves moves;
    const char *moves_file; /* the file that states those ids; static text */
    bool byte_fallback; /* the vocabulary has byte fallback; the built tokenizer has not */
};

/* UNSUPPORTED, with the reason, when the files name a tokenizer that does more than a
 * tokenizer.json can express: one built beside them would give other ids than the
 * model's. */
enum fletch_status fletch_tokenizer_check(const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err);

/* Appends the text of a tokenizer.json to `out`. NOT_FOUND when a needed file is missing,
 * UNSUPPORTED for an unknown kind of tokenizer or a limit, FORMAT for a damaged file: these
 * concern only the tokenizer, not the model. IO, MEMORY. */
enum fletch_status fletch_tokenizer_build(struct fletch_buf *out,
                                          struct fletch_tokenizer_files *origin,
                                          const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err);

#endif
