/* SPDX-License-Identifier: MIT */
/* test_pt2.c - the archives of torch.export, byte by byte: what is read, refusals word by
 * word; those of torch itself are in tests/torch */
#include "checkpoints.h"
#include "torch_files.h"

#define STATE "load it with torch.export.load() and save its state_dict as safetensors"

/* A payload of the member weight_0, with what is said of its strides and so on. */
#define META(dtype, sizes, strides, offset)                                                \
    "\"tensor_meta\": {\"dtype\": " dtype ", \"sizes\": [" sizes                           \
    "], \"strides\": [" strides "], \"storage_offset\": {\"as_int\": " offset              \
    "}, \"layout\": 7}"
#define PAYLOAD(meta)                                                                      \
    "{\"path_name\": \"weight_0\", \"is_param\": true, \"use_pickle\": false, " meta "}"
#define N(number) "{\"as_int\": " number "}"
#define CONFIG(payload) "{\"config\": {\"w\": " payload "}}"
#define PLAIN CONFIG(PAYLOAD(META("1", N("2") ", " N("3"), N("3") ", " N("1"), "0")))

static const uint8_t counting[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };

/* The archive that torch writes of one model; `more` may be NULL. */
static const char *put_archive(const char *config, const struct zip_member *more,
                               bool deflate)
{
    struct zip_member members[] = {
        { .name = "m/data/weights/weight_0", .bytes = counting, .size = 8, .crc = 2 },
        { .name = "m/data/weights/model_weights_config.json",
          .bytes = config,
          .size = strlen(config),
          .crc = 2 },
        { .name = "m/archive_format", .bytes = "pt2", .size = 3, .crc = 2 },
        { .name = "m/data/weights/weight_1", .bytes = "", .size = 0 },
        { 0 },
    };
    struct fletch_buf file = { 0 };
    const char *path = at("m.pt2");

    members[0].deflate = deflate;
    members[1].deflate = deflate;
    if (more)
        members[4] = *more;
    put_zip(&file, members, more ? 5 : 4, NULL);
    put_bytes(path, file.bytes, file.size);
    fletch_buf_release(&file);
    return path;
}

static void assert_reads(const char *path, const uint8_t *wanted, size_t size)
{
    struct fletch_checkpoint *checkpoint = open_good(path);
    const struct fletch_tensor *tensor = fletch_checkpoint_find(checkpoint, "w");
    struct fletch_error err;
    uint8_t got[16];

    assert_string_equal(fletch_checkpoint_format(checkpoint), "torch pt2");
    assert_non_null(tensor);
    assert_int_equal(tensor->size, size);
    assert_ok(fletch_tensor_read(checkpoint, tensor, 0, got, size, &err), err);
    assert_memory_equal(got, wanted, size);
    fletch_checkpoint_close(checkpoint);
}

static void strides_and_offsets_count_in_elements(void **state)
{
    static const uint8_t turned[] = { 2, 5, 3, 6, 4, 7 }, expanded[] = { 1, 1, 2, 2 };
    static const uint8_t halves[] = { 2, 3, 4, 5 };

    (void)state;
    assert_reads(put_archive(PLAIN, NULL, false), counting, 6);
    assert_reads(
        put_archive(CONFIG(PAYLOAD(META("1", N("3") ", " N("2"), N("1") ", " N("3"), "2"))),
                    NULL, false),
        turned, 6);
    assert_reads(
        put_archive(CONFIG(PAYLOAD(META("1", N("2") ", " N("2"), N("1") ", " N("0"), "1"))),
                    NULL, false),
        expanded, 4);
    assert_reads(put_archive(CONFIG(PAYLOAD(META("28", N("2"), N("1"), "1"))), NULL, false),
                 halves, 4);
    assert_reads(put_archive(CONFIG(PAYLOAD(META("8", "", "", "0"))), NULL, false),
                 counting, 8);
    assert_reads(put_archive(CONFIG(PAYLOAD(META("7", N("0"), N("1"), "0"))), NULL, false),
                 counting, 0);
}

