/* SPDX-License-Identifier: MIT */
/* pipeline.c - rows in order through a ring of slots
 *
 * The work is cut into pieces: FLETCH_PIECE_SIZE of a row's page (a whole page where the
 * codec cannot join pieces), numbered in the order of the file. A thread
 *
 * - takes the next number and with it a slot of the ring: in order, under the lock;
 * - makes it, that is reads the source, casts, compresses into the slot: all threads at
 * once;
 * - commits every finished slot that is next in order, that is hashes, sums and writes it:
 *   whoever comes by, one at a time, in order; then the slot is free again.
 *
 * Invariants:
 * 1. The file is only touched by the committer, in the order of the numbers: its bytes
 * depend on the plan, the codec and the level, not on threads or time.
 * 2. A number is taken only with its memory: a slot, and for pages that cannot be cut a
 * share of `large_limit`. Numbers are taken in order, so the oldest always has what it
 * needs and the ring never locks up.
 * 3. The first error stops everybody at the next chunk.
 *
 * A float16 row in which a value overflows is taken back when the committer meets it, and
 * written anew in its wide type by the committer itself; pieces of it that are still under
 * way are dropped.
 */
#include "convert/pipeline.h"

#include "base/pool.h"
#include "convert/piece.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

/* A page that cannot be cut may always be this large without asking for a share. */
#define LARGE_MIN (2 * FLETCH_PIECE_SIZE)
struct slot {
    struct fletch_part_of_row part;
    size_t row; /* index in the plan */
    enum fletch_effort effort;
    struct fletch_cast_report report;
    uint32_t crc;                       /* of its source, where the tensor's is known */
    uint8_t sha256[FLETCH_SHA256_SIZE]; /* when the part is the whole value */
    uint8_t *content;                   /* [content_cap]: prefix and value */
    size_t content_cap;
    uint8_t *packed; /* [packed_cap]: compressed */
    size_t packed_cap;
    const uint8_t *out; /* [out_size]: what is to be written; in content or packed */
    size_t out_size;
    uint64_t large; /* bytes of the limit that it holds */
    bool ready;
};

struct run {
    const struct fletch_pipeline *pipeline;
    struct fletch_row_outcome *outcomes;
    struct fletch_writer *writer;
    struct fletch_error *err;
    struct fletch_sha256 sha; /* of the row being committed; committer only */
    uint32_t crc;             /* of its source so far; committer only */
    size_t group;             /* being written; committer only, as the next */
    bool group_is_open;
    uint64_t committed_bytes; /* of the source; committer only */
    size_t committed_rows;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct slot *slots; /* [slots_count]; number n lives in slots[n % slots_count] */
    size_t slots_count;
    uint64_t taken, committed; /* numbers */
    size_t next_row;           /* to take */
    uint64_t next_begin;       /* bytes into its value */
    size_t judged_groups;      /* groups whose effort is known */
    bool judging, committing, stopped;
    enum fletch_effort *efforts; /* [groups_count] */
    bool *rewritten;             /* [rows_count]: written anew in the wide type */
    uint64_t large_used, large_limit;
    enum fletch_status status; /* the first failure */
};

/* ---- Taking ---- */

static bool cuts(const struct run *run, enum fletch_effort effort)
{
    return run->pipeline->codec->joins || effort == FLETCH_EFFORT_STORE;
}

/* Bytes that making the part needs beyond its slot's standard buffers. */
static uint64_t large_size(const struct run *run, const struct fletch_part_of_row *part)
{
    if (part->part_size + FLETCH_PAGE_PREFIX <= LARGE_MIN)
        return 0;
    return part->part_size +
           run->pipeline->codec->bound(part->part_size + FLETCH_PAGE_PREFIX);
}

/* Under the lock. Judges the group of the next row, with the lock released meanwhile. */
static void judge_group(struct run *run, struct fletch_workbench *bench)
{
    size_t group = run->judged_groups;
    enum fletch_effort effort = FLETCH_EFFORT_MATCH;
    struct fletch_error err = { 0 };
    enum fletch_status status;

    run->judging = true;
    pthread_mutex_unlock(&run->lock);
    status = fletch_group_effort(&effort, group, bench, &err);
    pthread_mutex_lock(&run->lock);
    run->judging = false;
    if (status && !run->status) {
        run->status = fletch_fail(run->err, status, "%s", err.message);
        run->stopped = true;
    }
    run->efforts[group] = effort;
    run->judged_groups = group + 1;
    pthread_cond_broadcast(&run->changed);
}

