/* SPDX-License-Identifier: MIT */
/* limits.c - how fast this machine does the parts of a conversion that cannot be left out
 *
 * limits FILE CODEC LEVEL [MIB]: takes MIB (64) of the values of a safetensors file, spread
 * over all of it, and prints JSON: bytes per second of each part, on one core and on all
 * cores together, each the best of five rounds:
 *
 *   memcpy    cached and streaming              bytes copied
 *   read      pread from the page cache         bytes read
 *   cast      to float16, our own F16C loop     bytes of the source
 *   compress  libzstd and so on, in pieces      bytes of content
 *   decode    the same pieces                   bytes of content
 *   crc       CRC-32, libdeflate                bytes hashed
 *   sha       SHA-256, libcrypto                bytes hashed
 *   compare   memcmp                            bytes of one side
 *   write     pwrite of new pages, in the cache  bytes written
 *
 * All but streaming memcpy, compress and decode work on CHUNK bytes at a time, which stay
 * in the cache: the fastest way there is, and so the strictest measure. It uses nothing of
 * fletch.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <lz4.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CHUNK ((size_t)256 << 10)
#define ROUNDS 5
#define THREADS_MAX 256

enum source { F32, BF16, F16 };

struct codec {
    const char *name;
    size_t piece; /* what is compressed at a time; for bare blocks a middling tensor */
};

static const struct codec codecs[] = {
    { "zstd", 1 << 20 }, { "lz4", 4 << 20 },  { "snappy", 1 << 20 },
    { "gzip", 4 << 20 }, { "none", 1 << 20 },
};

static const struct codec *codec;
static int level;
static enum source type;
static int file;
static uint64_t file_size;
static size_t size; /* bytes of source values for each thread */

/* One thread's buffers. */
struct bench {
    uint8_t *source;    /* [size] */
    uint8_t *content;   /* [content_size]: the values as float16 */
    uint8_t *packed;    /* [pieces * bound] */
    size_t *packed_len; /* [pieces] */
    uint8_t *back;      /* [content_size] */
    size_t content_size, pieces, bound;
    ZSTD_CCtx *zstd;
    ZSTD_DCtx *unzstd;
    struct libdeflate_compressor *gzip;
    struct libdeflate_decompressor *gunzip;
    int scratch;    /* an unlinked file */
    size_t written; /* of it */
    uint64_t sink;  /* keeps results from being optimised away */
};

static void die(const char *what)
{
    fprintf(stderr, "limits: %s\n", what);
    exit(1);
}

static void *get(size_t wanted)
{
    void *memory = aligned_alloc(64, (wanted + 63) / 64 * 64 + 64);

    if (!memory)
        die("out of memory");
    /* Touched once, so that no round pays for new pages. */
    memset(memory, 1, wanted);
    return memory;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor seconds of the calling thread. */
static double spent(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- The parts ---- */

static void do_memcpy_cached(struct bench *b)
{
    for (size_t i = 0; i < b->content_size; i += CHUNK) {
        memcpy(b->back, b->content, CHUNK);
        b->sink += b->back[i % CHUNK];
    }
}

static void do_memcpy(struct bench *b)
{
    memcpy(b->back, b->content, b->content_size);
}

static void do_read(struct bench *b)
{
    uint64_t stride = (file_size - CHUNK) / (size / CHUNK);

    for (size_t i = 0; i < size / CHUNK; i++)
        if (pread(file, b->source, CHUNK, (off_t)(stride * i)) != (ssize_t)CHUNK)
            die("the file cannot be read");
}

/* At the end of the file, as whoever writes a new one. */
static void do_write(struct bench *b)
{
    for (size_t i = 0; i < b->content_size; i += CHUNK, b->written += CHUNK)
        if (pwrite(b->scratch, b->content, CHUNK, (off_t)b->written) != (ssize_t)CHUNK)
            die("the disk is full");
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) static void cast_f32(uint8_t *out, const uint8_t *in,
                                                         size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        __m256 a = _mm256_loadu_ps((const float *)(const void *)(in + 4 * i));
        __m256 b = _mm256_loadu_ps((const float *)(const void *)(in + 4 * i + 32));

        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), _mm256_cvtps_ph(a, 0));
        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i + 16), _mm256_cvtps_ph(b, 0));
    }
}

