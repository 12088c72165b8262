/* SPDX-License-Identifier: MIT */
/* test_tokenizer.c - tokenizer.json: copied, or with nothing but where it cuts set */
#include "support.h"

#include "convert/tokenizer_save.h"

#define GOLDEN FLETCH_TEST_DATA "/golden/"

/* A model of which only what the tokenizer needs is there. */
static struct fletch_model made_model(const char *model_type, const char *config)
{
    struct fletch_model model = { .encoder_folder = scratch };
    json_error_t why;

    fletch_family_find(&model.family, "bert", NULL);
    model.model_class = fletch_family_model_class(model.family, model_type);
    assert_non_null(model.model_class);
    model.config = json_loads(config, 0, &why);
    assert_non_null(model.config);
    return model;
}

/* What becomes of a tokenizer.json beside a BERT of 64 positions. */
static const char *written(const char *text)
{
    struct fletch_model model = made_model("bert", "{\"max_position_embeddings\": 64}");
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_error err;
    struct fletch_tokenizer_origin done = { .copied = false };
    json_error_t why;
    json_t *json;

    put_text(at("tokenizer.json"), text);
    assert_ok(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err), err);
    assert_true(done.copied);
    assert_int_equal(warnings.count, 0);
    json_decref(model.config);
    json = json_load_file(at("tokenizer/tokenizer.json"), JSON_REJECT_DUPLICATES, &why);
    if (!json)
        fail_msg("%s in %s", why.text, text_of(at("tokenizer/tokenizer.json")));
    json_decref(json);
    return text_of(at("tokenizer/tokenizer.json"));
}

static void sets_null_truncation(void **state)
{
    (void)state;
    assert_string_equal(written("{\n  \"model\": \"1.0\",\n  \"truncation\": null,\n"
                                "  \"padding\": null\n}"),
                        "{\n  \"model\": \"1.0\",\n  \"truncation\": {\n"
                        "    \"direction\": \"Right\",\n    \"max_length\": 64,\n"
                        "    \"strategy\": \"LongestFirst\",\n    \"stride\": 0\n  },\n"
                        "  \"padding\": null\n}");
    assert_string_equal(written("{\"model\":\"1.0\",\"truncation\":null,\"x\":[1]}\n"),
                        "{\"model\":\"1.0\",\"truncation\":{\"direction\":\"Right\","
                        "\"max_length\":64,\"strategy\":\"LongestFirst\",\"stride\":0},"
                        "\"x\":[1]}\n");
    assert_string_equal(written("{\"truncation\": null, \"model\": {}}"),
                        "{\"truncation\": {\"direction\": \"Right\", \"max_length\": 64, "
                        "\"strategy\": \"LongestFirst\", \"stride\": 0}, \"model\": {}}");
    assert_string_equal(
        written("{\r\n\t\"model\" : 1 ,\r\n\t\"truncation\" : null\r\n}"),
        "{\r\n\t\"model\" : 1 ,\r\n\t\"truncation\" : {\n\t\t\"direction\": "
        "\"Right\",\n\t\t\"max_length\": 64,\n\t\t\"strategy\": "
        "\"LongestFirst\",\n\t\t\"stride\": 0\n\t}\r\n}");
}

static void adds_missing_truncation(void **state)
{
    (void)state;
    assert_string_equal(written("{\n  \"model\": {\"truncation\": null}\n}"),
                        "{\n  \"truncation\": {\n    \"direction\": \"Right\",\n"
                        "    \"max_length\": 64,\n    \"strategy\": \"LongestFirst\",\n"
                        "    \"stride\": 0\n  },\n  \"model\": {\"truncation\": null}\n}");
    assert_string_equal(written("{\"model\":1}"),
                        "{\"truncation\":{\"direction\":\"Right\",\"max_length\":64,"
                        "\"strategy\":\"LongestFirst\",\"stride\":0},\"model\":1}");
}

