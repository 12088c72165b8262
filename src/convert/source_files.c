/* SPDX-License-Identifier: MIT */
/* source_files.c - see source_files.h
 *
 * A separate pass over the source: hashing costs about as much as compressing, and few
 * users ask for it.
 */
#include "convert/source_files.h"

#include "base/api_options.h"
#include "base/pool.h"
#include "convert/workbench.h"

#include <pthread.h>
#include <string.h>

#define READ_SIZE ((size_t)1 << 20)

/* Files beside the weights that influence the output. */
static const char *const small_files[] = { "config.json",
                                           "modules.json",
                                           "config_sentence_transformers.json",
                                           "sentence_bert_config.json",
                                           "tokenizer.json",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.txt",
                                           "vocab.json",
                                           "merges.txt",
                                           "sentencepiece.bpe.model",
                                           "spiece.model",
                                           "spm.model",
                                           NULL };

static const char *relative_name(const struct fletch_model *model, const char *path)
{
    size_t len = strlen(model->folder);

    while (len && model->folder[len - 1] == '/')
        len--;
    if (len && !strncmp(path, model->folder, len) && path[len] == '/')
        return path + len + 1;
    return fletch_path_base(path);
}

static enum fletch_status add_small(struct fletch_source_file *files, size_t *count,
                                    const char *folder, const struct fletch_model *model,
                                    struct fletch_arena *arena, struct fletch_error *err)
{
    for (size_t i = 0; small_files[i]; i++) {
        char *path = fletch_path_join(arena, folder, small_files[i]);
        struct fletch_file file = FLETCH_FILE_CLOSED;
        enum fletch_status status;

        if (!path)
            return fletch_fail_memory(err, strlen(small_files[i]), "a path");
        status = fletch_file_open(&file, path, err);
        if (status == FLETCH_ERR_IO)
            return status;
        if (status)
            continue;
        files[(*count)++] = (struct fletch_source_file){ .name = relative_name(model, path),
                                                         .size = file.size };
        fletch_file_close(&file);
    }
    return FLETCH_OK;
}

enum fletch_status fletch_source_files_list(struct fletch_source_file **out, size_t *count,
                                            const struct fletch_model *model,
                                            struct fletch_arena *arena,
                                            struct fletch_error *err)
{
    size_t cap = 2 * sizeof(small_files) / sizeof(small_files[0]);
    struct fletch_source_file *files;

    for (size_t i = 0; i < model->components_count; i++)
        cap += model->components[i].checkpoint->files_count;
    files = fletch_arena_alloc_array(arena, cap, sizeof(*files));
    if (!files)
        return fletch_fail_memory(err, cap * sizeof(*files), "the list of source files");
    *count = 0;
    for (size_t i = 0; i < model->components_count; i++)
        for (size_t j = 0; j < model->components[i].checkpoint->files_count; j++) {
            const struct fletch_file *file =
                &model->components[i].checkpoint->files[j].file;

            files[(*count)++] =
                (struct fletch_source_file){ .name = relative_name(model, file->path),
                                             .size = file->size };
        }
    TRY(add_small(files, count, model->folder, model, arena, err));
    if (strcmp(model->folder, model->encoder_folder))
        TRY(add_small(files, count, model->encoder_folder, model, arena, err));
    *out = files;
    return FLETCH_OK;
}

/* ---- Hashing ---- */

struct hashing {
    struct fletch_source_file *files;
    size_t files_count;
    struct fletch_row_outcome *outcomes;
    const struct fletch_model *model;
    const struct fletch_pipeline *pipeline;
    struct fletch_error *err;
    pthread_mutex_t lock; /* guards what follows */
    size_t next;          /* files first, then rows */
    enum fletch_status status;
};

static enum fletch_status hash_file(struct fletch_source_file *out,
                                    const struct hashing *hashing, struct fletch_error *err)
{
    const struct fletch_options *options = hashing->pipeline->options;
    const struct fletch_cancel cancel = { options->cancel, options->user };
    struct fletch_arena arena = { 0 };
    char *path = fletch_path_join(&arena, hashing->model->folder, out->name);
    struct fletch_file file = FLETCH_FILE_CLOSED;
    enum fletch_status status = path ? fletch_file_open(&file, path, err)
                                     : fletch_fail_memory(err, strlen(out->name), "a path");

    if (!status)
        status = fletch_file_hash(out->sha256, &file, 0, file.size, &cancel, err);
    out->hashed = !status;
    fletch_file_close(&file);
    fletch_arena_release(&arena);
    return status;
}

static enum fletch_status hash_tensor(uint8_t out[FLETCH_SHA256_SIZE],
                                      const struct fletch_row_plan *row,
                                      const struct hashing *hashing,
                                      struct fletch_sha256 *sha, uint8_t *buffer,
                                      struct fletch_error *err)
{
    size_t width = fletch_dtype_size(row->tensor->dtype);

    fletch_sha256_open(sha);
    for (uint64_t at = 0; at < row->tensor->size; at += READ_SIZE) {
        uint64_t left = row->tensor->size - at;
        size_t size = left < READ_SIZE ? (size_t)left : READ_SIZE;

        TRY(fletch_check_cancel(hashing->pipeline->options, err));
        TRY(fletch_tensor_read(row->checkpoint, row->tensor, at, buffer, size, err));
        if (row->tensor->mask)
            TRY(fletch_checkpoint_mask(row->checkpoint, row->tensor, at / width, buffer,
                                       size / width, fletch_mask_apply, err));
        fletch_sha256_put(sha, buffer, size);
    }
    fletch_sha256_finish(sha, out);
    return FLETCH_OK;
}

static void work(unsigned index, void *user)
{
    struct hashing *hashing = user;
    const struct fletch_row_plans *plans = hashing->pipeline->plans;
    struct fletch_sha256 sha = { 0 };
    struct fletch_error err = { 0 };
    uint8_t *buffer = fletch_alloc(READ_SIZE);
    enum fletch_status status =
        buffer ? FLETCH_OK : fletch_fail_memory(&err, READ_SIZE, "hashing the source");

    (void)index;
    pthread_mutex_lock(&hashing->lock);
    while (!status && !hashing->status &&
           hashing->next < hashing->files_count + plans->rows_count) {
        size_t i = hashing->next++;

        pthread_mutex_unlock(&hashing->lock);
        if (i < hashing->files_count)
            status = hash_file(&hashing->files[i], hashing, &err);
        else
            status = hash_tensor(hashing->outcomes[i - hashing->files_count].source_sha256,
                                 &plans->rows[i - hashing->files_count], hashing, &sha,
                                 buffer, &err);
        pthread_mutex_lock(&hashing->lock);
    }
    if (status && !hashing->status)
        hashing->status = fletch_fail(hashing->err, status, "%s", err.message);
    pthread_mutex_unlock(&hashing->lock);
    fletch_free(buffer);
}

enum fletch_status fletch_source_files_hash(struct fletch_source_file *files, size_t count,
                                            struct fletch_row_outcome *outcomes,
                                            const struct fletch_model *model,
                                            const struct fletch_pipeline *pipeline,
                                            struct fletch_error *err)
{
    struct hashing hashing = { .files = files,
                               .files_count = count,
                               .outcomes = outcomes,
                               .model = model,
                               .pipeline = pipeline,
                               .err = err };

    pthread_mutex_init(&hashing.lock, NULL);
    fletch_pool_run(pipeline->budget.threads, work, &hashing);
    pthread_mutex_destroy(&hashing.lock);
    return hashing.status;
}
