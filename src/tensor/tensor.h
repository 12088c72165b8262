/* SPDX-License-Identifier: MIT */
/* tensor.h - a tensor as a checkpoint lists it: a view without bytes
 *
 * Most tensors lie in their file in the order in which they are handed out: row by row,
 * little-endian. The others describe how they lie, and fletch_tensor_read puts their bytes
 * in order.
 */
#ifndef FLETCH_TENSOR_TENSOR_H
#define FLETCH_TENSOR_TENSOR_H

#include "tensor/dtype.h"

/* No published model has more than 6 dimensions; numpy stops at 64, torch at 64. */
#define FLETCH_RANK_MAX 64

/* A box of a tensor that is stored in slices: contiguous, in a file of its own. */
struct fletch_tensor_slice {
    size_t file;
    uint64_t offset;
    const uint64_t *at;    /* [rank], in elements: its first corner in the tensor */
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
    /* [rank], in elements: the distance between neighbours along each dimension; 0 where
     * all are one element. NULL: contiguous. Only for types of whole bytes. */
    const uint64_t *strides;
    /* For a tensor renamed from another project's checkpoint: its name in the file, and in
     * words which part of that tensor it is. NULL: `name`, and all of it. */
    const char *origin, *taken;
    /* [slices_count], for a tensor stored in slices: each element lies in exactly one of
     * them, and `file` and `offset` are the first slice's. NULL: it is stored as a
     * whole. */
    const struct fletch_tensor_slice *slices;
    size_t slices_count;
    /* For a pruned weight: its mask, of the same shape. Multiply what is read by it
     * (fletch_checkpoint_mask). NULL: the bytes are the values. */
    const struct fletch_tensor *mask;
    uint32_t crc;    /* CRC-32 of its bytes, from the archive that holds them; 0: unknown */
    bool big_endian; /* the most significant byte of each element comes first */
    bool spooled;    /* offset counts within the spool of unpacked members, not in the
                        file */
};

#endif
