/* SPDX-License-Identifier: MIT */
/* torch_tar_tables.c - the members "storages" and "tensors" of a tar: see torch_tar.c */
#include "torch/torch_tar_internal.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One pickle of the storages: three values. */
#define FLETCH_TAR_RECORD_MAX 4096

/* ---- Pickles of numbers ---- */

static const struct fletch_pickle_value *value_at(const struct fletch_pickle *pickle,
                                                  uint32_t index)
{
    return &pickle->values[index];
}

static enum fletch_status read_int(int64_t *out, const struct fletch_pickle_value *value,
                                   const char *what, struct fletch_error *err)
{
    if (value->kind != FLETCH_PICKLE_INT)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %s is %s, expected an int of 64 bits",
                           value->at, what, fletch_pickle_kind_text(value->kind));
    *out = value->whole;
    return FLETCH_OK;
}

/* The pickle at `at` of the file, of which `left` bytes are the member's. */
static enum fletch_status read_record(struct fletch_pickle *out, struct tar *tar,
                                      uint64_t at, uint64_t left)
{
    uint64_t size = left < FLETCH_TAR_RECORD_MAX ? left : FLETCH_TAR_RECORD_MAX;
    enum fletch_status status;
    bool cut;

    fletch_buf_clear(&tar->scratch);
    if (!fletch_buf_reserve(&tar->scratch, FLETCH_TAR_RECORD_MAX))
        return fletch_fail_memory(tar->err, FLETCH_TAR_RECORD_MAX, "a pickle");
    TRY(fletch_file_read(tar->file, at, tar->scratch.bytes, (size_t)size, tar->err));
    status = fletch_pickle_read(out, &cut, tar->scratch.bytes, (size_t)size, at, tar->err);
    if (status && cut && size < left)
        return fletch_fail(tar->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a pickle longer than the limit, %d bytes "
                           "(FLETCH_TAR_RECORD_MAX)",
                           at, FLETCH_TAR_RECORD_MAX);
    return status;
}

/* The items of a record of `count` values. */
static enum fletch_status read_tuple(const uint32_t **out,
                                     const struct fletch_pickle *pickle, uint32_t index,
                                     uint32_t count, struct fletch_error *err)
{
    const struct fletch_pickle_value *value = value_at(pickle, index);

    if (value->kind != FLETCH_PICKLE_TUPLE || value->count != count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %s, expected a tuple of %u", value->at,
                           fletch_pickle_kind_text(value->kind), count);
    *out = value->items;
    return FLETCH_OK;
}

/* A count of items that take at least `least` bytes each, out of `left`. */
static enum fletch_status read_count(uint64_t *out, const struct fletch_pickle *pickle,
                                     uint64_t left, uint64_t least,
                                     struct fletch_error *err)
{
    const struct fletch_pickle_value *top = value_at(pickle, pickle->top);
    int64_t count = 0;

    TRY(read_int(&count, top, "the count", err));
    if (count < 0 || (uint64_t)count > left / least)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a count of %" PRId64 ", but %" PRIu64
                           " bytes follow",
                           top->at, count, left);
    *out = (uint64_t)count;
    return FLETCH_OK;
}

/* ---- Storages ---- */

