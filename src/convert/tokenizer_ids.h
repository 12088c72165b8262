/* SPDX-License-Identifier: MIT */
/* tokenizer_ids.h - checks a tokenizer's ids against its model
 *
 * An id is a row of the word embeddings: one beyond them crashes a loader, or reads other
 * memory. And added tokens do not get the ids that a file states for them if those leave a
 * gap.
 */
#ifndef FLETCH_CONVERT_TOKENIZER_IDS_H
#define FLETCH_CONVERT_TOKENIZER_IDS_H

#include "model/model.h"
#include "tokenizer/tokenizer.h"

/* The most warnings about one tokenizer. */
#define FLETCH_TOKENIZER_WARNINGS_MAX 4
struct fletch_tokenizer_warnings {
    char texts[FLETCH_TOKENIZER_WARNINGS_MAX][512];
    size_t count;
};

void fletch_tokenizer_warn(struct fletch_tokenizer_warnings *warnings, const char *format,
                           ...) FLETCH_PRINTF(2, 3);
/* Warns of added tokens that get other ids than `file` states; does nothing when there are
 * none.
 */
void fletch_tokenizer_warn_moved(struct fletch_tokenizer_warnings *warnings,
                                 const char *file,
                                 const struct fletch_tokenizer_moves *moves);

/* Warns of ids that the model has no rows for and, for a file that is copied, of added
 * tokens that get other ids. *useless is set when the former include a token that every
 * text gets. Text that is not a tokenizer is ignored: the code that reads it reports that.
 * MEMORY.
 */
enum fletch_status fletch_tokenizer_check_ids(struct fletch_tokenizer_warnings *warnings,
                                              bool *useless, const struct fletch_buf *text,
                                              bool copied, const struct fletch_model *model,
                                              struct fletch_error *err);

#endif
