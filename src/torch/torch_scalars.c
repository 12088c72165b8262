/* SPDX-License-Identifier: MIT */
/* torch_scalars.c - plain numbers and short strings that a pickle holds beside its tensors
 *
 * Looks only at the top level and at dicts directly below it: {"dims": {"n_mels": 80, ...},
 * "epoch": 3}. Some projects save there what others write into a config.json.
 */
#include "torch/torch_internal.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* Limits: further facts and longer strings are ignored. */
#define FACTS_MAX 1024
#define WORD_MAX 256

struct facts {
    const struct fletch_torch *torch;
    json_t *top;
    size_t count;
};

static bool is_word(const struct fletch_pickle_value *value)
{
    return value->kind == FLETCH_PICKLE_TEXT && value->len <= WORD_MAX &&
           !memchr(value->text, 0, value->len) &&
           fletch_utf8_span(value->text, value->len) == value->len;
}

static bool is_fact(const struct fletch_pickle_value *value, bool below)
{
    return value->kind == FLETCH_PICKLE_INT || value->kind == FLETCH_PICKLE_BOOL ||
           (value->kind == FLETCH_PICKLE_FLOAT && isfinite(value->real)) ||
           is_word(value) || (below && value->kind == FLETCH_PICKLE_DICT);
}

/* New; NULL when out of memory. */
static json_t *fact_of(const struct fletch_pickle_value *value)
{
    switch (value->kind) {
    case FLETCH_PICKLE_INT:
        return json_integer((json_int_t)value->whole);
    case FLETCH_PICKLE_BOOL:
        return json_boolean(value->whole);
    case FLETCH_PICKLE_FLOAT:
        return json_real(value->real);
    case FLETCH_PICKLE_TEXT:
        return json_stringn(value->text, value->len);
    default:
        return json_object();
    }
}

/* Puts the facts of `dict` into the object and, if `below`, those of dicts in it. */
static enum fletch_status take(struct facts *facts, json_t *object,
                               const struct fletch_pickle_value *dict, bool below,
                               struct fletch_error *err)
{
    for (uint32_t i = 0; i + 1 < dict->count && facts->count < FACTS_MAX; i += 2) {
        const struct fletch_pickle_value *key =
            fletch_torch_value(facts->torch, dict->items[i]);
        const struct fletch_pickle_value *value =
            fletch_torch_value(facts->torch, dict->items[i + 1]);
        json_t *fact;

        if (!is_word(key) || !is_fact(value, below))
            continue;
        facts->count++;
        fact = fact_of(value);
        if (!fact || json_object_setn_new(object, key->text, key->len, fact))
            return fletch_fail_memory(err, key->len, "the numbers of a checkpoint");
        if (value->kind == FLETCH_PICKLE_DICT)
            TRY(take(facts, fact, value, false, err));
    }
    return FLETCH_OK;
}

enum fletch_status fletch_torch_scalars(struct fletch_torch *torch,
                                        struct fletch_error *err)
{
    const struct fletch_pickle_value *top = fletch_torch_value(torch, torch->pickle.top);
    struct facts facts = { .torch = torch, .top = json_object() };
    enum fletch_status status = FLETCH_OK;

    if (!facts.top)
        return fletch_fail_memory(err, sizeof(json_int_t), "the numbers of a checkpoint");
    if (top->kind == FLETCH_PICKLE_DICT)
        status = take(&facts, facts.top, top, true, err);
    if (status || !json_object_size(facts.top)) {
        json_decref(facts.top);
        return status;
    }
    json_decref(torch->list->facts);
    torch->list->facts = facts.top;
    return FLETCH_OK;
}
