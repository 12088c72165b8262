/* SPDX-License-Identifier: MIT */
/* tokenizer_save.c - see tokenizer_save.h
 *
 * tokenizer.json is as large as its vocabulary, so no tree is made of it: one pass over the
 * text checks the brackets and strings, and finds where the value of the top-level
 * `truncation` stands, and of that its max_length. Everything else of the file stays as it
 * is, byte for byte.
 */
#include "convert/tokenizer_save.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Positions behind the padding index, where config.json says nothing: all classes that
 * count so have this default. */
#define PAD_TOKEN_OTHERWISE 1

/* What one pass over the text finds. */
struct scan {
    const char *text; /* [size] */
    size_t size, at;
    size_t first;      /* of the first key */
    size_t key;        /* of the quote that opens "truncation"; 0: there is none */
    size_t begin, end; /* of its value */
    bool has_model;
    size_t length, length_end; /* of its max_length's value, where that is a number; 0 */
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

/* A number or a word; which one does not matter here. */
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

/* The brackets that are open, the innermost last. */
struct nest {
    char open[FLETCH_JSON_DEPTH_MAX]; /* what closes each */
    size_t depth;
};

/* Steps over a bracket, or over a byte that is none. */
static enum fletch_status step(struct scan *scan, struct nest *nest,
                               struct fletch_error *err)
{
    char c = peek(scan);

    if (c == '{' || c == '[') {
        if (nest->depth == sizeof(nest->open))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "byte %zu: nested deeper than %d levels, the limit "
                               "(FLETCH_JSON_DEPTH_MAX)",
                               scan->at, FLETCH_JSON_DEPTH_MAX);
        nest->open[nest->depth++] = c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
        if (nest->open[nest->depth - 1] != c)
            return fail_at(scan, scan->at, c == '}' ? "']'" : "'}'", err);
        nest->depth--;
    }
    scan->at++;
    return FLETCH_OK;
}

/* The inside of an object or array, strings aside, needs no look: only its brackets count.
 */
static enum fletch_status skip_nested(struct scan *scan, struct fletch_error *err)
{
    struct nest nest = { .depth = 0 };

    do {
        if (scan->at >= scan->size)
            return fail_at(scan, scan->at, "a closing bracket", err);
        if (peek(scan) == '"')
            TRY(skip_string(scan, err));
        else
            TRY(step(scan, &nest, err));
    } while (nest.depth);
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

/* Where the number of the truncation's own max_length stands, if it is an object that has
 * one. A key that is there twice is not understood. */
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

/* How the file sets its entries: "\n" and the indentation in front of a key at `at`, or
 * nothing for a file on one line. */
static size_t margin_of(const struct scan *scan, size_t at)
{
    size_t begin = at;

    while (begin && strchr(" \t", scan->text[begin - 1]))
        begin--;
    return begin && scan->text[begin - 1] == '\n' ? at - begin + 1 : 0;
}

/* The value in the style of the file: as an entry with that margin. */
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

/* The text with its truncation set, as an entry in front when it had none. */
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

/* The text with another number for its truncation's max_length; nothing where it is that
 * number already. */
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

/* ---- The limit ---- */

/* Positions that a text may have, where they start behind the padding index; -1. */
static int64_t usable_positions(const struct fletch_model *model)
{
    int64_t positions =
        fletch_family_count(model->model_class, "max_position_embeddings", model->config);
    const json_t *token = json_object_get(model->config, "pad_token_id");
    int64_t pad = json_is_integer(token) ? json_integer_value(token) : PAD_TOKEN_OTHERWISE;

    if (!model->model_class->positions_after_pad || pad < 0 || pad > positions - 2)
        return -1;
    return positions - pad - 1;
}

/* The smallest that is known (above 0), or 0. */
static int64_t smallest_known(const int64_t *limits, size_t count)
{
    int64_t smallest = 0;

    for (size_t i = 0; i < count; i++)
        if (limits[i] > 0 && (!smallest || limits[i] < smallest))
            smallest = limits[i];
    return smallest;
}

struct fletch_tokenizer_cut fletch_tokenizer_cut(const struct fletch_model *model)
{
    int64_t length = fletch_model_max_seq_length(model);
    int64_t limits[] = { usable_positions(model), length,
                         fletch_model_tokenizer_limit(model) };
    struct fletch_tokenizer_cut cut = { .limit = smallest_known(limits, 3) };

