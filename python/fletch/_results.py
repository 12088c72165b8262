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


@dataclasses.dataclass(frozen=True)
class PlanRow:
    """A row that a conversion would write; float16 may still become float32 on overflow."""

    name: str
    tensor: str
    source_dtype: str
    dtype: str
    shape: tuple[int, ...]
    count: int
    source_size: int
    size: int
    mask: str | None


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A tensor of the checkpoint that gets no row, and why."""

    tensor: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a conversion would write; `predicted_bytes` is an estimate of the file's size."""

    family: str
    model_type: str
    evidence: str
    format: str
    dialect: str | None
    prefix: str | None
    files: int
    missing: int
    parameters: int
    source_bytes: int
    stored_bytes: int
    predicted_bytes: int
    rows: tuple[PlanRow, ...] = dataclasses.field(repr=False)
    left_out: tuple[LeftOut, ...] = dataclasses.field(repr=False)
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was proved. `compared`: values were held against hashes or a source."""

    rows: int
    parameters: int
    compared_bytes: int
    hashes: int
    crcs: int
    missing: int
    compared: bool


@dataclasses.dataclass(frozen=True)
class Detection:
    """Which family, the model_type of config.json or "", and the fact that decided."""

    family: str
    model_type: str
    evidence: str


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of models, and the model_types of config.json that are of it."""

    name: str
    title: str
    model_types: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Codec:
    """A way to compress; the levels are 0 where it has none."""

    name: str
    built_in: bool
    level_min: int
    level_max: int
    level_default: int


def result(found: dict[str, Any]) -> Result:
    """From the dict that the extension makes."""
    rows = tuple(ResultRow(**{**row, "cast": Cast(**row["cast"])}) for row in found["rows"])
    return Result(**{**found, "rows": rows, "warnings": tuple(found["warnings"]),
                     "notes": tuple(found["notes"])})


def plan(found: dict[str, Any]) -> Plan:
    """From the dict that the extension makes."""
    return Plan(**{**found, "rows": tuple(PlanRow(**row) for row in found["rows"]),
                   "left_out": tuple(LeftOut(*left) for left in found["left_out"]),
                   "warnings": tuple(found["warnings"]), "notes": tuple(found["notes"])})
