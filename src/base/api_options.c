/* SPDX-License-Identifier: MIT */
/* api_options.c - see api_options.h */
#include "base/api_options.h"

#include <string.h>

/* Programs may be compiled with headers of any version; a size beyond this is not one. */
#define SIZE_MOST ((size_t)1 << 16)

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

enum fletch_status fletch_options_take(struct fletch_options *out,
                                       const struct fletch_options *options,
                                       struct fletch_error *err)
{
    const size_t first = FLETCH_OPTIONS_FIRST_SIZE, known = sizeof(*options);
    size_t size = options && options->size ? options->size : first;

    *out = (struct fletch_options){ .size = known };
    if (!options)
        return FLETCH_OK;
    if (size < first || size > SIZE_MOST)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "options: size is %zu, expected 0 or sizeof(struct "
                           "fletch_options), at least %zu",
                           size, first);
    if (size > known && !is_zero((const unsigned char *)options + known, size - known))
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "options: an option is set that fletch %s does not know: its "
                           "options have %zu bytes, the program's %zu",
                           fletch_version(), known, size);
    memcpy(out, options, size < known ? size : known);
    out->size = known;
    return FLETCH_OK;
}

enum fletch_status fletch_check_cancel(const struct fletch_options *options,
                                       struct fletch_error *err)
{
    const struct fletch_cancel cancel = { options->cancel, options->user };

    return fletch_cancel_check(&cancel, err);
}
