/* SPDX-License-Identifier: MIT */
/* spool.c - see spool.h */
#include "archive/spool.h"

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

struct entry {
    struct fletch_zip_member member; /* its name is in the list's arena */
    uint64_t place;
    enum state state;
};

struct fletch_spool {
    struct fletch_file file; /* its size covers all places */
    size_t *numbers;         /* [zip.count], index in `entries` plus 1 */
    struct entry *entries;   /* [zip.count], `count` in use, in the order of their places */
    size_t count;
    pthread_mutex_t lock;        /* guards the states and what is below */
    pthread_cond_t changed;      /* a member is no longer UNPACKING */
    const struct entry *damaged; /* the last damaged one; NULL: none */
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

static enum fletch_status open_spool(struct fletch_spool **out,
                                     const struct fletch_zip *zip, struct fletch_error *err)
{
    struct fletch_spool *spool = fletch_alloc(sizeof(*spool));

    if (!spool)
        return fletch_fail_memory(err, sizeof(*spool), "a file to unpack into");
    pthread_mutex_init(&spool->lock, NULL);
    pthread_cond_init(&spool->changed, NULL);
    spool->file.fd = -1;
    spool->numbers = fletch_alloc_array(zip->count, sizeof(*spool->numbers));
    spool->entries = fletch_alloc_array(zip->count, sizeof(*spool->entries));
    *out = spool;
    if (!spool->numbers || !spool->entries)
        return fletch_fail_memory(err, zip->count * sizeof(*spool->entries),
                                  "unpacked members");
    return open_file(&spool->file, err);
}

enum fletch_status fletch_spool_place(uint64_t *out, struct fletch_spool **made,
                                      struct fletch_arena *arena,
                                      const struct fletch_zip *zip,
                                      const struct fletch_zip_member *member,
                                      struct fletch_error *err)
{
    size_t index = (size_t)(member - zip->members);
    struct fletch_spool *spool;
    struct entry *entry;
    uint64_t begin;

    if (!*made)
        TRY(open_spool(made, zip, err));
    spool = *made;
    if (spool->numbers[index]) {
        *out = spool->entries[spool->numbers[index] - 1].place;
        return FLETCH_OK;
    }
    if (member->size > FLETCH_SPOOL_MAX - spool->file.size)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "byte %" PRIu64 ": the compressed members unpack to more than "
                           "the limit, %" PRIu64 " bytes (FLETCH_SPOOL_MAX)",
                           member->begin, FLETCH_SPOOL_MAX);
    TRY(fletch_zip_locate(&begin, zip, member, err));
    entry = &spool->entries[spool->count];
    *entry = (struct entry){ .member = *member, .place = spool->file.size };
    entry->member.name = fletch_arena_strdup(arena, member->name);
    if (!entry->member.name)
        return fletch_fail_memory(err, strlen(member->name), "the name of a member");
    spool->numbers[index] = ++spool->count;
    spool->file.size += member->size;
    *out = entry->place;
    return FLETCH_OK;
}

/* Finds the last entry that begins at or before the byte: among those with the same place
 * only the last is not empty. */
static struct entry *find(const struct fletch_spool *spool, uint64_t offset)
{
    size_t low = 0, high = spool->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (spool->entries[middle].place <= offset)
            low = middle;
        else
            high = middle;
    }
    return spool->count ? &spool->entries[low] : NULL;
}

/* Call with the lock held; it is released while the member is unpacked. Damage is
 * remembered: all threads want the same large member, and would find it out one by one.
 */
static void unpack(struct fletch_spool *spool, struct entry *entry,
                   const struct fletch_file *archive, const struct fletch_cancel *cancel,
                   struct fletch_error *err)
{
    const struct fletch_zip zip = { .file = archive };
    enum fletch_status status;

    entry->state = UNPACKING;
    pthread_mutex_unlock(&spool->lock);
    status = fletch_zip_copy(&spool->file, entry->place, &zip, &entry->member, cancel, err);
    pthread_mutex_lock(&spool->lock);
    entry->state = status ? PACKED : THERE;
    if (status == FLETCH_ERR_FORMAT) {
        spool->damaged = entry;
        spool->failure = *err;
    }
    pthread_cond_broadcast(&spool->changed);
}

enum fletch_status fletch_spool_file(const struct fletch_file **out,
                                     struct fletch_spool *spool,
                                     const struct fletch_file *archive, uint64_t offset,
                                     const struct fletch_cancel *cancel,
                                     struct fletch_error *err)
{
    struct entry *entry = find(spool, offset);
    struct fletch_error said = { .status = FLETCH_OK };

    *out = &spool->file;
    if (!entry)
        return FLETCH_OK;
    pthread_mutex_lock(&spool->lock);
    while (entry->state == UNPACKING)
        pthread_cond_wait(&spool->changed, &spool->lock);
    if (spool->damaged == entry)
        said = spool->failure;
    else if (entry->state == PACKED)
        unpack(spool, entry, archive, cancel, &said);
    pthread_mutex_unlock(&spool->lock);
    if (said.status && err)
        *err = said;
    return said.status;
}

void fletch_spool_release_memory(struct fletch_spool *spool)
{
    if (!spool || ftruncate(spool->file.fd, 0))
        return;
    for (size_t i = 0; i < spool->count; i++)
        spool->entries[i].state = PACKED;
}

uint64_t fletch_spool_size(const struct fletch_spool *spool)
{
    return spool->file.size;
}

void fletch_spool_close(struct fletch_spool *spool)
{
    if (!spool)
        return;
    fletch_file_close(&spool->file);
    pthread_mutex_destroy(&spool->lock);
    pthread_cond_destroy(&spool->changed);
    fletch_free(spool->numbers);
    fletch_free(spool->entries);
    fletch_free(spool);
}
