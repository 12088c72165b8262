/* SPDX-License-Identifier: MIT */
/* test_pickle.c - the pickle machine: every opcode, every limit, every wrong turn */
#include "torch_files.h"

#include "torch/pickle_internal.h"

static const struct fletch_pickle_value *top(const struct fletch_pickle *pickle)
{
    return &pickle->values[pickle->top];
}

/* What a pickle comes to, as text: bounded, so that cycles end. */
static void show(struct fletch_buf *out, const struct fletch_pickle *pickle, uint32_t index,
                 int depth)
{
    static const char *const opens[FLETCH_PICKLE_KINDS] = { [FLETCH_PICKLE_TUPLE] = "(",
                                                            [FLETCH_PICKLE_LIST] = "[",
                                                            [FLETCH_PICKLE_DICT] = "{",
                                                            [FLETCH_PICKLE_SET] = "<" };
    const struct fletch_pickle_value *value = &pickle->values[index];

    if (depth > 6) {
        fletch_buf_put_text(out, "...");
        return;
    }
    switch (value->kind) {
    case FLETCH_PICKLE_NONE:
        fletch_buf_put_text(out, "None");
        break;
    case FLETCH_PICKLE_BOOL:
        fletch_buf_put_text(out, value->whole ? "True" : "False");
        break;
    case FLETCH_PICKLE_INT:
        fletch_buf_format(out, "%lld", (long long)value->whole);
        break;
    case FLETCH_PICKLE_LONG:
        fletch_buf_format(out, "long%zu", value->len);
        break;
    case FLETCH_PICKLE_FLOAT:
        fletch_buf_format(out, "%g", value->real);
        break;
    case FLETCH_PICKLE_TEXT:
    case FLETCH_PICKLE_BYTES:
        fletch_buf_format(out, "%s'%.*s'", value->kind == FLETCH_PICKLE_BYTES ? "b" : "",
                          (int)value->len, value->text);
        break;
    case FLETCH_PICKLE_GLOBAL:
        fletch_buf_format(out, "%s.%s", value->module, value->name);
        break;
    case FLETCH_PICKLE_CALL:
        fletch_buf_put_text(out, "!");
        show(out, pickle, value->callee, depth + 1);
        show(out, pickle, value->args, depth + 1);
        if (value->state != FLETCH_PICKLE_AT_NONE) {
            fletch_buf_put_text(out, "=");
            show(out, pickle, value->state, depth + 1);
        }
        break;
    case FLETCH_PICKLE_PERSISTENT:
        fletch_buf_put_text(out, "@");
        show(out, pickle, value->id, depth + 1);
        break;
    default:
        fletch_buf_put_text(out, opens[value->kind]);
        for (uint32_t i = 0; i < value->count; i++) {
            fletch_buf_put_text(out, i ? "," : "");
            show(out, pickle, value->items[i], depth + 1);
        }
        fletch_buf_put_text(out, ";");
    }
}

struct good {
    const char *bytes;
    size_t size;
    const char *shown;
};

