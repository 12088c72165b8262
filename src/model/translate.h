/* SPDX-License-Identifier: MIT */
/* translate.h - a checkpoint in another project's words, as transformers would have it */
#ifndef FLETCH_MODEL_TRANSLATE_H
#define FLETCH_MODEL_TRANSLATE_H

#include "model/model.h"

/* Looks for the dialect of the encoder's checkpoint; of one in another project's words, its
 * tensors get transformers' names, and model->config becomes what that project says in its
 * own way. Without a config.json the config becomes what shapes tell. `family` is the name
 * that was asked for, or NULL. Does nothing for models that transformers saved. */
enum fletch_status fletch_model_translate(struct fletch_model *model, const char *family,
                                          struct fletch_error *err);
/* The dialect of a checkpoint that is only listed, found by the same rules; *out is NULL
 * for transformers' words. `family` as above. MEMORY. */
enum fletch_status fletch_dialect_recognise(const struct fletch_dialect **out,
                                            const struct fletch_checkpoint *checkpoint,
                                            const char *family, struct fletch_error *err);

#endif
