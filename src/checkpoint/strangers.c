/* SPDX-License-Identifier: MIT */
/* strangers.c - what cannot be read, recognised, and what to do about it
 *
 * Most of what people have in place of a checkpoint is one of these. A row says what
 * it is and what helps; the first row that fits speaks. Nothing here is parsed further than
 * it takes to know it.
 */
#include "checkpoint/inside.h"

#include "base/bytes.h"
#include "base/glob.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A tar header has its magic at 257. */
#define HEAD_SIZE 512
/* The directory at the end of a zip names what is in it: enough of it to find out. */
#define TAIL_SIZE 65536

/* The file refs/main of the hub's cache: a commit's hash, 40 characters. */
#define HASH_MAX 256
#define SNAPSHOTS "snapshots"

#define SAVE_AS "save the model as safetensors first"
#define START_FROM "start from the model that it was made of"
#define MERGE "whose base model is elsewhere: merge it into that model and give the result"

/* ---- Files ---- */

struct look {
    uint8_t head[HEAD_SIZE]; /* `size` in use */
    size_t size;
    const struct fletch_file *file;
};

struct stranger {
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

/* Whether the end of the file has the text in it; a file that cannot be read has not. */
static bool tail_has(const struct look *look, const char *text)
{
    uint64_t size = look->file->size < TAIL_SIZE ? look->file->size : TAIL_SIZE;
    uint8_t *tail = fletch_alloc((size_t)size);
    bool found =
        tail &&
        !fletch_file_read(look->file, look->file->size - size, tail, (size_t)size, NULL) &&
        memmem(tail, (size_t)size, text, strlen(text));

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
    return is_xml(look) && memmem(look->head, look->size, "<net ", 5);
}

/* Complete, and without the pickle that every torch checkpoint has. */
static bool is_other_zip(const struct look *look)
{
    return tail_has(look, "PK\x05\x06") && !tail_has(look, "/data.pkl");
}

/* A pickle of protocol 2 and up is announced by one byte and the protocol. */
static bool is_pickle(const struct look *look)
{
    return look->size >= 2 && look->head[0] == 0x80 && look->head[1] >= 2 &&
           look->head[1] <= 5;
}

static bool is_numpy_pickle(const struct look *look)
{
    return is_pickle(look) && memmem(look->head, look->size, "numpy", 5);
}

static bool is_printable(const uint8_t *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] >= 0x20 && text[i] < 0x7f)
        i++;
    return i == size;
}

/* A map whose first key is a short string: that is how Flax saves its parameters. */
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

/* A protobuf that begins with a small ir_version, and the name of its producer or, where
 * none is named, the graph. */
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

static const struct stranger strangers[] = {
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

static bool fits(const struct stranger *stranger, const struct look *look)
{
    if (stranger->magic &&
        (look->size < stranger->at + stranger->magic_size ||
         memcmp(look->head + stranger->at, stranger->magic, stranger->magic_size) != 0))
        return false;
    return !stranger->is || stranger->is(look);
}

enum fletch_status fletch_stranger_file(const struct fletch_file *file,
                                        struct fletch_error *err)
{
    struct look look = { .file = file };
    const char *placeholder;

    look.size = file->size < HEAD_SIZE ? (size_t)file->size : HEAD_SIZE;
    TRY(fletch_file_read(file, 0, look.head, look.size, err));
    placeholder = fletch_file_placeholder(look.head, look.size);
    if (placeholder)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "%s: %s", file->path, placeholder);
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        if (fits(&strangers[i], &look))
            return fletch_fail(err, strangers[i].status, "%s: %s", file->path,
                               strangers[i].sentence);
    return FLETCH_OK;
}

/* ---- Folders ---- */

struct stranger_entry {
    const char *glob; /* of a name in the folder */
    enum fletch_status status;
    const char *sentence; /* behind "FOLDER: has NAME" */
};

