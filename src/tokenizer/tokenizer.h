/* SPDX-License-Identifier: MIT */
/* tokenizer.h - a tokenizer.json made from the vocabulary files of the time before it
 *
 * What transformers 4.57 makes of the same files when it is asked for a fast tokenizer (the
 * files' own syntax is read as transformers 5 does), in
 * the form in which the tokenizers library writes it. tokenizer/classes.c has the table of
 * what can be made from what. */
#ifndef FLETCH_TOKENIZER_TOKENIZER_H
#define FLETCH_TOKENIZER_TOKENIZER_H

#include "base/json.h"

/* The largest published vocabularies have a million entries. */
#define FLETCH_TOKENIZER_TOKENS_MAX ((size_t)1 << 22)
/* No published file is over 20 MB. */
#define FLETCH_TOKENIZER_SIZE_MAX ((uint64_t)64 << 20)
/* Special and added tokens; published ones have up to some thousand. */
#define FLETCH_TOKENIZER_ADDED_MAX ((size_t)1 << 14)
/* Bytes of a piece whose splits are looked up; trainers stop at 16 characters. */
#define FLETCH_TOKENIZER_PIECE_MAX ((size_t)512)

/* Where the vocabulary is and what speaks of it. */
struct fletch_tokenizer_source {
    const char *folder;
    const json_t *config;           /* config.json; may be NULL */
    const json_t *tokenizer_config; /* tokenizer_config.json; may be NULL */
};

/* Added tokens that get another id than a file gives them. */
#define FLETCH_TOKENIZER_MOVES_SHOWN 3
struct fletch_tokenizer_moves {
    struct {
        char text[40]; /* its beginning */
        uint64_t said, is;
    } shown[FLETCH_TOKENIZER_MOVES_SHOWN];
    size_t count;
};

void fletch_tokenizer_move(struct fletch_tokenizer_moves *moves, const char *text,
                           size_t len, uint64_t said, uint64_t is);

/* Files that one tokenizer is made from: vocabulary, merges, three of tokens. */
#define FLETCH_TOKENIZER_FILES_MAX 5

struct fletch_tokenizer_files {
    const char *files[FLETCH_TOKENIZER_FILES_MAX]; /* names in the folder; static text */
    size_t files_count;
    struct fletch_tokenizer_moves moves;
    const char *moves_file; /* that gives them; static text */
    bool byte_fallback; /* the vocabulary has one, but the library's form of it has not */
};

/* UNSUPPORTED, in words, when the files name a tokenizer that does more than a
 * tokenizer.json has parts for: one beside them gives other ids than the model's. */
enum fletch_status fletch_tokenizer_check(const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err);

/* Appends the text of a tokenizer.json to `out`. NOT_FOUND when a file that is needed is
 * missing, UNSUPPORTED when nothing is known about this kind of tokenizer, or a limit,
 * FORMAT for a damaged file; then there is nothing wrong with the model but its tokenizer.
 * IO, MEMORY. */
enum fletch_status fletch_tokenizer_build(struct fletch_buf *out,
                                          struct fletch_tokenizer_files *origin,
                                          const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err);

#endif
