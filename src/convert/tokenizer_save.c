/* SPDX-License-Identifier: MIT */
/* tokenizer_save.c - see tokenizer_save.h */
#include "convert/tokenizer_save.h"

#include "output/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The padding index, which positions start after, when config.json states none: all classes
 * with such positions have this default. */
#define PAD_TOKEN_OTHERWISE 1

/* ---- The limit ---- */

/* Positions available to a text, if they start after the padding index; -1. */
static int64_t usable_positions(const struct fletch_model *model)
{
    int64_t positions =
        fletch_family_count(model->model_class, "max_position_embeddings", model->config);
    const json_t *token = json_object_get(model->config, "pad_token_id");
    int64_t pad = json_is_integer(token) ? json_integer_value(token) : PAD_TOKEN_OTHERWISE;

    if (!model->model_class->positions_after_pad || pad < 0 || pad > positions - 2)
        return -1;
    return positions - pad - 1;
}

/* The smallest known one (above 0), or 0. */
static int64_t smallest_known(const int64_t *limits, size_t count)
{
    int64_t smallest = 0;

    for (size_t i = 0; i < count; i++)
        if (limits[i] > 0 && (!smallest || limits[i] < smallest))
            smallest = limits[i];
    return smallest;
}

struct fletch_tokenizer_cut fletch_tokenizer_cut(const struct fletch_model *model)
{
    int64_t length = fletch_model_max_seq_length(model);
    int64_t limits[] = { usable_positions(model), length,
                         fletch_model_tokenizer_limit(model) };
    struct fletch_tokenizer_cut cut = { .limit = smallest_known(limits, 3) };

    /* the pipeline passes its own length to the tokenizer, whatever that states */
    if (model->family->metadata_kind == FLETCH_METADATA_SENTENCE && length > 0)
        cut.pipeline = smallest_known(limits, 2);
    return cut;
}

/* ---- The files ---- */

/* Finds the model's own tokenizer.json; NULL when it has none. */
static enum fletch_status find_own(const char **out, const struct fletch_model *model,
                                   struct fletch_arena *arena, struct fletch_error *err)
{
    char *path = fletch_path_join(arena, model->encoder_folder, "tokenizer.json");

    if (!path)
        return fletch_fail_memory(err, strlen(model->encoder_folder), "a path");
    *out = fletch_file_kind(path) != FLETCH_FILE_NONE ? path : NULL;
    return FLETCH_OK;
}

static enum fletch_status save(const struct fletch_buf *text, const char *folder,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    char *inside = fletch_path_join(arena, folder, FLETCH_TOKENIZER_FOLDER);
    char *path = inside ? fletch_path_join(arena, inside, FLETCH_TOKENIZER_FILE) : NULL;

    if (!path)
        return fletch_fail_memory(err, 0, "a path");
    if (mkdir(inside, 0777) && errno != EEXIST)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", inside, fletch_errno_text(errno));
    return fletch_file_save(path, text->bytes, text->size, err);
}

/* Edits the text if needed, and saves it; zeroes *origin if it could not be used. */
static enum fletch_status write_text(struct fletch_tokenizer_origin *origin,
                                     struct fletch_tokenizer_warnings *warnings,
                                     const struct fletch_model *model,
                                     const struct fletch_buf *text, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_buf edited = { 0 };
    struct fletch_tokenizer_cut cut = fletch_tokenizer_cut(model);
    bool null = false, useless = false;
    enum fletch_status status = fletch_tokenizer_edit(
        &edited, &null, (const char *)text->bytes, text->size, &cut, err);

    if (!status)
        status = fletch_tokenizer_check_ids(warnings, &useless, text, origin->copied, model,
                                            err);
    if (useless)
        *origin = (struct fletch_tokenizer_origin){ .copied = false };
    /* without layers it is a table of words, which accepts texts of any length */
    else if (!status && null && !cut.limit &&
             (!model->model_class->patterns || model->model_class->layers))
        fletch_tokenizer_warn(
            warnings,
            "tokenizer.json does not truncate, and nothing says how long a text may "
            "be: longer ones than the model can take will break loaders");
    if (!status && !useless && folder)
        status = save(edited.size ? &edited : text, folder, arena, err);
    fletch_buf_release(&edited);
    return status;
}

