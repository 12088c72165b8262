/* SPDX-License-Identifier: MIT */
/* options.h - the options of all commands as one table: parsed, and printed as help */
#ifndef FLETCH_CLI_OPTIONS_H
#define FLETCH_CLI_OPTIONS_H

#include "args.h"

enum fletch_option_kind {
    FLETCH_OPTION_ON,     /* sets a bool */
    FLETCH_OPTION_OFF,    /* clears it */
    FLETCH_OPTION_TEXT,   /* a string */
    FLETCH_OPTION_LIST,   /* a struct fletch_arg_list: it may be repeated */
    FLETCH_OPTION_CHOICE, /* one of the strings that `choice` lists */
    FLETCH_OPTION_NUMBER, /* a struct fletch_arg_number, `least` to `most` */
    FLETCH_OPTION_SIZE    /* the same, with units: 96M */
};

struct fletch_option {
    const char *name;  /* without its dashes */
    const char *alias; /* another; NULL: none */
    const char *value; /* what its value is called in help; NULL: it takes none */
    const char *(*choice)(size_t i); /* the i-th value that fits; NULL past the last */
    const char *help;                /* choices and levels are added by themselves */
    size_t offset;                   /* in struct fletch_args */
    int64_t least, most;             /* of a number */
    unsigned commands;               /* bits of enum fletch_command_bit */
    enum fletch_option_kind kind;
    char letter; /* 0: none */
};

/* The i-th option of a command; NULL past the last. */
const struct fletch_option *fletch_option_at(const struct fletch_command *command,
                                             size_t i);
/* NULL when the command has none of that letter. */
const struct fletch_option *fletch_option_letter(const struct fletch_command *command,
                                                 char letter);
/* Adds the options of a command as its help shows them. */
void fletch_options_describe(struct fletch_text *text,
                             const struct fletch_command *command);

#endif
