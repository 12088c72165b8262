/* SPDX-License-Identifier: MIT */
/* plan.c - see plan.h
 *
 * Each part's names are mapped, every row gets its types and sizes, and the rows are
 * sorted, checked for duplicates and divided into row groups.
 */
#include "plan/plan.h"

#include "base/bytes.h"
#include "base/natural.h"
#include "parquet/parquet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct fletch_output_format *const fletch_outputs[] = { &fletch_output_parquet,
                                                              NULL };

struct planner {
    struct fletch_row_plans *plans;
    const struct fletch_model *model;
    enum fletch_precision precision;
};

/* ---- Types and sizes ---- */

static enum fletch_status check_shape(const struct fletch_tensor *tensor, uint64_t dim_max,
                                      const char *name, struct fletch_error *err)
{
    for (unsigned i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] > dim_max)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "tensor '%.200s': dimension %u is %" PRIu64
                               ", the limit is %" PRIu64 " (int32 in the layout)",
                               name, i, tensor->shape[i], dim_max);
    return FLETCH_OK;
}

/* The bytes of a tensor's elements in a type; UINT64_MAX when 64 bits do not hold them. */
static uint64_t size_as(const struct fletch_tensor *tensor, enum fletch_dtype dtype)
{
    uint64_t size = UINT64_MAX;

    fletch_mul(&size, tensor->count, fletch_dtype_size(dtype));
    return size;
}

static enum fletch_status check_size(const struct fletch_row_plan *row, uint64_t most,
                                     struct fletch_error *err)
{
    enum fletch_dtype half = fletch_dtype_info(row->tensor->dtype)->stored16;
    bool fits = row->dtype != half && size_as(row->tensor, half) <= most;

    if (row->size <= most)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "tensor '%.200s': %" PRIu64 " bytes as %s, the limit for one row is "
                       "%" PRIu64 "%s",
                       row->tensor_name, row->size, fletch_dtype_text(row->dtype), most,
                       fits ? "; as float16 it would fit (without --no-float16)" : "");
}

/* Fills in what follows from the tensor: types and size. */
static enum fletch_status size_row(struct fletch_row_plan *row,
                                   const struct planner *planner, struct fletch_error *err)
{
    const struct fletch_dtype_info *info = fletch_dtype_info(row->tensor->dtype);
    const struct fletch_output_format *output = planner->plans->output;

    row->wide = info->stored;
    row->dtype =
        planner->precision == FLETCH_PRECISION_KEEP ? info->stored : info->stored16;
    if (row->dtype == FLETCH_DTYPE_NONE || row->wide == FLETCH_DTYPE_NONE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.200s': %s has no place in the layout, which has "
                           "float32, float16, int64, int32, int8, uint8 and bool",
                           row->tensor_name, fletch_dtype_text(row->tensor->dtype));
    TRY(check_shape(row->tensor, output->dim_max, row->tensor_name, err));
    row->size = size_as(row->tensor, row->dtype);
    return check_size(row, output->value_max, err);
}

/* ---- Rows and what is left out ---- */

/* A tensor's name for metadata: its name in the file, after the part's. */
static enum fletch_status say_name(const char **out, const struct planner *planner,
                                   const struct fletch_component *component,
                                   const struct fletch_tensor *tensor,
                                   struct fletch_error *err)
{
    const char *name = tensor->origin ? tensor->origin : tensor->name;
    const char *in = component->file ? component->file : component->folder;

    *out = *in ? fletch_arena_format(&planner->plans->arena, "%s/%s", in, name) : name;
    return *out ? FLETCH_OK : fletch_fail_memory(err, strlen(name), "names");
}

static enum fletch_status put_row(const struct planner *planner, const char *name,
                                  const struct fletch_component *component,
                                  const struct fletch_tensor *tensor,
                                  struct fletch_error *err)
{
    struct fletch_row_plan *row = &planner->plans->rows[planner->plans->rows_count];

    *row = (struct fletch_row_plan){ .name = name,
                                     .checkpoint = component->checkpoint,
                                     .tensor = tensor };
    TRY(say_name(&row->tensor_name, planner, component, tensor, err));
    if (tensor->mask)
        TRY(say_name(&row->mask_name, planner, component, tensor->mask, err));
    TRY(size_row(row, planner, err));
    planner->plans->rows_count++;
    return FLETCH_OK;
}

static void put_left_out_name(const struct planner *planner, const char *tensor,
                              const char *reason)
{
    planner->plans->left_out[planner->plans->left_out_count++] =
        (struct fletch_left_out_plan){ .tensor = tensor, .reason = reason };
}

