/* SPDX-License-Identifier: MIT */
/* missing_report.c - whether a checkpoint is the whole of the model that it is said to be
 *
 * What is missing is decided in missing_keys.c; here it is put into words, beside tensors
 * that lie in the model's layers and are none of its own, layers that are left out, and
 * tensors that are not usable as weights. */
#include "family/families.h"

#include <inttypes.h>
#include <string.h>

/* How much of a name a list shows. */
#define NAME_SHOWN 100

enum fletch_status fletch_missing_keys_warn(struct fletch_missing_keys *missing_keys,
                                            const char *text, struct fletch_error *err)
{
    if (!text)
        return fletch_fail_memory(err, 0, "warnings");
    if (missing_keys->warnings_count < FLETCH_MISSING_WARNINGS_MAX)
        missing_keys->warnings[missing_keys->warnings_count++] = text;
    return FLETCH_OK;
}

const char *fletch_list_names(char out[FLETCH_LIST_CAP], const char *const *names,
                              size_t listed, uint64_t count, size_t shown_max)
{
    size_t shown = listed < shown_max ? listed : shown_max, used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(out + used, FLETCH_LIST_CAP - used, "%s'%.*s'",
                                 i ? ", " : "", NAME_SHOWN, names[i]);
    if (count > shown)
        snprintf(out + used, FLETCH_LIST_CAP - used, " and %" PRIu64 " more",
                 count - shown);
    return out;
}

/* ---- Tensors that the model does not have ---- */

static enum fletch_status list_unknown(struct fletch_missing_keys *out,
                                       const struct fletch_mapping *mapped,
                                       const struct fletch_map_input *input,
                                       struct fletch_arena *arena, struct fletch_error *err)
{
    const char **inside = fletch_arena_alloc_array(arena, input->count, sizeof(*inside));
    char names[FLETCH_LIST_CAP];
    size_t count = 0;

    out->inside = inside;
    out->unknown = fletch_arena_alloc_array(arena, input->count, sizeof(*out->unknown));
    if (!inside || !out->unknown)
        return fletch_fail_memory(err, input->count * sizeof(*inside), "names");
    for (size_t i = 0; i < input->count; i++) {
        if (mapped[i].unknown != FLETCH_PLACE_OUTSIDE)
            inside[count++] = input->names[i];
        if (mapped[i].unknown == FLETCH_PLACE_LAYER)
            out->unknown[out->unknown_count++] = input->names[i];
    }
    out->inside_count = count;
    if (!count)
        return FLETCH_OK;
    fletch_list_names(names, inside, count, count, FLETCH_LISTED_MAX);
    return fletch_missing_keys_warn(
        out,
        fletch_arena_format(arena,
                            "%s has no %s, which lie%s among its own: "
                            "left out",
                            input->model_class->class_name, names, count == 1 ? "s" : ""),
        err);
}

/* ---- Layers that are left out ---- */

/* Those of the model; or, with `inner`, those inside its groups. */
static enum fletch_status list_beyond(struct fletch_missing_keys *out,
                                      const struct fletch_mapping *mapped,
                                      const struct fletch_map_input *input, bool inner,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    const char *said;
    size_t beyond = 0;
    int64_t last = 0;

    for (size_t i = 0; i < input->count; i++) {
        if (!mapped[i].beyond || mapped[i].inner != inner)
            continue;
        beyond++;
        last = mapped[i].beyond > last ? mapped[i].beyond : last;
    }
    if (!beyond)
        return FLETCH_OK;
    said = fletch_layers_said(input, inner, arena);
    if (!said)
        return fletch_fail_memory(err, 0, "warnings");
    return fletch_missing_keys_warn(
        out,
        fletch_arena_format(arena,
                            "%s, but the checkpoint has %" PRId64 " layers%s: "
                            "no loader reads the others, their %zu tensors are left out",
                            said, last + 1, inner ? " in a group" : "", beyond),
        err);
}

/* ---- What is no weight ---- */

static enum fletch_status list_unsupported(struct fletch_missing_keys *out,
                                           const struct fletch_map_input *input,
                                           struct fletch_arena *arena,
                                           struct fletch_error *err)
{
    const json_t *config = fletch_json_at(input->config, "quantization_config");
    const char *method = json_string_value(json_object_get(config, "quant_method"));
    const char *unsupported;