static int compare_storages(const void *a, const void *b)
{
    const struct tar_storage *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

static int compare_tensors(const void *a, const void *b)
{
    const struct tar_tensor *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

const struct tar_storage *fletch_tar_find_storage(const struct tar *tar, int64_t key)
{
    const struct tar_storage wanted = { .key = key };

    if (!tar->storages_count)
        return NULL;
    return bsearch(&wanted, tar->storages, tar->storages_count, sizeof(wanted),
                   compare_storages);
}

const struct tar_tensor *fletch_tar_find_tensor(const struct tar *tar, int64_t key)
{
    const struct tar_tensor wanted = { .key = key };

    if (!tar->tensors_count)
        return NULL;
    return bsearch(&wanted, tar->tensors, tar->tensors_count, sizeof(wanted),
                   compare_tensors);
}

static enum fletch_status put_storage(struct tar *tar, const struct tar_storage *storage)
{
    if (tar->storages_count == tar->storages_cap) {
        struct tar_storage *grown = fletch_grow(tar->storages, &tar->storages_cap,
                                                tar->storages_count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(tar->err, (tar->storages_count + 1) * sizeof(*grown),
                                      "storages");
        tar->storages = grown;
    }
    tar->storages[tar->storages_count++] = *storage;
    return FLETCH_OK;
}

static enum fletch_status sort_storages(struct tar *tar)
{
    qsort(tar->storages, tar->storages_count, sizeof(*tar->storages), compare_storages);
    for (size_t i = 1; i < tar->storages_count; i++)
        if (tar->storages[i - 1].key == tar->storages[i].key)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": storage '%" PRId64 "' is there twice",
                               tar->members[MEMBER_STORAGES].begin, tar->storages[i].key);
    return FLETCH_OK;
}

/* Reads a storage's record and its elements; *pos is moved past them. */
static enum fletch_status read_storage(struct tar *tar, uint64_t *pos, uint64_t end)
{
    struct fletch_pickle pickle = { 0 };
    struct tar_storage storage = { 0 };
    const uint32_t *items = NULL;
    enum fletch_status status = read_record(&pickle, tar, *pos, end - *pos);
    uint8_t bytes[8];
    uint64_t size;

    if (!status)
        status = read_tuple(&items, &pickle, pickle.top, 3, tar->err);
    if (!status)
        status = read_int(&storage.key, value_at(&pickle, items[0]),
                          "the number of a storage", tar->err);
    if (!status)
        status = fletch_torch_storage_type(&storage.storage, value_at(&pickle, items[2]),
                                           *pos, tar->err);
    *pos += status ? 0 : pickle.end;
    fletch_pickle_close(&pickle);
    TRY(status);
    if (end - *pos < sizeof(bytes))
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": ends before the elements of storage "
                           "'%" PRId64 "'",
                           end, storage.key);
    TRY(fletch_file_read(tar->file, *pos, bytes, sizeof(bytes), tar->err));
    storage.storage.count = storage.storage.view_count = fletch_load_u64(bytes);
    storage.offset = *pos + sizeof(bytes);
    if (!fletch_mul(&size, storage.storage.count, storage.storage.width) ||
        size > end - storage.offset)
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": storage '%" PRId64 "' of %" PRIu64
                           " elements of %u bytes, but only %" PRIu64 " bytes follow",
                           *pos, storage.key, storage.storage.count, storage.storage.width,
                           end - storage.offset);
    *pos = storage.offset + size;
    return put_storage(tar, &storage);
}

/* One view: a part of a storage with a number of its own. */
static enum fletch_status read_view(struct tar *tar, const struct fletch_pickle *pickle,
                                    uint32_t index, size_t roots)
{
    const uint32_t *items = NULL;
    int64_t numbers[4] = { 0 };
    struct tar_storage view;
    const struct tar_storage *root;
    struct tar_storage key = { 0 };

    TRY(read_tuple(&items, pickle, index, 4, tar->err));
    for (size_t i = 0; i < 4; i++)
        TRY(read_int(&numbers[i], value_at(pickle, items[i]), "a number of a view",
                     tar->err));
    key.key = numbers[1];
    root =
        roots ? bsearch(&key, tar->storages, roots, sizeof(key), compare_storages) : NULL;
    if (!root || numbers[2] < 0 || numbers[3] < 0 ||
        (uint64_t)numbers[2] > root->storage.count ||
        (uint64_t)numbers[3] > root->storage.count - (uint64_t)numbers[2])
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %" PRId64 " elements from %" PRId64
                           " on of storage '%" PRId64 "', which has %" PRIu64,
                           value_at(pickle, index)->at, numbers[3], numbers[2], numbers[1],
                           root ? root->storage.count : 0);
    view = *root;
    view.key = numbers[0];
    view.storage.view_begin = (uint64_t)numbers[2];
    view.storage.view_count = (uint64_t)numbers[3];
    return put_storage(tar, &view);
}

