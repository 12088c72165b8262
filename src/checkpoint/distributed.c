/* SPDX-License-Identifier: MIT */
/* distributed.c - joins the files of torch.distributed.checkpoint
 *
 * Each process of a training run saves one safetensors file with its slices of tensors,
 * shard-00001-model-00001-of-00001.safetensors, and states in __metadata__ where each
 * begins:
 *
 *     "DCP_SHARDING_INFO": "{\"pooler.dense.weight\": {\"saved_offsets\": [16, 0]}, ...}"
 *
 * The size of the tensor is not stated: it ends where the furthest slice does. Every
 * element must be in exactly one slice.
 */
#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"

#include "base/bytes.h"
#include "base/glob.h"
#include "base/json.h"
#include "base/natural.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHARDING_INFO "DCP_SHARDING_INFO"
#define SAVED_OFFSETS "saved_offsets"
/* Processes of a run: their files are all open at once. */
#define FLETCH_DISTRIBUTED_FILES_MAX 512
/* How far to look for a file's statement that it is a part: its __metadata__ need not be
 * first in the header, and other keys in it may be long. */
#define PEEK_MAX ((uint64_t)32 << 20)
/* Bytes examined at a time. */
#define PEEK_SIZE 16384

#define A_PART                                                                             \
    "a model that torch.distributed.checkpoint saved in parts (" SHARDING_INFO ")"

/* ---- One file ---- */

enum fletch_status fletch_distributed_sharding(json_t **out, json_t *metadata,
                                               struct fletch_error *err)
{
    json_t *text = json_object_get(metadata, SHARDING_INFO);
    enum fletch_status status;

    *out = NULL;
    if (!text)
        return FLETCH_OK;
    status = fletch_json_parse(out, json_string_value(text), json_string_length(text),
                               false, err);
    if (status)
        fletch_error_prefix(err, "__metadata__: " SHARDING_INFO);
    json_object_del(metadata, SHARDING_INFO);
    return status;
}

/* "saved_offsets", one for each dimension. */
static enum fletch_status read_offsets(uint64_t *out, const struct fletch_tensor *tensor,
                                       const json_t *offsets, struct fletch_error *err)
{
    if (json_array_size(offsets) != tensor->rank || !json_is_array(offsets))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': " SHARDING_INFO " has %zu " SAVED_OFFSETS
                           ", expected %u, as many as it has dimensions",
                           FLETCH_SHOWN, tensor->name, json_array_size(offsets),
                           tensor->rank);
    for (unsigned i = 0; i < tensor->rank; i++) {
        const json_t *item = json_array_get(offsets, i);
        uint64_t end;

        out[i] = (uint64_t)json_integer_value(item);
        if (!json_is_integer(item) || json_integer_value(item) < 0 ||
            !fletch_add(&end, out[i], tensor->shape[i]))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "tensor '%.*s': " SHARDING_INFO ": " SAVED_OFFSETS
                               "[%u] is no place in a tensor, expected a whole number",
                               FLETCH_SHOWN, tensor->name, i);
    }
    return FLETCH_OK;
}

enum fletch_status fletch_distributed_mark(struct fletch_tensor *tensor,
                                           const json_t *sharding,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err)
{
    const json_t *entry = json_object_get(sharding, tensor->name);
    struct fletch_tensor_slice *slice = fletch_arena_alloc(arena, sizeof(*slice));
    uint64_t *at = fletch_arena_alloc_array(arena, tensor->rank + 1, sizeof(*at));

    if (!slice || !at)
        return fletch_fail_memory(err, sizeof(*slice), "slices");
    if (!entry)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': " SHARDING_INFO
                           " does not name it, expected where its slice begins",
                           FLETCH_SHOWN, tensor->name);
    TRY(read_offsets(at, tensor, json_object_get(entry, SAVED_OFFSETS), err));
    *slice = (struct fletch_tensor_slice){ .offset = tensor->offset,
                                           .at = at,
                                           .shape = tensor->shape };
    tensor->slices = slice;
    tensor->slices_count = 1;
    return FLETCH_OK;
}

