/* SPDX-License-Identifier: MIT */
/* buf.h - growable bytes with a sticky error: write freely, check once
 *
 * A zeroed buffer is empty and ready. After a failed allocation `failed` stays set, further
 * puts are dropped and `size` stops growing, so the writer checks only once, at the end.
 */
#ifndef FLETCH_BASE_BUF_H
#define FLETCH_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fletch_buf {
    uint8_t *bytes; /* [cap], of which `size` are in use */
    size_t size;
    size_t cap;
    bool failed;
};

void fletch_buf_put(struct fletch_buf *buf, const void *bytes, size_t size);
void fletch_buf_put_u8(struct fletch_buf *buf, uint8_t value);
void fletch_buf_put_u32(struct fletch_buf *buf, uint32_t value); /* little-endian */
void fletch_buf_put_text(struct fletch_buf *buf, const char *text);
void fletch_buf_format(struct fletch_buf *buf, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* Makes room for `size` more bytes at bytes + buf->size; false when out of memory. */
bool fletch_buf_reserve(struct fletch_buf *buf, size_t size);
/* Empties it and keeps the memory. Clears `failed`. */
void fletch_buf_clear(struct fletch_buf *buf);
void fletch_buf_release(struct fletch_buf *buf);

#endif
