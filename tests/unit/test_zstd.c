/* SPDX-License-Identifier: MIT */
/* test_zstd.c - is a page one frame that libzstd takes, however it was cut, at any level?
 *
 * Everything is decoded by libzstd itself and compared; compressed bytes are never compared
 * with anything but themselves. The rewriting of sequences alone is in
 * test_zstd_repcodes.c. */
#include "compress.h"

#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_internal.h"

#define PIECE ((size_t)128 << 10)

/* What readers need: one frame that fills the page, its content size, a small window. */
static void check_frame(const struct page *page)
{
    ZSTD_frameHeader header;
    uint8_t *back = malloc(page->content_size + 1);

    assert_non_null(back);
    assert_int_equal(ZSTD_getFrameHeader(&header, page->bytes, page->size), 0);
    assert_int_equal(header.frameType, ZSTD_frame);
    assert_int_equal(header.frameContentSize, page->content_size);
    assert_true(header.windowSize <= (unsigned long long)8 << 20);
    assert_int_equal(header.dictID, 0);
    assert_int_equal(header.checksumFlag, 0);
    assert_int_equal(ZSTD_findFrameCompressedSize(page->bytes, page->size), page->size);
    assert_int_equal(ZSTD_decompress(back, page->content_size, page->bytes, page->size),
                     page->content_size);
    assert_memory_equal(back, page->content, page->content_size);
    free(back);
}

static void check_cut(struct fletch_encoder *encoder, enum content_kind kind, size_t size,
                      enum fletch_effort effort, size_t piece_size, uint64_t *seed)
{
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    struct page page = make_content(size, kind, seed);

    compress(&page, &fletch_codec_zstd, encoder, effort, piece_size);
    check_frame(&page);
    check_page(&page, &fletch_codec_zstd, decoder, false);
    release_page(&page);
    fletch_codec_zstd.decoder_close(decoder);
}

static void any_cut_at_any_level_is_one_frame(void **state)
{
    uint64_t seed = 21;

    (void)state;
    for (int level = 1; level <= 22; level++) {
        struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, level);

        for (int i = 0; i < CONTENT_KINDS; i++) {
            const enum content_kind kind = (enum content_kind)i;
            const size_t size = 150000 + (size_t)random_below(&seed, 100000);
            const size_t cut = 1 + (size_t)random_below(&seed, 100000);

            check_cut(encoder, kind, size, FLETCH_EFFORT_MATCH, 0, &seed);
            check_cut(encoder, kind, size, FLETCH_EFFORT_MATCH, cut, &seed);
            check_cut(encoder, kind, size, FLETCH_EFFORT_MATCH, PIECE, &seed);
        }
        fletch_codec_zstd.encoder_close(encoder);
    }
}

static void large_pages_are_one_frame(void **state)
{
    static const struct {
        int level;
        enum content_kind kind;
        size_t size;
        enum fletch_effort effort;
        size_t cut;
    } cases[] = {
        { 3, CONTENT_WEIGHTS, 9 << 20, FLETCH_EFFORT_ENTROPY, FLETCH_PIECE_SIZE },
        { 3, CONTENT_WEIGHTS, 9 << 20, FLETCH_EFFORT_ENTROPY, 0 },
        { 3, CONTENT_MIXED, 9 << 20, FLETCH_EFFORT_MATCH, FLETCH_PIECE_SIZE },
        { 3, CONTENT_MIXED, 9 << 20, FLETCH_EFFORT_MATCH, 4 << 20 },
        { 1, CONTENT_IDS, 9 << 20, FLETCH_EFFORT_MATCH, FLETCH_PIECE_SIZE },
        /* beyond 8 MiB, at levels whose own window is larger */
        { 22, CONTENT_ZEROS, 17 << 20, FLETCH_EFFORT_MATCH, 0 },
        { 20, CONTENT_ZEROS, 17 << 20, FLETCH_EFFORT_MATCH, 3 << 20 },
    };
    uint64_t seed = 22;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, cases[i].level);

        check_cut(encoder, cases[i].kind, cases[i].size, cases[i].effort, cases[i].cut,
                  &seed);
        fletch_codec_zstd.encoder_close(encoder);
    }
}

