/* SPDX-License-Identifier: MIT */
/* cursor.h - private: what the cursor's files share */
#ifndef FLETCH_PARQUET_CURSOR_H
#define FLETCH_PARQUET_CURSOR_H

#include "parquet/reader_internal.h"

#define FLETCH_NO_PAGE SIZE_MAX

enum fletch_cursor_mode { FLETCH_CURSOR_IDLE, FLETCH_CURSOR_STREAM, FLETCH_CURSOR_WHOLE };

/* A page being decoded. */
struct fletch_stream {
    const struct fletch_codec *codec; /* NULL: uncompressed */
    struct fletch_decoder *decoder;
    const struct fletch_chunk *chunk;
    struct fletch_page page;
    uint64_t at;            /* in the file: the next byte to read */
    uint64_t stored_left;   /* bytes of the body not yet read */
    size_t in_pos, in_size; /* in the step's buffer */
    uint32_t crc;
    uint64_t value_left;
    uint64_t given; /* bytes of the page's content that were pulled */
};

struct fletch_cursor {
    const struct fletch_reader *reader;
    struct fletch_page_loader loader;
    struct fletch_buf page_memory, dictionary_memory, joined;
    struct fletch_slice page, dictionary_page;
    struct fletch_dictionary dictionary;
    size_t dictionary_group; /* the group that the dictionary belongs to, or
                                FLETCH_NO_PAGE */
    size_t page_index;       /* the index of the page in `page`, or FLETCH_NO_PAGE */
    struct fletch_page page_found;
    bool *crc_ok; /* [pages_count], with a map: the page's CRC was found right */
    struct fletch_values values;
    size_t next_row; /* the row that `values` gives next */

    enum fletch_cursor_mode mode;
    size_t row;
    struct fletch_stream stream;
    uint8_t *in, *out; /* [STEP_SIZE], [FLETCH_PIECE_SIZE]; made by the first stream */
    uint8_t *aim;      /* destination of the next piece; NULL: `out` */
    struct fletch_slice whole; /* what remains to be handed out */
};

/* Reads the row's page header and checks it against the footer or the index. */
enum fletch_status fletch_cursor_find_row(struct fletch_cursor *cursor, size_t row,
                                          const struct fletch_page_ref **ref,
                                          const struct fletch_data_chunk **chunk,
                                          struct fletch_error *err);
/* Takes the row's value from its page, decoded whole. */
enum fletch_status fletch_cursor_read_whole(struct fletch_cursor *cursor, size_t row,
                                            struct fletch_slice *out,
                                            struct fletch_error *err);
/* Both of the above. */
enum fletch_status fletch_cursor_read_value(struct fletch_cursor *cursor, size_t i,
                                            struct fletch_slice *out,
                                            struct fletch_error *err);
/* Reads exactly `size` bytes of the page's content. */
enum fletch_status fletch_cursor_pull(struct fletch_cursor *cursor, uint8_t *out,
                                      size_t size, struct fletch_error *err);
/* Call when all content is out: checks that the rest of the body is the codec's ending, and
 * the CRC. */
enum fletch_status fletch_cursor_end_stream(struct fletch_cursor *cursor,
                                            struct fletch_error *err);

#endif
