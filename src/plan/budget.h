/* SPDX-License-Identifier: MIT */
/* budget.h - how many threads and buffers fit the memory that a conversion may use */
#ifndef FLETCH_PLAN_BUDGET_H
#define FLETCH_PLAN_BUDGET_H

#include "plan/plan.h"

/* A page that cannot be cut may always have this much content without asking for a share of
 * `large_limit`. */
#define FLETCH_LARGE_MIN (2 * FLETCH_PIECE_SIZE)

struct fletch_budget {
    unsigned threads;     /* at least 1 */
    size_t slots;         /* of the pipeline's ring */
    uint64_t large_limit; /* bytes that pages which cannot be cut may use together, unless
                             one alone needs more */
    uint64_t needed; /* bytes that a conversion takes at most with all that, an estimate
                        from above; file lists and metadata included */
};

/* Without options->memory: as many threads as asked for (or as the process may use), and
 * the buffers that keep them busy. With it: as many of both as fit. FLETCH_ERR_MEMORY,
 * naming what is needed, when not even one thread does. */
enum fletch_status fletch_budget_make(struct fletch_budget *out,
                                      const struct fletch_row_plans *plans,
                                      const struct fletch_codec *codec, int level,
                                      const struct fletch_options *options,
                                      struct fletch_error *err);

/* Number of threads asked for, or as many as the process may use. */
unsigned fletch_thread_count(const struct fletch_options *options);

#endif
