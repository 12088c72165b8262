/* SPDX-License-Identifier: MIT */
/* test_cast.c - both families of kernels against each other and a slow reference */
#include "support.h"
#include "cast_reference.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"

#include <jansson.h>
#include <inttypes.h>

static const enum fletch_dtype FLOATS[] = {
    FLETCH_F16,     FLETCH_BF16,    FLETCH_F32,         FLETCH_F64,         FLETCH_F8_E4M3,
    FLETCH_F8_E5M2, FLETCH_F8_E8M0, FLETCH_F8_E4M3FNUZ, FLETCH_F8_E5M2FNUZ,
};
#define FLOATS_COUNT (sizeof(FLOATS) / sizeof(FLOATS[0]))

/* The kernels of a pair and the reference must agree in every bit and every figure; the
 * bare one has one figure. */
static void check(enum fletch_dtype from, enum fletch_dtype to, const uint8_t *in,
                  size_t count, size_t shift)
{
    const size_t from_size = fletch_dtype_size(from), to_size = fletch_dtype_size(to);
    struct fletch_cast_report fast = { 0 }, plain = { 0 }, bare = { 0 }, expected = { 0 };
    uint8_t *a = run(fletch_cast_find(from, to), from, to, in, count, shift, &fast);
    uint8_t *b = run(fletch_cast_find_plain(from, to), from, to, in, count, shift, &plain);
    uint8_t *c = run(fletch_cast_find_bare(from, to), from, to, in, count, shift, &bare);

    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = element_at(in, from_size, i);
        const uint64_t want = reference_cast(from, to, bits, &expected);

        if (element_at(a, to_size, i) != want || element_at(b, to_size, i) != want ||
            element_at(c, to_size, i) != want)
            fail_msg("%s to %s: %" PRIx64 " gives %" PRIx64 ", %" PRIx64 " and %" PRIx64
                     ", expected %" PRIx64,
                     fletch_dtype_text(from), fletch_dtype_text(to), bits,
                     element_at(a, to_size, i), element_at(b, to_size, i),
                     element_at(c, to_size, i), want);
    }
    assert_int_equal(bare.overflowed, expected.overflowed);
    assert_same_report(&plain, &expected);
    assert_same_report(&fast, &expected);
    free(a);
    free(b);
    free(c);
}

static void check_both(enum fletch_dtype from, const uint8_t *in, size_t count,
                       size_t shift)
{
    check(from, FLETCH_F32, in, count, shift);
    if (fletch_cast_find(from, FLETCH_F16))
        check(from, FLETCH_F16, in, count, shift);
}

static void every_pair_that_is_stored_has_kernels(void **state)
{
    unsigned pairs = 0;

    (void)state;
    for (enum fletch_dtype from = 1; from < FLETCH_DTYPE_COUNT; from++)
        for (enum fletch_dtype to = 1; to < FLETCH_DTYPE_COUNT; to++) {
            const struct fletch_dtype_info *info = fletch_dtype_info(from);
            const struct fletch_dtype_info *target = fletch_dtype_info(to);
            const bool stored = info->stored == to || info->stored16 == to;
            const bool kept = from == to && target->stored == to;
            const bool wide = info->floating && info->stored && to == FLETCH_F32;
            fletch_cast_fn fast = fletch_cast_find(from, to);

            assert_int_equal(fast != NULL, stored || kept || wide);
            assert_int_equal(fletch_cast_find_plain(from, to) != NULL, fast != NULL);
            assert_int_equal(fletch_cast_find_bare(from, to) != NULL, fast != NULL);
            pairs += fast != NULL;
        }
    assert_int_equal(pairs, 9 + 9 + 5 + 4);
    assert_null(fletch_cast_find(FLETCH_DTYPE_NONE, FLETCH_DTYPE_NONE));
    assert_null(fletch_cast_find_plain(FLETCH_DTYPE_NONE, FLETCH_F32));
}

