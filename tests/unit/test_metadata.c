/* SPDX-License-Identifier: MIT */
/* test_metadata.c - metadata.json: the golden values, the exact text, what is refused */
#include "golden_names.h"
#include "support.h"

#include "convert/metadata.h"
#include "metadata_text.h"

#include <time.h>

#define GOLDEN FLETCH_TEST_DATA "/golden/"

static const struct fletch_codec zstd = {
    .name = "zstd", .id = FLETCH_CODEC_ID_ZSTD, .level_min = 1, .level_max = 22
};
static const struct fletch_codec snappy = { .name = "snappy",
                                            .id = FLETCH_CODEC_ID_SNAPPY };
static const struct fletch_codec none = { .name = "none", .id = FLETCH_CODEC_ID_NONE };

/* A model, its plan, and outcomes as if every cast had been exact. */
struct made {
    struct fletch_model *model;
    struct fletch_row_plans plans;
    struct fletch_row_outcome *outcomes;
    struct fletch_options options;
    struct fletch_metadata metadata;
};

static void make(struct made *made, const char *path, const char *family)
{
    const struct fletch_options options = { .family = family };
    struct fletch_error err;

    *made = (struct made){ .model = NULL };
    assert_ok(fletch_model_open(&made->model, path, &options, &err), err);
    assert_ok(fletch_model_check_config(made->model, &err), err);
    assert_ok(fletch_row_plans_make(&made->plans, made->model, fletch_outputs[0],
                                    FLETCH_PRECISION_FLOAT16, &err),
              err);
    made->outcomes = fletch_alloc_array(made->plans.rows_count, sizeof(*made->outcomes));
    assert_non_null(made->outcomes);
    for (size_t i = 0; i < made->plans.rows_count; i++) {
        made->outcomes[i].dtype = made->plans.rows[i].dtype;
        made->outcomes[i].size = made->plans.rows[i].size;
        made->outcomes[i].compressed_size = 40;
    }
    made->metadata = (struct fletch_metadata){ .model = made->model,
                                               .plans = &made->plans,
                                               .outcomes = made->outcomes,
                                               .options = &made->options,
                                               .codec = &zstd,
                                               .level = 3,
                                               .out_dir = "out",
                                               .converted_at = 1771614393650709 };
}

static void release(struct made *made)
{
    fletch_free(made->outcomes);
    fletch_row_plans_release(&made->plans);
    fletch_model_close(made->model);
}

/* The text, ended by a NUL, ASCII and without a newline at its end. */
static struct fletch_buf write_text(const struct made *made)
{
    struct fletch_buf text = { 0 };
    struct fletch_error err;

    assert_ok(fletch_metadata_write(&text, &made->metadata, &err), err);
    fletch_buf_put_u8(&text, 0);
    assert_false(text.failed);
    for (size_t i = 0; i + 1 < text.size; i++)
        assert_true(text.bytes[i] == '\n' ||
                    (text.bytes[i] >= 0x20 && text.bytes[i] < 0x7f));
    assert_int_equal(text.bytes[text.size - 2], '}');
    return text;
}

static json_t *write_json(const struct made *made)
{
    struct fletch_buf text = write_text(made);
    json_error_t why;
    json_t *json = json_loads((const char *)text.bytes, JSON_REJECT_DUPLICATES, &why);

    if (!json)
        fail_msg("%s: %s", why.text, (const char *)text.bytes);
    fletch_buf_release(&text);
    return json;
}

/* ---- Golden ---- */

static void check_keys(const json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    size_t i = 0;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        assert_non_null(keys[i]);
        assert_string_equal(key, keys[i++]);
        (void)value;
    }
    assert_null(keys[i]);
}

static void check_info(const char *name, const json_t *metadata)
{
    char path[512];
    json_t *expected = NULL;
    const json_t *found = json_object_get(metadata, "model_info");
    const char *key;
    json_t *value;
    struct fletch_error err;

    snprintf(path, sizeof(path), GOLDEN "%s/expected.json", name);
    assert_ok(fletch_json_load(&expected, path, false, &err), err);
    if (!found)
        found = json_object_get(metadata, "config");
    json_object_foreach(json_object_get(expected, "info"), key, value)
    {
        if (!json_equal(value, json_object_get(found, key)))
            fail_msg("%s: %s differs", name, key);
    }
    if (json_is_object(json_object_get(expected, "info")))
        assert_int_equal(json_object_size(found),
                         json_object_size(json_object_get(expected, "info")));
    json_decref(expected);
}

