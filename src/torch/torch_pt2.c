/* SPDX-License-Identifier: MIT */
/* torch_pt2.c - the archives of torch.export (.pt2), as torch writes them since 2.9
 *
 *     ROOT/archive_format                             "pt2"
 *     ROOT/data/weights/MODEL_weights_config.json     what each tensor is, and its storage
 *     ROOT/data/weights/weight_N                      the bytes of a storage
 *     ROOT/data/constants/MODEL_constants_config.json the same for constants
 *
 * There is no pickle. If an archive has several models, their names are preceded by MODEL
 * and a dot. Older archives keep their weights in a pickle of their own, and are refused.
 */
#include "torch/torch_internal.h"
#include "archive/zip.h"

#include "base/glob.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#define FORMAT_NAME "/archive_format"
#define WEIGHTS "data/weights/"
#define WEIGHTS_CONFIG "_weights_config.json"
#define CONSTANTS "data/constants/"
#define CONSTANTS_CONFIG "_constants_config.json"
/* The members that describe the archive hold one word each. */
#define WORD_MAX 64
#define STRIDED 7 /* torch.strided, as the archive has it */

#define SAVE_STATE "load it with torch.export.load() and save its state_dict as safetensors"

struct archive {
    struct fletch_zip zip;
    char *root; /* "model" */
    struct fletch_buf scratch;
};

/* torch's ScalarType, by its number. */
static const struct {
    const char *name;
    enum fletch_dtype dtype; /* NONE: known, but no dtype of a row */
} types[] = {
    [1] = { "uint8", FLETCH_U8 },
    [2] = { "int8", FLETCH_I8 },
    [3] = { "int16", FLETCH_I16 },
    [4] = { "int32", FLETCH_I32 },
    [5] = { "int64", FLETCH_I64 },
    [6] = { "float16", FLETCH_F16 },
    [7] = { "float32", FLETCH_F32 },
    [8] = { "float64", FLETCH_F64 },
    [9] = { "complex32", FLETCH_DTYPE_NONE },
    [10] = { "complex64", FLETCH_C64 },
    [11] = { "complex128", FLETCH_DTYPE_NONE },
    [12] = { "bool", FLETCH_BOOL },
    [13] = { "bfloat16", FLETCH_BF16 },
    [28] = { "uint16", FLETCH_U16 },
    [29] = { "float8_e4m3fn", FLETCH_F8_E4M3 },
    [30] = { "float8_e5m2", FLETCH_F8_E5M2 },
    [31] = { "float8_e4m3fnuz", FLETCH_F8_E4M3FNUZ },
    [32] = { "float8_e5m2fnuz", FLETCH_F8_E5M2FNUZ },
    [33] = { "float8_e8m0fnu", FLETCH_F8_E8M0 },
    [34] = { "uint32", FLETCH_U32 },
    [35] = { "uint64", FLETCH_U64 },
};

/* ---- Storages ---- */

/* Finds ROOT/FOLDER NAME; *out is NULL when it does not exist. */
static enum fletch_status find_member(const struct fletch_zip_member **out,
                                      struct archive *archive, const char *folder,
                                      const char *name, struct fletch_error *err)
{
    const char *path =
        fletch_arena_format(&archive->zip.arena, "%s/%s%s", archive->root, folder, name);

    if (!path)
        return fletch_fail_memory(err, strlen(name), "the name of a member");
    *out = fletch_zip_find(&archive->zip, path);
    return FLETCH_OK;
}

static enum fletch_status find_weights(const struct fletch_zip_member **out,
                                       struct archive *archive, const char *key,
                                       struct fletch_error *err)
{
    TRY(find_member(out, archive, WEIGHTS, key, err));
    if (*out)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "its storage is not in the archive, expected member '%.*s/" WEIGHTS
                       "%.*s'",
                       FLETCH_SHOWN, archive->root, FLETCH_SHOWN, key);
}

static enum fletch_status find_storage(struct fletch_torch_place *out,
                                       struct fletch_torch *torch,
                                       const struct fletch_torch_storage *storage,
                                       struct fletch_error *err)
{
    struct archive *archive = torch->container;
    const struct fletch_zip_member *member = NULL;

    TRY(find_weights(&member, archive, storage->key, err));
    return fletch_torch_place_member(out, torch, &archive->zip, member, err);
}

/* ---- Tensors ---- */

