/* SPDX-License-Identifier: MIT */
/* truncation.c - see truncation.h
 *
 * tokenizer.json is as large as its vocabulary, so no tree is built. One pass over the text
 * checks brackets and strings, and finds the value of the top-level `truncation` and its
 * max_length. The rest of the file stays unchanged, byte for byte.
 */
#include "tokenizer/truncation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What one pass over the text finds. */
struct scan {
    const char *text; /* [size] */
    size_t size, at;
    size_t first;      /* of the first key */
    size_t key;        /* of the quote that opens "truncation"; 0: none */
    size_t begin, end; /* of its value */
    bool has_model;
    size_t length, length_end; /* of its max_length's value, if that is a number; 0 */
};

static enum fletch_status fail_at(const struct scan *scan, size_t at, const char *expected,
                                  struct fletch_error *err)
{
    if (at >= scan->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %zu: the file ends, expected %s",
                           at, expected);
    return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %zu: found '%c', expected %s", at,
                       scan->text[at], expected);
}

static char peek(const struct scan *scan)
{
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

static char skip_space(struct scan *scan)
{
    while (scan->at < scan->size && strchr(" \t\r\n", scan->text[scan->at]) &&
           scan->text[scan->at])
        scan->at++;
    return peek(scan);
}

static enum fletch_status skip_string(struct scan *scan, struct fletch_error *err)
{
    if (peek(scan) != '"')
        return fail_at(scan, scan->at, "a string", err);
    for (scan->at++; scan->at < scan->size && scan->text[scan->at] != '"'; scan->at++)
        if (scan->text[scan->at] == '\\')
            scan->at++;
    if (scan->at >= scan->size)
        return fail_at(scan, scan->size, "the end of a string", err);
    scan->at++;
    return FLETCH_OK;
}

/* Skips a number or a word; which of them does not matter here. */
static enum fletch_status skip_plain(struct scan *scan, struct fletch_error *err)
{
    size_t begin = scan->at;

    while (scan->at < scan->size) {
        char c = scan->text[scan->at];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' ||
                     c == '+' || c == '-' || c == '.';

        if (!plain)
            break;
        scan->at++;
    }
    return scan->at > begin ? FLETCH_OK : fail_at(scan, begin, "a value", err);
}

/* The open brackets, the innermost last. */
struct nesting {
    char open[FLETCH_JSON_DEPTH_MAX]; /* the bracket that closes each */
    size_t depth;
};

/* Steps over a bracket or any other byte. */
static enum fletch_status step(struct scan *scan, struct nesting *nesting,
                               struct fletch_error *err)
{
    char c = peek(scan);

    if (c == '{' || c == '[') {
        if (nesting->depth == sizeof(nesting->open))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "byte %zu: nested deeper than %d levels, the limit "
                               "(FLETCH_JSON_DEPTH_MAX)",
                               scan->at, FLETCH_JSON_DEPTH_MAX);
        nesting->open[nesting->depth++] = c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
        if (nesting->open[nesting->depth - 1] != c)
            return fail_at(scan, scan->at, c == '}' ? "']'" : "'}'", err);
        nesting->depth--;
    }
    scan->at++;
    return FLETCH_OK;
}

/* Inside an object or array, apart from strings, only brackets matter.
 */
static enum fletch_status skip_nested(struct scan *scan, struct fletch_error *err)
{
    struct nesting nesting = { .depth = 0 };

    do {
        if (scan->at >= scan->size)
            return fail_at(scan, scan->at, "a closing bracket", err);
        if (peek(scan) == '"')
            TRY(skip_string(scan, err));
        else
            TRY(step(scan, &nesting, err));
    } while (nesting.depth);
    return FLETCH_OK;
}

static enum fletch_status skip_value(struct scan *scan, struct fletch_error *err)
{
    char c = skip_space(scan);

    if (c == '"')
        return skip_string(scan, err);
    if (c == '{' || c == '[')
        return skip_nested(scan, err);
    return skip_plain(scan, err);
}

