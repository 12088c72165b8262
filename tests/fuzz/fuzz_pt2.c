/* SPDX-License-Identifier: MIT */
/* fuzz_pt2 - an archive of torch.export: what is accepted keeps the promises of
 * checkpoint.h
 *
 * Bytes that do not begin as a zip do are what one says of its tensors, in JSON, and the
 * archive around them, with storages of 16, 3 and no bytes, is made here.
 */
#include "listed.h"

#include <string.h>
#include <sys/mman.h>

#define MEMBERS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct member {
    const char *name;
    const void *bytes;
    size_t size;
};

static void put_u16(struct fletch_buf *out, size_t value)
{
    fletch_buf_put_u8(out, (uint8_t)value);
    fletch_buf_put_u8(out, (uint8_t)(value >> 8));
}

/* Versions, flags, method and time are 0, and so is the checksum: not worked out. */
static void put_about(struct fletch_buf *out, const struct member *member, size_t zeros)
{
    while (zeros--)
        fletch_buf_put_u8(out, 0);
    fletch_buf_put_u32(out, (uint32_t)member->size);
    fletch_buf_put_u32(out, (uint32_t)member->size);
    put_u16(out, strlen(member->name));
    put_u16(out, 0);
}

static void put_archive(struct fletch_buf *out, const struct member *members)
{
    size_t begins[MEMBERS], directory, end;

    for (size_t i = 0; i < MEMBERS; i++) {
        begins[i] = out->size;
        fletch_buf_put_u32(out, 0x04034b50);
        put_about(out, &members[i], 14);
        fletch_buf_put_text(out, members[i].name);
        fletch_buf_put(out, members[i].bytes, members[i].size);
    }
    directory = out->size;
    for (size_t i = 0; i < MEMBERS; i++) {
        fletch_buf_put_u32(out, 0x02014b50);
        put_about(out, &members[i], 16);
        fletch_buf_put(out, "\0\0\0\0\0\0\0\0\0\0", 10);
        fletch_buf_put_u32(out, (uint32_t)begins[i]);
        fletch_buf_put_text(out, members[i].name);
    }
    end = out->size;
    fletch_buf_put_u32(out, 0x06054b50);
    fletch_buf_put_u32(out, 0);
    put_u16(out, MEMBERS);
    put_u16(out, MEMBERS);
    fletch_buf_put_u32(out, (uint32_t)(end - directory));
    fletch_buf_put_u32(out, (uint32_t)directory);
    put_u16(out, 0);
}

static void try_file(const struct fletch_file *file)
{
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = file->size };
    struct fletch_error err = { 0 };
    bool confirmed;

    MUST(!fletch_format_torch_pt2.confirm(&confirmed, file, &err));
    if (fletch_format_torch_pt2.list(&list, file, &err))
        MUST(err.status && !strncmp(err.message, "f: ", 3) && err.message[3]);
    else
        check_list(&list, file);
    fletch_spool_close(list.spool);
    fletch_free(list.tensors);
    fletch_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct member members[MEMBERS] = {
        { "m/archive_format", "pt2", 3 },
        { "m/data/weights/weight_0", "0123456789abcdef", 16 },
        { "m/data/weights/weight_1", "012", 3 },
        { "m/data/weights/weight_2", "", 0 },
        { "m/data/weights/model_weights_config.json", data, size },
    };
    struct fletch_file file = { memfd_create("fuzz", MFD_CLOEXEC), 0, "f" };
    struct fletch_buf bytes = { 0 };

    if (size > 4 && !memcmp(data, "PK\x03\x04", 4))
        fletch_buf_put(&bytes, data, size);
    else
        put_archive(&bytes, members);
    file.size = bytes.size;
    if (file.fd < 0 || bytes.failed ||
        fletch_file_write(&file, 0, bytes.bytes, bytes.size, NULL))
        abort();
    try_file(&file);
    fletch_file_close(&file);
    fletch_buf_release(&bytes);
    return 0;
}
