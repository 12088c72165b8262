/* SPDX-License-Identifier: MIT */
/* cursor.c - reads values from an open file
 *
 * A row with a V1 page of its own in PLAIN encoding (fletch's own layout) is streamed: the
 * file is read in steps, the CRC is updated with each, and what the codec gives is handed
 * out in pieces. With any other layout the page is decoded whole and kept, and its values
 * are handed out from there: neighbours in a page cost one decoding, as does a dictionary.
 */
#include "parquet/cursor.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

/* Of the file, per read. */
#define STEP_SIZE ((size_t)256 << 10)

enum fletch_status fletch_cursor_open(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err)
{
    struct fletch_cursor *cursor = fletch_alloc(sizeof(*cursor));

    if (!cursor)
        return fletch_fail_memory(err, sizeof(*cursor), "cursor");
    cursor->reader = reader;
    cursor->page_index = FLETCH_NO_PAGE;
    cursor->dictionary_group = FLETCH_NO_PAGE;
    *out = cursor;
    return FLETCH_OK;
}

void fletch_cursor_close(struct fletch_cursor *cursor)
{
    if (!cursor)
        return;
    fletch_page_loader_release(&cursor->loader);
    fletch_buf_release(&cursor->page_memory);
    fletch_buf_release(&cursor->dictionary_memory);
    fletch_buf_release(&cursor->joined);
    fletch_dictionary_release(&cursor->dictionary);
    fletch_free(cursor->crc_ok);
    fletch_free(cursor->in);
    fletch_free(cursor->out);
    fletch_free(cursor);
}

enum fletch_status fletch_cursor_use_map(struct fletch_cursor *cursor, const uint8_t *map,
                                         struct fletch_error *err)
{
    size_t count = cursor->reader->file->pages_count;

    cursor->crc_ok = fletch_alloc_array(count, sizeof(*cursor->crc_ok));
    if (!cursor->crc_ok)
        return fletch_fail_memory(err, count, "a mark for each page");
    cursor->loader.map = map;
    return FLETCH_OK;
}

/* ---- Where a row is ---- */

enum fletch_status fletch_cursor_find_row(struct fletch_cursor *cursor, size_t row,
                                          const struct fletch_page_ref **ref,
                                          const struct fletch_data_chunk **chunk,
                                          struct fletch_error *err)
{
    const struct fletch_reader_file *file = cursor->reader->file;
    size_t index = fletch_reader_find_page(file, row);
    struct fletch_page page;

    *ref = &file->pages[index];
    *chunk = &file->chunks[fletch_reader_find_group(file, row)];
    if (cursor->page_index == index)
        return FLETCH_OK;
    cursor->page_index = FLETCH_NO_PAGE;
    TRY(fletch_page_find(&page, &cursor->loader, &(*chunk)->chunk, (*ref)->offset, err));
    if (page.header.type != FLETCH_PAGE_DATA && page.header.type != FLETCH_PAGE_DATA_V2)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column 'data', page at byte %" PRIu64
                           ": is of type %d, expected a data page",
                           page.offset, (int)page.header.type);
    if ((size_t)page.header.num_values != (*ref)->rows_count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column 'data', page at byte %" PRIu64
                           ": %d values, but its offset index says %zu",
                           page.offset, page.header.num_values, (*ref)->rows_count);
    if ((*ref)->size && fletch_page_end(&page) - page.offset != (*ref)->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column 'data', page at byte %" PRIu64 ": is %" PRIu64
                           " bytes long, but its offset index says %" PRIu64,
                           page.offset, fletch_page_end(&page) - page.offset, (*ref)->size);
    cursor->page_found = page;
    return FLETCH_OK;
}

static enum fletch_status check_size(const struct fletch_cursor *cursor, size_t row,
                                     uint64_t size, struct fletch_error *err)
{
    uint64_t expected = cursor->reader->rows[row].size;

    if (expected != UINT64_MAX && size != expected)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "row '%.200s': a value of %" PRIu64
                           " bytes, but its offset index says %" PRIu64,
                           cursor->reader->rows[row].name, size, expected);
    return FLETCH_OK;
}

/* ---- Whole pages ---- */

/* The dictionary is the first page of the chunk. */
static enum fletch_status load_dictionary(struct fletch_cursor *cursor, size_t group,
                                          struct fletch_error *err)
{
    const struct fletch_chunk *chunk = &cursor->reader->file->chunks[group].chunk;
    struct fletch_page page;
    enum fletch_status status;

