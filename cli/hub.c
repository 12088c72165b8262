/* SPDX-License-Identifier: MIT */
/* hub.c - see hub.h */
#include "hub.h"

#include "text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A commit's name: of SHA-1, or of what may come after it. */
#define COMMIT_MIN 40
#define COMMIT_MAX 64

/* Where the cache may be, first match; `below` is what is in the folder that is named. */
static const struct {
    const char *variable, *below;
} CACHES[] = {
    { "HF_HUB_CACHE", "" },
    { "HUGGINGFACE_HUB_CACHE", "" },
    { "HF_HOME", "/hub" },
    { "XDG_CACHE_HOME", "/huggingface/hub" },
    { "HOME", "/.cache/huggingface/hub" },
};

/* "name" or "owner/name", as the hub has them. */
static bool is_hub_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t len = strspn(name, letters);

    if (len == 0 || name[0] == '.' || strstr(name, ".."))
        return false;
    if (name[len] == '/') {
        name += len + 1;
        len = strspn(name, letters);
    }
    return len > 0 && name[0] != '.' && !name[len];
}

static bool is_folder(const char *path)
{
    struct stat about;

    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

/* Appends the cache's folder; false where nothing says where it is. */
static bool add_cache(struct fletch_text *path)
{
    for (size_t i = 0; i < sizeof(CACHES) / sizeof(*CACHES); i++) {
        const char *folder = getenv(CACHES[i].variable), *home = getenv("HOME");

        if (!folder || !*folder)
            continue;
        if (folder[0] == '~' && (folder[1] == '/' || !folder[1]) && home) {
            fletch_text_add(path, home);
            folder++;
        }
        fletch_text_add(path, folder);
        fletch_text_add(path, CACHES[i].below);
        return true;
    }
    return false;
}

/* The commit that `refs/main` of the model's folder names; false without one. */
static bool read_main(char commit[COMMIT_MAX + 1], const char *folder)
{
    struct fletch_text path = { 0 };
    FILE *file;
    size_t len = 0;

    fletch_text_addf(&path, "%s/refs/main", folder);
    file = fopen(fletch_text_string(&path), "rbe");
    fletch_text_release(&path);
    if (!file)
        return false;
    len = fread(commit, 1, COMMIT_MAX, file);
    fclose(file);
    commit[len] = '\0';
    commit[strcspn(commit, "\r\n")] = '\0';
    len = strlen(commit);
    return len >= COMMIT_MIN && strspn(commit, "0123456789abcdef") == len;
}

/* The only snapshot that there is; false where there are more or none. */
static bool read_only(char commit[COMMIT_MAX + 1], const char *snapshots)
{
    DIR *folder = opendir(snapshots);
    const struct dirent *entry;
    size_t count = 0, len;

    while (folder && (entry = readdir(folder)) != NULL) {
        len = strlen(entry->d_name);
        if (len < COMMIT_MIN || len > COMMIT_MAX)
            continue;
        memcpy(commit, entry->d_name, len + 1);
        count++;
    }
    if (folder)
        closedir(folder);
    return count == 1;
}

/* Appends the folder of the snapshot that a program would load; false without one. */
static bool add_snapshot(struct fletch_text *path, const char *model)
{
    char commit[COMMIT_MAX + 1];
    bool found;

    if (!add_cache(path))
        return false;
    fletch_text_add(path, "/models--");
    for (; *model; model++)
        fletch_text_put(path, *model == '/' ? "--" : model, *model == '/' ? 2 : 1);
    found = read_main(commit, fletch_text_string(path));
    fletch_text_add(path, "/snapshots");
    if (!found && !read_only(commit, fletch_text_string(path)))
        return false;
    fletch_text_addf(path, "/%s", commit);
    return !path->failed && is_folder(fletch_text_string(path));
}

void fletch_hub_advise(struct fletch_error *err, const char *model)
{
    struct fletch_text path = { 0 };
    struct stat about;

    if (err->status == FLETCH_ERR_NOT_FOUND && model && is_hub_name(model) &&
        stat(model, &about) && add_snapshot(&path, model))
        snprintf(err->message, sizeof(err->message),
                 "%s: no such file or folder; the hub's cache has a model of that name, "
                 "give its folder: %s",
                 model, fletch_text_string(&path));
    fletch_text_release(&path);
}
