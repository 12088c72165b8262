/* SPDX-License-Identifier: MIT */
/* test_model.c - models on disk: folders, files, and what is wrong with some */
#include "model_folders.h"

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
    assert_int_equal(model->components_count, 1);
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
    assert_string_equal(model->model_class->model_type, "xlm-roberta");
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
    assert_string_equal(model->components[0].checkpoint->files[0].name,
                        "other.safetensors");
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

/* {"a":[[[...]]]} */
static void put_nested(const char *path, size_t deep)
{
    char *text = malloc(2 * deep);

    assert_non_null(text);
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    memcpy(text, "{\"a\":", 5);
    text[2 * deep - 1] = '}';
    put_bytes(path, text, 2 * deep);
    free(text);
}

static void refuses_bad_configs(void **state)
{
    static const char *const texts[][2] = {
        { "{\"model_type\": 7}", "model_type is an integer, expected a string" },
        { "{\"model_type\": ", "line 1, column 16: found the end, expected a value" },
        { "[]", "/config.json: holds an array, expected an object" },
        { "", "/config.json: is empty, expected an object in JSON" },
        { "version https://git-lfs.github.com/spec/v1\n",
          "/config.json: is a Git LFS pointer, not the file: run git lfs pull" },
        { "<!doctype html>", "/config.json: is an HTML page, not the file" },
    };

    (void)state;
    put_weights(at("model.safetensors"), WORDS);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_text(at("config.json"), texts[i][0]);
        refused(scratch, NULL, FLETCH_ERR_FORMAT, texts[i][1]);
    }
    assert_int_equal(truncate(at("config.json"), (off_t)1 << 30), 0);
    refused(scratch, NULL, FLETCH_ERR_UNSUPPORTED,
            "/config.json: has 1073741824 bytes, the limit for such a file is 134217728 "
            "(FLETCH_JSON_SIZE_MAX)");
    put_nested(at("config.json"), 10000);
    refused(scratch, NULL, FLETCH_ERR_UNSUPPORTED,
            "/config.json: line 1, column 133: nested deeper than 128 levels, the limit "
            "(FLETCH_JSON_DEPTH_MAX)");
    assert_int_equal(unlink(at("config.json")), 0);
    put_folder("config.json");
    refused(scratch, NULL, FLETCH_ERR_FORMAT, "/config.json: is a folder, expected a file");
    assert_int_equal(rmdir(at("config.json")), 0);
    put_text(at("config.json"), BERT);
    put_text(at("tokenizer_config.json"), "nothing");
    refused(scratch, NULL, FLETCH_ERR_FORMAT,
            "/tokenizer_config.json: line 1, column 1: found 'n', expected a value");
    put_text(at("adapter_config.json"), "{}");
    refused(
        scratch, NULL, FLETCH_ERR_UNSUPPORTED,
        "/adapter_config.json: a PEFT adapter, whose base model is elsewhere; merge the "
        "two first");
    put_weights(at("adapter_model.safetensors"), "base_model.model.x.lora_A.weight");
    refused(at("adapter_model.safetensors"), NULL, FLETCH_ERR_UNSUPPORTED,
            "/adapter_model.safetensors: a PEFT adapter, whose base model is elsewhere; "
            "merge the two first");
}

#define SCRATCH_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

/* ---- What is set ---- */

