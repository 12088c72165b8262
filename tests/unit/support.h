/* SPDX-License-Identifier: MIT */
/* support.h - what several unit tests need: a scratch folder, files in it, statuses with
 * sentences */
#ifndef FLETCH_TESTS_SUPPORT_H
#define FLETCH_TESTS_SUPPORT_H

#include <fletch/fletch.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A new empty folder; removed by remove_scratch. Static: one test at a time uses it. */
static char scratch[64];

static inline int make_scratch(void **state)
{
    (void)state;
    /* In memory where there is such a place: some tests write a file for each bit. */
    snprintf(scratch, sizeof(scratch), "%s/fletch-test-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int remove_scratch(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
    return system(command);
}

/* scratch + "/" + name, in one of four buffers used in turn. */
static inline const char *at(const char *name)
{
    static char paths[4][4096];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

static inline void put_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static inline bool exists(const char *path)
{
    struct stat info;

    return !lstat(path, &info);
}

/* The text of a small file; in a static buffer. */
static inline const char *text_of(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = 0;
    return text;
}

#define assert_ok(call, err)                                                               \
    do {                                                                                   \
        if ((call) != FLETCH_OK)                                                           \
            fail_msg("%s: %s", #call, (err).message);                                      \
    } while (0)

/* The exact status, and a sentence that contains `part`. */
#define assert_fails(call, wanted, err, part)                                              \
    do {                                                                                   \
        enum fletch_status got_ = (call);                                                  \
        if (got_ != (wanted) || (err).status != (wanted) || !strstr((err).message, part))  \
            fail_msg("%s: got %s '%s', expected %s '%s'", #call, fletch_status_name(got_), \
                     (err).message, fletch_status_name(wanted), part);                     \
        assert_null(strchr((err).message, '\n'));                                          \
    } while (0)

#endif
