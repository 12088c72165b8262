/* SPDX-License-Identifier: MIT */
/* test_strided.c - tensors that do not lie in order, against element by element */
#include "support.h"

#include "base/mem.h"
#include "strided/strided.h"
#include "plan/budget.h"

#include <pthread.h>

struct lie {
    unsigned rank;
    uint64_t shape[5], strides[5];
    uint64_t offset; /* in elements */
    enum fletch_dtype dtype;
    bool big_endian;
};

#define SOURCE_SIZE ((size_t)72 << 20)

static struct fletch_file source = { .fd = -1 };
static uint8_t *bytes; /* [SOURCE_SIZE], what the source holds */

static int make_source(void **state)
{
    static char path[128];
    uint64_t seed = 1;

    if (make_scratch(state))
        return -1;
    snprintf(path, sizeof(path), "%s/source", scratch);
    bytes = malloc(SOURCE_SIZE);
    if (!bytes || fletch_file_create(&source, path, NULL))
        return -1;
    for (size_t i = 0; i + 8 <= SOURCE_SIZE; i += 8) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(bytes + i, &seed, 8);
    }
    source.size = SOURCE_SIZE;
    return fletch_file_write(&source, 0, bytes, SOURCE_SIZE, NULL) ? -1 : 0;
}

static int drop_source(void **state)
{
    fletch_file_close(&source);
    free(bytes);
    return remove_scratch(state);
}

static struct fletch_tensor tensor_of(const struct lie *lie)
{
    size_t width = fletch_dtype_size(lie->dtype);
    struct fletch_tensor tensor = { .name = "t",
                                    .dtype = lie->dtype,
                                    .rank = lie->rank,
                                    .shape = lie->shape,
                                    .strides = lie->strides,
                                    .count = 1,
                                    .offset = lie->offset * width,
                                    .big_endian = lie->big_endian };

    for (unsigned i = 0; i < lie->rank; i++)
        tensor.count *= lie->shape[i];
    tensor.size = tensor.count * width;
    return tensor;
}

/* Element by element, as the definition says. */
static uint8_t *expected_bytes(const struct lie *lie, const struct fletch_tensor *tensor)
{
    size_t width = fletch_dtype_size(lie->dtype);
    size_t part = lie->dtype == FLETCH_C64 ? 4 : width;
    uint8_t *out = malloc(tensor->size);

    assert_non_null(out);
    for (uint64_t i = 0; i < tensor->count; i++) {
        uint64_t rest = i, at = lie->offset;

        for (unsigned d = lie->rank; d-- > 0; rest /= lie->shape[d])
            at += rest % lie->shape[d] * lie->strides[d];
        for (size_t j = 0; j < width; j++)
            out[i * width + j] =
                bytes[at * width +
                      (lie->big_endian ? j / part * part + part - 1 - j % part : j)];
    }
    return out;
}

static void check(struct fletch_strided *strided, const struct lie *lie)
{
    struct fletch_tensor tensor = tensor_of(lie);
    uint8_t *wanted = expected_bytes(lie, &tensor), *found = malloc(tensor.size);
    static const size_t sizes[] = { 1, 7, 4096, 262144, 100003 };
    struct fletch_error err;
    uint64_t pos = 0, extent;

    assert_true(fletch_tensor_extent(&extent, &tensor));
    assert_true(tensor.offset + extent <= SOURCE_SIZE);
    assert_non_null(found);
    for (size_t turn = 0; pos < tensor.size; turn++) {
        size_t size = sizes[turn % 5];

        if (size > tensor.size - pos)
            size = (size_t)(tensor.size - pos);
        assert_ok(
            fletch_strided_read(strided, &source, &tensor, pos, found + pos, size, &err),
            err);
        pos += size;
    }
    assert_memory_equal(found, wanted, tensor.size);
    free(found);
    free(wanted);
}

