/* SPDX-License-Identifier: MIT */
/* stages.c - one conversion, and what each of its stages took
 *
 * stages MODEL OUTPUT TYPE CODEC LEVEL THREADS (TYPE auto, LEVEL 0, THREADS 0: the
 * defaults). Prints JSON: seconds from one stage's last word to the next one's, as the
 * progress callback tells. What lies between two stages counts for the later one: syncing
 * the file and opening it again for verify.
 */
#include <fletch/fletch.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct clock {
    double told[FLETCH_STAGE_WARNING]; /* when a stage was last heard of */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void listen(const struct fletch_progress *progress, void *user)
{
    struct clock *clock = user;

    if (progress->stage < FLETCH_STAGE_WARNING)
        clock->told[progress->stage] = now();
}

int main(int argc, char **argv)
{
    struct clock clock = { { 0 } };
    struct fletch_result result;
    struct fletch_error err;
    double began = now(), ended;
    struct fletch_options options = { .skip_tokenizer = true,
                                      .progress = listen,
                                      .user = &clock };

    if (argc != 7) {
        fprintf(stderr, "usage: stages MODEL OUTPUT TYPE CODEC LEVEL THREADS\n");
        return 2;
    }
    options.family = argv[3];
    options.codec = argv[4];
    options.level = (int)strtol(argv[5], NULL, 10);
    options.threads = (unsigned)strtoul(argv[6], NULL, 10);
    if (fletch_convert(&result, argv[1], argv[2], &options, &err)) {
        fprintf(stderr, "stages: %s\n", err.message);
        return 1;
    }
    ended = now();
    /* A stage that said nothing took no time. */
    for (int i = 0; i < FLETCH_STAGE_WARNING; i++)
        if (clock.told[i] <= 0)
            clock.told[i] = i ? clock.told[i - 1] : began;
    printf("{\"open\": %.6f, \"write\": %.6f, \"verify\": %.6f, \"publish\": %.6f,\n"
           " \"parameters\": %" PRIu64 ", \"source\": %" PRIu64 ", \"written\": %" PRIu64
           "}\n",
           clock.told[FLETCH_STAGE_OPEN] - began,
           clock.told[FLETCH_STAGE_WRITE] - clock.told[FLETCH_STAGE_OPEN],
           clock.told[FLETCH_STAGE_VERIFY] - clock.told[FLETCH_STAGE_WRITE],
           ended - clock.told[FLETCH_STAGE_VERIFY], result.parameters, result.source_bytes,
           result.written_bytes);
    fletch_result_release(&result);
    return 0;
}
