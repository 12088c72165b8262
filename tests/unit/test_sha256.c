/* SPDX-License-Identifier: MIT */
/* test_sha256.c - does every way to hash give the digests that everybody gets? */
#include "base/sha256.h"
#include "contents.h"
#include "support.h"

#ifdef FLETCH_WITH_LIBCRYPTO
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#endif

/* More than sixteen blocks, and lengths on both sides of where the last block ends. */
#define SIZE_MOST ((size_t)1025)

/* The digest of the digests of the first 0, 1, ... 1,025 bytes, by Python's hashlib:
 *
 *     data = bytes((i * i * 31 + i * 7 >> 3) & 255 for i in range(1025))
 *     sha256(b"".join(sha256(data[:n]).digest() for n in range(1026))).hexdigest()
 */
#define OF_ALL_LENGTHS "8b2193c5db8456494c0032577ed0b69aaf549141a1e368013d1ddbb82c8d63ab"

static void make_content(uint8_t content[SIZE_MOST])
{
    for (size_t i = 0; i < SIZE_MOST; i++)
        content[i] = (uint8_t)((i * i * 31 + i * 7) >> 3);
}

static void begin(struct fletch_sha256 *sha, size_t way)
{
    *sha = (struct fletch_sha256){ .blocks = fletch_sha256_way(way, NULL) };
    fletch_sha256_open(sha);
}

static void hash(uint8_t out[FLETCH_SHA256_SIZE], size_t way, const uint8_t *bytes,
                 size_t size)
{
    struct fletch_sha256 sha;

    begin(&sha, way);
    fletch_sha256_put(&sha, bytes, size);
    fletch_sha256_finish(&sha, out);
}

static void assert_hex(struct fletch_sha256 *sha, const char *expected)
{
    uint8_t digest[FLETCH_SHA256_SIZE];
    char hex[FLETCH_SHA256_HEX];

    fletch_sha256_finish(sha, digest);
    fletch_sha256_hex(hex, digest);
    assert_string_equal(hex, expected);
}

static void plain_c_is_the_last_way(void **state)
{
    const char *name = NULL;
    size_t ways = 0;

    (void)state;
    while (fletch_sha256_way(ways, &name))
        print_message("# way %zu: %s\n", ways++, name);
    assert_true(ways > 0);
    assert_string_equal(name, "C");
}

static void all_ways_hash_all_lengths(void **state)
{
    uint8_t content[SIZE_MOST], digest[FLETCH_SHA256_SIZE];

    (void)state;
    make_content(content);
    for (size_t way = 0; fletch_sha256_way(way, NULL); way++) {
        struct fletch_sha256 all;

        begin(&all, way);
        for (size_t size = 0; size <= SIZE_MOST; size++) {
            hash(digest, way, content, size);
            fletch_sha256_put(&all, digest, sizeof(digest));
        }
        assert_hex(&all, OF_ALL_LENGTHS);
    }
}

#ifdef FLETCH_WITH_LIBCRYPTO
static void all_ways_agree_with_the_library(void **state)
{
    uint8_t content[SIZE_MOST], digest[FLETCH_SHA256_SIZE], expected[SHA256_DIGEST_LENGTH];
    uint64_t seed = 7;

    (void)state;
    for (size_t size = 0; size <= SIZE_MOST; size++) {
        for (size_t i = 0; i < size; i++)
            content[i] = (uint8_t)random_below(&seed, 256);
        SHA256(content, size, expected);
        for (size_t way = 0; fletch_sha256_way(way, NULL); way++) {
            hash(digest, way, content, size);
            assert_memory_equal(digest, expected, sizeof(expected));
        }
    }
}
#endif

static void it_does_not_matter_how_bytes_come(void **state)
{
    uint8_t content[SIZE_MOST], whole[FLETCH_SHA256_SIZE], digest[FLETCH_SHA256_SIZE];
    uint64_t seed = 11;

    (void)state;
    make_content(content);
    for (size_t round = 0; round < 1000; round++) {
        const size_t size = (size_t)random_below(&seed, SIZE_MOST + 1);
        const size_t most = 1 + (size_t)random_below(&seed, 200);

        for (size_t way = 0; fletch_sha256_way(way, NULL); way++) {
            struct fletch_sha256 sha;

            hash(whole, way, content, size);
            begin(&sha, way);
            for (size_t at = 0, part; at < size; at += part) {
                part = (size_t)random_below(&seed, most + 1);
                part = part < size - at ? part : size - at;
                fletch_sha256_put(&sha, content + at, part);
            }
            fletch_sha256_finish(&sha, digest);
            assert_memory_equal(digest, whole, sizeof(whole));
        }
    }
}

/* Of FIPS 180-4's examples. */
static void a_million_bytes(void **state)
{
    static uint8_t content[1000];

    (void)state;
    memset(content, 'a', sizeof(content));
    for (size_t way = 0; fletch_sha256_way(way, NULL); way++) {
        struct fletch_sha256 sha;

        begin(&sha, way);
        for (size_t i = 0; i < 1000; i++)
            fletch_sha256_put(&sha, content, sizeof(content));
        assert_hex(&sha,
                   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

/* From half a gibibyte on the count of bits needs more than 32. Nothing is hashed: the
 * state does not matter here. */
static void no_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    (void)state, (void)blocks, (void)count;
}

static void lengths_are_counted_in_64_bits(void **state)
{
    static const uint8_t expected[8] = { 0, 0, 0, 0x20, 0, 0, 0, 0x18 };
    struct fletch_sha256 sha = { .blocks = no_blocks };
    static uint8_t bytes[1 << 16];
    uint8_t digest[FLETCH_SHA256_SIZE];

    (void)state;
    fletch_sha256_open(&sha);
    for (size_t i = 0; i < (size_t)1 << 18; i++)
        fletch_sha256_put(&sha, bytes, sizeof(bytes));
    fletch_sha256_put(&sha, "abc", 3);
    fletch_sha256_finish(&sha, digest);
    assert_memory_equal(sha.held + FLETCH_SHA256_BLOCK - 8, expected, sizeof(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_c_is_the_last_way),
        cmocka_unit_test(all_ways_hash_all_lengths),
#ifdef FLETCH_WITH_LIBCRYPTO
        cmocka_unit_test(all_ways_agree_with_the_library),
#endif
        cmocka_unit_test(it_does_not_matter_how_bytes_come),
        cmocka_unit_test(a_million_bytes),
        cmocka_unit_test(lengths_are_counted_in_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
