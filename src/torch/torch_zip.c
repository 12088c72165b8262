/* SPDX-License-Identifier: MIT */
/* torch_zip.c - torch's zip: ROOT/data.pkl, ROOT/data/KEY for each storage, ROOT/byteorder
 *
 * The root may have any name. Storages are read in place; compressed ones are unpacked to
 * the spool (archive/spool.h) when they are read.
 */
#include "archive/spool.h"
#include "torch/torch_internal.h"
#include "archive/zip.h"

#include "base/glob.h"

#include <inttypes.h>
#include <string.h>

#define PICKLE_NAME "/data.pkl"
#define BYTEORDER_MAX 64

struct archive {
    struct fletch_zip zip;
    char *root; /* "archive" */
    struct fletch_buf pickle;
    struct fletch_buf scratch;
};

/* ---- Members ---- */

enum fletch_status fletch_torch_place_member(struct fletch_torch_place *out,
                                             struct fletch_torch *torch,
                                             const struct fletch_zip *zip,
                                             const struct fletch_zip_member *member,
                                             struct fletch_error *err)
{
    *out = (struct fletch_torch_place){ .size = member->size };
    if (member->method == FLETCH_ZIP_STORED) {
        out->crc = member->crc; /* unpacking has checked it */
        return fletch_zip_locate(&out->offset, zip, member, err);
    }
    out->spooled = true;
    return fletch_spool_place(&out->offset, &torch->list->spool, torch->list->arena, zip,
                              member, err);
}

static enum fletch_status find_storage(struct fletch_torch_place *out,
                                       struct fletch_torch *torch,
                                       const struct fletch_torch_storage *storage,
                                       struct fletch_error *err)
{
    struct archive *archive = torch->container;
    const struct fletch_zip_member *member;
    const char *name =
        fletch_arena_format(&archive->zip.arena, "%s/data/%s", archive->root, storage->key);

    if (!name)
        return fletch_fail_memory(err, strlen(storage->key), "the name of a storage");
    member = fletch_zip_find(&archive->zip, name);
    if (!member)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "its storage '%.*s' is not in the archive, expected member "
                           "'%.*s'",
                           FLETCH_SHOWN, storage->key, FLETCH_SHOWN, name);
    return fletch_torch_place_member(out, torch, &archive->zip, member, err);
}

/* The only member ROOT/data.pkl; NULL when there is none. */
static enum fletch_status find_pickle(const struct fletch_zip_member **out,
                                      struct archive *archive, struct fletch_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fletch_zip_member *member = &archive->zip.members[i];
        const char *slash = strchr(member->name, '/');

        if (!slash || strcmp(slash, PICKLE_NAME) != 0)
            continue;
        if (*out)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "has both '%.*s' and '%.*s', expected one pickle",
                               FLETCH_SHOWN, (*out)->name, FLETCH_SHOWN, member->name);
        *out = member;
        archive->root = fletch_arena_text(&archive->zip.arena, member->name,
                                          (size_t)(slash - member->name));
        if (!archive->root)
            return fletch_fail_memory(err, strlen(member->name), "the root of an archive");
    }
    return FLETCH_OK;
}

enum fletch_status fletch_torch_byteorder(struct fletch_torch *torch,
                                          struct fletch_zip *zip, const char *root,
                                          struct fletch_buf *scratch,
                                          struct fletch_error *err)
{
    const char *name = fletch_arena_format(&zip->arena, "%s/byteorder", root);
    const struct fletch_zip_member *member = name ? fletch_zip_find(zip, name) : NULL;
    const char *text;
    size_t size;

    if (!name)
        return fletch_fail_memory(err, strlen(root), "the name of a member");
    if (!member)
        return FLETCH_OK;
    TRY(fletch_zip_load(scratch, zip, member, BYTEORDER_MAX, "BYTEORDER_MAX", err));
    text = (const char *)scratch->bytes;
    size = scratch->size;
    torch->big_endian = size == 3 && !memcmp(text, "big", 3);
    if (torch->big_endian || (size == 6 && !memcmp(text, "little", 6)))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "byte %" PRIu64
                       ": member '%.*s' says '%.*s', expected little or big",
                       member->begin, FLETCH_SHOWN, member->name, (int)size, text);
}

