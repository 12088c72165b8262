/* SPDX-License-Identifier: MIT */
/* fletch.h - model checkpoints into one verified Parquet file: the whole public API
 *
 * Conventions, said once:
 *
 * - A function that can fail returns an enum fletch_status, FLETCH_OK being zero, and says
 *   why in the caller's struct fletch_error (which may be NULL). The sentence is one line,
 *   without the program's own "fletch:", and names the thing, what was found and what was
 *   expected.
 * - Outputs come first and are written only on success; options and the error come last.
 * - close and release take NULL and zeroed structs. What comes out of `**out` is the
 *   caller's to close; strings inside a struct belong to the object that filled it in.
 * - Sizes are bytes, counts are numbers of things, shapes are in elements, outermost first.
 * - Nothing is printed, nothing is read from the environment, and there is no global state:
 *   any number of threads may use the library at once, each object by one thread at a time.
 * - Signals are the caller's: no handler is set or changed. A process whose files may not
 *   grow (RLIMIT_FSIZE, ulimit -f) is killed by SIGXFSZ in the middle of a write, unless it
 *   ignores that signal, signal(SIGXFSZ, SIG_IGN), as the command does: then it is
 *   FLETCH_ERR_IO, and nothing is left behind. Where the system gives fewer threads than
 *   were asked for, those do the work.
 * - Nothing in a checkpoint is ever executed.
 *
 * How this header grows without a program having to be compiled anew:
 *
 * - Structs that the caller fills in begin with their `size`, and new members come at their
 *   end. A size of 0 means the members up to "since 1 to here". A program that sets later
 *   ones says sizeof(struct): of a newer header than the library's, what the library does
 *   not know must be zero, or it is FLETCH_ERR_ARGUMENT.
 * - Structs that the library fills in end with `reserved`, which is zero; a new member
 *   takes its place, and no struct changes its size. fletch_progress alone is handed out
 *   by pointer and may get longer.
 * - Enumerators and functions are added, never renumbered or taken away. What cannot be
 *   done so raises FLETCH_API_VERSION, and with it the number in the library's file name.
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

/* Of this header; the library's soversion is the same number. */
#define FLETCH_API_VERSION 1

/* ---- Errors ---- */

