/* SPDX-License-Identifier: MIT */
/* torch_tar_internal.h - the tar's internals, for torch_tar.c and torch_tar_tables.c
 * alone */
#ifndef FLETCH_TORCH_TORCH_TAR_INTERNAL_H
#define FLETCH_TORCH_TORCH_TAR_INTERNAL_H

#include "torch/torch_internal.h"

#include "base/buf.h"

enum member { MEMBER_ABOUT, MEMBER_OBJECT, MEMBER_TENSORS, MEMBER_STORAGES, MEMBERS_COUNT };

struct tar_range {
    uint64_t begin, size; /* begin 0: there is none */
};

struct tar_storage {
    int64_t key;
    struct fletch_torch_storage storage;
    uint64_t offset; /* of its first element, in the file */
};

struct tar_tensor {
    int64_t key;
    struct fletch_torch_rebuild rebuild;
};

struct tar {
    const struct fletch_file *file;
    struct tar_range members[MEMBERS_COUNT];
    struct fletch_buf object, tensors_text, scratch;
    struct tar_storage *storages; /* [storages_cap], by key, views included */
    size_t storages_count, storages_cap;
    struct tar_tensor *tensors; /* [tensors_count], by key */
    size_t tensors_count;
    struct fletch_tensor_list *list;
    struct fletch_error *err;
};

/* ---- torch_tar.c ---- */

/* Loads a whole member that is one pickle or several. */
enum fletch_status fletch_tar_load(struct fletch_buf *out, struct tar *tar,
                                   enum member which);

/* ---- torch_tar_tables.c ---- */

/* Fill in tar->storages and tar->tensors, in this order. */
enum fletch_status fletch_tar_storages(struct tar *tar);
enum fletch_status fletch_tar_tensors(struct tar *tar);
/* By number; borrowed, or NULL. */
const struct tar_storage *fletch_tar_find_storage(const struct tar *tar, int64_t key);
const struct tar_tensor *fletch_tar_find_tensor(const struct tar *tar, int64_t key);

#endif
