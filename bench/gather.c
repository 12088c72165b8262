/* SPDX-License-Identifier: MIT */
/* gather.c - what it costs that a tensor does not lie in order
 *
 * gather FOLDER [RUNS]: makes a .npy of 4096 x 4096 values of 4 bytes in it, twice: row by
 * row, and in Fortran order, which is a transposed matrix. Then it reads all of each
 * through the checkpoint's reader into memory, in pieces as a conversion takes them, RUNS
 * times (15) in turns, and checks the values. Prints the least processor time of each and
 * the middle one, and their ratios. The files are removed before they are read.
 */
#include "model/model.h"
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIDE ((size_t)4096)
#define SIZE (SIDE * SIDE * sizeof(uint32_t))
#define PIECE ((size_t)1 << 18)
#define HEADER_SIZE 128 /* of the .npy, its length in front included */
#define RUNS_MAX 1000

struct times {
    double run[RUNS_MAX];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "gather: %s: %s\n", what, why);
    exit(1);
}

/* The value at byte 4 * i of the file's values is i. */
static void make(const char *path, bool fortran, uint32_t *values)
{
    char header[HEADER_SIZE + 1];
    FILE *file = fopen(path, "wb");

    snprintf(header, sizeof(header), "\x93NUMPY\x01%c%c%c%*s", 0, HEADER_SIZE - 10, 0,
             HEADER_SIZE - 10, "\n");
    snprintf(header + 10, sizeof(header) - 10, "%-*s\n", HEADER_SIZE - 11,
             fortran ? "{'descr': '<u4', 'fortran_order': True, 'shape': (4096, 4096), }"
                     : "{'descr': '<u4', 'fortran_order': False, 'shape': (4096, 4096), }");
    for (uint32_t i = 0; i < SIDE * SIDE; i++)
        values[i] = i;
    if (!file || fwrite(header, HEADER_SIZE, 1, file) != 1 ||
        fwrite(values, SIZE, 1, file) != 1 || fclose(file))
        die(path, strerror(errno));
}

static double read_all(const struct fletch_checkpoint *checkpoint, uint32_t *out)
{
    double began = now();
    struct fletch_error err;

    for (size_t at = 0; at < SIZE; at += PIECE)
        if (fletch_tensor_read(checkpoint, &checkpoint->tensors[0], at, (uint8_t *)out + at,
                               PIECE, &err))
            die("reading", err.message);
    return now() - began;
}

static void check(const uint32_t *values, bool fortran)
{
    for (size_t i = 0; i < SIDE * SIDE; i++)
        if (values[i] != (fortran ? i % SIDE * SIDE + i / SIDE : i))
            die("reading", "a wrong value");
}

static struct fletch_checkpoint *open_one(const char *path)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_error err;

    if (fletch_checkpoint_load(&checkpoint, path, fletch_formats, NULL, &err))
        die("opening", err.message);
    return checkpoint;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    static struct times straight, gathered;
    static const char name[] = "gathered.npy";
    struct fletch_checkpoint *checkpoints[2];
    size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 15;
    uint32_t *values = malloc(SIZE);
    char path[4096];

    if (argc < 2 || !runs || runs > RUNS_MAX || !values) {
        fprintf(stderr, "usage: gather FOLDER [RUNS]\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        /* opened files stay when their name is given to another */
        snprintf(path, sizeof(path), "%s/%s", argv[1], name);
        make(path, i, values);
        checkpoints[i] = open_one(path);
        unlink(path);
    }
    for (size_t i = 0; i < runs; i++) {
        straight.run[i] = read_all(checkpoints[0], values);
        check(values, false);
        gathered.run[i] = read_all(checkpoints[1], values);
        check(values, true);
    }
    qsort(straight.run, runs, sizeof(double), compare);
    qsort(gathered.run, runs, sizeof(double), compare);
    printf(
        "{\"straight\": %.6f, \"gathered\": %.6f, \"ratio\": %.2f,\n"
        " \"straight_middle\": %.6f, \"gathered_middle\": %.6f, \"ratio_middle\": %.2f}\n",
        straight.run[0], gathered.run[0], gathered.run[0] / straight.run[0],
        straight.run[runs / 2], gathered.run[runs / 2],
        gathered.run[runs / 2] / straight.run[runs / 2]);
    for (int i = 0; i < 2; i++)
        fletch_checkpoint_close(checkpoints[i]);
    free(values);
    return 0;
}
