/* SPDX-License-Identifier: MIT */
/* vocab_txt.c - vocab.txt; vocab.json with its merges.txt
 *
 *   vocab.txt    one token per line, its id the line's number from 0; trailing white space
 *                does not belong to it
 *   vocab.json   {"token": id, ...}
 *   merges.txt   LEFT RIGHT per line; lines that begin with #version are skipped
 *
 * Lines end with \n or \r\n. This is how the tokenizers library itself reads such files,
 * and so does transformers 5; transformers 4 read them in Python.
 */
#include "tokenizer/classes.h"

#include "base/file.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a token that a message shows. */
#define TOKEN_SHOWN 60

static enum fletch_status load_text(struct fletch_buf *out, const char *path,
                                    struct fletch_error *err)
{
    size_t valid;

    TRY(fletch_file_load(out, path, FLETCH_TOKENIZER_SIZE_MAX, "FLETCH_TOKENIZER_SIZE_MAX",
                         err));
    valid = fletch_utf8_span(out->bytes, out->size);
    if (valid != out->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: byte %zu: found 0x%02x, expected UTF-8", path, valid,
                           out->bytes[valid]);
    return FLETCH_OK;
}

struct lines {
    const char *text;        /* [size] */
    size_t size, at, number; /* number: of the last line read, from 1 */
};

/* The next line without its end. False past the last. */
static bool next_line(const char **line, size_t *len, struct lines *lines)
{
    const char *from = lines->text + lines->at, *end;
    size_t left = lines->size - lines->at;

    if (!left)
        return false;
    end = memchr(from, '\n', left);
    *line = from;
    *len = end ? (size_t)(end - from) : left;
    lines->at += *len + (end != NULL);
    if (end && *len && from[*len - 1] == '\r')
        --*len;
    lines->number++;
    return true;
}

/* Unicode's ranges of white space, first and last. */
static const uint32_t spaces[][2] = {
    { 0x0009, 0x000d }, { 0x0020, 0x0020 }, { 0x0085, 0x0085 }, { 0x00a0, 0x00a0 },
    { 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 }, { 0x202f, 0x202f },
    { 0x205f, 0x205f }, { 0x3000, 0x3000 },
};

/* The length of a text of valid UTF-8 without trailing white space. */
static size_t trimmed(const char *text, size_t len)
{
    while (len) {
        size_t at = len - 1;
        uint32_t point = 0;
        bool space = false;

        while (at && ((unsigned char)text[at] & 0xc0) == 0x80)
            at--;
        fletch_utf8_get(&point, text + at, len - at);
        for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
            space |= point >= spaces[i][0] && point <= spaces[i][1];
        if (!space)
            break;
        len = at;
    }
    return len;
}

/* ---- Words that are another kind's ---- */

/* How a kind marks its tokens, at the front or the end. */
struct mark {
    const char *text;
    bool behind;
};

static bool has_mark(const struct fletch_vocab_token *token, const struct mark *mark)
{
    size_t len = strlen(mark->text);

    return token->text && token->len > len &&
           !memcmp(token->text + (mark->behind ? token->len - len : 0), mark->text, len);
}

/* Tokens must be marked as the kind marks them, or not at all: if more have the other mark,
 * the kind's rules would find none of these in any text. */
static enum fletch_status check_marks(const struct fletch_tokenizer_builder *builder,
                                      const struct mark *own, const struct mark *other,
                                      const char *what, struct fletch_error *err)
{
    const struct fletch_vocab *vocab = &builder->vocab;
    const struct fletch_vocab_token *first = NULL;
    size_t owns = 0, others = 0;

    for (size_t i = 0; i < vocab->count; i++) {
        owns += has_mark(&vocab->tokens[i], own);
        if (!has_mark(&vocab->tokens[i], other))
            continue;
        first = first ? first : &vocab->tokens[i];
        others++;
    }
    if (others <= owns)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "%s: %zu tokens such as '%.*s' and only %zu with %s: %s",
                       builder->vocabulary_path, others,
                       (int)fletch_utf8_cut(first->text, first->len, TOKEN_SHOWN),
                       first->text, owns, own->text, what);
}

static enum fletch_status check_words(const struct fletch_tokenizer_builder *builder,
                                      struct fletch_error *err)
{
    static const struct mark own = { "##", false }, other = { "\xe2\x96\x81", false };

    return check_marks(builder, &own, &other,
                       "sentencepiece's pieces, which this kind of tokenizer never finds",
                       err);
}

static enum fletch_status check_pairs(const struct fletch_tokenizer_builder *builder,
                                      struct fletch_error *err)
{
    static const struct mark own = { "\xc4\xa0", false }, other = { "</w>", true };

    return check_marks(builder, &own, &other,
                       "pairs of characters, where this kind of tokenizer has pairs of "
                       "bytes",
                       err);
}

/* ---- vocab.txt ---- */

enum fletch_status fletch_read_vocab_txt(struct fletch_tokenizer_builder *builder,
                                         struct fletch_error *err)
{
    struct lines lines;
    const char *line;
    size_t len;

