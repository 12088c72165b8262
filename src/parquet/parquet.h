/* SPDX-License-Identifier: MIT */
/* parquet.h - writes rows into a Parquet file and reads them back
 *
 * The writer receives pages that were compressed elsewhere and frames them: page header,
 * CRC, offsets, the small columns, the footer. Of tensors it knows only a row's five
 * columns.
 *
 * Physical order in each row group: layer_name, shape, the chunk of `data` with one page
 * per row, dtype, num_params. dtype comes after `data` because it is final only when a
 * row's last byte has been cast. The schema's first column must be the first in the file:
 * parquet-java locates a group by where that column begins, and otherwise Spark finds no
 * split that the group belongs to. The last must be the last: hyparquet reads a large group
 * from the start of the first column to the end of the last one.
 *
 * A value of `data` is one V1 data page whose content is FLETCH_PAGE_PREFIX bytes
 * (definition level, length) and then the value.
 *
 * The reader opens any Parquet file with these columns, whatever its column order,
 * encodings, page versions, codecs and row groups, and hands out rows by index.
 *
 * A writer is for one thread at a time. Everything const of a reader may be called from
 * many threads at once; each cursor belongs to one.
 */
#ifndef FLETCH_PARQUET_PARQUET_H
#define FLETCH_PARQUET_PARQUET_H

#include "output/output.h"

/* The first and last bytes of a file. */
#define FLETCH_PARQUET_MAGIC "PAR1"

/* What precedes a value in its page: u32 2, the run (1 x level 1) as 02 01, u32 length. */
#define FLETCH_PAGE_PREFIX ((size_t)10)
/* The alignment of uncompressed values in the file, for programs that map it, and of all
 * others in memory. */
#define FLETCH_VALUE_ALIGN 64
/* Values of at most this many bytes are small compared with that padding. In the file they
 * are aligned to FLETCH_SMALL_ALIGN, which suits an element of any type. */
#define FLETCH_SMALL_SIZE ((uint64_t)1024)
#define FLETCH_SMALL_ALIGN 8
/* Page sizes are i32 in the format, and its length prefix is inside the page. */
#define FLETCH_VALUE_SIZE_MAX ((uint64_t)INT32_MAX - FLETCH_PAGE_PREFIX)
/* A row group's content stays below this, unless a single value exceeds it.
 */
#define FLETCH_ROW_GROUP_SIZE ((uint64_t)256 << 20)
/* dims are int32 in the schema. */
#define FLETCH_DIM_MAX ((uint64_t)INT32_MAX)

/* As a format of outputs. */
extern const struct fletch_output_format fletch_output_parquet;

/* Writes the prefix of a value of `size` bytes, FLETCH_PAGE_PREFIX of them. */
void fletch_page_prefix(uint8_t *out, uint64_t size);

/* Opens a writer at the start of an empty file, which stays the caller's. `pairs` are
 * key-value metadata for the footer, { key, value }, ending with a NULL key; NULL: none. */
enum fletch_status fletch_writer_open(struct fletch_writer **out,
                                      const struct fletch_file *file,
                                      const char *const (*pairs)[2],
                                      struct fletch_error *err);
/* In groups begun from now on, compresses the pages of small columns that shrink, with that
 * codec at its lowest level; without this call, none. */
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
/* Ends the group, all of whose rows have been written, with the types. */
enum fletch_status fletch_writer_end_group(struct fletch_writer *writer,
                                           struct fletch_error *err);
/* Writes offset indexes and footer; *size is the file's size. A file without groups is
 * valid too.
 */
enum fletch_status fletch_writer_finish(struct fletch_writer *writer, uint64_t *size,
                                        struct fletch_error *err);
/* Once finished: where the last page ends, and offset indexes and footer begin. */
uint64_t fletch_writer_footer_at(const struct fletch_writer *writer);
void fletch_writer_close(struct fletch_writer *writer);

/* Reads footer and small columns. `file` is borrowed and must stay open. FORMAT with byte
 * offset, UNSUPPORTED naming the feature. */
enum fletch_status fletch_reader_open(struct fletch_reader **out,
                                      const struct fletch_file *file,
                                      struct fletch_error *err);
void fletch_reader_close(struct fletch_reader *reader);
/* Bytes of the row's value. When only its page tells: what its type and shape need, or 0
 * for an unknown type. */
uint64_t fletch_reader_size(const struct fletch_reader_row *row);

/* A cursor reads values: one thread's buffers and decoders. */

enum fletch_status fletch_cursor_open(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err);
void fletch_cursor_close(struct fletch_cursor *cursor);
/* From now on fletch_cursor_read gives uncompressed values, whether or not in a page of
 * their own, directly from the file's map, which must outlive the cursor. The CRC of such a
 * page is checked when it is first read. Streams give pieces of their own. */
enum fletch_status fletch_cursor_use_map(struct fletch_cursor *cursor, const uint8_t *map,
                                         struct fletch_error *err);
/* The whole value of row i: *bytes [*size] belongs to the cursor and is valid until its
 * next call. Checks page CRCs wherever the file has them. */
enum fletch_status fletch_cursor_read(struct fletch_cursor *cursor, size_t i,
                                      const void **bytes, uint64_t *size,
                                      struct fletch_error *err);
/* As fletch_cursor_read, but puts a value that is alone in its page into the caller's
 * memory: *own is then set, and `get` was called for it. */
enum fletch_status fletch_cursor_read_into(struct fletch_cursor *cursor, size_t i,
                                           const void **bytes, uint64_t *size, bool *own,
                                           fletch_memory_fn get, void *user,
                                           struct fletch_error *err);
/* Reads `size` bytes of row i's value, from its byte `begin` on, into out[size]; ARGUMENT
 * when they do not lie within it. Checks the page's CRC if that takes no more reading. */
enum fletch_status fletch_cursor_read_part(struct fletch_cursor *cursor, size_t i,
                                           void *out, size_t size, uint64_t begin,
                                           struct fletch_error *err);
/* The same in bounded memory: begin, then pieces in order until *size is 0, which also
 * means that the page ended well and its CRC was right. A piece has at most
 * FLETCH_PIECE_SIZE bytes, unless the codec or the file's encoding allows only whole
 * pages. */
enum fletch_status fletch_cursor_begin(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err);
enum fletch_status fletch_cursor_next(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err);
/* True when the page of the row begun last has a CRC. */
bool fletch_cursor_has_crc(const struct fletch_cursor *cursor);
/* From now on values are decompressed by the codecs' libraries alone. */
void fletch_cursor_by_library(struct fletch_cursor *cursor);
/* Sends the next piece to `piece`, of FLETCH_PIECE_SIZE bytes, if the page is decoded in
 * pieces. A page decoded whole is served from where it is, valid until the row is done.
 * NULL: back to the cursor's own buffer. */
void fletch_cursor_set_output(struct fletch_cursor *cursor, uint8_t *piece);

#endif
