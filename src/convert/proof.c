/* SPDX-License-Identifier: MIT */
/* proof.c - see proof.h
 *
 * First the names: every planned row is in the file once, and nothing else is. Then the
 * values: the threads take rows, the largest first, and stream each through a cursor,
 * beside it the source, narrowed by the plain casts a chunk at a time. A thread that finds
 * no row left takes the comparing off one that is still busy with a large row, which then
 * only decodes.
 */
#include "convert/proof.h"

#include "base/os.h"
#include "base/pool.h"
#include "convert/compare.h"
#include "convert/relay.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are held whole and smaller than this do not ask for a share of the limit. */
#define LARGE_MIN ((uint64_t)2 << 20)

/* A row is shared when so much of it is left to decode. */
#define SHARE_MIN ((uint64_t)8 * FLETCH_PIECE_SIZE)

/* A row that is being compared. */
struct hearing {
    struct trial *trial;
    struct fletch_comparison comparison;
    uint64_t whole; /* the row's weight */
    uint64_t told;  /* of that */
    struct fletch_relay relay;
    struct hearing *next_offer;
};

struct trial {
    const struct fletch_proof *proof;
    const struct fletch_reader *reader;
    struct fletch_pairing *pairings; /* [count], the largest first */
    size_t count;
    uint64_t total; /* bytes, for progress */
    struct fletch_error *err;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t next, done;
    size_t busy; /* threads with a row */
    size_t idle; /* without one, and not called upon */
    struct hearing
        *offers;         /* rows for them, not taken yet: never more than there were idle */
    uint64_t large_used; /* by rows under way that are held whole */
    uint64_t done_bytes;
    struct fletch_verification found;
    enum fletch_status status;
};

/* ---- Telling ---- */

static uint64_t weight(const struct trial *trial, const struct fletch_pairing *pairing)
{
    return pairing->plan ? pairing->plan->tensor->size
                         : fletch_reader_size(&trial->reader->rows[pairing->row]);
}

/* Under the lock. */
static void tell(const struct trial *trial)
{
    const struct fletch_options *options = trial->proof->options;
    struct fletch_progress progress = {
        .stage = FLETCH_STAGE_VERIFY,
        .done = trial->done_bytes,
        .total = trial->total,
        .tensors_done = trial->done,
        .tensors_total = trial->count,
    };

    if (options->progress)
        options->progress(&progress, options->user);
}

/* A large row's share so far; what is left of it is told when it is done. */
static void tell_part(struct hearing *hearing)
{
    const struct fletch_reader_row *row = hearing->comparison.row;
    uint64_t position = hearing->comparison.position, share;

    if (row->size == UINT64_MAX || row->size < FLETCH_PIECE_SIZE || position > row->size)
        return;
    share = (uint64_t)((double)hearing->whole * ((double)position / (double)row->size));
    if (share <= hearing->told || share > hearing->whole)
        return;
    pthread_mutex_lock(&hearing->trial->lock);
    hearing->trial->done_bytes += share - hearing->told;
    tell(hearing->trial);
    pthread_mutex_unlock(&hearing->trial->lock);
    hearing->told = share;
}

/* ---- One row ---- */

static enum fletch_status take_piece(struct hearing *hearing, struct fletch_juror *juror,
                                     const void *bytes, size_t size,
                                     struct fletch_error *err)
{
    TRY(fletch_comparison_take(&hearing->comparison, juror, bytes, size, err));
    tell_part(hearing);
    return FLETCH_OK;
}

/* Whether enough is left of the row to share it, and somebody is idle. */
static bool may_share(const struct hearing *hearing)
{
    const struct fletch_reader_row *row = hearing->comparison.row;
    bool idle;

    if (row->size == UINT64_MAX || row->size < hearing->comparison.position + SHARE_MIN ||
        !fletch_comparison_is_even(&hearing->comparison))
        return false;
    pthread_mutex_lock(&hearing->trial->lock);
    idle = hearing->trial->idle > 0;
    pthread_mutex_unlock(&hearing->trial->lock);
    return idle;
}

