/* SPDX-License-Identifier: MIT */
/* model_folders.h - models on disk for tests: opened, refused, put together */
#ifndef FLETCH_TESTS_MODEL_FOLDERS_H
#define FLETCH_TESTS_MODEL_FOLDERS_H

#include "support.h"

#include "model/model.h"

#define GOLDEN FLETCH_TEST_DATA "/golden/"
#define BERT "{\"model_type\": \"bert\", \"num_hidden_layers\": 0}"
#define WORDS "embeddings.word_embeddings.weight"

static inline struct fletch_model *opened(const char *path, const char *family)
{
    struct fletch_model *model = NULL;
    const struct fletch_options options = { .family = family };
    struct fletch_error err;

    assert_ok(fletch_model_open(&model, path, &options, &err), err);
    return model;
}

static inline void refused(const char *path, const char *family, enum fletch_status status,
                           const char *sentence)
{
    struct fletch_model *model = NULL;
    const struct fletch_options options = { .family = family };
    struct fletch_error err;

    assert_fails(fletch_model_open(&model, path, &options, &err), status, err, sentence);
    assert_null(model);
}

/* A safetensors file with one float32 of that name. */
static inline void put_weights(const char *path, const char *tensor)
{
    uint8_t bytes[512] = { 0 };
    int len = snprintf((char *)bytes + 8, sizeof(bytes) - 8,
                       "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                       tensor);

    bytes[0] = (uint8_t)len;
    put_bytes(path, bytes, 8 + (size_t)len + 4);
}

static inline void put_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0777), 0);
}

#endif
