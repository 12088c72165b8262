# SPDX-License-Identifier: MIT
"""The tensors of any input format, as a mapping; numpy is loaded when an array is asked for."""
from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _fletch
from ._errors import TensorNotFoundError, UnsupportedError

if TYPE_CHECKING:
    import numpy
    from typing_extensions import Buffer

    from ._api import Path

# What numpy itself has; the others are ml_dtypes' where that is installed.
_NUMPY = frozenset(("float16", "float32", "float64", "complex64", "complex128", "bool", "int8",
                    "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"))


def numpy_dtype(name: str) -> Any:
    """The numpy dtype of that name. UnsupportedError where there is none."""
    import numpy

    if name in _NUMPY:
        return numpy.dtype(name)
    try:
        import ml_dtypes  # type: ignore[import-not-found, unused-ignore]

        return numpy.dtype(getattr(ml_dtypes, name))
    except (ImportError, AttributeError, TypeError):
        raise UnsupportedError(f"numpy has no {name}: install ml_dtypes, or use read(), "
                               "which gives the bytes") from None


class CheckpointTensor:
    """A tensor of an open checkpoint. Nothing of its values is read before it is asked for.

    dtype: "float32", "bfloat16", ...; shape: in elements, outermost first; count: elements;
    nbytes: bytes; file: which file of the checkpoint, and offset: from its start, in bytes;
    strides: how many elements apart neighbours lie in the file along each dimension, None
    where they lie one after the other; big_endian: how the file has them.
    """

    __slots__ = ("_of", "_index", "name", "dtype", "shape", "count", "nbytes", "file",
                 "offset", "strides", "big_endian")

    def __init__(self, of: _fletch.Checkpoint, index: int, name: str, dtype: str,
                 shape: tuple[int, ...], count: int, nbytes: int, file: str, offset: int,
                 strides: tuple[int, ...] | None, big_endian: bool) -> None:
        self._of = of
        self._index = index
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.count = count
        self.nbytes = nbytes
        self.file = file
        self.offset = offset
        self.strides = strides
        self.big_endian = big_endian

    def __repr__(self) -> str:
        return f"<CheckpointTensor {self.name!r} {self.dtype} {list(self.shape)}>"

    def read(self, begin: int = 0, size: int | None = None) -> bytes:
        """`size` bytes from byte `begin` on, or all that follow: elements one after the
        other, outermost dimension first, little-endian, however the file holds them."""
        if size is None:
            size = max(self.nbytes - operator.index(begin), 0)
        return self._of.read(self._index, begin, size)

    def readinto(self, buffer: Buffer, begin: int = 0) -> None:
        """Fill a writable buffer with the bytes from `begin` on."""
        self._of.readinto(self._index, begin, buffer)

    def numpy(self) -> numpy.ndarray[Any, Any]:
        """A new array."""
        import numpy

        array = numpy.empty(self.shape, numpy_dtype(self.dtype))
        if array.size:
            self._of.readinto(self._index, 0, array.reshape(-1).view(numpy.uint8))
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError("an array of a tensor in a file is always a copy")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.numpy().__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU


class Checkpoint(Mapping[str, CheckpointTensor]):
    """An open checkpoint: names to tensors, in natural order of the names.

    path: as it was given; format: "safetensors", ...; dialect: in whose words the tensors
    are named, where it is another project than transformers; prefix: what was in front of
    all names; notes: what people should know of it; rest: names of tensors that are there
    beside the model's, as an optimizer's are.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._open = _fletch.Checkpoint(path, options)
        self.path = os.fspath(path)
        self._tensors = {row[0]: CheckpointTensor(self._open, i, *row)
                         for i, row in enumerate(self._open.tensors())}
        self.format, self.dialect, self.prefix, notes, rest = self._open.about()
        self.notes = tuple(notes)
        self.rest = tuple(rest)

    def __getitem__(self, name: str) -> CheckpointTensor:
        try:
            return self._tensors[name]
        except KeyError:
            raise TensorNotFoundError(f"{os.fsdecode(self.path)}: no tensor {name!r}",
                                      self.path, str(name)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"<Checkpoint {os.fsdecode(self.path)!r}: {self.format}, {len(self)} tensors>"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def close(self) -> None:
        """Close its files; tensors can no longer be read."""
        self._open.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
