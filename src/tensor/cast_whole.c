/* SPDX-License-Identifier: MIT */
/* cast_whole.c - widens integers, and copies what is stored unchanged */
#include "tensor/cast_plain.h"

#define BLOCK 512 /* elements between two sums, so that 16-bit counts cannot overflow */

/* ---- Integers ---- */

static void i16_to_i32(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    (void)report;
    for (size_t i = 0; i < count; i++)
        store_u32(to + 4 * i, (uint32_t)(int32_t)(int16_t)load_u16(from + 2 * i));
}

static void u16_to_i32(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    (void)report;
    for (size_t i = 0; i < count; i++)
        store_u32(to + 4 * i, load_u16(from + 2 * i));
}

static void u32_to_i64(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    (void)report;
    for (size_t i = 0; i < count; i++)
        store_u64(to + 8 * i, load_u32(from + 4 * i));
}

static void u64_to_i64(void *out, const void *in, size_t count,
                       struct fletch_cast_report *report)
{
    const uint8_t *from = in;
    uint8_t *to = out;

    for (size_t i = 0; i < count; i++) {
        uint64_t value = load_u64(from + 8 * i);

        report->overflowed += value > INT64_MAX;
        store_u64(to + 8 * i, value > INT64_MAX ? INT64_MAX : value);
    }
}

/* ---- Copies ---- */

static void copy_8(void *out, const void *in, size_t count,
                   struct fletch_cast_report *report)
{
    (void)report;
    if (count)
        memcpy(out, in, count);
}

static void copy_32(void *out, const void *in, size_t count,
                    struct fletch_cast_report *report)
{
    copy_8(out, in, count * 4, report);
}

static void copy_64(void *out, const void *in, size_t count,
                    struct fletch_cast_report *report)
{
    copy_8(out, in, count * 8, report);
}

static void copy_f16(void *out, const void *in, size_t count,
                     struct fletch_cast_report *report)
{
    const uint8_t *from = in;

    copy_8(out, in, count * 2, report);
    while (count) {
        size_t some = count < BLOCK ? count : BLOCK;
        uint16_t nan = 0;

        for (size_t i = 0; i < some; i++)
            nan = (uint16_t)(nan + ((load_u16(from + 2 * i) & 0x7fff) > HALF_INF));
        report->nan += nan;
        from += some * 2;
        count -= some;
    }
}

static void copy_f32(void *out, const void *in, size_t count,
                     struct fletch_cast_report *report)
{
    const uint8_t *from = in;

    copy_32(out, in, count, report);
    while (count) {
        size_t some = count < BLOCK ? count : BLOCK;
        uint32_t nan = 0;

        for (size_t i = 0; i < some; i++)
            nan += (load_u32(from + 4 * i) & SINGLE_ABS) > SINGLE_INF;
        report->nan += nan;
        from += some * 4;
        count -= some;
    }
}

static const struct {
    enum fletch_dtype from, to;
    fletch_cast_fn cast;
} CASTS[] = {
    { FLETCH_I16, FLETCH_I32, i16_to_i32 }, { FLETCH_U16, FLETCH_I32, u16_to_i32 },
    { FLETCH_U32, FLETCH_I64, u32_to_i64 }, { FLETCH_U64, FLETCH_I64, u64_to_i64 },
    { FLETCH_F16, FLETCH_F16, copy_f16 },   { FLETCH_F32, FLETCH_F32, copy_f32 },
    { FLETCH_BOOL, FLETCH_BOOL, copy_8 },   { FLETCH_U8, FLETCH_U8, copy_8 },
    { FLETCH_I8, FLETCH_I8, copy_8 },       { FLETCH_I32, FLETCH_I32, copy_32 },
    { FLETCH_I64, FLETCH_I64, copy_64 },
};

fletch_cast_fn fletch_cast_find_whole(enum fletch_dtype from, enum fletch_dtype to)
{
    for (size_t i = 0; i < sizeof(CASTS) / sizeof(CASTS[0]); i++)
        if (CASTS[i].from == from && CASTS[i].to == to)
            return CASTS[i].cast;
    return NULL;
}
