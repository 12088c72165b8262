/* SPDX-License-Identifier: MIT */
/* py_options.c - keywords as the library's options, by a table as the command's are */
#include "fletch_py.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* As the library's own limit. */
#define THREADS_MAX 1024

enum kind {
    TEXT,
    TEXTS,    /* a list of them */
    OVERFLOW, /* one of the words below */
    YES,      /* a bool that is what the keyword says, or not that */
    NOT,
    PRECISION,
    LEVEL,
    THREADS,
    SIZE
};

struct keyword {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct fletch_options */
};

#define AT(member) offsetof(struct fletch_options, member)

static const struct keyword KEYWORDS[] = {
    { "type", TEXT, AT(family) },
    { "prefix", TEXT, AT(prefix) },
    { "set", TEXTS, AT(set) },
    { "float16", PRECISION, AT(precision) },
    { "compression", TEXT, AT(codec) },
    { "compression_level", LEVEL, AT(level) },
    { "on_overflow", OVERFLOW, AT(overflow) },
    { "require_exact", YES, AT(require_exact) },
    { "allow_missing", YES, AT(allow_missing) },
    { "keep_heads", YES, AT(keep_heads) },
    { "validate", NOT, AT(skip_verify) },
    { "tokenizer", NOT, AT(skip_tokenizer) },
    { "certify", YES, AT(certify) },
    { "force", YES, AT(force) },
    { "paranoid", YES, AT(paranoid) },
    { "threads", THREADS, AT(threads) },
    { "memory", SIZE, AT(memory) },
};

#define KEYWORDS_COUNT (sizeof(KEYWORDS) / sizeof(*KEYWORDS))

static const char *const OVERFLOWS[] = { [FLETCH_OVERFLOW_KEEP] = "keep",
                                         [FLETCH_OVERFLOW_INF] = "inf",
                                         [FLETCH_OVERFLOW_ERROR] = "error" };

#define OVERFLOWS_COUNT (sizeof(OVERFLOWS) / sizeof(*OVERFLOWS))

static bool wrong_type(const struct keyword *keyword, const char *expected, PyObject *value)
{
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %R", keyword->name, expected,
                 Py_TYPE(value));
    return false;
}

static bool take_text(struct fletch_py_options *out, const struct keyword *keyword,
                      PyObject *value)
{
    char *text = fletch_py_text(value, keyword->name);

    if (!text)
        return false;
    out->texts[out->texts_count++] = text;
    *(const char **)((char *)&out->c + keyword->offset) = text;
    return true;
}

static bool take_texts(struct fletch_py_options *out, const struct keyword *keyword,
                       PyObject *value)
{
    Py_ssize_t count = PyList_Check(value) ? PyList_Size(value) : -1;

    if (count < 0)
        return wrong_type(keyword, "a list", value);
    out->set = calloc((size_t)count + 1, sizeof(*out->set));
    if (!out->set) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *text = PyList_GetItem(value, i);

        out->set[i] = text ? fletch_py_text(text, keyword->name) : NULL;
        if (!out->set[i])
            return false;
    }
    out->c.set = (const char *const *)out->set;
    return true;
}

static bool take_overflow(struct fletch_py_options *out, const struct keyword *keyword,
                          PyObject *value)
{
    char *text = fletch_py_text(value, keyword->name);
    size_t i = 0;

    if (!text)
        return false;
    while (i < OVERFLOWS_COUNT && strcmp(OVERFLOWS[i], text) != 0)
        i++;
    if (i == OVERFLOWS_COUNT)
        fletch_py_fail(FLETCH_ERR_ARGUMENT, NULL, "%s: '%s' is none of keep, inf, error",
                       keyword->name, text);
    out->c.overflow = (enum fletch_overflow)i;
    free(text);
    return i < OVERFLOWS_COUNT;
}

