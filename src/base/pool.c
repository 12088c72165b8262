/* SPDX-License-Identifier: MIT */
/* pool.c - see pool.h */
#include "base/pool.h"

#include "base/mem.h"
#include "base/os.h"

#include <pthread.h>

struct worker {
    pthread_t thread;
    bool taken;
    unsigned index;
    fletch_pool_fn work;
    void *user;
};

unsigned fletch_pool_processors(void)
{
    unsigned count = fletch_os_processors();

    return count < FLETCH_THREADS_MAX ? count : FLETCH_THREADS_MAX;
}

static void *sit(void *user)
{
    struct worker *worker = user;

    worker->work(worker->index, worker->user);
    return NULL;
}

void fletch_pool_run(unsigned count, fletch_pool_fn work, void *user)
{
    struct worker *seats = count > 1 ? fletch_alloc_array(count, sizeof(*seats)) : NULL;

    for (unsigned i = 1; seats && i < count; i++) {
        seats[i] = (struct worker){ .index = i, .work = work, .user = user };
        seats[i].taken = !pthread_create(&seats[i].thread, NULL, sit, &seats[i]);
    }
    work(0, user);
    for (unsigned i = 1; seats && i < count; i++)
        if (seats[i].taken)
            pthread_join(seats[i].thread, NULL);
    fletch_free(seats);
}
