/* SPDX-License-Identifier: MIT */
/* py_reader.h - what the reader's files share: open files, memory, tensors
 *
 * Files and memory are counted without Python: who holds a tensor of ours may let go of it
 * in any thread, with the GIL or without, long after the file object is gone.
 */
#ifndef FLETCH_PY_READER_H
#define FLETCH_PY_READER_H

#include "fletch_py.h"

#include <stdatomic.h>

/* ---- py_file.c: an open file, read by any number of threads ---- */

struct fletch_py_file {
    atomic_size_t holders;
    struct fletch_table *table; /* read by nobody: others are shared from it */
    /* One that is not in use, or NULL. */
    _Atomic(struct fletch_table *) idle;
    bool mapped;
};

/* Opens it, for one holder. Without the GIL. */
enum fletch_status fletch_py_file_open(struct fletch_py_file **out, const char *path,
                                       bool map, struct fletch_error *err);
void fletch_py_file_hold(struct fletch_py_file *file);
void fletch_py_file_drop(struct fletch_py_file *file);
/* A table to read with, for one thread at a time, until it is given back. */
enum fletch_status fletch_py_file_take(struct fletch_table **out,
                                       struct fletch_py_file *file,
                                       struct fletch_error *err);
void fletch_py_file_give(struct fletch_py_file *file, struct fletch_table *table);

/* Of several tensors, or a mapped file in its place. */
struct fletch_py_memory {
    atomic_size_t holders;
    void *bytes;                 /* what to free, or NULL */
    struct fletch_py_file *file; /* in whose map the values lie, or NULL */
};

/* Aligned to 64 bytes, to a large page where it is one; for free(). */
void *fletch_py_alloc(size_t size);
void fletch_py_memory_hold(struct fletch_py_memory *memory);
void fletch_py_memory_drop(struct fletch_py_memory *memory);

/* A part of a row, in bytes, and how many of the first dimension; all of it is 0 to
 * UINT64_MAX. */
struct fletch_py_span {
    size_t row;
    uint64_t begin, size, length;
};

/* What was read. */
struct fletch_py_value {
    struct fletch_py_memory *memory; /* held */
    uint8_t *data;                   /* [size] */
    uint64_t size;
};

/* Without the GIL. */
enum fletch_status fletch_py_read(struct fletch_py_value *out, struct fletch_py_file *file,
                                  struct fletch_table *table,
                                  const struct fletch_py_span *span,
                                  struct fletch_error *err);

/* ---- py_fetch.c: values read ahead by threads ---- */

struct fletch_py_fetch;

/* Of so many spans, which are read in their order once it is started. Holds the file. NULL:
 * no memory. */
struct fletch_py_fetch *fletch_py_fetch_make(struct fletch_py_file *file,
                                             const struct fletch_py_span *spans,
                                             size_t count);
/* With so many threads, or as many as the system gives. */
void fletch_py_fetch_start(struct fletch_py_fetch *fetch, size_t threads);
/* With one where a value is so large that a signal must be seen meanwhile, else none. */
void fletch_py_fetch_start_large(struct fletch_py_fetch *fetch);
/* Waits for the i-th value. A value that was taken before is read anew. False with an
 * exception: that of reading it, or of a signal handler. */
bool fletch_py_fetch_take(struct fletch_py_value *out, struct fletch_py_fetch *fetch,
                          size_t i, PyObject *path);
/* What is not begun is not read any more. */
void fletch_py_fetch_drop(struct fletch_py_fetch *fetch);

/* ---- py_tensor.c ---- */

/* More than any framework has. */
#define FLETCH_PY_RANK_MAX 64

struct fletch_py_dtype {
    const char *name;   /* "float32" */
    unsigned size;      /* bytes per element */
    const char *format; /* of the buffer protocol; NULL: it knows no such type */
    unsigned char code; /* of DLPack */
    char kind;          /* f, i, u, b, c */
};

/* NULL: not known. With or without "torch." in front. */
const struct fletch_py_dtype *fletch_py_dtype_find(const char *name);
/* The type of the elements of a value of `size` bytes that is labelled so: where its size
 * says otherwise, that counts. NULL: none is of that size. */
const struct fletch_py_dtype *fletch_py_dtype_of(const char *label, uint64_t count,
                                                 uint64_t size);

/* A new tensor of values that lie in order; it holds memory of its own. NULL with an
 * exception. */
PyObject *fletch_py_tensor(struct fletch_py_state *state, struct fletch_py_memory *memory,
                           const void *data, const struct fletch_py_dtype *dtype,
                           const uint64_t *shape, unsigned rank);

/* ---- py_arrow.c: capsules of Arrow's C interfaces ---- */

PyObject *fletch_py_arrow_schema(void);
/* Of so many rows, in that order. */
PyObject *fletch_py_arrow_stream(struct fletch_py_file *file, const size_t *rows,
                                 size_t count);

/* ---- What the files add to the module and its state; -1 with an exception ---- */

int fletch_py_add_tensor(PyObject *module, struct fletch_py_state *state);
int fletch_py_add_table(PyObject *module, struct fletch_py_state *state);
/* open_table(path, mmap) -> Table */
PyObject *fletch_py_open_table(PyObject *module, PyObject *args);

#endif
