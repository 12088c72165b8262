/* SPDX-License-Identifier: MIT */
/* safetensors.c - the header of a safetensors file
 *
 *     0      u64, little-endian    N, the length of the header
 *     8      N bytes               one JSON object, white space around it allowed:
 *                                  name -> {"dtype", "shape", "data_offsets": [begin, end]}
 *                                  and "__metadata__" -> null or strings
 *     8 + N  to the end            the tensors' bytes; data_offsets count from here
 *
 * Sorted by offset, the tensors cover the data without gap, overlap or remainder; alignment
 * is not guaranteed. Where the reference implementation is lax (a name twice: the last
 * wins; arrays instead of objects) this reader is strict: it refuses what two readers could
 * take for two different models.
 */
#include "checkpoint/checkpoint_internal.h"

#include "base/bytes.h"
#include "base/json_scan.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The reference implementation's limit: about 1.3 million tensors. */
#define FLETCH_SAFETENSORS_HEADER_MAX 100000000
/* The length in front of the header. */
#define LENGTH_SIZE 8
/* For __metadata__, which is kept in memory and copied to metadata.json: what sharded
 * optimizers write there grows with the tensors. */
#define FLETCH_SAFETENSORS_METADATA_MAX (16 << 20)
/* The header and a tensor are open around any value that is skipped. */
#define DEPTH_OF_FIELDS 2
#define DEPTH_OF_METADATA 1

enum field { FIELD_DTYPE, FIELD_SHAPE, FIELD_OFFSETS, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = { "dtype", "shape", "data_offsets" };

struct entry {
    struct fletch_tensor tensor; /* its offset counts from the start of the data */
    uint64_t at;                 /* of its name, in the file */
};

struct header {
    struct fletch_json_scan scan;
    struct entry *entries; /* [cap], `count` in use */
    size_t count, cap;
    uint64_t data_size; /* bytes after the header */
    json_t *metadata;   /* receives __metadata__ */
    bool metadata_seen;
};

static uint64_t end_of(const struct entry *entry)
{
    return entry->tensor.offset + entry->tensor.size;
}

/* ---- One tensor ---- */

static enum fletch_status read_dtype(struct fletch_tensor *out,
                                     struct fletch_json_scan *scan)
{
    struct fletch_json_scan_text text;

    TRY(fletch_json_scan_string(&text, scan, "the name of a dtype in quotes"));
    out->dtype = fletch_dtype_from_safetensors(text.text, text.len);
    if (out->dtype == FLETCH_DTYPE_NONE)
        return fletch_json_scan_fail(scan, text.at, FLETCH_ERR_UNSUPPORTED,
                                     "unknown dtype '%.*s'",
                                     (int)(text.len < 32 ? text.len : 32), text.text);
    return FLETCH_OK;
}

static enum fletch_status read_shape(struct fletch_tensor *out,
                                     struct fletch_json_scan *scan)
{
    uint64_t dims[FLETCH_RANK_MAX], *shape;
    unsigned rank = 0;
    bool more;

    TRY(fletch_json_scan_expect(scan, '[', "the array of a shape"));
    TRY(fletch_json_scan_element(&more, scan, true));
    while (more) {
        if (rank == FLETCH_RANK_MAX)
            return fletch_json_scan_fail(
                scan, fletch_json_scan_at(scan), FLETCH_ERR_UNSUPPORTED,
                "more than %d dimensions, the limit (FLETCH_RANK_MAX)", FLETCH_RANK_MAX);
        TRY(fletch_json_scan_whole(&dims[rank++], scan));
        TRY(fletch_json_scan_element(&more, scan, false));
    }
    shape = fletch_arena_alloc_array(scan->arena, rank ? rank : 1, sizeof(*shape));
    if (!shape)
        return fletch_fail_memory(scan->err, rank * sizeof(*shape), "a shape");
    memcpy(shape, dims, rank * sizeof(*shape));
    out->shape = shape;
    out->rank = rank;
    return FLETCH_OK;
}

static enum fletch_status read_offsets(uint64_t out[2], struct fletch_json_scan *scan)
{
    uint64_t at;
    bool more;

