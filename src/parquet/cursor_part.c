/* SPDX-License-Identifier: MIT */
/* cursor_part.c - reads values into the caller's memory, and parts of values */
#include "parquet/cursor.h"

#include <inttypes.h>
#include <string.h>

/* True when the current page holds nothing but its row's value, which then ends up in the
 * memory that the page is loaded into. */
static bool is_alone(const struct fletch_cursor *cursor, const struct fletch_page_ref *ref,
                     const struct fletch_data_chunk *chunk)
{
    const struct fletch_page_header *header = &cursor->page_found.header;

    return ref->rows_count == 1 && cursor->page_index == FLETCH_NO_PAGE &&
           header->encoding == FLETCH_ENCODING_PLAIN &&
           !(cursor->loader.map && fletch_page_is_plain(&chunk->chunk, header));
}

/* A prefix other than ours puts a value elsewhere in its memory. */
static void align(struct fletch_slice *value, uint8_t *memory)
{
    if ((uintptr_t)value->bytes % FLETCH_VALUE_ALIGN == 0)
        return;
    memory += (size_t)(-(uintptr_t)memory % FLETCH_VALUE_ALIGN);
    memmove(memory, value->bytes, value->size);
    value->bytes = memory;
}

static enum fletch_status read_into(struct fletch_cursor *cursor, size_t i,
                                    struct fletch_slice *out, bool *own,
                                    fletch_memory_fn get, void *user,
                                    struct fletch_error *err)
{
    const struct fletch_buf kept = cursor->page_memory;
    const struct fletch_page_ref *ref;
    const struct fletch_data_chunk *chunk;
    enum fletch_status status;
    struct fletch_buf given;

    cursor->mode = FLETCH_CURSOR_IDLE;
    TRY(fletch_cursor_find_row(cursor, i, &ref, &chunk, err));
    *own = is_alone(cursor, ref, chunk);
    if (!*own)
        return fletch_cursor_read_value(cursor, i, out, err);
    given.cap = fletch_page_room((size_t)cursor->page_found.header.uncompressed_size);
    given = (struct fletch_buf){ .bytes = get(given.cap, user), .cap = given.cap };
    if (!given.bytes)
        return fletch_fail_memory(err, given.cap, "a value");
    cursor->page_memory = given;
    status = fletch_cursor_read_whole(cursor, i, out, err);
    cursor->page_memory = kept;
    cursor->page_index = FLETCH_NO_PAGE; /* it now belongs to the caller */
    if (!status)
        align(out, given.bytes);
    return status;
}

enum fletch_status fletch_cursor_read_into(struct fletch_cursor *cursor, size_t i,
                                           struct fletch_slice *value, bool *own,
                                           fletch_memory_fn get, void *user,
                                           struct fletch_error *err)
{
    return fletch_reader_error_context(read_into(cursor, i, value, own, get, user, err),
                                       cursor->reader->file->file, err);
}

/* For a stream that has just begun. Uncompressed bytes are skipped, not read. */
static enum fletch_status pull_part(struct fletch_cursor *cursor, uint8_t *out, size_t size,
                                    uint64_t begin, struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;
    bool all = !begin && size == stream->value_left;
    uint64_t left = stream->codec ? begin : 0;

    if (!stream->codec) {
        stream->at += begin;
        stream->stored_left -= begin;
    }
    while (left) {
        size_t take = left < FLETCH_PIECE_SIZE ? (size_t)left : FLETCH_PIECE_SIZE;

        TRY(fletch_cursor_pull(cursor, cursor->out, take, err));
        left -= take;
    }
    TRY(fletch_cursor_pull(cursor, out, size, err));
    return all ? fletch_cursor_end_stream(cursor, err) : FLETCH_OK;
}

enum fletch_status fletch_cursor_read_part(struct fletch_cursor *cursor, size_t i,
                                           void *out, size_t size, uint64_t begin,
                                           struct fletch_error *err)
{
    const struct fletch_stream *stream = &cursor->stream;
    enum fletch_status status;
    uint64_t found;

    TRY(fletch_cursor_begin(cursor, i, err));
    found = cursor->mode == FLETCH_CURSOR_WHOLE ? cursor->whole.size : stream->value_left;
    if (begin > found || size > found - begin)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "%s: row '%.200s': %zu bytes from byte %" PRIu64
                           " on were asked for, but its value has %" PRIu64,
                           cursor->reader->file->file->path, cursor->reader->rows[i].name,
                           size, begin, found);
    if (cursor->mode == FLETCH_CURSOR_WHOLE) {
        if (size)
            memcpy(out, cursor->whole.bytes + begin, size);
        return FLETCH_OK;
    }
    cursor->mode = FLETCH_CURSOR_IDLE;
    status = pull_part(cursor, out, size, begin, err);
    if (status)
        status = fletch_page_error_context(status, stream->chunk, stream->page.offset, err);
    return fletch_reader_error_context(status, cursor->reader->file->file, err);
}
