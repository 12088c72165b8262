/* SPDX-License-Identifier: MIT */
/* open.c - checkpoints opened with the families' knowledge of names */
#include "model/model.h"

#include <string.h>

static bool fits(const char *const *names, size_t count, const void *user)
{
    return fletch_family_fits(user, names, count);
}

static enum fletch_status known(bool *marks, const char *const *names, size_t count,
                                const void *user, struct fletch_error *err)
{
    return fletch_family_known(marks, user, names, count, err);
}

enum fletch_status fletch_model_checkpoint(struct fletch_checkpoint **out, const char *path,
                                           const struct fletch_options *options,
                                           const char *model_type, struct fletch_error *err)
{
    struct fletch_scope scope = { .model_type = model_type };
    const struct fletch_choice choice = {
        .prefix = options->prefix, .fits = fits, .known = known, .user = &scope
    };

    /* a family that is not there is said when the model is known */
    if (options->family && strcmp(options->family, "auto") != 0 &&
        fletch_family_find(&scope.family, options->family, NULL))
        scope.family = NULL;
    return fletch_checkpoint_load(out, path, &choice, err);
}

enum fletch_status fletch_checkpoint_open_with(struct fletch_checkpoint **out,
                                               const char *path,
                                               const struct fletch_options *options,
                                               struct fletch_error *err)
{
    static const struct fletch_options defaults = { 0 };

    return fletch_model_checkpoint(out, path, options ? options : &defaults, NULL, err);
}

enum fletch_status fletch_checkpoint_open(struct fletch_checkpoint **out, const char *path,
                                          struct fletch_error *err)
{
    return fletch_checkpoint_open_with(out, path, NULL, err);
}

/* Whether a dialect's config file lies beside the checkpoint. */
static bool has_file(const struct fletch_checkpoint *checkpoint,
                     const struct fletch_dialect *dialect)
{
    struct fletch_arena arena = { 0 };
    const char *path = checkpoint->files_count ? checkpoint->files[0].file.path : "";
    const char *beside = fletch_arena_format(
        &arena, "%.*s%s", (int)(fletch_path_base(path) - path), path, dialect->config_file);
    bool found = beside && fletch_file_kind(beside) != FLETCH_FILE_NONE;

    fletch_arena_release(&arena);
    return found;
}

const char *fletch_checkpoint_dialect(const struct fletch_checkpoint *checkpoint)
{
    const char **names = fletch_alloc_array(checkpoint->tensors_count, sizeof(*names));
    const struct fletch_dialect *dialect = NULL;

    if (!names)
        return NULL;
    for (size_t i = 0; i < checkpoint->tensors_count; i++)
        names[i] = checkpoint->tensors[i].name;
    for (size_t i = 0; (dialect = fletch_dialect_get(i)); i++)
        if (dialect->name &&
            fletch_dialect_has_needs(dialect, names, checkpoint->tensors_count) &&
            (!dialect->config_file || has_file(checkpoint, dialect)))
            break;
    fletch_free(names);
    return dialect ? dialect->name : NULL;
}