static const struct good goods[] = {
    { TEXT("N."), "None" },
    { TEXT("\x80\x05\x95\x02\0\0\0\0\0\0\0\x88."), "True" },
    { TEXT("\x89."), "False" },
    { TEXT("I01\n."), "True" },
    { TEXT("I00\n."), "False" },
    { TEXT("I-12\n."), "-12" },
    { TEXT("L9223372036854775807L\n."), "9223372036854775807" },
    { TEXT("L-9223372036854775809L\n."), "long20" },
    { TEXT("K\xff."), "255" },
    { TEXT("M\x01\x02."), "513" },
    { TEXT("J\xff\xff\xff\xff."), "-1" },
    { TEXT("\x8a\x00."), "0" },
    { TEXT("\x8a\x01\x80."), "-128" },
    { TEXT("\x8a\x02\x80\x00."), "128" },
    { TEXT("\x8a\x05\x00\x00\x00\x00\x01."), "4294967296" },
    { TEXT("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), "9223372036854775807" },
    { TEXT("\x8a\x09\0\0\0\0\0\0\0\0\1."), "long9" },
    { TEXT("\x8b\x01\0\0\0\x05."), "5" },
    { TEXT("F2.5\n."), "2.5" },
    { TEXT("G\x3f\xf0\0\0\0\0\0\0."), "1" },
    { TEXT("S'a\\'\\x41\\n'\n."), "'a'A\n'" },
    { TEXT("S\"\"\n."), "''" },
    { TEXT("V\\u00e9\xe9\\U0001f600x\\n\n."), "'\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80x\\n'" },
    { TEXT("V\\ud800\n."), "'\xef\xbf\xbd'" },
    { TEXT("Va\\\n."), "'a\\'" },
    { TEXT("S'\\q'\n."), "'\\q'" },
    { TEXT("U\x02hi."), "'hi'" },
    { TEXT("T\x02\0\0\0hi."), "'hi'" },
    { TEXT("X\x02\0\0\0hi."), "'hi'" },
    { TEXT("\x8c\x02hi."), "'hi'" },
    { TEXT("\x8d\x02\0\0\0\0\0\0\0hi."), "'hi'" },
    { TEXT("C\x02hi."), "b'hi'" },
    { TEXT("B\x02\0\0\0hi."), "b'hi'" },
    { TEXT("\x8e\x02\0\0\0\0\0\0\0hi."), "b'hi'" },
    { TEXT("\x96\x02\0\0\0\0\0\0\0hi."), "b'hi'" },
    { TEXT(")."), "(;" },
    { TEXT("K\1\x85."), "(1;" },
    { TEXT("K\1K\2\x86."), "(1,2;" },
    { TEXT("K\1K\2K\3\x87."), "(1,2,3;" },
    { TEXT("(K\1K\2t."), "(1,2;" },
    { TEXT("(K\1K\2l."), "[1,2;" },
    { TEXT("(K\1K\2d."), "{1,2;" },
    { TEXT("(K\1K\2\x91."), "<1,2;" },
    { TEXT("]K\1a(K\2K\3e."), "[1,2,3;" },
    { TEXT("}K\1K\2s(K\3K\4u."), "{1,2,3,4;" },
    { TEXT("\x8f(K\1\x90."), "<1;" },
    { TEXT("K\1K\0020."), "1" },
    { TEXT("K\1(K\0021."), "1" },
    { TEXT("K\1(0."), "1" },
    { TEXT("K\0012\x86."), "(1,1;" },
    { TEXT("K\1p0\n0g0\n."), "1" },
    { TEXT("K\1q\xff"
           "0h\xff."),
      "1" },
    { TEXT("K\1r\0\1\0\0"
           "0j\0\1\0\0."),
      "1" },
    { TEXT("K\1\x94K\2\x94"
           "0h\1\x86."),
      "(1,2;" },
    { TEXT("]q\0h\0a."), "[[[[[[[...;;;;;;;" },
    { TEXT("cos\nsystem\n."), "os.system" },
    { TEXT("cos\nsystem\nU\2ls\x85R."), "!os.system('ls';" },
    { TEXT("\x8c\x02os\x8c\x06system\x93."), "os.system" },
    { TEXT("cm\nC\n)\x81}U\1aK\1sb."), "!m.C(;={'a',1;" },
    { TEXT("cm\nC\nK\1\x85}\x92."), "!m.C(1;" },
    { TEXT("(K\1im\nC\n."), "!m.C(1;" },
    { TEXT("(cm\nC\nK\1o."), "!m.C(1;" },
    { TEXT("cm\nC\n)R(K\1K\2u(K\1e."), "!m.C(;" },
    { TEXT("ccollections\nOrderedDict\n)RK\1K\2s}b."), "{1,2;" },
    { TEXT("ccollections\nOrderedDict\n(](K\1K\2tatR."), "{1,2;" },
    { TEXT("ccollections\nCounter\n}K\1K\2s\x85R."), "{1,2;" },
    { TEXT("cbuiltins\ndict\n}\x85RK\1K\2s."), "{1,2;" },
    { TEXT("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R."), "{;" },
    { TEXT("U\1x\x85Q."), "@('x';" },
    { TEXT("Pabc\n."), "@'abc'" },
};

static void every_opcode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct fletch_pickle pickle;
        struct fletch_buf shown = { 0 };
        struct fletch_error err;
        bool cut;

        assert_ok(fletch_pickle_read(&pickle, &cut, goods[i].bytes, goods[i].size, 0, &err),
                  err);
        assert_int_equal(pickle.end, goods[i].size);
        show(&shown, &pickle, pickle.top, 0);
        fletch_buf_put_u8(&shown, 0);
        assert_string_equal((const char *)shown.bytes, goods[i].shown);
        fletch_buf_release(&shown);
        fletch_pickle_close(&pickle);
    }
}

