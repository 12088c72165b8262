/* SPDX-License-Identifier: MIT */
/* pickle_ops.c - opcodes of a pickle that work on the stack: containers, the memo, objects
 *
 * Nothing here calls anything: REDUCE, NEWOBJ, INST and the like make a value that states
 * what would have been called.
 */
#include "torch/pickle_internal.h"

#include <inttypes.h>
#include <string.h>

#define PROTOCOL_MAX 5

static struct fletch_pickle_value *value_at(const struct machine *m, uint32_t index)
{
    return &m->out->values[index];
}

/* ---- The stack ---- */

static enum fletch_status op_mark(struct machine *m)
{
    if (m->marks_count == FLETCH_PICKLE_DEPTH_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "nested deeper than the limit, %d "
                                   "(FLETCH_PICKLE_DEPTH_MAX)",
                                   FLETCH_PICKLE_DEPTH_MAX);
    m->marks[m->marks_count++] = m->stack_count;
    return FLETCH_OK;
}

static enum fletch_status op_pop(struct machine *m)
{
    uint32_t dropped;

    if (m->marks_count && m->marks[m->marks_count - 1] == m->stack_count) {
        m->marks_count--;
        return FLETCH_OK;
    }
    return fletch_machine_pop(&dropped, m);
}

static enum fletch_status op_pop_mark(struct machine *m)
{
    return fletch_machine_above_mark(&m->stack_count, m);
}

static enum fletch_status op_dup(struct machine *m)
{
    uint32_t top;

    TRY(fletch_machine_pop(&top, m));
    m->stack_count++;
    return fletch_machine_push(m, top);
}

static enum fletch_status op_stop(struct machine *m)
{
    TRY(fletch_machine_pop(&m->out->top, m));
    if (m->stack_count || m->marks_count)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "the pickle stops with %u values left on its stack",
                                   m->stack_count);
    m->stopped = true;
    return FLETCH_OK;
}

static enum fletch_status op_proto(struct machine *m)
{
    uint64_t protocol;

    TRY(fletch_machine_operand(&protocol, m, 1));
    if (protocol > PROTOCOL_MAX)
        return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                                   "protocol %" PRIu64 ", expected %d at most", protocol,
                                   PROTOCOL_MAX);
    return FLETCH_OK;
}

/* Frames only tell how far to read ahead. */
static enum fletch_status op_frame(struct machine *m)
{
    uint64_t size;

    TRY(fletch_machine_operand(&size, m, 8));
    if (size > m->size - m->pos) {
        m->cut = true;
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "a frame of %" PRIu64 " bytes, %zu follow", size,
                                   m->size - m->pos);
    }
    return FLETCH_OK;
}

static enum fletch_status op_extension(struct machine *m)
{
    return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                               "names a class by a number that only its writer knows");
}

static enum fletch_status op_buffer(struct machine *m)
{
    return fletch_machine_fail(m, FLETCH_ERR_UNSUPPORTED,
                               "has bytes that are not in the pickle");
}

/* ---- The memo ---- */

static enum fletch_status memo_line(uint64_t *out, struct machine *m)
{
    const char *line;
    size_t len;

    TRY(fletch_machine_line(&line, &len, m));
    *out = 0;
    for (size_t i = 0; i < len; i++)
        if (line[i] < '0' || line[i] > '9' || *out > UINT32_MAX)
            len = 0;
        else
            *out = *out * 10 + (uint64_t)(line[i] - '0');
    if (!len)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "found no number of a memo on its line");
    return FLETCH_OK;
}

static enum fletch_status op_put(struct machine *m)
{
    uint64_t index;

    TRY(memo_line(&index, m));
    return fletch_machine_memo_put(m, index);
}

static enum fletch_status op_binput(struct machine *m)
{
    uint64_t index;

    TRY(fletch_machine_operand(&index, m, 1));
    return fletch_machine_memo_put(m, index);
}

static enum fletch_status op_long_binput(struct machine *m)
{
    uint64_t index;

