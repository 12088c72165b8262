/* SPDX-License-Identifier: MIT */
/* cast_fast.h - the kernels that need a certain processor; for cast.c alone */
#ifndef FLETCH_TENSOR_CAST_FAST_H
#define FLETCH_TENSOR_CAST_FAST_H

#include "tensor/cast.h"

/* NULL when the processor has neither AVX2, FMA and F16C nor NEON, and where the plain
 * kernel is as fast. */
fletch_cast_fn fletch_cast_find_fast(enum fletch_dtype from, enum fletch_dtype to);
/* "avx2" or "neon"; NULL when there are none. */
const char *fletch_cast_fast_name(void);

#endif
