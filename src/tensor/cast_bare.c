/* SPDX-License-Identifier: MIT */
/* cast_bare.c - casts to float16 that report only overflow: all that a proof needs
 *
 * Written from the definition of the formats, like cast_plain.c: sums of integers and
 * floats, without conversion instructions. A block is first treated as ordinary values, in
 * loops that compilers vectorise; if it held others, the overflowing values, infinities and
 * NaN are redone. The same lines are compiled a second time for AVX2.
 */
#include "tensor/cast_plain.h"

#if defined(__GNUC__) && defined(__x86_64__)
#define WITH_AVX2
#endif

#define BLOCK 512 /* elements: all arrays of a block fit the first-level cache */

/* Bits of float32, signed: magnitudes are positive, and vector comparisons are signed. */
#define SINGLE_HALF 0x3f000000       /* 0.5f */
#define SINGLE_LEAST_HALF 0x38800000 /* 2^-14, the least normal float16 */
#define SINGLE_OVER_HALF 0x477ff000  /* 65520: from here on infinity */

/* Element i as the bits of a float32, of which a bfloat16 is the upper half. */
static FLETCH_INLINE uint32_t single_at(const uint8_t *in, size_t i, size_t in_size)
{
    return in_size == 4 ? load_u32(in + 4 * i) : (uint32_t)load_u16(in + 2 * i) << 16;
}

/* Narrows values below SINGLE_OVER_HALF; false when there are larger ones or NaN. */
static FLETCH_INLINE bool narrow_ordinary(uint32_t *half, const uint8_t *in, size_t count,
                                          size_t in_size)
{
    int32_t room = 0; /* negative as soon as one is too large */

    for (size_t i = 0; i < count; i++) {
        uint32_t single = single_at(in, i, in_size);
        int32_t mag = (int32_t)(single & SINGLE_ABS);
        int32_t is_tiny = (int32_t)mask_of(mag < SINGLE_LEAST_HALF);
        /* Nearest, ties to even: adds just under half of the last place, plus the place
         * itself.
         */
        int32_t normal = (mag + 0x0fff - ((127 - 15) << 23) + (mag >> 13 & 1)) >> 13;
        /* The last place of [0.5, 1) is 2^-24, like that of float16's subnormals. */
        int32_t tiny = (int32_t)bits_of(value_of((uint32_t)mag) + 0.5F) - SINGLE_HALF;

        half[i] =
            (uint32_t)((tiny & is_tiny) | (normal & ~is_tiny)) | (single >> 16 & 0x8000);
        room |= SINGLE_OVER_HALF - 1 - mag;
    }
    return room >= 0;
}

/* Overwrites the results of the other values. */
static void narrow_odd(uint32_t *half, const uint8_t *in, size_t count, size_t in_size,
                       struct fletch_cast_report *report)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t single = single_at(in, i, in_size);
        uint32_t sign = single >> 16 & 0x8000, mag = single & SINGLE_ABS;

        if (mag < SINGLE_OVER_HALF)
            continue;
        half[i] = sign | HALF_INF;
        if (mag > SINGLE_INF)
            half[i] |= HALF_QUIET | (mag >> 13 & 0x03ff);
        report->overflowed += mag < SINGLE_INF;
    }
}

static FLETCH_INLINE void to_f16(uint8_t *out, const uint8_t *in, size_t count,
                                 struct fletch_cast_report *report, size_t in_size)
{
    uint32_t half[BLOCK];

    while (count) {
        size_t some = count < BLOCK ? count : BLOCK;

        if (!narrow_ordinary(half, in, some, in_size))
            narrow_odd(half, in, some, in_size, report);
        for (size_t i = 0; i < some; i++)
            store_u16(out + 2 * i, (uint16_t)half[i]);
        in += some * in_size;
        out += some * 2;
        count -= some;
    }
}

/* One cast function per pair: C has no way to build functions at run time. */
#define CAST(name, attribute, in_size)                                                     \
    attribute static void name(void *out, const void *in, size_t count,                    \
                               struct fletch_cast_report *report)                          \
    {                                                                                      \
        to_f16(out, in, count, report, in_size);                                           \
    }

CAST(f32_to_f16, , 4)
CAST(bf16_to_f16, , 2)
#ifdef WITH_AVX2
#define AVX2 __attribute__((target("avx2")))
CAST(f32_to_f16_avx2, AVX2, 4)
CAST(bf16_to_f16_avx2, AVX2, 2)
#endif

fletch_cast_fn fletch_cast_find_bare(enum fletch_dtype from, enum fletch_dtype to)
{
    if (to != FLETCH_F16 || (from != FLETCH_F32 && from != FLETCH_BF16))
        return fletch_cast_find_plain(from, to);
#ifdef WITH_AVX2
    if (__builtin_cpu_supports("avx2"))
        return from == FLETCH_F32 ? f32_to_f16_avx2 : bf16_to_f16_avx2;
#endif
    return from == FLETCH_F32 ? f32_to_f16 : bf16_to_f16;
}
