/* SPDX-License-Identifier: MIT */
/* zip.c - see zip.h
 *
 *     local header, 30 bytes   name, extra field, the member's bytes [, data descriptor]
 *     ...
 *     directory entry, 46      name, extra field, comment
 *     ...
 *     [ZIP64 end record, 56    ZIP64 locator, 20]
 *     end record, 22           comment
 *
 * A number that does not fit its field is all ones there, and is in the ZIP64 extra field.
 */
#include "archive/zip.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAGIC 0x02014b50u
#define END_MAGIC 0x06054b50u
#define END64_MAGIC 0x06064b50u
#define LOCATOR_MAGIC 0x07064b50u

#define ENTRY_SIZE 46
#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define COMMENT_MAX 65535

#define EXTRA_ZIP64 1
#define FLAG_ENCRYPTED 1u
/* The most bytes that one deflated byte can expand to. */
#define DEFLATE_RATIO 1032

/* What the end of the file states about the directory. */
struct ending {
    uint64_t count, size, begin;
    uint64_t behind; /* where the end records begin */
};

/* ---- The end ---- */

/* Finds the last end record whose comment reaches the end of the file. */
static bool find_end(size_t *out, const uint8_t *tail, size_t size)
{
    for (size_t at = size - END_SIZE + 1; at-- > 0;)
        if (fletch_load_u32(tail + at) == END_MAGIC &&
            fletch_load_u16(tail + at + 20) == size - END_SIZE - at) {
            *out = at;
            return true;
        }
    return false;
}

/* Reads the ZIP64 end record, if there is a locator before the end record at `at`. */
static enum fletch_status read_end64(struct ending *ending, bool *found,
                                     const struct fletch_file *file, uint64_t at,
                                     struct fletch_error *err)
{
    uint8_t locator[LOCATOR_SIZE], record[END64_SIZE];
    uint64_t where;

    *found = false;
    if (at < LOCATOR_SIZE + END64_SIZE)
        return FLETCH_OK;
    TRY(fletch_file_read(file, at - LOCATOR_SIZE, locator, sizeof(locator), err));
    if (fletch_load_u32(locator) != LOCATOR_MAGIC)
        return FLETCH_OK;
    where = fletch_load_u64(locator + 8);
    if (where > at - LOCATOR_SIZE - END64_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the ZIP64 end record is said to be at byte "
                           "%" PRIu64 ", expected it in front",
                           at - LOCATOR_SIZE, where);
    TRY(fletch_file_read(file, where, record, sizeof(record), err));
    if (fletch_load_u32(record) != END64_MAGIC)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %08x, expected a ZIP64 end record",
                           where, fletch_load_u32(record));
    if (fletch_load_u32(record + 16) || fletch_load_u32(record + 20))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a zip archive of several files", where);
    *ending = (struct ending){ fletch_load_u64(record + 32), fletch_load_u64(record + 40),
                               fletch_load_u64(record + 48), where };
    *found = true;
    return FLETCH_OK;
}

/* True when a field of the short record equals the long one's, or is all ones. */
static bool agrees(uint64_t wide, uint64_t narrow, uint64_t ones)
{
    return narrow == ones || narrow == wide;
}

static enum fletch_status read_end_at(struct ending *out, const struct fletch_file *file,
                                      uint64_t at, const uint8_t *record,
                                      struct fletch_error *err)
{
    struct ending small = { fletch_load_u16(record + 10), fletch_load_u32(record + 12),
                            fletch_load_u32(record + 16), at };
    bool wide;

    if ((fletch_load_u16(record + 4) && fletch_load_u16(record + 4) != UINT16_MAX) ||
        (fletch_load_u16(record + 6) && fletch_load_u16(record + 6) != UINT16_MAX))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a zip archive of several files", at);
    TRY(read_end64(out, &wide, file, at, err));
    if (!wide)
        *out = small;
    else if (!agrees(out->count, small.count, UINT16_MAX) ||
             !agrees(out->size, small.size, UINT32_MAX) ||
             !agrees(out->begin, small.begin, UINT32_MAX))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the end record and its ZIP64 form disagree",
                           at);
    if (out->begin > out->behind || out->size != out->behind - out->begin)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the directory of %" PRIu64 " bytes at byte "
                           "%" PRIu64 " does not end where the end record begins, at byte "
                           "%" PRIu64,
                           at, out->size, out->begin, out->behind);
    if (out->size > FLETCH_ZIP_DIRECTORY_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a directory of %" PRIu64
                           " bytes, the limit is %" PRIu64 " (FLETCH_ZIP_DIRECTORY_MAX)",
                           at, out->size, FLETCH_ZIP_DIRECTORY_MAX);
    if (out->count > FLETCH_ZIP_MEMBERS_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": %" PRIu64
                           " members, the limit is %d (FLETCH_ZIP_MEMBERS_MAX)",
                           at, out->count, FLETCH_ZIP_MEMBERS_MAX);
    return FLETCH_OK;
}

