/* SPDX-License-Identifier: MIT */
/* tensor.h - a tensor as a checkpoint lists it: a view, no bytes
 *
 * Most tensors lie in their file as they are handed out: row by row, little-endian. The
 * others say how they lie, and fletch_tensor_read puts their bytes in order.
 */
#ifndef FLETCH_TENSOR_TENSOR_H
#define FLETCH_TENSOR_TENSOR_H

#include "tensor/dtype.h"

/* No published model has more than 6 dimensions; numpy stops at 64, torch at 64. */
#define FLETCH_RANK_MAX 64

/* A box of a tensor that lies in pieces: in order, in a file of its own. */
struct fletch_tensor_slice {
    size_t file;
    uint64_t offset;
    const uint64_t *at;    /* [rank], in elements: where in the tensor it begins */
    const uint64_t *shape; /* [rank] */
};

struct fletch_tensor {
    const char *name; /* UTF-8, no NUL inside */
    enum fletch_dtype dtype;
    unsigned rank;
    const uint64_t *shape; /* [rank], in elements, outermost first */
    uint64_t count;        /* product(shape) */
    uint64_t size;         /* bytes: count * bits / 8 */
    size_t file;           /* index of the checkpoint's file */
    uint64_t offset;       /* of the first byte, from the start of that file */
    /* [rank], in elements: how far apart neighbours lie along each dimension, 0 where all
     * are one. NULL: one after the other. Only of types of whole bytes. */
    const uint64_t *strides;
    /* Of one that was another project's: its name in the file, and which part of that
     * tensor it is, in words. NULL: `name`, and all of it. */
    const char *origin, *taken;
    /* [slices_count], of one that lies in pieces: each of its elements is in one of them,
     * and `file` and `offset` are the first's. NULL: all of it is there. */
    const struct fletch_tensor_slice *slices;
    size_t slices_count;
    /* Of a pruned weight: its mask, of the same shape. What is read must be multiplied by
     * it (fletch_checkpoint_mask). NULL: the bytes are the values. */
    const struct fletch_tensor *mask;
    uint32_t crc; /* CRC-32 of its bytes as the archive around them has it; 0: not known */
    bool big_endian; /* its elements have their most significant byte first */
    bool spooled;    /* offset counts in what was unpacked from the file, not in the file */
};

#endif