static void refused_set(const char *path, const char *family, const char *setting,
                        const char *sentence)
{
    const char *const set[] = { setting, NULL };
    const struct fletch_options options = { .family = family, .set = set };
    struct fletch_model *model = NULL;
    struct fletch_error err;

    assert_fails(fletch_model_open(&model, path, &options, &err), FLETCH_ERR_ARGUMENT, err,
                 sentence);
    assert_null(model);
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static void settings(void **state)
{
    static const char *const set[] = { "num_attention_heads=4",        "pad_token_id=0",
                                       "architecture=BertForMaskedLM", "max_seq_len=64",
                                       "num_attention_heads=2",        NULL };
    const struct fletch_options options = { .set = set, .cancel = never, .user = &state };
    struct fletch_model *model;
    struct fletch_error err;

    (void)state;
    put_text(at("config.json"), BERT);
    put_weights(at("model.safetensors"), WORDS);
    assert_ok(fletch_model_open(&model, scratch, &options, &err), err);
    assert_int_equal(
        fletch_family_count(model->model_class, "num_attention_heads", model->config), 2);
    assert_int_equal(fletch_model_max_seq_length(model), 64);
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(model->config, "architectures"), 0)),
                        "BertForMaskedLM");
    assert_int_equal(json_object_size(model->set), 4);
    /* for when tensors are read, of compressed members */
    assert_ptr_equal(model->components[0].checkpoint->cancel.ask, never);
    assert_ptr_equal(model->components[0].checkpoint->cancel.user, &state);
    fletch_model_close(model);
    refused_set(scratch, NULL, "heads=12",
                "--set heads: no key that counts for a bert model, expected one of "
                "hidden_size, num_attention_heads, intermediate_size, num_hidden_layers, "
                "vocab_size, max_position_embeddings, layer_norm_eps, architecture, "
                "max_seq_length, pad_token_id, model_type");
    refused_set(scratch, NULL, "num_attention_heads",
                "--set num_attention_heads: expected KEY=VALUE, as in "
                "num_attention_heads=12");
    refused_set(scratch, NULL, "=12",
                "--set =12: expected KEY=VALUE, as in num_attention_heads=12");
    refused_set(scratch, NULL, "num_attention_heads=twelve",
                "--set num_attention_heads: num_attention_heads is a string, expected an "
                "integer");
    refused_set(scratch, NULL, "num_attention_heads=0",
                "--set num_attention_heads: num_attention_heads is 0, expected 1 to "
                "2147483647");
    refused_set(scratch, NULL, "layer_norm_eps=-1",
                "--set layer_norm_eps: layer_norm_eps is -1, expected at least 0");
    refused_set(scratch, NULL, "pad_token_id=-1",
                "--set pad_token_id: expected an integer from 0 to 2147483647");
    refused_set(scratch, NULL, "architecture=3",
                "--set architecture: is an integer, expected a string");
    refused_set(scratch, NULL, "model_type=3",
                "--set model_type: is an integer, expected a string");
    refused_set(scratch, NULL, "hidden_size=\xff", "--set: a key or value is not UTF-8");
}

static void settings_of_towers(void **state)
{
    static const char *const set[] = { "vision_config.patch_size=7", "projection_dim=9",
                                       NULL };
    const struct fletch_options options = { .family = "clip", .set = set };
    struct fletch_model *model;
    struct fletch_error err;

    (void)state;
    put_weights(at("w.safetensors"), "vision_model.x");
    assert_ok(fletch_model_open(&model, at("w.safetensors"), &options, &err), err);
    assert_int_equal(fletch_family_count(model->model_class, "patch_size", model->config),
                     7);
    assert_int_equal(
        fletch_family_count(model->model_class, "projection_dim", model->config), 9);
    fletch_model_close(model);
    /* the old dict replaces the other as a whole: it is where a value must go */
    put_text(at("config.json"),
             "{\"model_type\": \"clip\", \"vision_config\": {\"patch_size\""
             ": 4}, \"vision_config_dict\": {\"hidden_size\": 24}}");
    assert_ok(fletch_model_open(&model, at("w.safetensors"), &options, &err), err);
    assert_int_equal(fletch_family_count(model->model_class, "patch_size", model->config),
                     7);
    fletch_model_close(model);
    refused_set(
        at("w.safetensors"), "clip", "max_seq_length=77",
        "--set max_seq_length: no key that counts for a clip model, expected one of "
        "image_size, patch_size, hidden_size, num_layers, num_attention_heads, "
        "intermediate_size, layer_norm_eps, projection_dim, model_type");
}

static void set_model_type_decides(void **state)
{
    static const char *const set[] = { "model_type=xlm-roberta", NULL };
    const struct fletch_options options = { .set = set };
    struct fletch_model *model;
    struct fletch_error err;

    (void)state;
    put_weights(at("w.safetensors"), WORDS);
    assert_ok(fletch_model_open(&model, at("w.safetensors"), &options, &err), err);
    assert_string_equal(model->model_class->model_type, "xlm-roberta");
    assert_string_equal(model->evidence, "set: model_type \"xlm-roberta\"");
    fletch_model_close(model);
}

