/* SPDX-License-Identifier: MIT */
/* zstd_literals.c - frames of literals, block by block
 *
 * Taken are raw blocks, blocks of one byte repeated, and blocks whose literals are coded
 * with Huffman's codes and have no sequences behind them. Blocks wait until as many of
 * their streams are at hand as the processor takes side by side, as long as they have one
 * table. A block that is not all there is kept until it is, and one that does not fit what
 * is left of the output is decoded elsewhere, and given as there is room.
 */
#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_literals.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <string.h>

#define MAGIC UINT32_C(0xfd2fb528)
#define BLOCK_MAX ((size_t)128 << 10)
#define BLOCK_HEADER ((size_t)3)
/* Magic, descriptor, window, content size. */
#define FRAME_HEADER_MAX ((size_t)14)
#define FRAME_HEADER_MIN ((size_t)5)
/* A larger window is what a stream refuses. */
#define WINDOW_LOG_MAX 27
#define STREAMS ((size_t)4)
#define JUMPS ((size_t)6)
/* Below that the library has rules of its own. */
#define FOUR_STREAMS_MIN ((size_t)16)
#define WAITING_MAX (2 * FLETCH_ZSTD_WALKS)

enum block_type { RAW, REPEATED, COMPRESSED };
enum literals_type { WITH_TABLE = 2, BORROWING = 3 };

struct fletch_zstd_literals {
    fletch_zstd_walk_fn *quickly;

    uint64_t in_left, out_left; /* of the page */
    size_t header;              /* bytes of the frame's header, 0 before it is known */
    bool started, is_last;      /* a block was taken, and the last one */
    bool has_content, has_lookup;
    uint64_t content; /* as the header has it, if it does */
    uint64_t decoded;
    size_t block_max;

    struct fletch_zstd_walk waiting[WAITING_MAX];
    size_t waiting_count;
    struct fletch_zstd_lookup lookup;

    uint8_t pending[BLOCK_MAX]; /* content that is still to be given */
    size_t pending_at, pending_size;
    uint8_t kept[FRAME_HEADER_MAX + BLOCK_HEADER + BLOCK_MAX]; /* a block's beginning */
    size_t kept_size, kept_before;                             /* before this step */
};

/* What a step has to do with. */
struct bench {
    const uint8_t *in;
    size_t in_size, in_at;
    uint8_t *out;
    size_t out_size, out_at;
    bool failed;  /* what comes is none of ours */
    bool starved; /* what comes is not all there */
};

struct block {
    const uint8_t *bytes; /* [size], behind its header */
    size_t size, content;
    enum block_type type;
    bool is_last, has_table, has_four;
    const uint8_t *streams; /* and the table in front of them */
};

struct fletch_zstd_literals *fletch_zstd_literals_open(void)
{
    struct fletch_zstd_literals *literals = fletch_alloc(sizeof(*literals));

    if (literals)
        literals->quickly = fletch_zstd_walk_way(0, NULL);
    return literals;
}

void fletch_zstd_literals_close(struct fletch_zstd_literals *literals)
{
    fletch_free(literals);
}

void fletch_zstd_literals_begin(struct fletch_zstd_literals *literals, uint64_t in_left,
                                uint64_t out_left)
{
    literals->in_left = in_left;
    literals->out_left = out_left;
    literals->header = 0;
    literals->started = literals->is_last = literals->has_lookup = false;
    literals->decoded = 0;
    literals->waiting_count = 0;
    literals->pending_at = literals->pending_size = 0;
    literals->kept_size = literals->kept_before = 0;
}

const uint8_t *fletch_zstd_literals_untaken(const struct fletch_zstd_literals *literals,
                                            size_t *size)
{
    *size = literals->kept_before;
    return literals->kept;
}

/* ---- Streams that wait ---- */