    TRY(fletch_machine_operand(&index, m, 4));
    return fletch_machine_memo_put(m, index);
}

static enum fletch_status op_memoize(struct machine *m)
{
    return fletch_machine_memo_put(m, m->memo_count);
}

static enum fletch_status op_get(struct machine *m)
{
    uint64_t index;

    TRY(memo_line(&index, m));
    return fletch_machine_memo_get(m, index);
}

static enum fletch_status op_binget(struct machine *m)
{
    uint64_t index;

    TRY(fletch_machine_operand(&index, m, 1));
    return fletch_machine_memo_get(m, index);
}

static enum fletch_status op_long_binget(struct machine *m)
{
    uint64_t index;

    TRY(fletch_machine_operand(&index, m, 4));
    return fletch_machine_memo_get(m, index);
}

/* ---- Containers ---- */

/* Replaces the `count` values on top of the stack by a container of them. */
static enum fletch_status collect(struct machine *m, enum fletch_pickle_kind kind,
                                  uint32_t begin)
{
    const struct fletch_pickle_value value = { .kind = kind };
    uint32_t count = m->stack_count - begin, made;

    if (kind == FLETCH_PICKLE_DICT && count % 2)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "has %u keys and values, expected pairs", count);
    TRY(fletch_machine_push_new(m, &value));
    made = m->stack[m->stack_count - 1];
    TRY(fletch_machine_append(m, made, m->stack + begin, count));
    m->stack_count = begin;
    return fletch_machine_push(m, made);
}

static enum fletch_status collect_marked(struct machine *m, enum fletch_pickle_kind kind)
{
    uint32_t begin;

    TRY(fletch_machine_above_mark(&begin, m));
    return collect(m, kind, begin);
}

static enum fletch_status collect_top(struct machine *m, uint32_t count)
{
    uint32_t floor = m->marks_count ? m->marks[m->marks_count - 1] : 0;

    if (m->stack_count - floor < count)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs %u values, the stack has %u", count,
                                   m->stack_count - floor);
    return collect(m, FLETCH_PICKLE_TUPLE, m->stack_count - count);
}

static enum fletch_status op_empty_tuple(struct machine *m)
{
    return collect_top(m, 0);
}

static enum fletch_status op_tuple1(struct machine *m)
{
    return collect_top(m, 1);
}

static enum fletch_status op_tuple2(struct machine *m)
{
    return collect_top(m, 2);
}

static enum fletch_status op_tuple3(struct machine *m)
{
    return collect_top(m, 3);
}

static enum fletch_status op_tuple(struct machine *m)
{
    return collect_marked(m, FLETCH_PICKLE_TUPLE);
}

static enum fletch_status op_list(struct machine *m)
{
    return collect_marked(m, FLETCH_PICKLE_LIST);
}

static enum fletch_status op_dict(struct machine *m)
{
    return collect_marked(m, FLETCH_PICKLE_DICT);
}

static enum fletch_status op_frozenset(struct machine *m)
{
    return collect_marked(m, FLETCH_PICKLE_SET);
}

static enum fletch_status op_empty_list(struct machine *m)
{
    return collect(m, FLETCH_PICKLE_LIST, m->stack_count);
}

static enum fletch_status op_empty_dict(struct machine *m)
{
    return collect(m, FLETCH_PICKLE_DICT, m->stack_count);
}

static enum fletch_status op_empty_set(struct machine *m)
{
    return collect(m, FLETCH_PICKLE_SET, m->stack_count);
}

/* Puts stack[begin ..] into the container below. An object accepts anything and keeps
 * nothing: what its class would do with it is unknown. */
