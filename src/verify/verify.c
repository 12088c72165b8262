/* SPDX-License-Identifier: MIT */
/* verify.c - proves an existing converted folder: by itself, or against its source */
#include "plan/preflight.h"
#include "verify/verify_rows.h"
#include "verify/footer.h"
#include "output/files.h"
#include "tokenizer/truncation.h"

#include "base/api_options.h"

#include <inttypes.h>
#include <string.h>

/* The one format that there is; with a second, what is at the path would say which. */
#define OUTPUT fletch_outputs[0]

struct verification {
    const char *out_dir, *source;
    const struct fletch_options *options;
    struct fletch_arena arena;
    struct fletch_file file;
    struct fletch_reader *reader;
    json_t *metadata;
    struct fletch_source origin;
};

/* Reported when the output matches its metadata.json, but not the source. */
#define DIFFERENT "source and output are different models"

static void warn(const struct verification *v, const char *text)
{
    struct fletch_progress progress = { .stage = FLETCH_STAGE_WARNING, .text = text };

    if (v->options->progress)
        v->options->progress(&progress, v->options->user);
}

/* ---- metadata.json against the rows ---- */

static enum fletch_status compare_shape(const json_t *shape,
                                        const struct fletch_reader_row *row)
{
    if (json_array_size(shape) != row->rank)
        return FLETCH_ERR_VERIFY;
    for (unsigned i = 0; i < row->rank; i++)
        if ((uint64_t)json_integer_value(json_array_get(shape, i)) != row->shape[i])
            return FLETCH_ERR_VERIFY;
    return FLETCH_OK;
}

static enum fletch_status compare_layer(const json_t *layers,
                                        const struct fletch_reader_row *row,
                                        struct fletch_error *err)
{
    const json_t *layer = json_object_get(layers, row->name);
    const char *dtype = json_string_value(json_object_get(layer, "dtype"));

    if (!layer)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s' is in weights.parquet, but not in metadata.json",
                           row->name);
    if (compare_shape(json_object_get(layer, "shape"), row))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': its shape in metadata.json is another one",
                           row->name);
    if (!dtype || strcmp(dtype, row->dtype))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': stored as %s, metadata.json says %s", row->name,
                           row->dtype, dtype ? dtype : "nothing");
    if ((uint64_t)json_integer_value(json_object_get(layer, "num_params")) != row->count)
        return fletch_fail(
            err, FLETCH_ERR_VERIFY,
            "row '%s': has %" PRIu64 " elements, metadata.json says %lld", row->name,
            row->count,
            (long long)json_integer_value(json_object_get(layer, "num_params")));
    return FLETCH_OK;
}

/* A number that the provenance has of a row. */
static enum fletch_status compare_number(const json_t *provenance, const char *key,
                                         uint64_t found,
                                         const struct fletch_reader_row *row,
                                         struct fletch_error *err)
{
    json_int_t said = json_integer_value(json_object_get(provenance, key));

    if ((uint64_t)said == found)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_VERIFY,
                       "row '%s': its \"%s\" are %" PRIu64 ", metadata.json says %lld",
                       row->name, key, found, (long long)said);
}

static enum fletch_status compare_provenance_row(const json_t *rows,
                                                 const struct fletch_reader_row *row,
                                                 struct fletch_error *err)
{
    const json_t *provenance = json_object_get(rows, row->name);

    if (!json_is_string(json_object_get(provenance, "sha256")))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': metadata.json has no sha256 of it", row->name);
    /* a rewritten file may lack these, or have them only for some rows */
    if (row->size != UINT64_MAX)
        TRY(compare_number(provenance, "bytes", row->size, row, err));
    if (row->compressed_size)
        TRY(compare_number(provenance, "compressed_bytes", row->compressed_size, row, err));
    return FLETCH_OK;
}

/* Checks what a conversion by fletch states about its output: nothing is missing, and all
 * is true. */
static enum fletch_status compare_provenance(const struct verification *v,
                                             const json_t *provenance,
                                             struct fletch_error *err)
{
    static const char *const counts[] = { "num_layers", "num_weight_tensors" };
    const json_t *rows = json_object_get(provenance, "rows");
    size_t rows_count = v->reader->rows_count;

