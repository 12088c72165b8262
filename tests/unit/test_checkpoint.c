/* SPDX-License-Identifier: MIT */
/* test_checkpoint.c - folders, shards and their index, what else people have in place of a
 * checkpoint */
#include "models.h"

#include "checkpoint/checkpoint.h"

#define TEXT(text) (text), sizeof(text) - 1

static const float ones[4] = { 1, 1, 1, 1 };

/* Makes `name` in the scratch folder, one F32 tensor of one element for each given. */
static void put_weights(const char *name, const char *const *tensors)
{
    struct test_tensor all[8];
    size_t count = 0;

    for (; tensors[count]; count++)
        all[count] = (struct test_tensor){ tensors[count], "F32", "[1]", ones, 4 };
    put_safetensors(at(name), all, count);
}

#define PUT_WEIGHTS(name, ...) put_weights(name, (const char *const[]){ __VA_ARGS__, NULL })

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0777), 0);
}

static struct fletch_checkpoint *open_good(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err;

    assert_ok(fletch_checkpoint_open(&checkpoint, path, &err), err);
    return checkpoint;
}

/* The status, and the whole sentence: "PATH: SENTENCE", the path in the scratch folder. */
static void assert_refused(const char *path, enum fletch_status status,
                           const char *told_path, const char *sentence)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    char wanted[1024];

    snprintf(wanted, sizeof(wanted), "%s: %s", told_path, sentence);
    if (fletch_checkpoint_open(&checkpoint, path, &err) != status || err.status != status ||
        strcmp(err.message, wanted) != 0)
        fail_msg("got %s '%s', expected %s '%s'", fletch_status_name(err.status),
                 err.message, fletch_status_name(status), wanted);
    assert_null(checkpoint);
}

static const char *name_of(const struct fletch_checkpoint *checkpoint, size_t i)
{
    struct fletch_tensor_info info;

    assert_true(fletch_checkpoint_at(&info, checkpoint, i));
    return info.name;
}

/* ---- One file ---- */

static void tensors_come_in_natural_order(void **state)
{
    struct fletch_checkpoint *checkpoint;

    (void)state;
    PUT_WEIGHTS("model.safetensors", "l.10.w", "l.2.w", "l.1.w", "l.02.w", "k");
    checkpoint = open_good(scratch);
    assert_int_equal(fletch_checkpoint_count(checkpoint), 5);
    assert_string_equal(fletch_checkpoint_format(checkpoint), "safetensors");
    assert_string_equal(name_of(checkpoint, 0), "k");
    assert_string_equal(name_of(checkpoint, 1), "l.1.w");
    assert_string_equal(name_of(checkpoint, 2), "l.02.w");
    assert_string_equal(name_of(checkpoint, 3), "l.2.w");
    assert_string_equal(name_of(checkpoint, 4), "l.10.w");
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(fletch_checkpoint_find(checkpoint, name_of(checkpoint, i)),
                         &checkpoint->tensors[i]);
    assert_null(fletch_checkpoint_find(checkpoint, "l.3.w"));
    assert_null(fletch_checkpoint_find(checkpoint, ""));
    fletch_checkpoint_close(checkpoint);
    fletch_checkpoint_close(NULL);
}

static void a_file_may_have_any_name(void **state)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info info;

    (void)state;
    PUT_WEIGHTS("weights.bin", "a");
    checkpoint = open_good(at("weights.bin"));
    assert_true(fletch_checkpoint_at(&info, checkpoint, 0));
    assert_string_equal(info.file, "weights.bin");
    fletch_checkpoint_close(checkpoint);
    put_safetensors(at("none"), NULL, 0);
    checkpoint = open_good(at("none"));
    assert_int_equal(fletch_checkpoint_count(checkpoint), 0);
    assert_null(fletch_checkpoint_find(checkpoint, "a"));
    fletch_checkpoint_close(checkpoint);
}

