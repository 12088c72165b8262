/* SPDX-License-Identifier: MIT */
/* unsupported.c - recognises files that cannot be read, and says what to do about them
 *
 * Most files that people have instead of a checkpoint are among these. A row says what the
 * file is and what helps; the first row that fits applies. A file is parsed no further than
 * it takes to recognise it. For folders see unsupported_folder.c.
 */
#include "checkpoint/checkpoint_internal.h"

#include "base/bytes.h"
#include "base/glob.h"

#include <ctype.h>
#include <string.h>

/* A tar header has its magic at 257. */
#define HEAD_SIZE 512
/* The directory at the end of a zip names its members: enough of it to recognise them. */
#define TAIL_SIZE 65536

#define SAVE_AS "save the model as safetensors first"
#define START_FROM "start from the model that it was made of"

struct look {
    uint8_t head[HEAD_SIZE]; /* `size` in use */
    size_t size;
    const struct fletch_file *file;
};

struct known_file {
    const char *magic; /* [magic_size] at `at`; NULL when only `is` decides */
    size_t magic_size;
    size_t at;
    bool (*is)(const struct look *look); /* may be NULL */
    enum fletch_status status;
    const char *sentence;
};

static bool is_empty(const struct look *look)
{
    return !look->size;
}

static bool is_zeros(const struct look *look)
{
    size_t i = 0;

    while (i < look->size && !look->head[i])
        i++;
    return i == HEAD_SIZE;
}

static bool begins(const struct look *look, const char *text)
{
    return fletch_text_begins(look->head, look->size, text);
}

static bool is_xml(const struct look *look)
{
    return begins(look, "<?xml");
}

static bool is_json(const struct look *look)
{
    return begins(look, "{\"") || begins(look, "{\n") || begins(look, "{\r\n");
}

/* True when the end of the file contains the text; false if it cannot be read. */
static bool tail_has(const struct look *look, const char *text)
{
    uint64_t size = look->file->size < TAIL_SIZE ? look->file->size : TAIL_SIZE;
    uint8_t *tail = fletch_alloc((size_t)size);
    bool found =
        tail &&
        !fletch_file_read(look->file, look->file->size - size, tail, (size_t)size, NULL) &&
        fletch_find(tail, (size_t)size, text, strlen(text));

    fletch_free(tail);
    return found;
}

static bool is_rust_torch(const struct look *look)
{
    return fletch_glob_match("*.ot", look->file->path);
}

static bool is_keras(const struct look *look)
{
    return tail_has(look, "model.weights.h5");
}

static bool is_core_ml(const struct look *look)
{
    return fletch_glob_match("*.mlmodel", look->file->path);
}

static bool is_open_vino(const struct look *look)
{
    return is_xml(look) && fletch_find(look->head, look->size, "<net ", 5);
}

/* True for a complete zip without the pickle that every torch checkpoint has. */
static bool is_other_zip(const struct look *look)
{
    return tail_has(look, "PK\x05\x06") && !tail_has(look, "/data.pkl");
}

/* A pickle of protocol 2 and up begins with one byte and the protocol. */
static bool is_pickle(const struct look *look)
{
    return look->size >= 2 && look->head[0] == 0x80 && look->head[1] >= 2 &&
           look->head[1] <= 5;
}

static bool is_numpy_pickle(const struct look *look)
{
    return is_pickle(look) && fletch_find(look->head, look->size, "numpy", 5);
}

static bool is_printable(const uint8_t *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] >= 0x20 && text[i] < 0x7f)
        i++;
    return i == size;
}

/* A map whose first key is a short string: the way Flax saves its parameters. */
static bool is_msgpack(const struct look *look)
{
    const uint8_t *p = look->head;
    size_t at = p[0] == 0xde ? 3 : p[0] == 0xdf ? 5 : 1, len;

    if (look->size < at + 2 || (at == 1 && (p[0] < 0x81 || p[0] > 0x8f)))
        return false;
    if (p[at] == 0xd9)
        len = p[++at];
    else if (p[at] >= 0xa1 && p[at] <= 0xbf)
        len = p[at] & 0x1f;
    else
        return false;
    return len && len < look->size - at && is_printable(p + at + 1, len);
}

/* A protobuf that begins with a small ir_version and the name of its producer or, without
 * one, the graph. */
static bool is_onnx(const struct look *look)
{
    const uint8_t *p = look->head;

    if (look->size <= 4 || p[0] != 0x08 || !p[1] || p[1] >= 0x20)
        return false;
    if (p[2] == 0x3a)
        return true;
    return p[2] == 0x12 && p[3] && p[3] < 0x40 && (size_t)p[3] + 4 <= look->size &&
           is_printable(p + 4, p[3]);
}

#define MAGIC(bytes) .magic = (bytes), .magic_size = sizeof(bytes) - 1

