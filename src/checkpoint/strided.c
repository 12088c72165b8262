/* SPDX-License-Identifier: MIT */
/* strided.c - see strided.h
 *
 * Dimensions that lie in order are joined first, so that what is left is short: a
 * transposed matrix is [rows] x [columns] whatever its shape was. A window is n steps along
 * one of these dimensions with everything inside them, so it is one piece of the output and
 * a box in the source. A box whose elements lie close together is read in one piece; of any
 * other its lines along the smallest stride are.
 */
#include "checkpoint/strided.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

#if defined(__GNUC__)
#define FLETCH_INLINE inline __attribute__((always_inline))
#else
#define FLETCH_INLINE inline
#endif

/* Lines that are read before they are written out side by side: 16 of 4 bytes fill a line
 * of the processor's cache. */
#define LINES 16
/* Bytes of a line that are read at once, and how far apart the lines are kept: no multiple
 * of 4096, or all would compete for the same places of the processor's cache. */
#define LINE_SIZE (FLETCH_STRIDED_STAGE / LINES - 4096 + 64)
/* Elements further apart than this many bytes are read one by one. */
#define APART 4096

struct window {
    const char *name; /* its tensor's, as that points to it; NULL: empty */
    uint64_t begin;   /* of the tensor's bytes */
    size_t size;      /* in use */
    uint8_t *bytes;   /* [FLETCH_STRIDED_WINDOW], NULL until first used */
    unsigned users;   /* that read from it or fill it */
    bool filling;
    uint64_t used_at; /* the youngest is kept */
};

struct fletch_strided {
    pthread_mutex_t lock; /* guards all below but the bytes of a window in use */
    pthread_cond_t changed;
    struct window windows[FLETCH_STRIDED_WINDOWS];
    uint64_t clock;
};

/* A tensor's dimensions, joined where they lie in order, or the box of a window. */
struct layout {
    unsigned rank;
    uint64_t shape[FLETCH_RANK_MAX];
    uint64_t strides[FLETCH_RANK_MAX]; /* in elements of the file */
    uint64_t inside[FLETCH_RANK_MAX];  /* elements of the output one step apart */
    size_t width;                      /* bytes of an element */
};

struct fletch_strided *fletch_strided_new(void)
{
    struct fletch_strided *strided = fletch_alloc(sizeof(*strided));

    if (!strided)
        return NULL;
    pthread_mutex_init(&strided->lock, NULL);
    pthread_cond_init(&strided->changed, NULL);
    return strided;
}

