/* SPDX-License-Identifier: MIT */
/* test_parquet.c - what the writer was given the reader gives back, or says what is wrong
 */
#include "small_rows.h"

#include "parquet/reader_internal.h"

static void check_row(const struct fletch_reader_row *found, const struct table_row *row)
{
    assert_string_equal(found->name, row->name);
    assert_string_equal(found->dtype, row->dtype);
    assert_int_equal(found->rank, row->rank);
    for (unsigned i = 0; i < row->rank; i++)
        assert_int_equal(found->shape[i], row->shape[i]);
    assert_int_equal(found->count, row->count);
    assert_int_equal(found->size, row->size);
    assert_true(found->page_offset >= 4);
    assert_true(found->compressed_size > 31);
}

static void check_file(struct fletch_file *file, const struct table_row *rows, size_t count)
{
    struct fletch_reader *reader = NULL;
    struct fletch_cursor *cursor = NULL;
    struct fletch_error err = { 0 };

    assert_ok(fletch_reader_open(&reader, file, &err), err);
    assert_int_equal(reader->rows_count, count);
    assert_string_equal(reader->created_by, "fletch version " FLETCH_VERSION);
    assert_ok(fletch_cursor_open(&cursor, reader, &err), err);
    for (size_t i = 0; i < count; i++) {
        check_row(&reader->rows[i], &rows[i]);
        check_value(cursor, i, rows[i].value, rows[i].size);
    }
    assert_fails(fletch_cursor_begin(cursor, count, &err), FLETCH_ERR_NOT_FOUND, err,
                 "row");
    fletch_cursor_close(cursor);
    fletch_reader_close(reader);
    fletch_file_close(file);
}

static void every_codec_round_trips(void **state)
{
    const struct fletch_codec *codecs[8];
    size_t count = 0;
    struct fletch_file file;

    (void)state;
    for (size_t i = 0; fletch_codec_get(i); i++) {
        const struct fletch_codec *codec = fletch_codec_get(i);

        if (!codec->encoder_open)
            continue;
        codecs[count++] = codec;
        file = write_table(small_rows, SMALL_ROWS, SMALL_ROWS, &codec, 1);
        check_file(&file, small_rows, SMALL_ROWS);
    }
    assert_true(count >= 1);
    /* groups of different codecs in one file */
    file = write_table(small_rows, SMALL_ROWS, 1, codecs, count);
    check_file(&file, small_rows, SMALL_ROWS);
}

static void a_file_without_rows_is_a_file(void **state)
{
    const struct fletch_codec *codec = none();
    struct fletch_file file = write_table(NULL, 0, 1, &codec, 1);

    (void)state;
    check_file(&file, NULL, 0);
}

/* Values larger than a piece, than the write buffer and than a step of reading. */
static void large_values_come_in_pieces(void **state)
{
    size_t size = 2 * FLETCH_PIECE_SIZE + 12345;
    uint8_t *value = malloc(size);
    struct table_row rows[3] = {
        { "a", { 1 }, 1, "torch.uint8", 1, ramp, 1 },
        { "large", { 2109497 }, 1, "torch.uint8", size, NULL, size },
        { "z", { 7 }, 1, "torch.uint8", 7, ramp, 7 },
    };
    uint32_t random = 1;

    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        /* half of it compresses, half does not */
        value[i] = i < size / 2 ? (uint8_t)(i >> 10) : (uint8_t)(random >> 24);
    }
    rows[1].value = value;
    for (size_t i = 0; fletch_codec_get(i); i++) {
        const struct fletch_codec *codec = fletch_codec_get(i);
        struct fletch_file file;

        if (!codec->encoder_open)
            continue;
        file = write_table(rows, 3, 2, &codec, 1);
        check_file(&file, rows, 3);
    }
    free(value);
}

static void many_rows(void **state)
{
    enum { COUNT = 3000 };
    struct table_row *rows = calloc(COUNT, sizeof(*rows));
    char(*names)[600] = calloc(COUNT, sizeof(*names));
    const struct fletch_codec *codec = none();
    struct fletch_file file;

    (void)state;
    assert_non_null(rows);
    assert_non_null(names);
    /* names long enough for several pages of a column */
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "layer.%u.%0500u", i, i);
        rows[i] = (struct table_row){
            names[i], { i % 5, 2 },   i % 3,  i % 7 ? "torch.float16" : "torch.float32",
            1,        ramp + i % 100, i % 50,
        };
        for (unsigned k = 0; k < rows[i].rank; k++)
            rows[i].count *= rows[i].shape[k];
    }
    file = write_table(rows, COUNT, COUNT, &codec, 1);
    check_file(&file, rows, COUNT);
    file = write_table(rows, COUNT, 7, &codec, 1);
    check_file(&file, rows, COUNT);
    free(names);
    free(rows);
}

