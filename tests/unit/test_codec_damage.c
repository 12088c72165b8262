/* SPDX-License-Identifier: MIT */
/* test_codec_damage.c - pages that are damaged, of the wrong size, or made by others */
#include "compress.h"

/* Decodes both ways into a buffer of that size and expects a failure with one line. */
static void check_refused(const struct fletch_codec *codec, struct fletch_decoder *decoder,
                          const uint8_t *bytes, size_t size, size_t out_size)
{
    uint8_t *in = malloc(size + 1), *out = malloc(out_size + 1);
    struct fletch_error err = { 0 };
    char want[64];

    assert_non_null(in);
    assert_non_null(out);
    memcpy(in, bytes, size);
    snprintf(want, sizeof(want), "%s page of %zu bytes, to become %zu: ", codec->name, size,
             out_size);
    assert_int_equal(codec->decode(decoder, in, size, out, out_size, &err),
                     FLETCH_ERR_FORMAT);
    assert_memory_equal(err.message, want, strlen(want));
    assert_true(strlen(err.message) > strlen(want));
    if (codec->stream_begin) {
        memset(&err, 0, sizeof(err));
        assert_int_equal(stream(codec, decoder, in, size, out, out_size, 64, &err),
                         FLETCH_ERR_FORMAT);
        assert_memory_equal(err.message, want, strlen(want));
    }
    free(in);
    free(out);
}

static void wrong_sizes_are_refused(void **state)
{
    const struct fletch_codec *codec;
    uint64_t seed = 4;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *encoder = open_encoder(codec, 0);
        struct fletch_decoder *decoder = open_decoder(codec);

        for (int kind = 0; kind < CONTENT_KINDS; kind++) {
            struct page page = make_content(2000, (enum content_kind)kind, &seed);

            compress(&page, codec, encoder, FLETCH_EFFORT_MATCH, 0);
            check_refused(codec, decoder, page.bytes, page.size, 1999);
            check_refused(codec, decoder, page.bytes, page.size, 2001);
            check_refused(codec, decoder, page.bytes, page.size, 0);
            for (size_t size = 0; size < page.size; size += 1 + size / 16)
                check_refused(codec, decoder, page.bytes, size, 2000);
            page.bytes = realloc(page.bytes, page.size + 3);
            assert_non_null(page.bytes);
            memcpy(page.bytes + page.size, "\x01\x02\x03", 3);
            check_refused(codec, decoder, page.bytes, page.size + 3, 2000);
            release_page(&page);
        }
        codec->encoder_close(encoder);
        codec->decoder_close(decoder);
    }
}

/* Changed bytes may still be a page, of other content; both ways must then agree. */
static void garbled_pages_are_refused_or_agreed_on(void **state)
{
    const struct fletch_codec *codec;
    uint64_t seed = 5;
    uint8_t whole[3000], streamed[3000];
    size_t refused = 0;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *encoder = open_encoder(codec, 0);
        struct fletch_decoder *decoder = open_decoder(codec);

        for (int round = 0; round < 3000; round++) {
            struct page page = make_content(
                sizeof(whole), (enum content_kind)(round % CONTENT_KINDS), &seed);
            enum fletch_status status;

            compress(&page, codec, encoder, FLETCH_EFFORT_MATCH, 0);
            for (uint64_t i = random_below(&seed, 3); i < 3; i++)
                page.bytes[random_below(&seed, page.size)] ^=
                    (uint8_t)(1 << random_below(&seed, 8));
            status =
                codec->decode(decoder, page.bytes, page.size, whole, sizeof(whole), NULL);
            refused += status != FLETCH_OK;
            if (codec->stream_begin) {
                const enum fletch_status again =
                    stream(codec, decoder, page.bytes, page.size, streamed,
                           sizeof(streamed), 500, NULL);

                assert_true(!again == !status || again == FLETCH_ERR_UNSUPPORTED);
                if (!status && !again)
                    assert_memory_equal(whole, streamed, sizeof(whole));
            }
            release_page(&page);
        }
        codec->encoder_close(encoder);
        codec->decoder_close(decoder);
    }
    assert_true(refused > 1000 || !built_in(1));
}

/* A page of nothing may have no bytes at all. */
static void nothing_becomes_nothing(void **state)
{
    const struct fletch_codec *codec;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_decoder *decoder = open_decoder(codec);

        assert_int_equal(codec->decode(decoder, NULL, 0, NULL, 0, NULL), FLETCH_OK);
        if (codec->stream_begin)
            assert_int_equal(stream(codec, decoder, NULL, 0, NULL, 0, 5, NULL), FLETCH_OK);
        codec->decoder_close(decoder);
        codec->decoder_close(NULL);
        codec->encoder_close(NULL);
    }
}

/* ---- What only one codec has ---- */

#ifdef FLETCH_WITH_LZ4
/* A block of `size` literals. */
static size_t put_lz4_literals(uint8_t *out, const char *text, size_t size)
{
    out[0] = (uint8_t)(size << 4);
    memcpy(out + 1, text, size);
    return size + 1;
}

