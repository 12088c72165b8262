/* SPDX-License-Identifier: MIT */
/* metadata.c - see metadata.h
 *
 * Keys are in the order of existing converters, by layout; docs/output.md shows them.
 */
#include "convert/metadata.h"

#include "convert/provenance.h"
#include "convert/tokenizer_save.h"
#include "output/files.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What conversion_config contains for codecs without levels. */
#define LEVEL_OTHERWISE 3

struct sheet {
    struct fletch_json_writer json;
    const struct fletch_metadata *metadata;
    const struct fletch_model *model;
    struct fletch_arena arena;
    json_t *truncation; /* of the source's tokenizer.json */
};

static void put_text(struct sheet *sheet, const char *key, const char *text)
{
    fletch_json_write_key(&sheet->json, key);
    fletch_json_write_text(&sheet->json, text);
}

static void put_count(struct sheet *sheet, const char *key, uint64_t count)
{
    fletch_json_write_key(&sheet->json, key);
    fletch_json_write_count(&sheet->json, count);
}

static void put_bool(struct sheet *sheet, const char *key, bool value)
{
    fletch_json_write_key(&sheet->json, key);
    fletch_json_write_bool(&sheet->json, value);
}

/* A number, or null when it is unknown. */
static void put_known(struct sheet *sheet, const char *key, int64_t value)
{
    fletch_json_write_key(&sheet->json, key);
    if (value < 0)
        fletch_json_write_text(&sheet->json, NULL);
    else
        fletch_json_write_count(&sheet->json, (uint64_t)value);
}

/* ---- What the model is ---- */

static enum fletch_status put_fields(struct sheet *sheet, struct fletch_error *err)
{
    const struct fletch_model_class *model_class = sheet->model->model_class;

    for (const struct fletch_field *field = model_class->fields; field->key; field++) {
        json_t *value = NULL;

        TRY(fletch_family_field(&value, model_class, field, sheet->model->config, err));
        fletch_json_write_key(&sheet->json, field->key);
        fletch_json_write_json(&sheet->json, value);
        json_decref(value);
    }
    return FLETCH_OK;
}

static enum fletch_status put_model_info(struct sheet *sheet, struct fletch_error *err)
{
    bool sentence = sheet->model->family->metadata_kind == FLETCH_METADATA_SENTENCE;
    const char *architecture;

    TRY(fletch_model_architecture(&architecture, sheet->model, err));
    fletch_json_write_key(&sheet->json, "model_info");
    fletch_json_write_open(&sheet->json, '{');
    put_text(sheet, "architecture", architecture);
    put_known(sheet, "embedding_dimension", fletch_model_dimension(sheet->model));
    if (sentence)
        put_known(sheet, "max_seq_length", fletch_model_max_seq_length(sheet->model));
    TRY(put_fields(sheet, err));
    if (!sentence)
        put_known(sheet, "max_seq_length", fletch_model_max_seq_length(sheet->model));
    fletch_json_write_close(&sheet->json, '}');
    return FLETCH_OK;
}

/* ---- What was done ---- */

static void put_conversion_config(struct sheet *sheet)
{
    const struct fletch_metadata *metadata = sheet->metadata;
    const struct fletch_options *options = metadata->options;
    bool none = metadata->codec->id == FLETCH_CODEC_ID_NONE;
    bool leveled = metadata->codec->level_max != metadata->codec->level_min;

    fletch_json_write_key(&sheet->json, "conversion_config");
    fletch_json_write_open(&sheet->json, '{');
    put_text(sheet, "compression", none ? NULL : metadata->codec->name);
    put_count(sheet, "compression_level",
              leveled ? (uint64_t)metadata->level : LEVEL_OTHERWISE);
    put_bool(sheet, "use_float16", options->precision == FLETCH_PRECISION_FLOAT16);
    put_bool(sheet, "extract_tokenizer", !options->skip_tokenizer);
    put_bool(sheet, "validate_output", !options->skip_verify);
    fletch_json_write_close(&sheet->json, '}');
}

static void put_layer_info(struct sheet *sheet)
{
    const struct fletch_row_plans *plans = sheet->metadata->plans;

    fletch_json_write_key(&sheet->json, "layer_info");
    fletch_json_write_open(&sheet->json, '{');
    for (size_t i = 0; i < plans->rows_count; i++) {
        const struct fletch_tensor *tensor = plans->rows[i].tensor;

        fletch_json_write_key(&sheet->json, plans->rows[i].name);
        fletch_json_write_open(&sheet->json, '{');
        fletch_json_write_key(&sheet->json, "shape");
        fletch_json_write_open(&sheet->json, '[');
        for (unsigned j = 0; j < tensor->rank; j++)
            fletch_json_write_count(&sheet->json, tensor->shape[j]);
        fletch_json_write_close(&sheet->json, ']');
        put_text(sheet, "dtype", fletch_dtype_text(sheet->metadata->outcomes[i].dtype));
        put_count(sheet, "num_params", tensor->count);
        fletch_json_write_close(&sheet->json, '}');
    }
    fletch_json_write_close(&sheet->json, '}');
}

/* Local time without a zone, in the format of Python's datetime.now().isoformat(). */
static void put_converted_at(struct sheet *sheet)
{
    int64_t micros = sheet->metadata->converted_at % 1000000;
    time_t seconds = (time_t)(sheet->metadata->converted_at / 1000000);
    struct tm local = { 0 };
    char text[64], stamp[96];

    if (micros < 0) {
        micros += 1000000;
        seconds--;
    }
    localtime_r(&seconds, &local);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
    snprintf(stamp, sizeof(stamp), "%s.%06d", text, (int)micros);
    put_text(sheet, "converted_at", stamp);
}

