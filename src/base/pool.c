/* SPDX-License-Identifier: MIT */
/* pool.c - see pool.h */
#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

struct seat {
    pthread_t thread;
    bool taken;
    unsigned index;
    fletch_pool_fn work;
    void *user;
};

/* cgroup v2 "max 100000" or "150000 100000"; v1 has the two numbers in two files. */
static double cgroup_quota(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    double quota = 0, period = 0;

    if (file) {
        if (fscanf(file, "%lf %lf", &quota, &period) != 2)
            quota = 0;
        fclose(file);
        return quota > 0 && period > 0 ? quota / period : 0;
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
    if (file) {
        if (fscanf(file, "%lf", &quota) != 1)
            quota = 0;
        fclose(file);
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
    if (file) {
        if (fscanf(file, "%lf", &period) != 1)
            period = 0;
        fclose(file);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

unsigned fletch_pool_processors(void)
{
    double quota = cgroup_quota();
    cpu_set_t set;
    long count;

    if (!sched_getaffinity(0, sizeof(set), &set))
        count = CPU_COUNT(&set);
    else
        count = sysconf(_SC_NPROCESSORS_ONLN);
    if (quota > 0 && quota < (double)count)
        count = (long)(quota + 0.5);
    if (count < 1)
        count = 1;
    return count < FLETCH_THREADS_MAX ? (unsigned)count : FLETCH_THREADS_MAX;
}

static void *sit(void *user)
{
    struct seat *seat = user;

    seat->work(seat->index, seat->user);
    return NULL;
}

void fletch_pool_run(unsigned count, fletch_pool_fn work, void *user)
{
    struct seat *seats = count > 1 ? fletch_alloc_array(count, sizeof(*seats)) : NULL;

    for (unsigned i = 1; seats && i < count; i++) {
        seats[i] = (struct seat){ .index = i, .work = work, .user = user };
        seats[i].taken = !pthread_create(&seats[i].thread, NULL, sit, &seats[i]);
    }
    work(0, user);
    for (unsigned i = 1; seats && i < count; i++)
        if (seats[i].taken)
            pthread_join(seats[i].thread, NULL);
    fletch_free(seats);
}