/* Under the lock. The next part of the plan; its group's effort is known. */
static struct fletch_part_of_row next_part(const struct run *run, enum fletch_effort effort)
{
    const struct fletch_row_plan *row = &run->pipeline->plans->rows[run->next_row];
    struct fletch_part_of_row part = {
        .row = row, .dtype = row->dtype, .size = row->size, .begin = run->next_begin
    };
    uint64_t left = row->size - run->next_begin;

    part.part_size = (size_t)left;
    if (cuts(run, effort) && left > FLETCH_PIECE_SIZE)
        part.part_size = FLETCH_PIECE_SIZE;
    return part;
}

/* Under the lock: the slot of the next number, filled in, when there is one and what a
 * large part needs may be had; else NULL. */
static struct slot *take_slot(struct run *run, enum fletch_effort effort)
{
    struct fletch_part_of_row part = next_part(run, effort);
    uint64_t large = large_size(run, &part);
    struct slot *slot;

    if (run->taken - run->committed >= run->slots_count)
        return NULL;
    if (large && run->large_used && run->large_used + large > run->large_limit)
        return NULL;
    slot = &run->slots[run->taken++ % run->slots_count];
    slot->part = part;
    slot->row = run->next_row;
    slot->effort = effort;
    slot->large = large;
    run->large_used += large;
    run->next_begin += part.part_size;
    if (run->next_begin == part.size) {
        run->next_row++;
        run->next_begin = 0;
    }
    return slot;
}

/* Under the lock; waits. The slot of the next number, or NULL when there is nothing left to
 * take. */
static struct slot *take(struct run *run, struct fletch_workbench *bench)
{
    const struct fletch_row_plans *plans = run->pipeline->plans;

    while (!run->stopped && run->next_row < plans->rows_count) {
        size_t group = plans->rows[run->next_row].group;

        if (group < run->judged_groups) {
            struct slot *slot = take_slot(run, run->efforts[group]);

            if (slot)
                return slot;
        } else if (!run->judging) {
            judge_group(run, bench);
            continue;
        }
        pthread_cond_wait(&run->changed, &run->lock);
    }
    return NULL;
}

/* ---- Making ---- */

static enum fletch_status make_room(uint8_t **buffer, size_t *cap, size_t size,
                                    struct fletch_error *err)
{
    if (*cap >= size)
        return FLETCH_OK;
    fletch_free(*buffer);
    *cap = 0;
    *buffer = fletch_resize(NULL, size, 1);
    if (!*buffer)
        return fletch_fail_memory(err, size, "a page");
    *cap = size;
    return FLETCH_OK;
}

/* Compresses content [prefix and] value of the slot's part; *out is in the slot. */
static enum fletch_status pack(struct slot *slot, const uint8_t *content, size_t size,
                               struct fletch_workbench *bench, struct fletch_error *err)
{
    const struct fletch_codec *codec = bench->pipeline->codec;
    const struct fletch_part_of_row *part = &slot->part;
    struct fletch_piece piece = {
        .bytes = content,
        .size = size,
        .offset = part->begin ? part->begin + FLETCH_PAGE_PREFIX : 0,
        .page_size = part->size + FLETCH_PAGE_PREFIX,
        .effort = slot->effort,
    };

    slot->out = content;
    slot->out_size = size;
    if (slot->effort == FLETCH_EFFORT_STORE)
        return FLETCH_OK;
    TRY(make_room(&slot->packed, &slot->packed_cap, codec->bound(size), err));
    TRY(codec->encode(bench->encoder, &piece, slot->packed, slot->packed_cap,
                      &slot->out_size, err));
    slot->out = slot->packed;
    return FLETCH_OK;
}

static enum fletch_status make(struct slot *slot, struct fletch_workbench *bench,
                               struct fletch_error *err)
{
    const struct fletch_part_of_row *part = &slot->part;
    bool first = !part->begin;
    uint8_t *value;

