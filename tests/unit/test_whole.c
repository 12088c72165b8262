/* SPDX-License-Identifier: MIT */
/* test_whole.c - the families' tables against every class's state_dict in transformers
 *
 * tests/families/state_dict.py made the lists. Of a whole one nothing may be missing and
 * nothing unknown; with any one of its tensors gone that very tensor must be, unless it is
 * of the few that loaders do without.
 */
#include "support.h"

#include "base/glob.h"
#include "family/family.h"

#define FOLDER FLETCH_TEST_DATA "/families/state_dict/"
#define NAMES_MAX 128

struct class_case {
    const char *model_type, *config;
};

#define DEBERTA                                                                            \
    "\"num_hidden_layers\": 2, \"hidden_size\": 16, \"embedding_size\": 8, "               \
    "\"relative_attention\": true, \"type_vocab_size\": 2, "                               \
    "\"pos_att_type\": [\"c2p\", \"p2c\"]"
#define TOWER "\"vision_config\": {\"num_hidden_layers\": 2}"

static const struct class_case cases[] = {
    { "bert", "{\"num_hidden_layers\": 2}" },
    { "roberta", "{\"num_hidden_layers\": 2}" },
    { "xlm-roberta", "{\"num_hidden_layers\": 2}" },
    { "camembert", "{\"num_hidden_layers\": 2}" },
    { "distilbert", "{\"n_layers\": 2}" },
    { "mpnet", "{\"num_hidden_layers\": 2}" },
    { "albert", "{\"num_hidden_groups\": 2}" },
    { "electra", "{\"num_hidden_layers\": 2, \"embedding_size\": 8}" },
    { "deberta", "{" DEBERTA "}" },
    { "deberta-v2", "{" DEBERTA ", \"conv_kernel_size\": 3, "
                    "\"norm_rel_ebd\": \"layer_norm\"}" },
    { "modernbert", "{\"num_hidden_layers\": 2}" },
    { "nomic_bert", "{\"num_hidden_layers\": 2}" },
    { "clip", "{" TOWER "}" },
    { "clip_vision_model", "{\"num_hidden_layers\": 2}" },
    { "chinese_clip", "{" TOWER "}" },
    { "chinese_clip_vision_model", "{\"num_hidden_layers\": 2}" },
    { "metaclip_2", "{" TOWER "}" },
    { "metaclip_2_vision_model", "{\"num_hidden_layers\": 2}" },
    { "whisper", "{\"encoder_layers\": 2}" },
};

/* What loaders of all classes do without. */
static const char *const optional[] = {
    "pooler.*",
    "embeddings.token_type_embeddings.weight",
    NULL,
};

/* What variants lack in all layers: biases of what projects into attention. Each has its
 * reason in src/family/optional.c. */
static const char *const lacked[] = {
    "*.self.query.bias",
    "*.self.key.bias",
    "*.self.value.bias",
    "*.attention.query.bias",
    "*.attention.key.bias",
    "*.attention.value.bias",
    "*.attn.q.bias",
    "*.attn.k.bias",
    "*.attn.v.bias",
    "*.attention.q_lin.bias",
    "*.attention.k_lin.bias",
    "*.attention.v_lin.bias",
    "*.self.query_proj.bias",
    "*.self.key_proj.bias",
    "*.self.value_proj.bias",
    "*.self_attn.q_proj.bias",
    "*.self_attn.k_proj.bias",
    "*.self_attn.v_proj.bias",
    NULL,
};

/* What is no part of the tower that is converted. */
static const char *const outside[] = {
    "text_model.*", "text_projection.*", "logit_scale", "decoder.*", NULL,
};

static char text[1 << 16];
static const char *names[NAMES_MAX];

static size_t read_names(const char *model_type)
{
    char path[512], *save = NULL;
    size_t count = 0;

    snprintf(path, sizeof(path), FOLDER "%s.txt", model_type);
    snprintf(text, sizeof(text), "%s", text_of(path));
    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (*line == '#')
            continue;
        assert_true(count < NAMES_MAX);
        *strchr(line, ' ') = '\0';
        names[count++] = line;
    }
    assert_true(count > 10);
    return count;
}

