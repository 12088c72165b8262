/* SPDX-License-Identifier: MIT */
/* test_safetensors.c - every rule of a safetensors header, with its status and sentence */
#include "checkpoints.h"

/* Shorthands for headers: a tensor of F32, or any other. */
#define F32(name, shape, begin, end)                                                       \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin        \
    "," #end "]}"
#define OF(dtype, shape, begin, end)                                                       \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin        \
    "," #end "]}}"
#define FIELDS(fields) "{\"a\":{" fields "}}"
#define EXTRA(value)                                                                       \
    "{\"a\":{\"dtype\":\"U8\",\"x\":" value ",\"shape\":[1],\"data_offsets\":[0,1]}}"
#define NAMED(name) "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
#define SHAPED(shape) OF("U8", shape, 0, 1)
#define AT(offsets) FIELDS("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":" offsets)

/* ---- Accepted ---- */

struct accepted {
    const char *header;
    size_t size;
    size_t data_size;
    size_t count;
};

static void accepts(void **state)
{
    static const struct accepted cases[] = {
        { TEXT("{}"), 0, 0 },
        { TEXT(" \t\r\n{ } \t\r\n"), 0, 0 },
        { TEXT("{" F32("a", "[1]", 0, 4) "}        "), 4, 1 },
        { TEXT("\n{ \"a\" : { \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 4 ] , \"dtype\" "
               ": \"F32\" } }"),
          4, 1 },
        { TEXT("{\"__metadata__\":null}"), 0, 0 },
        { TEXT("{\"__metadata__\":{}}"), 0, 0 },
        { TEXT("{\"__metadata__\":{\"format\":\"pt\",\"format\":\"x\\u0000\"}}"), 0, 0 },
        { TEXT("{" F32("a", "[1]", 0, 4) ",\"__metadata__\":{\"a\":\"b\"}}"), 4, 1 },
        /* a scalar, empty tensors at every boundary, the header in any order */
        { TEXT("{" F32("a", "[]", 0, 4) "}"), 4, 1 },
        { TEXT("{" F32("a", "[1]", 4, 8) "," F32("b", "[1]", 0, 4) "}"), 8, 2 },
        { TEXT("{" F32("a", "[0]", 4, 4) "," F32("b", "[1]", 0, 4) "," F32(
              "c", "[3,0]", 0, 0) "," F32("d", "[0]", 4, 4) "}"),
          4, 4 },
        { TEXT("{" F32("a", "[0]", 0, 0) "}"), 0, 1 },
        { TEXT(OF("F32", "[0,18446744073709551615,18446744073709551615]", 0, 0)), 0, 1 },
        { TEXT(OF("F4", "[3,2]", 0, 3)), 3, 1 },
        { TEXT(OF("F6_E2M3", "[4]", 0, 3)), 3, 1 },
        { TEXT(OF("C64", "[1]", 0, 8)), 8, 1 },
        { TEXT(EXTRA(
              "[{\"y\":[]},{},-0.5e+7,0,1E2,12,true,false,null,\"\\\"\\n\\ud83d\\ude00"
              "\"]")),
          1, 1 },
        { TEXT(NAMED("")), 1, 1 },
        { TEXT("{" F32("__metadata_", "[1]", 0, 4) "}"), 4, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path =
            put_header("x.safetensors", cases[i].header, cases[i].size, cases[i].data_size);
        struct fletch_checkpoint *checkpoint = open_good(path);

        assert_int_equal(fletch_checkpoint_count(checkpoint), cases[i].count);
        fletch_checkpoint_close(checkpoint);
    }
}

static void names_are_decoded(void **state)
{
    static const char header[] = NAMED("\\u0061\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC"
                                       "\\ud83d\\ude00\xc3\xa9");
    struct fletch_checkpoint *checkpoint =
        open_good(put_header("x.safetensors", TEXT(header), 1));
    struct fletch_tensor_info info;

    (void)state;
    assert_true(fletch_checkpoint_at(&info, checkpoint, 0));
    assert_string_equal(info.name,
                        "a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
    fletch_checkpoint_close(checkpoint);
}

static void tells_where_the_bytes_are(void **state)
{
    static const char header[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":"
                                 "[0,1]},\"a\":{\"dtype\":\"F64\",\"shape\":[1,2],"
                                 "\"data_offsets\":[1,17]}}";
    struct fletch_checkpoint *checkpoint =
        open_good(put_header("x.safetensors", TEXT(header), 17));
    struct fletch_tensor_info info;

    (void)state;
    assert_true(fletch_checkpoint_at(&info, checkpoint, 0));
    assert_string_equal(info.name, "a");
    assert_string_equal(info.dtype, "torch.float64");
    assert_int_equal(info.rank, 2);
    assert_int_equal(info.shape[0], 1);
    assert_int_equal(info.shape[1], 2);
    assert_int_equal(info.count, 2);
    assert_int_equal(info.size, 16);
    assert_int_equal(info.offset, 8 + sizeof(header) - 1 + 1); /* nothing is aligned */
    assert_string_equal(info.file, "x.safetensors");
    assert_true(fletch_checkpoint_at(&info, checkpoint, 1));
    assert_string_equal(info.name, "b");
    assert_false(fletch_checkpoint_at(&info, checkpoint, 2));
    fletch_checkpoint_close(checkpoint);
}

static void knows_every_dtype(void **state)
{
    (void)state;
    for (int i = FLETCH_DTYPE_NONE + 1; i < FLETCH_DTYPE_COUNT; i++) {
        const struct fletch_dtype_info *info = fletch_dtype_info((enum fletch_dtype)i);
        struct fletch_checkpoint *checkpoint;
        char header[200];
        int len =
            snprintf(header, sizeof(header),
                     "{\"a\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,%u]}}",
                     info->safetensors, info->bits);

        checkpoint =
            open_good(put_header("x.safetensors", header, (size_t)len, info->bits));
        assert_int_equal(checkpoint->tensors[0].dtype, i);
        assert_int_equal(checkpoint->tensors[0].size, info->bits);
        fletch_checkpoint_close(checkpoint);
    }
}

/* ---- Refused ---- */

struct refused {
    const char *header;
    size_t size;
    size_t data_size;
    enum fletch_status status;
    const char *sentence;
};

static void assert_all_refused(const struct refused *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(
            put_header("x.safetensors", cases[i].header, cases[i].size, cases[i].data_size),
            cases[i].status, cases[i].sentence);
}

#define ASSERT_ALL_REFUSED(cases)                                                          \
    assert_all_refused(cases, sizeof(cases) / sizeof(cases[0]))

static void refuses_what_is_no_json(void **state)
{
    static const struct refused cases[] = {
        { TEXT(""), 0, FLETCH_ERR_FORMAT,
          "byte 8: found the end, expected the object of a safetensors header" },
        { TEXT("[]"), 0, FLETCH_ERR_FORMAT,
          "byte 8: found '[', expected the object of a safetensors header" },
        { TEXT("null"), 0, FLETCH_ERR_FORMAT,
          "byte 8: found 'n', expected the object of a safetensors header" },
        { TEXT("\xef\xbb\xbf{}"), 0, FLETCH_ERR_FORMAT,
          "byte 8: found 0xef, expected the object of a safetensors header" },
        { TEXT("{}\0"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0x00, expected nothing after the header's object" },
        { TEXT("{}\x0c"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0x0c, expected nothing after the header's object" },
        { TEXT("{},"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found ',', expected nothing after the header's object" },
        { TEXT("{"), 0, FLETCH_ERR_FORMAT,
          "byte 9: found the end, expected a name in quotes or '}'" },
        { TEXT("{,}"), 0, FLETCH_ERR_FORMAT,
          "byte 9: found ',', expected a name in quotes or '}'" },
        { TEXT("{" F32("a", "[0]", 0, 0) ",}"), 0, FLETCH_ERR_FORMAT,
          "byte 62: found '}', expected a name in quotes" },
        { TEXT("{" F32("a", "[0]", 0, 0) " " F32("b", "[0]", 0, 0) "}"), 0,
          FLETCH_ERR_FORMAT, "byte 62: found '\"', expected ',' or '}'" },
        { TEXT("{\"a\" 1}"), 0, FLETCH_ERR_FORMAT, "byte 13: found '1', expected ':'" },
        { TEXT("{\"a"), 0, FLETCH_ERR_FORMAT,
          "byte 11: found the end, expected the end of a string" },
        { TEXT("{\"\xff\":{}}"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0xff in the header, expected UTF-8" },
        { TEXT("{\"\xed\xa0\x80\":{}}"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0xed in the header, expected UTF-8" },
        { TEXT("{\"\xc0\x80\":{}}"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0xc0 in the header, expected UTF-8" },
        { TEXT("{\"\xf5\x80\x80\x80\":{}}"), 0, FLETCH_ERR_FORMAT,
          "byte 10: found 0xf5 in the header, expected UTF-8" },
        { TEXT("{\"12345678\xe2\x82"), 0, FLETCH_ERR_FORMAT,
          "byte 18: found 0xe2 in the header, expected UTF-8" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_bad_names(void **state)
{
    static const struct refused cases[] = {
        { TEXT(NAMED("a\\u0000b")), 1, FLETCH_ERR_UNSUPPORTED,
          "byte 9: the name of a tensor has a NUL in it" },
        { TEXT(NAMED("a\nb")), 1, FLETCH_ERR_FORMAT,
          "byte 11: found 0x0a, expected control characters to be escaped" },
        { TEXT(NAMED("a\0b")), 1, FLETCH_ERR_FORMAT,
          "byte 11: found 0x00, expected control characters to be escaped" },
        { TEXT(NAMED("a\\x")), 1, FLETCH_ERR_FORMAT,
          "byte 12: found 'x', expected an escape that JSON allows" },
        { TEXT("{\"a\\"), 1, FLETCH_ERR_FORMAT,
          "byte 12: found the end, expected an escape that JSON allows" },
        { TEXT(NAMED("\\u12g4")), 1, FLETCH_ERR_FORMAT,
          "byte 14: found 'g', expected four hexadecimal digits after \\u" },
        { TEXT(NAMED("\\ud800")), 1, FLETCH_ERR_FORMAT,
          "byte 10: found half of a surrogate pair, \\ud800, expected both halves" },
        { TEXT(NAMED("x\\udc00\\ud800")), 1, FLETCH_ERR_FORMAT,
          "byte 11: found half of a surrogate pair, \\udc00, expected both halves" },
        { TEXT(NAMED("\\ud83d\\u0041")), 1, FLETCH_ERR_FORMAT,
          "byte 10: found half of a surrogate pair, \\ud83d, expected both halves" },
        { TEXT(NAMED("\\ud83d\\n")), 1, FLETCH_ERR_FORMAT,
          "byte 10: found half of a surrogate pair, \\ud83d, expected both halves" },
        { TEXT("{\"\\ud83d\\"), 1, FLETCH_ERR_FORMAT,
          "byte 10: found half of a surrogate pair, \\ud83d, expected both halves" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_what_is_there_twice(void **state)
{
    static const struct refused cases[] = {
        { TEXT("{" F32("b", "[1]", 0, 4) "," F32("a", "[1]", 4, 8) "," F32("\\u0062", "[1]",
                                                                           8, 12) "}"),
          12, FLETCH_ERR_FORMAT,
          "byte 115: tensor 'b' is given a second time, first at byte 9" },
        /* also where both have one range */
        { TEXT("{" F32("a", "[1]", 0, 4) "," F32("a", "[1]", 0, 4) "}"), 4,
          FLETCH_ERR_FORMAT,
          "byte 62: tensor 'a' is given a second time, first at byte 9" },
        { TEXT("{\"__metadata__\":null,\"__metadata__\":{}}"), 0, FLETCH_ERR_FORMAT,
          "byte 29: __metadata__ is given a second time" },
        { TEXT(FIELDS("\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":"
                      "[0,1]")),
          1, FLETCH_ERR_FORMAT, "tensor 'a': byte 27: dtype is given a second time" },
        { TEXT(FIELDS("\"dtype\":\"U8\",\"shape\":[1],\"sh\\u0061pe\":[1]")), 1,
          FLETCH_ERR_FORMAT, "tensor 'a': byte 39: shape is given a second time" },
        { TEXT(FIELDS("\"data_offsets\":[0,1],\"data_offsets\":[0,1]")), 1,
          FLETCH_ERR_FORMAT, "tensor 'a': byte 35: data_offsets is given a second time" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_tensors_of_another_form(void **state)
{
    static const struct refused cases[] = {
        { TEXT("{\"a\":[\"F32\",[1],[0,4]]}"), 4, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: found '[', expected an object with dtype, shape and "
          "data_offsets" },
        { TEXT("{\"a\":null}"), 0, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: found 'n', expected an object with dtype, shape and "
          "data_offsets" },
        { TEXT("{\"a\":{}}"), 0, FLETCH_ERR_FORMAT, "tensor 'a': byte 13: has no dtype" },
        { TEXT(FIELDS("\"dtype\":\"U8\",\"data_offsets\":[0,1]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: has no shape" },
        { TEXT(FIELDS("\"dtype\":\"U8\",\"shape\":[1]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: has no data_offsets" },
        { TEXT(OF("f32", "[1]", 0, 4)), 4, FLETCH_ERR_UNSUPPORTED,
          "tensor 'a': byte 22: unknown dtype 'f32'" },
        { TEXT(OF("I128", "[1]", 0, 4)), 4, FLETCH_ERR_UNSUPPORTED,
          "tensor 'a': byte 22: unknown dtype 'I128'" },
        { TEXT(FIELDS("\"dtype\":{\"F32\":null}")), 4, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 22: found '{', expected the name of a dtype in quotes" },
        { TEXT(FIELDS("\"dtype\":7")), 4, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 22: found '7', expected the name of a dtype in quotes" },
        { TEXT(SHAPED("1")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 35: found '1', expected the array of a shape" },
        { TEXT(SHAPED("[1,]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 38: found ']', expected a plain whole number" },
        { TEXT(SHAPED("[1 1]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 38: found '1', expected ',' or ']'" },
        { TEXT("{\"__metadata__\":[]}"), 0, FLETCH_ERR_FORMAT,
          "byte 24: found '[', expected the object of __metadata__, or null" },
        { TEXT("{\"__metadata__\":nil}"), 0, FLETCH_ERR_FORMAT,
          "byte 24: found 'n', expected a value" },
        { TEXT("{\"__metadata__\":{\"a\":1}}"), 0, FLETCH_ERR_FORMAT,
          "byte 29: found '1', expected a string in __metadata__" },
        { TEXT("{\"__metadata__\":{\"a\":null}}"), 0, FLETCH_ERR_FORMAT,
          "byte 29: found 'n', expected a string in __metadata__" },
        { TEXT("{\"__metadata__\":{\"a\":{}}}"), 0, FLETCH_ERR_FORMAT,
          "byte 29: found '{', expected a string in __metadata__" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_numbers_that_are_not_plain(void **state)
{
    static const struct refused cases[] = {
        { TEXT(SHAPED("[1.0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 37: found '.', expected a plain whole number" },
        { TEXT(SHAPED("[1e0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 37: found 'e', expected a plain whole number" },
        { TEXT(SHAPED("[-0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found '-', expected a plain whole number" },
        { TEXT(SHAPED("[-1]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found '-', expected a plain whole number" },
        { TEXT(SHAPED("[01]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found a leading zero, expected a plain whole number" },
        { TEXT(SHAPED("[\"1\"]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found '\"', expected a plain whole number" },
        { TEXT(SHAPED("[18446744073709551616]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found a number beyond 64 bits, expected a plain whole "
          "number" },
        { TEXT(SHAPED("[99999999999999999999999]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 36: found a number beyond 64 bits, expected a plain whole "
          "number" },
        { TEXT(AT("[0,1.0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 58: found '.', expected a plain whole number" },
        { TEXT(AT("[]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 54: data_offsets has 0 numbers, expected 2" },
        { TEXT(AT("[0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 54: data_offsets has 1 numbers, expected 2" },
        { TEXT(AT("[0,1,2]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 54: data_offsets has more than 2 numbers, expected 2" },
        { TEXT(AT("[1,0]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 54: data_offsets [1, 0] end before they begin" },
        { TEXT(AT("{}")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 54: found '{', expected the array of data_offsets" },
        { TEXT(EXTRA("-")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 32: found ',', expected a digit" },
        { TEXT(EXTRA("1.")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 33: found ',', expected a digit" },
        { TEXT(EXTRA("1e+")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 34: found ',', expected a digit" },
        { TEXT(EXTRA("01")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 32: found '1', expected ',' or '}'" },
        { TEXT(EXTRA("nul")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 31: found 'n', expected a value" },
        { TEXT(EXTRA("[1,]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 34: found ']', expected a value" },
        { TEXT(EXTRA("[1}")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 33: found '}', expected ',' or ']'" },
        { TEXT(EXTRA("{\"y\":1]")), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 37: found ']', expected ',' or '}'" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_sizes_that_do_not_fit(void **state)
{
    static const struct refused cases[] = {
        /* left to right: the zero comes too late */
        { TEXT(OF("U8", "[18446744073709551615,18446744073709551615,0]", 0, 0)), 0,
          FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [18446744073709551615, 18446744073709551615, 0] of "
          "U8 "
          "is beyond 64 bits" },
        { TEXT(OF("U8", "[2305843009213693952]", 0, 0)), 0, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [2305843009213693952] of U8 is beyond 64 bits" },
        { TEXT(OF("F4", "[3]", 0, 1)), 1, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [3] of F4 takes 12 bits, expected whole bytes" },
        { TEXT(OF("F32", "[2,2]", 0, 12)), 12, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [2, 2] of F32 takes 16 bytes, data_offsets [0, 12] "
          "hold 12" },
        { TEXT(OF("F32", "[]", 0, 0)), 0, FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [] of F32 takes 4 bytes, data_offsets [0, 0] hold "
          "0" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

static void refuses_holes_and_overlaps(void **state)
{
    static const struct refused cases[] = {
        { TEXT("{" F32("a", "[1]", 4, 8) "}"), 8, FLETCH_ERR_FORMAT,
          "byte 9: the first tensor 'a' begins at 4 of the data, expected 0" },
        { TEXT("{" F32("b", "[1]", 8, 12) "," F32("a", "[1]", 0, 4) "}"), 12,
          FLETCH_ERR_FORMAT,
          "byte 9: a hole between tensor 'a', which ends at 4, and tensor 'b', which "
          "begins "
          "at 8" },
        { TEXT("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 4, 12) "}"), 12,
          FLETCH_ERR_FORMAT,
          "byte 62: tensor 'b' at [4, 12] overlaps tensor 'a' at [0, 8]" },
        { TEXT("{" F32("b", "[1]", 0, 4) "," F32("a", "[1]", 0, 4) "}"), 4,
          FLETCH_ERR_FORMAT,
          "byte 62: tensor 'a' at [0, 4] overlaps tensor 'b' at [0, 4]" },
        /* an empty tensor in the middle of another */
        { TEXT("{" F32("a", "[1]", 0, 4) "," F32("b", "[0]", 2, 2) "}"), 4,
          FLETCH_ERR_FORMAT,
          "byte 62: tensor 'b' at [2, 2] overlaps tensor 'a' at [0, 4]" },
        { TEXT("{" F32("a", "[2]", 0, 8) "}"), 5, FLETCH_ERR_FORMAT,
          "byte 67: the file ends here, 3 bytes before the end of tensor 'a': it was cut "
          "short" },
        { TEXT("{" F32("a", "[1]", 0, 4) "}"), 7, FLETCH_ERR_FORMAT,
          "byte 66: found 3 bytes after the last tensor 'a'" },
        { TEXT("{}"), 2, FLETCH_ERR_FORMAT,
          "byte 10: found 2 bytes after the last tensor" },
        { TEXT("{" F32("a", "[4611686018427387903]", 0, 18446744073709551612) "}"), 7,
          FLETCH_ERR_FORMAT,
          "tensor 'a': byte 13: shape [4611686018427387903] of F32 is beyond 64 bits" },
        { TEXT(OF("F32", "[576460752303423487]", 0, 2305843009213693948)), 4,
          FLETCH_ERR_FORMAT,
          "byte 101: the file ends here, 2305843009213693944 bytes before the end of "
          "tensor "
          "'a': it was cut short" },
    };

    (void)state;
    ASSERT_ALL_REFUSED(cases);
}

/* ---- __metadata__ ---- */

/* The i-th tensor's name, and where its bytes begin behind those of the first. */
static void assert_tensor(const struct fletch_checkpoint *checkpoint, size_t i,
                          const char *name, uint64_t behind)
{
    struct fletch_tensor_info first, info;

    assert_true(fletch_checkpoint_at(&first, checkpoint, 0));
    assert_true(fletch_checkpoint_at(&info, checkpoint, i));
    assert_string_equal(info.name, name);
    assert_int_equal(info.offset - first.offset, behind);
}

static void dropped_names_are_tensors(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"tied.weight\":\"b.weight\",\"a2\":\"a\","
        "\"b.weight\":\"a\",\"author\":\"somebody\",\"why.txt\":\"see x/y.txt\"}," F32(
            "a", "[1]", 0, 4) "," F32("b.weight", "[2]", 4, 12) "," F32("pt", "[1]", 12,
                                                                        16) "}";
    struct fletch_checkpoint *checkpoint =
        open_good(put_header("x.safetensors", TEXT(header), 16));

    (void)state;
    /* a name that is there is not dropped, and "format" is no tensor's name */
    assert_int_equal(fletch_checkpoint_count(checkpoint), 5);
    assert_tensor(checkpoint, 1, "a2", 0);
    assert_tensor(checkpoint, 2, "b.weight", 4);
    assert_tensor(checkpoint, 3, "pt", 12);
    assert_tensor(checkpoint, 4, "tied.weight", 4);
    assert_null(fletch_checkpoint_note(checkpoint, 0));
    assert_int_equal(json_object_size(checkpoint->metadata), 6);
    assert_string_equal(json_string_value(json_object_get(checkpoint->metadata, "author")),
                        "somebody");
    fletch_checkpoint_close(checkpoint);
}

static void dropped_names_in_shards(void **state)
{
    static const char one[] =
        "{\"__metadata__\":{\"head.weight\":\"emb.weight\"}," F32("a", "[1]", 0, 4) "}";
    static const char two[] = "{\"__metadata__\":{\"head.weight\":\"emb.weight\"}," F32(
        "emb.weight", "[2]", 0, 8) "}";
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info info;

    (void)state;
    put_header("1.safetensors", TEXT(one), 4);
    put_header("2.safetensors", TEXT(two), 8);
    put_text(at("m.safetensors.index.json"),
             "{\"weight_map\":{\"a\":\"1.safetensors\",\"emb.weight\":\"2.safetensors\"}}");
    checkpoint = open_good(at("m.safetensors.index.json"));
    assert_int_equal(fletch_checkpoint_count(checkpoint), 3);
    assert_true(fletch_checkpoint_at(&info, checkpoint, 2));
    assert_string_equal(info.name, "head.weight");
    assert_string_equal(info.file, "2.safetensors");
    assert_int_equal(info.size, 8);
    fletch_checkpoint_close(checkpoint);
}

static void dropped_names_whose_bytes_are_lost(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"head.weight\":\"emb.weight\"}," F32("a", "[1]", 0, 4) "}";
    struct fletch_checkpoint *checkpoint =
        open_good(put_header("x.safetensors", TEXT(header), 4));

    (void)state;
    assert_int_equal(fletch_checkpoint_count(checkpoint), 1);
    assert_string_equal(
        fletch_checkpoint_note(checkpoint, 0),
        "__metadata__ says that 'head.weight' was dropped for 'emb.weight', "
        "which is not there: neither is read");
    fletch_checkpoint_close(checkpoint);
}

static void many_lost_names_are_counted(void **state)
{
    struct fletch_buf header = { 0 };
    struct fletch_checkpoint *checkpoint;

    (void)state;
    fletch_buf_put_text(&header, "{\"__metadata__\":{");
    for (int i = 0; i < 10; i++)
        fletch_buf_format(&header, "%s\"h%d.weight\":\"emb.weight\"", i ? "," : "", i);
    fletch_buf_put_text(&header, "}," F32("a", "[1]", 0, 4) "}");
    checkpoint =
        open_good(put_header("x.safetensors", (const char *)header.bytes, header.size, 4));
    assert_non_null(strstr(fletch_checkpoint_note(checkpoint, 3), "was dropped for"));
    assert_string_equal(
        fletch_checkpoint_note(checkpoint, 4),
        "__metadata__ says of 6 more names that they were dropped for names "
        "that are not there");
    assert_null(fletch_checkpoint_note(checkpoint, 5));
    fletch_checkpoint_close(checkpoint);
    fletch_buf_release(&header);
}

/* 300 names for 4 MiB are more than any file of that size may stand for. */
static void dropped_names_have_a_limit(void **state)
{
    static const size_t data = 4 << 20;
    struct fletch_buf header = { 0 };
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;
    const char *path;

    (void)state;
    fletch_buf_put_text(&header, "{\"__metadata__\":{");
    for (int i = 0; i < 300; i++)
        fletch_buf_format(&header, "%s\"x%d\":\"a\"", i ? "," : "", i);
    fletch_buf_format(&header,
                      "},\"a\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}"
                      "}",
                      data / 4, data);
    path = put_header("x.safetensors", (const char *)header.bytes, header.size, data);
    assert_fails(fletch_checkpoint_open(&checkpoint, path, NULL, &err),
                 FLETCH_ERR_UNSUPPORTED, err, "(FLETCH_REPEATED_MAX)");
    assert_null(checkpoint);
    fletch_buf_release(&header);
}

static void metadata_has_a_limit(void **state)
{
    static const size_t len = (16 << 20) + 1;
    struct fletch_buf header = { 0 };
    char *word = malloc(len + 1);

    (void)state;
    assert_non_null(word);
    memset(word, 'x', len);
    word[len] = 0;
    fletch_buf_put_text(&header, "{\"__metadata__\":{\"a\":\"");
    fletch_buf_put_text(&header, word);
    fletch_buf_put_text(&header, "\"}}");
    assert_refused(put_header("x.safetensors", (const char *)header.bytes, header.size, 0),
                   FLETCH_ERR_UNSUPPORTED,
                   "byte 9: __metadata__ is longer than 16777216 bytes, the limit "
                   "(FLETCH_SAFETENSORS_METADATA_MAX)");
    fletch_buf_release(&header);
    free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(accepts),
        SCRATCH_TEST(names_are_decoded),
        SCRATCH_TEST(tells_where_the_bytes_are),
        SCRATCH_TEST(knows_every_dtype),
        SCRATCH_TEST(refuses_what_is_no_json),
        SCRATCH_TEST(refuses_bad_names),
        SCRATCH_TEST(refuses_what_is_there_twice),
        SCRATCH_TEST(refuses_tensors_of_another_form),
        SCRATCH_TEST(refuses_numbers_that_are_not_plain),
        SCRATCH_TEST(refuses_sizes_that_do_not_fit),
        SCRATCH_TEST(refuses_holes_and_overlaps),
        SCRATCH_TEST(dropped_names_are_tensors),
        SCRATCH_TEST(dropped_names_in_shards),
        SCRATCH_TEST(dropped_names_whose_bytes_are_lost),
        SCRATCH_TEST(many_lost_names_are_counted),
        SCRATCH_TEST(dropped_names_have_a_limit),
        SCRATCH_TEST(metadata_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
