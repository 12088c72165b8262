/* SPDX-License-Identifier: MIT */
/* test_plan.c - plans of the golden checkpoints, and of tensors that have no place */
#include "golden_names.h"
#include "plan/plan.h"

#include "parquet/parquet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN FLETCH_TEST_DATA "/golden/"

static json_t *load_expected(const char *name)
{
    char path[512];
    struct fletch_error err;
    json_t *expected = NULL;

    snprintf(path, sizeof(path), GOLDEN "%s/expected.json", name);
    if (fletch_json_load(&expected, path, false, &err))
        fail_msg("%s", err.message);
    return expected;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    assert_non_null(text);
    return text;
}

static bool is_module_row(const char *name)
{
    return !strncmp(name, "2_Dense.", 8);
}

/* The narrowed type: of tensors that overflow, the wide one is what is expected. */
static void check_row(const struct fletch_row_plan *row, const json_t *expected)
{
    const json_t *shape = json_object_get(expected, "shape");
    const char *dtype = text_at(expected, "dtype");

    assert_string_equal(row->name, text_at(expected, "layer_name"));
    assert_string_equal(fletch_dtype_text(row->tensor->dtype),
                        text_at(expected, "source_dtype"));
    if (strcmp(dtype, fletch_dtype_text(row->dtype)))
        assert_string_equal(dtype, fletch_dtype_text(row->wide));
    assert_int_equal(row->tensor->rank, json_array_size(shape));
    for (unsigned i = 0; i < row->tensor->rank; i++)
        assert_int_equal(row->tensor->shape[i],
                         json_integer_value(json_array_get(shape, i)));
    assert_int_equal(row->tensor->count,
                     json_integer_value(json_object_get(expected, "num_params")));
    assert_int_equal(row->size, row->tensor->count * fletch_dtype_size(row->dtype));
}

static void check_rows(const struct fletch_row_plans *plans, const json_t *expected)
{
    const json_t *rows = json_object_get(expected, "rows");
    const json_t *left_out = json_object_get(expected, "left_out");
    uint64_t parameters = 0;
    size_t at = 0;

    for (size_t i = 0; i < plans->rows_count; i++) {
        if (is_module_row(plans->rows[i].name))
            continue;
        assert_true(at < json_array_size(rows));
        check_row(&plans->rows[i], json_array_get(rows, at++));
        parameters += plans->rows[i].tensor->count;
    }
    assert_int_equal(at, json_array_size(rows));
    assert_int_equal(parameters,
                     json_integer_value(json_object_get(expected, "total_parameters")));
    assert_int_equal(plans->left_out_count, json_array_size(left_out));
    for (size_t i = 0; i < plans->left_out_count; i++) {
        assert_string_equal(plans->left_out[i].tensor,
                            json_string_value(json_array_get(left_out, i)));
        assert_non_null(plans->left_out[i].reason);
        assert_true(*plans->left_out[i].reason);
    }
}

static void check_case(const char *name)
{
    char path[512];
    json_t *expected = load_expected(name);
    bool refused = json_object_get(expected, "auto") != NULL;
    struct fletch_options options = { .family = NULL };
    struct fletch_error err = { .message = "" };
    struct fletch_model *model = NULL;
    struct fletch_row_plans plans;

    snprintf(path, sizeof(path), GOLDEN "%s/source", name);
    if (refused) {
        assert_int_equal(fletch_model_open(&model, path, NULL, &err), FLETCH_ERR_FAMILY);
        assert_non_null(strstr(err.message, "Could not auto-detect model type for '"));
        assert_non_null(strstr(err.message, "model_type \"made-up-encoder\""));
        assert_non_null(strstr(err.message, "--type transformers keeps all tensors"));
    }
    options.family = refused ? text_at(expected, "type") : NULL;
    if (fletch_model_open(&model, path, &options, &err))
        fail_msg("%s: %s", name, err.message);
    assert_string_equal(model->family->name, text_at(expected, "type"));
    if (fletch_row_plans_make(&plans, model, fletch_outputs[0], FLETCH_PRECISION_FLOAT16,
                              &err))
        fail_msg("%s: %s", name, err.message);
    check_rows(&plans, expected);
    fletch_row_plans_release(&plans);
    fletch_model_close(model);
    json_decref(expected);
}

