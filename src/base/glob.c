/* SPDX-License-Identifier: MIT */
/* glob.c - see glob.h */
#include "base/glob.h"

/* On a mismatch only the last star is retried, so the cost is at most pattern x text.
 * stars[] may be NULL. */
static bool match(struct fletch_glob_star *stars, const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    struct fletch_glob_star rest = { 0 }, *last = &rest;
    size_t count = 0;

    while (*text || *pattern == '*') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
            last = stars && count < FLETCH_GLOB_STARS_MAX ? &stars[count++] : &rest;
            *last = (struct fletch_glob_star){ text, 0 };
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
            last->len++;
        } else {
            return false;
        }
    }
    return !*pattern;
}

bool fletch_glob_match(const char *pattern, const char *text)
{
    return match(NULL, pattern, text);
}

bool fletch_glob_capture(struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX],
                         const char *pattern, const char *text)
{
    for (size_t i = 0; i < FLETCH_GLOB_STARS_MAX; i++)
        stars[i] = (struct fletch_glob_star){ text, 0 };
    return match(stars, pattern, text);
}

bool fletch_glob_any(const char *const *patterns, const char *text)
{
    for (; patterns && *patterns; patterns++)
        if (fletch_glob_match(*patterns, text))
            return true;
    return false;
}
