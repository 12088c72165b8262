/* SPDX-License-Identifier: MIT */
/* window.c - see window.h
 *
 * Contiguous dimensions are joined first, so few are left: a transposed matrix is [rows] x
 * [columns] whatever its shape was. A window is n steps along one of these dimensions with
 * everything inside them. In the file its dimensions have another order, that of their
 * strides; there they are joined again and form the lines that are read.
 */
#include "strided/window.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "strided/transpose.h"

#include <assert.h>
#include <string.h>

#if defined(__GNUC__)
#define FLETCH_INLINE inline __attribute__((always_inline))
#else
#define FLETCH_INLINE inline
#endif

/* Gaps up to this many bytes are read and dropped, not skipped: that is what a call
 * costs. */
#define APART 4096
/* Lines of at least this many bytes are padded by one cache line: at distances of a power
 * of two all would compete for the same places in the cache. */
#define LONG_LINE 1024
#define GAP 64
/* And lines of at least this many are worth a call each: their bytes are read directly to
 * their place. */
#define OWN_CALL 8192

/* A window's dimensions in file order, the smallest stride first. */
struct lines {
    unsigned rank;
    uint64_t shape[FLETCH_RANK_MAX];
    uint64_t strides[FLETCH_RANK_MAX]; /* elements of the file */
    uint64_t steps[FLETCH_RANK_MAX];   /* elements of the memory; the first is 1 */
};

/* ---- Cutting ---- */

/* The tensor has elements, so no dimension is 0 and no partial product wraps. */
static void join(struct fletch_window *all, const struct fletch_tensor *tensor)
{
    *all = (struct fletch_window){ .width = fletch_dtype_size(tensor->dtype) };
    for (unsigned i = 0; i < tensor->rank && tensor->strides; i++) {
        unsigned last = all->rank - 1;

        if (tensor->shape[i] == 1)
            continue;
        if (all->rank && all->strides[last] == tensor->shape[i] * tensor->strides[i]) {
            all->shape[last] *= tensor->shape[i];
            all->strides[last] = tensor->strides[i];
            continue;
        }
        all->shape[all->rank] = tensor->shape[i];
        all->strides[all->rank++] = tensor->strides[i];
    }
    if (!all->rank) {
        all->rank = 1;
        all->shape[0] = tensor->strides ? 1 : tensor->count;
        all->strides[0] = 1;
    }
}

static void set_inner(struct fletch_window *window)
{
    window->count = 1;
    for (unsigned i = window->rank; i-- > 0;) {
        window->inside[i] = window->count;
        window->count *= window->shape[i];
    }
}

/* Cuts the window of at most `most` elements that contains element `at`; *source is where
 * it begins in the file, in elements from the tensor's first. */
static void cut(struct fletch_window *window, uint64_t *source,
                const struct fletch_window *all, uint64_t at, uint64_t most)
{
    uint64_t steps, index = 0;
    unsigned d = 0;

    while (d + 1 < all->rank && all->inside[d] > most)
        d++;
    steps = most / all->inside[d];
    *window = (struct fletch_window){ .width = all->width, .rank = all->rank - d };
    *source = 0;
    for (unsigned i = 0; i <= d; i++) {
        index = at / all->inside[i];
        at %= all->inside[i];
        if (i == d)
            index -= index % steps;
        window->first += index * all->inside[i];
        *source += index * all->strides[i];
    }
    for (unsigned i = 0; i < window->rank; i++) {
        window->shape[i] = all->shape[d + i];
        window->strides[i] = all->strides[d + i];
    }
    window->shape[0] = window->shape[0] - index > steps ? steps : window->shape[0] - index;
    set_inner(window);
}

/* ---- Arranging ---- */

/* Appends dimension `d`: the earlier ones have smaller strides. */
static void put_line(struct lines *lines, struct fletch_window *window, unsigned d)
{
    unsigned last = lines->rank - 1;
    uint64_t step = lines->rank ? lines->steps[last] * lines->shape[last] : 1;

    if (lines->rank && window->strides[d] == lines->strides[last] * lines->shape[last] &&
        (lines->rank > 1 || step * window->width < LONG_LINE)) {
        lines->shape[last] *= window->shape[d];
    } else {
        if (lines->rank == 1 && step * window->width >= LONG_LINE)
            step += GAP / window->width;
        lines->shape[lines->rank] = window->shape[d];
        lines->strides[lines->rank] = window->strides[d];
        lines->steps[lines->rank++] = step;
    }
    window->steps[d] = step;
}

/* Decides where the window's elements lie in memory: `size` of them with the gaps. Repeated
 * ones, with a stride of 0, are stored once. */
