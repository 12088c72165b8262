/* SPDX-License-Identifier: MIT */
/* cmd_show.c - fletch show: the tensors of a converted folder, a file or any checkpoint */
#include "args.h"
#include "hub.h"
#include "report.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors that are no part of the model: more than these are counted. */
#define REST_SHOWN 20
/* Names that are said where a pattern picks none. */
#define NAMES_SHOWN 3

/* One line of the listing. Strings and shapes belong to the table or checkpoint. */
struct entry {
    const char *name, *dtype;
    const char *file; /* of a checkpoint, else NULL */
    const uint64_t *shape;
    unsigned rank;
    uint64_t count, size;
    const uint64_t *strides; /* of a checkpoint's tensor that is not in order; NULL */
    bool big_endian;
    uint64_t place; /* offset in the file of a checkpoint; compressed size of a row */
    size_t index;   /* as the file has it: what makes every order a full one */
};

struct listing {
    struct fletch_table *table; /* this one or that */
    struct fletch_checkpoint *checkpoint;
    struct entry *entries; /* [count] */
    size_t count;
    size_t all;          /* before the filter */
    bool several;        /* files of the checkpoint */
    bool strided;        /* a tensor of them is not in order */
    const char *glob;    /* what is shown; NULL: all */
    struct entry totals; /* count, size and, of a table, place */
    bool shared;         /* a table's rows whose place is not known: pages of several */
};

/* ---- Reading ---- */

/* By what is there, not by what it is called. */
static enum fletch_status open_path(struct listing *listing, const char *path,
                                    const struct fletch_options *options,
                                    struct fletch_error *err)
{
    enum fletch_path_kind kind;
    enum fletch_status status = fletch_path_look(&kind, path, err);

    if (status)
        return status;
    if (kind == FLETCH_PATH_CONVERTED || kind == FLETCH_PATH_PARQUET)
        return fletch_table_open(&listing->table, path, err);
    return fletch_checkpoint_open(&listing->checkpoint, path, options, err);
}

static bool entry_at(struct entry *out, const struct listing *listing, size_t i)
{
    struct fletch_tensor_info info;
    struct fletch_row row;

    if (listing->table) {
        if (!fletch_table_at(&row, listing->table, i))
            return false;
        *out = (struct entry){ .name = row.name,
                               .dtype = row.dtype,
                               .shape = row.shape,
                               .rank = row.rank,
                               .count = row.count,
                               .size = row.size,
                               .place = row.compressed_size,
                               .index = i };
        return true;
    }
    if (!fletch_checkpoint_at(&info, listing->checkpoint, i))
        return false;
    *out = (struct entry){ .name = info.name,
                           .dtype = info.dtype,
                           .file = info.file,
                           .shape = info.shape,
                           .rank = info.rank,
                           .count = info.count,
                           .size = info.size,
                           .strides = info.strides,
                           .big_endian = info.big_endian,
                           .place = info.offset,
                           .index = i };
    return true;
}

/* Takes what matches the glob. False when memory ran out. */
static bool gather(struct listing *listing, const char *glob)
{
    const char *file = NULL;
    struct entry entry;

    listing->all = listing->table ? fletch_table_count(listing->table)
                                  : fletch_checkpoint_count(listing->checkpoint);
    listing->entries = calloc(listing->all + 1, sizeof(*listing->entries));
    if (!listing->entries)
        return false;
    for (size_t i = 0; i < listing->all && entry_at(&entry, listing, i); i++) {
        if (entry.file && file && strcmp(entry.file, file) != 0)
            listing->several = true;
        file = entry.file;
        if (glob && fnmatch(glob, entry.name, 0))
            continue;
        listing->entries[listing->count++] = entry;
        listing->totals.count += entry.count;
        listing->totals.size += entry.size;
        listing->totals.place += listing->table ? entry.place : 0;
        listing->shared |= listing->table && !entry.place;
        listing->strided |= entry.strides != NULL;
    }
    return true;
}

