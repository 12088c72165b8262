/* SPDX-License-Identifier: MIT */
/* fuzz_safetensors - a file's bytes through the reader of safetensors
 *
 * What is accepted must keep the promises of checkpoint.h; what is refused must have its
 * sentence.
 */
#include "listed.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Together the tensors are what is behind the header: no byte twice, none left over. */
static void check_cover(const struct fletch_tensor_list *list, uint64_t file_size)
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
        check_cover(&list, size);
    fletch_file_close(&file);
    json_decref(list.metadata);
    fletch_free(list.tensors);
    fletch_arena_release(&arena);
    return 0;
}
