/* SPDX-License-Identifier: MIT */
/* convert.c - converts a model into a folder: the whole way, one step a line
 *
 * If you read one file, read fletch_convert at the end of this one. Each step fills in a
 * part of struct conversion and uses only parts filled in before; nothing flows back.
 */
#include "base/api_options.h"
#include "base/pool.h"
#include "convert/metadata.h"
#include "convert/workbench.h"
#include "output/files.h"
#include "plan/preflight.h"
#include "verify/verify_rows.h"
#include "publish/staging.h"
#include "convert/result.h"
#include "convert/tokenizer_save.h"

#include <inttypes.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* The most names in one message about many tensors, and about those with NaN. */
#define NAMES_MAX 5
/* Bytes to wait for at a time on a slow disk. */
#define SYNC_STEP ((uint64_t)4 << 20)

struct conversion {
    const char *path, *out_dir;
    const struct fletch_options *options;
    struct fletch_arena arena; /* warnings, file list */
    const struct fletch_codec *codec;
    int level;
    struct fletch_model *model;
    struct fletch_row_plans plans;
    struct fletch_budget budget;
    struct fletch_row_outcome *outcomes; /* [plans.rows_count] */
    struct fletch_staging *staging;
    struct fletch_file weights; /* open from its first byte until it is on disk */
    uint64_t written_bytes;
    struct fletch_footer_hash footer;
    struct fletch_tokenizer_origin tokenizer;
    struct fletch_source_file *files; /* [files_count] */
    size_t files_count;
    const char **warnings; /* [warnings_count] */
    size_t warnings_count, warnings_cap;
    struct fletch_buf metadata;
};

/* ---- Reporting ---- */

static void tell(const struct conversion *c, enum fletch_stage stage, const char *text)
{
    struct fletch_progress progress = { .stage = stage,
                                        .text = text,
                                        .total = c->plans.source_bytes,
                                        .tensors_total = c->plans.rows_count };

    if (c->options->progress)
        c->options->progress(&progress, c->options->user);
}

static enum fletch_status warn(struct conversion *c, const char *text,
                               struct fletch_error *err)
{
    if (!text)
        return fletch_fail_memory(err, 0, "a warning");
    if (c->warnings_count == c->warnings_cap) {
        const char **warnings = fletch_arena_grow(&c->arena, c->warnings, &c->warnings_cap,
                                                  c->warnings_count + 1, sizeof(*warnings));

        if (!warnings)
            return fletch_fail_memory(err, (c->warnings_count + 1) * sizeof(*warnings),
                                      "a warning");
        c->warnings = warnings;
    }
    c->warnings[c->warnings_count++] = text;
    tell(c, FLETCH_STAGE_WARNING, text);
    return FLETCH_OK;
}

/* ---- Steps ---- */

static enum fletch_status open_model(struct conversion *c, struct fletch_error *err)
{
    struct fletch_preflight flight;
    const char *prefix, *below = "";
    char *text;

    TRY(fletch_preflight_make(&flight, c->path, c->options, err));
    c->model = flight.source.model;
    c->plans = flight.source.plans;
    c->codec = flight.codec;
    c->level = flight.level;
    c->budget = flight.budget;
    prefix = c->model->components[0].checkpoint->prefix;
    if (prefix && *prefix)
        below = fletch_arena_format(&c->arena, "; what is below '%.160s'", prefix);
    text = fletch_arena_format(&c->arena, "%s (%s%s)", c->model->family->name,
                               c->model->evidence, below ? below : "");
    if (!below || !text)
        return fletch_fail_memory(err, 0, "a description");
    tell(c, FLETCH_STAGE_OPEN, text);
    for (size_t i = 0; i < c->plans.warnings_count; i++)
        TRY(warn(c, c->plans.warnings[i], err));
    c->outcomes = fletch_alloc_array(c->plans.rows_count, sizeof(*c->outcomes));
    if (!c->outcomes)
        return fletch_fail_memory(err, c->plans.rows_count, "the rows");
    return FLETCH_OK;
}

static struct fletch_pipeline pipeline_of(const struct conversion *c)
{
    return (struct fletch_pipeline){ .plans = &c->plans,
                                     .options = c->options,
                                     .codec = c->codec,
                                     .level = c->level,
                                     .budget = c->budget };
}

/* Starts writing to disk here; waits for it after the proof. */
static enum fletch_status write_weights(struct conversion *c, const char *path,
                                        struct fletch_error *err)
{
    struct fletch_pipeline pipeline = pipeline_of(c);
    uint64_t footer;

    TRY(fletch_file_create(&c->weights, path, err));
    TRY(fletch_pipeline_run(c->outcomes, &c->written_bytes, &footer, &c->weights, &pipeline,
                            err));
    TRY(fletch_footer_hash_take(&c->footer, &c->weights, footer, c->written_bytes, err));
    fletch_file_start_sync(&c->weights);
    return FLETCH_OK;
}