    TRY(load_text(&builder->vocabulary_text, builder->vocabulary_path, err));
    lines = (struct lines){ .text = (const char *)builder->vocabulary_text.bytes,
                            .size = builder->vocabulary_text.size };
    while (next_line(&line, &len, &lines)) {
        enum fletch_status status =
            fletch_vocab_add(&builder->vocab, line, trimmed(line, len), 0, err);

        if (status) {
            fletch_error_prefix(err, "%s", builder->vocabulary_path);
            return status;
        }
    }
    if (!builder->vocab.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: no tokens, expected one a line",
                           builder->vocabulary_path);
    TRY(fletch_vocab_seal(&builder->vocab, err));
    fletch_vocab_drop_hidden(&builder->vocab);
    return check_words(builder, err);
}

/* ---- Tables of ids ---- */

static enum fletch_status read_ids(struct fletch_tokenizer_builder *builder,
                                   struct fletch_error *err)
{
    const char *path = builder->vocabulary_path;
    json_t *json;

    TRY(fletch_json_load(&builder->vocabulary_json, path, false, err));
    json = builder->vocabulary_json;
    for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
        const json_t *value = json_object_iter_value(at);
        json_int_t id = json_integer_value(value);
        struct fletch_vocab_token token = { .text = json_object_iter_key(at) };
        enum fletch_status status;

        if (!json_is_integer(value) || id < 0)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "%s: the id of '%s' is not a whole number from 0", path,
                               token.text);
        token.len = strlen(token.text);
        status = fletch_vocab_put(&builder->vocab, (uint64_t)id, &token, err);
        if (status) {
            fletch_error_prefix(err, "%s", path);
            return status;
        }
    }
    if (!builder->vocab.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: no tokens, expected token: id",
                           path);
    return fletch_vocab_seal(&builder->vocab, err);
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

/* Both parts and their concatenation must be tokens. */
static enum fletch_status check_merge(const struct fletch_tokenizer_builder *builder,
                                      const struct fletch_merge *merge,
                                      struct fletch_buf *joined, struct fletch_error *err)
{
    struct fletch_vocab_token parts[3] = { { .text = merge->left, .len = merge->left_len },
                                           { .text = merge->right,
                                             .len = merge->right_len } };

    fletch_buf_clear(joined);
    fletch_buf_put(joined, merge->left, merge->left_len);
    fletch_buf_put(joined, merge->right, merge->right_len);
    if (joined->failed)
        return fletch_fail_memory(err, merge->left_len + merge->right_len, "a merge");
    parts[2] = (struct fletch_vocab_token){ .text = (const char *)joined->bytes,
                                            .len = joined->size };
    for (size_t i = 0; i < 3; i++) {
        uint32_t id;

        if (!fletch_vocab_find(&id, &builder->vocab, parts[i].text, parts[i].len))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "'%.*s' is not in %s",
                               (int)parts[i].len, parts[i].text,
                               fletch_path_base(builder->vocabulary_path));
    }
    return FLETCH_OK;
}

static size_t count_lines(const struct fletch_buf *text)
{
    struct lines lines = { .text = (const char *)text->bytes, .size = text->size };
    const char *line;
    size_t len;

    while (next_line(&line, &len, &lines))
        ;
    return lines.number;
}

static enum fletch_status read_merge(struct fletch_tokenizer_builder *builder,
                                     const char *line, size_t len,
                                     struct fletch_buf *joined, struct fletch_error *err)
{
    struct fletch_merge *merge = &builder->merges[builder->merges_count];

    if (!split_merge(merge, line, len))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "'%.*s' is not two parts", (int)len,
                           line);
    TRY(check_merge(builder, merge, joined, err));
    builder->merges_count++;
    return FLETCH_OK;
}

static bool is_version(const char *line, size_t len)
{
    static const char word[] = "#version";

    return len >= sizeof(word) - 1 && !memcmp(line, word, sizeof(word) - 1);
}

/* Repeated merges are kept: the library uses the last, in a tokenizer.json as in a
 * merges.txt. */
static enum fletch_status read_merges(struct fletch_tokenizer_builder *builder,
                                      struct fletch_error *err)
{
    struct fletch_buf joined = { 0 };
    struct lines lines;
    const char *line;
    size_t len, count;
    enum fletch_status status = FLETCH_OK;

    TRY(load_text(&builder->merges_text, builder->merges_path, err));
    count = count_lines(&builder->merges_text);
    builder->merges = fletch_alloc_array(count + 1, sizeof(*builder->merges));
    if (!builder->merges)
        return fletch_fail_memory(err, count * sizeof(*builder->merges), "the merges");
    lines = (struct lines){ .text = (const char *)builder->merges_text.bytes,
                            .size = builder->merges_text.size };
    while (!status && next_line(&line, &len, &lines))
        if (!is_version(line, len))
            status = read_merge(builder, line, len, &joined, err);
    if (status)
        fletch_error_prefix(err, "%s: line %zu", builder->merges_path, lines.number);
    fletch_buf_release(&joined);
    return status;
}

enum fletch_status fletch_read_vocab_merges(struct fletch_tokenizer_builder *builder,
                                            struct fletch_error *err)
{
    TRY(read_ids(builder, err));
    TRY(check_pairs(builder, err));
    return read_merges(builder, err);
}
