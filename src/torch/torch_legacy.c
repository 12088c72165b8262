/* SPDX-License-Identifier: MIT */
/* torch_legacy.c - how torch saved before 1.6: five pickles, then the storages
 *
 *     five pickles: a magic number, the protocol (1001), a dict about the writer, the
 *                   object, the storages' keys
 *     for each key, in that order: its count of elements, 8 bytes, then the elements
 *
 * Only the pickle itself tells how long a pickle is, and only the object's pickle tells how
 * long a storage is. Storages are little-endian on every machine.
 */
#include "torch/torch_internal.h"

#include "base/bytes.h"
#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* 0x1950a86a20f9469cfc6c: as a LONG1, and as a line of protocol 0. */
#define MAGIC "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
#define MAGIC_LINE "119547037146038801333356"
#define PROTOCOL 1001
/* How much of a pickle is read at first. */
#define PICKLE_FIRST ((uint64_t)64 << 10)
#define COUNT_SIZE 8

struct storage {
    struct fletch_torch_storage storage;
    uint64_t offset; /* of its elements; 0: not in the list of keys */
};

struct legacy {
    const struct fletch_file *file;
    uint64_t pos;             /* where the next pickle begins */
    struct fletch_buf bytes;  /* of the pickle read last */
    struct fletch_buf object; /* of the object's pickle */
    struct storage *storages; /* [storages_count], by key */
    size_t storages_count;
};

/* ---- Pickles ---- */

/* The pickle at the stream's position; its values borrow from `bytes`. */
static enum fletch_status next_pickle(struct fletch_pickle *out, struct legacy *legacy,
                                      struct fletch_buf *bytes, struct fletch_error *err)
{
    uint64_t left = legacy->file->size - legacy->pos, size = PICKLE_FIRST;
    enum fletch_status status;
    bool cut;

    for (;;) {
        uint64_t most = left < FLETCH_PICKLE_SIZE_MAX ? left : FLETCH_PICKLE_SIZE_MAX;

        if (size > most)
            size = most;
        fletch_buf_clear(bytes);
        if (!fletch_buf_reserve(bytes, (size_t)size + 1))
            return fletch_fail_memory(err, (size_t)size, "a pickle");
        TRY(fletch_file_read(legacy->file, legacy->pos, bytes->bytes, (size_t)size, err));
        bytes->size = (size_t)size;
        status = fletch_pickle_read(out, &cut, bytes->bytes, bytes->size, legacy->pos, err);
        if (!status || !cut || size == most)
            break;
        fletch_pickle_close(out);
        size *= 8;
    }
    if (status && cut && size < left)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a pickle longer than the limit, %" PRIu64
                           " bytes (FLETCH_PICKLE_SIZE_MAX)",
                           legacy->pos, FLETCH_PICKLE_SIZE_MAX);
    legacy->pos += out->end;
    return status;
}

static const struct fletch_pickle_value *top_of(const struct fletch_pickle *pickle)
{
    return &pickle->values[pickle->top];
}

static bool is_magic(const struct fletch_pickle *pickle)
{
    const struct fletch_pickle_value *top = top_of(pickle);

    if (top->kind != FLETCH_PICKLE_LONG)
        return false;
    return (top->len == sizeof(MAGIC) - 1 && !memcmp(top->text, MAGIC, top->len)) ||
           (top->len == sizeof(MAGIC_LINE) - 1 && !memcmp(top->text, MAGIC_LINE, top->len));
}

static bool is_protocol(const struct fletch_pickle *pickle)
{
    return top_of(pickle)->kind == FLETCH_PICKLE_INT && top_of(pickle)->whole == PROTOCOL;
}

/* torch ignores it too. */
static bool is_about_writer(const struct fletch_pickle *pickle)
{
    return top_of(pickle)->kind == FLETCH_PICKLE_DICT;
}

struct opening {
    bool (*is)(const struct fletch_pickle *pickle);
    const char *what;
};

