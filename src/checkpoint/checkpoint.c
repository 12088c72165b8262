/* SPDX-License-Identifier: MIT */
/* checkpoint.c - see checkpoint.h */
#include "archive/spool.h"
#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"
#include "strided/strided.h"

#include "base/glob.h"
#include "base/natural.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(FLETCH_STRIDED_MEMORY <= FLETCH_GATHER_SIZE &&
                   FLETCH_WINDOW_STAGE <= FLETCH_GATHER_THREAD_SIZE,
               "what checkpoint.h promises");

/* ---- Finishing ---- */

static int compare_tensors(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;

    return fletch_natural_compare(x->name, y->name);
}

/* Many files are written in order, so checking is cheaper than sorting. */
static bool is_sorted(const struct fletch_tensor_list *list)
{
    for (size_t i = 1; i < list->count; i++)
        if (compare_tensors(&list->tensors[i - 1], &list->tensors[i]) > 0)
            return false;
    return true;
}

/* Non-contiguous tensors are read through windows. */
static enum fletch_status need_windows(struct fletch_checkpoint *checkpoint,
                                       const struct fletch_tensor *tensors, size_t count,
                                       struct fletch_error *err)
{
    for (size_t i = 0; i < count && !checkpoint->strided; i++)
        if (!fletch_tensor_is_straight(&tensors[i])) {
            checkpoint->strided = fletch_strided_new();
            if (!checkpoint->strided)
                return fletch_fail_memory(err, sizeof(void *), "strided tensors");
        }
    return FLETCH_OK;
}

enum fletch_status fletch_checkpoint_replace(struct fletch_checkpoint *checkpoint,
                                             struct fletch_tensor *tensors, size_t count,
                                             struct fletch_error *err)
{
    TRY(need_windows(checkpoint, tensors, count, err));
    fletch_free(checkpoint->tensors);
    checkpoint->tensors = tensors;
    checkpoint->tensors_count = count;
    return FLETCH_OK;
}

enum fletch_status fletch_checkpoint_finish(struct fletch_checkpoint *checkpoint,
                                            struct fletch_tensor_list *list,
                                            struct fletch_error *err)
{
    if (!is_sorted(list))
        qsort(list->tensors, list->count, sizeof(*list->tensors), compare_tensors);
    for (size_t i = 1; i < list->count; i++) {
        const struct fletch_tensor *a = &list->tensors[i - 1], *b = &list->tensors[i];
        const struct fletch_checkpoint_file *files = checkpoint->files;
        bool ordered = a->file < b->file;

        /* the order is total: only equal names compare equal */
        if (compare_tensors(a, b))
            continue;
        if (a->file == b->file)
            return fletch_fail(err, FLETCH_ERR_FORMAT, "duplicate tensor '%.*s' in '%s'",
                               FLETCH_SHOWN, a->name, files[a->file].name);
        return fletch_fail(err, FLETCH_ERR_FORMAT, "tensor '%.*s' is in both '%s' and '%s'",
                           FLETCH_SHOWN, a->name, files[ordered ? a->file : b->file].name,
                           files[ordered ? b->file : a->file].name);
    }
    TRY(need_windows(checkpoint, list->tensors, list->count, err));
    checkpoint->prefix = list->prefix;
    checkpoint->notes = list->notes;
    checkpoint->skipped = list->skipped;
    checkpoint->facts = list->facts;
    checkpoint->metadata = list->metadata;
    checkpoint->tensors = list->tensors;
    checkpoint->tensors_count = list->count;
    *list = (struct fletch_tensor_list){ 0 };
    return FLETCH_OK;
}

/* ---- Files ---- */

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);

    return len >= suffix_len && !strcmp(text + len - suffix_len, suffix);
}

/* *out is NULL when no format begins like this. */
static enum fletch_status
probe_formats(const struct fletch_checkpoint_format **out,
              const struct fletch_checkpoint_format *const *formats,
              const struct fletch_file *file, const uint8_t *head, size_t size,
              struct fletch_error *err)
{
    *out = NULL;
    for (size_t i = 0; formats[i]; i++) {
        bool confirmed = false;

        if (!formats[i]->probe(head, size, file->size))
            continue;
        if (formats[i]->confirm)
            TRY(formats[i]->confirm(&confirmed, file, err));
        if (confirmed || (!formats[i]->confirm && !*out))
            *out = formats[i];
        if (confirmed)
            break;
    }
    return FLETCH_OK;
}

