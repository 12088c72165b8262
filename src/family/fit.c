/* SPDX-License-Identifier: MIT */
/* fit.c - whether the model's own tensors can be what their names say: rank, shape, type
 *
 * Two widths run through a model, that of its layers and that between the two halves of a
 * feed-forward block. The vectors tell them, since nothing packs those: the norms and the
 * biases of the layers. Everything else is held against them.
 */
#include "family/families.h"

#include "base/glob.h"
#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How much of a name a message shows. */
#define SHOWN 120
#define SHAPE_CAP 128
/* In front of the dimensions of what must be integers: which row is a word's. */
#define INTEGERS "#"

/* A letter a dimension: H the layers' width, I the inner one, V the number of words, 3
 * itself, P a side of a square, ? anything. The first glob that matches the own name
 * counts. */
static const struct {
    const char *glob, *dims;
} table[] = {
    /* tables of word vectors */
    { "weight", "?" },
    { "embeddings", "??" },
    { "mapping", INTEGERS "V" },
    { "weights", "V" },
    /* convolutions */
    { "*.patch_embedding.weight", "H?PP" },
    { "encoder.conv1.weight", "H?3" },
    { "encoder.conv2.weight", "HH3" },
    { "encoder.conv.conv.weight", "HH?" },
    /* vectors */
    { "*.class_embedding", "H" },
    { "*layer*.intermediate.dense.bias", "I" },
    { "*layers.*.fc1.bias", "I" },
    { "*.albert_layers.*.ffn.bias", "I" },
    { "*.ffn.lin1.bias", "I" },
    { "*.bias", "?" },
    { "*_bias", "?" },
    { "embeddings.*orm.weight", "?" },
    { "*orm.weight", "H" },
    { "*orm1.weight", "H" },
    { "*orm2.weight", "H" },
    { "emb_ln.weight", "H" },
    /* attention */
    { "*.self.query.weight", "?H" },
    { "*.self.key.weight", "?H" },
    { "*.self.value.weight", "?H" },
    { "*.attention.query.weight", "?H" },
    { "*.attention.key.weight", "?H" },
    { "*.attention.value.weight", "?H" },
    { "*.attention.output.dense.weight", "H?" },
    { "*.crossattention.output.dense.weight", "H?" },
    { "*.attention.dense.weight", "H?" },
    { "*.attn.o.weight", "H?" },
    { "*.attn.?.weight", "?H" },
    { "*.attention.?_lin.weight", "?H" },
    { "*.attention.out_lin.weight", "H?" },
    { "*.self.in_proj.weight", "?H" },
    { "*.self.query_proj.weight", "?H" },
    { "*.self.key_proj.weight", "?H" },
    { "*.self.value_proj.weight", "?H" },
    { "*.attn.Wqkv.weight", "?H" },
    { "*.attn.Wo.weight", "H?" },
    { "*.attn.out_proj.weight", "H?" },
    { "*.self_attn.o_proj.weight", "H?" },
    { "*.self_attn.?_proj.weight", "?H" },
    { "*.self_attn.out_proj.weight", "H?" },
    /* feed-forward */
    { "*.intermediate.dense.weight", "IH" },
    { "*layer.*.output.dense.weight", "HI" },
    { "*.ffn.weight", "IH" },
    { "*.ffn_output.weight", "HI" },
    { "*.ffn.lin1.weight", "IH" },
    { "*.ffn.lin2.weight", "HI" },
    { "*layers.*.fc1.weight", "IH" },
    { "*layers.*.fc2.weight", "HI" },
    { "*.mlp.fc11.weight", "IH" },
    { "*.mlp.fc12.weight", "IH" },
    { "*.mlp.gate_proj.weight", "IH" },
    { "*.mlp.up_proj.weight", "IH" },
    { "*.mlp.down_proj.weight", "HI" },
    { "*.mlp.Wi.weight", "?H" },
    { "*.mlp.Wo.weight", "H?" },
    /* whatever else is a matrix */
    { "*.weight", "??" },
};

struct fit {
    const struct fletch_mapping *mapped;
    const struct fletch_map_input *input;
    const struct fletch_facts *facts;
    uint64_t hidden, inner, words; /* 0: not known */
    struct fletch_error *err;
};

