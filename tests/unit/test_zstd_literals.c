/* SPDX-License-Identifier: MIT */
/* test_zstd_literals.c - our own decoder of literals: as the library does, or not */
#include "compress.h"

#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_literals.h"
#include "codec/zstd_internal.h"

#define MODEL_DATA 40000 /* in a model's file, well behind its header */

/* ---- Frames ---- */

/* Our own decoder alone, in one step; false when it leaves the frame to the library. */
static bool decode_ours(uint8_t *out, size_t out_size, const uint8_t *in, size_t size)
{
    struct fletch_zstd_literals *literals = fletch_zstd_literals_open();
    size_t took = size, gave = out_size;
    enum fletch_zstd_step step;

    assert_non_null(literals);
    fletch_zstd_literals_begin(literals, size, out_size);
    step = fletch_zstd_literals_step(literals, in, &took, out, &gave);
    fletch_zstd_literals_close(literals);
    assert_true(took <= size && gave <= out_size);
    return step == FLETCH_ZSTD_STEP_ENDED && took == size && gave == out_size;
}

static bool decode_library(uint8_t *out, size_t out_size, const uint8_t *in, size_t size)
{
    return ZSTD_decompress(out, out_size, in, size) == out_size;
}

/* A page takes no more memory than it has bytes: a sanitizer sees one too many. */
static void what_weights_become_is_ours(void **state)
{
    static const size_t sizes[] = { 5000, 131072, 131073, 300000, 1048576, 3000000 };
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 0);
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    uint64_t seed = 41;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct page page = make_content(sizes[i], CONTENT_WEIGHTS, &seed);
        uint8_t *out = malloc(sizes[i]);

        assert_non_null(out);
        compress(&page, &fletch_codec_zstd, encoder, FLETCH_EFFORT_ENTROPY,
                 FLETCH_PIECE_SIZE);
        assert_true(page.size < sizes[i]);
        assert_true(decode_ours(out, sizes[i], page.bytes, page.size));
        assert_memory_equal(out, page.content, sizes[i]);
        check_page(&page, &fletch_codec_zstd, decoder, sizes[i] <= 5000);
        free(out);
        release_page(&page);
    }
    fletch_codec_zstd.decoder_close(decoder);
    fletch_codec_zstd.encoder_close(encoder);
}

/* Content that begins as weights and then repeats itself: the frame turns out to be the
 * library's when some of it was given. */
static void a_frame_that_turns_out_foreign_is_begun_anew(void **state)
{
    const size_t size = 4 * FLETCH_ZSTD_BLOCK + 999;
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    uint64_t seed = 43;

    (void)state;
    for (size_t weights = 1; weights < 4; weights++) {
        const size_t begin = weights * FLETCH_ZSTD_BLOCK;
        struct page page = make_content(size, CONTENT_WEIGHTS, &seed);
        uint8_t *out = malloc(size);

        assert_non_null(out);
        fill_content(page.content + begin, size - begin, CONTENT_TEXT, &seed);
        page.bytes = malloc(ZSTD_compressBound(size));
        assert_non_null(page.bytes);
        page.size =
            ZSTD_compress(page.bytes, ZSTD_compressBound(size), page.content, size, 3);
        assert_false(decode_ours(out, size, page.bytes, page.size));
        assert_int_not_equal(stream_once(&fletch_codec_zstd, decoder, page.bytes, page.size,
                                         out, size, 70000, NULL),
                             FLETCH_OK);
        assert_true(fletch_codec_zstd.stream_again(decoder));
        check_page(&page, &fletch_codec_zstd, decoder, false);
        free(out);
        release_page(&page);
    }
    fletch_codec_zstd.decoder_close(decoder);
}

static void the_library_alone_can_be_asked_for(void **state)
{
    const size_t size = FLETCH_PIECE_SIZE + 77;
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 0);
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    uint64_t seed = 47;
    struct page page = make_content(size, CONTENT_WEIGHTS, &seed);
    uint8_t *out = malloc(size);

    (void)state;
    assert_non_null(out);
    compress(&page, &fletch_codec_zstd, encoder, FLETCH_EFFORT_ENTROPY, FLETCH_PIECE_SIZE);
    fletch_codec_zstd.decode_by_library(decoder);
    check_page(&page, &fletch_codec_zstd, decoder, false);
    /* What is cut off is the library's to say at once, not after a second try. */
    assert_int_not_equal(stream_once(&fletch_codec_zstd, decoder, page.bytes, page.size / 2,
                                     out, size, 70000, NULL),
                         FLETCH_OK);
    assert_false(fletch_codec_zstd.stream_again(decoder));
    free(out);
    release_page(&page);
    fletch_codec_zstd.decoder_close(decoder);
    fletch_codec_zstd.encoder_close(encoder);
}

/* ---- Damage ---- */

/* A model's values as the pipeline would write them. */
static struct page make_page(const char *model, size_t size)
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 0);
    struct page page = { .content = malloc(size), .content_size = size };
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/golden/%s/source/model.safetensors", FLETCH_TEST_DATA,
             model);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(page.content);
    assert_int_equal(fseek(file, MODEL_DATA, SEEK_SET), 0);
    assert_int_equal(fread(page.content, 1, size, file), size);
    fclose(file);
    compress(&page, &fletch_codec_zstd, encoder, FLETCH_EFFORT_ENTROPY, 0);
    fletch_codec_zstd.encoder_close(encoder);
    return page;
}

/* What ours takes, the library takes too, and gives the same. */
static bool check_damaged(const uint8_t *in, size_t size, size_t out_size)
{
    static uint8_t ours[8192], theirs[8192];

    memset(ours, 1, out_size);
    memset(theirs, 2, out_size);
    if (!decode_ours(ours, out_size, in, size))
        return false;
    assert_true(decode_library(theirs, out_size, in, size));
    assert_memory_equal(ours, theirs, out_size);
    return true;
}

