/* SPDX-License-Identifier: MIT */
/* mask.c - see mask.h */
#include "tensor/mask.h"

#include "base/bytes.h"
#include "tensor/cast.h"

#include <math.h>

/* The bits that matter, for types that a weight or a mask may have. */
static const struct form {
    enum fletch_dtype dtype;
    uint64_t sign, infinity, quiet; /* for floating types */
    uint64_t one;
} forms[] = {
    { FLETCH_F32, 0x80000000, 0x7f800000, 0x00400000, 0x3f800000 },
    { FLETCH_F16, 0x8000, 0x7c00, 0x0200, 0x3c00 },
    { FLETCH_BF16, 0x8000, 0x7f80, 0x0040, 0x3f80 },
    { FLETCH_F64, 0x8000000000000000, 0x7ff0000000000000, 0x0008000000000000,
      0x3ff0000000000000 },
    { FLETCH_BOOL, 0, 0, 0, 1 },
    { FLETCH_U8, 0, 0, 0, 1 },
};

/* NULL for types that neither may have. */
static const struct form *form_of(enum fletch_dtype dtype)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (forms[i].dtype == dtype)
            return &forms[i];
    return NULL;
}

bool fletch_mask_fits(enum fletch_dtype weight, enum fletch_dtype mask)
{
    return form_of(mask) && form_of(weight) && form_of(weight)->sign;
}

static uint64_t load(const uint8_t *from, size_t width)
{
    switch (width) {
    case 1:
        return *from;
    case 2:
        return fletch_load_u16(from);
    case 4:
        return fletch_load_u32(from);
    default:
        return fletch_load_u64(from);
    }
}

static void store(uint8_t *to, uint64_t bits, size_t width)
{
    switch (width) {
    case 2:
        fletch_store_u16(to, (uint16_t)bits);
        break;
    case 4:
        fletch_store_u32(to, (uint32_t)bits);
        break;
    default:
        fletch_store_u64(to, bits);
        break;
    }
}

/* ---- By bits ---- */

static uint64_t times_zero(uint64_t bits, uint64_t sign, const struct form *form)
{
    uint64_t magnitude = bits & ~form->sign;

    if (magnitude == form->infinity)
        return form->sign | form->infinity | form->quiet;
    return magnitude > form->infinity ? bits | form->quiet : (bits & form->sign) ^ sign;
}

static uint64_t times_one(uint64_t bits, const struct form *form)
{
    return (bits & ~form->sign) > form->infinity ? bits | form->quiet : bits;
}

size_t fletch_mask_apply(void *elements, enum fletch_dtype dtype, const void *mask,
                         enum fletch_dtype mask_dtype, size_t count)
{
    const struct form *form = form_of(dtype), *other = form_of(mask_dtype);
    size_t width = fletch_dtype_size(dtype), mask_width = fletch_dtype_size(mask_dtype);
    const uint8_t *factor = mask;
    uint8_t *at = elements;

    for (size_t i = 0; i < count; i++, at += width, factor += mask_width) {
        uint64_t bits = load(at, width), by = load(factor, mask_width);

        if (by == other->one)
            store(at, times_one(bits, form), width);
        else if (!(by & ~other->sign))
            store(at, times_zero(bits, by ? form->sign : 0, form), width);
        else
            return i;
    }
    return count;
}

/* ---- By multiplication ---- */

static double value_of(const uint8_t *bytes, enum fletch_dtype dtype)
{
    struct fletch_cast_report report = { 0 };
    uint64_t bits;
    double wide;
    float value;

    if (dtype == FLETCH_BOOL || dtype == FLETCH_U8)
        return *bytes;
    if (dtype == FLETCH_F64) {
        bits = fletch_load_u64(bytes);
        memcpy(&wide, &bits, sizeof(wide));
        return wide;
    }
    fletch_cast_find_plain(dtype, FLETCH_F32)(&value, bytes, 1, &report);
    return (double)value;
}

size_t fletch_mask_apply_plain(void *elements, enum fletch_dtype dtype, const void *mask,
                               enum fletch_dtype mask_dtype, size_t count)
{
    const struct form *form = form_of(dtype);
    size_t width = fletch_dtype_size(dtype), mask_width = fletch_dtype_size(mask_dtype);

    for (size_t i = 0; i < count; i++) {
        uint8_t *at = (uint8_t *)elements + i * width;
        double value = value_of(at, dtype);
        double by = value_of((const uint8_t *)mask + i * mask_width, mask_dtype);
        double product = value * by;

        if (by != 0 && by != 1)
            return i;
        if (isnan(value))
            store(at, load(at, width) | form->quiet, width);
        else if (isnan(product))
            store(at, form->sign | form->infinity | form->quiet, width);
        else if (product == 0)
            store(at, signbit(product) ? form->sign : 0, width);
    }
    return count;
}