    slot->report = (struct fletch_cast_report){ 0 };
    TRY(make_room(&slot->content, &slot->content_cap, part->part_size + FLETCH_PAGE_PREFIX,
                  err));
    value = slot->content + FLETCH_PAGE_PREFIX;
    slot->crc = 0;
    TRY(fletch_part_read(value, part, bench, &slot->report,
                         part->row->tensor->crc ? &slot->crc : NULL, err));
    if (first)
        fletch_page_prefix(slot->content, part->size);
    if (part->part_size == part->size) {
        TRY(fletch_sha256_open(&bench->sha, err));
        fletch_sha256_put(&bench->sha, value, part->part_size);
        fletch_sha256_finish(&bench->sha, slot->sha256);
    }
    return pack(slot, first ? slot->content : value,
                part->part_size + (first ? FLETCH_PAGE_PREFIX : 0), bench, err);
}

/* ---- Committing ---- */

static enum fletch_status begin_row(struct run *run, const struct slot *slot,
                                    struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->part.row;
    struct fletch_writer_row written = {
        .name = row->name,
        .shape = row->tensor->shape,
        .rank = row->tensor->rank,
        .dtype = fletch_dtype_text(slot->part.dtype),
        .count = row->tensor->count,
        .size = slot->part.size,
    };

    if (!run->group_is_open || run->group != row->group) {
        if (run->group_is_open)
            TRY(fletch_writer_end_group(run->writer, err));
        run->group = row->group;
        run->group_is_open = true;
        TRY(fletch_writer_begin_group(run->writer,
                                      slot->effort == FLETCH_EFFORT_STORE
                                          ? FLETCH_CODEC_ID_NONE
                                          : run->pipeline->codec->id,
                                      err));
    }
    return fletch_writer_begin_row(run->writer, &written, err);
}

/* The source of a part, in bytes. */
static uint64_t source_size(const struct fletch_part_of_row *part)
{
    return part->part_size / fletch_dtype_size(part->dtype) *
           fletch_dtype_size(part->row->tensor->dtype);
}

static enum fletch_status check_source(const struct run *run, const struct slot *slot,
                                       struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->part.row;
    const struct fletch_tensor *tensor = row->tensor;

    if (!tensor->crc || run->crc == tensor->crc)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "%s: tensor '%.200s': CRC-32 of its %" PRIu64
                       " bytes from byte %" PRIu64 " on is %08" PRIx32
                       ", expected %08" PRIx32 " as the archive says",
                       row->checkpoint->files[tensor->file].name, row->tensor_name,
                       tensor->size, tensor->offset, run->crc, tensor->crc);
}

static enum fletch_status end_row(struct run *run, const struct slot *slot,
                                  struct fletch_error *err)
{
    struct fletch_row_outcome *outcome = &run->outcomes[slot->row];
    struct fletch_written written;

    TRY(check_source(run, slot, err));
    TRY(fletch_writer_end_row(run->writer, &written, err));
    outcome->dtype = slot->part.dtype;
    outcome->size = slot->part.size;
    outcome->compressed_size = written.compressed_size;
    if (slot->part.part_size == slot->part.size)
        memcpy(outcome->sha256, slot->sha256, sizeof(outcome->sha256));
    else
        fletch_sha256_finish(&run->sha, outcome->sha256);
    run->committed_rows++;
    return FLETCH_OK;
}

static void tell(struct run *run, const struct slot *slot)
{
    const struct fletch_options *options = run->pipeline->options;
    struct fletch_progress progress = {
        .stage = FLETCH_STAGE_WRITE,
        .total = run->pipeline->plans->source_bytes,
        .tensors_done = run->committed_rows,
        .tensors_total = run->pipeline->plans->rows_count,
    };

    run->committed_bytes += source_size(&slot->part);
    progress.done = run->committed_bytes;
    if (options->progress)
        options->progress(&progress, options->user);
}

/* One part, in order, whose row's page is open. */
static enum fletch_status put_part(struct run *run, const struct slot *slot,
                                   struct fletch_error *err)
{
    const struct fletch_part_of_row *part = &slot->part;
    const uint8_t *value = slot->content + FLETCH_PAGE_PREFIX;