static void leaves_all_else(void **state)
{
    static const char *const texts[] = {
        "{\"truncation\": {\"max_length\": 128}, \"model\": {\"}\": 1, \"\\\"]\": 2}}",
        "{\n  \"model\": \"\\\\\",\n  \"truncation\":{}\n}\n\n",
        "{\"truncation\": 7, \"model\": 1}",
        "{\"model\":1,\"truncation\":\t[null, {\"truncation\": null}] }",
        "{\"model\": \"\xc3\xbc\", \"truncation\": {\"a\": [[[]]]}, \"b\": -1.5e+3}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_string_equal(written(texts[i]), texts[i]);
}

/* What becomes of a tokenizer.json where a pipeline cuts at 256. */
static const char *edited(const char *text)
{
    static const struct fletch_tokenizer_cut cut = { .limit = 64, .pipeline = 256 };
    static char copy[1024];
    struct fletch_buf out = { 0 };
    struct fletch_error err;
    bool null;

    assert_ok(fletch_tokenizer_edit(&out, &null, text, strlen(text), &cut, &err), err);
    assert_true(out.size < sizeof(copy));
    memcpy(copy, out.size ? out.bytes : (const uint8_t *)"", out.size);
    copy[out.size] = '\0';
    fletch_buf_release(&out);
    return copy;
}

/* The number of a truncation that is set, and no byte besides. */
static void sets_the_pipelines_length(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        { "{\"truncation\": {\"direction\": \"Left\", \"max_length\": 128, \"stride\": 3}, "
          "\"model\": 1}",
          "{\"truncation\": {\"direction\": \"Left\", \"max_length\": 256, \"stride\": 3}, "
          "\"model\": 1}" },
        { "{\"model\":{\"max_length\":7},\"truncation\":{\"max_length\":1000}}",
          "{\"model\":{\"max_length\":7},\"truncation\":{\"max_length\":256}}" },
        { "{\n  \"truncation\": {\n    \"a\": {\"max_length\": 1},\n    \"max_length\" :\t5"
          "\n  },\n  \"model\": 1\n}\n",
          "{\n  \"truncation\": {\n    \"a\": {\"max_length\": 1},\n    \"max_length\" "
          ":\t256"
          "\n  },\n  \"model\": 1\n}\n" },
        /* as it is already, and where there is no number to set */
        { "{\"truncation\": {\"max_length\": 256}, \"model\": 1}", "" },
        { "{\"truncation\": {\"max_length\": null}, \"model\": 1}", "" },
        { "{\"truncation\": {\"max_length\": 1.5}, \"model\": 1}", "" },
        { "{\"truncation\": {\"max_length\": -1}, \"model\": 1}", "" },
        { "{\"truncation\": { }, \"model\": 1}", "" },
        { "{\"truncation\": [\"max_length\", 1], \"model\": 1}", "" },
        { "{\"truncation\": 7, \"model\": {\"max_length\": 1}}", "" },
    };
    static const struct fletch_tokenizer_cut cut = { .pipeline = 256 };
    const char *twice =
        "{\"truncation\": {\"max_length\": 1, \"max_length\": 2}, \"model\": 1}";
    struct fletch_buf out = { 0 };
    struct fletch_error err;
    bool null;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(edited(cases[i].text), cases[i].wanted);
    assert_fails(fletch_tokenizer_edit(&out, &null, twice, strlen(twice), &cut, &err),
                 FLETCH_ERR_FORMAT, err, "truncation has max_length twice");
    fletch_buf_release(&out);
}

/* Every cut of a text that needs the edit is refused, or gives valid JSON. */
static void refuses_broken_text(void **state)
{
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        { "", "tokenizer.json: byte 0: the file ends, expected '{'" },
        { "version https://git-lfs",
          "tokenizer.json: is a Git LFS pointer, not the file: run git lfs pull" },
        { "version", "tokenizer.json: byte 0: found 'v', expected '{'" },
        { "[]", "byte 0: found '[', expected '{'" },
        { "{\"a\"", "byte 4: the file ends, expected ':'" },
        { "{\"a\": ", "byte 6: the file ends, expected a value" },
        { "{\"a\": }", "byte 6: found '}', expected a value" },
        { "{\"a\": 1", "byte 7: the file ends, expected ',' or '}'" },
        { "{\"a\": 1 2}", "byte 8: found '2', expected ',' or '}'" },
        { "{\"a\": 1,}", "byte 8: found '}', expected a string" },
        { "{\"a\": [}", "byte 7: found '}', expected ']'" },
        { "{\"a\": {]", "byte 7: found ']', expected '}'" },
        { "{\"a\": [", "byte 7: the file ends, expected a closing bracket" },
        { "{\"a\": \"x", "byte 8: the file ends, expected the end of a string" },
        { "{\"a\": \"x\\", "byte 9: the file ends, expected the end of a string" },
        { "{a: 1}", "byte 1: found 'a', expected a string" },
        { "{} x", "byte 3: found 'x', expected the end of the file" },
        { "{\"truncation\": null, \"truncation\": 1}",
          "byte 21: the key \"truncation\" again, first at 1" },
        { "{}", "tokenizer.json: an object without \"model\", which every tokenizer has" },
        { "{\"truncation\": null, \"x\": {\"model\": 1}}", "an object without \"model\"" },
    };
    struct fletch_model model = made_model("bert", "{}");
    struct fletch_error err;
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_tokenizer_origin done = { .copied = false };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_text(at("tokenizer.json"), cases[i].text);
        assert_fails(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err),
                     FLETCH_ERR_FORMAT, err, cases[i].sentence);
        assert_false(exists(at("tokenizer/tokenizer.json")));
    }
    json_decref(model.config);
}

