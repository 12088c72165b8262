/* SPDX-License-Identifier: MIT */
/* test_convert.c - what a conversion says of itself: the result, the account, the
 * certificate */
#include "models.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <math.h>

/* Exact, rounded, flushed to zero, subnormal after it, NaN. */
static const float mixed[6] = { 1.0f, 0.1f, 1e-9f, 1e-6f, NAN, -2.0f };
static const float exact[2] = { 0.5f, -3.0f };

static const struct test_tensor tensors[] = {
    { "mixed", "F32", "[2,3]", mixed, sizeof(mixed) },
    { "exact", "F32", "[2]", exact, sizeof(exact) },
};

static const struct fletch_options plain = { .family = "transformers",
                                             .skip_tokenizer = true };

static void hex_of(char out[FLETCH_SHA256_HEX], const void *bytes, size_t size)
{
    struct fletch_sha256 sha = { 0 };
    uint8_t digest[FLETCH_SHA256_SIZE];

    assert_int_equal(fletch_sha256_open(&sha, NULL), FLETCH_OK);
    fletch_sha256_put(&sha, bytes, size);
    fletch_sha256_finish(&sha, digest);
    fletch_sha256_hex(out, digest);
    fletch_sha256_close(&sha);
}

/* Converts into out and gives its metadata. */
static json_t *convert(const char *model, const struct fletch_options *options)
{
    struct fletch_result result;
    struct fletch_error err;
    json_t *metadata = NULL;

    assert_ok(fletch_convert(&result, model, at("out"), options, &err), err);
    assert_string_equal(result.metadata_json, text_of(at("out/metadata.json")));
    fletch_result_release(&result);
    assert_ok(fletch_json_load(&metadata, at("out/metadata.json"), false, &err), err);
    return metadata;
}

static void the_result_says_what_was_done(void **state)
{
    const char *model = make_model("model", tensors, 2);
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;
    struct stat info;

    (void)state;
    assert_ok(fletch_convert(&result, model, at("a/out"), &options, &err), err);
    assert_string_equal(result.family, "transformers");
    assert_string_equal(result.weights_path, at("a/out/weights.parquet"));
    assert_string_equal(result.metadata_path, at("a/out/metadata.json"));
    assert_null(result.tokenizer_path);
    assert_int_equal(result.tensors, 2);
    assert_int_equal(result.parameters, 8);
    assert_int_equal(result.source_bytes, 32);
    assert_true(result.verified);
    assert_true(result.seconds > 0);
    assert_int_equal(stat(result.weights_path, &info), 0);
    assert_int_equal(result.written_bytes, info.st_size);
    fletch_result_release(&result);
    assert_null(result.weights_path);

    options.skip_verify = true;
    assert_ok(fletch_convert(&result, model, at("a/out"), &options, &err), err);
    assert_false(result.verified);
    fletch_result_release(&result);
}

static double cast_of(const json_t *metadata, const char *key)
{
    const json_t *rows = fletch_json_at(metadata, "fletch.rows");
    const json_t *cast = json_object_get(json_object_get(rows, "mixed"), "cast");

    return json_number_value(json_object_get(cast, key));
}

static void the_account_says_what_casting_cost(void **state)
{
    json_t *metadata = convert(make_model("model", tensors, 2), &plain);
    const json_t *rows = fletch_json_at(metadata, "fletch.rows");
    const json_t *cast = json_object_get(json_object_get(rows, "mixed"), "cast");

    (void)state;
    assert_true(json_is_false(json_object_get(cast, "exact")));
    /* 0.1, 1e-9 and 1e-6 changed; the second of them to zero, the third to a subnormal */
    assert_int_equal(cast_of(metadata, "rounded"), 3);
    assert_int_equal(cast_of(metadata, "flushed"), 1);
    assert_int_equal(cast_of(metadata, "subnormal"), 1);
    assert_int_equal(cast_of(metadata, "overflowed"), 0);
    assert_int_equal(cast_of(metadata, "nan"), 1);
    assert_true(cast_of(metadata, "relative_error") == 1.0);
    assert_true(fabs(cast_of(metadata, "absolute_error") - (double)0.1f + 0.0999755859375) <
                1e-12);
    cast = json_object_get(json_object_get(rows, "exact"), "cast");
    assert_true(json_is_true(json_object_get(cast, "exact")));
    json_decref(metadata);
}

static void a_certificate_hashes_the_source(void **state)
{
    const char *model = make_model("model", tensors, 2);
    struct fletch_options options = plain;
    struct fletch_buf file = { 0 };
    struct fletch_error err;
    const json_t *entry;
    char hex[FLETCH_SHA256_HEX], path[4200];
    size_t hashed = 0;
    json_t *metadata;
    size_t i;

    (void)state;
    options.certify = true;
    metadata = convert(model, &options);
    json_array_foreach(fletch_json_at(metadata, "fletch.source_files"), i, entry)
    {
        snprintf(path, sizeof(path), "%s/%s", model,
                 json_string_value(json_object_get(entry, "name")));
        assert_ok(fletch_file_load(&file, path, UINT64_MAX, &err), err);
        assert_int_equal(json_integer_value(json_object_get(entry, "size")), file.size);
        hex_of(hex, file.bytes, file.size);
        assert_string_equal(json_string_value(json_object_get(entry, "sha256")), hex);
        hashed++;
    }
    assert_int_equal(hashed, 2);
    entry = json_object_get(fletch_json_at(metadata, "fletch.rows"), "mixed");
    hex_of(hex, mixed, sizeof(mixed));
    assert_string_equal(json_string_value(json_object_get(entry, "source_sha256")), hex);
    fletch_buf_release(&file);
    json_decref(metadata);

    metadata = convert(model, &plain);
    entry = json_object_get(fletch_json_at(metadata, "fletch.rows"), "mixed");
    assert_null(json_object_get(entry, "source_sha256"));
    entry = json_array_get(fletch_json_at(metadata, "fletch.source_files"), 0);
    assert_non_null(json_object_get(entry, "size"));
    assert_null(json_object_get(entry, "sha256"));
    json_decref(metadata);
}

/* A source that changes between writing and proving: nothing is published. */
struct meddling {
    const char *file;
    bool done;
};

static void meddle(const struct fletch_progress *progress, void *user)
{
    struct meddling *meddling = user;
    const float other = 7.0f;
    FILE *file;

    if (progress->stage != FLETCH_STAGE_WRITE || progress->done != progress->total ||
        meddling->done)
        return;
    meddling->done = true;
    file = fopen(meddling->file, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -(long)sizeof(other), SEEK_END), 0);
    assert_int_equal(fwrite(&other, sizeof(other), 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void a_failed_proof_publishes_nothing(void **state)
{
    const char *model = make_model("model", tensors, 2);
    struct meddling meddling = { 0 };
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;
    char path[4200];

    (void)state;
    snprintf(path, sizeof(path), "%s/model.safetensors", model);
    meddling.file = path;
    options.progress = meddle;
    options.user = &meddling;
    assert_fails(
        fletch_convert(&result, model, at("out"), &options, &err), FLETCH_ERR_VERIFY, err,
        "verification failed: row 'exact', element 1: the file holds -3, the source "
        "says 7");
    assert_true(meddling.done);
    assert_false(exists(at("out")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_result_says_what_was_done),
        TEST(the_account_says_what_casting_cost),
        TEST(a_certificate_hashes_the_source),
        TEST(a_failed_proof_publishes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
