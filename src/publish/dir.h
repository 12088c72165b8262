/* SPDX-License-Identifier: MIT */
/* dir.h - operations on whole folders: list, sync, link, remove; links are never
 * followed */
#ifndef FLETCH_PUBLISH_DIR_H
#define FLETCH_PUBLISH_DIR_H

#include "base/error.h"

/* IO: "path: what: " and the words for errno. */
enum fletch_status fletch_dir_fail(const char *path, const char *what,
                                   struct fletch_error *err);

typedef bool (*fletch_dir_own_fn)(const char *name);

/* Finds the first entry, bytewise, that is not `own`; "" when there is none. */
enum fletch_status fletch_dir_find_other(char *name, size_t size, const char *folder,
                                         fletch_dir_own_fn own, struct fletch_error *err);
/* Finds the entry number `skip`, bytewise, among those whose names begin with `prefix`;
 * false past the last. */
bool fletch_dir_find_prefixed(char *name, size_t size, const char *folder,
                              const char *prefix, size_t skip);
/* Adds hard links in `to` to every entry of `from` that is not `own`; folders are recreated
 * around their files. In the folder `tokenizer` only tokenizer.json counts as `own`. */
enum fletch_status fletch_dir_link_others(const char *to, const char *from,
                                          fletch_dir_own_fn own, struct fletch_error *err);
/* Syncs the entries of a folder and of the folders in it. Files were synced when
 * written. */
enum fletch_status fletch_dir_sync(const char *folder, struct fletch_error *err);
enum fletch_status fletch_dir_sync_folder(const char *folder, struct fletch_error *err);
/* Gives the folder `to` the owner and permissions of `from`, as far as the system allows;
 * never grants permissions to a group that `from` does not belong to. */
void fletch_dir_take_rights(const char *to, const char *from);
/* Removes a folder and everything in it; 0, or errno of the first failure. A missing one is
 * fine.
 */
int fletch_dir_remove(const char *folder);

#endif
