/* SPDX-License-Identifier: MIT */
/* adapters.c - what libraries train into a model or beside it, and save with it
 *
 * Where the names of both are in one file, the model is not what it was trained to be: an
 * adapter in its modules is refused, one beside it is warned of. Those in the place of a
 * weight that the model has are unsupported_weights.c's.
 */
#include "family/families.h"

#include "base/glob.h"

/* How much of a name a message shows. */
#define NAME_SHOWN 100

/* What adapters of several libraries call their tensors. */
static const char *const adapters[] = {
    "*adapter*",
    "*.lora*",
    "*.loras.*",
    "*.ia3_*",
    "*.vera_*",
    "*.base_layer.*",
    "*prefix_tuning*",
    "*prefix_encoder.*",
    "*prompt_encoder.*",
    "*soft_prompt*",
    "*.modules_to_save.*",
    "*.original_module.*",
    "*.intervention*",
    NULL,
};

/* An adapter beside the model leaves it whole, and other than it was trained to be. */
enum fletch_status fletch_warn_of_adapters(struct fletch_missing_keys *out,
                                           const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err)
{
    size_t cap = input->count + input->rest_count, count = 0;
    const char **found = fletch_arena_alloc_array(arena, cap, sizeof(*found));
    char names[FLETCH_LIST_CAP];

    if (!found)
        return fletch_fail_memory(err, cap * sizeof(*found), "names");
    /* outside the dict that was chosen; no type keeps these */
    for (size_t i = 0; i < input->rest_count; i++)
        if (fletch_glob_any(adapters, input->rest[i]))
            found[count++] = input->rest[i];
    for (size_t i = 0; input->model_class->patterns && i < input->count; i++)
        if (!mapped[i].row && fletch_glob_any(adapters, input->names[i]))
            found[count++] = input->names[i];
    if (!count)
        return FLETCH_OK;
    fletch_list_names(names, found, count, count, FLETCH_LISTED_MAX);
    return fletch_missing_keys_warn(
        out,
        fletch_arena_format(arena,
                            "an adapter lies beside the model, and is "
                            "left out: %s; the model is that without "
                            "the adapter",
                            names),
        err);
}

enum fletch_status fletch_refuse_adapters(const char *const *names, size_t count,
                                          struct fletch_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (fletch_glob_any(adapters, names[i]))
            return fletch_fail(
                err, FLETCH_ERR_UNSUPPORTED,
                "tensor '%.*s': an adapter that is not merged into the model's weights; "
                "merge it (PEFT: merge_and_unload()) and save the model first, or start "
                "from the model without it",
                NAME_SHOWN, names[i]);
    return FLETCH_OK;
}