/* Waits until everything is on disk; on a slow disk this can be interrupted. */
static enum fletch_status sync_weights(const struct conversion *c, struct fletch_error *err)
{
    for (uint64_t at = 0; at < c->written_bytes; at += SYNC_STEP) {
        TRY(fletch_check_cancel(c->options, err));
        fletch_file_wait_sync(&c->weights, at, SYNC_STEP);
    }
    return fletch_file_sync(&c->weights, err);
}

static bool is_inexact(const struct fletch_row_outcome *outcome)
{
    return outcome->overflowed || !fletch_cast_report_is_exact(&outcome->report);
}

/* True when --no-float16 would have kept a row exact: its wide type holds every value of
 * the source type. */
static bool is_exact_when_wide(const struct fletch_row_plan *row)
{
    return row->wide != row->dtype &&
           fletch_dtype_size(row->tensor->dtype) <= fletch_dtype_size(row->wide);
}

/* For --require-exact: names every tensor that was not converted exactly. */
static enum fletch_status refuse_inexact(const struct conversion *c,
                                         struct fletch_error *err)
{
    struct fletch_buf names = { 0 };
    size_t count = 0, exact_when_wide = 0;

    for (size_t i = 0; i < c->plans.rows_count; i++) {
        if (!is_inexact(&c->outcomes[i]))
            continue;
        exact_when_wide += is_exact_when_wide(&c->plans.rows[i]);
        if (count++ < NAMES_MAX)
            fletch_buf_format(&names, "%s'%s'", count > 1 ? ", " : "",
                              c->plans.rows[i].tensor_name);
    }
    if (count > NAMES_MAX)
        fletch_buf_format(&names, " and %zu more", count - NAMES_MAX);
    if (exact_when_wide)
        fletch_buf_format(&names, "; --no-float16 keeps %zu of them exact",
                          exact_when_wide);
    if (count)
        fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                    "%zu of %zu tensors would not be exact: %s", count, c->plans.rows_count,
                    names.failed ? "" : (const char *)names.bytes);
    fletch_buf_release(&names);
    return count ? FLETCH_ERR_UNSUPPORTED : FLETCH_OK;
}

/* Reports what became of values that the planned type cannot hold. */
static enum fletch_status warn_of_overflow(struct conversion *c, size_t i,
                                           struct fletch_error *err)
{
    const struct fletch_row_plan *row = &c->plans.rows[i];
    const struct fletch_row_outcome *outcome = &c->outcomes[i];
    const char *fate = fletch_dtype_info(row->dtype)->floating
                           ? "they became infinite"
                           : "they became its largest value";

    if (outcome->dtype != row->dtype) {
        fate = fletch_arena_format(&c->arena, "it is kept in %s",
                                   fletch_dtype_short_text(outcome->dtype));
        if (fate && outcome->report.overflowed)
            fate =
                fletch_arena_format(&c->arena, "%s, in which %" PRIu64 " became infinite",
                                    fate, outcome->report.overflowed);
    }
    if (!fate)
        return warn(c, NULL, err);
    return warn(c,
                fletch_arena_format(
                    &c->arena,
                    "tensor '%s': %" PRIu64 " of %" PRIu64 " values are beyond %s; %s",
                    row->tensor_name, outcome->overflowed, row->tensor->count,
                    fletch_dtype_short_text(row->dtype), fate),
                err);
}

static enum fletch_status warn_of_nan(struct conversion *c, struct fletch_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < c->plans.rows_count; i++) {
        const struct fletch_row_plan *row = &c->plans.rows[i];

        if (!c->outcomes[i].report.nan || count++ >= NAMES_MAX)
            continue;
        TRY(warn(c,
                 fletch_arena_format(
                     &c->arena, "tensor '%s': %" PRIu64 " of %" PRIu64 " values are NaN",
                     row->tensor_name, c->outcomes[i].report.nan, row->tensor->count),
                 err));
    }
    if (count <= NAMES_MAX)
        return FLETCH_OK;
    return warn(c,
                fletch_arena_format(&c->arena, "%zu more tensors have values that are NaN",
                                    count - NAMES_MAX),
                err);
}

static enum fletch_status judge_casts(struct conversion *c, struct fletch_error *err)
{
    if (c->options->require_exact)
        TRY(refuse_inexact(c, err));
    for (size_t i = 0; i < c->plans.rows_count; i++)
        if (c->outcomes[i].overflowed)
            TRY(warn_of_overflow(c, i, err));
    return warn_of_nan(c, err);
}

static enum fletch_status write_tokenizer(struct conversion *c, struct fletch_error *err)
{
    struct fletch_tokenizer_warnings warnings;

