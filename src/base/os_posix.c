/* SPDX-License-Identifier: MIT */
/* os_posix.c - os.h with what POSIX.1-2008 has, and nothing else */
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Not in POSIX, but all systems that we know have it. */
unsigned fletch_os_processors(void)
{
#ifdef _SC_NPROCESSORS_ONLN
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : (unsigned)count;
#else
    return 1;
#endif
}

/* The file has a name for a moment: a kill at that point leaves an empty file. */
int fletch_os_unnamed_file(const char *folder)
{
    char name[PATH_MAX];
    int fd;

    if ((size_t)snprintf(name, sizeof(name), "%s/fletch-XXXXXX", folder) >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkstemp(name);
    if (fd < 0)
        return -1;
    unlink(name);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* The caller then renames file by file: each file is whole at any time, the folder is
 * not. */
int fletch_os_exchange(const char *a, const char *b)
{
    (void)a, (void)b;
    return ENOSYS;
}

int fletch_os_list(int fd, void (*each)(const char *name, int fd, void *user), void *user)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    int failure;

    if (!dir) {
        failure = errno;
        close(fd);
        return failure;
    }
    for (errno = 0; (entry = readdir(dir)); errno = 0)
        if (!fletch_os_is_dots(entry->d_name))
            each(entry->d_name, dirfd(dir), user);
    failure = errno;
    closedir(dir);
    return failure;
}

/* fsync would wait, and would start nothing that the last fsync does not. */
void fletch_os_start_sync(int fd)
{
    (void)fd;
}

void fletch_os_wait_sync(int fd, uint64_t offset, uint64_t size)
{
    (void)fd, (void)offset, (void)size;
}

/* Pages are loaded when they are read. */
int fletch_os_populate(void *from, size_t size)
{
    (void)from, (void)size;
    return 0;
}

void fletch_os_expect_use(void *begin, size_t size)
{
    (void)begin, (void)size;
}

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char kept = a[i];

        a[i] = b[i];
        b[i] = kept;
    }
}

bool fletch_os_has_sha2(void)
{
#ifdef __ARM_FEATURE_SHA2
    return true; /* the whole build relies on them */
#else
    return false;
#endif
}

/* Heapsort: needs no memory, and no order of the items makes it slow. */
void fletch_os_sort(void *items, size_t count, size_t size, fletch_compare_fn *compare,
                    void *context)
{
    char *base = items;

    for (size_t root = count / 2, end = count; end > 1;) {
        size_t parent, child;

        if (root) {
            root--;
        } else {
            end--;
            swap(base, base + end * size, size);
        }
        for (parent = root; (child = 2 * parent + 1) < end; parent = child) {
            if (child + 1 < end &&
                compare(base + child * size, base + (child + 1) * size, context) < 0)
                child++;
            if (compare(base + parent * size, base + child * size, context) >= 0)
                break;
            swap(base + parent * size, base + child * size, size);
        }
    }
}
