/* SPDX-License-Identifier: MIT */
/* test_npy_damage.c - NumPy's files that were cut or changed, and when that is found */
#include "npy_files.h"

static enum fletch_status read_all(const struct fletch_checkpoint *checkpoint,
                                   struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    for (size_t i = 0; i < checkpoint->tensors_count && !status; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];
        uint8_t *bytes = malloc((size_t)tensor->size + 1);

        assert_non_null(bytes);
        status =
            fletch_tensor_read(checkpoint, tensor, 0, bytes, (size_t)tensor->size, err);
        free(bytes);
    }
    return status;
}

/* Opens, reads everything, closes; what is refused has one line that begins with the path.
 */
static enum fletch_status try_file(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    enum fletch_status status = fletch_checkpoint_open(&checkpoint, path, NULL, &err);

    if (!status)
        status = read_all(checkpoint, &err);
    if (status) {
        assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
        assert_true(strlen(err.message) > strlen(path) + 2);
        assert_null(strchr(err.message, '\n'));
    }
    fletch_checkpoint_close(checkpoint);
    return status;
}

static void damage(const struct fletch_buf *file, const char *path)
{
    static const uint8_t bits[] = { 0x01, 0x20, 0x80, 0xff };

    put_bytes(path, file->bytes, file->size);
    assert_int_equal(try_file(path), FLETCH_OK);
    for (size_t size = 0; size < file->size; size++) {
        put_bytes(path, file->bytes, size);
        assert_int_not_equal(try_file(path), FLETCH_OK);
    }
    for (size_t i = 0; i < file->size; i++)
        for (size_t j = 0; j < sizeof(bits); j++) {
            file->bytes[i] ^= bits[j];
            put_bytes(path, file->bytes, file->size);
            try_file(path);
            file->bytes[i] ^= bits[j];
        }
}

/* Of a compressed array the header alone is unpacked when it is listed; whatever is wrong
 * behind it is found when its values are read, and by their checksum at the latest. */
static void listing_unpacks_headers_alone(void **state)
{
    static const struct array arrays[] = {
        { "a.npy", HEADER("<f4", "False", "(6,)"), 24, true },
    };
    struct fletch_buf file = { 0 };
    const char *path = at("x.npz");
    size_t begin = 30 + 5, found = 0;
    size_t end;

    (void)state;
    put_npz(&file, arrays, 1, NULL);
    end = begin + fletch_load_u32(file.bytes + 18);
    for (size_t i = begin; i < end; i++) {
        struct fletch_checkpoint *checkpoint = NULL;
        struct fletch_error err = { 0 };

        file.bytes[i] ^= 1;
        put_bytes(path, file.bytes, file.size);
        if (!fletch_checkpoint_open(&checkpoint, path, NULL, &err)) {
            assert_int_equal(checkpoint->tensors_count, 1);
            assert_fails(read_all(checkpoint, &err), FLETCH_ERR_FORMAT, err,
                         "member 'a.npy'");
            found++;
        }
        fletch_checkpoint_close(checkpoint);
        file.bytes[i] ^= 1;
    }
    assert_true(found > 0);
    fletch_buf_release(&file);
}

static void every_prefix_and_every_byte(void **state)
{
    static const struct array arrays[] = {
        { "a.npy", HEADER("<f4", "True", "(2, 3)"), 24, false },
        { "b.npy", HEADER("<f4", "False", "(6,)"), 24, true },
        { "c.npy", HEADER("<U2", "False", "(1,)"), 8, false },
    };
    struct fletch_buf file = { 0 };

    (void)state;
    put_npy(&file, 1, HEADER(">f4", "True", "(2, 3)"), COUNTING, 24);
    damage(&file, at("w.npy"));
    fletch_buf_clear(&file);
    put_npz(&file, arrays, 3, NULL);
    damage(&file, at("x.npz"));
    fletch_buf_release(&file);
}

/* A header is read twice, to know its size and then whole: what it says may change. */
static void a_header_that_changes(void **state)
{
    static const char long_version[] = "\x93NUMPY\x02\x00{}";
    static const char longer[] = "\x93NUMPY\x01\x00\x09\x00{}";
    struct fletch_npy npy;
    struct fletch_error err;

    (void)state;
    assert_fails(fletch_npy_read(&npy, (const uint8_t *)long_version, 10, 5, &err),
                 FLETCH_ERR_FORMAT, err, "byte 15: the array ends within its opening");
    assert_fails(fletch_npy_read(&npy, (const uint8_t *)longer, 12, 5, &err),
                 FLETCH_ERR_FORMAT, err,
                 "byte 5: a header of 19 bytes, expected 12 as it had before: the file is "
                 "being changed");
}

/* What the system says begins with the path already. */
static void a_file_that_shrinks(void **state)
{
    static const struct array arrays[] = {
        { "a.npy", HEADER("<f4", "False", "(6,)"), 24, false },
    };
    const char *path = put_npz_file("x.npz", arrays, 1, NULL);
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena };
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_file_open(&file, path, &err), err);
    assert_int_equal(truncate(path, 10), 0);
    assert_fails(fletch_format_npz.list(&list, &file, &err), FLETCH_ERR_IO, err, path);
    assert_null(strstr(err.message + 1, path));
    fletch_file_close(&file);
    fletch_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SCRATCH_TEST(listing_unpacks_headers_alone),
        SCRATCH_TEST(every_prefix_and_every_byte),
        SCRATCH_TEST(a_header_that_changes),
        SCRATCH_TEST(a_file_that_shrinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
