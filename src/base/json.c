/* SPDX-License-Identifier: MIT */
/* json.c - see json.h
 *
 * A scan without recursion goes first: it counts how deep the text is nested, strings
 * skipped, so that jansson never recurses further than FLETCH_JSON_DEPTH_MAX. It also finds
 * whole numbers that 64 bits do not hold: tokenizer_config.json really says
 * "model_max_length": 1000000000000000019884624838656. Those are read as reals.
 */
#include "base/json.h"

#include "base/file.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest json_int_t and, without its sign, the smallest. */
#define INTEGER_MAX_TEXT "9223372036854775807"
#define INTEGER_MIN_TEXT "9223372036854775808"
/* What stands for a byte that is not UTF-8. */
#define REPLACEMENT 0xfffd
/* Significant digits that tell every double from its neighbours. */
#define REAL_DIGITS_MAX 17
/* Python's repr leaves plain notation below 1e-4 and from 1e16 on. */
#define REAL_PLAIN_MIN (-4)
#define REAL_PLAIN_MAX 15

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The position of the quote that ends the string which begins at text[pos], or `size`. */
static size_t skip_string(const char *text, size_t size, size_t pos)
{
    for (pos++; pos < size && text[pos] != '"'; pos++)
        if (text[pos] == '\\')
            pos++;
    return pos < size ? pos : size;
}

static enum fletch_status check_text(const char *text, size_t size,
                                     struct fletch_error *err)
{
    const char *nul = memchr(text, 0, size);
    size_t depth = 0;

    if (nul)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %td: a NUL, expected text",
                           nul - text);
    for (size_t pos = 0; pos < size; pos++) {
        if (text[pos] == '"') {
            pos = skip_string(text, size, pos);
        } else if (text[pos] == '{' || text[pos] == '[') {
            if (depth++ == FLETCH_JSON_DEPTH_MAX)
                return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                                   "byte %zu: nested deeper than %d levels, the limit "
                                   "(FLETCH_JSON_DEPTH_MAX)",
                                   pos, FLETCH_JSON_DEPTH_MAX);
        } else if ((text[pos] == '}' || text[pos] == ']') && depth) {
            depth--;
        }
    }
    return FLETCH_OK;
}

/* The end of the whole number at text[pos] when it is not one of 64 bits, else 0. */
static size_t long_number_end(const char *text, size_t size, size_t pos)
{
    const char *limit = pos && text[pos - 1] == '-' ? INTEGER_MIN_TEXT : INTEGER_MAX_TEXT;
    size_t end = pos, len = strlen(limit);

    while (end < size && is_digit(text[end]))
        end++;
    if (end - pos < len || (end - pos == len && memcmp(text + pos, limit, len) <= 0))
        return 0;
    if (end < size && (text[end] == '.' || text[end] == 'e' || text[end] == 'E'))
        return 0;
    return end;
}

/* A copy of the text with ".0" behind each whole number beyond 64 bits; an empty copy when
 * there is none. */
static void widen_numbers(struct fletch_buf *copy, const char *text, size_t size)
{
    size_t done = 0;

    for (size_t pos = 0; pos < size; pos++) {
        if (text[pos] == '"') {
            pos = skip_string(text, size, pos);
        } else if (is_digit(text[pos])) {
            size_t end = long_number_end(text, size, pos);

            if (end) {
                fletch_buf_put(copy, text + done, end - done);
                fletch_buf_put_text(copy, ".0");
                done = end;
            }
            while (pos + 1 < size && (is_digit(text[pos + 1]) || text[pos + 1] == '.'))
                pos++;
        }
    }
    if (done)
        fletch_buf_put(copy, text + done, size - done);
}

static const char *type_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    default:
        return json_is_null(value) ? "null" : "true or false";
    }
}

enum fletch_status fletch_json_parse(json_t **out, const char *text, size_t size,
                                     bool want_array, struct fletch_error *err)
{
    struct fletch_buf copy = { 0 };
    json_error_t why;
    json_t *value;

    if (!size)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "is empty, expected %s in JSON",
                           want_array ? "an array" : "an object");
    TRY(check_text(text, size, err));
    widen_numbers(&copy, text, size);
    if (copy.failed) {
        fletch_buf_release(&copy);
        return fletch_fail_memory(err, size, "a JSON text");
    }
    value = json_loadb(copy.size ? (const char *)copy.bytes : text,
                       copy.size ? copy.size : size,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    fletch_buf_release(&copy);
    /* jansson leaves the text empty where an allocation failed deep inside */
    if (!value && (json_error_code(&why) == json_error_out_of_memory || !why.text[0]))
        return fletch_fail_memory(err, size, "a JSON text");
    if (!value)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "line %d, column %d: %s", why.line,
                           why.column, why.text);
    if (want_array ? !json_is_array(value) : !json_is_object(value)) {
        fletch_fail(err, FLETCH_ERR_FORMAT, "holds %s, expected %s", type_text(value),
                    want_array ? "an array" : "an object");
        json_decref(value);
        return FLETCH_ERR_FORMAT;
    }
    *out = value;
    return FLETCH_OK;
}

enum fletch_status fletch_json_load(json_t **out, const char *path, bool want_array,
                                    struct fletch_error *err)
{
    struct fletch_buf text = { 0 };
    enum fletch_status status = fletch_file_load(&text, path, FLETCH_JSON_SIZE_MAX, err);

    if (!status) {
        status =
            fletch_json_parse(out, (const char *)text.bytes, text.size, want_array, err);
        if (status)
            fletch_error_prefix(err, "%s", path);
    }
    fletch_buf_release(&text);
    return status;
}

const json_t *fletch_json_at(const json_t *object, const char *path)
{
    while (object) {
        size_t len = strcspn(path, ".");

        object = json_object_getn(object, path, len);
        if (!path[len])
            break;
        path += len + 1;
    }
    return object;
}

/* ---- Writing, as Python's json.dumps does ---- */

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
    char digits[REAL_DIGITS_MAX + 1]; /* significant, the point behind the first */
    int exponent;
};

static double decimal_value(const struct decimal *decimal)
{
    char text[REAL_DIGITS_MAX + 16];

    /* without a point: whatever the locale calls one does not matter */
    snprintf(text, sizeof(text), "%se%d", decimal->digits,
             decimal->exponent - (int)strlen(decimal->digits) + 1);
    return strtod(text, NULL);
}

/* The closest decimal of `count` digits. */
static void decimal_round(struct decimal *out, double value, int count)
{
    char text[REAL_DIGITS_MAX + 24];
    const char *p = text;
    int len = 0;

    snprintf(text, sizeof(text), "%.*e", count - 1, value);
    for (; *p != 'e'; p++)
        if (is_digit(*p) && len < REAL_DIGITS_MAX)
            out->digits[len++] = *p;
    out->digits[len] = 0;
    out->exponent = (int)strtol(p + 1, NULL, 10);
}

/* The next decimal of as many digits upwards; false at 99...9, never the shortest. */
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
 * half the gap above, so there the second closest may do where the closest does not. */
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
    json_t *walk = json_incref((json_t *)(uintptr_t)object); /* jansson iterates unconst */

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