__attribute__((target("avx2,f16c"))) static void cast_bf16(uint8_t *out, const uint8_t *in,
                                                           size_t count)
{
    for (size_t i = 0; i < count; i += 8) {
        __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i));
        __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);

        _mm_storeu_si128((__m128i *)(void *)(out + 2 * i),
                         _mm256_cvtps_ph(_mm256_castsi256_ps(wide), 0));
    }
}
#else
static void cast_f32(uint8_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((_Float16 *)(void *)out)[i] = (_Float16)((const float *)(const void *)in)[i];
}

static void cast_bf16(uint8_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)((const uint16_t *)(const void *)in)[i] << 16;
        float value;

        memcpy(&value, &bits, sizeof(value));
        ((_Float16 *)(void *)out)[i] = (_Float16)value;
    }
}
#endif

static void cast(uint8_t *out, const uint8_t *in, size_t count)
{
    if (type == F32)
        cast_f32(out, in, count);
    else if (type == BF16)
        cast_bf16(out, in, count);
    else
        memcpy(out, in, 2 * count);
}

static void do_cast(struct bench *b)
{
    size_t width = type == F32 ? 4 : 2;

    for (size_t i = 0; i < size; i += CHUNK) {
        cast(b->back, b->source, CHUNK / width);
        b->sink += b->back[i % CHUNK / 2];
    }
}

static size_t piece_size(const struct bench *b, size_t i)
{
    size_t left = b->content_size - i * codec->piece;

    return left < codec->piece ? left : codec->piece;
}

static void do_compress(struct bench *b)
{
    for (size_t i = 0; i < b->pieces; i++) {
        const uint8_t *in = b->content + i * codec->piece;
        uint8_t *out = b->packed + i * b->bound;
        size_t in_size = piece_size(b, i), len = b->bound;

        switch (codec->name[0]) {
        case 'z':
            len = ZSTD_compressCCtx(b->zstd, out, len, in, in_size, level);
            break;
        case 'l':
            len = (size_t)LZ4_compress_default((const char *)in, (char *)out, (int)in_size,
                                               (int)len);
            break;
        case 's':
            snappy_compress((const char *)in, in_size, (char *)out, &len);
            break;
        case 'g':
            len = libdeflate_gzip_compress(b->gzip, in, in_size, out, len);
            break;
        default:
            len = in_size;
        }
        b->packed_len[i] = len;
    }
}

static void do_decode(struct bench *b)
{
    for (size_t i = 0; i < b->pieces; i++) {
        const uint8_t *in = b->packed + i * b->bound;
        uint8_t *out = b->back + i * codec->piece;
        size_t out_size = piece_size(b, i), len = out_size;

        switch (codec->name[0]) {
        case 'z':
            len = ZSTD_decompressDCtx(b->unzstd, out, len, in, b->packed_len[i]);
            break;
        case 'l':
            len = (size_t)LZ4_decompress_safe((const char *)in, (char *)out,
                                              (int)b->packed_len[i], (int)len);
            break;
        case 's':
            snappy_uncompress((const char *)in, b->packed_len[i], (char *)out, &len);
            break;
        case 'g':
            libdeflate_gzip_decompress(b->gunzip, in, b->packed_len[i], out, len, &len);
            break;
        default:
            break;
        }
        if (len != out_size)
            die("the codec does not give back what it was given");
    }
}

static void do_crc(struct bench *b)
{
    for (size_t i = 0; i < b->content_size; i += CHUNK)
        b->sink += libdeflate_crc32(0, b->content, CHUNK);
}

