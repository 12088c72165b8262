/* SPDX-License-Identifier: MIT */
/* cmd_families.c - fletch families: what kinds of models this build knows */
#include "args.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

#define INDENT 24
#define WIDTH 79

static void print_json(void)
{
    struct fletch_report report = { 0 };
    const char *name, *type;

    fletch_report_begin(&report, NULL, '[', false);
    for (size_t i = 0; (name = fletch_family_name(i)) != NULL; i++) {
        fletch_report_begin(&report, NULL, '{', true);
        fletch_report_text(&report, "name", name);
        fletch_report_text(&report, "title", fletch_family_title(i));
        fletch_report_begin(&report, "model_types", '[', true);
        for (size_t j = 0; (type = fletch_family_model_type(i, j)) != NULL; j++)
            fletch_report_text(&report, NULL, type);
        fletch_report_end(&report);
        fletch_report_end(&report);
    }
    fletch_report_end(&report);
}

static void print_text(void)
{
    struct fletch_text text = { 0 }, types = { 0 };
    const char *name, *type;

    for (size_t i = 0; (name = fletch_family_name(i)) != NULL; i++) {
        fletch_text_addf(&text, "%-*s", INDENT, name);
        fletch_text_wrap(&text, fletch_family_title(i), INDENT, WIDTH);
        fletch_text_add(&text, "\n");
        fletch_text_clear(&types);
        for (size_t j = 0; (type = fletch_family_model_type(i, j)) != NULL; j++)
            fletch_text_addf(&types, "%s%s", j ? ", " : "model_type: ", type);
        if (types.size == 0)
            continue;
        fletch_text_fill(&text, ' ', INDENT);
        fletch_text_wrap(&text, fletch_text_string(&types), INDENT, WIDTH);
        fletch_text_add(&text, "\n");
    }
    fputs(fletch_text_string(&text), stdout);
    fletch_text_release(&text);
    fletch_text_release(&types);
}

static int run(const struct fletch_args *args)
{
    if (args->json)
        print_json();
    else
        print_text();
    return FLETCH_EXIT_DONE;
}

const struct fletch_command fletch_command_families = {
    .name = "families",
    .bit = FLETCH_FOR_FAMILIES,
    .usage = "[--json]",
    .summary = "list the kinds of models that are known",
    .about = "Lists what --type takes, and which model_type of a config.json each family "
             "claims.",
    .examples = "  fletch families",
    .run = run,
};