/* ---- Orders ---- */

static int by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_index(const void *a, const void *b)
{
    return by_number(((const struct entry *)a)->index, ((const struct entry *)b)->index);
}

static int by_name(const void *a, const void *b)
{
    int order = fletch_text_compare(((const struct entry *)a)->name,
                                    ((const struct entry *)b)->name);

    return order ? order : by_index(a, b);
}

static int by_size(const void *a, const void *b)
{
    int order = by_number(((const struct entry *)b)->size, ((const struct entry *)a)->size);

    return order ? order : by_index(a, b);
}

static int by_params(const void *a, const void *b)
{
    int order =
        by_number(((const struct entry *)b)->count, ((const struct entry *)a)->count);

    return order ? order : by_index(a, b);
}

static int by_dtype(const void *a, const void *b)
{
    int order = fletch_text_compare(((const struct entry *)a)->dtype,
                                    ((const struct entry *)b)->dtype);

    return order ? order : by_index(a, b);
}

static void sort(struct listing *listing, const char *key)
{
    static const struct {
        const char *key;
        int (*compare)(const void *a, const void *b);
    } orders[] = {
        { "name", by_name },
        { "size", by_size },
        { "params", by_params },
        { "dtype", by_dtype },
    };

    for (size_t i = 0; key && i < sizeof(orders) / sizeof(*orders); i++) {
        if (!strcmp(orders[i].key, key))
            qsort(listing->entries, listing->count, sizeof(*listing->entries),
                  orders[i].compare);
    }
}

/* ---- Printing ---- */

static const char *format(const struct listing *listing)
{
    return listing->table ? "parquet" : fletch_checkpoint_format(listing->checkpoint);
}

/* The i-th tensor beside the model's that the glob picks; *i is moved behind it. */
static const char *next_rest(const struct listing *listing, size_t *i)
{
    const char *name;

    while ((name = fletch_checkpoint_skipped(listing->checkpoint, (*i)++)))
        if (!listing->glob || !fnmatch(listing->glob, name, 0))
            break;
    return name;
}

static void print_json_notes(struct fletch_report *report, const struct listing *listing)
{
    const char *text;
    size_t i = 0;

    fletch_report_begin(report, "left_out", '[', false);
    while ((text = next_rest(listing, &i)))
        fletch_report_text(report, NULL, text);
    fletch_report_end(report);
    fletch_report_begin(report, "notes", '[', false);
    for (i = 0; (text = fletch_checkpoint_note(listing->checkpoint, i)); i++)
        fletch_report_text(report, NULL, text);
    fletch_report_end(report);
}

static void print_json(const char *path, const struct listing *listing)
{
    struct fletch_report report = { 0 };

    fletch_report_begin(&report, NULL, '{', false);
    fletch_report_bool(&report, "success", true);
    fletch_report_text(&report, "path", path);
    fletch_report_text(&report, "format", format(listing));
    if (!listing->table)
        fletch_report_text(&report, "dialect",
                           fletch_checkpoint_dialect(listing->checkpoint));
    fletch_report_count(&report, "all_tensors", listing->all);
    fletch_report_count(&report, "shown_tensors", listing->count);
    fletch_report_count(&report, "total_parameters", listing->totals.count);
    fletch_report_count(&report, "total_size", listing->totals.size);
    if (listing->table)
        fletch_report_count(&report, "total_compressed_size", listing->totals.place);
    fletch_report_begin(&report, "tensors", '[', false);
    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->entries[i];

        fletch_report_begin(&report, NULL, '{', true);
        fletch_report_text(&report, "name", entry->name);
        fletch_report_text(&report, "dtype", entry->dtype);
        fletch_report_shape(&report, "shape", entry->shape, entry->rank);
        fletch_report_count(&report, "num_params", entry->count);
        fletch_report_count(&report, "size", entry->size);
        if (entry->file)
            fletch_report_text(&report, "file", entry->file);
        if (entry->strides)
            fletch_report_shape(&report, "strides", entry->strides, entry->rank);
        if (entry->big_endian)
            fletch_report_bool(&report, "big_endian", true);
        fletch_report_count(&report, entry->file ? "offset" : "compressed_size",
                            entry->place);
        fletch_report_end(&report);
    }
    fletch_report_end(&report);
    if (listing->checkpoint)
        print_json_notes(&report, listing);
    fletch_report_end(&report);
}

