/* SPDX-License-Identifier: MIT */
/* vocab_folder.h - a folder for one process, tokenizers built from what is put there */
#ifndef FLETCH_TESTS_VOCAB_FOLDER_H
#define FLETCH_TESTS_VOCAB_FOLDER_H

#include "tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All names that a target may put there. */
static const char *const folder_names[] = { "vocab.txt",    "vocab.json",
                                            "merges.txt",   "added_tokens.json",
                                            "spiece.model", "sentencepiece.bpe.model" };
static char folder_path[64];

static inline const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder_path, name);
    return path;
}

static inline void remove_folder(void)
{
    for (size_t i = 0; i < sizeof(folder_names) / sizeof(folder_names[0]); i++)
        unlink(in_folder(folder_names[i]));
    rmdir(folder_path);
}

static inline void put_in_folder(const char *name, const void *bytes, size_t size)
{
    FILE *file;

    if (!folder_path[0]) {
        snprintf(folder_path, sizeof(folder_path), "%s/fletch-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        if (!mkdtemp(folder_path) || atexit(remove_folder))
            abort();
    }
    file = fopen(in_folder(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        abort();
}

/* Builds what the texts say: JSON comes out, or a sentence. */
static inline void build_in_folder(const char *config, const char *tokenizer_config)
{
    struct fletch_tokenizer_source source = { .folder = folder_path };
    struct fletch_tokenizer_files origin;
    struct fletch_buf out = { 0 };
    struct fletch_error err = { 0 };
    json_t *model = NULL, *tokenizer = NULL, *made = NULL;
    enum fletch_status status;

    fletch_json_parse(&model, config, strlen(config), false, NULL);
    fletch_json_parse(&tokenizer, tokenizer_config, strlen(tokenizer_config), false, NULL);
    source.config = model;
    source.tokenizer_config = tokenizer;
    status = fletch_tokenizer_build(&out, &origin, &source, &err);
    if (status && (err.status != status || !err.message[0] || strchr(err.message, '\n')))
        abort();
    /* jansson has no keys with NULs */
    if (!status && !memmem(out.bytes, out.size, "\\u0000", 6)) {
        made = json_loadb((const char *)out.bytes, out.size, 0, NULL);
        if (!json_is_object(json_object_get(made, "model")))
            abort();
    }
    json_decref(made);
    json_decref(model);
    json_decref(tokenizer);
    fletch_buf_release(&out);
}

#endif
