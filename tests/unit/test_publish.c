/* SPDX-License-Identifier: MIT */
/* test_publish.c - an output folder appears complete or not at all, and nothing foreign is
 * lost */
#include "support.h"

#include "base/file.h"
#include "convert/publish.h"

#include <dirent.h>
#include <sys/wait.h>

/* Entries of a folder, dot files included. */
static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            count++;
    closedir(dir);
    return count;
}

/* Opens a staging folder for `out` and writes three files into it. */
static struct fletch_staging *stage(const char *out, bool force, const char *text)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char path[4096];

    assert_ok(fletch_staging_open(&staging, out, force, &err), err);
    snprintf(path, sizeof(path), "%s/weights.parquet", fletch_staging_path(staging));
    put_text(path, text);
    snprintf(path, sizeof(path), "%s/metadata.json", fletch_staging_path(staging));
    put_text(path, text);
    snprintf(path, sizeof(path), "%s/tokenizer", fletch_staging_path(staging));
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof(path), "%s/tokenizer/tokenizer.json",
             fletch_staging_path(staging));
    put_text(path, text);
    return staging;
}

static void publish(const char *out, bool force, const char *text)
{
    struct fletch_staging *staging = stage(out, force, text);
    struct fletch_error err;

    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
}

static void appears_with_its_parents(void **state)
{
    (void)state;
    publish(at("a/b/out"), false, "one");
    assert_string_equal(text_of(at("a/b/out/weights.parquet")), "one");
    assert_string_equal(text_of(at("a/b/out/tokenizer/tokenizer.json")), "one");
    assert_int_equal(entries(at("a/b")), 1);
}

static void unpublished_leaves_nothing(void **state)
{
    (void)state;
    fletch_staging_close(stage(at("a/b/out"), false, "one"));
    assert_int_equal(entries(scratch), 0);
    fletch_staging_close(NULL);
}

static void an_older_output_is_replaced_whole(void **state)
{
    struct fletch_staging *staging;
    struct fletch_error err;

    (void)state;
    publish(at("out"), false, "one");
    staging = stage(at("out/"), false, "two");
    assert_string_equal(text_of(at("out/metadata.json")), "one");
    assert_int_equal(unlink(at("out/tokenizer/tokenizer.json")), 0);
    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
    assert_string_equal(text_of(at("out/weights.parquet")), "two");
    assert_string_equal(text_of(at("out/metadata.json")), "two");
    assert_int_equal(entries(scratch), 1);
}

static void an_older_tokenizer_goes_with_the_rest(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char path[4096];

    (void)state;
    publish(at("out"), false, "one");
    assert_ok(fletch_staging_open(&staging, at("out"), true, &err), err);
    snprintf(path, sizeof(path), "%s/metadata.json", fletch_staging_path(staging));
    put_text(path, "two");
    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
    assert_false(exists(at("out/tokenizer/tokenizer.json")));
    assert_false(exists(at("out/weights.parquet")));
}

static void foreign_files_are_refused_or_kept(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;

    (void)state;
    publish(at("out"), false, "one");
    put_text(at("out/notes.txt"), "mine");
    assert_fails(fletch_staging_open(&staging, at("out"), false, &err), FLETCH_ERR_ARGUMENT,
                 err, "holds 'notes.txt', which is not of an earlier conversion");
    assert_null(staging);
    assert_int_equal(unlink(at("out/notes.txt")), 0);
    put_text(at("out/tokenizer/vocab.txt"), "mine");
    assert_fails(fletch_staging_open(&staging, at("out"), false, &err), FLETCH_ERR_ARGUMENT,
                 err, "holds 'tokenizer/vocab.txt'");

    put_text(at("out/notes.txt"), "mine");
    assert_int_equal(mkdir(at("out/deep"), 0777), 0);
    assert_int_equal(mkdir(at("out/deep/er"), 0777), 0);
    put_text(at("out/deep/er/file"), "mine");
    publish(at("out"), true, "two");
    assert_string_equal(text_of(at("out/weights.parquet")), "two");
    assert_string_equal(text_of(at("out/notes.txt")), "mine");
    assert_string_equal(text_of(at("out/tokenizer/vocab.txt")), "mine");
    assert_string_equal(text_of(at("out/deep/er/file")), "mine");
    assert_int_equal(entries(scratch), 1);
}

static void a_file_is_no_folder(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;

    (void)state;
    put_text(at("file"), "x");
    assert_fails(fletch_staging_open(&staging, at("file"), false, &err),
                 FLETCH_ERR_ARGUMENT, err, "/file: is a file, expected a folder");
    assert_fails(fletch_staging_open(&staging, at("file/out"), false, &err), FLETCH_ERR_IO,
                 err, "/file");
    assert_fails(fletch_staging_open(&staging, "", false, &err), FLETCH_ERR_ARGUMENT, err,
                 "the output folder's name is empty");
    assert_int_equal(entries(scratch), 1);
}

static void through_a_link_to_where_it_points(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("real"), 0777), 0);
    assert_int_equal(symlink("real", at("link")), 0);
    publish(at("link"), false, "one");
    assert_string_equal(text_of(at("real/metadata.json")), "one");
    assert_int_equal(entries(scratch), 2);
}

/* A process that dies in the middle: its folder stays, and the next conversion removes it.
 * One that still lives keeps its own. */
static void what_the_dead_left_is_removed(void **state)
{
    struct fletch_staging *living = stage(at("out"), false, "living");
    char path[4096];
    pid_t child = fork();
    int code;

    (void)state;
    if (!child) {
        stage(at("out"), false, "dead");
        _exit(0);
    }
    assert_int_equal(waitpid(child, &code, 0), child);
    snprintf(path, sizeof(path), "%s", fletch_staging_path(living));
    assert_int_equal(entries(scratch), 2);
    publish(at("out"), false, "new");
    assert_int_equal(entries(scratch), 2);
    assert_true(exists(path));
    fletch_staging_close(living);
    assert_int_equal(entries(scratch), 1);
    assert_string_equal(text_of(at("out/metadata.json")), "new");
}

/* What a program that cannot wait does: nothing staged is left, nothing can be published.
 */
static void the_abandoned_is_never_published(void **state)
{
    struct fletch_staging *staging;
    struct fletch_error err;

    (void)state;
    publish(at("out"), false, "old");
    staging = stage(at("out"), false, "new");
    fletch_abandon(at("out"));
    assert_int_equal(entries(scratch), 1);
    assert_int_not_equal(fletch_staging_publish(staging, &err), FLETCH_OK);
    fletch_staging_close(staging);
    assert_string_equal(text_of(at("out/metadata.json")), "old");
    assert_int_equal(entries(scratch), 1);
    fletch_abandon(at("none"));
    fletch_abandon("");
    assert_int_equal(entries(scratch), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(appears_with_its_parents),
        TEST(unpublished_leaves_nothing),
        TEST(an_older_output_is_replaced_whole),
        TEST(an_older_tokenizer_goes_with_the_rest),
        TEST(foreign_files_are_refused_or_kept),
        TEST(a_file_is_no_folder),
        TEST(through_a_link_to_where_it_points),
        TEST(what_the_dead_left_is_removed),
        TEST(the_abandoned_is_never_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