static struct fletch_map_input input_of(const struct class_case *test, const json_t *config,
                                        size_t count)
{
    struct fletch_map_input input = {
        .names = names, .count = count, .config = config, .layers_said = "config.json says"
    };

    for (size_t i = 0; !input.model_class && (input.family = fletch_family_get(i)); i++) {
        input.model_class =
            fletch_family_fitting(input.family, test->model_type, names, count);
        if (input.model_class &&
            (!input.model_class->model_type ||
             strcmp(input.model_class->model_type, test->model_type) != 0))
            input.model_class = NULL;
    }
    assert_non_null(input.model_class);
    return input;
}

static void check_one_gone(const struct fletch_map_input *input, const char *gone,
                           struct fletch_arena *arena)
{
    struct fletch_mapping mapped[NAMES_MAX];
    struct fletch_missing_keys missing_keys;
    struct fletch_error err;

    assert_ok(fletch_family_map(mapped, input, arena, &err), err);
    assert_ok(fletch_family_missing_keys(&missing_keys, mapped, input, arena, &err), err);
    if (fletch_glob_any(outside, gone)) {
        assert_int_equal(missing_keys.missing_count, 0);
    } else if (fletch_glob_any(optional, gone)) {
        assert_int_equal(missing_keys.missing_count, 0);
        if (missing_keys.warnings_count != 1 || !strstr(missing_keys.warnings[0], gone))
            fail_msg("%s without '%s': no warning", input->model_class->class_name, gone);
    } else {
        if (missing_keys.missing_count != 1)
            fail_msg("%s without '%s': %d missing", input->model_class->class_name, gone,
                     (int)missing_keys.missing_count);
        assert_true(fletch_glob_match("vision_model.*", missing_keys.missing[0]) ||
                    !strcmp(missing_keys.missing[0], gone));
        assert_int_equal(fletch_family_check_whole(&missing_keys, input, false, &err),
                         FLETCH_ERR_FAMILY);
        assert_non_null(strstr(err.message, "--allow-missing"));
        assert_ok(fletch_family_check_whole(&missing_keys, input, true, &err), err);
    }
}

/* The name with each number as a star. */
static const char *kind_of(char out[256], const char *name)
{
    size_t used = 0;

    for (; *name && used < 255; name++) {
        bool digit = *name >= '0' && *name <= '9',
             number = digit && used && out[used - 1] == '.';

        if (!digit || number || out[used - 1] != '*')
            out[used++] = number ? '*' : *name;
    }
    out[used] = '\0';
    return out;
}

/* Without what all layers have of a kind. */
static void check_kind_gone(const struct fletch_map_input *whole, const char *gone,
                            struct fletch_arena *arena)
{
    struct fletch_mapping mapped[NAMES_MAX];
    const char *left[NAMES_MAX];
    struct fletch_map_input input = *whole;
    struct fletch_missing_keys missing_keys;
    struct fletch_error err;
    char kind[256];

    input.names = left;
    input.count = 0;
    for (size_t i = 0; i < whole->count; i++)
        if (strcmp(kind_of(kind, whole->names[i]), gone) != 0)
            left[input.count++] = whole->names[i];
    assert_ok(fletch_family_map(mapped, &input, arena, &err), err);
    assert_ok(fletch_family_missing_keys(&missing_keys, mapped, &input, arena, &err), err);
    if (fletch_glob_any(outside, gone))
        assert_int_equal(missing_keys.missing_count, 0);
    else if (!fletch_glob_any(optional, gone) && !fletch_glob_any(lacked, gone))
        assert_int_not_equal(missing_keys.missing_count, 0);
    else if (missing_keys.missing_count || missing_keys.warnings_count != 1 ||
             missing_keys.warnings[0][strlen(missing_keys.warnings[0]) - 1] != ')')
        fail_msg("%s without '%s': no warning with its reason",
                 input.model_class->class_name, gone);
}

