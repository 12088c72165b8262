/* SPDX-License-Identifier: MIT */
/* mask.h - multiplies a pruned weight by its mask of zeros and ones
 *
 * Such a product is exact, as IEEE 754 defines and torch computes it: an element times 1 is
 * itself, times 0 a zero with the product's sign. NaN stays NaN, quieted; infinity times 0
 * becomes the NaN that x86 produces, on every processor.
 *
 * There are two kernels, as for casts: one moves bits, the other multiplies. Both give the
 * same bits. Verification uses the one that multiplies, so that a proof shares no step with
 * what it proves.
 */
#ifndef FLETCH_TENSOR_MASK_H
#define FLETCH_TENSOR_MASK_H

#include "tensor/dtype.h"

/* Whether a mask of one type can belong to a weight of the other. */
bool fletch_mask_fits(enum fletch_dtype weight, enum fletch_dtype mask);

/* Multiplies `count` elements in place by as many mask elements; both are little-endian, of
 * any alignment, and of types that fit. Returns how many it did: it stops at a mask element
 * that is neither 0 nor 1. */
typedef size_t (*fletch_mask_fn)(void *elements, enum fletch_dtype dtype, const void *mask,
                                 enum fletch_dtype mask_dtype, size_t count);

size_t fletch_mask_apply(void *elements, enum fletch_dtype dtype, const void *mask,
                         enum fletch_dtype mask_dtype, size_t count);
size_t fletch_mask_apply_plain(void *elements, enum fletch_dtype dtype, const void *mask,
                               enum fletch_dtype mask_dtype, size_t count);

#endif
