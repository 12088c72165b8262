# SPDX-License-Identifier: MIT
"""Tensors in memory into a converted folder, and a folder into safetensors.

The library converts files: what is saved goes through a safetensors file beside the output.
"""
from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from ._errors import ArgumentError, Error, UnsupportedError, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO

    from ._api import Path
    from ._reader import safe_open
    from ._results import Result

# What does not lie in order is copied in parts of at most so many bytes, where it has parts.
_COPY = 16 << 20

# Bytes of an element, for those of safetensors' types that tensors in memory have.
_SIZES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2,
          "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1,
          "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1}

# What the buffer protocol calls them; of "l" and "L" the width decides.
_FORMATS = {"f": "F32", "e": "F16", "d": "F64", "q": "I64", "i": "I32", "h": "I16", "b": "I8",
            "B": "U8", "c": "U8", "H": "U16", "I": "U32", "Q": "U64", "?": "BOOL",
            "Zf": "C64"}

# What frameworks call them, whose buffers and capsules do not say.
_NAMES = {"bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
          "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
          "float8_e5m2fnuz": "F8_E5M2FNUZ"}


# ---- Tensors of any kind as bytes ----


def _format(view: memoryview, name: str) -> str:
    code = view.format.lstrip("@=<") if view.itemsize > 1 else view.format[-1:]
    if code in ("l", "L", "n", "N"):
        code = {("l", 4): "i", ("n", 4): "i", ("L", 4): "I", ("N", 4): "I"}.get(
            (code, view.itemsize), "q" if code in "ln" else "Q")
    if code not in _FORMATS or _SIZES[_FORMATS[code]] != view.itemsize:
        raise UnsupportedError(f"tensor '{name}': elements of format {view.format!r}, expected "
                               "numbers of at most 8 bytes, or bools")
    return _FORMATS[code]


def _narrow(value: Any, name: str) -> tuple[str, memoryview] | None:
    """A tensor of a type that only frameworks know, as integers."""
    kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
    short = _NAMES.get(kind)
    if short is None:
        return None
    bits = f"uint{8 * _SIZES[short]}"
    if type(value).__module__.partition(".")[0] == "torch":
        import importlib

        # integers of any sort: older releases of torch have signed ones alone
        value = value.view(getattr(importlib.import_module("torch"), bits[1:])).numpy()
    else:
        value = value.view(bits)
    return short, memoryview(value)


def _take(value: Any, name: str) -> tuple[str, memoryview]:
    """The type and the elements of what has the buffer protocol or DLPack."""
    try:
        return _elements(value, name)
    except Error:
        raise
    except (BufferError, NotImplementedError, ValueError) as error:
        # what libraries say of dates, sparse or quantized tensors, of none on a device
        raise UnsupportedError(f"tensor '{name}': {error}") from error


def _elements(value: Any, name: str) -> tuple[str, memoryview]:
    if hasattr(value, "detach"):  # torch's: neither gradients nor other devices, nor lazy bits
        value = value.detach().cpu().resolve_conj().resolve_neg()
    found = _narrow(value, name)
    if found is None:
        try:
            view = memoryview(value)
        except TypeError:
            if not hasattr(value, "__dlpack__"):
                raise TypeError(f"tensor '{name}': neither the buffer protocol nor DLPack, of "
                                f"{type(value)!r}") from None
            import numpy

            view = memoryview(numpy.from_dlpack(value))  # type: ignore[arg-type, unused-ignore]
        if view.format[:1] in (">", "!"):
            raise UnsupportedError(f"tensor '{name}': its most significant byte comes first, "
                                   "expected the least: .astype(dtype.newbyteorder('<'))")
        found = _format(view, name), view
    return found


def _pieces(view: memoryview) -> Iterator[memoryview | bytes]:
    """Its bytes in order, outermost dimension first."""
    if view.c_contiguous:
        yield view
    elif view.shape and view.ndim > 1 and view.nbytes > _COPY and view.shape[0] > 1:
        import numpy

        for part in numpy.asarray(view):
            yield from _pieces(memoryview(part))
    else:
        yield view.tobytes()


# ---- A safetensors file ----


