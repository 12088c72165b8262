/* SPDX-License-Identifier: MIT */
/* codec.h - compression as a table; pages compressed in pieces and decompressed as a stream
 *
 * A page is one block of compressed bytes. For most codecs it can be assembled from pieces
 * (`concatenable`), which workers compress independently and a writer concatenates: zstd
 * pieces become blocks of one frame, snappy pieces elements of one block, gzip pieces
 * blocks of one member. For lz4 the whole page is a single piece.
 *
 * Every reader must be able to open the result: one zstd frame per page with its content
 * size and a window of at most 8 MiB, bare lz4 blocks (LZ4_RAW), one gzip member.
 *
 * Compressed bytes depend on the bytes, the codec, its level, its library's version and the
 * split into pieces; never on threads or time.
 */
#ifndef FLETCH_CODEC_CODEC_H
#define FLETCH_CODEC_CODEC_H

#include "base/error.h"

/* Values of Parquet's enum CompressionCodec. */
enum fletch_codec_id {
    FLETCH_CODEC_ID_NONE = 0,
    FLETCH_CODEC_ID_SNAPPY = 1,
    FLETCH_CODEC_ID_GZIP = 2,
    FLETCH_CODEC_ID_LZ4_HADOOP = 5, /* deprecated: read, never written */
    FLETCH_CODEC_ID_ZSTD = 6,
    FLETCH_CODEC_ID_LZ4_RAW = 7
};

/* Pages are best cut where the content is at a multiple of this from the piece's start:
 * zstd blocks hold that much. Pieces of any other size are valid too, but slightly
 * larger. */
#define FLETCH_PIECE_ALIGN ((size_t)128 << 10)
/* The size of the pieces of large pages: 8 zstd blocks. In a page made from pieces it is
 * also the limit for how far back a zstd match reaches, since the first piece states it in
 * the frame's header: a power of two. */
#define FLETCH_PIECE_SIZE ((size_t)1 << 20)
/* A page must shrink by one part in fifty, or it is stored uncompressed. */
#define FLETCH_SHRINK_MIN 50

/* The most bytes that a codec may put after the last piece. */
#define FLETCH_TRAILER_MAX ((size_t)8)

/* How best to compress the content of a group of pages. */
enum fletch_effort {
    FLETCH_EFFORT_MATCH,   /* look for repetitions, according to the level */
    FLETCH_EFFORT_ENTROPY, /* only short codes for frequent bytes: on weights as small, and
                              faster */
    FLETCH_EFFORT_STORE    /* not worth it: write the group with codec "none" */
};

struct fletch_piece {
    const void *bytes; /* [size] of content */
    size_t size;
    uint64_t offset;           /* of these bytes in the page's content */
    uint64_t page_size;        /* of the whole content */
    enum fletch_effort effort; /* the same for all pieces of a page; STORE acts as MATCH */
};

/* The state of one thread's compressor or decompressor: library contexts, reused. */
struct fletch_encoder;
struct fletch_decoder;

struct fletch_codec {
    const char *name;         /* "zstd" */
    const char *display_name; /* "ZSTD", as readers print it */
    enum fletch_codec_id id;
    int level_min, level_max, level_default; /* all 0: no levels */
    bool concatenable;                       /* a page may be assembled from pieces */
    bool entropy;                            /* FLETCH_EFFORT_ENTROPY differs from MATCH */

    /* Below: NULL when this build was made without the library; what writes also in codecs
     * that are only read. In every codec empty content is a page of 0 bytes. */

    uint64_t page_max; /* bytes of content; 0: as many as the file's format holds */
    /* The most bytes that one piece of `size` may need. */
    size_t (*bound)(size_t size);
    /* The most memory that an encoder of that level, and a decoder, takes, besides
     * pages. */
    size_t (*encoder_size)(int level);
    size_t decoder_size;
    enum fletch_status (*encoder_open)(struct fletch_encoder **out, int level,
                                       struct fletch_error *err);
    /* Compresses one piece into out[cap], cap >= bound(piece->size). The piece at offset 0
     * includes the page's header, the one that reaches page_size its end. The bytes depend
     * on the piece alone, not on what the encoder did before. */
    enum fletch_status (*encode)(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err);
    void (*encoder_close)(struct fletch_encoder *encoder);
    /* Writes what follows the last piece, from the CRC-32 of all content and its size in
     * bytes; returns its length, at most FLETCH_TRAILER_MAX. NULL: nothing, and the CRC is
     * not needed. */
    size_t (*trailer)(uint8_t *out, uint32_t crc, uint64_t size);

