/* SPDX-License-Identifier: MIT */
/* npy_files.h - writing NumPy's files, good and odd ones */
#ifndef NPY_FILES_H
#define NPY_FILES_H

#include "checkpoints.h"
#include "torch_files.h"

#include "checkpoint/npy.h"

/* 0, 1, ... as float32: what every array here is filled with. */
static const float COUNTING[24] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                    12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 };

static inline void put_npy(struct fletch_buf *buf, unsigned version, const char *text,
                           const void *values, size_t size)
{
    fletch_buf_put(buf, FLETCH_NPY_MAGIC, FLETCH_NPY_MAGIC_SIZE);
    fletch_buf_put_u8(buf, (uint8_t)version);
    fletch_buf_put_u8(buf, 0);
    if (version == 1)
        put_u16(buf, (unsigned)strlen(text));
    else
        fletch_buf_put_u32(buf, (uint32_t)strlen(text));
    fletch_buf_put_text(buf, text);
    fletch_buf_put(buf, values, size);
    assert_false(buf->failed);
}

static inline const char *put_npy_file(const char *name, unsigned version, const char *text,
                                       const void *values, size_t size)
{
    struct fletch_buf buf = { 0 };
    const char *path = at(name);

    put_npy(&buf, version, text, values, size);
    put_bytes(path, buf.bytes, buf.size);
    fletch_buf_release(&buf);
    return path;
}

#define HEADER(descr, order, shape)                                                        \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }   \n"

struct array {
    const char *name;
    const char *text; /* the header */
    size_t size;      /* of the values */
    bool deflate;
};

/* An archive of arrays, all filled with the same values. */
static inline void put_npz(struct fletch_buf *file, const struct array *arrays,
                           size_t count, const struct zip_style *style)
{
    struct zip_member members[8] = { 0 };
    struct fletch_buf bytes[8] = { 0 };

    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        if (strstr(arrays[i].name, ".npy"))
            put_npy(&bytes[i], 1, arrays[i].text, COUNTING, arrays[i].size);
        else
            fletch_buf_put_text(&bytes[i], arrays[i].text);
        members[i] = (struct zip_member){ .name = arrays[i].name,
                                          .bytes = bytes[i].bytes,
                                          .size = bytes[i].size,
                                          .deflate = arrays[i].deflate,
                                          .descriptor = style && style->zip64,
                                          .crc = 2 };
    }
    put_zip(file, members, count, style);
    for (size_t i = 0; i < count; i++)
        fletch_buf_release(&bytes[i]);
}

static inline const char *put_npz_file(const char *name, const struct array *arrays,
                                       size_t count, const struct zip_style *style)
{
    struct fletch_buf file = { 0 };
    const char *path = at(name);

    put_npz(&file, arrays, count, style);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&file);
    return path;
}

#endif
