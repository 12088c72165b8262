/* SPDX-License-Identifier: MIT */
/* fletch.h - model checkpoints into one verified Parquet file: the whole public API
 *
 * Conventions:
 *
 * - A function that can fail returns an enum fletch_status, where FLETCH_OK is zero, and
 *   writes the reason into the caller's struct fletch_error (which may be NULL). The
 *   message is one line without a leading "fletch:"; it names the thing, what was found and
 *   what was expected.
 * - Outputs come first and are written only on success; options and the error come last.
 * - close and release accept NULL and zeroed structs. The caller closes what it receives
 *   through `**out`; strings inside a struct belong to the object that filled it in.
 * - Sizes are in bytes, counts are numbers of things, shapes are in elements, outermost
 *   first.
 * - The library prints nothing, reads nothing from the environment and has no global state.
 *   Any number of threads may use it at once, but each object by one thread at a time.
 * - The library sets and changes no signal handler. If the process has a file size limit
 *   (RLIMIT_FSIZE, ulimit -f), SIGXFSZ kills it in the middle of a write unless it ignores
 *   that signal: signal(SIGXFSZ, SIG_IGN), as the command does. The write then fails with
 *   FLETCH_ERR_IO and leaves nothing behind. If the system grants fewer threads than were
 *   asked for, those do the work.
 * - Nothing in a checkpoint is ever executed.
 *
 * How this header grows without programs having to be recompiled:
 *
 * - Structs that the caller fills in begin with their `size`; new members are added at the
 *   end. A size of 0 covers the members up to "since 1 to here". A program that sets later
 *   ones sets size to sizeof(struct). If its header is newer than the library, members that
 *   the library does not know must be zero, or the call fails with FLETCH_ERR_ARGUMENT.
 * - Structs that the library fills in end with `reserved`, which is zero. A new member
 *   takes its place, so no struct changes its size. Only fletch_progress, which is passed
 *   by pointer, may get longer.
 * - Enumerators and functions are added, never renumbered or removed. A change that this
 *   does not allow raises FLETCH_API_VERSION, and with it the number in the library's file
 *   name.
 */
#ifndef FLETCH_FLETCH_H
#define FLETCH_FLETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FLETCH_API __attribute__((visibility("default")))
#else
#define FLETCH_API
#endif

/* The version of this header; the library's soversion is the same number. */
#define FLETCH_API_VERSION 1

/* ---- Errors ---- */

enum fletch_status {
    FLETCH_OK = 0,
    FLETCH_ERR_ARGUMENT,  /* an option or argument that makes no sense */
    FLETCH_ERR_NOT_FOUND, /* no such file, tensor or row */
    FLETCH_ERR_IO, /* the system refused: disk full, no permission, a file that shrank */
    FLETCH_ERR_FORMAT,      /* bytes that break the rules of their format */
    FLETCH_ERR_UNSUPPORTED, /* well formed, but beyond what fletch or this build does */
    FLETCH_ERR_FAMILY,      /* no family fits the model, or the requested one does not */
    FLETCH_ERR_VERIFY,      /* what was read back differs from the source */
    FLETCH_ERR_MEMORY,      /* an allocation failed, or the budget is too small */
    FLETCH_ERR_CANCELLED    /* the cancel callback asked to stop */
};

struct fletch_error {
    enum fletch_status status;
    char message[508]; /* one line, no full stop, always terminated */
};

/* The name of a status for programs, e.g. "not-found". Never NULL. */
FLETCH_API const char *fletch_status_name(enum fletch_status status);

/* ---- What this build can do ---- */

/* "0.1.0". */
FLETCH_API const char *fletch_version(void);
/* FLETCH_API_VERSION of the library that the program is running with. */
FLETCH_API unsigned fletch_api_version(void);

/* The i-th family: its name ("bert") and what it covers in one line. NULL past the last. */
FLETCH_API const char *fletch_family_name(size_t i);
FLETCH_API const char *fletch_family_title(size_t i);
/* The j-th config.json model_type that the i-th family claims. NULL past the last. */
FLETCH_API const char *fletch_family_model_type(size_t i, size_t j);

struct fletch_codec_info {
    const char *name;         /* "zstd" */
    const char *display_name; /* its name in a Parquet footer: "ZSTD", "LZ4_RAW" */
    bool built_in;            /* false: known, but left out of this build */
    int level_min;            /* this and the next two are 0 when the codec has no levels */
    int level_max;
    int level_default;
    uint64_t reserved[4];
};