/* A path in the format of Python's str(Path(folder) / name): single slashes, no "."
 * parts. */
static void put_path(struct sheet *sheet, const char *key, const char *name)
{
    const char *from = sheet->metadata->out_dir;
    size_t len = strlen(from), size = 0;
    char *path = fletch_arena_alloc(&sheet->arena, len + strlen(name) + 2);

    if (!path) {
        sheet->json.buf->failed = true;
        return;
    }
    if (*from == '/')
        path[size++] = '/';
    while (*from) {
        size_t part = strcspn(from, "/");

        if (part && !(part == 1 && *from == '.')) {
            if (size && path[size - 1] != '/')
                path[size++] = '/';
            memcpy(path + size, from, part);
            size += part;
        }
        from += part;
        from += *from == '/';
    }
    if (size && path[size - 1] != '/')
        path[size++] = '/';
    memcpy(path + size, name, strlen(name) + 1);
    put_text(sheet, key, path);
}

static void put_account(struct sheet *sheet)
{
    fletch_json_write_key(&sheet->json, "fletch");
    fletch_provenance_write(&sheet->json, sheet->metadata, sheet->truncation);
}

/* ---- Layouts ---- */

static enum fletch_status put_text_model(struct sheet *sheet, struct fletch_error *err)
{
    const struct fletch_metadata *metadata = sheet->metadata;
    int64_t dimension = fletch_model_dimension(sheet->model);

    put_text(sheet, "model_name", sheet->model->name);
    put_text(sheet, "model_type", sheet->model->family->model_type_text);
    TRY(put_model_info(sheet, err));
    put_conversion_config(sheet);
    put_count(sheet, "total_parameters", metadata->plans->parameters);
    put_count(sheet, "num_layers", metadata->plans->rows_count);
    put_layer_info(sheet);
    put_converted_at(sheet);
    put_text(sheet, "converter_version", sheet->model->family->converter_version);
    put_path(sheet, "parquet_path", FLETCH_WEIGHTS_FILE);
    if (metadata->has_tokenizer)
        put_path(sheet, "tokenizer_path", FLETCH_TOKENIZER_FOLDER);
    /* one loader reads this, and assumes 384 when it is missing */
    if (dimension >= 0)
        put_count(sheet, "embedding_dimension", (uint64_t)dimension);
    put_account(sheet);
    return FLETCH_OK;
}

/* The family's fields, or config.json unchanged. */
static enum fletch_status put_config(struct sheet *sheet, struct fletch_error *err)
{
    fletch_json_write_key(&sheet->json, "config");
    if (sheet->model->family->carries_config && sheet->model->config_stated) {
        fletch_json_write_json(&sheet->json, sheet->model->config);
        return FLETCH_OK;
    }
    fletch_json_write_open(&sheet->json, '{');
    TRY(put_fields(sheet, err));
    fletch_json_write_close(&sheet->json, '}');
    return FLETCH_OK;
}

static enum fletch_status put_tower(struct sheet *sheet, struct fletch_error *err)
{
    const struct fletch_metadata *metadata = sheet->metadata;
    const char *architecture;

    TRY(fletch_model_architecture(&architecture, sheet->model, err));
    put_text(sheet, "model_name", sheet->model->name);
    put_text(sheet, "model_type", sheet->model->family->model_type_text);
    put_text(sheet, "architecture", architecture);
    TRY(put_config(sheet, err));
    put_conversion_config(sheet);
    put_count(sheet, "total_parameters", metadata->plans->parameters);
    put_count(sheet, "num_weight_tensors", metadata->plans->rows_count);
    put_layer_info(sheet);
    put_path(sheet, "parquet_path", FLETCH_WEIGHTS_FILE);
    put_converted_at(sheet);
    put_text(sheet, "converter_version", sheet->model->family->converter_version);
    put_account(sheet);
    return FLETCH_OK;
}

static enum fletch_status put_all(struct sheet *sheet, struct fletch_error *err)
{
    enum fletch_metadata_kind layout = sheet->model->family->metadata_kind;
    enum fletch_status status;

    if (sheet->metadata->has_tokenizer && layout == FLETCH_METADATA_SENTENCE)
        TRY(fletch_tokenizer_truncation(&sheet->truncation, sheet->model, err));
    fletch_json_write_open(&sheet->json, '{');
    status = layout == FLETCH_METADATA_TOWER ? put_tower(sheet, err)
                                             : put_text_model(sheet, err);
    if (status == FLETCH_ERR_FORMAT)
        fletch_error_prefix(err, "%s", sheet->model->config_path);
    if (status)
        return status;
    fletch_json_write_close(&sheet->json, '}');
    return sheet->json.buf->failed
               ? fletch_fail_memory(err, sheet->json.buf->size, "the metadata")
               : FLETCH_OK;
}

enum fletch_status fletch_metadata_write(struct fletch_buf *out,
                                         const struct fletch_metadata *metadata,
                                         struct fletch_error *err)
{
    struct fletch_buf buf = { 0 };
    struct sheet sheet = { .json = { .buf = &buf },
                           .metadata = metadata,
                           .model = metadata->model };
    enum fletch_status status = put_all(&sheet, err);

    if (!status) {
        fletch_buf_release(out);
        *out = buf;
        buf = (struct fletch_buf){ 0 };
    }
    fletch_buf_release(&buf);
    json_decref(sheet.truncation);
    fletch_arena_release(&sheet.arena);
    return status;
}
