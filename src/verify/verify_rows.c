/* SPDX-License-Identifier: MIT */
/* verify_rows.c - see verify_rows.h
 *
 * First the names: every planned row occurs in the file once, and there are no others. Then
 * the values: the threads take rows, the largest first, and stream each through a cursor
 * beside the source, which the plain casts narrow a chunk at a time. A thread that finds no
 * row left takes over the comparison of a large row from a busy thread, which then only
 * decodes.
 */
#include "verify/verify_rows.h"

#include "base/os.h"
#include "base/pool.h"
#include "verify/verify_row.h"
#include "verify/piece_queue.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Smaller rows that are held whole do not need a share of the limit. */
#define LARGE_MIN ((uint64_t)2 << 20)

/* A row is shared when at least this much of it is left to decode. */
#define SHARE_MIN ((uint64_t)8 * FLETCH_PIECE_SIZE)

/* A row being compared. */
struct row_task {
    struct job *job;
    struct fletch_comparison comparison;
    uint64_t whole;    /* the row's weight */
    uint64_t reported; /* the part of it that was reported */
    struct fletch_piece_queue queue;
    struct row_task *next_offer;
};

struct job {
    const struct fletch_proof *proof;
    const struct fletch_reader *reader;
    struct fletch_row_match *matches; /* [count], the largest first */
    size_t count;
    uint64_t total; /* bytes, for progress */
    struct fletch_error *err;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t next, done;
    size_t busy; /* threads that have a row */
    size_t idle; /* threads that have none and were offered none */
    struct row_task
        *offers;         /* rows for them, not taken yet: never more than there were idle
                            threads */
    uint64_t large_used; /* by rows in progress that are held whole */
    uint64_t done_bytes;
    struct fletch_verification found;
    enum fletch_status status;
};

/* ---- Reporting ---- */

static uint64_t weight(const struct job *job, const struct fletch_row_match *match)
{
    return match->plan ? match->plan->tensor->size
                       : job->proof->output->row_size(&job->reader->rows[match->row]);
}

/* Call with the lock held. */
static void tell(const struct job *job)
{
    const struct fletch_options *options = job->proof->options;
    struct fletch_progress progress = {
        .stage = FLETCH_STAGE_VERIFY,
        .done = job->done_bytes,
        .total = job->total,
        .tensors_done = job->done,
        .tensors_total = job->count,
    };

    if (options->progress)
        options->progress(&progress, options->user);
}

/* Reports a large row's progress; the rest is reported when it is done. */
static void tell_part(struct row_task *task)
{
    const struct fletch_reader_row *row = task->comparison.row;
    uint64_t position = task->comparison.position, share;

    if (row->size == UINT64_MAX || row->size < FLETCH_PIECE_SIZE || position > row->size)
        return;
    share = (uint64_t)((double)task->whole * ((double)position / (double)row->size));
    if (share <= task->reported || share > task->whole)
        return;
    pthread_mutex_lock(&task->job->lock);
    task->job->done_bytes += share - task->reported;
    tell(task->job);
    pthread_mutex_unlock(&task->job->lock);
    task->reported = share;
}

/* ---- One row ---- */

static enum fletch_status take_piece(struct row_task *task,
                                     struct fletch_verify_worker *worker, const void *bytes,
                                     size_t size, struct fletch_error *err)
{
    TRY(fletch_comparison_take(&task->comparison, worker, bytes, size, err));
    tell_part(task);
    return FLETCH_OK;
}

/* True when enough of the row is left to share it, and a thread is idle. */
static bool may_share(const struct row_task *task)
{
    const struct fletch_reader_row *row = task->comparison.row;
    bool idle;

    if (row->size == UINT64_MAX || row->size < task->comparison.position + SHARE_MIN ||
        !fletch_comparison_is_even(&task->comparison))
        return false;
    pthread_mutex_lock(&task->job->lock);
    idle = task->job->idle > 0;
    pthread_mutex_unlock(&task->job->lock);
    return idle;
}

/* Offers an idle thread the comparison of what will come through the queue; false when none
 * is idle any more. */
static bool offer(struct row_task *task)
{
    struct job *job = task->job;
    bool found;

    pthread_mutex_lock(&job->lock);
    found = job->idle > 0;
    if (found) {
        job->idle--;
        task->next_offer = job->offers;
        job->offers = task;
        pthread_cond_broadcast(&job->changed);
    }
    pthread_mutex_unlock(&job->lock);
    return found;
}

/* Decodes the rest of a row for the thread that took the offer. */
static enum fletch_status decode_for(struct row_task *task,
                                     struct fletch_verify_worker *worker,
                                     struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK, other;
    struct fletch_error other_err;
    const void *bytes;
    size_t size = 1;
    uint8_t *room;

    while (!status && size && (room = fletch_piece_queue_room(&task->queue))) {
        worker->proof->output->cursor_set_output(worker->cursor, room);
        status = fletch_comparison_next(&task->comparison, worker, &bytes, &size, err);
        if (!status && size)
            fletch_piece_queue_put(&task->queue, bytes, size);
    }
    worker->proof->output->cursor_set_output(worker->cursor, NULL);
    other = fletch_piece_queue_end(&task->queue, &other_err);
    return status || !other ? status : fletch_fail(err, other, "%s", other_err.message);
}

