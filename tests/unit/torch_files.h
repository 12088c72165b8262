/* SPDX-License-Identifier: MIT */
/* torch_files.h - torch checkpoints and zip archives for tests, byte by byte */
#ifndef FLETCH_TESTS_TORCH_FILES_H
#define FLETCH_TESTS_TORCH_FILES_H

#include "support.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"

#include <libdeflate.h>

/* Text with NULs in it, and its length. */
#define TEXT(text) (text), sizeof(text) - 1

/* ---- Zip ---- */

struct zip_member {
    const char *name;
    const void *bytes; /* [size] */
    size_t size;
    bool deflate;
    uint32_t crc;     /* 0: none, as some writers do; else right, unless it is 1 */
    const char *said; /* the name in the local header; NULL: the same */
    int64_t move;     /* added to the place that the directory says */
    unsigned pad;     /* bytes of extra field in the local header */
    bool descriptor;  /* sizes stand behind the bytes, and in the directory */
};

struct zip_style {
    bool zip64;       /* end records of both kinds */
    bool twice_first; /* the directory has the first member twice */
    uint16_t flags, method;
};

static inline void put_u16(struct fletch_buf *buf, unsigned value)
{
    fletch_buf_put_u8(buf, (uint8_t)value);
    fletch_buf_put_u8(buf, (uint8_t)(value >> 8));
}

static inline void put_u64(struct fletch_buf *buf, uint64_t value)
{
    fletch_buf_put_u32(buf, (uint32_t)value);
    fletch_buf_put_u32(buf, (uint32_t)(value >> 32));
}

struct zip_written {
    size_t begin, packed;
    uint32_t crc;
};

static inline void put_local(struct fletch_buf *file, const struct zip_member *member,
                             struct zip_written *out)
{
    const char *name = member->said ? member->said : member->name;
    uint8_t *packed = malloc(member->size + 1024);
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(6);

    assert_non_null(packed);
    out->begin = file->size;
    out->crc = member->crc > 1 ? fletch_crc32(0, member->bytes, member->size) : member->crc;
    out->packed = member->deflate
                      ? libdeflate_deflate_compress(deflater, member->bytes, member->size,
                                                    packed, member->size + 1024)
                      : member->size;
    fletch_buf_put_u32(file, 0x04034b50);
    put_u16(file, 0);
    put_u16(file, member->descriptor ? 0x0808 : 0x0800);
    put_u16(file, member->deflate ? 8 : 0);
    fletch_buf_put_u32(file, 0);
    fletch_buf_put_u32(file, member->descriptor ? 0 : out->crc);
    fletch_buf_put_u32(file, member->descriptor ? 0 : (uint32_t)out->packed);
    fletch_buf_put_u32(file, member->descriptor ? 0 : (uint32_t)member->size);
    put_u16(file, (unsigned)strlen(name));
    put_u16(file, member->pad);
    fletch_buf_put_text(file, name);
    for (unsigned i = 0; i < member->pad; i++)
        fletch_buf_put_u8(file, 'Z');
    fletch_buf_put(file, member->deflate ? packed : member->bytes, out->packed);
    if (member->descriptor) {
        fletch_buf_put_u32(file, 0x08074b50);
        fletch_buf_put_u32(file, out->crc);
        fletch_buf_put_u32(file, (uint32_t)out->packed);
        fletch_buf_put_u32(file, (uint32_t)member->size);
    }
    libdeflate_free_compressor(deflater);
    free(packed);
}

static inline void put_entry(struct fletch_buf *file, const struct zip_member *member,
                             const struct zip_written *written,
                             const struct zip_style *style)
{
    bool wide = style->zip64;

    fletch_buf_put_u32(file, 0x02014b50);
    fletch_buf_put_u32(file, 0);
    put_u16(file, style->flags);
    put_u16(file, style->method ? style->method : member->deflate ? 8 : 0);
    fletch_buf_put_u32(file, 0);
    fletch_buf_put_u32(file, written->crc);
    fletch_buf_put_u32(file, wide ? UINT32_MAX : (uint32_t)written->packed);
    fletch_buf_put_u32(file, wide ? UINT32_MAX : (uint32_t)member->size);
    put_u16(file, (unsigned)strlen(member->name));
    put_u16(file, wide ? 28 : 0);
    for (int i = 0; i < 10; i++)
        fletch_buf_put_u8(file, 0);
    fletch_buf_put_u32(file, wide ? UINT32_MAX
                                  : (uint32_t)((int64_t)written->begin + member->move));
    fletch_buf_put_text(file, member->name);
    if (!wide)
        return;
    put_u16(file, 1);
    put_u16(file, 24);
    put_u64(file, member->size);
    put_u64(file, written->packed);
    put_u64(file, (uint64_t)((int64_t)written->begin + member->move));
}