    if (part->part_size != part->size) {
        if (!part->begin)
            TRY(fletch_sha256_open(&run->sha, err));
        fletch_sha256_put(&run->sha, value, part->part_size);
    }
    run->crc = fletch_crc32_join(part->begin ? run->crc : 0, slot->crc, source_size(part));
    return fletch_writer_put(run->writer, slot->out, slot->out_size, err);
}

/* Writes a row in its wide type, part by part, with a slot and a workbench of its own. */
static enum fletch_status write_wide(struct run *run, const struct slot *narrow,
                                     struct slot *slot, struct fletch_workbench *bench,
                                     struct fletch_error *err)
{
    const struct fletch_row_plan *row = narrow->part.row;
    size_t width = fletch_dtype_size(row->wide);
    struct fletch_cast_report *report = &run->outcomes[narrow->row].report;
    uint64_t step = cuts(run, narrow->effort) ? FLETCH_PIECE_SIZE : UINT64_MAX;

    *report = (struct fletch_cast_report){ 0 };
    slot->row = narrow->row;
    slot->effort = narrow->effort;
    slot->part = (struct fletch_part_of_row){ .row = row,
                                              .dtype = row->wide,
                                              .size = row->tensor->count * width };
    for (uint64_t begin = 0; begin < slot->part.size; begin += slot->part.part_size) {
        uint64_t left = slot->part.size - begin;

        slot->part.begin = begin;
        slot->part.part_size = (size_t)(left < step ? left : step);
        TRY(make(slot, bench, err));
        fletch_cast_report_add(report, &slot->report);
        if (!begin)
            TRY(begin_row(run, slot, err));
        TRY(put_part(run, slot, err));
    }
    return end_row(run, slot, err);
}

static enum fletch_status rewrite(struct run *run, const struct slot *narrow,
                                  struct fletch_error *err)
{
    const struct fletch_row_plan *row = narrow->part.row;
    uint64_t size = row->tensor->count * fletch_dtype_size(row->wide);
    struct fletch_workbench bench = { 0 };
    struct slot slot = { 0 };
    enum fletch_status status;

    if (size > FLETCH_VALUE_SIZE_MAX)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "tensor '%s': has values beyond float16, and as float32 it needs "
            "%" PRIu64 " bytes, the limit of a value is %" PRIu64
            "; --on-overflow inf would narrow it all the same",
            row->tensor_name, size, FLETCH_VALUE_SIZE_MAX);
    status = fletch_writer_take_back(run->writer, err);
    if (!status)
        status = fletch_workbench_open(&bench, run->pipeline, err);
    if (!status)
        status = write_wide(run, narrow, &slot, &bench, err);
    fletch_workbench_close(&bench);
    fletch_free(slot.content);
    fletch_free(slot.packed);
    return status;
}

static enum fletch_status meet_overflow(struct run *run, const struct slot *slot,
                                        bool *rewritten, struct fletch_error *err)
{
    enum fletch_overflow policy = run->pipeline->options->overflow;
    const struct fletch_row_plan *row = slot->part.row;

    if (policy == FLETCH_OVERFLOW_INF || row->wide == row->dtype)
        return FLETCH_OK;
    if (policy == FLETCH_OVERFLOW_ERROR)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "tensor '%s': holds values beyond float16 (65504 is its largest), and "
            "--on-overflow is error",
            row->tensor_name);
    *rewritten = true;
    return rewrite(run, slot, err);
}

static enum fletch_status commit(struct run *run, struct slot *slot,
                                 struct fletch_error *err)
{
    const struct fletch_part_of_row *part = &slot->part;
    struct fletch_row_outcome *outcome = &run->outcomes[slot->row];
    bool rewritten = run->rewritten[slot->row];

    outcome->overflowed += slot->report.overflowed;
    if (!rewritten) {
        fletch_cast_report_add(&outcome->report, &slot->report);
        if (!part->begin)
            TRY(begin_row(run, slot, err));
        if (slot->report.overflowed)
            TRY(meet_overflow(run, slot, &rewritten, err));
        run->rewritten[slot->row] = rewritten;
    }
    if (!rewritten) {
        TRY(put_part(run, slot, err));
        if (part->begin + part->part_size == part->size)
            TRY(end_row(run, slot, err));
    }
    tell(run, slot);
    return FLETCH_OK;
}

