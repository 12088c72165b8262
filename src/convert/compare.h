/* SPDX-License-Identifier: MIT */
/* compare.h - one row of the file against its tensor, streamed */
#ifndef FLETCH_CONVERT_COMPARE_H
#define FLETCH_CONVERT_COMPARE_H

#include "base/hash.h"
#include "convert/proof.h"

/* A row of the file and what it is to be compared with. */
struct fletch_pairing {
    size_t row;                         /* in the file */
    const struct fletch_row_plan *plan; /* NULL without a source */
    const char *sha256;                 /* of metadata.json; NULL: none */
};

/* One thread's tools. Zeroed is closed. */
struct fletch_juror {
    const struct fletch_proof *proof;
    const struct fletch_reader *reader;
    struct fletch_cursor *cursor;
    struct fletch_sha256 sha;
    uint8_t *source;   /* a chunk of elements as the checkpoint has them */
    uint8_t *expected; /* the same as they should have been stored */
};

enum fletch_status fletch_juror_open(struct fletch_juror *juror,
                                     const struct fletch_reader *reader,
                                     const struct fletch_proof *proof,
                                     struct fletch_error *err);
void fletch_juror_close(struct fletch_juror *juror);

/* Told after every piece: bytes of the value that were compared. */
typedef void (*fletch_compared_fn)(uint64_t position, void *user);

/* Compares a row's type, shape, values and hash. FLETCH_ERR_VERIFY names the row, the
 * element and both values. */
enum fletch_status fletch_row_compare(struct fletch_juror *juror,
                                      const struct fletch_pairing *pairing,
                                      fletch_compared_fn told, void *user,
                                      struct fletch_error *err);

#endif
