/* SPDX-License-Identifier: MIT */
/* meta_read.c - see meta.h */
#include "parquet/meta.h"

#include <string.h>

/* A list of structs. `item_min` is the least bytes that one can take with the fields that
 * parquet.thrift requires. A list's count is checked against it before memory is allocated,
 * and each struct after it was read, so that memory stays in proportion to bytes. */
struct struct_list {
    const char *name;
    size_t item_min;
};

static const struct struct_list schema_list = { "schema", 3 };
static const struct struct_list group_list = { "row_groups", 7 };
static const struct struct_list column_list = { "columns", 16 };
static const struct struct_list page_list = { "page_locations", 7 };

/* State passed between the parsing functions. */
struct parse {
    struct fletch_thrift_reader in;
    struct fletch_arena *arena;
    bool out_of_memory;
};

static void *parse_alloc(struct parse *parse, size_t count, size_t size)
{
    void *memory = fletch_arena_alloc_array(parse->arena, count, size);

    if (!memory) {
        parse->out_of_memory = true;
        fletch_thrift_problem(&parse->in, "out of memory");
    }
    return memory;
}

/* The list's count, 0 after a problem; `before` is the same field's earlier value, or
 * NULL. */
static size_t begin_list(struct fletch_thrift_reader *in, const struct struct_list *list,
                         enum fletch_thrift_type type, const void *before)
{
    if (before)
        fletch_thrift_problem(in, "a second list %s, expected one", list->name);
    return fletch_thrift_get_list(in, type, FLETCH_THRIFT_STRUCT, list->item_min);
}

/* `start` is where the element began. */
static void end_item(struct fletch_thrift_reader *in, const struct struct_list *list,
                     size_t start)
{
    if (in->pos - start < list->item_min)
        fletch_thrift_problem(in, "%zu bytes for an element of %s, expected at least %zu",
                              in->pos - start, list->name, list->item_min);
}

static enum fletch_status parse_status(const struct parse *parse, uint64_t base,
                                       const char *what, struct fletch_error *err)
{
    if (parse->out_of_memory)
        return fletch_fail_memory(err, parse->in.size, what);
    return fletch_thrift_status(&parse->in, base, what, err);
}

static const char *parse_text(struct parse *parse, enum fletch_thrift_type type)
{
    size_t size;
    const uint8_t *bytes = fletch_thrift_get_bytes(&parse->in, type, &size);
    char *text;

    if (!bytes)
        return "";
    if (memchr(bytes, 0, size)) {
        fletch_thrift_problem(&parse->in, "a string with a NUL inside");
        return "";
    }
    text = parse_alloc(parse, size + 1, 1);
    if (!text)
        return "";
    memcpy(text, bytes, size);
    return text;
}

static int32_t get_i32(struct fletch_thrift_reader *in, enum fletch_thrift_type type)
{
    return (int32_t)fletch_thrift_get_int(in, type, INT32_MIN, INT32_MAX);
}

static int32_t get_size32(struct fletch_thrift_reader *in, enum fletch_thrift_type type)
{
    return (int32_t)fletch_thrift_get_int(in, type, 0, INT32_MAX);
}

static int64_t get_size64(struct fletch_thrift_reader *in, enum fletch_thrift_type type)
{
    return fletch_thrift_get_int(in, type, 0, INT64_MAX);
}

static void parse_schema_element(struct parse *parse, struct fletch_schema_element *out)
{
    struct fletch_thrift_reader *in = &parse->in;
    struct fletch_thrift_field field = { 0 };
    size_t start = in->pos;

    *out = (struct fletch_schema_element){ .name = "", .type = -1 };
    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* type */
            out->type = (int)fletch_thrift_get_int(in, field.type, 0, INT32_MAX);
            break;
        case 3: /* repetition_type */
            out->repetition = (int)fletch_thrift_get_int(in, field.type, 0, 2);
            break;
        case 4: /* name */
            out->name = parse_text(parse, field.type);
            break;
        case 5: /* num_children */
            out->children =
                (size_t)fletch_thrift_get_int(in, field.type, 0, FLETCH_SCHEMA_MAX);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
    end_item(in, &schema_list, start);
}

static void parse_column_meta(struct fletch_thrift_reader *in,
                              struct fletch_column_chunk *out)
{
    struct fletch_thrift_field field = { 0 };

    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* type */
            out->type = get_i32(in, field.type);
            break;
        case 4: /* codec */
            out->codec = get_i32(in, field.type);
            break;
        case 5: /* num_values */
            out->num_values = get_size64(in, field.type);
            break;
        case 6: /* total_uncompressed_size */
            out->uncompressed_size = get_size64(in, field.type);
            break;
        case 7: /* total_compressed_size */
            out->compressed_size = get_size64(in, field.type);
            break;
        case 9: /* data_page_offset */
            out->data_page_offset = get_size64(in, field.type);
            break;
        case 11: /* dictionary_page_offset */
            out->dictionary_page_offset = get_size64(in, field.type);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
}

static void parse_column_chunk(struct fletch_thrift_reader *in,
                               struct fletch_column_chunk *out)
{
    struct fletch_thrift_field field = { 0 };
    size_t start = in->pos;

