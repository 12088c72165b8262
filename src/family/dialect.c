/* SPDX-License-Identifier: MIT */
/* dialect.c - see dialect.h */
#include "family/dialects.h"
#include "family/families.h"

#include "base/glob.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Nothing that a config.json counts is more. */
#define VALUE_MAX ((double)INT32_MAX)

#define REFER_DIALECT(name) &fletch_dialect_##name,
static const struct fletch_dialect *const dialects[] = { DIALECTS(REFER_DIALECT) };
#undef REFER_DIALECT

#define DIALECTS_COUNT (sizeof(dialects) / sizeof(dialects[0]))

const struct fletch_dialect *fletch_dialect_get(size_t i)
{
    return i < DIALECTS_COUNT ? dialects[i] : NULL;
}

/* ---- Recognition ---- */

/* The name behind the prefix; NULL when it lacks it. */
static const char *behind(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(name, prefix, len) ? NULL : name + len;
}

static const struct fletch_shape *find(const struct fletch_dialect_input *input,
                                       const char *prefix, const char *glob)
{
    for (size_t i = 0; i < input->count; i++) {
        const char *name = behind(input->tensors[i].name, prefix);

        if (name && fletch_glob_match(glob, name))
            return &input->tensors[i];
    }
    return NULL;
}

static bool has_all(const struct fletch_dialect *dialect, const char *prefix,
                    const struct fletch_dialect_input *input)
{
    for (const char *const *required = dialect->required; *required; required++)
        if (!find(input, prefix, *required))
            return false;
    return true;
}

bool fletch_dialect_fits(const char **prefix, const struct fletch_dialect *dialect,
                         const struct fletch_dialect_input *input)
{
    *prefix = "";
    if (dialect->config_file && !input->file)
        return false;
    if (has_all(dialect, *prefix, input))
        return true;
    for (const char *const *p = dialect->prefixes; p && *p; p++)
        if (has_all(dialect, *p, input)) {
            *prefix = *p;
            return true;
        }
    return false;
}

/* Whatever wraps the parts of the model. */
static bool is_named(const char *glob, const char *name)
{
    char bare[FLETCH_OWN_CAP];

    return fletch_unwrap_into(bare, name) && fletch_glob_match(glob, bare);
}

bool fletch_dialect_has_required(const struct fletch_dialect *dialect,
                                 const char *const *names, size_t count)
{
    for (const char *const *required = dialect->required; *required; required++) {
        size_t i = 0;

        while (i < count && !is_named(*required, names[i]))
            i++;
        if (i == count)
            return false;
    }
    return true;
}

bool fletch_dialect_knows(const struct fletch_dialect *dialect, const char *name)
{
    for (const struct fletch_dialect_rule *rule = dialect->rules; rule && rule->from;
         rule++)
        if (is_named(rule->from, name))
            return true;
    return false;
}

/* ---- Refusals ---- */

static bool is_allowed(const json_t *value, const struct fletch_dialect_refusal *refusal)
{
    if (!value || json_is_null(value) || json_is_false(value))
        return true;
    return refusal->allowed && json_is_string(value) &&
           !strcmp(json_string_value(value), refusal->allowed);
}

static enum fletch_status check_one(const struct fletch_dialect_refusal *refusal,
                                    const struct fletch_dialect *dialect,
                                    const struct fletch_dialect_input *input,
                                    struct fletch_error *err)
{
    const struct fletch_shape *tensor =
        refusal->glob ? find(input, "", refusal->glob) : NULL;
    const json_t *value = refusal->path ? fletch_json_at(input->file, refusal->path) : NULL;

    if (tensor)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "tensor '%.*s': %s", FLETCH_SHOWN,
                           tensor->name, refusal->why);
    if (!is_allowed(value, refusal))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "%s: %s is %.*s: %s",
                           dialect->config_file, refusal->path, FLETCH_SHOWN,
                           json_is_string(value) ? json_string_value(value)
                                                 : fletch_json_kind(value),
                           refusal->why);
    return FLETCH_OK;
}

