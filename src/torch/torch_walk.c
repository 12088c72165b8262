/* SPDX-License-Identifier: MIT */
/* torch_walk.c - every tensor of a pickle, with its path from the top
 *
 * Every dict, list and tuple is visited once, those nearest to the top first. So neither
 * cycles nor values shared a million times make this slow, and a tensor with two names gets
 * the shorter one. A path consists of the keys: "optimizer.state.0.step".
 */
#include "torch/torch_internal.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A dict, list or tuple. */
struct place {
    uint32_t value;
    uint32_t above; /* index of its parent place */
    uint32_t item;  /* and its item there */
};

struct walk {
    struct fletch_torch *torch;
    struct fletch_torch_walk *out;
    size_t entries_cap;
    struct place *places; /* [cap], `count` in use: a queue, nothing is taken out */
    size_t count, cap;
    uint64_t bytes; /* of all ways */
    struct fletch_error *err;
};

static const struct fletch_pickle_value *value_at(const struct walk *walk, uint32_t index)
{
    return &walk->torch->pickle.values[index];
}

static bool is_container(const struct fletch_pickle_value *value)
{
    return value->kind == FLETCH_PICKLE_DICT || value->kind == FLETCH_PICKLE_LIST ||
           value->kind == FLETCH_PICKLE_TUPLE;
}

static enum fletch_status push(struct walk *walk, const struct place *place)
{
    if (walk->count == walk->cap) {
        struct place *grown =
            fletch_grow(walk->places, &walk->cap, walk->count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(walk->err, (walk->count + 1) * sizeof(*grown),
                                      "a walk");
        walk->places = grown;
    }
    walk->places[walk->count++] = *place;
    walk->out->seen[place->value] = FLETCH_TORCH_SEEN;
    return FLETCH_OK;
}

/* ---- Ways ---- */

static bool is_plain_text(const struct fletch_pickle_value *key)
{
    return key->kind == FLETCH_PICKLE_TEXT && !memchr(key->text, 0, key->len) &&
           fletch_utf8_span(key->text, key->len) == key->len;
}

/* One part of a path: the key of a dict, the index in a list. Keys that are not text are
 * written into `spare`. */
static void part_of(const char **out, size_t *len, char spare[32], const struct walk *walk,
                    const struct place *place)
{
    const struct fletch_pickle_value *above =
        value_at(walk, walk->places[place->above].value);
    const struct fletch_pickle_value *key = NULL;

    if (above->kind == FLETCH_PICKLE_DICT)
        key = value_at(walk, above->items[place->item - 1]);
    if (key && is_plain_text(key)) {
        *out = key->text;
        *len = key->len;
        return;
    }
    if (!key)
        snprintf(spare, 32, "%" PRIu32, place->item);
    else if (key->kind == FLETCH_PICKLE_INT)
        snprintf(spare, 32, "%" PRId64, key->whole);
    else
        snprintf(spare, 32, "(byte %" PRIu64 ")", key->at);
    *out = spare;
    *len = strlen(spare);
}

/* True when the model's name for it cannot be the key itself. */
static bool is_loose(const struct walk *walk, const struct place *place)
{
    const struct fletch_pickle_value *above =
        value_at(walk, walk->places[place->above].value);

    return above->kind != FLETCH_PICKLE_DICT ||
           value_at(walk, above->items[place->item - 1])->kind != FLETCH_PICKLE_TEXT;
}

/* Writes the path to a tensor, from its end to its start. */
static enum fletch_status make_path(struct fletch_prefix_name *out, struct walk *walk,
                                    const struct place *place)
{
    char path[FLETCH_TORCH_PATH_MAX + 1], spare[32];
    size_t at = sizeof(path) - 1, own = 0, len;
    const char *part;

    path[at] = 0;
    for (const struct place *p = place;; p = &walk->places[p->above]) {
        part_of(&part, &len, spare, walk, p);
        if (len + 1 > at) /* a dot may follow */
            return fletch_fail(walk->err, FLETCH_ERR_UNSUPPORTED,
                               "byte %" PRIu64
                               ": the name of a tensor, with those of the dicts that it is "
                               "in, is longer than the limit, %d bytes "
                               "(FLETCH_TORCH_PATH_MAX)",
                               value_at(walk, place->value)->at, FLETCH_TORCH_PATH_MAX);
        at -= len;
        memcpy(path + at, part, len);
        out->loose |= is_loose(walk, p);
        if (p == place)
            own = at;
        if (!p->above)
            break;
        path[--at] = '.';
    }
    walk->bytes += sizeof(path) - at;
    if (walk->bytes > FLETCH_TORCH_PATHS_MAX)
        return fletch_fail(walk->err, FLETCH_ERR_UNSUPPORTED,
                           "the names of all tensors are longer than the limit, %d bytes "
                           "(FLETCH_TORCH_PATHS_MAX)",
                           FLETCH_TORCH_PATHS_MAX);
    out->own = own - at;
    out->path =
        fletch_arena_text(walk->torch->list->arena, path + at, sizeof(path) - 1 - at);
    return out->path ? FLETCH_OK
                     : fletch_fail_memory(walk->err, sizeof(path) - at, "a tensor's name");
}

/* ---- The walk ---- */

/* Marks a place and those above it as holding an entry. */
static void mark_above(struct walk *walk, uint32_t index)
{
    while (walk->out->seen[walk->places[index].value] != FLETCH_TORCH_HOLDS) {
        walk->out->seen[walk->places[index].value] = FLETCH_TORCH_HOLDS;
        index = walk->places[index].above;
    }
}

static enum fletch_status put_entry(struct walk *walk, const struct place *place,
                                    enum fletch_torch_make what)
{
    struct fletch_torch_walk *out = walk->out;
    struct fletch_torch_entry entry = { .value = place->value,
                                        .container = walk->places[place->above].value,
                                        .unsupported = what == FLETCH_TORCH_UNSUPPORTED };