static void arrange(struct lines *lines, uint64_t *size, struct fletch_window *window)
{
    unsigned order[FLETCH_RANK_MAX], count = 0;

    *lines = (struct lines){ .rank = 0 };
    for (unsigned d = window->rank; d-- > 0;) {
        unsigned at = count;

        window->steps[d] = 0;
        if (!window->strides[d] || window->shape[d] == 1)
            continue;
        for (; at && window->strides[order[at - 1]] > window->strides[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
        count++;
    }
    for (unsigned i = 0; i < count; i++)
        put_line(lines, window, order[i]);
    if (!lines->rank)
        *lines =
            (struct lines){ .rank = 1, .shape = { 1 }, .strides = { 1 }, .steps = { 1 } };
    *size = lines->steps[lines->rank - 1] * lines->shape[lines->rank - 1];
}

/* ---- Loading ---- */

struct source {
    const struct fletch_file *file;
    uint64_t offset; /* of the window's first element */
    size_t width;
    uint8_t *memory, *stage; /* [FLETCH_WINDOW_STAGE]; NULL: not needed */
    struct fletch_error *err;
};

/* Advances the position in the dimensions [from, to) and the places in the file and in
 * memory; false past the last. */
static bool step(const struct lines *lines, unsigned from, unsigned to, uint64_t *index,
                 uint64_t *source, uint64_t *target)
{
    for (unsigned i = from; i < to; i++) {
        if (++index[i] < lines->shape[i]) {
            *source += lines->strides[i];
            *target += lines->steps[i];
            return true;
        }
        index[i] = 0;
        *source -= (lines->shape[i] - 1) * lines->strides[i];
        *target -= (lines->shape[i] - 1) * lines->steps[i];
    }
    return false;
}

/* How many dimensions, from the first on, lie so close that it is cheaper to read the gaps
 * than to skip them; *span: elements from the first to the last of all of these but the
 * last. */
static unsigned find_near(uint64_t *span, const struct lines *lines, size_t width)
{
    uint64_t reach = 1;
    unsigned near = 0;

    *span = 1;
    while (near < lines->rank && reach <= FLETCH_WINDOW_STAGE / width &&
           lines->strides[near] <= reach + APART / width &&
           (!near || lines->strides[0] != 1 || reach < OWN_CALL / width)) {
        *span = reach;
        reach += (lines->shape[near] - 1) * lines->strides[near];
        near++;
    }
    return near;
}

static FLETCH_INLINE void spread_width(uint8_t *to, const uint8_t *from, uint64_t stride,
                                       uint64_t count, size_t width)
{
    for (uint64_t i = 0; i < count; i++)
        memcpy(to + i * width, from + i * stride * width, width);
}

/* Copies `count` elements that are `stride` apart next to each other. */
static void spread(uint8_t *to, const uint8_t *from, uint64_t stride, uint64_t count,
                   size_t width)
{
    if (stride == 1)
        memcpy(to, from, (size_t)count * width);
    else if (width == 1)
        spread_width(to, from, stride, count, 1);
    else if (width == 2)
        spread_width(to, from, stride, count, 2);
    else if (width == 4)
        spread_width(to, from, stride, count, 4);
    else
        spread_width(to, from, stride, count, 8);
}

static enum fletch_status read_elements(const struct source *source, uint64_t at,
                                        uint8_t *to, uint64_t count)
{
    return fletch_file_read(source->file, source->offset + at * source->width, to,
                            (size_t)count * source->width, source->err);
}

/* Loads the first `near` dimensions, as many steps of the last of them at once as the stage
 * holds; one step takes `span` elements. */
static enum fletch_status load_near(const struct source *source, const struct lines *lines,
                                    unsigned near, uint64_t span, uint64_t from,
                                    uint64_t to)
{
    unsigned last = near - 1;
    uint64_t most = (FLETCH_WINDOW_STAGE / source->width - span) / lines->strides[last] + 1;
    struct lines part = *lines;

    for (uint64_t i = 0; i < lines->shape[last]; i += most) {
        uint64_t index[FLETCH_RANK_MAX] = { 0 }, at = 0, target = 0;
        uint8_t *memory = source->memory + (to + i * lines->steps[last]) * source->width;

        part.shape[last] = lines->shape[last] - i < most ? lines->shape[last] - i : most;
        TRY(read_elements(source, from + i * lines->strides[last], source->stage,
                          (part.shape[last] - 1) * lines->strides[last] + span));
        do
            spread(memory + target * source->width, source->stage + at * source->width,
                   part.strides[0], part.shape[0], source->width);
        while (step(&part, 1, near, index, &at, &target));
    }
    return FLETCH_OK;
}

static enum fletch_status load(struct source *source, const struct lines *lines)
{
    uint64_t index[FLETCH_RANK_MAX] = { 0 }, from = 0, to = 0, span;
    unsigned near = find_near(&span, lines, source->width);
    bool plain = !near || (near == 1 && lines->strides[0] == 1);

    if (!plain)
        source->stage = fletch_alloc(FLETCH_WINDOW_STAGE);
    if (!plain && !source->stage)
        return fletch_fail_memory(source->err, FLETCH_WINDOW_STAGE, "gathering a tensor");
    do
        TRY(plain ? read_elements(source, from, source->memory + to * source->width,
                                  near ? lines->shape[0] : 1)
                  : load_near(source, lines, near, span, from, to));
    while (step(lines, near, lines->rank, index, &from, &to));
    return FLETCH_OK;
}

static void swap(uint8_t *bytes, uint64_t size, size_t width)
{
    for (uint64_t i = 0; i + width <= size; i += width)
        for (size_t j = 0; j < width / 2; j++) {
            uint8_t byte = bytes[i + j];

            bytes[i + j] = bytes[i + width - 1 - j];
            bytes[i + width - 1 - j] = byte;
        }
}

enum fletch_status fletch_window_load(struct fletch_window *out, uint8_t *memory,
                                      size_t size, const struct fletch_file *file,
                                      const struct fletch_tensor *tensor, uint64_t at,
                                      struct fletch_error *err)
{
    struct source source = { .file = file, .memory = memory, .err = err };
    struct fletch_window all;
    struct lines lines;
    uint64_t first, used;
    enum fletch_status status;

    join(&all, tensor);
    set_inner(&all);
    cut(out, &first, &all, at, size / all.width);
    arrange(&lines, &used, out);
    assert(used * out->width <= FLETCH_WINDOW_MEMORY(size));
    source.width = out->width;
    source.offset = tensor->offset + first * out->width;
    status = load(&source, &lines);
    fletch_free(source.stage);
    if (!status && tensor->big_endian) /* complex64 is two numbers */
        swap(memory, used * out->width, tensor->dtype == FLETCH_C64 ? 4 : out->width);
    return status;
}

/* ---- Taking out ---- */

struct place {
    uint64_t index[FLETCH_RANK_MAX];
    uint64_t memory; /* of the row's first element */
};

/* Finds the row that contains element `at` of the window. */
static void find_row(struct place *place, const struct fletch_window *window, uint64_t at)
{
    place->memory = 0;
    for (unsigned i = 0; i + 1 < window->rank; i++) {
        place->index[i] = at / window->inside[i];
        at %= window->inside[i];
        place->memory += place->index[i] * window->steps[i];
    }
}

/* Moves `rows` rows on, within the dimension before the last or to its end. */
static void next_row(struct place *place, const struct fletch_window *window, uint64_t rows)
{
    for (unsigned i = window->rank - 1; i-- > 0; rows = 1) {
        place->index[i] += rows;
        place->memory += rows * window->steps[i];
        if (place->index[i] < window->shape[i])
            return;
        place->index[i] = 0;
        place->memory -= window->shape[i] * window->steps[i];
    }
}

/* The number of whole rows, from this place on, that lie side by side in memory; 0: none,
 * or each is contiguous. */
static uint64_t rows_beside(const struct fletch_window *window, const struct place *place,
                            uint64_t count)
{
    unsigned last = window->rank - 1;
    uint64_t rows, left;

    if (window->rank < 2 || window->steps[last - 1] != 1)
        return 0;
    rows = count / window->shape[last];
    left = window->shape[last - 1] - place->index[last - 1];
    return rows < left ? rows : left;
}

void fletch_window_take(const struct fletch_window *window, const uint8_t *memory,
                        uint64_t at, uint64_t count, uint8_t *out)
{
    uint64_t row_count = window->shape[window->rank - 1],
             row_step = window->steps[window->rank - 1];
    uint64_t column = at % row_count, rows, part;
    struct place place;
    size_t width = window->width;

    find_row(&place, window, at);
    while (count) {
        const uint8_t *from = memory + (place.memory + column * row_step) * width;

        rows = column ? 0 : rows_beside(window, &place, count);
        part = rows ? rows * row_count : row_count - column;
        if (part > count)
            part = count;
        if (rows)
            fletch_transpose(out, (size_t)row_count * width, from, (size_t)row_step * width,
                             (size_t)rows, (size_t)row_count, width);
        else
            spread(out, from, row_step, part, width);
        out += part * width;
        count -= part;
        column = 0;
        next_row(&place, window, rows ? rows : 1);
    }
}
