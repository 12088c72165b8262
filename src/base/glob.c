/* SPDX-License-Identifier: MIT */
/* glob.c - see glob.h */
#include "base/glob.h"

#include <stddef.h>

/* On a mismatch only the last star is retried, so the cost is at most pattern x text. */
bool fletch_glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool fletch_glob_any(const char *const *patterns, const char *text)
{
    for (; patterns && *patterns; patterns++)
        if (fletch_glob_match(*patterns, text))
            return true;
    return false;
}
