/* SPDX-License-Identifier: MIT */
/* test_foreign.c - files of other writers: every layout they choose gives the same rows
 *
 * tests/foreign/make.py made the files; its function row() is rebuilt here.
 */
#include "tables.h"

#include <dirent.h>

#define ROWS 11

struct expected {
    char name[32];
    uint64_t shape[3];
    unsigned rank;
    uint64_t count;
    const char *dtype;
    uint8_t data[256];
    size_t size;
};

static void expect(struct expected *out, unsigned i)
{
    unsigned seed = i == 8 ? 4 : i;

    *out = (struct expected){ .shape = { i % 7, 2, 3 }, .rank = i % 4, .count = 1 };
    snprintf(out->name, sizeof(out->name), "layer.%u.weight", i);
    for (unsigned k = 0; k < out->rank; k++)
        out->count *= out->shape[k];
    out->dtype = i % 3 ? "torch.float32" : "torch.float16";
    out->size = (size_t)out->count * (i % 3 ? 4 : 2);
    assert_true(out->size <= sizeof(out->data));
    for (unsigned k = 0; k < out->size; k++)
        out->data[k] = (uint8_t)(seed * 31 + k);
}

static void open_foreign(struct fletch_file *file, const char *name)
{
    static char path[4096];
    struct fletch_error err = { 0 };

    snprintf(path, sizeof(path), "%s/foreign/%s.parquet", FLETCH_TEST_DATA, name);
    assert_ok(fletch_file_open(file, path, &err), err);
}

static void check_rows(const struct fletch_reader *reader)
{
    struct fletch_cursor *cursor = NULL;
    struct fletch_error err = { 0 };
    struct expected row;

    assert_int_equal(reader->rows_count, ROWS);
    assert_ok(fletch_cursor_open(&cursor, reader, &err), err);
    /* forwards, then backwards: pages are kept, and gone back in */
    for (unsigned i = 0; i < 2 * ROWS; i++) {
        unsigned at = i < ROWS ? i : 2 * ROWS - 1 - i;
        const struct fletch_reader_row *found = &reader->rows[at];

        expect(&row, at);
        assert_string_equal(found->name, row.name);
        assert_string_equal(found->dtype, row.dtype);
        assert_int_equal(found->rank, row.rank);
        assert_int_equal(found->count, row.count);
        for (unsigned k = 0; k < row.rank; k++)
            assert_int_equal(found->shape[k], row.shape[k]);
        check_value(cursor, at, row.data, row.size);
    }
    fletch_cursor_close(cursor);
}

/* Whether this build has what the file's name says it is compressed with. */
static bool is_built_in(const char *name)
{
    static const struct {
        const char *mark;
        enum fletch_codec_id id;
    } marks[] = { { "zstd", FLETCH_CODEC_ID_ZSTD },
                  { "_v2.", FLETCH_CODEC_ID_ZSTD },
                  { "required_plain", FLETCH_CODEC_ID_ZSTD },
                  { "groups", FLETCH_CODEC_ID_ZSTD },
                  { "gzip", FLETCH_CODEC_ID_GZIP },
                  { "lz4", FLETCH_CODEC_ID_LZ4_RAW },
                  { "polars_small", FLETCH_CODEC_ID_LZ4_RAW },
                  { "snappy", FLETCH_CODEC_ID_SNAPPY },
                  { "default", FLETCH_CODEC_ID_SNAPPY },
                  { "old_lists", FLETCH_CODEC_ID_SNAPPY },
                  { "two_rows", FLETCH_CODEC_ID_SNAPPY } };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const struct fletch_codec *codec;

        if (strstr(name, marks[i].mark))
            return !fletch_codec_find_id(&codec, (int)marks[i].id, NULL);
    }
    return true;
}

static void every_layout_gives_the_same_rows(void **state)
{
    struct dirent **entries = NULL;
    struct fletch_error err = { 0 };
    int count = scandir(FLETCH_TEST_DATA "/foreign", &entries, NULL, alphasort);
    int read = 0;

    (void)state;
    for (int i = 0; i < count; i++) {
        char name[256];
        char *end;

        snprintf(name, sizeof(name), "%.200s", entries[i]->d_name);
        end = strstr(name, ".parquet");
        free(entries[i]);
        if (!end || !strncmp(name, "bad_", 4) || !strncmp(name, "arrow_empty", 11) ||
            !is_built_in(name))
            continue;
        *end = 0;
        struct fletch_file file;
        struct fletch_reader *reader = NULL;

        open_foreign(&file, name);
        assert_ok(fletch_reader_open(&reader, &file, &err), err);
        check_rows(reader);
        fletch_reader_close(reader);
        fletch_file_close(&file);
        read++;
    }
    free(entries);
    assert_true(read >= 12);
}

