/* SPDX-License-Identifier: MIT */
/* config_overrides.h - keys of config.json that are said on the command line (--set
 * KEY=VALUE) */
#ifndef FLETCH_MODEL_CONFIG_OVERRIDES_H
#define FLETCH_MODEL_CONFIG_OVERRIDES_H

#include "model/model.h"

/* Reads the options' `set`, and takes model_type out of it, which decides before all
 * others. ARGUMENT for what is no KEY=VALUE. */
enum fletch_status fletch_overrides_read(struct fletch_model *model,
                                         const struct fletch_options *options,
                                         struct fletch_error *err);
/* Puts the others into model->config, once the family is known. ARGUMENT when a key is none
 * that counts, naming those that do, or its value makes no sense. */
enum fletch_status fletch_overrides_apply(struct fletch_model *model,
                                          struct fletch_error *err);

#endif