/* Identifies a file by its content, or by its name if the content is unknown: then the
 * format's reader says what is wrong with it. */
static enum fletch_status find_format(const struct fletch_checkpoint_format **out,
                                      const struct fletch_checkpoint_format *const *formats,
                                      const struct fletch_file *file,
                                      struct fletch_error *err)
{
    uint8_t head[FLETCH_PROBE_SIZE] = { 0 };
    size_t size = file->size < sizeof(head) ? (size_t)file->size : sizeof(head);

    TRY(fletch_file_read(file, 0, head, size, err));
    TRY(probe_formats(out, formats, file, head, size, err));
    if (*out)
        return FLETCH_OK;
    TRY(fletch_unsupported_file(file, err));
    for (size_t i = 0; formats[i]; i++)
        if (formats[i]->suffix && has_suffix(file->path, formats[i]->suffix)) {
            *out = formats[i];
            return FLETCH_OK;
        }
    return fletch_fail(
        err, FLETCH_ERR_FORMAT,
        "%s: not a recognised weights file: it begins with "
        "%02x %02x %02x %02x, expected safetensors, a torch checkpoint, npz or "
        "npy",
        file->path, head[0], head[1], head[2], head[3]);
}

enum fletch_status fletch_checkpoint_add(struct fletch_checkpoint *checkpoint,
                                         struct fletch_tensor_list *list, const char *path,
                                         const char *name, struct fletch_error *err)
{
    const struct fletch_checkpoint_format *format = NULL;
    size_t count = checkpoint->files_count, before = list->count;
    struct fletch_checkpoint_file *files =
        fletch_resize(checkpoint->files, count + 1, sizeof(*files));
    enum fletch_status status;

    if (!files)
        return fletch_fail_memory(err, (count + 1) * sizeof(*files), "files");
    checkpoint->files = files;
    TRY(fletch_file_open(&files[count].file, path, err));
    files[count].name = name;
    files[count].spool = NULL;
    checkpoint->files_count++;
    TRY(find_format(&format, list->formats, &files[count].file, err));
    list->format = NULL;
    list->file_size = files[count].file.size;
    status = format->list(list, &files[count].file, err);
    files[count].spool = list->spool;
    checkpoint->format = list->format ? list->format : format->name;
    list->spool = NULL;
    for (size_t i = before; i < list->count; i++)
        list->tensors[i].file = count;
    return status;
}

/* Reports what a path leads to, with a message of its own when it leads nowhere: the hub's
 * cache consists of links, and is easily copied without its blobs. FLETCH_OK and false:
 * nothing is there. */
static enum fletch_status look(bool *there, const char *path, struct fletch_error *err)
{
    struct stat info;

    *there = !stat(path, &info);
    if (*there)
        return FLETCH_OK;
    if (errno != ENOENT && errno != ENOTDIR)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", path, fletch_errno_text(errno));
    if (!lstat(path, &info) && S_ISLNK(info.st_mode))
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: is a link to a file that is not there", path);
    return FLETCH_OK;
}

/* ---- Opening ---- */

static enum fletch_status open_file(struct fletch_checkpoint *checkpoint,
                                    struct fletch_tensor_list *list, const char *path,
                                    struct fletch_error *err)
{
    const char *base = fletch_path_base(path);
    size_t len = (size_t)(base - path);
    const struct fletch_prefix_hints *hints = list->hints;
    const struct fletch_checkpoint_format *const *formats = list->formats;
    enum fletch_status status;

    for (size_t i = 0; formats[i]; i++) {
        if (formats[i]->index_glob && fletch_glob_match(formats[i]->index_glob, base)) {
            char *folder = fletch_arena_text(&checkpoint->arena, path, len);

            if (!folder)
                return fletch_fail_memory(err, len, "a path");
            return fletch_shards_open(checkpoint, list, folder, path, err);
        }
    }
    TRY(fletch_unsupported_shard(path, err));
    TRY(fletch_checkpoint_add(checkpoint, list, path, base, err));
    status = list->parts ? fletch_distributed_refuse(err)
                         : fletch_checkpoint_finish(checkpoint, list, err);
    if (!status)
        status = fletch_shared_names(checkpoint, err);
    if (!status)
        status = fletch_prefix_strip(checkpoint, hints, err);
    if (status)
        fletch_error_prefix(err, "%s", path);
    return status;
}

