/* SPDX-License-Identifier: MIT */
/* parquet.h - writes rows into a Parquet file and reads them back
 *
 * The writer receives compressed pages and adds the rest of the file: page headers, CRCs,
 * offsets, the small columns and the footer. All it knows about a tensor are the five
 * columns of its row.
 *
 * Physical order in each row group: layer_name, shape, the chunk of `data` with one page
 * per row, dtype, num_params. dtype comes after `data` because it is final only when a
 * row's last byte has been cast. The schema's first column must be the first in the file:
 * parquet-java locates a group by where that column begins, and Spark would assign the
 * group to no split. The schema's last column must be the last: hyparquet reads a large
 * group from the start of the first column to the end of the last one.
 *
 * A value of `data` is one V1 data page whose content is FLETCH_PAGE_PREFIX bytes
 * (definition level, length) and then the value.
 *
 * The reader opens any Parquet file with these columns, whatever its column order,
 * encodings, page versions, codecs and row groups, and hands out rows by index.
 *
 * Only one thread at a time may use a writer or a cursor. Any number of threads may use a
 * reader at once.
 */
#ifndef FLETCH_PARQUET_PARQUET_H
#define FLETCH_PARQUET_PARQUET_H

#include "output/output.h"

/* The first and last bytes of a file. */
#define FLETCH_PARQUET_MAGIC "PAR1"

/* What precedes a value in its page: u32 2, the run (1 x level 1) as 02 01, u32 length. */
#define FLETCH_PAGE_PREFIX ((size_t)10)
/* The alignment of uncompressed values in the file, for programs that map it, and of all
 * other values in memory. */
#define FLETCH_VALUE_ALIGN 64
/* Padding would be large compared with values of at most this many bytes. The file aligns
 * them to FLETCH_SMALL_ALIGN, which suits elements of every type. */
#define FLETCH_SMALL_SIZE ((uint64_t)1024)
#define FLETCH_SMALL_ALIGN 8
/* Page sizes are i32 in the format, and its length prefix is inside the page. */
#define FLETCH_VALUE_SIZE_MAX ((uint64_t)INT32_MAX - FLETCH_PAGE_PREFIX)
/* A row group's content stays below this, unless a single value exceeds it. */
#define FLETCH_ROW_GROUP_SIZE ((uint64_t)256 << 20)
/* dims are int32 in the schema. */
#define FLETCH_DIM_MAX ((uint64_t)INT32_MAX)

/* Parquet, as an entry in the table of output formats. */
extern const struct fletch_output_format fletch_output_parquet;

/* Writes the prefix of a value of `size` bytes, FLETCH_PAGE_PREFIX of them. */
void fletch_page_prefix(uint8_t *out, uint64_t size);

/* Opens a writer at the start of an empty file, which stays the caller's. `pairs` are
 * key-value metadata for the footer, { key, value }, ending with a NULL key; NULL: none. */
enum fletch_status fletch_writer_open(struct fletch_writer **out,
                                      const struct fletch_file *file,
                                      const char *const (*pairs)[2],
                                      struct fletch_error *err);
/* Compresses the pages of small columns with that codec at its lowest level, where that
 * makes them smaller, in all groups that begin after this call. */
void fletch_writer_compress(struct fletch_writer *writer, const struct fletch_codec *codec);
/* Starts a row group of these rows, whose `data` pages are compressed with that codec, and
 * writes the columns that are already known. Everything in `rows` is copied. */
enum fletch_status fletch_writer_begin_group(struct fletch_writer *writer,
                                             enum fletch_codec_id codec,
                                             const struct fletch_output_row *rows,
                                             size_t count, struct fletch_error *err);
/* Starts the page of the group's next row: a value of `size` bytes and type `dtype`, such
 * as "torch.float16", which is copied. */
enum fletch_status fletch_writer_begin_row(struct fletch_writer *writer, const char *dtype,
                                           uint64_t size, struct fletch_error *err);
/* Appends bytes of the page's compressed body. */
enum fletch_status fletch_writer_put(struct fletch_writer *writer, const void *bytes,
                                     size_t size, struct fletch_error *err);
/* Drops what was put since begin_row, which must be called again: a row that overflows is
 * restarted with another dtype. */
