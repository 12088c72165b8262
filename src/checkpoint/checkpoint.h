/* SPDX-License-Identifier: MIT */
/* checkpoint.h - the files of a checkpoint as one list of tensors
 *
 * A checkpoint is one weights file, or an index and its shards. The list is in natural
 * order of the names, whatever order the files have, and each name occurs once.
 *
 * Invariants, checked in one place for every format and relied on everywhere:
 *  1. size == count * bits / 8, count == product(shape), neither wraps
 *  2. [offset, offset + size) lies in its file as that was when it was opened; of a tensor
 *     with strides, all elements do; of one in slices, each slice in its own
 *  3. names are valid UTF-8 without NUL
 *
 * A file may hold more than a model. Then only the model's tensors are listed, and what is
 * in front of their names (a training run's dict, a wrapper's attribute) is cut off: it is
 * the checkpoint's prefix. prefix.h has the rule. What a format is, is in format.h.
 *
 * Tensors may share bytes: tied weights are two names with one offset.
 *
 * The files stay open for reading, their tensors' bytes are pulled in pieces with
 * fletch_tensor_read, from any number of threads at once.
 */
#ifndef FLETCH_CHECKPOINT_CHECKPOINT_H
#define FLETCH_CHECKPOINT_CHECKPOINT_H

#include "base/file.h"
#include "checkpoint/format.h"
#include "tensor/mask.h"

struct fletch_checkpoint_file {
    const char *name; /* relative to the checkpoint's folder */
    struct fletch_file file;
    struct fletch_spool *spool; /* its compressed members (spool.h); NULL: none */
};

struct fletch_strided;
struct fletch_spool;

struct fletch_checkpoint {
    struct fletch_arena arena;            /* names, shapes, paths */
    const char *format;                   /* "safetensors", "torch zip" */
    struct fletch_checkpoint_file *files; /* [files_count] */
    size_t files_count;
    struct fletch_tensor *tensors; /* [tensors_count], in natural order */
    size_t tensors_count;
    struct fletch_tensor *unfolded; /* [unfolded_count]: the list before pruned weights were
                                       folded; NULL: none was */
    size_t unfolded_count;
    const char *prefix; /* "state_dict.model", removed from the front of all names; or "" */
    const char
        *dialect; /* static: set by model/open_checkpoint.c for callers that list tensors;
                     NULL: transformers' names, or not looked for */
    struct fletch_strlist
        notes; /* for people: what was skipped, what a pickle wanted to call; in the order
                  of their subjects */
    struct fletch_strlist
        skipped;   /* names of tensors that do not belong to the model, in natural order */
    json_t *facts; /* other numbers and strings in it, such as {"dims": {"n_mels": 80}};
                      NULL: none */
    json_t *metadata; /* strings that its files state about themselves, by key: safetensors'
                         __metadata__, from the first file with that key; NULL: none */
    struct fletch_strided *strided; /* windows of tensors that are not contiguous; NULL */
    struct fletch_cancel cancel;    /* checked while a compressed member is unpacked; to be
                                       set before the first tensor is read */
};

extern const struct fletch_checkpoint_format fletch_format_safetensors;
extern const struct fletch_checkpoint_format fletch_format_npz;
extern const struct fletch_checkpoint_format fletch_format_npy;

/* Opens the checkpoint at `path` and lists the model's tensors. `path` is a folder (its
 * weights file or else its index with shards), one weights file of any name, or one index.
 * If there is nothing to read, the message says what is there instead: an LFS pointer, an
 * HTML page, a format that is known but not read, an empty folder. NOT_FOUND, IO, FORMAT,
 * UNSUPPORTED, MEMORY, and ARGUMENT for a prefix that is not there; every message begins
 * with the file. `formats` ends with NULL and is in order of preference within a folder;
 * `hints` may be NULL. */
enum fletch_status
fletch_checkpoint_load(struct fletch_checkpoint **out, const char *path,
                       const struct fletch_checkpoint_format *const *formats,
                       const struct fletch_prefix_hints *hints, struct fletch_error *err);

/* The most memory, in bytes, that reading non-contiguous tensors takes: for all of a
 * checkpoint's, and again for each reading thread. */
#define FLETCH_GATHER_SIZE ((size_t)69 << 20)
#define FLETCH_GATHER_THREAD_SIZE ((size_t)1 << 20)

/* Reads `size` bytes of a tensor from byte `begin` on, contiguous and little-endian however
 * the file holds them, without its mask applied. IO when the file shrank; FORMAT,
 * CANCELLED, MEMORY when a compressed member must be unpacked first. */
enum fletch_status fletch_tensor_read(const struct fletch_checkpoint *checkpoint,
                                      const struct fletch_tensor *tensor, uint64_t begin,
                                      void *out, size_t size, struct fletch_error *err);
/* Folds a pruned weight and its mask, whose names differ only in _orig and _mask, into one
 * tensor, if they fit each other and the resulting name is free. MEMORY. */
enum fletch_status fletch_checkpoint_fold(struct fletch_checkpoint *checkpoint,
                                          struct fletch_error *err);
/* Restores the list from before folding, unless it has been replaced since. */
void fletch_checkpoint_unfold(struct fletch_checkpoint *checkpoint);
/* Multiplies `count` elements that were read of a tensor, starting at element `begin`, by
 * its mask; does nothing if it has none. Errors as fletch_tensor_read, and UNSUPPORTED for
 * a mask element that is neither 0 nor 1. */
enum fletch_status fletch_checkpoint_mask(const struct fletch_checkpoint *checkpoint,
                                          const struct fletch_tensor *tensor,
                                          uint64_t begin, void *elements, size_t count,
                                          fletch_mask_fn apply, struct fletch_error *err);
/* Frees memory used to read non-contiguous tensors and disk used for compressed ones, until
 * one is read again. No thread may be reading. */
void fletch_checkpoint_release_memory(struct fletch_checkpoint *checkpoint);
/* Replaces the checkpoint's list by one in natural order: other names, parts and
 * transpositions of its tensors. It comes from fletch_alloc_array and is taken on success.
 * MEMORY.
 */
enum fletch_status fletch_checkpoint_replace(struct fletch_checkpoint *checkpoint,
                                             struct fletch_tensor *tensors, size_t count,
                                             struct fletch_error *err);
/* By name; borrowed, or NULL. */
const struct fletch_tensor *
fletch_checkpoint_find(const struct fletch_checkpoint *checkpoint, const char *name);

#endif