    TRY(fletch_json_scan_expect(scan, '[', "the array of data_offsets"));
    at = fletch_json_scan_at(scan) - 1;
    for (int i = 0; i < 2; i++) {
        TRY(fletch_json_scan_element(&more, scan, !i));
        if (!more)
            return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                         "data_offsets has %d numbers, expected 2", i);
        TRY(fletch_json_scan_whole(&out[i], scan));
    }
    TRY(fletch_json_scan_element(&more, scan, false));
    if (more)
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "data_offsets has more than 2 numbers, expected 2");
    if (out[1] < out[0])
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "data_offsets [%" PRIu64 ", %" PRIu64
                                     "] end before they begin",
                                     out[0], out[1]);
    return FLETCH_OK;
}

/* "[2, 3]", cut when it gets long. */
static const char *shape_text(char out[120], const struct fletch_tensor *tensor)
{
    size_t len = 0;

    out[len++] = '[';
    for (unsigned i = 0; i < tensor->rank && len < 80; i++)
        len += (size_t)snprintf(out + len, 120 - len, "%s%" PRIu64, i ? ", " : "",
                                tensor->shape[i]);
    snprintf(out + len, 120 - len, "%s]", len < 80 ? "" : ", ...");
    return out;
}

/* Computes count and size from shape and dtype, multiplying left to right as the reference
 * does: a later zero does not rescue a product that has already overflowed. */
static enum fletch_status measure(struct fletch_tensor *tensor, const uint64_t offsets[2],
                                  const struct fletch_json_scan *scan, uint64_t at)
{
    const struct fletch_dtype_info *info = fletch_dtype_info(tensor->dtype);
    uint64_t bits;
    char shape[120];
    bool fits = true;

    tensor->count = 1;
    for (unsigned i = 0; i < tensor->rank && fits; i++)
        fits = fletch_mul(&tensor->count, tensor->count, tensor->shape[i]);
    if (!fits || !fletch_mul(&bits, tensor->count, info->bits))
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "shape %s of %s is beyond 64 bits",
                                     shape_text(shape, tensor), info->safetensors);
    if (bits % 8)
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "shape %s of %s takes %" PRIu64
                                     " bits, expected whole bytes",
                                     shape_text(shape, tensor), info->safetensors, bits);
    tensor->size = bits / 8;
    tensor->offset = offsets[0];
    if (offsets[1] - offsets[0] != tensor->size)
        return fletch_json_scan_fail(
            scan, at, FLETCH_ERR_FORMAT,
            "shape %s of %s takes %" PRIu64 " bytes, data_offsets [%" PRIu64 ", %" PRIu64
            "] hold %" PRIu64,
            shape_text(shape, tensor), info->safetensors, tensor->size, offsets[0],
            offsets[1], offsets[1] - offsets[0]);
    return FLETCH_OK;
}

static enum fletch_status read_field(struct fletch_tensor *out, uint64_t offsets[2],
                                     bool seen[FIELD_COUNT],
                                     const struct fletch_json_scan_text *key,
                                     struct fletch_json_scan *scan)
{
    int field = 0;

    while (field < FIELD_COUNT && !fletch_json_scan_text_is(key, field_names[field]))
        field++;
    if (field == FIELD_COUNT)
        return fletch_json_scan_skip(scan, DEPTH_OF_FIELDS);
    if (seen[field])
        return fletch_json_scan_fail(scan, key->at, FLETCH_ERR_FORMAT,
                                     "%s is given a second time", field_names[field]);
    seen[field] = true;
    if (field == FIELD_DTYPE)
        return read_dtype(out, scan);
    return field == FIELD_SHAPE ? read_shape(out, scan) : read_offsets(offsets, scan);
}

static enum fletch_status read_tensor(struct fletch_tensor *out,
                                      struct fletch_json_scan *scan)
{
    bool seen[FIELD_COUNT] = { false }, more;
    struct fletch_json_scan_text key;
    uint64_t offsets[2], at;

    TRY(fletch_json_scan_expect(scan, '{', "an object with dtype, shape and data_offsets"));
    at = fletch_json_scan_at(scan) - 1;
    TRY(fletch_json_scan_member(&more, &key, scan, true));
    while (more) {
        TRY(read_field(out, offsets, seen, &key, scan));
        TRY(fletch_json_scan_member(&more, &key, scan, false));
    }
    for (int i = 0; i < FIELD_COUNT; i++)
        if (!seen[i])
            return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT, "has no %s",
                                         field_names[i]);
    return measure(out, offsets, scan, at);
}