static enum fletch_status fill(struct machine *m, enum fletch_pickle_kind kind,
                               uint32_t begin)
{
    uint32_t floor = m->marks_count ? m->marks[m->marks_count - 1] : 0;
    uint32_t count = m->stack_count - begin;
    enum fletch_pickle_kind found;

    if (begin == floor)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "has nothing to put items into");
    if (kind == FLETCH_PICKLE_DICT && count % 2)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "has %u keys and values, expected pairs", count);
    found = value_at(m, m->stack[begin - 1])->kind;
    if (found == kind)
        TRY(fletch_machine_append(m, m->stack[begin - 1], m->stack + begin, count));
    else if (found != FLETCH_PICKLE_CALL)
        return fletch_machine_fail(
            m, FLETCH_ERR_FORMAT, "found %s to put items into, expected %s",
            fletch_pickle_kind_text(found), fletch_pickle_kind_text(kind));
    m->stack_count = begin;
    return FLETCH_OK;
}

static enum fletch_status fill_marked(struct machine *m, enum fletch_pickle_kind kind)
{
    uint32_t begin;

    TRY(fletch_machine_above_mark(&begin, m));
    return fill(m, kind, begin);
}

static enum fletch_status fill_top(struct machine *m, enum fletch_pickle_kind kind,
                                   uint32_t count)
{
    uint32_t floor = m->marks_count ? m->marks[m->marks_count - 1] : 0;

    if (m->stack_count - floor <= count)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "needs %u values, the stack has %u", count + 1,
                                   m->stack_count - floor);
    return fill(m, kind, m->stack_count - count);
}

static enum fletch_status op_append(struct machine *m)
{
    return fill_top(m, FLETCH_PICKLE_LIST, 1);
}

static enum fletch_status op_appends(struct machine *m)
{
    return fill_marked(m, FLETCH_PICKLE_LIST);
}

static enum fletch_status op_setitem(struct machine *m)
{
    return fill_top(m, FLETCH_PICKLE_DICT, 2);
}

static enum fletch_status op_setitems(struct machine *m)
{
    return fill_marked(m, FLETCH_PICKLE_DICT);
}

static enum fletch_status op_additems(struct machine *m)
{
    return fill_marked(m, FLETCH_PICKLE_SET);
}

/* ---- What would be called ---- */

/* Copies a text value, terminated, into the arena. */
static enum fletch_status copy_text(const char **out, struct machine *m, const char *text,
                                    size_t len)
{
    if (memchr(text, 0, len))
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "a NUL in the name of a global");
    *out = fletch_arena_text(&m->out->arena, text, len);
    return *out ? FLETCH_OK : fletch_fail_memory(m->err, len, "the name of a global");
}

static enum fletch_status push_global(struct machine *m, const char *const texts[2],
                                      const size_t lens[2])
{
    struct fletch_pickle_value value = { .kind = FLETCH_PICKLE_GLOBAL };

    TRY(copy_text(&value.module, m, texts[0], lens[0]));
    TRY(copy_text(&value.name, m, texts[1], lens[1]));
    return fletch_machine_push_new(m, &value);
}

static enum fletch_status op_global(struct machine *m)
{
    const char *texts[2];
    size_t lens[2];

    TRY(fletch_machine_line(&texts[0], &lens[0], m));
    TRY(fletch_machine_line(&texts[1], &lens[1], m));
    return push_global(m, texts, lens);
}

static enum fletch_status op_stack_global(struct machine *m)
{
    const char *texts[2];
    size_t lens[2];

    for (int i = 1; i >= 0; i--) {
        const struct fletch_pickle_value *value;
        uint32_t index;

        TRY(fletch_machine_pop(&index, m));
        value = value_at(m, index);
        if (value->kind != FLETCH_PICKLE_TEXT)
            return fletch_machine_fail(
                m, FLETCH_ERR_FORMAT, "found %s in the name of a global, expected a string",
                fletch_pickle_kind_text(value->kind));
        texts[i] = value->text;
        lens[i] = value->len;
    }
    return push_global(m, texts, lens);
}

