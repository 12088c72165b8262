/* SPDX-License-Identifier: MIT */
/* snappy.c - snappy's block format: a varint with the content's size, then elements
 *
 * An element's tag says what it is by its two low bits:
 *
 *     00  literal: length - 1 in the upper six bits, or, for 60 to 63, in the next 1 to 4
 *         bytes; the bytes follow
 *     01  copy of 4 to 11 bytes: three bits of length, 11 bits of distance
 *     10  copy of 1 to 64 bytes: six bits of length - 1, 16 bits of distance
 *     11  the same with 32 bits of distance
 *
 * Elements of pieces that were compressed apart can stand one behind the other, since no
 * copy reaches out of its piece. What the library puts in front of a later piece, its size,
 * must go: a literal with the piece's first bytes takes exactly that place, so that nothing
 * need be moved.
 *
 * The library decodes only whole pages; the stream here is an own decoder of elements. It
 * keeps the last 64 KiB, since no known compressor copies from farther away.
 */
#include "codec/codec_internal.h"

#ifdef FLETCH_WITH_SNAPPY
#include "base/bytes.h"
#include "base/mem.h"

#include <inttypes.h>
#include <snappy-c.h>

#define VARINT_MAX 5 /* the content's size is a u32 */
#define TAG_MAX 5    /* a tag and what belongs to it */
#define HISTORY_SIZE ((size_t)64 << 10)

/* Between two steps a stream is inside its preamble, in front of a tag of which some bytes
 * are there, or inside a literal or a copy. */
struct fletch_decoder {
    uint64_t in_size, out_size;
    uint64_t in_done, out_done;
    bool began;           /* the preamble has been read */
    uint8_t tag[TAG_MAX]; /* [tag_size], the bytes so far of preamble or tag */
    size_t tag_size;
    uint64_t literal;  /* bytes of the literal that are still to come */
    uint32_t copy;     /* bytes of the copy that are still to come */
    uint32_t distance; /* of the copy */
    uint8_t *history;  /* [HISTORY_SIZE], the last bytes given, at its end */
};

static size_t put_varint(uint8_t out[VARINT_MAX], uint32_t value)
{
    size_t size = 0;

    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

static size_t bound(size_t size)
{
    return snappy_max_compressed_length(size) + VARINT_MAX;
}

static size_t encoder_size(int level)
{
    (void)level;
    return (size_t)256 << 10;
}

/* Compresses content to out, the library's preamble included. */
static enum fletch_status compress(const uint8_t *content, size_t content_size,
                                   uint8_t *out, size_t *size, struct fletch_error *err)
{
    *size = snappy_max_compressed_length(content_size);
    if (snappy_compress(content_size ? (const char *)content : "", content_size,
                        (char *)out, size) == SNAPPY_OK)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "snappy: the library made nothing from %zu bytes", content_size);
}

/* The first piece: the page's size goes where the library puts the piece's, which is never
 * longer. */
static enum fletch_status encode_first(const struct fletch_piece *piece, uint8_t *out,
                                       size_t *size, struct fletch_error *err)
{
    uint8_t own[VARINT_MAX], theirs[VARINT_MAX];
    const size_t own_size = put_varint(own, (uint32_t)piece->page_size);
    const size_t shift = own_size - put_varint(theirs, (uint32_t)piece->size);
    size_t run;

    TRY(compress(piece->bytes, piece->size, out + shift, &run, err));
    memcpy(out, own, own_size);
    *size = shift + run;
    return FLETCH_OK;
}

/* A later piece. The literal in front takes, its tag included, as many bytes as the
 * preamble of what is left, so that the rest is where it must be. */
