#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""convert.py MODEL FOLDER - converts a model, and says what became of it"""
import sys

import fletch


def main(model: str, folder: str) -> int:
    try:
        result = fletch.convert(model, folder, progress=True)
    except fletch.Error as failure:
        print(f"convert.py: {failure} ({failure.status})", file=sys.stderr)
        return 1
    largest = max(result.rows, key=lambda row: row.cast.relative_error)
    print(f"{result.tensors} tensors of a {result.family} model in {result.weights_path}")
    print(f"{result.source_bytes / result.written_bytes:.2f}x smaller")
    print(f"relative error at most {largest.cast.relative_error:.1e}, in {largest.name}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert.py MODEL FOLDER")
    sys.exit(main(*sys.argv[1:]))
