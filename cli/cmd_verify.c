/* SPDX-License-Identifier: MIT */
/* cmd_verify.c - fletch verify: proves a converted folder */
#include "hub.h"
#include "progress.h"
#include "signals.h"
#include "report.h"

#include <stdio.h>

static void add_crcs(struct fletch_text *text,
                     const struct fletch_verification *verification)
{
    char number[FLETCH_NUMBER_CAP];

    if (verification->crcs == verification->rows)
        fletch_text_add(text, "page CRCs checked\n");
    else if (!verification->crcs)
        fletch_text_add(text, "no page has a CRC\n");
    else
        fletch_text_addf(text, "%s of them from pages with a CRC, which was checked\n",
                         fletch_text_count(number, verification->crcs));
}

static void print_text(const struct fletch_args *args,
                       const struct fletch_verification *verification)
{
    struct fletch_text text = { 0 };
    char number[FLETCH_NUMBER_CAP];

    fletch_text_add(&text, "  Output:          ");
    fletch_text_safe(&text, args->operands[0]);
    fletch_text_addf(&text, "\n  Rows:            %s, read whole, ",
                     fletch_text_count(number, verification->rows));
    add_crcs(&text, verification);
    fletch_text_addf(&text, "  Parameters:      %s\n",
                     fletch_text_count(number, verification->parameters));
    fletch_text_add(&text, "  Hashes:          ");
    if (verification->hashes)
        fletch_text_addf(&text, "%s of metadata.json checked\n",
                         fletch_text_count(number, verification->hashes));
    else
        fletch_text_add(&text, "none known\n");
    if (args->source) {
        fletch_text_addf(&text, "  Compared:        %s with ",
                         fletch_text_size(number, verification->compared_bytes));
        fletch_text_safe(&text, args->source);
        fletch_text_add(&text, "\n");
    } else {
        fletch_text_add(&text, "  Compared:        no --source was given\n");
    }
    fletch_text_addf(&text, "  Verification:    %s%s",
                     verification->missing ? "INCOMPLETE" : "PASSED",
                     verification->compared ? "" : ", but no value was compared");
    if (verification->missing)
        fletch_text_addf(&text,
                         " (%zu tensor%s missing or too short; what is there is right)",
                         verification->missing, verification->missing == 1 ? "" : "s");
    fletch_text_add(&text, "\n");
    fputs(fletch_text_string(&text), stdout);
    fletch_text_release(&text);
}

static void print_json(const struct fletch_args *args,
                       const struct fletch_verification *verification,
                       const struct fletch_error *err)
{
    struct fletch_report report = { 0 };

    fletch_report_begin(&report, NULL, '{', false);
    fletch_report_bool(&report, "success", err->status == FLETCH_OK);
    fletch_report_text(&report, "output_dir", args->operands[0]);
    fletch_report_text(&report, "source", args->source);
    fletch_report_text(&report, "status", fletch_status_name(err->status));
    fletch_report_text(&report, "error_message", err->status ? err->message : NULL);
    fletch_report_count(&report, "rows", verification->rows);
    fletch_report_count(&report, "parameters", verification->parameters);
    fletch_report_count(&report, "crcs", verification->crcs);
    fletch_report_count(&report, "hashes", verification->hashes);
    fletch_report_count(&report, "compared_bytes", verification->compared_bytes);
    fletch_report_count(&report, "missing", verification->missing);
    fletch_report_bool(&report, "values_compared", verification->compared);
    fletch_report_end(&report);
}

static int run(const struct fletch_args *args)
{
    struct fletch_options options = fletch_args_options(args);
    struct fletch_verification verification = { 0 };
    struct fletch_error err = { 0 };
    struct fletch_meter meter;
    int code = FLETCH_EXIT_DONE;

    if (!fletch_args_operand(args, NULL, "DIR"))
        return FLETCH_EXIT_MISUSED;
    fletch_signals_catch(NULL, NULL, NULL);
    fletch_meter_start(&meter, args, 0);
    options.progress = fletch_meter_progress;
    options.cancel = fletch_signals_cancel;
    options.user = &meter;
    err.status =
        fletch_verify(&verification, args->operands[0], args->source, &options, &err);
    fletch_meter_stop(&meter);
    fletch_hub_advise(&err, args->source);
    if (err.status)
        code = fletch_work_failed(&err);
    if (args->json)
        print_json(args, &verification, &err);
    else if (!err.status && !args->quiet)
        print_text(args, &verification);
    return code;
}

const struct fletch_command fletch_command_verify = {
    .name = "verify",
    .bit = FLETCH_FOR_VERIFY,
    .usage = "DIR [--source MODEL] [options]",
    .summary = "prove a converted folder, also against its checkpoint",
    .about =
        "Checks the file's structure, the CRC of every page that has one, every row "
        "against metadata.json and its sha256, and that the tokenizer is there. With "
        "--source, also redoes every cast from the "
        "checkpoint and compares every value. DIR may also be the weights.parquet in it.",
    .examples = "  fletch verify ./bert\n"
                "  fletch verify ./bert --source ./bert-base-uncased",
    .operands_max = 1,
    .run = run,
};
