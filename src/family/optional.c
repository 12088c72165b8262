/* SPDX-License-Identifier: MIT */
/* optional.c - what loaders do without: absences that are no fault, each with its reason
 *
 * The members' tables say which modules a class has that many models are saved without.
 * Here is what holds for all classes: a bias that a variant was built without. A loader
 * puts zeros in its place, which is what the variant computes. That it is a variant and no
 * loss shows in the rest of the checkpoint: none of the bias's kind is there.
 */
#include "family/families.h"

#include <stddef.h>
#include <string.h>

/* Room for the name of a module's weight. */
#define NAME_CAP 256

static const char one_segment[] = "a model of one segment adds none";
static const char other_pooling[] = "heads and pipelines may pool in other ways";

const struct fletch_optional fletch_text_optional[] = {
    { "embeddings.token_type_embeddings.weight", one_segment },
    { "pooler.dense.*", other_pooling },
    { "pooler.*", other_pooling },
    { NULL, NULL },
};

const struct fletch_optional fletch_unpooled_optional[] = {
    { "embeddings.token_type_embeddings.weight", one_segment },
    { NULL, NULL },
};

enum kind { NORM, INPUT, LINEAR };

/* Which biases must all be gone, so that it is a variant that has none. */
static const struct {
    enum kind kind;
    bool named; /* those of its name, in several modules; else all of its kind */
    const char *reason;
} lacking[] = {
    { INPUT, true, "variants project into attention without it" },
    { INPUT, false, "a variant without biases" },
    { LINEAR, false, "a variant without biases" },
    { NORM, false, "a variant whose norms have no biases" },
};

/* What attention multiplies its input by, in all families' words. */
static const char *const inputs[] = {
    "query", "key",     "value",      "q",        "k",          "v",
    "q_lin", "k_lin",   "v_lin",      "q_proj",   "k_proj",     "v_proj",
    "Wqkv",  "in_proj", "query_proj", "key_proj", "value_proj",
};

/* The module's own word in the name of its bias, "LayerNorm" of "a.LayerNorm.bias", with
 * its length; NULL for other names. */
static const char *module_of(size_t *len, const char *name)
{
    size_t end = strlen(name), bias = strlen(".bias"), begin;

    if (end <= bias || strcmp(name + end - bias, ".bias") != 0)
        return NULL;
    end -= bias;
    for (begin = end; begin && name[begin - 1] != '.';)
        begin--;
    *len = end - begin;
    return name + begin;
}

static bool has_text(const char *word, size_t len, const char *text)
{
    for (size_t i = 0; i + strlen(text) <= len; i++)
        if (!strncmp(word + i, text, strlen(text)))
            return true;
    return false;
}

static enum kind kind_of(const char *word, size_t len)
{
    if (has_text(word, len, "norm") || has_text(word, len, "Norm") ||
        has_text(word, len, "_ln"))
        return NORM;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        if (strlen(inputs[i]) == len && !strncmp(word, inputs[i], len))
            return INPUT;
    return LINEAR;
}

/* What is behind the module's own word, "weight" of "a.LayerNorm.weight", where the word is
 * the same; or NULL. */
static const char *behind_same(const char *own, const char *word, size_t word_len)
{
    const char *last = strrchr(own, '.');
    const char *begin = last && last - own >= (ptrdiff_t)word_len ? last - word_len : NULL;

    if (!begin || strncmp(begin, word, word_len) != 0 || (begin > own && begin[-1] != '.'))
        return NULL;
    return last + 1;
}

/* Whether the modules of that name are several, and have no bias. */
static bool are_bare(const struct fletch_mapping *mapped, size_t count, const char *word,
                     size_t word_len)
{
    size_t weights = 0;

    for (size_t i = 0; i < count; i++) {
        const char *tail =
            mapped[i].row ? behind_same(mapped[i].own, word, word_len) : NULL;

        if (tail && !strcmp(tail, "bias"))
            return false;
        weights += tail && !strcmp(tail, "weight");
    }
    return weights > 1;
}

/* Whether no norm has a bias, or no other module. */
static bool is_bare_kind(const struct fletch_mapping *mapped, size_t count, bool norm)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        const char *word = mapped[i].row ? module_of(&len, mapped[i].own) : NULL;

        if (word && (kind_of(word, len) == NORM) == norm)
            return false;
    }
    return true;
}

static bool has_weight(const struct fletch_mapping *mapped,
                       const struct fletch_map_input *input, const char *bias)
{
    char weight[NAME_CAP];
    size_t len = strlen(bias) - strlen("bias");

    if (len + sizeof("weight") > sizeof(weight))
        return false;
    memcpy(weight, bias, len);
    memcpy(weight + len, "weight", sizeof("weight"));
    return fletch_has_row(mapped, input, weight);
}

const char *fletch_why_optional(const struct fletch_mapping *mapped,
                                const struct fletch_map_input *input, const char *glob)
{
    const struct fletch_optional *optional = input->model_class->optional;
    size_t len = 0;
    const char *word = module_of(&len, glob);
    enum kind kind = word ? kind_of(word, len) : LINEAR;

    for (; optional && optional->glob; optional++)
        if (fletch_own_match(optional->glob, glob))
            return optional->reason;
    if (!word || !has_weight(mapped, input, glob))
        return NULL;
    for (size_t at = 0; at < sizeof(lacking) / sizeof(lacking[0]); at++)
        if (lacking[at].kind == kind &&
            (lacking[at].named ? are_bare(mapped, input->count, word, len)
                               : is_bare_kind(mapped, input->count, kind == NORM)))
            return lacking[at].reason;
    return NULL;
}
