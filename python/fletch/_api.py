# SPDX-License-Identifier: MIT
"""Converting, planning, proving: one keyword for each option of the command.

None is everywhere what the command does without the option.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _fletch, _results
from ._progress import Progress, follower
from ._results import Codec, Detection, Family, Plan, Result, Verification

if TYPE_CHECKING:
    from ._checkpoint import Checkpoint

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Settings = Mapping[str, Any] | Sequence[str]


def _settings(value: Settings | None) -> list[str] | None:
    """"KEY=VALUE" each, from a mapping or a list of such."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return [f"{key}={_setting(item)}" for key, item in value.items()]
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"set must be a mapping or a list of 'KEY=VALUE', not {type(value)!r}")
    for item in value:
        if not isinstance(item, str):
            raise TypeError(f"set: each must be a str, 'KEY=VALUE', not {item!r}")
    return list(value)


def _setting(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _size(value: int | str | None) -> int | None:
    """Bytes, from a number or as the command takes it: "96M", "1GiB"."""
    if not isinstance(value, str):
        return value
    from ._errors import ArgumentError

    digits = value.rstrip("KMGTkmgtiIbB")
    unit = value[len(digits):].lower().removesuffix("b").removesuffix("i")
    fine = digits.isascii() and digits.isdigit() and len(digits) < 20
    if not fine or unit not in ("", "k", "m", "g", "t"):
        raise ArgumentError(f"memory: {value!r} is no size such as 96M or 1G")
    return int(digits) << 10 * (" kmgt".index(unit) if unit else 0)


def _log(notes: tuple[str, ...]) -> None:
    if notes:
        import logging

        for note in notes:
            logging.getLogger("fletch").info("%s", note)


def convert(
    model: Path,
    out: Path,
    *,
    type: str | None = None,
    prefix: str | None = None,
    set: Settings | None = None,
    float16: bool = True,
    compression: str | None = None,
    compression_level: int | None = None,
    on_overflow: str | None = None,
    require_exact: bool = False,
    allow_missing: bool = False,
    keep_heads: bool = False,
    validate: bool = True,
    tokenizer: bool = True,
    certify: bool = False,
    force: bool = False,
    paranoid: bool = False,
    threads: int | None = None,
    memory: int | str | None = None,
    progress: Callable[[Progress], object] | bool | None = None,
) -> Result:
    """Convert the model in a folder, or a weights file, into the folder `out`.

    `out` appears complete, read back and compared with the checkpoint, or not at all; an
    earlier conversion there stays whole until then. An exception, Ctrl-C among them, leaves
    nothing behind.

    model: a checkpoint's folder, or one weights file.
    out: the folder to write, made with its parents.
    type: what the model is; None: config.json decides.
    prefix: the model's tensors are those whose names begin with it and a dot, and lose both;
        ".": names as they are; None: what the families know most of.
    set: what config.json says, or would say: {"num_attention_heads": 12}.
    float16: floating tensors become float16; else float32 and float16 stay, bfloat16 and
        float64 become float32.
    compression: "zstd" (when None), "lz4", "snappy", "gzip" or "none".
    compression_level: the codec's level; None: its default.
    on_overflow: "keep" (when None), "inf" or "error", for values beyond float16.
    require_exact: any rounding is an error that names the tensors.
    allow_missing: go on where tensors are missing that the model cannot do without.
    keep_heads: heads that are left out otherwise are rows.
    validate: read back and compare.
    tokenizer: text models get a tokenizer folder.
    certify: metadata.json has the sha256 of every source file and source tensor.
    force: write into a folder that holds files of somebody else.
    paranoid: read back with the codec's library alone, not with fletch's own decoder.
    threads: how many; None: as many as the process may use.
    memory: for buffers, in bytes or as "96M"; None: what the work needs.
    progress: called with a Progress now and then, in this thread; True shows a bar on
        stderr. An exception that it raises stops the conversion.

    Warnings are FletchWarning's by the module warnings; one that is made an error stops the
    conversion. Notes go to the logger "fletch", level INFO. Raises a fletch.Error; TypeError
    for arguments of a wrong type.
    """
    options = dict(
        type=type, prefix=prefix, set=_settings(set), float16=float16,
        compression=compression, compression_level=compression_level,
        on_overflow=on_overflow, require_exact=require_exact, allow_missing=allow_missing,
        keep_heads=keep_heads, validate=validate, tokenizer=tokenizer, certify=certify,
        force=force, paranoid=paranoid, threads=threads, memory=_size(memory))
    with follower(progress) as follow:
        result = _results.result(_fletch.convert(model, out, options, follow))
    _log(result.notes)
    return result


def plan(
    model: Path,
    *,
    type: str | None = None,
    prefix: str | None = None,
    set: Settings | None = None,
    float16: bool = True,
    compression: str | None = None,
    compression_level: int | None = None,
    allow_missing: bool = False,
    keep_heads: bool = False,
    tokenizer: bool = True,
    memory: int | str | None = None,
) -> Plan:
    """What a conversion would do, with no tensor read: see convert for the keywords.

    Raises what a conversion would raise before it reads a tensor.
    """
    options = dict(
        type=type, prefix=prefix, set=_settings(set), float16=float16,
        compression=compression, compression_level=compression_level,
        allow_missing=allow_missing, keep_heads=keep_heads, tokenizer=tokenizer,
        memory=_size(memory))
    return _results.plan(_fletch.plan(model, options))


def verify(
    path: Path,
    *,
    source: Path | None = None,
    type: str | None = None,
    prefix: str | None = None,
    set: Settings | None = None,
    paranoid: bool = False,
    threads: int | None = None,
    progress: Callable[[Progress], object] | bool | None = None,
) -> Verification:
    """Prove a converted folder, or the weights.parquet in it; VerifyError if it fails.

    Structure, the CRC of every page that has one, every row against metadata.json and its
    sha256. With the checkpoint that it was made from as `source`, every cast is redone too
    and every value compared. The other keywords are convert's.
    """
    options = dict(type=type, prefix=prefix, set=_settings(set), paranoid=paranoid,
                   threads=threads)
    with follower(progress) as follow:
        return _results.Verification(**_fletch.verify(path, source, options, follow))


def detect(model: Path) -> Detection:
    """Which family a model belongs to, and what decided; FamilyError when none fits."""
    return _results.Detection(*_fletch.detect(model))


def open_checkpoint(path: Path, *, type: str | None = None,
                    prefix: str | None = None) -> Checkpoint:
    """Open a checkpoint of any input format, a folder or a file, as a mapping of its tensors.

    `type` and `prefix` tell what in the file is the model: see convert. It is a context
    manager; until it is closed, any number of threads may read from it.
    """
    from ._checkpoint import Checkpoint

    return Checkpoint(path, dict(type=type, prefix=prefix))


def families() -> tuple[Family, ...]:
    """The kinds of models that are known."""
    return tuple(_results.Family(name, title, tuple(types))
                 for name, title, types in _fletch.families())


def codecs() -> tuple[Codec, ...]:
    """How values can be compressed, and whether this build does."""
    return tuple(_results.Codec(*codec) for codec in _fletch.codecs())