/* The i-th codec. NOT_FOUND past the last. */
FLETCH_API enum fletch_status fletch_codec_at(struct fletch_codec_info *out, size_t i);

/* ---- Options ---- */

enum fletch_precision {
    FLETCH_PRECISION_FLOAT16 = 0, /* floating tensors become float16 */
    /* float32 and float16 stay; bfloat16 and float64 become float32 */
    FLETCH_PRECISION_KEEP
};

enum fletch_overflow {
    /* A tensor with a value beyond float16 stays float32, with a warning. */
    FLETCH_OVERFLOW_KEEP = 0,
    FLETCH_OVERFLOW_INF, /* such values become infinity, with a warning */
    /* Any value beyond the type that its tensor is stored as is an error: beyond float16,
     * float64 beyond float32, uint64 beyond int64. With the other settings the last two
     * become infinity and the largest int64, with a warning. */
    FLETCH_OVERFLOW_ERROR
};

/* The part of the work that a progress call reports on. */
enum fletch_stage {
    FLETCH_STAGE_OPEN,    /* the model has been recognised; `text` says as what and why */
    FLETCH_STAGE_WRITE,   /* bytes converted so far, of all source bytes to convert */
    FLETCH_STAGE_VERIFY,  /* the same bytes again, compared */
    FLETCH_STAGE_PUBLISH, /* renaming into place */
    FLETCH_STAGE_WARNING  /* `text` is a warning for people */
};

struct fletch_progress {
    enum fletch_stage stage;
    uint64_t done;  /* bytes, out of `total` */
    uint64_t total; /* bytes */
    size_t tensors_done;
    size_t tensors_total;
    const char *text; /* set only for OPEN and WARNING; valid during the call */
};

/* Called now and then. Calls never overlap, but may come from different threads. */
typedef void (*fletch_progress_fn)(const struct fletch_progress *progress, void *user);
/* Called often, from any of the working threads, possibly from several at once. Returning
 * true stops the work with FLETCH_ERR_CANCELLED within a few milliseconds. */
typedef bool (*fletch_cancel_fn)(void *user);

/* All zero is recommended. Strings are borrowed for the call. */
struct fletch_options {
    size_t size; /* sizeof(struct fletch_options), or 0: no member after `user` is set */
    const char *family; /* NULL or "auto": config.json decides */
    const char *prefix; /* "state_dict.model": only tensors below this name belong to the
                           model, and they lose it; "" or ".": use the names as they are;
                           NULL: choose the prefix under which most names known to the
                           family lie */
    /* "KEY=VALUE" strings, ending with NULL; each overrides config.json. NULL: none. A key
     * is one that metadata.json uses for the model, or a dotted one of config.json
     * ("num_attention_heads", "vision_config.num_attention_heads"). */
    const char *const *set;
    const char *codec; /* NULL: "zstd", or the first codec of this build; "none" */
    int level;         /* 0: the codec's default */
    enum fletch_precision precision;
    enum fletch_overflow overflow;
    bool require_exact;  /* treat any rounding or overflow as an error that names the
                           tensors */
    bool allow_missing;  /* go on when tensors are missing that the model needs, or rows of
                           its tables; metadata.json lists them */
    bool keep_heads;     /* write heads that the family leaves out, such as a reranker's
                           classifier, under their own names */
    bool skip_verify;    /* do not read back and compare: faster, proves nothing */
    bool skip_tokenizer; /* text models: write no tokenizer/ folder */
    bool certify;        /* also record sha256 of every source file and source tensor */
    bool force;          /* go on when the output folder holds other files and keep them;
                            those with names of ours are replaced */
    unsigned threads;    /* 0: as many as the process may use */
    uint64_t memory;     /* bytes for buffers; 0: what the default pieces need */
    fletch_progress_fn progress; /* may be NULL */
    fletch_cancel_fn cancel;     /* may be NULL */
    void *user;                  /* passed to both callbacks */
    /* since 1 to here */
    bool paranoid; /* read back with the codec's library alone, never with fletch's own,
                      faster decoder: the proof then does not depend on that decoder */
};

/* ---- Convert ---- */

