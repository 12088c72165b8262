/* SPDX-License-Identifier: MIT */
/* pickle.h - a pickle as a graph of inert values
 *
 * A pickle is a program for a small stack machine. Here that machine runs, protocols 0 to
 * 5, but has nothing to call: the name of a function or class stays a name, and what the
 * pickle would have called becomes a value that says so. Values refer to each other by
 * index, so shared and cyclic ones need no care. Nothing here walks the graph; code that
 * does must bound its depth. OrderedDict, defaultdict and Counter become dicts.
 */
#ifndef FLETCH_TORCH_PICKLE_H
#define FLETCH_TORCH_PICKLE_H

#include "base/error.h"
#include "base/mem.h"

/* A state dict takes about 20 values a tensor. */
#define FLETCH_PICKLE_SIZE_MAX ((uint64_t)128 << 20)
#define FLETCH_PICKLE_VALUES_MAX (8u << 20)
#define FLETCH_PICKLE_ITEMS_MAX (16u << 20)
#define FLETCH_PICKLE_STACK_MAX (8u << 20)
#define FLETCH_PICKLE_MEMO_MAX (4u << 20)
/* Tuples, lists and dicts open at once. */
#define FLETCH_PICKLE_DEPTH_MAX 1000

enum fletch_pickle_kind {
    FLETCH_PICKLE_NONE,
    FLETCH_PICKLE_BOOL,
    FLETCH_PICKLE_INT,
    FLETCH_PICKLE_LONG, /* beyond 64 bits: holds the opcode's text, as in the file */
    FLETCH_PICKLE_FLOAT,
    FLETCH_PICKLE_TEXT, /* normally UTF-8, unchecked; also Python 2's byte strings */
    FLETCH_PICKLE_BYTES,
    FLETCH_PICKLE_TUPLE,
    FLETCH_PICKLE_LIST,
    FLETCH_PICKLE_DICT, /* items are key, value, key, value, ... */
    FLETCH_PICKLE_SET,
    FLETCH_PICKLE_GLOBAL,
    FLETCH_PICKLE_CALL, /* what would have been called or constructed */
    FLETCH_PICKLE_PERSISTENT,
    FLETCH_PICKLE_KINDS
};

/* Indices of values that exist in every pickle. */
enum { FLETCH_PICKLE_AT_NONE, FLETCH_PICKLE_AT_FALSE, FLETCH_PICKLE_AT_TRUE };

struct fletch_pickle_value {
    enum fletch_pickle_kind kind;
    uint64_t at; /* of the opcode that made it, in the file */
    union {
        int64_t whole; /* INT, BOOL */
        double real;   /* FLOAT */
        struct {
            const char *text; /* TEXT, BYTES, LONG: [len], not terminated, borrowed from the
                                 pickle's bytes or in the arena */
            size_t len;
        };
        struct {
            uint32_t *items; /* TUPLE, LIST, DICT, SET: [cap], `count` in use */
            uint32_t count, cap;
        };
        struct {
            const char *module, *name; /* GLOBAL; terminated */
        };
        struct {
            uint32_t callee, args; /* CALL */
            uint32_t state;        /* the state it was to be filled with; AT_NONE:
                                      nothing */
        };
        uint32_t id; /* PERSISTENT */
    };
};

/* Zeroed is empty. */
struct fletch_pickle {
    struct fletch_arena arena;
    struct fletch_pickle_value *values; /* [cap], `count` in use */
    uint32_t count, cap;
    uint32_t top; /* the result */
    size_t end;   /* bytes up to and including STOP */
};

/* Runs the pickle at bytes[size], which lies at byte `base` of its file and must outlive
 * the values. Messages begin "byte N: ". *cut: the bytes end before the pickle does, so
 * more of them may help. Must be closed after a failure too. FORMAT, UNSUPPORTED (naming
 * the limit), MEMORY. */
enum fletch_status fletch_pickle_read(struct fletch_pickle *out, bool *cut,
                                      const void *bytes, size_t size, uint64_t base,
                                      struct fletch_error *err);
void fletch_pickle_close(struct fletch_pickle *pickle);

/* "a dict": for messages. */
const char *fletch_pickle_kind_text(enum fletch_pickle_kind kind);
/* True for a TEXT or BYTES equal to `word`. */
bool fletch_pickle_is_text(const struct fletch_pickle_value *value, const char *word);
/* True for the global of that name. */
bool fletch_pickle_is_global(const struct fletch_pickle_value *value, const char *module,
                             const char *name);

#endif