/* ---- The threads ---- */

static void fail(struct run *run, enum fletch_status status, const struct fletch_error *err)
{
    if (!run->status) {
        run->status = fletch_fail(run->err, status, "%s", err->message);
        run->stopped = true;
    }
    pthread_cond_broadcast(&run->changed);
}

/* Large buffers go back to the system; the standard ones stay for the next number. */
static void empty(struct run *run, struct slot *slot)
{
    run->large_used -= slot->large;
    slot->ready = false;
    if (!slot->large)
        return;
    fletch_free(slot->content);
    fletch_free(slot->packed);
    slot->content = slot->packed = NULL;
    slot->content_cap = slot->packed_cap = 0;
    slot->large = 0;
}

/* Under the lock, which is released while a slot is being committed. */
static void commit_ready(struct run *run)
{
    if (run->committing)
        return;
    run->committing = true;
    while (!run->stopped) {
        struct slot *slot = &run->slots[run->committed % run->slots_count];
        struct fletch_error err = { 0 };
        enum fletch_status status;

        if (run->committed == run->taken || !slot->ready)
            break;
        pthread_mutex_unlock(&run->lock);
        status = commit(run, slot, &err);
        pthread_mutex_lock(&run->lock);
        empty(run, slot);
        run->committed++;
        if (status)
            fail(run, status, &err);
        pthread_cond_broadcast(&run->changed);
    }
    run->committing = false;
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
        status = make(slot, &bench, &err);
        pthread_mutex_lock(&run->lock);
        if (status)
            fail(run, status, &err);
        else
            slot->ready = true;
        commit_ready(run);
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
    run->rewritten = fletch_alloc_array(plans->rows_count, sizeof(*run->rewritten));
    if (!run->slots || !run->efforts || !run->rewritten)
        return fletch_fail_memory(err, plans->rows_count, "the pipeline");
    return FLETCH_OK;
}

static void run_release(struct run *run)
{
    for (size_t i = 0; run->slots && i < run->slots_count; i++) {
        fletch_free(run->slots[i].content);
        fletch_free(run->slots[i].packed);
    }
    fletch_free(run->slots);
    fletch_free(run->efforts);
    fletch_free(run->rewritten);
    fletch_sha256_close(&run->sha);
    fletch_writer_close(run->writer);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->lock);
}

/* No more threads than there are pieces of work: small models do not pay for what they
 * cannot use. */
static unsigned useful_threads(const struct fletch_pipeline *pipeline)
{
    const struct fletch_row_plans *plans = pipeline->plans;
    uint64_t pieces = plans->stored_bytes / FLETCH_PIECE_SIZE + 1;

    return pieces < pipeline->budget.threads ? (unsigned)pieces : pipeline->budget.threads;
}

enum fletch_status fletch_pipeline_run(struct fletch_row_outcome *outcomes,
                                       uint64_t *written, uint64_t *tail,
                                       const struct fletch_file *file,
                                       const struct fletch_pipeline *pipeline,
                                       struct fletch_error *err)
{
    static const char *const pairs[][2] = { { "fletch.version", FLETCH_VERSION },
                                            { NULL, NULL } };
    struct run run = { .pipeline = pipeline, .outcomes = outcomes, .err = err };
    enum fletch_status status;

    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.changed, NULL);
    memset(outcomes, 0, pipeline->plans->rows_count * sizeof(*outcomes));
    status = run_open(&run, err);
    if (!status)
        status = fletch_writer_open(&run.writer, file, pairs, err);
    if (!status) {
        fletch_pool_run(useful_threads(pipeline), work, &run);
        status = run.status;
    }
    if (!status && pipeline->plans->rows_count)
        status = fletch_writer_end_group(run.writer, err);
    if (!status)
        status = fletch_writer_finish(run.writer, written, err);
    if (!status)
        *tail = fletch_writer_tail(run.writer);
    run_release(&run);
    return status;
}
