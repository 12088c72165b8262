/* SPDX-License-Identifier: MIT */
/* fuzz_codec - pages of any bytes, decoded whole, as a stream and into place: all must
 * agree
 *
 * Input: the codec, the step of the stream, the size of the content (u16), the page.
 */
#include "base/bytes.h"
#include "base/mem.h"
#include "codec/codec.h"

#include <stdlib.h>

#define HEADER_SIZE 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static enum fletch_status stream(const struct fletch_codec *codec,
                                 struct fletch_decoder *decoder, const uint8_t *in,
                                 size_t in_size, uint8_t *out, size_t out_size, size_t step)
{
    size_t in_done = 0, out_done = 0, in_now, out_now;

    TRY(codec->stream_begin(decoder, in_size, out_size, NULL));
    do {
        in_now = in_size - in_done < step ? in_size - in_done : step;
        out_now = out_size - out_done < step ? out_size - out_done : step;
        TRY(codec->stream_step(decoder, in + in_done, &in_now, out + out_done, &out_now,
                               NULL));
        check(in_now <= in_size - in_done && out_now <= out_size - out_done);
        in_done += in_now;
        out_done += out_now;
    } while (in_now || out_now);
    return codec->stream_finish(decoder, NULL);
}

static enum fletch_status into(const struct fletch_codec *codec,
                               struct fletch_decoder *decoder, const uint8_t *in,
                               size_t in_size, uint8_t *out, size_t out_size, size_t step)
{
    size_t in_done = 0, out_done = 0, in_now = 1, out_now = 0;

    TRY(codec->stream_begin_into(decoder, in_size, out, out_size, NULL));
    while (in_done < in_size && (in_now || out_now)) {
        in_now = in_size - in_done < step ? in_size - in_done : step;
        out_now = out_size - out_done;
        TRY(codec->stream_step(decoder, in + in_done, &in_now, out + out_done, &out_now,
                               NULL));
        check(in_now <= in_size - in_done && out_now <= out_size - out_done);
        in_done += in_now;
        out_done += out_now;
    }
    return codec->stream_finish(decoder, NULL);
}

static void compare(const struct fletch_codec *codec, struct fletch_decoder *decoder,
                    const uint8_t *page, size_t size, size_t out_size, size_t step)
{
    uint8_t *whole = fletch_alloc(out_size), *streamed = fletch_alloc(out_size);
    struct fletch_error err = { 0 };
    enum fletch_status status, again;

    check(whole && streamed);
    status = codec->decode(decoder, page, size, whole, out_size, &err);
    check(err.status == status && !status == !err.message[0]);
    if (codec->stream_begin) {
        again = stream(codec, decoder, page, size, streamed, out_size, step);
        if (again && codec->stream_again && codec->stream_again(decoder))
            again = stream(codec, decoder, page, size, streamed, out_size, step);
        check(!status == !again || again == FLETCH_ERR_UNSUPPORTED);
        check(status || again || !out_size || !memcmp(whole, streamed, out_size));
    }
    if (codec->stream_begin_into) {
        again = into(codec, decoder, page, size, streamed, out_size, step);
        if (again && codec->stream_again && codec->stream_again(decoder))
            again = into(codec, decoder, page, size, streamed, out_size, step);
        check(!status == !again || again == FLETCH_ERR_UNSUPPORTED);
        check(status || again || !out_size || !memcmp(whole, streamed, out_size));
    }
    fletch_free(whole);
    fletch_free(streamed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int ids[] = { 0, 1, 2, 5, 6, 7 };
    const struct fletch_codec *codec;
    struct fletch_decoder *decoder;

    if (size < HEADER_SIZE)
        return 0;
    if (fletch_codec_find_id(&codec, ids[data[0] % (sizeof(ids) / sizeof(ids[0]))], NULL))
        return 0;
    check(!codec->decoder_open(&decoder, NULL));
    compare(codec, decoder, data + HEADER_SIZE, size - HEADER_SIZE,
            fletch_load_u16(data + 2), 1 + (size_t)data[1] * data[1]);
    codec->decoder_close(decoder);
    return 0;
}