/* Cut anywhere, each is an error that says so; and what follows STOP is nobody's. */
static void every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
        for (size_t size = 0; size < goods[i].size; size++) {
            struct fletch_pickle pickle;
            struct fletch_error err;
            char *exact = malloc(size + 1);
            bool cut;

            memcpy(exact, goods[i].bytes, size);
            assert_fails(fletch_pickle_read(&pickle, &cut, exact, size, 0, &err),
                         FLETCH_ERR_FORMAT, err, "byte ");
            assert_true(cut);
            fletch_pickle_close(&pickle);
            free(exact);
        }
}

struct bad {
    const char *bytes;
    size_t size;
    enum fletch_status status;
    const char *sentence;
};

static const struct bad bads[] = {
    { TEXT("\xff."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode ff (unknown): is none of a pickle's" },
    { TEXT("."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 2e (STOP): needs a value, and the stack has none" },
    { TEXT("NN."), FLETCH_ERR_FORMAT,
      "byte 1002: opcode 2e (STOP): the pickle stops with 1 values left on its stack" },
    { TEXT("I12\0junk\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 49 (INT): found '12', expected a number" },
    { TEXT("L12\0L\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 4c (LONG): found '12', expected a number" },
    { TEXT("F1.5junk\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 46 (FLOAT): found '1.5junk', expected a number" },
    { TEXT("S'a\\xZZb'\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 53 (STRING): found a broken escape at character 1" },
    { TEXT("S'a\\x4'\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 53 (STRING): found a broken escape at character 1" },
    { TEXT("S'a\\'\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 53 (STRING): found a broken escape at character 1" },
    { TEXT("V\\U00ffffff\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 56 (UNICODE): found a broken escape at character 0" },
    { TEXT("Vab\\u12\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 56 (UNICODE): found a broken escape at character 2" },
    { TEXT("\x80\x06N."), FLETCH_ERR_UNSUPPORTED,
      "byte 1000: opcode 80 (PROTO): protocol 6, expected 5 at most" },
    { TEXT("(K\1d."), FLETCH_ERR_FORMAT,
      "byte 1003: opcode 64 (DICT): has 1 keys and values, expected pairs" },
    { TEXT("K\1K\2a."), FLETCH_ERR_FORMAT,
      "byte 1004: opcode 61 (APPEND): found an int to put items into, expected a list" },
    { TEXT("(e."), FLETCH_ERR_FORMAT,
      "byte 1001: opcode 65 (APPENDS): has nothing to put items into" },
    { TEXT("](a."), FLETCH_ERR_FORMAT,
      "byte 1002: opcode 61 (APPEND): needs 2 values, the stack has 0" },
    { TEXT("N\x86."), FLETCH_ERR_FORMAT,
      "byte 1001: opcode 86 (TUPLE2): needs 2 values, the stack has 1" },
    { TEXT("Nt."), FLETCH_ERR_FORMAT,
      "byte 1001: opcode 74 (TUPLE): needs a mark, and the stack has none" },
    { TEXT("h\7."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 68 (BINGET): memo 7 was never set" },
    { TEXT("q\0."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 71 (BINPUT): needs a value, and the stack has none" },
    { TEXT("Nr\xff\xff\xff\xff."), FLETCH_ERR_UNSUPPORTED,
      "byte 1001: opcode 72 (LONG_BINPUT): memo 4294967295, the limit is 4194304 "
      "(FLETCH_PICKLE_MEMO_MAX)" },
    { TEXT("NpXX\n."), FLETCH_ERR_FORMAT,
      "byte 1001: opcode 70 (PUT): found no number of a memo on its line" },
    { TEXT("cm\nC\nK\1R."), FLETCH_ERR_FORMAT,
      "byte 1007: opcode 52 (REDUCE): found an int as arguments, expected a tuple" },
    { TEXT("K\1K\2\x93."), FLETCH_ERR_FORMAT,
      "byte 1004: opcode 93 (STACK_GLOBAL): found an int in the name of a global, expected "
      "a string" },
    { TEXT("cm\0\nC\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 63 (GLOBAL): a NUL in the name of a global" },
    { TEXT("ccollections\nOrderedDict\n(]K\1atR."), FLETCH_ERR_FORMAT,
      "byte 1031: opcode 52 (REDUCE): makes a dict of a list with an int, expected pairs" },
    { TEXT("(o."), FLETCH_ERR_FORMAT,
      "byte 1001: opcode 6f (OBJ): needs a class above its mark" },
    { TEXT("Sab\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 53 (STRING): found a string without its quotes" },
    { TEXT("Ixx\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 49 (INT): found 'xx', expected a number" },
    { TEXT("I\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 49 (INT): found no number on its line" },
    { TEXT("Fxx\n."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 46 (FLOAT): found 'xx', expected a number" },
    { TEXT("\x8b\xff\xff\xff\xff."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 8b (LONG4): a long of -1 bytes" },
    { TEXT("\x8b\0\0\0\x40."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 8b (LONG4): needs 1073741824 bytes, the pickle ends after 1" },
    { TEXT("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 8d (BINUNICODE8): needs 18446744073709551615 bytes, the pickle "
      "ends after 1" },
    { TEXT("\x95\xff\xff\xff\xff\xff\xff\xff\xffN."), FLETCH_ERR_FORMAT,
      "byte 1000: opcode 95 (FRAME): a frame of 18446744073709551615 bytes, 2 follow" },
    { TEXT("\x82\1."), FLETCH_ERR_UNSUPPORTED,
      "byte 1000: opcode 82 (EXT1): names a class by a number that only its writer knows" },
    { TEXT("\x83\1\2."), FLETCH_ERR_UNSUPPORTED,
      "byte 1000: opcode 83 (EXT2): names a class by a number that only its writer knows" },
    { TEXT("\x84\1\2\3\4."), FLETCH_ERR_UNSUPPORTED,
      "byte 1000: opcode 84 (EXT4): names a class by a number that only its writer knows" },
    { TEXT("\x97."), FLETCH_ERR_UNSUPPORTED,
      "byte 1000: opcode 97 (NEXT_BUFFER): has bytes that are not in the pickle" },
    { TEXT("N\x98."), FLETCH_ERR_UNSUPPORTED,
      "byte 1001: opcode 98 (READONLY_BUFFER): has bytes that are not in the pickle" },
};

static void assert_bad(const void *bytes, size_t size, enum fletch_status status,
                       const char *sentence)
{
    struct fletch_pickle pickle;
    struct fletch_error err = { 0 };
    bool cut;

    if (fletch_pickle_read(&pickle, &cut, bytes, size, 1000, &err) != status ||
        strcmp(err.message, sentence) != 0)
        fail_msg("got %s '%s', expected %s '%s'", fletch_status_name(err.status),
                 err.message, fletch_status_name(status), sentence);
    fletch_pickle_close(&pickle);
}

static void wrong_turns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
        assert_bad(bads[i].bytes, bads[i].size, bads[i].status, bads[i].sentence);
}

/* `count` times `unit`, behind `first`. */
static uint8_t *repeat(size_t *size, const char *first, const char *unit, size_t count)
{
    size_t first_len = strlen(first), len = strlen(unit);
    uint8_t *bytes = malloc(first_len + len * count);

    assert_non_null(bytes);
    memcpy(bytes, first, first_len);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + first_len + i * len, unit, len);
    *size = first_len + len * count;
    return bytes;
}

static void limits(void **state)
{
    size_t size;
    uint8_t *bytes = repeat(&size, "", "(", 1001);

    (void)state;
    assert_bad(bytes, size, FLETCH_ERR_UNSUPPORTED,
               "byte 2000: opcode 28 (MARK): nested deeper than the limit, 1000 "
               "(FLETCH_PICKLE_DEPTH_MAX)");
    free(bytes);
    bytes = repeat(&size, "", "N", FLETCH_PICKLE_STACK_MAX + 1);
    assert_bad(bytes, size, FLETCH_ERR_UNSUPPORTED,
               "byte 8389608: opcode 4e (NONE): more values on the stack than the limit, "
               "8388608 (FLETCH_PICKLE_STACK_MAX)");
    free(bytes);
    bytes = repeat(&size, "", "]0", FLETCH_PICKLE_VALUES_MAX);
    assert_bad(bytes, size, FLETCH_ERR_UNSUPPORTED,
               "byte 16778210: opcode 5d (EMPTY_LIST): more values than the limit, 8388608 "
               "(FLETCH_PICKLE_VALUES_MAX)");
    free(bytes);
    bytes = repeat(&size, "]", "Na", FLETCH_PICKLE_ITEMS_MAX + 1);
    assert_bad(bytes, size, FLETCH_ERR_UNSUPPORTED,
               "byte 33555434: opcode 61 (APPEND): more items than the limit, 16777216 "
               "(FLETCH_PICKLE_ITEMS_MAX)");
    free(bytes);
}

/* No opcode of the tables is left out above; what is none says so. */
static void all_codes(void **state)
{
    bool tried[256] = { false };

    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
        for (size_t j = 0; j < goods[i].size; j++)
            tried[(uint8_t)goods[i].bytes[j]] = true;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
        tried[(uint8_t)bads[i].bytes[0]] = tried[(uint8_t)bads[i].bytes[1]] = true;
    for (unsigned code = 0; code < 256; code++) {
        const uint8_t bytes[] = { (uint8_t)code, '.' };
        char sentence[80];

        if (fletch_pickle_scalars[code].run || fletch_pickle_ops[code].run) {
            assert_true(tried[code]);
            continue;
        }
        snprintf(sentence, sizeof(sentence),
                 "byte 1000: opcode %02x (unknown): is none of a pickle's", code);
        assert_bad(bytes, sizeof(bytes), FLETCH_ERR_FORMAT, sentence);
    }
}

static void looking(void **state)
{
    static const char bytes[] = "cm\nC\nU\1x\x86.";
    struct fletch_pickle pickle;
    struct fletch_error err;
    const struct fletch_pickle_value *items[2];
    bool cut;

    (void)state;
    assert_ok(fletch_pickle_read(&pickle, &cut, bytes, sizeof(bytes) - 1, 0, &err), err);
    for (int i = 0; i < 2; i++)
        items[i] = &pickle.values[top(&pickle)->items[i]];
    assert_true(fletch_pickle_is_global(items[0], "m", "C"));
    assert_false(fletch_pickle_is_global(items[0], "m", "D"));
    assert_false(fletch_pickle_is_global(items[1], "m", "C"));
    assert_true(fletch_pickle_is_text(items[1], "x"));
    assert_false(fletch_pickle_is_text(items[1], "xy"));
    assert_int_equal(items[1]->at, 5);
    for (int i = 0; i < FLETCH_PICKLE_KINDS; i++)
        assert_non_null(fletch_pickle_kind_text((enum fletch_pickle_kind)i));
    fletch_pickle_close(&pickle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opcode), cmocka_unit_test(every_prefix),
        cmocka_unit_test(wrong_turns),  cmocka_unit_test(limits),
        cmocka_unit_test(all_codes),    cmocka_unit_test(looking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
