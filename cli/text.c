/* SPDX-License-Identifier: MIT */
/* text.c - see text.h */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fletch_text_release(struct fletch_text *text)
{
    free(text->bytes);
    *text = (struct fletch_text){ 0 };
}

void fletch_text_clear(struct fletch_text *text)
{
    text->size = 0;
    if (text->bytes)
        text->bytes[0] = '\0';
}

const char *fletch_text_string(const struct fletch_text *text)
{
    return text->bytes ? text->bytes : "";
}

/* Room for `size` more bytes and the NUL. */
static bool grow(struct fletch_text *text, size_t size)
{
    size_t cap = text->cap ? text->cap : 64;
    char *bytes;

    if (text->failed || size >= SIZE_MAX / 4 - text->size) {
        text->failed = true;
        return false;
    }
    if (text->size + size < text->cap)
        return true;
    while (cap <= text->size + size)
        cap *= 2;
    bytes = realloc(text->bytes, cap);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->cap = cap;
    return true;
}

void fletch_text_put(struct fletch_text *text, const char *bytes, size_t size)
{
    if (!grow(text, size))
        return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void fletch_text_add(struct fletch_text *text, const char *string)
{
    fletch_text_put(text, string, strlen(string));
}

void fletch_text_fill(struct fletch_text *text, char byte, size_t count)
{
    if (!grow(text, count))
        return;
    memset(text->bytes + text->size, byte, count);
    text->size += count;
    text->bytes[text->size] = '\0';
}

void fletch_text_addv(struct fletch_text *text, const char *format, va_list values)
{
    va_list again;
    int size;

    va_copy(again, values);
    size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0)
        text->failed = true;
    else if (grow(text, (size_t)size))
        text->size +=
            (size_t)vsnprintf(text->bytes + text->size, (size_t)size + 1, format, values);
}

void fletch_text_addf(struct fletch_text *text, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fletch_text_addv(text, format, values);
    va_end(values);
}

/* By its first byte; 0 for one that begins nothing. */
static size_t point_len(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0 || first >= 0xf8)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The length of the code point at `string`, or 0 where the bytes are no UTF-8. Overlong
 * forms, surrogates and values past U+10FFFF are not. */
static size_t decode(uint32_t *point, const char *string)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)string;
    size_t len = point_len(s[0]);
    uint32_t value;

    if (len == 0)
        return 0;
    value = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3fu);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *point = value;
    return len;
}

/* Marks that say nothing and change how the rest of a line is shown: its direction, or
 * where it ends. */
static bool is_sly(uint32_t point)
{
    return point == 0x61c || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void fletch_text_safe(struct fletch_text *text, const char *string)
{
    while (*string) {
        uint32_t point = 0;
        size_t len = decode(&point, string);

        /* C0, DEL and C1 are what terminals act upon. */
        if (len == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0) || is_sly(point)) {
            len = len ? len : 1;
            for (size_t i = 0; i < len; i++)
                fletch_text_addf(text, "\\x%02x", (unsigned)(unsigned char)string[i]);
        } else {
            fletch_text_put(text, string, len);
        }
        string += len;
    }
}

void fletch_text_json(struct fletch_text *text, const char *string)
{
    fletch_text_put(text, "\"", 1);
    while (*string) {
        uint32_t point = 0;
        size_t len = decode(&point, string);

        if (len == 0)
            fletch_text_add(text, "\\ufffd");
        else if (point == '"' || point == '\\')
            fletch_text_addf(text, "\\%c", (int)point);
        else if (point < 0x20 || (point >= 0x7f && point < 0xa0))
            fletch_text_addf(text, "\\u%04" PRIx32, point);
        else
            fletch_text_put(text, string, len);
        string += len ? len : 1;
    }
    fletch_text_put(text, "\"", 1);
}

void fletch_text_wrap(struct fletch_text *text, const char *string, unsigned indent,
                      unsigned width)
{
    size_t column = indent;
    bool fresh = true;

    while (*string) {
        size_t len = strcspn(string, " \n");

        if (!fresh && column + 1 + len > width) {
            fletch_text_add(text, "\n");
            fletch_text_fill(text, ' ', indent);
            column = indent;
        } else if (!fresh) {
            fletch_text_add(text, " ");
            column++;
        }
        fletch_text_put(text, string, len);
        column += len;
        fresh = false;
        string += len;
        if (*string == '\n') {
            fletch_text_add(text, "\n");
            fletch_text_fill(text, ' ', string[1] == '\n' ? 0 : indent);
            column = indent;
            fresh = true;
        }
        string += *string != '\0';
    }
}

