/* SPDX-License-Identifier: MIT */
/* cast.h - elements from one type to another, and an account of what that cost
 *
 * Narrowing rounds to nearest, ties to even, once (float64 too: never by way of float32).
 * NaN stays NaN: quieted, sign and the upper payload bits kept, as F16C does it. (The FNUZ
 * and E8M0 types have one NaN without a sign: it becomes the plain positive one.) Widening
 * is exact; bfloat16 to float32 moves the bits, those of NaN too. Copies change no bit.
 *
 * There are two families of kernels: the fast ones (vectorised, chosen at run time for the
 * processor at hand) and the plain ones, written from the definition of the formats. Both
 * give the same bits and the same report for every input. Verification uses the plain ones,
 * or bare ones from the same definition that give the same bits and leave out most of the
 * report, so that a proof shares no cast with what it proves. Where there is nothing to
 * round (integers, copies) there is only the plain kernel. Both count on the usual
 * floating-point environment: rounding to nearest, subnormals on.
 */
#ifndef FLETCH_TENSOR_CAST_H
#define FLETCH_TENSOR_CAST_H

#include "tensor/dtype.h"

/* What a cast did to the elements. Zeroed is the report of nothing. Every element is at
 * most one of: NaN, overflowed, flushed, subnormal. `rounded` has every flushed one in it,
 * and of the subnormal ones those that changed. */
struct fletch_cast_report {
    uint64_t rounded;    /* finite values that changed and stayed finite */
    uint64_t flushed;    /* nonzero values that became zero */
    uint64_t subnormal;  /* normal values of the source's type that are subnormal (not zero)
                            in the stored type, changed or not */
    uint64_t overflowed; /* finite values that became infinite; integers out of range */
    uint64_t nan;        /* NaN in the source */
    /* The largest |stored - source| of the values that stayed finite, and the largest
     * |stored - source| / |source|, as float64 for float64 sources, else as float32. The
     * differences are exact, the quotients are rounded. A flushed value has 1. */
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

/* The fastest kernel this processor has, or NULL for a pair that is never cast. There are
 * kernels for what dtype.h says is stored as what, from every floating type to float32, and
 * copies of the stored types; from a floating type those still count NaN. */
fletch_cast_fn fletch_cast_find(enum fletch_dtype from, enum fletch_dtype to);
/* The plain one for the same pair. */
fletch_cast_fn fletch_cast_find_plain(enum fletch_dtype from, enum fletch_dtype to);
/* One that may leave out all of the report but `overflowed`; else as the plain one. */
fletch_cast_fn fletch_cast_find_bare(enum fletch_dtype from, enum fletch_dtype to);

/* A name for the set of kernels that fletch_cast_find chooses from here: "avx2", "neon"
 * or "c". */
const char *fletch_cast_kernels(void);

#endif
