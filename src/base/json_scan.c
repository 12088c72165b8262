/* SPDX-License-Identifier: MIT */
/* json_scan.c - see json_scan.h */
#include "base/json_scan.h"

#include "base/natural.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- Failures ---- */

/* "line 2, column 5": both from 1, columns in bytes. */
static void write_line(char *out, size_t size, const struct fletch_json_scan *scan,
                       uint64_t at)
{
    size_t end = at - scan->base < scan->size ? (size_t)(at - scan->base) : scan->size;
    size_t line = 1, begin = 0;

    for (size_t i = 0; i < end; i++) {
        if (scan->text[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    snprintf(out, size, "line %zu, column %zu", line, end - begin + 1);
}

enum fletch_status fletch_json_scan_fail(const struct fletch_json_scan *scan, uint64_t at,
                                         enum fletch_status status, const char *format, ...)
{
    char text[sizeof(scan->err->message)], where[64];
    va_list args;

    if (scan->by_lines)
        write_line(where, sizeof(where), scan, at);
    else
        snprintf(where, sizeof(where), "byte %" PRIu64, at);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fletch_fail(scan->err, status, "%s: %s", where, text);
}

enum fletch_status fletch_json_scan_unexpected(const struct fletch_json_scan *scan,
                                               const char *expected)
{
    char found[16] = "the end";
    unsigned char c = scan->pos < scan->size ? (unsigned char)scan->text[scan->pos] : 0;

    if (c > 0x20 && c < 0x7f)
        snprintf(found, sizeof(found), "'%c'", c);
    else if (scan->pos < scan->size)
        snprintf(found, sizeof(found), "0x%02x", c);
    return fletch_json_scan_fail(scan, fletch_json_scan_at(scan), FLETCH_ERR_FORMAT,
                                 "found %s, expected %s", found, expected);
}

/* ---- Moving ---- */

uint64_t fletch_json_scan_at(const struct fletch_json_scan *scan)
{
    return scan->base + scan->pos;
}

/* The character at the cursor; 0 at the end, since JSON never contains it. */
static char here(const struct fletch_json_scan *scan)
{
    return scan->pos < scan->size ? scan->text[scan->pos] : 0;
}

char fletch_json_scan_peek(struct fletch_json_scan *scan)
{
    while (is_space(here(scan)))
        scan->pos++;
    return here(scan);
}

enum fletch_status fletch_json_scan_expect(struct fletch_json_scan *scan, char c,
                                           const char *expected)
{
    if (fletch_json_scan_peek(scan) != c)
        return fletch_json_scan_unexpected(scan, expected);
    scan->pos++;
    return FLETCH_OK;
}

/* ---- Strings ---- */

static int hex_value(char c)
{
    if (fletch_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind a "\u". */
static enum fletch_status read_hex(uint32_t *out, struct fletch_json_scan *scan)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(here(scan));

        if (value < 0)
            return fletch_json_scan_unexpected(scan, "four hexadecimal digits after \\u");
        *out = *out << 4 | (uint32_t)value;
        scan->pos++;
    }
    return FLETCH_OK;
}

/* The cursor is behind "\u". */
static enum fletch_status read_unicode(uint32_t *out, struct fletch_json_scan *scan)
{
    uint64_t at = fletch_json_scan_at(scan) - 2;
    uint32_t high, low = 0;

    TRY(read_hex(&high, scan));
    *out = high;
    if (high < 0xd800 || high > 0xdfff)
        return FLETCH_OK;
    if (high < 0xdc00 && here(scan) == '\\' && scan->pos + 1 < scan->size &&
        scan->text[scan->pos + 1] == 'u') {
        scan->pos += 2;
        TRY(read_hex(&low, scan));
    }
    if (low < 0xdc00 || low > 0xdfff)
        return fletch_json_scan_fail(
            scan, at, FLETCH_ERR_FORMAT,
            "found half of a surrogate pair, \\u%04" PRIx32 ", expected both halves", high);
    *out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return FLETCH_OK;
}

/* The cursor is behind a backslash. */
static enum fletch_status read_escape(uint32_t *out, struct fletch_json_scan *scan)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = here(scan);
    const char *found = c ? strchr(letters, c) : NULL;

    if (c == 'u') {
        scan->pos++;
        return read_unicode(out, scan);
    }
    if (!found)
        return fletch_json_scan_unexpected(scan, "an escape that JSON allows");
    scan->pos++;
    *out = (uint32_t)meant[found - letters];
    return FLETCH_OK;
}

/* Decodes from the cursor to the closing quote and skips that. Without `to` it only checks.
 * The result is never longer than the source. */
static enum fletch_status decode_string(char *to, size_t *len,
                                        struct fletch_json_scan *scan)
{
    *len = 0;
    while (here(scan) != '"') {
        unsigned char c = (unsigned char)here(scan);

        if (c == '\\') {
            uint8_t bytes[FLETCH_UTF8_MAX];
            uint32_t point = 0;
            size_t size;

            scan->pos++;
            TRY(read_escape(&point, scan));
            size = fletch_utf8_put(bytes, point);
            if (to)
                memcpy(to + *len, bytes, size);
            *len += size;
            continue;
        }
        if (c < 0x20)
            return fletch_json_scan_unexpected(
                scan, scan->pos < scan->size ? "control characters to be escaped"
                                             : "the end of a string");
        if (to)
            to[*len] = (char)c;
        ++*len;
        scan->pos++;
    }
    scan->pos++;
    return FLETCH_OK;
}

enum fletch_status fletch_json_scan_string(struct fletch_json_scan_text *out,
                                           struct fletch_json_scan *scan,
                                           const char *expected)
{
    size_t begin;
    char *to;

    TRY(fletch_json_scan_expect(scan, '"', expected));
    begin = scan->pos;
    out->at = fletch_json_scan_at(scan) - 1;
    TRY(decode_string(NULL, &out->len, scan));
    out->text = scan->text + begin;
    if (scan->pos - 1 - begin == out->len)
        return FLETCH_OK; /* as long decoded as written, so there was no escape */
    to = fletch_arena_alloc(scan->arena, out->len + 1);
    if (!to)
        return fletch_fail_memory(scan->err, out->len, "a name");
    scan->pos = begin;
    out->text = to;
    return decode_string(to, &out->len, scan);
}

bool fletch_json_scan_text_is(const struct fletch_json_scan_text *text, const char *word)
{
    return text->len == strlen(word) && !memcmp(text->text, word, text->len);
}

/* ---- Numbers ---- */

enum fletch_status fletch_json_scan_whole(uint64_t *out, struct fletch_json_scan *scan)
{
    static const char expected[] = "a plain whole number";
    uint64_t value = 0, at;
    char c = fletch_json_scan_peek(scan);

    if (!fletch_is_digit(c))
        return fletch_json_scan_unexpected(scan, expected);
    at = fletch_json_scan_at(scan);
    for (; fletch_is_digit(here(scan)); scan->pos++) {
        uint64_t digit = (uint64_t)(here(scan) - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                         "found a number beyond 64 bits, expected %s",
                                         expected);
        value = value * 10 + digit;
    }
    if (c == '0' && fletch_json_scan_at(scan) - at > 1)
        return fletch_json_scan_fail(scan, at, FLETCH_ERR_FORMAT,
                                     "found a leading zero, expected %s", expected);
    c = here(scan);
    if (c == '.' || c == 'e' || c == 'E')
        return fletch_json_scan_unexpected(scan, expected);
    *out = value;
    return FLETCH_OK;
}

static enum fletch_status skip_digits(struct fletch_json_scan *scan)
{
    if (!fletch_is_digit(here(scan)))
        return fletch_json_scan_unexpected(scan, "a digit");
    while (fletch_is_digit(here(scan)))
        scan->pos++;
    return FLETCH_OK;
}

static enum fletch_status skip_number(struct fletch_json_scan *scan)
{
    if (here(scan) == '-')
        scan->pos++;
    if (here(scan) == '0')
        scan->pos++;
    else
        TRY(skip_digits(scan));
    if (here(scan) == '.') {
        scan->pos++;
        TRY(skip_digits(scan));
    }
    if (here(scan) == 'e' || here(scan) == 'E') {
        scan->pos++;
        if (here(scan) == '+' || here(scan) == '-')
            scan->pos++;
        TRY(skip_digits(scan));
    }
    return FLETCH_OK;
}

/* ---- Any value ---- */

static enum fletch_status skip_scalar(struct fletch_json_scan *scan)
{
    static const char *const words[] = { "null", "true", "false" };
    struct fletch_json_scan_text text;
    char c = here(scan);

    if (c == '"') {
        scan->pos++;
        return decode_string(NULL, &text.len, scan);
    }
    if (c == '-' || fletch_is_digit(c))
        return skip_number(scan);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);

        if (scan->size - scan->pos >= len &&
            !memcmp(scan->text + scan->pos, words[i], len)) {
            scan->pos += len;
            return FLETCH_OK;
        }
    }
    return fletch_json_scan_unexpected(scan, "a value");
}

