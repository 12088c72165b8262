/* SPDX-License-Identifier: MIT */
/* test_os.c - base/os.h keeps its word, whichever file is behind it */
#include "support.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char first_byte(const char *path)
{
    FILE *file = fopen(path, "r");
    int byte;

    assert_non_null(file);
    byte = fgetc(file);
    fclose(file);
    return (char)byte;
}

static int by_key(const void *a, const void *b, void *context)
{
    const uint32_t *keys = context;
    uint32_t x = keys[*(const uint16_t *)a], y = keys[*(const uint16_t *)b];

    return (x > y) - (x < y);
}

static void sorts_with_a_context(void **state)
{
    enum { MOST = 300 };
    uint32_t keys[MOST], random = 1;
    uint16_t items[MOST];

    (void)state;
    for (size_t count = 0; count <= MOST; count += count < 20 ? 1 : 56) {
        uint64_t sum = 0;

        for (size_t i = 0; i < count; i++) {
            random = random * 1664525 + 1013904223;
            keys[i] = random >> 27; /* many are equal */
            items[i] = (uint16_t)i;
        }
        fletch_os_sort(items, count, sizeof(*items), by_key, keys);
        for (size_t i = 0; i < count; i++) {
            if (i)
                assert_true(keys[items[i - 1]] <= keys[items[i]]);
            sum += (uint64_t)items[i] * items[i];
        }
        assert_int_equal(sum, count ? (count - 1) * count * (2 * count - 1) / 6 : 0);
    }
}

struct seen {
    unsigned count;
    bool dots;
};

static void see(const char *name, int fd, void *user)
{
    struct seen *seen = user;

    seen->count++;
    seen->dots = seen->dots || name[0] == '.';
    assert_int_equal(unlinkat(fd, name, 0), 0);
}

static void lists_what_is_removed_meanwhile(void **state)
{
    char folder[] = "/tmp/fletch-os-XXXXXX", path[64];
    struct seen seen = { 0 };

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (unsigned i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "%s/entry-%u", folder, i);
        make_file(path, "");
    }
    assert_int_equal(fletch_os_list(open(folder, O_RDONLY | O_DIRECTORY), see, &seen), 0);
    assert_int_equal(seen.count, 500);
    assert_false(seen.dots);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(fletch_os_list(open("/dev/null", O_RDONLY), see, &seen), ENOTDIR);
}

static void exchanges_or_says_that_it_cannot(void **state)
{
    char folder[] = "/tmp/fletch-os-XXXXXX", a[64], b[64];
    int failure;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(a, sizeof(a), "%s/a", folder);
    snprintf(b, sizeof(b), "%s/b", folder);
    make_file(a, "A");
    make_file(b, "B");
    failure = fletch_os_exchange(a, b);
    assert_true(!failure || failure == ENOSYS || failure == EINVAL);
    assert_int_equal(first_byte(a), failure ? 'A' : 'B');
    assert_int_equal(first_byte(b), failure ? 'B' : 'A');
    unlink(a);
    unlink(b);
    rmdir(folder);
}

static void a_file_without_a_name(void **state)
{
    char folder[] = "/tmp/fletch-os-XXXXXX", none[] = "/tmp/fletch-os-none", byte = 0;
    struct stat info;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    fd = fletch_os_unnamed_file(folder);
    assert_true(fd >= 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(pwrite(fd, "x", 1, 9), 1);
    assert_int_equal(pread(fd, &byte, 1, 9), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_nlink, 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    assert_int_equal(fletch_os_unnamed_file(none), -1);
    assert_int_equal(errno, ENOENT);
}

static void counts_processors(void **state)
{
    (void)state;
    assert_in_range(fletch_os_processors(), 1, 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_with_a_context),
        cmocka_unit_test(lists_what_is_removed_meanwhile),
        cmocka_unit_test(exchanges_or_says_that_it_cannot),
        cmocka_unit_test(a_file_without_a_name),
        cmocka_unit_test(counts_processors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
