/* SPDX-License-Identifier: MIT */
/* test_table.c - the rows of a file by the public functions: out of buffers, and in a map
 */
#include "small_rows.h"

#include <dirent.h>

/* Larger than a step of reading and than two zstd blocks. */
#define LARGE ((size_t)700 * 1000)

static uint8_t large[LARGE];
/* small_rows, then a value that is decompressed while it is read */
static struct table_row rows[SMALL_ROWS + 1];
#define ROWS (SMALL_ROWS + 1)

static int make_values(void **state)
{
    uint32_t random = 1;

    make_ramp(state);
    for (size_t i = 0; i < LARGE; i++) {
        random = random * 1664525 + 1013904223;
        large[i] = (uint8_t)(random >> 24) & 0x7f; /* shrinks by an eighth */
    }
    memcpy(rows, small_rows, sizeof(small_rows));
    rows[SMALL_ROWS] =
        (struct table_row){ "zz.large", { LARGE }, 1, "torch.uint8", LARGE, large, LARGE };
    return 0;
}

/* A file with `per_group` rows in a group, with the codecs in turn; its path, which is one
 * as long as it is open. */
static const char *make_table(struct fletch_file *file, size_t per_group,
                              const struct fletch_codec *const *codecs, size_t count)
{
    static char path[64];

    *file = write_table(rows, ROWS, per_group, codecs, count);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    return path;
}

static struct fletch_table *open_table(const char *path, bool map)
{
    struct fletch_table *table = NULL;
    struct fletch_error err = { 0 };

    assert_ok(fletch_table_open(&table, path, &err), err);
    if (map)
        assert_ok(fletch_table_map(table, &err), err);
    return table;
}

static void check_row(struct fletch_row *out, struct fletch_table *table, size_t i)
{
    struct fletch_error err = { 0 };

    assert_ok(fletch_table_read(out, table, i, &err), err);
    assert_string_equal(out->name, rows[i].name);
    assert_int_equal(out->size, rows[i].size);
    assert_memory_equal(out->data, rows[i].value, rows[i].size);
    /* small values lie in the file without much padding */
    assert_int_equal((uintptr_t)out->data % (out->mapped && out->size <= 1024 ? 8 : 64), 0);
}

static void values_are_aligned_with_every_codec(void **state)
{
    (void)state;
    for (size_t i = 0; fletch_codec_get(i); i++) {
        const struct fletch_codec *codec = fletch_codec_get(i);
        struct fletch_table *table;
        struct fletch_file file;
        struct fletch_row row;

        if (!codec->encoder_open)
            continue;
        table = open_table(make_table(&file, ROWS, &codec, 1), false);
        for (size_t k = 0; k < 2 * ROWS; k++) {
            check_row(&row, table, k < ROWS ? k : 2 * ROWS - 1 - k);
            assert_false(row.mapped);
        }
        fletch_table_close(table);
        fletch_file_close(&file);
    }
}

/* Whether the bytes lie in a mapping of a file that is read only. */
static bool in_a_map(const void *data, size_t size)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    uintptr_t at = (uintptr_t)data;
    unsigned long begin, end;
    char line[4096], mode[5];
    bool found = false;

    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps))
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, mode) == 3)
            found = !strcmp(mode, "r--s") && at >= begin && at + size <= end;
    fclose(maps);
    return found;
}

/* Groups without compression between groups with it. */
static void plain_values_stay_in_the_map(void **state)
{
    const struct fletch_codec *codecs[] = { none(), NULL };
    struct fletch_error err = { 0 };
    struct fletch_row found[ROWS];
    struct fletch_table *table;
    struct fletch_file file;
    size_t mapped = 0;

    (void)state;
    assert_ok(fletch_codec_find(&codecs[1], NULL, &err), err);
    table = open_table(make_table(&file, 1, codecs, 2), true);
    assert_ok(fletch_table_map(table, &err), err); /* as often as one likes */
    for (size_t i = 0; i < 2 * ROWS; i++) {
        check_row(&found[i % ROWS], table, i % ROWS);
        assert_int_equal(found[i % ROWS].mapped, codecs[i % ROWS % 2] == none());
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (!found[i].mapped)
            continue;
        assert_true(in_a_map(found[i].data, found[i].size));
        assert_memory_equal(found[i].data, rows[i].value, rows[i].size);
        mapped++;
    }
    assert_true(mapped >= ROWS / 2);
    fletch_table_close(table);
    assert_false(in_a_map(found[0].data, found[0].size));
    fletch_file_close(&file);
}

/* Every layout of other writers gives the same with a map and without. */
static void compare_tables(const char *path, size_t *mapped)
{
    struct fletch_table *copies, *maps;
    struct fletch_error err = { 0 };
    struct fletch_row copy, map;

    if (fletch_table_open(&copies, path, &err))
        return; /* what cannot be read has tests of its own */
    maps = open_table(path, true);
    for (size_t i = 0; i < fletch_table_count(copies); i++) {
        enum fletch_status status = fletch_table_read(&copy, copies, i, &err);

        assert_int_equal(fletch_table_read(&map, maps, i, &err), status);
        if (status)
            continue;
        assert_false(copy.mapped);
        assert_int_equal(map.size, copy.size);
        if (copy.size)
            assert_memory_equal(map.data, copy.data, copy.size);
        assert_int_equal(map.mapped, in_a_map(map.data, map.size));
        *mapped += map.mapped;
    }
    fletch_table_close(copies);
    fletch_table_close(maps);
}

