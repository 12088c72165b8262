/* SPDX-License-Identifier: MIT */
/* signals.h - interrupts stop the work cleanly, and soon
 *
 * A signal is noted and the library asked to stop, which it does within milliseconds, but
 * for calls that cannot be interrupted (decoding a whole page of gzip). For these there is
 * a second way out: a thread that waits for the signal, gives the library some time, and
 * then removes what was staged, reports and exits in its place.
 */
#ifndef FLETCH_CLI_SIGNALS_H
#define FLETCH_CLI_SIGNALS_H

#include <fletch/fletch.h>

/* What standard output gets from a conversion that was left behind. Called by a thread of
 * its own, at most once, while the one that converts writes nothing there. */
typedef void (*fletch_abandoned_fn)(const void *user);

/* From now on an interrupt, a hang-up or a request to end is noted, for the work to stop
 * cleanly; where nothing is staged, the second one kills. What the caller's parent has had
 * ignored stays so. `out_dir` is where a conversion goes; NULL: nothing is staged, and
 * there is no second way out. Both pointers are borrowed until fletch_signals_end. */
void fletch_signals_catch(const char *out_dir, fletch_abandoned_fn report,
                          const void *user);
/* The output is about to take its place: it is too late for the second way out, which would
 * say that nothing was changed. */
void fletch_signals_publish(void);
/* The work has come back: it is too late for the second way out. */
void fletch_signals_end(void);
/* A fletch_cancel_fn; `user` is not looked at. */
bool fletch_signals_cancel(void *user);
/* Says why work failed and returns the exit code: that of the signal, if one stopped it. */
int fletch_work_failed(const struct fletch_error *err);

#endif
