/* SPDX-License-Identifier: MIT */
/* pages.c - see pages.h */
#include "parquet/pages.h"

#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

/* A page header is a few dozen bytes, unless it carries statistics or extensions: then the
 * window doubles, up to Arrow's limit. The first window often holds a small column's whole
 * page. */
#define WINDOW_SIZE ((size_t)4096)
#define HEADER_SIZE_MAX ((size_t)16 << 20)
/* Bytes of a body per read: fits a core's cache together with the output. */
#define STEP_SIZE ((size_t)256 << 10)

void fletch_page_loader_release(struct fletch_page_loader *loader)
{
    fletch_buf_release(&loader->window);
    fletch_buf_release(&loader->stored);
    for (int i = 0; i < FLETCH_PAGES_CODECS; i++) {
        const struct fletch_codec *codec;

        if (loader->decoders[i] && !fletch_codec_find_id(&codec, i, NULL))
            codec->decoder_close(loader->decoders[i]);
        loader->decoders[i] = NULL;
    }
}

enum fletch_status fletch_chunk_read(const struct fletch_chunk *chunk, uint64_t offset,
                                     void *out, size_t size, struct fletch_error *err)
{
    if (offset < chunk->tail_at || offset - chunk->tail_at > chunk->tail_size ||
        size > chunk->tail_size - (size_t)(offset - chunk->tail_at))
        return fletch_file_read(chunk->file, offset, out, size, err);
    if (size)
        memcpy(out, chunk->tail + (offset - chunk->tail_at), size);
    return FLETCH_OK;
}

enum fletch_status fletch_page_error_context(enum fletch_status status,
                                             const struct fletch_chunk *chunk,
                                             uint64_t offset, struct fletch_error *err)
{
    if (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED)
        fletch_error_prefix(err, "column '%s', page at byte %" PRIu64, chunk->column,
                            offset);
    return status;
}

uint64_t fletch_page_end(const struct fletch_page *page)
{
    return page->offset + page->header_size + (uint64_t)page->header.compressed_size;
}

/* The most that `stored` bytes can decompress to: a block of a repeated byte in zstd, the
 * longest match in the others. */
static uint64_t expansion_max(int codec, uint64_t stored)
{
    switch (codec) {
    case FLETCH_CODEC_ID_NONE:
        return stored;
    case FLETCH_CODEC_ID_SNAPPY:
        return 32 * stored;
    case FLETCH_CODEC_ID_LZ4_RAW:
    case FLETCH_CODEC_ID_LZ4_HADOOP:
        return 256 * stored;
    case FLETCH_CODEC_ID_GZIP:
        return 1040 * stored;
    default:
        return (uint64_t)32768 * stored;
    }
}

bool fletch_page_is_plain(const struct fletch_chunk *chunk,
                          const struct fletch_page_header *header)
{
    return chunk->codec == FLETCH_CODEC_ID_NONE ||
           (header->type == FLETCH_PAGE_DATA_V2 && !header->is_compressed);
}

static enum fletch_status check_sizes(const struct fletch_page *page,
                                      const struct fletch_chunk *chunk,
                                      struct fletch_error *err)
{
    const struct fletch_page_header *header = &page->header;
    uint64_t stored = (uint64_t)header->compressed_size;
    uint64_t size = (uint64_t)header->uncompressed_size;
    uint64_t room = chunk->end - page->offset - page->header_size;

    if (stored > room)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a body of %" PRIu64 " bytes, but its column chunk has %" PRIu64
                           " left",
                           stored, room);
    if (fletch_page_is_plain(chunk, header) && size != stored)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%" PRIu64 " bytes stored plainly, expected %" PRIu64, stored,
                           size);
    if (size > expansion_max(chunk->codec, stored))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%" PRIu64 " bytes said to become %" PRIu64
                           ", more than its codec can make of them",
                           stored, size);
    if (header->type == FLETCH_PAGE_DATA_V2) {
        uint64_t levels =
            (uint64_t)header->definition_size + (uint64_t)header->repetition_size;

        if (levels > size || levels > stored)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "levels of %" PRIu64 " bytes in a body of %" PRIu64, levels,
                               levels > size ? size : stored);
    }
    return FLETCH_OK;
}

