/* SPDX-License-Identifier: MIT */
/* test_modules.c - sentence-transformers pipelines: their modules, and what is wrong with
 * some */
#include "model_folders.h"

static void golden_pipeline(void **state)
{
    struct fletch_model *model = opened(GOLDEN "st-dense/source", NULL);

    (void)state;
    assert_string_equal(model->family->name, "sentence-transformers");
    assert_string_equal(model->evidence, "modules.json beside model_type \"bert\"");
    assert_int_equal(model->modules_count, 4);
    assert_string_equal(model->modules[2].kind, "Dense");
    assert_string_equal(model->modules[2].folder, "2_Dense");
    assert_int_equal(model->components_count, 2);
    assert_string_equal(model->components[1].folder, "2_Dense");
    assert_int_equal(model->components[1].checkpoint->tensors_count, 2);
    assert_int_equal(fletch_model_dimension(model), 24);
    assert_int_equal(fletch_model_max_seq_length(model), 48);
    assert_string_equal(fletch_module_pooling(&model->modules[1], 0), "cls");
    assert_string_equal(fletch_module_pooling(&model->modules[1], 1), "mean");
    assert_null(fletch_module_pooling(&model->modules[1], 2));
    fletch_model_close(model);
}

/* What a folder of before 2021 looks like: the encoder in a folder of its own. */
static void put_old_pipeline(const char *modules)
{
    put_folder("0_BERT");
    put_text(at("0_BERT/config.json"), "{\"model_type\": \"bert\", \"hidden_size\": 32,"
                                       "\"max_position_embeddings\": 100}");
    put_weights(at("0_BERT/model.safetensors"), WORDS);
    put_folder("1_Pooling");
    put_text(at("1_Pooling/config.json"), "{\"word_embedding_dimension\": 32}");
    put_text(at("modules.json"), modules);
}

#define FIRST                                                                              \
    "[{\"idx\": 0, \"path\": \"0_BERT\", \"type\": \"sentence_transformers.models.BERT\"}"
#define POOLING                                                                            \
    ", {\"path\": \"1_Pooling/\", \"type\": \"sentence_transformers.models.Pooling\"}"

static void old_folders(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_old_pipeline(FIRST POOLING "]");
    model = opened(scratch, NULL);
    assert_string_equal(model->encoder_folder, at("0_BERT"));
    assert_string_equal(model->modules[1].folder, "1_Pooling");
    assert_int_equal(fletch_model_dimension(model), 32);
    assert_int_equal(fletch_model_max_seq_length(model), 100);
    fletch_model_close(model);
    put_text(at("0_BERT/tokenizer_config.json"), "{\"model_max_length\": 90}");
    model = opened(scratch, NULL);
    assert_int_equal(fletch_model_max_seq_length(model), 90);
    fletch_model_close(model);
    put_text(at("0_BERT/sentence_bert_config.json"), "{}");
    put_text(at("0_BERT/sentence_roberta_config.json"), "{\"max_seq_length\": 200}");
    model = opened(scratch, NULL);
    assert_int_equal(fletch_model_max_seq_length(model), 200);
    fletch_model_close(model);
}

static void other_classes_modules_count(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_text(at("config.json"), BERT);
    put_weights(at("model.safetensors"), WORDS);
    put_text(at("config_sentence_transformers.json"),
             "{\"model_type\": \"SparseEncoder\"}");
    put_text(at("modules.json"), "[{\"path\": \"\", \"type\": \"x.MLMTransformer\"}]");
    model = opened(scratch, NULL);
    assert_string_equal(model->family->name, "sentence-transformers");
    assert_int_equal(model->modules_count, 1);
    fletch_model_close(model);
}

/* ---- Routers ---- */

#define DENSE_CONFIG "{\"in_features\": 32, \"out_features\": 8}"

