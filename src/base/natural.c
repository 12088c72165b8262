/* SPDX-License-Identifier: MIT */
/* natural.c - see natural.h */
#include "base/natural.h"

#include <stddef.h>
#include <string.h>

/* Compares the runs of digits at *a and *b by value, whatever their length, and skips
 * them. */
static int compare_numbers(const char **a, const char **b)
{
    const char *x = *a, *y = *b;
    size_t x_len = 0, y_len = 0;

    while (*x == '0')
        x++;
    while (*y == '0')
        y++;
    while (fletch_is_digit(x[x_len]))
        x_len++;
    while (fletch_is_digit(y[y_len]))
        y_len++;
    *a = x + x_len;
    *b = y + y_len;
    if (x_len != y_len)
        return x_len < y_len ? -1 : 1;
    return memcmp(x, y, x_len);
}

int fletch_natural_compare(const char *a, const char *b)
{
    const char *x = a, *y = b;

    while (*x && *y) {
        if (fletch_is_digit(*x) && fletch_is_digit(*y)) {
            int order = compare_numbers(&x, &y);

            if (order)
                return order;
        } else {
            if (*x != *y)
                return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
            x++;
            y++;
        }
    }
    if (*x || *y)
        return *x ? 1 : -1;
    return strcmp(a, b);
}
