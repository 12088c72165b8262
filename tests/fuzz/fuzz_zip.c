/* SPDX-License-Identifier: MIT */
/* fuzz_zip - bytes as a zip archive: members lie inside and apart, and load or say why not
 */
#include "must.h"

#include "archive/zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOAD_MAX ((uint64_t)1 << 20)

/* A loaded member's beginning is the same alone; copied into a file all of it is. */
static void check_ways(const struct fletch_buf *bytes, const struct fletch_zip *zip,
                       const struct fletch_zip_member *member)
{
    struct fletch_file copy = { memfd_create("copy", MFD_CLOEXEC), bytes->size, "copy" };
    uint8_t *back = malloc(bytes->size + 1);
    const struct fletch_cancel nobody = { 0 };
    struct fletch_error err = { 0 };

    if (copy.fd < 0 || !back)
        abort();
    MUST(!fletch_zip_peek(back, bytes->size / 2, zip, member, &err));
    MUST(!memcmp(back, bytes->bytes, bytes->size / 2));
    MUST(!fletch_zip_copy(&copy, 0, zip, member, &nobody, &err));
    MUST(!fletch_file_read(&copy, 0, back, bytes->size, &err));
    MUST(!memcmp(back, bytes->bytes, bytes->size));
    fletch_file_close(&copy);
    free(back);
}

static void check_members(const struct fletch_zip *zip, uint64_t size)
{
    struct fletch_buf bytes = { 0 };
    struct fletch_error err = { 0 };

    for (size_t i = 0; i < zip->count; i++) {
        const struct fletch_zip_member *member = &zip->members[i];
        uint64_t at;

        MUST(fletch_zip_find(zip, member->name) == member);
        MUST(member->begin < member->end && member->end <= size);
        MUST(!i || strcmp(zip->members[i - 1].name, member->name) < 0);
        if (!fletch_zip_locate(&at, zip, member, &err))
            MUST(at > member->begin && at <= member->end &&
                 member->packed <= member->end - at);
        if (fletch_zip_load(&bytes, zip, member, LOAD_MAX, "LOAD_MAX", &err)) {
            MUST(err.status && err.message[0]);
            continue;
        }
        MUST(bytes.size == member->size);
        check_ways(&bytes, zip, member);
    }
    fletch_buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_error err = { 0 };
    struct fletch_file file = { memfd_create("fuzz", MFD_CLOEXEC), size, "f" };
    struct fletch_zip zip = { 0 };

    if (file.fd < 0 || fletch_file_write(&file, 0, data, size, &err))
        abort();
    if (fletch_zip_open(&zip, &file, &err))
        MUST(err.status && !strncmp(err.message, "byte ", 5));
    else
        check_members(&zip, size);
    fletch_zip_close(&zip);
    fletch_file_close(&file);
    return 0;
}
