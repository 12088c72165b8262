/* SPDX-License-Identifier: MIT */
/* test_api.c - the public functions as a program uses them, from many threads at once */
#include "models.h"

#include "base/json.h"

#include <pthread.h>

#define COUNT ((size_t)200 * 1000)
#define THREADS 6

static float weights[COUNT];

static const char *golden(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/golden/%s/source", FLETCH_TEST_DATA, name);
    return path;
}

static void lists_end(void **state)
{
    struct fletch_codec_info codec;
    size_t families = 0, codecs = 0, types = 0;

    (void)state;
    while (fletch_family_name(families)) {
        assert_non_null(fletch_family_title(families));
        while (fletch_family_model_type(families, types))
            types++;
        families++;
    }
    assert_null(fletch_family_title(families));
    assert_null(fletch_family_model_type(families, 0));
    assert_true(families >= 5);
    while (!fletch_codec_at(&codec, codecs)) {
        assert_true(codec.level_min <= codec.level_default);
        assert_true(codec.level_default <= codec.level_max);
        codecs++;
    }
    assert_int_equal(codecs, 5);
    assert_int_equal(fletch_codec_at(&codec, codecs), FLETCH_ERR_NOT_FOUND);
    assert_non_null(strchr(fletch_version(), '.'));
}

static void models_are_recognised(void **state)
{
    static const struct {
        const char *name, *family, *model_type;
    } cases[] = {
        { "bert-safetensors", "bert", "bert" },
        { "roberta-mlm", "bert", "roberta" },
        { "mpnet-mlm", "transformers", "mpnet" },
        { "st-dense", "sentence-transformers", "bert" },
        { "clip-vision-unprefixed", "clip", "clip_vision_model" },
        { "whisper", "whisper", "whisper" },
    };
    struct fletch_detection found;
    struct fletch_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_ok(fletch_detect(&found, golden(cases[i].name), &err), err);
        assert_string_equal(found.family, cases[i].family);
        assert_string_equal(found.model_type, cases[i].model_type);
        assert_true(found.evidence[0] != 0);
    }
    assert_fails(fletch_detect(&found, golden("values"), &err), FLETCH_ERR_FAMILY, err,
                 "made-up-encoder");
    assert_fails(fletch_detect(&found, golden("none"), &err), FLETCH_ERR_NOT_FOUND, err,
                 "none");
}

static void a_plan_is_what_convert_does(void **state)
{
    struct fletch_options options = { 0 };
    struct fletch_plan_summary summary;
    struct fletch_plan *plan = NULL;
    struct fletch_result result;
    struct fletch_plan_row planned;
    struct fletch_left_out left_out;
    struct fletch_table *table;
    struct fletch_error err;
    struct fletch_row row;
    size_t i;

    (void)state;
    assert_ok(fletch_plan_open(&plan, golden("bert-bf16"), &options, &err), err);
    fletch_plan_summarise(&summary, plan);
    assert_ok(fletch_convert(&result, golden("bert-bf16"), at("out"), &options, &err), err);
    assert_int_equal(summary.rows, result.tensors);
    assert_int_equal(summary.left_out, result.left_out);
    assert_true(summary.parameters == result.parameters);
    assert_true(summary.source_bytes == result.source_bytes);
    assert_ok(fletch_table_open(&table, at("out"), &err), err);
    for (i = 0; fletch_plan_row_at(&planned, plan, i); i++) {
        assert_true(fletch_table_at(&row, table, i));
        assert_string_equal(row.name, planned.name);
        assert_string_equal(row.dtype, planned.dtype);
        assert_true(row.size == planned.size);
    }
    assert_int_equal(i, summary.rows);
    assert_false(fletch_table_at(&row, table, i));
    for (i = 0; fletch_plan_left_out_at(&left_out, plan, i); i++)
        assert_true(left_out.reason[0] != 0);
    assert_int_equal(i, summary.left_out);
    fletch_table_close(table);
    fletch_plan_close(plan);
    fletch_plan_close(NULL);
    fletch_result_release(&result);
    fletch_result_release(NULL);

    options.codec = "brotli";
    assert_fails(fletch_plan_open(&plan, golden("bert-bf16"), &options, &err),
                 FLETCH_ERR_ARGUMENT, err, "codec 'brotli' is not known");
    options.codec = "none";
    options.level = 3;
    assert_fails(fletch_plan_open(&plan, golden("bert-bf16"), &options, &err),
                 FLETCH_ERR_ARGUMENT, err, "none");
}

