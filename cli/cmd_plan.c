/* SPDX-License-Identifier: MIT */
/* cmd_plan.c - fletch plan: what a conversion would do, with no tensor byte read */
#include "args.h"
#include "hub.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static void print_json_rows(struct fletch_report *report, const struct fletch_plan *plan)
{
    struct fletch_left_out left_out;
    struct fletch_plan_row row;
    const char *note;

    fletch_report_begin(report, "rows", '[', false);
    for (size_t i = 0; fletch_plan_row_at(&row, plan, i); i++) {
        fletch_report_begin(report, NULL, '{', true);
        fletch_report_text(report, "name", row.name);
        fletch_report_text(report, "tensor", row.tensor);
        if (row.mask)
            fletch_report_text(report, "mask", row.mask);
        fletch_report_text(report, "source_dtype", row.source_dtype);
        fletch_report_text(report, "dtype", row.dtype);
        fletch_report_shape(report, "shape", row.shape, row.rank);
        fletch_report_count(report, "num_params", row.count);
        fletch_report_count(report, "source_size", row.source_size);
        fletch_report_count(report, "size", row.size);
        fletch_report_end(report);
    }
    fletch_report_end(report);
    fletch_report_begin(report, "left_out", '[', false);
    for (size_t i = 0; fletch_plan_left_out_at(&left_out, plan, i); i++) {
        fletch_report_begin(report, NULL, '{', true);
        fletch_report_text(report, "tensor", left_out.tensor);
        fletch_report_text(report, "reason", left_out.reason);
        fletch_report_end(report);
    }
    fletch_report_end(report);
    fletch_report_begin(report, "warnings", '[', false);
    for (size_t i = 0; (note = fletch_plan_warning(plan, i)); i++)
        fletch_report_text(report, NULL, note);
    fletch_report_end(report);
    fletch_report_begin(report, "notes", '[', false);
    for (size_t i = 0; (note = fletch_plan_note(plan, i)); i++)
        fletch_report_text(report, NULL, note);
    fletch_report_end(report);
}

static void print_json(const char *model, const struct fletch_plan *plan,
                       const struct fletch_plan_summary *summary)
{
    struct fletch_report report = { 0 };

    fletch_report_begin(&report, NULL, '{', false);
    fletch_report_bool(&report, "success", true);
    fletch_report_text(&report, "model_name", model);
    fletch_report_text(&report, "family", summary->family);
    fletch_report_text(&report, "model_type", summary->model_type);
    fletch_report_text(&report, "evidence", summary->evidence);
    fletch_report_text(&report, "dialect", summary->dialect);
    fletch_report_text(&report, "prefix", summary->prefix);
    fletch_report_text(&report, "format", summary->format);
    fletch_report_count(&report, "files", summary->files);
    fletch_report_count(&report, "total_parameters", summary->parameters);
    fletch_report_count(&report, "source_bytes", summary->source_bytes);
    fletch_report_count(&report, "stored_bytes", summary->stored_bytes);
    fletch_report_count(&report, "predicted_bytes", summary->predicted_bytes);
    print_json_rows(&report, plan);
    fletch_report_end(&report);
}

/* Whether the row is called otherwise than its tensor, prefixes aside. */
static bool renamed(const struct fletch_plan_row *row)
{
    size_t name_len = strlen(row->name), tensor_len = strlen(row->tensor);

    return tensor_len < name_len ||
           strcmp(row->tensor + tensor_len - name_len, row->name) != 0;
}

/* Where it is not the row's own name. */
static void put_source(struct fletch_grid *grid, const struct fletch_plan_row *row)
{
    struct fletch_text text = { 0 };

    if (renamed(row))
        fletch_text_add(&text, row->tensor);
    if (row->mask)
        fletch_text_add(&text, " * its mask");
    fletch_grid_put_name(grid, fletch_text_string(&text));
    fletch_text_release(&text);
}

static void print_rows(const struct fletch_plan *plan)
{
    static const struct fletch_grid_column columns[] = {
        { "name", false, true },       { "shape", false, false }, { "dtype", false, false },
        { "parameters", true, false }, { "size", true, false },   { "from", false, true },
    };
    struct fletch_grid grid = { .columns = columns, .columns_count = 5 };
    struct fletch_plan_row row;

    for (size_t i = 0; fletch_plan_row_at(&row, plan, i); i++)
        grid.columns_count = renamed(&row) ? 6 : grid.columns_count;
    for (size_t i = 0; fletch_plan_row_at(&row, plan, i); i++) {
        struct fletch_text cast = { 0 };

        fletch_grid_put_name(&grid, row.name);
        fletch_grid_put_shape(&grid, row.shape, row.rank);
        if (strcmp(row.source_dtype, row.dtype) != 0)
            fletch_text_addf(&cast, "%s -> ", fletch_text_dtype(row.source_dtype));
        fletch_text_add(&cast, fletch_text_dtype(row.dtype));
        fletch_grid_put_either(&grid, fletch_text_string(&cast),
                               fletch_text_dtype(row.dtype));
        fletch_text_release(&cast);
        fletch_grid_put_count(&grid, row.count);
        fletch_grid_put_size(&grid, row.size);
        if (grid.columns_count == 6)
            put_source(&grid, &row);
    }
    fletch_grid_print(&grid);
}