/* The fast kernels are other functions than the plain ones wherever they are announced. */
static void families_are_apart(void **state)
{
    const bool apart = strcmp(fletch_cast_kernels(), "c") != 0;

    (void)state;
    assert_true(!apart || !strcmp(fletch_cast_kernels(), "avx2") ||
                !strcmp(fletch_cast_kernels(), "neon"));
    for (size_t i = 0; i < FLOATS_COUNT; i++) {
        const enum fletch_dtype from = FLOATS[i];
        const fletch_cast_fn fast = fletch_cast_find(from, FLETCH_F16);

        assert_true(from == FLETCH_F16 ||
                    apart == (fast != fletch_cast_find_plain(from, FLETCH_F16)));
        assert_true(from == FLETCH_F16 || !apart ||
                    fast != fletch_cast_find_bare(from, FLETCH_F16));
    }
}

/* All elements of the types of 8 and 16 bits, among them every float16. */
static void every_small_element(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLOATS_COUNT; i++) {
        const size_t size = fletch_dtype_size(FLOATS[i]);
        const size_t count = size > 2 ? 0 : (size_t)1 << 8 * size;
        uint8_t *in = malloc(count * size + 1);

        assert_non_null(in);
        for (size_t j = 0; j < count; j++)
            put_element(in, size, j, j);
        check_both(FLOATS[i], in, count, 0);
        free(in);
    }
}

/* Float16 to float32 and back is what it was; NaN comes back quiet. */
static void halves_come_back(void **state)
{
    const fletch_cast_fn kernels[2][2] = {
        { fletch_cast_find(FLETCH_F16, FLETCH_F32),
          fletch_cast_find(FLETCH_F32, FLETCH_F16) },
        { fletch_cast_find_plain(FLETCH_F16, FLETCH_F32),
          fletch_cast_find_plain(FLETCH_F32, FLETCH_F16) },
    };
    enum { COUNT = 1 << 16 };
    uint8_t *half = malloc(COUNT * 2), *back = malloc(COUNT * 2), *wide = malloc(COUNT * 4);

    (void)state;
    assert_true(half && back && wide);
    for (unsigned i = 0; i < COUNT; i++)
        fletch_store_u16(half + 2 * i, (uint16_t)i);
    for (int k = 0; k < 2; k++) {
        struct fletch_cast_report there = { 0 }, report = { 0 };

        kernels[k][0](wide, half, COUNT, &there);
        kernels[k][1](back, wide, COUNT, &report);
        for (unsigned i = 0; i < COUNT; i++) {
            const unsigned quiet = (i & 0x7fff) > 0x7c00 ? 0x0200 : 0;

            assert_int_equal(fletch_load_u16(back + 2 * i), i | quiet);
        }
        assert_true(fletch_cast_report_is_exact(&there));
        assert_true(fletch_cast_report_is_exact(&report));
        assert_int_equal(there.nan, 2 * 1023);
        assert_int_equal(report.nan, 2 * 1023);
        assert_int_equal(there.subnormal, 0); /* they were before */
        assert_int_equal(report.subnormal, 2 * 1023);
    }
    free(half);
    free(back);
    free(wide);
}

/* Around every float16 and around every middle between two: a few neighbours each way. */
static void every_border_of_float16(void **state)
{
    enum { NEAR = 2, EACH = 2 * (2 * NEAR + 1) };
    const size_t count = (size_t)EACH << 16;
    uint8_t *single = malloc(count * 4), *wide = malloc(count * 8);
    size_t used = 0;

    (void)state;
    assert_true(single && wide);
    for (uint32_t half = 0; half < 1 << 16; half++) {
        const struct element e = decode(FLETCH_F16, half);
        const struct element next = decode(FLETCH_F16, half + 1);
        const double upper = next.infinite ? 65536 : next.size;
        const double values[] = { e.size, (e.size + upper) / 2 };

        for (int v = 0; v < 2 && !e.nan && !e.infinite; v++)
            for (int near = -NEAR; near <= NEAR; near++) {
                const double value = e.negative ? -values[v] : values[v];
                const float narrow = (float)value;
                uint32_t bits;
                uint64_t wide_bits;

                memcpy(&bits, &narrow, sizeof(bits));
                memcpy(&wide_bits, &value, sizeof(wide_bits));
                fletch_store_u32(single + 4 * used, bits + (uint32_t)near);
                fletch_store_u64(wide + 8 * used, wide_bits + (uint64_t)near);
                used++;
            }
    }
    check_both(FLETCH_F32, single, used, 0);
    check_both(FLETCH_F64, wide, used, 0);
    free(single);
    free(wide);
}

