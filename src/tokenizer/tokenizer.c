/* SPDX-License-Identifier: MIT */
/* tokenizer.c - see tokenizer.h
 *
 * The steps are in fletch_tokenizer_build: kind, files, tokens of the vocabulary, tokens
 * beside it, text. */
#include "tokenizer/tokenizer.h"

#include "base/file.h"
#include "tokenizer/classes.h"

#include <stdlib.h>
#include <string.h>

static const char *join(struct fletch_tokenizer_builder *builder, const char *name)
{
    return fletch_path_join(&builder->arena, builder->source->folder, name);
}

static void note(struct fletch_tokenizer_builder *builder, const char *name)
{
    builder->origin->files[builder->origin->files_count++] = name;
}

static enum fletch_status find_vocabulary(struct fletch_tokenizer_builder *builder,
                                          struct fletch_error *err)
{
    const char *const *names = builder->tokenizer_class->files;

    for (size_t i = 0; names[i]; i++) {
        const char *path = join(builder, names[i]);

        if (!path)
            return fletch_fail_memory(err, strlen(names[i]), "a path");
        if (fletch_file_kind(path) == FLETCH_FILE_NONE)
            continue;
        builder->vocabulary_path = path;
        note(builder, names[i]);
        return FLETCH_OK;
    }
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND, "there is no %s to make one from",
                       names[0]);
}

static enum fletch_status find_files(struct fletch_tokenizer_builder *builder,
                                     struct fletch_error *err)
{
    const char *merges = builder->tokenizer_class->merges;

    TRY(find_vocabulary(builder, err));
    if (merges) {
        builder->merges_path = join(builder, merges);
        if (!builder->merges_path)
            return fletch_fail_memory(err, strlen(merges), "a path");
        if (fletch_file_kind(builder->merges_path) == FLETCH_FILE_NONE)
            return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                               "there is a %s, but no %s to make one from",
                               fletch_path_base(builder->vocabulary_path), merges);
        note(builder, merges);
    }
    if (builder->source->tokenizer_config)
        note(builder, "tokenizer_config.json");
    return FLETCH_OK;
}

static enum fletch_status find_end(uint32_t *id,
                                   const struct fletch_tokenizer_builder *builder,
                                   const char *text, const char *what,
                                   struct fletch_error *err)
{
    if (!text)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "there is no %s", what);
    if (!fletch_builder_find(id, builder, text, strlen(text)))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "'%s', the %s, is not in %s", text, what,
                           builder->origin->files[0]);
    return FLETCH_OK;
}

/* Finds what the text will need: the ids at the ends, and the unknown token. */
static enum fletch_status find_ends(struct fletch_tokenizer_builder *builder,
                                    struct fletch_error *err)
{
    const struct fletch_added_token *unk =
        &builder->added_tokens.specials[FLETCH_SPECIAL_UNK];
    const struct fletch_added_token *bos =
        &builder->added_tokens.specials[FLETCH_SPECIAL_BOS];
    uint32_t id;

    if (builder->tokenizer_class->put_model == fletch_put_wordpiece_model)
        if (!unk->text || !fletch_vocab_find(&id, &builder->vocab, unk->text, unk->len))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "'%s', the unk_token, is not in %s",
                               unk->text ? unk->text : "null", builder->origin->files[0]);
    if (builder->tokenizer_class->put_processor == fletch_put_byte_processor)
        return bos->text
                   ? find_end(&builder->first_id, builder, bos->text, "bos_token", err)
                   : FLETCH_OK;
    TRY(find_end(&builder->first_id, builder, fletch_builder_first(builder), "cls_token",
                 err));
    return find_end(&builder->last_id, builder, fletch_builder_last(builder), "sep_token",
                    err);
}

static int compare_added(const void *left, const void *right)
{
    const struct fletch_added_token *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static enum fletch_status build(struct fletch_buf *out,
                                struct fletch_tokenizer_builder *builder,
                                struct fletch_error *err)
{
    TRY(fletch_tokenizer_class_find(&builder->tokenizer_class, builder->source, err));
    TRY(find_files(builder, err));
    TRY(builder->tokenizer_class->read(builder, err));
    TRY(fletch_added_tokens_collect(builder, err));
    TRY(find_ends(builder, err));
    if (builder->added_tokens.count)
        qsort(builder->added_tokens.list, builder->added_tokens.count,
              sizeof(struct fletch_added_token), compare_added);
    fletch_put_tokenizer(out, builder);
    return out->failed ? fletch_fail_memory(err, out->size, "the tokenizer") : FLETCH_OK;
}

enum fletch_status fletch_tokenizer_build(struct fletch_buf *out,
                                          struct fletch_tokenizer_files *origin,
                                          const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err)
{
    struct fletch_tokenizer_files found = { .files_count = 0 };
    struct fletch_tokenizer_builder builder = { .source = source, .origin = &found };
    enum fletch_status status = build(out, &builder, err);

    if (!status)
        *origin = found;
    fletch_vocab_release(&builder.vocab);
    fletch_free(builder.added_tokens.list);
    fletch_free(builder.merges);
    fletch_buf_release(&builder.vocabulary_text);
    fletch_buf_release(&builder.merges_text);
    json_decref(builder.vocabulary_json);
    json_decref(builder.tokens_json);
    json_decref(builder.map_json);
    fletch_arena_release(&builder.arena);
    return status;
}