static bool take_bool(struct fletch_py_options *out, const struct keyword *keyword,
                      PyObject *value)
{
    bool yes = value == Py_True;

    if (!PyBool_Check(value))
        return wrong_type(keyword, "a bool", value);
    if (keyword->kind == PRECISION)
        out->c.precision = yes ? FLETCH_PRECISION_FLOAT16 : FLETCH_PRECISION_KEEP;
    else
        *(bool *)((char *)&out->c + keyword->offset) = yes == (keyword->kind == YES);
    return true;
}

/* An integer of any type that has __index__, but no bool. */
static bool take_number(long long *out, const struct keyword *keyword, PyObject *value,
                        long long least, long long most)
{
    PyObject *number;
    int beyond;

    if (PyBool_Check(value) || !PyIndex_Check(value))
        return wrong_type(keyword, "an int", value);
    number = PyNumber_Index(value);
    if (!number)
        return false;
    *out = PyLong_AsLongLongAndOverflow(number, &beyond);
    Py_DECREF(number);
    if (*out == -1 && PyErr_Occurred())
        return false;
    if (!beyond && *out >= least && *out <= most)
        return true;
    if (beyond)
        fletch_py_fail(FLETCH_ERR_ARGUMENT, NULL, "%s: out of range, %lld to %lld",
                       keyword->name, least, most);
    else
        fletch_py_fail(FLETCH_ERR_ARGUMENT, NULL, "%s: %lld is out of range, %lld to %lld",
                       keyword->name, *out, least, most);
    return false;
}

static bool take(struct fletch_py_options *out, const struct keyword *keyword,
                 PyObject *value)
{
    long long number;

    switch (keyword->kind) {
    case TEXT:
        return take_text(out, keyword, value);
    case TEXTS:
        return take_texts(out, keyword, value);
    case OVERFLOW:
        return take_overflow(out, keyword, value);
    case YES:
    case NOT:
    case PRECISION:
        return take_bool(out, keyword, value);
    case LEVEL:
        if (!take_number(&number, keyword, value, INT_MIN, INT_MAX))
            return false;
        out->c.level = (int)number;
        return true;
    case THREADS:
        if (!take_number(&number, keyword, value, 1, THREADS_MAX))
            return false;
        out->c.threads = (unsigned)number;
        return true;
    case SIZE:
        if (!take_number(&number, keyword, value, 1, LLONG_MAX))
            return false;
        out->c.memory = (uint64_t)number;
        return true;
    }
    return false;
}

/* The library takes a level of 0 for none, and looks at no level of a codec without. */
static bool level_fits(const struct fletch_py_options *options)
{
    const char *name = options->c.codec ? options->c.codec : "zstd";
    struct fletch_codec_info codec;
    size_t i = 0;

    while (!fletch_codec_at(&codec, i) && strcmp(codec.name, name) != 0)
        i++;
    if (fletch_codec_at(&codec, i))
        return true; /* the library says that there is none */
    if (codec.level_max == 0) {
        fletch_py_fail(FLETCH_ERR_ARGUMENT, NULL, "compression_level: %s has no levels",
                       name);
        return false;
    }
    if (options->c.level >= codec.level_min && options->c.level <= codec.level_max)
        return true;
    fletch_py_fail(FLETCH_ERR_ARGUMENT, NULL,
                   "compression_level: %s has levels %d to %d, not %d", name,
                   codec.level_min, codec.level_max, options->c.level);
    return false;
}

bool fletch_py_options_take(struct fletch_py_options *out, PyObject *keywords)
{
    bool level = false;

    *out = (struct fletch_py_options){ .c.size = sizeof(struct fletch_options) };
    for (size_t i = 0; i < KEYWORDS_COUNT; i++) {
        PyObject *value = PyDict_GetItemString(keywords, KEYWORDS[i].name);

        if (!value || value == Py_None)
            continue;
        if (!take(out, &KEYWORDS[i], value))
            return false;
        level = level || KEYWORDS[i].kind == LEVEL;
    }
    return !level || level_fits(out);
}

void fletch_py_options_release(struct fletch_py_options *options)
{
    while (options->texts_count)
        free(options->texts[--options->texts_count]);
    for (char **text = options->set; text && *text; text++)
        free(*text);
    free(options->set);
    options->set = NULL;
}