    if (!json_is_object(rows))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "metadata.json: \"fletch\" lacks its rows");
    for (size_t i = 0; i < rows_count; i++)
        TRY(compare_provenance_row(rows, &v->reader->rows[i], err));
    if (json_object_size(rows) != rows_count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "metadata.json has the sha256 of %zu rows, weights.parquet has "
                           "%zu",
                           json_object_size(rows), rows_count);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const json_t *count = json_object_get(v->metadata, counts[i]);

        if (count && (uint64_t)json_integer_value(count) != rows_count)
            return fletch_fail(err, FLETCH_ERR_VERIFY,
                               "weights.parquet has %zu rows, metadata.json says %lld "
                               "(\"%s\")",
                               rows_count, (long long)json_integer_value(count), counts[i]);
    }
    return FLETCH_OK;
}

static enum fletch_status compare_layers(const struct verification *v, const json_t *layers,
                                         struct fletch_error *err)
{
    const json_t *total = json_object_get(v->metadata, "total_parameters");
    uint64_t parameters = 0;

    for (size_t i = 0; i < v->reader->rows_count; i++) {
        TRY(compare_layer(layers, &v->reader->rows[i], err));
        parameters += v->reader->rows[i].count;
    }
    if (json_object_size(layers) != v->reader->rows_count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "metadata.json lists %zu rows, weights.parquet has %zu",
                           json_object_size(layers), v->reader->rows_count);
    if (total && (uint64_t)json_integer_value(total) != parameters)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "weights.parquet has %" PRIu64
                           " parameters, metadata.json says %lld",
                           parameters, (long long)json_integer_value(total));
    return FLETCH_OK;
}

/* Folders of other tools may have no such lists: then nothing is proven, which is
 * reported. */
static enum fletch_status compare_metadata(const struct verification *v,
                                           struct fletch_error *err)
{
    const json_t *layers = json_object_get(v->metadata, "layer_info");
    const json_t *provenance = json_object_get(v->metadata, "fletch");

    if (!layers && provenance)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "metadata.json lacks its \"layer_info\"");
    if (layers)
        TRY(compare_layers(v, layers, err));
    else
        warn(v, "metadata.json has no \"layer_info\": no name, type or shape was held "
                "against it");
    return provenance ? compare_provenance(v, provenance, err) : FLETCH_OK;
}

/* ---- The tokenizer ---- */

/* As strict as a conversion that copies one. */
static enum fletch_status check_tokenizer_text(const char *path, struct fletch_error *err)
{
    static const struct fletch_tokenizer_cut as_it_is = { 0 };
    struct fletch_buf text = { 0 }, edited = { 0 };
    bool null;
    enum fletch_status status =
        fletch_file_load(&text, path, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX", err);

    if (!status) {
        status = fletch_tokenizer_edit(&edited, &null, (const char *)text.bytes, text.size,
                                       &as_it_is, err);
        if (status)
            fletch_error_prefix(err, "%s", path);
    }
    fletch_buf_release(&edited);
    fletch_buf_release(&text);
    return status;
}

/* Checks the files that metadata.json promises. A folder of another tool may have other
 * files than a tokenizer.json. */
static enum fletch_status check_tokenizer(struct verification *v, const char *metadata,
                                          struct fletch_error *err)
{
    const char *named = json_string_value(json_object_get(v->metadata, "tokenizer_path"));
    bool ours = json_is_object(fletch_json_at(v->metadata, "fletch.tokenizer"));
    const char *name = named  ? fletch_path_base(named)
                       : ours ? FLETCH_TOKENIZER_FOLDER
                              : "";
    size_t folder_len = (size_t)(fletch_path_base(metadata) - metadata);
    char *folder = fletch_arena_text(&v->arena, metadata, folder_len), *path = NULL, *text;

    if (folder)
        path = fletch_path_join(&v->arena, folder, name);
    text = path ? fletch_path_join(&v->arena, path, FLETCH_TOKENIZER_FILE) : NULL;
    if (!text)
        return fletch_fail_memory(err, strlen(metadata), "a path");
    if (!*name)
        return FLETCH_OK;
    if (fletch_file_kind(ours ? text : path) == FLETCH_FILE_NONE)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "%s: no such file or folder, metadata.json promises a tokenizer "
                           "there",
                           ours ? text : path);
    return fletch_file_kind(text) == FLETCH_FILE_NONE ? FLETCH_OK
                                                      : check_tokenizer_text(text, err);
}