static enum fletch_status read_end(struct ending *out, const struct fletch_file *file,
                                   struct fletch_error *err)
{
    size_t size =
        file->size < END_SIZE + COMMENT_MAX ? (size_t)file->size : END_SIZE + COMMENT_MAX;
    uint8_t *tail = fletch_alloc(size);
    enum fletch_status status;
    size_t at = 0;

    if (!tail)
        return fletch_fail_memory(err, size, "the end of a zip archive");
    status = fletch_file_read(file, file->size - size, tail, size, err);
    if (!status && (size < END_SIZE || !find_end(&at, tail, size)))
        status = fletch_fail(err, FLETCH_ERR_FORMAT,
                             "byte %" PRIu64 ": the file ends without the end record of a "
                             "zip archive: it was cut short",
                             file->size);
    if (!status)
        status = read_end_at(out, file, file->size - size + at, tail + at, err);
    fletch_free(tail);
    return status;
}

/* ---- The directory ---- */

/* The values of the ZIP64 extra field, which replace fields that are all ones, in this
 * order. */
static enum fletch_status read_wide(struct fletch_zip_member *member, const uint8_t *extra,
                                    size_t size, uint64_t at, struct fletch_error *err)
{
    uint64_t *const fields[] = { &member->size, &member->packed, &member->begin };
    const uint8_t *value = NULL;
    size_t left = 0;

    for (size_t pos = 0; size - pos >= 4;) {
        size_t len = fletch_load_u16(extra + pos + 2);

        if (len > size - pos - 4)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64
                               ": an extra field of %zu bytes, %zu are left",
                               at + pos, len, size - pos - 4);
        if (fletch_load_u16(extra + pos) == EXTRA_ZIP64 && !value) {
            value = extra + pos + 4;
            left = len;
        }
        pos += 4 + len;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (*fields[i] != UINT32_MAX)
            continue;
        if (left < 8)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": member '%.*s' has no ZIP64 field for its "
                               "size or place",
                               at, FLETCH_SHOWN, member->name);
        *fields[i] = fletch_load_u64(value);
        value += 8;
        left -= 8;
    }
    return FLETCH_OK;
}

static bool is_plain_name(const char *name, size_t len, struct fletch_arena *arena)
{
    char *path =
        fletch_arena_text(arena, name, len && name[len - 1] == '/' ? len - 1 : len);

    return path && fletch_path_is_below(path);
}

static enum fletch_status check_member(const struct fletch_zip_member *member, size_t len,
                                       uint64_t directory, uint64_t at,
                                       struct fletch_error *err)
{
    uint64_t least = FLETCH_ZIP_LOCAL_SIZE + len;

    if (member->flags & FLAG_ENCRYPTED)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": member '%.*s' is encrypted", at, FLETCH_SHOWN,
                           member->name);
    if (member->method != FLETCH_ZIP_STORED && member->method != FLETCH_ZIP_DEFLATED)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": member '%.*s' is compressed with method %u, "
                           "expected 0 (stored) or 8 (deflate)",
                           at, FLETCH_SHOWN, member->name, member->method);
    if (member->begin > directory || least > directory - member->begin ||
        member->packed > directory - member->begin - least)
        return fletch_fail(
            err, FLETCH_ERR_FORMAT,
            "byte %" PRIu64 ": member '%.*s' of %" PRIu64 " bytes at byte %" PRIu64
            " reaches into the directory at byte %" PRIu64,
            at, FLETCH_SHOWN, member->name, member->packed, member->begin, directory);
    if (member->method == FLETCH_ZIP_STORED && member->packed != member->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": member '%.*s' is stored in %" PRIu64
                           " bytes and has %" PRIu64 ", expected the same",
                           at, FLETCH_SHOWN, member->name, member->packed, member->size);
    if (member->size / DEFLATE_RATIO > member->packed)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": member '%.*s' of %" PRIu64
                           " bytes would unpack to %" PRIu64 ", which deflate cannot do",
                           at, FLETCH_SHOWN, member->name, member->packed, member->size);
    return FLETCH_OK;
}

/* Reads the entry at text[*pos], which lies at byte ending->begin + *pos of the file. */
static enum fletch_status read_entry(struct fletch_zip *zip, const struct ending *ending,
                                     const uint8_t *text, size_t *pos,
                                     struct fletch_error *err)
{
    struct fletch_zip_member *member = &zip->members[zip->count];
    const uint8_t *entry = text + *pos;
    size_t left = (size_t)ending->size - *pos, len, extra, comment;
    uint64_t at = ending->begin + *pos;