static enum fletch_status encode_later(const struct fletch_piece *piece, uint8_t *out,
                                       size_t *size, struct fletch_error *err)
{
    const uint8_t *content = piece->bytes;
    uint8_t varint[VARINT_MAX];
    const size_t preamble = put_varint(varint, (uint32_t)piece->size);
    size_t lead = preamble - 1, run;

    /* Sizes up to 127, and those just above a power of 128, are moved after all. */
    if (lead && put_varint(varint, (uint32_t)(piece->size - lead)) != preamble)
        lead = 0;
    TRY(compress(content + lead, piece->size - lead, out, &run, err));
    if (lead) {
        out[0] = (uint8_t)((lead - 1) << 2);
        memcpy(out + 1, content, lead);
    } else {
        run -= preamble;
        memmove(out, out + preamble, run);
    }
    *size = run;
    return FLETCH_OK;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    (void)encoder;
    TRY(fletch_page_check_room(cap, bound(piece->size), "snappy", err));
    if (piece->page_size > UINT32_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "snappy page of %" PRIu64 " bytes, the format holds at most %u",
                           piece->page_size, UINT32_MAX);
    return piece->offset ? encode_later(piece, out, size, err)
                         : encode_first(piece, out, size, err);
}

static void decoder_close(struct fletch_decoder *decoder)
{
    if (!decoder)
        return;
    fletch_free(decoder->history);
    fletch_free(decoder);
}

static enum fletch_status decoder_open(struct fletch_decoder **out,
                                       struct fletch_error *err)
{
    struct fletch_decoder *decoder = fletch_alloc(sizeof(*decoder));

    if (decoder)
        decoder->history = fletch_alloc(HISTORY_SIZE);
    if (!decoder || !decoder->history) {
        decoder_close(decoder);
        return fletch_fail_memory(err, HISTORY_SIZE, "a snappy decoder");
    }
    *out = decoder;
    return FLETCH_OK;
}

static enum fletch_status decode(struct fletch_decoder *decoder, const void *in,
                                 size_t in_size, void *out, size_t out_size,
                                 struct fletch_error *err)
{
    size_t content, gave = out_size;
    char nowhere;

    (void)decoder;
    if (!in_size && !out_size)
        return FLETCH_OK;
    if (!in_size || snappy_uncompressed_length(in, in_size, &content) != SNAPPY_OK)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "snappy", in_size, out_size,
                                "it does not begin with its content's size");
    if (content != out_size)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "snappy", in_size, out_size,
                                content > out_size ? "it holds more than that"
                                                   : "it holds less than that");
    if (snappy_uncompress(in, in_size, out_size ? out : &nowhere, &gave) != SNAPPY_OK ||
        gave != out_size)
        return fletch_page_fail(err, FLETCH_ERR_FORMAT, "snappy", in_size, out_size,
                                "the bytes are damaged");
    return FLETCH_OK;
}

/* ---- As a stream ---- */

/* What one step has to work with. */
struct flow {
    const uint8_t *in; /* [in_left] */
    size_t in_left;
    uint8_t *out; /* [out_cap], of which `given` bytes have been given */
    size_t given, out_cap;
};

static enum fletch_status stream_begin(struct fletch_decoder *decoder, uint64_t in_size,
                                       uint64_t out_size, struct fletch_error *err)
{
    uint8_t *history = decoder->history;

    (void)err;
    *decoder = (struct fletch_decoder){ .in_size = in_size,
                                        .out_size = out_size,
                                        .history = history };
    return FLETCH_OK;
}

static enum fletch_status fail_stream(const struct fletch_decoder *decoder,
                                      enum fletch_status status, const char *reason,
                                      struct fletch_error *err)
{
    return fletch_page_fail(err, status, "snappy", decoder->in_size, decoder->out_size,
                            reason);
}

/* How many bytes a tag has that begins with `first`. */
static size_t tag_length(uint8_t first)
{
    static const size_t copies[] = { [1] = 2, [2] = 3, [3] = 5 };

    if (first & 3)
        return copies[first & 3];
    return first >> 2 < 60 ? 1 : (size_t)(first >> 2) - 58;
}

static enum fletch_status start_literal(struct fletch_decoder *decoder, const uint8_t *tag,
                                        uint64_t room, struct fletch_error *err)
{
    uint64_t len = tag[0] >> 2;

    if (len >= 60) {
        const size_t bytes = (size_t)len - 59;

        len = 0;
        for (size_t i = 0; i < bytes; i++)
            len |= (uint64_t)tag[1 + i] << 8 * i;
    }
    decoder->literal = len + 1;
    if (decoder->literal > room)
        return fail_stream(decoder, FLETCH_ERR_FORMAT, "it holds more than that", err);
    return FLETCH_OK;
}

