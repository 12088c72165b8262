/* SPDX-License-Identifier: MIT */
/* format.c - Parquet as a format of outputs */
#include "parquet/parquet.h"

#include "output/files.h"

static enum fletch_status create(struct fletch_writer **out, const struct fletch_file *file,
                                 const char *const (*pairs)[2],
                                 const struct fletch_codec *codec, struct fletch_error *err)
{
    TRY(fletch_writer_open(out, file, pairs, err));
    fletch_writer_compress(*out, codec);
    return FLETCH_OK;
}

static enum fletch_status finish(struct fletch_writer *writer, uint64_t *size,
                                 uint64_t *footer_at, struct fletch_error *err)
{
    TRY(fletch_writer_finish(writer, size, err));
    *footer_at = fletch_writer_footer_at(writer);
    return FLETCH_OK;
}

const struct fletch_output_format fletch_output_parquet = {
    .name = "parquet",
    .file_name = FLETCH_WEIGHTS_FILE,
    .value_max = FLETCH_VALUE_SIZE_MAX,
    .dim_max = FLETCH_DIM_MAX,
    .group_size = FLETCH_ROW_GROUP_SIZE,
    .prefix_size = FLETCH_PAGE_PREFIX,
    .put_prefix = fletch_page_prefix,
    .create = create,
    .begin_group = fletch_writer_begin_group,
    .begin_row = fletch_writer_begin_row,
    .put = fletch_writer_put,
    .abort_row = fletch_writer_abort_row,
    .end_row = fletch_writer_end_row,
    .end_group = fletch_writer_end_group,
    .finish = finish,
    .close_writer = fletch_writer_close,
    .open = fletch_reader_open,
    .close = fletch_reader_close,
    .row_size = fletch_reader_size,
    .cursor_open = fletch_cursor_open,
    .cursor_close = fletch_cursor_close,
    .cursor_by_library = fletch_cursor_by_library,
    .cursor_begin = fletch_cursor_begin,
    .cursor_next = fletch_cursor_next,
    .cursor_has_crc = fletch_cursor_has_crc,
    .cursor_set_output = fletch_cursor_set_output,
};
