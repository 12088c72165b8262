/* SPDX-License-Identifier: MIT */
/* text.h - numbers, names and sentences as people and programs read them
 *
 * A text grows as it is added to and remembers a failed allocation, so callers add freely
 * and check once. Names come from untrusted files: what is shown goes through
 * fletch_text_safe, JSON through fletch_text_json.
 */
#ifndef FLETCH_CLI_TEXT_H
#define FLETCH_CLI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fletch_text {
    char *bytes; /* [size], and a NUL behind them; NULL while nothing was added */
    size_t size;
    size_t cap;
    bool failed; /* an allocation did; the text is incomplete */
};

/* Enough for every number below. */
#define FLETCH_NUMBER_CAP 32

void fletch_text_release(struct fletch_text *text);
/* Empties it and keeps its memory. */
void fletch_text_clear(struct fletch_text *text);
/* The text so far, never NULL. */
const char *fletch_text_string(const struct fletch_text *text);

void fletch_text_add(struct fletch_text *text, const char *string);
void fletch_text_put(struct fletch_text *text, const char *bytes, size_t size);
void fletch_text_fill(struct fletch_text *text, char byte, size_t count);
__attribute__((format(printf, 2, 3))) void fletch_text_addf(struct fletch_text *text,
                                                            const char *format, ...);
__attribute__((format(printf, 2, 0))) void
fletch_text_addv(struct fletch_text *text, const char *format, va_list values);
/* Control characters, and bytes that are no UTF-8, become \xNN: no name can move a
 * terminal's cursor or end a line. */
void fletch_text_safe(struct fletch_text *text, const char *string);
/* Quoted; bytes that are no UTF-8 become U+FFFD. */
void fletch_text_json(struct fletch_text *text, const char *string);
/* Words of `string` broken into lines of at most `width` columns, those after the first
 * indented. A line feed in it starts a new line. */
void fletch_text_wrap(struct fletch_text *text, const char *string, unsigned indent,
                      unsigned width);
/* "[30522,768]", "[]". */
void fletch_text_shape(struct fletch_text *text, const uint64_t *shape, unsigned rank);
/* "float16" of "torch.float16". */
const char *fletch_text_dtype(const char *dtype);

/* These write to `out` and return it. */
char *fletch_text_count(char out[FLETCH_NUMBER_CAP], uint64_t count); /* "109,482,240" */
char *fletch_text_brief(char out[FLETCH_NUMBER_CAP], uint64_t count); /* "109M" */
/* The shortest that reads back as the same number: "1.0", "8.14e-05". */
char *fletch_text_real(char out[FLETCH_NUMBER_CAP], double value);
/* The one form of sizes, in lines as in tables, at most 8 columns wide. */
char *fletch_text_size(char out[FLETCH_NUMBER_CAP], uint64_t size);   /* "418 MiB" */
char *fletch_text_clock(char out[FLETCH_NUMBER_CAP], double seconds); /* "1:07" */

/* Columns that it takes on a terminal: its code points. */
size_t fletch_text_columns(const char *string);
/* What was probably meant by a mistyped word: set `word`, then consider every name. */
struct fletch_nearest {
    const char *word;
    const char *name; /* NULL: none is near enough */
    unsigned edits;
};

void fletch_text_consider(struct fletch_nearest *nearest, const char *name);
/* layer.2 before layer.10. */
int fletch_text_compare(const char *a, const char *b);

#endif