enum fletch_status fletch_dialect_check(const struct fletch_dialect *dialect,
                                        const struct fletch_dialect_input *input,
                                        struct fletch_error *err)
{
    if (dialect->config_file && !input->file)
        return FLETCH_OK;
    for (const struct fletch_dialect_refusal *refusal = dialect->refusals;
         refusal && refusal->why; refusal++)
        TRY(check_one(refusal, dialect, input, err));
    return FLETCH_OK;
}

/* ---- Names ---- */

/* `to` with what the stars stood for in place of its stars. */
static const char *fill_in(const char *to, const struct fletch_glob_star *star,
                           struct fletch_arena *arena)
{
    size_t size = strlen(to) + 1, len = 0;
    char *text;

    for (const struct fletch_glob_star *s = star; s < star + FLETCH_GLOB_STARS_MAX; s++)
        size += s->len;
    text = fletch_arena_alloc(arena, size);
    for (; text && *to; to++) {
        if (*to != '*') {
            text[len++] = *to;
            continue;
        }
        memcpy(text + len, star->text, star->len);
        len += star++->len;
    }
    return text;
}

static enum fletch_status check_shape(const struct fletch_dialect_mapping *out,
                                      const struct fletch_shape *tensor,
                                      struct fletch_error *err)
{
    if (out->transpose && tensor->rank != 2)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': %u dimensions, expected 2, to be transposed "
                           "into '%.*s'",
                           FLETCH_SHOWN, tensor->name, tensor->rank, FLETCH_SHOWN,
                           out->names[0]);
    if (out->count < 2 || (tensor->rank && tensor->dims[0] % out->count == 0))
        return FLETCH_OK;
    if (!tensor->rank)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': no dimensions, expected '%.*s' and %u more in "
                           "it",
                           FLETCH_SHOWN, tensor->name, FLETCH_SHOWN, out->names[0],
                           out->count - 1);
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "tensor '%.*s': its first dimension is %" PRIu64
                       ", expected a multiple of %u: '%.*s' and %u more are in it",
                       FLETCH_SHOWN, tensor->name, tensor->dims[0], out->count,
                       FLETCH_SHOWN, out->names[0], out->count - 1);
}

enum fletch_status fletch_dialect_map(struct fletch_dialect_mapping *out,
                                      const struct fletch_dialect *dialect,
                                      const char *prefix, const struct fletch_shape *tensor,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    const struct fletch_dialect_rule *rule = dialect->rules;
    struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX];
    const char *name = behind(tensor->name, prefix);

    *out = (struct fletch_dialect_mapping){ .count = 0 };
    if (!name)
        return FLETCH_OK;
    while (rule && rule->from && !fletch_glob_capture(stars, rule->from, name))
        rule++;
    if (!rule || !rule->from) {
        if (!fletch_glob_any(dialect->whole, name))
            return FLETCH_OK;
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': the dialect %s has no such tensor, so this is "
                           "another kind of model: --type transformers keeps all tensors "
                           "under their own names",
                           FLETCH_SHOWN, tensor->name, dialect->name);
    }
    out->transpose = rule->transpose;
    for (unsigned i = 0; i < FLETCH_DIALECT_SPLITS_MAX && rule->to[i]; i++) {
        out->names[i] = fill_in(rule->to[i], stars, arena);
        if (!out->names[i])
            return fletch_fail_memory(err, strlen(name), "names");
        out->count++;
    }
    return check_shape(out, tensor, err);
}

/* ---- Config ---- */

struct config {
    const struct fletch_dialect *dialect;
    const char *prefix;
    const struct fletch_dialect_input *input;
    json_t *made;
    struct fletch_error *err;
};

/* Sets *out to a number at a path, and leaves it alone where there is none. */
/* n of [n, n], a picture's height and width; any other value as it is. */
static const json_t *square_side(const json_t *value)
{
    const json_t *height = json_array_get(value, 0), *width = json_array_get(value, 1);
    bool square =
        json_array_size(value) == 2 && json_is_integer(height) && json_equal(height, width);

    return square ? height : value;
}

