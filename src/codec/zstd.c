/* SPDX-License-Identifier: MIT */
/* zstd.c - pages as one zstd frame, also when pieces of it are compressed apart
 *
 * A frame is a header, then blocks of at most 128 KiB of content, the last one marked:
 *
 *     u32    magic number FD2FB528
 *     u8     descriptor: how long the content size is, whether there is a window byte
 *     u8     window: how far back matches reach; not in small pages
 *     1-8    content size
 *     u24    last, type (raw, one byte repeated, compressed), size   } each block
 *     ...    the block                                               }
 *
 * Each piece is compressed as a frame of its own, and what is around its blocks is replaced
 * by what its place in the page asks for, without moving the blocks: the library's header,
 * which always comes out with HEADER_SIZE bytes here, is overwritten by the end of the
 * page's header or, in later pieces, by a raw block with the piece's first bytes, which is
 * exactly as long. That the blocks are right behind each other takes care of
 *
 *  1. tables: the first block of a piece cannot refer to older ones, since the library
 *     takes it for the first of a frame;
 *  2. matches: they do not reach out of the piece;
 *  3. the last three distances, which a decoder carries on from the piece in front: see
 *     zstd_repcodes.c. Pieces without matches (ENTROPY) have none.
 *
 * All that counts on how today's library lays out a frame. Where another version does it
 * otherwise, the piece is stored as raw blocks: larger, and right.
 */
#include "codec/codec.h"

#ifdef FLETCH_WITH_ZSTD
#include "base/bytes.h"
#include "base/mem.h"
#include "codec/codec_internal.h"
#include "codec/zstd_internal.h"

#include <assert.h>
#include <zstd_errors.h>

/* Of the library's frames of pieces: magic, descriptor, window. Of ours at most: and 8
 * bytes of content size. */
#define HEADER_SIZE ((size_t)6)
#define HEADER_MAX (HEADER_SIZE + 8)
/* What a raw block holds that is as long as that header. */
#define LEAD_SIZE (HEADER_SIZE - FLETCH_ZSTD_BLOCK_HEADER)

/* The largest window that every reader takes. */
#define WINDOW_LOG_MAX 23
/* Log2 of FLETCH_PIECE_SIZE: of pages made from pieces. */
#define PIECE_WINDOW_LOG 20
/* Log2 of FLETCH_ZSTD_BLOCK: of pages without matches. */
#define ENTROPY_WINDOW_LOG 17
static_assert((size_t)1 << PIECE_WINDOW_LOG == FLETCH_PIECE_SIZE, "window of pieces");

/* The library leaves out up to 6 bytes of a last block that is as short as that. */
#define UNSEEN_MAX 6

/* Contexts are made when they are first needed. */
struct fletch_encoder {
    int level;
    int window_log;      /* of the level, for large content */
    ZSTD_CCtx *matcher;  /* content into blocks */
    ZSTD_CCtx *literals; /* content into blocks without matches */
    ZSTD_CCtx *finder;   /* content into sequences */
    ZSTD_CCtx *joiner;   /* sequences into blocks */
    struct fletch_zstd_sequences sequences;
    struct sampling *sampling;
};

/* A piece's sample, as a frame too, and the code that was made from it. */
struct sampling {
    struct fletch_zstd_sample sample;
    struct fletch_zstd_code code;
    uint8_t frame[ZSTD_COMPRESSBOUND(sizeof(struct fletch_zstd_sample)) + 64];
};

struct setting {
    ZSTD_cParameter parameter;
    int value;
};

static size_t bound(size_t size)
{
    return ZSTD_compressBound(size) + HEADER_MAX +
           FLETCH_ZSTD_BLOCK_HEADER * (size / FLETCH_ZSTD_BLOCK + 2) +
           (size < FLETCH_ZSTD_BLOCK ? 0 : FLETCH_ZSTD_CODED_SLACK);
}

/* Two contexts, for whole pages and for pieces, and what the library takes for itself while
 * it lists a piece's sequences. */