/* Calls upon an idle thread to compare what will come through the relay; false when there
 * is none any more. */
static bool offer(struct hearing *hearing)
{
    struct trial *trial = hearing->trial;
    bool found;

    pthread_mutex_lock(&trial->lock);
    found = trial->idle > 0;
    if (found) {
        trial->idle--;
        hearing->next_offer = trial->offers;
        trial->offers = hearing;
        pthread_cond_broadcast(&trial->changed);
    }
    pthread_mutex_unlock(&trial->lock);
    return found;
}

/* Decodes what is left of a row for whoever took the offer. */
static enum fletch_status decode_for(struct hearing *hearing, struct fletch_juror *juror,
                                     struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK, other;
    struct fletch_error other_err;
    const void *bytes;
    size_t size = 1;
    uint8_t *room;

    while (!status && size && (room = fletch_relay_room(&hearing->relay))) {
        fletch_cursor_aim(juror->cursor, room);
        status = fletch_comparison_next(&hearing->comparison, juror, &bytes, &size, err);
        if (!status && size)
            fletch_relay_put(&hearing->relay, bytes, size);
    }
    fletch_cursor_aim(juror->cursor, NULL);
    other = fletch_relay_end(&hearing->relay, &other_err);
    return status || !other ? status : fletch_fail(err, other, "%s", other_err.message);
}

static void compare_for(struct hearing *hearing, struct fletch_juror *juror)
{
    struct fletch_error err = { 0 };
    enum fletch_status status = FLETCH_OK;
    const void *bytes;
    size_t size;

    while (!status && fletch_relay_take(&hearing->relay, &bytes, &size))
        status = take_piece(hearing, juror, bytes, size, &err);
    fletch_relay_leave(&hearing->relay, status, &err);
}

static enum fletch_status share(struct hearing *hearing, struct fletch_juror *juror,
                                bool *shared, struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    TRY(fletch_relay_open(&hearing->relay, err));
    *shared = offer(hearing);
    if (*shared)
        status = decode_for(hearing, juror, err);
    fletch_relay_close(&hearing->relay);
    return status;
}

static enum fletch_status hear(struct hearing *hearing, struct fletch_juror *juror,
                               const struct fletch_pairing *pairing,
                               struct fletch_error *err)
{
    const void *bytes;
    size_t size = 1;
    bool shared = false;

    TRY(fletch_comparison_begin(&hearing->comparison, juror, pairing, err));
    while (size && !shared) {
        if (may_share(hearing)) {
            TRY(share(hearing, juror, &shared, err));
            continue;
        }
        TRY(fletch_comparison_next(&hearing->comparison, juror, &bytes, &size, err));
        TRY(take_piece(hearing, juror, bytes, size, err));
    }
    return fletch_comparison_end(&hearing->comparison, juror, err);
}

/* ---- All rows ---- */

/* Under the lock; waits until there is memory for the next row. NULL: nothing is left to
 * do. */
static const struct fletch_pairing *take(struct trial *trial)
{
    while (!trial->status && trial->next < trial->count) {
        const struct fletch_pairing *pairing = &trial->pairings[trial->next];
        uint64_t large = trial->reader->rows[pairing->row].whole_size;

        if (large < LARGE_MIN || !trial->large_used ||
            trial->large_used + large <= trial->proof->large_limit) {
            trial->next++;
            trial->large_used += large < LARGE_MIN ? 0 : large;
            return pairing;
        }
        pthread_cond_wait(&trial->changed, &trial->lock);
    }
    return NULL;
}

/* After a row that was held whole, the cursor's buffers go back to the system. */
static enum fletch_status give_back(struct trial *trial,
                                    const struct fletch_pairing *pairing,
                                    struct fletch_juror *juror, struct fletch_error *err)
{
    uint64_t large = trial->reader->rows[pairing->row].whole_size;
    enum fletch_status status = FLETCH_OK;

