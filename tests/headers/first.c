/* SPDX-License-Identifier: MIT */
/* first.c - a program that was compiled with the first header of API version 1
 *
 * It is linked to the library of today. What the library fills in must not reach beyond
 * what that header had, and options of that size, of none and of a later header's must
 * work, or be refused where they say what is not known.
 */
#include "fletch-1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_SIZE 256
#define GUARD 0xa5

/* A struct that the library fills in, and behind it what is somebody else's. */
#define GUARDED(type)                                                                      \
    struct {                                                                               \
        type it;                                                                           \
        unsigned char guard[GUARD_SIZE];                                                   \
    }
#define SET(guarded) memset((guarded).guard, GUARD, GUARD_SIZE)

static int count, failed;

static void point(bool good, const char *title, const struct fletch_error *err)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, title);
    if (!good && err)
        printf("# %s\n", err->message);
    failed |= !good;
}

static bool whole(const unsigned char *guard)
{
    for (size_t i = 0; i < GUARD_SIZE; i++)
        if (guard[i] != GUARD)
            return false;
    return true;
}

static void check_options(const char *model)
{
    struct {
        struct fletch_options first;
        uint64_t later;
    } newer = { .later = 0 };
    struct fletch_options options = { 0 };
    struct fletch_plan *plan = NULL;
    struct fletch_error err = { 0 };

    point(!fletch_plan_open(&plan, model, &options, &err), "options without a size", &err);
    fletch_plan_close(plan);
    options.size = sizeof(options);
    options.codec = "none";
    point(!fletch_plan_open(&plan, model, &options, &err), "options with theirs", &err);
    fletch_plan_close(plan);
    newer.first = options;
    newer.first.size = sizeof(newer);
    point(!fletch_plan_open(&plan, model, &newer.first, &err),
          "a later header's, of which nothing is set", &err);
    fletch_plan_close(plan);
    newer.first.size = (size_t)1 << 40;
    point(fletch_plan_open(&plan, model, &newer.first, &err) == FLETCH_ERR_ARGUMENT,
          "a size that is none", &err);
    options.size = sizeof(options) - 1;
    point(fletch_plan_open(&plan, model, &options, &err) == FLETCH_ERR_ARGUMENT,
          "options that are cut short", &err);
}

/* Options that no library of today can know: far behind those of the first header. */
static void check_unknown(const char *model)
{
    static union {
        struct fletch_options first;
        unsigned char bytes[4096];
    } newer;
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    newer.first.size = sizeof(newer);
    point(!fletch_checkpoint_open(&checkpoint, model, &newer.first, &err),
          "options of 4096 bytes, of which nothing is set", &err);
    fletch_checkpoint_close(checkpoint);
    newer.bytes[sizeof(newer) - 1] = 1;
    point(fletch_checkpoint_open(&checkpoint, model, &newer.first, &err) ==
              FLETCH_ERR_ARGUMENT,
          "one of them is set that is not known", &err);
}

static void check_result(const char *model, const char *out)
{
    GUARDED(struct fletch_result) result;
    GUARDED(struct fletch_result_row) row;
    GUARDED(struct fletch_verification) proof;
    GUARDED(struct fletch_detection) detection;
    GUARDED(struct fletch_codec_info) codec;
    struct fletch_error err = { 0 };

    SET(result), SET(row), SET(proof), SET(detection), SET(codec);
    point(!fletch_convert(&result.it, model, out, NULL, &err) && whole(result.guard),
          "fletch_result", &err);
    point(fletch_result_row_at(&row.it, &result.it, 0) && whole(row.guard) &&
              row.it.cast.reserved[0] == 0,
          "fletch_result_row", NULL);
    fletch_result_release(&result.it);
    point(!fletch_verify(&proof.it, out, model, NULL, &err) && whole(proof.guard),
          "fletch_verification", &err);
    point(!fletch_detect(&detection.it, model, &err) && whole(detection.guard),
          "fletch_detection", &err);
    point(!fletch_codec_at(&codec.it, 0) && whole(codec.guard), "fletch_codec_info", NULL);
}

static void check_lists(const char *model, const char *out)
{
    GUARDED(struct fletch_plan_summary) summary;
    GUARDED(struct fletch_plan_row) planned;
    GUARDED(struct fletch_left_out) left_out;
    GUARDED(struct fletch_tensor_info) tensor;
    GUARDED(struct fletch_row) row;
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_table *table = NULL;
    struct fletch_plan *plan = NULL;
    struct fletch_error err = { 0 };

    SET(summary), SET(planned), SET(left_out), SET(tensor), SET(row);
    if (fletch_plan_open(&plan, model, NULL, &err) ||
        fletch_checkpoint_open(&checkpoint, model, NULL, &err) ||
        fletch_table_open(&table, out, &err)) {
        point(false, "all can be opened", &err);
        return;
    }
    fletch_plan_summarise(&summary.it, plan);
    point(whole(summary.guard), "fletch_plan_summary", NULL);
    point(fletch_plan_row_at(&planned.it, plan, 0) && whole(planned.guard),
          "fletch_plan_row", NULL);
    fletch_plan_left_out_at(&left_out.it, plan, 0);
    point(whole(left_out.guard), "fletch_left_out", NULL);
    point(fletch_checkpoint_at(&tensor.it, checkpoint, 0) && whole(tensor.guard),
          "fletch_tensor_info", NULL);
    point(!fletch_table_read(&row.it, table, 0, &err) && whole(row.guard), "fletch_row",
          &err);
    fletch_plan_close(plan);
    fletch_checkpoint_close(checkpoint);
    fletch_table_close(table);
}

static void remove_output(const char *out)
{
    static const char *const names[] = { "weights.parquet", "metadata.json",
                                         "tokenizer/tokenizer.json", "tokenizer", "" };
    char path[512];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", out, names[i]);
        remove(path);
    }
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/fletch-first-XXXXXX", out[64];

    if (argc != 2 || !mkdtemp(folder))
        return 2;
    snprintf(out, sizeof(out), "%s/out", folder);
    point(fletch_api_version() == FLETCH_API_VERSION, "the library has this version", NULL);
    check_options(argv[1]);
    check_unknown(argv[1]);
    check_result(argv[1], out);
    check_lists(argv[1], out);
    remove_output(out);
    rmdir(folder);
    printf("1..%d\n", count);
    return failed;
}
