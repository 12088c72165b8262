/* SPDX-License-Identifier: MIT */
/* torch_calls.c - what a pickle wants to call that this version does not know
 *
 * Nothing is ever called, so this is for people: a checkpoint that wants os.system is one
 * that they will want to know of, and the class of a training run's arguments is harmless.
 */
#include "checkpoint/torch.h"

#include <inttypes.h>
#include <string.h>

/* Callees that are named. */
#define CALLS_NOTED 20

const struct fletch_pickle_value *fletch_torch_callee(const struct fletch_torch *torch,
                                                      uint32_t call)
{
    const struct fletch_pickle_value *callee =
        fletch_torch_value(torch, fletch_torch_value(torch, call)->callee);

    if (callee->kind == FLETCH_PICKLE_PERSISTENT) {
        const struct fletch_pickle_value *id = fletch_torch_value(torch, callee->id);

        if (id->kind == FLETCH_PICKLE_TUPLE && id->count > 1 &&
            fletch_pickle_is_text(fletch_torch_value(torch, id->items[0]), "module"))
            callee = fletch_torch_value(torch, id->items[1]);
    }
    return callee->kind == FLETCH_PICKLE_GLOBAL ? callee : NULL;
}

/* The global that a value would call, or NULL: of those that are not known. */
static const struct fletch_pickle_value *stranger_of(const struct fletch_torch *torch,
                                                     uint32_t index)
{
    const struct fletch_pickle_value *call = fletch_torch_value(torch, index), *callee;

    if (call->kind != FLETCH_PICKLE_CALL)
        return NULL;
    callee = fletch_torch_callee(torch, index);
    if (!callee || fletch_torch_knows(callee) ||
        (torch->script && fletch_torch_is_script_class(callee)))
        return NULL;
    return callee;
}

enum fletch_status fletch_torch_note_calls(struct fletch_torch *torch,
                                           struct fletch_error *err)
{
    const struct fletch_pickle_value *seen[CALLS_NOTED];
    size_t count = 0;

    for (uint32_t i = 0; i < torch->pickle.count; i++) {
        const struct fletch_pickle_value *callee = stranger_of(torch, i);
        size_t j = 0;

        if (!callee)
            continue;
        while (j < count &&
               !fletch_pickle_is_global(callee, seen[j]->module, seen[j]->name))
            j++;
        if (j < count)
            continue;
        if (count == CALLS_NOTED)
            return fletch_tensor_list_note(torch->list, err,
                                           "byte %" PRIu64 ": the pickle wants to call "
                                           "more than these %d; nothing was called",
                                           fletch_torch_value(torch, i)->at, CALLS_NOTED);
        seen[count++] = callee;
        TRY(fletch_tensor_list_note(torch->list, err,
                                    "byte %" PRIu64
                                    ": the pickle wants to call %.*s.%.*s; nothing was "
                                    "called",
                                    fletch_torch_value(torch, i)->at, FLETCH_NAME_SHOWN,
                                    callee->module, FLETCH_NAME_SHOWN, callee->name));
    }
    return FLETCH_OK;
}
