/* SPDX-License-Identifier: MIT */
/* pickle.c - see pickle.h; the opcodes are in pickle_scalars.c and pickle_ops.c */
#include "torch/pickle_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct opcode *opcode_of(unsigned code)
{
    return fletch_pickle_scalars[code].run ? &fletch_pickle_scalars[code]
                                           : &fletch_pickle_ops[code];
}

enum fletch_status fletch_machine_fail(const struct machine *m, enum fletch_status status,
                                       const char *format, ...)
{
    unsigned code = m->op_at < m->size ? m->bytes[m->op_at] : 0;
    const char *name = opcode_of(code)->name;
    char text[320];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fletch_fail(m->err, status, "byte %" PRIu64 ": opcode %02x (%s): %s",
                       m->base + m->op_at, code, name ? name : "unknown", text);
}

enum fletch_status fletch_machine_take(const uint8_t **out, struct machine *m,
                                       uint64_t size)
{
    if (size > m->size - m->pos) {
        m->cut = true;
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs %" PRIu64 " bytes, the pickle ends after %zu",
                                   size, m->size - m->pos);
    }
    *out = m->bytes + m->pos;
    m->pos += (size_t)size;
    return FLETCH_OK;
}

uint64_t fletch_machine_load(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

enum fletch_status fletch_machine_operand(uint64_t *out, struct machine *m, unsigned size)
{
    const uint8_t *bytes = NULL;

    TRY(fletch_machine_take(&bytes, m, size));
    *out = fletch_machine_load(bytes, size);
    return FLETCH_OK;
}

enum fletch_status fletch_machine_line(const char **out, size_t *len, struct machine *m)
{
    const char *begin = (const char *)m->bytes + m->pos;
    const char *end = m->pos < m->size ? memchr(begin, '\n', m->size - m->pos) : NULL;

    if (!end) {
        m->cut = true;
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs a line, the pickle ends before it does");
    }
    *out = begin;
    *len = (size_t)(end - begin);
    m->pos += *len + 1;
    return FLETCH_OK;
}

/* ---- Values ---- */

/* Makes room for one more item of `size` bytes in a growing array of at most `most`. */
static enum fletch_status grow(void **array, uint32_t *cap, uint32_t most, size_t size,
                               const struct machine *m)
{
    uint32_t wanted = *cap ? *cap * 2 : 256;
    void *grown = fletch_resize(*array, wanted < most ? wanted : most, size);

    if (!grown)
        return fletch_fail_memory(m->err, wanted * size, "a pickle");
    *array = grown;
    *cap = wanted < most ? wanted : most;
    return FLETCH_OK;
}

enum fletch_status fletch_machine_push(struct machine *m, uint32_t index)
{
    void *stack = m->stack;

    if (m->stack_count == FLETCH_PICKLE_STACK_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "more values on the stack than the limit, %u "
                                   "(FLETCH_PICKLE_STACK_MAX)",
                                   FLETCH_PICKLE_STACK_MAX);
    if (m->stack_count == m->stack_cap) {
        TRY(grow(&stack, &m->stack_cap, FLETCH_PICKLE_STACK_MAX, sizeof(*m->stack), m));
        m->stack = stack;
    }
    m->stack[m->stack_count++] = index;
    return FLETCH_OK;
}

enum fletch_status fletch_machine_push_new(struct machine *m,
                                           const struct fletch_pickle_value *value)
{
    struct fletch_pickle *out = m->out;
    void *values = out->values;

    if (out->count == FLETCH_PICKLE_VALUES_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "more values than the limit, %u "
                                   "(FLETCH_PICKLE_VALUES_MAX)",
                                   FLETCH_PICKLE_VALUES_MAX);
    if (out->count == out->cap) {
        TRY(grow(&values, &out->cap, FLETCH_PICKLE_VALUES_MAX, sizeof(*value), m));
        out->values = values;
    }
    out->values[out->count] = *value;
    out->values[out->count].at = m->base + m->op_at;
    return fletch_machine_push(m, out->count++);
}

enum fletch_status fletch_machine_pop(uint32_t *out, struct machine *m)
{
    uint32_t floor = m->marks_count ? m->marks[m->marks_count - 1] : 0;

    if (m->stack_count == floor)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs a value, and the stack has none");
    *out = m->stack[--m->stack_count];
    return FLETCH_OK;
}

enum fletch_status fletch_machine_above_mark(uint32_t *begin, struct machine *m)
{
    if (!m->marks_count)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs a mark, and the stack has none");
    *begin = m->marks[--m->marks_count];
    return FLETCH_OK;
}

enum fletch_status fletch_machine_append(struct machine *m, uint32_t container,
                                         const uint32_t *items, uint32_t count)
{
    struct fletch_pickle_value *value = &m->out->values[container];

    if (count > FLETCH_PICKLE_ITEMS_MAX - m->items)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "more items than the limit, %u "
                                   "(FLETCH_PICKLE_ITEMS_MAX)",
                                   FLETCH_PICKLE_ITEMS_MAX);
    if (count > value->cap - value->count) {
        /* an outgrown array stays in the arena: at most as much again */
        uint32_t cap =
            value->cap * 2 > value->count + count ? value->cap * 2 : value->count + count;
        uint32_t *grown = fletch_arena_alloc_array(&m->out->arena, cap, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(m->err, cap * sizeof(*grown), "a pickle");
        if (value->count)
            memcpy(grown, value->items, value->count * sizeof(*grown));
        value->items = grown;
        value->cap = cap;
    }
    if (count)
        memcpy(value->items + value->count, items, count * sizeof(*items));
    value->count += count;
    m->items += count;
    return FLETCH_OK;
}

/* ---- The memo ---- */

enum fletch_status fletch_machine_memo_put(struct machine *m, uint64_t index)
{
    uint32_t value = 0, cap = m->memo_cap ? m->memo_cap : 256;

    TRY(fletch_machine_pop(&value, m));
    m->stack_count++;
    if (index >= FLETCH_PICKLE_MEMO_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "memo %" PRIu64 ", the limit is %u "
                                   "(FLETCH_PICKLE_MEMO_MAX)",
                                   index, FLETCH_PICKLE_MEMO_MAX);
    if (index >= m->memo_cap) {
        uint32_t *grown;

        while (cap <= index)
            cap *= 2;
        grown = fletch_resize(m->memo, cap, sizeof(*grown));
        if (!grown)
            return fletch_fail_memory(m->err, cap * sizeof(*grown), "a pickle's memo");
        memset(grown + m->memo_cap, 0, (cap - m->memo_cap) * sizeof(*grown));
        m->memo = grown;
        m->memo_cap = cap;
    }
    m->memo_count += !m->memo[index];
    m->memo[index] = value + 1;
    return FLETCH_OK;
}

enum fletch_status fletch_machine_memo_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo_cap || !m->memo[index])
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "memo %" PRIu64 " was never set",
                                   index);
    return fletch_machine_push(m, m->memo[index] - 1);
}

