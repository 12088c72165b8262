/* SPDX-License-Identifier: MIT */
/* preflight.h - everything about a conversion that can fail before a tensor is read
 *
 * `plan` and `convert` both begin here, so a plan fails as the conversion would. The proof
 * and `verify` open their source with the same function, but skip the checks of the output.
 */
#ifndef FLETCH_PLAN_PREFLIGHT_H
#define FLETCH_PLAN_PREFLIGHT_H

#include "plan/budget.h"

/* A model and its planned rows. Zeroed is empty. */
struct fletch_source {
    struct fletch_model *model;
    struct fletch_row_plans plans;
};

/* Opens the model at `path` and plans its rows. On failure *out is empty. */
enum fletch_status fletch_source_open(struct fletch_source *out, const char *path,
                                      const struct fletch_options *options,
                                      struct fletch_error *err);
void fletch_source_close(struct fletch_source *source);

struct fletch_preflight {
    struct fletch_source source;
    const struct fletch_codec *codec;
    int level;
    struct fletch_budget budget;
};

/* Checks in this order: codec and level, the model, its rows, what metadata.json needs of
 * its config, the codec's limits, the memory budget. On failure *out is empty. */
enum fletch_status fletch_preflight_make(struct fletch_preflight *out, const char *path,
                                         const struct fletch_options *options,
                                         struct fletch_error *err);

#endif
