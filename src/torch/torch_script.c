/* SPDX-License-Identifier: MIT */
/* torch_script.c - the tensors of a TorchScript archive, by their paths
 *
 * Its data.pkl is the module as a tree. An object consists of a class of its own code,
 * which is never examined, and a dict of attributes. Attributes that are tensors are its
 * parameters and buffers; those that are such objects are its modules: "visual" has "conv1"
 * has "weight". Only the code tells which tensors are parameters, so a tensor kept as a
 * plain attribute is listed with the others.
 *
 * Modules may be shared, and a hostile pickle may share them so that there are more paths
 * than any memory holds: everything walked is counted.
 */
#include "torch/torch_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Modules within modules. */
#define FLETCH_SCRIPT_DEPTH_MAX 128
/* Attributes of all modules, and bytes of all their names with their paths. */
#define FLETCH_SCRIPT_ATTRIBUTES_MAX (4u << 20)
#define FLETCH_SCRIPT_NAMES_MAX ((uint64_t)256 << 20)
/* Numbers and strings among the attributes that are noted. */
#define FACTS_NOTED 20
#define FACT_SHOWN 60

struct level {
    const struct fletch_pickle_value *state; /* the dict of attributes */
    const char *path;                        /* "visual.conv1"; "" for the root */
    uint32_t next;                           /* item of the dict */
};

struct script {
    struct fletch_torch *torch;
    struct level levels[FLETCH_SCRIPT_DEPTH_MAX];
    unsigned depth;
    uint32_t attributes;
    uint64_t names;
    size_t facts, others;
    struct fletch_error *err;
};

static const struct fletch_pickle_value *value_at(const struct script *script,
                                                  uint32_t index)
{
    return &script->torch->pickle.values[index];
}

bool fletch_torch_is_script_class(const struct fletch_pickle_value *global)
{
    static const char root[] = "__torch__";
    size_t len = sizeof(root) - 1;

    return global->kind == FLETCH_PICKLE_GLOBAL && !strncmp(global->module, root, len) &&
           (!global->module[len] || global->module[len] == '.');
}

static bool is_module(const struct script *script, const struct fletch_pickle_value *value)
{
    return value->kind == FLETCH_PICKLE_CALL &&
           fletch_torch_is_script_class(value_at(script, value->callee)) &&
           value_at(script, value->state)->kind == FLETCH_PICKLE_DICT;
}

/* ---- Names ---- */

static bool is_name(const struct fletch_pickle_value *key)
{
    return key->kind == FLETCH_PICKLE_TEXT && key->len && !memchr(key->text, 0, key->len);
}

static enum fletch_status make_path(const char **out, struct script *script,
                                    const struct level *level,
                                    const struct fletch_pickle_value *key)
{
    const char *dot = *level->path ? "." : "";

    script->names += strlen(level->path) + key->len + 2;
    if (key->len > INT32_MAX || script->names > FLETCH_SCRIPT_NAMES_MAX)
        return fletch_fail(script->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64
                           ": the names of modules and tensors are longer than the limit, "
                           "%" PRIu64 " bytes (FLETCH_SCRIPT_NAMES_MAX)",
                           key->at, FLETCH_SCRIPT_NAMES_MAX);
    *out = fletch_arena_format(script->torch->list->arena, "%s%s%.*s", level->path, dot,
                               (int)key->len, key->text);
    return *out ? FLETCH_OK : fletch_fail_memory(script->err, key->len, "a tensor's name");
}

/* ---- Attributes ---- */

static enum fletch_status enter(struct script *script,
                                const struct fletch_pickle_value *module, const char *path)
{
    const struct fletch_pickle_value *state = value_at(script, module->state);

    for (unsigned i = 0; i < script->depth; i++)
        if (script->levels[i].state == state)
            return fletch_fail(script->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": module '%.*s' is within itself",
                               module->at, FLETCH_SHOWN, path);
    if (script->depth == FLETCH_SCRIPT_DEPTH_MAX)
        return fletch_fail(script->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": modules are nested deeper than the limit, %d "
                           "(FLETCH_SCRIPT_DEPTH_MAX)",
                           module->at, FLETCH_SCRIPT_DEPTH_MAX);
    script->levels[script->depth++] = (struct level){ state, path, 0 };
    return FLETCH_OK;
}

static enum fletch_status take_tensor(struct script *script, uint32_t value,
                                      const char *path)
{
    struct fletch_tensor tensor = { .name = path };
    enum fletch_status status =
        fletch_torch_tensor_read(&tensor, script->torch, value, script->err);

    if (status) {
        fletch_error_prefix(script->err, "tensor '%.*s'", FLETCH_SHOWN, path);
        return status;
    }
    return fletch_tensor_list_put(script->torch->list, &tensor, script->err);
}

