/* SPDX-License-Identifier: MIT */
/* prefix.c - see prefix.h
 *
 * The names are sorted once, so those below a prefix are neighbours: candidates are found
 * and counted in one pass, however many there are.
 */
#include "checkpoint/prefix_internal.h"

#include <stdlib.h>
#include <string.h>

/* Words of one prefix. */
#define WORDS_MAX 8

enum rank { RANK_MODEL, RANK_AVERAGE, RANK_OTHER, RANK_NONE };

struct word {
    const char *text;
    enum rank rank;
    bool always; /* in front of every name it is never part of the model */
};

static const struct word words[] = {
    /* names that training loops give the dict */
    { "state_dict", RANK_MODEL, false },
    { "model_state_dict", RANK_MODEL, false },
    { "model_state", RANK_MODEL, false },
    { "params", RANK_MODEL, false },
    { "weights", RANK_MODEL, false },
    { "checkpoint", RANK_MODEL, false },
    /* names that wrappers insert: DataParallel, torch.compile, FSDP */
    { "module", RANK_MODEL, true },
    { "_orig_mod", RANK_MODEL, true },
    { "_fsdp_wrapped_module", RANK_MODEL, true },
    /* names that people give the attribute of their class, or the dict */
    { "model", RANK_MODEL, false },
    { "net", RANK_MODEL, false },
    { "network", RANK_MODEL, false },
    { "encoder", RANK_MODEL, false },
    { "text_encoder", RANK_MODEL, false },
    { "backbone", RANK_MODEL, false },
    { "base_model", RANK_MODEL, false },
    { "transformer", RANK_MODEL, false },
    { "bert", RANK_MODEL, false },
    { "roberta", RANK_MODEL, false },
    { "clip", RANK_MODEL, false },
    { "whisper", RANK_MODEL, false },
    /* the first module of a sentence-transformers model saved whole */
    { "0", RANK_MODEL, false },
    { "auto_model", RANK_MODEL, false },
    /* averages of the weights */
    { "ema", RANK_AVERAGE, false },
    { "ema_model", RANK_AVERAGE, false },
    { "model_ema", RANK_AVERAGE, false },
    { "ema_state_dict", RANK_AVERAGE, false },
    { "state_dict_ema", RANK_AVERAGE, false },
    { "model_state_dict_ema", RANK_AVERAGE, false },
    { "params_ema", RANK_AVERAGE, false },
    { "ema_params", RANK_AVERAGE, false },
    { "ema_weights", RANK_AVERAGE, false },
    { "module_ema", RANK_AVERAGE, false },
    { "net_ema", RANK_AVERAGE, false },
    { "averaged_model", RANK_AVERAGE, false },
    { "swa_model", RANK_AVERAGE, false },
};

struct candidate {
    const char *path; /* begins with the prefix */
    size_t len;       /* of the prefix, with its dot */
    enum rank rank;
    size_t begin, end; /* the range of sorted names below it */
    size_t tensors;    /* those directly in its dict */
    bool is_dict;      /* the prefix ends where a dict begins, not within a key */
    bool fits;         /* the family finds the names that it requires */
    size_t known;      /* tensors whose names the family knows */
    bool *marks;       /* [end - begin]: which these are */
};

struct search {
    struct fletch_prefix_name *names; /* [count], sorted */
    size_t count;
    const struct fletch_prefix_names *all;
    const struct fletch_prefix_hints *hints;
    struct candidate *candidates; /* [cap], in the order of their first names */
    size_t candidates_count, cap;
    const char **below; /* [count], names of a candidate without its prefix */
    size_t *places;     /* [count], where in `names` they are */
    bool *marks;        /* [count] */
    struct fletch_error *err;
};

/* ---- Candidates ---- */

static int compare_names(const void *a, const void *b)
{
    const struct fletch_prefix_name *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static bool is_right_below(const struct candidate *candidate,
                           const struct fletch_prefix_name *name)
{
    return name->own <= candidate->len && !name->loose;
}

static enum rank rank_of(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].text) == len && !memcmp(words[i].text, word, len))
            return words[i].rank;
    return RANK_OTHER;
}

/* Extends a candidate by the next word of the name, whose prefix it is: *len becomes the
 * position after that word's dot. RANK_NONE when it cannot be extended. */
