/* SPDX-License-Identifier: MIT */
/* test_parquet_bytes.c - what the writer writes, byte for byte, taken apart without its own
 * code */
#include "small_rows.h"

#include "base/bytes.h"

struct apart {
    const uint8_t *bytes;
    size_t size, pos;
};

static uint64_t varint(struct apart *in)
{
    uint64_t value = 0;
    unsigned shift = 0;

    do {
        assert_true(in->pos < in->size);
        value |= (uint64_t)(in->bytes[in->pos] & 127) << shift;
        shift += 7;
    } while (in->bytes[in->pos++] & 128);
    return value;
}

static int64_t zigzag(struct apart *in)
{
    uint64_t value = varint(in);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static void step_over(struct apart *in, int type);

static int list_head(struct apart *in, size_t *count)
{
    uint8_t byte = in->bytes[in->pos++];

    *count = byte >> 4 == 15 ? varint(in) : byte >> 4;
    return byte & 15;
}

/* The next field's type, or 0; *id goes on. */
static int field_head(struct apart *in, int *id)
{
    uint8_t byte = in->bytes[in->pos++];

    if (byte)
        *id = byte >> 4 ? *id + (byte >> 4) : (int)zigzag(in);
    return byte & 15;
}

static void step_over(struct apart *in, int type)
{
    size_t count;
    int id = 0, item;

    if (type == 4 || type == 5 || type == 6) {
        varint(in);
    } else if (type == 8) {
        count = varint(in);
        in->pos += count;
    } else if (type == 9) {
        item = list_head(in, &count);
        while (count--)
            step_over(in, item);
    } else if (type == 12) {
        while ((item = field_head(in, &id)))
            step_over(in, item);
    } else {
        assert_true(type == 1 || type == 2);
    }
}

/* Goes to a value by field ids and, where they meet a list, the index in it; ends at 0. The
 * value's type, or 0 when there is none such. Indices count from 1. */
static int go_to(struct apart *in, const int *path)
{
    int type = 12;

    for (; *path; path++) {
        if (type == 12) {
            int id = 0;

            while ((type = field_head(in, &id)) && id != *path)
                step_over(in, type);
            if (!type)
                return 0;
        } else {
            size_t count;

            assert_int_equal(type, 9);
            type = list_head(in, &count);
            if ((size_t)*path > count)
                return 0;
            for (int i = 1; i < *path; i++)
                step_over(in, type);
        }
    }
    return type;
}

#define PATH(...) ((const int[]){ __VA_ARGS__, 0 })

static int64_t int_at(struct apart in, const int *path)
{
    assert_true(go_to(&in, path) >= 4);
    return zigzag(&in);
}

static bool is_there(struct apart in, const int *path)
{
    return go_to(&in, path) != 0;
}

static void text_at(struct apart in, const int *path, const char *expected)
{
    size_t len;

    assert_int_equal(go_to(&in, path), 8);
    len = varint(&in);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(in.bytes + in.pos, expected, len);
}

static size_t count_at(struct apart in, const int *path)
{
    size_t count;

    assert_int_equal(go_to(&in, path), 9);
    list_head(&in, &count);
    return count;
}

static uint32_t slow_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void check_schema(struct apart footer)
{
    static const struct {
        const char *name;
        int type, repetition, children, converted, logical; /* -1: not there */
    } elements[] = {
        { "schema", -1, 0, 5, -1, -1 },  { "layer_name", 6, 1, -1, 0, 1 },
        { "shape", -1, 1, 1, 3, 3 },     { "list", -1, 2, 1, -1, -1 },
        { "element", 1, 1, -1, -1, -1 }, { "dtype", 6, 1, -1, 0, 1 },
        { "data", 6, 1, -1, -1, -1 },    { "num_params", 2, 1, -1, -1, -1 },
    };

    assert_int_equal(count_at(footer, PATH(2)), 8);
    for (int i = 0; i < 8; i++) {
        text_at(footer, PATH(2, i + 1, 4), elements[i].name);
        assert_int_equal(int_at(footer, PATH(2, i + 1, 3)), elements[i].repetition);
        assert_int_equal(is_there(footer, PATH(2, i + 1, 1)), elements[i].type >= 0);
        if (elements[i].type >= 0)
            assert_int_equal(int_at(footer, PATH(2, i + 1, 1)), elements[i].type);
        assert_int_equal(is_there(footer, PATH(2, i + 1, 5)), elements[i].children >= 0);
        if (elements[i].children >= 0)
            assert_int_equal(int_at(footer, PATH(2, i + 1, 5)), elements[i].children);
        assert_int_equal(is_there(footer, PATH(2, i + 1, 6)), elements[i].converted >= 0);
        if (elements[i].converted >= 0) {
            assert_int_equal(int_at(footer, PATH(2, i + 1, 6)), elements[i].converted);
            assert_true(is_there(footer, PATH(2, i + 1, 10, elements[i].logical)));
        }
    }
}

/* The page of row i: header, sizes, CRC, levels, and where its value stands. */
static void check_page(const uint8_t *bytes, size_t size, struct apart index, int i,
                       const struct table_row *row, bool aligned)
{
    int64_t offset = int_at(index, PATH(1, i + 1, 1));
    struct apart header = { bytes + offset, size - (size_t)offset, 0 };
    struct apart end = header;
    int64_t stored = int_at(header, PATH(3));
    size_t header_size;

    step_over(&end, 12);
    header_size = end.pos;
    assert_int_equal(int_at(index, PATH(1, i + 1, 2)), (int64_t)header_size + stored);
    assert_int_equal(int_at(index, PATH(1, i + 1, 3)), i);
    assert_int_equal(int_at(index, PATH(2, i + 1)), row->size);
    /* that of a small value takes no more than it must, and up to 9 bytes of padding */
    assert_true(header_size <= (row->size > 1024 ? 23 + 6 + 65 : 23 + 2 + 9));
    assert_int_equal(int_at(header, PATH(1)), 0); /* DATA_PAGE */
    assert_int_equal(int_at(header, PATH(2)), 10 + row->size);
    assert_int_equal((uint32_t)int_at(header, PATH(4)),
                     slow_crc(header.bytes + header_size, (size_t)stored));
    assert_int_equal(int_at(header, PATH(5, 1)), 1); /* num_values */
    assert_int_equal(int_at(header, PATH(5, 2)), 0); /* PLAIN */
    assert_int_equal(int_at(header, PATH(5, 3)), 3); /* RLE */
    assert_int_equal(int_at(header, PATH(5, 4)), 3);
    if (!aligned)
        return;
    assert_int_equal(((size_t)offset + header_size + 10) % (row->size > 1024 ? 64 : 8), 0);
    assert_memory_equal(header.bytes + header_size, "\2\0\0\0\2\1", 6);
    assert_int_equal(fletch_load_u32(header.bytes + header_size + 6), row->size);
    if (row->size)
        assert_memory_equal(header.bytes + header_size + 10, row->value, row->size);
}

static struct apart footer_of(const uint8_t *bytes, size_t size)
{
    size_t length;

    assert_memory_equal(bytes, "PAR1", 4);
    assert_memory_equal(bytes + size - 4, "PAR1", 4);
    length = fletch_load_u32(bytes + size - 8);
    return (struct apart){ bytes + size - 8 - length, length, 0 };
}

static void the_bytes_are_as_documented(void **state)
{
    const struct fletch_codec *codec = none();
    struct fletch_file file = write_table(small_rows, SMALL_ROWS, SMALL_ROWS, &codec, 1);
    uint8_t *bytes = load_memory(&file);
    struct apart footer = footer_of(bytes, file.size);
    int64_t sum = 0;

    (void)state;
    assert_int_equal(int_at(footer, PATH(1)), 1);
    check_schema(footer);
    assert_int_equal(int_at(footer, PATH(3)), SMALL_ROWS);
    assert_int_equal(count_at(footer, PATH(4)), 1);
    text_at(footer, PATH(5, 1, 1), "key");
    text_at(footer, PATH(5, 1, 2), "value");
    text_at(footer, PATH(6), "fletch version " FLETCH_VERSION);
    assert_int_equal(count_at(footer, PATH(7)), 5);
    assert_true(is_there(footer, PATH(7, 5, 1)));
    assert_int_equal(int_at(footer, PATH(4, 1, 3)), SMALL_ROWS);
    assert_int_equal(int_at(footer, PATH(4, 1, 5)), 4);
    assert_int_equal(int_at(footer, PATH(4, 1, 7)), 0);
    for (int i = 1; i <= 5; i++) {
        sum += int_at(footer, PATH(4, 1, 1, i, 3, 7));
        assert_int_equal(int_at(footer, PATH(4, 1, 1, i, 3, 6)),
                         int_at(footer, PATH(4, 1, 1, i, 3, 7)));
        assert_int_equal(int_at(footer, PATH(4, 1, 1, i, 3, 4)), 0);
        /* min and max for all but shape and data; a scalar's shape has no value */
        assert_int_equal(is_there(footer, PATH(4, 1, 1, i, 3, 12, 5)), i != 2 && i != 4);
        assert_int_equal(int_at(footer, PATH(4, 1, 1, i, 3, 12, 3)), i == 2);
        assert_true(int_at(footer, PATH(4, 1, 1, i, 4)) > 0);
        assert_false(is_there(footer, PATH(4, 1, 1, i, 6))); /* no column index */
    }
    assert_int_equal(int_at(footer, PATH(4, 1, 2)), sum);
    assert_int_equal(int_at(footer, PATH(4, 1, 6)), sum);
    text_at(footer, PATH(4, 1, 1, 1, 3, 12, 6), "b\xc3\xa4r");
    text_at(footer, PATH(4, 1, 1, 1, 3, 12, 5), "scalar");
    text_at(footer, PATH(4, 1, 1, 2, 3, 3, 3), "element");
    assert_true(int_at(footer, PATH(4, 1, 1, 3, 3, 11)) > 0); /* types: a dictionary */
    assert_false(is_there(footer, PATH(4, 1, 1, 4, 3, 11)));

    size_t at = (size_t)int_at(footer, PATH(4, 1, 1, 4, 4));
    struct apart index = { bytes + at, file.size - at, 0 };
    for (int i = 0; i < (int)SMALL_ROWS; i++)
        check_page(bytes, file.size, index, i, &small_rows[i], true);
    free(bytes);
    fletch_file_close(&file);
}

/* Compressed pages are framed alike, for every codec, but not padded. */
static void compressed_pages_are_as_documented(void **state)
{
    (void)state;
    for (size_t k = 0; fletch_codec_get(k); k++) {
        const struct fletch_codec *codec = fletch_codec_get(k);
        struct fletch_file file;
        struct apart footer;
        uint8_t *bytes;

        if (!codec->encoder_open || codec->id == FLETCH_CODEC_ID_NONE)
            continue;
        file = write_table(small_rows, SMALL_ROWS, SMALL_ROWS, &codec, 1);
        bytes = load_memory(&file);
        footer = footer_of(bytes, file.size);
        assert_int_equal(int_at(footer, PATH(4, 1, 1, 4, 3, 4)), codec->id);
        assert_int_equal(int_at(footer, PATH(4, 1, 1, 1, 3, 4)), 0);
        size_t at = (size_t)int_at(footer, PATH(4, 1, 1, 4, 4));
        struct apart index = { bytes + at, file.size - at, 0 };
        for (int i = 0; i < (int)SMALL_ROWS; i++)
            check_page(bytes, file.size, index, i, &small_rows[i], false);
        free(bytes);
        fletch_file_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_as_documented),
        cmocka_unit_test(compressed_pages_are_as_documented),
    };

    return cmocka_run_group_tests(tests, make_ramp, NULL);
}