static void every_layout(void **state)
{
    static const struct lie cases[] = {
        { 0, { 0 }, { 0 }, 3, FLETCH_F32, true },
        { 1, { 1000 }, { 1 }, 5, FLETCH_F16, true },
        { 1, { 1000 }, { 3 }, 5, FLETCH_F16, false },
        { 1, { 1000 }, { 5000 }, 5, FLETCH_F64, false },
        { 1, { 5000000 }, { 1 }, 1, FLETCH_F32, true },
        { 1, { 100000 }, { 0 }, 1, FLETCH_F32, false },
        { 1, { 300 }, { 1 }, 2, FLETCH_C64, true },
        { 2, { 5, 7 }, { 1, 5 }, 0, FLETCH_F32, false },
        { 2, { 5, 7 }, { 1, 5 }, 9, FLETCH_U8, false },
        { 2, { 3000, 1003 }, { 1, 3000 }, 11, FLETCH_F32, false },
        { 2, { 1003, 3000 }, { 1, 1024 }, 11, FLETCH_F16, true },
        { 2, { 3001, 2003 }, { 1, 3003 }, 0, FLETCH_F64, false },
        { 2, { 4099, 4097 }, { 1, 4100 }, 0, FLETCH_U8, false },
        { 2, { 5000000, 3 }, { 1, 5000001 }, 1, FLETCH_F32, false },
        { 2, { 3, 4000000 }, { 1, 4 }, 1, FLETCH_F32, false },
        { 2, { 3000, 17 }, { 1000, 1 }, 0, FLETCH_F32, false },
        { 2, { 3000, 17 }, { 1000, 50 }, 0, FLETCH_F32, false },
        { 2, { 4000, 768 }, { 0, 1 }, 4, FLETCH_F32, false },
        { 2, { 768, 4000 }, { 1, 0 }, 4, FLETCH_F32, false },
        { 2, { 2, 5000000 }, { 1, 0 }, 4, FLETCH_F16, false },
        { 3, { 40, 50, 60 }, { 1, 2400, 40 }, 4, FLETCH_F32, false },
        { 3, { 40, 1, 60 }, { 60, 7777777, 1 }, 4, FLETCH_F32, false },
        { 3, { 64, 3000, 33 }, { 99000, 1, 3000 }, 4, FLETCH_F16, false },
        { 3, { 300, 64, 330 }, { 1, 99000, 300 }, 4, FLETCH_BF16, true },
        { 4, { 16, 3, 32, 32 }, { 1, 16, 1536, 48 }, 0, FLETCH_F32, false },
        { 4, { 16, 3, 32, 32 }, { 3072, 1, 96, 3 }, 0, FLETCH_I64, false },
        { 4, { 128, 130, 3, 100 }, { 2, 0, 70000, 300 }, 0, FLETCH_F32, false },
        { 5, { 2, 3, 4, 5, 6 }, { 1, 2, 6, 24, 120 }, 2, FLETCH_I16, false },
        { 3, { 70, 9, 500 }, { 4500, 500, 1 }, 4, FLETCH_F32, true },
        { 3, { 70, 500, 9 }, { 4500, 1, 500 }, 4, FLETCH_F32, false },
        { 3, { 9, 700, 513 }, { 600000, 1, 900 }, 4, FLETCH_F32, false },
        { 3, { 9, 700, 513 }, { 1, 60000, 110 }, 4, FLETCH_U8, false },
        { 2, { 33, 9000 }, { 1, 3000 }, 4, FLETCH_F16, false },
        { 2, { 9000, 33 }, { 1, 9007 }, 4, FLETCH_U8, false },
        { 2, { 2500, 3000 }, { 1, 2500 }, 4, FLETCH_F64, true },
        { 2, { 4, 4200000 }, { 1, 4 }, 0, FLETCH_F32, false },
        { 3, { 300000, 3, 2 }, { 12, 4, 1 }, 0, FLETCH_F32, false },
        { 2, { 3000, 5 }, { 1, 1 }, 0, FLETCH_F32, false },
    };
    struct fletch_strided *strided = fletch_strided_new();

    (void)state;
    assert_non_null(strided);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(strided, &cases[i]);
        /* windows are known by their tensor's name, which these share */
        fletch_strided_free(strided);
        strided = fletch_strided_new();
        assert_non_null(strided);
    }
    fletch_strided_free(strided);
}

