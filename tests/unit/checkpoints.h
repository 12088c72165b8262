/* SPDX-License-Identifier: MIT */
/* checkpoints.h - what the tests of checkpoints share: headers to make, sentences to expect
 */
#ifndef FLETCH_TESTS_CHECKPOINTS_H
#define FLETCH_TESTS_CHECKPOINTS_H

#include "support.h"

#include "base/bytes.h"
#include "checkpoint/checkpoint.h"

/* Text with NULs in it, and its length. */
#define TEXT(text) (text), sizeof(text) - 1

/* The file `name` with this header and `data_size` zero bytes behind it. */
static inline const char *put_header(const char *name, const char *header, size_t size,
                                     size_t data_size)
{
    const char *path = at(name);
    size_t all = 8 + size + data_size;
    uint8_t *bytes = calloc(1, all);

    assert_non_null(bytes);
    fletch_store_u64(bytes, size);
    memcpy(bytes + 8, header, size);
    put_bytes(path, bytes, all);
    free(bytes);
    return path;
}

static inline struct fletch_checkpoint *open_good(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;

    assert_ok(fletch_checkpoint_open(&checkpoint, path, NULL, &err), err);
    return checkpoint;
}

/* The status, and the whole sentence: "TOLD_PATH: SENTENCE". */
static inline void assert_refused_at(const char *path, enum fletch_status status,
                                     const char *told_path, const char *sentence)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    char wanted[1024];

    snprintf(wanted, sizeof(wanted), "%s: %s", told_path, sentence);
    if (fletch_checkpoint_open(&checkpoint, path, NULL, &err) != status ||
        err.status != status || strcmp(err.message, wanted) != 0)
        fail_msg("got %s '%s', expected %s '%s'", fletch_status_name(err.status),
                 err.message, fletch_status_name(status), wanted);
    assert_null(checkpoint);
    /* a caller may do without the sentence */
    assert_int_equal(fletch_checkpoint_open(&checkpoint, path, NULL, NULL), status);
}

static inline void assert_refused(const char *path, enum fletch_status status,
                                  const char *sentence)
{
    assert_refused_at(path, status, path, sentence);
}

#define SCRATCH_TEST(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

#endif
