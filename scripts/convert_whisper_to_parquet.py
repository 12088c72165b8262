#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""convert_whisper_to_parquet.py --output DIR - deprecated: convert_model.py --type whisper"""
import sys

from fletch.compat import terminal

terminal.deprecated("convert_whisper_to_parquet.py", "whisper")


def main() -> int:
    return terminal.convert_deprecated(
        "whisper", "Whisper", "openai/whisper-base",
        "Convert a Whisper model's encoder to Parquet. Deprecated, and removed in "
        f"{terminal.REMOVED_IN}: use scripts/convert_model.py --type whisper.")


if __name__ == "__main__":
    sys.exit(main())
