/* SPDX-License-Identifier: MIT */
/* cmd_version.c - fletch version: which version this is, and which codecs it has */
#include "args.h"
#include "report.h"

#include <stdio.h>

void fletch_version_print(void)
{
    struct fletch_codec_info codec;

    printf("fletch %s\ncodecs:", fletch_version());
    for (size_t i = 0; !fletch_codec_at(&codec, i); i++) {
        if (codec.built_in)
            printf(" %s", codec.name);
    }
    printf("\n");
}

static int run(const struct fletch_args *args)
{
    (void)args;
    fletch_version_print();
    return FLETCH_EXIT_DONE;
}

const struct fletch_command fletch_command_version = {
    .name = "version",
    .bit = FLETCH_FOR_VERSION,
    .usage = "",
    .summary = "say which version this is, and its codecs",
    .about = "Prints the version, and the codecs that this build has; as --version does.",
    .examples = "  fletch version",
    .run = run,
};
