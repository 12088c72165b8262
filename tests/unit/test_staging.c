/* SPDX-License-Identifier: MIT */
/* test_staging.c - an output folder appears complete or not at all, and nothing foreign is
 * lost */
#include "support.h"

#include "base/file.h"
#include "publish/staging.h"

#include <dirent.h>
#include <pthread.h>
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

/* What a conversion is known by, with a word in it. */
static const char *metadata_of(const char *text)
{
    static char metadata[128];

    snprintf(metadata, sizeof(metadata), "{\"layer_info\": {}, \"model_name\": \"%s\"}",
             text);
    return metadata;
}

static const char *parquet_of(const char *text)
{
    static char parquet[128];

    snprintf(parquet, sizeof(parquet), "PAR1 %s fletch.version PAR1", text);
    return parquet;
}

/* Opens a staging folder for `out` and writes three files into it. */
static struct fletch_staging *stage(const char *out, bool force, const char *text)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char path[4096];

    assert_ok(fletch_staging_open(&staging, out, force, &err), err);
    snprintf(path, sizeof(path), "%s/weights.parquet", fletch_staging_path(staging));
    put_text(path, parquet_of(text));
    snprintf(path, sizeof(path), "%s/metadata.json", fletch_staging_path(staging));
    put_text(path, metadata_of(text));
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
    assert_string_equal(text_of(at("a/b/out/weights.parquet")), parquet_of("one"));
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
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("one"));
    assert_int_equal(unlink(at("out/tokenizer/tokenizer.json")), 0);
    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
    assert_string_equal(text_of(at("out/weights.parquet")), parquet_of("two"));
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("two"));
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
    put_text(path, metadata_of("two"));
    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
    assert_false(exists(at("out/tokenizer")));
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
    assert_string_equal(text_of(at("out/weights.parquet")), parquet_of("two"));
    assert_string_equal(text_of(at("out/notes.txt")), "mine");
    assert_string_equal(text_of(at("out/tokenizer/vocab.txt")), "mine");
    assert_string_equal(text_of(at("out/deep/er/file")), "mine");
    assert_int_equal(entries(scratch), 1);
}

/* Names alone say nothing. */
static void files_of_others_with_our_names_are_refused(void **state)
{
    static const struct {
        const char *name, *text;
    } theirs[] = {
        { "weights.parquet", "precious" }, { "weights.parquet", "PAR1 their table PAR1" },
        { "weights.parquet", "" },         { "metadata.json", "{\"mine\": 1}" },
        { "metadata.json", "precious" },   { "tokenizer/tokenizer.json", "{}" }
    };
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char path[128], sentence[128];

    (void)state;
    assert_int_equal(mkdir(at("out"), 0777), 0);
    assert_int_equal(mkdir(at("out/tokenizer"), 0777), 0);
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        snprintf(path, sizeof(path), "out/%s", theirs[i].name);
        put_text(at(path), theirs[i].text);
        snprintf(sentence, sizeof(sentence),
                 "/out: holds '%s', whose content is not of an earlier conversion; choose "
                 "another folder, or --force to replace it",
                 theirs[i].name);
        assert_fails(fletch_staging_open(&staging, at("out"), false, &err),
                     FLETCH_ERR_ARGUMENT, err, sentence);
        assert_string_equal(text_of(at(path)), theirs[i].text);
        assert_int_equal(unlink(at(path)), 0);
    }
    assert_null(staging);
    /* with metadata.json beside it a Parquet file without our key is an older converter's
     */
    put_text(at("out/weights.parquet"), "PAR1 older PAR1");
    put_text(at("out/metadata.json"), metadata_of("older"));
    publish(at("out"), false, "one");
    put_text(at("out/weights.parquet"), "precious");
    publish(at("out"), true, "two");
    assert_string_equal(text_of(at("out/weights.parquet")), parquet_of("two"));
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

/* However long a path is, the message says what is wrong; and before any work. */
static void long_names_are_said_early(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char name[256 + 1], path[2048];
    size_t len;

    (void)state;
    memset(name, 'n', 256);
    name[256] = 0;
    assert_fails(fletch_staging_open(&staging, at(name), false, &err), FLETCH_ERR_ARGUMENT,
                 err, "nnn: a name of 256 bytes, the limit is 255 (NAME_MAX)");
    assert_int_equal(entries(scratch), 0);
    name[255] = 0;
    publish(at(name), false, "one");
    len = (size_t)snprintf(path, sizeof(path), "%s", scratch);
    for (int i = 0; i < 4; i++)
        len += (size_t)snprintf(path + len, sizeof(path) - len, "/%s", name + i);
    publish(path, false, "one");
    snprintf(path + len, sizeof(path) - len, "/%s", "notes");
    put_text(path, "mine");
    path[len] = 0;
    assert_fails(fletch_staging_open(&staging, path, false, &err), FLETCH_ERR_ARGUMENT, err,
                 "nnn: holds 'notes', which is not of an earlier conversion");
}