static void golden_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_NAMES; i++)
        check_case(golden_names[i]);
}

/* ---- Made-up checkpoints: a listing is all that a plan looks at ---- */

struct made {
    struct fletch_model model;
    struct fletch_checkpoint checkpoint[2];
    struct fletch_component components[2];
};

static void make_model(struct made *made, const char *family, struct fletch_tensor *tensors,
                       size_t count)
{
    struct fletch_error err;

    *made =
        (struct made){ .checkpoint = { { .tensors = tensors, .tensors_count = count } } };
    made->components[0] = (struct fletch_component){ "", &made->checkpoint[0], NULL };
    made->model.components = made->components;
    made->model.components_count = 1;
    assert_int_equal(fletch_family_find(&made->model.family, family, &err), FLETCH_OK);
    made->model.model_class = fletch_family_model_class(made->model.family, "made-up");
    assert_non_null(made->model.model_class);
}

static struct fletch_tensor made_tensor(const char *name, enum fletch_dtype dtype,
                                        const uint64_t *shape)
{
    return (struct fletch_tensor){ .name = name,
                                   .dtype = dtype,
                                   .rank = 1,
                                   .shape = shape,
                                   .count = shape[0],
                                   .size = shape[0] * fletch_dtype_size(dtype) };
}

static void check_refusal(const struct made *made, enum fletch_precision precision,
                          enum fletch_status status, const char *sentence)
{
    struct fletch_row_plans plans;
    struct fletch_error err;

    assert_int_equal(
        fletch_row_plans_make(&plans, &made->model, fletch_outputs[0], precision, &err),
        status);
    assert_string_equal(err.message, sentence);
}

static void refuses_what_has_no_place(void **state)
{
    static const uint64_t few[] = { 3 };
    struct fletch_tensor tensor = made_tensor("w", FLETCH_C64, few);
    struct made made;

    (void)state;
    make_model(&made, "transformers", &tensor, 1);
    check_refusal(&made, FLETCH_PRECISION_FLOAT16, FLETCH_ERR_UNSUPPORTED,
                  "tensor 'w': torch.complex64 has no place in the layout, which has "
                  "float32, float16, int64, int32, int8, uint8 and bool");
}

static void refuses_what_is_too_large(void **state)
{
    static const uint64_t most[] = { (uint64_t)1 << 30 }, wide[] = { (uint64_t)1 << 31 };
    static const uint64_t fits[] = { ((uint64_t)INT32_MAX - 10) / 2 };
    struct fletch_tensor tensor = made_tensor("w", FLETCH_F32, most);
    const struct fletch_codec *codec;
    struct fletch_row_plans plans;
    struct fletch_error err;
    struct made made;

    (void)state;
    make_model(&made, "transformers", &tensor, 1);
    check_refusal(&made, FLETCH_PRECISION_FLOAT16, FLETCH_ERR_UNSUPPORTED,
                  "tensor 'w': 2147483648 bytes as torch.float16, the limit for one row is "
                  "2147483637");
    tensor = made_tensor("w", FLETCH_U8, wide);
    check_refusal(
        &made, FLETCH_PRECISION_FLOAT16, FLETCH_ERR_UNSUPPORTED,
        "tensor 'w': dimension 0 is 2147483648, the limit is 2147483647 (int32 in "
        "the layout)");
    tensor = made_tensor("w", FLETCH_F32, fits);
    check_refusal(&made, FLETCH_PRECISION_KEEP, FLETCH_ERR_UNSUPPORTED,
                  "tensor 'w': 4294967272 bytes as torch.float32, the limit for one row is "
                  "2147483637; as float16 it would fit (without --no-float16)");
    assert_int_equal(fletch_row_plans_make(&plans, &made.model, fletch_outputs[0],
                                           FLETCH_PRECISION_FLOAT16, NULL),
                     FLETCH_OK);
    assert_int_equal(plans.rows[0].size, 2147483636);
    for (size_t i = 0; (codec = fletch_codec_get(i)); i++) {
        const bool lz4 = !strcmp(codec->name, "lz4") && codec->encode;

        assert_int_equal(fletch_row_plans_check(&plans, codec, &err),
                         lz4 ? FLETCH_ERR_UNSUPPORTED : FLETCH_OK);
        if (!lz4)
            continue;
        assert_string_equal(
            err.message, "tensor 'w': 2147483636 bytes as torch.float16, the limit for one "
                         "value with codec 'lz4' is 2113929206; another codec would take "
                         "it");
        plans.rows[0].size = 2113929206;
        assert_int_equal(fletch_row_plans_check(&plans, codec, NULL), FLETCH_OK);
        plans.rows[0].size++;
        assert_int_equal(fletch_row_plans_check(&plans, codec, NULL),
                         FLETCH_ERR_UNSUPPORTED);
    }
    fletch_row_plans_release(&plans);
}

