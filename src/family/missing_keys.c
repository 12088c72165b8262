/* SPDX-License-Identifier: MIT */
/* missing_keys.c - what a model's class has and a checkpoint lacks: whether the model is
 * whole
 *
 * Every layer that the config counts must have what the member's table says that layers
 * have, and what other layers of the checkpoint have. What loaders do without, optional.c
 * says. What is missing is counted without being listed, since a config may say any number
 * of layers.
 */
#include "family/families.h"

#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of what loaders do without so many are named; the rest is counted. */
#define SHOWN_MAX 4
/* Layers in one group of ALBERT's that are looked for: the library's default is one. */
#define INNER_MAX 4096
/* Room for what is behind a layer's number. */
#define REST_CAP 256

/* A row of a layer: its name behind the number. */
struct spot {
    const char *rest;
    int64_t layer;
};

struct search {
    const struct fletch_mapping *mapped;
    const struct fletch_map_input *input;
    const struct fletch_model_class *model_class;
    struct spot *spots; /* [spots_count], by rest and then layer, each once */
    size_t spots_count;
    int64_t layers; /* how many there must be */
    size_t cap;     /* of out->missing */
    size_t doable;  /* missing ones that loaders do without */
    const char *last_doable;
    struct fletch_missing_keys *out;
    struct fletch_arena *arena;
    struct fletch_error *err;
};

/* ---- The rows of layers ---- */

static int compare_spots(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    int order = strcmp(x->rest, y->rest);

    return order ? order : (x->layer > y->layer) - (x->layer < y->layer);
}

static enum fletch_status list_spots(struct search *search)
{
    const struct fletch_map_input *input = search->input;
    size_t len = search->model_class->layers ? strlen(search->model_class->layers) : 0;

    search->layers = fletch_layers_count(input);
    search->spots =
        fletch_arena_alloc_array(search->arena, input->count, sizeof(*search->spots));
    if (!search->spots)
        return fletch_fail_memory(search->err, input->count * sizeof(*search->spots),
                                  "layers");
    for (size_t i = 0; i < input->count; i++) {
        const char *own = search->mapped[i].row ? search->mapped[i].own : "";
        int64_t layer = fletch_layer_of(own, search->model_class);

        if (layer >= 0)
            search->spots[search->spots_count++] =
                (struct spot){ strchr(own + len, '.') + 1, layer };
    }
    qsort(search->spots, search->spots_count, sizeof(*search->spots), compare_spots);
    /* without a config the highest tells */
    for (size_t i = 0; !input->config && i < search->spots_count; i++)
        if (search->spots[i].layer >= search->layers)
            search->layers = search->spots[i].layer + 1;
    return FLETCH_OK;
}

/* The spots of a name: from *first; their count. */
static size_t find_spots(const struct spot **first, const struct search *search,
                         const char *rest)
{
    size_t low = 0, high = search->spots_count, end;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(search->spots[mid].rest, rest) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    end = low;
    while (end < search->spots_count && !strcmp(search->spots[end].rest, rest))
        end++;
    *first = search->spots + low;
    return end - low;
}

/* ---- What is missing ---- */

static enum fletch_status put_missing(struct search *search, const char *name)
{
    struct fletch_missing_keys *out = search->out;