static void golden_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_NAMES; i++) {
        char path[512];
        struct made made;
        json_t *metadata;

        snprintf(path, sizeof(path), GOLDEN "%s/source", golden_names[i]);
        make(&made, path, strcmp(golden_names[i], "values") ? NULL : "transformers");
        metadata = write_json(&made);
        check_info(golden_names[i], metadata);
        json_decref(metadata);
        release(&made);
    }
}

static const char *const text_keys[] = {
    "model_name",
    "model_type",
    "model_info",
    "conversion_config",
    "total_parameters",
    "num_layers",
    "layer_info",
    "converted_at",
    "converter_version",
    "parquet_path",
    "tokenizer_path",
    "embedding_dimension",
    "fletch",
    NULL,
};
static const char *const info_keys[] = {
    "architecture",      "embedding_dimension", "hidden_size", "num_attention_heads",
    "intermediate_size", "num_hidden_layers",   "vocab_size",  "max_position_embeddings",
    "layer_norm_eps",    "max_seq_length",      NULL,
};
static const char *const sentence_keys[] = {
    "architecture",
    "embedding_dimension",
    "max_seq_length",
    "hidden_size",
    "num_attention_heads",
    "intermediate_size",
    "num_hidden_layers",
    "vocab_size",
    "max_position_embeddings",
    "layer_norm_eps",
    NULL,
};
static const char *const tower_keys[] = {
    "model_name",
    "model_type",
    "architecture",
    "config",
    "conversion_config",
    "total_parameters",
    "num_weight_tensors",
    "layer_info",
    "parquet_path",
    "converted_at",
    "converter_version",
    "fletch",
    NULL,
};
static const char *const whisper_keys[] = {
    "n_mels",
    "hidden_size",
    "num_layers",
    "num_attention_heads",
    "intermediate_size",
    "layer_norm_eps",
    "max_positions",
    NULL,
};
static const char *const account_keys[] = {
    "format_version",
    "version",
    "created_by",
    "family",
    "evidence",
    "dialect",
    "source_model_type",
    "source_format",
    "source_metadata",
    "source_files",
    "rows",
    "left_out",
    "tokenizer",
    "warnings",
    "notes",
    NULL,
};

static void keys_of_each_layout(void **state)
{
    struct made made;
    json_t *metadata;

    (void)state;
    make(&made, GOLDEN "bert-bf16/source", NULL);
    made.metadata.has_tokenizer = true;
    metadata = write_json(&made);
    check_keys(metadata, text_keys);
    check_keys(json_object_get(metadata, "model_info"), info_keys);
    check_keys(json_object_get(metadata, "fletch"), account_keys);
    json_decref(metadata);
    release(&made);
    make(&made, GOLDEN "st-mean/source", NULL);
    metadata = write_json(&made);
    check_keys(json_object_get(metadata, "model_info"), sentence_keys);
    json_decref(metadata);
    release(&made);
    make(&made, GOLDEN "whisper/source", NULL);
    metadata = write_json(&made);
    check_keys(metadata, tower_keys);
    check_keys(json_object_get(metadata, "config"), whisper_keys);
    json_decref(metadata);
    release(&made);
}

/* ---- The exact text ---- */

static void put_weights(const char *path)
{
    static const char header[] =
        "{\"w\xc3\xbc\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
        "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]}}";
    uint8_t bytes[8 + sizeof(header) - 1 + 8] = { sizeof(header) - 1 };

    memcpy(bytes + 8, header, sizeof(header) - 1);
    put_bytes(path, bytes, sizeof(bytes));
}

static void exact_text(void **state)
{
    static const struct fletch_source_file file = {
        .name = "w.safetensors", .size = 7, .hashed = true, .sha256 = { 1 }
    };
    static const char *const warnings[] = { "mind the \"gap\"" };
    static char wanted[8192];
    struct fletch_buf text;
    struct made made;
    struct tm local = { .tm_year = 126,
                        .tm_mon = 1,
                        .tm_mday = 20,
                        .tm_hour = 19,
                        .tm_min = 6,
                        .tm_sec = 33,
                        .tm_isdst = -1 };

    (void)state;
    put_weights(at("w.safetensors"));
    make(&made, at("w.safetensors"), "transformers");
    made.metadata.converted_at = (int64_t)mktime(&local) * 1000000 + 709;
    made.metadata.codec = &none;
    made.metadata.level = 0;
    made.metadata.out_dir = "/a//b/./../c/";
    made.metadata.files = &file;
    made.metadata.files_count = 1;
    made.metadata.warnings = warnings;
    made.metadata.warnings_count = 1;
    made.options.skip_verify = true;
    made.outcomes[0].dtype = FLETCH_F32;
    made.outcomes[0].size = 4;
    made.outcomes[0].overflowed = 1;
    made.outcomes[1].report.rounded = 1;
    made.outcomes[1].report.absolute_error = 0.5;
    made.outcomes[1].report.relative_error = 1e-5;
    text = write_text(&made);
    snprintf(wanted, sizeof(wanted), exact, at("w.safetensors"), fletch_version(),
             fletch_version());
    assert_string_equal((const char *)text.bytes, wanted);
    fletch_buf_release(&text);
    release(&made);
}