/* The classes whose objects every checkpoint reader treats as dicts. */
static bool is_dict_class(const struct fletch_pickle_value *callee)
{
    static const char *const classes[][2] = {
        { "collections", "OrderedDict" }, { "collections", "defaultdict" },
        { "collections", "Counter" },     { "builtins", "dict" },
        { "__builtin__", "dict" },
    };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (fletch_pickle_is_global(callee, classes[i][0], classes[i][1]))
            return true;
    return false;
}

/* Python 2 passes an OrderedDict its items as a list of pairs, and a Counter is built from
 * a dict: puts them into the dict on top of the stack. */
static enum fletch_status take_pairs(struct machine *m, uint32_t args)
{
    const struct fletch_pickle_value *value = value_at(m, args), *list;
    uint32_t dict = m->stack[m->stack_count - 1];

    if (value->kind != FLETCH_PICKLE_TUPLE || value->count != 1)
        return FLETCH_OK;
    list = value_at(m, value->items[0]);
    if (list->kind == FLETCH_PICKLE_DICT)
        return fletch_machine_append(m, dict, list->items, list->count);
    if (list->kind != FLETCH_PICKLE_LIST)
        return FLETCH_OK;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct fletch_pickle_value *pair = value_at(m, list->items[i]);

        if ((pair->kind != FLETCH_PICKLE_LIST && pair->kind != FLETCH_PICKLE_TUPLE) ||
            pair->count != 2)
            return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                       "makes a dict of a list with %s, expected pairs",
                                       fletch_pickle_kind_text(pair->kind));
        TRY(fletch_machine_append(m, dict, pair->items, 2));
    }
    return FLETCH_OK;
}

static enum fletch_status push_call(struct machine *m, uint32_t callee, uint32_t args)
{
    const struct fletch_pickle_value call = { .kind = FLETCH_PICKLE_CALL,
                                              .callee = callee,
                                              .args = args,
                                              .state = FLETCH_PICKLE_AT_NONE };

    if (!is_dict_class(value_at(m, callee)))
        return fletch_machine_push_new(m, &call);
    TRY(op_empty_dict(m));
    return take_pairs(m, args);
}

/* REDUCE and NEWOBJ: a callee and a tuple of arguments. */
static enum fletch_status op_reduce(struct machine *m)
{
    uint32_t callee, args;

    TRY(fletch_machine_pop(&args, m));
    TRY(fletch_machine_pop(&callee, m));
    if (value_at(m, args)->kind != FLETCH_PICKLE_TUPLE)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT,
                                   "found %s as arguments, expected a tuple",
                                   fletch_pickle_kind_text(value_at(m, args)->kind));
    return push_call(m, callee, args);
}

static enum fletch_status op_newobj_ex(struct machine *m)
{
    uint32_t named;

    TRY(fletch_machine_pop(&named, m));
    return op_reduce(m);
}

/* Makes the arguments above a mark a tuple, then a call of `callee`. */
static enum fletch_status call_marked(struct machine *m, uint32_t callee, uint32_t begin)
{
    uint32_t args;

    TRY(collect(m, FLETCH_PICKLE_TUPLE, begin));
    TRY(fletch_machine_pop(&args, m));
    return push_call(m, callee, args);
}

static enum fletch_status op_inst(struct machine *m)
{
    uint32_t begin, callee;

    TRY(fletch_machine_above_mark(&begin, m));
    TRY(op_global(m));
    TRY(fletch_machine_pop(&callee, m));
    return call_marked(m, callee, begin);
}

static enum fletch_status op_obj(struct machine *m)
{
    uint32_t begin, callee;

    TRY(fletch_machine_above_mark(&begin, m));
    if (begin == m->stack_count)
        return fletch_machine_fail(m, FLETCH_ERR_FORMAT, "needs a class above its mark");
    callee = m->stack[begin];
    TRY(call_marked(m, callee, begin + 1));
    m->stack[begin] = m->stack[m->stack_count - 1];
    m->stack_count = begin + 1;
    return FLETCH_OK;
}

/* An object's state is kept with it; that of a dict ("_metadata") is dropped. */
static enum fletch_status op_build(struct machine *m)
{
    struct fletch_pickle_value *object;
    uint32_t state, top;