    if (!name)
        return fletch_fail_memory(search->err, 0, "names");
    if (out->missing_listed == search->cap) {
        const char **grown = fletch_arena_grow(search->arena, out->missing, &search->cap,
                                               out->missing_listed + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(search->err,
                                      (out->missing_listed + 1) * sizeof(*grown), "names");
        out->missing = grown;
    }
    out->missing[out->missing_listed++] = name;
    return FLETCH_OK;
}

/* Where a name goes on with its bias, the word of its module: "LayerNorm.bias"; or NULL. */
static const char *bias_of(const char *name)
{
    size_t len = strlen(name), end = strlen(".bias");

    if (len <= end || strcmp(name + len - end, ".bias") != 0)
        return NULL;
    for (len -= end; len && name[len - 1] != '.';)
        len--;
    return name + len;
}

/* Whether the class that config.json names is one that has no pooler. */
static bool is_unpooled(const struct search *search)
{
    const json_t *classes = json_object_get(search->input->config, "architectures");
    const char *name = json_string_value(json_array_get(classes, 0));
    const char *const *end = search->model_class->unpooled;
    size_t len = name ? strlen(name) : 0;

    for (; len && end && *end; end++)
        if (len >= strlen(*end) && !strcmp(name + len - strlen(*end), *end))
            return true;
    return false;
}

/* What loaders do without: a module's weight stands for its bias. */
static enum fletch_status put_optional(struct search *search, const char *glob,
                                       const char *reason)
{
    const char *last = search->last_doable, *bias = bias_of(glob);
    size_t len = strlen(glob) - strlen("bias");

    if (bias && last && !strncmp(last, glob, len) && !strcmp(last + len, "weight"))
        return FLETCH_OK;
    search->last_doable = glob;
    if (!strncmp(glob, "pooler.", strlen("pooler.")) && is_unpooled(search))
        return FLETCH_OK;
    if (search->doable++ >= SHOWN_MAX)
        return FLETCH_OK;
    return fletch_missing_keys_warn(
        search->out,
        fletch_arena_format(search->arena,
                            "the checkpoint has no tensor '%s', which %s has: nothing is "
                            "invented, there is no such row (%s)",
                            glob, search->model_class->class_name, reason),
        search->err);
}

/* The layers that have no tensor of that name. */
static enum fletch_status check_layers(struct search *search, const char *rest)
{
    int64_t from = fletch_own_any(search->model_class->later, rest) ? 1 : 0;
    const struct spot *spot;
    size_t count = find_spots(&spot, search, rest), in = 0;

    for (size_t i = 0; i < count; i++)
        in += spot[i].layer >= from && spot[i].layer < search->layers;
    if (search->layers <= from || (uint64_t)(search->layers - from) <= in)
        return FLETCH_OK;
    search->out->missing_count += (uint64_t)(search->layers - from) - in;
    for (int64_t layer = from;
         layer < search->layers && search->out->missing_listed < FLETCH_MISSING_MAX;
         layer++) {
        while (count && spot->layer < layer) {
            spot++;
            count--;
        }
        if (!count || spot->layer != layer)
            TRY(put_missing(search,
                            fletch_arena_format(search->arena, "%s%" PRId64 ".%s",
                                                search->model_class->layers, layer, rest)));
    }
    return FLETCH_OK;
}

/* A wanted name of layers, which may have a second star. */
static enum fletch_status check_numbered(struct search *search, const char *rest)
{
    const char *star = strstr(rest, ".*.");
    int64_t said = fletch_inner_count(search->input), inner = said < 0 ? 1 : said;

    if (!star)
        return check_layers(search, rest);
    for (int64_t i = 0; i < inner && i < INNER_MAX; i++) {
        const char *one =
            fletch_arena_format(search->arena, "%.*s.%d.%s", (int)(star - rest), rest,
                                (int)i, star + strlen(".*."));

        if (!one)
            return fletch_fail_memory(search->err, strlen(rest), "names");
        TRY(check_layers(search, one));
    }
    return FLETCH_OK;
}

/* ---- What config.json decides ---- */

static bool has_word(const json_t *value, const char *word)
{
    const char *text = json_string_value(value);
    bool found = text && strstr(text, word);
    size_t i;
    json_t *item;

    json_array_foreach(value, i, item)
    {
        text = json_string_value(item);
        found |= text && !strcmp(text, word);
    }
    return found;
}

static bool holds(const struct search *search, const struct fletch_condition *condition)
{
    const json_t *value = fletch_json_at(search->input->config, condition->path);
    double number =
        json_is_number(value) ? json_number_value(value) : condition->default_value;
    bool truth =
        json_is_boolean(value) ? json_is_true(value) : condition->default_value != 0;

    switch (condition->kind) {
    case FLETCH_WHEN_TRUE:
        return truth;
    case FLETCH_WHEN_FALSE:
        return !truth;
    case FLETCH_WHEN_POSITIVE:
        return number > 0;
    case FLETCH_WHEN_ZERO:
        return number <= 0;
    case FLETCH_WHEN_NAMED:
        return has_word(value, condition->word);
    case FLETCH_WHEN_DIFFERS:
        return number > 0 &&
               number != (double)fletch_family_count(search->model_class, condition->word,
                                                     search->input->config);
    }
    return true;
}

/* Whether this configuration of the class has the wanted name. Without a config nothing
 * says so. */
static bool is_configured(const struct search *search, const char *glob)
{
    const struct fletch_condition *condition = search->model_class->conditions;

    for (; condition && condition->glob; condition++)
        if (!strcmp(condition->glob, glob) &&
            (!search->input->config || !holds(search, condition)))
            return false;
    return true;
}

/* ---- All of it ---- */

static enum fletch_status check_wanted(struct search *search, const char *glob)
{
    size_t len = search->model_class->layers ? strlen(search->model_class->layers) : 0;
    bool numbered =
        len && !strncmp(glob, search->model_class->layers, len) && glob[len] == '*';
    bool there = fletch_has_row(search->mapped, search->input, glob);
    const char *reason = NULL;

