/* SPDX-License-Identifier: MIT */
/* test_torch.c - torch checkpoints: tensors as they lie, what makes them, nests, names */
#include "torch_checkpoints.h"

#include "torch/torch_internal.h"

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
        { { "t",
            "FloatStorage",
            "0",
            24,
            0,
            3,
            { INT64_MAX, INT64_MAX, 0 },
            { 1, 1, 1 },
            NULL,
            false },
          0,
          { 0 } },
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
            assert_ok(fletch_tensor_read(checkpoint, &checkpoint->tensors[0], 0, found,
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
          ": tensor 't': reaches beyond the end of storage '0', which has 24 elements" },
        { { "t", "FloatStorage", "0", 25, 0, 1, { 2 }, { 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          ": tensor 't': storage '0' of 25 elements has 96 bytes in the file, expected 4" },
        { { "t", "FloatStorage", "0", 24, 0, 2, { 2, 3 }, { INT64_MAX, 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "reaches beyond the end of storage '0'" },
        { { "t", "FloatStorage", "0", 24, 0, 2, { 5, 5 }, { INT64_MAX, 1 }, NULL, false },
          FLETCH_ERR_FORMAT,
          "reaches beyond the end of storage '0'" },
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
          "its dtype torch.bits8 is unknown" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        put_one(at("x.bin"), &refusals[i].tensor, NULL);
        assert_refused(at("x.bin"), refusals[i].status, refusals[i].sentence);
    }
    put_one(at("x.bin"), &refusals[0].tensor, "middle");
    assert_refused(at("x.bin"), FLETCH_ERR_FORMAT, "says 'middle', expected little or big");
}

static bool has_note(const struct fletch_checkpoint *checkpoint, const char *part)
{
    for (size_t i = 0; i < checkpoint->notes.count; i++)
        if (strstr(checkpoint->notes.items[i], part))
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
    assert_true(has_note(checkpoint, "the pickle calls os.system"));
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

/* What a pickle wants to call is said also where it is refused: of functions first, of what
 * the sentence names already no second time. */
static void calls_of_what_is_refused(void **state)
{
    struct fletch_buf pickle = { 0 };
    static const char *const cases[][2] = {
        { "\x80\x02"
          "cposix\nsystem\nU\2ls\x85R.",
          ": is what posix.system would make, and nothing is executed: expected a dict of "
          "tensors" },
        { "\x80\x02}(U\1acm\nNet\n)\x81}bU\1bcposix\nsystem\nU\2ls\x85Ru.",
          ": holds a dict of 2 entries, and none is a tensor, nor in the dicts below; the "
          "pickle calls posix.system and 1 more (ignored: nothing is executed)" },
        { "\x80\x02]cposix\nsystem\nU\2ls\x85Ra.",
          ": holds a list, expected a dict of tensors; the pickle calls "
          "posix.system (ignored: nothing is executed)" },
        { "\x80\x02"
          "cposix\nsystem\n}U\1aU\1bsb.",
          ": is a whole object of class posix.system, which nothing but its own code can "
          "read: save its state_dict() instead; nothing is executed" },
        { "\x80\x02"
          "cposix\nsystem\nU\2ls\x85R}b.",
          ": is a whole object of class posix.system, which nothing but its own code can "
          "read: save its state_dict() instead; nothing is executed" },
        { "\x80\x02}U\1acposix\nsystem\n}bs.",
          ": holds a dict of 1 entry, and none is a tensor, nor in the dicts below; the "
          "pickle calls posix.system (ignored: nothing is executed)" },
        { "\x80\x02U\1acposix\nsystem\nb.", ": holds a string, expected a dict of tensors; "
                                            "the pickle names posix.system (ignored: "
                                            "nothing is executed)" },
        { "\x80\x02"
          "cposix\nsystem\n.",
          ": holds a global, expected a dict of tensors; the pickle names posix.system "
          "(ignored: "
          "nothing is executed)" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[512];

        fletch_buf_clear(&pickle);
        fletch_buf_put_text(&pickle, cases[i][0]);
        put_torch_zip(at("x.bin"), &pickle, "0123456789abcdef", 16, NULL);
        snprintf(wanted, sizeof(wanted), "%s%s", at("x.bin"), cases[i][1]);
        assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, wanted);
    }
    fletch_buf_release(&pickle);
}

/* {'sd': {'student.w': a tensor, 'teacher.w': it again, and what `more` pickles}}. */
static struct fletch_checkpoint *open_student(const char *more, size_t size)
{
    const struct fletch_options options = { .prefix = "sd.student" };
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_buf tail = { 0 };
    struct fletch_error err;

    fletch_buf_put(&tail, TEXT("q\1U\x09teacher.wh\1"));
    fletch_buf_put(&tail, more, size);
    fletch_buf_put(&tail, TEXT("us."));
    put_around(at("x.bin"), TEXT("\x80\x02}U\2sd}(U\x09student.w"),
               (const char *)tail.bytes, tail.size);
    fletch_buf_release(&tail);
    assert_ok(fletch_checkpoint_open(&checkpoint, at("x.bin"), &options, &err), err);
    return checkpoint;
}

/* What is no tensor is named: it may be a weight that somebody saved in another way. A
 * tensor that is left out is not said again here, nor is a dict that has some. */
static void neighbours_that_are_no_tensors(void **state)
{
    struct fletch_checkpoint *checkpoint = open_student(TEXT("U\3old}U\1wh\1s"));

    (void)state;
    assert_true(has_note(checkpoint, "'sd.teacher' has 1 tensor, left out"));
    assert_true(has_note(checkpoint, "'sd.old' has 1 tensor, left out"));
    assert_false(has_note(checkpoint, "beside the tensors"));
    fletch_checkpoint_close(checkpoint);
    checkpoint = open_student(TEXT("U\x09student.bN"));
    assert_true(has_note(checkpoint,
                         "1 entry beside the tensors is no tensor: 'student.b' (None)"));
    fletch_checkpoint_close(checkpoint);
    checkpoint = open_student(TEXT("U\1bcm\nf\n)RU\1n]K\1aU\1eK\1U\1oX\1\0\0\0x"));
    assert_true(has_note(checkpoint, "4 entries beside the tensors are no tensors: 'b' (an "
                                     "object), 'n' (a list), 'e' (an int), ..."));
    fletch_checkpoint_close(checkpoint);
}

/* Makers of tensors that no torch of today writes, or not so often one in another. */
static void makers(void **state)
{
    static const char old[] = "\x80\x02}U\1wctorch._utils\n_rebuild_tensor\n(("
                              "U\x07storagectorch\nFloatStorage\nU\1"
                              "0U\3cpuK\4tQK\1K\2\x85K\2\x85tRs.";
    struct fletch_buf pickle = { 0 };
    struct fletch_checkpoint *checkpoint;

    (void)state;
    fletch_buf_put(&pickle, old, sizeof(old) - 1);
    put_torch_zip(at("x.bin"), &pickle, "0123456789abcdef", 16, NULL);
    checkpoint = open_good(at("x.bin"));
    assert_int_equal(checkpoint->tensors[0].count, 2);
    assert_int_equal(checkpoint->tensors[0].strides[0], 2);
    fletch_checkpoint_close(checkpoint);
    for (int wraps = 7; wraps <= 8; wraps++) {
        static const char begin[] = "ctorch._utils\n_rebuild_parameter\n(";

        fletch_buf_clear(&pickle);
        fletch_buf_put_text(&pickle, "\x80\x02}U\1w");
        for (int i = 0; i < wraps; i++)
            fletch_buf_put_text(&pickle, begin);
        pickle_tensor(&pickle, &SMALL);
        for (int i = 0; i < wraps; i++)
            fletch_buf_put_text(&pickle, "\x88}tR");
        fletch_buf_put_text(&pickle, "s.");
        put_torch_zip(at("x.bin"), &pickle, "0123456789abcdef", 16, NULL);
        if (wraps == 7)
            fletch_checkpoint_close(open_good(at("x.bin")));
        else
            assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED,
                           "wrapped more often than the limit, 8 (WRAPS_MAX)");
    }
    put_around(at("x.bin"),
               TEXT("\x80\x02}U\1wctorch._tensor\n_rebuild_from_type_v2\n("
                    "ctorch._tensor\n_rebuild_from_type_v2\ncm\nC\n"),
               TEXT("\x85}tRs."));
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED, "is a class within a class");
    fletch_buf_clear(&pickle);
    fletch_buf_put_text(&pickle, "\x80\x02}U\1wctorch._utils\n_rebuild_tensor\n((");
    fletch_buf_put(&pickle, TEXT("U\x07storagectorch\nFloatStorage\nU\1"
                                 "0U\3cpuK\4tQK\1("));
    for (int i = 0; i < 65; i++)
        fletch_buf_put_text(&pickle, "K\1");
    fletch_buf_put_text(&pickle, "tK\1\x85tRs.");
    put_torch_zip(at("x.bin"), &pickle, "0123456789abcdef", 16, NULL);
    assert_refused(at("x.bin"), FLETCH_ERR_UNSUPPORTED,
                   "65 dimensions, the limit is 64 (FLETCH_RANK_MAX)");
    fletch_buf_release(&pickle);
}

/* A compressed storage is unpacked when it is read: who lists does not meet its damage, who
 * reads does, and the others are read all the same. */
static void compressed_storages(void **state)
{
    struct pickled tensors[] = { SMALL, SMALL };
    struct fletch_buf pickle = { 0 }, file = { 0 };
    struct fletch_checkpoint *checkpoint;
    struct fletch_error err = { 0 };
    char found[16];

    (void)state;
    tensors[0].name = "damaged";
    tensors[1].name = "good";
    tensors[1].key = "1";
    pickle_tensors(&pickle, tensors, 2);
    {
        const struct zip_member members[] = {
            { .name = "m/data.pkl", .bytes = pickle.bytes, .size = pickle.size, .crc = 2 },
            { .name = "m/data/0",
              .bytes = "0123456789abcdef",
              .size = 16,
              .deflate = true,
              .crc = 1 },
            { .name = "m/data/1",
              .bytes = "fedcba9876543210",
              .size = 16,
              .deflate = true,
              .crc = 2 },
        };

        put_zip(&file, members, 3, NULL);
    }
    put_bytes(at("x.bin"), file.bytes, file.size);
    checkpoint = open_good(at("x.bin"));
    for (int i = 0; i < 2; i++) {
        assert_fails(
            fletch_tensor_read(checkpoint, &checkpoint->tensors[0], 0, found, 16, &err),
            FLETCH_ERR_FORMAT, err, "member 'm/data/0' has CRC");
        assert_int_equal(strncmp(err.message, at("x.bin"), strlen(at("x.bin"))), 0);
        assert_ok(
            fletch_tensor_read(checkpoint, &checkpoint->tensors[1], 4, found, 8, &err),
            err);
        assert_memory_equal(found, "ba987654", 8);
    }
    fletch_checkpoint_close(checkpoint);
    fletch_buf_release(&pickle);
    fletch_buf_release(&file);
}

/* What numpy and torch put beside the weights is nothing to warn of. */
static void inert_neighbours(void **state)
{
    static const char *const calls[] = {
        "cnumpy.core.multiarray\nscalar\n)R",
        "cnumpy._core.multiarray\n_reconstruct\n)R",
        "cnumpy.core.numeric\n_frombuffer\n)R",
        "cnumpy._core.numeric\n_frombuffer\n)R",
        "cnumpy\ndtype\n)R",
        "ctorch\nSize\n)R",
        "ctorch\ndevice\n)R",
        "ctorch\nfloat16\n",
        "ccollections\ndefaultdict\ncbuiltins\nint\n\x85R",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct fletch_checkpoint *checkpoint;
        char tail[128];
        int len = snprintf(tail, sizeof(tail), "U\1v%su.", calls[i]);

        put_around(at("x.bin"), TEXT("\x80\x02}(U\1w"), tail, (size_t)len);
        checkpoint = open_good(at("x.bin"));
        assert_false(has_note(checkpoint, "the pickle calls"));
        fletch_checkpoint_close(checkpoint);
    }
}

/* Names say nothing: neither the file's nor the archive's root. */
static void any_name(void **state)
{
    static const char *const names[] = { "x.pt",  "x.pth", "x.ckpt",        "x",
                                         "x.txt", "x.npz", "x.safetensors", "x.tar.gz" };
    struct fletch_buf pickle = { 0 };

    (void)state;
    pickle_tensors(&pickle, &SMALL, 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fletch_checkpoint *checkpoint;

        put_torch_zip(at(names[i]), &pickle, "0123456789abcdef", 16, NULL);
        checkpoint = open_good(at(names[i]));
        assert_string_equal(fletch_checkpoint_format(checkpoint), "torch zip");
        fletch_checkpoint_close(checkpoint);
    }
    for (int two = 0; two < 2; two++) {
        const struct zip_member members[] = {
            { .name = "some where/data/0", .bytes = "0123456789abcdef", .size = 16 },
            { .name = "some where/data.pkl", .bytes = pickle.bytes, .size = pickle.size },
            { .name = "other/data.pkl", .bytes = pickle.bytes, .size = pickle.size },
        };
        const struct zip_style wide = { .zip64 = true };
        struct fletch_buf file = { 0 };

        put_zip(&file, members, two ? 3 : 2, &wide);
        put_bytes(at("x.bin"), file.bytes, file.size);
        fletch_buf_release(&file);
        if (two)
            assert_refused(at("x.bin"), FLETCH_ERR_FORMAT,
                           "has both 'other/data.pkl' and 'some where/data.pkl', expected "
                           "one pickle");
        else
            fletch_checkpoint_close(open_good(at("x.bin")));
    }
    fletch_buf_release(&pickle);
}

static void a_long_root(void **state)
{
    struct fletch_buf pickle = { 0 }, file = { 0 };
    char root[700], storage[720], object[720];
    struct zip_member members[] = {
        { .name = storage, .bytes = "0123456789abcdef", .size = 16 },
        { .name = object },
    };

    (void)state;
    memset(root, 'r', sizeof(root) - 1);
    root[sizeof(root) - 1] = 0;
    snprintf(storage, sizeof(storage), "%s/data/0", root);
    snprintf(object, sizeof(object), "%s/data.pkl", root);
    pickle_tensors(&pickle, &SMALL, 1);
    members[1].bytes = pickle.bytes;
    members[1].size = pickle.size;
    put_zip(&file, members, 2, NULL);
    put_bytes(at("x.bin"), file.bytes, file.size);
    fletch_checkpoint_close(open_good(at("x.bin")));
    fletch_buf_release(&pickle);
    fletch_buf_release(&file);
}

/* {'model': {'w': SMALL}, 'net': {'w': this one}}, two dicts. */
static void pickle_two(struct fletch_buf *pickle, const struct pickled *second)
{
    fletch_buf_put(pickle, TEXT("\x80\x02}(U\x05model}U\1w"));
    pickle_tensor(pickle, &SMALL);
    fletch_buf_put(pickle, TEXT("sU\3net}U\1w"));
    pickle_tensor(pickle, second);
    fletch_buf_put(pickle, TEXT("su."));
}

static void put_two(const char *path, const struct pickled *second)
{
    struct fletch_buf pickle = { 0 };

    pickle_two(&pickle, second);
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

static enum fletch_status find_nothing(struct fletch_torch_place *out,
                                       struct fletch_torch *torch,
                                       const struct fletch_torch_storage *storage,
                                       struct fletch_error *err)
{
    (void)out;
    (void)torch;
    return fletch_fail(err, FLETCH_ERR_IO, "%s: gone", storage->key);
}

/* Where the file fails while dicts are compared, also for callers who want no sentence. */
static void nests_that_cannot_be_compared(void **state)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena };
    struct fletch_torch torch = { .list = &list, .find = find_nothing };
    struct fletch_buf pickle = { 0 };
    struct fletch_error err = { 0 };
    bool cut;

    (void)state;
    pickle_two(&pickle, &SMALL);
    assert_ok(fletch_pickle_read(&torch.pickle, &cut, pickle.bytes, pickle.size, 0, &err),
              err);
    assert_fails(fletch_torch_state_dict_list(&torch, &err), FLETCH_ERR_IO, err, "0: gone");
    assert_int_equal(fletch_torch_state_dict_list(&torch, NULL), FLETCH_ERR_IO);
    fletch_pickle_close(&torch.pickle);
    fletch_buf_release(&pickle);
    fletch_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tensors_as_they_lie, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(tensors_that_cannot_be, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(nests, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(calls_of_what_is_refused, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(neighbours_that_are_no_tensors, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(makers, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(compressed_storages, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(inert_neighbours, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(any_name, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(a_long_root, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(nests_of_the_same, make_scratch, remove_scratch),
        cmocka_unit_test(nests_that_cannot_be_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
