/* SPDX-License-Identifier: MIT */
/* progress.h - what is seen while work runs, and how it is stopped
 *
 * On a terminal the meter is one line, redrawn in place by one write() at most ten times a
 * second, never as wide as the terminal and gone when the work ends. Elsewhere it is a
 * plain line for each stage and, in long ones, another now and then.
 */
#ifndef FLETCH_CLI_PROGRESS_H
#define FLETCH_CLI_PROGRESS_H

#include "args.h"

enum fletch_meter_kind {
    FLETCH_METER_NONE,  /* neither line nor bar */
    FLETCH_METER_LINES, /* stderr is no terminal, or a dumb one */
    FLETCH_METER_BAR
};

struct fletch_meter {
    enum fletch_meter_kind kind;
    bool quiet;         /* no warnings either */
    bool shown;         /* a bar is on the screen */
    double write_share; /* of the work: 0 when all is verification, 1 without it */
    enum fletch_stage stage;
    double started, drawn; /* seconds */
    double percent;        /* when last drawn */
    /* Smoothed, per second. */
    double share_rate, bytes_rate;
    double rated, rated_share, rated_bytes; /* when, and what was done then */
    struct fletch_text line;
};

/* How much of a conversion's time writing will take, 0 to 1; the rest is the proof. */
double fletch_meter_write_share(const struct fletch_args *args);
void fletch_meter_start(struct fletch_meter *meter, const struct fletch_args *args,
                        double write_share);
/* A fletch_progress_fn; `user` is the meter. */
void fletch_meter_progress(const struct fletch_progress *progress, void *user);
/* Leaves no trace of the bar. */
void fletch_meter_stop(struct fletch_meter *meter);

#endif