static void through_a_link_to_where_it_points(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("real"), 0777), 0);
    assert_int_equal(symlink("real", at("link")), 0);
    publish(at("link"), false, "one");
    assert_string_equal(text_of(at("real/metadata.json")), metadata_of("one"));
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
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("new"));
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
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("old"));
    assert_int_equal(entries(scratch), 1);
    fletch_abandon(at("none"));
    fletch_abandon("");
    assert_int_equal(entries(scratch), 1);
}

/* Replacing these would lose what no conversion wrote, with --force too. */
static void what_is_of_another_kind_is_refused(void **state)
{
    static const char *const folders[] = { "weights.parquet", "metadata.json",
                                           "tokenizer/tokenizer.json" };
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char path[128];

    (void)state;
    for (int force = 0; force <= 1; force++) {
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(mkdir(at("out"), 0777), 0);
            assert_int_equal(mkdir(at("out/tokenizer"), 0777), 0);
            snprintf(path, sizeof(path), "out/%s", folders[i]);
            assert_int_equal(mkdir(at(path), 0777), 0);
            assert_fails(fletch_staging_open(&staging, at("out"), force, &err),
                         FLETCH_ERR_ARGUMENT, err, folders[i]);
            assert_non_null(strstr(err.message, ": is a folder, expected a file: move it"));
            assert_int_equal(rmdir(at(path)), 0);
            rmdir(at("out/tokenizer"));
            assert_int_equal(rmdir(at("out")), 0);
        }
        assert_int_equal(mkdir(at("out"), 0777), 0);
        put_text(at("out/tokenizer"), "mine");
        assert_fails(fletch_staging_open(&staging, at("out"), force, &err),
                     FLETCH_ERR_ARGUMENT, err,
                     "/out/tokenizer: is a file, expected a folder: move it away");
        assert_int_equal(unlink(at("out/tokenizer")), 0);
        assert_int_equal(symlink("..", at("out/tokenizer")), 0);
        assert_fails(fletch_staging_open(&staging, at("out"), force, &err),
                     FLETCH_ERR_ARGUMENT, err,
                     "/out/tokenizer: is a link, expected a folder: move it away");
        assert_int_equal(unlink(at("out/tokenizer")), 0);
        assert_int_equal(rmdir(at("out")), 0);
    }
    assert_null(staging);
}

static void a_link_to_nothing_is_refused_at_once(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;

    (void)state;
    assert_int_equal(symlink("nowhere", at("link")), 0);
    assert_fails(fletch_staging_open(&staging, at("link/"), false, &err),
                 FLETCH_ERR_NOT_FOUND, err,
                 "/link: is a link to a folder that is not there");
    assert_int_equal(entries(scratch), 1);
}

