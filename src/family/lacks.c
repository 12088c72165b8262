/* SPDX-License-Identifier: MIT */
/* lacks.c - what a model's class has and a checkpoint lacks, in words
 *
 * Loaders fill gaps with what they make up, so whoever converts is told of them: of what
 * the member's table says that the class has, of what some layers have and others lack, of
 * layers without any tensor, or too many of them, and of weights that are none.
 */
#include "family/families.h"

#include "base/glob.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of each kind so many are named; the rest is counted. */
#define SHOWN_MAX 4

#define NO_ROW "nothing is invented, there is no such row"

/* A row of a layer: its name behind the number. */
struct spot {
    const char *rest;
    int64_t layer;
};

struct lacks {
    const struct fletch_mapping *mapped;
    const struct fletch_map_input *input;
    struct spot *spots; /* [spots_count], by rest and then layer */
    size_t spots_count;
    int64_t *layers; /* [layers_count], each once, rising: those with rows */
    size_t layers_count;
    const char **out; /* [count] */
    size_t count;
    struct fletch_arena *arena;
    struct fletch_error *err;
};

static enum fletch_status say(struct lacks *lacks, const char *text)
{
    if (!text)
        return fletch_fail_memory(lacks->err, 0, "warnings");
    lacks->out[lacks->count++] = text;
    return FLETCH_OK;
}

/* ---- What the table says ---- */

/* True for the bias of the module whose weight is `weight`. */
static bool is_bias_of(const char *weight, const char *glob)
{
    size_t len = strlen(glob) - strlen(".bias");

    return weight && fletch_glob_match("*.bias", glob) && !strncmp(weight, glob, len) &&
           !strcmp(weight + len, ".weight");
}

static enum fletch_status list_wanted(struct lacks *lacks)
{
    const struct fletch_member *member = lacks->input->member;
    const char *const *lists[] = { member->need, member->wants };
    const char *last = NULL; /* that is missing: a module's weight stands for its bias */
    size_t missing = 0;

    for (size_t list = 0; list < 2; list++)
        for (const char *const *glob = lists[list]; glob && *glob; glob++) {
            if (fletch_has_row(lacks->mapped, lacks->input, *glob, list > 0) ||
                is_bias_of(last, *glob))
                continue;
            last = *glob;
            if (missing++ < SHOWN_MAX)
                TRY(say(lacks,
                        fletch_arena_format(
                            lacks->arena,
                            "the checkpoint has no tensor '%s', which %s has: " NO_ROW,
                            *glob, member->class_name)));
        }
    if (missing <= SHOWN_MAX)
        return FLETCH_OK;
    return say(lacks, fletch_arena_format(lacks->arena,
                                          "the checkpoint lacks %zu more of %s's tensors",
                                          missing - SHOWN_MAX, member->class_name));
}

/* ---- Layers that differ ---- */

static int compare_spots(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    int order = strcmp(x->rest, y->rest);

    return order ? order : (x->layer > y->layer) - (x->layer < y->layer);
}

static int compare_layers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static enum fletch_status list_spots(struct lacks *lacks)
{
    const struct fletch_map_input *input = lacks->input;
    size_t len = input->member->layers ? strlen(input->member->layers) : 0;
    size_t kept = 0;

    lacks->spots =
        fletch_arena_alloc_array(lacks->arena, input->count, sizeof(*lacks->spots));
    lacks->layers =
        fletch_arena_alloc_array(lacks->arena, input->count, sizeof(*lacks->layers));
    if (!lacks->spots || !lacks->layers)
        return fletch_fail_memory(lacks->err, input->count * sizeof(*lacks->spots),
                                  "layers");
    for (size_t i = 0; i < input->count; i++) {
        const char *row = lacks->mapped[i].row;
        int64_t layer = row ? fletch_layer_of(row, input->member) : -1;

        if (layer < 0)
            continue;
        lacks->layers[lacks->spots_count] = layer;
        lacks->spots[lacks->spots_count++] =
            (struct spot){ strchr(row + len, '.') + 1, layer };
    }
    qsort(lacks->spots, lacks->spots_count, sizeof(*lacks->spots), compare_spots);
    qsort(lacks->layers, lacks->spots_count, sizeof(*lacks->layers), compare_layers);
    for (size_t i = 0; i < lacks->spots_count; i++)
        if (!kept || lacks->layers[i] != lacks->layers[kept - 1])
            lacks->layers[kept++] = lacks->layers[i];
    lacks->layers_count = kept;
    kept = 0;
    for (size_t i = 0; i < lacks->spots_count; i++) /* "01" and "1" are one layer */
        if (!kept || compare_spots(&lacks->spots[i], &lacks->spots[kept - 1]) != 0)
            lacks->spots[kept++] = lacks->spots[i];
    lacks->spots_count = kept;
    return FLETCH_OK;
}

