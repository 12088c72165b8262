/* SPDX-License-Identifier: MIT */
/* kernels.c - each way to code, decode and hash that this processor has, beside the others
 *
 * kernels [RUNS]: 32 MiB of made weights (16 bit, a random low byte and few high ones), of
 * which each piece of 1 MiB is coded, decoded and hashed, RUNS times (5) in turns. Prints
 * GB/s of content, of the least processor time, and how many times the first way of each
 * kind that is: for a reader who has another processor.
 */
#include "base/sha256.h"
#include "codec/zstd_internal.h"
#include "codec/zstd_literals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE ((size_t)1 << 20)
#define PIECES ((size_t)32)
#define BLOCKS (PIECE / FLETCH_ZSTD_BLOCK)
#define RUNS_MAX 100
#define WAYS_MAX 8

struct kernels {
    uint8_t *content, *back;
    uint8_t *frames[PIECES]; /* of the library */
    size_t sizes[PIECES];
    uint8_t *streams; /* a piece's, wherever they lie */
    struct fletch_zstd_walk walks[PIECES][BLOCKS * 4];
    struct fletch_zstd_code code;
    struct fletch_zstd_lookup lookup;
    ZSTD_DCtx *context;
    uint32_t sink;
};

static void die(const char *what)
{
    fprintf(stderr, "kernels: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *need(size_t size)
{
    void *memory = malloc(size);

    if (!memory)
        die("out of memory");
    memset(memory, 1, size);
    return memory;
}

static void fill(uint8_t *out, size_t size)
{
    uint64_t state = 12345;

    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(state >> 56);
        /* the sum of two is as a norm's tail: near its middle most of the time */
        if (i % 2)
            out[i] = (uint8_t)(0x30 + (state >> 60) + (state >> 52 & 15));
    }
    for (size_t i = 0; i < size; i += PIECE)
        for (size_t byte = 0; byte < FLETCH_ZSTD_BYTES; byte++)
            out[i + byte] = (uint8_t)byte;
}

/* One code for all, and each piece's streams in turn, which are kept. */
static void prepare(struct kernels *k)
{
    const size_t cap = ZSTD_compressBound(PIECE);
    uint8_t *to;

    k->content = need(PIECE * PIECES);
    k->back = need(PIECE * PIECES);
    k->streams = to = need(2 * PIECE * PIECES);
    k->context = ZSTD_createDCtx();
    fill(k->content, PIECE * PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        k->frames[i] = need(cap);
        k->sizes[i] = ZSTD_compress(k->frames[i], cap, k->content + i * PIECE, PIECE, 1);
        if (!k->context || ZSTD_isError(k->sizes[i]))
            die("the library does not compress");
    }
    if (!fletch_zstd_code_read(&k->code, k->frames[0], k->sizes[0],
                               ZSTD_frameHeaderSize(k->frames[0], k->sizes[0])) ||
        !fletch_zstd_lookup_read(&k->lookup, k->code.description, k->code.description_size))
        die("the library's first block is coded otherwise than thought");
    for (size_t i = 0; i < PIECES; i++)
        for (size_t j = 0; j < BLOCKS * 4; j++) {
            const size_t quarter = FLETCH_ZSTD_BLOCK / 4, at = i * PIECE + j * quarter;
            uint8_t *end =
                fletch_zstd_stream_way(0)(to, k->content + at, quarter, &k->code);

            if (!fletch_zstd_walk_begin(&k->walks[i][j], to, (size_t)(end - to),
                                        k->back + at, quarter))
                die("a stream has no end");
            to = end;
        }
}

static bool code(struct kernels *k, size_t way, size_t piece)
{
    fletch_zstd_stream_fn put = fletch_zstd_stream_way(way);
    uint8_t *to = k->frames[0]; /* in vain, into memory that is used again */

    for (size_t j = 0; put && j < BLOCKS * 4; j++)
        k->sink += *put(to, k->content + piece * PIECE + j * (FLETCH_ZSTD_BLOCK / 4),
                        FLETCH_ZSTD_BLOCK / 4, &k->code);
    return put;
}

/* The library first: a frame of the same content, with tables of its own. */
static bool decode(struct kernels *k, size_t way, size_t piece)
{
    struct fletch_zstd_walk walks[BLOCKS * 4];
    uint8_t *out = k->back + piece * PIECE;
    fletch_zstd_walk_fn *walk;

    if (!way)
        return !ZSTD_isError(
            ZSTD_decompressDCtx(k->context, out, PIECE, k->frames[piece], k->sizes[piece]));
    walk = fletch_zstd_walk_way(way - 1, NULL);
    if (!walk)
        return false;
    memcpy(walks, k->walks[piece], sizeof(walks));
    for (size_t j = 0; j < BLOCKS * 4; j += FLETCH_ZSTD_WALKS)
        if (!fletch_zstd_walk_all(walks + j, FLETCH_ZSTD_WALKS, &k->lookup, walk))
            die("a stream is wrong");
    return true;
}

static bool hash(struct kernels *k, size_t way, size_t piece)
{
    struct fletch_sha256 sha = { .blocks = fletch_sha256_way(way, NULL) };
    uint8_t digest[FLETCH_SHA256_SIZE];

    if (!sha.blocks)
        return false;
    fletch_sha256_open(&sha);
    fletch_sha256_put(&sha, k->content + piece * PIECE, PIECE);
    fletch_sha256_finish(&sha, digest);
    k->sink += digest[0];
    return true;
}

static const char *code_name(size_t way)
{
    static const char *const names[] = { "C", "BMI2", "AVX-512 VBMI" };

    return way < 3 ? names[way] : "?";
}

static const char *decode_name(size_t way)
{
    const char *name = "libzstd";

    if (way)
        fletch_zstd_walk_way(way - 1, &name);
    return name;
}

static const char *hash_name(size_t way)
{
    const char *name = "?";

    fletch_sha256_way(way, &name);
    return name;
}

static void measure(struct kernels *k, const char *what,
                    bool (*run)(struct kernels *k, size_t way, size_t piece),
                    const char *(*name)(size_t way), long runs)
{
    double best[WAYS_MAX] = { 0 };

    for (long i = 0; i < runs; i++)
        for (size_t way = 0; way < WAYS_MAX; way++) {
            const double begin = now();
            size_t piece = 0;
            double took;

            while (piece < PIECES && run(k, way, piece))
                piece++;
            took = now() - begin;
            if (piece == PIECES && (best[way] <= 0 || took < best[way]))
                best[way] = took;
        }
    for (size_t way = 0; way < WAYS_MAX && best[way] > 0; way++)
        printf("%-8s %-22s %6.2f GB/s %6.2fx\n", what, name(way),
               (double)(PIECE * PIECES) / best[way] / 1e9, best[0] / best[way]);
}

int main(int argc, char **argv)
{
    static struct kernels kernels;
    const long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 5;

    if (runs < 1 || runs > RUNS_MAX)
        die("RUNS is 1 to 100");
    prepare(&kernels);
    measure(&kernels, "decode", decode, decode_name, runs);
    if (memcmp(kernels.content, kernels.back, PIECE * PIECES) != 0)
        die("what was decoded is something else");
    measure(&kernels, "code", code, code_name, runs);
    measure(&kernels, "hash", hash, hash_name, runs);
    return 0;
}