/* Moves to the next value inside what `open` opened; *more is false when it was closed. */
static enum fletch_status step(bool *more, struct fletch_json_scan *scan, char open,
                               bool first)
{
    struct fletch_json_scan_text key;

    return open == '{' ? fletch_json_scan_member(more, &key, scan, first)
                       : fletch_json_scan_element(more, scan, first);
}

enum fletch_status fletch_json_scan_skip(struct fletch_json_scan *scan, size_t depth)
{
    char open[FLETCH_JSON_SCAN_DEPTH_MAX];
    size_t outer = depth;
    bool first, more = true;

    do {
        char c = fletch_json_scan_peek(scan);

        first = c == '{' || c == '[';
        if (!first) {
            TRY(skip_scalar(scan));
        } else if (depth == FLETCH_JSON_SCAN_DEPTH_MAX) {
            return fletch_json_scan_fail(scan, fletch_json_scan_at(scan),
                                         FLETCH_ERR_UNSUPPORTED,
                                         "nested deeper than %d levels, the limit "
                                         "(FLETCH_JSON_SCAN_DEPTH_MAX)",
                                         FLETCH_JSON_SCAN_DEPTH_MAX);
        } else {
            open[depth++] = c;
            scan->pos++;
        }
        /* a container without a further value is closed, and then maybe its parent */
        for (more = false; depth > outer && !more; first = false) {
            TRY(step(&more, scan, open[depth - 1], first));
            depth -= !more;
        }
    } while (more);
    return FLETCH_OK;
}

/* ---- Walking ---- */

enum fletch_status fletch_json_scan_element(bool *more, struct fletch_json_scan *scan,
                                            bool first)
{
    *more = fletch_json_scan_peek(scan) != ']';
    if (!*more)
        scan->pos++;
    else if (!first)
        return fletch_json_scan_expect(scan, ',', "',' or ']'");
    return FLETCH_OK;
}

enum fletch_status fletch_json_scan_member(bool *more, struct fletch_json_scan_text *key,
                                           struct fletch_json_scan *scan, bool first)
{
    *more = fletch_json_scan_peek(scan) != '}';
    if (!*more) {
        scan->pos++;
        return FLETCH_OK;
    }
    if (!first)
        TRY(fletch_json_scan_expect(scan, ',', "',' or '}'"));
    TRY(fletch_json_scan_string(key, scan,
                                first ? "a name in quotes or '}'" : "a name in quotes"));
    return fletch_json_scan_expect(scan, ':', "':'");
}
