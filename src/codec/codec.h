/* SPDX-License-Identifier: MIT */
/* codec.h - compression as a table; pages compressed in pieces and decompressed as a stream
 *
 * A page is one block of compressed bytes. For most codecs it can be made from pieces that
 * workers compress apart and a writer puts one behind the other (`joins`): zstd pieces
 * become blocks of one frame, snappy pieces elements of one block, gzip pieces blocks of
 * one member. For lz4 the one piece is the whole page.
 *
 * Every reader must open what comes out: one zstd frame per page with its content size, a
 * window of at most 8 MiB, bare lz4 blocks (LZ4_RAW), one gzip member.
 *
 * Compressed bytes depend on the bytes, the codec, its level, its library's version and the
 * cutting into pieces; never on threads or time.
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

/* Best cut pages where the content is at a multiple of this from the piece's begin: zstd
 * blocks hold that much. Pieces of any other size are as valid, and a little larger. */
#define FLETCH_PIECE_ALIGN ((size_t)128 << 10)
/* What the pipeline cuts large pages into: 8 zstd blocks. Also how far back a zstd match
 * reaches at most in a page that is made from pieces, since its first piece says so in the
 * frame's header: a power of two. */
#define FLETCH_PIECE_SIZE ((size_t)1 << 20)
/* A page must shrink by one part in fifty, or it is stored plainly. */
#define FLETCH_SHRINK_MIN 50

/* What a codec may put behind the last piece. */
#define FLETCH_TRAILER_MAX ((size_t)8)

/* How the content of a group of pages is best compressed. */
enum fletch_effort {
    FLETCH_EFFORT_MATCH,   /* look for repetitions, as the level says */
    FLETCH_EFFORT_ENTROPY, /* only short codes for frequent bytes: as small on weights,
                              faster */
    FLETCH_EFFORT_STORE    /* not worth it: the group is better written with codec "none" */
};

struct fletch_piece {
    const void *bytes; /* [size] of content */
    size_t size;
    uint64_t offset;           /* of these bytes in the page's content */
    uint64_t page_size;        /* of the whole content */
    enum fletch_effort effort; /* the same for all pieces of a page; STORE is as MATCH */
};

/* State of one thread's compressor or decompressor: libraries' contexts, reused. */
struct fletch_encoder;
struct fletch_decoder;

struct fletch_codec {
    const char *name;         /* "zstd" */
    const char *display_name; /* "ZSTD", as readers print it */
    enum fletch_codec_id id;
    int level_min, level_max, level_default; /* all 0: no levels */
    bool concatenable;                       /* a page may be made from pieces */
    bool entropy;                            /* FLETCH_EFFORT_ENTROPY differs from MATCH */

    /* Below: NULL when this build was made without the library; what writes also in codecs
     * that are only read. In every codec empty content is a page of 0 bytes. */

    uint64_t page_max; /* bytes of content; 0: as many as the file's format holds */
    /* Bytes that one piece of `size` may need at most. */
    size_t (*bound)(size_t size);
    /* Memory that an encoder of that level, and a decoder, takes at most, pages aside. */
    size_t (*encoder_size)(int level);
    size_t decoder_size;
    enum fletch_status (*encoder_open)(struct fletch_encoder **out, int level,
                                       struct fletch_error *err);
    /* Compresses one piece into out[cap], cap >= bound(piece->size). The piece at offset 0
     * brings the page's header, the one that ends at page_size its end. The bytes depend on
     * the piece alone, not on what the encoder did before. */
    enum fletch_status (*encode)(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err);
    void (*encoder_close)(struct fletch_encoder *encoder);
    /* What stands behind the last piece, from the CRC-32 of all content and its size in
     * bytes; how long it is, at most FLETCH_TRAILER_MAX. NULL: nothing, and nobody need
     * know the CRC. */
    size_t (*trailer)(uint8_t *out, uint32_t crc, uint64_t size);

    enum fletch_status (*decoder_open)(struct fletch_decoder **out,
                                       struct fletch_error *err);
    /* Decompresses a whole page: exactly in[in_size] into exactly out[out_size]. */
    enum fletch_status (*decode)(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err);
    /* As a stream, in bounded memory; NULL where the format's library has none, and the
     * whole page must be decoded at once. begin() starts a page; step() takes some of
     * in[*in_size] and gives some of out[*out_size], and sets both to what it took and
     * gave. A step that can do neither is the end of what it can do with the input at hand.
     * Input may be left when all content is out: go on stepping, with no room, until it is
     * taken. finish() is an error unless the page ended exactly there. UNSUPPORTED is said
     * of pages that need more memory than a stream has (a zstd window over 128 MiB, snappy
     * copies from more than 64 KiB back); decode() may still do them. */
    enum fletch_status (*stream_begin)(struct fletch_decoder *decoder, uint64_t in_size,
                                       uint64_t out_size, struct fletch_error *err);
    /* As stream_begin, of a page whose content all goes to out[out_size], where it stays:
     * it is then not kept twice. A step is given what is left of `out`, all of it, and
     * takes all of its input. NULL where that gains nothing. */
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

/* The i-th codec that can be written, or NULL. In the order of help texts; zstd is the
 * first. */
const struct fletch_codec *fletch_codec_get(size_t i);
/* By name (NULL: the first that this build has); ARGUMENT with the list of names,
 * UNSUPPORTED when this build lacks it. */
enum fletch_status fletch_codec_find(const struct fletch_codec **out, const char *name,
                                     struct fletch_error *err);
/* By Parquet id, also those that are only read; UNSUPPORTED with the codec's name. */
enum fletch_status fletch_codec_find_id(const struct fletch_codec **out, int id,
                                        struct fletch_error *err);
/* The level to use for `level` (0: the default); ARGUMENT when out of range, naming the
 * range, or when the codec has no levels. */
enum fletch_status fletch_codec_level(int *out, const struct fletch_codec *codec, int level,
                                      struct fletch_error *err);

/* Judges samples of content: compresses them with the codec at its level and, where the
 * codec has it, with entropy coding only, and says which effort suits what they were taken
 * from. Call for each sample with the same totals, then ask. */
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
