/* SPDX-License-Identifier: MIT */
/* strided.c - see strided.h
 *
 * The pool is one piece of memory, divided into as many windows as threads have been seen
 * reading, rounded to a power of two. So threads do not evict each other's windows, and a
 * single thread has the whole pool. It is no larger than the largest tensor needs.
 */
#include "strided/strided.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

#define ELEMENT_MAX 8
#define POOL_LEAST ((size_t)64 << 10)

struct slot {
    const char *name; /* its tensor's name pointer; NULL: empty */
    struct fletch_window window;
    unsigned users; /* threads reading from it or filling it */
    bool filling;
    uint64_t used_at; /* the most recently used is kept */
};

struct fletch_strided {
    pthread_mutex_t lock; /* guards all below but the bytes and windows of slots in use */
    pthread_cond_t changed;
    uint8_t *pool;  /* NULL until first used */
    size_t size;    /* of all windows in it */
    unsigned count; /* windows that it is divided into */
    struct slot slots[FLETCH_STRIDED_WINDOWS];
    unsigned users; /* of all of them */
    pthread_t readers[FLETCH_STRIDED_WINDOWS];
    unsigned readers_count;
    uint64_t clock;
};

struct fletch_strided *fletch_strided_new(void)
{
    struct fletch_strided *strided = fletch_alloc(sizeof(*strided));

    if (!strided)
        return NULL;
    strided->size = POOL_LEAST;
    strided->count = 1;
    pthread_mutex_init(&strided->lock, NULL);
    pthread_cond_init(&strided->changed, NULL);
    return strided;
}

void fletch_strided_free(struct fletch_strided *strided)
{
    if (!strided)
        return;
    fletch_free(strided->pool);
    pthread_cond_destroy(&strided->changed);
    pthread_mutex_destroy(&strided->lock);
    fletch_free(strided);
}

static void empty(struct fletch_strided *strided)
{
    for (size_t i = 0; i < FLETCH_STRIDED_WINDOWS; i++)
        strided->slots[i] = (struct slot){ .name = NULL };
}

void fletch_strided_release_memory(struct fletch_strided *strided)
{
    if (!strided)
        return;
    pthread_mutex_lock(&strided->lock);
    fletch_free(strided->pool);
    strided->pool = NULL;
    empty(strided);
    pthread_mutex_unlock(&strided->lock);
}

bool fletch_tensor_is_straight(const struct fletch_tensor *tensor)
{
    return !tensor->strides && !tensor->big_endian;
}

bool fletch_tensor_extent(uint64_t *out, const struct fletch_tensor *tensor)
{
    uint64_t last = 0, reach;

    *out = tensor->size;
    if (!tensor->strides || !tensor->count)
        return true;
    for (unsigned i = 0; i < tensor->rank; i++)
        if (!fletch_mul(&reach, tensor->shape[i] - 1, tensor->strides[i]) ||
            !fletch_add(&last, last, reach))
            return false;
    return fletch_add(&last, last, 1) &&
           fletch_mul(out, last, fletch_dtype_size(tensor->dtype));
}

/* ---- Windows ---- */

static uint8_t *memory_of(const struct fletch_strided *strided, const struct slot *slot)
{
    size_t size = FLETCH_WINDOW_MEMORY(strided->size / strided->count);

    return strided->pool + (size_t)(slot - strided->slots) * size;
}

static bool holds(const struct slot *slot, const struct fletch_tensor *tensor, uint64_t at)
{
    return slot->name == tensor->name && at >= slot->window.first &&
           at - slot->window.first < slot->window.count;
}

static void count_reader(struct fletch_strided *strided)
{
    pthread_t self = pthread_self();
    unsigned i = 0;

    while (i < strided->readers_count && !pthread_equal(strided->readers[i], self))
        i++;
    if (i == strided->readers_count && i < FLETCH_STRIDED_WINDOWS)
        strided->readers[strided->readers_count++] = self;
}

static enum fletch_status cut_anew(struct fletch_strided *strided, size_t size,
                                   unsigned count, struct fletch_error *err)
{
    size_t memory = FLETCH_WINDOW_MEMORY(size) + (size_t)64 * count;

    empty(strided);
    fletch_free(strided->pool);
    strided->size = size;
    strided->count = count;
    strided->pool = fletch_alloc(memory);
    if (!strided->pool)
        return fletch_fail_memory(err, memory, "gathering a tensor");
    fletch_expect_use(strided->pool, memory);
    return FLETCH_OK;
}

/* Makes sure that there is a window for each thread, large enough for the whole tensor as
 * far as the limits allow. The pool is divided anew when no thread uses it; threads that
 * arrive meanwhile wait here too. */
