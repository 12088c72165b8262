/* SPDX-License-Identifier: MIT */
/* need.c - checks that some tensors identify the model
 *
 * missing_keys.c decides what is missing from a model. If not even the identifying names
 * are there, the message says what is there instead: layers without what precedes them, a
 * model below a prefix of the user's own, or something else. */
#include "family/families.h"

#include "base/natural.h"

#include <string.h>

/* The most prefixes that are tried: each needs a pass over all names. */
#define LOOKS_MAX 16

/* A prefix, with its dot, and what lies below it. */
struct below {
    const char *name; /* that has the prefix */
    size_t len;
    size_t count, own;  /* how many names are there, and how many of them are the model's */
    const char *needed; /* the first that the model needs and that is not among them */
};

/* True for a layer's tensor as the module of the layers alone calls it: "layer.0.output",
 * where the model says "encoder.layer.0.output". */
static bool is_bare_layer(const char *name, const struct fletch_model_class *model_class)
{
    const char *tail = model_class->layers ? strchr(model_class->layers, '.') : NULL;

    for (; tail && tail[1]; tail = strchr(tail + 1, '.')) {
        size_t len = strlen(tail + 1);

        if (!strncmp(name, tail + 1, len) && fletch_is_digit(name[len]))
            return true;
    }
    return false;
}

/* ---- Below a user's own prefix ---- */

static bool is_needed_there(const struct fletch_map_input *input, const struct below *below,
                            const char *needed)
{
    for (size_t i = 0; i < input->count; i++)
        if (!strncmp(input->names[i], below->name, below->len) &&
            fletch_own_match(needed, input->names[i] + below->len))
            return true;
    return false;
}

static void look_below(struct below *best, const struct fletch_map_input *input,
                       const char *name, size_t len)
{
    struct below below = { .name = name, .len = len };

    for (size_t i = 0; i < input->count; i++)
        if (!strncmp(input->names[i], name, len)) {
            below.count++;
            below.own +=
                fletch_own_any(input->model_class->patterns, input->names[i] + len);
        }
    /* classes share some names: of a model of this one most are its own */
    if (below.own <= best->own || below.own < below.count - below.own)
        return;
    for (const char *const *required = input->model_class->required;
         *required && !below.needed; required++)
        if (!is_needed_there(input, &below, *required))
            below.needed = *required;
    *best = below;
}

/* The prefix below which most names are the model's, some of its layers' among them. */
static void find_below(struct below *best, const struct fletch_map_input *input)
{
    const struct fletch_model_class *model_class = input->model_class;
    const char *last = "";
    size_t last_len = 0, looks = 0;

    *best = (struct below){ .name = NULL };
    for (size_t i = 0; i < input->count && looks < LOOKS_MAX; i++) {
        const char *name = input->names[i], *dot = strchr(name, '.');

        if (last_len && !strncmp(name, last, last_len))
            continue;
        while (dot && (fletch_layer_of(dot + 1, model_class) < 0 ||
                       !fletch_own_any(model_class->patterns, dot + 1)))
            dot = strchr(dot + 1, '.');
        if (!dot)
            continue;
        last = name;
        last_len = (size_t)(dot + 1 - name);
        look_below(best, input, last, last_len);
        looks++;
    }
}

/* ---- What to say ---- */

static enum fletch_status say_part(const struct fletch_map_input *input, size_t rows,
                                   const char *first, struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "not %s: of %zu tensors %zu are its own, such as '%.200s', but none "
                       "is in its layers, and there is no '%s'; %s",
                       input->model_class->class_name, input->count, rows, first,
                       input->model_class->required[0], fletch_type_hint(input));
}

static enum fletch_status say_none(const struct fletch_map_input *input,
                                   struct fletch_error *err)
{
    struct below below;

    find_below(&below, input);
    if (below.own && below.needed)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "below '%.*s' lie %zu tensors of %s, but not '%s', which it "
                           "cannot do without: start from the whole model",
                           (int)(below.len - 1 < 200 ? below.len - 1 : 200), below.name,
                           below.own, input->model_class->class_name, below.needed);
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "none of the tensors is one of %s's: the first of %zu is '%.200s', "
                       "expected such as '%s'; %s",
                       input->model_class->class_name, input->count, input->names[0],
                       input->model_class->required[0], fletch_type_hint(input));
}

enum fletch_status fletch_check_required(const struct fletch_mapping *mapped,
                                         const struct fletch_map_input *input,
                                         struct fletch_error *err)
{
    const char *const *required = input->model_class->required;
    const char *first = NULL;
    size_t rows = 0;

    if (!required)
        return FLETCH_OK;
    for (size_t i = 0; required[i]; i++)
        if (fletch_has_row(mapped, input, required[i]))
            return FLETCH_OK;
    if (!input->count)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "no tensors at all, expected those of %s, such as '%s'",
                           input->model_class->class_name, required[0]);
    for (size_t i = 0; i < input->count; i++) {
        if (!mapped[i].row || !*mapped[i].own)
            continue;
        if (fletch_layer_of(mapped[i].own, input->model_class) >= 0)
            return FLETCH_OK; /* what it lacks is found with all that is missing */
        first = first ? first : input->names[i];
        rows++;
    }
    for (size_t i = 0; i < input->count; i++)
        if (is_bare_layer(input->names[i], input->model_class))
            return fletch_fail(err, FLETCH_ERR_FAMILY,
                               "the encoder without its embeddings: tensor '%.200s' is "
                               "one of the layers of %s, which has '%s' besides; start "
                               "from the whole model",
                               input->names[i], input->model_class->class_name,
                               required[0]);
    TRY(fletch_refuse_adapters(input->names, input->count, err));
    return rows ? say_part(input, rows, first, err) : say_none(input, err);
}
