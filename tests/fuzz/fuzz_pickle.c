/* SPDX-License-Identifier: MIT */
/* fuzz_pickle - bytes as a pickle: whatever comes of it refers to nothing that is not there
 */
#include "must.h"

#include "torch/pickle.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct fletch_pickle *pickle,
                        const struct fletch_pickle_value *value, unsigned *sum)
{
    switch (value->kind) {
    case FLETCH_PICKLE_TEXT:
    case FLETCH_PICKLE_BYTES:
    case FLETCH_PICKLE_LONG:
        for (size_t i = 0; i < value->len; i++)
            *sum += (uint8_t)value->text[i]; /* all of it can be read */
        break;
    case FLETCH_PICKLE_TUPLE:
    case FLETCH_PICKLE_LIST:
    case FLETCH_PICKLE_DICT:
    case FLETCH_PICKLE_SET:
        MUST(value->kind != FLETCH_PICKLE_DICT || value->count % 2 == 0);
        for (uint32_t i = 0; i < value->count; i++)
            MUST(value->items[i] < pickle->count);
        break;
    case FLETCH_PICKLE_GLOBAL:
        *sum += (unsigned)(strlen(value->module) + strlen(value->name));
        break;
    case FLETCH_PICKLE_CALL:
        MUST(value->callee < pickle->count && value->state < pickle->count);
        MUST(value->args < pickle->count &&
             pickle->values[value->args].kind == FLETCH_PICKLE_TUPLE);
        break;
    case FLETCH_PICKLE_PERSISTENT:
        MUST(value->id < pickle->count);
        break;
    default:
        MUST(value->kind < FLETCH_PICKLE_KINDS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_pickle pickle;
    struct fletch_error err = { 0 };
    unsigned sum = 0;
    bool cut;

    if (fletch_pickle_read(&pickle, &cut, data, size, 0, &err)) {
        MUST(err.status && !strncmp(err.message, "byte ", 5));
    } else {
        MUST(pickle.top < pickle.count && pickle.end <= size);
        for (uint32_t i = 0; i < pickle.count; i++)
            check_value(&pickle, &pickle.values[i], &sum);
    }
    MUST(sum != 1u || size); /* so that the reading is not left away */
    fletch_pickle_close(&pickle);
    return 0;
}
