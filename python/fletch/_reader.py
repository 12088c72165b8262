# SPDX-License-Identifier: MIT
"""Reading what was written: safe_open in safetensors' place, load_file, tables.

numpy is loaded when an array of its is asked for, every other framework when it is named.
"""
from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence

from . import _fletch
from ._errors import ArgumentError, FormatError, TensorNotFoundError, UnsupportedError, system

# Whether a type checker reads this: typing takes longer to load than all of fletch.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ._api import Path

    Wanted = str | tuple[str, slice]
    Plan = str | Sequence[Wanted] | Mapping[str, slice | None]

# No more threads than that without being asked: they wait for memory, not for each other.
_THREADS = 8
_THREADS_MAX = 1024  # as the library's own limit

# What safetensors calls the types.
SHORT = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64",
          "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8",
          "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL", "complex64": "C64",
          "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
          "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ"}


# ---- Frameworks: tensors of ours into arrays of theirs ----


def _load(module: str) -> Any:
    import importlib

    return importlib.import_module(module)


def _as_is(device: Any) -> Callable[[_fletch.Tensor], Any]:
    return lambda tensor: tensor


def _extended(name: str) -> Any:
    """A type that numpy has not got by itself."""
    try:
        ml_dtypes = _load("ml_dtypes")
    except ImportError:
        raise UnsupportedError(f"numpy has no {name}: install ml_dtypes, or ask for framework "
                               "\"torch\", or None for fletch's own tensors") from None
    return getattr(ml_dtypes, name)


def _numpy(device: Any) -> Callable[[_fletch.Tensor], Any]:
    import numpy

    def give(tensor: _fletch.Tensor) -> Any:
        try:
            return numpy.asarray(memoryview(tensor))
        except BufferError:
            dtype = _extended(tensor.dtype)
            return numpy.asarray(tensor.view(f"uint{8 * tensor.itemsize}")).view(dtype)
    return give


def _torch(device: Any) -> Callable[[_fletch.Tensor], Any]:
    torch = _load("torch")

    def give(tensor: _fletch.Tensor) -> Any:
        array = torch.from_dlpack(tensor.contiguous())
        return array if device in (None, "cpu") else array.to(device)
    return give


def _jax(device: Any) -> Callable[[_fletch.Tensor], Any]:
    jax = _load("jax")

    def give(tensor: _fletch.Tensor) -> Any:
        array = jax.numpy.from_dlpack(tensor.contiguous())
        return array if device in (None, "cpu") else jax.device_put(array, device)
    return give


def _mlx(device: Any) -> Callable[[_fletch.Tensor], Any]:
    mlx = _load("mlx.core")

    def give(tensor: _fletch.Tensor) -> Any:
        if tensor.dtype != "bfloat16":
            return mlx.array(memoryview(tensor.contiguous()))
        bits = mlx.array(memoryview(tensor.contiguous().view("uint16")))
        return bits.view(mlx.bfloat16)
    return give


def _tensorflow(device: Any) -> Callable[[_fletch.Tensor], Any]:
    tensorflow = _load("tensorflow")

    arrays = _numpy(None)

    def give(tensor: _fletch.Tensor) -> Any:
        with tensorflow.device(device or "cpu"):
            return tensorflow.convert_to_tensor(arrays(tensor))
    return give


_FRAMEWORKS = {
    None: _as_is, "fletch": _as_is, "numpy": _numpy, "np": _numpy, "torch": _torch,
    "pt": _torch, "pytorch": _torch, "jax": _jax, "flax": _jax, "mlx": _mlx,
    "tensorflow": _tensorflow, "tf": _tensorflow,
}


def _giver(framework: str | None, device: Any) -> Callable[[_fletch.Tensor], Any]:
    if not isinstance(framework, (str, type(None))):
        raise TypeError(f"framework must be a str or None, not {framework!r}")
    if framework not in _FRAMEWORKS:
        names = ", ".join(name for name in _FRAMEWORKS if name)
        raise ArgumentError(f"framework: {framework!r} is not known, expected one of {names}")
    make = _FRAMEWORKS[framework]
    if make in (_as_is, _numpy) and device is not None and str(device) != "cpu":
        raise ArgumentError(f"device: {framework or 'fletch'} has arrays in the processor's "
                            f"memory alone, not in {device!r}")
    return make(device)


# ---- What is wanted of a file ----