static enum fletch_status number_at(double *out, const json_t *object, const char *path,
                                    const struct config *config)
{
    const json_t *value = path ? fletch_json_at(object, path) : NULL;
    bool in_file = object == config->input->file;

    if (!value || json_is_null(value))
        return FLETCH_OK;
    value = square_side(value);
    if (json_array_size(value) == 2)
        return fletch_fail(config->err, FLETCH_ERR_UNSUPPORTED,
                           "%s%s%s is not square, expected [n, n] or one number",
                           in_file ? config->dialect->config_file : "", in_file ? ": " : "",
                           path);
    if (!json_is_number(value))
        return fletch_fail(config->err, FLETCH_ERR_FORMAT,
                           "%s%s%s is %s, expected a number",
                           in_file ? config->dialect->config_file : "", in_file ? ": " : "",
                           path, fletch_json_kind(value));
    *out = json_number_value(value);
    return FLETCH_OK;
}

static double dimension(const struct fletch_dialect_source *source,
                        const struct config *config)
{
    const struct fletch_shape *tensor = find(config->input, config->prefix, source->at);
    int at;

    if (!tensor)
        return NAN;
    at = source->dim < 0 ? source->dim + (int)tensor->rank : source->dim;
    if (at < 0 || at >= (int)tensor->rank)
        return NAN;
    return (double)tensor->dims[at];
}

/* A count that config.json could hold, 0 included. */
static bool is_whole(double value)
{
    return value >= 0 && value <= VALUE_MAX && value == (double)(int64_t)value;
}

static double grid_of(double positions)
{
    int64_t patches = is_whole(positions) ? (int64_t)positions - 1 : 0, side = 1;

    while (side * side < patches)
        side++;
    return side * side == patches ? (double)side : NAN;
}

static double divided(double value, double divisor)
{
    if (!is_whole(value) || !is_whole(divisor) || divisor < 1 ||
        (int64_t)value % (int64_t)divisor)
        return NAN;
    return value / divisor;
}

static double layers_of(const char *glob, const struct config *config)
{
    double layers = 0;
    size_t stars_count = 0;

    for (const char *c = glob; *c; c++)
        stars_count += *c == '*';
    for (size_t i = 0; i < config->input->count; i++) {
        const char *name = behind(config->input->tensors[i].name, config->prefix);
        struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX];
        const struct fletch_glob_star *last = &stars[stars_count - 1];
        double number = 0;
        size_t at = 0;

        if (!name || !fletch_glob_capture(stars, glob, name))
            continue;
        for (; at < last->len && number < VALUE_MAX && last->text[at] >= '0' &&
               last->text[at] <= '9';
             at++)
            number = number * 10 + (last->text[at] - '0');
        if (at && at == last->len && number + 1 > layers)
            layers = number + 1;
    }
    return layers > 0 ? layers : NAN;
}

/* NaN when there is no value. */
static enum fletch_status base_value(double *out,
                                     const struct fletch_dialect_source *source,
                                     const struct config *config)
{
    *out = NAN;
    switch (source->kind) {
    case FLETCH_SOURCE_FACT:
        return number_at(out, config->input->facts, source->at, config);
    case FLETCH_SOURCE_FILE:
        return number_at(out, config->input->file, source->at, config);
    case FLETCH_SOURCE_FIELD:
        return number_at(out, config->made, source->at, config);
    case FLETCH_SOURCE_SHAPE:
        *out = dimension(source, config);
        break;
    case FLETCH_SOURCE_GRID:
        *out = grid_of(dimension(source, config));
        break;
    case FLETCH_SOURCE_LAYERS:
        *out = layers_of(source->at, config);
        break;
    case FLETCH_SOURCE_NUMBER:
        *out = source->number;
        break;
    case FLETCH_SOURCE_NONE:
        break;
    }
    return FLETCH_OK;
}