static enum fletch_status read_opening(struct legacy *legacy, struct fletch_error *err)
{
    static const struct opening openings[] = {
        { is_magic, "torch's magic number" },
        { is_protocol, "protocol 1001" },
        { is_about_writer, "a dict about the writer" },
    };

    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct fletch_pickle pickle = { 0 };
        uint64_t at = legacy->pos;
        enum fletch_status status = next_pickle(&pickle, legacy, &legacy->bytes, err);

        if (!status && !openings[i].is(&pickle))
            status = fletch_fail(
                err, FLETCH_ERR_FORMAT, "byte %" PRIu64 ": found %s, expected %s", at,
                fletch_pickle_kind_text(top_of(&pickle)->kind), openings[i].what);
        fletch_pickle_close(&pickle);
        TRY(status);
    }
    return FLETCH_OK;
}

/* ---- Storages ---- */

static int compare_storages(const void *a, const void *b)
{
    const struct storage *x = a, *y = b;

    return strcmp(x->storage.key, y->storage.key);
}

static struct storage *find(const struct legacy *legacy, const char *key)
{
    const struct storage wanted = { .storage = { .key = key } };

    if (!legacy->storages_count)
        return NULL;
    return bsearch(&wanted, legacy->storages, legacy->storages_count, sizeof(wanted),
                   compare_storages);
}

/* All ids with one key must describe the same storage, or the stream cannot be walked. */
static enum fletch_status make_unique(struct legacy *legacy, struct fletch_error *err)
{
    struct storage *storages = legacy->storages;
    size_t kept = 0;

    qsort(storages, legacy->storages_count, sizeof(*storages), compare_storages);
    for (size_t i = 0; i < legacy->storages_count; i++) {
        const struct fletch_torch_storage *a = kept ? &storages[kept - 1].storage : NULL;
        const struct fletch_torch_storage *b = &storages[i].storage;

        if (a && !strcmp(a->key, b->key)) {
            if (a->width != b->width || a->count != b->count)
                return fletch_fail(err, FLETCH_ERR_FORMAT,
                                   "storage '%.*s' is a %s of %" PRIu64
                                   " in one place, a %s of %" PRIu64 " in another",
                                   FLETCH_SHOWN, a->key, a->type, a->count, b->type,
                                   b->count);
            continue;
        }
        storages[kept++] = storages[i];
    }
    legacy->storages_count = kept;
    return FLETCH_OK;
}

static enum fletch_status list_storages(struct legacy *legacy,
                                        const struct fletch_torch *torch,
                                        struct fletch_error *err)
{
    const struct fletch_pickle *pickle = &torch->pickle;
    size_t count = 0;

    for (uint32_t i = 0; i < pickle->count; i++)
        count += pickle->values[i].kind == FLETCH_PICKLE_PERSISTENT;
    legacy->storages = fletch_alloc_array(count, sizeof(*legacy->storages));
    if (!legacy->storages)
        return fletch_fail_memory(err, count * sizeof(*legacy->storages), "storages");
    for (uint32_t i = 0; i < pickle->count; i++) {
        struct storage *storage = &legacy->storages[legacy->storages_count];
        bool is_storage;

        if (pickle->values[i].kind != FLETCH_PICKLE_PERSISTENT)
            continue;
        TRY(fletch_torch_storage_read(&storage->storage, &is_storage, torch, i, err));
        legacy->storages_count += is_storage;
    }
    return make_unique(legacy, err);
}

/* The storage of one key of the list begins at the stream's position: skips it. */
static enum fletch_status place_storage(struct legacy *legacy, const char *key,
                                        struct fletch_error *err)
{
    struct storage *storage = find(legacy, key);
    uint64_t left = legacy->file->size - legacy->pos, count, size;
    uint8_t bytes[COUNT_SIZE];

