/* SPDX-License-Identifier: MIT */
/* dir.h - folders as a whole: what is in them, syncing, linking, removing; links never
 * followed */
#ifndef FLETCH_PUBLISH_DIR_H
#define FLETCH_PUBLISH_DIR_H

#include "base/error.h"

typedef bool (*fletch_dir_own_fn)(const char *name);

/* The first entry, bytewise, that is not `own`; "" when there is none. */
enum fletch_status fletch_dir_find_other(char *name, size_t size, const char *folder,
                                         fletch_dir_own_fn own, struct fletch_error *err);
/* The entry number `skip` of those whose names begin with `prefix`, bytewise; false: no
 * more. */
bool fletch_dir_find_prefixed(char *name, size_t size, const char *folder,
                              const char *prefix, size_t skip);
/* Gives `to` hard links to every entry of `from` that is not `own`, folders made anew
 * around their files. In the folder `tokenizer` only tokenizer.json is ours. */
enum fletch_status fletch_dir_link_others(const char *to, const char *from,
                                          fletch_dir_own_fn own, struct fletch_error *err);
/* Syncs a folder's entries, and those of the folders in it. Its files were synced when
 * written. */
enum fletch_status fletch_dir_sync(const char *folder, struct fletch_error *err);
enum fletch_status fletch_dir_sync_folder(const char *folder, struct fletch_error *err);
/* Gives the folder `to` the owner and the rights of `from`, as far as the system lets us;
 * never rights to a group that `from` is not of. */
void fletch_dir_take_rights(const char *to, const char *from);
/* Removes a folder and all in it; 0, or errno of the first refusal. A missing one is fine.
 */
int fletch_dir_remove(const char *folder);

#endif
