/* SPDX-License-Identifier: MIT */
/* modality.c - whether a model that no family knows is one of pictures or sound
 *
 * Its type is unknown, so what is left is what config.json says of its inputs, or how its
 * class is called. A model that has words and places for them besides (LayoutLM, ViLT) goes
 * with a tokenizer all the same: that is text.
 */
#include "family/family.h"

#include <string.h>

static const char *const input_keys[] = {
    "image_size",   "num_channels",           "vision_config",
    "audio_config", "num_mel_bins",           "sampling_rate",
    "conv_dim",     "input_feat_per_channel", "feature_projection_input_dim",
};

/* How classes are called that have a head for pictures or sound; parts of names. */
static const char *const class_words[] = {
    "Image", "Vision",          "Video",        "Audio",           "Speech",
    "CTC",   "ObjectDetection", "Segmentation", "DepthEstimation",
};

static bool has(const json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);

    return value && !json_is_null(value);
}

bool fletch_family_is_no_text(const json_t *config)
{
    const char *name =
        json_string_value(json_array_get(json_object_get(config, "architectures"), 0));

    if (has(config, "vocab_size") && has(config, "max_position_embeddings"))
        return false;
    for (size_t i = 0; i < sizeof(input_keys) / sizeof(input_keys[0]); i++)
        if (has(config, input_keys[i]))
            return true;
    for (size_t i = 0; name && i < sizeof(class_words) / sizeof(class_words[0]); i++)
        if (strstr(name, class_words[i]))
            return true;
    return false;
}
