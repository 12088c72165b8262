/* SPDX-License-Identifier: MIT */
/* decode.c - see decode.h */
#include "parquet/decode.h"

#include "base/bytes.h"
#include "parquet/bits.h"

#include <inttypes.h>

/* The specification asks for multiples of 128 and 32; no writer uses blocks larger than
 * this.
 */
#define DELTA_BLOCK_MAX ((uint32_t)1 << 20)

/* ---- DELTA_BINARY_PACKED ---- */

bool fletch_delta_begin(struct fletch_delta *delta, const uint8_t *bytes, size_t size)
{
    uint32_t block;
    uint64_t first;

    *delta = (struct fletch_delta){ .bytes = bytes, .size = size };
    if (!fletch_get_varint32(bytes, size, &delta->pos, &block) ||
        !fletch_get_varint32(bytes, size, &delta->pos, &delta->miniblocks) ||
        !fletch_get_varint32(bytes, size, &delta->pos, &delta->count) ||
        !fletch_get_varint(bytes, size, &delta->pos, &first))
        return false;
    if (!block || block > DELTA_BLOCK_MAX || !delta->miniblocks ||
        block % delta->miniblocks || block / delta->miniblocks % 8)
        return false;
    delta->miniblock_values = block / delta->miniblocks;
    delta->miniblock = delta->miniblocks;
    delta->value = (uint64_t)fletch_unzigzag(first);
    return true;
}

static bool next_miniblock(struct fletch_delta *delta)
{
    uint64_t size;

    if (delta->miniblock == delta->miniblocks) {
        if (!fletch_get_varint(delta->bytes, delta->size, &delta->pos, &delta->min_delta) ||
            delta->miniblocks > delta->size - delta->pos)
            return false;
        delta->min_delta = (uint64_t)fletch_unzigzag(delta->min_delta);
        delta->widths = delta->bytes + delta->pos;
        delta->pos += delta->miniblocks;
        delta->miniblock = 0;
    }
    delta->width = delta->widths[delta->miniblock++];
    size = (uint64_t)delta->width * delta->miniblock_values / 8;
    if (delta->width > 64 || size > delta->size - delta->pos)
        return false;
    delta->bit_pos = 8 * (uint64_t)delta->pos;
    delta->pos += (size_t)size;
    delta->left = delta->miniblock_values;
    return true;
}

bool fletch_delta_next(struct fletch_delta *delta, int64_t *value)
{
    if (delta->given >= delta->count)
        return false;
    if (delta->given) {
        if (!delta->left && !next_miniblock(delta))
            return false;
        delta->left--;
        delta->value += delta->min_delta +
                        fletch_take_bits(delta->bytes, &delta->bit_pos, delta->width);
    }
    delta->given++;
    *value = (int64_t)delta->value;
    return true;
}

/* The offset after it, which is known only by reading all of it. */
static bool delta_end(const struct fletch_delta *delta, size_t *end)
{
    struct fletch_delta copy = *delta;
    int64_t value;

    while (copy.given < copy.count)
        if (!fletch_delta_next(&copy, &value))
            return false;
    *end = copy.pos;
    return true;
}

/* ---- Pages ---- */

static enum fletch_status fail_values(const char *what, struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FORMAT, "%s end early or make no sense", what);
}

static unsigned bit_width(unsigned max)
{
    unsigned width = 0;

    for (; max; max >>= 1)
        width++;
    return width;
}

/* Levels of a V1 page: their length, then that many bytes. */
static enum fletch_status begin_levels_v1(struct fletch_levels *levels, unsigned max,
                                          int encoding, const struct fletch_slice *body,
                                          size_t *pos, struct fletch_error *err)
{
    uint32_t size;

    *levels = (struct fletch_levels){ .bit_width = bit_width(max) };
    if (!max)
        return FLETCH_OK;
    if (encoding != FLETCH_ENCODING_RLE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "levels of encoding %d, expected %d (RLE)", encoding,
                           FLETCH_ENCODING_RLE);
    if (body->size - *pos < 4)
        return fail_values("levels", err);
    size = fletch_load_u32(body->bytes + *pos);
    *pos += 4;
    if (size > body->size - *pos)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "levels of %" PRIu32 " bytes, but %zu are left", size,
                           body->size - *pos);
    levels->bytes = body->bytes + *pos;
    levels->size = size;
    *pos += size;
    return FLETCH_OK;
}

