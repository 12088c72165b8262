/* SPDX-License-Identifier: MIT */
/* footer.h - what follows the pages of weights.parquet: offset indexes and footer
 *
 * Pages have CRCs; the format has none for this part, so metadata.json keeps its sha256.
 */
#ifndef FLETCH_VERIFY_FOOTER_H
#define FLETCH_VERIFY_FOOTER_H

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

struct fletch_footer_hash {
    uint64_t offset, size; /* up to the file's end */
    uint8_t sha256[FLETCH_SHA256_SIZE];
};

/* Hashes the file from `offset` to its end, which is at `end`. */
enum fletch_status fletch_footer_hash_take(struct fletch_footer_hash *out,
                                           const struct fletch_file *file, uint64_t offset,
                                           uint64_t end, struct fletch_error *err);
/* VERIFY unless the file's end matches metadata.json's object `fletch.footer`; without one
 * (NULL) nothing is checked. */
enum fletch_status fletch_footer_hash_check(const json_t *footer,
                                            const struct fletch_file *file,
                                            struct fletch_error *err);

#endif
