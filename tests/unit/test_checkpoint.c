/* SPDX-License-Identifier: MIT */
/* test_checkpoint.c - one file, folders, shards and their index */
#include "checkpoints.h"
#include "models.h"

#include <errno.h>

static const float ones[4] = { 1, 1, 1, 1 };

/* Makes `name` in the scratch folder, one F32 tensor of one element for each given. */
static void put_weights(const char *name, const char *const *tensors)
{
    struct test_tensor all[8];
    size_t count = 0;

    for (; tensors[count]; count++)
        all[count] = (struct test_tensor){ tensors[count], "F32", "[1]", ones, 4 };
    put_safetensors(at(name), all, count);
}

#define PUT_WEIGHTS(name, ...) put_weights(name, (const char *const[]){ __VA_ARGS__, NULL })

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0777), 0);
}

static const char *name_of(const struct fletch_checkpoint *checkpoint, size_t i)
{
    struct fletch_tensor_info info;

    assert_true(fletch_checkpoint_at(&info, checkpoint, i));
    return info.name;
}

/* ---- One file ---- */

static void tensors_come_in_natural_order(void **state)
{
    struct fletch_checkpoint *checkpoint;

    (void)state;
    PUT_WEIGHTS("model.safetensors", "l.10.w", "l.2.w", "l.1.w", "l.02.w", "k");
    checkpoint = open_good(scratch);
    assert_int_equal(fletch_checkpoint_count(checkpoint), 5);
    assert_string_equal(fletch_checkpoint_format(checkpoint), "safetensors");
    assert_string_equal(name_of(checkpoint, 0), "k");
    assert_string_equal(name_of(checkpoint, 1), "l.1.w");
    assert_string_equal(name_of(checkpoint, 2), "l.02.w");
    assert_string_equal(name_of(checkpoint, 3), "l.2.w");
    assert_string_equal(name_of(checkpoint, 4), "l.10.w");
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(fletch_checkpoint_find(checkpoint, name_of(checkpoint, i)),
                         &checkpoint->tensors[i]);
    assert_null(fletch_checkpoint_find(checkpoint, "l.3.w"));
    assert_null(fletch_checkpoint_find(checkpoint, ""));
    fletch_checkpoint_close(checkpoint);
    fletch_checkpoint_close(NULL);
}

static void a_file_may_have_any_name(void **state)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info info;

    (void)state;
    PUT_WEIGHTS("weights.bin", "a");
    checkpoint = open_good(at("weights.bin"));
    assert_true(fletch_checkpoint_at(&info, checkpoint, 0));
    assert_string_equal(info.file, "weights.bin");
    fletch_checkpoint_close(checkpoint);
    put_safetensors(at("none"), NULL, 0);
    checkpoint = open_good(at("none"));
    assert_int_equal(fletch_checkpoint_count(checkpoint), 0);
    assert_null(fletch_checkpoint_find(checkpoint, "a"));
    fletch_checkpoint_close(checkpoint);
}

static void bytes_are_read_within_their_tensor(void **state)
{
    static const uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };
    const struct test_tensor tensors[] = { { "a", "U8", "[4]", bytes, 4 },
                                           { "b", "U8", "[2]", bytes + 4, 2 } };
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor lost;
    struct fletch_error err;
    uint8_t got[8] = { 0 };

    (void)state;
    put_safetensors(at("x"), tensors, 2);
    checkpoint = open_good(at("x"));
    assert_ok(fletch_tensor_read(checkpoint, &checkpoint->tensors[0], 1, got, 3, &err),
              err);
    assert_memory_equal(got, bytes + 1, 3);
    assert_ok(fletch_tensor_read(checkpoint, &checkpoint->tensors[1], 2, got, 0, &err),
              err);
    assert_fails(fletch_tensor_read(checkpoint, &checkpoint->tensors[0], 1, got, 4, &err),
                 FLETCH_ERR_ARGUMENT, err,
                 "tensor 'a': 4 bytes at byte 1 are asked for, it has 4");
    assert_fails(
        fletch_tensor_read(checkpoint, &checkpoint->tensors[0], UINT64_MAX, got, 4, &err),
        FLETCH_ERR_ARGUMENT, err,
        "tensor 'a': 4 bytes at byte 18446744073709551615 are asked for, it has 4");
    lost = checkpoint->tensors[0];
    lost.file = 1;
    assert_int_equal(fletch_tensor_read(checkpoint, &lost, 0, got, 1, &err),
                     FLETCH_ERR_ARGUMENT);
    assert_int_equal(truncate(at("x"), (off_t)checkpoint->tensors[1].offset), 0);
    assert_fails(fletch_tensor_read(checkpoint, &checkpoint->tensors[1], 0, got, 2, &err),
                 FLETCH_ERR_IO, err, "it shrank while being read");
    fletch_checkpoint_close(checkpoint);
}

