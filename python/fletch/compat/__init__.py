# SPDX-License-Identifier: MIT
"""The converter that was written in Python, by its names, over fletch.

    from fletch.compat import ModelConverter, ConversionConfig

stands where `from llm_compression.tools import ModelConverter, ConversionConfig` stood;
docs/migration.md says what is different now. New code calls fletch.convert.
"""
from ._records import ConversionConfig, ConversionResult
from .model_converter import ModelConverter

__all__ = ["ConversionConfig", "ConversionResult", "ModelConverter"]
