/* SPDX-License-Identifier: MIT */
/* os.h - what systems do each in their own way, or not at all
 *
 * os_linux.c uses what Linux and glibc have. os_posix.c is made of POSIX alone and runs
 * everywhere, more slowly, or less safely where a comment says so. The build picks one
 * (option `os`); nothing else in src/ and cli/ is compiled with more than POSIX in sight.
 */
#ifndef FLETCH_BASE_OS_H
#define FLETCH_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Processors this process may use, at least 1: affinity and quotas count where the system
 * tells them. */
unsigned fletch_os_processors(void);

/* A file without a name in `folder`, for reading and writing, closed on exec; its space is
 * free again when it is closed. The descriptor, or -1 and errno. */
int fletch_os_unnamed_file(const char *folder);

/* The two paths, both there, exchange what they name in one step. 0, or an errno: ENOSYS or
 * EINVAL where the system or the file system has no such step. */
int fletch_os_exchange(const char *a, const char *b);

/* "." and "..", which every folder has. */
static inline bool fletch_os_is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Calls `each` with the name of every entry of the open folder, "." and ".." left out, in
 * any order; an entry may be removed meanwhile. Takes the descriptor. 0, or an errno, whose
 * cause may be that memory ran out (os_posix.c). */
int fletch_os_list(int fd, void (*each)(const char *name, int fd, void *user), void *user);

/* Hints; they never fail. The disk starts on what was written so far, and: wait until that
 * part is on its way to the disk. */
void fletch_os_start_sync(int fd);
void fletch_os_wait_sync(int fd, uint64_t offset, uint64_t size);

/* Brings mapped memory into core at once. 0, also where the system cannot; EFAULT or EIO
 * when the file has lost those bytes. */
int fletch_os_populate(void *from, size_t size);

/* A hint: all of this page-aligned memory will be written soon. */
void fletch_os_expect_use(void *begin, size_t size);

/* Has this processor, 64-bit ARM, its instructions for SHA-256? False where nobody says. */
bool fletch_os_has_sha2(void);

/* As qsort, with a context for the comparison. */
typedef int fletch_compare_fn(const void *a, const void *b, void *context);
void fletch_os_sort(void *items, size_t count, size_t size, fletch_compare_fn *compare,
                    void *context);

#endif
