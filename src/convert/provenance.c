/* SPDX-License-Identifier: MIT */
/* provenance.c - see provenance.h; docs/output.md has every key */
#include "convert/provenance.h"

#include "base/hash.h"
#include "convert/tokenizer_save.h"

#include <string.h>

static void write_sha256(struct fletch_json_writer *json, const char *key,
                         const uint8_t digest[FLETCH_SHA256_SIZE])
{
    char hex[FLETCH_SHA256_HEX];

    fletch_sha256_hex(hex, digest);
    fletch_json_write_key(json, key);
    fletch_json_write_text(json, hex);
}

static void write_number(struct fletch_json_writer *json, const char *key, uint64_t count)
{
    fletch_json_write_key(json, key);
    fletch_json_write_count(json, count);
}

/* Writes a key of a module's config, if it has it. */
static void write_config(struct fletch_json_writer *json, const char *key,
                         const json_t *config, const char *config_key)
{
    const json_t *value = json_object_get(config, config_key);

    if (!value)
        return;
    fletch_json_write_key(json, key);
    fletch_json_write_json(json, value);
}

/* ---- The source ---- */

/* Writes the hash of the part of weights.parquet that has no CRC. */
static void write_footer(struct fletch_json_writer *json,
                         const struct fletch_footer_hash *footer)
{
    if (!footer)
        return;
    fletch_json_write_key(json, "footer");
    fletch_json_write_open(json, '{');
    write_number(json, "offset", footer->offset);
    write_number(json, "bytes", footer->size);
    write_sha256(json, "sha256", footer->sha256);
    fletch_json_write_close(json, '}');
}

static void write_files(struct fletch_json_writer *json,
                        const struct fletch_metadata *metadata)
{
    fletch_json_write_key(json, "source_files");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < metadata->files_count; i++) {
        const struct fletch_source_file *file = &metadata->files[i];

        fletch_json_write_open(json, '{');
        fletch_json_write_pair(json, "name", file->name);
        write_number(json, "size", file->size);
        if (file->hashed)
            write_sha256(json, "sha256", file->sha256);
        fletch_json_write_close(json, '}');
    }
    fletch_json_write_close(json, ']');
}

/* ---- Rows ---- */

/* Writes that the cast was exact, or how many values changed and by how much at most. */
static void write_cast(struct fletch_json_writer *json, const struct fletch_row_plan *row,
                       const struct fletch_row_outcome *outcome)
{
    const struct fletch_cast_report *report = &outcome->report;
    bool exact = fletch_cast_report_is_exact(report);

    fletch_json_write_key(json, "cast");
    fletch_json_write_open(json, '{');
    fletch_json_write_key(json, "exact");
    fletch_json_write_bool(json, exact);
    if (!exact) {
        write_number(json, "rounded", report->rounded);
        write_number(json, "flushed", report->flushed);
        write_number(json, "subnormal", report->subnormal);
        write_number(json, "overflowed", report->overflowed);
        fletch_json_write_key(json, "absolute_error");
        fletch_json_write_real(json, report->absolute_error);
        fletch_json_write_key(json, "relative_error");
        fletch_json_write_real(json, report->relative_error);
    }
    if (report->nan)
        write_number(json, "nan", report->nan);
    /* values beyond float16, if the row stayed wide because of them */
    if (outcome->dtype != row->dtype)
        write_number(json, "beyond_float16", outcome->overflowed);
    fletch_json_write_close(json, '}');
}

static void write_row(struct fletch_json_writer *json, const struct fletch_row_plan *row,
                      const struct fletch_row_outcome *outcome, bool certify)
{
    fletch_json_write_key(json, row->name);
    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "tensor", row->tensor_name);
    if (row->mask_name)
        fletch_json_write_pair(json, "mask", row->mask_name);
    if (row->tensor->taken)
        fletch_json_write_pair(json, "taken", row->tensor->taken);
    fletch_json_write_pair(json, "source_dtype", fletch_dtype_text(row->tensor->dtype));
    if (certify)
        write_sha256(json, "source_sha256", outcome->source_sha256);
    write_sha256(json, "sha256", outcome->sha256);
    write_number(json, "bytes", outcome->size);
    write_number(json, "compressed_bytes", outcome->compressed_size);
    write_cast(json, row, outcome);
    fletch_json_write_close(json, '}');
}

