/* SPDX-License-Identifier: MIT */
/* torch_nest.c - which dict of a checkpoint is the model's, and its tensors
 *
 * A plain checkpoint is one dict of tensors. One from a training run is a dict of many
 * things, the tensors' dict among them. The rule:
 *
 *  1. The top and the dicts below it under the names of `nests`, or under such names in
 *     turn, compete: the one with most tensors of its own is the model's.
 *  2. Averaged weights (EMA) are taken only when none of these has a tensor.
 *  3. Dicts under other names only when there are no others, and only a single one.
 *
 * Equals are an error that lists them. Then, "module." or "_orig_mod." in front of every
 * name is taken away: DataParallel and torch.compile put it there.
 */
#include "checkpoint/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nests within nests, and dicts that are looked at in all. */
#define DEPTH_MAX 3
#define CANDIDATES_MAX 1024

enum rank { RANK_MODEL, RANK_AVERAGE, RANK_OTHER };

struct nest {
    const char *key;
    enum rank rank;
};

static const struct nest nests[] = {
    { "state_dict", RANK_MODEL },
    { "model_state_dict", RANK_MODEL },
    { "model_state", RANK_MODEL },
    { "model", RANK_MODEL },
    { "module", RANK_MODEL },
    { "params", RANK_MODEL },
    { "net", RANK_MODEL },
    { "network", RANK_MODEL },
    { "weights", RANK_MODEL },
    { "checkpoint", RANK_MODEL },
    { "state_dict_ema", RANK_AVERAGE },
    { "model_ema", RANK_AVERAGE },
    { "ema_model", RANK_AVERAGE },
    { "ema", RANK_AVERAGE },
    { "ema_state_dict", RANK_AVERAGE },
    { "params_ema", RANK_AVERAGE },
};

/* Taken away where every tensor's name has it. */
static const char *const prefixes[] = { "module.", "_orig_mod." };

struct candidate {
    const char *path; /* "the top", "model.state_dict" */
    uint32_t dict;
    enum rank rank;
    unsigned depth;
    size_t tensors;
};

struct search {
    struct fletch_torch *torch;
    struct candidate candidates[CANDIDATES_MAX];
    size_t count;
    struct fletch_error *err;
};

static const struct fletch_pickle_value *value_at(const struct fletch_torch *torch,
                                                  uint32_t index)
{
    return &torch->pickle.values[index];
}

/* ---- Choosing ---- */

static size_t count_tensors(const struct fletch_torch *torch,
                            const struct fletch_pickle_value *dict)
{
    size_t count = 0;

    for (uint32_t i = 0; i < dict->count; i += 2)
        count += value_at(torch, dict->items[i])->kind == FLETCH_PICKLE_TEXT &&
                 fletch_torch_what(torch, dict->items[i + 1]) == FLETCH_TORCH_TENSOR;
    return count;
}

/* The rank of a dict under `key`; below an average everything is one. */
static enum rank rank_of(const struct fletch_pickle_value *key, enum rank above)
{
    for (size_t i = 0; i < sizeof(nests) / sizeof(nests[0]); i++)
        if (fletch_pickle_is_text(key, nests[i].key))
            return nests[i].rank > above ? nests[i].rank : above;
    return RANK_OTHER;
}

/* Adds the dicts right below a candidate. */
static enum fletch_status look_below(struct search *search, size_t parent)
{
    const struct candidate above = search->candidates[parent];
    const struct fletch_pickle_value *dict = value_at(search->torch, above.dict);

    for (uint32_t i = 0; i < dict->count; i += 2) {
        const struct fletch_pickle_value *key = value_at(search->torch, dict->items[i]);
        struct candidate *found = &search->candidates[search->count];
        uint32_t inner = dict->items[i + 1];

        if (search->count == CANDIDATES_MAX)
            return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED,
                               "has more dicts than are looked at, %d (CANDIDATES_MAX)",
                               CANDIDATES_MAX);
        if (key->kind != FLETCH_PICKLE_TEXT ||
            value_at(search->torch, inner)->kind != FLETCH_PICKLE_DICT)
            continue;
        *found = (struct candidate){ .dict = inner,
                                     .rank = rank_of(key, above.rank),
                                     .depth = above.depth + 1 };
        found->path = fletch_arena_format(
            search->torch->list->arena, "%s%s%.*s", above.depth ? above.path : "",
            above.depth ? "." : "", (int)(key->len < 64 ? key->len : 64), key->text);
        if (!found->path)
            return fletch_fail_memory(search->err, 0, "the name of a dict");
        found->tensors = count_tensors(search->torch, value_at(search->torch, inner));
        search->count++;
    }
    return FLETCH_OK;
}

