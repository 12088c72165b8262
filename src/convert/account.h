/* SPDX-License-Identifier: MIT */
/* account.h - the object `fletch` of metadata.json: what was done, tensor by tensor */
#ifndef FLETCH_CONVERT_ACCOUNT_H
#define FLETCH_CONVERT_ACCOUNT_H

#include "convert/emit.h"
#include "convert/metadata.h"

/* Of the object's shape. Grows when a key changes its meaning or goes away; new keys may
 * come without. */
#define FLETCH_ACCOUNT_VERSION 1

/* The object as the next value. `truncation` is what the source's tokenizer.json says; may
 * be NULL. */
void fletch_account_emit(struct fletch_emit *emit, const struct fletch_metadata *metadata,
                         const json_t *truncation);

#endif
