/* SPDX-License-Identifier: MIT */
/* command.c - fletch: the command line, but for where it starts */
#include "args.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A standard stream that is closed would be the next file that is opened, and talk would
 * end up in it. What stands in fails every write. */
static void occupy_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0)
            return;
    }
}

static int run_command(const char *name, int argc, char *const *argv)
{
    const struct fletch_command *command = fletch_command_find(name);
    struct fletch_args args;

    if (!command || !fletch_args_parse(&args, command, argc, argv))
        return FLETCH_EXIT_MISUSED;
    if (args.help) {
        fletch_help_command(command);
        return FLETCH_EXIT_DONE;
    }
    return command->run(&args);
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (!word) {
        fletch_hint("usage: fletch convert MODEL -o DIR");
        fletch_hint("try 'fletch help'");
        return FLETCH_EXIT_MISUSED;
    }
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
        fletch_version_print();
        return FLETCH_EXIT_DONE;
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        fletch_help_all();
        return FLETCH_EXIT_DONE;
    }
    if (word[0] == '-')
        return fletch_misused(NULL, "a command comes first, such as 'fletch convert %s'",
                              word);
    return run_command(word, argc - 2, argv + 2);
}

int fletch_command_main(int argc, char **argv)
{
    static char buffer[1 << 16];
    int code, lost;

    occupy_streams();
    /* A reader that goes away must not leave a half-made output behind. */
    signal(SIGPIPE, SIG_IGN);
    /* Nor must a file that may not grow (ulimit -f): the write fails instead. */
    signal(SIGXFSZ, SIG_IGN);
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    code = run(argc, argv);
    lost = fletch_report_finish();
    return code ? code : lost;
}