static uint64_t next(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

static void random_layouts(void **state)
{
    static const enum fletch_dtype dtypes[] = { FLETCH_U8, FLETCH_F16, FLETCH_F32,
                                                FLETCH_F64, FLETCH_C64 };
    uint64_t seed = 7;

    (void)state;
    for (int turn = 0; turn < 300; turn++) {
        struct fletch_strided *strided = fletch_strided_new();
        struct lie lie = { .rank = (unsigned)next(&seed, 6) };

        for (unsigned d = 0; d < lie.rank; d++) {
            lie.shape[d] = 1 + next(&seed, turn % 2 ? 9 : 5);
            lie.strides[d] = next(&seed, turn % 3 ? 30 : 200000);
        }
        lie.dtype = dtypes[next(&seed, 5)];
        lie.big_endian = next(&seed, 2);
        lie.offset = next(&seed, 100);
        check(strided, &lie);
        fletch_strided_free(strided);
    }
}

struct reader {
    struct fletch_strided *strided;
    struct fletch_tensor tensor;
    const uint8_t *wanted;
    uint64_t begin;
    bool good;
};

#define PART 262144

static void *read_parts(void *user)
{
    struct reader *reader = user;
    uint8_t *part = malloc(PART);

    reader->good = part != NULL;
    for (uint64_t at = reader->begin; reader->good && at < reader->tensor.size;
         at += 4 * PART) {
        size_t size =
            PART < reader->tensor.size - at ? PART : (size_t)(reader->tensor.size - at);

        reader->good = !fletch_strided_read(reader->strided, &source, &reader->tensor, at,
                                            part, size, NULL) &&
                       !memcmp(part, reader->wanted + at, size);
    }
    free(part);
    return NULL;
}

/* Four threads, each every fourth part of one tensor; then of tensors of their own. */
static void many_threads(void **state)
{
    static const struct lie lie = { 2, { 3000, 3001 }, { 1, 3000 }, 0, FLETCH_F32, false };
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    struct fletch_tensor tensor = tensor_of(&lie);
    uint8_t *wanted = expected_bytes(&lie, &tensor);
    struct fletch_strided *strided = fletch_strided_new();
    struct reader readers[6];
    pthread_t threads[6];

    (void)state;
    assert_non_null(strided);
    for (int own = 0; own < 2; own++) {
        for (unsigned i = 0; i < 6; i++) {
            readers[i] = (struct reader){ strided, tensor, wanted, i % 4 * PART, false };
            if (own)
                readers[i].tensor.name = names[i];
            assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &readers[i]), 0);
        }
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_true(readers[i].good);
        }
    }
    fletch_strided_free(strided);
    free(wanted);
}

/* Each with a tensor of its own, one element behind the other's. */
static void more_threads_than_windows(void **state)
{
    enum { COUNT = FLETCH_STRIDED_WINDOWS + 8 };
    static struct lie lies[COUNT];
    static char names[COUNT];
    static struct reader readers[COUNT];
    struct fletch_strided *strided = fletch_strided_new();
    pthread_t threads[COUNT];

    (void)state;
    assert_non_null(strided);
    for (unsigned i = 0; i < COUNT; i++) {
        lies[i] = (struct lie){ 2, { 500, 501 }, { 1, 500 }, i, FLETCH_F32, false };
        readers[i].tensor = tensor_of(&lies[i]);
        readers[i].tensor.name = &names[i];
        readers[i].strided = strided;
        readers[i].wanted = expected_bytes(&lies[i], &readers[i].tensor);
        assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &readers[i]), 0);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(readers[i].good);
        free((void *)(uintptr_t)readers[i].wanted);
    }
    fletch_strided_free(strided);
}

