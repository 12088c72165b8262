/* SPDX-License-Identifier: MIT */
/* pipeline.c - rows in order through a ring of slots
 *
 * The work is divided into pieces: FLETCH_PIECE_SIZE of a row's page (a whole page if the
 * codec cannot join pieces), numbered in file order. A thread
 *
 * - takes the next number and with it a slot of the ring: in order, under the lock;
 * - makes it: reads the source, casts, and compresses into the slot, in parallel with other
 *   threads;
 * - hashes finished slots: those of one row in order, different rows in parallel in HASHERS
 *   lanes; any thread may do it;
 * - commits hashed slots: sums and writes them; any thread may do it, one at a time, in
 *   order; then the slot is free again.
 *
 * Invariants:
 * 1. Only the committer touches the file, in the order of the numbers: its bytes depend on
 * the plan, the codec and the level, not on threads or time.
 * 2. A number is taken only together with its memory: a slot, and for pages that cannot be
 * split a share of `large_limit`. Numbers are taken in order, so the oldest always has what
 * it needs and the ring never deadlocks.
 * 3. The first error stops all threads at their next chunk.
 */
#include "convert/pipeline.h"

#include "base/pool.h"
#include "convert/commit.h"
#include "convert/sampling.h"

#include <pthread.h>

/* How many rows can be hashed at the same time: hashing takes as long as reading, casting
 * and compressing together, on a processor with instructions for all of that. */
#define HASHERS 4

struct slot {
    struct fletch_slot made;
    enum { TAKEN, MADE, HASHED } stage;
    uint64_t large; /* bytes of the limit that it holds */
};

/* Hashes the rows whose index modulo HASHERS is the lane's. */
struct lane {
    struct fletch_sha256 sha;
    uint64_t next; /* numbers below it have been hashed here */
    bool busy;     /* then its thread owns `sha` */
};

/* A row group being sampled by all threads that need the result. */
struct judging {
    bool begun;
    struct fletch_sampling sampling;
    struct fletch_samples samples; /* their sum */
    uint64_t next, done;           /* samples */
};

struct run {
    const struct fletch_pipeline *pipeline;
    struct fletch_error *err;
    struct fletch_committer committer; /* of the thread that is committing */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct slot *slots; /* [slots_count]; number n lives in slots[n % slots_count] */
    size_t slots_count;
    uint64_t taken, committed; /* numbers */
    struct lane lanes[HASHERS];
    size_t next_row;      /* to take */
    uint64_t next_begin;  /* bytes into its value */
    size_t judged_groups; /* groups whose effort is known */
    struct judging judging;
    bool committing, stopped;
    enum fletch_effort *efforts; /* [groups_count] */
    uint64_t large_used, large_limit;
    enum fletch_status status; /* the first failure */
};

/* Call with the lock held. */
static void fail(struct run *run, enum fletch_status status, const struct fletch_error *err)
{
    if (!run->status) {
        run->status = fletch_fail(run->err, status, "%s", err->message);
        run->stopped = true;
    }
    pthread_cond_broadcast(&run->changed);
}

/* ---- Taking ---- */

/* The memory that making the segment needs beyond its slot's standard buffers. */
static uint64_t large_size(const struct run *run, const struct fletch_segment *segment)
{
    size_t content = segment->segment_size + run->pipeline->plans->output->prefix_size;

    if (content <= FLETCH_LARGE_MIN)
        return 0;
    return segment->segment_size + run->pipeline->codec->bound(content);
}

/* Call with the lock held, when all the group's samples are taken or there are none. */
static void judge(struct run *run)
{
    struct judging *judging = &run->judging;

    run->efforts[run->judged_groups++] =
        judging->sampling.count
            ? fletch_codec_effort(&judging->samples, run->pipeline->codec)
            : FLETCH_EFFORT_STORE;
    *judging = (struct judging){ 0 };
    pthread_cond_broadcast(&run->changed);
}

/* Call with the lock held; it is released meanwhile. Takes one sample of the first group
 * that is not judged; false when other threads are taking the last ones. */
