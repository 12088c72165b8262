/* SPDX-License-Identifier: MIT */
/* test_thrift.c - the compact protocol both ways, byte for byte; lists of structs; levels
 * and deltas */
#include "support.h"

#include "parquet/levels.h"
#include "parquet/meta.h"
#include "parquet/thrift.h"
#include "parquet/decode.h"

#define READER(...)                                                                        \
    {                                                                                      \
        .bytes = (const uint8_t[]){ __VA_ARGS__ },                                         \
        .size = sizeof((const uint8_t[]){ __VA_ARGS__ })                                   \
    }

static void writes_the_bytes_of_the_protocol(void **state)
{
    static const uint8_t expected[] = {
        0x15, 0x01,                         /* 1: i32 -1 */
        0x26, 0x80, 0x01,                   /* 3: i64 64 */
        0x28, 0x02, 'a',  'b',              /* 5: text */
        0x05, 0xc8, 0x01, 0x02,             /* 100: i32 1 */
        0x15, 0x82, 0x80, 0x80, 0x80, 0x00, /* 101: i32 1, wide */
        0x1c, 0x15, 0x06, 0x00,             /* 102: struct { 1: i32 3 } */
        0x19, 0x25, 0x02, 0x04,             /* 103: list of i32 1, 2 */
        0x08, 0xfe, 0xff, 0x03, 0x01, 0x07, /* 32767: the extension's header */
        0x00,
    };
    struct fletch_buf buf = { 0 };
    struct fletch_thrift_writer out = { .buf = &buf };

    (void)state;
    fletch_thrift_put_i32(&out, 1, -1);
    fletch_thrift_put_i64(&out, 3, 64);
    fletch_thrift_put_text(&out, 5, "ab");
    fletch_thrift_put_i32(&out, 100, 1);
    fletch_thrift_put_wide(&out, 101, 1);
    fletch_thrift_begin_struct(&out, 102);
    fletch_thrift_put_i32(&out, 1, 3);
    fletch_thrift_end_struct(&out);
    fletch_thrift_put_list(&out, 103, FLETCH_THRIFT_I32, 2);
    fletch_thrift_item_int(&out, 1);
    fletch_thrift_item_int(&out, 2);
    fletch_thrift_put_bytes(&out, 32767, "\7", 1);
    fletch_thrift_end_struct(&out);
    assert_false(buf.failed);
    assert_int_equal(buf.size, sizeof(expected));
    assert_memory_equal(buf.bytes, expected, sizeof(expected));
    fletch_buf_release(&buf);
}

static void wide_numbers_keep_their_length(void **state)
{
    static const int32_t values[] = { 0, 1, -1, 63, 64, INT32_MAX, INT32_MIN };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint8_t bytes[FLETCH_THRIFT_WIDE_SIZE];
        struct fletch_thrift_reader in = { .bytes = bytes, .size = sizeof(bytes) };

        fletch_store_wide(bytes, values[i]);
        assert_int_equal(
            fletch_thrift_get_int(&in, FLETCH_THRIFT_I32, INT32_MIN, INT32_MAX), values[i]);
        assert_int_equal(in.pos, sizeof(bytes));
        assert_string_equal(in.problem, "");
    }
}

