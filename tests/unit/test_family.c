/* SPDX-License-Identifier: MIT */
/* test_family.c - runs tests/families/NAME.txt: detection, selection, names, values
 *
 * A case begins with "case:" and what it shows; then come what is known of the model and
 * what must follow:
 *
 *   model: NAME          as the user gave it; default "some/model"
 *   config: JSON         config.json, on one line; default none
 *   modules: yes         a sentence-transformers modules.json is there
 *   heads: yes           --keep-heads
 *   type: NAME           --type; default auto
 *   NAME -> ROW          a tensor and its row
 *   NAME -- REASON       a tensor that is left out, and why
 *   family: NAME         what it is taken for
 *   evidence: TEXT       from what
 *   member: MODEL_TYPE   of the family; "any" for the one that takes any
 *   error: TEXT          the whole sentence, of FLETCH_ERR_FAMILY unless "format: " or
 *                        "unsupported: " is in front
 *   lacks: TEXT          a warning about what is missing; where one is listed, or
 * `nothing`, all must be, in order info: KEY = JSON     a value of metadata.json
 */
#include "support.h"

#include "family/family.h"

#define FOLDER FLETCH_TEST_DATA "/families/"
#define LINES_MAX 64

struct expectation {
    const char *name, *row, *reason;
};

struct value {
    const char *key, *json;
};

struct test_case {
    const char *file;
    unsigned line;
    const char *title, *model, *config, *type, *family, *evidence, *model_class, *error;
    bool modules, heads;
    struct expectation tensors[LINES_MAX];
    size_t tensors_count;
    const char *missing_keys[LINES_MAX];
    size_t lacks_count;
    const char *missing[LINES_MAX];
    size_t missing_count;
    const char *refused;
    struct value values[LINES_MAX];
    size_t values_count;
};

#define fail_case(test, ...)                                                               \
    do {                                                                                   \
        print_message("%s:%u: %s\n", (test)->file, (test)->line, (test)->title);           \
        fail_msg(__VA_ARGS__);                                                             \
    } while (0)

/* ---- Checking one ---- */

static void check_text(const struct test_case *test, const char *what, const char *found,
                       const char *wanted)
{
    if (wanted && strcmp(found, wanted))
        fail_case(test, "%s is '%s', expected '%s'", what, found, wanted);
}

static void check_error(const struct test_case *test, enum fletch_status status,
                        const struct fletch_error *err)
{
    static const struct {
        const char *front;
        enum fletch_status status;
    } kinds[] = { { "format: ", FLETCH_ERR_FORMAT },
                  { "unsupported: ", FLETCH_ERR_UNSUPPORTED } };
    const char *wanted = test->error;
    enum fletch_status kind = FLETCH_ERR_FAMILY;

    if (!wanted)
        fail_case(test, "%s", err->message);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].front);

        if (strncmp(wanted, kinds[i].front, len) != 0)
            continue;
        kind = kinds[i].status;
        wanted += len;
    }
    assert_int_equal(status, kind);
    check_text(test, "the error", err->message, wanted);
}

static void check_mapping(const struct test_case *test, const struct fletch_mapping *mapped)
{
    for (size_t i = 0; i < test->tensors_count; i++) {
        const struct expectation *wanted = &test->tensors[i];

        if (wanted->row && !mapped[i].row)
            fail_case(test, "'%s' is left out: %s", wanted->name, mapped[i].reason);
        if (!wanted->row && mapped[i].row)
            fail_case(test, "'%s' is the row '%s'", wanted->name, mapped[i].row);
        if (wanted->row)
            check_text(test, wanted->name, mapped[i].row, wanted->row);
        else
            check_text(test, wanted->name, mapped[i].reason, wanted->reason);
    }
}

/* Where missing tensors are listed, or "nothing", the list is all of them. */
static void check_missing(const struct test_case *test,
                          const struct fletch_missing_keys *found)
{
    bool nothing = test->missing_count && !strcmp(test->missing[0], "nothing");
    size_t count = nothing ? 0 : test->missing_count;

    if (!test->missing_count)
        return;
    for (size_t i = 0; i < count && i < found->missing_listed; i++)
        check_text(test, "what is missing", found->missing[i], test->missing[i]);
    if (found->missing_count > count)
        fail_case(test, "also missing: %s", found->missing[count]);
    if (found->missing_count < count)
        fail_case(test, "not missing: %s", test->missing[found->missing_count]);
}

