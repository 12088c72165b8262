/* SPDX-License-Identifier: MIT */
/* utf8.c - see utf8.h */
#include "base/utf8.h"

#include "base/bytes.h"

#define ASCII_MASK 0x8080808080808080u

static size_t sequence_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2)
        return 0; /* the middle of a sequence, or an overlong one */
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 3;
    return first < 0xf5 ? 4 : 0;
}

size_t fletch_utf8_get(uint32_t *out, const void *text, size_t size)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const uint8_t *p = text;
    size_t len = size ? sequence_size(p[0]) : 0;
    uint32_t point;

    if (!len || len > size)
        return 0;
    point = len == 1 ? p[0] : p[0] & 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        point = point << 6 | (p[i] & 0x3fu);
    }
    if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    *out = point;
    return len;
}

size_t fletch_utf8_put(uint8_t out[FLETCH_UTF8_MAX], uint32_t point)
{
    static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)(first[len] | point);
    return len;
}

size_t fletch_utf8_span(const void *text, size_t size)
{
    const uint8_t *p = text;
    size_t pos = 0;

    while (pos < size) {
        uint32_t point;
        size_t len;

        /* names and JSON are nearly all ASCII: eight bytes at a time */
        while (size - pos >= 8 && !(fletch_load_u64(p + pos) & ASCII_MASK))
            pos += 8;
        if (pos == size)
            break;
        len = fletch_utf8_get(&point, p + pos, size - pos);
        if (!len)
            break;
        pos += len;
    }
    return pos;
}

size_t fletch_utf8_cut(const char *text, size_t len, size_t most)
{
    if (len <= most)
        return len;
    while (most && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}
