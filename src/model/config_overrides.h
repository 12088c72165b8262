/* SPDX-License-Identifier: MIT */
/* config_overrides.h - config.json keys set on the command line (--set KEY=VALUE) */
#ifndef FLETCH_MODEL_CONFIG_OVERRIDES_H
#define FLETCH_MODEL_CONFIG_OVERRIDES_H

#include "model/model.h"

/* Reads the options' `set` and takes model_type out of it, which must be known first.
 * ARGUMENT for anything but KEY=VALUE. */
enum fletch_status fletch_overrides_read(struct fletch_model *model,
                                         const struct fletch_options *options,
                                         struct fletch_error *err);
/* Puts the others into model->config, once the family is known. ARGUMENT when a key does
 * not count (the message lists those that do) or a value makes no sense. */
enum fletch_status fletch_overrides_apply(struct fletch_model *model,
                                          struct fletch_error *err);

#endif
