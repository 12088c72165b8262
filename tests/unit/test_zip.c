/* SPDX-License-Identifier: MIT */
/* test_zip.c - zip archives: what is read, and each contradiction with its sentence */
#include "torch_files.h"

#include "archive/zip.h"

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

/* Members longer than the steps in which they are unpacked: whole, their beginning alone,
 * and copied to a place in a file. */
static void long_members_in_steps(void **state)
{
    enum { SIZE = 600 * 1024 + 7, PLACE = 11 };
    uint8_t *bytes = malloc(SIZE), *back = malloc(SIZE);
    struct zip_member members[] = {
        { .name = "m/a", .bytes = bytes, .size = SIZE, .deflate = true, .crc = 2 },
        { .name = "m/b", .bytes = bytes, .size = SIZE, .crc = 2 },
    };
    struct fletch_file file = FLETCH_FILE_CLOSED, copy = FLETCH_FILE_CLOSED;
    const struct fletch_cancel nobody = { 0 };
    struct fletch_buf loaded = { 0 };
    struct fletch_zip zip;
    struct fletch_error err;

    (void)state;
    assert_non_null(bytes);
    assert_non_null(back);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13) & (i % 3 ? 0xff : 0x0f);
    assert_ok(fletch_file_open(&file, put_archive(members, 2, NULL), &err), err);
    assert_ok(fletch_zip_open(&zip, &file, &err), err);
    assert_true(zip.members[0].packed < SIZE);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(fletch_zip_load(&loaded, &zip, &zip.members[i], SIZE, "LIMIT", &err),
                  err);
        assert_int_equal(loaded.size, SIZE);
        assert_memory_equal(loaded.bytes, bytes, SIZE);
        memset(back, 0, SIZE);
        assert_ok(fletch_zip_peek(back, 70000, &zip, &zip.members[i], &err), err);
        assert_memory_equal(back, bytes, 70000);
        assert_int_equal(back[70000], 0);
        assert_ok(fletch_file_create(&copy, at("copy"), &err), err);
        assert_ok(fletch_zip_copy(&copy, PLACE, &zip, &zip.members[i], &nobody, &err), err);
        fletch_file_close(&copy);
        assert_ok(fletch_file_open(&copy, at("copy"), &err), err);
        assert_int_equal(copy.size, SIZE + PLACE);
        assert_ok(fletch_file_read(&copy, PLACE, back, SIZE, &err), err);
        assert_memory_equal(back, bytes, SIZE);
        fletch_file_close(&copy);
        unlink(at("copy"));
    }
    fletch_zip_close(&zip);
    fletch_file_close(&file);
    fletch_buf_release(&loaded);
    free(bytes);
    free(back);
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
    { { .name = "m\\x", .bytes = BODY, .size = 35 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "a member is called 'm\\x', expected a plain relative path" },
    { { .name = "m/../x", .bytes = BODY, .size = 35 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "a member is called 'm/../x', expected a plain relative path" },
    { { .name = "m/x", .bytes = BODY, .size = 35, .deflate = true, .crc = 1 },
      { 0 },
      FLETCH_ERR_FORMAT,
      "the file is damaged" },
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

/* ---- Single fields ---- */

/* Where they are in a local header and in the directory's entry. */
enum { LOCAL_PACKED = 18, LOCAL_EXTRA = 28, ENTRY_PACKED = 20, ENTRY_SIZE = 24 };
enum { ENTRY_NAME = 46, ENTRY_PLACE = 42 };

/* A number of an archive of two members: "m/a", which is deflated and whose sizes stand
 * behind it, and "m/b", which is stored. */
struct forged {
    int member, at; /* of its directory entry; of the local header where at < 0 */
    uint32_t value;
    const char *sentence;
};

static const struct forged forgeries[] = {
    { 0, ENTRY_SIZE, 34, "member 'm/a' does not inflate to its 34 bytes" },
    { 0, ENTRY_SIZE, 36, "member 'm/a' does not inflate to its 36 bytes" },
    { 0, ENTRY_SIZE, 1 << 30, "would unpack to 1073741824, which deflate cannot do" },
    { 0, ENTRY_PACKED, 1 << 20, "reaches into the directory" },
    { 1, ENTRY_SIZE, 34, "is stored in 35 bytes and has 34, expected the same" },
    { 1, ENTRY_NAME, 'm' | '/' << 8 | 'a' << 16 | 'P' << 24,
      "member 'm/a' is there twice" },
    { 1, ENTRY_PLACE, 8, "overlaps 'm/b' at byte 8" },
    { 1, -LOCAL_PACKED, 1, "of member 'm/b' says something else than the directory" },
    { 0, -LOCAL_EXTRA, 40, "reaches into what begins at byte" },
    { 0, -LOCAL_EXTRA, 0xffff, "reaches into what begins at byte" },
};

static size_t find_bytes(const struct fletch_buf *file, const char *magic, int which)
{
    const uint8_t *found = file->bytes;

    for (int i = 0; i <= which; i++) {
        found = memmem(found + i, file->size - (size_t)(found + i - file->bytes), magic, 4);
        assert_non_null(found);
    }
    return (size_t)(found - file->bytes);
}

static void forged_numbers(void **state)
{
    static const struct zip_member members[] = {
        { .name = "m/a", .bytes = BODY, .size = 35, .deflate = true, .descriptor = true },
        { .name = "m/b", .bytes = BODY, .size = 35 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        const struct forged *forged = &forgeries[i];
        struct fletch_file file = FLETCH_FILE_CLOSED;
        struct fletch_buf archive = { 0 }, bytes = { 0 };
        struct fletch_error err = { 0 };
        enum fletch_status status;
        struct fletch_zip zip;
        size_t at_byte;

        put_zip(&archive, members, 2, NULL);
        at_byte =
            find_bytes(&archive, forged->at < 0 ? "PK\3\4" : "PK\1\2", forged->member) +
            (size_t)abs(forged->at);
        if (forged->at == -LOCAL_EXTRA)
            fletch_store_u16(archive.bytes + at_byte, (uint16_t)forged->value);
        else
            fletch_store_u32(archive.bytes + at_byte, forged->value);
        put_bytes(at("x.zip"), archive.bytes, archive.size);
        assert_ok(fletch_file_open(&file, at("x.zip"), &err), err);
        status = fletch_zip_open(&zip, &file, &err);
        for (size_t j = 0; !status && j < zip.count; j++)
            status = fletch_zip_load(&bytes, &zip, &zip.members[j], 1 << 30, "LIMIT", &err);
        assert_fails(status, FLETCH_ERR_FORMAT, err, forged->sentence);
        fletch_zip_close(&zip);
        fletch_file_close(&file);
        fletch_buf_release(&archive);
        fletch_buf_release(&bytes);
    }
}

/* Bytes that the directory counts to a member, and its stream does not. */
static void bytes_behind_a_stream(void **state)
{
    static const struct zip_member member = {
        .name = "m/a", .bytes = BODY, .size = 35, .deflate = true, .descriptor = true
    };
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_buf archive = { 0 }, bytes = { 0 };
    struct fletch_error err;
    struct fletch_zip zip;
    char wanted[96];
    uint32_t packed;
    size_t entry;

    (void)state;
    put_zip(&archive, &member, 1, NULL);
    entry = find_bytes(&archive, "PK\1\2", 0);
    packed = fletch_load_u32(archive.bytes + entry + ENTRY_PACKED);
    fletch_store_u32(archive.bytes + entry + ENTRY_PACKED, packed + 4);
    put_bytes(at("x.zip"), archive.bytes, archive.size);
    assert_ok(fletch_file_open(&file, at("x.zip"), &err), err);
    assert_ok(fletch_zip_open(&zip, &file, &err), err);
    snprintf(wanted, sizeof(wanted),
             "member 'm/a' ends after %u compressed bytes, expected %u", packed,
             packed + 4);
    assert_fails(fletch_zip_load(&bytes, &zip, &zip.members[0], 35, "LIMIT", &err),
                 FLETCH_ERR_FORMAT, err, wanted);
    fletch_zip_close(&zip);
    fletch_file_close(&file);
    fletch_buf_release(&archive);
    fletch_buf_release(&bytes);
}

static void assert_unopened(const struct fletch_buf *end, uint64_t in_front,
                            enum fletch_status status, const char *sentence)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_error err;
    struct fletch_zip zip;

    assert_ok(fletch_file_create(&file, at("x.zip"), &err), err);
    assert_ok(fletch_file_write(&file, in_front, end->bytes, end->size, &err), err);
    fletch_file_close(&file);
    assert_ok(fletch_file_open(&file, at("x.zip"), &err), err);
    assert_fails(fletch_zip_open(&zip, &file, &err), status, err, sentence);
    fletch_zip_close(&zip);
    fletch_file_close(&file);
    unlink(at("x.zip"));
}

/* The directory's limits, and what its end may not say; the files are sparse. */
static void endings(void **state)
{
    struct fletch_buf end = { 0 };

    (void)state;
    put_end(&end, FLETCH_ZIP_MEMBERS_MAX + 1, 0, true);
    assert_unopened(&end, 0, FLETCH_ERR_UNSUPPORTED,
                    "1000001 members, the limit is 1000000 (FLETCH_ZIP_MEMBERS_MAX)");
    fletch_buf_clear(&end);
    put_end(&end, 1, 0, false);
    assert_unopened(&end, 0, FLETCH_ERR_FORMAT, "1 members in a directory of 0 bytes");
    fletch_store_u32(end.bytes + 12, (uint32_t)FLETCH_ZIP_DIRECTORY_MAX + 1);
    assert_unopened(&end, FLETCH_ZIP_DIRECTORY_MAX + 1, FLETCH_ERR_UNSUPPORTED,
                    "a directory of 134217729 bytes, the limit is 134217728 "
                    "(FLETCH_ZIP_DIRECTORY_MAX)");
    assert_unopened(&end, 5, FLETCH_ERR_FORMAT,
                    "does not end where the end record begins, at byte 5");
    fletch_store_u16(end.bytes + 4, 1);
    assert_unopened(&end, 0, FLETCH_ERR_UNSUPPORTED, "a zip archive of several files");
    fletch_buf_release(&end);
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
        cmocka_unit_test_setup_teardown(long_members_in_steps, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(contradictions, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(forged_numbers, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(bytes_behind_a_stream, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(endings, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_prefix, make_scratch, remove_scratch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