static const struct {
    const char *model;
    size_t size;
} real[] = { { "bert-safetensors", 3000 }, { "whisper", 1700 }, { "clip", 5000 } };

static void every_bit_that_flips_is_as_the_library_sees_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        struct page page = make_page(real[i].model, real[i].size);
        size_t taken = 0;

        assert_true(check_damaged(page.bytes, page.size, real[i].size));
        for (size_t bit = 0; bit < 8 * page.size; bit++) {
            page.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            taken += check_damaged(page.bytes, page.size, real[i].size);
            page.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        /* most that hit a stream give other bytes, of the same number */
        assert_true(taken > page.size && taken < 8 * page.size);
        release_page(&page);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        struct page page = make_page(real[i].model, real[i].size);

        for (size_t size = 0; size < page.size; size++) {
            uint8_t *in = malloc(size + !size);

            assert_non_null(in);
            memcpy(in, page.bytes, size);
            assert_false(check_damaged(in, size, real[i].size));
            free(in);
        }
        release_page(&page);
    }
}

/* ---- Streams ---- */

static bool make_code(struct fletch_zstd_code *code, const uint8_t *content, size_t size)
{
    static uint8_t frame[1 << 17];
    const size_t made = ZSTD_compress(frame, sizeof(frame), content, size, 1);
    const size_t header = ZSTD_frameHeaderSize(frame, made);

    assert_false(ZSTD_isError(made));
    return fletch_zstd_code_read(code, frame, made, header);
}

/* Two blocks of any sizes: what is longer than the other, and shorter than a round. */
static void all_ways_walk_to_the_end(void **state)
{
    static uint8_t content[2 * 40000], out[2 * 40000], streams[2][65536];
    struct fletch_zstd_lookup lookup;
    struct fletch_zstd_code code;
    uint64_t seed = 53;
    size_t ways = 0;
    const char *name;

    (void)state;
    fill_content(content, sizeof(content), CONTENT_WEIGHTS, &seed);
    for (size_t i = 0; i < 256; i++)
        content[i] = (uint8_t)i;
    assert_true(make_code(&code, content, 30000));
    assert_int_equal(
        fletch_zstd_lookup_read(&lookup, code.description, code.description_size),
        code.description_size);
    for (; fletch_zstd_walk_way(ways, &name); ways++)
        print_message("# way %zu: %s\n", ways, name);
    assert_true(ways > 0);
    for (size_t round = 0; round < 3000; round++) {
        const size_t way = round % (ways + 1);
        struct fletch_zstd_walk walks[8];
        size_t begin = 0, count = 0;

        for (size_t block = 0; block < 2; block++) {
            const size_t most = round % 3 ? 40000 : 200;
            const size_t size = 16 + (size_t)random_below(&seed, most - 16);
            const size_t quarter = (size + 3) / 4;
            const uint8_t *end =
                fletch_zstd_put_streams(streams[block], content + begin, size, &code);
            const uint8_t *at = streams[block] + 6;

            for (size_t i = 0; i < 4; i++) {
                const size_t length = i < 3 ? (size_t)streams[block][2 * i] |
                                                  (size_t)streams[block][2 * i + 1] << 8
                                            : (size_t)(end - at);

                assert_true(fletch_zstd_walk_begin(&walks[count++], at, length,
                                                   out + begin + i * quarter,
                                                   i < 3 ? quarter : size - 3 * quarter));
                at += length;
            }
            begin += size;
        }
        memset(out, 0, sizeof(out));
        assert_true(
            fletch_zstd_walk_all(walks, count, &lookup, fletch_zstd_walk_way(way, NULL)));
        assert_memory_equal(out, content, begin);
        assert_int_equal(out[begin], 0);
    }
}

/* ---- Tables ---- */

static void tables_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[8];
        size_t size, used;
    } all[] = {
        { "nothing", { 0 }, 0, 0 },
        { "one bit for each of two", { 128, 0x10 }, 2, 2 },
        { "1, 2, and 1 that is not said", { 129, 0x12 }, 2, 2 },
        { "no code of the longest", { 128, 0x20 }, 2, 0 },
        { "1, 1, 2", { 129, 0x11 }, 2, 2 },
        { "cut off", { 131, 0x11 }, 2, 0 },
        { "no weight at all", { 129, 0x00 }, 2, 0 },
        { "what is left is no power of two", { 129, 0x13 }, 2, 0 },
        { "a weight of 12", { 129, 0xc1 }, 2, 0 },
        { "coded, and cut off", { 20, 1, 2, 3 }, 4, 0 },
        { "coded with too large a table", { 3, 2, 0, 1 }, 4, 0 },
        { "coded, without an end mark", { 3, 0, 0, 0 }, 4, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct fletch_zstd_lookup lookup;

        if (fletch_zstd_lookup_read(&lookup, all[i].bytes, all[i].size) != all[i].used)
            fail_msg("%s: not %zu", all[i].what, all[i].used);
    }
}
#endif

int main(void)
{
#ifdef FLETCH_WITH_ZSTD
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_weights_become_is_ours),
        cmocka_unit_test(a_frame_that_turns_out_foreign_is_begun_anew),
        cmocka_unit_test(the_library_alone_can_be_asked_for),
        cmocka_unit_test(every_bit_that_flips_is_as_the_library_sees_it),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(all_ways_walk_to_the_end),
        cmocka_unit_test(tables_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    /* TAP for: nothing to test */
    puts("1..0 # SKIP this build has no zstd");
    return 0;
#endif
}
