/* SPDX-License-Identifier: MIT */
/* test_torch_real.c - what real torch saved (tests/torch, by tests/golden/make_torch.py)
 * comes out as torch itself reads it; the same files cut and damaged anywhere */
#include "support.h"

#include "base/buf.h"
#include "base/hash.h"
#include "checkpoint/checkpoint.h"

#include <sys/mman.h>

/* ---- What must come out ---- */

/* One folder for each torch that wrote, and where the damage below takes its files. */
static const char *const versions[] = { "1.13", "2.1", "2.15" };
#define FOLDER FLETCH_TEST_DATA "/torch"

#define HEX_SHOWN 16 /* digits of a hash */

/* Lines of expected.txt; words of one are cut off its front. */
static char *next_word(char **line)
{
    return strtok_r(NULL, " \n", line);
}

static void hash_tensor(char hex[FLETCH_SHA256_HEX],
                        const struct fletch_checkpoint *checkpoint,
                        const struct fletch_tensor *tensor)
{
    uint8_t digest[FLETCH_SHA256_SIZE], *bytes = malloc((size_t)tensor->size + 1);
    struct fletch_sha256 sha256 = { 0 };
    struct fletch_error err;

    assert_non_null(bytes);
    fletch_sha256_open(&sha256);
    assert_ok(fletch_tensor_read(checkpoint, tensor, 0, bytes, (size_t)tensor->size, &err),
              err);
    fletch_sha256_put(&sha256, bytes, (size_t)tensor->size);
    fletch_sha256_finish(&sha256, digest);
    fletch_sha256_hex(hex, digest);
    free(bytes);
}

/* "2x3", "-" of a scalar. */
static void shape_text(char *out, size_t size, const struct fletch_tensor *tensor)
{
    size_t len = (size_t)snprintf(out, size, "%s", tensor->rank ? "" : "-");

    for (unsigned i = 0; i < tensor->rank; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%u", i ? "x" : "",
                                (unsigned)tensor->shape[i]);
}

static void check_tensor(const struct fletch_checkpoint *checkpoint, char *line)
{
    const char *name = next_word(&line), *dtype = next_word(&line);
    const char *shape = next_word(&line), *wanted = next_word(&line);
    const struct fletch_tensor *tensor = fletch_checkpoint_find(checkpoint, name);
    char text[128], hex[FLETCH_SHA256_HEX];

    assert_non_null(wanted);
    assert_non_null(tensor);
    assert_string_equal(fletch_dtype_text(tensor->dtype), dtype);
    shape_text(text, sizeof(text), tensor);
    assert_string_equal(text, shape);
    hash_tensor(hex, checkpoint, tensor);
    hex[HEX_SHOWN] = 0;
    assert_string_equal(hex, wanted);
}

static void check_note(const struct fletch_checkpoint *checkpoint, const char *words)
{
    size_t i = 0;

    while (i < checkpoint->notes.count && !strstr(checkpoint->notes.items[i], words))
        i++;
    if (i == checkpoint->notes.count)
        fail_msg("no note says: %s", words);
}

/* "byte 12: " becomes "byte N: ": where an opcode stands is the writer's business. */
static void hide_places(char *text)
{
    static const char word[] = "byte ";
    char *in = text, *out = text;

    while (*in) {
        size_t len = strncmp(in, word, sizeof(word) - 1) != 0 ? 0 : sizeof(word) - 1;
        size_t digits = len ? strspn(in + len, "0123456789") : 0;

        if (!digits) {
            *out++ = *in++;
            continue;
        }
        memmove(out, in, len);
        out += len;
        *out++ = 'N';
        in += len + digits;
    }
    *out = 0;
}

static void check_refused(const char *path, char *line)
{
    const char *status = next_word(&line);
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };

    line[strcspn(line, "\n")] = 0;
    assert_int_not_equal(fletch_checkpoint_open(&checkpoint, path, NULL, &err), FLETCH_OK);
    assert_string_equal(fletch_status_name(err.status), status);
    hide_places(err.message);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
    assert_int_equal(strncmp(err.message + strlen(path), ": ", 2), 0);
    assert_string_equal(err.message + strlen(path) + 2, line);
}

/* Replaces the checkpoint under test; NULL ends it. Every tensor must have been checked. */
static void begin(struct fletch_checkpoint **checkpoint, const char *path,
                  const char *format, size_t *checked)
{
    struct fletch_error err;
    char name[64];

    if (*checkpoint)
        assert_int_equal(*checked, fletch_checkpoint_count(*checkpoint));
    fletch_checkpoint_close(*checkpoint);
    *checkpoint = NULL;
    *checked = 0;
    if (!path || fletch_checkpoint_open(checkpoint, path, NULL, &err))
        return; /* a "refused" line says so, or the tensors that follow fail */
    snprintf(name, sizeof(name), "%s", fletch_checkpoint_format(*checkpoint));
    for (char *at = name; *at; at++)
        *at = *at == ' ' ? '-' : *at;
    assert_string_equal(name, format);
}