void fletch_text_shape(struct fletch_text *text, const uint64_t *shape, unsigned rank)
{
    fletch_text_add(text, "[");
    for (unsigned i = 0; i < rank; i++)
        fletch_text_addf(text, i ? ",%" PRIu64 : "%" PRIu64, shape[i]);
    fletch_text_add(text, "]");
}

const char *fletch_text_dtype(const char *dtype)
{
    return strncmp(dtype, "torch.", 6) ? dtype : dtype + 6;
}

char *fletch_text_count(char out[FLETCH_NUMBER_CAP], uint64_t count)
{
    char digits[FLETCH_NUMBER_CAP];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* Three digits that count and a unit: "9.77", "97.7", "977"; more is a part of the next
 * unit, of which each has `step` of the one before. */
static char *three_digits(char out[FLETCH_NUMBER_CAP], uint64_t count, double step,
                          const char *const *units)
{
    double value = (double)count;
    size_t unit = 0;

    while (value >= 999.5) {
        value /= step;
        unit++;
    }
    snprintf(out, FLETCH_NUMBER_CAP, "%.*f%s",
             unit == 0 || value >= 99.95 ? 0 : (value < 9.995 ? 2 : 1), value, units[unit]);
    return out;
}

char *fletch_text_brief(char out[FLETCH_NUMBER_CAP], uint64_t count)
{
    static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };

    return three_digits(out, count, 1000, units);
}

char *fletch_text_size(char out[FLETCH_NUMBER_CAP], uint64_t size)
{
    static const char *const units[] = { " B",   " KiB", " MiB", " GiB",
                                         " TiB", " PiB", " EiB" };

    return three_digits(out, size, 1024, units);
}

char *fletch_text_clock(char out[FLETCH_NUMBER_CAP], double seconds)
{
    /* A hundred hours is as good as never. */
    unsigned all = seconds >= 359999 ? 359999 : seconds > 0 ? (unsigned)(seconds + 0.5) : 0;

    if (all < 3600)
        snprintf(out, FLETCH_NUMBER_CAP, "%u:%02u", all / 60, all % 60);
    else
        snprintf(out, FLETCH_NUMBER_CAP, "%u:%02u:%02u", all / 3600, all / 60 % 60,
                 all % 60);
    return out;
}

size_t fletch_text_columns(const char *string)
{
    size_t columns = 0;

    for (; *string; string++)
        columns += ((unsigned char)*string & 0xc0) != 0x80;
    return columns;
}

/* Longer words than these are no typing errors of ours. */
#define WORD_MAX 48

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many edits make one of the other: letters left out, added, changed, swapped (Damerau
 * and Levenshtein's distance, row by row). */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *oldest = before;

        before = above;
        above = row;
        row = oldest;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(above[j], row[j - 1]) + 1;
            row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[b_len];
}

void fletch_text_consider(struct fletch_nearest *nearest, const char *name)
{
    unsigned edits = distance(nearest->word, name);

    /* About one slip in three letters. */
    if (edits > (strlen(nearest->word) + 1) / 3)
        return;
    if (nearest->name && nearest->edits <= edits)
        return;
    nearest->name = name;
    nearest->edits = edits;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares the numbers at both, and goes past them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t a_len, b_len;
    int order;

    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    a_len = strspn(*a, "0123456789");
    b_len = strspn(*b, "0123456789");
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    order = memcmp(*a, *b, a_len);
    *a += a_len;
    *b += b_len;
    return order;
}

int fletch_text_compare(const char *a, const char *b)
{
    const char *a_start = a, *b_start = b;

    while (*a && *b) {
        if (digit(*a) && digit(*b)) {
            int order = compare_numbers(&a, &b);

            if (order)
                return order;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    if (*a || *b)
        return *a ? 1 : -1;
    return strcmp(a_start, b_start);
}

char *fletch_text_real(char out[FLETCH_NUMBER_CAP], double value)
{
    size_t len;

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, FLETCH_NUMBER_CAP, "%.*g", digits, value);
        if (strtod(out, NULL) >= value && strtod(out, NULL) <= value)
            break;
    }
    len = strlen(out);
    if (!strpbrk(out, ".en"))
        snprintf(out + len, FLETCH_NUMBER_CAP - len, ".0");
    return out;
}
