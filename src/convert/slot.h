/* SPDX-License-Identifier: MIT */
/* slot.h - a segment of a row in progress: read, cast, hashed, compressed */
#ifndef FLETCH_CONVERT_SLOT_H
#define FLETCH_CONVERT_SLOT_H

#include "convert/workbench.h"

/* Zeroed has no buffers; they are made when needed, and kept. */
struct fletch_slot {
    struct fletch_segment segment;
    size_t row; /* index in the plan */
    enum fletch_effort effort;
    struct fletch_cast_report report;
    uint32_t crc;                       /* of its source, if the tensor's is known */
    uint32_t content_crc;               /* of the compressed content, if the codec needs
                                           it */
    uint8_t sha256[FLETCH_SHA256_SIZE]; /* of the value, in its last segment */
    size_t prefix_size;                 /* of the output: room in front of the value */
    uint8_t *content;                   /* [content_cap]: prefix and value */
    size_t content_cap;
    uint8_t *packed; /* [packed_cap]: compressed */
    size_t packed_cap;
    const uint8_t *out; /* [out_size]: the bytes to write; in content or packed */
    size_t out_size;
};

/* Reads, casts and compresses the segment that `segment`, `row` and `effort` describe, and
 * hashes it if it is the whole value; fills in the rest. */
enum fletch_status fletch_slot_make(struct fletch_slot *slot,
                                    struct fletch_workbench *bench,
                                    struct fletch_error *err);
/* Hashes a segment of a longer value; call in order. Does nothing for a whole value. */
void fletch_slot_hash(struct fletch_slot *slot, struct fletch_sha256 *sha);
/* Frees the buffers. */
void fletch_slot_empty(struct fletch_slot *slot);

#endif