static enum fletch_status begin_levels(struct fletch_values *values,
                                       const struct fletch_leaf *leaf,
                                       const struct fletch_page_header *header,
                                       const struct fletch_slice *body, size_t *pos,
                                       struct fletch_error *err)
{
    if (header->type == FLETCH_PAGE_DATA) {
        TRY(begin_levels_v1(&values->repetitions, leaf->max_repetition,
                            header->repetition_encoding, body, pos, err));
        return begin_levels_v1(&values->definitions, leaf->max_definition,
                               header->definition_encoding, body, pos, err);
    }
    values->repetitions = (struct fletch_levels){
        .bytes = body->bytes,
        .size = (size_t)header->repetition_size,
        .bit_width = bit_width(leaf->max_repetition),
    };
    values->definitions = (struct fletch_levels){
        .bytes = body->bytes + header->repetition_size,
        .size = (size_t)header->definition_size,
        .bit_width = bit_width(leaf->max_definition),
    };
    *pos = (size_t)header->repetition_size + (size_t)header->definition_size;
    return FLETCH_OK;
}

bool fletch_encoding_has_dictionary(int encoding)
{
    return encoding == FLETCH_ENCODING_RLE_DICTIONARY ||
           encoding == FLETCH_ENCODING_PLAIN_DICTIONARY;
}

static enum fletch_status begin_indices(struct fletch_values *values,
                                        struct fletch_error *err)
{
    if (!values->dictionary)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "indices into a dictionary, but its column chunk has none");
    /* a page of nulls or empty lists may leave out even the width */
    if (!values->size)
        return FLETCH_OK;
    if (values->bytes[0] > 32)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "indices of %u bits, expected at most 32", values->bytes[0]);
    values->indices = (struct fletch_levels){
        .bytes = values->bytes,
        .size = values->size,
        .pos = 1,
        .bit_width = values->bytes[0],
    };
    return FLETCH_OK;
}

/* DELTA_BYTE_ARRAY: lengths of prefixes, then as in DELTA_LENGTH_BYTE_ARRAY: lengths,
 * bytes.
 */
static enum fletch_status begin_deltas(struct fletch_values *values,
                                       struct fletch_error *err)
{
    size_t end = 0;

    if (values->encoding == FLETCH_ENCODING_DELTA_BYTE_ARRAY) {
        if (!fletch_delta_begin(&values->prefixes, values->bytes, values->size) ||
            values->prefixes.count > values->count || !delta_end(&values->prefixes, &end))
            return fail_values("lengths of prefixes", err);
        values->bytes += end;
        values->size -= end;
        fletch_buf_clear(values->joined);
    }
    if (!fletch_delta_begin(&values->lengths, values->bytes, values->size) ||
        values->lengths.count > values->count)
        return fail_values("deltas", err);
    if (values->type != FLETCH_PARQUET_BYTE_ARRAY)
        return FLETCH_OK;
    if (!delta_end(&values->lengths, &values->pos))
        return fail_values("lengths", err);
    return FLETCH_OK;
}

static unsigned int_size(int type)
{
    return type == FLETCH_PARQUET_INT32 ? 4 : 8;
}

static enum fletch_status begin_encoding(struct fletch_values *values,
                                         struct fletch_error *err)
{
    bool is_bytes = values->type == FLETCH_PARQUET_BYTE_ARRAY;

    if (values->encoding == FLETCH_ENCODING_PLAIN)
        return FLETCH_OK;
    if (fletch_encoding_has_dictionary(values->encoding))
        return begin_indices(values, err);
    if (is_bytes ? values->encoding == FLETCH_ENCODING_DELTA_LENGTH_BYTE_ARRAY ||
                       values->encoding == FLETCH_ENCODING_DELTA_BYTE_ARRAY
                 : values->encoding == FLETCH_ENCODING_DELTA_BINARY_PACKED)
        return begin_deltas(values, err);
    if (!is_bytes && values->encoding == FLETCH_ENCODING_BYTE_STREAM_SPLIT) {
        if (values->size % int_size(values->type))
            return fail_values("split bytes", err);
        values->stream_values = (uint32_t)(values->size / int_size(values->type));
        return FLETCH_OK;
    }
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "encoding %d for type %d",
                       values->encoding, values->type);
}