enum fletch_status {
    FLETCH_OK = 0,
    FLETCH_ERR_ARGUMENT,  /* an option or argument that makes no sense */
    FLETCH_ERR_NOT_FOUND, /* a file, a tensor or a row that is not there */
    FLETCH_ERR_IO, /* the system refused: disk full, no permission, a file that shrank */
    FLETCH_ERR_FORMAT,      /* bytes that break the rules of their format */
    FLETCH_ERR_UNSUPPORTED, /* well formed, but beyond what fletch or this build does */
    FLETCH_ERR_FAMILY,   /* no family fits the model, or the one that was named does not */
    FLETCH_ERR_VERIFY,   /* what was read back differs from what the source says */
    FLETCH_ERR_MEMORY,   /* an allocation failed, or the budget does not suffice */
    FLETCH_ERR_CANCELLED /* the cancel callback said so */
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
/* FLETCH_API_VERSION of the library that the program runs with. */
FLETCH_API unsigned fletch_api_version(void);

/* The i-th family: its name ("bert") and what it covers in one line. NULL past the last. */
FLETCH_API const char *fletch_family_name(size_t i);
FLETCH_API const char *fletch_family_title(size_t i);
/* The j-th config.json model_type that the i-th family claims. NULL past the last. */
FLETCH_API const char *fletch_family_model_type(size_t i, size_t j);

struct fletch_codec_info {
    const char *name;         /* "zstd" */
    const char *display_name; /* what a Parquet footer calls it: "ZSTD", "LZ4_RAW" */
    bool built_in;            /* false: known, but this build was made without it */
    int level_min;            /* 0 when the codec has no levels, as the next two */
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
    /* A tensor with a value beyond float16 stays float32; a warning. */
    FLETCH_OVERFLOW_KEEP = 0,
    FLETCH_OVERFLOW_INF, /* such values become infinity; a warning */
    /* A tensor with a value beyond float16 is an error, or beyond the type that else it is
     * stored as: float64 beyond float32, uint64 beyond int64. Without this they become
     * infinity, the largest int64; a warning. */
    FLETCH_OVERFLOW_ERROR
};

/* What part of the work a progress call speaks of. */
enum fletch_stage {
    FLETCH_STAGE_OPEN,    /* the model has been recognised; `text` says as what and why */
    FLETCH_STAGE_WRITE,   /* bytes done of the source's bytes to convert */
    FLETCH_STAGE_VERIFY,  /* the same bytes again, compared */
    FLETCH_STAGE_PUBLISH, /* renaming into place */
    FLETCH_STAGE_WARNING  /* `text` is a warning for people */
};

struct fletch_progress {
    enum fletch_stage stage;
    uint64_t done;  /* bytes, of `total` */
    uint64_t total; /* bytes */
    size_t tensors_done;
    size_t tensors_total;
    const char *text; /* NULL but for OPEN and WARNING; valid during the call */
};

/* Called now and then, never from two threads at once, but not always from the same one. */
typedef void (*fletch_progress_fn)(const struct fletch_progress *progress, void *user);
/* Called often, from any of the working threads, possibly at once; true stops the work with
 * FLETCH_ERR_CANCELLED within a few milliseconds. */
typedef bool (*fletch_cancel_fn)(void *user);

/* All zero is what is recommended. Strings are borrowed for the call. */
struct fletch_options {
    size_t size; /* sizeof(struct fletch_options), or 0: no member behind `user` is set */
    const char *family; /* NULL or "auto": config.json decides */
    const char *prefix; /* "state_dict.model": the model's tensors are those below that name
                           and lose it; "" or ".": the names as they are; NULL: where most
                           of the names that the family knows are */
    /* Ends with NULL: "KEY=VALUE" each, as if config.json said so; NULL: none. A key is one
     * of metadata.json's for the model, or config.json's own, dotted
     * ("num_attention_heads", "vision_config.num_attention_heads"). */
    const char *const *set;
    const char *codec; /* NULL: "zstd", or the first that this build has; "none" */
    int level;         /* 0: the codec's default */
    enum fletch_precision precision;
    enum fletch_overflow overflow;
    bool require_exact; /* any rounding or overflow is an error that names the tensors */
    bool allow_missing; /* go on where tensors are missing that the model cannot do without:
                            metadata.json lists them */
    bool keep_heads;    /* heads that the family leaves out, as a reranker's classifier, are
                            rows under their own names */
    bool skip_verify;   /* do not read back and compare: faster, proves nothing */
    bool skip_tokenizer; /* text models: no tokenizer/ folder */
    bool certify;        /* also sha256 of every source file and source tensor */
    bool force;          /* keep foreign files in the output folder and go on; those with
                            names of ours are replaced */
    unsigned threads;    /* 0: as many as the process may use */
    uint64_t memory;     /* bytes for buffers; 0: what the default pieces need */
    fletch_progress_fn progress; /* may be NULL */
    fletch_cancel_fn cancel;     /* may be NULL */
    void *user;                  /* handed to both */
    /* since 1 to here */
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
    size_t left_out;        /* tensors of the checkpoint without a row */
    size_t missing;         /* tensors that the model cannot do without and the checkpoint
                               does not have: only with allow_missing */
    uint64_t parameters;    /* elements of all rows */
    uint64_t source_bytes;  /* of the converted tensors, as the checkpoint holds them */
    uint64_t stored_bytes;  /* of all rows as cast, before compression */
    uint64_t written_bytes; /* of weights.parquet */
    double seconds;         /* wall time, verification included */
    bool verified;          /* false only with skip_verify */
    bool passed;            /* verified, and the whole of a model: nothing is missing */
    struct fletch_result_rows *rows; /* for fletch_result_row_at */
    uint64_t reserved[8];
};

/* What the cast of a row did to its values. */
struct fletch_cast {
    bool exact; /* every value came through unchanged: what follows is 0, but for nan */
    uint64_t rounded;        /* finite values that changed and stayed finite */
    uint64_t flushed;        /* values other than 0 that became 0 */
    uint64_t subnormal;      /* normal values that are subnormal now, changed or not */
    uint64_t overflowed;     /* finite values that became infinite or the largest */
    uint64_t nan;            /* NaN in the source */
    uint64_t beyond_float16; /* of a row that stayed float32 for their sake */
    double absolute_error;   /* the largest of the values that stayed finite */
    double relative_error;
    uint64_t reserved[4];
};

/* A row of the file as it was written. */
struct fletch_result_row {
    const char *name;         /* of the row */
    const char *tensor;       /* its source in the checkpoint */
    const char *taken;        /* "rows 0 to 8 of 24", "transposed": what of it; NULL: all */
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

/* Converts the model in the folder (or single file) `model` into the folder `out_dir`,
 * which is made with its parents. The output appears complete or not at all; an earlier
 * conversion there stays whole until then. NOT_FOUND, FORMAT, UNSUPPORTED and FAMILY speak
 * of the model, ARGUMENT of the options or of an output folder that holds other files,
 * VERIFY of a proof that failed: in every case nothing is published. `result` must be
 * released on success. */
FLETCH_API enum fletch_status fletch_convert(struct fletch_result *result,
                                             const char *model, const char *out_dir,
                                             const struct fletch_options *options,
                                             struct fletch_error *err);
/* The i-th row, in the file's order; its strings and shape live until the release. False
 * past the last. */
FLETCH_API bool fletch_result_row_at(struct fletch_result_row *out,
                                     const struct fletch_result *result, size_t i);
FLETCH_API void fletch_result_release(struct fletch_result *result);

/* For a program that must end at once, while its conversion is in a call that cannot be
 * interrupted (decoding a whole page of gzip takes seconds): removes what this process has
 * staged for `out_dir`, from another thread. That conversion can no longer publish anything
 * and will fail, so the caller exits next. Not once the progress callback has been told
 * FLETCH_STAGE_PUBLISH, the last chance to cancel: the output may be in its place by then.
 */
FLETCH_API void fletch_abandon(const char *out_dir);

/* ---- Plan: what a conversion would do, with no tensor byte read ---- */

struct fletch_plan_row {
    const char *name;         /* of the row */
    const char *tensor;       /* its source in the checkpoint */
    const char *source_dtype; /* "torch.float32" */
    const char *dtype;        /* stored as; float16 may still become float32 on overflow */
    const uint64_t *shape;    /* [rank] */
    unsigned rank;
    uint64_t count;       /* elements */
    uint64_t source_size; /* bytes in the checkpoint */
    uint64_t size;        /* bytes when stored, before compression */
    const char *mask;     /* of a pruned weight: the mask that it is multiplied by; NULL */
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
    const char *dialect;    /* "openai-whisper": whose names the tensors had; NULL:
                               transformers' own. Static */
    const char *prefix; /* "state_dict.model": what was in front of the model's names, and
                           was taken away; NULL: nothing */
    size_t rows, left_out, files;
    size_t missing; /* only with allow_missing */
    uint64_t parameters;
    uint64_t source_bytes; /* of the rows' tensors */
    uint64_t stored_bytes; /* of all rows, before compression */
    /* Of weights.parquet: an estimate from the codec and the dtypes. */
    uint64_t predicted_bytes;
    uint64_t reserved[8];
};

struct fletch_plan;

/* Fails with what a conversion would fail with before it reads a tensor, in the same words:
 * the faults of config.json and of the tokenizer and a memory budget that is too small are
 * among it; the output folder is not looked at. */
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
/* The i-th warning that a conversion would give before it reads a tensor, one line. NULL
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

/* Which family a model belongs to, from config.json, modules.json, its name, its tensors'
 * names, in that order. FLETCH_ERR_FAMILY when none fits. */
FLETCH_API enum fletch_status fletch_detect(struct fletch_detection *out, const char *model,
                                            struct fletch_error *err);

/* ---- What is at a path ---- */

enum fletch_path_kind {
    FLETCH_PATH_NONE = 0,          /* nothing, or a link that leads nowhere */
    FLETCH_PATH_CONVERTED,         /* a folder with a weights.parquet: a table */
    FLETCH_PATH_PARQUET,           /* a file that begins as Parquet does: a table */
    FLETCH_PATH_CHECKPOINT_FOLDER, /* any other folder: fletch_checkpoint_open lists what
                                      lies in it, or says that it is no checkpoint */
    FLETCH_PATH_CHECKPOINT_FILE    /* any other file: the same */
};

/* What to open a path with. A file is known by its first bytes, whatever its name; nothing
 * else is read. IO when the system does not let it be looked at; MEMORY. */
FLETCH_API enum fletch_status fletch_path_look(enum fletch_path_kind *out, const char *path,
                                               struct fletch_error *err);

/* ---- Checkpoints: list the tensors of a folder or a file ----
 *
 * Where a file holds more than a model, as one of a training run does, the model's tensors
 * are listed, under the names that the model has for them. */

struct fletch_tensor_info {
    const char *name;      /* UTF-8 */
    const char *dtype;     /* "torch.bfloat16" */
    const uint64_t *shape; /* [rank] */
    unsigned rank;
    uint64_t count;   /* elements */
    uint64_t size;    /* bytes */
    const char *file; /* which file of the checkpoint, relative */
    uint64_t offset;  /* of the first byte, from the start of that file */
    /* [rank], how many elements apart neighbours lie along each dimension; NULL: one after
     * the other. What is converted is always in order. */
    const uint64_t *strides;
    bool big_endian; /* most significant byte first */
    uint64_t reserved[4];
};

struct fletch_checkpoint;

/* Of the options, which may be NULL, family and prefix are used: whose names tell what in
 * the file is the model, or which part it is; cancel and user are kept for reading. */
FLETCH_API enum fletch_status fletch_checkpoint_open(struct fletch_checkpoint **out,
                                                     const char *path,
                                                     const struct fletch_options *options,
                                                     struct fletch_error *err);
FLETCH_API void fletch_checkpoint_close(struct fletch_checkpoint *checkpoint);
FLETCH_API size_t fletch_checkpoint_count(const struct fletch_checkpoint *checkpoint);
/* False past the last. Tensors come in natural order of their names. */
FLETCH_API bool fletch_checkpoint_at(struct fletch_tensor_info *out,
                                     const struct fletch_checkpoint *checkpoint, size_t i);
/* `size` bytes of the i-th tensor from its byte `begin` on, into out[size]: elements of its
 * own dtype, one after the other, outermost dimension first, little-endian, however the
 * file holds them. A tensor may be read in pieces of any size and in any order; begin and
 * size must lie within its bytes, else it is ARGUMENT. No checksum of the file is looked
 * at. Any number of threads may read from one checkpoint at once.
 *
 * NOT_FOUND past the last tensor; IO when the file has shrunk; FORMAT, UNSUPPORTED and
 * CANCELLED where a compressed member must be unpacked first (into an unlinked temporary
 * file, within docs/security.md's limits); MEMORY. out[] is undefined then. */
FLETCH_API enum fletch_status
fletch_checkpoint_read(void *out, size_t size, const struct fletch_checkpoint *checkpoint,
                       size_t i, uint64_t begin, struct fletch_error *err);
/* "safetensors". Static. */
FLETCH_API const char *fletch_checkpoint_format(const struct fletch_checkpoint *checkpoint);
/* "openai-clip": the project in whose words the tensors are named, when it is another than
 * transformers and known; else NULL. Static. */
FLETCH_API const char *
fletch_checkpoint_dialect(const struct fletch_checkpoint *checkpoint);
/* "state_dict.model": what was in front of all names; "" for nothing. */
FLETCH_API const char *fletch_checkpoint_prefix(const struct fletch_checkpoint *checkpoint);
/* The i-th thing that people should know of it, one line: what was passed over and why,
 * what a pickle wanted to call. NULL past the last. */
FLETCH_API const char *fletch_checkpoint_note(const struct fletch_checkpoint *checkpoint,
                                              size_t i);
/* The name of the i-th tensor that is there beside the model's, as an optimizer's are. NULL
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
    uint64_t compressed_size; /* bytes of its page in the file, header included; 0 when not
                                 known */
    const void *data; /* [size], NULL until read; valid until the next read or close */
    bool mapped;      /* data lies in the mapped file: valid until close */
    bool estimated;   /* size is what dtype and shape need, as long as it was not read: in
                         another writer's file only the page may tell */
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
/* The index of the row of that name; FLETCH_ERR_NOT_FOUND. */
FLETCH_API enum fletch_status fletch_table_find(size_t *out,
                                                const struct fletch_table *table,
                                                const char *name, struct fletch_error *err);
/* From now on values that are stored plainly (codec none) are not copied: a row's `data`
 * then points into a mapping of the file, is read only and valid until close, and the CRC
 * is checked when a value is first read. Other values are read as before; row.mapped tells.
 *
 * A file that somebody cuts shorter while it is mapped kills the program with SIGBUS when
 * it looks at what is gone, which is why this must be asked for. fletch itself never cuts
 * or overwrites what it has published: a new conversion replaces the file, and the mapping
 * keeps the old one. FLETCH_ERR_IO when the file is shorter already. */
FLETCH_API enum fletch_status fletch_table_map(struct fletch_table *table,
                                               struct fletch_error *err);
/* The i-th row with its value, its page's CRC checked. Values of files that fletch wrote
 * are aligned to 64 bytes, mapped ones of at most 1024 bytes to 8, which every element type
 * takes; in files of other writers, mapped ones are wherever they lie.
 * Once the table's buffers have grown to the largest value, no allocation is made. */
FLETCH_API enum fletch_status fletch_table_read(struct fletch_row *out,
                                                struct fletch_table *table, size_t i,
                                                struct fletch_error *err);

/* Memory for a value: `size` bytes, at least 1; NULL: there is none. */
typedef void *(*fletch_memory_fn)(size_t size, void *user);
/* As fletch_table_read, but the value is the caller's: `get` is called, at most once and by
 * the same thread, for a little more memory than the value, and row.data lies in it,
 * aligned to 64 bytes, for as long as the caller keeps it. Not called for what is
 * row.mapped. Decompressed in its place wherever the file has the value in a page of its
 * own; else copied. What `get` gave is the caller's after a failure too. */
FLETCH_API enum fletch_status fletch_table_read_into(struct fletch_row *out,
                                                     struct fletch_table *table, size_t i,
                                                     fletch_memory_fn get, void *user,
                                                     struct fletch_error *err);
/* `size` bytes of the i-th row's value from its byte `begin` on, into out[size]; ARGUMENT
 * when they are not within it. Of a value that is stored plainly nothing else is read; of
 * others what is in front is decompressed too, what is behind is not. The page's CRC is
 * checked only where the part is all of it. */
FLETCH_API enum fletch_status fletch_table_read_part(void *out, size_t size,
                                                     struct fletch_table *table, size_t i,
                                                     uint64_t begin,
                                                     struct fletch_error *err);
/* Another table on the same open file, for another thread: it shares what was read of it,
 * and its map if there is one. `table` must be closed last; it may be in use meanwhile. */
FLETCH_API enum fletch_status fletch_table_share(struct fletch_table **out,
                                                 const struct fletch_table *table,
                                                 struct fletch_error *err);

/* ---- Verify ---- */

struct fletch_verification {
    size_t rows;
    uint64_t parameters;
    uint64_t compared_bytes; /* against the source; 0 without one */
    size_t hashes;           /* row hashes of metadata.json that were checked */
    size_t crcs; /* rows whose page has a CRC, which was right; other writers often leave
                      them out */
    size_t
        missing;   /* tensors that metadata.json lists as missing: the model is not whole */
    bool compared; /* values were held against hashes or a source; false: nothing is known
                      of them, and FLETCH_STAGE_WARNING has said so */
    uint64_t reserved[8];
};

/* Proves a converted folder, or its weights.parquet with the metadata.json that may be
 * beside it. Without `source` (NULL): structure, page CRCs, every row against metadata.json
 * and its sha256, and the tokenizer that it names is there. Folders of other tools may lack
 * those lists: then `compared` is false. With it, also everything that a conversion proves:
 * the plan and the casts are redone from the checkpoint and every value compared.
 * FLETCH_ERR_VERIFY names the row and the element. Of the options, family, prefix, set,
 * threads and the callbacks are used. */
FLETCH_API enum fletch_status fletch_verify(struct fletch_verification *out,
                                            const char *out_dir, const char *source,
                                            const struct fletch_options *options,
                                            struct fletch_error *err);

#ifdef __cplusplus
}
#endif

#endif
