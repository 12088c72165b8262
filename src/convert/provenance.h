/* SPDX-License-Identifier: MIT */
/* provenance.h - the object `fletch` of metadata.json: what was done, tensor by tensor */
#ifndef FLETCH_CONVERT_PROVENANCE_H
#define FLETCH_CONVERT_PROVENANCE_H

#include "base/json_writer.h"
#include "convert/metadata.h"

/* Of the object's shape. Grows when a key changes its meaning or goes away; new keys may
 * come without. */
#define FLETCH_PROVENANCE_VERSION 1

/* The object as the next value. `truncation` is what the source's tokenizer.json says; may
 * be NULL. */
void fletch_provenance_write(struct fletch_json_writer *json,
                             const struct fletch_metadata *metadata,
                             const json_t *truncation);

#endif
