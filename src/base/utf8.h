/* SPDX-License-Identifier: MIT */
/* utf8.h - UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF */
#ifndef FLETCH_BASE_UTF8_H
#define FLETCH_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define FLETCH_UTF8_MAX 4 /* bytes of a code point */

/* Decodes the code point at text[0], in a text of `size` bytes, and returns how many bytes
 * it takes; 0 when there is no valid one. */
size_t fletch_utf8_get(uint32_t *out, const void *text, size_t size);
/* Encodes a code point and returns how many bytes it took. `point` is not a surrogate. */
size_t fletch_utf8_put(uint8_t out[FLETCH_UTF8_MAX], uint32_t point);
/* How many bytes of the text are valid from its start: `size` when all are. */
size_t fletch_utf8_span(const void *text, size_t size);
/* The length of a valid text when cut, between code points, to at most `most` bytes. */
size_t fletch_utf8_cut(const char *text, size_t len, size_t most);

#endif
