# SPDX-License-Identifier: MIT
"""What the converter's scripts share: logs on stderr, results on stdout, exit codes.

0: converted; 1: failed, also where only stdout could not be written; 2: misused; 130:
interrupted.
"""
from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from . import ConversionConfig, ConversionResult, ModelConverter

log = logging.getLogger("fletch.compat")

REMOVED_IN = "2.0.0"


def say(*lines: str) -> None:
    """Lines of the result, after what was logged before them."""
    print(*lines, sep="\n", flush=True)


@contextlib.contextmanager
def logging_to_stderr(level: int) -> Iterator[None]:
    """Logs and warnings in the old format, for as long as a script runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s - fletch - %(levelname)s - %(message)s",
                                           "%Y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(level)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest, **named: log.warning("%s", message)
        try:
            yield
        finally:
            log.removeHandler(handler)


def run(work: Callable[[], int], verbose: bool = False) -> int:
    """The exit status of a script whose work this is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape" if sys.stdout.encoding == "utf-8"
                               else "backslashreplace")
    with logging_to_stderr(logging.DEBUG if verbose else logging.INFO):
        try:
            return work()
        except KeyboardInterrupt:
            log.error("interrupted: the output is as it was")
            return 130
        except OSError as error:
            # Conversions raise none, so it is stdout's, which is not tried again at the end.
            log.error("stdout: %s", error.strerror)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 1


# ---- scripts/convert_model.py ----


def _fields(result: ConversionResult) -> list[tuple[str, str]]:
    """What each summary says of a conversion."""
    return [("Model", result.model_name), ("Output", str(result.output_dir)),
            ("Parameters", f"{result.total_parameters:,}"),
            ("File size", f"{result.file_size_mb:.2f} MB"),
            ("Compression", f"{result.compression_ratio:.2f}x"),
            ("Time", f"{result.conversion_time_sec:.2f} seconds"),
            ("Validation", "PASSED" if result.validation_passed else "SKIPPED")]


def convert_model(args: argparse.Namespace) -> int:
    """One model, with the flags of convert_model.py."""
    rule = "=" * 70
    say(rule, "  ArrowEngine Model Converter",
        "  Convert HuggingFace models to optimized Arrow/Parquet format", rule, "")
    config = ConversionConfig(
        compression=args.compression, compression_level=args.compression_level,
        use_float16=args.float16, extract_tokenizer=not args.no_tokenizer,
        validate_output=not args.no_validate)
    for line in ("Configuration:", f"  Model: {args.model}", f"  Output: {args.output}",
                 f"  Type: {args.type}", f"  Float16: {config.use_float16}",
                 f"  Compression: {config.compression} (level {config.compression_level})",
                 f"  Validate: {config.validate_output}",
                 f"  Extract tokenizer: {config.extract_tokenizer}"):
        log.info("%s", line)
    say("")
    log.info("Starting conversion of %s...", args.model)
    say("")
    result = ModelConverter(config).convert(args.model, args.output, args.type)
    if not result.success:
        return _failed(result)
    say("", rule, "  Conversion Summary", rule,
        *(f"  {label + ':':<16} {text}" for label, text in _fields(result)), rule, "",
        "✅ SUCCESS: Model converted successfully", "Next steps:",
        f"  1. Look at it:      fletch show {args.output}",
        f"  2. Prove it again:  fletch verify {args.output} --source {args.model}",
        f"  3. Use its weights: fletch.load_file({str(args.output)!r}) in Python", "")
    return 0


def _failed(result: ConversionResult) -> int:
    log.error("❌ FAILED: Model conversion failed")
    log.error("Error: %s", result.error_message)
    print("Troubleshooting:",
          "  1. Is the model a folder with config.json and its weights, or a name of the hub?",
          "  2. What would be done, and what is missing: fletch plan MODEL",
          "  3. Where the type cannot be told: --type",
          "  4. What each message means: docs/inputs.md", sep="\n", file=sys.stderr)
    return 1


# ---- The deprecated scripts ----


def deprecated(script: str, kind: str) -> None:
    """What such a script says when it is loaded, whatever comes then."""
    instead = f"use scripts/convert_model.py --type {kind} instead"
    print(f"⚠️  DEPRECATION WARNING: This script is deprecated and will be removed in "
          f"{REMOVED_IN}: {instead}.", file=sys.stderr, flush=True)
    warnings.warn(f"{script} is deprecated and will be removed in {REMOVED_IN}: {instead}",
                  DeprecationWarning, stacklevel=2)


def convert_deprecated(kind: str, title: str, model: str, description: str) -> int:
    """One model, with the flags that both of them had."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default=model, help="folder, or name of the hub (%(default)s)")
    parser.add_argument("--output", required=True, help="folder to write")
    parser.add_argument("--validate", action="store_true", help="read back and compare")
    args = parser.parse_args()
    return run(lambda: _convert_deprecated(args, kind, title))


def _convert_deprecated(args: Any, kind: str, title: str) -> int:
    config = ConversionConfig(compression_level=1, validate_output=args.validate)
    result = ModelConverter(config).convert(args.model, args.output, kind)
    if not result.success:
        log.error("FAILED: %s", result.error_message)
        return 1
    shown = ("Model", "Output", "Parameters", "File size", "Time",
             *(["Validation"] if args.validate else []))
    rule = "=" * 60
    say(rule, "Conversion Summary:",
        *(f"  {label}: {text}" for label, text in _fields(result) if label in shown), rule,
        f"SUCCESS: {title} model converted to Parquet format")
    return 0
