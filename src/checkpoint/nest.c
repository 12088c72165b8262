/* SPDX-License-Identifier: MIT */
/* nest.c - see nest.h
 *
 * The names are sorted once, so that those below a prefix are neighbours: candidates are
 * found, and counted, in one pass, however many there are.
 */
#include "checkpoint/nest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of one prefix. */
#define WORDS_MAX 8

enum rank { RANK_MODEL, RANK_AVERAGE, RANK_OTHER, RANK_NONE };

struct word {
    const char *text;
    enum rank rank;
    bool always; /* in front of every name it never belongs to the model */
};

static const struct word words[] = {
    /* what training loops call the dict */
    { "state_dict", RANK_MODEL, false },
    { "model_state_dict", RANK_MODEL, false },
    { "model_state", RANK_MODEL, false },
    { "params", RANK_MODEL, false },
    { "weights", RANK_MODEL, false },
    { "checkpoint", RANK_MODEL, false },
    /* what wrappers put in front: DataParallel, torch.compile, FSDP */
    { "module", RANK_MODEL, true },
    { "_orig_mod", RANK_MODEL, true },
    { "_fsdp_wrapped_module", RANK_MODEL, true },
    /* what people call the attribute of their class, or the dict */
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
    size_t begin, end; /* of the sorted names, those below it */
    size_t tensors;    /* those that lie right in its dict */
    bool is_dict;      /* the prefix ends where a dict begins, not within a key */
    bool fits;         /* the family finds what it needs */
    size_t known;      /* tensors that the family knows */
    bool *marks;       /* [end - begin]: these */
};

struct search {
    const struct fletch_nest_name **names; /* [count], sorted */
    size_t count;
    const struct fletch_choice *choice;
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
    const struct fletch_nest_name *const *x = a, *const *y = b;

    return strcmp((*x)->path, (*y)->path);
}

static bool is_right_below(const struct candidate *candidate,
                           const struct fletch_nest_name *name)
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

/* What the next word of the name makes of a candidate whose prefix it has: *len is behind
 * its dot. RANK_NONE when that is none. */
static enum rank next_rank(size_t *len, const struct fletch_nest_name *name,
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
        size_t cap = search->cap ? 2 * search->cap : 16;
        struct candidate *grown = fletch_resize(search->candidates, cap, sizeof(*grown));

        if (!grown)
            return fletch_fail_memory(search->err, cap * sizeof(*grown), "prefixes");
        search->candidates = grown;
        search->cap = cap;
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
        const struct fletch_nest_name *name = search->names[i];
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

/* Fills in search->below and ->places; their count. */
static size_t gather(struct search *search, const struct candidate *candidate)
{
    size_t count = 0;

    for (size_t i = candidate->begin; i < candidate->end; i++)
        if (is_right_below(candidate, search->names[i])) {
            search->below[count] = search->names[i]->path + candidate->len;
            search->places[count++] = i;
        }
    return count;
}

/* ---- Sentences ---- */

/* Appends to a text of `size` bytes: "'model' with 5"; from the first that does not fit on,
 * they are only counted. */
struct listing {
    char text[300];
    size_t len, left;
};

static void list_one(struct listing *listing, const char *path, size_t len, size_t count)
{
    size_t room = sizeof(listing->text) - listing->len;
    int wrote = 0;

    if (!listing->left)
        wrote = snprintf(listing->text + listing->len, room, "%s'%.*s' with %zu",
                         listing->len ? ", " : "", (int)(len ? len - 1 : 1),
                         len ? path : ".", count);
    if (listing->left || wrote < 0 || (size_t)wrote >= room) {
        listing->text[listing->len] = 0;
        listing->left++;
    } else {
        listing->len += (size_t)wrote;
    }
}

static void end_list(struct listing *listing, const char *unit)
{
    size_t room = sizeof(listing->text) - listing->len;
    char more[40] = "";

    if (listing->left)
        snprintf(more, sizeof(more), ", and %zu more", listing->left);
    if (strlen(unit) + strlen(more) < room)
        snprintf(listing->text + listing->len, room, "%s%s", unit, more);
}

static enum fletch_status fail_ambiguous(const struct search *search,
                                         struct listing *listing)
{
    end_list(listing, " tensors");
    return fletch_fail(search->err, FLETCH_ERR_UNSUPPORTED,
                       "has several parts that may be the model: %s; --prefix NAME takes "
                       "one of them",
                       listing->text);
}

/* ---- By what the family knows ---- */

static enum fletch_status ask_known(struct search *search, struct candidate *candidate)
{
    size_t count = gather(search, candidate);

    candidate->marks = fletch_alloc(candidate->end - candidate->begin);
    if (!candidate->marks)
        return fletch_fail_memory(search->err, candidate->end - candidate->begin, "names");
    memset(search->marks, 0, count * sizeof(*search->marks));
    TRY(search->choice->known(search->marks, search->below, count, search->choice->user,
                              search->err));
    for (size_t i = 0; i < count; i++) {
        candidate->marks[search->places[i] - candidate->begin] = search->marks[i];
        candidate->known += search->marks[i];
    }
    return FLETCH_OK;
}

/* True when a longer prefix means the same tensors as a shorter one. */
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
    struct listing listing = { .len = 0 };
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
    if (count_fitting(out, search, rank, most) < 2)
        return FLETCH_OK;
    for (size_t i = 0; i < search->candidates_count; i++)
        if (search->candidates[i].fits && search->candidates[i].rank == rank)
            list_one(&listing, search->candidates[i].path, search->candidates[i].len,
                     search->candidates[i].known);
    return fail_ambiguous(search, &listing);
}

