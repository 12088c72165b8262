/* SPDX-License-Identifier: MIT */
/* dtype.h - element types: one table of names, widths and stored types
 *
 * Names are spelled as in safetensors and torch. The default layout stores seven types
 * (float32, float16, int64, int32, int8, uint8, bool). Every other type is narrowed or
 * widened to one of the seven, or has no place in it (`stored` is FLETCH_DTYPE_NONE) and is
 * refused by name.
 */
#ifndef FLETCH_TENSOR_DTYPE_H
#define FLETCH_TENSOR_DTYPE_H

#include <fletch/fletch.h>

enum fletch_dtype {
    FLETCH_DTYPE_NONE = 0,
    FLETCH_F16,
    FLETCH_BF16,
    FLETCH_F32,
    FLETCH_F64,
    FLETCH_F8_E4M3,
    FLETCH_F8_E5M2,
    FLETCH_F8_E8M0,
    FLETCH_F8_E4M3FNUZ,
    FLETCH_F8_E5M2FNUZ,
    FLETCH_BOOL,
    FLETCH_U8,
    FLETCH_I8,
    FLETCH_I16,
    FLETCH_U16,
    FLETCH_I32,
    FLETCH_U32,
    FLETCH_I64,
    FLETCH_U64,
    FLETCH_C64,
    FLETCH_F4,
    FLETCH_F6_E2M3,
    FLETCH_F6_E3M2,
    FLETCH_DTYPE_COUNT
};

struct fletch_dtype_info {
    const char *safetensors; /* "BF16" */
    const char *torch;       /* "torch.bfloat16"; NULL where torch has none */
    unsigned bits;           /* per element: 4, 6, 8, 16, 32 or 64 */
    bool floating;
    enum fletch_dtype stored;   /* with float16 off; NONE: not in the default layout */
    enum fletch_dtype stored16; /* with float16 on */
};

/* Never NULL for a value of the enum. */
const struct fletch_dtype_info *fletch_dtype_info(enum fletch_dtype dtype);
/* Bytes per element; 0 for the types narrower than a byte. */
size_t fletch_dtype_size(enum fletch_dtype dtype);
/* The torch name, or safetensors' where torch has none. */
const char *fletch_dtype_text(enum fletch_dtype dtype);
/* The same without "torch." in front, for people. */
const char *fletch_dtype_short_text(enum fletch_dtype dtype);
/* FLETCH_DTYPE_NONE when there is no such name. Takes a length, since names come from
 * files. */
enum fletch_dtype fletch_dtype_from_safetensors(const char *name, size_t len);
/* With or without "torch." in front. */
enum fletch_dtype fletch_dtype_from_torch(const char *name, size_t len);

#endif