static bool sample_one(struct run *run, struct fletch_workbench *bench)
{
    struct judging *judging = &run->judging;
    const struct fletch_sampling sampling =
        judging->begun ? judging->sampling
                       : fletch_sampling_of(run->pipeline, run->judged_groups);
    struct fletch_samples found = { 0 };
    struct fletch_error err = { 0 };
    enum fletch_status status = FLETCH_OK;

    judging->begun = true;
    judging->sampling = sampling;
    if (judging->next < sampling.count) {
        uint64_t i = judging->next++;

        pthread_mutex_unlock(&run->lock);
        status = fletch_sampling_take(&found, &sampling, i, bench, &err);
        pthread_mutex_lock(&run->lock);
        judging->samples.content += found.content;
        judging->samples.matched += found.matched;
        judging->samples.entropy += found.entropy;
        judging->done++;
    } else if (judging->done < sampling.count) {
        return false;
    }
    if (status)
        fail(run, status, &err);
    else if (judging->done == sampling.count)
        judge(run);
    return true;
}

/* Call with the lock held. The next segment of the plan; its group's effort is known. */
static struct fletch_segment next_segment(const struct run *run, enum fletch_effort effort)
{
    const struct fletch_row_plan *row = &run->pipeline->plans->rows[run->next_row];
    struct fletch_segment segment = {
        .row = row, .dtype = row->dtype, .size = row->size, .begin = run->next_begin
    };
    uint64_t left = row->size - run->next_begin;

    segment.segment_size = (size_t)left;
    if (fletch_segment_is_cut(run->pipeline, effort) && left > FLETCH_PIECE_SIZE)
        segment.segment_size = FLETCH_PIECE_SIZE;
    return segment;
}

/* Call with the lock held. Fills in the slot of the next number, if one is free and the
 * memory for a large segment is available; else NULL. */
static struct slot *take_slot(struct run *run, enum fletch_effort effort)
{
    struct fletch_segment segment = next_segment(run, effort);
    uint64_t large = large_size(run, &segment);
    struct slot *slot;

    if (run->taken - run->committed >= run->slots_count)
        return NULL;
    if (large && run->large_used && run->large_used + large > run->large_limit)
        return NULL;
    slot = &run->slots[run->taken++ % run->slots_count];
    slot->made.segment = segment;
    slot->made.row = run->next_row;
    slot->made.effort = effort;
    slot->stage = TAKEN;
    slot->large = large;
    run->large_used += large;
    run->next_begin += segment.segment_size;
    if (run->next_begin == segment.size) {
        run->next_row++;
        run->next_begin = 0;
    }
    return slot;
}

/* Call with the lock held; waits. The slot of the next number, or NULL when there is none
 * left. */
static struct slot *take(struct run *run, struct fletch_workbench *bench)
{
    const struct fletch_row_plans *plans = run->pipeline->plans;

    while (!run->stopped && run->next_row < plans->rows_count) {
        size_t group = plans->rows[run->next_row].group;

        if (group < run->judged_groups) {
            struct slot *slot = take_slot(run, run->efforts[group]);

            if (slot)
                return slot;
        } else if (sample_one(run, bench)) {
            continue;
        }
        pthread_cond_wait(&run->changed, &run->lock);
    }
    return NULL;
}

/* ---- The threads ---- */

/* Call with the lock held. The lane's next slot, if it is made. */
static struct slot *next_to_hash(struct run *run, size_t index)
{
    struct lane *lane = &run->lanes[index];

    if (lane->next < run->committed)
        lane->next = run->committed;
    for (; lane->next < run->taken; lane->next++) {
        struct slot *slot = &run->slots[lane->next % run->slots_count];

        if (slot->made.row % HASHERS == index && slot->stage != HASHED)
            return slot->stage == MADE ? slot : NULL;
    }
    return NULL;
}

/* Call with the lock held; it is released meanwhile. True when there was something to
 * hash. */
static bool hash_one(struct run *run)
{
    for (size_t i = 0; i < HASHERS; i++) {
        struct lane *lane = &run->lanes[i];
        struct slot *slot = lane->busy ? NULL : next_to_hash(run, i);

        if (!slot)
            continue;
        lane->busy = true;
        pthread_mutex_unlock(&run->lock);
        fletch_slot_hash(&slot->made, &lane->sha);
        pthread_mutex_lock(&run->lock);
        lane->busy = false;
        slot->stage = HASHED;
        return true;
    }
    return false;
}

