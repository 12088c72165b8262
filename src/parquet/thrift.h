/* SPDX-License-Identifier: MIT */
/* thrift.h - the part of Thrift's compact protocol that Parquet uses
 *
 * Errors are sticky both ways: write or read freely, check once. Input is untrusted: every
 * count is checked against the bytes left, nesting is bounded, and unknown fields of every
 * type are skipped.
 */
#ifndef FLETCH_PARQUET_THRIFT_H
#define FLETCH_PARQUET_THRIFT_H

#include "base/buf.h"
#include "base/error.h"

enum fletch_thrift_type {
    FLETCH_THRIFT_STOP = 0,
    FLETCH_THRIFT_TRUE = 1,
    FLETCH_THRIFT_FALSE = 2,
    FLETCH_THRIFT_I8 = 3,
    FLETCH_THRIFT_I16 = 4,
    FLETCH_THRIFT_I32 = 5,
    FLETCH_THRIFT_I64 = 6,
    FLETCH_THRIFT_DOUBLE = 7,
    FLETCH_THRIFT_BINARY = 8,
    FLETCH_THRIFT_LIST = 9,
    FLETCH_THRIFT_SET = 10,
    FLETCH_THRIFT_MAP = 11,
    FLETCH_THRIFT_STRUCT = 12,
    FLETCH_THRIFT_UUID = 13
};

/* Parquet's own structs nest 6 deep; skipped fields may nest this deep. */
#define FLETCH_THRIFT_DEPTH_MAX 32
/* Bytes of an i32 whose varint is padded to be patched later. */
#define FLETCH_THRIFT_WIDE_SIZE 5

/* ---- Writing ---- */

struct fletch_thrift_writer {
    struct fletch_buf *buf;
    int last[8]; /* the previous field id, per nesting level */
    unsigned depth;
};

void fletch_thrift_put_int(struct fletch_thrift_writer *writer, int id,
                           enum fletch_thrift_type type, int64_t value);
void fletch_thrift_put_i32(struct fletch_thrift_writer *writer, int id, int32_t value);
void fletch_thrift_put_i64(struct fletch_thrift_writer *writer, int id, int64_t value);
/* Writes an i32 as a varint of FLETCH_THRIFT_WIDE_SIZE bytes. */
void fletch_thrift_put_wide(struct fletch_thrift_writer *writer, int id, int32_t value);
void fletch_thrift_put_bytes(struct fletch_thrift_writer *writer, int id, const void *bytes,
                             size_t size);
void fletch_thrift_put_text(struct fletch_thrift_writer *writer, int id, const char *text);
/* Write the fields of the inner struct between begin and end. */
void fletch_thrift_begin_struct(struct fletch_thrift_writer *writer, int id);
/* Ends the innermost struct, or the outermost if none was begun. */
void fletch_thrift_end_struct(struct fletch_thrift_writer *writer);
/* Then write `count` elements: item_* for plain ones, begin_item and end_struct around
 * structs. */
void fletch_thrift_put_list(struct fletch_thrift_writer *writer, int id,
                            enum fletch_thrift_type type, size_t count);
void fletch_thrift_item_int(struct fletch_thrift_writer *writer, int64_t value);
void fletch_thrift_item_bytes(struct fletch_thrift_writer *writer, const void *bytes,
                              size_t size);
void fletch_thrift_begin_item(struct fletch_thrift_writer *writer);
/* Plain ULEB128, which level runs also begin with. */
void fletch_put_varint(struct fletch_buf *buf, uint64_t value);
/* Reads the varint at bytes[*pos] and advances *pos. False when the bytes end first, or
 * when it is longer than 10 bytes or 64 bits. */
bool fletch_get_varint(const uint8_t *bytes, size_t size, size_t *pos, uint64_t *value);
int64_t fletch_unzigzag(uint64_t value);
void fletch_store_wide(uint8_t out[FLETCH_THRIFT_WIDE_SIZE], int32_t value);

/* ---- Reading ---- */

struct fletch_thrift_reader {
    const uint8_t *bytes; /* [size] */
    size_t size;
    size_t pos;
    unsigned depth;
    bool ended;        /* the problem is that the bytes ended; more of them may help */
    char problem[120]; /* "": none */
    size_t problem_at;
};

/* Zero it before the first field of a struct. */
struct fletch_thrift_field {
    int id;
    enum fletch_thrift_type type;
};

/* The next field, whose value must then be read or skipped; false at the struct's end, and
 * after any problem. */
bool fletch_thrift_next(struct fletch_thrift_reader *reader,
                        struct fletch_thrift_field *field);
/* Read a value: 0, empty or false after a problem, including a value of another type. */
int64_t fletch_thrift_get_int(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type, int64_t min, int64_t max);
bool fletch_thrift_get_bool(struct fletch_thrift_reader *reader,
                            enum fletch_thrift_type type);
/* Borrowed from the input. */
const uint8_t *fletch_thrift_get_bytes(struct fletch_thrift_reader *reader,
                                       enum fletch_thrift_type type, size_t *size);
/* Reads the count of a list of `item` elements, each at least item_size bytes long. */
size_t fletch_thrift_get_list(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type, enum fletch_thrift_type item,
                              size_t item_size);
/* Only checks that the type is a struct. */
bool fletch_thrift_get_struct(struct fletch_thrift_reader *reader,
                              enum fletch_thrift_type type);
void fletch_thrift_skip(struct fletch_thrift_reader *reader, enum fletch_thrift_type type);
/* Records a problem at the current byte, unless there is one already. */
void fletch_thrift_problem(struct fletch_thrift_reader *reader, const char *format, ...)
    FLETCH_PRINTF(2, 3);
/* FORMAT with the byte offset, counted from `base`, the offset of bytes[0]. */
enum fletch_status fletch_thrift_status(const struct fletch_thrift_reader *reader,
                                        uint64_t base, const char *what,
                                        struct fletch_error *err);

#endif
