/* SPDX-License-Identifier: MIT */
/* test_zip.c - zip archives: what is read, and each contradiction with its sentence */
#include "torch_files.h"

#include "checkpoint/zip.h"

#define BODY "hello hello hello hello hello hello"

static const struct zip_member good[] = {
    { .name = "m/b", .bytes = BODY, .size = 35, .crc = 2 },
    { .name = "m/a", .bytes = BODY, .size = 35, .deflate = true, .crc = 2, .pad = 33 },
    { .name = "m/empty", .bytes = "", .descriptor = true },
    { .name = "m/c", .bytes = BODY, .size = 35, .descriptor = true, .pad = 1 },
};

static const char *put_archive(const struct zip_member *members, size_t count,
                               const struct zip_style *style)
{
    struct fletch_buf file = { 0 };
    const char *path = at("x.zip");

    put_zip(&file, members, count, style);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&file);
    return path;
}

static void reads_all_kinds(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const struct zip_style style = { .zip64 = wide };
        struct fletch_file file = FLETCH_FILE_CLOSED;
        struct fletch_buf bytes = { 0 };
        struct fletch_zip zip;
        struct fletch_error err;

        assert_ok(fletch_file_open(&file, put_archive(good, 4, &style), &err), err);
        assert_ok(fletch_zip_open(&zip, &file, &err), err);
        assert_int_equal(zip.count, 4);
        assert_null(fletch_zip_find(&zip, "m/d"));
        for (size_t i = 0; i < 4; i++) {
            const struct fletch_zip_member *member = fletch_zip_find(&zip, good[i].name);

            assert_non_null(member);
            assert_ok(fletch_zip_load(&bytes, &zip, member, 35, "LIMIT", &err), err);
            assert_int_equal(bytes.size, good[i].size);
            assert_memory_equal(bytes.bytes, good[i].bytes, good[i].size);
        }
        assert_fails(
            fletch_zip_load(&bytes, &zip, fletch_zip_find(&zip, "m/b"), 34, "LIMIT", &err),
            FLETCH_ERR_UNSUPPORTED, err, "has 35 bytes, the limit is 34 (LIMIT)");
        fletch_zip_close(&zip);
        fletch_buf_release(&bytes);
        fletch_file_close(&file);
    }
}

struct bad {
    struct zip_member member;
    struct zip_style style;
    enum fletch_status status;
    const char *sentence;
};

/* Opening and then loading the first member fails so. */
static const struct bad bads[] = {
    { { .name = "m/x", .bytes = BODY, .size = 35, .crc = 1 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "byte 33: member 'm/x' has CRC" },
    { { .name = "m/x", .bytes = BODY, .size = 35, .said = "m/y" },
      { 0 },
      FLETCH_ERR_FORMAT,
      "byte 0: the local header of member 'm/x' says something else than the "
      "directory" },
    { { .name = "m/x", .bytes = BODY, .size = 35, .move = 1 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "reaches into the directory" },
    { { .name = "m/x", .bytes = BODY, .size = 35, .move = 1000 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "reaches into the directory" },
    { { .name = "../x", .bytes = BODY, .size = 35 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "a member is called '../x', expected a plain relative path" },
    { { .name = "/x", .bytes = BODY, .size = 35 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "a member is called '/x', expected a plain relative path" },
    { { .name = "m/x", .bytes = BODY, .size = 35 },
      { .twice_first = true },
      FLETCH_ERR_FORMAT,
      "overlaps 'm/x' at byte 0" },
    { { .name = "m/x", .bytes = BODY, .size = 35 },
      { .flags = 1 },
      FLETCH_ERR_UNSUPPORTED,
      "member 'm/x' is encrypted" },
    { { .name = "m/x", .bytes = BODY, .size = 35 },
      { .method = 12 },
      FLETCH_ERR_UNSUPPORTED,
      "is compressed with method 12, expected 0 (stored) or 8" },
    { { .name = "m/x", .bytes = BODY, .size = 35 },
      { .method = 8 },
      FLETCH_ERR_FORMAT,
      "says something else than the directory" },
};

static void contradictions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct fletch_file file = FLETCH_FILE_CLOSED;
        struct fletch_buf bytes = { 0 };
        struct fletch_zip zip;
        struct fletch_error err;
        enum fletch_status status;

        assert_ok(
            fletch_file_open(&file, put_archive(&bads[i].member, 1, &bads[i].style), &err),
            err);
        status = fletch_zip_open(&zip, &file, &err);
        if (!status)
            status = fletch_zip_load(&bytes, &zip, &zip.members[0], 100, "LIMIT", &err);
        assert_fails(status, bads[i].status, err, bads[i].sentence);
        fletch_zip_close(&zip);
        fletch_buf_release(&bytes);
        fletch_file_close(&file);
    }
}

static void every_prefix(void **state)
{
    struct fletch_buf all = { 0 };
    struct fletch_error err;

    (void)state;
    put_zip(&all, good, 4, NULL);
    for (size_t size = 0; size < all.size; size++) {
        struct fletch_file file = FLETCH_FILE_CLOSED;
        struct fletch_zip zip;

        put_bytes(at("cut.zip"), all.bytes, size);
        assert_ok(fletch_file_open(&file, at("cut.zip"), &err), err);
        assert_fails(fletch_zip_open(&zip, &file, &err), FLETCH_ERR_FORMAT, err,
                     "it was cut short");
        fletch_zip_close(&zip);
        fletch_file_close(&file);
    }
    fletch_buf_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_all_kinds, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(contradictions, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_prefix, make_scratch, remove_scratch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
