/* SPDX-License-Identifier: MIT */
/* fuzz_safetensors - a file's bytes through the reader of safetensors
 *
 * What is accepted must keep the promises of checkpoint.h; what is refused must have its
 * sentence.
 */
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "broken: %s\n", #condition);                                   \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

static void check_tensor(const struct fletch_tensor *tensor, uint64_t file_size)
{
    uint64_t count = 1;

    MUST(tensor->dtype != FLETCH_DTYPE_NONE && tensor->dtype < FLETCH_DTYPE_COUNT);
    MUST(tensor->rank <= FLETCH_RANK_MAX);
    for (unsigned i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    MUST(count == tensor->count);
    MUST(count * fletch_dtype_info(tensor->dtype)->bits == tensor->size * 8);
    MUST(tensor->offset <= file_size && tensor->size <= file_size - tensor->offset);
    MUST(fletch_utf8_span(tensor->name, strlen(tensor->name)) == strlen(tensor->name));
}

/* Together the tensors are what is behind the header: no byte twice, none left over. */
static void check_list(const struct fletch_tensor_list *list, uint64_t file_size)
{
    uint64_t total = 0, first = file_size;

    for (size_t i = 0; i < list->count; i++) {
        check_tensor(&list->tensors[i], file_size);
        total += list->tensors[i].size;
        if (list->tensors[i].offset < first)
            first = list->tensors[i].offset;
    }
    MUST(!list->count || total == file_size - first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = size };
    struct fletch_error err = { 0 };
    struct fletch_file file = { memfd_create("fuzz", MFD_CLOEXEC), size, "f" };

    if (file.fd < 0 || fletch_file_write(&file, 0, data, size, &err))
        abort();
    fletch_format_safetensors.probe(
        data, size < FLETCH_PROBE_SIZE ? size : FLETCH_PROBE_SIZE, size);
    if (fletch_format_safetensors.list(&list, &file, &err))
        MUST(err.status && !strncmp(err.message, "f: ", 3) && err.message[3]);
    else
        check_list(&list, size);
    fletch_file_close(&file);
    fletch_free(list.tensors);
    fletch_arena_release(&arena);
    return 0;
}
