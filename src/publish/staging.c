/* SPDX-License-Identifier: MIT */
/* staging.c - see staging.h
 *
 * The staging folder lies beside the output, so that one rename (or one exchange, over an
 * older output) publishes it. A mount point cannot be renamed, nor can anything in a folder
 * that is not writable, and a process that works in a folder expects it to stay. Then
 * staging lies inside the output folder, and files are renamed one by one, metadata.json
 * last.
 *
 * It is created, examined and removed under a lock on the parent folder; a lock on the
 * staging folder itself shows that its process is alive. File systems without locks are
 * used without.
 */
#include "publish/staging.h"

#include "output/files.h"

#include "base/os.h"
#include "publish/previous_output.h"
#include "publish/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How much of the output's name the staging folder's name has: leaves room in 255 bytes. */
#define NAME_PART_MAX 180
#define ATTEMPTS_MAX 10000

struct fletch_staging {
    struct fletch_arena arena;
    const char *final;  /* absolute */
    const char *parent; /* of final */
    const char *path;   /* of the staging folder; NULL before it is created and once
                         published */
    bool replaces;      /* something was at `final` when first examined */
    bool inside;        /* path is in final, not beside it */
    int lock;           /* on the staging folder; -1: none */
    const char
        *made_parents[64]; /* [made_count]: folders to remove if nothing is published */
    size_t made_count;
};

/* ---- The place of the output ---- */

/* mkdir -p, recording what was created. */
static enum fletch_status make_parents(struct fletch_staging *staging, const char *path,
                                       struct fletch_error *err)
{
    char *copy = fletch_arena_strdup(&staging->arena, path);

    if (!copy)
        return fletch_fail_memory(err, strlen(path), "a path");
    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        if (!mkdir(copy, 0777)) {
            char *made = fletch_arena_strdup(&staging->arena, copy);

            if (made && staging->made_count < sizeof(staging->made_parents) /
                                                  sizeof(staging->made_parents[0]))
                staging->made_parents[staging->made_count++] = made;
        } else if (errno != EEXIST) {
            return fletch_dir_fail(copy, "making the folder", err);
        }
        if (!slash)
            return FLETCH_OK;
        *slash = '/';
    }
}

static enum fletch_status check_kind(const char *path, enum fletch_file_kind kind,
                                     struct fletch_error *err)
{
    struct stat info;

    if (kind == FLETCH_FILE_FOLDER)
        return FLETCH_OK;
    if (kind != FLETCH_FILE_NONE)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT, "%.300s: is a file, expected a folder",
                           path);
    if (!lstat(path, &info) && S_ISLNK(info.st_mode))
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%.300s: is a link to a folder that is not there", path);
    return FLETCH_OK;
}

/* ARGUMENT for a name that no folder can have: reported before the work, not at its end.
 */
static enum fletch_status check_name(const char *name, struct fletch_error *err)
{
    if (strlen(name) <= NAME_MAX)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "%.300s: a name of %zu bytes, the limit is %d (NAME_MAX)", name,
                       strlen(name), NAME_MAX);
}

/* Resolves the output folder to an absolute path and its parent. */
static enum fletch_status locate(struct fletch_staging *staging, const char *out_dir,
                                 struct fletch_error *err)
{
    enum fletch_file_kind kind = fletch_file_kind(out_dir);
    char *path = fletch_arena_strdup(&staging->arena, out_dir);
    char resolved[PATH_MAX];
    char *slash;
    size_t len;

    if (!path)
        return fletch_fail_memory(err, strlen(out_dir), "a path");
    len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = 0;
    TRY(check_kind(path, kind, err));
    staging->replaces = kind == FLETCH_FILE_FOLDER;
    if (!staging->replaces) {
        const char *parent = ".";

        slash = strrchr(path, '/');
        TRY(check_name(slash ? slash + 1 : path, err));
        if (slash && slash > path) {
            *slash = 0;
            TRY(make_parents(staging, path, err));
            parent = path;
        } else if (slash) {
            parent = "/";
        }
        if (!realpath(parent, resolved))
            return fletch_dir_fail(parent, "looking for the folder", err);
        staging->final =
            fletch_path_join(&staging->arena, resolved, slash ? slash + 1 : path);
    } else {
        if (!realpath(path, resolved))
            return fletch_dir_fail(path, "looking for the folder", err);
        staging->final = fletch_arena_strdup(&staging->arena, resolved);
    }
    if (!staging->final)
        return fletch_fail_memory(err, PATH_MAX, "a path");
    staging->parent = fletch_arena_strdup(&staging->arena, staging->final);
    if (!staging->parent)
        return fletch_fail_memory(err, PATH_MAX, "a path");
    slash = strrchr(staging->parent, '/');
    slash[slash == staging->parent] = 0;
    return FLETCH_OK;
}

