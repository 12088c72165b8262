/* SPDX-License-Identifier: MIT */
/* tokenizer_ids.c - see tokenizer_ids.h
 *
 * One pass over the text finds three values: added_tokens, model and post_processor. The
 * added tokens are listed, then the vocabulary is walked. It may be long, so only its
 * count, its ids beyond the rows and those of added tokens are kept.
 */
#include "convert/tokenizer_ids.h"

#include "base/json_scan.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a token that a warning shows. */
#define TOKEN_SHOWN 40
/* No published file has more; if a file does, its ids are not checked. */
#define ADDED_MAX ((size_t)1 << 16)

/* ---- Words ---- */

void fletch_tokenizer_warn(struct fletch_tokenizer_warnings *warnings, const char *format,
                           ...)
{
    va_list args;

    if (warnings->count == FLETCH_TOKENIZER_WARNINGS_MAX)
        return;
    va_start(args, format);
    vsnprintf(warnings->texts[warnings->count++], sizeof(warnings->texts[0]), format, args);
    va_end(args);
}

void fletch_tokenizer_warn_moved(struct fletch_tokenizer_warnings *warnings,
                                 const char *file,
                                 const struct fletch_tokenizer_moves *moves)
{
    char list[320], more[32] = "";
    size_t used = 0;

    if (!moves->count)
        return;
    for (size_t i = 0; i < moves->count && i < FLETCH_TOKENIZER_MOVES_SHOWN; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used,
                                 "%s'%s' has the id %" PRIu64 " and becomes %" PRIu64,
                                 i ? ", " : "", moves->shown[i].text, moves->shown[i].said,
                                 moves->shown[i].is);
    if (moves->count > FLETCH_TOKENIZER_MOVES_SHOWN)
        snprintf(more, sizeof(more), " and %zu more",
                 moves->count - FLETCH_TOKENIZER_MOVES_SHOWN);
    fletch_tokenizer_warn(warnings,
                          "%s: %s%s: added tokens are numbered without gaps after the "
                          "vocabulary",
                          file, list, more);
}

/* ---- The rows ---- */

/* Suffixes of the names of word embeddings. */
static const char *const words[] = {
    "word_embeddings.weight", "tok_embeddings.weight", "word_embedding.weight",
    "embed_tokens.weight",    "shared.weight",         "wte.weight",
    "embed_in.weight",        "tokens_embed.weight",
};

/* Full names of static embeddings, which are the whole of their model. */
static const char *const whole_words[] = { "embedding.weight", "embeddings" };

static bool is_words(const struct fletch_tensor *tensor)
{
    size_t len = strlen(tensor->name);

    for (size_t i = 0; i < sizeof(whole_words) / sizeof(whole_words[0]); i++)
        if (tensor->rank == 2 && !strcmp(tensor->name, whole_words[i]))
            return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t end = strlen(words[i]);

        if (tensor->rank == 2 && len >= end &&
            !strcmp(tensor->name + len - end, words[i]) &&
            (len == end || tensor->name[len - end - 1] == '.'))
            return true;
    }
    return false;
}

/* How many tokens the model knows: the most rows of its word embeddings, or the number in
 * config.json; 0 when nothing tells. */
static uint64_t count_rows(const struct fletch_model *model, const char **says)
{
    const json_t *size = json_object_get(model->config, "vocab_size");
    uint64_t rows = 0;

    *says = "the word embeddings' rows are";
    for (size_t i = 0;
         model->components_count && i < model->components[0].checkpoint->tensors_count;
         i++) {
        const struct fletch_tensor *tensor = &model->components[0].checkpoint->tensors[i];

        if (is_words(tensor) && tensor->shape[0] > rows)
            rows = tensor->shape[0];
    }
    if (rows || !json_is_integer(size) || json_integer_value(size) <= 0)
        return rows;
    *says = "config.json says vocab_size";
    return (uint64_t)json_integer_value(size);
}

/* ---- What the text says ---- */

struct added {
    struct fletch_json_scan_text text;
    uint64_t said, is;
    bool known;   /* the vocabulary contains it: `is` is that id */
    size_t order; /* in the file */
};

