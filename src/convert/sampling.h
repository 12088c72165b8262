/* SPDX-License-Identifier: MIT */
/* sampling.h - samples of a row group, which decide how hard to compress it */
#ifndef FLETCH_CONVERT_SAMPLING_H
#define FLETCH_CONVERT_SAMPLING_H

#include "convert/workbench.h"

/* Samples of a row group's content, which decide how its pages are compressed. They can be
 * taken in any order, by any thread. */
struct fletch_sampling {
    const struct fletch_row_plan *first; /* row of the group */
    uint64_t size;                       /* bytes of its values */
    uint64_t count;                      /* number of samples; 0: nothing to compress */
};

struct fletch_sampling fletch_sampling_of(const struct fletch_pipeline *pipeline,
                                          size_t group);
/* Adds the i-th sample to `samples`. */
enum fletch_status fletch_sampling_take(struct fletch_samples *samples,
                                        const struct fletch_sampling *sampling, uint64_t i,
                                        struct fletch_workbench *bench,
                                        struct fletch_error *err);

#endif
