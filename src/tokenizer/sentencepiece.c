/* SPDX-License-Identifier: MIT */
/* sentencepiece.c - see sentencepiece.h
 *
 * A protobuf message; these of its fields are used:
 *
 *   ModelProto       1 pieces (SentencePiece, one per id), 2 trainer_spec,
 *                    3 normalizer_spec
 *   SentencePiece    1 piece (text), 2 score (float), 3 type (default 1)
 *   TrainerSpec      3 model_type (1), 35 byte_fallback, 40 unk_id (0), 45 unk_piece
 *   NormalizerSpec   2 precompiled_charsmap: u32 size of a trie, the trie, text
 *
 * A field is a varint, number << 3 | wire type, then a varint (0), 8 bytes (1), a varint
 * and as many bytes (2) or 4 bytes (5). Fields come in any order; if one that is not a list
 * is repeated, the last counts.
 */
#include "tokenizer/sentencepiece.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/tokenizer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_BYTES = 2, WIRE_FOUR = 5 };

struct cursor {
    const uint8_t *bytes; /* of the file */
    size_t at, end;
    struct fletch_error *err;
};

struct field {
    uint64_t number;
    enum wire wire;
    size_t at;          /* of its first byte */
    uint64_t value;     /* VARINT, FOUR, EIGHT */
    size_t begin, size; /* BYTES */
};

static enum fletch_status read_varint(uint64_t *out, struct cursor *cursor)
{
    size_t from = cursor->at;
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte;

        if (cursor->at == cursor->end)
            return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                               "byte %zu: the message ends inside a number", cursor->at);
        byte = cursor->bytes[cursor->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return FLETCH_OK;
        }
    }
    return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                       "byte %zu: a number of more than 10 bytes", from);
}

static enum fletch_status take(size_t *begin, struct cursor *cursor, uint64_t size)
{
    if (size > cursor->end - cursor->at)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: a field of %" PRIu64 " bytes, but %zu are left",
                           cursor->at, size, cursor->end - cursor->at);
    *begin = cursor->at;
    cursor->at += (size_t)size;
    return FLETCH_OK;
}

/* Reads the next field; the cursor must not be at its end. */
static enum fletch_status read_field(struct field *out, struct cursor *cursor)
{
    struct field field = { .at = cursor->at };
    uint64_t tag = 0, size = 0;
    size_t begin = 0;

    TRY(read_varint(&tag, cursor));
    field.number = tag >> 3;
    field.wire = (enum wire)(tag & 7);
    switch (field.wire) {
    case WIRE_VARINT:
        TRY(read_varint(&field.value, cursor));
        break;
    case WIRE_EIGHT:
        TRY(take(&begin, cursor, 8));
        field.value = fletch_load_u64(cursor->bytes + begin);
        break;
    case WIRE_FOUR:
        TRY(take(&begin, cursor, 4));
        field.value = fletch_load_u32(cursor->bytes + begin);
        break;
    case WIRE_BYTES:
        TRY(read_varint(&size, cursor));
        TRY(take(&field.begin, cursor, size));
        field.size = (size_t)size;
        break;
    default:
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: wire type %u, expected 0, 1, 2 or 5", field.at,
                           (unsigned)field.wire);
    }
    if (!field.number)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT, "byte %zu: a field numbered 0",
                           field.at);
    *out = field;
    return FLETCH_OK;
}

static enum fletch_status expect(const struct field *field, enum wire wire,
                                 const char *name, const struct cursor *cursor)
{
    if (field->wire == wire)
        return FLETCH_OK;
    return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                       "byte %zu: %s has wire type %u, expected %u", field->at, name,
                       (unsigned)field->wire, (unsigned)wire);
}

static enum fletch_status expect_text(const struct field *field, const char *name,
                                      const struct cursor *cursor)
{
    size_t valid;

    TRY(expect(field, WIRE_BYTES, name, cursor));
    valid = fletch_utf8_span(cursor->bytes + field->begin, field->size);
    if (valid != field->size)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: found 0x%02x in %s, expected UTF-8",
                           field->begin + valid, cursor->bytes[field->begin + valid], name);
    return FLETCH_OK;
}

