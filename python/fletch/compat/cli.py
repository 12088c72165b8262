# SPDX-License-Identifier: MIT
"""python -m fletch.compat.cli convert: the flags and the words of the old command."""
from __future__ import annotations

import argparse
import sys

from . import ConversionConfig, ConversionResult, ModelConverter, terminal

_RULE = "=" * 60


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fletch.compat.cli",
                                     description="Convert models to Parquet.")
    convert = parser.add_subparsers(dest="command").add_parser(
        "convert", help="convert a model", description="Convert a model to Parquet.")
    add = convert.add_argument
    add("--model", "-m", required=True, help="folder, or name of the hub")
    add("--output", "-o", required=True, help="folder to write")
    add("--model-type", "-t", default="sentence-transformers",
        choices=["sentence-transformers", "transformers"], help="(default %(default)s)")
    add("--compression", "-c", default="lz4", choices=["lz4", "snappy", "gzip", "zstd", "none"],
        help="(default %(default)s)")
    add("--float16", action="store_true", help="floating tensors become float16 (default)")
    add("--no-float16", action="store_true", help="they stay float32")
    add("--no-tokenizer", action="store_true", help="no tokenizer folder")
    add("--validate", action="store_true", help="read back and compare (default)")
    add("--no-validate", action="store_true", help="do not")
    add("--json", action="store_true", help="the result as JSON on stdout")
    add("--verbose", "-v", action="store_true", help="log more")
    return parser


def _switch(args: argparse.Namespace, name: str) -> bool:
    """One of two switches: on, where both or neither was given."""
    on, off = getattr(args, name), getattr(args, f"no_{name}")
    if on and off:
        terminal.log.warning("both --%s and --no-%s: --%s wins", name, name, name)
    return on or not off


def _succeeded(result: ConversionResult) -> list[str]:
    validation = ["", "✓ Validation: PASSED"] if result.validation_passed else []
    files = [("Weights", result.parquet_path), ("Tokenizer", result.tokenizer_path),
             ("Metadata", result.metadata_path)]
    return ["", _RULE, "✅ CONVERSION SUCCESSFUL", _RULE,
            f"Model: {result.model_name}", f"Output: {result.output_dir}", "",
            "📊 Statistics:", f"  • Total parameters: {result.total_parameters:,}",
            f"  • File size: {result.file_size_mb:.2f} MB",
            f"  • Compression ratio: {result.compression_ratio:.2f}x",
            f"  • Conversion time: {result.conversion_time_sec:.2f}s", *validation, "",
            "📁 Output files:",
            *(f"  • {label}: {path}" for label, path in files if path is not None), _RULE]


def _convert(args: argparse.Namespace) -> int:
    config = ConversionConfig(
        compression=None if args.compression == "none" else args.compression,
        use_float16=_switch(args, "float16"), extract_tokenizer=not args.no_tokenizer,
        validate_output=_switch(args, "validate"))
    result = ModelConverter(config).convert(args.model, args.output, args.model_type)
    if args.json:
        terminal.say(result.to_json())
    elif result.success:
        terminal.say(*_succeeded(result))
    else:
        terminal.say("", _RULE, "❌ CONVERSION FAILED", _RULE, f"Model: {result.model_name}",
                     f"Output: {result.output_dir}", f"Error: {result.error_message}", _RULE)
    return 0 if result.success else 1


def main(arguments: list[str] | None = None) -> int:
    """The exit status; `arguments` are the command line's without the program."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 1
    return terminal.run(lambda: _convert(args), args.verbose)


if __name__ == "__main__":
    sys.exit(main())
