/* SPDX-License-Identifier: MIT */
/* test_table_own.c - values into memory of the caller's, parts of values, a file that
 * several threads read
 */
#include "small_rows.h"

#include <dirent.h>
#include <pthread.h>

#define LARGE ((size_t)2500 * 1000) /* more than two pieces */
#define ROWS (SMALL_ROWS + 1)
#define THREADS 4

static uint8_t large[LARGE];
static struct table_row rows[ROWS];

static int make_values(void **state)
{
    uint32_t random = 1;

    make_ramp(state);
    for (size_t i = 0; i < LARGE; i++) {
        random = random * 1664525 + 1013904223;
        large[i] = (uint8_t)(random >> 24) & 0x7f;
    }
    memcpy(rows, small_rows, sizeof(small_rows));
    rows[SMALL_ROWS] =
        (struct table_row){ "zz.large", { LARGE }, 1, "torch.uint8", LARGE, large, LARGE };
    return 0;
}

static struct fletch_table *open_table(struct fletch_file *file,
                                       const struct fletch_codec *codec)
{
    struct fletch_table *table = NULL;
    struct fletch_error err = { 0 };
    char path[64];

    *file = write_table(rows, ROWS, ROWS, &codec, 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    assert_ok(fletch_table_open(&table, path, &err), err);
    return table;
}

/* What `get` gave last. */
struct given {
    uint8_t *memory;
    size_t size;
    unsigned calls;
    bool none; /* there is no more */
};

static void *get(size_t size, void *user)
{
    struct given *given = user;

    given->calls++;
    given->size = size;
    given->memory = given->none ? NULL : malloc(size);
    return given->memory;
}

static void check_given(struct given *given, const struct fletch_row *row)
{
    const uint8_t *data = row->data;

    assert_int_equal(given->calls, !row->mapped);
    if (!row->mapped) {
        assert_true(data >= given->memory &&
                    data + row->size <= given->memory + given->size);
        assert_true(given->size < row->size + 256);
        assert_int_equal((uintptr_t)data % 64, 0);
    }
    free(given->memory);
    *given = (struct given){ 0 };
}

/* Each value stays what it was while others are read. */
static void values_are_the_callers(void **state)
{
    (void)state;
    for (size_t k = 0; fletch_codec_get(k); k++) {
        struct fletch_error err = { 0 };
        struct given given[ROWS] = { 0 };
        struct fletch_row found[ROWS], other;
        struct fletch_table *table;
        struct fletch_file file;

        if (!fletch_codec_get(k)->encoder_open)
            continue;
        table = open_table(&file, fletch_codec_get(k));
        for (size_t i = 0; i < ROWS; i++) {
            assert_ok(fletch_table_read(&other, table, (i + 1) % ROWS, &err), err);
            assert_ok(fletch_table_read_into(&found[i], table, i, get, &given[i], &err),
                      err);
        }
        fletch_table_close(table);
        for (size_t i = 0; i < ROWS; i++) {
            assert_int_equal(found[i].size, rows[i].size);
            assert_memory_equal(found[i].data, rows[i].value, rows[i].size);
            check_given(&given[i], &found[i]);
        }
        fletch_file_close(&file);
    }
}

static void without_memory_it_says_so(void **state)
{
    struct given given = { .none = true };
    struct fletch_error err = { 0 };
    struct fletch_file file;
    struct fletch_table *table = open_table(&file, none());
    struct fletch_row row;

    (void)state;
    assert_fails(fletch_table_read_into(&row, table, ROWS - 1, get, &given, &err),
                 FLETCH_ERR_MEMORY, err, "a value");
    given.none = false;
    given.calls = 0;
    assert_ok(fletch_table_read_into(&row, table, ROWS - 1, get, &given, &err), err);
    assert_memory_equal(row.data, large, LARGE);
    check_given(&given, &row);
    assert_fails(fletch_table_read_into(&row, table, ROWS, get, &given, &err),
                 FLETCH_ERR_ARGUMENT, err, ": has 8 rows, row 8 was asked for");
    assert_int_equal(given.calls, 0);
    fletch_table_close(table);
    fletch_file_close(&file);
}

/* A value of another writer's file, whole and in two parts, as fletch_table_read has it. */
static size_t estimates;

static size_t compare_ways(const char *path, bool map)
{
    struct fletch_table *plain, *table;
    struct fletch_error err = { 0 };
    struct fletch_row row, own, known;
    size_t count = 0;

    if (fletch_table_open(&plain, path, &err))
        return 0; /* what cannot be read has tests of its own */
    assert_ok(fletch_table_open(&table, path, &err), err);
    if (map)
        assert_ok(fletch_table_map(table, &err), err);
    for (size_t i = 0; i < fletch_table_count(plain); i++) {
        struct given given = { 0 };
        enum fletch_status status = fletch_table_read(&row, plain, i, &err);
        uint8_t *parts;

        assert_int_equal(fletch_table_read_into(&own, table, i, get, &given, &err), status);
        if (status) {
            free(given.memory);
            continue;
        }
        assert_int_equal(own.size, row.size);
        assert_false(own.estimated);
        assert_true(fletch_table_at(&known, plain, i));
        assert_true(known.estimated || known.size == own.size);
        estimates += known.estimated;
        if (row.size)
            assert_memory_equal(own.data, row.data, row.size);
        check_given(&given, &own);
        parts = malloc(row.size + 1);
        assert_ok(fletch_table_read_part(parts, row.size / 3, table, i, 0, &err), err);
        assert_ok(fletch_table_read_part(parts + row.size / 3, row.size - row.size / 3,
                                         table, i, row.size / 3, &err),
                  err);
        if (row.size)
            assert_memory_equal(parts, row.data, row.size);
        free(parts);
        count++;
    }
    fletch_table_close(plain);
    fletch_table_close(table);
    return count;
}

static void files_of_other_writers_too(void **state)
{
    struct dirent **entries = NULL;
    int count = scandir(FLETCH_TEST_DATA "/foreign", &entries, NULL, alphasort);
    size_t compared = 0;

    (void)state;
    assert_true(count > 20);
    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/foreign/%.200s", FLETCH_TEST_DATA,
                 entries[i]->d_name);
        free(entries[i]);
        if (strstr(path, ".parquet"))
            compared += compare_ways(path, false) + compare_ways(path, true);
    }
    free(entries);
    assert_true(compared >= 60 && estimates > 10);
}

