/* SPDX-License-Identifier: MIT */
/* fuzz_literals - any bytes through our own decoder of zstd's literals: what it takes, the
 * library takes, and gives the same bytes
 *
 * Input: the steps of input and output (u8 each, squared), the size of the content (u24),
 * the frame.
 */
#include "base/bytes.h"

#ifdef FLETCH_WITH_ZSTD
#include "base/mem.h"
#include "codec/zstd_literals.h"
#include "must.h"

#include <stdlib.h>
#include <zstd.h>

#define HEADER_SIZE 5
#define CONTENT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool decode(struct fletch_zstd_literals *literals, uint8_t *out, size_t out_size,
                   const uint8_t *in, size_t in_size, size_t in_step, size_t out_step)
{
    size_t in_done = 0, out_done = 0;
    enum fletch_zstd_step step = FLETCH_ZSTD_STEP_MORE;

    fletch_zstd_literals_begin(literals, in_size, out_size);
    while (step == FLETCH_ZSTD_STEP_MORE) {
        const size_t in_left = in_size - in_done, out_left = out_size - out_done;
        size_t took = in_step < in_left ? in_step : in_left;
        size_t gave = out_step < out_left ? out_step : out_left;
        const size_t in_most = took, out_most = gave;

        step =
            fletch_zstd_literals_step(literals, in + in_done, &took, out + out_done, &gave);
        MUST(took <= in_most && gave <= out_most);
        in_done += took;
        out_done += gave;
        if (!took && !gave && step == FLETCH_ZSTD_STEP_MORE)
            return false; /* there is no more room */
    }
    return step == FLETCH_ZSTD_STEP_ENDED && in_done == in_size && out_done == out_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_zstd_literals *literals;
    uint8_t *ours, *theirs;
    size_t out_size;

    if (size < HEADER_SIZE)
        return 0;
    out_size = (data[2] | (size_t)data[3] << 8 | (size_t)data[4] << 16) % CONTENT_MAX;
    literals = fletch_zstd_literals_open();
    ours = fletch_alloc(out_size + 1);
    theirs = fletch_alloc(out_size + 1);
    MUST(literals && ours && theirs);
    if (decode(literals, ours, out_size, data + HEADER_SIZE, size - HEADER_SIZE,
               1 + (size_t)data[0] * data[0], 1 + (size_t)data[1] * data[1])) {
        MUST(ZSTD_decompress(theirs, out_size, data + HEADER_SIZE, size - HEADER_SIZE) ==
             out_size);
        MUST(!memcmp(ours, theirs, out_size));
    }
    fletch_zstd_literals_close(literals);
    fletch_free(ours);
    fletch_free(theirs);
    return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#endif
