/* SPDX-License-Identifier: MIT */
/* test_distributed.c - slices of tensors in the files of torch.distributed.checkpoint,
 * joined */
#include "checkpoints.h"

/* A part with one tensor 'a' of U8, whose bytes count from `first` on. */
static const char *put_part(const char *name, const char *shape, const char *offsets,
                            size_t size, unsigned first)
{
    char header[512];
    uint8_t bytes[600];
    int len =
        snprintf(header, sizeof(header),
                 "{\"__metadata__\":{\"DCP_SHARDING_INFO\":\"{\\\"a\\\": "
                 "{\\\"saved_offsets\\\": %s}}\"},\"a\":{\"dtype\":\"U8\",\"shape\":%s,"
                 "\"data_offsets\":[0,%zu]}}",
                 offsets, shape, size);

    fletch_store_u64(bytes, (uint64_t)len);
    memcpy(bytes + 8, header, (size_t)len);
    for (size_t i = 0; i < size; i++)
        bytes[8 + (size_t)len + i] = (uint8_t)(first + i);
    put_bytes(at(name), bytes, 8 + (size_t)len + size);
    return at(name);
}

#define ONE "shard-00001-model-00001-of-00001.safetensors"
#define TWO "shard-00002-model-00001-of-00001.safetensors"
#define THREE "shard-00003-model-00001-of-00001.safetensors"
#define A_PART                                                                             \
    "a model that torch.distributed.checkpoint saved in parts (DCP_SHARDING_INFO)"

static void assert_joined(const uint8_t *wanted, size_t size)
{
    struct fletch_checkpoint *checkpoint = open_good(at("."));
    struct fletch_error err;
    uint8_t got[64];

    assert_int_equal(checkpoint->tensors_count, 1);
    assert_int_equal(checkpoint->tensors[0].size, size);
    for (size_t begin = 0; begin < size; begin++)
        for (size_t end = begin; end <= size; end++) {
            assert_ok(fletch_tensor_read(checkpoint, &checkpoint->tensors[0], begin, got,
                                         end - begin, &err),
                      err);
            assert_memory_equal(got, wanted + begin, end - begin);
        }
    fletch_checkpoint_close(checkpoint);
}

static void rows_and_columns_are_joined(void **state)
{
    static const uint8_t rows[] = { 10, 11, 12, 13, 20, 21 };
    static const uint8_t columns[] = { 10, 20, 21, 11, 22, 23, 12, 24, 25 };
    static const uint8_t both[] = { 10, 20, 30, 31 };

    (void)state;
    put_part(ONE, "[2,2]", "[0, 0]", 4, 10);
    put_part(TWO, "[1,2]", "[2, 0]", 2, 20);
    assert_joined(rows, sizeof(rows));
    put_part(ONE, "[3,1]", "[0, 0]", 3, 10);
    put_part(TWO, "[3,2]", "[0, 1]", 6, 20);
    assert_joined(columns, sizeof(columns));
    put_part(ONE, "[1,1]", "[0, 0]", 1, 10);
    put_part(TWO, "[1,1]", "[0, 1]", 1, 20);
    put_part(THREE, "[1,2]", "[1, 0]", 2, 30);
    assert_joined(both, sizeof(both));
}

