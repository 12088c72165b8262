/* SPDX-License-Identifier: MIT */
/* test_codec.c - the table, every codec there and back, pieces, samples
 *
 * Damaged pages are in test_codec_damage.c, what is only zstd's in test_zstd.c.
 */
#include "compress.h"

#ifdef FLETCH_WITH_GZIP
#include <libdeflate.h>
#endif

/* ---- The table ---- */

static void codecs_have_names_and_numbers(void **state)
{
    static const char *const names[] = { "zstd", "lz4", "snappy", "gzip", "none" };
    static const int ids[] = { 6, 7, 1, 2, 0 };
    static const char *const stands[] = { "ZSTD", "LZ4_RAW", "SNAPPY", "GZIP",
                                          "UNCOMPRESSED" };
    const struct fletch_codec *codec;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        codec = fletch_codec_get(i);
        assert_string_equal(codec->name, names[i]);
        assert_string_equal(codec->display_name, stands[i]);
        assert_int_equal(codec->id, ids[i]);
    }
    assert_null(fletch_codec_get(5));
    for (size_t i = 0; (codec = built_in(i)); i++) {
        const struct fletch_codec *found = NULL;

        assert_int_equal(fletch_codec_find(&found, codec->name, NULL), FLETCH_OK);
        assert_ptr_equal(found, codec);
        found = NULL;
        assert_int_equal(fletch_codec_find_id(&found, (int)codec->id, NULL), FLETCH_OK);
        assert_ptr_equal(found, codec);
    }
}

static void unknown_codecs_are_said(void **state)
{
    const struct fletch_codec *found = NULL;

    (void)state;
    ASSERT_SAYS(
        fletch_codec_find(&found, "brotli", err), FLETCH_ERR_ARGUMENT,
        "codec 'brotli' is not known; it is one of zstd, lz4, snappy, gzip or none");
    ASSERT_SAYS(fletch_codec_find(&found, "lz4_hadoop", err), FLETCH_ERR_ARGUMENT,
                "codec 'lz4_hadoop' is not known; it is one of zstd, lz4, snappy, gzip or "
                "none");
    ASSERT_SAYS(fletch_codec_find_id(&found, 4, err), FLETCH_ERR_UNSUPPORTED,
                "codec BROTLI (4) is not supported");
    ASSERT_SAYS(fletch_codec_find_id(&found, 3, err), FLETCH_ERR_UNSUPPORTED,
                "codec LZO (3) is not supported");
    ASSERT_SAYS(fletch_codec_find_id(&found, 8, err), FLETCH_ERR_UNSUPPORTED,
                "codec number 8 is not known");
    ASSERT_SAYS(fletch_codec_find_id(&found, -1, err), FLETCH_ERR_UNSUPPORTED,
                "codec number -1 is not known");
    assert_null(found);
}

/* A codec that was left out is known by name and number, and says that it was. */
static void left_out_codecs_say_so(void **state)
{
    size_t left_out = 0;

    (void)state;
    for (size_t i = 0; fletch_codec_get(i); i++) {
        const struct fletch_codec *codec = fletch_codec_get(i), *found = NULL;
        char want[64];

        if (codec->decoder_open)
            continue;
        snprintf(want, sizeof(want), "codec '%s': not in this build", codec->name);
        ASSERT_SAYS(fletch_codec_find(&found, codec->name, err), FLETCH_ERR_UNSUPPORTED,
                    want);
        ASSERT_SAYS(fletch_codec_find_id(&found, (int)codec->id, err),
                    FLETCH_ERR_UNSUPPORTED, want);
        left_out++;
    }
#if defined(FLETCH_WITH_ZSTD) && defined(FLETCH_WITH_LZ4) &&                               \
    defined(FLETCH_WITH_SNAPPY) && defined(FLETCH_WITH_GZIP)
    assert_int_equal(left_out, 0);
#else
    assert_true(left_out > 0);
#endif
}

static void levels_are_checked(void **state)
{
    int level = -1;

    (void)state;
    assert_int_equal(fletch_codec_level(&level, &fletch_codec_zstd, 0, NULL), FLETCH_OK);
    assert_int_equal(level, 3);
    assert_int_equal(fletch_codec_level(&level, &fletch_codec_gzip, 0, NULL), FLETCH_OK);
    assert_int_equal(level, 6);
    assert_int_equal(fletch_codec_level(&level, &fletch_codec_zstd, 22, NULL), FLETCH_OK);
    assert_int_equal(level, 22);
    assert_int_equal(fletch_codec_level(&level, &fletch_codec_lz4, 0, NULL), FLETCH_OK);
    assert_int_equal(level, 0);
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_zstd, 23, err),
                FLETCH_ERR_ARGUMENT,
                "codec 'zstd': level 23 is out of range, expected 1 to 22");
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_zstd, -1, err),
                FLETCH_ERR_ARGUMENT,
                "codec 'zstd': level -1 is out of range, expected 1 to 22");
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_gzip, 13, err),
                FLETCH_ERR_ARGUMENT,
                "codec 'gzip': level 13 is out of range, expected 1 to 12");
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_lz4, 1, err), FLETCH_ERR_ARGUMENT,
                "codec 'lz4' has no levels");
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_none, 1, err), FLETCH_ERR_ARGUMENT,
                "codec 'none' has no levels");
    ASSERT_SAYS(fletch_codec_level(&level, &fletch_codec_snappy, -3, err),
                FLETCH_ERR_ARGUMENT, "codec 'snappy' has no levels");
    assert_int_equal(level, 0);
}

