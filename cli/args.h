/* SPDX-License-Identifier: MIT */
/* args.h - the commands and their options as tables, from which both parsing and help come
 *
 * Long options take their value behind `=` or as the next argument, and may be shortened as
 * long as one option fits; letters may stand together (-vq, -oDIR). `--` ends options. Of
 * options that contradict each other the last one wins.
 */
#ifndef FLETCH_CLI_ARGS_H
#define FLETCH_CLI_ARGS_H

#include "text.h"

#include <fletch/fletch.h>

struct fletch_arg_number {
    const char *given; /* as it was typed; NULL: not */
    int64_t value;
};

/* How often an option that may be repeated is taken. */
#define FLETCH_ARG_LIST_MAX 64

struct fletch_arg_list {
    const char *texts[FLETCH_ARG_LIST_MAX + 1]; /* [count], and NULL behind them */
    size_t count;
};

/* What the command line says. Strings are argv's. */
struct fletch_args {
    const struct fletch_command *command;
    const char *operands[2];
    size_t operands_count;
    const char *model, *output, *source, *prefix;
    const char *type, *codec, *on_overflow, *sort; /* one of their choices, or NULL */
    struct fletch_arg_number level, threads, memory;
    struct fletch_arg_list set;
    bool keep_precision, skip_verify, skip_tokenizer, require_exact, certify, force;
    bool paranoid;
    bool allow_missing, keep_heads;
    bool quiet, verbose, json, no_progress;
    bool help;
};

/* Which commands an option belongs to. */
enum fletch_command_bit {
    FLETCH_FOR_CONVERT = 1,
    FLETCH_FOR_PLAN = 2,
    FLETCH_FOR_SHOW = 4,
    FLETCH_FOR_VERIFY = 8,
    FLETCH_FOR_FAMILIES = 16,
    FLETCH_FOR_HELP = 32,
    FLETCH_FOR_VERSION = 64
};

struct fletch_command {
    const char *name;
    enum fletch_command_bit bit;
    const char *usage;   /* behind "fletch NAME"; lines for several ways */
    const char *summary; /* one line */
    const char *about;   /* a paragraph or two, wrapped when shown */
    const char *examples;
    size_t operands_max;
    int (*run)(const struct fletch_args *args); /* returns the exit code */
};

extern const struct fletch_command fletch_command_convert, fletch_command_plan,
    fletch_command_show, fletch_command_verify, fletch_command_families,
    fletch_command_version, fletch_command_help;

/* The whole command, once in a process: argv[1] says which. Returns the exit code. */
int fletch_command_main(int argc, char **argv);

/* NULL, and what was wrong on stderr, when there is none of that name. */
const struct fletch_command *fletch_command_find(const char *name);

/* Fills in `args` from what stands behind the command's name. False, and what was wrong on
 * stderr, when it makes no sense. */
bool fletch_args_parse(struct fletch_args *args, const struct fletch_command *command,
                       int argc, char *const *argv);
/* The one operand, unless `option` has been given in its place; NULL, and a line on stderr,
 * when there is neither or both. `what` names it: "--model". */
const char *fletch_args_operand(const struct fletch_args *args, const char *option,
                                const char *what);
/* Whether the level, if any, is one of the codec's; if not, says so. */
bool fletch_args_level_fits(const struct fletch_args *args);
/* What the library takes; callbacks are left empty. */
struct fletch_options fletch_args_options(const struct fletch_args *args);

/* To stdout: the version, as `fletch version` and --version say it. */
void fletch_version_print(void);

/* To stdout: how a command is used; what commands there are. */
void fletch_help_command(const struct fletch_command *command);
void fletch_help_all(void);

/* Says what is wrong, and where to read more; `command` may be NULL. Returns
 * FLETCH_EXIT_MISUSED. */
__attribute__((format(printf, 2, 3))) int
fletch_misused(const struct fletch_command *command, const char *format, ...);

#endif
