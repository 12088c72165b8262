/* SPDX-License-Identifier: MIT */
/* transpose.c - see transpose.h
 *
 * A cache line is used up before the next one is touched: as many rows at a time, along all
 * lines, in squares with as many elements per side as a register holds. A square is
 * transposed by repeated interleaving of the first half of its lines with the second. Each
 * round rotates the bits of an element's index by one, so as many rounds as a side has bits
 * transpose it, whatever the elements' width.
 */
#include "strided/transpose.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define SIDE(width) (16 / (width))
#else
#define SIDE(width) 1
#endif

#if defined(__GNUC__)
#define FLETCH_INLINE inline __attribute__((always_inline))
#define FETCH(address) __builtin_prefetch(address)
#else
#define FLETCH_INLINE inline
#define FETCH(address) ((void)0)
#endif

#define CACHE_LINE 64
/* How many lines ahead to prefetch: they are too far apart for the processor to predict. */
#define AHEAD 32

struct view {
    uint8_t *to;
    const uint8_t *from;
    size_t to_step, from_step;
};

#if defined(__SSE2__)

static FLETCH_INLINE __m128i low(__m128i a, __m128i b, size_t width)
{
    return width == 1   ? _mm_unpacklo_epi8(a, b)
           : width == 2 ? _mm_unpacklo_epi16(a, b)
           : width == 4 ? _mm_unpacklo_epi32(a, b)
                        : _mm_unpacklo_epi64(a, b);
}

static FLETCH_INLINE __m128i high(__m128i a, __m128i b, size_t width)
{
    return width == 1   ? _mm_unpackhi_epi8(a, b)
           : width == 2 ? _mm_unpackhi_epi16(a, b)
           : width == 4 ? _mm_unpackhi_epi32(a, b)
                        : _mm_unpackhi_epi64(a, b);
}

static FLETCH_INLINE void transpose_square(const struct view *view, size_t row, size_t line,
                                           size_t width)
{
    const size_t side = SIDE(width);
    const uint8_t *from = view->from + line * view->from_step + row * width;
    uint8_t *to = view->to + row * view->to_step + line * width;
    __m128i regs[16], mixed_regs[16];

#pragma GCC unroll 16
    for (size_t i = 0; i < side; i++)
        regs[i] = _mm_loadu_si128((const void *)(from + i * view->from_step));
#pragma GCC unroll 4
    for (size_t round = 1; round < side; round *= 2) {
#pragma GCC unroll 8
        for (size_t i = 0; i < side / 2; i++) {
            mixed_regs[2 * i] = low(regs[i], regs[i + side / 2], width);
            mixed_regs[2 * i + 1] = high(regs[i], regs[i + side / 2], width);
        }
#pragma GCC unroll 16
        for (size_t i = 0; i < side; i++)
            regs[i] = mixed_regs[i];
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < side; i++)
        _mm_storeu_si128((void *)(to + i * view->to_step), regs[i]);
}

#else

static FLETCH_INLINE void transpose_square(const struct view *view, size_t row, size_t line,
                                           size_t width)
{
    memcpy(view->to + row * view->to_step + line * width,
           view->from + line * view->from_step + row * width, width);
}

#endif

/* For the edges where no square fits. */
static FLETCH_INLINE void transpose_rest(const struct view *view, size_t row, size_t rows,
                                         size_t line, size_t lines, size_t width)
{
    for (size_t i = row; i < rows; i++)
        for (size_t j = line; j < lines; j++)
            memcpy(view->to + i * view->to_step + j * width,
                   view->from + j * view->from_step + i * width, width);
}

static FLETCH_INLINE void transpose_width(const struct view *view, size_t rows,
                                          size_t lines, size_t width)
{
    const size_t side = SIDE(width), band = CACHE_LINE / width;
    const size_t even_rows = rows / side * side, even_lines = lines / side * side;

    for (size_t begin = 0; begin < even_rows; begin += band) {
        size_t end = even_rows - begin < band ? even_rows : begin + band;

        for (size_t line = 0; line < even_lines; line += side) {
            for (size_t i = line + AHEAD; i < line + AHEAD + side && i < lines; i++)
                FETCH(view->from + i * view->from_step + begin * width);
            for (size_t row = begin; row < end; row += side)
                transpose_square(view, row, line, width);
        }
    }
    transpose_rest(view, 0, even_rows, even_lines, lines, width);
    transpose_rest(view, even_rows, rows, 0, lines, width);
}

void fletch_transpose(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step,
                      size_t rows, size_t lines, size_t width)
{
    const struct view view = { to, from, to_step, from_step };

    if (width == 1)
        transpose_width(&view, rows, lines, 1);
    else if (width == 2)
        transpose_width(&view, rows, lines, 2);
    else if (width == 4)
        transpose_width(&view, rows, lines, 4);
    else
        transpose_width(&view, rows, lines, 8);
}
