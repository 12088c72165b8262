/* SPDX-License-Identifier: MIT */
/* gzip.c - one gzip member per page, through libdeflate, also from pieces
 *
 * A member is a header, deflate's blocks, and the CRC-32 and the size of the content:
 *
 *     1 bit   last                                                       } each block
 *     2 bits  kind: stored, fixed codes, codes of its own                }
 *     ...     the block, which ends anywhere in a byte                   }
 *
 * Each piece is compressed as blocks of its own, which do not reach back into the piece
 * before. libdeflate marks the last one as the end of the stream. In a piece that another
 * one follows, that mark is cleared, and an empty stored block is appended, which ends on a
 * byte boundary, like zlib's Z_FULL_FLUSH. To find where the last block begins and ends,
 * the piece is decoded with zlib, which stops at block borders.
 *
 * Reading accepts several concatenated members too: Parquet says that writers should not
 * produce them and that readers should cope.
 */
#include "codec/codec_internal.h"

#ifdef FLETCH_WITH_GZIP
#include "base/bytes.h"
#include "base/mem.h"

#include <libdeflate.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#define HEADER_SIZE ((size_t)10)
/* Bits in front of a stored block's length, the length and its complement. */
#define EMPTY_BITS 3u
#define EMPTY_SIZE ((size_t)4)
/* Bits of data_type: a block has just ended; how many bits of the last byte are left. */
#define AT_BORDER 128
#define BITS_LEFT 7
/* What libdeflate allocates: from this level on for its search of the best way, below. */
#define BEST_LEVEL 10
#define BEST_SIZE ((size_t)9 << 20)
#define FAST_SIZE ((size_t)768 << 10)
/* What zlib's inflate does, its window included. */
#define WALKER_SIZE ((size_t)48 << 10)
/* Receives content that zlib decodes and no caller needs. */
#define SINK_SIZE ((size_t)256 << 10)

struct fletch_encoder {
    struct libdeflate_compressor *compressor;
    int level;
    z_stream walker;
    uint8_t *sink; /* [SINK_SIZE], once `walker` is open */
};

struct fletch_decoder {
    struct libdeflate_decompressor *decompressor;
};

static size_t bound(size_t size)
{
    return HEADER_SIZE + libdeflate_deflate_compress_bound(NULL, size) + 1 + EMPTY_SIZE;
}

static size_t encoder_size(int level)
{
    return (level < BEST_LEVEL ? FAST_SIZE : BEST_SIZE) + WALKER_SIZE + SINK_SIZE;
}

static void encoder_close(struct fletch_encoder *encoder)
{
    if (!encoder)
        return;
    libdeflate_free_compressor(encoder->compressor);
    if (encoder->sink)
        inflateEnd(&encoder->walker);
    fletch_free(encoder->sink);
    fletch_free(encoder);
}

static enum fletch_status encoder_open(struct fletch_encoder **out, int level,
                                       struct fletch_error *err)
{
    struct fletch_encoder *encoder = fletch_alloc(sizeof(*encoder));

    if (encoder)
        encoder->compressor = libdeflate_alloc_compressor(level);
    if (!encoder || !encoder->compressor) {
        encoder_close(encoder);
        return fletch_fail_memory(err, sizeof(*encoder), "a gzip encoder");
    }
    encoder->level = level;
    *out = encoder;
    return FLETCH_OK;
}

/* ---- Pieces ---- */

static size_t put_header(uint8_t *out, int level)
{
    const uint8_t speed = level == 1 ? 4 : level >= 8 ? 2 : 0;
    const uint8_t header[HEADER_SIZE] = {
        0x1f, 0x8b, 8 /* deflate */, 0, 0, 0, 0, 0, speed, 255 /* no system */
    };

    memcpy(out, header, HEADER_SIZE);
    return HEADER_SIZE;
}

static enum fletch_status open_walker(struct fletch_encoder *encoder,
                                      struct fletch_error *err)
{
    uint8_t *sink;

    if (encoder->sink) {
        inflateReset(&encoder->walker);
        return FLETCH_OK;
    }
    sink = fletch_alloc(SINK_SIZE);
    if (!sink || inflateInit2(&encoder->walker, -MAX_WBITS) != Z_OK) {
        fletch_free(sink);
        return fletch_fail_memory(err, SINK_SIZE, "a gzip encoder");
    }
    encoder->sink = sink;
    return FLETCH_OK;
}

/* Goes to the next border between blocks; its place in bits from the beginning. */
static bool walk_block(uint64_t *out, struct fletch_encoder *encoder)
{
    z_stream *walker = &encoder->walker;
    int result;

    do {
        walker->next_out = encoder->sink;
        walker->avail_out = (uInt)SINK_SIZE;
        result = inflate(walker, Z_BLOCK);
    } while (result == Z_OK && !(walker->data_type & AT_BORDER));
    *out = (uint64_t)walker->total_in * CHAR_BIT - (walker->data_type & BITS_LEFT);
    return result == Z_OK;
}

