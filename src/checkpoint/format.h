/* SPDX-License-Identifier: MIT */
/* format.h - what a format of weights files is, and the list that it fills
 *
 * Formats that are in other folders, as torch's, include this and no more of checkpoint/.
 */
#ifndef FLETCH_CHECKPOINT_FORMAT_H
#define FLETCH_CHECKPOINT_FORMAT_H

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "tensor/tensor.h"

/* Lines or names, all in the arena of the checkpoint. Zeroed is empty. */
struct fletch_strlist {
    const char **items; /* [cap], `count` in use */
    size_t count, cap;
};

struct fletch_spool;
struct fletch_checkpoint_format;

/* What is known about which tensors are the model's. */
struct fletch_prefix_hints {
    const char *prefix; /* asked for, with or without its last dot; "" or ".": none; NULL:
                           choose by what is known */
    /* True when those names that no model of its kind lacks are there; NULL: nothing is
     * known. */
    bool (*has_required)(const char *const *names, size_t count, const void *user);
    /* Sets marks[count] for those that are names of such a model. */
    enum fletch_status (*match)(bool *marks, const char *const *names, size_t count,
                                const void *user, struct fletch_error *err);
    const void *user;
};

/* A format: how to know it by its first bytes, and how to list what is inside. It appends
 * to a list; opening, shards, order, duplicates across files and the invariants are
 * checkpoint.c's. */
#define FLETCH_PROBE_SIZE 512 /* a tar's magic is far behind */

struct fletch_tensor_list {
    struct fletch_arena *arena; /* for names, shapes and notes */
    const struct fletch_checkpoint_format *const
        *formats;       /* that a file may have; NULL behind the last */
    uint64_t file_size; /* of the file that is being listed */
    bool is_shard;      /* an index names its tensors: they keep their names */
    const char *format; /* static: a better name for it than the format's; NULL */
    const struct fletch_prefix_hints *hints; /* may be NULL */
    const char *prefix;          /* with its last dot, of a format that chose; else NULL */
    struct fletch_spool *spool;  /* compressed members of this file (spool.h), or NULL */
    struct fletch_strlist notes; /* grown by fletch_tensor_list_note */
    struct fletch_strlist
        skipped;      /* names of tensors beside the model's, as an optimizer's */
    json_t *facts;    /* as the checkpoint's; whoever sets it gives it away */
    json_t *metadata; /* the same */
    size_t parts;     /* files that say of themselves that they hold slices of tensors */
    struct fletch_tensor
        *tensors; /* [cap], `count` in use; grown by fletch_tensor_list_put */
    size_t count, cap;
    uint64_t bytes; /* of all of them */
};

/* All tensors of a file together have at most so many times its bytes: layers that are
 * shared are there once and listed often. Small files may have this much in any case. */
#define FLETCH_REPEATED_MAX 256
#define FLETCH_REPEATED_LEAST ((uint64_t)1 << 30)

/* Appends a copy of the struct, its invariants checked; strings and shape must already live
 * in the arena. FORMAT, MEMORY. */
enum fletch_status fletch_tensor_list_put(struct fletch_tensor_list *list,
                                          const struct fletch_tensor *tensor,
                                          struct fletch_error *err);
/* Adds a note, printf-style. */
enum fletch_status fletch_tensor_list_note(struct fletch_tensor_list *list,
                                           struct fletch_error *err, const char *format,
                                           ...) FLETCH_PRINTF(3, 4);

struct fletch_checkpoint_format {
    const char *name;       /* "safetensors" */
    const char *file_name;  /* "model.safetensors" */
    const char *other_name; /* tried after it; NULL: none */
    const char *index_name; /* "model.safetensors.index.json"; NULL: no shards */
    const char *index_glob; /* an index of any name; NULL: no shards */
    const char *suffix;     /* of file names: ".safetensors"; NULL: none says enough */
    /* True when a file of `size` bytes that begins with head[head_size] is of this format.
     */
    bool (*probe)(const uint8_t *head, size_t head_size, uint64_t size);
    /* Looks closer where another format begins so too; NULL: the first bytes say it all.
     * Damage is no failure: IO, MEMORY. */
    enum fletch_status (*confirm)(bool *out, const struct fletch_file *file,
                                  struct fletch_error *err);
    enum fletch_status (*list)(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err);
};

/* Elements and bytes of a shape; with a dimension of 0 there are none whatever the others
 * are. FORMAT when they are more than 64 bits count, or no whole bytes. */
enum fletch_status fletch_measure(uint64_t *count, uint64_t *size, enum fletch_dtype dtype,
                                  const uint64_t *shape, unsigned rank,
                                  struct fletch_error *err);

/* Appends a text that lives as long as the arena, which the texts themselves grow in.
 * MEMORY.
 */
enum fletch_status fletch_strlist_put(struct fletch_strlist *texts,
                                      struct fletch_arena *arena, const char *text,
                                      struct fletch_error *err);
/* unsupported.c. FLETCH_OK when the file is none of the things that are known but not read;
 * else FORMAT or UNSUPPORTED and a sentence that says what it is and what to do. */
enum fletch_status fletch_unsupported_file(const struct fletch_file *file,
                                           struct fletch_error *err);

#endif
