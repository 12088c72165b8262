/* SPDX-License-Identifier: MIT */
/* output.c - see output.h */
#include "output/output.h"

#include <string.h>

enum fletch_status fletch_output_open_file(struct fletch_file *out,
                                           struct fletch_arena *arena, const char *path,
                                           const char *file_name, struct fletch_error *err)
{
    bool folder = fletch_file_kind(path) == FLETCH_FILE_FOLDER;
    char *file = folder ? fletch_path_join(arena, path, file_name)
                        : fletch_arena_strdup(arena, path);
    enum fletch_status status;

    if (!file)
        return fletch_fail_memory(err, strlen(path), "a path");
    status = fletch_file_open(out, file, err);
    if (status != FLETCH_ERR_NOT_FOUND)
        return status;
    if (folder)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: no such file, expected in a converted folder", file);
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%s: no such file or folder, expected a converted folder or its %s",
                       path, file_name);
}