static void check_lacks(const struct test_case *test,
                        const struct fletch_missing_keys *found)
{
    const char *const *missing_keys = found->warnings;
    size_t count = found->warnings_count;

    if (!test->lacks_count)
        return;
    if (!strcmp(test->missing_keys[0], "nothing")) {
        if (count)
            fail_case(test, "unexpected: %s", missing_keys[0]);
        return;
    }
    for (size_t i = 0; i < count && i < test->lacks_count; i++)
        check_text(test, "what is lacking", missing_keys[i], test->missing_keys[i]);
    if (count > test->lacks_count)
        fail_case(test, "unexpected: %s", missing_keys[test->lacks_count]);
    if (count < test->lacks_count)
        fail_case(test, "nothing said of: %s", test->missing_keys[count]);
}

/* What is said of a model that is not whole; "no": nothing is. */
static void check_error_text(const struct test_case *test,
                             const struct fletch_missing_keys *found,
                             const struct fletch_map_input *input)
{
    struct fletch_error err = { .message = "no" };

    if (fletch_family_check_whole(found, input, false, &err))
        assert_true(err.status == FLETCH_ERR_FAMILY ||
                    err.status == FLETCH_ERR_UNSUPPORTED);
    check_text(test, "the refusal", err.message, test->refused);
}

/* Also the statuses of fields: the first that is refused ends the case. */
static enum fletch_status check_values(const struct test_case *test,
                                       const struct fletch_model_class *model_class,
                                       const json_t *config, struct fletch_error *err)
{
    for (const struct fletch_field *field = model_class->fields; field->key; field++) {
        json_t *value = NULL;
        struct fletch_buf text = { 0 };

        TRY(fletch_family_field(&value, model_class, field, config, err));
        fletch_json_put(&text, value, 0);
        fletch_buf_put_u8(&text, 0);
        assert_false(text.failed);
        for (size_t i = 0; i < test->values_count; i++)
            if (!strcmp(test->values[i].key, field->key))
                check_text(test, field->key, (char *)text.bytes, test->values[i].json);
        fletch_buf_release(&text);
        json_decref(value);
    }
    return FLETCH_OK;
}

static enum fletch_status run_on(const struct test_case *test, const char *const *names,
                                 const json_t *config, struct fletch_arena *arena,
                                 struct fletch_error *err)
{
    const char *model_type = json_string_value(json_object_get(config, "model_type"));
    struct fletch_detect_input detect_input = {
        .no_text = fletch_family_is_no_text(config),
        .model = test->model,
        .model_type = model_type,
        .architecture =
            json_string_value(json_array_get(json_object_get(config, "architectures"), 0)),
        .type_says = "config.json says",
        .has_config = config != NULL,
        .has_modules = test->modules,
        .tensors = names,
        .tensors_count = test->tensors_count
    };
    struct fletch_mapping mapped[LINES_MAX];
    struct fletch_missing_keys found;
    struct fletch_map_input input = { .names = names,
                                      .count = test->tensors_count,
                                      .config = config,
                                      .keep_heads = test->heads,
                                      .layers_said = "config.json says layers" };
    char evidence[256] = "";

    if (test->type)
        TRY(fletch_family_choose(&input.family, test->type, &detect_input, err));
    else
        TRY(fletch_family_detect(&input.family, evidence, sizeof(evidence), &detect_input,
                                 err));
    check_text(test, "the family", input.family->name, test->family);
    check_text(test, "the evidence", evidence, test->evidence);
    input.model_class =
        model_type ? fletch_family_fitting(input.family, model_type, names, input.count)
                   : fletch_family_guess(input.family, names, input.count);
    if (!input.model_class)
        input.model_class = fletch_family_model_class(input.family, NULL);
    if (!input.model_class)
        return FLETCH_OK;
    check_text(test, "the member",
               input.model_class->model_type ? input.model_class->model_type : "any",
               test->model_class);
    TRY(check_values(test, input.model_class, config, err));
    if (!test->tensors_count)
        return FLETCH_OK;
    TRY(fletch_family_map(mapped, &input, arena, err));
    check_mapping(test, mapped);
    TRY(fletch_family_missing_keys(&found, mapped, &input, arena, err));
    check_lacks(test, &found);
    check_missing(test, &found);
    if (test->refused)
        check_error_text(test, &found, &input);
    return FLETCH_OK;
}

static void run_case(const struct test_case *test)
{
    const char *names[LINES_MAX];
    struct fletch_arena arena = { 0 };
    struct fletch_error err = { .message = "" };
    json_t *config = NULL;
    enum fletch_status status;

    if (!test->title)
        return;
    for (size_t i = 0; i < test->tensors_count; i++)
        names[i] = test->tensors[i].name;
    if (test->config &&
        fletch_json_parse(&config, test->config, strlen(test->config), false, &err))
        fail_case(test, "%s", err.message);
    status = run_on(test, names, config, &arena, &err);
    if (status)
        check_error(test, status, &err);
    else if (test->error)
        fail_case(test, "no error, expected '%s'", test->error);
    json_decref(config);
    fletch_arena_release(&arena);
}

