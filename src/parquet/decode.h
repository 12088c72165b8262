/* SPDX-License-Identifier: MIT */
/* decode.h - private: decodes levels and values from a page's body, one by one
 *
 * Works on the body in memory, and trusts nothing about it but its size.
 */
#ifndef FLETCH_PARQUET_DECODE_H
#define FLETCH_PARQUET_DECODE_H

#include "parquet/levels.h"
#include "parquet/meta.h"

struct fletch_slice {
    const uint8_t *bytes; /* [size] */
    size_t size;
};

struct fletch_dictionary {
    int type;
    struct fletch_slice *slices; /* [count], for BYTE_ARRAY; they point into the page's
                                    body */
    int64_t *ints;               /* [count], for integers */
    size_t count;
};

/* State of DELTA_BINARY_PACKED. */
struct fletch_delta {
    const uint8_t *bytes; /* [size] */
    size_t size, pos;     /* after the current miniblock */
    uint32_t miniblocks;  /* per block */
    uint32_t miniblock_values;
    uint32_t count; /* values in all */
    uint32_t given;
    uint64_t value;        /* the last one; sums wrap around, as the format requires */
    uint64_t min_delta;    /* of the block */
    const uint8_t *widths; /* [miniblocks] of the block */
    uint32_t miniblock;    /* the next one */
    uint32_t left;         /* values left in the current one */
    unsigned width;
    uint64_t bit_pos;
};

bool fletch_delta_begin(struct fletch_delta *delta, const uint8_t *bytes, size_t size);
bool fletch_delta_next(struct fletch_delta *delta, int64_t *value);

/* A column's shape in levels: 0 for what cannot occur. */
struct fletch_leaf {
    const char *name;
    size_t index; /* of the leaf in the schema, which is how row groups number columns */
    int type;
    unsigned max_definition, max_repetition;
    unsigned list_definition; /* of a list that exists, though it may be empty */
    bool found;
};

/* Iterates over a data page. */
struct fletch_values {
    int encoding, type;
    uint32_t count; /* nulls and empty lists included */
    struct fletch_levels repetitions, definitions;
    unsigned max_definition, max_repetition;
    const uint8_t *bytes; /* [size], the values after the levels */
    size_t size, pos;
    const struct fletch_dictionary *dictionary;
    struct fletch_levels indices;
    uint32_t index; /* index into the dictionary of the last value */
    struct fletch_delta lengths, prefixes;
    struct fletch_buf *joined; /* DELTA_BYTE_ARRAY: the last value */
    uint32_t stream_values;    /* BYTE_STREAM_SPLIT */
};

/* Starts at the first value of the page. `joined` is scratch. FORMAT when a dictionary is
 * needed but missing. */
enum fletch_status fletch_values_begin(struct fletch_values *values,
                                       const struct fletch_leaf *leaf,
                                       const struct fletch_page_header *header,
                                       const struct fletch_slice *body,
                                       const struct fletch_dictionary *dictionary,
                                       struct fletch_buf *joined, struct fletch_error *err);
/* True when the page's indices refer to a dictionary. */
bool fletch_encoding_has_dictionary(int encoding);
enum fletch_status fletch_values_levels(struct fletch_values *values, uint32_t *repetition,
                                        uint32_t *definition, struct fletch_error *err);
/* The next value that is not null: a slice of the page, the dictionary or `joined`. */
enum fletch_status fletch_values_bytes(struct fletch_values *values,
                                       struct fletch_slice *out, struct fletch_error *err);
enum fletch_status fletch_values_int(struct fletch_values *values, int64_t *out,
                                     struct fletch_error *err);

/* Reads the dictionary from a page's body, which it then points into. */
enum fletch_status fletch_dictionary_open(struct fletch_dictionary *dictionary, int type,
                                          const struct fletch_page_header *header,
                                          const struct fletch_slice *body,
                                          struct fletch_error *err);
void fletch_dictionary_release(struct fletch_dictionary *dictionary);

#endif