static size_t encoder_size(int level)
{
    ZSTD_compressionParameters parameters = ZSTD_getCParams(level, FLETCH_PIECE_SIZE, 0);

    return 2 * ZSTD_estimateCCtxSize_usingCParams(parameters) + ((size_t)6 << 20);
}

static void encoder_close(struct fletch_encoder *encoder)
{
    if (!encoder)
        return;
    ZSTD_freeCCtx(encoder->matcher);
    ZSTD_freeCCtx(encoder->literals);
    ZSTD_freeCCtx(encoder->finder);
    ZSTD_freeCCtx(encoder->joiner);
    fletch_free(encoder->sequences.items);
    fletch_free(encoder->sampling);
    fletch_free(encoder);
}

static enum fletch_status encoder_open(struct fletch_encoder **out, int level,
                                       struct fletch_error *err)
{
    struct fletch_encoder *encoder = fletch_alloc(sizeof(*encoder));

    if (!encoder)
        return fletch_fail_memory(err, sizeof(*encoder), "a zstd encoder");
    encoder->level = level;
    encoder->window_log = (int)ZSTD_getCParams(level, 0, 0).windowLog;
    *out = encoder;
    return FLETCH_OK;
}

/* The library's error in our words. None but the lack of memory can come from content. */
static enum fletch_status fail(struct fletch_error *err, size_t content, size_t result)
{
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
        return fletch_fail(err, FLETCH_ERR_MEMORY,
                           "out of memory (a zstd context for %zu bytes)", content);
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "zstd %s: %s (%zu bytes of content)",
                       ZSTD_versionString(), ZSTD_getErrorName(result), content);
}

/* ---- Contexts ---- */

static enum fletch_status set(ZSTD_CCtx *context, const struct setting *settings,
                              size_t count, struct fletch_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const size_t result =
            ZSTD_CCtx_setParameter(context, settings[i].parameter, settings[i].value);

        if (ZSTD_isError(result))
            return fail(err, 0, result);
    }
    return FLETCH_OK;
}