static void bytes_are_read_within_their_tensor(void **state)
{
    static const uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };
    const struct test_tensor tensors[] = { { "a", "U8", "[4]", bytes, 4 },
                                           { "b", "U8", "[2]", bytes + 4, 2 } };
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor lost;
    struct fletch_error err;
    uint8_t got[8] = { 0 };

    (void)state;
    put_safetensors(at("x"), tensors, 2);
    checkpoint = open_good(at("x"));
    assert_ok(fletch_checkpoint_read(checkpoint, &checkpoint->tensors[0], 1, got, 3, &err),
              err);
    assert_memory_equal(got, bytes + 1, 3);
    assert_ok(fletch_checkpoint_read(checkpoint, &checkpoint->tensors[1], 2, got, 0, &err),
              err);
    assert_fails(
        fletch_checkpoint_read(checkpoint, &checkpoint->tensors[0], 1, got, 4, &err),
        FLETCH_ERR_ARGUMENT, err, "tensor 'a': 4 bytes at byte 1 are asked for, it has 4");
    assert_fails(
        fletch_checkpoint_read(checkpoint, &checkpoint->tensors[0], UINT64_MAX, got, 4,
                               &err),
        FLETCH_ERR_ARGUMENT, err,
        "tensor 'a': 4 bytes at byte 18446744073709551615 are asked for, it has 4");
    lost = checkpoint->tensors[0];
    lost.file = 1;
    assert_int_equal(fletch_checkpoint_read(checkpoint, &lost, 0, got, 1, &err),
                     FLETCH_ERR_ARGUMENT);
    assert_int_equal(truncate(at("x"), (off_t)checkpoint->tensors[1].offset), 0);
    assert_fails(
        fletch_checkpoint_read(checkpoint, &checkpoint->tensors[1], 0, got, 2, &err),
        FLETCH_ERR_IO, err, "it shrank while being read");
    fletch_checkpoint_close(checkpoint);
}

/* What every format's reader must pass through, whatever it read. */
static void the_list_holds_its_invariants(void **state)
{
    static const uint64_t shape[2] = { 2, 3 }, huge[2] = { UINT64_MAX, 2 };
    const struct fletch_tensor good = { "a", FLETCH_F32, 2, shape, 6, 24, 0, 8 };
    struct fletch_arena arena = { 0 };
    struct fletch_tensor_list list = { .arena = &arena, .file_size = 32 };
    struct fletch_tensor bad = good;
    struct fletch_error err;

    (void)state;
    assert_ok(fletch_tensor_list_put(&list, &good, &err), err);
    bad.count = 5;
    assert_fails(
        fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
        "tensor 'a': 5 elements and 24 bytes are not what its shape and dtype say");
    bad = good;
    bad.size = 25;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.rank = FLETCH_RANK_MAX + 1;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.shape = huge;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    bad = good;
    bad.name = "\xc3";
    assert_fails(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
                 "its name is not UTF-8");
    bad = good;
    bad.offset = 9;
    assert_fails(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT, err,
                 "tensor 'a': 24 bytes at byte 9, but the file has 32");
    bad.offset = UINT64_MAX;
    assert_int_equal(fletch_tensor_list_put(&list, &bad, &err), FLETCH_ERR_FORMAT);
    assert_int_equal(list.count, 1);
    fletch_free(list.tensors);
}

/* ---- Shards ---- */

#define INDEX "model.safetensors.index.json"

static void put_index(const char *map)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "{\"metadata\": {\"total_size\": 8}, \"weight_map\": {%s}}", map);
    put_text(at(INDEX), text);
}

static void put_two_shards(void)
{
    PUT_WEIGHTS("s1", "a", "c");
    PUT_WEIGHTS("s2", "b");
    put_index("\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\"");
}