/* ---- Pieces are independent ---- */

struct later {
    uint8_t *bytes; /* [size] */
    size_t size;
    uint8_t *content; /* [content_size] */
    size_t content_size;
};

#define LATER_COUNT 24

/* A piece from the middle of some page: all but the first of a page may stand anywhere. */
static struct later make_later(int level, enum fletch_effort effort, enum content_kind kind,
                               uint64_t *seed)
{
    struct later later = { .content_size = 1 + (size_t)random_below(seed, 200000) };
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, level);
    const size_t cap = fletch_codec_zstd.bound(later.content_size);
    struct fletch_piece piece = {
        .size = later.content_size, .offset = 77, .page_size = 10000000, .effort = effort
    };

    later.content = malloc(later.content_size);
    later.bytes = malloc(cap);
    assert_non_null(later.content);
    assert_non_null(later.bytes);
    fill_content(later.content, later.content_size, kind, seed);
    piece.bytes = later.content;
    assert_int_equal(
        fletch_codec_zstd.encode(encoder, &piece, later.bytes, cap, &later.size, NULL),
        FLETCH_OK);
    fletch_codec_zstd.encoder_close(encoder);
    return later;
}

/* A frame of ours around pieces in that order; an empty raw block ends it. */
static void check_order(const struct later *pieces, const size_t *order, size_t count)
{
    size_t size = 0, content_size = 0;
    uint8_t *frame, *back, *want;

    for (size_t i = 0; i < count; i++) {
        size += pieces[order[i]].size;
        content_size += pieces[order[i]].content_size;
    }
    frame = malloc(6 + size + 3);
    back = malloc(content_size + 1);
    want = malloc(content_size + 1);
    assert_non_null(frame);
    assert_non_null(back);
    assert_non_null(want);
    /* magic, descriptor without anything, a window of 1 MiB */
    memcpy(frame, "\x28\xb5\x2f\xfd\x00\x50", 6);
    size = 6;
    content_size = 0;
    for (size_t i = 0; i < count; i++) {
        const struct later *piece = &pieces[order[i]];

        memcpy(frame + size, piece->bytes, piece->size);
        memcpy(want + content_size, piece->content, piece->content_size);
        size += piece->size;
        content_size += piece->content_size;
    }
    memcpy(frame + size, "\x01\x00\x00", 3);
    assert_int_equal(ZSTD_decompress(back, content_size, frame, size + 3), content_size);
    assert_memory_equal(back, want, content_size);
    free(frame);
    free(back);
    free(want);
}

static void later_pieces_stand_anywhere(void **state)
{
    struct later pieces[LATER_COUNT];
    size_t order[LATER_COUNT];
    uint64_t seed = 23;

    (void)state;
    for (int level = 1; level <= 22; level += 3) {
        for (size_t i = 0; i < LATER_COUNT; i++)
            pieces[i] = make_later(level, (enum fletch_effort)(i / CONTENT_KINDS),
                                   (enum content_kind)(i % CONTENT_KINDS), &seed);
        for (int round = 0; round < 6; round++) {
            for (size_t i = 0; i < LATER_COUNT; i++)
                order[i] = (size_t)random_below(&seed, LATER_COUNT);
            check_order(pieces, order, LATER_COUNT);
        }
        for (size_t i = 0; i < LATER_COUNT; i++) {
            free(pieces[i].bytes);
            free(pieces[i].content);
        }
    }
}

/* Three matches at new distances are no news to the decoder when their block comes out raw:
 * the next block, full of matches at 8, must not take 1, 4 and 8 for gone. */