    *out = (struct fletch_column_chunk){ .encrypted = true };
    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* file_path */
            out->foreign = true;
            fletch_thrift_skip(in, field.type);
            break;
        case 3: /* meta_data */
            if (fletch_thrift_get_struct(in, field.type))
                parse_column_meta(in, out);
            out->encrypted = false;
            break;
        case 4: /* offset_index_offset */
            out->offset_index_offset = get_size64(in, field.type);
            break;
        case 5: /* offset_index_length */
            out->offset_index_length = get_size32(in, field.type);
            break;
        case 8: /* crypto_metadata */
            out->encrypted = true;
            fletch_thrift_skip(in, field.type);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
    end_item(in, &column_list, start);
}

static void parse_group(struct parse *parse, struct fletch_group_meta *out)
{
    struct fletch_thrift_reader *in = &parse->in;
    struct fletch_thrift_field field = { 0 };
    size_t start = in->pos;

    *out = (struct fletch_group_meta){ 0 };
    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* columns */
            out->columns_count = begin_list(in, &column_list, field.type, out->columns);
            out->columns = parse_alloc(parse, out->columns_count, sizeof(*out->columns));
            for (size_t i = 0; i < out->columns_count && !in->problem[0]; i++)
                parse_column_chunk(in, &out->columns[i]);
            break;
        case 3: /* num_rows */
            out->num_rows = get_size64(in, field.type);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
    end_item(in, &group_list, start);
}

static void parse_schema(struct parse *parse, struct fletch_footer *out,
                         enum fletch_thrift_type type)
{
    struct fletch_thrift_reader *in = &parse->in;

    out->schema_count = begin_list(in, &schema_list, type, out->schema);
    if (out->schema_count > FLETCH_SCHEMA_MAX)
        fletch_thrift_problem(
            in, "a schema of %zu elements, the limit is %d (FLETCH_SCHEMA_MAX)",
            out->schema_count, FLETCH_SCHEMA_MAX);
    else
        out->schema = parse_alloc(parse, out->schema_count, sizeof(*out->schema));
    for (size_t i = 0; i < out->schema_count && !in->problem[0]; i++)
        parse_schema_element(parse, &out->schema[i]);
}

static void parse_groups(struct parse *parse, struct fletch_footer *out,
                         enum fletch_thrift_type type)
{
    out->groups_count = begin_list(&parse->in, &group_list, type, out->groups);
    out->groups = parse_alloc(parse, out->groups_count, sizeof(*out->groups));
    for (size_t i = 0; i < out->groups_count && !parse->in.problem[0]; i++)
        parse_group(parse, &out->groups[i]);
}

enum fletch_status fletch_footer_parse(struct fletch_footer *out,
                                       struct fletch_arena *arena, const void *bytes,
                                       size_t size, uint64_t base, struct fletch_error *err)
{
    struct parse parse = { .in = { .bytes = bytes, .size = size }, .arena = arena };
    struct fletch_footer footer = { 0 };
    struct fletch_thrift_field field = { 0 };

    while (fletch_thrift_next(&parse.in, &field)) {
        switch (field.id) {
        case 2: /* schema */
            parse_schema(&parse, &footer, field.type);
            break;
        case 3: /* num_rows */
            footer.num_rows = get_size64(&parse.in, field.type);
            break;
        case 4: /* row_groups */
            parse_groups(&parse, &footer, field.type);
            break;
        case 6: /* created_by */
            footer.created_by = parse_text(&parse, field.type);
            break;
        case 8: /* encryption_algorithm */
            footer.encrypted = true;
            fletch_thrift_skip(&parse.in, field.type);
            break;
        default:
            fletch_thrift_skip(&parse.in, field.type);
        }
    }
    TRY(parse_status(&parse, base, "footer", err));
    *out = footer;
    return FLETCH_OK;
}

static void parse_data_header(struct fletch_thrift_reader *in,
                              struct fletch_page_header *out)
{
    struct fletch_thrift_field field = { 0 };

    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* num_values */
            out->num_values = get_size32(in, field.type);
            break;
        case 2: /* encoding */
            out->encoding = get_i32(in, field.type);
            break;
        case 3: /* definition_level_encoding; is_sorted of a dictionary */
            if (out->type == FLETCH_PAGE_DATA)
                out->definition_encoding = get_i32(in, field.type);
            else
                fletch_thrift_skip(in, field.type);
            break;
        case 4: /* repetition_level_encoding */
            out->repetition_encoding = get_i32(in, field.type);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
}

static void parse_data_header_v2(struct fletch_thrift_reader *in,
                                 struct fletch_page_header *out)
{
    struct fletch_thrift_field field = { 0 };

    out->is_compressed = true;
    while (fletch_thrift_next(in, &field)) {
        switch (field.id) {
        case 1: /* num_values */
            out->num_values = get_size32(in, field.type);
            break;
        case 4: /* encoding */
            out->encoding = get_i32(in, field.type);
            break;
        case 5: /* definition_levels_byte_length */
            out->definition_size = get_size32(in, field.type);
            break;
        case 6: /* repetition_levels_byte_length */
            out->repetition_size = get_size32(in, field.type);
            break;
        case 7: /* is_compressed */
            out->is_compressed = fletch_thrift_get_bool(in, field.type);
            break;
        default:
            fletch_thrift_skip(in, field.type);
        }
    }
}

