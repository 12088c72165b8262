/* SPDX-License-Identifier: MIT */
/* npy.c - see npy.h
 *
 * The text is what Python prints for a dict of three: strings without escapes, True and
 * False, a tuple of whole numbers. Only that, white space and a comma after the last item
 * are accepted; each key must occur once.
 */
#include "checkpoint/npy.h"
#include "checkpoint/checkpoint_internal.h"

#include "base/bytes.h"
#include "base/natural.h"

#include <inttypes.h>
#include <string.h>

/* ---- Types ---- */

struct npy_type {
    const char *code; /* without the byte order */
    enum fletch_dtype dtype;
};

static const struct npy_type types[] = {
    { "f2", FLETCH_F16 }, { "f4", FLETCH_F32 }, { "f8", FLETCH_F64 }, { "i1", FLETCH_I8 },
    { "i2", FLETCH_I16 }, { "i4", FLETCH_I32 }, { "i8", FLETCH_I64 }, { "u1", FLETCH_U8 },
    { "u2", FLETCH_U16 }, { "u4", FLETCH_U32 }, { "u8", FLETCH_U64 }, { "b1", FLETCH_BOOL },
    { "c8", FLETCH_C64 },
};

/* Type codes that begin like this are not among the types above. The first row that fits
 * applies. */
struct npy_kind {
    const char *begins;
    const char *what;    /* it may be skipped */
    const char *refusal; /* or not */
};

#define RAW                                                                                \
    "holds raw bytes, as NumPy writes bfloat16, float8 and int4, and does not say which "  \
    "of them they were: save as float32"
#define WIDE "holds floats of a width that no row can have: save as float32"

static const struct npy_kind kinds[] = {
    { "U", "text", NULL },
    { "S", "text", NULL },
    { "a", "text", NULL },
    { "T", "text", NULL },
    { "M", "dates", NULL },
    { "m", "spans of time", NULL },
    { "O", NULL,
      "holds Python objects, which are a pickle, and nothing is executed: save each array "
      "in it under a name of its own" },
    { "V", NULL, RAW },
    { "f10", NULL, WIDE },
    { "f12", NULL, WIDE },
    { "f16", NULL, WIDE },
    { "f1", NULL, RAW }, /* float8_e5m2 */
    { "f", NULL, WIDE },
    { "c", NULL, "holds complex numbers, which have no place in the table" },
};

/* ---- The text ---- */

struct cursor {
    const char *text; /* [size] */
    size_t size;
    size_t pos;
    uint64_t base;    /* where text[0] lies */
    bool long_suffix; /* Python 2 wrote 3L for 3, in versions 1.0 and 2.0 */
    struct fletch_error *err;
};

struct quoted {
    const char *text;
    size_t len;
};

static char peek(struct cursor *cursor)
{
    while (cursor->pos < cursor->size &&
           (cursor->text[cursor->pos] == ' ' || cursor->text[cursor->pos] == '\n'))
        cursor->pos++;
    return cursor->pos < cursor->size ? cursor->text[cursor->pos] : 0;
}

static enum fletch_status unexpected(struct cursor *cursor, const char *expected)
{
    char c = peek(cursor);
    uint64_t at = cursor->base + cursor->pos;

    if (cursor->pos == cursor->size)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the header ends, expected %s", at, expected);
    if (c < 0x20 || c > 0x7e)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found byte %02x, expected %s", at,
                           (unsigned)(unsigned char)c, expected);
    return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                       "byte %" PRIu64 ": found '%c', expected %s", at, c, expected);
}

static enum fletch_status expect(struct cursor *cursor, char c, const char *expected)
{
    if (peek(cursor) != c)
        return unexpected(cursor, expected);
    cursor->pos++;
    return FLETCH_OK;
}

static enum fletch_status read_quoted(struct quoted *out, struct cursor *cursor,
                                      const char *expected)
{
    char quote = peek(cursor);
    size_t begin = cursor->pos + 1, end = begin;

    if (quote != '\'' && quote != '"')
        return unexpected(cursor, expected);
    while (end < cursor->size && cursor->text[end] >= 0x20 && cursor->text[end] < 0x7f &&
           cursor->text[end] != quote && cursor->text[end] != '\\')
        end++;
    cursor->pos = end;
    if (end == cursor->size || cursor->text[end] != quote)
        return unexpected(cursor, "plain text up to the closing quote");
    *out = (struct quoted){ cursor->text + begin, end - begin };
    cursor->pos++;
    return FLETCH_OK;
}