struct search {
    const struct fletch_buf *text;
    struct fletch_arena arena;
    struct fletch_error *err;
    uint64_t rows;
    size_t added_at, model_at, ends_at; /* of the values; 0: none */
    struct added *added;                /* [added_count] */
    size_t added_count, added_cap;
    uint64_t tokens;                     /* of the vocabulary */
    struct fletch_json_scan_text lowest; /* among those beyond the rows */
    uint64_t lowest_id, highest_id;      /* the same; and of all */
    uint64_t beyond;                     /* how many have no row */
};

static struct fletch_json_scan scan_from(struct search *search, size_t at)
{
    return (struct fletch_json_scan){ .text = (const char *)search->text->bytes,
                                      .size = search->text->size,
                                      .pos = at,
                                      .arena = &search->arena,
                                      .err = search->err };
}

static void count_id(struct search *search, const struct fletch_json_scan_text *text,
                     uint64_t id)
{
    if (id > search->highest_id)
        search->highest_id = id;
    if (!search->rows || id < search->rows)
        return;
    if (!search->beyond++ || id < search->lowest_id) {
        search->lowest = *text;
        search->lowest_id = id;
    }
}

static enum fletch_status find_values(struct search *search)
{
    struct fletch_json_scan scan = scan_from(search, 0);
    struct fletch_json_scan_text key;
    bool more;

    TRY(fletch_json_scan_expect(&scan, '{', "'{'"));
    for (bool first = true;; first = false) {
        TRY(fletch_json_scan_member(&more, &key, &scan, first));
        if (!more)
            return FLETCH_OK;
        fletch_json_scan_peek(&scan);
        if (fletch_json_scan_text_is(&key, "added_tokens"))
            search->added_at = scan.pos;
        if (fletch_json_scan_text_is(&key, "model"))
            search->model_at = scan.pos;
        if (fletch_json_scan_text_is(&key, "post_processor"))
            search->ends_at = scan.pos;
        TRY(fletch_json_scan_skip(&scan, 1));
    }
}

/* ---- Added tokens ---- */

/* The cursor is before an object. */
static enum fletch_status read_added(struct added *out, struct fletch_json_scan *scan)
{
    struct fletch_json_scan_text key;
    bool more;

    TRY(fletch_json_scan_expect(scan, '{', "'{'"));
    for (bool first = true;; first = false) {
        TRY(fletch_json_scan_member(&more, &key, scan, first));
        if (!more)
            return FLETCH_OK;
        if (fletch_json_scan_text_is(&key, "id"))
            TRY(fletch_json_scan_whole(&out->said, scan));
        else if (fletch_json_scan_text_is(&key, "content"))
            TRY(fletch_json_scan_string(&out->text, scan, "a text"));
        else
            TRY(fletch_json_scan_skip(scan, 3));
    }
}

static enum fletch_status put_added(struct search *search, const struct added *added)
{
    if (search->added_count == ADDED_MAX)
        return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED, "too many added tokens");
    if (search->added_count == search->added_cap) {
        struct added *list = fletch_grow(search->added, &search->added_cap,
                                         search->added_count + 1, sizeof(*list));

        if (!list)
            return fletch_fail_memory(
                search->err, (search->added_count + 1) * sizeof(*list), "added tokens");
        search->added = list;
    }
    search->added[search->added_count] = *added;
    search->added[search->added_count].order = search->added_count;
    search->added_count++;
    return FLETCH_OK;
}

static enum fletch_status list_added(struct search *search)
{
    struct fletch_json_scan scan = scan_from(search, search->added_at);
    bool more;

    if (!search->added_at || fletch_json_scan_peek(&scan) != '[')
        return FLETCH_OK;
    scan.pos++;
    for (bool first = true;; first = false) {
        struct added added = { .said = 0 };

        TRY(fletch_json_scan_element(&more, &scan, first));
        if (!more)
            return FLETCH_OK;
        TRY(read_added(&added, &scan));
        if (added.text.len)
            TRY(put_added(search, &added));
    }
}