static void raw_blocks_leave_distances_as_they_were(void **state)
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 3);
    const size_t head = PIECE, size = 3 * PIECE;
    struct later pieces[2];
    uint64_t seed = 26;
    struct fletch_piece piece = { .size = size, .offset = 1, .page_size = 10 * size };

    (void)state;
    pieces[0] = make_later(3, FLETCH_EFFORT_MATCH, CONTENT_TEXT, &seed);
    pieces[1] = (struct later){ .content = malloc(size),
                                .content_size = size,
                                .bytes = malloc(fletch_codec_zstd.bound(size)) };
    assert_non_null(pieces[1].content);
    assert_non_null(pieces[1].bytes);
    fill_random(pieces[1].content, head, &seed);
    for (size_t i = 1; i < 4; i++)
        memcpy(pieces[1].content + i * 1000, pieces[1].content + i * 900, 40);
    fill_ids(pieces[1].content + head, size - head);
    piece.bytes = pieces[1].content;
    assert_int_equal(fletch_codec_zstd.encode(encoder, &piece, pieces[1].bytes,
                                              fletch_codec_zstd.bound(size),
                                              &pieces[1].size, NULL),
                     FLETCH_OK);
    /* behind the raw block in front: the random one is raw, the next is not */
    assert_int_equal(fletch_zstd_block_at(pieces[1].bytes, 6).type, FLETCH_ZSTD_RAW);
    assert_int_equal(fletch_zstd_block_at(pieces[1].bytes, 6 + PIECE).type,
                     FLETCH_ZSTD_COMPRESSED);
    check_order(pieces, (const size_t[]){ 0, 1 }, 2);
    for (size_t i = 0; i < 2; i++) {
        free(pieces[i].bytes);
        free(pieces[i].content);
    }
    fletch_codec_zstd.encoder_close(encoder);
}

/* ---- Blocks ---- */

/* Bytes that shrink by 1.9 %, and a little more with `extra` zeros in a thousand: sharply
 * frequent ones (a 32nd, two 64ths), and 240 that are equally rare. One table suits all. */
static void fill_thin(uint8_t *out, size_t size, unsigned extra, uint64_t *seed)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned slot = (unsigned)random_below(seed, 256);

        if (random_below(seed, 1000) < extra || slot < 8)
            out[i] = 0;
        else
            out[i] = slot < 12 ? 1 : slot < 16 ? 2 : (uint8_t)slot;
    }
}

#define THIN_MAX 12

/* Compresses a page of blocks with that many extra zeros each; types and the first byte of
 * each block, which for a compressed one says in its low bits where its table comes from.
 */
static void compress_thin(const unsigned *extra, size_t count,
                          enum fletch_zstd_block_type types[THIN_MAX],
                          uint8_t first[THIN_MAX])
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 3);
    uint64_t seed = 24;
    struct page page = make_content(count * PIECE, CONTENT_ZEROS, &seed);
    ZSTD_frameHeader header;
    size_t at;

    for (size_t i = 0; i < count; i++)
        fill_thin(page.content + i * PIECE, PIECE, extra[i], &seed);
    compress(&page, &fletch_codec_zstd, encoder, FLETCH_EFFORT_ENTROPY, 0);
    check_frame(&page);
    assert_int_equal(ZSTD_getFrameHeader(&header, page.bytes, page.size), 0);
    at = header.headerSize;
    for (size_t i = 0; i < count; i++) {
        const struct fletch_zstd_block block = fletch_zstd_block_at(page.bytes, at);

        types[i] = block.type;
        first[i] = page.bytes[at + FLETCH_ZSTD_BLOCK_HEADER];
        at += FLETCH_ZSTD_BLOCK_HEADER + block.size;
    }
    assert_int_equal(at, page.size);
    release_page(&page);
    fletch_codec_zstd.encoder_close(encoder);
}

static void thin_blocks_are_stored(void **state)
{
    static const unsigned all[] = { 0, 0, 0, 0 }, behind[] = { 40, 0, 40, 0, 0, 40 };
    enum fletch_zstd_block_type types[THIN_MAX];
    uint8_t first[THIN_MAX];

    (void)state;
    compress_thin(all, 4, types, first);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(types[i], FLETCH_ZSTD_RAW);
    compress_thin(behind, 6, types, first);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(types[i], behind[i] ? FLETCH_ZSTD_COMPRESSED : FLETCH_ZSTD_RAW);
    assert_int_equal(first[0] & 3, 2);
}

