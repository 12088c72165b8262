/* SPDX-License-Identifier: MIT */
/* golden_names.h - the golden cases whose rows and metadata are checked one by one */
#ifndef FLETCH_TESTS_GOLDEN_NAMES_H
#define FLETCH_TESTS_GOLDEN_NAMES_H

static const char *const golden_names[] = {
    "albert",
    "bert-bf16",
    "bert-mlm-sharded",
    "bert-safetensors",
    "clip",
    "clip-vision-unprefixed",
    "clip-vision-with-projection",
    "distilbert-qa",
    "mpnet-mlm",
    "roberta-mlm",
    "st-dense",
    "st-mean",
    "values",
    "whisper",
};
#define GOLDEN_NAMES (sizeof(golden_names) / sizeof(golden_names[0]))

#endif