static void compressed_and_big_endian_ones_are_read(void **state)
{
    static const uint8_t swapped[] = { 3, 2, 1, 0, 7, 6, 5, 4 };
    static const struct zip_member big = {
        .name = "m/byteorder", .bytes = "big", .size = 3, .crc = 2
    };

    (void)state;
    assert_reads(put_archive(PLAIN, NULL, true), counting, 6);
    assert_reads(put_archive(CONFIG(PAYLOAD(META("7", N("2"), N("1"), "0"))), &big, false),
                 swapped, 8);
}

/* Shows that the file's CRC is held against the values. */
static void the_checksum_of_a_whole_storage_is_kept(void **state)
{
    struct fletch_checkpoint *checkpoint = open_good(
        put_archive(CONFIG(PAYLOAD(META("5", N("1"), N("1"), "0"))), NULL, false));

    (void)state;
    assert_int_equal(checkpoint->tensors[0].crc, fletch_crc32(0, counting, 8));
    fletch_checkpoint_close(checkpoint);
}

static void constants_are_no_weights(void **state)
{
    static const char constants[] = "{\"config\": {\"c\": {}, \"b\": {}}}";
    const struct zip_member more = { .name = "m/data/constants/model_constants_config.json",
                                     .bytes = constants,
                                     .size = sizeof(constants) - 1,
                                     .crc = 2 };
    struct fletch_checkpoint *checkpoint = open_good(put_archive(PLAIN, &more, false));

    (void)state;
    assert_int_equal(checkpoint->tensors_count, 1);
    assert_int_equal(checkpoint->skipped.count, 2);
    assert_string_equal(checkpoint->skipped.items[0], "constants.b");
    fletch_checkpoint_close(checkpoint);
}

static void each_of_two_models_has_its_name_in_front(void **state)
{
    const struct zip_member more = { .name = "m/data/weights/b_weights_config.json",
                                     .bytes = PLAIN,
                                     .size = sizeof(PLAIN) - 1,
                                     .crc = 2 };
    struct fletch_checkpoint *checkpoint = open_good(put_archive(PLAIN, &more, false));

    (void)state;
    assert_int_equal(checkpoint->tensors_count, 2);
    assert_string_equal(checkpoint->tensors[0].name, "b.w");
    assert_string_equal(checkpoint->tensors[1].name, "model.w");
    fletch_checkpoint_close(checkpoint);
}

/* ---- Refusals ---- */

