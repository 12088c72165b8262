/* SPDX-License-Identifier: MIT */
/* file.c - see file.h */
#include "base/file.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest read or write call: cancellation is checked between calls. */
#define CALL_MAX ((size_t)8 << 20)
/* Hashed at once: it stays in the processor's cache. */
#define HASH_STEP ((size_t)256 << 10)

static enum fletch_status fail_errno(const char *path, const char *what,
                                     struct fletch_error *err)
{
    enum fletch_status status =
        errno == ENOENT || errno == ENOTDIR ? FLETCH_ERR_NOT_FOUND : FLETCH_ERR_IO;

    return fletch_fail(err, status, "%s: %s%s", path, what, fletch_errno_text(errno));
}

enum fletch_status fletch_file_open(struct fletch_file *out, const char *path,
                                    struct fletch_error *err)
{
    struct stat info;
    int fd;

    /* O_NONBLOCK: a FIFO in place of a file must not block us before fstat can refuse it */
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail_errno(path, "", err);
    if (fstat(fd, &info)) {
        fail_errno(path, "", err);
        close(fd);
        return FLETCH_ERR_IO;
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: is %s, expected a file", path,
                           S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    }
    *out = (struct fletch_file){ .fd = fd, .size = (uint64_t)info.st_size, .path = path };
    return FLETCH_OK;
}

enum fletch_status fletch_file_create(struct fletch_file *out, const char *path,
                                      struct fletch_error *err)
{
    int fd;

    do
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail_errno(path, "", err);
    *out = (struct fletch_file){ .fd = fd, .path = path };
    return FLETCH_OK;
}