enum fletch_status fletch_values_begin(struct fletch_values *values,
                                       const struct fletch_leaf *leaf,
                                       const struct fletch_page_header *header,
                                       const struct fletch_slice *body,
                                       const struct fletch_dictionary *dictionary,
                                       struct fletch_buf *joined, struct fletch_error *err)
{
    size_t pos = 0;

    *values = (struct fletch_values){
        .encoding = header->encoding,
        .type = leaf->type,
        .count = (uint32_t)header->num_values,
        .max_definition = leaf->max_definition,
        .max_repetition = leaf->max_repetition,
        .dictionary = dictionary,
        .joined = joined,
    };
    TRY(begin_levels(values, leaf, header, body, &pos, err));
    values->bytes = body->bytes + pos;
    values->size = body->size - pos;
    /* a page of only nulls and empty lists may state anything about its values */
    if (!values->size && !fletch_encoding_has_dictionary(header->encoding))
        return FLETCH_OK;
    return begin_encoding(values, err);
}

enum fletch_status fletch_values_levels(struct fletch_values *values, uint32_t *repetition,
                                        uint32_t *definition, struct fletch_error *err)
{
    if (!fletch_levels_next(&values->repetitions, repetition) ||
        !fletch_levels_next(&values->definitions, definition))
        return fail_values("levels", err);
    if (*repetition > values->max_repetition || *definition > values->max_definition)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "levels %" PRIu32 " and %" PRIu32 ", expected at most %u and %u",
                           *repetition, *definition, values->max_repetition,
                           values->max_definition);
    return FLETCH_OK;
}

static enum fletch_status next_index(struct fletch_values *values, struct fletch_error *err)
{
    if (!values->size || !fletch_levels_next(&values->indices, &values->index))
        return fail_values("indices", err);
    if (values->index >= values->dictionary->count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "index %" PRIu32 " into a dictionary of %zu", values->index,
                           values->dictionary->count);
    return FLETCH_OK;
}

/* Takes `len` bytes at the current position. */
static enum fletch_status take(struct fletch_values *values, int64_t len,
                               struct fletch_slice *out, struct fletch_error *err)
{
    size_t left = values->size - values->pos;

    if (len < 0 || (uint64_t)len > left)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a value of %" PRId64 " bytes, but its page has %zu left", len,
                           left);
    *out = (struct fletch_slice){ values->bytes + values->pos, (size_t)len };
    values->pos += (size_t)len;
    return FLETCH_OK;
}

/* DELTA_BYTE_ARRAY: the beginning of the last value, then more bytes. */
static enum fletch_status join(struct fletch_values *values, struct fletch_slice *out,
                               struct fletch_error *err)
{
    struct fletch_slice suffix = { 0 };
    int64_t prefix, len;

    if (!fletch_delta_next(&values->prefixes, &prefix) ||
        !fletch_delta_next(&values->lengths, &len))
        return fail_values("lengths", err);
    if (prefix < 0 || (uint64_t)prefix > values->joined->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a prefix of %" PRId64 " bytes of a value of %zu", prefix,
                           values->joined->size);
    TRY(take(values, len, &suffix, err));
    values->joined->size = (size_t)prefix;
    fletch_buf_put(values->joined, suffix.bytes, suffix.size);
    if (values->joined->failed)
        return fletch_fail_memory(err, suffix.size, "a value");
    *out = (struct fletch_slice){ values->joined->bytes, values->joined->size };
    return FLETCH_OK;
}

enum fletch_status fletch_values_bytes(struct fletch_values *values,
                                       struct fletch_slice *out, struct fletch_error *err)
{
    int64_t len;

