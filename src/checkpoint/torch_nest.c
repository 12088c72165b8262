/* SPDX-License-Identifier: MIT */
/* torch_nest.c - the tensors of a pickle that are the model's, read; the others named
 *
 * All tensors are found first, with the way to them. Which are the model's is chosen by the
 * names (nest.h), and only those are read: what else a training run saved may be of kinds
 * that are not read, and its storages need no unpacking.
 */
#include "checkpoint/torch.h"

#include <inttypes.h>
#include <string.h>

static const struct fletch_pickle_value *value_at(const struct fletch_torch *torch,
                                                  uint32_t index)
{
    return &torch->pickle.values[index];
}

/* ---- Choosing ---- */

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

static enum fletch_status fail_none(const struct fletch_torch *torch,
                                    const struct fletch_torch_walk *walk,
                                    struct fletch_error *err)
{
    for (size_t i = 0; i < walk->count; i++)
        if (!walk->entries[i].strange)
            return fletch_fail(
                err, FLETCH_ERR_UNSUPPORTED,
                "holds tensors such as '%.*s', but no dict of them that is a "
                "model's; --prefix NAME takes one",
                FLETCH_NAME_SHOWN, walk->entries[i].name.path);
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "holds a dict of %u entries, and none is a tensor, nor in the dicts "
                       "below",
                       value_at(torch, torch->pickle.top)->count / 2);
}

static enum fletch_status choose(const char **prefix, struct fletch_torch *torch,
                                 const struct fletch_torch_walk *walk,
                                 struct fletch_error *err)
{
    struct fletch_nest_name *names = fletch_alloc_array(walk->count, sizeof(*names));
    enum fletch_status status;
    size_t count = 0;

    if (!names)
        return fletch_fail_memory(err, walk->count * sizeof(*names), "names");
    for (size_t i = 0; i < walk->count; i++)
        if (!walk->entries[i].strange)
            names[count++] = walk->entries[i].name;
    *prefix = NULL;
    status = count ? fletch_nest_choose(prefix, names, count, torch->list->choice,
                                        torch->list->arena, err)
                   : FLETCH_OK;
    fletch_free(names);
    if (!status && !*prefix)
        status = fail_none(torch, walk, err);
    return status;
}

/* ---- Taking ---- */

static enum fletch_status take_entry(struct fletch_torch *torch,
                                     const struct fletch_torch_entry *entry,
                                     const char *prefix, struct fletch_error *err)
{
    const struct fletch_pickle_value *key = value_at(torch, entry->key);
    struct fletch_tensor tensor = { .name = entry->name.path + strlen(prefix) };
    enum fletch_status status;

    if (entry->unnamed)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %" PRIu64 ": %s", key->at,
                           memchr(key->text, 0, key->len)
                               ? "a NUL in the name of a tensor"
                               : "the name of a tensor is not UTF-8");
    status = fletch_torch_tensor_read(&tensor, torch, entry->value, err);
    if (status) {
        fletch_error_prefix(err, "tensor '%.*s'", FLETCH_NAME_SHOWN, tensor.name);
        return status;
    }
    return fletch_tensor_list_put(torch->list, &tensor, err);
}

static enum fletch_status put_rest(struct fletch_tensor_list *list, const char *name,
                                   struct fletch_error *err)
{
    struct fletch_note *rest = fletch_arena_alloc(list->arena, sizeof(*rest));

    if (!rest)
        return fletch_fail_memory(err, sizeof(*rest), "what is left out");
    *rest = (struct fletch_note){ name, list->rest };
    list->rest = rest;
    return FLETCH_OK;
}

static enum fletch_status take(struct fletch_torch *torch,
                               const struct fletch_torch_walk *walk, const char *prefix,
                               struct fletch_error *err)
{
    const struct fletch_choice *choice = torch->list->choice;
    bool asked = choice && choice->prefix && !torch->list->is_shard;
    size_t taken = 0, items = 0;
    uint32_t last = 0;

    for (size_t i = 0; i < walk->count; i++) {
        const struct fletch_torch_entry *entry = &walk->entries[i];

        if (!fletch_nest_holds(prefix, &entry->name) || (entry->name.loose && !asked)) {
            if (!entry->strange)
                TRY(put_rest(torch->list, entry->name.path, err));
            continue;
        }
        TRY(take_entry(torch, entry, prefix, err));
        if (!taken++ || entry->container != last)
            items += value_at(torch, entry->container)->count;
        last = entry->container;
    }
    if (items / 2 > taken)
        return fletch_tensor_list_note(torch->list, err,
                                       "%zu entries beside the tensors are no tensors",
                                       items / 2 - taken);
    return FLETCH_OK;
}

enum fletch_status fletch_torch_list(struct fletch_torch *torch, struct fletch_error *err)
{
    struct fletch_torch_walk walk;
    const char *prefix = "";
    enum fletch_status status = FLETCH_OK;

    if (value_at(torch, torch->pickle.top)->kind != FLETCH_PICKLE_DICT)
        return fail_top(torch, err);
    TRY(fletch_torch_walk(&walk, torch, err));
    /* an index names the tensors of its shards: nothing is chosen before it was compared */
    if (!torch->list->is_shard)
        status = choose(&prefix, torch, &walk, err);
    if (!status)
        status = take(torch, &walk, prefix, err);
    if (!status && !torch->list->is_shard)
        torch->list->prefix = prefix;
    fletch_torch_walk_release(&walk);
    if (!status && !torch->list->is_shard)
        status = fletch_torch_facts(torch, err);
    return status ? status : fletch_torch_note_calls(torch, err);
}
