/* SPDX-License-Identifier: MIT */
/* proof.c - see proof.h
 *
 * First the names: every planned row is in the file once, and nothing else is. Then the
 * values: the threads take rows, the largest first, and stream each through a cursor,
 * beside it the source, narrowed by the plain casts a chunk at a time.
 */
#include "convert/proof.h"

#include "base/hash.h"
#include "base/pool.h"
#include "tensor/cast.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Elements of the source that are read and cast at a time. */
#define CHUNK_COUNT ((size_t)32 << 10)

/* A row of the file and what it is to be compared with. */
struct pairing {
    size_t row;                         /* in the file */
    const struct fletch_row_plan *plan; /* NULL without a source */
    const char *sha256;                 /* of metadata.json; NULL: none */
};

struct trial {
    const struct fletch_proof *proof;
    const struct fletch_reader *reader;
    struct pairing *pairings; /* [count], the largest first */
    size_t count;
    uint64_t total; /* bytes, for progress */
    struct fletch_error *err;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t next, done;
    uint64_t large_used; /* by rows under way that are held whole */
    uint64_t done_bytes;
    struct fletch_verification found;
    enum fletch_status status;
};

/* Rows that are held whole and smaller than this do not ask for a share of the limit. */
#define LARGE_MIN ((uint64_t)2 << 20)

/* One thread's tools. */
struct juror {
    struct fletch_cursor *cursor;
    struct fletch_sha256 sha;
    uint8_t *source;   /* [CHUNK_COUNT * 8] */
    uint8_t *expected; /* [CHUNK_COUNT * 8]: the source as it should have been stored */
};

/* Where a row's comparison has got to. */
struct comparison {
    size_t index; /* of the row in the file */
    const struct fletch_reader_row *row;
    const struct fletch_row_plan *plan;
    enum fletch_dtype dtype; /* as stored */
    fletch_cast_fn cast;
    uint64_t next;      /* element of the source to read */
    uint64_t position;  /* bytes compared */
    uint64_t told;      /* of the row's weight, as progress */
    size_t begin, size; /* of juror->expected, bytes not yet compared: [begin, size) */
    struct fletch_cast_report report;
};

/* ---- Telling ---- */

