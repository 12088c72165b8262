/* SPDX-License-Identifier: MIT */
/* buf.c - see buf.h */
#include "base/buf.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fletch_buf_reserve(struct fletch_buf *buf, size_t size)
{
    size_t cap = buf->cap ? buf->cap : 256;
    uint8_t *bytes;

    if (buf->failed)
        return false;
    if (size <= buf->cap - buf->size)
        return true;
    if (size > SIZE_MAX / 2 - buf->size) {
        buf->failed = true;
        return false;
    }
    while (cap - buf->size < size)
        cap *= 2;
    bytes = fletch_resize(buf->bytes, cap, 1);
    if (!bytes) {
        buf->failed = true;
        return false;
    }
    buf->bytes = bytes;
    buf->cap = cap;
    return true;
}

void fletch_buf_put(struct fletch_buf *buf, const void *bytes, size_t size)
{
    if (!size || !fletch_buf_reserve(buf, size))
        return;
    memcpy(buf->bytes + buf->size, bytes, size);
    buf->size += size;
}

void fletch_buf_put_u8(struct fletch_buf *buf, uint8_t value)
{
    fletch_buf_put(buf, &value, 1);
}

void fletch_buf_put_u32(struct fletch_buf *buf, uint32_t value)
{
    uint8_t bytes[4];

    fletch_store_u32(bytes, value);
    fletch_buf_put(buf, bytes, sizeof(bytes));
}

void fletch_buf_put_text(struct fletch_buf *buf, const char *text)
{
    fletch_buf_put(buf, text, strlen(text));
}

void fletch_buf_format(struct fletch_buf *buf, const char *format, ...)
{
    va_list args, again;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && fletch_buf_reserve(buf, (size_t)len + 1)) {
        vsnprintf((char *)buf->bytes + buf->size, (size_t)len + 1, format, again);
        buf->size += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void fletch_buf_clear(struct fletch_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
}

void fletch_buf_release(struct fletch_buf *buf)
{
    fletch_free(buf->bytes);
    *buf = (struct fletch_buf){ 0 };
}