/* Where one code suits all, the first block that is worth it brings it. */
static void one_code_is_brought_once(void **state)
{
    static const unsigned extra[] = { 0, 40, 0, 40, 40, 0, 40 };
    enum fletch_zstd_block_type types[THIN_MAX];
    uint8_t first[THIN_MAX];

    (void)state;
    compress_thin(extra, 7, types, first);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(types[i], extra[i] ? FLETCH_ZSTD_COMPRESSED : FLETCH_ZSTD_RAW);
        if (extra[i])
            assert_int_equal(first[i] & 3, i == 1 ? 2 : 3);
    }
}

/* A thin block stays when a later one is coded with its table, and only then. The last one
 * is unlike the others: all are left to the library. */
static void tables_that_are_needed_stay(void **state)
{
    static const unsigned extra[] = { 0, 0, 5, 0, 1000 };
    enum fletch_zstd_block_type types[THIN_MAX];
    uint8_t first[THIN_MAX];

    (void)state;
    compress_thin(extra, 5, types, first);
    assert_int_equal(types[2], FLETCH_ZSTD_COMPRESSED);
    assert_int_equal(first[2] & 3, 3);
    assert_int_equal(types[0], FLETCH_ZSTD_COMPRESSED);
    assert_int_equal(first[0] & 3, 2);
    assert_int_equal(types[1], FLETCH_ZSTD_RAW);
    assert_int_equal(types[3], FLETCH_ZSTD_RAW);
}

/* ---- Codes made from a sample ---- */

static void every_length_is_coded(void **state)
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 3);
    uint64_t seed = 27;

    (void)state;
    for (size_t i = 0; i < 20; i++) { /* five at a time, four streams */
        check_cut(encoder, CONTENT_WEIGHTS, PIECE + i, FLETCH_EFFORT_ENTROPY, 0, &seed);
        check_cut(encoder, CONTENT_WEIGHTS, 3 * PIECE + 1000 + i, FLETCH_EFFORT_ENTROPY,
                  2 * PIECE, &seed);
    }
    for (int i = 0; i < CONTENT_KINDS; i++)
        check_cut(encoder, (enum content_kind)i, 11 * PIECE - 5, FLETCH_EFFORT_ENTROPY,
                  8 * PIECE, &seed);
    fletch_codec_zstd.encoder_close(encoder);
}

/* The sample of content[16 * PIECE], as the first block of a frame. */
static size_t make_sample(struct fletch_zstd_sample *sample, uint8_t *frame, size_t cap,
                          const uint8_t *content)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_Sequence all = { .litLength = sizeof(sample->bytes) };
    size_t size;

    fletch_zstd_sample_take(sample, content, 16 * PIECE);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_blockDelimiters,
                           ZSTD_sf_explicitBlockDelimiters);
    ZSTD_CCtx_setParameter(context, ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
    size = ZSTD_compressSequences(context, frame, cap, &all, 1, sample->bytes,
                                  sizeof(sample->bytes));
    assert_false(ZSTD_isError(size));
    ZSTD_freeCCtx(context);
    return size;
}

/* No code is the beginning of another, and all together leave nothing unused. */
static void check_code(const struct fletch_zstd_code *code)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < 256; i++) {
        const unsigned bits = (unsigned)code->of[i] & 63;

        assert_in_range(bits, 1, 11);
        assert_int_equal((code->of[i] & ~UINT64_C(63)) << bits, 0);
        sum += UINT32_C(1) << (11 - bits);
        for (size_t j = 0; j < i; j++) {
            const unsigned other = (unsigned)code->of[j] & 63;
            const unsigned less = other < bits ? other : bits;

            assert_int_not_equal(code->of[i] >> (64 - less), code->of[j] >> (64 - less));
        }
    }
    assert_int_equal(sum, UINT32_C(1) << 11);
}