/* ---- Opening ---- */

/* The path where metadata.json must be, or may be if a weights.parquet is given itself.
 * NULL when there is none to check. */
static enum fletch_status find_metadata(const char **out, struct verification *v,
                                        bool folder, struct fletch_error *err)
{
    char *path = fletch_arena_strdup(&v->arena, v->out_dir);
    bool ours = folder || !strcmp(fletch_path_base(v->out_dir), OUTPUT->file_name);

    *out = NULL;
    if (!ours)
        return FLETCH_OK;
    if (path && !folder)
        path[strlen(path) - strlen(OUTPUT->file_name)] = 0;
    path = path ? fletch_path_join(&v->arena, path, FLETCH_METADATA_FILE) : NULL;
    if (!path)
        return fletch_fail_memory(err, strlen(v->out_dir), "a path");
    if (folder || fletch_file_kind(path) != FLETCH_FILE_NONE)
        *out = path;
    return FLETCH_OK;
}

static enum fletch_status open_output(struct verification *v, struct fletch_error *err)
{
    bool folder = fletch_file_kind(v->out_dir) == FLETCH_FILE_FOLDER;
    const char *metadata;

    TRY(fletch_output_open_file(&v->file, &v->arena, v->out_dir, OUTPUT->file_name, err));
    TRY(find_metadata(&metadata, v, folder, err));
    if (folder && fletch_file_kind(metadata) == FLETCH_FILE_NONE)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: no such file, expected beside weights.parquet; that file "
                           "alone may be given by its own path",
                           metadata);
    if (metadata) {
        TRY(fletch_json_load(&v->metadata, metadata, false, err));
        TRY(fletch_footer_hash_check(fletch_json_at(v->metadata, "fletch.footer"), &v->file,
                                     err));
    }
    TRY(OUTPUT->open(&v->reader, &v->file, err));
    if (!metadata)
        return FLETCH_OK;
    TRY(compare_metadata(v, err));
    return check_tokenizer(v, metadata, err);
}

/* The original settings, followed by the caller's: the last value of a key counts. */
static enum fletch_status recall_settings(const char *const **out, struct verification *v,
                                          struct fletch_error *err)
{
    const json_t *set = fletch_json_at(v->metadata, "fletch.set");
    const char *const *asked = v->options->set;
    size_t count = json_object_size(set), asked_count = 0;
    json_t *walk = (json_t *)(uintptr_t)set; /* jansson iterates only non-const objects */
    const char **list;

    while (asked && asked[asked_count])
        asked_count++;
    list = fletch_arena_alloc_array(&v->arena, count + asked_count + 1, sizeof(*list));
    if (!list)
        return fletch_fail_memory(err, count * sizeof(*list), "settings");
    count = 0;
    for (void *at = json_object_iter(walk); at; at = json_object_iter_next(walk, at)) {
        struct fletch_buf text = { 0 };

        /* as JSON: a word that looks like a number stays a word */
        fletch_json_put(&text, json_object_iter_value(at), 0);
        list[count] = fletch_arena_format(&v->arena, "%s=%.*s", json_object_iter_key(at),
                                          (int)text.size, (const char *)text.bytes);
        if (text.failed || !list[count++]) {
            fletch_buf_release(&text);
            return fletch_fail_memory(err, text.size, "a setting");
        }
        fletch_buf_release(&text);
    }
    for (size_t i = 0; i < asked_count; i++)
        list[count++] = asked[i];
    list[count] = NULL;
    *out = list;
    return FLETCH_OK;
}

/* How many tensors metadata.json lists as missing. */
static size_t missing_count(const struct verification *v)
{
    return json_array_size(fletch_json_at(v->metadata, "fletch.missing_keys"));
}

/* The source is not of the output's family: says what it is instead. */
static enum fletch_status fail_family(struct verification *v, const char *made_as,
                                      struct fletch_error *err)
{
    struct fletch_options options = *v->options;
    struct fletch_model *model = NULL;

