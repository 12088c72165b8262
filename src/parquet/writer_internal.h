/* SPDX-License-Identifier: MIT */
/* writer_internal.h - private: what the two halves of the writer share
 *
 * writer.c has the interface, the pages of `data` and the footer; columns_write.c writes
 * the small columns of a finished group.
 */
#ifndef FLETCH_PARQUET_WRITER_INTERNAL_H
#define FLETCH_PARQUET_WRITER_INTERNAL_H

#include "parquet/parquet.h"
#include "parquet/meta.h"

/* The columns in the order of the schema. */
enum fletch_column {
    FLETCH_COLUMN_NAME,
    FLETCH_COLUMN_SHAPE,
    FLETCH_COLUMN_DTYPE,
    FLETCH_COLUMN_DATA,
    FLETCH_COLUMN_COUNT,
    FLETCH_COLUMNS
};

/* What the small columns need of a row. */
struct fletch_writer_cell {
    const char *name, *dtype;
    const uint64_t *shape;
    unsigned rank;
    uint64_t count;
};

struct fletch_writer {
    const struct fletch_file *file;
    uint64_t offset;  /* where the next byte goes */
    uint8_t *pending; /* bytes before `offset` that are not in the file yet */
    size_t pending_size;
    uint64_t file_end; /* how far the file is written */

    struct fletch_arena arena; /* what the footer needs */
    struct fletch_footer_pair *pairs;
    size_t pairs_count;
    struct fletch_group_meta *groups; /* [groups_count] */
    size_t groups_count, groups_cap;
    struct fletch_buf
        indexes;      /* offset indexes; offsets in `groups` count from its start */
    uint64_t tail_at; /* once finished: where the indexes begin */
    uint64_t rows_total;

    /* the current group */
    struct fletch_arena cells_arena;
    struct fletch_writer_cell *cells;   /* [cells_count] */
    struct fletch_page_location *pages; /* [cells_count], of `data` */
    size_t cells_count;                 /* rows that the group is to have */
    size_t rows_done;                   /* rows whose page is written */
    bool in_group, in_row;
    enum fletch_codec_id codec;
    struct fletch_column_chunk *columns; /* [FLETCH_COLUMNS] of the group */
    struct fletch_buf body, header;      /* scratch */

    /* for the small columns: NULL: uncompressed; the encoder is made when first needed */
    const struct fletch_codec *small_codec;
    struct fletch_encoder *encoder;
    struct fletch_buf packed; /* scratch: a small column's page as stored */

    /* the current row */
    uint64_t row_offset; /* of its page header */
    size_t header_size;
    uint64_t body_size;
    uint64_t value_size;
    uint32_t crc;
    bool small; /* the page stays in `kept` until its end, when its header is made */
    struct fletch_buf kept;
};

/* Appends to the file. */
enum fletch_status fletch_writer_emit(struct fletch_writer *writer, const void *bytes,
                                      size_t size, struct fletch_error *err);
/* Appends an offset index for a column's pages. */
enum fletch_status fletch_writer_index(struct fletch_writer *writer,
                                       struct fletch_column_chunk *column,
                                       const struct fletch_page_location *pages,
                                       size_t count, bool sized, struct fletch_error *err);
/* Writes the small columns of the group's rows: those before `data`, or the one after
 * it. */
enum fletch_status fletch_writer_columns(struct fletch_writer *writer, bool in_front,
                                         struct fletch_error *err);

#endif
