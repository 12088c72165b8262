/* SPDX-License-Identifier: MIT */
/* sha256_arm.c - SHA-256 with the SHA instructions of 64-bit ARM
 *
 * They do four rounds at a time, with the state in two 128-bit words: (a b c d) and (e f g
 * h). gcc can compile them for a single function, other compilers only where the target has
 * them; the system tells whether the processor does.
 */
#include "base/sha256.h"

#include "base/os.h"

#if defined(__aarch64__) && defined(__AARCH64EL__) &&                                      \
    (defined(__ARM_FEATURE_SHA2) || (defined(__GNUC__) && !defined(__clang__)))
#include <arm_neon.h>

#define SHA __attribute__((target("+crypto")))
#define SHA_INLINE SHA static inline __attribute__((always_inline))

struct state {
    uint32x4_t abcd, efgh;
};

/* Rounds i to i + 3. */
SHA_INLINE void rounds(struct state *s, uint32x4_t message, size_t i)
{
    const uint32x4_t sum = vaddq_u32(message, vld1q_u32(fletch_sha256_constants + i));
    const uint32x4_t abcd = s->abcd;

    s->abcd = vsha256hq_u32(abcd, s->efgh, sum);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, sum);
}

/* The four words that follow those of a, b, c and d. */
SHA_INLINE uint32x4_t spread(uint32x4_t a, uint32x4_t b, uint32x4_t c, uint32x4_t d)
{
    return vsha256su1q_u32(vsha256su0q_u32(a, b), c, d);
}

SHA_INLINE uint32x4_t load_words(const uint8_t *from)
{
    return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(from)));
}

SHA static void blocks_arm(uint32_t words[8], const uint8_t *blocks, size_t count)
{
    struct state s = { vld1q_u32(words), vld1q_u32(words + 4) };

    for (; count; count--, blocks += FLETCH_SHA256_BLOCK) {
        const struct state before = s;
        uint32x4_t a = load_words(blocks), b = load_words(blocks + 16);
        uint32x4_t c = load_words(blocks + 32), d = load_words(blocks + 48);

        for (size_t i = 0;; i += 16) {
            rounds(&s, a, i);
            rounds(&s, b, i + 4);
            rounds(&s, c, i + 8);
            rounds(&s, d, i + 12);
            if (i == 48)
                break;
            a = spread(a, b, c, d);
            b = spread(b, c, d, a);
            c = spread(c, d, a, b);
            d = spread(d, a, b, c);
        }
        s.abcd = vaddq_u32(s.abcd, before.abcd);
        s.efgh = vaddq_u32(s.efgh, before.efgh);
    }
    vst1q_u32(words, s.abcd);
    vst1q_u32(words + 4, s.efgh);
}

fletch_sha256_blocks_fn *fletch_sha256_find_arm(void)
{
    return fletch_os_has_sha2() ? blocks_arm : NULL;
}
#else
fletch_sha256_blocks_fn *fletch_sha256_find_arm(void)
{
    return NULL;
}
#endif