/* What every format's reader must pass through, whatever it read. */
static void the_list_holds_its_invariants(void **state)
{
    static const uint64_t shape[2] = { 2, 3 }, huge[2] = { UINT64_MAX, 2 };
    const struct fletch_tensor good = { .name = "a",
                                        .dtype = FLETCH_F32,
                                        .rank = 2,
                                        .shape = shape,
                                        .count = 6,
                                        .size = 24,
                                        .offset = 8 };
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = 32 };
    struct fletch_tensor bad = good;
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_tensor_list_put(&list, &good, &err), err);
    bad.count = 5;
    assert_fails(
        fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
        "tensor 'a': 5 elements and 24 bytes are not what its shape and dtype say");
    bad = good;
    bad.size = 25;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.rank = FLETCH_RANK_MAX + 1;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.shape = huge;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.name = "\xc3";
    assert_fails(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
                 "its name is not UTF-8");
    bad = good;
    bad.offset = 9;
    assert_fails(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
                 "tensor 'a': 24 bytes at byte 9, but the file has 32");
    bad.offset = UINT64_MAX;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    assert_int_equal(list.count, 1);
    fletch_free(list.tensors);
}

/* ---- Shards ---- */

#define INDEX "model.safetensors.index.json"

static void put_index(const char *map)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "{\"metadata\": {\"total_size\": 8}, \"weight_map\": {%s}}", map);
    put_text(at(INDEX), text);
}

static void put_two_shards(void)
{
    PUT_WEIGHTS("s1", "a", "c");
    PUT_WEIGHTS("s2", "b");
    put_index("\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\"");
}

static void shards_are_one_list(void **state)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info info;

    (void)state;
    put_two_shards();
    for (int i = 0; i < 2; i++) {
        checkpoint = open_good(i ? at(INDEX) : scratch);
        assert_int_equal(fletch_checkpoint_count(checkpoint), 3);
        assert_int_equal(checkpoint->files_count, 2);
        for (size_t j = 0; j < 3; j++) {
            assert_true(fletch_checkpoint_at(&info, checkpoint, j));
            assert_string_equal(info.file, j == 1 ? "s2" : "s1");
        }
        fletch_checkpoint_close(checkpoint);
    }
    /* "metadata" is nobody's business, nor is what else an index says */
    put_text(at(INDEX), "{\"weight_map\":{\"a\":\"s1\",\"\\u0062\":\"s2\",\"c\":\"s1\"},"
                        "\"x\":1}");
    fletch_checkpoint_close(open_good(scratch));
}

static void one_file_goes_before_an_index(void **state)
{
    struct fletch_checkpoint *checkpoint;

    (void)state;
    put_two_shards();
    PUT_WEIGHTS("model.safetensors", "z");
    checkpoint = open_good(scratch);
    assert_int_equal(fletch_checkpoint_count(checkpoint), 1);
    assert_string_equal(name_of(checkpoint, 0), "z");
    fletch_checkpoint_close(checkpoint);
}

static void published_shards_open(void **state)
{
    struct fletch_checkpoint *checkpoint =
        open_good(FLETCH_TEST_DATA "/golden/bert-mlm-sharded/source");
    const struct fletch_tensor *tensor;
    struct fletch_error err;
    uint64_t size = 0;

    (void)state;
    assert_int_equal(fletch_checkpoint_count(checkpoint), 58);
    assert_int_equal(checkpoint->files_count, 5);
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        uint8_t bytes[4];

        tensor = &checkpoint->tensors[i];
        size += tensor->size;
        if (tensor->size >= 4)
            assert_ok(
                fletch_tensor_read(checkpoint, tensor, tensor->size - 4, bytes, 4, &err),
                err);
    }
    assert_int_equal(size, 116828);
    tensor = fletch_checkpoint_find(checkpoint, "bert.embeddings.LayerNorm.weight");
    assert_non_null(tensor);
    assert_string_equal(checkpoint->files[tensor->file].name,
                        "model-00001-of-00005.safetensors");
    assert_int_equal(tensor->count, 32);
    fletch_checkpoint_close(checkpoint);
}

struct index_case {
    const char *map;
    enum fletch_status status;
    const char *sentence; /* behind the index's path */
};