def _write(file: BinaryIO, listed: list[tuple[str, str, tuple[int, ...], int]],
           metadata: dict[str, str] | None, contents: Iterable[Any]) -> None:
    import json

    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, short, shape, size in listed:
        header[name] = {"dtype": short, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for content in contents:
        for piece in content:
            file.write(piece)


def _aligned(item: tuple[str, str]) -> tuple[int, str]:
    """The widest first, as safetensors itself sorts: so all are aligned."""
    name, short = item
    return -_SIZES.get(short, 1), name


def _publish(path: str, write: Callable[[BinaryIO], object]) -> None:
    """A file that appears whole or not at all."""
    beside = os.path.join(os.path.dirname(os.path.abspath(path)),
                          f".fletch-save-{os.urandom(8).hex()}")
    with system(path):
        file = open(beside, "xb")
        try:
            with file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise


def to_safetensors(source: safe_open, path: Path) -> None:
    """See safe_open.to_safetensors."""
    from ._reader import SHORT

    facts = {name: source.facts(name) for name in source.keys()}
    listed = []
    for name, short in sorted(((name, SHORT[dtype]) for name, (dtype, _) in facts.items()),
                              key=_aligned):
        shape, size = facts[name][1], _SIZES[short]
        for length in shape:
            size *= length
        listed.append((name, short, shape, size))

    def contents() -> Iterator[Any]:
        for name, *_ in listed:
            tensor = source.raw(name)
            yield _pieces(memoryview(tensor.view(f"uint{8 * tensor.itemsize}")))

    metadata = source.metadata()
    _publish(os.fsdecode(path), lambda file: _write(file, listed, metadata, contents()))


# ---- Into a converted folder ----


def save_file(tensors: Mapping[str, Any], path: Path, *, compression: str | None = None,
              compression_level: int | None = None, exact: bool = True,
              force: bool = False, threads: int | None = None) -> None:
    """Save tensors, by name, as a converted folder; or where `path` ends with ".parquet", as
    that one file.

    tensors: numpy's and torch's, or anything with the buffer protocol or DLPack, in any
    layout. Types that the layout has not are widened to one that it has: bfloat16 and
    float8 become float32, int16 int32, which changes no value. exact: what no type holds
    exactly, as most of float64, is an error (UnsupportedError); False rounds it to float32.
    compression, compression_level, force, threads: see convert.

    On the way the tensors are written to a file of safetensors beside `path`, which takes
    their room on the disk once and is removed in any case.
    """
    import shutil
    import tempfile

    if not isinstance(tensors, Mapping):
        raise TypeError(f"tensors must be a mapping of names to tensors, not {type(tensors)!r}")
    if not isinstance(exact, bool):
        raise TypeError(f"exact must be a bool, not {exact!r}")
    taken = {}
    for name, value in tensors.items():
        _check_name(name)
        taken[name] = _take(value, name)
    if not taken:
        raise ArgumentError("there are no tensors to save")
    order = sorted(((name, short) for name, (short, _) in taken.items()), key=_aligned)
    listed = [(name, short, tuple(taken[name][1].shape or ()), taken[name][1].nbytes)
              for name, short in order]
    if not os.fsdecode(path):
        raise ArgumentError("the output folder's name is empty")
    out = os.path.abspath(os.fsdecode(path))
    alone = out.endswith(".parquet")
    with system(os.path.dirname(out)):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        work = tempfile.mkdtemp(prefix=".fletch-save-", dir=os.path.dirname(out))
    try:
        source = os.path.join(work, "model.safetensors")
        with system(path), open(source, "wb") as file:
            _write(file, listed, None, (_pieces(taken[name][1]) for name, _ in order))
        into = os.path.join(work, "out") if alone else out
        _convert(source, into, path, compression=compression, require_exact=exact,
                 compression_level=compression_level, force=force, threads=threads)
        if alone:
            with system(path):
                os.replace(os.path.join(into, "weights.parquet"), out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a tensor's name must be a str, not {name!r}")
    if name == "__metadata__" or "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
        raise ArgumentError(f"tensor {name!r}: no such name can be written: it is '__metadata__', "
                            "or has a NUL or half of a surrogate pair in it")


def _convert(source: str, into: str, path: Path, **options: Any) -> None:
    """The file on the way into the folder; neither errors nor metadata.json name that file."""
    from ._api import convert

    try:
        result = convert(source, into, type="any", prefix=".", float16=False, **options)
    except Error as error:
        said = error.message.removeprefix(f"{source}: ")
        if options["require_exact"] and "would not be exact" in said:
            said += "; exact=False rounds them"
        raise type(error)(said, path, error.tensor) from None
    mend_metadata(result, {**result.metadata, "model_name": os.fsdecode(path)})


def mend_metadata(result: Result, metadata: dict[str, Any]) -> None:
    """Another metadata.json in the folder that was written, whole or not at all. Where another
    conversion has taken the folder's place meanwhile, it is left alone."""
    import json

    text = json.dumps(metadata, indent=2).encode()
    beside = f".fletch-{os.urandom(8).hex()}"  # which other conversions know as ours
    try:
        folder = os.open(os.path.dirname(result.metadata_path), os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return

    def within(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666, dir_fd=folder)

    try:
        with open("metadata.json", "rb", opener=within) as found:
            if json.load(found) != result.metadata:
                return
        try:
            with open(beside, "xb", opener=within) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, "metadata.json", src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)
            raise
    except FileNotFoundError:
        pass
    finally:
        os.close(folder)
