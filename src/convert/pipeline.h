/* SPDX-License-Identifier: MIT */
/* pipeline.h - the rows of a plan into a file: read, cast, compress, write
 *
 * See docs/architecture.md for the picture: who owns a buffer when, what bounds memory, why
 * the bytes do not depend on the threads.
 */
#ifndef FLETCH_CONVERT_PIPELINE_H
#define FLETCH_CONVERT_PIPELINE_H

#include "plan/budget.h"
#include "plan/outcome.h"

struct fletch_pipeline {
    const struct fletch_row_plans *plans;
    const struct fletch_options *options;
    const struct fletch_codec *codec;
    int level;
    struct fletch_budget budget;
};

/* Writes all rows to the empty file and finishes it. outcomes[rows_count] is filled in;
 * *written is the file's size, *footer_at where its pages end. The bytes depend on plan,
 * codec and level only. CANCELLED within milliseconds of the cancel callback's word. */
enum fletch_status fletch_pipeline_run(struct fletch_row_outcome *outcomes,
                                       uint64_t *written, uint64_t *footer_at,
                                       const struct fletch_file *file,
                                       const struct fletch_pipeline *pipeline,
                                       struct fletch_error *err);

#endif
