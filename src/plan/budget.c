/* SPDX-License-Identifier: MIT */
/* budget.c - see budget.h
 *
 * Writing and proving do not overlap, so a conversion needs the larger of the two: what two
 * threads need to share a row in the proof is less than the slots that are freed by then.
 * The figures per thread are what the code allocates; the rest of the process is measured
 * (`make bench` checks the sum against the system's own account).
 */
#include "plan/budget.h"

#include "base/pool.h"

#include <inttypes.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

/* Code, libraries, stacks, the model's listing: needed without any buffer. */
#define PROCESS_SIZE (12 * MIB)
/* A row in the plan, the listing, the writer's columns and metadata.json. */
#define ROW_SIZE ((uint64_t)2048)
/* A thread's chunk of source elements, and in the proof the expected elements beside it. */
#define CHUNKS_SIZE MIB
/* In the proof: a cursor's step and piece, and a decoder with a window of at most 8 MiB,
 * which small pages do not fill. */
#define CURSOR_SIZE (2 * MIB)
/* Slots per thread: one being made, one waiting for its turn, and room for a slow
 * commit. */
#define SLOTS_PER_THREAD 2
#define SLOTS_SPARE 2
/* The most that pages which cannot be split may use together, unless a single one needs
 * more. */
#define LARGE_LIMIT (24 * MIB)

unsigned fletch_thread_count(const struct fletch_options *options)
{
    unsigned count = options->threads ? options->threads : fletch_pool_processors();

    return count < FLETCH_THREADS_MAX ? count : FLETCH_THREADS_MAX;
}

struct needs {
    uint64_t fixed, thread, slot;         /* bytes: fixed, per thread, per slot */
    uint64_t large, rewritten, all_large; /* of whole pages: the largest, the largest that
                                             may be rewritten, and their sum */
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Content and compressed bytes of a page that is whole in memory. */
static uint64_t whole_page(const struct fletch_row_plans *plans,
                           const struct fletch_codec *codec, uint64_t size)
{
    return size + codec->bound((size_t)size + plans->output->prefix_size);
}

/* Counts pages that must be whole when written or read back; none if they come in pieces
 * both ways. A row that may stay wide is counted as wide. */
static void add_large(struct needs *needs, const struct fletch_row_plans *plans,
                      const struct fletch_codec *codec,
                      const struct fletch_options *options)
{
    if (codec->concatenable && codec->stream_begin)
        return;
    for (size_t i = 0; i < plans->rows_count; i++) {
        const struct fletch_row_plan *row = &plans->rows[i];
        bool may_widen =
            row->wide != row->dtype && options->overflow == FLETCH_OVERFLOW_KEEP;
        uint64_t page =
            whole_page(plans, codec, may_widen ? fletch_row_wide_size(row) : row->size);

        needs->all_large += page;
        needs->large = larger(needs->large, page);
        if (may_widen && !codec->concatenable)
            needs->rewritten = larger(needs->rewritten, page);
    }
}

/* The most that such pages take at a time: they share `limit`, unless a single one needs
 * more. One rewritten in its wide type has the share of its narrow one, half of it. */
static uint64_t large_pages(const struct needs *needs, uint64_t limit)
{
    uint64_t most = larger(needs->large, limit + needs->rewritten / 2);

    return most < needs->all_large ? most : needs->all_large;
}

/* Adds what non-contiguous tensors take: windows for each checkpoint, whose rows are
 * adjacent here, and a stage for each thread. */
static void add_gathering(struct needs *needs, const struct fletch_row_plans *plans)
{
    const struct fletch_checkpoint *before = NULL;

    for (size_t i = 0; i < plans->rows_count; i++) {
        const struct fletch_row_plan *row = &plans->rows[i];
        bool straight = !row->tensor->strides && !row->tensor->big_endian;

        if (straight || row->checkpoint == before)
            continue;
        if (!before)
            needs->thread += FLETCH_GATHER_THREAD_SIZE;
        needs->fixed += FLETCH_GATHER_SIZE;
        before = row->checkpoint;
    }
}

static struct needs needs_of(const struct fletch_row_plans *plans,
                             const struct fletch_codec *codec, int level,
                             const struct fletch_options *options)
{
    uint64_t encoder = codec->encoder_size(level),
             proving = CURSOR_SIZE + codec->decoder_size;
    uint64_t slot = codec->concatenable ? FLETCH_PIECE_SIZE : FLETCH_LARGE_MIN;
    struct needs needs = { .fixed = PROCESS_SIZE + plans->rows_count * ROW_SIZE,
                           .thread = CHUNKS_SIZE + larger(encoder, proving),
                           .slot = whole_page(plans, codec, slot) };

    needs.fixed += codec->encoder_size(codec->level_min); /* the small columns' */
    add_gathering(&needs, plans);
    add_large(&needs, plans, codec, options);
    return needs;
}

static uint64_t total(const struct needs *needs, const struct fletch_budget *budget)
{
    return needs->fixed + budget->threads * needs->thread + budget->slots * needs->slot +
           large_pages(needs, budget->large_limit);
}

static enum fletch_status fail_budget(const struct needs *needs,
                                      const struct fletch_budget *budget,
                                      const struct fletch_codec *codec, uint64_t memory,
                                      struct fletch_error *err)
{
    bool small = memory < MIB;

    return fletch_fail(err, FLETCH_ERR_MEMORY,
                       "the memory budget of %" PRIu64 " %s does not suffice: codec '%s' "
                       "needs %" PRIu64 " MiB for this model with one thread%s",
                       small ? (memory + KIB - 1) / KIB : memory / MIB,
                       small ? "KiB" : "MiB", codec->name,
                       (total(needs, budget) + MIB - 1) / MIB,
                       needs->large ? ", most of it for the largest tensor, whose page "
                                      "must be whole in memory; zstd needs less"
                                    : "");
}

enum fletch_status fletch_budget_make(struct fletch_budget *out,
                                      const struct fletch_row_plans *plans,
                                      const struct fletch_codec *codec, int level,
                                      const struct fletch_options *options,
                                      struct fletch_error *err)
{
    struct needs needs = needs_of(plans, codec, level, options);
    struct fletch_budget budget = { .threads = fletch_thread_count(options),
                                    .large_limit = needs.large ? LARGE_LIMIT : 0 };

    budget.slots = (size_t)budget.threads * SLOTS_PER_THREAD + SLOTS_SPARE;
    while (options->memory && total(&needs, &budget) > options->memory) {
        if (budget.slots > budget.threads) {
            budget.slots--;
        } else if (budget.threads > 1) {
            budget.threads--;
        } else if (budget.large_limit) {
            budget.large_limit = 0; /* one thread has one at a time */
        } else {
            return fail_budget(&needs, &budget, codec, options->memory, err);
        }
    }
    budget.needed = total(&needs, &budget);
    *out = budget;
    return FLETCH_OK;
}
