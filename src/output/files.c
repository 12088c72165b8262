/* SPDX-License-Identifier: MIT */
/* files.c - see files.h */
#include "output/files.h"

#include <string.h>

const struct fletch_output_entry fletch_output_entries[] = {
    { FLETCH_WEIGHTS_FILE, false, true },
    { FLETCH_TOKENIZER_FOLDER, true, true },
    { FLETCH_TOKENIZER_FOLDER "/" FLETCH_TOKENIZER_FILE, false, false },
    { FLETCH_METADATA_FILE, false, true },
    { NULL, false, false },
};

bool fletch_output_is_top(const char *name)
{
    for (const struct fletch_output_entry *entry = fletch_output_entries; entry->path;
         entry++)
        if (entry->is_top && !strcmp(name, entry->path))
            return true;
    return false;
}

bool fletch_output_is_tokenizer(const char *name)
{
    return !strcmp(name, FLETCH_TOKENIZER_FILE);
}