static void write_rows(struct fletch_json_writer *json,
                       const struct fletch_metadata *metadata)
{
    const struct fletch_row_plans *plans = metadata->plans;

    fletch_json_write_key(json, "rows");
    fletch_json_write_open(json, '{');
    for (size_t i = 0; i < plans->rows_count; i++)
        write_row(json, &plans->rows[i], &metadata->outcomes[i],
                  metadata->options->certify);
    fletch_json_write_close(json, '}');
}

static void write_left_out(struct fletch_json_writer *json,
                           const struct fletch_row_plans *plans)
{
    fletch_json_write_key(json, "left_out");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < plans->left_out_count; i++) {
        fletch_json_write_open(json, '{');
        fletch_json_write_pair(json, "tensor", plans->left_out[i].tensor);
        fletch_json_write_pair(json, "reason", plans->left_out[i].reason);
        fletch_json_write_close(json, '}');
    }
    fletch_json_write_close(json, ']');
}

/* Only for a model that is not whole. */
static void write_missing(struct fletch_json_writer *json,
                          const struct fletch_row_plans *plans)
{
    if (!plans->missing_count)
        return;
    fletch_json_write_key(json, "missing_keys");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < plans->missing_count; i++)
        fletch_json_write_text(json, plans->missing[i]);
    fletch_json_write_close(json, ']');
}

/* ---- The pipeline of a sentence-transformers model ---- */

/* Copies a module's config.json unchanged, with its library's key names. Pooling modes
 * become a list, since the flags that are on by default are not in the file. */
static void write_module(struct fletch_json_writer *json,
                         const struct fletch_module *module)
{
    const char *mode;

    fletch_json_write_open(json, '{');
    fletch_json_write_pair(json, "module", module->kind);
    fletch_json_write_pair(json, "type", module->type);
    fletch_json_write_pair(json, "folder", module->folder);
    if (module->config_name && strcmp(module->config_name, "config.json") != 0)
        fletch_json_write_pair(json, "config_file", module->config_name);
    if (!strcmp(module->kind, "Pooling")) {
        fletch_json_write_key(json, "modes");
        fletch_json_write_open(json, '[');
        for (size_t i = 0; (mode = fletch_module_pooling(module, i)); i++)
            fletch_json_write_text(json, mode);
        fletch_json_write_close(json, ']');
        write_config(json, "dimension", module->config,
                     fletch_module_dimension_key(module));
        write_config(json, "include_prompt", module->config, "include_prompt");
    } else if (!strcmp(module->kind, "Dense")) {
        write_config(json, "in_features", module->config, "in_features");
        write_config(json, "out_features", module->config, "out_features");
        write_config(json, "bias", module->config, "bias");
        write_config(json, "activation", module->config, "activation_function");
    } else if (module->config) {
        fletch_json_write_key(json, "config");
        fletch_json_write_json(json, module->config);
    }
    fletch_json_write_close(json, '}');
}

#define MODULE(name)                                                                       \
    {                                                                                      \
        .kind = (name), .type = "sentence_transformers.models." name, .folder = ""         \
    }

/* The modules that the libraries assume for a folder without modules.json. */
static void write_plain_modules(struct fletch_json_writer *json,
                                const struct fletch_model *model)
{
    static const struct fletch_module plain[] = { MODULE("Transformer"),
                                                  MODULE("Pooling") };
    static const struct fletch_module table[] = { MODULE("StaticEmbedding"),
                                                  MODULE("Normalize") };
    bool is_table = model->model_class->on_request;
    bool normalize = json_is_true(json_object_get(model->config, "normalize"));
    const char *kind = fletch_model_kind(model);

    write_module(json, is_table ? &table[0] : &plain[0]);
    if (is_table ? normalize : !kind)
        write_module(json, is_table ? &table[1] : &plain[1]);
}

