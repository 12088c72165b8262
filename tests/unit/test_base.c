/* SPDX-License-Identifier: MIT */
/* test_base.c - errors stay one line, arenas align, names sort, globs match, sums do not
 * wrap */
#include "support.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/glob.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/natural.h"
#include "base/pool.h"

static void errors_are_one_line(void **state)
{
    struct fletch_error err = { 0 };
    char big[2000];

    (void)state;
    assert_int_equal(fletch_fail(&err, FLETCH_ERR_FORMAT, "a\nb\x1b[2J %d", 7),
                     FLETCH_ERR_FORMAT);
    assert_string_equal(err.message, "a?b?[2J 7");
    fletch_error_prefix(&err, "%s", "fi\rle");
    assert_string_equal(err.message, "fi?le: a?b?[2J 7");
    assert_int_equal(err.status, FLETCH_ERR_FORMAT);
    /* U+009B is what a terminal takes for ESC [; U+00E9 is a letter */
    fletch_fail(&err, FLETCH_ERR_FORMAT,
                "a\xc2\x9b"
                "2J\xc3\xa9");
    assert_string_equal(err.message, "a??2J\xc3\xa9");

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    fletch_fail(&err, FLETCH_ERR_IO, "%s", big);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    fletch_error_prefix(&err, "%s", big);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);

    assert_int_equal(fletch_fail(NULL, FLETCH_ERR_IO, "x"), FLETCH_ERR_IO);
    fletch_error_prefix(NULL, "x");
    assert_int_equal(fletch_fail_memory(&err, 12, "a page"), FLETCH_ERR_MEMORY);
    assert_string_equal(err.message, "out of memory (12 bytes for a page)");
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(fletch_status_name(FLETCH_OK), "ok");
    assert_string_equal(fletch_status_name(FLETCH_ERR_CANCELLED), "cancelled");
    assert_string_equal(fletch_status_name((enum fletch_status)99), "unknown");
    for (int i = 0; i <= FLETCH_ERR_CANCELLED; i++)
        assert_string_not_equal(fletch_status_name((enum fletch_status)i), "unknown");
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    struct fletch_arena arena = { 0 };
    uint8_t *last = NULL;

    (void)state;
    for (size_t size = 1; size < 3000; size += 7) {
        uint8_t *memory = fletch_arena_alloc(&arena, size);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
        assert_ptr_not_equal(memory, last);
        last = memory;
    }
    assert_non_null(fletch_arena_alloc(&arena, 1 << 20));
    assert_null(fletch_arena_alloc(&arena, SIZE_MAX));
    assert_null(fletch_arena_alloc_array(&arena, SIZE_MAX / 2, 3));
    assert_string_equal(fletch_arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(fletch_arena_format(&arena, "%s-%d", "x", 5), "x-5");
    fletch_arena_release(&arena);
    assert_null(arena.blocks);
    fletch_arena_release(&arena);
}

static void products_are_checked(void **state)
{
    uint64_t out = 5;

    (void)state;
    assert_null(fletch_alloc_array(SIZE_MAX / 2, 3));
    assert_null(fletch_resize(NULL, SIZE_MAX / 2, 3));
    assert_false(fletch_mul(&out, UINT64_MAX, 2));
    assert_false(fletch_add(&out, UINT64_MAX, 1));
    assert_int_equal(out, 5);
    assert_true(fletch_mul(&out, UINT64_MAX, 1));
    assert_true(out == UINT64_MAX);
    assert_true(fletch_mul(&out, 3, 0));
    assert_int_equal(out, 0);
}

/* At least doubled, never moved without need, and as before when there is no memory. */
static void arrays_grow(void **state)
{
    struct fletch_arena arena = { 0 };
    size_t cap = 0, arena_cap = 0, moves = 0;
    uint32_t *list = NULL, *before, *kept = NULL;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        before = list;
        list = fletch_grow(list, &cap, i + 1, sizeof(*list));
        assert_non_null(list);
        moves += list != before;
        assert_true(cap > i);
        list[i] = i;
        kept = fletch_arena_grow(&arena, kept, &arena_cap, i + 1, sizeof(*kept));
        assert_non_null(kept);
        kept[i] = i;
    }
    assert_true(moves <= 7);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(list[i], i);
        assert_int_equal(kept[i], i);
    }
    cap = arena_cap = 1024;
    assert_null(fletch_grow(list, &cap, SIZE_MAX / 2, sizeof(*list)));
    assert_null(fletch_arena_grow(&arena, kept, &arena_cap, SIZE_MAX, sizeof(*kept)));
    assert_int_equal(cap, 1024);
    assert_int_equal(arena_cap, 1024);
    fletch_free(list);
    fletch_arena_release(&arena);
}

static void numbers_are_little_endian(void **state)
{
    uint8_t bytes[8];

    (void)state;
    fletch_store_u64(bytes, 0x0102030405060708u);
    assert_int_equal(bytes[0], 8);
    assert_int_equal(bytes[7], 1);
    assert_true(fletch_load_u64(bytes) == 0x0102030405060708u);
    assert_int_equal(fletch_load_u16(bytes), 0x0708);
    assert_int_equal(fletch_load_u32(bytes + 4), 0x01020304);
    fletch_store_u16(bytes, 0xabcd);
    assert_int_equal(bytes[1], 0xab);
}