    if (large < LARGE_MIN)
        return FLETCH_OK;
    fletch_cursor_close(juror->cursor);
    juror->cursor = NULL;
    status = fletch_cursor_open(&juror->cursor, trial->reader, err);
    pthread_mutex_lock(&trial->lock);
    trial->large_used -= large;
    pthread_mutex_unlock(&trial->lock);
    return status;
}

/* Under the lock. */
static void count_in(struct trial *trial, const struct hearing *hearing)
{
    const struct fletch_pairing *pairing = hearing->comparison.pairing;

    trial->done++;
    trial->done_bytes += hearing->whole - hearing->told;
    trial->found.rows++;
    trial->found.parameters += trial->reader->rows[pairing->row].count;
    trial->found.compared_bytes += pairing->plan ? pairing->plan->tensor->size : 0;
    trial->found.hashes += pairing->sha256 ? 1 : 0;
    trial->found.crcs += hearing->comparison.has_crc ? 1 : 0;
    tell(trial);
}

/* Under the lock, which is released meanwhile. */
static enum fletch_status try_row(struct trial *trial, const struct fletch_pairing *pairing,
                                  struct fletch_juror *juror, struct fletch_error *err)
{
    struct hearing hearing = { .trial = trial, .whole = weight(trial, pairing) };
    enum fletch_status status;

    trial->busy++;
    pthread_mutex_unlock(&trial->lock);
    status = hear(&hearing, juror, pairing, err);
    if (!status)
        status = give_back(trial, pairing, juror, err);
    pthread_mutex_lock(&trial->lock);
    trial->busy--;
    if (!status)
        count_in(trial, &hearing);
    pthread_cond_broadcast(&trial->changed);
    return status;
}

/* Under the lock; waits. A row to help with, or NULL when none will come. */
static struct hearing *wait_for_offer(struct trial *trial)
{
    struct hearing *offered;

    trial->idle++;
    while (!trial->offers && trial->busy && !trial->status)
        pthread_cond_wait(&trial->changed, &trial->lock);
    offered = trial->offers;
    if (offered)
        trial->offers = offered->next_offer;
    else
        trial->idle--;
    return offered;
}

static void sit_in(unsigned index, void *user)
{
    struct trial *trial = user;
    struct fletch_error err = { 0 };
    struct fletch_juror juror = { 0 };
    enum fletch_status status =
        fletch_juror_open(&juror, trial->reader, trial->proof, &err);
    const struct fletch_pairing *pairing;
    struct hearing *offered;

    (void)index;
    pthread_mutex_lock(&trial->lock);
    while (!status) {
        if ((pairing = take(trial))) {
            status = try_row(trial, pairing, &juror, &err);
        } else if ((offered = wait_for_offer(trial))) {
            pthread_mutex_unlock(&trial->lock);
            compare_for(offered, &juror);
            pthread_mutex_lock(&trial->lock);
        } else {
            break;
        }
    }
    if (status && !trial->status)
        trial->status = fletch_fail(trial->err, status, "%s", err.message);
    pthread_cond_broadcast(&trial->changed);
    pthread_mutex_unlock(&trial->lock);
    fletch_juror_close(&juror);
}

/* ---- Names ---- */

static int compare_rows(const void *a, const void *b, void *user)
{
    const struct fletch_reader *reader = user;
    const size_t *x = a, *y = b;

    return strcmp(reader->rows[*x].name, reader->rows[*y].name);
}

/* The row of that name among the sorted indices; a name that occurs twice was refused
 * before. */
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

static enum fletch_status pair_with_plan(struct trial *trial, size_t *sorted,
                                         struct fletch_error *err)
{
    const struct fletch_row_plans *plans = trial->proof->plans;
    const struct fletch_reader *reader = trial->reader;

