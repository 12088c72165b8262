/* SPDX-License-Identifier: MIT */
/* detect.c - which family a model belongs to: a fact beats a guess
 *
 * config.json's model_type decides where it is known; a sentence-transformers modules.json
 * beside it makes a text model that family. Without a model_type the patterns of the old
 * tools look at the name that the user gave, and last the names of the tensors are asked. A
 * name is a hint that tensors may refute: folders are called anything.
 */
#include "family/families.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FAMILY_ADDRESS(name) &fletch_family_##name,
static const struct fletch_family *const families[] = { FAMILIES(FAMILY_ADDRESS) };
#undef FAMILY_ADDRESS

const struct fletch_family *fletch_family_get(size_t i)
{
    for (size_t at = 0; at < ARRAY_COUNT(families); at++)
        if (!families[at]->refusal && i-- == 0)
            return families[at];
    return NULL;
}

/* ---- Members ---- */

static const struct fletch_model_class *exact_member(const struct fletch_family *family,
                                                     const char *model_type)
{
    for (const struct fletch_model_class *model_class = family->classes;
         model_class->fields; model_class++)
        if (model_class->model_type && !strcmp(model_class->model_type, model_type))
            return model_class;
    return NULL;
}

const struct fletch_model_class *
fletch_family_model_class(const struct fletch_family *family, const char *model_type)
{
    const struct fletch_model_class *found = NULL;

    if (model_type && *model_type) {
        found = exact_member(family, model_type);
        for (size_t i = 0; !found && family->includes && family->includes[i]; i++)
            found = exact_member(family->includes[i], model_type);
    }
    for (const struct fletch_model_class *model_class = family->classes;
         !found && model_class->fields; model_class++)
        if (!model_class->model_type)
            found = model_class;
    return found;
}

/* True when the checkpoint's name is, with or without a prefix, what the glob says. */
static bool is_named(const char *tensor, const char *glob,
                     const struct fletch_model_class *model_class)
{
    size_t len = model_class->add ? strlen(model_class->add) : 0;
    char name[FLETCH_OWN_CAP];

    if (!fletch_unwrap_into(name, tensor))
        return false;
    if (fletch_own_match(glob, name))
        return true;
    if (len && !strncmp(glob, model_class->add, len) && fletch_own_match(glob + len, name))
        return true;
    for (size_t i = 0; i < 3 && model_class->prefixes[i]; i++) {
        len = strlen(model_class->prefixes[i]);
        if (!strncmp(name, model_class->prefixes[i], len) && name[len] == '.' &&
            fletch_own_match(glob, name + len + 1))
            return true;
    }
    return false;
}

bool fletch_model_class_has_required(const struct fletch_model_class *model_class,
                                     const char *const *names, size_t count)
{
    if (!model_class->required)
        return false;
    for (const char *const *glob = model_class->required; *glob; glob++) {
        bool found = false;

        for (size_t i = 0; i < count && !found; i++)
            found = is_named(names[i], *glob, model_class);
        if (!found)
            return false;
    }
    return true;
}

static const struct fletch_model_class *guess_own(const struct fletch_family *family,
                                                  const char *const *names, size_t count)
{
    for (const struct fletch_model_class *model_class = family->classes;
         model_class->fields; model_class++)
        if (!model_class->on_request &&
            fletch_model_class_has_required(model_class, names, count))
            return model_class;
    return NULL;
}

const struct fletch_model_class *fletch_family_guess(const struct fletch_family *family,
                                                     const char *const *names, size_t count)
{
    const struct fletch_model_class *found = guess_own(family, names, count);

    for (size_t i = 0; !found && family->includes && family->includes[i]; i++)
        found = guess_own(family->includes[i], names, count);
    return found;
}