/* Whether the root has another member of that name. */
static bool has_record(struct archive *archive, const char *record)
{
    const char *name =
        fletch_arena_format(&archive->zip.arena, "%s/%s", archive->root, record);

    return name && fletch_zip_find(&archive->zip, name);
}

static enum fletch_status read_pickle(struct fletch_torch *torch,
                                      const struct fletch_zip_member *member,
                                      struct fletch_error *err)
{
    struct archive *archive = torch->container;
    enum fletch_status status;
    uint64_t base = 0;
    bool cut;

    TRY(fletch_zip_load(&archive->pickle, &archive->zip, member, FLETCH_PICKLE_SIZE_MAX,
                        "FLETCH_PICKLE_SIZE_MAX", err));
    if (member->method == FLETCH_ZIP_STORED)
        TRY(fletch_zip_locate(&base, &archive->zip, member, err));
    status = fletch_pickle_read(&torch->pickle, &cut, archive->pickle.bytes,
                                archive->pickle.size, base, err);
    if (!status && torch->pickle.end != archive->pickle.size)
        status =
            fletch_fail(err, FLETCH_ERR_FORMAT,
                        "byte %" PRIu64 ": found %zu bytes after the pickle's STOP",
                        base + torch->pickle.end, archive->pickle.size - torch->pickle.end);
    if (status)
        fletch_error_prefix(err, "%.*s", FLETCH_SHOWN, member->name);
    return status;
}

/* ---- The format ---- */

/* Those describe their modules in JSON, ROOT/model.json, and keep ROOT/tensors/N. */
static bool is_old_script(const struct fletch_zip *zip)
{
    for (size_t i = 0; i < zip->count; i++) {
        const char *slash = strchr(zip->members[i].name, '/');

        if (slash && !strcmp(slash, "/model.json"))
            return true;
    }
    return false;
}

static enum fletch_status list_archive(struct fletch_torch *torch,
                                       const struct fletch_file *file, bool *unsupported,
                                       struct fletch_error *err)
{
    struct archive *archive = torch->container;
    const struct fletch_zip_member *member = NULL;
    enum fletch_status status = fletch_zip_open(&archive->zip, file, err);
    struct fletch_error reason;
    bool script = false;

    if (!status)
        status = find_pickle(&member, archive, err);
    if (!status && !member && is_old_script(&archive->zip))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "is a TorchScript archive of torch 1.0 to 1.3, which is not "
                           "read: load it with torch.jit.load() and save its "
                           "state_dict()");
    if ((status == FLETCH_ERR_FORMAT || (!status && !member)) &&
        fletch_unsupported_file(file, &reason)) {
        *unsupported = true; /* other things are zip archives too */
        if (err)
            *err = reason;
        return reason.status;
    }
    TRY(status);
    if (!member)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "is a zip archive without a data.pkl: no torch checkpoint");
    script = has_record(archive, "constants.pkl");
    TRY(fletch_torch_byteorder(torch, &archive->zip, archive->root, &archive->scratch,
                               err));
    TRY(read_pickle(torch, member, err));
    return script ? fletch_torch_script_list(torch, err)
                  : fletch_torch_state_dict_list(torch, err);
}

static enum fletch_status list(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err)
{
    struct archive archive = { 0 };
    struct fletch_torch torch = {
        .list = out, .path = file->path, .find = find_storage, .container = &archive
    };
    enum fletch_status status;
    bool unsupported = false;

    if (fletch_glob_match("*.ot", file->path))
        return fletch_unsupported_file(file, err);
    status = list_archive(&torch, file, &unsupported, err);
    if (status && status != FLETCH_ERR_IO && !unsupported) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    fletch_pickle_close(&torch.pickle);
    fletch_zip_close(&archive.zip);
    fletch_buf_release(&archive.pickle);
    fletch_buf_release(&archive.scratch);
    return status;
}

static bool probe(const uint8_t *head, size_t head_size, uint64_t size)
{
    return size > 4 && head_size >= 4 && !memcmp(head, "PK\x03\x04", 4);
}

const struct fletch_checkpoint_format fletch_format_torch_zip = {
    .name = "torch zip",
    .file_name = "pytorch_model.bin",
    .index_name = "pytorch_model.bin.index.json",
    .index_glob = "*.bin.index*.json",
    .probe = probe,
    .list = list,
};
