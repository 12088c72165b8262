/* SPDX-License-Identifier: MIT */
/* family.c - names of a checkpoint into names of rows, config values with their defaults
 *
 * A name goes this way: renames (LayerNorm.gamma), then drops, then the prefix of head
 * models comes off where what is left is one of the model's own names, then the model must
 * own it, then `output`. That is how newer releases of the transformers library load, so
 * checkpoints that mix names with and without prefix work too.
 */
#include "family/families.h"

#include "base/glob.h"
#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is below "prefix." in a name, or NULL. */
static const char *below(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(name, prefix, len) != 0 || name[len] != '.')
        return NULL;
    return name + len + 1;
}

/* The name without the member's first prefix that it has; itself when it has none. */
static const char *without_prefix(const char *name,
                                  const struct fletch_model_class *model_class)
{
    for (size_t i = 0; i < 3 && model_class->prefixes[i]; i++) {
        const char *rest = below(name, model_class->prefixes[i]);

        if (rest)
            return rest;
    }
    return name;
}

enum fletch_status fletch_rename_one(const char **out, const char *name,
                                     const struct fletch_rename *renames,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    *out = name;
    for (; renames && renames->from; renames++) {
        if (!fletch_glob_match(renames->from, name))
            continue;
        if (*renames->from == '*') {
            size_t kept = strlen(name) - strlen(renames->from + 1);

            *out = fletch_arena_format(arena, "%.*s%s", (int)kept, name, renames->to + 1);
        } else {
            *out = renames->to;
        }
        return *out ? FLETCH_OK : fletch_fail_memory(err, strlen(name), "names");
    }
    return FLETCH_OK;
}

/* Sets *out to the model's own name for a checkpoint's; NULL when it has none. */
static enum fletch_status own_name(const char **out, const char *name,
                                   const struct fletch_model_class *model_class,
                                   struct fletch_arena *arena, struct fletch_error *err)
{
    const char *rest;

    *out = name;
    if (!model_class->patterns)
        return FLETCH_OK;
    for (size_t i = 0; i < 3 && model_class->prefixes[i]; i++) {
        rest = below(name, model_class->prefixes[i]);
        if (rest && fletch_own_any(model_class->patterns, rest)) {
            *out = rest;
            return FLETCH_OK;
        }
    }
    if (fletch_own_any(model_class->patterns, name))
        return FLETCH_OK;
    *out = NULL;
    if (!model_class->add)
        return FLETCH_OK;
    rest = fletch_arena_format(arena, "%s%s", model_class->add, name);
    if (!rest)
        return fletch_fail_memory(err, strlen(name), "names");
    if (fletch_own_any(model_class->patterns, rest))
        *out = rest;
    return FLETCH_OK;
}

/* The rule that leaves a name out; NULL. `own` is what the model calls it, or NULL. */
static const struct fletch_drop *find_drop(const char *name, const char *own,
                                           const struct fletch_map_input *input)
{
    const struct fletch_drop *drop = input->family->drops;
    const char *rest = without_prefix(name, input->model_class);

    for (; drop && drop->glob; drop++) {
        if (!fletch_glob_match(drop->glob, name) && !fletch_glob_match(drop->glob, rest))
            continue;
        if (own && drop->unowned)
            continue;
        if (!drop->when_false ||
            json_is_false(fletch_json_at(input->config, drop->when_false)))
            return drop;
    }
    return NULL;
}

/* Whether what a rule leaves out is a row all the same. */
static bool is_kept(const struct fletch_drop *drop, const struct fletch_map_input *input)
{
    const char *name = json_string_value(
        json_array_get(json_object_get(input->config, "architectures"), 0));

    return drop->head &&
           (input->keep_heads || (drop->kept_by && name && strstr(name, drop->kept_by)));
}

/* The number that a name's next word is; -1 for another word. */
static int64_t number_at(const char *digit)
{
    int64_t number = 0;

    if (!fletch_is_digit(*digit))
        return -1;
    for (; fletch_is_digit(*digit); digit++)
        number = number > INT32_MAX ? number : number * 10 + (*digit - '0');
    return *digit == '.' ? number : -1;
}

int64_t fletch_layer_of(const char *own, const struct fletch_model_class *model_class)
{
    size_t len = model_class->layers ? strlen(model_class->layers) : 0;

    return len && !strncmp(own, model_class->layers, len) ? number_at(own + len) : -1;
}

/* The number inside a group of layers: 1 of "layer_groups.0.layers.1.ffn"; or -1. */
static int64_t inner_of(const char *own, const struct fletch_model_class *model_class)
{
    const char *word;

    if (!model_class->inner_path || fletch_layer_of(own, model_class) < 0)
        return -1;
    word = strchr(own + strlen(model_class->layers), '.') + 1;
    word += strcspn(word, ".");
    return *word ? number_at(word + 1) : -1;
}