static enum fletch_status read_views(struct tar *tar, uint64_t pos, uint64_t end)
{
    struct fletch_pickle pickle = { 0 };
    const struct fletch_pickle_value *top;
    size_t roots = tar->storages_count;
    struct fletch_buf text = { 0 };
    enum fletch_status status;
    bool cut;

    status =
        end - pos > FLETCH_PICKLE_SIZE_MAX
            ? fletch_fail(tar->err, FLETCH_ERR_UNSUPPORTED,
                          "byte %" PRIu64 ": a pickle longer than the limit, %" PRIu64
                          " bytes (FLETCH_PICKLE_SIZE_MAX)",
                          pos, FLETCH_PICKLE_SIZE_MAX)
        : fletch_buf_reserve(&text, (size_t)(end - pos) + 1)
            ? fletch_file_read(tar->file, pos, text.bytes, (size_t)(end - pos), tar->err)
            : fletch_fail_memory(tar->err, (size_t)(end - pos), "a pickle");
    if (!status)
        status = fletch_pickle_read(&pickle, &cut, text.bytes, (size_t)(end - pos), pos,
                                    tar->err);
    top = status ? NULL : value_at(&pickle, pickle.top);
    if (!status && top->kind != FLETCH_PICKLE_LIST)
        status = fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                             "byte %" PRIu64 ": found %s, expected the list of views",
                             top->at, fletch_pickle_kind_text(top->kind));
    for (uint32_t i = 0; !status && i < top->count; i++)
        status = read_view(tar, &pickle, top->items[i], roots);
    fletch_pickle_close(&pickle);
    fletch_buf_release(&text);
    return status;
}

enum fletch_status fletch_tar_storages(struct tar *tar)
{
    uint64_t pos = tar->members[MEMBER_STORAGES].begin, count = 0;
    uint64_t end = pos + tar->members[MEMBER_STORAGES].size;
    struct fletch_pickle pickle = { 0 };
    enum fletch_status status = read_record(&pickle, tar, pos, end - pos);

    if (!status)
        status = read_count(&count, &pickle, end - pos - pickle.end, 8, tar->err);
    pos += status ? 0 : pickle.end;
    fletch_pickle_close(&pickle);
    TRY(status);
    while (count--)
        TRY(read_storage(tar, &pos, end));
    TRY(sort_storages(tar));
    TRY(read_views(tar, pos, end));
    return sort_storages(tar);
}

/* ---- Tensors ---- */

/* Whole numbers of 8 bytes, which must be 0 or more. */
static enum fletch_status read_wholes(const uint64_t **out, struct tar *tar,
                                      const uint8_t *bytes, uint64_t at, unsigned count)
{
    uint64_t *wholes =
        fletch_arena_alloc_array(tar->list->arena, count ? count : 1, sizeof(*wholes));

    if (!wholes)
        return fletch_fail_memory(tar->err, count * sizeof(*wholes), "a shape");
    for (unsigned i = 0; i < count; i++) {
        wholes[i] = fletch_load_u64(bytes + 8 * i);
        if (wholes[i] > INT64_MAX)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": a size, stride or offset of %" PRId64
                               ", expected 0 or more",
                               at + 8 * i, (int64_t)wholes[i]);
    }
    *out = wholes;
    return FLETCH_OK;
}

/* Reads the plain numbers after the pickle; *size is their size in bytes. */
static enum fletch_status read_layout(struct fletch_torch_rebuild *out, uint64_t *size,
                                      struct tar *tar, const uint8_t *bytes, uint64_t left,
                                      uint64_t at)
{
    uint32_t rank = left < 8 ? 0 : fletch_load_u32(bytes);
    const uint64_t *offset = NULL;

    if (rank > FLETCH_RANK_MAX)
        return fletch_fail(tar->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": %" PRId32
                           " dimensions, the limit is %d (FLETCH_RANK_MAX)",
                           at, (int32_t)rank, FLETCH_RANK_MAX);
    *size = 8 + 16 * (uint64_t)rank + 8;
    if (*size > left)
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a tensor takes %" PRIu64 " bytes, but only "
                           "%" PRIu64 " follow",
                           at, *size, left);
    out->rank = rank;
    TRY(read_wholes(&out->shape, tar, bytes + 8, at + 8, rank));
    TRY(read_wholes(&out->strides, tar, bytes + 8 + 8 * rank, at + 8 + 8 * rank, rank));
    TRY(read_wholes(&offset, tar, bytes + *size - 8, at + *size - 8, 1));
    out->offset = *offset;
    return FLETCH_OK;
}

