/* SPDX-License-Identifier: MIT */
/* meta.h - Parquet's metadata as structs, and their Thrift form
 *
 * Holds only the fields that fletch writes or uses; others are skipped. Field names follow
 * parquet.thrift. Parsing checks types and ranges, not meaning: code that reads a byte
 * range must check that it lies in the file.
 */
#ifndef FLETCH_PARQUET_META_H
#define FLETCH_PARQUET_META_H

#include "base/mem.h"
#include "parquet/thrift.h"

enum fletch_parquet_type { FLETCH_PARQUET_INT32 = 1, FLETCH_PARQUET_INT64 = 2 };
#define FLETCH_PARQUET_BYTE_ARRAY 6

enum fletch_parquet_encoding {
    FLETCH_ENCODING_PLAIN = 0,
    FLETCH_ENCODING_PLAIN_DICTIONARY = 2,
    FLETCH_ENCODING_RLE = 3,
    FLETCH_ENCODING_BIT_PACKED = 4,
    FLETCH_ENCODING_DELTA_BINARY_PACKED = 5,
    FLETCH_ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    FLETCH_ENCODING_DELTA_BYTE_ARRAY = 7,
    FLETCH_ENCODING_RLE_DICTIONARY = 8,
    FLETCH_ENCODING_BYTE_STREAM_SPLIT = 9
};

enum fletch_page_type {
    FLETCH_PAGE_DATA = 0,
    FLETCH_PAGE_INDEX = 1,
    FLETCH_PAGE_DICTIONARY = 2,
    FLETCH_PAGE_DATA_V2 = 3
};

enum fletch_repetition { FLETCH_REQUIRED = 0, FLETCH_OPTIONAL = 1, FLETCH_REPEATED = 2 };

/* LogicalType's union; 0 for none. ConvertedType is written beside it. */
#define FLETCH_LOGICAL_STRING 1
#define FLETCH_LOGICAL_LIST 3

/* Other readers refuse larger messages (parquet-java) and strings (Arrow). */
#define FLETCH_FOOTER_SIZE_MAX ((size_t)100 * 1000 * 1000)
#define FLETCH_SCHEMA_MAX 10000

struct fletch_schema_element {
    const char *name;
    int type;        /* -1: a group */
    int repetition;  /* enum fletch_repetition */
    size_t children; /* 0 for leaves */
    int logical;     /* written only */
};

struct fletch_statistics {
    const void *min, *max; /* NULL: none */
    size_t min_size, max_size;
    int64_t null_count;
};

struct fletch_column_chunk {
    bool foreign;   /* file_path: the data are in another file */
    bool encrypted; /* crypto_metadata, or no meta_data */
    int type, codec;
    int64_t num_values;
    int64_t uncompressed_size, compressed_size; /* page headers included */
    int64_t data_page_offset;
    int64_t dictionary_page_offset; /* 0: none */
    int64_t offset_index_offset;    /* 0: none */
    int32_t offset_index_length;
    /* written only */
    const char *path[3]; /* up to a NULL */
    uint8_t encodings[4];
    size_t encodings_count;
    struct fletch_statistics statistics;
};

struct fletch_group_meta {
    struct fletch_column_chunk *columns; /* [columns_count] */
    size_t columns_count;
    int64_t num_rows;
    int64_t uncompressed_size, compressed_size; /* only written, as is the next */
    int64_t file_offset;
};

struct fletch_footer_pair {
    const char *key, *value;
};

struct fletch_footer {
    struct fletch_schema_element *schema; /* [schema_count], depth first */
    size_t schema_count;
    int64_t num_rows;
    struct fletch_group_meta *groups; /* [groups_count] */
    size_t groups_count;
    const char *created_by; /* NULL: not stated */
    bool encrypted;
    /* written only */
    struct fletch_footer_pair *pairs; /* [pairs_count] */
    size_t pairs_count;
    size_t leaves; /* column_orders */
};

/* Parses the footer's struct; strings and arrays are put in the arena. `base` is the file
 * offset of bytes[0]. */
enum fletch_status fletch_footer_parse(struct fletch_footer *out,
                                       struct fletch_arena *arena, const void *bytes,
                                       size_t size, uint64_t base,
                                       struct fletch_error *err);
void fletch_footer_put(struct fletch_buf *buf, const struct fletch_footer *footer);

struct fletch_page_header {
    enum fletch_page_type type;
    int32_t uncompressed_size, compressed_size; /* of the body */
    bool has_crc;
    uint32_t crc;
    bool has_body_header; /* the struct that belongs to the type is present */
    int32_t num_values;   /* for any type of page but INDEX */
    int encoding;
    int definition_encoding, repetition_encoding; /* V1 */
    int32_t definition_size, repetition_size;     /* V2, as is the next */
    bool is_compressed;
};

/* Parses the header at bytes[0]; *used is its length. If *more is set, the failure is only
 * that the bytes ended: try again with more. */
enum fletch_status fletch_page_header_parse(struct fletch_page_header *out, size_t *used,
                                            bool *more, const void *bytes, size_t size,
                                            uint64_t base, struct fletch_error *err);

/* Writes the header of a V1 data page or a dictionary page. `wide`: sizes and CRC become
 * padded varints, so that fletch_page_header_patch can fill them in later. `pad` appends a
 * field of `padding` bytes (at most 127) that no standard defines and readers skip; the
 * header grows by FLETCH_PAGE_PAD_SIZE + padding bytes. Parquet's own field for extensions,
 * 32767, would need the long form of a field header, which fastparquet misreads; this
 * number is the last that the short form can reach after the page header's own field, 5. */
#define FLETCH_PAGE_PAD_SIZE 2
#define FLETCH_PAGE_PAD_FIELD 20
struct fletch_page_header_put {
    struct fletch_page_header header;
    bool wide;
    bool pad;
    size_t padding;
};
void fletch_page_header_put(struct fletch_buf *buf,
                            const struct fletch_page_header_put *what);
/* Fills the sizes and the CRC of `values` into a wide header. */
void fletch_page_header_patch(uint8_t *header, const struct fletch_page_header *values);

struct fletch_page_location {
    int64_t offset;
    int32_t compressed_size; /* page header included */
    int64_t first_row;       /* in its group */
    int64_t value_size;      /* bytes of its values; -1 when the index does not state it */
};

/* The arrays are in the arena. */
enum fletch_status fletch_offset_index_parse(struct fletch_page_location **out,
                                             size_t *count, struct fletch_arena *arena,
                                             const void *bytes, size_t size, uint64_t base,
                                             struct fletch_error *err);
/* `sized`: includes the sizes of the values. */
void fletch_offset_index_put(struct fletch_buf *buf,
                             const struct fletch_page_location *pages, size_t count,
                             bool sized);

#endif