static uint64_t weight(const struct trial *trial, const struct pairing *pairing)
{
    return pairing->plan ? pairing->plan->tensor->size
                         : trial->reader->rows[pairing->row].compressed_size;
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
static void tell_part(struct trial *trial, struct comparison *comparison, uint64_t whole)
{
    const struct fletch_reader_row *row = comparison->row;
    uint64_t share;

    if (row->size == UINT64_MAX || row->size < FLETCH_PIECE_SIZE ||
        comparison->position > row->size)
        return;
    share = (uint64_t)((double)whole * ((double)comparison->position / (double)row->size));
    if (share <= comparison->told || share > whole)
        return;
    pthread_mutex_lock(&trial->lock);
    trial->done_bytes += share - comparison->told;
    tell(trial);
    pthread_mutex_unlock(&trial->lock);
    comparison->told = share;
}

/* ---- One row ---- */

static void element_text(char *out, size_t size, const uint8_t *bytes,
                         enum fletch_dtype dtype)
{
    fletch_cast_fn widen = fletch_cast_find_plain(dtype, FLETCH_F32);
    struct fletch_cast_report report = { 0 };
    float value;
    uint64_t number = 0;

    if (fletch_dtype_info(dtype)->floating && widen) {
        widen(&value, bytes, 1, &report);
        snprintf(out, size, "%.9g", (double)value);
        return;
    }
    for (size_t i = fletch_dtype_size(dtype); i-- > 0;)
        number = number << 8 | bytes[i];
    snprintf(out, size, "0x%" PRIx64, number);
}

static enum fletch_status fail_element(const struct comparison *comparison,
                                       const uint8_t *stored, const uint8_t *expected,
                                       size_t size, struct fletch_error *err)
{
    size_t element = fletch_dtype_size(comparison->dtype);
    uint64_t at = comparison->position;
    char is[32] = "part of it differs", should[32] = "another";

    for (size_t i = 0; i < size && stored[i] == expected[i]; i++)
        at++;
    if (at / element * element >= comparison->position &&
        at / element * element + element <= comparison->position + size) {
        size_t offset = (size_t)(at / element * element - comparison->position);

        element_text(is, sizeof(is), stored + offset, comparison->dtype);
        element_text(should, sizeof(should), expected + offset, comparison->dtype);
    }
    return fletch_fail(err, FLETCH_ERR_VERIFY,
                       "row '%s', element %" PRIu64
                       ": the file holds %s, the source says %s",
                       comparison->row->name, at / element, is, should);
}

/* Reads and narrows the next chunk of the source. */
static enum fletch_status expect_more(struct comparison *comparison, struct juror *juror,
                                      struct fletch_error *err)
{
    const struct fletch_row_plan *plan = comparison->plan;
    const struct fletch_tensor *tensor = plan->tensor;
    size_t width = fletch_dtype_size(tensor->dtype);
    uint64_t left = tensor->count - comparison->next;
    size_t count = left < CHUNK_COUNT ? (size_t)left : CHUNK_COUNT;

    if (!count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': the file holds more than the %" PRIu64
                           " elements of the source",
                           comparison->row->name, tensor->count);
    TRY(fletch_checkpoint_read(plan->checkpoint, tensor, comparison->next * width,
                               juror->source, count * width, err));
    comparison->cast(juror->expected, juror->source, count, &comparison->report);
    comparison->next += count;
    comparison->begin = 0;
    comparison->size = count * fletch_dtype_size(comparison->dtype);
    return FLETCH_OK;
}

static enum fletch_status compare(struct comparison *comparison, struct juror *juror,
                                  const uint8_t *bytes, size_t size,
                                  struct fletch_error *err)
{
    while (size) {
        size_t count;

        if (comparison->begin == comparison->size)
            TRY(expect_more(comparison, juror, err));
        count = comparison->size - comparison->begin;
        count = count < size ? count : size;
        if (memcmp(bytes, juror->expected + comparison->begin, count))
            return fail_element(comparison, bytes, juror->expected + comparison->begin,
                                count, err);
        bytes += count;
        size -= count;
        comparison->begin += count;
        comparison->position += count;
    }
    return FLETCH_OK;
}

/* The row's description against its tensor; fills in how to cast. */
static enum fletch_status compare_shape(struct comparison *comparison,
                                        struct fletch_error *err)
{
    const struct fletch_reader_row *row = comparison->row;
    const struct fletch_row_plan *plan = comparison->plan;
    const struct fletch_tensor *tensor = plan->tensor;

    comparison->dtype = fletch_dtype_from_torch(row->dtype, strlen(row->dtype));
    if (comparison->dtype != plan->dtype && comparison->dtype != plan->wide)
        return fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s': stored as %s, expected %s",
                           row->name, row->dtype, fletch_dtype_text(plan->dtype));
    if (row->rank != tensor->rank || row->count != tensor->count ||
        memcmp(row->shape, tensor->shape, tensor->rank * sizeof(*tensor->shape)))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': its shape (rank %u, %" PRIu64
                           " elements) is not that of the "
                           "source (rank %u, %" PRIu64 " elements)",
                           row->name, row->rank, row->count, tensor->rank, tensor->count);
    comparison->cast = fletch_cast_find_plain(tensor->dtype, comparison->dtype);
    if (!comparison->cast)
        return fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s': %s cannot have become %s",
                           row->name, fletch_dtype_text(tensor->dtype), row->dtype);
    return FLETCH_OK;
}