static void cuts_row_groups(void **state)
{
    static const uint64_t half[] = { FLETCH_ROW_GROUP_SIZE / 4 };
    static const uint64_t huge[] = { FLETCH_ROW_GROUP_SIZE };
    static const uint64_t few[] = { 3 };
    struct fletch_tensor tensors[] = {
        made_tensor("a.1", FLETCH_F16, few),  made_tensor("a.2", FLETCH_F16, half),
        made_tensor("a.3", FLETCH_F16, half), made_tensor("a.4", FLETCH_F16, huge),
        made_tensor("a.10", FLETCH_F16, few),
    };
    static const size_t groups[] = { 0, 0, 1, 2, 3 };
    struct fletch_row_plans plans;
    struct made made;

    (void)state;
    make_model(&made, "transformers", tensors, 5);
    assert_int_equal(fletch_row_plans_make(&plans, &made.model, fletch_outputs[0],
                                           FLETCH_PRECISION_KEEP, NULL),
                     FLETCH_OK);
    assert_int_equal(plans.groups_count, 4);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(plans.rows[i].group, groups[i]);
    assert_int_equal(plans.source_bytes, plans.stored_bytes);
    fletch_row_plans_release(&plans);
}

static void module_rows_may_not_hide_others(void **state)
{
    static const uint64_t few[] = { 3 };
    struct fletch_tensor encoder = made_tensor("2_Dense.linear.weight", FLETCH_F32, few);
    struct fletch_tensor dense = made_tensor("linear.weight", FLETCH_F32, few);
    struct made made;

    (void)state;
    make_model(&made, "sentence-transformers", &encoder, 1);
    made.checkpoint[1] =
        (struct fletch_checkpoint){ .tensors = &dense, .tensors_count = 1 };
    made.components[1] = (struct fletch_component){ "2_Dense", &made.checkpoint[1], NULL };
    made.model.components_count = 2;
    check_refusal(
        &made, FLETCH_PRECISION_FLOAT16, FLETCH_ERR_FAMILY,
        "tensors '2_Dense.linear.weight' and '2_Dense/linear.weight' would both be "
        "the row '2_Dense.linear.weight'");
}

static void empty_model_is_a_plan(void **state)
{
    struct fletch_row_plans plans;
    struct made made;

    (void)state;
    make_model(&made, "transformers", NULL, 0);
    assert_int_equal(fletch_row_plans_make(&plans, &made.model, fletch_outputs[0],
                                           FLETCH_PRECISION_KEEP, NULL),
                     FLETCH_OK);
    assert_int_equal(plans.rows_count, 0);
    assert_int_equal(plans.groups_count, 0);
    fletch_row_plans_release(&plans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows),
        cmocka_unit_test(refuses_what_has_no_place),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(cuts_row_groups),
        cmocka_unit_test(module_rows_may_not_hide_others),
        cmocka_unit_test(empty_model_is_a_plan),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
