/* SPDX-License-Identifier: MIT */
/* zstd_blocks.c - how blocks lie in a frame, and which are better stored plainly */
#ifdef FLETCH_WITH_ZSTD
#include "base/mem.h"
#include "codec/zstd_internal.h"

#include <string.h>

void fletch_zstd_put_block_header(uint8_t *out, bool last, enum fletch_zstd_block_type type,
                                  size_t size)
{
    const uint32_t header = (uint32_t)last | (uint32_t)type << 1 | (uint32_t)size << 3;

    out[0] = (uint8_t)header;
    out[1] = (uint8_t)(header >> 8);
    out[2] = (uint8_t)(header >> 16);
}

struct fletch_zstd_block fletch_zstd_block_at(const uint8_t *out, size_t at)
{
    const uint32_t header =
        out[at] | (uint32_t)out[at + 1] << 8 | (uint32_t)out[at + 2] << 16;
    struct fletch_zstd_block block = { .at = at,
                                       .type =
                                           (enum fletch_zstd_block_type)(header >> 1 & 3),
                                       .content = header >> 3 };

    block.size = block.type == FLETCH_ZSTD_REPEATED ? 1 : block.content;
    return block;
}

bool fletch_zstd_block_run_check(struct fletch_zstd_block_run *run)
{
    size_t at = run->begin;

    run->count = 0;
    while (run->end - at >= FLETCH_ZSTD_BLOCK_HEADER) {
        const struct fletch_zstd_block block = fletch_zstd_block_at(run->out, at);
        const bool last = run->out[at] & 1;

        at += FLETCH_ZSTD_BLOCK_HEADER;
        if (block.size > run->end - at)
            return false;
        at += block.size;
        if (last != (at == run->end))
            return false;
        run->count++;
    }
    return at == run->end && run->count;
}

void fletch_zstd_put_raw(struct fletch_zstd_block_run *run, const uint8_t *content,
                         size_t size)
{
    size_t room = FLETCH_ZSTD_BLOCK - run->lead;

    run->count = 0;
    run->end = run->begin;
    do {
        const size_t block = size < room ? size : room;

        fletch_zstd_put_block_header(run->out + run->end, false, FLETCH_ZSTD_RAW, block);
        memcpy(run->out + run->end + FLETCH_ZSTD_BLOCK_HEADER, content, block);
        run->end += FLETCH_ZSTD_BLOCK_HEADER + block;
        run->count++;
        content += block;
        size -= block;
        room = FLETCH_ZSTD_BLOCK;
    } while (size);
}

void fletch_zstd_mark_last(const struct fletch_zstd_block_run *run, bool last)
{
    size_t at = run->begin;

    for (size_t i = 1; i < run->count; i++)
        at += FLETCH_ZSTD_BLOCK_HEADER + fletch_zstd_block_at(run->out, at).size;
    run->out[at] = (uint8_t)((run->out[at] & ~1u) | last);
}

/* ---- Thin blocks ---- */

static bool is_thin(const struct fletch_zstd_block *block)
{
    return block->type == FLETCH_ZSTD_COMPRESSED &&
           block->size > block->content - block->content / FLETCH_SHRINK_MIN;
}

static bool has_literals(const struct fletch_zstd_block_run *run,
                         const struct fletch_zstd_block *block, int type)
{
    return block->type == FLETCH_ZSTD_COMPRESSED && block->size &&
           (run->out[block->at + FLETCH_ZSTD_BLOCK_HEADER] & 3) == type;
}

/* Block i, at `at`, with `left` bytes of content behind the ones before. */
static struct fletch_zstd_block get_block(const struct fletch_zstd_block_run *run, size_t i,
                                          size_t at, size_t left)
{
    struct fletch_zstd_block block = fletch_zstd_block_at(run->out, at);

    block.content = FLETCH_ZSTD_BLOCK - (i ? 0 : run->lead);
    if (block.content > left)
        block.content = left;
    return block;
}

/* Turns thin blocks[made->count] to raw ones, but for those whose table a later one needs;
 * by how much the piece grows. */
static size_t choose(struct fletch_zstd_block *blocks,
                     const struct fletch_zstd_block_run *run)
{
    bool needed = false;
    size_t growth = 0;

    for (size_t i = run->count; i-- > 0;) {
        struct fletch_zstd_block *block = &blocks[i];
        const bool table = has_literals(run, block, FLETCH_ZSTD_LITERALS_WITH_TABLE);

        if (is_thin(block) && !(table && needed)) {
            growth += block->content - block->size;
            block->type = FLETCH_ZSTD_RAW;
        } else if (table) {
            needed = false;
        } else if (has_literals(run, block, FLETCH_ZSTD_LITERALS_BORROWING)) {
            needed = true;
        }
    }
    return growth;
}

/* Puts every block where it belongs, from the last on, since they move towards the end. */
static void store(struct fletch_zstd_block_run *run, const struct fletch_zstd_block *blocks,
                  size_t growth, const uint8_t *content, size_t content_end)
{
    size_t end = run->end += growth;

    for (size_t i = run->count; i-- > 0 && growth;) {
        const struct fletch_zstd_block *block = &blocks[i];
        const bool raw = block->type == FLETCH_ZSTD_RAW;
        const size_t size = FLETCH_ZSTD_BLOCK_HEADER + (raw ? block->content : block->size);

        content_end -= block->content;
        end -= size;
        growth = end - block->at;
        if (raw) {
            fletch_zstd_put_block_header(run->out + end, run->out[block->at] & 1,
                                         FLETCH_ZSTD_RAW, block->content);
            memcpy(run->out + end + FLETCH_ZSTD_BLOCK_HEADER, content + content_end,
                   block->content);
        } else {
            memmove(run->out + end, run->out + block->at, size);
        }
    }
}

/* Lists all blocks, unless `blocks` is NULL; true when one is thin. */
static bool list_blocks(struct fletch_zstd_block *blocks,
                        const struct fletch_zstd_block_run *run, size_t left)
{
    size_t at = run->begin;
    bool thin = false;

    for (size_t i = 0; i < run->count; i++) {
        const struct fletch_zstd_block block = get_block(run, i, at, left);

        thin = thin || is_thin(&block);
        at += FLETCH_ZSTD_BLOCK_HEADER + block.size;
        left -= block.content;
        if (blocks)
            blocks[i] = block;
    }
    return thin;
}

enum fletch_status fletch_zstd_store_thin(struct fletch_zstd_block_run *run,
                                          const uint8_t *content, size_t size,
                                          struct fletch_error *err)
{
    struct fletch_zstd_block *blocks;

    if (!list_blocks(NULL, run, size))
        return FLETCH_OK;
    blocks = fletch_alloc_array(run->count, sizeof(*blocks));
    if (!blocks)
        return fletch_fail_memory(err, run->count * sizeof(*blocks), "a list of blocks");
    list_blocks(blocks, run, size);
    store(run, blocks, choose(blocks, run), content, size);
    fletch_free(blocks);
    return FLETCH_OK;
}
#else
typedef int fletch_zstd_blocks_is_not_in_this_build;
#endif
