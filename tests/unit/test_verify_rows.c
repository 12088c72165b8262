/* SPDX-License-Identifier: MIT */
/* test_verify_rows.c - every kind of difference between an output and its source is found
 * and named */
#include "models.h"

#include "base/file.h"

#define COUNT ((size_t)700 * 1000)

static float values[COUNT], others[COUNT];
static const struct fletch_options plain = { .family = "transformers",
                                             .skip_tokenizer = true };

static const char *make(const char *name, const char *second, float *first_values)
{
    const struct test_tensor tensors[] = {
        { "first", "F32", "[700,1000]", first_values, sizeof(values) },
        { second, "F32", "[2,2]", values, 16 },
    };

    return make_model(name, tensors, 2);
}

/* A model, its output and a changed copy of its values. */
static void prepare(void)
{
    struct fletch_result result;
    struct fletch_error err;

    fill_weights(values, COUNT, 5);
    memcpy(others, values, sizeof(values));
    assert_ok(
        fletch_convert(&result, make("model", "second", values), at("out"), &plain, &err),
        err);
    fletch_result_release(&result);
}

static void an_honest_output_passes(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    assert_ok(fletch_verify(&found, at("out"), at("model"), &plain, &err), err);
    assert_int_equal(found.rows, 2);
    assert_int_equal(found.parameters, COUNT + 4);
    assert_int_equal(found.compared_bytes, 4 * (COUNT + 4));
    assert_int_equal(found.hashes, 2);
    assert_int_equal(found.crcs, 2);
    assert_ok(fletch_verify(&found, at("out"), NULL, &plain, &err), err);
    assert_int_equal(found.compared_bytes, 0);
    assert_int_equal(found.hashes, 2);
    assert_ok(fletch_verify(&found, at("out/weights.parquet"), at("model"), &plain, &err),
              err);
    assert_int_equal(found.hashes, 2);
    /* alone nothing is known of it but what it says itself */
    assert_int_equal(rename(at("out/weights.parquet"), at("alone.parquet")), 0);
    assert_ok(fletch_verify(&found, at("alone.parquet"), at("model"), &plain, &err), err);
    assert_int_equal(found.rows, 2);
    assert_int_equal(found.hashes, 0);
    assert_true(found.compared);
    assert_ok(fletch_verify(&found, at("alone.parquet"), NULL, &plain, &err), err);
    assert_false(found.compared);
}

static void a_changed_value_is_named(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    others[654321] = 1.5f;
    assert_fails(
        fletch_verify(&found, at("out"), make("other", "second", others), &plain, &err),
        FLETCH_ERR_VERIFY, err, "row 'first', element 654321: the file holds ");
    assert_non_null(strstr(err.message, ", the source says 1.5"));
}

static void a_value_that_came_to_overflow_is_named(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    others[7] = 1e9f;
    assert_fails(
        fletch_verify(&found, at("out"), make("other", "second", others), &plain, &err),
        FLETCH_ERR_VERIFY, err, "row 'first', element 7: ");
    assert_non_null(strstr(err.message, "the source says inf"));
}

static void missing_and_extra_rows_are_named(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    assert_fails(
        fletch_verify(&found, at("out"), make("other", "third", values), &plain, &err),
        FLETCH_ERR_VERIFY, err, "row 'third' is missing from the file");
    {
        const struct test_tensor one = { "first", "F32", "[700,1000]", values,
                                         sizeof(values) };

        assert_fails(
            fletch_verify(&found, at("out"), make_model("one", &one, 1), &plain, &err),
            FLETCH_ERR_VERIFY, err,
            "row 'second' is in the file, but nothing in the source becomes it");
    }
}