/* The same, where several have that type the one that the tensors fit. */
static const struct fletch_model_class *fitting_own(const struct fletch_family *family,
                                                    const char *model_type,
                                                    const char *const *names, size_t count)
{
    for (const struct fletch_model_class *model_class = family->classes;
         model_class->fields; model_class++)
        if (model_class->model_type && !strcmp(model_class->model_type, model_type) &&
            fletch_model_class_has_required(model_class, names, count))
            return model_class;
    return NULL;
}

/* True when the name is one of the member's own, below whatever words. */
static bool ends_own(const char *name, const struct fletch_model_class *model_class)
{
    while (name) {
        const char *dot = strchr(name, '.');

        for (const char *const *glob = model_class->patterns; glob && *glob; glob++)
            if (is_named(name, *glob, model_class))
                return true;
        name = dot ? dot + 1 : NULL;
    }
    return false;
}

/* The member of that type which has most of the names: none has what it needs. */
static const struct fletch_model_class *nearest_own(const struct fletch_family *family,
                                                    const char *model_type,
                                                    const char *const *names, size_t count)
{
    const struct fletch_model_class *found = NULL;
    size_t most = 0;

    for (const struct fletch_model_class *model_class = family->classes;
         model_class->fields; model_class++) {
        size_t own = 0;

        if (!model_class->model_type || strcmp(model_class->model_type, model_type) != 0)
            continue;
        for (size_t i = 0; i < count; i++)
            own += ends_own(names[i], model_class);
        if (found && own <= most)
            continue;
        found = model_class;
        most = own;
    }
    return found;
}

const struct fletch_model_class *fletch_family_fitting(const struct fletch_family *family,
                                                       const char *model_type,
                                                       const char *const *names,
                                                       size_t count)
{
    const struct fletch_model_class *found = NULL;

    if (!model_type || !*model_type)
        return fletch_family_model_class(family, model_type);
    found = fitting_own(family, model_type, names, count);
    for (size_t i = 0; !found && family->includes && family->includes[i]; i++)
        found = fitting_own(family->includes[i], model_type, names, count);
    if (!found)
        found = nearest_own(family, model_type, names, count);
    for (size_t i = 0; !found && family->includes && family->includes[i]; i++)
        found = nearest_own(family->includes[i], model_type, names, count);
    return found ? found : fletch_family_model_class(family, model_type);
}

bool fletch_family_is_input(const char *kind)
{
    return exact_member(&fletch_family_sentence, kind) != NULL;
}

/* The family that claims a model_type as its own, refused ones included. */
static const struct fletch_family *claimed_by(const char *model_type)
{
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        if (exact_member(families[i], model_type))
            return families[i];
    return NULL;
}

/* ---- By name ---- */

/* Room for what list_types makes. */
#define TYPES_CAP 256

/* "'bert', 'transformers', ...": what --type takes beside 'auto', text models first, as the
 * old tools say it. */
static const char *list_types(char out[TYPES_CAP])
{
    size_t len = 0;

    out[0] = '\0';
    for (int towers = 0; towers < 2; towers++)
        for (size_t i = 0; i < ARRAY_COUNT(families) && len < TYPES_CAP; i++)
            if (!families[i]->refusal &&
                (families[i]->metadata_kind == FLETCH_METADATA_TOWER) == towers)
                len += (size_t)snprintf(out + len, TYPES_CAP - len, "%s'%s'",
                                        len ? ", " : "", families[i]->name);
    return out;
}

/* `piped`: modules.json counts modules behind the model, which one type alone keeps. */
static enum fletch_status refuse(const struct fletch_family *family, const char *what,
                                 bool piped, struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "%s: %s; --type %s keeps all tensors under their own names%s", what,
                       family->refusal,
                       piped ? fletch_family_sentence.name : family->refusal_way,
                       piped ? ", its modules' too" : "");
}

/* Refused ones included; or NULL. */
static const struct fletch_family *named(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        if (!strcmp(families[i]->name, name))
            return families[i];
    return NULL;
}

