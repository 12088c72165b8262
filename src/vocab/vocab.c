/* SPDX-License-Identifier: MIT */
/* vocab.c - see vocab.h
 *
 * The steps are in fletch_vocab_build: kind, files, tokens of the vocabulary, tokens beside
 * it, text.
 */
#include "vocab/vocab.h"

#include "base/file.h"
#include "vocab/kinds.h"

#include <stdlib.h>
#include <string.h>

static const char *join(struct fletch_building *building, const char *name)
{
    return fletch_path_join(&building->arena, building->source->folder, name);
}

static void note(struct fletch_building *building, const char *name)
{
    building->origin->files[building->origin->files_count++] = name;
}

static enum fletch_status find_vocabulary(struct fletch_building *building,
                                          struct fletch_error *err)
{
    const char *const *names = building->kind->files;

    for (size_t i = 0; names[i]; i++) {
        const char *path = join(building, names[i]);

        if (!path)
            return fletch_fail_memory(err, strlen(names[i]), "a path");
        if (fletch_file_kind(path) == FLETCH_FILE_NONE)
            continue;
        building->vocabulary_path = path;
        note(building, names[i]);
        return FLETCH_OK;
    }
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND, "there is no %s to make one from",
                       names[0]);
}

static enum fletch_status find_files(struct fletch_building *building,
                                     struct fletch_error *err)
{
    const char *merges = building->kind->merges;

    TRY(find_vocabulary(building, err));
    if (merges) {
        building->merges_path = join(building, merges);
        if (!building->merges_path)
            return fletch_fail_memory(err, strlen(merges), "a path");
        if (fletch_file_kind(building->merges_path) == FLETCH_FILE_NONE)
            return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                               "there is a %s, but no %s to make one from",
                               fletch_path_base(building->vocabulary_path), merges);
        note(building, merges);
    }
    if (building->source->tokenizer_config)
        note(building, "tokenizer_config.json");
    return FLETCH_OK;
}

static enum fletch_status find_end(uint32_t *id, const struct fletch_building *building,
                                   const char *text, const char *what,
                                   struct fletch_error *err)
{
    if (!text)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "there is no %s", what);
    if (!fletch_building_find(id, building, text, strlen(text)))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "'%s', the %s, is not in %s", text, what,
                           building->origin->files[0]);
    return FLETCH_OK;
}

/* What the text will need: the ids at the ends, and the unknown. */
static enum fletch_status find_ends(struct fletch_building *building,
                                    struct fletch_error *err)
{
    const struct fletch_extra *unk = &building->extras.specials[FLETCH_SPECIAL_UNK];
    const struct fletch_extra *bos = &building->extras.specials[FLETCH_SPECIAL_BOS];
    uint32_t id;

    if (building->kind->put_model == fletch_put_words_model)
        if (!unk->text ||
            !fletch_lexicon_find(&id, &building->lexicon, unk->text, unk->len))
            return fletch_fail(err, FLETCH_ERR_FORMAT, "'%s', the unk_token, is not in %s",
                               unk->text ? unk->text : "null", building->origin->files[0]);
    if (building->kind->put_processor == fletch_put_byte_processor)
        return bos->text
                   ? find_end(&building->first_id, building, bos->text, "bos_token", err)
                   : FLETCH_OK;
    TRY(find_end(&building->first_id, building, fletch_building_first(building),
                 "cls_token", err));
    return find_end(&building->last_id, building, fletch_building_last(building),
                    "sep_token", err);
}

static int compare_extras(const void *left, const void *right)
{
    const struct fletch_extra *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static enum fletch_status build(struct fletch_buf *out, struct fletch_building *building,
                                struct fletch_error *err)
{
    TRY(fletch_kind_find(&building->kind, building->source, err));
    TRY(find_files(building, err));
    TRY(building->kind->read(building, err));
    TRY(fletch_extras_collect(building, err));
    TRY(find_ends(building, err));
    if (building->extras.count)
        qsort(building->extras.list, building->extras.count, sizeof(struct fletch_extra),
              compare_extras);
    fletch_compose(out, building);
    return out->failed ? fletch_fail_memory(err, out->size, "the tokenizer") : FLETCH_OK;
}

enum fletch_status fletch_vocab_build(struct fletch_buf *out,
                                      struct fletch_vocab_origin *origin,
                                      const struct fletch_vocab_source *source,
                                      struct fletch_error *err)
{
    struct fletch_vocab_origin found = { .files_count = 0 };
    struct fletch_building building = { .source = source, .origin = &found };
    enum fletch_status status = build(out, &building, err);

    if (!status)
        *origin = found;
    fletch_lexicon_release(&building.lexicon);
    fletch_free(building.extras.list);
    fletch_free(building.merges);
    fletch_buf_release(&building.vocabulary_text);
    fletch_buf_release(&building.merges_text);
    json_decref(building.vocabulary_json);
    json_decref(building.tokens_json);
    json_decref(building.map_json);
    fletch_arena_release(&building.arena);
    return status;
}