/* {"as_int": 768}, in a list of such, or alone. */
static enum fletch_status read_whole(uint64_t *out, const json_t *value, const char *what,
                                     struct fletch_error *err)
{
    const json_t *whole = json_object_get(value, "as_int");

    if (!json_is_integer(whole) || json_integer_value(whole) < 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s is no whole number, expected {\"as_int\": N}", what);
    *out = (uint64_t)json_integer_value(whole);
    return FLETCH_OK;
}

static enum fletch_status read_wholes(uint64_t out[FLETCH_RANK_MAX], unsigned *count,
                                      const json_t *meta, const char *key, const char *each,
                                      struct fletch_error *err)
{
    const json_t *list = json_object_get(meta, key);
    size_t size = json_array_size(list);

    if (!json_is_array(list))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "its '%s' is not there, or no list",
                           key);
    if (size > FLETCH_RANK_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%zu dimensions, the limit is %d (FLETCH_RANK_MAX)", size,
                           FLETCH_RANK_MAX);
    *count = (unsigned)size;
    for (size_t i = 0; i < size; i++)
        TRY(read_whole(&out[i], json_array_get(list, i), each, err));
    return FLETCH_OK;
}

static enum fletch_status read_type(struct fletch_torch_storage *out, const json_t *meta,
                                    struct fletch_error *err)
{
    const json_t *number = json_object_get(meta, "dtype");
    uint64_t type = (uint64_t)json_integer_value(number);
    bool known = type < sizeof(types) / sizeof(types[0]) && types[type].name;

    if (!json_is_integer(number))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "its 'dtype' is no number");
    if (!known || types[type].dtype == FLETCH_DTYPE_NONE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "its dtype %" PRId64 " (%s) has no place in the table",
                           (int64_t)json_integer_value(number),
                           known ? types[type].name : "which this version does not know");
    out->type = types[type].name;
    out->dtype = types[type].dtype;
    out->width = (unsigned)fletch_dtype_size(out->dtype);
    return FLETCH_OK;
}

/* The whole storage in a member, in elements. */
static enum fletch_status read_storage(struct fletch_torch_storage *out,
                                       const struct fletch_torch *torch,
                                       const json_t *payload, struct fletch_error *err)
{
    const json_t *key = json_object_get(payload, "path_name");
    const struct fletch_zip_member *member = NULL;

    if (!json_is_string(key))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "its 'path_name' is no text");
    out->key = fletch_arena_strdup(torch->list->arena, json_string_value(key));
    if (!out->key)
        return fletch_fail_memory(err, json_string_length(key), "a storage");
    TRY(read_type(out, json_object_get(payload, "tensor_meta"), err));
    TRY(find_weights(&member, torch->container, out->key, err));
    out->count = member->size / out->width;
    out->view_count = out->count;
    return FLETCH_OK;
}

/* A model exported without its values has fake tensors, whose storage has no bytes. */
static enum fletch_status check_values(const struct fletch_torch_rebuild *layout,
                                       struct fletch_error *err)
{
    for (unsigned i = 0; i < layout->rank; i++)
        if (!layout->shape[i])
            return FLETCH_OK;
    if (layout->storage.count)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "its storage '%.*s' holds no values, as a fake tensor's: export the "
                       "model with its weights",
                       FLETCH_SHOWN, layout->storage.key);
}

static enum fletch_status read_tensor(struct fletch_tensor *out, struct fletch_torch *torch,
                                      const json_t *payload, struct fletch_error *err)
{
    const json_t *meta = json_object_get(payload, "tensor_meta");
    uint64_t shape[FLETCH_RANK_MAX], strides[FLETCH_RANK_MAX];
    struct fletch_torch_rebuild layout = { .shape = shape, .strides = strides };
    unsigned strides_count;

    if (json_is_true(json_object_get(payload, "use_pickle")))
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "is a pickle of a class of its own, which is not read: " SAVE_STATE);
    if (!json_is_object(meta))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "has no 'tensor_meta', expected its dtype, sizes and strides");
    if (json_integer_value(json_object_get(meta, "layout")) != STRIDED)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "is sparse (layout %" PRId64 "), which is not read: save it "
                           "dense first",
                           (int64_t)json_integer_value(json_object_get(meta, "layout")));
    TRY(read_storage(&layout.storage, torch, payload, err));
    TRY(read_wholes(shape, &layout.rank, meta, "sizes", "a size", err));
    TRY(read_wholes(strides, &strides_count, meta, "strides", "a stride", err));
    if (strides_count != layout.rank)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "has %u dimensions and %u strides",
                           layout.rank, strides_count);
    TRY(check_values(&layout, err));
    TRY(read_whole(&layout.offset, json_object_get(meta, "storage_offset"),
                   "its storage_offset", err));
    return fletch_torch_rebuild_read(out, torch, &layout, err);
}