static void empty(void **state)
{
    struct fletch_file file;
    struct fletch_reader *reader = NULL;
    struct fletch_error err = { 0 };

    (void)state;
    open_foreign(&file, "arrow_empty");
    assert_ok(fletch_reader_open(&reader, &file, &err), err);
    assert_int_equal(reader->rows_count, 0);
    fletch_reader_close(reader);
    fletch_file_close(&file);
}

static void footer_says_who_and_what(void **state)
{
    struct fletch_file file;
    struct fletch_reader *reader = NULL;
    struct fletch_error err = { 0 };

    (void)state;
    open_foreign(&file, "arrow_none");
    assert_ok(fletch_reader_open(&reader, &file, &err), err);
    assert_non_null(strstr(reader->created_by, "parquet-cpp-arrow version"));
    /* one page for all: nobody's own, and its size is nobody's */
    assert_int_equal(reader->rows[2].page_offset, 0);
    assert_int_equal(reader->rows[2].compressed_size, 0);
    assert_true(reader->rows[2].size == UINT64_MAX);
    fletch_reader_close(reader);
    fletch_file_close(&file);

    open_foreign(&file, "arrow_small_pages");
    assert_ok(fletch_reader_open(&reader, &file, &err), err);
    assert_true(reader->rows[2].page_offset > 0);
    assert_true(reader->rows[2].compressed_size > 16);
    fletch_reader_close(reader);
    fletch_file_close(&file);
}

static void refused_with_reasons(void **state)
{
    static const struct {
        const char *name;
        enum fletch_status status;
        const char *part;
    } bad[] = {
        { "bad_null_name", FLETCH_ERR_FORMAT,
          "bad_null_name.parquet: column 'layer_name', page at byte 54: row 1 is null" },
        { "bad_null_shape", FLETCH_ERR_FORMAT,
          "bad_null_shape.parquet: column 'shape', page at byte 155: row 1 is null" },
        { "bad_null_dim", FLETCH_ERR_FORMAT,
          "column 'shape', page at byte 155: row 1 is null" },
        { "bad_null_dtype", FLETCH_ERR_FORMAT,
          "column 'dtype', page at byte 270: row 2 is null" },
        { "bad_null_data", FLETCH_ERR_FORMAT,
          "column 'data', page at byte 372: row 1 is null" },
        { "bad_negative_dim", FLETCH_ERR_FORMAT, "row 1 has a dimension of -1" },
        { "bad_count", FLETCH_ERR_FORMAT,
          "column 'num_params', page at byte 465: row 2 ('layer.2.weight') has 5 elements, "
          "but by its shape 4" },
        { "bad_nul_name", FLETCH_ERR_FORMAT, "row 1 has a NUL inside" },
        { "bad_brotli", FLETCH_ERR_UNSUPPORTED, "BROTLI" },
        { "bad_no_data", FLETCH_ERR_UNSUPPORTED,
          "no column 'data': not a table of tensors" },
        { "bad_fixed_data", FLETCH_ERR_UNSUPPORTED,
          "column 'data': is FIXED_LEN_BYTE_ARRAY, expected one BYTE_ARRAY" },
        { "bad_int_name", FLETCH_ERR_UNSUPPORTED,
          "column 'layer_name': is INT64, expected one BYTE_ARRAY" },
        { "bad_flat_shape", FLETCH_ERR_UNSUPPORTED,
          "column 'shape': is INT32, expected a list of INT32 or INT64" },
        { "bad_quantized", FLETCH_ERR_UNSUPPORTED,
          "a file of quantized values (it has a column 'quant_type')" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fletch_file file;
        struct fletch_error err = { 0 };

        open_foreign(&file, bad[i].name);
        assert_fails(try_file(&file, &err), bad[i].status, err, bad[i].part);
        fletch_file_close(&file);
    }
}

/* Listings say sizes before a value is read, also where the file does not. */
static void sizes_before_reading(void **state)
{
    struct fletch_table *table = NULL;
    struct fletch_row said, read;

    (void)state;
    assert_int_equal(
        fletch_table_open(&table, FLETCH_TEST_DATA "/foreign/arrow_none.parquet", NULL), 0);
    assert_true(fletch_table_count(table) > 2);
    for (size_t i = 0; fletch_table_at(&said, table, i); i++) {
        assert_int_equal(fletch_table_read(&read, table, i, NULL), 0);
        assert_int_equal(said.size, read.size);
    }
    fletch_table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_gives_the_same_rows),
        cmocka_unit_test(empty),
        cmocka_unit_test(footer_says_who_and_what),
        cmocka_unit_test(refused_with_reasons),
        cmocka_unit_test(sizes_before_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
