/* SPDX-License-Identifier: MIT */
/* listed.h - what checkpoint.h promises of the tensors that a format has listed */
#ifndef FLETCH_TESTS_FUZZ_LISTED_H
#define FLETCH_TESTS_FUZZ_LISTED_H

#include "must.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "archive/spool.h"
#include "model/model.h"
#include "strided/strided.h"
#include "torch/torch.h"

#include <string.h>

/* `end` is the size of where its bytes lie. */
static inline void check_tensor(const struct fletch_tensor *tensor, uint64_t end)
{
    size_t len = strlen(tensor->name);
    uint64_t count = 1, extent;
    bool empty = false;

    MUST(tensor->dtype != FLETCH_DTYPE_NONE && tensor->dtype < FLETCH_DTYPE_COUNT);
    MUST(tensor->rank <= FLETCH_RANK_MAX);
    for (unsigned i = 0; i < tensor->rank; i++)
        empty |= !tensor->shape[i];
    for (unsigned i = 0; i < tensor->rank && !empty; i++)
        MUST(fletch_mul(&count, count, tensor->shape[i]));
    MUST((empty ? 0 : count) == tensor->count);
    MUST(tensor->count * fletch_dtype_info(tensor->dtype)->bits == tensor->size * 8);
    MUST(fletch_tensor_extent(&extent, tensor));
    MUST(tensor->offset <= end && extent <= end - tensor->offset);
    MUST(fletch_utf8_span(tensor->name, len) == len);
}

/* Also, the last bytes of each can be read; those of a compressed member that is damaged
 * cannot, and are refused in words. */
static inline void check_list(const struct fletch_tensor_list *list,
                              const struct fletch_file *file)
{
    struct fletch_strided *strided = fletch_strided_new();
    uint8_t bytes[64];

    for (size_t i = 0; i < list->count; i++) {
        const struct fletch_tensor *tensor = &list->tensors[i];
        const struct fletch_file *from = file;
        const struct fletch_cancel nobody = { 0 };
        struct fletch_error err = { 0 };
        size_t size = tensor->size < sizeof(bytes) ? (size_t)tensor->size : sizeof(bytes);

        check_tensor(tensor, tensor->spooled ? fletch_spool_size(list->spool) : file->size);
        if (tensor->spooled && size &&
            fletch_spool_file(&from, list->spool, file, tensor->offset, &nobody, &err)) {
            MUST(err.status && !strncmp(err.message, "byte ", 5));
            continue;
        }
        MUST(!fletch_strided_read(strided, from, tensor, tensor->size - size, bytes, size,
                                  NULL));
    }
    fletch_strided_free(strided);
}

#endif
