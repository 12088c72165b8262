/* SPDX-License-Identifier: MIT */
/* report.c - see report.h */
#include "report.h"

#include "shorten.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What was reported lacks something for want of memory; fletch_report_finish says so. */
static bool incomplete;

/* ---- Talk ---- */

/* Without any memory for it, what is said is cut here. */
#define LAST_WORDS_MAX 1024

/* What no memory could be had for, in plain ASCII. */
static size_t put_last_words(char *out, size_t size, const char *text)
{
    for (; *text && size < LAST_WORDS_MAX - 1; text++)
        out[size++] = (char)(*text < ' ' || *text > '~' ? '?' : *text);
    return size;
}

/* Talk that cannot be written does not stop the work. */
static void say_line(const char *front, const char *line)
{
    struct fletch_text text = { 0 };
    char last[LAST_WORDS_MAX];
    const char *said = last;
    size_t size;

    fletch_text_add(&text, front);
    fletch_text_safe(&text, line);
    fletch_text_add(&text, "\n");
    if (text.failed) {
        size = put_last_words(last, put_last_words(last, 0, front), line);
        last[size++] = '\n';
    } else {
        said = fletch_text_string(&text);
        size = text.size;
    }
    if (write(STDERR_FILENO, said, size) < 0)
        errno = 0;
    fletch_text_release(&text);
}

__attribute__((format(printf, 2, 0))) static void
say_values(const char *front, const char *format, va_list values)
{
    struct fletch_text text = { 0 };
    char last[LAST_WORDS_MAX];
    va_list again;

    va_copy(again, values);
    fletch_text_addv(&text, format, values);
    if (text.failed)
        vsnprintf(last, sizeof(last), format, again);
    va_end(again);
    say_line(front, text.failed ? last : fletch_text_string(&text));
    fletch_text_release(&text);
}

void fletch_sayv(const char *format, va_list values)
{
    say_values("fletch: ", format, values);
}

void fletch_say(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fletch_sayv(format, values);
    va_end(values);
}

void fletch_hint(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    say_values("", format, values);
    va_end(values);
}

int fletch_say_failed(const struct fletch_error *err)
{
    say_line("fletch: ", err->message[0] ? err->message : fletch_status_name(err->status));
    return err->status == FLETCH_ERR_ARGUMENT ? FLETCH_EXIT_MISUSED : FLETCH_EXIT_FAILED;
}

int fletch_report_finish(void)
{
    int lost = 0;

    errno = 0;
    if (fflush(stdout) || ferror(stdout))
        lost = errno ? errno : EIO;
    else if (incomplete)
        lost = ENOMEM;
    if (lost == 0 || lost == EPIPE)
        return FLETCH_EXIT_DONE;
    fletch_say("stdout: %s", strerror(lost));
    return FLETCH_EXIT_FAILED;
}

/* ---- JSON ---- */

static void start_value(struct fletch_report *report, const char *key)
{
    fletch_text_clear(&report->text);
    if (report->depth > 0) {
        unsigned top = report->depth - 1;

        if (report->filled[top])
            fputs(report->flat[top] ? ", " : ",", stdout);
        if (!report->flat[top])
            printf("\n%*s", (int)report->depth * 2, "");
        report->filled[top] = true;
    }
    if (key) {
        fletch_text_json(&report->text, key);
        fletch_text_add(&report->text, ": ");
    }
}

static void end_value(struct fletch_report *report)
{
    incomplete |= report->text.failed;
    fputs(fletch_text_string(&report->text), stdout);
}

void fletch_report_begin(struct fletch_report *report, const char *key, char open,
                         bool flat)
{
    start_value(report, key);
    fletch_text_put(&report->text, &open, 1);
    end_value(report);
    report->close[report->depth] = open == '{' ? '}' : ']';
    report->flat[report->depth] = flat;
    report->filled[report->depth] = false;
    report->depth++;
}

void fletch_report_end(struct fletch_report *report)
{
    unsigned top = --report->depth;

    if (report->filled[top] && !report->flat[top])
        printf("\n%*s", (int)top * 2, "");
    putchar(report->close[top]);
    if (top == 0) {
        putchar('\n');
        fletch_text_release(&report->text);
    }
}

