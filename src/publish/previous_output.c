/* SPDX-License-Identifier: MIT */
/* previous_output.c - see previous_output.h
 *
 * An output is recognised by its metadata.json, or by fletch's key in its weights.parquet.
 * Older converters wrote the same files without that key; their metadata.json also has
 * layer_info.
 */
#include "publish/previous_output.h"

#include "output/files.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"

#include <string.h>
#include <sys/stat.h>

/* The end of the footer, with the file's own keys: fletch's take 100 bytes. */
#define END_SIZE ((size_t)256)
/* The magic at both ends and the footer's length. */
#define PARQUET_SIZE_MIN ((size_t)12)

static const char MAGIC[] = { 'P', 'A', 'R', '1' };
static const char KEY[] = "fletch.version";

enum look {
    MISSING,
    FOREIGN,
    LIKELY, /* as converters write it, and other programs too */
    CERTAIN
};

typedef enum fletch_status look_fn(enum look *out, const char *path,
                                   struct fletch_error *err);

static enum fletch_status look_at_ends(enum look *out, const struct fletch_file *file,
                                       struct fletch_error *err)
{
    char begin[sizeof(MAGIC)], end[END_SIZE];
    size_t size = file->size < END_SIZE ? (size_t)file->size : END_SIZE;

    *out = FOREIGN;
    if (file->size < PARQUET_SIZE_MIN)
        return FLETCH_OK;
    TRY(fletch_file_read(file, 0, begin, sizeof(begin), err));
    TRY(fletch_file_read(file, file->size - size, end, size, err));
    if (!memcmp(begin, MAGIC, sizeof(MAGIC)) &&
        !memcmp(end + size - sizeof(MAGIC), MAGIC, sizeof(MAGIC)))
        *out = fletch_find(end, size, KEY, strlen(KEY)) ? CERTAIN : LIKELY;
    return FLETCH_OK;
}

static enum fletch_status look_at_weights(enum look *out, const char *path,
                                          struct fletch_error *err)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    enum fletch_status status = fletch_file_open(&file, path, err);

    if (!status)
        status = look_at_ends(out, &file, err);
    fletch_file_close(&file);
    return status;
}

static enum fletch_status look_at_metadata(enum look *out, const char *path,
                                           struct fletch_error *err)
{
    json_t *metadata = NULL;
    enum fletch_status status = fletch_json_load(&metadata, path, false, err);

    *out = json_is_object(json_object_get(metadata, "layer_info")) ? CERTAIN : FOREIGN;
    json_decref(metadata);
    return status;
}

static enum fletch_status look_at(enum look *out, const char *path, look_fn *look,
                                  struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;
    struct stat info;

    *out = MISSING;
    /* a link is replaced, and its target is not lost */
    if (lstat(path, &info) || S_ISLNK(info.st_mode))
        return FLETCH_OK;
    *out = LIKELY;
    if (look)
        status = look(out, path, err);
    if (status == FLETCH_ERR_MEMORY || status == FLETCH_ERR_IO)
        return status;
    if (status)
        *out = FOREIGN;
    return FLETCH_OK;
}

enum fletch_status fletch_previous_output_check(const char *folder,
                                                struct fletch_arena *arena,
                                                struct fletch_error *err)
{
    static const struct {
        const char *name;
        look_fn *look; /* NULL: not examined */
    } files[] = { { FLETCH_WEIGHTS_FILE, look_at_weights },
                  { FLETCH_METADATA_FILE, look_at_metadata },
                  { FLETCH_TOKENIZER_FOLDER "/" FLETCH_TOKENIZER_FILE, NULL } };
    const char *doubtful = NULL;
    bool certain = false, foreign = false;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !foreign; i++) {
        char *path = fletch_path_join(arena, folder, files[i].name);
        enum look look;

        if (!path)
            return fletch_fail_memory(err, strlen(folder), "a path");
        TRY(look_at(&look, path, files[i].look, err));
        foreign = look == FOREIGN;
        certain = certain || look == CERTAIN;
        if (foreign || (look == LIKELY && !doubtful))
            doubtful = files[i].name;
    }
    if (!doubtful || (certain && !foreign))
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "%.300s: holds '%s', whose content is not of an earlier conversion; "
                       "choose another folder, or --force to replace it",
                       folder, doubtful);
}