/* Weights of other projects, whose names model/translate.c knows. */
static const char *const foreign_names[] = { "open_clip_model.safetensors",
                                             "open_clip_pytorch_model.bin", NULL };

/* Opens the file of that name if it exists. */
static enum fletch_status open_named(bool *there, struct fletch_checkpoint *checkpoint,
                                     struct fletch_tensor_list *list, const char *folder,
                                     const char *name, struct fletch_error *err)
{
    char *path = fletch_path_join(&checkpoint->arena, folder, name);

    if (!path)
        return fletch_fail_memory(err, strlen(folder), "a path");
    TRY(look(there, path, err));
    return *there ? open_file(checkpoint, list, path, err) : FLETCH_OK;
}

/* Notes another weights file beside it that the user may have forgotten, such as an older
 * pytorch_model.bin. */
static enum fletch_status note_other(struct fletch_checkpoint *checkpoint,
                                     const char *folder, const char *name,
                                     const char *chosen, struct fletch_error *err)
{
    struct fletch_tensor_list list = { .arena = &checkpoint->arena,
                                       .notes = checkpoint->notes };
    char *path = fletch_path_join(&checkpoint->arena, folder, name);

    if (!path)
        return fletch_fail_memory(err, strlen(folder), "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    TRY(fletch_tensor_list_note(&list, err, "%s beside it is not read: %s goes first", name,
                                chosen));
    checkpoint->notes = list.notes;
    return FLETCH_OK;
}

/* The order of preference is transformers': a single file goes before an index. */
static enum fletch_status open_folder(struct fletch_checkpoint *checkpoint,
                                      struct fletch_tensor_list *list, const char *folder,
                                      struct fletch_error *err)
{
    const struct fletch_checkpoint_format *const *formats = list->formats;
    const char *chosen = NULL;
    bool there = false;

    TRY(fletch_unsupported_adapter(folder, err));
    for (size_t i = 0; formats[i]; i++) {
        const char *const names[] = { formats[i]->file_name, formats[i]->other_name,
                                      formats[i]->index_name };

        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            if (!names[j])
                continue;
            TRY(chosen ? note_other(checkpoint, folder, names[j], chosen, err)
                       : open_named(&there, checkpoint, list, folder, names[j], err));
            if (there && !chosen)
                chosen = names[j];
        }
    }
    for (const char *const *name = foreign_names; *name && !there; name++)
        TRY(open_named(&there, checkpoint, list, folder, *name, err));
    if (!there)
        TRY(fletch_distributed_open(&there, checkpoint, list, folder, err));
    return there ? FLETCH_OK : fletch_unsupported_folder(folder, err);
}

enum fletch_status
fletch_checkpoint_load(struct fletch_checkpoint **out, const char *path,
                       const struct fletch_checkpoint_format *const *formats,
                       const struct fletch_prefix_hints *hints, struct fletch_error *err)
{
    struct fletch_checkpoint *checkpoint = fletch_alloc(sizeof(*checkpoint));
    struct fletch_tensor_list list = { .formats = formats, .hints = hints };
    enum fletch_status status;
    char *own;
    bool there;

    if (!checkpoint)
        return fletch_fail_memory(err, sizeof(*checkpoint), path);
    list.arena = &checkpoint->arena;
    own = fletch_arena_strdup(&checkpoint->arena, path);
    status = own ? look(&there, own, err) : fletch_fail_memory(err, strlen(path), "a path");
    if (!status && !there)
        status = fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                             "%s: no such file or folder, expected a model's folder or its "
                             "weights file",
                             path);
    if (status)
        goto done;
    status = fletch_file_kind(own) == FLETCH_FILE_FOLDER
                 ? open_folder(checkpoint, &list, own, err)
                 : open_file(checkpoint, &list, own, err);
    if (status)
        goto done;
    *out = checkpoint;
    checkpoint = NULL;
done:
    json_decref(list.facts);
    json_decref(list.metadata);
    fletch_free(list.tensors);
    fletch_checkpoint_close(checkpoint);
    return status;
}