static void check_path(const char *out_dir, const char *wanted)
{
    struct made made;
    json_t *metadata;

    make(&made, at("w.safetensors"), "transformers");
    made.metadata.out_dir = out_dir;
    made.metadata.codec = &snappy;
    metadata = write_json(&made);
    assert_string_equal(json_string_value(json_object_get(metadata, "parquet_path")),
                        wanted);
    assert_string_equal(
        json_string_value(fletch_json_at(metadata, "conversion_config.compression")),
        "snappy");
    assert_int_equal(
        json_integer_value(fletch_json_at(metadata, "conversion_config.compression_level")),
        3);
    json_decref(metadata);
    release(&made);
}

static void paths_as_python_has_them(void **state)
{
    (void)state;
    put_weights(at("w.safetensors"));
    check_path("out", "out/weights.parquet");
    check_path("./out/", "out/weights.parquet");
    check_path(".", "weights.parquet");
    check_path("../x//y", "../x/y/weights.parquet");
    check_path("/", "/weights.parquet");
}

/* ---- The pipeline of a sentence-transformers model ---- */

static void check_text(const json_t *json, const char *path, const char *wanted)
{
    char *text = json_dumps(fletch_json_at(json, path), JSON_ENCODE_ANY | JSON_COMPACT);

    if (!text || strcmp(text, wanted))
        fail_msg("%s is %s, expected %s", path, text ? text : "missing", wanted);
    free(text);
}

static void pipeline(void **state)
{
    struct made made;
    json_t *metadata;

    (void)state;
    make(&made, GOLDEN "st-dense/source", NULL);
    made.metadata.has_tokenizer = true;
    metadata = write_json(&made);
    check_text(metadata, "fletch.tokenizer",
               "{\"made\":false,\"from\":[\"tokenizer.json\"]}");
    check_text(
        metadata, "fletch.pipeline.modules",
        "[{\"module\":\"Transformer\",\"type\":\"sentence_transformers.models."
        "Transformer\",\"folder\":\"\"},{\"module\":\"Pooling\",\"type\":"
        "\"sentence_transformers.models.Pooling\",\"folder\":\"1_Pooling\",\"modes\":"
        "[\"cls\",\"mean\"],\"dimension\":32,\"include_prompt\":true},{\"module\":"
        "\"Dense\",\"type\":\"sentence_transformers.models.Dense\",\"folder\":"
        "\"2_Dense\",\"in_features\":64,\"out_features\":24,\"bias\":true,"
        "\"activation\":\"torch.nn.modules.activation.Tanh\"},{\"module\":"
        "\"Normalize\",\"type\":\"sentence_transformers.models.Normalize\","
        "\"folder\":\"3_Normalize\"}]");
    check_text(metadata, "fletch.pipeline.prompts", "{\"query\":\"\",\"document\":\"\"}");
    check_text(metadata, "fletch.pipeline.default_prompt_name", "null");
    check_text(metadata, "fletch.pipeline.similarity", "\"cosine\"");
    check_text(metadata, "fletch.pipeline.max_seq_length", "48");
    check_text(metadata, "fletch.pipeline.do_lower_case", "false");
    check_text(metadata, "fletch.pipeline.truncation",
               "{\"source\":null,\"max_length\":48}");
    check_text(metadata, "embedding_dimension", "24");
    check_text(metadata, "tokenizer_path", "\"out/tokenizer\"");
    json_decref(metadata);
    release(&made);
}

/* ---- What is refused, and what a class's defaults are ---- */

static void check_config(const char *config, const char *sentence)
{
    const struct fletch_options options = { .family = "transformers" };
    struct fletch_model *model = NULL;
    struct fletch_error err;

    put_text(at("config.json"), config);
    put_weights(at("model.safetensors"));
    assert_ok(fletch_model_open(&model, scratch, &options, &err), err);
    assert_fails(fletch_model_check_config(model, &err), FLETCH_ERR_FORMAT, err, sentence);
    assert_non_null(strstr(err.message, "/config.json: "));
    fletch_model_close(model);
}