static bool flush(struct fletch_zstd_literals *literals)
{
    const size_t count = literals->waiting_count;

    literals->waiting_count = 0;
    return !count || fletch_zstd_walk_all(literals->waiting, count, &literals->lookup,
                                          literals->quickly);
}

static bool add(struct fletch_zstd_literals *literals, const uint8_t *in, size_t size,
                uint8_t *out, size_t out_size)
{
    return fletch_zstd_walk_begin(&literals->waiting[literals->waiting_count++], in, size,
                                  out, out_size);
}

/* ---- Headers ---- */

/* The `need` next bytes that were not taken yet; NULL when they are not all there, and are
 * kept. What waits is done before it is overwritten. */
static const uint8_t *gather(struct fletch_zstd_literals *literals, struct bench *bench,
                             size_t need)
{
    const size_t left = bench->in_size - bench->in_at;
    size_t missing, more;

    if (!literals->kept_size && need <= left)
        return bench->in + bench->in_at;
    if (need <= literals->kept_size)
        return literals->kept;
    bench->failed = !flush(literals);
    if (bench->failed)
        return NULL;
    missing = need - literals->kept_size;
    more = missing < left ? missing : left;
    if (more)
        memcpy(literals->kept + literals->kept_size, bench->in + bench->in_at, more);
    literals->kept_size += more;
    bench->in_at += more;
    bench->starved = more < missing;
    return bench->starved ? NULL : literals->kept;
}

static void take(struct fletch_zstd_literals *literals, struct bench *bench, size_t size)
{
    if (literals->kept_size)
        literals->kept_size = 0;
    else
        bench->in_at += size;
}

/* The size of the header that begins with these FRAME_HEADER_MIN bytes; 0: none of ours. */
static size_t header_size(const uint8_t *in)
{
    static const size_t content_sizes[] = { 0, 2, 4, 8 };
    const unsigned descriptor = in[4];
    const bool single = descriptor & 0x20;

    /* no dictionary, checksum, or bits that have no meaning yet */
    if (fletch_load_u32(in) != MAGIC || descriptor & 0x1f)
        return 0;
    return FRAME_HEADER_MIN + !single +
           (single && descriptor < 0x40 ? 1 : content_sizes[descriptor >> 6]);
}

static bool read_header(struct fletch_zstd_literals *literals, const uint8_t *in)
{
    const unsigned size_kind = in[4] >> 6;
    const bool single = in[4] & 0x20;
    const uint8_t *at = in + FRAME_HEADER_MIN;
    uint64_t window = 0;

    if (!single) {
        const unsigned log = 10 + (*at >> 3);

        if (log > WINDOW_LOG_MAX)
            return false;
        window = (UINT64_C(1) << log) + (UINT64_C(1) << log) / 8 * (*at & 7);
        at++;
    }
    literals->has_content = single || size_kind;
    literals->content = 0;
    if (size_kind == 3)
        literals->content = fletch_load_u64(at);
    else if (size_kind == 2)
        literals->content = fletch_load_u32(at);
    else if (size_kind == 1)
        literals->content = (uint64_t)fletch_load_u16(at) + 256;
    else if (single)
        literals->content = *at;
    if (single)
        window = literals->content;
    if (window > UINT64_C(1) << WINDOW_LOG_MAX)
        return false;
    literals->block_max = window < BLOCK_MAX ? (size_t)window : BLOCK_MAX;
    return true;
}

/* The sizes of coded literals, which must be all that the block has. */
static bool read_literals_header(struct block *block)
{
    static const struct {
        size_t header;
        unsigned bits;
    } formats[] = { { 3, 10 }, { 3, 10 }, { 4, 14 }, { 5, 18 } };
    const uint8_t *bytes = block->bytes;
    unsigned type, format;
    uint64_t sizes, mask;

    if (block->size < 5 + 1 + 1)
        return false;
    type = bytes[0] & 3;
    format = bytes[0] >> 2 & 3;
    if (type != WITH_TABLE && type != BORROWING)
        return false;
    mask = (UINT64_C(1) << formats[format].bits) - 1;
    sizes = (fletch_load_u32(bytes) | (uint64_t)bytes[4] << 32) >> 4;
    block->content = (size_t)(sizes & mask);
    block->has_table = type == WITH_TABLE;
    block->has_four = format > 0;
    block->streams = bytes + formats[format].header;
    return formats[format].header + (sizes >> formats[format].bits & mask) + 1 ==
               block->size &&
           !bytes[block->size - 1];
}

