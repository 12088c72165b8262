/* SPDX-License-Identifier: MIT */
/* pickle_scalars.c - opcodes of a pickle that make one value from their operand: numbers,
 * strings, bytes
 */
#include "torch/pickle_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers ---- */

static enum fletch_status push_whole(struct machine *m, int64_t whole)
{
    const struct fletch_pickle_value value = { .kind = FLETCH_PICKLE_INT, .whole = whole };

    return fletch_machine_push_new(m, &value);
}

static enum fletch_status push_text(struct machine *m, enum fletch_pickle_kind kind,
                                    const void *text, size_t len)
{
    const struct fletch_pickle_value value = { .kind = kind, .text = text, .len = len };

    return fletch_machine_push_new(m, &value);
}

static enum fletch_status op_binint(struct machine *m)
{
    uint64_t value;

    TRY(fletch_machine_operand(&value, m, 4));
    return push_whole(m, (int32_t)(uint32_t)value);
}

static enum fletch_status op_binint1(struct machine *m)
{
    uint64_t value;

    TRY(fletch_machine_operand(&value, m, 1));
    return push_whole(m, (int64_t)value);
}

static enum fletch_status op_binint2(struct machine *m)
{
    uint64_t value;

    TRY(fletch_machine_operand(&value, m, 2));
    return push_whole(m, (int64_t)value);
}

/* Little-endian, two's complement, of any length. */
static enum fletch_status push_long(struct machine *m, uint64_t size)
{
    const uint8_t *bytes;
    uint64_t value;

    TRY(fletch_machine_take(&bytes, m, size));
    if (size > 8)
        return push_text(m, FLETCH_PICKLE_LONG, bytes, (size_t)size);
    value = fletch_machine_load(bytes, (unsigned)size);
    if (size && size < 8 && bytes[size - 1] & 0x80)
        value |= UINT64_MAX << 8 * size;
    return push_whole(m, (int64_t)value);
}

static enum fletch_status op_long1(struct machine *m)
{
    uint64_t size;

    TRY(fletch_machine_operand(&size, m, 1));
    return push_long(m, size);
}

static enum fletch_status op_long4(struct machine *m)
{
    uint64_t size;

    TRY(fletch_machine_operand(&size, m, 4));
    if (size > INT32_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "a long of %" PRId32 " bytes",
                                   (int32_t)(uint32_t)size);
    return push_long(m, size);
}

/* A decimal line, with a trailing L if Python 2 wrote one. */
static enum fletch_status push_decimal(struct machine *m, const char *text, size_t len)
{
    char copy[24], *end;
    long long value;

    if (len && text[len - 1] == 'L')
        len--;
    if (len && len < sizeof(copy)) {
        memcpy(copy, text, len);
        copy[len] = 0;
        errno = 0;
        value = strtoll(copy, &end, 10);
        if (end != copy + len || (copy[0] != '-' && (copy[0] < '0' || copy[0] > '9')))
            return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                       "found '%s', expected a number", copy);
        if (!errno)
            return push_whole(m, value);
    }
    for (size_t i = 0; i < len; i++)
        if ((text[i] < '0' || text[i] > '9') && (i || text[i] != '-'))
            len = 0;
    if (!len)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "found no number on its line");
    return push_text(m, FLETCH_PICKLE_LONG, text, len);
}

static enum fletch_status op_int(struct machine *m)
{
    const char *line;
    size_t len;

    TRY(fletch_machine_line(&line, &len, m));
    if (len == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return fletch_machine_push(m, line[1] == '1' ? FLETCH_PICKLE_AT_TRUE
                                                     : FLETCH_PICKLE_AT_FALSE);
    return push_decimal(m, line, len);
}

static enum fletch_status op_long(struct machine *m)
{
    const char *line;
    size_t len;

    TRY(fletch_machine_line(&line, &len, m));
    return push_decimal(m, line, len);
}

static enum fletch_status push_real(struct machine *m, double real)
{
    const struct fletch_pickle_value value = { .kind = FLETCH_PICKLE_FLOAT, .real = real };

    return fletch_machine_push_new(m, &value);
}

static enum fletch_status op_float(struct machine *m)
{
    char copy[64], *end, *point;
    const char *line;
    size_t len;
    double real;

    TRY(fletch_machine_line(&line, &len, m));
    if (!len || len >= sizeof(copy))
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "a number of %zu characters", len);
    memcpy(copy, line, len);
    copy[len] = 0;
    point = strchr(copy, '.');
    if (point) /* strtod's point depends on the locale */
        *point = localeconv()->decimal_point[0];
    real = strtod(copy, &end);
    if (end != copy + len)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "found '%.*s', expected a number",
                                   (int)len, line);
    return push_real(m, real);
}

/* The only operand with its most significant byte first. */
static enum fletch_status op_binfloat(struct machine *m)
{
    const uint8_t *bytes;
    uint64_t bits = 0;
    double real;

    TRY(fletch_machine_take(&bytes, m, 8));
    for (unsigned i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&real, &bits, sizeof(real));
    return push_real(m, real);
}

static enum fletch_status op_none(struct machine *m)
{
    return fletch_machine_push(m, FLETCH_PICKLE_AT_NONE);
}

static enum fletch_status op_true(struct machine *m)
{
    return fletch_machine_push(m, FLETCH_PICKLE_AT_TRUE);
}