enum fletch_status fletch_family_find(const struct fletch_family **out, const char *name,
                                      struct fletch_error *err)
{
    const struct fletch_family *family = named(name);
    char types[TYPES_CAP];

    if (!family)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "Unsupported model_type: %.*s. Supported types: 'auto', %s",
                           FLETCH_SHOWN, name, list_types(types));
    if (family->refusal)
        return refuse(family, name, false, err);
    *out = family;
    return FLETCH_OK;
}

/* The type that takes a model of a type that is not known. */
static const char *way_for_unknown(const struct fletch_detect_input *detect_input)
{
    if (detect_input->has_modules)
        return fletch_family_sentence.name;
    return detect_input->no_text ? fletch_family_any.name : fletch_family_transformers.name;
}

/* Whether a model of that type is of the family; pictures and sound are no pipeline of
 * texts, unless there is a modules.json which makes them one. */
static bool may_be(const struct fletch_family *family, const char *type,
                   const struct fletch_detect_input *detect_input)
{
    const struct fletch_family *claims = claimed_by(type);

    if (family == &fletch_family_sentence && !detect_input->has_modules &&
        (claims ? claims->metadata_kind == FLETCH_METADATA_TOWER : detect_input->no_text))
        return false;
    return fletch_family_model_class(family, type) != NULL;
}

enum fletch_status fletch_family_choose(const struct fletch_family **out, const char *name,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err)
{
    const struct fletch_family *family = named(name), *claims;
    const char *type = detect_input->model_type;

    if (!family || family->refusal)
        return fletch_family_find(out, name, err);
    if (type && *type && !may_be(family, type, detect_input)) {
        claims = claimed_by(type);
        if (claims && !claims->refusal)
            return fletch_fail(err, FLETCH_ERR_FAMILY,
                               "the type '%s' was asked for, but %s "
                               "model_type \"%.*s\", which is of the type '%s': ask for "
                               "that, or leave the type to detection",
                               name, detect_input->type_says, FLETCH_SHOWN, type,
                               claims->name);
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "the type '%s' was asked for, but %s model_type "
                           "\"%.*s\", which is not one of its kinds: --type %s keeps all "
                           "tensors under their own names",
                           name, detect_input->type_says, FLETCH_SHOWN, type,
                           claims ? claims->refusal_way : way_for_unknown(detect_input));
    }
    *out = family;
    return FLETCH_OK;
}

/* ---- Detection ---- */

/* The family whose classes are called like the model's. */
static const struct fletch_family *by_class(const char *class_name)
{
    size_t len = class_name ? strlen(class_name) : 0, end_len;

    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        for (const char *const *end = families[i]->class_ends; end && *end; end++) {
            end_len = strlen(*end);
            if (len > end_len && !strcmp(class_name + len - end_len, *end))
                return families[i];
        }
    return NULL;
}

/* By model_type: it is there, so it decides, for good or bad. */
static enum fletch_status by_type(const struct fletch_family **out, char *evidence,
                                  size_t evidence_size,
                                  const struct fletch_detect_input *detect_input,
                                  struct fletch_error *err)
{
    const struct fletch_family *family = claimed_by(detect_input->model_type);
    char what[FLETCH_SHOWN + 64], types[TYPES_CAP];

    if (!family)
        family = by_class(detect_input->architecture);
    if (!family)
        return fletch_fail(
            err, FLETCH_ERR_FAMILY,
            "Could not auto-detect model type for '%.*s'. Please specify model_type "
            "explicitly with --type: %s; %s model_type \"%.64s\", which fletch does not "
            "know: --type %s keeps all tensors under their own names",
            FLETCH_SHOWN, detect_input->model, list_types(types), detect_input->type_says,
            detect_input->model_type, way_for_unknown(detect_input));
    if (family->refusal) {
        snprintf(what, sizeof(what), "%.32s model_type \"%.*s\"", detect_input->type_says,
                 FLETCH_SHOWN, detect_input->model_type);
        return refuse(family, what, detect_input->has_modules, err);
    }
    if (detect_input->has_modules && family->metadata_kind == FLETCH_METADATA_TEXT) {
        snprintf(evidence, evidence_size, "modules.json beside model_type \"%.*s\"",
                 FLETCH_SHOWN, detect_input->model_type);
        *out = &fletch_family_sentence;
        return FLETCH_OK;
    }
    snprintf(evidence, evidence_size, "config.json: model_type \"%.*s\"", FLETCH_SHOWN,
             detect_input->model_type);
    *out = family;
    return FLETCH_OK;
}