static bool is_ours(const char *name)
{
    return fletch_output_is_top(name) || !strncmp(name, ".fletch-", 8);
}

static const char *kind_text(mode_t mode)
{
    return S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : "file";
}

/* ARGUMENT when an entry has one of our names but another kind: it could neither be kept
 * nor replaced without loss. A link in a file's place is replaced, not followed.
 */
static enum fletch_status refuse_others_kinds(struct fletch_staging *staging,
                                              struct fletch_error *err)
{
    for (const struct fletch_output_entry *entry = fletch_output_entries; entry->path;
         entry++) {
        char *path = fletch_path_join(&staging->arena, staging->final, entry->path);
        struct stat info;

        if (!path)
            return fletch_fail_memory(err, PATH_MAX, "a path");
        if (!lstat(path, &info) && S_ISDIR(info.st_mode) != entry->is_folder)
            return fletch_fail(
                err, FLETCH_ERR_ARGUMENT, "%.300s: is a %s, expected a %s: move it away",
                path, kind_text(info.st_mode), entry->is_folder ? "folder" : "file");
    }
    return FLETCH_OK;
}

/* ARGUMENT when the old output holds anything that fletch did not write. */
static enum fletch_status refuse_foreign(struct fletch_staging *staging,
                                         struct fletch_error *err)
{
    char *tokenizer =
        fletch_path_join(&staging->arena, staging->final, FLETCH_TOKENIZER_FOLDER);
    char name[NAME_MAX + 1];

    if (!tokenizer)
        return fletch_fail_memory(err, PATH_MAX, "a path");
    TRY(fletch_dir_find_other(name, sizeof(name), staging->final, is_ours, err));
    if (name[0])
        return fletch_fail(
            err, FLETCH_ERR_ARGUMENT,
            "%.300s: holds '%.100s', which is not of an earlier conversion; choose another "
            "folder, or --force to keep it there",
            staging->final, name);
    if (fletch_file_kind(tokenizer) != FLETCH_FILE_FOLDER)
        return FLETCH_OK;
    TRY(fletch_dir_find_other(name, sizeof(name), tokenizer, fletch_output_is_tokenizer,
                              err));
    if (name[0])
        return fletch_fail(
            err, FLETCH_ERR_ARGUMENT,
            "%.300s: holds 'tokenizer/%.100s', which is not of an earlier conversion; "
            "choose another folder, or --force to keep it there",
            staging->final, name);
    return FLETCH_OK;
}

/* ---- Making the staging folder ---- */

static bool lock_folder(int fd, int operation)
{
    int result;

    do
        result = flock(fd, operation);
    while (result && errno == EINTR);
    return !result;
}

/* Removes what killed processes left: folders that match our pattern and are not locked. */
static void remove_stale(const char *folder, const char *prefix)
{
    char name[NAME_MAX + 1];
    size_t skip = 0;

    while (fletch_dir_find_prefixed(name, sizeof(name), folder, prefix, skip)) {
        char path[PATH_MAX];
        int fd;

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
            return;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || !lock_folder(fd, LOCK_EX | LOCK_NB) || fletch_dir_remove(path))
            skip++;
        if (fd >= 0)
            close(fd);
    }
}

/* The prefix of the names of staging folders for this output; the process id follows. */
static char *staging_prefix(struct fletch_staging *staging)
{
    if (staging->inside)
        return fletch_arena_strdup(&staging->arena, ".fletch-");
    return fletch_arena_format(&staging->arena, ".%.*s.fletch-", NAME_PART_MAX,
                               fletch_path_base(staging->final));
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool may_write(const char *folder)
{
    return !faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS);
}

/* True for an older output that cannot or should not be renamed: a mount point, the root,
 * the working directory, anything in a folder that is not writable. */
static bool must_stay(const struct fletch_staging *staging)
{
    struct stat above, here, final;

    if (!staging->replaces || stat(staging->final, &final))
        return false;
    return !may_write(staging->parent) || (!stat(".", &here) && is_same(&here, &final)) ||
           (!stat(staging->parent, &above) &&
            (above.st_dev != final.st_dev || is_same(&above, &final)));
}

/* For a name that no other conversion has had, of this process or of one with the same PID
 * on another machine. An older output that took the name is removed by it, which must never
 * meet a folder that was made since. */
