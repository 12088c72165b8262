/* SPDX-License-Identifier: MIT */
/* file.h - reading at offsets; writing under a temporary name, then renaming
 *
 * Sources are never mapped: if a mapped file shrinks, the process gets SIGBUS. Only a
 * reader of fletch's own output may ask for a mapping. All functions here retry EINTR and
 * name the path in their messages.
 */
#ifndef FLETCH_BASE_FILE_H
#define FLETCH_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"

struct fletch_file {
    int fd;           /* -1 when closed */
    uint64_t size;    /* bytes, when it was opened */
    const char *path; /* borrowed: must outlive the struct */
};

#define FLETCH_FILE_CLOSED ((struct fletch_file){ .fd = -1 })

/* Opens a regular file for reading. NOT_FOUND, IO; FORMAT when it is a folder or a device.
 */
enum fletch_status fletch_file_open(struct fletch_file *out, const char *path,
                                    struct fletch_error *err);
/* Creates (or truncates) a file for writing and reading back. */
enum fletch_status fletch_file_create(struct fletch_file *out, const char *path,
                                      struct fletch_error *err);
/* Reads exactly `size` bytes at `offset`; fewer is FLETCH_ERR_IO "... ends at byte N,
 * expected M: it shrank". Any number of threads may read and write one file at once. */
enum fletch_status fletch_file_read(const struct fletch_file *file, uint64_t offset,
                                    void *out, size_t size, struct fletch_error *err);
enum fletch_status fletch_file_write(const struct fletch_file *file, uint64_t offset,
                                     const void *bytes, size_t size,
                                     struct fletch_error *err);
/* Truncates or extends the file; used to take a row back. */
enum fletch_status fletch_file_truncate(const struct fletch_file *file, uint64_t size,
                                        struct fletch_error *err);
enum fletch_status fletch_file_sync(const struct fletch_file *file,
                                    struct fletch_error *err);
/* A hint: starts writing what was written so far to disk, without waiting. */
void fletch_file_start_sync(const struct fletch_file *file);
/* Waits until this range is on its way to disk, so that the fletch_file_sync that must
 * follow is short. A slow disk can thus be waited for in steps, with the cancel callback
 * checked in between. */
void fletch_file_wait_sync(const struct fletch_file *file, uint64_t offset, uint64_t size);
/* Maps the whole file read-only; IO when it is now shorter than when it was opened. Reading
 * a page that the file has lost since raises SIGBUS. */
enum fletch_status fletch_file_map(const uint8_t **out, const struct fletch_file *file,
                                   struct fletch_error *err);
/* Brings a range into memory at once; IO when the file has lost it or it cannot be read. */
enum fletch_status fletch_file_touch(const struct fletch_file *file, const uint8_t *map,
                                     uint64_t offset, size_t size,
                                     struct fletch_error *err);
/* FLETCH_ERR_IO when the file is now shorter than when it was opened. */
enum fletch_status fletch_file_check_size(const struct fletch_file *file,
                                          struct fletch_error *err);
void fletch_file_unmap(const struct fletch_file *file, const uint8_t *map);
/* Never fails: what must be on disk was synced before. */
void fletch_file_close(struct fletch_file *file);

/* True when the text begins with `text` in any case, after white space and a byte order
 * mark. */
bool fletch_text_begins(const void *bytes, size_t size, const char *text);
/* Recognises, by the first bytes, what a failed clone or download left in place of a file,
 * and describes it. NULL for anything else. */
const char *fletch_file_placeholder(const void *bytes, size_t size);

/* Loads a whole file of at most `limit` bytes and adds a NUL after its size; the buffer is
 * cleared first. A larger file is FLETCH_ERR_UNSUPPORTED, with `limit_name` and both
 * numbers in the message; a placeholder is FLETCH_ERR_FORMAT. */
enum fletch_status fletch_file_load(struct fletch_buf *out, const char *path,
                                    uint64_t limit, const char *limit_name,
                                    struct fletch_error *err);
/* Writes a whole file and syncs it. */
enum fletch_status fletch_file_save(const char *path, const void *bytes, size_t size,
                                    struct fletch_error *err);

enum fletch_file_kind {
    FLETCH_FILE_NONE,
    FLETCH_FILE_REGULAR,
    FLETCH_FILE_FOLDER,
    FLETCH_FILE_OTHER
};

/* What is at a path, following symbolic links. Also NONE when it cannot be examined. */
enum fletch_file_kind fletch_file_kind(const char *path);

/* folder + "/" + name in the arena; only the name for an empty folder. NULL when out of
 * memory. */
char *fletch_path_join(struct fletch_arena *arena, const char *folder, const char *name);
/* The part after the last slash; borrowed. */
const char *fletch_path_base(const char *path);
/* True for a plain relative name that stays below its folder: no leading '/', no "..", no
 * empty part, no backslash, no control character. Names in an index or modules.json must be
 * so.
 */
bool fletch_path_is_below(const char *name);

/* The SHA-256 of the bytes [from, to) of the file, read in steps, between which `cancel`
 * (may be NULL) is asked. */
enum fletch_status fletch_file_hash(uint8_t out[FLETCH_SHA256_SIZE],
                                    const struct fletch_file *file, uint64_t from,
                                    uint64_t to, const struct fletch_cancel *cancel,
                                    struct fletch_error *err);

#endif