    options.family = NULL;
    if (!fletch_model_open(&model, v->source, &options, err))
        fletch_fail(err, FLETCH_ERR_FAMILY,
                    "the output was made as '%s', the source is of the type '%s' (%.160s)",
                    made_as, model->family->name, model->evidence);
    else
        fletch_error_prefix(err, "the output was made as '%s', the source", made_as);
    fletch_model_close(model);
    if (err && err->status == FLETCH_ERR_FAMILY && !v->options->set)
        fletch_error_prefix(err, DIFFERENT);
    return err ? err->status : FLETCH_ERR_FAMILY;
}

/* Opens the source with the output's family, precision and settings, unless the caller
 * overrides them. */
static enum fletch_status open_source(struct verification *v, struct fletch_error *err)
{
    const json_t *config = json_object_get(v->metadata, "conversion_config");
    const json_t *float16 = json_object_get(config, "use_float16");
    const char *made_as = json_string_value(fletch_json_at(v->metadata, "fletch.family"));
    struct fletch_options options = *v->options;
    enum fletch_status status;

    TRY(recall_settings(&options.set, v, err));
    options.precision =
        json_is_false(float16) ? FLETCH_PRECISION_KEEP : FLETCH_PRECISION_FLOAT16;
    if (!options.family)
        options.family = made_as;
    /* a model that was not whole then need not be now */
    options.allow_missing |= missing_count(v) > 0;
    options.keep_heads |= json_is_true(fletch_json_at(v->metadata, "fletch.keep_heads"));
    if (!options.prefix)
        options.prefix =
            json_string_value(fletch_json_at(v->metadata, "fletch.source_prefix"));
    status = fletch_source_open(&v->origin, v->source, &options, err);
    /* the same weights in another file may lack that prefix */
    if (status == FLETCH_ERR_ARGUMENT && options.prefix && !v->options->prefix) {
        options.prefix = NULL;
        status = fletch_source_open(&v->origin, v->source, &options, err);
    }
    if (status == FLETCH_ERR_FAMILY && made_as && options.family == made_as)
        return fail_family(v, made_as, err);
    return status;
}

/* The proof against the source failed. If the output still matches all its own hashes, the
 * source is at fault: say so, unless the caller's own settings may be the cause. */
static void blame_source(const struct verification *v, const struct fletch_proof *against,
                         struct fletch_error *err)
{
    struct fletch_options options = *v->options;
    struct fletch_verification alone = { 0 };
    struct fletch_proof proof = *against;

    if (!proof.rows || options.family || options.prefix || options.set)
        return;
    options.progress = NULL;
    proof.options = &options;
    proof.plans = NULL;
    if (!fletch_proof_run(&alone, v->reader, &proof, NULL) && alone.hashes == alone.rows)
        fletch_error_prefix(err, DIFFERENT ", or the source was changed");
}

enum fletch_status fletch_verify(struct fletch_verification *out, const char *out_dir,
                                 const char *source, const struct fletch_options *options,
                                 struct fletch_error *err)
{
    struct fletch_options taken;
    struct verification v = {
        .out_dir = out_dir, .source = source, .options = &taken, .file = FLETCH_FILE_CLOSED
    };
    enum fletch_status status;

    TRY(fletch_options_take(&taken, options, err));
    status = open_output(&v, err);
    if (!status && source)
        status = open_source(&v, err);
    if (!status) {
        struct fletch_proof proof = { .output = OUTPUT,
                                      .plans = source ? &v.origin.plans : NULL,
                                      .options = v.options,
                                      .overflow_may_be_inf = true,
                                      .rows = fletch_json_at(v.metadata, "fletch.rows"),
                                      .threads = fletch_thread_count(v.options) };

        status = fletch_proof_run(out, v.reader, &proof, err);
        if (!status)
            out->missing = missing_count(&v);
        if (status == FLETCH_ERR_VERIFY && source)
            blame_source(&v, &proof, err);
        if (!status && !out->compared)
            warn(&v, "no value was compared with anything: no sha256 is known of them, and "
                     "no source was given");
    }
    fletch_source_close(&v.origin);
    if (v.reader)
        OUTPUT->close(v.reader);
    fletch_file_close(&v.file);
    json_decref(v.metadata);
    fletch_arena_release(&v.arena);
    return status;
}
