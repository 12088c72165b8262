/* SPDX-License-Identifier: MIT */
/* test_json.c - JSON files with limits; numbers and strings as Python writes them */
#include "support.h"

#include "base/json.h"
#include "base/utf8.h"

#include <math.h>

#define TEXT(text) (text), sizeof(text) - 1

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct fletch_error err;

    assert_ok(fletch_json_parse(&value, text, strlen(text), text[0] == '[', &err), err);
    return value;
}

struct refused {
    const char *text;
    size_t size;
    enum fletch_status status;
    const char *sentence;
};

static const struct refused texts[] = {
    { TEXT(""), FLETCH_ERR_FORMAT, "is empty, expected an object in JSON" },
    { TEXT(" \n "), FLETCH_ERR_FORMAT,
      "line 2, column 2: found the end, expected a value" },
    { TEXT("{\"a\":1,\"a\":2}"), FLETCH_ERR_FORMAT,
      "line 1, column 8: found key 'a' a second time" },
    { TEXT("{\"a\":{\"b\":1,\n\"\\u0062\":1}}"), FLETCH_ERR_FORMAT,
      "line 2, column 1: found key 'b' a second time" },
    { TEXT("{}\0"), FLETCH_ERR_FORMAT,
      "line 1, column 3: found 0x00, expected nothing after the value" },
    { TEXT("{\"a\":\"\0\"}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found 0x00, expected control characters to be escaped" },
    { TEXT("{\"a\":\"\n\"}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found 0x0a, expected control characters to be escaped" },
    { TEXT("{\"a\":\"\\u0000\"}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found a NUL in a string" },
    { TEXT("{\"a\\u0000\":1}"), FLETCH_ERR_FORMAT,
      "line 1, column 2: found a NUL in a string" },
    { TEXT("{\"a\":\"\xff\"}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found 0xff, expected UTF-8" },
    { TEXT("{\"a\":\"\\ud800\"}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found half of a surrogate pair, \\ud800, expected both "
      "halves" },
    { TEXT("{\"a\":\n1,}"), FLETCH_ERR_FORMAT,
      "line 2, column 3: found '}', expected a name in quotes" },
    { TEXT("{\"a\":[1,]}"), FLETCH_ERR_FORMAT,
      "line 1, column 9: found ']', expected a value" },
    { TEXT("{\"a\":[[{\"b\":1"), FLETCH_ERR_FORMAT,
      "line 1, column 14: found the end, expected ',' or '}'" },
    { TEXT("{} x"), FLETCH_ERR_FORMAT,
      "line 1, column 4: found 'x', expected nothing after the value" },
    { TEXT("{\"a\":Nan}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found 'N', expected a value" },
    { TEXT("{\"a\":\n nan}"), FLETCH_ERR_FORMAT,
      "line 2, column 2: found 'n', expected a value" },
    { TEXT("{\"a\":-Inf}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found 'I', expected a digit" },
    { TEXT("{\"a\":+Infinity}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found '+', expected a value" },
    { TEXT("{\"a\":Infinit"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found 'I', expected a value" },
    { TEXT("{\"a\": NaN,\n \"b\": [Infinity1]}"), FLETCH_ERR_FORMAT,
      "line 2, column 16: found '1', expected ',' or ']'" },
    { TEXT("{NaN: 1}"), FLETCH_ERR_FORMAT,
      "line 1, column 2: found 'N', expected a name in quotes or '}'" },
    { TEXT("NaN"), FLETCH_ERR_FORMAT, "holds a string, expected an object" },
    { TEXT("{\"a\":1e999}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found a number beyond the range of a double" },
    { TEXT("{\"a\":-1e99999999999999999999}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found a number beyond the range of a double" },
    { TEXT("{\"a\":01}"), FLETCH_ERR_FORMAT,
      "line 1, column 7: found '1', expected ',' or '}'" },
    { TEXT("{\"a\":+1}"), FLETCH_ERR_FORMAT,
      "line 1, column 6: found '+', expected a value" },
    { TEXT("{\"a\":\"\\"), FLETCH_ERR_FORMAT,
      "line 1, column 8: found the end, expected an escape that JSON allows" },
    { TEXT("{'a':1}"), FLETCH_ERR_FORMAT,
      "line 1, column 2: found ''', expected a name in quotes or '}'" },
    { TEXT("\xef\xbb\xbf{}"), FLETCH_ERR_FORMAT,
      "line 1, column 1: found 0xef, expected a value" },
    { TEXT("[]"), FLETCH_ERR_FORMAT, "holds an array, expected an object" },
    { TEXT("\"a\""), FLETCH_ERR_FORMAT, "holds a string, expected an object" },
    { TEXT("3"), FLETCH_ERR_FORMAT, "holds a number, expected an object" },
    { TEXT("3.5"), FLETCH_ERR_FORMAT, "holds a number, expected an object" },
    { TEXT("null"), FLETCH_ERR_FORMAT, "holds null, expected an object" },
    { TEXT("true"), FLETCH_ERR_FORMAT, "holds true or false, expected an object" },
};

static void refuses(void **state)
{
    struct fletch_error err;
    json_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_fails(fletch_json_parse(&value, texts[i].text, texts[i].size, false, &err),
                     texts[i].status, err, texts[i].sentence);
        assert_string_equal(err.message, texts[i].sentence);
    }
    assert_fails(fletch_json_parse(&value, TEXT("{}"), true, &err), FLETCH_ERR_FORMAT, err,
                 "holds an object, expected an array");
    assert_null(value);
}

static void nesting_has_a_limit(void **state)
{
    static const size_t deep = 10000;
    char *text = malloc(2 * deep);
    struct fletch_error err;
    json_t *value = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    assert_fails(fletch_json_parse(&value, text, 2 * deep, true, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "line 1, column 129: nested deeper than 128 levels, the limit "
                 "(FLETCH_JSON_DEPTH_MAX)");
    assert_null(value);
    /* as deep as may be */
    assert_ok(fletch_json_parse(&value, text + deep - FLETCH_JSON_DEPTH_MAX,
                                (size_t)2 * FLETCH_JSON_DEPTH_MAX, true, &err),
              err);
    json_decref(value);
    free(text);
    /* brackets in strings do not nest; a quote behind a backslash does not end one */
    text = calloc(1, 400);
    assert_non_null(text);
    memset(text, '[', 308);
    memcpy(text, "[\"\\\\\\\"", 6);
    memcpy(text + 306, "\"]", 3);
    json_decref(parse(text));
    free(text);
}

static void files_are_named(void **state)
{
    struct fletch_error err;
    json_t *value = NULL;

    (void)state;
    assert_fails(fletch_json_load(&value, at("none.json"), false, &err),
                 FLETCH_ERR_NOT_FOUND, err, "/none.json: No such file or directory");
    assert_fails(fletch_json_load(&value, scratch, false, &err), FLETCH_ERR_FORMAT, err,
                 "is a folder, expected a file");
    put_text(at("x.json"), "{]");
    assert_fails(fletch_json_load(&value, at("x.json"), false, &err), FLETCH_ERR_FORMAT,
                 err,
                 "/x.json: line 1, column 2: found ']', expected a name in quotes or '}'");
    assert_null(value);
    put_text(at("x.json"), "{\"a\": [1]}\n");
    assert_ok(fletch_json_load(&value, at("x.json"), false, &err), err);
    assert_int_equal(json_object_size(value), 1);
    json_decref(value);
    value = NULL;
    /* a sparse gigabyte is not even read */
    assert_int_equal(truncate(at("x.json"), (off_t)1 << 30), 0);
    assert_fails(fletch_json_load(&value, at("x.json"), false, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "has 1073741824 bytes, the limit for such a file is 134217728 "
                 "(FLETCH_JSON_SIZE_MAX)");
}

/* tokenizer_config.json says "model_max_length": 1000000000000000019884624838656. */
static void whole_numbers_beyond_64_bits_are_reals(void **state)
{
    json_t *value =
        parse("{\"a\":1000000000000000019884624838656,\"b\":9223372036854775807,"
              "\"c\":-9223372036854775808,\"d\":9223372036854775808,"
              "\"e\":-9223372036854775809,\"f\":1.000000000000000000001,"
              "\"g\":1000000000000000000000e1,\"h\":\"99999999999999999999999\","
              "\"i\":[99999999999999999999,1]}");

    (void)state;
    assert_true(json_real_value(json_object_get(value, "a")) == 1e30);
    assert_true(json_integer_value(json_object_get(value, "b")) == INT64_MAX);
    assert_true(json_integer_value(json_object_get(value, "c")) == INT64_MIN);
    assert_true(json_real_value(json_object_get(value, "d")) == 9223372036854775808.0);
    assert_true(json_real_value(json_object_get(value, "e")) == -9223372036854775808.0);
    assert_true(json_real_value(json_object_get(value, "f")) == 1.0);
    assert_true(json_real_value(json_object_get(value, "g")) == 1e22);
    assert_string_equal(json_string_value(json_object_get(value, "h")),
                        "99999999999999999999999");
    assert_true(json_real_value(json_array_get(json_object_get(value, "i"), 0)) == 1e20);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(value, "i"), 1)), 1);
    json_decref(value);
}

static void words_of_python_become_strings(void **state)
{
    static const char text[] =
        "{\"NaN\": NaN, \"b\": [Infinity,-Infinity , -1], \"c\": \"NaN\", \"d\": "
        "\"-Infinity, NaN]\"}";
    static const char written[] = "{\n"
                                  "  \"NaN\": \"NaN\",\n"
                                  "  \"b\": [\n"
                                  "    \"Infinity\",\n"
                                  "    \"-Infinity\",\n"
                                  "    -1\n"
                                  "  ],\n"
                                  "  \"c\": \"NaN\",\n"
                                  "  \"d\": \"-Infinity, NaN]\"\n"
                                  "}";
    json_t *value = parse(text);
    struct fletch_buf buf = { 0 };

    (void)state;
    assert_string_equal(fletch_json_word(json_object_get(value, "NaN")), "NaN");
    assert_string_equal(fletch_json_word(json_object_get(value, "c")), "NaN");
    assert_null(fletch_json_word(json_object_get(value, "d")));
    assert_null(fletch_json_word(json_object_get(value, "b")));
    assert_null(fletch_json_word(NULL));
    fletch_json_put(&buf, value, 0);
    fletch_buf_put_u8(&buf, 0);
    assert_string_equal((const char *)buf.bytes, written);
    fletch_buf_release(&buf);
    json_decref(value);
}

static void reals_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        { "[0.1]", 0.1 },
        { "[-12.5e3]", -12500 },
        { "[1E+2]", 100 },
        { "[1e-12]", 1e-12 },
        { "[0.000001e6]", 1 },
        { "[123456789.125]", 123456789.125 },
        { "[5e-324]", 5e-324 },
        { "[2.2250738585072011e-308]", 2.2250738585072011e-308 },
        { "[1.7976931348623157e308]", 1.7976931348623157e308 },
        { "[1e-99999999999999999999]", 0 },
        { "[-0.0]", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *array = parse(cases[i].text);
        json_t *value = json_array_get(array, 0);

        if (!json_is_real(value) || json_real_value(value) != cases[i].value)
            fail_msg("%s was read as %a", cases[i].text, json_real_value(value));
        json_decref(array);
    }
}

static void values_are_found_by_path(void **state)
{
    json_t *value = parse("{\"a\":{\"b\":{\"c\":7}},\"ab\":1,\"s\":\"x\"}");

    (void)state;
    assert_int_equal(json_integer_value(fletch_json_at(value, "a.b.c")), 7);
    assert_int_equal(json_integer_value(fletch_json_at(value, "ab")), 1);
    assert_true(json_is_object(fletch_json_at(value, "a.b")));
    assert_null(fletch_json_at(value, "a.c"));
    assert_null(fletch_json_at(value, "a.c.d"));
    assert_null(fletch_json_at(value, "s.x"));
    assert_null(fletch_json_at(value, ""));
    assert_null(fletch_json_at(NULL, "a"));
    json_decref(value);
}

/* ---- Writing ---- */

static void assert_real(double value, const char *text)
{
    struct fletch_buf buf = { 0 };

    fletch_json_put_real(&buf, value);
    fletch_buf_put_u8(&buf, 0);
    assert_string_equal((const char *)buf.bytes, text);
    fletch_buf_release(&buf);
}

static void reals_are_as_python_prints_them(void **state)
{
    (void)state;
    assert_real(0.0, "0.0");
    assert_real(-0.0, "-0.0");
    assert_real(1.0, "1.0");
    assert_real(0.1, "0.1");
    assert_real(-2.5, "-2.5");
    assert_real(1e-12, "1e-12");
    assert_real(1e-5, "1e-05");
    assert_real(1.5e-5, "1.5e-05");
    assert_real(0.0001, "0.0001");
    assert_real(0.00012345, "0.00012345");
    assert_real(0.1 + 0.2, "0.30000000000000004");
    assert_real(123456.789, "123456.789");
    assert_real(1e15, "1000000000000000.0");
    assert_real(9999999999999998.0, "9999999999999998.0");
    assert_real(1e16, "1e+16");
    assert_real(1.2345e100, "1.2345e+100");
    assert_real(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_real(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_real(5e-324, "5e-324");
    /* powers of two, where the closest decimal of 16 digits does not read back */
    assert_real(ldexp(1, -44), "5.684341886080802e-14");
    assert_real(ldexp(1, 89), "6.189700196426902e+26");
    assert_real((double)INFINITY, "null");
    assert_real(-(double)INFINITY, "null");
    assert_real((double)NAN, "null");
}

static void reals_read_back(void **state)
{
    uint64_t bits = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct fletch_buf buf = { 0 };
        double value;

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        fletch_json_put_real(&buf, value);
        fletch_buf_put_u8(&buf, 0);
        if (strtod((const char *)buf.bytes, NULL) != value)
            fail_msg("%a became %s", value, (const char *)buf.bytes);
        fletch_buf_release(&buf);
    }
}

static void assert_string(const char *value, const char *text)
{
    struct fletch_buf buf = { 0 };

    fletch_json_put_string(&buf, value);
    fletch_buf_put_u8(&buf, 0);
    assert_string_equal((const char *)buf.bytes, text);
    fletch_buf_release(&buf);
}

static void strings_are_ascii(void **state)
{
    (void)state;
    assert_string("", "\"\"");
    assert_string("a\"b\\c/\b\f\n\r\t\x1f\x7f~",
                  "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u001f\\u007f~\"");
    assert_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                  "\"\\u00e9\\u20ac\\ud83d\\ude00\"");
    assert_string("a\xff"
                  "b\xc3",
                  "\"a\\ufffdb\\ufffd\"");
}

static void values_are_laid_out_as_python_does(void **state)
{
    static const char text[] = "{\n"
                               "  \"b\": [],\n"
                               "  \"a\": {},\n"
                               "  \"list\": [\n"
                               "    1,\n"
                               "    -2.5,\n"
                               "    null,\n"
                               "    true,\n"
                               "    false,\n"
                               "    {\n"
                               "      \"x\": \"\\u00e9\"\n"
                               "    },\n"
                               "    [\n"
                               "      9223372036854775807\n"
                               "    ]\n"
                               "  ]\n"
                               "}";
    struct fletch_buf buf = { 0 };
    json_t *value = parse(text);

    (void)state;
    fletch_json_put(&buf, value, 0);
    fletch_buf_put_u8(&buf, 0);
    assert_string_equal((const char *)buf.bytes, text);
    fletch_buf_clear(&buf);
    fletch_json_put(&buf, json_object_get(value, "list"), 1);
    fletch_buf_put_u8(&buf, 0);
    assert_non_null(strstr(text, (const char *)buf.bytes));
    json_decref(value);
    fletch_buf_release(&buf);
}

static void utf8_is_strict(void **state)
{
    static const char *const bad[] = {
        "\x80",         "\xc0\xaf", "\xc1\xbf",         "\xe0\x9f\xbf",     "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80",
        "\xff",         "\xc3z"
    };
    uint8_t bytes[FLETCH_UTF8_MAX];
    uint32_t point = 0;

    (void)state;
    for (uint32_t i = 0; i <= 0x10ffff; i++) {
        size_t len;

        if (i >= 0xd800 && i < 0xe000)
            continue;
        len = fletch_utf8_put(bytes, i);
        if (fletch_utf8_get(&point, bytes, len) != len || point != i ||
            fletch_utf8_get(&point, bytes, len - 1) != 0)
            fail_msg("U+%04X did not come back", i);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[32];

        assert_int_equal(fletch_utf8_get(&point, bad[i], strlen(bad[i])), 0);
        snprintf(text, sizeof(text), "0123456789%sabcdefgh", bad[i]);
        assert_int_equal(fletch_utf8_span(text, strlen(text)), 10);
    }
    assert_int_equal(fletch_utf8_span(TEXT("01234567\xe2\x82\xac"
                                           "012345678")),
                     20);
    assert_int_equal(fletch_utf8_span("", 0), 0);
}

#define SCRATCH_TEST(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(nesting_has_a_limit),
        SCRATCH_TEST(files_are_named),
        cmocka_unit_test(whole_numbers_beyond_64_bits_are_reals),
        cmocka_unit_test(words_of_python_become_strings),
        cmocka_unit_test(reals_are_read_exactly),
        cmocka_unit_test(values_are_found_by_path),
        cmocka_unit_test(reals_are_as_python_prints_them),
        cmocka_unit_test(reals_read_back),
        cmocka_unit_test(strings_are_ascii),
        cmocka_unit_test(values_are_laid_out_as_python_does),
        cmocka_unit_test(utf8_is_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