static bool is_quoted(const struct quoted *quoted, const char *word)
{
    return quoted->len == strlen(word) && !memcmp(quoted->text, word, quoted->len);
}

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t len = strlen(word);

    peek(cursor);
    if (cursor->size - cursor->pos < len ||
        memcmp(cursor->text + cursor->pos, word, len) != 0)
        return false;
    cursor->pos += len;
    return true;
}

static enum fletch_status read_whole(uint64_t *out, struct cursor *cursor)
{
    uint64_t value = 0, at;

    if (!fletch_is_digit(peek(cursor)))
        return unexpected(cursor, "a whole number");
    at = cursor->base + cursor->pos;
    if (cursor->text[cursor->pos] == '0' && cursor->pos + 1 < cursor->size &&
        fletch_is_digit(cursor->text[cursor->pos + 1]))
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a number that begins with 0", at);
    while (cursor->pos < cursor->size && fletch_is_digit(cursor->text[cursor->pos])) {
        uint64_t digit = (uint64_t)(cursor->text[cursor->pos++] - '0');

        if (!fletch_mul(&value, value, 10) || !fletch_add(&value, value, digit))
            return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": a number of more than 64 bits", at);
    }
    if (cursor->long_suffix && cursor->pos < cursor->size &&
        cursor->text[cursor->pos] == 'L')
        cursor->pos++;
    *out = value;
    return FLETCH_OK;
}

/* ---- The three values ---- */

static enum fletch_status refuse_type(const struct cursor *cursor,
                                      const struct quoted *descr, const char *why)
{
    return fletch_fail(cursor->err, FLETCH_ERR_UNSUPPORTED, "its dtype '%.*s' %s",
                       descr->len < 32 ? (int)descr->len : 32, descr->text, why);
}

static enum fletch_status read_type(struct fletch_npy *out, struct cursor *cursor)
{
    struct quoted descr, code;
    char order;

    if (peek(cursor) == '[' || peek(cursor) == '(')
        return fletch_fail(cursor->err, FLETCH_ERR_UNSUPPORTED,
                           "its dtype is one of records, which are no tensor: save each "
                           "field as an array of its own");
    TRY(read_quoted(&descr, cursor, "a dtype in quotes"));
    code = descr;
    order = descr.len ? descr.text[0] : 0;
    if (order == '<' || order == '>' || order == '|' || order == '=') {
        code.text++;
        code.len--;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_quoted(&code, types[i].code)) {
            out->dtype = types[i].dtype;
            out->big_endian = order == '>' && code.text[1] != '1';
            return FLETCH_OK;
        }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (code.len >= strlen(kinds[i].begins) &&
            !memcmp(code.text, kinds[i].begins, strlen(kinds[i].begins))) {
            out->what = kinds[i].what;
            return out->what ? FLETCH_OK : refuse_type(cursor, &descr, kinds[i].refusal);
        }
    return refuse_type(cursor, &descr, "is unknown");
}

static enum fletch_status read_order(struct fletch_npy *out, struct cursor *cursor)
{
    out->fortran = take_word(cursor, "True");
    if (!out->fortran && !take_word(cursor, "False"))
        return unexpected(cursor, "True or False");
    return FLETCH_OK;
}

/* A tuple of one has a trailing comma. */
static enum fletch_status read_shape(struct fletch_npy *out, struct cursor *cursor)
{
    bool comma = true;

    TRY(expect(cursor, '(', "a tuple"));
    for (out->rank = 0; peek(cursor) != ')'; out->rank++) {
        if (!comma)
            return unexpected(cursor, "',' or ')'");
        if (out->rank == FLETCH_RANK_MAX)
            return fletch_fail(cursor->err, FLETCH_ERR_UNSUPPORTED,
                               "has more dimensions than the limit, %d (FLETCH_RANK_MAX)",
                               FLETCH_RANK_MAX);
        TRY(read_whole(&out->shape[out->rank], cursor));
        comma = peek(cursor) == ',';
        cursor->pos += comma;
    }
    if (out->rank == 1 && !comma)
        return unexpected(cursor, "',', since one number in parentheses is no tuple");
    cursor->pos++;
    return FLETCH_OK;
}

typedef enum fletch_status read_value(struct fletch_npy *out, struct cursor *cursor);

