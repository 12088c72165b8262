/* SPDX-License-Identifier: MIT */
/* router.c - modules inside modules, and the config files of modules
 *
 * A Router (formerly Asym) holds a pipeline for each route, in folders below its own:
 *
 *   router_config.json   {"types": {"query_0_Dense": "...models.Dense", ...},
 *   (Asym: config.json)   "structure": {"query": ["query_0_Dense"], ...},
 *                         "parameters": {"default_route": "document", ...}}
 *
 * Its modules follow it in the list, in the form of modules.json.
 */
#include "model/modules.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

/* Files beside a module's weights that are not its config. */
static const char *const not_configs[] = {
    "tokenizer", "special_tokens",      "added_tokens",    "vocab", "preprocessor",
    "processor", "whitespacetokenizer", "phrasetokenizer", NULL
};

bool fletch_module_is_router(const struct fletch_module *module)
{
    return !strcmp(module->kind, "Router") || !strcmp(module->kind, "Asym");
}

static bool is_config(const char *name)
{
    size_t len = strlen(name), suffix = strlen("config.json");

    for (const char *const *other = not_configs; *other; other++)
        if (!strncmp(name, *other, strlen(*other)))
            return false;
    return len >= suffix && !strcmp(name + len - suffix, "config.json");
}

enum fletch_status fletch_module_find_config(const char **out, struct fletch_arena *arena,
                                             const char *folder, struct fletch_error *err)
{
    const struct dirent *found;
    DIR *dir = opendir(folder);
    const char *best = NULL;

    *out = NULL;
    if (!dir && errno == ENOMEM)
        return fletch_fail_memory(err, 0, folder);
    if (!dir && errno != ENOENT && errno != ENOTDIR)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", folder, strerror(errno));
    while (dir && (found = readdir(dir))) {
        if (!is_config(found->d_name))
            continue;
        if (best &&
            (!strcmp(best, "config.json") || (strcmp(found->d_name, "config.json") != 0 &&
                                              strcmp(best, found->d_name) < 0)))
            continue;
        best = fletch_arena_strdup(arena, found->d_name);
        if (!best) {
            closedir(dir);
            return fletch_fail_memory(err, strlen(found->d_name), "a name");
        }
    }
    if (dir)
        closedir(dir);
    *out = best;
    return FLETCH_OK;
}

static enum fletch_status load_router(struct fletch_model *model,
                                      struct fletch_module *router,
                                      struct fletch_error *err)
{
    static const char *const names[] = { "router_config.json", "config.json" };
    const char *folder =
        *router->folder ? fletch_path_join(&model->arena, model->folder, router->folder)
                        : model->folder;

    for (size_t i = 0; folder && i < 2 && !router->config; i++) {
        char *path = fletch_path_join(&model->arena, folder, names[i]);

        if (!path)
            return fletch_fail_memory(err, strlen(folder), "a path");
        if (fletch_file_kind(path) == FLETCH_FILE_NONE)
            continue;
        TRY(fletch_json_load(&router->config, path, false, err));
        router->config_name = names[i];
        if (json_is_object(json_object_get(router->config, "types")))
            return FLETCH_OK;
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s: types is %s, expected an object of the %s's modules", path,
                           fletch_json_kind(json_object_get(router->config, "types")),
                           router->kind);
    }
    if (!folder)
        return fletch_fail_memory(err, 0, "a path");
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%s/router_config.json: no such file; modules.json names a %s",
                       folder, router->kind);
}

/* True when the default route goes through the module. Without a default route the library
 * asks the first for its dimension. */
static bool is_on_default_route(const json_t *config, const char *name)
{
    const json_t *route = fletch_json_at(config, "parameters.default_route");
    json_t *routes = json_object_get(config, "structure");
    const json_t *names = json_is_string(route)
                              ? json_object_get(routes, json_string_value(route))
                              : json_object_iter_value(json_object_iter(routes));

    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *said = json_string_value(json_array_get(names, i));

        if (said && !strcmp(said, name))
            return true;
    }
    return false;
}

static enum fletch_status make_module(struct fletch_module *out,
                                      const struct fletch_module *router, const char *name,
                                      const json_t *type, struct fletch_arena *arena,
                                      struct fletch_error *err)
{
    const char *dot;

    if (!json_is_string(type) || !fletch_path_is_below(name))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "%s%s%s: types: '%.120s' is %s, expected a folder's name and "
                           "its class",
                           router->folder, *router->folder ? "/" : "", router->config_name,
                           name, fletch_json_kind(type));
    *out =
        (struct fletch_module){ .type = fletch_arena_strdup(arena, json_string_value(type)),
                                .folder =
                                    fletch_arena_format(arena, "%s%s%s", router->folder,
                                                        *router->folder ? "/" : "", name) };
    if (!out->type || !out->folder)
        return fletch_fail_memory(err, strlen(name), "modules");
    dot = strrchr(out->type, '.');
    out->kind = dot ? dot + 1 : out->type;
    out->off_route = !is_on_default_route(router->config, name);
    return FLETCH_OK;
}

/* Inserts the modules of the i-th, a Router, after it. */
static enum fletch_status expand(struct fletch_model *model, size_t i,
                                 struct fletch_error *err)
{
    struct fletch_module *modules = model->modules;
    json_t *types, *type;
    const char *name;
    size_t count, at = i + 1;

    TRY(load_router(model, &modules[i], err));
    types = json_object_get(modules[i].config, "types");
    count = json_object_size(types);
    if (count > FLETCH_MODULES_MAX - model->modules_count)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%s%s%s: %zu modules more, the limit is %d (FLETCH_MODULES_MAX)",
                           modules[i].folder, *modules[i].folder ? "/" : "",
                           modules[i].config_name, count, FLETCH_MODULES_MAX);
    memmove(&modules[at + count], &modules[at],
            (model->modules_count - at) * sizeof(*modules));
    memset(&modules[at], 0, count * sizeof(*modules));
    model->modules_count += count;
    json_object_foreach(types, name, type)
        TRY(make_module(&modules[at++], &modules[i], name, type, &model->arena, err));
    return FLETCH_OK;
}

/* The first of a Router's modules that is a Transformer, or else a table of word vectors;
 * the default route's if there is a choice. 0: none. */
static size_t find_behind(const struct fletch_model *model, bool transformers)
{
    size_t found = 0;

    for (size_t i = model->modules_count; i-- > 1;) {
        const struct fletch_module *module = &model->modules[i];
        bool fits = transformers ? strstr(module->kind, "Transformer") != NULL
                                 : fletch_family_is_input(module->kind);

        if (fits && (!found || !module->off_route || model->modules[found].off_route))
            found = i;
    }
    return found;
}

/* The encoder is the first module, or follows a Router that comes first. */
static size_t find_encoder(const struct fletch_model *model)
{
    size_t found;

    if (!fletch_module_is_router(&model->modules[0]))
        return 0;
    found = find_behind(model, true);
    return found ? found : find_behind(model, false);
}

enum fletch_status fletch_routers_expand(struct fletch_model *model,
                                         struct fletch_error *err)
{
    for (size_t i = 0; i < model->modules_count; i++)
        if (fletch_module_is_router(&model->modules[i]))
            TRY(expand(model, i, err));
    model->encoder = find_encoder(model);
    return FLETCH_OK;
}