/* The bytes at `offset` that are already in the window. */
static const uint8_t *in_window(const struct fletch_page_loader *loader, uint64_t offset,
                                size_t *size)
{
    const struct fletch_buf *window = &loader->window;

    if (offset < loader->window_at || offset - loader->window_at >= window->size)
        return NULL;
    *size = window->size - (size_t)(offset - loader->window_at);
    return window->bytes + (offset - loader->window_at);
}

/* Reads more of the page's start until its header is complete. */
static enum fletch_status find_header(struct fletch_page *page,
                                      struct fletch_page_loader *loader,
                                      const struct fletch_chunk *chunk, uint64_t offset,
                                      struct fletch_error *err)
{
    struct fletch_buf *window = &loader->window;
    size_t have;
    const uint8_t *bytes = in_window(loader, offset, &have);

    if (bytes) {
        bool more = false;

        if (have > chunk->end - offset)
            have = (size_t)(chunk->end - offset);
        if (!fletch_page_header_parse(&page->header, &page->header_size, &more, bytes, have,
                                      offset, NULL))
            return FLETCH_OK;
    }
    for (size_t size = WINDOW_SIZE;; size *= 4) {
        /* bytes after the chunk are read too, for the next one, but not used */
        uint64_t in_file = chunk->file->size - offset, in_chunk = chunk->end - offset;
        bool more = false;
        enum fletch_status status;

        if (size > in_file)
            size = (size_t)in_file;
        fletch_buf_clear(window);
        if (!fletch_buf_reserve(window, size))
            return fletch_fail_memory(err, size, "page header");
        TRY(fletch_chunk_read(chunk, offset, window->bytes, size, err));
        window->size = size;
        loader->window_at = offset;
        have = size < in_chunk ? size : (size_t)in_chunk;
        status = fletch_page_header_parse(&page->header, &page->header_size, &more,
                                          window->bytes, have, offset, err);
        if (!status || !more || have == in_chunk)
            return status;
        if (size >= HEADER_SIZE_MAX)
            return fletch_fail(
                err, FLETCH_ERR_UNSUPPORTED,
                "a header of more than %zu bytes, the limit (HEADER_SIZE_MAX)",
                HEADER_SIZE_MAX);
    }
}

enum fletch_status fletch_page_find(struct fletch_page *out,
                                    struct fletch_page_loader *loader,
                                    const struct fletch_chunk *chunk, uint64_t offset,
                                    struct fletch_error *err)
{
    struct fletch_page page = { .offset = offset };
    enum fletch_status status;

    if (offset < chunk->start || offset >= chunk->end)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column '%s': a page at byte %" PRIu64
                           ", but its column chunk is at %" PRIu64 " to %" PRIu64,
                           chunk->column, offset, chunk->start, chunk->end);
    status = find_header(&page, loader, chunk, offset, err);
    if (!status)
        status = check_sizes(&page, chunk, err);
    if (status)
        return fletch_page_error_context(status, chunk, offset, err);
    *out = page;
    return FLETCH_OK;
}

enum fletch_status fletch_page_check_crc(const struct fletch_page *page, uint32_t crc,
                                         struct fletch_error *err)
{
    if (page->header.has_crc && page->header.crc != crc)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "CRC-32 of its body is %08" PRIx32 ", expected %08" PRIx32, crc,
                           page->header.crc);
    return FLETCH_OK;
}

enum fletch_status fletch_page_decoder(struct fletch_decoder **out,
                                       const struct fletch_codec **codec,
                                       struct fletch_page_loader *loader, int id,
                                       struct fletch_error *err)
{
    const struct fletch_codec *found;

    TRY(fletch_codec_find_id(&found, id, err));
    if (id < 0 || id >= FLETCH_PAGES_CODECS)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "codec number %d", id);
    if (!loader->decoders[id])
        TRY(found->decoder_open(&loader->decoders[id], err));
    if (loader->by_library && found->decode_by_library)
        found->decode_by_library(loader->decoders[id]);
    *out = loader->decoders[id];
    *codec = found;
    return FLETCH_OK;
}

