/* SPDX-License-Identifier: MIT */
/* commit.h - the segments of rows, in order, into the file
 *
 * The bytes of the file follow from the segments alone. A float16 row in which a value
 * overflows is taken back when its segment comes, and written anew in its wide type here
 * and now; segments of it that are still under way are dropped when they come. */
#ifndef FLETCH_CONVERT_COMMIT_H
#define FLETCH_CONVERT_COMMIT_H

#include "convert/slot.h"

/* Zeroed is closed. Not for several threads at once. */
struct fletch_committer {
    const struct fletch_pipeline *pipeline;
    struct fletch_row_outcome *outcomes; /* [rows_count] */
    struct fletch_writer *writer;
    size_t group; /* being written */
    bool group_is_open;
    uint32_t crc;         /* of the source of the row at hand, so far */
    uint32_t content_crc; /* of its page's content, for codecs with an ending */
    uint64_t bytes;       /* of the source, committed */
    size_t rows;          /* committed */
    bool *rewritten;      /* [rows_count]: in the wide type */
};

/* The file must be empty. Clears the outcomes. */
enum fletch_status fletch_committer_open(struct fletch_committer *out,
                                         struct fletch_row_outcome *outcomes,
                                         const struct fletch_file *file,
                                         const struct fletch_pipeline *pipeline,
                                         struct fletch_error *err);
/* The next segment in the order of the plan, made and hashed. Tells progress. A row that is
 * written anew goes through the slot and the caller's bench: it takes no other memory. */
enum fletch_status fletch_commit(struct fletch_committer *committer,
                                 struct fletch_slot *slot, struct fletch_workbench *bench,
                                 struct fletch_error *err);
/* After the last segment. *written is the file's size, *footer_at where its pages end. */
enum fletch_status fletch_commit_end(struct fletch_committer *committer, uint64_t *written,
                                     uint64_t *footer_at, struct fletch_error *err);
void fletch_committer_close(struct fletch_committer *committer);

#endif
