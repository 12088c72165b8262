/* SPDX-License-Identifier: MIT */
/* zstd_internal.h - what the files of the zstd codec share
 *
 * zstd.c compresses and has the codec's table, zstd_decode.c decompresses (frames of
 * literals by the files of zstd_literals.h), zstd_blocks.c knows how blocks lie in a frame,
 * zstd_huffman.c finds codes for literals, zstd_huffman_encode.c writes them, zstd_alloc.c
 * says where contexts lie, zstd_repcodes.c makes sequences independent of what stands in
 * front of them. */
#ifndef FLETCH_CODEC_ZSTD_INTERNAL_H
#define FLETCH_CODEC_ZSTD_INTERNAL_H

#include "codec/codec.h"

/* Sequences, literal modes and block delimiters are behind this. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

/* Block_Maximum_Size of the format: what a block holds at most. */
#define FLETCH_ZSTD_BLOCK ((size_t)128 << 10)

/* ---- Blocks ---- */

#define FLETCH_ZSTD_BLOCK_HEADER ((size_t)3)

enum fletch_zstd_block_type {
    FLETCH_ZSTD_RAW,
    FLETCH_ZSTD_REPEATED, /* one byte */
    FLETCH_ZSTD_COMPRESSED
};

struct fletch_zstd_block {
    size_t at;      /* of its header */
    size_t size;    /* behind the header */
    size_t content; /* bytes that it gives; not known here of a compressed one */
    enum fletch_zstd_block_type type;
};

/* What the library made of a piece: blocks, behind a header that will be overwritten. */
struct fletch_zstd_block_run {
    uint8_t *out; /* of the piece */
    size_t begin; /* of the first block */
    size_t end;   /* behind the last block */
    size_t count; /* of blocks */
    size_t lead;  /* bytes of content in front, by which the first block is shorter */
};

/* Counts the blocks; false unless they fill begin to end. */
bool fletch_zstd_block_run_check(struct fletch_zstd_block_run *run);
/* Blocks of content[size] as they are, behind made->begin. */
void fletch_zstd_put_raw(struct fletch_zstd_block_run *run, const uint8_t *content,
                         size_t size);
struct fletch_zstd_block fletch_zstd_block_at(const uint8_t *out, size_t at);
void fletch_zstd_put_block_header(uint8_t *out, bool last, enum fletch_zstd_block_type type,
                                  size_t size);
/* Sets or clears the flag of the last block. */
void fletch_zstd_mark_last(const struct fletch_zstd_block_run *run, bool last);
/* Makes blocks raw that shrink by less than FLETCH_SHRINK_MIN asks for: they are not worth
 * their decoding. The blocks have no sequences and hold FLETCH_ZSTD_BLOCK bytes each, but
 * the last and, by made->lead, the first, of content[size]. */
enum fletch_status fletch_zstd_store_thin(struct fletch_zstd_block_run *run,
                                          const uint8_t *content, size_t size,
                                          struct fletch_error *err);

/* Literals_Block_Type, the two low bits of a compressed block: coded with a table that
 * comes first, or with the last one there was. */
enum { FLETCH_ZSTD_LITERALS_WITH_TABLE = 2, FLETCH_ZSTD_LITERALS_BORROWING = 3 };

/* ---- Codes for literals ---- */

#define FLETCH_ZSTD_BYTES 256 /* there are */
/* Of a piece, in strips from all over it. */
#define FLETCH_ZSTD_SAMPLE ((size_t)32 << 10)
#define FLETCH_ZSTD_STRIP ((size_t)512)
/* What fletch_zstd_put_coded may write behind what it keeps: a block of the longest codes.
 */
#define FLETCH_ZSTD_CODED_SLACK (FLETCH_ZSTD_BLOCK / 2)

struct fletch_zstd_sample {
    uint8_t bytes[FLETCH_ZSTD_SAMPLE + FLETCH_ZSTD_BYTES]; /* behind it each byte once */
};

/* Each byte's code, of 1 to 11 bits, in two ways. */
struct fletch_zstd_code {
    uint64_t of[FLETCH_ZSTD_BYTES];  /* the bits up in the word, and their number */
    uint8_t low[FLETCH_ZSTD_BYTES];  /* the low 8 bits, */
    uint8_t rest[FLETCH_ZSTD_BYTES]; /* the others times 16, plus the number of all */
    uint8_t description[128];
    size_t description_size;
};

/* 1 <= count <= 11 */
void fletch_zstd_code_set(struct fletch_zstd_code *code, size_t byte, uint32_t bits,
                          unsigned count);
