/* SPDX-License-Identifier: MIT */
/* pool.h - threads for the length of one job, and how many there should be */
#ifndef FLETCH_BASE_POOL_H
#define FLETCH_BASE_POOL_H

#include "base/error.h"

/* More than this is a mistake, not a machine. */
#define FLETCH_THREADS_MAX 1024

/* How many processors the process may use: its affinity and its cgroup's quota; at least 1.
 */
unsigned fletch_pool_processors(void);

/* Runs work(index, user) on `count` threads, index 0 being the caller's own, and returns
 * when all have ended. Should a thread not start, the others do the work: `work` must not
 * depend on the number of its fellows. With a count of 1 no thread is made. */
typedef void (*fletch_pool_fn)(unsigned index, void *user);
void fletch_pool_run(unsigned count, fletch_pool_fn work, void *user);

#endif
