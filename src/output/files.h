/* SPDX-License-Identifier: MIT */
/* files.h - the names of all output files, and nowhere else */
#ifndef FLETCH_OUTPUT_FILES_H
#define FLETCH_OUTPUT_FILES_H

#include <stdbool.h>

#define FLETCH_WEIGHTS_FILE "weights.parquet"
#define FLETCH_METADATA_FILE "metadata.json"
#define FLETCH_TOKENIZER_FOLDER "tokenizer"
#define FLETCH_TOKENIZER_FILE "tokenizer.json" /* in that folder */

struct fletch_output_entry {
    const char *path; /* in the output folder */
    bool is_folder;
    bool is_top; /* directly in the output folder */
};

/* In the order in which staging renames them, metadata.json last; ends with a NULL path. */
extern const struct fletch_output_entry fletch_output_entries[];

/* True for the name of an output directly in the output folder. */
bool fletch_output_is_top(const char *name);
/* True for the name of an output in the tokenizer folder. */
bool fletch_output_is_tokenizer(const char *name);

#endif