    /* the pipeline gives its own length to the tokenizer, over whatever that says */
    if (model->family->metadata_kind == FLETCH_METADATA_SENTENCE && length > 0)
        cut.pipeline = smallest_known(limits, 2);
    return cut;
}

/* ---- The files ---- */

/* The model's own tokenizer.json; NULL where it has none. */
static enum fletch_status find_own(const char **out, const struct fletch_model *model,
                                   struct fletch_arena *arena, struct fletch_error *err)
{
    char *path = fletch_path_join(arena, model->encoder_folder, "tokenizer.json");

    if (!path)
        return fletch_fail_memory(err, strlen(model->encoder_folder), "a path");
    *out = fletch_file_kind(path) != FLETCH_FILE_NONE ? path : NULL;
    return FLETCH_OK;
}

static enum fletch_status save(const struct fletch_buf *text, const char *folder,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    char *inside = fletch_path_join(arena, folder, "tokenizer");
    char *path = inside ? fletch_path_join(arena, inside, "tokenizer.json") : NULL;

    if (!path)
        return fletch_fail_memory(err, 0, "a path");
    if (mkdir(inside, 0777) && errno != EEXIST)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", inside, fletch_errno_text(errno));
    return fletch_file_save(path, text->bytes, text->size, err);
}

/* Edits where needed, and saves; zeroes *origin where it could not be used. */
static enum fletch_status write_text(struct fletch_tokenizer_origin *origin,
                                     struct fletch_tokenizer_warnings *warnings,
                                     const struct fletch_model *model,
                                     const struct fletch_buf *text, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_buf edited = { 0 };
    struct fletch_tokenizer_cut cut = fletch_tokenizer_cut(model);
    bool null = false, useless = false;
    enum fletch_status status = fletch_tokenizer_edit(
        &edited, &null, (const char *)text->bytes, text->size, &cut, err);

    if (!status)
        status = fletch_tokenizer_check_ids(warnings, &useless, text, origin->copied, model,
                                            err);
    if (useless)
        *origin = (struct fletch_tokenizer_origin){ .copied = false };
    /* without layers it is a table of words, which takes texts of any length */
    else if (!status && null && !cut.limit &&
             (!model->model_class->patterns || model->model_class->layers))
        fletch_tokenizer_warn(
            warnings,
            "tokenizer.json does not truncate, and nothing says how long a text may "
            "be: longer ones than the model can take will break loaders");
    if (!status && !useless && folder)
        status = save(edited.size ? &edited : text, folder, arena, err);
    fletch_buf_release(&edited);
    return status;
}

static struct fletch_tokenizer_source source_of(const struct fletch_model *model)
{
    return (struct fletch_tokenizer_source){ .folder = model->encoder_folder,
                                             .config = model->config,
                                             .tokenizer_config = model->tokenizer_config };
}

/* The model's own, unless it does not give the model's ids. */
static enum fletch_status copy(struct fletch_tokenizer_origin *origin,
                               struct fletch_tokenizer_warnings *warnings,
                               const struct fletch_model *model, const char *from,
                               const char *folder, struct fletch_arena *arena,
                               struct fletch_error *err)
{
    struct fletch_tokenizer_source source = source_of(model);
    struct fletch_buf text = { 0 };
    struct fletch_error why;
    enum fletch_status status;