    if (!is_configured(search, glob))
        return FLETCH_OK;
    if (!there)
        reason = fletch_why_optional(search->mapped, search->input, glob);
    if (reason)
        return put_optional(search, glob, reason);
    if (numbered)
        return check_numbered(search, glob + len + strlen("*."));
    if (there)
        return FLETCH_OK;
    search->out->missing_count++;
    return search->out->missing_listed < FLETCH_MISSING_MAX ? put_missing(search, glob)
                                                            : FLETCH_OK;
}

static bool is_wanted(const struct search *search, const char *rest)
{
    const char *const *lists[] = { search->model_class->required,
                                   search->model_class->expected };
    size_t len = strlen(search->model_class->layers) + strlen("*.");

    for (size_t list = 0; list < 2; list++)
        for (const char *const *glob = lists[list]; glob && *glob; glob++)
            if (strlen(*glob) > len && fletch_own_match(*glob + len, rest) &&
                is_configured(search, *glob))
                return true;
    return false;
}

/* What the table does not ask for, but some layers have: all of them must. */
static enum fletch_status check_uneven(struct search *search)
{
    const struct spot *end = search->spots + search->spots_count;

    for (const struct spot *spot = search->spots; spot < end; spot++)
        if ((spot == search->spots || strcmp(spot->rest, spot[-1].rest) != 0) &&
            !is_wanted(search, spot->rest) &&
            !fletch_own_any(search->model_class->optional_per_layer, spot->rest))
            TRY(check_layers(search, spot->rest));
    return FLETCH_OK;
}

/* ---- One set of several ---- */

static bool has_spot(const struct search *search, const char *rest, int64_t layer)
{
    const struct spot spot = { rest, layer };

    return search->spots_count &&
           bsearch(&spot, search->spots, search->spots_count, sizeof(spot), compare_spots);
}

/* How many of the set's names the layer has; *whole when all, *anywhere those of all
 * layers. */
static size_t count_set(bool *whole, size_t *anywhere, const struct search *search,
                        const struct fletch_layer_set *set, int64_t layer)
{
    const struct spot *first;
    size_t here = 0, names = 0;

    *anywhere = 0;
    for (; set->names[names]; names++) {
        here += has_spot(search, set->names[names], layer);
        *anywhere += find_spots(&first, search, set->names[names]);
    }
    *whole = here == names;
    return here;
}

/* Where no set is whole, the one that most of is there counts as what the layer lacks: in
 * this layer, or else in all. */
static enum fletch_status check_set(struct search *search, int64_t layer)
{
    const struct fletch_layer_set *set = search->model_class->layer_sets, *best = set;
    size_t best_here = 0, best_anywhere = 0;