static void parts_begin_and_end_anywhere(void **state)
{
    static const uint64_t cuts[][2] = { { 0, 0 },
                                        { 0, 1 },
                                        { 1, 7 },
                                        { LARGE - 1, 1 },
                                        { LARGE, 0 },
                                        { 1048570, 20 },
                                        { 1300000, 1000000 },
                                        { 0, LARGE } };
    static uint8_t part[LARGE];

    (void)state;
    for (size_t k = 0; fletch_codec_get(k); k++) {
        struct fletch_error err = { 0 };
        struct fletch_table *table;
        struct fletch_file file;

        if (!fletch_codec_get(k)->encoder_open)
            continue;
        table = open_table(&file, fletch_codec_get(k));
        for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
            assert_ok(fletch_table_read_part(part, (size_t)cuts[i][1], table, ROWS - 1,
                                             cuts[i][0], &err),
                      err);
            assert_memory_equal(part, large + cuts[i][0], (size_t)cuts[i][1]);
        }
        assert_fails(fletch_table_read_part(part, 2, table, ROWS - 1, LARGE - 1, &err),
                     FLETCH_ERR_ARGUMENT, err,
                     ": row 'zz.large': 2 bytes from byte 2499999 on were asked for, but "
                     "its value has 2500000");
        assert_fails(fletch_table_read_part(part, 1, table, 0, UINT64_MAX, &err),
                     FLETCH_ERR_ARGUMENT, err, "but its value has 8");
        fletch_table_close(table);
        fletch_file_close(&file);
    }
}

static void *read_rows(void *arg)
{
    struct fletch_table *table = arg;
    struct fletch_row row;

    for (size_t i = 0; i < 3 * ROWS; i++)
        if (fletch_table_read(&row, table, i % ROWS, NULL) ||
            memcmp(row.data, rows[i % ROWS].value, rows[i % ROWS].size) != 0)
            return arg;
    return NULL;
}

static void threads_share_a_file(void **state)
{
    struct fletch_table *tables[THREADS];
    struct fletch_error err = { 0 };
    pthread_t threads[THREADS];
    struct fletch_file file;
    void *failed;

    (void)state;
    for (int map = 0; map < 2; map++) {
        tables[0] = open_table(&file, none());
        if (map)
            assert_ok(fletch_table_map(tables[0], &err), err);
        for (size_t i = 1; i < THREADS; i++)
            assert_ok(fletch_table_share(&tables[i], tables[i / 2], &err), err);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, read_rows, tables[i]), 0);
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(threads[i], &failed);
            assert_null(failed);
        }
        if (!map)
            assert_fails(fletch_table_map(tables[1], &err), FLETCH_ERR_ARGUMENT, err,
                         ": is shared, the table it came from is to be mapped first");
        for (size_t i = THREADS; i-- > 0;)
            fletch_table_close(tables[i]);
        fletch_file_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_callers),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(files_of_other_writers_too),
        cmocka_unit_test(parts_begin_and_end_anywhere),
        cmocka_unit_test(threads_share_a_file),
    };

    return cmocka_run_group_tests(tests, make_values, NULL);
}
