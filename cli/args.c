/* SPDX-License-Identifier: MIT */
/* args.c - see args.h */
#include "args.h"

#include "options.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Longer than any option: of an unknown one, what is shown. */
#define OPTION_SHOWN ((size_t)256)

int fletch_misused(const struct fletch_command *command, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fletch_sayv(format, values);
    va_end(values);
    fletch_hint("try 'fletch help%s%s'", command ? " " : "", command ? command->name : "");
    return FLETCH_EXIT_MISUSED;
}

/* ---- Values ---- */

static bool set_choice(const char **out, const struct fletch_option *option,
                       const char *value, const struct fletch_command *command)
{
    struct fletch_nearest nearest = { value, NULL, 0 };
    struct fletch_text all = { 0 };
    const char *choice;

    for (size_t i = 0; (choice = option->choice(i)) != NULL; i++) {
        if (!strcmp(choice, value)) {
            *out = choice;
            fletch_text_release(&all);
            return true;
        }
        fletch_text_consider(&nearest, choice);
        fletch_text_addf(&all, "%s%s", i ? ", " : "", choice);
    }
    if (nearest.name)
        fletch_misused(command, "option '--%s': '%s' is none of %s; did you mean '%s'?",
                       option->name, value, fletch_text_string(&all), nearest.name);
    else
        fletch_misused(command, "option '--%s': '%s' is none of %s", option->name, value,
                       fletch_text_string(&all));
    fletch_text_release(&all);
    return false;
}

static bool set_number(struct fletch_arg_number *out, const struct fletch_option *option,
                       const char *value, const struct fletch_command *command)
{
    const char *digits = value + (*value == '-');
    long long number;

    if (!*digits || digits[strspn(digits, "0123456789")]) {
        fletch_misused(command, "option '--%s': '%s' is no number", option->name, value);
        return false;
    }
    /* What is too much for it becomes the most or the least there is. */
    number = strtoll(value, NULL, 10);
    if (number < option->least || number > option->most) {
        fletch_misused(command,
                       "option '--%s': %s is out of range, %" PRId64 " to %" PRId64,
                       option->name, value, option->least, option->most);
        return false;
    }
    *out = (struct fletch_arg_number){ value, number };
    return true;
}

static bool set_size(struct fletch_arg_number *out, const struct fletch_option *option,
                     const char *value, const struct fletch_command *command)
{
    static const char units[] = "KMGT";
    size_t len = strspn(value, "0123456789");
    const char *unit = value + len;
    unsigned shift = 0;
    unsigned long long number;

    for (unsigned i = 0; units[i] && *unit; i++) {
        if ((*unit | 0x20) == (units[i] | 0x20)) {
            shift = 10 * (i + 1);
            unit++;
            break;
        }
    }
    if (shift && !strcasecmp(unit, "iB"))
        unit += 2;
    else if (!strcasecmp(unit, "B"))
        unit++;
    errno = 0;
    number = strtoull(value, NULL, 10);
    if (len == 0 || *unit || errno || number == 0 ||
        number > ((unsigned long long)INT64_MAX >> shift)) {
        fletch_misused(command, "option '--%s': '%s' is no size such as 96M or 1G",
                       option->name, value);
        return false;
    }
    *out = (struct fletch_arg_number){ value, (int64_t)(number << shift) };
    return true;
}

static bool add_text(struct fletch_arg_list *out, const struct fletch_option *option,
                     const char *value, const struct fletch_command *command)
{
    if (out->count == FLETCH_ARG_LIST_MAX) {
        fletch_misused(command, "option '--%s': more than %d of them", option->name,
                       FLETCH_ARG_LIST_MAX);
        return false;
    }
    out->texts[out->count++] = value;
    return true;
}