/* Says which layers lack what those of the spots from `spot` to `end` have, as long as
 * there is room for it. */
static enum fletch_status name_missing(struct lacks *lacks, size_t room,
                                       const struct spot *spot, const struct spot *end)
{
    const char *rest = spot->rest;

    for (size_t i = 0; i < lacks->layers_count && room; i++) {
        if (spot < end && spot->layer == lacks->layers[i]) {
            spot++;
        } else {
            room--;
            TRY(say(lacks,
                    fletch_arena_format(lacks->arena,
                                        "layer %" PRId64
                                        " has no '%s', which other layers have: " NO_ROW,
                                        lacks->layers[i], rest)));
        }
    }
    return FLETCH_OK;
}

static enum fletch_status list_uneven(struct lacks *lacks)
{
    const struct spot *end = lacks->spots + lacks->spots_count;
    size_t missing = 0;

    for (const struct spot *first = lacks->spots, *next; first < end; first = next) {
        next = first + 1;
        while (next < end && !strcmp(next->rest, first->rest))
            next++;
        if (fletch_glob_any(lacks->input->member->uneven, first->rest))
            continue;
        if (missing < SHOWN_MAX)
            TRY(name_missing(lacks, SHOWN_MAX - missing, first, next));
        missing += lacks->layers_count - (size_t)(next - first);
    }
    if (missing <= SHOWN_MAX)
        return FLETCH_OK;
    return say(lacks, fletch_arena_format(lacks->arena,
                                          "layers lack %zu more tensors that others have",
                                          missing - SHOWN_MAX));
}

/* ---- The number of layers ---- */

/* The first layer without a row, and layers that are left out. */
static enum fletch_status list_layers(struct lacks *lacks)
{
    const struct fletch_map_input *input = lacks->input;
    int64_t layers = fletch_layers_count(input), first = 0;
    size_t beyond = 0;

    while (first < (int64_t)lacks->layers_count && lacks->layers[first] == first)
        first++;
    for (size_t i = 0; i < input->count; i++)
        beyond += lacks->mapped[i].beyond;
    if (first < layers)
        TRY(say(lacks, fletch_arena_format(lacks->arena,
                                           "%s %" PRId64 ", but the checkpoint has no "
                                           "tensor of layer %" PRId64 " (%s%" PRId64 ".*)",
                                           input->layers_said, layers, first,
                                           input->member->layers, first)));
    if (!beyond)
        return FLETCH_OK;
    return say(lacks, fletch_arena_format(lacks->arena,
                                          "%s %" PRId64 ", but the checkpoint has more "
                                          "layers: %zu tensors of them are left out",
                                          input->layers_said, layers, beyond));
}

/* ---- What is no weight ---- */

static enum fletch_status list_unfit(struct lacks *lacks)
{
    const json_t *config = fletch_json_at(lacks->input->config, "quantization_config");
    const char *method = json_string_value(json_object_get(config, "quant_method"));
    const char *unfit;

    TRY(fletch_find_unfit(&unfit, lacks->input, lacks->arena, lacks->err));
    if (unfit)
        TRY(say(lacks, unfit));
    if (!json_is_object(config) || unfit)
        return FLETCH_OK;
    return say(lacks,
               fletch_arena_format(lacks->arena,
                                   "config.json has a quantization_config (%.64s): rows "
                                   "are as the tensors are, nothing is dequantized",
                                   method ? method : "no quant_method"));
}

enum fletch_status fletch_family_lacks(const char *out[FLETCH_LACKS_MAX], size_t *count,
                                       const struct fletch_mapping *mapped,
                                       const struct fletch_map_input *input,
                                       struct fletch_arena *arena, struct fletch_error *err)
{
    struct lacks lacks = {
        .mapped = mapped, .input = input, .out = out, .arena = arena, .err = err
    };

    TRY(list_unfit(&lacks));
    TRY(list_wanted(&lacks));
    TRY(list_spots(&lacks));
    TRY(list_uneven(&lacks));
    TRY(list_layers(&lacks));
    *count = lacks.count;
    return FLETCH_OK;
}
