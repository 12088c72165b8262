/* SPDX-License-Identifier: MIT */
/* emit.h - JSON text as Python's json.dumps(indent=2) writes it, key by key
 *
 * Straight into a buffer, without a tree: metadata.json of a large model has a hundred
 * thousand values. Errors are the buffer's, asked for once at the end.
 */
#ifndef FLETCH_CONVERT_EMIT_H
#define FLETCH_CONVERT_EMIT_H

#include "base/json.h"

struct fletch_emit {
    struct fletch_buf *buf;
    unsigned depth;
    bool started; /* the open object or array has an entry */
    bool keyed;   /* a key waits for its value */
};

/* Within an object: the key of the next value. */
void fletch_emit_key(struct fletch_emit *emit, const char *key);
/* An object or array, '{' or '[', and its end, '}' or ']'. */
void fletch_emit_open(struct fletch_emit *emit, char bracket);
void fletch_emit_close(struct fletch_emit *emit, char bracket);

/* NULL is null. */
void fletch_emit_text(struct fletch_emit *emit, const char *text);
void fletch_emit_count(struct fletch_emit *emit, uint64_t count);
void fletch_emit_real(struct fletch_emit *emit, double value);
void fletch_emit_bool(struct fletch_emit *emit, bool value);
/* Any value; NULL is null. */
void fletch_emit_json(struct fletch_emit *emit, const json_t *value);

#endif
