/* SPDX-License-Identifier: MIT */
/* clip_kin.c - relatives of CLIP's: known, so that they are refused by name and with advice
 *
 * SigLIP has no class embedding and pools by attention, OWL-ViT and X-CLIP put other norms
 * and other blocks between the same names, BLIP's and GroupViT's towers are their own.
 * CLIPSeg's and AltCLIP's towers have CLIP's names; no list of the library's has been held
 * against them, and the one is half a model without its decoder.
 */
#include "family/families.h"

static const struct fletch_field fields[] = { { .key = NULL } };

/* Both towers, and what the vision tower alone calls itself. */
#define KIN(name)                                                                          \
    { .model_type = (name), .fields = fields },                                            \
    {                                                                                      \
        .model_type = name "_vision_model", .fields = fields                               \
    }

static const struct fletch_model_class classes[] = {
    KIN("align"),  KIN("altclip"),  KIN("blip"),  KIN("clipseg"),
    KIN("flava"),  KIN("groupvit"), KIN("owlv2"), KIN("owlvit"),
    KIN("siglip"), KIN("siglip2"),  KIN("xclip"), { .fields = NULL },
};

const struct fletch_family fletch_family_clip_kin = {
    .name = "clip_kin",
    .title = "relatives of CLIP's with other vision towers",
    .refusal = "a relative of CLIP's, whose vision tower is not one that is known to be "
               "the same (clip, chinese_clip, metaclip_2)",
    .refusal_way = "any",
    .metadata_kind = FLETCH_METADATA_TOWER,
    .classes = classes,
};
