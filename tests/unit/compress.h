/* SPDX-License-Identifier: MIT */
/* compress.h - pages made and read back, for the tests of the codecs */
#ifndef FLETCH_TESTS_COMPRESS_H
#define FLETCH_TESTS_COMPRESS_H

#include "support.h"

#include "base/hash.h"
#include "codec/codec.h"
#include "contents.h"

/* A compressed page, and what it was made from. */
struct page {
    uint8_t *bytes; /* [size] */
    size_t size;
    uint8_t *content; /* [content_size] */
    size_t content_size;
};

static inline void release_page(struct page *page)
{
    free(page->bytes);
    free(page->content);
}

/* What the build has, in the order of the table. */
static inline const struct fletch_codec *built_in(size_t i)
{
    for (size_t j = 0; fletch_codec_get(j); j++)
        if (fletch_codec_get(j)->decoder_open && !i--)
            return fletch_codec_get(j);
    return NULL;
}

static inline struct fletch_encoder *open_encoder(const struct fletch_codec *codec,
                                                  int level)
{
    struct fletch_encoder *encoder = NULL;
    struct fletch_error err = { 0 };

    assert_int_equal(fletch_codec_level(&level, codec, level, &err), FLETCH_OK);
    assert_int_equal(codec->encoder_open(&encoder, level, &err), FLETCH_OK);
    return encoder;
}

static inline struct fletch_decoder *open_decoder(const struct fletch_codec *codec)
{
    struct fletch_decoder *decoder = NULL;

    assert_int_equal(codec->decoder_open(&decoder, NULL), FLETCH_OK);
    return decoder;
}

static inline struct page make_content(size_t size, enum content_kind kind, uint64_t *seed)
{
    struct page page = { .content = malloc(size + 1), .content_size = size };

    assert_non_null(page.content);
    fill_content(page.content, size, kind, seed);
    return page;
}

/* Compresses page->content in pieces of `piece_size`; 0: whole. */
static inline void compress(struct page *page, const struct fletch_codec *codec,
                            struct fletch_encoder *encoder, enum fletch_effort effort,
                            size_t piece_size)
{
    const size_t size = page->content_size;
    size_t cap = 0, at = 0;

    if (!piece_size || piece_size > size)
        piece_size = size;
    page->bytes = NULL;
    page->size = 0;
    do {
        const size_t take = piece_size < size - at ? piece_size : size - at;
        const struct fletch_piece piece = { .bytes = page->content + at,
                                            .size = take,
                                            .offset = at,
                                            .page_size = size,
                                            .effort = effort };
        struct fletch_error err = { 0 };
        const size_t room = codec->bound(take);
        size_t made = 0;

        cap = page->size + room;
        page->bytes = realloc(page->bytes, cap + 1);
        assert_non_null(page->bytes);
        assert_int_equal(
            codec->encode(encoder, &piece, page->bytes + page->size, room, &made, &err),
            FLETCH_OK);
        assert_true(made <= room);
        page->size += made;
        at += take;
    } while (at < size);
    if (codec->trailer) {
        page->bytes = realloc(page->bytes, page->size + FLETCH_TRAILER_MAX);
        assert_non_null(page->bytes);
        page->size += codec->trailer(page->bytes + page->size,
                                     fletch_crc32(0, page->content, size), size);
    }
    /* Exactly as large as it is, so that a sanitizer sees a byte too many. */
    page->bytes = realloc(page->bytes, page->size ? page->size : 1);
    assert_non_null(page->bytes);
}

/* Streams in[size] into out[out_size] with steps of random sizes up to `most`. */
static inline enum fletch_status stream_once(const struct fletch_codec *codec,
                                             struct fletch_decoder *decoder,
                                             const uint8_t *in, size_t size, uint8_t *out,
                                             size_t out_size, size_t most,
                                             struct fletch_error *err)
{
    uint64_t seed = 11;
    size_t in_done = 0, out_done = 0;
    unsigned idle = 0;

