/* SPDX-License-Identifier: MIT */
/* fuzz_tokenizer - any text through the edit of tokenizer.json
 *
 * The scan for the edit is looser than a JSON reader, but must take all that one takes, of
 * objects with a model; and of a text that is JSON an edit leaves JSON: the same, with a
 * truncation.
 */
#include "convert/tokenizer_save.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 64

/* Keys may be spelt with escapes, and then the scan does not know them. */
static bool is_plain(const uint8_t *data, size_t size)
{
    return !memchr(data, '\\', size);
}

static void check_edited(json_t *before, const struct fletch_buf *edited)
{
    struct fletch_error err = { 0 };
    const json_t *length;
    json_t *after = NULL;

    if (fletch_json_parse(&after, (const char *)edited->bytes, edited->size, false, &err))
        abort();
    length = fletch_json_at(after, "truncation.max_length");
    if (json_integer_value(length) != LIMIT)
        abort();
    /* of a truncation that was there, nothing but the number */
    if (json_is_object(json_object_get(before, "truncation"))) {
        json_object_set_new(json_object_get(before, "truncation"), "max_length",
                            json_integer(LIMIT));
    } else {
        json_object_del(after, "truncation");
        json_object_del(before, "truncation");
    }
    if (!json_equal(before, after))
        abort();
    json_decref(after);
}

/* Whatever the text is, its ids are looked at, and what is said is text. */
static void check_ids(const uint8_t *data, size_t size)
{
    struct fletch_tokenizer_warnings warnings = { .count = 0 };
    struct fletch_buf text = { 0 };
    struct fletch_error err = { 0 };
    struct fletch_model model = { .config = json_pack("{si}", "vocab_size", 3) };
    bool useless;

    fletch_buf_put(&text, data, size);
    if (!text.failed &&
        fletch_tokenizer_check_ids(&warnings, &useless, &text, true, &model, &err))
        abort();
    for (size_t i = 0; i < warnings.count; i++)
        if (!warnings.texts[i][0])
            abort();
    fletch_buf_release(&text);
    json_decref(model.config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_buf edited = { 0 };
    struct fletch_error err = { 0 };
    json_t *json = NULL;
    bool null = false;
    bool readable = is_plain(data, size) &&
                    !fletch_json_parse(&json, (const char *)data, size, false, NULL);
    static const struct fletch_tokenizer_cut cut = { LIMIT, LIMIT };
    enum fletch_status status =
        fletch_tokenizer_edit(&edited, &null, (const char *)data, size, &cut, &err);

    readable = readable && json_object_get(json, "model");
    if (status && (!err.message[0] || readable))
        abort();
    if (readable && edited.size)
        check_edited(json, &edited);
    if (readable && !edited.size && !json_object_get(json, "truncation"))
        abort();
    json_decref(json);
    fletch_buf_release(&edited);
    check_ids(data, size);
    return 0;
}