static enum rank next_rank(size_t *len, const struct fletch_prefix_name *name,
                           const struct candidate *above)
{
    const char *word = name->path + above->len, *dot = strchr(word, '.');
    enum rank rank;

    if (!dot)
        return RANK_NONE;
    *len = (size_t)(dot - name->path) + 1;
    rank = rank_of(word, (size_t)(dot - word));
    if (rank == RANK_OTHER && (*len > name->own || above->rank == RANK_OTHER))
        return RANK_NONE;
    return rank > above->rank ? rank : above->rank;
}

static enum fletch_status put_candidate(struct search *search, const char *path, size_t len,
                                        enum rank rank, size_t begin)
{
    if (search->candidates_count == search->cap) {
        struct candidate *grown = fletch_grow(search->candidates, &search->cap,
                                              search->candidates_count + 1, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(
                search->err, (search->candidates_count + 1) * sizeof(*grown), "prefixes");
        search->candidates = grown;
    }
    search->candidates[search->candidates_count++] =
        (struct candidate){ .path = path, .len = len, .rank = rank, .begin = begin };
    return FLETCH_OK;
}

static enum fletch_status find_candidates(struct search *search)
{
    size_t open[WORDS_MAX + 1] = { 0 }, depth = 1, len = 0;

    TRY(put_candidate(search, "", 0, RANK_MODEL, 0));
    search->candidates[0].is_dict = true;
    for (size_t i = 0; i < search->count; i++) {
        const struct fletch_prefix_name *name = &search->names[i];
        const struct candidate *last = &search->candidates[open[depth - 1]];
        enum rank rank;

        while (strncmp(name->path, last->path, last->len) != 0) {
            search->candidates[open[--depth]].end = i;
            last = &search->candidates[open[depth - 1]];
        }
        while (depth <= WORDS_MAX &&
               (rank = next_rank(&len, name, &search->candidates[open[depth - 1]])) !=
                   RANK_NONE) {
            open[depth++] = search->candidates_count;
            TRY(put_candidate(search, name->path, len, rank, i));
        }
        for (size_t j = 0; j < depth; j++) {
            struct candidate *candidate = &search->candidates[open[j]];

            candidate->tensors += is_right_below(candidate, name);
            candidate->is_dict |= name->own == candidate->len;
        }
    }
    while (depth)
        search->candidates[open[--depth]].end = search->count;
    return FLETCH_OK;
}

/* Fills search->below and ->places; returns their count. */
static size_t gather(struct search *search, const struct candidate *candidate)
{
    size_t count = 0;

    for (size_t i = candidate->begin; i < candidate->end; i++)
        if (is_right_below(candidate, &search->names[i])) {
            search->below[count] = search->names[i].path + candidate->len;
            search->places[count++] = i;
        }
    return count;
}

/* ---- Copies ---- */

/* The next name from `i` on that the candidate counts; its end when there is none. */
static size_t next_counted(const struct search *search, const struct candidate *candidate,
                           size_t i)
{
    while (i < candidate->end &&
           !(candidate->marks ? candidate->marks[i - candidate->begin]
                              : is_right_below(candidate, &search->names[i])))
        i++;
    return i;
}

/* Sets *out when two candidates have the same names below them and the same bytes in the
 * file: one dict stored twice in a checkpoint under two names. */
static enum fletch_status is_copy(bool *out, const struct search *search,
                                  const struct candidate *a, const struct candidate *b)
{
    const struct fletch_prefix_names *all = search->all;
    size_t i = a->begin, j = b->begin;
    bool same = all->same != NULL;

    *out = false;
    for (; same; i++, j++) {
        i = next_counted(search, a, i);
        j = next_counted(search, b, j);
        if (i == a->end || j == b->end) {
            *out = i == a->end && j == b->end;
            break;
        }
        if (strcmp(search->names[i].path + a->len, search->names[j].path + b->len) != 0)
            break;
        TRY(all->same(&same, all->user, search->names[i].tensor, search->names[j].tensor,
                      search->err));
    }
    return FLETCH_OK;
}

/* ---- By what the family knows ---- */

static enum fletch_status fail_ambiguous(const struct search *search,
                                         struct fletch_prefix_listing *listing)
{
    fletch_prefix_list_end(listing, " tensors");
    return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED,
                       "has several parts that may be the model: %s; --prefix NAME takes "
                       "one of them",
                       listing->text);
}

static enum fletch_status ask_known(struct search *search, struct candidate *candidate)
{
    size_t count = gather(search, candidate);

    candidate->marks = fletch_alloc(candidate->end - candidate->begin);
    if (!candidate->marks)
        return fletch_fail_memory(search->err, candidate->end - candidate->begin, "names");
    memset(search->marks, 0, count * sizeof(*search->marks));
    TRY(search->hints->match(search->marks, search->below, count, search->hints->user,
                             search->err));
    for (size_t i = 0; i < count; i++) {
        candidate->marks[search->places[i] - candidate->begin] = search->marks[i];
        candidate->known += search->marks[i];
    }
    return FLETCH_OK;
}

