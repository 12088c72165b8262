/* SPDX-License-Identifier: MIT */
/* result.h - the rows of a conversion, kept for the caller */
#ifndef FLETCH_CONVERT_RESULT_H
#define FLETCH_CONVERT_RESULT_H

#include "convert/pipeline.h"

/* Copies everything that callers can ask about each row, so that it outlives plans and
 * model. MEMORY.
 */
enum fletch_status fletch_result_rows_make(struct fletch_result_rows **out,
                                           const struct fletch_row_plans *plans,
                                           const struct fletch_row_outcome *outcomes,
                                           bool certified, struct fletch_error *err);
void fletch_result_rows_free(struct fletch_result_rows *rows);

#endif
