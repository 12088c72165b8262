/* SPDX-License-Identifier: MIT */
/* test_pipeline.c - the bytes depend on nothing but the plan; overflow, cancelling,
 * progress */
#include "models.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "plan/budget.h"

#include <math.h>

/* Enough for several pieces, and for a row that is one piece and a bit. */
#define LARGE ((size_t)1400 * 1000)
#define MEDIUM ((size_t)300 * 1000)

static float large[LARGE], medium[MEDIUM];
static const float small[3] = { 1.0f, -2.5f, 0.1f };
static float zeros[LARGE];

static const char *make_mixed(const char *name)
{
    const struct test_tensor tensors[] = {
        { "b.large", "F32", "[1400,1000]", large, sizeof(large) },
        { "a.small", "F32", "[3]", small, sizeof(small) },
        { "c.medium", "F32", "[300000]", medium, sizeof(medium) },
        { "d.zeros", "F32", "[1400000]", zeros, sizeof(zeros) },
        { "e.as.is", "I32", "[300000]", medium, sizeof(medium) },
        { "f.scalar", "F32", "[]", small, 4 },
        { "g.empty", "F32", "[0,7]", small, 0 },
    };

    fill_weights(large, LARGE, 1);
    fill_weights(medium, MEDIUM, 2);
    return make_model(name, tensors, sizeof(tensors) / sizeof(tensors[0]));
}

static const struct fletch_options plain = { .family = "transformers",
                                             .skip_tokenizer = true };

static void hash_of(char hex[FLETCH_SHA256_HEX], const char *path)
{
    struct fletch_buf buf = { 0 };
    struct fletch_sha256 sha = { 0 };
    struct fletch_error err;
    uint8_t digest[FLETCH_SHA256_SIZE];

    assert_ok(fletch_file_load(&buf, path, UINT64_MAX, "LIMIT", &err), err);
    fletch_sha256_open(&sha);
    fletch_sha256_put(&sha, buf.bytes, buf.size);
    fletch_sha256_finish(&sha, digest);
    fletch_sha256_hex(hex, digest);
    fletch_buf_release(&buf);
}

static void convert_ok(const char *model, const char *out,
                       const struct fletch_options *options)
{
    struct fletch_result result;
    struct fletch_error err;

    assert_ok(fletch_convert(&result, model, out, options, &err), err);
    fletch_result_release(&result);
}

static void bytes_do_not_depend_on_threads(void **state)
{
    static const unsigned threads[] = { 1, 2, 3, 8, 64 };
    const char *model = make_mixed("model");

    (void)state;
    for (size_t codec = 0;; codec++) {
        struct fletch_codec_info info;
        char first[FLETCH_SHA256_HEX], hex[FLETCH_SHA256_HEX];

        if (fletch_codec_at(&info, codec))
            break;
        if (!info.built_in)
            continue;
        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
            struct fletch_options options = plain;

            options.codec = info.name;
            options.threads = threads[i];
            convert_ok(model, at("out"), &options);
            hash_of(i ? hex : first, at("out/weights.parquet"));
            if (i)
                assert_string_equal(first, hex);
        }
    }
}

static void bytes_do_not_depend_on_memory(void **state)
{
    const char *model = make_mixed("model");
    char first[FLETCH_SHA256_HEX], hex[FLETCH_SHA256_HEX];
    struct fletch_result result;
    struct fletch_error err;
    struct fletch_options options = plain;

    (void)state;
    options.threads = 8;
    convert_ok(model, at("out"), &options);
    hash_of(first, at("out/weights.parquet"));
    for (uint64_t memory = 128; memory >= 32; memory /= 2) {
        options.memory = memory << 20;
        convert_ok(model, at("out"), &options);
        hash_of(hex, at("out/weights.parquet"));
        assert_string_equal(first, hex);
    }
    options.memory = 1 << 20;
    assert_fails(fletch_convert(&result, model, at("new"), &options, &err),
                 FLETCH_ERR_MEMORY, err,
                 "the memory budget of 1 MiB does not suffice: codec '");
    assert_non_null(strstr(err.message, " MiB for this model with one thread"));
    assert_false(exists(at("new")));
}

