/* SPDX-License-Identifier: MIT */
/* shim - a LD_PRELOAD library that makes the N-th system call of a kind go wrong
 *
 * From the environment, read once:
 *   SHIM_CALLS  which calls count: "write" (everything that changes a file or a folder),
 *               "read", or "all" (opening counts as what it is for)
 *   SHIM_LOG    a file that gets a line for each counted call: its name and its path
 *   SHIM_AT     the number of the call to spoil, from 1
 *   SHIM_KIND   kill     SIGKILL before the call
 *               torn     half of a write is done, then SIGKILL
 *               enospc edquot eio   the call fails so
 *               short    half of a read or write is done, and said so
 *               shrink   the file SHIM_TARGET is cut to nothing first
 *               int      SIGINT to the process first
 *               late     the same, and a rename behind it is slow to come back
 *
 *   SHIM_THREADS  how many threads may be started; the others are refused
 *
 * Standard input, output and error are never counted.
 */
/* Both names of each call are defined here, so neither may be an alias of the other. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { NOTHING, KILL, TORN, ENOSPC_, EDQUOT_, EIO_, SHORT, SHRINK, INTERRUPT, LATE };

#define LATE_NANOSECONDS 200000000L
enum sort { READS = 1, WRITES = 2 };

static struct {
    int sorts; /* of calls that count */
    long at;
    enum kind kind;
    const char *target;
    int log;      /* -1: none */
    long threads; /* still to be started; -1: as many as there are */
} plan = { .log = -1, .threads = -1 };
static long count;
static bool signalled; /* as LATE says */