static uint32_t unlikely_number(const struct fletch_staging *staging)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_nsec * 2654435761u ^ (uint32_t)now.tv_sec * 2246822519u ^
           (uint32_t)((uintptr_t)staging >> 4);
}

static enum fletch_status make_staging(struct fletch_staging *staging,
                                       struct fletch_error *err)
{
    const char *folder = staging->inside ? staging->final : staging->parent;
    char *prefix = staging_prefix(staging);

    if (!prefix)
        return fletch_fail_memory(err, PATH_MAX, "a path");
    remove_stale(folder, prefix);
    for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        char *path =
            fletch_arena_format(&staging->arena, "%s/%s%ld-%08" PRIx32, folder, prefix,
                                (long)getpid(), unlikely_number(staging) + attempt);

        if (!path)
            return fletch_fail_memory(err, PATH_MAX, "a path");
        if (!mkdir(path, 0777)) {
            staging->path = path;
            staging->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (staging->lock < 0) {
                fletch_dir_fail(path, "opening the folder", err);
                rmdir(path);
                staging->path = NULL;
                return FLETCH_ERR_IO;
            }
            lock_folder(staging->lock, LOCK_EX | LOCK_NB);
            return FLETCH_OK;
        }
        if (errno != EEXIST)
            return fletch_dir_fail(folder, "making a folder in it", err);
    }
    return fletch_fail(err, FLETCH_ERR_IO, "%.300s: no free name for a folder in it",
                       folder);
}

/* Checks that what is there may be replaced. */
static enum fletch_status check_older(struct fletch_staging *staging, bool force,
                                      struct fletch_error *err)
{
    if (!may_write(staging->final))
        return fletch_dir_fail(staging->final, "writing there", err);
    TRY(refuse_others_kinds(staging, err));
    if (force)
        return FLETCH_OK;
    TRY(refuse_foreign(staging, err));
    return fletch_previous_output_check(staging->final, &staging->arena, err);
}

enum fletch_status fletch_staging_open(struct fletch_staging **out, const char *out_dir,
                                       bool force, struct fletch_error *err)
{
    struct fletch_staging *staging = fletch_alloc(sizeof(*staging));
    enum fletch_status status = FLETCH_OK;
    int parent = -1;

    if (!staging)
        return fletch_fail_memory(err, sizeof(*staging), "the output");
    staging->lock = -1;
    if (!out_dir[0])
        status = fletch_fail(err, FLETCH_ERR_ARGUMENT, "the output folder's name is empty");
    if (!status)
        status = locate(staging, out_dir, err);
    if (!status && staging->replaces)
        status = check_older(staging, force, err);
    if (!status) {
        staging->inside = must_stay(staging);
        parent = open(staging->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent >= 0)
            lock_folder(parent, LOCK_EX);
        status = make_staging(staging, err);
        if (parent >= 0)
            close(parent);
    }
    if (status) {
        fletch_staging_close(staging);
        return status;
    }
    *out = staging;
    return FLETCH_OK;
}

const char *fletch_staging_path(const struct fletch_staging *staging)
{
    return staging->path;
}

/* ---- Publishing ---- */

/* Removes what the older output has and the new one lacks. */
static void remove_older(const char *path)
{
    char inner[PATH_MAX];

    if (fletch_file_kind(path) != FLETCH_FILE_FOLDER) {
        unlink(path);
    } else if ((size_t)snprintf(inner, sizeof(inner), "%s/tokenizer.json", path) <
               sizeof(inner)) {
        unlink(inner);
        rmdir(path); /* fails if it holds other files, which stay */
    }
}

static enum fletch_status rename_one_by_one(struct fletch_staging *staging,
                                            struct fletch_error *err)
{
    for (const struct fletch_output_entry *entry = fletch_output_entries; entry->path;
         entry++) {
        char *from = fletch_path_join(&staging->arena, staging->path, entry->path);
        char *to = fletch_path_join(&staging->arena, staging->final, entry->path);

        if (!entry->is_top)
            continue;
        if (!from || !to)
            return fletch_fail_memory(err, PATH_MAX, "a path");
        if (fletch_file_kind(from) == FLETCH_FILE_FOLDER) {
            /* a folder cannot be renamed over one that contains files */
            const char *inner_from =
                fletch_path_join(&staging->arena, from, FLETCH_TOKENIZER_FILE);
            const char *inner_to =
                fletch_path_join(&staging->arena, to, FLETCH_TOKENIZER_FILE);

            if (!inner_from || !inner_to)
                return fletch_fail_memory(err, PATH_MAX, "a path");
            if ((mkdir(to, 0777) && errno != EEXIST) || rename(inner_from, inner_to))
                return fletch_dir_fail(to, "renaming into place", err);
        } else if (fletch_file_kind(from) == FLETCH_FILE_NONE) {
            remove_older(to);
        } else if (rename(from, to)) {
            return fletch_dir_fail(to, "renaming into place", err);
        }
    }
    return FLETCH_OK;
}