/* A cursor over a field that is a message. */
static struct cursor inside(const struct field *field, const struct cursor *cursor)
{
    return (struct cursor){ .bytes = cursor->bytes,
                            .at = field->begin,
                            .end = field->begin + field->size,
                            .err = cursor->err };
}

/* ---- Messages ---- */

static enum fletch_status read_piece(struct fletch_sentencepiece_piece *out,
                                     struct cursor cursor)
{
    struct fletch_sentencepiece_piece piece = { .text = "",
                                                .type = FLETCH_SENTENCEPIECE_NORMAL };
    size_t from = cursor.at;
    struct field field;

    while (cursor.at < cursor.end) {
        TRY(read_field(&field, &cursor));
        if (field.number == 1) {
            TRY(expect_text(&field, "piece", &cursor));
            piece.text = (const char *)cursor.bytes + field.begin;
            piece.len = field.size;
        } else if (field.number == 2) {
            uint32_t bits;

            TRY(expect(&field, WIRE_FOUR, "score", &cursor));
            bits = (uint32_t)field.value;
            memcpy(&piece.score, &bits, sizeof(bits));
            if (!isfinite(piece.score))
                return fletch_fail(cursor.err, FLETCH_ERR_FORMAT,
                                   "byte %zu: a score that is not finite", field.at);
        } else if (field.number == 3) {
            TRY(expect(&field, WIRE_VARINT, "type", &cursor));
            if (field.value < FLETCH_SENTENCEPIECE_NORMAL ||
                field.value > FLETCH_SENTENCEPIECE_BYTE)
                return fletch_fail(cursor.err, FLETCH_ERR_FORMAT,
                                   "byte %zu: a piece of type %" PRIu64 ", expected 1 to 6",
                                   field.at, field.value);
            piece.type = (enum fletch_sentencepiece_type)field.value;
        }
    }
    if (!piece.len)
        return fletch_fail(cursor.err, FLETCH_ERR_FORMAT, "byte %zu: a piece without text",
                           from);
    *out = piece;
    return FLETCH_OK;
}

static enum fletch_status read_trainer(struct fletch_sentencepiece *model,
                                       struct cursor cursor)
{
    struct field field;

    while (cursor.at < cursor.end) {
        TRY(read_field(&field, &cursor));
        if (field.number == 3) {
            TRY(expect(&field, WIRE_VARINT, "model_type", &cursor));
            if (field.value != FLETCH_SENTENCEPIECE_MODEL_UNIGRAM &&
                field.value != FLETCH_SENTENCEPIECE_MODEL_BPE)
                return fletch_fail(cursor.err, FLETCH_ERR_UNSUPPORTED,
                                   "byte %zu: a model of type %" PRIu64
                                   ", expected 1 (unigram) or 2 (BPE)",
                                   field.at, field.value);
            model->model = (enum fletch_sentencepiece_model)field.value;
        } else if (field.number == 35) {
            TRY(expect(&field, WIRE_VARINT, "byte_fallback", &cursor));
            model->byte_fallback = field.value;
        } else if (field.number == 40) {
            TRY(expect(&field, WIRE_VARINT, "unk_id", &cursor));
            if (field.value > UINT32_MAX)
                return fletch_fail(cursor.err, FLETCH_ERR_FORMAT,
                                   "byte %zu: no unknown piece: unk_id is %" PRId64,
                                   field.at, (int64_t)field.value);
            model->unk_id = (uint32_t)field.value;
        } else if (field.number == 45) {
            TRY(expect_text(&field, "unk_piece", &cursor));
            model->unk_piece = (const char *)cursor.bytes + field.begin;
            model->unk_piece_len = field.size;
        }
    }
    return FLETCH_OK;
}