/* ---- There and back ---- */

static const size_t sizes[] = { 0,     1,     2,     3,      4,      5,      6,
                                7,     10,    63,    127,    128,    129,    130,
                                255,   256,   257,   1000,   65535,  65536,  65537,
                                65791, 65792, 65800, 131071, 131072, 131073, 300001 };

static void every_codec_round_trips(void **state)
{
    const struct fletch_codec *codec;
    uint64_t seed = 1;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *encoder = open_encoder(codec, 0);
        struct fletch_decoder *decoder = open_decoder(codec);

        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
            for (int kind = 0; kind < CONTENT_KINDS; kind++)
                for (int effort = 0; effort <= FLETCH_EFFORT_STORE; effort++) {
                    struct page page =
                        make_content(sizes[s], (enum content_kind)kind, &seed);

                    compress(&page, codec, encoder, (enum fletch_effort)effort, 0);
                    check_page(&page, codec, decoder, sizes[s] < 300);
                    release_page(&page);
                }
        codec->encoder_close(encoder);
        codec->decoder_close(decoder);
    }
}

/* Any cutting gives a page with the same content; only codecs that join take one. */
static void pieces_join(void **state)
{
    static const size_t cuts[] = { 1,     2,     3,     4,      100,    128,   129,
                                   16384, 16385, 65536, 131072, 131082, 200000 };
    const struct fletch_codec *codec;
    uint64_t seed = 2;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *encoder = open_encoder(codec, 0);
        struct fletch_decoder *decoder = open_decoder(codec);

        for (size_t i = 0; codec->concatenable && i < sizeof(cuts) / sizeof(cuts[0]); i++)
            for (int kind = 0; kind < CONTENT_KINDS; kind++)
                for (int effort = 0; effort <= FLETCH_EFFORT_ENTROPY; effort++) {
                    const size_t size = cuts[i] < 100 ? 300 : 4 * cuts[i] + 17;
                    struct page page = make_content(size, (enum content_kind)kind, &seed);

                    compress(&page, codec, encoder, (enum fletch_effort)effort, cuts[i]);
                    check_page(&page, codec, decoder, size < 300);
                    release_page(&page);
                }
        codec->encoder_close(encoder);
        codec->decoder_close(decoder);
    }
}

static void some_codecs_take_whole_pages_only(void **state)
{
    const uint8_t content[8] = "content";
    const struct fletch_codec *codec;
    size_t refused = 0;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *encoder = open_encoder(codec, 0);
        const struct fletch_piece piece = {
            .bytes = content, .size = 8, .offset = 8, .page_size = 24
        };
        uint8_t out[512];
        char want[128];
        size_t size;

        assert_true(codec->bound(8) <= sizeof(out));
        snprintf(want, sizeof(want),
                 "%s pages are made in one piece: 8 bytes at 8, expected all 24",
                 codec->name);
        if (!codec->concatenable) {
            ASSERT_SAYS(codec->encode(encoder, &piece, out, sizeof(out), &size, err),
                        FLETCH_ERR_ARGUMENT, want);
            assert_null(codec->stream_begin);
            refused++;
        }
        snprintf(want, sizeof(want), "%s piece: room for 7 bytes, expected at least %zu",
                 codec->name, codec->bound(8));
        ASSERT_SAYS(codec->encode(encoder,
                                  &(struct fletch_piece){
                                      .bytes = content, .size = 8, .page_size = 8 },
                                  out, 7, &size, err),
                    FLETCH_ERR_ARGUMENT, want);
        codec->encoder_close(encoder);
    }
#ifdef FLETCH_WITH_LZ4
    assert_int_equal(refused, 1);
#endif
}

