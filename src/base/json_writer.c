/* SPDX-License-Identifier: MIT */
/* json_writer.c - see json_writer.h */
#include "base/json_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- As serde_json writes ---- */

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

/* Like Python's text of a number, except the exponent: it has no leading zeros, and is used
 * one power later. */
static void put_real(struct fletch_buf *buf, double value)
{
    struct fletch_buf python = { 0 };
    const char *text, *mark;

    fletch_json_put_real(&python, value);
    fletch_buf_put_u8(&python, 0);
    text = python.failed ? "" : (const char *)python.bytes;
    mark = strchr(text, 'e');
    if (mark && !strcmp(mark, "e-05")) {
        bool minus = *text == '-';

        text += minus;
        fletch_buf_format(buf, "%s0.0000%c", minus ? "-" : "", *text);
        if (text[1] == '.')
            fletch_buf_put(buf, text + 2, (size_t)(mark - text - 2));
    } else if (mark) {
        fletch_buf_put(buf, text, (size_t)(mark - text) + 2);
        fletch_buf_format(buf, "%ld", strtol(mark + 2, NULL, 10));
    } else {
        fletch_buf_put_text(buf, text);
    }
    buf->failed |= python.failed;
    fletch_buf_release(&python);
}

/* ---- Both ---- */

static void put_text(struct fletch_json_writer *json, const char *text, size_t len)
{
    if (json->serde)
        put_string(json->buf, text, len);
    else
        fletch_json_put_string(json->buf, text);
}

static void begin_line(struct fletch_json_writer *json)
{
    fletch_buf_format(json->buf, "%s\n%*s", json->started ? "," : "", 2 * (int)json->depth,
                      "");
    json->started = true;
}

/* A value follows its key, or starts a line in an array, or is the whole text. */
static void begin_value(struct fletch_json_writer *json)
{
    if (!json->keyed && json->depth)
        begin_line(json);
    json->keyed = false;
}

void fletch_json_write_key_of(struct fletch_json_writer *json, const char *key, size_t len)
{
    begin_line(json);
    put_text(json, key, len);
    fletch_buf_put_text(json->buf, ": ");
    json->keyed = true;
}

void fletch_json_write_key(struct fletch_json_writer *json, const char *key)
{
    fletch_json_write_key_of(json, key, strlen(key));
}

void fletch_json_write_open(struct fletch_json_writer *json, char bracket)
{
    begin_value(json);
    fletch_buf_put(json->buf, &bracket, 1);
    json->depth++;
    json->started = false;
}

void fletch_json_write_close(struct fletch_json_writer *json, char bracket)
{
    json->depth--;
    if (json->started)
        fletch_buf_format(json->buf, "\n%*s", 2 * (int)json->depth, "");
    fletch_buf_put(json->buf, &bracket, 1);
    json->started = true;
}

void fletch_json_write_null(struct fletch_json_writer *json)
{
    begin_value(json);
    fletch_buf_put_text(json->buf, "null");
}

void fletch_json_write_text_of(struct fletch_json_writer *json, const char *text,
                               size_t len)
{
    begin_value(json);
    put_text(json, text, len);
}

void fletch_json_write_text(struct fletch_json_writer *json, const char *text)
{
    if (text)
        fletch_json_write_text_of(json, text, strlen(text));
    else
        fletch_json_write_null(json);
}

void fletch_json_write_count(struct fletch_json_writer *json, uint64_t count)
{
    begin_value(json);
    fletch_buf_format(json->buf, "%" PRIu64, count);
}

void fletch_json_write_real(struct fletch_json_writer *json, double value)
{
    begin_value(json);
    if (json->serde)
        put_real(json->buf, value);
    else
        fletch_json_put_real(json->buf, value);
}

void fletch_json_write_bool(struct fletch_json_writer *json, bool value)
{
    begin_value(json);
    fletch_buf_put_text(json->buf, value ? "true" : "false");
}

void fletch_json_write_json(struct fletch_json_writer *json, const json_t *value)
{
    begin_value(json);
    if (value)
        fletch_json_put(json->buf, value, json->depth);
    else
        fletch_buf_put_text(json->buf, "null");
}

void fletch_json_write_pair(struct fletch_json_writer *json, const char *key,
                            const char *text)
{
    fletch_json_write_key(json, key);
    fletch_json_write_text(json, text);
}

void fletch_json_write_flag(struct fletch_json_writer *json, const char *key, bool value)
{
    fletch_json_write_key(json, key);
    fletch_json_write_bool(json, value);
}
