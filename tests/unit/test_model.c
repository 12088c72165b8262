/* SPDX-License-Identifier: MIT */
/* test_model.c - models on disk: folders, files, pipelines, and what is wrong with some */
#include "support.h"

#include "model/model.h"

#define GOLDEN FLETCH_TEST_DATA "/golden/"
#define BERT "{\"model_type\": \"bert\", \"num_hidden_layers\": 0}"

static struct fletch_model *opened(const char *path, const char *family)
{
    struct fletch_model *model = NULL;
    const struct fletch_options options = { .family = family };
    struct fletch_error err;

    assert_ok(fletch_model_open(&model, path, &options, &err), err);
    return model;
}

static void refused(const char *path, const char *family, enum fletch_status status,
                    const char *sentence)
{
    struct fletch_model *model = NULL;
    const struct fletch_options options = { .family = family };
    struct fletch_error err;

    assert_fails(fletch_model_open(&model, path, &options, &err), status, err, sentence);
    assert_null(model);
}

/* A safetensors file with one float32 of that name. */
static void put_weights(const char *path, const char *tensor)
{
    uint8_t bytes[512] = { 0 };
    int len = snprintf((char *)bytes + 8, sizeof(bytes) - 8,
                       "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                       tensor);

    bytes[0] = (uint8_t)len;
    put_bytes(path, bytes, 8 + (size_t)len + 4);
}

static void put_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0777), 0);
}

#define WORDS "embeddings.word_embeddings.weight"

/* ---- Plain folders and files ---- */

static void folder(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_text(at("config.json"), BERT);
    put_weights(at("model.safetensors"), WORDS);
    model = opened(at(""), NULL);
    assert_string_equal(model->name, at(""));
    assert_string_equal(model->folder, scratch);
    assert_string_equal(model->model_type, "bert");
    assert_string_equal(model->family->name, "bert");
    assert_string_equal(model->evidence, "config.json: model_type \"bert\"");
    assert_int_equal(model->parts_count, 1);
    assert_int_equal(model->modules_count, 0);
    assert_int_equal(fletch_model_dimension(model), 768);
    assert_int_equal(fletch_model_max_seq_length(model), 512);
    fletch_model_close(model);
    fletch_model_close(NULL);
}

static void single_file(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_weights(at("w.safetensors"), WORDS);
    model = opened(at("w.safetensors"), "bert");
    assert_null(model->config);
    assert_string_equal(model->model_type, "");
    assert_string_equal(model->evidence, "as asked for");
    assert_int_equal(fletch_model_dimension(model), -1);
    assert_int_equal(fletch_model_max_seq_length(model), -1);
    fletch_model_close(model);
    put_text(at("config.json"), "{\"model_type\": \"xlm-roberta\"}");
    model = opened(at("w.safetensors"), NULL);
    assert_string_equal(model->member->model_type, "xlm-roberta");
    fletch_model_close(model);
}

static void refused_unsaid(const char *path, const char *family, const char *sentence)
{
    struct fletch_model *model = opened(path, family);
    struct fletch_error err;

    assert_fails(fletch_model_check_said(model, &err), FLETCH_ERR_NOT_FOUND, err, sentence);
    fletch_model_close(model);
}

static void towers_need_their_config(void **state)
{
    (void)state;
    put_weights(at("w.safetensors"), "vision_model.x");
    refused_unsaid(at("w.safetensors"), "clip",
                   "w.safetensors: without a config.json nothing tells image_size, "
                   "patch_size, hidden_size, num_layers, num_attention_heads, "
                   "intermediate_size, layer_norm_eps, projection_dim: add --set "
                   "image_size=N --set patch_size=N --set hidden_size=N --set "
                   "num_layers=N --set num_attention_heads=N --set intermediate_size=N "
                   "--set layer_norm_eps=N --set projection_dim=N");
}

