/* SPDX-License-Identifier: MIT */
/* convert - a model into a verified Parquet file, in the fewest lines
 *
 * cc convert.c $(pkg-config --cflags --libs fletch)
 */
#include <fletch/fletch.h>

#include <inttypes.h>
#include <stdio.h>

static void show_progress(const struct fletch_progress *progress, void *user)
{
    (void)user;
    if (progress->stage == FLETCH_STAGE_OPEN || progress->stage == FLETCH_STAGE_WARNING)
        fprintf(stderr, "%s\n", progress->text);
}

int main(int argc, char **argv)
{
    struct fletch_options options = { .progress = show_progress };
    struct fletch_result result;
    struct fletch_error err;

    if (argc != 3) {
        fprintf(stderr, "usage: convert MODEL OUTPUT\n");
        return 2;
    }
    if (fletch_convert(&result, argv[1], argv[2], &options, &err)) {
        fprintf(stderr, "%s (%s)\n", err.message, fletch_status_name(err.status));
        return 1;
    }
    printf("%s: %zu rows, %" PRIu64 " parameters, %" PRIu64 " bytes%s\n",
           result.weights_path, result.tensors, result.parameters, result.written_bytes,
           result.verified ? ", verified" : "");
    fletch_result_release(&result);
    return 0;
}
