/* SPDX-License-Identifier: MIT */
/* tokenizer_ids.h - a tokenizer's ids, held against the model that they are for
 *
 * An id is a row of the word embeddings: one beyond them crashes a loader, or reads what is
 * not there. And ids that a file gives to added tokens are not the ones that these get when
 * they leave a gap.
 */
#ifndef FLETCH_CONVERT_TOKENIZER_IDS_H
#define FLETCH_CONVERT_TOKENIZER_IDS_H

#include "model/model.h"
#include "tokenizer/tokenizer.h"

/* What is to be said about one tokenizer. */
#define FLETCH_TOKENIZER_WARNINGS_MAX 4
struct fletch_tokenizer_warnings {
    char texts[FLETCH_TOKENIZER_WARNINGS_MAX][512];
    size_t count;
};

void fletch_tokenizer_warn(struct fletch_tokenizer_warnings *warnings, const char *format,
                           ...) FLETCH_PRINTF(2, 3);
/* Of added tokens that get other ids than `file` gives them; nothing where there are none.
 */
void fletch_tokenizer_warn_moved(struct fletch_tokenizer_warnings *warnings,
                                 const char *file,
                                 const struct fletch_tokenizer_moves *moves);

/* Warns of ids that the model has no rows for, and, of a file that is copied, of added
 * tokens that get other ids; *useless where a token that every text gets is among the
 * former. A text that is no tokenizer's is passed over: who reads it will say so. MEMORY.
 */
enum fletch_status fletch_tokenizer_check_ids(struct fletch_tokenizer_warnings *warnings,
                                              bool *useless, const struct fletch_buf *text,
                                              bool copied, const struct fletch_model *model,
                                              struct fletch_error *err);

#endif
