/* SPDX-License-Identifier: MIT */
/* report.h - what commands say: results on stdout as a table or JSON, talk on stderr
 *
 * Each line of talk is one write(), with "fletch: " in front; without any memory too.
 */
#ifndef FLETCH_CLI_REPORT_H
#define FLETCH_CLI_REPORT_H

#include "text.h"

#include <fletch/fletch.h>

#include <stdarg.h>

enum fletch_exit {
    FLETCH_EXIT_DONE = 0,
    FLETCH_EXIT_FAILED = 1,
    FLETCH_EXIT_MISUSED = 2,
    FLETCH_EXIT_SIGNAL = 128 /* plus its number: 130 for an interrupt */
};

/* ---- Talk ---- */

__attribute__((format(printf, 1, 2))) void fletch_say(const char *format, ...);
__attribute__((format(printf, 1, 0))) void fletch_sayv(const char *format, va_list values);
/* The same without "fletch: ": more about the line before. */
__attribute__((format(printf, 1, 2))) void fletch_hint(const char *format, ...);
/* Says the error and returns the exit code: FLETCH_EXIT_MISUSED for FLETCH_ERR_ARGUMENT,
 * FLETCH_EXIT_FAILED for every other. */
int fletch_say_failed(const struct fletch_error *err);
/* Ends stdout. FLETCH_EXIT_FAILED, and a line of talk, when not all of it could be written;
 * a reader that has gone away is no failure. */
int fletch_report_finish(void);

/* ---- JSON ---- */

#define FLETCH_REPORT_DEPTH 4

/* One JSON value on stdout, written as it is told. Keys are NULL within arrays. */
struct fletch_report {
    struct fletch_text text; /* of the value at hand */
    unsigned depth;
    char close[FLETCH_REPORT_DEPTH];  /* [depth] */
    bool flat[FLETCH_REPORT_DEPTH];   /* on one line */
    bool filled[FLETCH_REPORT_DEPTH]; /* has a value already */
};

/* `open` is '{' or '['. */
void fletch_report_begin(struct fletch_report *report, const char *key, char open,
                         bool flat);
/* Ends what was begun last; the outermost ends the line too. */
void fletch_report_end(struct fletch_report *report);
void fletch_report_text(struct fletch_report *report, const char *key, const char *value);
void fletch_report_count(struct fletch_report *report, const char *key, uint64_t value);
/* null for what JSON has no number for. */
void fletch_report_real(struct fletch_report *report, const char *key, double value);
void fletch_report_bool(struct fletch_report *report, const char *key, bool value);
void fletch_report_shape(struct fletch_report *report, const char *key,
                         const uint64_t *shape, unsigned rank);
/* A value that is JSON already, indented by two. */
void fletch_report_json(struct fletch_report *report, const char *key, const char *json);

/* What a command that reads `path` and failed says as a whole. */
void fletch_report_failure(const char *path, const struct fletch_error *err);

/* ---- Tables ---- */

struct fletch_grid_column {
    const char *title;
    bool right; /* aligned so */
    bool cuts;  /* names: may be shortened on a terminal that is too narrow */
};

/* Cells are put row by row and printed when all widths are known. */
struct fletch_grid {
    const struct fletch_grid_column *columns; /* [columns_count] */
    size_t columns_count;
    struct fletch_text cells; /* each: full form, NUL, brief form, NUL */
};

void fletch_grid_put(struct fletch_grid *grid, const char *full);
/* `brief` stands for it where the terminal is narrow. */
void fletch_grid_put_either(struct fletch_grid *grid, const char *full, const char *brief);
void fletch_grid_put_name(struct fletch_grid *grid, const char *name);
void fletch_grid_put_count(struct fletch_grid *grid, uint64_t count);
void fletch_grid_put_size(struct fletch_grid *grid, uint64_t size);
void fletch_grid_put_shape(struct fletch_grid *grid, const uint64_t *shape, unsigned rank);
/* To stdout, and releases the cells. Where stdout is a terminal and the rows are wider,
 * brief forms are used and then names shortened; otherwise everything is shown in full. */
void fletch_grid_print(struct fletch_grid *grid);

#endif