def _span(part: slice | None, shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """Rows along the first dimension; (-1, -1): all, which is how they are read whole."""
    if part is None or part == slice(None):
        return -1, -1
    if not isinstance(part, slice):
        raise TypeError(f"include, plan: the part of {name!r} must be a slice, not {part!r}")
    if not shape:
        raise ArgumentError(f"{name!r}: has no dimension to take a slice of")
    start, stop, step = part.indices(shape[0])
    if step != 1:
        raise ArgumentError(f"{name!r}: rows are read ahead one after the other, not in "
                            f"steps of {step}")
    return start, max(start, stop)


def _pairs(wanted: Plan) -> list[tuple[str, slice | None]]:
    if isinstance(wanted, str):
        return [(wanted, None)]
    if isinstance(wanted, Mapping):
        return list(wanted.items())
    if not isinstance(wanted, Sequence):
        raise TypeError("include, plan: expected names, globs, (name, slice) pairs or a "
                        f"mapping of names to slices, not {wanted!r}")
    pairs: list[tuple[str, slice | None]] = []
    for one in wanted:
        if isinstance(one, tuple) and len(one) == 2:
            pairs.append(one)
        else:
            pairs.append((one, None))
    return pairs


def _threads(threads: int | None) -> int:
    if threads is None:
        return min(_THREADS, len(os.sched_getaffinity(0)))
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads must be an integer, not {threads!r}")
    if not 1 <= operator.index(threads) <= _THREADS_MAX:
        raise ArgumentError(f"threads: {threads} is out of range, 1 to {_THREADS_MAX}")
    return operator.index(threads)


class _Row:
    __slots__ = ("index", "dtype", "shape", "nbytes", "stored", "estimated", "span", "told")

    def __init__(self, index: int, dtype: str, shape: tuple[int, ...], nbytes: int,
                 stored: int, estimated: bool) -> None:
        self.index = index
        self.dtype = dtype
        self.shape = shape
        self.nbytes = nbytes
        self.stored = stored
        self.estimated = estimated
        self.span: tuple[int, int] = (-1, -1)
        # whether `dtype` is what the values are of, not only what they are labelled
        self.told = not estimated


class safe_open(Mapping):  # type: ignore[type-arg]
    """Open a converted folder, or its weights.parquet, as safetensors.safe_open does a file.

    path: the folder or the file. framework: whose arrays to give: "numpy" ("np"), "torch"
    ("pt", "pytorch"), "jax" ("flax"), "tensorflow" ("tf"), "mlx"; None: fletch.Tensor, which
    any of them takes by DLPack and Python by the buffer protocol. Nothing but what is named
    is imported. device: where that framework is to put them.

    include: only these tensors are there: a name, a glob ("encoder.layer.0.*"), a list of
    them and of (name, slice of the first dimension) pairs, or a mapping of names to slices;
    of those with a slice, only that part is there. plan: what will be asked for, in the same
    words, without hiding anything. What either names is read at once, in the order of the
    file, by as many `threads` (by default as many as the process may use, up to 8), while
    the caller goes on; whoever asks for a tensor that is not there yet waits for it. Nothing
    else is read. plan=() reads nothing ahead of what `include` names.

    mmap: tensors of a file without compression lie in the mapped file, read only, and are
    not copied. Not for disks of the network, nor where somebody may cut the file shorter.
    numpy knows that they are read only; torch cannot, and a program that writes into one of
    those ends there.

    A tensor lives as long as it is used, however long ago the file was closed. What it
    raises is below fletch.Error; TensorNotFoundError is a KeyError.
    """

    def __init__(self, path: Path, framework: str | None = "numpy", device: Any = "cpu", *,
                 include: Plan | None = None, plan: Plan | None = None,
                 threads: int | None = None, mmap: bool = False) -> None:
        self._give = _giver(framework, device)
        self._threads = _threads(threads)
        if not isinstance(mmap, bool):
            raise TypeError(f"mmap must be a bool, not {mmap!r}")
        self._table = _fletch.open_table(path, mmap)
        self._mmap = mmap
        self.path = os.fspath(path)
        # of now: the program may go to another folder
        beside = os.path.abspath(os.fsdecode(self.path))
        self._folder = beside if os.path.isdir(beside) else os.path.dirname(beside)
        self._rows = {row[0]: _Row(i, *row[1:]) for i, row in enumerate(self._table.rows())}
        # (row, begin, end) -> where it is in what is being fetched
        self._ahead: dict[tuple[int, int, int], int] = {}
        self._fetch: _fletch.Fetch | None = None
        spans: list[tuple[int, int, int]] = []
        if include is not None:
            chosen: dict[str, _Row] = {}
            for name, span in self._choose(include):
                row = chosen.setdefault(name, self._rows[name])
                if span[0] >= 0 <= row.span[0] and span != row.span:
                    raise ArgumentError(f"include: {name!r}: rows {row.span[0]} to {row.span[1]} "
                                        f"and rows {span[0]} to {span[1]}, expected one part")
                row.span = span
            self._rows = {name: row for name, row in self._rows.items() if name in chosen}
            spans = [self._key(row, *row.span) for row in self._rows.values()]
        if plan is not None:
            spans = [self._key(self._rows[name], *span) for name, span in self._choose(plan)]
        if spans:
            spans = sorted(set(spans))
            self._ahead = {span: i for i, span in enumerate(spans)}
            self._fetch = self._table.fetch(spans, self._threads)

    def _choose(self, wanted: Plan) -> Iterator[tuple[str, tuple[int, int]]]:
        from fnmatch import fnmatchcase

        for pattern, part in _pairs(wanted):
            if not isinstance(pattern, str):
                raise TypeError(f"include, plan: a name must be a str, not {pattern!r}")
            names = [pattern] if pattern in self._rows else [
                name for name in self._rows if fnmatchcase(name, pattern)]
            if not names:
                raise self._missing(pattern)
            for name in names:
                row = self._rows[name]
                yield name, _span(part, row.shape, name)

    def _missing(self, name: object) -> TensorNotFoundError:
        shown = os.fsdecode(self.path)
        return TensorNotFoundError(f"{shown}: has no row '{name}'", self.path, str(name))

    def _row(self, name: object) -> _Row:
        try:
            return self._rows[name]  # type: ignore[index]
        except (KeyError, TypeError):
            raise self._missing(name) from None

    def _key(self, row: _Row, begin: int, end: int) -> tuple[int, int, int]:
        """What is read for a part: all, of what is mapped, or where only the page tells how
        wide an element is."""
        if self._mmap or row.estimated:
            return row.index, -1, -1
        return row.index, begin, end

    def _read(self, row: _Row, begin: int, end: int) -> _fletch.Tensor:
        """Rows begin to end of all of it; (-1, -1): all."""
        key = self._key(row, begin, end)
        fetch, at = self._fetch, self._ahead.pop(key, None)
        if fetch is None or at is None:
            tensor = self._table.read(*key)
        else:
            tensor = fetch.take(at)
        if not row.told:
            row.dtype, row.told = tensor.dtype, True
        return self._part(tensor, (begin, end), key)

    @staticmethod
    def _part(tensor: _fletch.Tensor, span: tuple[int, int],
              key: tuple[int, int, int]) -> _fletch.Tensor:
        return tensor[slice(*span)] if span[0] >= 0 > key[1] else tensor

    # ---- As safetensors has it ----

    def keys(self) -> list[str]:  # type: ignore[override]
        """The names, in the order of the file."""
        return list(self._rows)

    def offset_keys(self) -> list[str]:
        """The names, in the order in which the values lie in the file: the same."""
        return list(self._rows)

    def metadata(self) -> dict[str, str]:
        """What metadata.json says, each of its values as text: strings as they are, others as
        JSON; and "format": "pt", which the loaders of safetensors look for."""
        import json

        found = {key: value if isinstance(value, str) else json.dumps(value)
                 for key, value in self.info().items()}
        return {"format": "pt", **found}

    def info(self) -> dict[str, Any]:
        """metadata.json, beside the file: {} where there is none."""
        import json

        path = os.path.join(self._folder, "metadata.json")
        if not os.path.lexists(path):
            return {}
        try:
            with system(path), open(path, encoding="utf-8") as file:
                found = json.load(file)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path}: not JSON: {error}", path) from None
        if not isinstance(found, dict):
            raise FormatError(f"{path}: holds {found!r:.40}, expected an object", path)
        return found

    def get_tensor(self, name: str) -> Any:
        """A tensor, as an array of the framework's, the caller's own. KeyError."""
        return self._give(self.raw(name))

    def get_tensors(self) -> dict[str, Any]:
        """All tensors by name, read by several threads."""
        ahead = sorted({key for row in self._rows.values()
                        if (key := self._key(row, *row.span)) not in self._ahead})
        fetch = self._table.fetch(ahead, self._threads) if ahead else None
        at = {key: i for i, key in enumerate(ahead)}
        found = {}
        for name, row in self._rows.items():
            key = self._key(row, *row.span)
            if fetch is None or key not in at:
                found[name] = self.get_tensor(name)
            else:
                found[name] = self._give(self._part(fetch.take(at[key]), row.span, key))
        return found

    def get_slice(self, name: str) -> TensorSlice:
        """A tensor of which parts are read when they are asked for: get_slice(name)[:16]."""
        return TensorSlice(self, self._row(name), name)

    def raw(self, name: str) -> _fletch.Tensor:
        """A tensor as fletch's own, whatever the framework."""
        row = self._row(name)
        return self._read(row, *row.span)

    def facts(self, name: str) -> tuple[str, tuple[int, ...]]:
        """The element type, "float16", and the shape of a tensor; read only where the file
        tells nothing else of how wide its elements are."""
        row = self._row(name)
        if not row.told:
            self.raw(name)
        begin, end = row.span
        return row.dtype, row.shape if begin < 0 else (end - begin, *row.shape[1:])

    def to_safetensors(self, path: Path) -> None:
        """Write the tensors, as they are, to one file of safetensors, with metadata() in its
        header. It appears whole or not at all; one tensor at a time is in memory."""
        from ._saver import to_safetensors

        to_safetensors(self, path)

    def table(self) -> Table:
        """The rows as a table, for whoever takes Arrow's streams: pyarrow.table(f.table()),
        polars.DataFrame(f.table()), a query of DuckDB's. Its own object, since a mapping is
        taken for columns by their names."""
        return Table(self._table, [row.index for row in self._rows.values()])

    # ---- A mapping ----

    def __getitem__(self, name: str) -> Any:
        return self.get_tensor(name)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<fletch.safe_open {os.fsdecode(self.path)!r}: {len(self)} tensors>"

    # One is itself alone: a mapping would read all of both to compare them.

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle an open file: open it in each process, by its path")

    # ---- The file ----

    def close(self) -> None:
        """Close it; what was given stays. What is still being read ahead is dropped."""
        self._fetch = None
        self._ahead = {}
        self._table.close()

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()