static void rows_can_be_taken_back(void **state)
{
    size_t size = (size_t)600 << 10; /* more than the write buffer: it is in the file */
    uint8_t *zeros = calloc(1, size);
    struct fletch_file file = memory_file(NULL, 0);
    struct fletch_writer *writer = NULL;
    struct fletch_written written[2];
    struct fletch_error err = { 0 };
    const struct table_row rows[2] = { small_rows[1], small_rows[4] };
    static const char *const pairs[][2] = { { "key", "value" }, { NULL, NULL } };
    uint64_t total;

    (void)state;
    assert_non_null(zeros);
    assert_ok(fletch_writer_open(&writer, &file, pairs, &err), err);
    begin_group(writer, FLETCH_CODEC_ID_NONE, rows, 2);
    for (size_t i = 0; i < 2; i++) {
        begin_row(writer, &rows[i]);
        assert_ok(fletch_writer_put(writer, "abc", 3, &err), err);
        assert_ok(fletch_writer_abort_row(writer, &err), err);
        begin_row(writer, &rows[i]);
        assert_ok(fletch_writer_put(writer, zeros, size, &err), err);
        assert_ok(fletch_writer_put(writer, zeros, 10, &err), err);
        assert_ok(fletch_writer_abort_row(writer, &err), err);
        begin_row(writer, &rows[i]);
        put_value(writer, none(), &rows[i]);
        assert_ok(fletch_writer_end_row(writer, &written[i], &err), err);
    }
    assert_ok(fletch_writer_end_group(writer, &err), err);
    assert_ok(fletch_writer_finish(writer, &total, &err), err);
    fletch_writer_close(writer);
    assert_int_equal(lseek(file.fd, 0, SEEK_END), total);
    assert_true(written[0].offset > 4); /* names come first */
    assert_int_equal(written[1].offset, written[0].offset + written[0].compressed_size);
    file.size = total;
    check_file(&file, rows, 2);
    free(zeros);
}

