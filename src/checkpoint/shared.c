/* SPDX-License-Identifier: MIT */
/* shared.c - names that a safetensors file dropped because their tensors share bytes
 *
 * The format cannot give two names to the same bytes. A program that saves tied weights
 * keeps one name and records the others in __metadata__: {"dropped name": "kept name"}. The
 * alphabet decides which is kept, so the dropped one is often the model's own and the kept
 * one its head's. Here the dropped names become tensors again, with the kept one's bytes.
 *
 * __metadata__ also holds other words ("format": "pt"): an entry counts as a dropped name
 * when its value is the name of a tensor.
 */
#include "checkpoint/checkpoint_internal.h"

#include "base/bytes.h"
#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Keys about the file itself, even if a tensor is called "pt". */
static const char *const own_keys[] = { "format", "total_size", NULL };

static bool is_own_key(const char *key)
{
    for (const char *const *own = own_keys; *own; own++)
        if (!strcmp(key, *own))
            return true;
    return false;
}

/* This many lost names are listed one by one, the others counted. */
#define LOST_SHOWN 4

/* The last word of a name, with its dot; "" for names of one word. */
static const char *last_word(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? dot : "";
}

/* True for two names that end in the same word ("a.weight": "b.weight") when the second is
 * not a tensor: a dropped name whose kept one is lost. */
static bool is_lost(const char *key, const char *value)
{
    const char *word = last_word(key);

    return *word && !strcmp(word, last_word(value)) && !strpbrk(value, " /{");
}

/* Notes the lost-th, from 1 on. */
static enum fletch_status note_lost(struct fletch_checkpoint *checkpoint, size_t lost,
                                    const char *key, const char *value,
                                    struct fletch_error *err)
{
    struct fletch_tensor_list list = { .arena = &checkpoint->arena,
                                       .notes = checkpoint->notes };

    if (lost > LOST_SHOWN)
        return FLETCH_OK;
    TRY(fletch_tensor_list_note(&list, err,
                                "__metadata__ says that '%.*s' was dropped for '%.*s', "
                                "which is not there: neither is read",
                                FLETCH_SHOWN, key, FLETCH_SHOWN, value));
    checkpoint->notes = list.notes;
    return FLETCH_OK;
}

/* Notes how many more there are than were listed. */
static enum fletch_status count_lost(struct fletch_checkpoint *checkpoint, size_t lost,
                                     struct fletch_error *err)
{
    struct fletch_tensor_list list = { .arena = &checkpoint->arena,
                                       .notes = checkpoint->notes };

    if (lost <= LOST_SHOWN)
        return FLETCH_OK;
    TRY(fletch_tensor_list_note(
        &list, err,
        "__metadata__ says of %zu more names that they were dropped "
        "for names that are not there",
        lost - LOST_SHOWN));
    checkpoint->notes = list.notes;
    return FLETCH_OK;
}

/* The bytes of all files, times how often they may be listed. */
static uint64_t most_bytes(const struct fletch_checkpoint *checkpoint)
{
    uint64_t most = 0;

    for (size_t i = 0; i < checkpoint->files_count; i++)
        if (!fletch_add(&most, most, checkpoint->files[i].file.size))
            return UINT64_MAX;
    if (!fletch_mul(&most, most, FLETCH_REPEATED_MAX))
        return UINT64_MAX;
    return most < FLETCH_REPEATED_LEAST ? FLETCH_REPEATED_LEAST : most;
}

/* Appends the tensors of dropped names to the first `count`. */
static enum fletch_status add_dropped(struct fletch_checkpoint *checkpoint,
                                      struct fletch_tensor *tensors, size_t *count,
                                      struct fletch_error *err)
{
    const uint64_t most = most_bytes(checkpoint);
    uint64_t bytes = 0;
    size_t lost = 0;
    const char *key;
    json_t *value;

    json_object_foreach(checkpoint->metadata, key, value)
    {
        const char *said = json_string_value(value);
        const struct fletch_tensor *kept = fletch_checkpoint_find(checkpoint, said);
        struct fletch_tensor *tensor = &tensors[*count];

        if (is_own_key(key) || fletch_checkpoint_find(checkpoint, key))
            continue;
        if (!kept && is_lost(key, said))
            TRY(note_lost(checkpoint, ++lost, key, said, err));
        if (!kept)
            continue;
        if (!fletch_add(&bytes, bytes, kept->size) || bytes > most)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "__metadata__: up to '%.*s' names that were dropped stand "
                               "for %" PRIu64 " bytes, the limit is %" PRIu64
                               " (FLETCH_REPEATED_MAX)",
                               FLETCH_SHOWN, key, bytes, most);
        *tensor = *kept;
        tensor->origin = kept->name;
        tensor->name = fletch_arena_strdup(&checkpoint->arena, key);
        if (!tensor->name)
            return fletch_fail_memory(err, strlen(key), "a name");
        ++*count;
    }
    return count_lost(checkpoint, lost, err);
}

static int compare_names(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;

    return fletch_natural_compare(x->name, y->name);
}

enum fletch_status fletch_shared_names(struct fletch_checkpoint *checkpoint,
                                       struct fletch_error *err)
{
    size_t count = checkpoint->tensors_count, more;
    struct fletch_tensor *tensors;
    enum fletch_status status;

    more = json_object_size(checkpoint->metadata);
    if (!more || !count)
        return FLETCH_OK;
    tensors = fletch_alloc_array(count + more, sizeof(*tensors));
    if (!tensors)
        return fletch_fail_memory(err, (count + more) * sizeof(*tensors), "tensors");
    memcpy(tensors, checkpoint->tensors, count * sizeof(*tensors));
    status = add_dropped(checkpoint, tensors, &count, err);
    if (!status && count > checkpoint->tensors_count) {
        qsort(tensors, count, sizeof(*tensors), compare_names);
        status = fletch_checkpoint_replace(checkpoint, tensors, count, err);
        tensors = status ? tensors : NULL;
    }
    fletch_free(tensors);
    return status;
}