/* Reads a whole tag; `done` is how much content there is in front of it. */
static enum fletch_status start_element(struct fletch_decoder *decoder, const uint8_t *tag,
                                        uint64_t done, struct fletch_error *err)
{
    const uint64_t room = decoder->out_size - done;

    switch (tag[0] & 3) {
    case 0:
        return start_literal(decoder, tag, room, err);
    case 1:
        decoder->copy = (tag[0] >> 2 & 7u) + 4;
        decoder->distance = (uint32_t)(tag[0] >> 5) << 8 | tag[1];
        break;
    case 2:
        decoder->copy = (uint32_t)(tag[0] >> 2) + 1;
        decoder->distance = fletch_load_u16(tag + 1);
        break;
    default:
        decoder->copy = (uint32_t)(tag[0] >> 2) + 1;
        decoder->distance = fletch_load_u32(tag + 1);
        break;
    }
    if (!decoder->distance || decoder->distance > done)
        return fail_stream(decoder, FLETCH_ERR_FORMAT, "the bytes are damaged", err);
    if (decoder->copy > room)
        return fail_stream(decoder, FLETCH_ERR_FORMAT, "it holds more than that", err);
    if (decoder->distance > HISTORY_SIZE)
        return fail_stream(decoder, FLETCH_ERR_UNSUPPORTED,
                           "it copies from more than 65536 bytes back, which a stream "
                           "does not keep",
                           err);
    return FLETCH_OK;
}

/* Moves one byte from the input to the tag. */
static uint8_t take_byte(struct fletch_decoder *decoder, struct flow *flow)
{
    const uint8_t byte = *flow->in++;

    flow->in_left--;
    decoder->tag[decoder->tag_size++] = byte;
    return byte;
}

/* The preamble, as far as it is there. */
static enum fletch_status take_preamble(struct fletch_decoder *decoder, struct flow *flow,
                                        struct fletch_error *err)
{
    uint64_t content = 0;

    while (flow->in_left) {
        const uint8_t byte = take_byte(decoder, flow);

        if (byte & 0x80 && decoder->tag_size < VARINT_MAX)
            continue;
        for (size_t i = 0; i < decoder->tag_size; i++)
            content |= (uint64_t)(decoder->tag[i] & 0x7f) << 7 * i;
        decoder->tag_size = 0;
        decoder->began = true;
        if (byte & 0x80 || content > UINT32_MAX)
            return fail_stream(decoder, FLETCH_ERR_FORMAT,
                               "it does not begin with its content's size", err);
        if (content != decoder->out_size)
            return fail_stream(decoder, FLETCH_ERR_FORMAT,
                               content > decoder->out_size ? "it holds more than that"
                                                           : "it holds less than that",
                               err);
        return FLETCH_OK;
    }
    return FLETCH_OK;
}

/* The next tag, as far as it is there. */
static enum fletch_status take_tag(struct fletch_decoder *decoder, struct flow *flow,
                                   struct fletch_error *err)
{
    const uint64_t done = decoder->out_done + flow->given;
    size_t length;

    if (!decoder->tag_size && flow->in_left >= TAG_MAX) {
        const uint8_t *tag = flow->in;

        length = tag_length(tag[0]);
        flow->in += length;
        flow->in_left -= length;
        return start_element(decoder, tag, done, err);
    }
    while (flow->in_left) {
        take_byte(decoder, flow);
        if (decoder->tag_size < tag_length(decoder->tag[0]))
            continue;
        decoder->tag_size = 0;
        return start_element(decoder, decoder->tag, done, err);
    }
    return FLETCH_OK;
}

static void give_literal(struct fletch_decoder *decoder, struct flow *flow)
{
    size_t size = flow->out_cap - flow->given;

    if (size > flow->in_left)
        size = flow->in_left;
    if (size > decoder->literal)
        size = (size_t)decoder->literal;
    memcpy(flow->out + flow->given, flow->in, size);
    flow->in += size;
    flow->in_left -= size;
    flow->given += size;
    decoder->literal -= size;
}

/* Goes on with what repeats every `distance` bytes in front of `to`. What is there doubles
 * with every copy, since that is cheaper than one byte at a time. */