    if (!c->model->family->tokenizer || c->options->skip_tokenizer)
        return FLETCH_OK;
    TRY(fletch_tokenizer_write(&c->tokenizer, &warnings, c->model,
                               fletch_staging_path(c->staging), err));
    for (size_t i = 0; i < warnings.count; i++)
        TRY(warn(c, fletch_arena_strdup(&c->arena, warnings.texts[i]), err));
    return FLETCH_OK;
}

static bool has_tokenizer(const struct conversion *c)
{
    return c->tokenizer.copied || c->tokenizer.made;
}

static enum fletch_status list_sources(struct conversion *c, struct fletch_error *err)
{
    struct fletch_pipeline pipeline = pipeline_of(c);

    TRY(fletch_source_files_list(&c->files, &c->files_count, c->model, &c->arena, err));
    if (!c->options->certify)
        return FLETCH_OK;
    return fletch_source_files_hash(c->files, c->files_count, c->outcomes, c->model,
                                    &pipeline, err);
}

/* Opens the model and the file anew: the proof shares nothing with what it checks. */
static enum fletch_status prove(const struct conversion *c, const char *path,
                                struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_reader *reader = NULL;
    struct fletch_source source;
    struct fletch_verification found;
    struct fletch_proof proof = { .output = c->plans.output,
                                  .plans = &source.plans,
                                  .options = c->options,
                                  .threads = c->budget.threads,
                                  .large_limit = c->budget.large_limit };
    enum fletch_status status;

    for (size_t i = 0; i < c->model->components_count; i++)
        fletch_checkpoint_release_memory(c->model->components[i].checkpoint);
    status = fletch_source_open(&source, c->path, c->options, err);
    if (!status)
        status = fletch_file_open(&file, path, err);
    if (!status)
        status = c->plans.output->open(&reader, &file, err);
    if (!status)
        status = fletch_proof_run(&found, reader, &proof, err);
    if (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_VERIFY) {
        status = FLETCH_ERR_VERIFY;
        if (err)
            err->status = status;
        fletch_error_prefix(err, "verification failed");
    }
    if (reader)
        c->plans.output->close(reader);
    fletch_file_close(&file);
    fletch_source_close(&source);
    return status;
}

static enum fletch_status write_metadata(struct conversion *c, const char *path,
                                         struct fletch_error *err)
{
    struct timeval now;
    struct fletch_metadata metadata = { .model = c->model,
                                        .plans = &c->plans,
                                        .outcomes = c->outcomes,
                                        .options = c->options,
                                        .codec = c->codec,
                                        .level = c->level,
                                        .out_dir = c->out_dir,
                                        .has_tokenizer = has_tokenizer(c),
                                        .tokenizer_made =
                                            c->tokenizer.made ? &c->tokenizer.from : NULL,
                                        .footer = &c->footer,
                                        .files = c->files,
                                        .files_count = c->files_count,
                                        .warnings = c->warnings,
                                        .warnings_count = c->warnings_count };

    gettimeofday(&now, NULL);
    metadata.converted_at = (int64_t)now.tv_sec * 1000000 + now.tv_usec;
    TRY(fletch_metadata_write(&c->metadata, &metadata, err));
    TRY(fletch_file_save(path, c->metadata.bytes, c->metadata.size, err));
    fletch_buf_put_u8(&c->metadata, 0);
    return c->metadata.failed ? fletch_fail_memory(err, c->metadata.size, "the metadata")
                              : FLETCH_OK;
}

/* ---- The result ---- */

static char *join(const char *folder, const char *name)
{
    struct fletch_arena arena = { 0 };
    char *path = fletch_path_join(&arena, folder, name);
    char *copy = path ? fletch_strdup(path) : NULL;

    fletch_arena_release(&arena);
    return copy;
}

static enum fletch_status copy_warnings(struct fletch_result *result,
                                        const struct conversion *c)
{
    if (!c->warnings_count)
        return FLETCH_OK;
    result->warnings = fletch_alloc_array(c->warnings_count, sizeof(*result->warnings));
    if (!result->warnings)
        return FLETCH_ERR_MEMORY;
    for (size_t i = 0; i < c->warnings_count; i++) {
        result->warnings[i] = fletch_strdup(c->warnings[i]);
        if (!result->warnings[i])
            return FLETCH_ERR_MEMORY;
        result->warnings_count++;
    }
    return FLETCH_OK;
}

static enum fletch_status copy_notes(struct fletch_result *result,
                                     const struct conversion *c)
{
    size_t count = 0;

    while (fletch_model_note(c->model, count))
        count++;
    result->notes = fletch_alloc_array(count, sizeof(*result->notes));
    if (!result->notes)
        return FLETCH_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        result->notes[i] = fletch_strdup(fletch_model_note(c->model, i));
        if (!result->notes[i])
            return FLETCH_ERR_MEMORY;
        result->notes_count++;
    }
    return FLETCH_OK;
}

