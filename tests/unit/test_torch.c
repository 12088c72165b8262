/* SPDX-License-Identifier: MIT */
/* test_torch.c - torch checkpoints: tensors as they lie, nests, refusals, damage */
#include "torch_files.h"

#include "checkpoint/checkpoint.h"

static struct fletch_checkpoint *open_good(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;

    assert_ok(fletch_checkpoint_open(&checkpoint, path, &err), err);
    return checkpoint;
}

static void assert_refused(const char *path, enum fletch_status status, const char *part)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    assert_fails(fletch_checkpoint_open(&checkpoint, path, &err), status, err, part);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
}

/* 0, 1, ... 23 as float32. */
static void put_one(const char *path, const struct pickled *tensor, const char *order)
{
    struct fletch_buf pickle = { 0 };
    uint8_t storage[96];

    for (uint32_t i = 0; i < 24; i++) {
        float value = (float)i;
        uint32_t bits;

        memcpy(&bits, &value, 4);
        for (unsigned j = 0; j < 4; j++)
            storage[4 * i + j] =
                (uint8_t)(bits >> 8 * (order && !strcmp(order, "big") ? 3 - j : j));
    }
    pickle_tensors(&pickle, tensor, 1);
    put_torch_zip(path, &pickle, storage, sizeof(storage), order);
    fletch_buf_release(&pickle);
}

struct view {
    struct pickled tensor;
    size_t count;
    float values[8];
};