/* A pruned weight counts as two tensors. */
static enum fletch_status put_left_out(const struct planner *planner,
                                       const struct fletch_component *component,
                                       const struct fletch_tensor *tensor,
                                       const char *reason, struct fletch_error *err)
{
    const char *name;

    for (; tensor; tensor = tensor->mask) {
        TRY(say_name(&name, planner, component, tensor, err));
        put_left_out_name(planner, name, reason);
    }
    return FLETCH_OK;
}

/* The encoder's rows as shapes, under the model's names for them. */
static enum fletch_status list_shapes(struct fletch_dialect_input *out,
                                      const struct planner *planner,
                                      const struct fletch_mapping *mapped,
                                      struct fletch_error *err)
{
    const struct fletch_checkpoint *checkpoint = planner->model->components[0].checkpoint;
    size_t count = checkpoint->tensors_count;
    struct fletch_shape *shapes =
        fletch_arena_alloc_array(&planner->plans->arena, count, sizeof(*shapes));

    if (!shapes)
        return fletch_fail_memory(err, count * sizeof(*shapes), "shapes");
    *out = (struct fletch_dialect_input){ .tensors = shapes };
    for (size_t i = 0; i < count; i++)
        if (mapped[i].row)
            shapes[out->count++] =
                (struct fletch_shape){ .name = mapped[i].own,
                                       .dims = checkpoint->tensors[i].shape,
                                       .rank = checkpoint->tensors[i].rank };
    return FLETCH_OK;
}

/* The head is the purpose of a reranker or a SPLADE: warn when it is left out. */
static enum fletch_status warn_of_head(const struct planner *planner,
                                       const struct fletch_mapping *mapped,
                                       const struct fletch_map_input *input,
                                       struct fletch_error *err)
{
    struct fletch_row_plans *plans = planner->plans;
    const char *why, *first = NULL, *warning;
    size_t count = 0;

    for (size_t i = 0; i < input->count; i++) {
        if (mapped[i].row || !mapped[i].head)
            continue;
        first = first ? first : input->names[i];
        count++;
    }
    TRY(fletch_model_head_matters(&why, planner->model, &plans->arena, err));
    if (!count || !why)
        return FLETCH_OK;
    warning = fletch_arena_format(&plans->arena,
                                  "%s, and its head is left out, %zu tensor%s such as "
                                  "'%.160s': --keep-heads makes them rows",
                                  why, count, count > 1 ? "s" : "", first);
    if (!warning)
        return fletch_fail_memory(err, 0, "warnings");
    plans->warnings[plans->warnings_count++] = warning;
    return FLETCH_OK;
}

/* A shard is not a model, even if its tensors would be one with fewer layers. */
static enum fletch_status check_complete(const struct planner *planner, const char *alone,
                                         const struct fletch_missing_keys *missing_keys,
                                         const struct fletch_map_input *input,
                                         struct fletch_error *err)
{
    bool allowed = planner->model->allow_missing;
    enum fletch_status status =
        fletch_family_check_whole(missing_keys, input, allowed, err);

    if (!alone || allowed)
        return status;
    return fletch_fail(err, FLETCH_ERR_FAMILY, "%s; --allow-missing converts what is there",
                       alone);
}

/* Lists what is missing: tensors; of a shard by itself those of the others, which no table
 * names; and rows of embeddings that the config counts. */
static enum fletch_status list_missing(const struct planner *planner, bool alone,
                                       const struct fletch_missing_keys *missing_keys,
                                       const struct fletch_dialect_input *shapes,
                                       struct fletch_error *err)
{
    struct fletch_row_plans *plans = planner->plans;
    const char *tables[FLETCH_SHORT_TABLES_MAX];
    size_t count;

    plans->missing = fletch_arena_alloc_array(
        &plans->arena, missing_keys->missing_listed + FLETCH_SHORT_TABLES_MAX + 1,
        sizeof(*plans->missing));
    if (!plans->missing)
        return fletch_fail_memory(err, missing_keys->missing_listed, "what is missing");
    for (size_t i = 0; i < missing_keys->missing_listed; i++)
        plans->missing[plans->missing_count++] = missing_keys->missing[i];
    if (alone && !plans->missing_count)
        plans->missing[plans->missing_count++] = "all tensors of the other shards";
    TRY(fletch_model_check_tables(tables, &count, planner->model, shapes, &plans->arena,
                                  err));
    for (size_t i = 0; i < count; i++)
        plans->missing[plans->missing_count++] = tables[i];
    return FLETCH_OK;
}