static void names_sort_by_number(void **state)
{
    static const char *const sorted[] = { "",
                                          "a",
                                          "bf16",
                                          "bf16.overflow",
                                          "i8",
                                          "i16",
                                          "layer.2.w",
                                          "layer.2.x",
                                          "layer.10.x",
                                          "w.01",
                                          "w.1",
                                          "w.1.a",
                                          "w.99999999999999999998",
                                          "w.99999999999999999999",
                                          "w.x" };
    size_t count = sizeof(sorted) / sizeof(sorted[0]);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int order = fletch_natural_compare(sorted[i], sorted[j]);

            assert_int_equal(order < 0, i < j);
            assert_int_equal(order > 0, i > j);
        }
}

static void globs_match_whole_names(void **state)
{
    static const char *const any[] = { "x*", "*y", NULL };
    struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX];

    (void)state;
    assert_true(fletch_glob_match("encoder.*", "encoder.layer.0.w"));
    assert_false(fletch_glob_match("encoder.*", "encoder"));
    assert_true(fletch_glob_match("*.weight", "a.b.weight"));
    assert_true(fletch_glob_match("a*b*c", "aXbXbXc"));
    assert_false(fletch_glob_match("a*b*c", "aXbXbXd"));
    assert_true(fletch_glob_match("l?.w", "l1.w"));
    assert_false(fletch_glob_match("l?.w", "l.w"));
    assert_true(fletch_glob_match("*", ""));
    assert_true(fletch_glob_match("", ""));
    assert_true(fletch_glob_capture(stars, "a.*.b.*.c", "a.12.b..c"));
    assert_int_equal(stars[0].len, 2);
    assert_memory_equal(stars[0].text, "12", 2);
    assert_int_equal(stars[1].len, 0);
    assert_int_equal(stars[2].len, 0);
    assert_true(fletch_glob_capture(stars, "*x*", "axbxc"));
    assert_int_equal(stars[0].len, 1);
    assert_int_equal(stars[1].len, 3);
    assert_true(fletch_glob_capture(stars, "*1*2*3*4*5*", "a1b2c3d4e5f"));
    assert_memory_equal(stars[3].text, "d", stars[3].len);
    assert_false(fletch_glob_capture(stars, "a*b", "a"));
    assert_false(fletch_glob_match("", "a"));
    assert_true(fletch_glob_any(any, "ay"));
    assert_false(fletch_glob_any(any, "b"));
    assert_false(fletch_glob_any(NULL, "b"));
}

static void buffers_grow_and_remember_failure(void **state)
{
    struct fletch_buf buf = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        fletch_buf_put_u32(&buf, (uint32_t)i);
    fletch_buf_put_text(&buf, "end");
    assert_int_equal(buf.size, 4003);
    assert_int_equal(fletch_load_u32(buf.bytes + 4 * 999), 999);
    assert_false(fletch_buf_reserve(&buf, SIZE_MAX - 10));
    assert_true(buf.failed);
    fletch_buf_put_u8(&buf, 1);
    assert_int_equal(buf.size, 4003);
    fletch_buf_clear(&buf);
    fletch_buf_format(&buf, "%05d", 42);
    assert_memory_equal(buf.bytes, "00042", 5);
    assert_int_equal(buf.size, 5);
    fletch_buf_release(&buf);
}

static void hashes_are_the_published_ones(void **state)
{
    struct fletch_sha256 sha = { 0 };
    uint8_t digest[FLETCH_SHA256_SIZE];
    char hex[FLETCH_SHA256_HEX];

    (void)state;
    for (int again = 0; again < 2; again++) {
        fletch_sha256_open(&sha);
        fletch_sha256_put(&sha, "a", 1);
        fletch_sha256_put(&sha, "bc", 2);
        fletch_sha256_finish(&sha, digest);
        fletch_sha256_hex(hex, digest);
        assert_string_equal(
            hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    assert_int_equal(fletch_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(fletch_crc32(fletch_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    for (size_t i = 0; i <= 9; i++)
        assert_int_equal(fletch_crc32_join(fletch_crc32(0, "123456789", i),
                                           fletch_crc32(0, &"123456789"[i], 9 - i), 9 - i),
                         0xcbf43926);
}

static void count_in(unsigned index, void *user)
{
    unsigned *seats = user;

    __atomic_fetch_add(&seats[index], 1, __ATOMIC_RELAXED);
}

static void every_index_runs_once(void **state)
{
    unsigned seats[17] = { 0 };

    (void)state;
    fletch_pool_run(16, count_in, seats);
    for (int i = 0; i < 16; i++)
        assert_int_equal(seats[i], 1);
    assert_int_equal(seats[16], 0);
    fletch_pool_run(1, count_in, seats);
    assert_int_equal(seats[0], 2);
    assert_true(fletch_pool_processors() >= 1);
    assert_true(fletch_pool_processors() <= FLETCH_THREADS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_one_line),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(products_are_checked),
        cmocka_unit_test(arrays_grow),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(names_sort_by_number),
        cmocka_unit_test(globs_match_whole_names),
        cmocka_unit_test(buffers_grow_and_remember_failure),
        cmocka_unit_test(hashes_are_the_published_ones),
        cmocka_unit_test(every_index_runs_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
