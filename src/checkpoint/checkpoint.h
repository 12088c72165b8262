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
    struct fletch_spool *spool; /* compressed members of it (spool.h); NULL */
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
    struct fletch_tensor *unfolded; /* [unfolded_count]: the same before pruned weights were
                                       folded; NULL: none was */
    size_t unfolded_count;
    const char *prefix; /* "state_dict.model", what was in front of all names; or "" */
    const char
        *dialect; /* static: set by model/open_checkpoint.c for a caller who lists it; NULL:
                            transformers' words, or not asked */
    struct fletch_strlist
        notes; /* what people should know: what was passed over, what a pickle
                  wanted to call; in the order of what they are about */
    struct fletch_strlist
        skipped;   /* names of tensors that are no part of the model, in natural
                                 order */
    json_t *facts; /* numbers and words that it holds besides, as {"dims": {"n_mels": 80}};
                      NULL: none */
    json_t *metadata; /* words that its files say of themselves, by key: safetensors'
                         __metadata__, the first file that has a key; NULL: none */
    struct fletch_strided *strided; /* windows of what does not lie in order; NULL */
    struct fletch_cancel cancel;    /* asked while a compressed member is unpacked; set by
                                       whoever reads tensors, before the first is read */
};

extern const struct fletch_checkpoint_format fletch_format_safetensors;
extern const struct fletch_checkpoint_format fletch_format_npz;
extern const struct fletch_checkpoint_format fletch_format_npy;

/* Opens what is at `path`, of which only the model's tensors are listed: a folder (its
 * weights file; where there is none, its index with shards), one weights file of any name,
 * or one index. Says what is there instead when there is nothing to read: an LFS pointer,
 * an HTML page, a format that is known but not read, an empty folder. NOT_FOUND, IO,
 * FORMAT, UNSUPPORTED, MEMORY, and ARGUMENT for a prefix that is not there; the file is in
 * front of every message. `formats` ends with NULL and is in the order of choice in a
 * folder; `hints` may be NULL. */
enum fletch_status
fletch_checkpoint_load(struct fletch_checkpoint **out, const char *path,
                       const struct fletch_checkpoint_format *const *formats,
                       const struct fletch_prefix_hints *hints, struct fletch_error *err);

/* Bytes that reading tensors takes which do not lie in order, at most: for all of a
 * checkpoint's, and besides for each thread that reads. */
#define FLETCH_GATHER_SIZE ((size_t)69 << 20)
#define FLETCH_GATHER_THREAD_SIZE ((size_t)1 << 20)

/* `size` bytes of a tensor from byte `begin` on, its elements in order and little-endian,
 * however the file holds them, without its mask. IO when the file shrank; FORMAT,
 * CANCELLED, MEMORY where a compressed member must be unpacked for them. */
enum fletch_status fletch_tensor_read(const struct fletch_checkpoint *checkpoint,
                                      const struct fletch_tensor *tensor, uint64_t begin,
                                      void *out, size_t size, struct fletch_error *err);
/* Makes one tensor of a pruned weight and its mask, which share a name but for _orig and
 * _mask, where they fit each other and nothing else has that name. MEMORY. */
enum fletch_status fletch_checkpoint_fold(struct fletch_checkpoint *checkpoint,
                                          struct fletch_error *err);
/* The list as it was before, if nothing has replaced it since. */
void fletch_checkpoint_unfold(struct fletch_checkpoint *checkpoint);
/* Multiplies `count` elements that were read of a tensor, from element `begin` on, by its
 * mask; does nothing where it has none. As fletch_tensor_read, and UNSUPPORTED for an
 * element of the mask that is neither 0 nor 1. */
enum fletch_status fletch_checkpoint_mask(const struct fletch_checkpoint *checkpoint,
                                          const struct fletch_tensor *tensor,
                                          uint64_t begin, void *elements, size_t count,
                                          fletch_mask_fn apply, struct fletch_error *err);
/* Gives back what reading needed, memory for tensors that do not lie in order and disk for
 * compressed ones, until one is read again. Nobody may be reading. */
void fletch_checkpoint_release_memory(struct fletch_checkpoint *checkpoint);
/* Puts a list in natural order in place of the checkpoint's: other names, parts and
 * transpositions of its tensors. Made by fletch_alloc_array, and taken on success. MEMORY.
 */
enum fletch_status fletch_checkpoint_replace(struct fletch_checkpoint *checkpoint,
                                             struct fletch_tensor *tensors, size_t count,
                                             struct fletch_error *err);
/* By name; borrowed, or NULL. */
const struct fletch_tensor *
fletch_checkpoint_find(const struct fletch_checkpoint *checkpoint, const char *name);

#endif
