/* SPDX-License-Identifier: MIT */
/* json_scan.h - a strict JSON cursor that knows where in the file it stands
 *
 * For headers of up to a hundred million bytes: one pass, no tree, no recursion. Stricter
 * than JSON where the weights formats are: whole numbers are plain decimals of 64 bits.
 * The text must be valid UTF-8 before the scan begins. Every message begins "byte N: ", N
 * counting from the start of the file, or "line N, column M: " where people wrote the text.
 */
#ifndef FLETCH_BASE_JSON_SCAN_H
#define FLETCH_BASE_JSON_SCAN_H

#include "base/error.h"
#include "base/mem.h"

/* Levels of nesting, as the reference implementation bounds them. */
#define FLETCH_JSON_SCAN_DEPTH_MAX 128

struct fletch_json_scan {
    const char *text; /* [size] */
    size_t size;
    size_t pos;
    uint64_t base;              /* where text[0] lies in the file */
    bool by_lines;              /* messages say line and column, not byte */
    struct fletch_arena *arena; /* for strings that had escapes */
    struct fletch_error *err;
};

/* A decoded string, not terminated: a name may hold a NUL. Borrowed from the text, or from
 * the arena where it had escapes. */
struct fletch_json_scan_text {
    const char *text;
    size_t len;
    uint64_t at; /* of its first quote, in the file */
};

/* A failure at byte `at` of the file. */
enum fletch_status fletch_json_scan_fail(const struct fletch_json_scan *scan, uint64_t at,
                                         enum fletch_status status, const char *format, ...)
    FLETCH_PRINTF(4, 5);
/* "found X, expected `expected`" at the cursor. */
enum fletch_status fletch_json_scan_unexpected(const struct fletch_json_scan *scan,
                                               const char *expected);

/* Where the cursor stands in the file. */
uint64_t fletch_json_scan_at(const struct fletch_json_scan *scan);
/* The next character that is not white space, which becomes the cursor's; 0 at the end. */
char fletch_json_scan_peek(struct fletch_json_scan *scan);
/* Steps over `c` after white space. */
enum fletch_status fletch_json_scan_expect(struct fletch_json_scan *scan, char c,
                                           const char *expected);
enum fletch_status fletch_json_scan_string(struct fletch_json_scan_text *out,
                                           struct fletch_json_scan *scan,
                                           const char *expected);
enum fletch_status fletch_json_scan_whole(uint64_t *out, struct fletch_json_scan *scan);
/* Steps over any value, checking its grammar; `depth` levels are open around it. */
enum fletch_status fletch_json_scan_skip(struct fletch_json_scan *scan, size_t depth);

/* To walk an object behind its '{': steps over what separates its members, then over the
 * next key and its colon; *more is false behind the '}'. `first` before the first. */
enum fletch_status fletch_json_scan_member(bool *more, struct fletch_json_scan_text *key,
                                           struct fletch_json_scan *scan, bool first);
/* The same behind a '['; the cursor is then before the element. */
enum fletch_status fletch_json_scan_element(bool *more, struct fletch_json_scan *scan,
                                            bool first);

bool fletch_json_scan_text_is(const struct fletch_json_scan_text *text, const char *word);

#endif
