/* SPDX-License-Identifier: MIT */
/* sentencepiece.h - reads a sentencepiece model: its pieces and its text normalization */
#ifndef FLETCH_TOKENIZER_SENTENCEPIECE_H
#define FLETCH_TOKENIZER_SENTENCEPIECE_H

#include "base/error.h"

enum fletch_sentencepiece_type {
    FLETCH_SENTENCEPIECE_NORMAL = 1,
    FLETCH_SENTENCEPIECE_UNKNOWN = 2,
    FLETCH_SENTENCEPIECE_CONTROL = 3,
    FLETCH_SENTENCEPIECE_USER_DEFINED = 4,
    FLETCH_SENTENCEPIECE_UNUSED = 5,
    FLETCH_SENTENCEPIECE_BYTE = 6
};

enum fletch_sentencepiece_model {
    FLETCH_SENTENCEPIECE_MODEL_UNIGRAM = 1,
    FLETCH_SENTENCEPIECE_MODEL_BPE = 2,
};

struct fletch_sentencepiece_piece {
    const char *text; /* [len], UTF-8 */
    size_t len;
    float score; /* finite */
    enum fletch_sentencepiece_type type;
};

/* Texts and bytes are borrowed from the file's bytes. */
struct fletch_sentencepiece {
    struct fletch_sentencepiece_piece *pieces; /* [pieces_count] */
    size_t pieces_count;
    enum fletch_sentencepiece_model model;
    uint32_t unk_id;       /* below pieces_count */
    const char *unk_piece; /* [unk_piece_len] */
    size_t unk_piece_len;
    bool byte_fallback;
    const uint8_t *charsmap; /* [charsmap_size] */
    size_t charsmap_size;
};

/* Reads a model of `size` bytes. FORMAT with the byte offset, UNSUPPORTED (another kind of
 * model, a limit), MEMORY. The caller puts the file's name in front. */
enum fletch_status fletch_sentencepiece_read(struct fletch_sentencepiece *out,
                                             const uint8_t *bytes, size_t size,
                                             struct fletch_error *err);
void fletch_sentencepiece_release(struct fletch_sentencepiece *model);

#endif
