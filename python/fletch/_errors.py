# SPDX-License-Identifier: MIT
"""What fletch raises and warns with."""
from __future__ import annotations

# Whether a type checker reads this: typing takes longer to load than all of fletch.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Error(Exception):
    """Any failure of fletch; its text is the one line that the command prints.

    status: the kind of failure, as the command's --json says it ("not-found").
    path: what the call was about, as the caller gave it; None where no path was at fault.
    tensor: the tensor or row that the sentence names, or None.
    """

    status = "error"

    def __init__(self, message: str, path: Any = None, tensor: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.tensor = tensor

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.path, self.tensor)


class ArgumentError(Error, ValueError):
    """An option or argument that makes no sense, or an output folder of somebody else's."""

    status = "argument"


class NotFoundError(Error, FileNotFoundError):
    """A file or folder that is not there."""

    status = "not-found"

    def __init__(self, message: str, path: Any = None, tensor: str | None = None) -> None:
        super().__init__(message, path, tensor)
        self.errno = 2  # ENOENT, as any FileNotFoundError's
        self.filename = path


class TensorNotFoundError(Error, KeyError):
    """A tensor or row that is not there."""

    status = "not-found"


class FileError(Error, OSError):
    """The system refused: disk full, no permission, a file that shrank."""

    status = "io"


class FormatError(Error, ValueError):
    """Bytes that break the rules of their format."""

    status = "format"


class UnsupportedError(Error, ValueError):
    """Well formed, but beyond what fletch or this build does."""

    status = "unsupported"


class FamilyError(Error, ValueError):
    """No family fits the model, or the one that was named does not."""

    status = "family"


class VerifyError(Error):
    """What was read back differs from what the source says."""

    status = "verify"


class MemoryLimitError(Error, MemoryError):
    """An allocation failed, or the budget does not suffice."""

    status = "memory"


class CancelledError(Error):
    """The work was stopped."""

    status = "cancelled"


class FletchWarning(UserWarning):
    """What people should know of a conversion that went well."""


CLASSES = {
    kind.status: kind
    for kind in (ArgumentError, NotFoundError, FileError, FormatError, UnsupportedError,
                 FamilyError, VerifyError, MemoryLimitError, CancelledError)
}
# As users know them, and as they are pickled.
for public in (Error, TensorNotFoundError, FletchWarning, *CLASSES.values()):
    public.__module__ = "fletch"


class system:
    """With it, what the system refuses is a fletch.Error that names `path`, whichever file on
    the way there was refused."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, OSError) and not isinstance(error, Error):
            import os

            kind = NotFoundError if isinstance(error, FileNotFoundError) else FileError
            why = "is a file, expected a folder" if isinstance(error, FileExistsError) \
                else error.strerror or str(error)
            made = kind(f"{os.fsdecode(self.path)}: {why}", self.path)
            made.errno = error.errno
            raise made from error


def make(status: str, message: str, path: Any = None) -> Error:
    """The exception for a status of the library; called by the extension."""
    import re

    named = re.search(r"\b(?:tensor|row) '([^']+)'", message)
    return CLASSES.get(status, Error)(message, path, named.group(1) if named else None)
