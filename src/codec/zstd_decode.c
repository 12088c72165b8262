/* SPDX-License-Identifier: MIT */
/* zstd_decode.c - zstd pages back, whole or as a stream
 *
 * Foreign writers put several frames, or skippable ones, into a page: both ways take them.
 *
 * Frames of literals, as which weights are written, are decoded by zstd_literals.c. One
 * that turns out to be none of those, or damaged, is the library's: from its beginning,
 * which for a stream means the page's when some of it was given already.
 */
#ifdef FLETCH_WITH_ZSTD
#include "base/mem.h"
#include "codec/codec_internal.h"
#include "codec/zstd_internal.h"
#include "codec/zstd_literals.h"

#include <zstd_errors.h>

/* A stream keeps a window: no more than this is given to a file that asks. */
#define WINDOW_LOG_MAX 27

#define NOT_ZSTD "it does not begin as a zstd frame, or other bytes follow one"

struct fletch_decoder {
    ZSTD_DCtx *context;
    uint64_t in_size, out_size; /* of the page being streamed */
    uint64_t in_done, out_done;
    uint8_t *whole; /* [out_size], where all content goes and stays; NULL: wherever asked */
    bool between;   /* a frame has ended, and nothing of another has come */

    struct fletch_zstd_literals *literals;
    bool is_ours;    /* the frame is decoded with that */
    bool is_lost;    /* that was wrong: begin anew */
    bool again;      /* the next page is that one again */
    bool by_library; /* this page */
    bool always;     /* and all others */
};

void fletch_zstd_decoder_close(struct fletch_decoder *decoder)
{
    if (!decoder)
        return;
    ZSTD_freeDCtx(decoder->context);
    fletch_zstd_literals_close(decoder->literals);
    fletch_free(decoder);
}

enum fletch_status fletch_zstd_decoder_open(struct fletch_decoder **out,
                                            struct fletch_error *err)
{
    struct fletch_decoder *decoder = fletch_alloc(sizeof(*decoder));

    if (decoder) {
        decoder->context = fletch_zstd_open_decompressor();
        decoder->literals = fletch_zstd_literals_open();
    }
    if (!decoder || !decoder->context || !decoder->literals ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder->context, ZSTD_d_windowLogMax,
                                            WINDOW_LOG_MAX))) {
        fletch_zstd_decoder_close(decoder);
        return fletch_fail_memory(err, sizeof(*decoder), "a zstd decoder");
    }
    *out = decoder;
    return FLETCH_OK;
}

/* The library's error in our words. */
static enum fletch_status fail(struct fletch_error *err, uint64_t in_size,
                               uint64_t out_size, size_t result)
{
    static const struct {
        ZSTD_ErrorCode code;
        enum fletch_status status;
        const char *reason;
    } known[] = {
        { ZSTD_error_corruption_detected, FLETCH_ERR_FORMAT, "the bytes are damaged" },
        { ZSTD_error_checksum_wrong, FLETCH_ERR_FORMAT, "its checksum is wrong" },
        { ZSTD_error_prefix_unknown, FLETCH_ERR_FORMAT, NOT_ZSTD },
        { ZSTD_error_srcSize_wrong, FLETCH_ERR_FORMAT, "it ends early" },
        { ZSTD_error_dstSize_tooSmall, FLETCH_ERR_FORMAT, "it holds more than that" },
        { ZSTD_error_frameParameter_windowTooLarge, FLETCH_ERR_UNSUPPORTED,
          "its window is over 128 MiB, the most that a stream keeps" },
        { ZSTD_error_frameParameter_unsupported, FLETCH_ERR_UNSUPPORTED,
          "its frame header uses reserved bits" },
        { ZSTD_error_dictionary_wrong, FLETCH_ERR_UNSUPPORTED, "it needs a dictionary" },
    };
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(result);

    if (code == ZSTD_error_memory_allocation)
        return fletch_page_fail(err, FLETCH_ERR_MEMORY, "zstd", in_size, out_size,
                                "out of memory");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].code == code)
            return fletch_page_fail(err, known[i].status, "zstd", in_size, out_size,
                                    known[i].reason);
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "zstd", in_size, out_size,
                            ZSTD_getErrorName(result));
}

/* False for frames of the versions before the format was settled, of which the library
 * reads some, and not the same ones both ways. They differ by the first byte of the magic
 * number, which is 28 for frames and 50 to 5f for skippable ones. */