static void print_rows(const struct listing *listing)
{
    static const struct fletch_grid_column row_columns[] = {
        { "name", false, true },       { "shape", false, false }, { "dtype", false, false },
        { "parameters", true, false }, { "size", true, false },   { "stored", true, false },
    };
    struct fletch_grid_column tensor_columns[7] = {
        { "name", false, true },       { "shape", false, false }, { "dtype", false, false },
        { "parameters", true, false }, { "size", true, false },
    };
    struct fletch_grid grid = { row_columns, 6, { 0 } };

    if (!listing->table) {
        grid.columns = tensor_columns;
        grid.columns_count = 5;
        if (listing->strided)
            tensor_columns[grid.columns_count++] =
                (struct fletch_grid_column){ "strides", false, false };
        if (listing->several)
            tensor_columns[grid.columns_count++] =
                (struct fletch_grid_column){ "file", false, false };
    }

    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->entries[i];

        fletch_grid_put_name(&grid, entry->name);
        fletch_grid_put_shape(&grid, entry->shape, entry->rank);
        fletch_grid_put_name(&grid, fletch_text_dtype(entry->dtype));
        fletch_grid_put_count(&grid, entry->count);
        fletch_grid_put_size(&grid, entry->size);
        if (listing->table && !entry->place)
            fletch_grid_put_name(&grid, "unknown");
        else if (listing->table)
            fletch_grid_put_size(&grid, entry->place);
        if (listing->strided && entry->strides)
            fletch_grid_put_shape(&grid, entry->strides, entry->rank);
        else if (listing->strided)
            fletch_grid_put_name(&grid, "");
        if (listing->several)
            fletch_grid_put_name(&grid, entry->file);
    }
    fletch_grid_print(&grid);
}

static void print_line(const char *front, const char *line)
{
    struct fletch_text text = { 0 };

    fletch_text_safe(&text, line);
    printf("%s%s\n", front, fletch_text_string(&text));
    fletch_text_release(&text);
}

/* What else is in a checkpoint: an optimizer has two tensors for each of the model's. */
static void print_notes(const struct listing *listing)
{
    const char *text, *gap = "\n";
    size_t i = 0, count = 0;
    char number[FLETCH_NUMBER_CAP];

    while ((text = next_rest(listing, &i))) {
        if (++count > REST_SHOWN)
            continue;
        fputs(count == 1 ? gap : "", stdout);
        print_line("left out: ", text);
    }
    if (count > REST_SHOWN)
        printf("left out: %s more\n", fletch_text_count(number, count - REST_SHOWN));
    for (i = 0; (text = fletch_checkpoint_note(listing->checkpoint, i)); i++) {
        fputs(i ? "" : gap, stdout);
        print_line("note: ", text);
    }
}

static void print_text(const struct listing *listing)
{
    const char *dialect =
        listing->table ? NULL : fletch_checkpoint_dialect(listing->checkpoint);
    char number[FLETCH_NUMBER_CAP];

    if (listing->count) {
        print_rows(listing);
        putchar('\n');
    }
    printf("%s", fletch_text_count(number, listing->count));
    if (listing->count < listing->all)
        printf(" of %s", fletch_text_count(number, listing->all));
    printf(" tensor%s", listing->all == 1 ? "" : "s");
    printf(", %s parameter%s", fletch_text_count(number, listing->totals.count),
           listing->totals.count == 1 ? "" : "s");
    printf(", %s", fletch_text_size(number, listing->totals.size));
    if (listing->table && !listing->shared)
        printf(", stored in %s", fletch_text_size(number, listing->totals.place));
    printf(" (%s%s%s)\n", format(listing), dialect ? ", in the words of " : "",
           dialect ? dialect : "");
    if (listing->checkpoint)
        print_notes(listing);
}