/* The function that a CrossEncoder applies to its scores, or nothing. */
static const json_t *activation_of(const struct fletch_model *model)
{
    const json_t *value = json_object_get(model->prompts, "activation_fn");

    return value ? value
                 : fletch_json_at(model->config, "sentence_transformers.activation_fn");
}

/* What limits the length of a text. */
static const char *length_source(const struct fletch_model *model)
{
    if (json_object_get(model->set, "max_seq_length"))
        return "--set max_seq_length";
    if (json_is_integer(json_object_get(model->sentence_config, "max_seq_length")))
        return model->sentence_config_name;
    return "config.json and tokenizer_config.json";
}

/* Published tokenizers often truncate at another length than the pipeline. Records what the
 * file stated, what the written one states, and where that comes from. */
static void write_truncation(struct fletch_json_writer *json,
                             const struct fletch_model *model, const json_t *truncation)
{
    const json_t *length = json_object_get(truncation, "max_length");
    struct fletch_tokenizer_cut cut = fletch_tokenizer_cut(model);
    bool changed = json_is_integer(length) && cut.pipeline &&
                   json_integer_value(length) != cut.pipeline;

    fletch_json_write_key(json, "truncation");
    fletch_json_write_open(json, '{');
    fletch_json_write_key(json, "source");
    fletch_json_write_json(json, truncation);
    fletch_json_write_key(json, "max_length");
    if (changed)
        fletch_json_write_count(json, (uint64_t)cut.pipeline);
    else if (json_is_object(truncation) || !cut.limit)
        fletch_json_write_json(json, length);
    else
        fletch_json_write_count(json, (uint64_t)cut.limit);
    if (changed) {
        fletch_json_write_key(json, "changed");
        fletch_json_write_open(json, '{');
        fletch_json_write_key(json, "from");
        fletch_json_write_json(json, length);
        write_number(json, "to", (uint64_t)cut.pipeline);
        fletch_json_write_pair(json, "source", length_source(model));
        fletch_json_write_close(json, '}');
    }
    fletch_json_write_close(json, '}');
}

/* How models that keep a vector for each token treat queries and documents: PyLate's keys,
 * which other kinds do not have. */
static void write_late_interaction(struct fletch_json_writer *json,
                                   const struct fletch_model *model)
{
    static const char *const keys[] = {
        "query_prefix",    "document_prefix", "query_length",
        "document_length", "skiplist_words",  "attend_to_expansion_tokens",
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        write_config(json, keys[i], model->prompts, keys[i]);
}

static void write_pipeline(struct fletch_json_writer *json,
                           const struct fletch_metadata *metadata, const json_t *truncation)
{
    const struct fletch_model *model = metadata->model;
    int64_t length = fletch_model_max_seq_length(model);

    fletch_json_write_key(json, "pipeline");
    fletch_json_write_open(json, '{');
    if (fletch_model_kind(model))
        fletch_json_write_pair(json, "model_type", fletch_model_kind(model));
    fletch_json_write_key(json, "modules");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < model->modules_count; i++)
        write_module(json, &model->modules[i]);
    if (!model->modules_count)
        write_plain_modules(json, model);
    fletch_json_write_close(json, ']');
    if (length > 0)
        write_number(json, "max_seq_length", (uint64_t)length);
    write_config(json, "do_lower_case", model->sentence_config, "do_lower_case");
    write_config(json, "prompts", model->prompts, "prompts");
    write_config(json, "default_prompt_name", model->prompts, "default_prompt_name");
    write_config(json, "similarity", model->prompts, "similarity_fn_name");
    write_late_interaction(json, model);
    if (activation_of(model)) {
        fletch_json_write_key(json, "activation");
        fletch_json_write_json(json, activation_of(model));
    }
    if (metadata->has_tokenizer && model->family->metadata_kind == FLETCH_METADATA_SENTENCE)
        write_truncation(json, model, truncation);
    fletch_json_write_close(json, '}');
}