static void unknown_fields_of_every_type_are_skipped(void **state)
{
    struct fletch_thrift_reader in =
        READER(0x11, 0x12,             /* true, false */
               0x13, 0xff,             /* i8 */
               0x14, 0x80, 0x80, 0x00, /* i16, longer than need be */
               0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, /* i64 */
               0x17, 1, 2, 3, 4, 5, 6, 7, 8,               /* double */
               0x18, 0x03, 'x', 'y', 'z',                  /* binary */
               0x19, 0x32, 1, 0, 2,                        /* list of booleans */
               0x1a, 0x1c, 0x15, 0x02, 0x00,               /* set of one struct */
               0x1b, 0x01, 0x85, 'k' - 'k' + 1, 'q', 0x02, /* map binary -> i32 */
               0x1b, 0x00,                                 /* empty map */
               0x1b, 0x02, 0x12, 1, 0, 0, 2,               /* map of booleans */
               0x1c, 0x19, 0x1c, 0x00, 0x00,               /* struct of a list */
               0x1d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, /* uuid */
               0x15, 0x0e, 0x00); /* i32 7, the end */
    struct fletch_thrift_field field = { 0 };
    int64_t last = 0;

    (void)state;
    while (fletch_thrift_next(&in, &field)) {
        if (field.id == 15)
            last = fletch_thrift_get_int(&in, field.type, 0, 100);
        else
            fletch_thrift_skip(&in, field.type);
    }
    assert_string_equal(in.problem, "");
    assert_int_equal(last, 7);
    assert_int_equal(in.pos, in.size);
}

static void says(struct fletch_thrift_reader *in, const char *sentence)
{
    struct fletch_error err = { 0 };

    assert_fails(fletch_thrift_status(in, 100, "footer", &err), FLETCH_ERR_FORMAT, err,
                 sentence);
    assert_string_equal(err.message, sentence);
}

static void problems_have_offset_found_and_expected(void **state)
{
    struct fletch_thrift_field field = { 0 };
    size_t size;

    (void)state;
    struct fletch_thrift_reader over = READER(0x18, 0x05, 'a');
    assert_true(fletch_thrift_next(&over, &field));
    assert_null(fletch_thrift_get_bytes(&over, field.type, &size));
    assert_int_equal(size, 0);
    assert_true(over.ended);
    says(&over, "footer: at byte 102: 1 bytes left, expected 5");

    struct fletch_thrift_reader list = READER(0xf5, 0xff, 0xff, 0x7f, 0x02);
    assert_int_equal(
        fletch_thrift_get_list(&list, FLETCH_THRIFT_LIST, FLETCH_THRIFT_I32, 1), 0);
    says(&list, "footer: at byte 104: a list of 2097151 elements, but 1 bytes are left");

    struct fletch_thrift_reader map = READER(0x03, 0x11, 1, 1, 1, 1, 1);
    fletch_thrift_skip(&map, FLETCH_THRIFT_MAP);
    says(&map, "footer: at byte 102: a map of 3 pairs, but 5 bytes are left");

    struct fletch_thrift_reader type = READER(0x02);
    assert_int_equal(fletch_thrift_get_int(&type, FLETCH_THRIFT_BINARY, 0, 1), 0);
    assert_false(type.ended);
    says(&type, "footer: at byte 100: a value of type 8, expected an integer");

    struct fletch_thrift_reader range = READER(0x03);
    assert_int_equal(fletch_thrift_get_int(&range, FLETCH_THRIFT_I32, 0, 9), 0);
    says(&range, "footer: at byte 101: the number -2, expected 0 to 9");

    struct fletch_thrift_reader varint =
        READER(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
    assert_int_equal(fletch_thrift_get_int(&varint, FLETCH_THRIFT_I64, 0, 9), 0);
    says(&varint, "footer: at byte 110: a varint of more than 64 bits");

    struct fletch_thrift_reader bad = READER(0x1e);
    field = (struct fletch_thrift_field){ 0 };
    assert_false(fletch_thrift_next(&bad, &field));
    says(&bad, "footer: at byte 101: field type 14, expected 1 to 13");

    struct fletch_thrift_reader id = READER(0x05, 0x80, 0x80, 0x08);
    assert_false(fletch_thrift_next(&id, &field));
    says(&id, "footer: at byte 104: field id 65536, expected 16 bits");
}

static void nesting_is_bounded(void **state)
{
    uint8_t bytes[200];
    struct fletch_thrift_reader in = { .bytes = bytes, .size = sizeof(bytes) };

    (void)state;
    memset(bytes, 0x1c, sizeof(bytes)); /* struct in struct in struct ... */
    fletch_thrift_skip(&in, FLETCH_THRIFT_STRUCT);
    says(&in, "footer: at byte 132: nested more than 32 deep, the limit "
              "(FLETCH_THRIFT_DEPTH_MAX)");
    memset(bytes, 0x19, sizeof(bytes)); /* list of one list ... */
    in = (struct fletch_thrift_reader){ .bytes = bytes, .size = sizeof(bytes) };
    fletch_thrift_skip(&in, FLETCH_THRIFT_LIST);
    says(&in, "footer: at byte 132: nested more than 32 deep, the limit "
              "(FLETCH_THRIFT_DEPTH_MAX)");
}

/* The footer, and the offset index, of bytes that stand at byte 100. */
#define REFUSES_FOOTER(sentence, ...)                                                      \
    refuses((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }),    \
            true, sentence)
