/* SPDX-License-Identifier: MIT */
/* unsupported_folder.c - what a folder without weights at its top contains, and what to do
 *
 * A row describes what a name in the folder stands for, and what helps; the first row that
 * fits applies. If none does, its subfolders are examined. For files see unsupported.c.
 */
#include "checkpoint/checkpoint_internal.h"

#include "base/glob.h"
#include "base/natural.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

/* The file refs/main of the hub's cache: a commit's hash, 40 characters. */
#define HASH_MAX 256
#define SNAPSHOTS "snapshots"

#define SAVE_AS "save the model as safetensors first"
#define START_FROM "start from the model that it was made of"
#define MERGE "whose base model is elsewhere: merge it into that model and give the result"
#define ZERO_PART                                                                          \
    "a part of a DeepSpeed checkpoint: join the parts with python zero_to_fp32.py . OUT, " \
    "in the folder above"
#define MEGATRON                                                                           \
    "a checkpoint of Megatron in parts, which is not read: convert it with Megatron's "    \
    "own "                                                                                 \
    "tools, to the layout of transformers"
#define SPACY                                                                              \
    "a pipeline of spaCy, which is not read: start from the model that it was trained "    \
    "from"
#define CTRANSLATE "a model of CTranslate2, which is not read: " START_FROM
#define ORBAX "a checkpoint of Orbax, for JAX, which is not read: " SAVE_AS
#define LAST_SAVED "the last checkpoint of a training run: give that folder"

struct known_entry {
    const char *glob; /* of a name in the folder */
    const char *with; /* another name that must be there; NULL: none */
    enum fletch_status status;
    const char *sentence; /* follows "FOLDER: has NAME" */
};

/* What training leaves beside weights, under names that weights could have too. */
static const char *const beside[] = {
    "training_args.bin", "optimizer.*",    "scheduler.*", "scaler.*",
    "rng_state*",        "random_states*", NULL
};

/* Rows whose star is a number; the highest number applies. */
static const char *const numbered[] = { "checkpoint-*", "checkpoint_*", "epoch_*", "step_*",
                                        NULL };