/* ---- The header ---- */

/* If a key occurs twice the last counts, as in the reference; if several files have it, the
 * first file's. Keys and values with a NUL are dropped. */
static enum fletch_status put_words(json_t *metadata,
                                    const struct fletch_json_scan_text *key,
                                    const struct fletch_json_scan_text *value,
                                    const struct fletch_json_scan *scan)
{
    if (memchr(key->text, 0, key->len) || memchr(value->text, 0, value->len))
        return FLETCH_OK;
    return json_object_setn_new_nocheck(metadata, key->text, key->len,
                                        json_stringn_nocheck(value->text, value->len))
               ? fletch_fail_memory(scan->err, key->len + value->len, "__metadata__")
               : FLETCH_OK;
}

static enum fletch_status read_metadata(struct header *header, uint64_t at)
{
    struct fletch_json_scan *scan = &header->scan;
    struct fletch_json_scan_text key, value;
    bool more;

    if (header->metadata_seen)
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "__metadata__ is given a second time");
    header->metadata_seen = true;
    if (fletch_json_scan_peek(scan) == 'n')
        return fletch_json_scan_skip(scan, DEPTH_OF_METADATA);
    TRY(fletch_json_scan_expect(scan, '{', "the object of __metadata__, or null"));
    TRY(fletch_json_scan_member(&more, &key, scan, true));
    while (more) {
        TRY(fletch_json_scan_string(&value, scan, "a string in __metadata__"));
        if (fletch_json_scan_at(scan) - at > FLETCH_SAFETENSORS_METADATA_MAX)
            return fletch_json_scan_fail(scan, at, FLETCH_ERR_UNSUPPORTED,
                                         "__metadata__ is longer than %d bytes, the limit "
                                         "(FLETCH_SAFETENSORS_METADATA_MAX)",
                                         FLETCH_SAFETENSORS_METADATA_MAX);
        TRY(put_words(header->metadata, &key, &value, scan));
        TRY(fletch_json_scan_member(&more, &key, scan, false));
    }
    return FLETCH_OK;
}

static enum fletch_status put_entry(struct header *header,
                                    const struct fletch_json_scan_text *name)
{
    struct fletch_json_scan *scan = &header->scan;
    struct entry *entry;

    if (memchr(name->text, 0, name->len))
        return fletch_json_scan_fail(scan, name->at, FLETCH_ERR_UNSUPPORTED,
                                     "the name of a tensor has a NUL in it");
    if (header->count == header->cap) {
        struct entry *grown =
            fletch_grow(header->entries, &header->cap, header->count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(scan->err, (header->count + 1) * sizeof(*grown),
                                      "tensors");
        header->entries = grown;
    }
    entry = &header->entries[header->count];
    *entry = (struct entry){ .at = name->at };
    entry->tensor.name = fletch_arena_text(scan->arena, name->text, name->len);
    if (!entry->tensor.name)
        return fletch_fail_memory(scan->err, name->len, "a name");
    header->count++;
    return FLETCH_OK;
}

static enum fletch_status read_member(struct header *header,
                                      const struct fletch_json_scan_text *key)
{
    struct entry *entry;
    enum fletch_status status;

    if (fletch_json_scan_text_is(key, "__metadata__"))
        return read_metadata(header, key->at);
    TRY(put_entry(header, key));
    entry = &header->entries[header->count - 1];
    status = read_tensor(&entry->tensor, &header->scan);
    if (status && status != FLETCH_ERR_MEMORY)
        fletch_error_prefix(header->scan.err, "tensor '%.*s'", FLETCH_SHOWN,
                            entry->tensor.name);
    return status;
}

static enum fletch_status read_header(struct header *header)
{
    struct fletch_json_scan *scan = &header->scan;
    size_t valid = fletch_utf8_span(scan->text, scan->size);
    struct fletch_json_scan_text key;
    bool more;

    if (valid < scan->size)
        return fletch_json_scan_fail(scan, scan->base + valid, FLETCH_ERR_FORMAT,
                                     "found 0x%02x in the header, expected UTF-8",
                                     (uint8_t)scan->text[valid]);
    TRY(fletch_json_scan_expect(scan, '{', "the object of a safetensors header"));
    TRY(fletch_json_scan_member(&more, &key, scan, true));
    while (more) {
        TRY(read_member(header, &key));
        TRY(fletch_json_scan_member(&more, &key, scan, false));
    }
    fletch_json_scan_peek(scan);
    if (scan->pos < scan->size)
        return fletch_json_scan_unexpected(scan, "nothing after the header's object");
    return FLETCH_OK;
}

/* ---- All tensors together ---- */

static int compare_names(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return strcmp(x->tensor.name, y->tensor.name);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->tensor.offset != y->tensor.offset)
        return x->tensor.offset < y->tensor.offset ? -1 : 1;
    if (end_of(x) != end_of(y))
        return end_of(x) < end_of(y) ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Most headers are written in order, so checking is cheaper than sorting. */
static void sort_entries(struct header *header, int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < header->count; i++)
        if (compare(&header->entries[i - 1], &header->entries[i]) > 0) {
            qsort(header->entries, header->count, sizeof(*header->entries), compare);
            return;
        }
}

