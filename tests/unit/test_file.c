/* SPDX-License-Identifier: MIT */
/* test_file.c - reading at offsets, files that shrink, names that leave their folder */
#include "support.h"

#include "base/file.h"

#include <fcntl.h>

static void reads_what_was_written(void **state)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_error err;
    char text[8] = "";

    (void)state;
    assert_ok(fletch_file_create(&file, at("f"), &err), err);
    assert_ok(fletch_file_write(&file, 3, "defgh", 5, &err), err);
    assert_ok(fletch_file_write(&file, 0, "abc", 3, &err), err);
    assert_ok(fletch_file_read(&file, 2, text, 4, &err), err);
    assert_string_equal(text, "cdef");
    assert_ok(fletch_file_truncate(&file, 4, &err), err);
    assert_ok(fletch_file_sync(&file, &err), err);
    fletch_file_close(&file);
    fletch_file_close(&file);
    assert_string_equal(text_of(at("f")), "abcd");
}

static void a_file_that_shrank_is_an_error(void **state)
{
    const char *path = at("f");
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_error err;
    char text[8];

    (void)state;
    put_text(path, "0123456789");
    assert_ok(fletch_file_open(&file, path, &err), err);
    assert_int_equal(file.size, 10);
    assert_int_equal(truncate(path, 4), 0);
    assert_fails(fletch_file_read(&file, 2, text, 8, &err), FLETCH_ERR_IO, err,
                 "/f: ends at byte 4, expected 10: it shrank while being read");
    fletch_file_close(&file);
}

static bool always(void *user)
{
    (void)user;
    return true;
}

/* Over more than a step, of a part, and of nothing; asked before each step. */
static void ranges_are_hashed(void **state)
{
    static char text[600 * 1024 + 1];
    struct fletch_file file = FLETCH_FILE_CLOSED;
    const struct fletch_cancel cancel = { always, NULL };
    const size_t size = sizeof(text) - 1;
    const size_t ranges[][2] = { { 0, size }, { 7, size - 1 }, { 3, 3 }, { size, size } };
    uint8_t found[FLETCH_SHA256_SIZE], expected[FLETCH_SHA256_SIZE];
    struct fletch_error err;

    (void)state;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23);
    put_text(at("f"), text);
    assert_ok(fletch_file_open(&file, at("f"), &err), err);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct fletch_sha256 sha = { 0 };

        fletch_sha256_open(&sha);
        fletch_sha256_put(&sha, text + ranges[i][0], ranges[i][1] - ranges[i][0]);
        fletch_sha256_finish(&sha, expected);
        assert_ok(fletch_file_hash(found, &file, ranges[i][0], ranges[i][1], NULL, &err),
                  err);
        assert_memory_equal(found, expected, sizeof(found));
    }
    assert_fails(fletch_file_hash(found, &file, 0, size + 1, NULL, &err), FLETCH_ERR_IO,
                 err, "/f: ends at byte");
    assert_int_equal(fletch_file_hash(found, &file, 0, size, &cancel, &err),
                     FLETCH_ERR_CANCELLED);
    fletch_file_close(&file);
}

static void only_regular_files_open(void **state)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_error err;

    (void)state;
    assert_fails(fletch_file_open(&file, at("none"), &err), FLETCH_ERR_NOT_FOUND, err,
                 "/none: No such file or directory");
    assert_fails(fletch_file_open(&file, scratch, &err), FLETCH_ERR_FORMAT, err,
                 "is a folder, expected a file");
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_fails(fletch_file_open(&file, at("fifo"), &err), FLETCH_ERR_FORMAT, err,
                 "is not a regular file, expected a file");
    assert_int_equal(file.fd, -1);
    assert_int_equal(fletch_file_kind(at("fifo")), FLETCH_FILE_OTHER);
    assert_int_equal(fletch_file_kind(scratch), FLETCH_FILE_FOLDER);
    assert_int_equal(fletch_file_kind(at("none")), FLETCH_FILE_NONE);
}

