/* SPDX-License-Identifier: MIT */
/* dir.c - see dir.h */
#include "publish/dir.h"

#include "output/files.h"

#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper than any model folder; bounds the recursion. */
#define DEPTH_MAX 32

static bool is_folder_at(int fd, const char *name)
{
    struct stat info;

    return !fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) && S_ISDIR(info.st_mode);
}

static int open_folder_at(int fd, const char *name)
{
    return openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

enum fletch_status fletch_dir_fail(const char *path, const char *what,
                                   struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_IO, "%.300s: %s: %s", path, what,
                       fletch_errno_text(errno));
}

enum fletch_status fletch_dir_find_other(char *name, size_t size, const char *folder,
                                         fletch_dir_own_fn own, struct fletch_error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (!dir)
        return fletch_dir_fail(folder, "listing", err);
    name[0] = 0;
    while ((entry = readdir(dir)))
        if (!fletch_os_is_dots(entry->d_name) && !own(entry->d_name) &&
            (!name[0] || strcmp(entry->d_name, name) < 0))
            snprintf(name, size, "%s", entry->d_name);
    closedir(dir);
    return FLETCH_OK;
}

bool fletch_dir_find_prefixed(char *name, size_t size, const char *folder,
                              const char *prefix, size_t skip)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool found = false;

    while (dir && !found && (entry = readdir(dir)))
        if (!strncmp(entry->d_name, prefix, strlen(prefix)) && !skip--) {
            snprintf(name, size, "%s", entry->d_name);
            found = true;
        }
    if (dir)
        closedir(dir);
    return found;
}

static int link_entries(int to, int from, fletch_dir_own_fn own, unsigned depth);

/* Links the folder of that name below `from`, creating it below `to` if missing. */
static int link_folder(int to, int from, const char *name, fletch_dir_own_fn own,
                       unsigned depth)
{
    int inner_from, inner_to, failure;

    if (depth == DEPTH_MAX)
        return ELOOP;
    if (mkdirat(to, name, 0777) && errno != EEXIST)
        return errno;
    inner_to = open_folder_at(to, name);
    if (inner_to < 0)
        return errno;
    inner_from = open_folder_at(from, name);
    failure = inner_from < 0 ? errno : link_entries(inner_to, inner_from, own, depth + 1);
    close(inner_to);
    return failure;
}

/* Links files, creates folders; an entry that is already in `to` is ours and stays. Closes
 * `from`. */
static int link_entries(int to, int from, fletch_dir_own_fn own, unsigned depth)
{
    DIR *dir = fdopendir(from);
    const struct dirent *entry;
    int failure = 0;

    if (!dir) {
        failure = errno;
        close(from);
        return failure;
    }
    while (!failure && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        bool mixed = own && !strcmp(name, FLETCH_TOKENIZER_FOLDER);

        if (fletch_os_is_dots(name) || (own && own(name) && !mixed))
            continue;
        if (is_folder_at(dirfd(dir), name)) {
            failure = link_folder(to, dirfd(dir), name,
                                  mixed ? fletch_output_is_tokenizer : NULL, depth);
            /* fails if it is not empty */
            if (!failure && mixed)
                unlinkat(to, name, AT_REMOVEDIR);
        } else if (linkat(dirfd(dir), name, to, name, 0) && errno != EEXIST) {
            failure = errno;
        }
    }
    closedir(dir);
    return failure;
}

enum fletch_status fletch_dir_link_others(const char *to, const char *from,
                                          fletch_dir_own_fn own, struct fletch_error *err)
{
    int to_fd = open_folder_at(AT_FDCWD, to), from_fd = open_folder_at(AT_FDCWD, from);
    int failure = EIO;

    if (to_fd < 0 || from_fd < 0) {
        failure = errno;
        if (from_fd >= 0)
            close(from_fd);
    } else {
        failure = link_entries(to_fd, from_fd, own, 0);
    }
    if (to_fd >= 0)
        close(to_fd);
    if (failure)
        return fletch_fail(err, FLETCH_ERR_IO, "%.300s: keeping its other files: %s", from,
                           fletch_errno_text(failure));
    return FLETCH_OK;
}

enum fletch_status fletch_dir_sync_folder(const char *folder, struct fletch_error *err)
{
    int fd = open_folder_at(AT_FDCWD, folder);
    int failure = fd < 0 ? errno : 0;

    if (fd >= 0) {
        /* EINVAL: a file system whose folders cannot be synced */
        if (fsync(fd) && errno != EINVAL && errno != EROFS)
            failure = errno;
        close(fd);
    }
    if (failure)
        return fletch_fail(err, FLETCH_ERR_IO, "%.300s: syncing: %s", folder,
                           fletch_errno_text(failure));
    return FLETCH_OK;
}

enum fletch_status fletch_dir_sync(const char *folder, struct fletch_error *err)
{
    char inner[4096];

    if ((size_t)snprintf(inner, sizeof(inner), "%s/tokenizer", folder) >= sizeof(inner))
        return fletch_fail(err, FLETCH_ERR_IO, "%.300s: the path is too long", folder);
    if (is_folder_at(AT_FDCWD, inner))
        TRY(fletch_dir_sync_folder(inner, err));
    return fletch_dir_sync_folder(folder, err);
}

void fletch_dir_take_rights(const char *to, const char *from)
{
    struct stat theirs, ours;
    mode_t mode;

    if (stat(from, &theirs) || stat(to, &ours))
        return;
    mode = theirs.st_mode & 07777;
    if ((theirs.st_uid != ours.st_uid && !chown(to, theirs.st_uid, theirs.st_gid)) ||
        theirs.st_gid == ours.st_gid || !chown(to, (uid_t)-1, theirs.st_gid))
        chmod(to, mode);
    else
        chmod(to, (mode & 0707) | ((mode & 0007) << 3));
}

struct removal {
    unsigned depth;
    int failure; /* the first one */
};

static int remove_entries(int fd, unsigned depth);

static void remove_entry(const char *name, int fd, void *user)
{
    struct removal *removal = user;
    bool folder = is_folder_at(fd, name);
    int inner = folder && removal->depth < DEPTH_MAX ? open_folder_at(fd, name) : -1;

    if (inner >= 0)
        remove_entries(inner, removal->depth + 1);
    if (unlinkat(fd, name, folder ? AT_REMOVEDIR : 0) && !removal->failure)
        removal->failure = errno;
}

/* Takes the descriptor. */
static int remove_entries(int fd, unsigned depth)
{
    struct removal removal = { .depth = depth };
    int failure = fletch_os_list(fd, remove_entry, &removal);

    return removal.failure ? removal.failure : failure;
}

int fletch_dir_remove(const char *folder)
{
    int fd = open_folder_at(AT_FDCWD, folder);
    int failure;

    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    failure = remove_entries(fd, 0);
    if (rmdir(folder) && !failure && errno != ENOENT)
        failure = errno;
    return failure;
}
