/* SPDX-License-Identifier: MIT */
/* dtype.c - see dtype.h */
#include "tensor/dtype.h"

#include <string.h>

static const struct fletch_dtype_info INFO[FLETCH_DTYPE_COUNT] = {
    [FLETCH_DTYPE_NONE] = { "none", NULL, 0, false, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
    [FLETCH_F16] = { "F16", "torch.float16", 16, true, FLETCH_F16, FLETCH_F16 },
    [FLETCH_BF16] = { "BF16", "torch.bfloat16", 16, true, FLETCH_F32, FLETCH_F16 },
    [FLETCH_F32] = { "F32", "torch.float32", 32, true, FLETCH_F32, FLETCH_F16 },
    [FLETCH_F64] = { "F64", "torch.float64", 64, true, FLETCH_F32, FLETCH_F16 },
    [FLETCH_F8_E4M3] = { "F8_E4M3", "torch.float8_e4m3fn", 8, true, FLETCH_F32,
                         FLETCH_F16 },
    [FLETCH_F8_E5M2] = { "F8_E5M2", "torch.float8_e5m2", 8, true, FLETCH_F32, FLETCH_F16 },
    [FLETCH_F8_E8M0] = { "F8_E8M0", "torch.float8_e8m0fnu", 8, true, FLETCH_F32,
                         FLETCH_F16 },
    [FLETCH_F8_E4M3FNUZ] = { "F8_E4M3FNUZ", "torch.float8_e4m3fnuz", 8, true, FLETCH_F32,
                             FLETCH_F16 },
    [FLETCH_F8_E5M2FNUZ] = { "F8_E5M2FNUZ", "torch.float8_e5m2fnuz", 8, true, FLETCH_F32,
                             FLETCH_F16 },
    [FLETCH_BOOL] = { "BOOL", "torch.bool", 8, false, FLETCH_BOOL, FLETCH_BOOL },
    [FLETCH_U8] = { "U8", "torch.uint8", 8, false, FLETCH_U8, FLETCH_U8 },
    [FLETCH_I8] = { "I8", "torch.int8", 8, false, FLETCH_I8, FLETCH_I8 },
    [FLETCH_I16] = { "I16", "torch.int16", 16, false, FLETCH_I32, FLETCH_I32 },
    [FLETCH_U16] = { "U16", "torch.uint16", 16, false, FLETCH_I32, FLETCH_I32 },
    [FLETCH_I32] = { "I32", "torch.int32", 32, false, FLETCH_I32, FLETCH_I32 },
    [FLETCH_U32] = { "U32", "torch.uint32", 32, false, FLETCH_I64, FLETCH_I64 },
    [FLETCH_I64] = { "I64", "torch.int64", 64, false, FLETCH_I64, FLETCH_I64 },
    [FLETCH_U64] = { "U64", "torch.uint64", 64, false, FLETCH_I64, FLETCH_I64 },
    /* Two float32 per element: no row of the default layout can express that. */
    [FLETCH_C64] = { "C64", "torch.complex64", 64, true, FLETCH_DTYPE_NONE,
                     FLETCH_DTYPE_NONE },
    /* torch's float4 counts pairs, safetensors' F4 single values: not the same type. */
    [FLETCH_F4] = { "F4", NULL, 4, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
    [FLETCH_F6_E2M3] = { "F6_E2M3", NULL, 6, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
    [FLETCH_F6_E3M2] = { "F6_E3M2", NULL, 6, true, FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE },
};

static const char TORCH[] = "torch.";

const struct fletch_dtype_info *fletch_dtype_info(enum fletch_dtype dtype)
{
    return &INFO[dtype];
}

size_t fletch_dtype_size(enum fletch_dtype dtype)
{
    return INFO[dtype].bits / 8;
}

const char *fletch_dtype_text(enum fletch_dtype dtype)
{
    return INFO[dtype].torch ? INFO[dtype].torch : INFO[dtype].safetensors;
}

const char *fletch_dtype_short_text(enum fletch_dtype dtype)
{
    return INFO[dtype].torch ? INFO[dtype].torch + sizeof(TORCH) - 1
                             : INFO[dtype].safetensors;
}

static bool equals(const char *known, const char *name, size_t len)
{
    return strlen(known) == len && memcmp(known, name, len) == 0;
}

enum fletch_dtype fletch_dtype_from_safetensors(const char *name, size_t len)
{
    for (unsigned i = FLETCH_DTYPE_NONE + 1; i < FLETCH_DTYPE_COUNT; i++)
        if (equals(INFO[i].safetensors, name, len))
            return (enum fletch_dtype)i;
    return FLETCH_DTYPE_NONE;
}

enum fletch_dtype fletch_dtype_from_torch(const char *name, size_t len)
{
    const size_t prefix = sizeof(TORCH) - 1;

    if (len >= prefix && memcmp(name, TORCH, prefix) == 0) {
        name += prefix;
        len -= prefix;
    }
    for (unsigned i = FLETCH_DTYPE_NONE + 1; i < FLETCH_DTYPE_COUNT; i++)
        if (INFO[i].torch && equals(INFO[i].torch + prefix, name, len))
            return (enum fletch_dtype)i;
    return FLETCH_DTYPE_NONE;
}
