/* SPDX-License-Identifier: MIT */
/* budget.h - how many threads and buffers fit into the memory a conversion may use */
#ifndef FLETCH_PLAN_BUDGET_H
#define FLETCH_PLAN_BUDGET_H

#include "plan/plan.h"

/* A page that cannot be split may always have this much content without a share of
 * `large_limit`. */
#define FLETCH_LARGE_MIN (2 * FLETCH_PIECE_SIZE)

struct fletch_budget {
    unsigned threads;     /* at least 1 */
    size_t slots;         /* in the pipeline's ring */
    uint64_t large_limit; /* bytes that pages which cannot be split may use together, unless
                             a single one needs more */
    uint64_t needed; /* the most bytes that a conversion takes with all that, estimated from
                        above; file lists and metadata included */
};

/* Without options->memory: as many threads as requested (or as the process may use), and
 * the buffers that keep them busy. With it: as many of both as fit. FLETCH_ERR_MEMORY,
 * naming the amount needed, when not even one thread fits. */
enum fletch_status fletch_budget_make(struct fletch_budget *out,
                                      const struct fletch_row_plans *plans,
                                      const struct fletch_codec *codec, int level,
                                      const struct fletch_options *options,
                                      struct fletch_error *err);

/* The number of threads requested, or as many as the process may use. */
unsigned fletch_thread_count(const struct fletch_options *options);

#endif
