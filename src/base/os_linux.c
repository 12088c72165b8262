/* SPDX-License-Identifier: MIT */
/* os_linux.c - os.h with what Linux has, under glibc and musl */
#define _GNU_SOURCE
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's constants, where the C library is older or does not define them. */
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Names per step: on the stack, since removing must not fail for lack of memory. */
#define NAMES_SIZE 4096

/* cgroup v2 "max 100000" or "150000 100000"; v1 has the two numbers in two files. */
static double cgroup_quota(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    double quota = 0, period = 0;

    if (file) {
        if (fscanf(file, "%lf %lf", &quota, &period) != 2)
            quota = 0;
        fclose(file);
        return quota > 0 && period > 0 ? quota / period : 0;
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
    if (file) {
        if (fscanf(file, "%lf", &quota) != 1)
            quota = 0;
        fclose(file);
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
    if (file) {
        if (fscanf(file, "%lf", &period) != 1)
            period = 0;
        fclose(file);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

unsigned fletch_os_processors(void)
{
    double quota = cgroup_quota();
    cpu_set_t set;
    long count;

    if (!sched_getaffinity(0, sizeof(set), &set))
        count = CPU_COUNT(&set);
    else
        count = sysconf(_SC_NPROCESSORS_ONLN);
    if (quota > 0 && quota < (double)count)
        count = (long)(quota + 0.5);
    return count < 1 ? 1 : (unsigned)count;
}

int fletch_os_unnamed_file(const char *folder)
{
    char name[PATH_MAX];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    /* a file system without O_TMPFILE: then the file has a name for a moment */
    if (fd >= 0 ||
        (size_t)snprintf(name, sizeof(name), "%s/fletch-XXXXXX", folder) >= sizeof(name))
        return fd;
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

int fletch_os_exchange(const char *a, const char *b)
{
#ifdef __GLIBC__ /* by its name where there is one: the tests' shim waits for it there */
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) ? errno : 0;
#else
    return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) ? errno : 0;
#endif
}

int fletch_os_list(int fd, void (*each)(const char *name, int fd, void *user), void *user)
{
    alignas(struct dirent64) char names[NAMES_SIZE];
    int failure = 0;
    ssize_t size;

    /* glibc takes void *, musl struct dirent * */
    while ((size = getdents64(fd, (void *)names, sizeof(names))) > 0)
        for (const char *at = names; at < names + size;) {
            const struct dirent64 *entry = (const struct dirent64 *)at;

            if (!fletch_os_is_dots(entry->d_name))
                each(entry->d_name, fd, user);
            at += entry->d_reclen;
        }
    if (size < 0)
        failure = errno;
    close(fd);
    return failure;
}

void fletch_os_start_sync(int fd)
{
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void fletch_os_wait_sync(int fd, uint64_t offset, uint64_t size)
{
    sync_file_range(fd, (off_t)offset, (off_t)size,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                        SYNC_FILE_RANGE_WAIT_AFTER);
}

int fletch_os_populate(void *from, size_t size)
{
    uintptr_t over = (uintptr_t)from % (uintptr_t)sysconf(_SC_PAGESIZE);

    /* kernels before 5.14 do not know it: then pages are loaded when they are read */
    if (madvise((char *)from - over, size + over, MADV_POPULATE_READ) &&
        (errno == EFAULT || errno == EIO))
        return errno;
    return 0;
}

void fletch_os_expect_use(void *begin, size_t size)
{
    madvise(begin, size, MADV_HUGEPAGE);
}

bool fletch_os_has_sha2(void)
{
#ifdef HWCAP_SHA2
    return getauxval(AT_HWCAP) & HWCAP_SHA2;
#else
    return false;
#endif
}

void fletch_os_sort(void *items, size_t count, size_t size, fletch_compare_fn *compare,
                    void *context)
{
    qsort_r(items, count, size, compare, context);
}
