/* SPDX-License-Identifier: MIT */
/* added_tokens.c - special and added tokens: their properties, and whether they have an id
 *
 * There are three sources, in this order: the vocabulary itself (pieces of type control or
 * user defined), the tokens that tokenizer_config.json lists by id (in older folders,
 * added_tokens.json), and the special tokens by name. The last statement about a token
 * counts, but a bare name states nothing about a token that already exists.
 */
#include "tokenizer/classes.h"

#include "base/file.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const special_keys[FLETCH_SPECIAL_COUNT] = {
    "bos_token", "eos_token", "unk_token",  "sep_token",
    "pad_token", "cls_token", "mask_token",
};

static bool flag_of(const json_t *object, const char *key, bool default_value)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : default_value;
}

bool fletch_builder_flag(const struct fletch_tokenizer_builder *builder, const char *key,
                         bool default_value)
{
    return flag_of(builder->source->tokenizer_config, key, default_value);
}

static bool has_text(const struct fletch_added_token *added_token, const char *text,
                     size_t len)
{
    return added_token->text && added_token->len == len &&
           !memcmp(added_token->text, text, len);
}

static struct fletch_added_token *find_added(const struct fletch_added_tokens *added_tokens,
                                             const char *text, size_t len)
{
    for (size_t i = 0; i < added_tokens->count; i++)
        if (has_text(&added_tokens->list[i], text, len))
            return &added_tokens->list[i];
    return NULL;
}

bool fletch_builder_find(uint32_t *id, const struct fletch_tokenizer_builder *builder,
                         const char *text, size_t len)
{
    const struct fletch_added_token *added_token =
        find_added(&builder->added_tokens, text, len);

    if (added_token)
        *id = added_token->id;
    return added_token || fletch_vocab_find(id, &builder->vocab, text, len);
}

/* The number of tokens in the vocabulary: the library counts every entry of a list of
 * pieces, but distinct texts in a table. */
static size_t vocabulary_size(const struct fletch_tokenizer_builder *builder)
{
    return builder->unigram ? builder->vocab.count : builder->vocab.known;
}

enum fletch_status fletch_added_tokens_add(struct fletch_tokenizer_builder *builder,
                                           const struct fletch_added_token *added_token,
                                           struct fletch_error *err)
{
    struct fletch_added_tokens *added_tokens = &builder->added_tokens;
    struct fletch_added_token *there =
        find_added(added_tokens, added_token->text, added_token->len);
    size_t next = vocabulary_size(builder);
    struct fletch_added_token added = *added_token;

    if (!added_token->len)
        return FLETCH_OK;
    if (there) {
        added.id = there->id;
        *there = added;
        return FLETCH_OK;
    }
    if (added_tokens->count == FLETCH_TOKENIZER_ADDED_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "more than %zu added tokens, the limit "
                           "(FLETCH_TOKENIZER_ADDED_MAX)",
                           FLETCH_TOKENIZER_ADDED_MAX);
    if (added_tokens->count == added_tokens->cap) {
        struct fletch_added_token *list = fletch_grow(
            added_tokens->list, &added_tokens->cap, added_tokens->count + 1, sizeof(*list));

        if (!list)
            return fletch_fail_memory(err, (added_tokens->count + 1) * sizeof(*list),
                                      "the added tokens");
        added_tokens->list = list;
    }
    next = added_tokens->above > next ? added_tokens->above : next;
    if (!fletch_vocab_find(&added.id, &builder->vocab, added_token->text,
                           added_token->len)) {
        if (next >= FLETCH_TOKENIZER_TOKENS_MAX)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "%zu tokens, the limit is %zu (FLETCH_TOKENIZER_TOKENS_MAX)",
                               next, FLETCH_TOKENIZER_TOKENS_MAX);
        added.id = (uint32_t)next;
    }
    if (added.id >= added_tokens->above)
        added_tokens->above = (size_t)added.id + 1;
    added_tokens->list[added_tokens->count++] = added;
    return FLETCH_OK;
}

/* ---- Tokens as JSON has them ---- */

/* "text" or {"content": "text", "lstrip": ...}. False for anything else. */
static bool read_token(struct fletch_added_token *out, const json_t *value)
{
    const json_t *content =
        json_is_object(value) ? json_object_get(value, "content") : value;

    if (!json_is_string(content))
        return false;
    *out = (struct fletch_added_token){ .text = json_string_value(content),
                                        .len = json_string_length(content),
                                        .bare = content == value };
    if (out->bare)
        return true;
    out->single_word = flag_of(value, "single_word", false);
    out->lstrip = flag_of(value, "lstrip", false);
    out->rstrip = flag_of(value, "rstrip", false);
    out->special = flag_of(value, "special", false);
    out->normalized = flag_of(value, "normalized", !out->special);
    return true;
}