/* A count that config.json states at a path of its own: 1 without a value. */
static int64_t count_at(const struct fletch_map_input *input, const char *path)
{
    const json_t *value = fletch_json_at(input->config, path);
    json_int_t count = json_is_integer(value) ? json_integer_value(value) : 1;

    return count < 1 || count > INT32_MAX ? 1 : (int64_t)count;
}

int64_t fletch_inner_count(const struct fletch_map_input *input)
{
    const char *path = input->model_class->inner_path;

    return input->config && path ? count_at(input, path) : -1;
}

int64_t fletch_layers_count(const struct fletch_map_input *input)
{
    const struct fletch_model_class *model_class = input->model_class;

    if (!input->config || !model_class->layers)
        return -1;
    if (model_class->layers_path)
        return count_at(input, model_class->layers_path);
    return fletch_family_count(input->model_class, input->model_class->layers_key,
                               input->config);
}

const char *fletch_layers_said(const struct fletch_map_input *input, bool inner,
                               struct fletch_arena *arena)
{
    const char *path = input->model_class->inner_path;

    if (!inner)
        return fletch_arena_format(arena, "%s %" PRId64, input->layers_said,
                                   fletch_layers_count(input));
    return fletch_arena_format(
        arena, "config.json %s %s %" PRId64,
        fletch_json_at(input->config, path) ? "says" : "is silent and the default is", path,
        fletch_inner_count(input));
}

/* Whether a layer is one more than the config counts. */
static bool is_beyond(struct fletch_mapping *out, const char *own,
                      const struct fletch_map_input *input)
{
    int64_t layers = fletch_layers_count(input), inner = fletch_inner_count(input);

    out->beyond = fletch_layer_of(own, input->model_class);
    if (layers >= 0 && out->beyond >= layers)
        return true;
    out->beyond = inner_of(own, input->model_class);
    out->inner = inner >= 0 && out->beyond >= inner;
    if (!out->inner)
        out->beyond = 0;
    return out->inner;
}

/* Where a name lies that is none of the model's: `name` is without wrappers. */
static enum fletch_place place_of(const char *name,
                                  const struct fletch_model_class *model_class)
{
    const char *rest = without_prefix(name, model_class), *layers = model_class->layers;
    size_t len = strcspn(rest, ".") + 1,
           add = model_class->add ? strlen(model_class->add) : 0;

    if (layers && add && !strncmp(layers, model_class->add, add) &&
        !strncmp(rest, layers + add, strlen(layers + add)))
        return FLETCH_PLACE_LAYER;
    if (layers && !strncmp(rest, layers, strlen(layers)))
        return FLETCH_PLACE_LAYER;
    for (const char *const *own = model_class->patterns; rest[len - 1] && *own; own++)
        if (!strncmp(rest, *own, len))
            return FLETCH_PLACE_MODEL;
    return FLETCH_PLACE_OUTSIDE;
}

/* Decides about one name, duplicates aside. */
static enum fletch_status map_one(struct fletch_mapping *out, const char *name,
                                  const struct fletch_map_input *input,
                                  struct fletch_arena *arena, struct fletch_error *err)
{
    const struct fletch_model_class *model_class = input->model_class;
    const struct fletch_drop *drop;
    const char *bare, *own, *said;

    *out = (struct fletch_mapping){ .row = NULL };
    TRY(fletch_unwrap(&bare, name, model_class->patterns != NULL, arena, err));
    out->own = out->row = bare;
    if (!model_class->patterns)
        return FLETCH_OK;
    *out = (struct fletch_mapping){ .row = NULL };
    TRY(fletch_rename_one(&bare, bare, input->family->renames, arena, err));
    TRY(own_name(&own, bare, model_class, arena, err));
    drop = find_drop(bare, own, input);
    if (drop) {
        out->head = drop->head;
        if (is_kept(drop, input))
            *out = (struct fletch_mapping){ .row = bare, .own = "", .head = true };
        else
            out->reason = drop->reason;
        return FLETCH_OK;
    }
    if (!own) {
        out->reason = fletch_arena_format(arena, "not part of %s", model_class->class_name);
        out->unknown = place_of(bare, model_class);
    } else if (is_beyond(out, own, input)) {
        said = fletch_layers_said(input, out->inner, arena);
        out->reason =
            said ? fletch_arena_format(arena, "%s, and layers are numbered from 0", said)
                 : NULL;
    } else {
        out->own = own;
        return fletch_rename_one(&out->row, own, input->family->output, arena, err);
    }
    return out->reason ? FLETCH_OK : fletch_fail_memory(err, strlen(name), "reasons");
}