/* size >= FLETCH_ZSTD_BLOCK */
void fletch_zstd_sample_take(struct fletch_zstd_sample *sample, const uint8_t *content,
                             size_t size);
/* True when the code suits each of the `parts` of the sample nearly as well as one of its
 * own would. */
bool fletch_zstd_sample_is_even(const struct fletch_zstd_sample *sample,
                                const struct fletch_zstd_code *code, size_t parts);
/* The code of the first block of frame[size], at `begin`; false when there is none that has
 * all bytes. */
bool fletch_zstd_code_read(struct fletch_zstd_code *code, const uint8_t *frame, size_t size,
                           size_t begin);
/* Blocks of content[size], behind made->begin; those that do not shrink are raw. There must
 * be room for all of them raw, and FLETCH_ZSTD_CODED_SLACK. */
void fletch_zstd_put_coded(struct fletch_zstd_block_run *run, const uint8_t *content,
                           size_t size, const struct fletch_zstd_code *code);
/* One stream; returns its end, and may write 8 bytes behind it. */
typedef uint8_t *(*fletch_zstd_stream_fn)(uint8_t *to, const uint8_t *content, size_t size,
                                          const struct fletch_zstd_code *code);
/* The ways to write the same stream that this processor has, the plainest first; NULL
 * behind the last. */
fletch_zstd_stream_fn fletch_zstd_stream_way(size_t i);
/* The four streams of a block, and their sizes in front; returns their end, and may write
 * 8 bytes behind it. size >= 4, and no stream may take more than 65,535 bytes. */
uint8_t *fletch_zstd_put_streams(uint8_t *to, const uint8_t *content, size_t size,
                                 const struct fletch_zstd_code *code);

/* ---- Sequences ---- */

/* Blocks of sequences as ZSTD_compressSequences takes them: each ends with a delimiter,
 * whose offset and matchLength are 0 and whose litLength is what follows the last match. */
struct fletch_zstd_sequences {
    ZSTD_Sequence *items; /* [cap], `count` in use */
    size_t count, cap;
};

/* Takes the first `size` bytes of content off the first sequences. */
void fletch_zstd_trim(struct fletch_zstd_sequences *list, size_t size);
/* Rewrites the sequences of content[begin ... size] so that they give the same content
 * whatever the decoder's repeated offsets are in the beginning, and so that they are surely
 * true: a match that is not is made literals, blocks that are missing at the end are put
 * there, as literals, for which there must be room. Matches may reach in front of `begin`.
 * The encoder is assumed to begin with the format's start values and to choose repeated
 * offsets wherever it can.
 *
 * Returns the number of blocks, from the first, of which that holds only if those that have
 * sequences are stored as sequences: one that comes out raw leaves the offsets as they
 * were. */
size_t fletch_zstd_fix_repcodes(struct fletch_zstd_sequences *list, const uint8_t *content,
                                size_t begin, size_t size);
/* Makes block i all literals, if it is not; false when it was. */
bool fletch_zstd_make_plain(struct fletch_zstd_sequences *list, size_t i);

/* ---- Contexts ---- */

/* With memory from base/mem.h; NULL when there is none. */
ZSTD_CCtx *fletch_zstd_open_compressor(void);
ZSTD_DCtx *fletch_zstd_open_decompressor(void);

/* ---- Decoding: as in struct fletch_codec ---- */

enum fletch_status fletch_zstd_decoder_open(struct fletch_decoder **out,
                                            struct fletch_error *err);
enum fletch_status fletch_zstd_decode(struct fletch_decoder *decoder, const void *in,
                                      size_t in_size, void *out, size_t out_size,
                                      struct fletch_error *err);
enum fletch_status fletch_zstd_stream_begin(struct fletch_decoder *decoder,
                                            uint64_t in_size, uint64_t out_size,
                                            struct fletch_error *err);
enum fletch_status fletch_zstd_stream_begin_into(struct fletch_decoder *decoder,
                                                 uint64_t in_size, void *out,
                                                 size_t out_size, struct fletch_error *err);
enum fletch_status fletch_zstd_stream_step(struct fletch_decoder *decoder, const void *in,
                                           size_t *in_size, void *out, size_t *out_size,
                                           struct fletch_error *err);
bool fletch_zstd_stream_again(struct fletch_decoder *decoder);
void fletch_zstd_decode_by_library(struct fletch_decoder *decoder);
enum fletch_status fletch_zstd_stream_finish(struct fletch_decoder *decoder,
                                             struct fletch_error *err);
void fletch_zstd_decoder_close(struct fletch_decoder *decoder);

#endif