/* ---- The account of memory ---- */

#ifdef FLETCH_WITH_LZ4
#define MIB ((uint64_t)1 << 20)

/* What one float32 tensor of that many elements takes, and another as large if `twice`. */
static uint64_t needed(uint64_t count, bool twice, const char *codec, unsigned threads,
                       enum fletch_overflow overflow)
{
    const struct fletch_tensor tensor = { .dtype = FLETCH_F32, .count = count };
    const struct fletch_row_plan row = { .tensor = &tensor,
                                         .checkpoint = (const struct fletch_checkpoint *)"",
                                         .dtype = FLETCH_F16,
                                         .wide = FLETCH_F32,
                                         .size = 2 * count };
    struct fletch_row_plan rows[2] = { row, row };
    const struct fletch_row_plans plans = { .output = fletch_outputs[0],
                                            .rows = rows,
                                            .rows_count = twice ? 2 : 1 };
    const struct fletch_options options = { .threads = threads, .overflow = overflow };
    const struct fletch_codec *found;
    struct fletch_budget budget;
    struct fletch_error err;
    int level;

    assert_ok(fletch_codec_find(&found, codec, &err), err);
    assert_ok(fletch_codec_level(&level, found, 0, &err), err);
    assert_ok(fletch_budget_make(&budget, &plans, found, level, &options, &err), err);
    return budget.needed;
}

static void assert_about(uint64_t found, uint64_t expected)
{
    if (found < expected || found - expected > MIB)
        fail_msg("%.1f MiB, expected %.1f", (double)found / (double)MIB,
                 (double)expected / (double)MIB);
}

/* Of pages that are whole in memory, in two buffers each: content and compressed. */
static void whole_pages_are_in_the_budget(void **state)
{
    const uint64_t least = needed(1, false, "lz4", 1, FLETCH_OVERFLOW_INF);
    const uint64_t slots = needed(1, false, "lz4", 2, FLETCH_OVERFLOW_INF) - least;

    (void)state;
    /* a thread's tools, and its two slots of 2 MiB of content */
    assert_in_range(slots, 2 * 4 * MIB + 3 * MIB, 2 * 4 * MIB + 4 * MIB);
    /* one of 64 MiB, which may become one of 128 */
    assert_about(needed(32 * MIB, false, "lz4", 1, FLETCH_OVERFLOW_INF), least + 128 * MIB);
    assert_about(needed(32 * MIB, false, "lz4", 1, FLETCH_OVERFLOW_KEEP),
                 least + 256 * MIB);
    /* of two of 8 MiB, which share 24, one may need 16 more when it becomes one of 16 */
    assert_about(needed(4 * MIB, true, "lz4", 1, FLETCH_OVERFLOW_INF), least + 24 * MIB);
    assert_about(needed(4 * MIB, true, "lz4", 1, FLETCH_OVERFLOW_KEEP), least + 40 * MIB);
    /* without such pages it is all the same */
    assert_int_equal(needed(32 * MIB, true, "none", 1, FLETCH_OVERFLOW_KEEP),
                     needed(1, true, "none", 1, FLETCH_OVERFLOW_KEEP));
}
#endif