static void refuses_wrong_types(void **state)
{
    (void)state;
    check_config("{\"hidden_size\": \"768\"}",
                 "hidden_size is a string, expected an integer");
    check_config("{\"hidden_size\": -1}", "hidden_size is -1, expected 1 to 2147483647");
    check_config("{\"hidden_size\": 4294967296}",
                 "hidden_size is 4294967296, expected 1 to 2147483647");
    check_config("{\"vocab_size\": 1e300}",
                 "vocab_size is a real number, expected an integer");
    check_config("{\"layer_norm_eps\": \"1e-12\"}",
                 "layer_norm_eps is a string, expected a number");
    check_config("{\"layer_norm_eps\": -0.5}",
                 "layer_norm_eps is -0.5, expected at least 0");
    check_config("{\"architectures\": \"BertModel\"}",
                 "architectures is a string, expected an array");
    check_config("{\"architectures\": [1]}",
                 "architectures[0] is an integer, expected a string");
    check_config("{\"max_seq_len\": {}}", "max_seq_len is an object, expected an integer");
}

static void never_names_a_decoder(void **state)
{
    struct made made;
    json_t *metadata;

    (void)state;
    put_weights(at("model.safetensors"));
    put_text(at("config.json"), "{\"architectures\": null, \"rope_theta\": 10000.0,"
                                "\"num_key_value_heads\": 4, \"hidden_size\": 8}");
    make(&made, scratch, "transformers");
    metadata = write_json(&made);
    check_text(metadata, "model_info.architecture", "\"Unknown\"");
    check_text(metadata, "model_info.hidden_size", "8");
    assert_null(fletch_json_at(metadata, "model_info.rope_theta"));
    assert_null(fletch_json_at(metadata, "model_info.num_key_value_heads"));
    json_decref(metadata);
    made.model->model_class = fletch_family_model_class(made.model->family, "mpnet");
    json_decref(made.model->config);
    made.model->config = json_pack("{s[s]}", "architectures", "MPNetForCausalLM");
    metadata = write_json(&made);
    check_text(metadata, "model_info.architecture", "\"MPNetModel\"");
    check_text(metadata, "model_info.vocab_size", "30527");
    json_decref(metadata);
    release(&made);
}

static void whisper_must_state_its_values(void **state)
{
    struct fletch_model model = { .config_path = "config.json", .config_stated = true };
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_family_find(&model.family, "whisper", &err), err);
    model.model_class = model.family->classes;
    model.config = json_pack("{si}", "num_mel_bins", 80);
    assert_fails(fletch_model_check_config(&model, &err), FLETCH_ERR_FORMAT, err,
                 "config.json: no d_model, which a model of this kind must state");
    json_decref(model.config);
}

/* vision_config_dict replaces vision_config as a whole, class defaults included. */
static void old_clip_configs(void **state)
{
    struct fletch_model model = { .config_path = "config.json", .config_stated = true };
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_family_find(&model.family, "clip", &err), err);
    model.model_class = model.family->classes;
    model.config = json_pack("{s{si,si},s{si}}", "vision_config", "hidden_size", 999,
                             "patch_size", 7, "vision_config_dict", "hidden_size", 24);
    assert_ok(fletch_model_check_config(&model, &err), err);
    assert_int_equal(fletch_family_count(model.model_class, "hidden_size", model.config),
                     24);
    assert_int_equal(fletch_family_count(model.model_class, "patch_size", model.config),
                     32);
    assert_int_equal(fletch_family_count(model.model_class, "projection_dim", model.config),
                     512);
    json_object_set_new(model.config, "vision_config_dict", json_null());
    assert_int_equal(fletch_family_count(model.model_class, "hidden_size", model.config),
                     999);
    json_object_set_new(model.config, "vision_config", json_string("none"));
    assert_fails(fletch_model_check_config(&model, &err), FLETCH_ERR_FORMAT, err,
                 "config.json: vision_config is a string, expected an object");
    json_decref(model.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_info),
        cmocka_unit_test(keys_of_each_layout),
        cmocka_unit_test_setup_teardown(exact_text, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(paths_as_python_has_them, make_scratch,
                                        remove_scratch),
        cmocka_unit_test(pipeline),
        cmocka_unit_test_setup_teardown(refuses_wrong_types, make_scratch, remove_scratch),
        cmocka_unit_test_setup_teardown(never_names_a_decoder, make_scratch,
                                        remove_scratch),
        cmocka_unit_test(whisper_must_state_its_values),
        cmocka_unit_test(old_clip_configs),
    };

    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