static bool begins_at_zero(const struct fletch_tensor *tensor)
{
    unsigned i = 0;

    while (i < tensor->rank && !tensor->slices->at[i])
        i++;
    return i == tensor->rank;
}

enum fletch_status fletch_distributed_check_whole(struct fletch_tensor_list *list,
                                                  struct fletch_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct fletch_tensor *tensor = &list->tensors[i];

        if (!tensor->slices)
            continue;
        if (!begins_at_zero(tensor))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "tensor '%.*s' is a slice, of " A_PART
                               ", which need no index: give the folder without it",
                               FLETCH_SHOWN, tensor->name);
        tensor->slices = NULL;
        tensor->slices_count = 0;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_distributed_refuse(struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "is one part, with slices of tensors, of " A_PART
                       ": give the folder that has all of its parts");
}

/* ---- One tensor ---- */

/* True when two slices share an element. */
static bool overlap(const struct fletch_tensor_slice *a,
                    const struct fletch_tensor_slice *b, unsigned rank)
{
    for (unsigned i = 0; i < rank; i++)
        if (a->at[i] >= b->at[i] + b->shape[i] || b->at[i] >= a->at[i] + a->shape[i])
            return false;
    return true;
}

static enum fletch_status check_overlaps(const struct fletch_tensor *tensor,
                                         const struct fletch_checkpoint *checkpoint,
                                         struct fletch_error *err)
{
    for (size_t i = 0; i < tensor->slices_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct fletch_tensor_slice *a = &tensor->slices[j],
                                             *b = &tensor->slices[i];

            if (overlap(a, b, tensor->rank))
                return fletch_fail(err, FLETCH_ERR_FORMAT,
                                   "tensor '%.*s': its slices in '%s' and '%s' overlap, "
                                   "expected each element once",
                                   FLETCH_SHOWN, tensor->name,
                                   checkpoint->files[a->file].name,
                                   checkpoint->files[b->file].name);
        }
    return FLETCH_OK;
}

/* The slices' common dtype, and the shape that they cover. */
static enum fletch_status span(struct fletch_tensor *out, uint64_t *shape,
                               const struct fletch_tensor *slices, size_t count,
                               const struct fletch_checkpoint *checkpoint,
                               struct fletch_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct fletch_tensor *slice = &slices[i];

        if (slice->rank != out->rank || slice->dtype != out->dtype)
            return fletch_fail(
                err, FLETCH_ERR_FORMAT,
                "tensor '%.*s': %s with %u dimensions in '%s', and %s with %u "
                "in '%s', expected slices of one tensor",
                FLETCH_SHOWN, out->name, fletch_dtype_text(out->dtype), out->rank,
                checkpoint->files[out->file].name, fletch_dtype_text(slice->dtype),
                slice->rank, checkpoint->files[slice->file].name);
        for (unsigned j = 0; j < out->rank; j++) {
            uint64_t end = slice->slices->at[j] + slice->shape[j];

            shape[j] = end > shape[j] ? end : shape[j];
        }
    }
    out->shape = shape;
    return FLETCH_OK;
}

/* Collects the slices that have elements. Their total fits 64 bits, since they do not
 * overlap in a shape that was measured. */
static enum fletch_status gather(struct fletch_tensor *out,
                                 const struct fletch_tensor *slices, size_t count,
                                 const struct fletch_checkpoint *checkpoint,
                                 struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_tensor_slice *kept =
        fletch_arena_alloc_array(arena, count, sizeof(*kept));
    uint64_t held = 0;

    if (!kept)
        return fletch_fail_memory(err, count * sizeof(*kept), "slices");
    out->slices = kept;
    out->slices_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!slices[i].count)
            continue;
        kept[out->slices_count] = *slices[i].slices;
        kept[out->slices_count++].file = slices[i].file;
        if (!fletch_add(&held, held, slices[i].count))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "tensor '%.*s': its slices have more elements than 64 bits "
                               "count",
                               FLETCH_SHOWN, out->name);
    }
    TRY(check_overlaps(out, checkpoint, err));
    if (held != out->count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': its slices have %" PRIu64 " of the %" PRIu64
                           " elements that they span: a part is missing, expected all "
                           "parts in the folder",
                           FLETCH_SHOWN, out->name, held, out->count);
    return FLETCH_OK;
}