/* One key and its value at the top. */
static enum fletch_status scan_entry(struct scan *scan, struct fletch_error *err)
{
    static const char name[] = "\"truncation\"", model[] = "\"model\"";
    size_t key = scan->at, len;

    TRY(skip_string(scan, err));
    len = scan->at - key;
    if (skip_space(scan) != ':')
        return fail_at(scan, scan->at, "':'", err);
    scan->at++;
    if (len == sizeof(model) - 1 && !memcmp(scan->text + key, model, len))
        scan->has_model = true;
    if (len != sizeof(name) - 1 || memcmp(scan->text + key, name, len) != 0)
        return skip_value(scan, err);
    if (scan->key)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %zu: the key \"truncation\" again, first at %zu", key,
                           scan->key);
    scan->key = key;
    skip_space(scan);
    scan->begin = scan->at;
    TRY(skip_value(scan, err));
    scan->end = scan->at;
    return FLETCH_OK;
}

static enum fletch_status scan_all(struct scan *scan, struct fletch_error *err)
{
    char c = skip_space(scan);

    if (c != '{')
        return fail_at(scan, scan->at, "'{'", err);
    scan->at++;
    c = skip_space(scan);
    scan->first = scan->at;
    while (c != '}') {
        TRY(scan_entry(scan, err));
        c = skip_space(scan);
        if (c != ',' && c != '}')
            return fail_at(scan, scan->at, "',' or '}'", err);
        if (c == '}')
            break;
        scan->at++;
        skip_space(scan);
    }
    scan->at++;
    skip_space(scan);
    if (scan->at < scan->size)
        return fail_at(scan, scan->at, "the end of the file", err);
    if (!scan->has_model)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "an object without \"model\", which every tokenizer has");
    return FLETCH_OK;
}

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len > 0;
}

/* Finds the number of the truncation's own max_length, if it is an object that has one.
 * Fails if a key occurs twice. */
static enum fletch_status scan_length(struct scan *scan, struct fletch_error *err)
{
    static const char name[] = "\"max_length\"";
    struct scan inside = { .text = scan->text, .size = scan->end, .at = scan->begin + 1 };
    char c = scan->text[scan->begin] == '{' ? skip_space(&inside) : '}';

    while (c != '}') {
        size_t key = inside.at, len;

        TRY(skip_string(&inside, err));
        len = inside.at - key;
        if (skip_space(&inside) != ':')
            return fail_at(&inside, inside.at, "':'", err);
        inside.at++;
        skip_space(&inside);
        key =
            len == sizeof(name) - 1 && !memcmp(scan->text + key, name, len) ? inside.at : 0;
        if (key && scan->length)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %zu: truncation has max_length twice", key);
        TRY(skip_value(&inside, err));
        if (key && all_digits(scan->text + key, inside.at - key)) {
            scan->length = key;
            scan->length_end = inside.at;
        }
        c = skip_space(&inside);
        if (c != ',' && c != '}')
            return fail_at(&inside, inside.at, "',' or '}'", err);
        if (c == '}')
            break;
        inside.at++;
        skip_space(&inside);
    }
    return FLETCH_OK;
}

static bool is_null(const struct scan *scan)
{
    return !scan->key || (scan->end - scan->begin == strlen("null") &&
                          !memcmp(scan->text + scan->begin, "null", strlen("null")));
}

/* ---- The edit ---- */

/* The file's layout of entries: "\n" and the indentation before a key at `at`, or nothing
 * for a file on one line. */
static size_t margin_of(const struct scan *scan, size_t at)
{
    size_t begin = at;

    while (begin && strchr(" \t", scan->text[begin - 1]))
        begin--;
    return begin && scan->text[begin - 1] == '\n' ? at - begin + 1 : 0;
}

