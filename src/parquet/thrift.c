/* SPDX-License-Identifier: MIT */
/* thrift.c - see thrift.h */
#include "parquet/thrift.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* 64 bits in groups of 7; padded varints may be as long, never longer. */
#define VARINT_SIZE_MAX 10

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

int64_t fletch_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

void fletch_put_varint(struct fletch_buf *buf, uint64_t value)
{
    while (value >= 0x80) {
        fletch_buf_put_u8(buf, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    fletch_buf_put_u8(buf, (uint8_t)value);
}

bool fletch_get_varint(const uint8_t *bytes, size_t size, size_t *pos, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < VARINT_SIZE_MAX && *pos < size; i++) {
        uint8_t byte = bytes[(*pos)++];

        if (i == VARINT_SIZE_MAX - 1 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

void fletch_store_wide(uint8_t out[FLETCH_THRIFT_WIDE_SIZE], int32_t value)
{
    uint64_t rest = zigzag(value);

    for (int i = 0; i < FLETCH_THRIFT_WIDE_SIZE; i++) {
        out[i] = (uint8_t)((rest & 0x7f) | (i + 1 < FLETCH_THRIFT_WIDE_SIZE ? 0x80 : 0));
        rest >>= 7;
    }
}

static void put_field(struct fletch_thrift_writer *writer, int id,
                      enum fletch_thrift_type type)
{
    int delta = id - writer->last[writer->depth];

    if (delta >= 1 && delta <= 15) {
        fletch_buf_put_u8(writer->buf, (uint8_t)(delta << 4 | (int)type));
    } else {
        fletch_buf_put_u8(writer->buf, (uint8_t)type);
        fletch_put_varint(writer->buf, zigzag(id));
    }
    writer->last[writer->depth] = id;
}

void fletch_thrift_put_int(struct fletch_thrift_writer *writer, int id,
                           enum fletch_thrift_type type, int64_t value)
{
    put_field(writer, id, type);
    fletch_put_varint(writer->buf, zigzag(value));
}

void fletch_thrift_put_i32(struct fletch_thrift_writer *writer, int id, int32_t value)
{
    fletch_thrift_put_int(writer, id, FLETCH_THRIFT_I32, value);
}

void fletch_thrift_put_i64(struct fletch_thrift_writer *writer, int id, int64_t value)
{
    fletch_thrift_put_int(writer, id, FLETCH_THRIFT_I64, value);
}

void fletch_thrift_put_wide(struct fletch_thrift_writer *writer, int id, int32_t value)
{
    uint8_t bytes[FLETCH_THRIFT_WIDE_SIZE];

    put_field(writer, id, FLETCH_THRIFT_I32);
    fletch_store_wide(bytes, value);
    fletch_buf_put(writer->buf, bytes, sizeof(bytes));
}

void fletch_thrift_put_bytes(struct fletch_thrift_writer *writer, int id, const void *bytes,
                             size_t size)
{
    put_field(writer, id, FLETCH_THRIFT_BINARY);
    fletch_thrift_item_bytes(writer, bytes, size);
}

void fletch_thrift_put_text(struct fletch_thrift_writer *writer, int id, const char *text)
{
    fletch_thrift_put_bytes(writer, id, text, strlen(text));
}

void fletch_thrift_begin_struct(struct fletch_thrift_writer *writer, int id)
{
    put_field(writer, id, FLETCH_THRIFT_STRUCT);
    fletch_thrift_begin_item(writer);
}

void fletch_thrift_begin_item(struct fletch_thrift_writer *writer)
{
    assert(writer->depth + 1 < sizeof(writer->last) / sizeof(writer->last[0]));
    writer->last[++writer->depth] = 0;
}

void fletch_thrift_end_struct(struct fletch_thrift_writer *writer)
{
    fletch_buf_put_u8(writer->buf, FLETCH_THRIFT_STOP);
    if (writer->depth)
        writer->depth--;
}

void fletch_thrift_put_list(struct fletch_thrift_writer *writer, int id,
                            enum fletch_thrift_type type, size_t count)
{
    put_field(writer, id, FLETCH_THRIFT_LIST);
    if (count < 15) {
        fletch_buf_put_u8(writer->buf, (uint8_t)(count << 4 | (unsigned)type));
    } else {
        fletch_buf_put_u8(writer->buf, (uint8_t)(0xf0 | (unsigned)type));
        fletch_put_varint(writer->buf, count);
    }
}

void fletch_thrift_item_int(struct fletch_thrift_writer *writer, int64_t value)
{
    fletch_put_varint(writer->buf, zigzag(value));
}

void fletch_thrift_item_bytes(struct fletch_thrift_writer *writer, const void *bytes,
                              size_t size)
{
    fletch_put_varint(writer->buf, size);
    fletch_buf_put(writer->buf, bytes, size);
}

void fletch_thrift_problem(struct fletch_thrift_reader *reader, const char *format, ...)
{
    va_list args;

    if (reader->problem[0])
        return;
    va_start(args, format);
    vsnprintf(reader->problem, sizeof(reader->problem), format, args);
    va_end(args);
    reader->problem_at = reader->pos;
}

static size_t left(const struct fletch_thrift_reader *reader)
{
    return reader->size - reader->pos;
}

/* True when `size` more bytes are there. */
static bool have(struct fletch_thrift_reader *reader, uint64_t size)
{
    if (reader->problem[0])
        return false;
    if (size > left(reader)) {
        fletch_thrift_problem(reader, "%zu bytes left, expected %" PRIu64, left(reader),
                              size);
        reader->ended = true;
        return false;
    }
    return true;
}

static uint8_t get_u8(struct fletch_thrift_reader *reader)
{
    return have(reader, 1) ? reader->bytes[reader->pos++] : 0;
}

static uint64_t get_varint(struct fletch_thrift_reader *reader)
{
    size_t start = reader->pos;
    uint64_t value = 0;

    if (reader->problem[0] ||
        fletch_get_varint(reader->bytes, reader->size, &reader->pos, &value))
        return value;
    if (reader->pos - start == VARINT_SIZE_MAX)
        fletch_thrift_problem(reader, "a varint of more than 64 bits");
    else
        have(reader, 1); /* records that the bytes end */
    return 0;
}

bool fletch_thrift_next(struct fletch_thrift_reader *reader,
                        struct fletch_thrift_field *field)
{
    uint8_t byte = get_u8(reader);
    int64_t id;

    if (reader->problem[0] || byte == FLETCH_THRIFT_STOP)
        return false;
    field->type = byte & 0x0f;
    if (field->type == FLETCH_THRIFT_STOP || field->type > FLETCH_THRIFT_UUID)
        fletch_thrift_problem(reader, "field type %d, expected 1 to 13", (int)field->type);
    id = byte >> 4 ? field->id + (byte >> 4) : fletch_unzigzag(get_varint(reader));
    if (id < INT16_MIN || id > INT16_MAX)
        fletch_thrift_problem(reader, "field id %" PRId64 ", expected 16 bits", id);
    field->id = reader->problem[0] ? 0 : (int)id;
    return !reader->problem[0];
}

static bool want(struct fletch_thrift_reader *reader, bool right,
                 enum fletch_thrift_type found, const char *expected)
{
    if (!right)
        fletch_thrift_problem(reader, "a value of type %d, expected %s", (int)found,
                              expected);
    return !reader->problem[0];
}

int64_t fletch_thrift_get_int(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type, int64_t min, int64_t max)
{
    int64_t value;

    if (!want(reader, type >= FLETCH_THRIFT_I8 && type <= FLETCH_THRIFT_I64, type,
              "an integer"))
        return 0;
    if (type == FLETCH_THRIFT_I8)
        value = (int8_t)get_u8(reader);
    else
        value = fletch_unzigzag(get_varint(reader));
    if (!reader->problem[0] && (value < min || value > max))
        fletch_thrift_problem(reader,
                              "the number %" PRId64 ", expected %" PRId64 " to %" PRId64,
                              value, min, max);
    return reader->problem[0] ? 0 : value;
}

bool fletch_thrift_get_bool(struct fletch_thrift_reader *reader,
                            enum fletch_thrift_type type)
{
    return want(reader, type == FLETCH_THRIFT_TRUE || type == FLETCH_THRIFT_FALSE, type,
                "a boolean") &&
           type == FLETCH_THRIFT_TRUE;
}

const uint8_t *fletch_thrift_get_bytes(struct fletch_thrift_reader *reader,
                                       enum fletch_thrift_type type, size_t *size)
{
    const uint8_t *bytes = NULL;
    uint64_t len = 0;

    if (want(reader, type == FLETCH_THRIFT_BINARY, type, "bytes"))
        len = get_varint(reader);
    *size = 0;
    if (have(reader, len)) {
        bytes = reader->bytes + reader->pos;
        *size = (size_t)len;
        reader->pos += *size;
    }
    return bytes;
}

bool fletch_thrift_get_struct(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type)
{
    return want(reader, type == FLETCH_THRIFT_STRUCT, type, "a struct");
}

/* List header: count and element type; the count is checked against the bytes left. */
static uint64_t get_list_header(struct fletch_thrift_reader *reader,
                                enum fletch_thrift_type *item, size_t item_size)
{
    uint8_t byte = get_u8(reader);
    uint64_t count = byte >> 4;

    if (count == 15)
        count = get_varint(reader);
    *item = byte & 0x0f;
    if (!reader->problem[0] && count > left(reader) / item_size) {
        fletch_thrift_problem(reader,
                              "a list of %" PRIu64 " elements, but %zu bytes are left",
                              count, left(reader));
        reader->ended = true;
    }
    return reader->problem[0] ? 0 : count;
}

size_t fletch_thrift_get_list(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type, enum fletch_thrift_type item,
                              size_t item_size)
{
    enum fletch_thrift_type found = item;
    uint64_t count = 0;

    if (want(reader, type == FLETCH_THRIFT_LIST || type == FLETCH_THRIFT_SET, type,
             "a list"))
        count = get_list_header(reader, &found, item_size);
    if (count && found != item) {
        fletch_thrift_problem(reader, "a list of type %d, expected %d", (int)found,
                              (int)item);
        count = 0;
    }
    return (size_t)count;
}

/* In lists and maps a boolean takes a byte of its own, unlike in a field: skipping an
 * element always consumes bytes. */
static enum fletch_thrift_type as_element(enum fletch_thrift_type type)
{
    bool is_bool = type == FLETCH_THRIFT_TRUE || type == FLETCH_THRIFT_FALSE;

    return is_bool ? FLETCH_THRIFT_I8 : type;
}

static void skip_items(struct fletch_thrift_reader *reader, uint64_t count,
                       enum fletch_thrift_type key, enum fletch_thrift_type value)
{
    for (uint64_t i = 0; i < count && !reader->problem[0]; i++) {
        if (key != FLETCH_THRIFT_STOP)
            fletch_thrift_skip(reader, key);
        fletch_thrift_skip(reader, value);
    }
}

/* Map header: count, and one byte of both types unless it is empty. */
static void skip_map(struct fletch_thrift_reader *reader)
{
    uint64_t count = get_varint(reader);
    uint8_t types = count ? get_u8(reader) : 0;

    if (!reader->problem[0] && count > left(reader) / 2) /* a byte each, at least */
        fletch_thrift_problem(reader, "a map of %" PRIu64 " pairs, but %zu bytes are left",
                              count, left(reader));
    if (count && !(types >> 4))
        fletch_thrift_problem(reader, "map key type 0, expected 1 to 13");
    if (!reader->problem[0])
        skip_items(reader, count, as_element(types >> 4), as_element(types & 0x0f));
}

static void skip_list(struct fletch_thrift_reader *reader)
{
    enum fletch_thrift_type item;
    uint64_t count = get_list_header(reader, &item, 1);

    skip_items(reader, count, FLETCH_THRIFT_STOP, as_element(item));
}

static void skip_bytes(struct fletch_thrift_reader *reader, uint64_t size)
{
    if (have(reader, size))
        reader->pos += (size_t)size;
}

static void skip_nested(struct fletch_thrift_reader *reader, enum fletch_thrift_type type)
{
    if (reader->depth >= FLETCH_THRIFT_DEPTH_MAX) {
        fletch_thrift_problem(
            reader, "nested more than %d deep, the limit (FLETCH_THRIFT_DEPTH_MAX)",
            FLETCH_THRIFT_DEPTH_MAX);
        return;
    }
    reader->depth++;
    if (type == FLETCH_THRIFT_STRUCT) {
        struct fletch_thrift_field field = { 0 };

        while (fletch_thrift_next(reader, &field))
            fletch_thrift_skip(reader, field.type);
    } else if (type == FLETCH_THRIFT_MAP) {
        skip_map(reader);
    } else {
        skip_list(reader);
    }
    reader->depth--;
}

void fletch_thrift_skip(struct fletch_thrift_reader *reader, enum fletch_thrift_type type)
{
    switch (type) {
    case FLETCH_THRIFT_TRUE:
    case FLETCH_THRIFT_FALSE:
        break;
    case FLETCH_THRIFT_I8:
        skip_bytes(reader, 1);
        break;
    case FLETCH_THRIFT_I16:
    case FLETCH_THRIFT_I32:
    case FLETCH_THRIFT_I64:
        get_varint(reader);
        break;
    case FLETCH_THRIFT_DOUBLE:
        skip_bytes(reader, 8);
        break;
    case FLETCH_THRIFT_UUID:
        skip_bytes(reader, 16);
        break;
    case FLETCH_THRIFT_BINARY:
        skip_bytes(reader, get_varint(reader));
        break;
    case FLETCH_THRIFT_LIST:
    case FLETCH_THRIFT_SET:
    case FLETCH_THRIFT_MAP:
    case FLETCH_THRIFT_STRUCT:
        skip_nested(reader, type);
        break;
    case FLETCH_THRIFT_STOP:
    default:
        fletch_thrift_problem(reader, "a value of type %d, expected 1 to 13", (int)type);
    }
}

enum fletch_status fletch_thrift_status(const struct fletch_thrift_reader *reader,
                                        uint64_t base, const char *what,
                                        struct fletch_error *err)
{
    if (!reader->problem[0])
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: at byte %" PRIu64 ": %s", what,
                       base + reader->problem_at, reader->problem);
}
