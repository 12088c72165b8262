/* SPDX-License-Identifier: MIT */
/* schema.c - finds the five columns in any schema
 *
 * Columns may come in any order, be required or optional, and stand among others. A shape
 * is a list of 32- or 64-bit integers of three levels, of two, or a bare repeated field.
 */
#include "parquet/reader_internal.h"

#include <string.h>

#define NESTING_MAX 32
/* A column with this name marks a file of quantized values, which mean something else. */
static const char quantized_mark[] = "quant_type";

struct walk {
    const struct fletch_schema_element *elements; /* [count] */
    size_t count, pos;
    size_t leaves;
};

static enum fletch_status fail_ended(struct fletch_error *err)
{
    return fletch_fail(err, FLETCH_ERR_FORMAT,
                       "footer: the schema has fewer elements than its groups say");
}

/* Skips an element and all below it. */
static enum fletch_status skip(struct walk *walk, struct fletch_error *err)
{
    size_t open[NESTING_MAX]; /* remaining children, per nesting level */
    size_t depth = 0;

    open[0] = 1;
    for (;;) {
        const struct fletch_schema_element *element;

        while (!open[depth]) {
            if (!depth)
                return FLETCH_OK;
            depth--;
        }
        if (walk->pos >= walk->count)
            return fail_ended(err);
        element = &walk->elements[walk->pos++];
        open[depth]--;
        if (!element->children) {
            walk->leaves++;
            continue;
        }
        if (depth + 1 == NESTING_MAX)
            return fletch_fail(
                err, FLETCH_ERR_UNSUPPORTED,
                "footer: a schema nested more than %d deep, the limit (NESTING_MAX)",
                NESTING_MAX);
        open[++depth] = element->children;
    }
}

static enum fletch_status fail_type(const struct fletch_leaf *leaf,
                                    const struct fletch_schema_element *element,
                                    const char *expected, struct fletch_error *err)
{
    static const char *const types[] = { "BOOLEAN",    "INT32",
                                         "INT64",      "INT96",
                                         "FLOAT",      "DOUBLE",
                                         "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY" };
    bool known =
        element->type >= 0 && (size_t)element->type < sizeof(types) / sizeof(types[0]);

    return fletch_fail(err, FLETCH_ERR_UNSUPPORTED, "column '%s': is %s%s, expected %s",
                       leaf->name,
                       element->repetition == FLETCH_REPEATED ? "repeated " : "",
                       element->children ? "a group"
                       : known           ? types[element->type]
                                         : "of unknown type",
                       expected);
}

/* A column with one value per row. */
static enum fletch_status find_flat(struct fletch_leaf *leaf, struct walk *walk,
                                    bool is_bytes, struct fletch_error *err)
{
    const struct fletch_schema_element *element = &walk->elements[walk->pos++];
    bool right = is_bytes ? element->type == FLETCH_PARQUET_BYTE_ARRAY
                          : element->type == FLETCH_PARQUET_INT32 ||
                                element->type == FLETCH_PARQUET_INT64;

    if (element->children || element->repetition == FLETCH_REPEATED || !right)
        return fail_type(leaf, element, is_bytes ? "one BYTE_ARRAY" : "one INT64 or INT32",
                         err);
    leaf->type = element->type;
    leaf->max_definition = element->repetition == FLETCH_OPTIONAL;
    leaf->index = walk->leaves++;
    return FLETCH_OK;
}

/* Follows a chain of groups with one child each, exactly one of which is repeated. */
static enum fletch_status find_list(struct fletch_leaf *leaf, struct walk *walk,
                                    struct fletch_error *err)
{
    const struct fletch_schema_element *element;

    for (;;) {
        if (walk->pos >= walk->count)
            return fail_ended(err);
        element = &walk->elements[walk->pos++];
        if (element->repetition == FLETCH_REPEATED) {
            if (leaf->max_repetition++)
                return fail_type(leaf, element, "a list of integers", err);
            leaf->list_definition = leaf->max_definition;
        }
        leaf->max_definition += element->repetition != FLETCH_REQUIRED;
        if (!element->children)
            break;
        if (element->children > 1 || leaf->max_definition > NESTING_MAX)
            return fail_type(leaf, element, "a list of integers", err);
    }
    if (!leaf->max_repetition ||
        (element->type != FLETCH_PARQUET_INT32 && element->type != FLETCH_PARQUET_INT64))
        return fail_type(leaf, element, "a list of INT32 or INT64", err);
    leaf->type = element->type;
    leaf->index = walk->leaves++;
    return FLETCH_OK;
}

static enum fletch_status find_column(struct fletch_leaf *leaves, struct walk *walk,
                                      struct fletch_error *err)
{
    const char *name = walk->elements[walk->pos].name;
    size_t at = 0;

    if (!strcmp(name, quantized_mark))
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "a file of quantized values (it has a column '%s')", name);
    while (at < FLETCH_READER_COLUMNS && strcmp(leaves[at].name, name) != 0)
        at++;
    if (at == FLETCH_READER_COLUMNS)
        return skip(walk, err);
    if (leaves[at].found)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "footer: two columns '%s'", name);
    leaves[at].found = true;
    if (at == FLETCH_READER_SHAPE)
        return find_list(&leaves[at], walk, err);
    return find_flat(&leaves[at], walk, at != FLETCH_READER_PARAMS, err);
}

enum fletch_status fletch_schema_find(struct fletch_reader_file *file,
                                      struct fletch_error *err)
{
    static const char *const names[] = { "layer_name", "shape", "dtype", "data",
                                         "num_params" };
    const struct fletch_footer *footer = &file->footer;
    struct walk walk = { .elements = footer->schema,
                         .count = footer->schema_count,
                         .pos = 1 };

    if (!footer->schema_count)
        return fletch_fail(err, FLETCH_ERR_FORMAT, "footer: no schema");
    for (size_t i = 0; i < FLETCH_READER_COLUMNS; i++)
        file->leaves[i] = (struct fletch_leaf){ .name = names[i] };
    for (size_t i = 0; i < footer->schema[0].children; i++) {
        if (walk.pos >= walk.count)
            return fail_ended(err);
        TRY(find_column(file->leaves, &walk, err));
    }
    if (walk.pos != walk.count)
        return fletch_fail(err, FLETCH_ERR_FORMAT,
                           "footer: a schema of %zu elements, but its groups hold %zu",
                           walk.count, walk.pos);
    for (size_t i = 0; i < FLETCH_READER_COLUMNS; i++)
        if (!file->leaves[i].found && i != FLETCH_READER_PARAMS)
            return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                               "no column '%s': not a table of tensors", names[i]);
    file->leaves_count = walk.leaves;
    return FLETCH_OK;
}
