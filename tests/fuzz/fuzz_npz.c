/* SPDX-License-Identifier: MIT */
/* fuzz_npz - NumPy's archives and arrays: what is accepted keeps the promises of
 * checkpoint.h
 *
 * Bytes without a magic of their own are the text of an array's header, 32 bytes of values
 * behind it: lengths in front of the text would keep a fuzzer out.
 */
#include "base/bytes.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/strided.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "broken: %s\n", #condition);                                   \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

static const char values[] = "0123456789abcdef0123456789abcdef";

static void check_tensor(const struct fletch_tensor *tensor, uint64_t end)
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
    MUST(tensor->count * fletch_dtype_size(tensor->dtype) == tensor->size);
    MUST(fletch_tensor_extent(&extent, tensor) && extent == tensor->size);
    MUST(tensor->offset <= end && extent <= end - tensor->offset);
    MUST(fletch_utf8_span(tensor->name, len) == len);
}

static void check_list(const struct fletch_tensor_list *list,
                       const struct fletch_file *file)
{
    struct fletch_strided *strided = fletch_strided_new();
    uint8_t bytes[64];

    for (size_t i = 0; i < list->count; i++) {
        const struct fletch_tensor *tensor = &list->tensors[i];
        const struct fletch_file *from = tensor->aside ? list->aside : file;
        size_t size = tensor->size < sizeof(bytes) ? (size_t)tensor->size : sizeof(bytes);

        check_tensor(tensor, from->size);
        MUST(!fletch_strided_read(strided, from, tensor, tensor->size - size, bytes, size,
                                  NULL));
    }
    fletch_strided_free(strided);
}

static void try_format(const struct fletch_checkpoint_format *format,
                       const struct fletch_file *file)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = file->size };
    struct fletch_error err = { 0 };
    bool confirmed;

    if (format->confirm)
        MUST(!format->confirm(&confirmed, file, &err));
    if (format->list(&list, file, &err))
        MUST(err.status && !strncmp(err.message, "f: ", 3) && err.message[3]);
    else
        check_list(&list, file);
    if (list.aside)
        fletch_file_close(list.aside);
    fletch_free(list.tensors);
    fletch_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t head = size < FLETCH_PROBE_SIZE ? size : FLETCH_PROBE_SIZE;
    bool npz = fletch_format_npz.probe(data, head, size);
    struct fletch_file file = { memfd_create("fuzz", MFD_CLOEXEC), 0, "f" };
    struct fletch_buf bytes = { 0 };

    if (npz || fletch_format_npy.probe(data, head, size)) {
        fletch_buf_put(&bytes, data, size);
    } else {
        fletch_buf_put(&bytes, "\x93NUMPY\x02\x00", 8);
        fletch_buf_put_u32(&bytes, (uint32_t)size);
        fletch_buf_put(&bytes, data, size);
        fletch_buf_put(&bytes, values, sizeof(values) - 1);
    }
    file.size = bytes.size;
    if (file.fd < 0 || bytes.failed ||
        fletch_file_write(&file, 0, bytes.bytes, bytes.size, NULL))
        abort();
    try_format(npz ? &fletch_format_npz : &fletch_format_npy, &file);
    fletch_file_close(&file);
    fletch_buf_release(&bytes);
    return 0;
}