    TRY(codec->stream_begin(decoder, size, out_size, err));
    while (idle < 8) {
        size_t in_now = (size_t)random_below(&seed, most + 1);
        size_t out_now = (size_t)random_below(&seed, most + 1);

        in_now = in_now < size - in_done ? in_now : size - in_done;
        out_now = out_now < out_size - out_done ? out_now : out_size - out_done;
        TRY(codec->stream_step(decoder, in + in_done, &in_now, out + out_done, &out_now,
                               err));
        in_done += in_now;
        out_done += out_now;
        idle = in_now || out_now ? 0 : idle + 1;
    }
    return codec->stream_finish(decoder, err);
}

/* Once more where the codec asks for it. */
static inline enum fletch_status stream(const struct fletch_codec *codec,
                                        struct fletch_decoder *decoder, const uint8_t *in,
                                        size_t size, uint8_t *out, size_t out_size,
                                        size_t most, struct fletch_error *err)
{
    const enum fletch_status status =
        stream_once(codec, decoder, in, size, out, out_size, most, err);

    return status && codec->stream_again && codec->stream_again(decoder)
               ? stream_once(codec, decoder, in, size, out, out_size, most, err)
               : status;
}

/* The same into a place where all of it stays. */
static inline enum fletch_status into_once(const struct fletch_codec *codec,
                                           struct fletch_decoder *decoder,
                                           const uint8_t *in, size_t size, uint8_t *out,
                                           size_t out_size, size_t most,
                                           struct fletch_error *err)
{
    uint64_t seed = 12;
    size_t in_done = 0, out_done = 0;

    TRY(codec->stream_begin_into(decoder, size, out, out_size, err));
    while (in_done < size) {
        size_t in_now = 1 + (size_t)random_below(&seed, most),
               out_now = out_size - out_done;

        in_now = in_now < size - in_done ? in_now : size - in_done;
        TRY(codec->stream_step(decoder, in + in_done, &in_now, out + out_done, &out_now,
                               err));
        if (!in_now && !out_now)
            break;
        in_done += in_now;
        out_done += out_now;
    }
    return codec->stream_finish(decoder, err);
}

static inline enum fletch_status stream_into(const struct fletch_codec *codec,
                                             struct fletch_decoder *decoder,
                                             const uint8_t *in, size_t size, uint8_t *out,
                                             size_t out_size, size_t most,
                                             struct fletch_error *err)
{
    const enum fletch_status status =
        into_once(codec, decoder, in, size, out, out_size, most, err);

    return status && codec->stream_again && codec->stream_again(decoder)
               ? into_once(codec, decoder, in, size, out, out_size, most, err)
               : status;
}

static inline void check_page(const struct page *page, const struct fletch_codec *codec,
                              struct fletch_decoder *decoder, bool small_steps)
{
    const size_t size = page->content_size;
    uint8_t *back = malloc(size + 1);
    struct fletch_error err = { 0 };

    assert_non_null(back);
    memset(back, 0x5a, size + 1);
    assert_int_equal(codec->decode(decoder, page->bytes, page->size, back, size, &err),
                     FLETCH_OK);
    assert_memory_equal(back, page->content, size);
    assert_int_equal(back[size], 0x5a);
    if (codec->stream_begin) {
        memset(back, 0x5a, size + 1);
        assert_int_equal(stream(codec, decoder, page->bytes, page->size, back, size,
                                small_steps ? 7 : 70000, &err),
                         FLETCH_OK);
        assert_memory_equal(back, page->content, size);
        assert_int_equal(back[size], 0x5a);
    }
    if (codec->stream_begin_into) {
        memset(back, 0x5a, size + 1);
        assert_int_equal(stream_into(codec, decoder, page->bytes, page->size, back, size,
                                     small_steps ? 7 : 70000, &err),
                         FLETCH_OK);
        assert_memory_equal(back, page->content, size);
        assert_int_equal(back[size], 0x5a);
    }
    free(back);
}

#define ASSERT_SAYS(call, want_status, want_text)                                          \
    do {                                                                                   \
        struct fletch_error says_err_ = { 0 };                                             \
        struct fletch_error *err = &says_err_;                                             \
        assert_int_equal(call, want_status);                                               \
        assert_int_equal(says_err_.status, want_status);                                   \
        assert_string_equal(says_err_.message, want_text);                                 \
    } while (0)

#endif
