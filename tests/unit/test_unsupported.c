/* SPDX-License-Identifier: MIT */
/* test_unsupported.c - what people have in place of a checkpoint, and what they are told */
#include "checkpoints.h"

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0777), 0);
}

#define NOT_READ ", which is not read: save the model as safetensors first"
#define MADE_OF ", which is not read: start from the model that it was made of"

struct unsupported_case {
    const char *name;
    const char *bytes;
    size_t size;
    enum fletch_status status;
    const char *sentence;
};

static const struct unsupported_case files[] = {
    { "f", TEXT(""), FLETCH_ERR_FORMAT, "is empty" },
    { "model.safetensors",
      TEXT("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4\n"),
      FLETCH_ERR_FORMAT, "is a Git LFS pointer, not the file: run git lfs pull" },
    { "f", TEXT("<!DOCTYPE html>\n<html>"), FLETCH_ERR_FORMAT,
      "is an HTML page, not the file: download it again, from its own address" },
    { "f", TEXT("\xef\xbb\xbf \n<HTML lang=en>"), FLETCH_ERR_FORMAT,
      "is an HTML page, not the file: download it again, from its own address" },
    { "f", TEXT("<?xml version=\"1.0\"?><Error>"), FLETCH_ERR_FORMAT,
      "is an XML page, not the file: download it again, from its own address" },
    { "f", TEXT("{\"error\":\"Not Found\"}"), FLETCH_ERR_UNSUPPORTED,
      "is a JSON text, not weights: give the model's folder" },
    { "f", TEXT("PK\x03\x04 archive/data.pkl ... PK\x01\x02 archive/data.pkl PK\x05\x06"),
      FLETCH_ERR_FORMAT,
      "byte 52: the file ends without the end record of a zip archive: it was cut short" },
    { "rust_model.ot", TEXT("PK\x03\x04 rust_model/data.pkl PK\x05\x06"),
      FLETCH_ERR_UNSUPPORTED, "is a torch archive of the Rust kind (.ot)" NOT_READ },
    { "f", TEXT("PK\x03\x04 model.weights.h5 PK\x05\x06"), FLETCH_ERR_UNSUPPORTED,
      "is a Keras archive" NOT_READ },
    { "f", TEXT("<?xml version=\"1.0\"?>\n<net name=\"bert\" version=\"11\">"),
      FLETCH_ERR_UNSUPPORTED, "is an OpenVINO graph" MADE_OF },
    { "f", TEXT("PK\x03\x04 readme.txt PK\x05\x06"), FLETCH_ERR_UNSUPPORTED,
      "is a zip archive: unpack it, and give the folder" },
    { "f", TEXT("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M"),
      FLETCH_ERR_FORMAT,
      "byte 17: opcode 4d (BININT2): needs 2 bytes, the pickle ends after 0" },
    { "f", TEXT("\x80\x04\x95\x00\x00"), FLETCH_ERR_UNSUPPORTED,
      "is a Python pickle" NOT_READ },
    { "f",
      TEXT("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray"),
      FLETCH_ERR_UNSUPPORTED,
      "is a Python pickle of NumPy arrays, which is not read: save them with numpy.savez "
      "first" },
    { "f", TEXT("\x1f\x8b\x08\x00"), FLETCH_ERR_UNSUPPORTED,
      "is compressed with gzip: unpack it first" },
    { "f", TEXT("GGUF\x03\x00\x00\x00"), FLETCH_ERR_UNSUPPORTED, "is a GGUF file" MADE_OF },
    { "f", TEXT("lmgg\x00\x00\x00\x00"), FLETCH_ERR_UNSUPPORTED, "is a GGML file" MADE_OF },
    { "f", TEXT("\x89HDF\r\n\x1a\n\x00"), FLETCH_ERR_UNSUPPORTED,
      "is an HDF5 file, as TensorFlow and Keras save weights" NOT_READ },
    { "f", TEXT("\x1c\x00\x00\x00TFL3"), FLETCH_ERR_UNSUPPORTED,
      "is a TensorFlow Lite graph" MADE_OF },
    { "model.pte",
      TEXT("\x1c\x00\x00\x00"
           "ET12"),
      FLETCH_ERR_UNSUPPORTED, "is a program of ExecuTorch" MADE_OF },
    { "bert.mlmodel", TEXT("\x08\x07\x12\x8e\x01\x0a"), FLETCH_ERR_UNSUPPORTED,
      "is a Core ML model" MADE_OF },
    { "f", TEXT("PAR1\x15\x00"), FLETCH_ERR_UNSUPPORTED,
      "is a Parquet file, not a checkpoint: it is what comes out" },
    { "f", TEXT("ARROW1\x00\x00"), FLETCH_ERR_UNSUPPORTED,
      "is an Arrow file, not a checkpoint" },
    { "f",
      TEXT("\x81\xa4"
           "bert\x82\xaa"),
      FLETCH_ERR_UNSUPPORTED, "is a msgpack file, as Flax saves weights" NOT_READ },
    { "f",
      TEXT("\xde\x00\x20\xd9\x04"
           "bert\x82\xaa"),
      FLETCH_ERR_UNSUPPORTED, "is a msgpack file, as Flax saves weights" NOT_READ },
    { "f", TEXT("\x08\x07\x12\x07pytorch\x1a\x05"), FLETCH_ERR_UNSUPPORTED,
      "is an ONNX graph" MADE_OF },
    { "f", TEXT("\x08\x0e:7\x0a\x0c"), FLETCH_ERR_UNSUPPORTED, "is an ONNX graph" MADE_OF },
    { "f", TEXT("Lorem ipsum"), FLETCH_ERR_FORMAT,
      "not a recognised weights file: it begins with 4c 6f 72 65, "
      "expected "
      "safetensors, a torch checkpoint, npz or npy" },
    { "f", TEXT("\x81\x93 not a key"), FLETCH_ERR_FORMAT,
      "not a recognised weights file: it begins with 81 93 20 6e, "
      "expected "
      "safetensors, a torch checkpoint, npz or npy" },
    { "f", TEXT("\x08\x07\x12\x3fshort"), FLETCH_ERR_FORMAT,
      "not a recognised weights file: it begins with 08 07 12 3f, "
      "expected "
      "safetensors, a torch checkpoint, npz or npy" },
    { "f", TEXT("x"), FLETCH_ERR_FORMAT,
      "not a recognised weights file: it begins with 78 00 00 00, "
      "expected "
      "safetensors, a torch checkpoint, npz or npy" },
};

