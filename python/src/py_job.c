/* SPDX-License-Identifier: MIT */
/* py_job.c - work in a thread of its own, and a Python thread that waits for it
 *
 * The worker never calls Python: a call from it would wait for the GIL each time. It leaves
 * notes under a lock; whoever waits reads them. Right before a conversion publishes, the
 * worker asks whether it may: so a warning that was made an error, a signal, an exception
 * of the progress callback, are known before anything is in place.
 *
 * The job has two holders, the worker and who waits. An abandoned worker still holds it.
 */
#include "fletch_py.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Nanoseconds: how often signals are looked at; what cancelled work gets to end by itself;
 * how often the next conversion looks whether abandoned ones have ended. */
#define POLL_EVERY 20000000L
#define GRACE 40000000L
#define LOOK_EVERY 5000000L

static const char CAPSULE[] = "fletch._fletch.task";

/* OPEN and WARNING, and the last of a stage: none may be lost, as other steps may. */
struct note {
    struct note *next;
    struct fletch_progress at; /* its text, if any, is the copy below */
    char text[];
};

struct fletch_py_job {
    const struct fletch_py_work *work;
    void *task;    /* NULL once somebody else has it */
    pid_t process; /* where the worker is: not in what is forked from it */
    bool alone;    /* no thread could be had: who waits does the work */
    atomic_bool cancel;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    unsigned holders;
    bool done;
    bool asks, may_publish, abandoned;
    bool news; /* latest was not told yet */
    struct fletch_progress latest;
    struct note *first, **end;
    enum fletch_status status;
    struct fletch_error err;
};

/* ---- Abandoned workers ----
 *
 * What they will remove has a name that the next conversion could take, so that one waits.
 * The number of them and the process that they are in are one word: fork needs no lock. */

static _Atomic uint64_t left_behind;

static unsigned count_left_behind(int change)
{
    uint64_t was = atomic_load(&left_behind), becomes;
    unsigned count;

    do {
        uint64_t process = (uint64_t)getpid();

        count = was >> 32 == process ? (unsigned)was : 0;
        count += (unsigned)change;
        becomes = process << 32 | count;
    } while (!atomic_compare_exchange_weak(&left_behind, &was, becomes));
    return count;
}

static void wait_for_left_behind(struct fletch_py_job *job)
{
    const struct timespec moment = { .tv_nsec = LOOK_EVERY };

    while (count_left_behind(0) && !atomic_load(&job->cancel))
        nanosleep(&moment, NULL);
}

/* ---- The job ---- */

static struct fletch_py_job *job_make(const struct fletch_py_work *work, void *task)
{
    struct fletch_py_job *job = calloc(1, sizeof(*job));
    pthread_condattr_t attributes;

    if (!job)
        return NULL;
    job->work = work;
    job->task = task;
    job->process = getpid();
    job->holders = 1;
    job->end = &job->first;
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&job->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return job;
}

static void drop_notes(struct note *note)
{
    while (note) {
        struct note *next = note->next;

        free(note);
        note = next;
    }
}

/* Of one holder; the last frees it. */
static void job_drop(struct fletch_py_job *job)
{
    bool last, left;

    pthread_mutex_lock(&job->lock);
    last = --job->holders == 0;
    left = job->abandoned;
    pthread_mutex_unlock(&job->lock);
    if (!last)
        return;
    if (job->task)
        job->work->release(job->task);
    drop_notes(job->first);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
    if (left)
        count_left_behind(-1);
}

/* ---- The worker's side ---- */

bool fletch_py_cancelled(void *user)
{
    struct fletch_py_job *job = user;

    return atomic_load(&job->cancel);
}

static void leave_note(struct fletch_py_job *job, const struct fletch_progress *progress)
{
    const char *text = progress->text ? progress->text : "";
    size_t size = strlen(text) + 1;
    struct note *note = malloc(sizeof(*note) + size);

    if (!note)
        return;
    note->next = NULL;
    note->at = *progress;
    memcpy(note->text, text, size);
    note->at.text = progress->text ? note->text : NULL;
    *job->end = note;
    job->end = &note->next;
}

void fletch_py_follow(const struct fletch_progress *progress, void *user)
{
    struct fletch_py_job *job = user;

    pthread_mutex_lock(&job->lock);
    if (progress->text) {
        leave_note(job, progress);
    } else if (progress->stage == FLETCH_STAGE_PUBLISH) {
        job->asks = true;
        pthread_cond_signal(&job->changed);
        while (!job->alone && !job->may_publish && !atomic_load(&job->cancel))
            pthread_cond_wait(&job->changed, &job->lock);
    } else {
        if (job->news && job->latest.stage != progress->stage)
            leave_note(job, &job->latest);
        job->latest = *progress;
        job->news = true;
    }
    pthread_mutex_unlock(&job->lock);
}

static void do_work(struct fletch_py_job *job)
{
    struct fletch_error err = { FLETCH_OK, "" };
    enum fletch_status status;

    if (job->work->abandon)
        wait_for_left_behind(job);
    status = job->work->run(job->task, job, &err);
    pthread_mutex_lock(&job->lock);
    job->status = status;
    job->err = err;
    job->done = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

static void *worker(void *user)
{
    do_work(user);
    job_drop(user);
    return NULL;
}

/* Without the GIL. Signals go to the threads of Python. */
static void start(struct fletch_py_job *job)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    pthread_t thread;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    job->holders++;
    pthread_sigmask(SIG_SETMASK, &all, &old);
    job->alone = pthread_create(&thread, &attributes, worker, job) != 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    if (job->alone) {
        job->holders--;
        do_work(job);
    }
}

