/* SPDX-License-Identifier: MIT */
/* unsupported_weights.c - weights that a loader cannot use as they are: quantized, in
 * parts, with adapters
 *
 * Such tensors stand beside the weight that they belong to, or in its place, under names
 * that their libraries give them. One is taken for such only where the model has that
 * weight: query.SCB, where there is a query.weight.
 */
#include "family/families.h"

#include "base/glob.h"

#include <string.h>

#define DEQUANTIZE "dequantize the model and save it first"
#define QUANTIZED "its weight is quantized"
#define ADAPTER "an adapter that is not merged into its weight"
#define MERGE "merge_and_unload() the model and save it first"
/* How much of a name may lie behind a module's. */
#define BESIDE_MAX 64
#define JOIN "remove_parametrizations() and save the model first"
#define UNPRUNE "prune.remove() and save the model first"
#define UNSPECTRAL "remove_spectral_norm() and save the model first"
/* What is folded is not seen here (checkpoint/pruned.c). */
#define NO_MASK "a pruned weight without its mask"
#define NO_ORIG "the mask of a pruned weight that is not there"
#define FIND_BOTH                                                                          \
    "start from a checkpoint with both, or from the model after prune.remove()"
#define NO_PAIR "of a pruned weight, which its mask does not fit by shape or type"
#define NO_ROOM "of a pruned weight, while the weight is there as well"

/* The first star is the weight's module. `beside`: only where the module has that, too. */
static const struct {
    const char *glob, *what, *advice, *beside;
} table[] = {
    { "*.SCB", "its weight is quantized (bitsandbytes)", DEQUANTIZE, NULL },
    { "*.weight.quant_state.*", "its weight is quantized (bitsandbytes)", DEQUANTIZE,
      NULL },
    { "*.weight.absmax", "its weight is quantized (bitsandbytes)", DEQUANTIZE, NULL },
    { "*.qweight", "a quantized weight (GPTQ, AWQ)", DEQUANTIZE, NULL },
    { "*.qzeros", "its weight is quantized (GPTQ, AWQ)", DEQUANTIZE, NULL },
    { "*.weight_packed", "a quantized weight (compressed-tensors)", DEQUANTIZE, NULL },
    { "*.weight_scale", "its weight is quantized (compressed-tensors)", DEQUANTIZE, NULL },
    { "*.weight_scale_inv", "its weight is quantized (float8 in blocks)", DEQUANTIZE,
      NULL },
    { "*.weight._data", "a quantized weight (quanto)", DEQUANTIZE, NULL },
    { "*.W_q", "a quantized weight (HQQ)", DEQUANTIZE, NULL },
    { "*.scales", "its weight is quantized (MLX or another)", DEQUANTIZE, NULL },
    { "*.scale", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE, NULL },
    { "*._packed_params", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE,
      NULL },
    { "*._packed_params.*", "its weight is quantized (torch.ao.quantization)", DEQUANTIZE,
      NULL },
    { "*.zero_point*", QUANTIZED, DEQUANTIZE, NULL },
    { "*.zeros", QUANTIZED, DEQUANTIZE, NULL },
    { "*.g_idx", QUANTIZED, DEQUANTIZE, NULL },
    { "*.codes", "a quantized weight (AQLM)", DEQUANTIZE, NULL },
    { "*.codebook*", QUANTIZED, DEQUANTIZE, NULL },
    { "*.Qidxs", "a quantized weight (QuIP)", DEQUANTIZE, NULL },
    { "*.input_scale", QUANTIZED, DEQUANTIZE, NULL },
    { "*.weight_scales", QUANTIZED, DEQUANTIZE, NULL },
    { "*.weight_zero_point", QUANTIZED, DEQUANTIZE, NULL },
    { "*.input_zero_point", QUANTIZED, DEQUANTIZE, NULL },
    { "*.weight_orig", "a weight in parts", UNSPECTRAL, "weight_u" },
    { "*.weight_orig", NO_ROOM, UNPRUNE, "weight" },
    { "*.weight_orig", NO_PAIR, UNPRUNE, "weight_mask" },
    { "*.weight_orig", NO_MASK, FIND_BOTH, NULL },
    { "*.weight_mask", NO_ROOM, UNPRUNE, "weight" },
    { "*.weight_mask", NO_PAIR, UNPRUNE, "weight_orig" },
    { "*.weight_mask", NO_ORIG, FIND_BOTH, NULL },
    { "*.bias_orig", NO_ROOM, UNPRUNE, "bias" },
    { "*.bias_orig", NO_PAIR, UNPRUNE, "bias_mask" },
    { "*.bias_orig", NO_MASK, FIND_BOTH, NULL },
    { "*.bias_mask", NO_PAIR, UNPRUNE, "bias_orig" },
    { "*.bias_mask", NO_ORIG, FIND_BOTH, NULL },
    { "*.mask_scores", "scores that prune its weight (movement pruning)",
      "multiply the weight by the mask that they make, and save the model first", NULL },
    { "*.weight_g", "a weight in parts", "remove_weight_norm() and save the model first",
      NULL },
    { "*.weight_v", "a weight in parts", UNSPECTRAL, "weight_u" },
    { "*.weight_v", "a weight in parts", "remove_weight_norm() and save the model first",
      NULL },
    { "*.weight_u", "a weight in parts", UNSPECTRAL, NULL },
    { "*.loras.*", ADAPTER, MERGE, NULL },
    { "*.lora_*", ADAPTER, MERGE, NULL },
    { "*.ia3_*", ADAPTER, MERGE, NULL },
    { "*.hada_*", ADAPTER, MERGE, NULL },
    { "*.lokr_*", ADAPTER, MERGE, NULL },
    { "*.oft_*", ADAPTER, MERGE, NULL },
    { "*.vera_*", ADAPTER, MERGE, NULL },
    { "*.adapters.*", ADAPTER, MERGE, NULL },
    { "*.adapter_*", ADAPTER, MERGE, NULL },
    { "*.base_layer.*", ADAPTER, MERGE, NULL },
    { "*.lora_A.*", ADAPTER, MERGE, NULL },
    { "*.lora_B.*", ADAPTER, MERGE, NULL },
    { "*.lora_embedding_A.*", ADAPTER, MERGE, NULL },
    { "*.parametrizations.weight.*.mask", "the mask of a weight (torch.ao.pruning)",
      "squash_mask() and save the model first", NULL },
    { "*.parametrizations.weight.*", "a weight in parts", JOIN, NULL },
};