struct entry {
    const char *key;
    read_value *read;
};

static const struct entry entries[] = {
    { "descr", read_type },
    { "fortran_order", read_order },
    { "shape", read_shape },
};

#define ENTRIES_COUNT (sizeof(entries) / sizeof(entries[0]))

static enum fletch_status read_entry(unsigned *seen, struct fletch_npy *out,
                                     struct cursor *cursor)
{
    uint64_t at = (peek(cursor), cursor->base + cursor->pos);
    struct quoted key;
    size_t i = 0;

    TRY(read_quoted(&key, cursor, "a key in quotes"));
    while (i < ENTRIES_COUNT && !is_quoted(&key, entries[i].key))
        i++;
    if (i == ENTRIES_COUNT)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64
                           ": found key '%.*s', expected descr, fortran_order or shape",
                           at, key.len < 32 ? (int)key.len : 32, key.text);
    if (*seen & 1u << i)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": key '%s' is there twice", at, entries[i].key);
    *seen |= 1u << i;
    TRY(expect(cursor, ':', "':'"));
    return entries[i].read(out, cursor);
}

static enum fletch_status read_dict(struct fletch_npy *out, struct cursor *cursor)
{
    bool comma = true;
    unsigned seen = 0;

    TRY(expect(cursor, '{', "'{'"));
    while (peek(cursor) != '}') {
        if (!comma)
            return unexpected(cursor, "',' or '}'");
        TRY(read_entry(&seen, out, cursor));
        comma = peek(cursor) == ',';
        cursor->pos += comma;
    }
    for (size_t i = 0; i < ENTRIES_COUNT; i++)
        if (!(seen & 1u << i))
            return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                               "byte %" PRIu64 ": the header has no '%s'",
                               cursor->base + cursor->pos, entries[i].key);
    cursor->pos++;
    peek(cursor);
    return cursor->pos == cursor->size
               ? FLETCH_OK
               : unexpected(cursor, "only blanks after the header's '}'");
}

/* ---- The header ---- */

/* Magic, version and length: the length has two bytes in version 1.0, then four. */
static size_t opening_size(const uint8_t *bytes)
{
    return bytes[6] == 1 ? FLETCH_NPY_OPENING_MAX - 2 : FLETCH_NPY_OPENING_MAX;
}

enum fletch_status fletch_npy_measure(size_t *out, const uint8_t *bytes, size_t size,
                                      uint64_t base, struct fletch_error *err)
{
    size_t opening, text;

    if (size < FLETCH_NPY_MAGIC_SIZE + 4 ||
        memcmp(bytes, FLETCH_NPY_MAGIC, FLETCH_NPY_MAGIC_SIZE) != 0)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": found no NumPy array, expected one to begin "
                           "with 93 4e 55 4d 50 59",
                           base);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7])
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": version %u.%u, expected 1.0, 2.0 or 3.0",
                           base + FLETCH_NPY_MAGIC_SIZE, bytes[6], bytes[7]);
    opening = opening_size(bytes);
    if (size < opening)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": the array ends within its opening",
                           base + size);
    text = bytes[6] == 1 ? fletch_load_u16(bytes + 8) : fletch_load_u32(bytes + 8);
    if (text > FLETCH_NPY_HEADER_MAX)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": a header of %zu bytes, the limit is %zu "
                           "(FLETCH_NPY_HEADER_MAX)",
                           base + 8, text, FLETCH_NPY_HEADER_MAX);
    *out = opening + text;
    return FLETCH_OK;
}

enum fletch_status fletch_npy_read(struct fletch_npy *out, const uint8_t *bytes,
                                   size_t size, uint64_t base, struct fletch_error *err)
{
    struct cursor cursor = { .err = err };
    size_t opening, found;

    TRY(fletch_npy_measure(&found, bytes, size, base, err));
    if (found != size)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "byte %" PRIu64 ": a header of %zu bytes, expected %zu as it "
                           "had before: the file is being changed",
                           base, found, size);
    opening = opening_size(bytes);
    cursor.text = (const char *)bytes + opening;
    cursor.size = size - opening;
    cursor.base = base + opening;
    cursor.long_suffix = bytes[6] < 3;
    *out = (struct fletch_npy){ .begin = size };
    TRY(read_dict(out, &cursor));
    return out->what ? FLETCH_OK
                     : fletch_measure(&out->count, &out->size, out->dtype, out->shape,
                                      out->rank, err);
}
