/* SPDX-License-Identifier: MIT */
/* test_prefix.c - which of many names are the model's: the rule, its words, its sentences
 */
#include "support.h"

#include "checkpoint/prefix.h"
#include "family/family.h"

#define NAMES_MAX 64

/* A BERT of one layer, as far as names go. */
static const char *const bert[] = {
    "embeddings.word_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "encoder.layer.0.attention.self.query.weight",
    "encoder.layer.0.output.dense.weight",
    "pooler.dense.weight",
};
#define BERT_COUNT (sizeof(bert) / sizeof(bert[0]))

struct names {
    struct fletch_arena arena;
    struct fletch_prefix_name names[NAMES_MAX];
    size_t count;
    unsigned compared; /* pairs of tensors */
};

static bool fits(const char *const *names, size_t count, const void *user)
{
    return fletch_family_fits(user, names, count);
}

static enum fletch_status known(bool *marks, const char *const *names, size_t count,
                                const void *user, struct fletch_error *err)
{
    return fletch_family_match(marks, user, names, count, err);
}

static enum fletch_status is_same(bool *out, void *user, uint32_t a, uint32_t b,
                                  struct fletch_error *err)
{
    (void)err;
    ++*(unsigned *)user;
    *out = a == b;
    return FLETCH_OK;
}

/* `dict` is the part of the prefix that is dicts; the rest belongs to the keys. */
static void put(struct names *all, const char *dict, const char *key)
{
    struct fletch_prefix_name *name = &all->names[all->count++];

    assert_true(all->count <= NAMES_MAX);
    *name = (struct fletch_prefix_name){ .path = fletch_arena_format(&all->arena, "%s%s",
                                                                     dict, key),
                                         .own = strlen(dict),
                                         .tensor = (uint32_t)all->count };
    assert_non_null(name->path);
}

static void put_bert(struct names *all, const char *dict, const char *prefix)
{
    for (size_t i = 0; i < BERT_COUNT; i++)
        put(all, dict, fletch_arena_format(&all->arena, "%s%s", prefix, bert[i]));
}

static enum fletch_status ask(const char **prefix, struct names *all, const char *asked,
                              struct fletch_error *err)
{
    static const struct fletch_scope any;
    const struct fletch_prefix_hints choice = {
        .prefix = asked, .has_required = fits, .match = known, .user = &any
    };

    const struct fletch_prefix_names names = {
        .names = all->names, .count = all->count, .same = is_same, .user = &all->compared
    };

    return fletch_prefix_choose(prefix, &names, &choice, &all->arena, err);
}

static void chosen(struct names *all, const char *asked, const char *wanted)
{
    struct fletch_error err = { .message = "" };
    const char *prefix = NULL;

    assert_ok(ask(&prefix, all, asked, &err), err);
    assert_string_equal(prefix, wanted);
    fletch_arena_release(&all->arena);
    *all = (struct names){ .count = 0 };
}

static void refused(struct names *all, const char *asked, enum fletch_status status,
                    const char *sentence)
{
    struct fletch_error err = { .message = "" };
    const char *prefix = NULL;

    assert_int_equal(ask(&prefix, all, asked, &err), status);
    assert_string_equal(err.message, sentence);
    fletch_arena_release(&all->arena);
    *all = (struct names){ .count = 0 };
}

