/* SPDX-License-Identifier: MIT */
/* pretty.c - see pretty.h */
#include "tokenizer/pretty.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void begin_line(struct fletch_pretty *pretty)
{
    fletch_buf_format(pretty->buf, "%s\n%*s", pretty->started ? "," : "",
                      2 * (int)pretty->depth, "");
    pretty->started = true;
}

/* A value stands behind its key, or on its own line in an array, or is the whole text. */
static void begin_value(struct fletch_pretty *pretty)
{
    if (!pretty->keyed && pretty->depth)
        begin_line(pretty);
    pretty->keyed = false;
}

static void put_escaped(struct fletch_buf *buf, unsigned char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof(letters); i += 2)
        if (c == (unsigned char)letters[i]) {
            fletch_buf_put_u8(buf, '\\');
            fletch_buf_put_u8(buf, (uint8_t)letters[i + 1]);
            return;
        }
    fletch_buf_format(buf, "\\u%04x", c);
}

static void put_string(struct fletch_buf *buf, const char *text, size_t len)
{
    size_t from = 0;

    fletch_buf_put_u8(buf, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        fletch_buf_put(buf, text + from, i - from);
        put_escaped(buf, c);
        from = i + 1;
    }
    fletch_buf_put(buf, text + from, len - from);
    fletch_buf_put_u8(buf, '"');
}

void fletch_pretty_key_of(struct fletch_pretty *pretty, const char *key, size_t len)
{
    begin_line(pretty);
    put_string(pretty->buf, key, len);
    fletch_buf_put_text(pretty->buf, ": ");
    pretty->keyed = true;
}

void fletch_pretty_key(struct fletch_pretty *pretty, const char *key)
{
    fletch_pretty_key_of(pretty, key, strlen(key));
}

void fletch_pretty_open(struct fletch_pretty *pretty, char bracket)
{
    begin_value(pretty);
    fletch_buf_put(pretty->buf, &bracket, 1);
    pretty->depth++;
    pretty->started = false;
}

void fletch_pretty_close(struct fletch_pretty *pretty, char bracket)
{
    pretty->depth--;
    if (pretty->started)
        fletch_buf_format(pretty->buf, "\n%*s", 2 * (int)pretty->depth, "");
    fletch_buf_put(pretty->buf, &bracket, 1);
    pretty->started = true;
}

void fletch_pretty_null(struct fletch_pretty *pretty)
{
    begin_value(pretty);
    fletch_buf_put_text(pretty->buf, "null");
}

void fletch_pretty_text(struct fletch_pretty *pretty, const char *text, size_t len)
{
    begin_value(pretty);
    put_string(pretty->buf, text, len);
}

void fletch_pretty_bool(struct fletch_pretty *pretty, bool value)
{
    begin_value(pretty);
    fletch_buf_put_text(pretty->buf, value ? "true" : "false");
}

void fletch_pretty_count(struct fletch_pretty *pretty, uint64_t count)
{
    begin_value(pretty);
    fletch_buf_format(pretty->buf, "%" PRIu64, count);
}

/* Python's text of a number, but for the exponent: it has no zeros in front there, and
 * begins one power later. */
void fletch_pretty_real(struct fletch_pretty *pretty, double value)
{
    struct fletch_buf python = { 0 };
    const char *text, *mark;

    begin_value(pretty);
    fletch_json_put_real(&python, value);
    fletch_buf_put_u8(&python, 0);
    text = python.failed ? "" : (const char *)python.bytes;
    mark = strchr(text, 'e');
    if (mark && !strcmp(mark, "e-05")) {
        bool minus = *text == '-';

        text += minus;
        fletch_buf_format(pretty->buf, "%s0.0000%c", minus ? "-" : "", *text);
        if (text[1] == '.')
            fletch_buf_put(pretty->buf, text + 2, (size_t)(mark - text - 2));
    } else if (mark) {
        fletch_buf_put(pretty->buf, text, (size_t)(mark - text) + 2);
        fletch_buf_format(pretty->buf, "%ld", strtol(mark + 2, NULL, 10));
    } else {
        fletch_buf_put_text(pretty->buf, text);
    }
    pretty->buf->failed |= python.failed;
    fletch_buf_release(&python);
}

void fletch_pretty_base64(struct fletch_pretty *pretty, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/";

    begin_value(pretty);
    fletch_buf_put_u8(pretty->buf, '"');
    for (size_t i = 0; i < size; i += 3) {
        size_t rest = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 |
                         (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (rest > 2 ? bytes[i + 2] : 0);
        char four[4] = { digits[three >> 18], digits[three >> 12 & 63],
                         rest > 1 ? digits[three >> 6 & 63] : '=',
                         rest > 2 ? digits[three & 63] : '=' };

        fletch_buf_put(pretty->buf, four, sizeof(four));
    }
    fletch_buf_put_u8(pretty->buf, '"');
}

void fletch_pretty_pair(struct fletch_pretty *pretty, const char *key, const char *text)
{
    fletch_pretty_key(pretty, key);
    if (text)
        fletch_pretty_text(pretty, text, strlen(text));
    else
        fletch_pretty_null(pretty);
}

void fletch_pretty_flag(struct fletch_pretty *pretty, const char *key, bool value)
{
    fletch_pretty_key(pretty, key);
    fletch_pretty_bool(pretty, value);
}

void fletch_pretty_type(struct fletch_pretty *pretty, const char *type)
{
    fletch_pretty_open(pretty, '{');
    fletch_pretty_pair(pretty, "type", type);
}
