/* SPDX-License-Identifier: MIT */
/* budget.c - see budget.h
 *
 * Writing and proving do not overlap, so a conversion needs the larger of the two: what two
 * threads share a row with in the proof takes less than the slots that are gone by then.
 * The figures per thread are what the code allocates; the rest of the process is measured
 * (`make bench` checks the sum against the system's own account).
 */
#include "convert/budget.h"

#include "base/pool.h"
#include "container/container.h"

#include <inttypes.h>

#define MIB ((uint64_t)1 << 20)

/* Code, libraries, stacks, the model's listing: what is there with no buffer at all. */
#define PROCESS_SIZE (12 * MIB)
/* A row in the plan, the listing, the writer's columns and metadata.json. */
#define ROW_SIZE ((uint64_t)2048)
/* A thread's chunk of source elements, and in the proof the expected one beside it. */
#define CHUNKS_SIZE MIB
/* In the proof: a cursor's step and piece, and a decoder with a window of at most 8 MiB,
 * which small pages do not fill. */
#define CURSOR_SIZE (2 * MIB)
/* Slots for each thread: one in the making, one waiting for its turn, and room for a slow
 * commit. */
#define SLOTS_PER_THREAD 2
#define SLOTS_SPARE 2
/* What pages that cannot be cut may use together, unless one alone needs more. */
#define LARGE_LIMIT (24 * MIB)

unsigned fletch_thread_count(const struct fletch_options *options)
{
    unsigned count = options->threads ? options->threads : fletch_pool_processors();

    return count < FLETCH_THREADS_MAX ? count : FLETCH_THREADS_MAX;
}

struct needs {
    uint64_t fixed, thread, slot, large;
};

/* The largest page that must be whole when it is written or read back, content and
 * compressed; 0 when pages come in pieces both ways. */
static uint64_t largest_whole(const struct fletch_row_plans *plans,
                              const struct fletch_codec *codec)
{
    uint64_t largest = 0;

    if (codec->joins && codec->stream_begin)
        return 0;
    for (size_t i = 0; i < plans->rows_count; i++)
        if (plans->rows[i].size > largest)
            largest = plans->rows[i].size;
    return largest + codec->bound((size_t)largest + FLETCH_PAGE_PREFIX);
}

/* What tensors take that do not lie in order: each checkpoint's windows, of which the rows
 * are together, and a stage for each thread. */
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
                             const struct fletch_codec *codec, int level)
{
    uint64_t encoder = codec->encoder_size(level),
             proving = CURSOR_SIZE + codec->decoder_size;
    struct needs needs = { .fixed = PROCESS_SIZE + plans->rows_count * ROW_SIZE,
                           .thread = CHUNKS_SIZE,
                           .slot = 2 * FLETCH_PIECE_SIZE + FLETCH_PIECE_SIZE / 8,
                           .large = largest_whole(plans, codec) };

    needs.thread += encoder > proving ? encoder : proving;
    add_gathering(&needs, plans);
    return needs;
}

static uint64_t total(const struct needs *needs, const struct fletch_budget *budget)
{
    uint64_t large =
        needs->large < budget->large_limit ? needs->large : budget->large_limit;

    if (needs->large > large)
        large = needs->large;
    return needs->fixed + budget->threads * needs->thread + budget->slots * needs->slot +
           large;
}

enum fletch_status fletch_budget_make(struct fletch_budget *out,
                                      const struct fletch_row_plans *plans,
                                      const struct fletch_codec *codec, int level,
                                      const struct fletch_options *options,
                                      struct fletch_error *err)
{
    struct needs needs = needs_of(plans, codec, level);
    struct fletch_budget budget = { .threads = fletch_thread_count(options),
                                    .large_limit = needs.large ? LARGE_LIMIT : 0 };

    budget.slots = (size_t)budget.threads * SLOTS_PER_THREAD + SLOTS_SPARE;
    while (options->memory && total(&needs, &budget) > options->memory) {
        if (budget.slots > budget.threads) {
            budget.slots--;
        } else if (budget.threads > 1) {
            budget.threads--;
        } else {
            return fletch_fail(
                err, FLETCH_ERR_MEMORY,
                "the memory budget of %" PRIu64 " MiB does not suffice: codec '%s' "
                "needs %" PRIu64 " MiB for this model with one thread%s",
                options->memory / MIB, codec->name,
                (total(&needs, &budget) + MIB - 1) / MIB,
                needs.large ? ", most of it for the largest tensor, whose page "
                              "must be whole in memory; zstd needs less"
                            : "");
        }
    }
    budget.needed = total(&needs, &budget);
    *out = budget;
    return FLETCH_OK;
}
