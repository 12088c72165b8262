/* SPDX-License-Identifier: MIT */
/* fuzz_json - any text through the JSON reader and back out
 *
 * What is accepted is written, read again and written again: the two texts are equal.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_twice(const json_t *value)
{
    struct fletch_buf first = { 0 }, second = { 0 };
    struct fletch_error err;
    json_t *again = NULL;

    fletch_json_put(&first, value, 0);
    if (first.failed || fletch_json_parse(&again, (const char *)first.bytes, first.size,
                                          json_is_array(value), &err))
        abort();
    fletch_json_put(&second, again, 0);
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0)
        abort();
    json_decref(again);
    fletch_buf_release(&first);
    fletch_buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int want_array = 0; want_array < 2; want_array++) {
        struct fletch_error err = { 0 };
        json_t *value = NULL;

        if (fletch_json_parse(&value, (const char *)data, size, want_array, &err)) {
            if (!err.status || !err.message[0])
                abort();
            continue;
        }
        fletch_json_at(value, "vision_config.hidden_size");
        write_twice(value);
        json_decref(value);
    }
    return 0;
}
