/* SPDX-License-Identifier: MIT */
/* none.c - pages as they are */
#include "base/mem.h"
#include "codec/codec_internal.h"

#include <inttypes.h>
#include <string.h>

struct fletch_decoder {
    uint64_t size; /* of the page being streamed */
    uint64_t done;
};

static size_t bound(size_t size)
{
    return size;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    (void)encoder;
    TRY(fletch_page_check_room(cap, bound(piece->size), "none", err));
    if (piece->size)
        memcpy(out, piece->bytes, piece->size);
    *size = piece->size;
    return FLETCH_OK;
}

static enum fletch_status decoder_open(struct fletch_decoder **out,
                                       struct fletch_error *err)
{
    struct fletch_decoder *decoder = fletch_alloc(sizeof(*decoder));

    if (!decoder)
        return fletch_fail_memory(err, sizeof(*decoder), "a decoder");
    *out = decoder;
    return FLETCH_OK;
}

static void decoder_close(struct fletch_decoder *decoder)
{
    fletch_free(decoder);
}

static enum fletch_status check_sizes(uint64_t in_size, uint64_t out_size,
                                      struct fletch_error *err)
{
    if (in_size == out_size)
        return FLETCH_OK;
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "none", in_size, out_size,
                            "the sizes differ");
}

static enum fletch_status decode(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err)
{
    (void)decoder;
    TRY(check_sizes(in_size, out_size, err));
    if (in_size)
        memcpy(out, in, in_size);
    return FLETCH_OK;
}

static enum fletch_status stream_begin(struct fletch_decoder *decoder, uint64_t in_size,
                                       uint64_t out_size, struct fletch_error *err)
{
    TRY(check_sizes(in_size, out_size, err));
    decoder->size = in_size;
    decoder->done = 0;
    return FLETCH_OK;
}

static enum fletch_status stream_step(struct fletch_decoder *decoder, const void *in,
                                      size_t *in_size, void *out, size_t *out_size,
                                      struct fletch_error *err)
{
    const uint64_t left = decoder->size - decoder->done;
    size_t size = *in_size < *out_size ? *in_size : *out_size;

    (void)err;
    if (size > left)
        size = (size_t)left;
    if (size)
        memcpy(out, in, size);
    decoder->done += size;
    *in_size = *out_size = size;
    return FLETCH_OK;
}

static enum fletch_status stream_finish(struct fletch_decoder *decoder,
                                        struct fletch_error *err)
{
    if (decoder->done == decoder->size)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "none page ends at byte %" PRIu64 ", expected %" PRIu64,
                       decoder->done, decoder->size);
}

const struct fletch_codec fletch_codec_none = {
    .name = "none",
    .display_name = "UNCOMPRESSED",
    .id = FLETCH_CODEC_ID_NONE,
    .concatenable = true,
    .bound = bound,
    .encoder_size = fletch_page_encoder_size,
    .decoder_size = 0,
    .encoder_open = fletch_page_encoder_open,
    .encode = encode,
    .encoder_close = fletch_page_encoder_close,
    .decoder_open = decoder_open,
    .decode = decode,
    .stream_begin = stream_begin,
    .stream_step = stream_step,
    .stream_finish = stream_finish,
    .decoder_close = decoder_close,
};
