/* SPDX-License-Identifier: MIT */
/* prefix_strip.c - removes a checkpoint's prefix, and sets aside the tensors that lack
 * it */
#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"

#include "base/natural.h"

#include <stdlib.h>
#include <string.h>

/* The most groups of left-out tensors that notes name. */
#define GROUPS_NOTED 20

/* ---- Removing ---- */

static int compare_tensors(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;

    return fletch_natural_compare(x->name, y->name);
}

/* Removing the same prefix can change the order only when numbers follow it. */
static enum fletch_status take_away(struct fletch_checkpoint *checkpoint,
                                    const char *prefix, struct fletch_error *err)
{
    size_t len = strlen(prefix), kept = 0;

    if (!len)
        return FLETCH_OK;
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        struct fletch_tensor tensor = checkpoint->tensors[i];

        if (strncmp(tensor.name, prefix, len) != 0) {
            TRY(fletch_strlist_put(&checkpoint->skipped, &checkpoint->arena, tensor.name,
                                   err));
            continue;
        }
        tensor.name += len;
        checkpoint->tensors[kept++] = tensor;
    }
    checkpoint->tensors_count = kept;
    qsort(checkpoint->tensors, kept, sizeof(*checkpoint->tensors), compare_tensors);
    return FLETCH_OK;
}

static enum fletch_status choose(const char **prefix, struct fletch_checkpoint *checkpoint,
                                 const struct fletch_prefix_hints *hints,
                                 struct fletch_error *err)
{
    size_t count = checkpoint->tensors_count;
    struct fletch_prefix_name *names = fletch_alloc_array(count, sizeof(*names));
    const struct fletch_prefix_names all = { .names = names, .count = count };
    enum fletch_status status;

    if (!names)
        return fletch_fail_memory(err, count * sizeof(*names), "names");
    for (size_t i = 0; i < count; i++)
        names[i].path = checkpoint->tensors[i].name;
    status = fletch_prefix_choose(prefix, &all, hints, &checkpoint->arena, err);
    fletch_free(names);
    return status;
}

/* ---- Notes ---- */

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return fletch_natural_compare(*x, *y);
}

/* The length of the name's part that distinguishes groups: the first part after what all
 * share with the model's prefix. */
static size_t group_len(const char *name, const char *prefix)
{
    size_t len = 0;

    for (size_t i = 0; name[i] && name[i] == prefix[i]; i++)
        if (name[i] == '.')
            len = i + 1;
    return len + strcspn(name + len, ".");
}

/* Sorts the names so that groups are contiguous. */
static enum fletch_status note_groups(struct fletch_tensor_list *list, const char **names,
                                      size_t count, const char *prefix,
                                      struct fletch_error *err)
{
    size_t groups = 0, next;

    if (count)
        qsort(names, count, sizeof(*names), compare_texts);
    for (size_t i = 0; i < count; i = next) {
        size_t len = group_len(names[i], prefix);

        for (next = i + 1; next < count; next++)
            if (group_len(names[next], prefix) != len ||
                strncmp(names[next], names[i], len) != 0)
                break;
        if (groups++ == GROUPS_NOTED)
            return fletch_tensor_list_note(
                list, err, "%zu more tensors elsewhere are left out", count - i);
        TRY(fletch_tensor_list_note(list, err, "'%.*s' has %zu tensor%s, left out",
                                    (int)(len < FLETCH_SHOWN ? len : FLETCH_SHOWN),
                                    names[i], next - i, next - i == 1 ? "" : "s"));
    }
    return FLETCH_OK;
}

/* They precede the formats' own notes. */
static enum fletch_status note_all(struct fletch_checkpoint *checkpoint, const char *prefix,
                                   struct fletch_error *err)
{
    struct fletch_tensor_list list = { .arena = &checkpoint->arena };
    const struct fletch_strlist *own = &checkpoint->notes;
    struct fletch_strlist *skipped = &checkpoint->skipped;
    int len = (int)strlen(prefix);

    if (len)
        TRY(fletch_tensor_list_note(
            &list, err, "the model's tensors are those below '%.*s'",
            len - 1 < FLETCH_SHOWN ? len - 1 : FLETCH_SHOWN, prefix));
    TRY(note_groups(&list, skipped->items, skipped->count, prefix, err));
    if (skipped->count)
        qsort(skipped->items, skipped->count, sizeof(*skipped->items), compare_names);
    for (size_t i = 0; i < own->count; i++)
        TRY(fletch_strlist_put(&list.notes, list.arena, own->items[i], err));
    checkpoint->notes = list.notes;
    return FLETCH_OK;
}

enum fletch_status fletch_prefix_strip(struct fletch_checkpoint *checkpoint,
                                       const struct fletch_prefix_hints *hints,
                                       struct fletch_error *err)
{
    const char *prefix = checkpoint->prefix;

    if (!prefix) {
        TRY(choose(&prefix, checkpoint, hints, err));
        prefix = prefix ? prefix : "";
        TRY(take_away(checkpoint, prefix, err));
    }
    TRY(note_all(checkpoint, prefix, err));
    checkpoint->prefix =
        *prefix ? fletch_arena_text(&checkpoint->arena, prefix, strlen(prefix) - 1) : "";
    return checkpoint->prefix ? FLETCH_OK
                              : fletch_fail_memory(err, strlen(prefix), "a prefix");
}
