/* SPDX-License-Identifier: MIT */
/* tokenizer_save.h - writes tokenizer.json beside the weights of a text model
 *
 * It is copied byte for byte, or built when there is none (tokenizer/), with one edit: a
 * null `truncation` becomes the model's limit, since today's loaders never truncate by
 * themselves and crash on a text that is too long; and the length of an existing truncation
 * becomes the pipeline's, which its own library uses.
 */
#ifndef FLETCH_CONVERT_TOKENIZER_SAVE_H
#define FLETCH_CONVERT_TOKENIZER_SAVE_H

#include "convert/tokenizer_ids.h"
#include "tokenizer/truncation.h"

/* The origin of a tokenizer.json that was written: the model's own, or the files it was
 * built from. Zeroed: none was written. */
struct fletch_tokenizer_origin {
    bool copied, made;
    struct fletch_tokenizer_files from; /* if it was built */
};

/* Writes `folder`/tokenizer/tokenizer.json; NULL: only finds out what the outcome would be.
 * *origin is zeroed, with a warning why, when the model has none and none can be built, or
 * when one would give other ids than the model's. Warnings may also come with a written
 * one. FORMAT, with the byte offset, for a tokenizer.json that is not JSON, or has no
 * model. */
enum fletch_status fletch_tokenizer_write(struct fletch_tokenizer_origin *origin,
                                          struct fletch_tokenizer_warnings *warnings,
                                          const struct fletch_model *model,
                                          const char *folder, struct fletch_error *err);

/* The limit is the smallest of max_seq_length, a real model_max_length and, for models
 * whose positions start after the padding index, max_position_embeddings - pad_token_id -
 * 1. The pipeline's is max_seq_length, within those positions: sentence-transformers
 * only. */
struct fletch_tokenizer_cut fletch_tokenizer_cut(const struct fletch_model *model);

/* `truncation` of the model's tokenizer.json as new JSON; null when there is none. */
enum fletch_status fletch_tokenizer_truncation(json_t **out,
                                               const struct fletch_model *model,
                                               struct fletch_error *err);

#endif
