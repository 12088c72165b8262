/* SPDX-License-Identifier: MIT */
/* os.h - what each system does in its own way, or not at all
 *
 * os_linux.c uses what Linux and glibc offer. os_posix.c uses POSIX alone and runs
 * everywhere, but more slowly, or less safely where a comment says so. The build picks one
 * (option `os`). Everything else in src/ and cli/ is compiled against POSIX only.
 */
#ifndef FLETCH_BASE_OS_H
#define FLETCH_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of processors this process may use, at least 1. Affinity and quotas count on
 * systems that report them. */
unsigned fletch_os_processors(void);

/* Opens an unlinked temporary file in `folder`, for reading and writing, closed on exec;
 * closing it frees its space. The descriptor, or -1 and errno. */
int fletch_os_unnamed_file(const char *folder);

/* Exchanges two existing paths in one step. 0, or an errno: ENOSYS or EINVAL where the
 * system or the file system cannot. */
int fletch_os_exchange(const char *a, const char *b);

/* "." and "..", which every folder contains. */
static inline bool fletch_os_is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Calls `each` with the name of every entry of the open folder except "." and "..", in any
 * order; entries may be removed meanwhile. Takes the descriptor. 0, or an errno, which may
 * mean out of memory (os_posix.c). */
int fletch_os_list(int fd, void (*each)(const char *name, int fd, void *user), void *user);

/* Hints that never fail. The first starts writing to disk what was written so far; the
 * second waits until that range is on its way. */
void fletch_os_start_sync(int fd);
void fletch_os_wait_sync(int fd, uint64_t offset, uint64_t size);

/* Brings mapped memory into core at once. 0, also where the system cannot; EFAULT or EIO
 * when the file has lost those bytes. */
int fletch_os_populate(void *from, size_t size);

/* A hint: all of this page-aligned memory will be written soon. */
void fletch_os_expect_use(void *begin, size_t size);

/* True when this 64-bit ARM processor has SHA-256 instructions; false where that cannot be
 * found out. */
bool fletch_os_has_sha2(void);

/* As qsort, with a context for the comparison. */
typedef int fletch_compare_fn(const void *a, const void *b, void *context);
void fletch_os_sort(void *items, size_t count, size_t size, fletch_compare_fn *compare,
                    void *context);

#endif