#define REFUSES_INDEX(sentence, ...)                                                       \
    refuses((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }),    \
            false, sentence)

static void refuses(const uint8_t *bytes, size_t size, bool is_footer, const char *sentence)
{
    struct fletch_arena arena = { 0 };
    struct fletch_error err = { 0 };
    struct fletch_footer footer;
    struct fletch_page_location *pages;
    size_t count;

    assert_fails(is_footer ? fletch_footer_parse(&footer, &arena, bytes, size, 100, &err)
                           : fletch_offset_index_parse(&pages, &count, &arena, bytes, size,
                                                       100, &err),
                 FLETCH_ERR_FORMAT, err, sentence);
    assert_string_equal(err.message, sentence);
    fletch_arena_release(&arena);
}

/* A struct may leave out its fields, which would make much memory of few bytes. */
static void structs_take_the_bytes_that_they_need(void **state)
{
    (void)state;
    REFUSES_FOOTER("footer: at byte 103: 1 bytes for an element of schema, expected at "
                   "least 3",
                   0x29, 0x1c, 0, 0, 0);
    REFUSES_FOOTER("footer: at byte 103: 1 bytes for an element of row_groups, expected at "
                   "least 7",
                   0x49, 0x1c, 0, 0, 0, 0, 0, 0, 0);
    REFUSES_FOOTER("footer: at byte 107: 3 bytes for an element of columns, expected at "
                   "least 16",
                   0x49, 0x1c, 0x19, 0x1c, 0x26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                   0);
    REFUSES_INDEX("offset index: at byte 103: 1 bytes for an element of page_locations, "
                  "expected at least 7",
                  0x19, 0x1c, 0, 0, 0, 0, 0, 0, 0);
}

static void a_list_is_given_once(void **state)
{
    (void)state;
    REFUSES_FOOTER("footer: at byte 104: a second list schema, expected one", 0x29, 0x0c,
                   0x09, 0x04, 0x0c, 0);
    REFUSES_FOOTER("footer: at byte 104: a second list row_groups, expected one", 0x49,
                   0x0c, 0x09, 0x08, 0x0c, 0);
    REFUSES_FOOTER("footer: at byte 106: a second list columns, expected one", 0x49, 0x1c,
                   0x19, 0x0c, 0x09, 0x02, 0x0c, 0, 0);
    REFUSES_INDEX("offset index: at byte 104: a second list page_locations, expected one",
                  0x19, 0x0c, 0x09, 0x02, 0x0c, 0);
}

static void check_levels(const uint8_t *values, size_t count, unsigned width)
{
    struct fletch_buf buf = { 0 };
    struct fletch_levels in = { .bit_width = width };
    uint32_t value;

    fletch_levels_put(&buf, values, count, width);
    in.bytes = buf.bytes;
    in.size = buf.size;
    for (size_t i = 0; i < count; i++) {
        assert_true(fletch_levels_next(&in, &value));
        assert_int_equal(value, values[i]);
    }
    fletch_buf_release(&buf);
}