static enum fletch_status op_false(struct machine *m)
{
    return fletch_machine_push(m, FLETCH_PICKLE_AT_FALSE);
}

/* ---- Strings ---- */

static enum fletch_status sized_text(struct machine *m, enum fletch_pickle_kind kind,
                                     unsigned width)
{
    const uint8_t *bytes;
    uint64_t size;

    TRY(fletch_machine_operand(&size, m, width));
    TRY(fletch_machine_take(&bytes, m, size));
    return push_text(m, kind, bytes, (size_t)size);
}

static enum fletch_status op_text1(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_TEXT, 1);
}

static enum fletch_status op_text4(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_TEXT, 4);
}

static enum fletch_status op_text8(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_TEXT, 8);
}

static enum fletch_status op_bytes1(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_BYTES, 1);
}

static enum fletch_status op_bytes4(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_BYTES, 4);
}

static enum fletch_status op_bytes8(struct machine *m)
{
    return sized_text(m, FLETCH_PICKLE_BYTES, 8);
}

/* The hexadecimal digits of an escape; false when there are too few. */
static bool hex_digits(uint32_t *out, const char *text, size_t len, size_t count)
{
    *out = 0;
    if (len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *digits = "0123456789abcdef", *digit;

        digit = memchr(digits, text[i] | 0x20, 16);
        if (!digit)
            return false;
        *out = *out << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* How many digits follow the letter of an escape for a code point; 0: it is another escape.
 */
static size_t digits_behind(char letter, bool unicode)
{
    if (unicode)
        return letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    return letter == 'x' ? 2 : 0;
}

/* Decodes the escape after a backslash: *taken bytes, *out its code point; takes none when
 * Python keeps the escape as written. False for one that Python refuses. */
static bool unescape(size_t *taken, uint32_t *out, const char *text, size_t len,
                     bool unicode)
{
    static const char letters[] = "\\'\"ntr", meant[] = "\\'\"\n\t\r";
    const char *letter;
    size_t digits;

    *taken = 0;
    if (!len)
        return unicode;
    digits = digits_behind(text[0], unicode);
    if (digits) {
        *taken = 1 + digits;
        return hex_digits(out, text + 1, len - 1, digits) && *out <= 0x10ffff;
    }
    letter = unicode ? NULL : memchr(letters, text[0], sizeof(letters) - 1);
    if (letter) {
        *taken = 1;
        *out = (uint32_t)meant[letter - letters];
    }
    return true;
}

/* Pushes a line of protocol 0: its bytes are code points up to 255, escapes are decoded. */
static enum fletch_status push_line(struct machine *m, const char *line, size_t len,
                                    bool unicode)
{
    size_t cap, size = 0;
    uint8_t *text;

    cap = len * 2 + FLETCH_UTF8_MAX; /* an escape is at least half as long as its UTF-8 */
    text = fletch_arena_alloc(&m->out->arena, cap);
    if (!text)
        return fletch_fail_memory(m->err, cap, "a string");
    for (size_t i = 0; i < len; i++) {
        uint32_t point = (uint8_t)line[i];

        if (line[i] == '\\') {
            size_t taken;

            if (!unescape(&taken, &point, line + i + 1, len - i - 1, unicode))
                return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                           "found a broken escape at character %zu", i);
            i += taken;
            if (point >= 0xd800 && point < 0xe000)
                point = 0xfffd;
        }
        size += fletch_utf8_put(text + size, point);
    }
    return push_text(m, FLETCH_PICKLE_TEXT, text, size);
}

static enum fletch_status op_string(struct machine *m)
{
    const char *line;
    size_t len;

    TRY(fletch_machine_line(&line, &len, m));
    if (len < 2 || line[0] != line[len - 1] || (line[0] != '\'' && line[0] != '"'))
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "found a string without its quotes");
    return push_line(m, line + 1, len - 2, false);
}

static enum fletch_status op_unicode(struct machine *m)
{
    const char *line;
    size_t len;

    TRY(fletch_machine_line(&line, &len, m));
    return push_line(m, line, len, true);
}

const struct opcode fletch_pickle_scalars[256] = {
    [0x46] = { "FLOAT", op_float },
    [0x47] = { "BINFLOAT", op_binfloat },
    [0x49] = { "INT", op_int },
    [0x4a] = { "BININT", op_binint },
    [0x4b] = { "BININT1", op_binint1 },
    [0x4c] = { "LONG", op_long },
    [0x4d] = { "BININT2", op_binint2 },
    [0x4e] = { "NONE", op_none },
    [0x88] = { "NEWTRUE", op_true },
    [0x89] = { "NEWFALSE", op_false },
    [0x8a] = { "LONG1", op_long1 },
    [0x8b] = { "LONG4", op_long4 },
    [0x53] = { "STRING", op_string },
    [0x54] = { "BINSTRING", op_text4 },
    [0x55] = { "SHORT_BINSTRING", op_text1 },
    [0x56] = { "UNICODE", op_unicode },
    [0x58] = { "BINUNICODE", op_text4 },
    [0x8c] = { "SHORT_BINUNICODE", op_text1 },
    [0x8d] = { "BINUNICODE8", op_text8 },
    [0x42] = { "BINBYTES", op_bytes4 },
    [0x43] = { "SHORT_BINBYTES", op_bytes1 },
    [0x8e] = { "BINBYTES8", op_bytes8 },
    [0x96] = { "BYTEARRAY8", op_bytes8 },
};