    enum fletch_status (*decoder_open)(struct fletch_decoder **out,
                                       struct fletch_error *err);
    /* Decompresses a whole page: exactly in[in_size] into exactly out[out_size]. */
    enum fletch_status (*decode)(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err);
    /* Decompresses as a stream, in bounded memory; NULL when the format's library cannot,
     * and the whole page must be decoded at once. begin() starts a page. step() takes some
     * of in[*in_size], gives some of out[*out_size], and sets both to the amounts. A step
     * that does neither can do no more with the input at hand. Input may be left when all
     * content is out: continue stepping, with no room, until it is taken. finish() fails
     * unless the page ended exactly there. UNSUPPORTED for pages that need more memory than
     * a stream has (a zstd window over 128 MiB, snappy copies from more than 64 KiB back);
     * decode() may still handle them. */
    enum fletch_status (*stream_begin)(struct fletch_decoder *decoder, uint64_t in_size,
                                       uint64_t out_size, struct fletch_error *err);
    /* As stream_begin, for a page whose whole content goes to out[out_size] and stays
     * there, so that it is not kept twice. Each step is given all that is left of `out`,
     * and takes all of its input. NULL when that gains nothing. */
    enum fletch_status (*stream_begin_into)(struct fletch_decoder *decoder,
                                            uint64_t in_size, void *out, size_t out_size,
                                            struct fletch_error *err);
    enum fletch_status (*stream_step)(struct fletch_decoder *decoder, const void *in,
                                      size_t *in_size, void *out, size_t *out_size,
                                      struct fletch_error *err);
    /* After a step that failed: true when the page is to be begun anew, from its first
     * byte, which then goes another way and may succeed. NULL: never. */
    bool (*stream_again)(struct fletch_decoder *decoder);
    enum fletch_status (*stream_finish)(struct fletch_decoder *decoder,
                                        struct fletch_error *err);
    /* From now on the library decodes all pages, and no code of ours. NULL: as it does
     * anyway. */
    void (*decode_by_library)(struct fletch_decoder *decoder);
    void (*decoder_close)(struct fletch_decoder *decoder);
};

/* The i-th codec that can be written, in the order of help texts (zstd first); NULL past
 * the last. */
const struct fletch_codec *fletch_codec_get(size_t i);
/* By name (NULL: the first in this build); ARGUMENT with the list of names, UNSUPPORTED
 * when this build lacks it. */
enum fletch_status fletch_codec_find(const struct fletch_codec **out, const char *name,
                                     struct fletch_error *err);
/* By Parquet id, including those that are only read; UNSUPPORTED with the codec's name. */
enum fletch_status fletch_codec_find_id(const struct fletch_codec **out, int id,
                                        struct fletch_error *err);
/* The level to use for `level` (0: the default); ARGUMENT when it is out of range, naming
 * the range, or when the codec has no levels. */
enum fletch_status fletch_codec_level(int *out, const struct fletch_codec *codec, int level,
                                      struct fletch_error *err);

/* Judges samples of content: compresses them with the codec at its level and, if the codec
 * has it, with entropy coding only, to find the effort that suits their source. Call for
 * each sample with the same totals, then ask. */
struct fletch_samples {
    uint64_t content, matched, entropy; /* bytes */
};
enum fletch_status fletch_codec_sample(struct fletch_samples *samples,
                                       const struct fletch_codec *codec,
                                       struct fletch_encoder *encoder, const void *bytes,
                                       size_t size, struct fletch_error *err);
enum fletch_effort fletch_codec_effort(const struct fletch_samples *samples,
                                       const struct fletch_codec *codec);

extern const struct fletch_codec fletch_codec_zstd, fletch_codec_lz4, fletch_codec_snappy,
    fletch_codec_gzip, fletch_codec_none, fletch_codec_lz4_hadoop;

#endif
