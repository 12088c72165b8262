/* SPDX-License-Identifier: MIT */
/* test_dialect.c - other projects' words: recognised, renamed, split, transposed, refused
 */
#include "support.h"

#include "base/mem.h"
#include "family/dialect.h"

#define TENSORS_MAX 32

/* Tensors as text: "visual.conv1.weight 64x3x4x4", "logit_scale". */
struct words {
    struct fletch_arena arena;
    struct fletch_shape tensors[TENSORS_MAX];
    struct fletch_dialect_input input;
    json_t *facts, *file;
};

static struct fletch_shape parse(struct fletch_arena *arena, const char *text)
{
    size_t len = strcspn(text, " ");
    struct fletch_shape shape = { .name = fletch_arena_text(arena, text, len) };
    uint64_t *dims = fletch_arena_alloc_array(arena, 8, sizeof(*dims));
    const char *at = text + len;

    while (*at) {
        char *end;

        dims[shape.rank++] = strtoull(at + 1, &end, 10);
        at = end;
    }
    shape.dims = dims;
    return shape;
}

static void say(struct words *words, const char *const *texts, const char *facts,
                const char *file)
{
    struct fletch_error err;

    *words = (struct words){ .facts = NULL };
    for (size_t i = 0; texts[i]; i++) {
        assert_true(i < TENSORS_MAX);
        words->tensors[i] = parse(&words->arena, texts[i]);
        words->input.count++;
    }
    if (facts)
        assert_ok(fletch_json_parse(&words->facts, facts, strlen(facts), false, &err), err);
    if (file)
        assert_ok(fletch_json_parse(&words->file, file, strlen(file), false, &err), err);
    words->input.tensors = words->tensors;
    words->input.facts = words->facts;
    words->input.file = words->file;
}

static void release(struct words *words)
{
    json_decref(words->facts);
    json_decref(words->file);
    fletch_arena_release(&words->arena);
}

static const struct fletch_dialect *named(const char *name)
{
    const struct fletch_dialect *dialect;

    for (size_t i = 0; (dialect = fletch_dialect_get(i)); i++)
        if (dialect->name && !strcmp(dialect->name, name))
            return dialect;
    fail_msg("there is no dialect '%s'", name);
    return NULL;
}

/* The first dialect that fits, as it is called in tests; "" for none. */
static const char *found(const struct words *words, const char **prefix)
{
    const struct fletch_dialect *dialect;

    for (size_t i = 0; (dialect = fletch_dialect_get(i)); i++)
        if (fletch_dialect_fits(prefix, dialect, &words->input))
            return dialect->name ? dialect->name : dialect->title;
    return "";
}

/* ---- Tables ---- */

static const char *const clip_words[] = {
    "visual.class_embedding 128",
    "visual.positional_embedding 17x128",
    "visual.conv1.weight 128x3x4x4",
    "visual.proj 128x20",
    "visual.transformer.resblocks.0.attn.in_proj_weight 384x128",
    "visual.transformer.resblocks.10.attn.in_proj_weight 384x128",
    "visual.transformer.resblocks.10.mlp.c_fc.weight 512x128",
    "ln_final.weight 16",
    NULL,
};

static const char *const whisper_words[] = {
    "encoder.conv1.weight 16x8x3",
    "encoder.positional_embedding 24x16",
    "encoder.blocks.0.attn.query.weight 16x16",
    "encoder.blocks.1.attn.query.weight 16x16",
    "encoder.blocks.1.mlp.0.weight 32x16",
    NULL,
};

static const char *const bert_words[] = {
    "bert.embeddings.word_embeddings.weight 103x8",
    "bert.embeddings.position_embeddings.weight 64x8",
    "bert.encoder.layer.3.intermediate.dense.weight 48x32",
    NULL,
};

static const char *const google_words[] = {
    "embeddings.word_embeddings.weight 103x32",
    "embeddings.LayerNorm.gamma 32",
    "encoder.layer.0.intermediate.dense.weight 48x32",
    NULL,
};

static const char *const tower_words[] = {
    "embeddings.patch_embedding.weight 128x3x4x4",
    "embeddings.position_embedding.weight 17x128",
    "embeddings.class_embedding 128",
    "encoder.layers.10.self_attn.q_proj.weight 128x128",
    "encoder.layers.0.mlp.fc1.weight 512x128",
    NULL,
};