static void shapes_and_types_are_compared(void **state)
{
    const struct test_tensor shape[] = { { "first", "F32", "[1000,700]", values,
                                           sizeof(values) },
                                         { "second", "F32", "[2,2]", values, 16 } };
    const struct test_tensor type[] = { { "first", "I32", "[700,1000]", values,
                                          sizeof(values) },
                                        { "second", "F32", "[2,2]", values, 16 } };
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    assert_fails(
        fletch_verify(&found, at("out"), make_model("shape", shape, 2), &plain, &err),
        FLETCH_ERR_VERIFY, err,
        "row 'first': its shape is [700,1000], but that of the source [1000,700]");
    assert_fails(
        fletch_verify(&found, at("out"), make_model("type", type, 2), &plain, &err),
        FLETCH_ERR_VERIFY, err,
        "row 'first': stored as torch.float16, expected torch.int32");
}

/* Flips one byte in the middle of the file: its page's CRC no longer fits. */
static void a_flipped_byte_is_found(void **state)
{
    struct fletch_verification found;
    struct fletch_buf buf = { 0 };
    struct fletch_error err;

    (void)state;
    prepare();
    assert_ok(fletch_file_load(&buf, at("out/weights.parquet"), UINT64_MAX, "LIMIT", &err),
              err);
    buf.bytes[buf.size / 2] ^= 0x10;
    put_bytes(at("out/weights.parquet"), buf.bytes, buf.size);
    fletch_buf_release(&buf);
    assert_int_not_equal(fletch_verify(&found, at("out"), NULL, &plain, &err), FLETCH_OK);
    assert_non_null(strstr(err.message, "row 'first'"));
}

/* metadata.json that was edited, or belongs to another conversion. */
static void metadata_must_fit(void **state)
{
    static const struct {
        const char *from, *to, *sentence;
    } edits[] = {
        { "\"num_params\": 4", "\"num_params\": 5",
          "row 'second': has 4 elements, metadata.json "
          "says 5" },
        { "torch.float16", "torch.float32",
          "row 'first': stored as torch.float16, metadata.json "
          "says torch.float32" },
        { "\"second\"", "\"secund\"",
          "row 'second' is in weights.parquet, but not in "
          "metadata.json" },
        { "\"total_parameters\": 700004", "\"total_parameters\": 700005",
          "weights.parquet has 700004 parameters, metadata.json says 700005" },
        { "\"layer_info\"", "\"layer_infa\"", "metadata.json lacks its \"layer_info\"" },
        { "\"rows\": {", "\"rowz\": {", "metadata.json: \"fletch\" lacks its rows" },
        { "\"rows\": {\n      ", "\"rows\": {\"x\":0, ",
          "metadata.json has the sha256 of 3 rows, weights.parquet has 2" },
        { "\"num_layers\": 2", "\"num_layers\": 3",
          "weights.parquet has 2 rows, metadata.json says 3 (\"num_layers\")" },
        { "\"bytes\": 1400000", "\"bytes\": 1400001",
          "row 'first': its \"bytes\" are 1400000, metadata.json says 1400001" },
        { "\"compressed_bytes\": 1", "\"compressed_bytes\": 9",
          "row 'first': its \"compressed_bytes\" are 1" },
        { "\"sha256\"", "\"sha257\"", "row 'first': metadata.json has no sha256 of it" },
    };
    struct fletch_verification found;
    struct fletch_error err;
    char good[1 << 16], bad[1 << 16];

    (void)state;
    prepare();
    snprintf(good, sizeof(good), "%s", text_of(at("out/metadata.json")));
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        char *found_at;

        snprintf(bad, sizeof(bad), "%s", good);
        found_at = strstr(bad, edits[i].from);
        /* the footer has a sha256 too, in front of those of the rows */
        if (found_at && !strcmp(edits[i].from, "\"sha256\""))
            found_at = strstr(strstr(bad, "\"rows\": {"), edits[i].from);
        assert_non_null(found_at);
        memcpy(found_at, edits[i].to, strlen(edits[i].to));
        put_text(at("out/metadata.json"), bad);
        assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err),
                     FLETCH_ERR_VERIFY, err, edits[i].sentence);
    }
}

