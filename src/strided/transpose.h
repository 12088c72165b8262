/* SPDX-License-Identifier: MIT */
/* transpose.h - rows of elements become columns: a transposed copy in memory */
#ifndef FLETCH_STRIDED_TRANSPOSE_H
#define FLETCH_STRIDED_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

/* Moves element i of line j to place j of row i. Lines are from_step bytes apart, rows
 * to_step; an element has 1, 2, 4 or 8 bytes. */
void fletch_transpose(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step,
                      size_t rows, size_t lines, size_t width);

#endif