/* *integers, which may be NULL, says what its elements are. */
static const char *dims_of(bool *integers, const char *own)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool marked = *table[i].dims == *INTEGERS;

        if (!fletch_glob_match(table[i].glob, own))
            continue;
        if (integers)
            *integers = marked;
        return table[i].dims + marked;
    }
    return NULL;
}

static bool has_elements(const struct fletch_facts *facts)
{
    for (unsigned i = 0; i < facts->rank; i++)
        if (!facts->dims[i])
            return false;
    return true;
}

/* ---- Empty ones ---- */

static enum fletch_status refuse_empty(const struct fit *fit)
{
    const char *first[FLETCH_LISTED_MAX];
    char list[FLETCH_LIST_CAP];
    size_t count = 0, flat = 0;

    for (size_t i = 0; i < fit->input->count; i++) {
        if (!fit->mapped[i].row || has_elements(&fit->facts[i]))
            continue;
        flat += fit->facts[i].rank == 1;
        if (count < FLETCH_LISTED_MAX)
            first[count] = fit->input->names[i];
        count++;
    }
    if (!count)
        return FLETCH_OK;
    fletch_list_names(list, first, count < FLETCH_LISTED_MAX ? count : FLETCH_LISTED_MAX,
                      count, FLETCH_LISTED_MAX);
    if (flat < count)
        return fletch_fail(fit->err, FLETCH_ERR_FAMILY,
                           "%zu of the model's tensors have no elements: %s; they were "
                           "saved before they were filled in: save the model again, or "
                           "start from the original checkpoint",
                           count, list);
    return fletch_fail(
        fit->err, FLETCH_ERR_UNSUPPORTED,
        "%zu of the model's tensors are empty: %s; they are DeepSpeed ZeRO-3 "
        "placeholders: run zero_to_fp32.py in the training's checkpoint "
        "folder, and convert what it writes",
        count, list);
}

/* ---- Widths ---- */

static void find_widths(struct fit *fit)
{
    for (size_t i = 0; i < fit->input->count; i++) {
        const char *dims = fit->mapped[i].row ? dims_of(NULL, fit->mapped[i].own) : NULL;

        if (!dims || dims[1] || fit->facts[i].rank != 1)
            continue;
        if (*dims == 'H' && !fit->hidden)
            fit->hidden = fit->facts[i].dims[0];
        if (*dims == 'I' && !fit->inner)
            fit->inner = fit->facts[i].dims[0];
        if (*dims == 'V' && !fit->words)
            fit->words = fit->facts[i].dims[0];
    }
}

/* What a dimension must be; 0: anything. */
static uint64_t expected(const struct fit *fit, const char *dims, unsigned at,
                         const struct fletch_facts *facts)
{
    switch (dims[at]) {
    case 'H':
        return fit->hidden;
    case 'I':
        return fit->inner;
    case 'V':
        return fit->words;
    case '3':
        return 3;
    case 'P':
        return facts->dims[strlen(dims) - 2];
    default:
        return 0;
    }
}

/* ---- One tensor ---- */

static const char *shape_text(char out[SHAPE_CAP], const struct fletch_facts *facts)
{
    size_t used = 1;

    memcpy(out, "[", 2);
    for (unsigned i = 0; i < facts->rank && used < SHAPE_CAP - 24; i++)
        used += (size_t)snprintf(out + used, SHAPE_CAP - used, "%s%" PRIu64, i ? "," : "",
                                 facts->dims[i]);
    snprintf(out + used, SHAPE_CAP - used, "]");
    return out;
}

/* Why a dimension may be another than it must be. */
static const char *reason_of(const struct fit *fit, const char *dims, unsigned at,
                             const struct fletch_facts *facts)
{
    uint64_t want = expected(fit, dims, at, facts), found = facts->dims[at];

    if (facts->rank > 2)
        return "channels lie last, as MLX and TensorFlow keep them: start from the "
               "checkpoint of PyTorch";
    if (facts->rank == 2 && facts->dims[!at] == want)
        return "it lies on its side, as in TensorFlow and JAX: start from the checkpoint "
               "of "
               "PyTorch";
    for (uint64_t parts = 2; parts <= 8; parts *= 2)
        if (found && found <= want / parts && found * parts == want)
            return "packed, as quantized weights are: start from the model before it was "
                   "quantized";
    return "the model's layers contradict each other";
}

