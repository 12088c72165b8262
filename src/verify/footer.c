/* SPDX-License-Identifier: MIT */
/* footer.c - see footer.h */
#include "verify/footer.h"

#include <inttypes.h>
#include <string.h>

enum fletch_status fletch_footer_hash_take(struct fletch_footer_hash *out,
                                           const struct fletch_file *file, uint64_t offset,
                                           uint64_t end, struct fletch_error *err)
{
    struct fletch_footer_hash footer_hash = { .offset = offset, .size = end - offset };

    TRY(fletch_file_hash(footer_hash.sha256, file, offset, end, NULL, err));
    *out = footer_hash;
    return FLETCH_OK;
}

enum fletch_status fletch_footer_hash_check(const json_t *footer,
                                            const struct fletch_file *file,
                                            struct fletch_error *err)
{
    json_int_t offset = json_integer_value(json_object_get(footer, "offset"));
    json_int_t size = json_integer_value(json_object_get(footer, "bytes"));
    const char *expected = json_string_value(json_object_get(footer, "sha256"));
    char found[FLETCH_SHA256_HEX];
    struct fletch_footer_hash footer_hash;

    if (!footer)
        return FLETCH_OK;
    if (offset < 0 || size < 0 || !expected)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "metadata.json: \"footer\" lacks its offset, bytes or sha256");
    if ((uint64_t)offset > file->size || (uint64_t)size != file->size - (uint64_t)offset)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "%s: is %" PRIu64
                           " bytes long, by metadata.json its last %" PRId64
                           " are at byte %" PRId64,
                           file->path, file->size, (int64_t)size, (int64_t)offset);
    TRY(fletch_footer_hash_take(&footer_hash, file, (uint64_t)offset, file->size, err));
    fletch_sha256_hex(found, footer_hash.sha256);
    if (strcmp(found, expected) != 0)
        return fletch_fail(err, FLETCH_ERR_VERIFY,
                           "%s: its indexes and footer, from byte %" PRId64
                           ", have the sha256 %s, metadata.json says %.64s",
                           file->path, (int64_t)offset, found, expected);
    return FLETCH_OK;
}