/* ---- The waiting side ---- */

/* Without the GIL: until the worker has something to say, but not for long. Returns whether
 * the work is done. */
static bool wait_a_moment(struct fletch_py_job *job, long nanoseconds)
{
    struct timespec until;
    bool done;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += nanoseconds;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&job->lock);
    if (!job->done && !(job->asks && !job->may_publish))
        pthread_cond_timedwait(&job->changed, &job->lock, &until);
    done = job->done;
    pthread_mutex_unlock(&job->lock);
    return done;
}

static bool tell(PyObject *follow, const struct fletch_progress *at, const char *text)
{
    static const char *const stages[] = { [FLETCH_STAGE_OPEN] = "open",
                                          [FLETCH_STAGE_WRITE] = "write",
                                          [FLETCH_STAGE_VERIFY] = "verify",
                                          [FLETCH_STAGE_PUBLISH] = "publish",
                                          [FLETCH_STAGE_WARNING] = "warning" };
    PyObject *words = fletch_py_str(text), *answer;

    if (!words)
        return false;
    answer = PyObject_CallFunction(
        follow, "sKKnnN", stages[at->stage], (unsigned long long)at->done,
        (unsigned long long)at->total, (Py_ssize_t)at->tensors_done,
        (Py_ssize_t)at->tensors_total, words);
    Py_XDECREF(answer);
    return answer != NULL;
}

/* What the worker has left, to `follow`. False with its exception. */
static bool tell_all(struct fletch_py_job *job, PyObject *follow)
{
    struct fletch_progress latest;
    struct note *notes;
    bool news, fine = true;

    pthread_mutex_lock(&job->lock);
    notes = job->first;
    job->first = NULL;
    job->end = &job->first;
    latest = job->latest;
    news = job->news;
    job->news = false;
    pthread_mutex_unlock(&job->lock);
    for (struct note *note = notes; note && fine && follow; note = note->next)
        fine = tell(follow, &note->at, note->at.text);
    drop_notes(notes);
    return fine && (!news || !follow || tell(follow, &latest, NULL));
}

/* Whether the worker, which asks for it, may publish: nothing is left to be told. */
static void answer(struct fletch_py_job *job)
{
    pthread_mutex_lock(&job->lock);
    if (job->asks && !job->first && !job->news) {
        job->may_publish = true;
        pthread_cond_signal(&job->changed);
    }
    pthread_mutex_unlock(&job->lock);
}

/* With an exception set: stops the work, by force if need be. */
static void stop(struct fletch_py_job *job)
{
    bool done;

    atomic_store(&job->cancel, true);
    pthread_mutex_lock(&job->lock);
    job->asks = false; /* it may be waiting for the answer */
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    Py_BEGIN_ALLOW_THREADS done = wait_a_moment(job, GRACE);
    if (!done && job->work->abandon) {
        pthread_mutex_lock(&job->lock);
        job->abandoned = !job->done;
        pthread_mutex_unlock(&job->lock);
        if (job->abandoned) {
            count_left_behind(1);
            job->work->abandon(job->task);
            done = true;
        }
    }
    while (!done)
        done = wait_a_moment(job, POLL_EVERY);
    Py_END_ALLOW_THREADS
}

/* Waits for the end of the work. False with an exception, the work stopped. */
static bool attend(struct fletch_py_job *job, PyObject *follow)
{
    bool done = false;

    while (!done) {
        Py_BEGIN_ALLOW_THREADS done = wait_a_moment(job, POLL_EVERY);
        Py_END_ALLOW_THREADS
            /* what is published cannot be called back */
            if (job->may_publish) continue;
        if (!tell_all(job, follow) || (!done && PyErr_CheckSignals())) {
            if (job->process == getpid())
                stop(job);
            return false;
        }
        if (job->process != getpid()) {
            PyErr_SetString(PyExc_RuntimeError,
                            "this process was forked while fletch worked in its parent, "
                            "where the work goes on");
            return false;
        }
        if (!done)
            answer(job);
    }
    return true;
}

static void release_capsule(PyObject *capsule)
{
    void *task = PyCapsule_GetPointer(capsule, CAPSULE);
    const struct fletch_py_work *work = PyCapsule_GetContext(capsule);

    work->release(task);
}

void *fletch_py_task(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, CAPSULE);
}

/* What comes of finished work; takes the task from the job. */
static PyObject *result(struct fletch_py_job *job, PyObject *path)
{
    PyObject *capsule;

    if (job->status)
        return fletch_py_raise(&job->err, path);
    capsule = PyCapsule_New(job->task, CAPSULE, release_capsule);
    if (!capsule)
        return NULL;
    job->task = NULL;
    PyCapsule_SetContext(capsule, (void *)(uintptr_t)job->work);
    return capsule;
}

PyObject *fletch_py_do(const struct fletch_py_work *work, void *task, PyObject *follow,
                       PyObject *path)
{
    struct fletch_py_job *job = job_make(work, task);
    PyObject *capsule = NULL;

    if (!job) {
        work->release(task);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS start(job);
    Py_END_ALLOW_THREADS if (attend(job, follow)) capsule = result(job, path);
    /* in a fork the lock may be held by a thread that is not here */
    if (job->process == getpid())
        job_drop(job);
    return capsule;
}
