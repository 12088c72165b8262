/* SPDX-License-Identifier: MIT */
/* output.h - a format of output files: how rows are written to one, and read back
 *
 * Plan, conversion and proof use an output only through this table, and a format knows
 * nothing about models: a row is a name, a type, a shape and bytes. The pipeline compresses
 * the bytes and passes them on in pieces. A format may have a prefix, which is compressed
 * together with each value, in front of it.
 *
 * Only one thread at a time may use a writer or a cursor. Any number of threads may use an
 * open reader at once.
 */
#ifndef FLETCH_OUTPUT_OUTPUT_H
#define FLETCH_OUTPUT_OUTPUT_H

#include "base/file.h"
#include "codec/codec.h"

struct fletch_writer; /* each format defines these three itself */
struct fletch_cursor;
struct fletch_reader_file;

/* A row to be written. */
struct fletch_output_row {
    const char *name;
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count; /* elements */
};

/* Where a finished row is in the file. */
struct fletch_written {
    uint64_t offset;          /* of its page header */
    uint64_t compressed_size; /* page header included */
};

/* A row of an output that was opened. */
struct fletch_reader_row {
    const char *name;
    const char *dtype;     /* starts with "torch.", added if the file lacks it */
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count; /* from num_params; product(shape) if the file lacks that column */
    /* Bytes of the value; UINT64_MAX when only its page has the size (files that fletch did
     * not write). */
    uint64_t size;
    uint64_t page_offset;     /* of its page's header; 0 when other rows share the page */
    uint64_t compressed_size; /* of its page, header included; 0 when shared */
    uint64_t whole_size; /* memory that a cursor needs to read it, if its codec decodes only
                            whole pages; 0 when it decodes in pieces, or when unknown */
};

/* An open output; it never changes. */
struct fletch_reader {
    struct fletch_arena arena;
    struct fletch_reader_row *rows; /* [rows_count] */
    size_t rows_count;
    const char *created_by;          /* "" when the file does not state it */
    struct fletch_reader_file *file; /* the format's own */
};

struct fletch_output_format {
    const char *name;      /* "parquet" */
    const char *file_name; /* "weights.parquet" */
    uint64_t value_max;    /* bytes of a value */
    uint64_t dim_max;
    uint64_t group_size; /* most bytes of content in a group of several rows */
    size_t prefix_size;  /* bytes of the prefix */
    /* Writes the prefix of a value of `size` bytes. */
    void (*put_prefix)(uint8_t *out, uint64_t size);

    /* ---- Writing ---- */

    /* Starts writing at the beginning of an empty file, which stays the caller's. `pairs`
     * are { key, value } for the file's metadata, ending with a NULL key. `codec`
     * compresses what the format writes besides the values, where that makes it smaller. */
    enum fletch_status (*create)(struct fletch_writer **out, const struct fletch_file *file,
                                 const char *const (*pairs)[2],
                                 const struct fletch_codec *codec,
                                 struct fletch_error *err);
    /* Begins a group of these rows, which are copied. Their values are compressed with that
     * codec. */
    enum fletch_status (*begin_group)(struct fletch_writer *writer,
                                      enum fletch_codec_id codec,
                                      const struct fletch_output_row *rows, size_t count,
                                      struct fletch_error *err);
    /* Begins the group's next row: a value of `size` bytes of type "torch.float16". */
    enum fletch_status (*begin_row)(struct fletch_writer *writer, const char *dtype,
                                    uint64_t size, struct fletch_error *err);
    /* Appends the next compressed bytes of the prefix and the value. */
    enum fletch_status (*put)(struct fletch_writer *writer, const void *bytes, size_t size,
                              struct fletch_error *err);
    /* Drops what was put since begin_row. Call begin_row again, with any type. */
    enum fletch_status (*abort_row)(struct fletch_writer *writer, struct fletch_error *err);
    enum fletch_status (*end_row)(struct fletch_writer *writer, struct fletch_written *out,
                                  struct fletch_error *err);
    enum fletch_status (*end_group)(struct fletch_writer *writer, struct fletch_error *err);
    /* Sets *size to the file's size, and *footer_at to where the last value ends. */
    enum fletch_status (*finish)(struct fletch_writer *writer, uint64_t *size,
                                 uint64_t *footer_at, struct fletch_error *err);
    /* NULL is allowed. */
    void (*close_writer)(struct fletch_writer *writer);

    /* ---- Reading back ---- */

    /* `file` is borrowed and must stay open. FORMAT with byte offset, UNSUPPORTED. */
    enum fletch_status (*open)(struct fletch_reader **out, const struct fletch_file *file,
                               struct fletch_error *err);
    void (*close)(struct fletch_reader *reader);
    /* Bytes of the row's value. When only its page has the size: what its type and shape
     * need, or 0 for an unknown type. */
    uint64_t (*row_size)(const struct fletch_reader_row *row);
    enum fletch_status (*cursor_open)(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err);
    void (*cursor_close)(struct fletch_cursor *cursor);
    /* After this call only the codecs' libraries decompress values. */
    void (*cursor_by_library)(struct fletch_cursor *cursor);
    /* Read row i in bounded memory: begin, then next until it sets *size to 0, which also
     * means that the checksums were right. A piece has at most FLETCH_PIECE_SIZE bytes,
     * unless the codec or the file's encoding allows only whole pages. */
    enum fletch_status (*cursor_begin)(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err);
    enum fletch_status (*cursor_next)(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err);
    /* True when the row begun last has a checksum. */
    bool (*cursor_has_crc)(const struct fletch_cursor *cursor);
    /* Sends the next piece to `piece`, of FLETCH_PIECE_SIZE bytes, if the page is decoded
     * in pieces. NULL: back to the cursor's own buffer. */
    void (*cursor_set_output)(struct fletch_cursor *cursor, uint8_t *piece);
};

/* Opens the output file in the converted folder `path`, or `path` itself if it is a file.
 * The arena keeps the file's path. NOT_FOUND names what was expected. */
enum fletch_status fletch_output_open_file(struct fletch_file *out,
                                           struct fletch_arena *arena, const char *path,
                                           const char *file_name, struct fletch_error *err);

#endif
