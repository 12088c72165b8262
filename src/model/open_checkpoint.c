/* SPDX-License-Identifier: MIT */
/* open_checkpoint.c - opens checkpoints, with the families' knowledge of names */
#include "model/translate.h"
#include "torch/torch.h"

#include "base/api_options.h"

#include <string.h>

const struct fletch_checkpoint_format *const fletch_formats[] = {
    &fletch_format_safetensors,  &fletch_format_torch_zip,
    &fletch_format_torch_legacy, &fletch_format_torch_tar,
    &fletch_format_torch_pt2,    &fletch_format_npz,
    &fletch_format_npy,          NULL,
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

enum fletch_status fletch_model_checkpoint(struct fletch_checkpoint **out, const char *path,
                                           const struct fletch_options *options,
                                           const char *model_type, struct fletch_error *err)
{
    struct fletch_scope scope = { .model_type = model_type };
    const struct fletch_prefix_hints hints = {
        .prefix = options->prefix, .has_required = fits, .match = known, .user = &scope
    };

    /* an unknown family is reported later, when the model is known */
    if (options->family && strcmp(options->family, "auto") != 0 &&
        fletch_family_find(&scope.family, options->family, NULL))
        scope.family = NULL;
    return fletch_checkpoint_load(out, path, fletch_formats, &hints, err);
}

enum fletch_status fletch_checkpoint_open(struct fletch_checkpoint **out, const char *path,
                                          const struct fletch_options *options,
                                          struct fletch_error *err)
{
    const struct fletch_dialect *dialect = NULL;
    struct fletch_checkpoint *checkpoint;
    struct fletch_options taken;
    enum fletch_status status;

    TRY(fletch_options_take(&taken, options, err));
    TRY(fletch_model_checkpoint(&checkpoint, path, &taken, NULL, err));
    status = fletch_dialect_recognise(&dialect, checkpoint, taken.family, err);
    if (status) {
        fletch_checkpoint_close(checkpoint);
        return status;
    }
    checkpoint->dialect = dialect ? dialect->name : NULL;
    checkpoint->cancel = (struct fletch_cancel){ taken.cancel, taken.user };
    *out = checkpoint;
    return FLETCH_OK;
}

enum fletch_status fletch_checkpoint_read(void *out, size_t size,
                                          const struct fletch_checkpoint *checkpoint,
                                          size_t i, uint64_t begin,
                                          struct fletch_error *err)
{
    if (i >= checkpoint->tensors_count)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "tensor %zu is asked for, the checkpoint has %zu", i,
                           checkpoint->tensors_count);
    return fletch_tensor_read(checkpoint, &checkpoint->tensors[i], begin, out, size, err);
}

const char *fletch_checkpoint_dialect(const struct fletch_checkpoint *checkpoint)
{
    return checkpoint->dialect;
}