static const struct {
    const char *config;
    enum fletch_status status;
    const char *sentence;
} refusals[] = {
    { CONFIG(PAYLOAD(META("1", N("9"), N("1"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': reaches beyond the end of storage 'weight_0', which has 8 elements" },
    { CONFIG(PAYLOAD(META("5", N("2"), N("1"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': reaches beyond the end of storage 'weight_0', which has 1 elements" },
    { CONFIG(PAYLOAD(META("1", N("4"), N("2"), "2"))), FLETCH_ERR_FORMAT,
      "tensor 'w': reaches beyond the end of storage 'weight_0', which has 8 elements" },
    { CONFIG(PAYLOAD(META("1", N("2"), N("9223372036854775807"), "9223372036854775807"))),
      FLETCH_ERR_FORMAT,
      "tensor 'w': reaches beyond the end of storage 'weight_0', which has 8 elements" },
    { CONFIG(PAYLOAD(META("7", N("4294967296") ", " N("4294967296") ", " N("4294967296"),
                          N("0") ", " N("0") ", " N("0"), "0"))),
      FLETCH_ERR_FORMAT, "tensor 'w': has more elements than 64 bits count" },
    { CONFIG(PAYLOAD(META("1", N("2"), N("1") ", " N("1"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': has 1 dimensions and 2 strides" },
    { CONFIG(PAYLOAD(META("1", N("-1"), N("1"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': a size is no whole number, expected {\"as_int\": N}" },
    { CONFIG(PAYLOAD(META("1", "{\"as_expr\": {\"expr_str\": \"s0\"}}", N("1"), "0"))),
      FLETCH_ERR_FORMAT,
      "tensor 'w': a size is no whole number, expected {\"as_int\": N}" },
    { CONFIG(PAYLOAD(META("1", N("2"), N("1.5"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': a stride is no whole number, expected {\"as_int\": N}" },
    { CONFIG(PAYLOAD(META("1", N("2"), N("1"), "[]"))), FLETCH_ERR_FORMAT,
      "tensor 'w': its storage_offset is no whole number, expected {\"as_int\": N}" },
    { CONFIG(PAYLOAD(META("11", N("2"), N("1"), "0"))), FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': its dtype 11 (complex128) has no place in the table" },
    { CONFIG(PAYLOAD(META("20", N("2"), N("1"), "0"))), FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': its dtype 20 (which this version does not know) has no place in the "
      "table" },
    { CONFIG(PAYLOAD(META("-1", N("2"), N("1"), "0"))), FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': its dtype -1 (which this version does not know) has no place in the "
      "table" },
    { CONFIG(PAYLOAD(META("\"F32\"", N("2"), N("1"), "0"))), FLETCH_ERR_FORMAT,
      "tensor 'w': its 'dtype' is no number" },
    { CONFIG("{\"path_name\": \"weight_0\", \"use_pickle\": true}"), FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': is a pickle of a class of its own, which is not read: " STATE },
    { CONFIG("{\"path_name\": \"weight_0\"}"), FLETCH_ERR_FORMAT,
      "tensor 'w': has no 'tensor_meta', expected its dtype, sizes and strides" },
    { CONFIG("{\"path_name\": \"weight_0\", \"tensor_meta\": {\"layout\": 2}}"),
      FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': is sparse (layout 2), which is not read: save it dense first" },
    { CONFIG("{\"path_name\": \"../weight_0\", " META("1", N("2"), N("1"), "0") "}"),
      FLETCH_ERR_FORMAT,
      "tensor 'w': its storage is not in the archive, expected member "
      "'m/data/weights/../weight_0'" },
    { CONFIG("{\"path_name\": 0, " META("1", N("2"), N("1"), "0") "}"), FLETCH_ERR_FORMAT,
      "tensor 'w': its 'path_name' is no text" },
    { CONFIG("{\"path_name\": \"weight_1\", " META("1", N("2"), N("1"), "0") "}"),
      FLETCH_ERR_UNSUPPORTED,
      "tensor 'w': its storage 'weight_1' holds no values, as a fake tensor's: export the "
      "model with its weights" },
    { CONFIG("7"), FLETCH_ERR_FORMAT,
      "tensor 'w': has no 'tensor_meta', expected its dtype, sizes and strides" },
    { "{\"w\": {}}", FLETCH_ERR_FORMAT,
      "member 'm/data/weights/model_weights_config.json': has no 'config', expected what "
      "the archive's tensors are" },
    { "{\"config\": {", FLETCH_ERR_FORMAT,
      "member 'm/data/weights/model_weights_config.json': line 1, column 13: found the "
      "end, expected a name in quotes or '}'" },
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        assert_refused(put_archive(refusals[i].config, NULL, false), refusals[i].status,
                       refusals[i].sentence);
}

static void put_members(const char *name, const struct zip_member *members, size_t count)
{
    struct fletch_buf file = { 0 };

    put_zip(&file, members, count, NULL);
    put_bytes(at(name), file.bytes, file.size);
    fletch_buf_release(&file);
}

/* What torch wrote up to 2.7, in 2.8, and of compiled programs. */
static void kin_are_refused_by_name(void **state)
{
    static const struct zip_member old[] = {
        { .name = "serialized_exported_program.json", .bytes = "{}", .size = 2, .crc = 2 },
        { .name = "serialized_state_dict.pt", .bytes = "PK", .size = 2, .crc = 2 },
    };
    static const struct zip_member middle[] = {
        { .name = "m/archive_format", .bytes = "pt2", .size = 3, .crc = 2 },
        { .name = "m/data/weights/model.pt", .bytes = "PK", .size = 2, .crc = 2 },
    };
    static const struct zip_member compiled[] = {
        { .name = "m/archive_format", .bytes = "pt2", .size = 3, .crc = 2 },
        { .name = "m/data/aotinductor/model/c.so", .bytes = "ELF", .size = 3, .crc = 2 },
    };
    static const struct zip_member other[] = {
        { .name = "m/archive_format", .bytes = "pt3", .size = 3, .crc = 2 },
    };
    static const struct zip_member later[] = {
        { .name = "m/archive_format", .bytes = "pt2", .size = 3, .crc = 2 },
        { .name = "m/archive_version", .bytes = "1", .size = 1, .crc = 2 },
    };
    (void)state;
    put_members("m.pt2", old, 2);
    assert_refused(at("m.pt2"), FLETCH_ERR_UNSUPPORTED,
                   "is an archive of torch.export from before torch 2.8, which is not "
                   "read: " STATE);
    put_members("m.pt2", middle, 2);
    assert_refused(at("m.pt2"), FLETCH_ERR_UNSUPPORTED,
                   "is an archive of torch.export of torch 2.8: unpack it with unzip, and "
                   "give m/data/weights/model.pt in it");
    put_members("m.pt2", compiled, 2);
    assert_refused(at("m.pt2"), FLETCH_ERR_UNSUPPORTED,
                   "is an archive of compiled code (pt2) without "
                   "data/weights/*_weights_config.json: start from the model that it was "
                   "made of");
    put_members("m.pt2", other, 1);
    assert_refused(at("m.pt2"), FLETCH_ERR_UNSUPPORTED,
                   "its archive_format is 'pt3', expected pt2");
    put_members("m.pt2", later, 2);
    assert_refused(at("m.pt2"), FLETCH_ERR_UNSUPPORTED,
                   "its archive_version is '1', expected 0");
    put_bytes(at("m.pt2"), "hello, world", 12);
    assert_refused(at("m.pt2"), FLETCH_ERR_FORMAT,
                   "not a recognised weights file: it begins with 68 65 6c 6c, "
                   "expected safetensors, a torch checkpoint, npz or npy");
}

/* ---- Damage ---- */

/* Opens and reads, or says in one line what is wrong. */
static bool survives(const char *path)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    uint8_t got[16];

    if (fletch_checkpoint_open(&checkpoint, path, NULL, &err)) {
        assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
        assert_null(strchr(err.message, '\n'));
        return false;
    }
    for (size_t i = 0; i < checkpoint->tensors_count; i++)
        if (checkpoint->tensors[i].size <= sizeof(got))
            assert_ok(fletch_tensor_read(checkpoint, &checkpoint->tensors[i], 0, got,
                                         (size_t)checkpoint->tensors[i].size, &err),
                      err);
    fletch_checkpoint_close(checkpoint);
    return true;
}

static void every_prefix_and_every_byte(void **state)
{
    static const uint8_t bits[] = { 0x01, 0x20, 0x80 };
    const char *path = put_archive(PLAIN, NULL, false);
    struct fletch_buf file = { 0 };
    struct fletch_error err;
    size_t refused = 0;

    (void)state;
    assert_ok(fletch_file_load(&file, path, 1 << 20, "LIMIT", &err), err);
    for (size_t size = 0; size < file.size; size++) {
        put_bytes(path, file.bytes, size);
        assert_false(survives(path));
    }
    for (size_t i = 0; i < file.size; i++)
        for (size_t j = 0; j < sizeof(bits); j++) {
            file.bytes[i] ^= bits[j];
            put_bytes(path, file.bytes, file.size);
            refused += !survives(path);
            file.bytes[i] ^= bits[j];
        }
    assert_true(refused > 100);
    fletch_buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(strides_and_offsets_count_in_elements),
        SCRATCH_TEST(compressed_and_big_endian_ones_are_read),
        SCRATCH_TEST(the_checksum_of_a_whole_storage_is_kept),
        SCRATCH_TEST(constants_are_no_weights),
        SCRATCH_TEST(each_of_two_models_has_its_name_in_front),
        SCRATCH_TEST(what_is_wrong_is_said),
        SCRATCH_TEST(kin_are_refused_by_name),
        SCRATCH_TEST(every_prefix_and_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