static enum fletch_status check_names(struct header *header)
{
    sort_entries(header, compare_names);
    for (size_t i = 1; i < header->count; i++) {
        const struct entry *a = &header->entries[i - 1], *b = &header->entries[i];

        if (!compare_names(a, b))
            return fletch_json_scan_fail(
                &header->scan, a->at > b->at ? a->at : b->at, FLETCH_ERR_FORMAT,
                "tensor '%.*s' is given a second time, first at byte "
                "%" PRIu64,
                FLETCH_SHOWN, a->tensor.name, a->at > b->at ? b->at : a->at);
    }
    return FLETCH_OK;
}

static enum fletch_status fail_layout(const struct header *header,
                                      const struct entry *before, const struct entry *entry)
{
    const struct fletch_json_scan *scan = &header->scan;
    uint64_t end = before ? end_of(before) : 0;

    if (entry->tensor.offset < end)
        return fletch_json_scan_fail(
            scan, entry->at, FLETCH_ERR_FORMAT,
            "tensor '%.*s' at [%" PRIu64 ", %" PRIu64
            "] overlaps tensor '%.*s' at [%" PRIu64 ", %" PRIu64 "]",
            FLETCH_SHOWN / 2, entry->tensor.name, entry->tensor.offset, end_of(entry),
            FLETCH_SHOWN / 2, before->tensor.name, before->tensor.offset, end);
    if (!before)
        return fletch_json_scan_fail(
            scan, entry->at, FLETCH_ERR_FORMAT,
            "the first tensor '%.*s' begins at %" PRIu64 " of the data"
            ", expected 0",
            FLETCH_SHOWN, entry->tensor.name, entry->tensor.offset);
    return fletch_json_scan_fail(scan, entry->at, FLETCH_ERR_FORMAT,
                                 "a hole between tensor '%.*s', which ends at %" PRIu64
                                 ", and tensor '%.*s', which begins at %" PRIu64,
                                 FLETCH_SHOWN / 2, before->tensor.name, end,
                                 FLETCH_SHOWN / 2, entry->tensor.name,
                                 entry->tensor.offset);
}

/* By offset, each tensor begins where the previous one ends, and the last ends with the
 * file. */
static enum fletch_status check_layout(struct header *header)
{
    const struct entry *before = NULL;
    uint64_t end = 0, data_at = header->scan.base + header->scan.size;

    sort_entries(header, compare_offsets);
    for (size_t i = 0; i < header->count; i++) {
        const struct entry *entry = &header->entries[i];

        if (entry->tensor.offset != end)
            return fail_layout(header, before, entry);
        end = end_of(entry);
        if (end > header->data_size)
            return fletch_json_scan_fail(
                &header->scan, data_at + header->data_size, FLETCH_ERR_FORMAT,
                "the file ends here, %" PRIu64 " bytes before the end "
                "of tensor '%.*s': it was cut short",
                end - header->data_size, FLETCH_SHOWN, entry->tensor.name);
        before = entry;
    }
    if (end < header->data_size)
        return fletch_json_scan_fail(
            &header->scan, data_at + end, FLETCH_ERR_FORMAT,
            "found %" PRIu64 " bytes after the last tensor%s%.*s%s",
            header->data_size - end, before ? " '" : "", FLETCH_SHOWN,
            before ? before->tensor.name : "", before ? "'" : "");
    return FLETCH_OK;
}

/* ---- The format ---- */

