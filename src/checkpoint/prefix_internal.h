/* SPDX-License-Identifier: MIT */
/* prefix_internal.h - what the files of the rule of prefixes share */
#ifndef FLETCH_CHECKPOINT_PREFIX_INTERNAL_H
#define FLETCH_CHECKPOINT_PREFIX_INTERNAL_H

#include "checkpoint/checkpoint_internal.h"
#include "checkpoint/prefix.h"

/* A list for a sentence: "'model' with 5, 'net' with 3 tensors"; from the first that has no
 * room on, they are only counted. */
struct fletch_prefix_listing {
    char text[300];
    size_t len, left;
};

/* `len` bytes of the path are the prefix, its last dot with it. */
void fletch_prefix_list_one(struct fletch_prefix_listing *listing, const char *path,
                            size_t len, size_t count);
void fletch_prefix_list_end(struct fletch_prefix_listing *listing, const char *unit);
/* The prefix that was asked for, with a dot; ARGUMENT when it is in front of no name. The
 * names are sorted. */
enum fletch_status fletch_prefix_option(const char **prefix,
                                        const struct fletch_prefix_name *names,
                                        size_t count, const char *asked,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err);

#endif
