/* SPDX-License-Identifier: MIT */
/* commit.c - see commit.h */
#include "convert/commit.h"

#include <inttypes.h>
#include <string.h>

static const struct fletch_output_format *
output_of(const struct fletch_committer *committer)
{
    return committer->pipeline->plans->output;
}

/* Begins a group with all its rows, which the plan knows before their values are made. */
static enum fletch_status begin_group(struct fletch_committer *committer,
                                      const struct fletch_slot *slot,
                                      struct fletch_error *err)
{
    const struct fletch_row_plans *plans = committer->pipeline->plans;
    const struct fletch_row_plan *first = &plans->rows[slot->row];
    enum fletch_codec_id codec = slot->effort == FLETCH_EFFORT_STORE
                                     ? FLETCH_CODEC_ID_NONE
                                     : committer->pipeline->codec->id;
    struct fletch_output_row *rows;
    enum fletch_status status;
    size_t count = 0;

    while (slot->row + count < plans->rows_count && first[count].group == first->group)
        count++;
    rows = fletch_alloc_array(count, sizeof(*rows));
    if (!rows)
        return fletch_fail_memory(err, count * sizeof(*rows), "rows of a group");
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct fletch_output_row){ .name = first[i].name,
                                              .shape = first[i].tensor->shape,
                                              .rank = first[i].tensor->rank,
                                              .count = first[i].tensor->count };
    status = output_of(committer)->begin_group(committer->writer, codec, rows, count, err);
    fletch_free(rows);
    return status;
}

static enum fletch_status begin_row(struct fletch_committer *committer,
                                    const struct fletch_slot *slot,
                                    struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->segment.row;

    if (!committer->group_is_open || committer->group != row->group) {
        if (committer->group_is_open)
            TRY(output_of(committer)->end_group(committer->writer, err));
        committer->group = row->group;
        committer->group_is_open = true;
        TRY(begin_group(committer, slot, err));
    }
    return output_of(committer)->begin_row(
        committer->writer, fletch_dtype_text(slot->segment.dtype), slot->segment.size, err);
}

/* The source of a segment, in bytes. */
static uint64_t source_size(const struct fletch_segment *segment)
{
    return segment->segment_size / fletch_dtype_size(segment->dtype) *
           fletch_dtype_size(segment->row->tensor->dtype);
}

static enum fletch_status check_source(const struct fletch_committer *committer,
                                       const struct fletch_slot *slot,
                                       struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->segment.row;
    const struct fletch_tensor *tensor = row->tensor;

    if (!tensor->crc || committer->crc == tensor->crc)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "%s: tensor '%.200s': CRC-32 of its %" PRIu64
                       " bytes from byte %" PRIu64 " on is %08" PRIx32
                       ", expected %08" PRIx32 " as the archive says",
                       row->checkpoint->files[tensor->file].name, row->tensor_name,
                       tensor->size, tensor->offset, committer->crc, tensor->crc);
}

static enum fletch_status end_row(struct fletch_committer *committer,
                                  const struct fletch_slot *slot, struct fletch_error *err)
{
    struct fletch_row_outcome *outcome = &committer->outcomes[slot->row];
    struct fletch_written written;

    TRY(check_source(committer, slot, err));
    TRY(output_of(committer)->end_row(committer->writer, &written, err));
    outcome->dtype = slot->segment.dtype;
    outcome->size = slot->segment.size;
    outcome->compressed_size = written.compressed_size;
    memcpy(outcome->sha256, slot->sha256, sizeof(outcome->sha256));
    committer->rows++;
    return FLETCH_OK;
}

static void tell(struct fletch_committer *committer, const struct fletch_segment *segment)
{
    const struct fletch_options *options = committer->pipeline->options;
    struct fletch_progress progress = {
        .stage = FLETCH_STAGE_WRITE,
        .total = committer->pipeline->plans->source_bytes,
        .tensors_done = committer->rows,
        .tensors_total = committer->pipeline->plans->rows_count,
    };

    committer->bytes += source_size(segment);
    progress.done = committer->bytes;
    if (options->progress)
        options->progress(&progress, options->user);
}