enum fletch_status fletch_model_class_has(bool *out, const struct fletch_family *family,
                                          const struct fletch_model_class *model_class,
                                          const char *name, struct fletch_arena *arena,
                                          struct fletch_error *err)
{
    const struct fletch_map_input input = { .family = family, .model_class = model_class };
    const char *own;

    *out = false;
    TRY(fletch_unwrap(&own, name, true, arena, err));
    TRY(fletch_rename_one(&own, own, family->renames, arena, err));
    name = own;
    TRY(own_name(&own, name, model_class, arena, err));
    *out = own && !find_drop(name, own, &input);
    return FLETCH_OK;
}

/* ---- Two sources for one row ---- */

struct claim {
    const char *row;
    size_t index; /* of its name */
};

static int compare_claims(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = strcmp(x->row, y->row);

    if (order)
        return order;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* True when two names differ in nothing but the prefix. */
static bool same_but_prefix(const char *a, const char *b,
                            const struct fletch_model_class *model_class)
{
    const char *x = without_prefix(a, model_class), *y = without_prefix(b, model_class);
    size_t len = model_class->add ? strlen(model_class->add) : 0;

    if (len && !strncmp(x, model_class->add, len))
        x += len;
    if (len && !strncmp(y, model_class->add, len))
        y += len;
    return !strcmp(x, y);
}

/* Of names that differ in the prefix the naturally first is the row's source, as the
 * library has it; any other pair is a contradiction. */
static enum fletch_status
choose_source(struct fletch_mapping *out, const struct fletch_map_input *input,
              const struct claim *first, const struct claim *other,
              struct fletch_arena *arena, struct fletch_error *err)
{
    const char *winner = input->names[first->index], *name = input->names[other->index];
    struct fletch_mapping *mapping = &out[other->index];

    if (!same_but_prefix(winner, name, input->model_class))
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "tensors '%.120s' and '%.120s' would both be the row '%.120s'",
                           winner, name, first->row);
    mapping->row = NULL;
    mapping->reason =
        fletch_arena_format(arena, "has the same name as '%s', which comes first", winner);
    return mapping->reason ? FLETCH_OK : fletch_fail_memory(err, strlen(name), "reasons");
}

static enum fletch_status choose_sources(struct fletch_mapping *out,
                                         const struct fletch_map_input *input,
                                         struct fletch_arena *arena,
                                         struct fletch_error *err)
{
    struct claim *claims = fletch_alloc_array(input->count, sizeof(*claims));
    size_t count = 0, first = 0;
    enum fletch_status status = FLETCH_OK;

    if (!claims)
        return fletch_fail_memory(err, input->count * sizeof(*claims), "rows");
    for (size_t i = 0; i < input->count; i++)
        if (out[i].row)
            claims[count++] = (struct claim){ out[i].row, i };
    qsort(claims, count, sizeof(*claims), compare_claims);
    for (size_t i = 1; i < count && !status; i++) {
        if (strcmp(claims[i].row, claims[first].row) != 0)
            first = i;
        else
            status = choose_source(out, input, &claims[first], &claims[i], arena, err);
    }
    fletch_free(claims);
    return status;
}

/* ---- All names ---- */

bool fletch_has_row(const struct fletch_mapping *mapped,
                    const struct fletch_map_input *input, const char *glob)
{
    for (size_t i = 0; i < input->count; i++)
        if (mapped[i].row && fletch_own_match(glob, mapped[i].own))
            return true;
    return false;
}

/* Whatever its tensors are called: config.json says so. */
static enum fletch_status refuse_quantized(const json_t *config, struct fletch_error *err)
{
    static const char *const keys[] = { "quantization_config", "quantization" };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *value = fletch_json_at(config, keys[i]);
        const char *method = json_string_value(json_object_get(value, "quant_method"));

        if (json_is_object(value) && json_object_size(value))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "config.json has a %s%s%.64s%s: the weights are quantized; "
                               "start from the model before it was quantized, or "
                               "dequantize it and save it first",
                               keys[i], method ? " (" : "", method ? method : "",
                               method ? ")" : "");
    }
    return FLETCH_OK;
}

enum fletch_status fletch_family_map(struct fletch_mapping *out,
                                     const struct fletch_map_input *input,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    const char *unsupported = NULL;

    if (input->model_class->patterns)
        TRY(fletch_find_unsupported_weights(&unsupported, input, arena, err));
    if (unsupported)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "%s", unsupported);
    if (input->model_class->patterns)
        TRY(refuse_quantized(input->config, err));
    for (size_t i = 0; i < input->count; i++)
        TRY(map_one(&out[i], input->names[i], input, arena, err));
    if (!input->model_class->patterns)
        TRY(fletch_unwrap_modules(out, input->count, arena, err));
    TRY(choose_sources(out, input, arena, err));
    return fletch_check_required(out, input, err);
}
