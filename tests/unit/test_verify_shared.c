/* SPDX-License-Identifier: MIT */
/* test_verify_shared.c - a row that one thread decodes and another compares: as strict as
 * one thread alone? */
#include "models.h"

#include "base/file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define COUNT ((size_t)8 << 20) /* 16 MiB as float16 */

static float values[COUNT];

/* The thread that decodes asks whether to go on, the one that compares tells how far it is.
 * For some pieces the former waits for another one to come. */
struct seen {
    _Atomic(pthread_t) decoder;
    atomic_bool begun, shared;
    atomic_int waits;
};

static void listen(const struct fletch_progress *progress, void *user)
{
    struct seen *seen = user;

    if (progress->stage != FLETCH_STAGE_VERIFY)
        return;
    seen->begun = true;
    if (!pthread_equal(seen->decoder, pthread_self()))
        seen->shared = true;
}

static bool wait_a_little(void *user)
{
    struct seen *seen = user;
    const struct timespec time = { 0, 100000000 };

    seen->decoder = pthread_self();
    if (seen->begun && !seen->shared && atomic_fetch_sub(&seen->waits, 1) > 0)
        nanosleep(&time, NULL);
    return false;
}

static void make(const char *name)
{
    const struct test_tensor tensor = { "w", "F32", "[8,1048576]", values, sizeof(values) };

    make_model(name, &tensor, 1);
}

static void prepare(void)
{
    fill_weights(values, COUNT, 6);
    make("model");
}

static void convert(const char *codec)
{
    struct fletch_options options = { .family = "transformers",
                                      .skip_tokenizer = true,
                                      .skip_verify = true,
                                      .codec = codec };
    struct fletch_result result;
    struct fletch_error err;

    assert_ok(fletch_convert(&result, at("model"), at("out"), &options, &err), err);
    fletch_result_release(&result);
}

/* Two threads for one row. */
static enum fletch_status verify(const char *source, struct fletch_error *err)
{
    struct seen seen = { .waits = 6 };
    struct fletch_options options = { .family = "transformers",
                                      .threads = 2,
                                      .progress = listen,
                                      .cancel = wait_a_little,
                                      .user = &seen };
    struct fletch_verification found;
    enum fletch_status status = fletch_verify(&found, at("out"), source, &options, err);

    assert_true(seen.shared);
    return status;
}

static void two_threads_agree_on_every_codec(void **state)
{
    struct fletch_codec_info info;

    (void)state;
    prepare();
    for (size_t i = 0; !fletch_codec_at(&info, i); i++) {
        struct fletch_error err;

        if (!info.built_in)
            continue;
        convert(info.name);
        assert_ok(verify(at("model"), &err), err);
        assert_ok(verify(NULL, &err), err);
    }
}

static void what_the_other_thread_finds_is_named(void **state)
{
    struct fletch_error err;

    (void)state;
    prepare();
    convert("none");
    values[COUNT - 7] = 1.5f;
    make("other");
    assert_fails(verify(at("other"), &err), FLETCH_ERR_VERIFY, err,
                 "row 'w', element 8388601: the file holds ");
    assert_non_null(strstr(err.message, ", the source says 1.5"));
}

static void what_the_decoding_thread_finds_is_named(void **state)
{
    struct fletch_buf buf = { 0 };
    struct fletch_error err;

    (void)state;
    prepare();
    convert("none");
    assert_ok(fletch_file_load(&buf, at("out/weights.parquet"), UINT64_MAX, "LIMIT", &err),
              err);
    buf.bytes[buf.size - ((size_t)1 << 20)] ^= 0x10;
    put_bytes(at("out/weights.parquet"), buf.bytes, buf.size);
    fletch_buf_release(&buf);
    assert_fails(verify(NULL, &err), FLETCH_ERR_FORMAT, err, "");
    assert_non_null(strstr(err.message, "row 'w'"));
    assert_non_null(strstr(err.message, "CRC"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_threads_agree_on_every_codec),
        TEST(what_the_other_thread_finds_is_named),
        TEST(what_the_decoding_thread_finds_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