/* Writes what the codec adds after the last segment of a page. */
static enum fletch_status put_trailer(struct fletch_committer *committer,
                                      const struct fletch_slot *slot,
                                      struct fletch_error *err)
{
    const struct fletch_segment *segment = &slot->segment;
    const struct fletch_codec *codec = committer->pipeline->codec;
    uint64_t content =
        segment->segment_size + (segment->begin ? 0 : output_of(committer)->prefix_size);
    uint8_t trailer[FLETCH_TRAILER_MAX];
    size_t size;

    if (!codec->trailer || slot->effort == FLETCH_EFFORT_STORE)
        return FLETCH_OK;
    committer->content_crc = fletch_crc32_join(segment->begin ? committer->content_crc : 0,
                                               slot->content_crc, content);
    if (!fletch_segment_is_last(segment))
        return FLETCH_OK;
    size = codec->trailer(trailer, committer->content_crc,
                          segment->size + output_of(committer)->prefix_size);
    return output_of(committer)->put(committer->writer, trailer, size, err);
}

/* Writes one segment, in order, whose row's page is open. */
static enum fletch_status put_segment(struct fletch_committer *committer,
                                      const struct fletch_slot *slot,
                                      struct fletch_error *err)
{
    const struct fletch_segment *segment = &slot->segment;

    committer->crc = fletch_crc32_join(segment->begin ? committer->crc : 0, slot->crc,
                                       source_size(segment));
    TRY(output_of(committer)->put(committer->writer, slot->out, slot->out_size, err));
    return put_trailer(committer, slot, err);
}

/* Writes a row in its wide type, segment by segment, using the slot of its narrow
 * segment. */
static enum fletch_status write_wide(struct fletch_committer *committer,
                                     struct fletch_slot *slot,
                                     struct fletch_workbench *bench,
                                     struct fletch_sha256 *sha, struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->segment.row;
    struct fletch_cast_report *report = &committer->outcomes[slot->row].report;
    uint64_t step = fletch_segment_is_cut(committer->pipeline, slot->effort)
                        ? FLETCH_PIECE_SIZE
                        : UINT64_MAX;

    *report = (struct fletch_cast_report){ 0 };
    slot->segment = (struct fletch_segment){ .row = row,
                                             .dtype = row->wide,
                                             .size = fletch_row_wide_size(row) };
    for (uint64_t begin = 0; begin < slot->segment.size;
         begin += slot->segment.segment_size) {
        uint64_t left = slot->segment.size - begin;

        slot->segment.begin = begin;
        slot->segment.segment_size = (size_t)(left < step ? left : step);
        TRY(fletch_slot_make(slot, bench, err));
        fletch_slot_hash(slot, sha);
        fletch_cast_report_add(report, &slot->report);
        if (!begin)
            TRY(begin_row(committer, slot, err));
        TRY(put_segment(committer, slot, err));
    }
    return end_row(committer, slot, err);
}

/* Frees the slot's buffers before and after: a whole page in its wide type has another
 * size. */
static enum fletch_status rewrite(struct fletch_committer *committer,
                                  struct fletch_slot *slot, struct fletch_workbench *bench,
                                  struct fletch_error *err)
{
    const struct fletch_row_plan *row = slot->segment.row;
    struct fletch_sha256 sha = { 0 };
    enum fletch_status status;

    if (fletch_row_wide_size(row) > output_of(committer)->value_max)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "tensor '%s': has values beyond float16, and as float32 it needs "
            "%" PRIu64 " bytes, the limit of a value is %" PRIu64
            "; --on-overflow inf would narrow it all the same",
            row->tensor_name, fletch_row_wide_size(row), output_of(committer)->value_max);
    fletch_slot_empty(slot);
    status = output_of(committer)->abort_row(committer->writer, err);
    if (!status)
        status = write_wide(committer, slot, bench, &sha, err);
    fletch_slot_empty(slot);
    return status;
}

