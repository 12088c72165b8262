/* SPDX-License-Identifier: MIT */
/* list - the tensors of a checkpoint, or the rows of a converted model with their values
 *
 * cc list.c $(pkg-config --cflags --libs fletch)
 */
#include <fletch/fletch.h>

#include <inttypes.h>
#include <stdio.h>

static void print_shape(const uint64_t *shape, unsigned rank)
{
    putchar('[');
    for (unsigned i = 0; i < rank; i++)
        printf("%s%" PRIu64, i ? ", " : "", shape[i]);
    putchar(']');
}

static enum fletch_status list_checkpoint(const char *path, struct fletch_error *err)
{
    struct fletch_checkpoint *checkpoint = NULL;
    struct fletch_tensor_info tensor;
    enum fletch_status status = fletch_checkpoint_open(&checkpoint, path, NULL, err);

    if (status)
        return status;
    for (size_t i = 0; fletch_checkpoint_at(&tensor, checkpoint, i); i++) {
        printf("%s %s ", tensor.name, tensor.dtype);
        print_shape(tensor.shape, tensor.rank);
        printf(" in %s at %" PRIu64 "\n", tensor.file, tensor.offset);
    }
    fletch_checkpoint_close(checkpoint);
    return FLETCH_OK;
}

/* Reads every value too; its first byte stands for what a program would do with it. */
static enum fletch_status list_table(struct fletch_table *table, struct fletch_error *err)
{
    for (size_t i = 0; i < fletch_table_count(table); i++) {
        struct fletch_row row;
        enum fletch_status status = fletch_table_read(&row, table, i, err);

        if (status)
            return status;
        printf("%s %s ", row.name, row.dtype);
        print_shape(row.shape, row.rank);
        if (row.size)
            printf(" begins 0x%02x", *(const unsigned char *)row.data);
        putchar('\n');
    }
    return FLETCH_OK;
}

int main(int argc, char **argv)
{
    struct fletch_table *table = NULL;
    enum fletch_path_kind kind;
    struct fletch_error err;
    enum fletch_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: list CHECKPOINT|CONVERTED\n");
        return 2;
    }
    status = fletch_path_look(&kind, argv[1], &err);
    if (!status && (kind == FLETCH_PATH_CONVERTED || kind == FLETCH_PATH_PARQUET)) {
        status = fletch_table_open(&table, argv[1], &err);
        if (!status)
            status = list_table(table, &err);
    } else if (!status) {
        status = list_checkpoint(argv[1], &err);
    }
    fletch_table_close(table);
    if (status)
        fprintf(stderr, "%s\n", err.message);
    return status ? 1 : 0;
}
