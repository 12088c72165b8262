/* SPDX-License-Identifier: MIT */
/* slices.c - tensors stored in slices, joined as they are read
 *
 * The elements of a slice have the same order as in the tensor. So what a slice holds of
 * any range of the tensor is one range of the slice: it is read at once and copied out run
 * by run, where a run is contiguous in both tensor and slice.
 */
#include "checkpoint/checkpoint_internal.h"

#include <string.h>

/* Runs shorter than this are read several at a time. */
#define STAGE_SIZE 16384

/* Both in bytes: the last dimension is multiplied by the element size. */
struct lattice {
    unsigned rank;
    uint64_t whole[FLETCH_RANK_MAX]; /* the tensor's dimensions */
    uint64_t steps[FLETCH_RANK_MAX]; /* bytes of the tensor per step */
    uint64_t at[FLETCH_RANK_MAX];    /* the slice's place in it */
    uint64_t shape[FLETCH_RANK_MAX]; /* the slice's dimensions */
    uint64_t size;                   /* of the slice */
    uint64_t run;                    /* bytes of it that are contiguous in the tensor too */
};

static void lay(struct lattice *out, const struct fletch_tensor *tensor,
                const struct fletch_tensor_slice *slice)
{
    uint64_t step = 1;

    out->rank = tensor->rank;
    out->size = 1;
    out->run = 0;
    for (unsigned i = tensor->rank; i-- > 0;) {
        uint64_t width = i + 1 == tensor->rank ? fletch_dtype_size(tensor->dtype) : 1;

        out->whole[i] = tensor->shape[i] * width;
        out->at[i] = slice->at[i] * width;
        out->shape[i] = slice->shape[i] * width;
        out->steps[i] = step;
        step *= out->whole[i];
        out->size *= out->shape[i];
        if (!out->run && out->shape[i] != out->whole[i])
            out->run = out->size;
    }
    if (!out->run)
        out->run = out->size;
}

/* How many bytes of the slice lie before byte `position` of the tensor. */
static uint64_t count_before(const struct lattice *lattice, uint64_t position)
{
    uint64_t before = 0, below = lattice->size;

    for (unsigned i = 0; i < lattice->rank; i++) {
        uint64_t here = position / lattice->steps[i];

        position %= lattice->steps[i];
        below /= lattice->shape[i];
        if (here < lattice->at[i])
            return before;
        if (here - lattice->at[i] >= lattice->shape[i])
            return before + lattice->shape[i] * below;
        before += (here - lattice->at[i]) * below;
    }
    return before;
}

/* The tensor's byte that corresponds to byte `byte` of the slice. */
static uint64_t place_of(const struct lattice *lattice, uint64_t byte)
{
    uint64_t place = 0;

    for (unsigned i = lattice->rank; i-- > 0;) {
        place += (lattice->at[i] + byte % lattice->shape[i]) * lattice->steps[i];
        byte /= lattice->shape[i];
    }
    return place;
}

/* The destination of bytes of the tensor: `out` begins with its byte `begin`. */
struct target {
    uint8_t *out;
    uint64_t begin;
};

/* Reads [from, to) of the slice and puts it in place. */
static enum fletch_status read_slice(const struct fletch_file *file, uint64_t offset,
                                     const struct lattice *lattice, uint64_t from,
                                     uint64_t to, const struct target *target,
                                     struct fletch_error *err)
{
    uint8_t stage[STAGE_SIZE];
    uint64_t size, run;

    for (; from < to; from += size) {
        size = lattice->run - from % lattice->run;
        size = size < to - from ? size : to - from;
        if (size >= STAGE_SIZE) {
            TRY(fletch_file_read(file, offset + from,
                                 target->out + (place_of(lattice, from) - target->begin),
                                 (size_t)size, err));
            continue;
        }
        size = STAGE_SIZE < to - from ? STAGE_SIZE : to - from;
        TRY(fletch_file_read(file, offset + from, stage, (size_t)size, err));
        for (uint64_t i = 0; i < size; i += run) {
            run = lattice->run - (from + i) % lattice->run;
            run = run < size - i ? run : size - i;
            memcpy(target->out + (place_of(lattice, from + i) - target->begin), stage + i,
                   (size_t)run);
        }
    }
    return FLETCH_OK;
}

enum fletch_status fletch_slices_read(const struct fletch_checkpoint_file *files,
                                      const struct fletch_tensor *tensor, uint64_t begin,
                                      uint8_t *out, size_t size, struct fletch_error *err)
{
    const struct target target = { .out = out, .begin = begin };
    struct lattice lattice;

    for (size_t i = 0; i < tensor->slices_count; i++) {
        const struct fletch_tensor_slice *slice = &tensor->slices[i];

        lay(&lattice, tensor, slice);
        TRY(read_slice(&files[slice->file].file, slice->offset, &lattice,
                       count_before(&lattice, begin), count_before(&lattice, begin + size),
                       &target, err));
    }
    return FLETCH_OK;
}