/* ---- Reading the files ---- */

/* What is behind "KEY: " in a line, or NULL. */
static char *after(char *line, const char *key)
{
    size_t len = strlen(key);

    return strncmp(line, key, len) || strncmp(line + len, ": ", 2) ? NULL : line + len + 2;
}

/* Splits at a separator; false when there is none. */
static bool split(char *line, const char *separator, char **left, char **right)
{
    char *found = strstr(line, separator);

    if (!found)
        return false;
    *found = '\0';
    *left = line;
    *right = found + strlen(separator);
    return true;
}

static bool read_setting(struct test_case *test, char *line)
{
    const struct {
        const char *key, **value;
    } settings[] = {
        { "model", &test->model },       { "config", &test->config },
        { "type", &test->type },         { "family", &test->family },
        { "evidence", &test->evidence }, { "member", &test->model_class },
        { "error", &test->error },       { "refused", &test->refused },
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        char *value = after(line, settings[i].key);

        if (!value)
            continue;
        *settings[i].value = value;
        return true;
    }
    return false;
}

static void read_line(struct test_case *test, char *line)
{
    char *left, *right;

    assert_true(test->tensors_count < LINES_MAX && test->lacks_count < LINES_MAX &&
                test->values_count < LINES_MAX);
    if (read_setting(test, line))
        return;
    if (!strcmp(line, "modules: yes"))
        test->modules = true;
    else if (!strcmp(line, "heads: yes"))
        test->heads = true;
    else if ((right = after(line, "lacks")))
        test->missing_keys[test->lacks_count++] = right;
    else if ((right = after(line, "missing")))
        test->missing[test->missing_count++] = right;
    else if ((left = after(line, "info")) && split(left, " = ", &left, &right))
        test->values[test->values_count++] = (struct value){ left, right };
    else if (split(line, " -> ", &left, &right))
        test->tensors[test->tensors_count++] = (struct expectation){ left, right, NULL };
    else if (split(line, " -- ", &left, &right))
        test->tensors[test->tensors_count++] = (struct expectation){ left, NULL, right };
    else
        fail_case(test, "the line '%s' means nothing", line);
}

static void run_file(const char *file)
{
    static char text[1 << 16];
    struct test_case test = { .title = NULL };
    char *save = NULL, *title;
    unsigned line_at = 0;
    size_t cases = 0;

    snprintf(text, sizeof(text), "%s", text_of(file));
    for (char *line = text; line; line = save) {
        save = strchr(line, '\n');
        if (save)
            *save++ = '\0';
        line_at++;
        line += strspn(line, " ");
        if (!*line || *line == '#')
            continue;
        if ((title = after(line, "case"))) {
            run_case(&test);
            test = (struct test_case){
                .file = file, .line = line_at, .title = title, .model = "some/model"
            };
            cases++;
        } else {
            assert_non_null(test.title);
            read_line(&test, line);
        }
    }
    run_case(&test);
    assert_true(cases > 0);
}

static void run_named(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), FOLDER "%s.txt", name);
    run_file(path);
}

#define FAMILY_TEST(name)                                                                  \
    static void family_##name(void **state)                                                \
    {                                                                                      \
        (void)state;                                                                       \
        run_named(#name);                                                                  \
    }
FAMILY_TEST(bert)
FAMILY_TEST(transformers)
FAMILY_TEST(sentence)
FAMILY_TEST(clip)
FAMILY_TEST(whisper)
FAMILY_TEST(any)
FAMILY_TEST(detection)

/* Every family has a file of its own. */
static void no_family_without_tests(void **state)
{
    const struct fletch_family *family;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; (family = fletch_family_get(i)); i++) {
        char path[512];

        assert_non_null(family->title);
        assert_null(family->refusal);
        snprintf(path, sizeof(path), FOLDER "%.*s.txt", (int)strcspn(family->name, "-"),
                 family->name);
        assert_true(exists(path));
        count++;
    }
    assert_int_equal(count, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(family_bert),      cmocka_unit_test(family_transformers),
        cmocka_unit_test(family_sentence),  cmocka_unit_test(family_clip),
        cmocka_unit_test(family_whisper),   cmocka_unit_test(family_any),
        cmocka_unit_test(family_detection), cmocka_unit_test(no_family_without_tests),
    };

    return cmocka_run_group_tests_name("family", tests, NULL, NULL);
}