static void check_one(fletch_cast_fn cast, double value, unsigned half, const char *what)
{
    const float narrow = (float)value;
    struct fletch_cast_report report = { 0 };
    uint8_t in[4], out[2];
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof(bits));
    fletch_store_u32(in, bits);
    cast(out, in, 1, &report);
    assert_int_equal(fletch_load_u16(out), half);
    assert_int_equal(report.rounded, strchr(what, 'r') != NULL);
    assert_int_equal(report.flushed, strchr(what, 'f') != NULL);
    assert_int_equal(report.subnormal, strchr(what, 's') != NULL);
    assert_int_equal(report.overflowed, strchr(what, 'o') != NULL);
    assert_int_equal(report.nan, strchr(what, 'n') != NULL);
    assert_int_equal(fletch_cast_report_is_exact(&report), !strpbrk(what, "ro"));
}

/* Written out by hand: no reference needed. */
static void known_values(void **state)
{
    static const struct {
        double value;
        unsigned half;
        const char *what;
    } known[] = {
        { 0, 0x0000, "" },
        { -0.0, 0x8000, "" },
        { 1, 0x3c00, "" },
        { 1.0 / 3, 0x3555, "r" },
        { 1 + 0x1p-11, 0x3c00, "r" }, /* tie: down to even */
        { 1 + 0x3p-11, 0x3c02, "r" }, /* tie: up to even */
        { 65504, 0x7bff, "" },
        { 65519.99, 0x7bff, "r" },
        { 65520, 0x7c00, "o" },
        { -65520, 0xfc00, "o" },
        { 3.4e38, 0x7c00, "o" },
        { HUGE_VAL, 0x7c00, "" },
        { -HUGE_VAL, 0xfc00, "" },
        { NAN, 0x7e00, "n" },
        { 0x1p-14, 0x0400, "" },
        { 0x1p-14 - 0x1p-25, 0x0400, "r" }, /* rounds up out of the subnormals */
        { 0x1p-14 - 0x1p-24, 0x03ff, "s" },
        { 0x1p-24, 0x0001, "s" },
        { 0x1.8p-24, 0x0002, "rs" },
        { 0x1.000002p-25, 0x0001, "rs" },
        { 0x1p-25, 0x0000, "rf" }, /* tie: to zero, which is even */
        { -0x1p-26, 0x8000, "rf" },
        { 0x1p-149, 0x0000, "rf" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        check_one(fletch_cast_find(FLETCH_F32, FLETCH_F16), known[i].value, known[i].half,
                  known[i].what);
        check_one(fletch_cast_find_plain(FLETCH_F32, FLETCH_F16), known[i].value,
                  known[i].half, known[i].what);
    }
}

/* Just above a tie of float16, by less than float32 can tell: rounding twice would go down.
 */
static void float64_rounds_once(void **state)
{
    const double value = 1 + 0x1p-11 + 0x1p-40;
    uint8_t in[8], out[2] = { 0 };
    uint64_t bits;
    struct fletch_cast_report report = { 0 };

    (void)state;
    memcpy(&bits, &value, sizeof(bits));
    fletch_store_u64(in, bits);
    fletch_cast_find(FLETCH_F64, FLETCH_F16)(out, in, 1, &report);
    assert_int_equal(fletch_load_u16(out), 0x3c01);
    fletch_cast_find_plain(FLETCH_F64, FLETCH_F16)(out, in, 1, &report);
    assert_int_equal(fletch_load_u16(out), 0x3c01);
    assert_int_equal(report.rounded, 2);
}

/* Any bits at all, at any address, in any number. */
static void random_elements(void **state)
{
    enum { COUNT = 120000 };
    uint8_t *in = malloc(COUNT * 8);
    uint64_t seed = 20240229;

    (void)state;
    assert_non_null(in);
    for (size_t i = 0; i < FLOATS_COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++)
            fletch_store_u64(in + 8 * j, random_bits(&seed));
        check_both(FLOATS[i], in, COUNT, 0);
        for (size_t count = 0; count < 200; count++)
            check_both(FLOATS[i], in + 64 * count, count, count % 33);
    }
    free(in);
}