static enum fletch_status open_context(ZSTD_CCtx **context, const struct setting *settings,
                                       size_t count, struct fletch_error *err)
{
    ZSTD_CCtx *run;
    enum fletch_status status;

    if (*context)
        return FLETCH_OK;
    run = fletch_zstd_open_compressor();
    if (!run)
        return fletch_fail(err, FLETCH_ERR_MEMORY, "out of memory (a zstd context)");
    status = set(run, settings, count, err);
    if (status)
        ZSTD_freeCCtx(run);
    else
        *context = run;
    return status;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* No match search is run in this one: the smallest tables, and the codes for literals that
 * the fastest strategy would leave out at some levels. */
static enum fletch_status open_literals(struct fletch_encoder *encoder,
                                        struct fletch_error *err)
{
    static const struct setting settings[] = {
        { ZSTD_c_compressionLevel, 1 },
        { ZSTD_c_windowLog, ENTROPY_WINDOW_LOG },
        { ZSTD_c_hashLog, ZSTD_HASHLOG_MIN },
        { ZSTD_c_chainLog, ZSTD_CHAINLOG_MIN },
        { ZSTD_c_contentSizeFlag, 0 },
        { ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters },
        { ZSTD_c_stableInBuffer, 1 }, /* or room for a window would be made */
        { ZSTD_c_stableOutBuffer, 1 },
        { ZSTD_c_literalCompressionMode, ZSTD_ps_enable },
    };

    return open_context(&encoder->literals, settings, COUNT(settings), err);
}

/* Its window and header differ between whole pages and first pieces. */
static enum fletch_status open_matcher(struct fletch_encoder *encoder, bool whole,
                                       struct fletch_error *err)
{
    const int most = whole ? WINDOW_LOG_MAX : PIECE_WINDOW_LOG;
    const struct setting settings[] = {
        { ZSTD_c_compressionLevel, encoder->level },
        { ZSTD_c_windowLog, encoder->window_log > most ? most : 0 },
        { ZSTD_c_contentSizeFlag, whole },
    };

    TRY(open_context(&encoder->matcher, settings, COUNT(settings), err));
    return set(encoder->matcher, settings, COUNT(settings), err);
}

/* Blocks are not split any further: the library would then give the sequences of the whole
 * block for each part of it. */
static enum fletch_status open_finder(struct fletch_encoder *encoder,
                                      struct fletch_error *err)
{
    const struct setting settings[] = {
        { ZSTD_c_compressionLevel, encoder->level },
        { ZSTD_c_windowLog, encoder->window_log > PIECE_WINDOW_LOG ? PIECE_WINDOW_LOG : 0 },
        { ZSTD_c_useBlockSplitter, ZSTD_ps_disable },
    };

    return open_context(&encoder->finder, settings, COUNT(settings), err);
}

/* Searches nothing either, but decides about tables as the level does, and writes kept
 * distances as such, which is what zstd_repcodes.c counts on. */
static enum fletch_status open_joiner(struct fletch_encoder *encoder,
                                      struct fletch_error *err)
{
    const struct setting settings[] = {
        { ZSTD_c_compressionLevel, 1 },
        { ZSTD_c_strategy, (int)ZSTD_getCParams(encoder->level, 0, 0).strategy },
        { ZSTD_c_windowLog, PIECE_WINDOW_LOG },
        { ZSTD_c_hashLog, ZSTD_HASHLOG_MIN },
        { ZSTD_c_chainLog, ZSTD_CHAINLOG_MIN },
        { ZSTD_c_minMatch, ZSTD_MINMATCH_MIN },
        { ZSTD_c_useRowMatchFinder, ZSTD_ps_disable },
        { ZSTD_c_contentSizeFlag, 0 },
        { ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters },
        { ZSTD_c_stableInBuffer, 1 }, /* or room for a window would be made */
        { ZSTD_c_stableOutBuffer, 1 },
        { ZSTD_c_searchForExternalRepcodes, ZSTD_ps_enable },
    };

    return open_context(&encoder->joiner, settings, COUNT(settings), err);
}

static enum fletch_status reserve_sequences(struct fletch_encoder *encoder, size_t count,
                                            struct fletch_error *err)
{
    struct fletch_zstd_sequences *list = &encoder->sequences;

    list->count = 0;
    if (count <= list->cap)
        return FLETCH_OK;
    /* Not resized: nothing is to be kept, and memory that is fresh is not touched before it
     * is used, which most of this never is. */
    fletch_free(list->items);
    list->cap = 0;
    list->items = fletch_alloc_array(count, sizeof(*list->items));
    if (!list->items)
        return fletch_fail_memory(err, count * sizeof(*list->items), "zstd sequences");
    list->cap = count;
    return FLETCH_OK;
}

/* Looks at what the library wrote to out[begin - HEADER_SIZE ..]. *as_expected is false for
 * a frame that another version of it lays out otherwise: its blocks cannot be used. */
static enum fletch_status accept(struct fletch_zstd_block_run *run, bool *as_expected,
                                 size_t content, size_t result, struct fletch_error *err)
{
    if (ZSTD_isError(result))
        return fail(err, content, result);
    run->end = run->begin - HEADER_SIZE + result;
    *as_expected =
        result >= HEADER_SIZE &&
        ZSTD_frameHeaderSize(run->out + run->begin - HEADER_SIZE, result) == HEADER_SIZE &&
        fletch_zstd_block_run_check(run);
    return FLETCH_OK;
}

/* ---- Without matches ---- */

/* The code of a sample of content[size]; *found is false when there is none, or it suits
 * some of the content badly. */
static enum fletch_status find_code(struct fletch_encoder *encoder, const uint8_t *content,
                                    size_t size, bool *found, struct fletch_error *err)
{
    struct sampling *sampling = encoder->sampling;
    ZSTD_Sequence all = { .litLength = sizeof(sampling->sample.bytes) };
    size_t parts = 1, result;

    if (!sampling)
        sampling = encoder->sampling = fletch_alloc(sizeof(*sampling));
    if (!sampling)
        return fletch_fail_memory(err, sizeof(*sampling), "a zstd sample");
    TRY(open_literals(encoder, err));
    fletch_zstd_sample_take(&sampling->sample, content, size);
    result =
        ZSTD_compressSequences(encoder->literals, sampling->frame, sizeof(sampling->frame),
                               &all, 1, sampling->sample.bytes, all.litLength);
    if (ZSTD_isError(result))
        return fail(err, all.litLength, result);
    while (parts < 8 && 2 * parts * FLETCH_ZSTD_BLOCK <= size)
        parts *= 2;
    *found = fletch_zstd_code_read(&sampling->code, sampling->frame, result, HEADER_SIZE) &&
             fletch_zstd_sample_is_even(&sampling->sample, &sampling->code, parts);
    return FLETCH_OK;
}

/* Content into blocks without matches, behind made->begin. With what is in front of it the
 * first block ends where a block would: decoders copy a fifth faster when blocks begin at
 * round addresses. */
static enum fletch_status make_literals(struct fletch_encoder *encoder,
                                        struct fletch_zstd_block_run *run, size_t cap,
                                        const uint8_t *content, size_t size,
                                        struct fletch_error *err)
{
    struct fletch_zstd_sequences *list = &encoder->sequences;
    uint8_t *out = run->out + run->begin - HEADER_SIZE;
    size_t left = size, result;
    bool coded = false, as_expected = false;

    if (size >= FLETCH_ZSTD_BLOCK)
        TRY(find_code(encoder, content, size, &coded, err));
    if (coded) {
        fletch_zstd_put_coded(run, content, size, &encoder->sampling->code);
        return FLETCH_OK;
    }
    TRY(open_literals(encoder, err));
    TRY(reserve_sequences(encoder, size / FLETCH_ZSTD_BLOCK + 2, err));
    do {
        const size_t room = FLETCH_ZSTD_BLOCK - (list->count ? 0 : run->lead);
        const size_t block = left < room ? left : room;

        list->items[list->count++] = (ZSTD_Sequence){ .litLength = (unsigned)block };
        left -= block;
    } while (left);
    result = ZSTD_compressSequences(encoder->literals, out, cap, list->items, list->count,
                                    content, size);
    TRY(accept(run, &as_expected, size, result, err));
    if (as_expected)
        return fletch_zstd_store_thin(run, content, size, err);
    fletch_zstd_put_raw(run, content, size);
    return FLETCH_OK;
}

/* ---- With matches ---- */

/* A first piece into blocks, behind made->begin. */
static enum fletch_status make_first(struct fletch_encoder *encoder,
                                     struct fletch_zstd_block_run *run, size_t cap,
                                     const uint8_t *content, size_t size,
                                     struct fletch_error *err)
{
    bool as_expected = false;

    TRY(open_matcher(encoder, false, err));
    TRY(accept(run, &as_expected, size,
               ZSTD_compress2(encoder->matcher, run->out + run->begin - HEADER_SIZE, cap,
                              content, size),
               err));
    if (!as_expected)
        fletch_zstd_put_raw(run, content, size);
    return FLETCH_OK;
}

static enum fletch_status find_sequences(struct fletch_encoder *encoder,
                                         const uint8_t *content, size_t size,
                                         struct fletch_error *err)
{
    struct fletch_zstd_sequences *list = &encoder->sequences;
    const size_t cap = ZSTD_sequenceBound(size) + 2 * (size / FLETCH_ZSTD_BLOCK + 1);
    size_t result;
    uint64_t sum = 0;

    TRY(open_finder(encoder, err));
    TRY(reserve_sequences(encoder, cap, err));
    result = ZSTD_generateSequences(encoder->finder, list->items, list->cap, content, size);
    if (ZSTD_isError(result))
        return fail(err, size, result);
    list->count = result;
    for (size_t i = 0; i < list->count; i++)
        sum += (uint64_t)list->items[i].litLength + list->items[i].matchLength;
    /* The library does not say when it had no memory, it just stops. */
    if (sum + UNSEEN_MAX < size)
        return fletch_fail(err, FLETCH_ERR_MEMORY,
                           "out of memory (a zstd context for %zu bytes)", size);
    return FLETCH_OK;
}

/* True when all blocks came out as fletch_zstd_fix_repcodes needs them; those of the first
 * `unsure` that did not are made plain. */
static bool are_repcodes_fixed(struct fletch_encoder *encoder,
                               const struct fletch_zstd_block_run *run, size_t unsure)
{
    size_t at = run->begin;
    bool sound = true;

    for (size_t i = 0; i < unsure; i++) {
        const struct fletch_zstd_block block = fletch_zstd_block_at(run->out, at);

        if (block.type != FLETCH_ZSTD_COMPRESSED &&
            fletch_zstd_make_plain(&encoder->sequences, i))
            sound = false;
        at += FLETCH_ZSTD_BLOCK_HEADER + block.size;
    }
    return sound;
}

static size_t count_delimiters(const struct fletch_zstd_sequences *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        count += !list->items[i].offset;
    return count;
}

/* A later piece into blocks, behind made->begin and lead bytes of content. Each round but
 * the last makes at least one more block plain, so there are at most as many as blocks. */
static enum fletch_status make_later(struct fletch_encoder *encoder,
                                     struct fletch_zstd_block_run *run, size_t lead,
                                     size_t cap, const uint8_t *content, size_t size,
                                     struct fletch_error *err)
{
    struct fletch_zstd_sequences *list = &encoder->sequences;
    bool as_expected = false;
    size_t unsure;

    TRY(open_joiner(encoder, err));
    TRY(find_sequences(encoder, content, size, err));
    fletch_zstd_trim(list, lead);
    do {
        unsure = fletch_zstd_fix_repcodes(list, content, lead, size);
        TRY(accept(run, &as_expected, size,
                   ZSTD_compressSequences(
                       encoder->joiner, run->out + run->begin - HEADER_SIZE, cap,
                       list->items, list->count, content + lead, size - lead),
                   err));
        if (!as_expected || run->count != count_delimiters(list)) {
            fletch_zstd_put_raw(run, content + lead, size - lead);
            return FLETCH_OK;
        }
    } while (!are_repcodes_fixed(encoder, run, unsure));
    return FLETCH_OK;
}

/* ---- Pages and pieces ---- */

/* The page's header; its size. Small pages are a single segment: no window byte, and a
 * content size may be as short as one byte. */
static size_t put_header(uint8_t out[HEADER_MAX], uint64_t page_size, int window_log)
{
    const bool single = page_size <= FLETCH_ZSTD_BLOCK;
    size_t at = 5;
    unsigned flag;

    if (single && page_size < 256)
        flag = 0;
    else if (page_size >= 256 && page_size < 256 + 65536)
        flag = 1;
    else
        flag = page_size <= UINT32_MAX ? 2 : 3;
    fletch_store_u32(out, ZSTD_MAGICNUMBER);
    out[4] = (uint8_t)(flag << 6 | (unsigned)single << 5);
    if (!single)
        out[at++] = (uint8_t)((unsigned)(window_log - ZSTD_WINDOWLOG_MIN) << 3);
    if (flag == 0)
        out[at] = (uint8_t)page_size;
    else if (flag == 1)
        fletch_store_u16(out + at, (uint16_t)(page_size - 256));
    else if (flag == 2)
        fletch_store_u32(out + at, (uint32_t)page_size);
    else
        fletch_store_u64(out + at, page_size);
    return at + ((size_t)1 << flag);
}

/* A whole page with matches needs nothing of us. */
static enum fletch_status encode_whole(struct fletch_encoder *encoder,
                                       const struct fletch_piece *piece, void *out,
                                       size_t cap, size_t *size, struct fletch_error *err)
{
    size_t result;

    TRY(open_matcher(encoder, true, err));
    result = ZSTD_compress2(encoder->matcher, out, cap, piece->bytes, piece->size);
    if (ZSTD_isError(result))
        return fail(err, piece->size, result);
    *size = result;
    return FLETCH_OK;
}

static enum fletch_status encode_first(struct fletch_encoder *encoder,
                                       const struct fletch_piece *piece, uint8_t *out,
                                       size_t cap, size_t *size, struct fletch_error *err)
{
    const bool entropy = piece->effort == FLETCH_EFFORT_ENTROPY;
    uint8_t header[HEADER_MAX];
    struct fletch_zstd_block_run run = { .out = out };

    run.begin = put_header(header, piece->page_size,
                           entropy ? ENTROPY_WINDOW_LOG : PIECE_WINDOW_LOG);
    cap -= run.begin - HEADER_SIZE;
    if (entropy)
        TRY(make_literals(encoder, &run, cap, piece->bytes, piece->size, err));
    else
        TRY(make_first(encoder, &run, cap, piece->bytes, piece->size, err));
    memcpy(out, header, run.begin);
    fletch_zstd_mark_last(&run, piece->size == piece->page_size);
    *size = run.end;
    return FLETCH_OK;
}

static enum fletch_status encode_later(struct fletch_encoder *encoder,
                                       const struct fletch_piece *piece, uint8_t *out,
                                       size_t cap, size_t *size, struct fletch_error *err)
{
    const bool last = piece->offset + piece->size == piece->page_size;
    const size_t lead = piece->size < LEAD_SIZE ? piece->size : LEAD_SIZE;
    const uint8_t *content = piece->bytes;
    struct fletch_zstd_block_run run = { .out = out,
                                         .begin = HEADER_SIZE,
                                         .end = FLETCH_ZSTD_BLOCK_HEADER + lead };

    run.lead = (size_t)((piece->offset + lead) % FLETCH_ZSTD_BLOCK);
    if (piece->size > lead && piece->effort == FLETCH_EFFORT_ENTROPY)
        TRY(make_literals(encoder, &run, cap, content + lead, piece->size - lead, err));
    else if (piece->size > lead)
        TRY(make_later(encoder, &run, lead, cap, content, piece->size, err));
    if (piece->size > lead)
        fletch_zstd_mark_last(&run, last);
    fletch_zstd_put_block_header(out, last && piece->size == lead, FLETCH_ZSTD_RAW, lead);
    memcpy(out + FLETCH_ZSTD_BLOCK_HEADER, content, lead);
    *size = run.end;
    return FLETCH_OK;
}

static enum fletch_status encode(struct fletch_encoder *encoder,
                                 const struct fletch_piece *piece, void *out, size_t cap,
                                 size_t *size, struct fletch_error *err)
{
    TRY(fletch_page_check_room(cap, bound(piece->size), "zstd", err));
    if (piece->offset)
        return encode_later(encoder, piece, out, cap, size, err);
    if (piece->size < piece->page_size || piece->effort == FLETCH_EFFORT_ENTROPY)
        return encode_first(encoder, piece, out, cap, size, err);
    return encode_whole(encoder, piece, out, cap, size, err);
}
#endif

const struct fletch_codec fletch_codec_zstd = {
    .name = "zstd",
    .display_name = "ZSTD",
    .id = FLETCH_CODEC_ID_ZSTD,
    .level_min = 1,
    .level_max = 22,
    .level_default = 3,
    .concatenable = true,
    .entropy = true,
#ifdef FLETCH_WITH_ZSTD
    .bound = bound,
    .encoder_size = encoder_size,
    .decoder_size = (size_t)2500 << 10,
    .encoder_open = encoder_open,
    .encode = encode,
    .encoder_close = encoder_close,
    .decoder_open = fletch_zstd_decoder_open,
    .decode = fletch_zstd_decode,
    .stream_begin = fletch_zstd_stream_begin,
    .stream_begin_into = fletch_zstd_stream_begin_into,
    .stream_step = fletch_zstd_stream_step,
    .stream_again = fletch_zstd_stream_again,
    .stream_finish = fletch_zstd_stream_finish,
    .decode_by_library = fletch_zstd_decode_by_library,
    .decoder_close = fletch_zstd_decoder_close,
#endif
};
