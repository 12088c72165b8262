/* SPDX-License-Identifier: MIT */
/* tree.h - folders as a whole: what is in them, syncing, linking, removing; links never
 * followed */
#ifndef FLETCH_CONVERT_TREE_H
#define FLETCH_CONVERT_TREE_H

#include "base/error.h"

typedef bool (*fletch_tree_own_fn)(const char *name);

/* The first entry, bytewise, that is not `own`; "" when there is none. */
enum fletch_status fletch_tree_find_other(char *name, size_t size, const char *folder,
                                          fletch_tree_own_fn own, struct fletch_error *err);
/* The entry number `skip` of those whose names begin with `prefix`, bytewise; false: no
 * more. */
bool fletch_tree_find_prefixed(char *name, size_t size, const char *folder,
                               const char *prefix, size_t skip);
/* Gives `to` hard links to every entry of `from` that is not `own`, folders made anew
 * around their files. In the folder `tokenizer` only tokenizer.json is ours. */
enum fletch_status fletch_tree_link_others(const char *to, const char *from,
                                           fletch_tree_own_fn own,
                                           struct fletch_error *err);
/* Syncs a folder's entries, and those of the folders in it. Its files were synced when
 * written. */
enum fletch_status fletch_tree_sync(const char *folder, struct fletch_error *err);
enum fletch_status fletch_tree_sync_folder(const char *folder, struct fletch_error *err);
/* Gives the folder `to` the owner and the rights of `from`, as far as the system lets us;
 * never rights to a group that `from` is not of. */
void fletch_tree_take_rights(const char *to, const char *from);
/* Removes a folder and all in it; 0, or errno of the first refusal. A missing one is fine.
 */
int fletch_tree_remove(const char *folder);

#endif
