/* SPDX-License-Identifier: MIT */
/* test_npy.c - NumPy's files: what every header means, refusals word by word */
#include "npy_files.h"

#include "archive/spool.h"
#include "strided/strided.h"

/* ---- What headers mean ---- */

struct good {
    const char *text;
    size_t size;
    enum fletch_dtype dtype;
    unsigned rank;
    uint64_t shape[3];
};

static const struct good goods[] = {
    { HEADER("<f4", "False", "(2, 3)"), 24, FLETCH_F32, 2, { 2, 3 } },
    { HEADER("|f4", "False", "(2, 3,)"), 24, FLETCH_F32, 2, { 2, 3 } },
    { HEADER("=f4", "False", "(6,)"), 24, FLETCH_F32, 1, { 6 } },
    { HEADER("f4", "False", "( 6 , )"), 24, FLETCH_F32, 1, { 6 } },
    { HEADER("<f4", "True", "()"), 4, FLETCH_F32, 0, { 0 } },
    { HEADER("<f4", "True", "(3, 0, 2)"), 0, FLETCH_F32, 3, { 3, 0, 2 } },
    { HEADER("<f4", "False", "(0, 9223372036854775807)"),
      0,
      FLETCH_F32,
      2,
      { 0, INT64_MAX } },
    { HEADER("<f4", "False", "(4294967296, 4294967296, 0)"),
      0,
      FLETCH_F32,
      3,
      { 1ull << 32, 1ull << 32, 0 } },
    { HEADER("<f2", "False", "(3L,)"), 6, FLETCH_F16, 1, { 3 } },
    { HEADER("<f8", "False", "(1,)"), 8, FLETCH_F64, 1, { 1 } },
    { HEADER("|i1", "False", "(3,)"), 3, FLETCH_I8, 1, { 3 } },
    { HEADER("<i2", "False", "(3,)"), 6, FLETCH_I16, 1, { 3 } },
    { HEADER("<i4", "False", "(3,)"), 12, FLETCH_I32, 1, { 3 } },
    { HEADER("<i8", "False", "(3,)"), 24, FLETCH_I64, 1, { 3 } },
    { HEADER("|u1", "False", "(3,)"), 3, FLETCH_U8, 1, { 3 } },
    { HEADER("<u2", "False", "(3,)"), 6, FLETCH_U16, 1, { 3 } },
    { HEADER("<u4", "False", "(3,)"), 12, FLETCH_U32, 1, { 3 } },
    { HEADER("<u8", "False", "(3,)"), 24, FLETCH_U64, 1, { 3 } },
    { HEADER("|b1", "False", "(3,)"), 3, FLETCH_BOOL, 1, { 3 } },
    { HEADER("<c8", "False", "(3,)"), 24, FLETCH_C64, 1, { 3 } },
    { "{\"shape\":(2,1),\"fortran_order\":False,\"descr\":\"<f4\"}",
      8,
      FLETCH_F32,
      2,
      { 2, 1 } },
    { " { 'fortran_order' : False ,\n'descr' : '<f4', 'shape' : (2, 1) } ",
      8,
      FLETCH_F32,
      2,
      { 2, 1 } },
};

static void check_good(const struct good *good, unsigned version)
{
    const char *path = put_npy_file("w.npy", version, good->text, COUNTING, good->size);
    struct fletch_checkpoint *checkpoint = open_good(path);
    const struct fletch_tensor *tensor = &checkpoint->tensors[0];
    uint8_t found[96];
    struct fletch_error err;

    assert_string_equal(fletch_checkpoint_format(checkpoint), "npy");
    assert_int_equal(checkpoint->tensors_count, 1);
    assert_string_equal(tensor->name, "w");
    assert_int_equal(tensor->dtype, good->dtype);
    assert_int_equal(tensor->rank, good->rank);
    assert_int_equal(tensor->size, good->size);
    assert_memory_equal(tensor->shape, good->shape, good->rank * sizeof(uint64_t));
    assert_true(fletch_tensor_is_straight(tensor));
    assert_ok(fletch_tensor_read(checkpoint, tensor, 0, found, good->size, &err), err);
    assert_memory_equal(found, COUNTING, good->size);
    fletch_checkpoint_close(checkpoint);
}