static enum fletch_status read_length(uint64_t *out, const struct fletch_file *file,
                                      struct fletch_error *err)
{
    uint8_t bytes[LENGTH_SIZE];
    uint64_t size;

    if (file->size < LENGTH_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: has %" PRIu64 " bytes, expected %d at least: the length of "
                           "a safetensors header",
                           file->path, file->size, LENGTH_SIZE);
    TRY(fletch_file_read(file, 0, bytes, sizeof(bytes), err));
    size = fletch_load_u64(bytes);
    if (size > file->size - LENGTH_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: byte 0: header of %" PRIu64 " bytes, but only %" PRIu64
                           " follow: the file was cut short, or is no safetensors file",
                           file->path, size, file->size - LENGTH_SIZE);
    if (size > FLETCH_SAFETENSORS_HEADER_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%s: byte 0: header of %" PRIu64 " bytes, the limit is %d "
                           "(FLETCH_SAFETENSORS_HEADER_MAX)",
                           file->path, size, FLETCH_SAFETENSORS_HEADER_MAX);
    *out = size;
    return FLETCH_OK;
}

static enum fletch_status list_entries(struct fletch_tensor_list *out,
                                       const struct header *header)
{
    json_t *sharding = NULL;
    enum fletch_status status =
        fletch_distributed_sharding(&sharding, header->metadata, header->scan.err);

    for (size_t i = 0; i < header->count && !status; i++) {
        struct fletch_tensor tensor = header->entries[i].tensor;

        tensor.offset += header->scan.base + header->scan.size;
        if (sharding)
            status =
                fletch_distributed_mark(&tensor, sharding, out->arena, header->scan.err);
        if (!status)
            status = fletch_tensor_list_put(out, &tensor, header->scan.err);
    }
    out->parts += sharding != NULL;
    json_decref(sharding);
    return status;
}

/* Keeps what earlier files have not already stated. */
static enum fletch_status keep_metadata(struct fletch_tensor_list *out, json_t *metadata,
                                        struct fletch_error *err)
{
    if (!json_object_size(metadata))
        return FLETCH_OK;
    if (!out->metadata)
        out->metadata = json_object();
    return out->metadata && !json_object_update_missing(out->metadata, metadata)
               ? FLETCH_OK
               : fletch_fail_memory(err, 0, "__metadata__");
}

static enum fletch_status list(struct fletch_tensor_list *out,
                               const struct fletch_file *file, struct fletch_error *err)
{
    struct header header = { .scan = { .base = LENGTH_SIZE, .arena = out->arena },
                             .metadata = json_object() };
    enum fletch_status status;
    uint64_t size = 0;
    char *text = NULL;

    status = read_length(&size, file, err);
    if (status)
        goto done;
    text = fletch_alloc((size_t)size);
    if (!text || !header.metadata) {
        status = fletch_fail_memory(err, (size_t)size, file->path);
        goto done;
    }
    status = fletch_file_read(file, LENGTH_SIZE, text, (size_t)size, err);
    if (status)
        goto done; /* that message already has the path */
    header.data_size = file->size - LENGTH_SIZE - size;
    header.scan.text = text;
    header.scan.size = (size_t)size;
    header.scan.err = err;
    status = read_header(&header);
    if (!status)
        status = check_names(&header);
    if (!status)
        status = check_layout(&header);
    if (!status)
        status = list_entries(out, &header);
    if (!status)
        status = keep_metadata(out, header.metadata, err);
    if (status)
        fletch_error_prefix(err, "%s", file->path);
done:
    json_decref(header.metadata);
    fletch_free(header.entries);
    fletch_free(text);
    return status;
}

/* A plausible length, then a brace, maybe after padding. */
static bool probe(const uint8_t *head, size_t head_size, uint64_t size)
{
    if (head_size <= LENGTH_SIZE || size <= LENGTH_SIZE ||
        fletch_load_u64(head) > FLETCH_SAFETENSORS_HEADER_MAX)
        return false;
    return memchr("{ \t\r\n", head[LENGTH_SIZE], 5) != NULL;
}

const struct fletch_checkpoint_format fletch_format_safetensors = {
    .name = "safetensors",
    .file_name = "model.safetensors",
    .index_name = "model.safetensors.index.json",
    .index_glob = "*.safetensors.index*.json",
    .suffix = ".safetensors",
    .probe = probe,
    .list = list,
};