static void unsupported_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        put_bytes(at(files[i].name), files[i].bytes, files[i].size);
        assert_refused_at(at(files[i].name), files[i].status, at(files[i].name),
                          files[i].sentence);
    }
}

static void unsupported_files_need_more_than_a_few_bytes(void **state)
{
    char bytes[1024] = { 0 };

    (void)state;
    put_bytes(at("zeros.safetensors"), bytes, sizeof(bytes));
    assert_refused_at(at("zeros.safetensors"), FLETCH_ERR_FORMAT, at("zeros.safetensors"),
                      "begins with nothing but zeros: the download did not finish");
    memcpy(bytes, "model.bin", 9);
    memcpy(bytes + 257, "ustar", 5);
    put_bytes(at("f.tar"), bytes, sizeof(bytes));
    assert_refused_at(at("f.tar"), FLETCH_ERR_UNSUPPORTED, at("f.tar"),
                      "is a tar archive: unpack it, and give the folder");
}

struct folder_case {
    const char *entries[6]; /* files; with a '/' behind it a folder */
    enum fletch_status status;
    const char *sentence;
};

#define GIVE_TORCH ", but neither model.safetensors nor pytorch_model.bin: give that file"
#define GIVE_FILE ", but neither model.safetensors nor its index: give that file"

#define LAST ", the last checkpoint of a training run: give that folder"
#define ZERO_PART                                                                          \
    ", a part of a DeepSpeed checkpoint: join the parts with python zero_to_fp32.py . "    \
    "OUT, in the folder above"
#define MEGATRON                                                                           \
    ", a checkpoint of Megatron in parts, which is not read: convert it with Megatron's "  \
    "own tools, to the layout of transformers"
#define SPACY                                                                              \
    ", a pipeline of spaCy, which is not read: start from the model that it was trained "  \
    "from"
#define ORBAX ", a checkpoint of Orbax, for JAX" NOT_READ