    if (cursor->dictionary_group == group)
        return FLETCH_OK;
    cursor->dictionary_group = FLETCH_NO_PAGE;
    TRY(fletch_page_find(&page, &cursor->loader, chunk, chunk->start, err));
    if (page.header.type != FLETCH_PAGE_DICTIONARY)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "column 'data', page at byte %" PRIu64
                           ": is of type %d, expected the chunk's dictionary",
                           page.offset, (int)page.header.type);
    status = fletch_page_load(&cursor->dictionary_page, &cursor->dictionary_memory,
                              &cursor->loader, chunk, &page, err);
    if (!status)
        status = fletch_dictionary_open(&cursor->dictionary, FLETCH_PARQUET_BYTE_ARRAY,
                                        &page.header, &cursor->dictionary_page, err);
    if (status)
        return fletch_page_error_context(status, chunk, page.offset, err);
    cursor->dictionary_group = group;
    return FLETCH_OK;
}

/* Goes to the first value of the current page. */
static enum fletch_status rewind_page(struct fletch_cursor *cursor,
                                      const struct fletch_page_ref *ref, size_t group,
                                      struct fletch_error *err)
{
    const struct fletch_reader_file *file = cursor->reader->file;
    bool has_dictionary = cursor->dictionary_group == group;

    TRY(fletch_values_begin(
        &cursor->values, &file->leaves[FLETCH_READER_DATA], &cursor->page_found.header,
        &cursor->page, has_dictionary ? &cursor->dictionary : NULL, &cursor->joined, err));
    cursor->next_row = ref->first_row;
    return FLETCH_OK;
}

