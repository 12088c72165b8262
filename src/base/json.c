/* SPDX-License-Identifier: MIT */
/* json.c - parses a JSON text into jansson's values; see json.h
 *
 * The values are jansson's, the parser is our own. jansson's reads past its buffer when an
 * allocation fails inside it, recurses up to 2,048 levels deep, and refuses whole numbers
 * beyond 64 bits, although tokenizer_config.json really contains "model_max_length":
 * 1000000000000000019884624838656. Those become reals. Python also writes NaN, Infinity and
 * -Infinity, which JSON has no numbers for: those become strings.
 */
#include "base/json.h"

#include "base/file.h"
#include "base/json_scan.h"
#include "base/natural.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger exponents and more digits would only cost strtod time: the result is the same. */
#define EXPONENT_MAX 1000000000
/* "e-" and an exponent, plus what a long fraction adds to it. */
#define EXPONENT_SIZE 24

static enum fletch_status read_value(json_t **out, struct fletch_json_scan *scan,
                                     size_t depth);

static enum fletch_status fail_memory(const struct fletch_json_scan *scan)
{
    return fletch_fail_memory(scan->err, scan->size, "a JSON text");
}

/* ---- Numbers ---- */

/* False when the digits, with an optional sign, are not a whole number of 64 bits. */
static bool read_whole(json_int_t *out, const char *text, size_t len)
{
    bool negative = text[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;

    for (size_t i = negative; i < len; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');

        if (!fletch_is_digit(text[i]) || value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (json_int_t)(0 - value) : (json_int_t)value;
    return true;
}

/* strtod takes its decimal point from the locale, so it gets none: 12.5e3 is read as
 * 125e2. */
static enum fletch_status read_real(double *out, const char *text, size_t len,
                                    const struct fletch_json_scan *scan)
{
    char *copy = fletch_arena_alloc(scan->arena, len + EXPONENT_SIZE);
    long long exponent = 0, sign = 1, fraction = 0;
    size_t i = 0, to = 0;

    if (!copy)
        return fail_memory(scan);
    for (bool behind = false; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        behind |= text[i] == '.';
        if (text[i] == '.')
            continue;
        copy[to++] = text[i];
        fraction += behind;
    }
    for (i++; i < len; i++) {
        if (text[i] == '-')
            sign = -1;
        if (fletch_is_digit(text[i]) && exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (text[i] - '0');
    }
    snprintf(copy + to, EXPONENT_SIZE, "e%lld", sign * exponent - fraction);
    *out = strtod(copy, NULL);
    return FLETCH_OK;
}

static enum fletch_status read_number(json_t **out, struct fletch_json_scan *scan)
{
    uint64_t at = fletch_json_scan_at(scan);
    size_t begin = scan->pos;
    json_int_t whole;
    double real = 0;

    TRY(fletch_json_scan_skip(scan, 0));
    if (read_whole(&whole, scan->text + begin, scan->pos - begin)) {
        *out = json_integer(whole);
    } else {
        TRY(read_real(&real, scan->text + begin, scan->pos - begin, scan));
        if (!isfinite(real))
            return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                         "found a number beyond the range of a double");
        *out = json_real(real);
    }
    return *out ? FLETCH_OK : fail_memory(scan);
}

/* ---- Python's words ---- */

/* What json.dumps writes for a float that is not finite. */
static const char *const python_words[] = { "NaN", "Infinity", "-Infinity" };

/* The word that begins at the cursor, whatever follows it; NULL. */
static const char *python_word(const struct fletch_json_scan *scan)
{
    for (size_t i = 0; i < sizeof(python_words) / sizeof(python_words[0]); i++) {
        size_t len = strlen(python_words[i]);

        if (scan->size - scan->pos >= len &&
            !memcmp(scan->text + scan->pos, python_words[i], len))
            return python_words[i];
    }
    return NULL;
}

static enum fletch_status read_python_word(json_t **out, const char *word,
                                           struct fletch_json_scan *scan)
{
    scan->pos += strlen(word);
    *out = json_string(word);
    return *out ? FLETCH_OK : fail_memory(scan);
}

/* ---- Values ---- */

static enum fletch_status check_text(struct fletch_json_scan_text *out,
                                     const struct fletch_json_scan *scan)
{
    if (memchr(out->text, 0, out->len))
        return fletch_json_scan_fail(scan, out->at, FLETCH_ERR_FORMAT,
                                     "found a NUL in a string");
    return FLETCH_OK;
}

static enum fletch_status read_string(json_t **out, struct fletch_json_scan *scan)
{
    struct fletch_json_scan_text text;

    TRY(fletch_json_scan_string(&text, scan, "a string"));
    TRY(check_text(&text, scan));
    *out = json_stringn_nocheck(text.text, text.len);
    return *out ? FLETCH_OK : fail_memory(scan);
}

static enum fletch_status read_member(json_t *object,
                                      const struct fletch_json_scan_text *key,
                                      struct fletch_json_scan *scan, size_t depth)
{
    json_t *value = NULL;

    if (json_object_getn(object, key->text, key->len))
        return fletch_json_scan_fail(scan, key->at, FLETCH_ERR_FORMAT,
                                     "found key '%.*s' a second time",
                                     (int)(key->len < 80 ? key->len : 80), key->text);
    TRY(read_value(&value, scan, depth));
    /* takes ownership of the value even when it fails */
    return json_object_setn_new_nocheck(object, key->text, key->len, value)
               ? fail_memory(scan)
               : FLETCH_OK;
}

static enum fletch_status read_members(json_t *object, struct fletch_json_scan *scan,
                                       size_t depth)
{
    struct fletch_json_scan_text key;
    bool more;

    TRY(fletch_json_scan_member(&more, &key, scan, true));
    while (more) {
        TRY(check_text(&key, scan));
        TRY(read_member(object, &key, scan, depth));
        TRY(fletch_json_scan_member(&more, &key, scan, false));
    }
    return FLETCH_OK;
}

static enum fletch_status read_elements(json_t *array, struct fletch_json_scan *scan,
                                        size_t depth)
{
    bool more;

    TRY(fletch_json_scan_element(&more, scan, true));
    while (more) {
        json_t *value = NULL;

        TRY(read_value(&value, scan, depth));
        if (json_array_append_new(array, value))
            return fail_memory(scan);
        TRY(fletch_json_scan_element(&more, scan, false));
    }
    return FLETCH_OK;
}

/* Reads an object or array, with the cursor at its bracket. */
static enum fletch_status read_container(json_t **out, struct fletch_json_scan *scan,
                                         size_t depth)
{
    bool is_object = scan->text[scan->pos] == '{';
    enum fletch_status status;
    json_t *value;

    if (depth == FLETCH_JSON_DEPTH_MAX)
        return fletch_json_scan_fail(scan, fletch_json_scan_at(scan),
                                     FLETCH_ERR_UNSUPPORTED,
                                     "nested deeper than %d levels, the limit "
                                     "(FLETCH_JSON_DEPTH_MAX)",
                                     FLETCH_JSON_DEPTH_MAX);
    scan->pos++;
    value = is_object ? json_object() : json_array();
    if (!value)
        return fail_memory(scan);
    status = is_object ? read_members(value, scan, depth + 1)
                       : read_elements(value, scan, depth + 1);
    if (status)
        json_decref(value);
    else
        *out = value;
    return status;
}

static enum fletch_status read_value(json_t **out, struct fletch_json_scan *scan,
                                     size_t depth)
{
    char c = fletch_json_scan_peek(scan);
    const char *word = python_word(scan);

    if (c == '{' || c == '[')
        return read_container(out, scan, depth);
    if (c == '"')
        return read_string(out, scan);
    if (word)
        return read_python_word(out, word, scan);
    if (c == '-' || fletch_is_digit(c))
        return read_number(out, scan);
    TRY(fletch_json_scan_skip(scan, 0));
    *out = c == 'n' ? json_null() : json_boolean(c == 't');
    return FLETCH_OK;
}

/* ---- Texts ---- */

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

static enum fletch_status read_text(json_t **out, struct fletch_json_scan *scan)
{
    size_t valid = fletch_utf8_span(scan->text, scan->size);

    if (valid < scan->size)
        return fletch_json_scan_fail(scan, valid, FLETCH_ERR_FORMAT,
                                     "found 0x%02x, expected UTF-8",
                                     (uint8_t)scan->text[valid]);
    TRY(read_value(out, scan, 0));
    fletch_json_scan_peek(scan);
    if (scan->pos < scan->size)
        return fletch_json_scan_unexpected(scan, "nothing after the value");
    return FLETCH_OK;
}

enum fletch_status fletch_json_parse(json_t **out, const char *text, size_t size,
                                     bool want_array, struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct fletch_json_scan scan = {
        .text = text, .size = size, .by_lines = true, .arena = &arena, .err = err
    };
    enum fletch_status status;
    json_t *value = NULL;

    if (!size)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "is empty, expected %s in JSON",
                           want_array ? "an array" : "an object");
    status = read_text(&value, &scan);
    if (!status && (want_array ? !json_is_array(value) : !json_is_object(value)))
        status = fletch_fail(err, FLETCH_ERR_FORMAT, "holds %s, expected %s",
                             type_text(value), want_array ? "an array" : "an object");
    if (status)
        json_decref(value);
    else
        *out = value;
    fletch_arena_release(&arena);
    return status;
}

enum fletch_status fletch_json_load(json_t **out, const char *path, bool want_array,
                                    struct fletch_error *err)
{
    struct fletch_buf text = { 0 };
    enum fletch_status status =
        fletch_file_load(&text, path, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX", err);

    if (!status) {
        status =
            fletch_json_parse(out, (const char *)text.bytes, text.size, want_array, err);
        if (status)
            fletch_error_prefix(err, "%s", path);
    }
    fletch_buf_release(&text);
    return status;
}

const char *fletch_json_word(const json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < sizeof(python_words) / sizeof(python_words[0]); i++)
        if (!strcmp(text, python_words[i]))
            return python_words[i];
    return NULL;
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

bool fletch_json_put_at(json_t *object, const char *path, json_t *value)
{
    size_t len = strcspn(path, ".");

    while (path[len]) {
        json_t *inner = json_object_getn(object, path, len);

        if (!inner || json_is_null(inner)) {
            inner = json_object();
            if (json_object_setn_new(object, path, len, inner)) {
                json_decref(value);
                return false;
            }
        }
        object = inner;
        path += len + 1;
        len = strcspn(path, ".");
    }
    return !json_object_setn_new(object, path, len, value);
}

const char *fletch_json_kind(const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",    [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a real number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };

    const char *word = fletch_json_word(value);

    if (word)
        return word;
    return value ? kinds[json_typeof(value)] : "nothing";
}