static void refuses_deep_nesting(void **state)
{
    struct fletch_model model = made_model("bert", "{}");
    char text[512] = "{\"a\": ";
    struct fletch_error err;
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_tokenizer_origin done = { .copied = false };

    (void)state;
    memset(text + strlen(text), '[', FLETCH_JSON_DEPTH_MAX + 1);
    put_text(at("tokenizer.json"), text);
    assert_fails(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err),
                 FLETCH_ERR_UNSUPPORTED, err, "(FLETCH_JSON_DEPTH_MAX)");
    json_decref(model.config);
}

static void says_what_is_missing(void **state)
{
    struct fletch_model model = made_model("bert", "{\"model_type\": \"bert\"}");
    struct fletch_error err;
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_tokenizer_origin done = { .copied = true };

    (void)state;
    assert_ok(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err), err);
    assert_false(done.copied || done.made);
    assert_string_equal(warnings.texts[0],
                        "the checkpoint has no tokenizer.json: no tokenizer is written: "
                        "there is no vocab.txt to make one from");
    put_text(at("vocab.txt"), "[PAD]\n");
    assert_ok(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err), err);
    assert_false(done.copied || done.made);
    assert_string_equal(warnings.texts[0],
                        "the checkpoint has no tokenizer.json: no tokenizer is written: "
                        "'[UNK]', the unk_token, is not in vocab.txt");
    json_decref(model.config);
}

