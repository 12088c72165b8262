# SPDX-License-Identifier: MIT
"""fletch: model checkpoints into one verified Parquet file, and back into arrays.

    import fletch

    result = fletch.convert("bert-base-uncased", "bert")
    for name, tensor in fletch.open_checkpoint("bert-base-uncased").items():
        print(name, tensor.dtype, tensor.shape)

Nothing is loaded before it is used: neither numpy nor most of fletch itself.
"""
from __future__ import annotations

from . import _fletch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._api import codecs as codecs
    from ._api import convert as convert
    from ._api import detect as detect
    from ._api import families as families
    from ._api import open_checkpoint as open_checkpoint
    from ._api import plan as plan
    from ._api import verify as verify
    from ._checkpoint import Checkpoint as Checkpoint
    from ._checkpoint import CheckpointTensor as CheckpointTensor
    from ._errors import ArgumentError as ArgumentError
    from ._errors import CancelledError as CancelledError
    from ._errors import Error as Error
    from ._errors import FamilyError as FamilyError
    from ._errors import FileError as FileError
    from ._errors import FletchWarning as FletchWarning
    from ._errors import FormatError as FormatError
    from ._errors import MemoryLimitError as MemoryLimitError
    from ._errors import NotFoundError as NotFoundError
    from ._errors import TensorNotFoundError as TensorNotFoundError
    from ._errors import UnsupportedError as UnsupportedError
    from ._errors import VerifyError as VerifyError
    from ._fletch import Tensor as Tensor
    from ._progress import Progress as Progress
    from ._reader import Table as Table
    from ._reader import TensorSlice as TensorSlice
    from ._reader import load_file as load_file
    from ._reader import safe_open as safe_open
    from ._results import Cast as Cast
    from ._results import Codec as Codec
    from ._results import Detection as Detection
    from ._results import Family as Family
    from ._results import LeftOut as LeftOut
    from ._results import Plan as Plan
    from ._results import PlanRow as PlanRow
    from ._results import Result as Result
    from ._results import ResultRow as ResultRow
    from ._results import Verification as Verification
    from ._saver import save_file as save_file

__all__ = [
    "ArgumentError", "CancelledError", "Cast", "Checkpoint", "CheckpointTensor", "Codec",
    "Detection", "Error", "Family", "FamilyError", "FileError", "FletchWarning",
    "FormatError", "LeftOut", "MemoryLimitError", "NotFoundError", "Plan", "PlanRow",
    "Progress", "Result", "ResultRow", "Table", "Tensor", "TensorNotFoundError",
    "TensorSlice", "UnsupportedError", "Verification", "VerifyError", "codecs", "convert",
    "detect", "families", "load_file", "open_checkpoint", "plan", "safe_open",
    "save_file", "verify", "version",
]

__version__ = _fletch.version()

# Module -> what of it is fletch's: loaded when first asked for.
_LAZY = {
    "_api": ("codecs", "convert", "detect", "families", "open_checkpoint", "plan",
        "verify"),
    "_checkpoint": ("Checkpoint", "CheckpointTensor"),
    "_errors": ("ArgumentError", "CancelledError", "Error", "FamilyError", "FileError",
        "FletchWarning", "FormatError", "MemoryLimitError", "NotFoundError",
        "TensorNotFoundError", "UnsupportedError", "VerifyError"),
    "_fletch": ("Tensor",),
    "_progress": ("Progress",),
    "_reader": ("Table", "TensorSlice", "load_file", "safe_open"),
    "_saver": ("save_file",),
    "_results": ("Cast", "Codec", "Detection", "Family", "LeftOut", "Plan", "PlanRow",
        "Result", "ResultRow", "Verification"),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}


def version() -> str:
    """The library's version: "0.1.0"."""
    return _fletch.version()


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'fletch' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
