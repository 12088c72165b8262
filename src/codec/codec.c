/* SPDX-License-Identifier: MIT */
/* codec.c - see codec.h */
#include "codec/codec.h"

#include "base/mem.h"
#include "codec/codec_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Those that can be written, in the order of help texts, and those that are only read. */
static const struct fletch_codec *const codecs[] = {
    &fletch_codec_zstd, &fletch_codec_lz4,  &fletch_codec_snappy,
    &fletch_codec_gzip, &fletch_codec_none, &fletch_codec_lz4_hadoop,
};
#define CODECS_COUNT (sizeof(codecs) / sizeof(codecs[0]))
#define WRITTEN_COUNT (CODECS_COUNT - 1)

/* Entropy coding alone may come out this much larger than matching and is still preferred,
 * since it is faster: one part in 500. */
#define ENTROPY_SLACK 500

const struct fletch_codec *fletch_codec_get(size_t i)
{
    return i < WRITTEN_COUNT ? codecs[i] : NULL;
}

static enum fletch_status check_built_in(const struct fletch_codec *codec,
                                         struct fletch_error *err)
{
    if (codec->decoder_open)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "codec '%s': not in this build",
                       codec->name);
}

static enum fletch_status fail_unknown(const char *name, struct fletch_error *err)
{
    char names[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < WRITTEN_COUNT && len < sizeof(names); i++) {
        const char *before = i == 0 ? "" : i + 1 == WRITTEN_COUNT ? " or " : ", ";

        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", before,
                                codecs[i]->name);
    }
    return fletch_fail(err, FLETCH_ERR_ARGUMENT, "codec '%s' is not known; it is one of %s",
                       name, names);
}

enum fletch_status fletch_codec_find(const struct fletch_codec **out, const char *name,
                                     struct fletch_error *err)
{
    for (size_t i = 0; i < WRITTEN_COUNT; i++) {
        if (name ? strcmp(codecs[i]->name, name) != 0 : !codecs[i]->encoder_open)
            continue;
        TRY(check_built_in(codecs[i], err));
        *out = codecs[i];
        return FLETCH_OK;
    }
    return fail_unknown(name, err);
}

enum fletch_status fletch_codec_find_id(const struct fletch_codec **out, int id,
                                        struct fletch_error *err)
{
    /* Of Parquet's enum, those that no table entry stands for. */
    static const char *const others[] = { [3] = "LZO", [4] = "BROTLI" };

    for (size_t i = 0; i < CODECS_COUNT; i++) {
        if ((int)codecs[i]->id != id)
            continue;
        TRY(check_built_in(codecs[i], err));
        *out = codecs[i];
        return FLETCH_OK;
    }
    if (id >= 0 && (size_t)id < sizeof(others) / sizeof(others[0]) && others[id])
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "codec %s (%d) is not supported",
                           others[id], id);
    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "codec number %d is not known", id);
}

enum fletch_status fletch_codec_level(int *out, const struct fletch_codec *codec, int level,
                                      struct fletch_error *err)
{
    if (!level) {
        *out = codec->level_default;
        return FLETCH_OK;
    }
    if (!codec->level_max)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT, "codec '%s' has no levels",
                           codec->name);
    if (level < codec->level_min || level > codec->level_max)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "codec '%s': level %d is out of range, expected %d to %d",
                           codec->name, level, codec->level_min, codec->level_max);
    *out = level;
    return FLETCH_OK;
}

enum fletch_status fletch_codec_sample(struct fletch_samples *samples,
                                       const struct fletch_codec *codec,
                                       struct fletch_encoder *encoder, const void *bytes,
                                       size_t size, struct fletch_error *err)
{
    struct fletch_piece piece = {
        .bytes = bytes, .size = size, .page_size = size, .effort = FLETCH_EFFORT_MATCH
    };
    const size_t cap = codec->bound(size);
    size_t matched = 0, entropy = 0;
    enum fletch_status status;
    void *out;

    if (!size)
        return FLETCH_OK;
    out = fletch_alloc(cap);
    if (!out)
        return fletch_fail_memory(err, cap, "a compressed sample");
    status = codec->encode(encoder, &piece, out, cap, &matched, err);
    if (!status && codec->entropy) {
        piece.effort = FLETCH_EFFORT_ENTROPY;
        status = codec->encode(encoder, &piece, out, cap, &entropy, err);
    }
    fletch_free(out);
    if (status)
        return status;
    samples->content += size;
    samples->matched += matched;
    samples->entropy += entropy;
    return FLETCH_OK;
}

enum fletch_effort fletch_codec_effort(const struct fletch_samples *samples,
                                       const struct fletch_codec *codec)
{
    uint64_t best = samples->matched;

    if (codec->id == FLETCH_CODEC_ID_NONE)
        return FLETCH_EFFORT_STORE;
    if (!samples->content)
        return FLETCH_EFFORT_MATCH;
    if (codec->entropy && samples->entropy < best)
        best = samples->entropy;
    if (best > samples->content - samples->content / FLETCH_SHRINK_MIN)
        return FLETCH_EFFORT_STORE;
    if (codec->entropy &&
        samples->entropy <= samples->matched + samples->matched / ENTROPY_SLACK)
        return FLETCH_EFFORT_ENTROPY;
    return FLETCH_EFFORT_MATCH;
}

/* ---- codec_internal.h ---- */

enum fletch_status fletch_page_fail(struct fletch_error *err, enum fletch_status status,
                                    const char *codec, uint64_t in_size, uint64_t out_size,
                                    const char *reason)
{
    return fletch_fail(err, status,
                       "%s page of %" PRIu64 " bytes, to become %" PRIu64 ": %s", codec,
                       in_size, out_size, reason);
}

enum fletch_status fletch_page_check_whole(const struct fletch_piece *piece,
                                           const char *codec, struct fletch_error *err)
{
    if (!piece->offset && piece->size == piece->page_size)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "%s pages are made in one piece: %zu bytes at %" PRIu64
                       ", expected all %" PRIu64,
                       codec, piece->size, piece->offset, piece->page_size);
}

enum fletch_status fletch_page_check_room(size_t cap, size_t bound, const char *codec,
                                          struct fletch_error *err)
{
    if (cap >= bound)
        return FLETCH_OK;
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "%s piece: room for %zu bytes, expected at least %zu", codec, cap,
                       bound);
}

/* ---- Compressors without a state ---- */

struct fletch_encoder {
    int level; /* always 0; a struct must have something */
};

enum fletch_status fletch_page_encoder_open(struct fletch_encoder **out, int level,
                                            struct fletch_error *err)
{
    struct fletch_encoder *encoder = fletch_alloc(sizeof(*encoder));

    if (!encoder)
        return fletch_fail_memory(err, sizeof(*encoder), "an encoder");
    encoder->level = level;
    *out = encoder;
    return FLETCH_OK;
}

void fletch_page_encoder_close(struct fletch_encoder *encoder)
{
    fletch_free(encoder);
}

size_t fletch_page_encoder_size(int level)
{
    (void)level;
    return 0;
}
