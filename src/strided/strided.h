/* SPDX-License-Identifier: MIT */
/* strided.h - tensors that are not contiguous: gathered through windows
 *
 * Reading a transposed matrix row by row would take one read per element. So a window of
 * many rows is read at once, in the longest runs that the file allows, and served from
 * memory; later requests nearby, from any thread, find it there.
 */
#ifndef FLETCH_STRIDED_STRIDED_H
#define FLETCH_STRIDED_STRIDED_H

#include "base/file.h"
#include "strided/window.h"
#include "tensor/tensor.h"

/* The size in bytes of all windows, and their maximum number: what all strided tensors of a
 * checkpoint need together, besides FLETCH_WINDOW_STAGE for each reading thread. */
#define FLETCH_STRIDED_POOL ((size_t)64 << 20)
#define FLETCH_STRIDED_WINDOWS 32
/* Includes the padding between lines. */
#define FLETCH_STRIDED_MEMORY                                                              \
    (FLETCH_WINDOW_MEMORY(FLETCH_STRIDED_POOL) + 64 * FLETCH_STRIDED_WINDOWS)

struct fletch_strided;

/* NULL when out of memory; fletch_strided_free takes NULL. */
struct fletch_strided *fletch_strided_new(void);
void fletch_strided_free(struct fletch_strided *strided);
/* Frees the windows' memory until something is read again. No thread may be reading. Takes
 * NULL. */
void fletch_strided_release_memory(struct fletch_strided *strided);

/* True when the file holds the tensor's bytes exactly as they are handed out. */
bool fletch_tensor_is_straight(const struct fletch_tensor *tensor);
/* How many bytes of its file the tensor spans, from its offset on; false when that
 * wraps. */
bool fletch_tensor_extent(uint64_t *out, const struct fletch_tensor *tensor);

/* Reads `size` bytes of the tensor from byte `begin` on, put in order. The caller has
 * checked the range. Any number of threads at once. */
enum fletch_status fletch_strided_read(struct fletch_strided *strided,
                                       const struct fletch_file *file,
                                       const struct fletch_tensor *tensor, uint64_t begin,
                                       void *out, size_t size, struct fletch_error *err);

#endif