static enum fletch_status value_of(double *out, const struct fletch_dialect_source *source,
                                   const struct config *config)
{
    double times = NAN, divisor = NAN;

    TRY(base_value(out, source, config));
    if (source->times) {
        TRY(number_at(&times, config->made, source->times, config));
        *out *= times;
    }
    if (source->per || source->by > 0) {
        TRY(number_at(&divisor, config->input->file, source->per, config));
        if (isnan(divisor) && *out <= source->most)
            divisor = source->by;
        *out = divided(*out, divisor);
    }
    return FLETCH_OK;
}

/* "dimension 0 of 'visual.conv1.weight'": for contradictions. */
static void describe(char *text, size_t size, const struct fletch_dialect_source *source,
                     const struct config *config)
{
    switch (source->kind) {
    case FLETCH_SOURCE_FILE:
        snprintf(text, size, "%s: %s", config->dialect->config_file, source->at);
        break;
    case FLETCH_SOURCE_SHAPE:
        snprintf(text, size, "dimension %d of '%s'", source->dim, source->at);
        break;
    case FLETCH_SOURCE_GRID:
        snprintf(text, size, "the number of positions in '%s'", source->at);
        break;
    case FLETCH_SOURCE_LAYERS:
        snprintf(text, size, "the number of '%s'", source->at);
        break;
    case FLETCH_SOURCE_FACT:
    case FLETCH_SOURCE_FIELD:
    case FLETCH_SOURCE_NUMBER:
    case FLETCH_SOURCE_NONE:
        snprintf(text, size, "%s", source->at ? source->at : "the dialect");
        break;
    }
}

static enum fletch_status contradict(const struct fletch_dialect_field *field, size_t a,
                                     double first, size_t b, double other,
                                     const struct config *config)
{
    char one[128], two[128];

    describe(one, sizeof(one), &field->from[a], config);
    describe(two, sizeof(two), &field->from[b], config);
    return fletch_fail(config->err, FLETCH_ERR_FORMAT,
                       "%s says that %s is %.17g, but %s %.17g", one, field->path, first,
                       two, other);
}

static enum fletch_status put_field(const struct fletch_dialect_field *field,
                                    const struct config *config)
{
    double value = NAN, other = NAN;
    size_t at = 0;
    json_t *json;

    for (size_t i = 0; i < 3 && field->from[i].kind; i++) {
        if (!isnan(value) && field->first_only)
            break;
        TRY(value_of(&other, &field->from[i], config));
        if (isnan(value)) {
            value = other;
            at = i;
        } else if (!isnan(other) && other != value) {
            return contradict(field, at, value, i, other, config);
        }
    }
    if (isnan(value))
        return FLETCH_OK;
    json = is_whole(value) ? json_integer((json_int_t)value) : json_real(value);
    if (!json || !fletch_json_put_at(config->made, field->path, json))
        return fletch_fail_memory(config->err, sizeof(json_int_t), "a config value");
    return FLETCH_OK;
}

enum fletch_status fletch_dialect_config(json_t **out, const struct fletch_dialect *dialect,
                                         const char *prefix,
                                         const struct fletch_dialect_input *input,
                                         struct fletch_error *err)
{
    struct config config = { .dialect = dialect,
                             .prefix = prefix,
                             .input = input,
                             .made = json_object(),
                             .err = err };
    enum fletch_status status =
        config.made ? FLETCH_OK : fletch_fail_memory(err, sizeof(json_int_t), "a config");

    for (const struct fletch_dialect_field *field = dialect->fields; field->path && !status;
         field++)
        status = put_field(field, &config);
    if (!status && dialect->model_type &&
        json_object_set_new(config.made, "model_type", json_string(dialect->model_type)))
        status = fletch_fail_memory(err, sizeof(json_int_t), "a config");
    if (status) {
        json_decref(config.made);
        return status;
    }
    *out = config.made;
    return FLETCH_OK;
}