/* `value` is NULL where none was given. */
static bool set(struct fletch_args *args, const struct fletch_option *option,
                const char *value)
{
    void *at = (char *)args + option->offset;

    if (!option->value) {
        if (value)
            fletch_misused(args->command, "option '--%s' takes no value, but got '%s'",
                           option->name, value);
        *(bool *)at = option->kind == FLETCH_OPTION_ON;
        return !value;
    }
    if (!value || !*value) {
        fletch_misused(args->command, "option '--%s' needs a value: %s", option->name,
                       option->value);
        return false;
    }
    switch (option->kind) {
    case FLETCH_OPTION_TEXT:
        *(const char **)at = value;
        return true;
    case FLETCH_OPTION_LIST:
        return add_text(at, option, value, args->command);
    case FLETCH_OPTION_CHOICE:
        return set_choice(at, option, value, args->command);
    case FLETCH_OPTION_NUMBER:
        return set_number(at, option, value, args->command);
    case FLETCH_OPTION_SIZE:
        return set_size(at, option, value, args->command);
    case FLETCH_OPTION_ON:
    case FLETCH_OPTION_OFF:
        break;
    }
    return false;
}

/* ---- Parsing ---- */

static void say_unknown(const char *word, const struct fletch_command *command)
{
    struct fletch_nearest nearest = { word, NULL, 0 };
    const struct fletch_option *option;

    if (!strcmp(word, "dry-run")) {
        fletch_misused(command,
                       "unknown option '--dry-run'; 'fletch plan' says what would be done");
        return;
    }
    for (size_t i = 0; (option = fletch_option_at(command, i)) != NULL; i++) {
        fletch_text_consider(&nearest, option->name);
        if (option->alias)
            fletch_text_consider(&nearest, option->alias);
    }
    if (nearest.name)
        fletch_misused(command, "unknown option '--%s'; did you mean '--%s'?", word,
                       nearest.name);
    else
        fletch_misused(command, "unknown option '--%s'", word);
}

/* The option of that name or alias, or the only one that begins so. */
static const struct fletch_option *find_long(const char *word,
                                             const struct fletch_command *command)
{
    const struct fletch_option *option, *found = NULL, *other = NULL;
    size_t len = strlen(word);

    for (size_t i = 0; (option = fletch_option_at(command, i)) != NULL; i++) {
        const char *alias = option->alias ? option->alias : option->name;

        if (!strcmp(option->name, word) || !strcmp(alias, word))
            return option;
        if (strncmp(option->name, word, len) != 0 && strncmp(alias, word, len) != 0)
            continue;
        if (found)
            other = other ? other : option;
        else
            found = option;
    }
    if (other)
        fletch_misused(command, "option '--%s' could be '--%s' or '--%s'", word,
                       found->name, other->name);
    else if (!found)
        say_unknown(word, command);
    return other ? NULL : found;
}

/* What stands at argv[*i] as the value of the option before it, and goes past it; NULL
 * where that is an option itself. */
static const char *take_value(int *i, int argc, char *const *argv,
                              const struct fletch_command *command)
{
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;

    if (!next || !strncmp(next, "--", 2))
        return NULL;
    if (next[0] == '-' && fletch_option_letter(command, next[1]))
        return NULL;
    ++*i;
    return next;
}

static bool parse_long(struct fletch_args *args, int *i, int argc, char *const *argv)
{
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    const struct fletch_option *option;
    char name[OPTION_SHOWN];

    snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - word) : INT_MAX, word);
    option = find_long(name, args->command);
    if (!option)
        return false;
    if (equals)
        return set(args, option, equals + 1);
    return set(args, option,
               option->value ? take_value(i, argc, argv, args->command) : NULL);
}

static bool parse_letters(struct fletch_args *args, int *i, int argc, char *const *argv)
{
    for (const char *letter = argv[*i] + 1; *letter; letter++) {
        const struct fletch_option *option = fletch_option_letter(args->command, *letter);

        if (!option) {
            fletch_misused(args->command, "unknown option '-%c'", *letter);
            return false;
        }
        if (option->value) {
            const char *value = letter + 1 + (letter[1] == '=');

            if (!letter[1])
                value = take_value(i, argc, argv, args->command);
            return set(args, option, value);
        }
        if (!set(args, option, NULL))
            return false;
    }
    return true;
}

