/* SPDX-License-Identifier: MIT */
/* notes.c - see notes.h
 *
 * The text is our own, so this reads no more JSON than it takes to walk along its members:
 * strings are shown as they are written there, ASCII with escapes.
 */
#include "notes.h"

#include "report.h"

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

static void add_counts(struct fletch_text *line, const char *cast)
{
    static const struct {
        const char *key, *words;
    } counts[] = {
        { "rounded", "rounded" },
        { "flushed", "flushed to zero" },
        { "subnormal", "made subnormal" },
        { "overflowed", "made infinite" },
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
    fletch_text_addf(&line, "%.*s, from %.*s: %s", (int)row->key_len, row->key,
                     (int)dtype.value_len, dtype.value,
                     *exact.value == 't' ? "exact" : "not exact");
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