static enum fletch_status put_tensor(struct fletch_torch *torch, const char *name,
                                     const json_t *payload, struct fletch_error *err)
{
    struct fletch_tensor tensor = { .name = name };
    enum fletch_status status = read_tensor(&tensor, torch, payload, err);

    if (status && status != FLETCH_ERR_IO)
        fletch_error_prefix(err, "tensor '%.*s'", FLETCH_SHOWN, name);
    return status ? status : fletch_tensor_list_put(torch->list, &tensor, err);
}

/* ---- Models ---- */

/* The names of a model's tensors or constants, and what is stated about each. */
static enum fletch_status load_config(json_t **out, struct archive *archive,
                                      const struct fletch_zip_member *member,
                                      struct fletch_error *err)
{
    const struct fletch_buf *text = &archive->scratch;

    TRY(fletch_zip_load(&archive->scratch, &archive->zip, member, FLETCH_JSON_SIZE_MAX,
                        "FLETCH_JSON_SIZE_MAX", err));
    TRY(fletch_json_parse(out, (const char *)text->bytes, text->size, false, err));
    if (json_is_object(json_object_get(*out, "config")))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "has no 'config', expected what the archive's tensors are");
}

static enum fletch_status put_config(struct fletch_torch *torch, json_t *config,
                                     const char *before, bool weights,
                                     struct fletch_error *err)
{
    struct fletch_tensor_list *list = torch->list;
    const char *key;
    json_t *payload;

    json_object_foreach(config, key, payload)
    {
        const char *name = fletch_arena_format(list->arena, "%s%s", before, key);

        if (!name)
            return fletch_fail_memory(err, strlen(key), "the name of a tensor");
        TRY(weights ? put_tensor(torch, name, payload, err)
                    : fletch_strlist_put(&list->skipped, list->arena, name, err));
    }
    return FLETCH_OK;
}

static enum fletch_status take_config(struct fletch_torch *torch,
                                      const struct fletch_zip_member *member,
                                      const char *before, bool weights,
                                      struct fletch_error *err)
{
    json_t *config = NULL;
    enum fletch_status status = load_config(&config, torch->container, member, err);

    if (status && status != FLETCH_ERR_IO)
        fletch_error_prefix(err, "member '%.*s'", FLETCH_SHOWN, member->name);
    if (!status)
        status = put_config(torch, json_object_get(config, "config"), before, weights, err);
    json_decref(config);
    return status;
}

/* MODEL in ROOT/FOLDER MODEL SUFFIX: where it begins, and its length; 0 for any other
 * name. */
static size_t model_of(const char **out, const struct archive *archive,
                       const struct fletch_zip_member *member, const char *folder,
                       const char *suffix)
{
    size_t before = strlen(archive->root) + 1 + strlen(folder);
    size_t behind = strlen(suffix), len = strlen(member->name);

    if (len <= before + behind ||
        strncmp(member->name, archive->root, strlen(archive->root)) != 0 ||
        strncmp(member->name + strlen(archive->root) + 1, folder, strlen(folder)) != 0 ||
        strcmp(member->name + len - behind, suffix) != 0)
        return 0;
    *out = member->name + before;
    return len - before - behind;
}

/* Takes the tensors of all models, or their constants. *count is the number of models. */
static enum fletch_status take_all(size_t *count, struct fletch_torch *torch, bool weights,
                                   struct fletch_error *err)
{
    struct archive *archive = torch->container;
    const char *folder = weights ? WEIGHTS : CONSTANTS;
    const char *suffix = weights ? WEIGHTS_CONFIG : CONSTANTS_CONFIG, *model = NULL;
    size_t found = 0;

    for (size_t i = 0; i < archive->zip.count; i++)
        found += model_of(&model, archive, &archive->zip.members[i], folder, suffix) > 0;
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fletch_zip_member *member = &archive->zip.members[i];
        size_t len = model_of(&model, archive, member, folder, suffix);
        const char *before;

