/* SPDX-License-Identifier: MIT */
/* workbench.c - see workbench.h */
#include "convert/workbench.h"

/* Samples of a row group: one for every so many bytes, within bounds, each of this size. */
#define SAMPLE_SIZE ((size_t)64 << 10)
#define SAMPLE_EVERY ((uint64_t)4 << 20)
#define SAMPLES_MIN 8
#define SAMPLES_MAX 32

enum fletch_status fletch_check_cancel(const struct fletch_options *options,
                                       struct fletch_error *err)
{
    const struct fletch_cancel cancel = { options->cancel, options->user };

    return fletch_cancel_check(&cancel, err);
}

enum fletch_status fletch_workbench_open(struct fletch_workbench *out,
                                         const struct fletch_pipeline *pipeline,
                                         struct fletch_error *err)
{
    struct fletch_workbench bench = { .pipeline = pipeline };
    const struct fletch_codec *codec = pipeline->codec;
    enum fletch_status status = FLETCH_OK;

    bench.chunk = fletch_alloc(FLETCH_CHUNK_COUNT * 8);
    if (!bench.chunk)
        status = fletch_fail_memory(err, FLETCH_CHUNK_COUNT * 8, "a chunk of a tensor");
    if (!status && codec->encoder_open)
        status = codec->encoder_open(&bench.encoder, pipeline->level, err);
    if (status) {
        fletch_workbench_close(&bench);
        return status;
    }
    *out = bench;
    return FLETCH_OK;
}

void fletch_workbench_close(struct fletch_workbench *bench)
{
    if (bench->encoder)
        bench->pipeline->codec->encoder_close(bench->encoder);
    fletch_free(bench->chunk);
    *bench = (struct fletch_workbench){ 0 };
}

static fletch_cast_fn cast_between(struct fletch_workbench *bench, enum fletch_dtype from,
                                   enum fletch_dtype to)
{
    if (!bench->cast || bench->cast_from != from || bench->cast_to != to) {
        bench->cast = fletch_cast_find(from, to);
        bench->cast_from = from;
        bench->cast_to = to;
    }
    return bench->cast;
}

enum fletch_status fletch_segment_read(void *out, const struct fletch_segment *segment,
                                       struct fletch_workbench *bench,
                                       struct fletch_cast_report *report, uint32_t *crc,
                                       struct fletch_error *err)
{
    const struct fletch_tensor *tensor = segment->row->tensor;
    size_t source_size = fletch_dtype_size(tensor->dtype);
    size_t stored_size = fletch_dtype_size(segment->dtype);
    fletch_cast_fn cast = cast_between(bench, tensor->dtype, segment->dtype);
    /* floats are counted on the way, whatever they become: some may be NaN */
    bool as_is =
        tensor->dtype == segment->dtype && !fletch_dtype_info(segment->dtype)->floating;
    uint64_t at = segment->begin / stored_size;
    size_t left = segment->segment_size / stored_size;
    uint8_t *to = out;

    while (left) {
        size_t count = left < FLETCH_CHUNK_COUNT ? left : FLETCH_CHUNK_COUNT;
        void *chunk = as_is ? to : bench->chunk;

        TRY(fletch_check_cancel(bench->pipeline->options, err));
        TRY(fletch_tensor_read(segment->row->checkpoint, tensor, at * source_size, chunk,
                               count * source_size, err));
        if (crc)
            *crc = fletch_crc32(*crc, chunk, count * source_size);
        TRY(fletch_checkpoint_mask(segment->row->checkpoint, tensor, at, chunk, count,
                                   fletch_mask_apply, err));
        if (!as_is)
            cast(to, chunk, count, report);
        to += count * stored_size;
        at += count;
        left -= count;
    }
    return FLETCH_OK;
}

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