/* ---- The run ---- */

static enum fletch_status run(struct machine *m)
{
    static const enum fletch_pickle_kind always[] = { FLETCH_PICKLE_NONE,
                                                      FLETCH_PICKLE_BOOL,
                                                      FLETCH_PICKLE_BOOL };
    const struct opcode *opcode;

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        struct fletch_pickle_value value = { .kind = always[i] };

        value.whole = i == FLETCH_PICKLE_AT_TRUE;
        TRY(fletch_machine_push_new(m, &value));
    }
    m->stack_count = 0;
    while (!m->stopped) {
        if (m->pos == m->size) {
            m->cut = true;
            return fletch_fail(m->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": the pickle ends here, before its STOP",
                               m->base + m->pos);
        }
        m->op_at = m->pos++;
        opcode = opcode_of(m->bytes[m->op_at]);
        if (!opcode->run)
            return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "is none of a pickle's");
        TRY(opcode->run(m));
    }
    m->out->end = m->pos;
    return FLETCH_OK;
}

enum fletch_status fletch_pickle_read(struct fletch_pickle *out, bool *cut,
                                      const void *bytes, size_t size, uint64_t base,
                                      struct fletch_error *err)
{
    struct machine *m = fletch_alloc(sizeof(*m));
    enum fletch_status status;

    *out = (struct fletch_pickle){ 0 };
    *cut = false;
    if (!m)
        return fletch_fail_memory(err, sizeof(*m), "a pickle");
    m->bytes = bytes;
    m->size = size;
    m->base = base;
    m->out = out;
    m->err = err;
    status = run(m);
    *cut = m->cut;
    fletch_free(m->stack);
    fletch_free(m->memo);
    fletch_free(m);
    return status;
}

void fletch_pickle_close(struct fletch_pickle *pickle)
{
    fletch_arena_release(&pickle->arena);
    fletch_free(pickle->values);
    *pickle = (struct fletch_pickle){ 0 };
}

/* ---- Looking at values ---- */

const char *fletch_pickle_kind_text(enum fletch_pickle_kind kind)
{
    static const char *const texts[FLETCH_PICKLE_KINDS] = {
        [FLETCH_PICKLE_NONE] = "None",      [FLETCH_PICKLE_BOOL] = "a bool",
        [FLETCH_PICKLE_INT] = "an int",     [FLETCH_PICKLE_LONG] = "a long int",
        [FLETCH_PICKLE_FLOAT] = "a float",  [FLETCH_PICKLE_TEXT] = "a string",
        [FLETCH_PICKLE_BYTES] = "bytes",    [FLETCH_PICKLE_TUPLE] = "a tuple",
        [FLETCH_PICKLE_LIST] = "a list",    [FLETCH_PICKLE_DICT] = "a dict",
        [FLETCH_PICKLE_SET] = "a set",      [FLETCH_PICKLE_GLOBAL] = "a global",
        [FLETCH_PICKLE_CALL] = "an object", [FLETCH_PICKLE_PERSISTENT] = "a storage",
    };

    return texts[kind];
}

bool fletch_pickle_is_text(const struct fletch_pickle_value *value, const char *word)
{
    return (value->kind == FLETCH_PICKLE_TEXT || value->kind == FLETCH_PICKLE_BYTES) &&
           value->len == strlen(word) && !memcmp(value->text, word, value->len);
}

bool fletch_pickle_is_global(const struct fletch_pickle_value *value, const char *module,
                             const char *name)
{
    return value->kind == FLETCH_PICKLE_GLOBAL && !strcmp(value->module, module) &&
           !strcmp(value->name, name);
}
