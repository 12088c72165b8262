/* SPDX-License-Identifier: MIT */
/* fuzz_index - the text of an index, beside two shards that are always the same
 *
 * Whatever the index says, nothing but its own shards is opened, and what opens has exactly
 * the tensors of the shards.
 */
#include "checkpoint/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], index_path[96];

static void put(const char *name, const void *bytes, size_t size)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path); /* a new file: cutting an old one makes some file systems wait */
    if (fletch_file_create(&file, path, NULL) ||
        fletch_file_write(&file, 0, bytes, size, NULL))
        abort();
    fletch_file_close(&file);
}

static void put_shard(const char *name, const char *tensor)
{
    char text[128] = { 0 };
    int len = snprintf(text + 8, sizeof(text) - 8,
                       "{\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                       tensor);

    text[0] = (char)len;
    put(name, text, 8 + (size_t)len + 1);
}

static void remove_folder(void)
{
    static const char *const names[] = { "s1", "s2", "i.safetensors.index.json" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[96];

        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/fletch-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(index_path, sizeof(index_path), "%s/i.safetensors.index.json", folder);
    atexit(remove_folder);
    put_shard("s1", "a");
    put_shard("s2", "b");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    if (!folder[0])
        make_folder();
    put("i.safetensors.index.json", data, size);
    if (fletch_checkpoint_open(&checkpoint, index_path, NULL, &err)) {
        if (!err.status || strncmp(err.message, folder, strlen(folder)) != 0)
            abort();
        return 0;
    }
    for (size_t i = 0; i < checkpoint->files_count; i++)
        if (strcmp(checkpoint->files[i].name, "s1") != 0 &&
            strcmp(checkpoint->files[i].name, "s2") != 0)
            abort();
    if (fletch_checkpoint_count(checkpoint) != checkpoint->files_count)
        abort();
    fletch_checkpoint_close(checkpoint);
    return 0;
}
