/* SPDX-License-Identifier: MIT */
/* commit.h - writes the segments of rows, in order, into the file
 *
 * The bytes of the file depend on the segments alone. When a segment shows that a float16
 * row overflows, the row is taken back and immediately rewritten in its wide type; segments
 * of it that are still under way are dropped when they arrive. */
#ifndef FLETCH_CONVERT_COMMIT_H
#define FLETCH_CONVERT_COMMIT_H

#include "convert/slot.h"

/* Zeroed is closed. Only for one thread at a time. */
struct fletch_committer {
    const struct fletch_pipeline *pipeline;
    struct fletch_row_outcome *outcomes; /* [rows_count] */
    struct fletch_writer *writer;
    size_t group; /* being written */
    bool group_is_open;
    uint32_t crc;         /* of the source of the current row, so far */
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
/* Commits the next segment in the plan's order, which is made and hashed, and reports
 * progress. A row that is rewritten uses the slot and the caller's bench and no other
 * memory. */
enum fletch_status fletch_commit(struct fletch_committer *committer,
                                 struct fletch_slot *slot, struct fletch_workbench *bench,
                                 struct fletch_error *err);
/* Call after the last segment. *written is the file's size, *footer_at where its pages
 * end. */
enum fletch_status fletch_commit_end(struct fletch_committer *committer, uint64_t *written,
                                     uint64_t *footer_at, struct fletch_error *err);
void fletch_committer_close(struct fletch_committer *committer);

#endif