/* Reads the special tokens that a file names. null removes a default, in the config
 * only. */
static enum fletch_status read_specials(struct fletch_tokenizer_builder *builder,
                                        const json_t *object, const char *file,
                                        struct fletch_error *err)
{
    for (size_t i = 0; i < FLETCH_SPECIAL_COUNT; i++) {
        const json_t *value = json_object_get(object, special_keys[i]);
        struct fletch_added_token *special = &builder->added_tokens.specials[i];

        if (!value)
            continue;
        if (json_is_null(value))
            *special = (struct fletch_added_token){ 0 };
        else if (!read_token(special, value))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "%s: %s is neither a text nor a token with content", file,
                               special_keys[i]);
        special->named = true;
    }
    return FLETCH_OK;
}

static void apply_flags(struct fletch_added_token *added_token,
                        enum fletch_token_flags flags)
{
    if (!added_token->bare || flags == FLETCH_TOKEN_NONE)
        return;
    added_token->bare = false;
    added_token->lstrip =
        flags == FLETCH_TOKEN_LSTRIP || flags == FLETCH_TOKEN_LSTRIP_NORMALIZED;
    added_token->normalized =
        flags == FLETCH_TOKEN_NORMALIZED || flags == FLETCH_TOKEN_LSTRIP_NORMALIZED;
}

/* ---- The lists of special tokens ---- */

/* Checks the size first, since each entry is compared with those already there. */
static enum fletch_status check_size(const json_t *tokens, const char *what,
                                     struct fletch_error *err)
{
    size_t size = json_object_size(tokens) + json_array_size(tokens); /* one of them is 0 */

    if (size > FLETCH_TOKENIZER_ADDED_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%s: %zu tokens, the limit is %zu (FLETCH_TOKENIZER_ADDED_MAX)",
                           what, size, FLETCH_TOKENIZER_ADDED_MAX);
    return FLETCH_OK;
}

static enum fletch_status check_sizes(const struct fletch_tokenizer_builder *builder,
                                      const json_t *numbered, bool decoder,
                                      struct fletch_error *err)
{
    const json_t *config = builder->source->tokenizer_config;

    TRY(check_size(numbered,
                   decoder ? "tokenizer_config.json: added_tokens_decoder"
                           : "added_tokens.json",
                   err));
    TRY(check_size(json_object_get(config, "additional_special_tokens"),
                   "tokenizer_config.json: additional_special_tokens", err));
    TRY(check_size(json_object_get(builder->map_json, "additional_special_tokens"),
                   "special_tokens_map.json: additional_special_tokens", err));
    return check_size(json_object_get(config, "extra_special_tokens"),
                      "tokenizer_config.json: extra_special_tokens", err);
}

static enum fletch_status put_listed(struct fletch_vocab *listed, const json_t *object,
                                     struct fletch_error *err)
{
    const json_t *list = json_object_get(object, "additional_special_tokens");
    struct fletch_added_token added_token;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_token(&added_token, json_array_get(list, i)))
            TRY(fletch_vocab_add(listed, added_token.text, added_token.len, 0, err));
    return FLETCH_OK;
}

/* Collects the texts that a list declares special; to be released, after a failure too. */
static enum fletch_status collect_listed(struct fletch_vocab *listed,
                                         const struct fletch_tokenizer_builder *builder,
                                         struct fletch_error *err)
{
    TRY(put_listed(listed, builder->source->tokenizer_config, err));
    TRY(put_listed(listed, builder->map_json, err));
    return fletch_vocab_seal(listed, err);
}

/* `named`: a file states it. */
static bool is_special(const struct fletch_tokenizer_builder *builder,
                       const struct fletch_vocab *listed, const char *text, size_t len,
                       bool named)
{
    uint32_t id;

    for (size_t i = 0; i < FLETCH_SPECIAL_COUNT; i++) {
        const struct fletch_added_token *special = &builder->added_tokens.specials[i];

        if (has_text(special, text, len) && (special->named || !named))
            return true;
    }
    return fletch_vocab_find(&id, listed, text, len);
}

/* ---- Tokens by id ---- */

struct numbered {
    long id;
    struct fletch_added_token added_token;
};