/* A name like the pattern that picks nothing, or the first few. */
static void add_names(struct fletch_text *text, const struct listing *listing)
{
    struct fletch_nearest nearest = { listing->glob, NULL, 0 };
    struct entry entry;

    for (size_t i = 0; i < listing->all && entry_at(&entry, listing, i); i++)
        fletch_text_consider(&nearest, entry.name);
    if (nearest.name) {
        fletch_text_addf(text, "; did you mean '%s'?", nearest.name);
        return;
    }
    for (size_t i = 0; i < NAMES_SHOWN && entry_at(&entry, listing, i); i++)
        fletch_text_addf(text, "%s'%s'", i ? ", " : "; there are ", entry.name);
    if (listing->all > NAMES_SHOWN)
        fletch_text_addf(text, " and %zu more", listing->all - NAMES_SHOWN);
}

/* A pattern for whole names that picks nothing is a slip, most often of its ends. */
static int say_no_match(const struct fletch_args *args, const struct listing *listing)
{
    struct fletch_error err = { .status = FLETCH_ERR_NOT_FOUND };
    struct fletch_text text = { 0 };

    fletch_text_addf(&text, "%s: no tensor's name matches '%s'", args->operands[0],
                     listing->glob);
    add_names(&text, listing);
    snprintf(err.message, sizeof(err.message), "%s", fletch_text_string(&text));
    fletch_text_release(&text);
    if (args->json)
        fletch_report_failure(args->operands[0], &err);
    return fletch_say_failed(&err);
}

static int run(const struct fletch_args *args)
{
    const char *glob = args->operands_count > 1 ? args->operands[1] : NULL;
    const char *path = fletch_args_operand(args, NULL, "PATH");
    const struct fletch_options options = fletch_args_options(args);
    struct listing listing = { .glob = glob };
    struct fletch_error err = { 0 };
    int code = FLETCH_EXIT_DONE;

    if (!path)
        return FLETCH_EXIT_MISUSED;
    err.status = open_path(&listing, path, &options, &err);
    if (!err.status && !gather(&listing, glob))
        err = (struct fletch_error){ FLETCH_ERR_MEMORY, "out of memory" };
    if (err.status) {
        fletch_hub_advise(&err, path);
        code = fletch_say_failed(&err);
        if (args->json)
            fletch_report_failure(path, &err);
        goto done;
    }
    if (glob && listing.count == 0 &&
        !(listing.checkpoint && next_rest(&listing, &(size_t){ 0 }))) {
        code = say_no_match(args, &listing);
        goto done;
    }
    sort(&listing, args->sort);
    if (args->json)
        print_json(path, &listing);
    else
        print_text(&listing);
done:
    free(listing.entries);
    fletch_table_close(listing.table);
    fletch_checkpoint_close(listing.checkpoint);
    return code;
}

const struct fletch_command fletch_command_show = {
    .name = "show",
    .bit = FLETCH_FOR_SHOW,
    .usage = "PATH [GLOB] [options]",
    .summary = "list the tensors of a converted folder or of any checkpoint",
    .about =
        "PATH is a converted folder, a .parquet file, a checkpoint's folder or one of "
        "its files. A GLOB picks whole names: * stands for anything, dots included; one "
        "that picks none is an error.",
    .examples = "  fletch show ./bert\n"
                "  fletch show ./bert 'encoder.layer.0.*' --sort size\n"
                "  fletch show ./bert-base-uncased --json",
    .operands_max = 2,
    .run = run,
};