    const struct fletch_pickle_value *above = value_at(walk, entry.container);

    if (above->kind == FLETCH_PICKLE_DICT) {
        entry.key = above->items[place->item - 1];
        entry.unnamed = value_at(walk, entry.key)->kind == FLETCH_PICKLE_TEXT &&
                        !is_plain_text(value_at(walk, entry.key));
    }
    TRY(make_path(&entry.name, walk, place));
    if (out->count == FLETCH_TORCH_TENSORS_MAX)
        return fletch_fail(walk->err, FLETCH_ERR_UNSUPPORTED,
                           "has more tensors than the limit, %d (FLETCH_TORCH_TENSORS_MAX)",
                           FLETCH_TORCH_TENSORS_MAX);
    if (out->count == walk->entries_cap) {
        struct fletch_torch_entry *grown =
            fletch_grow(out->entries, &walk->entries_cap, out->count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(walk->err, (out->count + 1) * sizeof(*grown),
                                      "tensors");
        out->entries = grown;
    }
    out->entries[out->count++] = entry;
    mark_above(walk, place->above);
    return FLETCH_OK;
}

static enum fletch_status visit(struct walk *walk, uint32_t index)
{
    const struct fletch_pickle_value *value = value_at(walk, walk->places[index].value);
    uint32_t step = value->kind == FLETCH_PICKLE_DICT ? 2 : 1;

    for (uint32_t i = step - 1; i < value->count; i += step) {
        const struct place place = { value->items[i], index, i };
        enum fletch_torch_make what;

        if (is_container(value_at(walk, place.value))) {
            if (!walk->out->seen[place.value])
                TRY(push(walk, &place));
            continue;
        }
        what = fletch_torch_what(walk->torch, place.value);
        if (what != FLETCH_TORCH_NO_TENSOR)
            TRY(put_entry(walk, &place, what));
    }
    return FLETCH_OK;
}

enum fletch_status fletch_torch_walk(struct fletch_torch_walk *out,
                                     struct fletch_torch *torch, struct fletch_error *err)
{
    struct walk walk = { .torch = torch, .out = out, .err = err };
    struct place top = { .value = torch->pickle.top };
    enum fletch_status status;

    *out = (struct fletch_torch_walk){ .seen = fletch_alloc(torch->pickle.count) };
    if (!out->seen)
        return fletch_fail_memory(err, torch->pickle.count, "a walk");
    status = push(&walk, &top);
    for (uint32_t i = 0; !status && i < walk.count; i++)
        status = visit(&walk, i);
    fletch_free(walk.places);
    if (status)
        fletch_torch_walk_release(out);
    return status;
}

void fletch_torch_walk_release(struct fletch_torch_walk *walk)
{
    fletch_free(walk->entries);
    fletch_free(walk->seen);
    *walk = (struct fletch_torch_walk){ .count = 0 };
}
