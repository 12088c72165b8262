/* SPDX-License-Identifier: MIT */
/* sampling.c - see sampling.h */
#include "convert/sampling.h"

/* Samples of a row group: one for every so many bytes, within bounds, each of this size. */
#define SAMPLE_SIZE ((size_t)64 << 10)
#define SAMPLE_EVERY ((uint64_t)4 << 20)
#define SAMPLES_MIN 8
#define SAMPLES_MAX 32

struct fletch_sampling fletch_sampling_of(const struct fletch_pipeline *pipeline,
                                          size_t group)
{
    const struct fletch_row_plans *plans = pipeline->plans;
    struct fletch_sampling sampling = { 0 };

    for (size_t i = 0; i < plans->rows_count; i++) {
        if (plans->rows[i].group != group)
            continue;
        if (!sampling.first)
            sampling.first = &plans->rows[i];
        sampling.size += plans->rows[i].size;
    }
    if (pipeline->codec->id == FLETCH_CODEC_ID_NONE || !sampling.size)
        return sampling;
    sampling.count = sampling.size / SAMPLE_EVERY;
    if (sampling.count < SAMPLES_MIN)
        sampling.count = SAMPLES_MIN;
    if (sampling.count > SAMPLES_MAX)
        sampling.count = SAMPLES_MAX;
    return sampling;
}

enum fletch_status fletch_sampling_take(struct fletch_samples *samples,
                                        const struct fletch_sampling *sampling, uint64_t i,
                                        struct fletch_workbench *bench,
                                        struct fletch_error *err)
{
    const struct fletch_row_plan *row = sampling->first;
    uint64_t step = sampling->size / sampling->count, at = step * i + step / 2;
    struct fletch_cast_report report = { 0 };
    struct fletch_segment segment;
    enum fletch_status status;
    uint8_t *content;
    size_t element;

    while (at >= row->size)
        at -= row++->size;
    element = fletch_dtype_size(row->dtype);
    segment = (struct fletch_segment){
        .row = row, .dtype = row->dtype, .size = row->size, .begin = at / element * element
    };
    segment.segment_size = row->size - segment.begin < SAMPLE_SIZE
                               ? (size_t)(row->size - segment.begin)
                               : SAMPLE_SIZE;
    content = fletch_alloc(SAMPLE_SIZE);
    if (!content)
        return fletch_fail_memory(err, SAMPLE_SIZE, "a sample");
    status = fletch_segment_read(content, &segment, bench, &report, NULL, err);
    if (!status)
        status = fletch_codec_sample(samples, bench->pipeline->codec, bench->encoder,
                                     content, segment.segment_size, err);
    fletch_free(content);
    return status;
}