    TRY(fletch_find_unsupported_weights(&unsupported, input, arena, err));
    if (unsupported)
        TRY(fletch_missing_keys_warn(out, unsupported, err));
    if (!json_is_object(config) || unsupported)
        return FLETCH_OK;
    return fletch_missing_keys_warn(
        out,
        fletch_arena_format(arena,
                            "config.json has a quantization_config (%.64s): rows are as "
                            "the tensors are, nothing is dequantized",
                            method ? method : "no quant_method"),
        err);
}

enum fletch_status fletch_family_missing_keys(struct fletch_missing_keys *out,
                                              const struct fletch_mapping *mapped,
                                              const struct fletch_map_input *input,
                                              struct fletch_arena *arena,
                                              struct fletch_error *err)
{
    *out = (struct fletch_missing_keys){ .missing = NULL };
    TRY(list_unsupported(out, input, arena, err));
    if (input->model_class->patterns)
        TRY(fletch_find_missing_keys(out, mapped, input, arena, err));
    TRY(list_unknown(out, mapped, input, arena, err));
    TRY(fletch_warn_of_adapters(out, mapped, input, arena, err));
    TRY(list_beyond(out, mapped, input, false, arena, err));
    return list_beyond(out, mapped, input, true, arena, err);
}

/* ---- Whether that is a model ---- */

/* The class that config.json's own code is for; or NULL. */
static const char *mapped_class(const json_t *config)
{
    static const char *const keys[] = { "auto_map.AutoModel",
                                        "auto_map.AutoModelForMaskedLM",
                                        "auto_map.AutoModelForSequenceClassification" };
    const char *found = NULL;

    for (size_t i = 0; !found && i < sizeof(keys) / sizeof(keys[0]); i++)
        found = json_string_value(fletch_json_at(config, keys[i]));
    return found;
}

const char *fletch_type_hint(const struct fletch_map_input *input)
{
    const struct fletch_model_class *model_class = fletch_family_transformers.classes;
    bool any = input->family->metadata_kind == FLETCH_METADATA_TOWER;

    /* that type knows the model too, and would hold it against the same table */
    for (; model_class->fields && !any; model_class++)
        any = model_class == input->model_class;
    return any ? "--type any keeps all tensors under their own names"
               : "--type transformers keeps all tensors under their own names";
}

static enum fletch_status refuse_type(const struct fletch_missing_keys *missing_keys,
                                      const struct fletch_map_input *input,
                                      struct fletch_error *err)
{
    const char *class_name = mapped_class(input->config);
    char missing[FLETCH_LIST_CAP], unknown[FLETCH_LIST_CAP];

    fletch_list_names(missing, missing_keys->missing, missing_keys->missing_listed,
                      missing_keys->missing_count, 1);
    fletch_list_names(unknown, missing_keys->unknown, missing_keys->unknown_count,
                      missing_keys->unknown_count, 1);
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "not %s: the checkpoint lacks %s, and its layers have %s instead: "
                       "another model%s%.100s; %s",
                       input->model_class->class_name, missing, unknown,
                       class_name ? ", config.json's auto_map says " : "",
                       class_name ? class_name : "", fletch_type_hint(input));
}

enum fletch_status fletch_family_check_whole(const struct fletch_missing_keys *missing_keys,
                                             const struct fletch_map_input *input,
                                             bool allow_missing, struct fletch_error *err)
{
    char names[FLETCH_LIST_CAP];

    TRY(fletch_refuse_adapters(missing_keys->inside, missing_keys->inside_count, err));
    if (!missing_keys->missing_count)
        return FLETCH_OK;
    if (missing_keys->unknown_count)
        return refuse_type(missing_keys, input, err);
    if (!allow_missing) {
        fletch_list_names(names, missing_keys->missing, missing_keys->missing_listed,
                          missing_keys->missing_count,
                          missing_keys->layers ? 1 : FLETCH_LISTED_MAX);
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "%s%sthe checkpoint lacks %" PRIu64 " of %s's tensors: %s; "
                           "--allow-missing converts what is there",
                           missing_keys->layers ? missing_keys->layers : "",
                           missing_keys->layers ? "; " : "", missing_keys->missing_count,
                           input->model_class->class_name, names);
    }
    if (missing_keys->missing_count > FLETCH_MISSING_MAX)
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "the checkpoint lacks %" PRIu64
                           " of %s's tensors, more than the "
                           "%d that are listed (FLETCH_MISSING_MAX)",
                           missing_keys->missing_count, input->model_class->class_name,
                           FLETCH_MISSING_MAX);
    return FLETCH_OK;
}
