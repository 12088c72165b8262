/* SPDX-License-Identifier: MIT */
/* torch_unknown_globals.c - what a pickle wants to call that this version does not know
 *
 * Nothing is ever called, so this is information for people: they will want to know of a
 * checkpoint that calls os.system, while the class of a training run's arguments is
 * harmless.
 */
#include "torch/torch_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Callees that are named, and how much of each a refusal shows, in bytes. */
#define CALLS_NOTED 20
#define CALL_SHOWN 40

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

/* The unknown global that a value would call or that it is; NULL when it is known. */
static const struct fletch_pickle_value *unknown_global_of(const struct fletch_torch *torch,
                                                           uint32_t index)
{
    const struct fletch_pickle_value *call = fletch_torch_value(torch, index), *callee;

    if (call->kind != FLETCH_PICKLE_CALL && call->kind != FLETCH_PICKLE_GLOBAL)
        return NULL;
    callee = call->kind == FLETCH_PICKLE_GLOBAL ? call : fletch_torch_callee(torch, index);
    if (!callee || fletch_torch_knows(callee) ||
        (torch->script && fletch_torch_is_script_class(callee)))
        return NULL;
    return callee;
}

/* ---- Classes of quantized tensors ---- */

bool fletch_torch_quantizes(const struct fletch_pickle_value *global)
{
    static const char *const libraries[] = { "torchao.", "bitsandbytes.", "hqq." };

    if (global->kind != FLETCH_PICKLE_GLOBAL)
        return false;
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        if (!strncmp(global->module, libraries[i], strlen(libraries[i])))
            return true;
    return strstr(global->module, "quant") || strstr(global->name, "Quant") ||
           strstr(global->name, "quant");
}

/* ---- What is noted ---- */

struct calls {
    uint32_t at[CALLS_NOTED]; /* [count], one of each callee */
    size_t count;
    uint32_t more; /* the first one that did not fit; AT_NONE: all did */
};

static bool has_call(const struct calls *calls, const struct fletch_torch *torch,
                     const struct fletch_pickle_value *callee)
{
    for (size_t i = 0; i < calls->count; i++) {
        const struct fletch_pickle_value *seen = unknown_global_of(torch, calls->at[i]);

        if (fletch_pickle_is_global(callee, seen->module, seen->name))
            return true;
    }
    return false;
}

/* Which values of the pickle: calls whose result is not filled in as an object, all calls,
 * or functions and classes that are named but not called. */
enum which { CALLS_BARE, CALLS_ALL, CALLS_NOT_MADE };

static bool is_of(const struct fletch_pickle_value *value, enum which which)
{
    /* torch's own are dtypes, layouts and the like, by their names */
    if (which == CALLS_NOT_MADE)
        return value->kind == FLETCH_PICKLE_GLOBAL && strncmp(value->module, "torch", 5);
    return value->kind == FLETCH_PICKLE_CALL &&
           (which == CALLS_ALL || value->state == FLETCH_PICKLE_AT_NONE);
}

/* Adds those not yet there, in the order of the pickle. */
static void find_calls(struct calls *calls, const struct fletch_torch *torch,
                       enum which which)
{
    for (uint32_t i = 0; i < torch->pickle.count && !calls->more; i++) {
        const struct fletch_pickle_value *callee = unknown_global_of(torch, i);

        if (!callee || !is_of(fletch_torch_value(torch, i), which) ||
            has_call(calls, torch, callee))
            continue;
        if (calls->count == CALLS_NOTED)
            calls->more = i;
        else
            calls->at[calls->count++] = i;
    }
}

enum fletch_status fletch_torch_note_unknown_globals(struct fletch_torch *torch,
                                                     struct fletch_error *err)
{
    struct calls calls = { .count = 0 };

    find_calls(&calls, torch, CALLS_ALL);
    for (size_t i = 0; i < calls.count; i++) {
        const struct fletch_pickle_value *callee = unknown_global_of(torch, calls.at[i]);

        TRY(fletch_tensor_list_note(
            torch->list, err,
            "byte %" PRIu64 ": the pickle calls %.*s.%.*s (ignored: nothing is executed)",
            fletch_torch_value(torch, calls.at[i])->at, FLETCH_SHOWN, callee->module,
            FLETCH_SHOWN, callee->name));
    }
    if (!calls.more)
        return FLETCH_OK;
    return fletch_tensor_list_note(torch->list, err,
                                   "byte %" PRIu64 ": the pickle calls more than these "
                                   "%d (ignored: nothing is executed)",
                                   fletch_torch_value(torch, calls.more)->at, CALLS_NOTED);
}

/* "module.name", cut when it gets long. */
static const char *call_text(char out[2 * CALL_SHOWN + 2], const struct fletch_torch *torch,
                             uint32_t call)
{
    const struct fletch_pickle_value *callee = unknown_global_of(torch, call);

    snprintf(out, 2 * CALL_SHOWN + 2, "%.*s.%.*s", CALL_SHOWN, callee->module, CALL_SHOWN,
             callee->name);
    return out;
}

void fletch_torch_say_unknown_globals(const struct fletch_torch *torch,
                                      struct fletch_error *err)
{
    char name[2 * CALL_SHOWN + 2], more[32] = "", said[sizeof(err->message)];
    struct calls calls = { .count = 0 };
    size_t count = 0;

    if (!err || err->status == FLETCH_ERR_MEMORY || err->status == FLETCH_ERR_IO)
        return;
    find_calls(&calls, torch, CALLS_BARE);
    find_calls(&calls, torch, CALLS_ALL);
    find_calls(&calls, torch, CALLS_NOT_MADE);
    for (size_t i = 0; i < calls.count; i++)
        if (!strstr(err->message, call_text(name, torch, calls.at[i])))
            calls.at[count++] =
                calls.at[i]; /* the class of an object may already be named */
    memcpy(said, err->message, sizeof(said));
    if (count > 1)
        snprintf(more, sizeof(more), " and %zu more", count - 1);
    if (count)
        fletch_fail(
            err, err->status, "%s; the pickle %s %s%s (ignored: nothing is executed)", said,
            is_of(fletch_torch_value(torch, calls.at[0]), CALLS_ALL) ? "calls" : "names",
            call_text(name, torch, calls.at[0]), calls.more ? " and many more" : more);
    else if (calls.count && !strstr(said, "nothing is executed"))
        fletch_fail(err, err->status, "%s; nothing is executed", said);
}