static void compare_for(struct row_task *task, struct fletch_verify_worker *worker)
{
    struct fletch_error err = { 0 };
    enum fletch_status status = FLETCH_OK;
    const void *bytes;
    size_t size;

    while (!status && fletch_piece_queue_take(&task->queue, &bytes, &size))
        status = take_piece(task, worker, bytes, size, &err);
    fletch_piece_queue_leave(&task->queue, status, &err);
}

static enum fletch_status share(struct row_task *task, struct fletch_verify_worker *worker,
                                bool *shared, struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    TRY(fletch_piece_queue_open(&task->queue, err));
    *shared = offer(task);
    if (*shared)
        status = decode_for(task, worker, err);
    fletch_piece_queue_close(&task->queue);
    return status;
}

static enum fletch_status verify_row(struct row_task *task,
                                     struct fletch_verify_worker *worker,
                                     const struct fletch_row_match *match,
                                     struct fletch_error *err)
{
    const void *bytes;
    size_t size = 1;
    bool shared = false;

    TRY(fletch_comparison_begin(&task->comparison, worker, match, err));
    while (size && !shared) {
        if (may_share(task)) {
            TRY(share(task, worker, &shared, err));
            continue;
        }
        TRY(fletch_comparison_next(&task->comparison, worker, &bytes, &size, err));
        TRY(take_piece(task, worker, bytes, size, err));
    }
    return fletch_comparison_end(&task->comparison, worker, err);
}

/* ---- All rows ---- */

/* Call with the lock held; waits until there is memory for the next row. NULL: none is
 * left. */
static const struct fletch_row_match *take(struct job *job)
{
    while (!job->status && job->next < job->count) {
        const struct fletch_row_match *match = &job->matches[job->next];
        uint64_t large = job->reader->rows[match->row].whole_size;

        if (large < LARGE_MIN || !job->large_used ||
            job->large_used + large <= job->proof->large_limit) {
            job->next++;
            job->large_used += large < LARGE_MIN ? 0 : large;
            return match;
        }
        pthread_cond_wait(&job->changed, &job->lock);
    }
    return NULL;
}

/* After a row that was held whole, frees the cursor's buffers. */
static enum fletch_status give_back(struct job *job, const struct fletch_row_match *match,
                                    struct fletch_verify_worker *worker,
                                    struct fletch_error *err)
{
    uint64_t large = job->reader->rows[match->row].whole_size;
    enum fletch_status status = FLETCH_OK;

    if (large < LARGE_MIN)
        return FLETCH_OK;
    worker->proof->output->cursor_close(worker->cursor);
    worker->cursor = NULL;
    status = worker->proof->output->cursor_open(&worker->cursor, job->reader, err);
    pthread_mutex_lock(&job->lock);
    job->large_used -= large;
    pthread_mutex_unlock(&job->lock);
    return status;
}

/* Call with the lock held. */
static void count_row(struct job *job, const struct row_task *task)
{
    const struct fletch_row_match *match = task->comparison.match;

    job->done++;
    job->done_bytes += task->whole - task->reported;
    job->found.rows++;
    job->found.parameters += job->reader->rows[match->row].count;
    job->found.compared_bytes += match->plan ? match->plan->tensor->size : 0;
    job->found.hashes += match->sha256 ? 1 : 0;
    job->found.crcs += task->comparison.has_crc ? 1 : 0;
    tell(job);
}

/* Call with the lock held; it is released meanwhile. */
static enum fletch_status run_row(struct job *job, const struct fletch_row_match *match,
                                  struct fletch_verify_worker *worker,
                                  struct fletch_error *err)
{
    struct row_task task = { .job = job, .whole = weight(job, match) };
    enum fletch_status status;

    job->busy++;
    pthread_mutex_unlock(&job->lock);
    status = verify_row(&task, worker, match, err);
    if (!status)
        status = give_back(job, match, worker, err);
    pthread_mutex_lock(&job->lock);
    job->busy--;
    if (!status)
        count_row(job, &task);
    pthread_cond_broadcast(&job->changed);
    return status;
}

/* Call with the lock held; waits. A row to help with, or NULL when none will come. */
static struct row_task *wait_for_offer(struct job *job)
{
    struct row_task *offered;

    job->idle++;
    while (!job->offers && job->busy && !job->status)
        pthread_cond_wait(&job->changed, &job->lock);
    offered = job->offers;
    if (offered)
        job->offers = offered->next_offer;
    else
        job->idle--;
    return offered;
}

