/* SPDX-License-Identifier: MIT */
/* strided.h - tensors whose elements do not lie in order: gathered through windows
 *
 * A transposed matrix read row by row would be one read per element. So a window of many
 * rows is read at once, in pieces as long as the file allows, and handed out from memory;
 * neighbouring requests, of whatever thread, find it there.
 */
#ifndef FLETCH_STRIDED_STRIDED_H
#define FLETCH_STRIDED_STRIDED_H

#include "base/file.h"
#include "strided/window.h"
#include "tensor/tensor.h"

/* Bytes of all windows, and how many there are at most: what all strided tensors of a
 * checkpoint together need, besides FLETCH_WINDOW_STAGE for each thread that reads. */
#define FLETCH_STRIDED_POOL ((size_t)64 << 20)
#define FLETCH_STRIDED_WINDOWS 32
/* With what is kept between lines. */
#define FLETCH_STRIDED_MEMORY                                                              \
    (FLETCH_WINDOW_MEMORY(FLETCH_STRIDED_POOL) + 64 * FLETCH_STRIDED_WINDOWS)

struct fletch_strided;

/* NULL when out of memory. Takes NULL to free. */
struct fletch_strided *fletch_strided_new(void);
void fletch_strided_free(struct fletch_strided *strided);
/* Gives the memory of the windows back until something is read again. Nobody may be
 * reading. Takes NULL. */
void fletch_strided_release_memory(struct fletch_strided *strided);

/* True when the file holds the tensor's bytes as they are handed out. */
bool fletch_tensor_is_straight(const struct fletch_tensor *tensor);
/* How many bytes of its file the tensor reaches over, from its offset on; false when that
 * wraps. */
bool fletch_tensor_extent(uint64_t *out, const struct fletch_tensor *tensor);

/* `size` bytes of the tensor from byte `begin` on, put in order. The caller checked the
 * range. Any number of threads at once. */
enum fletch_status fletch_strided_read(struct fletch_strided *strided,
                                       const struct fletch_file *file,
                                       const struct fletch_tensor *tensor, uint64_t begin,
                                       void *out, size_t size, struct fletch_error *err);

#endif