/* True when a longer prefix stands for the same tensors as a shorter one. */
static bool means_the_same(const struct candidate *longer, const struct candidate *shorter)
{
    if (longer->begin < shorter->begin || longer->end > shorter->end ||
        longer->len < shorter->len || longer->known != shorter->known)
        return false;
    for (size_t i = longer->begin; i < longer->end; i++)
        if (longer->marks[i - longer->begin] && !shorter->marks[i - shorter->begin])
            return false;
    return true;
}

/* Candidates come before those with longer prefixes. */
static void drop_longer(struct search *search, enum rank rank)
{
    for (size_t i = 0; i < search->candidates_count; i++)
        for (size_t j = i + 1; j < search->candidates_count; j++) {
            const struct candidate *shorter = &search->candidates[i];
            struct candidate *longer = &search->candidates[j];

            if (longer->begin >= shorter->end)
                break;
            if (shorter->fits && longer->fits && shorter->rank == rank &&
                longer->rank == rank && means_the_same(longer, shorter))
                longer->fits = false;
        }
}

/* Drops copies among those with the most known names. */
static enum fletch_status drop_copies(struct search *search, enum rank rank, size_t most)
{
    struct candidate *kept = NULL;
    bool same = false;

    for (size_t i = 0; i < search->candidates_count; i++) {
        struct candidate *candidate = &search->candidates[i];

        if (!candidate->fits || candidate->rank != rank || candidate->known < most)
            continue;
        if (kept)
            TRY(is_copy(&same, search, candidate, kept));
        if (same && candidate->len >= kept->len) {
            candidate->fits = false;
            continue;
        }
        if (same)
            kept->fits = false;
        if (same || !kept)
            kept = candidate;
    }
    return FLETCH_OK;
}

static size_t count_fitting(const struct candidate **first, const struct search *search,
                            enum rank rank, size_t least)
{
    size_t count = 0;

    *first = NULL;
    for (size_t i = 0; i < search->candidates_count; i++) {
        const struct candidate *candidate = &search->candidates[i];

        if (!candidate->fits || candidate->rank != rank || candidate->known < least)
            continue;
        if (!*first)
            *first = candidate;
        count++;
    }
    return count;
}

/* The best of a rank; NULL when none fits. */
static enum fletch_status best_fitting(const struct candidate **out, struct search *search,
                                       enum rank rank)
{
    struct fletch_prefix_listing listing = { .len = 0 };
    size_t most = 0;

    if (count_fitting(out, search, rank, 0) < 2)
        return FLETCH_OK;
    for (size_t i = 0; i < search->candidates_count; i++) {
        struct candidate *candidate = &search->candidates[i];

        if (!candidate->fits || candidate->rank != rank)
            continue;
        TRY(ask_known(search, candidate));
        most = candidate->known > most ? candidate->known : most;
    }
    drop_longer(search, rank);
    TRY(drop_copies(search, rank, most));
    if (count_fitting(out, search, rank, most) < 2)
        return FLETCH_OK;
    for (size_t i = 0; i < search->candidates_count; i++)
        if (search->candidates[i].fits && search->candidates[i].rank == rank)
            fletch_prefix_list_one(&listing, search->candidates[i].path,
                                   search->candidates[i].len, search->candidates[i].known);
    return fail_ambiguous(search, &listing);
}

static enum fletch_status by_family(const struct candidate **out, struct search *search)
{
    *out = NULL;
    /* only the unchanged names: no need to ask the family */
    if (!search->hints || !search->hints->has_required || search->candidates_count < 2)
        return FLETCH_OK;
    for (size_t i = 0; i < search->candidates_count; i++) {
        struct candidate *candidate = &search->candidates[i];
        size_t count = candidate->tensors ? gather(search, candidate) : 0;

        candidate->fits =
            count && search->hints->has_required(search->below, count, search->hints->user);
    }
    for (enum rank rank = RANK_MODEL; rank < RANK_NONE && !*out; rank++)
        TRY(best_fitting(out, search, rank));
    return FLETCH_OK;
}

/* ---- By the number of tensors ---- */