static void worker_main(unsigned index, void *user)
{
    struct job *job = user;
    struct fletch_error err = { 0 };
    struct fletch_verify_worker worker = { 0 };
    enum fletch_status status =
        fletch_verify_worker_open(&worker, job->reader, job->proof, &err);
    const struct fletch_row_match *match;
    struct row_task *offered;

    (void)index;
    pthread_mutex_lock(&job->lock);
    while (!status) {
        if ((match = take(job))) {
            status = run_row(job, match, &worker, &err);
        } else if ((offered = wait_for_offer(job))) {
            pthread_mutex_unlock(&job->lock);
            compare_for(offered, &worker);
            pthread_mutex_lock(&job->lock);
        } else {
            break;
        }
    }
    if (status && !job->status)
        job->status = fletch_fail(job->err, status, "%s", err.message);
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
    fletch_verify_worker_close(&worker);
}

/* ---- Names ---- */

static int compare_rows(const void *a, const void *b, void *user)
{
    const struct fletch_reader *reader = user;
    const size_t *x = a, *y = b;

    return strcmp(reader->rows[*x].name, reader->rows[*y].name);
}

/* The row with that name among the sorted indices; duplicate names were refused earlier. */
static const size_t *find_row(const size_t *sorted, const struct fletch_reader *reader,
                              const char *name)
{
    size_t low = 0, high = reader->rows_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(reader->rows[sorted[middle]].name, name);

        if (!order)
            return &sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static enum fletch_status match_plan(struct job *job, size_t *sorted,
                                     struct fletch_error *err)
{
    const struct fletch_row_plans *plans = job->proof->plans;
    const struct fletch_reader *reader = job->reader;

    for (size_t i = 0; i < plans->rows_count; i++) {
        const size_t *found = find_row(sorted, reader, plans->rows[i].name);

        if (!found)
            return fletch_fail(err, FLETCH_ERR_VERIFY,
                               "row '%s' is missing from the file (of tensor '%s')",
                               plans->rows[i].name, plans->rows[i].tensor_name);
        job->matches[*found].plan = &plans->rows[i];
    }
    for (size_t i = 0; i < reader->rows_count; i++)
        if (!job->matches[i].plan)
            return fletch_fail(
                err, FLETCH_ERR_VERIFY,
                "row '%s' is in the file, but nothing in the source becomes it",
                reader->rows[i].name);
    return FLETCH_OK;
}

static enum fletch_status match_rows(struct job *job, struct fletch_error *err)
{
    const struct fletch_reader *reader = job->reader;
    size_t *sorted = fletch_alloc_array(reader->rows_count, sizeof(*sorted));
    enum fletch_status status = FLETCH_OK;

    if (!sorted)
        return fletch_fail_memory(err, reader->rows_count * sizeof(*sorted),
                                  "the rows' names");
    for (size_t i = 0; i < reader->rows_count; i++) {
        const json_t *row = json_object_get(job->proof->rows, reader->rows[i].name);

        sorted[i] = i;
        job->matches[i] = (struct fletch_row_match){
            .row = i, .sha256 = json_string_value(json_object_get(row, "sha256"))
        };
    }
    fletch_os_sort(sorted, reader->rows_count, sizeof(*sorted), compare_rows,
                   (void *)(uintptr_t)reader);
    for (size_t i = 1; i < reader->rows_count && !status; i++)
        if (!strcmp(reader->rows[sorted[i - 1]].name, reader->rows[sorted[i]].name))
            status = fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s' is in the file twice",
                                 reader->rows[sorted[i]].name);
    if (!status && job->proof->plans)
        status = match_plan(job, sorted, err);
    fletch_free(sorted);
    return status;
}

static int largest_first(const void *a, const void *b, void *user)
{
    uint64_t x = weight(user, a), y = weight(user, b);

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Two threads per row, but no more than there are pieces: a small file need not pay for
 * idle threads. */
static unsigned useful_threads(const struct job *job)
{
    uint64_t most = job->total / FLETCH_PIECE_SIZE + 1;

    most = most < 2 * job->count ? most : 2 * job->count;
    return most < job->proof->threads ? (unsigned)most : job->proof->threads;
}

enum fletch_status fletch_proof_run(struct fletch_verification *out,
                                    const struct fletch_reader *reader,
                                    const struct fletch_proof *proof,
                                    struct fletch_error *err)
{
    struct job job = {
        .proof = proof, .reader = reader, .count = reader->rows_count, .err = err
    };
    enum fletch_status status;

    job.matches = fletch_alloc_array(job.count, sizeof(*job.matches));
    if (!job.matches)
        return fletch_fail_memory(err, job.count * sizeof(*job.matches), "the rows");
    pthread_mutex_init(&job.lock, NULL);
    pthread_cond_init(&job.changed, NULL);
    status = match_rows(&job, err);
    if (!status) {
        for (size_t i = 0; i < job.count; i++)
            job.total += weight(&job, &job.matches[i]);
        fletch_os_sort(job.matches, job.count, sizeof(*job.matches), largest_first, &job);
        fletch_pool_run(useful_threads(&job), worker_main, &job);
        status = job.status;
    }
    job.found.compared = proof->plans || json_is_object(proof->rows);
    if (!status)
        *out = job.found;
    pthread_cond_destroy(&job.changed);
    pthread_mutex_destroy(&job.lock);
    fletch_free(job.matches);
    return status;
}