/* Each beside an optimizer's tensors and a loss with a weight. */
static void wrapped(void **state)
{
    static const char *const ways[][2] = {
        { "", "" },
        { "", "module." },
        { "", "_orig_mod." },
        { "", "model." },
        { "", "encoder." },
        { "", "net." },
        { "", "backbone." },
        { "", "model.encoder." },
        { "", "module._orig_mod." },
        { "state_dict.", "" },
        { "state_dict.", "model." },
        { "state_dict.", "model.module." },
        { "model_state_dict.", "" },
        { "model.", "" },
        { "module.", "" },
        { "params.", "" },
        { "net.", "" },
        { "weights.", "" },
        { "model.state_dict.", "_orig_mod." },
        { "ema.", "" },
        { "model_ema.", "module." },
        { "state_dict_ema.", "" },
        { "student.", "module." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct names all = { .count = 0 };
        char wanted[64];

        put_bert(&all, ways[i][0], ways[i][1]);
        put(&all, ways[i][0], "loss.weight");
        put(&all, "optimizer.state.0.", "exp_avg");
        snprintf(wanted, sizeof(wanted), "%s%s", ways[i][0], ways[i][1]);
        chosen(&all, NULL, wanted);
    }
}

static void least_is_taken_away(void **state)
{
    struct names all = { .count = 0 };

    (void)state;
    /* the family's own prefix stays: what is not below it is known by its name */
    put_bert(&all, "", "bert.");
    put(&all, "", "cls.predictions.bias");
    chosen(&all, NULL, "");
    put(&all, "", "model.encoder.conv1.weight");
    put(&all, "", "model.encoder.layers.0.self_attn.q_proj.weight");
    put(&all, "", "model.decoder.layers.0.self_attn.q_proj.weight");
    chosen(&all, NULL, "");
    put(&all, "", "model.embeddings.tok_embeddings.weight");
    put(&all, "", "model.layers.0.attn.Wqkv.weight");
    chosen(&all, NULL, "");
    /* an average only where there is nothing else */
    put_bert(&all, "model.", "");
    put_bert(&all, "ema.", "");
    chosen(&all, NULL, "model.");
    /* where nothing is known: most tensors, and what is in front of every name */
    put(&all, "state_dict.", "module.a");
    put(&all, "state_dict.", "module.b");
    put(&all, "model.", "c");
    chosen(&all, NULL, "state_dict.module.");
    put(&all, "", "model.a");
    chosen(&all, NULL, "");
    /* another project's words */
    put(&all, "model_state_dict.", "encoder.conv1.weight");
    put(&all, "model_state_dict.", "encoder.blocks.0.attn.query.weight");
    for (int i = 0; i < 3; i++)
        put(&all, "weights.", "other");
    chosen(&all, NULL, "model_state_dict.");
}

/* The last BERT is made of the tensors of the first. */
static void copy_bert(struct names *all, const char *dict, const char *prefix)
{
    put_bert(all, dict, prefix);
    for (size_t i = 0; i < BERT_COUNT; i++)
        all->names[all->count - BERT_COUNT + i].tensor = all->names[i].tensor;
}

static void copies(void **state)
{
    struct names all = { .count = 0 };

    (void)state;
    put_bert(&all, "model.", "module.");
    copy_bert(&all, "net.", "module.");
    chosen(&all, NULL, "net.module.");
    put_bert(&all, "net.", "");
    copy_bert(&all, "model.", "");
    copy_bert(&all, "model.state_dict.", "");
    chosen(&all, NULL, "net.");
    put_bert(&all, "student.", "");
    copy_bert(&all, "best.", "");
    chosen(&all, NULL, "best.");
    /* where the family knows nothing */
    put(&all, "state_dict.", "a");
    put(&all, "state_dict.", "b");
    put(&all, "model.", "b");
    put(&all, "model.", "a");
    all.names[2].tensor = all.names[1].tensor;
    all.names[3].tensor = all.names[0].tensor;
    chosen(&all, NULL, "model.");
    /* an average stays behind the model even if its name is shorter */
    put_bert(&all, "model.", "");
    copy_bert(&all, "ema.", "");
    chosen(&all, NULL, "model.");
}

static void no_copies(void **state)
{
    struct names all = { .count = 0 };

    (void)state;
    put_bert(&all, "model.", "");
    copy_bert(&all, "net.", "");
    all.names[all.count - 1].tensor = UINT32_MAX;
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'model' with 5, 'net' with 5 "
            "tensors; --prefix NAME takes one of them");
    /* the same bytes under other names */
    put_bert(&all, "model.", "");
    copy_bert(&all, "net.", "");
    all.names[all.count - 1].path = "net.pooler.dense.bias";
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'model' with 5, 'net' with 5 "
            "tensors; --prefix NAME takes one of them");
    /* a copy is not listed, and does not hide what is none */
    put_bert(&all, "model.", "");
    copy_bert(&all, "net.", "");
    put_bert(&all, "params.", "");
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'net' with 5, 'params' with 5 "
            "tensors; --prefix NAME takes one of them");
    put(&all, "state_dict.", "a");
    put(&all, "model.", "a");
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'model' with 1, 'state_dict' with 1 "
            "tensors; --prefix NAME takes one of them");
}

