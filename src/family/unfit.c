/* SPDX-License-Identifier: MIT */
/* unfit.c - weights that a loader cannot use as they are: quantized, in parts, with
 * adapters
 *
 * Such tensors stand beside the weight that they belong to, or in its place, under names
 * that their libraries give them. One is taken for such only where the model has that
 * weight: query.SCB, where there is a query.weight.
 */
#include "family/families.h"

#include "base/glob.h"

#include <string.h>

/* How much of a name from a file a message shows, in bytes. */
#define SHOWN 160

#define DEQUANTIZE "dequantize the model and save it first"
#define QUANTIZED "its weight is quantized"
#define ADAPTER "an adapter that is not merged into its weight"
#define MERGE "merge_and_unload() the model and save it first"
/* How much of a name may lie behind a module's. */
#define BESIDE_MAX 64
#define JOIN "remove_parametrizations() and save the model first"

/* The first star is the weight's module. */
static const struct {
    const char *glob, *what, *advice;
} table[] = {
    { "*.SCB", "its weight is quantized (bitsandbytes)", DEQUANTIZE },
    { "*.weight.quant_state.*", "its weight is quantized (bitsandbytes)", DEQUANTIZE },
    { "*.weight.absmax", "its weight is quantized (bitsandbytes)", DEQUANTIZE },
    { "*.qweight", "a quantized weight (GPTQ, AWQ)", DEQUANTIZE },
    { "*.qzeros", "its weight is quantized (GPTQ, AWQ)", DEQUANTIZE },
    { "*.weight_packed", "a quantized weight (compressed-tensors)", DEQUANTIZE },
    { "*.weight_scale", "its weight is quantized (compressed-tensors)", DEQUANTIZE },
    { "*.weight_scale_inv", "its weight is quantized (float8 in blocks)", DEQUANTIZE },
    { "*.weight._data", "a quantized weight (quanto)", DEQUANTIZE },
    { "*.W_q", "a quantized weight (HQQ)", DEQUANTIZE },
    { "*.scales", "its weight is quantized (MLX or another)", DEQUANTIZE },
    { "*.scale", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE },
    { "*._packed_params", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE },
    { "*._packed_params.*", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE },
    { "*.zero_point*", QUANTIZED, DEQUANTIZE },
    { "*.zeros", QUANTIZED, DEQUANTIZE },
    { "*.g_idx", QUANTIZED, DEQUANTIZE },
    { "*.codes", "a quantized weight (AQLM)", DEQUANTIZE },
    { "*.codebook*", QUANTIZED, DEQUANTIZE },
    { "*.Qidxs", "a quantized weight (QuIP)", DEQUANTIZE },
    { "*.input_scale", QUANTIZED, DEQUANTIZE },
    { "*.weight_scales", QUANTIZED, DEQUANTIZE },
    { "*.weight_zero_point", QUANTIZED, DEQUANTIZE },
    { "*.input_zero_point", QUANTIZED, DEQUANTIZE },
    { "*.weight_orig", "a pruned weight beside its mask",
      "prune.remove() and save the model first" },
    { "*.weight_mask", "the mask of a pruned weight",
      "prune.remove() and save the model first" },
    { "*.weight_g", "a weight in parts", "remove_weight_norm() and save the model first" },
    { "*.weight_v", "a weight in parts", "remove_weight_norm() and save the model first" },
    { "*.weight_u", "a weight in parts",
      "remove_spectral_norm() and save the model first" },
    { "*.loras.*", ADAPTER, MERGE },
    { "*.lora_*", ADAPTER, MERGE },
    { "*.ia3_*", ADAPTER, MERGE },
    { "*.hada_*", ADAPTER, MERGE },
    { "*.lokr_*", ADAPTER, MERGE },
    { "*.oft_*", ADAPTER, MERGE },
    { "*.vera_*", ADAPTER, MERGE },
    { "*.adapters.*", ADAPTER, MERGE },
    { "*.adapter_*", ADAPTER, MERGE },
    { "*.base_layer.*", ADAPTER, MERGE },
    { "*.lora_A.*", ADAPTER, MERGE },
    { "*.lora_B.*", ADAPTER, MERGE },
    { "*.lora_embedding_A.*", ADAPTER, MERGE },
    { "*.parametrizations.weight.*", "a weight in parts", JOIN },
};

/* Of libraries that are not in the table: what is behind a module of the model's and has
 * one of these words in it. */
static const char *const words[] = {
    "scale", "zero_point", "quant", "absmax", "codebook", "_codes", "qweight", "packed",
};

/* Whether the model has the weight that a name of this form belongs to. */
static enum fletch_status is_own(bool *out, const char *glob, const char *name,
                                 const struct fletch_map_input *input,
                                 struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX];
    const char *weight;

    *out = false;
    if (!fletch_glob_capture(stars, glob, name))
        return FLETCH_OK;
    weight = fletch_arena_format(arena, "%.*s.weight", (int)stars[0].len, stars[0].text);
    if (!weight)
        return fletch_fail_memory(err, stars[0].len, "names");
    return fletch_member_has(out, input->family, input->member, weight, arena, err);
}

/* Whether some library's word stands behind a module that the model has. */
static enum fletch_status is_beside(bool *out, const char *name,
                                    const struct fletch_map_input *input,
                                    struct fletch_arena *arena, struct fletch_error *err)
{
    size_t len = strlen(name);
    const char *dot = strchr(name + (len > BESIDE_MAX ? len - BESIDE_MAX : 0), '.');
    bool own;

    *out = false;
    for (; dot && !*out; dot = strchr(dot + 1, '.')) {
        const char *weight;
        bool said = false;

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !said; i++)
            said = strstr(dot, words[i]);
        if (!said)
            return FLETCH_OK;
        weight = fletch_arena_format(arena, "%.*s.weight", (int)(dot - name), name);
        if (!weight)
            return fletch_fail_memory(err, strlen(name), "names");
        TRY(fletch_member_has(out, input->family, input->member, weight, arena, err));
    }
    if (!*out)
        return FLETCH_OK;
    TRY(fletch_member_has(&own, input->family, input->member, name, arena, err));
    *out = !own;
    return FLETCH_OK;
}

/* What no table has; only where it is known what the model's own are. */
static enum fletch_status find_beside(const char **out,
                                      const struct fletch_map_input *input,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    bool beside = false;

    for (size_t i = 0; input->member->owns && i < input->count && !beside; i++) {
        TRY(is_beside(&beside, input->names[i], input, arena, err));
        if (!beside)
            continue;
        *out = fletch_arena_format(arena, "tensor '%.*s': %s: %s", SHOWN, input->names[i],
                                   QUANTIZED, DEQUANTIZE);
        return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "names");
    }
    return FLETCH_OK;
}

enum fletch_status fletch_find_unfit(const char **out, const struct fletch_map_input *input,
                                     struct fletch_arena *arena, struct fletch_error *err)
{
    bool own = false;

    *out = NULL;
    for (size_t i = 0; i < input->count; i++)
        for (size_t at = 0; at < sizeof(table) / sizeof(table[0]); at++) {
            TRY(is_own(&own, table[at].glob, input->names[i], input, arena, err));
            if (!own)
                continue;
            *out = fletch_arena_format(arena, "tensor '%.*s': %s: %s", SHOWN,
                                       input->names[i], table[at].what, table[at].advice);
            return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "names");
        }
    return find_beside(out, input, arena, err);
}