enum fletch_status fletch_file_read(const struct fletch_file *file, uint64_t offset,
                                    void *out, size_t size, struct fletch_error *err)
{
    uint8_t *to = out;

    while (size) {
        ssize_t got = pread(file->fd, to, size < CALL_MAX ? size : CALL_MAX, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fletch_fail(err, FLETCH_ERR_IO, "%s: reading at byte %" PRIu64 ": %s",
                               file->path, offset, fletch_errno_text(errno));
        if (!got)
            return fletch_fail(err, FLETCH_ERR_IO,
                               "%s: ends at byte %" PRIu64 ", expected %" PRIu64
                               ": it shrank while being read",
                               file->path, offset, offset + size);
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_file_check_size(const struct fletch_file *file,
                                          struct fletch_error *err)
{
    struct stat info;

    if (fstat(file->fd, &info))
        return fail_errno(file->path, "", err);
    if ((uint64_t)info.st_size < file->size)
        return fletch_fail(err, FLETCH_ERR_IO,
                           "%s: is %" PRIu64 " bytes long, expected %" PRIu64
                           ": it shrank while being read",
                           file->path, (uint64_t)info.st_size, file->size);
    return FLETCH_OK;
}

enum fletch_status fletch_file_map(const uint8_t **out, const struct fletch_file *file,
                                   struct fletch_error *err)
{
    void *map;

    TRY(fletch_file_check_size(file, err));
    if (file->size > SIZE_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%s: %" PRIu64
                           " bytes are too many to map, expected at most %zu",
                           file->path, file->size, SIZE_MAX);
    map = mmap(NULL, (size_t)file->size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (map == MAP_FAILED)
        return fletch_fail(err, errno == ENOMEM ? FLETCH_ERR_MEMORY : FLETCH_ERR_IO,
                           "%s: mapping %" PRIu64 " bytes: %s", file->path, file->size,
                           fletch_errno_text(errno));
    *out = map;
    return FLETCH_OK;
}

enum fletch_status fletch_file_touch(const struct fletch_file *file, const uint8_t *map,
                                     uint64_t offset, size_t size, struct fletch_error *err)
{
    if (size && fletch_os_populate((void *)(uintptr_t)(map + offset), size))
        return fletch_fail(err, FLETCH_ERR_IO,
                           "%s: %zu bytes at byte %" PRIu64 " cannot be read", file->path,
                           size, offset);
    return FLETCH_OK;
}

void fletch_file_unmap(const struct fletch_file *file, const uint8_t *map)
{
    if (map)
        munmap((void *)(uintptr_t)map, (size_t)file->size);
}

enum fletch_status fletch_file_write(const struct fletch_file *file, uint64_t offset,
                                     const void *bytes, size_t size,
                                     struct fletch_error *err)
{
    const uint8_t *from = bytes;

    while (size) {
        ssize_t put =
            pwrite(file->fd, from, size < CALL_MAX ? size : CALL_MAX, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fletch_fail(err, FLETCH_ERR_IO, "%s: writing at byte %" PRIu64 ": %s",
                               file->path, offset, fletch_errno_text(put ? errno : ENOSPC));
        from += put;
        offset += (uint64_t)put;
        size -= (size_t)put;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_file_truncate(const struct fletch_file *file, uint64_t size,
                                        struct fletch_error *err)
{
    if (ftruncate(file->fd, (off_t)size))
        return fletch_fail(err, FLETCH_ERR_IO, "%s: truncating to %" PRIu64 " bytes: %s",
                           file->path, size, fletch_errno_text(errno));
    return FLETCH_OK;
}

enum fletch_status fletch_file_sync(const struct fletch_file *file,
                                    struct fletch_error *err)
{
    while (fsync(file->fd)) {
        /* EINVAL, EROFS: a file system without fsync; nothing more can be done */
        if (errno == EINVAL || errno == EROFS)
            return FLETCH_OK;
        if (errno != EINTR)
            return fletch_fail(err, FLETCH_ERR_IO, "%s: syncing: %s", file->path,
                               fletch_errno_text(errno));
    }
    return FLETCH_OK;
}

void fletch_file_start_sync(const struct fletch_file *file)
{
    fletch_os_start_sync(file->fd);
}

void fletch_file_wait_sync(const struct fletch_file *file, uint64_t offset, uint64_t size)
{
    fletch_os_wait_sync(file->fd, offset, size);
}

void fletch_file_close(struct fletch_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

bool fletch_text_begins(const void *bytes, size_t size, const char *text)
{
    const char *head = bytes;
    size_t pos = size >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
    size_t len = strlen(text);

    while (pos < size && (head[pos] == ' ' || (head[pos] >= '\t' && head[pos] <= '\r')))
        pos++;
    return size - pos >= len && !strncasecmp(head + pos, text, len);
}

const char *fletch_file_placeholder(const void *bytes, size_t size)
{
    static const char pointer[] = "version https://git-lfs";

    if (size >= sizeof(pointer) - 1 && !memcmp(bytes, pointer, sizeof(pointer) - 1))
        return "is a Git LFS pointer, not the file: run git lfs pull";
    if (fletch_text_begins(bytes, size, "<!doctype html") ||
        fletch_text_begins(bytes, size, "<html"))
        return "is an HTML page, not the file: download it again, from its own address";
    return NULL;
}

enum fletch_status fletch_file_load(struct fletch_buf *out, const char *path,
                                    uint64_t limit, const char *limit_name,
                                    struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    enum fletch_status status = fletch_file_open(&file, path, err);
    const char *placeholder;

    if (status)
        return status;
    fletch_buf_clear(out);
    if (file.size > limit)
        status = fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                             "%s: has %" PRIu64
                             " bytes, the limit for such a file is %" PRIu64 " (%s)",
                             path, file.size, limit, limit_name);
    else if (!fletch_buf_reserve(out, (size_t)file.size + 1))
        status = fletch_fail_memory(err, (size_t)file.size, path);
    else
        status = fletch_file_read(&file, 0, out->bytes, (size_t)file.size, err);
    if (!status) {
        out->size = (size_t)file.size;
        out->bytes[out->size] = 0;
        placeholder = fletch_file_placeholder(out->bytes, out->size);
        if (placeholder)
            status = fletch_fail(err, FLETCH_ERR_FORMAT, "%s: %s", path, placeholder);
    }
    fletch_file_close(&file);
    return status;
}

enum fletch_status fletch_file_save(const char *path, const void *bytes, size_t size,
                                    struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    enum fletch_status status = fletch_file_create(&file, path, err);

    if (!status)
        status = fletch_file_write(&file, 0, bytes, size, err);
    if (!status)
        status = fletch_file_sync(&file, err);
    fletch_file_close(&file);
    return status;
}

enum fletch_file_kind fletch_file_kind(const char *path)
{
    struct stat info;

    if (stat(path, &info))
        return FLETCH_FILE_NONE;
    if (S_ISREG(info.st_mode))
        return FLETCH_FILE_REGULAR;
    return S_ISDIR(info.st_mode) ? FLETCH_FILE_FOLDER : FLETCH_FILE_OTHER;
}

char *fletch_path_join(struct fletch_arena *arena, const char *folder, const char *name)
{
    size_t len = strlen(folder);

    if (!len)
        return fletch_arena_strdup(arena, name);
    return fletch_arena_format(arena, "%s%s%s", folder, folder[len - 1] == '/' ? "" : "/",
                               name);
}

const char *fletch_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool fletch_path_is_below(const char *name)
{
    const char *part = name;

    for (const char *p = name;; p++) {
        if (*p == '/' || !*p) {
            size_t len = (size_t)(p - part);

            if (!len || (len == 1 && part[0] == '.') ||
                (len == 2 && part[0] == '.' && part[1] == '.'))
                return false;
            part = p + 1;
        } else if (*p == '\\' || (unsigned char)*p < 0x20) {
            return false;
        }
        if (!*p)
            return true;
    }
}

/* ---- Hashing ---- */

enum fletch_status fletch_file_hash(uint8_t out[FLETCH_SHA256_SIZE],
                                    const struct fletch_file *file, uint64_t from,
                                    uint64_t to, const struct fletch_cancel *cancel,
                                    struct fletch_error *err)
{
    uint8_t *step = fletch_alloc(HASH_STEP);
    struct fletch_sha256 sha = { 0 };
    enum fletch_status status = FLETCH_OK;

    if (!step)
        return fletch_fail_memory(err, HASH_STEP, "hashing a file");
    fletch_sha256_open(&sha);
    for (uint64_t at = from; !status && at < to; at += HASH_STEP) {
        size_t size = to - at < HASH_STEP ? (size_t)(to - at) : HASH_STEP;

        if (cancel)
            status = fletch_cancel_check(cancel, err);
        if (!status)
            status = fletch_file_read(file, at, step, size, err);
        if (!status)
            fletch_sha256_put(&sha, step, size);
    }
    if (!status)
        fletch_sha256_finish(&sha, out);
    fletch_free(step);
    return status;
}
