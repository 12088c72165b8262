/* SPDX-License-Identifier: MIT */
/* reader_internal.h - private: an open file, as seen by the parts of the reader */
#ifndef FLETCH_PARQUET_READER_INTERNAL_H
#define FLETCH_PARQUET_READER_INTERNAL_H

#include "parquet/pages.h"
#include "parquet/decode.h"

/* In the order of the schema that fletch writes; other files may differ. */
enum fletch_reader_column {
    FLETCH_READER_NAME,
    FLETCH_READER_SHAPE,
    FLETCH_READER_DTYPE,
    FLETCH_READER_DATA,
    FLETCH_READER_PARAMS,
    FLETCH_READER_COLUMNS
};

/* A data page of `data`. */
struct fletch_page_ref {
    uint64_t offset;
    size_t first_row; /* in the file */
    size_t rows_count;
    uint64_t size;       /* header included; 0 when only the page tells */
    uint64_t value_size; /* UINT64_MAX when only the page tells */
};

/* A row group's chunk of `data`. */
struct fletch_data_chunk {
    struct fletch_chunk chunk;
    bool has_dictionary; /* according to the footer */
};

struct fletch_reader_file {
    const struct fletch_file *file;
    struct fletch_footer footer;
    uint64_t footer_at;
    uint8_t *tail; /* [tail_size] */
    uint64_t tail_at;
    size_t tail_size;
    struct fletch_leaf leaves[FLETCH_READER_COLUMNS];
    size_t leaves_count;              /* of the whole schema */
    struct fletch_data_chunk *chunks; /* [groups_count] */
    size_t *first_rows;               /* [groups_count + 1], of each group */
    struct fletch_page_ref *pages;    /* [pages_count], by first_row */
    size_t pages_count, pages_cap;
};

/* Finds the columns in the schema. */
enum fletch_status fletch_schema_find(struct fletch_reader_file *file,
                                      struct fletch_error *err);
/* Where a column's chunk of a group lies. */
enum fletch_status fletch_reader_chunk(struct fletch_chunk *out,
                                       const struct fletch_reader_file *file, size_t group,
                                       enum fletch_reader_column column,
                                       struct fletch_error *err);
/* The page of `data`, and the group, that contains a row. */
size_t fletch_reader_find_page(const struct fletch_reader_file *file, size_t row);
size_t fletch_reader_find_group(const struct fletch_reader_file *file, size_t row);
/* Puts the file's path in front of a FORMAT or UNSUPPORTED error. */
enum fletch_status fletch_reader_error_context(enum fletch_status status,
                                               const struct fletch_file *file,
                                               struct fletch_error *err);

/* columns_read.c: reads all rows but their values; rows_count is known and `rows`
 * allocated. */
enum fletch_status fletch_reader_columns(struct fletch_reader *reader,
                                         struct fletch_error *err);

#endif