struct fletch_result {
    const char *family;   /* static */
    char *weights_path;   /* <output>/weights.parquet */
    char *metadata_path;  /* <output>/metadata.json */
    char *tokenizer_path; /* <output>/tokenizer, or NULL when there is none */
    char *metadata_json;  /* the text of metadata.json */
    char **warnings;      /* [warnings_count], one line each */
    size_t warnings_count;
    char **notes; /* [notes_count], one line each: see fletch_checkpoint_note */
    size_t notes_count;
    size_t tensors;         /* rows written */
    size_t left_out;        /* tensors of the checkpoint that have no row */
    size_t missing;         /* tensors that the model needs and the checkpoint lacks, and
                               tables that are too short: only with allow_missing */
    uint64_t parameters;    /* elements of all rows */
    uint64_t source_bytes;  /* of the converted tensors, as stored in the checkpoint */
    uint64_t stored_bytes;  /* of all rows as cast, before compression */
    uint64_t written_bytes; /* of weights.parquet */
    double seconds;         /* wall time, verification included */
    bool verified;          /* false only with skip_verify */
    bool passed;            /* verified, and the model is whole: no tensor is missing */
    struct fletch_result_rows *rows; /* for fletch_result_row_at */
    uint64_t reserved[8];
};

/* What the cast of a row did to its values. */
struct fletch_cast {
    bool exact;          /* every value is unchanged; then all counts below but nan are 0 */
    uint64_t rounded;    /* finite values that changed and stayed finite */
    uint64_t flushed;    /* values other than 0 that became 0 */
    uint64_t subnormal;  /* normal values that are subnormal now, changed or not */
    uint64_t overflowed; /* finite values that became infinite or INT64_MAX */
    uint64_t nan;        /* NaN in the source */
    uint64_t beyond_float16; /* values that made the row stay float32 */
    double absolute_error;   /* the largest among the values that stayed finite */
    double relative_error;
    uint64_t reserved[4];
};

/* A row of the file as it was written. */
struct fletch_result_row {
    const char *name;         /* of the row */
    const char *tensor;       /* its source in the checkpoint */
    const char *taken;        /* the part used: "rows 0 to 8 of 24", "transposed"; NULL: all
                                 of it */
    const char *source_dtype; /* "torch.float32" */
    const char *dtype;        /* "torch.float16" */
    const uint64_t *shape;    /* [rank] */
    unsigned rank;
    uint64_t count;           /* elements */
    uint64_t source_size;     /* bytes in the checkpoint */
    uint64_t size;            /* bytes as stored, before compression */
    uint64_t compressed_size; /* bytes of its page in the file, header included */
    struct fletch_cast cast;
    uint8_t sha256[32];        /* of the value as stored */
    uint8_t source_sha256[32]; /* of the source's bytes, zero unless `certified` */
    bool certified;
    uint64_t reserved[8];
};

/* Converts the model in the folder or single file `model` into the folder `out_dir`, which
 * is created along with its parents. The output appears complete or not at all; an earlier
 * conversion there stays whole until then. NOT_FOUND, FORMAT, UNSUPPORTED and FAMILY are
 * about the model; ARGUMENT is about the options, or about an output folder that holds
 * other files; VERIFY means that the proof failed. After any failure nothing is published.
 * After success the caller must release `result`. */
FLETCH_API enum fletch_status fletch_convert(struct fletch_result *result,
                                             const char *model, const char *out_dir,
                                             const struct fletch_options *options,
                                             struct fletch_error *err);
/* The i-th row, in file order; its strings and shape live until the release. False past the
 * last. */
FLETCH_API bool fletch_result_row_at(struct fletch_result_row *out,
                                     const struct fletch_result *result, size_t i);
FLETCH_API void fletch_result_release(struct fletch_result *result);

/* For a program that must exit at once while its conversion is in a call that cannot be
 * interrupted (decoding a whole gzip page takes seconds). Call it from another thread: it
 * removes what this process has staged for `out_dir`. That conversion can then publish
 * nothing and will fail, so the caller should exit next. Do not call it once the progress
 * callback has received FLETCH_STAGE_PUBLISH, which is the last chance to cancel: the
 * output may already be in place.
 */
FLETCH_API void fletch_abandon(const char *out_dir);

/* ---- Plan: what a conversion would do, without reading tensor bytes ---- */

