/* SPDX-License-Identifier: MIT */
/* spool.h - compressed members of a zip archive, unpacked into an unlinked temporary file
 *
 * Listing the archive gives each member its place in that file; reading its bytes for the
 * first time unpacks it there. So a listing unpacks nothing. The file is gone when it is
 * closed.
 */
#ifndef FLETCH_ARCHIVE_SPOOL_H
#define FLETCH_ARCHIVE_SPOOL_H

#include "archive/zip.h"
#include "base/mem.h"

/* All compressed members of a file together, unpacked. */
#define FLETCH_SPOOL_MAX ((uint64_t)64 << 30)

struct fletch_spool;

/* Gives the member a place in *made, which the first one creates; its name is copied to the
 * arena, which must live as long. FORMAT, UNSUPPORTED (naming the limit), IO, MEMORY. */
enum fletch_status fletch_spool_place(uint64_t *out, struct fletch_spool **made,
                                      struct fletch_arena *arena,
                                      const struct fletch_zip *zip,
                                      const struct fletch_zip_member *member,
                                      struct fletch_error *err);
/* The file, after unpacking the member that contains byte `offset` unless that was done
 * before. Any number of threads at once: each waits only for the member it needs. FORMAT,
 * IO, MEMORY, CANCELLED. */
enum fletch_status fletch_spool_file(const struct fletch_file **out,
                                     struct fletch_spool *spool,
                                     const struct fletch_file *archive, uint64_t offset,
                                     const struct fletch_cancel *cancel,
                                     struct fletch_error *err);
/* Gives the disk back: members are unpacked again when they are read. No thread may be
 * reading. Takes NULL. */
void fletch_spool_release_memory(struct fletch_spool *spool);
/* The size of all places together, in bytes. */
uint64_t fletch_spool_size(const struct fletch_spool *spool);
/* Takes NULL. */
void fletch_spool_close(struct fletch_spool *spool);

#endif