static void every_value_comes_back(void **state)
{
    const char *model = make_mixed("model");
    struct fletch_table *table;
    struct fletch_error err;
    struct fletch_row row;
    size_t i;

    (void)state;
    convert_ok(model, at("out"), &plain);
    assert_ok(fletch_table_open(&table, at("out"), &err), err);
    assert_int_equal(fletch_table_count(table), 7);
    assert_ok(fletch_table_find(&i, table, "a.small", &err), err);
    assert_ok(fletch_table_read(&row, table, i, &err), err);
    assert_string_equal(row.dtype, "torch.float16");
    assert_int_equal(row.size, 6);
    assert_memory_equal(row.data, "\x00\x3c\x00\xc1\x66\x2e", 6);
    assert_ok(fletch_table_find(&i, table, "e.as.is", &err), err);
    assert_ok(fletch_table_read(&row, table, i, &err), err);
    assert_int_equal(row.size, sizeof(medium));
    assert_memory_equal(row.data, medium, sizeof(medium));
    assert_ok(fletch_table_find(&i, table, "f.scalar", &err), err);
    assert_ok(fletch_table_read(&row, table, i, &err), err);
    assert_int_equal(row.rank, 0);
    assert_int_equal(row.count, 1);
    assert_ok(fletch_table_find(&i, table, "g.empty", &err), err);
    assert_ok(fletch_table_read(&row, table, i, &err), err);
    assert_int_equal(row.size, 0);
    assert_int_equal(row.rank, 2);
    assert_fails(fletch_table_find(&i, table, "none", &err), FLETCH_ERR_NOT_FOUND, err,
                 "has no row 'none'");
    assert_fails(fletch_table_read(&row, table, 7, &err), FLETCH_ERR_ARGUMENT, err,
                 "has 7 rows, row 7 was asked for");
    fletch_table_close(table);
}

/* ---- Overflow ---- */

/* A value beyond float16 in the last of several pieces, and a tensor of one piece. */
static const char *make_overflowing(const char *name)
{
    static float tail[LARGE];
    static const float huge[2] = { 1e30f, 1 };
    const struct test_tensor tensors[] = {
        { "a.fine", "F32", "[300000]", medium, sizeof(medium) },
        { "b.tail", "F32", "[1400000]", tail, sizeof(tail) },
        { "c.huge", "F32", "[2]", huge, sizeof(huge) },
        { "d.fine", "F32", "[300000]", medium, sizeof(medium) },
    };

    fill_weights(medium, MEDIUM, 2);
    fill_weights(tail, LARGE, 3);
    tail[LARGE - 7] = 70000;
    return make_model(name, tensors, 4);
}

static void check_dtypes(const char *out, const char *wide)
{
    struct fletch_table *table;
    struct fletch_error err;
    struct fletch_row row;

    assert_ok(fletch_table_open(&table, out, &err), err);
    assert_int_equal(fletch_table_count(table), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_ok(fletch_table_read(&row, table, i, &err), err);
        assert_string_equal(row.dtype, i == 1 || i == 2 ? wide : "torch.float16");
        assert_int_equal(row.size,
                         row.count * (strcmp(row.dtype, "torch.float32") ? 2 : 4));
    }
    fletch_table_close(table);
}

static void overflowing_tensors_stay_wide(void **state)
{
    const char *model = make_overflowing("model");
    struct fletch_result result;
    struct fletch_error err;
    char first[FLETCH_SHA256_HEX], hex[FLETCH_SHA256_HEX];

    (void)state;
    for (unsigned threads = 1; threads <= 8; threads++) {
        struct fletch_options options = plain;

        options.threads = threads;
        assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
        assert_true(result.verified);
        assert_int_equal(result.warnings_count, 2);
        assert_string_equal(result.warnings[0], "tensor 'b.tail': 1 of 1400000 values are "
                                                "beyond float16; it is kept in float32");
        assert_string_equal(
            result.warnings[1],
            "tensor 'c.huge': 1 of 2 values are beyond float16; it is kept in "
            "float32");
        fletch_result_release(&result);
        check_dtypes(at("out"), "torch.float32");
        hash_of(threads > 1 ? hex : first, at("out/weights.parquet"));
        if (threads > 1)
            assert_string_equal(first, hex);
    }
}

