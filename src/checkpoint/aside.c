/* SPDX-License-Identifier: MIT */
/* aside.c - see aside.h */
#include "checkpoint/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum fletch_status open_aside(struct fletch_tensor_list *list,
                                     struct fletch_error *err)
{
    char name[] = P_tmpdir "/fletch-XXXXXX";
    int fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: no file to unpack into: %s", P_tmpdir,
                           strerror(errno));
    list->aside = fletch_arena_alloc(list->arena, sizeof(*list->aside));
    if (!list->aside) {
        close(fd);
        return fletch_fail_memory(err, sizeof(*list->aside), "a file to unpack into");
    }
    *list->aside = (struct fletch_file){ .fd = fd, .path = "what was unpacked" };
    return FLETCH_OK;
}

enum fletch_status fletch_aside_unpack(uint64_t *out, struct fletch_aside *aside,
                                       struct fletch_tensor_list *list,
                                       const struct fletch_zip *zip,
                                       const struct fletch_zip_member *member,
                                       struct fletch_error *err)
{
    size_t index = (size_t)(member - zip->members);

    if (!aside->places)
        aside->places = fletch_alloc_array(zip->count, sizeof(*aside->places));
    if (!aside->places)
        return fletch_fail_memory(err, zip->count * sizeof(*aside->places),
                                  "unpacked members");
    if (aside->places[index]) {
        *out = aside->places[index] - 1;
        return FLETCH_OK;
    }
    if (!list->aside)
        TRY(open_aside(list, err));
    if (member->size > FLETCH_ASIDE_MAX - list->aside->size)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": the compressed members unpack to more than "
                           "the limit, %" PRIu64 " bytes (FLETCH_ASIDE_MAX)",
                           member->begin, FLETCH_ASIDE_MAX);
    TRY(fletch_zip_load(&aside->scratch, zip, member, FLETCH_ZIP_INFLATED_MAX,
                        "FLETCH_ZIP_INFLATED_MAX", err));
    *out = list->aside->size;
    TRY(fletch_file_write(list->aside, *out, aside->scratch.bytes, aside->scratch.size,
                          err));
    list->aside->size += aside->scratch.size;
    aside->places[index] = *out + 1;
    return FLETCH_OK;
}

void fletch_aside_release(struct fletch_aside *aside)
{
    fletch_buf_release(&aside->scratch);
    fletch_free(aside->places);
    *aside = (struct fletch_aside){ 0 };
}
