/* SPDX-License-Identifier: MIT */
/* test_zstd_huffman_encode.c - does every way to write a stream of codes write the same
 * bits? */
#include "contents.h"
#include "support.h"

#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_internal.h"

#define SIZE_MOST ((size_t)2500) /* more than two batches of the widest way */
#define STREAM_MOST (SIZE_MOST * 2 + 16)

/* Any bits will do: they need not tell bytes apart to be written. */
static void make_code(struct fletch_zstd_code *code, unsigned shortest, unsigned longest,
                      uint64_t *seed)
{
    for (size_t i = 0; i < FLETCH_ZSTD_BYTES; i++) {
        const unsigned count =
            shortest + (unsigned)random_below(seed, longest - shortest + 1);

        fletch_zstd_code_set(code, i, (uint32_t)random_below(seed, UINT64_C(1) << count),
                             count);
    }
}

/* As the format says it, a bit at a time. */
static size_t put_slowly(uint8_t *out, const uint8_t *content, size_t size,
                         const struct fletch_zstd_code *code)
{
    size_t at = 0;

    memset(out, 0, STREAM_MOST);
    for (size_t i = size; i--;) {
        const unsigned count = code->of[content[i]] & 63;
        const uint64_t bits = code->of[content[i]] >> (64 - count);

        for (unsigned j = 0; j < count; j++, at++)
            out[at / 8] |= (uint8_t)((bits >> j & 1) << at % 8);
    }
    out[at / 8] |= (uint8_t)(1 << at % 8);
    return at / 8 + 1;
}

static void check_size(const uint8_t *content, size_t size,
                       const struct fletch_zstd_code *code)
{
    static uint8_t expected[STREAM_MOST], out[STREAM_MOST];
    const size_t length = put_slowly(expected, content, size, code);
    size_t ways = 0;

    for (; fletch_zstd_stream_way(ways); ways++) {
        const uint8_t *end = fletch_zstd_stream_way(ways)(out, content, size, code);

        assert_int_equal((size_t)(end - out), length);
        assert_memory_equal(out, expected, length);
    }
    assert_true(ways > 0);
}

static void all_ways_write_the_same(void **state)
{
    static const unsigned lengths[][2] = { { 1, 11 }, { 1, 1 }, { 11, 11 }, { 4, 9 } };
    static uint8_t content[SIZE_MOST];
    uint64_t seed = 31;

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct fletch_zstd_code code = { 0 };

        make_code(&code, lengths[i][0], lengths[i][1], &seed);
        for (size_t j = 0; j < SIZE_MOST; j++)
            content[j] = (uint8_t)random_below(&seed, 256);
        for (size_t size = 0; size <= 200; size++)
            check_size(content + size, size, &code);
        for (size_t size = 1000; size <= SIZE_MOST; size += 37)
            check_size(content, size, &code);
    }
}
#endif

int main(void)
{
#ifdef FLETCH_WITH_ZSTD
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_write_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    /* TAP for: nothing to test */
    puts("1..0 # SKIP this build has no zstd");
    return 0;
#endif
}
