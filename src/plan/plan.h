/* SPDX-License-Identifier: MIT */
/* plan.h - what a conversion will do: rows, casts, and what is left out
 *
 * Pure: it follows from the model's list of tensors, the family and the options, and reads
 * no tensor. Rows are in natural order of their names, so the same weights give the same
 * file, whatever files they came in.
 */
#ifndef FLETCH_PLAN_PLAN_H
#define FLETCH_PLAN_PLAN_H

#include "model/model.h"
#include "output/output.h"

struct fletch_row_plan {
    const char *name; /* of the row */
    const struct fletch_checkpoint *checkpoint;
    const struct fletch_tensor *tensor; /* its source */
    const char *tensor_name; /* as metadata gives it: "2_Dense/linear.weight" for parts */
    const char *mask_name;   /* the same for a pruned weight's mask; NULL */
    enum fletch_dtype dtype; /* the stored type, unless a value overflows */
    enum fletch_dtype wide;  /* the stored type when one does (--on-overflow keep) */
    uint64_t size;           /* bytes when stored as `dtype` */
    size_t group;            /* row group, from 0 */
};

struct fletch_left_out_plan {
    const char *tensor;
    const char *reason;
};

struct fletch_row_plans {
    struct fletch_arena arena;
    const struct fletch_output_format *output; /* that they are for */
    struct fletch_row_plan *rows;              /* [rows_count], in natural order of name */
    size_t rows_count;
    struct fletch_left_out_plan *left_out; /* [left_out_count], in natural order */
    size_t left_out_count;
    const char *
        *warnings; /* [warnings_count]: what the model's class has and the checkpoint lacks,
                      and config.json values that the tensors' shapes contradict */
    size_t warnings_count;
    /* [missing_count]: tensors that the model's class needs and the checkpoint lacks, in
     * natural order, and rows that its tables of embeddings lack, in words; if that is
     * allowed */
    const char **missing;
    size_t missing_count;
    size_t groups_count;
    uint64_t parameters, source_bytes, stored_bytes;
};

/* FAMILY when two tensors would be one row (naming both), or when tensors are missing that
 * the model's class cannot do without, unless the model's options allow that;
 * UNSUPPORTED for a dtype that has no place in the output, a value or a dimension that is
 * too large for it. The model must outlive the plan. */
enum fletch_status fletch_row_plans_make(struct fletch_row_plans *out,
                                         const struct fletch_model *model,
                                         const struct fletch_output_format *output,
                                         enum fletch_precision precision,
                                         struct fletch_error *err);
/* UNSUPPORTED when a value is too large for the codec's pages; called before any work. */
enum fletch_status fletch_row_plans_check(const struct fletch_row_plans *plans,
                                          const struct fletch_codec *codec,
                                          struct fletch_error *err);
void fletch_row_plans_release(struct fletch_row_plans *plans);

/* Bytes of a row's value when it is stored as `wide`. */
static inline uint64_t fletch_row_wide_size(const struct fletch_row_plan *row)
{
    return row->tensor->count * fletch_dtype_size(row->wide);
}

/* The formats of outputs; ends with NULL. The first is what a conversion writes. */
extern const struct fletch_output_format *const fletch_outputs[];

/* The i-th note of the model's checkpoints, taken part by part; NULL past the last. */
const char *fletch_model_note(const struct fletch_model *model, size_t i);

#endif
