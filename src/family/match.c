/* SPDX-License-Identifier: MIT */
/* match.c - which of a list of names are a model's: what tells the parts of a file apart
 *
 * Asked before the family is known, and about names that may be anything. Every member that
 * may be meant is tried: that of config.json's model_type, those of the family that was
 * asked for, or all there are.
 */
#include "family/dialect.h"
#include "family/families.h"

#include <string.h>

/* No more members than this are tried; test_family counts them. */
#define TRIED_MAX 64

struct tried {
    const struct fletch_family *family;
    const struct fletch_model_class *model_class;
};

struct candidates {
    struct tried tried[TRIED_MAX];
    size_t count;
};

#define FAMILY_ADDRESS(name) &fletch_family_##name,
static const struct fletch_family *const families[] = { FAMILIES(FAMILY_ADDRESS) };
#undef FAMILY_ADDRESS

static void try_class(struct candidates *candidates, const struct fletch_family *family,
                      const struct fletch_model_class *model_class)
{
    if (model_class->required && model_class->patterns && !model_class->on_request &&
        candidates->count < TRIED_MAX)
        candidates->tried[candidates->count++] = (struct tried){ family, model_class };
}

static void try_classes(struct candidates *candidates, const struct fletch_family *family,
                        const char *model_type)
{
    for (const struct fletch_model_class *model_class = family->classes;
         model_class->fields; model_class++)
        if (!model_type ||
            (model_class->model_type && !strcmp(model_class->model_type, model_type)))
            try_class(candidates, family, model_class);
}

static void list_candidates(struct candidates *candidates, const struct fletch_scope *scope)
{
    const char *type = scope->model_type && *scope->model_type ? scope->model_type : NULL;
    const struct fletch_family *asked = scope->family;

    candidates->count = 0;
    if (asked) {
        try_classes(candidates, asked, type);
        for (size_t i = 0; asked->includes && asked->includes[i]; i++)
            try_classes(candidates, asked->includes[i], type);
        return;
    }
    for (size_t i = 0; type && i < sizeof(families) / sizeof(families[0]); i++)
        try_classes(candidates, families[i], type);
    if (candidates->count)
        return;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        try_classes(candidates, families[i], NULL);
}

/* The i-th dialect whose model may be meant and whose needs are among the names; NULL past
 * the last. */
static const struct fletch_dialect *dialect_of(const struct fletch_scope *scope,
                                               const char *const *names, size_t count,
                                               size_t i)
{
    const char *type = scope->model_type && *scope->model_type ? scope->model_type : NULL;
    const struct fletch_dialect *dialect;

    for (size_t at = 0; (dialect = fletch_dialect_get(at)); at++)
        if (dialect->name && (!scope->family || scope->family == dialect->family) &&
            (!type || !strcmp(type, dialect->model_type)) &&
            fletch_dialect_has_required(dialect, names, count) && !i--)
            return dialect;
    return NULL;
}

bool fletch_family_fits(const struct fletch_scope *scope, const char *const *names,
                        size_t count)
{
    struct candidates candidates;

    list_candidates(&candidates, scope);
    for (size_t i = 0; i < candidates.count; i++)
        if (fletch_model_class_has_required(candidates.tried[i].model_class, names, count))
            return true;
    return dialect_of(scope, names, count, 0) != NULL;
}

/* The names that one member owns, marked. */
static enum fletch_status mark(bool *marks, size_t *known, const struct tried *tried,
                               const char *const *names, size_t count,
                               struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    enum fletch_status status = FLETCH_OK;

    *known = 0;
    for (size_t i = 0; i < count && !status; i++) {
        status = fletch_model_class_has(&marks[i], tried->family, tried->model_class,
                                        names[i], &arena, err);
        *known += !status && marks[i];
    }
    fletch_arena_release(&arena);
    return status;
}

enum fletch_status fletch_family_match(bool *marks, const struct fletch_scope *scope,
                                       const char *const *names, size_t count,
                                       struct fletch_error *err)
{
    bool *tried = fletch_alloc_array(count, sizeof(*tried));
    enum fletch_status status = FLETCH_OK;
    const struct fletch_dialect *dialect;
    size_t most = 0, known;
    struct candidates candidates;

    if (!tried)
        return fletch_fail_memory(err, count, "names");
    memset(marks, 0, count * sizeof(*marks));
    list_candidates(&candidates, scope);
    for (size_t i = 0; i < candidates.count && !status; i++) {
        if (!fletch_model_class_has_required(candidates.tried[i].model_class, names, count))
            continue;
        status = mark(tried, &known, &candidates.tried[i], names, count, err);
        if (!status && known > most) {
            most = known;
            memcpy(marks, tried, count * sizeof(*marks));
        }
    }
    for (size_t i = 0; !status && (dialect = dialect_of(scope, names, count, i)); i++) {
        known = 0;
        for (size_t j = 0; j < count; j++) {
            tried[j] = fletch_dialect_knows(dialect, names[j]);
            known += tried[j];
        }
        if (known > most) {
            most = known;
            memcpy(marks, tried, count * sizeof(*marks));
        }
    }
    fletch_free(tried);
    return status;
}
