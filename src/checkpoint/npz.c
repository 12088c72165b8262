/* SPDX-License-Identifier: MIT */
/* npz.c - NumPy's files: an array (npy), and a zip archive of arrays (npz)
 *
 * In an archive the member NAME.npy is the array NAME, whatever is in the name. Stored
 * arrays are read where they lie, compressed ones are unpacked to the spool when they are
 * read. Arrays of text or dates are no weights and are passed over; whatever else is no
 * tensor is refused.
 */
#include "archive/spool.h"
#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/npy.h"
#include "archive/zip.h"

#include "base/bytes.h"
#include "base/glob.h"
#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

#define SUFFIX ".npy"
#define SUFFIX_SIZE (sizeof(SUFFIX) - 1)

/* A range of a file that should be exactly one array. */
struct place {
    const struct fletch_file *file;
    uint64_t offset, size;
    uint32_t crc; /* of these bytes; 0: unknown; of the values once the header was read */
    /* If compressed, the bytes are the member's, and `offset` is 0. */
    const struct fletch_zip *zip;
    const struct fletch_zip_member *packed; /* or NULL */
};

/* ---- An array ---- */

static enum fletch_status read_beginning(uint8_t *out, size_t size,
                                         const struct place *place,
                                         struct fletch_error *err)
{
    if (place->packed)
        return fletch_zip_peek(out, size, place->zip, place->packed, err);
    return fletch_file_read(place->file, place->offset, out, size, err);
}

static enum fletch_status read_header(struct fletch_npy *out, struct place *place,
                                      struct fletch_buf *scratch, struct fletch_error *err)
{
    uint8_t opening[FLETCH_NPY_OPENING_MAX] = { 0 };
    size_t known = sizeof(opening), size = 0;

    if (place->size < known)
        known = (size_t)place->size;
    TRY(read_beginning(opening, known, place, err));
    TRY(fletch_npy_measure(&size, opening, known, place->offset, err));
    if (size > place->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a header of %zu bytes, the array has %" PRIu64
                           " in all",
                           place->offset, size, place->size);
    fletch_buf_clear(scratch);
    if (!fletch_buf_reserve(scratch, size))
        return fletch_fail_memory(err, size, "the header of an array");
    TRY(read_beginning(scratch->bytes, size, place, err));
    if (place->crc)
        place->crc = fletch_crc32_join(fletch_crc32(0, scratch->bytes, size), place->crc,
                                       place->size - size);
    return fletch_npy_read(out, scratch->bytes, size, place->offset, err);
}

/* Sets the strides of an array whose first index varies fastest; NULL when the order is the
 * same. */
static enum fletch_status set_strides(struct fletch_tensor *tensor,
                                      struct fletch_tensor_list *list,
                                      struct fletch_error *err)
{
    uint64_t *strides, next = 1;
    unsigned long_ones = 0;

    for (unsigned i = 0; i < tensor->rank; i++)
        long_ones += tensor->shape[i] > 1;
    if (!tensor->count || long_ones < 2)
        return FLETCH_OK;
    strides = fletch_arena_alloc_array(list->arena, tensor->rank, sizeof(*strides));
    if (!strides)
        return fletch_fail_memory(err, tensor->rank * sizeof(*strides), "strides");
    for (unsigned i = 0; i < tensor->rank; i++) {
        strides[i] = next;
        next *= tensor->shape[i]; /* the product is the count */
    }
    tensor->strides = strides;
    return FLETCH_OK;
}

