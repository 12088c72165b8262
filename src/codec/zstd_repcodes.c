/* SPDX-License-Identifier: MIT */
/* zstd_repcodes.c - sequences that do not depend on what stands in front of them
 *
 * A zstd sequence is so many literals, then a match of so many bytes so far back. The last
 * three distances are kept, by encoder and decoder alike, and a match at one of them is
 * written as its number instead. At the begin of a frame both have 1, 4 and 8.
 *
 * When the blocks of a frame are made apart and put one behind the other, the encoder of a
 * later piece starts with 1, 4 and 8, but the decoder with whatever the piece in front has
 * left. So no sequence may refer to a repcode before the piece itself has put it
 * there: `known` says for each of the three whether it has. A match whose distance equals
 * one that is not known would be written as its number; it gets one three times as
 * far back instead, which is none of 1, 4 and 8. What repeats after d bytes repeats after 3
 * d bytes as well, once 2 d bytes of it have been given as literals, often at once.
 */
#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_internal.h"

#include <string.h>

#define MATCH_MIN 3 /* bytes, of the format */
#define REPCODES 3

/* The three repcodes as the encoder has them, newest first. */
struct repcodes {
    uint32_t distance[REPCODES];
    bool known[REPCODES];
};

/* How a distance would be written: as repcodes[SLOT], as the newest less one (which the
 * format allows behind no literals), or as itself. */
enum { NEWEST_LESS_ONE = REPCODES, ITSELF };

static int written_as(const struct repcodes *repcodes, uint32_t distance, bool no_literals)
{
    if (!no_literals && distance == repcodes->distance[0])
        return 0;
    if (distance == repcodes->distance[1])
        return 1;
    if (distance == repcodes->distance[2])
        return 2;
    if (no_literals && distance == repcodes->distance[0] - 1)
        return NEWEST_LESS_ONE;
    return ITSELF;
}

static bool needs_unknown_repcode(const struct repcodes *repcodes, uint32_t distance,
                                  bool no_literals)
{
    const int as = written_as(repcodes, distance, no_literals);

    if (as == ITSELF)
        return false;
    return !repcodes->known[as == NEWEST_LESS_ONE ? 0 : as];
}

/* What coder and decoder do behind a sequence that is kept. */
static void push_repcode(struct repcodes *repcodes, uint32_t distance, bool no_literals)
{
    int slot = written_as(repcodes, distance, no_literals);

    if (slot >= REPCODES)
        slot = REPCODES - 1;
    for (; slot > 0; slot--) {
        repcodes->distance[slot] = repcodes->distance[slot - 1];
        repcodes->known[slot] = repcodes->known[slot - 1];
    }
    repcodes->distance[0] = distance;
    repcodes->known[0] = true;
}

/* Where the rewriting is. Items are taken at `from` and put at `to`, which is never
 * ahead. */
struct rewrite {
    struct fletch_zstd_sequences *list;
    const uint8_t *content;
    size_t size;
    size_t from, to;
    size_t at;       /* in the content: what the items up to `to` give */
    size_t literals; /* bytes behind that, which became literals */
    struct repcodes repcodes;
};

/* True when `length` bytes at `at` are those `distance` before. */
static bool repeats(const struct rewrite *u, size_t at, size_t distance, size_t length)
{
    return distance <= at && !memcmp(u->content + at, u->content + at - distance, length);
}

/* Gives a match, behind u->literals bytes, that would be written as an unknown repcode
 * another distance; false when it must become literals. */
static bool change_offset(struct rewrite *u, uint32_t *distance, uint32_t *length)
{
    const size_t at = u->at + u->literals;
    const uint32_t far = 3 * *distance, skip = 2 * *distance;

    if (repeats(u, at, far, *length)) {
        *distance = far;
    } else if (*length >= skip + MATCH_MIN) {
        *distance = far;
        *length -= skip;
        u->literals += skip;
    } else {
        return false;
    }
    return true;
}