static void do_sha(struct bench *b)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        die("no SHA-256");
    for (size_t i = 0; i < b->content_size; i += CHUNK)
        EVP_DigestUpdate(context, b->content, CHUNK);
    EVP_DigestFinal_ex(context, digest, NULL);
    b->sink += digest[0];
    EVP_MD_CTX_free(context);
}

static void do_compare(struct bench *b)
{
    memcpy(b->back, b->content, CHUNK);
    for (size_t i = 0; i < b->content_size; i += CHUNK) {
        b->back[0] = b->content[0];
        b->sink += (uint64_t)memcmp(b->back, b->content, CHUNK);
    }
}

struct part {
    const char *name;
    void (*work)(struct bench *b);
    bool source;    /* counted in bytes of the source, else of the content */
    unsigned times; /* done in a round: the fast ones often, to be longer than a hiccup */
};

/* decode follows compress, whose pieces it takes. */
static const struct part parts[] = {
    { "memcpy_cached", do_memcpy_cached, false, 16 },
    { "memcpy", do_memcpy, false, 8 },
    { "read", do_read, true, 4 },
    { "cast", do_cast, true, 16 },
    { "compress", do_compress, false, 1 },
    { "decode", do_decode, false, 1 },
    { "crc", do_crc, false, 8 },
    { "sha", do_sha, false, 1 },
    { "compare", do_compare, false, 16 },
    { "write", do_write, false, 4 },
};

#define PARTS_COUNT (sizeof(parts) / sizeof(parts[0]))

/* ---- Setting up and running ---- */

static void bench_open(struct bench *b)
{
    char path[] = "limits.XXXXXX";
    uint64_t stride = (file_size - CHUNK) / (size / CHUNK) / 64 * 64;
    uint64_t first = file_size % 64;

    b->source = get(size);
    for (size_t i = 0; i < size / CHUNK; i++)
        if (pread(file, b->source + i * CHUNK, CHUNK, (off_t)(first + stride * i)) !=
            (ssize_t)CHUNK)
            die("the file cannot be read");
    b->content_size = type == F32 ? size / 2 : size;
    b->content = get(b->content_size);
    cast(b->content, b->source, b->content_size / 2);
    b->pieces = (b->content_size + codec->piece - 1) / codec->piece;
    b->bound = ZSTD_compressBound(codec->piece) + codec->piece / 4;
    b->packed = get(b->pieces * b->bound);
    b->packed_len = get(b->pieces * sizeof(*b->packed_len));
    b->back = get(b->content_size);
    b->zstd = ZSTD_createCCtx();
    b->unzstd = ZSTD_createDCtx();
    b->gzip = libdeflate_alloc_compressor(codec->name[0] == 'g' ? level : 1);
    b->gunzip = libdeflate_alloc_decompressor();
    b->scratch = mkstemp(path);
    if (!b->zstd || !b->unzstd || !b->gzip || !b->gunzip || b->scratch < 0)
        die("cannot set up");
    unlink(path);
}

struct worker {
    struct bench bench;
    pthread_t thread;
    pthread_barrier_t *barrier;
    const struct part *part;
    double began, ended; /* by the clock on the wall */
    double spent;        /* processor time */
};

static void *worker_main(void *arg)
{
    struct worker *worker = arg;

    pthread_barrier_wait(worker->barrier);
    worker->began = now();
    worker->spent = spent();
    for (unsigned i = 0; i < worker->part->times; i++)
        worker->part->work(&worker->bench);
    worker->spent = spent() - worker->spent;
    worker->ended = now();
    return NULL;
}

/* Seconds from the first worker's start to the last one's end; of a single one its
 * processor time, which is the same but for what else the machine has to do. */
