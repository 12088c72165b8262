/* SPDX-License-Identifier: MIT */
/* natural.h - the order of names: layer.2 before layer.10
 *
 * Names are compared as alternating parts of text and decimal digits: text bytewise,
 * numbers by value. Names that are equal in that sense (w.01, w.1) are compared bytewise,
 * so the order is total.
 */
#ifndef FLETCH_BASE_NATURAL_H
#define FLETCH_BASE_NATURAL_H

#include <stdbool.h>

/* Of ASCII, whatever the locale. */
static inline bool fletch_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As strcmp. */
int fletch_natural_compare(const char *a, const char *b);

#endif
