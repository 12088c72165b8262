/* SPDX-License-Identifier: MIT */
/* must.h - a promise that a fuzz target checks: broken, it ends the process */
#ifndef FLETCH_TESTS_FUZZ_MUST_H
#define FLETCH_TESTS_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "broken: %s\n", #condition);                                   \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

#endif
