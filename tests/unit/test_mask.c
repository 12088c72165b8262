/* SPDX-License-Identifier: MIT */
/* test_mask - weights times masks: both kernels, against what IEEE 754 says */
#include "support.h"

#include "base/bytes.h"
#include "tensor/mask.h"

#include <math.h>

static const fletch_mask_fn kernels[] = { fletch_mask_apply, fletch_mask_apply_plain };

/* Bits of 0, 1 and -0 in each type that a mask may have. */
static const struct {
    enum fletch_dtype dtype;
    uint64_t zero, one, minus;
} masks[] = {
    { FLETCH_F32, 0, 0x3f800000, 0x80000000 },
    { FLETCH_F16, 0, 0x3c00, 0x8000 },
    { FLETCH_BF16, 0, 0x3f80, 0x8000 },
    { FLETCH_F64, 0, 0x3ff0000000000000, 0x8000000000000000 },
    { FLETCH_BOOL, 0, 1, 0 },
    { FLETCH_U8, 0, 1, 0 },
};
#define MASKS_COUNT (sizeof(masks) / sizeof(masks[0]))

/* ---- Every element of two bytes ---- */

static uint64_t nan_or(uint64_t bits, uint64_t infinity, uint64_t quiet, uint64_t other)
{
    return (bits & 0x7fff) > infinity ? bits | quiet : other;
}

static void check_narrow(enum fletch_dtype dtype, uint64_t infinity, uint64_t quiet)
{
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint64_t lost =
            (bits & 0x7fff) == infinity ? 0x8000 | infinity | quiet : bits & 0x8000;
        uint64_t kept = nan_or(bits, infinity, quiet, bits);
        uint64_t turned = (bits & 0x7fff) == infinity ? lost : (bits & 0x8000) ^ 0x8000;
        uint64_t wanted[] = { nan_or(bits, infinity, quiet, lost), kept,
                              nan_or(bits, infinity, quiet, turned) };

        for (size_t kernel = 0; kernel < 2; kernel++) {
            uint8_t elements[6], mask[6];

            for (size_t i = 0; i < 3; i++)
                fletch_store_u16(elements + 2 * i, (uint16_t)bits);
            for (size_t i = 0; i < 3; i++)
                fletch_store_u16(mask + 2 * i, (uint16_t)(i == 1   ? 0x3c00
                                                          : i == 2 ? 0x8000
                                                                   : 0));
            assert_int_equal(kernels[kernel](elements, dtype, mask, FLETCH_F16, 3), 3);
            for (size_t i = 0; i < 3; i++)
                if (fletch_load_u16(elements + 2 * i) != wanted[i])
                    fail_msg("%04x times %zu is %04x, expected %04x (kernel %zu)", bits, i,
                             fletch_load_u16(elements + 2 * i), (unsigned)wanted[i],
                             kernel);
        }
    }
}

static void every_float16(void **state)
{
    (void)state;
    check_narrow(FLETCH_F16, 0x7c00, 0x0200);
}

static void every_bfloat16(void **state)
{
    (void)state;
    check_narrow(FLETCH_BF16, 0x7f80, 0x0040);
}

/* ---- Others ---- */

static void floats_are_what_the_processor_makes_of_them(void **state)
{
    static const float values[] = { 0.0F, -0.0F, 1.5F, -1.5F, 1e-45F, -3.4e38F, 7e20F };

    (void)state;
    for (size_t kernel = 0; kernel < 2; kernel++)
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            for (int one = 0; one < 2; one++) {
                float value = values[i], mask = (float)one, product = value * mask;
                double wide = (double)value, wide_product = wide * one;
                uint8_t flag = (uint8_t)one;

                assert_int_equal(kernels[kernel](&value, FLETCH_F32, &mask, FLETCH_F32, 1),
                                 1);
                assert_memory_equal(&value, &product, sizeof(value));
                assert_int_equal(kernels[kernel](&wide, FLETCH_F64, &flag, FLETCH_BOOL, 1),
                                 1);
                assert_memory_equal(&wide, &wide_product, sizeof(wide));
            }
}

static void numbers_that_are_none(void **state)
{
    static const struct {
        uint32_t bits, one, zero;
    } cases[] = {
        { 0x7f800000, 0x7f800000, 0xffc00000 }, { 0xff800000, 0xff800000, 0xffc00000 },
        { 0x7fc00001, 0x7fc00001, 0x7fc00001 }, { 0x7f800001, 0x7fc00001, 0x7fc00001 },
        { 0xff812345, 0xffc12345, 0xffc12345 },
    };

    (void)state;
    for (size_t kernel = 0; kernel < 2; kernel++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            uint8_t elements[8];
            static const uint8_t mask[] = { 1, 0 };

            fletch_store_u32(elements, cases[i].bits);
            fletch_store_u32(elements + 4, cases[i].bits);
            assert_int_equal(kernels[kernel](elements, FLETCH_F32, mask, FLETCH_U8, 2), 2);
            assert_int_equal(fletch_load_u32(elements), cases[i].one);
            assert_int_equal(fletch_load_u32(elements + 4), cases[i].zero);
        }
}

static void put(uint8_t *to, size_t width, uint64_t bits)
{
    for (size_t i = 0; i < width; i++)
        to[i] = (uint8_t)(bits >> 8 * i);
}

/* Of any type: 1, 0, -0, and then every value that differs from those in one bit. */
static void a_mask_is_zeros_and_ones(void **state)
{
    (void)state;
    for (size_t kernel = 0; kernel < 2; kernel++)
        for (size_t i = 0; i < MASKS_COUNT; i++) {
            size_t width = fletch_dtype_size(masks[i].dtype);
            uint8_t mask[4 * 8];

            put(mask, width, masks[i].one);
            put(mask + width, width, masks[i].zero);
            put(mask + 2 * width, width, masks[i].minus);
            for (unsigned bit = 0; bit < 8 * width; bit++) {
                float values[] = { 2.5F, 2.5F, 2.5F, 2.5F };
                uint64_t bits = masks[i].one ^ (uint64_t)1 << bit;

                if (!bits)
                    continue; /* 1 as an integer */
                put(mask + 3 * width, width, bits);
                assert_int_equal(
                    kernels[kernel](values, FLETCH_F32, mask, masks[i].dtype, 4), 3);
                assert_true(values[0] == 2.5F && values[1] == 0 && values[2] == 0);
                assert_true(values[3] == 2.5F);
                assert_int_equal(!signbit(values[2]), !masks[i].minus);
            }
        }
}

static void which_types_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < MASKS_COUNT; i++) {
        assert_true(fletch_mask_fits(FLETCH_F32, masks[i].dtype));
        assert_true(fletch_mask_fits(FLETCH_BF16, masks[i].dtype));
        assert_false(fletch_mask_fits(FLETCH_I8, masks[i].dtype));
        assert_false(fletch_mask_fits(FLETCH_U8, masks[i].dtype));
        assert_false(fletch_mask_fits(FLETCH_F8_E4M3, masks[i].dtype));
    }
    assert_false(fletch_mask_fits(FLETCH_F32, FLETCH_I64));
    assert_false(fletch_mask_fits(FLETCH_F32, FLETCH_F8_E5M2));
    assert_false(fletch_mask_fits(FLETCH_F32, FLETCH_F4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_float16),
        cmocka_unit_test(every_bfloat16),
        cmocka_unit_test(floats_are_what_the_processor_makes_of_them),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(a_mask_is_zeros_and_ones),
        cmocka_unit_test(which_types_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
