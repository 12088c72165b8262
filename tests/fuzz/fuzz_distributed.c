/* SPDX-License-Identifier: MIT */
/* fuzz_distributed - a folder of two or three parts of torch.distributed.checkpoint
 *
 * The input is cut at bytes 0xff, which no UTF-8 has, into a header for each part; each
 * file has as many bytes of data as its header is long, but for DATA_MAX. What opens is
 * joined so that each byte is read once, and the same whole as in pieces. What is a weight
 * and its mask becomes one tensor, whose product two kernels agree on.
 */
#include "checkpoint/checkpoint.h"

#include "must.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTS_MAX 3
/* The data of a part: each header can ask for as much as it likes and gets this much. */
#define DATA_MAX 256
/* Read whole and in pieces, if no larger. */
#define READ_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void path_of(char out[128], int part)
{
    snprintf(out, 128, "%s/shard-%05d-model-00001-of-00001.safetensors", folder, part + 1);
}

static void remove_parts(void)
{
    char path[128];

    for (int i = 0; i < PARTS_MAX; i++) {
        path_of(path, i);
        unlink(path);
    }
}

static void remove_folder(void)
{
    remove_parts();
    rmdir(folder);
}

/* The digits behind the header's last "data_offsets" are not looked for: the first byte of
 * a part says how many bytes of data it has. */
static void put_part(int part, const uint8_t *text, size_t len)
{
    struct fletch_file file = FLETCH_FILE_CLOSED;
    size_t data = len ? text[0] : 0;
    uint8_t bytes[8], filler[DATA_MAX];
    char path[128];

    for (size_t i = 0; i < sizeof(filler); i++)
        filler[i] = (uint8_t)(part * 64 + (int)i);
    len -= len > 0;
    fletch_store_u64(bytes, len);
    path_of(path, part);
    MUST(!fletch_file_create(&file, path, NULL) &&
         !fletch_file_write(&file, 0, bytes, sizeof(bytes), NULL) &&
         !fletch_file_write(&file, 8, text + 1, len, NULL) &&
         !fletch_file_write(&file, 8 + len, filler, data, NULL));
    fletch_file_close(&file);
}

/* Whole, and in pieces of all lengths up to seven, a tensor has the same bytes. */
static void check_tensor(const struct fletch_checkpoint *checkpoint,
                         const struct fletch_tensor *tensor)
{
    uint8_t whole[READ_MAX], pieces[READ_MAX];
    struct fletch_error err = { 0 };
    size_t size = (size_t)tensor->size, piece;

    MUST(tensor->size <= 3 * DATA_MAX * (uint64_t)FLETCH_REPEATED_MAX);
    if (tensor->size > READ_MAX)
        return;
    MUST(!fletch_tensor_read(checkpoint, tensor, 0, whole, size, &err));
    for (size_t at = 0; at < size; at += piece) {
        piece = 1 + at % 7;
        piece = piece < size - at ? piece : size - at;
        MUST(!fletch_tensor_read(checkpoint, tensor, at, pieces + at, piece, &err));
    }
    MUST(!memcmp(whole, pieces, size));
}

static void check_product(const struct fletch_checkpoint *checkpoint,
                          const struct fletch_tensor *tensor)
{
    uint8_t moved[READ_MAX] = { 0 }, multiplied[READ_MAX] = { 0 };
    struct fletch_error err = { 0 };
    size_t count = (size_t)tensor->count;

    if (!tensor->mask || tensor->size > READ_MAX)
        return;
    MUST(tensor->mask->count == tensor->count);
    MUST(!fletch_tensor_read(checkpoint, tensor, 0, moved, (size_t)tensor->size, &err));
    memcpy(multiplied, moved, sizeof(moved));
    MUST(fletch_checkpoint_mask(checkpoint, tensor, 0, moved, count, fletch_mask_apply,
                                &err) ==
         fletch_checkpoint_mask(checkpoint, tensor, 0, multiplied, count,
                                fletch_mask_apply_plain, &err));
    MUST(!memcmp(moved, multiplied, sizeof(moved)));
}

static void check_folded(struct fletch_checkpoint *checkpoint)
{
    size_t before = checkpoint->tensors_count, masks = 0;
    struct fletch_error err = { 0 };

    MUST(!fletch_checkpoint_fold(checkpoint, &err));
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        check_product(checkpoint, &checkpoint->tensors[i]);
        masks += checkpoint->tensors[i].mask != NULL;
    }
    MUST(checkpoint->tensors_count + masks == before);
    fletch_checkpoint_unfold(checkpoint);
    MUST(checkpoint->tensors_count == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/fletch-fuzz-XXXXXX");
        MUST(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    remove_parts();
    for (int part = 0; part < PARTS_MAX && size; part++) {
        const uint8_t *cut = memchr(data, 0xff, size);
        size_t len = cut && part + 1 < PARTS_MAX ? (size_t)(cut - data) : size;

        put_part(part, data, len);
        data += len + (len < size);
        size -= len + (len < size);
    }
    if (fletch_checkpoint_open(&checkpoint, folder, NULL, &err)) {
        MUST(err.status && !strncmp(err.message, folder, strlen(folder)));
        return 0;
    }
    MUST(checkpoint->files_count >= 2);
    for (size_t i = 0; i < checkpoint->tensors_count; i++)
        check_tensor(checkpoint, &checkpoint->tensors[i]);
    check_folded(checkpoint);
    fletch_checkpoint_close(checkpoint);
    return 0;
}
