/* SPDX-License-Identifier: MIT */
/* pool.c - see pool.h */
#include "base/pool.h"

#include "base/mem.h"
#include "base/os.h"

#include <pthread.h>

struct worker {
    pthread_t thread;
    bool started;
    unsigned index;
    fletch_pool_fn work;
    void *user;
};

unsigned fletch_pool_processors(void)
{
    unsigned count = fletch_os_processors();

    return count < FLETCH_THREADS_MAX ? count : FLETCH_THREADS_MAX;
}

static void *thread_main(void *user)
{
    struct worker *worker = user;

    worker->work(worker->index, worker->user);
    return NULL;
}

void fletch_pool_run(unsigned count, fletch_pool_fn work, void *user)
{
    struct worker *workers = count > 1 ? fletch_alloc_array(count, sizeof(*workers)) : NULL;

    for (unsigned i = 1; workers && i < count; i++) {
        workers[i] = (struct worker){ .index = i, .work = work, .user = user };
        workers[i].started =
            !pthread_create(&workers[i].thread, NULL, thread_main, &workers[i]);
    }
    work(0, user);
    for (unsigned i = 1; workers && i < count; i++)
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
    fletch_free(workers);
}