    if (left < ENTRY_SIZE || fletch_load_u32(entry) != ENTRY_MAGIC)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found no directory entry, expected %" PRIu64
                           " and this is the %zuth",
                           at, ending->count, zip->count + 1);
    len = fletch_load_u16(entry + 28);
    extra = fletch_load_u16(entry + 30);
    comment = fletch_load_u16(entry + 32);
    if (len + extra + comment > left - ENTRY_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a directory entry reaches beyond the "
                           "directory",
                           at);
    *member = (struct fletch_zip_member){
        .name = fletch_arena_text(&zip->arena, (const char *)entry + ENTRY_SIZE, len),
        .begin = fletch_load_u32(entry + 42),
        .packed = fletch_load_u32(entry + 20),
        .size = fletch_load_u32(entry + 24),
        .crc = fletch_load_u32(entry + 16),
        .method = fletch_load_u16(entry + 10),
        .flags = fletch_load_u16(entry + 8),
    };
    if (!member->name)
        return fletch_fail_memory(err, len, "the name of a member");
    if (strlen(member->name) != len || !is_plain_name(member->name, len, &zip->arena))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a member is called '%.*s', expected a plain "
                           "relative path",
                           at, FLETCH_SHOWN, member->name);
    TRY(read_wide(member, entry + ENTRY_SIZE + len, extra, at + ENTRY_SIZE + len, err));
    TRY(check_member(member, len, ending->begin, at, err));
    zip->count++;
    *pos += ENTRY_SIZE + len + extra + comment;
    return FLETCH_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct fletch_zip_member *x = a, *y = b;

    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int compare_names(const void *a, const void *b)
{
    const struct fletch_zip_member *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* No two members share a byte or a name. */
static enum fletch_status check_apart(struct fletch_zip *zip, uint64_t directory,
                                      struct fletch_error *err)
{
    struct fletch_zip_member *members = zip->members;

    qsort(members, zip->count, sizeof(*members), compare_places);
    for (size_t i = 0; i < zip->count; i++) {
        uint64_t least =
            FLETCH_ZIP_LOCAL_SIZE + strlen(members[i].name) + members[i].packed;

        members[i].end = i + 1 < zip->count ? members[i + 1].begin : directory;
        if (least > members[i].end - members[i].begin)
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": member '%.*s' of %" PRIu64
                               " bytes overlaps '%.*s' at byte %" PRIu64,
                               members[i].begin, FLETCH_SHOWN, members[i].name,
                               members[i].packed, FLETCH_SHOWN, members[i + 1].name,
                               members[i].end);
    }
    qsort(members, zip->count, sizeof(*members), compare_names);
    for (size_t i = 1; i < zip->count; i++)
        if (!compare_names(&members[i - 1], &members[i]))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": member '%.*s' is there twice", directory,
                               FLETCH_SHOWN, members[i].name);
    return FLETCH_OK;
}

static enum fletch_status read_directory(struct fletch_zip *zip,
                                         const struct ending *ending, const uint8_t *text,
                                         struct fletch_error *err)
{
    size_t pos = 0;

    while (zip->count < ending->count)
        TRY(read_entry(zip, ending, text, &pos, err));
    if (pos != ending->size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found %" PRIu64
                           " bytes after the last of %" PRIu64 " directory entries",
                           ending->begin + pos, ending->size - pos, ending->count);
    return check_apart(zip, ending->begin, err);
}

enum fletch_status fletch_zip_open(struct fletch_zip *out, const struct fletch_file *file,
                                   struct fletch_error *err)
{
    struct ending ending = { 0 };
    enum fletch_status status;
    uint8_t *text;

    *out = (struct fletch_zip){ .file = file };
    TRY(read_end(&ending, file, err));
    if (ending.count > ending.size / ENTRY_SIZE)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": %" PRIu64
                           " members in a directory of %" PRIu64 " bytes",
                           ending.behind, ending.count, ending.size);
    text = fletch_alloc((size_t)ending.size);
    out->members = fletch_arena_alloc_array(
        &out->arena, ending.count ? (size_t)ending.count : 1, sizeof(*out->members));
    status = text && out->members
                 ? fletch_file_read(file, ending.begin, text, (size_t)ending.size, err)
                 : fletch_fail_memory(err, (size_t)ending.size, "a zip directory");
    if (!status)
        status = read_directory(out, &ending, text, err);
    fletch_free(text);
    return status;
}

void fletch_zip_close(struct fletch_zip *zip)
{
    fletch_arena_release(&zip->arena);
    *zip = (struct fletch_zip){ 0 };
}

const struct fletch_zip_member *fletch_zip_find(const struct fletch_zip *zip,
                                                const char *name)
{
    struct fletch_zip_member wanted = { .name = name };

    if (!zip->count)
        return NULL;
    return bsearch(&wanted, zip->members, zip->count, sizeof(wanted), compare_names);
}
