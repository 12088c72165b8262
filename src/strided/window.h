/* SPDX-License-Identifier: MIT */
/* window.h - a part of a tensor that does not lie in order: brought into memory, handed out
 *
 * A window is one piece of the tensor as it is handed out, and lies in memory in the order
 * of the file, so that it is read in pieces as long as the file allows. Its elements are
 * put in order when they are taken out of it. */
#ifndef FLETCH_STRIDED_WINDOW_H
#define FLETCH_STRIDED_WINDOW_H

#include "base/file.h"
#include "tensor/tensor.h"

struct fletch_window {
    uint64_t first, count; /* elements of the tensor: those that it holds */
    size_t width;          /* bytes of an element */
    /* The tensor's dimensions, those joined that lie in order; in elements: */
    unsigned rank;
    uint64_t shape[FLETCH_RANK_MAX];
    uint64_t inside[FLETCH_RANK_MAX];  /* of the tensor, one step apart */
    uint64_t strides[FLETCH_RANK_MAX]; /* of the file */
    uint64_t steps[FLETCH_RANK_MAX];   /* of the memory */
};

/* Bytes of memory that windows of `size` bytes need: their lines are kept a little apart.
 */
#define FLETCH_WINDOW_MEMORY(size) ((size) + (size) / 16 + 64)
/* Bytes besides, while one is being loaded. */
#define FLETCH_WINDOW_STAGE ((size_t)1 << 20)

/* Loads the window of at most `size` bytes that has element `at` of the tensor, which has
 * elements, into memory[FLETCH_WINDOW_MEMORY(size)]. IO, MEMORY. */
enum fletch_status fletch_window_load(struct fletch_window *out, uint8_t *memory,
                                      size_t size, const struct fletch_file *file,
                                      const struct fletch_tensor *tensor, uint64_t at,
                                      struct fletch_error *err);
/* `count` elements from `at` on, both counted in the window, little-endian and in order.
 * Any number of threads at once. */
void fletch_window_take(const struct fletch_window *window, const uint8_t *memory,
                        uint64_t at, uint64_t count, uint8_t *out);

#endif