/* Lists what is missing, which is an error unless it is allowed, and what does not
 * agree. */
static enum fletch_status list_warnings(const struct planner *planner,
                                        const struct fletch_mapping *mapped,
                                        const struct fletch_map_input *input,
                                        struct fletch_error *err)
{
    struct fletch_row_plans *plans = planner->plans;
    const char *alone =
        fletch_model_shard_alone(planner->model->components[0].checkpoint, &plans->arena);
    struct fletch_dialect_input shapes;
    struct fletch_missing_keys missing_keys;
    const char *warning;
    size_t count = 0;

    TRY(fletch_family_missing_keys(&missing_keys, mapped, input, &plans->arena, err));
    TRY(check_complete(planner, alone, &missing_keys, input, err));
    plans->warnings = fletch_arena_alloc_array(
        &plans->arena, FLETCH_MISSING_WARNINGS_MAX + FLETCH_SHAPE_CONFLICTS_MAX + 3,
        sizeof(*plans->warnings));
    if (!plans->warnings)
        return fletch_fail_memory(err, sizeof(*plans->warnings), "warnings");
    for (size_t i = 0; i < missing_keys.warnings_count; i++)
        plans->warnings[plans->warnings_count++] = missing_keys.warnings[i];
    TRY(list_shapes(&shapes, planner, mapped, err));
    TRY(list_missing(planner, alone != NULL, &missing_keys, &shapes, err));
    TRY(fletch_model_check_shapes(plans->warnings + plans->warnings_count, &count,
                                  planner->model, &shapes, &plans->arena, err));
    plans->warnings_count += count;
    TRY(fletch_model_check_modules(&warning, planner->model, &plans->arena, err));
    if (warning)
        plans->warnings[plans->warnings_count++] = warning;
    if (alone)
        plans->warnings[plans->warnings_count++] = alone;
    return warn_of_head(planner, mapped, input, err);
}

/* Files of slices state where theirs begin, not how large the tensors are: if the last
 * files are lost, the rest joins to smaller tensors. Only the config can tell. */
static enum fletch_status check_joined(const struct planner *planner,
                                       const struct fletch_mapping *mapped,
                                       struct fletch_error *err)
{
    const struct fletch_checkpoint *checkpoint = planner->model->components[0].checkpoint;
    const char *found[FLETCH_SHAPE_CONFLICTS_MAX];
    struct fletch_dialect_input shapes;
    size_t count = 0, joined = 0;

    while (joined < checkpoint->tensors_count && !checkpoint->tensors[joined].slices_count)
        joined++;
    if (joined == checkpoint->tensors_count)
        return FLETCH_OK;
    TRY(list_shapes(&shapes, planner, mapped, err));
    TRY(fletch_model_check_shapes(found, &count, planner->model, &shapes,
                                  &planner->plans->arena, err));
    if (!count)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "the %zu parts join to tensors that are not the model's: %s; those "
                       "with the highest numbers may be missing: put all parts into the "
                       "folder",
                       checkpoint->files_count, found[0]);
}

/* Checks first that what is there can be weights; only then what is missing. */
static enum fletch_status check_fit(const struct planner *planner,
                                    const struct fletch_mapping *mapped,
                                    const struct fletch_map_input *input,
                                    struct fletch_error *err)
{
    const struct fletch_tensor *tensors = planner->model->components[0].checkpoint->tensors;
    struct fletch_facts *facts =
        fletch_arena_alloc_array(&planner->plans->arena, input->count, sizeof(*facts));

    if (!facts)
        return fletch_fail_memory(err, input->count * sizeof(*facts), "a plan");
    for (size_t i = 0; i < input->count; i++)
        facts[i] = (struct fletch_facts){
            .dims = tensors[i].shape,
            .rank = tensors[i].rank,
            .floating = fletch_dtype_info(tensors[i].dtype)->floating,
            .dtype = fletch_dtype_text(tensors[i].dtype),
        };
    return fletch_family_check_fit(mapped, input, facts, err);
}