/* What an encoder did before must not show. */
static void pages_do_not_depend_on_the_encoder(void **state)
{
    const struct fletch_codec *codec;
    uint64_t seed = 3;

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        struct fletch_encoder *used = open_encoder(codec, 0);

        for (int i = 0; i < 40; i++) {
            const size_t size = (size_t)random_below(&seed, 400000);
            const enum fletch_effort effort = (enum fletch_effort)(i & 1);
            const size_t cut = codec->concatenable && i % 3 ? 131072 : 0;
            struct fletch_encoder *fresh = open_encoder(codec, 0);
            struct page page =
                make_content(size, (enum content_kind)(i % CONTENT_KINDS), &seed);
            struct page again = page;

            compress(&page, codec, used, effort, cut);
            compress(&again, codec, fresh, effort, cut);
            assert_int_equal(page.size, again.size);
            assert_memory_equal(page.bytes, again.bytes, page.size);
            free(again.bytes);
            release_page(&page);
            codec->encoder_close(fresh);
        }
        codec->encoder_close(used);
    }
}

/* ---- Samples ---- */

static enum fletch_effort judge(const struct fletch_codec *codec, enum content_kind kind)
{
    struct fletch_encoder *encoder = open_encoder(codec, 0);
    struct fletch_samples samples = { 0 };
    uint64_t seed = 6;

    for (int i = 0; i < 3; i++) {
        struct page page = make_content(65536, kind, &seed);

        assert_int_equal(fletch_codec_sample(&samples, codec, encoder, page.content,
                                             page.content_size, NULL),
                         FLETCH_OK);
        release_page(&page);
    }
    assert_int_equal(fletch_codec_sample(&samples, codec, encoder, NULL, 0, NULL),
                     FLETCH_OK);
    assert_int_equal(samples.content, 3 * 65536);
    codec->encoder_close(encoder);
    return fletch_codec_effort(&samples, codec);
}

static void samples_choose_the_effort(void **state)
{
    const struct fletch_codec *codec;
    const struct fletch_samples none = { 0 };

    (void)state;
    for (size_t c = 0; (codec = built_in(c)); c++) {
        const bool none_codec = codec->id == FLETCH_CODEC_ID_NONE;

        assert_int_equal(judge(codec, CONTENT_RANDOM), FLETCH_EFFORT_STORE);
        assert_int_equal(judge(codec, CONTENT_TEXT),
                         none_codec ? FLETCH_EFFORT_STORE : FLETCH_EFFORT_MATCH);
        assert_int_equal(fletch_codec_effort(&none, codec),
                         none_codec ? FLETCH_EFFORT_STORE : FLETCH_EFFORT_MATCH);
        if (codec->entropy)
            assert_int_equal(judge(codec, CONTENT_WEIGHTS), FLETCH_EFFORT_ENTROPY);
    }
}

static void samples_are_weighed_exactly(void **state)
{
    struct fletch_samples samples = { 100000, 98000, 98196 };

    (void)state;
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_zstd),
                     FLETCH_EFFORT_ENTROPY);
    samples.entropy = 98197;
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_zstd),
                     FLETCH_EFFORT_MATCH);
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_lz4), FLETCH_EFFORT_MATCH);
    samples.matched = 98001;
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_lz4), FLETCH_EFFORT_STORE);
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_zstd),
                     FLETCH_EFFORT_STORE);
    samples.entropy = 98000;
    assert_int_equal(fletch_codec_effort(&samples, &fletch_codec_zstd),
                     FLETCH_EFFORT_ENTROPY);
}

#ifdef FLETCH_WITH_GZIP
static size_t largest_request;

static void *watch_malloc(size_t size)
{
    largest_request = size > largest_request ? size : largest_request;
    return malloc(size);
}

/* libdeflate allocates once for a compressor. zlib and what it decodes into come on top. */
static void gzip_says_what_a_level_takes(void **state)
{
    const size_t beside = ((size_t)256 + 48) << 10;

    (void)state;
    libdeflate_set_memory_allocator(watch_malloc, free);
    for (int level = 1; level <= 12; level++) {
        size_t said = fletch_codec_gzip.encoder_size(level);
        struct fletch_encoder *encoder;
        struct fletch_error err;

        largest_request = 0;
        assert_int_equal(fletch_codec_gzip.encoder_open(&encoder, level, &err), FLETCH_OK);
        fletch_codec_gzip.encoder_close(encoder);
        assert_true(said >= largest_request + beside);
        assert_true(level == 1 || said <= (largest_request + beside) * 5 / 4);
    }
    libdeflate_set_memory_allocator(malloc, free);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_have_names_and_numbers),
        cmocka_unit_test(unknown_codecs_are_said),
        cmocka_unit_test(left_out_codecs_say_so),
        cmocka_unit_test(levels_are_checked),
#ifdef FLETCH_WITH_GZIP
        cmocka_unit_test(gzip_says_what_a_level_takes),
#endif
        cmocka_unit_test(every_codec_round_trips),
        cmocka_unit_test(pieces_join),
        cmocka_unit_test(some_codecs_take_whole_pages_only),
        cmocka_unit_test(pages_do_not_depend_on_the_encoder),
        cmocka_unit_test(samples_choose_the_effort),
        cmocka_unit_test(samples_are_weighed_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
