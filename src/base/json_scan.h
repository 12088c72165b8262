/* SPDX-License-Identifier: MIT */
/* json_scan.h - a strict JSON cursor that knows its position in the file
 *
 * For headers of up to a hundred million bytes: one pass, no tree, no recursion. It is
 * stricter than JSON where the weights formats are: whole numbers are plain decimals of 64
 * bits. The text must be valid UTF-8 before the scan begins. Every message begins with
 * "byte N: ", counted from the start of the file, or with "line N, column M: " for text
 * that people wrote.
 */
#ifndef FLETCH_BASE_JSON_SCAN_H
#define FLETCH_BASE_JSON_SCAN_H

#include "base/error.h"
#include "base/mem.h"

/* Levels of nesting; the reference implementation has the same limit. */
#define FLETCH_JSON_SCAN_DEPTH_MAX 128

struct fletch_json_scan {
    const char *text; /* [size] */
    size_t size;
    size_t pos;
    uint64_t base;              /* offset of text[0] in the file */
    bool by_lines;              /* messages say line and column, not byte */
    struct fletch_arena *arena; /* for strings with escapes */
    struct fletch_error *err;
};

/* A decoded string, not terminated: a name may contain a NUL. Borrowed from the text, or
 * from the arena if it had escapes. */
struct fletch_json_scan_text {
    const char *text;
    size_t len;
    uint64_t at; /* offset of its first quote in the file */
};

/* Reports a failure at byte `at` of the file. */
enum fletch_status fletch_json_scan_fail(const struct fletch_json_scan *scan, uint64_t at,
                                         enum fletch_status status, const char *format, ...)
    FLETCH_PRINTF(4, 5);
/* "found X, expected `expected`" at the cursor. */
enum fletch_status fletch_json_scan_unexpected(const struct fletch_json_scan *scan,
                                               const char *expected);

/* The cursor's offset in the file. */
uint64_t fletch_json_scan_at(const struct fletch_json_scan *scan);
/* Moves the cursor to the next character that is not white space and returns it; 0 at the
 * end. */
char fletch_json_scan_peek(struct fletch_json_scan *scan);
/* Skips white space, then `c`. */
enum fletch_status fletch_json_scan_expect(struct fletch_json_scan *scan, char c,
                                           const char *expected);
enum fletch_status fletch_json_scan_string(struct fletch_json_scan_text *out,
                                           struct fletch_json_scan *scan,
                                           const char *expected);
enum fletch_status fletch_json_scan_whole(uint64_t *out, struct fletch_json_scan *scan);
/* Skips any value and checks its grammar; `depth` levels are open around it. */
enum fletch_status fletch_json_scan_skip(struct fletch_json_scan *scan, size_t depth);

/* Walks an object, starting after its '{': skips the separator between members, then the
 * next key and its colon. *more is false after the '}'. Pass `first` before the first
 * member. */
enum fletch_status fletch_json_scan_member(bool *more, struct fletch_json_scan_text *key,
                                           struct fletch_json_scan *scan, bool first);
/* The same after a '['; leaves the cursor before the element. */
enum fletch_status fletch_json_scan_element(bool *more, struct fletch_json_scan *scan,
                                            bool first);

bool fletch_json_scan_text_is(const struct fletch_json_scan_text *text, const char *word);

#endif
