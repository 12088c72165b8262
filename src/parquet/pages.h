/* SPDX-License-Identifier: MIT */
/* pages.h - private: reads a page from the file: its header, and its body with the CRC
 * checked
 *
 * Sizes in a header are claims. Before memory is allocated, the stored size is checked
 * against the column chunk's end, and the other against what the codec can make of that
 * many bytes.
 */
#ifndef FLETCH_PARQUET_PAGES_H
#define FLETCH_PARQUET_PAGES_H

#include "parquet/parquet.h"
#include "parquet/decode.h"

/* Where a column chunk lies and how it is stored. */
struct fletch_chunk {
    const struct fletch_file *file;
    const uint8_t *tail; /* [tail_size], the file's end, already read */
    uint64_t tail_at;
    size_t tail_size;
    const char *column;
    uint64_t start, end; /* of the chunk in the file */
    int codec;
};

struct fletch_page {
    struct fletch_page_header header;
    uint64_t offset;    /* of the header */
    size_t header_size; /* bytes */
    bool crc_ok;        /* in the map, and already found right */
};

/* One thread's buffers and decoders. Zeroed is ready. */
#define FLETCH_PAGES_CODECS 8
struct fletch_page_loader {
    struct fletch_buf window; /* the start of a page */
    uint64_t window_at;
    struct fletch_buf stored; /* a page's body as stored, or part of it */
    const uint8_t *map;       /* [file's size], or NULL: uncompressed pages are used from
                                 there */
    struct fletch_decoder *decoders[FLETCH_PAGES_CODECS];
    bool by_library; /* none of our own decoders, if set before the first page */
};

void fletch_page_loader_release(struct fletch_page_loader *loader);
/* Reads bytes of the chunk's file, from the tail when they are in it. */
enum fletch_status fletch_chunk_read(const struct fletch_chunk *chunk, uint64_t offset,
                                     void *out, size_t size, struct fletch_error *err);
/* Finds the page whose header is at `offset`; its body lies within the chunk. */
enum fletch_status fletch_page_find(struct fletch_page *out,
                                    struct fletch_page_loader *loader,
                                    const struct fletch_chunk *chunk, uint64_t offset,
                                    struct fletch_error *err);
/* Loads and decompresses its whole body: out->size is header.uncompressed_size. The result
 * lies either in `memory`, placed so that what follows a FLETCH_PAGE_PREFIX is aligned to
 * FLETCH_VALUE_ALIGN bytes, or in the loader's map. The caller puts the page in front of
 * errors (fletch_page_error_context). */
enum fletch_status fletch_page_load(struct fletch_slice *out, struct fletch_buf *memory,
                                    struct fletch_page_loader *loader,
                                    const struct fletch_chunk *chunk,
                                    const struct fletch_page *page,
                                    struct fletch_error *err);
/* The capacity that `memory` needs for a body of `size` bytes. */
size_t fletch_page_room(size_t size);
/* True when the body is in the file uncompressed and in one piece. */
bool fletch_page_is_plain(const struct fletch_chunk *chunk,
                          const struct fletch_page_header *header);
/* FORMAT when the header has a CRC and it differs. */
enum fletch_status fletch_page_check_crc(const struct fletch_page *page, uint32_t crc,
                                         struct fletch_error *err);
/* The loader's decoder for a codec. */
enum fletch_status fletch_page_decoder(struct fletch_decoder **out,
                                       const struct fletch_codec **codec,
                                       struct fletch_page_loader *loader, int id,
                                       struct fletch_error *err);
/* The offset of the byte after the page. */
uint64_t fletch_page_end(const struct fletch_page *page);
/* Puts column and page in front of a FORMAT or UNSUPPORTED error. */
enum fletch_status fletch_page_error_context(enum fletch_status status,
                                             const struct fletch_chunk *chunk,
                                             uint64_t offset, struct fletch_error *err);

#endif
