/* SPDX-License-Identifier: MIT */
/* account.c - see account.h; docs/output.md has every key */
#include "convert/account.h"

#include "base/hash.h"
#include "convert/tokenizer.h"

#include <string.h>

static void emit_sha256(struct fletch_emit *emit, const char *key,
                        const uint8_t digest[FLETCH_SHA256_SIZE])
{
    char hex[FLETCH_SHA256_HEX];

    fletch_sha256_hex(hex, digest);
    fletch_emit_key(emit, key);
    fletch_emit_text(emit, hex);
}

static void emit_pair(struct fletch_emit *emit, const char *key, const char *text)
{
    fletch_emit_key(emit, key);
    fletch_emit_text(emit, text);
}

static void emit_number(struct fletch_emit *emit, const char *key, uint64_t count)
{
    fletch_emit_key(emit, key);
    fletch_emit_count(emit, count);
}

/* A key of a module's config, where it has it. */
static void emit_config(struct fletch_emit *emit, const char *key, const json_t *config,
                        const char *config_key)
{
    const json_t *value = json_object_get(config, config_key);

    if (!value)
        return;
    fletch_emit_key(emit, key);
    fletch_emit_json(emit, value);
}

/* ---- The source ---- */

/* What has no CRC in weights.parquet. */
static void emit_tail(struct fletch_emit *emit, const struct fletch_tail *tail)
{
    if (!tail)
        return;
    fletch_emit_key(emit, "footer");
    fletch_emit_open(emit, '{');
    emit_number(emit, "offset", tail->offset);
    emit_number(emit, "bytes", tail->size);
    emit_sha256(emit, "sha256", tail->sha256);
    fletch_emit_close(emit, '}');
}

static void emit_files(struct fletch_emit *emit, const struct fletch_metadata *metadata)
{
    fletch_emit_key(emit, "source_files");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; i < metadata->files_count; i++) {
        const struct fletch_source_file *file = &metadata->files[i];

        fletch_emit_open(emit, '{');
        emit_pair(emit, "name", file->name);
        emit_number(emit, "size", file->size);
        if (file->hashed)
            emit_sha256(emit, "sha256", file->sha256);
        fletch_emit_close(emit, '}');
    }
    fletch_emit_close(emit, ']');
}

/* ---- Rows ---- */

/* Exact, or how many values are not what they were, and by how much at most. */
static void emit_cast(struct fletch_emit *emit, const struct fletch_row_plan *row,
                      const struct fletch_row_outcome *outcome)
{
    const struct fletch_cast_report *report = &outcome->report;
    bool exact = fletch_cast_report_is_exact(report);

    fletch_emit_key(emit, "cast");
    fletch_emit_open(emit, '{');
    fletch_emit_key(emit, "exact");
    fletch_emit_bool(emit, exact);
    if (!exact) {
        emit_number(emit, "rounded", report->rounded);
        emit_number(emit, "flushed", report->flushed);
        emit_number(emit, "subnormal", report->subnormal);
        emit_number(emit, "overflowed", report->overflowed);
        fletch_emit_key(emit, "absolute_error");
        fletch_emit_real(emit, report->absolute_error);
        fletch_emit_key(emit, "relative_error");
        fletch_emit_real(emit, report->relative_error);
    }
    if (report->nan)
        emit_number(emit, "nan", report->nan);
    /* values that float16 cannot hold, where the row stayed wide for their sake */
    if (outcome->dtype != row->dtype)
        emit_number(emit, "beyond_float16", outcome->overflowed);
    fletch_emit_close(emit, '}');
}

