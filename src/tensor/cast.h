/* SPDX-License-Identifier: MIT */
/* cast.h - converts elements from one type to another and reports what that cost
 *
 * Narrowing rounds once, to nearest, ties to even (float64 too: never by way of float32).
 * NaN stays NaN: it is quieted and keeps its sign and upper payload bits, as in F16C. (The
 * FNUZ and E8M0 types have one NaN without a sign; it becomes the plain positive one.)
 * Widening is exact; bfloat16 to float32 moves the bits, NaN's included. Copies change no
 * bit.
 *
 * There are two families of kernels: the fast ones, vectorised and chosen at run time for
 * this processor, and the plain ones, written from the definition of the formats. Both give
 * the same bits and the same report for every input. Verification uses the plain ones, or
 * bare ones from the same definition that give the same bits and omit most of the report,
 * so that a proof shares no cast with what it proves. Where nothing can be rounded
 * (integers, copies) only the plain kernel exists. All rely on the usual floating-point
 * environment: rounding to nearest, subnormals on.
 */
#ifndef FLETCH_TENSOR_CAST_H
#define FLETCH_TENSOR_CAST_H

#include "tensor/dtype.h"

/* What a cast did to the elements; zeroed to begin with. Every element is at most one of:
 * NaN, overflowed, flushed, subnormal. `rounded` includes every flushed element, and the
 * subnormal ones that changed. */
struct fletch_cast_report {
    uint64_t rounded;    /* finite values that changed and stayed finite */
    uint64_t flushed;    /* nonzero values that became zero */
    uint64_t subnormal;  /* normal values of the source type that are subnormal (not zero)
                            in the stored type, changed or not */
    uint64_t overflowed; /* finite values that became infinite; integers out of range */
    uint64_t nan;        /* NaN in the source */
    /* The largest |stored - source| and the largest |stored - source| / |source| of the
     * values that stayed finite, as float64 for float64 sources, else as float32. The
     * differences are exact, the quotients rounded. A flushed value counts as 1. */
    double absolute_error;
    double relative_error;
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

/* The fastest kernel for this processor, or NULL for a pair that is never cast. There are
 * kernels for the stored types that dtype.h lists, from every floating type to float32, and
 * copies of the stored types; copies of floating types still count NaN. */
fletch_cast_fn fletch_cast_find(enum fletch_dtype from, enum fletch_dtype to);
/* The plain kernel for the same pair. */
fletch_cast_fn fletch_cast_find_plain(enum fletch_dtype from, enum fletch_dtype to);
/* A kernel that may report nothing but `overflowed`; otherwise as the plain one. */
fletch_cast_fn fletch_cast_find_bare(enum fletch_dtype from, enum fletch_dtype to);

/* The name of the set of kernels that fletch_cast_find chooses from on this machine:
 * "avx2", "neon" or "c". */
const char *fletch_cast_kernels(void);

#endif