/* The largest finite value of the type that overflows. */
static const char *largest_text(enum fletch_dtype dtype)
{
    return dtype == FLETCH_F16   ? "65504"
           : dtype == FLETCH_F32 ? "3.4028235e+38"
                                 : "9223372036854775807";
}

static enum fletch_status meet_overflow(struct fletch_committer *committer,
                                        struct fletch_slot *slot,
                                        struct fletch_workbench *bench, bool *rewritten,
                                        struct fletch_error *err)
{
    enum fletch_overflow policy = committer->pipeline->options->overflow;
    const struct fletch_row_plan *row = slot->segment.row;

    if (policy == FLETCH_OVERFLOW_ERROR)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%s': holds values beyond %s (%s is its largest), and "
                           "--on-overflow is error",
                           row->tensor_name, fletch_dtype_short_text(row->dtype),
                           largest_text(row->dtype));
    if (policy == FLETCH_OVERFLOW_INF || row->wide == row->dtype)
        return FLETCH_OK;
    *rewritten = true;
    return rewrite(committer, slot, bench, err);
}

enum fletch_status fletch_commit(struct fletch_committer *committer,
                                 struct fletch_slot *slot, struct fletch_workbench *bench,
                                 struct fletch_error *err)
{
    const struct fletch_segment segment = slot->segment;
    struct fletch_row_outcome *outcome = &committer->outcomes[slot->row];
    bool rewritten = committer->rewritten[slot->row];

    outcome->overflowed += slot->report.overflowed;
    if (!rewritten) {
        fletch_cast_report_add(&outcome->report, &slot->report);
        if (!segment.begin)
            TRY(begin_row(committer, slot, err));
        if (slot->report.overflowed)
            TRY(meet_overflow(committer, slot, bench, &rewritten, err));
        committer->rewritten[slot->row] = rewritten;
    }
    if (!rewritten) {
        TRY(put_segment(committer, slot, err));
        if (fletch_segment_is_last(&segment))
            TRY(end_row(committer, slot, err));
    }
    tell(committer, &segment);
    return FLETCH_OK;
}

enum fletch_status fletch_committer_open(struct fletch_committer *out,
                                         struct fletch_row_outcome *outcomes,
                                         const struct fletch_file *file,
                                         const struct fletch_pipeline *pipeline,
                                         struct fletch_error *err)
{
    static const char *const pairs[][2] = { { "fletch.version", FLETCH_VERSION },
                                            { NULL, NULL } };
    size_t count = pipeline->plans->rows_count;
    struct fletch_committer committer = { .pipeline = pipeline, .outcomes = outcomes };
    enum fletch_status status;

    memset(outcomes, 0, count * sizeof(*outcomes));
    committer.rewritten = fletch_alloc_array(count, sizeof(*committer.rewritten));
    if (!committer.rewritten)
        return fletch_fail_memory(err, count, "a mark for each row");
    status =
        output_of(&committer)->create(&committer.writer, file, pairs, pipeline->codec, err);
    if (status)
        fletch_committer_close(&committer);
    else
        *out = committer;
    return status;
}

enum fletch_status fletch_commit_end(struct fletch_committer *committer, uint64_t *written,
                                     uint64_t *footer_at, struct fletch_error *err)
{
    if (committer->group_is_open)
        TRY(output_of(committer)->end_group(committer->writer, err));
    return output_of(committer)->finish(committer->writer, written, footer_at, err);
}

void fletch_committer_close(struct fletch_committer *committer)
{
    if (committer->writer)
        output_of(committer)->close_writer(committer->writer);
    fletch_free(committer->rewritten);
    *committer = (struct fletch_committer){ 0 };
}