static void repeat(uint8_t *to, size_t distance, size_t size)
{
    size_t done = distance < size ? distance : size;

    memcpy(to, to - distance, done);
    while (done < size) {
        const size_t more = done < size - done ? done : size - done;

        memcpy(to + done, to, more);
        done += more;
    }
}

/* As much of the copy as has one source: what earlier steps gave, or this one. */
static void give_copy(struct fletch_decoder *decoder, struct flow *flow)
{
    const size_t distance = decoder->distance;
    uint8_t *to = flow->out + flow->given;
    size_t size = flow->out_cap - flow->given;

    if (size > decoder->copy)
        size = decoder->copy;
    if (distance > flow->given) {
        const size_t before = distance - flow->given;

        if (size > before)
            size = before;
        memcpy(to, decoder->history + HISTORY_SIZE - before, size);
    } else {
        repeat(to, distance, size);
    }
    flow->given += size;
    decoder->copy -= (uint32_t)size;
}

static void keep_history(struct fletch_decoder *decoder, const struct flow *flow)
{
    const size_t fresh = flow->given < HISTORY_SIZE ? flow->given : HISTORY_SIZE;

    if (!fresh)
        return;
    memmove(decoder->history, decoder->history + fresh, HISTORY_SIZE - fresh);
    memcpy(decoder->history + HISTORY_SIZE - fresh, flow->out + flow->given - fresh, fresh);
}

static enum fletch_status run(struct fletch_decoder *decoder, struct flow *flow,
                              struct fletch_error *err)
{
    for (;;) {
        const bool room = flow->given < flow->out_cap;

        if (decoder->literal) {
            if (!room || !flow->in_left)
                return FLETCH_OK;
            give_literal(decoder, flow);
        } else if (decoder->copy) {
            if (!room)
                return FLETCH_OK;
            give_copy(decoder, flow);
        } else if (!flow->in_left) {
            return FLETCH_OK;
        } else if (decoder->began) {
            TRY(take_tag(decoder, flow, err));
        } else {
            TRY(take_preamble(decoder, flow, err));
        }
    }
}

static enum fletch_status stream_step(struct fletch_decoder *decoder, const void *in,
                                      size_t *in_size, void *out, size_t *out_size,
                                      struct fletch_error *err)
{
    const uint64_t left = decoder->in_size - decoder->in_done;
    const size_t in_cap = *in_size < left ? *in_size : (size_t)left;
    struct flow flow = { .in = in, .in_left = in_cap, .out = out, .out_cap = *out_size };

    TRY(run(decoder, &flow, err));
    keep_history(decoder, &flow);
    *in_size = in_cap - flow.in_left;
    *out_size = flow.given;
    decoder->in_done += *in_size;
    decoder->out_done += *out_size;
    return FLETCH_OK;
}

static enum fletch_status stream_finish(struct fletch_decoder *decoder,
                                        struct fletch_error *err)
{
    const bool between = !decoder->literal && !decoder->copy && !decoder->tag_size;

    if (decoder->in_done == decoder->in_size && decoder->out_done == decoder->out_size &&
        between && (decoder->began || !decoder->in_size))
        return FLETCH_OK;
    if (decoder->in_done == decoder->in_size)
        return fail_stream(decoder, FLETCH_ERR_FORMAT, "it ends early", err);
    return fail_stream(decoder, FLETCH_ERR_FORMAT, "bytes follow its end", err);
}
#endif

const struct fletch_codec fletch_codec_snappy = {
    .name = "snappy",
    .display_name = "SNAPPY",
    .id = FLETCH_CODEC_ID_SNAPPY,
    .concatenable = true,
#ifdef FLETCH_WITH_SNAPPY
    .bound = bound,
    .encoder_size = encoder_size,
    .decoder_size = (size_t)192 << 10,
    .encoder_open = fletch_page_encoder_open,
    .encode = encode,
    .encoder_close = fletch_page_encoder_close,
    .decoder_open = decoder_open,
    .decode = decode,
    .stream_begin = stream_begin,
    .stream_step = stream_step,
    .stream_finish = stream_finish,
    .decoder_close = decoder_close,
#endif
};
