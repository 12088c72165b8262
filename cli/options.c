/* SPDX-License-Identifier: MIT */
/* options.c - see options.h */
#include "options.h"

#include <string.h>

static const char *type_choice(size_t i)
{
    return i == 0 ? "auto" : fletch_family_name(i - 1);
}

static const char *codec_choice(size_t i)
{
    struct fletch_codec_info codec;

    return fletch_codec_at(&codec, i) ? NULL : codec.name;
}

static const char *overflow_choice(size_t i)
{
    static const char *const choices[] = { "keep", "inf", "error" };

    return i < sizeof(choices) / sizeof(*choices) ? choices[i] : NULL;
}

static const char *sort_choice(size_t i)
{
    static const char *const choices[] = { "none", "name", "size", "params", "dtype" };

    return i < sizeof(choices) / sizeof(*choices) ? choices[i] : NULL;
}

#define AT(member) offsetof(struct fletch_args, member)
#define FOR_MODELS (FLETCH_FOR_CONVERT | FLETCH_FOR_PLAN)
#define FOR_WORK (FLETCH_FOR_CONVERT | FLETCH_FOR_VERIFY)
#define FOR_RESULTS (FOR_MODELS | FLETCH_FOR_SHOW | FLETCH_FOR_VERIFY | FLETCH_FOR_FAMILIES)
#define FOR_ALL (FOR_RESULTS | FLETCH_FOR_HELP | FLETCH_FOR_VERSION)
/* As the library's own limit. */
#define THREADS_MAX 1024

static const struct fletch_option OPTIONS[] = {
    { .name = "model",
      .letter = 'm',
      .value = "MODEL",
      .kind = FLETCH_OPTION_TEXT,
      .offset = AT(model),
      .commands = FOR_MODELS,
      .help = "the model: a checkpoint's folder, or one weights file" },
    { .name = "output",
      .letter = 'o',
      .value = "DIR",
      .kind = FLETCH_OPTION_TEXT,
      .offset = AT(output),
      .commands = FLETCH_FOR_CONVERT,
      .help = "the folder to write, made with its parents; an earlier conversion there is "
              "replaced as a whole" },
    { .name = "source",
      .letter = 's',
      .value = "MODEL",
      .kind = FLETCH_OPTION_TEXT,
      .offset = AT(source),
      .commands = FLETCH_FOR_VERIFY,
      .help =
          "the checkpoint that it was made from: redo every cast and compare every value" },
    { .name = "type",
      .letter = 't',
      .value = "TYPE",
      .kind = FLETCH_OPTION_CHOICE,
      .offset = AT(type),
      .choice = type_choice,
      .commands = FOR_MODELS | FLETCH_FOR_VERIFY,
      .help = "what the model is (default auto: config.json decides)" },
    { .name = "prefix",
      .value = "NAME",
      .kind = FLETCH_OPTION_TEXT,
      .offset = AT(prefix),
      .commands = FOR_MODELS | FLETCH_FOR_VERIFY | FLETCH_FOR_SHOW,
      .help = "the model's tensors are those whose names begin with NAME and a dot, and "
              "lose both; a lone dot: names as they are (default: what the families know "
              "most of)" },
    { .name = "set",
      .value = "KEY=VALUE",
      .kind = FLETCH_OPTION_LIST,
      .offset = AT(set),
      .commands = FOR_MODELS | FLETCH_FOR_VERIFY,
      .help = "what config.json says, or would say if it were there, such as "
              "num_attention_heads=12; may be repeated" },
    { .name = "float16",
      .kind = FLETCH_OPTION_OFF,
      .offset = AT(keep_precision),
      .commands = FOR_MODELS,
      .help = "floating tensors become float16 (default)" },
    { .name = "no-float16",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(keep_precision),
      .commands = FOR_MODELS,
      .help = "float32 and float16 stay; bfloat16 and float64 become float32" },
    { .name = "compression",
      .letter = 'c',
      .value = "CODEC",
      .kind = FLETCH_OPTION_CHOICE,
      .offset = AT(codec),
      .choice = codec_choice,
      .commands = FOR_MODELS,
      .help = "how the values are compressed (default zstd)" },
    { .name = "compression-level",
      .alias = "level",
      .value = "N",
      .kind = FLETCH_OPTION_NUMBER,
      .offset = AT(level),
      .least = INT64_MIN,
      .most = INT64_MAX,
      .commands = FOR_MODELS,
      .help = "the codec's level:" },
    { .name = "on-overflow",
      .value = "WHAT",
      .kind = FLETCH_OPTION_CHOICE,
      .offset = AT(on_overflow),
      .choice = overflow_choice,
      .commands = FLETCH_FOR_CONVERT,
      .help = "for a tensor with a value that float16 cannot hold: let it stay float32 "
              "(the default), make such values infinite, or fail, also where one is "
              "beyond float32 or int64" },
    { .name = "require-exact",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(require_exact),
      .commands = FLETCH_FOR_CONVERT,
      .help = "any rounding is an error that names the tensors" },
    { .name = "allow-missing",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(allow_missing),
      .commands = FOR_MODELS,
      .help = "go on where tensors are missing that the model cannot do without: "
              "metadata.json lists them" },
    { .name = "keep-heads",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(keep_heads),
      .commands = FOR_MODELS,
      .help = "heads that are left out otherwise, as a reranker's classifier or a "
              "SPLADE's language modelling head, are rows under their own names" },
    { .name = "no-validate",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(skip_verify),
      .commands = FLETCH_FOR_CONVERT,
      .help = "do not read back and compare: faster, and nothing is proven" },
    { .name = "paranoid",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(paranoid),
      .commands = FOR_WORK,
      .help =
          "read back with the codec's library alone, where a faster decoder of fletch's "
          "own would do" },
    { .name = "no-tokenizer",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(skip_tokenizer),
      .commands = FOR_MODELS,
      .help = "text models: no tokenizer folder" },
    { .name = "certify",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(certify),
      .commands = FLETCH_FOR_CONVERT,
      .help = "metadata.json also has the sha256 of every source file and source tensor" },
    { .name = "force",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(force),
      .commands = FLETCH_FOR_CONVERT,
      .help = "write into an output folder that holds files of somebody else: they stay, "
              "but for weights.parquet, metadata.json and tokenizer/tokenizer.json, which "
              "are replaced" },
    { .name = "threads",
      .value = "N",
      .kind = FLETCH_OPTION_NUMBER,
      .offset = AT(threads),
      .least = 1,
      .most = THREADS_MAX,
      .commands = FOR_WORK,
      .help = "how many to use (default: as many as the process may)" },
    { .name = "memory",
      .value = "SIZE",
      .kind = FLETCH_OPTION_SIZE,
      .offset = AT(memory),
      .commands = FOR_MODELS,
      .help = "for buffers, such as 96M or 1G (default: what the work needs)" },
    { .name = "sort",
      .value = "KEY",
      .kind = FLETCH_OPTION_CHOICE,
      .offset = AT(sort),
      .choice = sort_choice,
      .commands = FLETCH_FOR_SHOW,
      .help = "order of the rows, the largest first for size and params (default none: as "
              "in the file)" },
    { .name = "json",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(json),
      .commands = FOR_RESULTS,
      .help = "the result as one JSON object on stdout" },
    { .name = "no-progress",
      .kind = FLETCH_OPTION_ON,
      .offset = AT(no_progress),
      .commands = FOR_WORK,
      .help = "no progress on stderr" },
    { .name = "quiet",
      .letter = 'q',
      .kind = FLETCH_OPTION_ON,
      .offset = AT(quiet),
      .commands = FOR_WORK,
      .help = "say nothing but errors" },
    { .name = "verbose",
      .letter = 'v',
      .kind = FLETCH_OPTION_ON,
      .offset = AT(verbose),
      .commands = FLETCH_FOR_CONVERT,
      .help = "also say the configuration, and what each cast did" },
    { .name = "help",
      .letter = 'h',
      .kind = FLETCH_OPTION_ON,
      .offset = AT(help),
      .commands = FOR_ALL,
      .help = "show this help" },
};