static void damaged_descriptions_give_no_code(void **state)
{
    static struct fletch_zstd_sample sample;
    static uint8_t frame[2 * sizeof(sample)];
    struct fletch_zstd_code code, damaged;
    uint8_t *content = malloc(16 * PIECE);
    uint64_t seed = 28;
    size_t size, begin = 6, taken = 0;

    (void)state;
    assert_non_null(content);
    fill_content(content, 16 * PIECE, CONTENT_WEIGHTS, &seed);
    size = make_sample(&sample, frame, sizeof(frame), content);
    assert_true(fletch_zstd_code_read(&code, frame, size, begin));
    check_code(&code);
    assert_true(fletch_zstd_sample_is_even(&sample, &code, 8));
    memset(sample.bytes + 4096, 7, 4096);
    assert_false(fletch_zstd_sample_is_even(&sample, &code, 8));
    for (size_t i = 0; i < begin + FLETCH_ZSTD_BLOCK_HEADER + 5 + code.description_size;
         i++)
        assert_false(fletch_zstd_code_read(&damaged, frame, i, begin));
    for (int i = 0; i < 20000; i++) {
        const size_t at = begin + (size_t)random_below(&seed, 9 + code.description_size);
        const uint8_t was = frame[at];

        frame[at] = (uint8_t)next_random(&seed);
        if (fletch_zstd_code_read(&damaged, frame, size, begin)) {
            taken++;
            if (i % 64 == 0)
                check_code(&damaged);
        }
        frame[at] = was;
    }
    assert_in_range(taken, 1, 19000);
    free(content);
}

/* What does not shrink costs three bytes a block and no decoding. */
static void random_content_is_stored(void **state)
{
    struct fletch_encoder *encoder = open_encoder(&fletch_codec_zstd, 3);
    uint64_t seed = 25;
    struct page page = make_content(10 * PIECE, CONTENT_RANDOM, &seed);

    (void)state;
    compress(&page, &fletch_codec_zstd, encoder, FLETCH_EFFORT_ENTROPY, 0);
    check_frame(&page);
    assert_int_equal(page.size, 10 + page.content_size + 10 * FLETCH_ZSTD_BLOCK_HEADER);
    release_page(&page);
    fletch_codec_zstd.encoder_close(encoder);
}

/* ---- Foreign frames ---- */

static void several_frames_are_read_as_one(void **state)
{
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    struct page page = { .content = malloc(2000),
                         .content_size = 2000,
                         .bytes = malloc(9000) };
    size_t size = 0;

    (void)state;
    assert_non_null(page.content);
    assert_non_null(page.bytes);
    memset(page.content, 'x', 2000);
    page.content[1500] = 'y';
    /* a skippable frame of two bytes, then two frames */
    memcpy(page.bytes,
           "\x50\x2a\x4d\x18\x02\x00\x00\x00"
           "ab",
           10);
    size = 10;
    size += ZSTD_compress(page.bytes + size, 4000, page.content, 1200, 1);
    size += ZSTD_compress(page.bytes + size, 4000, page.content + 1200, 800, 1);
    page.size = size;
    check_page(&page, &fletch_codec_zstd, decoder, true);
    release_page(&page);
    fletch_codec_zstd.decoder_close(decoder);
}