static const struct folder_case folders[] = {
    { { 0 },
      FLETCH_ERR_NOT_FOUND,
      "is an empty folder, expected model.safetensors, pytorch_model.bin or an index" },
    { { ".git/" },
      FLETCH_ERR_NOT_FOUND,
      "is an empty folder, expected model.safetensors, pytorch_model.bin or an index" },
    { { "config.json", "README.md" },
      FLETCH_ERR_NOT_FOUND,
      "has no weights, expected model.safetensors, pytorch_model.bin or an index of one" },
    { { "pytorch_model.fp16.bin", "tf_model.h5", "config.json" },
      FLETCH_ERR_NOT_FOUND,
      "has pytorch_model.fp16.bin" GIVE_TORCH },
    { { "pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin" },
      FLETCH_ERR_NOT_FOUND,
      "has pytorch_model-00001-of-00002.bin, but not pytorch_model.bin.index.json, which "
      "says what is in which file: fetch it too" },
    { { "pytorch_model.bin.index.fp16.json" },
      FLETCH_ERR_NOT_FOUND,
      "has pytorch_model.bin.index.fp16.json, but neither pytorch_model.bin nor its index: "
      "give that index" },
    { { "tiny.pt" }, FLETCH_ERR_NOT_FOUND, "has tiny.pt" GIVE_TORCH },
    { { "x.pth" }, FLETCH_ERR_NOT_FOUND, "has x.pth" GIVE_TORCH },
    { { "x.ckpt" }, FLETCH_ERR_NOT_FOUND, "has x.ckpt" GIVE_TORCH },
    { { "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors" },
      FLETCH_ERR_NOT_FOUND,
      "has model-00001-of-00002.safetensors, but not model.safetensors.index.json, "
      "which "
      "says what is in which file: fetch it too" },
    { { "model.safetensors.index.fp16.json", "model.fp16.safetensors" },
      FLETCH_ERR_NOT_FOUND,
      "has model.safetensors.index.fp16.json, but neither model.safetensors nor its "
      "index: give that index" },
    { { "zoo.safetensors", "model.fp16.safetensors" },
      FLETCH_ERR_NOT_FOUND,
      "has model.fp16.safetensors" GIVE_FILE },
    { { "weights.parquet", "metadata.json" },
      FLETCH_ERR_UNSUPPORTED,
      "has weights.parquet, the result of a conversion, not a checkpoint: give the model "
      "that it was made of" },
    { { "model_index.json", "unet/" },
      FLETCH_ERR_UNSUPPORTED,
      "has model_index.json, the index of a pipeline: give the folder of one of its "
      "models" },
    { { "blobs/", "refs/", "snapshots/" },
      FLETCH_ERR_UNSUPPORTED,
      "has snapshots, as a repository in the hub's cache has it: give one of the "
      "folders in there" },
    { { "tf_model.h5" },
      FLETCH_ERR_UNSUPPORTED,
      "has tf_model.h5, the weights for TensorFlow, which are not read: save the model "
      "as safetensors first" },
    { { "flax_model.msgpack" },
      FLETCH_ERR_UNSUPPORTED,
      "has flax_model.msgpack, the weights for Flax, which are not read: save the "
      "model "
      "as safetensors first" },
    { { "rust_model.ot" },
      FLETCH_ERR_UNSUPPORTED,
      "has rust_model.ot, a torch archive of the Rust kind" NOT_READ },
    { { "a.gguf" }, FLETCH_ERR_UNSUPPORTED, "has a.gguf" MADE_OF },
    { { "model.onnx" }, FLETCH_ERR_UNSUPPORTED, "has model.onnx" MADE_OF },
    { { "adapter_config.json", "adapter_model.safetensors" },
      FLETCH_ERR_UNSUPPORTED,
      "has adapter_config.json, a PEFT adapter, whose base model is elsewhere: merge it "
      "into that model and give the result" },
    { { "adapter_model.safetensors" },
      FLETCH_ERR_UNSUPPORTED,
      "has adapter_model.safetensors, the weights of a PEFT adapter, whose base model is "
      "elsewhere: merge it into that model and give the result" },
    { { "adapter_model.bin" },
      FLETCH_ERR_UNSUPPORTED,
      "has adapter_model.bin, the weights of a PEFT adapter, whose base model is "
      "elsewhere: merge it into that model and give the result" },
    { { "x.npz" },
      FLETCH_ERR_NOT_FOUND,
      "has x.npz, but neither model.npz nor weights.npz: give that file" },
    { { "a.npy", "b.npy" },
      FLETCH_ERR_NOT_FOUND,
      "has a.npy, an array alone: put all arrays into one file, model.npz, with "
      "numpy.savez" },
    { { "training_args.bin", "optimizer.pt", "scheduler.pt", "tf_model.h5" },
      FLETCH_ERR_UNSUPPORTED,
      "has tf_model.h5, the weights for TensorFlow, which are not read: save the model "
      "as safetensors first" },
    { { "openvino_model.bin", "openvino_model.xml" },
      FLETCH_ERR_UNSUPPORTED,
      "has openvino_model.bin, the weights of an OpenVINO graph, which are not read: "
      "start from the model that it was made of" },
    { { "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001" },
      FLETCH_ERR_UNSUPPORTED,
      "has bert_model.ckpt.index, a checkpoint of TensorFlow" NOT_READ },
    { { "saved_model.pb", "variables/" },
      FLETCH_ERR_UNSUPPORTED,
      "has saved_model.pb, a graph of TensorFlow" NOT_READ },
    { { "model.weights.h5" },
      FLETCH_ERR_UNSUPPORTED,
      "has model.weights.h5, weights for Keras, which are not read: save the model as "
      "safetensors first" },
    { { "model.keras" },
      FLETCH_ERR_UNSUPPORTED,
      "has model.keras, a Keras archive" NOT_READ },
    { { "model.pte" }, FLETCH_ERR_UNSUPPORTED, "has model.pte" MADE_OF },
    { { "model.pt2" }, FLETCH_ERR_NOT_FOUND, "has model.pt2" GIVE_TORCH },
    { { "dpr_biencoder.39.cp" },
      FLETCH_ERR_NOT_FOUND,
      "has dpr_biencoder.39.cp" GIVE_TORCH },
    { { "weights/", "context/" },
      FLETCH_ERR_UNSUPPORTED,
      "has weights, a checkpoint of NeMo 2, which is not read: export it to the layout of "
      "transformers with NeMo's llm.export_ckpt, and give that" },
    { { "bert.tflite" }, FLETCH_ERR_UNSUPPORTED, "has bert.tflite" MADE_OF },
    { { "bert.mlmodel" }, FLETCH_ERR_UNSUPPORTED, "has bert.mlmodel" MADE_OF },
    { { "bert.mlpackage/" }, FLETCH_ERR_UNSUPPORTED, "has bert.mlpackage" MADE_OF },
    { { "checkpoint-500/", "checkpoint-1000/", "checkpoint-best/", "training_args.bin" },
      FLETCH_ERR_NOT_FOUND,
      "has checkpoint-1000" LAST },
    { { "checkpoint_3/", "checkpoint_12/" },
      FLETCH_ERR_NOT_FOUND,
      "has checkpoint_12" LAST },
    { { "epoch_9/", "epoch_10/" }, FLETCH_ERR_NOT_FOUND, "has epoch_10" LAST },
    { { "step_200/", "step_30/" }, FLETCH_ERR_NOT_FOUND, "has step_200" LAST },
    { { "checkpoint-best/", "checkpoint-/" },
      FLETCH_ERR_NOT_FOUND,
      "has no weights, expected model.safetensors, pytorch_model.bin or an index of one" },
    { { "config.json", "latest", "zero_to_fp32.py", "global_step500/" },
      FLETCH_ERR_UNSUPPORTED,
      "has zero_to_fp32.py, a checkpoint of DeepSpeed in parts: join them with python "
      "zero_to_fp32.py . OUT in there, and give OUT" },
    { { "latest", "global_step20/" },
      FLETCH_ERR_UNSUPPORTED,
      "has global_step20, a checkpoint of DeepSpeed in parts: join them with python -m "
      "deepspeed.utils.zero_to_fp32 . OUT in there, and give OUT" },
    { { "mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt" },
      FLETCH_ERR_UNSUPPORTED,
      "has mp_rank_00_model_states.pt" ZERO_PART },
    { { "zero_pp_rank_0_mp_rank_00_optim_states.pt" },
      FLETCH_ERR_UNSUPPORTED,
      "has zero_pp_rank_0_mp_rank_00_optim_states.pt" ZERO_PART },
    { { "__0_0.distcp", "__1_0.distcp", ".metadata", "meta.pt" },
      FLETCH_ERR_UNSUPPORTED,
      "has __0_0.distcp, a part of a checkpoint of torch.distributed.checkpoint: join them "
      "with python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER "
      "OUT.pt, and give OUT.pt" },
    { { "__0_0.distcp" },
      FLETCH_ERR_NOT_FOUND,
      "has __0_0.distcp, a part of a checkpoint of torch.distributed.checkpoint, but not "
      ".metadata, which says what lies where: fetch it too" },
    { { "pytorch_model_fsdp_0/", "optimizer_0/" },
      FLETCH_ERR_UNSUPPORTED,
      "has pytorch_model_fsdp_0, the parts of a model under FSDP: join them with "
      "accelerate merge-weights pytorch_model_fsdp_0 OUT in there, and give OUT" },
    { { "mp_rank_00/", "mp_rank_01/" }, FLETCH_ERR_UNSUPPORTED, "has mp_rank_00" MEGATRON },
    { { "latest_checkpointed_iteration.txt", "iter_0001000/" },
      FLETCH_ERR_UNSUPPORTED,
      "has latest_checkpointed_iteration.txt" MEGATRON },
    { { "model_state.pdparams", "model_config.json" },
      FLETCH_ERR_UNSUPPORTED,
      "has model_state.pdparams, the weights for Paddle, which are not read: save the "
      "model as safetensors first" },
    { { "meta.json", "config.cfg", "vocab/" },
      FLETCH_ERR_UNSUPPORTED,
      "has meta.json" SPACY },
    { { "meta.json", "model" }, FLETCH_ERR_UNSUPPORTED, "has meta.json" SPACY },
    { { "model.bin", "config.json", "shared_vocabulary.json" },
      FLETCH_ERR_UNSUPPORTED,
      "has model.bin, a model of CTranslate2" MADE_OF },
    { { "model.bin", "vocabulary.txt" },
      FLETCH_ERR_UNSUPPORTED,
      "has model.bin, a model of CTranslate2" MADE_OF },
    { { "model.bin", "source_vocabulary.txt", "target_vocabulary.txt" },
      FLETCH_ERR_UNSUPPORTED,
      "has model.bin, a model of CTranslate2" MADE_OF },
    { { "model.bin", "config.json" }, FLETCH_ERR_NOT_FOUND, "has model.bin" GIVE_TORCH },
    { { "encoder.nemo" },
      FLETCH_ERR_UNSUPPORTED,
      "has encoder.nemo, an archive of NeMo: unpack it with tar, and give the "
      "model_weights.ckpt in it" },
    { { "weights.00.safetensors", "weights.01.safetensors", "config.json" },
      FLETCH_ERR_UNSUPPORTED,
      "has weights.00.safetensors, weights of MLX in parts without an index: start from "
      "the model that it was made of" },
    { { "_CHECKPOINT_METADATA", "default/" },
      FLETCH_ERR_UNSUPPORTED,
      "has _CHECKPOINT_METADATA" ORBAX },
    { { "_METADATA", "manifest.ocdbt" }, FLETCH_ERR_UNSUPPORTED, "has _METADATA" ORBAX },
    { { "manifest.ocdbt", "d/" }, FLETCH_ERR_UNSUPPORTED, "has manifest.ocdbt" ORBAX },
    { { "ocdbt.process_0/" }, FLETCH_ERR_UNSUPPORTED, "has ocdbt.process_0" ORBAX },
    { { "openvino_model.xml" },
      FLETCH_ERR_UNSUPPORTED,
      "has openvino_model.xml, an OpenVINO graph" MADE_OF },
    { { "onnx/", "config.json" },
      FLETCH_ERR_UNSUPPORTED,
      "has onnx, graphs of ONNX, which are not read: start from the model that it was made "
      "of" },
    { { "openvino/" },
      FLETCH_ERR_UNSUPPORTED,
      "has openvino, graphs of OpenVINO, which are not read: start from the model that it "
      "was made of" },
    { { "saved_model/" },
      FLETCH_ERR_UNSUPPORTED,
      "has saved_model, a model of TensorFlow" NOT_READ },
    { { "query/", "query/model.safetensors" },
      FLETCH_ERR_NOT_FOUND,
      "has no weights at its top, but the folder query has: give that" },
    { { "router_config.json", "query/", "query/modules.json", "document/",
        "document/pytorch_model.bin" },
      FLETCH_ERR_NOT_FOUND,
      "has no weights at its top, but 2 folders have, such as document: give one of them" },
    { { "weights.pkl" },
      FLETCH_ERR_UNSUPPORTED,
      "has weights.pkl, a Python pickle" NOT_READ },
    { { "adapter_config.json", "model.safetensors" },
      FLETCH_ERR_UNSUPPORTED,
      "has adapter_config.json, a PEFT adapter, whose base model is elsewhere: merge it "
      "into that model and give the result" },
};

