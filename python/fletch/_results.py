# SPDX-License-Identifier: MIT
"""What the calls give back: plain data, frozen, that can be pickled and printed."""
from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any


@dataclasses.dataclass(frozen=True)
class Cast:
    """What the cast of a row did to its values: numbers of them, and the largest errors."""

    exact: bool
    rounded: int
    flushed: int
    subnormal: int
    overflowed: int
    nan: int
    beyond_float16: int
    absolute_error: float
    relative_error: float


@dataclasses.dataclass(frozen=True)
class ResultRow:
    """A row of the file as it was written; sizes in bytes, `count` in elements."""

    name: str
    tensor: str
    taken: str | None
    source_dtype: str
    dtype: str
    shape: tuple[int, ...]
    count: int
    source_size: int
    size: int
    compressed_size: int
    cast: Cast
    sha256: str
    source_sha256: str | None


@dataclasses.dataclass(frozen=True)
class Result:
    """What a conversion wrote. `rows` is what `weights_path` holds, in its order."""

    family: str
    weights_path: str
    metadata_path: str
    tokenizer_path: str | None
    metadata_json: str = dataclasses.field(repr=False)
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    tensors: int
    left_out: int
    missing: int
    parameters: int
    source_bytes: int
    stored_bytes: int
    written_bytes: int
    seconds: float
    verified: bool
    passed: bool
    rows: tuple[ResultRow, ...] = dataclasses.field(repr=False)

    @functools.cached_property
    def metadata(self) -> dict[str, Any]:
        """metadata.json, parsed."""
        parsed: dict[str, Any] = json.loads(self.metadata_json)
        return parsed

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain types, `metadata` parsed."""
        plain = dataclasses.asdict(self)
        plain["metadata"] = json.loads(plain.pop("metadata_json"))
        return plain

    def to_json(self) -> str:
        """The same as text, with an indent of 2."""
        return json.dumps(self.to_dict(), indent=2)


def result(found: dict[str, Any]) -> Result:
    """From the dict that the extension makes."""
    rows = tuple(ResultRow(**{**row, "cast": Cast(**row["cast"])}) for row in found["rows"])
    return Result(**{**found, "rows": rows, "warnings": tuple(found["warnings"]),
                     "notes": tuple(found["notes"])})