/* Call with the lock held; it is released meanwhile. True when there was something to
 * commit. */
static bool commit_one(struct run *run, struct fletch_workbench *bench)
{
    struct slot *slot = &run->slots[run->committed % run->slots_count];
    struct fletch_error err = { 0 };
    enum fletch_status status;

    if (run->committing || run->committed == run->taken || slot->stage != HASHED)
        return false;
    run->committing = true;
    pthread_mutex_unlock(&run->lock);
    status = fletch_commit(&run->committer, &slot->made, bench, &err);
    pthread_mutex_lock(&run->lock);
    run->committing = false;
    run->committed++;
    run->large_used -= slot->large;
    /* free large buffers; keep the standard ones for the next number */
    if (slot->large)
        fletch_slot_empty(&slot->made);
    if (status)
        fail(run, status, &err);
    pthread_cond_broadcast(&run->changed);
    return true;
}

static void work(unsigned index, void *user)
{
    struct run *run = user;
    struct fletch_workbench bench = { 0 };
    struct fletch_error err = { 0 };
    enum fletch_status status = fletch_workbench_open(&bench, run->pipeline, &err);
    struct slot *slot;

    (void)index;
    pthread_mutex_lock(&run->lock);
    if (status)
        fail(run, status, &err);
    while (!status && (slot = take(run, &bench))) {
        pthread_mutex_unlock(&run->lock);
        status = fletch_slot_make(&slot->made, &bench, &err);
        pthread_mutex_lock(&run->lock);
        slot->stage = fletch_segment_is_whole(&slot->made.segment) ? HASHED : MADE;
        if (status)
            fail(run, status, &err);
        while (!run->stopped && (commit_one(run, &bench) || hash_one(run)))
            ;
    }
    pthread_mutex_unlock(&run->lock);
    fletch_workbench_close(&bench);
}

/* ---- The run ---- */

static enum fletch_status run_open(struct run *run, struct fletch_error *err)
{
    const struct fletch_row_plans *plans = run->pipeline->plans;

    run->slots_count = run->pipeline->budget.slots;
    run->large_limit = run->pipeline->budget.large_limit;
    run->slots = fletch_alloc_array(run->slots_count, sizeof(*run->slots));
    run->efforts = fletch_alloc_array(plans->groups_count, sizeof(*run->efforts));
    if (!run->slots || !run->efforts)
        return fletch_fail_memory(err, plans->groups_count, "the pipeline");
    return FLETCH_OK;
}

static void run_release(struct run *run)
{
    for (size_t i = 0; run->slots && i < run->slots_count; i++)
        fletch_slot_empty(&run->slots[i].made);
    fletch_free(run->slots);
    fletch_free(run->efforts);
    fletch_committer_close(&run->committer);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->lock);
}

/* No more threads than pieces of work: small models need not pay for idle ones. */
static unsigned useful_threads(const struct fletch_pipeline *pipeline)
{
    const struct fletch_row_plans *plans = pipeline->plans;
    uint64_t pieces = plans->stored_bytes / FLETCH_PIECE_SIZE + 1;

    return pieces < pipeline->budget.threads ? (unsigned)pieces : pipeline->budget.threads;
}

enum fletch_status fletch_pipeline_run(struct fletch_row_outcome *outcomes,
                                       uint64_t *written, uint64_t *footer_at,
                                       const struct fletch_file *file,
                                       const struct fletch_pipeline *pipeline,
                                       struct fletch_error *err)
{
    struct run run = { .pipeline = pipeline, .err = err };
    enum fletch_status status;

    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.changed, NULL);
    status = run_open(&run, err);
    if (!status)
        status = fletch_committer_open(&run.committer, outcomes, file, pipeline, err);
    if (!status) {
        fletch_pool_run(useful_threads(pipeline), work, &run);
        status = run.status;
    }
    if (!status)
        status = fletch_commit_end(&run.committer, written, footer_at, err);
    run_release(&run);
    return status;
}
