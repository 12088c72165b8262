/* SPDX-License-Identifier: MIT */
/* pipeline.h - the rows of a plan into a file: read, cast, compress, write
 *
 * See docs/architecture.md for the picture: who owns a buffer when, what bounds memory, why
 * the bytes do not depend on the threads.
 */
#ifndef FLETCH_CONVERT_PIPELINE_H
#define FLETCH_CONVERT_PIPELINE_H

#include "base/hash.h"
#include "parquet/parquet.h"
#include "convert/budget.h"
#include "tensor/cast.h"

/* What became of a row. */
struct fletch_row_outcome {
    enum fletch_dtype dtype;          /* as stored */
    uint64_t size;                    /* bytes of the value */
    uint64_t compressed_size;         /* of its page, header included */
    struct fletch_cast_report report; /* of the cast that was stored */
    uint64_t overflowed; /* values beyond the plan's type, also where the row stayed wide */
    uint8_t sha256[FLETCH_SHA256_SIZE];        /* of the stored value */
    uint8_t source_sha256[FLETCH_SHA256_SIZE]; /* of the source's bytes; certify only */
};

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
