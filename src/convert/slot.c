/* SPDX-License-Identifier: MIT */
/* slot.c - see slot.h */
#include "convert/slot.h"

#include <string.h>

static enum fletch_status make_room(uint8_t **buffer, size_t *cap, size_t size,
                                    struct fletch_error *err)
{
    if (*cap >= size)
        return FLETCH_OK;
    fletch_free(*buffer);
    *cap = 0;
    *buffer = fletch_resize(NULL, size, 1);
    if (!*buffer)
        return fletch_fail_memory(err, size, "a page");
    *cap = size;
    return FLETCH_OK;
}

/* Compresses the [prefix and] value of the slot's segment; *out points into the slot. */
static enum fletch_status pack(struct fletch_slot *slot, const uint8_t *content,
                               size_t size, struct fletch_workbench *bench,
                               struct fletch_error *err)
{
    const struct fletch_codec *codec = bench->pipeline->codec;
    const struct fletch_segment *segment = &slot->segment;
    const size_t prefix = bench->pipeline->plans->output->prefix_size;
    struct fletch_piece piece = {
        .bytes = content,
        .size = size,
        .offset = segment->begin ? segment->begin + prefix : 0,
        .page_size = segment->size + prefix,
        .effort = slot->effort,
    };

    slot->out = content;
    slot->out_size = size;
    if (slot->effort == FLETCH_EFFORT_STORE)
        return FLETCH_OK;
    if (codec->trailer)
        slot->content_crc = fletch_crc32(0, content, size);
    TRY(make_room(&slot->packed, &slot->packed_cap, codec->bound(size), err));
    TRY(codec->encode(bench->encoder, &piece, slot->packed, slot->packed_cap,
                      &slot->out_size, err));
    slot->out = slot->packed;
    return FLETCH_OK;
}

enum fletch_status fletch_slot_make(struct fletch_slot *slot,
                                    struct fletch_workbench *bench,
                                    struct fletch_error *err)
{
    const struct fletch_segment *segment = &slot->segment;
    const struct fletch_output_format *output = bench->pipeline->plans->output;
    const size_t prefix = output->prefix_size;
    bool first = !segment->begin;
    uint8_t *value;

    slot->report = (struct fletch_cast_report){ 0 };
    TRY(make_room(&slot->content, &slot->content_cap, segment->segment_size + prefix, err));
    value = slot->content + prefix;
    slot->prefix_size = prefix;
    slot->crc = 0;
    TRY(fletch_segment_read(value, segment, bench, &slot->report,
                            segment->row->tensor->crc ? &slot->crc : NULL, err));
    if (first)
        output->put_prefix(slot->content, segment->size);
    if (fletch_segment_is_whole(segment)) {
        fletch_sha256_open(&bench->sha);
        fletch_sha256_put(&bench->sha, value, segment->segment_size);
        fletch_sha256_finish(&bench->sha, slot->sha256);
    }
    return pack(slot, first ? slot->content : value,
                segment->segment_size + (first ? prefix : 0), bench, err);
}

void fletch_slot_hash(struct fletch_slot *slot, struct fletch_sha256 *sha)
{
    const struct fletch_segment *segment = &slot->segment;

    if (fletch_segment_is_whole(segment))
        return;
    if (!segment->begin)
        fletch_sha256_open(sha);
    fletch_sha256_put(sha, slot->content + slot->prefix_size, segment->segment_size);
    if (fletch_segment_is_last(segment))
        fletch_sha256_finish(sha, slot->sha256);
}

void fletch_slot_empty(struct fletch_slot *slot)
{
    fletch_free(slot->content);
    fletch_free(slot->packed);
    slot->content = slot->packed = NULL;
    slot->content_cap = slot->packed_cap = 0;
}
