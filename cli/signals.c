/* SPDX-License-Identifier: MIT */
/* signals.c - see signals.h */
#include "signals.h"

#include "report.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* What the library gets to stop by itself, in nanoseconds. */
#define GRACE 60000000L

enum turn { WORKING, PUBLISHING, CAME_BACK, ABANDONED };

static atomic_int caught;
static atomic_int turn;
static atomic_bool watched; /* the end is certain, clean: later signals change nothing */
static sem_t noted;
/* The conversion that is watched. */
static struct {
    const char *out_dir;
    fletch_abandoned_fn report;
    const void *user;
} work;

static void note_signal(int number)
{
    if (atomic_exchange(&caught, number) == 0) {
        sem_post(&noted);
        return;
    }
    if (atomic_load(&watched))
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static void *keep_watch(void *unused)
{
    const struct timespec grace = { .tv_nsec = GRACE };
    int working = WORKING;

    (void)unused;
    while (sem_wait(&noted) && errno == EINTR)
        ;
    nanosleep(&grace, NULL);
    if (!atomic_compare_exchange_strong(&turn, &working, ABANDONED))
        return NULL;
    fletch_abandon(work.out_dir);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    fletch_say("interrupted");
    /* nothing is left to clean up: if the report is not read, the next signal kills */
    atomic_store(&watched, false);
    work.report(work.user);
    fletch_report_finish();
    _exit(FLETCH_EXIT_SIGNAL + atomic_load(&caught));
}

static void post_watch(void)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    pthread_t thread;

    /* signals go to the threads that work */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_store(&watched, !pthread_create(&thread, &attributes, keep_watch, NULL));
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void fletch_signals_catch(const char *out_dir, fletch_abandoned_fn report, const void *user)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESTART };
    struct sigaction old;

    sem_init(&noted, 0, 0);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    work.out_dir = out_dir;
    work.report = report;
    work.user = user;
    if (out_dir)
        post_watch();
}

/* Goes on unless the watch is ending the process. */
static void take_turn(enum turn to)
{
    int working = WORKING;

    if (atomic_compare_exchange_strong(&turn, &working, to))
        return;
    if (working == ABANDONED)
        for (;;)
            pause();
    atomic_store(&turn, to);
}

void fletch_signals_publish(void)
{
    take_turn(PUBLISHING);
    /* how it ends is said by whether it is in place; if that hangs, the next one kills */
    atomic_store(&watched, false);
}

void fletch_signals_end(void)
{
    take_turn(CAME_BACK);
}

bool fletch_signals_cancel(void *user)
{
    (void)user;
    return atomic_load(&caught) != 0;
}

int fletch_work_failed(const struct fletch_error *err)
{
    int number = atomic_load(&caught);

    if (err->status != FLETCH_ERR_CANCELLED || number == 0)
        return fletch_say_failed(err);
    fletch_say("interrupted");
    return FLETCH_EXIT_SIGNAL + number;
}