/* "'a' with 3 tensors, 'b' with 3": those of the rank that have as many. */
static void list_candidates(char *text, size_t size, const struct search *search,
                            enum rank rank)
{
    size_t len = 0;

    text[0] = 0;
    for (size_t i = 0; i < search->count && len < size - 1; i++) {
        const struct candidate *candidate = &search->candidates[i];

        if (candidate->rank == rank && candidate->tensors)
            len += (size_t)snprintf(text + len, size - len, "%s'%s' with %zu",
                                    len ? ", " : "", candidate->path, candidate->tensors);
    }
}

/* How many of a rank have so many tensors; the same dict under two names counts once, as
 * *out. */
static size_t count_of(const struct candidate **out, const struct search *search,
                       enum rank rank, size_t least)
{
    size_t count = 0;

    *out = NULL;
    for (size_t i = 0; i < search->count; i++) {
        const struct candidate *candidate = &search->candidates[i];

        if (candidate->rank != rank || candidate->tensors < least ||
            (*out && candidate->dict == (*out)->dict))
            continue;
        if (!*out)
            *out = candidate;
        count++;
    }
    return count;
}

/* The best of a rank: NULL when none has a tensor. */
static enum fletch_status best_of(const struct candidate **out, const struct search *search,
                                  enum rank rank)
{
    size_t most = 1;
    char text[320];

    for (size_t i = 0; i < search->count && rank != RANK_OTHER; i++)
        if (search->candidates[i].rank == rank && search->candidates[i].tensors > most)
            most = search->candidates[i].tensors;
    if (count_of(out, search, rank, most) < 2)
        return FLETCH_OK;
    list_candidates(text, sizeof(text), search, rank);
    return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED,
                       "has several dicts that may be the model: %s tensors", text);
}

static enum fletch_status fail_top(const struct fletch_torch *torch,
                                   struct fletch_error *err)
{
    const struct fletch_pickle_value *top = value_at(torch, torch->pickle.top), *callee;

    if (top->kind == FLETCH_PICKLE_CALL) {
        callee = value_at(torch, top->callee);
        if (callee->kind == FLETCH_PICKLE_GLOBAL)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "is a whole object of class %.*s.%.*s, which nothing but "
                               "its own code can read: save its state_dict() instead",
                               FLETCH_NAME_SHOWN, callee->module, FLETCH_NAME_SHOWN,
                               callee->name);
    }
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "holds %s, expected a dict of tensors",
                       fletch_pickle_kind_text(top->kind));
}

static enum fletch_status choose(const struct candidate **out, struct search *search)
{
    const struct fletch_torch *torch = search->torch;
    const struct fletch_pickle_value *top = value_at(torch, torch->pickle.top);

    if (top->kind != FLETCH_PICKLE_DICT)
        return fail_top(torch, search->err);
    search->candidates[search->count++] =
        (struct candidate){ .path = "the top",
                            .dict = torch->pickle.top,
                            .rank = RANK_MODEL,
                            .tensors = count_tensors(torch, top) };
    for (size_t i = 0; i < search->count && !torch->list->is_shard; i++)
        if (!i ||
            (search->candidates[i].depth < DEPTH_MAX &&
             search->candidates[i].rank != RANK_OTHER && !search->candidates[i].tensors))
            TRY(look_below(search, i));
    for (enum rank rank = RANK_MODEL; rank <= RANK_OTHER; rank++) {
        TRY(best_of(out, search, rank));
        if (*out)
            return FLETCH_OK;
    }
    return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED,
                       "holds a dict of %u entries, and none is a tensor, nor in the dicts "
                       "below",
                       top->count / 2);
}

