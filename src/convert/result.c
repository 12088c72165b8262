/* SPDX-License-Identifier: MIT */
/* result.c - see result.h */
#include "convert/result.h"

#include <string.h>

struct fletch_result_rows {
    struct fletch_arena arena;
    struct fletch_result_row *rows; /* [count] */
    size_t count;
};

static struct fletch_cast cast_of(const struct fletch_row_plan *row,
                                  const struct fletch_row_outcome *outcome)
{
    const struct fletch_cast_report *report = &outcome->report;

    return (struct fletch_cast){ .exact = fletch_cast_report_is_exact(report),
                                 .rounded = report->rounded,
                                 .flushed = report->flushed,
                                 .subnormal = report->subnormal,
                                 .overflowed = report->overflowed,
                                 .nan = report->nan,
                                 .beyond_float16 =
                                     outcome->dtype == row->dtype ? 0 : outcome->overflowed,
                                 .absolute_error = report->absolute_error,
                                 .relative_error = report->relative_error };
}

static enum fletch_status copy_row(struct fletch_result_row *out,
                                   struct fletch_arena *arena,
                                   const struct fletch_row_plan *row,
                                   const struct fletch_row_outcome *outcome, bool certified,
                                   struct fletch_error *err)
{
    const struct fletch_tensor *tensor = row->tensor;
    uint64_t *shape = fletch_arena_alloc_array(arena, tensor->rank, sizeof(*shape));

    *out = (struct fletch_result_row){
        .name = fletch_arena_strdup(arena, row->name),
        .tensor = fletch_arena_strdup(arena, row->tensor_name),
        .taken = tensor->taken ? fletch_arena_strdup(arena, tensor->taken) : NULL,
        .source_dtype = fletch_dtype_text(tensor->dtype),
        .dtype = fletch_dtype_text(outcome->dtype),
        .shape = shape,
        .rank = tensor->rank,
        .count = tensor->count,
        .source_size = tensor->size,
        .size = outcome->size,
        .compressed_size = outcome->compressed_size,
        .cast = cast_of(row, outcome),
        .certified = certified
    };
    if (!shape || !out->name || !out->tensor || (tensor->taken && !out->taken))
        return fletch_fail_memory(err, sizeof(*out), "the result");
    if (tensor->rank)
        memcpy(shape, tensor->shape, tensor->rank * sizeof(*shape));
    memcpy(out->sha256, outcome->sha256, sizeof(out->sha256));
    if (certified)
        memcpy(out->source_sha256, outcome->source_sha256, sizeof(out->source_sha256));
    return FLETCH_OK;
}

enum fletch_status fletch_result_rows_make(struct fletch_result_rows **out,
                                           const struct fletch_row_plans *plans,
                                           const struct fletch_row_outcome *outcomes,
                                           bool certified, struct fletch_error *err)
{
    struct fletch_result_rows *rows = fletch_alloc(sizeof(*rows));
    enum fletch_status status = FLETCH_OK;

    if (!rows)
        return fletch_fail_memory(err, sizeof(*rows), "the result");
    rows->rows =
        fletch_arena_alloc_array(&rows->arena, plans->rows_count, sizeof(*rows->rows));
    if (!rows->rows)
        status =
            fletch_fail_memory(err, plans->rows_count * sizeof(*rows->rows), "the result");
    for (; !status && rows->count < plans->rows_count; rows->count++)
        status = copy_row(&rows->rows[rows->count], &rows->arena, &plans->rows[rows->count],
                          &outcomes[rows->count], certified, err);
    if (status) {
        fletch_result_rows_free(rows);
        return status;
    }
    *out = rows;
    return FLETCH_OK;
}

void fletch_result_rows_free(struct fletch_result_rows *rows)
{
    if (!rows)
        return;
    fletch_arena_release(&rows->arena);
    fletch_free(rows);
}

bool fletch_result_row_at(struct fletch_result_row *out, const struct fletch_result *result,
                          size_t i)
{
    if (!result->rows || i >= result->rows->count)
        return false;
    *out = result->rows->rows[i];
    return true;
}