static void files_of_other_writers_too(void **state)
{
    struct dirent **entries = NULL;
    int count = scandir(FLETCH_TEST_DATA "/foreign", &entries, NULL, alphasort);
    size_t mapped = 0;

    (void)state;
    assert_true(count > 20);
    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/foreign/%.200s", FLETCH_TEST_DATA,
                 entries[i]->d_name);
        free(entries[i]);
        if (strstr(path, ".parquet"))
            compare_tables(path, &mapped);
    }
    free(entries);
    assert_true(mapped >= 20);
}

/* Where the value of the last row, the large one, lies. */
static off_t large_at(const struct fletch_file *file)
{
    struct fletch_reader *reader = NULL;
    struct fletch_error err = { 0 };
    off_t at;

    assert_ok(fletch_reader_open(&reader, file, &err), err);
    at = (off_t)reader->rows[ROWS - 1].page_offset + 5000;
    fletch_reader_close(reader);
    return at;
}

static void flip(const struct fletch_file *file, off_t at)
{
    uint8_t byte;

    assert_int_equal(pread(file->fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file->fd, &byte, 1, at), 1);
}

/* A page's sum is said to be wrong also where it is decompressed while it is read; in a map
 * it is looked at once. */
static void damage_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; fletch_codec_get(i); i++) {
        const struct fletch_codec *codec = fletch_codec_get(i);
        struct fletch_table *copies, *maps;
        struct fletch_error err = { 0 };
        struct fletch_file file;
        struct fletch_row row;
        const char *path;
        off_t at;

        if (!codec->encoder_open)
            continue;
        path = make_table(&file, ROWS, &codec, 1);
        copies = open_table(path, false);
        maps = open_table(path, true);
        at = large_at(&file);
        flip(&file, at);
        assert_fails(fletch_table_read(&row, copies, ROWS - 1, &err), FLETCH_ERR_FORMAT,
                     err, ": CRC-32 of its body is ");
        assert_fails(fletch_table_read(&row, maps, ROWS - 1, &err), FLETCH_ERR_FORMAT, err,
                     ": CRC-32 of its body is ");
        flip(&file, at);
        check_row(&row, copies, ROWS - 1);
        check_row(&row, maps, ROWS - 1);
        flip(&file, at);
        if (row.mapped)
            assert_int_equal(fletch_table_read(&row, maps, ROWS - 1, &err), FLETCH_OK);
        check_row(&row, copies, 1);
        fletch_table_close(copies);
        fletch_table_close(maps);
        fletch_file_close(&file);
    }
}

static void a_file_that_shrinks_is_an_error(void **state)
{
    const struct fletch_codec *codec = none();
    struct fletch_table *late, *table;
    struct fletch_error err = { 0 };
    struct fletch_file file;
    struct fletch_row row;
    const char *path = make_table(&file, ROWS, &codec, 1);

    (void)state;
    late = open_table(path, false);
    table = open_table(path, true);
    check_row(&row, table, 0);
    assert_int_equal(ftruncate(file.fd, 8192), 0);
    assert_fails(fletch_table_map(late, &err), FLETCH_ERR_IO, err,
                 ": is 8192 bytes long, expected ");
    assert_fails(fletch_table_read(&row, table, 0, &err), FLETCH_ERR_IO, err,
                 ": it shrank while being read");
    assert_fails(fletch_table_read(&row, table, ROWS - 1, &err), FLETCH_ERR_IO, err,
                 ": it shrank while being read");
    fletch_table_close(table);
    fletch_table_close(late);
    assert_fails(fletch_table_open(&table, path, &err), FLETCH_ERR_FORMAT, err,
                 ": not Parquet: ");
    fletch_file_close(&file);
}

static void rows_are_found_by_name(void **state)
{
    const struct fletch_codec *codec = none();
    struct fletch_error err = { 0 };
    struct fletch_table *table;
    struct fletch_file file;
    struct fletch_row row;
    size_t at;

    (void)state;
    table = open_table(make_table(&file, 2, &codec, 1), false);
    for (size_t i = 0; i < ROWS; i++) {
        assert_ok(fletch_table_find(&at, table, rows[i].name, &err), err);
        assert_int_equal(at, i);
    }
    assert_fails(fletch_table_find(&at, table, "lon", &err), FLETCH_ERR_NOT_FOUND, err,
                 ": has no row 'lon'");
    assert_fails(fletch_table_read(&row, table, ROWS, &err), FLETCH_ERR_ARGUMENT, err,
                 ": has 8 rows, row 8 was asked for");
    fletch_table_close(table);
    fletch_file_close(&file);
}

static void nowhere_says_what_was_expected(void **state)
{
    struct fletch_error err = { 0 };
    struct fletch_table *table;

    (void)state;
    assert_fails(fletch_table_open(&table, at("none"), &err), FLETCH_ERR_NOT_FOUND, err,
                 "/none: no such file or folder, expected a converted folder or its "
                 "weights.parquet");
    assert_fails(fletch_table_open(&table, scratch, &err), FLETCH_ERR_NOT_FOUND, err,
                 "/weights.parquet: no such file, expected in a converted folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_aligned_with_every_codec),
        cmocka_unit_test(plain_values_stay_in_the_map),
        cmocka_unit_test(files_of_other_writers_too),
        cmocka_unit_test(damage_has_its_sentence),
        cmocka_unit_test(a_file_that_shrinks_is_an_error),
        cmocka_unit_test(rows_are_found_by_name),
        cmocka_unit_test_setup_teardown(nowhere_says_what_was_expected, make_scratch,
                                        remove_scratch),
    };

    return cmocka_run_group_tests(tests, make_values, NULL);
}
