/* SPDX-License-Identifier: MIT */
/* parquet.h - rows into a Parquet file, and back
 *
 * The writer is handed pages that were compressed elsewhere; it frames them: page header,
 * CRC, offsets, the small columns, the footer. It knows nothing of tensors beyond a row's
 * five columns.
 *
 * Physical order in each row group: layer_name, shape, then the chunk of `data`, one page
 * per row, then dtype, which is known for good only when a row's last byte has been cast,
 * and num_params. The first column of the schema must be the first in the file:
 * parquet-java takes a group's place from where that column begins, and Spark otherwise
 * finds no split that the group belongs to. The last must be the last: hyparquet reads a
 * large group from the first column's begin to the last one's end.
 *
 * A value of `data` is one V1 data page whose content is FLETCH_PAGE_PREFIX bytes
 * (definition level, length) and then the value.
 *
 * The reader opens any Parquet file with these columns (its column order, encodings, page
 * versions, codecs and row groups are the file's business), and hands out rows by index.
 *
 * One thread at a time for a writer. For a reader: everything const may be called at once
 * from many threads; each cursor belongs to one.
 */
#ifndef FLETCH_PARQUET_PARQUET_H
#define FLETCH_PARQUET_PARQUET_H

#include "output/output.h"

/* The first and the last bytes of a file. */
#define FLETCH_PARQUET_MAGIC "PAR1"

/* In front of a value in its page: u32 2, the run (1 x level 1) as 02 01, u32 length. */
#define FLETCH_PAGE_PREFIX ((size_t)10)
/* What values that are stored plainly are aligned to in the file, for who maps it, and all
 * others in memory. */
#define FLETCH_VALUE_ALIGN 64
/* Values of at most so many bytes would be small beside that padding: in the file they are
 * aligned to FLETCH_SMALL_ALIGN, which is enough for an element of any type. */
#define FLETCH_SMALL_SIZE ((uint64_t)1024)
#define FLETCH_SMALL_ALIGN 8
/* Page sizes are i32 in the format, and its length prefix is inside the page. */
#define FLETCH_VALUE_SIZE_MAX ((uint64_t)INT32_MAX - FLETCH_PAGE_PREFIX)
/* Row groups are cut before they exceed this much content, unless one value does so alone.
 */
#define FLETCH_ROW_GROUP_SIZE ((uint64_t)256 << 20)
/* dims are int32 in the layout. */
#define FLETCH_DIM_MAX ((uint64_t)INT32_MAX)

/* As a format of outputs. */
extern const struct fletch_output_format fletch_output_parquet;

/* Writes the prefix of a value of `size` bytes, FLETCH_PAGE_PREFIX of them. */
void fletch_page_prefix(uint8_t *out, uint64_t size);

/* A writer at the start of an empty file, which stays the caller's. `pairs` are key-value
 * metadata of the footer, { key, value }, ended by a NULL key; NULL: none. */
enum fletch_status fletch_writer_open(struct fletch_writer **out,
                                      const struct fletch_file *file,
                                      const char *const (*pairs)[2],
                                      struct fletch_error *err);
/* Of the small columns, those whose pages shrink are compressed with that codec at its
 * lowest level, in groups that begin from now on; without this, none. */
void fletch_writer_compress(struct fletch_writer *writer, const struct fletch_codec *codec);
/* Starts a row group of these rows, whose `data` pages are compressed with that codec, and
 * writes the columns that are known by now. Everything in `rows` is copied. */
enum fletch_status fletch_writer_begin_group(struct fletch_writer *writer,
                                             enum fletch_codec_id codec,
                                             const struct fletch_output_row *rows,
                                             size_t count, struct fletch_error *err);
/* Starts the page of the group's next row: a value of `size` bytes of type `dtype`, such as
 * "torch.float16", which is copied. */
enum fletch_status fletch_writer_begin_row(struct fletch_writer *writer, const char *dtype,
                                           uint64_t size, struct fletch_error *err);