static int compare_texts(const struct fletch_json_scan_text *a,
                         const struct fletch_json_scan_text *b)
{
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_added(const void *left, const void *right)
{
    const struct added *a = left, *b = right;
    int order = compare_texts(&a->text, &b->text);

    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_orders(const void *left, const void *right)
{
    const struct added *a = left, *b = right;

    return (a->order > b->order) - (a->order < b->order);
}

/* Sorts them by text and drops repetitions. */
static void sort_added(struct search *search)
{
    size_t count = 0;

    if (search->added_count)
        qsort(search->added, search->added_count, sizeof(*search->added), compare_added);
    for (size_t i = 0; i < search->added_count; i++)
        if (!count ||
            compare_texts(&search->added[count - 1].text, &search->added[i].text) != 0)
            search->added[count++] = search->added[i];
    search->added_count = count;
}

/* ---- The vocabulary ---- */

static void put_token(struct search *search, const struct fletch_json_scan_text *text,
                      uint64_t id)
{
    size_t low = 0, high = search->added_count;

    search->tokens++;
    count_id(search, text, id);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_texts(&search->added[middle].text, text);

        if (!order) {
            search->added[middle].known = true;
            search->added[middle].is = id;
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
}

/* {"text": id, ...} */
static enum fletch_status walk_table(struct search *search, struct fletch_json_scan *scan)
{
    struct fletch_json_scan_text text;
    uint64_t id;
    bool more;

    scan->pos++;
    for (bool first = true;; first = false) {
        TRY(fletch_json_scan_member(&more, &text, scan, first));
        if (!more)
            return FLETCH_OK;
        TRY(fletch_json_scan_whole(&id, scan));
        put_token(search, &text, id);
    }
}

/* [["text", score], ...]: the position is the id. */
static enum fletch_status walk_list(struct search *search, struct fletch_json_scan *scan)
{
    struct fletch_json_scan_text text;
    bool more;

    scan->pos++;
    for (bool first = true;; first = false) {
        TRY(fletch_json_scan_element(&more, scan, first));
        if (!more)
            return FLETCH_OK;
        TRY(fletch_json_scan_expect(scan, '[', "a pair"));
        TRY(fletch_json_scan_string(&text, scan, "a text"));
        TRY(fletch_json_scan_expect(scan, ',', "','"));
        TRY(fletch_json_scan_skip(scan, 4));
        TRY(fletch_json_scan_expect(scan, ']', "']'"));
        put_token(search, &text, search->tokens);
    }
}

static enum fletch_status walk_vocabulary(struct search *search)
{
    struct fletch_json_scan scan = scan_from(search, search->model_at);
    struct fletch_json_scan_text key;
    bool more;

    TRY(fletch_json_scan_expect(&scan, '{', "'{'"));
    for (bool first = true;; first = false) {
        char c;

        TRY(fletch_json_scan_member(&more, &key, &scan, first));
        if (!more)
            return FLETCH_OK;
        c = fletch_json_scan_peek(&scan);
        if (!fletch_json_scan_text_is(&key, "vocab") || (c != '{' && c != '['))
            TRY(fletch_json_scan_skip(&scan, 2));
        else
            TRY(c == '{' ? walk_table(search, &scan) : walk_list(search, &scan));
    }
}

/* ---- Conclusions ---- */

/* Numbers them as the library does, in file order: after the vocabulary's count and the
 * highest id so far. */
static void number_added(struct search *search, struct fletch_tokenizer_moves *moves)
{
    uint64_t next = search->tokens;

    if (search->added_count)
        qsort(search->added, search->added_count, sizeof(*search->added), compare_orders);
    for (size_t i = 0; i < search->added_count; i++) {
        struct added *added = &search->added[i];

        if (!added->known) {
            added->is = next;
            count_id(search, &added->text, added->is);
        }
        if (added->is >= next)
            next = added->is + 1;
        if (added->is != added->said)
            fletch_tokenizer_move(moves, added->text.text, added->text.len, added->said,
                                  added->is);
    }
}

/* The first token of a processor without a row, as "'[SEP]', which has the id 90". */
static bool find_end(char *out, size_t size, const json_t *processor, uint64_t rows)
{
    const json_t *tokens = json_object_get(processor, "special_tokens"), *token, *part;
    static const char *const ends[] = { "cls", "sep" };
    void *at = json_object_iter((json_t *)(uintptr_t)tokens);
    size_t i;

    for (i = 0; i < 2; i++) {
        part = json_object_get(processor, ends[i]);
        token = json_array_get(part, 1);
        if (json_is_integer(token) && (uint64_t)json_integer_value(token) >= rows) {
            const char *text = json_string_value(json_array_get(part, 0));

            snprintf(out, size, "'%.40s', which every text gets, has the id %" PRId64,
                     text ? text : "", (int64_t)json_integer_value(token));
            return true;
        }
    }
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)tokens, at)) {
        const json_t *ids = json_object_get(json_object_iter_value(at), "ids");

        json_array_foreach(ids, i, token)
        {
            if (!json_is_integer(token) || (uint64_t)json_integer_value(token) < rows)
                continue;
            snprintf(out, size, "'%.40s', which every text gets, has the id %" PRId64,
                     json_object_iter_key(at), (int64_t)json_integer_value(token));
            return true;
        }
    }
    return false;
}