/* Writes the value in the style of the file: as an entry with that margin. */
static void put_truncation(struct fletch_buf *out, const struct scan *scan, size_t at,
                           int64_t limit)
{
    size_t margin = margin_of(scan, at);
    const char *from = scan->text + at - margin;
    bool spaced = margin || (scan->key && scan->text[scan->begin - 1] == ' ');
    const char *colon = spaced ? ": " : ":", *comma = margin ? "," : spaced ? ", " : ",";
    char values[4][64];

    snprintf(values[0], sizeof(values[0]), "\"direction\"%s\"Right\"", colon);
    snprintf(values[1], sizeof(values[1]), "\"max_length\"%s%" PRId64, colon, limit);
    snprintf(values[2], sizeof(values[2]), "\"strategy\"%s\"LongestFirst\"", colon);
    snprintf(values[3], sizeof(values[3]), "\"stride\"%s0", colon);
    fletch_buf_put_text(out, "{");
    for (size_t i = 0; i < 4; i++) {
        fletch_buf_put_text(out, i ? comma : "");
        /* the margin is a newline and one level's indentation */
        fletch_buf_put(out, from, margin);
        if (margin)
            fletch_buf_put(out, from + 1, margin - 1);
        fletch_buf_put_text(out, values[i]);
    }
    fletch_buf_put(out, from, margin);
    fletch_buf_put_text(out, "}");
}

/* Writes the text with its truncation set, as a first entry if it had none. */
static void put_edited(struct fletch_buf *out, const struct scan *scan, int64_t limit)
{
    size_t margin = margin_of(scan, scan->first);
    const char *from = scan->text + scan->first - margin;

    if (scan->key) {
        fletch_buf_put(out, scan->text, scan->begin);
        put_truncation(out, scan, scan->key, limit);
        fletch_buf_put(out, scan->text + scan->end, scan->size - scan->end);
        return;
    }
    fletch_buf_put(out, scan->text, scan->first);
    fletch_buf_put_text(out, margin ? "\"truncation\": " : "\"truncation\":");
    put_truncation(out, scan, scan->first, limit);
    fletch_buf_put_text(out, ",");
    fletch_buf_put(out, from, margin);
    fletch_buf_put(out, scan->text + scan->first, scan->size - scan->first);
}

/* Writes the text with another max_length in its truncation; nothing if it has that number
 * already. */
static void put_length(struct fletch_buf *out, const struct scan *scan, int64_t length)
{
    char number[24];
    int len = snprintf(number, sizeof(number), "%" PRId64, length);

    if (scan->length_end - scan->length == (size_t)len &&
        !memcmp(scan->text + scan->length, number, (size_t)len))
        return;
    fletch_buf_put(out, scan->text, scan->length);
    fletch_buf_put(out, number, (size_t)len);
    fletch_buf_put(out, scan->text + scan->length_end, scan->size - scan->length_end);
}

enum fletch_status fletch_tokenizer_edit(struct fletch_buf *out, bool *null,
                                         const char *text, size_t size,
                                         const struct fletch_tokenizer_cut *cut,
                                         struct fletch_error *err)
{
    struct scan scan = { .text = text, .size = size };

    TRY(scan_all(&scan, err));
    *null = is_null(&scan);
    if (*null && cut->limit)
        put_edited(out, &scan, cut->limit);
    if (!*null && cut->pipeline)
        TRY(scan_length(&scan, err));
    if (scan.length)
        put_length(out, &scan, cut->pipeline);
    return out->failed ? fletch_fail_memory(err, size, "the tokenizer") : FLETCH_OK;
}

enum fletch_status fletch_tokenizer_read_truncation(json_t **out, const char *text,
                                                    size_t size, struct fletch_error *err)
{
    struct scan scan = { .text = text, .size = size };

    *out = NULL;
    TRY(scan_all(&scan, err));
    if (!scan.key || scan.text[scan.begin] != '{')
        return FLETCH_OK;
    return fletch_json_parse(out, scan.text + scan.begin, scan.end - scan.begin, false,
                             err);
}
