/* SPDX-License-Identifier: MIT */
/* state_dict.c - reads the tensors of a pickle that are the model's, and names the others
 *
 * All tensors are found first, with their paths. The names decide which are the model's
 * (prefix.h), and only those are read: whatever else a training run saved may be of kinds
 * that cannot be read, and its storages need not be unpacked.
 */
#include "torch/torch_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How many entries beside the tensors are named, and how much of each name, in bytes. */
#define OTHERS_NAMED 3
#define OTHER_SHOWN 100

/* ---- Choosing ---- */

static enum fletch_status fail_top(const struct fletch_torch *torch,
                                   struct fletch_error *err)
{
    const struct fletch_pickle_value *top = fletch_torch_value(torch, torch->pickle.top),
                                     *callee;

    if (fletch_torch_what(torch, torch->pickle.top) == FLETCH_TORCH_TENSOR)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "holds one tensor without a name, expected a dict of tensors");
    if (top->kind == FLETCH_PICKLE_CALL) {
        callee = fletch_torch_callee(torch, torch->pickle.top);
        if (callee && top->state == FLETCH_PICKLE_AT_NONE)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "is what %.*s.%.*s would make, and nothing is executed: "
                               "expected a dict of tensors",
                               FLETCH_SHOWN, callee->module, FLETCH_SHOWN, callee->name);
        if (callee)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "is a whole object of class %.*s.%.*s, which nothing but "
                               "its own code can read: save its state_dict() instead",
                               FLETCH_SHOWN, callee->module, FLETCH_SHOWN, callee->name);
    }
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "holds %s, expected a dict of tensors",
                       fletch_pickle_kind_text(top->kind));
}

/* The class of a torch.nn.Module that was saved whole: its state has '_parameters'. NULL
 * for anything else. */
static const struct fletch_pickle_value *module_class(const struct fletch_torch *torch,
                                                      uint32_t index)
{
    const struct fletch_pickle_value *call = fletch_torch_value(torch, index), *callee,
                                     *state;

    if (call->kind != FLETCH_PICKLE_CALL)
        return NULL;
    callee = fletch_torch_callee(torch, index);
    state = fletch_torch_value(torch, call->state);
    if (!callee || state->kind != FLETCH_PICKLE_DICT)
        return NULL;
    for (uint32_t i = 0; i + 1 < state->count; i += 2)
        if (fletch_pickle_is_text(fletch_torch_value(torch, state->items[i]),
                                  "_parameters"))
            return callee;
    return NULL;
}

/* Adds which entry of the top level is a whole module, if one is. */
static enum fletch_status fail_empty(const struct fletch_torch *torch,
                                     struct fletch_error *err)
{
    const struct fletch_pickle_value *top = fletch_torch_value(torch, torch->pickle.top);
    const char *none = "and none is a tensor, nor in the dicts below";
    const char *entries = top->count == 2 ? "entry" : "entries";

    for (uint32_t i = 0; i + 1 < top->count; i += 2) {
        const struct fletch_pickle_value *key = fletch_torch_value(torch, top->items[i]);
        const struct fletch_pickle_value *whole = module_class(torch, top->items[i + 1]);

        if (whole && key->kind == FLETCH_PICKLE_TEXT)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "holds a dict of %u %s, %s; '%.*s' is a whole object "
                               "of class %.*s.%.*s, which nothing but its own code can "
                               "read: save its state_dict() instead",
                               top->count / 2, entries, none,
                               key->len < FLETCH_SHOWN ? (int)key->len : FLETCH_SHOWN,
                               key->text, FLETCH_SHOWN, whole->module, FLETCH_SHOWN,
                               whole->name);
    }
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "holds a dict of %u %s, %s",
                       top->count / 2, entries, none);
}

static enum fletch_status fail_none(const struct fletch_torch *torch,
                                    const struct fletch_torch_walk *walk,
                                    struct fletch_error *err)
{
    for (size_t i = 0; i < walk->count; i++)
        if (!walk->entries[i].unsupported)
            return fletch_fail(
                err, FLETCH_ERR_UNSUPPORTED,
                "holds tensors such as '%.*s', but no dict of them that is a "
                "model's; --prefix NAME takes one",
                FLETCH_SHOWN, walk->entries[i].name.path);
    return fail_empty(torch, err);
}

static bool is_alike(const struct fletch_tensor *a, const struct fletch_tensor *b)
{
    size_t size = a->rank * sizeof(*a->shape);

    return a->dtype == b->dtype && a->rank == b->rank && a->offset == b->offset &&
           a->spooled == b->spooled && !memcmp(a->shape, b->shape, size) &&
           !a->strides == !b->strides &&
           (!a->strides || !memcmp(a->strides, b->strides, size));
}

/* Tensors that cannot be read equal no other. */
static enum fletch_status is_same(bool *out, void *user, uint32_t a, uint32_t b,
                                  struct fletch_error *err)
{
    struct fletch_tensor tensors[2] = { { .name = "" }, { .name = "" } };
    const uint32_t values[2] = { a, b };
    enum fletch_status status = FLETCH_OK;
    struct fletch_error said = { .message = "" };

    *out = a == b;
    for (int i = 0; a != b && i < 2 && !status; i++)
        status = fletch_torch_tensor_read(&tensors[i], user, values[i], &said);
    if (status == FLETCH_ERR_MEMORY || status == FLETCH_ERR_IO) {
        if (err)
            *err = said;
        return status;
    }
    *out = *out || (!status && is_alike(&tensors[0], &tensors[1]));
    return FLETCH_OK;
}