/* ---- Taking ---- */

static bool has_prefix(const struct fletch_tensor_list *list, size_t first,
                       const char *prefix)
{
    for (size_t i = first; i < list->count; i++)
        if (strncmp(list->tensors[i].name, prefix, strlen(prefix)) != 0)
            return false;
    return list->count > first;
}

static enum fletch_status strip(struct fletch_tensor_list *list, size_t first,
                                struct fletch_error *err)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]);) {
        if (!has_prefix(list, first, prefixes[i])) {
            i++;
            continue;
        }
        for (size_t j = first; j < list->count; j++)
            list->tensors[j].name += strlen(prefixes[i]);
        TRY(fletch_tensor_list_note(list, err, "'%s' in front of every name was taken away",
                                    prefixes[i]));
        i = 0;
    }
    return FLETCH_OK;
}

static enum fletch_status take_entry(struct fletch_torch *torch, uint32_t key,
                                     uint32_t value, size_t *passed,
                                     struct fletch_error *err)
{
    const struct fletch_pickle_value *text = value_at(torch, key);
    enum fletch_torch_make what = fletch_torch_what(torch, value);
    struct fletch_tensor tensor = { 0 };
    enum fletch_status status;

    if (what == FLETCH_TORCH_NO_TENSOR || text->kind != FLETCH_PICKLE_TEXT) {
        (*passed)++;
        return FLETCH_OK;
    }
    if (memchr(text->text, 0, text->len))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a NUL in the name of a tensor", text->at);
    tensor.name = fletch_arena_text(torch->list->arena, text->text, text->len);
    if (!tensor.name)
        return fletch_fail_memory(err, text->len, "the name of a tensor");
    status = fletch_torch_tensor_read(&tensor, torch, value, err);
    if (status) {
        fletch_error_prefix(err, "tensor '%.*s'", FLETCH_NAME_SHOWN, tensor.name);
        return status;
    }
    return fletch_tensor_list_put(torch->list, &tensor, err);
}

static enum fletch_status note_rest(struct search *search, const struct candidate *chosen,
                                    size_t passed)
{
    struct fletch_tensor_list *list = search->torch->list;

    if (chosen->depth)
        TRY(fletch_tensor_list_note(list, search->err, "the tensors are those under '%s'",
                                    chosen->path));
    for (size_t i = 0; i < search->count; i++) {
        const struct candidate *other = &search->candidates[i];

        if (other != chosen && other->tensors)
            TRY(fletch_tensor_list_note(list, search->err,
                                        "%s%s%s has %zu tensors, which are left out",
                                        other->depth ? "'" : "", other->path,
                                        other->depth ? "'" : "", other->tensors));
    }
    if (passed)
        TRY(fletch_tensor_list_note(
            list, search->err, "%zu entries beside the tensors are no tensors", passed));
    return FLETCH_OK;
}

static enum fletch_status take(struct search *search)
{
    struct fletch_torch *torch = search->torch;
    struct fletch_tensor_list *list = torch->list;
    const struct fletch_pickle_value *dict;
    const struct candidate *chosen = NULL;
    size_t passed = 0, first = list->count;

    TRY(choose(&chosen, search));
    dict = value_at(torch, chosen->dict);
    for (uint32_t i = 0; i < dict->count; i += 2)
        TRY(take_entry(torch, dict->items[i], dict->items[i + 1], &passed, search->err));
    if (!list->is_shard)
        TRY(strip(list, first, search->err));
    TRY(note_rest(search, chosen, passed));
    TRY(fletch_torch_rest(torch, chosen->dict, search->err));
    return fletch_torch_note_calls(torch, search->err);
}

enum fletch_status fletch_torch_list(struct fletch_torch *torch, struct fletch_error *err)
{
    struct search *search = fletch_alloc(sizeof(*search));
    enum fletch_status status;

    if (!search)
        return fletch_fail_memory(err, sizeof(*search), "the dicts of a checkpoint");
    search->torch = torch;
    search->err = err;
    status = take(search);
    if (!status && !torch->list->is_shard)
        status = fletch_torch_facts(torch, err);
    fletch_free(search);
    return status;
}
