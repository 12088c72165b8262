/* SPDX-License-Identifier: MIT */
/* gzip.c - one gzip member per page, through libdeflate
 *
 * Reading takes several members one behind the other as well: Parquet says that writers
 * should not do that and that readers should cope.
 */
#include "codec/page.h"

#ifdef FLETCH_WITH_GZIP
#include "base/mem.h"

#include <libdeflate.h>

struct fletch_encoder {
    struct libdeflate_compressor *compressor;
};

struct fletch_decoder {
    struct libdeflate_decompressor *decompressor;
};

static size_t bound(size_t size)
{
    return libdeflate_gzip_compress_bound(NULL, size);
}

static size_t encoder_size(int level)
{
    (void)level;
    return (size_t)8 << 20;
}

static void encoder_close(struct fletch_encoder *encoder)
{
    if (!encoder)
        return;
    libdeflate_free_compressor(encoder->compressor);
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
    *out = encoder;
    return FLETCH_OK;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    TRY(fletch_page_check_whole(piece, "gzip", err));
    TRY(fletch_page_check_room(cap, bound(piece->size), "gzip", err));
    *size = libdeflate_gzip_compress(encoder->compressor, piece->size ? piece->bytes : "",
                                     piece->size, out, cap);
    if (!*size)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "gzip: libdeflate made more than its bound of %zu bytes from "
                           "%zu",
                           cap, piece->size);
    return FLETCH_OK;
}

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
    .stands = "GZIP",
    .id = FLETCH_CODEC_ID_GZIP,
    .level_min = 1,
    .level_max = 12,
    .level_default = 6,
#ifdef FLETCH_WITH_GZIP
    .bound = bound,
    .encoder_size = encoder_size,
    .decoder_size = (size_t)64 << 10,
    .encoder_open = encoder_open,
    .encode = encode,
    .encoder_close = encoder_close,
    .decoder_open = decoder_open,
    .decode = decode,
    .decoder_close = decoder_close,
#endif
};