/* What training leaves beside weights, under names that weights could have too. */
static const char *const beside[] = {
    "training_args.bin", "optimizer.*",    "scheduler.*", "scaler.*",
    "rng_state*",        "random_states*", NULL
};

static const struct stranger_entry entries[] = {
    { "adapter_model*.safetensors", FLETCH_ERR_UNSUPPORTED,
      "the weights of a PEFT adapter, " MERGE },
    { "adapter_model*.bin", FLETCH_ERR_UNSUPPORTED,
      "the weights of a PEFT adapter, " MERGE },
    { "model-*-of-*.safetensors", FLETCH_ERR_NOT_FOUND,
      "but not model.safetensors.index.json, which says what is in which file" },
    { "*.safetensors.index*.json", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor its index: give that index" },
    { "*.safetensors", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor its index: give that file" },
    { "pytorch_model*.index*.json", FLETCH_ERR_NOT_FOUND,
      "but neither pytorch_model.bin nor its index: give that index" },
    { "pytorch_model-*-of-*.bin", FLETCH_ERR_NOT_FOUND,
      "but not pytorch_model.bin.index.json, which says what is in which file" },
    { "openvino_model*.bin", FLETCH_ERR_UNSUPPORTED,
      "the weights of an OpenVINO graph, which are not read: " START_FROM },
    { "*.bin", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.pt", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.pth", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.ckpt", FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.npz", FLETCH_ERR_NOT_FOUND,
      "but neither model.npz nor weights.npz: give that file" },
    { "*.npy", FLETCH_ERR_NOT_FOUND,
      "an array alone: put all arrays into one file, model.npz, with numpy.savez" },
    { "weights.parquet", FLETCH_ERR_UNSUPPORTED,
      "the result of a conversion, not a checkpoint" },
    { "model_index.json", FLETCH_ERR_UNSUPPORTED,
      "the index of a pipeline: give the folder of one of its models" },
    { SNAPSHOTS, FLETCH_ERR_UNSUPPORTED, "" }, /* see fail_repository */
    { "tf_model.h5", FLETCH_ERR_UNSUPPORTED,
      "the weights for TensorFlow, which are not read: " SAVE_AS },
    { "*.ckpt*.index", FLETCH_ERR_UNSUPPORTED,
      "a checkpoint of TensorFlow, which is not read: " SAVE_AS },
    { "saved_model.pb", FLETCH_ERR_UNSUPPORTED,
      "a graph of TensorFlow, which is not read: " SAVE_AS },
    { "*.h5", FLETCH_ERR_UNSUPPORTED, "weights for Keras, which are not read: " SAVE_AS },
    { "*.keras", FLETCH_ERR_UNSUPPORTED, "a Keras archive, which is not read: " SAVE_AS },
    { "*.msgpack", FLETCH_ERR_UNSUPPORTED,
      "the weights for Flax, which are not read: " SAVE_AS },
    { "*.ot", FLETCH_ERR_UNSUPPORTED,
      "a torch archive of the Rust kind, which is not read: " SAVE_AS },
    { "*.gguf", FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.onnx", FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.tflite", FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.mlmodel", FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.mlpackage", FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.pkl", FLETCH_ERR_UNSUPPORTED, "a Python pickle, which is not read: " SAVE_AS },
};

#define ENTRIES_COUNT (sizeof(entries) / sizeof(entries[0]))

struct finding {
    size_t row; /* of entries; ENTRIES_COUNT while nothing fits */
    size_t seen;
    char name[256]; /* as long as a name in a folder gets */
};

/* The first row that fits speaks, of the first of the names that fit: the answer does not
 * depend on the order in which a folder lists them. */
static void consider(struct finding *finding, const char *name)
{
    size_t len = strlen(name);

    finding->seen += name[0] != '.';
    if (fletch_glob_any(beside, name))
        return;
    for (size_t row = 0; row < ENTRIES_COUNT && row <= finding->row; row++) {
        if (!fletch_glob_match(entries[row].glob, name))
            continue;
        if (len < sizeof(finding->name) &&
            (row < finding->row || strcmp(name, finding->name) < 0)) {
            finding->row = row;
            memcpy(finding->name, name, len + 1);
        }
        return;
    }
}

/* The folder in `repository`/snapshots that refs/main names, a commit's hash; NULL where
 * there is none. */
static const char *main_snapshot(struct fletch_arena *arena, const char *repository)
{
    const char *refs = fletch_path_join(arena, repository, "refs/main");
    const char *hash = NULL, *path;
    struct fletch_buf text = { 0 };

    if (refs && fletch_file_kind(refs) == FLETCH_FILE_REGULAR &&
        !fletch_file_load(&text, refs, HASH_MAX, "HASH_MAX", NULL))
        hash = fletch_arena_text(arena, (char *)text.bytes,
                                 strspn((char *)text.bytes, "0123456789abcdef"));
    fletch_buf_release(&text);
    if (!hash || !*hash)
        return NULL;
    path = fletch_arena_format(arena, "%s%ssnapshots/%s", repository,
                               *repository ? "/" : "", hash);
    return path && fletch_file_kind(path) == FLETCH_FILE_FOLDER ? hash : NULL;
}

/* A repository of the hub's cache, or its folder of snapshots, is one step from a model. */
static enum fletch_status fail_repository(const char *folder, bool snapshots,
                                          struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    size_t above = (size_t)(fletch_path_base(folder) - folder);
    const char *repository =
        snapshots ? fletch_arena_text(&arena, folder, above ? above - 1 : 0) : folder;
    const char *hash = repository ? main_snapshot(&arena, repository) : NULL;
    const char *what = snapshots ? "is the folder of snapshots" : "has snapshots";
    enum fletch_status status;

    if (hash)
        status = fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                             "%s: %s, as a repository in the hub's cache has it: give "
                             "%s%s in there, which refs/main names",
                             folder, what, snapshots ? "" : "snapshots/", hash);
    else
        status = fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                             "%s: %s, as a repository in the hub's cache has it: give one "
                             "of the folders in there",
                             folder, what);
    fletch_arena_release(&arena);
    return status;
}

enum fletch_status fletch_stranger_folder(const char *folder, struct fletch_error *err)
{
    struct finding finding = { .row = ENTRIES_COUNT };
    const struct stranger_entry *entry = &entries[0];
    const struct dirent *found;
    DIR *dir = opendir(folder);

    if (!dir)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", folder, fletch_errno_text(errno));
    while ((found = readdir(dir)))
        consider(&finding, found->d_name);
    closedir(dir);
    if (finding.row < ENTRIES_COUNT && !strcmp(finding.name, SNAPSHOTS))
        return fail_repository(folder, false, err);
    if (finding.row < ENTRIES_COUNT) {
        entry += finding.row;
        return fletch_fail(err, entry->status, "%s: has %s, %s", folder, finding.name,
                           entry->sentence);
    }
    if (!finding.seen)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: is an empty folder, expected model.safetensors, "
                           "pytorch_model.bin or an index",
                           folder);
    if (!strcmp(fletch_path_base(folder), SNAPSHOTS))
        return fail_repository(folder, true, err);
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%s: has no weights, expected model.safetensors, pytorch_model.bin "
                       "or an index of one",
                       folder);
}

enum fletch_status fletch_stranger_adapter(const char *folder, struct fletch_error *err)
{
    struct fletch_arena arena = { 0 };
    char *path = fletch_path_join(&arena, folder, "adapter_config.json");
    enum fletch_status status = FLETCH_OK;

    if (!path)
        return fletch_fail_memory(err, strlen(folder), "a path");
    if (fletch_file_kind(path) == FLETCH_FILE_REGULAR)
        status = fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                             "%s: has adapter_config.json, a PEFT adapter, " MERGE, folder);
    fletch_arena_release(&arena);
    return status;
}