static void headers_mean_what_numpy_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
        for (unsigned version = 1; version <= 3; version++)
            if (version < 3 || !strstr(goods[i].text, "L"))
                check_good(&goods[i], version);
}

static void found_by_content_and_named_after_the_file(void **state)
{
    static const char *const names[][2] = {
        { "a.npy", "a" },
        { "plain", "plain" },
        { "model.bin", "model.bin" },
        { ".npy", ".npy" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fletch_checkpoint *checkpoint = open_good(
            put_npy_file(names[i][0], 1, HEADER("<f4", "False", "(2,)"), COUNTING, 8));

        assert_string_equal(checkpoint->tensors[0].name, names[i][1]);
        fletch_checkpoint_close(checkpoint);
    }
}

/* ---- Order ---- */

static void assert_values(const struct fletch_checkpoint *checkpoint, const char *name,
                          const float *values, size_t count)
{
    const struct fletch_tensor *tensor = fletch_checkpoint_find(checkpoint, name);
    struct fletch_error err;
    float found[24];

    assert_non_null(tensor);
    assert_int_equal(tensor->count, count);
    assert_ok(fletch_tensor_read(checkpoint, tensor, 0, found, count * 4, &err), err);
    assert_memory_equal(found, values, count * 4);
}

static void the_first_index_may_run_fastest(void **state)
{
    static const float two[6] = { 0, 2, 4, 1, 3, 5 };
    static const float three[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    static const struct array arrays[] = {
        { "two.npy", HEADER("<f4", "True", "(2, 3)"), 24, false },
        { "three.npy", HEADER("<f4", "True", "(2, 2, 2)"), 32, true },
        { "row.npy", HEADER("<f4", "True", "(1, 6, 1)"), 24, false },
    };
    struct fletch_checkpoint *checkpoint =
        open_good((put_npz_file("x.npz", arrays, 3, NULL), at("x.npz")));

    (void)state;
    assert_values(checkpoint, "two", two, 6);
    assert_values(checkpoint, "three", three, 8);
    assert_values(checkpoint, "row", COUNTING, 6);
    assert_false(fletch_tensor_is_straight(fletch_checkpoint_find(checkpoint, "two")));
    assert_true(fletch_tensor_is_straight(fletch_checkpoint_find(checkpoint, "row")));
    fletch_checkpoint_close(checkpoint);
}

static void the_most_significant_byte_may_be_first(void **state)
{
    static const uint8_t big[] = { 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0 }; /* 1, 2 */
    static const float values[] = { 1, 2 };
    struct fletch_checkpoint *checkpoint;

    (void)state;
    put_npy_file("w.npy", 1, HEADER(">f4", "False", "(2,)"), big, sizeof(big));
    checkpoint = open_good(at("w.npy"));
    assert_values(checkpoint, "w", values, 2);
    fletch_checkpoint_close(checkpoint);
    /* of a byte there is no order */
    put_npy_file("b.npy", 1, HEADER(">i1", "False", "(2,)"), big, 2);
    checkpoint = open_good(at("b.npy"));
    assert_true(fletch_tensor_is_straight(&checkpoint->tensors[0]));
    fletch_checkpoint_close(checkpoint);
}

/* ---- Refusals ---- */

struct refusal {
    const char *text;
    size_t size;
    enum fletch_status status;
    const char *sentence; /* behind the path */
};

#define BAD FLETCH_ERR_FORMAT
#define NOT FLETCH_ERR_UNSUPPORTED
#define RAW                                                                                \
    " holds raw bytes, as NumPy writes bfloat16, float8 and int4, and does not say which " \
    "of them they were: save as float32"
#define WIDE " holds floats of a width that no row can have: save as float32"

static const struct refusal refusals[] = {
    { "", 0, BAD, "byte 10: the header ends, expected '{'" },
    { "[]", 0, BAD, "byte 10: found '[', expected '{'" },
    { "{'descr': '<f4', 'fortran_order': False, }", 0, BAD,
      "byte 51: the header has no 'shape'" },
    { "{}", 0, BAD, "byte 11: the header has no 'descr'" },
    { "{'descr': '<f4', 'descr': '<f4'}", 0, BAD, "byte 27: key 'descr' is there twice" },
    { "{'dtype': '<f4'}", 0, BAD,
      "byte 11: found key 'dtype', expected descr, fortran_order or shape" },
    { "{'descr' '<f4'}", 0, BAD, "byte 19: found ''', expected ':'" },
    { "{descr: '<f4'}", 0, BAD, "byte 11: found 'd', expected a key in quotes" },
    { "{'descr': '<f4' 'shape': (1,)}", 0, BAD, "byte 26: found ''', expected ',' or '}'" },
    { "{'descr': '<f4", 0, BAD,
      "byte 24: the header ends, expected plain text up to the closing quote" },
    { "{'descr': '\\x3cf4'}", 0, BAD,
      "byte 21: found '\\', expected plain text up to the closing quote" },
    { "{'descr': '<f4\x01'}", 0, BAD,
      "byte 24: found byte 01, expected plain text up to the closing quote" },
    { "{'descr': f4}", 0, BAD, "byte 20: found 'f', expected a dtype in quotes" },
    { "{'descr': [('a', '<f4')]}", 0, NOT,
      "its dtype is one of records, which are no tensor: save each field as an array of "
      "its own" },
    { "{'descr': ('<f4', (2,))}", 0, NOT,
      "its dtype is one of records, which are no tensor: save each field as an array of "
      "its own" },
    { HEADER("|O", "False", "()"), 0, NOT,
      "its dtype '|O' holds Python objects, which are a pickle, and nothing is executed: "
      "save each array in it under a name of its own" },
    { HEADER("<V2", "False", "()"), 0, NOT, "its dtype '<V2'" RAW },
    { HEADER("|V1", "False", "()"), 0, NOT, "its dtype '|V1'" RAW },
    { HEADER("<f1", "False", "()"), 0, NOT, "its dtype '<f1'" RAW },
    { HEADER("<f16", "False", "()"), 0, NOT, "its dtype '<f16'" WIDE },
    { HEADER("<f12", "False", "()"), 0, NOT, "its dtype '<f12'" WIDE },
    { HEADER("<c16", "False", "()"), 0, NOT,
      "its dtype '<c16' holds complex numbers, which have no place in the table" },
    { HEADER("<i16", "False", "()"), 0, NOT, "its dtype '<i16' is unknown" },
    { HEADER("<", "False", "()"), 0, NOT, "its dtype '<' is unknown" },
    { HEADER("", "False", "()"), 0, NOT, "its dtype '' is unknown" },
    { HEADER("<U4", "False", "(1,)"), 16, NOT, "holds text, expected numbers" },
    { HEADER("|S4", "False", "(1,)"), 4, NOT, "holds text, expected numbers" },
    { HEADER("<M8[s]", "False", "(1,)"), 8, NOT, "holds dates, expected numbers" },
    { HEADER("<m8[s]", "False", "(1,)"), 8, NOT, "holds spans of time, expected numbers" },
    { HEADER("<f4", "false", "(1,)"), 4, BAD,
      "byte 44: found 'f', expected True or False" },
    { HEADER("<f4", "False", "[1]"), 4, BAD, "byte 60: found '[', expected a tuple" },
    { HEADER("<f4", "False", "(1)"), 4, BAD,
      "byte 62: found ')', expected ',', since one number in parentheses is no tuple" },
    { HEADER("<f4", "False", "(-1,)"), 4, BAD,
      "byte 61: found '-', expected a whole number" },
    { HEADER("<f4", "False", "(,)"), 4, BAD,
      "byte 61: found ',', expected a whole number" },
    { HEADER("<f4", "False", "(1 2)"), 8, BAD, "byte 63: found '2', expected ',' or ')'" },
    { HEADER("<f4", "False", "(01,)"), 4, BAD, "byte 61: a number that begins with 0" },
    { HEADER("<f4", "False", "(1.0,)"), 4, BAD, "byte 62: found '.', expected ',' or ')'" },
    { HEADER("<f4", "False", "(18446744073709551616,)"), 4, BAD,
      "byte 61: a number of more than 64 bits" },
    { HEADER("<f4", "False", "(4294967296, 4294967296)"), 4, BAD,
      "has more elements than 64 bits count" },
    { HEADER("<f4", "False", "(9223372036854775807,)"), 4, BAD,
      "has more bytes than 64 bits count" },
    { HEADER("<f4", "False", "(2,)"), 4, BAD,
      "byte 71: found 4 bytes of values, expected 8 by its shape and dtype" },
    { HEADER("<f4", "False", "(2,)"), 12, BAD,
      "byte 71: found 12 bytes of values, expected 8 by its shape and dtype" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } 7", 4, BAD,
      "byte 68: found '7', expected only blanks after the header's '}'" },
};

static void headers_are_refused_word_by_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        assert_refused(
            put_npy_file("w.npy", 1, refusals[i].text, COUNTING, refusals[i].size),
            refusals[i].status, refusals[i].sentence);
}