class Table:
    """What safe_open.table gives: the columns layer_name, shape, dtype, data and num_params as
    a stream of Arrow's, a batch for each row. A value is read when its batch is asked for, by
    several streams independently, and not copied. Reading goes on when the file is closed,
    of a stream that was made before."""

    def __init__(self, table: _fletch.Table, rows: list[int]) -> None:
        self._table = table
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __arrow_c_schema__(self) -> object:
        return self._table.schema()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.stream(self._rows)


class TensorSlice:
    """What get_slice gives: a tensor's shape and type, and parts of it by indices."""

    def __init__(self, of: safe_open, row: _Row, name: str) -> None:
        self._of = of
        self._row = row
        self._name = name
        begin, end = row.span
        self._shape = row.shape if begin < 0 else (end - begin, *row.shape[1:])

    def __repr__(self) -> str:
        return f"<fletch.TensorSlice {self._name!r} {self._row.dtype} {self.get_shape()}>"

    def get_shape(self) -> list[int]:
        """Elements, outermost first."""
        return list(self._shape)

    def get_dtype(self) -> str:
        """The element type as safetensors has it: "F16". Read as safe_open.facts does."""
        dtype, _ = self._of.facts(self._name)
        return SHORT.get(dtype, dtype)

    def __getitem__(self, index: Any) -> Any:
        """numbers, slices and ...; of the file, only the rows that the first one needs, where
        they can be read alone: all that is in front of them is decompressed too."""
        rest = index if isinstance(index, tuple) else (index,)
        first: Any = rest[0] if rest else slice(None)
        offset = max(self._row.span[0], 0)
        begin = end = -1
        if self._shape and isinstance(first, slice):
            picked = range(self._shape[0])[first]
            begin, end = (min(picked), max(picked) + 1) if picked else (0, 0)
            first = slice(*_within(picked, begin))
        elif self._shape and hasattr(first, "__index__"):
            at, rows = operator.index(first), self._shape[0]
            if not -rows <= at < rows:
                raise IndexError(f"{self._name!r}: index {at} is out of range for dimension 0 "
                                 f"of {rows}")
            begin, end, first = at % rows, at % rows + 1, 0
        if (begin, end) == (0, self._shape[0] if self._shape else 0) and offset == 0:
            begin = end = -1
        if begin >= 0:
            tensor = self._of._read(self._row, begin + offset, end + offset)
        else:
            tensor = self._of._read(self._row, *self._row.span)
        if rest:
            tensor = tensor[(first, *rest[1:])]
        return self._of._give(tensor)


def _within(picked: range, begin: int) -> tuple[int | None, int | None, int]:
    """The same picks of what begins at `begin`."""
    if not picked:
        return 0, 0, 1
    start, stop = picked.start - begin, picked.stop - begin
    return start, None if stop < 0 else stop, picked.step


def load_file(path: Path, device: Any = "cpu", *, framework: str | None = "numpy",
              include: Plan | None = None, threads: int | None = None,
              mmap: bool = False) -> dict[str, Any]:
    """All tensors of a converted folder or its weights.parquet, or those that `include`
    names, by name. See safe_open for the arguments; they are read by several threads."""
    with safe_open(path, framework, device, include=include, threads=threads,
                   mmap=mmap) as file:
        return file.get_tensors()
