/* SPDX-License-Identifier: MIT */
/* verify_row.h - compares one row of the file with its tensor, streamed */
#ifndef FLETCH_VERIFY_VERIFY_ROW_H
#define FLETCH_VERIFY_VERIFY_ROW_H

#include "base/hash.h"
#include "verify/verify_rows.h"
#include "tensor/cast.h"

/* A row of the file and what to compare it with. */
struct fletch_row_match {
    size_t row;                         /* in the file */
    const struct fletch_row_plan *plan; /* NULL without a source */
    const char *sha256;                 /* from metadata.json; NULL: none */
};

/* One thread's tools. Zeroed is closed. */
struct fletch_verify_worker {
    const struct fletch_proof *proof;
    const struct fletch_reader *reader;
    struct fletch_cursor *cursor;
    struct fletch_sha256 sha;
    uint8_t *source;   /* a chunk of elements as stored in the checkpoint */
    uint8_t *expected; /* the same as they should have been stored */
};

enum fletch_status fletch_verify_worker_open(struct fletch_verify_worker *worker,
                                             const struct fletch_reader *reader,
                                             const struct fletch_proof *proof,
                                             struct fletch_error *err);
void fletch_verify_worker_close(struct fletch_verify_worker *worker);

/* The progress of a row's comparison. */
struct fletch_comparison {
    const struct fletch_row_match *match;
    const struct fletch_reader_row *row;
    enum fletch_dtype dtype;   /* as stored */
    fletch_cast_fn cast;       /* to it; NULL without a source */
    struct fletch_sha256 *sha; /* of the worker that began the row */
    uint64_t next;             /* element of the source to read */
    uint64_t position;         /* bytes compared */
    bool has_crc;              /* of the row's page */
    size_t begin, size; /* of worker->expected, bytes not yet compared: [begin, size) */
    struct fletch_cast_report report; /* only `overflowed` is valid */
};

/* Compares a row's type and shape. Then the cursor of `worker` is at the first piece; get
 * that and the others by fletch_comparison_next, until *size is 0. FLETCH_ERR_VERIFY names
 * the row and what differs. */
enum fletch_status fletch_comparison_begin(struct fletch_comparison *out,
                                           struct fletch_verify_worker *worker,
                                           const struct fletch_row_match *match,
                                           struct fletch_error *err);
enum fletch_status fletch_comparison_next(const struct fletch_comparison *comparison,
                                          struct fletch_verify_worker *worker,
                                          const void **bytes, size_t *size,
                                          struct fletch_error *err);
/* Compares a piece, in order. FLETCH_ERR_VERIFY names the row, the element and both values.
 * Another thread may take over with a worker of its own, after a piece at whose end
 * fletch_comparison_is_even returns true. */
enum fletch_status fletch_comparison_take(struct fletch_comparison *comparison,
                                          struct fletch_verify_worker *worker,
                                          const void *bytes, size_t size,
                                          struct fletch_error *err);
/* True when no more of the source has been read than was compared. */
bool fletch_comparison_is_even(const struct fletch_comparison *comparison);
/* After the last piece: checks the hash, and that the source has no more. */
enum fletch_status fletch_comparison_end(struct fletch_comparison *comparison,
                                         struct fletch_verify_worker *worker,
                                         struct fletch_error *err);

#endif