static void versions_and_limits(void **state)
{
    const char *path = at("w.npy");
    char deep[512];
    size_t len;

    (void)state;
    put_bytes(path, TEXT("\x93NUMPY\x04\x00\x00\x00\x00\x00"));
    assert_refused(path, NOT, "byte 6: version 4.0, expected 1.0, 2.0 or 3.0");
    put_bytes(path, TEXT("\x93NUMPY\x01\x01\x00\x00"));
    assert_refused(path, NOT, "byte 6: version 1.1, expected 1.0, 2.0 or 3.0");
    put_bytes(path, TEXT("\x93NUMPY\x01\x00\xff"));
    assert_refused(
        path, BAD,
        "byte 0: found no NumPy array, expected one to begin with 93 4e 55 4d 50 "
        "59");
    put_bytes(path, TEXT("\x93NUMPY\x02\x00\x10\x00\x00"));
    assert_refused(path, BAD, "byte 11: the array ends within its opening");
    put_bytes(path, TEXT("\x93NUMPY\x02\x00\x01\x00\x01\x00{"));
    assert_refused(path, NOT,
                   "byte 8: a header of 65537 bytes, the limit is 65536 "
                   "(FLETCH_NPY_HEADER_MAX)");
    put_bytes(path, TEXT("\x93NUMPY\x01\x00\x20\x00{"));
    assert_refused(path, BAD, "byte 0: a header of 42 bytes, the array has 11 in all");
    put_npy_file("w.npy", 3, HEADER("<f4", "False", "(1L,)"), COUNTING, 4);
    assert_refused(path, BAD, "byte 64: found 'L', expected ',' or ')'");
    len = (size_t)snprintf(deep, sizeof(deep),
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (unsigned i = 0; i < FLETCH_RANK_MAX + 1; i++)
        len += (size_t)snprintf(deep + len, sizeof(deep) - len, "1, ");
    snprintf(deep + len, sizeof(deep) - len, ")}");
    put_npy_file("w.npy", 1, deep, COUNTING, 4);
    assert_refused(path, NOT, "has more dimensions than the limit, 64 (FLETCH_RANK_MAX)");
}

/* ---- Archives ---- */

static void archives_of_every_kind(void **state)
{
    static const struct array arrays[] = {
        { "b/10.npy", HEADER("<f4", "False", "(2, 3)"), 24, false },
        { "b/9.npy", HEADER("<f4", "False", "(6,)"), 24, true },
        { "params/dense/kernel.npy", HEADER("<f4", "False", "()"), 4, true },
    };
    static const struct zip_style styles[] = {
        { 0 },
        { .zip64 = true, .flags = 8 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        struct fletch_checkpoint *checkpoint;

        put_npz_file("model.pt", arrays, 3, &styles[i]);
        checkpoint = open_good(at("model.pt"));
        assert_string_equal(fletch_checkpoint_format(checkpoint), "npz");
        assert_int_equal(checkpoint->tensors_count, 3);
        assert_string_equal(checkpoint->tensors[0].name, "b/9");
        assert_string_equal(checkpoint->tensors[1].name, "b/10");
        assert_values(checkpoint, "b/10", COUNTING, 6);
        assert_values(checkpoint, "b/9", COUNTING, 6);
        assert_values(checkpoint, "params/dense/kernel", COUNTING, 1);
        assert_int_equal(checkpoint->notes.count, 0);
        fletch_checkpoint_close(checkpoint);
    }
}

static void what_is_no_tensor_is_noted(void **state)
{
    static const struct array arrays[] = {
        { "config.json", "{}", 0, false },
        { "labels.npy", HEADER("<U2", "False", "(2,)"), 16, false },
        { "made.npy", HEADER("<M8[D]", "False", "()"), 8, true },
        { "w.npy", HEADER("<f4", "False", "(2,)"), 8, false },
    };
    static const char *const wanted[] = {
        "'labels.npy' holds text and is left out",
        "'made.npy' holds dates and is left out",
        "members of the archive that are no arrays (.npy): 1",
    };
    struct fletch_checkpoint *checkpoint;

    (void)state;
    put_npz_file("x.npz", arrays, 4, NULL);
    checkpoint = open_good(at("x.npz"));
    assert_int_equal(checkpoint->tensors_count, 1);
    assert_null(checkpoint->files[0].spool); /* no room is kept for what nobody reads */
    assert_int_equal(checkpoint->notes.count, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < checkpoint->notes.count; i++)
        assert_string_equal(checkpoint->notes.items[i], wanted[i]);
    fletch_checkpoint_close(checkpoint);
}

struct asked {
    const struct fletch_checkpoint *checkpoint;
    int times;
};

/* Stops the second time. While one member is being unpacked, another that is there already
 * can be read. */
static bool ask(void *user)
{
    struct asked *asked = user;

    assert_values(asked->checkpoint, "there", COUNTING, 6);
    return ++asked->times > 1;
}

static void unpacking_is_cancelled_and_keeps_nobody_waiting(void **state)
{
    static const struct array arrays[] = {
        { "long.npy", HEADER("<f4", "False", "(6,)"), 24, true },
        { "there.npy", HEADER("<f4", "False", "(6,)"), 24, true },
    };
    struct fletch_checkpoint *checkpoint =
        open_good((put_npz_file("x.npz", arrays, 2, NULL), at("x.npz")));
    struct asked asked = { checkpoint, 1 };
    struct fletch_error err;
    float found[6];

    (void)state;
    assert_values(checkpoint, "there", COUNTING, 6);
    checkpoint->cancel = (struct fletch_cancel){ ask, &asked };
    assert_fails(
        fletch_tensor_read(checkpoint, &checkpoint->tensors[0], 0, found, 24, &err),
        FLETCH_ERR_CANCELLED, err, "interrupted");
    assert_int_equal(strncmp(err.message, "interrupted", 11), 0);
    asked.times = 0;
    assert_values(checkpoint, "long", COUNTING, 6);
    assert_int_equal(asked.times, 1);
    fletch_checkpoint_close(checkpoint);
}

static void what_was_unpacked_is_given_back(void **state)
{
    static const struct array arrays[] = {
        { "a.npy", HEADER("<f4", "False", "(6,)"), 24, true },
        { "b.npy", HEADER("<f4", "False", "(6,)"), 24, true },
    };
    struct fletch_checkpoint *checkpoint =
        open_good((put_npz_file("x.npz", arrays, 2, NULL), at("x.npz")));
    const struct fletch_file *file;
    struct fletch_error err;
    struct stat info;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_values(checkpoint, "a", COUNTING, 6);
        assert_values(checkpoint, "b", COUNTING, 6);
        assert_ok(fletch_spool_file(&file, checkpoint->files[0].spool,
                                    &checkpoint->files[0].file, 0, &checkpoint->cancel,
                                    &err),
                  err);
        assert_int_equal(fstat(file->fd, &info), 0);
        assert_true(info.st_size > 48);
        fletch_checkpoint_release_memory(checkpoint);
        assert_int_equal(fstat(file->fd, &info), 0);
        assert_int_equal(info.st_size, 0);
    }
    fletch_checkpoint_close(checkpoint);
}

struct archive_refusal {
    struct array arrays[2];
    enum fletch_status status;
    const char *sentence;
};

static void members_are_refused_by_name(void **state)
{
    static const struct archive_refusal cases[] = {
        { { { "o.npy", HEADER("|O", "False", "()"), 4, false },
            { "w.npy", HEADER("<f4", "False", "(2,)"), 8, false } },
          NOT,
          "member 'o.npy': its dtype '|O' holds Python objects, which are a pickle, and "
          "nothing is executed: save each array in it under a name of its own" },
        { { { "v.npy", HEADER("|V2", "False", "(2,)"), 4, true },
            { "w.npy", HEADER("<f4", "False", "(2,)"), 8, false } },
          NOT,
          "member 'v.npy': its dtype '|V2'" RAW },
        { { { "v.npy", HEADER("<f4", "False", "(3,)"), 8, true },
            { "w.npy", HEADER("<f4", "False", "(2,)"), 8, false } },
          BAD,
          "member 'v.npy': byte 71: found 8 bytes of values, expected 12 by its shape and "
          "dtype" },
        { { { "a.npy", HEADER("<f4", "False", "(2,)"), 8, true },
            { "v.npy", HEADER("<f4", "False", "(3,)"), 8, true } },
          BAD,
          "member 'v.npy': byte 71: found 8 bytes of values, expected 12 by its shape and "
          "dtype" },
    };
    struct zip_member text = { .name = "t.npy", .bytes = "no array", .size = 8 };
    struct fletch_buf file = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_npz_file("x.npz", cases[i].arrays, 2, NULL);
        assert_refused(at("x.npz"), cases[i].status, cases[i].sentence);
    }
    put_zip(&file, &text, 1, NULL);
    put_bytes(at("x.npz"), file.bytes, file.size);
    assert_refused(at("x.npz"), BAD,
                   "member 't.npy': byte 35: found no NumPy array, expected one to begin "
                   "with 93 4e 55 4d 50 59");
    fletch_buf_release(&file);
}