void fletch_report_text(struct fletch_report *report, const char *key, const char *value)
{
    start_value(report, key);
    if (value)
        fletch_text_json(&report->text, value);
    else
        fletch_text_add(&report->text, "null");
    end_value(report);
}

void fletch_report_count(struct fletch_report *report, const char *key, uint64_t value)
{
    start_value(report, key);
    fletch_text_addf(&report->text, "%" PRIu64, value);
    end_value(report);
}

void fletch_report_real(struct fletch_report *report, const char *key, double value)
{
    char number[FLETCH_NUMBER_CAP];

    start_value(report, key);
    fletch_text_add(&report->text,
                    isfinite(value) ? fletch_text_real(number, value) : "null");
    end_value(report);
}

void fletch_report_bool(struct fletch_report *report, const char *key, bool value)
{
    start_value(report, key);
    fletch_text_add(&report->text, value ? "true" : "false");
    end_value(report);
}

void fletch_report_shape(struct fletch_report *report, const char *key,
                         const uint64_t *shape, unsigned rank)
{
    start_value(report, key);
    fletch_text_shape(&report->text, shape, rank);
    end_value(report);
}

void fletch_report_json(struct fletch_report *report, const char *key, const char *json)
{
    start_value(report, key);
    for (const char *line = json; *line;) {
        size_t len = strcspn(line, "\n");

        fletch_text_put(&report->text, line, len);
        if (line[len])
            fletch_text_add(&report->text, "\n  ");
        line += len + (line[len] != '\0');
    }
    end_value(report);
}

void fletch_report_failure(const char *path, const struct fletch_error *err)
{
    struct fletch_report report = { 0 };

    fletch_report_begin(&report, NULL, '{', false);
    fletch_report_bool(&report, "success", false);
    fletch_report_text(&report, "path", path);
    fletch_report_text(&report, "status", fletch_status_name(err->status));
    fletch_report_text(&report, "error_message", err->message);
    fletch_report_end(&report);
}

/* ---- Tables ---- */

/* Between two columns. */
#define GAP 2
/* A name that is cut keeps at least this much. */
#define CUT_MIN 24
/* No table of ours is wider. */
#define COLUMNS_MAX 8

void fletch_grid_put_either(struct fletch_grid *grid, const char *full, const char *brief)
{
    fletch_text_put(&grid->cells, full, strlen(full) + 1);
    fletch_text_put(&grid->cells, brief, strlen(brief) + 1);
}

void fletch_grid_put(struct fletch_grid *grid, const char *full)
{
    fletch_grid_put_either(grid, full, full);
}

void fletch_grid_put_name(struct fletch_grid *grid, const char *name)
{
    struct fletch_text safe = { 0 };

    fletch_text_safe(&safe, name);
    grid->cells.failed |= safe.failed;
    fletch_grid_put(grid, fletch_text_string(&safe));
    fletch_text_release(&safe);
}

void fletch_grid_put_count(struct fletch_grid *grid, uint64_t count)
{
    char full[FLETCH_NUMBER_CAP], brief[FLETCH_NUMBER_CAP];

    fletch_grid_put_either(grid, fletch_text_count(full, count),
                           fletch_text_brief(brief, count));
}

void fletch_grid_put_size(struct fletch_grid *grid, uint64_t size)
{
    char number[FLETCH_NUMBER_CAP];

    fletch_grid_put(grid, fletch_text_size(number, size));
}

void fletch_grid_put_shape(struct fletch_grid *grid, const uint64_t *shape, unsigned rank)
{
    struct fletch_text text = { 0 };

    fletch_text_shape(&text, shape, rank);
    grid->cells.failed |= text.failed;
    fletch_grid_put(grid, fletch_text_string(&text));
    fletch_text_release(&text);
}

/* 0 when stdout is no terminal: no limit. */
static size_t terminal_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
        return 0;
    return size.ws_col;
}

static const char *next_string(const char *string)
{
    return string + strlen(string) + 1;
}

/* Fills in the widths, and returns that of a whole row. */
static size_t measure(size_t *widths, const struct fletch_grid *grid, bool brief)
{
    const char *cells = fletch_text_string(&grid->cells);
    size_t column = 0, all = 0;

    for (size_t i = 0; i < grid->columns_count; i++)
        widths[i] = strlen(grid->columns[i].title);
    for (const char *cell = cells; cell < cells + grid->cells.size;) {
        const char *other = next_string(cell);
        size_t width = fletch_text_columns(brief ? other : cell);

        if (width > widths[column])
            widths[column] = width;
        column = column + 1 < grid->columns_count ? column + 1 : 0;
        cell = next_string(other);
    }
    for (size_t i = 0; i < grid->columns_count; i++)
        all += widths[i] + (i ? GAP : 0);
    return all;
}