/* Of libraries that are not in the table: what is behind a module of the model's and has
 * one of these words in it. */
static const char *const words[] = {
    "scale", "zero_point", "quant", "absmax", "codebook", "_codes", "qweight", "packed",
};

/* Whether the module has that beside what was found in it. */
static bool stands_beside(const struct fletch_glob_star *module, const char *beside,
                          const struct fletch_map_input *input)
{
    size_t len = module->len;

    for (size_t i = 0; beside && i < input->count; i++)
        if (!strncmp(input->names[i], module->text, len) && input->names[i][len] == '.' &&
            !strcmp(input->names[i] + len + 1, beside))
            return true;
    return !beside;
}

/* Whether a row of the table speaks of the name: the model has the weight that a name of
 * this form belongs to. */
static enum fletch_status is_own(bool *out, size_t at, const char *name,
                                 const struct fletch_map_input *input,
                                 struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_glob_star stars[FLETCH_GLOB_STARS_MAX];
    const char *weight;

    *out = false;
    if (!fletch_glob_capture(stars, table[at].glob, name))
        return FLETCH_OK;
    weight = fletch_arena_format(arena, "%.*s.weight", (int)stars[0].len, stars[0].text);
    if (!weight)
        return fletch_fail_memory(err, stars[0].len, "names");
    TRY(fletch_model_class_has(out, input->family, input->model_class, weight, arena, err));
    *out = *out && stands_beside(&stars[0], table[at].beside, input);
    return FLETCH_OK;
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
        TRY(fletch_model_class_has(out, input->family, input->model_class, weight, arena,
                                   err));
    }
    if (!*out)
        return FLETCH_OK;
    TRY(fletch_model_class_has(&own, input->family, input->model_class, name, arena, err));
    *out = !own;
    return FLETCH_OK;
}

/* What no table has; only where it is known what the model's own are. */
static enum fletch_status find_beside(const char **out,
                                      const struct fletch_map_input *input,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    bool beside = false;

    for (size_t i = 0; input->model_class->patterns && i < input->count && !beside; i++) {
        TRY(is_beside(&beside, input->names[i], input, arena, err));
        if (!beside)
            continue;
        *out = fletch_arena_format(arena, "tensor '%.*s': %s: %s", FLETCH_SHOWN,
                                   input->names[i], QUANTIZED, DEQUANTIZE);
        return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "names");
    }
    return FLETCH_OK;
}

enum fletch_status fletch_find_unsupported_weights(const char **out,
                                                   const struct fletch_map_input *input,
                                                   struct fletch_arena *arena,
                                                   struct fletch_error *err)
{
    bool own = false;

    *out = NULL;
    for (size_t i = 0; i < input->count; i++)
        for (size_t at = 0; at < sizeof(table) / sizeof(table[0]); at++) {
            TRY(is_own(&own, at, input->names[i], input, arena, err));
            if (!own)
                continue;
            *out = fletch_arena_format(arena, "tensor '%.*s': %s: %s", FLETCH_SHOWN,
                                       input->names[i], table[at].what, table[at].advice);
            return *out ? FLETCH_OK : fletch_fail_memory(err, 0, "names");
        }
    return find_beside(out, input, arena, err);
}
