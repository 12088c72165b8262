/* SPDX-License-Identifier: MIT */
/* cast_exhaustive.c - every float32 there is, to float16, four ways
 *
 * The plain kernel, the bare one, the fast one and, where the processor has it, its own
 * instruction must give the same bits for all 2^32 inputs; plain and fast also the same
 * report for every CHUNK of them, and bare the same number of overflows. Takes the inputs
 * in order and then scattered, so that a chunk holds ordinary and odd values side by side.
 * Exit 1 on a difference. Minutes at most.
 */
#include "base/bytes.h"
#include "tensor/cast.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define CHUNK (UINT32_C(1) << 16)
#define CHUNKS (UINT32_C(1) << 16)
#define SCATTER UINT32_C(2654435761) /* odd, so that it reaches every uint32 */

struct run {
    uint8_t in[CHUNK * 4], plain[CHUNK * 2], fast[CHUNK * 2], bare[CHUNK * 2],
        own[CHUNK * 2];
    fletch_cast_fn plain_cast, fast_cast, bare_cast;
    struct fletch_cast_report plain_report, fast_report; /* of all chunks */
    uint64_t different, reports_different, compared_own;
};

#if defined(__x86_64__) && defined(__GNUC__)

static bool has_own(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) &&
           (c & bit_F16C);
}

__attribute__((target("avx,f16c"))) static void own_cast(uint8_t *out, const uint8_t *in)
{
    for (size_t i = 0; i < CHUNK; i += 8) {
        const __m256i x = _mm256_loadu_si256((const void *)(in + 4 * i));

        _mm_storeu_si128((void *)(out + 2 * i), _mm256_cvtps_ph(_mm256_castsi256_ps(x), 0));
    }
}

#else

static bool has_own(void)
{
    return false;
}

static void own_cast(uint8_t *out, const uint8_t *in)
{
    (void)out;
    (void)in;
}

#endif

static bool same_report(const struct fletch_cast_report *a,
                        const struct fletch_cast_report *b)
{
    return a->rounded == b->rounded && a->flushed == b->flushed &&
           a->subnormal == b->subnormal && a->overflowed == b->overflowed &&
           a->nan == b->nan && !memcmp(&a->absolute_error, &b->absolute_error, 8) &&
           !memcmp(&a->relative_error, &b->relative_error, 8);
}

static void count_differences(struct run *run, const uint8_t *other, const char *name)
{
    if (!memcmp(run->plain, other, sizeof(run->plain)))
        return;
    for (uint32_t i = 0; i < CHUNK; i++) {
        const uint16_t a = fletch_load_u16(run->plain + 2 * i);
        const uint16_t b = fletch_load_u16(other + 2 * i);

        if (a != b && run->different++ < 10)
            printf("%08" PRIx32 ": plain %04x, %s %04x\n", fletch_load_u32(run->in + 4 * i),
                   a, name, b);
    }
}

/* All 2^32, in chunks of consecutive products with `step`. */
static void compare_all(struct run *run, uint32_t step)
{
    const bool own = has_own();

    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        struct fletch_cast_report plain = { 0 }, fast = { 0 }, bare = { 0 };

        for (uint32_t i = 0; i < CHUNK; i++)
            fletch_store_u32(run->in + 4 * i, (chunk * CHUNK + i) * step);
        run->plain_cast(run->plain, run->in, CHUNK, &plain);
        run->fast_cast(run->fast, run->in, CHUNK, &fast);
        run->bare_cast(run->bare, run->in, CHUNK, &bare);
        count_differences(run, run->fast, "fast");
        count_differences(run, run->bare, "bare");
        if (own) {
            own_cast(run->own, run->in);
            count_differences(run, run->own, "hardware");
            run->compared_own += CHUNK;
        }
        if ((!same_report(&plain, &fast) || bare.overflowed != plain.overflowed) &&
            run->reports_different++ < 10)
            printf("chunk %" PRIu32 " of step %" PRIu32 ": reports differ\n", chunk, step);
        fletch_cast_report_add(&run->plain_report, &plain);
        fletch_cast_report_add(&run->fast_report, &fast);
    }
}

static void print_report(const char *name, const struct fletch_cast_report *report)
{
    printf("%-5s rounded %" PRIu64 ", flushed %" PRIu64 ", subnormal %" PRIu64
           ", overflowed %" PRIu64 ", nan %" PRIu64 ", errors %.9g and %.9g\n",
           name, report->rounded, report->flushed, report->subnormal, report->overflowed,
           report->nan, report->absolute_error, report->relative_error);
}

int main(void)
{
    static const uint32_t steps[] = { 1, SCATTER };
    static struct run run;
    struct timespec start, end;

    run.plain_cast = fletch_cast_find_plain(FLETCH_F32, FLETCH_F16);
    run.fast_cast = fletch_cast_find(FLETCH_F32, FLETCH_F16);
    run.bare_cast = fletch_cast_find_bare(FLETCH_F32, FLETCH_F16);
    if (run.fast_cast == run.plain_cast)
        printf("this processor has no fast kernel: plain is compared with itself\n");
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t i = 0; i < 2; i++)
        compare_all(&run, steps[i]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    print_report("plain", &run.plain_report);
    print_report("fast", &run.fast_report);
    printf("2 x 4294967296 float32 inputs: plain against %s, %s%" PRIu64
           " values and %" PRIu64 " reports differ, %.0f s\n",
           fletch_cast_kernels(), run.compared_own ? "and against the hardware: " : "",
           run.different, run.reports_different,
           (double)(end.tv_sec - start.tv_sec) +
               1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    return run.different || run.reports_different ||
           !same_report(&run.plain_report, &run.fast_report);
}