/* A source that shrank is an error, and the window is not believed afterwards. */
static void a_source_that_shrinks(void **state)
{
    static const struct lie lie = { 2, { 100, 100 }, { 1, 100 }, 0, FLETCH_F32, false };
    struct fletch_strided *strided = fletch_strided_new();
    struct fletch_tensor tensor = tensor_of(&lie);
    struct fletch_file file = FLETCH_FILE_CLOSED;
    struct fletch_error err;
    char out[64];

    (void)state;
    put_bytes(at("short"), bytes, 400);
    assert_ok(fletch_file_open(&file, at("short"), &err), err);
    for (int i = 0; i < 2; i++)
        assert_fails(
            fletch_strided_read(strided, &file, &tensor, 0, out, sizeof(out), &err),
            FLETCH_ERR_IO, err, "it shrank");
    fletch_file_close(&file);
    fletch_strided_free(strided);
}

static void extents(void **state)
{
    static const uint64_t shape[] = { 3, 4 }, strides[] = { UINT64_MAX / 2, 1 };
    struct fletch_tensor tensor = {
        .dtype = FLETCH_F32, .rank = 2, .shape = shape, .strides = strides, .count = 12
    };
    uint64_t extent;

    (void)state;
    assert_false(fletch_tensor_extent(&extent, &tensor));
    tensor.count = 0;
    assert_true(fletch_tensor_extent(&extent, &tensor));
    assert_int_equal(extent, 0);
}

/* However many windows the pool is cut into, they fit. */
static void windows_fit_the_pool(void **state)
{
    (void)state;
    for (size_t count = 1; count <= FLETCH_STRIDED_WINDOWS; count *= 2)
        assert_true(count * FLETCH_WINDOW_MEMORY(FLETCH_STRIDED_POOL / count) <=
                    FLETCH_STRIDED_MEMORY);
}

static void the_memory_comes_back(void **state)
{
    static const struct lie lie = { 2, { 300, 301 }, { 1, 300 }, 0, FLETCH_F32, false };
    struct fletch_strided *strided = fletch_strided_new();

    (void)state;
    assert_non_null(strided);
    fletch_strided_release_memory(NULL);
    fletch_strided_release_memory(strided);
    for (int i = 0; i < 2; i++) {
        check(strided, &lie);
        fletch_strided_release_memory(strided);
    }
    fletch_strided_free(strided);
}

static uint64_t needed(const struct fletch_tensor *tensor, unsigned threads)
{
    struct fletch_row_plan row = { .tensor = tensor,
                                   .checkpoint = (const struct fletch_checkpoint *)"" };
    const struct fletch_row_plans plans = { .output = fletch_outputs[0],
                                            .rows = &row,
                                            .rows_count = 1 };
    const struct fletch_options options = { .threads = threads };
    const struct fletch_codec *codec;
    struct fletch_budget budget;
    struct fletch_error err;

    assert_ok(fletch_codec_find(&codec, "none", &err), err);
    assert_ok(fletch_budget_make(&budget, &plans, codec, 0, &options, &err), err);
    return budget.needed;
}

/* What gathering takes is in the account of a conversion, also where only the order of
 * bytes is another. */
static void the_budget_has_it(void **state)
{
    static const struct lie lie = { 2, { 30, 31 }, { 1, 30 }, 0, FLETCH_F32, false };
    struct fletch_tensor tensor = tensor_of(&lie), straight = tensor, turned = tensor;

    (void)state;
    straight.strides = turned.strides = NULL;
    turned.big_endian = true;
    for (unsigned threads = 1; threads <= 9; threads += 4) {
        uint64_t more = FLETCH_GATHER_SIZE + threads * FLETCH_GATHER_THREAD_SIZE;

        assert_int_equal(needed(&tensor, threads), needed(&straight, threads) + more);
        assert_int_equal(needed(&turned, threads), needed(&straight, threads) + more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),
        cmocka_unit_test(random_layouts),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(extents),
        cmocka_unit_test(more_threads_than_windows),
        cmocka_unit_test(a_source_that_shrinks),
        cmocka_unit_test(windows_fit_the_pool),
        cmocka_unit_test(the_memory_comes_back),
        cmocka_unit_test(the_budget_has_it),
    };

    return cmocka_run_group_tests(tests, make_source, drop_source);
}