static enum fletch_status choose(const char **prefix, struct fletch_torch *torch,
                                 const struct fletch_torch_walk *walk,
                                 struct fletch_error *err)
{
    struct fletch_prefix_name *names = fletch_alloc_array(walk->count, sizeof(*names));
    struct fletch_prefix_names all = { .names = names, .same = is_same, .user = torch };
    enum fletch_status status;

    if (!names)
        return fletch_fail_memory(err, walk->count * sizeof(*names), "names");
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->entries[i].unsupported)
            continue;
        names[all.count] = walk->entries[i].name;
        names[all.count++].tensor = walk->entries[i].value;
    }
    *prefix = NULL;
    status = all.count ? fletch_prefix_choose(prefix, &all, torch->list->hints,
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
    const struct fletch_pickle_value *key = fletch_torch_value(torch, entry->key);
    struct fletch_tensor tensor = { .name = entry->name.path + strlen(prefix) };
    enum fletch_status status;

    if (entry->unnamed)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "byte %" PRIu64 ": %s", key->at,
                           memchr(key->text, 0, key->len)
                               ? "a NUL in the name of a tensor"
                               : "the name of a tensor is not UTF-8");
    status = fletch_torch_tensor_read(&tensor, torch, entry->value, err);
    if (status) {
        fletch_error_prefix(err, "tensor '%.*s'", FLETCH_SHOWN, tensor.name);
        return status;
    }
    return fletch_tensor_list_put(torch->list, &tensor, err);
}

/* Entries directly beside tensors that are not tensors: one of them may be a missing
 * weight. Dicts among them were walked, and their contents are named separately. */
struct others {
    size_t count;
    char names[OTHERS_NAMED * (OTHER_SHOWN + 40)]; /* "'step' (an int), 'ema' (None)" */
};

static void count_others(struct others *others, const struct fletch_torch *torch,
                         const struct fletch_torch_walk *walk, uint32_t container)
{
    const struct fletch_pickle_value *dict = fletch_torch_value(torch, container);

    if (dict->kind != FLETCH_PICKLE_DICT)
        return;
    for (uint32_t i = 0; i + 1 < dict->count; i += 2) {
        const struct fletch_pickle_value *key = fletch_torch_value(torch, dict->items[i]);
        uint32_t value = dict->items[i + 1];
        size_t len = strlen(others->names);

        if (fletch_torch_what(torch, value) != FLETCH_TORCH_NO_TENSOR ||
            walk->seen[value] == FLETCH_TORCH_HOLDS)
            continue;
        if (others->count++ < OTHERS_NAMED && key->kind == FLETCH_PICKLE_TEXT)
            snprintf(others->names + len, sizeof(others->names) - len, "%s'%.*s' (%s)",
                     len ? ", " : ": ",
                     (int)(key->len < OTHER_SHOWN ? key->len : OTHER_SHOWN), key->text,
                     fletch_pickle_kind_text(fletch_torch_value(torch, value)->kind));
    }
}

static enum fletch_status take(struct fletch_torch *torch,
                               const struct fletch_torch_walk *walk, const char *prefix,
                               struct fletch_error *err)
{
    const struct fletch_prefix_hints *hints = torch->list->hints;
    bool asked = hints && hints->prefix && !torch->list->is_shard;
    struct others others = { .count = 0 };
    uint32_t last = FLETCH_PICKLE_AT_NONE;

    for (size_t i = 0; i < walk->count; i++) {
        const struct fletch_torch_entry *entry = &walk->entries[i];

        if (!fletch_prefix_holds(prefix, &entry->name) || (entry->name.loose && !asked)) {
            if (!entry->unsupported)
                TRY(fletch_strlist_put(&torch->list->skipped, torch->list->arena,
                                       entry->name.path, err));
            continue;
        }
        TRY(take_entry(torch, entry, prefix, err));
        if (entry->container != last)
            count_others(&others, torch, walk, entry->container);
        last = entry->container;
    }
    if (!others.count)
        return FLETCH_OK;
    return fletch_tensor_list_note(torch->list, err, "%zu %s beside the tensors %s%s%s",
                                   others.count, others.count == 1 ? "entry" : "entries",
                                   others.count == 1 ? "is no tensor" : "are no tensors",
                                   others.names,
                                   others.count > OTHERS_NAMED ? ", ..." : "");
}

static enum fletch_status list(struct fletch_torch *torch, struct fletch_error *err)
{
    struct fletch_torch_walk walk;
    const char *prefix = "";
    enum fletch_status status = FLETCH_OK;

    if (fletch_torch_value(torch, torch->pickle.top)->kind != FLETCH_PICKLE_DICT)
        return fail_top(torch, err);
    TRY(fletch_torch_walk(&walk, torch, err));
    /* an index names the tensors of its shards: choose nothing before the two are
     * compared */
    if (!torch->list->is_shard)
        status = choose(&prefix, torch, &walk, err);
    if (!status)
        status = take(torch, &walk, prefix, err);
    if (!status && !torch->list->is_shard)
        torch->list->prefix = prefix;
    fletch_torch_walk_release(&walk);
    if (!status && !torch->list->is_shard)
        status = fletch_torch_scalars(torch, err);
    return status;
}

enum fletch_status fletch_torch_state_dict_list(struct fletch_torch *torch,
                                                struct fletch_error *err)
{
    enum fletch_status status = list(torch, err);

    if (!status)
        return fletch_torch_note_unknown_globals(torch, err);
    fletch_torch_say_unknown_globals(torch, err);
    return status;
}