static void tensors_as_they_lie(void **state)
{
    static const struct view views[] = {
        { { "t", "FloatStorage", "0", 24, 0, 2, { 2, 3 }, { 3, 1 }, NULL, false },
          6,
          { 0, 1, 2, 3, 4, 5 } },
        { { "t", "FloatStorage", "0", 24, 0, 2, { 2, 3 }, { 1, 2 }, NULL, false },
          6,
          { 0, 2, 4, 1, 3, 5 } },
        { { "t", "FloatStorage", "0", 24, 20, 1, { 4 }, { 1 }, NULL, false },
          4,
          { 20, 21, 22, 23 } },
        { { "t", "FloatStorage", "0", 24, 1, 1, { 4 }, { 7 }, NULL, false },
          4,
          { 1, 8, 15, 22 } },
        { { "t", "FloatStorage", "0", 24, 5, 2, { 2, 2 }, { 0, 1 }, NULL, false },
          4,
          { 5, 6, 5, 6 } },
        { { "t", "FloatStorage", "0", 24, 9, 0, { 0 }, { 0 }, NULL, false }, 1, { 9 } },
        { { "t", "FloatStorage", "0", 24, 99, 1, { 0 }, { 1 }, NULL, false }, 0, { 0 } },
        { { "t", "UntypedStorage", "0", 96, 2, 1, { 2 }, { 1 }, "float32", false },
          2,
          { 2, 3 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
        for (int big = 0; big < 2; big++) {
            struct fletch_checkpoint *checkpoint;
            struct fletch_error err;
            float found[8] = { 0 };

            put_one(at("x.bin"), &views[i].tensor, big ? "big" : NULL);
            checkpoint = open_good(at("x.bin"));
            assert_string_equal(fletch_checkpoint_format(checkpoint), "torch zip");
            assert_int_equal(checkpoint->tensors[0].count, views[i].count);
            assert_ok(fletch_checkpoint_read(checkpoint, &checkpoint->tensors[0], 0, found,
                                             views[i].count * 4, &err),
                      err);
            assert_memory_equal(found, views[i].values, views[i].count * 4);
            fletch_checkpoint_close(checkpoint);
        }
}

struct refusal {
    struct pickled tensor;
    enum fletch_status status;
    const char *sentence;
};

static void tensors_that_cannot_be(void **state)
{
    static const struct refusal refusals[] = {
        { { "t", "FloatStorage", "0", 24, 23, 1, { 2 }, { 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          ": tensor 't': reaches behind storage '0', which has 24 elements" },
        { { "t", "FloatStorage", "0", 25, 0, 1, { 2 }, { 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          ": tensor 't': storage '0' of 25 elements has 96 bytes in the file, expected 4" },
        { { "t", "FloatStorage", "0", 24, 0, 2, { 2, 3 }, { INT64_MAX, 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "reaches behind storage '0'" },
        { { "t", "FloatStorage", "0", 24, 0, 2, { 5, 5 }, { INT64_MAX, 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "reaches behind storage '0'" },
        { { "t", "FloatStorage", "0", 24, 0, 1, { 2 }, { -1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "stride -1, expected 0 or more" },
        { { "t", "FloatStorage", "0", 24, -1, 1, { 2 }, { 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "its offset -1, expected 0 or more" },
        { { "t", "FloatStorage", "0", 24, 0, 2, { INT64_MAX, 9 }, { 0, 0 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "has more elements than 64 bits count" },
        { { "t", "FloatStorage", "7", 24, 0, 1, { 1 }, { 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "its storage '7' is not in the archive, expected member 'm/data/7'" },
        { { "t", "QInt8Storage", "0", 24, 0, 1, { 1 }, { 1 }, NULL, false },
          FLETCH_ERR_UNSUPPORTED,
          "its elements are of a QInt8Storage" },
        { { "t", "OddStorage", "0", 24, 0, 1, { 1 }, { 1 }, NULL, false },
          FLETCH_ERR_UNSUPPORTED,
          "a storage of class torch.OddStorage" },
        { { "t", "UntypedStorage", "0", 96, 0, 1, { 1 }, { 1 }, "bits8", false },
          FLETCH_ERR_UNSUPPORTED,
          "its dtype torch.bits8 is none that this version knows" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        put_one(at("x.bin"), &refusals[i].tensor, NULL);
        assert_refused(at("x.bin"), refusals[i].status, refusals[i].sentence);
    }
    put_one(at("x.bin"), &refusals[0].tensor, "middle");
    assert_refused(at("x.bin"), FLETCH_ERR_FORMAT, "says 'middle', expected little or big");
}

static const struct pickled SMALL = { "t", "FloatStorage", "0",   4,    0,
                                      1,   { 4 },          { 1 }, NULL, false };

/* A zip whose pickle is: head, the tensor's value, tail. */
static void put_around(const char *path, const char *head, size_t head_size,
                       const char *tail, size_t tail_size)
{
    struct fletch_buf pickle = { 0 };

    fletch_buf_put(&pickle, head, head_size);
    pickle_tensor(&pickle, &SMALL);
    fletch_buf_put(&pickle, tail, tail_size);
    put_torch_zip(path, &pickle, "0123456789abcdef", 16, NULL);
    fletch_buf_release(&pickle);
}

static bool has_note(const struct fletch_checkpoint *checkpoint, const char *part)
{
    for (const struct fletch_note *note = checkpoint->notes; note; note = note->next)
        if (strstr(note->text, part))
            return true;
    return false;
}

/* One of everything that may lie around a tensor; nothing of it is called. */
static void nests(void **state)
{
    struct fletch_checkpoint *checkpoint;

    (void)state;
    put_around(at("x.bin"), TEXT("\x80\x02}(U\x0astate_dict}U\x08module.w"),
               TEXT("sU\x04"
                    "argscos\nsystem\nU\2ls\x85RU\5epochK\1u."));
    checkpoint = open_good(at("x.bin"));
    assert_int_equal(fletch_checkpoint_count(checkpoint), 1);
    assert_string_equal(checkpoint->tensors[0].name, "w");
    assert_true(
        has_note(checkpoint, "the model's tensors are those below 'state_dict.module'"));
    assert_true(has_note(checkpoint, "the pickle wants to call os.system"));
    assert_string_equal(fletch_checkpoint_prefix(checkpoint), "state_dict.module");
    fletch_checkpoint_close(checkpoint);
    /* a tensor that an unknown function would make */
    put_around(at("x.bin"), TEXT("\x80\x02}(U\1vNU\1wcm\nf\n"), TEXT("\x85Ru."));
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED,
                   "holds a dict of 2 entries, and none is a tensor");
    put_around(at("x.bin"), TEXT("\x80\x02}(U\1v"), TEXT("q\1U\1wcm\nf\nh\1\x85Ru."));
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, "tensor 'w': byte ");
    /* a whole module */
    put_around(at("x.bin"),
               TEXT("\x80\x02"
                    "cm\nNet\n)\x81}U\1w"),
               TEXT("sb."));
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, "is a whole object of class m.Net");
    /* kinds without plain bytes */
    put_around(at("x.bin"), TEXT("\x80\x02}U\1wctorch._utils\n_rebuild_sparse_tensor\n"),
               TEXT("\x85Rs."));
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED,
                   "tensor 'w': is sparse, which is not read");
}

/* {'model': {'w': SMALL}, 'net': {'w': this one}}, two dicts. */
static void put_two(const char *path, const struct pickled *second)
{
    struct fletch_buf pickle = { 0 };

    fletch_buf_put(&pickle, TEXT("\x80\x02}(U\x05model}U\1w"));
    pickle_tensor(&pickle, &SMALL);
    fletch_buf_put(&pickle, TEXT("sU\3net}U\1w"));
    pickle_tensor(&pickle, second);
    fletch_buf_put(&pickle, TEXT("su."));
    put_torch_zip(path, &pickle, "0123456789abcdef", 16, NULL);
    fletch_buf_release(&pickle);
}

/* What has the same bytes in two dicts is one model. */
static void nests_of_the_same(void **state)
{
    static const char ambiguous[] =
        "has several parts that may be the model: 'model' with 1, 'net' with 1 tensors; "
        "--prefix NAME takes one of them";
    struct fletch_checkpoint *checkpoint;
    struct pickled second = SMALL;

    (void)state;
    put_two(at("x.bin"), &second);
    checkpoint = open_good(at("x.bin"));
    assert_string_equal(fletch_checkpoint_prefix(checkpoint), "net");
    assert_int_equal(fletch_checkpoint_count(checkpoint), 1);
    fletch_checkpoint_close(checkpoint);
    second.shape[0] = 3;
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    second.offset = 1;
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    second = SMALL;
    second.rank = 2;
    second.shape[1] = second.strides[1] = 1;
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    second = SMALL;
    second.storage = "IntStorage";
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    second = SMALL;
    second.strides[0] = 0;
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    /* one that cannot be read is like no other */
    second = SMALL;
    second.key = "1";
    put_two(at("x.bin"), &second);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, ambiguous);
    /* the same object, not written twice */
    put_around(at("x.bin"), TEXT("\x80\x02}(U\x05model}U\1w"),
               TEXT("q\1sU\3net}U\1wh\1su."));
    checkpoint = open_good(at("x.bin"));
    assert_string_equal(fletch_checkpoint_prefix(checkpoint), "net");
    fletch_checkpoint_close(checkpoint);
}

/* ---- Damage ---- */

static uint8_t *load_golden(size_t *size, const char *name)
{
    struct fletch_buf bytes = { 0 };
    struct fletch_error err;
    char path[4096];

    snprintf(path, sizeof(path), "%s/golden/%s/source/pytorch_model.bin", FLETCH_TEST_DATA,
             name);
    assert_ok(fletch_file_load(&bytes, path, 1 << 24, &err), err);
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
    status = fletch_checkpoint_open(&checkpoint, path, &err);
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
        cmocka_unit_test_setup_teardown(tensors_as_they_lie, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(tensors_that_cannot_be, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(nests, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(nests_of_the_same, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_prefix, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(every_byte_of_a_pickle, make_scratch,
                                        remove_scratch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
