/* SPDX-License-Identifier: MIT */
/* zip_read.c - see zip.h: the bytes of a member, unpacked as far as the caller needs them
 *
 * zlib unpacks in steps, so no member is ever in memory twice, and a large one never whole;
 * and the start of a member can be read without the rest.
 */
#include "archive/zip.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#define LOCAL_MAGIC 0x04034b50u
#define FLAG_DESCRIPTOR 8u

/* Packed bytes read at once: for a whole member, and for its start. */
#define PACKED_STEP ((size_t)64 << 10)
#define PEEK_STEP ((size_t)1 << 10)
#define COPY_STEP ((size_t)256 << 10)

/* A member that is read from its start. */
struct stream {
    const struct fletch_zip *zip;
    const struct fletch_zip_member *member;
    uint64_t begin; /* of its bytes in the file */
    uint64_t taken; /* of member->packed */
    size_t step;
    z_stream inflater;
    bool inflates;    /* `inflater` must be ended */
    uint8_t packed[]; /* [step] */
};

/* ---- Local header ---- */

/* Without a descriptor the local header has the sizes too. They must be the same, or all
 * ones if they do not fit. */
static bool same_sizes(const struct fletch_zip_member *member, const uint8_t *local)
{
    uint32_t packed = fletch_load_u32(local + 18), size = fletch_load_u32(local + 22);

    if (fletch_load_u16(local + 6) & FLAG_DESCRIPTOR)
        return true;
    return (packed == UINT32_MAX || packed == member->packed) &&
           (size == UINT32_MAX || size == member->size);
}

enum fletch_status fletch_zip_locate(uint64_t *out, const struct fletch_zip *zip,
                                     const struct fletch_zip_member *member,
                                     struct fletch_error *err)
{
    uint8_t local[FLETCH_ZIP_LOCAL_SIZE + 4096];
    size_t len = strlen(member->name), known;
    uint64_t skip;

    known = len < sizeof(local) - FLETCH_ZIP_LOCAL_SIZE
                ? len
                : sizeof(local) - FLETCH_ZIP_LOCAL_SIZE;
    TRY(fletch_file_read(zip->file, member->begin, local, FLETCH_ZIP_LOCAL_SIZE + known,
                         err));
    if (fletch_load_u32(local) != LOCAL_MAGIC)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %08x, expected the local header of "
                           "member '%.*s'",
                           member->begin, fletch_load_u32(local), FLETCH_SHOWN,
                           member->name);
    if (fletch_load_u16(local + 26) != len ||
        memcmp(local + FLETCH_ZIP_LOCAL_SIZE, member->name, known) != 0 ||
        fletch_load_u16(local + 8) != member->method || !same_sizes(member, local))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the local header of member '%.*s' says "
                           "something else than the directory",
                           member->begin, FLETCH_SHOWN, member->name);
    skip = FLETCH_ZIP_LOCAL_SIZE + len + fletch_load_u16(local + 28);
    if (skip > member->end - member->begin ||
        member->packed > member->end - member->begin - skip)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": member '%.*s' of %" PRIu64
                           " bytes reaches into what begins at byte %" PRIu64,
                           member->begin, FLETCH_SHOWN, member->name, member->packed,
                           member->end);
    *out = member->begin + skip;
    return FLETCH_OK;
}

/* ---- A stream ---- */

static enum fletch_status fail_inflate(const struct stream *stream,
                                       struct fletch_error *err)
{
    return fletch_fail(
        err, FLETCH_ERR_FORMAT,
        "byte %" PRIu64 ": member '%.*s' does not inflate to its %" PRIu64 " bytes",
        stream->begin, FLETCH_SHOWN, stream->member->name, stream->member->size);
}

static enum fletch_status open_stream(struct stream **out, const struct fletch_zip *zip,
                                      const struct fletch_zip_member *member, size_t step,
                                      struct fletch_error *err)
{
    struct stream *stream = fletch_alloc(sizeof(*stream) + step);

    if (!stream)
        return fletch_fail_memory(err, sizeof(*stream) + step, "unpacking");
    *out = stream;
    stream->step = step;
    stream->zip = zip;
    stream->member = member;
    TRY(fletch_zip_locate(&stream->begin, zip, member, err));
    if (member->method != FLETCH_ZIP_DEFLATED)
        return FLETCH_OK;
    if (inflateInit2(&stream->inflater, -MAX_WBITS) != Z_OK)
        return fletch_fail_memory(err, 0, "inflating");
    stream->inflates = true;
    return FLETCH_OK;
}

static void close_stream(struct stream *stream)
{
    if (stream && stream->inflates)
        inflateEnd(&stream->inflater);
    fletch_free(stream);
}

/* The next packed bytes; none when there are no more. */
static enum fletch_status refill(struct stream *stream, struct fletch_error *err)
{
    uint64_t left = stream->member->packed - stream->taken;
    size_t size = left < stream->step ? (size_t)left : stream->step;

    TRY(fletch_file_read(stream->zip->file, stream->begin + stream->taken, stream->packed,
                         size, err));
    stream->taken += size;
    stream->inflater.next_in = stream->packed;
    stream->inflater.avail_in = (uInt)size;
    return FLETCH_OK;
}