/* A golden model's folder, but for its config.json: there `key` is `value`, a JSON text. */
static const char *edited_model(const char *name, const char *key, const char *value)
{
    static const char *const files[] = { "model.safetensors", "tokenizer.json",
                                         "tokenizer_config.json" };
    struct fletch_buf text = { 0 };
    char from[4200];
    json_t *config, *member = json_loads(value, JSON_DECODE_ANY, NULL);
    struct fletch_error err;

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(from, sizeof(from), "%s/%s", golden(name), files[i]);
        unlink(at(files[i]));
        assert_int_equal(symlink(from, at(files[i])), 0);
    }
    snprintf(from, sizeof(from), "%s/config.json", golden(name));
    assert_ok(fletch_json_load(&config, from, false, &err), err);
    assert_int_equal(json_object_set_new(config, key, member), 0);
    fletch_json_put(&text, config, 0);
    fletch_buf_put_u8(&text, 0);
    put_text(at("config.json"), (const char *)text.bytes);
    fletch_buf_release(&text);
    json_decref(config);
    return scratch;
}

/* Both fail, in the same words. */
static void assert_both_fail(const char *model, const struct fletch_options *options,
                             const char *sentence)
{
    struct fletch_error planned = { 0 }, converted = { 0 };
    struct fletch_result result;
    struct fletch_plan *plan;

    if (!fletch_convert(&result, model, at("out"), options, &converted))
        fail_msg("converted, expected: %s", sentence);
    if (!fletch_plan_open(&plan, model, options, &planned))
        fail_msg("planned, though a conversion says: %s", converted.message);
    assert_string_equal(planned.message, converted.message);
    assert_int_equal(planned.status, converted.status);
    if (!strstr(planned.message, sentence))
        fail_msg("%s: expected in it: %s", planned.message, sentence);
}

static void a_plan_fails_as_convert_does(void **state)
{
    static const struct {
        const char *key, *value, *sentence;
    } configs[] = {
        { "hidden_size", "\"32\"", "hidden_size is a string, expected an integer" },
        { "architectures", "\"BertModel\"",
          "architectures is a string, expected an array" },
        { "architectures", "[1]", "architectures[0] is an integer, expected a string" },
        { "layer_norm_eps", "-1", "layer_norm_eps is -1" },
        { "max_seq_len", "{}", "max_seq_len is an object, expected an integer" },
    };
    static const char *const settings[] = { "hidden_size=no", NULL };
    static const struct {
        struct fletch_options options;
        const char *sentence;
    } wrong[] = {
        { { .memory = 1 }, "memory budget" },
#ifdef FLETCH_WITH_GZIP
        { { .memory = 8 << 20, .codec = "gzip" }, "memory budget" },
        { { .codec = "gzip", .level = 99 }, "level" },
#endif
        { { .codec = "brotli" }, "codec 'brotli' is not known" },
        { { .codec = "none", .level = 3 }, "none" },
        { { .prefix = "nowhere" }, "nowhere" },
        { { .family = "whisper" }, "whisper" },
        { { .set = settings }, "hidden_size" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(configs) / sizeof(*configs); i++)
        assert_both_fail(edited_model("bert-safetensors", configs[i].key, configs[i].value),
                         NULL, configs[i].sentence);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_both_fail(golden("bert-safetensors"), &wrong[i].options, wrong[i].sentence);
    edited_model("bert-safetensors", "hidden_size", "32");
    unlink(at("tokenizer.json"));
    put_text(at("tokenizer.json"), "{\"model\": ");
    assert_both_fail(scratch, NULL, "tokenizer.json");
}

static void show_and_plan_name_one_dialect(void **state)
{
    static const struct {
        const char *file, *prefix, *family, *dialect;
    } cases[] = {
        { "openai-clip-training/epoch_3.pt", NULL, NULL, "openai-clip" },
        { "openai-clip-training/epoch_3.pt", "state_dict", NULL, "openai-clip" },
        { "openai-clip-training/epoch_3.pt", "state_dict.module", NULL, "openai-clip" },
        { "openai-clip-training/epoch_3.pt", "state_dict", "transformers", NULL },
        { "openai-clip/ViT.pt", NULL, NULL, "openai-clip" },
        { "openai-whisper/tiny.pt", NULL, NULL, "openai-whisper" },
        { "openai-whisper-training/last.ckpt", NULL, NULL, "openai-whisper" },
        { "open-clip", NULL, NULL, "open-clip" },
        { "open-clip/open_clip_pytorch_model.bin", NULL, "clip", "open-clip" },
    };
    static const char *const heads[] = { "num_attention_heads=2", NULL };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fletch_options options = { .prefix = cases[i].prefix,
                                          .family = cases[i].family };
        struct fletch_checkpoint *checkpoint;
        struct fletch_plan_summary summary;
        struct fletch_plan *plan;
        struct fletch_error err;
        char path[4096];

        snprintf(path, sizeof(path), "%s/golden/dialects/%s", FLETCH_TEST_DATA,
                 cases[i].file);
        assert_ok(fletch_checkpoint_open(&checkpoint, path, &options, &err), err);
        if (!cases[i].family || strcmp(cases[i].family, "transformers") != 0) {
            options.set = heads;
            assert_ok(fletch_plan_open(&plan, path, &options, &err), err);
            fletch_plan_summarise(&summary, plan);
            assert_string_equal(summary.dialect, cases[i].dialect);
            fletch_plan_close(plan);
        }
        if (cases[i].dialect)
            assert_non_null(fletch_checkpoint_dialect(checkpoint));
        assert_string_equal(fletch_checkpoint_dialect(checkpoint)
                                ? fletch_checkpoint_dialect(checkpoint)
                                : "none",
                            cases[i].dialect ? cases[i].dialect : "none");
        fletch_checkpoint_close(checkpoint);
    }
}

