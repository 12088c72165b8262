/* SPDX-License-Identifier: MIT */
/* checkpoint_internal.h - what only the files of this folder share */
#ifndef FLETCH_CHECKPOINT_CHECKPOINT_INTERNAL_H
#define FLETCH_CHECKPOINT_CHECKPOINT_INTERNAL_H

#include "checkpoint/checkpoint.h"

/* ---- checkpoint.c ---- */

/* Opens the weights file at `path`, called `name` inside the checkpoint, and appends its
 * tensors to the list. Both strings live in the checkpoint's arena. */
enum fletch_status fletch_checkpoint_add(struct fletch_checkpoint *checkpoint,
                                         struct fletch_tensor_list *list, const char *path,
                                         const char *name, struct fletch_error *err);
/* Hands over the list in its final order. FORMAT when two tensors have the same name. */
enum fletch_status fletch_checkpoint_finish(struct fletch_checkpoint *checkpoint,
                                            struct fletch_tensor_list *list,
                                            struct fletch_error *err);

/* ---- shards.c ---- */

/* Adds and finishes all shards of the index at `path` in `folder`; map and shards must
 * agree exactly. Messages about the index begin with its name. */
enum fletch_status fletch_shards_open(struct fletch_checkpoint *checkpoint,
                                      struct fletch_tensor_list *list, const char *folder,
                                      const char *path, struct fletch_error *err);

/* ---- shared.c ---- */

/* Adds names that, according to the finished checkpoint's metadata, were dropped because
 * their tensors are there under another name. UNSUPPORTED beyond FLETCH_REPEATED_MAX. */
enum fletch_status fletch_shared_names(struct fletch_checkpoint *checkpoint,
                                       struct fletch_error *err);

/* ---- distributed.c ---- */

/* Takes what a file's __metadata__ says about the slices in it out of the metadata; NULL if
 * it says nothing. FORMAT, MEMORY. */
enum fletch_status fletch_distributed_sharding(json_t **out, json_t *metadata,
                                               struct fletch_error *err);
/* Makes the tensor the single slice of itself that this file holds, as `sharding`
 * describes. */
enum fletch_status fletch_distributed_mark(struct fletch_tensor *tensor,
                                           const json_t *sharding,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err);
/* FLETCH_OK when no tensor of the list is a slice of a larger one, as in an index; else
 * UNSUPPORTED, naming it. */
enum fletch_status fletch_distributed_check_whole(struct fletch_tensor_list *list,
                                                  struct fletch_error *err);
/* Refuses a part that was given alone. */
enum fletch_status fletch_distributed_refuse(struct fletch_error *err);
/* Joins the parts in the folder and finishes the checkpoint; *there is false when there are
 * none. */
enum fletch_status fletch_distributed_open(bool *there,
                                           struct fletch_checkpoint *checkpoint,
                                           struct fletch_tensor_list *list,
                                           const char *folder, struct fletch_error *err);

/* ---- pruned.c ---- */

/* The name that a pruned weight has once it is folded; other names stay the same.
 * MEMORY. */
enum fletch_status fletch_pruned_name(const char **out, const char *name,
                                      struct fletch_arena *arena, struct fletch_error *err);

/* ---- slices.c ---- */

/* Reads `size` bytes from byte `begin` on of a tensor in slices. The caller has checked the
 * range. Any number of threads at once. IO. */
enum fletch_status fletch_slices_read(const struct fletch_checkpoint_file *files,
                                      const struct fletch_tensor *tensor, uint64_t begin,
                                      uint8_t *out, size_t size, struct fletch_error *err);

/* ---- unsupported.c ---- */

/* UNSUPPORTED when the file's name shows that it is part of a parallel run. */
enum fletch_status fletch_unsupported_shard(const char *path, struct fletch_error *err);

/* ---- unsupported_folder.c ---- */

/* FLETCH_OK unless the folder declares itself an adapter: then UNSUPPORTED, even beside a
 * weights file, since programs that load adapters look for the model elsewhere. */
enum fletch_status fletch_unsupported_adapter(const char *folder, struct fletch_error *err);
/* Says what a folder without a weights file holds instead: never FLETCH_OK. */
enum fletch_status fletch_unsupported_folder(const char *folder, struct fletch_error *err);

#endif
