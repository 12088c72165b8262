/* SPDX-License-Identifier: MIT */
/* pickle_internal.h - the machine's internals, for pickle.c and pickle_ops.c alone */
#ifndef FLETCH_TORCH_PICKLE_INTERNAL_H
#define FLETCH_TORCH_PICKLE_INTERNAL_H

#include "torch/pickle.h"

struct machine {
    const uint8_t *bytes; /* [size] */
    size_t size, pos;
    uint64_t base;
    size_t op_at; /* of the opcode being executed */
    struct fletch_pickle *out;
    uint32_t *stack; /* [stack_cap] */
    uint32_t stack_count, stack_cap;
    uint32_t marks[FLETCH_PICKLE_DEPTH_MAX]; /* heights of the stack */
    uint32_t marks_count;
    uint32_t *memo; /* [memo_cap], index + 1; 0: nothing */
    uint32_t memo_cap, memo_count;
    uint32_t items; /* of all containers together */
    bool cut, stopped;
    struct fletch_error *err;
};

struct opcode {
    const char *name; /* NULL: there is no such opcode */
    enum fletch_status (*run)(struct machine *m);
};

/* Both [256]: opcodes that make a value from their operand alone, and all others. */
extern const struct opcode fletch_pickle_scalars[];
extern const struct opcode fletch_pickle_ops[];

/* "byte N: opcode XX (NAME): ..." */
enum fletch_status fletch_machine_fail(const struct machine *m, enum fletch_status status,
                                       const char *format, ...) FLETCH_PRINTF(3, 4);
/* The next `size` bytes of operand. */
enum fletch_status fletch_machine_take(const uint8_t **out, struct machine *m,
                                       uint64_t size);
/* An unsigned operand of 1, 2, 4 or 8 bytes. */
enum fletch_status fletch_machine_operand(uint64_t *out, struct machine *m, unsigned size);
/* The same from its bytes, 8 at most. */
uint64_t fletch_machine_load(const uint8_t *bytes, unsigned size);
/* Takes the operand up to the end of the line, and skips the line end. */
enum fletch_status fletch_machine_line(const char **out, size_t *len, struct machine *m);
enum fletch_status fletch_machine_push(struct machine *m, uint32_t index);
/* Pushes a new value. */
enum fletch_status fletch_machine_push_new(struct machine *m,
                                           const struct fletch_pickle_value *value);
enum fletch_status fletch_machine_pop(uint32_t *out, struct machine *m);
/* The values above the last mark: stack[*begin .. stack_count). The mark is removed; the
 * caller must drop the values. */
enum fletch_status fletch_machine_above_mark(uint32_t *begin, struct machine *m);
/* Appends values to a container. */
enum fletch_status fletch_machine_append(struct machine *m, uint32_t container,
                                         const uint32_t *items, uint32_t count);
enum fletch_status fletch_machine_memo_put(struct machine *m, uint64_t index);
enum fletch_status fletch_machine_memo_get(struct machine *m, uint64_t index);

#endif
