/* SPDX-License-Identifier: MIT */
/* fuzz_parquet - a whole file: opened, every row read whole, out of a map and as a stream,
 * all the same
 *
 * Pages are believed to be damaged unless their CRC is right, which no mutation gets right:
 * seeds without CRCs lead behind it.
 */
#include "base/hash.h"
#include "parquet/parquet.h"

#include <sys/mman.h>
#include <unistd.h>

/* A codec may make thousands of bytes out of one. */
#define INPUT_SIZE_MAX 16384
/* Rows of a file that claims a million of them. */
#define ROWS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_whole(struct fletch_cursor *cursor, size_t i, uint64_t *size,
                       uint32_t *crc)
{
    const void *bytes = NULL;

    if (fletch_cursor_read(cursor, i, &bytes, size, NULL))
        return false;
    *crc = *size ? fletch_crc32(0, bytes, *size) : 0;
    return true;
}

static bool read_stream(struct fletch_cursor *cursor, size_t i, uint64_t *size,
                        uint32_t *crc)
{
    const void *bytes = NULL;
    size_t piece;

    *size = 0;
    *crc = 0;
    if (fletch_cursor_begin(cursor, i, NULL))
        return false;
    do {
        if (fletch_cursor_next(cursor, &bytes, &piece, NULL))
            return false;
        if (piece > FLETCH_PIECE_SIZE)
            __builtin_trap();
        if (piece)
            *crc = fletch_crc32(*crc, bytes, piece);
        *size += piece;
    } while (piece);
    return true;
}

static void read_rows(const struct fletch_reader *reader, const uint8_t *map)
{
    struct fletch_cursor *whole = NULL, *stream = NULL, *mapped = NULL;

    if (!fletch_cursor_open(&whole, reader, NULL) &&
        !fletch_cursor_open(&stream, reader, NULL) &&
        !fletch_cursor_open(&mapped, reader, NULL) &&
        !fletch_cursor_use_map(mapped, map, NULL))
        for (size_t i = 0; i < reader->rows_count && i < ROWS_MAX; i++) {
            uint64_t sizes[3];
            uint32_t crcs[3];
            bool good = read_whole(whole, i, &sizes[0], &crcs[0]);

            if (read_stream(stream, i, &sizes[1], &crcs[1]) && good &&
                (sizes[0] != sizes[1] || crcs[0] != crcs[1]))
                __builtin_trap();
            if (read_whole(mapped, i, &sizes[2], &crcs[2]) != good ||
                (good && (sizes[0] != sizes[2] || crcs[0] != crcs[2])))
                __builtin_trap();
        }
    fletch_cursor_close(mapped);
    fletch_cursor_close(whole);
    fletch_cursor_close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_file file = { .fd = -1, .size = size, .path = "input" };
    struct fletch_reader *reader = NULL;
    const uint8_t *map = NULL;

    if (size > INPUT_SIZE_MAX)
        return 0;
    file.fd = memfd_create("input", MFD_CLOEXEC);
    if (file.fd < 0)
        return 0;
    if (write(file.fd, data, size) == (ssize_t)size &&
        !fletch_reader_open(&reader, &file, NULL) && !fletch_file_map(&map, &file, NULL))
        read_rows(reader, map);
    fletch_reader_close(reader);
    fletch_file_unmap(&file, map);
    fletch_file_close(&file);
    return 0;
}