static enum fletch_status check_shape(const struct fit *fit, size_t i)
{
    const struct fletch_facts *facts = &fit->facts[i];
    const char *name = fit->input->names[i], *dims = dims_of(NULL, fit->mapped[i].own);
    char shape[SHAPE_CAP];

    if (!dims)
        return FLETCH_OK;
    if (facts->rank != strlen(dims))
        return fletch_fail(fit->err, FLETCH_ERR_FAMILY,
                           "tensor '%.*s' is %s, expected %zu dimension%s: no weight of %s",
                           SHOWN, name, shape_text(shape, facts), strlen(dims),
                           dims[1] ? "s" : "", fit->input->model_class->class_name);
    for (unsigned at = 0; at < facts->rank; at++) {
        uint64_t want = expected(fit, dims, at, facts);

        if (want && facts->dims[at] != want)
            return fletch_fail(
                fit->err, FLETCH_ERR_FAMILY,
                "tensor '%.*s' is %s, expected %" PRIu64 " for dimension %u: %s", SHOWN,
                name, shape_text(shape, facts), want, at, reason_of(fit, dims, at, facts));
    }
    return FLETCH_OK;
}

static enum fletch_status check_type(const struct fit *fit, size_t i)
{
    bool integers = false;

    dims_of(&integers, fit->mapped[i].own);
    if (fit->facts[i].floating != integers)
        return FLETCH_OK;
    if (integers)
        return fletch_fail(fit->err, FLETCH_ERR_FAMILY,
                           "tensor '%.*s' is %s, expected integers: the numbers of rows of "
                           "%s",
                           SHOWN, fit->input->names[i], fit->facts[i].dtype,
                           fit->input->model_class->class_name);
    return fletch_fail(fit->err, FLETCH_ERR_UNSUPPORTED,
                       "tensor '%.*s' is %s, expected floating point: its weight is "
                       "quantized; start from the model before it was quantized",
                       SHOWN, fit->input->names[i], fit->facts[i].dtype);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return fletch_natural_compare(*x, *y);
}

/* Whether a name lies in a module that has a weight in this model, and none here. */
static enum fletch_status is_in_place(bool *out, const char *name,
                                      const struct fletch_map_input *input,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    size_t len = strlen(name);

    *out = false;
    for (size_t i = 1; i < len && !*out; i++) {
        const char *weight;

        if (name[i] != '.')
            continue;
        weight = fletch_arena_format(arena, "%.*s.weight", (int)i, name);
        if (!weight)
            return fletch_fail_memory(err, len, "names");
        TRY(fletch_model_class_has(out, input->family, input->model_class, weight, arena,
                                   err));
        *out = *out &&
               !bsearch(&weight, input->names, input->count, sizeof(weight), compare_names);
    }
    return FLETCH_OK;
}

/* Integers in a module whose weight is not there are what became of it, whatever library
 * packed it: codes, bits, indices. */
static enum fletch_status check_instead(const struct fit *fit, size_t i)
{
    const char *name = fit->input->names[i];
    struct fletch_arena arena = { 0 };
    bool in_place = false;
    enum fletch_status status = FLETCH_OK;

    if (fit->mapped[i].unknown != FLETCH_PLACE_LAYER || fit->facts[i].floating)
        return FLETCH_OK;
    status = is_in_place(&in_place, name, fit->input, &arena, fit->err);
    fletch_arena_release(&arena);
    if (!in_place || status)
        return status;
    return fletch_fail(fit->err, FLETCH_ERR_UNSUPPORTED,
                       "tensor '%.*s' is %s, and its module has no weight besides: that is "
                       "quantized or compressed; start from the model before it was",
                       SHOWN, name, fit->facts[i].dtype);
}

enum fletch_status fletch_family_check_fit(const struct fletch_mapping *mapped,
                                           const struct fletch_map_input *input,
                                           const struct fletch_facts *facts,
                                           struct fletch_error *err)
{
    struct fit fit = { .mapped = mapped, .input = input, .facts = facts, .err = err };

    if (!input->model_class->patterns)
        return FLETCH_OK;
    TRY(refuse_empty(&fit));
    find_widths(&fit);
    for (size_t i = 0; i < input->count; i++) {
        if (!mapped[i].row) {
            TRY(check_instead(&fit, i));
            continue;
        }
        TRY(check_type(&fit, i));
        TRY(check_shape(&fit, i));
    }
    return FLETCH_OK;
}