/* One that is made is cut at the model's limit as one that is copied. */
static void cuts_what_it_makes(void **state)
{
    struct fletch_model model = made_model("bert", "{\"model_type\": \"bert\"}");
    struct fletch_tokenizer_origin done = { .copied = true };
    struct fletch_error err;
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    json_t *json;

    (void)state;
    put_text(at("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
    assert_ok(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err), err);
    assert_true(done.made && !done.copied);
    assert_int_equal(done.from.files_count, 1);
    assert_string_equal(done.from.files[0], "vocab.txt");
    assert_int_equal(warnings.count, 0);
    json = json_load_file(at("tokenizer/tokenizer.json"), JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(fletch_json_at(json, "truncation.max_length")),
                     512);
    json_decref(json);
    json_decref(model.config);
}

static void warns_without_a_limit(void **state)
{
    struct fletch_model model = { .encoder_folder = scratch };
    struct fletch_error err;
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_tokenizer_origin done = { .copied = false };

    (void)state;
    fletch_family_find(&model.family, "transformers", NULL);
    model.model_class = fletch_family_model_class(model.family, "made-up");
    put_text(at("tokenizer.json"), "{\"truncation\":null,\"model\":1}");
    assert_ok(fletch_tokenizer_write(&done, &warnings, &model, scratch, &err), err);
    assert_true(done.copied);
    assert_non_null(strstr(warnings.texts[0], "nothing says how long a text may be"));
    assert_string_equal(text_of(at("tokenizer/tokenizer.json")),
                        "{\"truncation\":null,\"model\":1}");
}

/* ---- The limit ---- */

static void check_limit(const char *model_type, const char *config, const char *tokenizer,
                        int64_t wanted)
{
    struct fletch_model model = made_model(model_type, config);
    json_error_t why;

    model.tokenizer_config = tokenizer ? json_loads(tokenizer, 0, &why) : NULL;
    assert_int_equal(fletch_tokenizer_cut(&model).limit, wanted);
    json_decref(model.tokenizer_config);
    json_decref(model.config);
}

static void limits(void **state)
{
    (void)state;
    check_limit("bert", "{}", NULL, 512);
    check_limit("bert", "{\"max_seq_len\": 100}", NULL, 100);
    check_limit("bert", "{\"max_sequence_length\": 90}", NULL, 90);
    check_limit("bert", "{}", "{\"model_max_length\": 128}", 128);
    check_limit("bert", "{}", "{\"model_max_length\": 1e30}", 512);
    check_limit("bert", "{}", "{\"model_max_length\": null}", 512);
    check_limit("roberta", "{\"max_position_embeddings\": 514}", NULL, 512);
    check_limit("roberta", "{\"max_position_embeddings\": 514, \"pad_token_id\": 3}", NULL,
                510);
    check_limit("roberta", "{\"max_position_embeddings\": 514, \"pad_token_id\": null}",
                NULL, 512);
    check_limit("xlm-roberta", "{\"max_position_embeddings\": 66, \"pad_token_id\": 1}",
                "{\"model_max_length\": 512}", 64);
    check_limit("distilbert", "{\"max_position_embeddings\": 64}", NULL, 64);
}

/* Only a pipeline has a say in what a tokenizer.json already says. */
static void check_pipeline(const char *family, const char *config, const char *sentence,
                           int64_t wanted)
{
    struct fletch_model model = made_model("roberta", config);

    fletch_family_find(&model.family, family, NULL);
    model.sentence_config = json_loads(sentence, 0, NULL);
    model.tokenizer_config = json_loads("{\"model_max_length\": 128}", 0, NULL);
    assert_int_equal(fletch_tokenizer_cut(&model).pipeline, wanted);
    json_decref(model.tokenizer_config);
    json_decref(model.sentence_config);
    json_decref(model.config);
}

static void pipelines_length(void **state)
{
    static const char *const config = "{\"max_position_embeddings\": 514}";

    (void)state;
    check_pipeline("sentence-transformers", config, "{\"max_seq_length\": 256}", 256);
    check_pipeline("sentence-transformers", config, "{\"max_seq_length\": 64}", 64);
    check_pipeline("sentence-transformers", config, "{\"max_seq_length\": null}", 128);
    check_pipeline("sentence-transformers", config, "{\"max_seq_length\": 514}", 512);
    check_pipeline("bert", config, "{\"max_seq_length\": 256}", 0);
}

/* The golden files differ from what is written in the truncation, and in nothing else. */
static void golden_files(void **state)
{
    static const char *const names[] = { "albert",        "bert-bf16", "bert-mlm-sharded",
                                         "distilbert-qa", "mpnet-mlm", "st-dense" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        struct fletch_model *model = NULL;
        json_t *source, *expected, *found, *truncation;
        struct fletch_error err;
        struct fletch_tokenizer_warnings warnings = { .count = 0 };
        struct fletch_tokenizer_origin done = { .copied = false };

        snprintf(path, sizeof(path), GOLDEN "%s/source", names[i]);
        assert_ok(fletch_model_open(&model, path, NULL, &err), err);
        assert_ok(fletch_tokenizer_write(&done, &warnings, model, scratch, &err), err);
        assert_true(done.copied);
        found = json_load_file(at("tokenizer/tokenizer.json"), 0, NULL);
        snprintf(path, sizeof(path), GOLDEN "%s/source/tokenizer.json", names[i]);
        source = json_load_file(path, 0, NULL);
        snprintf(path, sizeof(path), GOLDEN "%s/expected.json", names[i]);
        expected = json_load_file(path, 0, NULL);
        truncation = json_object_get(found, "truncation");
        assert_int_equal(
            json_integer_value(json_object_get(truncation, "max_length")),
            json_integer_value(fletch_json_at(expected, "tokenizer.max_seq_length")));
        json_object_set_new(found, "truncation", json_null());
        assert_true(json_equal(found, source));
        json_decref(found);
        json_decref(source);
        json_decref(expected);
        fletch_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sets_null_truncation, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(adds_missing_truncation, make_scratch,
                                        remove_scratch),
        cmocka_unit_test_setup_teardown(leaves_all_else, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(refuses_broken_text, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(refuses_deep_nesting, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(says_what_is_missing, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(cuts_what_it_makes, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(warns_without_a_limit, make_scratch,
                                        remove_scratch),
        cmocka_unit_test(sets_the_pipelines_length),
        cmocka_unit_test(limits),
        cmocka_unit_test(pipelines_length),
        cmocka_unit_test_setup_teardown(golden_files, make_scratch, remove_scratch),
    };

    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
