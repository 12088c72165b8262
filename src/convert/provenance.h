/* SPDX-License-Identifier: MIT */
/* provenance.h - the object `fletch` of metadata.json: what was done, tensor by tensor */
#ifndef FLETCH_CONVERT_PROVENANCE_H
#define FLETCH_CONVERT_PROVENANCE_H

#include "base/json_writer.h"
#include "convert/metadata.h"

/* Version of the object's structure. Raised when a key changes its meaning or is removed;
 * new keys do not raise it. */
#define FLETCH_PROVENANCE_VERSION 1

/* Writes the object as the next value. `truncation` comes from the source's tokenizer.json;
 * may be NULL. */
void fletch_provenance_write(struct fletch_json_writer *json,
                             const struct fletch_metadata *metadata,
                             const json_t *truncation);

#endif