/* ---- The tokenizer ---- */

static void write_tokenizer(struct fletch_json_writer *json,
                            const struct fletch_metadata *metadata)
{
    const struct fletch_tokenizer_files *made = metadata->tokenizer_made;

    fletch_json_write_key(json, "tokenizer");
    if (!metadata->has_tokenizer) {
        fletch_json_write_json(json, NULL);
        return;
    }
    fletch_json_write_open(json, '{');
    fletch_json_write_key(json, "made");
    fletch_json_write_bool(json, made);
    fletch_json_write_key(json, "from");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; made && i < made->files_count; i++)
        fletch_json_write_text(json, made->files[i]);
    if (!made)
        fletch_json_write_text(json, "tokenizer.json");
    fletch_json_write_close(json, ']');
    fletch_json_write_close(json, '}');
}

/* ---- The object ---- */

/* Writes what the checkpoints' readers skipped. */
static void write_notes(struct fletch_json_writer *json, const struct fletch_model *model)
{
    const char *note;

    fletch_json_write_key(json, "notes");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; (note = fletch_model_note(model, i)); i++)
        fletch_json_write_text(json, note);
    fletch_json_write_close(json, ']');
}

void fletch_provenance_write(struct fletch_json_writer *json,
                             const struct fletch_metadata *metadata,
                             const json_t *truncation)
{
    const struct fletch_model *model = metadata->model;

    fletch_json_write_open(json, '{');
    write_number(json, "format_version", FLETCH_PROVENANCE_VERSION);
    fletch_json_write_pair(json, "version", fletch_version());
    fletch_json_write_pair(json, "created_by", "fletch version " FLETCH_VERSION);
    fletch_json_write_pair(json, "family", model->family->name);
    fletch_json_write_pair(json, "evidence", model->evidence);
    fletch_json_write_pair(json, "dialect", model->dialect ? model->dialect->name : NULL);
    if (model->set) {
        fletch_json_write_key(json, "set");
        fletch_json_write_json(json, model->set);
    }
    if (model->keep_heads) {
        fletch_json_write_key(json, "keep_heads");
        fletch_json_write_bool(json, true);
    }
    fletch_json_write_pair(json, "source_model_type",
                           *model->model_type ? model->model_type : NULL);
    fletch_json_write_pair(json, "source_format", model->components[0].checkpoint->format);
    /* record even an empty prefix if it was requested: a proof must not choose again */
    if (*model->components[0].checkpoint->prefix || metadata->options->prefix)
        fletch_json_write_pair(json, "source_prefix",
                               model->components[0].checkpoint->prefix);
    if (model->components[0].checkpoint->metadata) {
        fletch_json_write_key(json, "source_metadata");
        fletch_json_write_json(json, model->components[0].checkpoint->metadata);
    }
    write_files(json, metadata);
    write_footer(json, metadata->footer);
    write_rows(json, metadata);
    write_left_out(json, metadata->plans);
    write_missing(json, metadata->plans);
    write_tokenizer(json, metadata);
    fletch_json_write_key(json, "warnings");
    fletch_json_write_open(json, '[');
    for (size_t i = 0; i < metadata->warnings_count; i++)
        fletch_json_write_text(json, metadata->warnings[i]);
    fletch_json_write_close(json, ']');
    write_notes(json, model);
    if (model->family->metadata_kind == FLETCH_METADATA_SENTENCE ||
        (!model->modules_count && fletch_model_kind(model)))
        write_pipeline(json, metadata, truncation);
    fletch_json_write_close(json, '}');
}
