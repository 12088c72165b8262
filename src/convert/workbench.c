/* SPDX-License-Identifier: MIT */
/* workbench.c - see workbench.h */
#include "convert/workbench.h"

#include "base/api_options.h"

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
    /* floats are counted on the way in any case: some may be NaN */
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
