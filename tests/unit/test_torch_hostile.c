/* SPDX-License-Identifier: MIT */
/* test_torch_hostile.c - torch checkpoints that were made to do harm, or damaged anywhere
 */
#include "torch_checkpoints.h"

#include "torch/torch_internal.h"

/* A dict and a list that hold themselves; lists within lists, and each twice in the next.
 */
static void cycles_and_depth(void **state)
{
    static const size_t depths[] = { 1000, 3000, 1000000 };
    struct fletch_buf tail = { 0 };

    (void)state;
    put_around(at("x.bin"), TEXT("\x80\x02}q\0(U\1ah\0U\1b]q\1h\1aU\1w"), TEXT("u."));
    fletch_checkpoint_close(open_good(at("x.bin")));
    fletch_buf_put_text(&tail, "U\1b]");
    for (int i = 0; i < 100; i++) /* 2^100 ways */
        fletch_buf_put_text(&tail, "2\x86");
    fletch_buf_put_text(&tail, "u.");
    put_around(at("x.bin"), TEXT("\x80\x02}(U\1w"), (char *)tail.bytes, tail.size);
    fletch_checkpoint_close(open_good(at("x.bin")));
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        struct fletch_buf head = { 0 };

        fletch_buf_put_text(&head, "\x80\x02}(U\1wU\1vU\1b");
        fletch_buf_clear(&tail);
        for (size_t j = 0; j < depths[i]; j++)
            fletch_buf_put_text(&head, "]");
        for (size_t j = 0; j < depths[i]; j++)
            fletch_buf_put_text(&tail, "a");
        fletch_buf_put_text(&tail, "u.");
        put_around(at("x.bin"), (char *)head.bytes, head.size, (char *)tail.bytes,
                   tail.size);
        assert_refused(
            at("x.bin"), FLETCH_ERR_UNSUPPORTED,
            depths[i] < FLETCH_TORCH_PATH_MAX / 2
                ? "but no dict of them that is a model's"
                : "is longer than the limit, 4096 bytes (FLETCH_TORCH_PATH_MAX)");
        fletch_buf_release(&head);
    }
    fletch_buf_release(&tail);
}

/* A few bytes that say to be terabytes: stride 0, or one storage under many names. */
static void repeated_storages(void **state)
{
    static const char *const sentence =
        "bytes, the limit for this file is 1073741824 (FLETCH_REPEATED_MAX)";
    struct pickled wide = SMALL;
    struct fletch_buf pickle = { 0 };

    (void)state;
    wide.shape[0] = 1 << 28;
    wide.strides[0] = 0;
    put_one(at("x.bin"), &wide, NULL);
    fletch_checkpoint_close(open_good(at("x.bin")));
    wide.shape[0]++;
    put_one(at("x.bin"), &wide, NULL);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, sentence);
    wide.shape[0] = 1 << 20;
    fletch_buf_put_text(&pickle, "\x80\x02}(U\2aa");
    pickle_tensor(&pickle, &wide);
    fletch_buf_put(&pickle, TEXT("q\0"));
    for (int i = 0; i < 256; i++)
        fletch_buf_format(&pickle, "U\2%c%ch", 'b' + i / 16, 'a' + i % 16),
            fletch_buf_put_u8(&pickle, 0);
    fletch_buf_put_text(&pickle, "u.");
    put_torch_zip(at("x.bin"), &pickle, "0123456789abcdef", 16, NULL);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, sentence);
    fletch_buf_release(&pickle);
}

static void put_script(const char *path, const void *pickle, size_t size)
{
    const struct zip_member members[] = {
        { .name = "m/constants.pkl", .bytes = ").", .size = 2 },
        { .name = "m/data.pkl", .bytes = pickle, .size = size },
    };
    struct fletch_buf file = { 0 };

    put_zip(&file, members, 2, NULL);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&file);
}

/* Modules within themselves, and deeper than any model has them. */
static void hostile_scripts(void **state)
{
    struct fletch_buf pickle = { 0 };

    (void)state;
    put_script(at("x.pt"), TEXT("\x80\x02"
                                "c__torch__\nM\n)\x81q\0}U\1mh\0sb."));
    assert_refused(at("x.pt"), FLETCH_ERR_FORMAT, "module 'm' is within itself");
    fletch_buf_put_text(&pickle, "\x80\x02");
    for (int i = 0; i < 200; i++)
        fletch_buf_put_text(&pickle, "c__torch__\nM\n)\x81}U\1m");
    fletch_buf_put_text(&pickle, "N");
    for (int i = 0; i < 200; i++)
        fletch_buf_put_text(&pickle, "sb");
    fletch_buf_put_text(&pickle, ".");
    put_script(at("x.pt"), pickle.bytes, pickle.size);
    assert_refused(
        at("x.pt"), FLETCH_ERR_UNSUPPORTED,
        "modules are nested deeper than the limit, 128 (FLETCH_SCRIPT_DEPTH_MAX)");
    fletch_buf_release(&pickle);
    put_script(at("x.pt"), TEXT("\x80\x02}."));
    assert_refused(at("x.pt"), FLETCH_ERR_UNSUPPORTED,
                   "is a TorchScript archive of a dict, expected a module");
}

struct trailer {
    const char *bytes; /* behind the object's pickle */
    size_t size;
    const char *sentence; /* NULL: it opens */
};

