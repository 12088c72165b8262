/* SPDX-License-Identifier: MIT */
/* verify_row.c - see verify_row.h
 *
 * A cursor supplies the row in pieces of any size; alongside, the source is read and
 * narrowed by the plain casts, a chunk at a time.
 */
#include "verify/verify_row.h"

#include <inttypes.h>
#include <string.h>

#define SHAPE_TEXT_SIZE 200
/* Elements of the source read and cast at a time. */
#define CHUNK_COUNT ((size_t)32 << 10)

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

static enum fletch_status fail_element(const struct fletch_comparison *comparison,
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
static enum fletch_status expect_more(struct fletch_comparison *comparison,
                                      struct fletch_verify_worker *worker,
                                      struct fletch_error *err)
{
    const struct fletch_row_plan *plan = comparison->match->plan;
    const struct fletch_tensor *tensor = plan->tensor;
    size_t width = fletch_dtype_size(tensor->dtype);
    uint64_t left = tensor->count - comparison->next;
    size_t count = left < CHUNK_COUNT ? (size_t)left : CHUNK_COUNT;

    if (!count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': the file holds more than the %" PRIu64
                           " elements of the source",
                           comparison->row->name, tensor->count);
    TRY(fletch_tensor_read(plan->checkpoint, tensor, comparison->next * width,
                           worker->source, count * width, err));
    TRY(fletch_checkpoint_mask(plan->checkpoint, tensor, comparison->next, worker->source,
                               count, fletch_mask_apply_plain, err));
    comparison->cast(worker->expected, worker->source, count, &comparison->report);
    comparison->next += count;
    comparison->begin = 0;
    comparison->size = count * fletch_dtype_size(comparison->dtype);
    return FLETCH_OK;
}

static enum fletch_status compare(struct fletch_comparison *comparison,
                                  struct fletch_verify_worker *worker, const uint8_t *bytes,
                                  size_t size, struct fletch_error *err)
{
    while (size) {
        size_t count;

        if (comparison->begin == comparison->size)
            TRY(expect_more(comparison, worker, err));
        count = comparison->size - comparison->begin;
        count = count < size ? count : size;
        if (memcmp(bytes, worker->expected + comparison->begin, count))
            return fail_element(comparison, bytes, worker->expected + comparison->begin,
                                count, err);
        bytes += count;
        size -= count;
        comparison->begin += count;
        comparison->position += count;
    }
    return FLETCH_OK;
}

/* "[48,32]"; of too many dimensions, only the first ones. */
static void shape_text(char out[SHAPE_TEXT_SIZE], const uint64_t *shape, unsigned rank)
{
    int len = 0;

    for (unsigned i = 0; i < rank && len < SHAPE_TEXT_SIZE - 32; i++)
        len += snprintf(out + len, (size_t)(SHAPE_TEXT_SIZE - len), "%s%" PRIu64,
                        i ? "," : "[", shape[i]);
    snprintf(out + len, (size_t)(SHAPE_TEXT_SIZE - len), "%s%s", rank ? "" : "[",
             len < SHAPE_TEXT_SIZE - 32 ? "]" : ",...]");
}

static enum fletch_status fail_shape(const struct fletch_reader_row *row,
                                     const struct fletch_tensor *tensor,
                                     struct fletch_error *err)
{
    char is[SHAPE_TEXT_SIZE], should[SHAPE_TEXT_SIZE];

    shape_text(is, row->shape, row->rank);
    shape_text(should, tensor->shape, tensor->rank);
    return fletch_fail(err, FLETCH_ERR_VERIFY,
                       "row '%s': its shape is %s, but that of the source %s", row->name,
                       is, should);
}

/* Compares the row's description with its tensor; determines how to cast. */
static enum fletch_status compare_shape(struct fletch_comparison *comparison,
                                        struct fletch_error *err)
{
    const struct fletch_reader_row *row = comparison->row;
    const struct fletch_row_plan *plan = comparison->match->plan;
    const struct fletch_tensor *tensor = plan->tensor;

    comparison->dtype = fletch_dtype_from_torch(row->dtype, strlen(row->dtype));
    if (comparison->dtype != plan->dtype && comparison->dtype != plan->wide)
        return fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s': stored as %s, expected %s",
                           row->name, row->dtype, fletch_dtype_text(plan->dtype));
    if (row->rank != tensor->rank || row->count != tensor->count ||
        memcmp(row->shape, tensor->shape, tensor->rank * sizeof(*tensor->shape)))
        return fail_shape(row, tensor, err);
    comparison->cast = fletch_cast_find_bare(tensor->dtype, comparison->dtype);
    if (!comparison->cast)
        return fletch_fail(err, FLETCH_ERR_VERIFY, "row '%s': %s cannot have become %s",
                           row->name, fletch_dtype_text(tensor->dtype), row->dtype);
    return FLETCH_OK;
}

/* A row that stayed wide must hold a value beyond float16; any other row none. */
static enum fletch_status compare_overflow(const struct fletch_comparison *comparison,
                                           struct fletch_verify_worker *worker,
                                           struct fletch_error *err)
{
    const struct fletch_row_plan *plan = comparison->match->plan;
    struct fletch_comparison narrow = *comparison;

