/* SPDX-License-Identifier: MIT */
/* zip.h - the members of a zip archive: where they lie, and their bytes
 *
 * Only the directory at the end is trusted, and only where nothing contradicts it. Members
 * that overlap, lie outside the file, share a name, or whose local header disagrees with
 * the directory are errors. ZIP64, data descriptors, padding and any order of members are
 * read; encryption and multi-file archives are not.
 */
#ifndef FLETCH_ARCHIVE_ZIP_H
#define FLETCH_ARCHIVE_ZIP_H

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

/* A thousand times the largest torch checkpoint known. */
#define FLETCH_ZIP_MEMBERS_MAX 1000000
#define FLETCH_ZIP_DIRECTORY_MAX ((uint64_t)128 << 20)
/* A member's local header, without its name. */
#define FLETCH_ZIP_LOCAL_SIZE 30

enum { FLETCH_ZIP_STORED = 0, FLETCH_ZIP_DEFLATED = 8 };

struct fletch_zip_member {
    const char *name;
    uint64_t begin;  /* offset of its local header in the file */
    uint64_t end;    /* where the next member or the directory begins */
    uint64_t packed; /* bytes in the file */
    uint64_t size;   /* bytes when unpacked */
    uint32_t crc;    /* also 0 when the writer did not compute it */
    unsigned method;
    unsigned flags;
};

/* Zeroed is empty. */
struct fletch_zip {
    const struct fletch_file *file; /* borrowed */
    struct fletch_arena arena;
    struct fletch_zip_member *members; /* [count], by name */
    size_t count;
};

/* Reads the directory. The caller puts the path in front of every message, and must close
 * the archive after a failure too. FORMAT, UNSUPPORTED, IO, MEMORY. */
enum fletch_status fletch_zip_open(struct fletch_zip *out, const struct fletch_file *file,
                                   struct fletch_error *err);
void fletch_zip_close(struct fletch_zip *zip);
/* By name; borrowed, or NULL. */
const struct fletch_zip_member *fletch_zip_find(const struct fletch_zip *zip,
                                                const char *name);
/* Where the member's bytes begin in the file, after checking its local header. */
enum fletch_status fletch_zip_locate(uint64_t *out, const struct fletch_zip *zip,
                                     const struct fletch_zip_member *member,
                                     struct fletch_error *err);
/* Loads and unpacks a whole member of at most `limit` bytes (called `limit_name`); its CRC
 * must be 0 or right. The buffer is cleared first. */
enum fletch_status fletch_zip_load(struct fletch_buf *out, const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member, uint64_t limit,
                                   const char *limit_name, struct fletch_error *err);
/* Unpacks the first `size` bytes of a member that has at least as many; does not check the
 * rest. */
enum fletch_status fletch_zip_peek(uint8_t *out, size_t size, const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member,
                                   struct fletch_error *err);
/* Unpacks a whole member to byte `offset` of a file, step by step; checked as in
 * fletch_zip_load, once all is written. Checks `cancel` before each step: CANCELLED. */
enum fletch_status fletch_zip_copy(const struct fletch_file *out, uint64_t offset,
                                   const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member,
                                   const struct fletch_cancel *cancel,
                                   struct fletch_error *err);

#endif