static void limits_are_said(void **state)
{
    static const uint64_t large[] = { (uint64_t)1 << 31 };
    static const uint64_t deep[65];
    struct fletch_file file = memory_file(NULL, 0);
    struct fletch_writer *writer = NULL;
    struct fletch_error err = { 0 };
    char *name = calloc(1, 70001);
    struct fletch_output_row row = { "w", large, 1, 0 };

    (void)state;
    assert_non_null(name);
    memset(name, 'n', 70000);
    assert_ok(fletch_writer_open(&writer, &file, NULL, &err), err);
    assert_fails(fletch_writer_begin_group(writer, none()->id, &row, 1, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "row 'w': dimension 0 is 2147483648, but the layout holds at most "
                 "2147483647");
    row = (struct fletch_output_row){ "w", deep, 65, 0 };
    assert_fails(fletch_writer_begin_group(writer, none()->id, &row, 1, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "row 'w': 65 dimensions, the limit is 64 (FLETCH_RANK_MAX)");
    row = (struct fletch_output_row){ name, deep, 1, 0 };
    assert_fails(fletch_writer_begin_group(writer, none()->id, &row, 1, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "a name of 70000 bytes, the limit is 65535 (NAME_SIZE_MAX)");
    row = (struct fletch_output_row){ "w", deep, 1, 0 };
    assert_ok(fletch_writer_begin_group(writer, none()->id, &row, 1, &err), err);
    assert_fails(fletch_writer_begin_row(writer, "torch.bool", UINT64_C(2147483638), &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "row 'w': a value of 2147483638 bytes, but the layout holds at most "
                 "2147483637");
    fletch_writer_close(writer);
    fletch_file_close(&file);
    free(name);
}

/* A type of more than 64 letters; a footer that claims more rows than there may be. */
static void limits_of_reading_are_said(void **state)
{
    const struct fletch_codec *codec = none();
    struct table_row row = small_rows[0];
    char dtype[70] = "torch.";
    struct fletch_file file;
    struct fletch_reader *reader = NULL;
    struct fletch_error err = { 0 };
    struct fletch_buf buf = { 0 };
    size_t size;

    (void)state;
    memset(dtype + 6, 'x', 60);
    row.dtype = dtype;
    file = write_table(&row, 1, 1, &codec, 1);
    assert_fails(fletch_reader_open(&reader, &file, &err), FLETCH_ERR_UNSUPPORTED, err,
                 ": row 0 has 66 bytes, the limit is 64 (DTYPE_LEN_MAX)");
    fletch_file_close(&file);

    file = write_table(small_rows, 1, 1, &codec, 1);
    assert_ok(fletch_reader_open(&reader, &file, &err), err);
    reader->file->footer.groups[0].num_rows = (1 << 20) + 1;
    fletch_buf_put(&buf, "PAR1", 4);
    fletch_footer_put(&buf, &reader->file->footer);
    size = buf.size - 4;
    for (int i = 0; i < 4; i++)
        fletch_buf_put_u8(&buf, (uint8_t)(size >> 8 * i));
    fletch_buf_put(&buf, "PAR1", 4);
    fletch_reader_close(reader);
    fletch_file_close(&file);
    file = memory_file(buf.bytes, buf.size);
    assert_fails(fletch_reader_open(&reader, &file, &err), FLETCH_ERR_UNSUPPORTED, err,
                 ": footer: more than 1048576 rows, the limit (ROWS_MAX)");
    fletch_file_close(&file);
    fletch_buf_release(&buf);
}

/* ---- Damage ---- */

static void a_flipped_bit_in_a_page_is_found(void **state)
{
    (void)state;
    for (size_t k = 0; fletch_codec_get(k); k++) {
        const struct fletch_codec *codec = fletch_codec_get(k);
        struct fletch_error err = { 0 };
        struct fletch_file file;
        struct fletch_reader *reader = NULL;
        uint8_t *bytes;
        uint64_t last;

        if (!codec->encoder_open)
            continue;
        file = write_table(small_rows, SMALL_ROWS, SMALL_ROWS, &codec, 1);
        assert_ok(fletch_reader_open(&reader, &file, &err), err);
        /* the last byte of the long value's page */
        last = reader->rows[4].page_offset + reader->rows[4].compressed_size - 1;
        fletch_reader_close(reader);
        bytes = load_memory(&file);
        bytes[last] ^= 0x10;
        fletch_file_close(&file);
        file = memory_file(bytes, file.size);
        assert_fails(try_file(&file, &err), FLETCH_ERR_FORMAT, err,
                     "x.parquet: column 'data', page at byte ");
        assert_non_null(strstr(err.message, ": CRC-32 of its body is "));
        fletch_file_close(&file);
        free(bytes);
    }
}

/* A stream says so too, at the latest with its end. */
static void a_stream_ends_with_the_crc(void **state)
{
    const struct fletch_codec *codec = none();
    struct fletch_file file = write_table(small_rows, SMALL_ROWS, SMALL_ROWS, &codec, 1);
    struct fletch_reader *reader = NULL;
    struct fletch_cursor *cursor = NULL;
    struct fletch_error err = { 0 };
    const size_t last = SMALL_ROWS - 1;
    const void *bytes;
    size_t size;

    (void)state;
    assert_ok(fletch_reader_open(&reader, &file, &err), err);
    assert_int_equal(pwrite(file.fd, "\xff", 1,
                            (off_t)(reader->rows[last].page_offset +
                                    reader->rows[last].compressed_size - 2)),
                     1);
    assert_ok(fletch_cursor_open(&cursor, reader, &err), err);
    assert_ok(fletch_cursor_begin(cursor, last, &err), err);
    assert_ok(fletch_cursor_next(cursor, &bytes, &size, &err), err);
    assert_int_equal(size, 3000);
    assert_fails(fletch_cursor_next(cursor, &bytes, &size, &err), FLETCH_ERR_FORMAT, err,
                 ": CRC-32 of its body is ");
    assert_int_equal(size, 0);
    /* and the cursor goes on with another row */
    check_value(cursor, 3, small_rows[3].value, small_rows[3].size);
    fletch_cursor_close(cursor);
    fletch_reader_close(reader);
    fletch_file_close(&file);
}

static const struct fletch_codec *first_codec(void)
{
    for (size_t i = 0; fletch_codec_get(i); i++)
        if (fletch_codec_get(i)->encoder_open)
            return fletch_codec_get(i);
    return none();
}

static void every_truncation_is_an_error(void **state)
{
    const struct fletch_codec *codecs[] = { none(), first_codec() };
    struct fletch_file whole = write_table(small_rows, 4, 2, codecs, 2);
    uint8_t *bytes = load_memory(&whole);

    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        struct fletch_file file = memory_file(bytes, size);
        struct fletch_error err = { 0 };

        assert_fails(try_file(&file, &err), FLETCH_ERR_FORMAT, err, "x.parquet: ");
        fletch_file_close(&file);
    }
    free(bytes);
    fletch_file_close(&whole);
}

/* Whatever one byte becomes: the same rows, other rows, or an error with a sentence. In a
 * page, which has a CRC, never other values. */
static void no_single_byte_does_harm(void **state)
{
    static const uint8_t masks[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
    const struct fletch_codec *codecs[] = { none(), first_codec() };
    struct fletch_file whole = write_table(small_rows, 4, 2, codecs, 2);
    uint8_t *bytes = load_memory(&whole);
    size_t errors = 0, tries = 0;

    (void)state;
    for (size_t i = 0; i < whole.size; i++)
        for (size_t k = 0; k < sizeof(masks); k++) {
            struct fletch_error err = { 0 };
            enum fletch_status status;
            uint8_t byte = bytes[i] ^ masks[k];

            assert_int_equal(pwrite(whole.fd, &byte, 1, (off_t)i), 1);
            status = try_file(&whole, &err);
            if (status && status != FLETCH_ERR_FORMAT && status != FLETCH_ERR_UNSUPPORTED)
                fail_msg("byte %zu ^ %02x: %s", i, masks[k], err.message);
            errors += status != FLETCH_OK;
            tries++;
            assert_int_equal(pwrite(whole.fd, &bytes[i], 1, (off_t)i), 1);
        }
    /* statistics, names of keys and the like may change unseen */
    assert_true(errors > tries / 2);
    free(bytes);
    fletch_file_close(&whole);
}

static void what_is_not_a_table_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum fletch_status status;
        const char *message;
    } files[] = {
        { "", 0, FLETCH_ERR_FORMAT,
          "x.parquet: not Parquet: 0 bytes, expected at least 12" },
        { "hello, world", 12, FLETCH_ERR_FORMAT,
          "x.parquet: not Parquet: 68 65 6c 6c at byte 0, expected 50 41 52 31 (PAR1)" },
        { "PAR1....hello", 13, FLETCH_ERR_FORMAT,
          "x.parquet: not Parquet: 65 6c 6c 6f at byte 9, expected 50 41 52 31 (PAR1)" },
        { "PAR1\0\0\0\0PARE", 12, FLETCH_ERR_UNSUPPORTED,
          "x.parquet: an encrypted Parquet file" },
        { "PAR1\1\0\0\0PAR1", 12, FLETCH_ERR_FORMAT,
          "x.parquet: a footer of 1 bytes at byte 4, but the file has 0 in front of it" },
        { "PAR1\0\1\0\0\0PAR1", 13, FLETCH_ERR_FORMAT, "x.parquet: footer: no schema" },
        { "PAR1\x15\2\0\0\0PAR1", 13, FLETCH_ERR_FORMAT, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct fletch_file file = memory_file(files[i].bytes, files[i].size);
        struct fletch_error err = { 0 };

        assert_fails(try_file(&file, &err), files[i].status, err, "x.parquet: ");
        if (files[i].message)
            assert_string_equal(err.message, files[i].message);
        fletch_file_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_round_trips),
        cmocka_unit_test(a_file_without_rows_is_a_file),
        cmocka_unit_test(large_values_come_in_pieces),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(rows_can_be_taken_back),
        cmocka_unit_test(limits_are_said),
        cmocka_unit_test(limits_of_reading_are_said),
        cmocka_unit_test(a_flipped_bit_in_a_page_is_found),
        cmocka_unit_test(a_stream_ends_with_the_crc),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(no_single_byte_does_harm),
        cmocka_unit_test(what_is_not_a_table_is_refused),
    };

    return cmocka_run_group_tests(tests, make_ramp, NULL);
}