/* True when the text goes on with the hint, in any case. */
static bool begins_with(const char *text, const char *hint)
{
    while (*hint && tolower((unsigned char)*text) == *hint) {
        text++;
        hint++;
    }
    return !*hint;
}

/* The first of the hints that occurs in the text; or NULL. */
static const char *find_hint(const char *text, const char *const *hints)
{
    for (; hints && *hints; hints++)
        for (const char *at = text; *at; at++)
            if (begins_with(at, *hints))
                return *hints;
    return NULL;
}

/* True when the tensors are those of other families, but not of this one. */
static bool is_refuted(const struct fletch_family *family,
                       const struct fletch_detect_input *detect_input)
{
    bool known = false;

    if (guess_own(family, detect_input->tensors, detect_input->tensors_count))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(families) && !known; i++)
        known = guess_own(families[i], detect_input->tensors,
                          detect_input->tensors_count) != NULL;
    return known;
}

static enum fletch_status by_name(const struct fletch_family **out, char *evidence,
                                  size_t evidence_size,
                                  const struct fletch_detect_input *detect_input,
                                  struct fletch_error *err)
{
    char what[64];

    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        const char *hint = find_hint(detect_input->model, families[i]->name_hints);

        if (!hint || is_refuted(families[i], detect_input))
            continue;
        snprintf(what, sizeof(what), "the model's name has \"%s\" in it", hint);
        if (families[i]->refusal)
            return refuse(families[i], what, detect_input->has_modules, err);
        snprintf(evidence, evidence_size, "%s", what);
        *out = families[i];
        return FLETCH_OK;
    }
    return FLETCH_OK;
}

static void by_tensors(const struct fletch_family **out, char *evidence,
                       size_t evidence_size, const struct fletch_detect_input *detect_input)
{
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        const struct fletch_model_class *model_class =
            guess_own(families[i], detect_input->tensors, detect_input->tensors_count);

        if (!model_class)
            continue;
        snprintf(evidence, evidence_size,
                 "a guess from the tensors' names: '%s' is one of %s's",
                 model_class->required[0], model_class->class_name);
        *out = families[i];
        return;
    }
}

enum fletch_status fletch_family_detect(const struct fletch_family **out, char *evidence,
                                        size_t evidence_size,
                                        const struct fletch_detect_input *detect_input,
                                        struct fletch_error *err)
{
    const struct fletch_family *family = NULL;
    char types[TYPES_CAP];

    if (detect_input->model_type && *detect_input->model_type) {
        TRY(by_type(&family, evidence, evidence_size, detect_input, err));
    } else if (detect_input->has_modules) {
        family = &fletch_family_sentence;
        snprintf(evidence, evidence_size, "modules.json");
    }
    if (!family)
        TRY(by_name(&family, evidence, evidence_size, detect_input, err));
    if (!family)
        by_tensors(&family, evidence, evidence_size, detect_input);
    if (!family)
        return fletch_fail(
            err, FLETCH_ERR_FAMILY,
            "Could not auto-detect model type for '%.*s'. Please specify model_type "
            "explicitly with --type: %s; %s, and neither the model's name nor its tensors' "
            "tell",
            FLETCH_SHOWN, detect_input->model, list_types(types),
            detect_input->has_config ? "config.json says no model_type"
                                     : "there is no config.json");
    *out = family;
    return FLETCH_OK;
}
