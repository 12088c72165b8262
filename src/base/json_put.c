/* SPDX-License-Identifier: MIT */
/* json_put.c - JSON as Python's json.dumps writes it; see json.h */
#include "base/json.h"

#include "base/natural.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replaces a byte that is not UTF-8. */
#define REPLACEMENT 0xfffd
/* As many significant digits as distinguish every double from its neighbours. */
#define REAL_DIGITS_MAX 17
/* Python's repr uses exponents below 1e-4 and from 1e16 on. */
#define REAL_PLAIN_MIN (-4)
#define REAL_PLAIN_MAX 15

static void put_code_point(struct fletch_buf *buf, uint32_t point)
{
    static const char plain[] = "\"\\\n\r\t\f\b", letters[] = "\"\\nrtfb";
    const char *found = point && point < 0x80 ? strchr(plain, (int)point) : NULL;

    if (found) {
        fletch_buf_put_u8(buf, '\\');
        fletch_buf_put_u8(buf, (uint8_t)letters[found - plain]);
    } else if (point >= 0x20 && point < 0x7f) {
        fletch_buf_put_u8(buf, (uint8_t)point);
    } else if (point < 0x10000) {
        fletch_buf_format(buf, "\\u%04" PRIx32, point);
    } else {
        point -= 0x10000;
        fletch_buf_format(buf, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (point >> 10),
                          0xdc00 + (point & 0x3ff));
    }
}

void fletch_json_put_string(struct fletch_buf *buf, const char *text)
{
    size_t left = strlen(text);

    fletch_buf_put_u8(buf, '"');
    while (left) {
        uint32_t point;
        size_t len = fletch_utf8_get(&point, text, left);

        put_code_point(buf, len ? point : REPLACEMENT);
        text += len ? len : 1;
        left -= len ? len : 1;
    }
    fletch_buf_put_u8(buf, '"');
}

struct decimal {
    char digits[REAL_DIGITS_MAX + 1]; /* significant, the point after the first */
    int exponent;
};

static double decimal_value(const struct decimal *decimal)
{
    char text[REAL_DIGITS_MAX + 16];

    /* printed without a point, so the locale's does not matter */
    snprintf(text, sizeof(text), "%se%d", decimal->digits,
             decimal->exponent - (int)strlen(decimal->digits) + 1);
    return strtod(text, NULL);
}

/* The nearest decimal of `count` digits. */
static void decimal_round(struct decimal *out, double value, int count)
{
    char text[REAL_DIGITS_MAX + 24];
    const char *p = text;
    int len = 0;

    snprintf(text, sizeof(text), "%.*e", count - 1, value);
    for (; *p != 'e'; p++)
        if (fletch_is_digit(*p) && len < REAL_DIGITS_MAX)
            out->digits[len++] = *p;
    out->digits[len] = 0;
    out->exponent = (int)strtol(p + 1, NULL, 10);
}

/* The next larger decimal with as many digits; false at 99...9, which is never the
 * shortest. */
static bool decimal_up(struct decimal *decimal)
{
    size_t i = strlen(decimal->digits);

    while (i && decimal->digits[i - 1] == '9')
        decimal->digits[--i] = '0';
    if (!i)
        return false;
    decimal->digits[i - 1]++;
    return true;
}

/* The shortest decimal that reads back as `value` > 0. At a power of two the gap below is
 * half the gap above, so the second nearest may work where the nearest does not. */
static void decimal_shortest(struct decimal *out, double value)
{
    for (int count = 1; count <= REAL_DIGITS_MAX; count++) {
        double found;

        decimal_round(out, value, count);
        found = decimal_value(out);
        if (found == value)
            return;
        if (found < value && count < REAL_DIGITS_MAX && decimal_up(out) &&
            decimal_value(out) == value)
            return;
    }
}

void fletch_json_put_real(struct fletch_buf *buf, double value)
{
    struct decimal decimal = { .digits = "0" };
    int len, exponent;

    if (!isfinite(value)) {
        fletch_buf_put_text(buf, "null");
        return;
    }
    if (signbit(value))
        fletch_buf_put_u8(buf, '-');
    if (value != 0)
        decimal_shortest(&decimal, fabs(value));
    len = (int)strlen(decimal.digits);
    exponent = decimal.exponent;
    if (exponent < REAL_PLAIN_MIN || exponent > REAL_PLAIN_MAX) {
        fletch_buf_format(buf, "%c%s%se%c%02d", decimal.digits[0], len > 1 ? "." : "",
                          decimal.digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        fletch_buf_format(buf, "0.%.*s%s", -exponent - 1, "000", decimal.digits);
    } else {
        for (int i = 0; i <= exponent; i++)
            fletch_buf_put_u8(buf, (uint8_t)(i < len ? decimal.digits[i] : '0'));
        fletch_buf_format(buf, ".%s",
                          len > exponent + 1 ? decimal.digits + exponent + 1 : "0");
    }
}

static void put_line(struct fletch_buf *buf, unsigned depth)
{
    fletch_buf_put_u8(buf, '\n');
    while (depth--)
        fletch_buf_put_text(buf, "  ");
}

static void put_object(struct fletch_buf *buf, const json_t *object, unsigned depth)
{
    const char *before = "{";
    json_t *walk = json_incref((json_t *)(uintptr_t)object); /* jansson iterates only
                                                                non-const objects */

    for (void *at = json_object_iter(walk); at; at = json_object_iter_next(walk, at)) {
        fletch_buf_put_text(buf, before);
        put_line(buf, depth + 1);
        fletch_json_put_string(buf, json_object_iter_key(at));
        fletch_buf_put_text(buf, ": ");
        fletch_json_put(buf, json_object_iter_value(at), depth + 1);
        before = ",";
    }
    json_decref(walk);
    put_line(buf, depth);
    fletch_buf_put_u8(buf, '}');
}

static void put_array(struct fletch_buf *buf, const json_t *array, unsigned depth)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        fletch_buf_put_text(buf, i ? "," : "[");
        put_line(buf, depth + 1);
        fletch_json_put(buf, json_array_get(array, i), depth + 1);
    }
    put_line(buf, depth);
    fletch_buf_put_u8(buf, ']');
}

void fletch_json_put(struct fletch_buf *buf, const json_t *value, unsigned depth)
{
    if (json_is_object(value) && json_object_size(value))
        put_object(buf, value, depth);
    else if (json_is_object(value))
        fletch_buf_put_text(buf, "{}");
    else if (json_is_array(value) && json_array_size(value))
        put_array(buf, value, depth);
    else if (json_is_array(value))
        fletch_buf_put_text(buf, "[]");
    else if (json_is_string(value))
        fletch_json_put_string(buf, json_string_value(value));
    else if (json_is_integer(value))
        fletch_buf_format(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fletch_json_put_real(buf, json_real_value(value));
    else
        fletch_buf_put_text(buf, json_is_true(value)    ? "true"
                                 : json_is_false(value) ? "false"
                                                        : "null");
}
