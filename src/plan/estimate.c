/* SPDX-License-Identifier: MIT */
/* estimate.c - see estimate.h */
#include "plan/estimate.h"

/* What weights of a type usually shrink to, in thousandths. Trained weights are close to
 * noise, so only codecs with entropy coding shrink them. Measured on normally distributed
 * values. */
struct prediction {
    enum fletch_dtype dtype;
    unsigned with_entropy, without;
};

static const struct prediction predictions[] = {
    { FLETCH_F16, 919, 1000 },
    { FLETCH_F32, 925, 1000 },
    { FLETCH_I64, 200, 400 },
    { FLETCH_DTYPE_NONE, 900, 1000 },
};

/* A row in the small columns, page header and footer. */
#define ROW_OVERHEAD 160

static uint64_t predict(const struct fletch_row_plan *row, const struct fletch_codec *codec)
{
    bool entropy = codec->level_max > 0;
    const struct prediction *p = predictions;

    if (codec->id == FLETCH_CODEC_ID_NONE)
        return row->size + ROW_OVERHEAD;
    while (p->dtype != FLETCH_DTYPE_NONE && p->dtype != row->dtype)
        p++;
    return row->size / 1000 * (entropy ? p->with_entropy : p->without) + ROW_OVERHEAD;
}

uint64_t fletch_estimate_file(const struct fletch_row_plans *plans,
                              const struct fletch_codec *codec)
{
    uint64_t size = 0;

    for (size_t i = 0; i < plans->rows_count; i++)
        size += predict(&plans->rows[i], codec);
    return size;
}
