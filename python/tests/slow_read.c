/* SPDX-License-Identifier: MIT */
/* slow_read.c - preloaded: with SLOW set, reading weights.parquet back takes long
 *
 * It cannot be cut short, as decoding a large page of gzip cannot, but on every machine.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 2

ssize_t pread(int fd, void *out, size_t size, off_t offset);
ssize_t pread64(int fd, void *out, size_t size, off_t offset);

static int is_slow(int fd)
{
    char link[64], path[4096];
    const char *slow = getenv("SLOW");
    ssize_t len;

    if (!slow || !*slow)
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0)
        return 0;
    path[len] = 0;
    return strstr(path, "/weights.parquet") != NULL;
}

ssize_t pread64(int fd, void *out, size_t size, off_t offset)
{
    ssize_t (*real)(int, void *, size_t, off_t) = NULL;
    const struct timespec moment = { .tv_sec = SECONDS };

    *(void **)&real = dlsym(RTLD_NEXT, "pread64");
    if (is_slow(fd))
        nanosleep(&moment, NULL);
    return real(fd, out, size, offset);
}

ssize_t pread(int fd, void *out, size_t size, off_t offset)
{
    return pread64(fd, out, size, offset);
}