/* The same for all processors; a sequence contains some, but no further sequence. */
static bool find_ends(char *out, size_t size, struct search *search)
{
    struct fletch_json_scan scan = scan_from(search, search->ends_at);
    const json_t *part;
    json_t *processor = NULL;
    bool found = false;
    size_t i;

    if (!search->rows || !search->ends_at || fletch_json_scan_peek(&scan) != '{' ||
        fletch_json_scan_skip(&scan, 1) ||
        fletch_json_parse(&processor, scan.text + search->ends_at,
                          scan.pos - search->ends_at, false, search->err))
        return false;
    found = find_end(out, size, processor, search->rows);
    json_array_foreach(json_object_get(processor, "processors"), i, part)
    {
        found = found || find_end(out, size, part, search->rows);
    }
    json_decref(processor);
    return found;
}

static enum fletch_status read_all(struct search *search)
{
    if (fletch_utf8_span(search->text->bytes, search->text->size) != search->text->size)
        return FLETCH_ERR_FORMAT;
    TRY(find_values(search));
    TRY(list_added(search));
    sort_added(search);
    return search->model_at ? walk_vocabulary(search) : FLETCH_OK;
}

enum fletch_status fletch_tokenizer_check_ids(struct fletch_tokenizer_warnings *warnings,
                                              bool *useless, const struct fletch_buf *text,
                                              bool copied, const struct fletch_model *model,
                                              struct fletch_error *err)
{
    struct fletch_error ignored;
    struct search search = { .text = text, .err = &ignored };
    struct fletch_tokenizer_moves moves = { .count = 0 };
    const char *says;
    char end[120];
    enum fletch_status status;

    search.rows = count_rows(model, &says);
    status = read_all(&search);
    *useless = false;
    if (!status && search.tokens) {
        number_added(&search, &moves);
        *useless = find_ends(end, sizeof(end), &search);
        if (*useless)
            fletch_tokenizer_warn(warnings,
                                  "no tokenizer is written: %s, and %s %" PRIu64
                                  ": it is another model's",
                                  end, says, search.rows);
    }
    if (!status && !*useless && search.beyond)
        fletch_tokenizer_warn(
            warnings,
            "the tokenizer has ids up to %" PRIu64 ", and %s %" PRIu64 ": %" PRIu64
            " tokens such as '%.*s' have no row, and texts with them break loaders",
            search.highest_id, says, search.rows, search.beyond,
            (int)fletch_utf8_cut(search.lowest.text, search.lowest.len, TOKEN_SHOWN),
            search.lowest.text);
    if (!status && !*useless && copied)
        fletch_tokenizer_warn_moved(warnings, "tokenizer.json", &moves);
    fletch_free(search.added);
    fletch_arena_release(&search.arena);
    return status == FLETCH_ERR_MEMORY ? fletch_fail_memory(err, 0, "the tokenizer")
                                       : FLETCH_OK;
}