/* Takes one sequence that is not a delimiter. */
static void take_sequence(struct rewrite *u, const ZSTD_Sequence *item)
{
    const size_t whole = (size_t)item->litLength + item->matchLength;
    const size_t before = u->literals;
    uint32_t distance = item->offset, length = item->matchLength;
    ZSTD_Sequence *out = &u->list->items[u->to];

    u->literals += item->litLength;
    if (!distance || length < MATCH_MIN ||
        !repeats(u, u->at + u->literals, distance, length) ||
        (needs_unknown_repcode(&u->repcodes, distance, !u->literals) &&
         !change_offset(u, &distance, &length))) {
        u->literals = before + whole;
        return;
    }
    push_repcode(&u->repcodes, distance, !u->literals);
    *out = (ZSTD_Sequence){ .offset = distance,
                            .litLength = (unsigned)u->literals,
                            .matchLength = length };
    u->at += u->literals + length;
    u->literals = 0;
    u->to++;
}

/* Ends a block behind u->literals more bytes. */
static void end_block(struct rewrite *u)
{
    u->list->items[u->to++] = (ZSTD_Sequence){ .litLength = (unsigned)u->literals };
    u->at += u->literals;
    u->literals = 0;
}

/* Takes the items up to the next delimiter, unless the block is not one that can be. */
static bool take_block(struct rewrite *u)
{
    const size_t most =
        u->size - u->at < FLETCH_ZSTD_BLOCK ? u->size - u->at : FLETCH_ZSTD_BLOCK;
    size_t sum = 0, end = u->from;

    for (; end < u->list->count; end++) {
        const ZSTD_Sequence *item = &u->list->items[end];

        if (item->litLength > most - sum ||
            item->matchLength > most - sum - item->litLength)
            return false;
        sum += (size_t)item->litLength + item->matchLength;
        if (!item->offset && !item->matchLength)
            break;
    }
    if (end == u->list->count || !sum)
        return false;
    for (; u->from < end; u->from++) {
        const ZSTD_Sequence item = u->list->items[u->from];

        take_sequence(u, &item);
    }
    u->literals += u->list->items[u->from++].litLength;
    end_block(u);
    return true;
}

void fletch_zstd_trim(struct fletch_zstd_sequences *list, size_t size)
{
    for (size_t i = 0; size && i < list->count; i++) {
        ZSTD_Sequence *item = &list->items[i];
        const unsigned literals = item->litLength < size ? item->litLength : (unsigned)size;
        unsigned match;

        item->litLength -= literals;
        size -= literals;
        match = item->matchLength < size ? item->matchLength : (unsigned)size;
        item->matchLength -= match;
        size -= match;
    }
}

size_t fletch_zstd_fix_repcodes(struct fletch_zstd_sequences *list, const uint8_t *content,
                                size_t begin, size_t size)
{
    struct rewrite u = { .list = list,
                         .content = content,
                         .size = size,
                         .at = begin,
                         .repcodes = { .distance = { 1, 4, 8 } } };
    size_t blocks = 0, unsure = 0;

    while (u.at < size && take_block(&u)) {
        blocks++;
        if (!unsure && u.repcodes.known[REPCODES - 1])
            unsure = blocks;
    }
    while (u.at < size) {
        u.literals = size - u.at < FLETCH_ZSTD_BLOCK ? size - u.at : FLETCH_ZSTD_BLOCK;
        end_block(&u);
        blocks++;
    }
    list->count = u.to;
    return unsure ? unsure : blocks;
}

bool fletch_zstd_make_plain(struct fletch_zstd_sequences *list, size_t i)
{
    size_t begin = 0, end, literals = 0;

    for (; i; begin++)
        i -= !list->items[begin].offset;
    for (end = begin; list->items[end].offset; end++)
        literals += (size_t)list->items[end].litLength + list->items[end].matchLength;
    if (end == begin)
        return false;
    list->items[end].litLength += (unsigned)literals;
    memmove(list->items + begin, list->items + end,
            (list->count - end) * sizeof(*list->items));
    list->count -= end - begin;
    return true;
}
#else
typedef int fletch_zstd_repcodes_are_not_in_this_build;
#endif
