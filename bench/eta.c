/* SPDX-License-Identifier: MIT */
/* eta.c - how true the time left is that a conversion's bar shows, and what the bar costs
 *
 * eta MODEL OUTPUT CODEC LEVEL (LEVEL 0: the default): a conversion with the command's own
 * meter, whose bar goes to stderr. Prints JSON: seconds that it took; those spent in the
 * meter, on all threads together; how often the bar was drawn after a fifth of the time,
 * and the worst of the times it then told for the whole, as a part of what it took.
 */
#include "../cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DRAWN_MAX 10000

struct watch {
    struct fletch_meter meter;
    double in_meter;
    struct {
        double at, whole; /* seconds: when, and how long it would take in all */
    } drawn[DRAWN_MAX];
    size_t count;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Progress is told by one thread at a time. */
static void listen(const struct fletch_progress *progress, void *user)
{
    struct watch *watch = user;
    struct fletch_meter *meter = &watch->meter;
    double began = now(), before = meter->drawn;

    fletch_meter_progress(progress, meter);
    watch->in_meter += now() - began;
    if (meter->drawn <= before || meter->share_rate <= 0 || watch->count == DRAWN_MAX)
        return;
    watch->drawn[watch->count].at = meter->drawn - meter->started;
    watch->drawn[watch->count++].whole =
        meter->drawn - meter->started + (1 - meter->percent / 100) / meter->share_rate;
}

int main(int argc, char **argv)
{
    static struct watch watch;
    struct fletch_args args = { 0 };
    struct fletch_result result;
    struct fletch_error err;
    struct fletch_options options = { .skip_tokenizer = true,
                                      .progress = listen,
                                      .user = &watch };
    double took, worst = 1;
    size_t count = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: eta MODEL OUTPUT CODEC LEVEL\n");
        return 2;
    }
    options.codec = args.codec = argv[3];
    options.level = (int)strtol(argv[4], NULL, 10);
    args.level = (struct fletch_arg_number){ argv[4], options.level };
    fletch_meter_start(&watch.meter, &args, fletch_meter_write_share(&args));
    watch.meter.kind = FLETCH_METER_BAR;
    if (fletch_convert(&result, argv[1], argv[2], &options, &err)) {
        fprintf(stderr, "eta: %s\n", err.message);
        return 1;
    }
    took = now() - watch.meter.started;
    fletch_meter_stop(&watch.meter);
    for (size_t i = 0; i < watch.count; i++) {
        double told = watch.drawn[i].whole / took;

        if (watch.drawn[i].at < took / 5)
            continue;
        count++;
        if ((told > 1 ? told - 1 : 1 - told) > (worst > 1 ? worst - 1 : 1 - worst))
            worst = told;
    }
    printf("{\"seconds\": %.6f, \"meter\": %.6f, \"drawn\": %zu, \"worst\": %.4f}\n", took,
           watch.in_meter, count, worst);
    fletch_result_release(&result);
    return 0;
}