static void emit_row(struct fletch_emit *emit, const struct fletch_row_plan *row,
                     const struct fletch_row_outcome *outcome, bool certify)
{
    fletch_emit_key(emit, row->name);
    fletch_emit_open(emit, '{');
    emit_pair(emit, "tensor", row->tensor_name);
    if (row->mask_name)
        emit_pair(emit, "mask", row->mask_name);
    if (row->tensor->taken)
        emit_pair(emit, "taken", row->tensor->taken);
    emit_pair(emit, "source_dtype", fletch_dtype_text(row->tensor->dtype));
    if (certify)
        emit_sha256(emit, "source_sha256", outcome->source_sha256);
    emit_sha256(emit, "sha256", outcome->sha256);
    emit_number(emit, "bytes", outcome->size);
    emit_number(emit, "compressed_bytes", outcome->compressed_size);
    emit_cast(emit, row, outcome);
    fletch_emit_close(emit, '}');
}

static void emit_rows(struct fletch_emit *emit, const struct fletch_metadata *metadata)
{
    const struct fletch_row_plans *plans = metadata->plans;

    fletch_emit_key(emit, "rows");
    fletch_emit_open(emit, '{');
    for (size_t i = 0; i < plans->rows_count; i++)
        emit_row(emit, &plans->rows[i], &metadata->outcomes[i], metadata->options->certify);
    fletch_emit_close(emit, '}');
}

static void emit_left_out(struct fletch_emit *emit, const struct fletch_row_plans *plans)
{
    fletch_emit_key(emit, "left_out");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; i < plans->left_out_count; i++) {
        fletch_emit_open(emit, '{');
        emit_pair(emit, "tensor", plans->left_out[i].tensor);
        emit_pair(emit, "reason", plans->left_out[i].reason);
        fletch_emit_close(emit, '}');
    }
    fletch_emit_close(emit, ']');
}

/* Only of a model that is not whole. */
static void emit_missing(struct fletch_emit *emit, const struct fletch_row_plans *plans)
{
    if (!plans->missing_count)
        return;
    fletch_emit_key(emit, "missing_keys");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; i < plans->missing_count; i++)
        fletch_emit_text(emit, plans->missing[i]);
    fletch_emit_close(emit, ']');
}

/* ---- The pipeline of a sentence-transformers model ---- */

/* A module's config.json goes in as it is, under the words of its own library; pooling
 * modes as a list, since which flags are on by default is the library's secret. */
static void emit_module(struct fletch_emit *emit, const struct fletch_module *module)
{
    const char *mode;

    fletch_emit_open(emit, '{');
    emit_pair(emit, "module", module->kind);
    emit_pair(emit, "type", module->type);
    emit_pair(emit, "folder", module->folder);
    if (module->config_name && strcmp(module->config_name, "config.json") != 0)
        emit_pair(emit, "config_file", module->config_name);
    if (!strcmp(module->kind, "Pooling")) {
        fletch_emit_key(emit, "modes");
        fletch_emit_open(emit, '[');
        for (size_t i = 0; (mode = fletch_module_pooling(module, i)); i++)
            fletch_emit_text(emit, mode);
        fletch_emit_close(emit, ']');
        emit_config(emit, "dimension", module->config, fletch_module_dimension_key(module));
        emit_config(emit, "include_prompt", module->config, "include_prompt");
    } else if (!strcmp(module->kind, "Dense")) {
        emit_config(emit, "in_features", module->config, "in_features");
        emit_config(emit, "out_features", module->config, "out_features");
        emit_config(emit, "bias", module->config, "bias");
        emit_config(emit, "activation", module->config, "activation_function");
    } else if (module->config) {
        fletch_emit_key(emit, "config");
        fletch_emit_json(emit, module->config);
    }
    fletch_emit_close(emit, '}');
}

#define MODULE(name)                                                                       \
    {                                                                                      \
        .kind = (name), .type = "sentence_transformers.models." name, .folder = ""         \
    }

