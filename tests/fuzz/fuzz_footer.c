/* SPDX-License-Identifier: MIT */
/* fuzz_footer - a footer: parsed, written again, parsed again the same */
#include "parquet/meta.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct fletch_footer *a, const struct fletch_footer *b)
{
    if (a->schema_count != b->schema_count || a->groups_count != b->groups_count ||
        a->num_rows != b->num_rows)
        __builtin_trap();
    for (size_t i = 0; i < a->schema_count; i++)
        if (strcmp(a->schema[i].name, b->schema[i].name) ||
            a->schema[i].children != b->schema[i].children)
            __builtin_trap();
    for (size_t i = 0; i < a->groups_count; i++) {
        if (a->groups[i].columns_count != b->groups[i].columns_count ||
            a->groups[i].num_rows != b->groups[i].num_rows)
            __builtin_trap();
        for (size_t k = 0; k < a->groups[i].columns_count; k++)
            if (a->groups[i].columns[k].data_page_offset !=
                b->groups[i].columns[k].data_page_offset)
                __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_arena arena = { 0 };
    struct fletch_footer footer, again;
    struct fletch_buf buf = { 0 };

    if (!fletch_footer_parse(&footer, &arena, data, size, 0, NULL)) {
        fletch_footer_put(&buf, &footer);
        if (buf.failed || fletch_footer_parse(&again, &arena, buf.bytes, buf.size, 0, NULL))
            __builtin_trap();
        same(&footer, &again);
    }
    fletch_buf_release(&buf);
    fletch_arena_release(&arena);
    return 0;
}