/* The next block, none of which is taken yet. False when it is not all there, or none of
 * ours. */
static bool find_block(struct block *block, struct fletch_zstd_literals *literals,
                       struct bench *bench)
{
    const size_t lead = literals->started ? 0 : literals->header;
    const uint8_t *at = gather(literals, bench, lead + BLOCK_HEADER);
    uint32_t header;

    if (!at)
        return false;
    header = at[lead] | (uint32_t)at[lead + 1] << 8 | (uint32_t)at[lead + 2] << 16;
    *block = (struct block){ .is_last = header & 1,
                             .type = (enum block_type)(header >> 1 & 3),
                             .size = header >> 3 };
    block->content = block->size;
    if (block->type == REPEATED)
        block->size = 1;
    bench->failed = block->type > COMPRESSED || block->content > literals->block_max;
    if (bench->failed)
        return false;
    at = gather(literals, bench, lead + BLOCK_HEADER + block->size);
    if (!at)
        return false;
    block->bytes = at + lead + BLOCK_HEADER;
    bench->failed = (block->type == COMPRESSED && !read_literals_header(block)) ||
                    block->content > literals->block_max ||
                    block->content > literals->out_left;
    return !bench->failed;
}

/* ---- Blocks ---- */

static bool add_four(struct fletch_zstd_literals *literals, const struct block *block,
                     const uint8_t *streams, size_t size, uint8_t *out)
{
    const size_t quarter = (block->content + STREAMS - 1) / STREAMS;
    size_t sizes[STREAMS], rest = size;

    if (size < JUMPS || block->content < FOUR_STREAMS_MIN)
        return false;
    rest -= JUMPS;
    for (size_t i = 0; i < STREAMS; i++) {
        sizes[i] = i + 1 < STREAMS ? fletch_load_u16(streams + 2 * i) : rest;
        if (sizes[i] > rest)
            return false;
        rest -= sizes[i];
    }
    streams += JUMPS;
    for (size_t i = 0; i < STREAMS; i++) {
        const size_t begin = i * quarter;

        if (!add(literals, streams, sizes[i], out + begin,
                 i + 1 < STREAMS ? quarter : block->content - begin))
            return false;
        streams += sizes[i];
    }
    return true;
}

/* Lets the streams of a block wait. */
static bool add_block(struct fletch_zstd_literals *literals, const struct block *block,
                      uint8_t *out)
{
    const uint8_t *streams = block->streams;
    size_t size = (size_t)(block->bytes + block->size - 1 - streams);

    if (!block->content)
        return false;
    if (block->has_table || literals->waiting_count + STREAMS > WAITING_MAX) {
        if (!flush(literals))
            return false;
    }
    if (block->has_table) {
        const size_t used = fletch_zstd_lookup_read(&literals->lookup, streams, size);

        literals->has_lookup = used;
        streams += used;
        size -= used;
    }
    if (!literals->has_lookup)
        return false;
    return block->has_four ? add_four(literals, block, streams, size, out)
                           : add(literals, streams, size, out, block->content);
}

static bool decode(struct fletch_zstd_literals *literals, const struct block *block,
                   uint8_t *out)
{
    if (block->type == RAW && block->size)
        memcpy(out, block->bytes, block->size);
    if (block->type == REPEATED)
        memset(out, block->bytes[0], block->content);
    if (block->type != COMPRESSED)
        return true;
    return add_block(literals, block, out) &&
           (literals->waiting_count < FLETCH_ZSTD_WALKS || flush(literals));
}