static int compare_numbers(const void *left, const void *right)
{
    const struct numbered *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

/* {"0": {"content": ...}}, as in tokenizer_config.json. */
static enum fletch_status read_decoder_entry(struct numbered *out, const char *key,
                                             const json_t *value, struct fletch_error *err)
{
    char *end;

    out->id = strtol(key, &end, 10);
    if (*end || end == key || out->id < 0 || !json_is_object(value) ||
        !read_token(&out->added_token, value))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tokenizer_config.json: added_tokens_decoder['%s'] is not a "
                           "token with content under a whole number",
                           key);
    return FLETCH_OK;
}

/* {"text": 0}, as in added_tokens.json. */
static enum fletch_status read_encoder_entry(struct numbered *out, const char *key,
                                             const json_t *value, bool special,
                                             struct fletch_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "added_tokens.json: the id of '%s' is not a whole number from 0",
                           key);
    out->id = (long)json_integer_value(value);
    out->added_token = (struct fletch_added_token){
        .text = key, .len = strlen(key), .special = special, .normalized = !special
    };
    return FLETCH_OK;
}

/* `list` has room for all of `object`. */
static enum fletch_status read_numbered(struct numbered *list, size_t *count,
                                        const struct fletch_tokenizer_builder *builder,
                                        const struct fletch_vocab *listed, json_t *object,
                                        bool decoder, struct fletch_error *err)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        struct numbered *out = &list[(*count)++];
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);

        if (decoder)
            TRY(read_decoder_entry(out, key, value, err));
        else
            TRY(read_encoder_entry(
                out, key, value, is_special(builder, listed, key, strlen(key), true), err));
    }
    qsort(list, *count, sizeof(*list), compare_numbers);
    return FLETCH_OK;
}

void fletch_tokenizer_move(struct fletch_tokenizer_moves *moves, const char *text,
                           size_t len, uint64_t said, uint64_t is)
{
    size_t i = moves->count++;

    if (i >= FLETCH_TOKENIZER_MOVES_SHOWN)
        return;
    len = fletch_utf8_cut(text, len, sizeof(moves->shown[i].text) - 1);
    memcpy(moves->shown[i].text, text, len);
    moves->shown[i].text[len] = '\0';
    moves->shown[i].said = said;
    moves->shown[i].is = is;
}

/* Adds one, and notes when the file states another id for it. */
static enum fletch_status add_one(struct fletch_tokenizer_builder *builder,
                                  const struct numbered *one, struct fletch_error *err)
{
    uint32_t id;

    TRY(fletch_added_tokens_add(builder, &one->added_token, err));
    if (fletch_builder_find(&id, builder, one->added_token.text, one->added_token.len) &&
        id != (uint64_t)one->id)
        fletch_tokenizer_move(&builder->origin->moves, one->added_token.text,
                              one->added_token.len, (uint64_t)one->id, id);
    return FLETCH_OK;
}

static enum fletch_status add_numbered(struct fletch_tokenizer_builder *builder,
                                       json_t *object, bool decoder,
                                       struct fletch_error *err)
{
    size_t count = 0, size = json_object_size(object);
    struct numbered *list = fletch_alloc_array(size + 1, sizeof(*list));
    struct fletch_vocab listed = { 0 };
    enum fletch_status status;

    if (!list)
        return fletch_fail_memory(err, size * sizeof(*list), "the added tokens");
    status = collect_listed(&listed, builder, err);
    if (!status)
        status = read_numbered(list, &count, builder, &listed, object, decoder, err);
    for (size_t i = 0; i < count && !status; i++) {
        struct fletch_added_token *added_token = &list[i].added_token;

        added_token->special |=
            is_special(builder, &listed, added_token->text, added_token->len, false);
        status = add_one(builder, &list[i], err);
    }
    builder->origin->moves_file = decoder ? "tokenizer_config.json" : "added_tokens.json";
    fletch_vocab_release(&listed);
    fletch_free(list);
    return status;
}

/* What the list by id states about a special token also applies to the name, if a file has
 * that name: a class's own default is left alone. */
static void adopt_listed(struct fletch_tokenizer_builder *builder, const json_t *decoder)
{
    const char *key;
    json_t *value, *walk = (json_t *)(uintptr_t)decoder; /* jansson iterates only non-const
                                                            objects */

    json_object_foreach(walk, key, value)
    {
        struct fletch_added_token listed;

        if (!read_token(&listed, value))
            continue;
        listed.named = true;
        for (size_t i = 0; i < FLETCH_SPECIAL_COUNT; i++) {
            struct fletch_added_token *special = &builder->added_tokens.specials[i];

            if (special->named && has_text(special, listed.text, listed.len))
                *special = listed;
        }
    }
}

/* ---- All of them ---- */