static enum fletch_status prepare(struct fletch_strided *strided,
                                  const struct fletch_tensor *tensor,
                                  struct fletch_error *err)
{
    count_reader(strided);
    for (;;) {
        unsigned count = strided->count;
        size_t size = strided->size;

        while (count < strided->readers_count)
            count *= 2;
        while (size < FLETCH_STRIDED_POOL && size / count < tensor->size)
            size *= 2;
        if (strided->pool && count == strided->count && size == strided->size)
            return FLETCH_OK;
        if (!strided->users)
            return cut_anew(strided, size, count, err);
        pthread_cond_wait(&strided->changed, &strided->lock);
    }
}

/* Chooses the window to read from: one with the element, or else the one unused for
 * longest, to be filled; NULL while all are in use. */
static struct slot *choose(struct fletch_strided *strided,
                           const struct fletch_tensor *tensor, uint64_t at)
{
    struct slot *best = NULL;

    for (size_t i = 0; i < strided->count; i++) {
        struct slot *slot = &strided->slots[i];

        /* the window being filled for this tensor may be the one needed */
        if (slot->filling && slot->name == tensor->name)
            return NULL;
        if (!slot->filling && slot->name && holds(slot, tensor, at))
            return slot;
        if (!slot->users && (!best || slot->used_at < best->used_at))
            best = slot;
    }
    return best;
}

/* Fills the window, which only this thread uses. */
static enum fletch_status fill(struct fletch_strided *strided, struct slot *slot,
                               const struct fletch_file *file,
                               const struct fletch_tensor *tensor, uint64_t at,
                               struct fletch_error *err)
{
    return fletch_window_load(&slot->window, memory_of(strided, slot),
                              strided->size / strided->count, file, tensor, at, err);
}

/* Takes a window with element `at` and counts it as in use; call with the lock held. */
static enum fletch_status take(struct slot **out, struct fletch_strided *strided,
                               const struct fletch_file *file,
                               const struct fletch_tensor *tensor, uint64_t at,
                               struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;
    struct slot *slot;

    for (;;) {
        TRY(prepare(strided, tensor, err));
        slot = choose(strided, tensor, at);
        if (slot)
            break;
        pthread_cond_wait(&strided->changed, &strided->lock);
    }
    slot->users++;
    strided->users++;
    slot->used_at = ++strided->clock;
    if (!slot->name || !holds(slot, tensor, at)) {
        slot->name = tensor->name;
        slot->filling = true;
        pthread_mutex_unlock(&strided->lock);
        status = fill(strided, slot, file, tensor, at, err);
        pthread_mutex_lock(&strided->lock);
        slot->filling = false;
        if (status)
            slot->name = NULL;
        pthread_cond_broadcast(&strided->changed);
    }
    *out = slot;
    return status;
}

static void give_back(struct fletch_strided *strided, struct slot *slot)
{
    if (!slot)
        return;
    slot->users--;
    strided->users--;
    pthread_cond_broadcast(&strided->changed);
}

/* ---- Reading ---- */

/* Hands out what the window has of the bytes from `begin` on, at most `size`; *out: how
 * many. An element of which only part is wanted is copied through a buffer. */
static size_t hand_out(const struct fletch_strided *strided, const struct slot *slot,
                       uint64_t begin, uint8_t *out, size_t size)
{
    const struct fletch_window *window = &slot->window;
    const uint8_t *memory = memory_of(strided, slot);
    uint64_t at = begin / window->width - window->first, left = window->count - at;
    size_t skip = begin % window->width, part = window->width - skip;
    uint8_t element[ELEMENT_MAX];

    if (!skip && size >= window->width) {
        uint64_t count = size / window->width < left ? size / window->width : left;

        fletch_window_take(window, memory, at, count, out);
        return (size_t)count * window->width;
    }
    fletch_window_take(window, memory, at, 1, element);
    part = part < size ? part : size;
    memcpy(out, element + skip, part);
    return part;
}

enum fletch_status fletch_strided_read(struct fletch_strided *strided,
                                       const struct fletch_file *file,
                                       const struct fletch_tensor *tensor, uint64_t begin,
                                       void *out, size_t size, struct fletch_error *err)
{
    size_t width = fletch_dtype_size(tensor->dtype), part;
    enum fletch_status status = FLETCH_OK;
    uint8_t *to = out;

    pthread_mutex_lock(&strided->lock);
    while (size && !status) {
        struct slot *slot = NULL;

        status = take(&slot, strided, file, tensor, begin / width, err);
        if (!status) {
            pthread_mutex_unlock(&strided->lock);
            part = hand_out(strided, slot, begin, to, size);
            pthread_mutex_lock(&strided->lock);
            to += part;
            begin += part;
            size -= part;
        }
        give_back(strided, slot);
    }
    pthread_mutex_unlock(&strided->lock);
    return status;
}