static void shards_are_one_list(void **state)
{
    struct fletch_checkpoint *checkpoint;
    struct fletch_tensor_info info;

    (void)state;
    put_two_shards();
    for (int i = 0; i < 2; i++) {
        checkpoint = open_good(i ? at(INDEX) : scratch);
        assert_int_equal(fletch_checkpoint_count(checkpoint), 3);
        assert_int_equal(checkpoint->files_count, 2);
        for (size_t j = 0; j < 3; j++) {
            assert_true(fletch_checkpoint_at(&info, checkpoint, j));
            assert_string_equal(info.file, j == 1 ? "s2" : "s1");
        }
        fletch_checkpoint_close(checkpoint);
    }
    /* "metadata" is nobody's business, nor is what else an index says */
    put_text(at(INDEX), "{\"weight_map\":{\"a\":\"s1\",\"\\u0062\":\"s2\",\"c\":\"s1\"},"
                        "\"x\":1}");
    fletch_checkpoint_close(open_good(scratch));
}

static void one_file_goes_before_an_index(void **state)
{
    struct fletch_checkpoint *checkpoint;

    (void)state;
    put_two_shards();
    PUT_WEIGHTS("model.safetensors", "z");
    checkpoint = open_good(scratch);
    assert_int_equal(fletch_checkpoint_count(checkpoint), 1);
    assert_string_equal(name_of(checkpoint, 0), "z");
    fletch_checkpoint_close(checkpoint);
}

static void published_shards_open(void **state)
{
    struct fletch_checkpoint *checkpoint =
        open_good(FLETCH_TEST_DATA "/golden/bert-mlm-sharded/source");
    const struct fletch_tensor *tensor;
    struct fletch_error err;
    uint64_t size = 0;

    (void)state;
    assert_int_equal(fletch_checkpoint_count(checkpoint), 58);
    assert_int_equal(checkpoint->files_count, 5);
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        uint8_t bytes[4];

        tensor = &checkpoint->tensors[i];
        size += tensor->size;
        if (tensor->size >= 4)
            assert_ok(fletch_checkpoint_read(checkpoint, tensor, tensor->size - 4, bytes, 4,
                                             &err),
                      err);
    }
    assert_int_equal(size, 116828);
    tensor = fletch_checkpoint_find(checkpoint, "bert.embeddings.LayerNorm.weight");
    assert_non_null(tensor);
    assert_string_equal(checkpoint->files[tensor->file].name,
                        "model-00001-of-00005.safetensors");
    assert_int_equal(tensor->count, 32);
    fletch_checkpoint_close(checkpoint);
}

struct index_case {
    const char *map;
    enum fletch_status status;
    const char *sentence; /* behind the index's path */
};

static void map_and_shards_must_agree(void **state)
{
    static const struct index_case cases[] = {
        { "\"a\":\"s1\",\"b\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'c' is in 's1', but not in weight_map" },
        { "\"a\":\"s1\",\"b\":\"s1\",\"c\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'b' should be in 's1', but is in 's2'" },
        { "\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\",\"d\":\"s2\"", FLETCH_ERR_FORMAT,
          "tensor 'd' should be in 's2', which does not hold it" },
        { "\"a\":\"s1\",\"b\":\"s3\",\"c\":\"s1\"", FLETCH_ERR_NOT_FOUND,
          "'s3' is not there, expected tensor 'b' in it" },
        { "\"a\":\"s1\",\"b\":\"s2\",\"c\":\"s1\",\"d\":\"twin\"", FLETCH_ERR_FORMAT,
          "tensor 'b' is in both 's2' and 'twin'" },
        { "", FLETCH_ERR_FORMAT, "weight_map names no tensor, expected one at least" },
        { "\"a\":1", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' has no file name, expected a string" },
        { "\"a\":\"../s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '../s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"..\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '..', expected the plain name of a file beside the "
          "index" },
        { "\"a\":\"/etc/passwd\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '/etc/passwd', expected the plain name of a file "
          "beside the index" },
        { "\"a\":\"x/s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in 'x/s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"x\\\\s1\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in 'x\\s1', expected the plain name of a file beside "
          "the index" },
        { "\"a\":\"\"", FLETCH_ERR_FORMAT,
          "weight_map: tensor 'a' is in '', expected the plain name of a file beside the "
          "index" },
        { "\"a\":\"s1\",\"a\":\"s2\"", FLETCH_ERR_FORMAT,
          "line 1, column 57: found key 'a' a second time" },
        { "\"a\\u0000\":\"s1\"", FLETCH_ERR_FORMAT,
          "line 1, column 48: found a NUL in a string" },
    };

    (void)state;
    put_two_shards();
    PUT_WEIGHTS("twin", "b", "d");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_index(cases[i].map);
        assert_refused(scratch, cases[i].status, at(INDEX), cases[i].sentence);
    }
}