struct fletch_plan_row {
    const char *name;         /* of the row */
    const char *tensor;       /* its source in the checkpoint */
    const char *source_dtype; /* "torch.float32" */
    const char *dtype;        /* stored as this; float16 may still become float32 on
                                 overflow */
    const uint64_t *shape;    /* [rank] */
    unsigned rank;
    uint64_t count;       /* elements */
    uint64_t source_size; /* bytes in the checkpoint */
    uint64_t size;        /* bytes when stored, before compression */
    const char *mask;     /* the mask that a pruned weight is multiplied by; NULL: none */
    uint64_t reserved[4];
};

struct fletch_left_out {
    const char *tensor;
    const char *reason; /* "belongs to the text tower" */
    uint64_t reserved[2];
};

struct fletch_plan_summary {
    const char *family;     /* static */
    const char *model_type; /* of config.json, or "" */
    const char *evidence;   /* "config.json: model_type \"bert\"" */
    const char *format;     /* "safetensors" */
    const char *dialect;    /* the project whose names the tensors had: "openai-whisper";
                               NULL: transformers' own. Static */
    const char *prefix; /* "state_dict.model": removed from the front of the model's names;
                           NULL: nothing */
    size_t rows, left_out, files;
    size_t missing; /* only with allow_missing */
    uint64_t parameters;
    uint64_t source_bytes; /* of the rows' tensors */
    uint64_t stored_bytes; /* of all rows, before compression */
    /* An estimate for weights.parquet, from the codec and the dtypes. */
    uint64_t predicted_bytes;
    uint64_t reserved[8];
};

struct fletch_plan;

/* Fails with the same status and message as a conversion would before it reads a tensor:
 * faults in config.json or the tokenizer and a memory budget that is too small included. It
 * does not look at the output folder. */
FLETCH_API enum fletch_status fletch_plan_open(struct fletch_plan **out, const char *model,
                                               const struct fletch_options *options,
                                               struct fletch_error *err);
FLETCH_API void fletch_plan_close(struct fletch_plan *plan);
FLETCH_API void fletch_plan_summarise(struct fletch_plan_summary *out,
                                      const struct fletch_plan *plan);
/* False past the last. */
FLETCH_API bool fletch_plan_row_at(struct fletch_plan_row *out,
                                   const struct fletch_plan *plan, size_t i);
FLETCH_API bool fletch_plan_left_out_at(struct fletch_left_out *out,
                                        const struct fletch_plan *plan, size_t i);
/* The i-th warning, one line, that a conversion would give before it reads a tensor. NULL
 * past the last. */
FLETCH_API const char *fletch_plan_warning(const struct fletch_plan *plan, size_t i);
/* The i-th note of the checkpoints: see fletch_checkpoint_note. NULL past the last. */
FLETCH_API const char *fletch_plan_note(const struct fletch_plan *plan, size_t i);

/* ---- Detect ---- */

struct fletch_detection {
    const char *family;   /* static */
    char model_type[128]; /* of config.json, or "" */
    char evidence[256];   /* the fact that decided, in words */
    uint64_t reserved[4];
};

/* Which family a model belongs to: judged by config.json, modules.json, the model's name
 * and the tensors' names, in that order. FLETCH_ERR_FAMILY when none fits. */
FLETCH_API enum fletch_status fletch_detect(struct fletch_detection *out, const char *model,
                                            struct fletch_error *err);

/* ---- What is at a path ---- */

enum fletch_path_kind {
    FLETCH_PATH_NONE = 0,          /* nothing, or a link that leads nowhere */
    FLETCH_PATH_CONVERTED,         /* a folder with a weights.parquet: a table */
    FLETCH_PATH_PARQUET,           /* a file that begins like a Parquet file: a table */
    FLETCH_PATH_CHECKPOINT_FOLDER, /* any other folder: fletch_checkpoint_open lists its
                                      tensors, or says that it is no checkpoint */
    FLETCH_PATH_CHECKPOINT_FILE    /* any other file: the same */
};

/* Tells how a path should be opened. A file is recognised by its first bytes, whatever its
 * name; nothing else is read. IO when the system denies access; MEMORY. */
FLETCH_API enum fletch_status fletch_path_look(enum fletch_path_kind *out, const char *path,
                                               struct fletch_error *err);

/* ---- Checkpoints: list the tensors of a folder or a file ----
 *
 * When a file holds more than a model, as a training run's does, only the model's tensors
 * are listed, under the names that the model uses for them. */

