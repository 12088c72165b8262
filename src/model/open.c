/* SPDX-License-Identifier: MIT */
/* open.c - checkpoints opened with the families' knowledge of names */
#include "model/translate.h"

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
    const struct fletch_dialect *dialect = NULL;
    struct fletch_checkpoint *checkpoint;
    enum fletch_status status;

    options = options ? options : &defaults;
    TRY(fletch_model_checkpoint(&checkpoint, path, options, NULL, err));
    status = fletch_dialect_recognise(&dialect, checkpoint, options->family, err);
    if (status) {
        fletch_checkpoint_close(checkpoint);
        return status;
    }
    checkpoint->dialect = dialect ? dialect->name : NULL;
    *out = checkpoint;
    return FLETCH_OK;
}

enum fletch_status fletch_checkpoint_open(struct fletch_checkpoint **out, const char *path,
                                          struct fletch_error *err)
{
    return fletch_checkpoint_open_with(out, path, NULL, err);
}

const char *fletch_checkpoint_dialect(const struct fletch_checkpoint *checkpoint)
{
    return checkpoint->dialect;
}
