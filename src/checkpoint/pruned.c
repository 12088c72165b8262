/* SPDX-License-Identifier: MIT */
/* pruned.c - folds a pruned weight and its mask into the tensor that they stand for
 *
 * torch.nn.utils.prune keeps a parameter as two tensors, weight_orig and weight_mask, and
 * the module computes with their product. Here the two become one tensor `weight`, which is
 * multiplied while it is read. They stay as they are if they do not fit each other, or if
 * there is a `weight` as well.
 */
#include "checkpoint/checkpoint_internal.h"

#include "base/natural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ORIG "_orig"
#define MASK "_mask"
/* Bytes of a mask read at a time. */
#define STAGE_SIZE 16384

/* ---- Which belong together ---- */

struct pair {
    const char *name; /* the common name */
    const struct fletch_tensor *orig, *mask;
};

/* The length of the name without its suffix; 0 if it has another one, or nothing before
 * it. */
static size_t len_without(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    if (len <= end_len || strcmp(name + len - end_len, end) != 0 ||
        name[len - end_len - 1] == '.')
        return 0;
    return len - end_len;
}

enum fletch_status fletch_pruned_name(const char **out, const char *name,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    size_t len = len_without(name, ORIG);

    *out = len ? fletch_arena_text(arena, name, len) : name;
    return *out ? FLETCH_OK : fletch_fail_memory(err, len, "a name");
}

static bool fit(const struct fletch_tensor *orig, const struct fletch_tensor *mask)
{
    return orig->rank == mask->rank && fletch_mask_fits(orig->dtype, mask->dtype) &&
           !memcmp(orig->shape, mask->shape, orig->rank * sizeof(*orig->shape));
}

static enum fletch_status find(const struct fletch_tensor **out,
                               const struct fletch_checkpoint *checkpoint, const char *base,
                               const char *end, struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    const char *name = fletch_arena_format(&arena, "%s%s", base, end);

    *out = name ? fletch_checkpoint_find(checkpoint, name) : NULL;
    fletch_arena_release(&arena);
    return name ? FLETCH_OK : fletch_fail_memory(err, strlen(base), "a name");
}

/* The pair that a tensor belongs to; without a name if it belongs to none. */
static enum fletch_status pair_of(struct pair *out, struct fletch_checkpoint *checkpoint,
                                  const struct fletch_tensor *tensor,
                                  struct fletch_error *err)
{
    size_t orig = len_without(tensor->name, ORIG), mask = len_without(tensor->name, MASK);
    const char *base;

    *out = (struct pair){ .name = NULL };
    if (!orig && !mask)
        return FLETCH_OK;
    base = fletch_arena_text(&checkpoint->arena, tensor->name, orig ? orig : mask);
    if (!base)
        return fletch_fail_memory(err, strlen(tensor->name), "a name");
    TRY(find(&out->orig, checkpoint, base, ORIG, err));
    TRY(find(&out->mask, checkpoint, base, MASK, err));
    if (out->orig && out->mask && fit(out->orig, out->mask) &&
        !fletch_checkpoint_find(checkpoint, base))
        out->name = base;
    return FLETCH_OK;
}

/* ---- One of two ---- */

static enum fletch_status fold(struct fletch_tensor *out, const struct pair *pair,
                               struct fletch_arena *arena, struct fletch_error *err)
{
    struct fletch_tensor *mask = fletch_arena_alloc(arena, sizeof(*mask));

    if (!mask)
        return fletch_fail_memory(err, sizeof(*mask), "a mask");
    *mask = *pair->mask;
    *out = *pair->orig;
    out->origin = out->origin ? out->origin : out->name;
    out->name = pair->name;
    out->mask = mask;
    return FLETCH_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct fletch_tensor *x = a, *y = b;

    return fletch_natural_compare(x->name, y->name);
}

/* *count: the number of tensors left. */
static enum fletch_status fold_all(struct fletch_tensor *tensors, size_t *count,
                                   struct fletch_checkpoint *checkpoint,
                                   struct fletch_error *err)
{
    struct pair pair;

    *count = 0;
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];

        TRY(pair_of(&pair, checkpoint, tensor, err));
        if (!pair.name)
            tensors[(*count)++] = *tensor;
        else if (tensor == pair.orig)
            TRY(fold(&tensors[(*count)++], &pair, &checkpoint->arena, err));
    }
    return FLETCH_OK;
}

enum fletch_status fletch_checkpoint_fold(struct fletch_checkpoint *checkpoint,
                                          struct fletch_error *err)
{
    size_t count, before = checkpoint->tensors_count;
    struct fletch_tensor *tensors = fletch_alloc_array(before, sizeof(*tensors));
    enum fletch_status status;

    if (!tensors)
        return fletch_fail_memory(err, before * sizeof(*tensors), "tensors");
    status = fold_all(tensors, &count, checkpoint, err);
    if (status || count == before) {
        fletch_free(tensors);
        return status;
    }
    qsort(tensors, count, sizeof(*tensors), compare_names);
    checkpoint->unfolded = checkpoint->tensors;
    checkpoint->unfolded_count = before;
    checkpoint->tensors = tensors;
    checkpoint->tensors_count = count;
    return FLETCH_OK;
}

void fletch_checkpoint_unfold(struct fletch_checkpoint *checkpoint)
{
    if (!checkpoint->unfolded)
        return;
    fletch_free(checkpoint->tensors);
    checkpoint->tensors = checkpoint->unfolded;
    checkpoint->tensors_count = checkpoint->unfolded_count;
    checkpoint->unfolded = NULL;
}

/* ---- Reading ---- */

static enum fletch_status fail_element(const struct fletch_tensor *mask, uint64_t at,
                                       struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                       "tensor '%.*s', element %" PRIu64
                       ": is neither 0 nor 1, expected a mask that only prunes: "
                       "prune.remove() and save the model first",
                       FLETCH_SHOWN, mask->origin ? mask->origin : mask->name, at);
}

enum fletch_status fletch_checkpoint_mask(const struct fletch_checkpoint *checkpoint,
                                          const struct fletch_tensor *tensor,
                                          uint64_t begin, void *elements, size_t count,
                                          fletch_mask_fn apply, struct fletch_error *err)
{
    const struct fletch_tensor *mask = tensor->mask;
    size_t width = mask ? fletch_dtype_size(mask->dtype) : 0, some, done;
    uint8_t stage[STAGE_SIZE], *to = elements;

    for (; mask && count; count -= some, begin += some) {
        some = count < STAGE_SIZE / width ? count : STAGE_SIZE / width;
        TRY(fletch_tensor_read(checkpoint, mask, begin * width, stage, some * width, err));
        done = apply(to, tensor->dtype, stage, mask->dtype, some);
        if (done < some)
            return fail_element(mask, begin + done, err);
        to += some * fletch_dtype_size(tensor->dtype);
    }
    return FLETCH_OK;
}