static void config_may_name_the_weights(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_text(at("config.json"),
             "{\"model_type\": \"bert\", \"transformers_weights\": \"other.safetensors\"}");
    put_weights(at("other.safetensors"), WORDS);
    model = opened(scratch, NULL);
    assert_string_equal(model->parts[0].checkpoint->files[0].name, "other.safetensors");
    fletch_model_close(model);
    put_text(at("config.json"), "{\"transformers_weights\": \"../x.safetensors\"}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "transformers_weights is ../x.safetensors, expected the name of a file");
    put_text(at("config.json"), "{\"transformers_weights\": 1}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "transformers_weights is an integer, expected");
}

static void refuses_what_is_missing(void **state)
{
    (void)state;
    refused(at("nowhere"), NULL, FLETCH_ERR_NOT_FOUND,
            "/nowhere: no such file or folder, expected a model's folder or its weights "
            "file");
    put_weights(at("model.safetensors"), WORDS);
    refused(
        scratch, NULL, FLETCH_ERR_NOT_FOUND,
        "/config.json: no such file, expected in a model's folder; a weights file alone "
        "may be given by its own path");
}

static void refuses_bad_configs(void **state)
{
    (void)state;
    put_weights(at("model.safetensors"), WORDS);
    put_text(at("config.json"), "{\"model_type\": 7}");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "/config.json: model_type is an integer, expected a string");
    put_text(at("config.json"), "{\"model_type\": ");
    refused(scratch, NULL, FLETCH_ERR_FORMAT, "/config.json: ");
    put_text(at("config.json"), "[]");
    refused(scratch, NULL, FLETCH_ERR_FORMAT, "/config.json: ");
    put_text(at("config.json"), BERT);
    put_text(at("tokenizer_config.json"), "nothing");
    refused(scratch, NULL, FLETCH_ERR_FORMAT, "/tokenizer_config.json: ");
    put_text(at("adapter_config.json"), "{}");
    refused(
        scratch, NULL, FLETCH_ERR_UNSUPPORTED,
        "/adapter_config.json: a PEFT adapter, whose base model is elsewhere; merge the "
        "two first");
}

/* ---- sentence-transformers ---- */

static void golden_pipeline(void **state)
{
    struct fletch_model *model = opened(GOLDEN "st-dense/source", NULL);

    (void)state;
    assert_string_equal(model->family->name, "sentence-transformers");
    assert_string_equal(model->evidence, "modules.json beside model_type \"bert\"");
    assert_int_equal(model->modules_count, 4);
    assert_string_equal(model->modules[2].kind, "Dense");
    assert_string_equal(model->modules[2].folder, "2_Dense");
    assert_int_equal(model->parts_count, 2);
    assert_string_equal(model->parts[1].folder, "2_Dense");
    assert_int_equal(model->parts[1].checkpoint->tensors_count, 2);
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

static void other_classes_modules_do_not_count(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_text(at("config.json"), BERT);
    put_weights(at("model.safetensors"), WORDS);
    put_text(at("config_sentence_transformers.json"),
             "{\"model_type\": \"SparseEncoder\"}");
    put_text(at("modules.json"), "[{\"path\": \"\", \"type\": \"x.MLMTransformer\"}]");
    model = opened(scratch, NULL);
    assert_string_equal(model->family->name, "bert");
    assert_int_equal(model->modules_count, 0);
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
    assert_int_equal(model->parts_count, 3);
    assert_string_equal(model->parts[1].folder, "2_LayerNorm");
    assert_string_equal(model->parts[2].folder, "3_Own");
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
    check_modules("{}", FLETCH_ERR_FORMAT, "/modules.json: ");
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
    check_modules("[{\"type\": \"a.StaticEmbedding\", \"path\": \"0_S\"}]",
                  FLETCH_ERR_NOT_FOUND,
                  "/0_S/config.json: no such file; the first module of modules.json is a "
                  "StaticEmbedding, expected an encoder with a config.json");
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
    put_old_pipeline(FIRST POOLING "]");
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

#define SCRATCH_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(folder),
        SCRATCH_TEST(single_file),
        SCRATCH_TEST(towers_need_their_config),
        SCRATCH_TEST(config_may_name_the_weights),
        SCRATCH_TEST(refuses_what_is_missing),
        SCRATCH_TEST(refuses_bad_configs),
        cmocka_unit_test(golden_pipeline),
        SCRATCH_TEST(old_folders),
        SCRATCH_TEST(other_classes_modules_do_not_count),
        SCRATCH_TEST(modules_with_weights_are_parts),
        SCRATCH_TEST(refuses_bad_modules),
        SCRATCH_TEST(refuses_too_many_modules),
        SCRATCH_TEST(refuses_bad_module_configs),
        SCRATCH_TEST(file_of_a_pipeline),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