/* What one version saved, against what it says of it itself. */
static size_t check_folder(const char *version)
{
    struct fletch_checkpoint *checkpoint = NULL;
    size_t checked = 0, files = 0;
    char line[512], path[4096], *rest;
    FILE *file;

    snprintf(path, sizeof(path), FOLDER "/%s/expected.txt", version);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        const char *kind = strtok_r(line, " ", &rest);

        if (!strcmp(kind, "file")) {
            snprintf(path, sizeof(path), FOLDER "/%s/%s", version, next_word(&rest));
            begin(&checkpoint, path, next_word(&rest), &checked);
            files++;
        } else if (!strcmp(kind, "refused")) {
            assert_null(checkpoint);
            check_refused(path, rest);
        } else if (strcmp(kind, "#") != 0) { /* the versions of the writer */
            assert_non_null(checkpoint);
            rest[strcspn(rest, "\n")] = 0;
            if (!strcmp(kind, "tensor")) {
                checked++;
                check_tensor(checkpoint, rest);
            } else {
                check_note(checkpoint, rest);
            }
        }
    }
    begin(&checkpoint, NULL, NULL, &checked);
    fclose(file);
    return files;
}

static void what_torch_saved(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        assert_true(check_folder(versions[i]) > 40);
}

/* ---- Damage ---- */

/* One of each container, and where its last byte that matters lies from its end. */
static const struct {
    const char *name;
    size_t padding; /* a tar is filled up with zeros */
} small[] = {
    { "1.13/zip-2.pt", 0 },  { "2.15/zip-5.pt", 0 },  { "2.1/stream-2.pt", 0 },
    { "1.13/script.pt", 0 }, { "1.13/tar.pt", 4096 },
};

#define SMALL_COUNT (sizeof(small) / sizeof(small[0]))

static uint8_t *load(size_t *size, const char *name)
{
    struct fletch_buf bytes = { 0 };
    struct fletch_error err;
    char path[4096];

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    assert_ok(fletch_file_load(&bytes, path, 1 << 20, "LIMIT", &err), err);
    *size = bytes.size;
    return bytes.bytes;
}

/* Opened and read, or refused in one line that begins with the path. The file is in memory:
 * there are tens of thousands. */
static bool opens(const uint8_t *bytes, size_t size)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_error err = { 0 };
    static int fd = -1;
    uint8_t value[4096];
    char path[64];

    if (fd < 0)
        fd = memfd_create("damaged", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fletch_checkpoint_open(&checkpoint, path, NULL, &err)) {
        assert_null(checkpoint);
        assert_true(err.status != FLETCH_OK && !strchr(err.message, '\n'));
        assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
        assert_true(strlen(err.message) > strlen(path) + 2);
        return false;
    }
    for (size_t i = 0; i < checkpoint->tensors_count; i++) {
        const struct fletch_tensor *tensor = &checkpoint->tensors[i];
        size_t part = tensor->size < sizeof(value) ? (size_t)tensor->size : sizeof(value);

        assert_ok(
            fletch_tensor_read(checkpoint, tensor, tensor->size - part, value, part, &err),
            err);
    }
    fletch_checkpoint_close(checkpoint);
    return true;
}

static void every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        size_t size;
        uint8_t *bytes = load(&size, small[i].name);

        while (small[i].padding && size && !bytes[size - 1])
            size--;
        for (size_t cut = 0; cut < size; cut++)
            if (opens(bytes, cut))
                fail_msg("%s: %zu of %zu bytes open", small[i].name, cut, size);
        assert_true(opens(bytes, size + small[i].padding));
        free(bytes);
    }
}

/* Each byte with one bit turned; what a tar is filled up with is left alone. */
static void every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        size_t size, refused = 0;
        uint8_t *bytes = load(&size, small[i].name);

        for (size_t at_byte = 0; at_byte < size; at_byte++) {
            uint8_t was = bytes[at_byte];

            if (small[i].padding && !was && at_byte && !bytes[at_byte - 1])
                continue;
            bytes[at_byte] ^= (uint8_t)(1u << at_byte % 8);
            refused += !opens(bytes, size);
            bytes[at_byte] = was;
        }
        assert_true(refused > 100);
        free(bytes);
    }
}

/* Each byte of a stream's pickles with all values that it does not have: no checksum keeps
 * them from the machine, and what stands behind them is a few elements. */
static void every_value(void **state)
{
    size_t size, refused = 0;
    uint8_t *bytes = load(&size, "2.1/stream-2.pt");

    (void)state;
    for (size_t i = 0; i < size; i++)
        for (unsigned turn = 1; turn < 256; turn++) {
            bytes[i] ^= (uint8_t)turn;
            refused += !opens(bytes, size);
            bytes[i] ^= (uint8_t)turn;
        }
    assert_true(refused > size * 128);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_torch_saved),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(every_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