struct fletch_tensor_info {
    const char *name;      /* UTF-8 */
    const char *dtype;     /* "torch.bfloat16" */
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count;   /* elements */
    uint64_t size;    /* bytes */
    const char *file; /* the checkpoint's file that holds it, as a relative path */
    uint64_t offset;  /* of the first byte, from the start of that file */
    /* [rank], the distance in elements between neighbours along each dimension; NULL:
     * contiguous. Conversion always puts them in order. */
    const uint64_t *strides;
    bool big_endian; /* most significant byte first */
    uint64_t reserved[4];
};

struct fletch_checkpoint;

/* Uses these options, which may be NULL: family and prefix help to find the model within
 * the file; cancel and user are kept for reading. */
FLETCH_API enum fletch_status fletch_checkpoint_open(struct fletch_checkpoint **out,
                                                     const char *path,
                                                     const struct fletch_options *options,
                                                     struct fletch_error *err);
FLETCH_API void fletch_checkpoint_close(struct fletch_checkpoint *checkpoint);
FLETCH_API size_t fletch_checkpoint_count(const struct fletch_checkpoint *checkpoint);
/* False past the last. Tensors come in natural order of their names. */
FLETCH_API bool fletch_checkpoint_at(struct fletch_tensor_info *out,
                                     const struct fletch_checkpoint *checkpoint, size_t i);
/* Reads `size` bytes of the i-th tensor, starting at its byte `begin`, into out[size]. They
 * are elements of the tensor's own dtype, contiguous, outermost dimension first,
 * little-endian, however the file stores them. A tensor may be read in pieces of any size
 * and in any order; begin and size must lie within its bytes, or the call fails with
 * ARGUMENT. The file's checksums are not checked. Any number of threads may read from one
 * checkpoint at once.
 *
 * NOT_FOUND past the last tensor; IO when the file has shrunk; FORMAT, UNSUPPORTED and
 * CANCELLED when a compressed member must be unpacked first (into an unlinked temporary
 * file, within the limits of docs/security.md); MEMORY. After a failure out[] is
 * undefined. */
FLETCH_API enum fletch_status
fletch_checkpoint_read(void *out, size_t size, const struct fletch_checkpoint *checkpoint,
                       size_t i, uint64_t begin, struct fletch_error *err);
/* "safetensors". Static. */
FLETCH_API const char *fletch_checkpoint_format(const struct fletch_checkpoint *checkpoint);
/* The project whose names the tensors have, such as "openai-clip"; NULL when it is unknown
 * or is transformers itself. Static. */
FLETCH_API const char *
fletch_checkpoint_dialect(const struct fletch_checkpoint *checkpoint);
/* "state_dict.model": the prefix removed from all names; "" for none. */
FLETCH_API const char *fletch_checkpoint_prefix(const struct fletch_checkpoint *checkpoint);
/* The i-th note for people, one line: what was skipped and why, what a pickle wanted to
 * call. NULL past the last. */
FLETCH_API const char *fletch_checkpoint_note(const struct fletch_checkpoint *checkpoint,
                                              size_t i);
/* The name of the i-th tensor that is not part of the model, such as an optimizer's. NULL
 * past the last. */
FLETCH_API const char *fletch_checkpoint_skipped(const struct fletch_checkpoint *checkpoint,
                                                 size_t i);

/* ---- Tables: the rows of a written file ---- */

struct fletch_row {
    const char *name;
    const char *dtype;     /* as the file says: "torch.float16" */
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count;           /* elements */
    uint64_t size;            /* bytes of the value */
    uint64_t compressed_size; /* bytes of its page in the file, header included; 0:
                                 unknown */
    const void *data; /* [size], NULL until read; valid until the next read or close */
    bool mapped;      /* data lies in the mapped file: valid until close */
    bool estimated;   /* size was computed from dtype and shape, and the value is not read
                         yet: in another writer's file only the page tells the true size */
    uint64_t reserved[4];
};

struct fletch_table;

/* Opens a weights.parquet, or the folder that holds one. Reads the footer and the small
 * columns. */
FLETCH_API enum fletch_status fletch_table_open(struct fletch_table **out, const char *path,
                                                struct fletch_error *err);
FLETCH_API void fletch_table_close(struct fletch_table *table);
FLETCH_API size_t fletch_table_count(const struct fletch_table *table);
/* The i-th row without its value. False past the last. */
FLETCH_API bool fletch_table_at(struct fletch_row *out, const struct fletch_table *table,
                                size_t i);
