/* SPDX-License-Identifier: MIT */
/* cast_fast.h - the kernels that need a certain processor; for cast.c alone */
#ifndef FLETCH_TENSOR_CAST_FAST_H
#define FLETCH_TENSOR_CAST_FAST_H

#include "tensor/cast.h"

/* NULL when this processor has no AVX2, FMA or F16C, or is no x86-64; when it is no AArch64
 * in little-endian order; and where the plain kernel is as fast. */
fletch_cast_fn fletch_cast_find_avx2(enum fletch_dtype from, enum fletch_dtype to);
fletch_cast_fn fletch_cast_find_neon(enum fletch_dtype from, enum fletch_dtype to);

#endif
