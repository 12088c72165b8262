/* SPDX-License-Identifier: MIT */
/* torch_rest.c - what a checkpoint holds beside the model's tensors: optimizers, averages
 *
 * Every dict, list and tuple is visited once, so neither cycles nor values shared a million
 * times make this long. Names are the way from the top: "optimizer.state.0.step".
 */
#include "checkpoint/torch.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* Further down nothing is listed. */
#define DEPTH_MAX 12
/* More tensors than this are not listed. */
#define REST_MAX 100000
#define NAME_MAX_SHOWN 512

struct place {
    uint32_t value;
    unsigned depth;
    const char *name;
};

struct walk {
    struct fletch_torch *torch;
    uint32_t chosen;      /* the state dict, whose own tensors are no rest */
    uint8_t *seen;        /* [pickle.count] */
    struct place *places; /* [cap], `count` to be visited: a stack */
    size_t count, cap;
    size_t listed;
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
        size_t cap = walk->cap ? walk->cap * 2 : 64;
        struct place *grown = fletch_resize(walk->places, cap, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(walk->err, cap * sizeof(*grown), "a walk");
        walk->places = grown;
        walk->cap = cap;
    }
    walk->places[walk->count++] = *place;
    walk->seen[place->value] = 1;
    return FLETCH_OK;
}

/* The name of the i-th thing in a container; *out is NULL where it has none to show. */
static enum fletch_status name_item(const char **out, const struct walk *walk,
                                    const struct place *place, uint32_t i)
{
    struct fletch_arena *arena = walk->torch->list->arena;
    const struct fletch_pickle_value *value = value_at(walk, place->value), *key;
    const char *dot = place->depth ? "." : "";

    *out = NULL;
    if (strlen(place->name) > NAME_MAX_SHOWN)
        return FLETCH_OK;
    if (value->kind != FLETCH_PICKLE_DICT) {
        *out = fletch_arena_format(arena, "%s%s%u", place->name, dot, i);
    } else {
        key = value_at(walk, value->items[i - 1]);
        if (key->kind == FLETCH_PICKLE_INT)
            *out = fletch_arena_format(arena, "%s%s%" PRId64, place->name, dot, key->whole);
        else if (key->kind == FLETCH_PICKLE_TEXT && key->len < NAME_MAX_SHOWN &&
                 fletch_utf8_span(key->text, key->len) == key->len &&
                 !memchr(key->text, 0, key->len))
            *out = fletch_arena_format(arena, "%s%s%.*s", place->name, dot, (int)key->len,
                                       key->text);
        else
            return FLETCH_OK;
    }
    return *out ? FLETCH_OK : fletch_fail_memory(walk->err, NAME_MAX_SHOWN, "a name");
}

static enum fletch_status list_rest(struct walk *walk, const char *name)
{
    struct fletch_tensor_list *list = walk->torch->list;
    struct fletch_note *rest = fletch_arena_alloc(list->arena, sizeof(*rest));

    if (!rest)
        return fletch_fail_memory(walk->err, sizeof(*rest), "what is left out");
    *rest = (struct fletch_note){ name, list->rest };
    list->rest = rest;
    walk->listed++;
    return FLETCH_OK;
}

static enum fletch_status visit(struct walk *walk, const struct place *place)
{
    const struct fletch_pickle_value *value = value_at(walk, place->value);
    uint32_t step = value->kind == FLETCH_PICKLE_DICT ? 2 : 1;

    for (uint32_t i = step - 1; i < value->count && walk->listed < REST_MAX; i += step) {
        uint32_t item = value->items[i];
        bool inner = is_container(value_at(walk, item)) && !walk->seen[item] &&
                     place->depth < DEPTH_MAX;
        struct place below = { item, place->depth + 1, NULL };

        if (!inner && (place->value == walk->chosen ||
                       fletch_torch_what(walk->torch, item) != FLETCH_TORCH_TENSOR))
            continue;
        TRY(name_item(&below.name, walk, place, i));
        if (!below.name)
            continue;
        TRY(inner ? push(walk, &below) : list_rest(walk, below.name));
    }
    return FLETCH_OK;
}

enum fletch_status fletch_torch_rest(struct fletch_torch *torch, uint32_t chosen,
                                     struct fletch_error *err)
{
    struct walk walk = { .torch = torch, .chosen = chosen, .err = err };
    struct place place = { torch->pickle.top, 0, "" };
    enum fletch_status status = FLETCH_OK;

    walk.seen = fletch_alloc(torch->pickle.count);
    if (!walk.seen)
        return fletch_fail_memory(err, torch->pickle.count, "a walk");
    status = push(&walk, &place);
    while (!status && walk.count) {
        place = walk.places[--walk.count];
        status = visit(&walk, &place);
    }
    fletch_free(walk.places);
    fletch_free(walk.seen);
    return status;
}
