/* SPDX-License-Identifier: MIT */
/* fuzz_config - config.json, modules.json and a module's config through every family
 *
 * The input is those three texts, with a NUL between. Whatever they say, each family's
 * values come out or are refused in words, and a value that comes out is of its kind.
 */
#include "convert/metadata.h"
#include "model/modules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXTS 3

static void expect_words(enum fletch_status status, const struct fletch_error *err)
{
    if (status && (err->status != status || !err->message[0]))
        abort();
}

static void check_fields(const struct fletch_model_class *model_class, const json_t *config)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++) {
        struct fletch_error err = { 0 };
        json_t *value = NULL;
        enum fletch_status status =
            fletch_family_field(&value, model_class, field, config, &err);

        expect_words(status, &err);
        if (status)
            continue;
        if (json_is_null(value)                ? field->required
            : field->kind == FLETCH_FIELD_REAL ? !json_is_number(value)
                                               : json_integer_value(value) < 1)
            abort();
        json_decref(value);
    }
}

static void check_families(struct fletch_model *model)
{
    static const char *const names[] = { "bert.embeddings.word_embeddings.weight" };
    const struct fletch_family *family;

    for (size_t i = 0; (family = fletch_family_get(i)); i++) {
        struct fletch_error err = { 0 };

        model->family = family;
        for (const struct fletch_model_class *model_class = family->classes;
             model_class->fields; model_class++) {
            struct fletch_map_input input = { .family = family,
                                              .model_class = model_class,
                                              .names = names,
                                              .count = 1,
                                              .config = model->config,
                                              .layers_said = "it says" };
            struct fletch_mapping mapped;

            model->model_class = model_class;
            check_fields(model_class, model->config);
            expect_words(fletch_model_check_config(model, &err), &err);
            expect_words(fletch_family_map(&mapped, &input, &model->arena, &err), &err);
            fletch_model_dimension(model);
            fletch_model_max_seq_length(model);
        }
    }
}

static void check_detection(const struct fletch_model *model)
{
    const struct fletch_family *family;
    struct fletch_error err = { 0 };
    char evidence[256];
    struct fletch_detect_input detect_input = {
        .model = "some/model",
        .model_type = json_string_value(json_object_get(model->config, "model_type")),
        .type_says = "config.json says",
        .has_config = true,
        .has_modules = model->modules_count > 0
    };

    expect_words(
        fletch_family_detect(&family, evidence, sizeof(evidence), &detect_input, &err),
        &err);
    expect_words(fletch_family_choose(&family, "bert", &detect_input, &err), &err);
}

static void check_model(struct fletch_model *model, const json_t *modules, json_t *module)
{
    struct fletch_error err = { 0 };

    if (modules)
        expect_words(fletch_modules_read(model, modules, &err), &err);
    for (size_t i = 1; i < model->modules_count; i++) {
        enum fletch_status status;

        model->modules[i].config = module;
        status = fletch_module_check(&model->modules[i], &err);
        expect_words(status, &err);
        if (status)
            model->modules_count = i;
    }
    check_detection(model);
    check_families(model);
    fletch_arena_release(&model->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *values[TEXTS] = { NULL };
    struct fletch_model model = { .config_path = "config.json", .model_type = "" };

    for (size_t i = 0; i < TEXTS && size; i++) {
        const uint8_t *end = memchr(data, 0, size);
        size_t len = end ? (size_t)(end - data) : size;

        fletch_json_parse(&values[i], (const char *)data, len, i == 1, NULL);
        len += end ? 1 : 0;
        data += len;
        size -= len;
    }
    model.config = values[0];
    check_model(&model, values[1], values[2]);
    for (size_t i = 0; i < TEXTS; i++)
        json_decref(values[i]);
    return 0;
}
