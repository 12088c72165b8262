/* SPDX-License-Identifier: MIT */
/* cmd_help.c - fletch help: the commands, and what each says about itself */
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static const struct fletch_command *const COMMANDS[] = {
    &fletch_command_convert,  &fletch_command_plan,
    &fletch_command_show,     &fletch_command_verify,
    &fletch_command_families, &fletch_command_version,
    &fletch_command_help,     NULL,
};

#define WIDTH 79

const struct fletch_command *fletch_command_find(const char *name)
{
    struct fletch_nearest nearest = { name, NULL, 0 };

    for (size_t i = 0; COMMANDS[i]; i++) {
        if (!strcmp(COMMANDS[i]->name, name))
            return COMMANDS[i];
        fletch_text_consider(&nearest, COMMANDS[i]->name);
    }
    if (nearest.name)
        fletch_misused(NULL, "unknown command '%s'; did you mean '%s'?", name,
                       nearest.name);
    else
        fletch_misused(NULL, "unknown command '%s'", name);
    return NULL;
}

/* "usage: fletch NAME ...", a line for each way to use it. */
static void describe_usage(struct fletch_text *text, const struct fletch_command *command)
{
    const char *front = "usage:";
    const char *usage = command->usage;

    do {
        size_t len = strcspn(usage, "\n");

        fletch_text_addf(text, "%s fletch %s%s", front, command->name, len ? " " : "");
        fletch_text_put(text, usage, len);
        fletch_text_add(text, "\n");
        usage += len + (usage[len] != '\0');
        front = "      ";
    } while (*usage);
}

void fletch_help_command(const struct fletch_command *command)
{
    struct fletch_text text = { 0 };

    describe_usage(&text, command);
    fletch_text_add(&text, "\n");
    fletch_text_wrap(&text, command->about, 0, WIDTH);
    fletch_text_add(&text, "\n\nOptions:\n");
    fletch_options_describe(&text, command);
    if (command->examples)
        fletch_text_addf(&text, "\nExamples:\n%s\n", command->examples);
    fputs(fletch_text_string(&text), stdout);
    fletch_text_release(&text);
}

void fletch_help_all(void)
{
    fputs("usage: fletch COMMAND [options]\n"
          "       fletch --version\n\n"
          "Turns model checkpoints into one verified Parquet file.\n\n"
          "Commands:\n",
          stdout);
    for (size_t i = 0; COMMANDS[i]; i++)
        printf("  %-10s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    fputs("\n'fletch help COMMAND' says more. Exit codes: 0 done, 1 failed, 2 misused,\n"
          "130 interrupted.\n\n"
          "Examples:\n"
          "  fletch convert ./bert-base-uncased -o ./bert\n"
          "  fletch show ./bert\n"
          "  fletch verify ./bert --source ./bert-base-uncased\n",
          stdout);
}

static int run(const struct fletch_args *args)
{
    const struct fletch_command *command;

    if (args->operands_count == 0) {
        fletch_help_all();
        return FLETCH_EXIT_DONE;
    }
    command = fletch_command_find(args->operands[0]);
    if (!command)
        return FLETCH_EXIT_MISUSED;
    fletch_help_command(command);
    return FLETCH_EXIT_DONE;
}

const struct fletch_command fletch_command_help = {
    .name = "help",
    .bit = FLETCH_FOR_HELP,
    .usage = "[COMMAND]",
    .summary = "say how a command is used",
    .about = "Shows what a command does, its options and examples.",
    .examples = "  fletch help convert",
    .operands_max = 1,
    .run = run,
};
