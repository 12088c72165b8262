/* SPDX-License-Identifier: MIT */
/* own.c - the names that a model has for its tensors, and what wrappers put into them
 *
 * A table's star means one thing: a layer's number. At the end of a name it stands for
 * what a module of the library has, a weight and a bias; whatever else lies behind a
 * module's name (a scale, a mask, an adapter) is not the module's.
 */
#include "family/families.h"

#include "base/natural.h"

#include <stdlib.h>
#include <string.h>

/* ---- Own names ---- */

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && !memcmp(text, word, len);
}

/* As it is counted: 0, 1, 10; never 01. */
static bool is_number(const char *text, size_t len)
{
    size_t digits = 0;

    while (digits < len && fletch_is_digit(text[digits]))
        digits++;
    return len && digits == len && (len == 1 || *text != '0');
}

bool fletch_own_match(const char *glob, const char *name)
{
    for (;;) {
        size_t glob_len = strcspn(glob, "."), len = strcspn(name, ".");
        bool last = !glob[glob_len], star = is_word(glob, glob_len, "*");
        bool fits = glob_len == len && !memcmp(glob, name, len);

        if (star)
            fits = last ? is_word(name, len, "weight") || is_word(name, len, "bias")
                        : is_number(name, len);
        if (!fits || last != !name[len])
            return false;
        if (last)
            return true;
        glob += glob_len + 1;
        name += len + 1;
    }
}

bool fletch_own_any(const char *const *globs, const char *name)
{
    for (; globs && *globs; globs++)
        if (fletch_own_match(*globs, name))
            return true;
    return false;
}

/* ---- Wrappers ---- */

/* torch.compile, activation checkpointing, FSDP, DataParallel: each wraps a module and
 * keeps it as an attribute of that name. */
static const char *const wrappers[] = {
    "_orig_mod",
    "_checkpoint_wrapped_module",
    "_fsdp_wrapped_module",
    "module",
};

static bool is_wrapper(const char *word, size_t len, bool all)
{
    size_t count = sizeof(wrappers) / sizeof(wrappers[0]);

    for (size_t i = 0; i < count; i++)
        if ((all || wrappers[i][0] == '_') && is_word(word, len, wrappers[i]))
            return true;
    return false;
}

/* What wraps the whole model is a prefix, which prefix.h takes away; but "module" may be
 * all that is sure to be one. */
static const char *behind_front(const char *name, bool only_module)
{
    for (;;) {
        size_t len = strcspn(name, ".");

        if (!name[len] || !is_wrapper(name, len, true) || (only_module && *name == '_'))
            return name;
        name += len + 1;
    }
}

/* Copies the parts that no wrapper inserted; returns the length. The last part is the
 * tensor's in any case.
 */
static size_t copy_unwrapped(char *out, const char *name, bool all)
{
    size_t used = 0;

    for (;;) {
        size_t len = strcspn(name, ".");

        if (!name[len] || !is_wrapper(name, len, all)) {
            memcpy(out + used, name, len + 1); /* with its dot, or the end */
            used += len + 1;
        }
        if (!name[len])
            return used - 1;
        name += len + 1;
    }
}

enum fletch_status fletch_unwrap(const char **out, const char *name, bool all,
                                 struct fletch_arena *arena, struct fletch_error *err)
{
    const char *rest = behind_front(name, true);
    size_t front = (size_t)(rest - name);
    char *text;

    *out = name;
    if (!strstr(rest, all ? "mod" : "_mod"))
        return FLETCH_OK;
    text = fletch_arena_text(arena, name, strlen(name));
    if (!text)
        return fletch_fail_memory(err, strlen(name), "names");
    if (copy_unwrapped(text + front, rest, all) < strlen(rest))
        *out = text;
    return FLETCH_OK;
}

bool fletch_unwrap_into(char out[FLETCH_OWN_CAP], const char *name)
{
    size_t front = (size_t)(behind_front(name, false) - name);

    if (strlen(name) >= FLETCH_OWN_CAP)
        return false;
    memcpy(out, name, front);
    copy_unwrapped(out + front, name + front, true);
    return true;
}

/* ---- Wrappers in models that nothing is known of ---- */

#define MODULE_WORD "module."

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* How many of the sorted names begin with the first `len` bytes of one. */
static size_t count_beginning(const char *const *sorted, size_t count, const char *name,
                              size_t len)
{
    size_t bounds[2];

    for (int upper = 0; upper < 2; upper++) {
        size_t low = 0, high = count;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (strncmp(sorted[middle], name, len) < upper)
                low = middle + 1;
            else
                high = middle;
        }
        bounds[upper] = low;
    }
    return bounds[1] - bounds[0];
}

/* A wrapper holds what it wraps and nothing else: where other names stand beside "module",
 * it is a word of the model's own. */
static char *without_modules(const char *name, const char *const *sorted, size_t count,
                             struct fletch_arena *arena)
{
    char *out = fletch_arena_text(arena, name, strlen(name));
    size_t used = 0, at = 0;

    while (out) {
        size_t len = strcspn(name + at, ".");
        bool wraps = at && name[at + len] && is_word(name + at, len, "module");

        wraps = wraps && count_beginning(sorted, count, name, at) ==
                             count_beginning(sorted, count, name, at + strlen(MODULE_WORD));
        len += name[at + len] == '.';
        if (!wraps) {
            memcpy(out + used, name + at, len);
            used += len;
        }
        at += len;
        if (name[at])
            continue;
        out[used] = '\0';
        break;
    }
    return out;
}

enum fletch_status fletch_unwrap_modules(struct fletch_mapping *mapped, size_t count,
                                         struct fletch_arena *arena,
                                         struct fletch_error *err)
{
    const char **sorted = fletch_alloc_array(count, sizeof(*sorted));
    enum fletch_status status = FLETCH_OK;

    if (!sorted)
        return fletch_fail_memory(err, count * sizeof(*sorted), "names");
    for (size_t i = 0; i < count; i++)
        sorted[i] = mapped[i].row;
    qsort(sorted, count, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < count && !status; i++) {
        if (!strstr(mapped[i].row, "." MODULE_WORD))
            continue;
        mapped[i].own = mapped[i].row =
            without_modules(mapped[i].row, sorted, count, arena);
        if (!mapped[i].row)
            status = fletch_fail_memory(err, 0, "names");
    }
    fletch_free(sorted);
    return status;
}