/* The exponents that float16 is about, in runs with and without tiny, huge, zero and
 * already rounded values: what the blocks of the fast kernel tell apart. */
static void elements_like_weights(void **state)
{
    enum { COUNT = 1 << 18, RUN = 1 << 12 };
    uint8_t *in = malloc(COUNT * 8);
    uint64_t seed = 7;

    (void)state;
    assert_non_null(in);
    for (size_t i = 0; i < FLOATS_COUNT; i++) {
        const struct format f = format_of(FLOATS[i]);
        const size_t size = fletch_dtype_size(FLOATS[i]);

        for (size_t j = 0; j < COUNT && size > 1; j++) {
            const uint64_t bits = random_bits(&seed);
            const unsigned kind = (unsigned)(j / RUN) % 8;
            const int spread = kind < 4 ? 6 : 44;
            const int power = (int)(bits >> 56) % spread - (kind < 4 ? 8 : 27);
            const uint64_t keep = kind % 2 ? 0 : (UINT64_C(1) << f.mantissa) - 1;
            uint64_t element = (uint64_t)(power + f.bias) << f.mantissa;

            element |= bits & (keep | (UINT64_C(0x7f) << f.mantissa >> 7)) &
                       ((UINT64_C(1) << f.mantissa) - 1);
            element |= (bits >> 40 & 1) << (f.mantissa + f.exponent);
            if (FLOATS[i] == FLETCH_F16 || (kind & 2 && (bits >> 44) % 16 == 0))
                element = 0;
            put_element(in, size, j, element);
        }
        if (size > 1)
            check_both(FLOATS[i], in, COUNT - 3, 1);
    }
    free(in);
}

/* Relative errors that grow by as little as they can, one block after the other: each is a
 * record, and so is whichever comes last. */
static void every_record_counts(void **state)
{
    enum { BLOCK = 64, MOST = 4096 };
    uint8_t *in = malloc((size_t)MOST * BLOCK * 4);

    (void)state;
    assert_non_null(in);
    for (uint32_t i = 0; i < MOST * BLOCK; i++)
        fletch_store_u32(in + 4 * i, UINT32_C(0x3f800000) + i / BLOCK);
    for (size_t blocks = MOST - 40; blocks <= MOST; blocks++)
        check(FLETCH_F32, FLETCH_F16, in, blocks * BLOCK, 0);
    free(in);
}

/* The smallest values there are become zero after a relative error of almost 1. */
static void flushing_is_the_largest_error(void **state)
{
    enum { COUNT = 256 };
    uint8_t in[COUNT * 4];

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        fletch_store_u32(in + 4 * i, i < COUNT / 2 ? UINT32_C(0x33000001) : i % 64 < 32);
    check(FLETCH_F32, FLETCH_F16, in, COUNT, 0);
}

/* More equal elements than a small counter holds. */
static void long_runs_are_counted(void **state)
{
    static const uint32_t values[] = { 0, 0x3f800000, 0x3f800001, 0x33800000, 0x7fc00000 };
    const size_t count = (size_t)3 << 20;
    uint8_t *in = malloc(count * 4), *out = malloc(count * 2);

    (void)state;
    assert_true(in && out);
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        struct fletch_cast_report fast = { 0 }, plain = { 0 }, one = { 0 };

        for (size_t i = 0; i < count; i++)
            fletch_store_u32(in + 4 * i, values[v]);
        fletch_cast_find(FLETCH_F32, FLETCH_F16)(out, in, count, &fast);
        fletch_cast_find_plain(FLETCH_F32, FLETCH_F16)(out, in, count, &plain);
        reference_cast(FLETCH_F32, FLETCH_F16, values[v], &one);
        one.rounded *= count;
        one.flushed *= count;
        one.subnormal *= count;
        one.nan *= count;
        assert_same_report(&fast, &one);
        assert_same_report(&plain, &one);
    }
    free(in);
    free(out);
}