/* What the libraries put together for a folder without modules.json. */
static void emit_plain_modules(struct fletch_emit *emit, const struct fletch_model *model)
{
    static const struct fletch_module plain[] = { MODULE("Transformer"),
                                                  MODULE("Pooling") };
    static const struct fletch_module table[] = { MODULE("StaticEmbedding"),
                                                  MODULE("Normalize") };
    bool is_table = model->member->told;
    bool normalize = json_is_true(json_object_get(model->config, "normalize"));
    const char *kind = fletch_model_kind(model);

    emit_module(emit, is_table ? &table[0] : &plain[0]);
    if (is_table ? normalize : !kind)
        emit_module(emit, is_table ? &table[1] : &plain[1]);
}

/* What a model does to its scores, or nothing: a CrossEncoder's. */
static const json_t *activation_of(const struct fletch_model *model)
{
    const json_t *value = json_object_get(model->prompts, "activation_fn");

    return value ? value
                 : fletch_json_at(model->config, "sentence_transformers.activation_fn");
}

/* Who says how long a text may be. */
static const char *length_source(const struct fletch_model *model)
{
    if (json_object_get(model->set, "max_seq_length"))
        return "--set max_seq_length";
    if (json_is_integer(json_object_get(model->sentence_config, "max_seq_length")))
        return model->sentence_config_name;
    return "config.json and tokenizer_config.json";
}

/* Published tokenizers are often told to cut elsewhere than the pipeline does: what the
 * file said, what the written one says, and whose word that is. */
static void emit_truncation(struct fletch_emit *emit, const struct fletch_model *model,
                            const json_t *truncation)
{
    const json_t *length = json_object_get(truncation, "max_length");
    struct fletch_tokenizer_cut cut = fletch_tokenizer_cut(model);
    bool changed = json_is_integer(length) && cut.pipeline &&
                   json_integer_value(length) != cut.pipeline;

    fletch_emit_key(emit, "truncation");
    fletch_emit_open(emit, '{');
    fletch_emit_key(emit, "source");
    fletch_emit_json(emit, truncation);
    fletch_emit_key(emit, "max_length");
    if (changed)
        fletch_emit_count(emit, (uint64_t)cut.pipeline);
    else if (json_is_object(truncation) || !cut.limit)
        fletch_emit_json(emit, length);
    else
        fletch_emit_count(emit, (uint64_t)cut.limit);
    if (changed) {
        fletch_emit_key(emit, "changed");
        fletch_emit_open(emit, '{');
        fletch_emit_key(emit, "from");
        fletch_emit_json(emit, length);
        emit_number(emit, "to", (uint64_t)cut.pipeline);
        emit_pair(emit, "source", length_source(model));
        fletch_emit_close(emit, '}');
    }
    fletch_emit_close(emit, '}');
}

/* How queries and documents are made of texts where each token keeps its vector: PyLate's
 * keys, none of which other kinds have. */
static void emit_late_interaction(struct fletch_emit *emit,
                                  const struct fletch_model *model)
{
    static const char *const keys[] = {
        "query_prefix",    "document_prefix", "query_length",
        "document_length", "skiplist_words",  "attend_to_expansion_tokens",
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        emit_config(emit, keys[i], model->prompts, keys[i]);
}

static void emit_pipeline(struct fletch_emit *emit, const struct fletch_metadata *metadata,
                          const json_t *truncation)
{
    const struct fletch_model *model = metadata->model;
    int64_t length = fletch_model_max_seq_length(model);

    fletch_emit_key(emit, "pipeline");
    fletch_emit_open(emit, '{');
    if (fletch_model_kind(model))
        emit_pair(emit, "model_type", fletch_model_kind(model));
    fletch_emit_key(emit, "modules");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; i < model->modules_count; i++)
        emit_module(emit, &model->modules[i]);
    if (!model->modules_count)
        emit_plain_modules(emit, model);
    fletch_emit_close(emit, ']');
    if (length > 0)
        emit_number(emit, "max_seq_length", (uint64_t)length);
    emit_config(emit, "do_lower_case", model->sentence_config, "do_lower_case");
    emit_config(emit, "prompts", model->prompts, "prompts");
    emit_config(emit, "default_prompt_name", model->prompts, "default_prompt_name");
    emit_config(emit, "similarity", model->prompts, "similarity_fn_name");
    emit_late_interaction(emit, model);
    if (activation_of(model)) {
        fletch_emit_key(emit, "activation");
        fletch_emit_json(emit, activation_of(model));
    }
    if (metadata->has_tokenizer && model->family->layout == FLETCH_LAYOUT_SENTENCE)
        emit_truncation(emit, model, truncation);
    fletch_emit_close(emit, '}');
}