    if (fletch_tokenizer_check(&source, &why)) {
        fletch_tokenizer_warn(warnings,
                              "no tokenizer is written, not even tokenizer.json: %.440s",
                              why.message);
        return FLETCH_OK;
    }
    status =
        fletch_file_load(&text, from, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX", err);
    origin->copied = true;
    if (!status) {
        status = write_text(origin, warnings, model, &text, folder, arena, err);
        if (status == FLETCH_ERR_FORMAT || status == FLETCH_ERR_UNSUPPORTED)
            fletch_error_prefix(err, "%s", from);
    }
    fletch_buf_release(&text);
    return status;
}

/* What was made is written. */
static enum fletch_status write_made(struct fletch_tokenizer_origin *origin,
                                     struct fletch_tokenizer_warnings *warnings,
                                     const struct fletch_model *model,
                                     const struct fletch_buf *text, const char *folder,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    const struct fletch_tokenizer_files *from = &origin->from;

    origin->made = true;
    TRY(write_text(origin, warnings, model, text, folder, arena, err));
    if (!origin->made)
        return FLETCH_OK;
    fletch_tokenizer_warn_moved(warnings, from->moves_file, &from->moves);
    if (from->byte_fallback)
        fletch_tokenizer_warn(warnings,
                              "%s spells unknown characters in bytes, which the "
                              "tokenizer.json made from it does not: they become the "
                              "unknown token",
                              from->files[0]);
    return FLETCH_OK;
}

/* Made from what there is. That this is not enough, or damaged, is the tokenizer's affair:
 * the weights are none the worse for it. */
static enum fletch_status make(struct fletch_tokenizer_origin *origin,
                               struct fletch_tokenizer_warnings *warnings,
                               const struct fletch_model *model, const char *folder,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_tokenizer_source source = source_of(model);
    struct fletch_buf text = { 0 };
    struct fletch_error why = { 0 };
    enum fletch_status status = fletch_tokenizer_build(&text, &origin->from, &source, &why);

    if (status == FLETCH_ERR_MEMORY || status == FLETCH_ERR_IO) {
        if (err)
            *err = why;
    } else if (status) {
        fletch_tokenizer_warn(
            warnings,
            "the checkpoint has no tokenizer.json: no tokenizer is written: %.440s",
            why.message);
        status = FLETCH_OK;
    } else {
        status = write_made(origin, warnings, model, &text, folder, arena, err);
    }
    fletch_buf_release(&text);
    return status;
}

enum fletch_status fletch_tokenizer_write(struct fletch_tokenizer_origin *origin,
                                          struct fletch_tokenizer_warnings *warnings,
                                          const struct fletch_model *model,
                                          const char *folder, struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tokenizer_origin found = { .copied = false };
    const char *from = NULL;
    enum fletch_status status = find_own(&from, model, &arena, err);

    warnings->count = 0;
    if (!status && from)
        status = copy(&found, warnings, model, from, folder, &arena, err);
    else if (!status)
        status = make(&found, warnings, model, folder, &arena, err);
    if (!status)
        *origin = found;
    fletch_arena_release(&arena);
    return status;
}

enum fletch_status fletch_tokenizer_truncation(json_t **out,
                                               const struct fletch_model *model,
                                               struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    struct fletch_buf text = { 0 };
    const char *from = NULL;
    json_t *value = NULL;
    struct scan scan;
    enum fletch_status status = find_own(&from, model, &arena, err);

    if (!status && from)
        status = fletch_file_load(&text, from, FLETCH_JSON_SIZE_MAX, "FLETCH_JSON_SIZE_MAX",
                                  err);
    scan = (struct scan){ .text = (const char *)text.bytes, .size = text.size };
    if (!status && from) {
        status = scan_all(&scan, err);
        if (!status && scan.key && scan.text[scan.begin] == '{')
            status = fletch_json_parse(&value, scan.text + scan.begin,
                                       scan.end - scan.begin, false, err);
        if (status)
            fletch_error_prefix(err, "%s", from);
    }
    if (!status)
        *out = value ? value : json_null();
    fletch_buf_release(&text);
    fletch_arena_release(&arena);
    return status;
}
