/* SPDX-License-Identifier: MIT */
/* truncation.h - where a tokenizer.json cuts texts, changed in its text */
#ifndef FLETCH_TOKENIZER_TRUNCATION_H
#define FLETCH_TOKENIZER_TRUNCATION_H

#include "base/json.h"

/* Where texts are cut; 0: not known. */
struct fletch_tokenizer_cut {
    int64_t limit;    /* what a null truncation is set to */
    int64_t pipeline; /* what the max_length of any other is set to */
};

/* The one edit: appends the text of a tokenizer.json to `out` with its null or missing
 * truncation set, or the number of its max_length. Appends nothing when there is no need;
 * *null says whether the truncation was null. FORMAT, UNSUPPORTED (nesting), MEMORY. */
enum fletch_status fletch_tokenizer_edit(struct fletch_buf *out, bool *null,
                                         const char *text, size_t size,
                                         const struct fletch_tokenizer_cut *cut,
                                         struct fletch_error *err);
/* What it says: `truncation` as new JSON, or NULL where that is null or missing. The same
 * errors. */
enum fletch_status fletch_tokenizer_read_truncation(json_t **out, const char *text,
                                                    size_t size, struct fletch_error *err);

#endif