static bool parse_operand(struct fletch_args *args, const char *operand)
{
    if (args->operands_count >= args->command->operands_max) {
        fletch_misused(args->command, "unexpected '%s'", operand);
        return false;
    }
    args->operands[args->operands_count++] = operand;
    return true;
}

bool fletch_args_parse(struct fletch_args *args, const struct fletch_command *command,
                       int argc, char *const *argv)
{
    bool options = true;

    *args = (struct fletch_args){ .command = command };
    for (int i = 0; i < argc && !args->help; i++) {
        bool good;

        if (options && !strcmp(argv[i], "--")) {
            options = false;
            continue;
        }
        if (options && !strncmp(argv[i], "--", 2))
            good = parse_long(args, &i, argc, argv);
        else if (options && argv[i][0] == '-' && argv[i][1])
            good = parse_letters(args, &i, argc, argv);
        else
            good = parse_operand(args, argv[i]);
        if (!good)
            return false;
    }
    return true;
}

/* ---- What commands ask ---- */

const char *fletch_args_operand(const struct fletch_args *args, const char *option,
                                const char *what)
{
    const char *operand = args->operands_count ? args->operands[0] : NULL;

    if (option && operand) {
        fletch_misused(args->command, "unexpected '%s': %s is given with --model", operand,
                       what);
        return NULL;
    }
    if (option)
        operand = option;
    if (!operand || !*operand) {
        fletch_misused(args->command, "%s is %s", what, operand ? "empty" : "missing");
        return NULL;
    }
    return operand;
}

bool fletch_args_level_fits(const struct fletch_args *args)
{
    const char *name = args->codec ? args->codec : "zstd";
    struct fletch_codec_info codec = { 0 };
    size_t i = 0;

    if (!args->level.given)
        return true;
    while (!fletch_codec_at(&codec, i) && strcmp(codec.name, name) != 0)
        i++;
    if (codec.level_max == 0) {
        fletch_misused(args->command, "option '--compression-level': %s has no levels",
                       name);
        return false;
    }
    if (args->level.value < codec.level_min || args->level.value > codec.level_max) {
        fletch_misused(args->command,
                       "option '--compression-level': %s has levels %d to %d, not %s", name,
                       codec.level_min, codec.level_max, args->level.given);
        return false;
    }
    return true;
}

struct fletch_options fletch_args_options(const struct fletch_args *args)
{
    const char *overflow = args->on_overflow ? args->on_overflow : "keep";

    return (struct fletch_options){
        .size = sizeof(struct fletch_options),
        .family = args->type,
        .prefix = args->prefix,
        .set = args->set.count ? args->set.texts : NULL,
        .codec = args->codec,
        .level = args->level.given ? (int)args->level.value : 0,
        .precision =
            args->keep_precision ? FLETCH_PRECISION_KEEP : FLETCH_PRECISION_FLOAT16,
        .overflow = !strcmp(overflow, "inf")     ? FLETCH_OVERFLOW_INF
                    : !strcmp(overflow, "error") ? FLETCH_OVERFLOW_ERROR
                                                 : FLETCH_OVERFLOW_KEEP,
        .require_exact = args->require_exact,
        .allow_missing = args->allow_missing,
        .keep_heads = args->keep_heads,
        .skip_verify = args->skip_verify,
        .paranoid = args->paranoid,
        .skip_tokenizer = args->skip_tokenizer,
        .certify = args->certify,
        .force = args->force,
        .threads = args->threads.given ? (unsigned)args->threads.value : 0,
        .memory = args->memory.given ? (uint64_t)args->memory.value : 0,
    };
}