/* Reads the tensor at byte *pos of the member; *pos is moved past it. */
static enum fletch_status read_tensor(struct tar_tensor *out, struct tar *tar,
                                      uint64_t *pos)
{
    const struct fletch_buf *text = &tar->tensors_text;
    uint64_t at = tar->members[MEMBER_TENSORS].begin + *pos, size = 0;
    struct fletch_pickle pickle = { 0 };
    const struct tar_storage *storage = NULL;
    const uint32_t *items = NULL;
    enum fletch_status status;
    int64_t key = 0;
    bool cut;

    status = fletch_pickle_read(&pickle, &cut, text->bytes + *pos,
                                text->size - (size_t)*pos, at, tar->err);
    if (!status)
        status = read_tuple(&items, &pickle, pickle.top, 3, tar->err);
    if (!status)
        status = read_int(&out->key, value_at(&pickle, items[0]), "the number of a tensor",
                          tar->err);
    if (!status)
        status = read_int(&key, value_at(&pickle, items[1]), "the number of its storage",
                          tar->err);
    if (!status) {
        *pos += pickle.end;
        storage = fletch_tar_find_storage(tar, key);
        if (!storage)
            status = fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                                 "byte %" PRIu64 ": a tensor of storage '%" PRId64
                                 "', which is not there",
                                 at, key);
    }
    fletch_pickle_close(&pickle);
    TRY(status);
    out->rebuild.storage = storage->storage;
    out->rebuild.storage.key = fletch_arena_format(tar->list->arena, "%" PRId64, key);
    if (!out->rebuild.storage.key)
        return fletch_fail_memory(tar->err, 0, "a storage");
    TRY(read_layout(&out->rebuild, &size, tar, text->bytes + *pos, text->size - *pos,
                    tar->members[MEMBER_TENSORS].begin + *pos));
    *pos += size;
    return FLETCH_OK;
}

enum fletch_status fletch_tar_tensors(struct tar *tar)
{
    uint64_t at = tar->members[MEMBER_TENSORS].begin, pos = 0, count = 0;
    struct fletch_pickle pickle = { 0 };
    enum fletch_status status;
    bool cut;

    TRY(fletch_tar_load(&tar->tensors_text, tar, MEMBER_TENSORS));
    status = fletch_pickle_read(&pickle, &cut, tar->tensors_text.bytes,
                                tar->tensors_text.size, at, tar->err);
    if (!status)
        status =
            read_count(&count, &pickle, tar->tensors_text.size - pickle.end, 16, tar->err);
    pos = pickle.end;
    fletch_pickle_close(&pickle);
    TRY(status);
    tar->tensors = fletch_alloc_array((size_t)count, sizeof(*tar->tensors));
    if (!tar->tensors)
        return fletch_fail_memory(tar->err, (size_t)count * sizeof(*tar->tensors),
                                  "tensors");
    while (tar->tensors_count < count) {
        TRY(read_tensor(&tar->tensors[tar->tensors_count], tar, &pos));
        tar->tensors_count++;
    }
    if (pos != tar->tensors_text.size)
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %" PRIu64
                           " bytes after the last tensor",
                           at + pos, tar->tensors_text.size - pos);
    qsort(tar->tensors, tar->tensors_count, sizeof(*tar->tensors), compare_tensors);
    for (size_t i = 1; i < tar->tensors_count; i++)
        if (tar->tensors[i - 1].key == tar->tensors[i].key)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": tensor '%" PRId64 "' is there twice", at,
                               tar->tensors[i].key);
    return FLETCH_OK;
}
