/* SPDX-License-Identifier: MIT */
/* lz4.c - bare lz4 blocks (LZ4_RAW), and reading the deprecated framed ones (LZ4)
 *
 * What Parquet calls LZ4 was meant to be Hadoop's framing,
 *
 *     u32 big-endian   bytes of content that the next blocks give together
 *     u32 big-endian   bytes of the block        } as often as that
 *     block                                      } content needs
 *
 * as often as the page needs, but some writers put bare blocks under the same name. Nothing
 * says which it is, so the framing is tried first: a bare block passes for one only if
 * every size in it happens to fit and every block in it to be sound.
 */
#include "codec/codec_internal.h"

#ifdef FLETCH_WITH_LZ4
#include "base/mem.h"

#include <lz4.h>

struct fletch_encoder {
    void *state; /* [LZ4_sizeofState()] */
};

struct fletch_decoder {
    char unused; /* lz4 needs no state; a struct must have something */
};

/* As LZ4_compressBound, which says 0 beyond the library's limit. */
static size_t bound(size_t size)
{
    return size + size / 255 + 16;
}

static size_t encoder_size(int level)
{
    (void)level;
    return (size_t)LZ4_sizeofState();
}

static void encoder_close(struct fletch_encoder *encoder)
{
    if (!encoder)
        return;
    fletch_free(encoder->state);
    fletch_free(encoder);
}

static enum fletch_status encoder_open(struct fletch_encoder **out, int level,
                                       struct fletch_error *err)
{
    struct fletch_encoder *encoder = fletch_alloc(sizeof(*encoder));

    (void)level;
    if (encoder)
        encoder->state = fletch_alloc((size_t)LZ4_sizeofState());
    if (!encoder || !encoder->state) {
        encoder_close(encoder);
        return fletch_fail_memory(err, (size_t)LZ4_sizeofState(), "an lz4 encoder");
    }
    *out = encoder;
    return FLETCH_OK;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    int run;

    TRY(fletch_page_check_whole(piece, "lz4", err));
    TRY(fletch_page_check_room(cap, bound(piece->size), "lz4", err));
    if (piece->size > LZ4_MAX_INPUT_SIZE)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "lz4 page of %zu bytes, a block holds at most %d "
                           "(LZ4_MAX_INPUT_SIZE)",
                           piece->size, LZ4_MAX_INPUT_SIZE);
    run = LZ4_compress_fast_extState(encoder->state, piece->size ? piece->bytes : "", out,
                                     (int)piece->size, LZ4_compressBound((int)piece->size),
                                     1);
    if (run <= 0)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "lz4: the library made nothing from %zu bytes", piece->size);
    *size = (size_t)run;
    return FLETCH_OK;
}

static enum fletch_status decoder_open(struct fletch_decoder **out,
                                       struct fletch_error *err)
{
    struct fletch_decoder *decoder = fletch_alloc(sizeof(*decoder));

    if (!decoder)
        return fletch_fail_memory(err, sizeof(*decoder), "an lz4 decoder");
    *out = decoder;
    return FLETCH_OK;
}

static void decoder_close(struct fletch_decoder *decoder)
{
    fletch_free(decoder);
}

/* Decodes one block that uses all of `in` into at most `out_cap` bytes: how many, or -1. */
static int64_t decode_block(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_cap)
{
    char nowhere;

    if (in_size > INT32_MAX)
        return -1;
    if (out_cap > INT32_MAX)
        out_cap = INT32_MAX;
    return LZ4_decompress_safe((const char *)in, out_cap ? (char *)out : &nowhere,
                               (int)in_size, (int)out_cap);
}

static enum fletch_status decode(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err)
{
    int64_t gave;

    (void)decoder;
    if (!in_size && !out_size)
        return FLETCH_OK;
    if (in_size > INT32_MAX || out_size > INT32_MAX)
        return fletch_page_fail(err, FLETCH_ERR_UNSUPPORTED, "lz4", in_size, out_size,
                                "over 2147483647 bytes, the most that lz4 can decode");
    gave = decode_block(in, in_size, out, out_size);
    if (gave < 0)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "lz4", in_size, out_size,
                                "the bytes are damaged, or hold more than that");
    if ((uint64_t)gave != out_size)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "lz4", in_size, out_size,
                                "it holds less than that");
    return FLETCH_OK;
}

static uint32_t load_big_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The blocks behind one content size, which they must give exactly. Moves *at behind them;
 * false when this is not the framing. */
static bool decode_group(const uint8_t *in, size_t in_size, size_t *at, uint8_t *out,
                         size_t content)
{
    while (content) {
        uint32_t block;
        int64_t gave;

        if (in_size - *at < 4)
            return false;
        block = load_big_u32(in + *at);
        *at += 4;
        if (block > in_size - *at)
            return false;
        gave = decode_block(in + *at, block, out, content);
        if (gave <= 0)
            return false;
        *at += block;
        out += gave;
        content -= (size_t)gave;
    }
    return true;
}

static bool decode_framed(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    size_t at = 0, done = 0;

    while (at < in_size) {
        uint32_t content;

        if (in_size - at < 4)
            return false;
        content = load_big_u32(in + at);
        at += 4;
        if (content > out_size - done)
            return false;
        if (!decode_group(in, in_size, &at, out + done, content))
            return false;
        done += content;
    }
    return done == out_size;
}

static enum fletch_status decode_hadoop(struct fletch_decoder *decoder, const void *in,
                                        size_t in_size, void *out, size_t out_size,
                                        struct fletch_error *err)
{
    if (decode_framed(in, in_size, out_size ? out : (uint8_t[1]){ 0 }, out_size))
        return FLETCH_OK;
    return decode(decoder, in, in_size, out, out_size, err);
}
#endif

const struct fletch_codec fletch_codec_lz4 = {
    .name = "lz4",
    .display_name = "LZ4_RAW",
    .id = FLETCH_CODEC_ID_LZ4_RAW,
#ifdef FLETCH_WITH_LZ4
    .page_max = LZ4_MAX_INPUT_SIZE,
    .bound = bound,
    .encoder_size = encoder_size,
    .decoder_size = 0,
    .encoder_open = encoder_open,
    .encode = encode,
    .encoder_close = encoder_close,
    .decoder_open = decoder_open,
    .decode = decode,
    .decoder_close = decoder_close,
#endif
};

const struct fletch_codec fletch_codec_lz4_hadoop = {
    .name = "lz4_hadoop",
    .display_name = "LZ4",
    .id = FLETCH_CODEC_ID_LZ4_HADOOP,
#ifdef FLETCH_WITH_LZ4
    .decoder_open = decoder_open,
    .decode = decode_hadoop,
    .decoder_close = decoder_close,
#endif
};