static bool is_current(uint8_t first)
{
    return first == (ZSTD_MAGICNUMBER & 0xff) ||
           (first & 0xf0) == (ZSTD_MAGIC_SKIPPABLE_START & 0xff);
}

/* Up to a frame that is not whole, of which the library will say what is wrong. */
static bool are_settled(const uint8_t *in, size_t size)
{
    while (size) {
        size_t frame;

        if (!is_current(*in))
            return false;
        frame = ZSTD_findFrameCompressedSize(in, size);
        if (ZSTD_isError(frame))
            return true;
        in += frame;
        size -= frame;
    }
    return true;
}

static enum fletch_status fail_legacy(struct fletch_error *err, uint64_t in_size,
                                      uint64_t out_size)
{
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "zstd", in_size, out_size, NOT_ZSTD);
}

void fletch_zstd_decode_by_library(struct fletch_decoder *decoder)
{
    decoder->always = true;
}

/* Whether in[in_size] is one frame of literals of out_size bytes, which *out then holds. */
static bool decode_literals(struct fletch_decoder *decoder, const void *in, size_t in_size,
                            void *out, size_t out_size)
{
    size_t took = in_size, gave = out_size;

    if (decoder->always)
        return false;
    fletch_zstd_literals_begin(decoder->literals, in_size, out_size);
    return fletch_zstd_literals_step(decoder->literals, in, &took, out, &gave) ==
               FLETCH_ZSTD_STEP_ENDED &&
           took == in_size && gave == out_size;
}

enum fletch_status fletch_zstd_decode(struct fletch_decoder *decoder, const void *in,
                                      size_t in_size, void *out, size_t out_size,
                                      struct fletch_error *err)
{
    size_t result;

    if (decode_literals(decoder, in, in_size, out, out_size))
        return FLETCH_OK;
    if (!are_settled(in, in_size))
        return fail_legacy(err, in_size, out_size);
    result = ZSTD_decompressDCtx(decoder->context, out, out_size, in, in_size);
    if (ZSTD_isError(result))
        return fail(err, in_size, out_size, result);
    if (result != out_size)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "zstd", in_size, out_size,
                                "it holds less than that");
    return FLETCH_OK;
}

static enum fletch_status begin_stream(struct fletch_decoder *decoder, uint64_t in_size,
                                       void *whole, uint64_t out_size,
                                       struct fletch_error *err)
{
    size_t result = ZSTD_DCtx_reset(decoder->context, ZSTD_reset_session_only);

    if (!ZSTD_isError(result))
        result = ZSTD_DCtx_setParameter(decoder->context, ZSTD_d_stableOutBuffer, !!whole);
    if (ZSTD_isError(result))
        return fail(err, in_size, out_size, result);
    decoder->whole = whole;
    decoder->in_size = in_size;
    decoder->out_size = out_size;
    decoder->in_done = decoder->out_done = 0;
    decoder->between = true;
    decoder->is_ours = decoder->is_lost = false;
    decoder->by_library = decoder->again || decoder->always;
    decoder->again = false;
    return FLETCH_OK;
}

enum fletch_status fletch_zstd_stream_begin(struct fletch_decoder *decoder,
                                            uint64_t in_size, uint64_t out_size,
                                            struct fletch_error *err)
{
    return begin_stream(decoder, in_size, NULL, out_size, err);
}

enum fletch_status fletch_zstd_stream_begin_into(struct fletch_decoder *decoder,
                                                 uint64_t in_size, void *out,
                                                 size_t out_size, struct fletch_error *err)
{
    return begin_stream(decoder, in_size, out, out_size, err);
}

bool fletch_zstd_stream_again(struct fletch_decoder *decoder)
{
    decoder->again = decoder->is_lost;
    return decoder->is_lost;
}

static enum fletch_status fail_lost(struct fletch_decoder *decoder,
                                    struct fletch_error *err)
{
    decoder->is_lost = true;
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "zstd", decoder->in_size,
                            decoder->out_size, "the bytes are damaged");
}

static enum fletch_status step_library(struct fletch_decoder *decoder, const void *in,
                                       size_t *in_size, void *out, size_t *out_size,
                                       struct fletch_error *err)
{
    const size_t out_before = decoder->whole ? (size_t)decoder->out_done : 0;
    ZSTD_inBuffer from = { in, *in_size, 0 };
    ZSTD_outBuffer to = { out, *out_size, 0 };
    size_t result;

