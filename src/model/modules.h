/* SPDX-License-Identifier: MIT */
/* modules.h - modules.json and the folders that it names */
#ifndef FLETCH_MODEL_MODULES_H
#define FLETCH_MODEL_MODULES_H

#include "model/model.h"

/* Reads modules.json and config_sentence_transformers.json of model->folder. `modules`
 * stays empty without a modules.json, and includes the modules of Routers. */
enum fletch_status fletch_modules_load(struct fletch_model *model,
                                       struct fletch_error *err);
/* Reads the modules' configs, checks the values in use, and appends the checkpoints of
 * modules with weights to model->components, after the encoder. */
enum fletch_status fletch_modules_open(struct fletch_model *model,
                                       struct fletch_error *err);
/* UNSUPPORTED for a pipeline whose first module has no tensors: says what to give
 * instead. */
enum fletch_status fletch_modules_check_first(const struct fletch_model *model,
                                              struct fletch_error *err);
/* Fills model->modules from the array of a modules.json. */
enum fletch_status fletch_modules_read(struct fletch_model *model, const json_t *array,
                                       struct fletch_error *err);
/* Checks the values in use of a module's config. */
enum fletch_status fletch_module_check(const struct fletch_module *module,
                                       struct fletch_error *err);
/* Loads sentence_bert_config.json, or its siblings for other encoders. */
enum fletch_status fletch_sentence_config_load(struct fletch_model *model,
                                               struct fletch_error *err);
/* The dimension of what the i-th module gives; -1: not known, or none of its own. */
int64_t fletch_module_dimension(const struct fletch_model *model, size_t i);
/* The dimension that the last module which has one gives; -1. */
int64_t fletch_modules_dimension(const struct fletch_model *model);

/* ---- router.c ---- */

bool fletch_module_is_router(const struct fletch_module *module);
/* Inserts the modules of Routers after them, and finds the encoder. */
enum fletch_status fletch_routers_expand(struct fletch_model *model,
                                         struct fletch_error *err);
/* The name of a module's config file: config.json, or the first *config.json; NULL when
 * there is none. MEMORY. */
enum fletch_status fletch_module_find_config(const char **out, struct fletch_arena *arena,
                                             const char *folder, struct fletch_error *err);

#endif
