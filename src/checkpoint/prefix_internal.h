/* SPDX-License-Identifier: MIT */
/* prefix_internal.h - what the files that implement the prefix rule share */
#ifndef FLETCH_CHECKPOINT_PREFIX_INTERNAL_H
#define FLETCH_CHECKPOINT_PREFIX_INTERNAL_H

#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"

/* A list for a message: "'model' with 5, 'net' with 3 tensors"; those that do not fit are
 * only counted. */
struct fletch_prefix_listing {
    char text[300];
    size_t len, left;
};

/* The prefix is the first `len` bytes of the path, its last dot included. */
void fletch_prefix_list_one(struct fletch_prefix_listing *listing, const char *path,
                            size_t len, size_t count);
void fletch_prefix_list_end(struct fletch_prefix_listing *listing, const char *unit);
/* The requested prefix, with a dot; ARGUMENT when no name begins with it. The names are
 * sorted. */
enum fletch_status fletch_prefix_option(const char **prefix,
                                        const struct fletch_prefix_name *names,
                                        size_t count, const char *asked,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err);

#endif