__attribute__((constructor)) static void read_plan(void)
{
    static const char *const kinds[] = { "",    "kill",  "torn",   "enospc", "edquot",
                                         "eio", "short", "shrink", "int",    "late" };
    const char *calls = getenv("SHIM_CALLS"), *at = getenv("SHIM_AT");
    const char *kind = getenv("SHIM_KIND"), *log = getenv("SHIM_LOG");

    if (calls)
        plan.sorts = !strcmp(calls, "read")    ? READS
                     : !strcmp(calls, "write") ? WRITES
                                               : READS | WRITES;
    if (at)
        plan.at = strtol(at, NULL, 10);
    for (size_t i = 1; kind && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i], kind))
            plan.kind = (enum kind)i;
    plan.target = getenv("SHIM_TARGET");
    if (getenv("SHIM_THREADS"))
        plan.threads = strtol(getenv("SHIM_THREADS"), NULL, 10);
    if (log)
        plan.log = (int)syscall(SYS_openat, AT_FDCWD, log,
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static void note(const char *name, int fd, const char *path)
{
    char line[4096], link[64], found[3072] = "";
    int size;

    if (plan.log < 0)
        return;
    if (!path) {
        ssize_t len;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        len = readlink(link, found, sizeof(found) - 1);
        found[len > 0 ? len : 0] = '\0';
        path = found;
    }
    size = snprintf(line, sizeof(line), "%s %.3000s\n", name, path);
    syscall(SYS_write, plan.log, line, (size_t)size);
}

/* What is to be done to this call; signals have been sent on return. */
static enum kind step(enum sort sort, const char *name, int fd, const char *path)
{
    int saved = errno;
    enum kind kind = NOTHING;

    if ((plan.sorts & (int)sort) && (path || (fd > STDERR_FILENO && fd != plan.log))) {
        note(name, fd, path);
        if (__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == plan.at)
            kind = plan.kind;
    }
    if (kind == KILL)
        kill(getpid(), SIGKILL);
    if (kind == INTERRUPT || kind == LATE)
        kill(getpid(), SIGINT);
    signalled |= kind == LATE;
    if (kind == SHRINK && plan.target)
        syscall(SYS_truncate, plan.target, 0);
    errno = saved;
    return kind;
}

static bool fails(enum kind kind)
{
    switch (kind) {
    case ENOSPC_:
        errno = ENOSPC;
        return true;
    case EDQUOT_:
        errno = EDQUOT;
        return true;
    case EIO_:
        errno = EIO;
        return true;
    default:
        return false;
    }
}

/* How much of `size` a spoiled transfer may do. */
static size_t part(enum kind kind, size_t size)
{
    return kind == SHORT || kind == TORN ? (size + 1) / 2 : size;
}

static ssize_t torn(enum kind kind, ssize_t done)
{
    if (kind == TORN)
        kill(getpid(), SIGKILL);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    enum kind kind = step(WRITES, "write", fd, NULL);

    if (fails(kind))
        return -1;
    return torn(kind, syscall(SYS_write, fd, bytes, part(kind, size)));
}

ssize_t writev(int fd, const struct iovec *pieces, int pieces_count)
{
    enum kind kind = step(WRITES, "writev", fd, NULL);

    if (fails(kind))
        return -1;
    if (kind == SHORT || kind == TORN)
        return torn(kind, syscall(SYS_write, fd, pieces[0].iov_base,
                                  part(kind, pieces[0].iov_len)));
    return syscall(SYS_writev, fd, pieces, pieces_count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    enum kind kind = step(WRITES, "pwrite", fd, NULL);

    if (fails(kind))
        return -1;
    return torn(kind, syscall(SYS_pwrite64, fd, bytes, part(kind, size), offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite64(fd, bytes, size, offset);
}

ssize_t read(int fd, void *out, size_t size)
{
    enum kind kind = step(READS, "read", fd, NULL);

    return fails(kind) ? -1 : syscall(SYS_read, fd, out, part(kind, size));
}

ssize_t pread64(int fd, void *out, size_t size, off64_t offset)
{
    enum kind kind = step(READS, "pread", fd, NULL);

    return fails(kind) ? -1 : syscall(SYS_pread64, fd, out, part(kind, size), offset);
}

ssize_t pread(int fd, void *out, size_t size, off_t offset)
{
    return pread64(fd, out, size, offset);
}

int ftruncate64(int fd, off64_t size)
{
    return fails(step(WRITES, "ftruncate", fd, NULL))
               ? -1
               : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fails(step(WRITES, "fallocate", fd, NULL))
               ? -1
               : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return fallocate64(fd, mode, offset, size);
}

int fsync(int fd)
{
    return fails(step(WRITES, "fsync", fd, NULL)) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(step(WRITES, "fdatasync", fd, NULL)) ? -1
                                                      : (int)syscall(SYS_fdatasync, fd);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    int result;

    if (fails(step(WRITES, "rename", -1, from)))
        return -1;
    result = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    if (signalled)
        nanosleep(&(struct timespec){ .tv_nsec = LATE_NANOSECONDS }, NULL);
    return result;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    return fails(step(WRITES, "mkdir", -1, path))
               ? -1
               : (int)syscall(SYS_mkdirat, fd, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return fails(step(WRITES, "link", -1, to))
               ? -1
               : (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int chmod(const char *path, mode_t mode)
{
    return fails(step(WRITES, "chmod", -1, path))
               ? -1
               : (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

/* Cleaning up after a failure must not fail too, so removals are only killed. */
int unlinkat(int fd, const char *path, int flags)
{
    step(WRITES, "unlink", -1, path);
    return (int)syscall(SYS_unlinkat, fd, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    int status = unlinkat(AT_FDCWD, path, 0);

    return status && errno == EISDIR ? unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : status;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *user)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *found = dlsym(RTLD_NEXT, "pthread_create");

    if (plan.threads >= 0 && __atomic_sub_fetch(&plan.threads, 1, __ATOMIC_SEQ_CST) < 0) {
        plan.threads = 0;
        note("thread", -1, "refused");
        return EAGAIN;
    }
    memcpy(&real, &found, sizeof(real));
    return real(thread, attributes, start, user);
}

static int open_at(int fd, const char *path, int flags, mode_t mode)
{
    bool creates = (flags & (O_CREAT | O_TRUNC)) != 0;

    if (fails(step(creates ? WRITES : READS, creates ? "create" : "open", -1, path)))
        return -1;
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

int openat(int fd, const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list arguments;

        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return open_at(fd, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list arguments;

        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return open_at(AT_FDCWD, path, flags, mode);
}

__attribute__((alias("openat"))) int openat64(int fd, const char *path, int flags, ...);
__attribute__((alias("open"))) int open64(const char *path, int flags, ...);