static const struct known_file known_files[] = {
    { .is = is_empty, .status = FLETCH_ERR_FORMAT, .sentence = "is empty" },
    { .is = is_open_vino,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is an OpenVINO graph, which is not read: " START_FROM },
    { .is = is_xml,
      .status = FLETCH_ERR_FORMAT,
      .sentence = "is an XML page, not the file: download it again, from its own address" },
    { .is = is_zeros,
      .status = FLETCH_ERR_FORMAT,
      .sentence = "begins with nothing but zeros: the download did not finish" },
    { .is = is_json,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a JSON text, not weights: give the model's folder" },
    { MAGIC("PK\x03\x04"), .is = is_rust_torch, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence =
          "is a torch archive of the Rust kind (.ot), which is not read: " SAVE_AS },
    { MAGIC("PK\x03\x04"), .is = is_keras, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a Keras archive, which is not read: " SAVE_AS },
    { MAGIC("PK\x03\x04"), .is = is_other_zip, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a zip archive: unpack it, and give the folder" },
    { .is = is_numpy_pickle,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a Python pickle of NumPy arrays, which is not read: save them with "
                  "numpy.savez first" },
    { .is = is_pickle,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a Python pickle, which is not read: " SAVE_AS },
    { MAGIC("ustar"), .at = 257, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a tar archive: unpack it, and give the folder" },
    { MAGIC("\x1f\x8b\x08"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is compressed with gzip: unpack it first" },
    { MAGIC("GGUF"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a GGUF file, which is not read: " START_FROM },
    { MAGIC("lmgg"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a GGML file, which is not read: " START_FROM },
    { MAGIC("TFL3"), .at = 4, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a TensorFlow Lite graph, which is not read: " START_FROM },
    { MAGIC("ET12"), .at = 4, .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a program of ExecuTorch, which is not read: " START_FROM },
    { MAGIC("\x89HDF\r\n\x1a\n"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is an HDF5 file, as TensorFlow and Keras save weights, which is not "
                  "read: " SAVE_AS },
    { MAGIC("PAR1"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a Parquet file, not a checkpoint: it is what comes out" },
    { MAGIC("ARROW1"), .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is an Arrow file, not a checkpoint" },
    { .is = is_msgpack,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a msgpack file, as Flax saves weights, which is not read: " SAVE_AS },
    { .is = is_core_ml,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is a Core ML model, which is not read: " START_FROM },
    { .is = is_onnx,
      .status = FLETCH_ERR_UNSUPPORTED,
      .sentence = "is an ONNX graph, which is not read: " START_FROM },
};

static bool fits(const struct known_file *known_file, const struct look *look)
{
    if (known_file->magic && (look->size < known_file->at + known_file->magic_size ||
                              memcmp(look->head + known_file->at, known_file->magic,
                                     known_file->magic_size) != 0))
        return false;
    return !known_file->is || known_file->is(look);
}

enum fletch_status fletch_unsupported_file(const struct fletch_file *file,
                                           struct fletch_error *err)
{
    struct look look = { .file = file };
    const char *placeholder;

    look.size = file->size < HEAD_SIZE ? (size_t)file->size : HEAD_SIZE;
    TRY(fletch_file_read(file, 0, look.head, look.size, err));
    placeholder = fletch_file_placeholder(look.head, look.size);
    if (placeholder)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: %s", file->path, placeholder);
    for (size_t i = 0; i < sizeof(known_files) / sizeof(known_files[0]); i++)
        if (fits(&known_files[i], &look))
            return fletch_fail(err, known_files[i].status, "%s: %s", file->path,
                               known_files[i].sentence);
    return FLETCH_OK;
}

/* ---- Parts of parallel runs, by their names ---- */

#define SHARDS_JOIN "join the parts with python zero_to_fp32.py . OUT, in the folder above"

static const struct {
    const char *glob;
    const char *sentence;
} shards[] = {
    { "*optim_states.pt", "is a part of a DeepSpeed checkpoint: " SHARDS_JOIN },
    { "*model_states.pt", "is a part of a DeepSpeed checkpoint: " SHARDS_JOIN },
    { "*.distcp",
      "is a part of a checkpoint of torch.distributed.checkpoint: join the parts with "
      "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt" },
};

/* "tp_rank_00", "rank0", "ep1-rank3.pt", but not "low_rank_8": the number of one
 * process. */
static bool names_rank(const char *name)
{
    static const char word[] = "rank";

    for (const char *at = strstr(name, word); at; at = strstr(at + 1, word)) {
        const char *number = at + sizeof(word) - 1;
        size_t before = (size_t)(at - name);

        number += strspn(number, "_-.");
        if ((before && isalpha((unsigned char)at[-1])) || !isdigit((unsigned char)*number))
            continue;
        if (before >= 4 && (!strncmp(at - 4, "low", 3) || !strncmp(at - 4, "ora", 3)))
            continue;
        return true;
    }
    return false;
}

enum fletch_status fletch_unsupported_shard(const char *path, struct fletch_error *err)
{
    const char *name = fletch_path_base(path);

    for (size_t i = 0; i < sizeof(shards) / sizeof(shards[0]); i++)
        if (fletch_glob_match(shards[i].glob, name))
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "%s: %s", path,
                               shards[i].sentence);
    if (names_rank(name))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "%s: is, by its name, one process's part of a parallel run: "
                           "join the parts with what saved them; where one process saved "
                           "the whole model, give the file a name without its rank",
                           path);
    return FLETCH_OK;
}