static enum fletch_status best_dict(const struct candidate **out,
                                    const struct search *search, enum rank rank)
{
    struct fletch_prefix_listing listing = { .len = 0 };
    size_t most = 1, count = 0;
    bool same = false;

    *out = NULL;
    for (size_t i = 0; i < search->candidates_count && rank != RANK_OTHER; i++) {
        const struct candidate *candidate = &search->candidates[i];

        if (candidate->is_dict && candidate->rank == rank && candidate->tensors > most)
            most = candidate->tensors;
    }
    for (size_t i = 0; i < search->candidates_count; i++) {
        const struct candidate *candidate = &search->candidates[i];

        if (!candidate->is_dict || candidate->rank != rank || !candidate->tensors)
            continue;
        fletch_prefix_list_one(&listing, candidate->path, candidate->len,
                               candidate->tensors);
        if (candidate->tensors < most)
            continue;
        if (*out)
            TRY(is_copy(&same, search, candidate, *out));
        if (!*out || (same && candidate->len < (*out)->len))
            *out = candidate;
        count += !same;
    }
    return count < 2 ? FLETCH_OK : fail_ambiguous(search, &listing);
}

/* The length of a first word that all names of a candidate share, if it is one that is
 * always removed. */
static size_t always_len(struct search *search, const struct candidate *candidate,
                         size_t len)
{
    size_t count = gather(search, candidate), skip = len - candidate->len;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t word_len = strlen(words[i].text), j = 0;

        while (words[i].always && j < count &&
               !strncmp(search->below[j] + skip, words[i].text, word_len) &&
               search->below[j][skip + word_len] == '.')
            j++;
        if (j && j == count)
            return len + word_len + 1;
    }
    return len;
}

static enum fletch_status by_count(const char **prefix, struct search *search,
                                   struct fletch_arena *arena)
{
    const struct candidate *best = NULL;
    size_t len, before;

    for (enum rank rank = RANK_MODEL; rank < RANK_NONE && !best; rank++)
        TRY(best_dict(&best, search, rank));
    if (!best)
        return FLETCH_OK;
    len = best->len;
    do {
        before = len;
        len = always_len(search, best, len);
    } while (len != before);
    /* the names are gathered, and the first of them has that word */
    *prefix = fletch_arena_text(arena, search->below[0] - best->len, len);
    return *prefix ? FLETCH_OK : fletch_fail_memory(search->err, len, "a prefix");
}

/* ---- The choice ---- */

static enum fletch_status choose(const char **prefix, struct search *search,
                                 struct fletch_arena *arena)
{
    const struct candidate *best = NULL;

    if (search->hints && search->hints->prefix)
        return fletch_prefix_option(prefix, search->names, search->count,
                                    search->hints->prefix, arena, search->err);
    TRY(find_candidates(search));
    TRY(by_family(&best, search));
    if (!best)
        return by_count(prefix, search, arena);
    *prefix = fletch_arena_text(arena, best->path, best->len);
    return *prefix ? FLETCH_OK : fletch_fail_memory(search->err, best->len, "a prefix");
}

enum fletch_status fletch_prefix_choose(const char **prefix,
                                        const struct fletch_prefix_names *all,
                                        const struct fletch_prefix_hints *hints,
                                        struct fletch_arena *arena,
                                        struct fletch_error *err)
{
    size_t count = all->count;
    struct search search = { .count = count, .all = all, .hints = hints, .err = err };
    enum fletch_status status = FLETCH_OK;

    *prefix = NULL;
    search.names = fletch_alloc_array(count, sizeof(*search.names));
    search.below = fletch_alloc_array(count, sizeof(*search.below));
    search.places = fletch_alloc_array(count, sizeof(*search.places));
    search.marks = fletch_alloc_array(count, sizeof(*search.marks));
    if (!search.names || !search.below || !search.places || !search.marks)
        status = fletch_fail_memory(err, count * sizeof(*search.names), "names");
    for (size_t i = 0; !status && i < count; i++) {
        search.names[i] = all->names[i];
        status = fletch_pruned_name(&search.names[i].path, all->names[i].path, arena, err);
    }
    if (!status) {
        qsort(search.names, count, sizeof(*search.names), compare_names);
        status = choose(prefix, &search, arena);
    }
    for (size_t i = 0; i < search.candidates_count; i++)
        fletch_free(search.candidates[i].marks);
    fletch_free(search.candidates);
    fletch_free(search.names);
    fletch_free(search.below);
    fletch_free(search.places);
    fletch_free(search.marks);
    return status;
}

bool fletch_prefix_holds(const char *prefix, const struct fletch_prefix_name *name)
{
    size_t len = strlen(prefix);

    return name->own <= len && !strncmp(name->path, prefix, len);
}
