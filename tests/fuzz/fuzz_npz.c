/* SPDX-License-Identifier: MIT */
/* fuzz_npz - NumPy's archives and arrays: what is accepted keeps the promises of
 * checkpoint.h
 *
 * Bytes without a magic of their own are the text of an array's header, 32 bytes of values
 * behind it: lengths in front of the text would keep a fuzzer out.
 */
#include "listed.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char values[] = "0123456789abcdef0123456789abcdef";

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
    fletch_spool_close(list.spool);
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
