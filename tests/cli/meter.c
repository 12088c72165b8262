/* SPDX-License-Identifier: MIT */
/* meter.c - plays a conversion to the meter, so that terminal.py can look at the screen
 *
 * meter STEPS MILLISECONDS [stubborn|watched]: both stages in that many steps each, a
 * warning in the middle, then a line on stdout. A stubborn one does not stop when it is
 * asked to, nor does one that is watched, which has something staged.
 */
#include "../../cli/progress.h"
#include "../../cli/report.h"
#include "../../cli/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOTAL ((uint64_t)437928960)
#define TENSORS 199

static void rest(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

static bool play(struct fletch_meter *meter, enum fletch_stage stage, unsigned steps,
                 long pause, bool stubborn)
{
    struct fletch_progress warning = { .stage = FLETCH_STAGE_WARNING,
                                       .text = "tensor 'x': one value is beyond float16" };

    for (unsigned i = 0; i <= steps; i++) {
        struct fletch_progress progress = { .stage = stage,
                                            .done = TOTAL / steps * i,
                                            .total = TOTAL,
                                            .tensors_done = TENSORS * i / steps,
                                            .tensors_total = TENSORS };

        fletch_meter_progress(&progress, meter);
        if (stage == FLETCH_STAGE_WRITE && i == steps / 2)
            fletch_meter_progress(&warning, meter);
        if (!stubborn && fletch_signals_cancel(NULL))
            return false;
        if (i < steps)
            rest(pause);
    }
    return true;
}

static void report(const void *user)
{
    printf("left behind: %s\n", (const char *)user);
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
    long pause = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
    bool watched = argc > 3 && !strcmp(argv[3], "watched");
    bool stubborn = watched || (argc > 3 && !strcmp(argv[3], "stubborn"));
    struct fletch_progress open = { .stage = FLETCH_STAGE_OPEN,
                                    .text = "bert (config.json: model_type \"bert\")",
                                    .tensors_total = TENSORS };
    struct fletch_args args = { .quiet = argc > 3 && !strcmp(argv[3], "quiet"),
                                .no_progress = argc > 3 && !strcmp(argv[3], "plain") };
    struct fletch_error err = { FLETCH_ERR_CANCELLED, "cancelled" };
    struct fletch_meter meter;
    bool done;

    fletch_signals_catch(watched ? "nowhere/out" : NULL, report, "out");
    fletch_meter_start(&meter, &args, 0.6);
    fletch_meter_progress(&open, &meter);
    done = play(&meter, FLETCH_STAGE_WRITE, steps, pause, stubborn) &&
           play(&meter, FLETCH_STAGE_VERIFY, steps, pause, stubborn);
    fletch_meter_stop(&meter);
    if (!done)
        return fletch_work_failed(&err);
    printf("done\n");
    return 0;
}
