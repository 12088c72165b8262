/* SPDX-License-Identifier: MIT */
/* truncation.h - reads and edits the truncation length in the text of a tokenizer.json */
#ifndef FLETCH_TOKENIZER_TRUNCATION_H
#define FLETCH_TOKENIZER_TRUNCATION_H

#include "base/json.h"

/* Where texts are truncated; 0: unknown. */
struct fletch_tokenizer_cut {
    int64_t limit;    /* replaces a null truncation */
    int64_t pipeline; /* replaces the max_length of any other */
};

/* The one edit: appends the text of a tokenizer.json to `out` with its null or missing
 * truncation, or its max_length, replaced. Appends nothing when no edit is needed; *null
 * tells whether the truncation was null. FORMAT, UNSUPPORTED (nesting), MEMORY. */
enum fletch_status fletch_tokenizer_edit(struct fletch_buf *out, bool *null,
                                         const char *text, size_t size,
                                         const struct fletch_tokenizer_cut *cut,
                                         struct fletch_error *err);
/* Reads `truncation` as new JSON, or NULL when it is null or missing. The same errors. */
enum fletch_status fletch_tokenizer_read_truncation(json_t **out, const char *text,
                                                    size_t size, struct fletch_error *err);

#endif