static void where_a_folder_has_several(void **state)
{
    static const struct array arrays[] = {
        { "w.npy", HEADER("<f4", "False", "(2,)"), 8, false },
    };
    static const char header[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    struct fletch_checkpoint *checkpoint;

    (void)state;
    assert_int_equal(mkdir(at("m"), 0777), 0);
    put_npz_file("m/weights.npz", arrays, 1, NULL);
    checkpoint = open_good(at("m"));
    assert_string_equal(checkpoint->files[0].name, "weights.npz");
    fletch_checkpoint_close(checkpoint);
    put_npz_file("m/model.npz", arrays, 1, NULL);
    checkpoint = open_good(at("m"));
    assert_string_equal(checkpoint->files[0].name, "model.npz");
    assert_string_equal(fletch_checkpoint_note(checkpoint, 0),
                        "weights.npz beside it is not read: model.npz goes first");
    assert_null(fletch_checkpoint_note(checkpoint, 1));
    fletch_checkpoint_close(checkpoint);
    put_header("m/model.safetensors", TEXT(header), 8);
    checkpoint = open_good(at("m"));
    assert_string_equal(checkpoint->files[0].name, "model.safetensors");
    assert_string_equal(fletch_checkpoint_note(checkpoint, 0),
                        "model.npz beside it is not read: model.safetensors goes first");
    assert_string_equal(fletch_checkpoint_note(checkpoint, 1),
                        "weights.npz beside it is not read: model.safetensors goes first");
    fletch_checkpoint_close(checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(headers_mean_what_numpy_means),
        SCRATCH_TEST(found_by_content_and_named_after_the_file),
        SCRATCH_TEST(the_first_index_may_run_fastest),
        SCRATCH_TEST(the_most_significant_byte_may_be_first),
        SCRATCH_TEST(headers_are_refused_word_by_word),
        SCRATCH_TEST(versions_and_limits),
        SCRATCH_TEST(archives_of_every_kind),
        SCRATCH_TEST(what_is_no_tensor_is_noted),
        SCRATCH_TEST(unpacking_is_cancelled_and_keeps_nobody_waiting),
        SCRATCH_TEST(what_was_unpacked_is_given_back),
        SCRATCH_TEST(members_are_refused_by_name),
        SCRATCH_TEST(where_a_folder_has_several),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
