/* SPDX-License-Identifier: MIT */
/* test_zstd_fallback.c - pages that are right though libzstd lays out its frames otherwise
 *
 * The linker puts the functions below in place of the library's (--wrap): frames that it
 * makes get what a later version might put there.
 */
#include "support.h"

#include "base/mem.h"
#include "codec/codec.h"

#include <zstd.h>

#define CONTENT_SIZE (3 * FLETCH_PIECE_SIZE + 12345)

/* What is done to every frame that the library makes. */
static enum way { AS_IT_IS, LONG_HEADER, CUT_BLOCK, ANOTHER_BLOCK } way;

/* A frame's new size. */
static size_t change(uint8_t *frame, size_t size, size_t cap)
{
    static const size_t more = 8;

    if (ZSTD_isError(size) || size + more > cap || size < 16)
        return size;
    if (way == LONG_HEADER) { /* and the content's size in it */
        memmove(frame + 6 + more, frame + 6, size - 6);
        memset(frame + 6, 0, more);
        frame[4] |= 3 << 6;
        return size + more;
    }
    if (way == CUT_BLOCK)
        return size - 1;
    if (way == ANOTHER_BLOCK) { /* of no bytes, raw, behind the others */
        memset(frame + size, 0, 3);
        return size + 3;
    }
    return size;
}

size_t __real_ZSTD_compress2(ZSTD_CCtx *context, void *out, size_t cap, const void *content,
                             size_t size);
size_t __wrap_ZSTD_compress2(ZSTD_CCtx *context, void *out, size_t cap, const void *content,
                             size_t size)
{
    return change(out, __real_ZSTD_compress2(context, out, cap, content, size), cap);
}

size_t __real_ZSTD_compressSequences(ZSTD_CCtx *context, void *out, size_t cap,
                                     const void *sequences, size_t count,
                                     const void *content, size_t size);
size_t __wrap_ZSTD_compressSequences(ZSTD_CCtx *context, void *out, size_t cap,
                                     const void *sequences, size_t count,
                                     const void *content, size_t size)
{
    return change(
        out,
        __real_ZSTD_compressSequences(context, out, cap, sequences, count, content, size),
        cap);
}

/* Words that repeat, and between them bytes of four bits: matches as well as codes pay. */
static void fill(uint8_t *content, size_t size)
{
    uint32_t state = 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        content[i] = i % 64 < 24 && i >= 4096 ? content[i - 4096] : (uint8_t)(state >> 28);
    }
}

/* A page of pieces, as the pipeline makes it; its size. */
static size_t make_page(uint8_t *page, size_t cap, const uint8_t *content, size_t size,
                        enum fletch_effort effort)
{
    const struct fletch_codec *codec = &fletch_codec_zstd;
    struct fletch_encoder *encoder;
    struct fletch_error err;
    size_t used = 0;

    assert_ok(codec->encoder_open(&encoder, 3, &err), err);
    for (size_t at = 0; at < size; at += FLETCH_PIECE_SIZE) {
        struct fletch_piece piece = { .bytes = content + at,
                                      .size = size - at < FLETCH_PIECE_SIZE
                                                  ? size - at
                                                  : FLETCH_PIECE_SIZE,
                                      .offset = at,
                                      .page_size = size,
                                      .effort = effort };
        size_t made = 0;

        assert_true(codec->bound(piece.size) <= cap - used);
        assert_ok(codec->encode(encoder, &piece, page + used, cap - used, &made, &err),
                  err);
        used += made;
    }
    codec->encoder_close(encoder);
    return used;
}

static void pages_are_right_however_frames_lie(void **state)
{
    static const size_t sizes[] = { 100, 70000, FLETCH_PIECE_SIZE + 1, CONTENT_SIZE };
    static uint8_t content[CONTENT_SIZE], back[CONTENT_SIZE];
    static uint8_t page[CONTENT_SIZE + (1 << 20)];

    (void)state;
    fill(content, sizeof(content));
    for (way = AS_IT_IS; way <= ANOTHER_BLOCK; way++)
        for (int effort = FLETCH_EFFORT_MATCH; effort <= FLETCH_EFFORT_ENTROPY; effort++)
            for (size_t i = way == AS_IT_IS ? 0 : 2; i < 4; i++) {
                const size_t made = make_page(page, sizeof(page), content, sizes[i],
                                              (enum fletch_effort)effort);

                memset(back, 0, sizes[i]);
                assert_int_equal(ZSTD_decompress(back, sizes[i], page, made), sizes[i]);
                assert_memory_equal(back, content, sizes[i]);
                if (way == AS_IT_IS && i)
                    assert_true(made < sizes[i] - sizes[i] / 4);
                assert_true(made < sizes[i] + 1000);
            }
    way = AS_IT_IS;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_right_however_frames_lie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
