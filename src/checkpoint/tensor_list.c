/* SPDX-License-Identifier: MIT */
/* tensor_list.c - the tensors and notes that formats find in a file, checked as they arrive
 *
 * Whatever a format reports, the list keeps the invariants of checkpoint.h.
 */
#include "archive/spool.h"
#include "checkpoint/checkpoint_internal.h"
#include "strided/strided.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum fletch_status fletch_measure(uint64_t *count, uint64_t *size, enum fletch_dtype dtype,
                                  const uint64_t *shape, unsigned rank,
                                  struct fletch_error *err)
{
    const unsigned bits = fletch_dtype_info(dtype)->bits;
    uint64_t rest;
    bool empty = false;

    for (unsigned i = 0; i < rank; i++)
        empty |= !shape[i];
    *count = !empty;
    for (unsigned i = 0; i < rank && !empty; i++)
        if (!fletch_mul(count, *count, shape[i]))
            return fletch_fail(err, FLETCH_ERR_FORMAT,
                               "has more elements than 64 bits count");
    rest = *count % 8 * bits;
    if (rest % 8)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "does not have whole bytes");
    if (!fletch_mul(size, *count / 8, bits) || !fletch_add(size, *size, rest / 8))
        return fletch_fail(err, FLETCH_ERR_FORMAT, "has more bytes than 64 bits count");
    return FLETCH_OK;
}

/* The first invariant of checkpoint.h. */
static bool measures_up(const struct fletch_tensor *tensor)
{
    uint64_t count, size;

    return tensor->rank <= FLETCH_RANK_MAX &&
           !fletch_measure(&count, &size, tensor->dtype, tensor->shape, tensor->rank,
                           NULL) &&
           count == tensor->count && size == tensor->size;
}

/* The second. */
static enum fletch_status check_place(const struct fletch_tensor_list *list,
                                      const struct fletch_tensor *tensor,
                                      struct fletch_error *err)
{
    uint64_t end = tensor->spooled ? fletch_spool_size(list->spool) : list->file_size,
             extent;

    if (tensor->strides && !fletch_dtype_size(tensor->dtype))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': %s with strides, expected whole bytes",
                           FLETCH_SHOWN, tensor->name, fletch_dtype_text(tensor->dtype));
    if (!fletch_tensor_extent(&extent, tensor))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': its strides reach beyond 64 bits", FLETCH_SHOWN,
                           tensor->name);
    if (tensor->offset > end || extent > end - tensor->offset)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': %" PRIu64 " bytes at byte %" PRIu64
                           ", but the file has %" PRIu64,
                           FLETCH_SHOWN, tensor->name, extent, tensor->offset, end);
    return FLETCH_OK;
}

/* Bytes that a file holds once can be listed under endlessly many names. */
static enum fletch_status check_total(struct fletch_tensor_list *list,
                                      const struct fletch_tensor *tensor,
                                      struct fletch_error *err)
{
    uint64_t spool = list->spool ? fletch_spool_size(list->spool) : 0, there, most;

    if (!fletch_add(&there, list->file_size, spool))
        there = UINT64_MAX;
    if (!fletch_mul(&most, there, FLETCH_REPEATED_MAX))
        most = UINT64_MAX;
    if (most < FLETCH_REPEATED_LEAST)
        most = FLETCH_REPEATED_LEAST;
    if (!fletch_add(&list->bytes, list->bytes, tensor->size) || list->bytes > most)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "tensor '%.*s': up to it there are %" PRIu64
                           " bytes, the limit for this file is %" PRIu64
                           " (FLETCH_REPEATED_MAX)",
                           FLETCH_SHOWN, tensor->name, list->bytes, most);
    return FLETCH_OK;
}

enum fletch_status fletch_tensor_list_put(struct fletch_tensor_list *list,
                                          const struct fletch_tensor *tensor,
                                          struct fletch_error *err)
{
    size_t len = strlen(tensor->name);

    if (fletch_utf8_span(tensor->name, len) != len)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "tensor '%.*s': its name is not UTF-8",
                           FLETCH_SHOWN, tensor->name);
    if (!measures_up(tensor))
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "tensor '%.*s': %" PRIu64 " elements and %" PRIu64
                           " bytes are not what its shape and dtype say",
                           FLETCH_SHOWN, tensor->name, tensor->count, tensor->size);
    TRY(check_place(list, tensor, err));
    TRY(check_total(list, tensor, err));
    if (list->count == list->cap) {
        struct fletch_tensor *grown =
            fletch_grow(list->tensors, &list->cap, list->count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(err, (list->count + 1) * sizeof(*grown), "tensors");
        list->tensors = grown;
    }
    list->tensors[list->count++] = *tensor;
    return FLETCH_OK;
}

enum fletch_status fletch_strlist_put(struct fletch_strlist *texts,
                                      struct fletch_arena *arena, const char *text,
                                      struct fletch_error *err)
{
    if (texts->count == texts->cap) {
        const char **grown = fletch_arena_grow(arena, texts->items, &texts->cap,
                                               texts->count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(err, (texts->count + 1) * sizeof(*grown),
                                      "notes and names");
        texts->items = grown;
    }
    texts->items[texts->count++] = text;
    return FLETCH_OK;
}

/* Notes must be one line of UTF-8 but quote what files say; a cut may fall within a
 * character. */
static void make_plain(char *text)
{
    size_t len = strlen(text);

    for (size_t i = fletch_utf8_span(text, len); i < len;
         i += fletch_utf8_span(text + i, len - i))
        text[i] = '?';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

enum fletch_status fletch_tensor_list_note(struct fletch_tensor_list *list,
                                           struct fletch_error *err, const char *format,
                                           ...)
{
    char text[sizeof(err->message)];
    const char *note;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    make_plain(text);
    note = fletch_arena_strdup(list->arena, text);
    return note ? fletch_strlist_put(&list->notes, list->arena, note, err)
                : fletch_fail_memory(err, sizeof(text), "a note");
}
