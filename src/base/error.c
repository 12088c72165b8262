/* SPDX-License-Identifier: MIT */
/* error.c - see error.h */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message stays one printable line: names come from files, which may contain anything.
 * Terminals also act on U+0080 to U+009F, which are c2 80 to c2 9f.
 */
static void keep_one_line(char *text)
{
    for (; *text; text++) {
        const unsigned char *p = (const unsigned char *)text;

        if (p[0] < 0x20 || p[0] == 0x7f)
            text[0] = '?';
        else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            text[0] = text[1] = '?';
    }
}

enum fletch_status fletch_fail(struct fletch_error *err, enum fletch_status status,
                               const char *format, ...)
{
    va_list args;

    if (!err)
        return status;
    err->status = status;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    keep_one_line(err->message);
    return status;
}

enum fletch_status fletch_fail_memory(struct fletch_error *err, size_t size,
                                      const char *what)
{
    return fletch_fail(err, FLETCH_ERR_MEMORY, "out of memory (%zu bytes for %s)", size,
                       what);
}

const char *fletch_errno_text(int number)
{
    static const struct {
        int number;
        const char *text;
    } limits[] = {
        { EFBIG, "File too large: more than the process (ulimit -f) or the file system "
                 "allows for one file" },
        { EMFILE, "Too many open files: the process may open no more (ulimit -n)" },
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].number == number)
            return limits[i].text;
    return strerror(number);
}

void fletch_error_prefix(struct fletch_error *err, const char *format, ...)
{
    char old[sizeof(err->message)];
    size_t len;
    va_list args;

    if (!err)
        return;
    memcpy(old, err->message, sizeof(old));
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    keep_one_line(err->message);
    len = strlen(err->message);
    snprintf(err->message + len, sizeof(err->message) - len, ": %.*s",
             (int)(sizeof(old) - 1), old);
}

enum fletch_status fletch_cancel_check(const struct fletch_cancel *cancel,
                                       struct fletch_error *err)
{
    if (cancel->ask && cancel->ask(cancel->user))
        return fletch_fail(err, FLETCH_ERR_CANCELLED, "interrupted");
    return FLETCH_OK;
}

const char *fletch_status_name(enum fletch_status status)
{
    static const char *const names[] = {
        [FLETCH_OK] = "ok",
        [FLETCH_ERR_ARGUMENT] = "argument",
        [FLETCH_ERR_NOT_FOUND] = "not-found",
        [FLETCH_ERR_IO] = "io",
        [FLETCH_ERR_FORMAT] = "format",
        [FLETCH_ERR_UNSUPPORTED] = "unsupported",
        [FLETCH_ERR_FAMILY] = "family",
        [FLETCH_ERR_VERIFY] = "verify",
        [FLETCH_ERR_MEMORY] = "memory",
        [FLETCH_ERR_CANCELLED] = "cancelled",
    };

    if ((size_t)status >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[status];
}
