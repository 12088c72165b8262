/* SPDX-License-Identifier: MIT */
/* json_writer.h - JSON text, key by key, as one of two libraries writes it
 *
 * Python's json.dumps(indent=2), or serde_json's pretty printer, by which the tokenizers
 * library writes: that escapes nothing but what must be. Straight into a buffer, without a
 * tree: metadata.json of a large model has a hundred thousand values. Errors are the
 * buffer's, asked for once at the end.
 */
#ifndef FLETCH_BASE_JSON_WRITER_H
#define FLETCH_BASE_JSON_WRITER_H

#include "base/json.h"

struct fletch_json_writer {
    struct fletch_buf *buf;
    bool serde; /* strings and numbers as serde_json has them */
    unsigned depth;
    bool started; /* the open object or array has an entry */
    bool keyed;   /* a key waits for its value */
};

/* Within an object: the key of the next value. */
void fletch_json_write_key(struct fletch_json_writer *json, const char *key);
/* The same of `len` bytes; without `serde` a NUL must be behind them. */
void fletch_json_write_key_of(struct fletch_json_writer *json, const char *key, size_t len);
/* Begins an object or array with '{' or '[', and ends it with '}' or ']'. */
void fletch_json_write_open(struct fletch_json_writer *json, char bracket);
void fletch_json_write_close(struct fletch_json_writer *json, char bracket);

void fletch_json_write_null(struct fletch_json_writer *json);
/* As key_of. */
void fletch_json_write_text_of(struct fletch_json_writer *json, const char *text,
                               size_t len);
/* NULL is written as null. */
void fletch_json_write_text(struct fletch_json_writer *json, const char *text);
void fletch_json_write_count(struct fletch_json_writer *json, uint64_t count);
void fletch_json_write_real(struct fletch_json_writer *json, double value);
void fletch_json_write_bool(struct fletch_json_writer *json, bool value);
/* Any value; NULL is written as null. */
void fletch_json_write_json(struct fletch_json_writer *json, const json_t *value);
/* A key and its value; a NULL text is written as null. */
void fletch_json_write_pair(struct fletch_json_writer *json, const char *key,
                            const char *text);
void fletch_json_write_flag(struct fletch_json_writer *json, const char *key, bool value);

#endif