static void lz4_is_read_framed_and_bare(void **state)
{
    const struct fletch_codec *codec = NULL;
    struct fletch_decoder *decoder;
    uint8_t framed[64] = { 0 }, out[64];
    size_t size;

    (void)state;
    assert_int_equal(fletch_codec_find_id(&codec, 5, NULL), FLETCH_OK);
    assert_string_equal(codec->name, "lz4_hadoop");
    assert_null(codec->encoder_open);
    decoder = open_decoder(codec);

    /* two blocks for the first 9 bytes of content, one for the next 3 */
    framed[3] = 9;
    framed[7] = 5;
    put_lz4_literals(framed + 8, "abcd", 4);
    framed[16] = 6;
    put_lz4_literals(framed + 17, "efghi", 5);
    framed[26] = 3;
    framed[30] = 4;
    put_lz4_literals(framed + 31, "jkl", 3);
    assert_int_equal(codec->decode(decoder, framed, 35, out, 12, NULL), FLETCH_OK);
    assert_memory_equal(out, "abcdefghijkl", 12);
    ASSERT_SAYS(codec->decode(decoder, framed, 34, out, 12, err), FLETCH_ERR_FORMAT,
                "lz4 page of 34 bytes, to become 12: the bytes are damaged, or hold more "
                "than that");
    ASSERT_SAYS(codec->decode(decoder, framed, 35, out, 13, err), FLETCH_ERR_FORMAT,
                "lz4 page of 35 bytes, to become 13: the bytes are damaged, or hold more "
                "than that");

    size = put_lz4_literals(framed, "bare", 4);
    assert_int_equal(codec->decode(decoder, framed, size, out, 4, NULL), FLETCH_OK);
    assert_memory_equal(out, "bare", 4);
    ASSERT_SAYS(codec->decode(decoder, framed, size, out, 5, err), FLETCH_ERR_FORMAT,
                "lz4 page of 5 bytes, to become 5: it holds less than that");
    codec->decoder_close(decoder);
}
#endif

#ifdef FLETCH_WITH_GZIP
static void gzip_members_are_read_as_one(void **state)
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_gzip, 12);
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_gzip);
    struct page page = { .content = (uint8_t *)strdup("members"), .content_size = 7 };
    uint8_t twice[256], out[64];

    (void)state;
    compress(&page, &fletch_codec_gzip, encoder, FLETCH_EFFORT_MATCH, 0);
    assert_true(2 * page.size <= sizeof(twice));
    memcpy(twice, page.bytes, page.size);
    memcpy(twice + page.size, page.bytes, page.size);
    assert_int_equal(fletch_codec_gzip.decode(decoder, twice, 2 * page.size, out, 14, NULL),
                     FLETCH_OK);
    assert_memory_equal(out, "membersmembers", 14);
    twice[page.size - 8] ^= 1; /* the first CRC */
    check_refused(&fletch_codec_gzip, decoder, twice, 2 * page.size, 14);
    release_page(&page);
    fletch_codec_gzip.encoder_close(encoder);
    fletch_codec_gzip.decoder_close(decoder);
}
#endif

#ifdef FLETCH_WITH_SNAPPY
static void snappy_streams_keep_64_kib(void **state)
{
    /* 70,000 bytes of which the last 4 are copied from the first, 69,996 back: a literal
     * with a 3-byte length, then a copy with a 4-byte distance. */
    static uint8_t page[70010], out[70000];
    const size_t literal = 69996;
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_snappy);
    uint64_t seed = 7;
    size_t at = 0;

    (void)state;
    memcpy(page, "\xf0\xa2\x04\xf8", 4);
    page[4] = (uint8_t)(literal - 1);
    page[5] = (uint8_t)((literal - 1) >> 8);
    page[6] = (uint8_t)((literal - 1) >> 16);
    fill_random(page + 7, literal, &seed);
    at = 7 + literal;
    page[at++] = 3 << 2 | 3;
    page[at++] = (uint8_t)literal;
    page[at++] = (uint8_t)(literal >> 8);
    page[at++] = (uint8_t)(literal >> 16);
    page[at++] = 0;
    assert_int_equal(fletch_codec_snappy.decode(decoder, page, at, out, 70000, NULL),
                     FLETCH_OK);
    assert_memory_equal(out, page + 7, literal);
    assert_memory_equal(out + literal, page + 7, 4);
    ASSERT_SAYS(
        stream(&fletch_codec_snappy, decoder, page, at, out, 70000, 9999, err),
        FLETCH_ERR_UNSUPPORTED,
        "snappy page of 70008 bytes, to become 70000: it copies from more than 65536 "
        "bytes back, which a stream does not keep");
    /* from 65,536 bytes back it may */
    page[at - 4] = page[at - 3] = 0;
    page[at - 2] = 1;
    assert_int_equal(
        stream(&fletch_codec_snappy, decoder, page, at, out, 70000, 9999, NULL), FLETCH_OK);
    assert_memory_equal(out + literal, page + 7 + literal - 65536, 4);
    /* and never from in front of the page, nor from where it stands */
    page[at - 1] = 1;
    check_refused(&fletch_codec_snappy, decoder, page, at, 70000);
    memset(page + at - 4, 0, 4);
    check_refused(&fletch_codec_snappy, decoder, page, at, 70000);
    fletch_codec_snappy.decoder_close(decoder);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(garbled_pages_are_refused_or_agreed_on),
        cmocka_unit_test(nothing_becomes_nothing),
#ifdef FLETCH_WITH_LZ4
        cmocka_unit_test(lz4_is_read_framed_and_bare),
#endif
#ifdef FLETCH_WITH_GZIP
        cmocka_unit_test(gzip_members_are_read_as_one),
#endif
#ifdef FLETCH_WITH_SNAPPY
        cmocka_unit_test(snappy_streams_keep_64_kib),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
