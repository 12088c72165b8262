/* SPDX-License-Identifier: MIT */
/* cast_plain.c - the casts from the definition of the formats: plain C, any processor
 *
 * Up to float32, elements are processed in blocks: unpacked to float32 bits (exact for each
 * of these types), narrowed, and compared with the source. Each step is a branchless loop
 * over whole arrays, so that a compiler can vectorise it. Maxima are taken over the bits of
 * floats, which are ordered like the positive floats.
 */
#include "tensor/cast_plain.h"

#define BLOCK 512 /* elements: all arrays of a block fit the first-level cache */

#define SINGLE_ONE UINT32_C(0x3f800000)
#define SINGLE_HALF UINT32_C(0x3f000000)        /* 0.5f */
#define SINGLE_LEAST UINT32_C(0x00800000)       /* 2^-126, the least normal float32 */
#define SINGLE_LEAST_HALF UINT32_C(0x38800000)  /* 2^-14, the least normal float16 */
#define SINGLE_KEPT_HALF UINT32_C(0x33000001)   /* above 2^-25: the least not flushed */
#define SINGLE_NORMAL_HALF UINT32_C(0x387fe000) /* the least that rounds to 2^-14 */
#define SINGLE_OVER_HALF UINT32_C(0x477ff000)   /* 65520: from here on infinity */

/* A floating type of at most 32 bits. */
struct source {
    /* to the bits of float32 */
    void (*unpack)(uint32_t *out, const uint8_t *in, size_t count);
    size_t size;    /* bytes per element */
    uint32_t least; /* the least normal value, as the bits of a float32 */
};

/* ---- To the bits of float32 ---- */

static void unpack_f16(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = single_of_half(load_u16(in + 2 * i));
}

/* The upper half of a float32. */
static FLETCH_INLINE void unpack_bf16(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (uint32_t)load_u16(in + 2 * i) << 16;
}

static FLETCH_INLINE void unpack_f32(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = load_u32(in + 4 * i);
}

/* Expands an 8-bit float with a sign bit and `mantissa` bits, specials excluded. */
static uint32_t single_of_f8(uint32_t f8, int mantissa, int bias)
{
    uint32_t sign = (f8 & 0x80) << 24, mag = f8 & 0x7f;
    uint32_t normal = (mag << (23 - mantissa)) + ((uint32_t)(127 - bias) << 23);
    uint32_t unit = (uint32_t)(127 + 1 - bias - mantissa) << 23;
    uint32_t tiny = bits_of((float)(int32_t)mag * value_of(unit));

    return sign | choose(mask_of(mag >> mantissa != 0), normal, tiny);
}

/* bias 7; no infinities; NaN when all bits but the sign are set. */
static void unpack_e4m3(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = single_of_f8(in[i], 3, 7) |
                 ((SINGLE_INF | SINGLE_QUIET) & mask_of((in[i] & 0x7f) == 0x7f));
}

/* bias 15: the upper half of a float16. */
static void unpack_e5m2(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = single_of_half((uint32_t)in[i] << 8);
}

/* 2 to the power of (bits - 127); NaN when all bits are set. */
static void unpack_e8m0(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (uint32_t)in[i] << 23 | (SINGLE_LEAST / 2 & mask_of(in[i] == 0)) |
                 (SINGLE_QUIET & mask_of(in[i] == 0xff));
}

/* FNUZ: finite only; the pattern of -0 is the single NaN; the bias is one more. */
static void unpack_e4m3fnuz(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = choose(mask_of(in[i] == 0x80), SINGLE_INF | SINGLE_QUIET,
                        single_of_f8(in[i], 3, 8));
}

static void unpack_e5m2fnuz(uint32_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = choose(mask_of(in[i] == 0x80), SINGLE_INF | SINGLE_QUIET,
                        single_of_f8(in[i], 2, 16));
}

static const struct source F16 = { unpack_f16, 2, SINGLE_LEAST_HALF };
static const struct source BF16 = { unpack_bf16, 2, SINGLE_LEAST };
static const struct source F32 = { unpack_f32, 4, SINGLE_LEAST };
static const struct source E4M3 = { unpack_e4m3, 1, (127 - 6) << 23 };
static const struct source E5M2 = { unpack_e5m2, 1, (127 - 14) << 23 };
static const struct source E8M0 = { unpack_e8m0, 1, 1 }; /* has no subnormals */
static const struct source E4M3FNUZ = { unpack_e4m3fnuz, 1, (127 - 7) << 23 };
static const struct source E5M2FNUZ = { unpack_e5m2fnuz, 1, (127 - 15) << 23 };