    /* a buffer that stays must be the same one in every call */
    if (decoder->whole)
        to = (ZSTD_outBuffer){ decoder->whole, (size_t)decoder->out_size, out_before };
    if (decoder->between && !is_current(*(const uint8_t *)in))
        return fail_legacy(err, decoder->in_size, decoder->out_size);
    result = ZSTD_decompressStream(decoder->context, &to, &from);
    if (ZSTD_isError(result))
        return fail(err, decoder->in_size, decoder->out_size, result);
    decoder->between = !result;
    *in_size = from.pos;
    *out_size = to.pos - out_before;
    return FLETCH_OK;
}

/* Hands a frame over to the library, with the bytes of it that earlier steps took. They are
 * too few for it to give anything. */
static enum fletch_status hand_over(struct fletch_decoder *decoder, void *out,
                                    struct fletch_error *err)
{
    size_t left, size, none = 0;
    const uint8_t *bytes = fletch_zstd_literals_untaken(decoder->literals, &left);

    decoder->is_ours = false;
    decoder->between = true;
    for (; left; left -= size, bytes += size) {
        size = left;
        TRY(step_library(decoder, bytes, &size, out, &none, err));
        if (!size || none)
            return fail_lost(decoder, err);
    }
    return FLETCH_OK;
}

/* *done: the step was ours. */
static enum fletch_status step_literals(struct fletch_decoder *decoder, const void *in,
                                        size_t *in_size, void *out, size_t *out_size,
                                        bool *done, struct fletch_error *err)
{
    const uint64_t in_left = decoder->in_size - decoder->in_done;
    size_t took = *in_size, gave = *out_size;
    enum fletch_zstd_step step;

    if (decoder->between && !decoder->by_library) {
        fletch_zstd_literals_begin(decoder->literals, in_left,
                                   decoder->out_size - decoder->out_done);
        decoder->between = false;
        decoder->is_ours = true;
    }
    *done = decoder->is_ours;
    if (!*done)
        return FLETCH_OK;
    step = fletch_zstd_literals_step(decoder->literals, in, &took, out, &gave);
    if (step == FLETCH_ZSTD_STEP_LOST)
        return fail_lost(decoder, err);
    *done = step != FLETCH_ZSTD_STEP_UNTAKEN;
    if (!*done)
        return hand_over(decoder, out, err);
    decoder->between = step == FLETCH_ZSTD_STEP_ENDED;
    decoder->is_ours = !decoder->between;
    *in_size = took;
    *out_size = gave;
    return FLETCH_OK;
}

enum fletch_status fletch_zstd_stream_step(struct fletch_decoder *decoder, const void *in,
                                           size_t *in_size, void *out, size_t *out_size,
                                           struct fletch_error *err)
{
    const uint64_t in_left = decoder->in_size - decoder->in_done;
    const uint64_t out_left = decoder->out_size - decoder->out_done;
    size_t took = *in_size < in_left ? *in_size : (size_t)in_left;
    size_t gave = *out_size < out_left ? *out_size : (size_t)out_left;
    bool done = false;

    *in_size = *out_size = 0;
    /* Between frames the library would begin to wait for another. */
    if (!took && (!gave || decoder->between))
        return FLETCH_OK;
    TRY(step_literals(decoder, in, &took, out, &gave, &done, err));
    if (!done)
        TRY(step_library(decoder, in, &took, out, &gave, err));
    decoder->in_done += took;
    decoder->out_done += gave;
    *in_size = took;
    *out_size = gave;
    return FLETCH_OK;
}

enum fletch_status fletch_zstd_stream_finish(struct fletch_decoder *decoder,
                                             struct fletch_error *err)
{
    const char *reason;

    if (decoder->in_done < decoder->in_size)
        reason = decoder->out_done == decoder->out_size ? "it holds more than that"
                                                        : "it was not read to its end";
    else if (!decoder->between)
        reason = decoder->out_done == decoder->out_size ? "it holds more than that"
                                                        : "it ends early";
    else if (decoder->out_done < decoder->out_size)
        reason = "it holds less than that";
    else
        return FLETCH_OK;
    return fletch_page_fail(err, FLETCH_ERR_FORMAT, "zstd", decoder->in_size,
                            decoder->out_size, reason);
}
#else
typedef int fletch_zstd_decode_is_not_in_this_build;
#endif
