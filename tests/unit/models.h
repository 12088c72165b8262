/* SPDX-License-Identifier: MIT */
/* models.h - small checkpoints for tests, made on the spot */
#ifndef FLETCH_TESTS_MODELS_H
#define FLETCH_TESTS_MODELS_H

#include "support.h"

#include "base/buf.h"
#include "base/bytes.h"

/* One tensor of a checkpoint to make. */
struct test_tensor {
    const char *name;
    const char *dtype; /* as safetensors says it */
    const char *shape; /* JSON: "[2,3]" */
    const void *bytes; /* [size] */
    size_t size;
};

/* Writes a safetensors file with these tensors in this order. */
static inline void put_safetensors(const char *path, const struct test_tensor *tensors,
                                   size_t count)
{
    struct fletch_buf header = { 0 }, file = { 0 };
    size_t offset = 0;

    fletch_buf_put_text(&header, "{");
    for (size_t i = 0; i < count; i++) {
        fletch_buf_format(
            &header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
            i ? "," : "", tensors[i].name, tensors[i].dtype, tensors[i].shape, offset,
            offset + tensors[i].size);
        offset += tensors[i].size;
    }
    fletch_buf_put_text(&header, "}");
    fletch_buf_put_u32(&file, (uint32_t)header.size);
    fletch_buf_put_u32(&file, 0);
    fletch_buf_put(&file, header.bytes, header.size);
    for (size_t i = 0; i < count; i++)
        fletch_buf_put(&file, tensors[i].bytes, tensors[i].size);
    assert_false(file.failed || header.failed);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&header);
    fletch_buf_release(&file);
}

/* A folder `name` below the scratch folder with config.json and model.safetensors, of no
 * known family: to be converted as "transformers". */
static inline const char *make_model(const char *name, const struct test_tensor *tensors,
                                     size_t count)
{
    static char paths[4][4096];
    static unsigned turn;
    char *folder = paths[turn++ % 4];
    char path[4200];

    snprintf(folder, sizeof(paths[0]), "%s/%s", scratch, name);
    assert_int_equal(mkdir(folder, 0777), 0);
    snprintf(path, sizeof(path), "%s/config.json", folder);
    put_text(path, "{\"model_type\": \"made-up\", \"architectures\": [\"MadeUp\"]}");
    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    put_safetensors(path, tensors, count);
    return folder;
}

/* Numbers that look like trained weights to a compressor: the sum of four uniform ones,
 * small. */
static inline void fill_weights(float *out, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;

        for (int j = 0; j < 4; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(seed >> 40) / (1 << 24) - 0.5;
        }
        out[i] = (float)(sum * 0.03);
    }
}

#endif