static void holes_and_overlaps_are_refused(void **state)
{
    (void)state;
    put_part(ONE, "[2,2]", "[0, 0]", 4, 0);
    put_part(TWO, "[2,2]", "[1, 0]", 4, 0);
    assert_refused(at("."), FLETCH_ERR_FORMAT,
                   "tensor 'a': its slices in '" ONE "' and '" TWO
                   "' overlap, expected each element once");
    put_part(TWO, "[2,2]", "[3, 0]", 4, 0);
    assert_refused(
        at("."), FLETCH_ERR_FORMAT,
        "tensor 'a': its slices have 8 of the 10 elements that they span: a part "
        "is missing, expected all parts in the folder");
    put_part(TWO, "[4]", "[0]", 4, 0);
    assert_refused(at("."), FLETCH_ERR_FORMAT,
                   "tensor 'a': torch.uint8 with 2 dimensions in '" ONE
                   "', and torch.uint8 with 1 in '" TWO "', expected slices of one tensor");
    put_part(TWO, "[2,2]", "[-1, 0]", 4, 0);
    assert_refused_at(at("."), FLETCH_ERR_FORMAT,
                      at("."
                         "/" TWO),
                      "tensor 'a': DCP_SHARDING_INFO: saved_offsets[0] is no place in a "
                      "tensor, expected a whole number");
    put_part(TWO, "[2,2]", "[2]", 4, 0);
    assert_refused_at(at("."), FLETCH_ERR_FORMAT,
                      at("."
                         "/" TWO),
                      "tensor 'a': DCP_SHARDING_INFO has 1 saved_offsets, expected 2, as "
                      "many as it has dimensions");
}

static void a_part_alone_is_refused(void **state)
{
    (void)state;
    put_part(TWO, "[2,2]", "[2, 0]", 4, 0);
    assert_refused(at(TWO), FLETCH_ERR_UNSUPPORTED,
                   "is one part, with slices of tensors, of " A_PART
                   ": give the folder that has all of its parts");
    assert_refused(at("."), FLETCH_ERR_FORMAT,
                   "has " TWO " alone, one part of " A_PART
                   ", expected the others beside it");
    put_part(THREE, "[2,2]", "[4, 0]", 4, 0);
    assert_refused(at("."), FLETCH_ERR_NOT_FOUND,
                   "has " TWO ", one part of " A_PART
                   ", but none whose name begins with shard-00001-");
}

/* A header with white space of `before` bytes in front of __metadata__. */
static void put_late_part(const char *name, const char *offsets, size_t before)
{
    static uint8_t bytes[200000];
    size_t len = 0;

    bytes[8 + len++] = '{';
    memset(bytes + 8 + len, ' ', before);
    len += before;
    len += (size_t)snprintf((char *)bytes + 8 + len, 300,
                            "\"__metadata__\":{\"DCP_SHARDING_INFO\":\"{\\\"a\\\": "
                            "{\\\"saved_offsets\\\": %s}}\"},\"a\":{\"dtype\":\"U8\","
                            "\"shape\":[1],\"data_offsets\":[0,1]}}",
                            offsets);
    fletch_store_u64(bytes, (uint64_t)len);
    bytes[8 + len] = (uint8_t)offsets[1];
    put_bytes(at(name), bytes, 8 + len + 1);
}

static void parts_say_so_anywhere_in_the_header(void **state)
{
    /* around the ends of what is looked at together, too */
    static const size_t before[] = { 0,     4090,  16330, 16335, 16340, 16345, 16350,
                                     16355, 16360, 16365, 16370, 70000, 150000 };

    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        put_late_part(ONE, "[0]", before[i]);
        put_late_part(TWO, "[1]", before[i]);
        assert_joined((const uint8_t *)"01", 2);
    }
}

static void a_damaged_part_is_not_a_lost_one(void **state)
{
    static const uint8_t cut[] = { 200, 0, 0, 0, 0, 0, 0, 0, '{' };

    (void)state;
    put_part(ONE, "[2,2]", "[0, 0]", 4, 0);
    put_bytes(at(TWO), cut, sizeof(cut));
    assert_refused_at(at("."), FLETCH_ERR_FORMAT,
                      at("."
                         "/" TWO),
                      "byte 0: header of 200 bytes, but only 1 follow: the file was cut "
                      "short, or is no safetensors file");
    put_bytes(at(TWO), cut, 0);
    assert_refused_at(at("."), FLETCH_ERR_FORMAT,
                      at("."
                         "/" TWO),
                      "is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(rows_and_columns_are_joined),
        SCRATCH_TEST(holes_and_overlaps_are_refused),
        SCRATCH_TEST(a_part_alone_is_refused),
        SCRATCH_TEST(parts_say_so_anywhere_in_the_header),
        SCRATCH_TEST(a_damaged_part_is_not_a_lost_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