/* A report does not depend on how the elements were divided among calls. */
static void reports_add_up(void **state)
{
    enum { COUNT = 40000 };
    uint8_t *in = malloc(COUNT * 8), *out = malloc(COUNT * 4);
    uint64_t seed = 99;

    (void)state;
    assert_true(in && out);
    for (size_t j = 0; j < COUNT; j++)
        fletch_store_u64(in + 8 * j, random_bits(&seed));
    for (size_t i = 0; i < 2 * FLOATS_COUNT; i++) {
        const enum fletch_dtype from = FLOATS[i / 2];
        const size_t size = fletch_dtype_size(from);
        fletch_cast_fn cast = i % 2 ? fletch_cast_find(from, FLETCH_F16)
                                    : fletch_cast_find_plain(from, FLETCH_F32);
        struct fletch_cast_report whole = { 0 }, into = { 0 }, sum = { 0 };

        cast(out, in, COUNT, &whole);
        for (size_t at = 0, some; at < COUNT; at += some) {
            struct fletch_cast_report part = { 0 };

            some = random_bits(&seed) % 700;
            some = some < COUNT - at ? some : COUNT - at;
            cast(out, in + at * size, some, &into);
            cast(out, in + at * size, some, &part);
            fletch_cast_report_add(&sum, &part);
        }
        assert_same_report(&into, &whole);
        assert_same_report(&sum, &whole);
        assert_true(whole.nan > 0);
    }
    free(in);
    free(out);
}

static void check_integer(enum fletch_dtype from, enum fletch_dtype to, uint64_t bits,
                          uint64_t want, uint64_t overflowed)
{
    const fletch_cast_fn casts[] = { fletch_cast_find(from, to),
                                     fletch_cast_find_plain(from, to) };
    uint8_t in[8 * 5], out[8 * 5];

    for (int k = 0; k < 2; k++) {
        struct fletch_cast_report report = { 0 };
        const struct fletch_cast_report expected = { .overflowed = 5 * overflowed };

        for (size_t i = 0; i < 5; i++)
            put_element(in, fletch_dtype_size(from), i, bits);
        casts[k](out, in, 5, &report);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(element_at(out, fletch_dtype_size(to), i), want);
        assert_same_report(&report, &expected);
        assert_int_equal(fletch_cast_report_is_exact(&report), overflowed == 0);
    }
}

static void integers_widen_and_saturate(void **state)
{
    (void)state;
    check_integer(FLETCH_I16, FLETCH_I32, 0x7fff, 0x7fff, 0);
    check_integer(FLETCH_I16, FLETCH_I32, 0x8000, 0xffff8000, 0);
    check_integer(FLETCH_U16, FLETCH_I32, 0xffff, 0xffff, 0);
    check_integer(FLETCH_U32, FLETCH_I64, 0xffffffff, 0xffffffff, 0);
    check_integer(FLETCH_U64, FLETCH_I64, INT64_MAX, INT64_MAX, 0);
    check_integer(FLETCH_U64, FLETCH_I64, (uint64_t)INT64_MAX + 1, INT64_MAX, 1);
    check_integer(FLETCH_U64, FLETCH_I64, UINT64_MAX, INT64_MAX, 1);
    check_integer(FLETCH_I8, FLETCH_I8, 0x80, 0x80, 0);
    check_integer(FLETCH_U8, FLETCH_U8, 0xff, 0xff, 0);
    check_integer(FLETCH_BOOL, FLETCH_BOOL, 2, 2, 0);
    check_integer(FLETCH_I32, FLETCH_I32, 0x80000001, 0x80000001, 0);
    check_integer(FLETCH_I64, FLETCH_I64, UINT64_C(1) << 63, UINT64_C(1) << 63, 0);
}

static void nothing_needs_no_buffer(void **state)
{
    const struct fletch_cast_report none = { 0 };

    (void)state;
    for (enum fletch_dtype from = 1; from < FLETCH_DTYPE_COUNT; from++)
        for (enum fletch_dtype to = 1; to < FLETCH_DTYPE_COUNT; to++) {
            struct fletch_cast_report report = { 0 };

            if (!fletch_cast_find(from, to))
                continue;
            fletch_cast_find(from, to)(NULL, NULL, 0, &report);
            fletch_cast_find_plain(from, to)(NULL, NULL, 0, &report);
            fletch_cast_find_bare(from, to)(NULL, NULL, 0, &report);
            assert_same_report(&report, &none);
        }
}

