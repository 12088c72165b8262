/* SPDX-License-Identifier: MIT */
/* pool.h - threads for the duration of one job, and how many to use */
#ifndef FLETCH_BASE_POOL_H
#define FLETCH_BASE_POOL_H

#include "base/error.h"

/* More than this is a mistake, not a machine. */
#define FLETCH_THREADS_MAX 1024

/* The number of processors the process may use: its affinity and its cgroup's quota; at
 * least 1.
 */
unsigned fletch_pool_processors(void);

/* Runs work(index, user) on `count` threads, index 0 on the caller's own, and returns when
 * all have ended. If a thread does not start, the others do its work, so `work` must not
 * depend on how many there are. With a count of 1 no thread is created. */
typedef void (*fletch_pool_fn)(unsigned index, void *user);
void fletch_pool_run(unsigned count, fletch_pool_fn work, void *user);

#endif
