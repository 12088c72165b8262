/* SPDX-License-Identifier: MIT */
/* cast.h - elements from one type to another, and an account of what that cost
 *
 * Narrowing rounds to nearest, ties to even, once (float64 too: never by way of float32).
 * NaN stays NaN: quieted, sign and the upper payload bits kept, as F16C does it. Widening
 * is exact.
 *
 * There are two families of kernels: the fast ones (vectorised, chosen at run time for the
 * processor at hand) and the plain ones, written from the definition of the formats, one
 * element at a time. Both give the same bits and the same report for every input;
 * verification uses the plain ones, so that a proof shares no cast with what it proves.
 */
#ifndef FLETCH_TENSOR_CAST_H
#define FLETCH_TENSOR_CAST_H

#include "tensor/dtype.h"

/* What narrowing did to the elements. Zeroed is the report of nothing. Counts are disjoint
 * but for `rounded`, which counts every finite element whose value changed and stayed
 * finite. */
struct fletch_cast_report {
    uint64_t rounded;      /* finite values that changed and stayed finite */
    uint64_t flushed;      /* of those: nonzero values that became zero */
    uint64_t subnormal;    /* of those or exact: normal values that became subnormal */
    uint64_t overflowed;   /* finite values that became infinite */
    uint64_t nan;          /* NaN in the source */
    double absolute_error; /* the largest |stored - source| of finite results */
    double relative_error; /* the largest |stored - source| / |source| of those, source
                              nonzero */
};

/* Adds `more` to `report`. Order does not matter: the sum is the same for any split. */
void fletch_cast_report_add(struct fletch_cast_report *report,
                            const struct fletch_cast_report *more);
/* True when every value came through unchanged (NaN payloads aside). */
bool fletch_cast_report_is_exact(const struct fletch_cast_report *report);

/* Converts `count` elements from `in` to `out` (any alignment, no overlap) and adds to
 * `report`. Integers out of range (uint64 beyond int64) count as overflowed and are stored
 * as int64 maximum. */
typedef void (*fletch_cast_fn)(void *out, const void *in, size_t count,
                               struct fletch_cast_report *report);

/* The fastest kernel this processor has, or NULL for a pair that is never cast (see
 * dtype.h). The same type on both sides gives a kernel that copies; from a floating type it
 * still counts NaN. */
fletch_cast_fn fletch_cast_find(enum fletch_dtype from, enum fletch_dtype to);
/* The plain one for the same pair. */
fletch_cast_fn fletch_cast_find_plain(enum fletch_dtype from, enum fletch_dtype to);

/* A name for the set of kernels that fletch_cast_find chooses from here: "avx2", "neon",
 * "c". */
const char *fletch_cast_kernels(void);

#endif
