/* SPDX-License-Identifier: MIT */
/* decode.h - private: levels and values out of a page's body, one by one
 *
 * Works on the body as it lies in memory. Nothing is trusted but the body's size.
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
    struct fletch_slice *slices; /* [count], of BYTE_ARRAY; into the page's body */
    int64_t *ints;               /* [count], of integers */
    size_t count;
};

/* DELTA_BINARY_PACKED. */
struct fletch_delta {
    const uint8_t *bytes; /* [size] */
    size_t size, pos;     /* behind the miniblock at hand */
    uint32_t miniblocks;  /* per block */
    uint32_t miniblock_values;
    uint32_t count; /* values in all */
    uint32_t given;
    uint64_t value;        /* the last one; sums wrap around, as the format says */
    uint64_t min_delta;    /* of the block */
    const uint8_t *widths; /* [miniblocks] of the block */
    uint32_t miniblock;    /* the next one */
    uint32_t left;         /* values of the one at hand */
    unsigned width;
    uint64_t bit_pos;
};

bool fletch_delta_begin(struct fletch_delta *delta, const uint8_t *bytes, size_t size);
bool fletch_delta_next(struct fletch_delta *delta, int64_t *value);

/* A column's shape in levels: 0 for what cannot be. */
struct fletch_leaf {
    const char *name;
    size_t index; /* of the leaf in the schema, as columns of a row group are numbered */
    int type;
    unsigned max_definition, max_repetition;
    unsigned list_definition; /* of a list that is there, though maybe empty */
    bool found;
};

/* Goes through a data page. */
struct fletch_values {
    int encoding, type;
    uint32_t count; /* nulls and empty lists included */
    struct fletch_levels repetitions, definitions;
    unsigned max_definition, max_repetition;
    const uint8_t *bytes; /* [size], the values behind the levels */
    size_t size, pos;
    const struct fletch_dictionary *dictionary;
    struct fletch_levels indices;
    uint32_t index; /* of the last value in the dictionary */
    struct fletch_delta lengths, prefixes;
    struct fletch_buf *joined; /* DELTA_BYTE_ARRAY: the last value */
    uint32_t stream_values;    /* BYTE_STREAM_SPLIT */
};

/* At the first value of the page. `joined` is scratch. A dictionary that is needed but not
 * there is FORMAT. */
enum fletch_status fletch_values_begin(struct fletch_values *values,
                                       const struct fletch_leaf *leaf,
                                       const struct fletch_page_header *header,
                                       const struct fletch_slice *body,
                                       const struct fletch_dictionary *dictionary,
                                       struct fletch_buf *joined, struct fletch_error *err);
/* True when the page's indices point into a dictionary. */
bool fletch_encoding_has_dictionary(int encoding);
enum fletch_status fletch_values_levels(struct fletch_values *values, uint32_t *repetition,
                                        uint32_t *definition, struct fletch_error *err);
/* The next value that is there. A slice of the page, the dictionary or `joined`. */
enum fletch_status fletch_values_bytes(struct fletch_values *values,
                                       struct fletch_slice *out, struct fletch_error *err);
enum fletch_status fletch_values_int(struct fletch_values *values, int64_t *out,
                                     struct fletch_error *err);

/* The dictionary of a page's body, which it then points into. */
enum fletch_status fletch_dictionary_open(struct fletch_dictionary *dictionary, int type,
                                          const struct fletch_page_header *header,
                                          const struct fletch_slice *body,
                                          struct fletch_error *err);
void fletch_dictionary_release(struct fletch_dictionary *dictionary);

#endif