static enum fletch_status by_family(const struct candidate **out, struct search *search)
{
    *out = NULL;
    /* the names as they are, and nothing else: no need to ask */
    if (!search->choice || !search->choice->fits || search->candidates_count < 2)
        return FLETCH_OK;
    for (size_t i = 0; i < search->candidates_count; i++) {
        struct candidate *candidate = &search->candidates[i];
        size_t count = candidate->tensors ? gather(search, candidate) : 0;

        candidate->fits =
            count && search->choice->fits(search->below, count, search->choice->user);
    }
    for (enum rank rank = RANK_MODEL; rank < RANK_NONE && !*out; rank++)
        TRY(best_fitting(out, search, rank));
    return FLETCH_OK;
}

/* ---- By the number of tensors ---- */

static enum fletch_status best_dict(const struct candidate **out,
                                    const struct search *search, enum rank rank)
{
    struct listing listing = { .len = 0 };
    size_t most = 1, count = 0;

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
        list_one(&listing, candidate->path, candidate->len, candidate->tensors);
        if (candidate->tensors < most)
            continue;
        *out = *out ? *out : candidate;
        count++;
    }
    return count < 2 ? FLETCH_OK : fail_ambiguous(search, &listing);
}

/* Where all names of a candidate begin with the same word of those that always go. */
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
    /* the names are gathered: the first of them has it */
    *prefix = fletch_arena_text(arena, search->below[0] - best->len, len);
    return *prefix ? FLETCH_OK : fletch_fail_memory(search->err, len, "a prefix");
}

/* ---- As asked for ---- */

/* Up to and with the dot behind the part that begins at `from`; 0 when it is the last. */
static size_t part_end(const char *path, size_t from)
{
    const char *dot = strchr(path + from, '.');

    return dot ? (size_t)(dot - path) + 1 : 0;
}

/* How much of the asked prefix, in whole parts, is in front of some name. */
static size_t common_len(const struct search *search, const char *asked)
{
    size_t best = 0;

    for (size_t i = 0; i < search->count; i++)
        for (size_t end = part_end(asked, best); end; end = part_end(asked, best)) {
            if (strncmp(search->names[i]->path, asked, end) != 0)
                break;
            best = end;
        }
    return best;
}