static enum fletch_status put_array(struct fletch_tensor_list *list,
                                    const struct fletch_npy *npy, const char *name,
                                    const struct place *place, struct fletch_error *err)
{
    struct fletch_tensor tensor = { .name = name,
                                    .dtype = npy->dtype,
                                    .rank = npy->rank,
                                    .count = npy->count,
                                    .size = npy->size,
                                    .big_endian = npy->big_endian,
                                    .spooled = place->packed != NULL };
    uint64_t found = place->size - npy->begin, begin = place->offset, *shape;

    if (found != npy->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %" PRIu64
                           " bytes of values, expected %" PRIu64 " by its shape and dtype",
                           begin + npy->begin, found, npy->size);
    if (place->packed) /* only now, since skipped arrays need no place */
        TRY(fletch_spool_place(&begin, &list->spool, list->arena, place->zip, place->packed,
                               err));
    tensor.offset = begin + npy->begin;
    shape = fletch_arena_alloc_array(list->arena, npy->rank + 1, sizeof(*shape));
    if (!shape)
        return fletch_fail_memory(err, npy->rank * sizeof(*shape), "a shape");
    memcpy(shape, npy->shape, npy->rank * sizeof(*shape));
    tensor.shape = shape;
    if (npy->fortran)
        TRY(set_strides(&tensor, list, err));
    if (!tensor.strides && !tensor.big_endian)
        tensor.crc = place->crc;
    return fletch_tensor_list_put(list, &tensor, err);
}

/* ---- npy ---- */

/* "folder/w.npy" is the array "w". */
static char *name_of(struct fletch_tensor_list *list, const char *path)
{
    const char *base = fletch_path_base(path);
    size_t len = strlen(base);

    if (len > SUFFIX_SIZE && fletch_glob_match("*" SUFFIX, base))
        len -= SUFFIX_SIZE;
    return fletch_arena_text(list->arena, base, len);
}

static enum fletch_status list_array(struct fletch_tensor_list *out,
                                     const struct fletch_file *file,
                                     struct fletch_error *err)
{
    struct place place = { .file = file, .size = file->size };
    struct fletch_buf scratch = { 0 };
    struct fletch_npy npy = { 0 };
    enum fletch_status status = read_header(&npy, &place, &scratch, err);
    char *name;

    fletch_buf_release(&scratch);
    TRY(status);
    if (npy.what)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "holds %s, expected numbers",
                           npy.what);
    name = name_of(out, file->path);
    if (!name)
        return fletch_fail_memory(err, strlen(file->path), "the name of an array");
    return put_array(out, &npy, name, &place, err);
}

static enum fletch_status list_npy(struct fletch_tensor_list *out,
                                   const struct fletch_file *file, struct fletch_error *err)
{
    enum fletch_status status = list_array(out, file, err);

    if (status && status != FLETCH_ERR_IO) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    return status;
}

static bool probe_npy(const uint8_t *head, size_t head_size, uint64_t size)
{
    return size > FLETCH_NPY_MAGIC_SIZE && head_size >= FLETCH_NPY_MAGIC_SIZE &&
           !memcmp(head, FLETCH_NPY_MAGIC, FLETCH_NPY_MAGIC_SIZE);
}

/* ---- npz ---- */

struct archive {
    struct fletch_tensor_list *list;
    struct fletch_zip zip;
    struct fletch_buf scratch;
    struct fletch_error *err;
};

static bool is_array(const char *name)
{
    return fletch_glob_match("*" SUFFIX, name);
}

static enum fletch_status find_member(struct place *out, struct archive *archive,
                                      const struct fletch_zip_member *member)
{
    *out = (struct place){ .file = archive->zip.file, .size = member->size };
    if (member->method == FLETCH_ZIP_STORED) {
        out->crc = member->crc; /* unpacking has checked it */
        return fletch_zip_locate(&out->offset, &archive->zip, member, archive->err);
    }
    out->zip = &archive->zip;
    out->packed = member;
    return FLETCH_OK;
}

static enum fletch_status take_member(struct archive *archive,
                                      const struct fletch_zip_member *member)
{
    struct fletch_tensor_list *list = archive->list;
    struct fletch_npy npy = { 0 };
    struct place place;
    char *name;

    TRY(find_member(&place, archive, member));
    TRY(read_header(&npy, &place, &archive->scratch, archive->err));
    if (npy.what)
        return fletch_tensor_list_note(list, archive->err,
                                       "'%.*s' holds %s and is left out", FLETCH_SHOWN,
                                       member->name, npy.what);
    name = fletch_arena_text(list->arena, member->name, strlen(member->name) - SUFFIX_SIZE);
    if (!name)
        return fletch_fail_memory(archive->err, strlen(member->name), "a name");
    return put_array(list, &npy, name, &place, archive->err);
}