/* A row that stayed wide must hold a value that float16 cannot; one that did not, none. */
static enum fletch_status compare_overflow(const struct comparison *comparison,
                                           struct juror *juror,
                                           const struct fletch_proof *proof,
                                           struct fletch_error *err)
{
    const struct fletch_row_plan *plan = comparison->plan;
    struct comparison narrow = *comparison;

    if (plan->dtype == plan->wide)
        return FLETCH_OK;
    if (comparison->dtype == plan->dtype) {
        if (comparison->report.overflowed && !proof->overflow_may_be_inf &&
            proof->options->overflow != FLETCH_OVERFLOW_INF)
            return fletch_fail(err, FLETCH_ERR_VERIFY,
                               "row '%s': %" PRIu64 " values of the source do not fit %s",
                               comparison->row->name, comparison->report.overflowed,
                               comparison->row->dtype);
        return FLETCH_OK;
    }
    narrow.dtype = plan->dtype;
    narrow.cast = fletch_cast_find_plain(plan->tensor->dtype, plan->dtype);
    narrow.next = 0;
    memset(&narrow.report, 0, sizeof(narrow.report));
    while (narrow.next < plan->tensor->count)
        TRY(expect_more(&narrow, juror, err));
    if (!narrow.report.overflowed)
        return fletch_fail(
            err, FLETCH_ERR_VERIFY, "row '%s': stored as %s, though every value fits %s",
            comparison->row->name, comparison->row->dtype, fletch_dtype_text(plan->dtype));
    return FLETCH_OK;
}

static enum fletch_status check_hash(const struct pairing *pairing, struct juror *juror,
                                     const char *name, struct fletch_error *err)
{
    uint8_t digest[FLETCH_SHA256_SIZE];
    char hex[FLETCH_SHA256_HEX];

    if (!pairing->sha256)
        return FLETCH_OK;
    fletch_sha256_finish(&juror->sha, digest);
    fletch_sha256_hex(hex, digest);
    if (strcmp(hex, pairing->sha256))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': its sha256 is %.16s..., metadata.json says %.16s...",
                           name, hex, pairing->sha256);
    return FLETCH_OK;
}

/* The next piece of the row's value; whatever is wrong with its page, the row is named. */
static enum fletch_status next_bytes(const void **bytes, size_t *size, struct juror *juror,
                                     const struct comparison *comparison,
                                     struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    if (!comparison->position)
        status = fletch_cursor_begin(juror->cursor, comparison->index, err);
    if (!status)
        status = fletch_cursor_next(juror->cursor, bytes, size, err);
    if (status)
        fletch_error_prefix(err, "row '%s'", comparison->row->name);
    return status;
}

static enum fletch_status try_row(struct trial *trial, const struct pairing *pairing,
                                  struct juror *juror, uint64_t *told,
                                  struct fletch_error *err)
{
    const struct fletch_options *options = trial->proof->options;
    struct comparison comparison = { .index = pairing->row,
                                     .row = &trial->reader->rows[pairing->row],
                                     .plan = pairing->plan };
    const void *bytes;
    size_t size;

    if (pairing->plan)
        TRY(compare_shape(&comparison, err));
    if (pairing->sha256)
        TRY(fletch_sha256_open(&juror->sha, err));
    TRY(next_bytes(&bytes, &size, juror, &comparison, err));
    while (size) {
        if (options->cancel && options->cancel(options->user))
            return fletch_fail(err, FLETCH_ERR_CANCELLED, "interrupted");
        if (pairing->sha256)
            fletch_sha256_put(&juror->sha, bytes, size);
        if (pairing->plan)
            TRY(compare(&comparison, juror, bytes, size, err));
        else
            comparison.position += size;
        tell_part(trial, &comparison, weight(trial, pairing));
        TRY(next_bytes(&bytes, &size, juror, &comparison, err));
    }
    *told = comparison.told;
    TRY(check_hash(pairing, juror, comparison.row->name, err));
    if (!pairing->plan)
        return FLETCH_OK;
    if (comparison.begin != comparison.size ||
        comparison.next != pairing->plan->tensor->count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': the file holds %" PRIu64
                           " bytes, the source has %" PRIu64 " elements of %s",
                           comparison.row->name, comparison.position,
                           pairing->plan->tensor->count, comparison.row->dtype);
    return compare_overflow(&comparison, juror, trial->proof, err);
}

