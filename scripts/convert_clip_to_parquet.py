#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""convert_clip_to_parquet.py --output DIR - deprecated: convert_model.py --type clip"""
import sys

from fletch.compat import terminal

terminal.deprecated("convert_clip_to_parquet.py", "clip")


def main() -> int:
    return terminal.convert_deprecated(
        "clip", "CLIP", "openai/clip-vit-base-patch32",
        "Convert a CLIP model's vision tower to Parquet. Deprecated, and removed in "
        f"{terminal.REMOVED_IN}: use scripts/convert_model.py --type clip.")


if __name__ == "__main__":
    sys.exit(main())