/* What follows the trie is text; only the library ever walks the trie itself. */
static enum fletch_status check_charsmap(const struct field *field,
                                         const struct cursor *cursor)
{
    const uint8_t *map = cursor->bytes + field->begin;
    size_t trie, rest, valid;

    if (!field->size)
        return FLETCH_OK;
    if (field->size < sizeof(uint32_t))
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: a charsmap of %zu bytes, expected at least 4",
                           field->begin, field->size);
    trie = fletch_load_u32(map);
    rest = field->size - sizeof(uint32_t);
    if (trie > rest || trie % sizeof(uint32_t))
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: a trie of %zu bytes in a charsmap of %zu",
                           field->begin, trie, field->size);
    map += sizeof(uint32_t) + trie;
    rest -= trie;
    valid = fletch_utf8_span(map, rest);
    if (valid != rest)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "byte %zu: found 0x%02x in the charsmap's text, expected UTF-8",
                           field->begin + sizeof(uint32_t) + trie + valid, map[valid]);
    return FLETCH_OK;
}

static enum fletch_status read_normalizer(struct fletch_sentencepiece *model,
                                          struct cursor cursor)
{
    struct field field;

    while (cursor.at < cursor.end) {
        TRY(read_field(&field, &cursor));
        if (field.number != 2)
            continue;
        TRY(expect(&field, WIRE_BYTES, "precompiled_charsmap", &cursor));
        TRY(check_charsmap(&field, &cursor));
        model->charsmap = cursor.bytes + field.begin;
        model->charsmap_size = field.size;
    }
    return FLETCH_OK;
}

/* ---- The model ---- */

static enum fletch_status add_piece(struct fletch_sentencepiece *model, size_t *cap,
                                    const struct cursor *cursor)
{
    struct fletch_sentencepiece_piece *pieces;
    size_t count = model->pieces_count + 1;

    if (model->pieces_count == FLETCH_TOKENIZER_TOKENS_MAX)
        return fletch_fail(cursor->err, FLETCH_ERR_UNSUPPORTED,
                           "more than %zu pieces, the limit (FLETCH_TOKENIZER_TOKENS_MAX)",
                           FLETCH_TOKENIZER_TOKENS_MAX);
    pieces = fletch_grow(model->pieces, cap, count, sizeof(*pieces));
    if (!pieces)
        return fletch_fail_memory(cursor->err, count * sizeof(*pieces), "the pieces");
    model->pieces = pieces;
    return FLETCH_OK;
}

static enum fletch_status read_model(struct fletch_sentencepiece *model,
                                     struct cursor *cursor)
{
    size_t cap = 0;
    struct field field;

    while (cursor->at < cursor->end) {
        TRY(read_field(&field, cursor));
        if (field.number == 1) {
            TRY(expect(&field, WIRE_BYTES, "pieces", cursor));
            TRY(add_piece(model, &cap, cursor));
            TRY(read_piece(&model->pieces[model->pieces_count], inside(&field, cursor)));
            model->pieces_count++;
        } else if (field.number == 2) {
            TRY(expect(&field, WIRE_BYTES, "trainer_spec", cursor));
            TRY(read_trainer(model, inside(&field, cursor)));
        } else if (field.number == 3) {
            TRY(expect(&field, WIRE_BYTES, "normalizer_spec", cursor));
            TRY(read_normalizer(model, inside(&field, cursor)));
        }
    }
    if (!model->pieces_count)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT, "no pieces in %zu bytes",
                           cursor->end);
    if (model->unk_id >= model->pieces_count)
        return fletch_fail(cursor->err, FLETCH_ERR_FORMAT,
                           "unk_id is %" PRIu32 ", but there are %zu pieces", model->unk_id,
                           model->pieces_count);
    return FLETCH_OK;
}

enum fletch_status fletch_sentencepiece_read(struct fletch_sentencepiece *out,
                                             const uint8_t *bytes, size_t size,
                                             struct fletch_error *err)
{
    struct fletch_sentencepiece model = { .model = FLETCH_SENTENCEPIECE_MODEL_UNIGRAM,
                                          .unk_piece = "<unk>",
                                          .unk_piece_len = strlen("<unk>") };
    struct cursor cursor = { .bytes = bytes, .end = size, .err = err };
    enum fletch_status status = read_model(&model, &cursor);

    if (status)
        fletch_sentencepiece_release(&model);
    else
        *out = model;
    return status;
}

void fletch_sentencepiece_release(struct fletch_sentencepiece *model)
{
    fletch_free(model->pieces);
    *model = (struct fletch_sentencepiece){ 0 };
}