static void print_left_out(const struct fletch_plan *plan)
{
    static const struct fletch_grid_column columns[] = {
        { "left out", false, true },
        { "why", false, false },
    };
    struct fletch_grid grid = { .columns = columns, .columns_count = 2 };
    struct fletch_left_out left_out;

    for (size_t i = 0; fletch_plan_left_out_at(&left_out, plan, i); i++) {
        fletch_grid_put_name(&grid, left_out.tensor);
        fletch_grid_put_name(&grid, left_out.reason);
    }
    putchar('\n');
    fletch_grid_print(&grid);
}

/* Warnings, or notes: one a line, a blank line in front. */
static void put_remarks(struct fletch_text *text, const struct fletch_plan *plan,
                        const char *what,
                        const char *(*get)(const struct fletch_plan *plan, size_t i))
{
    const char *remark;

    for (size_t i = 0; (remark = get(plan, i)); i++) {
        fletch_text_addf(text, "%s  %s: ", i ? "" : "\n", what);
        fletch_text_safe(text, remark);
        fletch_text_add(text, "\n");
    }
}

static void print_text(const struct fletch_plan *plan,
                       const struct fletch_plan_summary *summary)
{
    char count[FLETCH_NUMBER_CAP], size[FLETCH_NUMBER_CAP];
    struct fletch_text text = { 0 };

    if (summary->rows)
        print_rows(plan);
    if (summary->left_out)
        print_left_out(plan);
    fletch_text_add(&text, "\n  Family:          ");
    fletch_text_addf(&text, "%s (", summary->family);
    fletch_text_safe(&text, summary->evidence);
    fletch_text_add(&text, ")\n");
    if (summary->dialect)
        fletch_text_addf(&text, "  Dialect:         %s\n", summary->dialect);
    fletch_text_addf(&text, "  Checkpoint:      %s, %s file%s\n", summary->format,
                     fletch_text_count(count, summary->files),
                     summary->files == 1 ? "" : "s");
    if (summary->prefix) {
        fletch_text_add(&text, "  Prefix:          ");
        fletch_text_safe(&text, summary->prefix);
        fletch_text_add(&text, "\n");
    }
    fletch_text_addf(&text, "  Rows:            %s\n",
                     fletch_text_count(count, summary->rows));
    fletch_text_addf(&text, "  Left out:        %s\n",
                     fletch_text_count(count, summary->left_out));
    if (summary->missing)
        fletch_text_addf(&text, "  Missing:         %s (incomplete)\n",
                         fletch_text_count(count, summary->missing));
    fletch_text_addf(&text, "  Parameters:      %s\n",
                     fletch_text_count(count, summary->parameters));
    fletch_text_addf(&text, "  Source:          %s\n",
                     fletch_text_size(size, summary->source_bytes));
    fletch_text_addf(&text, "  Stored:          %s before compression\n",
                     fletch_text_size(size, summary->stored_bytes));
    fletch_text_addf(&text, "  Predicted file:  about %s\n",
                     fletch_text_size(size, summary->predicted_bytes));
    put_remarks(&text, plan, "Warning", fletch_plan_warning);
    put_remarks(&text, plan, "Note", fletch_plan_note);
    fputs(fletch_text_string(&text), stdout);
    fletch_text_release(&text);
}

static int run(const struct fletch_args *args)
{
    struct fletch_options options = fletch_args_options(args);
    const char *model = fletch_args_operand(args, args->model, "MODEL");
    struct fletch_plan_summary summary;
    struct fletch_plan *plan = NULL;
    struct fletch_error err = { 0 };

    if (!model || !fletch_args_level_fits(args))
        return FLETCH_EXIT_MISUSED;
    if (fletch_plan_open(&plan, model, &options, &err)) {
        fletch_hub_advise(&err, model);
        if (args->json)
            fletch_report_failure(model, &err);
        return fletch_say_failed(&err);
    }
    fletch_plan_summarise(&summary, plan);
    if (args->json)
        print_json(model, plan, &summary);
    else
        print_text(plan, &summary);
    fletch_plan_close(plan);
    return FLETCH_EXIT_DONE;
}

const struct fletch_command fletch_command_plan = {
    .name = "plan",
    .bit = FLETCH_FOR_PLAN,
    .usage = "MODEL [options]",
    .summary = "say what a conversion would do, without doing it",
    .about = "Shows the rows that a conversion would write, with what they are cast from, "
             "the tensors that it would leave out and why, and the size that the file "
             "should have. Reads no tensor.",
    .examples = "  fletch plan ./bert-base-uncased\n"
                "  fletch plan ./clip --no-float16 -c lz4 --json",
    .operands_max = 1,
    .run = run,
};