/* Makes one tensor of all slices with its name. */
static enum fletch_status join(struct fletch_tensor *out,
                               const struct fletch_tensor *slices, size_t count,
                               const struct fletch_checkpoint *checkpoint,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_tensor tensor = slices[0];
    uint64_t *shape = fletch_arena_alloc_array(arena, tensor.rank + 1, sizeof(*shape));
    enum fletch_status status;

    if (!shape)
        return fletch_fail_memory(err, sizeof(*shape), "a shape");
    TRY(span(&tensor, shape, slices, count, checkpoint, err));
    status = fletch_measure(&tensor.count, &tensor.size, tensor.dtype, tensor.shape,
                            tensor.rank, err);
    if (status) {
        fletch_error_prefix(err, "tensor '%.*s'", FLETCH_SHOWN, tensor.name);
        return status;
    }
    TRY(gather(&tensor, slices, count, checkpoint, arena, err));
    if (tensor.slices_count > 1 && !fletch_dtype_size(tensor.dtype))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': %s in slices, expected whole bytes",
                           FLETCH_SHOWN, tensor.name, fletch_dtype_text(tensor.dtype));
    if (tensor.slices_count) {
        tensor.file = tensor.slices[0].file;
        tensor.offset = tensor.slices[0].offset;
    }
    if (tensor.slices_count < 2)
        tensor.slices = NULL; /* the file holds all of it */
    *out = tensor;
    return FLETCH_OK;
}

/* ---- The folder ---- */

static int compare_tensors(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;
    int order = fletch_natural_compare(x->name, y->name);

    return order ? order : (x->file > y->file) - (x->file < y->file);
}

static enum fletch_status join_all(const struct fletch_checkpoint *checkpoint,
                                   struct fletch_tensor_list *list,
                                   struct fletch_error *err)
{
    size_t kept = 0, next;

    if (list->count)
        qsort(list->tensors, list->count, sizeof(*list->tensors), compare_tensors);
    for (size_t i = 0; i < list->count; i = next) {
        const struct fletch_tensor *first = &list->tensors[i];

        for (next = i + 1; next < list->count; next++)
            if (strcmp(list->tensors[next].name, first->name) != 0)
                break;
        TRY(join(&list->tensors[kept++], first, next - i, checkpoint, list->arena, err));
    }
    list->count = kept;
    return FLETCH_OK;
}

/* True when the header has the key. A file that cannot be read is left to the code that
 * opens it. */
static bool has_sharding(const struct fletch_file *file)
{
    static const char key[] = "\"" SHARDING_INFO "\"";
    const size_t overlap = sizeof(key) - 2; /* of a key that lies across two pieces */
    uint64_t end = file->size < PEEK_MAX ? file->size : PEEK_MAX, header;
    char head[PEEK_SIZE];
    size_t size;

    if (end < sizeof(header) || fletch_file_read(file, 0, head, sizeof(header), NULL))
        return false;
    header = fletch_load_u64(head);
    end = header < end - sizeof(header) ? header + sizeof(header) : end;
    for (uint64_t at = 0; at < end; at += size - overlap) {
        size = end - at < sizeof(head) ? (size_t)(end - at) : sizeof(head);
        if (fletch_file_read(file, at, head, size, NULL))
            return false;
        if (fletch_find(head, size, key, sizeof(key) - 1))
            return true;
        if (size < sizeof(head))
            break;
    }
    return false;
}

/* True when the file at the path states that it is a part. */
static bool is_part(const char *path)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    bool found;

    if (fletch_file_kind(path) != FLETCH_FILE_REGULAR ||
        fletch_file_open(&file, path, NULL))
        return false;
    found = has_sharding(&file);
    fletch_file_close(&file);
    return found;
}

/* The N of shard-N-..., 0 for other names. */
static unsigned long number_of(const char *name)
{
    return fletch_glob_match("shard-*-model-*.safetensors", name)
               ? strtoul(name + sizeof("shard-") - 1, NULL, 10)
               : 0;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return fletch_natural_compare(*x, *y);
}