enum fletch_status fletch_writer_abort_row(struct fletch_writer *writer,
                                           struct fletch_error *err);
/* Ends the page and fills the sizes and the CRC into its header. `out` may be NULL. */
enum fletch_status fletch_writer_end_row(struct fletch_writer *writer,
                                         struct fletch_written *out,
                                         struct fletch_error *err);
/* Writes the types and ends the group. All its rows must have been written. */
enum fletch_status fletch_writer_end_group(struct fletch_writer *writer,
                                           struct fletch_error *err);
/* Writes offset indexes and footer, and sets *size to the file's size. A file without
 * groups is valid, too. */
enum fletch_status fletch_writer_finish(struct fletch_writer *writer, uint64_t *size,
                                        struct fletch_error *err);
/* After fletch_writer_finish: where the last page ends and the offset indexes begin. */
uint64_t fletch_writer_footer_at(const struct fletch_writer *writer);
void fletch_writer_close(struct fletch_writer *writer);

/* Reads the footer and the small columns. `file` is borrowed and must stay open. FORMAT
 * with the byte offset, UNSUPPORTED with the name of the feature. */
enum fletch_status fletch_reader_open(struct fletch_reader **out,
                                      const struct fletch_file *file,
                                      struct fletch_error *err);
void fletch_reader_close(struct fletch_reader *reader);
/* Bytes of the row's value. When only its page has the size: what its type and shape need,
 * or 0 for an unknown type. */
uint64_t fletch_reader_size(const struct fletch_reader_row *row);

/* A cursor reads values. It has the buffers and decoders of one thread. */

enum fletch_status fletch_cursor_open(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err);
void fletch_cursor_close(struct fletch_cursor *cursor);
/* After this call fletch_cursor_read returns uncompressed values directly from the file's
 * map, also those that share a page. The map must outlive the cursor. The CRC of such a
 * page is checked when it is first read. fletch_cursor_next does not use the map. */
enum fletch_status fletch_cursor_use_map(struct fletch_cursor *cursor, const uint8_t *map,
                                         struct fletch_error *err);
/* Reads the whole value of row i: *bytes [*size] belongs to the cursor and is valid until
 * the cursor's next call. Checks page CRCs wherever the file has them. */
enum fletch_status fletch_cursor_read(struct fletch_cursor *cursor, size_t i,
                                      const void **bytes, uint64_t *size,
                                      struct fletch_error *err);
struct fletch_slice; /* decode.h */

/* As fletch_cursor_read, but a value that has a page to itself goes into memory that `get`
 * returns; *own is then true. */
enum fletch_status fletch_cursor_read_into(struct fletch_cursor *cursor, size_t i,
                                           struct fletch_slice *value, bool *own,
                                           fletch_memory_fn get, void *user,
                                           struct fletch_error *err);
/* Reads `size` bytes of row i's value, starting at its byte `begin`, into out[size].
 * ARGUMENT when the value has no such bytes. Checks the page's CRC if that needs no further
 * reading. */
enum fletch_status fletch_cursor_read_part(struct fletch_cursor *cursor, size_t i,
                                           void *out, size_t size, uint64_t begin,
                                           struct fletch_error *err);
/* Read the whole value in bounded memory: begin, then next until it sets *size to 0, which
 * also means that the page ended well and its CRC was right. A piece has at most
 * FLETCH_PIECE_SIZE bytes, unless the codec or the file's encoding allows only whole
 * pages. */
enum fletch_status fletch_cursor_begin(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err);
enum fletch_status fletch_cursor_next(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err);
/* True when the page of the row begun last has a CRC. */
bool fletch_cursor_has_crc(const struct fletch_cursor *cursor);
/* After this call only the codecs' libraries decompress values, never our own decoder. */
void fletch_cursor_by_library(struct fletch_cursor *cursor);
/* Sends the next piece to `piece`, of FLETCH_PIECE_SIZE bytes, if the page is decoded in
 * pieces. Pieces of a page that is decoded whole point into it and stay valid until the
 * row is done. NULL: back to the cursor's own buffer. */
void fletch_cursor_set_output(struct fletch_cursor *cursor, uint8_t *piece);

#endif