    for (size_t i = 0; i < plans->rows_count; i++) {
        const size_t *found = find_row(sorted, reader, plans->rows[i].name);

        if (!found)
            return fletch_fail(err, FLETCH_ERR_VERIFY,
                               "row '%s' is missing from the file (of tensor '%s')",
                               plans->rows[i].name, plans->rows[i].tensor_name);
        trial->pairings[*found].plan = &plans->rows[i];
    }
    for (size_t i = 0; i < reader->rows_count; i++)
        if (!trial->pairings[i].plan)
            return fletch_fail(
                err, FLETCH_ERR_VERIFY,
                "row '%s' is in the file, but nothing in the source becomes it",
                reader->rows[i].name);
    return FLETCH_OK;
}

static enum fletch_status pair_up(struct trial *trial, struct fletch_error *err)
{
    const struct fletch_reader *reader = trial->reader;
    size_t *sorted = fletch_alloc_array(reader->rows_count, sizeof(*sorted));
    enum fletch_status status = FLETCH_OK;

    if (!sorted)
        return fletch_fail_memory(err, reader->rows_count * sizeof(*sorted),
                                  "the rows' names");
    for (size_t i = 0; i < reader->rows_count; i++) {
        const json_t *row = json_object_get(trial->proof->rows, reader->rows[i].name);

        sorted[i] = i;
        trial->pairings[i] = (struct fletch_pairing){
            .row = i, .sha256 = json_string_value(json_object_get(row, "sha256"))
        };
    }
    fletch_os_sort(sorted, reader->rows_count, sizeof(*sorted), compare_rows,
                   (void *)(uintptr_t)reader);
    for (size_t i = 1; i < reader->rows_count && !status; i++)
        if (!strcmp(reader->rows[sorted[i - 1]].name, reader->rows[sorted[i]].name))
            status = fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s' is in the file twice",
                                 reader->rows[sorted[i]].name);
    if (!status && trial->proof->plans)
        status = pair_with_plan(trial, sorted, err);
    fletch_free(sorted);
    return status;
}

static int largest_first(const void *a, const void *b, void *user)
{
    uint64_t x = weight(user, a), y = weight(user, b);

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Two for a row, and no more than there are pieces: a small file does not pay for threads
 * that it cannot use. */
static unsigned useful_threads(const struct trial *trial)
{
    uint64_t most = trial->total / FLETCH_PIECE_SIZE + 1;

    most = most < 2 * trial->count ? most : 2 * trial->count;
    return most < trial->proof->threads ? (unsigned)most : trial->proof->threads;
}

enum fletch_status fletch_proof_run(struct fletch_verification *out,
                                    const struct fletch_reader *reader,
                                    const struct fletch_proof *proof,
                                    struct fletch_error *err)
{
    struct trial trial = {
        .proof = proof, .reader = reader, .count = reader->rows_count, .err = err
    };
    enum fletch_status status;

    trial.pairings = fletch_alloc_array(trial.count, sizeof(*trial.pairings));
    if (!trial.pairings)
        return fletch_fail_memory(err, trial.count * sizeof(*trial.pairings), "the rows");
    pthread_mutex_init(&trial.lock, NULL);
    pthread_cond_init(&trial.changed, NULL);
    status = pair_up(&trial, err);
    if (!status) {
        for (size_t i = 0; i < trial.count; i++)
            trial.total += weight(&trial, &trial.pairings[i]);
        fletch_os_sort(trial.pairings, trial.count, sizeof(*trial.pairings), largest_first,
                       &trial);
        fletch_pool_run(useful_threads(&trial), sit_in, &trial);
        status = trial.status;
    }
    trial.found.compared = proof->plans || json_is_object(proof->rows);
    if (!status)
        *out = trial.found;
    pthread_cond_destroy(&trial.changed);
    pthread_mutex_destroy(&trial.lock);
    fletch_free(trial.pairings);
    return status;
}
