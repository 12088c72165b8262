#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""convert_model.py --model MODEL --output DIR - the old script's flags, over fletch.compat

New pipelines call `fletch convert` or fletch.convert; docs/migration.md has each flag's
counterpart there.
"""
import argparse
import sys

from fletch.compat import terminal

TYPES = ["auto", "bert", "clip", "whisper", "sentence-transformers", "transformers"]


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Convert a model to Parquet.")
    add = parser.add_argument
    add("--model", required=True, help="folder, or name of the hub")
    add("--output", required=True, help="folder to write")
    add("--type", default="auto", choices=TYPES, help="what the model is (default %(default)s)")
    add("--float16", dest="float16", action="store_true", default=True,
        help="floating tensors become float16 (default)")
    add("--no-float16", dest="float16", action="store_false", help="they stay float32")
    add("--no-validate", action="store_true", help="do not read back and compare")
    add("--no-tokenizer", action="store_true", help="no tokenizer folder")
    add("--compression", default="zstd", choices=["zstd", "lz4", "snappy", "gzip"],
        help="(default %(default)s)")
    add("--compression-level", type=int, default=3, help="zstd 1 to 22 (default %(default)s)")
    add("--verbose", action="store_true", help="log more")
    return parser


def main() -> int:
    args = parser().parse_args()
    return terminal.run(lambda: terminal.convert_model(args), args.verbose)


if __name__ == "__main__":
    sys.exit(main())
