/* SPDX-License-Identifier: MIT */
/* casts.c - the casts, with their reports, against copying what they read
 *
 * casts [RUNS]: for each pair of types the bytes of source a second (the best of RUNS, 15)
 * of the fast kernel, of the plain one, and of memcpy, on 64 MiB that come from memory and
 * on a chunk as the pipeline has it, which stays in the cache. Values are like weights, for
 * types of a byte any bits. Prints JSON.
 */
#include "tensor/cast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE ((size_t)64 << 20)
#define CHUNK ((size_t)64 << 10) /* elements, as in convert/workbench.h */

static const struct {
    const char *name;
    enum fletch_dtype from, to;
} pairs[] = {
    { "float32 to float16", FLETCH_F32, FLETCH_F16 },
    { "bfloat16 to float16", FLETCH_BF16, FLETCH_F16 },
    { "float64 to float16", FLETCH_F64, FLETCH_F16 },
    { "float8 (e4m3) to float16", FLETCH_F8_E4M3, FLETCH_F16 },
    { "float8 (e5m2) to float16", FLETCH_F8_E5M2, FLETCH_F16 },
    { "bfloat16 to float32", FLETCH_BF16, FLETCH_F32 },
    { "float64 to float32", FLETCH_F64, FLETCH_F32 },
    { "float16 to float32", FLETCH_F16, FLETCH_F32 },
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double random_weight(uint64_t *state)
{
    double sum = 0;

    for (int i = 0; i < 4; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*state >> 33) / (double)(1u << 31) - 0.5;
    }
    return sum * 0.05;
}

static void fill(uint8_t *in, enum fletch_dtype type)
{
    uint64_t state = 1;

    for (size_t i = 0; i < SIZE / 8; i++) {
        double wide = random_weight(&state);
        float single = (float)wide, other = (float)random_weight(&state);

        if (type == FLETCH_F64) {
            memcpy(in + 8 * i, &wide, 8);
        } else if (type == FLETCH_F32) {
            memcpy(in + 8 * i, &single, 4);
            memcpy(in + 8 * i + 4, &other, 4);
        } else if (type == FLETCH_BF16) {
            for (size_t j = 0; j < 4; j++)
                memcpy(in + 8 * i + 2 * j, (const uint8_t *)(j % 2 ? &other : &single) + 2,
                       2);
        } else {
            /* finite and ordinary in float16 as well as in types of a byte */
            for (size_t j = 0; j < 8; j++)
                in[8 * i + j] = (uint8_t)(state >> (8 + 5 * j) & 0xb7);
        }
    }
}

/* Bytes of source a second; NULL for copying. In steps of `step` elements, always the same
 * ones when `again`. */
static double speed(fletch_cast_fn cast, uint8_t *out, const uint8_t *in, size_t width,
                    size_t out_width, bool again, int runs)
{
    const size_t count = SIZE / width;
    double best = 1e9;

    for (int run = 0; run < runs; run++) {
        struct fletch_cast_report report = { 0 };
        double began = now(), took;

        for (size_t i = 0; i < count; i += CHUNK) {
            size_t some = count - i < CHUNK ? count - i : CHUNK, at = again ? 0 : i;

            if (cast)
                cast(out + at * out_width, in + at * width, some, &report);
            else
                memcpy(out + at * width, in + at * width, some * width);
            __asm__ volatile("" ::"r"(out) : "memory");
        }
        took = now() - began;
        best = took < best ? took : best;
    }
    return (double)SIZE / best;
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 15;
    uint8_t *in = malloc(SIZE), *out = malloc(4 * SIZE);

    if (!in || !out)
        return 1;
    memset(out, 1, 4 * SIZE);
    printf("{\"kernels\": \"%s\"", fletch_cast_kernels());
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        fletch_cast_fn fast = fletch_cast_find(pairs[i].from, pairs[i].to),
                       plain = fletch_cast_find_plain(pairs[i].from, pairs[i].to);
        size_t width = fletch_dtype_size(pairs[i].from),
               out_width = fletch_dtype_size(pairs[i].to);

        fill(in, pairs[i].from);
        printf(",\n \"%s\": {", pairs[i].name);
        for (int again = 0; again < 2; again++)
            printf("%s\"%s\": {\"fast\": %.0f, \"plain\": %.0f, \"memcpy\": %.0f}",
                   again ? ", " : "", again ? "cached" : "memory",
                   speed(fast, out, in, width, out_width, again, runs),
                   speed(plain, out, in, width, out_width, again, runs / 3 + 1),
                   speed(NULL, out, in, width, width, again, runs));
        printf("}");
    }
    printf("}\n");
    free(in);
    free(out);
    return 0;
}