/* ---- The tokenizer ---- */

static void emit_tokenizer(struct fletch_emit *emit, const struct fletch_metadata *metadata)
{
    const struct fletch_vocab_origin *made = metadata->tokenizer_made;

    fletch_emit_key(emit, "tokenizer");
    if (!metadata->has_tokenizer) {
        fletch_emit_json(emit, NULL);
        return;
    }
    fletch_emit_open(emit, '{');
    fletch_emit_key(emit, "made");
    fletch_emit_bool(emit, made);
    fletch_emit_key(emit, "from");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; made && i < made->files_count; i++)
        fletch_emit_text(emit, made->files[i]);
    if (!made)
        fletch_emit_text(emit, "tokenizer.json");
    fletch_emit_close(emit, ']');
    fletch_emit_close(emit, '}');
}

/* ---- The object ---- */

/* What the checkpoints' readers passed over. */
static void emit_notes(struct fletch_emit *emit, const struct fletch_model *model)
{
    const char *note;

    fletch_emit_key(emit, "notes");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; (note = fletch_model_note(model, i)); i++)
        fletch_emit_text(emit, note);
    fletch_emit_close(emit, ']');
}

void fletch_account_emit(struct fletch_emit *emit, const struct fletch_metadata *metadata,
                         const json_t *truncation)
{
    const struct fletch_model *model = metadata->model;

    fletch_emit_open(emit, '{');
    emit_number(emit, "format_version", FLETCH_ACCOUNT_VERSION);
    emit_pair(emit, "version", fletch_version());
    emit_pair(emit, "created_by", "fletch version " FLETCH_VERSION);
    emit_pair(emit, "family", model->family->name);
    emit_pair(emit, "evidence", model->evidence);
    emit_pair(emit, "dialect", model->dialect ? model->dialect->name : NULL);
    if (model->set) {
        fletch_emit_key(emit, "set");
        fletch_emit_json(emit, model->set);
    }
    if (model->keep_heads) {
        fletch_emit_key(emit, "keep_heads");
        fletch_emit_bool(emit, true);
    }
    emit_pair(emit, "source_model_type", *model->model_type ? model->model_type : NULL);
    emit_pair(emit, "source_format", model->parts[0].checkpoint->format);
    /* none at all is worth a word where it was asked for: a proof must not choose anew */
    if (*model->parts[0].checkpoint->prefix || metadata->options->prefix)
        emit_pair(emit, "source_prefix", model->parts[0].checkpoint->prefix);
    if (model->parts[0].checkpoint->metadata) {
        fletch_emit_key(emit, "source_metadata");
        fletch_emit_json(emit, model->parts[0].checkpoint->metadata);
    }
    emit_files(emit, metadata);
    emit_tail(emit, metadata->tail);
    emit_rows(emit, metadata);
    emit_left_out(emit, metadata->plans);
    emit_missing(emit, metadata->plans);
    emit_tokenizer(emit, metadata);
    fletch_emit_key(emit, "warnings");
    fletch_emit_open(emit, '[');
    for (size_t i = 0; i < metadata->warnings_count; i++)
        fletch_emit_text(emit, metadata->warnings[i]);
    fletch_emit_close(emit, ']');
    emit_notes(emit, model);
    if (model->family->layout == FLETCH_LAYOUT_SENTENCE ||
        (!model->modules_count && fletch_model_kind(model)))
        emit_pipeline(emit, metadata, truncation);
    fletch_emit_close(emit, '}');
}
