/* SPDX-License-Identifier: MIT */
/* cast_details.c - see cast_details.h */
#include "cast_details.h"

#include "report.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* "float32" of "torch.float32". */
static const char *short_dtype(const char *dtype)
{
    const char *dot = strchr(dtype, '.');

    return dot ? dot + 1 : dtype;
}

static void add_counts(struct fletch_text *line, const struct fletch_cast *cast)
{
    const struct {
        uint64_t count;
        const char *words;
    } counts[] = {
        { cast->rounded, "rounded" },
        { cast->flushed, "flushed to zero" },
        { cast->exact ? 0 : cast->subnormal, "made subnormal" },
        { cast->overflowed, "overflowed" },
        { cast->nan, "NaN" },
        { cast->beyond_float16, "beyond float16" },
    };
    char absolute[FLETCH_NUMBER_CAP], relative[FLETCH_NUMBER_CAP];

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (counts[i].count)
            fletch_text_addf(line, ", %" PRIu64 " %s", counts[i].count, counts[i].words);
    if (!cast->exact)
        fletch_text_addf(line, ", off by at most %s (relative %s)",
                         fletch_text_real(absolute, cast->absolute_error),
                         fletch_text_real(relative, cast->relative_error));
}

void fletch_cast_details_say(const struct fletch_result *result)
{
    struct fletch_result_row row;

    for (size_t i = 0; fletch_result_row_at(&row, result, i); i++) {
        struct fletch_text line = { 0 };

        fletch_text_addf(&line, "%s, from %s: %s", row.name, short_dtype(row.source_dtype),
                         row.cast.exact ? "exact" : "not exact");
        add_counts(&line, &row.cast);
        fletch_say("%s", fletch_text_string(&line));
        fletch_text_release(&line);
    }
}
