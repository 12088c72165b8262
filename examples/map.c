/* SPDX-License-Identifier: MIT */
/* map - the values of a file that was written without compression, as pointers into it
 *
 * fletch convert --compression none ...
 * cc map.c $(pkg-config --cflags --libs fletch)
 *
 * Nothing is copied, and all values are there at once. What was compressed all the same is
 * read into the table's buffer, as ever.
 */
#include <fletch/fletch.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The largest of the finite float16 values, by their bits; what a program does with numbers
 * that lie where the file is. */
static unsigned largest_half(const void *data, uint64_t count)
{
    const uint16_t *halves = data; /* aligned: the caller looked */
    unsigned largest = 0;

    for (uint64_t i = 0; i < count; i++) {
        unsigned magnitude = halves[i] & 0x7fff;

        if (magnitude < 0x7c00 && magnitude > largest)
            largest = magnitude;
    }
    return largest;
}

static enum fletch_status print_rows(struct fletch_table *table, struct fletch_error *err)
{
    for (size_t i = 0; i < fletch_table_count(table); i++) {
        struct fletch_row row;
        enum fletch_status status = fletch_table_read(&row, table, i, err);

        if (status)
            return status;
        printf("%s %s, %" PRIu64 " bytes, %s", row.name, row.dtype, row.size,
               row.mapped ? "mapped" : "copied");
        if (!strcmp(row.dtype, "torch.float16") && (uintptr_t)row.data % 2 == 0)
            printf(", largest magnitude 0x%04x", largest_half(row.data, row.count));
        putchar('\n');
    }
    return FLETCH_OK;
}

int main(int argc, char **argv)
{
    struct fletch_table *table = NULL;
    struct fletch_error err;
    enum fletch_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: map CONVERTED\n");
        return 2;
    }
    status = fletch_table_open(&table, argv[1], &err);
    if (!status)
        status = fletch_table_map(table, &err);
    if (!status)
        status = print_rows(table, &err);
    fletch_table_close(table);
    if (status)
        fprintf(stderr, "%s\n", err.message);
    return status ? 1 : 0;
}
