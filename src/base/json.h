/* SPDX-License-Identifier: MIT */
/* json.h - the small JSON files beside a checkpoint, as jansson's values, with limits
 *
 * Errors: duplicate keys, NULs, invalid UTF-8, anything after the value, files over
 * FLETCH_JSON_SIZE_MAX and nesting over FLETCH_JSON_DEPTH_MAX. Whole numbers beyond 64 bits
 * are read as reals. JSON has no NaN, Infinity and -Infinity, which Python writes: they are
 * read as the strings "NaN", "Infinity" and "-Infinity", and written as those.
 */
#ifndef FLETCH_BASE_JSON_H
#define FLETCH_BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

/* The largest index of a published checkpoint is a few MB; a tokenizer.json with a
 * vocabulary of 256,000 pieces is about 35 MB. */
#define FLETCH_JSON_SIZE_MAX ((uint64_t)128 << 20)
#define FLETCH_JSON_DEPTH_MAX 128

/* Reads a JSON file whose top level is an object, or an array if `want_array`. Every
 * message begins with the path. NOT_FOUND, IO, FORMAT (with line and column), UNSUPPORTED
 * (naming the limit). The caller must json_decref *out. */
enum fletch_status fletch_json_load(json_t **out, const char *path, bool want_array,
                                    struct fletch_error *err);
/* The same from memory; the caller adds the file's name to errors. */
enum fletch_status fletch_json_parse(json_t **out, const char *text, size_t size,
                                     bool want_array, struct fletch_error *err);

/* "NaN", "Infinity" or "-Infinity" when the value is that word, either bare as Python
 * writes it or quoted; NULL for any other. */
const char *fletch_json_word(const json_t *value);

/* The value at a dotted path ("vision_config.hidden_size") below `object`: borrowed, or
 * NULL. */
const json_t *fletch_json_at(const json_t *object, const char *path);

/* Puts a value at that path and creates the objects on the way; always takes the reference.
 * False when out of memory, or when something else is in the way. */
bool fletch_json_put_at(json_t *object, const char *path, json_t *value);

/* Appends `text` as a JSON string: quoted, ASCII only, as Python's json.dumps writes it. */
void fletch_json_put_string(struct fletch_buf *buf, const char *text);
/* Appends a number as Python prints it: 1e-12, 1e-05, 0.1, 1.0; null for NaN and
 * infinities. */
void fletch_json_put_real(struct fletch_buf *buf, double value);
/* Appends any value as Python's json.dumps(indent=2) would at that indentation depth. */
void fletch_json_put(struct fletch_buf *buf, const json_t *value, unsigned depth);
/* "a string", "an object", ...: for sentences about what was found. */
const char *fletch_json_kind(const json_t *value);

#endif