static void loading_has_a_limit(void **state)
{
    struct fletch_buf buf = { 0 };
    struct fletch_error err;

    (void)state;
    put_text(at("f"), "0123456789");
    assert_ok(fletch_file_load(&buf, at("f"), 10, "LIMIT", &err), err);
    assert_int_equal(buf.size, 10);
    assert_string_equal((char *)buf.bytes, "0123456789");
    assert_fails(fletch_file_load(&buf, at("f"), 9, "LIMIT", &err), FLETCH_ERR_UNSUPPORTED,
                 err, "has 10 bytes, the limit for such a file is 9 (LIMIT)");
    fletch_buf_release(&buf);
}

/* What a clone without git-lfs, or a download of the wrong address, leaves in its place. */
static void placeholders_are_named(void **state)
{
    static const char *const pages[] = { "<!DOCTYPE html>\n<html>", "<html>",
                                         "\xef\xbb\xbf\r\n\t <HTML lang=\"en\">" };
    struct fletch_buf buf = { 0 };
    struct fletch_error err;

    (void)state;
    put_text(at("f"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    assert_fails(fletch_file_load(&buf, at("f"), 999, "LIMIT", &err), FLETCH_ERR_FORMAT,
                 err, "/f: is a Git LFS pointer, not the file: run git lfs pull");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        put_text(at("f"), pages[i]);
        assert_fails(fletch_file_load(&buf, at("f"), 999, "LIMIT", &err), FLETCH_ERR_FORMAT,
                     err,
                     "/f: is an HTML page, not the file: download it again, from its own "
                     "address");
    }
    put_text(at("f"), "<htm");
    assert_ok(fletch_file_load(&buf, at("f"), 999, "LIMIT", &err), err);
    put_text(at("f"), "version https://git-lf");
    assert_ok(fletch_file_load(&buf, at("f"), 999, "LIMIT", &err), err);
    fletch_buf_release(&buf);
}

static void a_full_disk_says_so(void **state)
{
    struct fletch_file file = { .fd = open("/dev/full", O_RDWR), .path = "/dev/full" };
    struct fletch_error err;

    (void)state;
    if (file.fd < 0)
        skip();
    assert_fails(fletch_file_write(&file, 0, "x", 1, &err), FLETCH_ERR_IO, err,
                 "/dev/full: writing at byte 0: No space left on device");
    fletch_file_close(&file);
    assert_fails(fletch_file_save(at("no/f"), "x", 1, &err), FLETCH_ERR_NOT_FOUND, err,
                 "/no/f: ");
}

static void names_stay_below_their_folder(void **state)
{
    static const char *const good[] = { "a",   "a/b", "model-00001.safetensors",
                                        "..a", "a..", "a.b" };
    static const char *const bad[] = { "",     "/a", "..",  "../a", "a/..", "a/../b",
                                       "a//b", "a/", "./a", "a\\b", "a\nb", "." };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(fletch_path_is_below(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (fletch_path_is_below(bad[i]))
            fail_msg("'%s' was taken for a name below its folder", bad[i]);
}

static void paths_join(void **state)
{
    struct fletch_arena arena = { 0 };

    (void)state;
    assert_string_equal(fletch_path_join(&arena, "a", "b"), "a/b");
    assert_string_equal(fletch_path_join(&arena, "a/", "b"), "a/b");
    assert_string_equal(fletch_path_join(&arena, "", "b"), "b");
    assert_string_equal(fletch_path_base("a/b"), "b");
    assert_string_equal(fletch_path_base("b"), "b");
    fletch_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_was_written, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(a_file_that_shrank_is_an_error, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(only_regular_files_open, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(loading_has_a_limit, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(placeholders_are_named, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(a_full_disk_says_so, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(ranges_are_hashed, make_scratch, remove_scratch),
        cmocka_unit_test(names_stay_below_their_folder),
        cmocka_unit_test(paths_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