static void a_wrong_hash_is_found(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;
    char text[1 << 16];
    char *hash;

    (void)state;
    prepare();
    snprintf(text, sizeof(text), "%s", text_of(at("out/metadata.json")));
    hash = strstr(strstr(text, "\"rows\": {"), "\"sha256\": \"");
    assert_non_null(hash);
    hash[strlen("\"sha256\": \"")] ^= 1;
    put_text(at("out/metadata.json"), text);
    assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err), FLETCH_ERR_VERIFY,
                 err, "metadata.json says");
}

/* Replaces the first of a text in metadata.json by another one of the same length. */
static void edit_metadata(const char *from, const char *to)
{
    char text[1 << 16];
    char *found_at;

    assert_int_equal(strlen(from), strlen(to));
    snprintf(text, sizeof(text), "%s", text_of(at("out/metadata.json")));
    found_at = strstr(text, from);
    assert_non_null(found_at);
    memcpy(found_at, to, strlen(to));
    put_text(at("out/metadata.json"), text);
}

/* Indexes and footer have no CRC: the hash in metadata.json finds whatever changes there.
 */
static void every_byte_behind_the_pages_counts(void **state)
{
    struct fletch_verification found;
    struct fletch_buf buf = { 0 };
    struct fletch_error err;
    const char *offset;
    size_t tail;

    (void)state;
    prepare();
    assert_ok(fletch_file_load(&buf, at("out/weights.parquet"), UINT64_MAX, "LIMIT", &err),
              err);
    offset = strstr(text_of(at("out/metadata.json")), "\"footer\": {");
    assert_non_null(offset);
    offset = strstr(offset, "\"offset\": ");
    assert_non_null(offset);
    tail = strtoul(offset + strlen("\"offset\": "), NULL, 10);
    assert_true(tail > buf.size / 2 && tail + 200 < buf.size);
    for (size_t i = tail; i < buf.size; i++) {
        buf.bytes[i] ^= (uint8_t)(1 << i % 8);
        put_bytes(at("out/weights.parquet"), buf.bytes, buf.size);
        assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err),
                     FLETCH_ERR_VERIFY, err, "weights.parquet: its indexes and footer, ");
        buf.bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    put_bytes(at("out/weights.parquet"), buf.bytes, buf.size - 1);
    assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err), FLETCH_ERR_VERIFY,
                 err, " bytes long, by metadata.json its last ");
    put_bytes(at("out/weights.parquet"), buf.bytes, buf.size);
    assert_ok(fletch_verify(&found, at("out"), NULL, &plain, &err), err);
    fletch_buf_release(&buf);
}

/* What conversions wrote before there was that hash, and what somebody made of it. */
static void outputs_without_that_hash_pass(void **state)
{
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    prepare();
    edit_metadata("\"offset\": ", "\"offser\": ");
    assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err), FLETCH_ERR_VERIFY,
                 err, " bytes long, by metadata.json its last ");
    edit_metadata("\"offser\": ", "\"offset\":-");
    assert_fails(fletch_verify(&found, at("out"), NULL, &plain, &err), FLETCH_ERR_VERIFY,
                 err, "metadata.json: \"footer\" lacks its offset, bytes or sha256");
    edit_metadata("\"footer\": {", "\"fooler\": {");
    assert_ok(fletch_verify(&found, at("out"), NULL, &plain, &err), err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_honest_output_passes),
        TEST(a_changed_value_is_named),
        TEST(a_value_that_came_to_overflow_is_named),
        TEST(missing_and_extra_rows_are_named),
        TEST(shapes_and_types_are_compared),
        TEST(a_flipped_byte_is_found),
        TEST(metadata_must_fit),
        TEST(a_wrong_hash_is_found),
        TEST(every_byte_behind_the_pages_counts),
        TEST(outputs_without_that_hash_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