/* True if one of the first `count` names has that text. */
static bool is_said(const struct fletch_tokenizer_builder *builder, size_t count,
                    const struct fletch_added_token *added_token)
{
    for (size_t i = 0; i < count; i++)
        if (has_text(&builder->added_tokens.specials[i], added_token->text,
                     added_token->len))
            return true;
    return false;
}

/* If a text has several names, the first one counts. */
static enum fletch_status add_named(struct fletch_tokenizer_builder *builder,
                                    struct fletch_added_token *added_token,
                                    size_t names_before, struct fletch_error *err)
{
    if (!added_token->text || is_said(builder, names_before, added_token) ||
        (added_token->bare &&
         find_added(&builder->added_tokens, added_token->text, added_token->len)))
        return FLETCH_OK;
    added_token->special = true;
    return fletch_added_tokens_add(builder, added_token, err);
}

/* A list of texts or tokens, or an object with such values. */
static enum fletch_status add_list(struct fletch_tokenizer_builder *builder,
                                   const json_t *list, struct fletch_error *err)
{
    json_t *walk = (json_t *)(uintptr_t)list;
    struct fletch_added_token added_token;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_token(&added_token, json_array_get(list, i)))
            TRY(add_named(builder, &added_token, FLETCH_SPECIAL_COUNT, err));
    for (void *at = json_object_iter(walk); at; at = json_object_iter_next(walk, at))
        if (read_token(&added_token, json_object_iter_value(at)))
            TRY(add_named(builder, &added_token, FLETCH_SPECIAL_COUNT, err));
    return FLETCH_OK;
}

static enum fletch_status add_more(struct fletch_tokenizer_builder *builder,
                                   struct fletch_error *err)
{
    const json_t *config = builder->source->tokenizer_config;
    const json_t *list = json_object_get(config, "additional_special_tokens");
    const char *const *usual = builder->tokenizer_class->additional;

    TRY(add_list(builder, list, err));
    TRY(add_list(builder, json_object_get(builder->map_json, "additional_special_tokens"),
                 err));
    if (!list && !json_object_get(builder->map_json, "additional_special_tokens"))
        for (size_t i = 0; usual && usual[i]; i++) {
            struct fletch_added_token added_token = { .text = usual[i],
                                                      .len = strlen(usual[i]),
                                                      .bare = true };

            TRY(add_named(builder, &added_token, FLETCH_SPECIAL_COUNT, err));
        }
    return add_list(builder, json_object_get(config, "extra_special_tokens"), err);
}

/* Loads a file if it exists, and notes it. */
static enum fletch_status load_optional(json_t **out,
                                        struct fletch_tokenizer_builder *builder,
                                        const char *name, struct fletch_error *err)
{
    char *path = fletch_path_join(&builder->arena, builder->source->folder, name);

    if (!path)
        return fletch_fail_memory(err, strlen(name), "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_NONE)
        return FLETCH_OK;
    TRY(fletch_json_load(out, path, false, err));
    builder->origin->files[builder->origin->files_count++] = name;
    return FLETCH_OK;
}

enum fletch_status fletch_added_tokens_collect(struct fletch_tokenizer_builder *builder,
                                               struct fletch_error *err)
{
    const struct fletch_tokenizer_class *tokenizer_class = builder->tokenizer_class;
    const json_t *config = builder->source->tokenizer_config;
    json_t *decoder = json_object_get(config, "added_tokens_decoder"), *numbered;
    struct fletch_added_token *specials = builder->added_tokens.specials;

    for (size_t i = 0; i < FLETCH_SPECIAL_COUNT; i++)
        if (tokenizer_class->specials[i])
            specials[i] =
                (struct fletch_added_token){ .text = tokenizer_class->specials[i],
                                             .len = strlen(tokenizer_class->specials[i]),
                                             .bare = true };
    TRY(read_specials(builder, config, "tokenizer_config.json", err));
    if (decoder) {
        adopt_listed(builder, decoder);
    } else {
        TRY(load_optional(&builder->map_json, builder, "special_tokens_map.json", err));
        TRY(read_specials(builder, builder->map_json, "special_tokens_map.json", err));
        TRY(load_optional(&builder->tokens_json, builder, "added_tokens.json", err));
    }
    numbered = decoder ? decoder : builder->tokens_json;
    TRY(check_sizes(builder, numbered, decoder, err));
    TRY(add_numbered(builder, numbered, decoder, err));
    for (size_t i = 0; i < FLETCH_SPECIAL_COUNT; i++) {
        apply_flags(&specials[i], tokenizer_class->flags[i]);
        TRY(add_named(builder, &specials[i], i, err));
    }
    return add_more(builder, err);
}
