/* SPDX-License-Identifier: MIT */
/* test_zstd_repcodes.c - do sequences stay what they were, but for what refers to the
 * front? */
#include "support.h"

#ifdef FLETCH_WITH_ZSTD
#include "codec/zstd_internal.h"

#define SEQUENCES_MAX 64

struct sequences_case {
    ZSTD_Sequence items[SEQUENCES_MAX];
    struct fletch_zstd_sequences list;
    uint8_t content[4096];
    size_t size;
};

static struct sequences_case *start_case(void)
{
    static struct sequences_case sequences;

    memset(&sequences, 0, sizeof(sequences));
    sequences.list.items = sequences.items;
    sequences.list.cap = SEQUENCES_MAX;
    return &sequences;
}

static void put_item(struct sequences_case *c, unsigned literals, unsigned offset,
                     unsigned length)
{
    c->items[c->list.count++] =
        (ZSTD_Sequence){ .litLength = literals, .offset = offset, .matchLength = length };
    c->size += literals + length;
}

static void check_item(const struct sequences_case *c, size_t i, unsigned literals,
                       unsigned offset, unsigned length)
{
    assert_true(i < c->list.count);
    assert_int_equal(c->items[i].litLength, literals);
    assert_int_equal(c->items[i].offset, offset);
    assert_int_equal(c->items[i].matchLength, length);
}

/* With a period of 3 or 4: all that it divides are true distances. */
static void fill_every(struct sequences_case *c, size_t period)
{
    for (size_t i = 0; i < sizeof(c->content); i++)
        c->content[i] = (uint8_t)('a' + i % period);
}

static void known_repcodes_stay(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 3);
    put_item(c, 12, 12, 6);
    put_item(c, 0, 6, 9);
    put_item(c, 1, 6, 5);  /* the newest */
    put_item(c, 0, 12, 5); /* the one before */
    put_item(c, 0, 3, 5);
    put_item(c, 0, 12, 4); /* one before, behind no literals */
    put_item(c, 7, 0, 0);
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size), 1);
    assert_int_equal(c->list.count, 7);
    check_item(c, 0, 12, 12, 6);
    check_item(c, 1, 0, 6, 9);
    check_item(c, 2, 1, 6, 5);
    check_item(c, 3, 0, 12, 5);
    check_item(c, 4, 0, 3, 5);
    check_item(c, 5, 0, 12, 4);
    check_item(c, 6, 7, 0, 0);
}

static void unknown_repcodes_look_farther(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 4);
    put_item(c, 4, 4, 14); /* 12 is true when eight bytes more are there */
    put_item(c, 0, 4, 30); /* 12 is true at once */
    put_item(c, 1, 12, 3); /* known by now, as the newest */
    put_item(c, 2, 8, 5);  /* 8 was pushed out */
    put_item(c, 5, 0, 0);
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size), 1);
    check_item(c, 0, 12, 12, 6);
    check_item(c, 1, 0, 12, 30);
    check_item(c, 2, 1, 12, 3);
    check_item(c, 3, 2, 8, 5);
    check_item(c, 4, 5, 0, 0);
    assert_int_equal(c->list.count, 5);
}

static void matches_that_are_too_short_become_literals(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 4);
    put_item(c, 8, 4, 10); /* 8 of them would be literals, 2 are left */
    put_item(c, 2, 16, 4);
    put_item(c, 0, 0, 0);
    fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size);
    check_item(c, 0, 20, 16, 4);
    check_item(c, 1, 0, 0, 0);
    assert_int_equal(c->list.count, 2);
}

/* Blocks count as unsure up to the one that has put all three distances in their place. */
static void the_unsure_blocks_are_counted(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 3);
    put_item(c, 12, 12, 6);
    put_item(c, 1, 0, 0);
    put_item(c, 2, 6, 5);
    put_item(c, 1, 0, 0);
    put_item(c, 2, 3, 5);
    put_item(c, 1, 0, 0);
    put_item(c, 2, 15, 5);
    put_item(c, 1, 0, 0);
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size), 3);
    assert_int_equal(c->list.count, 8);

    assert_true(fletch_zstd_make_plain(&c->list, 1));
    assert_int_equal(c->list.count, 7);
    check_item(c, 1, 1, 0, 0);
    check_item(c, 2, 8, 0, 0);
    check_item(c, 3, 2, 3, 5);
    assert_false(fletch_zstd_make_plain(&c->list, 1));
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size), 4);
    assert_true(fletch_zstd_make_plain(&c->list, 3));
    check_item(c, 5, 8, 0, 0);
    assert_int_equal(c->list.count, 6);
}