/* ---- Other projects' words ---- */

/* A safetensors file from its header and as many bytes 0, 1, 2, ... as that says. */
static void put_tensors(const char *path, const char *header, size_t size)
{
    uint8_t bytes[1024] = { 0 };
    size_t len = strlen(header);

    bytes[0] = (uint8_t)(len & 255);
    bytes[1] = (uint8_t)(len >> 8);
    memcpy(bytes + 8, header, len);
    for (size_t i = 0; i < size; i++)
        bytes[8 + len + i] = (uint8_t)i;
    put_bytes(path, bytes, 8 + len + size);
}

#define CLIP_WORDS(proj)                                                                   \
    "{\"visual.conv1.weight\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1],"                      \
    "\"data_offsets\":[0,1]},"                                                             \
    "\"visual.transformer.resblocks.0.attn.in_proj_weight\":{\"dtype\":\"U8\","            \
    "\"shape\":[6,2],\"data_offsets\":[1,13]},"                                            \
    "\"" proj "\":{\"dtype\":\"U8\",\"shape\":[2,3],\"data_offsets\":[13,19]}}"

static void check_tensor(const struct fletch_model *model, const char *name,
                         const char *origin, const char *taken, const char *bytes)
{
    const struct fletch_checkpoint *checkpoint = model->components[0].checkpoint;
    const struct fletch_tensor *tensor = fletch_checkpoint_find(checkpoint, name);
    struct fletch_error err;
    uint8_t out[16];

    assert_non_null(tensor);
    assert_string_equal(tensor->origin, origin);
    assert_string_equal(tensor->taken, taken);
    assert_int_equal(tensor->size, strlen(bytes));
    assert_ok(fletch_tensor_read(checkpoint, tensor, 0, out, tensor->size, &err), err);
    assert_memory_equal(out, bytes, tensor->size);
}

#define FUSED "visual.transformer.resblocks.0.attn.in_proj_weight"
#define LAYER "vision_model.encoder.layers.0.self_attn."

static void translated(void **state)
{
    struct fletch_model *model;

    (void)state;
    put_tensors(at("w.safetensors"), CLIP_WORDS("visual.proj"), 19);
    model = opened(at("w.safetensors"), NULL);
    assert_string_equal(model->family->name, "clip");
    assert_string_equal(model->dialect->name, "openai-clip");
    assert_string_equal(model->evidence,
                        "CLIP as OpenAI's project saves it, config from the shapes");
    assert_int_equal(model->components[0].checkpoint->tensors_count, 5);
    check_tensor(model, LAYER "q_proj.weight", FUSED, "rows 0 to 2 of 6", "\1\2\3\4");
    check_tensor(model, LAYER "k_proj.weight", FUSED, "rows 2 to 4 of 6", "\5\6\7\10");
    check_tensor(model, LAYER "v_proj.weight", FUSED, "rows 4 to 6 of 6", "\11\12\13\14");
    check_tensor(model, "visual_projection.weight", "visual.proj", "transposed",
                 "\15\20\16\21\17\22");
    fletch_model_close(model);
    /* its own words are kept for whoever asks for them */
    model = opened(at("w.safetensors"), "transformers");
    assert_null(model->dialect);
    assert_non_null(fletch_checkpoint_find(model->components[0].checkpoint, FUSED));
    fletch_model_close(model);
}

static void translated_twice(void **state)
{
    (void)state;
    put_tensors(at("w.safetensors"), CLIP_WORDS(LAYER "q_proj.weight"), 19);
    refused(at("w.safetensors"), NULL, FLETCH_ERR_FORMAT,
            "w.safetensors: tensors '" LAYER "q_proj.weight' and '" FUSED
            "' would both be '" LAYER "q_proj.weight'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(folder),
        SCRATCH_TEST(single_file),
        SCRATCH_TEST(towers_need_their_config),
        SCRATCH_TEST(config_may_name_the_weights),
        SCRATCH_TEST(settings),
        SCRATCH_TEST(settings_of_towers),
        SCRATCH_TEST(set_model_type_decides),
        SCRATCH_TEST(translated),
        SCRATCH_TEST(translated_twice),
        SCRATCH_TEST(refuses_what_is_missing),
        SCRATCH_TEST(refuses_bad_configs),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