static void nothing_compared(void **state)
{
    struct names all = { .count = 0 };
    struct fletch_error err = { .message = "" };
    const char *prefix;

    (void)state;
    put_bert(&all, "model.", "");
    put_bert(&all, "ema.", "");
    put(&all, "optimizer.", "step");
    assert_ok(ask(&prefix, &all, NULL, &err), err);
    assert_string_equal(prefix, "model.");
    assert_int_equal(all.compared, 0);
    put_bert(&all, "net.", "");
    assert_int_equal(ask(&prefix, &all, NULL, &err), FLETCH_ERR_UNSUPPORTED);
    assert_int_equal(all.compared, 1);
    fletch_arena_release(&all.arena);
}

static void sentences(void **state)
{
    struct names all = { .count = 0 };

    (void)state;
    put_bert(&all, "state_dict.", "model.");
    put_bert(&all, "state_dict.", "net.");
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'state_dict.model' with 5, "
            "'state_dict.net' with 5 tensors; --prefix NAME takes one of them");
    put_bert(&all, "student.", "");
    put_bert(&all, "teacher.", "");
    refused(&all, NULL, FLETCH_ERR_UNSUPPORTED,
            "has several parts that may be the model: 'student' with 5, 'teacher' with 5 "
            "tensors; --prefix NAME takes one of them");
    put_bert(&all, "student.", "");
    put_bert(&all, "teacher.", "");
    chosen(&all, "teacher", "teacher.");
    put_bert(&all, "", "model.");
    chosen(&all, "model.", "model.");
    put_bert(&all, "", "model.");
    chosen(&all, ".", "");
    put_bert(&all, "", "model.");
    put(&all, "", "head.weight");
    refused(&all, "mdl", FLETCH_ERR_ARGUMENT,
            "no tensor's name begins with 'mdl.', which was asked for as prefix; there are "
            "'head' with 1, 'model' with 5 tensors");
    put_bert(&all, "state_dict.", "model.");
    refused(&all, "state_dict.modl", FLETCH_ERR_ARGUMENT,
            "no tensor's name begins with 'state_dict.modl.', which was asked for as "
            "prefix; there are 'state_dict.model' with 5 tensors");
    put_bert(&all, "state_dict.", "model.");
    put(&all, "optimizer.state.0.", "step");
    refused(&all, "optimizer.state", FLETCH_ERR_ARGUMENT,
            "no tensor lies right below 'optimizer.state', which was asked for as prefix; "
            "there are 'optimizer.state.0' with 1 tensors");
    put_bert(&all, "state_dict.", "model.");
    refused(&all, "", FLETCH_ERR_ARGUMENT,
            "no tensor lies right at the top, which was asked for as prefix; there are "
            "'state_dict' with 5 tensors");
    put(&all, "", "a");
    refused(&all, "x", FLETCH_ERR_ARGUMENT,
            "no tensor's name begins with 'x.', which was asked for as prefix; those there "
            "are have none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped),          cmocka_unit_test(least_is_taken_away),
        cmocka_unit_test(copies),           cmocka_unit_test(no_copies),
        cmocka_unit_test(nothing_compared), cmocka_unit_test(sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
