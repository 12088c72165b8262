/* SPDX-License-Identifier: MIT */
/* cast_fast.h - the kernels that need a certain processor; for cast.c alone */
#ifndef FLETCH_TENSOR_CAST_FAST_H
#define FLETCH_TENSOR_CAST_FAST_H

#include "tensor/cast.h"

/* NULL when this processor lacks AVX2, FMA or F16C, is no x86-64, or where the plain kernel
 * is as fast. */
fletch_cast_fn fletch_cast_find_x86(enum fletch_dtype from, enum fletch_dtype to);

#endif
