/* SPDX-License-Identifier: MIT */
/* torch_tar.c - how torch 0.1 saved: a tar of pickles
 *
 *     sys_info   about the writer; ignored
 *     pickle     the object; a tensor in it is a persistent id, a number as text
 *     tensors    a count, then for each tensor a pickle (number, its storage's number,
 *                type), followed by plain numbers: rank in 4 bytes, 4 unused; rank sizes,
 *                rank strides and the offset, 8 bytes each
 *     storages   a count, then for each storage a pickle (number, location, type),
 *                followed by the count of elements, 8 bytes, and the elements; last, a
 *                pickled list of views (number, storage's number, offset, count)
 *
 * The numbers are addresses in the writer's memory. Everything is little-endian.
 */
#include "torch/torch_tar_internal.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
/* A tar with more members is not torch's. */
#define FLETCH_TAR_MEMBERS_MAX 64
/* The attributes of one member. */
#define FLETCH_TAR_PAX_MAX 65536

static const char *const member_names[MEMBERS_COUNT] = { "sys_info", "pickle", "tensors",
                                                         "storages" };

/* ---- The archive ---- */

/* Octal with blanks around it or, above 8 GiB, binary. False for anything else. */
static bool read_number(uint64_t *out, const uint8_t *field, size_t size)
{
    size_t at = 0;

    *out = 0;
    if (field[0] == 0x80) {
        for (at = 1; at < size; at++) {
            if (*out >> 56)
                return false;
            *out = *out << 8 | field[at];
        }
        return true;
    }
    while (at < size && field[at] == ' ')
        at++;
    for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
        *out = *out << 3 | (uint64_t)(field[at] - '0');
    return at == size || !field[at] || field[at] == ' ';
}

/* The sum of all bytes, with those of the sum itself counted as blanks. */
static bool sums_up(const uint8_t header[BLOCK])
{
    uint64_t said, sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return read_number(&said, header + 148, 8) && said == sum;
}

static bool is_zeros(const uint8_t header[BLOCK])
{
    size_t i = 0;

    while (i < BLOCK && !header[i])
        i++;
    return i == BLOCK;
}

/* "LENGTH size=NUMBER\n" among the attributes of the next member. */
static enum fletch_status read_pax(uint64_t *size, struct tar *tar, uint64_t at,
                                   uint64_t length)
{
    static const char key[] = " size=";
    const char *found, *text;

    if (length > FLETCH_TAR_PAX_MAX)
        return fletch_fail(tar->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": %" PRIu64
                           " bytes of attributes, the limit is %d (FLETCH_TAR_PAX_MAX)",
                           at, length, FLETCH_TAR_PAX_MAX);
    fletch_buf_clear(&tar->scratch);
    if (!fletch_buf_reserve(&tar->scratch, (size_t)length + 1))
        return fletch_fail_memory(tar->err, (size_t)length, "a tar's attributes");
    text = (char *)tar->scratch.bytes;
    TRY(fletch_file_read(tar->file, at, tar->scratch.bytes, (size_t)length, tar->err));
    tar->scratch.bytes[length] = 0;
    found = fletch_find(text, (size_t)length, key, sizeof(key) - 1);
    if (found)
        *size = strtoull(found + sizeof(key) - 1, NULL, 10);
    return FLETCH_OK;
}

static enum fletch_status take_member(struct tar *tar, const uint8_t header[BLOCK],
                                      uint64_t at, uint64_t size)
{
    for (size_t i = 0; i < MEMBERS_COUNT; i++) {
        if (strncmp((const char *)header, member_names[i], 100) != 0 || header[345])
            continue;
        if (tar->members[i].begin)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": member '%s' is there twice", at,
                               member_names[i]);
        if (size > tar->file->size - at)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": member '%s' of %" PRIu64
                               " bytes, but only %" PRIu64 " follow: it was cut short",
                               at, member_names[i], size, tar->file->size - at);
        tar->members[i] = (struct tar_range){ at, size };
    }
    return FLETCH_OK;
}

/* Finds torch's members. A file that is not a tar, or another tar, has none of them. */
static enum fletch_status read_headers(struct tar *tar)
{
    uint64_t pos = 0, size, wide = 0;
    uint8_t header[BLOCK];

    for (int i = 0; i < FLETCH_TAR_MEMBERS_MAX && tar->file->size - pos >= BLOCK; i++) {
        TRY(fletch_file_read(tar->file, pos, header, BLOCK, tar->err));
        if (is_zeros(header) || !sums_up(header) || !read_number(&size, header + 124, 12))
            return FLETCH_OK;
        pos += BLOCK;
        if (header[156] == 'x' && size <= tar->file->size - pos) {
            TRY(read_pax(&wide, tar, pos, size));
        } else if (header[156] != 'g') {
            if (wide)
                size = wide;
            wide = 0;
            if (header[156] == '0' || !header[156])
                TRY(take_member(tar, header, pos, size));
        }
        if (size > tar->file->size - pos)
            return FLETCH_OK;
        size += (BLOCK - size % BLOCK) % BLOCK;
        pos = size > tar->file->size - pos ? tar->file->size : pos + size;
    }
    return FLETCH_OK;
}

/* ---- The object ---- */