static void map_and_shards_must_agree(void **state)
{
    static const struct index_case cases[] = {
        { "\"a\":\"s1\",\"b\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'c' is in 's1', but not in weight_map" },
        { "\"a\":\"s1\",\"b\":\"s1\",\"c\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'b' should be in 's1', but is in 's2'" },
        { "\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\",\"d\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'd' should be in 's2', which does not hold it" },
        { "\"a\":\"s1\",\"b\":\"s3\",\"c\":\"s1\"", FLETCH_ERR_NOT_FOUND,
          "'s3' is not there, expected tensor 'b' in it" },
        { "\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\",\"d\":\"twin\"", FLETCH_ERR_FORMAT,
          "tensor 'b' is in both 's2' and 'twin'" },
        { "", FLETCH_ERR_FORMAT, "weight_map names no tensor, expected one at least" },
        { "\"a\":1", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' has no file name, expected a string" },
        { "\"a\":\"../s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '../s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"..\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '..', expected the plain name of a file beside the "
          "index" },
        { "\"a\":\"/etc/passwd\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '/etc/passwd', expected the plain name of a file "
          "beside the index" },
        { "\"a\":\"x/s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in 'x/s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"x\\\\s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in 'x\\s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '', expected the plain name of a file beside the "
          "index" },
        { "\"a\":\"s1\",\"a\":\"s2\"", FLETCH_ERR_FORMAT,
          "line 1, column 57: found key 'a' a second time" },
        { "\"a\\u0000\":\"s1\"", FLETCH_ERR_FORMAT,
          "line 1, column 48: found a NUL in a string" },
    };

    (void)state;
    put_two_shards();
    PUT_WEIGHTS("twin", "b", "d");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_index(cases[i].map);
        assert_refused_at(scratch, cases[i].status, at(INDEX), cases[i].sentence);
    }
}

static void an_index_must_be_one(void **state)
{
    (void)state;
    put_text(at(INDEX), "{\"weight_map\": []}");
    assert_refused_at(scratch, FLETCH_ERR_FORMAT, at(INDEX), "has no weight_map object");
    put_text(at(INDEX), "{}");
    assert_refused_at(at(INDEX), FLETCH_ERR_FORMAT, at(INDEX), "has no weight_map object");
    put_text(at(INDEX), "{\"weight_map\": {");
    assert_refused_at(scratch, FLETCH_ERR_FORMAT, at(INDEX),
                      "line 1, column 17: found the end, expected a name in quotes or '}'");
    put_text(at(INDEX), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    assert_refused_at(scratch, FLETCH_ERR_FORMAT, at(INDEX),
                      "is a Git LFS pointer, not the file: run git lfs pull");
    put_text(at(INDEX), "{\"weight_map\": {\"a\": \"s1\"}}");
    make_folder("s1");
    assert_refused_at(scratch, FLETCH_ERR_FORMAT, at("s1"), "is a folder, expected a file");
    assert_int_equal(rmdir(at("s1")), 0);
    put_text(at("s1"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    assert_refused_at(scratch, FLETCH_ERR_FORMAT, at("s1"),
                      "is a Git LFS pointer, not the file: run git lfs pull");
}

/* ---- Paths ---- */

static void paths_that_lead_nowhere(void **state)
{
    const char *link;

    (void)state;
    assert_refused_at(
        at("none"), FLETCH_ERR_NOT_FOUND, at("none"),
        "no such file or folder, expected a model's folder or its weights file");
    put_text(at("file"), "x");
    assert_refused_at(
        at("file/"), FLETCH_ERR_NOT_FOUND, at("file/"),
        "no such file or folder, expected a model's folder or its weights file");
    make_folder("m");
    make_folder("m/model.safetensors");
    assert_refused_at(at("m"), FLETCH_ERR_FORMAT, at("m/model.safetensors"),
                      "is a folder, expected a file");
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_refused_at(at("fifo"), FLETCH_ERR_FORMAT, at("fifo"),
                      "is not a regular file, expected a file");
    /* the hub's cache, copied without its blobs */
    make_folder("hub");
    link = at("hub/model.safetensors");
    assert_int_equal(symlink("../blobs/1234", link), 0);
    assert_refused_at(at("hub"), FLETCH_ERR_NOT_FOUND, at("hub/model.safetensors"),
                      "is a link to a file that is not there");
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_refused_at(at("loop"), FLETCH_ERR_IO, at("loop"), strerror(ELOOP));
}

/* An archive may have a note for each of a million members: neither adding one nor asking
 * for one walks past those before it, or this test would take minutes. */
static void many_notes(void **state)
{
    enum { COUNT = 300000 };
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena };
    struct fletch_checkpoint checkpoint = { .format = "npz" };
    struct fletch_error err;
    char wanted[16];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_ok(fletch_tensor_list_note(&list, &err, "note %d", i), err);
    checkpoint.notes = list.notes;
    for (int i = 0; i < COUNT; i++) {
        snprintf(wanted, sizeof(wanted), "note %d", i);
        assert_string_equal(fletch_checkpoint_note(&checkpoint, (size_t)i), wanted);
    }
    assert_null(fletch_checkpoint_note(&checkpoint, COUNT));
    fletch_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(tensors_come_in_natural_order),
        SCRATCH_TEST(a_file_may_have_any_name),
        SCRATCH_TEST(bytes_are_read_within_their_tensor),
        SCRATCH_TEST(the_list_holds_its_invariants),
        SCRATCH_TEST(shards_are_one_list),
        SCRATCH_TEST(one_file_goes_before_an_index),
        SCRATCH_TEST(published_shards_open),
        SCRATCH_TEST(map_and_shards_must_agree),
        SCRATCH_TEST(an_index_must_be_one),
        SCRATCH_TEST(paths_that_lead_nowhere),
        SCRATCH_TEST(many_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
