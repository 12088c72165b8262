/* SPDX-License-Identifier: MIT */
/* metadata.h - metadata.json: what loaders need to know, and what was done
 *
 * Keys, order and number formats are those that existing loaders know (docs/output.md):
 * ASCII, two spaces, no newline at the end. fletch's own record follows them as the object
 * `fletch`.
 */
#ifndef FLETCH_CONVERT_METADATA_H
#define FLETCH_CONVERT_METADATA_H

#include "convert/source_files.h"
#include "verify/footer.h"
#include "tokenizer/tokenizer.h"

struct fletch_metadata {
    const struct fletch_model *model;
    const struct fletch_row_plans *plans;
    const struct fletch_row_outcome *outcomes; /* [plans->rows_count] */
    const struct fletch_options *options;
    const struct fletch_codec *codec;
    int level;
    const char *out_dir; /* as the user gave it */
    bool has_tokenizer;
    const struct fletch_tokenizer_files *tokenizer_made; /* NULL: the tokenizer is the
                                                            model's own */
    const struct fletch_footer_hash *footer; /* of weights.parquet; may be NULL */
    const struct fletch_source_file *files;  /* [files_count] */
    size_t files_count;
    const char *const *warnings; /* [warnings_count] */
    size_t warnings_count;
    int64_t converted_at; /* microseconds since 1970 UTC; printed as naive local time */
};

enum fletch_status fletch_metadata_write(struct fletch_buf *out,
                                         const struct fletch_metadata *metadata,
                                         struct fletch_error *err);

#endif