void fletch_checkpoint_close(struct fletch_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (size_t i = 0; i < checkpoint->files_count; i++) {
        fletch_file_close(&checkpoint->files[i].file);
        fletch_spool_close(checkpoint->files[i].spool);
    }
    fletch_strided_free(checkpoint->strided);
    json_decref(checkpoint->facts);
    json_decref(checkpoint->metadata);
    fletch_free(checkpoint->files);
    fletch_free(checkpoint->tensors);
    fletch_free(checkpoint->unfolded);
    fletch_arena_release(&checkpoint->arena);
    fletch_free(checkpoint);
}

/* ---- Looking ---- */

size_t fletch_checkpoint_count(const struct fletch_checkpoint *checkpoint)
{
    return checkpoint->tensors_count;
}

bool fletch_checkpoint_at(struct fletch_tensor_info *out,
                          const struct fletch_checkpoint *checkpoint, size_t i)
{
    const struct fletch_tensor *tensor;

    if (i >= checkpoint->tensors_count)
        return false;
    tensor = &checkpoint->tensors[i];
    *out = (struct fletch_tensor_info){
        .name = tensor->name,
        .dtype = fletch_dtype_text(tensor->dtype),
        .shape = tensor->shape,
        .rank = tensor->rank,
        .count = tensor->count,
        .size = tensor->size,
        .file = checkpoint->files[tensor->file].name,
        .offset = tensor->offset,
        .strides = tensor->strides,
        .big_endian = tensor->big_endian,
    };
    return true;
}

const char *fletch_checkpoint_format(const struct fletch_checkpoint *checkpoint)
{
    return checkpoint->format;
}

const char *fletch_checkpoint_prefix(const struct fletch_checkpoint *checkpoint)
{
    return checkpoint->prefix;
}

const char *fletch_checkpoint_note(const struct fletch_checkpoint *checkpoint, size_t i)
{
    return i < checkpoint->notes.count ? checkpoint->notes.items[i] : NULL;
}

const char *fletch_checkpoint_skipped(const struct fletch_checkpoint *checkpoint, size_t i)
{
    return i < checkpoint->skipped.count ? checkpoint->skipped.items[i] : NULL;
}

const struct fletch_tensor *
fletch_checkpoint_find(const struct fletch_checkpoint *checkpoint, const char *name)
{
    const struct fletch_tensor wanted = { .name = name };

    if (!checkpoint->tensors_count)
        return NULL;
    return bsearch(&wanted, checkpoint->tensors, checkpoint->tensors_count, sizeof(wanted),
                   compare_tensors);
}

/* Finds the bytes of a tensor that is compressed in the file. */
static enum fletch_status unpacked(const struct fletch_file **out,
                                   const struct fletch_checkpoint *checkpoint,
                                   const struct fletch_tensor *tensor,
                                   struct fletch_error *err)
{
    const struct fletch_checkpoint_file *file = &checkpoint->files[tensor->file];
    enum fletch_status status = fletch_spool_file(out, file->spool, &file->file,
                                                  tensor->offset, &checkpoint->cancel, err);

    /* the system's messages begin with the path */
    if (status && status != FLETCH_ERR_IO && status != FLETCH_ERR_CANCELLED)
        fletch_error_prefix(err, "%s", file->file.path);
    return status;
}

enum fletch_status fletch_tensor_read(const struct fletch_checkpoint *checkpoint,
                                      const struct fletch_tensor *tensor, uint64_t begin,
                                      void *out, size_t size, struct fletch_error *err)
{
    const struct fletch_file *file;

    if (tensor->file >= checkpoint->files_count || begin > tensor->size ||
        size > tensor->size - begin)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "tensor '%.*s': %zu bytes at byte %" PRIu64
                           " are asked for, it has %" PRIu64,
                           FLETCH_SHOWN, tensor->name, size, begin, tensor->size);
    if (tensor->slices)
        return fletch_slices_read(checkpoint->files, tensor, begin, out, size, err);
    file = &checkpoint->files[tensor->file].file;
    if (tensor->spooled && size)
        TRY(unpacked(&file, checkpoint, tensor, err));
    if (!fletch_tensor_is_straight(tensor))
        return fletch_strided_read(checkpoint->strided, file, tensor, begin, out, size,
                                   err);
    return fletch_file_read(file, tensor->offset + begin, out, size, err);
}

void fletch_checkpoint_release_memory(struct fletch_checkpoint *checkpoint)
{
    fletch_strided_release_memory(checkpoint->strided);
    for (size_t i = 0; i < checkpoint->files_count; i++)
        fletch_spool_release_memory(checkpoint->files[i].spool);
}
