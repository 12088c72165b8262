/* SPDX-License-Identifier: MIT */
/* py_fetch.c - values read ahead, in the order that was asked for, while the caller works
 *
 * The threads never call Python. Whoever comes for a value that nobody has begun reads it
 * himself; one that could not be read he reads again, which tells him why.
 */
#include "py_reader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Nanoseconds: how often who waits looks at signals. */
#define POLL_EVERY 20000000L
/* A value of more bytes is left to a thread, so that a signal is seen meanwhile. */
#define LARGE ((uint64_t)32 << 20)
#define THREADS_MAX 256

enum state { WAITING, BUSY, READY, GONE };

struct item {
    struct fletch_py_span span;
    uint64_t size; /* about */
    enum state state;
    struct fletch_py_value value; /* when READY */
};

struct fletch_py_fetch {
    struct fletch_py_file *file; /* held */
    pid_t process;               /* where the threads are: not in what is forked from it */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    unsigned holders, threads;
    bool stop;
    size_t next, urgent; /* which one is begun next; which one somebody waits for */
    size_t count;
    struct item items[]; /* [count] */
};

/* ---- Making and dropping ---- */

static void free_fetch(struct fletch_py_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch->items[i].state == READY)
            fletch_py_memory_drop(fetch->items[i].value.memory);
    pthread_cond_destroy(&fetch->changed);
    pthread_mutex_destroy(&fetch->lock);
    fletch_py_file_drop(fetch->file);
    free(fetch);
}

static void drop(struct fletch_py_fetch *fetch, bool worker)
{
    bool last;

    pthread_mutex_lock(&fetch->lock);
    last = --fetch->holders == 0;
    fetch->threads -= worker;
    fetch->stop |= !worker;
    pthread_cond_broadcast(&fetch->changed);
    pthread_mutex_unlock(&fetch->lock);
    if (last)
        free_fetch(fetch);
}

void fletch_py_fetch_drop(struct fletch_py_fetch *fetch)
{
    /* in a fork the lock may be held by a thread that is not here */
    if (fetch && fetch->process == getpid())
        drop(fetch, false);
}

struct fletch_py_fetch *fletch_py_fetch_make(struct fletch_py_file *file,
                                             const struct fletch_py_span *spans,
                                             size_t count)
{
    struct fletch_py_fetch *fetch =
        calloc(1, sizeof(*fetch) + count * sizeof(fetch->items[0]));
    pthread_condattr_t attributes;
    struct fletch_row row;

    if (!fetch)
        return NULL;
    fletch_py_file_hold(file);
    fetch->file = file;
    fetch->process = getpid();
    fetch->holders = 1;
    fetch->count = count;
    fetch->urgent = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        fetch->items[i].span = spans[i];
        fetch->items[i].size = spans[i].size;
        if (spans[i].size == UINT64_MAX)
            fetch->items[i].size =
                fletch_table_at(&row, file->table, spans[i].row) ? row.size : 0;
    }
    pthread_mutex_init(&fetch->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&fetch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return fetch;
}

/* ---- The threads ---- */

/* The next to be read, or NULL. Under the lock. */
static struct item *begin_next(struct fletch_py_fetch *fetch)
{
    struct item *item = NULL;

    if (fetch->urgent < fetch->count && fetch->items[fetch->urgent].state == WAITING)
        item = &fetch->items[fetch->urgent];
    fetch->urgent = SIZE_MAX;
    while (!item && fetch->next < fetch->count)
        if (fetch->items[fetch->next++].state == WAITING)
            item = &fetch->items[fetch->next - 1];
    if (item)
        item->state = BUSY;
    return item;
}

static void *worker(void *user)
{
    struct fletch_py_fetch *fetch = user;
    struct fletch_table *table = NULL;
    struct fletch_error err;
    struct item *item;

    if (fletch_py_file_take(&table, fetch->file, &err))
        table = NULL; /* who comes for a value reads it himself */
    pthread_mutex_lock(&fetch->lock);
    while (table && !fetch->stop && (item = begin_next(fetch)) != NULL) {
        struct fletch_py_value value;
        enum fletch_status status;

        pthread_mutex_unlock(&fetch->lock);
        status = fletch_py_read(&value, fetch->file, table, &item->span, &err);
        pthread_mutex_lock(&fetch->lock);
        item->state = status ? GONE : READY;
        if (!status)
            item->value = value;
        pthread_cond_broadcast(&fetch->changed);
    }
    pthread_mutex_unlock(&fetch->lock);
    if (table)
        fletch_py_file_give(fetch->file, table);
    drop(fetch, true);
    return NULL;
}

void fletch_py_fetch_start(struct fletch_py_fetch *fetch, size_t threads)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    pthread_t thread;

    if (threads > fetch->count)
        threads = fetch->count;
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    /* signals go to the threads of Python */
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&fetch->lock);
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&thread, &attributes, worker, fetch))
            break; /* those that are there do the work */
        fetch->holders++;
        fetch->threads++;
    }
    pthread_mutex_unlock(&fetch->lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
}

void fletch_py_fetch_start_large(struct fletch_py_fetch *fetch)
{
    bool large = false;

    for (size_t i = 0; i < fetch->count; i++)
        large |= fetch->items[i].size > LARGE;
    if (large)
        fletch_py_fetch_start(fetch, 1);
}

/* ---- Whoever comes for a value ---- */

/* Without the GIL. */
static enum fletch_status read_here(struct fletch_py_value *out,
                                    struct fletch_py_file *file,
                                    const struct fletch_py_span *span,
                                    struct fletch_error *err)
{
    struct fletch_table *table;
    enum fletch_status status = fletch_py_file_take(&table, file, err);

    if (status)
        return status;
    status = fletch_py_read(out, file, table, span, err);
    fletch_py_file_give(file, table);
    return status;
}

/* Without the GIL: a moment's wait for what a thread is at, or is to begin. True when there
 * is something to do at once: the value is there (READY), or is the caller's to read. */
static bool look(struct fletch_py_fetch *fetch, struct item *item,
                 struct fletch_py_value *out, bool *here)
{
    struct timespec until;
    bool done;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_EVERY;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&fetch->lock);
    if (item->state == WAITING && fetch->threads && item->size > LARGE)
        fetch->urgent = (size_t)(item - fetch->items);
    else if (item->state == WAITING)
        item->state = GONE;
    if (item->state == BUSY || item->state == WAITING)
        pthread_cond_timedwait(&fetch->changed, &fetch->lock, &until);
    *here = item->state == GONE;
    done = *here || item->state == READY;
    if (item->state == READY) {
        *out = item->value;
        item->state = GONE;
    }
    pthread_mutex_unlock(&fetch->lock);
    return done;
}

bool fletch_py_fetch_take(struct fletch_py_value *out, struct fletch_py_fetch *fetch,
                          size_t i, PyObject *path)
{
    struct item *item = &fetch->items[i];
    enum fletch_status status = FLETCH_OK;
    struct fletch_error err = { FLETCH_OK, "" };
    bool done, here = fetch->process != getpid();

    for (done = here; !done;) {
        Py_BEGIN_ALLOW_THREADS done = look(fetch, item, out, &here);
        Py_END_ALLOW_THREADS if (!done && PyErr_CheckSignals()) return false;
    }
    if (!here)
        return true;
    Py_BEGIN_ALLOW_THREADS status = read_here(out, fetch->file, &item->span, &err);
    Py_END_ALLOW_THREADS if (status) fletch_py_raise(&err, path);
    return !status;
}
