/* SPDX-License-Identifier: MIT */
/* shards.c - an index and the files it names
 *
 *     { "metadata": { ... }, "weight_map": { "tensor": "file", ... } }
 *
 * Readers differ in which they trust when map and shards disagree, so here they must agree:
 * every tensor of the map is in its file, and no file has a tensor that the map does not
 * list. "metadata" is ignored.
 */
#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct shard {
    const char *name;   /* of the file; the index's own text */
    const char *tensor; /* a tensor that it should hold */
};

struct shard_list {
    struct shard *shards; /* [count] */
    size_t count;
};

static int compare_shards(const void *a, const void *b)
{
    const struct shard *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Sorts the shards and keeps the first of each name. */
static void make_unique(struct shard_list *list)
{
    size_t kept = 0;

    qsort(list->shards, list->count, sizeof(*list->shards), compare_shards);
    for (size_t i = 0; i < list->count; i++)
        if (!kept || compare_shards(&list->shards[kept - 1], &list->shards[i]))
            list->shards[kept++] = list->shards[i];
    list->count = kept;
}

/* The files that the map names, each once, in order. */
static enum fletch_status list_shards(struct shard_list *out, json_t *map,
                                      struct fletch_error *err)
{
    const char *tensor;
    json_t *value;

    if (!json_object_size(map))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "weight_map names no tensor, expected one at least");
    out->shards = fletch_alloc_array(json_object_size(map), sizeof(*out->shards));
    if (!out->shards)
        return fletch_fail_memory(err, json_object_size(map) * sizeof(*out->shards),
                                  "the names of shards");
    json_object_foreach(map, tensor, value)
    {
        const char *name = json_string_value(value);

        if (!name)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "weight_map: tensor '%.*s' has no file name, expected a "
                               "string",
                               FLETCH_SHOWN, tensor);
        if (!fletch_path_is_below(name) || strchr(name, '/'))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "weight_map: tensor '%.*s' is in '%.*s', expected the plain "
                               "name of a file beside the index",
                               FLETCH_SHOWN, tensor, FLETCH_SHOWN, name);
        out->shards[out->count++] = (struct shard){ name, tensor };
    }
    make_unique(out);
    return FLETCH_OK;
}

static enum fletch_status add_shard(struct fletch_checkpoint *checkpoint,
                                    struct fletch_tensor_list *list, const char *folder,
                                    const char *index, const struct shard *shard,
                                    struct fletch_error *err)
{
    char *name = fletch_arena_strdup(&checkpoint->arena, shard->name);
    char *path = fletch_path_join(&checkpoint->arena, folder, shard->name);
    enum fletch_status status;

    if (!name || !path)
        return fletch_fail_memory(err, strlen(shard->name), "a path");
    status = fletch_checkpoint_add(checkpoint, list, path, name, err);
    if (status == FLETCH_ERR_NOT_FOUND)
        return fletch_fail(err, status,
                           "%s: '%.*s' is not there, expected tensor '%.*s' in it", index,
                           FLETCH_SHOWN, shard->name, FLETCH_SHOWN, shard->tensor);
    return status;
}

/* Checks that every tensor in the map is in the file it names. */
static enum fletch_status check_map(const struct fletch_checkpoint *checkpoint, json_t *map,
                                    struct fletch_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(map, name, value)
    {
        const struct fletch_tensor *tensor = fletch_checkpoint_find(checkpoint, name);
        const char *said = json_string_value(value), *found;

        if (!tensor)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "tensor '%.*s' should be in '%s', which does not hold it",
                               FLETCH_SHOWN, name, said);
        found = checkpoint->files[tensor->file].name;
        if (strcmp(said, found) != 0)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "tensor '%.*s' should be in '%s', but is in '%s'",
                               FLETCH_SHOWN, name, said, found);
    }
    return FLETCH_OK;
}

/* Checks that every tensor in the files is in the map. */
static enum fletch_status check_tensors(const struct fletch_checkpoint *checkpoint,
                                        json_t *map, struct fletch_error *err)
{
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];

        if (!json_object_get(map, tensor->name))
            return fletch_fail(
                err, FLETCH_ERR_FORMAT, "tensor '%.*s' is in '%s', but not in weight_map",
                FLETCH_SHOWN, tensor->name, checkpoint->files[tensor->file].name);
    }
    return FLETCH_OK;
}

static enum fletch_status check_agreement(struct fletch_checkpoint *checkpoint,
                                          struct fletch_tensor_list *list, json_t *map,
                                          struct fletch_error *err)
{
    const struct fletch_prefix_hints *hints = list->hints;

    TRY(fletch_distributed_check_whole(list, err));
    TRY(fletch_checkpoint_finish(checkpoint, list, err));
    TRY(check_map(checkpoint, map, err));
    TRY(check_tensors(checkpoint, map, err));
    TRY(fletch_shared_names(checkpoint, err));
    return fletch_prefix_strip(checkpoint, hints, err);
}

/* If the index is not JSON at all it may be another known kind of file, usually an LFS
 * pointer. */
static enum fletch_status load_index(json_t **out, const char *path,
                                     struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    enum fletch_status status = fletch_json_load(out, path, false, err);

    if (status == FLETCH_ERR_FORMAT && !fletch_file_open(&file, path, NULL)) {
        struct fletch_error better;
        enum fletch_status unsupported = fletch_unsupported_file(&file, &better);

        if (unsupported == FLETCH_ERR_FORMAT && err)
            *err = better;
        fletch_file_close(&file);
    }
    return status;
}

enum fletch_status fletch_shards_open(struct fletch_checkpoint *checkpoint,
                                      struct fletch_tensor_list *list, const char *folder,
                                      const char *path, struct fletch_error *err)
{
    struct shard_list shards = { 0 };
    json_t *index = NULL, *map;
    enum fletch_status status = load_index(&index, path, err);

    if (status)
        return status;
    list->is_shard = true;
    map = json_object_get(index, "weight_map");
    status = json_is_object(map)
                 ? list_shards(&shards, map, err)
                 : fletch_fail(err, FLETCH_ERR_FORMAT, "has no weight_map object");
    if (status) {
        fletch_error_prefix(err, "%s", path);
        goto done;
    }
    for (size_t i = 0; i < shards.count; i++) {
        status = add_shard(checkpoint, list, folder, path, &shards.shards[i], err);
        if (status)
            goto done; /* these messages are about the shard and begin with it */
    }
    status = check_agreement(checkpoint, list, map, err);
    if (status)
        fletch_error_prefix(err, "%s", path);
done:
    fletch_free(shards.shards);
    json_decref(index);
    return status;
}
