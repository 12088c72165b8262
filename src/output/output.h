/* SPDX-License-Identifier: MIT */
/* output.h - a format of output files: how rows are written to one, and read back
 *
 * Plan, conversion and proof know an output only by this table, and a format knows nothing
 * of models: a row is a name, a type, a shape and bytes, which come compressed in pieces of
 * the pipeline's making. What stands in front of a value within what is compressed is the
 * format's: its prefix.
 *
 * A writer belongs to one thread at a time, and so does a cursor; an open output may be
 * asked by any number of threads at once.
 */
#ifndef FLETCH_OUTPUT_OUTPUT_H
#define FLETCH_OUTPUT_OUTPUT_H

#include "base/file.h"
#include "codec/codec.h"

struct fletch_writer; /* a format's own, as the two other handles */
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

/* A row that was read back. */
struct fletch_reader_row {
    const char *name;
    const char *dtype;     /* starts with "torch.", added if the file lacks it */
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count; /* from num_params; product(shape) if the file lacks that column */
    /* Bytes of the value; UINT64_MAX when only its page tells (foreign files). */
    uint64_t size;
    uint64_t page_offset;     /* of its page's header; 0 when the page holds other rows
                                 too */
    uint64_t compressed_size; /* of its page, header included; 0 when shared */
    uint64_t whole_size; /* memory that a cursor needs to read it, if its codec decodes only
                            whole pages; 0 when it streams, or when unknown */
};

/* An open output. Immutable. */
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
    uint64_t group_size; /* a group of rows is cut before it has more bytes of content */
    size_t prefix_size;  /* bytes in front of a value, which are compressed with it */
    /* Writes the prefix of a value of `size` bytes. */
    void (*put_prefix)(uint8_t *out, uint64_t size);

    /* ---- Writing ---- */

    /* At the start of an empty file, which stays the caller's. `pairs` are { key, value }
     * for the file's own metadata, ended by a NULL key. `codec` is for what the format
     * writes besides the values, where that shrinks. */
    enum fletch_status (*create)(struct fletch_writer **out, const struct fletch_file *file,
                                 const char *const (*pairs)[2],
                                 const struct fletch_codec *codec,
                                 struct fletch_error *err);
    /* Begins a group of these rows, which are copied; their values are compressed with that
     * codec. */
    enum fletch_status (*begin_group)(struct fletch_writer *writer,
                                      enum fletch_codec_id codec,
                                      const struct fletch_output_row *rows, size_t count,
                                      struct fletch_error *err);
    /* Begins the group's next row: a value of `size` bytes of type "torch.float16". */
    enum fletch_status (*begin_row)(struct fletch_writer *writer, const char *dtype,
                                    uint64_t size, struct fletch_error *err);
    /* The next bytes of prefix and value as compressed. */
    enum fletch_status (*put)(struct fletch_writer *writer, const void *bytes, size_t size,
                              struct fletch_error *err);
    /* Drops what was put since begin_row, which must be called again, with any type. */
    enum fletch_status (*abort_row)(struct fletch_writer *writer, struct fletch_error *err);
    enum fletch_status (*end_row)(struct fletch_writer *writer, struct fletch_written *out,
                                  struct fletch_error *err);
    enum fletch_status (*end_group)(struct fletch_writer *writer, struct fletch_error *err);
    /* *size is the file's; *footer_at is where what stands behind the last value begins. */
    enum fletch_status (*finish)(struct fletch_writer *writer, uint64_t *size,
                                 uint64_t *footer_at, struct fletch_error *err);
    /* Takes NULL. */
    void (*close_writer)(struct fletch_writer *writer);

    /* ---- Reading back ---- */

    /* `file` is borrowed and must stay open. FORMAT with byte offset, UNSUPPORTED. */
    enum fletch_status (*open)(struct fletch_reader **out, const struct fletch_file *file,
                               struct fletch_error *err);
    void (*close)(struct fletch_reader *reader);
    /* Bytes of the row's value; where only the file's insides tell, what its type and shape
     * need, and 0 for a type that is not known. */
    uint64_t (*row_size)(const struct fletch_reader_row *row);
    enum fletch_status (*cursor_open)(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err);
    void (*cursor_close)(struct fletch_cursor *cursor);
    /* From now on values are decompressed by the codecs' libraries alone. */
    void (*cursor_by_library)(struct fletch_cursor *cursor);
    /* Row i in bounded memory: begin, then pieces in order until *size comes out 0, which
     * also says that checksums were right. A piece is at most FLETCH_PIECE_SIZE bytes,
     * except where the codec or the file has only whole pages. */
    enum fletch_status (*cursor_begin)(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err);
    enum fletch_status (*cursor_next)(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err);
    /* Whether the row that was begun last has a checksum. */
    bool (*cursor_has_crc)(const struct fletch_cursor *cursor);
    /* The next piece goes to `piece`, of FLETCH_PIECE_SIZE bytes, where it is decoded in
     * pieces. NULL: into the cursor's own again. */
    void (*cursor_set_output)(struct fletch_cursor *cursor, uint8_t *piece);
};

/* Opens the output file in a converted folder, or that file by its own path. The arena
 * keeps the path. NOT_FOUND says what was expected. */
enum fletch_status fletch_output_open_file(struct fletch_file *out,
                                           struct fletch_arena *arena, const char *path,
                                           const char *file_name, struct fletch_error *err);

#endif
