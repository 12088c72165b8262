/* SPDX-License-Identifier: MIT */
/* zstd_alloc.c - memory for libzstd's contexts, placed so that its copies are fast
 *
 * Common processors copy 128 KiB twelve times slower when the target lies 1 to 31 bytes
 * behind the source modulo the page size (the string instruction that the C library takes
 * for that much waits for loads that only seem to hit earlier stores). Large blocks of
 * malloc begin 16 bytes into a page, content 0 to 16 bytes into a large block, and so do
 * the library's buffers: whether a fifth of the time is lost is a matter of luck. So what
 * it copies to and from lies in the middle of a page: in a compressor that is the copy of
 * the literals, which ends its workspace, in a decompressor the window behind 128 KiB of
 * input.
 */
#ifdef FLETCH_WITH_ZSTD
#include "base/mem.h"
#include "codec/zstd_internal.h"

#include <string.h>

#define PAGE_SIZE_OF_ALIASING ((uintptr_t)4096)
#define MIDDLE (PAGE_SIZE_OF_ALIASING / 2)
/* What libzstd asks of memory, and more: a cache line. */
#define ALIGNMENT ((uintptr_t)64)

/* Memory of which the byte `anchor` bytes from its begin lies in the middle of a page. The
 * block that it came from is noted in front of it. */
static void *place(size_t size, size_t anchor)
{
    const size_t slack = PAGE_SIZE_OF_ALIASING + sizeof(void *);
    const uintptr_t begin =
        (MIDDLE - anchor) & (PAGE_SIZE_OF_ALIASING - 1) & ~(ALIGNMENT - 1);
    uint8_t *block, *memory;
    uintptr_t skip;

    if (size > SIZE_MAX - slack)
        return NULL;
    /* Not zeroed, so that what is never used is never touched. */
    block = fletch_resize(NULL, size + slack, 1);
    if (!block)
        return NULL;
    memory = block + sizeof(void *);
    skip = (begin - (uintptr_t)memory) & (PAGE_SIZE_OF_ALIASING - 1);
    memory += skip;
    memcpy(memory - sizeof(void *), &block, sizeof(block));
    return memory;
}

static void *place_end(void *opaque, size_t size)
{
    (void)opaque;
    return place(size, size);
}

static void *place_begin(void *opaque, size_t size)
{
    (void)opaque;
    return place(size, 0);
}

static void release(void *opaque, void *memory)
{
    void *block;

    (void)opaque;
    if (!memory)
        return;
    memcpy(&block, (uint8_t *)memory - sizeof(block), sizeof(block));
    fletch_free(block);
}

ZSTD_CCtx *fletch_zstd_open_compressor(void)
{
    return ZSTD_createCCtx_advanced((ZSTD_customMem){ place_end, release, NULL });
}

ZSTD_DCtx *fletch_zstd_open_decompressor(void)
{
    return ZSTD_createDCtx_advanced((ZSTD_customMem){ place_begin, release, NULL });
}
#else
typedef int fletch_zstd_alloc_is_not_in_this_build;
#endif
