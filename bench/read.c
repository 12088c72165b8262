/* SPDX-License-Identifier: MIT */
/* read.c - reads every value of a table through the public API, on some threads
 *
 * read [--map] PATH THREADS [NAME]: each thread has a table of its own and takes the next
 * row that nobody has read; with NAME, just that row; with --map, plain values out of a
 * mapping.
 * Prints the seconds that opening took and that reading took, the processor time of the
 * latter, and the bytes of the values.
 */
#include <fletch/fletch.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64

struct reader {
    pthread_t thread;
    struct fletch_table *table;
    atomic_size_t *next; /* row, of all threads */
    uint64_t bytes;
    uint64_t sum; /* a byte of every value, so that none is skipped */
};

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum fletch_status status, const struct fletch_error *err)
{
    if (!status)
        return;
    fprintf(stderr, "read: %s\n", err->message);
    exit(1);
}

static void read_row(struct reader *reader, size_t i)
{
    struct fletch_error err;
    struct fletch_row row;

    must(fletch_table_read(&row, reader->table, i, &err), &err);
    reader->bytes += row.size;
    if (row.size)
        reader->sum += ((const uint8_t *)row.data)[row.size / 2];
}

static void *read_rows(void *arg)
{
    struct reader *reader = arg;
    size_t i;

    while ((i = atomic_fetch_add(reader->next, 1)) < fletch_table_count(reader->table))
        read_row(reader, i);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct reader readers[THREADS_MAX];
    struct fletch_error err;
    bool map = argc > 1 && !strcmp(argv[1], "--map");
    atomic_size_t next = 0;
    size_t count, row;
    uint64_t bytes = 0;
    double began = now(CLOCK_MONOTONIC), opened, cpu;

    argc -= map;
    argv += map;
    count = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 0;
    if (count < 1 || count > THREADS_MAX) {
        fprintf(stderr, "usage: read [--map] PATH THREADS [NAME]\n");
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        must(fletch_table_open(&readers[i].table, argv[1], &err), &err);
        if (map)
            must(fletch_table_map(readers[i].table, &err), &err);
        readers[i].next = &next;
    }
    opened = now(CLOCK_MONOTONIC);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if (argc > 3) {
        must(fletch_table_find(&row, readers[0].table, argv[3], &err), &err);
        read_row(&readers[0], row);
    } else {
        for (size_t i = 1; i < count; i++)
            if (pthread_create(&readers[i].thread, NULL, read_rows, &readers[i]))
                return 1;
        read_rows(&readers[0]);
        for (size_t i = 1; i < count; i++)
            pthread_join(readers[i].thread, NULL);
    }
    for (size_t i = 0; i < count; i++)
        bytes += readers[i].bytes;
    printf("{\"open\": %.6f, \"read\": %.6f, \"cpu\": %.6f, \"bytes\": %" PRIu64 "}\n",
           opened - began, now(CLOCK_MONOTONIC) - opened,
           now(CLOCK_PROCESS_CPUTIME_ID) - cpu, bytes);
    for (size_t i = 0; i < count; i++)
        fletch_table_close(readers[i].table);
    return 0;
}