static void modules_inside_modules(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_old_pipeline(FIRST POOLING ", {\"path\": \"2_R\", \"type\": \"x.Router\"},"
                                   "{\"path\": \"3_N\", \"type\": \"Normalize\"}]");
    put_folder("2_R");
    refused(scratch, NULL, FLETCH_ERR_NOT_FOUND, "/2_R/router_config.json: no such file");
    put_text(at("2_R/router_config.json"), "{\"types\": 7}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "types is an integer, expected an object of the Router's modules");
    put_text(at("2_R/router_config.json"), "{\"types\": {\"../q\": \"Dense\"}}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "types: '../q' is a string, expected a folder");
    put_text(at("2_R/router_config.json"),
             "{\"types\": {\"q\": \"x.Dense\", \"d\": \"x.Router\"},"
             "\"structure\": {\"query\": [\"q\"], \"document\": [\"d\"]},"
             "\"parameters\": {\"default_route\": \"query\"}}");
    put_folder("2_R/q");
    put_text(at("2_R/q/config.json"), DENSE_CONFIG);
    put_weights(at("2_R/q/model.safetensors"), "linear.weight");
    put_folder("2_R/d");
    put_text(at("2_R/d/router_config.json"), "{\"types\": {\"e\": \"own.Thing\"}}");
    put_folder("2_R/d/e");
    put_weights(at("2_R/d/e/model.safetensors"), "own.weight");
    put_text(at("2_R/d/e/thing_config.json"), "{\"a\": 1}");
    model = opened(scratch, NULL);
    assert_int_equal(model->modules_count, 7);
    assert_string_equal(model->modules[6].folder, "3_N");
    assert_int_equal(model->components_count, 3);
    assert_string_equal(model->components[1].folder, "2_R/q");
    assert_string_equal(model->components[2].folder, "2_R/d/e");
    assert_string_equal(model->modules[5].config_name, "thing_config.json");
    assert_int_equal(fletch_model_dimension(model), 8);
    fletch_model_close(model);
}

static void routers_have_a_limit(void **state)
{
    struct fletch_buf text = { 0 };

    (void)state;
    put_old_pipeline(FIRST ", {\"path\": \"1_R\", \"type\": \"x.Asym\"}]");
    put_folder("1_R");
    fletch_buf_put_text(&text, "{\"types\": {");
    for (int i = 0; i < FLETCH_MODULES_MAX - 1; i++)
        fletch_buf_format(&text, "%s\"m%d\": \"x.Normalize\"", i ? "," : "", i);
    fletch_buf_put_text(&text, "}}");
    fletch_buf_put_u8(&text, 0);
    put_text(at("1_R/config.json"), (const char *)text.bytes);
    refused(scratch, NULL, FLETCH_ERR_UNSUPPORTED,
            "1_R/config.json: 63 modules more, the limit is 64 (FLETCH_MODULES_MAX)");
    fletch_buf_release(&text);
}

static void encoders_behind_a_router(void **state)
{
    static const char *const folders[] = { "q", "d" };
    struct fletch_model *model;

    (void)state;
    put_text(at("modules.json"), "[{\"path\": \"\", \"type\": \"x.Router\"}]");
    put_text(at("router_config.json"),
             "{\"types\": {\"q\": \"x.Transformer\", \"d\": \"x.MLMTransformer\"},"
             "\"structure\": {\"query\": [\"q\"], \"document\": [\"d\"]},"
             "\"parameters\": {\"default_route\": \"document\"}}");
    for (size_t i = 0; i < 2; i++) {
        char path[64];

        put_folder(folders[i]);
        snprintf(path, sizeof(path), "%s/config.json", folders[i]);
        put_text(at(path), BERT);
        snprintf(path, sizeof(path), "%s/model.safetensors", folders[i]);
        put_weights(at(path), WORDS);
    }
    model = opened(scratch, NULL);
    assert_int_equal(model->encoder, 2);
    assert_string_equal(model->encoder_folder, at("d"));
    assert_int_equal(model->components_count, 2);
    assert_string_equal(model->components[1].folder, "q");
    fletch_model_close(model);
}

static void modules_with_weights_are_parts(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_old_pipeline(FIRST POOLING ", {\"path\": \"2_LayerNorm\", \"type\": \"LayerNorm\"},"
                                   "{\"path\": \"3_Own\", \"type\": \"own.Thing\"},"
                                   "{\"path\": \"4_Normalize\", \"type\": \"Normalize\"}]");
    put_folder("2_LayerNorm");
    put_text(at("2_LayerNorm/config.json"), "{\"dimension\": 16}");
    refused(scratch, NULL, FLETCH_ERR_NOT_FOUND, "2_LayerNorm");
    put_weights(at("2_LayerNorm/model.safetensors"), "norm.weight");
    put_folder("3_Own");
    put_weights(at("3_Own/model.safetensors"), "own.weight");
    model = opened(scratch, NULL);
    assert_int_equal(model->components_count, 3);
    assert_string_equal(model->components[1].folder, "2_LayerNorm");
    assert_string_equal(model->components[2].folder, "3_Own");
    assert_int_equal(fletch_model_dimension(model), 16);
    fletch_model_close(model);
}

static void check_modules(const char *modules, enum fletch_status status,
                          const char *sentence)
{
    put_text(at("modules.json"), modules);
    refused(scratch, NULL, status, sentence);
}

static void refuses_bad_modules(void **state)
{
    (void)state;
    put_old_pipeline("[]");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "/modules.json: no modules, expected at least one");
    check_modules("{}", FLETCH_ERR_FORMAT,
                  "/modules.json: holds an object, expected an array");
    check_modules("[7]", FLETCH_ERR_FORMAT,
                  "/modules.json: entry 0 is an integer, expected an object");
    check_modules("[{\"path\": \"\"}]", FLETCH_ERR_FORMAT,
                  "entry 0: type is nothing, expected the name of a class");
    check_modules("[{\"type\": \"x\"}]", FLETCH_ERR_FORMAT,
                  "entry 0: path is nothing, expected a string");
    check_modules("[{\"type\": \"x\", \"path\": \"../x\"}]", FLETCH_ERR_FORMAT,
                  "entry 0: path is '../x', expected a folder below the model's");
    check_modules("[{\"type\": \"x\", \"path\": \"/etc\"}]", FLETCH_ERR_FORMAT,
                  "entry 0: path is '/etc', expected a folder below the model's");
    check_modules("[{\"type\": \"a.Normalize\", \"path\": \"0_S\"}]", FLETCH_ERR_NOT_FOUND,
                  "/0_S/config.json: no such file; the first module of modules.json is a "
                  "Normalize, expected an encoder with a config.json");
}

static void refuses_too_many_modules(void **state)
{
    struct fletch_buf text = { 0 };

    (void)state;
    fletch_buf_put_text(&text, FIRST);
    for (int i = 0; i < FLETCH_MODULES_MAX; i++)
        fletch_buf_put_text(&text, POOLING);
    fletch_buf_put(&text, "]", sizeof("]"));
    assert_false(text.failed);
    put_old_pipeline((const char *)text.bytes);
    fletch_buf_release(&text);
    refused(scratch, NULL, FLETCH_ERR_UNSUPPORTED,
            "/modules.json: 65 modules, the limit is 64 (FLETCH_MODULES_MAX)");
}

static void refuses_bad_module_configs(void **state)
{
    (void)state;
    put_old_pipeline(FIRST POOLING ", {\"path\": \"2_Dense\", \"type\": \"x.Dense\"}]");
    refused(scratch, NULL, FLETCH_ERR_NOT_FOUND,
            "/2_Dense/config.json: no such file; modules.json says that a Dense is there");
    put_text(at("2_Dense"), "x");
    refused(scratch, NULL, FLETCH_ERR_FORMAT, "/2_Dense: is a file, expected a folder");
    put_text(at("modules.json"), FIRST POOLING "]");
    put_text(at("1_Pooling/config.json"), "{\"word_embedding_dimension\": \"32\"}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "/1_Pooling/config.json: word_embedding_dimension is a string, expected an "
            "integer");
    put_text(at("1_Pooling/config.json"), "{\"word_embedding_dimension\": 0}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "word_embedding_dimension is 0, expected 1 to 2147483647");
    put_text(at("1_Pooling/config.json"),
             "{\"word_embedding_dimension\": 3, \"pooling_mode_cls_token\": 1}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "pooling_mode_cls_token is an integer, expected true or false");
    put_text(at("1_Pooling/config.json"), "{\"word_embedding_dimension\": 3}");
    put_text(at("0_BERT/sentence_bert_config.json"), "{\"max_seq_length\": -3}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "sentence_bert_config.json: max_seq_length is -3, expected 1 to 2147483647");
}

/* A weights file that is named is the model, not the pipeline around it. */
static void file_of_a_pipeline(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_old_pipeline(FIRST POOLING "]");
    put_weights(at("model.safetensors"), WORDS);
    model = opened(at("model.safetensors"), "bert");
    assert_int_equal(model->modules_count, 0);
    assert_string_equal(model->encoder_folder, scratch);
    fletch_model_close(model);
}

/* ---- As the library saves them since 5.4 ---- */

static void check_modes(const char *config, const char *modes, int64_t dimension)
{
    struct fletch_model *model;
    char found[128] = "";
    const char *mode;

    put_text(at("1_Pooling/config.json"), config);
    model = opened(scratch, NULL);
    for (size_t i = 0; (mode = fletch_module_pooling(&model->modules[1], i)); i++)
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s ", mode);
    assert_string_equal(found, modes);
    assert_int_equal(fletch_model_dimension(model), dimension);
    fletch_model_close(model);
}

static void check_pooling_refused(const char *config, const char *sentence)
{
    put_text(at("1_Pooling/config.json"), config);
    refused(scratch, NULL, FLETCH_ERR_FORMAT, sentence);
}

static void pooling_by_name(void **state)
{
    (void)state;
    put_old_pipeline("[{\"path\": \"0_BERT\", \"type\": "
                     "\"sentence_transformers.base.modules.transformer.Transformer\"},"
                     "{\"path\": \"1_Pooling\", \"type\": \"sentence_transformers."
                     "sentence_transformer.modules.pooling.Pooling\"}]");
    check_modes("{\"embedding_dimension\": 32, \"pooling_mode\": \"lasttoken\","
                "\"include_prompt\": true}",
                "lasttoken ", 32);
    /* the order is the list's, not that of the flags */
    check_modes("{\"embedding_dimension\": 32, \"pooling_mode\":"
                "[\"mean_sqrt_len_tokens\", \"cls\"]}",
                "mean_sqrt_len cls ", 64);
    check_modes("{\"embedding_dimension\": 32}", "mean ", 32);
    /* both spellings: the name counts */
    check_modes("{\"word_embedding_dimension\": 16, \"pooling_mode\": \"max\","
                "\"pooling_mode_cls_token\": true}",
                "max ", 16);
    check_pooling_refused("{\"embedding_dimension\": 32, \"pooling_mode\": \"median\"}",
                          "pooling_mode is 'median', expected cls, max, mean, "
                          "mean_sqrt_len_tokens, weightedmean or lasttoken");
    check_pooling_refused("{\"embedding_dimension\": 32, \"pooling_mode\": []}",
                          "pooling_mode is empty, expected one mode at least");
    check_pooling_refused("{\"embedding_dimension\": 32, \"pooling_mode\": [1]}",
                          "pooling_mode is an integer, expected a string or an array of "
                          "strings");
    check_pooling_refused("{\"embedding_dimension\": \"32\"}",
                          "embedding_dimension is a string, expected an integer");
}

#define SCRATCH_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_pipeline),
        SCRATCH_TEST(old_folders),
        SCRATCH_TEST(other_classes_modules_count),
        SCRATCH_TEST(modules_inside_modules),
        SCRATCH_TEST(routers_have_a_limit),
        SCRATCH_TEST(encoders_behind_a_router),
        SCRATCH_TEST(modules_with_weights_are_parts),
        SCRATCH_TEST(refuses_bad_modules),
        SCRATCH_TEST(refuses_too_many_modules),
        SCRATCH_TEST(refuses_bad_module_configs),
        SCRATCH_TEST(file_of_a_pipeline),
        SCRATCH_TEST(pooling_by_name),
    };

    return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