    TRY(fletch_machine_pop(&state, m));
    TRY(fletch_machine_pop(&top, m));
    object = value_at(m, top);
    if (object->kind == FLETCH_PICKLE_CALL)
        object->state = state;
    /* for an object not made by a call, its own __setstate__ would be called */
    if (object->kind == FLETCH_PICKLE_GLOBAL) {
        const struct fletch_pickle_value call = { .kind = FLETCH_PICKLE_CALL,
                                                  .callee = top,
                                                  .args = FLETCH_PICKLE_AT_NONE,
                                                  .state = state };

        return fletch_machine_push_new(m, &call);
    }
    return fletch_machine_push(m, top);
}

static enum fletch_status op_binpersid(struct machine *m)
{
    struct fletch_pickle_value value = { .kind = FLETCH_PICKLE_PERSISTENT };

    TRY(fletch_machine_pop(&value.id, m));
    return fletch_machine_push_new(m, &value);
}

static enum fletch_status op_persid(struct machine *m)
{
    struct fletch_pickle_value value = { .kind = FLETCH_PICKLE_TEXT };

    TRY(fletch_machine_line(&value.text, &value.len, m));
    TRY(fletch_machine_push_new(m, &value));
    return op_binpersid(m);
}

const struct opcode fletch_pickle_ops[256] = {
    [0x28] = { "MARK", op_mark },
    [0x29] = { "EMPTY_TUPLE", op_empty_tuple },
    [0x2e] = { "STOP", op_stop },
    [0x30] = { "POP", op_pop },
    [0x31] = { "POP_MARK", op_pop_mark },
    [0x32] = { "DUP", op_dup },
    [0x50] = { "PERSID", op_persid },
    [0x51] = { "BINPERSID", op_binpersid },
    [0x52] = { "REDUCE", op_reduce },
    [0x5d] = { "EMPTY_LIST", op_empty_list },
    [0x61] = { "APPEND", op_append },
    [0x62] = { "BUILD", op_build },
    [0x63] = { "GLOBAL", op_global },
    [0x64] = { "DICT", op_dict },
    [0x65] = { "APPENDS", op_appends },
    [0x67] = { "GET", op_get },
    [0x68] = { "BINGET", op_binget },
    [0x69] = { "INST", op_inst },
    [0x6a] = { "LONG_BINGET", op_long_binget },
    [0x6c] = { "LIST", op_list },
    [0x6f] = { "OBJ", op_obj },
    [0x70] = { "PUT", op_put },
    [0x71] = { "BINPUT", op_binput },
    [0x72] = { "LONG_BINPUT", op_long_binput },
    [0x73] = { "SETITEM", op_setitem },
    [0x74] = { "TUPLE", op_tuple },
    [0x75] = { "SETITEMS", op_setitems },
    [0x7d] = { "EMPTY_DICT", op_empty_dict },
    [0x80] = { "PROTO", op_proto },
    [0x81] = { "NEWOBJ", op_reduce },
    [0x82] = { "EXT1", op_extension },
    [0x83] = { "EXT2", op_extension },
    [0x84] = { "EXT4", op_extension },
    [0x85] = { "TUPLE1", op_tuple1 },
    [0x86] = { "TUPLE2", op_tuple2 },
    [0x87] = { "TUPLE3", op_tuple3 },
    [0x8f] = { "EMPTY_SET", op_empty_set },
    [0x90] = { "ADDITEMS", op_additems },
    [0x91] = { "FROZENSET", op_frozenset },
    [0x92] = { "NEWOBJ_EX", op_newobj_ex },
    [0x93] = { "STACK_GLOBAL", op_stack_global },
    [0x94] = { "MEMOIZE", op_memoize },
    [0x95] = { "FRAME", op_frame },
    [0x97] = { "NEXT_BUFFER", op_buffer },
    [0x98] = { "READONLY_BUFFER", op_buffer },
};