static void put_cell(struct fletch_text *line, const struct fletch_grid *grid,
                     size_t column, const char *cell, size_t width)
{
    size_t columns = fletch_text_columns(cell), start;

    if (column > 0)
        fletch_text_fill(line, ' ', GAP);
    if (grid->columns[column].right && columns < width)
        fletch_text_fill(line, ' ', width - columns);
    start = line->size;
    fletch_text_add(line, cell);
    columns = fletch_text_columns(fletch_text_string(line) + start);
    if (column + 1 < grid->columns_count) {
        if (!grid->columns[column].right && columns < width)
            fletch_text_fill(line, ' ', width - columns);
        return;
    }
    while (line->size && line->bytes[line->size - 1] == ' ')
        line->size--;
    fletch_text_add(line, "\n");
}

/* As wide as the terminal allows. Returns whether brief forms are called for. */
static bool fit(size_t *widths, const struct fletch_grid *grid)
{
    size_t limit = terminal_columns(), all = measure(widths, grid, false);
    bool brief = limit > 0 && all > limit;

    if (brief)
        all = measure(widths, grid, true);
    for (size_t i = 0; i < grid->columns_count && limit > 0 && all > limit; i++) {
        size_t excess = all - limit;

        if (!grid->columns[i].cuts || widths[i] <= CUT_MIN)
            continue;
        if (excess > widths[i] - CUT_MIN)
            excess = widths[i] - CUT_MIN;
        widths[i] -= excess;
        all -= excess;
    }
    return brief;
}

/* Names in the narrow columns are made shorter; where that cannot be done so that they stay
 * apart, the column keeps its width and the terminal wraps the lines. */
static void narrow(size_t *widths, struct fletch_text *names, const char **cells,
                   const struct fletch_grid *grid, size_t rows)
{
    for (size_t i = 0; i < grid->columns_count; i++) {
        size_t step = grid->columns_count, longest = strlen(grid->columns[i].title);

        for (size_t row = 0; row < rows; row++) {
            size_t width = fletch_text_columns(cells[row * step + i]);

            longest = width > longest ? width : longest;
        }
        if (longest > widths[i] &&
            !fletch_names_shorten(&names[i], cells + i, rows, step, widths[i]))
            widths[i] = longest;
    }
}

/* All cells in the one form or the other, row by row; NULL when memory ran out. */
static const char **list_cells(size_t *count, const struct fletch_grid *grid, bool brief)
{
    const char *text = fletch_text_string(&grid->cells), **cells;

    *count = 0;
    for (const char *cell = text; cell < text + grid->cells.size;
         cell = next_string(next_string(cell)))
        ++*count;
    cells = calloc(*count + 1, sizeof(*cells));
    for (size_t i = 0; cells && i < *count; i++) {
        cells[i] = brief ? next_string(text) : text;
        text = next_string(next_string(text));
    }
    return cells;
}

void fletch_grid_print(struct fletch_grid *grid)
{
    size_t widths[COLUMNS_MAX] = { 0 }, step = grid->columns_count, count;
    struct fletch_text names[COLUMNS_MAX] = { 0 }, line = { 0 };
    const char **cells = NULL;

    if (grid->cells.failed)
        goto done;
    cells = list_cells(&count, grid, fit(widths, grid));
    if (!cells)
        goto done;
    narrow(widths, names, cells, grid, count / step);
    for (size_t i = 0; i < step; i++)
        put_cell(&line, grid, i, grid->columns[i].title, widths[i]);
    for (size_t i = 0; i < count; i++) {
        if (i % step == 0) {
            fputs(fletch_text_string(&line), stdout);
            fletch_text_clear(&line);
        }
        put_cell(&line, grid, i % step, cells[i], widths[i % step]);
    }
    fputs(fletch_text_string(&line), stdout);
done:
    incomplete |= !cells || line.failed;
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        fletch_text_release(&names[i]);
    free(cells);
    fletch_text_release(&line);
    fletch_text_release(&grid->cells);
}