/* Plans the encoder's tensors, by its family. */
static enum fletch_status plan_encoder(const struct planner *planner,
                                       struct fletch_error *err)
{
    const char *outside;
    enum fletch_status status;
    const struct fletch_component *component = &planner->model->components[0];
    size_t count = component->checkpoint->tensors_count;
    struct fletch_arena *arena = &planner->plans->arena;
    const char **names = fletch_arena_alloc_array(arena, count, sizeof(*names));
    struct fletch_mapping *mapped = fletch_arena_alloc_array(arena, count, sizeof(*mapped));
    struct fletch_map_input input = {
        .family = planner->model->family,
        .model_class = planner->model->model_class,
        .names = names,
        .count = count,
        .config = planner->model->config,
        .keep_heads = planner->model->keep_heads,
        .rest = (const char *const *)component->checkpoint->skipped.items,
        .rest_count = component->checkpoint->skipped.count
    };

    input.layers_said = fletch_model_says_layers(planner->model, arena);
    if (!names || !mapped)
        return fletch_fail_memory(err, count * sizeof(*mapped), "a plan");
    if (!input.layers_said && input.model_class->layers_key)
        return fletch_fail_memory(err, 0, "a plan");
    for (size_t i = 0; i < count; i++)
        names[i] = component->checkpoint->tensors[i].name;
    status = fletch_family_map(mapped, &input, arena, err);
    if (status == FLETCH_ERR_FAMILY) {
        const char *alone = fletch_model_shard_alone(component->checkpoint, arena);

        if (alone)
            return fletch_fail(err, status, "%s", alone);
        fletch_model_hint_prefixes(component->checkpoint, err);
    }
    TRY(status);
    TRY(check_joined(planner, mapped, err));
    TRY(check_fit(planner, mapped, &input, err));
    for (size_t i = 0; i < count; i++) {
        const struct fletch_tensor *tensor = &component->checkpoint->tensors[i];

        if (mapped[i].row)
            TRY(put_row(planner, mapped[i].row, component, tensor, err));
        else
            TRY(put_left_out(planner, component, tensor, mapped[i].reason, err));
    }
    outside = "is outside the dict of the model's tensors";
    if (component->checkpoint->prefix && *component->checkpoint->prefix)
        outside =
            fletch_arena_format(arena, "is outside '%.160s', where the model's tensors are",
                                component->checkpoint->prefix);
    if (!outside)
        return fletch_fail_memory(err, 0, "reasons");
    for (size_t i = 0; i < component->checkpoint->skipped.count; i++)
        put_left_out_name(planner, component->checkpoint->skipped.items[i], outside);
    return list_warnings(planner, mapped, &input, err);
}

/* Plans all tensors of a module after the encoder, named by its folder, or of a head beside
 * it, named by its file. */
static enum fletch_status plan_module(const struct planner *planner,
                                      const struct fletch_component *component,
                                      struct fletch_error *err)
{
    struct fletch_arena *arena = &planner->plans->arena;

    for (size_t i = 0; i < component->checkpoint->tensors_count; i++) {
        const struct fletch_tensor *tensor = &component->checkpoint->tensors[i];
        char *row = fletch_arena_format(arena, "%s.%s", component->folder, tensor->name);

        if (!row)
            return fletch_fail_memory(err, strlen(tensor->name), "names");
        for (char *c = row; c < row + strlen(component->folder);
             c++) /* a Router's modules */
            *c = *c == '/' ? '.' : *c;
        if (planner->model->family->metadata_kind == FLETCH_METADATA_SENTENCE)
            TRY(put_row(planner, row, component, tensor, err));
        else
            TRY(put_left_out(planner, component, tensor,
                             "belongs to a module after the encoder, which the type "
                             "sentence-transformers keeps",
                             err));
    }
    return FLETCH_OK;
}

/* ---- Order, groups, sums ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct fletch_row_plan *x = a, *y = b;

    return fletch_natural_compare(x->name, y->name);
}

static int compare_left_out(const void *a, const void *b)
{
    const struct fletch_left_out_plan *x = a, *y = b;

    return fletch_natural_compare(x->tensor, y->tensor);
}

/* Several parts of one tensor count as one that is left out. */
static void join_left_out(struct fletch_row_plans *plans)
{
    size_t kept = 0;

    for (size_t i = 0; i < plans->left_out_count; i++)
        if (!i || strcmp(plans->left_out[i].tensor, plans->left_out[i - 1].tensor) != 0)
            plans->left_out[kept++] = plans->left_out[i];
    plans->left_out_count = kept;
}

