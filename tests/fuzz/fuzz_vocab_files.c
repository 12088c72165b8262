/* SPDX-License-Identifier: MIT */
/* fuzz_vocab_files - any texts as vocab.txt, vocab.json, merges.txt and the tokens beside
 * them
 *
 * The input is tokenizer_config.json, a vocabulary, added_tokens.json and merges, with a
 * NUL between.
 */
#include "vocab_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "bert", "mpnet", "roberta", "deberta", "gpt2" };
    const char *texts[TEXTS] = { "", "", "", "" };
    char *copy = malloc(size + 1), config[64];
    size_t at = 0;

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = 0;
    for (size_t i = 0; i < TEXTS && at < size; i++) {
        texts[i] = copy + at;
        at += strlen(texts[i]) + 1;
    }
    put_in_folder("vocab.txt", texts[1], strlen(texts[1]));
    put_in_folder("vocab.json", texts[1], strlen(texts[1]));
    put_in_folder("merges.txt", texts[3], strlen(texts[3]));
    if (*texts[2])
        put_in_folder("added_tokens.json", texts[2], strlen(texts[2]));
    else
        unlink(in_folder("added_tokens.json"));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        snprintf(config, sizeof(config), "{\"model_type\": \"%s\"}", types[i]);
        build_in_folder(config, texts[0]);
    }
    free(copy);
    return 0;
}