static void folders_say_what_they_have_instead(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char folder[16], path[128];

        snprintf(folder, sizeof(folder), "m%zu", i);
        make_folder(folder);
        for (size_t j = 0; folders[i].entries[j]; j++) {
            const char *entry = folders[i].entries[j];

            snprintf(path, sizeof(path), "%s/%s", folder, entry);
            if (entry[strlen(entry) - 1] == '/')
                make_folder(path);
            else
                put_text(at(path), "x");
        }
        assert_refused_at(at(folder), folders[i].status, at(folder), folders[i].sentence);
    }
}

static void parts_of_parallel_runs_are_refused_by_name(void **state)
{
    static const char zero[] = "is a part of a DeepSpeed checkpoint: join the parts with "
                               "python zero_to_fp32.py . OUT, in the folder above";
    static const char rank[] =
        "is, by its name, one process's part of a parallel run: join "
        "the parts with what saved them; where one process saved the "
        "whole model, give the file a name without its rank";
    static const char *const names[][2] = {
        { "mp_rank_00_model_states.pt", zero },
        { "zero_pp_rank_0_mp_rank_00_optim_states.pt", zero },
        { "bf16_zero_pp_rank_3_mp_rank_00_optim_states.pt", zero },
        { "layer_00-model_00-model_states.pt", zero },
        { "__0_0.distcp",
          "is a part of a checkpoint of torch.distributed.checkpoint: join the parts with "
          "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER "
          "OUT.pt" },
        { "ep1-ba100-rank0.pt", rank },
        { "rank_3.safetensors", rank },
        { "model.tp_rank_01.bin", rank },
        { "fsdp.rank.2.pth", rank },
    };
    static const char *const whole[] = { "low_rank_8.bin", "frank0.bin", "rank.bin",
                                         "reranker-v2.bin" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_text(at(names[i][0]), "x");
        assert_refused_at(at(names[i][0]), FLETCH_ERR_UNSUPPORTED, at(names[i][0]),
                          names[i][1]);
    }
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        put_text(at(whole[i]), "");
        assert_refused_at(at(whole[i]), FLETCH_ERR_FORMAT, at(whole[i]), "is empty");
    }
}

