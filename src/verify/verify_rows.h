/* SPDX-License-Identifier: MIT */
/* verify_rows.h - read the file back, read the source again, redo the casts, compare every
 * value
 *
 * Independent of what it checks: the file is read through the format's reader, the model
 * is opened anew by the caller, casts are the plain ones, and no buffer is shared with the
 * pipeline. Rows are proven in parallel, each by one thread, a large one by two when there
 * is nothing else to do, in bounded memory.
 */
#ifndef FLETCH_VERIFY_VERIFY_ROWS_H
#define FLETCH_VERIFY_VERIFY_ROWS_H

#include "output/output.h"
#include "plan/plan.h"

struct fletch_proof {
    const struct fletch_output_format *output; /* of the file */
    const struct fletch_row_plans *plans; /* of the source, planned anew; NULL: no source */
    const struct fletch_options *options; /* callbacks and the overflow policy */
    bool overflow_may_be_inf; /* the policy is unknown: accept float16 infinities */
    const json_t *rows;       /* `fletch.rows` of metadata.json: hashes to check by row
                                 name; NULL: none */
    unsigned threads;
    uint64_t large_limit; /* bytes that pages which cannot be streamed may use together,
                             unless a single one needs more; 0: one at a time */
};

/* Proves every row of the open file and counts into `out`. FLETCH_ERR_VERIFY names the row,
 * the element and both values; missing and extra rows are named too. */
enum fletch_status fletch_proof_run(struct fletch_verification *out,
                                    const struct fletch_reader *reader,
                                    const struct fletch_proof *proof,
                                    struct fletch_error *err);

#endif
