/* SPDX-License-Identifier: MIT */
/* tables.h - small Parquet files in memory for the tests of the container */
#ifndef FLETCH_TESTS_TABLES_H
#define FLETCH_TESTS_TABLES_H

#include "support.h"

#include "base/hash.h"
#include "parquet/parquet.h"

#include <sys/mman.h>

/* A file that lives in memory; nothing is left behind. */
static inline struct fletch_file memory_file(const void *bytes, size_t size)
{
    struct fletch_file file = { .fd = memfd_create("test", MFD_CLOEXEC),
                                .size = size,
                                .path = "x.parquet" };

    assert_true(file.fd >= 0);
    if (size)
        assert_int_equal(pwrite(file.fd, bytes, size, 0), size);
    return file;
}

struct table_row {
    const char *name;
    uint64_t shape[4];
    unsigned rank;
    const char *dtype;
    uint64_t count;
    const uint8_t *value; /* [size] */
    size_t size;
};

/* The content of a row's page through the codec, in pieces where it can be. */
static inline void put_value(struct fletch_writer *writer, const struct fletch_codec *codec,
                             const struct table_row *row)
{
    size_t size = FLETCH_PAGE_PREFIX + row->size, step = FLETCH_PIECE_SIZE;
    struct fletch_error err = { 0 };
    struct fletch_encoder *encoder = NULL;
    uint8_t *content = malloc(size);

    assert_non_null(content);
    fletch_page_prefix(content, row->size);
    if (row->size)
        memcpy(content + FLETCH_PAGE_PREFIX, row->value, row->size);
    assert_ok(codec->encoder_open(&encoder, codec->level_default, &err), err);
    for (size_t pos = 0; pos < size;) {
        size_t take = !codec->concatenable || size - pos < step ? size - pos : step;
        struct fletch_piece piece = { content + pos, take, pos, size, FLETCH_EFFORT_MATCH };
        size_t cap = codec->bound(take), out_size;
        uint8_t *out = malloc(cap ? cap : 1);

        assert_non_null(out);
        assert_ok(codec->encode(encoder, &piece, out, cap, &out_size, &err), err);
        assert_ok(fletch_writer_put(writer, out, out_size, &err), err);
        free(out);
        pos += take;
    }
    if (codec->trailer) {
        uint8_t trailer[FLETCH_TRAILER_MAX];
        size_t ending_size = codec->trailer(trailer, fletch_crc32(0, content, size), size);

        assert_ok(fletch_writer_put(writer, trailer, ending_size, &err), err);
    }
    codec->encoder_close(encoder);
    free(content);
}

static inline void begin_group(struct fletch_writer *writer, enum fletch_codec_id codec,
                               const struct table_row *rows, size_t count)
{
    struct fletch_output_row *what = calloc(count, sizeof(*what));
    struct fletch_error err = { 0 };

    assert_non_null(what);
    for (size_t i = 0; i < count; i++)
        what[i] = (struct fletch_output_row){ rows[i].name, rows[i].shape, rows[i].rank,
                                              rows[i].count };
    assert_ok(fletch_writer_begin_group(writer, codec, what, count, &err), err);
    free(what);
}

static inline void begin_row(struct fletch_writer *writer, const struct table_row *row)
{
    struct fletch_error err = { 0 };

    assert_ok(fletch_writer_begin_row(writer, row->dtype, row->size, &err), err);
}

/* The rows in groups of `per_group`, with the codecs in turn. */
static inline struct fletch_file write_table(const struct table_row *rows, size_t count,
                                             size_t per_group,
                                             const struct fletch_codec *const *codecs,
                                             size_t codecs_count)
{
    static const char *const pairs[][2] = { { "key", "value" }, { NULL, NULL } };
    struct fletch_file file = memory_file(NULL, 0);
    struct fletch_writer *writer = NULL;
    struct fletch_error err = { 0 };
    uint64_t size;

    assert_ok(fletch_writer_open(&writer, &file, pairs, &err), err);
    for (size_t i = 0; i < count; i++) {
        const struct fletch_codec *codec = codecs[i / per_group % codecs_count];

        if (i % per_group == 0)
            begin_group(writer, codec->id, rows + i,
                        per_group < count - i ? per_group : count - i);
        begin_row(writer, &rows[i]);
        put_value(writer, codec, &rows[i]);
        assert_ok(fletch_writer_end_row(writer, NULL, &err), err);
        if (i % per_group == per_group - 1 || i + 1 == count)
            assert_ok(fletch_writer_end_group(writer, &err), err);
    }
    assert_ok(fletch_writer_finish(writer, &size, &err), err);
    fletch_writer_close(writer);
    assert_int_equal(lseek(file.fd, 0, SEEK_END), size);
    file.size = size;
    return file;
}

/* Reads every row twice, whole and in pieces; the first failure, of either way. */
static inline enum fletch_status read_all(const struct fletch_reader *reader,
                                          struct fletch_error *err)
{
    struct fletch_cursor *cursor = NULL;
    enum fletch_status status = fletch_cursor_open(&cursor, reader, err);
    const void *bytes;
    uint64_t whole;
    size_t size;

    for (size_t i = 0; !status && i < reader->rows_count; i++) {
        status = fletch_cursor_read(cursor, i, &bytes, &whole, err);
        if (!status)
            status = fletch_cursor_begin(cursor, i, err);
        do {
            size = 0;
            if (!status)
                status = fletch_cursor_next(cursor, &bytes, &size, err);
        } while (size);
    }
    fletch_cursor_close(cursor);
    return status;
}

/* Opens and reads everything in the file; the first failure. */
static inline enum fletch_status try_file(const struct fletch_file *file,
                                          struct fletch_error *err)
{
    struct fletch_reader *reader = NULL;
    enum fletch_status status = fletch_reader_open(&reader, file, err);

    if (!status)
        status = read_all(reader, err);
    fletch_reader_close(reader);
    return status;
}

/* That row i has this value, read whole and in pieces of at most FLETCH_PIECE_SIZE. */
static inline void check_value(struct fletch_cursor *cursor, size_t i, const uint8_t *value,
                               size_t size)
{
    struct fletch_error err = { 0 };
    const void *bytes = NULL;
    uint64_t whole;
    size_t piece, have = 0;

    assert_ok(fletch_cursor_read(cursor, i, &bytes, &whole, &err), err);
    assert_int_equal(whole, size);
    if (size)
        assert_memory_equal(bytes, value, size);
    assert_ok(fletch_cursor_begin(cursor, i, &err), err);
    do {
        assert_ok(fletch_cursor_next(cursor, &bytes, &piece, &err), err);
        assert_true(piece <= FLETCH_PIECE_SIZE && piece <= size - have);
        if (piece)
            assert_memory_equal(bytes, value + have, piece);
        have += piece;
    } while (piece);
    assert_int_equal(have, size);
}

#endif