#define HUB ", as a repository in the hub's cache has it: give "
#define HASH "0a1b2c3d"

static void repositories_say_their_snapshot(void **state)
{
    (void)state;
    make_folder("r");
    make_folder("r/refs");
    make_folder("r/snapshots");
    put_text(at("r/refs/main"), HASH);
    assert_refused_at(at("r"), FLETCH_ERR_UNSUPPORTED, at("r"),
                      "has snapshots" HUB "one of the folders in there");
    make_folder("r/snapshots/" HASH);
    assert_refused_at(at("r"), FLETCH_ERR_UNSUPPORTED, at("r"),
                      "has snapshots" HUB "snapshots/" HASH
                      " in there, which refs/main names");
    assert_refused_at(at("r/snapshots"), FLETCH_ERR_UNSUPPORTED, at("r/snapshots"),
                      "is the folder of snapshots" HUB HASH
                      " in there, which refs/main names");
    put_text(at("r/refs/main"), "");
    assert_refused_at(at("r"), FLETCH_ERR_UNSUPPORTED, at("r"),
                      "has snapshots" HUB "one of the folders in there");
    put_text(at("r/refs/main"), "../x");
    assert_refused_at(at("r/snapshots"), FLETCH_ERR_UNSUPPORTED, at("r/snapshots"),
                      "is the folder of snapshots" HUB "one of the folders in there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(unsupported_files_are_named),
        SCRATCH_TEST(unsupported_files_need_more_than_a_few_bytes),
        SCRATCH_TEST(folders_say_what_they_have_instead),
        SCRATCH_TEST(parts_of_parallel_runs_are_refused_by_name),
        SCRATCH_TEST(repositories_say_their_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
