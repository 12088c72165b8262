/* SPDX-License-Identifier: MIT */
/* glob.h - names against patterns
 *
 * '*' stands for any text, dots included, also none; '?' for any one character; everything
 * else for itself. As the family tables and `fletch show` use it.
 */
#ifndef FLETCH_BASE_GLOB_H
#define FLETCH_BASE_GLOB_H

#include <stdbool.h>

bool fletch_glob_match(const char *pattern, const char *text);
/* True when any of the NULL-terminated patterns matches; false for a NULL list. */
bool fletch_glob_any(const char *const *patterns, const char *text);

#endif
