/* SPDX-License-Identifier: MIT */
/* notes.c - see notes.h
 *
 * The text is our own, so this reads no more JSON than it takes to walk along its members.
 */
#include "notes.h"

#include "report.h"

#include <stdlib.h>
#include <string.h>

/* One key of an object and its value, which ends where the text goes on. */
struct member {
    const char *key; /* [key_len], not terminated */
    size_t key_len;
    const char *value;
    size_t value_len;
};

static const char *past_space(const char *at)
{
    return at + strspn(at, " \n\r\t");
}

/* `at` is at the first quote. */
static const char *past_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

static const char *past_value(const char *at)
{
    unsigned depth = 0;

    do {
        at = past_space(at);
        if (*at == '"') {
            at = past_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            at += strcspn(at, " \n\r\t,:{}[]\"");
        }
    } while (depth && *at);
    return at;
}

/* `at` is behind an object's brace or behind the member before. False past the last. */
static bool next_member(struct member *out, const char **at)
{
    const char *key = past_space(*at);
    const char *end;

    if (*key == ',')
        key = past_space(key + 1);
    if (*key != '"')
        return false;
    end = past_string(key);
    out->key = key + 1;
    out->key_len = (size_t)(end - key) - 2;
    out->value = past_space(past_space(end) + 1);
    *at = past_value(out->value);
    out->value_len = (size_t)(*at - out->value);
    return true;
}

/* The member of that name; false where `object` has none. */
static bool find(struct member *out, const char *object, const char *key)
{
    const char *at = object + 1;

    while (*object == '{' && next_member(out, &at)) {
        if (out->key_len == strlen(key) && !strncmp(out->key, key, out->key_len))
            return true;
    }
    return false;
}

/* The number behind a \u. */
static unsigned long escaped(const char *at)
{
    char digits[] = { at[2], at[3], at[4], at[5], '\0' };

    return strtoul(digits, NULL, 16);
}

static void add_point(struct fletch_text *line, unsigned long point)
{
    static const struct {
        unsigned long below;
        unsigned char first;
    } lengths[] = { { 0x80, 0 }, { 0x800, 0xc0 }, { 0x10000, 0xe0 }, { 0x110000, 0xf0 } };
    size_t more = 0;
    char byte;

    while (more < 3 && point >= lengths[more].below)
        more++;
    byte = (char)(lengths[more].first | point >> 6 * more);
    fletch_text_put(line, &byte, 1);
    while (more-- > 0) {
        byte = (char)(0x80 | (point >> 6 * more & 0x3f));
        fletch_text_put(line, &byte, 1);
    }
}

/* A JSON string's content, [len], as UTF-8. */
static void add_string(struct fletch_text *line, const char *at, size_t len)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const char *end = at + len;

    while (at < end) {
        const char *letter = at[0] == '\\' ? strchr(letters, at[1]) : NULL;
        unsigned long point = at[0] == '\\' && at[1] == 'u' ? escaped(at) : 0;

        if (at[0] != '\\') {
            fletch_text_put(line, at++, 1);
        } else if (at[1] != 'u') {
            fletch_text_put(line, letter ? &controls[letter - letters] : at + 1, 1);
            at += 2;
        } else {
            at += 6;
            if (point >= 0xd800 && point < 0xdc00 && at < end) {
                point = 0x10000 + ((point & 0x3ff) << 10) + (escaped(at) & 0x3ff);
                at += 6;
            }
            add_point(line, point);
        }
    }
}

static void add_counts(struct fletch_text *line, const char *cast)
{
    static const struct {
        const char *key, *words;
    } counts[] = {
        { "rounded", "rounded" },
        { "flushed", "flushed to zero" },
        { "subnormal", "made subnormal" },
        { "overflowed", "overflowed" },
        { "nan", "NaN" },
        { "beyond_float16", "beyond float16" },
    };
    struct member count, error;

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        if (!find(&count, cast, counts[i].key) || *count.value == '0')
            continue;
        fletch_text_addf(line, ", %.*s %s", (int)count.value_len, count.value,
                         counts[i].words);
    }
    if (find(&count, cast, "absolute_error") && find(&error, cast, "relative_error"))
        fletch_text_addf(line, ", off by at most %.*s (relative %.*s)",
                         (int)count.value_len, count.value, (int)error.value_len,
                         error.value);
}

static void say_row(const struct member *row)
{
    struct fletch_text line = { 0 };
    struct member cast, exact, dtype;

    if (!find(&cast, row->value, "cast") || !find(&exact, cast.value, "exact") ||
        !find(&dtype, row->value, "source_dtype"))
        return;
    add_string(&line, row->key, row->key_len);
    fletch_text_add(&line, ", from ");
    add_string(&line, dtype.value + strlen("\"torch."),
               dtype.value_len - strlen("\"torch.\""));
    fletch_text_add(&line, *exact.value == 't' ? ": exact" : ": not exact");
    add_counts(&line, cast.value);
    fletch_say("%s", fletch_text_string(&line));
    fletch_text_release(&line);
}

void fletch_notes_say(const char *metadata)
{
    struct member account, rows, row;
    const char *at;

    if (!find(&account, past_space(metadata), "fletch") ||
        !find(&rows, account.value, "rows"))
        return;
    at = rows.value + 1;
    while (next_member(&row, &at))
        say_row(&row);
}
