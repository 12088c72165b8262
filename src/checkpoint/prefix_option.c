/* SPDX-License-Identifier: MIT */
/* prefix_option.c - the requested prefix, and the messages that list what there is */
#include "checkpoint/prefix_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- Sentences ---- */

void fletch_prefix_list_one(struct fletch_prefix_listing *listing, const char *path,
                            size_t len, size_t count)
{
    size_t room = sizeof(listing->text) - listing->len;
    int wrote = 0;

    if (!listing->left)
        wrote = snprintf(listing->text + listing->len, room, "%s'%.*s' with %zu",
                         listing->len ? ", " : "", (int)(len ? len - 1 : 1),
                         len ? path : ".", count);
    if (listing->left || wrote < 0 || (size_t)wrote >= room) {
        listing->text[listing->len] = 0;
        listing->left++;
    } else {
        listing->len += (size_t)wrote;
    }
}

void fletch_prefix_list_end(struct fletch_prefix_listing *listing, const char *unit)
{
    size_t room = sizeof(listing->text) - listing->len;
    char more[40] = "";

    if (listing->left)
        snprintf(more, sizeof(more), ", and %zu more", listing->left);
    if (strlen(unit) + strlen(more) < room)
        snprintf(listing->text + listing->len, room, "%s%s", unit, more);
}

/* ---- The requested prefix ---- */

/* The length up to and including the dot after the part that begins at `from`; 0 when it is
 * the last. */
static size_t part_end(const char *path, size_t from)
{
    const char *dot = strchr(path + from, '.');

    return dot ? (size_t)(dot - path) + 1 : 0;
}

/* How much of the requested prefix, in whole parts, some name begins with. */
static size_t common_len(const struct fletch_prefix_name *names, size_t count,
                         const char *asked)
{
    size_t best = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t end = part_end(asked, best); end; end = part_end(asked, best)) {
            if (strncmp(names[i].path, asked, end) != 0)
                break;
            best = end;
        }
    return best;
}

/* Lists the prefixes that are one part longer than the part that was right. */
static void list_longer(struct fletch_prefix_listing *listing,
                        const struct fletch_prefix_name *names, size_t count,
                        const char *asked, size_t right)
{
    size_t len = 0, next, same = 0;
    const char *last = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *path = names[i].path;

        next = strncmp(path, asked, right) ? 0 : part_end(path, right);
        if (last && next == len && !strncmp(path, last, len)) {
            same++;
            continue;
        }
        if (last)
            fletch_prefix_list_one(listing, last, len, same);
        last = next ? path : NULL;
        len = next;
        same = 1;
    }
    if (last)
        fletch_prefix_list_one(listing, last, len, same);
    if (listing->len)
        fletch_prefix_list_end(listing, " tensors");
}

static enum fletch_status fail_asked(const struct fletch_prefix_name *names, size_t count,
                                     const char *asked, struct fletch_error *err)
{
    size_t right = common_len(names, count, asked), len = strlen(asked);
    struct fletch_prefix_listing listing = { .len = 0 };

    list_longer(&listing, names, count, asked, right);
    if (!listing.len)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "no tensor's name begins with '%.160s', which was asked for as "
                           "prefix; those %s have none",
                           asked, right ? "below the part that there is" : "there are");
    if (!len)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "no tensor lies right at the top, which was asked for as "
                           "prefix; there are %s",
                           listing.text);
    if (right == len)
        return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                           "no tensor lies right below '%.*s', which was asked for as "
                           "prefix; there are %s",
                           len - 1 < 160 ? (int)len - 1 : 160, asked, listing.text);
    return fletch_fail(err, FLETCH_ERR_ARGUMENT,
                       "no tensor's name begins with '%.160s', which was asked for as "
                       "prefix; there are %s",
                       asked, listing.text);
}

enum fletch_status fletch_prefix_option(const char **prefix,
                                        const struct fletch_prefix_name *names,
                                        size_t count, const char *asked,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err)
{
    size_t len = strlen(asked);
    bool dotted = len && asked[len - 1] == '.';
    const char *wanted = fletch_arena_format(arena, "%s%s", strcmp(asked, ".") ? asked : "",
                                             len && !dotted ? "." : "");

    if (!wanted)
        return fletch_fail_memory(err, len, "a prefix");
    *prefix = wanted;
    for (size_t i = 0; i < count; i++)
        if (fletch_prefix_holds(wanted, &names[i]))
            return FLETCH_OK;
    return fail_asked(names, count, wanted, err);
}
