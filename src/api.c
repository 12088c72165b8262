/* SPDX-License-Identifier: MIT */
/* api.c - public functions that only forward: names, plans, detection */
#include "plan/estimate.h"
#include "plan/preflight.h"
#include "convert/tokenizer_save.h"

#include "base/api_options.h"

#include <stdio.h>
#include <string.h>

const char *fletch_version(void)
{
    return FLETCH_VERSION;
}

unsigned fletch_api_version(void)
{
    return FLETCH_API_VERSION;
}

/* ---- What this build can do ---- */

const char *fletch_family_name(size_t i)
{
    const struct fletch_family *family = fletch_family_get(i);

    return family ? family->name : NULL;
}

const char *fletch_family_title(size_t i)
{
    const struct fletch_family *family = fletch_family_get(i);

    return family ? family->title : NULL;
}

const char *fletch_family_model_type(size_t i, size_t j)
{
    const struct fletch_family *family = fletch_family_get(i);

    for (const struct fletch_model_class *model_class = family ? family->classes : NULL;
         model_class && model_class->model_type; model_class++)
        if (model_class == family->classes || !model_class[-1].model_type ||
            strcmp(model_class->model_type, model_class[-1].model_type) != 0)
            if (!j--)
                return model_class->model_type;
    return NULL;
}

enum fletch_status fletch_codec_at(struct fletch_codec_info *out, size_t i)
{
    const struct fletch_codec *codec = fletch_codec_get(i);

    if (!codec)
        return FLETCH_ERR_NOT_FOUND;
    *out = (struct fletch_codec_info){ .name = codec->name,
                                       .display_name = codec->display_name,
                                       .built_in = codec->encode != NULL,
                                       .level_min = codec->level_min,
                                       .level_max = codec->level_max,
                                       .level_default = codec->level_default };
    return FLETCH_OK;
}

/* ---- Detect ---- */

enum fletch_status fletch_detect(struct fletch_detection *out, const char *model,
                                 struct fletch_error *err)
{
    struct fletch_model *opened;
    struct fletch_detection found = { 0 };

    TRY(fletch_model_open(&opened, model, NULL, err));
    found.family = opened->family->name;
    snprintf(found.model_type, sizeof(found.model_type), "%s", opened->model_type);
    snprintf(found.evidence, sizeof(found.evidence), "%s", opened->evidence);
    fletch_model_close(opened);
    *out = found;
    return FLETCH_OK;
}

/* ---- Plans ---- */

struct fletch_plan {
    struct fletch_preflight flight;
    struct fletch_tokenizer_warnings tokenizer_warnings;
};

/* Finds out what a conversion would make of the tokenizer, without writing it. */
static enum fletch_status plan_tokenizer(struct fletch_plan *plan,
                                         const struct fletch_options *options,
                                         struct fletch_error *err)
{
    struct fletch_tokenizer_origin origin;

    if (!plan->flight.source.model->family->tokenizer || options->skip_tokenizer)
        return FLETCH_OK;
    return fletch_tokenizer_write(&origin, &plan->tokenizer_warnings,
                                  plan->flight.source.model, NULL, err);
}

enum fletch_status fletch_plan_open(struct fletch_plan **out, const char *model,
                                    const struct fletch_options *options,
                                    struct fletch_error *err)
{
    struct fletch_options taken;
    struct fletch_plan *plan;
    enum fletch_status status;

    TRY(fletch_options_take(&taken, options, err));
    plan = fletch_alloc(sizeof(*plan));
    if (!plan)
        return fletch_fail_memory(err, sizeof(*plan), "a plan");
    status = fletch_preflight_make(&plan->flight, model, &taken, err);
    if (!status)
        status = plan_tokenizer(plan, &taken, err);
    if (status) {
        fletch_plan_close(plan);
        return status;
    }
    *out = plan;
    return FLETCH_OK;
}

void fletch_plan_close(struct fletch_plan *plan)
{
    if (!plan)
        return;
    fletch_source_close(&plan->flight.source);
    fletch_free(plan);
}

void fletch_plan_summarise(struct fletch_plan_summary *out, const struct fletch_plan *plan)
{
    const char *prefix = plan->flight.source.model->components[0].checkpoint->prefix;

    *out = (struct fletch_plan_summary){
        .family = plan->flight.source.model->family->name,
        .model_type = plan->flight.source.model->model_type,
        .evidence = plan->flight.source.model->evidence,
        .format = plan->flight.source.model->components[0].checkpoint->format,
        .dialect = plan->flight.source.model->dialect
                       ? plan->flight.source.model->dialect->name
                       : NULL,
        .prefix = prefix && *prefix ? prefix : NULL,
        .rows = plan->flight.source.plans.rows_count,
        .left_out = plan->flight.source.plans.left_out_count,
        .missing = plan->flight.source.plans.missing_count,
        .parameters = plan->flight.source.plans.parameters,
        .source_bytes = plan->flight.source.plans.source_bytes,
        .stored_bytes = plan->flight.source.plans.stored_bytes
    };
    for (size_t i = 0; i < plan->flight.source.model->components_count; i++)
        out->files += plan->flight.source.model->components[i].checkpoint->files_count;
    out->predicted_bytes =
        fletch_estimate_file(&plan->flight.source.plans, plan->flight.codec);
}

bool fletch_plan_row_at(struct fletch_plan_row *out, const struct fletch_plan *plan,
                        size_t i)
{
    const struct fletch_row_plan *row;

    if (i >= plan->flight.source.plans.rows_count)
        return false;
    row = &plan->flight.source.plans.rows[i];
    *out = (struct fletch_plan_row){ .name = row->name,
                                     .tensor = row->tensor_name,
                                     .source_dtype = fletch_dtype_text(row->tensor->dtype),
                                     .dtype = fletch_dtype_text(row->dtype),
                                     .shape = row->tensor->shape,
                                     .rank = row->tensor->rank,
                                     .count = row->tensor->count,
                                     .source_size = row->tensor->size,
                                     .size = row->size,
                                     .mask = row->mask_name };
    return true;
}

bool fletch_plan_left_out_at(struct fletch_left_out *out, const struct fletch_plan *plan,
                             size_t i)
{
    if (i >= plan->flight.source.plans.left_out_count)
        return false;
    *out =
        (struct fletch_left_out){ .tensor = plan->flight.source.plans.left_out[i].tensor,
                                  .reason = plan->flight.source.plans.left_out[i].reason };
    return true;
}

const char *fletch_plan_warning(const struct fletch_plan *plan, size_t i)
{
    const struct fletch_row_plans *plans = &plan->flight.source.plans;

    if (i < plans->warnings_count)
        return plans->warnings[i];
    i -= plans->warnings_count;
    return i < plan->tokenizer_warnings.count ? plan->tokenizer_warnings.texts[i] : NULL;
}

const char *fletch_plan_note(const struct fletch_plan *plan, size_t i)
{
    return fletch_model_note(plan->flight.source.model, i);
}