static void checkpoints_are_listed_by_name(void **state)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info tensor;
    struct fletch_error err;
    char last[256] = "";
    size_t i;

    (void)state;
    assert_ok(fletch_checkpoint_open(&checkpoint, golden("bert-mlm-sharded"), NULL, &err),
              err);
    assert_string_equal(fletch_checkpoint_format(checkpoint), "safetensors");
    for (i = 0; fletch_checkpoint_at(&tensor, checkpoint, i); i++) {
        assert_true(strcmp(tensor.name, last) != 0);
        snprintf(last, sizeof(last), "%s", tensor.name);
        assert_non_null(strstr(tensor.file, "-of-00005.safetensors"));
    }
    assert_int_equal(i, fletch_checkpoint_count(checkpoint));
    fletch_checkpoint_close(checkpoint);
    fletch_checkpoint_close(NULL);
}

/* ---- Many at once ---- */

struct user {
    pthread_t thread;
    char model[4096], out[4096];
    enum fletch_status status;
    struct fletch_error err;
};

/* Converts, verifies and reads, as one of several in the same process. */
static void *use(void *argument)
{
    struct user *user = argument;
    struct fletch_options options = { .family = "transformers",
                                      .skip_tokenizer = true,
                                      .threads = 3 };
    struct fletch_verification found;
    struct fletch_table *table = NULL;
    struct fletch_result result;
    struct fletch_row row;

    user->status = fletch_convert(&result, user->model, user->out, &options, &user->err);
    if (user->status)
        return NULL;
    fletch_result_release(&result);
    user->status = fletch_verify(&found, user->out, user->model, &options, &user->err);
    if (!user->status)
        user->status = fletch_table_open(&table, user->out, &user->err);
    for (size_t i = 0; !user->status && i < fletch_table_count(table); i++)
        user->status = fletch_table_read(&row, table, i, &user->err);
    fletch_table_close(table);
    return NULL;
}

static void run_users(struct user *users, void *(*work)(void *))
{
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&users[i].thread, NULL, work, &users[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        if (users[i].status)
            fail_msg("thread %d: %s", i, users[i].err.message);
}

static void threads_do_not_disturb_each_other(void **state)
{
    static struct user users[THREADS];
    const struct test_tensor tensors[] = {
        { "a", "F32", "[200000]", weights, sizeof(weights) },
        { "b", "F32", "[3]", weights, 12 },
    };
    const char *model;

    (void)state;
    fill_weights(weights, COUNT, 9);
    model = make_model("model", tensors, 2);
    for (int i = 0; i < THREADS; i++) {
        snprintf(users[i].model, sizeof(users[i].model), "%s", model);
        snprintf(users[i].out, sizeof(users[i].out), "%s/out%d", scratch, i);
    }
    run_users(users, use);
}

static void *convert_only(void *argument)
{
    struct user *user = argument;
    struct fletch_options options = { .family = "transformers",
                                      .skip_tokenizer = true,
                                      .threads = 1 };
    struct fletch_result result;

    user->status = fletch_convert(&result, user->model, user->out, &options, &user->err);
    if (!user->status)
        fletch_result_release(&result);
    return NULL;
}

/* Conversions into one folder at once: each replaces the whole, whoever comes last. */
static void one_folder_is_replaced_whole_by_each(void **state)
{
    static struct user users[THREADS];
    const struct test_tensor tensors[] = { { "a", "F32", "[3]", weights, 12 } };
    struct fletch_options options = { .family = "transformers" };
    const char *model = make_model("model", tensors, 1);
    struct fletch_verification found;
    struct fletch_error err;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(users[i].model, sizeof(users[i].model), "%s", model);
        snprintf(users[i].out, sizeof(users[i].out), "%s/out", scratch);
    }
    for (int i = 0; i < 3; i++) {
        run_users(users, convert_only);
        assert_ok(fletch_verify(&found, at("out"), model, &options, &err), err);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_end),
        TEST(models_are_recognised),
        TEST(a_plan_is_what_convert_does),
        TEST(a_plan_fails_as_convert_does),
        TEST(show_and_plan_name_one_dialect),
        TEST(checkpoints_are_listed_by_name),
        TEST(threads_do_not_disturb_each_other),
        TEST(one_folder_is_replaced_whole_by_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