/* ---- float32 to float16 ---- */

/* Narrows to `half`; `back` is its value as float32 bits without sign (infinity for NaN
 * too). */
static FLETCH_INLINE void narrow_block(uint32_t *half, uint32_t *back,
                                       const uint32_t *single, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t sign = single[i] >> 16 & 0x8000, mag = single[i] & SINGLE_ABS;
        /* Nearest, ties to even: adds just under half of the last place, plus the place
         * itself.
         */
        uint32_t normal = (mag + 0x0fff + (mag >> 13 & 1)) & ~UINT32_C(0x1fff);
        /* The last place of [0.5, 1) is 2^-24, like that of float16's subnormals: the sum
         * rounds as they must. */
        float tiny = value_of(mag) + 0.5F;
        uint32_t is_tiny = mask_of(mag < SINGLE_LEAST_HALF);
        uint32_t is_over = mask_of(mag >= SINGLE_OVER_HALF);
        uint32_t nan = (HALF_QUIET | (mag >> 13 & 0x03ff)) & mask_of(mag > SINGLE_INF);
        uint32_t stored = choose(is_tiny, bits_of(tiny) - SINGLE_HALF,
                                 (normal - ((127 - 15) << 23)) >> 13);

        half[i] = sign | nan | choose(is_over, HALF_INF, stored);
        back[i] =
            choose(is_over, SINGLE_INF, choose(is_tiny, bits_of(tiny - 0.5F), normal));
    }
}

static FLETCH_INLINE void report_errors(struct fletch_cast_report *report,
                                        const uint32_t *single, const uint32_t *back,
                                        size_t count)
{
    uint32_t rounded = 0;
    int32_t absolute = 0, relative = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t mag = single[i] & SINGLE_ABS;
        uint32_t error = bits_of(value_of(back[i]) - value_of(mag)) & SINGLE_ABS &
                         mask_of(back[i] < SINGLE_INF);
        /* An error of zero stays zero, also when divided by zero or NaN. */
        uint32_t divisor = choose(mask_of(error == 0), SINGLE_ONE, mag);
        uint32_t ratio = bits_of(value_of(error) / value_of(divisor));

        rounded += error != 0;
        absolute = (int32_t)error > absolute ? (int32_t)error : absolute;
        relative = (int32_t)ratio > relative ? (int32_t)ratio : relative;
    }
    report->rounded += rounded;
    report->absolute_error = larger(report->absolute_error, value_of((uint32_t)absolute));
    report->relative_error = larger(report->relative_error, value_of((uint32_t)relative));
}

/* A value's range decides what becomes of it; each count covers all values from a border
 * upwards. */
static FLETCH_INLINE void report_counts(struct fletch_cast_report *report,
                                        const uint32_t *single, size_t count,
                                        uint32_t least)
{
    uint32_t nonzero = 0, kept = 0, large = 0, normal = 0, over = 0, special = 0, nan = 0;

    least = least > SINGLE_KEPT_HALF ? least : SINGLE_KEPT_HALF;
    least = least < SINGLE_NORMAL_HALF ? least : SINGLE_NORMAL_HALF;
    for (size_t i = 0; i < count; i++) {
        uint32_t mag = single[i] & SINGLE_ABS;

        nonzero += mag > 0;
        kept += mag >= SINGLE_KEPT_HALF;
        large += mag >= least;
        normal += mag >= SINGLE_NORMAL_HALF;
        over += mag >= SINGLE_OVER_HALF;
        special += mag >= SINGLE_INF;
        nan += mag > SINGLE_INF;
    }
    report->flushed += nonzero - kept;
    report->subnormal += large - normal;
    report->overflowed += over - special;
    report->nan += nan;
}

static FLETCH_INLINE void to_f16(uint8_t *out, const uint8_t *in, size_t count,
                                 struct fletch_cast_report *report,
                                 const struct source *from)
{
    uint32_t single[BLOCK], half[BLOCK], back[BLOCK];

    while (count) {
        size_t some = count < BLOCK ? count : BLOCK;

        from->unpack(single, in, some);
        narrow_block(half, back, single, some);
        report_counts(report, single, some, from->least);
        report_errors(report, single, back, some);
        for (size_t i = 0; i < some; i++)
            store_u16(out + 2 * i, (uint16_t)half[i]);
        in += some * from->size;
        out += some * 2;
        count -= some;
    }
}

