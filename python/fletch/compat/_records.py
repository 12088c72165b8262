# SPDX-License-Identifier: MIT
"""What a ModelConverter is told, and what it gives back: the fields of old, in their order."""
from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

_PATHS = ("output_dir", "parquet_path", "tokenizer_path", "metadata_path")


@dataclasses.dataclass
class ConversionConfig:
    """How models are converted.

    compression: "zstd", "lz4", "snappy", "gzip", or "none" or None for no compression.
    compression_level: of zstd, 1 to 22; the other codecs pass it over.
    use_float16: floating tensors become float16.
    extract_tokenizer: text models get a tokenizer folder.
    validate_output: read back and compare with the checkpoint; what differs is a failure.

    Nothing is checked before a conversion: what makes no sense is its result's error_message.
    """

    compression: str | None = "zstd"
    compression_level: int = 3
    use_float16: bool = True
    extract_tokenizer: bool = True
    validate_output: bool = True


@dataclasses.dataclass
class ConversionResult:
    """What became of a conversion.

    file_size_mb: of weights.parquet, in units of 2**20 bytes.
    compression_ratio: the size of the converted tensors in the checkpoint over the file's.
    conversion_time_sec: proof included.
    validation_passed: False also where it was not asked for.
    error_message: None where it succeeded.
    metadata: metadata.json, parsed.
    """

    success: bool
    model_name: str
    output_dir: pathlib.Path
    parquet_path: pathlib.Path | None = None
    tokenizer_path: pathlib.Path | None = None
    metadata_path: pathlib.Path | None = None
    total_parameters: int = 0
    file_size_mb: float = 0.0
    compression_ratio: float = 0.0
    conversion_time_sec: float = 0.0
    validation_passed: bool = False
    error_message: str | None = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The fields in plain types: paths are strings, or None where there is none."""
        plain = dataclasses.asdict(self)
        for name in _PATHS:
            plain[name] = None if plain[name] is None else str(plain[name])
        return plain

    def to_json(self) -> str:
        """The same as text, with an indent of 2."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ConversionResult:
        """What to_dict gave; `data` stays as it is. TypeError for keys that are unknown, and
        where one of success, model_name and output_dir is missing."""
        paths = {name: pathlib.Path(data[name]) for name in _PATHS if data.get(name) is not None}
        return cls(**{**data, **paths})