/* ---- All rows ---- */

static void juror_close(struct juror *juror)
{
    fletch_cursor_close(juror->cursor);
    fletch_sha256_close(&juror->sha);
    fletch_free(juror->source);
    fletch_free(juror->expected);
}

static enum fletch_status juror_open(struct juror *juror, const struct trial *trial,
                                     struct fletch_error *err)
{
    juror->source = fletch_alloc(CHUNK_COUNT * 8);
    juror->expected = fletch_alloc(CHUNK_COUNT * 8);
    if (!juror->source || !juror->expected)
        return fletch_fail_memory(err, CHUNK_COUNT * 8, "a chunk of a tensor");
    return fletch_cursor_open(&juror->cursor, trial->reader, err);
}

/* Under the lock; waits until there is memory for the next row. NULL: nothing is left to
 * do. */
static const struct pairing *take(struct trial *trial)
{
    while (!trial->status && trial->next < trial->count) {
        const struct pairing *pairing = &trial->pairings[trial->next];
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
static enum fletch_status give_back(struct trial *trial, const struct pairing *pairing,
                                    struct juror *juror, struct fletch_error *err)
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
static void count_in(struct trial *trial, const struct pairing *pairing, uint64_t told)
{
    trial->done++;
    trial->done_bytes += weight(trial, pairing) - told;
    trial->found.rows++;
    trial->found.parameters += trial->reader->rows[pairing->row].count;
    trial->found.compared_bytes += pairing->plan ? pairing->plan->tensor->size : 0;
    trial->found.hashes += pairing->sha256 ? 1 : 0;
    tell(trial);
}

static void sit_in(unsigned index, void *user)
{
    struct trial *trial = user;
    struct fletch_error err = { 0 };
    struct juror juror = { 0 };
    enum fletch_status status = juror_open(&juror, trial, &err);
    const struct pairing *pairing;

    (void)index;
    pthread_mutex_lock(&trial->lock);
    while (!status && (pairing = take(trial))) {
        uint64_t told = 0;

        pthread_mutex_unlock(&trial->lock);
        status = try_row(trial, pairing, &juror, &told, &err);
        if (!status)
            status = give_back(trial, pairing, &juror, &err);
        pthread_mutex_lock(&trial->lock);
        if (!status)
            count_in(trial, pairing, told);
        pthread_cond_broadcast(&trial->changed);
    }
    if (status && !trial->status)
        trial->status = fletch_fail(trial->err, status, "%s", err.message);
    pthread_cond_broadcast(&trial->changed);
    pthread_mutex_unlock(&trial->lock);
    juror_close(&juror);
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
        trial->pairings[i] =
            (struct pairing){ .row = i,
                              .sha256 = json_string_value(json_object_get(row, "sha256")) };
    }
    qsort_r(sorted, reader->rows_count, sizeof(*sorted), compare_rows,
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
        unsigned threads =
            trial.count < proof->threads ? (unsigned)trial.count : proof->threads;

        for (size_t i = 0; i < trial.count; i++)
            trial.total += weight(&trial, &trial.pairings[i]);
        qsort_r(trial.pairings, trial.count, sizeof(*trial.pairings), largest_first,
                &trial);
        fletch_pool_run(threads ? threads : 1, sit_in, &trial);
        status = trial.status;
    }
    if (!status)
        *out = trial.found;
    pthread_cond_destroy(&trial.changed);
    pthread_mutex_destroy(&trial.lock);
    fletch_free(trial.pairings);
    return status;
}
