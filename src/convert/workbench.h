/* SPDX-License-Identifier: MIT */
/* workbench.h - one thread's tools: read a segment of a row, cast it, compress it */
#ifndef FLETCH_CONVERT_WORKBENCH_H
#define FLETCH_CONVERT_WORKBENCH_H

#include "convert/pipeline.h"

/* Elements are read and cast this many at a time, so that source and result stay in the L2
 * cache.
 */
#define FLETCH_CHUNK_COUNT ((size_t)64 << 10)

/* A segment of a row's value. */
struct fletch_segment {
    const struct fletch_row_plan *row;
    enum fletch_dtype dtype; /* the type to store it as */
    uint64_t size;           /* bytes of the whole value in that type */
    uint64_t begin;          /* bytes, from the value's start */
    size_t segment_size;     /* bytes */
};

/* True when pages of that effort are split into pieces. */
static inline bool fletch_segment_is_cut(const struct fletch_pipeline *pipeline,
                                         enum fletch_effort effort)
{
    return pipeline->codec->concatenable || effort == FLETCH_EFFORT_STORE;
}

static inline bool fletch_segment_is_last(const struct fletch_segment *segment)
{
    return segment->begin + segment->segment_size == segment->size;
}

static inline bool fletch_segment_is_whole(const struct fletch_segment *segment)
{
    return segment->segment_size == segment->size;
}

/* Zeroed is closed. */
struct fletch_workbench {
    const struct fletch_pipeline *pipeline;
    struct fletch_encoder *encoder; /* NULL for the codec "none" */
    struct fletch_sha256 sha;
    uint8_t *chunk; /* [FLETCH_CHUNK_COUNT * 8]: source elements */
    enum fletch_dtype cast_from, cast_to;
    fletch_cast_fn cast; /* between these; cached because CPU detection is slow on a virtual
                            machine */
};

enum fletch_status fletch_workbench_open(struct fletch_workbench *out,
                                         const struct fletch_pipeline *pipeline,
                                         struct fletch_error *err);
void fletch_workbench_close(struct fletch_workbench *bench);

/* Reads and casts a segment into out[segment->segment_size] and adds to `report`; continues
 * *crc over the source's bytes, unless it is NULL. CANCELLED between chunks. */
enum fletch_status fletch_segment_read(void *out, const struct fletch_segment *segment,
                                       struct fletch_workbench *bench,
                                       struct fletch_cast_report *report, uint32_t *crc,
                                       struct fletch_error *err);

#endif
