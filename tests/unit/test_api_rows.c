/* SPDX-License-Identifier: MIT */
/* test_api_rows.c - the public functions that hand out bytes and rows, and look at paths */
#include "models.h"

#include "base/json.h"

static const char *golden(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/golden/%s/source", FLETCH_TEST_DATA, name);
    return path;
}

/* ---- A checkpoint's bytes ---- */

static const char *container(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/golden/containers/%s", FLETCH_TEST_DATA, name);
    return path;
}

static struct fletch_checkpoint *open_container(const char *name)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_error err;

    assert_ok(fletch_checkpoint_open(&checkpoint, container(name), NULL, &err), err);
    return checkpoint;
}

/* By pieces of `step` bytes, the last ones first. */
static void read_by_pieces(unsigned char *out, const struct fletch_checkpoint *checkpoint,
                           size_t i, size_t size, size_t step)
{
    struct fletch_error err;

    for (size_t end = size; end > 0;) {
        size_t piece = end % step ? end % step : step;

        end -= piece;
        assert_ok(fletch_checkpoint_read(out + end, piece, checkpoint, i, end, &err), err);
    }
}

/* The same tensors, whatever file they lie in: stored, compressed, in an archive. */
static void a_tensor_s_bytes_are_read_in_order(void **state)
{
    static const char *const names[] = { "npz-deflated", "torch-zip", "torch-stream",
                                         "safetensors-shards", "torch-training" };
    static unsigned char expected[1 << 16], found[1 << 16];
    struct fletch_checkpoint *first = open_container("safetensors");
    struct fletch_tensor_info tensor, other;
    struct fletch_error err;

    (void)state;
    for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
        struct fletch_checkpoint *checkpoint = open_container(names[n]);

        assert_int_equal(fletch_checkpoint_count(checkpoint),
                         fletch_checkpoint_count(first));
        for (size_t i = 0; fletch_checkpoint_at(&tensor, first, i); i++) {
            assert_true(fletch_checkpoint_at(&other, checkpoint, i));
            assert_string_equal(other.name, tensor.name);
            assert_true(tensor.size && tensor.size <= sizeof(expected));
            assert_ok(
                fletch_checkpoint_read(expected, (size_t)tensor.size, first, i, 0, &err),
                err);
            read_by_pieces(found, checkpoint, i, (size_t)other.size, 7 + 100 * i);
            assert_memory_equal(found, expected, (size_t)tensor.size);
        }
        fletch_checkpoint_close(checkpoint);
    }
    fletch_checkpoint_close(first);
}

/* Fortran order and most significant byte first: three rows of two int16. */
static void a_tensor_out_of_order_is_read_in_order(void **state)
{
    static const char header[] =
        "{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2), }";
    static const unsigned char columns[] = { 0, 1, 0, 3, 0, 5, 0, 2, 0, 4, 0, 6 };
    static const unsigned char rows[] = { 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0 };
    struct fletch_checkpoint *checkpoint;
    struct fletch_buf file = { 0 };
    unsigned char found[sizeof(rows)];
    struct fletch_error err;

    (void)state;
    fletch_buf_put(&file, "\x93NUMPY\1\0\x76\0", 10);
    fletch_buf_put_text(&file, header);
    while (file.size < 127)
        fletch_buf_put_u8(&file, ' ');
    fletch_buf_put_u8(&file, '\n');
    fletch_buf_put(&file, columns, sizeof(columns));
    put_bytes(at("x.npy"), file.bytes, file.size);
    fletch_buf_release(&file);
    assert_ok(fletch_checkpoint_open(&checkpoint, at("x.npy"), NULL, &err), err);
    read_by_pieces(found, checkpoint, 0, sizeof(found), 5);
    assert_memory_equal(found, rows, sizeof(rows));
    fletch_checkpoint_close(checkpoint);
}

static void reading_beyond_is_refused(void **state)
{
    struct fletch_checkpoint *checkpoint = open_container("safetensors");
    struct fletch_tensor_info tensor;
    struct fletch_error err;
    unsigned char byte = 7;

    (void)state;
    assert_true(fletch_checkpoint_at(&tensor, checkpoint, 0));
    assert_fails(fletch_checkpoint_read(&byte, 1, checkpoint,
                                        fletch_checkpoint_count(checkpoint), 0, &err),
                 FLETCH_ERR_NOT_FOUND, err, "is asked for, the checkpoint has");
    assert_fails(fletch_checkpoint_read(&byte, 1, checkpoint, 0, tensor.size, &err),
                 FLETCH_ERR_ARGUMENT, err, tensor.name);
    assert_fails(fletch_checkpoint_read(&byte, 1, checkpoint, 0, UINT64_MAX, &err),
                 FLETCH_ERR_ARGUMENT, err, tensor.name);
    assert_fails(fletch_checkpoint_read(&byte, SIZE_MAX, checkpoint, 0, 1, &err),
                 FLETCH_ERR_ARGUMENT, err, tensor.name);
    assert_int_equal(byte, 7);
    assert_ok(fletch_checkpoint_read(&byte, 0, checkpoint, 0, tensor.size, &err), err);
    fletch_checkpoint_close(checkpoint);
}