static void overflow_can_become_infinite_or_an_error(void **state)
{
    const char *model = make_overflowing("model");
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    options.overflow = FLETCH_OVERFLOW_INF;
    assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
    assert_int_equal(result.warnings_count, 2);
    assert_non_null(strstr(result.warnings[1], "they became infinite"));
    fletch_result_release(&result);
    check_dtypes(at("out"), "torch.float16");

    options.overflow = FLETCH_OVERFLOW_ERROR;
    assert_fails(fletch_convert(&result, model, at("new"), &options, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "tensor 'b.tail': holds values beyond float16");
    assert_false(exists(at("new")));
    check_dtypes(at("out"), "torch.float16");
}

/* Values that the types of the layout cannot hold at all. */
static const char *make_beyond_all(const char *name)
{
    static const double doubles[3] = { 1e300, 1e6, 1 };
    static const uint64_t counts[2] = { UINT64_MAX, 1 };
    const struct test_tensor tensors[] = {
        { "a", "F64", "[3]", doubles, sizeof(doubles) },
        { "b", "U64", "[2]", counts, sizeof(counts) },
    };

    return make_model(name, tensors, 2);
}

static int64_t cast_of(const char *text, const char *row, const char *key)
{
    char path[64];
    json_t *metadata = NULL;
    struct fletch_error err;
    int64_t count;

    snprintf(path, sizeof(path), "fletch.rows.%s.cast.%s", row, key);
    assert_ok(fletch_json_parse(&metadata, text, strlen(text), false, &err), err);
    count = json_integer_value(fletch_json_at(metadata, path));
    json_decref(metadata);
    return count;
}

static void what_no_type_holds_is_said(void **state)
{
    const char *model = make_beyond_all("model");
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
    assert_int_equal(result.warnings_count, 2);
    assert_string_equal(result.warnings[0],
                        "tensor 'a': 2 of 3 values are beyond float16; it is kept in "
                        "float32, in which 1 became infinite");
    assert_string_equal(result.warnings[1], "tensor 'b': 1 of 2 values are beyond int64; "
                                            "they became its largest value");
    assert_int_equal(cast_of(result.metadata_json, "a", "beyond_float16"), 2);
    assert_int_equal(cast_of(result.metadata_json, "a", "overflowed"), 1);
    assert_int_equal(cast_of(result.metadata_json, "b", "overflowed"), 1);
    fletch_result_release(&result);

    options.precision = FLETCH_PRECISION_KEEP;
    assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
    assert_string_equal(
        result.warnings[0],
        "tensor 'a': 1 of 3 values are beyond float32; they became infinite");
    fletch_result_release(&result);
}

static void what_no_type_holds_can_be_an_error(void **state)
{
    const char *model = make_beyond_all("model");
    static const uint64_t count = UINT64_MAX;
    const struct test_tensor tensor = { "b", "U64", "[1]", &count, sizeof(count) };
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;

    (void)state;
    options.overflow = FLETCH_OVERFLOW_ERROR;
    options.precision = FLETCH_PRECISION_KEEP;
    assert_fails(fletch_convert(&result, model, at("out"), &options, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "tensor 'a': holds values beyond float32 (3.4028235e+38 is its largest), "
                 "and --on-overflow is error");
    assert_fails(
        fletch_convert(&result, make_model("b", &tensor, 1), at("out"), &options, &err),
        FLETCH_ERR_UNSUPPORTED, err,
        "tensor 'b': holds values beyond int64 (9223372036854775807 is its largest), "
        "and --on-overflow is error");
    /* nothing that another option would keep */
    options = plain;
    options.require_exact = true;
    assert_fails(fletch_convert(&result, model, at("out"), &options, &err),
                 FLETCH_ERR_UNSUPPORTED, err,
                 "2 of 2 tensors would not be exact: 'a', 'b'");
    assert_null(strstr(err.message, "--no-float16"));
    assert_false(exists(at("out")));
}

/* Also where the values are copied; of many tensors, a few by name. */
static void nan_is_said(void **state)
{
    static const float odd[3] = { NAN, 1, -NAN };
    static const uint16_t half[2] = { 0x3c00, 0x7e01 };
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    struct test_tensor tensors[7] = { [6] = { "g", "F16", "[2]", half, sizeof(half) } };
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;
    const char *model;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        tensors[i] = (struct test_tensor){ names[i], "F32", "[3]", odd, sizeof(odd) };
    model = make_model("many", tensors, 7);
    for (int keep = 0; keep < 2; keep++) {
        options.precision = keep ? FLETCH_PRECISION_KEEP : FLETCH_PRECISION_FLOAT16;
        assert_ok(fletch_convert(&result, model, at("out"), &options, &err), err);
        assert_int_equal(result.warnings_count, 6);
        assert_string_equal(result.warnings[4], "tensor 'e': 2 of 3 values are NaN");
        assert_string_equal(result.warnings[5], "2 more tensors have values that are NaN");
        assert_int_equal(cast_of(result.metadata_json, "g", "nan"), 1);
        fletch_result_release(&result);
    }
}

static void exactness_can_be_demanded(void **state)
{
    static const float exact[4] = { 1, -0.5f, 0, INFINITY };
    const struct test_tensor tensors[] = { { "a", "F32", "[4]", exact, sizeof(exact) },
                                           { "b", "F32", "[3]", small, sizeof(small) } };
    struct fletch_options options = plain;
    struct fletch_result result;
    struct fletch_error err;
    const char *both = make_model("both", tensors, 2);

    (void)state;
    options.require_exact = true;
    assert_fails(
        fletch_convert(&result, both, at("out"), &options, &err), FLETCH_ERR_UNSUPPORTED,
        err, "1 of 2 tensors would not be exact: 'b'; --no-float16 keeps 1 of them exact");
    assert_false(exists(at("out")));
    convert_ok(make_model("one", tensors, 1), at("out"), &options);
    options.precision = FLETCH_PRECISION_KEEP;
    convert_ok(both, at("out"), &options);
}

/* ---- Progress and cancelling ---- */

struct watch {
    uint64_t written, verified, total;
    size_t calls, cancel_after, cancels;
};

static void look(const struct fletch_progress *progress, void *user)
{
    struct watch *watch = user;
    uint64_t *last =
        progress->stage == FLETCH_STAGE_VERIFY ? &watch->verified : &watch->written;

    watch->calls++;
    if (progress->stage != FLETCH_STAGE_WRITE && progress->stage != FLETCH_STAGE_VERIFY)
        return;
    assert_true(progress->done >= *last && progress->done <= progress->total);
    assert_true(progress->tensors_done <= progress->tensors_total);
    *last = progress->done;
    watch->total = progress->total;
}

static bool cancel_now(void *user)
{
    struct watch *watch = user;

    return __atomic_add_fetch(&watch->cancels, 1, __ATOMIC_RELAXED) > watch->cancel_after;
}

static void progress_counts_every_byte(void **state)
{
    struct watch watch = { 0 };
    struct fletch_options options = plain;

    (void)state;
    options.threads = 3;
    options.progress = look;
    options.user = &watch;
    convert_ok(make_mixed("model"), at("out"), &options);
    assert_true(watch.total ==
                sizeof(large) + sizeof(zeros) + 2 * sizeof(medium) + sizeof(small) + 4);
    assert_true(watch.written == watch.total);
    assert_true(watch.verified == watch.total);
}

static void cancelling_leaves_nothing(void **state)
{
    const char *model = make_mixed("model");
    bool cancelled = true;

    (void)state;
    for (size_t after = 0; cancelled; after += 11) {
        struct watch watch = { .cancel_after = after };
        struct fletch_options options = plain;
        struct fletch_result result;
        struct fletch_error err;
        enum fletch_status status;

        options.threads = 1 + after % 4;
        options.cancel = cancel_now;
        options.user = &watch;
        status = fletch_convert(&result, model, at("out"), &options, &err);
        cancelled = status != FLETCH_OK;
        if (cancelled) {
            assert_int_equal(status, FLETCH_ERR_CANCELLED);
            assert_string_equal(err.message, "interrupted");
            assert_false(exists(at("out")));
        } else {
            fletch_result_release(&result);
        }
        assert_true(after || cancelled);
    }
    assert_true(exists(at("out/weights.parquet")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_do_not_depend_on_threads),
        TEST(bytes_do_not_depend_on_memory),
#ifdef FLETCH_WITH_LZ4
        TEST(whole_pages_are_in_the_budget),
#endif
        TEST(every_value_comes_back),
        TEST(overflowing_tensors_stay_wide),
        TEST(overflow_can_become_infinite_or_an_error),
        TEST(what_no_type_holds_is_said),
        TEST(what_no_type_holds_can_be_an_error),
        TEST(nan_is_said),
        TEST(exactness_can_be_demanded),
        TEST(progress_counts_every_byte),
        TEST(cancelling_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