#define OPTIONS_COUNT (sizeof(OPTIONS) / sizeof(*OPTIONS))

const struct fletch_option *fletch_option_at(const struct fletch_command *command, size_t i)
{
    for (size_t at = 0; at < OPTIONS_COUNT; at++) {
        if ((OPTIONS[at].commands & (unsigned)command->bit) && i-- == 0)
            return &OPTIONS[at];
    }
    return NULL;
}

const struct fletch_option *fletch_option_letter(const struct fletch_command *command,
                                                 char letter)
{
    const struct fletch_option *option;

    for (size_t i = 0; (option = fletch_option_at(command, i)) != NULL; i++) {
        if (letter && option->letter == letter)
            return option;
    }
    return NULL;
}

/* ---- Help ---- */

/* Options' names are this wide at most, or stand on a line of their own. */
#define NAMES_WIDTH 27
#define HELP_WIDTH 79

static void add_choices(struct fletch_text *text, const struct fletch_option *option)
{
    const char *choice;

    fletch_text_add(text, ": ");
    for (size_t i = 0; (choice = option->choice(i)) != NULL; i++)
        fletch_text_addf(text, "%s%s", i ? ", " : "", choice);
}

static void add_levels(struct fletch_text *text)
{
    struct fletch_codec_info codec;
    const char *between = " ";

    for (size_t i = 0; !fletch_codec_at(&codec, i); i++) {
        if (codec.level_max == 0)
            continue;
        fletch_text_addf(text, "%s%s %d to %d (default %d)", between, codec.name,
                         codec.level_min, codec.level_max, codec.level_default);
        between = ", ";
    }
}

void fletch_options_describe(struct fletch_text *text, const struct fletch_command *command)
{
    struct fletch_text names = { 0 }, help = { 0 };

    const struct fletch_option *option;

    for (size_t i = 0; (option = fletch_option_at(command, i)) != NULL; i++) {
        fletch_text_clear(&names);
        fletch_text_clear(&help);
        fletch_text_addf(&names, option->letter ? "  -%c, --%s" : "  %c   --%s",
                         option->letter ? option->letter : ' ', option->name);
        if (option->value)
            fletch_text_addf(&names, " %s", option->value);
        fletch_text_add(&help, option->help);
        if (option->choice)
            add_choices(&help, option);
        if (option->offset == AT(level))
            add_levels(&help);
        fletch_text_add(text, fletch_text_string(&names));
        if (names.size > NAMES_WIDTH - 2) {
            fletch_text_add(text, "\n");
            names.size = 0;
        }
        fletch_text_fill(text, ' ', NAMES_WIDTH - names.size);
        fletch_text_wrap(text, fletch_text_string(&help), NAMES_WIDTH, HELP_WIDTH);
        fletch_text_add(text, "\n");
    }
    fletch_text_release(&names);
    fletch_text_release(&help);
}
