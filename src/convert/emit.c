/* SPDX-License-Identifier: MIT */
/* emit.c - see emit.h */
#include "convert/emit.h"

#include <inttypes.h>

static void begin_line(struct fletch_emit *emit)
{
    fletch_buf_format(emit->buf, "%s\n%*s", emit->started ? "," : "", 2 * (int)emit->depth,
                      "");
    emit->started = true;
}

/* A value stands behind its key, or on its own line in an array, or is the whole text. */
static void begin_value(struct fletch_emit *emit)
{
    if (!emit->keyed && emit->depth)
        begin_line(emit);
    emit->keyed = false;
}

void fletch_emit_key(struct fletch_emit *emit, const char *key)
{
    begin_line(emit);
    fletch_json_put_string(emit->buf, key);
    fletch_buf_put_text(emit->buf, ": ");
    emit->keyed = true;
}

void fletch_emit_open(struct fletch_emit *emit, char bracket)
{
    begin_value(emit);
    fletch_buf_put(emit->buf, &bracket, 1);
    emit->depth++;
    emit->started = false;
}

void fletch_emit_close(struct fletch_emit *emit, char bracket)
{
    emit->depth--;
    if (emit->started)
        fletch_buf_format(emit->buf, "\n%*s", 2 * (int)emit->depth, "");
    fletch_buf_put(emit->buf, &bracket, 1);
    emit->started = true;
}

void fletch_emit_text(struct fletch_emit *emit, const char *text)
{
    begin_value(emit);
    if (text)
        fletch_json_put_string(emit->buf, text);
    else
        fletch_buf_put_text(emit->buf, "null");
}

void fletch_emit_count(struct fletch_emit *emit, uint64_t count)
{
    begin_value(emit);
    fletch_buf_format(emit->buf, "%" PRIu64, count);
}

void fletch_emit_real(struct fletch_emit *emit, double value)
{
    begin_value(emit);
    fletch_json_put_real(emit->buf, value);
}

void fletch_emit_bool(struct fletch_emit *emit, bool value)
{
    begin_value(emit);
    fletch_buf_put_text(emit->buf, value ? "true" : "false");
}

void fletch_emit_json(struct fletch_emit *emit, const json_t *value)
{
    begin_value(emit);
    if (value)
        fletch_json_put(emit->buf, value, emit->depth);
    else
        fletch_buf_put_text(emit->buf, "null");
}
