/* SPDX-License-Identifier: MIT */
/* npy.h - the header of a NumPy array: a Python literal, read by a parser of its own
 *
 *     "\x93NUMPY", version (1.0, 2.0, 3.0), length of the text, the text, the values
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *
 * Nothing is evaluated. Types that are not numbers of one width are distinguished, so that
 * the caller can skip text but not what may be weights.
 */
#ifndef FLETCH_CHECKPOINT_NPY_H
#define FLETCH_CHECKPOINT_NPY_H

#include "checkpoint/checkpoint.h"

#define FLETCH_NPY_MAGIC "\x93NUMPY"
#define FLETCH_NPY_MAGIC_SIZE 6
/* Magic, version and a length of four bytes. */
#define FLETCH_NPY_OPENING_MAX ((size_t)12)
/* Of the text; NumPy itself stops at 10,000, and its version 1.0 at 65,535. */
#define FLETCH_NPY_HEADER_MAX ((size_t)65536)

struct fletch_npy {
    /* NONE: `what` names what the values are instead of numbers ("text"), and of the
     * members below only `begin` is set */
    enum fletch_dtype dtype;
    const char *what;
    bool big_endian;
    bool fortran; /* the first index varies fastest */
    unsigned rank;
    uint64_t shape[FLETCH_RANK_MAX];
    uint64_t count, size; /* elements, bytes */
    uint64_t begin;       /* of the values, from the magic */
};

/* Computes the size of opening and text from the first bytes of an array; `size` of them
 * are given, and `base` is their offset. FORMAT, UNSUPPORTED. */
enum fletch_status fletch_npy_measure(size_t *out, const uint8_t *bytes, size_t size,
                                      uint64_t base, struct fletch_error *err);
/* Parses opening and text, exactly `size` bytes as measured. FORMAT when they state another
 * size, since a file may change between two reads. UNSUPPORTED: objects, records, raw bytes
 * and numbers that no row can hold. */
enum fletch_status fletch_npy_read(struct fletch_npy *out, const uint8_t *bytes,
                                   size_t size, uint64_t base, struct fletch_error *err);

#endif