static inline void put_end(struct fletch_buf *file, size_t count, size_t begin, bool wide)
{
    size_t at = file->size, size = at - begin;

    if (wide) {
        fletch_buf_put_u32(file, 0x06064b50);
        put_u64(file, 44);
        fletch_buf_put_u32(file, 0);
        put_u64(file, 0);
        put_u64(file, count);
        put_u64(file, count);
        put_u64(file, size);
        put_u64(file, begin);
        fletch_buf_put_u32(file, 0x07064b50);
        fletch_buf_put_u32(file, 0);
        put_u64(file, at);
        fletch_buf_put_u32(file, 1);
    }
    fletch_buf_put_u32(file, 0x06054b50);
    fletch_buf_put_u32(file, 0);
    put_u16(file, wide ? 0xffff : (unsigned)count);
    put_u16(file, wide ? 0xffff : (unsigned)count);
    fletch_buf_put_u32(file, wide ? UINT32_MAX : (uint32_t)size);
    fletch_buf_put_u32(file, wide ? UINT32_MAX : (uint32_t)begin);
    put_u16(file, 0);
}

/* Appends a whole archive to an empty buffer. */
static inline void put_zip(struct fletch_buf *file, const struct zip_member *members,
                           size_t count, const struct zip_style *style)
{
    static const struct zip_style plain;
    struct zip_written *written = calloc(count + 1, sizeof(*written));
    size_t begin;

    assert_non_null(written);
    style = style ? style : &plain;
    for (size_t i = 0; i < count; i++)
        put_local(file, &members[i], &written[i]);
    begin = file->size;
    for (size_t i = 0; i < count; i++)
        put_entry(file, &members[i], &written[i], style);
    if (style->twice_first)
        put_entry(file, &members[0], &written[0], style);
    put_end(file, count + style->twice_first, begin, style->zip64);
    assert_false(file->failed);
    free(written);
}

/* ---- Pickles ---- */

static inline void pickle_text(struct fletch_buf *buf, const char *text)
{
    fletch_buf_put_u8(buf, 'X');
    fletch_buf_put_u32(buf, (uint32_t)strlen(text));
    fletch_buf_put_text(buf, text);
}

static inline void pickle_int(struct fletch_buf *buf, int64_t value)
{
    fletch_buf_put(buf, "\x8a\x08", 2);
    put_u64(buf, (uint64_t)value);
}

static inline void pickle_tuple(struct fletch_buf *buf, const int64_t *values, size_t count)
{
    fletch_buf_put_u8(buf, '(');
    for (size_t i = 0; i < count; i++)
        pickle_int(buf, values[i]);
    fletch_buf_put_u8(buf, 't');
}

/* A tensor as torch pickles it. */
struct pickled {
    const char *name;
    const char *storage; /* "FloatStorage" */
    const char *key;
    int64_t numel, offset;
    size_t rank;
    int64_t shape[4], strides[4];
    const char *dtype; /* for _rebuild_tensor_v3; NULL: v2 */
    bool view;         /* the id has six parts, as in the stream */
};

/* The value alone: no name. */
static inline void pickle_tensor(struct fletch_buf *buf, const struct pickled *tensor)
{
    fletch_buf_format(buf, "ctorch._utils\n_rebuild_tensor_%s\n((",
                      tensor->dtype ? "v3" : "v2");
    pickle_text(buf, "storage");
    fletch_buf_format(buf, "ctorch\n%s\n", tensor->storage);
    pickle_text(buf, tensor->key);
    pickle_text(buf, "cpu");
    pickle_int(buf, tensor->numel);
    if (tensor->view)
        fletch_buf_put_u8(buf, 'N');
    fletch_buf_put_text(buf, "tQ");
    pickle_int(buf, tensor->offset);
    pickle_tuple(buf, tensor->shape, tensor->rank);
    pickle_tuple(buf, tensor->strides, tensor->rank);
    fletch_buf_put_text(buf, "\x89"
                             "ccollections\nOrderedDict\n)R");
    if (tensor->dtype)
        fletch_buf_format(buf, "ctorch\n%s\n", tensor->dtype);
    fletch_buf_put_text(buf, "tR");
}

/* A whole pickle: a dict of tensors. */
static inline void pickle_tensors(struct fletch_buf *buf, const struct pickled *tensors,
                                  size_t count)
{
    fletch_buf_put_text(buf, "\x80\x02}(");
    for (size_t i = 0; i < count; i++) {
        pickle_text(buf, tensors[i].name);
        pickle_tensor(buf, &tensors[i]);
    }
    fletch_buf_put_text(buf, "u.");
}

/* ---- Files ---- */

/* Writes `path`, a torch zip of this pickle and one storage "0". */
static inline void put_torch_zip(const char *path, const struct fletch_buf *pickle,
                                 const void *storage, size_t size, const char *byteorder)
{
    const struct zip_member members[] = {
        { .name = "m/data.pkl", .bytes = pickle->bytes, .size = pickle->size },
        { .name = "m/data/0",
          .bytes = storage,
          .size = size,
          .pad = 7,
          .descriptor = true },
        { .name = "m/version", .bytes = "3\n", .size = 2 },
        { .name = "m/byteorder",
          .bytes = byteorder ? byteorder : "little",
          .size = byteorder ? strlen(byteorder) : 6 },
    };
    struct fletch_buf file = { 0 };

    put_zip(&file, members, 4, NULL);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&file);
}

#define STREAM_OPENING                                                                     \
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."                            \
    "\x80\x02M\xe9\x03."                                                                   \
    "\x80\x02}."

#endif