        if (!len)
            continue;
        before = fletch_arena_format(&archive->zip.arena, "%s%.*s%s",
                                     weights ? "" : "constants.", found > 1 ? (int)len : 0,
                                     model, found > 1 ? "." : "");
        if (!before)
            return fletch_fail_memory(err, len, "the name of a model");
        TRY(take_config(torch, member, before, weights, err));
    }
    *count = found;
    return FLETCH_OK;
}

/* ---- The format ---- */

/* ROOT of ROOT/archive_format; NULL for any other member. */
static char *root_of(const struct fletch_zip_member *member, struct fletch_arena *arena)
{
    const char *slash = strchr(member->name, '/');

    return slash && !strcmp(slash, FORMAT_NAME)
               ? fletch_arena_text(arena, member->name, (size_t)(slash - member->name))
               : NULL;
}

/* Up to 2.7 the archive has no root. */
static bool is_older(const struct fletch_zip_member *member)
{
    return !strcmp(member->name, "serialized_exported_program.json");
}

/* In 2.8 the weights are a torch checkpoint, which is a zip of its own. */
static bool is_inner(const struct fletch_zip_member *member)
{
    return fletch_glob_match("*/" WEIGHTS "*.pt", member->name);
}

static enum fletch_status check_word(struct archive *archive, const char *name,
                                     const char *wanted, struct fletch_error *err)
{
    const struct fletch_buf *text = &archive->scratch;
    const struct fletch_zip_member *member = NULL;

    TRY(find_member(&member, archive, "", name, err));
    if (!member)
        return FLETCH_OK;
    TRY(fletch_zip_load(&archive->scratch, &archive->zip, member, WORD_MAX, "WORD_MAX",
                        err));
    if (text->size == strlen(wanted) && !memcmp(text->bytes, wanted, text->size))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "its %s is '%.*s', expected %s", name,
                       (int)text->size, (const char *)text->bytes, wanted);
}

static enum fletch_status list_archive(struct fletch_torch *torch,
                                       const struct fletch_file *file,
                                       struct fletch_error *err)
{
    struct archive *archive = torch->container;
    size_t models = 0, others = 0;

    TRY(fletch_zip_open(&archive->zip, file, err));
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fletch_zip_member *member = &archive->zip.members[i];

        if (is_inner(member))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "is an archive of torch.export of torch 2.8: unpack it with "
                               "unzip, and give %.*s in it",
                               FLETCH_SHOWN, member->name);
        if (is_older(member))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "is an archive of torch.export from before torch 2.8, which "
                               "is not read: " SAVE_STATE);
        if (!archive->root)
            archive->root = root_of(member, &archive->zip.arena);
    }
    if (!archive->root)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "has no member ROOT" FORMAT_NAME
                           ", expected an archive of torch.export");
    TRY(check_word(archive, "archive_format", "pt2", err));
    TRY(check_word(archive, "archive_version", "0", err));
    TRY(fletch_torch_byteorder(torch, &archive->zip, archive->root, &archive->scratch,
                               err));
    TRY(take_all(&models, torch, true, err));
    if (!models)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "is an archive of compiled code (pt2) without " WEIGHTS
                           "*" WEIGHTS_CONFIG ": start from the model that it was made of");
    return take_all(&others, torch, false, err);
}

static enum fletch_status list(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err)
{
    struct archive archive = { 0 };
    struct fletch_torch torch = {
        .list = out, .path = file->path, .find = find_storage, .container = &archive
    };
    enum fletch_status status = list_archive(&torch, file, err);

    if (status && status != FLETCH_ERR_IO) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    fletch_zip_close(&archive.zip);
    fletch_buf_release(&archive.scratch);
    return status;
}

static bool probe(const uint8_t *head, size_t head_size, uint64_t size)
{
    return size > 4 && head_size >= 4 && !memcmp(head, "PK\x03\x04", 4);
}

/* An archive whose directory cannot be read is left to the other readers of zip. */
static enum fletch_status confirm(bool *out, const struct fletch_file *file,
                                  struct fletch_error *err)
{
    struct fletch_zip zip = { 0 };
    enum fletch_status status = fletch_zip_open(&zip, file, err);

    *out = false;
    for (size_t i = 0; i < zip.count && !status; i++)
        *out |= is_older(&zip.members[i]) || root_of(&zip.members[i], &zip.arena);
    fletch_zip_close(&zip);
    return status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED ? FLETCH_OK
                                                                           : status;
}

const struct fletch_checkpoint_format fletch_format_torch_pt2 = {
    .name = "torch pt2",
    .probe = probe,
    .confirm = confirm,
    .list = list,
};