static void untrue_sequences_become_literals(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 3);
    put_item(c, 10, 12, 6); /* from in front of the content */
    put_item(c, 0, 5, 7);   /* not what is there */
    put_item(c, 0, 12, 2);  /* too short for the format */
    put_item(c, 1, 0, 4);   /* from nowhere */
    put_item(c, 1, 6, 6);
    put_item(c, 2, 0, 0);
    fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size);
    check_item(c, 0, 31, 6, 6);
    check_item(c, 1, 2, 0, 0);
    assert_int_equal(c->list.count, 2);
}

/* What stands in front was given otherwise, but may be matched. */
static void the_front_is_trimmed(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 3);
    put_item(c, 1, 3, 1); /* gone altogether */
    put_item(c, 1, 3, 9);
    put_item(c, 4, 15, 6);
    put_item(c, 2, 0, 0);
    fletch_zstd_trim(&c->list, 3);
    fletch_zstd_fix_repcodes(&c->list, c->content, 3, c->size);
    check_item(c, 0, 0, 3, 9);
    check_item(c, 1, 4, 15, 6);
    check_item(c, 2, 2, 0, 0);
    assert_int_equal(c->list.count, 3);

    c = start_case();
    fill_every(c, 3);
    put_item(c, 5, 3, 9);
    put_item(c, 2, 0, 0);
    fletch_zstd_trim(&c->list, 3);
    fletch_zstd_fix_repcodes(&c->list, c->content, 3, c->size);
    check_item(c, 0, 2, 3, 9);
    assert_int_equal(c->list.count, 2);

    c = start_case();
    fill_every(c, 3);
    put_item(c, 2, 1, 3); /* two bytes left of it are too few, and were not true */
    put_item(c, 2, 0, 0);
    fletch_zstd_trim(&c->list, 3);
    fletch_zstd_fix_repcodes(&c->list, c->content, 3, c->size);
    check_item(c, 0, 4, 0, 0);
    assert_int_equal(c->list.count, 1);
}

static void lists_that_do_not_fit_become_literals(void **state)
{
    struct sequences_case *c = start_case();

    (void)state;
    fill_every(c, 3);
    put_item(c, 20, 12, 6);
    put_item(c, 4, 0, 0);
    put_item(c, 20, 0, 0);
    /* the second block is longer than what there is */
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, 40), 2);
    check_item(c, 0, 20, 12, 6);
    check_item(c, 1, 4, 0, 0);
    check_item(c, 2, 10, 0, 0);
    assert_int_equal(c->list.count, 3);

    /* an end without a delimiter, and sums that would wrap */
    c = start_case();
    fill_every(c, 3);
    put_item(c, 20, 12, 6);
    assert_int_equal(fletch_zstd_fix_repcodes(&c->list, c->content, 0, c->size), 1);
    check_item(c, 0, 26, 0, 0);
    c = start_case();
    put_item(c, UINT32_MAX, 4, 5);
    put_item(c, 4, 0, 0);
    fletch_zstd_fix_repcodes(&c->list, c->content, 0, 8);
    check_item(c, 0, 8, 0, 0);
    assert_int_equal(c->list.count, 1);
}
#endif

int main(void)
{
#ifdef FLETCH_WITH_ZSTD
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_repcodes_stay),
        cmocka_unit_test(unknown_repcodes_look_farther),
        cmocka_unit_test(matches_that_are_too_short_become_literals),
        cmocka_unit_test(the_unsure_blocks_are_counted),
        cmocka_unit_test(untrue_sequences_become_literals),
        cmocka_unit_test(the_front_is_trimmed),
        cmocka_unit_test(lists_that_do_not_fit_become_literals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    puts("1..0 # SKIP this build has no zstd");
    return 0;
#endif
}
