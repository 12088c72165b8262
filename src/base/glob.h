/* SPDX-License-Identifier: MIT */
/* glob.h - names against patterns
 *
 * '*' stands for any text, dots included, also none; '?' for any one character; everything
 * else for itself. As the family tables and `fletch show` use it.
 */
#ifndef FLETCH_BASE_GLOB_H
#define FLETCH_BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Stars of a pattern whose texts can be asked for. */
#define FLETCH_GLOB_STARS_MAX 4

/* What a star stood for: borrowed from the text. */
struct fletch_glob_star {
    const char *text; /* [len] */
    size_t len;
};

bool fletch_glob_match(const char *pattern, const char *text);
/* The same, and what each of the first stars stood for, as little as possible; the rest of
 * stars[] is empty. */
bool fletch_glob_capture(struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX],
                         const char *pattern, const char *text);
/* True when any of the NULL-terminated patterns matches; false for a NULL list. */
bool fletch_glob_any(const char *const *patterns, const char *text);

#endif
