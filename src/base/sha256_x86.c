/* SPDX-License-Identifier: MIT */
/* sha256_x86.c - SHA-256 with the SHA extensions of x86
 *
 * They do four rounds at a time, with the state in two 128-bit words: (a b e f) and (c d g
 * h), and compute the message's words from the sixteen before.
 */
#include "base/sha256.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

#define SHA __attribute__((target("sha,sse4.1,ssse3")))
#define SHA_INLINE SHA static inline __attribute__((always_inline))

/* cpuid, leaf 7: bit in EBX. Compilers know it only since gcc 14. */
#define LEAF_FEATURES 7
#define EBX_SHA (1u << 29)

struct state {
    __m128i abef, cdgh;
};

SHA_INLINE struct state load_state(const uint32_t words[8])
{
    const __m128i badc =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)words), 0xb1);
    const __m128i hgfe = _mm_shuffle_epi32(
        _mm_loadu_si128((const __m128i *)(const void *)(words + 4)), 0x1b);

    return (struct state){ _mm_alignr_epi8(badc, hgfe, 8),
                           _mm_blend_epi16(hgfe, badc, 0xf0) };
}

SHA_INLINE void store_state(uint32_t words[8], struct state s)
{
    const __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)(void *)words, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Rounds i to i + 3. */
SHA_INLINE void rounds(struct state *s, __m128i message, size_t i)
{
    const __m128i *constants = (const __m128i *)(const void *)(fletch_sha256_constants + i);
    const __m128i sum = _mm_add_epi32(message, _mm_loadu_si128(constants));

    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, sum);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The four words that follow those of a, b, c and d. */
SHA_INLINE __m128i spread(__m128i a, __m128i b, __m128i c, __m128i d)
{
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));

    return _mm_sha256msg2_epu32(sum, d);
}

SHA_INLINE __m128i load_words(const uint8_t *from)
{
    const __m128i turned = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)from), turned);
}

SHA static void blocks_x86(uint32_t words[8], const uint8_t *blocks, size_t count)
{
    struct state s = load_state(words);

    for (; count; count--, blocks += FLETCH_SHA256_BLOCK) {
        const struct state before = s;
        __m128i a = load_words(blocks), b = load_words(blocks + 16);
        __m128i c = load_words(blocks + 32), d = load_words(blocks + 48);

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
        s.abef = _mm_add_epi32(s.abef, before.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
    }
    store_state(words, s);
}

fletch_sha256_blocks_fn *fletch_sha256_find_x86(void)
{
    unsigned eax, ebx, ecx, edx;
    const bool sha =
        __get_cpuid_count(LEAF_FEATURES, 0, &eax, &ebx, &ecx, &edx) && ebx & EBX_SHA;

    return sha && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1")
               ? blocks_x86
               : NULL;
}
#else
fletch_sha256_blocks_fn *fletch_sha256_find_x86(void)
{
    return NULL;
}
#endif