size_t fletch_page_room(size_t size)
{
    return size + FLETCH_VALUE_ALIGN;
}

/* Makes room for `size` bytes of the page's stored body, aligned for its value. Old content
 * is lost: nothing is copied when the memory grows. */
static uint8_t *make_room(struct fletch_buf *memory, size_t size)
{
    size_t wanted = fletch_page_room(size);
    uintptr_t value_at;

    if (memory->cap < wanted)
        fletch_buf_release(memory);
    fletch_buf_clear(memory);
    if (!fletch_buf_reserve(memory, wanted))
        return NULL;
    fletch_expect_use(memory->bytes, wanted);
    value_at = (uintptr_t)memory->bytes + FLETCH_PAGE_PREFIX;
    return memory->bytes + (size_t)(-value_at % FLETCH_VALUE_ALIGN);
}

/* Reads a part of the stored body. */
static enum fletch_status read_part(uint8_t *out, size_t size,
                                    const struct fletch_page_loader *loader,
                                    const struct fletch_chunk *chunk, uint64_t at,
                                    struct fletch_error *err)
{
    size_t have;
    const uint8_t *bytes = in_window(loader, at, &have);

    if (bytes && size <= have)
        memcpy(out, bytes, size);
    else
        TRY(fletch_chunk_read(chunk, at, out, size, err));
    return FLETCH_OK;
}

/* Reads the body as stored into out[compressed_size] and checks its CRC, summing up in
 * steps while they are in the cache. */
static enum fletch_status read_stored(uint8_t *out, const struct fletch_page_loader *loader,
                                      const struct fletch_chunk *chunk,
                                      const struct fletch_page *page,
                                      struct fletch_error *err)
{
    size_t size = (size_t)page->header.compressed_size;
    uint64_t at = page->offset + page->header_size;
    uint32_t crc = 0;

    for (size_t done = 0, step; done < size; done += step) {
        step = size - done < STEP_SIZE ? size - done : STEP_SIZE;
        TRY(read_part(out + done, step, loader, chunk, at + done, err));
        if (page->header.has_crc)
            crc = fletch_crc32(crc, out + done, step);
    }
    return fletch_page_check_crc(page, crc, err);
}

/* Through loader->stored, which has STEP_SIZE bytes. */
static enum fletch_status
stream_steps(uint8_t *out, const struct fletch_codec *codec, struct fletch_decoder *decoder,
             const struct fletch_page_loader *loader, const struct fletch_chunk *chunk,
             const struct fletch_page *page, struct fletch_error *err)
{
    size_t size = (size_t)page->header.uncompressed_size, given = 0;
    uint64_t left = (uint64_t)page->header.compressed_size;
    uint64_t at = page->offset + page->header_size;
    uint8_t *in = loader->stored.bytes;
    uint32_t crc = 0;

    TRY(codec->stream_begin_into(decoder, left, out, size, err));
    while (left) {
        size_t step = left < STEP_SIZE ? (size_t)left : STEP_SIZE;

        TRY(read_part(in, step, loader, chunk, at, err));
        if (page->header.has_crc)
            crc = fletch_crc32(crc, in, step);
        at += step;
        left -= step;
        for (size_t pos = 0; pos < step;) {
            size_t took = step - pos, gave = size - given;

            TRY(codec->stream_step(decoder, in + pos, &took, out + given, &gave, err));
            if (!took && !gave)
                return fletch_fail(err, FLETCH_ERR_FORMAT, "its body gives more");
            pos += took;
            given += gave;
        }
    }
    TRY(fletch_page_check_crc(page, crc, err));
    return codec->stream_finish(decoder, err);
}

/* Decompresses a V1 page while it is read, step by step. */
static enum fletch_status stream_stored(uint8_t *out, struct fletch_page_loader *loader,
                                        const struct fletch_chunk *chunk,
                                        const struct fletch_page *page,
                                        struct fletch_error *err)
{
    const struct fletch_codec *codec = NULL;
    struct fletch_decoder *decoder = NULL;
    struct fletch_error first = { 0 };
    enum fletch_status status;