/* ---- To float32 ---- */

static void to_f32(uint8_t *out, const uint8_t *in, size_t count,
                   struct fletch_cast_report *report, const struct source *from)
{
    uint32_t single[BLOCK];

    while (count) {
        size_t some = count < BLOCK ? count : BLOCK;
        uint32_t nan = 0, subnormal = 0;

        from->unpack(single, in, some);
        for (size_t i = 0; i < some; i++) {
            uint32_t mag = single[i] & SINGLE_ABS;

            nan += mag > SINGLE_INF;
            subnormal += (mag >= from->least) & (mag < SINGLE_LEAST);
        }
        for (size_t i = 0; i < some; i++)
            store_u32(out + 4 * i, single[i]);
        report->nan += nan;
        report->subnormal += subnormal;
        in += some * from->size;
        out += some * 4;
        count -= some;
    }
}

/* ---- All pairs ---- */

/* One cast function per pair: C has no way to build functions at run time. */
#define CAST(name, step, source)                                                           \
    static void name(void *out, const void *in, size_t count,                              \
                     struct fletch_cast_report *report)                                    \
    {                                                                                      \
        step(out, in, count, report, &(source));                                           \
    }

CAST(f32_to_f16, to_f16, F32)
CAST(bf16_to_f16, to_f16, BF16)
CAST(e4m3_to_f16, to_f16, E4M3)
CAST(e5m2_to_f16, to_f16, E5M2)
CAST(e8m0_to_f16, to_f16, E8M0)
CAST(e4m3fnuz_to_f16, to_f16, E4M3FNUZ)
CAST(e5m2fnuz_to_f16, to_f16, E5M2FNUZ)
CAST(f16_to_f32, to_f32, F16)
CAST(bf16_to_f32, to_f32, BF16)
CAST(e4m3_to_f32, to_f32, E4M3)
CAST(e5m2_to_f32, to_f32, E5M2)
CAST(e8m0_to_f32, to_f32, E8M0)
CAST(e4m3fnuz_to_f32, to_f32, E4M3FNUZ)
CAST(e5m2fnuz_to_f32, to_f32, E5M2FNUZ)

static const struct {
    enum fletch_dtype from, to;
    fletch_cast_fn cast;
} CASTS[] = {
    { FLETCH_F32, FLETCH_F16, f32_to_f16 },
    { FLETCH_BF16, FLETCH_F16, bf16_to_f16 },
    { FLETCH_F8_E4M3, FLETCH_F16, e4m3_to_f16 },
    { FLETCH_F8_E5M2, FLETCH_F16, e5m2_to_f16 },
    { FLETCH_F8_E8M0, FLETCH_F16, e8m0_to_f16 },
    { FLETCH_F8_E4M3FNUZ, FLETCH_F16, e4m3fnuz_to_f16 },
    { FLETCH_F8_E5M2FNUZ, FLETCH_F16, e5m2fnuz_to_f16 },
    { FLETCH_F16, FLETCH_F32, f16_to_f32 },
    { FLETCH_BF16, FLETCH_F32, bf16_to_f32 },
    { FLETCH_F8_E4M3, FLETCH_F32, e4m3_to_f32 },
    { FLETCH_F8_E5M2, FLETCH_F32, e5m2_to_f32 },
    { FLETCH_F8_E8M0, FLETCH_F32, e8m0_to_f32 },
    { FLETCH_F8_E4M3FNUZ, FLETCH_F32, e4m3fnuz_to_f32 },
    { FLETCH_F8_E5M2FNUZ, FLETCH_F32, e5m2fnuz_to_f32 },
};

fletch_cast_fn fletch_cast_find_plain(enum fletch_dtype from, enum fletch_dtype to)
{
    for (size_t i = 0; i < sizeof(CASTS) / sizeof(CASTS[0]); i++)
        if (CASTS[i].from == from && CASTS[i].to == to)
            return CASTS[i].cast;
    fletch_cast_fn wide = fletch_cast_find_double(from, to);

    return wide ? wide : fletch_cast_find_whole(from, to);
}
