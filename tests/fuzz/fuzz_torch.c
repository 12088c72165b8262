/* SPDX-License-Identifier: MIT */
/* fuzz_torch - a torch checkpoint, zip, stream or tar: what is accepted keeps the promises
 * of checkpoint.h
 *
 * The checksums of a zip would keep a fuzzer out, so that bytes without a magic of their
 * own are the pickle of a stream with one storage.
 */
#include "listed.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char opening[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                              "\x80\x02M\xe9\x03.\x80\x02}.";
/* The keys, ["0"], and storage "0": 16 bytes, as 4 float32. */
static const char closing[] = "\x80\x02]X\x01\0\0\0"
                              "0a.\4\0\0\0\0\0\0\0"
                              "0123456789abcdef";

static void try_format(const struct fletch_checkpoint_format *format,
                       const struct fletch_file *file)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = file->size };
    struct fletch_error err = { 0 };

    if (format->list(&list, file, &err))
        MUST(err.status && !strncmp(err.message, "f: ", 3) && err.message[3]);
    else
        check_list(&list, file);
    fletch_spool_close(list.spool);
    json_decref(list.facts);
    fletch_free(list.tensors);
    fletch_arena_release(&arena);
}

/* The format whose magic the bytes have; NULL for those that are wrapped in a stream. */
static const struct fletch_checkpoint_format *format_of(const uint8_t *data, size_t size)
{
    static const struct fletch_checkpoint_format *const formats[] = {
        &fletch_format_torch_zip, &fletch_format_torch_legacy, &fletch_format_torch_tar
    };
    size_t head = size < FLETCH_PROBE_SIZE ? size : FLETCH_PROBE_SIZE;

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (formats[i]->probe(data, head, size))
            return formats[i];
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fletch_checkpoint_format *format = format_of(data, size);
    struct fletch_file file = { memfd_create("fuzz", MFD_CLOEXEC), 0, "f" };
    struct fletch_buf bytes = { 0 };

    if (format) {
        fletch_buf_put(&bytes, data, size);
    } else {
        fletch_buf_put(&bytes, opening, sizeof(opening) - 1);
        fletch_buf_put(&bytes, data, size);
        fletch_buf_put(&bytes, closing, sizeof(closing) - 1);
    }
    file.size = bytes.size;
    if (file.fd < 0 || bytes.failed ||
        fletch_file_write(&file, 0, bytes.bytes, bytes.size, NULL))
        abort();
    try_format(format ? format : &fletch_format_torch_legacy, &file);
    fletch_file_close(&file);
    fletch_buf_release(&bytes);
    return 0;
}
