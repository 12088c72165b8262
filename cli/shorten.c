/* SPDX-License-Identifier: MIT */
/* shorten.c - see shorten.h */
#include "shorten.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct part {
    const char *text; /* [len], in a name */
    size_t len, keep; /* bytes: all of them, and those that tell it from others */
};

struct parts {
    struct part *parts; /* [count] */
    size_t count, cap;
    const char
        *ellipsis; /* of one column, or of two where the terminal may know no UTF-8 */
    bool failed;   /* an allocation did */
};

/* A name as it is, and as it is shown. */
struct pair {
    const char *name, *shown;
};

/* As the C library would choose it, without taking over the rest of the locale. */
static bool terminal_has_utf8(void)
{
    static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        const char *charset = value ? strchr(value, '.') : NULL;

        if (value && *value)
            return charset &&
                   (!strcasecmp(charset, ".UTF-8") || !strcasecmp(charset, ".utf8"));
    }
    return false;
}

static void add_parts(struct parts *parts, const char *name)
{
    for (;;) {
        size_t len = strcspn(name, ".");

        if (parts->count == parts->cap) {
            size_t cap = parts->cap ? 2 * parts->cap : 256;
            struct part *grown = NULL;

            if (cap < SIZE_MAX / sizeof(*grown))
                grown = realloc(parts->parts, cap * sizeof(*grown));
            if (!grown) {
                parts->failed = true;
                return;
            }
            parts->parts = grown;
            parts->cap = cap;
        }
        parts->parts[parts->count++] = (struct part){ .text = name, .len = len };
        if (!name[len])
            return;
        name += len + 1;
    }
}

static int compare(const void *a, const void *b)
{
    const struct part *one = a, *other = b;
    size_t len = one->len < other->len ? one->len : other->len;
    int order = memcmp(one->text, other->text, len);

    return order ? order : (one->len > other->len) - (one->len < other->len);
}

/* How many bytes tell `part` from `other`; all of them where the other goes on. */
static size_t apart(const struct part *part, const struct part *other)
{
    size_t at = 0;

    while (at < part->len && at < other->len && part->text[at] == other->text[at])
        at++;
    at += at < part->len;
    while (at < part->len && ((unsigned char)part->text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* To be called when all names are known. */
static void find_shared(struct parts *parts)
{
    struct part *all = parts->parts;
    size_t count = 0;

    parts->ellipsis = terminal_has_utf8() ? "\xe2\x80\xa6" : "..";
    if (parts->count == 0)
        return;
    qsort(all, parts->count, sizeof(*all), compare);
    for (size_t i = 0; i < parts->count; i++)
        if (count == 0 || compare(&all[count - 1], &all[i]) != 0)
            all[count++] = all[i];
    parts->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t before = i > 0 ? apart(&all[i], &all[i - 1]) : 1;
        size_t behind = i + 1 < count ? apart(&all[i], &all[i + 1]) : 1;

        all[i].keep = before > behind ? before : behind;
    }
}

static void release(struct parts *parts)
{
    free(parts->parts);
    *parts = (struct parts){ 0 };
}

/* How many columns [len] bytes take. */
static size_t columns(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* Adds `name` with its parts, but for numbers, cut from the left until `excess` columns are
 * saved. Returns what is left of that. */
static size_t put_parts(struct fletch_text *text, const struct parts *parts,
                        const char *name, size_t excess)
{
    size_t dots = fletch_text_columns(parts->ellipsis);

    for (;;) {
        struct part part = { .text = name, .len = strcspn(name, ".") };
        const struct part *known =
            bsearch(&part, parts->parts, parts->count, sizeof(*parts->parts), compare);
        size_t keep = known ? known->keep : part.len;
        size_t rest = columns(name + keep, part.len - keep) + (name[part.len] == '.');
        bool cut = excess > 0 && rest > dots && strspn(name, "0123456789") < part.len;

        fletch_text_put(text, name, cut ? keep : part.len);
        if (cut) {
            fletch_text_add(text, parts->ellipsis);
            excess -= rest - dots < excess ? rest - dots : excess;
        }
        if (!name[part.len])
            return excess;
        if (!cut)
            fletch_text_add(text, ".");
        name += part.len + 1;
    }
}

/* Appends `name`, of the names whose parts are known. */
static void put_short(struct fletch_text *text, const struct parts *parts, const char *name,
                      size_t width)
{
    size_t all = fletch_text_columns(name), dots = fletch_text_columns(parts->ellipsis);
    size_t excess = all > width ? all - width : 0, head = width / 3, at = 0;
    struct fletch_text line = { 0 };

    excess = put_parts(&line, parts, name, excess);
    for (const char *byte = fletch_text_string(&line); *byte; byte++) {
        bool starts = ((unsigned char)*byte & 0xc0) != 0x80;

        /* Where that does not suffice, the middle goes. */
        at += starts;
        if (excess == 0 || at <= head || at > head + excess + dots)
            fletch_text_put(text, byte, 1);
        else if (starts && at == head + 1)
            fletch_text_add(text, parts->ellipsis);
    }
    text->failed |= line.failed;
    fletch_text_release(&line);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a, *other = b;
    int order = strcmp(one->shown, other->shown);

    return order ? order : strcmp(one->name, other->name);
}

/* Whether two names are shown as one; sorts them. */
static bool look_alike(struct pair *pairs, size_t count)
{
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(pairs[i - 1].shown, pairs[i].shown) &&
            strcmp(pairs[i - 1].name, pairs[i].name) != 0)
            return true;
    return false;
}

bool fletch_names_shorten(struct fletch_text *names, const char **cells, size_t rows,
                          size_t step, size_t width)
{
    struct pair *pairs = calloc(rows + 1, sizeof(*pairs));
    struct parts parts = { 0 };
    const char *shown;
    bool good;

    for (size_t i = 0; i < rows; i++)
        add_parts(&parts, cells[i * step]);
    find_shared(&parts);
    for (size_t i = 0; !parts.failed && i < rows; i++) {
        put_short(names, &parts, cells[i * step], width);
        fletch_text_put(names, "", 1);
    }
    good = pairs && !parts.failed && !names->failed;
    shown = fletch_text_string(names);
    for (size_t i = 0; good && i < rows; i++, shown += strlen(shown) + 1)
        pairs[i] = (struct pair){ cells[i * step], shown };
    good = good && !look_alike(pairs, rows);
    shown = fletch_text_string(names);
    for (size_t i = 0; good && i < rows; i++, shown += strlen(shown) + 1)
        cells[i * step] = shown;
    free(pairs);
    release(&parts);
    return good;
}