/* Names of the parts, in order; none when no file states that it is one. If one does, every
 * file named like a part counts: a damaged one must not be taken for a missing one. */
static enum fletch_status find_parts(struct fletch_strlist *out, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *found;
    enum fletch_status status = FLETCH_OK;
    size_t sure = 0;

    if (!dir)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", folder, strerror(errno));
    while (!status && (found = readdir(dir))) {
        const char *name, *path;
        bool says;

        if (!fletch_glob_match("*.safetensors", found->d_name))
            continue;
        name = fletch_arena_strdup(arena, found->d_name);
        path = fletch_path_join(arena, folder, found->d_name);
        if (!name || !path) {
            status = fletch_fail_memory(err, strlen(folder), "a path");
            break;
        }
        says = is_part(path);
        sure += says;
        if (says || number_of(name))
            status = fletch_strlist_put(out, arena, name, err);
    }
    closedir(dir);
    if (!sure)
        out->count = 0;
    if (out->count)
        qsort(out->items, out->count, sizeof(*out->items), compare_names);
    return status;
}

/* The names are numbered from 1: a gap is a missing part. */
static enum fletch_status check_parts(const struct fletch_strlist *parts,
                                      struct fletch_error *err)
{
    unsigned long before = 0;

    if (parts->count > FLETCH_DISTRIBUTED_FILES_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "has %zu parts of " A_PART
                           ", the limit is %d (FLETCH_DISTRIBUTED_FILES_MAX)",
                           parts->count, FLETCH_DISTRIBUTED_FILES_MAX);
    if (parts->count == 1)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "has %.*s alone, one part of " A_PART
                           ", expected the others beside it",
                           FLETCH_SHOWN, parts->items[0]);
    for (size_t i = 0; i < parts->count; i++) {
        unsigned long number = number_of(parts->items[i]);

        if (number > before + 1)
            return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                               "has %.*s, one part of " A_PART
                               ", but none whose name begins with shard-%05lu-",
                               FLETCH_SHOWN, parts->items[i], before + 1);
        before = number ? number : before;
    }
    return FLETCH_OK;
}

static enum fletch_status add_parts(struct fletch_checkpoint *checkpoint,
                                    struct fletch_tensor_list *list, const char *folder,
                                    const struct fletch_strlist *parts,
                                    struct fletch_error *err)
{
    list->is_shard = true;
    for (size_t i = 0; i < parts->count; i++) {
        const char *path = fletch_path_join(&checkpoint->arena, folder, parts->items[i]);

        if (!path)
            return fletch_fail_memory(err, strlen(folder), "a path");
        TRY(fletch_checkpoint_add(checkpoint, list, path, parts->items[i], err));
        /* a tensor of that name is not the key that was looked for */
        if (list->parts != i + 1)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "%s: has no " SHARDING_INFO " in its __metadata__, as the "
                               "parts beside it have",
                               path);
    }
    return FLETCH_OK;
}

enum fletch_status fletch_distributed_open(bool *there,
                                           struct fletch_checkpoint *checkpoint,
                                           struct fletch_tensor_list *list,
                                           const char *folder, struct fletch_error *err)
{
    const struct fletch_prefix_hints *hints = list->hints;
    struct fletch_strlist parts = { 0 };
    enum fletch_status status;

    TRY(find_parts(&parts, folder, &checkpoint->arena, err));
    *there = parts.count > 0;
    if (!*there)
        return FLETCH_OK;
    status = check_parts(&parts, err);
    if (!status)
        TRY(add_parts(checkpoint, list, folder, &parts, err));
    if (!status)
        status = join_all(checkpoint, list, err);
    if (!status)
        status = fletch_checkpoint_finish(checkpoint, list, err);
    if (!status)
        status = fletch_shared_names(checkpoint, err);
    if (!status)
        status = fletch_prefix_strip(checkpoint, hints, err);
    if (status)
        fletch_error_prefix(err, "%s", folder);
    return status;
}
