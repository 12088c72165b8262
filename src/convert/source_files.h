/* SPDX-License-Identifier: MIT */
/* source_files.h - the files a conversion was made from, with their hashes if requested
 */
#ifndef FLETCH_CONVERT_SOURCE_FILES_H
#define FLETCH_CONVERT_SOURCE_FILES_H

#include "convert/pipeline.h"

/* A source file, for metadata.json. */
struct fletch_source_file {
    const char *name; /* relative to the model's folder */
    uint64_t size;
    bool hashed;
    uint8_t sha256[FLETCH_SHA256_SIZE]; /* when `hashed` */
};

/* Lists the files that were read, named relative to the model's folder; *out [*count] lives
 * in the arena. With `certify`, hashes each of them, and every row's source bytes into
 * outcomes. */
enum fletch_status fletch_source_files_list(struct fletch_source_file **out, size_t *count,
                                            const struct fletch_model *model,
                                            struct fletch_arena *arena,
                                            struct fletch_error *err);
enum fletch_status fletch_source_files_hash(struct fletch_source_file *files, size_t count,
                                            struct fletch_row_outcome *outcomes,
                                            const struct fletch_model *model,
                                            const struct fletch_pipeline *pipeline,
                                            struct fletch_error *err);

#endif
