/* SPDX-License-Identifier: MIT */
/* torch_internal.h - what torch's containers share: a pickled state dict, and storages
 * somewhere
 *
 * The container runs the pickle and knows where a storage's bytes lie. The rest is common:
 * state_dict.c chooses the model's dict, torch_tensor.c reads the tensors in it. */
#ifndef FLETCH_TORCH_TORCH_INTERNAL_H
#define FLETCH_TORCH_TORCH_INTERNAL_H

#include "checkpoint/prefix.h"
#include "torch/torch.h"
#include "torch/pickle.h"
#include "archive/zip.h"

/* A persistent id: ('storage', class, key, location, count[, view]). */
struct fletch_torch_storage {
    const char *key;         /* in the list's arena */
    const char *type;        /* "FloatStorage" */
    enum fletch_dtype dtype; /* NONE: the tensor states it, or the type is refused */
    unsigned width;          /* bytes of an element; 1 for UntypedStorage */
    bool untyped;
    uint64_t count;      /* elements of the whole storage */
    uint64_t view_begin; /* the part in view: its first element */
    uint64_t view_count; /* and its number of elements */
};

/* A tensor described outside the pickle, which only names it. */
struct fletch_torch_rebuild {
    struct fletch_torch_storage storage;
    uint64_t offset; /* elements */
    unsigned rank;
    const uint64_t *shape, *strides; /* [rank] */
};

struct fletch_torch_place {
    uint64_t offset, size; /* bytes, in the file or in the spool */
    uint32_t crc;          /* of these bytes; 0: not known */
    bool spooled;
};

struct fletch_torch {
    struct fletch_tensor_list *list;
    struct fletch_pickle pickle; /* of the object */
    const char *path;            /* of the file, for messages */
    bool big_endian;
    bool script; /* a TorchScript: classes of its own code are known */
    /* Where the storage's bytes lie: `container` belongs to it. */
    enum fletch_status (*find)(struct fletch_torch_place *out, struct fletch_torch *torch,
                               const struct fletch_torch_storage *storage,
                               struct fletch_error *err);
    /* The tensor that a persistent id names; false when it names none. NULL: none does. */
    bool (*tensor)(struct fletch_torch_rebuild *out, const struct fletch_torch *torch,
                   uint32_t value);
    void *container;
};

static inline const struct fletch_pickle_value *
fletch_torch_value(const struct fletch_torch *torch, uint32_t index)
{
    return &torch->pickle.values[index];
}

/* ---- torch_tensor.c ---- */

enum fletch_torch_make {
    FLETCH_TORCH_NO_TENSOR, /* also objects of unknown classes */
    FLETCH_TORCH_TENSOR,
    FLETCH_TORCH_UNSUPPORTED /* unknown, but built from a tensor or a storage */
};

/* What kind of tensor, if any, a value of the pickle is. */
enum fletch_torch_make fletch_torch_what(const struct fletch_torch *torch, uint32_t value);
/* True for a global whose meaning this version knows. */
bool fletch_torch_knows(const struct fletch_pickle_value *global);
/* What the class of a storage implies: type, dtype, width. `at` is its offset. */
enum fletch_status fletch_torch_storage_type(struct fletch_torch_storage *out,
                                             const struct fletch_pickle_value *global,
                                             uint64_t at, struct fletch_error *err);
/* Reads a PERSISTENT that names a storage; *is_storage is false for other kinds. */
enum fletch_status fletch_torch_storage_read(struct fletch_torch_storage *out,
                                             bool *is_storage,
                                             const struct fletch_torch *torch,
                                             uint32_t value, struct fletch_error *err);
/* Fills in all but the name. UNSUPPORTED for kinds that have no plain bytes. */
enum fletch_status fletch_torch_tensor_read(struct fletch_tensor *out,
                                            struct fletch_torch *torch, uint32_t value,
                                            struct fletch_error *err);

