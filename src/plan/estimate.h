/* SPDX-License-Identifier: MIT */
/* estimate.h - estimates the size of a plan's file before a value is read */
#ifndef FLETCH_PLAN_ESTIMATE_H
#define FLETCH_PLAN_ESTIMATE_H

#include "plan/plan.h"

/* The estimated size of weights.parquet in bytes, from the codec and the rows' types
 * alone. */
uint64_t fletch_estimate_file(const struct fletch_row_plans *plans,
                              const struct fletch_codec *codec);

#endif