static const struct known_entry entries[] = {
    { "adapter_model*.safetensors", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights of a PEFT adapter, " MERGE },
    { "adapter_model*.bin", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights of a PEFT adapter, " MERGE },
    { "zero_to_fp32.py", NULL, FLETCH_ERR_UNSUPPORTED,
      "a checkpoint of DeepSpeed in parts: join them with python zero_to_fp32.py . OUT in "
      "there, and give OUT" },
    { "global_step*", NULL, FLETCH_ERR_UNSUPPORTED,
      "a checkpoint of DeepSpeed in parts: join them with python -m "
      "deepspeed.utils.zero_to_fp32 . OUT in there, and give OUT" },
    { "*model_states.pt", NULL, FLETCH_ERR_UNSUPPORTED, ZERO_PART },
    { "*optim_states.pt", NULL, FLETCH_ERR_UNSUPPORTED, ZERO_PART },
    { "*.distcp", ".metadata", FLETCH_ERR_UNSUPPORTED,
      "a part of a checkpoint of torch.distributed.checkpoint: join them with python -m "
      "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt, and give "
      "OUT.pt" },
    { "*.distcp", NULL, FLETCH_ERR_NOT_FOUND,
      "a part of a checkpoint of torch.distributed.checkpoint, but not .metadata, which "
      "says what lies where: fetch it too" },
    { "pytorch_model_fsdp_*", NULL, FLETCH_ERR_UNSUPPORTED,
      "the parts of a model under FSDP: join them with accelerate merge-weights "
      "pytorch_model_fsdp_0 OUT in there, and give OUT" },
    { "mp_rank_*", NULL, FLETCH_ERR_UNSUPPORTED, MEGATRON },
    { "latest_checkpointed_iteration.txt", NULL, FLETCH_ERR_UNSUPPORTED, MEGATRON },
    { "*.pdparams", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights for Paddle, which are not read: " SAVE_AS },
    { "meta.json", "config.cfg", FLETCH_ERR_UNSUPPORTED, SPACY },
    { "meta.json", "model", FLETCH_ERR_UNSUPPORTED, SPACY },
    { "model.bin", "shared_vocabulary*", FLETCH_ERR_UNSUPPORTED, CTRANSLATE },
    { "model.bin", "source_vocabulary*", FLETCH_ERR_UNSUPPORTED, CTRANSLATE },
    { "model.bin", "vocabulary.*", FLETCH_ERR_UNSUPPORTED, CTRANSLATE },
    { "*.nemo", NULL, FLETCH_ERR_UNSUPPORTED,
      "an archive of NeMo: unpack it with tar, and give the model_weights.ckpt in it" },
    { "weights", "context", FLETCH_ERR_UNSUPPORTED,
      "a checkpoint of NeMo 2, which is not read: export it to the layout of transformers "
      "with NeMo's llm.export_ckpt, and give that" },
    { "weights.*.safetensors", NULL, FLETCH_ERR_UNSUPPORTED,
      "weights of MLX in parts without an index: " START_FROM },
    { "_CHECKPOINT_METADATA", NULL, FLETCH_ERR_UNSUPPORTED, ORBAX },
    { "_METADATA", NULL, FLETCH_ERR_UNSUPPORTED, ORBAX },
    { "manifest.ocdbt", NULL, FLETCH_ERR_UNSUPPORTED, ORBAX },
    { "ocdbt.process_*", NULL, FLETCH_ERR_UNSUPPORTED, ORBAX },
    { "model-*-of-*.safetensors", NULL, FLETCH_ERR_NOT_FOUND,
      "but not model.safetensors.index.json, which says what is in which file: "
      "fetch it too" },
    { "*.safetensors.index*.json", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor its index: give that index" },
    { "*.safetensors", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor its index: give that file" },
    { "pytorch_model*.index*.json", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither pytorch_model.bin nor its index: give that index" },
    { "pytorch_model-*-of-*.bin", NULL, FLETCH_ERR_NOT_FOUND,
      "but not pytorch_model.bin.index.json, which says what is in which file: "
      "fetch it too" },
    { "openvino_model*.bin", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights of an OpenVINO graph, which are not read: " START_FROM },
    { "openvino_model*.xml", NULL, FLETCH_ERR_UNSUPPORTED,
      "an OpenVINO graph, which is not read: " START_FROM },
    { "*.bin", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.pt", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.pth", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.ckpt", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.pt2", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.cp", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.safetensors nor pytorch_model.bin: give that file" },
    { "*.npz", NULL, FLETCH_ERR_NOT_FOUND,
      "but neither model.npz nor weights.npz: give that file" },
    { "*.npy", NULL, FLETCH_ERR_NOT_FOUND,
      "an array alone: put all arrays into one file, model.npz, with numpy.savez" },
    { "weights.parquet", NULL, FLETCH_ERR_UNSUPPORTED,
      "the result of a conversion, not a checkpoint: give the model that it was made of" },
    { "model_index.json", NULL, FLETCH_ERR_UNSUPPORTED,
      "the index of a pipeline: give the folder of one of its models" },
    { SNAPSHOTS, NULL, FLETCH_ERR_UNSUPPORTED, "" }, /* see fail_repository */
    { "tf_model.h5", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights for TensorFlow, which are not read: " SAVE_AS },
    { "*.ckpt*.index", NULL, FLETCH_ERR_UNSUPPORTED,
      "a checkpoint of TensorFlow, which is not read: " SAVE_AS },
    { "saved_model.pb", NULL, FLETCH_ERR_UNSUPPORTED,
      "a graph of TensorFlow, which is not read: " SAVE_AS },
    { "*.h5", NULL, FLETCH_ERR_UNSUPPORTED,
      "weights for Keras, which are not read: " SAVE_AS },
    { "*.keras", NULL, FLETCH_ERR_UNSUPPORTED,
      "a Keras archive, which is not read: " SAVE_AS },
    { "*.msgpack", NULL, FLETCH_ERR_UNSUPPORTED,
      "the weights for Flax, which are not read: " SAVE_AS },
    { "*.ot", NULL, FLETCH_ERR_UNSUPPORTED,
      "a torch archive of the Rust kind, which is not read: " SAVE_AS },
    { "*.gguf", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.onnx", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.pte", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.tflite", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.mlmodel", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.mlpackage", NULL, FLETCH_ERR_UNSUPPORTED, "which is not read: " START_FROM },
    { "*.pkl", NULL, FLETCH_ERR_UNSUPPORTED,
      "a Python pickle, which is not read: " SAVE_AS },
    { "checkpoint-*", NULL, FLETCH_ERR_NOT_FOUND, LAST_SAVED },
    { "checkpoint_*", NULL, FLETCH_ERR_NOT_FOUND, LAST_SAVED },
    { "epoch_*", NULL, FLETCH_ERR_NOT_FOUND, LAST_SAVED },
    { "step_*", NULL, FLETCH_ERR_NOT_FOUND, LAST_SAVED },
    { "onnx", NULL, FLETCH_ERR_UNSUPPORTED,
      "graphs of ONNX, which are not read: " START_FROM },
    { "openvino", NULL, FLETCH_ERR_UNSUPPORTED,
      "graphs of OpenVINO, which are not read: " START_FROM },
    { "saved_model", NULL, FLETCH_ERR_UNSUPPORTED,
      "a model of TensorFlow, which is not read: " SAVE_AS },
};

#define ENTRIES_COUNT (sizeof(entries) / sizeof(entries[0]))

/* The longest name in a folder. */
#define NAME_CAP 256

struct finding {
    char name[NAME_CAP]; /* "" until something fits */
    bool with;
};

struct survey {
    struct finding findings[ENTRIES_COUNT];
    size_t seen;
    char inner[NAME_CAP]; /* the first subfolder that has weights */
    size_t inner_count;
};

/* The answer must not depend on the order in which a folder lists its names: take the first
 * of those that fit, or the highest number. */
static void take(struct finding *finding, const struct known_entry *entry, const char *name)
{
    const char *number = name + strlen(entry->glob) - 1;
    bool counts = fletch_glob_any(numbered, entry->glob);
    size_t len = strlen(name);
    int order;

    if (len >= NAME_CAP)
        return;
    if (counts && (!*number || number[strspn(number, "0123456789")]))
        return;
    order = fletch_natural_compare(name, finding->name);
    if (!*finding->name || (counts ? order > 0 : order < 0))
        memcpy(finding->name, name, len + 1);
}

/* True when a folder contains something that could be opened if given. */
static bool has_model(const char *folder, struct fletch_arena *arena)
{
    static const char *const names[] = { "modules.json",
                                         "model.safetensors",
                                         "model.safetensors.index.json",
                                         "pytorch_model.bin",
                                         "pytorch_model.bin.index.json",
                                         NULL };
    bool found = false;

    for (const char *const *name = names; *name && !found; name++) {
        const char *path = fletch_path_join(arena, folder, *name);

        found = path && fletch_file_kind(path) == FLETCH_FILE_REGULAR;
    }
    return found;
}

static void consider(struct survey *survey, const char *folder, const char *name)
{
    struct fletch_arena arena = { 0 };
    const char *path;

    survey->seen += name[0] != '.';
    for (size_t row = 0; row < ENTRIES_COUNT; row++) {
        if (entries[row].with && fletch_glob_match(entries[row].with, name))
            survey->findings[row].with = true;
        if (fletch_glob_match(entries[row].glob, name) && !fletch_glob_any(beside, name))
            take(&survey->findings[row], &entries[row], name);
    }
    if (name[0] == '.' || strlen(name) >= NAME_CAP)
        return;
    path = fletch_path_join(&arena, folder, name);
    if (path && fletch_file_kind(path) == FLETCH_FILE_FOLDER && has_model(path, &arena)) {
        if (!survey->inner_count++ || fletch_natural_compare(name, survey->inner) < 0)
            memcpy(survey->inner, name, strlen(name) + 1);
    }
    fletch_arena_release(&arena);
}

/* The folder in `repository`/snapshots that refs/main names by a commit's hash; NULL when
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

/* A repository of the hub's cache, or its snapshots folder, is one step from a model. */
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

/* Reports what no row knows. */
static enum fletch_status fail_rest(const struct survey *survey, const char *folder,
                                    struct fletch_error *err)
{
    if (!survey->seen)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: is an empty folder, expected model.safetensors, "
                           "pytorch_model.bin or an index",
                           folder);
    if (!strcmp(fletch_path_base(folder), SNAPSHOTS))
        return fail_repository(folder, true, err);
    if (survey->inner_count == 1)
        return fletch_fail(
            err, FLETCH_ERR_NOT_FOUND,
            "%s: has no weights at its top, but the folder %s has: give that", folder,
            survey->inner);
    if (survey->inner_count)
        return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                           "%s: has no weights at its top, but %zu folders have, such as "
                           "%s: give one of them",
                           folder, survey->inner_count, survey->inner);
    return fletch_fail(err, FLETCH_ERR_NOT_FOUND,
                       "%s: has no weights, expected model.safetensors, pytorch_model.bin "
                       "or an index of one",
                       folder);
}

static enum fletch_status say(const struct survey *survey, const char *folder,
                              struct fletch_error *err)
{
    for (size_t row = 0; row < ENTRIES_COUNT; row++) {
        const struct finding *finding = &survey->findings[row];

        if (!*finding->name || (entries[row].with && !finding->with))
            continue;
        if (!strcmp(finding->name, SNAPSHOTS))
            return fail_repository(folder, false, err);
        return fletch_fail(err, entries[row].status, "%s: has %s, %s", folder,
                           finding->name, entries[row].sentence);
    }
    return fail_rest(survey, folder, err);
}

enum fletch_status fletch_unsupported_folder(const char *folder, struct fletch_error *err)
{
    struct survey *survey;
    enum fletch_status status;
    const struct dirent *found;
    DIR *dir = opendir(folder);

    if (!dir)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: %s", folder, fletch_errno_text(errno));
    survey = fletch_alloc(sizeof(*survey));
    while (survey && (found = readdir(dir)))
        consider(survey, folder, found->d_name);
    closedir(dir);
    status = survey ? say(survey, folder, err)
                    : fletch_fail_memory(err, sizeof(*survey), "a folder's names");
    fletch_free(survey);
    return status;
}

enum fletch_status fletch_unsupported_adapter(const char *folder, struct fletch_error *err)
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
