/* SPDX-License-Identifier: MIT */
/* translate.h - gives a checkpoint from another project the names that transformers uses */
#ifndef FLETCH_MODEL_TRANSLATE_H
#define FLETCH_MODEL_TRANSLATE_H

#include "model/model.h"

/* Looks for the dialect of the encoder's checkpoint. If it is another project's, its
 * tensors get transformers' names, and model->config is filled from that project's own
 * settings, or without a config.json from the shapes. `family` is the requested name, or
 * NULL. Does nothing for models saved by transformers. */
enum fletch_status fletch_model_translate(struct fletch_model *model, const char *family,
                                          struct fletch_error *err);
/* Finds, by the same rules, the dialect of a checkpoint that is only listed; *out is NULL
 * for transformers' names. `family` as above. MEMORY. */
enum fletch_status fletch_dialect_recognise(const struct fletch_dialect **out,
                                            const struct fletch_checkpoint *checkpoint,
                                            const char *family, struct fletch_error *err);

#endif