    switch (values->encoding) {
    case FLETCH_ENCODING_PLAIN:
        if (values->size - values->pos < 4)
            return fail_values("values", err);
        len = fletch_load_u32(values->bytes + values->pos);
        values->pos += 4;
        return take(values, len, out, err);
    case FLETCH_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        if (!fletch_delta_next(&values->lengths, &len))
            return fail_values("lengths", err);
        return take(values, len, out, err);
    case FLETCH_ENCODING_DELTA_BYTE_ARRAY:
        return join(values, out, err);
    default:
        TRY(next_index(values, err));
        *out = values->dictionary->slices[values->index];
        return FLETCH_OK;
    }
}

static int64_t load_int(const uint8_t *bytes, int type)
{
    if (type == FLETCH_PARQUET_INT32)
        return (int32_t)fletch_load_u32(bytes);
    return (int64_t)fletch_load_u64(bytes);
}

/* BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on. */
static enum fletch_status unsplit(struct fletch_values *values, int64_t *out,
                                  struct fletch_error *err)
{
    uint8_t bytes[8] = { 0 };

    if (values->pos >= values->stream_values)
        return fail_values("values", err);
    for (size_t i = 0; i < int_size(values->type); i++)
        bytes[i] = values->bytes[i * values->stream_values + values->pos];
    values->pos++;
    *out = load_int(bytes, values->type);
    return FLETCH_OK;
}

enum fletch_status fletch_values_int(struct fletch_values *values, int64_t *out,
                                     struct fletch_error *err)
{
    switch (values->encoding) {
    case FLETCH_ENCODING_PLAIN:
        if (values->size - values->pos < int_size(values->type))
            return fail_values("values", err);
        *out = load_int(values->bytes + values->pos, values->type);
        values->pos += int_size(values->type);
        return FLETCH_OK;
    case FLETCH_ENCODING_DELTA_BINARY_PACKED:
        if (!fletch_delta_next(&values->lengths, out))
            return fail_values("deltas", err);
        if (values->type == FLETCH_PARQUET_INT32)
            *out = (int32_t)*out;
        return FLETCH_OK;
    case FLETCH_ENCODING_BYTE_STREAM_SPLIT:
        return unsplit(values, out, err);
    default:
        TRY(next_index(values, err));
        *out = values->dictionary->ints[values->index];
        return FLETCH_OK;
    }
}

/* ---- Dictionaries ---- */

void fletch_dictionary_release(struct fletch_dictionary *dictionary)
{
    fletch_free(dictionary->slices);
    fletch_free(dictionary->ints);
    *dictionary = (struct fletch_dictionary){ 0 };
}

enum fletch_status fletch_dictionary_open(struct fletch_dictionary *dictionary, int type,
                                          const struct fletch_page_header *header,
                                          const struct fletch_slice *body,
                                          struct fletch_error *err)
{
    struct fletch_values values = { .encoding = FLETCH_ENCODING_PLAIN,
                                    .type = type,
                                    .bytes = body->bytes,
                                    .size = body->size };
    bool is_bytes = type == FLETCH_PARQUET_BYTE_ARRAY;
    size_t count = (size_t)header->num_values;

    fletch_dictionary_release(dictionary);
    if (header->encoding != FLETCH_ENCODING_PLAIN &&
        header->encoding != FLETCH_ENCODING_PLAIN_DICTIONARY)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "a dictionary of encoding %d",
                           header->encoding);
    if (count > body->size / (is_bytes ? 4 : int_size(type)))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a dictionary of %zu values in %zu bytes", count, body->size);
    if (is_bytes)
        dictionary->slices = fletch_alloc_array(count, sizeof(*dictionary->slices));
    else
        dictionary->ints = fletch_alloc_array(count, sizeof(*dictionary->ints));
    if (!dictionary->slices && !dictionary->ints)
        return fletch_fail_memory(err, count * sizeof(*dictionary->slices), "a dictionary");
    dictionary->type = type;
    for (size_t i = 0; i < count; i++)
        TRY(is_bytes ? fletch_values_bytes(&values, &dictionary->slices[i], err)
                     : fletch_values_int(&values, &dictionary->ints[i], err));
    dictionary->count = count;
    return FLETCH_OK;
}
