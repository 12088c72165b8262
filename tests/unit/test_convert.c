/* SPDX-License-Identifier: MIT */
/* test_convert.c - what a conversion says of itself: the result, the account, the
 * certificate */
#include "models.h"
#include "torch_files.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

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

    fletch_sha256_open(&sha);
    fletch_sha256_put(&sha, bytes, size);
    fletch_sha256_finish(&sha, digest);
    fletch_sha256_hex(out, digest);
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
    assert_true(result.passed);
    assert_true(result.seconds > 0);
    assert_int_equal(stat(result.weights_path, &info), 0);
    assert_int_equal(result.written_bytes, info.st_size);
    fletch_result_release(&result);
    assert_null(result.weights_path);

    options.skip_verify = true;
    assert_ok(fletch_convert(&result, model, at("a/out"), &options, &err), err);
    assert_false(result.verified);
    assert_false(result.passed);
    fletch_result_release(&result);
}

/* What is proved of a part is not said of the model. */
static void only_a_whole_model_passes(void **state)
{
    static const struct test_tensor part = { "embeddings.word_embeddings.weight", "F32",
                                             "[3,2]", mixed, sizeof(mixed) };
    const char *model = make_model("part", &part, 1);
    struct fletch_options options = { .skip_tokenizer = true, .allow_missing = true };
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    put_text(at("part/config.json"), "{\"model_type\": \"bert\"}");
    assert_ok(fletch_convert(&result, model, at("part-out"), &options, &err), err);
    assert_true(result.missing > 0);
    assert_true(result.verified);
    assert_false(result.passed);
    assert_null(strstr(result.metadata_json, "passed"));
    assert_non_null(strstr(result.metadata_json, "\"missing_keys\""));
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
    put_text(at("model/special_tokens_map.json"), "{}");
    put_text(at("model/added_tokens.json"), "{}");
    metadata = convert(model, &options);
    json_array_foreach(fletch_json_at(metadata, "fletch.source_files"), i, entry)
    {
        snprintf(path, sizeof(path), "%s/%s", model,
                 json_string_value(json_object_get(entry, "name")));
        assert_ok(fletch_file_load(&file, path, UINT64_MAX, "LIMIT", &err), err);
        assert_int_equal(json_integer_value(json_object_get(entry, "size")), file.size);
        hex_of(hex, file.bytes, file.size);
        assert_string_equal(json_string_value(json_object_get(entry, "sha256")), hex);
        hashed++;
    }
    assert_int_equal(hashed, 4);
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

/* Values of a storage whose pages are cut, so that CRCs of parts are joined. */
#define LONG_COUNT 1500000

/* A torch checkpoint of a tensor that is `count` of the storage's values, whose CRC is
 * given as for struct zip_member. */
static const char *put_archive(const float *values, int64_t count, uint32_t crc)
{
    struct pickled tensor = { "w", "FloatStorage", "0",   LONG_COUNT, 0,
                              1,   { count },      { 1 }, NULL,       false };
    struct fletch_buf pickle = { 0 }, file = { 0 };

    pickle_tensors(&pickle, &tensor, 1);
    put_zip(&file,
            (const struct zip_member[]){
                { .name = "m/data.pkl", .bytes = pickle.bytes, .size = pickle.size },
                { .name = "m/data/0",
                  .bytes = values,
                  .size = LONG_COUNT * sizeof(float),
                  .crc = crc },
            },
            2, NULL);
    put_bytes(at("w.pt"), file.bytes, file.size);
    fletch_buf_release(&pickle);
    fletch_buf_release(&file);
    return at("w.pt");
}

/* 0: nobody says; 1: wrong; 2: right. */
static void an_archive_has_a_crc_for_its_tensors(void **state)
{
    float *values = malloc(LONG_COUNT * sizeof(*values));
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    assert_non_null(values);
    fill_weights(values, LONG_COUNT, 1);
    options.force = true;
    for (options.threads = 1; options.threads <= 3; options.threads++) {
        for (uint32_t crc = 0; crc <= 2; crc += 2) {
            const char *path = put_archive(values, LONG_COUNT, crc);

            assert_ok(fletch_convert(&result, path, at("out"), &options, &err), err);
            fletch_result_release(&result);
        }
        assert_fails(fletch_convert(&result, put_archive(values, LONG_COUNT, 1), at("no"),
                                    &options, &err),
                     FLETCH_ERR_FORMAT, err,
                     "w.pt: tensor 'w': CRC-32 of its 6000000 bytes");
        assert_fails(fletch_convert(&result, at("w.pt"), at("no"), &options, &err),
                     FLETCH_ERR_FORMAT, err, "expected 00000001 as the archive says");
        assert_false(exists(at("no")));
    }
    /* taken back when the last part has been cast, and read again */
    values[LONG_COUNT - 1] = 1e6f;
    assert_ok(fletch_convert(&result, put_archive(values, LONG_COUNT, 2), at("out"),
                             &options, &err),
              err);
    fletch_result_release(&result);
    /* of a part of the storage nothing is known */
    assert_ok(fletch_convert(&result, put_archive(values, LONG_COUNT - 1, 1), at("out"),
                             &options, &err),
              err);
    fletch_result_release(&result);
    free(values);
}

/* The CRC of an npz's member is also that of the header in front of the values. */
static void an_array_has_its_header_in_the_crc(void **state)
{
    static const char header[] = "\x93NUMPY\x01\x00\x38\x00"
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
    const float values[2] = { 0.25f, -8.0f };
    uint8_t array[sizeof(header) + sizeof(values)];
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    memcpy(array, header, sizeof(header));
    array[sizeof(header) - 1] = '\n';
    memcpy(array + sizeof(header), values, sizeof(values));
    for (uint32_t crc = 1; crc <= 2; crc++) {
        struct zip_member member = {
            .name = "w.npy", .bytes = array, .size = sizeof(array), .crc = crc
        };
        struct fletch_buf file = { 0 };

        put_zip(&file, &member, 1, NULL);
        put_bytes(at("w.npz"), file.bytes, file.size);
        fletch_buf_release(&file);
        if (crc == 1) {
            assert_fails(fletch_convert(&result, at("w.npz"), at("out"), &plain, &err),
                         FLETCH_ERR_FORMAT, err,
                         "w.npz: tensor 'w': CRC-32 of its 8 bytes");
            continue;
        }
        assert_ok(fletch_convert(&result, at("w.npz"), at("out"), &plain, &err), err);
        fletch_result_release(&result);
    }
}

/* ---- What belongs to the caller ---- */

/* From here on they are real-time signals, which mean nothing by themselves. */
#define SIGNALS 32

struct dispositions {
    struct sigaction before[SIGNALS];
    unsigned looks;
};

static void look(struct dispositions *all)
{
    for (int i = 1; i < SIGNALS; i++) {
        struct sigaction now;

        if (sigaction(i, NULL, &now))
            continue;
        assert_ptr_equal(now.sa_handler, all->before[i].sa_handler);
        assert_int_equal(now.sa_flags, all->before[i].sa_flags);
    }
    all->looks++;
}

static bool look_now(void *user)
{
    look(user);
    return false;
}

static void signals_stay_as_the_caller_has_them(void **state)
{
    const char *model = make_model("model", tensors, 2);
    struct dispositions all = { 0 };
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    for (int i = 1; i < SIGNALS; i++)
        sigaction(i, NULL, &all.before[i]);
    options.threads = 1;
    options.cancel = look_now;
    options.user = &all;
    assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
    fletch_result_release(&result);
    look(&all);
    assert_true(all.looks > 1);
}

static void a_file_that_may_not_grow_is_an_error_where_the_signal_is_ignored(void **state)
{
    const char *model = make_model("model", tensors, 2);
    struct fletch_result result;
    struct fletch_error err;
    struct rlimit old, small;
    enum fletch_status status;
    void (*handler)(int);

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100;
    handler = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = fletch_convert(&result, model, at("made/out"), &plain, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, FLETCH_ERR_IO);
    assert_non_null(strstr(err.message, "(ulimit -f)"));
    assert_int_equal(access(at("made"), F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_result_says_what_was_done),
        TEST(only_a_whole_model_passes),
        TEST(the_account_says_what_casting_cost),
        TEST(a_certificate_hashes_the_source),
        TEST(a_failed_proof_publishes_nothing),
        TEST(an_archive_has_a_crc_for_its_tensors),
        TEST(an_array_has_its_header_in_the_crc),
        TEST(signals_stay_as_the_caller_has_them),
        TEST(a_file_that_may_not_grow_is_an_error_where_the_signal_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