/* ---- A checkpoint that others made, and what they say must become of it ---- */

static json_t *load_json(struct fletch_buf *buf, const char *path)
{
    struct fletch_error err = { 0 };
    json_t *json;

    assert_int_equal(fletch_file_load(buf, path, 1 << 20, "LIMIT", &err), FLETCH_OK);
    json = json_loadb((const char *)buf->bytes, buf->size, 0, NULL);
    assert_non_null(json);
    return json;
}

static bool contains(const json_t *array, const char *name)
{
    size_t i;
    json_t *item;

    json_array_foreach(array, i,
                       item) if (strcmp(json_string_value(item), name) == 0) return true;
    return false;
}

static void check_row(const json_t *row, const json_t *tensor, const uint8_t *data,
                      bool overflows)
{
    const char *dtype = json_string_value(json_object_get(row, "dtype"));
    const char *source = json_string_value(json_object_get(row, "source_dtype"));
    const char *want = json_string_value(json_object_get(row, "sha256"));
    const size_t count = (size_t)json_integer_value(json_object_get(row, "num_params"));
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    const uint8_t *in = data + json_integer_value(json_array_get(offsets, 0));
    const enum fletch_dtype from = fletch_dtype_from_torch(source, strlen(source));
    const enum fletch_dtype to = fletch_dtype_info(from)->stored16;
    const enum fletch_dtype final = overflows ? FLETCH_F32 : to;
    struct fletch_cast_report report = { 0 }, wide = { 0 };
    struct fletch_sha256 sha = { 0 };
    uint8_t digest[FLETCH_SHA256_SIZE], *out;
    char hex[FLETCH_SHA256_HEX];

    assert_int_equal(fletch_dtype_from_torch(dtype, strlen(dtype)), final);
    out = run(fletch_cast_find(from, to), from, to, in, count, 0, &report);
    assert_int_equal(report.overflowed > 0, overflows);
    if (overflows) {
        free(out);
        out = run(fletch_cast_find(from, final), from, final, in, count, 0, &wide);
        assert_int_equal(wide.overflowed, 0);
    }
    fletch_sha256_open(&sha);
    fletch_sha256_put(&sha, out, count * fletch_dtype_size(final));
    fletch_sha256_finish(&sha, digest);
    fletch_sha256_hex(hex, digest);
    assert_string_equal(hex, want);
    free(out);
}

static void golden_values(void **state)
{
    struct fletch_buf text = { 0 }, file = { 0 };
    struct fletch_error err = { 0 };
    json_t *expected = load_json(&text, FLETCH_TEST_DATA "/golden/values/expected.json");
    json_t *header, *row;
    size_t i, header_size;

    (void)state;
    assert_int_equal(
        fletch_file_load(&file, FLETCH_TEST_DATA "/golden/values/source/model.safetensors",
                         1 << 20, "LIMIT", &err),
        FLETCH_OK);
    header_size = (size_t)fletch_load_u64(file.bytes);
    header = json_loadb((const char *)file.bytes + 8, header_size, 0, NULL);
    assert_non_null(header);
    assert_true(json_array_size(json_object_get(expected, "rows")) > 20);
    json_array_foreach(json_object_get(expected, "rows"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "layer_name"));

        check_row(row, json_object_get(header, name), file.bytes + 8 + header_size,
                  contains(json_object_get(expected, "overflow"), name));
    }
    json_decref(expected);
    json_decref(header);
    fletch_buf_release(&text);
    fletch_buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_that_is_stored_has_kernels),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(known_values),
        cmocka_unit_test(every_small_element),
        cmocka_unit_test(halves_come_back),
        cmocka_unit_test(every_border_of_float16),
        cmocka_unit_test(float64_rounds_once),
        cmocka_unit_test(random_elements),
        cmocka_unit_test(elements_like_weights),
        cmocka_unit_test(every_record_counts),
        cmocka_unit_test(flushing_is_the_largest_error),
        cmocka_unit_test(long_runs_are_counted),
        cmocka_unit_test(reports_add_up),
        cmocka_unit_test(integers_widen_and_saturate),
        cmocka_unit_test(nothing_needs_no_buffer),
        cmocka_unit_test(golden_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