    if (!make_room(&loader->stored, STEP_SIZE))
        return fletch_fail_memory(err, STEP_SIZE, "a stored page");
    TRY(fletch_page_decoder(&decoder, &codec, loader, chunk->codec, err));
    status = stream_steps(out, codec, decoder, loader, chunk, page, &first);
    if (!status)
        return FLETCH_OK;
    if (codec->stream_again && codec->stream_again(decoder))
        return stream_steps(out, codec, decoder, loader, chunk, page, err);
    return fletch_fail(err, status, "%s", first.message);
}

/* Decompresses the whole stored body; a V2 page's levels precede it uncompressed. */
static enum fletch_status decode_stored(uint8_t *out, struct fletch_page_loader *loader,
                                        const struct fletch_chunk *chunk,
                                        const struct fletch_page *page,
                                        struct fletch_error *err)
{
    const struct fletch_page_header *header = &page->header;
    const struct fletch_codec *codec = NULL;
    struct fletch_decoder *decoder = NULL;
    size_t levels = header->type == FLETCH_PAGE_DATA_V2
                        ? (size_t)header->definition_size + (size_t)header->repetition_size
                        : 0;
    size_t size = (size_t)header->uncompressed_size;
    size_t stored_size = (size_t)header->compressed_size;
    uint8_t *stored = make_room(&loader->stored, stored_size);

    if (!stored)
        return fletch_fail_memory(err, stored_size, "a stored page");
    TRY(read_stored(stored, loader, chunk, page, err));
    TRY(fletch_page_decoder(&decoder, &codec, loader, chunk->codec, err));
    if (levels)
        memcpy(out, stored, levels);
    /* some writers compress nothing to nothing */
    if (size == levels && stored_size == levels)
        return FLETCH_OK;
    return codec->decode(decoder, stored + levels, stored_size - levels, out + levels,
                         size - levels, err);
}

/* Worth a stream when larger than a step: less is held and more of it is in the cache.
 */
static bool can_stream(const struct fletch_chunk *chunk,
                       const struct fletch_page_header *header)
{
    const struct fletch_codec *codec;

    return header->type == FLETCH_PAGE_DATA &&
           (size_t)header->compressed_size > STEP_SIZE &&
           !fletch_codec_find_id(&codec, chunk->codec, NULL) && codec->stream_begin_into;
}

/* Uses the body where it lies in the map. */
static enum fletch_status load_mapped(struct fletch_slice *out,
                                      const struct fletch_page_loader *loader,
                                      const struct fletch_chunk *chunk,
                                      const struct fletch_page *page,
                                      struct fletch_error *err)
{
    size_t size = (size_t)page->header.compressed_size;
    uint64_t at = page->offset + page->header_size;

    *out = (struct fletch_slice){ loader->map + at, size };
    if (page->crc_ok)
        return FLETCH_OK;
    if (size > WINDOW_SIZE) /* smaller ones were just read with their header */
        TRY(fletch_file_touch(chunk->file, loader->map, at, size, err));
    if (!page->header.has_crc)
        return FLETCH_OK;
    return fletch_page_check_crc(page, fletch_crc32(0, out->bytes, size), err);
}

enum fletch_status fletch_page_load(struct fletch_slice *out, struct fletch_buf *memory,
                                    struct fletch_page_loader *loader,
                                    const struct fletch_chunk *chunk,
                                    const struct fletch_page *page,
                                    struct fletch_error *err)
{
    bool plain = fletch_page_is_plain(chunk, &page->header);
    size_t size = (size_t)page->header.uncompressed_size;
    enum fletch_status status = FLETCH_ERR_FORMAT;
    uint8_t *bytes;

    if (plain && loader->map)
        return load_mapped(out, loader, chunk, page, err);
    bytes = make_room(memory, size);
    if (!bytes)
        return fletch_fail_memory(err, size, "a page");
    if (plain)
        status = read_stored(bytes, loader, chunk, page, err);
    else if (can_stream(chunk, &page->header))
        status = stream_stored(bytes, loader, chunk, page, err);
    /* the other way needs more memory, but can do more and reports errors better */
    if (!plain && (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED))
        status = decode_stored(bytes, loader, chunk, page, err);
    if (!status)
        *out = (struct fletch_slice){ bytes, size };
    return status;
}
