/* SPDX-License-Identifier: MIT */
/* prefix.h - which of a checkpoint's tensors are the model's: one rule for every format
 *
 * Names are ways: "state_dict.model.pooler.dense.weight" lies in the dict "state_dict" of a
 * torch file under the key "model.pooler.dense.weight", or is a safetensors file's name as
 * it is. What wraps a model is a prefix of its tensors' names, whether a dict of a training
 * run, DataParallel or the attribute of somebody's class did it. The rule (prefix.c has the
 * table of words):
 *
 *  1. Candidates are the names as they are, and the prefixes that consist of words of the
 *     table; a dict of any other name may be one part of a prefix too.
 *  2. A candidate's score is the number of names directly in its dict that the family
 *     knows, the prefix taken away; 0 when one that the family requires is missing.
 *  3. Of three kinds the first with a score above 0 is taken: prefixes of the table,
 *     averaged weights, dicts of other names. Of its candidates that with most; of those
 *     that mean the same tensors, or others with the same bytes in the file under the same
 *     names, the shortest. Equals are an error that lists them.
 *  4. Where the family knows nothing, dicts alone compete, by their tensors; of dicts of
 *     other names there may only be one. What DataParallel and torch.compile put in front
 *     of every name is taken away.
 */
#ifndef FLETCH_CHECKPOINT_PREFIX_H
#define FLETCH_CHECKPOINT_PREFIX_H

#include "checkpoint/checkpoint.h"

struct fletch_prefix_name {
    const char *path; /* from the top, dotted */
    size_t own;       /* where in it the key begins that the tensor's own dict has */
    uint32_t tensor;  /* which it is, for `same` */
    bool loose; /* in a list, or under a key that is no text: no model's unless asked for
                 */
};

struct fletch_prefix_names {
    const struct fletch_prefix_name *names; /* [count], in any order */
    size_t count;
    /* Sets *out when two have the same elements, as they lie in the file. Only asked where
     * else there was no choice; NULL: all have bytes of their own. */
    enum fletch_status (*same)(bool *out, void *user, uint32_t a, uint32_t b,
                               struct fletch_error *err);
    void *user;
};

/* Sets *prefix to what is in front of the model's names, its last dot with it, in the
 * arena; NULL when there is no candidate with a tensor. ARGUMENT when the prefix that was
 * asked for is in front of no name, UNSUPPORTED when several may be it: both list what
 * there is. */
enum fletch_status fletch_prefix_choose(const char **prefix,
                                        const struct fletch_prefix_names *all,
                                        const struct fletch_prefix_hints *hints,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err);
/* True when the prefix is in front of the name, and its last dict is the tensor's own. */
bool fletch_prefix_holds(const char *prefix, const struct fletch_prefix_name *name);
/* Chooses for a checkpoint whose formats did not, takes the prefix away and what is not
 * below it out, and notes both. */
enum fletch_status fletch_prefix_strip(struct fletch_checkpoint *checkpoint,
                                       const struct fletch_prefix_hints *hints,
                                       struct fletch_error *err);

#endif
