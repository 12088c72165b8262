/* SPDX-License-Identifier: MIT */
/* fuzz_compress - content of any shape, compressed in any pieces, must come back
 *
 * Input: the codec, its level, the effort, a number that the sizes of the pieces come from,
 * then orders of four bytes of which each appends to the content: its own bytes again and
 * again, what was there before, numbers that count, or noise.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/codec.h"

#include <stdlib.h>

#define HEADER_SIZE 4
#define CONTENT_MAX ((size_t)400 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* What order[4] appends at content[at]. */
static uint8_t byte_of(const uint8_t *order, const uint8_t *content, size_t at, size_t i,
                       uint32_t *noise)
{
    const size_t back = fletch_load_u16(order + 2);

    switch (order[0] & 3) {
    case 0:
        return order[1 + i % 3];
    case 1:
        return back && back <= at ? content[at - back] : 0;
    case 2:
        return (uint8_t)(i / 8 >> 8 * (i % 8 % sizeof(i)));
    default:
        return (uint8_t)(next(noise) & order[1]);
    }
}

static size_t make_content(uint8_t *content, const uint8_t *orders, size_t size)
{
    size_t at = 0;
    uint32_t noise = 1;

    for (; size >= 4; orders += 4, size -= 4) {
        const size_t step = (size_t)1 << (orders[0] >> 4);
        const size_t run = step * (1 + (orders[0] >> 2 & 3)) + orders[1] % step;

        for (size_t i = 0; i < run && at < CONTENT_MAX; i++, at++)
            content[at] = byte_of(orders, content, at, i, &noise);
    }
    return at;
}

/* Compresses content into page; its size. */
static size_t compress(uint8_t *page, size_t cap, const struct fletch_codec *codec,
                       const uint8_t *header, const uint8_t *content, size_t size)
{
    struct fletch_encoder *encoder;
    uint32_t cuts = header[3];
    size_t done = 0, made = 0, at = 0;
    int level = 0;

    if (codec->level_max)
        level = codec->level_min + header[1] % (codec->level_max - codec->level_min + 1);
    check(!codec->encoder_open(&encoder, level, NULL));
    do {
        size_t take =
            header[3] && codec->concatenable
                ? 1 + size / 64 + next(&cuts) % ((size_t)1 << (4 + header[3] % 16))
                : size;
        struct fletch_piece piece = { .bytes = content + at,
                                      .offset = at,
                                      .page_size = size,
                                      .effort = (enum fletch_effort)(header[2] % 3) };

        piece.size = take < size - at ? take : size - at;
        check(!codec->encode(encoder, &piece, page + made, cap - made, &done, NULL));
        check(done <= codec->bound(piece.size));
        made += done;
        at += piece.size;
    } while (at < size);
    codec->encoder_close(encoder);
    if (codec->trailer)
        made += codec->trailer(page + made, fletch_crc32(0, content, size), size);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* There are at most 64 pieces, and a bound adds less than a kilobyte and a half. */
    const size_t cap = 2 * CONTENT_MAX + 64 * 1536;
    const struct fletch_codec *codec;
    struct fletch_decoder *decoder;
    uint8_t *content, *page, *back;
    size_t content_size, page_size;

    if (size < HEADER_SIZE)
        return 0;
    codec = fletch_codec_get(data[0] % 5);
    if (!codec->encoder_open)
        return 0;
    content = fletch_alloc(CONTENT_MAX);
    back = fletch_alloc(CONTENT_MAX);
    page = fletch_alloc(cap);
    check(content && page && back);
    content_size = make_content(content, data + HEADER_SIZE, size - HEADER_SIZE);
    page_size = compress(page, cap, codec, data, content, content_size);
    check(!codec->decoder_open(&decoder, NULL));
    check(!codec->decode(decoder, page, page_size, back, content_size, NULL));
    check(!memcmp(content, back, content_size));
    codec->decoder_close(decoder);
    fletch_free(content);
    fletch_free(back);
    fletch_free(page);
    return 0;
}