static void give_pending(struct fletch_zstd_literals *literals, struct bench *bench)
{
    const size_t left = literals->pending_size - literals->pending_at;
    const size_t room = bench->out_size - bench->out_at, size = left < room ? left : room;

    if (size)
        memcpy(bench->out + bench->out_at, literals->pending + literals->pending_at, size);
    literals->pending_at += size;
    bench->out_at += size;
}

/* Decodes a block that is found to where there is room for it; false: none of ours. */
static bool put_block(struct fletch_zstd_literals *literals, struct bench *bench,
                      const struct block *block)
{
    const bool fits = block->content <= bench->out_size - bench->out_at;
    const size_t lead = literals->started ? 0 : literals->header;

    if (!decode(literals, block, fits ? bench->out + bench->out_at : literals->pending) ||
        (!fits && !flush(literals)))
        return false;
    literals->started = true;
    literals->is_last = block->is_last;
    literals->decoded += block->content;
    literals->out_left -= block->content;
    /* what waits still reads what is kept: it lies there until gather() needs the place */
    take(literals, bench, lead + BLOCK_HEADER + block->size);
    if (fits) {
        bench->out_at += block->content;
    } else {
        literals->pending_at = 0;
        literals->pending_size = block->content;
        give_pending(literals, bench);
    }
    return true;
}

/* ---- Frames ---- */

/* Finds out what the frame's header says, when it is all there. */
static bool begin_frame(struct fletch_zstd_literals *literals, struct bench *bench)
{
    const uint8_t *at = gather(literals, bench, FRAME_HEADER_MIN);
    size_t size;

    if (!at)
        return false;
    size = header_size(at);
    if (size)
        at = gather(literals, bench, size);
    if (!at)
        return false;
    bench->failed = !size || !read_header(literals, at);
    literals->header = size;
    return !bench->failed;
}

/* Does what it can; true when the frame has ended. */
static bool go_on(struct fletch_zstd_literals *literals, struct bench *bench)
{
    struct block block;

    if (!literals->header && !begin_frame(literals, bench))
        return false;
    for (;;) {
        give_pending(literals, bench);
        if (literals->pending_at < literals->pending_size)
            return false;
        if (literals->is_last)
            return true;
        if (!find_block(&block, literals, bench) ||
            (block.content && bench->out_at == bench->out_size))
            return false;
        bench->failed = !put_block(literals, bench, &block);
        if (bench->failed)
            return false;
    }
}

enum fletch_zstd_step fletch_zstd_literals_step(struct fletch_zstd_literals *literals,
                                                const uint8_t *in, size_t *in_size,
                                                uint8_t *out, size_t *out_size)
{
    struct bench bench = {
        .in = in, .in_size = *in_size, .out = out, .out_size = *out_size
    };
    const bool given = literals->started;
    bool ended;

    literals->kept_before = literals->kept_size;
    ended = go_on(literals, &bench);
    literals->in_left -= bench.in_at;
    if (!bench.failed)
        bench.failed = !flush(literals);
    /* what ends early, or holds another number of bytes than it says */
    if ((bench.starved && !literals->in_left) ||
        (ended && literals->has_content && literals->decoded != literals->content))
        bench.failed = true;
    if (bench.failed && given)
        return FLETCH_ZSTD_STEP_LOST;
    if (bench.failed) {
        *in_size = *out_size = 0;
        return FLETCH_ZSTD_STEP_UNTAKEN;
    }
    *in_size = bench.in_at;
    *out_size = bench.out_at;
    return ended ? FLETCH_ZSTD_STEP_ENDED : FLETCH_ZSTD_STEP_MORE;
}
#else
typedef int fletch_zstd_literals_are_not_in_this_build;
#endif
