/* SPDX-License-Identifier: MIT */
/* preflight.c - see preflight.h */
#include "plan/preflight.h"

enum fletch_status fletch_source_open(struct fletch_source *out, const char *path,
                                      const struct fletch_options *options,
                                      struct fletch_error *err)
{
    struct fletch_source source = { 0 };
    enum fletch_status status = fletch_model_open(&source.model, path, options, err);

    if (!status)
        status = fletch_row_plans_make(&source.plans, source.model, fletch_outputs[0],
                                       options->precision, err);
    if (status)
        fletch_source_close(&source);
    *out = source;
    return status;
}

void fletch_source_close(struct fletch_source *source)
{
    fletch_row_plans_release(&source->plans);
    fletch_model_close(source->model);
    *source = (struct fletch_source){ 0 };
}

enum fletch_status fletch_preflight_make(struct fletch_preflight *out, const char *path,
                                         const struct fletch_options *options,
                                         struct fletch_error *err)
{
    struct fletch_preflight flight = { .level = 0 };
    enum fletch_status status;

    *out = flight;
    TRY(fletch_codec_find(&flight.codec, options->codec, err));
    TRY(fletch_codec_level(&flight.level, flight.codec, options->level, err));
    /* find out first what the tensors are: only then ask for what they do not tell */
    TRY(fletch_source_open(&flight.source, path, options, err));
    status = fletch_model_check_config(flight.source.model, err);
    if (!status)
        status = fletch_row_plans_check(&flight.source.plans, flight.codec, err);
    if (!status)
        status = fletch_budget_make(&flight.budget, &flight.source.plans, flight.codec,
                                    flight.level, options, err);
    if (status) {
        fletch_source_close(&flight.source);
        return status;
    }
    *out = flight;
    return FLETCH_OK;
}