#define KEYS "\x80\x02]X\x01\0\0\0000a."
#define COUNT_4 "\4\0\0\0\0\0\0\0"
#define BYTES_16 "0123456789abcdef"

/* The stream's list of storages against what the object says of them. */
static void endings_of_a_stream(void **state)
{
    static const struct trailer endings[] = {
        { TEXT(KEYS COUNT_4 BYTES_16), NULL },
        { TEXT(KEYS COUNT_4 BYTES_16 "x"), "found 1 bytes after the last storage" },
        { TEXT(KEYS COUNT_4 "0123456789abcde"),
          "but only 15 bytes follow: it was cut short" },
        { TEXT(KEYS "\4\0\0\0\0\0\0"), "the file ends before storage '0'" },
        { TEXT(KEYS "\5\0\0\0\0\0\0\0" BYTES_16),
          "storage '0' has 5 elements here, the object says 4" },
        { TEXT("\x80\x02]."), "its storage '0' is not in the list of storages" },
        { TEXT("\x80\x02]X\x01\0\0\0001a." COUNT_4 BYTES_16),
          "storage '1' is nothing the object has" },
        { TEXT("\x80\x02](X\x01\0\0\0000X\x01\0\0\0000e." COUNT_4 BYTES_16),
          "storage '0' is there twice" },
        { TEXT("\x80\x02]K\1a."), "the key of a storage is an int, expected a string" },
        { TEXT("\x80\x02}."), "found a dict, expected the list of storages" },
    };
    struct pickled tensor = SMALL;

    (void)state;
    tensor.view = true;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        struct fletch_buf file = { 0 };

        fletch_buf_put(&file, TEXT(STREAM_OPENING));
        pickle_tensors(&file, &tensor, 1);
        fletch_buf_put(&file, endings[i].bytes, endings[i].size);
        put_bytes(at("x.bin"), file.bytes, file.size);
        fletch_buf_release(&file);
        if (endings[i].sentence)
            assert_refused(at("x.bin"), FLETCH_ERR_FORMAT, endings[i].sentence);
        else
            fletch_checkpoint_close(open_good(at("x.bin")));
    }
}

/* A string of 1 GiB, of which the file has more than a pickle may have. */
static void longest_pickle(void **state)
{
    struct fletch_buf file = { 0 };

    (void)state;
    fletch_buf_put(&file, TEXT(STREAM_OPENING "X\0\0\0\x40"));
    put_bytes(at("x.bin"), file.bytes, file.size);
    assert_int_equal(truncate(at("x.bin"), (off_t)FLETCH_PICKLE_SIZE_MAX + 4096), 0);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED,
                   "a pickle longer than the limit, 134217728 bytes "
                   "(FLETCH_PICKLE_SIZE_MAX)");
    fletch_buf_release(&file);
}

/* ---- Damage ---- */

static uint8_t *load_golden(size_t *size, const char *name)
{
    struct fletch_buf bytes = { 0 };
    struct fletch_error err;
    char path[4096];

    snprintf(path, sizeof(path), "%s/golden/%s/source/pytorch_model.bin", FLETCH_TEST_DATA,
             name);
    assert_ok(fletch_file_load(&bytes, path, 1 << 24, "LIMIT", &err), err);
    *size = bytes.size;
    return bytes.bytes;
}

/* Opens these bytes with the format itself: every message begins with the path. */
static enum fletch_status try_bytes(const uint8_t *bytes, size_t size, const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    enum fletch_status status;

    put_bytes(path, bytes, size);
    status = fletch_checkpoint_open(&checkpoint, path, NULL, &err);
    if (status)
        assert_true(!strncmp(err.message, path, strlen(path)) && err.status == status);
    fletch_checkpoint_close(checkpoint);
    return status;
}

/* Every prefix, all of them where the file is small enough to take the time. */
static void every_prefix(void **state)
{
    static const char *const names[] = { "values-bin", "bert-pretraining-legacy-bin" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size, step = i ? 23 : 1;
        uint8_t *bytes = load_golden(&size, names[i]);

        for (size_t cut = 0; cut < size; cut += cut < size - 64 ? step : 1)
            assert_int_not_equal(try_bytes(bytes, cut, at("cut.bin")), FLETCH_OK);
        assert_int_equal(try_bytes(bytes, size, at("cut.bin")), FLETCH_OK);
        free(bytes);
    }
}

/* Each byte of the object's pickle in turn: opened or refused, never worse. The stream has
 * no checksum that would refuse all of them. */
static void every_byte_of_a_pickle(void **state)
{
    size_t size, pickle = 6000, refused = 0;
    uint8_t *bytes = load_golden(&size, "bert-pretraining-legacy-bin");

    (void)state;
    for (size_t i = 0; i < pickle && i < size; i++) {
        uint8_t was = bytes[i];

        bytes[i] ^= (uint8_t)(1u << i % 8);
        refused += try_bytes(bytes, size, at("bad.bin")) != FLETCH_OK;
        bytes[i] = was;
    }
    assert_true(refused > pickle / 4);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cycles_and_depth, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(repeated_storages, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(hostile_scripts, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(endings_of_a_stream, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(longest_pickle, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_prefix, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_byte_of_a_pickle, make_scratch,
                                        remove_scratch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