    for (; *set->names; set++) {
        size_t anywhere;
        bool whole;
        size_t here = count_set(&whole, &anywhere, search, set, layer);

        if (whole)
            return FLETCH_OK;
        if (here < best_here || (here == best_here && anywhere <= best_anywhere))
            continue;
        best = set;
        best_here = here;
        best_anywhere = anywhere;
    }
    for (const char *const *name = best->names; *name; name++) {
        if (has_spot(search, *name, layer) || is_wanted(search, *name))
            continue; /* what is wanted of every layer is counted already */
        search->out->missing_count++;
        if (search->out->missing_listed < FLETCH_MISSING_MAX)
            TRY(put_missing(search, fletch_arena_format(search->arena, "%s%" PRId64 ".%s",
                                                        search->model_class->layers, layer,
                                                        *name)));
    }
    return FLETCH_OK;
}

/* True when the config decides for one of the sets, all of whose names are expected. */
static bool is_set_decided(const struct search *search)
{
    for (const struct fletch_layer_set *set = search->model_class->layer_sets; *set->names;
         set++) {
        bool wanted = true;

        for (const char *const *name = set->names; *name; name++)
            wanted &= is_wanted(search, *name);
        if (wanted)
            return true;
    }
    return false;
}

/* Of a layer that has nothing at all, the names that every layer has tell. */
static enum fletch_status check_sets(struct search *search)
{
    if (!search->model_class->layer_sets || is_set_decided(search))
        return FLETCH_OK;
    for (int64_t layer = 0; layer < search->layers && layer < (int64_t)search->spots_count;
         layer++)
        TRY(check_set(search, layer));
    return FLETCH_OK;
}

/* True when the class has something in front of its layers, as word embeddings, and the
 * checkpoint has layers but nothing of that. */
static bool is_encoder_alone(const struct search *search)
{
    const struct fletch_model_class *model_class = search->model_class;
    const char *front = model_class->required ? model_class->required[0] : "";
    size_t len = strcspn(front, ".") + 1;

    if (!search->spots_count || len > strlen(front) ||
        !strncmp(front, model_class->layers, len))
        return false;
    for (size_t i = 0; i < search->input->count; i++)
        if (search->mapped[i].row && !strncmp(search->mapped[i].own, front, len))
            return false;
    return true;
}

/* The first layer without a row. */
static enum fletch_status find_layers(struct search *search)
{
    bool *seen = fletch_alloc_array(search->spots_count + 1, sizeof(*seen));
    int64_t first = 0;

    if (!seen)
        return fletch_fail_memory(search->err, search->spots_count + 1, "layers");
    memset(seen, 0, (search->spots_count + 1) * sizeof(*seen));
    for (size_t i = 0; i < search->spots_count; i++)
        if (search->spots[i].layer < (int64_t)search->spots_count)
            seen[search->spots[i].layer] = true;
    while (seen[first])
        first++;
    fletch_free(seen);
    if (is_encoder_alone(search))
        search->out->layers =
            "the encoder without its embeddings: start from the whole model";
    if (first >= search->layers || !search->input->config)
        return FLETCH_OK;
    search->out->layers = fletch_arena_format(
        search->arena,
        "%s %" PRId64 ", but the checkpoint has no tensor of layer %" PRId64 " (%s%" PRId64
        ".*)",
        search->input->layers_said, search->layers, first, search->model_class->layers,
        first);
    return search->out->layers ? FLETCH_OK : fletch_fail_memory(search->err, 0, "layers");
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return fletch_natural_compare(*x, *y);
}

enum fletch_status fletch_find_missing_keys(struct fletch_missing_keys *out,
                                            const struct fletch_mapping *mapped,
                                            const struct fletch_map_input *input,
                                            struct fletch_arena *arena,
                                            struct fletch_error *err)
{
    struct search search = { .mapped = mapped,
                             .input = input,
                             .model_class = input->model_class,
                             .out = out,
                             .arena = arena,
                             .err = err };
    const char *const *lists[] = { input->model_class->required,
                                   input->model_class->expected };

    TRY(list_spots(&search));
    for (size_t list = 0; list < 2; list++)
        for (const char *const *glob = lists[list]; glob && *glob; glob++)
            TRY(check_wanted(&search, *glob));
    if (input->model_class->layers) {
        TRY(check_uneven(&search));
        TRY(check_sets(&search));
        TRY(find_layers(&search));
    }
    if (out->missing_listed)
        qsort(out->missing, out->missing_listed, sizeof(*out->missing), compare_names);
    if (search.doable <= SHOWN_MAX)
        return FLETCH_OK;
    return fletch_missing_keys_warn(
        out,
        fletch_arena_format(arena,
                            "the checkpoint lacks %zu more of %s's "
                            "tensors",
                            search.doable - SHOWN_MAX, input->model_class->class_name),
        err);
}