/* The next bytes of the member: all there are, up to `size`, which fits an int. */
static enum fletch_status inflate_next(size_t *out, struct stream *stream, uint8_t *bytes,
                                       size_t size, struct fletch_error *err)
{
    z_stream *inflater = &stream->inflater;
    int result = Z_OK;

    inflater->next_out = bytes;
    inflater->avail_out = (uInt)size;
    while (inflater->avail_out && result == Z_OK) {
        if (!inflater->avail_in)
            TRY(refill(stream, err));
        result = inflate(inflater, Z_NO_FLUSH);
    }
    if (result == Z_MEM_ERROR)
        return fletch_fail_memory(err, 0, "inflating");
    if (result != Z_OK && result != Z_STREAM_END)
        return fail_inflate(stream, err);
    *out = size - inflater->avail_out;
    return FLETCH_OK;
}

/* The next `size` bytes, which the member must have. */
static enum fletch_status read_next(struct stream *stream, uint8_t *bytes, size_t size,
                                    struct fletch_error *err)
{
    if (!stream->inflates) {
        TRY(fletch_file_read(stream->zip->file, stream->begin + stream->taken, bytes, size,
                             err));
        stream->taken += size;
        return FLETCH_OK;
    }
    while (size) {
        size_t step = size < INT_MAX ? size : INT_MAX, there = 0;

        TRY(inflate_next(&there, stream, bytes, step, err));
        if (there != step)
            return fail_inflate(stream, err);
        bytes += step;
        size -= step;
    }
    return FLETCH_OK;
}

/* The deflate stream and the member's bytes must end together. */
static enum fletch_status check_end(struct stream *stream, struct fletch_error *err)
{
    const struct fletch_zip_member *member = stream->member;
    uint64_t used;
    size_t more = 0;
    uint8_t byte;

    TRY(inflate_next(&more, stream, &byte, 1, err));
    if (more)
        return fail_inflate(stream, err);
    used = stream->taken - stream->inflater.avail_in;
    if (used != member->packed)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": member '%.*s' ends after %" PRIu64
                           " compressed bytes, expected %" PRIu64,
                           stream->begin, FLETCH_SHOWN, member->name, used, member->packed);
    return FLETCH_OK;
}

/* After everything is read: nothing may follow, and the checksum must be right. */
static enum fletch_status finish(struct stream *stream, uint32_t crc,
                                 struct fletch_error *err)
{
    const struct fletch_zip_member *member = stream->member;

    if (stream->inflates)
        TRY(check_end(stream, err));
    if (member->crc && crc != member->crc)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": member '%.*s' has CRC %08x, expected %08x: "
                           "the file is damaged",
                           stream->begin, FLETCH_SHOWN, member->name, crc, member->crc);
    return FLETCH_OK;
}

/* ---- Members ---- */

enum fletch_status fletch_zip_load(struct fletch_buf *out, const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member, uint64_t limit,
                                   const char *limit_name, struct fletch_error *err)
{
    struct stream *stream = NULL;
    size_t size = (size_t)member->size;
    enum fletch_status status;

    fletch_buf_clear(out);
    if (member->size > limit)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": member '%.*s' has %" PRIu64
                           " bytes, the limit is %" PRIu64 " (%s)",
                           member->begin, FLETCH_SHOWN, member->name, member->size, limit,
                           limit_name);
    status = open_stream(&stream, zip, member, PACKED_STEP, err);
    if (!status && !fletch_buf_reserve(out, size + 1))
        status = fletch_fail_memory(err, size, member->name);
    if (!status)
        status = read_next(stream, out->bytes, size, err);
    if (!status)
        status = finish(stream, fletch_crc32(0, out->bytes, size), err);
    if (!status)
        out->size = size;
    close_stream(stream);
    return status;
}

enum fletch_status fletch_zip_peek(uint8_t *out, size_t size, const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member,
                                   struct fletch_error *err)
{
    struct stream *stream = NULL;
    enum fletch_status status = open_stream(&stream, zip, member, PEEK_STEP, err);

    if (!status)
        status = read_next(stream, out, size, err);
    close_stream(stream);
    return status;
}

static enum fletch_status copy_steps(const struct fletch_file *out, uint64_t offset,
                                     struct stream *stream, uint8_t *bytes,
                                     const struct fletch_cancel *cancel,
                                     struct fletch_error *err)
{
    uint64_t left = stream->member->size;
    uint32_t crc = 0;

    while (left) {
        size_t size = left < COPY_STEP ? (size_t)left : COPY_STEP;

        TRY(fletch_cancel_check(cancel, err));
        TRY(read_next(stream, bytes, size, err));
        crc = fletch_crc32(crc, bytes, size);
        TRY(fletch_file_write(out, offset, bytes, size, err));
        offset += size;
        left -= size;
    }
    return finish(stream, crc, err);
}

enum fletch_status fletch_zip_copy(const struct fletch_file *out, uint64_t offset,
                                   const struct fletch_zip *zip,
                                   const struct fletch_zip_member *member,
                                   const struct fletch_cancel *cancel,
                                   struct fletch_error *err)
{
    struct stream *stream = NULL;
    uint8_t *bytes = fletch_alloc(COPY_STEP);
    enum fletch_status status = bytes ? open_stream(&stream, zip, member, PACKED_STEP, err)
                                      : fletch_fail_memory(err, COPY_STEP, "unpacking");

    if (!status)
        status = copy_steps(out, offset, stream, bytes, cancel, err);
    close_stream(stream);
    fletch_free(bytes);
    return status;
}
