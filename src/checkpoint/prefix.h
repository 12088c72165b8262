/* SPDX-License-Identifier: MIT */
/* prefix.h - which of a checkpoint's tensors are the model's: one rule for every format
 *
 * Names are paths: "state_dict.model.pooler.dense.weight" is the key
 * "model.pooler.dense.weight" in the dict "state_dict" of a torch file, or simply a
 * safetensors file's name. Whatever wraps a model is a prefix of its tensors' names, be it
 * a training run's dict, DataParallel or a user class's attribute. The rule (prefix.c has
 * the table of words):
 *
 *  1. Candidates are the unchanged names, and prefixes made of words of the table; one
 *     part of a prefix may also be a dict of any other name.
 *  2. A candidate's score is the number of tensors directly in its dict whose names,
 *     without the prefix, the family knows; 0 if a name that the family requires is
 *     missing.
 *  3. There are three kinds, tried in order until one has a candidate that scores:
 *     prefixes of the table, averaged weights, dicts of other names. The highest score
 *     wins; among candidates for the same tensors, or for others with the same bytes
 *     in the file under the same names, the shortest. Other ties are an error that
 *     lists them.
 *  4. If the family knows no name, only dicts compete, by their number of tensors; among
 *     dicts of other names there may be only one. What DataParallel and torch.compile
 *     put in front of every name is removed.
 */
#ifndef FLETCH_CHECKPOINT_PREFIX_H
#define FLETCH_CHECKPOINT_PREFIX_H

#include "checkpoint/checkpoint.h"

struct fletch_prefix_name {
    const char *path; /* from the root, dotted */
    size_t own;       /* where the key within the tensor's own dict begins */
    uint32_t tensor;  /* the tensor's index, for `same` */
    bool loose; /* in a list, or under a key that is not text: the model's only if asked
                   for */
};

struct fletch_prefix_names {
    const struct fletch_prefix_name *names; /* [count], in any order */
    size_t count;
    /* Sets *out when two tensors have the same elements in the file. Called only when
     * nothing else decides; NULL: all have bytes of their own. */
    enum fletch_status (*same)(bool *out, void *user, uint32_t a, uint32_t b,
                               struct fletch_error *err);
    void *user;
};

/* Sets *prefix, in the arena, to what precedes the model's names, with its last dot; NULL
 * when there is no candidate with a tensor. ARGUMENT when no name has the requested prefix,
 * UNSUPPORTED when several are possible: both list what there is. */
enum fletch_status fletch_prefix_choose(const char **prefix,
                                        const struct fletch_prefix_names *all,
                                        const struct fletch_prefix_hints *hints,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err);
/* True when the name begins with the prefix, and the prefix ends with the tensor's own
 * dict. */
bool fletch_prefix_holds(const char *prefix, const struct fletch_prefix_name *name);
/* Chooses a prefix if the format did not, removes it, drops tensors that lack it, and notes
 * both. */
enum fletch_status fletch_prefix_strip(struct fletch_checkpoint *checkpoint,
                                       const struct fletch_prefix_hints *hints,
                                       struct fletch_error *err);

#endif