/* The struct for a page's type: field 5, 7 or 8. Structs of other types are skipped. */
static void parse_body_header(struct fletch_thrift_reader *in,
                              struct fletch_page_header *out,
                              const struct fletch_thrift_field *field)
{
    static const int id_of_type[] = { [FLETCH_PAGE_DATA] = 5,
                                      [FLETCH_PAGE_INDEX] = 6,
                                      [FLETCH_PAGE_DICTIONARY] = 7,
                                      [FLETCH_PAGE_DATA_V2] = 8 };

    if (id_of_type[out->type] != field->id || out->type == FLETCH_PAGE_INDEX) {
        fletch_thrift_skip(in, field->type);
        return;
    }
    if (!fletch_thrift_get_struct(in, field->type))
        return;
    out->has_body_header = true;
    if (out->type == FLETCH_PAGE_DATA_V2)
        parse_data_header_v2(in, out);
    else
        parse_data_header(in, out);
}

enum fletch_status fletch_page_header_parse(struct fletch_page_header *out, size_t *used,
                                            bool *more, const void *bytes, size_t size,
                                            uint64_t base, struct fletch_error *err)
{
    struct fletch_thrift_reader in = { .bytes = bytes, .size = size };
    struct fletch_page_header header = { 0 };
    struct fletch_thrift_field field = { 0 };

    while (fletch_thrift_next(&in, &field)) {
        switch (field.id) {
        case 1: /* type */
            header.type = (enum fletch_page_type)fletch_thrift_get_int(
                &in, field.type, FLETCH_PAGE_DATA, FLETCH_PAGE_DATA_V2);
            break;
        case 2: /* uncompressed_page_size */
            header.uncompressed_size = get_size32(&in, field.type);
            break;
        case 3: /* compressed_page_size */
            header.compressed_size = get_size32(&in, field.type);
            break;
        case 4: /* crc */
            header.crc = (uint32_t)get_i32(&in, field.type);
            header.has_crc = true;
            break;
        default:
            parse_body_header(&in, &header, &field);
        }
    }
    if (!in.problem[0] && !header.has_body_header && header.type != FLETCH_PAGE_INDEX)
        fletch_thrift_problem(&in, "a page header without the part for its type");
    *more = in.ended;
    TRY(fletch_thrift_status(&in, base, "page header", err));
    *out = header;
    *used = in.pos;
    return FLETCH_OK;
}

static void parse_location(struct fletch_thrift_reader *in,
                           struct fletch_page_location *out)
{
    struct fletch_thrift_field field = { 0 };
    size_t start = in->pos;

    *out = (struct fletch_page_location){ .value_size = -1 };
    while (fletch_thrift_next(in, &field)) {
        if (field.id == 1)
            out->offset = get_size64(in, field.type);
        else if (field.id == 2)
            out->compressed_size = get_size32(in, field.type);
        else if (field.id == 3)
            out->first_row = get_size64(in, field.type);
        else
            fletch_thrift_skip(in, field.type);
    }
    end_item(in, &page_list, start);
}

/* unencoded_byte_array_data_bytes: one number per page. */
static void parse_value_sizes(struct fletch_thrift_reader *in,
                              struct fletch_page_location *pages, size_t pages_count,
                              enum fletch_thrift_type type)
{
    size_t count = fletch_thrift_get_list(in, type, FLETCH_THRIFT_I64, 1);

    for (size_t i = 0; i < count && !in->problem[0]; i++) {
        int64_t size = get_size64(in, FLETCH_THRIFT_I64);

        if (i < pages_count)
            pages[i].value_size = size;
    }
}

enum fletch_status fletch_offset_index_parse(struct fletch_page_location **out,
                                             size_t *count, struct fletch_arena *arena,
                                             const void *bytes, size_t size, uint64_t base,
                                             struct fletch_error *err)
{
    struct parse parse = { .in = { .bytes = bytes, .size = size }, .arena = arena };
    struct fletch_page_location *pages = NULL;
    size_t pages_count = 0;
    struct fletch_thrift_field field = { 0 };

    while (fletch_thrift_next(&parse.in, &field)) {
        if (field.id == 1) { /* page_locations */
            pages_count = begin_list(&parse.in, &page_list, field.type, pages);
            pages = parse_alloc(&parse, pages_count, sizeof(*pages));
            for (size_t i = 0; i < pages_count && !parse.in.problem[0]; i++)
                parse_location(&parse.in, &pages[i]);
        } else if (field.id == 2) {
            parse_value_sizes(&parse.in, pages, pages_count, field.type);
        } else {
            fletch_thrift_skip(&parse.in, field.type);
        }
    }
    TRY(parse_status(&parse, base, "offset index", err));
    *out = pages;
    *count = pages_count;
    return FLETCH_OK;
}
