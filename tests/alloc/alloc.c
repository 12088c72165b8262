/* SPDX-License-Identifier: MIT */
/* alloc - every allocation of each operation fails once
 *
 * The program brings its own malloc, so that the libraries' allocations fail too. Each
 * operation is repeated with the first, the second, ... allocation failing, until one run
 * needs no failure to end. Every run must succeed or end with a sentence that speaks of
 * memory (or of the system, where a libc call ran out), leave no memory, no descriptor and
 * no half output. And reading rows again, into buffers that have grown, allocates nothing.
 *
 * libsnappy is C++ and throws, which nobody can catch in C; its operator new is spared.
 */
#include <fletch/fletch.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The allocator ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *memory);

static long armed;   /* the allocation to fail, from 1; 0: none */
static long counted; /* since arming */
static long live;    /* allocations that were not freed */

static bool spoiled(void)
{
    if (!armed || __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST) != armed)
        return false;
    errno = ENOMEM;
    return true;
}

static void *born(void *memory)
{
    if (memory)
        __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
    return memory;
}

void *malloc(size_t size)
{
    return spoiled() ? NULL : born(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return spoiled() ? NULL : born(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    void *grown;

    if (spoiled())
        return NULL;
    grown = __libc_realloc(old, size);
    return old ? grown : born(grown);
}

void *memalign(size_t align, size_t size)
{
    return spoiled() ? NULL : born(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    void *memory = memalign(align, size);

    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}

void free(void *memory)
{
    if (memory)
        __atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
    __libc_free(memory);
}

/* operator new, by its name in the object files */
void *_Znwm(size_t size)
{
    return born(__libc_malloc(size ? size : 1));
}

void *_Znam(size_t size)
{
    return _Znwm(size);
}

/* ---- The operations ---- */

static char scratch[] = "/dev/shm/fletch-alloc-XXXXXX";
static char out_dir[sizeof(scratch) + 8];
static char kept_dir[sizeof(scratch) + 8]; /* a conversion to read */

struct operation {
    const char *name;
    const char *model; /* below tests/golden */
    const char *codec;
    enum fletch_status (*run)(const char *model, const struct fletch_options *options,
                              struct fletch_error *err);
};

static enum fletch_status convert(const char *model, const struct fletch_options *options,
                                  struct fletch_error *err)
{
    struct fletch_result result;
    enum fletch_status status = fletch_convert(&result, model, out_dir, options, err);

    if (!status)
        fletch_result_release(&result);
    return status;
}

static enum fletch_status plan(const char *model, const struct fletch_options *options,
                               struct fletch_error *err)
{
    struct fletch_plan *made = NULL;
    enum fletch_status status = fletch_plan_open(&made, model, options, err);

    fletch_plan_close(made);
    return status;
}

static enum fletch_status detect(const char *model, const struct fletch_options *options,
                                 struct fletch_error *err)
{
    struct fletch_detection detection;

    (void)options;
    return fletch_detect(&detection, model, err);
}

static enum fletch_status list(const char *model, const struct fletch_options *options,
                               struct fletch_error *err)
{
    struct fletch_checkpoint *checkpoint = NULL;
    enum fletch_status status = fletch_checkpoint_open(&checkpoint, model, NULL, err);

    (void)options;
    fletch_checkpoint_close(checkpoint);
    return status;
}

static enum fletch_status read_rows(const char *model, const struct fletch_options *options,
                                    struct fletch_error *err)
{
    struct fletch_table *table = NULL;
    enum fletch_status status = fletch_table_open(&table, kept_dir, err);

    (void)model;
    (void)options;
    for (size_t i = 0; !status && i < fletch_table_count(table); i++) {
        struct fletch_row row;

        status = fletch_table_read(&row, table, i, err);
    }
    fletch_table_close(table);
    return status;
}

static enum fletch_status map_rows(const char *model, const struct fletch_options *options,
                                   struct fletch_error *err)
{
    struct fletch_table *table = NULL;
    enum fletch_status status = fletch_table_open(&table, kept_dir, err);
    struct fletch_row row;

    (void)model;
    (void)options;
    if (!status)
        status = fletch_table_map(table, err);
    if (!status)
        status = fletch_table_read(&row, table, 0, err);
    fletch_table_close(table);
    return status;
}

static enum fletch_status verify(const char *model, const struct fletch_options *options,
                                 struct fletch_error *err)
{
    struct fletch_verification verification;

    return fletch_verify(&verification, kept_dir, model, options, err);
}

/* ---- What a run leaves ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Entries of a folder, "." and ".." included; 0 when there is none. */
static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

struct traces {
    long live;
    int descriptors;
    int files; /* beside the output and what was kept */
    bool half; /* an output without its metadata.json */
};

static struct traces look(void)
{
    struct traces traces = { .descriptors = entries("/proc/self/fd"),
                             .files = entries(scratch) };
    char metadata[sizeof(out_dir) + 16];

    snprintf(metadata, sizeof(metadata), "%s/metadata.json", out_dir);
    if (!access(out_dir, F_OK)) {
        traces.half = access(metadata, F_OK) != 0;
        traces.files--;
    }
    traces.live = __atomic_load_n(&live, __ATOMIC_SEQ_CST);
    return traces;
}

/* One run with allocation `at` failing. False when it did not come to that. */
static bool fail_at(const struct operation *operation, const char *model, long at,
                    enum fletch_status *status, struct fletch_error *err)
{
    struct fletch_options options = { .codec = operation->codec, .threads = 1 };
    bool reached;

    remove_tree(out_dir);
    err->message[0] = '\0';
    counted = 0;
    armed = at;
    *status = operation->run(model, &options, err);
    reached = counted >= armed;
    armed = 0;
    return reached;
}

static bool good_error(enum fletch_status status, const struct fletch_error *err)
{
    if (status == FLETCH_OK)
        return true;
    if (status != err->status || !err->message[0])
        return false;
    return status == FLETCH_ERR_MEMORY ||
           (status == FLETCH_ERR_IO && strstr(err->message, strerror(ENOMEM)));
}

/* libcrypto keeps what it said of its last 16 errors, which looks like a leak for a while;
 * a leak looks like one every time. */
#define LEAK_RUNS 48

static bool leaks(const struct operation *operation, const char *model, long at)
{
    bool always = true;

    for (int i = 0; i < LEAK_RUNS; i++) {
        long before = look().live;
        enum fletch_status status;
        struct fletch_error err;

        fail_at(operation, model, at, &status, &err);
        if (i >= LEAK_RUNS / 2)
            always &= look().live > before;
    }
    return always;
}

static bool try_all(const struct operation *operation, const char *model, long *count)
{
    struct traces before, after;
    enum fletch_status status;
    struct fletch_error err;
    bool good = true;

    /* Twice: what libraries keep from a first use is no leak. */
    for (int i = 0; i < 2; i++)
        fail_at(operation, model, 0, &status, &err);
    remove_tree(out_dir);
    before = look();
    for (long at = 1; fail_at(operation, model, at, &status, &err); at++) {
        const char *wrong = NULL;

        after = look();
        *count = at;
        if (!good_error(status, &err))
            wrong = "not an error about memory";
        else if (after.half)
            wrong = "half an output";
        else if (after.files != before.files)
            wrong = "files left";
        else if (after.descriptors != before.descriptors)
            wrong = "a descriptor left open";
        else if (after.live != before.live && leaks(operation, model, at))
            wrong = "memory leaked";
        before.live = look().live;
        if (wrong) {
            printf("# allocation %ld: %s; status %s: %s\n", at, wrong,
                   fletch_status_name(status), err.message);
            good = false;
        }
    }
    if (status) {
        printf("# undisturbed: %s\n", err.message);
        good = false;
    }
    return good;
}

static const struct operation operations[] = {
    { "convert, zstd", "st-dense", "zstd", convert },
    { "convert, lz4", "clip", "lz4", convert },
    { "convert, snappy", "clip", "snappy", convert },
    { "convert, gzip", "clip", "gzip", convert },
    { "convert, none", "whisper", "none", convert },
    { "convert, pruned", "pruned/bert", "none", convert },
    { "convert, torch and vocab.txt", "bert-pretraining-bin", "none", convert },
    { "convert, torch before 1.6", "bert-pretraining-legacy-bin", "none", convert },
    { "convert, vocab.json and merges.txt", "roberta-mlm", "none", convert },
    { "plan", "bert-mlm-sharded", NULL, plan },
    { "detect", "st-dense", NULL, detect },
    { "list a checkpoint", "bert-mlm-sharded", NULL, list },
    { "list an npz", "containers/npz-deflated", NULL, list },
    { "list a TorchScript", "containers/torchscript", NULL, list },
    { "read rows", "whisper", NULL, read_rows },
    { "map rows", "whisper", NULL, map_rows },
    { "verify", "whisper", NULL, verify },
};

static bool has_codec(const char *name)
{
    struct fletch_codec_info info;

    for (size_t i = 0; name && !fletch_codec_at(&info, i); i++)
        if (!strcmp(info.name, name))
            return info.built_in;
    return true;
}

static bool run_operation(const struct operation *operation, const char *golden, int point)
{
    char model[4096];
    long count = 0;
    bool good;

    if (!has_codec(operation->codec)) {
        printf("ok %d - %s # SKIP not in this build\n", point, operation->name);
        return true;
    }
    snprintf(model, sizeof(model), "%s/%s%s", golden, operation->model,
             strchr(operation->model, '/') ? "" : "/source");
    good = try_all(operation, model, &count);
    printf("%sok %d - %s of %s: each of %ld allocations fails once\n",
           good && count ? "" : "not ", point, operation->name, operation->model, count);
    fflush(stdout);
    return good && count;
}

/* ---- Rows without allocations ---- */

static enum fletch_status read_all(struct fletch_table *table, struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;

    for (size_t i = 0; !status && i < fletch_table_count(table); i++) {
        struct fletch_row row;

        status = fletch_table_read(&row, table, i, err);
    }
    return status;
}

/* Allocations of reading every row of a conversion with that codec for the second time; -1
 * on failure. */
static long count_again(const char *model, const char *codec, bool map,
                        struct fletch_error *err)
{
    struct fletch_options options = { .codec = codec, .threads = 1 };
    struct fletch_table *table = NULL;
    long count = -1;

    remove_tree(out_dir);
    if (!convert(model, &options, err) && !fletch_table_open(&table, out_dir, err) &&
        (!map || !fletch_table_map(table, err)) && !read_all(table, err)) {
        counted = 0;
        armed = LONG_MAX;
        if (!read_all(table, err))
            count = counted;
        armed = 0;
    }
    fletch_table_close(table);
    return count;
}

static bool again(const char *golden, const char *codec, bool map, int point)
{
    struct fletch_error err = { 0 };
    char model[4096];
    long count;

    if (!has_codec(codec)) {
        printf("ok %d - rows again, %s # SKIP not in this build\n", point, codec);
        return true;
    }
    snprintf(model, sizeof(model), "%s/whisper/source", golden);
    count = count_again(model, codec, map, &err);
    if (count)
        printf("# %ld allocations %s\n", count, err.message);
    printf("%sok %d - rows again, %s%s: no allocation\n", count ? "not " : "", point, codec,
           map ? ", mapped" : "");
    fflush(stdout);
    return !count;
}

/* Reading rows again, with each codec. */
static bool run_again(const char *golden, int *point)
{
    struct fletch_codec_info info;
    bool good = true;

    for (size_t i = 0; !fletch_codec_at(&info, i); i++)
        good &= again(golden, info.name, false, ++*point);
    good &= again(golden, "none", true, ++*point);
    return good;
}

int main(int argc, char **argv)
{
    struct fletch_options options = { .codec = "none", .threads = 1 };
    struct fletch_result kept;
    struct fletch_error err;
    char model[4096];
    int failed = 0;
    int count = (int)(sizeof(operations) / sizeof(operations[0]));

    if (access("/dev/shm", W_OK)) /* memory, where there is such a place */
        snprintf(scratch, sizeof(scratch), "/tmp/fletch-alloc-XXXXXX");
    if (argc != 2 || !mkdtemp(scratch))
        return 2;
    snprintf(out_dir, sizeof(out_dir), "%s/out", scratch);
    snprintf(kept_dir, sizeof(kept_dir), "%s/kept", scratch);
    snprintf(model, sizeof(model), "%s/whisper/source", argv[1]);
    if (fletch_convert(&kept, model, kept_dir, &options, &err)) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    fletch_result_release(&kept);
    for (int i = 0; i < count; i++)
        failed |= !run_operation(&operations[i], argv[1], i + 1);
    failed |= !run_again(argv[1], &count);
    remove_tree(scratch);
    printf("1..%d\n", count);
    return failed;
}