/* The index of the row with that name; FLETCH_ERR_NOT_FOUND. */
FLETCH_API enum fletch_status fletch_table_find(size_t *out,
                                                const struct fletch_table *table,
                                                const char *name, struct fletch_error *err);
/* From now on uncompressed values (codec none) are not copied: a row's `data` then points
 * into a read-only mapping of the file and is valid until close; the CRC is checked when a
 * value is first read. Other values are read as before; row.mapped tells which.
 *
 * If another process truncates the file while it is mapped, touching the lost part kills
 * the program with SIGBUS; that is why mapping must be requested. fletch itself never
 * truncates or overwrites what it has published: a new conversion replaces the file, and
 * the mapping keeps the old one. FLETCH_ERR_IO when the file is already shorter. */
FLETCH_API enum fletch_status fletch_table_map(struct fletch_table *table,
                                               struct fletch_error *err);
/* The i-th row with its value; the page's CRC is checked. In files that fletch wrote,
 * values are aligned to 64 bytes, or to 8 when mapped and at most 1024 bytes long, which
 * suits every element type. In files of other writers, mapped values may have any
 * alignment. Once the table's buffers have grown to the largest value, reading allocates
 * nothing. */
FLETCH_API enum fletch_status fletch_table_read(struct fletch_row *out,
                                                struct fletch_table *table, size_t i,
                                                struct fletch_error *err);

/* Returns memory for a value: `size` bytes, at least 1; NULL: there is none. */
typedef void *(*fletch_memory_fn)(size_t size, void *user);
/* As fletch_table_read, but the value goes into the caller's memory. `get` is called at
 * most once, on the same thread, for slightly more memory than the value needs; row.data
 * lies in it, aligned to 64 bytes, for as long as the caller keeps it. `get` is not called
 * when row.mapped. The value is decompressed in place when the file has it in a page of its
 * own, else copied. The memory stays the caller's after a failure too. */
FLETCH_API enum fletch_status fletch_table_read_into(struct fletch_row *out,
                                                     struct fletch_table *table, size_t i,
                                                     fletch_memory_fn get, void *user,
                                                     struct fletch_error *err);
/* Reads `size` bytes of the i-th row's value, starting at its byte `begin`, into out[size];
 * ARGUMENT when they do not lie within it. For an uncompressed value nothing else is read;
 * for others everything before the part is decompressed too, but nothing after it. The
 * page's CRC is checked only when the part is the whole value. */
FLETCH_API enum fletch_status fletch_table_read_part(void *out, size_t size,
                                                     struct fletch_table *table, size_t i,
                                                     uint64_t begin,
                                                     struct fletch_error *err);
/* Another table on the same open file, for another thread. It shares what `table` has read,
 * and its mapping if there is one. Close `table` last; it may be in use meanwhile. */
FLETCH_API enum fletch_status fletch_table_share(struct fletch_table **out,
                                                 const struct fletch_table *table,
                                                 struct fletch_error *err);

/* ---- Verify ---- */

struct fletch_verification {
    size_t rows;
    uint64_t parameters;
    uint64_t compared_bytes; /* against the source; 0 without one */
    size_t hashes;           /* row hashes of metadata.json that were checked */
    size_t crcs; /* rows whose page has a CRC, all of them right; other writers often leave
                    it out */
    size_t
        missing;   /* tensors that metadata.json lists as missing: the model is not whole */
    bool compared; /* values were compared with hashes or a source; false: they are
                      unproven, and an FLETCH_STAGE_WARNING has said so */
    uint64_t reserved[8];
};

/* Proves a converted folder, or its weights.parquet together with any metadata.json beside
 * it. Without a source (NULL) it checks the structure, page CRCs, every row against
 * metadata.json and its sha256, and that the tokenizer named there exists. Folders of other
 * tools may lack those lists: then `compared` is false. With a source it also checks all
 * that a conversion proves: it redoes the plan and the casts from the checkpoint and
 * compares every value. FLETCH_ERR_VERIFY names the row and the element. Uses these
 * options: family, prefix, set, threads and the callbacks. */
FLETCH_API enum fletch_status fletch_verify(struct fletch_verification *out,
                                            const char *out_dir, const char *source,
                                            const struct fletch_options *options,
                                            struct fletch_error *err);

#ifdef __cplusplus
}
#endif

#endif