static void check_class(const struct class_case *test)
{
    char kind[256];
    struct fletch_arena arena = { 0 };
    struct fletch_mapping mapped[NAMES_MAX];
    struct fletch_missing_keys missing_keys;
    struct fletch_error err = { .message = "" };
    json_t *config = NULL;
    size_t count = read_names(test->model_type);
    struct fletch_map_input input;

    assert_ok(fletch_json_parse(&config, test->config, strlen(test->config), false, &err),
              err);
    input = input_of(test, config, count);
    assert_ok(fletch_family_map(mapped, &input, &arena, &err), err);
    assert_ok(fletch_family_missing_keys(&missing_keys, mapped, &input, &arena, &err), err);
    if (missing_keys.missing_count || missing_keys.warnings_count)
        fail_msg("%s: %s", test->model_type,
                 missing_keys.missing_count ? missing_keys.missing[0]
                                            : missing_keys.warnings[0]);
    for (size_t i = 0; i < count; i++)
        if (!mapped[i].row && !fletch_glob_any(outside, names[i]))
            fail_msg("%s: '%s' is no row: %s", test->model_type, names[i],
                     mapped[i].reason);
    for (size_t i = 0; i < count; i++)
        check_kind_gone(&input, kind_of(kind, names[i]), &arena);
    input.count--;
    for (size_t i = 0; i < count; i++) {
        const char *gone = names[i], *last = names[count - 1];

        names[i] = last; /* order is no matter */
        check_one_gone(&input, gone, &arena);
        names[i] = gone;
    }
    json_decref(config);
    fletch_arena_release(&arena);
}

static void every_class_is_whole_or_said_not_to_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_class(&cases[i]);
}

/* A member that is in no list has not been compared with the library. Tables of word
 * vectors are no classes of it: tests/cli/modules.txt has them as their library wrote them.
 */
static void no_class_without_a_list(void **state)
{
    const struct fletch_family *family;

    (void)state;
    for (size_t i = 0; (family = fletch_family_get(i)); i++)
        for (const struct fletch_model_class *model_class = family->classes;
             model_class->fields; model_class++) {
            bool listed = !model_class->model_type || model_class->on_request;

            for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]) && !listed; j++)
                listed = !strcmp(cases[j].model_type, model_class->model_type);
            if (!listed)
                fail_msg("%s has no list", model_class->model_type);
        }
}

/* Any number of layers may be said: what is missing is counted, not listed. */
static void hostile_layers_count(void **state)
{
    static const char *const some[] = { "embeddings.word_embeddings.weight",
                                        "encoder.layer.0.attention.self.query.weight" };
    struct fletch_mapping mapped[2];
    struct fletch_arena arena = { 0 };
    struct fletch_missing_keys missing_keys;
    struct fletch_error err;
    json_t *config = json_pack("{s:i}", "num_hidden_layers", INT32_MAX);
    struct fletch_map_input input = { .names = some,
                                      .count = 2,
                                      .config = config,
                                      .layers_said = "config.json says layers" };

    (void)state;
    assert_ok(fletch_family_find(&input.family, "bert", &err), err);
    input.model_class = fletch_family_model_class(input.family, "bert");
    assert_ok(fletch_family_map(mapped, &input, &arena, &err), err);
    assert_ok(fletch_family_missing_keys(&missing_keys, mapped, &input, &arena, &err), err);
    assert_int_equal(missing_keys.missing_listed, FLETCH_MISSING_MAX);
    assert_true(missing_keys.missing_count > INT32_MAX);
    assert_int_equal(fletch_family_check_whole(&missing_keys, &input, true, &err),
                     FLETCH_ERR_FAMILY);
    assert_non_null(strstr(err.message, "FLETCH_MISSING_MAX"));
    json_decref(config);
    fletch_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_is_whole_or_said_not_to_be),
        cmocka_unit_test(no_class_without_a_list),
        cmocka_unit_test(hostile_layers_count),
    };

    return cmocka_run_group_tests_name("whole", tests, NULL, NULL);
}
