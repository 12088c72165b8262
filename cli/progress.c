/* SPDX-License-Identifier: MIT */
/* progress.c - see progress.h */
#include "progress.h"

#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Seconds: between two drawings; before the first, since work that is done by then needs no
 * bar; before a time left is told; between two plain lines, with and without much news. */
#define DRAW_EVERY 0.1
#define DRAW_FIRST 0.15
#define CLOCK_FIRST 0.5
#define LINE_EVERY 5.0
#define LINE_ANYWAY 30.0
/* Per cent that are news to a log. */
#define LINE_PERCENT 10.0

/* A line that is all of the terminal's width is cheap to read but not nice to look at. */
#define WIDTH_MAX 100
/* A narrower bar says nothing. */
#define BAR_MIN 8

#define CLEAR_LINE "\r\x1b[K"

/* What writing took of conversions of trained weights (`bench/run --only progress` says how
 * far the time left was off); the first that fits. */
static const struct {
    const char *codec; /* NULL: any */
    int64_t level_min;
    double share;
} WRITE_SHARES[] = {
    { "zstd", 0, 0.58 },
    { "gzip", 10, 0.90 },
    { "gzip", 0, 0.77 },
    { NULL, 0, 0.73 },
};

double fletch_meter_write_share(const struct fletch_args *args)
{
    const char *codec = args->codec ? args->codec : "zstd";
    int64_t level = args->level.given ? args->level.value : 0;
    size_t i = 0;

    if (args->skip_verify)
        return 1;
    while (WRITE_SHARES[i].codec &&
           (strcmp(WRITE_SHARES[i].codec, codec) != 0 || level < WRITE_SHARES[i].level_min))
        i++;
    return WRITE_SHARES[i].share;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void fletch_meter_start(struct fletch_meter *meter, const struct fletch_args *args,
                        double write_share)
{
    const char *terminal = getenv("TERM");

    *meter = (struct fletch_meter){ .quiet = args->quiet, .write_share = write_share };
    meter->started = now();
    meter->stage = FLETCH_STAGE_OPEN;
    if (args->quiet || args->no_progress)
        meter->kind = FLETCH_METER_NONE;
    else if (isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0)
        meter->kind = FLETCH_METER_BAR;
    else
        meter->kind = FLETCH_METER_LINES;
}

/* ---- The bar ---- */

/* How much of it fits, best first. */
static const struct layout {
    bool label, bar, words, count, rate, clock;
} LAYOUTS[] = {
    { true, true, true, true, true, true },
    { true, true, false, true, true, true },
    { false, true, false, true, true, true },
    { false, true, false, true, false, true },
    { false, true, false, false, false, true },
    { false, false, false, false, false, true },
    { false, false, false, false, false, false },
};

#define LAYOUTS_COUNT (sizeof(LAYOUTS) / sizeof(*LAYOUTS))

/* What stands behind the bar. */
static void describe(struct fletch_text *line, const struct fletch_meter *meter,
                     const struct fletch_progress *progress, const struct layout *layout)
{
    char number[FLETCH_NUMBER_CAP];
    double left = (1 - meter->percent / 100) / meter->share_rate;
    bool steady = meter->share_rate > 0 && meter->drawn - meter->started >= CLOCK_FIRST;

    if (layout->count) {
        int width = snprintf(number, sizeof(number), "%zu", progress->tensors_total);

        fletch_text_addf(line, " %*zu/%s%s", width, progress->tensors_done, number,
                         layout->words ? " tensors" : "");
    }
    if (layout->rate) {
        fletch_text_size(number, (uint64_t)meter->bytes_rate);
        fletch_text_addf(line, " %8s/s", number);
    }
    if (layout->clock) {
        fletch_text_clock(number, left);
        fletch_text_addf(line, " %6s%s", steady ? number : "-:--",
                         layout->words ? " left" : "");
    }
}

static void draw_bar(struct fletch_text *line, double percent, size_t width)
{
    size_t done = (size_t)((double)(width - 2) * percent / 100);

    fletch_text_add(line, "[");
    fletch_text_fill(line, '#', done);
    fletch_text_fill(line, '-', width - 2 - done);
    fletch_text_add(line, "]");
}

/* The line for a terminal of that width, in the best layout that leaves its last column
 * free: a terminal that has been written to its edge is about to wrap. */
static void compose(struct fletch_text *line, const struct fletch_meter *meter,
                    const struct fletch_progress *progress, size_t width)
{
    struct fletch_text tail = { 0 };
    const char *label = meter->stage == FLETCH_STAGE_WRITE ? "writing  " : "verifying";

    for (size_t i = 0; i < LAYOUTS_COUNT; i++) {
        const struct layout *layout = &LAYOUTS[i];
        size_t used = 4 + (layout->label ? strlen(label) + 1 : 0);

        fletch_text_clear(&tail);
        describe(&tail, meter, progress, layout);
        used += tail.size;
        if (used + (layout->bar ? BAR_MIN + 1 : 0) >= width && i + 1 < LAYOUTS_COUNT)
            continue;
        if (layout->label)
            fletch_text_addf(line, "%s ", label);
        /* Rounded down: 100 is for what is done. */
        fletch_text_addf(line, "%3d%%", (int)meter->percent);
        if (layout->bar) {
            fletch_text_add(line, " ");
            draw_bar(line, meter->percent, width - 2 - used);
        }
        fletch_text_add(line, fletch_text_string(&tail));
        break;
    }
    fletch_text_release(&tail);
}

/* 0 where nothing may be drawn: in the background of a shell. */
static size_t terminal_width(void)
{
    struct winsize size;
    pid_t front = tcgetpgrp(STDERR_FILENO);

    if (front >= 0 && front != getpgrp())
        return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

/* What has been gathered in the line, in one piece; a terminal that is gone ends it all. */
static void put_line(struct fletch_meter *meter)
{
    if (write(STDERR_FILENO, fletch_text_string(&meter->line), meter->line.size) < 0)
        meter->kind = FLETCH_METER_NONE;
}

static void draw(struct fletch_meter *meter, const struct fletch_progress *progress)
{
    size_t width = terminal_width();

    /* Four columns of per cent and a free one. */
    if (width < 5)
        return;
    fletch_text_clear(&meter->line);
    fletch_text_add(&meter->line, "\r");
    compose(&meter->line, meter, progress, width);
    fletch_text_add(&meter->line, "\x1b[K");
    put_line(meter);
    meter->shown = true;
}

static void clear(struct fletch_meter *meter)
{
    if (!meter->shown)
        return;
    fletch_text_clear(&meter->line);
    fletch_text_add(&meter->line, CLEAR_LINE);
    put_line(meter);
    meter->shown = false;
}

/* ---- Plain lines ---- */

static void say_stage(const struct fletch_progress *progress)
{
    char size[FLETCH_NUMBER_CAP];

    fletch_say("%s %zu tensor%s, %s",
               progress->stage == FLETCH_STAGE_WRITE ? "writing" : "verifying",
               progress->tensors_total, progress->tensors_total == 1 ? "" : "s",
               fletch_text_size(size, progress->total));
}

static void say_percent(const struct fletch_meter *meter,
                        const struct fletch_progress *progress)
{
    char left[FLETCH_NUMBER_CAP];

    fletch_text_clock(left, (1 - meter->percent / 100) / meter->share_rate);
    fletch_say("%d%%, %zu of %zu tensor%s, %s left", (int)meter->percent,
               progress->tensors_done, progress->tensors_total,
               progress->tensors_total == 1 ? "" : "s", left);
}

/* ---- Both ---- */

/* How much of all work is done, 0 to 1. */
static double share_done(const struct fletch_meter *meter,
                         const struct fletch_progress *progress)
{
    double part = progress->total ? (double)progress->done / (double)progress->total : 0;

    part = part > 1 ? 1 : part;
    if (progress->stage == FLETCH_STAGE_WRITE)
        return meter->write_share * part;
    return meter->write_share + (1 - meter->write_share) * part;
}

/* Averages over about the last third of the time: steady, and yet it follows. */
static void rate(struct fletch_meter *meter, const struct fletch_progress *progress,
                 double share, double time)
{
    bool again = meter->write_share > 0 && progress->stage == FLETCH_STAGE_VERIFY;
    double bytes = (double)progress->done + (again ? (double)progress->total : 0);
    double since = meter->rated > 0 ? meter->rated : meter->started;
    double passed = time - since, window = (time - meter->started) / 3;
    double weight = meter->rated > 0 ? passed / (window + passed) : 1;

    if (passed <= 0)
        return;
    meter->share_rate +=
        weight * ((share - meter->rated_share) / passed - meter->share_rate);
    meter->bytes_rate +=
        weight * ((bytes - meter->rated_bytes) / passed - meter->bytes_rate);
    meter->rated = time;
    meter->rated_share = share;
    meter->rated_bytes = bytes;
}

static void advance(struct fletch_meter *meter, const struct fletch_progress *progress)
{
    double time = now(), share = share_done(meter, progress);
    bool fresh = meter->stage != progress->stage;

    meter->stage = progress->stage;
    if (meter->kind == FLETCH_METER_LINES && fresh) {
        say_stage(progress);
        meter->drawn = time;
        meter->percent = share * 100;
        return;
    }
    if (meter->kind == FLETCH_METER_BAR &&
        (time - meter->drawn < DRAW_EVERY || time - meter->started < DRAW_FIRST))
        return;
    if (meter->kind == FLETCH_METER_LINES &&
        (time - meter->drawn < LINE_EVERY || (share * 100 - meter->percent < LINE_PERCENT &&
                                              time - meter->drawn < LINE_ANYWAY)))
        return;
    rate(meter, progress, share, time);
    meter->drawn = time;
    meter->percent = share * 100;
    if (meter->kind == FLETCH_METER_BAR)
        draw(meter, progress);
    else
        say_percent(meter, progress);
}

void fletch_meter_progress(const struct fletch_progress *progress, void *user)
{
    struct fletch_meter *meter = user;

    switch (progress->stage) {
    case FLETCH_STAGE_OPEN:
        if (!meter->quiet && progress->text)
            fletch_say("%s, %zu tensor%s", progress->text, progress->tensors_total,
                       progress->tensors_total == 1 ? "" : "s");
        break;
    case FLETCH_STAGE_WARNING:
        if (meter->quiet || !progress->text)
            break;
        clear(meter);
        fletch_say("warning: %s", progress->text);
        break;
    case FLETCH_STAGE_WRITE:
    case FLETCH_STAGE_VERIFY:
        if (meter->kind != FLETCH_METER_NONE)
            advance(meter, progress);
        break;
    case FLETCH_STAGE_PUBLISH:
        break;
    }
}

void fletch_meter_stop(struct fletch_meter *meter)
{
    clear(meter);
    fletch_text_release(&meter->line);
}