/* Describes a value in a few words; false for those that are only counted. */
static bool describe(char *out, size_t size, const struct fletch_pickle_value *value)
{
    if (value->kind == FLETCH_PICKLE_INT)
        snprintf(out, size, "%" PRId64, value->whole);
    else if (value->kind == FLETCH_PICKLE_FLOAT)
        snprintf(out, size, "%g", value->real);
    else if (value->kind == FLETCH_PICKLE_TEXT)
        snprintf(out, size, "'%.*s'%s",
                 (int)(value->len < FACT_SHOWN ? value->len : FACT_SHOWN), value->text,
                 value->len > FACT_SHOWN ? " ..." : "");
    else
        return false;
    return true;
}

/* Notes what a module holds besides tensors: input_resolution is 224. */
static enum fletch_status note_fact(struct script *script, const struct level *level,
                                    const struct fletch_pickle_value *key,
                                    const struct fletch_pickle_value *value)
{
    char text[FACT_SHOWN + 16];

    if (key->text[0] == '_' || fletch_pickle_is_text(key, "training"))
        return FLETCH_OK; /* every module has these */
    if (script->facts == FACTS_NOTED || !describe(text, sizeof(text), value)) {
        script->others += value->kind != FLETCH_PICKLE_NONE;
        return FLETCH_OK;
    }
    script->facts++;
    return fletch_tensor_list_note(
        script->torch->list, script->err, "attribute '%.*s%s%.*s' is %s", FLETCH_SHOWN,
        level->path, *level->path ? "." : "",
        (int)(key->len < FLETCH_SHOWN ? key->len : FLETCH_SHOWN), key->text, text);
}

static enum fletch_status visit(struct script *script, const struct level *level,
                                uint32_t key_index, uint32_t index)
{
    const struct fletch_pickle_value *key = value_at(script, key_index);
    const struct fletch_pickle_value *value = value_at(script, index);
    enum fletch_torch_make what = fletch_torch_what(script->torch, index);
    bool inner = is_module(script, value);
    const char *path = NULL;

    if (++script->attributes > FLETCH_SCRIPT_ATTRIBUTES_MAX)
        return fletch_fail(script->err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64
                           ": modules have more attributes than the limit, %u "
                           "(FLETCH_SCRIPT_ATTRIBUTES_MAX)",
                           value->at, FLETCH_SCRIPT_ATTRIBUTES_MAX);
    if (!is_name(key))
        return fletch_fail(script->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the name of an attribute is %s, expected a "
                           "string",
                           key->at, fletch_pickle_kind_text(key->kind));
    if (what == FLETCH_TORCH_NO_TENSOR && !inner)
        return note_fact(script, level, key, value);
    TRY(make_path(&path, script, level, key));
    return inner ? enter(script, value, path) : take_tensor(script, index, path);
}

static enum fletch_status walk(struct script *script)
{
    struct fletch_torch *torch = script->torch;
    const struct fletch_pickle_value *top = value_at(script, torch->pickle.top);
    size_t before = torch->list->count;

    if (!is_module(script, top))
        return fletch_fail(script->err, FLETCH_ERR_UNSUPPORTED,
                           "is a TorchScript archive of %s, expected a module",
                           fletch_pickle_kind_text(top->kind));
    TRY(enter(script, top, ""));
    while (script->depth) {
        struct level *level = &script->levels[script->depth - 1];
        uint32_t at = level->next;

        if (at == level->state->count) {
            script->depth--;
            continue;
        }
        level->next += 2;
        TRY(visit(script, level, level->state->items[at], level->state->items[at + 1]));
    }
    if (torch->list->count == before)
        return fletch_fail(
            script->err, FLETCH_ERR_UNSUPPORTED,
            "is a TorchScript archive whose modules hold no tensor; if it was "
            "frozen, save it without torch.jit.freeze()");
    if (script->others)
        TRY(fletch_tensor_list_note(torch->list, script->err,
                                    "%zu other attributes of modules are no tensors",
                                    script->others));
    return fletch_torch_note_unknown_globals(torch, script->err);
}

enum fletch_status fletch_torch_script_list(struct fletch_torch *torch,
                                            struct fletch_error *err)
{
    struct script *script = fletch_alloc(sizeof(*script));
    enum fletch_status status;

    if (!script)
        return fletch_fail_memory(err, sizeof(*script), "the modules of a TorchScript");
    script->torch = torch;
    script->err = err;
    torch->script = true;
    torch->list->format = "torchscript";
    status = walk(script);
    if (status)
        fletch_torch_say_unknown_globals(torch, err);
    fletch_free(script);
    return status;
}