static void odd_frames_are_said(void **state)
{
    /* magic; no flags; a window of 2^28; a raw last block of one byte */
    static const uint8_t wide[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0x90, 0x09, 0, 0, 'x' };
    /* dictionary 7 */
    static const uint8_t dictionary[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x50,
                                          7,    0x09, 0,    0,    'x' };
    /* as `wide`, but a window of 2^10 */
    static const uint8_t small[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0x09, 0, 0, 'x' };
    static const uint8_t early[] = { 0x27, 0xb5, 0x2f, 0xfd, 0xd4, 0,    0x60, 0x8d, 0x65,
                                     0,    0xf8, 0xff, 0x1a, 0x9a, 0xd4, 0,    0xd4 };
    struct fletch_decoder *decoder = open_decoder(&fletch_codec_zstd);
    uint8_t out[4];

    (void)state;
    assert_int_equal(fletch_codec_zstd.decode(decoder, wide, sizeof(wide), out, 1, NULL),
                     FLETCH_OK);
    ASSERT_SAYS(stream(&fletch_codec_zstd, decoder, wide, sizeof(wide), out, 1, 9, err),
                FLETCH_ERR_UNSUPPORTED,
                "zstd page of 10 bytes, to become 1: its window is over 128 MiB, the most "
                "that a stream keeps");
    ASSERT_SAYS(
        fletch_codec_zstd.decode(decoder, dictionary, sizeof(dictionary), out, 1, err),
        FLETCH_ERR_UNSUPPORTED,
        "zstd page of 11 bytes, to become 1: it needs a dictionary");
    ASSERT_SAYS(fletch_codec_zstd.decode(decoder, "this is not zstd", 16, out, 1, err),
                FLETCH_ERR_FORMAT,
                "zstd page of 16 bytes, to become 1: it does not begin as a zstd frame, or "
                "other bytes follow one");
    /* before the format was settled: the library would read it whole */
    ASSERT_SAYS(fletch_codec_zstd.decode(decoder, early, sizeof(early), out, 0, err),
                FLETCH_ERR_FORMAT,
                "zstd page of 17 bytes, to become 0: it does not begin as a zstd frame, or "
                "other bytes follow one");
    ASSERT_SAYS(stream(&fletch_codec_zstd, decoder, early, sizeof(early), out, 0, 9, err),
                FLETCH_ERR_FORMAT,
                "zstd page of 17 bytes, to become 0: it does not begin as a zstd frame, or "
                "other bytes follow one");
    ASSERT_SAYS(fletch_codec_zstd.decode(decoder, wide, 9, out, 1, err), FLETCH_ERR_FORMAT,
                "zstd page of 9 bytes, to become 1: it ends early");
    ASSERT_SAYS(fletch_codec_zstd.decode(decoder, wide, 10, out, 0, err), FLETCH_ERR_FORMAT,
                "zstd page of 10 bytes, to become 0: it holds more than that");
    ASSERT_SAYS(fletch_codec_zstd.decode(decoder, wide, 10, out, 4, err), FLETCH_ERR_FORMAT,
                "zstd page of 10 bytes, to become 4: it holds less than that");
    for (size_t i = 0; i < 3; i++) {
        const size_t size = i ? 10 : 9, out_size = i == 0 ? 1 : i == 1 ? 0 : 4;
        struct fletch_error whole = { 0 }, into = { 0 };

        fletch_codec_zstd.decode(decoder, small, size, out, out_size, &whole);
        assert_int_equal(
            stream_into(&fletch_codec_zstd, decoder, small, size, out, out_size, 9, &into),
            FLETCH_ERR_FORMAT);
        assert_string_equal(into.message, whole.message);
    }
    fletch_codec_zstd.decoder_close(decoder);
}
#endif

int main(void)
{
#ifdef FLETCH_WITH_ZSTD
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_at_any_level_is_one_frame),
        cmocka_unit_test(large_pages_are_one_frame),
        cmocka_unit_test(later_pieces_stand_anywhere),
        cmocka_unit_test(raw_blocks_leave_distances_as_they_were),
        cmocka_unit_test(thin_blocks_are_stored),
        cmocka_unit_test(one_code_is_brought_once),
        cmocka_unit_test(tables_that_are_needed_stay),
        cmocka_unit_test(every_length_is_coded),
        cmocka_unit_test(damaged_descriptions_give_no_code),
        cmocka_unit_test(random_content_is_stored),
        cmocka_unit_test(several_frames_are_read_as_one),
        cmocka_unit_test(odd_frames_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    /* TAP for: nothing to test */
    puts("1..0 # SKIP this build has no zstd");
    return 0;
#endif
}
