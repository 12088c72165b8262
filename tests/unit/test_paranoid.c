/* SPDX-License-Identifier: MIT */
/* test_paranoid.c - a fault of our own decoder: who finds it, and who goes without it
 *
 * Linked so that each step of the decoder of literals comes by here.
 */
#include "models.h"

#include "codec/zstd_literals.h"

enum fletch_zstd_step
__real_fletch_zstd_literals_step(struct fletch_zstd_literals *literals, const uint8_t *in,
                                 size_t *in_size, uint8_t *out, size_t *out_size);
enum fletch_zstd_step
__wrap_fletch_zstd_literals_step(struct fletch_zstd_literals *literals, const uint8_t *in,
                                 size_t *in_size, uint8_t *out, size_t *out_size);

#define VALUE_MIN 100 /* bytes */

static size_t steps;
static bool is_faulty;

enum fletch_zstd_step
__wrap_fletch_zstd_literals_step(struct fletch_zstd_literals *literals, const uint8_t *in,
                                 size_t *in_size, uint8_t *out, size_t *out_size)
{
    const enum fletch_zstd_step step =
        __real_fletch_zstd_literals_step(literals, in, in_size, out, out_size);

    /* a value's; the reader's small columns are another matter */
    if (*out_size <= VALUE_MIN)
        return step;
    __atomic_fetch_add(&steps, 1, __ATOMIC_RELAXED);
    if (is_faulty)
        out[*out_size / 2] ^= 1;
    return step;
}

static char source[512];

static enum fletch_status convert(bool paranoid, struct fletch_error *err)
{
    const struct fletch_options options = {
        .size = sizeof(options), .codec = "zstd", .threads = 1, .paranoid = paranoid
    };
    struct fletch_result result = { 0 };
    const enum fletch_status status =
        fletch_convert(&result, source, at("out"), &options, err);

    if (!status)
        fletch_result_release(&result);
    return status;
}

static enum fletch_status verify(const char *origin, bool paranoid,
                                 struct fletch_error *err)
{
    const struct fletch_options options = { .size = sizeof(options), .paranoid = paranoid };
    struct fletch_verification found = { 0 };

    return fletch_verify(&found, at("out"), origin, &options, err);
}

static void our_decoder_is_asked_unless_told_otherwise(void **state)
{
    struct fletch_error err = { 0 };

    (void)state;
    steps = 0;
    assert_ok(convert(true, &err), err);
    assert_ok(verify(NULL, true, &err), err);
    assert_ok(verify(source, true, &err), err);
    assert_int_equal(steps, 0);
    assert_ok(verify(NULL, false, &err), err);
    assert_true(steps > 0);
}

static void a_fault_of_it_fails_the_conversion(void **state)
{
    struct fletch_error err = { 0 };

    (void)state;
    is_faulty = true;
    assert_int_equal(convert(false, &err), FLETCH_ERR_VERIFY);
    assert_non_null(strstr(err.message, "the source says"));
    is_faulty = false;
}

/* What the two would agree on is found by the rows' hashes, which are older than both. */
static void a_fault_of_it_fails_the_hashes(void **state)
{
    struct fletch_error err = { 0 };

    (void)state;
    assert_ok(convert(true, &err), err);
    is_faulty = true;
    assert_int_equal(verify(NULL, false, &err), FLETCH_ERR_VERIFY);
    assert_non_null(strstr(err.message, "sha256"));
    assert_ok(verify(NULL, true, &err), err);
    assert_ok(verify(source, true, &err), err);
    is_faulty = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_decoder_is_asked_unless_told_otherwise),
        cmocka_unit_test(a_fault_of_it_fails_the_conversion),
        cmocka_unit_test(a_fault_of_it_fails_the_hashes),
    };

    snprintf(source, sizeof(source), "%s/golden/bert-safetensors/source", FLETCH_TEST_DATA);
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