/* Sums the rows as they were stored: some may have stayed float32. The file holds the same
 * values compressed, so this is far from wrapping. */
static uint64_t stored_bytes(const struct conversion *c)
{
    uint64_t size = 0;

    for (size_t i = 0; i < c->plans.rows_count; i++)
        size += c->outcomes[i].size;
    return size;
}

static enum fletch_status fill_result(struct fletch_result *result,
                                      const struct conversion *c, struct fletch_error *err)
{
    *result = (struct fletch_result){
        .family = c->model->family->name,
        .weights_path = join(c->out_dir, c->plans.output->file_name),
        .metadata_path = join(c->out_dir, FLETCH_METADATA_FILE),
        .metadata_json = fletch_strdup((char *)c->metadata.bytes),
        .tensors = c->plans.rows_count,
        .left_out = c->plans.left_out_count,
        .missing = c->plans.missing_count,
        .parameters = c->plans.parameters,
        .source_bytes = c->plans.source_bytes,
        .stored_bytes = stored_bytes(c),
        .written_bytes = c->written_bytes,
        .verified = !c->options->skip_verify,
        .passed = !c->options->skip_verify && !c->plans.missing_count
    };

    if (has_tokenizer(c))
        result->tokenizer_path = join(c->out_dir, FLETCH_TOKENIZER_FOLDER);
    if (copy_warnings(result, c) || copy_notes(result, c) || !result->weights_path ||
        !result->metadata_path || !result->metadata_json ||
        (has_tokenizer(c) && !result->tokenizer_path)) {
        fletch_result_release(result);
        return fletch_fail_memory(err, sizeof(*result), "the result");
    }
    return fletch_result_rows_make(&result->rows, &c->plans, c->outcomes,
                                   c->options->certify, err);
}

void fletch_result_release(struct fletch_result *result)
{
    if (!result)
        return;
    fletch_free(result->weights_path);
    fletch_free(result->metadata_path);
    fletch_free(result->tokenizer_path);
    fletch_free(result->metadata_json);
    for (size_t i = 0; i < result->warnings_count; i++)
        fletch_free(result->warnings[i]);
    fletch_free(result->warnings);
    for (size_t i = 0; i < result->notes_count; i++)
        fletch_free(result->notes[i]);
    fletch_free(result->notes);
    fletch_result_rows_free(result->rows);
    *result = (struct fletch_result){ 0 };
}

static void conversion_release(struct conversion *c)
{
    fletch_file_close(&c->weights);
    fletch_buf_release(&c->metadata);
    fletch_free(c->outcomes);
    fletch_row_plans_release(&c->plans);
    fletch_model_close(c->model);
    /* Last, since removing a folder needs two descriptors, and there may have been too
     * few. */
    fletch_staging_close(c->staging);
    fletch_arena_release(&c->arena);
}

/* ---- The whole way ---- */

static enum fletch_status convert(struct conversion *c, struct fletch_result *result,
                                  struct fletch_error *err)
{
    const char *weights, *metadata;

    TRY(open_model(c, err));
    TRY(fletch_staging_open(&c->staging, c->out_dir, c->options->force, err));
    weights = fletch_path_join(&c->arena, fletch_staging_path(c->staging),
                               c->plans.output->file_name);
    metadata =
        fletch_path_join(&c->arena, fletch_staging_path(c->staging), FLETCH_METADATA_FILE);
    if (!weights || !metadata)
        return fletch_fail_memory(err, strlen(c->out_dir), "a path");

    TRY(write_tokenizer(c, err)); /* before the long work, since it may fail */
    TRY(write_weights(c, weights, err));
    TRY(judge_casts(c, err));
    TRY(list_sources(c, err));
    if (!c->options->skip_verify)
        TRY(prove(c, weights, err));
    TRY(sync_weights(c, err));
    TRY(write_metadata(c, metadata, err));
    TRY(fill_result(result, c, err));
    tell(c, FLETCH_STAGE_PUBLISH, NULL);
    TRY(fletch_check_cancel(c->options, err));
    return fletch_staging_publish(c->staging, err);
}

enum fletch_status fletch_convert(struct fletch_result *result, const char *model,
                                  const char *out_dir, const struct fletch_options *options,
                                  struct fletch_error *err)
{
    struct fletch_options taken;
    struct conversion c = {
        .path = model, .out_dir = out_dir, .weights = FLETCH_FILE_CLOSED, .options = &taken
    };
    struct fletch_result filled = { 0 };
    struct timespec begin, end;
    enum fletch_status status;

    TRY(fletch_options_take(&taken, options, err));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    status = convert(&c, &filled, err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    filled.seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
    if (status)
        fletch_result_release(&filled);
    else
        *result = filled;
    conversion_release(&c);
    return status;
}
