# SPDX-License-Identifier: MIT
"""What long work has to say while it runs: progress to whoever wants it, and warnings."""
from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._errors import FletchWarning


class Progress(NamedTuple):
    """How far a conversion or a proof is.

    stage: "open" (the model was recognised, `text` says as what), "write" or "verify".
    done, total: bytes of the source, once to be written and once to be compared.
    """

    stage: str
    done: int
    total: int
    tensors_done: int
    tensors_total: int
    text: str | None


Follow = Callable[[str, int, int, int, int, "str | None"], None]


def _user_level() -> int:
    """The stacklevel of the first frame outside this package, for warnings."""
    level, frame = 2, sys._getframe(1)
    here = __name__.rpartition(".")[0]
    while frame is not None and (frame.f_globals.get("__name__", "") + ".").startswith(here + "."):
        frame = frame.f_back  # type: ignore[assignment]
        level += 1
    return level - 1


class _Bar:
    """Of tqdm's where it is installed, else a line of our own; on stderr."""

    def __init__(self) -> None:
        self.stage = ""
        self.bar: Any = None

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in (self.stage, "open") and progress.total:
            self.close()
            self.stage = progress.stage
            self.bar = _new_bar(progress)
        if self.bar is not None:
            self.bar.update(progress.done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class _Line:
    """What tqdm is used for, where there is none."""

    def __init__(self, total: int, desc: str) -> None:
        self.n = 0
        self.total = total
        self.desc = desc
        self.shown = -1
        self.terminal = sys.stderr.isatty()

    def update(self, more: int) -> None:
        self.n += more
        percent = 100 * self.n // self.total
        if self.terminal and percent != self.shown:
            self.shown = percent
            filled = "#" * (percent * 40 // 100)
            sys.stderr.write(f"\r{self.desc:<6} {percent:3d}% [{filled:-<40}]")
            sys.stderr.flush()

    def close(self) -> None:
        if self.terminal and self.shown >= 0:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _new_bar(progress: Progress) -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return _Line(progress.total, progress.stage)
    return tqdm(total=progress.total, desc=progress.stage, unit="B", unit_scale=True,
                unit_divisor=1024, leave=False)


@contextlib.contextmanager
def follower(progress: Callable[[Progress], object] | bool | None) -> Iterator[Follow]:
    """What the extension calls, for the `progress` that a user gave."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(f"progress must be callable or a bool, not {type(progress)!r}")
    # a daemon or a program without a console has no stderr: nothing is shown
    bar = _Bar() if progress is True and sys.stderr is not None else None
    told = bar if bar else None if isinstance(progress, bool) else progress

    def follow(stage: str, done: int, total: int, tensors_done: int, tensors_total: int,
               text: str | None) -> None:
        if stage == "warning":
            warnings.warn(text or "", FletchWarning, stacklevel=_user_level())
        elif told is not None:
            told(Progress(stage, done, total, tensors_done, tensors_total, text))

    try:
        yield follow
    finally:
        if bar:
            bar.close()
