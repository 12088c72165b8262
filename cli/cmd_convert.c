/* SPDX-License-Identifier: MIT */
/* cmd_convert.c - fletch convert: a checkpoint becomes a folder with one Parquet file */
#include "hub.h"
#include "cast_details.h"
#include "progress.h"
#include "signals.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What was asked for and what became of it. */
struct conversion {
    const struct fletch_args *args;
    const char *model;
    struct fletch_result result; /* empty unless status is FLETCH_OK */
    struct fletch_error err;
    enum fletch_status status;
    struct timespec began;
    double seconds;
};

/* What programs know as file_size_mb was always counted so. */
static double mebibytes(uint64_t size)
{
    return (double)size / (1 << 20);
}

static double ratio(uint64_t before, uint64_t after)
{
    return after ? (double)before / (double)after : 0;
}

/* Most of it is float16 in place of float32, and what that costs is another question than
 * what a codec gains: so each is said. */
static void add_compression(struct fletch_text *text, const struct conversion *conversion)
{
    const struct fletch_result *result = &conversion->result;
    const char *codec = conversion->args->codec ? conversion->args->codec : "zstd";

    fletch_text_addf(text, "  Compression:     %.2fx (casts %.2fx, %s %.2fx)\n",
                     ratio(result->source_bytes, result->written_bytes),
                     ratio(result->source_bytes, result->stored_bytes),
                     strcmp(codec, "none") ? codec : "file",
                     ratio(result->stored_bytes, result->written_bytes));
}

static void say_configuration(const struct conversion *conversion)
{
    const struct fletch_args *args = conversion->args;
    const char *codec = args->codec ? args->codec : "zstd";
    struct fletch_codec_info info = { 0 };
    size_t i = 0;

    while (!fletch_codec_at(&info, i) && strcmp(info.name, codec) != 0)
        i++;
    fletch_say("model: %s", conversion->model);
    fletch_say("output: %s", args->output);
    fletch_say("type: %s", args->type ? args->type : "auto");
    fletch_say("float16: %s", args->keep_precision ? "no" : "yes");
    if (info.level_max)
        fletch_say("compression: %s (level %d)", codec,
                   args->level.given ? (int)args->level.value : info.level_default);
    else
        fletch_say("compression: %s", codec);
    fletch_say("validate: %s", args->skip_verify ? "no" : "yes");
    fletch_say("tokenizer: %s", args->skip_tokenizer ? "no" : "yes");
}

static void print_summary(const struct conversion *conversion)
{
    const struct fletch_result *result = &conversion->result;
    struct fletch_text text = { 0 };
    char count[FLETCH_NUMBER_CAP], size[FLETCH_NUMBER_CAP];

    fletch_text_add(&text, "  Model:           ");
    fletch_text_safe(&text, conversion->model);
    fletch_text_add(&text, "\n  Output:          ");
    fletch_text_safe(&text, conversion->args->output);
    fletch_text_addf(&text, "\n  Parameters:      %s\n",
                     fletch_text_count(count, result->parameters));
    if (result->left_out)
        fletch_text_addf(&text, "  Left out:        %s (metadata.json says why)\n",
                         fletch_text_count(count, result->left_out));
    fletch_text_addf(&text, "  File size:       %s\n",
                     fletch_text_size(size, result->written_bytes));
    add_compression(&text, conversion);
    fletch_text_addf(&text, "  Time:            %.2f seconds\n", result->seconds);
    fletch_text_addf(&text, "  Validation:      %s",
                     !result->verified ? "SKIPPED"
                     : result->missing ? "INCOMPLETE"
                                       : "PASSED");
    if (result->missing)
        fletch_text_addf(
            &text, " (%s%s tensor%s missing or too short, metadata.json lists %s)",
            result->verified ? "" : "incomplete: ",
            fletch_text_count(count, result->missing), result->missing == 1 ? "" : "s",
            result->missing == 1 ? "it" : "them");
    fletch_text_add(&text, "\n");
    fputs(fletch_text_string(&text), stdout);
    fletch_text_release(&text);
}

