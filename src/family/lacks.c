/* SPDX-License-Identifier: MIT */
/* lacks.c - whether a checkpoint is the whole of the model that it is said to be
 *
 * What is missing is decided in missing.c; here it is put into words, beside tensors that
 * lie in the model's layers and are none of its own, layers that are left out, and weights
 * that are none.
 */
#include "family/families.h"

#include <inttypes.h>
#include <string.h>

/* How much of a name a list shows. */
#define NAME_SHOWN 100

enum fletch_status fletch_lacks_say(struct fletch_lacks *lacks, const char *text,
                                    struct fletch_error *err)
{
    if (!text)
        return fletch_fail_memory(err, 0, "warnings");
    if (lacks->warnings_count < FLETCH_LACKS_MAX)
        lacks->warnings[lacks->warnings_count++] = text;
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

static enum fletch_status list_unknown(struct fletch_lacks *out,
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
    return fletch_lacks_say(out,
                            fletch_arena_format(arena,
                                                "%s has no %s, which lie%s among its own: "
                                                "left out",
                                                input->member->class_name, names,
                                                count == 1 ? "s" : ""),
                            err);
}

/* ---- Layers that are left out ---- */

static enum fletch_status list_beyond(struct fletch_lacks *out,
                                      const struct fletch_mapping *mapped,
                                      const struct fletch_map_input *input,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    size_t beyond = 0;

    for (size_t i = 0; i < input->count; i++)
        beyond += mapped[i].beyond;
    if (!beyond)
        return FLETCH_OK;
    return fletch_lacks_say(
        out,
        fletch_arena_format(arena,
                            "%s %" PRId64 ", but the checkpoint has more layers: %zu "
                            "tensors of them are left out",
                            input->layers_said, fletch_layers_count(input), beyond),
        err);
}

/* ---- What is no weight ---- */

static enum fletch_status list_unfit(struct fletch_lacks *out,
                                     const struct fletch_map_input *input,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    const json_t *config = fletch_json_at(input->config, "quantization_config");
    const char *method = json_string_value(json_object_get(config, "quant_method"));
    const char *unfit;

    TRY(fletch_find_unfit(&unfit, input, arena, err));
    if (unfit)
        TRY(fletch_lacks_say(out, unfit, err));
    if (!json_is_object(config) || unfit)
        return FLETCH_OK;
    return fletch_lacks_say(
        out,
        fletch_arena_format(arena,
                            "config.json has a quantization_config (%.64s): rows are as "
                            "the tensors are, nothing is dequantized",
                            method ? method : "no quant_method"),
        err);
}

enum fletch_status fletch_family_lacks(struct fletch_lacks *out,
                                       const struct fletch_mapping *mapped,
                                       const struct fletch_map_input *input,
                                       struct fletch_arena *arena, struct fletch_error *err)
{
    *out = (struct fletch_lacks){ .missing = NULL };
    TRY(list_unfit(out, input, arena, err));
    if (input->member->owns)
        TRY(fletch_find_missing(out, mapped, input, arena, err));
    TRY(list_unknown(out, mapped, input, arena, err));
    TRY(fletch_warn_of_adapters(out, mapped, input, arena, err));
    return list_beyond(out, mapped, input, arena, err);
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

const char *fletch_way_out(const struct fletch_map_input *input)
{
    const struct fletch_member *member = fletch_family_transformers.members;
    bool any = input->family->layout == FLETCH_LAYOUT_TOWER;

    /* that type knows the model too, and would hold it against the same table */
    for (; member->fields && !any; member++)
        any = member == input->member;
    return any ? "--type any keeps all tensors under their own names"
               : "--type transformers keeps all tensors under their own names";
}

static enum fletch_status refuse_type(const struct fletch_lacks *lacks,
                                      const struct fletch_map_input *input,
                                      struct fletch_error *err)
{
    const char *class_name = mapped_class(input->config);
    char missing[FLETCH_LIST_CAP], unknown[FLETCH_LIST_CAP];

    fletch_list_names(missing, lacks->missing, lacks->missing_listed, lacks->missing_count,
                      1);
    fletch_list_names(unknown, lacks->unknown, lacks->unknown_count, lacks->unknown_count,
                      1);
    return fletch_fail(err, FLETCH_ERR_FAMILY,
                       "not %s: the checkpoint lacks %s, and its layers have %s instead: "
                       "another model%s%.100s; %s",
                       input->member->class_name, missing, unknown,
                       class_name ? ", config.json's auto_map says " : "",
                       class_name ? class_name : "", fletch_way_out(input));
}

enum fletch_status fletch_family_check_whole(const struct fletch_lacks *lacks,
                                             const struct fletch_map_input *input,
                                             bool allow_missing, struct fletch_error *err)
{
    char names[FLETCH_LIST_CAP];

    TRY(fletch_refuse_adapters(lacks->inside, lacks->inside_count, err));
    if (!lacks->missing_count)
        return FLETCH_OK;
    if (lacks->unknown_count)
        return refuse_type(lacks, input, err);
    if (!allow_missing) {
        fletch_list_names(names, lacks->missing, lacks->missing_listed,
                          lacks->missing_count, lacks->layers ? 1 : FLETCH_LISTED_MAX);
        return fletch_fail(err, FLETCH_ERR_FAMILY,
                           "%s%sthe checkpoint lacks %" PRIu64 " of %s's tensors: %s; "
                           "--allow-missing converts what is there",
                           lacks->layers ? lacks->layers : "", lacks->layers ? "; " : "",
                           lacks->missing_count, input->member->class_name, names);
    }
    if (lacks->missing_count > FLETCH_MISSING_MAX)
        return fletch_fail(
            err, FLETCH_ERR_FAMILY,
            "the checkpoint lacks %" PRIu64 " of %s's tensors, more than the "
            "%d that are listed (FLETCH_MISSING_MAX)",
            lacks->missing_count, input->member->class_name, FLETCH_MISSING_MAX);
    return FLETCH_OK;
}
