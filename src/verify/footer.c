/* SPDX-License-Identifier: MIT */
/* footer.c - see footer.h */
#include "verify/footer.h"

#include <inttypes.h>
#include <string.h>

#define STEP_SIZE ((size_t)64 << 10)

static enum fletch_status hash_to_end(struct fletch_sha256 *sha, uint8_t *step,
                                      const struct fletch_file *file, uint64_t offset,
                                      uint64_t end, struct fletch_error *err)
{
    fletch_sha256_open(sha);
    while (offset < end) {
        size_t size = end - offset < STEP_SIZE ? (size_t)(end - offset) : STEP_SIZE;

        TRY(fletch_file_read(file, offset, step, size, err));
        fletch_sha256_put(sha, step, size);
        offset += size;
    }
    return FLETCH_OK;
}

enum fletch_status fletch_footer_hash_take(struct fletch_footer_hash *out,
                                           const struct fletch_file *file, uint64_t offset,
                                           uint64_t end, struct fletch_error *err)
{
    struct fletch_footer_hash footer_hash = { .offset = offset, .size = end - offset };
    struct fletch_sha256 sha = { 0 };
    uint8_t *step = fletch_alloc(STEP_SIZE);
    enum fletch_status status = FLETCH_OK;

    if (!step)
        status = fletch_fail_memory(err, STEP_SIZE, "a piece of the footer");
    if (!status)
        status = hash_to_end(&sha, step, file, offset, end, err);
    if (!status) {
        fletch_sha256_finish(&sha, footer_hash.sha256);
        *out = footer_hash;
    }
    fletch_free(step);
    return status;
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
