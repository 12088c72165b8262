/* SPDX-License-Identifier: MIT */
/* glob.h - matching names against patterns
 *
 * '*' matches any text, dots and the empty text included; '?' any one character; everything
 * else itself. The family tables and `fletch show` use these patterns.
 */
#ifndef FLETCH_BASE_GLOB_H
#define FLETCH_BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* The number of stars in a pattern whose texts can be captured. */
#define FLETCH_GLOB_STARS_MAX 4

/* The text that a star matched: borrowed. */
struct fletch_glob_star {
    const char *text; /* [len] */
    size_t len;
};

bool fletch_glob_match(const char *pattern, const char *text);
/* The same, and captures the shortest text that each of the first stars matched; unused
 * stars[] are empty. */
bool fletch_glob_capture(struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX],
                         const char *pattern, const char *text);
/* True when any of the NULL-terminated patterns matches; false for a NULL list. */
bool fletch_glob_any(const char *const *patterns, const char *text);

#endif