static void rights_stay_as_they_were(void **state)
{
    struct stat info;

    (void)state;
    assert_int_equal(mkdir(at("out"), 0777), 0);
    assert_int_equal(chmod(at("out"), 02711), 0);
    publish(at("out"), false, "one");
    assert_int_equal(stat(at("out"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 02711);
    publish(at("out"), false, "two");
    assert_int_equal(stat(at("out"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 02711);
}

/* Who says `-o .` goes on working there. */
static void the_working_directory_stays(void **state)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;
    char before[4096], path[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(mkdir(at("out"), 0777), 0);
    assert_int_equal(chdir(at("out")), 0);
    publish(".", false, "one");
    assert_string_equal(text_of("metadata.json"), metadata_of("one"));
    assert_string_equal(text_of("tokenizer/tokenizer.json"), "one");
    assert_int_equal(entries("."), 3);
    put_text("notes", "mine");
    assert_fails(fletch_staging_open(&staging, ".", false, &err), FLETCH_ERR_ARGUMENT, err,
                 "holds 'notes'");
    /* an older tokenizer goes here too */
    assert_ok(fletch_staging_open(&staging, ".", true, &err), err);
    snprintf(path, sizeof(path), "%s/metadata.json", fletch_staging_path(staging));
    put_text(path, metadata_of("two"));
    assert_ok(fletch_staging_publish(staging, &err), err);
    fletch_staging_close(staging);
    assert_string_equal(text_of("metadata.json"), metadata_of("two"));
    assert_string_equal(text_of("notes"), "mine");
    assert_false(exists("weights.parquet"));
    assert_false(exists("tokenizer"));
    assert_int_equal(entries(scratch), 1);
    assert_int_equal(chdir(before), 0);
}

/* In a process that is not root, whom nothing stops; true when the check was. */
static bool holds_for_others(bool (*check)(void))
{
    pid_t child = fork();
    int code;

    if (!child)
        _exit((geteuid() || (!setgid(65534) && !setuid(65534))) && check() ? 0 : 1);
    assert_int_equal(waitpid(child, &code, 0), child);
    return !code;
}

static bool converts_into_a_folder_below_a_locked_one(void)
{
    publish(at("out"), false, "one");
    publish(at("out"), false, "two");
    return true;
}

static bool is_refused(const char *out, const char *sentence)
{
    struct fletch_staging *staging = NULL;
    struct fletch_error err;

    return fletch_staging_open(&staging, out, true, &err) == FLETCH_ERR_IO &&
           strstr(err.message, sentence);
}

static bool a_locked_one_is_refused(void)
{
    return is_refused(at("out"), "/out: writing there: Permission denied") &&
           is_refused(at("new"), ": making a folder in it: Permission denied");
}

static void only_the_folder_itself_must_be_writable(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("out"), 0777), 0);
    assert_int_equal(chmod(at("out"), 0777), 0);
    assert_int_equal(chmod(scratch, 0555), 0);
    assert_true(holds_for_others(converts_into_a_folder_below_a_locked_one));
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("two"));
    assert_int_equal(entries(at("out")), 3);
    assert_int_equal(chmod(at("out"), 0555), 0);
    assert_true(holds_for_others(a_locked_one_is_refused));
    assert_int_equal(chmod(at("out"), 0755), 0);
    assert_int_equal(chmod(scratch, 0755), 0);
}

/* Two begin where nothing is yet: the second finds the first's output in its place. And one
 * whose older output is taken away meanwhile. */
static void what_is_there_is_asked_when_it_counts(void **state)
{
    struct fletch_staging *first = stage(at("out"), false, "first");
    struct fletch_staging *second = stage(at("out"), false, "second");
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_staging_publish(first, &err), err);
    fletch_staging_close(first);
    assert_ok(fletch_staging_publish(second, &err), err);
    fletch_staging_close(second);
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("second"));
    assert_int_equal(entries(scratch), 1);
    second = stage(at("out"), false, "third");
    assert_int_equal(rename(at("out"), at("away")), 0);
    assert_ok(fletch_staging_publish(second, &err), err);
    fletch_staging_close(second);
    assert_string_equal(text_of(at("out/metadata.json")), metadata_of("third"));
    assert_string_equal(text_of(at("away/metadata.json")), metadata_of("second"));
    assert_int_equal(entries(scratch), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

#define RIVALS 4
#define ROUNDS 150

struct rival {
    const char *out;
    struct fletch_error err;
};

/* Publishes into one folder again and again; returns the sentence of the first failure. */
static void *publish_often(void *arg)
{
    struct rival *rival = arg;
    struct fletch_error *err = &rival->err;

    for (int i = 0; i < ROUNDS; i++) {
        struct fletch_staging *staging;
        char path[4096];
        FILE *file;

        if (fletch_staging_open(&staging, rival->out, false, err))
            return err->message;
        snprintf(path, sizeof(path), "%s/metadata.json", fletch_staging_path(staging));
        file = fopen(path, "w");
        if (file) {
            fputs("{\"layer_info\": {}, \"model_name\": \"x\"}", file);
            fclose(file);
        }
        if (fletch_staging_publish(staging, err)) {
            fletch_staging_close(staging);
            return err->message;
        }
        fletch_staging_close(staging);
    }
    return NULL;
}

static void rivals_of_one_process_do_not_take_each_others(void **state)
{
    struct rival rivals[RIVALS];
    const char *out = at("out");
    pthread_t threads[RIVALS];

    (void)state;
    for (size_t i = 0; i < RIVALS; i++) {
        rivals[i].out = out;
        assert_int_equal(pthread_create(&threads[i], NULL, publish_often, &rivals[i]), 0);
    }
    for (size_t i = 0; i < RIVALS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        if (failed)
            fail_msg("%s", (const char *)failed);
    }
    assert_int_equal(entries(at("out")), 1);
    assert_int_equal(entries(at("")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(appears_with_its_parents),
        TEST(unpublished_leaves_nothing),
        TEST(an_older_output_is_replaced_whole),
        TEST(an_older_tokenizer_goes_with_the_rest),
        TEST(foreign_files_are_refused_or_kept),
        TEST(files_of_others_with_our_names_are_refused),
        TEST(a_file_is_no_folder),
        TEST(long_names_are_said_early),
        TEST(through_a_link_to_where_it_points),
        TEST(what_the_dead_left_is_removed),
        TEST(the_abandoned_is_never_published),
        TEST(what_is_of_another_kind_is_refused),
        TEST(a_link_to_nothing_is_refused_at_once),
        TEST(rights_stay_as_they_were),
        TEST(the_working_directory_stays),
        TEST(only_the_folder_itself_must_be_writable),
        TEST(what_is_there_is_asked_when_it_counts),
        TEST(rivals_of_one_process_do_not_take_each_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
