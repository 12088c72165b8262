/* SPDX-License-Identifier: MIT */
/* window.h - a part of a non-contiguous tensor, loaded into memory and served from there
 *
 * A window is one contiguous range of the tensor as it is handed out. In memory it keeps
 * the file's order, so that it is read in the longest runs that the file allows. Elements
 * are put in order when they are taken out. */
#ifndef FLETCH_STRIDED_WINDOW_H
#define FLETCH_STRIDED_WINDOW_H

#include "base/file.h"
#include "tensor/tensor.h"

struct fletch_window {
    uint64_t first, count; /* the tensor's elements that it holds */
    size_t width;          /* bytes of an element */
    /* The tensor's dimensions, contiguous ones joined; in elements: */
    unsigned rank;
    uint64_t shape[FLETCH_RANK_MAX];
    uint64_t inside[FLETCH_RANK_MAX];  /* of the tensor, one step apart */
    uint64_t strides[FLETCH_RANK_MAX]; /* of the file */
    uint64_t steps[FLETCH_RANK_MAX];   /* of the memory */
};

/* Bytes of memory that a window of `size` bytes needs: its lines are padded a little.
 */
#define FLETCH_WINDOW_MEMORY(size) ((size) + (size) / 16 + 64)
/* Extra bytes needed while one is being loaded. */
#define FLETCH_WINDOW_STAGE ((size_t)1 << 20)

/* Loads the window of at most `size` bytes that contains element `at` of the tensor, which
 * is not empty, into memory[FLETCH_WINDOW_MEMORY(size)]. IO, MEMORY. */
enum fletch_status fletch_window_load(struct fletch_window *out, uint8_t *memory,
                                      size_t size, const struct fletch_file *file,
                                      const struct fletch_tensor *tensor, uint64_t at,
                                      struct fletch_error *err);
/* Takes out `count` elements from `at` on, both counted within the window, little-endian
 * and in order. Any number of threads at once. */
void fletch_window_take(const struct fletch_window *window, const uint8_t *memory,
                        uint64_t at, uint64_t count, uint8_t *out);

#endif