/* The next bytes of the page's compressed body. */
enum fletch_status fletch_writer_put(struct fletch_writer *writer, const void *bytes,
                                     size_t size, struct fletch_error *err);
/* Drops what has been put since begin_row, which must be called again: a row that turned
 * out to overflow starts anew with another dtype. */
enum fletch_status fletch_writer_abort_row(struct fletch_writer *writer,
                                           struct fletch_error *err);
/* Ends the page: its header gets the sizes and the CRC. `out` may be NULL. */
enum fletch_status fletch_writer_end_row(struct fletch_writer *writer,
                                         struct fletch_written *out,
                                         struct fletch_error *err);
/* Ends the group, whose rows have all been written: the types. */
enum fletch_status fletch_writer_end_group(struct fletch_writer *writer,
                                           struct fletch_error *err);
/* Offset indexes and footer; *size is the file's size. A file without groups is valid too.
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
/* Bytes of the row's value; where only its page tells, what its type and shape need, and 0
 * for a type that is not known. */
uint64_t fletch_reader_size(const struct fletch_reader_row *row);

/* A cursor reads values: one thread's buffers and decoders. */

enum fletch_status fletch_cursor_open(struct fletch_cursor **out,
                                      const struct fletch_reader *reader,
                                      struct fletch_error *err);
void fletch_cursor_close(struct fletch_cursor *cursor);
/* Values that are stored plainly, in a page of their own or not, are from now on given
 * where they lie in the file's map, which must outlive the cursor; the CRC of such a page
 * is checked when it is first read. For fletch_cursor_read; streams give pieces of their
 * own. */
enum fletch_status fletch_cursor_use_map(struct fletch_cursor *cursor, const uint8_t *map,
                                         struct fletch_error *err);
/* The whole value of row i: *bytes [*size] belongs to the cursor and is valid until its
 * next call. Page CRCs are checked wherever the file has them. */
enum fletch_status fletch_cursor_read(struct fletch_cursor *cursor, size_t i,
                                      const void **bytes, uint64_t *size,
                                      struct fletch_error *err);
/* As fletch_cursor_read, but a value that is alone in its page is put into memory of the
 * caller's: *own says so, and that `get` was called for it. */
enum fletch_status fletch_cursor_read_into(struct fletch_cursor *cursor, size_t i,
                                           const void **bytes, uint64_t *size, bool *own,
                                           fletch_memory_fn get, void *user,
                                           struct fletch_error *err);
/* `size` bytes of row i's value from its byte `begin` on, into out[size]; ARGUMENT when
 * they are not within it. The page's CRC is checked where that takes no more reading. */
enum fletch_status fletch_cursor_read_part(struct fletch_cursor *cursor, size_t i,
                                           void *out, size_t size, uint64_t begin,
                                           struct fletch_error *err);
/* The same in bounded memory: begin, then pieces in order until *size comes out 0, which
 * also says that the page ended well and its CRC was right. A piece is at most
 * FLETCH_PIECE_SIZE bytes, except where the codec or the file's layout has only whole
 * pages. */
enum fletch_status fletch_cursor_begin(struct fletch_cursor *cursor, size_t i,
                                       struct fletch_error *err);
enum fletch_status fletch_cursor_next(struct fletch_cursor *cursor, const void **bytes,
                                      size_t *size, struct fletch_error *err);
/* Whether the page of the row that was begun last has a CRC. */
bool fletch_cursor_has_crc(const struct fletch_cursor *cursor);
/* From now on values are decompressed by the codecs' libraries alone. */
void fletch_cursor_by_library(struct fletch_cursor *cursor);
/* The next piece goes to `piece`, of FLETCH_PIECE_SIZE bytes, where it is decoded in
 * pieces; what comes out of a whole page stays where that is, valid until the row is done.
 * NULL: into the cursor's own again. */
void fletch_cursor_set_output(struct fletch_cursor *cursor, uint8_t *piece);

#endif