    if (!storage || storage->offset)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %" PRIu64 ": storage '%.*s' is %s",
                           legacy->pos, FLETCH_SHOWN, key,
                           storage ? "there twice" : "nothing the object has");
    if (left < COUNT_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the file ends before storage '%.*s': it was "
                           "cut short",
                           legacy->file->size, FLETCH_SHOWN, key);
    TRY(fletch_file_read(legacy->file, legacy->pos, bytes, sizeof(bytes), err));
    count = fletch_load_u64(bytes);
    if (count != storage->storage.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": storage '%.*s' has %" PRIu64
                           " elements here, the object says %" PRIu64,
                           legacy->pos, FLETCH_SHOWN, key, count, storage->storage.count);
    if (!fletch_mul(&size, count, storage->storage.width) || size > left - COUNT_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": storage '%.*s' of %" PRIu64
                           " elements of %u bytes, but only %" PRIu64
                           " bytes follow: it was cut short",
                           legacy->pos, FLETCH_SHOWN, key, count, storage->storage.width,
                           left - COUNT_SIZE);
    storage->offset = legacy->pos + COUNT_SIZE;
    legacy->pos = storage->offset + size;
    return FLETCH_OK;
}

static enum fletch_status place_all(struct legacy *legacy, const struct fletch_torch *torch,
                                    const struct fletch_pickle *keys,
                                    struct fletch_error *err)
{
    const struct fletch_pickle_value *list = top_of(keys);

    if (list->kind != FLETCH_PICKLE_LIST)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %s, expected the list of storages",
                           list->at, fletch_pickle_kind_text(list->kind));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct fletch_pickle_value *key = &keys->values[list->items[i]];
        char *text;

        if ((key->kind != FLETCH_PICKLE_TEXT && key->kind != FLETCH_PICKLE_BYTES) ||
            memchr(key->text, 0, key->len))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": the key of a storage is %s, expected a "
                               "string",
                               key->at, fletch_pickle_kind_text(key->kind));
        text = fletch_arena_text(torch->list->arena, key->text, key->len);
        if (!text)
            return fletch_fail_memory(err, key->len, "the key of a storage");
        TRY(place_storage(legacy, text, err));
    }
    if (legacy->pos != legacy->file->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %" PRIu64
                           " bytes after the last storage",
                           legacy->pos, legacy->file->size - legacy->pos);
    return FLETCH_OK;
}

static enum fletch_status find_storage(struct fletch_torch_place *out,
                                       struct fletch_torch *torch,
                                       const struct fletch_torch_storage *storage,
                                       struct fletch_error *err)
{
    const struct storage *found = find(torch->container, storage->key);

    if (!found || !found->offset)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "its storage '%.*s' is not in the list of storages",
                           FLETCH_SHOWN, storage->key);
    *out = (struct fletch_torch_place){
        .offset = found->offset,
        .size = found->storage.count * found->storage.width,
    };
    return FLETCH_OK;
}

/* ---- The format ---- */

static enum fletch_status list_legacy(struct fletch_torch *torch, struct legacy *legacy,
                                      struct fletch_error *err)
{
    struct fletch_pickle keys = { 0 };
    enum fletch_status status;

    TRY(read_opening(legacy, err));
    TRY(next_pickle(&torch->pickle, legacy, &legacy->object, err));
    TRY(list_storages(legacy, torch, err));
    status = next_pickle(&keys, legacy, &legacy->bytes, err);
    if (!status)
        status = place_all(legacy, torch, &keys, err);
    fletch_pickle_close(&keys);
    return status ? status : fletch_torch_state_dict_list(torch, err);
}

static enum fletch_status list(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err)
{
    struct legacy legacy = { .file = file };
    struct fletch_torch torch = {
        .list = out, .path = file->path, .find = find_storage, .container = &legacy
    };
    enum fletch_status status = list_legacy(&torch, &legacy, err);

    if (status && status != FLETCH_ERR_IO) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    fletch_pickle_close(&torch.pickle);
    fletch_buf_release(&legacy.bytes);
    fletch_buf_release(&legacy.object);
    fletch_free(legacy.storages);
    return status;
}

/* The magic number comes first, after a few opcodes at most. */
static bool probe(const uint8_t *head, size_t head_size, uint64_t size)
{
    size_t near = head_size < 32 ? head_size : 32;

    return size > sizeof(MAGIC) &&
           (fletch_find(head, near, MAGIC, sizeof(MAGIC) - 1) ||
            fletch_find(head, near, MAGIC_LINE, sizeof(MAGIC_LINE) - 1));
}

const struct fletch_checkpoint_format fletch_format_torch_legacy = {
    .name = "torch stream",
    .probe = probe,
    .list = list,
};
