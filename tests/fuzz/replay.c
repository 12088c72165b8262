/* SPDX-License-Identifier: MIT */
/* replay - runs a fuzz target on every file of a folder, without a fuzzing engine
 *
 * So that the corpus is replayed by every `make test`, with any compiler. Each input is
 * handed over in a block of exactly its size: with a sanitizer, one byte too many read is
 * seen. TAP on stdout; a crash leaves the plan unfulfilled.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger seeds would make the replay slow; none is needed. */
#define INPUT_SIZE_MAX ((size_t)1 << 20)

static uint8_t *load(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *all = malloc(INPUT_SIZE_MAX);
    uint8_t *exact = NULL;

    if (file && all) {
        *size = fread(all, 1, INPUT_SIZE_MAX, file);
        exact = malloc(*size ? *size : 1);
        if (exact)
            memcpy(exact, all, *size);
    }
    free(all);
    if (file)
        fclose(file);
    return exact;
}

static int replay(const char *folder, const char *name)
{
    char path[4096];
    size_t size = 0;
    uint8_t *input;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    input = load(path, &size);
    if (!input)
        return 0;
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    return 1;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int count, point = 0, failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    count = scandir(argv[1], &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            int good = replay(argv[1], entries[i]->d_name);

            failed |= !good;
            printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, entries[i]->d_name);
            fflush(stdout);
        }
        free(entries[i]);
    }
    free(entries);
    /* A target without seeds tests nothing. */
    if (!point) {
        failed = 1;
        printf("not ok %d - no seeds in %s\n", ++point, argv[1]);
    }
    printf("1..%d\n", point);
    return failed;
}