/* Takes the mark off the last block of bytes[*size] and lets the piece end on a byte; there
 * is room for it. */
static enum fletch_status keep_open(struct fletch_encoder *encoder, uint8_t *bytes,
                                    size_t *size, struct fletch_error *err)
{
    static const uint8_t empty[EMPTY_SIZE] = { 0, 0, 0xff, 0xff };
    uint64_t border = 0, end;
    size_t at;

    TRY(open_walker(encoder, err));
    encoder->walker.next_in = bytes;
    encoder->walker.avail_in = (uInt)*size;
    for (bool last = false; !last; border = end) {
        if (!walk_block(&end, encoder))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "gzip: zlib %s does not read what libdeflate wrote",
                               zlibVersion());
        last = bytes[border / CHAR_BIT] >> border % CHAR_BIT & 1;
        if (last)
            bytes[border / CHAR_BIT] &= (uint8_t) ~(1u << border % CHAR_BIT);
    }
    at = (size_t)((border + EMPTY_BITS + CHAR_BIT - 1) / CHAR_BIT);
    if (at > *size)
        bytes[*size] = 0;
    memcpy(bytes + at, empty, EMPTY_SIZE);
    *size = at + EMPTY_SIZE;
    return FLETCH_OK;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    uint8_t *to = out;
    size_t begin = 0, room;

    TRY(fletch_page_check_room(cap, bound(piece->size), "gzip", err));
    room = cap - 1 - EMPTY_SIZE;
    if (!piece->offset)
        begin = put_header(to, encoder->level);
    *size =
        libdeflate_deflate_compress(encoder->compressor, piece->size ? piece->bytes : "",
                                    piece->size, to + begin, room - begin);
    if (!*size || *size > UINT_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "gzip: libdeflate made more than its bound of %zu bytes from "
                           "%zu",
                           room - begin, piece->size);
    if (piece->offset + piece->size < piece->page_size)
        TRY(keep_open(encoder, to + begin, size, err));
    *size += begin;
    return FLETCH_OK;
}

static size_t trailer(uint8_t *out, uint32_t crc, uint64_t size)
{
    fletch_store_u32(out, crc);
    fletch_store_u32(out + 4, (uint32_t)size);
    return 8;
}

/* ---- Reading ---- */

static void decoder_close(struct fletch_decoder *decoder)
{
    if (!decoder)
        return;
    libdeflate_free_decompressor(decoder->decompressor);
    fletch_free(decoder);
}

static enum fletch_status decoder_open(struct fletch_decoder **out,
                                       struct fletch_error *err)
{
    struct fletch_decoder *decoder = fletch_alloc(sizeof(*decoder));

    if (decoder)
        decoder->decompressor = libdeflate_alloc_decompressor();
    if (!decoder || !decoder->decompressor) {
        decoder_close(decoder);
        return fletch_fail_memory(err, sizeof(*decoder), "a gzip decoder");
    }
    *out = decoder;
    return FLETCH_OK;
}

static enum fletch_status decode(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err)
{
    size_t in_done = 0, out_done = 0;
    char nowhere;

    while (in_done < in_size) {
        size_t took = 0, gave = 0;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(
            decoder->decompressor, (const char *)in + in_done, in_size - in_done,
            out_size ? (char *)out + out_done : &nowhere, out_size - out_done, &took,
            &gave);

        if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
            return fletch_page_fail(err, FLETCH_ERR_FORMAT, "gzip", in_size, out_size,
                                    "it holds more than that");
        if (result)
            return fletch_page_fail(err, FLETCH_ERR_FORMAT, "gzip", in_size, out_size,
                                    "the bytes are damaged, or not gzip");
        in_done += took;
        out_done += gave;
    }
    if (out_done == out_size)
        return FLETCH_OK;
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "gzip", in_size, out_size,
                            "it holds less than that");
}
#endif

const struct fletch_codec fletch_codec_gzip = {
    .name = "gzip",
    .display_name = "GZIP",
    .id = FLETCH_CODEC_ID_GZIP,
    .level_min = 1,
    .level_max = 12,
    .level_default = 6,
    .concatenable = true,
#ifdef FLETCH_WITH_GZIP
    .bound = bound,
    .encoder_size = encoder_size,
    .decoder_size = (size_t)64 << 10,
    .encoder_open = encoder_open,
    .encode = encode,
    .encoder_close = encoder_close,
    .trailer = trailer,
    .decoder_open = decoder_open,
    .decode = decode,
    .decoder_close = decoder_close,
#endif
};