static void tables_are_whole(void **state)
{
    const struct fletch_dialect *dialect;

    (void)state;
    for (size_t i = 0; (dialect = fletch_dialect_get(i)); i++) {
        assert_non_null(dialect->title);
        assert_non_null(dialect->required[0]);
        assert_non_null(dialect->fields);
        if (!dialect->name) {
            assert_null(dialect->rules);
            continue;
        }
        assert_non_null(dialect->family);
        assert_non_null(dialect->config_from);
        assert_non_null(fletch_family_model_class(dialect->family, dialect->model_type));
        for (const struct fletch_dialect_rule *rule = dialect->rules; rule->from; rule++)
            assert_true(rule->to[0] && !(rule->transpose && rule->to[1]));
    }
    assert_true(fletch_dialect_knows(named("open-clip"), "visual.proj"));
    dialect = named("openai-whisper");
    assert_true(fletch_dialect_knows(dialect, "decoder.blocks.3.cross_attn.query.bias"));
    assert_false(fletch_dialect_knows(dialect, "encoder.layers.0.fc1.weight"));
}

static void recognised_by_names(void **state)
{
    static const char *const wrapped[] = {
        "module.visual.conv1.weight 128x3x4x4",
        "module.visual.transformer.resblocks.0.attn.in_proj_weight 384x128",
        NULL,
    };
    static const char *const apart[] = {
        "visual.conv1.weight 128x3x4x4",
        "module.visual.transformer.resblocks.0.attn.in_proj_weight 384x128",
        NULL,
    };
    const char *prefix;
    struct words words;

    (void)state;
    say(&words, clip_words, NULL, NULL);
    assert_string_equal(found(&words, &prefix), "openai-clip");
    assert_string_equal(prefix, "");
    release(&words);
    say(&words, clip_words, NULL, "{}");
    assert_string_equal(found(&words, &prefix), "open-clip");
    release(&words);
    say(&words, whisper_words, NULL, NULL);
    assert_string_equal(found(&words, &prefix), "openai-whisper");
    release(&words);
    say(&words, bert_words, NULL, NULL);
    assert_string_equal(found(&words, &prefix), "BERT without a config.json");
    release(&words);
    say(&words, google_words, NULL, NULL);
    assert_string_equal(found(&words, &prefix),
                        "BERT of Google's code without a config.json");
    release(&words);
    say(&words, wrapped, NULL, NULL);
    assert_string_equal(found(&words, &prefix), "openai-clip");
    assert_string_equal(prefix, "module.");
    release(&words);
    say(&words, apart, NULL, NULL);
    assert_string_equal(found(&words, &prefix), "");
    release(&words);
}

/* ---- Names ---- */