static enum fletch_status sort_rows(struct fletch_row_plans *plans,
                                    struct fletch_error *err)
{
    qsort(plans->rows, plans->rows_count, sizeof(*plans->rows), compare_rows);
    qsort(plans->left_out, plans->left_out_count, sizeof(*plans->left_out),
          compare_left_out);
    join_left_out(plans);
    for (size_t i = 1; i < plans->rows_count; i++)
        if (!strcmp(plans->rows[i].name, plans->rows[i - 1].name))
            return fletch_fail(err, FLETCH_ERR_FAMILY,
                               "tensors '%.120s' and '%.120s' would both be the row "
                               "'%.120s'",
                               plans->rows[i - 1].tensor_name, plans->rows[i].tensor_name,
                               plans->rows[i].name);
    return FLETCH_OK;
}

/* A group is cut before its content exceeds the format's size, one value alone aside. */
static void cut_groups(struct fletch_row_plans *plans)
{
    const uint64_t most = plans->output->group_size;
    uint64_t content = 0;

    for (size_t i = 0; i < plans->rows_count; i++) {
        uint64_t page = plans->rows[i].size + plans->output->prefix_size;

        if (!i || page > most || content > most - page) {
            plans->groups_count++;
            content = 0;
        }
        content += page;
        plans->rows[i].group = plans->groups_count - 1;
    }
}

static enum fletch_status add_up(struct fletch_row_plans *plans, struct fletch_error *err)
{
    for (size_t i = 0; i < plans->rows_count; i++) {
        const struct fletch_row_plan *row = &plans->rows[i];

        if (!fletch_add(&plans->parameters, plans->parameters, row->tensor->count) ||
            !fletch_add(&plans->source_bytes, plans->source_bytes, row->tensor->size) ||
            !fletch_add(&plans->stored_bytes, plans->stored_bytes, row->size))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "the tensors' bytes add up to more than 64 bits hold");
    }
    return FLETCH_OK;
}

static enum fletch_status make(const struct planner *planner, struct fletch_error *err)
{
    struct fletch_row_plans *plans = planner->plans;
    size_t count = planner->model->components[0].checkpoint->skipped.count;

    for (size_t i = 0; i < planner->model->components_count; i++)
        count += planner->model->components[i].checkpoint->tensors_count;
    plans->rows = fletch_arena_alloc_array(&plans->arena, count, sizeof(*plans->rows));
    plans->left_out =
        fletch_arena_alloc_array(&plans->arena, 2 * count, sizeof(*plans->left_out));
    if (!plans->rows || !plans->left_out)
        return fletch_fail_memory(err, count * sizeof(*plans->rows), "a plan");
    TRY(plan_encoder(planner, err));
    for (size_t i = 1; i < planner->model->components_count; i++)
        TRY(plan_module(planner, &planner->model->components[i], err));
    TRY(sort_rows(plans, err));
    cut_groups(plans);
    return add_up(plans, err);
}

enum fletch_status fletch_row_plans_make(struct fletch_row_plans *out,
                                         const struct fletch_model *model,
                                         const struct fletch_output_format *output,
                                         enum fletch_precision precision,
                                         struct fletch_error *err)
{
    struct fletch_row_plans plans = { .output = output };
    struct planner planner = { .plans = &plans, .model = model, .precision = precision };
    enum fletch_status status = make(&planner, err);

    if (status) {
        fletch_row_plans_release(&plans);
        return status;
    }
    *out = plans;
    return FLETCH_OK;
}

enum fletch_status fletch_row_plans_check(const struct fletch_row_plans *plans,
                                          const struct fletch_codec *codec,
                                          struct fletch_error *err)
{
    const uint64_t most = codec->page_max ? codec->page_max - plans->output->prefix_size
                                          : plans->output->value_max;

    for (size_t i = 0; i < plans->rows_count; i++)
        if (plans->rows[i].size > most)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "tensor '%.200s': %" PRIu64
                               " bytes as %s, the limit for one value with codec '%s' is "
                               "%" PRIu64 "; another codec would take it",
                               plans->rows[i].tensor_name, plans->rows[i].size,
                               fletch_dtype_text(plans->rows[i].dtype), codec->name, most);
    return FLETCH_OK;
}

void fletch_row_plans_release(struct fletch_row_plans *plans)
{
    if (!plans)
        return;
    fletch_arena_release(&plans->arena);
    *plans = (struct fletch_row_plans){ 0 };
}

const char *fletch_model_note(const struct fletch_model *model, size_t i)
{
    for (size_t component = 0; component < model->components_count; component++) {
        const struct fletch_strlist *notes =
            &model->components[component].checkpoint->notes;

        if (i < notes->count)
            return notes->items[i];
        i -= notes->count;
    }
    return NULL;
}