static enum fletch_status step_to(struct fletch_cursor *cursor, size_t row,
                                  struct fletch_slice *out, struct fletch_error *err)
{
    while (cursor->next_row <= row) {
        uint32_t repetition, definition;

        TRY(fletch_values_levels(&cursor->values, &repetition, &definition, err));
        if (definition < cursor->values.max_definition)
            return fletch_fail(err, FLETCH_ERR_FORMAT, "row %zu is null", cursor->next_row);
        TRY(fletch_values_bytes(&cursor->values, out, err));
        cursor->next_row++;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_cursor_read_whole(struct fletch_cursor *cursor, size_t row,
                                            struct fletch_slice *out,
                                            struct fletch_error *err)
{
    const struct fletch_reader_file *file = cursor->reader->file;
    size_t group = fletch_reader_find_group(file, row),
           index = fletch_reader_find_page(file, row);
    const struct fletch_chunk *chunk = &file->chunks[group].chunk;
    const struct fletch_page_ref *ref = &file->pages[index];
    struct fletch_slice value = { 0 };
    enum fletch_status status = FLETCH_OK;

    if (cursor->page_index != index) {
        struct fletch_page page = cursor->page_found;

        page.crc_ok = cursor->crc_ok && cursor->crc_ok[index];
        if (fletch_encoding_has_dictionary(page.header.encoding))
            TRY(load_dictionary(cursor, group, err));
        status = fletch_page_load(&cursor->page, &cursor->page_memory, &cursor->loader,
                                  chunk, &page, err);
        if (!status && cursor->crc_ok)
            cursor->crc_ok[index] = true;
    }
    if (!status && (cursor->page_index != index || cursor->next_row > row))
        status = rewind_page(cursor, ref, group, err);
    cursor->page_index = FLETCH_NO_PAGE;
    if (!status)
        status = step_to(cursor, row, &value, err);
    if (status)
        return fletch_page_error_context(status, chunk, ref->offset, err);
    TRY(check_size(cursor, row, value.size, err));
    cursor->page_index = index;
    *out = value;
    return FLETCH_OK;
}

/* ---- Streams ---- */

/* True when the row's page can be streamed: it contains nothing but the row's value. */
static bool can_stream(const struct fletch_cursor *cursor,
                       const struct fletch_page_ref *ref)
{
    const struct fletch_page_header *header = &cursor->page_found.header;
    const struct fletch_leaf *leaf = &cursor->reader->file->leaves[FLETCH_READER_DATA];

    return ref->rows_count == 1 && cursor->page_index == FLETCH_NO_PAGE &&
           header->type == FLETCH_PAGE_DATA && header->encoding == FLETCH_ENCODING_PLAIN &&
           (!leaf->max_definition || header->definition_encoding == FLETCH_ENCODING_RLE);
}

static enum fletch_status refill(struct fletch_cursor *cursor, uint8_t *to, size_t size,
                                 struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;

    TRY(fletch_chunk_read(stream->chunk, stream->at, to, size, err));
    stream->at += size;
    stream->stored_left -= size;
    if (stream->page.header.has_crc)
        stream->crc = fletch_crc32(stream->crc, to, size);
    return FLETCH_OK;
}

static enum fletch_status fail_short(uint64_t found, uint64_t expected,
                                     struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "its body gives %" PRIu64 " bytes, expected %" PRIu64, found,
                       expected);
}

static enum fletch_status pull(struct fletch_cursor *cursor, uint8_t *out, size_t size,
                               struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;
    size_t have = 0;

    if (!stream->codec) {
        if (size > stream->stored_left)
            return fail_short(stream->stored_left, size, err);
        return refill(cursor, out, size, err);
    }
    while (have < size) {
        size_t in_size = stream->in_size - stream->in_pos, out_size = size - have;

        TRY(stream->codec->stream_step(stream->decoder, cursor->in + stream->in_pos,
                                       &in_size, out + have, &out_size, err));
        stream->in_pos += in_size;
        have += out_size;
        if (in_size || out_size)
            continue;
        if (!stream->stored_left)
            return fail_short(have, size, err);
        /* input that the codec left is kept before the next bytes */
        stream->in_size -= stream->in_pos;
        memmove(cursor->in, cursor->in + stream->in_pos, stream->in_size);
        stream->in_pos = 0;
        in_size = STEP_SIZE - stream->in_size;
        if (!in_size)
            return fail_short(have, size, err);
        if (in_size > stream->stored_left)
            in_size = (size_t)stream->stored_left;
        TRY(refill(cursor, cursor->in + stream->in_size, in_size, err));
        stream->in_size += in_size;
    }
    return FLETCH_OK;
}

/* Back to the page's first byte, and over what was pulled of it before. */
static enum fletch_status rewind_stream(struct fletch_cursor *cursor,
                                        struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;
    const struct fletch_page *page = &stream->page;

    stream->at = page->offset + page->header_size;
    stream->stored_left = (uint64_t)page->header.compressed_size;
    stream->in_pos = stream->in_size = 0;
    stream->crc = 0;
    TRY(stream->codec->stream_begin(stream->decoder, stream->stored_left,
                                    (uint64_t)page->header.uncompressed_size, err));
    for (uint64_t left = stream->given; left;) {
        const size_t size = left < FLETCH_PIECE_SIZE ? (size_t)left : FLETCH_PIECE_SIZE;

        TRY(pull(cursor, cursor->out, size, err));
        left -= size;
    }
    return FLETCH_OK;
}

/* One of the two things that are done with a stream, once more where the codec would go
 * another way about it. */
static enum fletch_status attempt(struct fletch_cursor *cursor,
                                  enum fletch_status (*what)(struct fletch_cursor *cursor,
                                                             uint8_t *out, size_t size,
                                                             struct fletch_error *err),
                                  uint8_t *out, size_t size, struct fletch_error *err)
{
    const struct fletch_stream *stream = &cursor->stream;
    struct fletch_error first = { 0 };
    const enum fletch_status status = what(cursor, out, size, &first);

    if (!status)
        return FLETCH_OK;
    if (!stream->codec || !stream->codec->stream_again ||
        !stream->codec->stream_again(stream->decoder))
        return fletch_fail(err, status, "%s", first.message);
    TRY(rewind_stream(cursor, err));
    return what(cursor, out, size, err);
}

enum fletch_status fletch_cursor_pull(struct fletch_cursor *cursor, uint8_t *out,
                                      size_t size, struct fletch_error *err)
{
    TRY(attempt(cursor, pull, out, size, err));
    cursor->stream.given += size;
    return FLETCH_OK;
}

/* Takes what is behind the content; none of it should give anything. */
static enum fletch_status drain(struct fletch_cursor *cursor, uint8_t *out, size_t size,
                                struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;

    while (stream->codec) {
        size_t in_size = stream->in_size - stream->in_pos, out_size = size;

        TRY(stream->codec->stream_step(stream->decoder, cursor->in + stream->in_pos,
                                       &in_size, out, &out_size, err));
        stream->in_pos += in_size;
        if (in_size)
            continue;
        if (stream->in_pos < stream->in_size)
            break;
        if (!stream->stored_left)
            break;
        in_size = stream->stored_left < STEP_SIZE ? (size_t)stream->stored_left : STEP_SIZE;
        TRY(refill(cursor, cursor->in, in_size, err));
        stream->in_pos = 0;
        stream->in_size = in_size;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_cursor_end_stream(struct fletch_cursor *cursor,
                                            struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;
    uint8_t none;

    TRY(attempt(cursor, drain, &none, 0, err));
    if (stream->stored_left || stream->in_pos < stream->in_size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%" PRIu64 " bytes of its body after the value's end",
                           stream->stored_left + stream->in_size - stream->in_pos);
    /* check the sum first: that bytes are damaged tells more than the codec's error */
    TRY(fletch_page_check_crc(&stream->page, stream->crc, err));
    return stream->codec ? stream->codec->stream_finish(stream->decoder, err) : FLETCH_OK;
}

/* Reads levels and length before the value. *odd: the levels mean the same but are written
 * differently; then the page is better decoded whole. */
static enum fletch_status pull_prefix(struct fletch_cursor *cursor, bool *odd,
                                      struct fletch_error *err)
{
    const struct fletch_leaf *leaf = &cursor->reader->file->leaves[FLETCH_READER_DATA];
    struct fletch_stream *stream = &cursor->stream;
    uint64_t size = (uint64_t)stream->page.header.uncompressed_size;
    size_t prefix_size = leaf->max_definition ? FLETCH_PAGE_PREFIX : 4;
    uint8_t prefix[FLETCH_PAGE_PREFIX], expected[FLETCH_PAGE_PREFIX];
    uint64_t value_size;

    *odd = size < prefix_size;
    if (*odd)
        return FLETCH_OK;
    TRY(fletch_cursor_pull(cursor, prefix, prefix_size, err));
    value_size = fletch_load_u32(prefix + prefix_size - 4);
    fletch_page_prefix(expected, 0);
    if (leaf->max_definition && memcmp(prefix, expected, FLETCH_PAGE_PREFIX - 4) != 0)
        *odd = true;
    else if (value_size != size - prefix_size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "a value of %" PRIu64 " bytes, but its page has %" PRIu64,
                           value_size, size - prefix_size);
    stream->value_left = value_size;
    return FLETCH_OK;
}

static enum fletch_status open_stream(struct fletch_cursor *cursor,
                                      const struct fletch_chunk *chunk, bool *odd,
                                      struct fletch_error *err)
{
    struct fletch_stream *stream = &cursor->stream;
    const struct fletch_page *page = &cursor->page_found;
    uint64_t stored = (uint64_t)page->header.compressed_size;

    *stream = (struct fletch_stream){ .chunk = chunk,
                                      .page = *page,
                                      .at = page->offset + page->header_size,
                                      .stored_left = stored };
    *odd = false;
    if (chunk->codec != FLETCH_CODEC_ID_NONE) {
        TRY(fletch_page_decoder(&stream->decoder, &stream->codec, &cursor->loader,
                                chunk->codec, err));
        *odd = !stream->codec->stream_begin;
        if (*odd)
            return FLETCH_OK;
    }
    if (!cursor->in)
        cursor->in = fletch_alloc(STEP_SIZE);
    if (!cursor->out)
        cursor->out = fletch_alloc(FLETCH_PIECE_SIZE);
    if (!cursor->in || !cursor->out)
        return fletch_fail_memory(err, FLETCH_PIECE_SIZE, "a piece");
    if (stream->codec)
        TRY(stream->codec->stream_begin(stream->decoder, stored,
                                        (uint64_t)page->header.uncompressed_size, err));
    return pull_prefix(cursor, odd, err);
}

/* ---- The interface ---- */

static enum fletch_status begin(struct fletch_cursor *cursor, size_t i,
                                struct fletch_error *err)
{
    const struct fletch_page_ref *ref;
    const struct fletch_data_chunk *chunk;
    bool odd = true;

    cursor->mode = FLETCH_CURSOR_IDLE;
    if (i >= cursor->reader->rows_count)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND, "row %zu of %zu", i,
                           cursor->reader->rows_count);
    cursor->row = i;
    TRY(fletch_cursor_find_row(cursor, i, &ref, &chunk, err));
    if (can_stream(cursor, ref)) {
        enum fletch_status status = open_stream(cursor, &chunk->chunk, &odd, err);

        if (status)
            return fletch_page_error_context(status, &chunk->chunk, ref->offset, err);
    }
    if (!odd)
        TRY(check_size(cursor, i, cursor->stream.value_left, err));
    else
        TRY(fletch_cursor_read_whole(cursor, i, &cursor->whole, err));
    cursor->mode = odd ? FLETCH_CURSOR_WHOLE : FLETCH_CURSOR_STREAM;
    return FLETCH_OK;
}

static enum fletch_status next_streamed(struct fletch_cursor *cursor, const void **bytes,
                                        size_t *size, struct fletch_error *err)
{
    uint64_t left = cursor->stream.value_left;
    size_t take = left < FLETCH_PIECE_SIZE ? (size_t)left : FLETCH_PIECE_SIZE;
    uint8_t *out = cursor->aim ? cursor->aim : cursor->out;

    if (!take)
        TRY(fletch_cursor_end_stream(cursor, err));
    else
        TRY(fletch_cursor_pull(cursor, out, take, err));
    cursor->stream.value_left -= take;
    *bytes = out;
    *size = take;
    return FLETCH_OK;
}

static void next_whole(struct fletch_cursor *cursor, const void **bytes, size_t *size)
{
    struct fletch_slice *whole = &cursor->whole;

    *bytes = whole->bytes;
    *size = whole->size < FLETCH_PIECE_SIZE ? whole->size : FLETCH_PIECE_SIZE;
    whole->size -= *size;
    if (*size)
        whole->bytes += *size;
}

enum fletch_status fletch_cursor_begin(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err)
{
    return fletch_reader_error_context(begin(cursor, i, err), cursor->reader->file->file,
                                       err);
}

enum fletch_status fletch_cursor_next(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    *size = 0;
    if (cursor->mode == FLETCH_CURSOR_WHOLE) {
        next_whole(cursor, bytes, size);
    } else if (cursor->mode == FLETCH_CURSOR_STREAM) {
        status = next_streamed(cursor, bytes, size, err);
        if (status)
            status = fletch_page_error_context(status, cursor->stream.chunk,
                                               cursor->stream.page.offset, err);
    }
    if (status || !*size)
        cursor->mode = FLETCH_CURSOR_IDLE;
    return fletch_reader_error_context(status, cursor->reader->file->file, err);
}

bool fletch_cursor_has_crc(const struct fletch_cursor *cursor)
{
    return cursor->page_found.header.has_crc;
}

void fletch_cursor_by_library(struct fletch_cursor *cursor)
{
    cursor->loader.by_library = true;
}

void fletch_cursor_set_output(struct fletch_cursor *cursor, uint8_t *piece)
{
    cursor->aim = piece;
}

enum fletch_status fletch_cursor_read_value(struct fletch_cursor *cursor, size_t i,
                                            struct fletch_slice *out,
                                            struct fletch_error *err)
{
    const struct fletch_page_ref *ref;
    const struct fletch_data_chunk *chunk;

    cursor->mode = FLETCH_CURSOR_IDLE;
    if (i >= cursor->reader->rows_count)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND, "row %zu of %zu", i,
                           cursor->reader->rows_count);
    if (cursor->loader.map) /* prefer an error to SIGBUS, where there is a choice */
        TRY(fletch_file_check_size(cursor->reader->file->file, err));
    TRY(fletch_cursor_find_row(cursor, i, &ref, &chunk, err));
    return fletch_cursor_read_whole(cursor, i, out, err);
}

enum fletch_status fletch_cursor_read(struct fletch_cursor *cursor, size_t i,
                                      const void **bytes, uint64_t *size,
                                      struct fletch_error *err)
{
    struct fletch_slice value = { 0 };

    TRY(fletch_reader_error_context(fletch_cursor_read_value(cursor, i, &value, err),
                                    cursor->reader->file->file, err));
    *bytes = value.bytes;
    *size = value.size;
    return FLETCH_OK;
}
