/* SPDX-License-Identifier: MIT */
/* test_dtype.c - the names and widths of element types, and what becomes of each */
#include "support.h"

#include "tensor/dtype.h"

/* The whole table once more, as the formats' documents and the output's contract have it.
 */
static const struct {
    enum fletch_dtype dtype;
    const char *safetensors, *torch;
    unsigned bits;
    bool floating;
    enum fletch_dtype stored, stored16;
} EXPECTED[] = {
    { FLETCH_BOOL, "BOOL", "torch.bool", 8, false, FLETCH_BOOL, FLETCH_BOOL },
    { FLETCH_U8, "U8", "torch.uint8", 8, false, FLETCH_U8, FLETCH_U8 },
    { FLETCH_I8, "I8", "torch.int8", 8, false, FLETCH_I8, FLETCH_I8 },
    { FLETCH_I16, "I16", "torch.int16", 16, false, FLETCH_I32, FLETCH_I32 },
    { FLETCH_U16, "U16", "torch.uint16", 16, false, FLETCH_I32, FLETCH_I32 },
    { FLETCH_I32, "I32", "torch.int32", 32, false, FLETCH_I32, FLETCH_I32 },
    { FLETCH_U32, "U32", "torch.uint32", 32, false, FLETCH_I64, FLETCH_I64 },
    { FLETCH_I64, "I64", "torch.int64", 64, false, FLETCH_I64, FLETCH_I64 },
    { FLETCH_U64, "U64", "torch.uint64", 64, false, FLETCH_I64, FLETCH_I64 },
    { FLETCH_F16, "F16", "torch.float16", 16, true, FLETCH_F16, FLETCH_F16 },
    { FLETCH_BF16, "BF16", "torch.bfloat16", 16, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F32, "F32", "torch.float32", 32, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F64, "F64", "torch.float64", 64, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F8_E4M3, "F8_E4M3", "torch.float8_e4m3fn", 8, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F8_E5M2, "F8_E5M2", "torch.float8_e5m2", 8, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F8_E8M0, "F8_E8M0", "torch.float8_e8m0fnu", 8, true, FLETCH_F32, FLETCH_F16 },
    { FLETCH_F8_E4M3FNUZ, "F8_E4M3FNUZ", "torch.float8_e4m3fnuz", 8, true, FLETCH_F32,
      FLETCH_F16 },
    { FLETCH_F8_E5M2FNUZ, "F8_E5M2FNUZ", "torch.float8_e5m2fnuz", 8, true, FLETCH_F32,
      FLETCH_F16 },
    { FLETCH_C64, "C64", "torch.complex64", 64, true, FLETCH_DTYPE_NONE,
      FLETCH_DTYPE_NONE },
    { FLETCH_F4, "F4", NULL, 4, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
    { FLETCH_F6_E2M3, "F6_E2M3", NULL, 6, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
    { FLETCH_F6_E3M2, "F6_E3M2", NULL, 6, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
};

#define EXPECTED_COUNT (sizeof(EXPECTED) / sizeof(EXPECTED[0]))

static enum fletch_dtype from_safetensors(const char *name)
{
    return fletch_dtype_from_safetensors(name, strlen(name));
}

static enum fletch_dtype from_torch(const char *name)
{
    return fletch_dtype_from_torch(name, strlen(name));
}

static void the_table_is_the_contract(void **state)
{
    (void)state;
    assert_int_equal(EXPECTED_COUNT, FLETCH_DTYPE_COUNT - 1);
    for (size_t i = 0; i < EXPECTED_COUNT; i++) {
        const struct fletch_dtype_info *info = fletch_dtype_info(EXPECTED[i].dtype);

        assert_string_equal(info->safetensors, EXPECTED[i].safetensors);
        assert_int_equal(info->bits, EXPECTED[i].bits);
        assert_int_equal(info->floating, EXPECTED[i].floating);
        assert_int_equal(info->stored, EXPECTED[i].stored);
        assert_int_equal(info->stored16, EXPECTED[i].stored16);
        assert_int_equal(fletch_dtype_size(EXPECTED[i].dtype), EXPECTED[i].bits / 8);
        assert_int_equal(from_safetensors(EXPECTED[i].safetensors), EXPECTED[i].dtype);
        if (!EXPECTED[i].torch) {
            assert_null(info->torch);
            assert_string_equal(fletch_dtype_text(EXPECTED[i].dtype),
                                EXPECTED[i].safetensors);
            continue;
        }
        assert_string_equal(info->torch, EXPECTED[i].torch);
        assert_string_equal(fletch_dtype_text(EXPECTED[i].dtype), EXPECTED[i].torch);
        assert_int_equal(from_torch(EXPECTED[i].torch), EXPECTED[i].dtype);
        assert_int_equal(from_torch(EXPECTED[i].torch + strlen("torch.")),
                         EXPECTED[i].dtype);
    }
}

static void what_is_stored_is_one_of_seven(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPECTED_COUNT; i++) {
        const enum fletch_dtype stored[] = { EXPECTED[i].stored, EXPECTED[i].stored16 };

        for (int j = 0; j < 2; j++) {
            switch (stored[j]) {
            case FLETCH_F32:
            case FLETCH_F16:
            case FLETCH_I64:
            case FLETCH_I32:
            case FLETCH_I8:
            case FLETCH_U8:
            case FLETCH_BOOL:
                break;
            default: /* refused by name: complex, and what is narrower than a byte */
                assert_int_equal(stored[j], FLETCH_DTYPE_NONE);
                assert_true(EXPECTED[i].dtype == FLETCH_C64 || EXPECTED[i].bits < 8);
            }
            /* What is stored stays as it is when it is converted again without float16. */
            assert_int_equal(fletch_dtype_info(stored[j])->stored, stored[j]);
        }
    }
}

static void other_names_are_none(void **state)
{
    static const char *const names[] = { "",     "f32",   "F3",           "F322",
                                         "none", "BF16 ", "torch.float32" };
    static const char *const torch[] = { "",        "torch.",         "torch.float",
                                         "Float32", "torch.float322", "torch.torch.bool",
                                         "none",    "torch.none",     "F32" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(from_safetensors(names[i]), FLETCH_DTYPE_NONE);
    for (size_t i = 0; i < sizeof(torch) / sizeof(torch[0]); i++)
        assert_int_equal(from_torch(torch[i]), FLETCH_DTYPE_NONE);
}

/* Names come out of files: what stands behind the length is not theirs. */
static void lengths_are_heeded(void **state)
{
    (void)state;
    assert_int_equal(fletch_dtype_from_safetensors("F32\",\"shape", 3), FLETCH_F32);
    assert_int_equal(fletch_dtype_from_safetensors("F32", 2), FLETCH_DTYPE_NONE);
    assert_int_equal(fletch_dtype_from_safetensors("F32\0x", 5), FLETCH_DTYPE_NONE);
    assert_int_equal(fletch_dtype_from_torch("torch.int8x", 10), FLETCH_I8);
    assert_int_equal(fletch_dtype_from_torch("int8\0", 5), FLETCH_DTYPE_NONE);
    assert_int_equal(fletch_dtype_from_torch("torch.int8", 3), FLETCH_DTYPE_NONE);
}

static void none_is_a_name_too(void **state)
{
    (void)state;
    assert_string_equal(fletch_dtype_text(FLETCH_DTYPE_NONE), "none");
    assert_int_equal(fletch_dtype_size(FLETCH_DTYPE_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_contract),
        cmocka_unit_test(what_is_stored_is_one_of_seven),
        cmocka_unit_test(other_names_are_none),
        cmocka_unit_test(lengths_are_heeded),
        cmocka_unit_test(none_is_a_name_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