    if (plan->dtype == plan->wide)
        return FLETCH_OK;
    if (comparison->dtype == plan->dtype) {
        if (comparison->report.overflowed && !worker->proof->overflow_may_be_inf &&
            worker->proof->options->overflow != FLETCH_OVERFLOW_INF)
            return fletch_fail(err, FLETCH_ERR_VERIFY,
                               "row '%s': %" PRIu64 " values of the source do not fit %s",
                               comparison->row->name, comparison->report.overflowed,
                               comparison->row->dtype);
        return FLETCH_OK;
    }
    narrow.dtype = plan->dtype;
    narrow.cast = fletch_cast_find_bare(plan->tensor->dtype, plan->dtype);
    narrow.next = 0;
    memset(&narrow.report, 0, sizeof(narrow.report));
    while (narrow.next < plan->tensor->count)
        TRY(expect_more(&narrow, worker, err));
    if (!narrow.report.overflowed)
        return fletch_fail(
            err, FLETCH_ERR_VERIFY, "row '%s': stored as %s, though every value fits %s",
            comparison->row->name, comparison->row->dtype, fletch_dtype_text(plan->dtype));
    return FLETCH_OK;
}

static enum fletch_status check_hash(const struct fletch_comparison *comparison,
                                     struct fletch_error *err)
{
    uint8_t digest[FLETCH_SHA256_SIZE];
    char hex[FLETCH_SHA256_HEX];

    if (!comparison->match->sha256)
        return FLETCH_OK;
    fletch_sha256_finish(comparison->sha, digest);
    fletch_sha256_hex(hex, digest);
    if (strcmp(hex, comparison->match->sha256))
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': its sha256 is %.16s..., metadata.json says %.16s...",
                           comparison->row->name, hex, comparison->match->sha256);
    return FLETCH_OK;
}

/* ---- The interface ---- */

enum fletch_status fletch_comparison_begin(struct fletch_comparison *out,
                                           struct fletch_verify_worker *worker,
                                           const struct fletch_row_match *match,
                                           struct fletch_error *err)
{
    enum fletch_status status;

    *out = (struct fletch_comparison){ .match = match,
                                       .row = &worker->reader->rows[match->row],
                                       .sha = &worker->sha };
    if (match->plan)
        TRY(compare_shape(out, err));
    if (match->sha256)
        fletch_sha256_open(out->sha);
    status = worker->proof->output->cursor_begin(worker->cursor, match->row, err);
    if (status)
        fletch_error_prefix(err, "row '%s'", out->row->name);
    out->has_crc = worker->proof->output->cursor_has_crc(worker->cursor);
    return status;
}

enum fletch_status fletch_comparison_next(const struct fletch_comparison *comparison,
                                          struct fletch_verify_worker *worker,
                                          const void **bytes, size_t *size,
                                          struct fletch_error *err)
{
    const struct fletch_options *options = worker->proof->options;
    const struct fletch_cancel cancel = { options->cancel, options->user };
    enum fletch_status status;

    TRY(fletch_cancel_check(&cancel, err));
    status = worker->proof->output->cursor_next(worker->cursor, bytes, size, err);
    if (status)
        fletch_error_prefix(err, "row '%s'", comparison->row->name);
    return status;
}

enum fletch_status fletch_comparison_take(struct fletch_comparison *comparison,
                                          struct fletch_verify_worker *worker,
                                          const void *bytes, size_t size,
                                          struct fletch_error *err)
{
    if (comparison->match->sha256)
        fletch_sha256_put(comparison->sha, bytes, size);
    if (comparison->match->plan)
        return compare(comparison, worker, bytes, size, err);
    comparison->position += size;
    return FLETCH_OK;
}

bool fletch_comparison_is_even(const struct fletch_comparison *comparison)
{
    return comparison->begin == comparison->size;
}

enum fletch_status fletch_comparison_end(struct fletch_comparison *comparison,
                                         struct fletch_verify_worker *worker,
                                         struct fletch_error *err)
{
    const struct fletch_row_plan *plan = comparison->match->plan;

    TRY(check_hash(comparison, err));
    if (!plan)
        return FLETCH_OK;
    if (!fletch_comparison_is_even(comparison) || comparison->next != plan->tensor->count)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "row '%s': the file holds %" PRIu64
                           " bytes, the source has %" PRIu64 " elements of %s",
                           comparison->row->name, comparison->position, plan->tensor->count,
                           comparison->row->dtype);
    return compare_overflow(comparison, worker, err);
}

void fletch_verify_worker_close(struct fletch_verify_worker *worker)
{
    if (worker->cursor)
        worker->proof->output->cursor_close(worker->cursor);
    fletch_free(worker->source);
    fletch_free(worker->expected);
    *worker = (struct fletch_verify_worker){ 0 };
}

enum fletch_status fletch_verify_worker_open(struct fletch_verify_worker *worker,
                                             const struct fletch_reader *reader,
                                             const struct fletch_proof *proof,
                                             struct fletch_error *err)
{
    struct fletch_verify_worker opened = { .proof = proof, .reader = reader };
    enum fletch_status status;

    opened.source = fletch_alloc(CHUNK_COUNT * 8);
    opened.expected = fletch_alloc(CHUNK_COUNT * 8);
    if (opened.source && opened.expected)
        status = proof->output->cursor_open(&opened.cursor, reader, err);
    else
        status = fletch_fail_memory(err, CHUNK_COUNT * 8, "a chunk of a tensor");
    if (!status && proof->options->paranoid)
        proof->output->cursor_by_library(opened.cursor);
    if (status) {
        fletch_verify_worker_close(&opened);
        return status;
    }
    *worker = opened;
    return FLETCH_OK;
}