static void check_render(const char *dialect, const char *prefix, const char *tensor,
                         bool transpose, const char *const *names)
{
    struct fletch_arena arena = { 0 };
    struct fletch_shape shape = parse(&arena, tensor);
    struct fletch_dialect_mapping mapping;
    struct fletch_error err;
    unsigned count = 0;

    assert_ok(fletch_dialect_map(&mapping, named(dialect), prefix, &shape, &arena, &err),
              err);
    while (names[count])
        count++;
    assert_int_equal(mapping.count, count);
    assert_int_equal(mapping.transpose, transpose);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(mapping.names[i], names[i]);
    fletch_arena_release(&arena);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void renamed_split_transposed(void **state)
{
    (void)state;
    check_render("openai-clip", "", "visual.ln_pre.bias 24", false,
                 NAMES("vision_model.pre_layrnorm.bias"));
    check_render("openai-clip", "",
                 "visual.transformer.resblocks.11.attn.in_proj_weight 72x24", false,
                 NAMES("vision_model.encoder.layers.11.self_attn.q_proj.weight",
                       "vision_model.encoder.layers.11.self_attn.k_proj.weight",
                       "vision_model.encoder.layers.11.self_attn.v_proj.weight"));
    check_render("openai-clip", "", "visual.proj 24x20", true,
                 NAMES("visual_projection.weight"));
    check_render("open-clip", "module.",
                 "module.text.transformer.resblocks.0.mlp.c_fc.bias 64", false,
                 NAMES("text_model.encoder.layers.0.mlp.fc1.bias"));
    check_render("open-clip", "", "text.transformer.embeddings.word_embeddings.weight 9x9",
                 false, NAMES("text_model.transformer.embeddings.word_embeddings.weight"));
    check_render("openai-whisper", "", "encoder.blocks.3.mlp.2.weight 16x64", false,
                 NAMES("encoder.layers.3.fc2.weight"));
    check_render("openai-whisper", "", "decoder.blocks.3.cross_attn_ln.bias 16", false,
                 NAMES("decoder.layers.3.encoder_attn_layer_norm.bias"));
    check_render("openai-whisper", "", "alignment_heads 4x6", false, NAMES(NULL));
    check_render("openai-whisper", "model.", "encoder.conv1.weight 16x8x3", false,
                 NAMES(NULL));
}

static void render_refused(const char *dialect, const char *tensor,
                           enum fletch_status status, const char *sentence)
{
    struct fletch_arena arena = { 0 };
    struct fletch_shape shape = parse(&arena, tensor);
    struct fletch_dialect_mapping mapping;
    struct fletch_error err;

    assert_fails(fletch_dialect_map(&mapping, named(dialect), "", &shape, &arena, &err),
                 status, err, sentence);
    fletch_arena_release(&arena);
}

static void shapes_that_cannot_be(void **state)
{
    (void)state;
    render_refused("openai-clip", "visual.proj 24", FLETCH_ERR_FORMAT,
                   "tensor 'visual.proj': 1 dimensions, expected 2, to be transposed into "
                   "'visual_projection.weight'");
    render_refused(
        "openai-clip", "visual.transformer.resblocks.0.attn.in_proj_bias 71",
        FLETCH_ERR_FORMAT,
        "tensor 'visual.transformer.resblocks.0.attn.in_proj_bias': its first "
        "dimension is 71, expected a multiple of 3: "
        "'vision_model.encoder.layers.0.self_attn.q_proj.bias' and 2 more are in "
        "it");
    render_refused(
        "openai-clip", "visual.transformer.resblocks.0.attn.in_proj_bias",
        FLETCH_ERR_FORMAT,
        "tensor 'visual.transformer.resblocks.0.attn.in_proj_bias': no "
        "dimensions, expected "
        "'vision_model.encoder.layers.0.self_attn.q_proj.bias' and 2 more in it");
    render_refused(
        "open-clip", "visual.ln_mid.weight 24", FLETCH_ERR_UNSUPPORTED,
        "tensor 'visual.ln_mid.weight': the dialect open-clip has no such tensor, "
        "so this is another kind of model: --type transformers keeps all tensors "
        "under their own names");
}

/* ---- Config ---- */

static void check_config(const char *dialect, const char *const *texts, const char *facts,
                         const char *file, const char *wanted)
{
    const struct fletch_dialect *chosen = NULL, *each;
    struct fletch_error err;
    struct words words;
    json_t *config, *expected;

    for (size_t i = 0; (each = fletch_dialect_get(i)) && !chosen; i++)
        if (!strcmp(each->name ? each->name : each->title, dialect))
            chosen = each;
    assert_non_null(chosen);
    say(&words, texts, facts, file);
    assert_ok(fletch_dialect_config(&config, chosen, "", &words.input, &err), err);
    assert_ok(fletch_json_parse(&expected, wanted, strlen(wanted), false, &err), err);
    if (!json_equal(config, expected)) {
        char *text = json_dumps(config, 0);

        print_message("%s\n", text);
        free(text);
        fail_msg("%s: expected %s", dialect, wanted);
    }
    json_decref(config);
    json_decref(expected);
    release(&words);
}

#define VISION                                                                             \
    "\"hidden_size\": 128, \"patch_size\": 4, \"image_size\": 16, "                        \
    "\"num_hidden_layers\": 11, \"intermediate_size\": 512, "

static void config_from_what_there_is(void **state)
{
    static const char *const wide[] = {
        "visual.conv1.weight 1280x3x14x14",
        "visual.positional_embedding 256x1280",
        NULL,
    };

    (void)state;
    check_config("openai-clip", clip_words, NULL, NULL,
                 "{\"model_type\": \"clip\", \"projection_dim\": 20, \"vision_config\": "
                 "{" VISION "\"num_attention_heads\": 2, \"layer_norm_eps\": 1e-5}}");
    /* neither is a head 64 wide in towers so wide, nor is 255 a square */
    check_config("openai-clip", wide, NULL, NULL,
                 "{\"model_type\": \"clip\", \"vision_config\": {\"hidden_size\": 1280, "
                 "\"patch_size\": 14, \"layer_norm_eps\": 1e-5}}");
    check_config("open-clip", clip_words, NULL,
                 "{\"model_cfg\": {\"embed_dim\": 20, \"vision_cfg\": {\"width\": 128, "
                 "\"layers\": 11, \"patch_size\": 4, \"image_size\": 18, "
                 "\"head_width\": 32, \"norm_kwargs\": {\"eps\": 1e-6}}}}",
                 "{\"model_type\": \"clip\", \"projection_dim\": 20, \"vision_config\": "
                 "{\"hidden_size\": 128, \"patch_size\": 4, \"image_size\": 18, "
                 "\"num_hidden_layers\": 11, \"intermediate_size\": 512, "
                 "\"num_attention_heads\": 4, \"layer_norm_eps\": 1e-6}}");
    check_config("openai-whisper", whisper_words,
                 "{\"dims\": {\"n_mels\": 8, \"n_audio_head\": 2, \"n_audio_layer\": 2}}",
                 NULL,
                 "{\"model_type\": \"whisper\", \"num_mel_bins\": 8, \"d_model\": 16, "
                 "\"encoder_layers\": 2, \"encoder_attention_heads\": 2, "
                 "\"encoder_ffn_dim\": 32, \"max_source_positions\": 24}");
    check_config("openai-whisper", whisper_words, NULL, NULL,
                 "{\"model_type\": \"whisper\", \"num_mel_bins\": 8, \"d_model\": 16, "
                 "\"encoder_layers\": 2, \"encoder_ffn_dim\": 32, "
                 "\"max_source_positions\": 24}");
    check_config(
        "BERT without a config.json", bert_words, NULL, NULL,
        "{\"hidden_size\": 32, \"intermediate_size\": 48, \"num_hidden_layers\": 4, "
        "\"vocab_size\": 103, \"max_position_embeddings\": 64}");
    check_config(
        "BERT of Google's code without a config.json", google_words, NULL, NULL,
        "{\"hidden_size\": 32, \"intermediate_size\": 48, \"num_hidden_layers\": 1, "
        "\"vocab_size\": 103, \"layer_norm_eps\": 1e-12}");
    check_config("CLIP's vision tower without a config.json", tower_words, NULL, NULL,
                 "{\"hidden_size\": 128, \"patch_size\": 4, \"image_size\": 16, "
                 "\"num_hidden_layers\": 11, \"intermediate_size\": 512, "
                 "\"vision_config\": {\"hidden_size\": 128, \"patch_size\": 4, "
                 "\"image_size\": 16, \"num_hidden_layers\": 11, "
                 "\"intermediate_size\": 512}}");
}

/* Layers of an ALBERT are one, so their number is in no shape. */
static void config_of_words_of_their_own(void **state)
{
    static const char *const albert[] = {
        "albert.embeddings.word_embeddings.weight 103x8",
        "albert.embeddings.position_embeddings.weight 64x8",
        "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight 48x32",
        "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output.weight 32x48",
        NULL,
    };
    static const char *const modernbert[] = {
        "model.embeddings.tok_embeddings.weight 103x32",
        "model.layers.0.attn.Wqkv.weight 96x32",
        "model.layers.1.attn.Wqkv.weight 96x32",
        "model.layers.0.mlp.Wi.weight 96x32",
        "model.layers.0.mlp.Wo.weight 32x48",
        NULL,
    };

    (void)state;
    check_config("ALBERT without a config.json", albert, NULL, NULL,
                 "{\"hidden_size\": 32, \"intermediate_size\": 48, \"vocab_size\": 103, "
                 "\"max_position_embeddings\": 64}");
    check_config("ModernBERT without a config.json", modernbert, NULL, NULL,
                 "{\"hidden_size\": 32, \"intermediate_size\": 48, "
                 "\"num_hidden_layers\": 2, \"vocab_size\": 103}");
}

static void config_refused(const char *dialect, const char *const *texts, const char *facts,
                           const char *file, const char *sentence)
{
    struct fletch_error err;
    struct words words;
    json_t *config = NULL;

    say(&words, texts, facts, file);
    assert_fails(fletch_dialect_config(&config, named(dialect), "", &words.input, &err),
                 FLETCH_ERR_FORMAT, err, sentence);
    assert_null(config);
    release(&words);
}

static void contradictions(void **state)
{
    static const char *const oblong[] = { "visual.conv1.weight 128x3x4x5", NULL };

    (void)state;
    config_refused("openai-whisper", whisper_words, "{\"dims\": {\"n_mels\": 80}}", NULL,
                   "dims.n_mels says that num_mel_bins is 80, but dimension 1 of "
                   "'encoder.conv1.weight' 8");
    config_refused("openai-whisper", whisper_words, "{\"dims\": {\"n_mels\": \"8\"}}", NULL,
                   "dims.n_mels is a string, expected a number");
    config_refused("openai-clip", oblong, NULL, NULL,
                   "dimension -1 of 'visual.conv1.weight' says that "
                   "vision_config.patch_size is 5, but dimension -2 of "
                   "'visual.conv1.weight' 4");
    config_refused("openai-clip", clip_words, "{\"input_resolution\": 224}", NULL,
                   "input_resolution says that vision_config.image_size is 224, but the "
                   "number of positions in 'visual.positional_embedding' 16");
    config_refused("open-clip", clip_words, NULL,
                   "{\"model_cfg\": {\"vision_cfg\": {\"layers\": [3, 4, 6, 3]}}}",
                   "open_clip_config.json: model_cfg.vision_cfg.layers is an array, "
                   "expected a number");
    config_refused("open-clip", clip_words, NULL,
                   "{\"model_cfg\": {\"vision_cfg\": {\"layers\": 12}}}",
                   "open_clip_config.json: model_cfg.vision_cfg.layers says that "
                   "vision_config.num_hidden_layers is 12, but the number of "
                   "'visual.transformer.resblocks.*.attn.in_proj_weight' 11");
}

/* ---- Other models ---- */

static void model_refused(const char *dialect, const char *const *texts, const char *file,
                          const char *sentence)
{
    struct fletch_error err;
    struct words words;

    say(&words, texts, NULL, file);
    assert_fails(fletch_dialect_check(named(dialect), &words.input, &err),
                 FLETCH_ERR_UNSUPPORTED, err, sentence);
    release(&words);
}

#define KEEPS "--type transformers keeps all tensors under their own names"
#define LACKS ", which CLIP's vision transformer in transformers has not: " KEEPS
#define VISION_CFG(text) "{\"model_cfg\": {\"vision_cfg\": {" text "}}}"
#define IN_FILE "open_clip_config.json: model_cfg.vision_cfg."

static void other_models(void **state)
{
    struct fletch_error err;
    struct words words;

    (void)state;
    model_refused("openai-clip", NAMES("model.visual.trunk.norm.weight 8"), NULL,
                  "tensor 'model.visual.trunk.norm.weight': the image tower is one of "
                  "timm's (SigLIP, EVA, ConvNeXt and others), which is no CLIP vision "
                  "transformer: " KEEPS);
    model_refused(
        "openai-clip", NAMES("visual.attnpool.q_proj.weight 8x8"), NULL,
        "tensor 'visual.attnpool.q_proj.weight': the image tower is a ResNet with "
        "attention" LACKS);
    model_refused("openai-clip", NAMES("visual.transformer.resblocks.3.ls_1.gamma 8"), NULL,
                  "tensor 'visual.transformer.resblocks.3.ls_1.gamma': the image tower "
                  "scales its layers" LACKS);
    model_refused("open-clip", clip_words,
                  VISION_CFG("\"timm_model_name\": \"vit_base_patch16_siglip_224\""),
                  IN_FILE
                  "timm_model_name is vit_base_patch16_siglip_224: the image tower "
                  "is one of timm's (SigLIP, EVA, ConvNeXt and others), which is no "
                  "CLIP vision transformer: " KEEPS);
    model_refused("open-clip", clip_words, VISION_CFG("\"attentional_pool\": true"),
                  IN_FILE "attentional_pool is true: the image tower pools with "
                          "attention" LACKS);
    model_refused("open-clip", clip_words, VISION_CFG("\"no_ln_pre\": true"),
                  IN_FILE "no_ln_pre is true: the image tower lacks the first "
                          "LayerNorm" LACKS);
    model_refused("open-clip", clip_words, VISION_CFG("\"pool_type\": \"avg\""),
                  IN_FILE "pool_type is avg: the image tower pools otherwise than by its "
                          "class token" LACKS);
    model_refused("open-clip", clip_words, VISION_CFG("\"global_average_pool\": true"),
                  IN_FILE "global_average_pool is true: the image tower pools otherwise "
                          "than by its class token" LACKS);
    say(&words, clip_words, NULL,
        VISION_CFG("\"pool_type\": \"tok\", \"no_ln_pre\": false, \"attentional_pool\": "
                   "null"));
    assert_ok(fletch_dialect_check(named("open-clip"), &words.input, &err), err);
    release(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(recognised_by_names),
        cmocka_unit_test(renamed_split_transposed),
        cmocka_unit_test(shapes_that_cannot_be),
        cmocka_unit_test(config_from_what_there_is),
        cmocka_unit_test(config_of_words_of_their_own),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(other_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