enum fletch_status fletch_tar_load(struct fletch_buf *out, struct tar *tar,
                                   enum member which)
{
    const struct tar_range *member = &tar->members[which];

    if (member->size > FLETCH_PICKLE_SIZE_MAX)
        return fletch_fail(tar->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a pickle of %" PRIu64
                           " bytes, the limit is %" PRIu64 " (FLETCH_PICKLE_SIZE_MAX)",
                           member->begin, member->size, FLETCH_PICKLE_SIZE_MAX);
    if (!fletch_buf_reserve(out, (size_t)member->size + 1))
        return fletch_fail_memory(tar->err, (size_t)member->size, "a pickle");
    TRY(fletch_file_read(tar->file, member->begin, out->bytes, (size_t)member->size,
                         tar->err));
    out->size = (size_t)member->size;
    return FLETCH_OK;
}

/* A persistent id is the number as text, or the number. */
static bool read_id(int64_t *out, const struct fletch_torch *torch, uint32_t index)
{
    const struct fletch_pickle_value *id = &torch->pickle.values[index];
    char copy[24], *end;

    id = &torch->pickle.values[id->id];
    if (id->kind == FLETCH_PICKLE_INT) {
        *out = id->whole;
        return true;
    }
    if ((id->kind != FLETCH_PICKLE_TEXT && id->kind != FLETCH_PICKLE_BYTES) || !id->len ||
        id->len >= sizeof(copy))
        return false;
    memcpy(copy, id->text, id->len);
    copy[id->len] = 0;
    *out = strtoll(copy, &end, 10);
    return !*end;
}

static bool find_layout(struct fletch_torch_rebuild *out, const struct fletch_torch *torch,
                        uint32_t value)
{
    const struct tar *tar = torch->container;
    const struct tar_tensor *found;
    int64_t key;

    if (!read_id(&key, torch, value))
        return false;
    found = fletch_tar_find_tensor(tar, key);
    if (found)
        *out = found->rebuild;
    return found;
}

static enum fletch_status find_place(struct fletch_torch_place *out,
                                     struct fletch_torch *torch,
                                     const struct fletch_torch_storage *storage,
                                     struct fletch_error *err)
{
    const struct tar_storage *found =
        fletch_tar_find_storage(torch->container, strtoll(storage->key, NULL, 10));

    if (!found)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "its storage '%.*s' is not there",
                           FLETCH_SHOWN, storage->key);
    *out = (struct fletch_torch_place){
        .offset = found->offset,
        .size = found->storage.count * found->storage.width,
    };
    return FLETCH_OK;
}

static enum fletch_status read_object(struct tar *tar, struct fletch_torch *torch)
{
    bool cut;

    TRY(fletch_tar_load(&tar->object, tar, MEMBER_OBJECT));
    TRY(fletch_pickle_read(&torch->pickle, &cut, tar->object.bytes, tar->object.size,
                           tar->members[MEMBER_OBJECT].begin, tar->err));
    if (torch->pickle.end != tar->object.size)
        return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %zu bytes after the pickle's STOP",
                           tar->members[MEMBER_OBJECT].begin + torch->pickle.end,
                           tar->object.size - torch->pickle.end);
    return FLETCH_OK;
}

/* ---- The format ---- */

static enum fletch_status list_tar(struct tar *tar, struct fletch_torch *torch,
                                   bool *unsupported)
{
    enum fletch_status status = read_headers(tar);

    TRY(status);
    *unsupported = !tar->members[MEMBER_ABOUT].begin && !tar->members[MEMBER_OBJECT].begin;
    if (*unsupported)
        return fletch_unsupported_file(tar->file, tar->err);
    for (size_t i = MEMBER_OBJECT; i < MEMBERS_COUNT; i++)
        if (!tar->members[i].begin)
            return fletch_fail(tar->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64
                               ": a tar as torch 0.1 wrote it, without its member '%s': it "
                               "was cut short",
                               tar->file->size, member_names[i]);
    status = fletch_tar_storages(tar);
    if (!status)
        status = fletch_tar_tensors(tar);
    if (!status)
        status = read_object(tar, torch);
    return status ? status : fletch_torch_state_dict_list(torch, tar->err);
}

static enum fletch_status list(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err)
{
    struct tar tar = { .file = file, .list = out, .err = err };
    struct fletch_torch torch = { .list = out,
                                  .path = file->path,
                                  .find = find_place,
                                  .tensor = find_layout,
                                  .container = &tar };
    bool unsupported = false;
    enum fletch_status status = list_tar(&tar, &torch, &unsupported);

    if (status && status != FLETCH_ERR_IO && !unsupported) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    fletch_pickle_close(&torch.pickle);
    fletch_buf_release(&tar.object);
    fletch_buf_release(&tar.tensors_text);
    fletch_buf_release(&tar.scratch);
    fletch_free(tar.storages);
    fletch_free(tar.tensors);
    return status;
}

static bool probe(const uint8_t *head, size_t head_size, uint64_t size)
{
    return size >= BLOCK && head_size >= 262 && !memcmp(head + 257, "ustar", 5);
}

const struct fletch_checkpoint_format fletch_format_torch_tar = {
    .name = "torch tar",
    .probe = probe,
    .list = list,
};
