/* SPDX-License-Identifier: MIT */
/* hints.c - suggestions when no family knows a file's tensors
 *
 * Some tensors may be known once a prefix that no rule knows, such as a user class's own
 * attribute, is removed from their names. The user must choose: the error lists the
 * prefixes. Or the file is one shard of a model.
 */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most prefixes that an error suggests, and the bytes for their list. */
#define HINTS_MAX 3
#define HINT_CAP 240
/* The most prefixes that are tried: each needs a pass over all names. */
#define LOOKS_MAX 64

struct hunt {
    const struct fletch_checkpoint *checkpoint;
    const char **below; /* [tensors_count], for the prefix being tried */
    const char *looked[LOOKS_MAX];
    size_t looked_len[LOOKS_MAX];
    size_t looks, found;
    char list[HINT_CAP];
    size_t used;
};

/* Lists the names below the first `len` bytes of `name`, without them. */
static size_t list_below(struct hunt *hunt, const char *name, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < hunt->checkpoint->tensors_count; i++) {
        const char *other = hunt->checkpoint->tensors[i].name;

        if (!strncmp(other, name, len))
            hunt->below[count++] = other + len;
    }
    return count;
}

static const struct fletch_family *family_of(const char *const *names, size_t count)
{
    const struct fletch_family *family, *found = NULL;

    /* pipelines are made of the other families' models: try those first */
    for (size_t i = 0; (family = fletch_family_get(i)); i++)
        if ((!found || found->metadata_kind == FLETCH_METADATA_SENTENCE) &&
            fletch_family_guess(family, names, count))
            found = family;
    return found;
}

/* True when the prefix was tried before; else records it. */
static bool was_looked_at(struct hunt *hunt, const char *name, size_t len)
{
    for (size_t i = 0; i < hunt->looks; i++)
        if (hunt->looked_len[i] == len && !strncmp(hunt->looked[i], name, len))
            return true;
    hunt->looked[hunt->looks] = name;
    hunt->looked_len[hunt->looks++] = len;
    return false;
}

static void look_below(struct hunt *hunt, const char *name, size_t len)
{
    const char *above = hunt->checkpoint->prefix ? hunt->checkpoint->prefix : "";
    const struct fletch_family *family;
    size_t count;
    int more;

    if (hunt->looks == LOOKS_MAX || was_looked_at(hunt, name, len))
        return;
    count = list_below(hunt, name, len);
    family = family_of(hunt->below, count);
    if (!family || hunt->found++ >= HINTS_MAX)
        return;
    more = snprintf(hunt->list + hunt->used, sizeof(hunt->list) - hunt->used,
                    "%s'%s%s%.*s' with %zu tensors (%s)", hunt->used ? ", " : "", above,
                    *above ? "." : "", (int)len - 1, name, count, family->name);
    if (more > 0 && (size_t)more < sizeof(hunt->list) - hunt->used)
        hunt->used += (size_t)more;
    hunt->list[hunt->used] = '\0'; /* one that does not fit is only counted */
}

/* Tries the name's prefix if it ends, after a dot, in a name that every such model has. */
static void look_at(struct hunt *hunt, const char *name, const char *wanted)
{
    size_t len = strlen(name), wanted_len = strlen(wanted);

    if (len > wanted_len && name[len - wanted_len - 1] == '.' &&
        !strcmp(name + len - wanted_len, wanted))
        look_below(hunt, name, len - wanted_len);
}

static void look_for(struct hunt *hunt, const char *wanted)
{
    for (size_t i = 0; i < hunt->checkpoint->tensors_count; i++)
        look_at(hunt, hunt->checkpoint->tensors[i].name, wanted);
}

/* Removes text from the last semicolon on until `room` is enough, then the end of a
 * sentence that is still too long: the hint is worth more. */
static void make_room(char *message, size_t room)
{
    char *end, *next;

    while (strlen(message) > room) {
        end = NULL;
        for (next = message; (next = strstr(next, "; ")); next++)
            end = next;
        if (!end)
            break;
        *end = '\0';
    }
    if (strlen(message) > room)
        memcpy(message + room - 3, "...", 4);
}

void fletch_model_hint_prefixes(const struct fletch_checkpoint *checkpoint,
                                struct fletch_error *err)
{
    struct hunt hunt = { .checkpoint = checkpoint };
    const struct fletch_family *family;
    char message[sizeof(err->message)], hint[HINT_CAP + 64];

    if (!err)
        return;
    hunt.below = fletch_alloc_array(checkpoint->tensors_count, sizeof(*hunt.below));
    for (size_t i = 0; hunt.below && (family = fletch_family_get(i)); i++)
        for (const struct fletch_model_class *model_class = family->classes;
             model_class->fields; model_class++)
            if (model_class->required)
                look_for(&hunt, model_class->required[0]);
    fletch_free(hunt.below);
    if (!hunt.used)
        return;
    snprintf(message, sizeof(message), "%s", err->message);
    snprintf(hint, sizeof(hint), "; --prefix NAME takes what is below a name: %s%s",
             hunt.list, hunt.found > HINTS_MAX ? ", and more" : "");
    make_room(message, sizeof(message) - 1 - strlen(hint));
    fletch_fail(err, err->status, "%s%s", message, hint);
}

const char *fletch_model_shard_alone(const struct fletch_checkpoint *checkpoint,
                                     struct fletch_arena *arena)
{
    const char *name = checkpoint->files_count == 1 ? checkpoint->files[0].name : "";
    const char *of = strstr(name, "-of-");
    size_t digits = of ? strspn(of + 4, "0123456789") : 0;

    if (!digits || of == name || !strchr("0123456789", of[-1]) ||
        strtoul(of + 4, NULL, 10) < 2)
        return NULL;
    return fletch_arena_format(arena,
                               "'%.200s' is one of %lu shards: the others' tensors are not "
                               "here; give the folder for all",
                               name, strtoul(of + 4, NULL, 10));
}
