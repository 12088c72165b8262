/* SPDX-License-Identifier: MIT */
/* format.h - what a format of weights files is, and the list that it fills
 *
 * Formats in other folders, such as torch's, include this header and no other of
 * checkpoint/.
 */
#ifndef FLETCH_CHECKPOINT_FORMAT_H
#define FLETCH_CHECKPOINT_FORMAT_H

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "tensor/tensor.h"

/* Lines or names, all in the checkpoint's arena. Zeroed is empty. */
struct fletch_strlist {
    const char **items; /* [cap], `count` in use */
    size_t count, cap;
};

struct fletch_spool;
struct fletch_checkpoint_format;

/* Hints about which tensors belong to the model. */
struct fletch_prefix_hints {
    const char *prefix; /* as requested, with or without its last dot; "" or ".": none;
                           NULL: choose by the hints */
    /* True when the names that every model of its kind has are there; NULL: nothing is
     * known. */
    bool (*has_required)(const char *const *names, size_t count, const void *user);
    /* Sets marks[count] for the names that such a model has. */
    enum fletch_status (*match)(bool *marks, const char *const *names, size_t count,
                                const void *user, struct fletch_error *err);
    const void *user;
};

/* A format: how to recognise it by its first bytes, and how to list its tensors, which it
 * appends to a list. checkpoint.c does the rest: opening, shards, order, duplicates across
 * files and the invariants. */
#define FLETCH_PROBE_SIZE 512 /* a tar's magic is far from the start */

struct fletch_tensor_list {
    struct fletch_arena *arena; /* for names, shapes and notes */
    const struct fletch_checkpoint_format *const
        *formats;       /* formats that a file may have; ends with NULL */
    uint64_t file_size; /* of the file being listed */
    bool is_shard;      /* an index names its tensors: they keep their names */
    const char *format; /* static: a more precise name than the format's; NULL */
    const struct fletch_prefix_hints *hints; /* may be NULL */
    const char *prefix;          /* with its last dot, if the format chose one; else NULL */
    struct fletch_spool *spool;  /* compressed members of this file (spool.h), or NULL */
    struct fletch_strlist notes; /* grown by fletch_tensor_list_note */
    struct fletch_strlist skipped; /* names of tensors that are not the model's, such as an
                         optimizer's */
    json_t *facts;                 /* becomes the checkpoint's; owned by the list */
    json_t *metadata;              /* the same */
    size_t parts;                  /* files that declare that they hold slices of tensors */
    struct fletch_tensor
        *tensors; /* [cap], `count` in use; grown by fletch_tensor_list_put */
    size_t count, cap;
    uint64_t bytes; /* of all of them */
};

/* All tensors of a file together may have at most this many times its bytes: shared layers
 * are stored once and listed often. Small files may have FLETCH_REPEATED_LEAST in any
 * case. */
#define FLETCH_REPEATED_MAX 256
#define FLETCH_REPEATED_LEAST ((uint64_t)1 << 30)

/* Appends a copy of the struct after checking its invariants; its strings and shape must
 * already live in the arena. FORMAT, MEMORY. */
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
    const char *other_name; /* tried after file_name; NULL: none */
    const char *index_name; /* "model.safetensors.index.json"; NULL: no shards */
    const char *index_glob; /* a pattern for other index names; NULL: no shards */
    const char *suffix;     /* of file names: ".safetensors"; NULL: no suffix identifies
                               it */
    /* True when a file of `size` bytes that begins with head[head_size] is of this format.
     */
    bool (*probe)(const uint8_t *head, size_t head_size, uint64_t size);
    /* Looks closer when another format begins the same way; NULL: the first bytes suffice.
     * Damage is not a failure: IO, MEMORY. */
    enum fletch_status (*confirm)(bool *out, const struct fletch_file *file,
                                  struct fletch_error *err);
    enum fletch_status (*list)(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err);
};

/* Elements and bytes of a shape; none if any dimension is 0, whatever the others. FORMAT
 * when 64 bits cannot count them, or they are not whole bytes. */
enum fletch_status fletch_measure(uint64_t *count, uint64_t *size, enum fletch_dtype dtype,
                                  const uint64_t *shape, unsigned rank,
                                  struct fletch_error *err);

/* Appends a text, which must live as long as the arena; the list grows in that arena.
 * MEMORY.
 */
enum fletch_status fletch_strlist_put(struct fletch_strlist *texts,
                                      struct fletch_arena *arena, const char *text,
                                      struct fletch_error *err);
/* unsupported.c. FLETCH_OK unless the file is of a known kind that is not read: then FORMAT
 * or UNSUPPORTED, saying what it is and what to do. */
enum fletch_status fletch_unsupported_file(const struct fletch_file *file,
                                           struct fletch_error *err);

#endif
