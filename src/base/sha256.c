/* SPDX-License-Identifier: MIT */
/* sha256.c - SHA-256 (FIPS 180-4): fills blocks, and chooses the code that hashes them */
#include "base/sha256.h"

#include <string.h>

#ifdef FLETCH_WITH_LIBCRYPTO
/* The low-level calls: EVP looks the digest up first, and libcrypto 3.0 crashes when memory
 * runs out during that. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#endif

#define BLOCK FLETCH_SHA256_BLOCK
/* Where the last block holds the number of bits. */
#define LENGTH_AT (BLOCK - 8)

const uint32_t fletch_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static const uint32_t begin_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t load_big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_big(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* ---- In C ---- */

static uint32_t turn(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

/* Expands the message's words for all rounds. */
static void spread(uint32_t words[64], const uint8_t block[BLOCK])
{
    for (size_t i = 0; i < 16; i++)
        words[i] = load_big(block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        const uint32_t early = words[i - 15], late = words[i - 2];

        words[i] = words[i - 16] + (turn(early, 7) ^ turn(early, 18) ^ early >> 3) +
                   words[i - 7] + (turn(late, 17) ^ turn(late, 19) ^ late >> 10);
    }
}

static void blocks_c(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32_t words[64];

    for (; count; count--, blocks += BLOCK) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

        spread(words, blocks);
        for (size_t i = 0; i < 64; i++) {
            const uint32_t x = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                               (g ^ (e & (f ^ g))) + fletch_sha256_constants[i] + words[i];
            const uint32_t y =
                (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));

            h = g, g = f, f = e, e = d + x;
            d = c, c = b, b = a, a = x + y;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

/* ---- By libcrypto, which is faster where there are no SHA instructions ---- */

#ifdef FLETCH_WITH_LIBCRYPTO
static void blocks_libcrypto(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    SHA256_CTX context;

    SHA256_Init(&context);
    memcpy(context.h, state, sizeof(context.h));
    SHA256_Update(&context, blocks, count * BLOCK);
    memcpy(state, context.h, sizeof(context.h));
}
#endif

static fletch_sha256_blocks_fn *find_libcrypto(void)
{
#ifdef FLETCH_WITH_LIBCRYPTO
    return blocks_libcrypto;
#else
    return NULL;
#endif
}

static fletch_sha256_blocks_fn *find_c(void)
{
    return blocks_c;
}

/* ---- The choice ---- */

fletch_sha256_blocks_fn *fletch_sha256_way(size_t i, const char **name)
{
    static const struct {
        const char *name;
        fletch_sha256_blocks_fn *(*find)(void);
    } ways[] = {
        { "x86 SHA extensions", fletch_sha256_find_x86 },
        { "ARMv8 SHA2 extension", fletch_sha256_find_arm },
        { "libcrypto", find_libcrypto },
        { "C", find_c },
    };

    for (size_t at = 0; at < sizeof(ways) / sizeof(ways[0]); at++) {
        fletch_sha256_blocks_fn *blocks = ways[at].find();

        if (!blocks || i--)
            continue;
        if (name)
            *name = ways[at].name;
        return blocks;
    }
    return NULL;
}

/* ---- Bytes ---- */

void fletch_sha256_open(struct fletch_sha256 *sha)
{
    if (!sha->blocks)
        sha->blocks = fletch_sha256_way(0, NULL);
    memcpy(sha->state, begin_state, sizeof(sha->state));
    sha->size = 0;
}

void fletch_sha256_put(struct fletch_sha256 *sha, const void *bytes, size_t size)
{
    const size_t held = (size_t)(sha->size % BLOCK);
    const uint8_t *from = bytes;

    sha->size += size;
    if (held) {
        const size_t part = size < BLOCK - held ? size : BLOCK - held;

        memcpy(sha->held + held, from, part);
        if (held + part < BLOCK)
            return;
        sha->blocks(sha->state, sha->held, 1);
        from += part;
        size -= part;
    }
    if (size >= BLOCK)
        sha->blocks(sha->state, from, size / BLOCK);
    if (size % BLOCK)
        memcpy(sha->held, from + size / BLOCK * BLOCK, size % BLOCK);
}

void fletch_sha256_finish(struct fletch_sha256 *sha, uint8_t out[FLETCH_SHA256_SIZE])
{
    const uint64_t bits = sha->size * 8;
    size_t held = (size_t)(sha->size % BLOCK);

    sha->held[held++] = 0x80;
    if (held > LENGTH_AT) {
        memset(sha->held + held, 0, BLOCK - held);
        sha->blocks(sha->state, sha->held, 1);
        held = 0;
    }
    memset(sha->held + held, 0, LENGTH_AT - held);
    store_big(sha->held + LENGTH_AT, (uint32_t)(bits >> 32));
    store_big(sha->held + LENGTH_AT + 4, (uint32_t)bits);
    sha->blocks(sha->state, sha->held, 1);
    for (size_t i = 0; i < 8; i++)
        store_big(out + 4 * i, sha->state[i]);
}

void fletch_sha256_hex(char out[FLETCH_SHA256_HEX],
                       const uint8_t digest[FLETCH_SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < FLETCH_SHA256_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[FLETCH_SHA256_HEX - 1] = 0;
}
