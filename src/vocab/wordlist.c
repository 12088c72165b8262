/* SPDX-License-Identifier: MIT */
/* wordlist.c - vocab.txt; vocab.json with its merges.txt
 *
 *   vocab.txt    a token a line, its id the line's number from 0
 *   vocab.json   {"token": id, ...}
 *   merges.txt   a line that is no merge, then LEFT RIGHT a line; what follows the last
 *                newline is none
 *
 * Lines end as Python reads text: with \n, \r\n or \r.
 */
#include "vocab/kinds.h"

#include "base/file.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

static enum fletch_status load_text(struct fletch_buf *out, const char *path,
                                    struct fletch_error *err)
{
    size_t valid;

    TRY(fletch_file_load(out, path, FLETCH_VOCAB_SIZE_MAX, "FLETCH_VOCAB_SIZE_MAX", err));
    valid = fletch_utf8_span(out->bytes, out->size);
    if (valid != out->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: byte %zu: found 0x%02x, expected UTF-8", path, valid,
                           out->bytes[valid]);
    return FLETCH_OK;
}

struct lines {
    const char *text;        /* [size] */
    size_t size, at, number; /* number: of the line read last, from 1 */
};

/* The next line without its end; *ended says whether it had one. False behind the last. */
static bool next_line(const char **line, size_t *len, bool *ended, struct lines *lines)
{
    size_t from = lines->at, to = from;

    if (from == lines->size)
        return false;
    while (to < lines->size && lines->text[to] != '\n' && lines->text[to] != '\r')
        to++;
    *line = lines->text + from;
    *len = to - from;
    *ended = to < lines->size;
    lines->at = to + *ended;
    if (*ended && lines->text[to] == '\r' && lines->at < lines->size &&
        lines->text[lines->at] == '\n')
        lines->at++;
    lines->number++;
    return true;
}

enum fletch_status fletch_read_lines(struct fletch_building *building,
                                     struct fletch_error *err)
{
    struct lines lines;
    const char *line;
    size_t len;
    bool ended;

    TRY(load_text(&building->vocabulary_text, building->vocabulary_path, err));
    lines = (struct lines){ .text = (const char *)building->vocabulary_text.bytes,
                            .size = building->vocabulary_text.size };
    while (next_line(&line, &len, &ended, &lines)) {
        enum fletch_status status =
            fletch_lexicon_add(&building->lexicon, line, len, 0, err);

        if (status) {
            fletch_error_prefix(err, "%s", building->vocabulary_path);
            return status;
        }
    }
    if (!building->lexicon.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: no tokens, expected one a line",
                           building->vocabulary_path);
    TRY(fletch_lexicon_seal(&building->lexicon, err));
    fletch_lexicon_drop_hidden(&building->lexicon);
    return FLETCH_OK;
}

/* ---- Tables of ids ---- */

static enum fletch_status read_ids(struct fletch_building *building,
                                   struct fletch_error *err)
{
    const char *path = building->vocabulary_path;
    json_t *json;

    TRY(fletch_json_load(&building->vocabulary_json, path, false, err));
    json = building->vocabulary_json;
    for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
        const json_t *value = json_object_iter_value(at);
        json_int_t id = json_integer_value(value);
        struct fletch_lexeme token = { .text = json_object_iter_key(at) };
        enum fletch_status status;

        if (!json_is_integer(value) || id < 0)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "%s: the id of '%s' is not a whole number from 0", path,
                               token.text);
        token.len = strlen(token.text);
        status = fletch_lexicon_put(&building->lexicon, (uint64_t)id, &token, err);
        if (status) {
            fletch_error_prefix(err, "%s", path);
            return status;
        }
    }
    if (!building->lexicon.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: no tokens, expected token: id",
                           path);
    return fletch_lexicon_seal(&building->lexicon, err);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* The two parts of a line; false when there are fewer or more. */
static bool split_merge(struct fletch_merge *out, const char *line, size_t len)
{
    const char *parts[2];
    size_t lens[2], count = 0;

    for (size_t i = 0; i < len;) {
        size_t from;

        if (is_space(line[i])) {
            i++;
            continue;
        }
        for (from = i; i < len && !is_space(line[i]);)
            i++;
        if (count == 2)
            return false;
        parts[count] = line + from;
        lens[count++] = i - from;
    }
    if (count < 2)
        return false;
    *out = (struct fletch_merge){
        .left = parts[0], .left_len = lens[0], .right = parts[1], .right_len = lens[1]
    };
    return true;
}

/* Both parts and what they make must be tokens. */
static enum fletch_status check_merge(const struct fletch_building *building,
                                      const struct fletch_merge *merge,
                                      struct fletch_buf *joined, struct fletch_error *err)
{
    struct fletch_lexeme parts[3] = { { .text = merge->left, .len = merge->left_len },
                                      { .text = merge->right, .len = merge->right_len } };

    fletch_buf_clear(joined);
    fletch_buf_put(joined, merge->left, merge->left_len);
    fletch_buf_put(joined, merge->right, merge->right_len);
    if (joined->failed)
        return fletch_fail_memory(err, merge->left_len + merge->right_len, "a merge");
    parts[2] =
        (struct fletch_lexeme){ .text = (const char *)joined->bytes, .len = joined->size };
    for (size_t i = 0; i < 3; i++) {
        uint32_t id;

        if (!fletch_lexicon_find(&id, &building->lexicon, parts[i].text, parts[i].len))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "'%.*s' is not in %s",
                               (int)parts[i].len, parts[i].text,
                               fletch_path_base(building->vocabulary_path));
    }
    return FLETCH_OK;
}

static size_t count_lines(const struct fletch_buf *text)
{
    struct lines lines = { .text = (const char *)text->bytes, .size = text->size };
    const char *line;
    size_t len;
    bool ended;

    while (next_line(&line, &len, &ended, &lines))
        ;
    return lines.number;
}

static enum fletch_status read_merge(struct fletch_building *building, const char *line,
                                     size_t len, struct fletch_buf *joined,
                                     struct fletch_error *err)
{
    struct fletch_merge *merge = &building->merges[building->merges_count];

    if (!split_merge(merge, line, len))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "'%.*s' is not two parts", (int)len,
                           line);
    TRY(check_merge(building, merge, joined, err));
    building->merges_count++;
    return FLETCH_OK;
}

/* Repeated merges stay: only the first of them ever matters. */
static enum fletch_status read_merges(struct fletch_building *building,
                                      struct fletch_error *err)
{
    struct fletch_buf joined = { 0 };
    struct lines lines;
    const char *line;
    size_t len, count;
    bool ended;
    enum fletch_status status = FLETCH_OK;

    TRY(load_text(&building->merges_text, building->merges_path, err));
    count = count_lines(&building->merges_text);
    building->merges = fletch_alloc_array(count + 1, sizeof(*building->merges));
    if (!building->merges)
        return fletch_fail_memory(err, count * sizeof(*building->merges), "the merges");
    lines = (struct lines){ .text = (const char *)building->merges_text.bytes,
                            .size = building->merges_text.size };
    while (!status && next_line(&line, &len, &ended, &lines))
        if (lines.number > 1 && ended)
            status = read_merge(building, line, len, &joined, err);
    if (status)
        fletch_error_prefix(err, "%s: line %zu", building->merges_path, lines.number);
    fletch_buf_release(&joined);
    return status;
}

enum fletch_status fletch_read_pairs(struct fletch_building *building,
                                     struct fletch_error *err)
{
    TRY(read_ids(building, err));
    return read_merges(building, err);
}
