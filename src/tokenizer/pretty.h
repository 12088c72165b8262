/* SPDX-License-Identifier: MIT */
/* pretty.h - JSON text as the tokenizers library writes it, key by key
 *
 * Two spaces, nothing escaped but what must be, no newline at the end, numbers as short as
 * they can be. Errors are the buffer's, asked for once at the end.
 */
#ifndef FLETCH_TOKENIZER_PRETTY_H
#define FLETCH_TOKENIZER_PRETTY_H

#include "base/buf.h"

struct fletch_pretty {
    struct fletch_buf *buf;
    unsigned depth;
    bool started; /* the open object or array has an entry */
    bool keyed;   /* a key waits for its value */
};

void fletch_pretty_key(struct fletch_pretty *pretty, const char *key);
void fletch_pretty_key_of(struct fletch_pretty *pretty, const char *key, size_t len);
/* An object or array, '{' or '[', and its end, '}' or ']'. */
void fletch_pretty_open(struct fletch_pretty *pretty, char bracket);
void fletch_pretty_close(struct fletch_pretty *pretty, char bracket);

void fletch_pretty_null(struct fletch_pretty *pretty);
void fletch_pretty_text(struct fletch_pretty *pretty, const char *text, size_t len);
void fletch_pretty_bool(struct fletch_pretty *pretty, bool value);
void fletch_pretty_count(struct fletch_pretty *pretty, uint64_t count);
void fletch_pretty_real(struct fletch_pretty *pretty, double value);
/* Bytes as base64 in a string. */
void fletch_pretty_base64(struct fletch_pretty *pretty, const uint8_t *bytes, size_t size);

/* A key with its value; a NULL text is null. */
void fletch_pretty_pair(struct fletch_pretty *pretty, const char *key, const char *text);
void fletch_pretty_flag(struct fletch_pretty *pretty, const char *key, bool value);
/* Opens an object with {"type": TYPE as its first entry. */
void fletch_pretty_type(struct fletch_pretty *pretty, const char *type);

#endif