static void an_index_must_be_one(void **state)
{
    (void)state;
    put_text(at(INDEX), "{\"weight_map\": []}");
    assert_refused(scratch, FLETCH_ERR_FORMAT, at(INDEX), "has no weight_map object");
    put_text(at(INDEX), "{}");
    assert_refused(at(INDEX), FLETCH_ERR_FORMAT, at(INDEX), "has no weight_map object");
    put_text(at(INDEX), "{\"weight_map\": {");
    assert_refused(scratch, FLETCH_ERR_FORMAT, at(INDEX),
                   "line 1, column 17: found the end, expected a name in quotes or '}'");
    put_text(at(INDEX), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    assert_refused(scratch, FLETCH_ERR_FORMAT, at(INDEX),
                   "is a Git LFS pointer, not the file: run git lfs pull");
    put_text(at(INDEX), "{\"weight_map\": {\"a\": \"s1\"}}");
    make_folder("s1");
    assert_refused(scratch, FLETCH_ERR_FORMAT, at("s1"), "is a folder, expected a file");
    assert_int_equal(rmdir(at("s1")), 0);
    put_text(at("s1"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    assert_refused(scratch, FLETCH_ERR_FORMAT, at("s1"),
                   "is a Git LFS pointer, not the file: run git lfs pull");
}

/* ---- Strangers ---- */

#define NOT_YET                                                                            \
    ", which this version does not read yet, only safetensors: save the model as "         \
    "safetensors first"
#define NOT_READ ", which is not read: save the model as safetensors first"
#define MADE_OF ", which is not read: start from the model that it was made of"

struct stranger {
    const char *name;
    const char *bytes;
    size_t size;
    enum fletch_status status;
    const char *sentence;
};

static void strangers_are_named(void **state)
{
    static const struct stranger cases[] = {
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
        { "f",
          TEXT("PK\x03\x04 archive/data.pkl ... PK\x01\x02 archive/data.pkl PK\x05\x06"),
          FLETCH_ERR_UNSUPPORTED, "is a torch checkpoint (a zip with a pickle)" NOT_YET },
        { "f", TEXT("PK\x03\x04 m/data.pkl m/constants.pkl m/code/__torch__.py PK\x05\x06"),
          FLETCH_ERR_UNSUPPORTED, "is a TorchScript archive" NOT_YET },
        { "rust_model.ot", TEXT("PK\x03\x04 rust_model/data.pkl PK\x05\x06"),
          FLETCH_ERR_UNSUPPORTED, "is a torch archive of the Rust kind (.ot)" NOT_READ },
        { "f", TEXT("PK\x03\x04 a.npy PK\x05\x06"), FLETCH_ERR_UNSUPPORTED,
          "is a NumPy archive (npz)" NOT_READ },
        { "f", TEXT("PK\x03\x04 readme.txt PK\x05\x06"), FLETCH_ERR_UNSUPPORTED,
          "is a zip archive: unpack it, and give the folder" },
        { "f", TEXT("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M"),
          FLETCH_ERR_UNSUPPORTED,
          "is a torch checkpoint of the old kind (a stream of pickles)" NOT_YET },
        { "f", TEXT("\x80\x04\x95\x00\x00"), FLETCH_ERR_UNSUPPORTED,
          "is a Python pickle" NOT_READ },
        { "f", TEXT("\x1f\x8b\x08\x00"), FLETCH_ERR_UNSUPPORTED,
          "is compressed with gzip: unpack it first" },
        { "f", TEXT("GGUF\x03\x00\x00\x00"), FLETCH_ERR_UNSUPPORTED,
          "is a GGUF file" MADE_OF },
        { "f", TEXT("lmgg\x00\x00\x00\x00"), FLETCH_ERR_UNSUPPORTED,
          "is a GGML file" MADE_OF },
        { "f", TEXT("\x89HDF\r\n\x1a\n\x00"), FLETCH_ERR_UNSUPPORTED,
          "is an HDF5 file, as TensorFlow and Keras save weights" NOT_READ },
        { "f", TEXT("\x93NUMPY\x01\x00"), FLETCH_ERR_UNSUPPORTED,
          "is a NumPy array (npy)" NOT_READ },
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
        { "f", TEXT("Lorem ipsum"), FLETCH_ERR_FORMAT,
          "is no weights file that this version knows: it begins with 4c 6f 72 65, "
          "expected "
          "safetensors" },
        { "f", TEXT("\x81\x93 not a key"), FLETCH_ERR_FORMAT,
          "is no weights file that this version knows: it begins with 81 93 20 6e, "
          "expected "
          "safetensors" },
        { "f", TEXT("\x08\x07\x12\x3fshort"), FLETCH_ERR_FORMAT,
          "is no weights file that this version knows: it begins with 08 07 12 3f, "
          "expected "
          "safetensors" },
        { "f", TEXT("x"), FLETCH_ERR_FORMAT,
          "is no weights file that this version knows: it begins with 78 00 00 00, "
          "expected "
          "safetensors" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_bytes(at(cases[i].name), cases[i].bytes, cases[i].size);
        assert_refused(at(cases[i].name), cases[i].status, at(cases[i].name),
                       cases[i].sentence);
    }
}

static void strangers_need_more_than_a_few_bytes(void **state)
{
    char bytes[1024] = { 0 };

    (void)state;
    put_bytes(at("zeros.safetensors"), bytes, sizeof(bytes));
    assert_refused(at("zeros.safetensors"), FLETCH_ERR_FORMAT, at("zeros.safetensors"),
                   "begins with nothing but zeros: the download did not finish");
    strcpy(bytes, "model/pytorch_model.bin");
    memcpy(bytes + 257, "ustar", 5);
    put_bytes(at("f.tar"), bytes, sizeof(bytes));
    assert_refused(at("f.tar"), FLETCH_ERR_UNSUPPORTED, at("f.tar"),
                   "is a tar archive: unpack it, and give the folder");
}

struct folder_case {
    const char *entries[4]; /* files; with a '/' behind it a folder */
    enum fletch_status status;
    const char *sentence;
};

#define TORCH_HERE                                                                         \
    ", a torch checkpoint, which this version does not read yet, only safetensors: save "  \
    "the model as safetensors first"
#define GIVE_FILE ", but neither model.safetensors nor its index: give that file"

static void folders_say_what_they_have_instead(void **state)
{
    static const struct folder_case cases[] = {
        { { 0 },
          FLETCH_ERR_NOT_FOUND,
          "is an empty folder, expected model.safetensors or its index" },
        { { ".git/" },
          FLETCH_ERR_NOT_FOUND,
          "is an empty folder, expected model.safetensors or its index" },
        { { "config.json", "README.md" },
          FLETCH_ERR_NOT_FOUND,
          "has no weights, expected model.safetensors or model.safetensors.index.json" },
        { { "pytorch_model.bin", "tf_model.h5", "config.json" },
          FLETCH_ERR_UNSUPPORTED,
          "has pytorch_model.bin" TORCH_HERE },
        { { "pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin",
            "pytorch_model.bin.index.json" },
          FLETCH_ERR_UNSUPPORTED,
          "has pytorch_model-00001-of-00002.bin" TORCH_HERE },
        { { "tiny.pt" }, FLETCH_ERR_UNSUPPORTED, "has tiny.pt" TORCH_HERE },
        { { "x.pth" }, FLETCH_ERR_UNSUPPORTED, "has x.pth" TORCH_HERE },
        { { "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors",
            "pytorch_model.bin" },
          FLETCH_ERR_NOT_FOUND,
          "has model-00001-of-00002.safetensors, but not model.safetensors.index.json, "
          "which "
          "says what is in which file" },
        { { "model.safetensors.index.fp16.json", "model.fp16.safetensors" },
          FLETCH_ERR_NOT_FOUND,
          "has model.safetensors.index.fp16.json, but neither model.safetensors nor its "
          "index: give that index" },
        { { "open_clip_model.safetensors", "model.fp16.safetensors" },
          FLETCH_ERR_NOT_FOUND,
          "has model.fp16.safetensors" GIVE_FILE },
        { { "weights.parquet", "metadata.json" },
          FLETCH_ERR_UNSUPPORTED,
          "has weights.parquet, the result of a conversion, not a checkpoint" },
        { { "model_index.json", "unet/" },
          FLETCH_ERR_UNSUPPORTED,
          "has model_index.json, the index of a pipeline: give the folder of one of its "
          "models" },
        { { "blobs/", "refs/", "snapshots/" },
          FLETCH_ERR_UNSUPPORTED,
          "has snapshots, as a repository in the hub's cache has it: give one of the "
          "folders "
          "in there" },
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
          "has adapter_config.json, a PEFT adapter whose base model is elsewhere: merge it "
          "into that model and give the result" },
        { { "adapter_config.json", "model.safetensors" },
          FLETCH_ERR_UNSUPPORTED,
          "has adapter_config.json, a PEFT adapter whose base model is elsewhere: merge it "
          "into that model and give the result" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char folder[16], path[128];

        snprintf(folder, sizeof(folder), "m%zu", i);
        make_folder(folder);
        for (size_t j = 0; cases[i].entries[j]; j++) {
            const char *entry = cases[i].entries[j];

            snprintf(path, sizeof(path), "%s/%s", folder, entry);
            if (entry[strlen(entry) - 1] == '/')
                make_folder(path);
            else
                put_text(at(path), "x");
        }
        assert_refused(at(folder), cases[i].status, at(folder), cases[i].sentence);
    }
}

static void paths_that_lead_nowhere(void **state)
{
    const char *link;

    (void)state;
    assert_refused(at("none"), FLETCH_ERR_NOT_FOUND, at("none"),
                   "No such file or directory");
    put_text(at("file"), "x");
    assert_refused(at("file/"), FLETCH_ERR_NOT_FOUND, at("file/"), "Not a directory");
    make_folder("m");
    make_folder("m/model.safetensors");
    assert_refused(at("m"), FLETCH_ERR_FORMAT, at("m/model.safetensors"),
                   "is a folder, expected a file");
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_refused(at("fifo"), FLETCH_ERR_FORMAT, at("fifo"),
                   "is not a regular file, expected a file");
    /* the hub's cache, copied without its blobs */
    make_folder("hub");
    link = at("hub/model.safetensors");
    assert_int_equal(symlink("../blobs/1234", link), 0);
    assert_refused(at("hub"), FLETCH_ERR_NOT_FOUND, at("hub/model.safetensors"),
                   "is a link to a file that is not there");
    assert_int_equal(symlink("loop", at("loop")), 0);
    assert_refused(at("loop"), FLETCH_ERR_IO, at("loop"),
                   "Too many levels of symbolic links");
}

#define SCRATCH_TEST(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(tensors_come_in_natural_order),
        SCRATCH_TEST(a_file_may_have_any_name),
        SCRATCH_TEST(bytes_are_read_within_their_tensor),
        SCRATCH_TEST(the_list_holds_its_invariants),
        SCRATCH_TEST(shards_are_one_list),
        SCRATCH_TEST(one_file_goes_before_an_index),
        SCRATCH_TEST(published_shards_open),
        SCRATCH_TEST(map_and_shards_must_agree),
        SCRATCH_TEST(an_index_must_be_one),
        SCRATCH_TEST(strangers_are_named),
        SCRATCH_TEST(strangers_need_more_than_a_few_bytes),
        SCRATCH_TEST(folders_say_what_they_have_instead),
        SCRATCH_TEST(paths_that_lead_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