static enum fletch_status list_members(struct archive *archive,
                                       const struct fletch_file *file)
{
    size_t others = 0;

    TRY(fletch_zip_open(&archive->zip, file, archive->err));
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fletch_zip_member *member = &archive->zip.members[i];
        enum fletch_status status;

        if (!is_array(member->name)) {
            others++;
            continue;
        }
        status = take_member(archive, member);
        if (status && status != FLETCH_ERR_IO)
            fletch_error_prefix(archive->err, "member '%.*s'", FLETCH_SHOWN, member->name);
        TRY(status);
    }
    if (!others)
        return FLETCH_OK;
    return fletch_tensor_list_note(archive->list, archive->err,
                                   "members of the archive that are no arrays (.npy): %zu",
                                   others);
}

static enum fletch_status list_npz(struct fletch_tensor_list *out,
                                   const struct fletch_file *file, struct fletch_error *err)
{
    struct archive archive = { .list = out, .err = err };
    enum fletch_status status = list_members(&archive, file);

    if (status && status != FLETCH_ERR_IO) /* those begin with the path */
        fletch_error_prefix(err, "%s", file->path);
    fletch_zip_close(&archive.zip);
    fletch_buf_release(&archive.scratch);
    return status;
}

static bool probe_npz(const uint8_t *head, size_t head_size, uint64_t size)
{
    return size > 4 && head_size >= 4 && !memcmp(head, "PK\x03\x04", 4);
}

static enum fletch_status begins_with_array(bool *out, const struct fletch_file *file,
                                            struct fletch_error *err)
{
    uint8_t local[FLETCH_ZIP_LOCAL_SIZE] = { 0 }, end[SUFFIX_SIZE];
    size_t len;

    *out = false;
    if (file->size < FLETCH_ZIP_LOCAL_SIZE)
        return FLETCH_OK;
    TRY(fletch_file_read(file, 0, local, FLETCH_ZIP_LOCAL_SIZE, err));
    len = fletch_load_u16(local + 26);
    if (len < SUFFIX_SIZE || len > file->size - FLETCH_ZIP_LOCAL_SIZE)
        return FLETCH_OK;
    TRY(fletch_file_read(file, FLETCH_ZIP_LOCAL_SIZE + len - SUFFIX_SIZE, end, SUFFIX_SIZE,
                         err));
    *out = !memcmp(end, SUFFIX, SUFFIX_SIZE);
    return FLETCH_OK;
}

/* True for arrays without a torch pickle. If the directory cannot be read, the first
 * member's name decides, so that the right format reports the damage. */
static enum fletch_status confirm_npz(bool *out, const struct fletch_file *file,
                                      struct fletch_error *err)
{
    struct fletch_zip zip = { 0 };
    enum fletch_status status = fletch_zip_open(&zip, file, err);
    bool arrays = false, pickle = false;

    for (size_t i = 0; i < zip.count && !status; i++) {
        arrays |= is_array(zip.members[i].name);
        pickle |= fletch_glob_match("*/data.pkl", zip.members[i].name);
    }
    fletch_zip_close(&zip);
    *out = arrays && !pickle;
    return status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED
               ? begins_with_array(out, file, err)
               : status;
}

/* ---- The formats ---- */

const struct fletch_checkpoint_format fletch_format_npz = {
    .name = "npz",
    .file_name = "model.npz",
    .other_name = "weights.npz",
    .suffix = ".npz",
    .probe = probe_npz,
    .confirm = confirm_npz,
    .list = list_npz,
};

const struct fletch_checkpoint_format fletch_format_npy = {
    .name = "npy",
    .suffix = ".npy",
    .probe = probe_npy,
    .list = list_npy,
};
