/* SPDX-License-Identifier: MIT */
/* aside.h - compressed members of a zip archive, unpacked into a file without a name
 *
 * The file is made in the folder for temporary files, belongs to the list and is gone when
 * it is closed. A member is unpacked once.
 */
#ifndef FLETCH_CHECKPOINT_ASIDE_H
#define FLETCH_CHECKPOINT_ASIDE_H

#include "checkpoint/checkpoint.h"
#include "checkpoint/zip.h"

/* Of all compressed members of a file, unpacked. */
#define FLETCH_ASIDE_MAX ((uint64_t)64 << 30)

/* Zeroed is empty. */
struct fletch_aside {
    uint64_t *places; /* [zip.count], where a member was unpacked to, plus 1; or NULL */
    struct fletch_buf scratch;
};

/* Where the member begins in list->aside, unpacked now if it was not yet. */
enum fletch_status fletch_aside_unpack(uint64_t *out, struct fletch_aside *aside,
                                       struct fletch_tensor_list *list,
                                       const struct fletch_zip *zip,
                                       const struct fletch_zip_member *member,
                                       struct fletch_error *err);
/* Lets go of all but the file. */
void fletch_aside_release(struct fletch_aside *aside);

#endif