static void levels_come_back(void **state)
{
    uint8_t values[1000];
    uint32_t random = 1;

    (void)state;
    for (unsigned width = 1; width <= 8; width++)
        for (unsigned run = 1; run <= 20; run++) {
            uint8_t value = 0;

            for (size_t i = 0; i < sizeof(values); i++) {
                random = random * 1664525 + 1013904223;
                if ((random >> 16) % run == 0)
                    value = (uint8_t)(random >> 24 & ((1u << width) - 1));
                values[i] = value;
            }
            for (size_t count = 1; count <= sizeof(values); count += 37)
                check_levels(values, count, width);
        }
}

static void levels_as_the_format_has_them(void **state)
{
    static const uint8_t ones[3] = { 1, 1, 1 };
    static const uint8_t steps[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    static const uint8_t packed[] = { 0x03, 0x88, 0xc6, 0xfa };
    struct fletch_buf buf = { 0 };
    struct fletch_levels cut = { .bytes = packed, .size = 2, .bit_width = 3 };
    uint32_t value;

    (void)state;
    fletch_levels_put(&buf, ones, 3, 1);
    assert_int_equal(buf.size, 2);
    assert_memory_equal(buf.bytes, "\6\1", 2);
    fletch_buf_clear(&buf);
    fletch_levels_put(&buf, steps, 8, 3);
    assert_int_equal(buf.size, sizeof(packed));
    assert_memory_equal(buf.bytes, packed, sizeof(packed));
    fletch_buf_release(&buf);
    /* a cut group gives what it has */
    assert_true(fletch_levels_next(&cut, &value) && value == 0);
    assert_true(fletch_levels_next(&cut, &value) && value == 1);
    assert_false(fletch_levels_next(&cut, &value));
    /* runs of nothing are nothing */
    cut = (struct fletch_levels){ .bytes = (const uint8_t *)"\0\1",
                                  .size = 2,
                                  .bit_width = 1 };
    assert_false(fletch_levels_next(&cut, &value));
}

static void deltas_as_the_format_has_them(void **state)
{
    /* the specification's second example: 7, 5, 3, 1, 2, 3, 4, 5 */
    static const uint8_t bytes[] = { 0x80, 0x01, 0x04, 0x08, 0x0e, 0x03, 0x02, 0xff, 0xff,
                                     0xff, 0xc0, 0x3f, 0,    0,    0,    0,    0,    0 };
    static const int64_t expected[] = { 7, 5, 3, 1, 2, 3, 4, 5 };
    struct fletch_delta delta;
    int64_t value;

    (void)state;
    assert_true(fletch_delta_begin(&delta, bytes, sizeof(bytes)));
    for (size_t i = 0; i < 8; i++) {
        assert_true(fletch_delta_next(&delta, &value));
        assert_int_equal(value, expected[i]);
    }
    assert_false(fletch_delta_next(&delta, &value));
    /* a miniblock that is cut */
    assert_true(fletch_delta_begin(&delta, bytes, 14));
    assert_true(fletch_delta_next(&delta, &value));
    assert_false(fletch_delta_next(&delta, &value));
    /* no miniblocks; blocks of 0; a block that is not so many miniblocks */
    assert_false(fletch_delta_begin(&delta, (const uint8_t *)"\x80\1\0\10\16", 5));
    assert_false(fletch_delta_begin(&delta, (const uint8_t *)"\0\4\10\16", 4));
    assert_false(fletch_delta_begin(&delta, (const uint8_t *)"\x80\1\3\10\16", 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_bytes_of_the_protocol),
        cmocka_unit_test(wide_numbers_keep_their_length),
        cmocka_unit_test(unknown_fields_of_every_type_are_skipped),
        cmocka_unit_test(problems_have_offset_found_and_expected),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(structs_take_the_bytes_that_they_need),
        cmocka_unit_test(a_list_is_given_once),
        cmocka_unit_test(levels_come_back),
        cmocka_unit_test(levels_as_the_format_has_them),
        cmocka_unit_test(deltas_as_the_format_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
