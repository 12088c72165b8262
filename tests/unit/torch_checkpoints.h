/* SPDX-License-Identifier: MIT */
/* torch_checkpoints.h - what the tests of torch checkpoints share: files to open, sentences
 */
#ifndef FLETCH_TESTS_TORCH_CHECKPOINTS_H
#define FLETCH_TESTS_TORCH_CHECKPOINTS_H

#include "torch_files.h"

#include "checkpoint/checkpoint.h"

static inline struct fletch_checkpoint *open_good(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;

    assert_ok(fletch_checkpoint_open(&checkpoint, path, NULL, &err), err);
    return checkpoint;
}

static inline void assert_refused(const char *path, enum fletch_status status,
                                  const char *part)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    assert_fails(fletch_checkpoint_open(&checkpoint, path, NULL, &err), status, err, part);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
}

/* 0, 1, ... 23 as float32. */
static inline void put_one(const char *path, const struct pickled *tensor,
                           const char *order)
{
    struct fletch_buf pickle = { 0 };
    uint8_t storage[96];

    for (uint32_t i = 0; i < 24; i++) {
        float value = (float)i;
        uint32_t bits;

        memcpy(&bits, &value, 4);
        for (unsigned j = 0; j < 4; j++)
            storage[4 * i + j] =
                (uint8_t)(bits >> 8 * (order && !strcmp(order, "big") ? 3 - j : j));
    }
    pickle_tensors(&pickle, tensor, 1);
    put_torch_zip(path, &pickle, storage, sizeof(storage), order);
    fletch_buf_release(&pickle);
}

static const struct pickled SMALL = { "t", "FloatStorage", "0",   4,    0,
                                      1,   { 4 },          { 1 }, NULL, false };

/* A zip whose pickle is: head, the tensor's value, tail. */
static inline void put_around(const char *path, const char *head, size_t head_size,
                              const char *tail, size_t tail_size)
{
    struct fletch_buf pickle = { 0 };

    fletch_buf_put(&pickle, head, head_size);
    pickle_tensor(&pickle, &SMALL);
    fletch_buf_put(&pickle, tail, tail_size);
    put_torch_zip(path, &pickle, "0123456789abcdef", 16, NULL);
    fletch_buf_release(&pickle);
}

#endif