/* The keys of the converter that programs know, in its order, and then ours. */
static void print_json(const struct conversion *conversion)
{
    const struct fletch_result *result = &conversion->result;
    bool done = conversion->status == FLETCH_OK;
    struct fletch_report report = { 0 };

    fletch_report_begin(&report, NULL, '{', false);
    fletch_report_bool(&report, "success", done);
    fletch_report_text(&report, "model_name", conversion->model);
    fletch_report_text(&report, "output_dir", conversion->args->output);
    fletch_report_text(&report, "parquet_path", result->weights_path);
    fletch_report_text(&report, "tokenizer_path", result->tokenizer_path);
    fletch_report_text(&report, "metadata_path", result->metadata_path);
    fletch_report_count(&report, "total_parameters", result->parameters);
    fletch_report_real(&report, "file_size_mb", mebibytes(result->written_bytes));
    fletch_report_real(&report, "compression_ratio",
                       ratio(result->source_bytes, result->written_bytes));
    fletch_report_real(&report, "conversion_time_sec", conversion->seconds);
    /* what is proved of a part is not said of the model */
    fletch_report_bool(&report, "validation_passed", result->passed);
    fletch_report_text(&report, "error_message", done ? NULL : conversion->err.message);
    fletch_report_json(&report, "metadata", done ? result->metadata_json : "{}");
    fletch_report_text(&report, "fletch_version", fletch_version());
    fletch_report_text(&report, "status", fletch_status_name(conversion->status));
    fletch_report_text(&report, "family", result->family);
    fletch_report_count(&report, "tensors", result->tensors);
    fletch_report_count(&report, "left_out", result->left_out);
    fletch_report_count(&report, "missing", result->missing);
    fletch_report_bool(&report, "complete", done && !result->missing);
    fletch_report_count(&report, "source_bytes", result->source_bytes);
    fletch_report_count(&report, "stored_bytes", result->stored_bytes);
    fletch_report_count(&report, "written_bytes", result->written_bytes);
    fletch_report_begin(&report, "warnings", '[', false);
    for (size_t i = 0; i < result->warnings_count; i++)
        fletch_report_text(&report, NULL, result->warnings[i]);
    fletch_report_end(&report);
    fletch_report_begin(&report, "notes", '[', false);
    for (size_t i = 0; i < result->notes_count; i++)
        fletch_report_text(&report, NULL, result->notes[i]);
    fletch_report_end(&report);
    fletch_report_end(&report);
}

static double seconds_since(const struct timespec *began)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) +
           (double)(now.tv_nsec - began->tv_nsec) * 1e-9;
}

/* As if the library had stopped by itself; what it is filling in is left alone. */
static void report_abandoned(const void *user)
{
    const struct conversion *conversion = user;
    struct conversion ended = { .args = conversion->args,
                                .model = conversion->model,
                                .err = { FLETCH_ERR_CANCELLED, "interrupted" },
                                .status = FLETCH_ERR_CANCELLED,
                                .seconds = seconds_since(&conversion->began) };

    if (ended.args->json)
        print_json(&ended);
}

static void follow(const struct fletch_progress *progress, void *user)
{
    if (progress->stage == FLETCH_STAGE_PUBLISH)
        fletch_signals_publish();
    fletch_meter_progress(progress, user);
}

static void convert(struct conversion *conversion)
{
    const struct fletch_args *args = conversion->args;
    struct fletch_options options = fletch_args_options(args);
    struct fletch_meter meter;

    clock_gettime(CLOCK_MONOTONIC, &conversion->began);
    fletch_signals_catch(args->output, report_abandoned, conversion);
    fletch_meter_start(&meter, args, fletch_meter_write_share(args));
    options.progress = follow;
    options.cancel = fletch_signals_cancel;
    options.user = &meter;
    conversion->status = fletch_convert(&conversion->result, conversion->model,
                                        args->output, &options, &conversion->err);
    fletch_signals_end();
    fletch_meter_stop(&meter);
    conversion->seconds =
        conversion->status ? seconds_since(&conversion->began) : conversion->result.seconds;
}

static int run(const struct fletch_args *args)
{
    struct conversion conversion = { .args = args };
    int code = FLETCH_EXIT_DONE;

    conversion.model = fletch_args_operand(args, args->model, "MODEL");
    if (!conversion.model)
        return FLETCH_EXIT_MISUSED;
    if (!args->output)
        return fletch_misused(args->command,
                              "--output DIR is missing: the folder to write");
    if (!fletch_args_level_fits(args))
        return FLETCH_EXIT_MISUSED;
    if (args->verbose && !args->quiet)
        say_configuration(&conversion);
    convert(&conversion);
    for (size_t i = 0; !args->quiet && i < conversion.result.notes_count; i++)
        fletch_say("note: %s", conversion.result.notes[i]);
    fletch_hub_advise(&conversion.err, conversion.model);
    if (conversion.status)
        code = fletch_work_failed(&conversion.err);
    else if (args->verbose && !args->quiet)
        fletch_cast_details_say(&conversion.result);
    if (args->json)
        print_json(&conversion);
    else if (!conversion.status && !args->quiet)
        print_summary(&conversion);
    fletch_result_release(&conversion.result);
    return code;
}

const struct fletch_command fletch_command_convert = {
    .name = "convert",
    .bit = FLETCH_FOR_CONVERT,
    .usage = "MODEL --output DIR [options]\n--model MODEL --output DIR [options]",
    .summary = "turn a checkpoint into one verified Parquet file",
    .about =
        "Writes DIR/weights.parquet, DIR/metadata.json and, for text models, "
        "DIR/tokenizer/tokenizer.json. Everything is read back and compared with the "
        "checkpoint before it appears: DIR is complete or as it was.\n\nCompression in "
        "the summary is the size of the tensors in the checkpoint over that of the "
        "file: first what the casts gain, most often 2.00x for float16 in place of "
        "float32, then what the codec does.\n\nAn interrupt "
        "(exit code 130), a request to end (143) and a hang-up (129) stop it cleanly.",
    .examples = "  fletch convert ./bert-base-uncased -o ./bert\n"
                "  fletch convert --model ./whisper-base --output ./whisper -c lz4\n"
                "  fletch convert ./clip -o ./clip-out --no-float16 --json >result.json",
    .operands_max = 1,
    .run = run,
};