static struct fletch_tokenizer_source source_of(const struct fletch_model *model)
{
    return (struct fletch_tokenizer_source){ .folder = model->encoder_folder,
                                             .config = model->config,
                                             .tokenizer_config = model->tokenizer_config };
}

/* Copies the model's own, unless it gives other ids than the model's. */
static enum fletch_status copy(struct fletch_tokenizer_origin *origin,
                               struct fletch_tokenizer_warnings *warnings,
                               const struct fletch_model *model, const char *from,
                               const char *folder, struct fletch_arena *arena,
                               struct fletch_error *err)
{
    struct fletch_tokenizer_source source = source_of(model);
    struct fletch_buf text = { 0 };
    struct fletch_error why;
    enum fletch_status status;

    if (fletch_tokenizer_check(&source, &why)) {
        fletch_tokenizer_warn(warnings,
                              "no tokenizer is written, not even tokenizer.json: %.440s",
                              why.message);
        return FLETCH_OK;
    }
    status =
        fletch_file_load(&text, from, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX", err);
    origin->copied = true;
    if (!status) {
        status = write_text(origin, warnings, model, &text, folder, arena, err);
        if (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED)
            fletch_error_prefix(err, "%s", from);
    }
    fletch_buf_release(&text);
    return status;
}

/* Writes the tokenizer that was built. */
static enum fletch_status write_made(struct fletch_tokenizer_origin *origin,
                                     struct fletch_tokenizer_warnings *warnings,
                                     const struct fletch_model *model,
                                     const struct fletch_buf *text, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    const struct fletch_tokenizer_files *from = &origin->from;

    origin->made = true;
    TRY(write_text(origin, warnings, model, text, folder, arena, err));
    if (!origin->made)
        return FLETCH_OK;
    fletch_tokenizer_warn_moved(warnings, from->moves_file, &from->moves);
    if (from->byte_fallback)
        fletch_tokenizer_warn(warnings,
                              "%s spells unknown characters in bytes, which the "
                              "tokenizer.json made from it does not: they become the "
                              "unknown token",
                              from->files[0]);
    return FLETCH_OK;
}

/* Builds it from the files there are. If they are insufficient or damaged, that concerns
 * the tokenizer only: the weights are unaffected. */
static enum fletch_status make(struct fletch_tokenizer_origin *origin,
                               struct fletch_tokenizer_warnings *warnings,
                               const struct fletch_model *model, const char *folder,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_tokenizer_source source = source_of(model);
    struct fletch_buf text = { 0 };
    struct fletch_error why = { 0 };
    enum fletch_status status = fletch_tokenizer_build(&text, &origin->from, &source, &why);

    if (status == FLETCH_ERR_MEMORY || status == FLETCH_ERR_IO) {
        if (err)
            *err = why;
    } else if (status) {
        fletch_tokenizer_warn(
            warnings,
            "the checkpoint has no tokenizer.json: no tokenizer is written: %.440s",
            why.message);
        status = FLETCH_OK;
    } else {
        status = write_made(origin, warnings, model, &text, folder, arena, err);
    }
    fletch_buf_release(&text);
    return status;
}

enum fletch_status fletch_tokenizer_write(struct fletch_tokenizer_origin *origin,
                                          struct fletch_tokenizer_warnings *warnings,
                                          const struct fletch_model *model,
                                          const char *folder, struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tokenizer_origin found = { .copied = false };
    const char *from = NULL;
    enum fletch_status status = find_own(&from, model, &arena, err);

    warnings->count = 0;
    if (!status && from)
        status = copy(&found, warnings, model, from, folder, &arena, err);
    else if (!status)
        status = make(&found, warnings, model, folder, &arena, err);
    if (!status)
        *origin = found;
    fletch_arena_release(&arena);
    return status;
}

enum fletch_status fletch_tokenizer_truncation(json_t **out,
                                               const struct fletch_model *model,
                                               struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct fletch_buf text = { 0 };
    const char *from = NULL;
    json_t *value = NULL;
    enum fletch_status status = find_own(&from, model, &arena, err);

    if (!status && from)
        status = fletch_file_load(&text, from, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX",
                                  err);
    if (!status && from) {
        status = fletch_tokenizer_read_truncation(&value, (const char *)text.bytes,
                                                  text.size, err);
        if (status)
            fletch_error_prefix(err, "%s", from);
    }
    if (!status)
        *out = value ? value : json_null();
    fletch_buf_release(&text);
    fletch_arena_release(&arena);
    return status;
}
