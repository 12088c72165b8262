/* SPDX-License-Identifier: MIT */
/* pipeline.h - writes the rows of a plan into a file: read, cast, compress, write
 *
 * docs/architecture.md explains which thread owns a buffer when, what bounds memory, and
 * why the bytes do not depend on the number of threads.
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

/* Writes all rows to the empty file and finishes it. Fills outcomes[rows_count]; *written
 * is the file's size, *footer_at where its pages end. The bytes depend only on plan, codec
 * and level. CANCELLED within milliseconds after the callback asks for it. */
enum fletch_status fletch_pipeline_run(struct fletch_row_outcome *outcomes,
                                       uint64_t *written, uint64_t *footer_at,
                                       const struct fletch_file *file,
                                       const struct fletch_pipeline *pipeline,
                                       struct fletch_error *err);

#endif