/* Fills in all but the name of a tensor described outside a pickle, or without one. */
enum fletch_status fletch_torch_rebuild_read(struct fletch_tensor *out,
                                             struct fletch_torch *torch,
                                             const struct fletch_torch_rebuild *layout,
                                             struct fletch_error *err);

/* ---- torch_zip.c ---- */

/* Where a member's bytes lie. */
enum fletch_status fletch_torch_place_member(struct fletch_torch_place *out,
                                             struct fletch_torch *torch,
                                             const struct fletch_zip *zip,
                                             const struct fletch_zip_member *member,
                                             struct fletch_error *err);
/* Sets big_endian according to ROOT/byteorder. */
enum fletch_status fletch_torch_byteorder(struct fletch_torch *torch,
                                          struct fletch_zip *zip, const char *root,
                                          struct fletch_buf *scratch,
                                          struct fletch_error *err);

/* ---- state_dict.c ---- */

/* Chooses the model's tensors, appends them to the list, and names those skipped. */
enum fletch_status fletch_torch_state_dict_list(struct fletch_torch *torch,
                                                struct fletch_error *err);

/* ---- torch_script.c ---- */

/* Appends the tensors of a TorchScript's modules to the list, named by their paths. */
enum fletch_status fletch_torch_script_list(struct fletch_torch *torch,
                                            struct fletch_error *err);
/* True for a class whose code is in the archive: "__torch__.Net". */
bool fletch_torch_is_script_class(const struct fletch_pickle_value *global);

/* ---- torch_unknown_globals.c ---- */

/* The global that a CALL would call; NULL when it is not a global. The stream names the
 * classes of modules by a persistent id: ('module', class, file, source). */
const struct fletch_pickle_value *fletch_torch_callee(const struct fletch_torch *torch,
                                                      uint32_t call);

/* True for a class or function whose name indicates that it makes quantized tensors. */
bool fletch_torch_quantizes(const struct fletch_pickle_value *global);

/* Notes what the pickle wanted to call that this version does not know, each once. */
enum fletch_status fletch_torch_note_unknown_globals(struct fletch_torch *torch,
                                                     struct fletch_error *err);
/* Appends these to a refusal's message, since a refusal has no notes: the first of them,
 * function calls before objects, and how many more. */
void fletch_torch_say_unknown_globals(const struct fletch_torch *torch,
                                      struct fletch_error *err);

/* ---- torch_scalars.c ---- */

/* Sets the list's facts: numbers and strings at the top level, and in the dicts right
 * below. */
enum fletch_status fletch_torch_scalars(struct fletch_torch *torch,
                                        struct fletch_error *err);

/* ---- torch_walk.c ---- */

/* Bytes of the names of one tensor and of its enclosing dicts, and of all tensors. */
#define FLETCH_TORCH_PATH_MAX 4096
#define FLETCH_TORCH_PATHS_MAX (256 << 20)
#define FLETCH_TORCH_TENSORS_MAX (1 << 20)

struct fletch_torch_entry {
    struct fletch_prefix_name name;
    uint32_t value;     /* of the pickle */
    uint32_t container; /* the dict or list that directly holds it */
    uint32_t key;       /* in a dict: its key */
    bool unsupported;   /* unknown, but built from a tensor or a storage */
    bool unnamed;       /* its key is a text that cannot be a name */
};

struct fletch_torch_walk {
    struct fletch_torch_entry *entries; /* [count]; those of a container are adjacent */
    size_t count;
    uint8_t *seen; /* [pickle.count] */
};

/* For a dict, list or tuple: it was visited; an entry lies in it or below. */
enum { FLETCH_TORCH_SEEN = 1, FLETCH_TORCH_HOLDS };

/* Lists all tensors of the pickle. UNSUPPORTED beyond a limit, which it names. */
enum fletch_status fletch_torch_walk(struct fletch_torch_walk *out,
                                     struct fletch_torch *torch, struct fletch_error *err);
void fletch_torch_walk_release(struct fletch_torch_walk *walk);

#endif