/* Gives the old output the staging folder's name and removes it. */
static enum fletch_status exchange(struct fletch_staging *staging, struct fletch_error *err)
{
    enum fletch_status status =
        fletch_dir_link_others(staging->path, staging->final, is_ours, err);

    if (status)
        return status;
    TRY(fletch_dir_sync(staging->path, err));
    fletch_dir_take_rights(staging->path, staging->final);
    errno = fletch_os_exchange(staging->path, staging->final);
    if (!errno)
        return FLETCH_OK;
    if (errno != EINVAL && errno != ENOSYS && errno != EBUSY)
        return fletch_dir_fail(staging->final, "renaming into place", err);
    return rename_one_by_one(staging, err);
}

/* Checks again what is there: another conversion may have been faster, and then its output
 * is the older one. */
static enum fletch_status put_in_place(struct fletch_staging *staging,
                                       struct fletch_error *err)
{
    bool there = fletch_file_kind(staging->final) != FLETCH_FILE_NONE;

    if (staging->inside || !there)
        TRY(fletch_dir_sync(staging->path, err));
    if (staging->inside) {
        TRY(rename_one_by_one(staging, err));
        fletch_dir_sync(staging->final, NULL);
        return FLETCH_OK;
    }
    if (!there) {
        if (!rename(staging->path, staging->final))
            return FLETCH_OK;
        if (errno != EEXIST && errno != ENOTEMPTY)
            return fletch_dir_fail(staging->final, "renaming into place", err);
    }
    return exchange(staging, err);
}

/* Syncs the output's name, and those of the folders created for it. The output is in place:
 * a folder that cannot be synced changes nothing. */
static void sync_names(struct fletch_staging *staging)
{
    fletch_dir_sync_folder(staging->parent, NULL);
    for (size_t i = 0; i < staging->made_count; i++) {
        char *above =
            fletch_arena_format(&staging->arena, "%s/..", staging->made_parents[i]);

        if (above)
            fletch_dir_sync_folder(above, NULL);
    }
    staging->made_count = 0;
}

enum fletch_status fletch_staging_publish(struct fletch_staging *staging,
                                          struct fletch_error *err)
{
    TRY(put_in_place(staging, err));
    sync_names(staging);
    /* published: the old output is now at the staging path */
    fletch_dir_remove(staging->path);
    staging->path = NULL;
    return FLETCH_OK;
}

void fletch_staging_close(struct fletch_staging *staging)
{
    if (!staging)
        return;
    if (staging->path)
        fletch_dir_remove(staging->path);
    if (staging->lock >= 0)
        close(staging->lock);
    while (staging->made_count)
        rmdir(staging->made_parents[--staging->made_count]);
    fletch_arena_release(&staging->arena);
    fletch_free(staging);
}

/* Renames a staging folder before removing it: a rename into place can then no longer find
 * it, so nothing removed here is ever published. */
static void forget(const struct fletch_staging *staging, const char *prefix)
{
    const char *folder = staging->inside ? staging->final : staging->parent;
    char name[NAME_MAX + 1], from[PATH_MAX], to[PATH_MAX];
    size_t skip = 0;

    while (fletch_dir_find_prefixed(name, sizeof(name), folder, prefix, skip)) {
        if ((size_t)snprintf(from, sizeof(from), "%s/%s", folder, name) >= sizeof(from) ||
            (size_t)snprintf(to, sizeof(to), "%s-x", from) >= sizeof(to) ||
            rename(from, to) || fletch_dir_remove(to))
            skip++;
    }
}

void fletch_abandon(const char *out_dir)
{
    struct fletch_staging staging = { .lock = -1 };
    char *prefix = NULL;

    if (out_dir[0] && !locate(&staging, out_dir, NULL)) {
        staging.inside = must_stay(&staging);
        prefix = staging_prefix(&staging);
    }
    if (prefix)
        prefix = fletch_arena_format(&staging.arena, "%s%ld-", prefix, (long)getpid());
    if (prefix)
        forget(&staging, prefix);
    while (staging.made_count)
        rmdir(staging.made_parents[--staging.made_count]);
    fletch_arena_release(&staging.arena);
}