/* Lists the prefixes that are one part longer than what was right. */
static enum fletch_status fail_asked(const struct search *search, const char *asked)
{
    size_t right = common_len(search, asked), len = 0, next, same = 0;
    struct listing listing = { .len = 0 };
    const char *last = NULL;

    for (size_t i = 0; i < search->count; i++) {
        const char *path = search->names[i]->path;

        next = strncmp(path, asked, right) ? 0 : part_end(path, right);
        if (last && next == len && !strncmp(path, last, len)) {
            same++;
            continue;
        }
        if (last)
            list_one(&listing, last, len, same);
        last = next ? path : NULL;
        len = next;
        same = 1;
    }
    if (last)
        list_one(&listing, last, len, same);
    if (!listing.len)
        return fletch_fail(search->err, FLETCH_ERR_ARGUMENT,
                           "no tensor's name begins with '%.160s', which was asked for as "
                           "prefix; those %s have none",
                           asked, right ? "below the part that there is" : "there are");
    end_list(&listing, " tensors");
    if (!*asked)
        return fletch_fail(
            search->err, FLETCH_ERR_ARGUMENT,
            "no tensor lies right at the top, which was asked for as prefix; "
            "there are %s",
            listing.text);
    return fletch_fail(search->err, FLETCH_ERR_ARGUMENT,
                       "no tensor's name begins with '%.160s', which was asked for as "
                       "prefix; there are %s",
                       asked, listing.text);
}

static enum fletch_status by_wish(const char **prefix, const struct search *search,
                                  struct fletch_arena *arena)
{
    const char *asked = search->choice->prefix;
    size_t len = strlen(asked);
    bool dotted = len && asked[len - 1] == '.';
    const char *wanted = fletch_arena_format(arena, "%s%s", strcmp(asked, ".") ? asked : "",
                                             len && !dotted ? "." : "");

    if (!wanted)
        return fletch_fail_memory(search->err, len, "a prefix");
    *prefix = wanted;
    for (size_t i = 0; i < search->count; i++)
        if (fletch_nest_holds(wanted, search->names[i]))
            return FLETCH_OK;
    return fail_asked(search, wanted);
}

/* ---- The choice ---- */

static enum fletch_status choose(const char **prefix, struct search *search,
                                 struct fletch_arena *arena)
{
    const struct candidate *best = NULL;

    if (search->choice && search->choice->prefix)
        return by_wish(prefix, search, arena);
    TRY(find_candidates(search));
    TRY(by_family(&best, search));
    if (!best)
        return by_count(prefix, search, arena);
    *prefix = fletch_arena_text(arena, best->path, best->len);
    return *prefix ? FLETCH_OK : fletch_fail_memory(search->err, best->len, "a prefix");
}

enum fletch_status fletch_nest_choose(const char **prefix,
                                      const struct fletch_nest_name *names, size_t count,
                                      const struct fletch_choice *choice,
                                      struct fletch_arena *arena, struct fletch_error *err)
{
    struct search search = { .count = count, .choice = choice, .err = err };
    enum fletch_status status = FLETCH_OK;

    *prefix = NULL;
    search.names = fletch_alloc_array(count, sizeof(*search.names));
    search.below = fletch_alloc_array(count, sizeof(*search.below));
    search.places = fletch_alloc_array(count, sizeof(*search.places));
    search.marks = fletch_alloc_array(count, sizeof(*search.marks));
    if (!search.names || !search.below || !search.places || !search.marks)
        status = fletch_fail_memory(err, count * sizeof(*search.names), "names");
    for (size_t i = 0; !status && i < count; i++)
        search.names[i] = &names[i];
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

bool fletch_nest_holds(const char *prefix, const struct fletch_nest_name *name)
{
    size_t len = strlen(prefix);

    return name->own <= len && !strncmp(name->path, prefix, len);
}
