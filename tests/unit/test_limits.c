/* SPDX-License-Identifier: MIT */
/* test_limits.c - how long, how deep and how many a safetensors header may be */
#include "checkpoints.h"

static void refuses_lengths_that_lie(void **state)
{
    uint8_t bytes[16] = { 0 };

    (void)state;
    put_bytes(at("x.safetensors"), "1234567", 7);
    assert_refused(at("x.safetensors"), FLETCH_ERR_FORMAT,
                   "has 7 bytes, expected 8 at least: the length of a safetensors header");
    put_bytes(at("x.safetensors"), bytes, 8);
    assert_refused(at("x.safetensors"), FLETCH_ERR_FORMAT,
                   "byte 8: found the end, expected the object of a safetensors header");
    memcpy(bytes + 8, "{}      ", 8);
    bytes[0] = 9;
    put_bytes(at("x.safetensors"), bytes, 16);
    assert_refused(
        at("x.safetensors"), FLETCH_ERR_FORMAT,
        "byte 0: header of 9 bytes, but only 8 follow: the file was cut short, or "
        "is no safetensors file");
    fletch_store_u64(bytes, UINT64_MAX);
    put_bytes(at("x.safetensors"), bytes, 16);
    assert_refused(at("x.safetensors"), FLETCH_ERR_FORMAT,
                   "byte 0: header of 18446744073709551615 bytes, but only 8 follow: the "
                   "file was cut short, or is no safetensors file");
}

/* A sparse file whose header would be one byte too long. */
static void refuses_headers_beyond_the_limit(void **state)
{
    uint8_t bytes[10] = { 0 };

    (void)state;
    fletch_store_u64(bytes, 100000001);
    memcpy(bytes + 8, "{}", 2);
    put_bytes(at("x.safetensors"), bytes, sizeof(bytes));
    assert_int_equal(truncate(at("x.safetensors"), 100000001 + 8), 0);
    assert_refused(at("x.safetensors"), FLETCH_ERR_UNSUPPORTED,
                   "byte 0: header of 100000001 bytes, the limit is 100000000 "
                   "(FLETCH_SAFETENSORS_HEADER_MAX)");
    /* and the last one that is not too long is read */
    fletch_store_u64(bytes, 100000000);
    put_bytes(at("x.safetensors"), bytes, sizeof(bytes));
    assert_int_equal(truncate(at("x.safetensors"), 100000000 + 8), 0);
    assert_refused(at("x.safetensors"), FLETCH_ERR_FORMAT,
                   "byte 10: found 0x00, expected nothing after the header's object");
}

static char *repeat(char *to, const char *text, size_t count)
{
    while (count--)
        to = stpcpy(to, text);
    return to;
}

static void refuses_more_dimensions_than_the_limit(void **state)
{
    char header[600], *p;

    (void)state;
    for (size_t rank = FLETCH_RANK_MAX; rank <= FLETCH_RANK_MAX + 1; rank++) {
        const char *path;

        p = stpcpy(header, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
        p = stpcpy(repeat(p, ",1", rank - 1), "],\"data_offsets\":[0,1]}}");
        path = put_header("x.safetensors", header, (size_t)(p - header), 1);
        if (rank <= FLETCH_RANK_MAX)
            fletch_checkpoint_close(open_good(path));
        else
            assert_refused(path, FLETCH_ERR_UNSUPPORTED,
                           "tensor 'a': byte 164: more than 64 dimensions, the limit "
                           "(FLETCH_RANK_MAX)");
    }
    /* a long shape is cut in the sentence, not the sentence in its reason */
    p = stpcpy(header, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
    p = stpcpy(repeat(p, ",1", 63), "],\"data_offsets\":[0,2]}}");
    assert_refused(
        put_header("x.safetensors", header, (size_t)(p - header), 2), FLETCH_ERR_FORMAT,
        "tensor 'a': byte 13: shape [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
        "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...] of U8 takes 1 bytes, "
        "data_offsets [0, 2] hold 2");
}

static void refuses_deep_nesting_without_recursion(void **state)
{
    /* two levels are the header's and the tensor's own */
    static const size_t deep = 126, count = 10000;
    char *header = malloc(3 * count), *p;

    (void)state;
    assert_non_null(header);
    p = repeat(stpcpy(header, "{\"a\":{\"x\":"), "[", deep);
    p = stpcpy(repeat(p, "]", deep),
               ",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    fletch_checkpoint_close(
        open_good(put_header("x.safetensors", header, (size_t)(p - header), 1)));
    p = repeat(stpcpy(header, "{\"a\":{\"x\":"), "[", count);
    assert_refused(put_header("x.safetensors", header, (size_t)(p - header), 1),
                   FLETCH_ERR_UNSUPPORTED,
                   "tensor 'a': byte 144: nested deeper than 128 levels, the limit "
                   "(FLETCH_JSON_SCAN_DEPTH_MAX)");
    free(header);
}

/* However long a name is, the message says what is wrong with it. */
static void long_names_leave_room_for_the_reason(void **state)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;
    char header[5000], *p;

    (void)state;
    p = stpcpy(repeat(stpcpy(header, "{\""), "n", 4000), "\":{\"dtype\":\"U9\"}}");
    assert_fails(
        fletch_checkpoint_open(&checkpoint,
                               put_header("x.safetensors", header, (size_t)(p - header), 0),
                               NULL, &err),
        FLETCH_ERR_UNSUPPORTED, err, "unknown dtype 'U9'");
}

/* 20,000 tensors in reverse order: found in natural order, and soon enough. */
static void many_tensors_are_listed(void **state)
{
    static const unsigned count = 20000;
    char *header = malloc((size_t)count * 80), *p = header;
    struct fletch_checkpoint *checkpoint;

    (void)state;
    assert_non_null(header);
    for (unsigned i = 0; i < count; i++)
        p += snprintf(
            p, 80, "%c\"t.%u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%u,%u]}",
            i ? ',' : '{', count - 1 - i, i, i + 1);
    *p++ = '}';
    checkpoint =
        open_good(put_header("x.safetensors", header, (size_t)(p - header), count));
    assert_int_equal(fletch_checkpoint_count(checkpoint), count);
    for (unsigned i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "t.%u", i);
        assert_string_equal(checkpoint->tensors[i].name, name);
        assert_int_equal(checkpoint->tensors[i].offset,
                         8 + (size_t)(p - header) + count - 1 - i);
    }
    fletch_checkpoint_close(checkpoint);
    free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(refuses_lengths_that_lie),
        SCRATCH_TEST(refuses_headers_beyond_the_limit),
        SCRATCH_TEST(refuses_more_dimensions_than_the_limit),
        SCRATCH_TEST(refuses_deep_nesting_without_recursion),
        SCRATCH_TEST(long_names_leave_room_for_the_reason),
        SCRATCH_TEST(many_tensors_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
