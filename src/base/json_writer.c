/* SPDX-License-Identifier: MIT */
/* json_writer.c - see json_writer.h */
#include "base/json_writer.h"

#include <inttypes.h>

static void begin_line(struct fletch_json_writer *json)
{
    fletch_buf_format(json->buf, "%s\n%*s", json->started ? "," : "", 2 * (int)json->depth,
                      "");
    json->started = true;
}

/* A value stands behind its key, or on its own line in an array, or is the whole text. */
static void begin_value(struct fletch_json_writer *json)
{
    if (!json->keyed && json->depth)
        begin_line(json);
    json->keyed = false;
}

void fletch_json_write_key(struct fletch_json_writer *json, const char *key)
{
    begin_line(json);
    fletch_json_put_string(json->buf, key);
    fletch_buf_put_text(json->buf, ": ");
    json->keyed = true;
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

void fletch_json_write_text(struct fletch_json_writer *json, const char *text)
{
    begin_value(json);
    if (text)
        fletch_json_put_string(json->buf, text);
    else
        fletch_buf_put_text(json->buf, "null");
}

void fletch_json_write_count(struct fletch_json_writer *json, uint64_t count)
{
    begin_value(json);
    fletch_buf_format(json->buf, "%" PRIu64, count);
}

void fletch_json_write_real(struct fletch_json_writer *json, double value)
{
    begin_value(json);
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
