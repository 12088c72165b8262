/* SPDX-License-Identifier: MIT */
/* aside.c - see aside.h */
#include "checkpoint/aside.h"
#include "checkpoint/inside.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum state { PACKED, UNPACKING, THERE };

struct held {
    struct fletch_zip_member member; /* its name in the list's arena */
    uint64_t place;
    enum state state;
};

struct fletch_aside {
    struct fletch_file file; /* size: of all places */
    size_t *numbers;         /* [zip.count], of the one in `held`, plus 1 */
    struct held *held;       /* [zip.count], `count` in use, in the order of their places */
    size_t count;
    pthread_mutex_t lock;        /* guards the states and what is below */
    pthread_cond_t changed;      /* a member is not UNPACKING any more */
    const struct held *damaged;  /* the last one that was; NULL: none */
    struct fletch_error failure; /* what is wrong with it */
};

static enum fletch_status open_file(struct fletch_file *out, struct fletch_error *err)
{
    int fd = fletch_os_unnamed_file(P_tmpdir);

    if (fd < 0)
        return fletch_fail(err, FLETCH_ERR_IO, "%s: no file to unpack into: %s", P_tmpdir,
                           fletch_errno_text(errno));
    *out = (struct fletch_file){ .fd = fd, .path = "what was unpacked" };
    return FLETCH_OK;
}

static enum fletch_status open_aside(struct fletch_aside **out,
                                     const struct fletch_zip *zip, struct fletch_error *err)
{
    struct fletch_aside *aside = fletch_alloc(sizeof(*aside));

    if (!aside)
        return fletch_fail_memory(err, sizeof(*aside), "a file to unpack into");
    pthread_mutex_init(&aside->lock, NULL);
    pthread_cond_init(&aside->changed, NULL);
    aside->file.fd = -1;
    aside->numbers = fletch_alloc_array(zip->count, sizeof(*aside->numbers));
    aside->held = fletch_alloc_array(zip->count, sizeof(*aside->held));
    *out = aside;
    if (!aside->numbers || !aside->held)
        return fletch_fail_memory(err, zip->count * sizeof(*aside->held),
                                  "unpacked members");
    return open_file(&aside->file, err);
}

enum fletch_status fletch_aside_place(uint64_t *out, struct fletch_tensor_list *list,
                                      const struct fletch_zip *zip,
                                      const struct fletch_zip_member *member,
                                      struct fletch_error *err)
{
    size_t index = (size_t)(member - zip->members);
    struct fletch_aside *aside;
    struct held *held;
    uint64_t begin;

    if (!list->aside)
        TRY(open_aside(&list->aside, zip, err));
    aside = list->aside;
    if (aside->numbers[index]) {
        *out = aside->held[aside->numbers[index] - 1].place;
        return FLETCH_OK;
    }
    if (member->size > FLETCH_ASIDE_MAX - aside->file.size)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": the compressed members unpack to more than "
                           "the limit, %" PRIu64 " bytes (FLETCH_ASIDE_MAX)",
                           member->begin, FLETCH_ASIDE_MAX);
    TRY(fletch_zip_locate(&begin, zip, member, err));
    held = &aside->held[aside->count];
    *held = (struct held){ .member = *member, .place = aside->file.size };
    held->member.name = fletch_arena_strdup(list->arena, member->name);
    if (!held->member.name)
        return fletch_fail_memory(err, strlen(member->name), "the name of a member");
    aside->numbers[index] = ++aside->count;
    aside->file.size += member->size;
    *out = held->place;
    return FLETCH_OK;
}

/* The last one that begins at the byte or before it: only the last of those with one place
 * is not empty. */
static struct held *find(const struct fletch_aside *aside, uint64_t offset)
{
    size_t low = 0, high = aside->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (aside->held[middle].place <= offset)
            low = middle;
        else
            high = middle;
    }
    return aside->count ? &aside->held[low] : NULL;
}

/* Holding the lock, which is let go while the member is unpacked. That one is damaged is
 * known from then on: all threads want the same large member, and would find out in turn.
 */
static void unpack(struct fletch_aside *aside, struct held *held,
                   const struct fletch_file *archive, const struct fletch_cancel *cancel,
                   struct fletch_error *err)
{
    const struct fletch_zip zip = { .file = archive };
    enum fletch_status status;

    held->state = UNPACKING;
    pthread_mutex_unlock(&aside->lock);
    status = fletch_zip_copy(&aside->file, held->place, &zip, &held->member, cancel, err);
    pthread_mutex_lock(&aside->lock);
    held->state = status ? PACKED : THERE;
    if (status == FLETCH_ERR_FORMAT) {
        aside->damaged = held;
        aside->failure = *err;
    }
    pthread_cond_broadcast(&aside->changed);
}

enum fletch_status fletch_aside_file(const struct fletch_file **out,
                                     struct fletch_aside *aside,
                                     const struct fletch_file *archive, uint64_t offset,
                                     const struct fletch_cancel *cancel,
                                     struct fletch_error *err)
{
    struct held *held = find(aside, offset);
    struct fletch_error said = { .status = FLETCH_OK };

    *out = &aside->file;
    if (!held)
        return FLETCH_OK;
    pthread_mutex_lock(&aside->lock);
    while (held->state == UNPACKING)
        pthread_cond_wait(&aside->changed, &aside->lock);
    if (aside->damaged == held)
        said = aside->failure;
    else if (held->state == PACKED)
        unpack(aside, held, archive, cancel, &said);
    pthread_mutex_unlock(&aside->lock);
    if (said.status && err)
        *err = said;
    return said.status;
}

void fletch_aside_relax(struct fletch_aside *aside)
{
    if (!aside || ftruncate(aside->file.fd, 0))
        return;
    for (size_t i = 0; i < aside->count; i++)
        aside->held[i].state = PACKED;
}

uint64_t fletch_aside_size(const struct fletch_aside *aside)
{
    return aside->file.size;
}

void fletch_aside_close(struct fletch_aside *aside)
{
    if (!aside)
        return;
    fletch_file_close(&aside->file);
    pthread_mutex_destroy(&aside->lock);
    pthread_cond_destroy(&aside->changed);
    fletch_free(aside->numbers);
    fletch_free(aside->held);
    fletch_free(aside);
}