void fletch_strided_free(struct fletch_strided *strided)
{
    if (!strided)
        return;
    for (size_t i = 0; i < FLETCH_STRIDED_WINDOWS; i++)
        fletch_free(strided->windows[i].bytes);
    pthread_cond_destroy(&strided->changed);
    pthread_mutex_destroy(&strided->lock);
    fletch_free(strided);
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

/* ---- Layouts ---- */

static void set_inside(struct layout *layout)
{
    uint64_t inside = 1;

    for (unsigned i = layout->rank; i-- > 0;) {
        layout->inside[i] = inside;
        inside *= layout->shape[i];
    }
}

/* The tensor has elements, so no dimension is 0 and no product of some wraps. */
static void join(struct layout *out, const struct fletch_tensor *tensor)
{
    out->rank = 0;
    out->width = fletch_dtype_size(tensor->dtype);
    for (unsigned i = 0; i < tensor->rank && tensor->strides; i++) {
        unsigned last = out->rank - 1;

        if (tensor->shape[i] == 1)
            continue;
        if (out->rank && out->strides[last] == tensor->shape[i] * tensor->strides[i]) {
            out->shape[last] *= tensor->shape[i];
            out->strides[last] = tensor->strides[i];
            continue;
        }
        out->shape[out->rank] = tensor->shape[i];
        out->strides[out->rank++] = tensor->strides[i];
    }
    if (!out->rank) {
        out->rank = 1;
        out->shape[0] = tensor->strides ? 1 : tensor->count;
        out->strides[0] = 1;
    }
    set_inside(out);
}

/* The box of the window that holds element `at`, which becomes the window's first; the
 * source's element where it begins is in *source. */
static void cut_box(struct layout *box, uint64_t *at, uint64_t *source,
                    const struct layout *all)
{
    uint64_t most = FLETCH_STRIDED_WINDOW / all->width, steps, index = 0, first = 0;
    uint64_t rest = *at;
    unsigned d = 0;

    while (d + 1 < all->rank && all->inside[d] > most)
        d++;
    steps = most / all->inside[d];
    *source = 0;
    for (unsigned i = 0; i <= d; i++) {
        index = rest / all->inside[i];
        rest %= all->inside[i];
        if (i == d)
            index -= index % steps;
        first += index * all->inside[i];
        *source += index * all->strides[i];
    }
    *at = first;
    box->rank = all->rank - d;
    box->width = all->width;
    for (unsigned i = 0; i < box->rank; i++) {
        box->shape[i] = all->shape[d + i];
        box->strides[i] = all->strides[d + i];
    }
    if (box->shape[0] - index > steps)
        box->shape[0] = steps;
    else
        box->shape[0] -= index;
    set_inside(box);
}

static uint64_t count_of(const struct layout *box)
{
    return box->inside[0] * box->shape[0];
}

/* The next position in the box, the dimension `skip` left alone; false past the last. Moves
 * the offsets along: in the file and in the output, in elements. */
static bool step(const struct layout *box, unsigned skip, uint64_t *index, uint64_t *source,
                 uint64_t *target)
{
    for (unsigned i = box->rank; i-- > 0;) {
        if (i == skip)
            continue;
        if (++index[i] < box->shape[i]) {
            *source += box->strides[i];
            *target += box->inside[i];
            return true;
        }
        index[i] = 0;
        *source -= (box->shape[i] - 1) * box->strides[i];
        *target -= (box->shape[i] - 1) * box->inside[i];
    }
    return false;
}

/* ---- Moving elements ---- */

static FLETCH_INLINE void spread_width(uint8_t *to, uint64_t to_step, const uint8_t *from,
                                       uint64_t from_step, uint64_t count, size_t width)
{
    for (uint64_t i = 0; i < count; i++)
        memcpy(to + i * to_step * width, from + i * from_step * width, width);
}

/* `count` elements, each so many elements behind the one before. */
static void spread(uint8_t *to, uint64_t to_step, const uint8_t *from, uint64_t from_step,
                   uint64_t count, size_t width)
{
    if (width == 1)
        spread_width(to, to_step, from, from_step, count, 1);
    else if (width == 2)
        spread_width(to, to_step, from, from_step, count, 2);
    else if (width == 4)
        spread_width(to, to_step, from, from_step, count, 4);
    else
        spread_width(to, to_step, from, from_step, count, 8);
}

static FLETCH_INLINE void weave_width(uint8_t *to, uint64_t to_step, const uint8_t *from,
                                      uint64_t count, size_t width)
{
    for (uint64_t i = 0; i < count; i++)
        for (size_t j = 0; j < LINES; j++)
            memcpy(to + (i * to_step + j) * width, from + j * LINE_SIZE + i * width, width);
}

/* LINES lines of `count` elements become columns: neighbours in the output. */
static void weave(uint8_t *to, uint64_t to_step, const uint8_t *from, uint64_t count,
                  size_t width)
{
    if (width == 1)
        weave_width(to, to_step, from, count, 1);
    else if (width == 2)
        weave_width(to, to_step, from, count, 2);
    else if (width == 4)
        weave_width(to, to_step, from, count, 4);
    else
        weave_width(to, to_step, from, count, 8);
}

/* ---- Reading a box ---- */

struct source {
    const struct fletch_file *file;
    uint64_t offset; /* of the tensor's first element */
    uint8_t *stage;  /* [FLETCH_STRIDED_STAGE] */
    struct fletch_error *err;
};

static uint64_t span_of(const struct layout *box)
{
    uint64_t span = 1;

    for (unsigned i = 0; i < box->rank; i++)
        span += (box->shape[i] - 1) * box->strides[i];
    return span;
}

/* All of the box in one read, wanted or not. */
static enum fletch_status read_near(const struct source *source, const struct layout *box,
                                    uint64_t at, uint8_t *out)
{
    uint64_t index[FLETCH_RANK_MAX] = { 0 }, from = 0, to = 0;
    unsigned last = box->rank - 1;
    size_t width = box->width;

    TRY(fletch_file_read(source->file, source->offset + at * width, source->stage,
                         (size_t)span_of(box) * width, source->err));
    do
        spread(out + to * width, 1, source->stage + from * width, box->strides[last],
               box->shape[last], width);
    while (step(box, last, index, &from, &to));
    return FLETCH_OK;
}

/* `count` elements of the file, `stride` apart, to `to_step` apart. */
static enum fletch_status read_line(const struct source *source, uint64_t at,
                                    uint64_t stride, uint64_t count, size_t width,
                                    uint8_t *to, uint64_t to_step)
{
    uint64_t once = stride * width > APART ? 1 : LINE_SIZE / width / stride;

    if (stride == 1 && to_step == 1)
        return fletch_file_read(source->file, source->offset + at * width, to,
                                (size_t)count * width, source->err);
    while (count) {
        uint64_t part = count < once ? count : once;

        TRY(fletch_file_read(source->file, source->offset + at * width, source->stage,
                             (size_t)((part - 1) * stride + 1) * width, source->err));
        spread(to, to_step, source->stage, stride, part, width);
        at += part * stride;
        to += part * to_step * width;
        count -= part;
    }
    return FLETCH_OK;
}

/* A box of two dimensions at least whose lines lie across the output: LINES of them are
 * read, then written side by side. */
static enum fletch_status read_across(const struct source *source, const struct layout *box,
                                      unsigned fast, uint64_t at, uint8_t *out)
{
    struct layout outer = *box;
    unsigned last = box->rank - 1;
    uint64_t index[FLETCH_RANK_MAX] = { 0 }, from = at, to = 0;
    uint64_t most = LINE_SIZE / box->width;

    outer.shape[last] = box->shape[last] / LINES;
    outer.strides[last] *= LINES;
    outer.inside[last] *= LINES;
    do
        for (uint64_t i = 0; i < box->shape[fast]; i += most) {
            uint64_t left = box->shape[fast] - i, part = left < most ? left : most;

            for (uint64_t j = 0; j < LINES; j++)
                TRY(fletch_file_read(
                    source->file,
                    source->offset + (from + j * box->strides[last] + i) * box->width,
                    source->stage + j * LINE_SIZE, (size_t)part * box->width, source->err));
            weave(out + (to + i * box->inside[fast]) * box->width, box->inside[fast],
                  source->stage, part, box->width);
        }
    while (step(&outer, fast, index, &from, &to));
    return FLETCH_OK;
}

static enum fletch_status read_lines(const struct source *source, const struct layout *box,
                                     unsigned fast, uint64_t at, uint8_t *out)
{
    uint64_t index[FLETCH_RANK_MAX] = { 0 }, from = at, to = 0;

    do
        TRY(read_line(source, from, box->strides[fast], box->shape[fast], box->width,
                      out + to * box->width, box->inside[fast]));
    while (step(box, fast, index, &from, &to));
    return FLETCH_OK;
}

static enum fletch_status read_box(const struct source *source, const struct layout *box,
                                   uint64_t at, uint8_t *out)
{
    unsigned fast = box->rank - 1, last = box->rank - 1;
    uint64_t span = span_of(box), done;

    if (span <= FLETCH_STRIDED_STAGE / box->width &&
        span / 4 <= count_of(box) + APART / box->width)
        return read_near(source, box, at, out);
    for (unsigned i = last; i-- > 0;)
        if (box->strides[i] && box->shape[i] > 1 &&
            (!box->strides[fast] || box->strides[i] < box->strides[fast]))
            fast = i;
    if (fast != last && box->strides[fast] == 1 && box->shape[last] >= LINES) {
        struct layout rest = *box;

        TRY(read_across(source, box, fast, at, out));
        done = box->shape[last] / LINES * LINES;
        rest.shape[last] -= done;
        if (!rest.shape[last])
            return FLETCH_OK;
        return read_lines(source, &rest, fast, at + done * box->strides[last],
                          out + done * box->width);
    }
    return read_lines(source, box, fast, at, out);
}

/* ---- Windows ---- */

static void swap(uint8_t *bytes, size_t size, size_t width)
{
    for (size_t i = 0; i + width <= size; i += width)
        for (size_t j = 0; j < width / 2; j++) {
            uint8_t byte = bytes[i + j];

            bytes[i + j] = bytes[i + width - 1 - j];
            bytes[i + width - 1 - j] = byte;
        }
}

/* Gathers the window that `begin` falls into. It is this thread's alone. */
static enum fletch_status fill(struct window *window, const struct fletch_file *file,
                               const struct fletch_tensor *tensor, uint64_t begin,
                               struct fletch_error *err)
{
    struct source source = { .file = file, .offset = tensor->offset, .err = err };
    struct layout all, box = { 0 };
    uint64_t at, from;
    enum fletch_status status;

    join(&all, tensor);
    at = begin / all.width;
    cut_box(&box, &at, &from, &all);
    if (!window->bytes)
        window->bytes = fletch_alloc(FLETCH_STRIDED_WINDOW);
    source.stage = fletch_alloc(FLETCH_STRIDED_STAGE);
    status = window->bytes && source.stage
                 ? read_box(&source, &box, from, window->bytes)
                 : fletch_fail_memory(err, FLETCH_STRIDED_WINDOW, "gathering a tensor");
    fletch_free(source.stage);
    if (status)
        return status;
    window->begin = at * all.width;
    window->size = (size_t)count_of(&box) * all.width;
    if (tensor->big_endian) /* complex64 is two numbers */
        swap(window->bytes, window->size, tensor->dtype == FLETCH_C64 ? 4 : all.width);
    return FLETCH_OK;
}

static bool holds(const struct window *window, const struct fletch_tensor *tensor,
                  uint64_t begin)
{
    return window->name == tensor->name && begin >= window->begin &&
           begin - window->begin < window->size;
}

/* The window to read from: one that has the bytes, else the one longest out of use, to be
 * filled; NULL while all are in use. */
static struct window *choose(struct fletch_strided *strided,
                             const struct fletch_tensor *tensor, uint64_t begin)
{
    struct window *best = NULL;

    for (size_t i = 0; i < FLETCH_STRIDED_WINDOWS; i++) {
        struct window *window = &strided->windows[i];

        /* what is being filled for this tensor may be what is wanted */
        if (window->filling && window->name == tensor->name)
            return NULL;
        if (!window->filling && window->name && holds(window, tensor, begin))
            return window;
        if (!window->users && (!best || window->used_at < best->used_at))
            best = window;
    }
    return best;
}

/* A window that has byte `begin`, counted as in use. */
static enum fletch_status take(struct window **out, struct fletch_strided *strided,
                               const struct fletch_file *file,
                               const struct fletch_tensor *tensor, uint64_t begin,
                               struct fletch_error *err)
{
    enum fletch_status status = FLETCH_OK;
    struct window *window;

    pthread_mutex_lock(&strided->lock);
    while (!(window = choose(strided, tensor, begin)))
        pthread_cond_wait(&strided->changed, &strided->lock);
    window->users++;
    window->used_at = ++strided->clock;
    if (!window->name || !holds(window, tensor, begin)) {
        window->name = tensor->name;
        window->filling = true;
        pthread_mutex_unlock(&strided->lock);
        status = fill(window, file, tensor, begin, err);
        pthread_mutex_lock(&strided->lock);
        window->filling = false;
        if (status) {
            window->name = NULL;
            window->users--;
        }
        pthread_cond_broadcast(&strided->changed);
    }
    pthread_mutex_unlock(&strided->lock);
    *out = window;
    return status;
}

static void give_back(struct fletch_strided *strided, struct window *window)
{
    pthread_mutex_lock(&strided->lock);
    window->users--;
    pthread_cond_broadcast(&strided->changed);
    pthread_mutex_unlock(&strided->lock);
}

enum fletch_status fletch_strided_read(struct fletch_strided *strided,
                                       const struct fletch_file *file,
                                       const struct fletch_tensor *tensor, uint64_t begin,
                                       void *out, size_t size, struct fletch_error *err)
{
    uint8_t *to = out;

    while (size) {
        struct window *window = NULL;
        size_t skip, part;

        TRY(take(&window, strided, file, tensor, begin, err));
        skip = (size_t)(begin - window->begin);
        part = window->size - skip < size ? window->size - skip : size;
        memcpy(to, window->bytes + skip, part);
        give_back(strided, window);
        to += part;
        begin += part;
        size -= part;
    }
    return FLETCH_OK;
}