static double run(const struct part *part, struct worker *workers, unsigned count)
{
    pthread_barrier_t barrier;
    double began, ended;

    pthread_barrier_init(&barrier, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        workers[i].bench.written = 0;
        if (ftruncate(workers[i].bench.scratch, 0))
            die("the scratch file cannot be emptied");
        workers[i].barrier = &barrier;
        workers[i].part = part;
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]))
            die("no thread to be had");
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
    if (count == 1)
        return workers[0].spent;
    began = workers[0].began;
    ended = workers[0].ended;
    for (unsigned i = 1; i < count; i++) {
        began = workers[i].began < began ? workers[i].began : began;
        ended = workers[i].ended > ended ? workers[i].ended : ended;
    }
    return ended - began;
}

/* Bytes per second of one part on so many cores, all doing the same at once. */
static double measure(const struct part *part, struct worker *workers, unsigned count)
{
    size_t once = part->source ? size : workers[0].bench.content_size;
    double total = (double)once * part->times * count, best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double seconds = run(part, workers, count);

        if (total / seconds > best)
            best = total / seconds;
    }
    return best;
}

/* The files of the bench hold one type only: the first that the header names. */
static enum source find_type(void)
{
    char head[4096];
    ssize_t got = pread(file, head, sizeof(head) - 1, 0);
    const char *at;

    if (got < 16)
        die("not a safetensors file");
    head[got] = 0;
    /* Behind the length, which has NULs. */
    at = strstr(head + 8, "\"dtype\":\"");
    if (at && !strncmp(at + 9, "F32\"", 4))
        return F32;
    if (at && !strncmp(at + 9, "BF16\"", 5))
        return BF16;
    if (at && !strncmp(at + 9, "F16\"", 4))
        return F16;
    die("not a safetensors file of F32, BF16 or F16");
    return F32;
}

static unsigned core_count(void)
{
    cpu_set_t set;
    unsigned count = 1;

    if (!sched_getaffinity(0, sizeof(set), &set))
        count = (unsigned)CPU_COUNT(&set);
    return count < THREADS_MAX ? count : THREADS_MAX;
}

static void setup(int argc, char **argv)
{
    struct stat info;
    size_t mib = argc > 4 ? (size_t)strtoul(argv[4], NULL, 10) : 64;

    if (argc < 4 || mib < 1 || mib > 4096)
        die("usage: limits FILE CODEC LEVEL [MIB]");
    file = open(argv[1], O_RDONLY);
    if (file < 0 || fstat(file, &info))
        die("the file cannot be opened");
    file_size = (uint64_t)info.st_size;
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (!strcmp(codecs[i].name, argv[2]))
            codec = &codecs[i];
    if (!codec)
        die("the codec is zstd, lz4, snappy, gzip or none");
    level = (int)strtol(argv[3], NULL, 10);
    type = find_type();
    size = mib << 20;
    if (file_size < size + 2 * CHUNK)
        die("the file is smaller than what is to be measured on it");
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    static double speeds[PARTS_COUNT][2];
    unsigned cores = core_count();
    size_t packed = 0;

    setup(argc, argv);
    for (unsigned i = 0; i < cores; i++)
        bench_open(&workers[i].bench);
    for (size_t i = 0; i < PARTS_COUNT; i++) {
        speeds[i][0] = measure(&parts[i], workers, 1);
        speeds[i][1] = measure(&parts[i], workers, cores);
    }
    for (size_t i = 0; i < workers[0].bench.pieces; i++)
        packed += workers[0].bench.packed_len[i];
    printf("{\"cores\": %u, \"codec\": \"%s\", \"level\": %d, \"ratio\": %.4f", cores,
           codec->name, level, (double)packed / (double)workers[0].bench.content_size);
    for (int all = 0; all < 2; all++) {
        printf(",\n \"%s\": {", all ? "all" : "one");
        for (size_t i = 0; i < PARTS_COUNT; i++)
            printf("%s\"%s\": %.0f", i ? ", " : "", parts[i].name, speeds[i][all]);
        printf("}");
    }
    printf("}\n");
    return 0;
}