/* ---- Results ---- */

static void assert_hash(const uint8_t hash[32], const json_t *row, const char *key)
{
    char hex[65];

    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(hex, json_string_value(json_object_get(row, key)));
}

static void assert_number(uint64_t number, const json_t *object, const char *key)
{
    assert_true(number == (uint64_t)json_integer_value(json_object_get(object, key)));
}

static void check_row(const struct fletch_result_row *row, const json_t *account)
{
    const json_t *cast = json_object_get(account, "cast");
    const char *taken = json_string_value(json_object_get(account, "taken"));

    assert_string_equal(row->tensor, json_string_value(json_object_get(account, "tensor")));
    assert_string_equal(row->taken ? row->taken : "", taken ? taken : "");
    assert_string_equal(row->source_dtype,
                        json_string_value(json_object_get(account, "source_dtype")));
    assert_hash(row->sha256, account, "sha256");
    assert_hash(row->source_sha256, account, "source_sha256");
    assert_number(row->size, account, "bytes");
    assert_number(row->compressed_size, account, "compressed_bytes");
    assert_int_equal(row->cast.exact, json_is_true(json_object_get(cast, "exact")));
    assert_number(row->cast.nan, cast, "nan");
    assert_number(row->cast.beyond_float16, cast, "beyond_float16");
    if (row->cast.exact)
        return;
    assert_number(row->cast.rounded, cast, "rounded");
    assert_number(row->cast.flushed, cast, "flushed");
    assert_number(row->cast.subnormal, cast, "subnormal");
    assert_number(row->cast.overflowed, cast, "overflowed");
    assert_true(row->cast.absolute_error >=
                    json_number_value(json_object_get(cast, "absolute_error")) &&
                row->cast.absolute_error <=
                    json_number_value(json_object_get(cast, "absolute_error")));
}

static void a_result_has_its_rows(void **state)
{
    static const struct {
        const char *model, *family;
    } models[] = { { "values", "transformers" },
                   { "bert-bf16", NULL },
                   { "clip-vision-unprefixed", NULL } };

    (void)state;
    for (size_t m = 0; m < sizeof(models) / sizeof(*models); m++) {
        struct fletch_options options = { .family = models[m].family, .certify = true };
        struct fletch_result result;
        struct fletch_result_row row;
        struct fletch_table *table;
        struct fletch_row stored;
        struct fletch_error err;
        json_t *rows, *metadata;
        size_t i = 0;

        assert_ok(
            fletch_convert(&result, golden(models[m].model), at("out"), &options, &err),
            err);
        assert_ok(fletch_table_open(&table, at("out"), &err), err);
        metadata = json_loads(result.metadata_json, 0, NULL);
        rows = json_object_get(json_object_get(metadata, "fletch"), "rows");
        for (; fletch_result_row_at(&row, &result, i); i++) {
            assert_true(fletch_table_at(&stored, table, i));
            assert_string_equal(row.name, stored.name);
            assert_string_equal(row.dtype, stored.dtype);
            assert_true(row.count == stored.count && row.rank == stored.rank);
            assert_true(row.certified);
            check_row(&row, json_object_get(rows, row.name));
        }
        assert_int_equal(i, result.tensors);
        assert_false(fletch_table_at(&stored, table, i));
        json_decref(metadata);
        fletch_table_close(table);
        fletch_result_release(&result);
        assert_false(fletch_result_row_at(&row, &result, 0));
    }
}

static void a_path_says_what_it_leads_to(void **state)
{
    struct fletch_result result;
    enum fletch_path_kind kind;
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_convert(&result, golden("bert-bf16"), at("out"), NULL, &err), err);
    assert_ok(fletch_path_look(&kind, at("out"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_CONVERTED);
    assert_int_equal(rename(result.weights_path, at("named.otherwise")), 0);
    assert_ok(fletch_path_look(&kind, at("named.otherwise"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_PARQUET);
    assert_ok(fletch_path_look(&kind, at("out"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_CHECKPOINT_FOLDER);
    assert_ok(fletch_path_look(&kind, golden("bert-bf16"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_CHECKPOINT_FOLDER);
    put_text(at("x.parquet"), "PAR");
    assert_ok(fletch_path_look(&kind, at("x.parquet"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_CHECKPOINT_FILE);
    assert_ok(fletch_path_look(&kind, at("nothing"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_NONE);
    assert_ok(fletch_path_look(&kind, at("x.parquet/below"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_NONE);
    assert_int_equal(symlink("nowhere", at("link")), 0);
    assert_ok(fletch_path_look(&kind, at("link"), &err), err);
    assert_int_equal(kind, FLETCH_PATH_NONE);
    unlink(at("link"));
    assert_int_equal(symlink("link", at("link")), 0);
    assert_fails(fletch_path_look(&kind, at("link"), &err), FLETCH_ERR_IO, err, "link");
    fletch_result_release(&result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tensor_s_bytes_are_read_in_order),
        TEST(a_tensor_out_of_order_is_read_in_order),
        TEST(reading_beyond_is_refused),
        TEST(a_result_has_its_rows),
        TEST(a_path_says_what_it_leads_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
